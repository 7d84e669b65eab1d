/* SPDX-License-Identifier: Apache-2.0 */
/* Writing WebP, with and without loss: RGB or RGBA bytes, grey repeated. The file is built in
 * memory, so nothing half written is ever seen. */
#include "inside.h"

#include <stdlib.h>
#include <webp/encode.h>

struct webp_options {
    WEBP_SAVE(OMN_S_PAR, webp_options)
};

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

omn_status webp_save(omn_call *c, const void *params, const omn_value *v, uint8_t **bytes,
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
        st = picture.error_code == VP8_ENC_ERROR_OUT_OF_MEMORY ||
                     picture.error_code == VP8_ENC_ERROR_BITSTREAM_OUT_OF_MEMORY || out.failed
                 ? omn_fail(err, OMN_ERR_MEMORY, "WebP: no memory to write it")
                 : omn_fail(err, OMN_ERR_IO, "WebP: the encoder failed with error %d",
                            (int)picture.error_code);
    WebPPictureFree(&picture);
    if (st == OMN_OK && how->origin[0] != '\0') {
        omn_buf plain = out;
        omn_buf_init(&out, OMN_VALUE_MOST_BYTES);
        st = webp_with_origin(&plain, px.width, px.height, px.channels == 4, how->origin, &out,
                              err);
        if (st != OMN_OK) omn_error_prefix(err, "WebP");
        omn_buf_fini(&plain);
    }
    if (st == OMN_OK) {
        *size = out.length;
        *bytes = (uint8_t *)omn_buf_take(&out);
        if (*bytes == NULL) st = omn_fail(err, OMN_ERR_MEMORY, "WebP: no memory for the file");
    }
    omn_buf_fini(&out);
    return st;
}
