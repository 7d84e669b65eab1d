/* SPDX-License-Identifier: Apache-2.0 */
/* Videos: every picture is the one of its number, in any order and from several threads; moments,
 * turns and shapes; sound in step; what is cut off, damaged, changed or hostile. In the files that
 * are read picture i has 255 - 8 i of green, more red to the right, and blue by its number on the
 * left half. */
#include <omnio/kinds_of_values.h>
#include <omnio/plugin.h>

#include "tests/testing.h"

#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OK(call) ck_assert_int_eq((call), OMN_OK)

typedef struct said {
    char text[2000];
} said;

static void on_log(void *user, omn_level level, const char *text)
{
    said *s = user;
    const size_t n = strlen(s->text);
    (void)level;
    snprintf(s->text + n, sizeof s->text - n, "%s\n", text);
}

static omn_context *context(said *s, uint64_t value_bytes)
{
    omn_context *ctx = NULL;
    const omn_context_setup how = { OMN_FILL(omn_context_setup),
                                    .threads = 1,

                                    .log = on_log,
                                    .log_user = s,
                                    .level = OMN_LOG_WARN,
                                    .value_bytes = value_bytes };
    s->text[0] = '\0';
    OK(omn_context_new(&how, &ctx, NULL));
    return ctx;
}

static omn_value *load(omn_context *ctx, const char *path, const char *kind)
{
    omn_value *v = NULL;
    omn_error err = OMN_ERROR_INIT;
    const omn_status st = omn_value_load(ctx, path, kind, &v, &err);
    ck_assert_msg(st == OMN_OK, "%s: %s", path, err.text);
    return v;
}

static const char *file(const char *name)
{
    char path[200];
    snprintf(path, sizeof path, "tests/video/%s", name);
    return testing_source(path);
}

static omn_value *item(const omn_value *v, size_t i)
{
    omn_value *one = NULL;
    omn_error err = OMN_ERROR_INIT;
    const omn_status st = omn_value_item(v, i, &one, &err);
    ck_assert_msg(st == OMN_OK, "%s", err.text);
    return one;
}

/* The mean of a channel in the middle of a picture. */
static double mean(const omn_value *v, uint32_t k)
{
    const omn_pixels px = omn_image_pixels(omn_value_image(v));
    double sum = 0;
    size_t n = 0;
    for (uint32_t y = px.height / 4; y < px.height * 3 / 4; y++)
        for (uint32_t x = px.width / 4; x < px.width * 3 / 4; x++, n++)
            sum += ((const uint8_t *)px.data)[((size_t)y * px.width + x) * px.channels + k];
    return sum / (double)n;
}

static double number(const omn_value *v)
{
    return (255 - mean(v, 1)) / 8;
}

static void is_number(const char *name, const omn_value *v, size_t i)
{
    ck_assert_msg(fabs(number(v) - (double)i) < 0.5, "%s: picture %zu looks like %.2f", name, i,
                  number(v));
}

static const struct {
    const char *name;
    size_t n;
    double rate;
    uint32_t width, height;
} files[] = {
    { "sound.mp4", 24, 12, 64, 48 },  { "plain.webm", 24, 12, 64, 48 },
    { "vp9.webm", 24, 12, 64, 48 },   { "old.avi", 12, 12, 64, 48 },
    { "stream.ts", 12, 12, 64, 48 },  { "camera.ts", 12, 12, 64, 48 },
    { "turned.mp4", 10, 12, 48, 64 }, { "wide.mp4", 6, 12, 85, 48 },
};
enum { FILES = sizeof files / sizeof *files };

START_TEST(every_picture_is_the_one_of_its_number)
{
    said s;
    omn_context *ctx = context(&s, 0);
    for (size_t f = 0; f < FILES; f++) {
        omn_value *v = load(ctx, file(files[f].name), "stream");
        const size_t n = omn_value_count(v);
        ck_assert_msg(n == files[f].n, "%s: %zu pictures", files[f].name, n);
        const omn_tensor *rate = omn_value_column(v, "rate");
        ck_assert_msg(rate && fabs(*(const double *)rate->data - files[f].rate) < 1e-3, "%s: rate",
                      files[f].name);
        for (size_t k = 0; k < 4 * n; k++) { /* on, back, on by leaps, anywhere */
            const size_t i = k < n       ? k
                             : k < 2 * n ? 2 * n - 1 - k
                             : k < 3 * n ? k * 5 % n
                                         : omn_random_at(1, f, k) % n;
            omn_value *one = item(v, i);
            const omn_pixels px = omn_image_pixels(omn_value_image(one));
            ck_assert_uint_eq(px.width, files[f].width);
            ck_assert_uint_eq(px.height, files[f].height);
            is_number(files[f].name, one, i);
            omn_value_unref(one);
        }
        omn_value_unref(v);
    }
    ck_assert_str_eq(s.text, "");
    omn_context_free(ctx);
}
END_TEST

START_TEST(moments_of_a_variable_rate_are_kept)
{
    said s;
    omn_context *ctx = context(&s, 0);
    omn_value *v = load(ctx, file("variable.mp4"), "stream"), *video, *cut = NULL;
    const omn_tensor *time = omn_value_column(v, "time");
    double from, to;
    ck_assert_ptr_null(omn_value_column(v, "rate"));
    ck_assert_uint_eq(omn_value_count(v), 24);
    for (size_t i = 0; i < 24; i++) {
        const double at = i < 8 ? (double)i : i < 16 ? 8 + 3 * (double)(i - 8) : 2 * (double)i;
        ck_assert_double_eq_tol(((const double *)time->data)[i], at / 12, 2e-3);
        omn_value *one = item(v, i);
        is_number("variable.mp4", one, i);
        omn_value_unref(one);
    }
    OK(omn_value_span(v, &from, &to, NULL));
    ck_assert_double_eq(from, 0);
    ck_assert(to > 46.0 / 12 && to < 49.0 / 12);
    OK(omn_value_window(v, 1, 2, &cut, NULL)); /* of 8 + 3 k twelfths: 14 to 23 */
    ck_assert(omn_value_is(cut, "stream"));
    ck_assert_uint_eq(omn_value_count(cut), 4);
    omn_value *one = item(cut, 0);
    is_number("a window", one, 10);
    omn_value_unref(one);
    omn_value_unref(cut);
    video = load(ctx, file("variable.mp4"), "video");
    ck_assert_mem_eq(omn_value_column(video, "time")->data, time->data, 24 * sizeof(double));
    omn_value_unref(video);
    omn_value_unref(v);
    omn_context_free(ctx);
}
END_TEST

/* The camera was held upright and stored its rows as columns: red, which grows to the right in what
 * is stored, grows upwards; a picture that is turned the other way has it below. */
START_TEST(a_turned_video_is_upright)
{
    said s;
    omn_context *ctx = context(&s, 0);
    omn_value *v = load(ctx, file("turned.mp4"), "stream"), *one = item(v, 0);
    const omn_pixels px = omn_image_pixels(omn_value_image(one));
    const uint8_t *p = px.data;
    const int top_left = p[0], top_right = p[3 * 47], bottom_left = p[(size_t)3 * 48 * 63];
    const int left_blue = p[(size_t)3 * (48 * 2 + 2) + 2],
              right_blue = p[(size_t)3 * (48 * 2 + 45) + 2];
    ck_assert_msg(abs(top_left - top_right) < 10 && top_left - bottom_left > 8, "red is %d %d %d",
                  top_left, top_right, bottom_left);
    ck_assert_msg(right_blue - left_blue > 100, "blue is %d %d", left_blue, right_blue);
    omn_value_unref(one);
    omn_value_unref(v);
    omn_context_free(ctx);
}
END_TEST

typedef struct asking {
    const omn_value *v;
    uint64_t seed;
    size_t wrong;
} asking;

static void *ask(void *user)
{
    asking *a = user;
    const size_t n = omn_value_count(a->v);
    for (size_t k = 0; k < 60; k++) {
        const size_t i = omn_random_at(2, a->seed, k) % n;
        omn_value *one = NULL;
        if (omn_value_item(a->v, i, &one, NULL) != OMN_OK || fabs(number(one) - (double)i) > 0.5)
            a->wrong++;
        omn_value_unref(one);
    }
    return NULL;
}

START_TEST(several_threads_may_ask_at_once)
{
    said s;
    omn_context *ctx = context(&s, 0);
    enum { THREADS = 6 };
    omn_value *v = load(ctx, file("sound.mp4"), "stream");
    pthread_t threads[THREADS];
    asking a[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        a[i] = (asking){ v, i, 0 };
        ck_assert_int_eq(pthread_create(&threads[i], NULL, ask, &a[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_uint_eq(a[i].wrong, 0);
    }
    omn_value_unref(v);
    omn_context_free(ctx);
}
END_TEST

typedef struct bytes {
    char *p;
    size_t n;
} bytes;

static bytes bytes_of(const char *name)
{
    bytes b = { NULL, 0 };
    OK(omn_file_read(file(name), 1 << 20, &b.p, &b.n, NULL));
    return b;
}

/* What a format makes of these bytes; NULL: refused, err says why. */
static omn_value *read_bytes(omn_context *ctx, const char *format, const void *p, size_t n,
                             omn_error *err)
{
    const omn_entry *e = NULL;
    omn_call *c = NULL;
    omn_value *v = NULL;
    uint8_t *exact = malloc(n + (n == 0));
    if (n) memcpy(exact, p, n);
    OK(omn_registry_find(ctx, "omnio.format/1", format, &e, NULL));
    OK(omn_context_call(ctx, 0, 0, NULL, &c, NULL));
    const omn_format_impl *f = omn_entry_object(e)->impl;
    const omn_status st = f->read(c, exact, n, &v, err);
    free(exact); /* what is read may be used longer than its bytes */
    ck_assert((st == OMN_OK) == (v != NULL));
    ck_assert(st == OMN_OK || err->text[0] != '\0');
    omn_call_free(c);
    return v;
}

START_TEST(from_memory_it_is_the_same)
{
    said s;
    omn_context *ctx = context(&s, 0);
    bytes b = bytes_of("sound.mp4");
    omn_value *v = load(ctx, file("sound.mp4"), "stream"),
              *other = load(ctx, file("vp9.webm"), "stream");
    omn_value *w = read_bytes(ctx, "video", b.p, b.n, NULL);
    omn_value *held = read_bytes(ctx, "video.held", b.p, b.n, NULL);
    omn_value *any = load(ctx, file("sound.mp4"), NULL);
    ck_assert(omn_value_equal(v, w));
    ck_assert(omn_value_equal(v, any));
    ck_assert(!omn_value_equal(v, other));
    ck_assert(omn_value_is(held, "video"));
    ck_assert_uint_eq(omn_value_count(held), 24);
    for (size_t i = 0; i < 24; i += 5) {
        omn_value *a = item(v, i), *c = item(w, i);
        ck_assert(omn_value_equal(a, c));
        ck_assert(
            omn_value_equal(a, ((omn_value *const *)omn_value_column(held, "frames")->data)[i]));
        omn_value_unref(a);
        omn_value_unref(c);
    }
    omn_value_unref(v);
    omn_value_unref(w);
    omn_value_unref(other);
    omn_value_unref(held);
    omn_value_unref(any);
    free(b.p);
    omn_context_free(ctx);
}
END_TEST

START_TEST(sound_lies_in_step_with_the_pictures)
{
    static const struct {
        const char *name;
        double rate, seconds, late;
    } all[] = { { "sound.mp4", 16000, 2, 0.001 },
                { "old.avi", 8000, 1, 0.001 },
                { "stream.ts", 16000, 1, 0.1 } };
    said s;
    omn_context *ctx = context(&s, 0);
    for (size_t f = 0; f < sizeof all / sizeof *all; f++) {
        omn_value *v = load(ctx, file(all[f].name), "audio");
        const omn_tensor *t = omn_value_column(v, "samples");
        const float *x = t->data;
        const size_t n = (size_t)t->shape.dim[0];
        const double rate = *(const double *)omn_value_column(v, "rate")->data;
        const double start = *(const double *)omn_value_column(v, "start")->data;
        ck_assert_double_eq(rate, all[f].rate);
        ck_assert_int_eq(t->shape.dim[1], 1);
        ck_assert_msg(fabs((double)n / rate - all[f].seconds) < 0.15, "%s: %g s", all[f].name,
                      (double)n / rate);
        ck_assert_msg(fabs(start) < all[f].late, "%s: begins at %g s", all[f].name, start);
        size_t crossings = 0;
        const size_t a = n / 4, b = 3 * n / 4;
        for (size_t i = a; i < b; i++) crossings += (x[i] < 0) != (x[i + 1] < 0);
        const double hz = (double)crossings / 2 / ((double)(b - a) / rate);
        ck_assert_msg(fabs(hz - 440) < 5, "%s: %g Hz", all[f].name, hz);
        omn_value_unref(v);
    }
    omn_value *none = NULL;
    omn_error err = OMN_ERROR_INIT;
    ck_assert_int_eq(omn_value_load(ctx, file("wide.mp4"), "audio", &none, &err), OMN_ERR_DATA);
    ck_assert_msg(strstr(err.text, "there is no sound in it"), "%s", err.text);
    omn_context_free(ctx);
}
END_TEST

START_TEST(what_is_cut_off_is_told)
{
    static const char *const names[] = { "sound.mp4", "plain.webm", "old.avi" };
    said s;
    omn_context *ctx = context(&s, 0);
    for (size_t f = 0; f < 3; f++) {
        bytes b = bytes_of(names[f]);
        omn_error err = OMN_ERROR_INIT;
        s.text[0] = '\0';
        omn_value *v = read_bytes(ctx, "video", b.p, b.n * 3 / 4, &err);
        ck_assert_msg(v, "%s: %s", names[f], err.text);
        const size_t n = omn_value_count(v);
        ck_assert_msg(n > 2 && n < files[f].n + (f == 2 ? 12 : 0), "%s: %zu", names[f], n);
        ck_assert_msg(strstr(s.text, "is cut off, "), "%s: %s", names[f], s.text);
        for (size_t i = 0; i < n; i++) {
            omn_value *one = item(v, i);
            is_number(names[f], one, i);
            omn_value_unref(one);
        }
        omn_value_unref(v);
        for (size_t size = 0; size < b.n; size += 1 + b.n / 97) { /* refused, or told */
            err = (omn_error)OMN_ERROR_INIT;
            s.text[0] = '\0';
            v = read_bytes(ctx, "video", b.p, size, &err);
            ck_assert_msg(!v || s.text[0], "%s: %zu of %zu bytes pass for all", names[f], size,
                          b.n);
            omn_value_unref(v);
        }
        free(b.p);
    }
    omn_context_free(ctx);
}
END_TEST

/* A damaged picture is an error, and so are those made from it, up to the next key picture. */
START_TEST(damage_is_an_error_of_its_pictures)
{
    said s;
    omn_context *ctx = context(&s, 0);
    bytes b = bytes_of("sound.mp4");
    size_t refused = 0, read = 0;
    /* the pictures of the second group of eight lie about here */
    for (size_t i = b.n * 5 / 10; i < b.n * 11 / 20; i++) b.p[i] = (char)omn_random_at(4, 5, i);
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = read_bytes(ctx, "video", b.p, b.n, &err), *held = NULL;
    ck_assert_msg(v, "%s", err.text);
    for (size_t i = 0; i < omn_value_count(v); i++) {
        omn_value *one = NULL;
        err = (omn_error)OMN_ERROR_INIT;
        const omn_status st = omn_value_item(v, i, &one, &err);
        refused += st != OMN_OK;
        read += st == OMN_OK;
        if (st == OMN_OK)
            is_number("a damaged file", one, i);
        else
            ck_assert_msg(strstr(err.text, "of the video, at "), "%s", err.text);
        omn_value_unref(one);
    }
    ck_assert_msg(refused >= 1 && read >= 8, "%zu refused, %zu read", refused, read);
    err = (omn_error)OMN_ERROR_INIT;
    held = read_bytes(ctx, "video.held", b.p, b.n, &err);
    ck_assert_ptr_null(held);
    omn_value_unref(v);
    for (uint64_t k = 0; k < (testing_all() ? 2000 : 60); k++) {
        bytes other = bytes_of(files[k % FILES].name);
        for (uint64_t j = 0; j <= k % 5; j++) {
            const uint64_t x = omn_random_at(9, k, j);
            other.p[x % other.n] = (char)(x >> 40);
        }
        err = (omn_error)OMN_ERROR_INIT;
        v = read_bytes(ctx, k % 2 ? "video" : "video.sound", other.p, other.n, &err);
        for (size_t i = 0; v && k % 2 && i < omn_value_count(v) && i < 30; i++) {
            omn_value *one = NULL;
            if (omn_value_item(v, i, &one, NULL) == OMN_OK) omn_value_unref(one);
        }
        omn_value_unref(v);
        free(other.p);
    }
    free(b.p);
    omn_context_free(ctx);
}
END_TEST

START_TEST(a_file_that_changes_is_noticed)
{
    said s;
    omn_context *ctx = context(&s, 0);
    const char *folder = testing_folder();
    char path[4200];
    testing_copy("tests/video/sound.mp4", folder, "a.mp4");
    snprintf(path, sizeof path, "%s/a.mp4", folder);
    omn_value *v = load(ctx, path, "stream"), *one = item(v, 3);
    omn_error err = OMN_ERROR_INIT;
    omn_value_unref(one);
    one = NULL;
    FILE *f = fopen(path, "ab");
    ck_assert(f && fputs("more", f) >= 0 && fclose(f) == 0);
    ck_assert_int_eq(omn_value_item(v, 4, &one, &err), OMN_ERR_DATA);
    ck_assert_msg(strstr(err.text, "was changed after it had been opened"), "%s", err.text);
    omn_value_unref(v);
    omn_context_free(ctx);
}
END_TEST

START_TEST(sizes_are_refused_before_there_is_room)
{
    said s;
    omn_context *ctx = context(&s, 60 * 48 * 3);
    omn_value *v = NULL;
    omn_error err = OMN_ERROR_INIT;
    ck_assert_int_eq(omn_value_load(ctx, file("plain.webm"), "stream", &v, &err), OMN_ERR_DATA);
    ck_assert_msg(strstr(err.text, "64 x 48"), "%s", err.text);
    omn_context_free(ctx);
    ctx = context(&s, 64 * 48 * 3 * 4);
    v = load(ctx, file("plain.webm"), "stream");
    omn_value_unref(v);
    v = NULL;
    err = (omn_error)OMN_ERROR_INIT;
    ck_assert_int_eq(omn_value_load(ctx, file("plain.webm"), "video", &v, &err), OMN_ERR_DATA);
    ck_assert_msg(strstr(err.text, "a stream of them takes none"), "%s", err.text);
    err = (omn_error)OMN_ERROR_INIT;
    ck_assert_int_eq(omn_value_load(ctx, file("sound.mp4"), "audio", &v, &err), OMN_ERR_DATA);
    ck_assert_msg(strstr(err.text, "what a value may take"), "%s", err.text);
    omn_context_free(ctx);
}
END_TEST

static uint8_t *found(bytes b, const char *what, size_t n)
{
    uint8_t *p = memmem(b.p, b.n, what, n);
    ck_assert_ptr_nonnull(p);
    return p;
}

/* What containers and coded pictures claim is compared with what a picture may take. */
START_TEST(pictures_larger_than_any_are_not_believed)
{
    said s;
    omn_context *ctx = context(&s, 0);
    omn_error err = OMN_ERROR_INIT;
    bytes b = bytes_of("wide.mp4");
    memset(found(b, "avc1\0\0\0\0\0\0", 10) + 28, 0xff, 4); /* width and height */
    ck_assert_ptr_null(read_bytes(ctx, "video", b.p, b.n, &err));
    ck_assert_int_eq(err.status, OMN_ERR_DATA);
    ck_assert_msg(strstr(err.text, "65535 x 65535"), "%s", err.text);
    free(b.p);
    omn_context_free(ctx);
    /* The container says 64 x 48, the first picture 16383 x 16383. */
    ctx = context(&s, 1 << 20);
    b = bytes_of("plain.webm");
    memcpy(found(b, "\x9d\x01\x2a", 3) + 3, "\xff\x3f\xff\x3f", 4);
    err = (omn_error)OMN_ERROR_INIT;
    omn_value *v = read_bytes(ctx, "video", b.p, b.n, &err), *one = NULL;
    if (v) {
        err = (omn_error)OMN_ERROR_INIT;
        ck_assert_int_eq(omn_value_item(v, 0, &one, &err), OMN_ERR_DATA);
    }
    ck_assert_int_eq(err.status, OMN_ERR_DATA);
    omn_value_unref(v);
    free(b.p);
    omn_context_free(ctx);
}
END_TEST

/* Playlists and scripts name other files and addresses; none is read, whatever it is called. */
START_TEST(no_other_file_is_opened)
{
    static const char *const texts[] = {
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n/etc/passwd\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile /etc/passwd\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n",
        "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\"></MPD>",
        "",
        "not a video at all, but a text that is long enough to be looked at",
    };
    said s;
    omn_context *ctx = context(&s, 0);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        static const char *const formats[] = { "video", "video.held", "video.sound" };
        for (size_t k = 0; k < 3; k++) {
            omn_error err = OMN_ERROR_INIT;
            ck_assert_ptr_null(read_bytes(ctx, formats[k], texts[i], strlen(texts[i]), &err));
            ck_assert_int_eq(err.status, OMN_ERR_DATA);
            ck_assert_msg(strstr(err.text, "not a video that can be read"), "%s", err.text);
        }
    }
    omn_context_free(ctx);
}
END_TEST

START_TEST(nothing_is_printed)
{
    said s;
    omn_context *ctx = context(&s, 0);
    char path[4200];
    snprintf(path, sizeof path, "%s/stderr", testing_folder());
    bytes b = bytes_of("sound.mp4");
    for (size_t i = b.n / 2; i < b.n; i += 3) b.p[i] = (char)(b.p[i] ^ 0x55);
    fflush(stderr);
    const int kept = dup(2), to = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    ck_assert(kept >= 0 && to >= 0 && dup2(to, 2) == 2);
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = read_bytes(ctx, "video", b.p, b.n, &err);
    for (size_t i = 0; v && i < omn_value_count(v); i++) {
        omn_value *one = NULL;
        if (omn_value_item(v, i, &one, NULL) == OMN_OK) omn_value_unref(one);
    }
    omn_value_unref(v);
    err = (omn_error)OMN_ERROR_INIT;
    v = read_bytes(ctx, "video", b.p + 100, b.n - 100, &err);
    ck_assert(dup2(kept, 2) == 2);
    ck_assert_int_eq(lseek(to, 0, SEEK_END), 0);
    close(to);
    close(kept);
    omn_value_unref(v);
    free(b.p);
    omn_context_free(ctx);
}
END_TEST

/* 10 pictures of one colour each, at moments of their own. */
static omn_value *coloured(omn_context *ctx, uint32_t w, uint32_t h)
{
    omn_value *list[10], *v = NULL;
    double time[10];
    const omn_kind *k = NULL;
    for (size_t i = 0; i < 10; i++) {
        omn_image *img = NULL;
        omn_pixels px;
        OK(omn_image_new(OMN_U8, w, h, 3, NULL, &img, &px, NULL));
        for (size_t p = 0; p < (size_t)3 * w * h; p++)
            ((uint8_t *)px.data)[p] = (uint8_t)(p % 3 == 0   ? 20 * i
                                                : p % 3 == 1 ? 200 - 15 * i
                                                             : 90);
        list[i] = omn_image_give(img);
        time[i] = i < 5 ? 0.1 * (double)i : 0.5 + 0.25 * (double)(i - 5);
    }
    const omn_filled columns[2] = {
        omn_fill("frames", OMN_ANY_VALUE, omn_dim1(10), list),
        omn_fill("time", OMN_F64, omn_dim1(10), time),
    };
    OK(omn_kind_find_in(ctx, "video", &k, NULL));
    OK(omn_value_make(k, columns, 2, NULL, &v, NULL));
    for (size_t i = 0; i < 10; i++) omn_value_unref(list[i]);
    return v;
}

START_TEST(what_is_written_is_read_back)
{
    said s;
    omn_context *ctx = context(&s, 0);
    for (size_t f = 0; f < 4; f++) {
        char path[4200];
        const uint32_t w = f < 2 ? 48 : 47, h = f < 2 ? 32 : 31;
        omn_value *v = coloured(ctx, w, h);
        omn_error err = OMN_ERROR_INIT;
        snprintf(path, sizeof path, "%s/a%zu.%s", testing_folder(), f, f % 2 ? "webm" : "mp4");
        s.text[0] = '\0';
        const omn_status st = omn_value_save(ctx, path, v, OMN_KEEP_EXISTING, &err);
        if (st == OMN_ERR_UNSUPPORTED) { /* an FFmpeg without such an encoder */
            ck_assert_msg(strstr(err.text, "has no encoder"), "%s", err.text);
            omn_value_unref(v);
            continue;
        }
        ck_assert_msg(st == OMN_OK, "%s", err.text);
        ck_assert_msg(f < 2 ? !s.text[0] : strstr(s.text, "is odd") != NULL, "%s", s.text);
        omn_value *back = load(ctx, path, "video");
        ck_assert_uint_eq(omn_value_count(back), 10);
        const double *a = omn_value_column(v, "time")->data,
                     *b = omn_value_column(back, "time")->data;
        for (size_t i = 0; i < 10; i++) {
            ck_assert_double_eq_tol(b[i], a[i], 1.1e-3);
            const omn_value *x = ((omn_value *const *)omn_value_column(v, "frames")->data)[i];
            const omn_value *y = ((omn_value *const *)omn_value_column(back, "frames")->data)[i];
            ck_assert_uint_eq(omn_image_pixels(omn_value_image(y)).width, w + w % 2);
            for (uint32_t k = 0; k < 3; k++)
                ck_assert_msg(fabs(mean(x, k) - mean(y, k)) < 4, "%s, picture %zu: %g is %g", path,
                              i, mean(x, k), mean(y, k));
        }
        omn_value_unref(back);
        omn_value_unref(v);
    }
    omn_context_free(ctx);
}
END_TEST

/* Two channels that are silent but for a tone from 0.9 s to 1.4 s after its begin. */
static omn_value *tone(omn_context *ctx, double rate, double start)
{
    const omn_kind *k = NULL;
    omn_value *v = NULL;
    const size_t n = (size_t)(2 * rate);
    float *x = calloc(2 * n, sizeof(float));
    for (size_t i = (size_t)(0.9 * rate); i < (size_t)(1.4 * rate); i++)
        x[2 * i] = x[2 * i + 1] = 0.5f * (float)sin(2 * 3.14159265358979 * 440 * (double)i / rate);
    const omn_filled columns[3] = {
        omn_fill("samples", OMN_F32, omn_dim2((int64_t)n, 2), x),
        omn_fill("rate", OMN_F64, omn_dim0(), &rate),
        omn_fill("start", OMN_F64, omn_dim0(), &start),
    };
    OK(omn_kind_find_in(ctx, "audio", &k, NULL));
    OK(omn_value_make(k, columns, 3, NULL, &v, NULL));
    free(x);
    return v;
}

/* Root mean square of a sound from a moment to another. */
static double loud(const omn_value *sound, double from, double to)
{
    const omn_tensor *t = omn_value_column(sound, "samples");
    const double rate = *(const double *)omn_value_column(sound, "rate")->data;
    const double start = *(const double *)omn_value_column(sound, "start")->data;
    const size_t channels = (size_t)t->shape.dim[1], n = (size_t)t->shape.dim[0];
    double sum = 0;
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        const double at = start + (double)i / rate;
        if (at < from || at >= to) continue;
        for (size_t k = 0; k < channels; k++, count++)
            sum += pow((double)((const float *)t->data)[i * channels + k], 2);
    }
    ck_assert_uint_gt(count, 0);
    return sqrt(sum / (double)count);
}

/* The tone is heard where it was, to 10 ms, and as loud: 0.5 / sqrt(2) is 0.354. Encoders with loss
 * leave echoes of a per cent; the first and last 10 ms are not looked at. */
static void check_tone(const omn_value *sound, double shift, const char *path)
{
    const double before = loud(sound, shift + 0.3, shift + 0.88),
                 in = loud(sound, shift + 0.91, shift + 1.39),
                 behind = loud(sound, shift + 1.42, shift + 1.8);
    ck_assert_msg(before < 0.01 && behind < 0.01 && fabs(in - 0.354) < 0.03, "%s: %g, %g, %g", path,
                  before, in, behind);
}

START_TEST(sound_is_written_beside_the_pictures)
{
    said s;
    omn_context *ctx = context(&s, 0);
    static const struct {
        const char *suffix;
        double rate, start;
    } rows[] = { { "mp4", 44100, 0 },  { "mp4", 16000, 0.3 }, { "mp4", 22050, -0.4 },
                 { "webm", 48000, 0 }, { "webm", 44100, 0.3 } };
    const omn_kind *video = NULL, *audio = NULL;
    OK(omn_kind_find_in(ctx, "video", &video, NULL));
    OK(omn_kind_find_in(ctx, "audio", &audio, NULL));
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        char path[4200];
        omn_value *plain = coloured(ctx, 48, 32), *v = NULL, *heard = NULL;
        omn_value *sound = tone(ctx, rows[r].rate, rows[r].start);
        omn_error err = OMN_ERROR_INIT;
        const omn_filled columns[3] = {
            { "frames", *omn_value_column(plain, "frames") },
            { "time", *omn_value_column(plain, "time") },
            omn_fill("sound", OMN_ANY_VALUE, omn_dim0(), &sound),
        };
        OK(omn_value_make(video, columns, 3, NULL, &v, NULL));
        snprintf(path, sizeof path, "%s/s%zu.%s", testing_folder(), r, rows[r].suffix);
        const omn_status st = omn_value_save(ctx, path, v, OMN_KEEP_EXISTING, &err);
        if (st != OMN_ERR_UNSUPPORTED) { /* an FFmpeg without such an encoder */
            ck_assert_msg(st == OMN_OK, "%s", err.text);
            omn_value *alone = load(ctx, path, "audio"), *back = load(ctx, path, "video");
            check_tone(alone, rows[r].start, path);
            OK(omn_value_convert(NULL, back, audio, &heard, &err));
            ck_assert(omn_value_equal(heard, alone));
            ck_assert_uint_eq(omn_value_count(back), 10);
            omn_value_unref(alone);
            omn_value_unref(back);
            omn_value_unref(heard);
        }
        omn_value_unref(sound);
        omn_value_unref(plain);
        omn_value_unref(v);
    }
    omn_context_free(ctx);
}
END_TEST

START_TEST(gif_tells_that_it_is_silent)
{
    said s;
    omn_context *ctx = context(&s, 0);
    omn_error err = OMN_ERROR_INIT;
    char path[4200];
    omn_value *v = load(ctx, testing_source("tests/video/sound.mp4"), "video");
    ck_assert_ptr_nonnull(omn_value_column(v, "sound"));
    snprintf(path, sizeof path, "%s/a.gif", testing_folder());
    if (omn_value_save(ctx, path, v, OMN_KEEP_EXISTING, &err) == OMN_OK)
        ck_assert_msg(strstr(s.text, "GIF holds no sound") != NULL, "%s", s.text);
    else
        ck_assert_msg(strstr(err.text, "no format"), "%s", err.text);
    omn_value_unref(v);
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        every_picture_is_the_one_of_its_number,
        moments_of_a_variable_rate_are_kept,
        a_turned_video_is_upright,
        several_threads_may_ask_at_once,
        from_memory_it_is_the_same,
        sound_lies_in_step_with_the_pictures,
        what_is_cut_off_is_told,
        damage_is_an_error_of_its_pictures,
        a_file_that_changes_is_noticed,
        sizes_are_refused_before_there_is_room,
        pictures_larger_than_any_are_not_believed,
        no_other_file_is_opened,
        nothing_is_printed,
        what_is_written_is_read_back,
        sound_is_written_beside_the_pictures,
        gif_tells_that_it_is_silent,
    };
    return TESTING_RUN("formats/video", all, 60);
}
