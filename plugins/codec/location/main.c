/* SPDX-License-Identifier: Apache-2.0 */
/* The codecs "location" (boxes) and "location.points": places in pixels of the source picture, as
 * words in a prompt or an answer and back. A box is four words, y first unless told otherwise, then
 * its label if it has one; a point is two. The frame says where the model's view, padded and
 * scaled, lies in the source, so whoever asks for a box gets it in pixels of their own picture. */
#include <omnio/kinds.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "location.h"

#define MOST_LABEL 256u /* bytes; a longer text behind a box is no label and is cut */

#define LOCATION(PAR, S)                                                                           \
    PAR(S, int, bins, "1000", "2..100000", NULL, "number of bins along each side")                 \
    PAR(S, int, first, "200", "0..1000000", NULL, "number in the word of bin 0")                   \
    PAR(S, int, divisor, "0", "0..1000000", NULL, "bins are v * divisor; 0: bins - 1")             \
    PAR(S, choice, rounding, "trunc", "trunc|nearest|cell", NULL,                                  \
        "how a coordinate becomes a bin; cell: the one of equal cells that holds it")              \
    PAR(S, choice, order, "yx", "yx|xy", NULL, "which coordinate comes first")                     \
    PAR(S, int, width, "384", "1..65535", "px", "width of the view that the model sees")           \
    PAR(S, int, height, "384", "1..65535", "px", "height of the view that the model sees")         \
    PAR(S, string, open, "<extra_id_", NULL, NULL, "a word before its number")                     \
    PAR(S, string, close, ">", NULL, NULL, "a word behind its number")                             \
    PAR(S, choice, labels, "auto", "auto|words|none", NULL,                                        \
        "what counts as the label of a box; words: a-z and spaces only, and it must be there")
OMN_PARAMS(location, LOCATION);

typedef struct codec {
    loc_scheme scheme;
    char *open, *close;
} codec;

static char *copy(const char *s)
{
    const size_t n = strlen(s) + 1;
    char *p = malloc(n);
    if (p != NULL) memcpy(p, s, n);
    return p;
}

static omn_status codec_open(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    const struct location *p = params;
    (void)c;
    (void)o;
    codec *k = calloc(1, sizeof *k);
    *self = k;
    if (k == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for a location codec");
    if (p->open[0] == 0 || p->close[0] == 0)
        return omn_fail(err, OMN_ERR_CONFIG, "location: open and close must not be empty");
    k->open = copy(p->open);
    k->close = copy(p->close);
    if (k->open == NULL || k->close == NULL)
        return omn_fail(err, OMN_ERR_MEMORY, "no memory for a location codec");
    k->scheme = (loc_scheme){
        .bins = p->bins,
        .first = p->first,
        .divisor = p->divisor > 0 ? p->divisor : p->bins - 1,
        .rounding = (loc_rounding)p->rounding,
        .x_first = p->order == 1,
        .width = p->width,
        .height = p->height,
        .open = k->open,
        .close = k->close,
        .labels = (loc_labels)p->labels,
    };
    return OMN_OK;
}

static void codec_close(void *self)
{
    codec *k = self;
    if (k == NULL) return;
    free(k->open);
    free(k->close);
    free(k);
}

static void put_word(const loc_scheme *s, int32_t bin, omn_buf *out)
{
    if (out->length > 0 && out->data[out->length - 1] != ' ') omn_buf_puts(out, " ");
    omn_buf_printf(out, "%s%d%s", s->open, bin + s->first, s->close);
}

/* One coordinate pair, in the order of the scheme. */
static void put_pair(const loc_scheme *s, double x, double y, loc_edge edge, omn_buf *out)
{
    const int32_t bx = loc_bin(s, x, s->width, edge), by = loc_bin(s, y, s->height, edge);
    put_word(s, s->x_first ? bx : by, out);
    put_word(s, s->x_first ? by : bx, out);
}

/* Words go into a buffer of their own first: the caller's text may already end in anything. */
static omn_status hand_over(omn_buf *words, omn_buf *out, omn_error *err)
{
    if (words->length > 0) omn_buf_put(out, words->data, words->length);
    const bool failed = words->failed || out->failed;
    omn_buf_fini(words);
    return failed ? omn_fail(err, OMN_ERR_MEMORY, "no memory for location words") : OMN_OK;
}

static omn_status write_boxes(const void *self, omn_call *c, const omn_value *v,
                              const omn_frame *like, omn_buf *out, omn_error *err)
{
    const loc_scheme *s = &((const codec *)self)->scheme;
    const omn_region *r = NULL;
    omn_buf words;
    (void)c;
    if (omn_value_get_kind(v) != OMN_VALUE_REGIONS)
        return omn_fail(err, OMN_ERR_TYPE, "location writes regions, not a value of type %s",
                        omn_value_kind_name(omn_value_get_kind(v)));
    const size_t n = omn_regions_get(v, &r);
    omn_buf_init(&words, out->most);
    for (size_t i = 0; i < n; i++) {
        const double source[4] = { r[i].x0, r[i].y0, r[i].x1, r[i].y1 };
        double view[4];
        if (!loc_box_to_view(s, like, source, view)) continue;
        put_pair(s, view[0], view[1], LOC_LOW, &words);
        put_pair(s, view[2], view[3], LOC_HIGH, &words);
        if (s->labels == LOC_NONE || r[i].label == NULL || r[i].label[0] == 0) continue;
        omn_buf_puts(&words, " ");
        omn_buf_puts(&words, r[i].label);
    }
    return hand_over(&words, out, err);
}

static omn_status write_points(const void *self, omn_call *c, const omn_value *v,
                               const omn_frame *like, omn_buf *out, omn_error *err)
{
    const loc_scheme *s = &((const codec *)self)->scheme;
    const omn_point *p = NULL;
    omn_buf words;
    (void)c;
    if (omn_value_get_kind(v) != OMN_VALUE_POINTS)
        return omn_fail(err, OMN_ERR_TYPE, "location.points writes points, not a value of type %s",
                        omn_value_kind_name(omn_value_get_kind(v)));
    const size_t n = omn_points_get(v, &p);
    omn_buf_init(&words, out->most);
    for (size_t i = 0; i < n; i++) {
        double view[2];
        if (p[i].visible == 0 || !loc_point_to_view(s, like, p[i].x, p[i].y, view)) continue;
        put_pair(s, view[0], view[1], LOC_POINT, &words);
        if (s->labels == LOC_NONE || p[i].label == NULL || p[i].label[0] == 0) continue;
        omn_buf_puts(&words, " ");
        omn_buf_puts(&words, p[i].label);
    }
    return hand_over(&words, out, err);
}

/* What reading gathers: at most as many as a value may hold; labels in one arena. */
typedef struct gather {
    const loc_scheme *s;
    const omn_frame *like;
    omn_arena *labels;
    void *items;
    size_t count, room, each;
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

/* Two bins in the order of the scheme, as a place in the view. */
static void place(const loc_scheme *s, const int32_t bin[2], loc_edge edge, double view[2])
{
    view[0] = loc_pixels(s, bin[s->x_first ? 0 : 1], s->width, edge);
    view[1] = loc_pixels(s, bin[s->x_first ? 1 : 0], s->height, edge);
}

static omn_status add_box(gather *g, const int32_t *bin, const char *label)
{
    double view[4], source[4];
    place(g->s, bin, LOC_LOW, view);
    place(g->s, bin + 2, LOC_HIGH, view + 2);
    loc_box_to_source(g->like, view, source);
    omn_region *r = add(g);
    if (r == NULL) return full(g);
    *r = (omn_region){ source[0], source[1], source[2], source[3], NAN, label };
    return OMN_OK;
}

static omn_status add_point(gather *g, const int32_t *bin, const char *label)
{
    double view[2];
    omn_point p = { .visible = 2, .label = label };
    place(g->s, bin, LOC_POINT, view);
    loc_point_to_source(g->like, view, &p.x, &p.y);
    omn_point *to = add(g);
    if (to == NULL) return full(g);
    *to = p;
    return OMN_OK;
}

static omn_status keep_label(gather *g, const loc_run *run, bool *accepted, const char **kept)
{
    const char *label = NULL;
    size_t n = 0;
    *kept = NULL;
    *accepted = loc_label(g->s, run, &label, &n);
    if (n > MOST_LABEL)
        for (n = MOST_LABEL; n > 0 && ((unsigned char)label[n] & 0xc0) == 0x80;) n--;
    if (n == 0 || g->s->labels == LOC_NONE) return OMN_OK;
    *kept = omn_arena_strndup(g->labels, label, n);
    return *kept != NULL ? OMN_OK : full(g);
}

/* A run holds places of k words each. A label belongs to the last of them; when words are left over
 * in front of a label, the last k count. */
static omn_status take_run(gather *g, const loc_run *run, size_t k,
                           omn_status (*take)(gather *, const int32_t *, const char *))
{
    const char *label = NULL, *p = run->words;
    bool accepted = false;
    int32_t bin[4] = { 0, 0, 0, 0 };
    omn_status st = keep_label(g, run, &accepted, &label);
    if (st != OMN_OK || run->count < k || (g->s->labels == LOC_WORDS && !accepted)) return st;
    const bool last_only = g->s->labels == LOC_WORDS || (label != NULL && run->count % k != 0);
    size_t i = 0;
    for (; last_only && i < run->count - k; i++) loc_take_bin(g->s, run, &p);
    for (; i + k <= run->count && st == OMN_OK; i += k) {
        for (size_t j = 0; j < k; j++) bin[j] = loc_take_bin(g->s, run, &p);
        st = take(g, bin, i + 2 * k > run->count ? label : NULL);
    }
    return st;
}

static omn_status read_all(const void *self, const char *text, size_t n, const omn_frame *like,
                           bool boxes, omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    gather g = { .s = &((const codec *)self)->scheme,
                 .like = like,
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

static omn_status read_boxes(const void *self, omn_call *c, const char *text, size_t n,
                             const omn_frame *like, omn_value **out, omn_error *err)
{
    (void)c;
    return read_all(self, text, n, like, true, out, err);
}

static omn_status read_points(const void *self, omn_call *c, const char *text, size_t n,
                              const omn_frame *like, omn_value **out, omn_error *err)
{
    (void)c;
    return read_all(self, text, n, like, false, out, err);
}

static const omn_codec_impl boxes_impl = {
    .speaks = "regions",
    .open = codec_open,
    .close = codec_close,
    .write = write_boxes,
    .read = read_boxes,
};
static const omn_codec_impl points_impl = {
    .speaks = "points",
    .open = codec_open,
    .close = codec_close,
    .write = write_points,
    .read = read_points,
};
static const omn_object objects[] = {
    { "omnio.codec/1", "location",
      "boxes as location words and back, in pixels of the source picture", &boxes_impl,
      OMN_OBJECT_PARAMS(location) },
    { "omnio.codec/1", "location.points", "points as location words and back", &points_impl,
      OMN_OBJECT_PARAMS(location) },
};
OMN_PLUGIN("location", "1.0", "Apache-2.0", "places in pictures as words", objects);
