/* SPDX-License-Identifier: Apache-2.0 */
/* The codec "text.bpe": byte pair encoding over bytes, behind the omnio.codec/1 door. */
#include "bpe.h"

#include <omnio/kinds.h>

#include <stdlib.h>
#include <string.h>

#define BPE(PAR, S)                                                                                \
    PAR(S, path, file, "bpe_simple_vocab_16e6.txt.gz", NULL, NULL,                                 \
        "the list of merges, as it is or packed by gzip")                                          \
    PAR(S, choice, style, "clip", "clip", NULL, "how a text is cleaned and cut")                   \
    PAR(S, int, pieces, "0", "0..16777216", NULL, "ids of the vocabulary; 0: as the list has them")
OMN_PARAMS(bpe_codec, BPE);

#define MOST_FILE ((size_t)1 << 26)

static omn_status codec_open(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    static const char *const styles[] = { "clip" };
    const struct bpe_codec *p = params;
    omn_status st = OMN_OK;
    bpe *b = NULL;
    char *bytes = NULL;
    size_t n = 0;
    (void)c;
    const char *beside = o ? omn_open_file(o, p->file, false) : NULL;
    const char *path = beside ? beside : p->file;
    OMN_TRY(omn_file_read(path, MOST_FILE, &bytes, &n, err));
    st = bpe_open(bytes, n, styles[p->style], p->pieces, &b, err);
    *self = b;
    if (st != OMN_OK) omn_error_prefix(err, "%s", path);
done:
    free(bytes);
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
    for (int i = 0; i < 2; i++)
        if (!strcmp(b->marks[i].text, text)) return b->marks[i].id;
    const size_t n = strlen(text);
    const bool ends = b->style->ends && n > 1 && text[n - 1] == ' ';
    const int32_t y = n ? bpe_find(b, text, ends ? n - 1 : n, ends) : -1;
    return y < 0 ? -1 : b->symbol[y].id;
}

static const omn_codec_impl impl = {
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
