/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary of SentencePiece that a public file has in its metadata, as the .model file that
 * it came from, so that the codec of such files reads it: pieces with their scores and types, and
 * of the rest what its converter leaves: merging by score, bytes for what is unknown, a blank put
 * in front. */
#include "gguf.h"

#include <string.h>

/* Field numbers and wire types of the .model file, as its codec reads them. */
enum { VARINT = 0, BYTES = 2, FIXED32 = 5 };
enum { MODEL_PIECE = 1, MODEL_TRAINER = 2, MODEL_NORMAL = 3 };
enum { PIECE_TEXT = 1, PIECE_SCORE = 2, PIECE_TYPE = 3 };
enum { TRAINER_TYPE = 3, TRAINER_BYTES = 35 };
enum { NORMAL_PREFIX = 3, NORMAL_SQUEEZE = 4, NORMAL_ESCAPE = 5 };
enum { MERGING = 2, KIND_NORMAL = 1, KIND_BYTE = 6, MOST_PIECE = 1 << 20 };

static void varint(omn_buf *b, uint64_t x)
{
    unsigned char byte;
    for (; x >= 128; x >>= 7) {
        byte = (unsigned char)(x | 128);
        omn_buf_put(b, &byte, 1);
    }
    byte = (unsigned char)x;
    omn_buf_put(b, &byte, 1);
}

static void put_number(omn_buf *b, unsigned field, uint64_t x)
{
    varint(b, field << 3 | VARINT);
    varint(b, x);
}

static void put_bytes(omn_buf *b, unsigned field, const void *bytes, size_t n)
{
    varint(b, field << 3 | BYTES);
    varint(b, n);
    omn_buf_put(b, bytes, n);
}

static void put_score(omn_buf *b, double score)
{
    const float x = (float)score;
    uint32_t bits;
    unsigned char bytes[4];
    memcpy(&bits, &x, sizeof bits);
    for (int i = 0; i < 4; i++) bytes[i] = (unsigned char)(bits >> (8 * i));
    varint(b, PIECE_SCORE << 3 | FIXED32);
    omn_buf_put(b, bytes, 4);
}

static bool is_list(const gguf_value *v, uint64_t n)
{
    return v && v->array && v->count == n;
}

static bool counts(const gguf_value *v)
{
    return v->kind != GGUF_STRING && v->kind != GGUF_ARRAY && v->kind != GGUF_BOOL;
}

static void put_parts(const gguf *g, bool bytes, omn_buf *out)
{
    bool prefix = true;
    omn_buf part;
    omn_buf_init(&part, 256);
    (void)gguf_bool(gguf_find(g, "tokenizer.ggml.add_space_prefix"), &prefix);
    put_number(&part, TRAINER_TYPE, MERGING);
    put_number(&part, TRAINER_BYTES, bytes);
    put_bytes(out, MODEL_TRAINER, part.data, part.length);
    part.length = 0;
    put_number(&part, NORMAL_PREFIX, prefix);
    put_number(&part, NORMAL_SQUEEZE, 0);
    put_number(&part, NORMAL_ESCAPE, 1);
    put_bytes(out, MODEL_NORMAL, part.data, part.length);
    out->failed = out->failed || part.failed;
    omn_buf_fini(&part);
}

omn_status gguf_sentencepiece(const gguf *g, omn_buf *out, omn_error *err)
{
    const gguf_value *texts = gguf_find(g, "tokenizer.ggml.tokens");
    const gguf_value *scores = gguf_find(g, "tokenizer.ggml.scores");
    const gguf_value *types = gguf_find(g, "tokenizer.ggml.token_type");
    const uint64_t n = texts ? texts->count : 0;
    if (!is_list(texts, n) || texts->kind != GGUF_STRING || !is_list(scores, n) ||
        !counts(scores) || !is_list(types, n) || !counts(types))
        return omn_fail(err, OMN_ERR_DATA,
                        "%s: tokenizer.ggml.tokens, scores and token_type are no lists of equal "
                        "lengths",
                        g->path);
    bool bytes = false;
    omn_buf piece;
    omn_buf_init(&piece, MOST_PIECE);
    const uint8_t *p = texts->at;
    for (uint64_t i = 0; i < n && !out->failed; i++) {
        const gguf_text t = gguf_text_next(&p);
        const int64_t type = gguf_whole_at(types, i);
        piece.length = 0;
        put_bytes(&piece, PIECE_TEXT, t.at, t.n);
        put_score(&piece, gguf_number_at(scores, i));
        put_number(&piece, PIECE_TYPE, (uint64_t)type);
        if (piece.failed) break;
        put_bytes(out, MODEL_PIECE, piece.data, piece.length);
        bytes = bytes || type == KIND_BYTE;
    }
    put_parts(g, bytes, out);
    out->failed = out->failed || piece.failed;
    omn_buf_fini(&piece);
    return omn_buf_check(out, g->path, err);
}
