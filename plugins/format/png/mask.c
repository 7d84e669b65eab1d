/* SPDX-License-Identifier: Apache-2.0 */
/* Masks as PNG. Labels are the numbers of a palette, whose colours are those of PASCAL VOC so that
 * labels can be told apart by eye, 255 where nobody said; labels from 255 on want 16 bits of grey,
 * 65535 where nobody said. Names stand in the text "Legend", a JSON list. A soft mask is 16 bits of
 * grey, 0 to 65535. The text "Mask" says which; a file without it holds labels, of a palette as
 * here, of grey as they are. */
#include "inside.h"

#include <stdlib.h>
#include <string.h>

#define NOBODY      255
#define NOBODY_DEEP 65535

struct mask_options {
    PNG_MASK(OMN_S_PAR, mask_options)
};

typedef struct map {
    const int32_t *labels;                /* NULL: soft */
    const float *soft;
    uint32_t width;
    bool deep;
} map;

static void row(const void *user, uint32_t y, uint8_t *to)
{
    const map *m = user;
    for (uint32_t x = 0; x < m->width; x++) {
        const size_t i = (size_t)y * m->width + x;
        unsigned n;
        if (m->labels == NULL) n = (unsigned)((double)m->soft[i] * 65535 + 0.5);
        else if (m->labels[i] < 0) n = m->deep ? NOBODY_DEEP : NOBODY;
        else n = (unsigned)m->labels[i];
        if (m->deep) *to++ = (uint8_t)(n >> 8);
        *to++ = (uint8_t)n;
    }
}

/* The bits of a number, spread over red, green and blue from their tops. */
static void colours(png_color *palette)
{
    for (unsigned i = 0; i < 256; i++) {
        unsigned rgb[3] = { 0 };
        for (unsigned bit = 0; bit < 8; bit++)
            rgb[bit % 3] |= (i >> bit & 1) << (7 - bit / 3);
        palette[i] = (png_color){ (png_byte)rgb[0], (png_byte)rgb[1], (png_byte)rgb[2] };
    }
    palette[NOBODY] = (png_color){ 224, 224, 192 };
}

/* "Mask: labels", and the names as JSON on a line. */
static omn_status say(const omn_value *v, const map *m, omn_buf *out, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_tensor *legend = omn_value_column(v, "legend");
    const size_t n = legend != NULL ? (size_t)legend->shape.dim[0] : 0;
    omn_value **names = calloc(n + 1, sizeof(*names));
    omn_buf_printf(out, "Mask: %s", m->labels != NULL ? "labels" : "soft");
    if (names == NULL) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "PNG: no memory for %zu names", n));
    for (size_t i = 0; i < n; i++) {
        const char *name = ((const char *const *)legend->data)[i];
        if (name != NULL) OMN_TRY(omn_text_new(name, strlen(name), &names[i], err));
    }
    if (legend == NULL) goto done;
    omn_buf_puts(out, "\nLegend: [");
    for (size_t i = 0; i < n; i++) {
        omn_buf_puts(out, i > 0 ? "," : "");
        if (names[i] != NULL) omn_value_json(names[i], out);
        else omn_buf_puts(out, "null");
    }
    omn_buf_puts(out, "]");
done:
    for (size_t i = 0; names != NULL && i < n; i++) omn_value_unref(names[i]);
    free(names);
    if (st == OMN_OK && out->failed)
        st = omn_fail(err, OMN_ERR_MEMORY, "PNG: no memory for the legend");
    return st;
}

omn_status mask_save(omn_call *c, const void *params, const omn_value *v, uint8_t **bytes,
                     size_t *size, omn_error *err)
{
    omn_status st = OMN_OK;
    const struct mask_options *how = params;
    const omn_tensor *labels = omn_value_column(v, "labels"), *soft = omn_value_column(v, "soft");
    const omn_tensor *t = labels != NULL ? labels : soft;
    png_color palette[256];
    omn_buf texts;
    (void)c;
    if (t == NULL) return omn_fail(err, OMN_ERR_TYPE, "PNG: only a mask can be written so");
    const int64_t h = t->shape.dim[0], w = t->shape.dim[1];
    if (h < 1 || w < 1 || h > OMN_IMAGE_MOST_SIDE || w > OMN_IMAGE_MOST_SIDE)
        return omn_fail(err, OMN_ERR_SHAPE, "PNG: a mask of %lld x %lld pixels", (long long)w,
                        (long long)h);
    map m = { .labels = labels != NULL ? labels->data : NULL,
              .soft = labels != NULL ? NULL : soft->data, .width = (uint32_t)w,
              .deep = labels == NULL };
    for (int64_t i = 0; labels != NULL && i < h * w; i++) {
        m.deep = m.deep || m.labels[i] >= NOBODY;
        if (m.labels[i] >= NOBODY_DEEP)
            return omn_fail(err, OMN_ERR_DATA, "PNG: label %d; in 16 bits there are labels up to "
                            "65534", (int)m.labels[i]);
    }
    omn_buf_init(&texts, (size_t)1 << 20);
    OMN_TRY(say(v, &m, &texts, err));
    colours(palette);
    const png_rows from = { .width = m.width, .height = (uint32_t)h,
                            .row_bytes = (size_t)w * (m.deep ? 2 : 1), .bits = m.deep ? 16 : 8,
                            .colour = m.deep ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_PALETTE,
                            .palette = m.deep ? NULL : palette, .compression = how->compression,
                            .texts = texts.data, .origin = how->origin, .row = row,
                            .user = &m };
    st = png_write(&from, bytes, size, err);
done:
    omn_buf_fini(&texts);
    return st;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* A mask of one pixel that has the legend, which is read as that of any mask in JSON is. */
static omn_status legend_of(omn_call *c, const omn_kind *kind, const char *text, omn_value **out,
                            omn_error *err)
{
    omn_buf b;
    omn_buf_init(&b, (size_t)2 << 20);
    omn_buf_printf(&b, "{\"labels\":[[-1]],\"legend\":%s}", text);
    omn_status st = b.failed ? omn_fail(err, OMN_ERR_MEMORY, "no memory for it")
                             : omn_call_json(c, kind, b.data, b.length, out, err);
    omn_buf_fini(&b);
    if (st == OMN_OK && omn_value_column(*out, "legend") == NULL)
        st = omn_fail(err, OMN_ERR_DATA, "there is none");
    if (st != OMN_OK) omn_error_prefix(err, "PNG: the text \"Legend\"");
    return st;
}

static omn_status of_labels(omn_call *c, const omn_kind *kind, const png_raw *raw, omn_value **out,
                            omn_error *err)
{
    omn_status st = OMN_OK;
    const size_t n = (size_t)raw->width * raw->height;
    const int32_t nobody = raw->palette                            ? NOBODY
                           : raw->mask != NULL && raw->deep        ? NOBODY_DEEP
                                                                   : -1;
    int32_t *x = malloc(n * sizeof(*x));
    omn_value *named = NULL;
    omn_filled f[2] = { { "labels", { 0 } }, { "legend", { 0 } } };
    if (x == NULL) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "PNG: no memory for a mask"));
    for (size_t i = 0; i < n; i++) x[i] = raw->at[i] == nobody ? -1 : raw->at[i];
    f[0] = omn_fill("labels", OMN_I32, omn_dim2(raw->height, raw->width), x);
    if (raw->legend != NULL) {
        OMN_TRY(legend_of(c, kind, raw->legend, &named, err));
        f[1].tensor = *omn_value_column(named, "legend");
    }
    st = omn_value_make(kind, f, raw->legend != NULL ? 2 : 1, NULL, out, err);
done:
    free(x);
    omn_value_unref(named);
    return st;
}

static omn_status of_soft(const omn_kind *kind, const png_raw *raw, omn_value **out, omn_error *err)
{
    const size_t n = (size_t)raw->width * raw->height;
    float *x = malloc(n * sizeof(*x));
    if (x == NULL) return omn_fail(err, OMN_ERR_MEMORY, "PNG: no memory for a mask");
    for (size_t i = 0; i < n; i++) x[i] = (float)(raw->at[i] / (raw->deep ? 65535.0 : 255.0));
    const omn_filled f = omn_fill("soft", OMN_F32, omn_dim2(raw->height, raw->width), x);
    const omn_status st = omn_value_make(kind, &f, 1, NULL, out, err);
    free(x);
    return st;
}

omn_status mask_read(omn_call *c, const uint8_t *bytes, size_t size, omn_value **out,
                     omn_error *err)
{
    omn_status st = OMN_OK;
    png_raw raw;
    const omn_kind *kind = NULL;
    OMN_TRY(png_read_raw(c, bytes, size, &raw, err));
    OMN_TRY(omn_kind_find(c, "mask", &kind, err));
    st = raw.mask != NULL && strcmp(raw.mask, "soft") == 0 && !raw.palette
             ? of_soft(kind, &raw, out, err)
             : of_labels(c, kind, &raw, out, err);
done:
    png_raw_fini(&raw);
    return st;
}
