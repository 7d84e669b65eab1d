/* SPDX-License-Identifier: Apache-2.0 */
/* Writing Netpbm, always raw. PGM holds grey alone: a picture in colour is refused, not made grey.
 * In PPM grey is repeated, and alpha, which it lacks, is laid over white. PAM holds all of it. */
#include "inside.h"

#include <stdlib.h>
#include <string.h>

struct pnm_options {
    PNM_SAVE(OMN_S_PAR, pnm_options)
};

/* 0..1 of sample i. */
static float sample(const omn_pixels *px, size_t i)
{
    if (px->type == OMN_U8) return (float)((const uint8_t *)px->data)[i] / 255.0f;
    float x = ((const float *)px->data)[i];
    return x > 0 ? (x < 1 ? x : 1) : 0;
}

/* One pixel as `channels` samples of the file. */
static void pixel(const omn_pixels *px, size_t at, uint32_t channels, float *to)
{
    const float alpha = px->channels == 4 && channels < 4 ? sample(px, at + 3) : 1;
    for (uint32_t k = 0; k < channels; k++) {
        const float x = sample(px, at + (px->channels == 1 ? 0 : k));
        to[k] = k < 3 ? x * alpha + (1 - alpha) : x;
    }
}

static omn_status save(const struct pnm_options *how, const omn_pixels *px, uint32_t channels,
                       const char *kind, uint8_t **bytes, size_t *size, omn_error *err)
{
    const bool deep = how->bits == 1;
    const unsigned most = deep ? 65535 : 255;
    const size_t pixels = (size_t)px->width * px->height;
    omn_buf b;
    if (strchr(how->comment, '\n') || strchr(how->comment, '\r'))
        return omn_fail(err, OMN_ERR_ARGUMENT, "PNM: a comment is one line");
    omn_buf_init(&b, OMN_VALUE_MOST_BYTES);
    omn_buf_printf(&b, "%s\n", kind);
    if (*how->comment) omn_buf_printf(&b, "# %s\n", how->comment);
    if (kind[1] != '7')
        omn_buf_printf(&b, "%u %u\n%u\n", px->width, px->height, most);
    else
        omn_buf_printf(&b, "WIDTH %u\nHEIGHT %u\nDEPTH %u\nMAXVAL %u\nTUPLTYPE %s\nENDHDR\n",
                       px->width, px->height, channels, most,
                       channels == 1   ? "GRAYSCALE"
                       : channels == 3 ? "RGB"
                                       : "RGB_ALPHA");
    for (size_t i = 0; i < pixels && !b.failed; i++) {
        float p[4];
        uint8_t out[8];
        size_t n = 0;
        pixel(px, i * px->channels, channels, p);
        for (uint32_t k = 0; k < channels; k++) {
            const unsigned x = (unsigned)(p[k] * (float)most + 0.5f);
            if (deep) out[n++] = (uint8_t)(x >> 8);
            out[n++] = (uint8_t)x;
        }
        omn_buf_put(&b, out, n);
    }
    *size = b.length;
    *bytes = (uint8_t *)omn_buf_take(&b);
    return *bytes ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "PNM: no memory for the file");
}

/* channels: those of the file, 0 for those of the picture. */
static omn_status save_value(const void *params, const omn_value *v, uint32_t channels,
                             const char *kind, uint8_t **bytes, size_t *size, omn_error *err)
{
    const omn_image *img = omn_value_image(v);
    if (!img) return omn_fail(err, OMN_ERR_TYPE, "PNM: only pictures can be written");
    const omn_pixels px = omn_image_pixels(img);
    if (channels == 1 && px.channels != 1)
        return omn_fail(err, OMN_ERR_UNSUPPORTED,
                        "PGM holds grey pictures, this one has %u channels; .ppm and .pam hold "
                        "them",
                        px.channels);
    return save(params, &px, channels ? channels : px.channels, kind, bytes, size, err);
}

omn_status pgm_save(omn_call *c, const void *params, const omn_value *v, uint8_t **bytes,
                    size_t *size, omn_error *err)
{
    (void)c;
    return save_value(params, v, 1, "P5", bytes, size, err);
}

omn_status ppm_save(omn_call *c, const void *params, const omn_value *v, uint8_t **bytes,
                    size_t *size, omn_error *err)
{
    (void)c;
    return save_value(params, v, 3, "P6", bytes, size, err);
}

omn_status pam_save(omn_call *c, const void *params, const omn_value *v, uint8_t **bytes,
                    size_t *size, omn_error *err)
{
    (void)c;
    return save_value(params, v, 0, "P7", bytes, size, err);
}
