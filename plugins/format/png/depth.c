/* SPDX-License-Identifier: Apache-2.0 */
/* Depth as PNG: 16 bits of grey, whole steps of a metre, 0 where nothing is known, as cameras and
 * data sets write it. The file says its steps in the text "Depth-Scale"; one that does not is of
 * millimetres. */
#include "inside.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define USUAL_SCALE 1000.0
#define MOST_STEPS  65535.0

struct depth_options {
    PNG_DEPTH(OMN_S_PAR, depth_options)
};

typedef struct map {
    const float *at;
    uint32_t width;
    double scale;
} map;

/* What is known lies at least one step away. */
static unsigned step_of(double metres, double scale)
{
    const double x = floor(metres * scale + 0.5);
    return isnan(metres) ? 0 : x < 1 ? 1 : (unsigned)x;
}

static void row(const void *user, uint32_t y, uint8_t *to)
{
    const map *m = user;
    for (uint32_t x = 0; x < m->width; x++) {
        const unsigned n = step_of((double)m->at[(size_t)y * m->width + x], m->scale);
        *to++ = (uint8_t)(n >> 8);
        *to++ = (uint8_t)n;
    }
}

omn_status depth_save(omn_call *c, const void *params, const omn_value *v, uint8_t **bytes,
                      size_t *size, omn_error *err)
{
    const struct depth_options *how = params;
    const omn_tensor *t = omn_value_column(v, "depth");
    char text[64];
    (void)c;
    if (t == NULL) return omn_fail(err, OMN_ERR_TYPE, "PNG: only depth can be written so");
    const int64_t h = t->shape.dim[0], w = t->shape.dim[1];
    if (h < 1 || w < 1 || h > OMN_IMAGE_MOST_SIDE || w > OMN_IMAGE_MOST_SIDE)
        return omn_fail(err, OMN_ERR_SHAPE, "PNG: depth of %lld x %lld pixels", (long long)w,
                        (long long)h);
    const map m = { t->data, (uint32_t)w, how->scale };
    for (int64_t i = 0; i < h * w; i++) {
        const double x = (double)m.at[i];
        if (!(floor(x * how->scale + 0.5) > MOST_STEPS)) continue;
        return omn_fail(err, OMN_ERR_DATA, "PNG: depth of %g m does not fit into 16 bits of 1/%g m;"
                        " a smaller scale does, or .safetensors", x, how->scale);
    }
    omn_buf number;
    omn_buf_init(&number, 64);
    omn_number_print(how->scale, &number);
    const omn_status st = omn_buf_check(&number, "PNG: the scale", err);
    snprintf(text, sizeof(text), "Depth-Scale: %s", number.data);
    omn_buf_fini(&number);
    if (st != OMN_OK) return st;
    const png_rows from = { .width = m.width, .height = (uint32_t)h, .row_bytes = 2 * (size_t)w,
                            .bits = 16, .colour = PNG_COLOR_TYPE_GRAY,
                            .compression = how->compression, .texts = text, .row = row,
                            .origin = how->origin,
                            .user = &m };
    return png_write(&from, bytes, size, err);
}

omn_status depth_read(omn_call *c, const uint8_t *bytes, size_t size, omn_value **out,
                      omn_error *err)
{
    omn_status st = OMN_OK;
    png_raw raw;
    float *x = NULL;
    char *end = NULL;
    const omn_kind *kind = NULL;
    OMN_TRY(png_read_raw(c, bytes, size, &raw, err));
    const size_t n = (size_t)raw.width * raw.height;
    const double scale = raw.scale != NULL ? omn_number_read(raw.scale, &end) : USUAL_SCALE;
    if (raw.palette || !raw.deep)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "PNG: depth is grey of 16 bits, this is %s",
                         raw.palette ? "a palette" : "of fewer"));
    if (!(scale >= 0.001 && scale <= 1e6) || (end != NULL && *end != '\0'))
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "PNG: \"Depth-Scale\" is no number of 0.001..1000000"));
    x = malloc(n * sizeof(*x));
    if (x == NULL) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "PNG: no memory for depth"));
    for (size_t i = 0; i < n; i++) x[i] = raw.at[i] == 0 ? NAN : (float)(raw.at[i] / scale);
    OMN_TRY(omn_kind_find(c, "depth", &kind, err));
    const omn_filled f = omn_fill("depth", OMN_F32, omn_dim2(raw.height, raw.width), x);
    st = omn_value_make(kind, &f, 1, NULL, out, err);
done:
    free(x);
    png_raw_fini(&raw);
    return st;
}
