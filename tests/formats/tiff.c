/* SPDX-License-Identifier: Apache-2.0 */
/* TIFF: files made here by libtiff come out as their numbers, turned as they say; damage and
 * promises are refused, and libtiff prints nothing. */
#include "tests/formats/exif.h"
#include "tests/formats/open.h"

#include "tests/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tiffio.h>

enum { W = 13, H = 11 };

typedef struct kind {
    uint16_t bits, samples, colours, packing;
    bool alpha, tiles;
    uint16_t turn, pages;
} kind;

static unsigned sample(const kind *k, unsigned x, unsigned y, unsigned c)
{
    if (k->alpha && c == 3u) return (1u << k->bits) - 1;
    return (unsigned)(omn_random_at(5, k->bits, (y * W + x) * 4 + c) & ((1u << k->bits) - 1));
}

static void page(const kind *k, TIFF *t)
{
    const uint16_t extra[1] = { EXTRASAMPLE_UNASSALPHA };
    uint8_t rows[16][16 * 8] = { { 0 } };
    TIFFSetField(t, TIFFTAG_IMAGEWIDTH, (uint32_t)W);
    TIFFSetField(t, TIFFTAG_IMAGELENGTH, (uint32_t)H);
    TIFFSetField(t, TIFFTAG_BITSPERSAMPLE, k->bits);
    TIFFSetField(t, TIFFTAG_SAMPLESPERPIXEL, k->samples);
    TIFFSetField(t, TIFFTAG_PHOTOMETRIC, k->colours);
    TIFFSetField(t, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
    TIFFSetField(t, TIFFTAG_COMPRESSION, k->packing);
    TIFFSetField(t, TIFFTAG_ORIENTATION, k->turn);
    if (k->alpha) TIFFSetField(t, TIFFTAG_EXTRASAMPLES, 1, extra);
    for (unsigned y = 0; y < H; y++)
        for (unsigned i = 0; i < W * k->samples; i++) {
            const unsigned s = sample(k, i / k->samples, y, i % k->samples);
            if (k->bits == 16)
                memcpy(rows[y] + 2 * i, &(uint16_t){ (uint16_t)s }, 2);
            else
                rows[y][i * k->bits / 8] |= (uint8_t)(s << (8 - k->bits - i * k->bits % 8));
        }
    if (k->tiles) {
        uint8_t tile[16 * 16 * 4] = { 0 };
        TIFFSetField(t, TIFFTAG_TILEWIDTH, 16);
        TIFFSetField(t, TIFFTAG_TILELENGTH, 16);
        for (unsigned y = 0; y < H; y++)
            memcpy(tile + y * 16u * k->samples, rows[y], (size_t)W * k->samples);
        ck_assert(TIFFWriteEncodedTile(t, 0, tile, 16 * 16 * k->samples) > 0);
        return;
    }
    TIFFSetField(t, TIFFTAG_ROWSPERSTRIP, 4);
    for (uint32_t y = 0; y < H; y++) ck_assert_int_eq(TIFFWriteScanline(t, rows[y], y, 0), 1);
}

/* The file as bytes, owned. */
static char *make(const kind *k, size_t *n)
{
    char path[512], *bytes = NULL;
    snprintf(path, sizeof path, "%s/made.tif", testing_folder());
    TIFF *t = TIFFOpen(path, "w");
    ck_assert_ptr_nonnull(t);
    for (int i = 0; i < k->pages; i++) {
        page(k, t);
        ck_assert_int_eq(TIFFWriteDirectory(t), 1);
    }
    TIFFClose(t);
    ck_assert_int_eq(omn_file_read(path, 1 << 20, &bytes, n, NULL), OMN_OK);
    return bytes;
}

static const kind kinds[] = {
    { 8, 3, PHOTOMETRIC_RGB, COMPRESSION_NONE, false, false, 1, 1 },
    { 8, 4, PHOTOMETRIC_RGB, COMPRESSION_LZW, true, false, 1, 1 },
    { 8, 1, PHOTOMETRIC_MINISBLACK, COMPRESSION_PACKBITS, false, false, 1, 3 },
    { 8, 1, PHOTOMETRIC_MINISWHITE, COMPRESSION_NONE, false, false, 1, 1 },
    { 1, 1, PHOTOMETRIC_MINISBLACK, COMPRESSION_NONE, false, false, 1, 1 },
    { 4, 1, PHOTOMETRIC_MINISBLACK, COMPRESSION_NONE, false, false, 1, 1 },
    { 8, 3, PHOTOMETRIC_RGB, COMPRESSION_NONE, false, true, 1, 1 },
    { 16, 1, PHOTOMETRIC_MINISBLACK, COMPRESSION_LZW, false, false, 1, 1 },
    { 16, 1, PHOTOMETRIC_MINISWHITE, COMPRESSION_NONE, false, false, 1, 1 },
    { 16, 3, PHOTOMETRIC_RGB, COMPRESSION_NONE, false, false, 1, 1 },
    { 16, 4, PHOTOMETRIC_RGB, COMPRESSION_NONE, true, false, 1, 1 },
};

static void compare(const opened *f, const kind *k, const char *bytes, size_t n)
{
    unsigned u = 0, v = 0;
    omn_image *img = formats_read(f, bytes, n);
    omn_pixels px = omn_image_pixels(img);
    const bool swap = exif_from(k->turn, W, H, 0, 0, &u, &v);
    ck_assert(px.width == (swap ? H : W) && px.height == (swap ? W : H));
    ck_assert_uint_eq(px.channels, k->samples);
    ck_assert_int_eq(px.type, k->bits == 16 ? OMN_F32 : OMN_U8);
    for (unsigned y = 0; y < px.height; y++)
        for (unsigned x = 0; x < px.width; x++)
            for (unsigned c = 0; c < px.channels; c++) {
                const size_t at = (y * px.width + x) * px.channels + c;
                exif_from(k->turn, W, H, x, y, &u, &v);
                double want = sample(k, u, v, c) / (double)((1u << k->bits) - 1);
                if (k->colours == PHOTOMETRIC_MINISWHITE) want = 1 - want;
                const double got = px.type == OMN_F32 ? (double)((const float *)px.data)[at]
                                                      : ((const uint8_t *)px.data)[at] / 255.0;
                ck_assert_msg(got - want < 1e-6 && want - got < 1e-6, "%f not %f", got, want);
            }
    omn_image_free(img);
}

START_TEST(every_kind_comes_out_as_its_numbers)
{
    opened f = formats_open("tiff");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t n = 0;
        char *bytes = make(&kinds[i], &n);
        ck_assert_int_gt(f.format->probe(NULL, (uint8_t *)bytes, 64), 90);
        compare(&f, &kinds[i], bytes, n);
        free(bytes);
    }
    formats_close(&f);
}
END_TEST

START_TEST(all_eight_orientations_come_out_upright)
{
    opened f = formats_open("tiff");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i += 9)
        for (uint16_t turn = 1; turn <= 8; turn++) {
            kind k = kinds[i];
            size_t n = 0;
            k.turn = turn;
            char *bytes = make(&k, &n);
            compare(&f, &k, bytes, n);
            free(bytes);
        }
    formats_close(&f);
}
END_TEST

START_TEST(damage_is_an_error_and_nothing_worse)
{
    opened f = formats_open("tiff");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i += 3) {
        size_t n = 0, refused = 0;
        char *bytes = make(&kinds[i], &n), *copy = malloc(n);
        for (uint64_t k = 0; k < 700; k++) {
            omn_error err = OMN_ERROR_INIT;
            memcpy(copy, bytes, n);
            for (uint64_t j = 0; j <= k % 4; j++) {
                const uint64_t x = omn_random_at(9, k, j);
                copy[x % n] = (char)(x >> 40);
            }
            refused += formats_try(&f, copy, k % 3 ? n : (size_t)k % n, &err) != OMN_OK;
            ck_assert(strpbrk(err.text, "\n\r\033") == NULL);
        }
        ck_assert_uint_gt(refused, 100);
        free(copy);
        free(bytes);
    }
    formats_close(&f);
}
END_TEST

/* A directory that promises a picture of 65535 x 4000 pixels, or none. */
START_TEST(promises_are_not_believed)
{
    static const uint8_t head[] = {
        'I', 'I', 42, 0, 8, 0, 0, 0, 5, 0,
        0, 1, 4, 0, 1, 0, 0, 0, 0xff, 0xff, 0, 0,         /* width */
        1, 1, 4, 0, 1, 0, 0, 0, 0xa0, 0x0f, 0, 0,         /* length */
        2, 1, 3, 0, 1, 0, 0, 0, 8, 0, 0, 0,               /* bits */
        6, 1, 3, 0, 1, 0, 0, 0, 1, 0, 0, 0,               /* black is 0 */
        0x11, 1, 4, 0, 1, 0, 0, 0, 8, 0, 0, 0,            /* strips */
        0, 0, 0, 0 };
    opened f = formats_open("tiff");
    omn_error err = OMN_ERROR_INIT;
    ck_assert_int_eq(formats_try(&f, head, sizeof head, &err), OMN_ERR_DATA);
    ck_assert_msg(strncmp(err.text, "TIFF: ", 6) == 0, "%s", err.text);
    err = (omn_error)OMN_ERROR_INIT;
    ck_assert_int_eq(formats_try(&f, head, 8, &err), OMN_ERR_DATA);
    ck_assert_msg(strncmp(err.text, "TIFF: ", 6) == 0, "%s", err.text);
    formats_close(&f);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { every_kind_comes_out_as_its_numbers,
                                 all_eight_orientations_come_out_upright,
                                 damage_is_an_error_and_nothing_worse, promises_are_not_believed };
    return TESTING_RUN("formats/tiff", all, 60);
}
