/* SPDX-License-Identifier: Apache-2.0 */
/* Words to ids and back. In one pass the pair that stands first in the list is merged wherever it
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
    merge_all(b, w);
    for (int32_t i = 0; i >= 0; i = w->next[i]) put(out, b->symbol[w->symbol[i]].id);
}

/* ---- texts ----------------------------------------------------------------------------------- */

/* A mark of the style at i: its length, and its id. */
static size_t mark_at(const bpe *b, const points *p, size_t i, int32_t *id)
{
    for (int k = 0; k < 2; k++) {
        const size_t n = strlen(b->marks[k].text);
        size_t same = 0;
        while (same < n && i + same < p->n && p->at[i + same] == b->marks[k].text[same]) same++;
        if (same < n) continue;
        *id = b->marks[k].id;
        return n;
    }
    return 0;
}

omn_status bpe_encode(const bpe *b, const char *text, size_t n, bpe_ids *out, omn_error *err)
{
    points p = { 0 };
    word w = { 0 };
    omn_buf bytes;
    omn_buf_init(&bytes, (size_t)1 << 30);
    points_read(&p, text, n);
    b->style->clean(&p);
    for (size_t i = 0; i < p.n && !p.failed && !out->failed && !bytes.failed;) {
        int32_t id = 0;
        bool is_word = false;
        const size_t mark = mark_at(b, &p, i, &id);
        if (mark) put(out, id);
        const size_t end = mark ? i + mark : b->style->word(&p, i, &is_word);
        if (is_word) {
            bytes.length = 0;
            for (; i < end; i++) points_utf8(p.at[i], &bytes);
            put_word(b, &w, bytes.data, bytes.length, out);
        }
        i = end;
    }
    if (bytes.failed) out->failed = true;
    if (p.failed) out->failed = true;
    points_fini(&p);
    word_fini(&w);
    omn_buf_fini(&bytes);
    return out->failed ? omn_fail(err, OMN_ERR_MEMORY, "a text: out of memory") : OMN_OK;
}

omn_status bpe_decode(const bpe *b, const int32_t *ids, size_t n, omn_buf *out, omn_error *err)
{
    points p = { 0 };
    omn_buf raw;
    omn_buf_init(&raw, (size_t)1 << 30);
    for (size_t i = 0; i < n; i++) {
        if (ids[i] < 0 || ids[i] >= b->pieces) continue;
        const int32_t y = b->of_id[ids[i]];
        for (int k = 0; k < 2; k++)
            if (b->marks[k].id == ids[i]) omn_buf_puts(&raw, b->marks[k].text);
        if (y < 0) continue;
        omn_buf_put(&raw, b->symbol[y].bytes, b->symbol[y].n);
        if (b->symbol[y].ends) omn_buf_puts(&raw, " ");
    }
    if (raw.length) points_read(&p, raw.data, raw.length);
    for (size_t i = 0; i < p.n; i++) points_utf8(p.at[i], out);
    const bool failed = raw.failed || p.failed || out->failed;
    omn_buf_fini(&raw);
    points_fini(&p);
    return failed ? omn_fail(err, OMN_ERR_MEMORY, "a text: out of memory") : OMN_OK;
}
