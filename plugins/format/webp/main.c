/* SPDX-License-Identifier: Apache-2.0 */
/* WebP through libwebp: the door, reading and writing. A moving picture is refused rather than
 * taken for its first frame, which may be a corner of the whole. */
#include <omnio/plugin.h>

#include <stdlib.h>
#include <string.h>
#include <webp/decode.h>
#include <webp/encode.h>

#define WEBP_SAVE(PAR, S)                                                                          \
    PAR(S, int, quality, "90", "0..100", NULL, "of colours; without loss: how hard to try")        \
    PAR(S, bool, lossless, "false", NULL, NULL, "keep every pixel as it is")                       \
    PAR(S, int, effort, "4", "0..6", NULL, "0 is fast and large, 6 is slow and small")
OMN_PARAMS(webp_options, WEBP_SAVE);

static int probe(const uint8_t *head, size_t n)
{
    return n >= 12 && memcmp(head, "RIFF", 4) == 0 && memcmp(head + 8, "WEBP", 4) == 0 ? 100 : 0;
}

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

static omn_status webp_read(omn_call *c, const uint8_t *bytes, size_t size, omn_value **out,
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

static int store(const uint8_t *bytes, size_t n, const WebPPicture *picture)
{
    omn_buf *out = picture->custom_ptr;
    omn_buf_put(out, bytes, n);
    return !out->failed;
}

/* The picture as the RGB or RGBA bytes that libwebp takes; grey is repeated. */
static uint8_t *colour_bytes(const omn_pixels *px)
{
    size_t pixels = (size_t)px->width * px->height, channels = px->channels == 4 ? 4 : 3;
    uint8_t *all = calloc(pixels, channels), *to = all;
    for (size_t i = 0; all != NULL && i < pixels; i++)
        for (size_t k = 0; k < channels; k++) {
            size_t at = px->channels == 1 ? i : i * channels + k;
            if (px->type == OMN_U8) {
                *to++ = ((const uint8_t *)px->data)[at];
            } else {
                float f = ((const float *)px->data)[at];
                *to++ = (uint8_t)((f > 0 ? (f < 1 ? f : 1) : 0) * 255.0f + 0.5f);
            }
        }
    return all;
}

static omn_status webp_save(omn_call *c, const void *params, const omn_value *v, uint8_t **bytes,
                            size_t *size, omn_error *err)
{
    (void)c;
    const struct webp_options *how = params;
    const omn_image *img = omn_value_image(v);
    if (img == NULL) return omn_fail(err, OMN_ERR_TYPE, "WebP: only pictures can be written");
    omn_pixels px = omn_image_pixels(img);
    if (px.width > WEBP_MAX_DIMENSION || px.height > WEBP_MAX_DIMENSION)
        return omn_fail(err, OMN_ERR_SHAPE, "WebP: %u x %u; sides are 1..%d", px.width, px.height,
                        WEBP_MAX_DIMENSION);
    WebPConfig config;
    WebPPicture picture;
    if (!WebPConfigPreset(&config, WEBP_PRESET_DEFAULT, (float)how->quality) ||
        !WebPPictureInit(&picture))
        return omn_fail(err, OMN_ERR_UNSUPPORTED,
                        "WebP: libwebp has another version than expected");
    config.lossless = how->lossless;
    config.exact = how->lossless;
    config.method = how->effort;
    omn_status st = OMN_OK;
    omn_buf out;
    omn_buf_init(&out, OMN_VALUE_MOST_BYTES);
    picture.use_argb = how->lossless;
    picture.width = (int)px.width;
    picture.height = (int)px.height;
    picture.writer = store;
    picture.custom_ptr = &out;
    uint8_t *all = colour_bytes(&px);
    int good = all != NULL;
    if (good && px.channels == 4)
        good = WebPPictureImportRGBA(&picture, all, picture.width * 4);
    else if (good)
        good = WebPPictureImportRGB(&picture, all, picture.width * 3);
    free(all);
    if (!good)
        st = omn_fail(err, OMN_ERR_MEMORY, "WebP: no memory to write it");
    else if (!WebPEncode(&config, &picture))
        st = omn_fail(err, OMN_ERR_IO, "WebP: the encoder failed with error %d",
                      (int)picture.error_code);
    WebPPictureFree(&picture);
    if (st == OMN_OK) {
        *size = out.length;
        *bytes = (uint8_t *)omn_buf_take(&out);
        if (*bytes == NULL) st = omn_fail(err, OMN_ERR_MEMORY, "WebP: no memory for the file");
    }
    omn_buf_fini(&out);
    return st;
}

static const omn_format_impl format = { NULL, "image", "webp", probe, webp_read, webp_save };
static const omn_object objects[] = {
    { "omnio.format/1", "webp", "WebP pictures, with and without loss, with and without alpha",
      &format, OMN_OBJECT_PARAMS(webp_options) },
};
OMN_PLUGIN("format-webp", "1.0", "Apache-2.0", "WebP pictures", objects);
