/* SPDX-License-Identifier: Apache-2.0 */
/* The characters of HTML that are written as "&NAME;" or by number, read as a browser does: a few
 * names go without ";", the longest that fits counts, and what cannot be is U+FFFD or nothing. */
#include "bpe.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#define MOST_NAME 33                    /* bytes, ";" included */

typedef struct entity { const char *name, *text; } entity;
#define E(name, text) { name, text },
static const entity all[] = {
#include "entities.def"
};
#undef E

static int order(const void *key, const void *row)
{
    return strcmp(key, ((const entity *)row)->name);
}

static const char *named(const char *name)
{
    const entity *e = bsearch(name, all, sizeof all / sizeof *all, sizeof *all, order);
    return e ? e->text : NULL;
}

/* A number as HTML takes it: bytes of Windows-1252 among them; -1: nothing. */
static int32_t numbered(uint32_t x)
{
    if (x == 0 || (x >= 0xD800 && x <= 0xDFFF) || x > 0x10FFFF) return 0xFFFD;
    if (x >= 0x80 && x <= 0x9F) return windows_1252[x - 0x80];
    if ((x < 32 && x != '\t' && x != '\n' && x != '\f' && x != '\r') || x == 0x7F ||
        (x >= 0xFDD0 && x <= 0xFDEF) || (x & 0xFFFE) == 0xFFFE)
        return -1;
    return (int32_t)x;
}

static int digit(int32_t c, bool hex)
{
    if (c >= '0' && c <= '9') return (int)c - '0';
    if (hex && c >= 'a' && c <= 'f') return (int)c - 'a' + 10;
    return hex && c >= 'A' && c <= 'F' ? (int)c - 'A' + 10 : -1;
}

/* "&#x41;" at i: what is behind it; i: there is none. */
static size_t by_number(const points *p, size_t i, bool whole, points *out)
{
    size_t k = i + 2;
    const bool hex = k < p->n && (p->at[k] == 'x' || p->at[k] == 'X');
    if (hex) k++;
    const size_t first = k;
    uint32_t x = 0;
    for (int d; k < p->n && (d = digit(p->at[k], hex)) >= 0; k++)
        if (x <= 0x10FFFF) x = x * (hex ? 16u : 10u) + (uint32_t)d;
    const bool closed = k < p->n && p->at[k] == ';';
    if (k == first || (whole && !closed)) return i;
    const int32_t c = numbered(x);
    if (c >= 0) points_put(out, c);
    return k + closed;
}

static void put(points *out, const char *text, bool up)
{
    const size_t from = out->n;
    points_read(out, text, strlen(text));
    for (size_t i = from; up && i < out->n; i++) out->at[i] = utf8proc_toupper(out->at[i]);
}

/* The name at i written in capitals, "&EACUTE;", though only small letters are one. */
static bool in_capitals(const char *name, const char **text)
{
    char small[MOST_NAME + 1];
    size_t i = 0;
    for (; name[i]; i++) {
        if (name[i] >= 'a' && name[i] <= 'z') return false;
        small[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + 32) : name[i];
    }
    small[i] = 0;
    return (*text = named(small)) != NULL;
}

static bool letter_or_digit(int32_t c)
{
    return digit(c, false) >= 0 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static size_t by_name(const points *p, size_t i, bool whole, points *out)
{
    char name[MOST_NAME + 1];
    const char *text = NULL;
    size_t n = 0;
    while (n < MOST_NAME - 1 && i + 1 + n < p->n && letter_or_digit(p->at[i + 1 + n])) {
        name[n] = (char)p->at[i + 1 + n];
        n++;
    }
    const bool closed = n > 0 && i + 1 + n < p->n && p->at[i + 1 + n] == ';';
    if (closed) name[n++] = ';';
    name[n] = 0;
    if (closed && (text = named(name))) {
        put(out, text, false);
        return i + 1 + n;
    }
    if (whole) {
        if (!closed || !in_capitals(name, &text)) return i;
        put(out, text, true);
        return i + 1 + n;
    }
    for (; n > 1; name[--n] = 0) {
        text = named(name);
        if (!text) continue;
        put(out, text, false);
        return i + 1 + n;
    }
    return i;
}

void entities_read(points *p, bool whole)
{
    points out = { 0 };
    bool any = false;
    for (size_t i = 0; i < p->n && !any; i++) any = p->at[i] == '&';
    if (!any) return;
    for (size_t i = 0; i < p->n;) {
        size_t next = i;
        if (p->at[i] == '&' && i + 1 < p->n)
            next = p->at[i + 1] == '#' ? by_number(p, i, whole, &out) : by_name(p, i, whole, &out);
        if (next == i) points_put(&out, p->at[next++]);
        i = next;
    }
    points_take(p, &out);
}
