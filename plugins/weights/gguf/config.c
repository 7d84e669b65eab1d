/* SPDX-License-Identifier: Apache-2.0 */
/* The hyper-parameters of a public file as the configuration that the Transformers library has of
 * the same model. What would change its numbers and has no key there is refused. */
#include "gguf.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct config {
    const gguf *g;
    const char *family;
    omn_buf *out;
    omn_error *err;
} config;

static omn_status lacks(const config *c, const char *key)
{
    return omn_fail(c->err, OMN_ERR_DATA, "%s: its metadata lack %s.%s", c->g->path, c->family,
                    key);
}

static omn_status refuse(const config *c, const char *what)
{
    return omn_fail(c->err, OMN_ERR_UNSUPPORTED, "%s: %s", c->g->path, what);
}

static bool has(const config *c, const char *key, int64_t *out)
{
    return gguf_whole(gguf_of(c->g, c->family, key), out);
}

static omn_status whole(const config *c, const char *key, const char *name)
{
    int64_t x;
    if (!has(c, key, &x)) return lacks(c, key);
    omn_buf_printf(c->out, ", \"%s\": %lld", name, (long long)x);
    return OMN_OK;
}

static omn_status number(const config *c, const char *key, const char *name, bool must)
{
    double x;
    if (!gguf_number(gguf_of(c->g, c->family, key), &x)) return must ? lacks(c, key) : OMN_OK;
    if (!isfinite(x)) return refuse(c, "a hyper-parameter is no finite number");
    /* it was an f32: the shortest decimal that reads as that */
    char text[40];
    for (int digits = 6; digits <= 9; digits++) {
        (void)omn_format(text, sizeof text, "%.*g", digits, x);
        if ((float)omn_number_read(text, NULL) == (float)x) break;
    }
    omn_buf_printf(c->out, ", \"%s\": %s", name, text);
    return OMN_OK;
}

/* ---- rotary positions ------------------------------------------------------------------------ */

/* How Llama 3.1 divides frequency i of K/2, by its published rule. */
static double llama3_factor(double base, int64_t i, int64_t half, double factor, double old)
{
    const double low = 1, high = 4, pi = 3.14159265358979323846;
    const double wave = 2 * pi * pow(base, (double)i / (double)half);
    if (wave < old / high) return 1;
    if (wave > old / low) return factor;
    const double smooth = (old / wave - low) / (high - low);
    return 1 / ((1 - smooth) / factor + smooth);
}

/* The file holds the factors themselves; they have to be those of that rule. */
static omn_status factors(const config *c, const gguf_tensor *t)
{
    double base = 10000, factor = 0, old = 8192; /* the places that it was made for */
    float x[4096];
    size_t n = 0;
    (void)gguf_number(gguf_of(c->g, c->family, "rope.freq_base"), &base);
    (void)gguf_number(gguf_of(c->g, c->family, "rope.scaling.original_context_length"), &old);
    if (!(old >= 1 && old <= 1 << 30)) return refuse(c, "rope.scaling.original_context_length is "
                                                        "no number of places");
    if (!omn_shape_count(&t->shape, &n) || n < 1 || n > sizeof x / sizeof *x || t->type != OMN_F32)
        return refuse(c, "rope_freqs.weight is no row of f32");
    (void)omn_to_f32(OMN_F32, c->g->bytes + t->at, n, x);
    for (size_t i = 0; i < n; i++) factor = fmax(factor, (double)x[i]);
    for (size_t i = 0; i < n; i++) {
        const double want = llama3_factor(base, (int64_t)i, (int64_t)n, factor, old);
        if (!(fabs((double)x[i] - want) <= 1e-4 * want))
            return refuse(c, "rope_freqs.weight stretches positions in another way than Llama 3.1, "
                             "which is the one that is known");
    }
    omn_buf_printf(c->out,
                   ", \"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": %.9g, "
                   "\"low_freq_factor\": 1, \"high_freq_factor\": 4, "
                   "\"original_max_position_embeddings\": %.9g}",
                   factor, old);
    return OMN_OK;
}

static omn_status stretch(const config *c)
{
    const gguf_value *type = gguf_of(c->g, c->family, "rope.scaling.type");
    const gguf_tensor *t = gguf_tensor_named(c->g, "rope_freqs.weight");
    double factor = 0;
    gguf_text word;
    if (t) return factors(c, t);
    if (!gguf_string(type, &word) || gguf_is(type, "none")) {
        /* older files */
        if (!gguf_number(gguf_of(c->g, c->family, "rope.scale_linear"), &factor) || factor == 1)
            return OMN_OK;
    } else if (!gguf_is(type, "linear")) {
        return refuse(c, "positions are stretched in another way than linear and Llama 3.1's, "
                         "which is not supported (rope.scaling.type)");
    } else if (!gguf_number(gguf_of(c->g, c->family, "rope.scaling.factor"), &factor)) {
        return lacks(c, "rope.scaling.factor");
    }
    if (!(factor >= 1 && factor <= 1e6)) return refuse(c, "rope.scaling.factor is below 1");
    omn_buf_printf(c->out, ", \"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": %.9g}",
                   factor);
    return OMN_OK;
}

/* Heads: all of each turn, and keys are as wide as values. */
static omn_status heads(const config *c)
{
    omn_status st = OMN_OK;
    int64_t width, heads, key, other;
    OMN_TRY(whole(c, "attention.head_count", "num_attention_heads"));
    if (gguf_of(c->g, c->family, "attention.head_count_kv"))
        OMN_TRY(whole(c, "attention.head_count_kv", "num_key_value_heads"));
    if (!has(c, "embedding_length", &width) || !has(c, "attention.head_count", &heads) || heads < 1)
        return lacks(c, "attention.head_count");
    key = width / heads;
    if (has(c, "attention.key_length", &other)) key = other;
    omn_buf_printf(c->out, ", \"head_dim\": %lld", (long long)key);
    if (has(c, "attention.value_length", &other) && other != key)
        return refuse(c, "values have another width than keys, which is not supported");
    if (has(c, "rope.dimension_count", &other) && other != key)
        return refuse(c, "a part of each head turns (rope.dimension_count), which is not "
                         "supported");
done:
    return st;
}

/* ---- ids ------------------------------------------------------------------------------------- */

static omn_status ids(const config *c)
{
    int64_t id;
    bool yes;
    const gguf_tensor *table = gguf_tensor_named(c->g, "token_embd.weight");
    const bool bytepairs = gguf_is(gguf_find(c->g, "tokenizer.ggml.model"), "gpt2");
    if (!table || table->shape.rank != 2)
        return omn_fail(c->err, OMN_ERR_DATA, "%s: there is no matrix token_embd.weight",
                        c->g->path);
    omn_buf_printf(c->out, ", \"vocab_size\": %lld", (long long)table->shape.dim[0]);
    omn_buf_printf(c->out, ", \"tie_word_embeddings\": %s",
                   gguf_tensor_named(c->g, "output.weight") ? "false" : "true");
    const bool begins = gguf_whole(gguf_find(c->g, "tokenizer.ggml.bos_token_id"), &id);
    if (begins) omn_buf_printf(c->out, ", \"bos_token_id\": %lld", (long long)id);
    if (gguf_whole(gguf_find(c->g, "tokenizer.ggml.eos_token_id"), &id))
        omn_buf_printf(c->out, ", \"eos_token_id\": %lld", (long long)id);
    const bool said = gguf_bool(gguf_find(c->g, "tokenizer.ggml.add_bos_token"), &yes);
    if (said ? !yes : bytepairs && !begins)
        omn_buf_puts(c->out, ", \"omnio\": {\"begin\": false}");
    return OMN_OK;
}

omn_status gguf_config(const gguf *g, const char *family, omn_buf *out, omn_error *err)
{
    omn_status st = OMN_OK;
    int64_t n = 0;
    const config c = { g, family, out, err };
    const bool window = gguf_of(g, family, "attention.sliding_window") != NULL;
    const bool llama = !strcmp(family, "llama");
    if (has(&c, "expert_count", &n) && n > 0)
        return refuse(&c, "a mixture of experts, which is not supported");
    omn_buf_printf(out, "{\"model_type\": \"%s\"", llama && window ? "mistral" : family);
    OMN_TRY(whole(&c, "embedding_length", "hidden_size"));
    OMN_TRY(whole(&c, "block_count", "num_hidden_layers"));
    OMN_TRY(whole(&c, "feed_forward_length", "intermediate_size"));
    OMN_TRY(whole(&c, "context_length", "max_position_embeddings"));
    OMN_TRY(heads(&c));
    OMN_TRY(number(&c, "attention.layer_norm_rms_epsilon", "rms_norm_eps", true));
    OMN_TRY(number(&c, "rope.freq_base", "rope_theta", false));
    if (window && llama) OMN_TRY(whole(&c, "attention.sliding_window", "sliding_window"));
    OMN_TRY(stretch(&c));
    if (llama && gguf_tensor_named(g, "blk.0.attn_q.bias"))
        omn_buf_puts(out, ", \"attention_bias\": true");
    if (llama && gguf_tensor_named(g, "blk.0.ffn_up.bias"))
        omn_buf_puts(out, ", \"mlp_bias\": true");
    OMN_TRY(ids(&c));
    omn_buf_puts(out, "}\n");
    st = omn_buf_check(out, g->path, err);
done:
    return st;
}
