/* SPDX-License-Identifier: Apache-2.0 */
/* Reading PNG whose numbers mean something else than brightness: of one channel, they come out as
 * they stand in the file, a palette's too, with the texts that say what they mean. The limits are
 * those of pictures: sizes are judged before memory is taken, chunks have to lie within the file, a
 * text may hold a megabyte. */
#include "inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct reading {
    png_source from;
    png_structp png;
    png_infop info;
    png_raw *out;
    png_byte *row;
    uint64_t most; /* bytes that a value may take; 0: any */
    bool memory;   /* there was none */
} reading;

void png_fetch(png_structp png, png_bytep to, size_t n)
{
    png_source *s = png_get_io_ptr(png);
    if (n > s->left) png_error(png, "the file ends early");
    memcpy(to, s->at, n);
    s->at += n;
    s->left -= n;
}

bool png_chunks_fit(const uint8_t *p, size_t n)
{
    size_t at = 8;
    while (n >= 12 && at <= n - 12) {
        uint32_t length = (uint32_t)p[at] << 24 | (uint32_t)p[at + 1] << 16 |
                          (uint32_t)p[at + 2] << 8 | p[at + 3];
        if (length > n - 12 - at) return false;
        if (memcmp(p + at + 4, "IEND", 4) == 0) return true;
        at += 12 + (size_t)length;
    }
    return false;
}

static void keep_text(reading *s, const png_text *t)
{
    char **to = strcmp(t->key, "Mask") == 0          ? &s->out->mask
                : strcmp(t->key, "Legend") == 0      ? &s->out->legend
                : strcmp(t->key, "Depth-Scale") == 0 ? &s->out->scale
                                                     : NULL;
    if (to == NULL || *to != NULL || t->text == NULL) return;
    *to = strdup(t->text);
    s->memory = s->memory || *to == NULL;
}

/* Size and layout; room for the numbers. */
static void prepare(reading *s)
{
    png_structp png = s->png;
    png_raw *o = s->out;
    png_read_info(png, s->info);
    o->width = png_get_image_width(png, s->info);
    o->height = png_get_image_height(png, s->info);
    const int colour = png_get_color_type(png, s->info);
    o->palette = colour == PNG_COLOR_TYPE_PALETTE;
    o->deep = png_get_bit_depth(png, s->info) == 16;
    if (!o->palette && colour != PNG_COLOR_TYPE_GRAY)
        png_error(png, "a file of one channel is wanted, grey or with a palette, not of colours");
    if ((uint64_t)o->width * o->height > OMN_IMAGE_MOST_PIXELS ||
        ((uint64_t)png_get_rowbytes(png, s->info) + 1) * o->height / 1040 > s->from.size)
        png_error(png, "the file is too short for a picture of this size");
    if (s->most && (uint64_t)o->width * o->height > s->most / (sizeof(*o->at) + sizeof(float)))
        png_error(png, "it takes more room than is allowed");
    png_set_packing(png);
    if (o->deep) png_set_swap(png); /* little-endian in memory */
    o->at = calloc((size_t)o->width * o->height, sizeof(*o->at));
    s->memory = o->at == NULL;
}

/* Rows of bytes are read into the second half of their place and spread out from the front. */
static void rows(reading *s)
{
    png_raw *o = s->out;
    const int passes = png_set_interlace_handling(s->png);
    const size_t n = (size_t)o->width * o->height;
    png_read_update_info(s->png, s->info);
    if (png_get_rowbytes(s->png, s->info) != (size_t)o->width * (o->deep ? 2 : 1))
        png_error(s->png, "an unexpected layout of rows");
    uint8_t *first = (uint8_t *)o->at + (o->deep ? 0 : n);
    for (int pass = 0; pass < passes; pass++)
        for (uint32_t y = 0; y < o->height; y++)
            png_read_row(s->png, first + (size_t)y * o->width * (o->deep ? 2 : 1), NULL);
    png_read_end(s->png, s->info);
    for (size_t i = 0; !o->deep && i < n; i++) o->at[i] = first[i];
}

/* false after an error of libpng, whose text is then in s. */
static bool read_all(reading *s)
{
    png_textp texts = NULL;
    int n = 0;
    if (setjmp(s->from.trouble.back) != 0) return false;
    png_set_read_fn(s->png, &s->from, png_fetch);
    png_set_user_limits(s->png, OMN_IMAGE_MOST_SIDE, OMN_IMAGE_MOST_SIDE);
    if (!png_chunks_fit(s->from.at, s->from.size)) png_error(s->png, "the file ends early");
    png_set_chunk_malloc_max(s->png, 1 << 20);
    png_set_chunk_cache_max(s->png, 32);
    prepare(s);
    if (!s->memory) rows(s);
    png_get_text(s->png, s->info, &texts, &n);
    for (int i = 0; i < n; i++) keep_text(s, &texts[i]);
    return true;
}

omn_status png_read_raw(const omn_call *c, const uint8_t *bytes, size_t size, png_raw *out,
                        omn_error *err)
{
    omn_status st = OMN_OK;
    *out = (png_raw){ 0 };
    reading *s = calloc(1, sizeof(*s)); /* on the heap: it outlives a jump unchanged */
    if (s == NULL) return omn_fail(err, OMN_ERR_MEMORY, "PNG: no memory to read it");
    s->from = (png_source){ .at = bytes, .left = size, .size = size };
    s->out = out;
    s->most = omn_call_most_bytes(c);
    errno = 0;
    s->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &s->from.trouble, png_note, png_ignore);
    if (s->png != NULL) s->info = png_create_info_struct(s->png);
    if (s->info == NULL)
        s->memory = true;
    else if (!read_all(s))
        st = png_failed(&s->from.trouble, OMN_ERR_DATA, err);
    if (s->memory && st == OMN_OK)
        st = omn_fail(err, OMN_ERR_MEMORY, "PNG: no memory to read it");
    png_destroy_read_struct(&s->png, &s->info, NULL);
    if (st != OMN_OK) png_raw_fini(out);
    free(s);
    return st;
}

void png_raw_fini(png_raw *r)
{
    free(r->at);
    free(r->mask);
    free(r->legend);
    free(r->scale);
    *r = (png_raw){ 0 };
}
