/* SPDX-License-Identifier: Apache-2.0 */
/* The configurations of language models as their programs write them: "mosaic_gpt" and "mpt" of
 * MosaicML, "gpt_neox" of the Transformers library. */
#include "flamingo.h"

#include <stdio.h>
#include <string.h>

/* A part of a configuration. */
typedef struct below { omn_open *o; omn_config *f; const char *path; char name[192]; } below;

static const char *at(below *b, const char *key)
{
    snprintf(b->name, sizeof b->name, "%s%s%s", b->path, *b->path ? "." : "", key);
    return b->name;
}

static int64_t whole(below *b, const char *key, int64_t hi)
{
    return omn_config_int(b->f, at(b, key), 1, hi);
}

static double number(below *b, const char *key, double hi, double deflt)
{
    return omn_config_double_or(b->f, at(b, key), 0, hi, deflt);
}

static language_form form_of(below *b)
{
    const char *type = omn_config_string_or(b->f, at(b, "model_type"), "");
    if (!strcmp(type, "mosaic_gpt")) return LANGUAGE_MOSAIC;
    if (!strcmp(type, "mpt")) return LANGUAGE_MPT;
    if (strcmp(type, "gpt_neox"))
        omn_open_fail(b->o, OMN_ERR_CONFIG,
                      "%s is \"%.40s\": mosaic_gpt, mpt or gpt_neox is wanted", b->name, type);
    return LANGUAGE_NEOX;
}

bool language_known(omn_config *f, const char *path)
{
    char name[192];
    snprintf(name, sizeof name, "%s%smodel_type", path, *path ? "." : "");
    const char *type = omn_config_string_or(f, name, "");
    return !strcmp(type, "mosaic_gpt") || !strcmp(type, "mpt") || !strcmp(type, "gpt_neox");
}

/* ---- MPT ------------------------------------------------------------------------------------- */

/* What the older program takes to be false where nothing is said, and is not built here so. */
static void say(below *b, const char *key)
{
    if (!omn_config_has(b->f, at(b, key)))
        omn_open_fail(b->o, OMN_ERR_CONFIG, "%s is missing: true is wanted", b->name);
}

/* The attention's keys, of which "mpt" has a dictionary; the older form gives some of them a
 * prefix. */
static void mpt_attention(language *l, below *b)
{
    const bool old = l->form == LANGUAGE_MOSAIC;
    l->clip = number(b, old ? "attn_clip_qkv" : "attn_config.clip_qkv", 1e9, 0);
    l->qk_norm = omn_config_bool_or(b->f, at(b, old ? "attn_qk_ln" : "attn_config.qk_ln"), false);
    l->scale = number(b, old ? "softmax_scale" : "attn_config.softmax_scale", 1e6, 0);
    l->alibi = number(b, old ? "alibi_bias_max" : "attn_config.alibi_bias_max", 1e6, 8);
    if (!old) return;
    say(b, "alibi");
    say(b, "no_bias");
}

static void mpt(language *l, below *b)
{
    const bool old = l->form == LANGUAGE_MOSAIC;
    l->D = whole(b, "d_model", 65536);
    l->H = whole(b, "n_heads", 1024);
    l->layers = whole(b, "n_layers", 512);
    l->most = omn_config_int_or(b->f, at(b, "max_seq_len"), 2, 1 << 20, 2048);
    l->ffn = l->D * omn_config_int_or(b->f, at(b, old ? "mlp_ratio" : "expansion_ratio"), 1, 64, 4);
    l->eps = number(b, "layer_norm_epsilon", 1, 1e-5);
    l->logit_scale = number(b, "logit_scale", 1e6, 1);
    mpt_attention(l, b);
    const char *norm = omn_config_string_or(b->f, at(b, "norm_type"), "layernorm");
    if (strcmp(norm, "layernorm") && strcmp(norm, "low_precision_layernorm"))
        omn_open_fail(b->o, OMN_ERR_CONFIG, "%s is \"%.40s\": layernorm is wanted", b->name, norm);
}

/* ---- GPT-NeoX -------------------------------------------------------------------------------- */

static void neox(language *l, below *b)
{
    l->D = whole(b, "hidden_size", 65536);
    l->H = whole(b, "num_attention_heads", 1024);
    l->layers = whole(b, "num_hidden_layers", 512);
    l->ffn = omn_config_int_or(b->f, at(b, "intermediate_size"), 1, 1 << 20, 4 * l->D);
    l->most = omn_config_int_or(b->f, at(b, "max_position_embeddings"), 2, 1 << 20, 2048);
    l->eps = number(b, "layer_norm_eps", 1, 1e-5);
    l->base = omn_config_double_or(b->f, at(b, "rotary_emb_base"), 1, 1e12, 10000);
    l->parallel = omn_config_bool_or(b->f, at(b, "use_parallel_residual"), true);
    l->logit_scale = 1;
    const double share = number(b, "rotary_pct", 1, 0.25);
    l->rotary = (int64_t)((double)(l->D / l->H) * share);
    if (l->rotary % 2)
        omn_open_fail(b->o, OMN_ERR_CONFIG,
                      "%s: %g of a head is %lld components, an even number turns", b->name, share,
                      (long long)l->rotary);
}

void language_configure(language *l, omn_open *o, omn_config *f, const char *path)
{
    below b = { .o = o, .f = f, .path = path };
    l->form = form_of(&b);
    if (l->form == LANGUAGE_NEOX) neox(l, &b);
    else mpt(l, &b);
    language_refuse(l->form, o, f, path);
    l->rows = whole(&b, "vocab_size", 1 << 24);
    if (l->D % l->H)
        omn_open_fail(o, OMN_ERR_CONFIG, "%s: a width of %lld is not divided by %lld heads",
                      *path ? path : "the language model", (long long)l->D, (long long)l->H);
    l->K = l->D / l->H;
}
