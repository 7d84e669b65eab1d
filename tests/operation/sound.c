/* SPDX-License-Identifier: Apache-2.0 */
/* Rates and segments of sound: tones keep their pitch and loudness, lengths are those of librosa,
 * and the cuts are those that Unified-IO 2 makes, sample by sample. */
#include "tests/operation/apply.h"

#include "tests/testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TURN 6.283185307179586

/* n moments of `channels` channels; sample i of channel k is fn. */
static omn_value *sound(size_t n, size_t channels, double rate, double start,
                        double (*fn)(double i, size_t k))
{
    omn_value *v = NULL;
    const omn_kind *kind = NULL;
    float *x = malloc(n * channels * sizeof(*x) + 1);
    for (size_t i = 0; i < n * channels; i++)
        x[i] = (float)fn((double)(i / channels), i % channels);
    const omn_filled columns[3] = {
        omn_fill("samples", OMN_F32, omn_dim2((int64_t)n, (int64_t)channels), x),
        omn_fill("rate", OMN_F64, omn_dim0(), &rate),
        omn_fill("start", OMN_F64, omn_dim0(), &start),
    };
    ck_assert_int_eq(omn_kind_find(NULL, "audio", &kind, NULL), OMN_OK);
    ck_assert_int_eq(omn_value_make(kind, columns, 3, NULL, &v, NULL), OMN_OK);
    free(x);
    return v;
}

static const float *samples(const omn_value *v, size_t *n)
{
    const omn_tensor *t = omn_value_column(v, "samples");
    *n = (size_t)t->shape.dim[0];
    return t->data;
}

static double number(const omn_value *v, const char *column)
{
    return *(const double *)omn_value_column(v, column)->data;
}

static double count(double i, size_t k)
{
    return i + 1 + 0.5 * (double)k;
}

static double tones(double i, size_t k)
{
    return 0.5 * sin(TURN * (k == 0 ? 440 : 1000) * i / 44100);
}

START_TEST(another_rate_keeps_pitch_and_loudness)
{
    static const struct { const char *rate; double hz; } cases[] = {
        { "16000", 16000 }, { "48000", 48000 }, { "22050", 22050 }, { "44100.5", 44100.5 },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        omn_value *v = sound(30001, 2, 44100, 2.5, tones);
        const omn_value *const in[4] = { v };
        omn_value *out = apply(NULL, "audio.resample", in, "rate", cases[i].rate, NULL);
        size_t n = 0;
        const float *x = samples(out, &n);
        ck_assert_uint_eq(n, (size_t)ceil(30001 * (cases[i].hz / 44100)));
        ck_assert(number(out, "rate") == cases[i].hz && number(out, "start") == 2.5);
        for (size_t j = n / 10; j < n - n / 10; j++)
            for (size_t k = 0; k < 2; k++) {
                const double t = (double)j / cases[i].hz * 44100;
                ck_assert_msg(fabs((double)x[2 * j + k] - tones(t, k)) < 2e-5, "%zu: %zu, %zu", i,
                              j, k);
            }
        omn_value_unref(v);
        omn_value_unref(out);
    }
    apply_end();
}
END_TEST

static double high(double i, size_t k)
{
    (void)k;
    return 0.5 * sin(TURN * 12000 * i / 44100);
}

START_TEST(what_a_rate_cannot_say_is_left_out)
{
    omn_value *v = sound(44100, 1, 44100, 0, high);
    const omn_value *const in[4] = { v };
    omn_value *out = apply(NULL, "audio.resample", in, "rate", "16000", NULL);
    size_t n = 0;
    const float *x = samples(out, &n);
    for (size_t i = 1000; i < n - 1000; i++) ck_assert_msg(fabsf(x[i]) < 1e-4f, "%zu", i);
    omn_value_unref(out);
    out = apply(NULL, "audio.resample", in, "rate", "44100", NULL);
    ck_assert(omn_value_equal(out, v));
    omn_value_unref(out);
    omn_value_unref(v);
    apply_end();
}
END_TEST

/* A tensor of the recorded table; *n rows. */
static const void *tensor(const omn_weights *w, const char *name, size_t *n)
{
    const omn_tensor *t = omn_weights_get(w, name);
    ck_assert_ptr_nonnull(t);
    *n = (size_t)t->shape.dim[0];
    return t->data;
}

/* One row: segments of the sound, the samples that its table wants to be padded or cut to, which
 * segment, its samples from, to, silence before and behind. Samples count from 1. */
static void compare(const omn_value *list, const int32_t row[7], size_t length)
{
    omn_value *v = NULL;
    size_t n = 0;
    ck_assert_uint_eq(omn_list_count(list), (size_t)row[0]);
    ck_assert_int_eq(omn_value_item(list, (size_t)row[2], &v, NULL), OMN_OK);
    const float *x = samples(v, &n);
    ck_assert_uint_eq(n, 65280);
    ck_assert(number(v, "start") == 3 + (row[3] - row[5]) / 16000.0);
    for (int64_t i = 0; i < 65280; i++) {
        const int64_t at = row[3] + i - row[5];
        const bool inside = at >= row[3] && at < row[4] && at < row[1] && at < (int64_t)length;
        ck_assert_msg(x[i] == (inside ? (float)(at + 1) : 0), "segment %d, sample %d", row[2],
                      (int)i);
    }
    omn_value_unref(v);
}

START_TEST(segments_are_those_of_the_table)
{
    omn_weights *w = NULL;
    size_t n = 0, m = 0;
    ck_assert_int_eq(omn_weights_open(
        testing_source("tests/golden/codecs/audio_segments.safetensors"), &w, NULL), OMN_OK);
    const int32_t *table = tensor(w, "table", &n), *video = tensor(w, "video_table", &m);
    const float *lengths = tensor(w, "length_seconds", &n);
    const float *pairs = tensor(w, "video_length_and_segment_seconds", &m);
    for (size_t i = 0; i < n + m; i++) {
        const bool plain = i < n;
        const double length = (double)(plain ? lengths[i] : pairs[2 * (i - n)]);
        const size_t many = (size_t)floor(length * 16000 + 0.5);
        char each[32] = "0";
        if (!plain) { /* the recorded floats stand for decimals, one divided by a whole number */
            const float *pair = pairs + 2 * (i - n);
            snprintf(each, sizeof(each), "%.5g", (double)pair[0]);
            snprintf(each, sizeof(each), "%.17g",
                     omn_number_read(each, NULL) / floor((double)(pair[0] / pair[1]) + 0.5));
        }
        omn_value *v = sound(many, 1, 16000, 3, count);
        const omn_value *const in[4] = { v };
        omn_value *out = apply(NULL, "audio.segments", in, "each", each, NULL);
        compare(out, plain ? table + 7 * i : video + 7 * (i - n), many);
        omn_value_unref(out);
        if (!plain) { /* the same by their number */
            char parts[8];
            snprintf(parts, sizeof(parts), "%d", (int)(video + 7 * (i - n))[0]);
            out = apply(NULL, "audio.segments", in, "parts", parts, NULL);
            compare(out, video + 7 * (i - n), many);
            omn_value_unref(out);
        }
        omn_value_unref(v);
    }
    omn_weights_close(w);
    apply_end();
}
END_TEST

START_TEST(segments_are_made_of_any_sound)
{
    omn_value *v = sound(44100 * 5, 2, 44100, 0, tones), *one = NULL;
    const omn_value *const in[4] = { v };
    omn_value *out = apply(NULL, "audio.segments", in, "seconds", "1", NULL);
    size_t n = 0;
    ck_assert_uint_eq(omn_list_count(out), 5);
    ck_assert_int_eq(omn_value_item(out, 2, &one, NULL), OMN_OK);
    const float *x = samples(one, &n);
    ck_assert(n == 16000 && number(one, "rate") == 16000);
    for (size_t i = 0; i < n; i++) {
        const double t = (double)(32000 + i) / 16000 * 44100;
        ck_assert(fabs((double)x[i] - (tones(t, 0) + tones(t, 1)) / 2) < 2e-5);
    }
    omn_value_unref(one);
    omn_value_unref(out);
    omn_value_unref(v);
    v = sound(0, 1, 16000, 0, count);
    const omn_value *const none[4] = { v };
    out = apply(NULL, "audio.segments", none, "least", "3", NULL);
    ck_assert_uint_eq(omn_list_count(out), 0);
    omn_value_unref(out);
    omn_value_unref(v);
    apply_end();
}
END_TEST

/* Silence in front, before the sound begins; of a sound that has as many pieces none. */
START_TEST(a_short_sound_has_a_past)
{
    omn_value *v = sound(20000, 1, 16000, 5, tones), *first = NULL, *last = NULL;
    const omn_value *const in[4] = { v };
    omn_value *out = apply(NULL, "audio.segments", in, "seconds", "1", "least", "3", NULL);
    omn_value *alone = apply(NULL, "audio.segments", in, "seconds", "1", "least", "1", NULL);
    size_t n = 0;
    ck_assert_uint_eq(omn_list_count(out), 3);
    ck_assert_uint_eq(omn_list_count(alone), 1);
    ck_assert_int_eq(omn_value_item(out, 0, &first, NULL), OMN_OK);
    ck_assert_int_eq(omn_value_item(out, 2, &last, NULL), OMN_OK);
    ck_assert(omn_value_equal(last, omn_list_at(alone, 0)));
    const float *x = samples(first, &n);
    ck_assert_uint_eq(n, 16000);
    for (size_t i = 0; i < n; i++) ck_assert(x[i] == 0);
    ck_assert_double_eq_tol(number(first, "start"), 3, 1e-9);
    ck_assert_double_eq_tol(number(last, "start"), 5, 1e-9);
    omn_value_unref(first);
    omn_value_unref(last);
    omn_value_unref(alone);
    omn_value_unref(out);
    omn_value_unref(v);
    apply_end();
}
END_TEST

/* Samples from..to of v. */
static omn_value *cut_of(const omn_value *v, size_t from, size_t to)
{
    size_t n = 0;
    omn_value *out = NULL;
    const size_t channels = (size_t)omn_value_column(v, "samples")->shape.dim[1];
    const double rate = number(v, "rate"), start = number(v, "start") + (double)from / rate;
    const float *x = samples(v, &n);
    const omn_filled columns[3] = {
        omn_fill("samples", OMN_F32, omn_dim2((int64_t)(to - from), (int64_t)channels),
                 x + from * channels),
        omn_fill("rate", OMN_F64, omn_dim0(), &rate),
        omn_fill("start", OMN_F64, omn_dim0(), &start),
    };
    ck_assert_int_eq(omn_value_make(omn_value_kind(v), columns, 3, NULL, &out, NULL), OMN_OK);
    return out;
}

/* v in pieces of so many samples. */
static omn_value *stream_of(const omn_value *v, size_t each)
{
    omn_value *list[64] = { NULL }, *all = NULL, *out = NULL;
    const omn_kind *kind = NULL;
    size_t n = 0, k = 0;
    (void)samples(v, &n);
    for (size_t at = 0; at < n; at += each, k++) {
        ck_assert_uint_lt(k, 64);
        list[k] = cut_of(v, at, at + each < n ? at + each : n);
    }
    ck_assert_int_eq(omn_list_new(list, k, &all, NULL), OMN_OK);
    while (k > 0) omn_value_unref(list[--k]);
    ck_assert_int_eq(omn_kind_find(NULL, "stream", &kind, NULL), OMN_OK);
    ck_assert_int_eq(omn_value_convert(NULL, all, kind, &out, NULL), OMN_OK);
    omn_value_unref(all);
    return out;
}

/* What goes by in pieces gives the same segments, to the last bit, as the whole does: all of a few,
 * of many the first and the last. */
START_TEST(the_ends_of_a_sound_that_goes_by_are_heard)
{
    static const struct { size_t n, channels, each; double rate; } cases[] = {
        { 16000, 1, 16000, 16000 },   { 82000, 1, 30001, 16000 }, { 90000, 2, 44100, 44100 },
        { 400000, 2, 48000, 48000 },  { 100001, 1, 7919, 8000 },  { 163333, 1, 163333, 11025 },
        { 96000, 1, 96000, 16000 },   { 97700, 1, 40000, 16000 }, { 40001, 3, 1234, 5512.5 },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        omn_value *v = sound(cases[i].n, cases[i].channels, cases[i].rate, 2, tones);
        omn_value *by = stream_of(v, cases[i].each);
        const omn_value *const whole[4] = { v }, *const pieces[4] = { by };
        omn_value *a = apply(NULL, "audio.segments", whole, "seconds", "1", "least", "2", NULL);
        omn_value *b = apply(NULL, "audio.heard", pieces, "seconds", "1", "least", "2", NULL);
        const size_t n = omn_list_count(a), m = n < 5 ? n : 5;
        ck_assert_msg(omn_list_count(b) == m, "%zu: %zu segments, not %zu", i, omn_list_count(b),
                      m);
        for (size_t k = 0; k < m; k++)
            ck_assert_msg(omn_value_equal(omn_list_at(a, k < 4 || n < 5 ? k : n - 1),
                                          omn_list_at(b, k)), "%zu: segment %zu of %zu", i, k, n);
        omn_value_unref(a);
        omn_value_unref(b);
        omn_value_unref(by);
        omn_value_unref(v);
    }
    apply_end();
}
END_TEST

START_TEST(what_is_no_sound_is_not_heard)
{
    omn_value *v = sound(50000, 1, 16000, 0, count), *other = sound(100, 1, 8000, 0, count);
    omn_value *list[2] = { v, other }, *all = NULL, *by = NULL;
    omn_error err = OMN_ERROR_INIT;
    const omn_kind *kind = NULL;
    ck_assert_int_eq(omn_kind_find(NULL, "stream", &kind, NULL), OMN_OK);
    ck_assert_int_eq(omn_list_new(list, 2, &all, NULL), OMN_OK);
    ck_assert_int_eq(omn_value_convert(NULL, all, kind, &by, NULL), OMN_OK);
    const omn_value *const in[4] = { by };
    ck_assert_ptr_null(apply(&err, "audio.heard", in, NULL));
    ck_assert_msg(strstr(err.text, "16000 Hz goes on at 8000 Hz"), "%s", err.text);
    err = (omn_error)OMN_ERROR_INIT;
    ck_assert_ptr_null(apply(&err, "audio.heard", in, "seconds", "3600", "first", "64", NULL));
    ck_assert_msg(strstr(err.text, "too many"), "%s", err.text);
    omn_value_unref(by);
    omn_value_unref(all);
    omn_value *text = text_of("no sound");
    ck_assert_int_eq(omn_list_new(&text, 1, &all, NULL), OMN_OK);
    ck_assert_int_eq(omn_value_convert(NULL, all, kind, &by, NULL), OMN_OK);
    const omn_value *const words[4] = { by };
    err = (omn_error)OMN_ERROR_INIT;
    ck_assert_ptr_null(apply(&err, "audio.heard", words, NULL));
    ck_assert_msg(strstr(err.text, "a stream of text, one of audio is wanted"), "%s", err.text);
    omn_value_unref(by);
    omn_value_unref(all);
    omn_value_unref(text);
    omn_value_unref(v);
    omn_value_unref(other);
    apply_end();
}
END_TEST

START_TEST(what_cannot_be_is_refused)
{
    static const struct { const char *name, *set[4], *says; } cases[] = {
        { "audio.segments", { "seconds", "0.01", "rate", "1000000" }, NULL },
        { "audio.segments", { "seconds", "0.01", "each", "0.001" }, "outside 0.01..3600" },
        { "audio.segments", { "seconds", "3600", "each", "0.01" }, "too many" },
        { "audio.segments", { "parts", "2", "each", "1" }, "each and parts" },
        { "audio.segments", { "seconds", "-1", "each", "1" }, "outside" },
        { "audio.resample", { "rate", "10", NULL, NULL }, "outside" },
    };
    omn_value *v = sound(160000 * 2, 1, 16000, 0, count);
    const omn_value *const in[4] = { v };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        omn_error err = OMN_ERROR_INIT;
        const char *const *set = cases[i].set;
        omn_value *out = apply(&err, cases[i].name, in, set[0], set[1], set[2], set[3], NULL);
        if (cases[i].says == NULL)
            ck_assert_msg(out != NULL, "%s", err.text);
        else
            ck_assert_msg(out == NULL && strstr(err.text, cases[i].says), "%s", err.text);
        omn_value_unref(out);
    }
    omn_value_unref(v);
    apply_end();
}
END_TEST

int main(void)
{
    const TTest *const all[] = { another_rate_keeps_pitch_and_loudness,
                                 what_a_rate_cannot_say_is_left_out,
                                 segments_are_those_of_the_table, segments_are_made_of_any_sound,
                                 a_short_sound_has_a_past,
                                 the_ends_of_a_sound_that_goes_by_are_heard,
                                 what_is_no_sound_is_not_heard,
                                 what_cannot_be_is_refused };
    return TESTING_RUN("operation/sound", all, 60);
}
