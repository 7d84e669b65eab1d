/* SPDX-License-Identifier: Apache-2.0 */
/* The codec "text.sentencepiece": a tokenizer file, and the pieces that the model family adds to
 * it, behind the omnio.codec/1 door. */
#include <omnio/kinds.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "sentencepiece.h"
#include "utf8.h"

#define SENTENCEPIECE(PAR, S)                                                                      \
    PAR(S, path, file, "tokenizer.model", NULL, NULL, "the SentencePiece model file")              \
    PAR(S, bool, start_first, "false", NULL, NULL,                                                 \
        "reorder <unk> <s> </s> to <s> </s> <unk>, as Unified-IO 2 does")                          \
    PAR(S, int, sentinels, "0", "0..100000", NULL, "extra pieces <extra_id_0> and up")             \
    PAR(S, int, bins, "0", "0..100000", NULL, "location pieces behind the sentinels")              \
    PAR(S, int, histories, "0", "0..1000", NULL, "pairs <image_history_k> <audio_history_k>")      \
    PAR(S, bool, marks, "false", NULL, NULL, "<image_input>, [Text] [S] and their kin")            \
    PAR(S, bool, to_end, "true", NULL, NULL, "decoding stops at the end piece")                    \
    PAR(S, bool, fairseq, "false", NULL, NULL,                                                     \
        "the ids of XLM-RoBERTa: <s> <pad> </s> <unk>, pieces one higher, <mask>")                 \
    PAR(S, int, gaps, "0", "0..100000", NULL, "pieces <extra_id_0> and up, as T5 has them")        \
    PAR(S, int, visual, "0", "0..100000", NULL, "pieces <vis_extra_id_0> and up behind them")      \
    PAR(S, bool, names, "true", NULL, NULL, "what is decoded has the names of these pieces")       \
    PAR(S, bool, legacy, "true", NULL, NULL,                                                       \
        "a text behind such a name begins a word; false: where a space stands there")
OMN_PARAMS(sentencepiece, SENTENCEPIECE);

#define MOST_FILE ((size_t)1 << 28)

typedef struct codec {
    sp_model *model;
    sp_until until;
} codec;

static omn_status codec_open(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    const struct sentencepiece *p = params;
    omn_status st = OMN_OK;
    char *bytes = NULL;
    size_t n = 0;
    (void)c;
    const sp_extra extra = { p->start_first, (uint32_t)p->sentinels, (uint32_t)p->bins,
                             (uint32_t)p->histories, p->marks, p->fairseq,
                             (uint32_t)p->gaps, (uint32_t)p->visual, !p->names, !p->legacy };
    codec *k = calloc(1, sizeof *k);
    *self = k;
    if (k == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for a tokenizer");
    k->until = p->to_end ? SP_TO_END : SP_ALL;
    const char *beside = o != NULL ? omn_open_file(o, p->file, false) : NULL;
    const char *path = beside != NULL ? beside : p->file;
    OMN_TRY(omn_file_read(path, MOST_FILE, &bytes, &n, err));
    st = sp_open(bytes, n, &extra, &k->model, err);
    if (st != OMN_OK) omn_error_prefix(err, "%s", path);
done:
    free(bytes);
    return st;
}

static void codec_close(void *self)
{
    codec *k = self;
    if (k == NULL) return;
    sp_close(k->model);
    free(k);
}

static omn_status codec_encode(const void *self, const char *text, size_t n, int32_t *ids,
                               size_t most, size_t *count, omn_error *err)
{
    const codec *k = self;
    sp_ids all = { 0 };
    omn_status st = sp_encode_most(k->model, text, n, most, &all, err);
    *count = all.count;
    if (st == OMN_ERR_DATA && all.count <= most) *count = most + 1; /* refused before it was cut */
    if (st == OMN_OK && all.count > most)
        st = omn_fail(err, OMN_ERR_DATA, "the text has %zu tokens, at most %zu are possible here",
                      all.count, most);
    if (st == OMN_OK && all.count > 0) memcpy(ids, all.id, all.count * sizeof *ids);
    free(all.id);
    return st;
}

static omn_status codec_decode(const void *self, const int32_t *ids, size_t n, omn_buf *out,
                               omn_error *err)
{
    const codec *k = self;
    return sp_decode(k->model, ids, n, k->until, out, err);
}

static int32_t codec_pieces(const void *self)
{
    return (int32_t)((const codec *)self)->model->count;
}

/* A piece as the file spells it, or else the piece that this text is behind a space: "<extra_id_0>"
 * finds the location though its piece begins with a space mark. */
static int32_t codec_piece(const void *self, const char *text)
{
    const sp_model *m = ((const codec *)self)->model;
    const int32_t exact = sp_find(m, text, strlen(text));
    if (exact >= 0) return exact;
    /* on the stack: no memory must not look like no such piece */
    char marked[SP_MOST_PIECE_BYTES];
    const size_t mark = sizeof UTF8_SPACE_MARK - 1;
    size_t n = mark;
    memcpy(marked, UTF8_SPACE_MARK, mark);
    for (; *text; text++) {
        if (n + mark > sizeof marked) return -1; /* no piece is that long */
        if (*text == ' ') memcpy(marked + n, UTF8_SPACE_MARK, mark);
        else marked[n] = *text;
        n += *text == ' ' ? mark : 1;
    }
    return sp_find(m, marked, n);
}

static omn_status stream_push(const void *self, void *state, int32_t code, bool end, omn_buf *out,
                              omn_error *err)
{
    const codec *k = self;
    _Static_assert(sizeof(sp_stream) <= 64, "a stream's state must fit into the caller's 64 bytes");
    omn_status st = OMN_OK;
    if (code >= 0) st = sp_stream_put(k->model, state, code, out, err); /* -1 with end: no code */
    if (st == OMN_OK && end) st = sp_stream_end(k->model, state, out, err);
    return st;
}

static const omn_stream_impl stream_impl = { stream_push };

static omn_status spell(const void *self, int32_t id, bool first, omn_buf *out, omn_spelt *what,
                        omn_error *err)
{
    *what = sp_spell(((const codec *)self)->model, id, first, out);
    return out->failed ? omn_fail(err, OMN_ERR_MEMORY, "no memory for the text of a piece")
                       : OMN_OK;
}

static const omn_spelling_impl spelling_impl = { spell };

static const void *codec_extension(const char *id)
{
    if (strcmp(id, "omnio.spelling/1") == 0) return &spelling_impl;
    return strcmp(id, "omnio.stream/1") == 0 ? &stream_impl : NULL;
}

static const omn_codec_impl impl = {
    .extension = codec_extension,
    .speaks = "text",
    .open = codec_open,
    .close = codec_close,
    .encode = codec_encode,
    .decode = codec_decode,
    .pieces = codec_pieces,
    .piece = codec_piece,
};
static const omn_object objects[] = {
    { "omnio.codec/1", "text.sentencepiece", "text as the ids of a SentencePiece model and back",
      &impl, OMN_OBJECT_PARAMS(sentencepiece) },
};
OMN_PLUGIN("sentencepiece", "1.0", "Apache-2.0", "SentencePiece tokenizers, BPE and unigram",
           objects);
