/* SPDX-License-Identifier: Apache-2.0 */
/* Netpbm: every kind, plain and raw, comes out as its numbers; what is written reads back; files
 * that are too short or say what cannot be are refused. */
#include "tests/formats/open.h"

#include "tests/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK(call) ck_assert_int_eq((call), OMN_OK)

typedef struct file {
    const char *bytes;
    size_t n;
    uint32_t w, h, channels;
    double want[16]; /* 0..255 */
    bool deep;
} file;

#define BYTES(s) s, sizeof(s) - 1

static const file good[] = {
    { BYTES("P1\n# a comment\n3 2\n1 0 1\n010"), 3, 2, 1, { 0, 255, 0, 255, 0, 255 }, false },
    { BYTES("P1 3 2 101010"), 3, 2, 1, { 0, 255, 0, 255, 0, 255 }, false },
    { BYTES("P4 10 2\n\xa0\x40\x00\xff"), 10, 2, 1,
      { 0, 255, 0, 255, 255, 255, 255, 255, 255, 0, 255, 255, 255, 255, 255, 255 }, false },
    { BYTES("P2 2 2 9\n0 3\n 6 9"), 2, 2, 1, { 0, 85, 170, 255 }, false },
    { BYTES("P2 2 1 65535 0 65535 "), 2, 1, 1, { 0, 255 }, true },
    { BYTES("P5 2 2 255\n\0\1\x7f\xff"), 2, 2, 1, { 0, 1, 127, 255 }, false },
    { BYTES("P5 # one\r2#two\n2\r\n3\n\0\1\2\3"), 2, 2, 1, { 0, 85, 170, 255 }, false },
    { BYTES("P5 2 1 65535\n\x80\0\0\xff"), 2, 1, 1, { 32768 / 257.0, 255 / 257.0 }, true },
    { BYTES("P5 1 1 256\n\1\0"), 1, 1, 1, { 255 }, true },
    { BYTES("P3 1 2 255 1 2 3 4 5 6"), 1, 2, 3, { 1, 2, 3, 4, 5, 6 }, false },
    { BYTES("P6 1 2 255\n\1\2\3\4\5\6"), 1, 2, 3, { 1, 2, 3, 4, 5, 6 }, false },
    { BYTES("P6 1 1 1000\n\1\xf4\0\0\3\xe8"), 1, 1, 3, { 127.5, 0, 255 }, true },
    { BYTES("P7\nWIDTH 2\nHEIGHT 1\nDEPTH 1\nMAXVAL 255\nENDHDR\n\1\2"), 2, 1, 1, { 1, 2 }, false },
    { BYTES("P7\nMAXVAL 1\n#c\nDEPTH 1\nHEIGHT 1\nWIDTH 2\nTUPLTYPE BLACKANDWHITE\nENDHDR\n\0\1"),
      2, 1, 1, { 0, 255 }, false },
    { BYTES("P7\nWIDTH 1\nHEIGHT 2\nDEPTH 2\nMAXVAL 255\nTUPLTYPE GRAYSCALE_ALPHA\nENDHDR\n"
            "\7\x80\x09\xff"), 1, 2, 4, { 7, 7, 7, 128, 9, 9, 9, 255 }, false },
    { BYTES("P7\nWIDTH 1\nHEIGHT 1\nDEPTH 4\nMAXVAL 65535\nTUPLTYPE RGB_ALPHA\nENDHDR\n"
            "\1\1\2\2\3\3\xff\xff"), 1, 1, 4, { 1, 2, 3, 255 }, true },
    { BYTES("P5 1 1 255\n\7P5 1 1 255\n\x9"), 1, 1, 1, { 7 }, false }, /* the first of two */
};

START_TEST(every_kind_comes_out_as_its_numbers)
{
    static const char *const names[] = { "pbm", "pgm", "ppm", "pam" };
    opened f[4];
    for (int k = 0; k < 4; k++) f[k] = formats_open(names[k]);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        const file *g = &good[i];
        const int own = g->bytes[1] == '7' ? 3 : (g->bytes[1] - '1') % 3;
        for (int k = 0; k < 4; k++)
            ck_assert_int_eq(f[k].format->probe(NULL, (const uint8_t *)g->bytes, g->n) > 90,
                             k == own);
        omn_image *img = formats_read(&f[own], g->bytes, g->n);
        omn_pixels px = omn_image_pixels(img);
        ck_assert_msg(px.width == g->w && px.height == g->h && px.channels == g->channels, "%zu",
                      i);
        ck_assert_int_eq(px.type, g->deep ? OMN_F32 : OMN_U8);
        for (size_t p = 0; p < g->w * g->h * g->channels && p < 16; p++) {
            const double got = g->deep ? 255 * (double)((const float *)px.data)[p]
                                       : ((const uint8_t *)px.data)[p];
            ck_assert_msg(got - g->want[p] < 1e-4 && g->want[p] - got < 1e-4, "%zu at %zu: %f", i,
                          p, got);
        }
        omn_image_free(img);
    }
    for (int k = 0; k < 4; k++) formats_close(&f[k]);
}
END_TEST

START_TEST(what_is_no_picture_is_refused)
{
    static const struct {
        const char *bytes;
        size_t n;
        const char *says;
    } bad[] = {
        { BYTES(""), "none of P1 to P7" },
        { BYTES("P9 1 1 1\n"), "none of P1 to P7" },
        { BYTES("P5"), "none of P1 to P7" },
        { BYTES("P5 "), "the file ends early, at byte 3, before the width" },
        { BYTES("P5 0 1 255\n\0"), "the width is outside 1..65535" },
        { BYTES("P5 1 70000 255\n\0"), "the height is outside 1..65535" },
        { BYTES("P5 99999999999999999999999 1 255\n"), "the width is outside 1..65535" },
        { BYTES("P5 -1 1 255\n\0"), "byte 3 should begin a number, the width" },
        { BYTES("P5 1 1 65536\n\0\0"), "the largest value is outside 1..65535" },
        { BYTES("P5 1 1 0\n\0"), "the largest value is outside 1..65535" },
        { BYTES("P5 2 2 255\n\0\0\0"), "2 x 2 pixels of 1 samples in 3 bytes are too few bytes" },
        { BYTES("P5 60000 4000 255\n\0"), "too few bytes" },
        { BYTES("P2 60000 4000 255\n0 0"), "too few bytes" },
        { BYTES("P1 60000 4000\n0 0"), "too few bytes" },
        { BYTES("P4 60000 4000\n\0"), "too few bytes" },
        { BYTES("P5 1 1 255"), "too few bytes" },
        { BYTES("P5 1 1 255#"), "does not end with white space" },
        { BYTES("P5 1 1 9\n\x0a"), "a sample of 10, and the largest value is 9" },
        { BYTES("P2 2 1 9\n1 10"), "the sample is outside 0..9" },
        { BYTES("P2 2 1 9\n1 x "), "should begin a number, the sample" },
        { BYTES("P1 2 1\n1 2"), "neither 0 nor 1" },
        { BYTES("P1 2 1\n1 #"), "too few bytes" },
        { BYTES("P7\nWIDTH 1\nENDHDR\n\0"), "lacks one of" },
        { BYTES("P7\nWIDTH 1\nHEIGHT 1\nDEPTH 5\nMAXVAL 1\nENDHDR\n\0"), "DEPTH is outside 1..4" },
        { BYTES("P7\nWIDTH 1\nHEIGHT 1\nDEPTH 3\nMAXVAL 1\nTUPLTYPE RGB_ALPHA\nENDHDR\n\0\0\0"),
          "alpha needs" },
        { BYTES("P7\nCOLOUR 1\n"), "none of WIDTH" },
        { BYTES("P7\nWIDTH 1\n"), "the file ends early, in its head" },
    };
    opened f = formats_open("pgm");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        omn_error err = OMN_ERROR_INIT;
        ck_assert_int_eq(formats_try(&f, bad[i].bytes, bad[i].n, &err), OMN_ERR_DATA);
        ck_assert_msg(strstr(err.text, bad[i].says) && strncmp(err.text, "PNM: ", 5) == 0,
                      "%zu: \"%s\" does not say \"%s\"", i, err.text, bad[i].says);
    }
    formats_close(&f);
}
END_TEST

START_TEST(damage_is_an_error_and_nothing_worse)
{
    opened f = formats_open("ppm");
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (good[i].bytes[1] > '3' && i + 1 < sizeof good / sizeof *good)
            formats_damage(&f, good[i].bytes, good[i].n, 300);
    formats_close(&f);
}
END_TEST

START_TEST(what_is_written_reads_back)
{
    static const struct {
        const char *name;
        uint32_t in, out;
    } rows[] = { { "pgm", 1, 1 }, { "ppm", 1, 3 }, { "ppm", 3, 3 }, { "pam", 1, 1 },
                 { "pam", 3, 3 }, { "pam", 4, 4 } };
    const omn_setting set[] = { { "comment", "made by hand", 0, 0 }, { "bits", "16", 0, 0 } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t deep = 0; deep < 2; deep++)
            for (int t = 0; t < 2; t++) {
                opened f = formats_open(rows[i].name);
                omn_image *in = formats_noise(t ? OMN_F32 : OMN_U8, 7, 5, rows[i].in), *out;
                uint8_t *bytes = NULL;
                size_t n = 0;
                OK(formats_write(&f, (omn_value *)in, set, 1 + deep, &bytes, &n, NULL));
                ck_assert_ptr_nonnull(memmem(bytes, n, "\n# made by hand\n", 16));
                out = formats_read(&f, bytes, n);
                omn_pixels a = omn_image_pixels(in), b = omn_image_pixels(out);
                ck_assert_uint_eq(b.channels, rows[i].out);
                ck_assert_int_eq(b.type, deep ? OMN_F32 : OMN_U8);
                for (size_t p = 0; p < 7 * 5 * b.channels; p++) {
                    const size_t q = a.channels == 1 ? p / b.channels : p;
                    const double x = t ? (double)((float *)a.data)[q]
                                       : ((uint8_t *)a.data)[q] / 255.0;
                    const double y = deep ? (double)((float *)b.data)[p]
                                          : ((uint8_t *)b.data)[p] / 255.0;
                    const double most = t && !deep ? 0.5 / 255 + 1e-6 : 1e-6;
                    ck_assert(x - y < most && y - x < most);
                }
                free(bytes);
                omn_image_free(in);
                omn_image_free(out);
                formats_close(&f);
            }
}
END_TEST

START_TEST(what_a_kind_cannot_hold_is_refused_or_laid_over_white)
{
    omn_error err = OMN_ERROR_INIT;
    omn_pixels px;
    omn_image *img = NULL;
    uint8_t *bytes = NULL;
    size_t n = 0;
    opened grey = formats_open("pgm"), colour = formats_open("ppm");
    OK(omn_image_new(OMN_U8, 1, 1, 4, NULL, &img, &px, NULL));
    memcpy(px.data, "\x64\x00\xff\x80", 4);
    ck_assert_int_eq(formats_write(&grey, (omn_value *)img, NULL, 0, &bytes, &n, &err),
                     OMN_ERR_UNSUPPORTED);
    ck_assert_str_eq(err.text,
                     "PGM holds grey pictures, this one has 4 channels; .ppm and .pam hold them");
    OK(formats_write(&colour, (omn_value *)img, NULL, 0, &bytes, &n, NULL));
    ck_assert_mem_eq(bytes, "P6\n1 1\n255\n\xb1\x7f\xff", 14);
    free(bytes);
    const omn_setting two = { "comment", "a\nb", 0, 0 };
    ck_assert_int_eq(formats_write(&colour, (omn_value *)img, &two, 1, &bytes, &n, NULL),
                     OMN_ERR_ARGUMENT);
    omn_value *text = NULL;
    OK(omn_text_new("x", 1, &text, NULL));
    ck_assert_int_eq(formats_write(&colour, text, NULL, 0, &bytes, &n, NULL), OMN_ERR_TYPE);
    omn_value_unref(text);
    omn_image_free(img);
    formats_close(&grey);
    formats_close(&colour);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        every_kind_comes_out_as_its_numbers,
        what_is_no_picture_is_refused,
        damage_is_an_error_and_nothing_worse,
        what_is_written_reads_back,
        what_a_kind_cannot_hold_is_refused_or_laid_over_white,
    };
    return TESTING_RUN("formats/pnm", all, 30);
}
