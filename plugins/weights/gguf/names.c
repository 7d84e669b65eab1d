/* SPDX-License-Identifier: Apache-2.0 */
/* The names that public files of language models have, as the Transformers library calls the same
 * tensors. Their converter also turns each head of queries and keys of a Llama: what that library
 * keeps as two halves of K/2 components, [H, 2, K/2], lies there in pairs, [H, K/2, 2], for the
 * other way to write rotary positions; a reader of its numbers has to turn them back. */
#include "gguf.h"

#include <stdio.h>
#include <string.h>

static const struct { const char *public, *name; const char *heads; } rows[] = {
    { "attn_norm", "input_layernorm", NULL },
    { "attn_q", "self_attn.q_proj", "attention.head_count" },
    { "attn_k", "self_attn.k_proj", "attention.head_count_kv" },
    { "attn_v", "self_attn.v_proj", NULL },
    { "attn_output", "self_attn.o_proj", NULL },
    { "ffn_norm", "post_attention_layernorm", NULL },
    { "ffn_gate", "mlp.gate_proj", NULL },
    { "ffn_up", "mlp.up_proj", NULL },
    { "ffn_down", "mlp.down_proj", NULL },
};

const char *gguf_family(const gguf *g)
{
    static const char *const known[] = { "llama", "qwen2" };
    const gguf_value *v = gguf_find(g, "general.architecture");
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (gguf_is(v, known[i])) return known[i];
    return NULL;
}

/* How many heads the rows of this matrix are, where they were turned. */
static int64_t heads_of(const gguf *g, const char *key)
{
    int64_t n = 0;
    if (!key || !gguf_is(gguf_find(g, "general.architecture"), "llama")) return 0;
    if (!gguf_whole(gguf_of(g, "llama", key), &n))
        (void)gguf_whole(gguf_of(g, "llama", "attention.head_count"), &n);
    return n > 0 ? n : 0;
}

/* "blk.3.attn_q.weight" */
static bool block_name(const gguf *g, const char *name, char *out, size_t room, int64_t *heads)
{
    unsigned layer = 0;
    size_t n = 0;
    const char *p = name + 4;
    for (; n < 6 && p[n] >= '0' && p[n] <= '9'; n++) layer = 10 * layer + (unsigned)(p[n] - '0');
    if (n == 0 || p[n] != '.') return false;
    p += n + 1;
    n = strcspn(p, ".");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strlen(rows[i].public) != n || memcmp(rows[i].public, p, n)) continue;
        if (strcmp(p + n, ".weight") && strcmp(p + n, ".bias")) return false;
        snprintf(out, room, "model.layers.%u.%s%s", layer, rows[i].name, p + n);
        *heads = heads_of(g, rows[i].heads);
        return true;
    }
    return false;
}

bool gguf_public_name(const gguf *g, const char *name, char *out, size_t room, int64_t *heads)
{
    static const char *const outer[][2] = {
        { "token_embd.weight", "model.embed_tokens.weight" },
        { "output_norm.weight", "model.norm.weight" },
        { "output.weight", "lm_head.weight" },
    };
    *heads = 0;
    for (size_t i = 0; i < sizeof outer / sizeof *outer; i++) {
        if (strcmp(name, outer[i][0])) continue;
        snprintf(out, room, "%s", outer[i][1]);
        return true;
    }
    return !strncmp(name, "blk.", 4) && block_name(g, name, out, room, heads);
}
