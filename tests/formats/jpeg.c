/* SPDX-License-Identifier: Apache-2.0 */
/* JPEG: grey, colour and both kinds of four inks, made here by libjpeg; all eight ways to hold a
 * camera; EXIF data of every damaged sort; files cut short. JPEG loses detail, so pictures change
 * slowly and tolerances are a few steps of 255. */
#include "tests/formats/exif.h"
#include "tests/formats/open.h"

#include "tests/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#define OK(call) ck_assert_int_eq((call), OMN_OK)

enum { W = 24, H = 16 };

/* Where x and y can be told from the numbers: u grows to the right, v downwards, 40..200. */
static unsigned ramp(unsigned i, unsigned n)
{
    return 40 + 160 * i / (n - 1);
}

typedef struct made {
    unsigned char *bytes;
    unsigned long n;
} made;

/* components 1, 3 or 4, inks stored inverted; adobe: with Adobe's marker. exif: APP1, may be NULL.
 */
static made make(int components, J_COLOR_SPACE stored, bool adobe, const void *exif, size_t exif_n)
{
    made m = { NULL, 0 };
    struct jpeg_compress_struct info;
    struct jpeg_error_mgr trouble;
    info.err = jpeg_std_error(&trouble);
    jpeg_create_compress(&info);
    jpeg_mem_dest(&info, &m.bytes, &m.n);
    info.image_width = W;
    info.image_height = H;
    info.input_components = components;
    info.in_color_space = components == 1 ? JCS_GRAYSCALE : components == 3 ? JCS_RGB : JCS_CMYK;
    jpeg_set_defaults(&info);
    jpeg_set_colorspace(&info, stored);
    jpeg_set_quality(&info, 98, TRUE);
    info.write_Adobe_marker = adobe;
    for (int i = 0; i < info.num_components; i++)
        info.comp_info[i].h_samp_factor = info.comp_info[i].v_samp_factor = 1;
    jpeg_start_compress(&info, TRUE);
    if (exif != NULL) jpeg_write_marker(&info, JPEG_APP0 + 1, exif, (unsigned)exif_n);
    for (unsigned y = 0; y < H; y++) {
        unsigned char row[W * 4], *at = row;
        for (unsigned x = 0; x < W; x++) {
            unsigned u = ramp(x, W), v = ramp(y, H);
            unsigned p[4] = { u, v, 100, 255 };
            if (components == 4) { /* cyan, magenta, yellow, black of the colour (u, v, 100) */
                unsigned inks[4] = { 255 - u, 255 - v, 155, 0 };
                for (int k = 0; k < 4; k++) p[k] = 255 - inks[k];
            }
            for (int k = 0; k < components; k++) *at++ = (unsigned char)p[k];
        }
        JSAMPROW one = row;
        jpeg_write_scanlines(&info, &one, 1);
    }
    jpeg_finish_compress(&info);
    jpeg_destroy_compress(&info);
    return m;
}

static void near(const omn_pixels *px, unsigned x, unsigned y, unsigned c, unsigned want)
{
    int got = ((const uint8_t *)px->data)[(y * px->width + x) * px->channels + c];
    ck_assert_msg(abs(got - (int)want) <= 6, "at %u %u %u: %d, not %u", x, y, c, got, want);
}

START_TEST(every_kind_of_jpeg_comes_out_as_its_colours)
{
    static const struct {
        int components;
        J_COLOR_SPACE stored;
        bool adobe;
    } kinds[] = {
        { 1, JCS_GRAYSCALE, false }, { 3, JCS_YCbCr, false }, { 3, JCS_RGB, true },
        { 4, JCS_CMYK, false },      { 4, JCS_CMYK, true },   { 4, JCS_YCCK, true },
    };
    opened f = formats_open("jpeg");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        made m = make(kinds[i].components, kinds[i].stored, kinds[i].adobe, NULL, 0);
        ck_assert_int_ge(f.format->probe(NULL, m.bytes, 64), 90);
        omn_image *img = formats_read(&f, m.bytes, m.n);
        omn_pixels px = omn_image_pixels(img);
        ck_assert_uint_eq(px.channels, kinds[i].components == 1 ? 1 : 3);
        ck_assert_uint_eq(px.width, W);
        for (unsigned y = 0; y < H; y++)
            for (unsigned x = 0; x < W; x++) {
                near(&px, x, y, 0, ramp(x, W));
                if (px.channels == 3) near(&px, x, y, 1, ramp(y, H));
                if (px.channels == 3) near(&px, x, y, 2, 100);
            }
        omn_image_free(img);
        free(m.bytes);
    }
    formats_close(&f);
}
END_TEST

START_TEST(all_eight_orientations_come_out_upright)
{
    opened f = formats_open("jpeg");
    for (int big = 0; big < 2; big++)
        for (unsigned o = 0; o <= 9; o++) {
            uint8_t exif[EXIF_MOST];
            unsigned u = 0, v = 0;
            made m = make(3, JCS_YCbCr, false, exif, exif_make(exif, big != 0, o));
            omn_image *img = formats_read(&f, m.bytes, m.n);
            omn_pixels px = omn_image_pixels(img);
            bool swap = exif_from(o, W, H, 0, 0, &u, &v);
            ck_assert_uint_eq(px.width, swap ? H : W);
            ck_assert_uint_eq(px.height, swap ? W : H);
            ck_assert_uint_eq(omn_image_frame(img)->width, px.width);
            ck_assert_uint_eq(omn_image_frame(img)->height, px.height);
            for (unsigned y = 0; y < px.height; y++)
                for (unsigned x = 0; x < px.width; x++) {
                    exif_from(o, W, H, x, y, &u, &v);
                    near(&px, x, y, 0, ramp(u, W));
                    near(&px, x, y, 1, ramp(v, H));
                }
            omn_image_free(img);
            free(m.bytes);
        }
    formats_close(&f);
}
END_TEST

/* TIFF lets an unsigned number have three types; phones use the widest. */
START_TEST(orientations_of_every_type_come_out_upright)
{
    opened f = formats_open("jpeg");
    for (int big = 0; big < 2; big++)
        for (unsigned type = 1; type <= 4; type += type == 1 ? 2 : 1) {
            uint8_t exif[EXIF_MOST];
            size_t n = exif_make(exif, big != 0, 1);
            exif_type(exif, big != 0, type, 6);
            for (size_t less = 0; less <= EXIF_WHOLE; less++) { /* the entry ends with the block */
                made m = make(3, JCS_YCbCr, false, exif, n - less);
                omn_image *img = formats_read(&f, m.bytes, m.n);
                ck_assert_uint_eq(omn_image_pixels(img).width, H);
                omn_image_free(img);
                free(m.bytes);
            }
        }
    formats_close(&f);
}
END_TEST

START_TEST(damaged_exif_is_ignored)
{
    opened f = formats_open("jpeg");
    uint8_t exif[EXIF_MOST];
    for (int big = 0; big < 2; big++) {
        const char *what;
        size_t n;
        for (size_t i = 0; (what = exif_bad(i, big != 0, exif, &n)) != NULL; i++) {
            made m = make(1, JCS_GRAYSCALE, false, exif, n);
            omn_image *img = formats_read(&f, m.bytes, m.n);
            ck_assert_msg(omn_image_pixels(img).width == W, "%s, %zu bytes", what, n);
            omn_image_free(img);
            free(m.bytes);
        }
        for (size_t i = 0; i < 300; i++) {
            n = exif_noise(i, big != 0, exif);
            made m = make(1, JCS_GRAYSCALE, false, exif, n);
            omn_image_free(formats_read(&f, m.bytes, m.n));
            free(m.bytes);
        }
    }
    formats_close(&f);
}
END_TEST

START_TEST(what_is_written_reads_back)
{
    static const char *const chroma[3] = { "420", "422", "444" };
    opened f = formats_open("jpeg");
    for (uint32_t channels = 1; channels <= 4; channels += channels == 1 ? 2 : 1)
        for (int i = 0; i < 3; i++) {
            const omn_setting set[3] = { { "quality", "97", 0, 0 },
                                         { "chroma", chroma[i], 0, 0 },
                                         { "progressive", i == 1 ? "true" : "false", 0, 0 } };
            omn_image *in = formats_smooth(50, 37, channels), *out;
            uint8_t *bytes = NULL;
            size_t n = 0;
            OK(formats_write(&f, (omn_value *)in, set, 3, &bytes, &n, NULL));
            out = formats_read(&f, bytes, n);
            omn_pixels a = omn_image_pixels(in), b = omn_image_pixels(out);
            ck_assert_uint_eq(b.channels, channels == 1 ? 1 : 3);
            for (unsigned y = 0; y < 37; y++)
                for (unsigned x = 0; x < 50; x++)
                    for (unsigned c = 0; c < b.channels; c++)
                        near(&b, x, y, c, ((uint8_t *)a.data)[(y * 50 + x) * channels + c]);
            free(bytes);
            omn_image_free(in);
            omn_image_free(out);
        }
    omn_pixels px;
    omn_image *wide = NULL;
    uint8_t *bytes = NULL;
    size_t n = 0;
    omn_error err = OMN_ERROR_INIT;
    OK(omn_image_new(OMN_U8, 65535, 1, 1, NULL, &wide, &px, NULL));
    ck_assert_int_eq(formats_write(&f, (omn_value *)wide, NULL, 0, &bytes, &n, &err),
                     OMN_ERR_SHAPE);
    const omn_setting bad[1] = { { "quality", "0", 0, 0 } };
    ck_assert_int_ne(formats_write(&f, (omn_value *)wide, bad, 1, &bytes, &n, NULL), OMN_OK);
    omn_image_free(wide);
    formats_close(&f);
}
END_TEST

START_TEST(transparent_pixels_become_white)
{
    opened f = formats_open("jpeg");
    omn_image *in = NULL, *out;
    omn_pixels px;
    uint8_t *bytes = NULL;
    size_t n = 0;
    OK(omn_image_new(OMN_F32, 8, 8, 4, NULL, &in, &px, NULL)); /* black, nothing of it seen */
    OK(formats_write(&f, (omn_value *)in, NULL, 0, &bytes, &n, NULL));
    out = formats_read(&f, bytes, n);
    px = omn_image_pixels(out);
    near(&px, 4, 4, 1, 255);
    free(bytes);
    omn_image_free(in);
    omn_image_free(out);
    formats_close(&f);
}
END_TEST

START_TEST(damage_is_an_error_and_nothing_worse)
{
    opened f = formats_open("jpeg");
    made m = make(3, JCS_YCbCr, false, NULL, 0);
    /* Without the last two bytes, the end marker, the picture is still whole; libjpeg warns: an
     * error. */
    formats_damage(&f, m.bytes, m.n, 1000);
    omn_error err = OMN_ERROR_INIT;
    ck_assert_int_eq(formats_try(&f, m.bytes, m.n - 40, &err), OMN_ERR_DATA);
    ck_assert_msg(strncmp(err.text, "JPEG: ", 6) == 0, "%s", err.text);
    free(m.bytes);
    omn_image *in = formats_smooth(40, 40, 3);
    const omn_setting set[1] = { { "progressive", "true", 0, 0 } };
    uint8_t *bytes = NULL;
    size_t n = 0;
    OK(formats_write(&f, (omn_value *)in, set, 1, &bytes, &n, NULL));
    formats_damage(&f, bytes, n, 1000);
    free(bytes);
    omn_image_free(in);
    formats_close(&f);
}
END_TEST

START_TEST(promises_are_not_believed)
{
    opened f = formats_open("jpeg");
    made m = make(1, JCS_GRAYSCALE, false, NULL, 0);
    uint8_t *sof = memmem(m.bytes, m.n, "\xff\xc0", 2);
    ck_assert_ptr_nonnull(sof);
    memcpy(sof + 5, "\xff\x00\xff\x00", 4); /* 65280 x 65280 */
    omn_error err = OMN_ERROR_INIT;
    ck_assert_int_eq(formats_try(&f, m.bytes, m.n, &err), OMN_ERR_DATA);
    ck_assert_msg(strstr(err.text, "too short") != NULL, "%s", err.text);
    free(m.bytes);
    formats_close(&f);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        every_kind_of_jpeg_comes_out_as_its_colours,
        all_eight_orientations_come_out_upright,
        orientations_of_every_type_come_out_upright,
        damaged_exif_is_ignored,
        what_is_written_reads_back,
        transparent_pixels_become_white,
        damage_is_an_error_and_nothing_worse,
        promises_are_not_believed,
    };
    return TESTING_RUN("formats/jpeg", all, 30);
}
