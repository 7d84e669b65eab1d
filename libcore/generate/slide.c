/* SPDX-License-Identifier: Apache-2.0 */
/* A window over a row with inputs in it. The row is what stands in front, the start token, and the
 * answer; when it has more places than the window, the oldest go: those in front first, a stride of
 * them at a time, then ids of the answer, as decode_feed.c drops them where nothing is in front;
 * the start token stays. What goes depends on the lengths of that row alone, so rows of one batch
 * slide at different steps; then all of them are fed again, each what its window holds, which
 * changes nothing in those that did not slide. */
#include "slide.h"

#include "decode.h"

#include <stdlib.h>
#include <string.h>

/* One row. front, ids: how many of them have gone; -1: it was never fed. */
typedef struct sliding {
    int32_t memory, front, ids, start;
} sliding;

struct slide {
    search_model how;             /* as the vocabulary says */
    sliding *rows;
    int32_t *said;                /* [n, room] places of the answers, as they were fed */
    size_t n, room;
};

omn_status slide_new(const omn_vocab *v, int64_t rows, int64_t room, slide **out, omn_error *err)
{
    size_t all = 0;
    slide *s = calloc(1, sizeof *s);
    if (!s) return omn_fail(err, OMN_ERR_MEMORY, "a row: out of memory");
    feed_rules(&s->how, v);
    s->n = (size_t)rows;
    s->room = (size_t)room;
    s->rows = calloc(s->n, sizeof *s->rows);
    if (omn_size_mul(s->n, s->room, &all)) s->said = calloc(all, sizeof *s->said);
    if (!s->rows || !s->said) {
        slide_free(s);
        return omn_fail(err, OMN_ERR_MEMORY, "%zu rows of %zu places: out of memory", (size_t)rows,
                        (size_t)room);
    }
    for (size_t i = 0; i < s->n; i++) s->rows[i].front = -1;
    *out = s;
    return OMN_OK;
}

void slide_free(slide *s)
{
    if (!s) return;
    free(s->rows);
    free(s->said);
    free(s);
}

bool slide_feed(slide *s, const encoded *e, int64_t T, const int32_t *ids, const int32_t *start,
                const int32_t *memory_row)
{
    const int32_t each = feed_each(&s->how), stride = s->how.stride > 0 ? s->how.stride : 1;
    bool moved = false;
    for (size_t i = 0; i < s->n; i++) {
        sliding *r = &s->rows[i];
        const int32_t front = (int32_t)e->fronts[memory_row[i]].n, n = start[i] / each;
        int32_t gone = 0, dropped = 0;
        const int32_t all = front + start[i] + (int32_t)T;
        memcpy(s->said + i * s->room + start[i], ids + (int64_t)i * T, (size_t)T * sizeof *ids);
        while (gone < front && all - gone > s->how.window)
            gone += front - gone < stride ? front - gone : stride;
        while (n - dropped >= stride && all - gone - dropped * each > s->how.window)
            dropped += stride;
        moved = moved || gone != r->front || dropped != r->ids;
        *r = (sliding){ memory_row[i], gone, dropped, front - gone + start[i] - dropped * each };
    }
    return moved;
}

int32_t slide_window(const slide *s) { return s->how.window; }

int32_t slide_start(const slide *s, int64_t row) { return s->rows[row].start; }

int32_t slide_at(const slide *s, const encoded *e, int64_t row, int64_t at)
{
    const sliding *r = &s->rows[row];
    const front_ids *f = &e->fronts[r->memory];
    const int32_t *said = s->said + (size_t)row * s->room;
    at += r->front;
    if (at < (int64_t)f->n) return f->ids[at];
    at -= (int64_t)f->n;
    if (at) at += (int64_t)r->ids * feed_each(&s->how);
    return at > 0 && at < (int64_t)s->room ? said[at] : s->how.start;
}

omn_status slide_reorder(slide *s, const int32_t *from, size_t rows, omn_error *err)
{
    int32_t *said = calloc(s->n * s->room, sizeof *said);
    sliding *old = calloc(s->n, sizeof *old);
    omn_status st = OMN_OK;
    if (!said || !old) {
        st = omn_fail(err, OMN_ERR_MEMORY, "%zu rows: out of memory", rows);
        goto done;
    }
    memcpy(said, s->said, s->n * s->room * sizeof *said);
    memcpy(old, s->rows, s->n * sizeof *old);
    for (size_t i = 0; i < rows && i < s->n; i++) {
        memcpy(s->said + i * s->room, said + (size_t)from[i] * s->room, s->room * sizeof *said);
        s->rows[i] = old[from[i]];
    }
done:
    free(said);
    free(old);
    return st;
}
