/* SPDX-License-Identifier: Apache-2.0 */
/* Texts to ids. In one pass the pair that stands first in the list is merged wherever it
 * is, left before right; what a pass makes is looked at in the next. A heap finds the pair, so that
 * a word of a million letters takes no longer than its share. */
#include "bpe.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* ---- one word -------------------------------------------------------------------------------- */

typedef struct joint { int32_t rank, at, left, right, made; } joint;

typedef struct word {
    int32_t *symbol, *next, *before;    /* a row; -1 ends it; symbol -1: merged into another */
    int32_t n;
    joint *heap, *fresh;                /* by rank and place; those that this pass has made */
    size_t count, made;
    size_t room;                        /* of bytes, of all */
} word;

static void word_fini(word *w)
{
    free(w->symbol);
    free(w->heap);
    *w = (word){ 0 };
}

static bool word_room(word *w, size_t n)
{
    if (n <= w->room) return true;
    word_fini(w);
    if (n > INT32_MAX / 2) return false;
    w->symbol = calloc(n, 3 * sizeof *w->symbol);
    w->heap = calloc(n, 5 * sizeof *w->heap);
    if (!w->symbol || !w->heap) return false;
    w->next = w->symbol + n;
    w->before = w->next + n;
    w->fresh = w->heap + 3 * n;          /* every merge makes two at most and ends one symbol */
    w->room = n;
    return true;
}

static bool less(const joint *a, const joint *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->at < b->at;
}

static void push(word *w, joint j)
{
    size_t i = w->count++;
    for (; i > 0 && less(&j, &w->heap[(i - 1) / 2]); i = (i - 1) / 2)
        w->heap[i] = w->heap[(i - 1) / 2];
    w->heap[i] = j;
}

static joint pop(word *w)
{
    const joint top = w->heap[0], last = w->heap[--w->count];
    size_t i = 0;
    for (size_t k; (k = 2 * i + 1) < w->count; i = k) {
        if (k + 1 < w->count && less(&w->heap[k + 1], &w->heap[k])) k++;
        if (!less(&w->heap[k], &last)) break;
        w->heap[i] = w->heap[k];
    }
    w->heap[i] = last;
    return top;
}

/* The pair at `at` and what is behind it, if it is in the list. */
static bool joint_at(const bpe *b, const word *w, int32_t at, joint *j)
{
    const int32_t next = at >= 0 ? w->next[at] : -1;
    const bpe_pair *p = next >= 0 ? bpe_pair_of(b, w->symbol[at], w->symbol[next]) : NULL;
    if (p) *j = (joint){ p->rank, at, p->left, p->right, p->made };
    return p != NULL;
}

static void merge(const bpe *b, word *w, const joint *j)
{
    const int32_t gone = w->next[j->at], behind = w->next[gone];
    joint made;
    w->symbol[j->at] = j->made;
    w->symbol[gone] = -1;
    w->next[j->at] = behind;
    if (behind >= 0) w->before[behind] = j->at;
    if (joint_at(b, w, w->before[j->at], &made)) w->fresh[w->made++] = made;
    if (joint_at(b, w, j->at, &made)) w->fresh[w->made++] = made;
}

static bool still(const word *w, const joint *j)
{
    const int32_t next = w->next[j->at];
    return w->symbol[j->at] == j->left && next >= 0 && w->symbol[next] == j->right;
}

/* Symbols of the word's bytes, merged until nothing is left to merge. */
static void merge_all(const bpe *b, word *w)
{
    joint j;
    w->count = w->made = 0;
    for (int32_t i = 0; i + 1 < w->n; i++)
        if (joint_at(b, w, i, &j)) push(w, j);
    while (w->count) {
        const int32_t rank = w->heap[0].rank;
        while (w->count && w->heap[0].rank == rank) {
            j = pop(w);
            if (still(w, &j)) merge(b, w, &j);
        }
        for (size_t i = 0; i < w->made; i++) push(w, w->fresh[i]);
        w->made = 0;
    }
}

static void put(bpe_ids *out, int32_t id)
{
    if (out->failed) return;
    if (out->n == out->room) {
        const size_t room = out->room ? 2 * out->room : 64;
        int32_t *more = realloc(out->id, room * sizeof *more);
        if (!more) {
            out->failed = true;
            return;
        }
        out->id = more;
        out->room = room;
    }
    out->id[out->n++] = id;
}

static void put_word(const bpe *b, word *w, const char *bytes, size_t n, bpe_ids *out)
{
    if (!n) return;
    if (!word_room(w, n)) {
        out->failed = true;
        return;
    }
    w->n = (int32_t)n;
    for (int32_t i = 0; i < w->n; i++) {
        const bool last = b->style->ends && i + 1 == w->n;
        w->symbol[i] = b->single[last][(uint8_t)bytes[i]];
        w->next[i] = i + 1 < w->n ? i + 1 : -1;
        w->before[i] = i - 1;
    }
    const int32_t known = b->whole ? bpe_find(b, bytes, n, false) : -1;
    if (known >= 0) {
        put(out, b->symbol[known].id);
        return;
    }
    merge_all(b, w);
    for (int32_t i = 0; i >= 0; i = w->next[i]) put(out, b->symbol[w->symbol[i]].id);
}

/* ---- texts ----------------------------------------------------------------------------------- */

typedef struct encoder {
    const bpe *b;
    word w;
    omn_buf bytes;
    bpe_ids *out;
} encoder;

static void word_at(encoder *e, const points *p, size_t from, size_t end)
{
    e->bytes.length = 0;
    for (size_t i = from; i < end; i++) points_utf8(p->at[i], &e->bytes);
    if (e->bytes.failed) e->out->failed = true;
    else put_word(e->b, &e->w, e->bytes.data, e->bytes.length, e->out);
}

/* The whole text is cleaned; a mark is one where a word may begin. */
static void marks_among_words(encoder *e, points *p)
{
    const bpe *b = e->b;
    if (b->clean) b->clean(p);
    for (size_t i = 0; i < p->n && !p->failed && !e->out->failed;) {
        bool is_word = false;
        const bpe_mark *m = bpe_mark_at(b, p, i, p->n, BPE_RAW | BPE_CLEAN);
        const size_t end = m ? i + m->points : b->word(p, i, p->n, &is_word);
        if (m) put(e->out, m->id);
        if (is_word) word_at(e, p, i, end);
        i = end;
    }
}

static void words_of(encoder *e, const points *p, size_t from, size_t to)
{
    for (size_t i = from; i < to && !e->out->failed;) {
        bool is_word = false;
        const size_t end = e->b->word(p, i, to, &is_word);
        if (is_word) word_at(e, p, i, end);
        i = end;
    }
}

typedef void span_fn(encoder *e, const points *p, size_t from, size_t to);

/* What is found is cut out of the text, what stands between is handed on. */
static void cut_marks(encoder *e, const points *p, unsigned how, span_fn *between)
{
    size_t done = 0;
    for (size_t i = 0; i < p->n && !e->out->failed;) {
        const bpe_mark *m = bpe_mark_at(e->b, p, i, p->n, how);
        if (!m) {
            i++;
            continue;
        }
        size_t from = i, to = i + m->points;
        while (m->how & BPE_LEFT && from > done && point_is_blank(p->at[from - 1])) from--;
        while (m->how & BPE_RIGHT && to < p->n && point_is_blank(p->at[to])) to++;
        if (from > done) between(e, p, done, from);
        put(e->out, m->id);
        /* blanks that it takes along may be a mark as well, which is found nevertheless */
        done = to;
        i += m->points;
    }
    if (p->n > done) between(e, p, done, p->n);
}

/* Between the marks of a text that was cleaned. */
static void clean_span(encoder *e, const points *p, size_t from, size_t to)
{
    points own = { 0 };
    if (!e->b->prefix || p->at[from] == ' ') {
        words_of(e, p, from, to);
        return;
    }
    points_put(&own, ' ');
    for (size_t i = from; i < to; i++) points_put(&own, p->at[i]);
    if (own.failed) e->out->failed = true;
    else words_of(e, &own, 0, own.n);
    points_fini(&own);
}

/* Between those of a text as it comes. */
static void raw_span(encoder *e, const points *p, size_t from, size_t to)
{
    points own = { 0 };
    for (size_t i = from; i < to; i++) points_put(&own, p->at[i]);
    if (e->b->clean) e->b->clean(&own);
    if (own.failed) e->out->failed = true;
    else cut_marks(e, &own, BPE_CLEAN, clean_span);
    points_fini(&own);
}

omn_status bpe_encode(const bpe *b, const char *text, size_t n, bpe_ids *out, omn_error *err)
{
    points p = { 0 };
    encoder e = { .b = b, .out = out };
    omn_buf_init(&e.bytes, (size_t)1 << 30);
    points_read(&p, text, n);
    if (b->style->apart) cut_marks(&e, &p, BPE_RAW, raw_span);
    else marks_among_words(&e, &p);
    if (p.failed) out->failed = true;
    points_fini(&p);
    word_fini(&e.w);
    omn_buf_fini(&e.bytes);
    return out->failed ? omn_fail(err, OMN_ERR_MEMORY, "a text: out of memory") : OMN_OK;
}
