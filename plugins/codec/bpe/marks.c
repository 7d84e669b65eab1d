/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that are one id, "<mask>" or "<bin_7>": those of the files and those that a model adds
 * behind them. Of all that begin at a place of a text the longest is found, by halving the sorted
 * list once for each character. */
#include "bpe.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_NAME 256                   /* bytes of one */

/* ---- adding ---------------------------------------------------------------------------------- */

static bool more_marks(bpe *b)
{
    const int32_t room = b->mark_room ? 2 * b->mark_room : 16;
    bpe_mark *more = omn_arena_alloc(b->arena, (size_t)room, sizeof *more);
    if (!more) return false;
    if (b->marks) memcpy(more, b->mark, (size_t)b->marks * sizeof *more);
    b->mark = more;
    b->mark_room = room;
    return true;
}

/* Room for the id: the table of ids grows with what is added. */
static bool more_ids(bpe *b, int32_t id)
{
    if (id < b->ids) return true;
    const int32_t room = id < BPE_MOST_IDS / 2 ? 2 * id + 64 : BPE_MOST_IDS;
    int32_t *more = omn_arena_alloc(b->arena, (size_t)room, sizeof *more);
    if (!more) return false;
    memset(more, 0xFF, (size_t)room * sizeof *more);
    if (b->ids) memcpy(more, b->of_id, (size_t)b->ids * sizeof *more);
    b->of_id = more;
    b->ids = room;
    return true;
}

omn_status bpe_mark_add(bpe *b, const char *text, size_t n, int32_t id, unsigned how,
                        omn_error *err)
{
    points p = { 0 };
    if (n == 0 || n > MOST_NAME || memchr(text, 0, n))
        return omn_fail(err, OMN_ERR_DATA, "the text of id %d has %zu bytes, 1 to %d are possible",
                        (int)id, n, MOST_NAME);
    if (id < 0 || id >= BPE_MOST_IDS)
        return omn_fail(err, OMN_ERR_DATA, "\"%.*s\" has id %d, possible are 0 to %d", (int)n, text,
                        (int)id, BPE_MOST_IDS - 1);
    points_read(&p, text, n);
    char *own = omn_arena_alloc(b->arena, n + 1, 1);
    int32_t *point = omn_arena_alloc(b->arena, p.n + 1, sizeof *point);
    const bool ok = !p.failed && own && point && more_ids(b, id) &&
                    (b->marks < b->mark_room || more_marks(b));
    if (ok) {
        memcpy(own, text, n);
        own[n] = 0;
        memcpy(point, p.at, p.n * sizeof *point);
        b->mark[b->marks] = (bpe_mark){ own, point, (uint32_t)p.n, id, how };
        b->of_id[id] = -2 - b->marks++;
        if (id >= b->pieces) b->pieces = id + 1;
    }
    points_fini(&p);
    return ok ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "a vocabulary: out of memory");
}

static bpe_mark *named(const bpe *b, const char *text, size_t n)
{
    for (int32_t i = 0; i < b->marks; i++)
        if (!strncmp(b->mark[i].text, text, n) && !b->mark[i].text[n]) return &b->mark[i];
    return NULL;
}

const bpe_mark *bpe_mark_named(const bpe *b, const char *text)
{
    return named(b, text, strlen(text));
}

/* "bin_0..999": where the first number begins, and both numbers. */
static bool numbered(const char *s, size_t n, size_t *at, long *first, long *last, size_t *end)
{
    for (size_t i = 1; i + 2 < n; i++) {
        if (s[i] != '.' || s[i + 1] != '.') continue;
        size_t from = i, to = i + 2;
        while (from > 0 && s[from - 1] >= '0' && s[from - 1] <= '9') from--;
        while (to < n && s[to] >= '0' && s[to] <= '9') to++;
        if (from == i || to == i + 2 || i - from > 8 || to - i - 2 > 8) continue;
        *at = from;
        *end = to;
        *first = strtol(s + from, NULL, 10);
        *last = strtol(s + i + 2, NULL, 10);
        return true;
    }
    return false;
}

static omn_status add_row(bpe *b, const char *s, size_t n, unsigned how, omn_error *err)
{
    size_t at = 0, end = 0;
    long first = 0, last = 0;
    char text[2 * MOST_NAME];
    if (n == 0 || n > MOST_NAME)
        return omn_fail(err, OMN_ERR_CONFIG, "a name that is added has 1 to %d bytes", MOST_NAME);
    if (!numbered(s, n, &at, &first, &last, &end)) {
        bpe_mark *there = named(b, s, n);
        if (there) there->how = how;
        return there ? OMN_OK : bpe_mark_add(b, s, n, b->pieces, how, err);
    }
    if (last < first || last - first >= BPE_MOST_IDS / 2)
        return omn_fail(err, OMN_ERR_CONFIG, "\"%.*s\" is no row of names", (int)n, s);
    for (long i = first; i <= last; i++) {
        const int k = snprintf(text, sizeof text, "%.*s%ld%.*s", (int)at, s, i, (int)(n - end),
                               s + end);
        const omn_status st = bpe_mark_add(b, text, (size_t)k, b->pieces, how, err);
        if (st != OMN_OK) return st;
    }
    return OMN_OK;
}

omn_status bpe_mark_list(bpe *b, const char *list, unsigned how, omn_error *err)
{
    omn_status st = OMN_OK;
    while (*list && st == OMN_OK) {
        const size_t n = strcspn(list, ",");
        st = add_row(b, list, n, how, err);
        list += n + (list[n] == ',');
    }
    return st;
}

/* ---- finding --------------------------------------------------------------------------------- */

/* By their points, the shorter first. */
static int compare(const bpe_mark *x, const bpe_mark *y)
{
    const uint32_t n = x->points < y->points ? x->points : y->points;
    for (uint32_t i = 0; i < n; i++)
        if (x->point[i] != y->point[i]) return x->point[i] < y->point[i] ? -1 : 1;
    return x->points < y->points ? -1 : x->points > y->points;
}

/* A heap's sort: the compare of the standard library's knows no list but a global one. */
static void sift(const bpe *b, int32_t *row, int32_t i, int32_t n)
{
    for (int32_t k; (k = 2 * i + 1) < n; i = k) {
        if (k + 1 < n && compare(&b->mark[row[k]], &b->mark[row[k + 1]]) < 0) k++;
        if (compare(&b->mark[row[i]], &b->mark[row[k]]) >= 0) return;
        const int32_t held = row[i];
        row[i] = row[k];
        row[k] = held;
    }
}

omn_status bpe_marks_done(bpe *b, omn_error *err)
{
    b->found = 0;
    b->sorted = omn_arena_alloc(b->arena, (size_t)b->marks + 1, sizeof *b->sorted);
    if (!b->sorted) return omn_fail(err, OMN_ERR_MEMORY, "a vocabulary: out of memory");
    for (int32_t i = 0; i < b->marks; i++)
        if (b->mark[i].how & (BPE_RAW | BPE_CLEAN)) b->sorted[b->found++] = i;
    for (int32_t i = b->found / 2; i-- > 0;) sift(b, b->sorted, i, b->found);
    for (int32_t n = b->found; n-- > 1;) {
        const int32_t last = b->sorted[0];
        b->sorted[0] = b->sorted[n];
        b->sorted[n] = last;
        sift(b, b->sorted, 0, n);
    }
    for (int32_t i = 1; i < b->found; i++)
        if (!compare(&b->mark[b->sorted[i - 1]], &b->mark[b->sorted[i]]))
            return omn_fail(err, OMN_ERR_DATA, "ids %d and %d are both \"%s\"",
                            (int)b->mark[b->sorted[i - 1]].id, (int)b->mark[b->sorted[i]].id,
                            b->mark[b->sorted[i]].text);
    return OMN_OK;
}

/* The first of sorted[lo..hi) whose point k is not below c. */
static int32_t lower(const bpe *b, int32_t lo, int32_t hi, uint32_t k, int64_t c)
{
    while (lo < hi) {
        const int32_t mid = lo + (hi - lo) / 2;
        const bpe_mark *m = &b->mark[b->sorted[mid]];
        if (m->points <= k || m->point[k] < c) lo = mid + 1;
        else hi = mid;
    }
    return lo;
}

const bpe_mark *bpe_mark_at(const bpe *b, const points *p, size_t i, size_t end, unsigned how)
{
    const bpe_mark *best = NULL;
    int32_t lo = 0, hi = b->found;
    for (uint32_t k = 0; lo < hi; k++) {
        const bpe_mark *m = &b->mark[b->sorted[lo]];
        if (m->points == k && m->how & how) best = m;
        if (i + k >= end) break;
        const int64_t c = p->at[i + k];
        lo = lower(b, lo, hi, k, c);
        hi = lower(b, lo, hi, k, c + 1);
    }
    return best;
}
