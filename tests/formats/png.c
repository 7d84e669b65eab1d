/* SPDX-License-Identifier: Apache-2.0 */
/* PNG: files of every kind, made here by libpng from known numbers, come out as those numbers; what
 * is written reads back; texts are in the file; damage is an error and nothing worse. The eXIf
 * chunk, put in by hand at either place, turns the picture, and does nothing when it is damaged. */
#include "tests/formats/exif.h"
#include "tests/formats/open.h"

#include "tests/testing.h"

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define OK(call) ck_assert_int_eq((call), OMN_OK)

typedef struct made {
    uint8_t bytes[65536];
    size_t n;
} made;

static void store(png_structp png, png_bytep from, size_t n)
{
    made *m = png_get_io_ptr(png);
    ck_assert_uint_le(m->n + n, sizeof(m->bytes));
    memcpy(m->bytes + m->n, from, n);
    m->n += n;
}

static void flush(png_structp png)
{
    (void)png;
}

typedef struct kind {
    int bits, colour, interlace;
    bool clear; /* with a tRNS chunk */
} kind;

enum { W = 13, H = 11 };

/* Sample c of pixel (x, y) as it is in the file. */
static unsigned sample(const kind *k, unsigned x, unsigned y, unsigned c)
{
    return (unsigned)(omn_random_at(7, (uint64_t)k->bits, (y * W + x) * 4 + c) &
                      ((1u << k->bits) - 1));
}

static unsigned samples_of(int colour)
{
    return colour == PNG_COLOR_TYPE_RGB          ? 3
           : colour == PNG_COLOR_TYPE_RGB_ALPHA  ? 4
           : colour == PNG_COLOR_TYPE_GRAY_ALPHA ? 2
                                                 : 1;
}

static const png_color palette[256] = { { 1, 2, 3 }, { 200, 100, 50 }, { 0, 255, 0 }, { 9, 8, 7 } };

static void make(const kind *k, made *m)
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    unsigned n = samples_of(k->colour);
    m->n = 0;
    png_set_write_fn(png, m, store, flush);
    png_set_IHDR(png, info, W, H, k->bits, k->colour, k->interlace, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (k->colour == PNG_COLOR_TYPE_PALETTE) png_set_PLTE(png, info, palette, 1 << k->bits);
    if (k->clear) {
        static const png_byte alphas[2] = { 0, 128 };
        png_color_16 key = { 0, 0, 0, 0, 0 };
        key.gray = key.red = (png_uint_16)sample(k, 3, 4, 0);
        key.green = (png_uint_16)sample(k, 3, 4, 1);
        key.blue = (png_uint_16)sample(k, 3, 4, 2);
        bool listed = k->colour == PNG_COLOR_TYPE_PALETTE;
        png_set_tRNS(png, info, listed ? alphas : NULL, listed ? 2 : 0, listed ? NULL : &key);
    }
    png_write_info(png, info);
    uint8_t rows[H][W * 8] = { { 0 } }, *at[H];
    for (unsigned y = 0; y < H; y++) {
        at[y] = rows[y];
        for (unsigned i = 0; i < W * n; i++) {
            unsigned s = sample(k, i / n, y, i % n);
            unsigned bit = i * (unsigned)k->bits;
            if (k->bits == 16) {
                rows[y][2 * i] = (uint8_t)(s >> 8);
                rows[y][2 * i + 1] = (uint8_t)s;
            } else {
                rows[y][bit / 8] |= (uint8_t)(s << (8 - (unsigned)k->bits - bit % 8));
            }
        }
    }
    png_write_image(png, at);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
}

/* What channel c of the picture has to be, 0..1. */
static double wanted(const kind *k, unsigned x, unsigned y, unsigned c, unsigned channels)
{
    unsigned n = samples_of(k->colour), most = (1u << k->bits) - 1;
    if (k->colour == PNG_COLOR_TYPE_PALETTE) {
        unsigned i = sample(k, x, y, 0);
        if (c == 3) return i == 0 ? 0 : i == 1 ? 128 / 255.0 : 1;
        return (c == 0 ? palette[i].red : c == 1 ? palette[i].green : palette[i].blue) / 255.0;
    }
    if (c == 3 && k->clear) {
        bool hit = true;
        for (unsigned j = 0; j < n; j++) hit = hit && sample(k, x, y, j) == sample(k, 3, 4, j);
        return !hit;
    }
    if (channels == 4 && n <= 2) return sample(k, x, y, c == 3 ? 1 : 0) / (double)most;
    return sample(k, x, y, c) / (double)most;
}

START_TEST(every_kind_of_png_comes_out_as_its_numbers)
{
    static const struct {
        int colour, bits[6];
    } colours[] = {
        { PNG_COLOR_TYPE_GRAY, { 1, 2, 4, 8, 16, 0 } }, { PNG_COLOR_TYPE_RGB, { 8, 16, 0 } },
        { PNG_COLOR_TYPE_PALETTE, { 1, 2, 4, 8, 0 } },  { PNG_COLOR_TYPE_GRAY_ALPHA, { 8, 16, 0 } },
        { PNG_COLOR_TYPE_RGB_ALPHA, { 8, 16, 0 } },
    };
    opened f = formats_open("png");
    made *m = malloc(sizeof(*m));
    for (size_t i = 0; i < sizeof(colours) / sizeof(colours[0]); i++)
        for (const int *bits = colours[i].bits; *bits != 0; bits++)
            for (int variant = 0; variant < 4; variant++) {
                kind k = { *bits, colours[i].colour, variant & 1, (variant & 2) != 0 };
                if (k.clear && (k.colour & PNG_COLOR_MASK_ALPHA) != 0) continue;
                make(&k, m);
                omn_image *img = formats_read(&f, m->bytes, m->n);
                omn_pixels px = omn_image_pixels(img);
                bool alpha = k.clear || (k.colour & PNG_COLOR_MASK_ALPHA) != 0;
                unsigned channels = alpha ? 4 : k.colour == PNG_COLOR_TYPE_GRAY ? 1 : 3;
                ck_assert_uint_eq(px.width, W);
                ck_assert_uint_eq(px.height, H);
                ck_assert_uint_eq(px.channels, channels);
                ck_assert_int_eq(px.type, k.bits == 16 ? OMN_F32 : OMN_U8);
                for (unsigned y = 0; y < H; y++)
                    for (unsigned x = 0; x < W; x++)
                        for (unsigned c = 0; c < channels; c++) {
                            size_t at = (y * W + x) * channels + c;
                            double got = k.bits == 16 ? (double)((float *)px.data)[at]
                                                      : ((uint8_t *)px.data)[at] / 255.0;
                            double want = wanted(&k, x, y, c, channels);
                            ck_assert_msg(got - want < 1e-7 && want - got < 1e-7,
                                          "colour %d bits %d variant %d at %u %u %u: %g, not %g",
                                          k.colour, k.bits, variant, x, y, c, got, want);
                        }
                omn_image_free(img);
            }
    free(m);
    formats_close(&f);
}
END_TEST

static void put32(uint8_t *p, uint32_t x)
{
    for (int j = 0; j < 4; j++) p[j] = (uint8_t)(x >> (24 - 8 * j));
}

/* Of a chunk's type and data. */
static uint32_t checksum(const uint8_t *p, size_t n)
{
    uint32_t crc = 0xffffffffu;
    for (size_t j = 0; j < n; j++) {
        crc ^= p[j];
        for (int b = 0; b < 8; b++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

enum { AFTER_HEADER = 33, END = 12 };

/* A chunk eXIf behind the header, or before the end. */
static void add_exif(made *m, bool late, const uint8_t *exif, size_t n)
{
    uint8_t *p = m->bytes + (late ? m->n - END : AFTER_HEADER);
    ck_assert_uint_le(m->n + n + 12, sizeof(m->bytes));
    memmove(p + n + 12, p, m->n - (size_t)(p - m->bytes));
    put32(p, (uint32_t)n);
    memcpy(p + 4, "eXIf", 4);
    memcpy(p + 8, exif, n);
    put32(p + 8 + n, checksum(p + 4, n + 4));
    m->n += n + 12;
}

/* Every pixel is where orientation o puts it: the file's samples, which make() made from k. */
static void turned(const opened *f, const kind *k, const made *m, unsigned o, const char *what)
{
    omn_image *img = formats_read(f, m->bytes, m->n);
    omn_pixels px = omn_image_pixels(img);
    unsigned u = 0, v = 0;
    bool swap = exif_from(o, W, H, 0, 0, &u, &v);
    ck_assert_msg(px.width == (swap ? H : W), "%s: %u wide", what, px.width);
    ck_assert_uint_eq(px.height, swap ? W : H);
    ck_assert_uint_eq(omn_image_frame(img)->width, px.width);
    ck_assert_uint_eq(omn_image_frame(img)->height, px.height);
    for (unsigned y = 0; y < px.height; y++)
        for (unsigned x = 0; x < px.width; x++) {
            exif_from(o, W, H, x, y, &u, &v);
            for (unsigned c = 0; c < px.channels; c++) {
                size_t at = (y * px.width + x) * px.channels + c;
                double got = k->bits == 16 ? (double)((float *)px.data)[at]
                                           : ((uint8_t *)px.data)[at] / 255.0;
                double want = wanted(k, u, v, c, px.channels);
                ck_assert_msg(got - want < 1e-7 && want - got < 1e-7, "%s: at %u %u %u: %g, not %g",
                              what, x, y, c, got, want);
            }
        }
    omn_image_free(img);
}

START_TEST(all_eight_orientations_come_out_upright)
{
    static const kind kinds[] = {
        { 8, PNG_COLOR_TYPE_RGB, 0, false },        { 16, PNG_COLOR_TYPE_RGB_ALPHA, 1, false },
        { 16, PNG_COLOR_TYPE_GRAY, 0, false },      { 4, PNG_COLOR_TYPE_PALETTE, 1, true },
        { 8, PNG_COLOR_TYPE_GRAY_ALPHA, 0, false },
    };
    opened f = formats_open("png");
    made *m = testing_memory(sizeof(*m));
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        for (int variant = 0; variant < 4; variant++)
            for (unsigned o = 0; o <= 9; o++) {
                uint8_t exif[EXIF_MOST];
                char what[40];
                size_t n = exif_make(exif, (variant & 1) != 0, o);
                make(&kinds[i], m);
                add_exif(m, (variant & 2) != 0, exif + EXIF_HEAD, n - EXIF_HEAD);
                snprintf(what, sizeof(what), "orientation %u, variant %d", o, variant);
                turned(&f, &kinds[i], m, o, what);
            }
    formats_close(&f);
}
END_TEST

START_TEST(damaged_exif_is_ignored)
{
    static const kind k = { 8, PNG_COLOR_TYPE_GRAY, 0, false };
    opened f = formats_open("png");
    made *m = testing_memory(sizeof(*m));
    uint8_t exif[EXIF_MOST];
    size_t n;
    for (int variant = 0; variant < 4; variant++) {
        bool big = (variant & 1) != 0, late = (variant & 2) != 0;
        const char *what;
        for (size_t i = 0; (what = exif_bad(i, big, exif, &n)) != NULL; i++) {
            if (n < EXIF_HEAD) continue;
            make(&k, m);
            add_exif(m, late, exif + EXIF_HEAD, n - EXIF_HEAD);
            turned(&f, &k, m, 1, what);
        }
        for (size_t i = 0; i < 300; i++) {
            n = exif_noise(i, big, exif);
            make(&k, m);
            add_exif(m, late, exif + EXIF_HEAD, n - EXIF_HEAD);
            omn_image_free(formats_read(&f, m->bytes, m->n));
        }
        /* A wrong checksum; and a length beyond the end of the file, which is an error. */
        n = exif_make(exif, big, 6);
        make(&k, m);
        size_t at = late ? m->n - END : AFTER_HEADER;
        add_exif(m, late, exif + EXIF_HEAD, n - EXIF_HEAD);
        m->bytes[at + 8 + n - EXIF_HEAD] ^= 1;
        turned(&f, &k, m, 1, "a wrong checksum");
        m->bytes[at + 8 + n - EXIF_HEAD] ^= 1;
        turned(&f, &k, m, 6, "a right one");
        for (int bit = 8; bit < 32; bit++) {
            omn_error err = OMN_ERROR_INIT;
            put32(m->bytes + at, 1u << bit | 38);
            ck_assert_int_eq(formats_try(&f, m->bytes, m->n, &err), OMN_ERR_DATA);
        }
    }
    formats_close(&f);
}
END_TEST

START_TEST(the_first_exif_counts)
{
    static const kind k = { 8, PNG_COLOR_TYPE_RGB, 0, false };
    opened f = formats_open("png");
    made *m = testing_memory(sizeof(*m));
    uint8_t exif[EXIF_MOST];
    make(&k, m);
    size_t n = exif_make(exif, false, 8);
    add_exif(m, true, exif + EXIF_HEAD, n - EXIF_HEAD);
    exif_make(exif, true, 6);
    add_exif(m, false, exif + EXIF_HEAD, n - EXIF_HEAD);
    turned(&f, &k, m, 6, "two chunks");
    formats_damage(&f, m->bytes, m->n, 700);
    formats_close(&f);
}
END_TEST

START_TEST(what_is_written_reads_back)
{
    opened f = formats_open("png");
    const omn_setting deep[1] = { { "bits", "16", 0, 0 } };
    for (int t = 0; t < 2; t++)
        for (uint32_t channels = 1; channels <= 4; channels += channels == 1 ? 2 : 1)
            for (size_t bits = 0; bits < 2; bits++) {
                omn_type type = t ? OMN_F32 : OMN_U8;
                omn_image *in = formats_noise(type, 31, 17, channels), *out;
                uint8_t *bytes = NULL;
                size_t n = 0, count = 31 * 17 * channels;
                OK(formats_write(&f, (omn_value *)in, deep, bits, &bytes, &n, NULL));
                ck_assert_int_eq(f.format->probe(NULL, bytes, 64), 100);
                out = formats_read(&f, bytes, n);
                omn_pixels a = omn_image_pixels(in), b = omn_image_pixels(out);
                ck_assert_uint_eq(b.channels, channels);
                ck_assert_int_eq(b.type, bits ? OMN_F32 : OMN_U8);
                for (size_t i = 0; i < count; i++) {
                    double x = t ? (double)((float *)a.data)[i] : ((uint8_t *)a.data)[i] / 255.0;
                    double y = bits ? (double)((float *)b.data)[i] : ((uint8_t *)b.data)[i] / 255.0;
                    double most = t && !bits ? 0.5 / 255 + 1e-6 : 1e-6; /* rounding to bytes */
                    ck_assert(x - y < most && y - x < most);
                }
                free(bytes);
                omn_image_free(in);
                omn_image_free(out);
            }
    formats_close(&f);
}
END_TEST

START_TEST(texts_are_written_and_checked)
{
    opened f = formats_open("png");
    omn_image *in = formats_noise(OMN_U8, 2, 2, 3);
    omn_error err = OMN_ERROR_INIT;
    omn_setting set[1] = { { "text", "Prompt: a cat: \xc3\xa4\nSeed: 7", 0, 0 } };
    uint8_t *bytes = NULL;
    size_t n = 0;
    OK(formats_write(&f, (omn_value *)in, set, 1, &bytes, &n, &err));
    ck_assert_ptr_nonnull(memmem(bytes, n, "Prompt\0\0\0\0\0a cat: \xc3\xa4", 20));
    ck_assert_ptr_nonnull(memmem(bytes, n, "Seed\0\0\0\0\0007", 10));
    ck_assert_ptr_nonnull(memmem(bytes, n, "Software", 8));
    omn_image_free(formats_read(&f, bytes, n));
    free(bytes);
    static const char *const bad[] = { "no colon", ": no keyword", "\xc3\xa4: not ASCII",
                                       "two  spaces: x" };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        set[0].text = bad[i];
        ck_assert_int_eq(formats_write(&f, (omn_value *)in, set, 1, &bytes, &n, NULL),
                         OMN_ERR_ARGUMENT);
    }
    omn_value *text = NULL;
    OK(omn_text_new("x", 1, &text, NULL));
    ck_assert_int_eq(formats_write(&f, text, NULL, 0, &bytes, &n, NULL), OMN_ERR_TYPE);
    omn_value_unref(text);
    omn_image_free(in);
    formats_close(&f);
}
END_TEST

START_TEST(damage_is_an_error_and_nothing_worse)
{
    static const kind kinds[] = {
        { 8, PNG_COLOR_TYPE_RGB, 0, false },
        { 16, PNG_COLOR_TYPE_RGB_ALPHA, 1, false },
        { 4, PNG_COLOR_TYPE_PALETTE, 0, true },
    };
    opened f = formats_open("png");
    made *m = malloc(sizeof(*m));
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        make(&kinds[i], m);
        ck_assert_uint_gt(formats_damage(&f, m->bytes, m->n, 700), 500);
    }
    free(m);
    formats_close(&f);
}
END_TEST

/* A header that promises a large picture, with a right checksum and nothing to back it. */
START_TEST(promises_are_not_believed)
{
    static const struct {
        uint32_t w, h;
    } sizes[] = {
        { 65535, 4000 }, { 70000, 1 }, { 65535, 65535 }, { 0x7fffffff, 0x7fffffff }, { 0, 5 },
    };
    static const kind k = { 8, PNG_COLOR_TYPE_RGB, 0, false };
    opened f = formats_open("png");
    made *m = malloc(sizeof(*m));
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        make(&k, m);
        uint8_t *p = m->bytes + 12;
        put32(p + 4, sizes[i].w);
        put32(p + 8, sizes[i].h);
        put32(p + 17, checksum(p, 17));
        omn_error err = OMN_ERROR_INIT;
        ck_assert_int_eq(formats_try(&f, m->bytes, m->n, &err), OMN_ERR_DATA);
        ck_assert_msg(strncmp(err.text, "PNG: ", 5) == 0, "%s", err.text);
    }
    free(m);
    formats_close(&f);
}
END_TEST

/* libpng makes and clears room for a text before it reads it. */
START_TEST(long_chunks_take_no_memory)
{
    static const char *const names[] = { "tEXt", "iTXt", "zTXt", "sPLT", "eXIf", "iCCP", "abCd" };
    static const kind k = { 8, PNG_COLOR_TYPE_RGB, 0, false };
    opened f = formats_open("png");
    made *m = testing_memory(sizeof(*m));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        for (int last = 0; last < 2; last++) {
            struct rusage before, after;
            omn_error err = OMN_ERROR_INIT;
            make(&k, m);
            /* Before the rows, or instead of the end. */
            size_t at = last ? m->n - 12 : 33;
            memmove(m->bytes + at + 12, m->bytes + at, m->n - at);
            m->n += 12;
            put32(m->bytes + at, 0x7ffffff0);
            memcpy(m->bytes + at + 4, names[i], 4);
            getrusage(RUSAGE_SELF, &before);
            ck_assert_int_eq(formats_try(&f, m->bytes, m->n, &err), OMN_ERR_DATA);
            getrusage(RUSAGE_SELF, &after);
            ck_assert_str_eq(err.text, "PNG: the file ends early");
            ck_assert_int_lt(after.ru_maxrss - before.ru_maxrss, 100 * 1024);
        }
    formats_close(&f);
}
END_TEST

START_TEST(texts_and_what_follows_the_end_are_passed_over)
{
    static const kind k = { 8, PNG_COLOR_TYPE_RGB, 0, false };
    opened f = formats_open("png");
    made *m = testing_memory(sizeof(*m));
    make(&k, m);
    /* A text whose checksum is wrong is nobody's loss. */
    memmove(m->bytes + 33 + 16, m->bytes + 33, m->n - 33);
    memcpy(m->bytes + 33, "\0\0\0\4zTXta\0\0xxxxx", 16);
    m->n += 16;
    memset(m->bytes + m->n, 0xff, 40);
    m->n += 40;
    omn_image *img = formats_read(&f, m->bytes, m->n);
    ck_assert_uint_eq(omn_image_pixels(img).width, W);
    omn_image_free(img);
    formats_close(&f);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        every_kind_of_png_comes_out_as_its_numbers,
        all_eight_orientations_come_out_upright,
        damaged_exif_is_ignored,
        the_first_exif_counts,
        what_is_written_reads_back,
        texts_are_written_and_checked,
        damage_is_an_error_and_nothing_worse,
        promises_are_not_believed,
        long_chunks_take_no_memory,
        texts_and_what_follows_the_end_are_passed_over,
    };
    return TESTING_RUN("formats/png", all, 30);
}
