/* SPDX-License-Identifier: Apache-2.0 */
/* The readers as functions of bytes. What needs a file gets one in a folder of this process; what
 * needs a context shares one, as programs do. */
#include "tests/fuzz/targets.h"

#include "config.h"

#include "orientation.h"
#include "plugins/codec/sentencepiece/sentencepiece.h"

#include <omnio/generate.h>
#include <omnio/kinds.h>
#include <omnio/pipeline.h>

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void broken(const fuzz_target *t, const char *what, const char *text)
{
    fprintf(stderr, "%s: %s: %s\n", t->name, what, text);
    abort();
}

/* A failure has a text, and every text is one clean line. */
static void judge(const fuzz_target *t, omn_status st, const omn_error *err)
{
    char line[1200], clean[1200];
    if (st == OMN_OK) return;
    if (err->status == OMN_OK || err->text[0] == '\0') broken(t, "an error without a text", "");
    if (st == OMN_ERR_INTERNAL) broken(t, "a mistake of our own", err->text);
    snprintf(clean, sizeof clean, "%s|%s", err->file, err->text);
    snprintf(line, sizeof line, "%s", clean);
    if (strcmp(omn_text_clean(clean), line) != 0) broken(t, "not one clean line", line);
}

static omn_context *context(void)
{
    static omn_context *ctx;
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 1, .cache_dir = "" };
    if (!ctx && omn_context_new(&how, &ctx, NULL) != OMN_OK) abort();
    return ctx;
}

static char folder[PATH_MAX];

static void remove_folder(void)
{
    static const char *const names[] = { "input.safetensors", "input.yaml", "input.jsonl",
                                         "input.json", "input.gbnf",
                                         "config.json", "tokenizer.model", "model.safetensors",
                                         "input.pt", "input.npz", "input.msgpack",
                                         "input.gguf" };
    char path[PATH_MAX + 64];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(folder);
}

/* These bytes as a file of that name. */
static const char *file_of(const char *name, const uint8_t *data, size_t n)
{
    static char path[PATH_MAX + 64];
    if (!folder[0]) {
        const char *top = getenv("TMPDIR");
        snprintf(folder, sizeof folder, "%s/omnio-fuzz-XXXXXX", top && *top ? top : "/tmp");
        if (!mkdtemp(folder)) abort();
        atexit(remove_folder);
    }
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(data, 1, n, f) != n || fclose(f) != 0) abort();
    return path;
}

static void run_format(const fuzz_target *t, const uint8_t *data, size_t n)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    omn_call *c = NULL;
    const omn_entry *e = NULL;
    if (omn_registry_find(context(), "omnio.format/1", t->what, &e, &err) != OMN_OK)
        broken(t, "no such format", err.text);
    const omn_format_impl *f = omn_entry_object(e)->impl;
    if (omn_context_call(context(), 0, 0, NULL, &c, NULL) != OMN_OK) abort();
    (void)f->probe("a.name", data, n < 64 ? n : 64);
    const omn_status st = f->read(c, data, n, &v, &err);
    if ((st == OMN_OK) != (v != NULL)) broken(t, "a status that does not fit its value", err.text);
    judge(t, st, &err);
    if (v && omn_value_image(v)) {
        const omn_pixels px = omn_image_pixels(omn_value_image(v));
        if (px.width < 1 || px.height < 1) broken(t, "a picture without pixels", "");
    }
    /* Some of a stream, from both ends: what is decoded only when it is asked for. */
    const size_t items = omn_value_is(v, "stream") ? omn_value_count(v) : 0;
    for (size_t i = 0; i < 4 && i < items; i++) {
        omn_error why = OMN_ERROR_INIT;
        omn_value *one = NULL;
        const omn_status made = omn_value_item(v, i % 2 ? items - 1 - i / 2 : i / 2, &one, &why);
        if ((made == OMN_OK) != (one != NULL)) broken(t, "an item that does not fit", why.text);
        judge(t, made, &why);
        omn_value_unref(one);
    }
    omn_value_unref(v);
    omn_call_free(c);
}

static void run_exif(const fuzz_target *t, const uint8_t *data, size_t n)
{
    const int turn = exif_orientation(data, n);
    if (turn < 1 || turn > 8) broken(t, "no orientation", "");
}

static void run_safetensors(const fuzz_target *t, const uint8_t *data, size_t n)
{
    omn_error err = OMN_ERROR_INIT;
    omn_weights *w = NULL;
    const char *path = file_of("input.safetensors", data, n);
    omn_status st = omn_weights_open(path, &w, &err);
    judge(t, st, &err);
    for (size_t i = 0; st == OMN_OK && i < omn_weights_count(w); i++) {
        const omn_tensor *x = omn_weights_at(w, i);
        volatile uint8_t byte; /* every one is there */
        for (size_t k = 0; k < x->bytes; k++) {
            byte = ((const uint8_t *)x->data)[k];
            (void)byte;
        }
    }
    if (st == OMN_OK) judge(t, omn_weights_check(w, NULL, &err), &err);
    omn_weights_close(w);
}

/* Weights of other programs, by the plugin that knows them: every byte that is listed is there. */
/* A file that is a model by itself: configuration and tokenizer come from its metadata. */
static void run_packed(const fuzz_target *t, const uint8_t *data, size_t n)
{
    omn_error err = OMN_ERROR_INIT;
    omn_model *m = NULL;
    const omn_model_setup how = { OMN_FILL(omn_model_setup), .hollow = true };
    const omn_status st = omn_model_open(context(), file_of(t->what, data, n), &how, &m, &err);
    if ((st == OMN_OK) != (m != NULL)) broken(t, "a status that does not fit its model", err.text);
    judge(t, st, &err);
    omn_model_close(m);
}

static void run_weights(const fuzz_target *t, const uint8_t *data, size_t n)
{
    omn_error err = OMN_ERROR_INIT;
    omn_weights *w = NULL;
    const char *path = file_of(t->what, data, n);
    const omn_status st = omn_weights_load(context(), path, NULL, &w, &err);
    if ((st == OMN_OK) != (w != NULL)) broken(t, "a status that does not fit", err.text);
    judge(t, st, &err);
    for (size_t i = 0; w && i < omn_weights_count(w); i++) {
        const omn_tensor *x = omn_weights_at(w, i);
        volatile uint8_t byte;
        for (size_t k = 0; k < x->bytes; k++) {
            byte = ((const uint8_t *)x->data)[k];
            (void)byte;
        }
    }
    omn_weights_close(w);
}

static void run_json(const fuzz_target *t, const uint8_t *data, size_t n)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    const omn_status st = omn_value_from_json((const char *)data, n, &v, &err);
    judge(t, st, &err);
    if (v) {
        omn_buf b;
        omn_buf_init(&b, (size_t)1 << 24);
        omn_value_json(v, &b);
        omn_buf_fini(&b);
    }
    omn_value_unref(v);
}

static void run_pipeline(const fuzz_target *t, const uint8_t *data, size_t n)
{
    omn_error err = OMN_ERROR_INIT;
    omn_pipeline *p = NULL;
    judge(t, omn_pipeline_open(context(), file_of("input.yaml", data, n), &p, &err), &err);
    omn_pipeline_close(p);
}

static void run_recipe(const fuzz_target *t, const uint8_t *data, size_t n)
{
    omn_error err = OMN_ERROR_INIT;
    omn_recipe *r = NULL;
    const char *path = file_of("input.yaml", data, n);
    judge(t, omn_recipe_open(context(), path, NULL, 0, &r, &err), &err);
    omn_recipe_close(r);
}

/* A model's configuration; the rest of its folder is that of the model that ships. */
static void run_config(const fuzz_target *t, const uint8_t *data, size_t n)
{
    static const char *const beside[] = { "tokenizer.model", "model.safetensors" };
    omn_error err = OMN_ERROR_INIT;
    omn_model *m = NULL;
    (void)file_of("config.json", data, n);
    for (size_t i = 0; i < 2; i++) {
        const char *top = getenv("top_srcdir");
        char from[PATH_MAX + 64], to[PATH_MAX + 64], whole[PATH_MAX];
        snprintf(from, sizeof from, "%s/models/nano/%s", top ? top : ".", beside[i]);
        snprintf(to, sizeof to, "%s/%s", folder, beside[i]);
        if (realpath(from, whole) && access(to, F_OK) != 0) (void)symlink(whole, to);
    }
    omn_status st = omn_model_open(context(), folder, NULL, &m, &err);
    if (st == OMN_OK) st = omn_model_declare(m, &err);
    judge(t, st, &err);
    omn_model_close(m);
}

/* A grammar or a schema as an answer of the model that ships, compiled over its vocabulary. */
static void run_answer(const fuzz_target *t, const uint8_t *data, size_t n)
{
    static omn_model *m;
    const char *top = getenv("top_srcdir");
    char nano[PATH_MAX + 64], name[64];
    omn_error err = OMN_ERROR_INIT;
    omn_call *c = NULL;
    omn_answer *a = NULL;
    if (n > 4096) return;
    snprintf(nano, sizeof nano, "%s/models/nano", top ? top : ".");
    if (!m && omn_model_open(context(), nano, NULL, &m, &err) != OMN_OK)
        broken(t, "no model", err.text);
    if (omn_context_call(context(), 0, 0, NULL, &c, NULL) != OMN_OK) abort();
    snprintf(name, sizeof name, "input.%s", t->what);
    const bool schema = !strcmp(t->what, "json");
    const omn_setting set[] = { { schema ? "json" : "grammar", file_of(name, data, n), 0, 0 } };
    const omn_answer_setup how = { OMN_FILL(omn_answer_setup), .object = set[0].name, .set = set,
                                   .n_set = 1 };
    judge(t, omn_answer_open(m, c, &how, &a, &err), &err);
    omn_answer_close(a);
    omn_call_free(c);
}

static void run_tokenizer(const fuzz_target *t, const uint8_t *data, size_t n)
{
    static const char text[] = " a cat, \xc3\xa9\xef\xb7\xba\xf0\x9f\x98\x80 <extra_id_3>  b";
    omn_error err = OMN_ERROR_INIT;
    sp_model *m = NULL;
    sp_ids ids = { 0 };
    omn_buf out;
    omn_buf_init(&out, (size_t)1 << 20);
    omn_status st = sp_open(data, n, NULL, &m, &err);
    judge(t, st, &err);
    if (st == OMN_OK) judge(t, st = sp_encode(m, text, sizeof text - 1, &ids, &err), &err);
    if (st == OMN_OK) judge(t, sp_decode(m, ids.id, ids.count, SP_ALL, &out, &err), &err);
    omn_buf_fini(&out);
    free(ids.id);
    sp_close(m);
}

static void run_manifest(const fuzz_target *t, const uint8_t *data, size_t n)
{
    omn_error err = OMN_ERROR_INIT;
    omn_call *c = NULL;
    const omn_entry *e = NULL;
    void *self = NULL, *params = NULL;
    omn_arena *a = omn_arena_new(0);
    const omn_setting set[] = { { "path", file_of("input.jsonl", data, n), 0, 0 },
                                { "held_out", "0", 0, 0 } };
    if (!a || omn_context_call(context(), 0, 0, NULL, &c, NULL) != OMN_OK) abort();
    if (omn_registry_find(context(), "omnio.source/1", "folder", &e, &err) != OMN_OK ||
        omn_params_fill(e, set, 2, NULL, a, &params, &err) != OMN_OK)
        broken(t, "no source of folders", err.text);
    const omn_source_impl *s = omn_entry_object(e)->impl;
    const omn_status st = s->open(c, params, NULL, &self, &err);
    judge(t, st, &err);
    for (uint64_t i = 0; st == OMN_OK && i < s->count(self, OMN_SPLIT_TRAIN) && i < 20; i++) {
        omn_error why = OMN_ERROR_INIT;
        omn_value *v = NULL;
        judge(t, s->get(self, c, OMN_SPLIT_TRAIN, i, &v, &why), &why);
        omn_value_unref(v);
    }
    if (self) s->close(self);
    omn_call_free(c);
    omn_arena_free(a);
}

#define SEEDS(...) (const char *const[]){ __VA_ARGS__, NULL }
#define OF(name) "tests/fuzz/seeds/" name

static const fuzz_target targets[] = {
#ifdef HAVE_PNG
    { "png", run_format, "png", SEEDS(OF("grey.png"), OF("deep.png")), 1500 },
#endif
#ifdef HAVE_JPEG
    { "jpeg", run_format, "jpeg", SEEDS(OF("colour.jpg"), OF("turned.jpg")), 1000 },
#endif
#ifdef HAVE_WEBP
    { "webp", run_format, "webp", SEEDS(OF("lossy.webp"), OF("exact.webp")), 1000 },
#endif
#ifdef HAVE_GIF
    { "gif", run_format, "gif", SEEDS(OF("moving.gif")), 2000 },
    { "moving", run_format, "gif.stream", SEEDS(OF("moving.gif")), 1000 },
#endif
#ifdef HAVE_TIFF
    { "tiff", run_format, "tiff", SEEDS(OF("strips.tif"), OF("deep.tif")), 1000 },
#endif
#ifdef HAVE_SNDFILE
    { "wav", run_format, "wav", SEEDS(OF("tone.wav"), OF("law.wav")), 3000 },
    { "flac", run_format, "flac", SEEDS(OF("tone.flac")), 2000 },
    { "ogg", run_format, "ogg", SEEDS(OF("tone.ogg")), 500 },
    { "opus", run_format, "opus", SEEDS(OF("tone.opus")), 500 },
    { "sound-stream", run_format, "sound-stream", SEEDS(OF("tone.wav"), OF("tone.flac")), 1000 },
#ifdef HAVE_MPG123
    { "mp3", run_format, "mp3", SEEDS(OF("tone.mp3")), 1000 },
#endif
#endif
#ifdef HAVE_VIDEO
    { "webm", run_format, "video", SEEDS("tests/video/plain.webm", "tests/video/vp9.webm"), 400 },
    { "mp4", run_format, "video", SEEDS("tests/video/turned.mp4", "tests/video/wide.mp4"), 400 },
    { "mpeg", run_format, "video", SEEDS("tests/video/stream.ts", "tests/video/old.avi"), 200 },
    { "video sound", run_format, "video.sound",
      SEEDS("tests/video/sound.mp4", "tests/video/old.avi"), 200 },
#endif
    { "pnm", run_format, "ppm", SEEDS(OF("plain.ppm"), OF("raw.pgm"), OF("alpha.pam")), 4000 },
    { "bmp", run_format, "bmp", SEEDS(OF("runs.bmp"), OF("masks.bmp")), 4000 },
    { "exif", run_exif, NULL, SEEDS(OF("exif")), 4000 },
    { "safetensors", run_safetensors, NULL, SEEDS(OF("two.safetensors")), 1500 },
    { "torch", run_weights, "input.pt", SEEDS(OF("two.pt"), OF("legacy.pt")), 1500 },
    { "npz", run_weights, "input.npz",
      SEEDS("tests/golden/loaders/stored.npz", "tests/golden/loaders/packed.npz"), 800 },
    { "flax", run_weights, "input.msgpack", SEEDS("tests/golden/loaders/native_variants.bin"),
      1000 },
    { "gguf", run_weights, "input.gguf",
      SEEDS("tests/golden/loaders/types.gguf", "tests/golden/llama/qwen2.gguf"), 1500 },
    { "gguf-model", run_packed, "input.gguf", SEEDS("tests/golden/llama/bytepairs.gguf"), 300 },
    { "json", run_json, NULL, SEEDS(OF("value.json"), OF("regions.json")), 4000 },
    { "pipeline", run_pipeline, NULL,
      SEEDS("pipelines/detect.yaml", "pipelines/localize.yaml", OF("odd.yaml")), 600 },
    { "recipe", run_recipe, NULL, SEEDS("models/nano/recipe.yaml", OF("odd.yaml")), 300 },
    { "config", run_config, NULL, SEEDS("models/nano/config.json", OF("regions.json")), 60 },
    { "tokenizer", run_tokenizer, NULL, SEEDS("tests/golden/codecs/nfkc_bytes.model"), 600 },
    { "values", run_format, "safetensors", SEEDS(OF("value.safetensors")), 1500 },
    { "schema", run_answer, "json", SEEDS(OF("schema.json")), 200 },
    { "grammar", run_answer, "gbnf", SEEDS(OF("move.gbnf")), 200 },
    { "manifest", run_manifest, NULL, SEEDS(OF("manifest.jsonl")), 1000 },
};

const fuzz_target *fuzz_target_at(size_t i)
{
    return i < sizeof targets / sizeof *targets ? &targets[i] : NULL;
}

const fuzz_target *fuzz_target_named(const char *name)
{
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        if (strcmp(targets[i].name, name) == 0) return &targets[i];
    return NULL;
}
