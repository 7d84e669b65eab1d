/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of a vocabulary: symbols by their bytes, merges by their halves, symbols and marks by
 * their ids. */
#include "bpe.h"

#include <stdlib.h>
#include <string.h>

omn_status bpe_new(const char *style, bpe **out, omn_error *err)
{
    static const bpe_style *const styles[] = { &bpe_clip, &bpe_gpt2, &bpe_roberta };
    bpe *b = calloc(1, sizeof *b);
    *out = b;
    if (!b || !(b->arena = omn_arena_new((size_t)1 << 31)))
        return omn_fail(err, OMN_ERR_MEMORY, "a vocabulary: out of memory");
    for (size_t i = 0; i < sizeof styles / sizeof *styles; i++)
        if (!strcmp(styles[i]->name, style)) b->style = styles[i];
    if (!b->style) return omn_fail(err, OMN_ERR_ARGUMENT, "there is no style \"%s\"", style);
    b->clean = b->style->clean;
    b->word = b->style->word;
    memset(b->single, 0xFF, sizeof b->single);
    return OMN_OK;
}

void bpe_close(bpe *b)
{
    if (!b) return;
    omn_arena_free(b->arena);
    free(b);
}

omn_status bpe_tables(bpe *b, size_t symbols, size_t merges, size_t ids, omn_error *err)
{
    if (symbols > BPE_MOST_IDS || merges > BPE_MOST_IDS || ids > BPE_MOST_IDS)
        return omn_fail(err, OMN_ERR_DATA, "a vocabulary has at most %d ids", BPE_MOST_IDS);
    b->names = b->pairs = 1024;
    while (b->names < 2 * symbols) b->names *= 2;
    while (b->pairs < 2 * merges) b->pairs *= 2;
    b->room = (int32_t)symbols;
    b->ids = (int32_t)ids;
    b->symbol = omn_arena_alloc(b->arena, symbols + 1, sizeof *b->symbol);
    b->of_id = omn_arena_alloc(b->arena, ids + 1, sizeof *b->of_id);
    b->named = omn_arena_alloc(b->arena, b->names, sizeof *b->named);
    b->pair = omn_arena_alloc(b->arena, b->pairs, sizeof *b->pair);
    if (!b->symbol || !b->of_id || !b->named || !b->pair)
        return omn_fail(err, OMN_ERR_MEMORY, "a vocabulary: out of memory");
    memset(b->named, 0, b->names * sizeof *b->named);
    memset(b->of_id, 0xFF, (ids + 1) * sizeof *b->of_id);
    for (size_t i = 0; i < b->pairs; i++) b->pair[i].rank = -1;
    return OMN_OK;
}

/* ---- by bytes -------------------------------------------------------------------------------- */

static size_t hash_bytes(const char *s, size_t n, bool ends)
{
    uint64_t h = ends ? 0x9E3779B97F4A7C15u : 0xCBF29CE484222325u;
    for (size_t i = 0; i < n; i++) h = (h ^ (uint8_t)s[i]) * 0x100000001B3u;
    return (size_t)(h ^ h >> 29);
}

static size_t place_of(const bpe *b, const char *s, size_t n, bool ends)
{
    size_t at = hash_bytes(s, n, ends) & (b->names - 1);
    for (; b->named[at]; at = (at + 1) & (b->names - 1)) {
        const bpe_symbol *y = &b->symbol[b->named[at] - 1];
        if (y->n == n && y->ends == ends && !memcmp(y->bytes, s, n)) break;
    }
    return at;
}

int32_t bpe_find(const bpe *b, const char *s, size_t n, bool ends)
{
    return b->named[place_of(b, s, n, ends)] - 1;
}

int32_t bpe_add(bpe *b, const char *s, size_t n, bool ends, int32_t id)
{
    const size_t at = place_of(b, s, n, ends);
    if (!b->named[at]) {
        char *own = b->count < b->room ? omn_arena_alloc(b->arena, n + 1, 1) : NULL;
        if (!own) return -1;
        memcpy(own, s, n);
        b->symbol[b->count] = (bpe_symbol){ own, (uint32_t)n, ends, id };
        b->named[at] = ++b->count;
    }
    b->symbol[b->named[at] - 1].id = id;
    b->of_id[id] = b->named[at] - 1;
    return b->named[at] - 1;
}

/* ---- by halves ------------------------------------------------------------------------------- */

static size_t hash_pair(int32_t left, int32_t right)
{
    const uint64_t h = ((uint64_t)(uint32_t)left << 32 | (uint32_t)right) * 0x9E3779B97F4A7C15u;
    return (size_t)(h ^ h >> 31);
}

static bpe_pair *pair_place(const bpe *b, int32_t left, int32_t right)
{
    size_t at = hash_pair(left, right) & (b->pairs - 1);
    while (b->pair[at].rank >= 0 && (b->pair[at].left != left || b->pair[at].right != right))
        at = (at + 1) & (b->pairs - 1);
    return &b->pair[at];
}

void bpe_pair_put(bpe *b, bpe_pair p) { *pair_place(b, p.left, p.right) = p; }

const bpe_pair *bpe_pair_of(const bpe *b, int32_t left, int32_t right)
{
    const bpe_pair *p = pair_place(b, left, right);
    return p->rank >= 0 ? p : NULL;
}
