/* SPDX-License-Identifier: Apache-2.0 */
/* The cases of the golden files that no model runs: buckets of distances, and words. */
#include "verify.h"

#include <stdlib.h>
#include <string.h>

/* ---- without a model ------------------------------------------------------------------------- */

omn_status verify_buckets(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { .g = &v->g };
    const omn_tensor *in;
    const int64_t most = golden_int(&v->g, "max_distance");
    OMN_TRY(omn_feed_make(&r.made, err));
    OMN_TRY(golden_input(&v->g, "in.relative", OMN_I32, 1, &in, err));
    for (size_t i = 0; i < omn_weights_count(v->g.file); i++) {
        const char *name = omn_weights_name(v->g.file, i);
        void *data = NULL;
        const bool both = golden_starts(name, "out.bi_");
        if (!both && !golden_starts(name, "out.uni_")) continue;
        const long n = strtol(strrchr(name, '_') + 1, NULL, 10);
        if (n < 4 || n > 1 << 16 || most <= n / 2)
            OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: \"%s\": so many buckets there cannot be",
                             v->g.name, name));
        OMN_TRY(golden_put_new(&r, name + 4, OMN_I32, in->shape, &data, err));
        for (int64_t k = 0; k < in->shape.dim[0]; k++) {
            int32_t relative;
            memcpy(&relative, (const char *)in->data + (size_t)k * sizeof relative,
                   sizeof relative);
            ((int32_t *)data)[k] = omn_bucket_t5(relative, both, (int32_t)n, most);
        }
    }
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&r);
    return st;
}

/* ---- the tokenizer --------------------------------------------------------------------------- */

typedef struct words {
    omn_arena *arena;
    const omn_codec_impl *codec;
    void *self;
} words;

static omn_status words_open(const golden *g, words *w, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_entry *e = NULL;
    void *params = NULL;
    char path[4608], gaps[32], visual[32];
    const char *file = json_string_value(json_object_get(g->config, "model"));
    *w = (words){ .arena = omn_arena_new(0) };
    if (!w->arena) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", g->name));
    OMN_TRY(omn_verification_beside(g->host, file ? file : "spiece.model", path, sizeof path, err));
    omn_format(gaps, sizeof gaps, "%lld", (long long)golden_int(g, "extra_ids"));
    omn_format(visual, sizeof visual, "%lld", (long long)golden_int(g, "vis_extra_ids"));
    const omn_setting set[] = { { "file", path, 0, 0 }, { "gaps", gaps, 0, 0 },
                                { "visual", visual, 0, 0 } };
    OMN_TRY(omn_registry_find(omn_verification_context(g->host), "omnio.codec/1",
                              "text.sentencepiece", &e, err));
    OMN_TRY(omn_params_fill(e, set, sizeof set / sizeof *set, "", w->arena, &params, err));
    w->codec = omn_entry_object(e)->impl;
    st = w->codec->open(g->call, params, NULL, &w->self, err);
done:
    return st;
}

static void words_close(words *w)
{
    if (w->codec) w->codec->close(w->self);
    omn_arena_free(w->arena);
}

/* Ids of a text as the model's input has them: cut to `most`, of which the end token is the last;
 * -1 behind it. */
static omn_status words_of(const words *w, const char *text, int32_t *row, int64_t width,
                           int64_t most, omn_error *err)
{
    enum { ROOM = 1 << 12 };
    int32_t *ids = omn_arena_alloc(w->arena, ROOM, sizeof *ids);
    size_t n = 0;
    if (!ids) return omn_fail(err, OMN_ERR_MEMORY, "out of memory");
    const omn_status st = w->codec->encode(w->self, text, strlen(text), ids, ROOM, &n, err);
    if (st != OMN_OK) return st;
    const int64_t kept = (int64_t)n < most ? (int64_t)n : most - 1;
    for (int64_t i = 0; i < width; i++) row[i] = i < kept ? ids[i] : i == kept ? 1 : -1;
    return OMN_OK;
}

/* Rows of i, id of <extra_id_i>, id of <vis_extra_id_i>. */
static omn_status put_special(golden_run *r, const words *w, omn_error *err)
{
    const omn_tensor *want = omn_weights_get(r->g->file, "out.special");
    void *data = NULL;
    if (!want || want->type != OMN_I32 || want->shape.rank != 2 || want->shape.dim[1] != 3)
        return OMN_OK;
    const omn_status st = golden_put_new(r, "special", OMN_I32, want->shape, &data, err);
    for (int64_t i = 0; st == OMN_OK && i < want->shape.dim[0]; i++) {
        int32_t *row = (int32_t *)data + 3 * i;
        char name[48];
        memcpy(row, (const char *)want->data + (size_t)i * 12, sizeof *row);
        for (int k = 0; k < 2; k++) {
            omn_format(name, sizeof name, k ? "<vis_extra_id_%d>" : "<extra_id_%d>", (int)row[0]);
            row[1 + k] = w->codec->piece(w->self, name);
        }
    }
    return st;
}

omn_status verify_tokenizer(verify *v, omn_error *err)
{
    static const char *const stages[] = { "ids", "ids_fast" };
    omn_status st = OMN_OK;
    golden_run r = { .g = &v->g };
    words w = { 0 };
    json_error_t why;
    const omn_tensor *want;
    const char *strings = omn_weights_meta(v->g.file, "strings");
    json_t *texts = strings ? json_loads(strings, 0, &why) : NULL;
    const int64_t most = golden_int(&v->g, "max_length");
    OMN_TRY(golden_input(&v->g, "out.ids", OMN_I32, 2, &want, err));
    if (most < 2 || (int64_t)json_array_size(texts) != want->shape.dim[0])
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: a \"max_length\", and a string for each row of "
                         "ids, are wanted", v->g.name));
    OMN_TRY(omn_feed_make(&r.made, err));
    OMN_TRY(words_open(&v->g, &w, err));
    for (int k = 0; k < 2; k++) {         /* two programs, of which both gave the same */
        void *data = NULL;
        if (k && !omn_weights_get(v->g.file, "out.ids_fast")) continue;
        OMN_TRY(golden_put_new(&r, stages[k], OMN_I32, want->shape, &data, err));
        for (int64_t i = 0; i < want->shape.dim[0]; i++) {
            const char *text = json_string_value(json_array_get(texts, (size_t)i));
            OMN_TRY(words_of(&w, text ? text : "", (int32_t *)data + i * want->shape.dim[1],
                             want->shape.dim[1], most, err));
        }
    }
    OMN_TRY(put_special(&r, &w, err));
    OMN_TRY(verify_compare(&r, err));
done:
    words_close(&w);
    json_decref(texts);
    golden_close(&r);
    return st;
}
