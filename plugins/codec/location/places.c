/* SPDX-License-Identifier: Apache-2.0 */
/* Boxes and points as a text of words and back. A reader leaves out what cannot be a place, so one
 * broken box loses itself and not the answer. */
#include "location.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_LABEL 256u /* bytes; a longer text behind a box is no label and is cut */

void loc_put_word(const loc_scheme *s, int32_t bin, omn_buf *out)
{
    if (out->length > 0 && out->data[out->length - 1] != ' ') omn_buf_puts(out, " ");
    omn_buf_printf(out, "%s%d%s", s->open, bin + s->first, s->close);
}

void loc_put_pair(const loc_scheme *s, double x, double y, loc_edge edge, omn_buf *out)
{
    const int32_t bx = loc_bin(s, x, s->width, edge), by = loc_bin(s, y, s->height, edge);
    loc_put_word(s, s->x_first ? bx : by, out);
    loc_put_word(s, s->x_first ? by : bx, out);
}

/* Words go into a buffer of their own first: the caller's text may already end in anything. */
omn_status loc_hand_over(omn_buf *words, omn_buf *out, omn_error *err)
{
    if (words->length > 0) omn_buf_put(out, words->data, words->length);
    const bool failed = words->failed || out->failed;
    omn_buf_fini(words);
    return failed ? omn_fail(err, OMN_ERR_MEMORY, "no memory for location words") : OMN_OK;
}

omn_status loc_write_boxes(const loc_scheme *s, const omn_value *v, const omn_frame *like,
                           omn_buf *out, omn_error *err)
{
    const omn_region *r = NULL;
    omn_buf words;
    if (!omn_value_is(v, "regions"))
        return omn_fail(err, OMN_ERR_TYPE, "location writes regions, not a value of type %s",
                        omn_value_kind_name(v));
    const size_t n = omn_regions_get(v, &r);
    omn_buf_init(&words, out->most);
    for (size_t i = 0; i < n; i++) {
        const double source[4] = { r[i].x0, r[i].y0, r[i].x1, r[i].y1 };
        double view[4];
        if (!loc_box_to_view(s, like, source, view)) continue;
        loc_put_pair(s, view[0], view[1], LOC_LOW, &words);
        loc_put_pair(s, view[2], view[3], LOC_HIGH, &words);
        if (s->labels == LOC_NONE || r[i].label == NULL || r[i].label[0] == 0) continue;
        omn_buf_puts(&words, " ");
        omn_buf_puts(&words, r[i].label);
    }
    return loc_hand_over(&words, out, err);
}

omn_status loc_write_points(const loc_scheme *s, const omn_value *v, const omn_frame *like,
                            omn_buf *out, omn_error *err)
{
    const omn_point *p = NULL;
    omn_buf words;
    if (!omn_value_is(v, "points"))
        return omn_fail(err, OMN_ERR_TYPE, "location.points writes points, not a value of type %s",
                        omn_value_kind_name(v));
    const size_t n = omn_points_get(v, &p);
    omn_buf_init(&words, out->most);
    for (size_t i = 0; i < n; i++) {
        double view[2];
        if (p[i].visible == 0 || !loc_point_to_view(s, like, p[i].x, p[i].y, view)) continue;
        loc_put_pair(s, view[0], view[1], LOC_POINT, &words);
        if (s->labels == LOC_NONE || p[i].label == NULL || p[i].label[0] == 0) continue;
        omn_buf_puts(&words, " ");
        omn_buf_puts(&words, p[i].label);
    }
    return loc_hand_over(&words, out, err);
}

/* What reading gathers: at most as many as a value may hold; labels in one arena. */
typedef struct gather {
    const loc_scheme *s;
    const omn_frame *like;
    omn_arena *labels;
    void *items;
    size_t count, room, each;
    const loc_spoken *spoken;     /* NULL: nobody said it */
    omn_error *err;
} gather;

static void *add(gather *g)
{
    if (g->count == OMN_REGIONS_MOST) return NULL;
    if (g->count == g->room) {
        const size_t room = g->room == 0 ? 16 : g->room * 2;
        void *p = realloc(g->items, room * g->each);
        if (p == NULL) return NULL;
        g->items = p;
        g->room = room;
    }
    return (char *)g->items + g->count++ * g->each;
}

static omn_status full(const gather *g)
{
    return omn_fail(g->err, OMN_ERR_MEMORY, "no memory for more than %zu places in one answer",
                    g->count);
}

void loc_place(const loc_scheme *s, const int32_t bin[2], loc_edge edge, double view[2])
{
    view[0] = loc_pixels(s, bin[s->x_first ? 0 : 1], s->width, edge);
    view[1] = loc_pixels(s, bin[s->x_first ? 1 : 0], s->height, edge);
}

double loc_score(const loc_spoken *h, const char *from, const char *to)
{
    double sum = 0;
    size_t n = 0;
    if (!h || !h->logprob) return NAN;
    const size_t a = (size_t)(from - h->text), b = (size_t)(to - h->text);
    for (size_t i = 0, begin = 0; i < h->n; begin = h->ends[i++])
        if (begin < b && h->ends[i] > a) {
            sum += exp((double)h->logprob[i]);
            n++;
        }
    return n ? sum / (double)n : NAN;
}

/* Had the box something inside, of which nothing is in the picture? Then it lies in what stands
 * around the picture in the model's view. */
static bool outside(const double view[4], const double source[4])
{
    return view[2] != view[0] && view[3] != view[1] &&
           !(source[2] > source[0] && source[3] > source[1]);
}

static omn_status add_box(gather *g, const int32_t *bin, const char *label, double score)
{
    double view[4], source[4];
    loc_place(g->s, bin, LOC_LOW, view);
    loc_place(g->s, bin + 2, LOC_HIGH, view + 2);
    loc_box_to_source(g->s, g->like, view, source);
    if (outside(view, source)) return OMN_OK;
    omn_region *r = add(g);
    if (r == NULL) return full(g);
    *r = (omn_region){ source[0], source[1], source[2], source[3], score, label };
    return OMN_OK;
}

/* Is the nearest point of the picture more than a bin away? Then a point lies in the padding. A
 * named one stays at the edge nevertheless: a joint is wanted of everybody, and so the published
 * program reads them (spec uio2-tasks). */
static bool beside(const gather *g, const double view[2], double x, double y)
{
    double near[2];
    if (!g->like || !loc_view(g->s, g->like, x, y, near)) return false;
    return fabs(near[0] - view[0]) > g->s->width / g->s->bins ||
           fabs(near[1] - view[1]) > g->s->height / g->s->bins;
}

static omn_status add_point(gather *g, const int32_t *bin, const char *label, double score)
{
    double view[2];
    (void)score;
    omn_point p = { .visible = 2, .label = label };
    loc_place(g->s, bin, LOC_POINT, view);
    loc_point_to_source(g->s, g->like, view, &p.x, &p.y);
    if (!label && beside(g, view, p.x, p.y)) return OMN_OK;
    omn_point *to = add(g);
    if (to == NULL) return full(g);
    *to = p;
    return OMN_OK;
}

/* Is the label likely enough for those who asked? Nobody knows how likely one is that was not
 * said. */
static bool sure_of(const loc_spoken *h, const char *label, size_t n)
{
    if (!h || !h->logprob || !(h->sure > 0)) return true;
    return n > 0 && loc_score(h, label, label + n) >= h->sure;
}

omn_status loc_keep_label(const loc_scheme *s, const loc_run *run, const loc_spoken *spoken,
                          omn_arena *a, bool *accepted, const char **kept, omn_error *err)
{
    const char *label = NULL;
    size_t n = 0;
    *kept = NULL;
    *accepted = loc_label(s, run, &label, &n) || s->labels != LOC_WORDS;
    if (!sure_of(spoken, label, n)) *accepted = false;
    if (n > MOST_LABEL)
        for (n = MOST_LABEL; n > 0 && ((unsigned char)label[n] & 0xc0) == 0x80;) n--;
    if (n == 0 || s->labels == LOC_NONE) return OMN_OK;
    *kept = omn_arena_strndup(a, label, n);
    return *kept ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "no memory for the label of a place");
}

/* A run holds places of k words each. A label belongs to the last of them; when words are left over
 * in front of a label, the last k count. */
static omn_status take_run(gather *g, const loc_run *run, size_t k,
                           omn_status (*take)(gather *, const int32_t *, const char *, double))
{
    const char *label = NULL, *p = run->words;
    bool accepted = false;
    int32_t bin[4] = { 0, 0, 0, 0 };
    omn_status st = loc_keep_label(g->s, run, g->spoken, g->labels, &accepted, &label, g->err);
    if (st != OMN_OK || run->count < k || !accepted) return st;
    const bool last_only = g->s->labels == LOC_WORDS || (label != NULL && run->count % k != 0);
    size_t i = 0;
    for (; last_only && i < run->count - k; i++) loc_take_bin(g->s, run, &p);
    for (; i + k <= run->count && st == OMN_OK; i += k) {
        const char *from = p;
        for (size_t j = 0; j < k; j++) bin[j] = loc_take_bin(g->s, run, &p);
        st = take(g, bin, i + 2 * k > run->count ? label : NULL, loc_score(g->spoken, from, p));
    }
    return st;
}

omn_status loc_read(const loc_scheme *s, const char *text, size_t n, const omn_frame *like,
                    bool boxes, const loc_spoken *spoken, omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    gather g = { .s = s,
                 .like = like,
                 .spoken = spoken,
                 .err = err,
                 .each = boxes ? sizeof(omn_region) : sizeof(omn_point) };
    const char *at = text;
    loc_run run;
    g.labels = omn_arena_new((size_t)64 << 20);
    if (g.labels == NULL) OMN_TRY(full(&g));
    while (loc_next_run(g.s, &at, text + n, &run))
        OMN_TRY(take_run(&g, &run, boxes ? 4 : 2, boxes ? add_box : add_point));
    if (boxes)
        OMN_TRY(omn_regions_new(g.items, g.count, like, out, err));
    else
        OMN_TRY(omn_points_new(g.items, g.count, like, out, err));
done:
    free(g.items);
    omn_arena_free(g.labels);
    return st;
}
