/* SPDX-License-Identifier: Apache-2.0 */
/* Spectrograms against recorded ones: window, bank, power of frames, mel power, its logarithm with
 * the mask, and what encoders make of it; and back to sound, where what was heard comes again. */
#include "tests/operation/apply.h"

#include "tests/testing.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TURN   6.283185307179586
#define GOLDEN "tests/golden/codecs/mel.safetensors"

static omn_value *sound_of(const float *x, size_t n, double rate)
{
    omn_value *v = NULL;
    const omn_kind *kind = NULL;
    const double start = 1.5;
    const omn_filled columns[3] = {
        omn_fill("samples", OMN_F32, omn_dim2((int64_t)n, 1), x),
        omn_fill("rate", OMN_F64, omn_dim0(), &rate),
        omn_fill("start", OMN_F64, omn_dim0(), &start),
    };
    ck_assert_int_eq(omn_kind_find(NULL, "audio", &kind, NULL), OMN_OK);
    ck_assert_int_eq(omn_value_make(kind, columns, 3, NULL, &v, NULL), OMN_OK);
    return v;
}

static omn_value *mel_of(const omn_value *v)
{
    const omn_value *const in[4] = { v };
    return apply(NULL, "audio.mel", in, NULL);
}

static const void *column(const omn_value *v, const char *name)
{
    const omn_tensor *t = omn_value_column(v, name);
    ck_assert_msg(t != NULL, "no %s", name);
    return t->data;
}

static const omn_tensor *get(const omn_weights *w, const char *name)
{
    const omn_tensor *t = omn_weights_get(w, name);
    ck_assert_msg(t != NULL, "no %s", name);
    return t;
}

static const void *of(const omn_weights *w, const char *wave, const char *what)
{
    char name[64];
    snprintf(name, sizeof(name), "%s.%s", wave, what);
    return get(w, name)->data;
}

static omn_weights *golden(void)
{
    omn_weights *w = NULL;
    ck_assert_int_eq(omn_weights_open(testing_source(GOLDEN), &w, NULL), OMN_OK);
    return w;
}

/* Segment s of a wave against what was recorded. */
static void compare(const omn_weights *w, const char *wave, size_t s, const omn_value *made)
{
    const float *want = (const float *)of(w, wave, "mel_power") + s * 128 * 256;
    const float *power = column(made, "power"), *log = column(made, "log");
    const uint8_t *mask = column(made, "mask");
    const int32_t *patches = (const int32_t *)of(w, wave, "patch_mask") + s * 128;
    int32_t sum = 0;
    ck_assert(*(const double *)column(made, "rate") == 62.5);
    ck_assert(*(const double *)column(made, "start") == 1.5 + (double)s * 4.08);
    for (size_t t = 0; t < 256; t++)
        for (size_t b = 0; b < 128; b++) {
            const double p = (double)power[t * 128 + b], q = (double)want[b * 256 + t];
            const double l = (double)log[t * 128 + b], clipped = fmin(fmax(q, 1e-5), 1e5);
            ck_assert_msg(fabs(p - q) <= 1e-4 * q + 1e-7, "%s %zu: %zu, %zu: %g not %g", wave, s, t,
                          b, p, q);
            ck_assert_int_eq(mask[t * 128 + b], q != 0);
            sum += mask[t * 128 + b];
            if (q == 0) ck_assert(l == 0);
            if (q != 0) ck_assert(fabs(l - logf((float)clipped)) < (q > 1e-4 ? 1e-3 : 0.02));
        }
    ck_assert_int_eq(sum, ((const int32_t *)of(w, wave, "mask_sum"))[s]);
    for (size_t i = 0; i < 128; i++)
        ck_assert_int_eq(mask[(16 * (i / 8) + 8) * 128 + 16 * (i % 8) + 8], patches[i]);
    if (s > 0) return;
    const float *ast = of(w, wave, "ast_input_first_patches"), *vq = of(w, wave,
                                                                        "vqgan_target_rows0_8");
    for (size_t i = 0; i < 8 * 256; i++) {
        const float x = log[(i / 16 % 16) * 128 + i / 256 * 16 + i % 16];
        ck_assert(fabsf((x + 4.26f) / 9.14f - ast[i]) < 1e-3f);
    }
    for (size_t i = 0; i < 8 * 128; i++)
        ck_assert(fabsf((log[i] + 5.0945f) / 3.8312f - vq[i]) < 2e-3f);
}

START_TEST(mel_power_is_what_was_recorded)
{
    static const char *const waves[] = { "chirp", "noise_short", "speech", "tone_silence" };
    omn_weights *w = golden();
    for (size_t i = 0; i < 4; i++) {
        const omn_tensor *t;
        char name[64];
        snprintf(name, sizeof(name), "%s.waveform", waves[i]);
        t = get(w, name);
        omn_value *v = sound_of(t->data, (size_t)t->shape.dim[0], 16000);
        const omn_value *const in[4] = { v };
        omn_value *list = apply(NULL, "audio.segments", in, NULL);
        snprintf(name, sizeof(name), "%s.mel_power", waves[i]);
        ck_assert_uint_eq(omn_list_count(list), (size_t)get(w, name)->shape.dim[0]);
        for (size_t s = 0; s < omn_list_count(list); s++) {
            omn_value *made = mel_of(omn_list_at(list, s));
            compare(w, waves[i], s, made);
            omn_value_unref(made);
        }
        omn_value_unref(list);
        omn_value_unref(v);
    }
    const float *log = get(w, "speech.log_mel_masked")->data;
    const float *p = get(w, "speech.mel_power")->data;
    for (size_t i = 0; i < 256 * 128; i++) { /* the recorded log is what the mask says */
        const float q = p[i % 128 * 256 + i / 128];
        ck_assert(q != 0 || log[i] == 0);
    }
    omn_weights_close(w);
    apply_end();
}
END_TEST

/* A sound that is nothing but one sample has a flat spectrum, weighed by the window at its place:
 * so window and bank are seen one by one. Frame 2 is centred at sample 512 and begins at 0. */
START_TEST(window_and_bank_are_what_was_recorded)
{
    omn_weights *w = golden();
    const float *hann = get(w, "hann_symmetric")->data, *bank = get(w, "mel_filterbank")->data;
    const float *edges = get(w, "mel_band_edges_hz")->data;
    for (size_t at = 1; at < 1023; at += 73) {
        float x[2048] = { 0 };
        x[at] = 1;
        omn_value *v = sound_of(x, 2048, 16000), *made = mel_of(v);
        const float *power = (const float *)column(made, "power") + 2 * 128;
        for (size_t b = 0; b < 128; b++) {
            double sum = 0;
            for (size_t k = 0; k < 513; k++) sum += (double)bank[b * 513 + k];
            const double want = sum * (double)hann[at] * (double)hann[at];
            ck_assert_msg(fabs((double)power[b] - want) < 2e-5 * want + 1e-12,
                          "%zu, %zu: %g not %g", at, b, (double)power[b], want);
            ck_assert(fabs(((const double *)column(made, "frequency"))[b] - (double)edges[b + 1]) <
                      1e-2);
        }
        omn_value_unref(made);
        omn_value_unref(v);
    }
    omn_weights_close(w);
    apply_end();
}
END_TEST

/* The recorded power of single bins, weighed here, is the mel power of their frames. */
START_TEST(frames_have_the_recorded_power)
{
    static const size_t frames[4] = { 0, 1, 100, 255 };
    omn_weights *w = golden();
    const float *power = get(w, "chirp.power_spectrum_frames_last_segment")->data;
    const float *bank = get(w, "mel_filterbank")->data;
    omn_value *v = sound_of(get(w, "chirp.waveform")->data, 65280, 16000), *made = mel_of(v);
    for (size_t i = 0; i < 4; i++)
        for (size_t b = 0; b < 128; b++) {
            const float got = ((const float *)column(made, "power"))[frames[i] * 128 + b];
            double want = 0;
            for (size_t k = 0; k < 513; k++)
                want += (double)power[i * 513 + k] * (double)bank[b * 513 + k];
            ck_assert(fabs((double)got - want) <= 1e-4 * want + 1e-7);
        }
    omn_value_unref(made);
    omn_value_unref(v);
    omn_weights_close(w);
    apply_end();
}
END_TEST

/* Where and how loud the loudest band of the frame in the middle is. */
static size_t loudest(const omn_value *v, double *power)
{
    const omn_tensor *t = omn_value_column(v, "power");
    const float *p = (const float *)t->data + t->shape.dim[0] / 2 * t->shape.dim[1];
    size_t at = 0;
    for (size_t i = 0; i < (size_t)t->shape.dim[1]; i++)
        if (p[i] > p[at]) at = i;
    *power = (double)p[at];
    return at;
}

START_TEST(a_sound_comes_back_as_it_was_heard)
{
    float *x = malloc(65280 * sizeof(*x));
    for (size_t i = 0; i < 65280; i++) {
        const double t = (double)i / 16000;
        x[i] = (float)(0.3 * sin(TURN * 440 * t) + 0.1 * sin(TURN * (1500 + 200 * t) * t));
    }
    omn_value *v = sound_of(x, 65280, 16000), *mel = mel_of(v);
    const omn_value *const in[4] = { mel };
    omn_value *back = apply(NULL, "spectrogram.audio", in, NULL);
    omn_value *twice = apply(NULL, "spectrogram.audio", in, NULL), *again = mel_of(back);
    const omn_tensor *t = omn_value_column(back, "samples");
    ck_assert(t->shape.dim[0] == 65280 && *(const double *)column(back, "rate") == 16000);
    ck_assert(omn_value_equal(back, twice));
    double a = 0, b = 0, off = 0, all = 0;
    ck_assert_uint_eq(loudest(mel, &a), loudest(again, &b));
    ck_assert_msg(fabs(10 * log10(a / b)) < 1, "%g dB", 10 * log10(a / b));
    for (size_t i = 8 * 128; i < 248 * 128; i++) {
        const double p = sqrt((double)((const float *)column(mel, "power"))[i]);
        const double q = sqrt((double)((const float *)column(again, "power"))[i]);
        off += (p - q) * (p - q);
        all += p * p;
    }
    ck_assert_msg(sqrt(off / all) < 0.15, "magnitudes are off by %g", sqrt(off / all));
    omn_value_unref(v);
    omn_value_unref(mel);
    omn_value_unref(back);
    omn_value_unref(twice);
    omn_value_unref(again);
    free(x);
    apply_end();
}
END_TEST

START_TEST(a_picture_has_low_bands_below)
{
    float x[16000];
    omn_pixels px;
    for (size_t i = 0; i < 16000; i++) x[i] = (float)sin(TURN * 300 * (double)i / 16000);
    omn_value *v = sound_of(x, 16000, 16000), *mel = mel_of(v);
    const omn_value *const in[4] = { mel };
    omn_value *out = apply(NULL, "spectrogram.picture", in, "side", "3", NULL);
    double power = 0;
    const size_t band = loudest(mel, &power);
    px = omn_image_pixels(omn_value_image(out));
    ck_assert(px.width == 63 * 3 && px.height == 128 * 3 && px.channels == 3);
    const uint8_t *p = px.data;
    size_t bright = 0, most = 0;
    for (size_t y = 0; y < px.height; y++) {
        const uint8_t *at = p + (y * px.width + px.width / 2) * 3;
        const size_t sum = (size_t)at[0] + at[1] + at[2];
        if (sum > most) bright = y;
        if (sum > most) most = sum;
    }
    ck_assert_uint_eq(bright / 3, 127 - band);
    omn_value_unref(v);
    omn_value_unref(mel);
    omn_value_unref(out);
    apply_end();
}
END_TEST

START_TEST(silence_is_masked)
{
    float x[4096] = { 0 };
    omn_value *v = sound_of(x, 4096, 16000), *mel = mel_of(v);
    const omn_value *const in[4] = { mel };
    for (size_t i = 0; i < 17 * 128; i++) {
        ck_assert(((const uint8_t *)column(mel, "mask"))[i] == 0);
        ck_assert(((const float *)column(mel, "log"))[i] == 0);
    }
    omn_value *out = apply(NULL, "spectrogram.picture", in, NULL);
    omn_value_unref(out);
    out = apply(NULL, "spectrogram.audio", in, NULL);
    for (size_t i = 0; i < 4096; i++) ck_assert(((const float *)column(out, "samples"))[i] == 0);
    omn_value_unref(out);
    omn_value_unref(mel);
    omn_value_unref(v);
    apply_end();
}
END_TEST

/* Lengths are planned for the first time by several threads at once, and all get the same. */
typedef struct listener {
    omn_value *sound, *heard[8];
    int turn;
} listener;

static void *listen_to(void *user)
{
    static const char *const lengths[8] = { "48",  "80",  "112", "176",
                                            "208", "272", "304", "336" };
    listener *l = user;
    const omn_value *const in[4] = { l->sound };
    const omn_entry *e = NULL;
    omn_call *c = NULL;
    if (omn_registry_find(apply_context(), "omnio.operation/1", "audio.mel", &e, NULL) != OMN_OK ||
        omn_context_call(apply_context(), 1, 2, NULL, &c, NULL) != OMN_OK)
        return NULL;
    for (int i = 0; i < 8; i++) {
        const int at = (i + l->turn) % 8;
        const omn_setting set[] = { { "length", lengths[at], 0, 0 }, { "hop", "64", 0, 0 },
                                    { "bands", "4", 0, 0 } };
        (void)omn_operation_call(e, c, in, set, 3, &l->heard[at], NULL);
    }
    omn_call_free(c);
    return NULL;
}

START_TEST(many_threads_hear_the_same)
{
    enum { THREADS = 4 };
    listener all[THREADS];
    pthread_t thread[THREADS];
    float x[4096];
    memset(all, 0, sizeof all);
    for (size_t i = 0; i < 4096; i++) x[i] = (float)sin(0.1 * (double)i);
    omn_value *v = sound_of(x, 4096, 16000);
    (void)apply_context();
    for (int i = 0; i < THREADS; i++) {
        all[i].sound = v;
        all[i].turn = 2 * i;
        ck_assert_int_eq(pthread_create(&thread[i], NULL, listen_to, &all[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(thread[i], NULL);
    for (int i = 0; i < THREADS; i++)
        for (int k = 0; k < 8; k++) {
            ck_assert_ptr_nonnull(all[i].heard[k]);
            ck_assert(omn_value_equal(all[0].heard[k], all[i].heard[k]));
        }
    for (int i = 0; i < THREADS; i++)
        for (int k = 0; k < 8; k++) omn_value_unref(all[i].heard[k]);
    omn_value_unref(v);
    apply_end();
}
END_TEST

START_TEST(what_cannot_be_is_refused)
{
    static const struct { const char *name, *set[4], *says; } cases[] = {
        { "audio.mel", { "length", "1000", "hop", "256" }, "no multiple of 16" },
        { "audio.mel", { "length", "8192", "hop", "256" }, "at least 4097" },
        { "audio.mel", { "high", "9000", "hop", "256" }, "half of the rate" },
        { "audio.mel", { "high", "100", "low", "200" }, "they rise" },
        { "audio.mel", { "bands", "400", "hop", "256" }, "holds no bin" },
        { "audio.mel", { "length", "5", "hop", "256" }, "outside" },
        { "spectrogram.audio", { "rate", "16001", "length", "1024" }, "a whole number" },
        { "spectrogram.audio", { "high", "7000", "length", "1024" }, "lies at" },
        { "spectrogram.audio", { "length", "256", "rate", "16000" }, "at most half" },
        { "spectrogram.picture", { "side", "17", "range", "80" }, "outside" },
    };
    float x[4096] = { 0 };
    omn_value *v = sound_of(x, 4096, 16000), *mel = mel_of(v);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        omn_error err = OMN_ERROR_INIT;
        const char *const *set = cases[i].set;
        const omn_value *const in[4] = { cases[i].name[0] == 'a' ? v : mel };
        omn_value *out = apply(&err, cases[i].name, in, set[0], set[1], set[2], set[3], NULL);
        ck_assert_msg(out == NULL && strstr(err.text, cases[i].says), "%zu: %s", i, err.text);
    }
    omn_value_unref(v);
    omn_value_unref(mel);
    apply_end();
}
END_TEST

int main(void)
{
    const TTest *const all[] = { mel_power_is_what_was_recorded,
                                 window_and_bank_are_what_was_recorded,
                                 frames_have_the_recorded_power, a_sound_comes_back_as_it_was_heard,
                                 a_picture_has_low_bands_below, silence_is_masked,
                                 many_threads_hear_the_same,
                                 what_cannot_be_is_refused };
    return TESTING_RUN("operation/spectrum", all, 60);
}
