/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests come from other programs, and some write null into lists, which are no values here. A
 * field with such a list is turned into null, which leaves it out: what no task reads hurts nobody.
 * The text keeps its length, so that what else is wrong is told at its column. */
#include "manifest.h"

#include <string.h>

#define MOST_DEPTH 64

/* An object or a list around the place that is looked at. */
typedef struct around {
    bool object, general, hole;   /* general: a value with "$kind", in which null has a meaning */
    size_t value;                 /* where the value of an object's field begins; 0: nowhere */
} around;

typedef struct scan {
    char *s;
    size_t n, at, depth;
    around stack[MOST_DEPTH];
} scan;

static size_t past_space(const scan *k, size_t at)
{
    while (at < k->n && strchr(" \t\r", k->s[at]) && k->s[at]) at++;
    return at;
}

/* Behind the string that begins here. */
static size_t past_string(const scan *k, size_t at)
{
    for (at++; at < k->n && k->s[at] != '"'; at++)
        if (k->s[at] == '\\') at++;
    return at + 1;
}

static bool begins(const scan *k, size_t at, const char *word)
{
    const size_t n = strlen(word);
    return at < k->n && k->n - at >= n && !memcmp(k->s + at, word, n);
}

static bool push(scan *k)
{
    const around *outer = k->depth ? &k->stack[k->depth - 1] : NULL;
    if (k->depth == MOST_DEPTH) return false;
    const bool object = k->s[k->at] == '{';
    k->stack[k->depth++] = (around){
        .object = object,
        .general = (outer && outer->general) ||
                   (object && begins(k, past_space(k, k->at + 1), "\"$kind\"")),
    };
    return true;
}

/* The field around a null in a list, if it is in one. */
static void mark(scan *k)
{
    size_t i = k->depth;
    if (!i || k->stack[i - 1].object || k->stack[i - 1].general) return;
    while (i > 0 && !k->stack[i - 1].object) i--;
    if (i > 0) k->stack[i - 1].hole = true;
}

/* The end of a field's value. */
static void settle(scan *k)
{
    around *a = &k->stack[k->depth - 1];
    if (a->object && a->hole && a->value && k->at >= a->value + 4) {
        memset(k->s + a->value, ' ', k->at - a->value);
        memcpy(k->s + a->value, "null", 4);
    }
    a->hole = false;
    a->value = 0;
}

void manifest_fill_holes(char *line, size_t n)
{
    scan k = { .s = line, .n = n };
    while (k.at < n) {
        const char c = line[k.at];
        if (c == '"') {
            k.at = past_string(&k, k.at);
            continue;
        }
        if ((c == '{' || c == '[') && !push(&k)) return;
        if (c == ':' && k.depth) k.stack[k.depth - 1].value = past_space(&k, k.at + 1);
        if (begins(&k, k.at, "null")) mark(&k);
        if ((c == ',' || c == '}' || c == ']') && k.depth) settle(&k);
        if ((c == '}' || c == ']') && k.depth) k.depth--;
        k.at++;
    }
}
