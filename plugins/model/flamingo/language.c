/* SPDX-License-Identifier: Apache-2.0 */
/* The configurations of language models as their programs write them: "mosaic_gpt" and "mpt" of
 * MosaicML, "gpt_neox", "llama", "mistral" and "qwen2" of the Transformers library. */
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

/* Names of families; the last three are one form. */
static const struct { const char *type; language_form form; } types[] = {
    { "mosaic_gpt", LANGUAGE_MOSAIC }, { "mpt", LANGUAGE_MPT },       { "gpt_neox", LANGUAGE_NEOX },
    { "llama", LANGUAGE_LLAMA },       { "mistral", LANGUAGE_LLAMA }, { "qwen2", LANGUAGE_LLAMA },
};
enum { TYPES = sizeof types / sizeof *types };

static const char *type_of(below *b)
{
    return omn_config_string_or(b->f, at(b, "model_type"), "");
}

/* Its row of the list; TYPES: it is none of them. */
static size_t row_of(const char *type)
{
    size_t i = 0;
    while (i < TYPES && strcmp(type, types[i].type)) i++;
    return i;
}

static language_form form_of(below *b)
{
    const char *type = type_of(b);
    const size_t i = row_of(type);
    if (i < TYPES) return types[i].form;
    omn_open_fail(b->o, OMN_ERR_CONFIG,
                  "%s is \"%.40s\": mosaic_gpt, mpt, gpt_neox, llama, mistral or qwen2 is wanted",
                  b->name, type);
    return LANGUAGE_NEOX;
}

bool language_known(omn_config *f, const char *path)
{
    below b = { .f = f, .path = path };
    return row_of(type_of(&b)) < TYPES;
}

/* Of those that the Transformers library has names for. */
static omn_act act_of(below *b, const char *usual)
{
    static const struct { const char *name; omn_act act; } acts[] = {
        { "silu", OMN_ACT_SILU },          { "swish", OMN_ACT_SILU }, { "gelu", OMN_ACT_GELU_ERF },
        { "gelu_new", OMN_ACT_GELU_TANH }, { "relu", OMN_ACT_RELU },
        { "gelu_pytorch_tanh", OMN_ACT_GELU_TANH },
    };
    const char *name = omn_config_string_or(b->f, at(b, "hidden_act"), usual);
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
        if (!strcmp(name, acts[i].name)) return acts[i].act;
    omn_open_fail(b->o, OMN_ERR_CONFIG, "%s is \"%.40s\"; silu, gelu, gelu_new or relu is wanted",
                  b->name, name);
    return OMN_ACT_SILU;
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
    l->act = OMN_ACT_GELU_ERF;
    l->tied = true;
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
    l->qkv_bias = l->out_bias = l->ffn_bias = true;
    l->logit_scale = 1;
    l->act = OMN_ACT_GELU_ERF;
    const double share = number(b, "rotary_pct", 1, 0.25);
    l->rotary = (int64_t)((double)(l->D / l->H) * share);
    if (l->rotary % 2)
        omn_open_fail(b->o, OMN_ERR_CONFIG,
                      "%s: %g of a head is %lld components, an even number turns", b->name, share,
                      (long long)l->rotary);
}

/* ---- Llama and its kin ----------------------------------------------------------------------- */

/* How rotary positions were stretched: "linear" and "llama3" of "rope_scaling", which older files
 * call "type". */
static void read_stretch(language *l, below *b)
{
    const char *type = omn_config_string_or(b->f, at(b, "rope_scaling.type"), "default");
    type = omn_config_string_or(b->f, at(b, "rope_scaling.rope_type"), type);
    if (!strcmp(type, "default")) return;
    const bool fast = !strcmp(type, "llama3");
    if (!fast && strcmp(type, "linear")) {
        omn_open_fail(b->o, OMN_ERR_CONFIG,
                      "%s is \"%.40s\": positions that are stretched so are not supported, only "
                      "linear and llama3 are", b->name, type);
        return;
    }
    l->stretch.factor = omn_config_double_or(b->f, at(b, "rope_scaling.factor"), 1, 1e6, 0);
    if (!(l->stretch.factor > 0))
        omn_open_fail(b->o, OMN_ERR_CONFIG, "%s is missing: a number of 1 and more is wanted",
                      b->name);
    if (!fast) return;
    l->stretch.low = omn_config_double_or(b->f, at(b, "rope_scaling.low_freq_factor"), 0.01, 1e6,
                                          1);
    l->stretch.high = omn_config_double_or(b->f, at(b, "rope_scaling.high_freq_factor"), 0.01, 1e6,
                                           4);
    if (l->stretch.low >= l->stretch.high)
        omn_open_fail(b->o, OMN_ERR_CONFIG, "%s is %g: more than low_freq_factor, %g, is wanted",
                      b->name, l->stretch.high, l->stretch.low);
    l->stretch.old = (double)omn_config_int(
        b->f, at(b, "rope_scaling.original_max_position_embeddings"), 1, 1 << 30);
}

/* Mistral sees so far back; Qwen writes such a number down and does not use it, unless it says
 * so. */
static int64_t window_of(below *b, bool mistral)
{
    return mistral ? omn_config_int_or(b->f, at(b, "sliding_window"), 1, 1 << 30, 0) : 0;
}

static void llama(language *l, below *b)
{
    const char *type = type_of(b);
    const bool qwen = !strcmp(type, "qwen2");
    l->D = whole(b, "hidden_size", 65536);
    l->H = whole(b, "num_attention_heads", 1024);
    l->G = omn_config_int_or(b->f, at(b, "num_key_value_heads"), 1, 1024, l->H);
    l->K = omn_config_int_or(b->f, at(b, "head_dim"), 2, 65536, 0);
    l->layers = whole(b, "num_hidden_layers", 512);
    l->ffn = whole(b, "intermediate_size", 1 << 20);
    l->most = omn_config_int_or(b->f, at(b, "max_position_embeddings"), 2, 1 << 24, 2048);
    l->eps = number(b, "rms_norm_eps", 1, 1e-6);
    l->base = omn_config_double_or(b->f, at(b, "rope_theta"), 1, 1e12, 10000);
    l->tied = omn_config_bool_or(b->f, at(b, "tie_word_embeddings"), false);
    l->out_bias = !qwen && omn_config_bool_or(b->f, at(b, "attention_bias"), false);
    l->qkv_bias = qwen || l->out_bias;
    l->ffn_bias = omn_config_bool_or(b->f, at(b, "mlp_bias"), false);
    l->window = window_of(b, !strcmp(type, "mistral"));
    l->act = (int)act_of(b, "silu");
    l->gated = true;
    l->begins = !qwen;
    l->logit_scale = 1;
    read_stretch(l, b);
    if (l->H % l->G)
        omn_open_fail(b->o, OMN_ERR_CONFIG, "num_key_value_heads is %lld: a divisor of "
                      "num_attention_heads, %lld, is wanted", (long long)l->G, (long long)l->H);
}

/* Heads of which the configuration says nothing else. */
static void divide(language *l, omn_open *o, const char *path)
{
    if (!l->G) l->G = l->H;
    if (!l->K && l->D % l->H)
        omn_open_fail(o, OMN_ERR_CONFIG, "%s: a width of %lld is not divided by %lld heads",
                      *path ? path : "the language model", (long long)l->D, (long long)l->H);
    if (!l->K) l->K = l->D / l->H;
    if (l->form != LANGUAGE_LLAMA) return;
    l->rotary = l->K;
    if (l->K % 2)
        omn_open_fail(o, OMN_ERR_CONFIG, "%s: heads of %lld components: an even number turns",
                      *path ? path : "the language model", (long long)l->K);
}

void language_configure(language *l, omn_open *o, omn_config *f, const char *path)
{
    below b = { .o = o, .f = f, .path = path };
    l->form = form_of(&b);
    if (l->form == LANGUAGE_LLAMA) llama(l, &b);
    else if (l->form == LANGUAGE_NEOX) neox(l, &b);
    else mpt(l, &b);
    language_refuse(l->form, o, f, path);
    l->rows = whole(&b, "vocab_size", 1 << 24);
    divide(l, o, path);
}
