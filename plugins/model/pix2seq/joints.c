/* SPDX-License-Identifier: Apache-2.0 */
/* The answer "joints": the 17 joints of COCO's people, two coordinates each. Where a coordinate was
 * said to be out of sight, another is drawn from what was likely there without that word, and later
 * places are not asked again; such a joint counts as hidden. */
#include "answers.h"

#include <omnio/kinds_of_values.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LITTLE 0.1                      /* what an unseen joint weighs in a lesson */
enum { JOINTS = 17, IDS = 2 * JOINTS };

typedef struct self {
    p2s_known k;
    double top_p;
} self;

static omn_status open_joints(omn_call *c, const void *params, omn_open *o, void **out,
                              omn_error *err)
{
    (void)c;
    self *a = calloc(1, sizeof *a);
    *out = a;
    if (!a) return omn_fail(err, OMN_ERR_MEMORY, "joints: out of memory");
    a->top_p = ((const struct p2s_joints *)params)->joints;
    return p2s_know(o, "joints", &a->k, err);
}

static omn_status rules(const void *in, omn_rules *r, omn_error *err)
{
    (void)in;
    (void)err;
    omn_rules_keep(r, "codes");
    return p2s_any_rules(r, IDS, IDS);
}

/* What is drawn instead, from probabilities p [V] of a place; order, keep, x: room for V. */
static int32_t draw_again(const self *a, omn_call *c, const float *p, int32_t *order, bool *keep,
                          float *x)
{
    const size_t V = (size_t)a->k.ids.rows;
    double sum = 0, at = 0;
    int32_t last = P2S_END;
    for (size_t i = 0; i < V; i++)
        x[i] = i == P2S_UNSEEN ? -1e9f : logf(fmaxf(p[i], 1e-38f));
    p2s_keep(x, V, 0, a->top_p, order, keep);
    for (size_t i = 0; i < V; i++) sum += keep[i] ? (double)p[i] : 0;
    const double u = (double)(omn_call_random(c) >> 11) * 0x1p-53 * sum;
    for (size_t i = 0; i < V; i++) {
        if (!keep[i]) continue;
        at += (double)p[i];
        last = (int32_t)i;
        if (u < at) break;
    }
    return last;
}

/* The ids as they count, and how likely each is among all but the one for what is not seen. */
static omn_status settle(const self *a, omn_call *c, const omn_heard *h, int32_t *ids, float *p,
                         bool *again, omn_error *err)
{
    const size_t V = (size_t)a->k.ids.rows;
    int32_t *order = calloc(V, sizeof *order);
    bool *keep = calloc(V, sizeof *keep);
    float *x = calloc(V, sizeof *x);
    const bool room = order && keep && x;
    for (size_t i = 0; room && i < IDS; i++) {
        const float *kept = h->kept + i * V;
        again[i] = h->ids[i] == P2S_UNSEEN;
        ids[i] = again[i] ? draw_again(a, c, kept, order, keep, x) : h->ids[i];
        p[i] = kept[ids[i]] / fmaxf(1 - kept[P2S_UNSEEN], 1e-30f);
    }
    free(order);
    free(keep);
    free(x);
    return room ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "joints: out of memory");
}

static omn_status make(const self *a, omn_call *c, const int32_t *ids, const bool *again,
                       double score, const omn_frame *frame, omn_value **out, omn_error *err)
{
    const omn_kind *kind = NULL;
    double point[IDS], visible[JOINTS];
    size_t n_joints = 0, bones = 0;
    const char *const *names = omn_coco_joints(&n_joints);
    const int32_t *skeleton = omn_coco_skeleton(&bones);
    const p2s_ids *v = &a->k.ids;
    for (int i = 0; i < JOINTS; i++) {
        const int32_t *id = ids + 2 * i;
        const bool there = id[0] >= v->coords && id[0] < v->coords + v->bins &&
                           id[1] >= v->coords && id[1] < v->coords + v->bins;
        const float yx[2] = { p2s_coordinate(v, id[0]), p2s_coordinate(v, id[1]) };
        point[2 * i] = point[2 * i + 1] = NAN;
        if (there) p2s_to_source(&a->k, frame, yx, point + 2 * i);
        visible[i] = !there ? 0 : again[2 * i] || again[2 * i + 1] ? 1 : 2;
    }
    const omn_status st = omn_kind_find(c, "keypoints", &kind, err);
    if (st != OMN_OK) return st;
    const omn_filled columns[] = {
        omn_fill("point", OMN_F64, omn_dim3(1, JOINTS, 2), point),
        omn_fill("visible", OMN_F64, omn_dim2(1, JOINTS), visible),
        omn_fill("joints", OMN_STRING, omn_dim1(JOINTS), names),
        omn_fill("skeleton", OMN_I32, omn_dim2((int64_t)bones, 2), skeleton),
        omn_fill("score", OMN_F64, omn_dim1(1), &score),
    };
    return omn_value_make(kind, columns, 5, frame, out, err);
}

static omn_status read(const void *in, omn_call *c, const omn_heard *h, const omn_frame *frame,
                       omn_value **out, omn_error *err)
{
    const self *a = in;
    int32_t ids[IDS];
    float p[IDS];
    bool again[IDS];
    omn_status st = p2s_need_frame(frame, "joints", err);
    if (st != OMN_OK) return st;
    if (h->n < IDS)
        return omn_fail(err, OMN_ERR_DATA, "joints: %d ids are wanted, %zu were said", IDS, h->n);
    if (!h->kept || h->kept_width != (size_t)a->k.ids.rows)
        return omn_fail(err, OMN_ERR_ARGUMENT, "joints: nobody kept how likely the ids were");
    st = settle(a, c, h, ids, p, again, err);
    if (st != OMN_OK) return st;
    const double score = fmin(1, (double)p2s_points_score(ids, p, IDS));
    return make(a, c, ids, again, score, frame, out, err);
}

static omn_status write(const void *in, omn_call *c, const omn_value *v, const omn_frame *frame,
                        omn_ids *out, omn_error *err)
{
    const self *a = in;
    (void)c;
    const omn_status st = p2s_need_frame(frame, "joints", err);
    if (st != OMN_OK) return st;
    if (!omn_value_is(v, "keypoints") || omn_value_count(v) != 1 ||
        omn_value_column(v, "joints")->shape.dim[0] != JOINTS)
        return omn_fail(err, OMN_ERR_TYPE, "the wanted answer is %s, the %d joints of one body are "
                        "wanted", omn_value_kind_name(v), JOINTS);
    const double *point = omn_value_column(v, "point")->data;
    const double *visible = omn_value_column(v, "visible")->data;
    for (int i = 0; i < JOINTS; i++, point += 2) {
        float yx[2] = { P2S_HIDDEN, P2S_HIDDEN };
        if (visible[i] > 0 && isfinite(point[0]) && isfinite(point[1]))
            p2s_from_source(&a->k, frame, point, yx);
        if (!(yx[0] > 0 && yx[0] < 1 && yx[1] > 0 && yx[1] < 1)) yx[0] = yx[1] = P2S_HIDDEN;
        for (int k = 0; k < 2; k++) {
            int32_t id;
            p2s_points_write(&a->k.ids, &yx[k], 1, &id);
            omn_ids_put(out, id);
            if (id == P2S_UNSEEN) omn_ids_weigh(out, out->count - 1, LITTLE);
        }
    }
    return OMN_OK;
}

/* A share of the places, drawn anew for each lesson, is fed as out of sight. */
static omn_status feed(const void *in, omn_call *c, const int32_t *ids, size_t n, int32_t *fed,
                       omn_error *err)
{
    (void)in;
    (void)ids;
    return p2s_hide(c, fed + 1, n, -1, P2S_UNSEEN, err);
}

static const void *extension(const char *id)
{
    static const omn_fed_impl fed = { feed };
    return !strcmp(id, "omnio.fed/1") ? &fed : NULL;
}

const omn_answer_impl p2s_joints_impl = { extension, "keypoints", open_joints, free,
                                          rules, write, read };
