/* SPDX-License-Identifier: Apache-2.0 */
/* Writing JPEG: grey or RGB; alpha, which JPEG lacks, is laid over white. How it was made is a
 * comment. */
#include "inside.h"

#include <stdlib.h>
#include <string.h>

struct jpeg_options {
    JPEG_SAVE(OMN_S_PAR, jpeg_options)
};

enum { PIECE = 65536 };

typedef struct sink {
    jpeg_trouble trouble;
    struct jpeg_compress_struct info;
    struct jpeg_destination_mgr to;
    omn_buf out;
    uint8_t *row, piece[PIECE];
} sink;

static void piece_init(j_compress_ptr info)
{
    sink *s = info->client_data;
    s->to.next_output_byte = s->piece;
    s->to.free_in_buffer = PIECE;
}

static void store(sink *s, size_t n)
{
    omn_buf_put(&s->out, s->piece, n);
    if (!s->out.failed) return;
    snprintf(s->trouble.text, sizeof(s->trouble.text), "no memory for the file");
    longjmp(s->trouble.back, 1);
}

static boolean piece_full(j_compress_ptr info)
{
    store(info->client_data, PIECE);
    piece_init(info);
    return TRUE;
}

static void piece_last(j_compress_ptr info)
{
    sink *s = info->client_data;
    store(s, PIECE - s->to.free_in_buffer);
}

static uint8_t byte_of(const omn_pixels *px, size_t i)
{
    if (px->type == OMN_U8) return ((const uint8_t *)px->data)[i];
    float f = ((const float *)px->data)[i];
    return (uint8_t)((f > 0 ? (f < 1 ? f : 1) : 0) * 255.0f + 0.5f);
}

static void row_bytes(const omn_pixels *px, uint32_t y, uint8_t *to)
{
    size_t at = (size_t)y * px->width * px->channels;
    if (px->channels != 4) {
        for (size_t i = 0; i < (size_t)px->width * px->channels; i++) to[i] = byte_of(px, at + i);
        return;
    }
    for (size_t x = 0; x < px->width; x++, at += 4) {
        unsigned a = byte_of(px, at + 3);
        for (size_t k = 0; k < 3; k++)
            *to++ = (uint8_t)((byte_of(px, at + k) * a + 255u * (255u - a) + 127) / 255);
    }
}

/* false after an error of libjpeg, whose text is then in s. */
static bool write_all(sink *s, const omn_pixels *px, const struct jpeg_options *how)
{
    if (setjmp(s->trouble.back) != 0) return false;
    struct jpeg_compress_struct *info = &s->info;
    jpeg_create_compress(info);
    info->client_data = s;
    s->to.init_destination = piece_init;
    s->to.empty_output_buffer = piece_full;
    s->to.term_destination = piece_last;
    info->dest = &s->to;
    info->image_width = px->width;
    info->image_height = px->height;
    info->input_components = px->channels == 1 ? 1 : 3;
    info->in_color_space = px->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(info);
    jpeg_set_quality(info, how->quality, TRUE);
    info->comp_info[0].h_samp_factor = px->channels == 1 || how->chroma == 2 ? 1 : 2;
    info->comp_info[0].v_samp_factor = px->channels == 1 || how->chroma != 0 ? 1 : 2;
    if (how->progressive) jpeg_simple_progression(info);
    jpeg_start_compress(info, TRUE);
    if (how->origin[0] != '\0')
        jpeg_write_marker(info, JPEG_COM, (const JOCTET *)how->origin,
                          (unsigned)strlen(how->origin));
    for (uint32_t y = 0; y < px->height; y++) {
        row_bytes(px, y, s->row);
        JSAMPROW one = s->row;
        jpeg_write_scanlines(info, &one, 1);
    }
    jpeg_finish_compress(info);
    return true;
}

omn_status jpeg_save(omn_call *c, const void *params, const omn_value *v, uint8_t **bytes,
                     size_t *size, omn_error *err)
{
    (void)c;
    omn_status st = OMN_OK;
    const omn_image *img = omn_value_image(v);
    if (img == NULL) return omn_fail(err, OMN_ERR_TYPE, "JPEG: only pictures can be written");
    omn_pixels px = omn_image_pixels(img);
    if (px.width > JPEG_MAX_DIMENSION || px.height > JPEG_MAX_DIMENSION)
        return omn_fail(err, OMN_ERR_SHAPE, "JPEG: %u x %u; sides are 1..%ld", px.width, px.height,
                        (long)JPEG_MAX_DIMENSION);
    if (strlen(((const struct jpeg_options *)params)->origin) >= OMN_ORIGIN_MOST)
        return omn_fail(err, OMN_ERR_ARGUMENT, "JPEG: how it was made takes %zu bytes and more",
                        OMN_ORIGIN_MOST);
    sink *s = calloc(1, sizeof(*s));
    if (s != NULL) s->row = calloc(px.width, 3);
    if (s == NULL || s->row == NULL) {
        free(s);
        return omn_fail(err, OMN_ERR_MEMORY, "JPEG: no memory to write it");
    }
    omn_buf_init(&s->out, OMN_VALUE_MOST_BYTES);
    jpeg_trouble_init(&s->trouble);
    s->info.err = &s->trouble.base;
    if (write_all(s, &px, params)) {
        *size = s->out.length;
        *bytes = (uint8_t *)omn_buf_take(&s->out);
        if (*bytes == NULL) st = omn_fail(err, OMN_ERR_MEMORY, "JPEG: no memory for the file");
    } else {
        st = omn_fail(err, strstr(s->trouble.text, "memory") ? OMN_ERR_MEMORY : OMN_ERR_IO,
                      "JPEG: %s", s->trouble.text);
    }
    jpeg_destroy_compress(&s->info);
    omn_buf_fini(&s->out);
    free(s->row);
    free(s);
    return st;
}
