/* SPDX-License-Identifier: Apache-2.0 */
/* Codes in memory: a table of chains, and through all entries a list from the one that was used
 * last to the one that was used longest ago. */
#include "codes.h"

#include <stdlib.h>
#include <string.h>

typedef struct entry entry;
struct entry {
    entry *chain, *newer, *older;
    codes_key key;
    size_t n;
    int32_t codes[];
};

struct codes_memory {
    entry **table;
    size_t room, count, bytes, most;
    entry *newest, *oldest;
};

static size_t bytes_of(const entry *e)
{
    return sizeof *e + sizeof(entry *) + e->n * sizeof e->codes[0];
}

/* The hashes are even in every bit. */
static entry **place(const codes_memory *m, const codes_key *k)
{
    return &m->table[(k->value[0] ^ k->decoder[0]) % m->room];
}

static entry *find(const codes_memory *m, const codes_key *k)
{
    entry *e = *place(m, k);
    while (e && memcmp(&e->key, k, sizeof *k)) e = e->chain;
    return e;
}

static void unlist(codes_memory *m, const entry *e)
{
    *(e->newer ? &e->newer->older : &m->newest) = e->older;
    *(e->older ? &e->older->newer : &m->oldest) = e->newer;
}

static void list(codes_memory *m, entry *e)
{
    e->newer = NULL;
    e->older = m->newest;
    *(m->newest ? &m->newest->newer : &m->oldest) = e;
    m->newest = e;
}

static void drop(codes_memory *m, entry *e)
{
    entry **at = place(m, &e->key);
    while (*at != e) at = &(*at)->chain;
    *at = e->chain;
    unlist(m, e);
    m->bytes -= bytes_of(e);
    m->count--;
    free(e);
}

/* Twice as many chains; without memory for them the old ones become longer. */
static void widen(codes_memory *m)
{
    codes_memory wide = *m;
    wide.room = 2 * m->room;
    wide.table = calloc(wide.room, sizeof(entry *));
    if (!wide.table) return;
    for (entry *e = m->newest; e; e = e->older) {
        entry **at = place(&wide, &e->key);
        e->chain = *at;
        *at = e;
    }
    free(m->table);
    *m = wide;
}

omn_status codes_memory_new(size_t most, codes_memory **out, omn_error *err)
{
    codes_memory *m = calloc(1, sizeof *m);
    if (m) m->table = calloc(m->room = 64, sizeof(entry *));
    if (!m || !m->table) {
        free(m);
        return omn_fail(err, OMN_ERR_MEMORY, "codes: out of memory");
    }
    m->most = most;
    *out = m;
    return OMN_OK;
}

void codes_memory_free(codes_memory *m)
{
    if (!m) return;
    while (m->newest) drop(m, m->newest);
    free(m->table);
    free(m);
}

const int32_t *codes_memory_get(codes_memory *m, const codes_key *k, size_t *n)
{
    entry *e = find(m, k);
    if (!e) return NULL;
    unlist(m, e);
    list(m, e);
    *n = e->n;
    return e->codes;
}

omn_status codes_memory_put(codes_memory *m, const codes_key *k, const int32_t *codes, size_t n,
                            omn_error *err)
{
    size_t bytes = 0;
    const entry like = { .n = n };
    if (find(m, k)) return OMN_OK;
    if (!omn_size_mul(n, sizeof *codes, &bytes) || !omn_size_add(bytes, sizeof like, &bytes))
        return omn_fail(err, OMN_ERR_MEMORY, "%zu codes: out of memory", n);
    if (bytes_of(&like) > m->most) return OMN_OK;
    entry *e = malloc(bytes);
    if (!e) return omn_fail(err, OMN_ERR_MEMORY, "%zu codes: out of memory", n);
    while (m->bytes + bytes_of(&like) > m->most) drop(m, m->oldest);
    if (m->count >= 2 * m->room) widen(m);
    *e = (entry){ .key = *k, .n = n };
    if (n) memcpy(e->codes, codes, n * sizeof *codes);
    entry **at = place(m, k);
    e->chain = *at;
    *at = e;
    list(m, e);
    m->bytes += bytes_of(e);
    m->count++;
    return OMN_OK;
}

size_t codes_memory_bytes(const codes_memory *m)
{
    return m->bytes;
}
