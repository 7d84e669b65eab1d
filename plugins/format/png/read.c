/* SPDX-License-Identifier: Apache-2.0 */
/* Reading PNG. Whatever is inside becomes grey, RGB or RGBA; 8 bits and fewer stay bytes, 16 bits
 * become floats so that depth maps lose nothing. Gamma and colour profiles are not applied: numbers
 * stay numbers. Nothing is allocated for a picture before its size is within the limits, and could
 * at all be in a file this long: deflate packs at most 1032 bytes into one. libpng makes room for a
 * chunk before it reads it, so that none may be longer than the file, and texts are passed over.
 * The picture is then turned as its eXIf chunk asks, which may stand before the rows or behind. */
#include "inside.h"
#include "orientation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct source {
    png_source from; /* first: fetch and errors find it there */
    omn_image *img;
    omn_pixels px;
    png_structp png;
    png_infop info;
    int turn;
    omn_status st; /* of making the picture */
    omn_call *call;
    omn_error *err;
} source;

/* Header to the plain form that follows; returns the number of passes over the rows. */
static int prepare(source *s, bool *deep)
{
    png_structp png = s->png;
    png_read_info(png, s->info);
    uint32_t w = png_get_image_width(png, s->info), h = png_get_image_height(png, s->info);
    int colour = png_get_color_type(png, s->info), bits = png_get_bit_depth(png, s->info);
    bool clear = png_get_valid(png, s->info, PNG_INFO_tRNS) != 0;
    if (((uint64_t)png_get_rowbytes(png, s->info) + 1) * h / 1040 > s->from.size)
        png_error(png, "the file is too short for a picture of this size");
    if (colour == PNG_COLOR_TYPE_PALETTE)
        png_set_palette_to_rgb(png);
    else if (colour == PNG_COLOR_TYPE_GRAY && bits < 8)
        png_set_expand_gray_1_2_4_to_8(png);
    if (clear) png_set_tRNS_to_alpha(png);
    bool alpha = clear || (colour & PNG_COLOR_MASK_ALPHA) != 0;
    bool grey = (colour & PNG_COLOR_MASK_COLOR) == 0;
    if (grey && alpha) png_set_gray_to_rgb(png); /* grey with alpha is no kind of picture here */
    *deep = bits == 16;
    if (*deep) png_set_swap(png); /* little-endian in memory */
    int passes = png_set_interlace_handling(png);
    png_read_update_info(png, s->info);
    uint32_t channels = alpha ? 4 : grey ? 1 : 3;
    if (png_get_channels(png, s->info) != channels ||
        png_get_rowbytes(png, s->info) != (size_t)w * channels * (*deep ? 2 : 1))
        png_error(png, "an unexpected layout of rows");
    s->st = omn_image_new_within(s->call, *deep ? OMN_F32 : OMN_U8, w, h, channels, NULL, &s->img,
                                 &s->px, s->err);
    return passes;
}

/* All rows. Those of 16 bits are read into the second half of the floats' place and then spread out
 * from the front, which never overtakes what is still to be read. */
static void rows(source *s, bool deep, int passes)
{
    size_t n = (size_t)s->px.width * s->px.height * s->px.channels, row = n / s->px.height;
    uint8_t *first = (uint8_t *)s->px.data + (deep ? 2 * n : 0);
    for (int pass = 0; pass < passes; pass++)
        for (uint32_t y = 0; y < s->px.height; y++)
            png_read_row(s->png, first + y * row * (deep ? 2 : 1), NULL);
    png_read_end(s->png, s->info);
    for (size_t i = 0; deep && i < n; i++) {
        uint16_t x;
        memcpy(&x, first + 2 * i, sizeof(x));
        float f = (float)x / 65535.0f;
        memcpy((uint8_t *)s->px.data + 4 * i, &f, sizeof(f));
    }
}

/* Of the chunks so far. libpng leaves out one whose checksum is wrong, and any but the first. */
static int orientation(const source *s)
{
    png_bytep exif = NULL;
    png_uint_32 n = 0;
    if (png_get_eXIf_1(s->png, s->info, &n, &exif) == 0) return 1;
    return exif_orientation(exif, n);
}

/* false after an error of libpng, whose text is then in s. */
static bool read_all(source *s)
{
    if (setjmp(s->from.trouble.back) != 0) return false;
    bool deep = false;
    png_set_read_fn(s->png, &s->from, png_fetch);
    png_set_user_limits(s->png, OMN_IMAGE_MOST_SIDE, OMN_IMAGE_MOST_SIDE);
    static const png_byte texts[] = "tEXt\0iTXt\0zTXt\0sPLT";
    if (!png_chunks_fit(s->from.at, s->from.size)) png_error(s->png, "the file ends early");
    png_set_keep_unknown_chunks(s->png, PNG_HANDLE_CHUNK_NEVER, texts, 4);
    png_set_chunk_malloc_max(s->png, 16 << 20);
    png_set_chunk_cache_max(s->png, 256);
    int passes = prepare(s, &deep);
    if (s->st == OMN_OK) rows(s, deep, passes);
    if (s->st == OMN_OK) s->turn = orientation(s);
    return true;
}

omn_status png_read(omn_call *c, const uint8_t *bytes, size_t size, omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    source *s = calloc(1, sizeof(*s)); /* on the heap: it outlives a jump unchanged */
    if (s == NULL) return omn_fail(err, OMN_ERR_MEMORY, "PNG: no memory to read it");
    s->call = c;
    s->from.at = bytes;
    s->from.left = s->from.size = size;
    errno = 0;
    s->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &s->from.trouble, png_note, png_ignore);
    if (s->png != NULL) s->info = png_create_info_struct(s->png);
    if (s->info == NULL) {
        png_destroy_read_struct(&s->png, NULL, NULL);
        free(s);
        return omn_fail(err, OMN_ERR_MEMORY, "PNG: no memory to read it");
    }
    s->err = err;
    if (!read_all(s)) {
        st = png_failed(&s->from.trouble, OMN_ERR_DATA, err);
    } else {
        st = s->st == OMN_OK ? image_upright(&s->img, s->turn, err) : s->st;
        if (st != OMN_OK) omn_error_prefix(err, "PNG");
    }
    png_destroy_read_struct(&s->png, &s->info, NULL);
    if (st == OMN_OK)
        *out = omn_image_give(s->img);
    else
        omn_image_free(s->img);
    free(s);
    return st;
}
