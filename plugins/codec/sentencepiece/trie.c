/* SPDX-License-Identifier: Apache-2.0 */
/* A static trie built from sorted keys, level by level, so that the children of a node are
 * neighbours in memory and are found by bisection; those of the root have a table. One structure
 * answers all three questions a tokenizer asks: the piece with this text, the longest piece that
 * begins here, and all pieces that begin here. Walking can go on from any node, so that a merged
 * symbol is not walked twice. */
#include "trie.h"

#include <stdlib.h>
#include <string.h>

static int compare_keys(const void *a, const void *b)
{
    const trie_key *x = a, *y = b;
    const uint32_t n = x->length < y->length ? x->length : y->length;
    const int d = memcmp(x->bytes, y->bytes, n);
    if (d != 0) return d;
    if (x->length != y->length) return x->length < y->length ? -1 : 1;
    return x->value < y->value ? -1 : x->value > y->value;
}

static uint32_t common_prefix(const trie_key *a, const trie_key *b)
{
    const uint32_t n = a->length < b->length ? a->length : b->length;
    uint32_t i = 0;
    while (i < n && a->bytes[i] == b->bytes[i]) i++;
    return i;
}

/* Keys [from, to) share the first `depth` bytes and pass through one node. */
typedef struct span {
    uint32_t from, to, depth;
} span;

static void fill(trie *t, span *spans, const trie_key *keys, size_t n)
{
    uint32_t made = 1;
    spans[0] = (span){ 0, (uint32_t)n, 0 };
    t->node[0] = (trie_node){ 0, -1, 0, 0 };
    for (uint32_t at = 0; at < made; at++) {
        span s = spans[at];
        trie_node *node = &t->node[at];
        if (s.from < s.to && keys[s.from].length == s.depth) node->value = keys[s.from++].value;
        node->first = made;
        while (s.from < s.to) {
            const char byte = keys[s.from].bytes[s.depth];
            uint32_t end = s.from + 1;
            while (end < s.to && keys[end].bytes[s.depth] == byte) end++;
            t->node[made] = (trie_node){ 0, -1, 0, (uint8_t)byte };
            spans[made++] = (span){ s.from, end, s.depth + 1 };
            node->count++;
            s.from = end;
        }
    }
}

trie_result trie_init(trie *t, trie_key *keys, size_t n, int32_t twice[2])
{
    t->node = NULL;
    for (int i = 0; i < 256; i++) t->root[i] = TRIE_NONE;
    if (n == 0) return TRIE_OK;
    qsort(keys, n, sizeof *keys, compare_keys);
    size_t nodes = 1 + (size_t)keys[0].length;
    for (size_t i = 1; i < n; i++) {
        const uint32_t same = common_prefix(&keys[i - 1], &keys[i]);
        if (same == keys[i].length) {
            twice[0] = keys[i - 1].value;
            twice[1] = keys[i].value;
            return TRIE_TWICE;
        }
        nodes += keys[i].length - same;
    }
    if (nodes >= TRIE_NONE) return TRIE_NO_MEMORY;
    span *spans = calloc(nodes, sizeof *spans);
    t->node = calloc(nodes, sizeof *t->node);
    if (spans == NULL || t->node == NULL) {
        free(spans);
        trie_fini(t);
        return TRIE_NO_MEMORY;
    }
    fill(t, spans, keys, n);
    free(spans);
    for (uint32_t i = 0; i < t->node[0].count; i++)
        t->root[t->node[t->node[0].first + i].label] = t->node[0].first + i;
    return TRIE_OK;
}

void trie_fini(trie *t)
{
    free(t->node);
    t->node = NULL;
}

uint32_t trie_step(const trie *t, uint32_t node, uint8_t byte)
{
    if (node == 0) return t->root[byte];
    uint32_t lo = t->node[node].first, hi = lo + t->node[node].count;
    while (lo < hi) {
        const uint32_t mid = lo + (hi - lo) / 2;
        if (t->node[mid].label < byte)
            lo = mid + 1;
        else
            hi = mid;
    }
    const trie_node *parent = &t->node[node];
    return lo < parent->first + parent->count && t->node[lo].label == byte ? lo : TRIE_NONE;
}

uint32_t trie_walk(const trie *t, uint32_t node, const char *bytes, size_t n)
{
    if (t->node == NULL) return TRIE_NONE;
    for (size_t i = 0; i < n && node != TRIE_NONE; i++)
        node = trie_step(t, node, (uint8_t)bytes[i]);
    return node;
}

int32_t trie_find(const trie *t, const char *bytes, size_t n)
{
    const uint32_t node = trie_walk(t, 0, bytes, n);
    return node == TRIE_NONE ? -1 : t->node[node].value;
}

size_t trie_longest(const trie *t, const char *bytes, size_t n, int32_t *value)
{
    size_t best = 0;
    uint32_t node = 0;
    for (size_t i = 0; i < n; i++) {
        node = trie_step(t, node, (uint8_t)bytes[i]);
        if (node == TRIE_NONE) break;
        if (t->node[node].value >= 0) {
            best = i + 1;
            *value = t->node[node].value;
        }
    }
    return best;
}
