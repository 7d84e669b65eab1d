/* SPDX-License-Identifier: Apache-2.0 */
/* Reading WebP: RGB, or RGBA when the file has alpha. A moving picture is refused rather than taken
 * for its first frame, which may be a corner of the whole. */
#include "inside.h"

#include <webp/decode.h>

static const char *reason(VP8StatusCode code)
{
    switch (code) {
    case VP8_STATUS_OUT_OF_MEMORY:
        return "no memory to decode it";
    case VP8_STATUS_UNSUPPORTED_FEATURE:
        return "it uses a feature that cannot be read";
    case VP8_STATUS_NOT_ENOUGH_DATA:
    case VP8_STATUS_SUSPENDED:
        return "the file ends early";
    default:
        return "the file is damaged";
    }
}

omn_status webp_read(omn_call *c, const uint8_t *bytes, size_t size, omn_value **out,
                     omn_error *err)
{
    (void)c;
    omn_image *img = NULL;
    omn_pixels px;
    WebPDecoderConfig how;
    if (!WebPInitDecoderConfig(&how))
        return omn_fail(err, OMN_ERR_UNSUPPORTED,
                        "WebP: libwebp has another version than expected");
    VP8StatusCode code = WebPGetFeatures(bytes, size, &how.input);
    if (code != VP8_STATUS_OK) return omn_fail(err, OMN_ERR_DATA, "WebP: %s", reason(code));
    if (how.input.has_animation)
        return omn_fail(err, OMN_ERR_UNSUPPORTED,
                        "WebP: this is a moving picture; save one frame of it as a picture");
    if (how.input.width < 1 || how.input.height < 1)
        return omn_fail(err, OMN_ERR_DATA, "WebP: the file is damaged");
    uint32_t channels = how.input.has_alpha ? 4 : 3;
    omn_status st = omn_image_new(OMN_U8, (uint32_t)how.input.width, (uint32_t)how.input.height,
                                  channels, NULL, &img, &px, err);
    if (st != OMN_OK) {
        omn_error_prefix(err, "WebP");
        return st;
    }
    how.output.colorspace = channels == 4 ? MODE_RGBA : MODE_RGB;
    how.output.is_external_memory = 1;
    how.output.u.RGBA.rgba = px.data;
    how.output.u.RGBA.stride = (int)(px.width * channels);
    how.output.u.RGBA.size = (size_t)px.width * px.height * channels;
    code = WebPDecode(bytes, size, &how);
    WebPFreeDecBuffer(&how.output);
    if (code != VP8_STATUS_OK) {
        omn_image_free(img);
        return omn_fail(err, OMN_ERR_DATA, "WebP: %s", reason(code));
    }
    *out = omn_image_give(img);
    return OMN_OK;
}
