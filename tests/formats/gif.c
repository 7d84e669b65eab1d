/* SPDX-License-Identifier: Apache-2.0 */
/* GIF: files made here by giflib come out as their colours; the first frame of a moving one stands
 * on its canvas; damage and promises are refused. */
#include "tests/formats/open.h"

#include "tests/testing.h"

#include <gif_lib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct made {
    uint8_t bytes[65536];
    size_t n;
} made;

static int store(GifFileType *gif, const GifByteType *from, int n)
{
    made *m = gif->UserData;
    ck_assert(m->n + (size_t)n <= sizeof m->bytes);
    memcpy(m->bytes + m->n, from, (size_t)n);
    m->n += (size_t)n;
    return n;
}

typedef struct kind {
    int w, h, left, top, canvas_w, canvas_h, clear, frames;
    bool interlaced, local;
} kind;

static int colour_at(int x, int y)
{
    return (3 * x + 5 * y) % 7;
}

static void make(const kind *k, made *m)
{
    static const GifColorType colours[8] = { { 0, 0, 0 },    { 255, 0, 0 }, { 0, 255, 0 },
                                             { 0, 0, 255 },  { 1, 2, 3 },   { 9, 9, 9 },
                                             { 100, 50, 25 } };
    int code = 0;
    m->n = 0;
    GifFileType *gif = EGifOpen(m, store, &code);
    ColorMapObject *map = GifMakeMapObject(8, colours);
    ck_assert(gif && map);
    EGifSetGifVersion(gif, true);
    ck_assert_int_eq(EGifPutScreenDesc(gif, k->canvas_w, k->canvas_h, 8, 0, k->local ? NULL : map),
                     GIF_OK);
    for (int i = 0; i < k->frames; i++) {
        GraphicsControlBlock control = { 0, false, 10, k->clear };
        GifByteType block[4];
        EGifGCBToExtension(&control, block);
        ck_assert_int_eq(EGifPutExtension(gif, GRAPHICS_EXT_FUNC_CODE, 4, block), GIF_OK);
        ck_assert_int_eq(EGifPutImageDesc(gif, k->left, k->top, k->w, k->h, k->interlaced,
                                          k->local ? map : NULL), GIF_OK);
        static const int from[] = { 0, 4, 2, 1 }, step[] = { 8, 8, 4, 2 };
        for (int pass = 0; pass < (k->interlaced ? 4 : 1); pass++)
            for (int y = k->interlaced ? from[pass] : 0; y < k->h;
                 y += k->interlaced ? step[pass] : 1) {
                GifByteType row[64];
                for (int x = 0; x < k->w; x++) row[x] = (GifByteType)(i ? 5 : colour_at(x, y));
                ck_assert_int_eq(EGifPutLine(gif, row, k->w), GIF_OK);
            }
    }
    ck_assert_int_eq(EGifCloseFile(gif, &code), GIF_OK);
    GifFreeMapObject(map);
}

static const kind kinds[] = {
    { 13, 11, 0, 0, 13, 11, -1, 1, false, false }, { 13, 11, 0, 0, 13, 11, -1, 1, true, false },
    { 13, 11, 0, 0, 13, 11, -1, 1, true, true },   { 13, 11, 0, 0, 13, 11, 2, 1, false, false },
    { 5, 4, 3, 2, 13, 11, -1, 1, false, false },   { 13, 11, 0, 0, 4, 4, -1, 1, false, true },
    { 13, 11, 0, 0, 13, 11, -1, 3, false, false }, { 1, 1, 0, 0, 1, 1, -1, 1, true, false },
};

START_TEST(every_kind_comes_out_as_its_colours)
{
    static const uint8_t colours[7][3] = { { 0, 0, 0 }, { 255, 0, 0 }, { 0, 255, 0 }, { 0, 0, 255 },
                                           { 1, 2, 3 }, { 9, 9, 9 },   { 100, 50, 25 } };
    opened f = formats_open("gif");
    made *m = testing_memory(sizeof(*m));
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const kind *k = &kinds[i];
        make(k, m);
        ck_assert_int_eq(f.format->probe(NULL, m->bytes, 64), 100);
        omn_image *img = formats_read(&f, m->bytes, m->n);
        omn_pixels px = omn_image_pixels(img);
        const int w = k->left + k->w > k->canvas_w ? k->left + k->w : k->canvas_w;
        const int h = k->top + k->h > k->canvas_h ? k->top + k->h : k->canvas_h;
        const bool whole = w == k->w && h == k->h && k->clear < 0;
        ck_assert(px.width == (uint32_t)w && px.height == (uint32_t)h);
        ck_assert_uint_eq(px.channels, whole ? 3 : 4);
        const uint8_t *p = px.data;
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++, p += px.channels) {
                const int u = x - k->left, v = y - k->top;
                const bool in = u >= 0 && v >= 0 && u < k->w && v < k->h;
                const int c = in ? colour_at(u, v) : -1;
                if (px.channels == 4) ck_assert_uint_eq(p[3], in && c != k->clear ? 255 : 0);
                if (in && c != k->clear) ck_assert_mem_eq(p, colours[c], 3);
            }
        omn_image_free(img);
    }
    formats_close(&f);
}
END_TEST

START_TEST(damage_is_an_error_and_nothing_worse)
{
    opened f = formats_open("gif");
    made *m = testing_memory(sizeof(*m));
    for (size_t i = 0; i < 5; i++) {
        make(&kinds[i], m);
        /* The last two bytes end the data and the file; the picture is whole without them. */
        for (size_t n = 0; n + 4 < m->n; n++) {
            omn_error err = OMN_ERROR_INIT;
            ck_assert_int_eq(formats_try(&f, m->bytes, n, &err), OMN_ERR_DATA);
            ck_assert_msg(strncmp(err.text, "GIF: ", 5) == 0, "%s", err.text);
        }
        for (uint64_t k = 0; k < 500; k++) {
            made *copy = malloc(sizeof *copy);
            omn_error err = OMN_ERROR_INIT;
            memcpy(copy, m, sizeof *copy);
            for (uint64_t j = 0; j <= k % 4; j++) {
                const uint64_t x = omn_random_at(9, k, j);
                copy->bytes[x % m->n] = (uint8_t)(x >> 40);
            }
            formats_try(&f, copy->bytes, m->n, &err);
            free(copy);
        }
    }
    formats_close(&f);
}
END_TEST

START_TEST(promises_are_not_believed)
{
    opened f = formats_open("gif");
    made *m = testing_memory(sizeof(*m));
    omn_error err = OMN_ERROR_INIT;
    make(&kinds[0], m);
    memset(m->bytes + 6, 0xff, 4); /* a canvas of 65535 x 65535 */
    ck_assert_int_eq(formats_try(&f, m->bytes, m->n, &err), OMN_ERR_SHAPE);
    ck_assert_msg(strncmp(err.text, "GIF: ", 5) == 0, "%s", err.text);
    static const char none[] = "GIF89a\1\0\1\0\0\0\0;";
    err = (omn_error)OMN_ERROR_INIT;
    ck_assert_int_eq(formats_try(&f, none, sizeof none - 1, &err), OMN_ERR_DATA);
    ck_assert_str_eq(err.text, "GIF: there is no picture in it");
    formats_close(&f);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { every_kind_comes_out_as_its_colours,
                                 damage_is_an_error_and_nothing_worse, promises_are_not_believed };
    return TESTING_RUN("formats/gif", all, 30);
}
