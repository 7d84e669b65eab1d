/* SPDX-License-Identifier: Apache-2.0 */
/* Files of sound: what is written comes back, files made here by libsndfile come out as their
 * tones, what is cut off or damaged is refused, and long ones come in pieces. */
#include "config.h"

#include "tests/formats/open.h"

#include "tests/testing.h"

#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TURN 6.283185307179586

static double tone(size_t i, size_t channel, double rate)
{
    return 0.4 * sin(TURN * (channel == 0 ? 440 : 880) * (double)i / rate);
}

static omn_value *audio(const float *x, size_t n, size_t channels, double rate)
{
    omn_value *v = NULL;
    const omn_kind *kind = NULL;
    const double start = 0;
    const omn_filled columns[3] = {
        omn_fill("samples", OMN_F32, omn_dim2((int64_t)n, (int64_t)channels), x),
        omn_fill("rate", OMN_F64, omn_dim0(), &rate),
        omn_fill("start", OMN_F64, omn_dim0(), &start),
    };
    ck_assert_int_eq(omn_kind_find(NULL, "audio", &kind, NULL), OMN_OK);
    ck_assert_int_eq(omn_value_make(kind, columns, 3, NULL, &v, NULL), OMN_OK);
    return v;
}

static omn_value *tones(size_t n, size_t channels, double rate)
{
    float *x = malloc(n * channels * sizeof(*x) + 1);
    for (size_t i = 0; i < n * channels; i++)
        x[i] = (float)tone(i / channels, i % channels, rate);
    omn_value *v = audio(x, n, channels, rate);
    free(x);
    return v;
}

static omn_value *read_all(const opened *f, const void *bytes, size_t n)
{
    omn_value *v = NULL;
    omn_error err = OMN_ERROR_INIT;
    omn_call *c = NULL;
    ck_assert_int_eq(omn_context_call(f->ctx, 0, 0, NULL, &c, NULL), OMN_OK);
    const omn_status st = f->format->read(c, bytes, n, &v, &err);
    ck_assert_msg(st == OMN_OK, "%s", err.text);
    omn_call_free(c);
    return v;
}

static const float *samples(const omn_value *v, size_t *n)
{
    const omn_tensor *t = omn_value_column(v, "samples");
    *n = (size_t)t->shape.dim[0];
    return t->data;
}

static double rate_of(const omn_value *v)
{
    return *(const double *)omn_value_column(v, "rate")->data;
}

/* A file that libsndfile writes, owned. */
static char *made(int format, size_t n, int channels, int rate, size_t *size)
{
    char path[512], *bytes = NULL;
    SF_INFO info = { .samplerate = rate, .channels = channels, .format = format };
    snprintf(path, sizeof(path), "%s/made", testing_folder());
    SNDFILE *file = sf_open(path, SFM_WRITE, &info);
    ck_assert_msg(file != NULL, "%x: %s", (unsigned)format, sf_strerror(NULL));
    float *x = malloc(n * (size_t)channels * sizeof(*x));
    for (size_t i = 0; i < n * (size_t)channels; i++)
        x[i] = (float)tone(i / (size_t)channels, i % (size_t)channels, rate);
    ck_assert_int_eq(sf_writef_float(file, x, (sf_count_t)n), (sf_count_t)n);
    sf_close(file);
    free(x);
    ck_assert_int_eq(omn_file_read(path, 1 << 24, &bytes, size, NULL), OMN_OK);
    return bytes;
}

typedef struct kind {
    const char *name, *set[2];
    double near;                          /* how far a sample may be off, up to 0.01 */
} kind;
static const kind written[] = {
    { "wav", { NULL, NULL }, 2e-5 },  { "wav", { "bits", "24" }, 1e-7 },
    { "wav", { "bits", "float" }, -1 }, { "flac", { NULL, NULL }, 2e-5 },
    { "flac", { "bits", "24" }, 1e-7 }, { "ogg", { "quality", "1" }, 0.12 },
};

static uint8_t *write_it(const opened *f, const kind *k, const omn_value *v, size_t *n)
{
    uint8_t *bytes = NULL;
    omn_error err = OMN_ERROR_INIT;
    const omn_setting set = { k->set[0], k->set[1], 0, 0 };
    const omn_status st =
        formats_write(f, v, &set, k->set[0] != NULL ? 1 : 0, &bytes, n, &err);
    ck_assert_msg(st == OMN_OK, "%s: %s", k->name, err.text);
    return bytes;
}

START_TEST(what_is_written_comes_back)
{
    static const struct { size_t n, channels; double rate; } sizes[] = {
        { 5000, 1, 16000 }, { 4001, 2, 44100 }, { 1, 1, 8000 }, { 999, 6, 48000 },
    };
    for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++)
        for (size_t j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
            const kind *k = &written[i];
            opened f = formats_open(k->name);
            size_t n = 0, got = 0, again_n = 0;
            omn_value *v = tones(sizes[j].n, sizes[j].channels, sizes[j].rate);
            uint8_t *bytes = write_it(&f, k, v, &n);
            ck_assert_int_gt(f.format->probe(NULL, bytes, n < 64 ? n : 64), 90);
            omn_value *back = read_all(&f, bytes, n);
            const float *x = samples(back, &got), *want = samples(v, &got);
            ck_assert(rate_of(back) == sizes[j].rate);
            ck_assert_msg(omn_value_column(back, "samples")->shape.dim[0] == (int64_t)sizes[j].n,
                          "%s: %zu", k->name, (size_t)i);
            double off = 0, loud = 1;
            for (size_t s = 0; s < sizes[j].n * sizes[j].channels; s++) {
                const double a = (double)x[s], b = (double)want[s];
                off += (a - b) * (a - b);
                loud += b * b;
                ck_assert_msg(k->near > 0.01 || fabs(a - b) <= k->near || a == b,
                              "%s %zu: %g not %g", k->name, s, a, b);
            }
            ck_assert_msg(sqrt(off / loud) < 0.15, "%s: %g", k->name, sqrt(off / loud));
            if (k->near < 0.01) { /* and what was read is written as it was */
                uint8_t *twice = write_it(&f, k, back, &again_n);
                omn_value *same = read_all(&f, twice, again_n);
                ck_assert(omn_value_equal(back, same));
                omn_value_unref(same);
                free(twice);
            }
            omn_value_unref(back);
            omn_value_unref(v);
            free(bytes);
            formats_close(&f);
        }
}
END_TEST

START_TEST(loud_samples_are_held)
{
    static const float x[] = { 2, -2, 1, -1, 0.5f };
    static const float want[] = { 32767 / 32768.0f, -1, 32767 / 32768.0f, -1, 0.5f };
    opened f = formats_open("wav");
    size_t n = 0, got = 0;
    omn_value *v = audio(x, 5, 1, 16000);
    uint8_t *bytes = write_it(&f, &written[0], v, &n);
    omn_value *back = read_all(&f, bytes, n);
    for (size_t i = 0; i < 5; i++) ck_assert(samples(back, &got)[i] == want[i]);
    omn_value_unref(v);
    omn_value_unref(back);
    free(bytes);
    formats_close(&f);
}
END_TEST

typedef struct foreign {
    const char *format;
    int code, channels, rate;
    size_t n;
    double near;
} foreign;
static const foreign files[] = {
    { "wav", SF_FORMAT_WAV | SF_FORMAT_PCM_U8, 1, 11025, 3000, 0.01 },
    { "wav", SF_FORMAT_WAV | SF_FORMAT_ULAW, 1, 8000, 3000, 0.03 },
    { "wav", SF_FORMAT_WAVEX | SF_FORMAT_PCM_32, 4, 96000, 3000, 1e-6 },
    { "wav", SF_FORMAT_RF64 | SF_FORMAT_DOUBLE, 1, 192000, 3000, 1e-7 },
    { "flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_24, 2, 44100, 9000, 1e-6 },
    { "ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS, 2, 44100, 9000, 0.05 },
    { "opus", SF_FORMAT_OGG | SF_FORMAT_OPUS, 1, 48000, 9600, 0.05 },
#ifdef HAVE_MPG123
    { "mp3", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, 2, 44100, 9000, 0.05 },
#endif
};

START_TEST(files_of_others_come_out_as_their_tones)
{
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        const foreign *k = &files[i];
        opened f = formats_open(k->format);
        size_t size = 0, n = 0;
        char *bytes = made(k->code, k->n, k->channels, k->rate, &size);
        ck_assert_int_ge(f.format->probe(NULL, (const uint8_t *)bytes, 64), 40);
        ck_assert_int_ge(f.format->probe("a.mp3", (const uint8_t *)bytes, 64), 90);
        omn_value *v = read_all(&f, bytes, size);
        const float *x = samples(v, &n);
        ck_assert(rate_of(v) == k->rate &&
                  omn_value_column(v, "samples")->shape.dim[1] == k->channels);
        ck_assert_msg(n == k->n, "%zu: %zu of %zu", i, n, k->n);
        for (size_t s = n / 4; s < n * 3 / 4; s++)
            for (size_t c = 0; c < (size_t)k->channels; c++)
                ck_assert_msg(fabs((double)x[s * (size_t)k->channels + c] - tone(s, c, k->rate)) <
                              k->near, "%zu: %zu", i, s);
        omn_value_unref(v);
        free(bytes);
        formats_close(&f);
    }
}
END_TEST

START_TEST(every_shorter_file_is_refused)
{
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        const foreign *k = &files[i];
        opened f = formats_open(k->format);
        size_t size = 0;
        char *bytes = made(k->code, i < 4 ? 300 : 2000, k->channels, k->rate, &size);
        (void)formats_damage(&f, bytes, size, testing_all() ? 3000 : 300);
        free(bytes);
        formats_close(&f);
    }
}
END_TEST

static void refused(const opened *f, const void *bytes, size_t n, const char *says)
{
    omn_error err = OMN_ERROR_INIT;
    ck_assert_int_ne(formats_try(f, bytes, n, &err), OMN_OK);
    ck_assert_msg(strstr(err.text, says) != NULL, "%s", err.text);
}

START_TEST(promises_are_not_believed)
{
    opened f = formats_open("flac");
    size_t size = 0;
    char *bytes = made(SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 9000, 1, 16000, &size);
    memset(bytes + 22, 0xff, 4); /* of samples in all */
    refused(&f, bytes, size, "damaged or cut off: 9000 of");
    free(bytes);
    formats_close(&f);
    f = formats_open("wav");
    bytes = made(SF_FORMAT_WAV | SF_FORMAT_PCM_16, 3000, 1, 16000, &size);
    bytes[22] = 65; /* channels */
    refused(&f, bytes, size, "WAV: ");
    bytes[22] = 1;
    memset(bytes + 24, 0xff, 4); /* rate */
    refused(&f, bytes, size, "WAV: ");
    free(bytes);
    refused(&f, "RIFF\4\0\0\0WAVE", 12, "no sound in it");
    refused(&f, "RIFF\377\0\0\0WAVE", 12, "cut off");
    refused(&f, "hello, world", 12, "no file of sound");
    formats_close(&f);
}
END_TEST

/* What stands around sound in many files. */
#ifdef HAVE_MPG123
START_TEST(tags_do_no_harm)
{
    size_t size = 0;
    char *bytes = made(SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, 9000, 1, 44100, &size);
    char *tagged = calloc(1, size + 200);
    opened f = formats_open("mp3");
    memcpy(tagged, "ID3\3\0\0\0\0\0\12", 10);
    memcpy(tagged + 20, bytes, size);
    memcpy(tagged + 20 + size, "TAG", 3);
    omn_value *v = read_all(&f, tagged, size + 20 + 128), *plain = read_all(&f, bytes, size);
    ck_assert(omn_value_equal(v, plain));
    omn_value_unref(v);
    omn_value_unref(plain);
    free(tagged);
    free(bytes);
    formats_close(&f);
}
END_TEST
#endif

START_TEST(sizes_that_a_pipe_left_open_are_read_to_the_end)
{
    size_t size = 0, n = 0;
    opened f = formats_open("wav");
    char *bytes = made(SF_FORMAT_WAV | SF_FORMAT_PCM_16, 3000, 1, 16000, &size);
    memset(bytes + 4, 0xff, 4);
    memset(bytes + 40, 0xff, 4);
    omn_value *v = read_all(&f, bytes, size);
    (void)samples(v, &n);
    ck_assert_uint_eq(n, 3000);
    omn_value_unref(v);
    free(bytes);
    formats_close(&f);
}
END_TEST

START_TEST(a_stream_is_the_sound_in_pieces)
{
    static const struct { const char *format; int code; } cases[] = {
        { "wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16 }, { "flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16 },
        { "ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        opened f = formats_open("sound-stream"), g = formats_open(cases[i].format);
        size_t size = 0, n = 0;
        char *bytes = made(cases[i].code, 8000 * 25 + 7, 1, 8000, &size);
        ck_assert_int_eq(f.format->probe("a.wav", (const uint8_t *)bytes, 64), 60);
        omn_value *all = read_all(&g, bytes, size), *v = read_all(&f, bytes, size);
        const float *x = samples(all, &n);
        free(bytes); /* the stream has its own */
        ck_assert(omn_value_is(v, "stream") && omn_value_count(v) == 3);
        for (size_t k = 0; k < 6; k++) {
            static const size_t order[] = { 0, 1, 2, 1, 0, 2 };
            const size_t from = order[k] * 80000;
            omn_value *piece = NULL;
            ck_assert_int_eq(omn_value_item(v, order[k], &piece, NULL), OMN_OK);
            const float *y = samples(piece, &n);
            ck_assert_uint_eq(n, order[k] < 2 ? 80000 : 40007);
            ck_assert(*(const double *)omn_value_column(piece, "start")->data ==
                      10.0 * (double)order[k]);
            for (size_t s = 0; s < n; s++)
                ck_assert_msg(fabsf(x[from + s] - y[s]) < 1e-5f, "%s: %zu, %zu", cases[i].format,
                              order[k], s);
            omn_value_unref(piece);
        }
        omn_value_unref(v);
        omn_value_unref(all);
        formats_close(&f);
        formats_close(&g);
    }
}
END_TEST

/* A file given by its name is read where it lies. */
START_TEST(a_stream_reads_on_in_its_file)
{
    opened f = formats_open("sound-stream");
    char path[512];
    size_t size = 0, n = 0;
    omn_value *v = NULL, *piece = NULL, *whole = NULL;
    omn_error err = OMN_ERROR_INIT;
    free(made(SF_FORMAT_WAV | SF_FORMAT_PCM_16, 8000 * 15, 1, 8000, &size));
    snprintf(path, sizeof(path), "%s/made", testing_folder());
    omn_status st = omn_value_load(f.ctx, path, "stream", &v, &err);
    ck_assert_msg(st == OMN_OK && omn_value_count(v) == 2, "%s", err.text);
    ck_assert_int_eq(omn_value_item(v, 1, &piece, NULL), OMN_OK);
    (void)samples(piece, &n);
    ck_assert_uint_eq(n, 40000);
    ck_assert_int_eq(omn_value_load(f.ctx, path, "audio", &whole, NULL), OMN_OK);
    (void)samples(whole, &n);
    ck_assert_uint_eq(n, 120000);
    omn_value_unref(whole);
    omn_value_unref(piece);
    ck_assert_int_eq(omn_value_load(f.ctx, path, NULL, &whole, NULL), OMN_OK);
    ck_assert(omn_value_is(whole, "audio")); /* where anything will do */
    omn_value_unref(whole);
    omn_value_unref(v);
    formats_close(&f);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { what_is_written_comes_back, loud_samples_are_held,
                                 files_of_others_come_out_as_their_tones,
                                 every_shorter_file_is_refused, promises_are_not_believed,
#ifdef HAVE_MPG123
                                 tags_do_no_harm,
#endif
                                 sizes_that_a_pipe_left_open_are_read_to_the_end,
                                 a_stream_is_the_sound_in_pieces,
                                 a_stream_reads_on_in_its_file };
    return TESTING_RUN("formats/sound", all, 90);
}
