/* SPDX-License-Identifier: Apache-2.0 */
/* trie.h: a set of byte strings, each with a number, for prefix search and exact search. */
#ifndef SENTENCEPIECE_TRIE_H
#define SENTENCEPIECE_TRIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRIE_NONE UINT32_MAX

typedef struct trie_node {
    uint32_t first; /* of its children, which lie side by side, sorted by label */
    int32_t value;  /* -1: no string ends here */
    uint16_t count;
    uint8_t label; /* the byte that leads here */
} trie_node;

typedef struct trie {
    trie_node *node;    /* node 0 is the root; NULL: an empty set */
    uint32_t root[256]; /* children of the root by byte, TRIE_NONE where there is none */
} trie;

typedef struct trie_key {
    const char *bytes;
    uint32_t length; /* at least 1 */
    int32_t value;   /* at least 0 */
} trie_key;

typedef enum trie_result { TRIE_OK, TRIE_NO_MEMORY, TRIE_TWICE } trie_result;

/* Build from n keys, which are sorted in place and not kept. TRIE_TWICE: keys twice[0] and twice[1]
 * (their values) are the same string. */
trie_result trie_init(trie *t, trie_key *keys, size_t n, int32_t twice[2]);
void trie_fini(trie *t);

/* The child of a node for one byte, or TRIE_NONE. */
uint32_t trie_step(const trie *t, uint32_t node, uint8_t byte);
/* Walk n bytes on from a node (0: the root); TRIE_NONE when the strings end or part earlier, and
 * when node is TRIE_NONE. */
uint32_t trie_walk(const trie *t, uint32_t node, const char *bytes, size_t n);
/* Value of exactly these bytes, or -1. */
int32_t trie_find(const trie *t, const char *bytes, size_t n);
/* Length of the longest string of the set that begins the n bytes, 0 for none; its value in *value.
 */
size_t trie_longest(const trie *t, const char *bytes, size_t n, int32_t *value);

#endif
