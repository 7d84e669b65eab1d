/* SPDX-License-Identifier: Apache-2.0 */
/* Sound to codes and back: the networks of Unified-IO 2's codec of spectrograms and of its vocoder,
 * stage by stage against the original programs, on every path of kernels and on OpenCL; and what
 * becomes of a sound on its way there and back. Codes are equal in both orders. */
#include "config.h"

#include "bench.h"

#include "plugins/decoder/vitvqgan/vitvqgan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CODEC                                                                                      \
    "codes=48 embed=8 width=48 encoder_layers=2 encoder_mlp=96 encoder_heads=4 "                   \
    "encoder_head_width=12 decoder_layers=3 decoder_mlp=80 decoder_heads=3 decoder_head_width=16 " \
    "frames=64 bands=32 inner=weights "
#define FILE_OF_CODEC "codecs/audio_vitvqgan_tiny.safetensors"

/* A node that was tagged so, against a golden tensor of as many numbers. */
static void same(bench *b, omn_graph *g, const char *tag, const char *golden)
{
    const omn_tensor got = bench_output(b, g, tag);
    const float *want = bench_floats(b, golden, got.bytes / 4);
    bench_near(golden, got.data, want, got.bytes / 4, 1e-4);
}

/* [B, T, bands] of what lies there as [B, bands, T] */
static float *turned(const float *x, size_t B, size_t bands, size_t T)
{
    return bench_last_channel(x, B, bands, T, 1);
}

static void codec(const char *device)
{
    static const char *const orders[] = { "order=mel", "order=time" };
    for (int i = 0; i < 2; i++) {
        bench own, *b = &own;
        char settings[400], name[64];
        int32_t wanted[64];
        snprintf(settings, sizeof settings, "%s%s", CODEC, orders[i]);
        bench_open(b, "audio.vitvqgan", settings, FILE_OF_CODEC, device);
        ck_assert_msg(b->part != NULL, "%s", b->err.text);
        if (!b->program) {
            printf("# there is no OpenCL device\n");
            bench_close(b);
            return;
        }
        const omn_codes *k = b->impl->codes(b->part->self);
        ck_assert(k->codes == 48 && k->count == 32 && k->stop == -1);
        ck_assert(k->grid_h == (i ? 8 : 4) && k->grid_w == (i ? 4 : 8));
        const int32_t *raster = bench_numbers(b, "indices_vit_order", 64);
        const int32_t *model = bench_numbers(b, "target_tokens_model_order_plus2", 64);
        for (int j = 0; j < 64; j++) wanted[j] = i ? model[j] - 2 : raster[j];
        omn_graph *g = bench_tokenize(b, "", 2);
        bench_feed(b, "spectrogram", OMN_F32, omn_dim3(2, 64, 32),
                   bench_floats(b, "target_spec", 2 * 64 * 32));
        WORKS(b, omn_exec_run(b->exec, g, b->feed, b->call, &b->err));
        same(b, g, "weights.patches", "patches");
        static const char *const there[] = { "embedding", "transformer.encoderblock_0",
                                             "transformer.encoderblock_1", "transformer",
                                             "encoder_proj", "encoder_norm" };
        for (int j = 0; j < 6; j++) {
            char tag[64];
            snprintf(tag, sizeof tag, "weights.encoder.%s", there[j]);
            snprintf(name, sizeof name, "stage.encoder.%s", there[j]);
            same(b, g, tag, name);
        }
        same(b, g, "weights.encoder.encoder_norm", "encoder_out");
        const omn_tensor got = bench_output(b, g, "codes");
        for (int j = 0; j < 64; j++)
            ck_assert_msg(((const int32_t *)got.data)[j] == wanted[j], "%s: code %d", orders[i], j);
        g = bench_detokenize(b, "", 2, 32);
        omn_feed_clear(b->feed);
        bench_feed(b, "codes", OMN_I32, omn_dim2(2, 32), wanted);
        WORKS(b, omn_exec_run(b->exec, g, b->feed, b->call, &b->err));
        static const char *const back[] = { "decoder_proj", "transformer.encoderblock_0",
                                            "transformer.encoderblock_1",
                                            "transformer.encoderblock_2", "transformer" };
        same(b, g, "weights.quantized", "quantized");
        for (int j = 0; j < 5; j++) {
            char tag[64];
            snprintf(tag, sizeof tag, "weights.decoder.%s", back[j]);
            snprintf(name, sizeof name, "stage.decoder.%s", back[j]);
            same(b, g, tag, name);
        }
        const omn_tensor made = bench_output(b, g, "spectrogram");
        bench_near("decoder_out", made.data,
                   turned(bench_floats(b, "decoder_out", 2 * 32 * 64), 2, 32, 64), 2 * 32 * 64,
                   1e-4);
        bench_close(b);
    }
}

/* The squared distances that the codes are least of, from the vectors that were made. */
START_TEST(codes_are_the_nearest_entries)
{
    bench own, *b = &own;
    bench_open(b, "audio.vitvqgan", CODEC "order=mel", FILE_OF_CODEC, NULL);
    const float *z = bench_floats(b, "encoder_out", 64 * 8);
    const float *book = bench_floats(b, "weights.quantize.embedding.weight", 48 * 8);
    const float *far = bench_floats(b, "distances", 64 * 48);
    const int32_t *codes = bench_numbers(b, "indices_vit_order", 64);
    for (int i = 0; i < 64; i++) {
        int least = 0;
        for (int k = 0; k < 48; k++) {
            double zz = 0, ee = 0, ze = 0;
            for (int d = 0; d < 8; d++) {
                const double x = (double)z[i * 8 + d], e = (double)book[k * 8 + d];
                zz += x * x;
                ee += e * e;
                ze += x * e;
            }
            ck_assert(fabs(2 - 2 * ze / sqrt(zz * ee) - (double)far[i * 48 + k]) < 1e-4);
            if (far[i * 48 + k] < far[i * 48 + least]) least = k;
        }
        ck_assert_int_eq(least, codes[i]);
    }
    bench_close(b);
}
END_TEST

static void build_vocoder(void *user, omn_scope *s, omn_bundle *out)
{
    omn_node *x = omn_input(s, "log", OMN_F32, omn_dim3(1, 12, 128));
    omn_bundle_put(out, s, "samples", hifigan_build(omn_scope_at(s, "%s", (const char *)user), x,
                                                    32));
}

static void vocoder(const char *device)
{
    bench own, *b = &own;
    omn_graph *g = NULL;
    bench_open(b, "audio.vitvqgan", CODEC, "codecs/hifigan_tiny.safetensors", device);
    ck_assert_msg(b->part != NULL, "%s", b->err.text);
    if (!b->program) {
        bench_close(b);
        return;
    }
    char prefix[] = "weights";
    WORKS(b, omn_program_graph(b->program, "vocoder", build_vocoder, prefix, &g, &b->err));
    const float *spec = bench_floats(b, "vqgan_spec", 128 * 12);
    const float *log = turned(bench_floats(b, "log_mel", 128 * 12), 1, 128, 12);
    float *mine = turned(spec, 1, 128, 12);
    for (int i = 0; i < 128 * 12; i++)
        mine[i] = mine[i] * (float)VITVQGAN_DEVIATION + (float)VITVQGAN_MEAN;
    bench_near("log_mel", mine, log, 128 * 12, 1e-6);
    bench_feed(b, "log", OMN_F32, omn_dim3(1, 12, 128), log);
    WORKS(b, omn_exec_run(b->exec, g, b->feed, b->call, &b->err));
    size_t stages = 0;
    for (size_t i = 0; i < omn_weights_count(b->golden); i++) {
        const char *name = omn_weights_name(b->golden, i);
        char tag[64];
        if (strncmp(name, "stage.", 6)) continue;
        snprintf(tag, sizeof tag, "weights.%s", name + 6);
        const omn_tensor got = bench_output(b, g, tag);
        const size_t n = got.bytes / 4, C = (size_t)got.shape.dim[3];
        bench_near(name, got.data, turned(bench_floats(b, name, n), 1, C, n / C), n, 1e-4);
        stages++;
    }
    ck_assert_uint_eq(stages, 14);
    const omn_tensor got = bench_output(b, g, "samples");
    bench_near("waveform", got.data, bench_floats(b, "waveform", 12 * 256), 12 * 256, 1e-4);
    bench_close(b);
}

static void on_every_level(void (*family)(const char *device))
{
    const char *const *levels;
    const size_t n = testing_levels(&levels);
    for (size_t i = 0; i < n; i++) {
        setenv("OMNIO_CPU", levels[i], 1);
        family(NULL);
    }
    unsetenv("OMNIO_CPU");
}

START_TEST(every_stage_of_the_codec) { on_every_level(codec); }
END_TEST
START_TEST(every_stage_of_the_vocoder) { on_every_level(vocoder); }
END_TEST

START_TEST(every_stage_on_opencl)
{
    codec("opencl");
    vocoder("opencl");
}
END_TEST

/* Weights whose norm was folded before are taken as they are; those that were not are folded when
 * they are loaded, so that a run does nothing more. */
START_TEST(folded_weights_are_the_same)
{
    bench own, *b = &own;
    char path[512], name[64][64], prefix[] = "plain", in_parts[] = "weights";
    omn_weights_entry entries[64];
    size_t n = 0;
    omn_weights *w = NULL;
    omn_store *store = NULL;
    omn_program *program = NULL;
    omn_exec *exec = NULL;
    omn_graph *g = NULL, *parts = NULL;
    omn_tensor got;
    bench_open(b, "audio.vitvqgan", CODEC, "codecs/hifigan_tiny.safetensors", NULL);
    for (size_t i = 0; i < omn_weights_count(b->golden); i++) {
        const char *is = omn_weights_name(b->golden, i), *dot = strrchr(is, '.');
        const bool fused = !strncmp(is, "fused.", 6), bias = !strcmp(dot ? dot : "", ".bias");
        if (!fused && !bias) continue;
        ck_assert_uint_lt(n, 64);
        snprintf(name[n], sizeof name[n], "plain.%.50s", strchr(is, '.') + 1);
        entries[n] = (omn_weights_entry){ name[n], *omn_weights_at(b->golden, i) };
        n++;
    }
    ck_assert_uint_eq(n, 46);
    snprintf(path, sizeof path, "%s/plain.safetensors", testing_folder());
    WORKS(b, omn_weights_write(path, OMN_OVERWRITE, entries, n, NULL, 0, &b->err));
    WORKS(b, omn_weights_open(path, &w, &b->err));
    WORKS(b, omn_store_open(w, &store, &b->err));
    const omn_program_setup how = { OMN_FILL(omn_program_setup), .ctx = b->ctx, .store = store,
                                    .keep_tagged = true };
    WORKS(b, omn_program_new(&how, &program, &b->err));
    WORKS(b, omn_exec_new(program, &exec, &b->err));
    WORKS(b, omn_program_graph(program, "plain", build_vocoder, prefix, &g, &b->err));
    WORKS(b, omn_program_graph(b->program, "parts", build_vocoder, in_parts, &parts, &b->err));
    ck_assert_uint_eq(omn_graph_nodes(parts), omn_graph_nodes(g));
    ck_assert_uint_eq(omn_graph_flops(parts), omn_graph_flops(g));
    bench_feed(b, "log", OMN_F32, omn_dim3(1, 12, 128),
               turned(bench_floats(b, "log_mel", 128 * 12), 1, 128, 12));
    WORKS(b, omn_exec_run(exec, g, b->feed, b->call, &b->err));
    WORKS(b, omn_exec_output(exec, g, "samples", &got, &b->err));
    bench_near("waveform", got.data, bench_floats(b, "waveform", 12 * 256), 12 * 256, 1e-4);
    omn_exec_free(exec);
    omn_program_free(program);
    omn_store_free(store);
    omn_weights_close(w);
    bench_close(b);
}
END_TEST

START_TEST(parameters_that_contradict_each_other_are_refused)
{
    static const struct { const char *settings, *says; } all[] = {
        { "width=50", "width 50 is no multiple of 4" },
        { "frames=100", "100 frames of 128 bands do not fall into squares of 8" },
        { "vocoder=/vocoder hop=128", "256 samples of a frame, not 128" },
        { "vocoder=/vocoder vocoder_width=20", "not that of 20" },
        { "book=corners codes=100 embed=6", "a cube of 6 axes (embed) has 2 to that power" },
        { "book=corners codes=2 embed=33", "a cube of 33 axes" },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        bench b;
        bench_open(&b, "audio.vitvqgan", all[i].settings, NULL, NULL);
        ck_assert_msg(!b.part && strstr(b.err.text, all[i].says), "%s: %s", all[i].settings,
                      b.err.text);
        bench_close(&b);
    }
}
END_TEST

/* ---- sound there and back ------------------------------------------------------------------- */

static omn_value *tone(size_t n, double rate)
{
    omn_value *v = NULL;
    const omn_kind *kind = NULL;
    const double start = 0;
    float *x = testing_memory(n * sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(0.5 * sin(6.283185307179586 * 440 * (double)i / rate));
    const omn_filled columns[3] = {
        omn_fill("samples", OMN_F32, omn_dim2((int64_t)n, 1), x),
        omn_fill("rate", OMN_F64, omn_dim0(), &rate),
        omn_fill("start", OMN_F64, omn_dim0(), &start),
    };
    ck_assert_int_eq(omn_kind_find(NULL, "audio", &kind, NULL), OMN_OK);
    ck_assert_int_eq(omn_value_make(kind, columns, 3, NULL, &v, NULL), OMN_OK);
    return v;
}

START_TEST(what_was_made_is_a_sound)
{
    bench own, *b = &own;
    omn_value *v = NULL;
    float *x = testing_memory(256 * 256 * sizeof *x);
    bench_open(b, "audio.vitvqgan", "vocoder=/vocoder", NULL, NULL);
    for (size_t i = 0; i < 256 * 256; i++) x[i] = (float)(i % 100) / 100;
    bench_feed(b, "samples", OMN_F32, omn_dim1(256 * 256), x);
    WORKS(b, b->impl->finish(b->part->self, b->call, b->feed, NULL, &v, &b->err));
    const omn_tensor *t = omn_value_column(v, "samples");
    ck_assert(t->shape.dim[0] == 65536 && t->shape.dim[1] == 1);
    ck_assert(memcmp(t->data, x, 65536 * sizeof *x) == 0);
    ck_assert(*(const double *)omn_value_column(v, "rate")->data == 16000);
    omn_value_unref(v);
    omn_feed_clear(b->feed);
    bench_feed(b, "samples", OMN_F32, omn_dim1(100), x);
    ck_assert_int_eq(b->impl->finish(b->part->self, b->call, b->feed, NULL, &v, &b->err),
                     OMN_ERR_SHAPE);
    bench_close(b);
}
END_TEST

#if defined(HAVE_FFTW) && defined(HAVE_SOXR)
static const float *prepared(bench *b, const omn_value *v, omn_feed *feed, omn_status wanted)
{
    const omn_status st = b->impl->prepare(b->part->self, b->call, v, NULL, feed, &b->err);
    ck_assert_msg(st == wanted, "%s", b->err.text);
    return omn_feed_get(feed, "spectrogram") ? omn_feed_get(feed, "spectrogram")->data : NULL;
}

/* Silence as the least power stays silent: what comes back is as soft behind the sound as noise of
 * 1e-5 in each band. */
START_TEST(silence_stays_silent)
{
    bench own, *b = &own;
    omn_value *v = tone(2 * 16000, 16000), *back = NULL;
    bench_open(b, "audio.vitvqgan", "silent=least", NULL, NULL);
    const float *x = prepared(b, v, b->feed, OMN_OK);
    ck_assert(fabsf(x[255 * 128 + 5] - (logf(1e-5f) + 5.0945f) / 3.8312f) < 1e-5f);
    WORKS(b, b->impl->finish(b->part->self, b->call, b->feed, NULL, &back, &b->err));
    const float *y = omn_value_column(back, "samples")->data;
    float loud = 0, rest = 0;
    for (size_t i = 8000; i < 16000; i++) loud = fmaxf(loud, fabsf(y[i]));
    for (size_t i = 40000; i < 65280; i++) rest = fmaxf(rest, fabsf(y[i]));
    ck_assert_msg(loud > 0.3f && rest < 0.02f, "%g, %g", (double)loud, (double)rest);
    omn_value_unref(back);
    omn_value_unref(v);
    bench_close(b);
}
END_TEST

START_TEST(a_sound_is_prepared_and_comes_back)
{
    bench own, *b = &own;
    omn_feed *again = NULL;
    omn_value *v = tone(4 * 44100, 44100), *back = NULL;
    bench_open(b, "audio.vitvqgan", "", NULL, NULL);
    WORKS(b, omn_feed_make(&again, &b->err));
    const float *x = prepared(b, v, b->feed, OMN_OK);
    size_t most = 0, heard = 0;
    for (size_t i = 0; i < 128; i++)
        if (x[100 * 128 + i] > x[100 * 128 + most]) most = i;
    /* padding is exactly silent: masked, which is a logarithm of 0 */
    ck_assert(fabsf(x[255 * 128 + 5] - 5.0945f / 3.8312f) < 1e-6f);
    WORKS(b, b->impl->finish(b->part->self, b->call, b->feed, NULL, &back, &b->err));
    ck_assert(omn_value_column(back, "samples")->shape.dim[0] == 65280);
    const float *y = prepared(b, back, again, OMN_OK);
    for (size_t i = 0; i < 128; i++)
        if (y[100 * 128 + i] > y[100 * 128 + heard]) heard = i;
    ck_assert_uint_eq(most, heard);
    ck_assert(fabsf(x[100 * 128 + most] - y[100 * 128 + heard]) < 0.2f);
    omn_value_unref(back);
    omn_value_unref(v);
    v = tone(16000 * 9, 16000);
    omn_feed_clear(again);
    (void)prepared(b, v, again, OMN_ERR_DATA);
    ck_assert_msg(strstr(b->err.text, "2 segments of 4.08 s") != NULL, "%s", b->err.text);
    omn_value_unref(v);
    b->err = (omn_error)OMN_ERROR_INIT;
    v = tone(0, 16000);
    (void)prepared(b, v, again, OMN_ERR_DATA);
    ck_assert_msg(strstr(b->err.text, "there is no sound") != NULL, "%s", b->err.text);
    omn_value_unref(v);
    b->err = (omn_error)OMN_ERROR_INIT;
    ck_assert_int_eq(omn_number_new(1, &v, NULL), OMN_OK);
    (void)prepared(b, v, again, OMN_ERR_TYPE);
    omn_value_unref(v);
    omn_feed_free(again);
    bench_close(b);
}
END_TEST
#endif

int main(void)
{
    const TTest *const all[] = { every_stage_of_the_codec,
                                 codes_are_the_nearest_entries,
                                 every_stage_of_the_vocoder,
                                 every_stage_on_opencl,
                                 folded_weights_are_the_same,
                                 parameters_that_contradict_each_other_are_refused,
                                 what_was_made_is_a_sound,
#if defined(HAVE_FFTW) && defined(HAVE_SOXR)
                                 a_sound_is_prepared_and_comes_back,
                                 silence_stays_silent,
#endif
    };
    return TESTING_RUN("decoder/sound", all, 240); /* kernels of OpenCL are built */
}
