/* SPDX-License-Identifier: Apache-2.0 */
/* Golden files of Flamingo and of language models alone: the configuration as the model reads it,
 * and what each kind of stage may differ by. */
#include "verify.h"

#include <stdlib.h>
#include <string.h>

static json_int_t in(const json_t *of, const char *part, const char *key)
{
    return json_integer_value(json_object_get(json_object_get(of, part), key));
}

/* The language model's configuration, as it lies beside its weights. */
static json_t *language_of(const json_t *c, const verify_how *how)
{
    const json_t *lm = json_object_get(c, "lm");
    const char *type = json_string_value(json_object_get(lm, "type"));
    json_t *j = NULL;
    if (type && !strcmp(type, "gpt_neox")) {
        const double pct = json_number_value(json_object_get(lm, "rotary_pct"));
        j = json_pack("{s:I, s:I, s:I, s:I, s:f, s:b, s:f}", "hidden_size", in(c, "lm", "d_model"),
                      "num_attention_heads", in(c, "lm", "n_heads"), "num_hidden_layers",
                      in(c, "lm", "n_layers"), "intermediate_size", in(c, "lm", "intermediate"),
                      "rotary_pct", how->parallel ? 0.5 : pct, "use_parallel_residual",
                      how->parallel, "layer_norm_eps",
                      json_number_value(json_object_get(lm, "eps")));
        if (j) json_object_set_new(j, "max_position_embeddings",
                                   json_integer(in(c, "lm", "max_seq_len")));
    } else {
        const bool old = type && !strcmp(type, "mosaic_gpt");
        j = json_pack("{s:I, s:I, s:I, s:I, s:I}", "d_model", in(c, "lm", "d_model"), "n_heads",
                      in(c, "lm", "n_heads"), "n_layers", in(c, "lm", "n_layers"), "max_seq_len",
                      in(c, "lm", "max_seq_len"), old ? "mlp_ratio" : "expansion_ratio",
                      in(c, "lm", "mlp_ratio"));
        if (j && old)
            json_object_update_new(j, json_pack("{s:b, s:b, s:b}", "attn_qk_ln", 1, "alibi", 1,
                                                "no_bias", 1));
        if (j && old && how->clip > 0)
            json_object_set_new(j, "attn_clip_qkv", json_real(how->clip));
    }
    if (!j) return NULL;
    json_object_set_new(j, "vocab_size", json_integer(in(c, "lm", "vocab")));
    json_object_set_new(j, "model_type", json_string(type ? type : ""));
    return j;
}

static json_t *tower_of(const json_t *c)
{
    const json_t *v = json_object_get(c, "vision"), *sides = json_object_get(v, "image");
    const json_int_t width = in(c, "vision", "width"), heads = in(c, "vision", "heads");
    return json_pack("{s:O?, s:I, s:I, s:I, s:I, s:f}", "image_size", sides, "patch_size",
                     in(c, "vision", "patch"), "width", width, "layers", in(c, "vision", "layers"),
                     "head_width", heads > 0 ? width / heads : 0, "mlp_ratio",
                     width > 0 ? (double)in(c, "vision", "mlp_dim") / (double)width : 0.0);
}

static json_t *spell(const verify *v, const verify_how *how)
{
    const json_t *c = v->g.config;
    return json_pack(
        "{s:{s:s, s:I, s:I, s:I, s:b}, s:b, s:b, s:s, s:I, s:o?, s:o?, "
        "s:{s:I, s:I, s:I, s:I, s:I}, s:{s:I, s:I, s:I}}",
        "omnio", "model", "flamingo", "chunk_end", (json_int_t)v->ids.chunk_end, "media_id",
        (json_int_t)v->ids.media, "pad", (json_int_t)v->ids.pad, "whole_table", how->whole_table,
        "quick_gelu", true,
        "only_attend_immediate_media", !how->previous, "vision_tokens",
        how->normed ? "post_ln_post" : "pre_ln_post", "cross_attn_every_n_layers",
        (json_int_t)golden_int(&v->g, "interval"), "vision_cfg", tower_of(c), "lang_encoder",
        language_of(c, how), "perceiver", "depth", in(c, "perceiver", "depth"), "dim_head",
        in(c, "perceiver", "dim_head"), "heads", in(c, "perceiver", "heads"), "num_latents",
        in(c, "perceiver", "latents"), "ff_mult", in(c, "perceiver", "ff_mult"), "cross_attention",
        "dim_head", in(c, "xattn", "dim_head"), "heads", in(c, "xattn", "heads"), "ff_mult",
        in(c, "xattn", "ff_mult"));
}

/* The file's own, which is one of the Transformers library. */
static json_t *spell_alone(const verify *v)
{
    json_t *j = json_deep_copy(v->g.config);
    if (j) json_object_set_new(j, "omnio", json_pack("{s:s}", "model", "language"));
    return j;
}

omn_status verify_open(verify *v, const verify_how *how, golden_run *r, omn_error *err)
{
    json_t *j = v->alone ? spell_alone(v) : spell(v, how);
    char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
    const omn_status st = text ? golden_open(&v->g, text, &how->model, r, err)
                               : omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", v->g.name);
    free(text);
    json_decref(j);
    return st;
}

/* Float32: states and logits 1e-4, pictures and losses 1e-5, gradients against their norm. */
static omn_tolerance tolerance_of(void *user, const char *stage, omn_type type)
{
    const verify *v = user;
    if (type == OMN_I32) return (omn_tolerance){ 0 };
    if (!strcmp(v->g.kind, "preprocess")) return (omn_tolerance){ .abs = 1e-5 };
    if (golden_starts(stage, "grad"))
        return (omn_tolerance){ .abs = 1e-5 * v->g.largest, .rel = 1e-4 };
    if (!strcmp(stage, "loss")) return (omn_tolerance){ .abs = 1e-5 };
    return (omn_tolerance){ .abs = 1e-4, .rel = 1e-4 };
}

omn_status verify_compare(verify *v, golden_run *r, omn_error *err)
{
    return golden_compare(r, tolerance_of, v, err);
}

/* ---- the door -------------------------------------------------------------------------------- */

typedef omn_status case_fn(verify *v, omn_error *err);

typedef struct kind {
    const char *name;
    case_fn *run;
} kind;

/* The case that the file is of; kinds end with NULL. */
static omn_status run_kind(verify *v, const kind *kinds, omn_error *err)
{
    for (; kinds->name; kinds++)
        if (!strcmp(v->g.kind, kinds->name)) return kinds->run(v, err);
    return omn_fail(err, OMN_ERR_UNSUPPORTED, "%s: not supported, nothing here is called \"%s\"",
                    v->g.name, v->g.kind);
}

static omn_status run(omn_verification *host, omn_error *err)
{
    static const kind kinds[] = {
        { "forward", verify_forward },       { "left_pad", verify_padded },
        { "loss_pair", verify_loss },        { "loss_interleaved", verify_loss },
        { "generate", verify_generate },     { "rank", verify_rank },
        { "resampler_video", verify_video }, { "preprocess", verify_pictures },
        { NULL, NULL },
    };
    verify v = { .vocab = 0 };
    omn_status st = golden_begin(&v.g, host, err);
    if (st == OMN_OK) {
        v.vocab = (int64_t)in(v.g.config, "lm", "vocab");
        v.ids.chunk_end = (int32_t)golden_int(&v.g, "eoc");
        v.ids.media = (int32_t)golden_int(&v.g, "media");
        v.ids.pad = (int32_t)golden_int(&v.g, "pad");
        st = run_kind(&v, kinds, err);
    }
    golden_end(&v.g);
    return st;
}

static omn_status run_alone(omn_verification *host, omn_error *err)
{
    static const kind kinds[] = { { "forward", verify_forward }, { "loss", verify_loss },
                                  { "generate", verify_generate }, { NULL, NULL } };
    verify v = { .alone = true, .ids = { .media = -1, .pad = -1, .chunk_end = 2 } };
    omn_status st = golden_begin(&v.g, host, err);
    if (st == OMN_OK) {
        v.vocab = golden_int(&v.g, "vocab_size");
        st = run_kind(&v, kinds, err);
    }
    golden_end(&v.g);
    return st;
}

const omn_verify_impl flamingo_verify = { FLAMINGO_GOLDEN, run };
const omn_verify_impl language_verify = { LANGUAGE_GOLDEN, run_alone };
