/* SPDX-License-Identifier: Apache-2.0 */
/* From a decoded frame to a picture as a person sees it: RGB by the matrix and the range that the
 * frame names (Rec. 601 where it names none, as FFmpeg itself reads it), pixels that are not square
 * made square by widening or heightening, and turned as the recording device was held. All pictures
 * of a video come out in one size. */
#include "inside.h"

#include "orientation.h"

#include <libavutil/display.h>
#include <libswscale/swscale.h>
#include <math.h>
#include <string.h>

/* The matrix maps (x, y) of what is stored to where it is seen: x' = a x + c y, y' = b x + d y. */
int picture_orientation(const AVStream *s, bool *odd)
{
    size_t n = 0;
    const uint8_t *side = av_stream_get_side_data(s, AV_PKT_DATA_DISPLAYMATRIX, &n);
    int32_t m[9];
    *odd = false;
    if (!side || n < sizeof(m)) return 1;
    memcpy(m, side, sizeof(m));
    const int32_t a = m[0], b = m[1], c = m[3], d = m[4];
    if (b == 0 && c == 0 && a != 0 && d != 0) return a > 0 ? (d > 0 ? 1 : 4) : (d > 0 ? 2 : 3);
    if (a == 0 && d == 0 && b != 0 && c != 0) return b > 0 ? (c > 0 ? 5 : 6) : (c > 0 ? 8 : 7);
    *odd = true;
    return 1;
}

void picture_size(int w, int h, AVRational shape, uint32_t *width, uint32_t *height)
{
    const double x = shape.num > 0 && shape.den > 0 ? av_q2d(shape) : 1;
    *width = (uint32_t)fmin(x > 1 ? floor(w * x + 0.5) : w, UINT32_MAX);
    *height = (uint32_t)fmin(x < 1 ? floor(h / x + 0.5) : h, UINT32_MAX);
}

static int matrix_of(const AVFrame *f)
{
    switch (f->colorspace) {
    case AVCOL_SPC_BT709:
        return SWS_CS_ITU709;
    case AVCOL_SPC_FCC:
        return SWS_CS_FCC;
    case AVCOL_SPC_SMPTE240M:
        return SWS_CS_SMPTE240M;
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
        return SWS_CS_BT2020;
    default:
        return SWS_CS_ITU601;
    }
}

/* Formats that say in their names that they use the whole range; the scaler calls them outdated. */
static enum AVPixelFormat plain_format(const AVFrame *f, int *full)
{
    *full = f->color_range == AVCOL_RANGE_JPEG;
    switch (f->format) {
    case AV_PIX_FMT_YUVJ420P:
        *full = 1;
        return AV_PIX_FMT_YUV420P;
    case AV_PIX_FMT_YUVJ422P:
        *full = 1;
        return AV_PIX_FMT_YUV422P;
    case AV_PIX_FMT_YUVJ444P:
        *full = 1;
        return AV_PIX_FMT_YUV444P;
    case AV_PIX_FMT_YUVJ440P:
        *full = 1;
        return AV_PIX_FMT_YUV440P;
    case AV_PIX_FMT_YUVJ411P:
        *full = 1;
        return AV_PIX_FMT_YUV411P;
    default:
        return (enum AVPixelFormat)f->format;
    }
}

/* The scaler writes beyond rows that are no multiple of its step, so it is given rows of its own.
 */
static int scale(const AVFrame *f, struct SwsContext **scaler, AVFrame *to)
{
    int full = 0;
    const enum AVPixelFormat format = plain_format(f, &full);
    const int flags = SWS_BICUBIC | SWS_FULL_CHR_H_INT | SWS_ACCURATE_RND | SWS_BITEXACT;
    struct SwsContext *s = *scaler =
        sws_getCachedContext(*scaler, f->width, f->height, format, to->width, to->height,
                             AV_PIX_FMT_RGB24, flags, NULL, NULL, NULL);
    if (!s) return AVERROR(EINVAL);
    sws_setColorspaceDetails(s, sws_getCoefficients(matrix_of(f)), full,
                             sws_getCoefficients(SWS_CS_DEFAULT), 1, 0, 1 << 16, 1 << 16);
    const int code = av_frame_get_buffer(to, 0);
    if (code < 0) return code;
    return sws_scale(s, (const uint8_t *const *)f->data, f->linesize, 0, f->height, to->data,
                     to->linesize);
}

omn_status picture_make(const AVFrame *f, const video_index *x, struct SwsContext **scaler,
                        omn_value **out, omn_error *err)
{
    omn_image *img = NULL;
    omn_pixels px;
    AVFrame *to = av_frame_alloc();
    if (!to) return omn_fail(err, OMN_ERR_MEMORY, "no memory for a picture");
    to->format = AV_PIX_FMT_RGB24;
    to->width = (int)x->width;
    to->height = (int)x->height;
    const int code = scale(f, scaler, to);
    omn_status st = code < 0 ? quiet_fail(code, err, "its colours cannot be read") : OMN_OK;
    if (st == OMN_OK) st = omn_image_new(OMN_U8, x->width, x->height, 3, NULL, &img, &px, err);
    for (uint32_t y = 0; st == OMN_OK && y < x->height; y++)
        memcpy((uint8_t *)px.data + (size_t)3 * x->width * y,
               to->data[0] + (ptrdiff_t)y * to->linesize[0], (size_t)3 * x->width);
    if (st == OMN_OK) st = image_upright(&img, x->orientation, err);
    if (st == OMN_OK)
        *out = omn_image_give(img);
    else
        omn_image_free(img);
    av_frame_free(&to);
    return st;
}
