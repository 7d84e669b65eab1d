/* SPDX-License-Identifier: Apache-2.0 */
/* Reading WebP: RGB, or RGBA when the file has alpha. Of a moving picture the first frame is read,
 * on its canvas: what lies around it is transparent, as viewers show it, and nothing has been
 * blended yet; so it is decoded straight into its place, without the canvases that libwebp's player
 * keeps. The picture is then turned as its EXIF data asks. */
#include "inside.h"
#include "orientation.h"

#include <stdlib.h>
#include <webp/decode.h>
#include <webp/demux.h>

/* What is decoded, and where it goes: the whole file and picture, or one frame. */
typedef struct part {
    WebPData data;
    uint32_t left, top;
} part;

static const char *reason(VP8StatusCode code)
{
    switch (code) {
    case VP8_STATUS_UNSUPPORTED_FEATURE:
        return "it uses a feature that cannot be read";
    case VP8_STATUS_NOT_ENOUGH_DATA:
    case VP8_STATUS_SUSPENDED:
        return "the file ends early";
    default:
        return "the file is damaged";
    }
}

/* libwebp calls a file damaged where a small allocation failed. It failed once, so that a second
 * look tells; when memory is out for good nobody else gets any either. */
static omn_status refuse(VP8StatusCode code, omn_error *err)
{
    void *some = malloc((size_t)1 << 16);
    const bool memory = code == VP8_STATUS_OUT_OF_MEMORY || some == NULL;
    free(some);
    if (memory) return omn_fail(err, OMN_ERR_MEMORY, "no memory to decode it");
    return omn_fail(err, OMN_ERR_DATA, "%s", reason(code));
}

static int orientation(const WebPDemuxer *chunks)
{
    int turn = 1;
    WebPChunkIterator it;
    if (chunks == NULL || !WebPDemuxGetChunk(chunks, "EXIF", 1, &it)) return 1;
    turn = exif_orientation(it.chunk.bytes, it.chunk.size);
    WebPDemuxReleaseChunkIterator(&it);
    return turn;
}

/* The first frame of a canvas w x h as the part to read; *alpha is set where some of the picture
 * may be clear. */
static omn_status first_frame(const WebPDemuxer *chunks, WebPDemuxState state, uint32_t w,
                              uint32_t h, part *p, bool *alpha, omn_error *err)
{
    WebPIterator it;
    WebPBitstreamFeatures f;
    if (state == WEBP_DEMUX_PARSING_HEADER || state == WEBP_DEMUX_PARSED_HEADER)
        return omn_fail(err, OMN_ERR_DATA, "the file ends early");
    if (chunks == NULL || !WebPDemuxGetFrame(chunks, 1, &it))
        return omn_fail(err, OMN_ERR_DATA, "the file is damaged");
    p->data = it.fragment; /* lives as long as the file's bytes */
    p->left = (uint32_t)it.x_offset;
    p->top = (uint32_t)it.y_offset;
    WebPDemuxReleaseIterator(&it);
    VP8StatusCode code = WebPGetFeatures(p->data.bytes, p->data.size, &f);
    if (code != VP8_STATUS_OK) return refuse(code, err);
    if (f.width < 1 || f.height < 1 || f.has_animation || p->left > w || p->top > h ||
        (uint32_t)f.width > w - p->left || (uint32_t)f.height > h - p->top)
        return omn_fail(err, OMN_ERR_DATA, "the file is damaged");
    *alpha = f.has_alpha || (uint32_t)f.width < w || (uint32_t)f.height < h;
    return OMN_OK;
}

static omn_status decode(const part *p, const omn_pixels *px, omn_error *err)
{
    WebPDecoderConfig how;
    if (!WebPInitDecoderConfig(&how))
        return omn_fail(err, OMN_ERR_UNSUPPORTED, "libwebp has another version than expected");
    size_t row = (size_t)px->width * px->channels;
    size_t at = p->top * row + (size_t)p->left * px->channels;
    how.output.colorspace = px->channels == 4 ? MODE_RGBA : MODE_RGB;
    how.output.is_external_memory = 1;
    how.output.u.RGBA.rgba = (uint8_t *)px->data + at;
    how.output.u.RGBA.stride = (int)row;
    how.output.u.RGBA.size = row * px->height - at;
    VP8StatusCode code = WebPDecode(p->data.bytes, p->data.size, &how);
    if (code == VP8_STATUS_BITSTREAM_ERROR)
        code = WebPDecode(p->data.bytes, p->data.size, &how);
    WebPFreeDecBuffer(&how.output);
    if (code != VP8_STATUS_OK) return refuse(code, err);
    return OMN_OK;
}

omn_status webp_read(omn_call *c, const uint8_t *bytes, size_t size, omn_value **out,
                     omn_error *err)
{
    omn_status st = OMN_OK;
    omn_image *img = NULL;
    omn_pixels px;
    WebPBitstreamFeatures f;
    part p = { { bytes, size }, 0, 0 };
    WebPDemuxer *chunks = NULL;
    WebPDemuxState state = WEBP_DEMUX_PARSE_ERROR;
    VP8StatusCode code = WebPGetFeatures(bytes, size, &f);
    if (code != VP8_STATUS_OK) OMN_TRY(refuse(code, err));
    if (f.width < 1 || f.height < 1) OMN_TRY(omn_fail(err, OMN_ERR_DATA, "the file is damaged"));
    uint32_t w = (uint32_t)f.width, h = (uint32_t)f.height;
    bool alpha = f.has_alpha != 0;
    /* A still picture is read even if its chunks are not as they should be, and is then upright. */
    chunks = WebPDemuxPartial(&p.data, &state);
    if (chunks == NULL && state != WEBP_DEMUX_PARSE_ERROR)
        OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "no memory to decode it"));
    if (f.has_animation) OMN_TRY(first_frame(chunks, state, w, h, &p, &alpha, err));
    OMN_TRY(omn_image_new_within(c, OMN_U8, w, h, alpha ? 4 : 3, NULL, &img, &px, err));
    OMN_TRY(decode(&p, &px, err));
    OMN_TRY(image_upright(&img, orientation(chunks), err));
    *out = omn_image_give(img);
    img = NULL;
done:
    if (st != OMN_OK) omn_error_prefix(err, "WebP");
    WebPDemuxDelete(chunks);
    omn_image_free(img);
    return st;
}
