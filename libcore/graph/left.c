/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors of a file that a configuration forgets. A model of fewer layers than the file has finds
 * all that it asks for, and answers nonsense. What gives it away are numbers in names: a weight
 * layers.5.mlp.bias is read, layers.7.mlp.bias lies in the same file and is not. Names that differ
 * from those that are read in more than such a number belong to something else (other parts,
 * moments of an optimiser, tensors that a program wrote and never reads): nothing is said of
 * them. */
#include "inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_DIGITS 6
#define LONGEST_NAME 512

/* Where the next number of a name begins, behind `at`, that is a part of its own: layers.7.bias,
 * layers_7/bias. NULL: none. */
static const char *next_number(const char *name, const char *at, size_t *n)
{
    for (const char *p = at; *p; p++) {
        if (p != name && !strchr("._/", p[-1])) continue;
        *n = strspn(p, "0123456789");
        if (*n && *n <= MOST_DIGITS && (!p[*n] || strchr("._/", p[*n]))) return p;
    }
    return NULL;
}

/* "layers.#.bias" of the name whose number is the n characters at `at`; false: it is too long. */
static bool pattern(const char *name, const char *at, size_t n, char *out)
{
    const int k = snprintf(out, LONGEST_NAME, "%.*s#%s", (int)(at - name), name, at + n);
    return k > 0 && k < LONGEST_NAME;
}

/* The highest number that is read, of each pattern. */
typedef struct highest {
    names known; /* -> number */
    omn_arena *arena;
} highest;

static bool learn(highest *h, const char *name)
{
    size_t n = 0;
    char text[LONGEST_NAME];
    for (const char *p = next_number(name, name, &n); p; p = next_number(name, p + n, &n)) {
        if (!pattern(name, p, n, text)) continue;
        const long number = strtol(p, NULL, 10), before = names_get(&h->known, text);
        if (before >= number) continue;
        const char *key = omn_arena_strdup(h->arena, text);
        if (!key || !names_put(&h->known, key, (uint32_t)number)) return false;
    }
    return true;
}

/* Does the name go on where one that is read ends? at, n: its number; last: what is read. */
static bool goes_on(const highest *h, const char *name, const char **at, size_t *n, long *last)
{
    char text[LONGEST_NAME];
    for (const char *p = next_number(name, name, n); p; p = next_number(name, p + *n, n)) {
        *last = pattern(name, p, *n, text) ? names_get(&h->known, text) : -1;
        *at = p;
        if (*last >= 0 && strtol(p, NULL, 10) > *last) return true;
    }
    return false;
}

bool left_tell(omn_store *st, size_t *told, char *out, size_t room)
{
    const omn_weights *w = store_weights(st);
    highest h = { .arena = omn_arena_new((size_t)1 << 28) };
    const size_t n_read = omn_store_count(st);
    size_t left = 0, n = 0;
    long last = 0;
    const char *at = NULL, *example = NULL;
    char first[LONGEST_NAME] = "";
    bool known = h.arena != NULL;
    for (size_t i = 0; i < n_read && known; i++) known = learn(&h, omn_store_name(st, i));
    for (size_t i = 0; known && w && i < omn_weights_count(w); i++) {
        const char *name = omn_weights_name(w, i);
        if (omn_store_find(st, name) >= 0 || !goes_on(&h, name, &at, &n, &last)) continue;
        if (left++) continue;
        example = name;
        snprintf(first, sizeof first, "%.*s%ld%s", (int)(at - name), name, last, at + n);
    }
    names_fini(&h.known);
    const bool more = left > *told;
    if (more) {
        *told = left;
        snprintf(out, room,
                 "%s: %zu tensors are not read, %.200s%s: the configuration ends with %.200s; "
                 "does it belong to these weights?",
                 omn_weights_path(w), left, example, left > 1 ? " among them" : "", first);
    }
    omn_arena_free(h.arena);
    return more;
}
