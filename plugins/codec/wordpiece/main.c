/* SPDX-License-Identifier: Apache-2.0 */
/* codec text.wordpiece: BERT's tokenizer (Devlin et al. 2019). A text is cut at white space and at
 * punctuation, brought to small letters without marks where the model is uncased, and each word is
 * taken apart into the longest pieces that the list has, those inside of a word with "##" in
 * front; a word that cannot be is [UNK]. The list is vocab.txt, a piece on each line. A list of
 * whole words serves as well: its marks may be __unk__ and its like. */
#include "wordpiece.h"

#include <stdlib.h>
#include <string.h>

#define WORDPIECE(PAR, S)                                                                          \
    PAR(S, string, file, "vocab.txt", NULL, NULL, "the pieces, one on each line")                  \
    PAR(S, bool, lower, "true", NULL, NULL, "small letters without marks")                         \
    PAR(S, int, pieces, "0", "0..16777216", NULL, "how many the model has; 0: as many as there "   \
        "are")                                                                                     \
    PAR(S, choice, marks, "brackets", "brackets|underscores", NULL,                                \
        "pieces that are no text: [UNK] and its like, or __unk__")                                 \
    PAR(S, string, keep, "", NULL, NULL,                                                           \
        "a piece that is no text, as [SEP], and is meant where it stands in one; empty: none")
OMN_PARAMS(wordpiece, WORDPIECE);
enum { MARKS_BRACKETS, MARKS_UNDERSCORES };

#define MOST_FILE ((size_t)1 << 28)
enum { MOST_WORD = 100 };                 /* characters of a word that is not unknown */

static int by_name(const void *a, const void *b)
{
    const wordpiece_piece *x = a, *y = b;
    const size_t n = x->n < y->n ? x->n : y->n;
    const int c = memcmp(x->text, y->text, n);
    if (c) return c;
    return x->n == y->n ? (x->id > y->id) - (x->id < y->id) : x->n < y->n ? -1 : 1;
}

int32_t wordpiece_find(const wordpiece_list *l, const char *text, size_t n)
{
    size_t lo = 0, hi = l->n;
    while (lo < hi) {
        const size_t at = lo + (hi - lo) / 2;
        const wordpiece_piece *p = &l->sorted[at];
        const size_t m = p->n < n ? p->n : n;
        int c = memcmp(p->text, text, m);
        if (!c) c = (p->n > n) - (p->n < n);
        if (!c) return p->id;
        if (c < 0) lo = at + 1;
        else hi = at;
    }
    return -1;
}

static omn_status read_list(wordpiece_list *l, const char *path, omn_error *err)
{
    size_t size = 0, lines = 1;
    const omn_status st = omn_file_read(path, MOST_FILE, &l->bytes, &size, err);
    if (st != OMN_OK) return st;
    for (size_t i = 0; i < size; i++) lines += l->bytes[i] == '\n';
    l->sorted = calloc(lines, sizeof *l->sorted);
    l->of_id = calloc(lines, sizeof *l->of_id);
    if (!l->sorted || !l->of_id) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", path);
    for (char *line = l->bytes, *end = line + size; line < end;) {
        char *stop = memchr(line, '\n', (size_t)(end - line)), *next = stop ? stop + 1 : end;
        if (!stop) stop = end;
        if (stop > line && stop[-1] == '\r') stop--;
        l->sorted[l->n] = l->of_id[l->n] =
            (wordpiece_piece){ line, (size_t)(stop - line), (int32_t)l->n };
        l->n++;
        line = next;
    }
    qsort(l->sorted, l->n, sizeof *l->sorted, by_name);
    for (size_t i = 1; i < l->n; i++)
        if (l->sorted[i].n == l->sorted[i - 1].n &&
            !memcmp(l->sorted[i].text, l->sorted[i - 1].text, l->sorted[i].n))
            return omn_fail(err, OMN_ERR_DATA, "%s: lines %d and %d are the same piece", path,
                            (int)l->sorted[i - 1].id + 1, (int)l->sorted[i].id + 1);
    const char *unknown = l->underscores ? "__unk__" : "[UNK]";
    l->unknown = wordpiece_find(l, unknown, strlen(unknown));
    if (l->unknown < 0)
        return omn_fail(err, OMN_ERR_DATA, "%s: it has no %s; a list of %s is wanted", path,
                        unknown, l->underscores ? "words, one on each line," : "BERT's pieces");
    return OMN_OK;
}

static omn_status codec_open(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    const struct wordpiece *p = params;
    (void)c;
    wordpiece_list *l = calloc(1, sizeof *l);
    if (!l) return omn_fail(err, OMN_ERR_MEMORY, "text.wordpiece: out of memory");
    *self = l;
    l->lower = p->lower;
    l->underscores = p->marks == MARKS_UNDERSCORES;
    const char *path = omn_open_file(o, p->file, true);
    if (!path) return omn_fail(err, OMN_ERR_MISSING, "text.wordpiece: there is no %s", p->file);
    const omn_status st = read_list(l, path, err);
    if (st != OMN_OK) return st;
    l->keep = p->keep;
    l->kept = p->keep[0] ? wordpiece_find(l, p->keep, strlen(p->keep)) : -1;
    if (p->keep[0] && l->kept < 0)
        return omn_fail(err, OMN_ERR_DATA, "%s: it has no %s", p->file, p->keep);
    if (p->pieces && (size_t)p->pieces < l->n)
        return omn_fail(err, OMN_ERR_DATA, "%s: %zu pieces, the model has %d: another file belongs "
                        "to it", p->file, l->n, p->pieces);
    return OMN_OK;
}

static void codec_close(void *self)
{
    wordpiece_list *l = self;
    if (!l) return;
    free(l->bytes);
    free(l->sorted);
    free(l->of_id);
    free(l);
}

/* ---- encoding -------------------------------------------------------------------------------- */

typedef struct ids { int32_t *to; size_t most, n; } ids;

static void put(ids *o, int32_t id)
{
    if (o->n < o->most) o->to[o->n] = id;
    o->n++;
}

/* One word, its characters' ends in `end`, as the longest pieces from the left. */
static void pieces_of(const wordpiece_list *l, const char *word, const size_t *end, size_t n,
                      ids *o)
{
    char inside[2 + 4 * MOST_WORD] = "##";
    int32_t found[MOST_WORD];
    size_t count = 0;
    if (n > MOST_WORD) {
        put(o, l->unknown);
        return;
    }
    for (size_t i = 0; i < n;) {
        const size_t from = i ? end[i - 1] : 0;
        int32_t id = -1;
        size_t k = n;
        for (; k > i && id < 0; k--) {
            const size_t m = end[k - 1] - from;
            memcpy(inside + 2, word + from, m);
            id = i ? wordpiece_find(l, inside, m + 2) : wordpiece_find(l, word, m);
        }
        if (id < 0) {
            put(o, l->unknown);
            return;
        }
        found[count++] = id;
        i = k + 1;
    }
    for (size_t i = 0; i < count; i++) put(o, found[i]);
}

typedef struct walk { const wordpiece_list *l; ids *o; } walk;

static void on_word(void *user, const char *word, const size_t *end, size_t n)
{
    const walk *w = user;
    pieces_of(w->l, word, end, n, w->o);
}

/* Where the piece that is kept stands next; n: nowhere. */
static size_t next_kept(const wordpiece_list *l, const char *text, size_t from, size_t n)
{
    const size_t m = strlen(l->keep);
    for (size_t i = from; m <= n && i <= n - m; i++)
        if (!memcmp(text + i, l->keep, m)) return i;
    return n;
}

static omn_status codec_encode(const void *self, const char *text, size_t n, int32_t *to,
                               size_t most, size_t *count, omn_error *err)
{
    const wordpiece_list *l = self;
    ids o = { to, most, 0 };
    walk w = { l, &o };
    omn_status st = OMN_OK;
    for (size_t from = 0; from <= n && st == OMN_OK;) {
        const size_t end = l->kept < 0 ? n : next_kept(l, text, from, n);
        st = wordpiece_words(text + from, end - from, l->lower, on_word, &w, err);
        if (end < n) put(&o, l->kept);
        from = end < n ? end + strlen(l->keep) : n + 1;
    }
    *count = o.n;
    if (st != OMN_OK || o.n <= most) return st;
    return omn_fail(err, OMN_ERR_DATA, "the text has %zu tokens, at most %zu are possible here",
                    o.n, most);
}

/* ---- decoding -------------------------------------------------------------------------------- */

/* [CLS] and its like, or __cls__. */
static bool is_mark(const wordpiece_list *l, const wordpiece_piece *p)
{
    if (l->underscores)
        return p->n > 4 && !memcmp(p->text, "__", 2) && !memcmp(p->text + p->n - 2, "__", 2);
    return p->n > 2 && p->text[0] == '[' && p->text[p->n - 1] == ']';
}

static bool add(const wordpiece_list *l, int32_t id, bool first, omn_buf *out)
{
    if (id < 0 || (size_t)id >= l->n) return false;
    const wordpiece_piece *p = &l->of_id[id];
    const bool inside = p->n > 2 && p->text[0] == '#' && p->text[1] == '#';
    if (!inside && !first) omn_buf_puts(out, " ");
    omn_buf_put(out, p->text + (inside ? 2 : 0), p->n - (inside ? 2 : 0));
    return true;
}

static omn_status codec_decode(const void *self, const int32_t *list, size_t n, omn_buf *out,
                               omn_error *err)
{
    const wordpiece_list *l = self;
    bool first = true;
    for (size_t i = 0; i < n; i++)
        if (list[i] >= 0 && (size_t)list[i] < l->n && !is_mark(l, &l->of_id[list[i]]))
            first &= !add(l, list[i], first, out);
    return out->failed ? omn_fail(err, OMN_ERR_MEMORY, "text.wordpiece: out of memory") : OMN_OK;
}

static int32_t codec_pieces(const void *self) { return (int32_t)((const wordpiece_list *)self)->n; }

static int32_t codec_piece(const void *self, const char *text)
{
    return wordpiece_find(self, text, strlen(text));
}

static omn_status spell(const void *self, int32_t id, bool first, omn_buf *out, omn_spelt *what,
                        omn_error *err)
{
    const wordpiece_list *l = self;
    const bool mark = id >= 0 && (size_t)id < l->n && is_mark(l, &l->of_id[id]);
    *what = !mark && add(l, id, first, out) ? OMN_SPELT_TEXT : OMN_SPELT_NONE;
    return out->failed ? omn_fail(err, OMN_ERR_MEMORY, "no memory for the text of a piece")
                       : OMN_OK;
}

static const void *extension(const char *id)
{
    static const omn_spelling_impl spelling = { spell };
    return strcmp(id, "omnio.spelling/1") ? NULL : &spelling;
}

static const omn_codec_impl impl = {
    .extension = extension,
    .speaks = "text",
    .open = codec_open,
    .close = codec_close,
    .encode = codec_encode,
    .decode = codec_decode,
    .pieces = codec_pieces,
    .piece = codec_piece,
};
static const omn_object objects[] = {
    { "omnio.codec/1", "text.wordpiece", "text as the ids of BERT's pieces of words", &impl,
      OMN_OBJECT_PARAMS(wordpiece) },
};
OMN_PLUGIN("codec-wordpiece", "0.1.0", "Apache-2.0", "pieces of words as BERT has them", objects);
