/* SPDX-License-Identifier: Apache-2.0 */
/* WebP: without loss every pixel comes back, with loss nearly. Containers put together here from
 * what the format itself writes: EXIF turns the picture, or does nothing when it is damaged; of a
 * moving picture comes what libwebp's player shows first. Files cut short and damaged ones are
 * errors. */
#include "tests/formats/exif.h"
#include "tests/formats/open.h"

#include "tests/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <webp/demux.h>

#define OK(call) ck_assert_int_eq((call), OMN_OK)

static const omn_setting lossless[1] = { { "lossless", "true", 0, 0 } };

START_TEST(without_loss_every_pixel_comes_back)
{
    opened f = formats_open("webp");
    for (uint32_t channels = 1; channels <= 4; channels += channels == 1 ? 2 : 1) {
        omn_image *in = formats_noise(OMN_U8, 33, 21, channels), *out;
        uint8_t *bytes = NULL;
        size_t n = 0;
        OK(formats_write(&f, (omn_value *)in, lossless, 1, &bytes, &n, NULL));
        ck_assert_int_eq(f.format->probe(NULL, bytes, 64), 100);
        out = formats_read(&f, bytes, n);
        omn_pixels a = omn_image_pixels(in), b = omn_image_pixels(out);
        ck_assert_uint_eq(b.channels, channels == 1 ? 3 : channels);
        for (size_t i = 0; i < 33 * 21; i++)
            for (size_t c = 0; c < b.channels; c++)
                ck_assert_uint_eq(((uint8_t *)b.data)[i * b.channels + c],
                                  ((uint8_t *)a.data)[channels == 1 ? i : i * channels + c]);
        free(bytes);
        omn_image_free(in);
        omn_image_free(out);
    }
    formats_close(&f);
}
END_TEST

START_TEST(with_loss_colours_stay_near)
{
    opened f = formats_open("webp");
    omn_image *in = formats_smooth(64, 48, 3), *out;
    uint8_t *bytes = NULL;
    size_t n = 0;
    OK(formats_write(&f, (omn_value *)in, NULL, 0, &bytes, &n, NULL));
    out = formats_read(&f, bytes, n);
    omn_pixels a = omn_image_pixels(in), b = omn_image_pixels(out);
    for (size_t i = 0; i < 64 * 48 * 3; i++)
        ck_assert_int_le(abs(((uint8_t *)a.data)[i] - ((uint8_t *)b.data)[i]), 10);
    free(bytes);
    omn_image_free(in);
    omn_image_free(out);
    formats_close(&f);
}
END_TEST

enum { W = 13, H = 10, ANIMATED = 2, EXIF = 8, ALPHA = 16, NO_BLEND = 2, DISPOSE = 1 };

typedef struct made {
    uint8_t bytes[65536];
    size_t n;
} made;

static void put(made *m, const void *bytes, size_t n)
{
    ck_assert_uint_le(m->n + n, sizeof(m->bytes));
    if (n > 0) memcpy(m->bytes + m->n, bytes, n);
    m->n += n;
}

static void number(made *m, size_t bytes, uint32_t x)
{
    for (size_t i = 0; i < bytes; i++) put(m, &(uint8_t){ (uint8_t)(x >> 8 * i) }, 1);
}

/* The chunk that began at `at` has its length, and an even one. */
static void finish(made *m, size_t at)
{
    uint32_t n = (uint32_t)(m->n - at - 8);
    if (n % 2 != 0) number(m, 1, 0);
    for (size_t i = 0; i < 4; i++) m->bytes[at + 4 + i] = (uint8_t)(n >> 8 * i);
}

static size_t chunk(made *m, const char *name)
{
    size_t at = m->n;
    put(m, name, 4);
    number(m, 4, 0);
    return at;
}

static void begin(made *m, unsigned flags, unsigned w, unsigned h)
{
    m->n = 0;
    chunk(m, "RIFF");
    put(m, "WEBP", 4);
    size_t at = chunk(m, "VP8X");
    number(m, 4, flags);
    number(m, 3, w - 1);
    number(m, 3, h - 1);
    finish(m, at);
}

/* The chunks of a picture of noise as the format writes it. */
static void picture(made *m, const opened *f, unsigned w, unsigned h, unsigned channels, bool loss)
{
    uint8_t *bytes = NULL;
    size_t n = 0, at = 12;
    omn_image *in = formats_noise(OMN_U8, w, h, channels);
    OK(formats_write(f, (omn_value *)in, lossless, loss ? 0 : 1, &bytes, &n, NULL));
    if (memcmp(bytes + at, "VP8X", 4) == 0) at += 18;
    put(m, bytes + at, n - at);
    free(bytes);
    omn_image_free(in);
}

static void add_exif(made *m, const uint8_t *exif, size_t n)
{
    size_t at = chunk(m, "EXIF");
    put(m, exif, n);
    finish(m, at);
}

static void still(made *m, const opened *f, unsigned channels, const uint8_t *exif, size_t n)
{
    begin(m, EXIF | (channels == 4 ? ALPHA : 0), W, H);
    picture(m, f, W, H, channels, false);
    add_exif(m, exif, n);
    finish(m, 0);
}

/* Every pixel of what is read is where orientation o puts it; plain: RGBA of w x h. */
static void turned(const opened *f, const made *m, unsigned o, unsigned channels,
                   const uint8_t *plain, unsigned w, unsigned h, const char *what)
{
    omn_image *img = formats_read(f, m->bytes, m->n);
    omn_pixels px = omn_image_pixels(img);
    const uint8_t *p = px.data;
    unsigned u = 0, v = 0;
    bool swap = exif_from(o, w, h, 0, 0, &u, &v);
    ck_assert_msg(px.width == (swap ? h : w), "%s: %u wide", what, px.width);
    ck_assert_uint_eq(px.height, swap ? w : h);
    ck_assert_msg(px.channels == channels, "%s: %u channels", what, px.channels);
    ck_assert_uint_eq(omn_image_frame(img)->width, px.width);
    ck_assert_uint_eq(omn_image_frame(img)->height, px.height);
    for (unsigned y = 0; y < px.height; y++)
        for (unsigned x = 0; x < px.width; x++, p += channels) {
            exif_from(o, w, h, x, y, &u, &v);
            ck_assert_msg(memcmp(p, plain + 4 * (v * w + u), channels) == 0, "%s: at %u %u", what,
                          x, y);
        }
    omn_image_free(img);
}

/* The noise of picture() as RGBA. */
static void noise(unsigned channels, uint8_t rgba[W * H * 4])
{
    omn_image *in = formats_noise(OMN_U8, W, H, channels);
    const uint8_t *p = omn_image_pixels(in).data;
    for (size_t i = 0; i < W * H; i++)
        for (size_t c = 0; c < 4; c++) rgba[4 * i + c] = c < channels ? p[i * channels + c] : 255;
    omn_image_free(in);
}

START_TEST(all_eight_orientations_come_out_upright)
{
    opened f = formats_open("webp");
    made *m = testing_memory(sizeof(*m));
    uint8_t rgba[W * H * 4], exif[EXIF_MOST];
    for (int variant = 0; variant < 8; variant++)
        for (unsigned o = 0; o <= 9; o++) {
            unsigned channels = (variant & 2) != 0 ? 4 : 3;
            size_t n = exif_make(exif, (variant & 1) != 0, o);
            size_t head = (variant & 4) != 0 ? 0 : EXIF_HEAD; /* some programs write it */
            char what[40];
            snprintf(what, sizeof(what), "orientation %u, variant %d", o, variant);
            still(m, &f, channels, exif + head, n - head);
            noise(channels, rgba);
            turned(&f, m, o, channels, rgba, W, H, what);
        }
    formats_close(&f);
}
END_TEST

START_TEST(damaged_exif_is_ignored)
{
    opened f = formats_open("webp");
    made *m = testing_memory(sizeof(*m));
    uint8_t rgba[W * H * 4], exif[EXIF_MOST];
    size_t n;
    noise(3, rgba);
    for (int variant = 0; variant < 4; variant++) {
        bool big = (variant & 1) != 0;
        size_t head = (variant & 2) != 0 ? 0 : EXIF_HEAD;
        const char *what;
        for (size_t i = 0; (what = exif_bad(i, big, exif, &n)) != NULL; i++) {
            if (n < head) continue;
            still(m, &f, 3, exif + head, n - head);
            turned(&f, m, 1, 3, rgba, W, H, what);
        }
        for (size_t i = 0; i < 300; i++) {
            n = exif_noise(i, big, exif);
            still(m, &f, 3, exif + head, n - head);
            omn_image_free(formats_read(&f, m->bytes, m->n));
        }
    }
    /* Two, of which the first counts; then one that says to be longer than the file. */
    n = exif_make(exif, false, 6);
    still(m, &f, 3, exif, n);
    exif_make(exif, true, 3);
    add_exif(m, exif, n);
    finish(m, 0);
    turned(&f, m, 6, 3, rgba, W, H, "two chunks");
    formats_damage(&f, m->bytes, m->n, 700);
    still(m, &f, 3, exif, n);
    memset(m->bytes + m->n - n - n % 2 - 4, 0x7f, 4);
    turned(&f, m, 1, 3, rgba, W, H, "a chunk longer than the file");
    formats_close(&f);
}
END_TEST

typedef struct frame {
    unsigned left, top, w, h, channels;
    bool loss;
} frame;

static void add_frame(made *m, const opened *f, const frame *at, unsigned flags)
{
    size_t place = chunk(m, "ANMF");
    number(m, 3, at->left / 2);
    number(m, 3, at->top / 2);
    number(m, 3, at->w - 1);
    number(m, 3, at->h - 1);
    number(m, 3, 100);
    number(m, 1, flags);
    picture(m, f, at->w, at->h, at->channels, at->loss);
    finish(m, place);
}

/* One frame, then another that covers the canvas W x H; EXIF of orientation o. */
static void moving(made *m, const opened *f, const frame *first, unsigned flags, unsigned o)
{
    static const frame second = { 0, 0, W, H, 3, false };
    uint8_t exif[EXIF_MOST];
    size_t n = exif_make(exif, false, o);
    begin(m, ANIMATED | EXIF | ALPHA, W, H);
    size_t at = chunk(m, "ANIM");
    number(m, 4, 0xff804020); /* a background, which no viewer shows */
    number(m, 2, 0);
    finish(m, at);
    add_frame(m, f, first, flags);
    add_frame(m, f, &second, NO_BLEND);
    add_exif(m, exif, n);
    finish(m, 0);
}

START_TEST(moving_pictures_are_their_first_frame)
{
    static const frame frames[] = {
        { 0, 0, W, H, 3, false }, { 0, 0, W, H, 4, false }, { 0, 0, W, H, 3, true },
        { 0, 0, W, H, 4, true },  { 2, 4, 5, 6, 3, false }, { 2, 4, 5, 6, 4, false },
        { 4, 0, 9, 10, 4, true }, { 12, 8, 1, 2, 3, true }, { 0, 0, W, 9, 3, false },
    };
    opened f = formats_open("webp");
    made *m = testing_memory(sizeof(*m));
    for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++)
        for (unsigned flags = 0; flags < 4; flags++)
            for (unsigned o = 1; o <= 8; o++) {
                char what[40];
                uint8_t *canvas = NULL;
                int when = 0;
                moving(m, &f, &frames[i], flags, o);
                WebPData data = { m->bytes, m->n };
                WebPAnimDecoder *player = WebPAnimDecoderNew(&data, NULL);
                ck_assert_ptr_nonnull(player);
                ck_assert_int_ne(WebPAnimDecoderGetNext(player, &canvas, &when), 0);
                bool whole = frames[i].w == W && frames[i].h == H;
                snprintf(what, sizeof(what), "frame %zu, flags %u, orientation %u", i, flags, o);
                turned(&f, m, o, whole ? frames[i].channels : 4, canvas, W, H, what);
                WebPAnimDecoderDelete(player);
            }
    formats_close(&f);
}
END_TEST

START_TEST(damaged_moving_pictures_are_errors)
{
    static const uint8_t none[] = "RIFF\x2c\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\x0f\0\0\x0f\0\0"
                                  "ANIM\x06\0\0\0\xff\xff\xff\xff\0\0";
    static const frame outside[] = {
        { 10, 0, 5, 5, 3, false },
        { 0, 8, 5, 5, 3, false },
        { 0xfffffe, 0, 5, 5, 3, false },
        { 0, 0, W + 1, H, 4, true },
    };
    static const frame whole = { 0, 0, W, H, 4, false }, part = { 2, 4, 5, 6, 4, true };
    opened f = formats_open("webp");
    made *m = testing_memory(sizeof(*m));
    omn_error err = OMN_ERROR_INIT;
    ck_assert_int_eq(formats_try(&f, none, sizeof(none) - 1, &err), OMN_ERR_DATA);
    ck_assert_msg(strcmp(err.text, "WebP: the file ends early") == 0, "%s", err.text);
    for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        err = (omn_error)OMN_ERROR_INIT;
        moving(m, &f, &outside[i], 0, 1);
        ck_assert_int_eq(formats_try(&f, m->bytes, m->n, &err), OMN_ERR_DATA);
        ck_assert_msg(strncmp(err.text, "WebP: ", 6) == 0, "%s", err.text);
    }
    moving(m, &f, &whole, 0, 6);
    formats_damage(&f, m->bytes, m->n, 700);
    moving(m, &f, &part, 0, 5);
    formats_damage(&f, m->bytes, m->n, 1500);
    formats_close(&f);
}
END_TEST

/* A canvas larger than a picture may be, around a frame of a few pixels. */
START_TEST(promises_are_not_believed)
{
    static const struct {
        unsigned w, h;
    } sizes[] = { { 70000, 8 }, { 8, 1 << 24 }, { 65535, 65535 } };
    static const frame small = { 0, 0, 5, 6, 3, false };
    opened f = formats_open("webp");
    made *m = testing_memory(sizeof(*m));
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        omn_error err = OMN_ERROR_INIT;
        begin(m, ANIMATED, sizes[i].w, sizes[i].h);
        size_t at = chunk(m, "ANIM");
        number(m, 4, 0);
        number(m, 2, 0);
        finish(m, at);
        add_frame(m, &f, &small, 0);
        finish(m, 0);
        ck_assert_int_eq(formats_try(&f, m->bytes, m->n, &err), OMN_ERR_SHAPE);
        ck_assert_msg(strncmp(err.text, "WebP: ", 6) == 0, "%s", err.text);
    }
    formats_close(&f);
}
END_TEST

START_TEST(damage_is_an_error_and_nothing_worse)
{
    opened f = formats_open("webp");
    for (int i = 0; i < 3; i++) {
        omn_image *in = i < 2 ? formats_noise(OMN_U8, 9, 8, i ? 4 : 3) : formats_smooth(40, 30, 3);
        uint8_t *bytes = NULL;
        size_t n = 0;
        OK(formats_write(&f, (omn_value *)in, lossless, i < 2 ? 1 : 0, &bytes, &n, NULL));
        formats_damage(&f, bytes, n, 700);
        free(bytes);
        omn_image_free(in);
    }
    formats_close(&f);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        without_loss_every_pixel_comes_back,
        with_loss_colours_stay_near,
        all_eight_orientations_come_out_upright,
        damaged_exif_is_ignored,
        moving_pictures_are_their_first_frame,
        damaged_moving_pictures_are_errors,
        promises_are_not_believed,
        damage_is_an_error_and_nothing_worse,
    };
    return TESTING_RUN("formats/webp", all, 30);
}
