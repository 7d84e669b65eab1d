/* SPDX-License-Identifier: Apache-2.0 */
/* Reading BMP: pixels of 1, 2, 4 or 8 bits with a palette, plain or packed in runs (RLE); of 16, 24
 * and 32 bits with the usual places of their channels or those that masks name. A mask of alpha
 * makes RGBA; without one the fourth byte means nothing. Rows lie from the bottom up unless the
 * height is negative, each filled up to four bytes. Every place is a number from the file, so each
 * is compared with the length before it is followed. */
#include "inside.h"

#include <string.h>

enum { RGB = 0, RLE8 = 1, RLE4 = 2, FIELDS = 3, ALPHA_FIELDS = 6 };

typedef struct source {
    const uint8_t *p;
    size_t n;
    uint32_t head, width, height, bits, packing, data;
    bool down;                 /* the first row is the uppermost */
    uint32_t mask[4];          /* red, green, blue, alpha; 0: none */
    uint32_t colours, entry;   /* of the palette; bytes of one */
    size_t palette;            /* where it begins */
    omn_pixels px;
    omn_error *err;
} source;

static omn_status bad(const source *s, const char *what)
{
    return omn_fail(s->err, OMN_ERR_DATA, "BMP: %s", what);
}

static uint32_t number(const source *s, size_t at, size_t bytes)
{
    uint32_t x = 0;
    for (size_t i = bytes; i-- > 0;) x = x << 8 | s->p[at + i];
    return x;
}

static omn_status read_size(source *s)
{
    if (s->head == 12) {
        s->width = number(s, 18, 2);
        s->height = number(s, 20, 2);
        s->bits = number(s, 24, 2);
    } else {
        const uint32_t w = number(s, 18, 4), h = number(s, 22, 4);
        s->down = h >> 31;
        s->width = w >> 31 ? 0 : w;
        s->height = s->down ? 0u - h : h;
        s->bits = number(s, 28, 2);
        s->packing = number(s, 30, 4);
    }
    if (s->width < 1 || s->height < 1 || s->width > OMN_IMAGE_MOST_SIDE ||
        s->height > OMN_IMAGE_MOST_SIDE)
        return omn_fail(s->err, OMN_ERR_DATA, "BMP: %u x %u pixels: sides are 1..%u", s->width,
                        s->height, OMN_IMAGE_MOST_SIDE);
    return OMN_OK;
}

static omn_status read_kind(source *s)
{
    const uint32_t b = s->bits;
    const bool listed = b == 1 || b == 2 || b == 4 || b == 8;
    if (!listed && b != 16 && b != 24 && b != 32)
        return omn_fail(s->err, OMN_ERR_DATA, "BMP: %u bits a pixel", b);
    if (s->packing == 4 || s->packing == 5)
        return omn_fail(s->err, OMN_ERR_UNSUPPORTED, "BMP: a %s inside of it cannot be read",
                        s->packing == 4 ? "JPEG" : "PNG");
    const bool fits = s->packing == RGB || (s->packing == RLE8 && b == 8) ||
                      (s->packing == RLE4 && b == 4) ||
                      ((s->packing == FIELDS || s->packing == ALPHA_FIELDS) && b >= 16 && b != 24);
    if (!fits)
        return omn_fail(s->err, OMN_ERR_DATA, "BMP: packing %u of %u bits a pixel", s->packing, b);
    if ((s->packing == RLE8 || s->packing == RLE4) && s->down)
        return bad(s, "runs from the top down");
    return OMN_OK;
}

/* Where the channels of 16 and 32 bits lie. Masks stand in the header or right behind it. */
static omn_status read_masks(source *s)
{
    static const uint32_t five[3] = { 0x7C00, 0x03E0, 0x001F },
                          eight[3] = { 0xFF0000, 0xFF00, 0xFF };
    if (s->bits < 16) return OMN_OK;
    memcpy(s->mask, s->bits == 16 ? five : eight, sizeof five);
    if (s->packing == RGB) return OMN_OK;
    const uint32_t n = s->packing == ALPHA_FIELDS || s->head >= 56 ? 4 : 3;
    if (s->n < 54 + 4 * (size_t)n) return bad(s, "the file ends early, in its head");
    for (uint32_t i = 0; i < n; i++) {
        s->mask[i] = number(s, 54 + 4 * (size_t)i, 4);
        const uint32_t m = s->mask[i], low = m & (0u - m);
        if ((i < 3 && !m) || ((m / (low ? low : 1) + 1) & (m / (low ? low : 1))) != 0 ||
            (s->bits == 16 && m > 0xFFFF))
            return bad(s, "a mask of channels that is empty or has holes");
    }
    return OMN_OK;
}

static omn_status read_palette(source *s)
{
    if (s->bits > 8) return OMN_OK;
    s->entry = s->head == 12 ? 3 : 4;
    s->palette = 14 + (size_t)s->head;
    s->colours = s->head == 12 ? 0 : number(s, 46, 4);
    if (s->colours == 0 || s->colours > 1u << s->bits) s->colours = 1u << s->bits;
    if (s->palette > s->n || (s->n - s->palette) / s->entry < s->colours)
        return bad(s, "the file ends early, in its palette");
    return OMN_OK;
}

static omn_status head(source *s)
{
    omn_status st = OMN_OK;
    if (s->n < 26 || memcmp(s->p, "BM", 2) != 0) return bad(s, "the file is no BMP");
    s->data = number(s, 10, 4);
    s->head = number(s, 14, 4);
    if (s->head != 12 && (s->head < 40 || s->head > 124))
        return omn_fail(s->err, OMN_ERR_DATA, "BMP: a header of %u bytes", s->head);
    if (s->n < 14 + (size_t)s->head) return bad(s, "the file ends early, in its head");
    OMN_TRY(read_size(s));
    OMN_TRY(read_kind(s));
    OMN_TRY(read_masks(s));
    OMN_TRY(read_palette(s));
    if (s->data < 14 + (size_t)s->head || s->data > s->n)
        return bad(s, "its pixels begin outside of the file");
done:
    return st;
}

/* One colour of the palette at pixel (x, row from the bottom). */
static omn_status put_listed(source *s, uint32_t x, uint32_t row, uint32_t i)
{
    if (i >= s->colours)
        return omn_fail(s->err, OMN_ERR_DATA, "BMP: colour %u, and its palette has %u", i,
                        s->colours);
    const uint8_t *from = s->p + s->palette + (size_t)i * s->entry;
    const uint32_t y = s->down ? row : s->height - 1 - row;
    uint8_t *to = (uint8_t *)s->px.data + ((size_t)y * s->width + x) * 3;
    to[0] = from[2];
    to[1] = from[1];
    to[2] = from[0];
    return OMN_OK;
}

/* A channel of a pixel, scaled to 0..255. */
static uint8_t channel(uint32_t pixel, uint32_t mask)
{
    const uint32_t low = mask & (0u - mask), most = mask / low;
    return (uint8_t)(((uint64_t)((pixel & mask) / low) * 255 + most / 2) / most);
}

static omn_status plain_rows(source *s)
{
    const uint64_t row = ((uint64_t)s->width * s->bits + 31) / 32 * 4;
    const uint32_t channels = s->px.channels;
    /* The filling of the last row may be missing. */
    const uint64_t wanted = row * (s->height - 1) + ((uint64_t)s->width * s->bits + 7) / 8;
    if (wanted > s->n - s->data) return bad(s, "the file ends early");
    for (uint32_t r = 0; r < s->height; r++) {
        const size_t at = s->data + (size_t)(row * r);
        const uint32_t y = s->down ? r : s->height - 1 - r;
        uint8_t *to = (uint8_t *)s->px.data + (size_t)y * s->width * channels;
        for (uint32_t x = 0; x < s->width; x++, to += channels) {
            if (s->bits <= 8) {
                const size_t bit = (size_t)x * s->bits;
                const uint32_t i = s->p[at + bit / 8] >> (8 - s->bits - bit % 8);
                const omn_status st = put_listed(s, x, r, i & ((1u << s->bits) - 1));
                if (st != OMN_OK) return st;
                continue;
            }
            const size_t each = s->bits / 8;
            const uint32_t pixel = number(s, at + x * each, each);
            for (uint32_t k = 0; k < channels; k++) to[k] = channel(pixel, s->mask[k]);
        }
    }
    return OMN_OK;
}

/* Runs: a count and a colour (two in turn with 4 bits), or 0 and an order: end of the row, end of
 * the picture, a jump, or so many pixels as they are. What is jumped over stays black. */
static omn_status runs(source *s)
{
    const bool half = s->packing == RLE4;
    omn_status st = OMN_OK;
    uint32_t x = 0, row = 0;
    for (size_t at = s->data; row < s->height;) {
        if (s->n - at < 2) return bad(s, "the file ends early");
        const uint32_t count = s->p[at], what = s->p[at + 1];
        at += 2;
        if (count == 0 && what == 0) {
            x = 0;
            row++;
        } else if (count == 0 && what == 1) {
            return OMN_OK;
        } else if (count == 0 && what == 2) {
            if (s->n - at < 2) return bad(s, "the file ends early");
            x += s->p[at];
            row += s->p[at + 1];
            at += 2;
        } else {
            const uint32_t n = count ? count : what;
            const size_t bytes = count ? 0 : half ? (n + 1) / 2 : n;
            if (bytes > s->n - at || (bytes % 2 && bytes == s->n - at))
                return bad(s, "the file ends early");
            if (x > s->width || n > s->width - x) return bad(s, "a run that leaves its row");
            for (uint32_t i = 0; i < n; i++, x++) {
                uint32_t c = count ? what : s->p[at + (half ? i / 2 : i)];
                if (half) c = i % 2 ? c & 15 : c >> 4;
                OMN_TRY(put_listed(s, x, row, c));
            }
            at += bytes + bytes % 2;
        }
        if (x > s->width) return bad(s, "a jump that leaves its row");
    }
done:
    return st;
}

omn_status bmp_read(omn_call *c, const uint8_t *bytes, size_t size, omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_image *img = NULL;
    source s = { .p = bytes, .n = size, .err = err };
    OMN_TRY(head(&s));
    const bool packed = s.packing == RLE8 || s.packing == RLE4;
    /* Two bytes of a run make 255 pixels at most, but jumps and an early end cost nothing. */
    if (!packed && (uint64_t)s.width * s.height * s.bits / 8 > s.n)
        OMN_TRY(bad(&s, "the file ends early"));
    st = omn_image_new_within(c, OMN_U8, s.width, s.height, s.mask[3] ? 4 : 3, NULL, &img, &s.px,
                              err);
    if (st != OMN_OK) {
        omn_error_prefix(err, "BMP");
        goto done;
    }
    OMN_TRY(packed ? runs(&s) : plain_rows(&s));
    *out = omn_image_give(img);
    img = NULL;
done:
    omn_image_free(img);
    return st;
}
