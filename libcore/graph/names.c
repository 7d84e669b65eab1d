/* SPDX-License-Identifier: Apache-2.0 */
/* Names to numbers, by open addressing over FNV-1a, and the globs of frozen weights. A graph of a
 * large model has thousands of weights, each asked for once per use: a scan would be quadratic. */
#include "inside.h"

#include <stdlib.h>
#include <string.h>

uint64_t names_hash(const char *key)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (; *key; key++) h = (h ^ (uint8_t)*key) * 0x100000001b3u;
    return h;
}

static uint32_t find(const names *n, const char *key)
{
    uint32_t i = (uint32_t)names_hash(key) & (n->room - 1);
    while (n->row[i].key && strcmp(n->row[i].key, key)) i = (i + 1) & (n->room - 1);
    return i;
}

bool names_put(names *n, const char *key, uint32_t value)
{
    if (2 * (n->count + 1) > n->room) {
        names more = { NULL, n->count, n->room ? 2 * n->room : 64 };
        more.row = calloc(more.room, sizeof(*more.row));
        if (!more.row) return false;
        for (uint32_t i = 0; i < n->room; i++)
            if (n->row[i].key) more.row[find(&more, n->row[i].key)] = n->row[i];
        free(n->row);
        *n = more;
    }
    const uint32_t i = find(n, key);
    if (!n->row[i].key) n->count++;
    n->row[i].key = key;
    n->row[i].value = value;
    return true;
}

long names_get(const names *n, const char *key)
{
    if (!n->room) return -1;
    const uint32_t i = find(n, key);
    return n->row[i].key ? (long)n->row[i].value : -1;
}

void names_fini(names *n)
{
    free(n->row);
    *n = (names){ NULL, 0, 0 };
}

/* "*" stays within a name part, "**" crosses the dots, "?" is one character. The number of stars in
 * a pattern bounds the depth. */
bool glob_match(const char *glob, const char *name)
{
    for (; *glob; glob++, name++) {
        if (*glob == '*') {
            const bool across = glob[1] == '*';
            const char *rest = glob + (across ? 2 : 1);
            for (const char *p = name;; p++) {
                if (glob_match(rest, p)) return true;
                if (!*p || (*p == '.' && !across)) return false;
            }
        }
        if (!*name || (*glob != '?' && *glob != *name)) return false;
    }
    return !*name;
}
