/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary of byte pair encoding that a public file has in its metadata, as tokenizer.json of
 * the Tokenizers library: ids, merges, pieces that are added, and the expression that words are cut
 * by, of which the metadata have a name. */
#include "gguf.h"

#include <omnio/value.h>

#include <stdio.h>
#include <string.h>

enum { TYPE_CONTROL = 3, TYPE_USER = 4 };

#define FRONT "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|"
#define BACK "| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"
#define SPLIT(middle)                                                                              \
    "{\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Split\", \"pattern\": {\"Regex\": " \
    "\"" FRONT middle BACK "\"}, \"behavior\": \"Isolated\", \"invert\": false}, "                 \
    "{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, "              \
    "\"use_regex\": false}]}"

/* By the names that llama.cpp's converter gives them. */
static const struct {
    const char *name, *cut;
    bool whole;                           /* a word that is a piece is it, whatever merges make */
    bool compose;                         /* NFC comes first */
} styles[] = {
    { "gpt-2", "{\"type\": \"ByteLevel\", \"add_prefix_space\": false}", false, false },
    { "llama-bpe", SPLIT("\\\\p{N}{1,3}"), true, false },
    { "qwen2", SPLIT("\\\\p{N}"), false, true },
};
#undef FRONT
#undef BACK
#undef SPLIT

bool gguf_json_text(omn_buf *out, gguf_text t)
{
    if (!omn_utf8_check(t.at, t.n, NULL)) return false;
    omn_buf_puts(out, "\"");
    for (size_t i = 0; i < t.n; i++) {
        const unsigned char c = (unsigned char)t.at[i];
        if (c == '"' || c == '\\') omn_buf_printf(out, "\\%c", c);
        else if (c < 32) omn_buf_printf(out, "\\u%04x", c);
        else omn_buf_put(out, t.at + i, 1);
    }
    omn_buf_puts(out, "\"");
    return true;
}

static omn_status bad(const gguf *g, const char *what, omn_error *err)
{
    return omn_fail(err, OMN_ERR_DATA, "%s: %s", g->path, what);
}

/* Pieces of the vocabulary, or those that are added. */
static omn_status pieces(const gguf *g, const gguf_value *texts, const gguf_value *types,
                         bool added, omn_buf *out, omn_error *err)
{
    const uint8_t *p = texts->at;
    bool first = true;
    for (uint64_t i = 0; i < texts->count && !out->failed; i++) {
        const gguf_text t = gguf_text_next(&p);
        const int64_t type = gguf_whole_at(types, i);
        if ((type == TYPE_CONTROL || type == TYPE_USER) != added) continue;
        omn_buf_puts(out, first ? "" : ", ");
        first = false;
        if (added) omn_buf_printf(out, "{\"id\": %llu, \"content\": ", (unsigned long long)i);
        if (!gguf_json_text(out, t)) return bad(g, "a piece of its tokenizer is no UTF-8", err);
        if (added)
            omn_buf_printf(out, ", \"special\": %s}", type == TYPE_CONTROL ? "true" : "false");
        else
            omn_buf_printf(out, ": %llu", (unsigned long long)i);
    }
    return OMN_OK;
}

omn_status gguf_bpe(const gguf *g, omn_buf *out, omn_error *err)
{
    omn_status st = OMN_OK;
    const gguf_value *texts = gguf_find(g, "tokenizer.ggml.tokens");
    const gguf_value *types = gguf_find(g, "tokenizer.ggml.token_type");
    const gguf_value *merges = gguf_find(g, "tokenizer.ggml.merges");
    const gguf_value *pre = gguf_find(g, "tokenizer.ggml.pre");
    gguf_text word = { "none", 4 };
    size_t k = 0;
    if (!texts || !texts->array || texts->kind != GGUF_STRING || !types || !types->array ||
        types->count != texts->count || (types->kind != GGUF_I32 && types->kind != GGUF_U32) ||
        !merges || !merges->array || merges->kind != GGUF_STRING)
        return bad(g, "tokenizer.ggml.tokens, token_type and merges are not the lists of a "
                      "vocabulary of byte pairs", err);
    while (k < sizeof styles / sizeof *styles && !gguf_is(pre, styles[k].name)) k++;
    if (k == sizeof styles / sizeof *styles) {
        (void)gguf_string(pre, &word);
        char shown[41];
        snprintf(shown, sizeof shown, "%.*s", (int)(word.n < 40 ? word.n : 40), word.at);
        return omn_fail(err, OMN_ERR_UNSUPPORTED,
                        "%s: its tokenizer cuts words as \"%s\" (tokenizer.ggml.pre); gpt-2, "
                        "llama-bpe and qwen2 are known",
                        g->path, omn_text_clean(shown));
    }
    omn_buf_puts(out, "{\"version\": \"1.0\", \"added_tokens\": [");
    OMN_TRY(pieces(g, texts, types, true, out, err));
    omn_buf_printf(out, "], \"normalizer\": %s, \"pre_tokenizer\": %s, ",
                   styles[k].compose ? "{\"type\": \"NFC\"}" : "null", styles[k].cut);
    omn_buf_printf(out,
                   "\"decoder\": {\"type\": \"ByteLevel\"}, \"model\": {\"type\": \"BPE\", "
                   "\"ignore_merges\": %s, \"vocab\": {",
                   styles[k].whole ? "true" : "false");
    OMN_TRY(pieces(g, texts, types, false, out, err));
    omn_buf_puts(out, "}, \"merges\": [");
    const uint8_t *p = merges->at;
    for (uint64_t i = 0; i < merges->count && !out->failed; i++) {
        omn_buf_puts(out, i ? ", " : "");
        if (!gguf_json_text(out, gguf_text_next(&p)))
            return bad(g, "a merge of its tokenizer is no UTF-8", err);
    }
    omn_buf_puts(out, "]}}\n");
    st = omn_buf_check(out, g->path, err);
done:
    return st;
}
