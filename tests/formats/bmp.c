/* SPDX-License-Identifier: Apache-2.0 */
/* BMP: every width of pixels, header and packing, laid out here by hand, comes out as its colours;
 * what is damaged or promises too much is refused. */
#include "tests/formats/open.h"

#include "tests/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct made {
    uint8_t bytes[4096];
    size_t n;
} made;

static void put(made *m, uint64_t x, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) m->bytes[m->n++] = i < 8 ? (uint8_t)(x >> 8 * i) : 0;
}

static void put_at(made *m, size_t at, uint32_t x, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) m->bytes[at + i] = (uint8_t)(x >> 8 * i);
}

/* The head of a picture whose pixels follow; masks: 3 or 4, palette: colours as 0xRRGGBB. */
static void begin(made *m, uint32_t head, int32_t w, int32_t h, uint32_t bits, uint32_t packing,
                  const uint32_t *masks, size_t n_masks, const uint32_t *palette, size_t colours)
{
    m->n = 0;
    put(m, 'B' | 'M' << 8, 2);
    put(m, 0, 8);
    put(m, 0, 4);
    put(m, head, 4);
    if (head == 12) {
        put(m, (uint32_t)w, 2);
        put(m, (uint32_t)h, 2);
        put(m, 1, 2);
        put(m, bits, 2);
    } else {
        put(m, (uint32_t)w, 4);
        put(m, (uint32_t)h, 4);
        put(m, 1, 2);
        put(m, bits, 2);
        put(m, packing, 4);
        put(m, 0, 12);
        put(m, colours, 4);
        put(m, 0, 4);
    }
    for (size_t i = 0; i < n_masks; i++) put(m, masks[i], 4);
    while (m->n < 14 + (size_t)head) put(m, 0, 1);
    for (size_t i = 0; i < colours; i++) put(m, palette[i], head == 12 ? 3 : 4);
    put_at(m, 10, (uint32_t)m->n, 4);
}

static void check(const opened *f, const made *m, uint32_t w, uint32_t h, uint32_t channels,
                  const char *want, const char *what)
{
    ck_assert_int_gt(f->format->probe(NULL, m->bytes, m->n < 64 ? m->n : 64), 90);
    omn_image *img = formats_read(f, m->bytes, m->n);
    omn_pixels px = omn_image_pixels(img);
    ck_assert_msg(px.width == w && px.height == h && px.channels == channels, "%s", what);
    ck_assert_msg(memcmp(px.data, want, (size_t)w * h * channels) == 0, "%s", what);
    omn_image_free(img);
}

static const uint32_t colours[16] = { 0x000000, 0xff0000, 0x00ff00, 0x0000ff, 0x010203 };

/* Two rows of three pixels: red green blue above blue green red. */
#define ROWS "\xff\0\0\0\xff\0\0\0\xff" "\0\0\xff\0\xff\0\xff\0\0"

START_TEST(every_kind_comes_out_as_its_colours)
{
    static const uint32_t five[3] = { 0xf800, 0x07e0, 0x001f };
    static const uint32_t turned[4] = { 0xff, 0xff00, 0xff0000, 0xff000000 };
    opened f = formats_open("bmp");
    made *m = testing_memory(sizeof(*m));
    for (int down = 0; down < 2; down++) {
        const int32_t h = down ? -2 : 2;
        begin(m, 40, 3, h, 24, 0, NULL, 0, NULL, 0);
        /* Stored from the bottom up: blue green red, then red green blue. */
        if (down) put(m, 0, 0);
        static const uint32_t upper[3] = { 0xff0000, 0x00ff00, 0x0000ff },
                              lower[3] = { 0x0000ff, 0x00ff00, 0xff0000 };
        for (int r = 0; r < 2; r++) {
            for (int x = 0; x < 3; x++) put(m, (r == 0) == (down != 0) ? upper[x] : lower[x], 3);
            put(m, 0, 3); /* 9 bytes filled up to 12 */
        }
        check(&f, m, 3, 2, 3, ROWS, down ? "24 bits, downwards" : "24 bits");
        begin(m, 40, 3, h, 32, 0, NULL, 0, NULL, 0);
        for (int r = 0; r < 2; r++)
            for (int x = 0; x < 3; x++) put(m, (r == 0) == (down != 0) ? upper[x] : lower[x], 4);
        check(&f, m, 3, 2, 3, ROWS, "32 bits, the fourth byte means nothing");
    }
    for (uint32_t bits = 2; bits <= 8; bits *= 2)
        for (uint32_t head = 12; head <= 124; head += head == 12 ? 28 : 84) {
            begin(m, head, 3, 2, bits, 0, NULL, 0, colours, (size_t)1 << (bits > 4 ? 4 : bits));
            if (head == 12 && bits == 8) continue; /* that palette always has 256 */
            for (int r = 0; r < 2; r++) {
                uint32_t row = 0;
                for (uint32_t x = 0; x < 3; x++)
                    row |= (r ? x + 1 : 3 - x) << (32 - bits - bits * x);
                for (int i = 24; i >= 0; i -= 8) put(m, row >> i & 255, 1);
            }
            check(&f, m, 3, 2, 3, ROWS, "palettes");
        }
    begin(m, 40, 9, 1, 1, 0, NULL, 0, colours, 2);
    put(m, 0x80a5, 2); /* 1010 0101, then 1 */
    check(&f, m, 9, 1, 3, "\xff\0\0\0\0\0\xff\0\0\0\0\0\0\0\0\xff\0\0\0\0\0\xff\0\0\xff\0\0",
          "1 bit, without the filling of the last row");
    begin(m, 40, 2, 1, 16, 0, NULL, 0, NULL, 0);
    put(m, 0x7c00 | 0x03e0u << 16, 4);
    check(&f, m, 2, 1, 3, "\xff\0\0\0\xff\0", "16 bits, five each");
    begin(m, 40, 2, 1, 16, 3, five, 3, NULL, 0);
    put_at(m, 10, 66, 4);
    put(m, 0xf800 | 0x0400u << 16, 4);
    check(&f, m, 2, 1, 3, "\xff\0\0\0\x82\0", "16 bits, six of green");
    begin(m, 108, 1, 1, 32, 3, turned, 4, NULL, 0);
    put(m, 0x80030201, 4);
    check(&f, m, 1, 1, 4, "\1\2\3\x80", "32 bits with alpha");
    begin(m, 40, 5, 2, 8, 1, NULL, 0, colours, 5);
    put(m, 0x0103, 2);             /* three of 1 */
    put(m, 0x0202, 2);             /* two of 2 */
    put(m, 0, 2);                  /* end of the row */
    memcpy(m->bytes + m->n, "\0\3\1\2\3\0", 6); /* three as they are, filled up */
    m->n += 6;
    put(m, 0x0100, 2);             /* end of the picture: the rest stays black */
    check(&f, m, 5, 2, 3,
          "\xff\0\0\0\xff\0\0\0\xff\0\0\0\0\0\0" "\xff\0\0\xff\0\0\xff\0\0\0\xff\0\0\xff\0",
          "runs of bytes");
    begin(m, 40, 4, 1, 4, 2, NULL, 0, colours, 5);
    put(m, 0x1203, 2);             /* 1 2 1 */
    put(m, 0x3001, 2);             /* 3 */
    put(m, 0x0100, 2);
    check(&f, m, 4, 1, 3, "\xff\0\0\0\xff\0\xff\0\0\0\0\xff", "runs of halves");
    begin(m, 40, 4, 2, 8, 1, NULL, 0, colours, 5);
    memcpy(m->bytes + m->n, "\0\2\2\1\1\1\0\1", 8); /* jump by 2, 1, then one of 1 */
    m->n += 8;
    check(&f, m, 4, 2, 3, "\0\0\0\0\0\0\xff\0\0\0\0\0" "\0\0\0\0\0\0\0\0\0\0\0\0", "a jump");
    formats_close(&f);
}
END_TEST

START_TEST(what_cannot_be_is_refused)
{
    static const uint32_t holes[3] = { 0xf0f0, 0x0f, 0xf00 }, none[3] = { 0, 1, 2 };
    opened f = formats_open("bmp");
    made *m = testing_memory(sizeof(*m));
    static const struct {
        const char *says;
        size_t at, bytes;
        uint32_t x;
    } rows[] = {
        { "the file is no BMP", 0, 1, 'C' },
        { "a header of 13 bytes", 14, 4, 13 },
        { "a header of 4294967295 bytes", 14, 4, 0xffffffff },
        { "0 x 2 pixels", 18, 4, 0 },
        { "0 x 2 pixels", 18, 4, 0x80000001 },
        { "3 x 2147483648 pixels: sides are 1..65535", 22, 4, 0x80000000 },
        { "70000 x 2 pixels", 18, 4, 70000 },
        { "the file ends early", 18, 4, 60000 },
        { "23 bits a pixel", 28, 2, 23 },
        { "packing 1 of 24 bits", 30, 4, 1 },
        { "packing 9 of 24 bits", 30, 4, 9 },
        { "its pixels begin outside", 10, 4, 53 },
        { "its pixels begin outside", 10, 4, 0xfffffff0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        omn_error err = OMN_ERROR_INIT;
        begin(m, 40, 3, 2, 24, 0, NULL, 0, NULL, 0);
        put(m, 0, 24);
        put_at(m, rows[i].at, rows[i].x, rows[i].bytes);
        ck_assert_int_eq(formats_try(&f, m->bytes, m->n, &err), OMN_ERR_DATA);
        ck_assert_msg(strstr(err.text, rows[i].says), "\"%s\" does not say \"%s\"", err.text,
                      rows[i].says);
    }
    omn_error err = OMN_ERROR_INIT;
    begin(m, 40, 1, 1, 32, 5, NULL, 0, NULL, 0);
    put(m, 0, 4);
    ck_assert_int_eq(formats_try(&f, m->bytes, m->n, &err), OMN_ERR_UNSUPPORTED);
    ck_assert_str_eq(err.text, "BMP: a PNG inside of it cannot be read");
    for (int k = 0; k < 2; k++) {
        err = (omn_error)OMN_ERROR_INIT;
        begin(m, 108, 1, 1, 32, 3, k ? holes : none, 3, NULL, 0);
        put(m, 0, 4);
        ck_assert_int_eq(formats_try(&f, m->bytes, m->n, &err), OMN_ERR_DATA);
        ck_assert_str_eq(err.text, "BMP: a mask of channels that is empty or has holes");
    }
    err = (omn_error)OMN_ERROR_INIT;
    begin(m, 40, 1, 1, 8, 0, NULL, 0, colours, 3);
    put(m, 3, 4);
    ck_assert_int_eq(formats_try(&f, m->bytes, m->n, &err), OMN_ERR_DATA);
    ck_assert_str_eq(err.text, "BMP: colour 3, and its palette has 3");
    static const struct {
        const char *bytes;
        size_t n;
    } runs[] = { { "\5\1", 2 }, { "\0\5\1\1\1\1\1\0", 8 }, { "\0\2\5\0\0\1", 6 }, { "\1\1", 2 },
                 { "\0\3\1\1", 4 }, { "\0\2\1", 3 }, { "\2\5\0\1", 4 } };
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        err = (omn_error)OMN_ERROR_INIT;
        begin(m, 40, 4, 1, 8, 1, NULL, 0, colours, 5);
        memcpy(m->bytes + m->n, runs[i].bytes, runs[i].n);
        m->n += runs[i].n;
        ck_assert_int_eq(formats_try(&f, m->bytes, m->n, &err), OMN_ERR_DATA);
    }
    formats_close(&f);
}
END_TEST

START_TEST(damage_is_an_error_and_nothing_worse)
{
    static const uint32_t turned[4] = { 0xff, 0xff00, 0xff0000, 0xff000000 };
    opened f = formats_open("bmp");
    made *m = testing_memory(sizeof(*m));
    begin(m, 108, 3, 3, 32, 3, turned, 4, NULL, 0);
    for (int i = 0; i < 9; i++) put(m, 0x01020304u * (uint32_t)i, 4);
    formats_damage(&f, m->bytes, m->n, 700);
    begin(m, 40, 4, 2, 8, 1, NULL, 0, colours, 5);
    memcpy(m->bytes + m->n, "\4\1\0\0\0\4\1\2\3\4", 10);
    m->n += 10;
    /* The second row may also end where the file does not say so. */
    memcpy(m->bytes + m->n, "\0\1", 2);
    m->n += 2;
    formats_damage(&f, m->bytes, m->n, 700);
    formats_close(&f);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { every_kind_comes_out_as_its_colours, what_cannot_be_is_refused,
                                 damage_is_an_error_and_nothing_worse };
    return TESTING_RUN("formats/bmp", all, 30);
}
