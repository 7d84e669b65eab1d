/* SPDX-License-Identifier: Apache-2.0 */
/* Byte-pair encoding as SentencePiece does it: the text starts as a row of characters (user-defined
 * pieces are one frozen symbol each), and again and again the neighbours whose joined text is the
 * piece with the highest score become one symbol, the leftmost first on a tie. The row is a linked
 * list, the candidates wait in a heap, and a candidate whose symbols have changed meanwhile is
 * recognised by its size and dropped: n log n in all. Where no piece of the model reaches across
 * the end of a word, each word is merged by itself, which gives the same result from a much smaller
 * heap.
 *
 * A symbol remembers where its text ends in the trie of pieces, so a pair costs only a walk over
 * its right half. Pieces marked unused may be passed through but not returned: they are cut again
 * as they were joined. */
#include "sentencepiece.h"

#include <stdlib.h>
#include <string.h>

#include "utf8.h"

#define NOBODY UINT32_MAX

typedef struct symbol {
    uint32_t at, length; /* length 0: joined to its left neighbour */
    uint32_t prev, next; /* NOBODY at the ends */
    uint32_t node;       /* in the trie of pieces, TRIE_NONE when no piece begins so */
    bool frozen;
} symbol;

typedef struct pair {
    float score;
    uint32_t left, right, size;
} pair;

typedef struct merger {
    const sp_model *m;
    const char *s;
    symbol *row;
    size_t count, room;
    pair *heap;
    size_t n_heap, heap_room;
    uint32_t *halves; /* by id: how long the left half was; NULL without unused pieces */
    omn_error *err;
} merger;

static bool before(const pair *a, const pair *b)
{
    return a->score > b->score || (a->score == b->score && a->left < b->left);
}

/* The array with room for one element more, doubling; NULL without memory, the array is kept then.
 */
static void *grow(void *array, size_t count, size_t *room, size_t each)
{
    if (count < *room) return array;
    const size_t more = *room < 64 ? 128 : *room * 2;
    void *p = more > SIZE_MAX / each ? NULL : realloc(array, more * each);
    if (p != NULL) *room = more;
    return p;
}

static omn_status no_memory(const merger *g)
{
    return omn_fail(g->err, OMN_ERR_MEMORY, "no memory to merge %zu symbols", g->count);
}

static omn_status heap_push(merger *g, pair p)
{
    pair *heap = grow(g->heap, g->n_heap, &g->heap_room, sizeof *heap);
    if (heap == NULL) return no_memory(g);
    g->heap = heap;
    size_t i = g->n_heap++;
    for (; i > 0 && before(&p, &g->heap[(i - 1) / 2]); i = (i - 1) / 2)
        g->heap[i] = g->heap[(i - 1) / 2];
    g->heap[i] = p;
    return OMN_OK;
}

static pair heap_pop(merger *g)
{
    const pair top = g->heap[0], last = g->heap[--g->n_heap];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < g->n_heap; i = child) {
        if (child + 1 < g->n_heap && before(&g->heap[child + 1], &g->heap[child])) child++;
        if (!before(&g->heap[child], &last)) break;
        g->heap[i] = g->heap[child];
    }
    g->heap[i] = last;
    return top;
}

static omn_status consider(merger *g, uint32_t left, uint32_t right)
{
    if (left == NOBODY || right == NOBODY) return OMN_OK;
    const symbol *a = &g->row[left], *b = &g->row[right];
    if (a->frozen || b->frozen) return OMN_OK;
    const uint32_t node = trie_walk(&g->m->searched, a->node, g->s + b->at, b->length);
    if (node == TRIE_NONE || g->m->searched.node[node].value < 0) return OMN_OK;
    const int32_t id = g->m->searched.node[node].value;
    if (g->halves != NULL && g->m->pieces[id].type == SP_UNUSED) g->halves[id] = a->length;
    return heap_push(g, (pair){ g->m->pieces[id].score, left, right, a->length + b->length });
}

static omn_status join(merger *g)
{
    omn_status st = OMN_OK;
    g->n_heap = 0;
    for (uint32_t i = 1; i < g->count && st == OMN_OK; i++) st = consider(g, i - 1, i);
    while (g->n_heap > 0 && st == OMN_OK) {
        const pair p = heap_pop(g);
        symbol *a = &g->row[p.left], *b = &g->row[p.right];
        if (a->length == 0 || b->length == 0 || a->length + b->length != p.size) continue;
        a->node = trie_walk(&g->m->searched, a->node, g->s + b->at, b->length);
        a->length = p.size;
        a->next = b->next;
        if (b->next != NOBODY) g->row[b->next].prev = p.left;
        b->length = 0;
        st = consider(g, a->prev, p.left);
        if (st == OMN_OK) st = consider(g, p.left, a->next);
    }
    return st;
}

static int32_t id_at(const sp_model *m, uint32_t node)
{
    return node == TRIE_NONE ? -1 : m->searched.node[node].value;
}

/* One finished symbol; unused pieces are cut again, at most as often as they have bytes. */
static omn_status emit(merger *g, uint32_t at, uint32_t length, int32_t id, bool *in_unknown,
                       sp_ids *out)
{
    if (id < 0 || g->m->pieces[id].type != SP_UNUSED || g->halves[id] == 0)
        return sp_emit(g->m, id, g->s + at, length, in_unknown, out, g->err);
    const uint32_t half = g->halves[id], right = at + half;
    const trie *t = &g->m->searched;
    omn_status st = emit(g, at, half, trie_find(t, g->s + at, half), in_unknown, out);
    if (st == OMN_OK)
        st = emit(g, right, length - half, trie_find(t, g->s + right, length - half), in_unknown,
                  out);
    return st;
}

/* The next symbol of the text, appended to the row. */
static omn_status take(merger *g, size_t at, size_t n)
{
    symbol *row = grow(g->row, g->count, &g->room, sizeof *row);
    if (row == NULL) return no_memory(g);
    g->row = row;
    int32_t id;
    size_t length = trie_longest(&g->m->user, g->s + at, n - at, &id);
    const bool frozen = length > 0;
    if (!frozen) length = utf8_length(g->s[at]);
    if (length > n - at) length = n - at;
    const uint32_t i = (uint32_t)g->count++;
    g->row[i] = (symbol){ (uint32_t)at,
                          (uint32_t)length,
                          i == 0 ? NOBODY : i - 1,
                          NOBODY,
                          trie_walk(&g->m->searched, 0, g->s + at, length),
                          frozen };
    if (i > 0) g->row[i - 1].next = i;
    return OMN_OK;
}

static bool is_mark(const merger *g, const symbol *y)
{
    const size_t k = sizeof UTF8_SPACE_MARK - 1;
    return y->length == k && memcmp(g->s + y->at, UTF8_SPACE_MARK, k) == 0;
}

/* Whether nothing can join the last symbol of the row with the one before. */
static bool word_begins(const merger *g)
{
    const symbol *y = &g->row[g->count - 1];
    if (g->count < 2 || !g->m->cut_at_spaces) return false;
    return y->frozen || y[-1].frozen || (is_mark(g, y) && !is_mark(g, y - 1));
}

omn_status sp_encode_bpe(const sp_model *m, const char *s, size_t n, sp_ids *out, omn_error *err)
{
    omn_status st = OMN_OK;
    bool in_unknown = false;
    merger g = { .m = m, .s = s, .err = err };
    if (m->has_unused && (g.halves = calloc(m->count, sizeof *g.halves)) == NULL)
        OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "no memory to merge with %u pieces", m->count));
    for (size_t at = 0; at < n;) {
        g.count = 0;
        size_t end = at;
        while (end < n) {
            OMN_TRY(take(&g, end, n));
            if (word_begins(&g)) {
                g.row[--g.count - 1].next = NOBODY;
                break;
            }
            end += g.row[g.count - 1].length;
        }
        OMN_TRY(join(&g));
        for (uint32_t i = 0; i != NOBODY; i = g.row[i].next)
            OMN_TRY(
                emit(&g, g.row[i].at, g.row[i].length, id_at(m, g.row[i].node), &in_unknown, out));
        at = end;
    }
done:
    free(g.row);
    free(g.heap);
    free(g.halves);
    return st;
}
