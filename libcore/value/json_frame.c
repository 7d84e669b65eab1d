/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of sources as a text says them. Those in memory are of this process alone and others in
 * the next run; a file of them would never be the same twice. So a text has numbers of its own,
 * made of what the whole value holds and of how many sources came before this one: equal values
 * have equal texts, pictures of one source keep one number, and values that differ share none. */
#include "inside.h"

#include <stdlib.h>

/* Where a source stands, or would: room is a power of two, half of it empty. */
static size_t place(const json_sources *s, uint64_t source)
{
    size_t i = (size_t)omn_random_at(source, 0, 0) & (s->room - 1);
    while (s->at[i].source != 0 && s->at[i].source != source) i = (i + 1) & (s->room - 1);
    return i;
}

static bool grow(json_sources *s)
{
    json_sources more = { .room = s->room > 0 ? 2 * s->room : 64, .n = s->n };
    more.at = calloc(more.room, sizeof(*more.at));
    if (more.at == NULL) return false;
    for (size_t i = 0; i < s->room; i++)
        if (s->at[i].source != 0) more.at[place(&more, s->at[i].source)] = s->at[i];
    free(s->at);
    s->at = more.at;
    s->room = more.room;
    return true;
}

uint64_t json_source(json_sources *s, const omn_value *whole, uint64_t source)
{
    uint64_t hash[2];
    if (2 * (s->n + 1) > s->room && !grow(s)) return 0;
    const size_t i = place(s, source);
    if (s->at[i].source == source) return s->at[i].number;
    if (s->n == 0) {
        omn_value_hash(whole, hash);
        s->base = hash[0] ^ hash[1];
    }
    const uint64_t number = omn_random_at(s->base, s->n++, 0);
    s->at[i].source = source;
    s->at[i].number = number != 0 ? number : 1;
    return s->at[i].number;
}

void json_sources_fini(json_sources *s)
{
    free(s->at);
    *s = (json_sources){ 0 };
}
