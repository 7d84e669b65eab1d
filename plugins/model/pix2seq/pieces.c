/* SPDX-License-Identifier: Apache-2.0 */
/* codec text.pix2seq: what is asked, as the ids that stand for it (prompt.c), and every other text
 * as the pieces of a SentencePiece model behind the other ids of the vocabulary.
 * What is no piece is the nearest one when it is read as text, as the original clips it: an id
 * below them the first, which is padding and says nothing. A model that only looks for places has
 * no pieces and reads no text. */
#include "answers.h"

#include <stdlib.h>
#include <string.h>

typedef struct self {
    const struct p2s_pieces *p;
    const omn_part *pieces;         /* NULL: there are none */
    int32_t n;
    p2s_ids ids;
    categories names;
} self;

/* The names of classes, with blanks again. */
static omn_status read_names(self *k, omn_error *err)
{
    char *list = strdup(k->p->labels);
    if (!list) return omn_fail(err, OMN_ERR_MEMORY, "text.pix2seq: out of memory");
    for (char *c = list; *c; c++)
        if (*c == P2S_BLANK) *c = ' ';
    const omn_status st = categories_open(&k->names, list, err);
    free(list);
    return st;
}

static omn_status open_pieces(omn_call *c, const void *params, omn_open *o, void **out,
                              omn_error *err)
{
    (void)c;
    self *k = calloc(1, sizeof *k);
    if (!k) return omn_fail(err, OMN_ERR_MEMORY, "text.pix2seq: out of memory");
    *out = k;
    k->p = params;
    k->pieces = omn_open_find(o, "pieces");
    k->n = k->pieces ? omn_codec_pieces(k->pieces) : 0;
    if (k->pieces && (k->n < 1 || k->n > k->p->rows - k->p->shift))
        omn_open_fail(o, OMN_ERR_DATA,
                      "the tokenizer has %d pieces, the model room for %d behind its other %d ids: "
                      "they do not belong together", (int)k->n, k->p->rows - k->p->shift,
                      k->p->shift);
    k->ids = (p2s_ids){ .coords = k->p->coords, .bins = k->p->bins, .text = k->p->shift,
                        .rows = k->p->rows };
    return read_names(k, err);
}

static void close_pieces(void *in)
{
    self *k = in;
    if (k) categories_close(&k->names);
    free(k);
}

static omn_status need(const self *k, omn_error *err)
{
    return k->pieces ? OMN_OK
                     : omn_fail(err, OMN_ERR_MISSING,
                                "the model's folder has no c4_en_32k_spm.model: copy the "
                                "SentencePiece file that belongs to these weights there");
}

static omn_status encode(const void *in, const char *text, size_t n, int32_t *ids, size_t most,
                         size_t *count, omn_error *err)
{
    const self *k = in;
    int32_t asked[P2S_MOST_PROMPT];
    *count = 0;
    if (!n) return OMN_OK;
    if (p2s_prompt_ids(&k->ids, &k->names, text, n, asked, count, NULL) == OMN_OK) {
        if (*count > most)
            return omn_fail(err, OMN_ERR_DATA, "a prompt has %zu ids, there is room for %zu",
                            *count, most);
        memcpy(ids, asked, *count * sizeof *ids);
        return OMN_OK;
    }
    omn_status st = need(k, err);
    if (st == OMN_OK) st = omn_codec_encode(k->pieces, text, n, ids, most, count, err);
    for (size_t i = 0; st == OMN_OK && i < *count; i++) ids[i] += k->p->shift;
    return st;
}

/* The piece that an id is read as. */
static int32_t piece_of(const self *k, int32_t id)
{
    const int64_t x = id == P2S_END ? 0 : (int64_t)id - k->p->shift;
    return x < 0 ? 0 : x >= k->n ? k->n - 1 : (int32_t)x;
}

static omn_status decode(const void *in, const int32_t *ids, size_t n, omn_buf *out,
                         omn_error *err)
{
    const self *k = in;
    if (!k->pieces) return OMN_OK;
    int32_t *list = malloc((n + 1) * sizeof *list);
    if (!list) return omn_fail(err, OMN_ERR_MEMORY, "text.pix2seq: out of memory");
    for (size_t i = 0; i < n; i++) list[i] = piece_of(k, ids[i]);
    const omn_status st = omn_codec_decode(k->pieces, list, n, out, err);
    free(list);
    return st;
}

static int32_t pieces(const void *in)
{
    return ((const self *)in)->p->rows;
}

static int32_t piece(const void *in, const char *text)
{
    const self *k = in;
    const int32_t id = k->pieces ? omn_codec_piece(k->pieces, text) : -1;
    return id < 0 ? -1 : id + k->p->shift;
}

static omn_status push(const void *in, void *state, int32_t id, bool end, omn_buf *out,
                       omn_error *err)
{
    const self *k = in;
    if (!k->pieces) return OMN_OK;
    return omn_codec_stream(k->pieces, state, id < 0 ? id : piece_of(k, id), end, out, err);
}

static omn_status spell(const void *in, int32_t id, bool first, omn_buf *out, omn_spelt *what,
                        omn_error *err)
{
    const self *k = in;
    *what = OMN_SPELT_NONE;
    if (!k->pieces || id < k->p->shift || id - k->p->shift >= k->n) return OMN_OK;
    return omn_part_spell(k->pieces, id - k->p->shift, first, out, what, err);
}

static const void *extension(const char *id)
{
    static const omn_stream_impl stream = { push };
    static const omn_spelling_impl spelling = { spell };
    if (!strcmp(id, "omnio.stream/1")) return &stream;
    return strcmp(id, "omnio.spelling/1") ? NULL : (const void *)&spelling;
}

bool p2s_pieces_known(const omn_part *codec)
{
    const void *impl = NULL;
    const self *k = omn_part_self(codec, "omnio.codec/1", &impl);
    return impl == &p2s_pieces_impl && k && k->pieces;
}

const p2s_ids *p2s_ids_known(const omn_part *codec, const categories **names)
{
    const void *impl = NULL;
    const self *k = omn_part_self(codec, "omnio.codec/1", &impl);
    if (impl != &p2s_pieces_impl || !k) return NULL;
    *names = &k->names;
    return &k->ids;
}

const omn_codec_impl p2s_pieces_impl = { extension, "text", open_pieces, close_pieces, encode,
                                         decode,    pieces, piece,       NULL,         NULL };
