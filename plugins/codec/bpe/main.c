/* SPDX-License-Identifier: Apache-2.0 */
/* The codec "text.bpe": byte pair encoding over bytes, behind the omnio.codec/1 door. */
#include "bpe.h"

#include <omnio/kinds.h>

#include <stdlib.h>
#include <string.h>

#define BPE(PAR, S)                                                                                \
    PAR(S, path, file, "bpe_simple_vocab_16e6.txt.gz", NULL, NULL,                                 \
        "the list of merges, as it is or packed by gzip; of style json tokenizer.json")            \
    PAR(S, choice, style, "clip", "clip|gpt2|roberta|json", NULL,                                  \
        "how a text is cleaned and cut, and which names are ids; json: the file says it")          \
    PAR(S, int, pieces, "0", "0..16777216", NULL, "ids of the vocabulary; 0: as there are")   \
    PAR(S, path, vocabulary, "", NULL, NULL,                                                       \
        "JSON object of pieces with their ids (vocab.json, encoder.json); empty: in the order of " \
        "the list")                                                                                \
    PAR(S, path, dictionary, "", NULL, NULL,                                                       \
        "fairseq's dict.txt, whose symbols are the vocabulary's ids; empty: none")                 \
    PAR(S, string, added, "", NULL, NULL,                                                          \
        "names that get ids behind the last: <mask>,<bin_0..999>")                                 \
    PAR(S, bool, added_read, "true", NULL, NULL, "such a name in a text is its id")                \
    PAR(S, bool, added_blanks, "false", NULL, NULL, "... with the blanks in front of it")          \
    PAR(S, bool, added_silent, "false", NULL, NULL, "decoding leaves them out")
OMN_PARAMS(bpe_codec, BPE);

typedef struct files {
    bpe_file file[3];                   /* merges, vocabulary, dictionary */
    char *bytes[3];
} files;

static omn_status read_files(files *f, omn_open *o, const struct bpe_codec *p, omn_error *err)
{
    const char *const name[3] = { p->file, p->vocabulary, p->dictionary };
    for (int i = 0; i < 3; i++) {
        const char *beside = o && *name[i] ? omn_open_file(o, name[i], false) : NULL;
        f->file[i].name = beside ? beside : name[i];
        if (!*name[i]) continue;
        const omn_status st = omn_file_read(f->file[i].name, BPE_MOST_BYTES, &f->bytes[i],
                                            &f->file[i].n, err);
        if (st != OMN_OK) return st;
        f->file[i].bytes = f->bytes[i];
    }
    return OMN_OK;
}

enum { JSON = 3 };
static const char *const styles[] = { "clip", "gpt2", "roberta" };

static omn_status read_vocabulary(const struct bpe_codec *p, const bpe_file *f, bpe **out,
                                  omn_error *err)
{
    if (p->style == JSON && (f[1].bytes || f[2].bytes))
        return omn_fail(err, OMN_ERR_CONFIG,
                        "style json has all in one file: no vocabulary and no dictionary");
    if (p->style == JSON) return bpe_open_tokenizer(&f[0], out, err);
    if (f[1].bytes) return bpe_open_vocabulary(&f[1], &f[0], &f[2], styles[p->style], out, err);
    if (f[2].bytes || !strcmp(styles[p->style], bpe_roberta.name))
        return omn_fail(err, OMN_ERR_CONFIG, "style %s and a dictionary want a vocabulary (%s)",
                        bpe_roberta.name, "vocab.json, encoder.json");
    const omn_status st = bpe_open(f[0].bytes, f[0].n, styles[p->style], p->pieces, out, err);
    if (st != OMN_OK) omn_error_prefix(err, "%s", f[0].name);
    return st;
}

static omn_status codec_open(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    const struct bpe_codec *p = params;
    const unsigned how = (p->added_read ? BPE_RAW : 0u) | (p->added_blanks ? BPE_LEFT : 0u) |
                         (p->added_silent ? BPE_SILENT : 0u);
    omn_status st = OMN_OK;
    files f = { 0 };
    bpe *b = NULL;
    (void)c;
    OMN_TRY(read_files(&f, o, p, err));
    st = read_vocabulary(p, f.file, &b, err);
    *self = b;
    OMN_TRY(st);
    OMN_TRY(bpe_mark_list(b, p->added, how, err));
    OMN_TRY(bpe_marks_done(b, err));
    if (p->pieces > 0 && b->pieces != p->pieces)
        st = omn_fail(err, OMN_ERR_DATA,
                      "%s: %d ids, the model has %d: another file belongs to it", f.file[0].name,
                      (int)b->pieces, p->pieces);
done:
    for (int i = 0; i < 3; i++) free(f.bytes[i]);
    return st;
}

static void codec_close(void *self) { bpe_close(self); }

static omn_status codec_encode(const void *self, const char *text, size_t n, int32_t *ids,
                               size_t most, size_t *count, omn_error *err)
{
    bpe_ids all = { 0 };
    omn_status st = bpe_encode(self, text, n, &all, err);
    *count = all.n;
    if (st == OMN_OK && all.n > most)
        st = omn_fail(err, OMN_ERR_DATA, "the text has %zu tokens, at most %zu are possible here",
                      all.n, most);
    if (st == OMN_OK && all.n) memcpy(ids, all.id, all.n * sizeof *ids);
    free(all.id);
    return st;
}

static omn_status codec_decode(const void *self, const int32_t *ids, size_t n, omn_buf *out,
                               omn_error *err)
{
    return bpe_decode(self, ids, n, out, err);
}

static int32_t codec_pieces(const void *self) { return ((const bpe *)self)->pieces; }

/* A mark, or bytes that are one symbol: with a blank behind them one that ends a word. */
static int32_t codec_piece(const void *self, const char *text)
{
    const bpe *b = self;
    const bpe_mark *m = bpe_mark_named(b, text);
    if (m) return m->id;
    const size_t n = strlen(text);
    const bool ends = b->style->ends && n > 1 && text[n - 1] == ' ';
    const int32_t y = n ? bpe_find(b, text, ends ? n - 1 : n, ends) : -1;
    return y < 0 ? -1 : b->symbol[y].id;
}

static omn_status stream_push(const void *self, void *state, int32_t id, bool end, omn_buf *out,
                              omn_error *err)
{
    _Static_assert(sizeof(bpe_stream) <= 64, "a stream's state fits into the caller's 64 bytes");
    return bpe_stream_put(self, state, id, end, out, err);
}

static omn_status spell(const void *self, int32_t id, bool first, omn_buf *out, omn_spelt *what,
                        omn_error *err)
{
    const bpe *b = self;
    (void)first;
    const bool any = bpe_bytes(b, id, out);
    *what = !any ? OMN_SPELT_NONE : b->of_id[id] < 0 ? OMN_SPELT_MARK : OMN_SPELT_TEXT;
    return out->failed ? omn_fail(err, OMN_ERR_MEMORY, "no memory for the text of a piece")
                       : OMN_OK;
}

static const void *codec_extension(const char *id)
{
    static const omn_stream_impl stream = { stream_push };
    static const omn_spelling_impl spelling = { spell };
    if (!strcmp(id, "omnio.spelling/1")) return &spelling;
    return strcmp(id, "omnio.stream/1") ? NULL : (const void *)&stream;
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
    { "omnio.codec/1", "text.bpe", "text as the ids of a list of merges of bytes, and back", &impl,
      OMN_OBJECT_PARAMS(bpe_codec) },
};
OMN_PLUGIN("codec-bpe", "0.1.0", "Apache-2.0", "byte pair encoding over bytes", objects);
