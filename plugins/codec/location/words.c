/* SPDX-License-Identifier: Apache-2.0 */
/* Location words in a text. An answer is read as runs: words exactly one space apart whose numbers
 * are bins, then whatever text stands up to the next word. A number that is no bin ends a run and
 * is skipped, so a broken answer loses a box and not the rest. */
#include "location.h"

#include <string.h>

/* A word at `at`: its length, 0 when there is none; *number may be any number up to 9 digits. */
static size_t word_at(const loc_scheme *s, const char *at, const char *end, int32_t *number)
{
    const size_t n_open = strlen(s->open), n_close = strlen(s->close);
    const char *p = at;
    if ((size_t)(end - p) < n_open || memcmp(p, s->open, n_open) != 0) return 0;
    p += n_open;
    int32_t x = 0;
    int digits = 0;
    for (; p < end && *p >= '0' && *p <= '9' && digits < 9; p++, digits++) x = x * 10 + (*p - '0');
    if (digits == 0 || (size_t)(end - p) < n_close || memcmp(p, s->close, n_close) != 0) return 0;
    *number = x;
    return (size_t)(p - at) + n_close;
}

static bool is_bin(const loc_scheme *s, int32_t number)
{
    return number >= s->first && number - s->first < s->bins;
}

/* The words in a row that begin at p with one of this length that says a bin. */
static void gather(const loc_scheme *s, const char *p, const char *end, size_t length, loc_run *run)
{
    int32_t number = s->first;
    *run = (loc_run){ .words = p };
    while (length > 0 && is_bin(s, number)) {
        run->count++;
        p += length;
        run->behind = p;
        length = p < end && *p == ' ' ? word_at(s, p + 1, end, &number) : 0;
        if (length > 0) p++;
    }
}

bool loc_run_at(const loc_scheme *s, const char *at, const char *end, loc_run *run)
{
    int32_t number = 0;
    while (at < end && *at == ' ') at++;
    const size_t length = word_at(s, at, end, &number);
    if (length == 0 || !is_bin(s, number)) return false;
    gather(s, at, end, length, run);
    return true;
}

bool loc_next_run(const loc_scheme *s, const char **at, const char *end, loc_run *run)
{
    const char *p = *at;
    int32_t number = 0;
    size_t length = 0;
    for (; p < end; p += length > 0 ? length : 1) {
        length = word_at(s, p, end, &number);
        if (length > 0 && is_bin(s, number)) break;
    }
    *run = (loc_run){ .words = p };
    if (p >= end) return false;
    gather(s, p, end, length, run);
    p = run->behind;
    while (p < end && word_at(s, p, end, &number) == 0) p++;
    run->n_behind = (size_t)(p - run->behind);
    *at = p;
    return true;
}

int32_t loc_take_bin(const loc_scheme *s, const loc_run *run, const char **p)
{
    int32_t number = 0;
    *p += word_at(s, *p, run->behind, &number);
    if (*p < run->behind) (*p)++;
    return number - s->first;
}

/* Commas, full stops and the like between places are no labels. */
static bool says_something(const char *p, const char *end)
{
    for (; p < end; p++) {
        const unsigned char c = (unsigned char)*p;
        if (c >= 0x80 || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z'))
            return true;
    }
    return false;
}

bool loc_label(const loc_scheme *s, const loc_run *run, const char **label, size_t *n)
{
    const char *p = run->behind, *end = p + run->n_behind;
    bool any = true;
    if (s->labels == LOC_WORDS) {
        const char *q = p < end && *p == ' ' ? p + 1 : p;
        const char *stop = q;
        while (stop < end && ((*stop >= 'a' && *stop <= 'z') || *stop == ' ')) stop++;
        any = q > p && stop > q;
        p = q;
        end = stop;
    }
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\t')) p++;
    while (end > p && (end[-1] == ' ' || end[-1] == '\n' || end[-1] == '\t')) end--;
    *label = p;
    *n = says_something(p, end) ? (size_t)(end - p) : 0;
    return any;
}
