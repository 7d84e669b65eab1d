/* SPDX-License-Identifier: Apache-2.0 */
/* The answer "polygons": outlines in a picture, each as many pairs of locations as it has corners.
 * A label ends one; without labels ";" stands between two, or nobody could tell where the next
 * begins. Words know outlines alone: a polygon with a hole cannot be written. */
#include "location.h"

#include <stdlib.h>
#include <string.h>

struct polygons { POLYGONS(OMN_S_PAR, polygons) };

#define BETWEEN ";"

typedef struct polygons_answer {
    loc_scheme scheme;
    const omn_part *decoder, *tokenizer;
    int32_t least, most;              /* polygons */
    int32_t fewest, corners;          /* corners of each; corners: OMN_NO_END without end */
    bool labels;
    double force, sure;
} polygons_answer;

static omn_status open_polygons(omn_call *c, const void *params, omn_open *o, void **self,
                                omn_error *err)
{
    const struct polygons *p = params;
    (void)c;
    polygons_answer *a = calloc(1, sizeof *a);
    *self = a;
    if (!a) return omn_fail(err, OMN_ERR_MEMORY, "polygons: out of memory");
    *a = (polygons_answer){ .decoder = omn_open_decoder(o), .labels = p->labels,
                            .force = p->force, .sure = p->labels ? p->sure : 0 };
    const loc_scheme *scheme = NULL;
    const omn_status st = loc_words_in(o, "points", "polygons", &scheme, &a->tokenizer, err);
    if (st != OMN_OK) return st;
    a->scheme = *scheme;
    if (!a->labels) a->scheme.labels = LOC_NONE;  /* what stands between two is no label */
    if (!omn_count_read(p->polygons, &a->least, &a->most))
        return omn_fail(err, OMN_ERR_CONFIG, "how many: 1, 0.. or 1..20, not \"%.40s\"",
                        p->polygons);
    if (!omn_count_read(p->vertices, &a->fewest, &a->corners) || a->fewest < 3)
        return omn_fail(err, OMN_ERR_CONFIG, "how many corners: 3.., 4 or 3..32, not \"%.40s\"",
                        p->vertices);
    return OMN_OK;
}

/* With labels each ends in its own; without, all but the first follow a separator. */
static const omn_rule *all_of(const polygons_answer *a, omn_rules *r, const omn_rule *outline)
{
    if (a->labels) {
        const omn_rule *const one[] = { outline,
                                        omn_rules_repeat(r, omn_rules_any(r), 1, OMN_NO_END) };
        return omn_rules_repeat(r, omn_rules_seq(r, one, 2), a->least, a->most);
    }
    if (a->most == 0) return omn_rules_repeat(r, outline, 0, 0);
    const omn_rule *const next[] = { omn_rules_tokens(r, BETWEEN), outline };
    const omn_rule *const list[] = {
        outline, omn_rules_repeat(r, omn_rules_seq(r, next, 2), a->least > 1 ? a->least - 1 : 0,
                                  a->most == OMN_NO_END ? OMN_NO_END : a->most - 1)
    };
    return omn_rules_repeat(r, omn_rules_seq(r, list, 2), a->least > 0, 1);
}

static omn_status polygons_rules(const void *self, omn_rules *r, omn_error *err)
{
    const polygons_answer *a = self;
    const omn_rule *at = omn_rules_range(r, "location");
    const omn_rule *const corner[] = { at, at };
    (void)err;
    omn_rules_root(r, all_of(a, r, omn_rules_repeat(r, omn_rules_seq(r, corner, 2), a->fewest,
                                                    a->corners)));
    if (a->force > 0) omn_rules_prefer(r, "location", a->force);
    return OMN_OK;
}

/* ---- writing -------------------------------------------------------------------------------- */

/* Does the model see anything of it: a corner, or a part of the box about n corners? */
static bool is_seen(const loc_scheme *s, const double *point, int32_t n, const omn_frame *frame)
{
    double box[4] = { point[0], point[1], point[0], point[1] }, view[4];
    for (int32_t i = 0; i < n; i++) {
        const double x = point[2 * i], y = point[2 * i + 1];
        if (loc_point_to_view(s, frame, x, y, view)) return true;
        box[0] = x < box[0] ? x : box[0];
        box[1] = y < box[1] ? y : box[1];
        box[2] = x > box[2] ? x : box[2];
        box[3] = y > box[3] ? y : box[3];
    }
    return loc_box_to_view(s, frame, box, view);
}

/* One outline; corners outside the view come to its edge. *written: anything of it is seen. */
static omn_status write_outline(const polygons_answer *a, const double *point, int32_t n,
                                size_t number, const omn_frame *frame, omn_buf *b, bool *written,
                                omn_error *err)
{
    if (n < a->fewest)
        return omn_fail(err, OMN_ERR_DATA, "polygon %zu has %d corners, at least %d are wanted",
                        number, (int)n, (int)a->fewest);
    if (a->corners != OMN_NO_END && n > a->corners)
        return omn_fail(err, OMN_ERR_DATA, "polygon %zu has %d corners, at most %d are wanted",
                        number, (int)n, (int)a->corners);
    *written = is_seen(&a->scheme, point, n, frame);
    for (int32_t i = 0; *written && i < n; i++) {
        double view[2];
        loc_point_to_view(&a->scheme, frame, point[2 * i], point[2 * i + 1], view);
        loc_put_pair(&a->scheme, view[0], view[1], LOC_POINT, b);
    }
    return OMN_OK;
}

static omn_status write_all(const polygons_answer *a, const omn_value *v, const omn_frame *frame,
                            omn_buf *b, omn_error *err)
{
    const int32_t *rings = omn_value_column(v, "rings")->data,
                  *points = omn_value_column(v, "points")->data;
    const double *point = omn_value_column(v, "point")->data;
    const omn_tensor *labels = omn_value_column(v, "label");
    size_t said = 0;
    for (size_t i = 0, n = omn_value_count(v); i < n; i++) {
        const char *label = labels ? ((const char *const *)labels->data)[i] : NULL;
        const size_t before = b->length;
        bool written = false;
        if (rings[i] != 1)
            return omn_fail(err, OMN_ERR_DATA, "polygon %zu has %d rings: words know outlines "
                            "without holes", i + 1, (int)rings[i]);
        if (a->labels && (!label || !label[0]))
            return omn_fail(err, OMN_ERR_DATA, "polygon %zu has no label", i + 1);
        if (!a->labels && said) omn_buf_puts(b, " " BETWEEN);
        const omn_status st = write_outline(a, point, *points, i + 1, frame, b, &written, err);
        if (st != OMN_OK) return st;
        point += 2 * *points++;
        if (!written) b->length = before;
        said += written;
        if (written && a->labels) omn_buf_printf(b, " %s", label);
    }
    return b->failed ? omn_fail(err, OMN_ERR_MEMORY, "polygons: out of memory") : OMN_OK;
}

static omn_status write_polygons(const void *self, omn_call *c, const omn_value *v,
                                 const omn_frame *frame, omn_ids *out, omn_error *err)
{
    const polygons_answer *a = self;
    omn_status st = OMN_OK;
    omn_buf b;
    (void)c;
    if (!omn_value_is(v, "polygons"))
        return omn_fail(err, OMN_ERR_TYPE, "the wanted answer is %s, polygons are wanted",
                        omn_value_kind_name(v));
    omn_buf_init(&b, OMN_TEXT_MOST);
    OMN_TRY(write_all(a, v, frame, &b, err));
    OMN_TRY(omn_ids_text(out, a->tokenizer, b.data ? b.data : "", b.length, err));
done:
    omn_buf_fini(&b);
    return st;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* Columns of the value, with room for whatever n ids can say. */
typedef struct heard {
    int32_t *rings, *points;
    double *point, *score;
    const char **label;
    size_t n, corners, room;
    omn_arena *labels;
} heard;

static bool room_for(heard *h, size_t ids)
{
    const size_t n = ids + 1;
    h->rings = calloc(n, sizeof *h->rings);
    h->points = calloc(n, sizeof *h->points);
    h->point = calloc(n, 2 * sizeof *h->point);
    h->score = calloc(n, sizeof *h->score);
    h->label = calloc(n, sizeof *h->label);
    h->labels = omn_arena_new((size_t)64 << 20);
    h->room = n;
    return h->rings && h->points && h->point && h->score && h->label && h->labels;
}

static void heard_fini(heard *h)
{
    free(h->rings);
    free(h->points);
    free(h->point);
    free(h->score);
    free(h->label);
    omn_arena_free(h->labels);
}

/* A run of words is an outline; one that is too short is none, and a lone last word is lost. */
static omn_status take_run(const polygons_answer *a, const loc_run *run, const loc_spoken *spoken,
                           const omn_frame *frame, heard *h, omn_error *err)
{
    const char *p = run->words, *label = NULL;
    const size_t corners = run->count / 2;
    bool accepted = false;
    const omn_status st = loc_keep_label(&a->scheme, run, spoken, h->labels, &accepted, &label,
                                         err);
    if (st != OMN_OK || corners < 3 || !accepted) return st;
    if (corners > h->room - h->corners)    /* a vocabulary whose pieces spell locations */
        return omn_fail(err, OMN_ERR_DATA, "more corners than ids were heard");
    for (size_t i = 0; i < corners; i++) {
        int32_t bin[2];
        double view[2], *to = h->point + 2 * (h->corners + i);
        for (int k = 0; k < 2; k++) bin[k] = loc_take_bin(&a->scheme, run, &p);
        loc_place(&a->scheme, bin, LOC_POINT, view);
        loc_point_to_source(&a->scheme, frame, view, &to[0], &to[1]);
    }
    h->corners += corners;
    h->rings[h->n] = 1;
    h->points[h->n] = (int32_t)corners;
    h->score[h->n] = loc_score(spoken, run->words, p);
    h->label[h->n++] = label;
    return OMN_OK;
}

static omn_status make(omn_call *c, const heard *h, const omn_frame *frame, omn_value **out,
                       omn_error *err)
{
    const omn_kind *kind = NULL;
    const omn_shape each = omn_dim1((int64_t)h->n);
    const omn_status st = omn_kind_find(c, "polygons", &kind, err);
    const omn_filled columns[] = {
        omn_fill("rings", OMN_I32, each, h->rings), omn_fill("points", OMN_I32, each, h->points),
        omn_fill("point", OMN_F64, omn_dim2((int64_t)h->corners, 2), h->point),
        omn_fill("label", OMN_STRING, each, h->label), omn_fill("score", OMN_F64, each, h->score)
    };
    return st == OMN_OK ? omn_value_make(kind, columns, 5, frame, out, err) : st;
}

static omn_status read_polygons(const void *self, omn_call *c, const omn_heard *h,
                                const omn_frame *frame, omn_value **out, omn_error *err)
{
    const polygons_answer *a = self;
    omn_status st = OMN_OK;
    size_t *ends = NULL;
    heard all = { 0 };
    loc_run run;
    omn_buf b;
    if (!frame)
        return omn_fail(err, OMN_ERR_ARGUMENT, "an answer in polygons wants the picture that they "
                        "lie in among the inputs");
    OMN_TRY(loc_hear(a->decoder, h, &b, &ends, err));
    if (!room_for(&all, h->n)) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "polygons: out of memory"));
    const char *at = b.data ? b.data : "", *end = at + b.length;
    const loc_spoken spoken = { at, ends, h->logprob, h->n, a->sure };
    while (loc_next_run(&a->scheme, &at, end, &run))
        OMN_TRY(take_run(a, &run, &spoken, frame, &all, err));
    OMN_TRY(make(c, &all, frame, out, err));
done:
    heard_fini(&all);
    free(ends);
    omn_buf_fini(&b);
    return st;
}

const omn_answer_impl loc_answer_polygons = { NULL,           "polygons",     open_polygons, free,
                                              polygons_rules, write_polygons, read_polygons };
