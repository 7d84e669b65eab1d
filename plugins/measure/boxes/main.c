/* SPDX-License-Identifier: Apache-2.0 */
/* measure/boxes: what boxes are worth. box: the first one covers the wanted one. detect: F1 over
 * all of them: each box given takes the wanted one that it covers best, and no wanted one twice;
 * labels count where both have one, unless the recipe says that they do not. */
#include "joints.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BOXES(PAR, S)                                                                              \
    PAR(S, double, iou, "0.5", "0..1", NULL, "a box is right when it covers the wanted one better")
#define DETECT(PAR, S)                                                                             \
    BOXES(PAR, S)                                                                                  \
    PAR(S, bool, labels, "true", NULL, NULL, "labels that differ make a box wrong")
OMN_PARAMS(boxes, BOXES);
OMN_PARAMS(detect, DETECT);
static const omn_param joints_params[] = { JOINTS(OMN_S_ROW, joints) };

typedef struct boxes_self {
    double iou;
    bool labels;
    char box[48], detect[48];     /* names of the rows */
} boxes_self;
typedef struct count { uint64_t n, right, found, wanted, hit; } count;

/* With the bound as it was written: the shortest text that is this number. */
static omn_status name_rows(boxes_self *s, omn_error *err)
{
    omn_buf b;
    omn_buf_init(&b, 32);
    omn_number_print(s->iou, &b);
    const omn_status st = omn_buf_check(&b, "a bound", err);
    omn_format(s->box, sizeof s->box, "iou > %s", b.data);
    omn_format(s->detect, sizeof s->detect, "f1 at iou %s", b.data);
    omn_buf_fini(&b);
    return st;
}

static omn_status open_boxes(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    (void)c;
    (void)o;
    boxes_self *s = calloc(1, sizeof *s);
    if (!s) return omn_fail(err, OMN_ERR_MEMORY, "a measure: out of memory");
    s->iou = ((const struct boxes *)params)->iou;
    *self = s;
    return name_rows(s, err);
}

static omn_status open_detect(omn_call *c, const void *params, omn_open *o, void **self,
                              omn_error *err)
{
    const struct detect *p = params;
    const struct boxes shared = { .iou = p->iou };
    const omn_status st = open_boxes(c, &shared, o, self, err);
    if (st == OMN_OK) ((boxes_self *)*self)->labels = p->labels;
    return st;
}

static omn_status begin(const void *self, void **state, omn_error *err)
{
    (void)self;
    *state = calloc(1, sizeof(count));
    return *state ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "a measure: out of memory");
}

static void end(const void *self, void *state)
{
    (void)self;
    free(state);
}

/* Boxes of a value; none of one that is no regions. */
static size_t boxes_of(const omn_value *v, const omn_region **list)
{
    *list = NULL;
    return omn_value_is(v, "regions") ? omn_regions_get(v, list) : 0;
}

/* ---- box ------------------------------------------------------------------------------------ */

static omn_status box_add(const void *self, void *state, omn_call *call, const omn_value *answer,
                          const omn_value *want, const omn_value *inputs, bool *right,
                          omn_error *err)
{
    (void)call;
    (void)inputs;
    (void)err;
    const boxes_self *s = self;
    count *c = state;
    const omn_region *g, *w;
    *right = boxes_of(answer, &g) && boxes_of(want, &w) && omn_region_iou(&g[0], &w[0]) > s->iou;
    c->n++;
    c->right += *right;
    return OMN_OK;
}

static omn_status box_rows(const void *self, const void *state, omn_measure_emit *emit, void *user,
                           omn_error *err)
{
    (void)err;
    const count *c = state;
    const omn_measure_row row = { OMN_FILL(omn_measure_row),
                                  .name = ((const boxes_self *)self)->box,
                                  .value = c->n ? (double)c->right / (double)c->n : 0,
                                  .baseline = (double)NAN, .hi = 1 };
    emit(user, &row);
    return OMN_OK;
}

/* ---- detect --------------------------------------------------------------------------------- */

/* Labels agree when every word of the wanted one is in the other ("red cube" in "large red cube");
 * a missing label on either side agrees. */
static bool same_label(const char *got, const char *want)
{
    if (!want || !got || !got[0]) return true;
    for (const char *w = want; *w;) {
        const size_t n = strcspn(w, " ");
        bool in = n == 0;
        for (const char *g = got; !in && *g; g++) in = !strncmp(g, w, n);
        if (!in) return false;
        w += n + (w[n] == ' ');
    }
    return true;
}

static omn_status detect_add(const void *self, void *state, omn_call *call,
                             const omn_value *answer, const omn_value *want,
                             const omn_value *inputs, bool *right, omn_error *err)
{
    (void)call;
    (void)inputs;
    const boxes_self *s = self;
    count *c = state;
    const omn_region *g, *w;
    const size_t ng = boxes_of(answer, &g), nw = boxes_of(want, &w);
    bool *taken = calloc(nw + 1, sizeof *taken);
    size_t hit = 0;
    if (!taken) return omn_fail(err, OMN_ERR_MEMORY, "a measure: out of memory");
    for (size_t i = 0; i < ng; i++) {
        size_t best = nw;
        double top = s->iou;
        for (size_t j = 0; j < nw; j++) {
            const double iou = omn_region_iou(&g[i], &w[j]);
            if (taken[j] || iou <= top) continue;
            if (s->labels && !same_label(g[i].label, w[j].label)) continue;
            best = j;
            top = iou;
        }
        if (best == nw) continue;
        taken[best] = true;
        hit++;
    }
    free(taken);
    *right = hit == ng && hit == nw;
    c->n++;
    c->right += *right;
    c->found += ng;
    c->wanted += nw;
    c->hit += hit;
    return OMN_OK;
}

static omn_status detect_rows(const void *self, const void *state, omn_measure_emit *emit,
                              void *user, omn_error *err)
{
    (void)err;
    const count *c = state;
    const uint64_t all = c->found + c->wanted;
    const omn_measure_row row = { OMN_FILL(omn_measure_row),
                                  .name = ((const boxes_self *)self)->detect,
                                  .value = all ? 2.0 * (double)c->hit / (double)all : 1,
                                  .baseline = (double)NAN, .hi = 1 };
    emit(user, &row);
    return OMN_OK;
}

static const omn_measure_impl box_impl = { NULL,  "regions", open_boxes, free,
                                           begin, box_add,   box_rows,   end };
static const omn_measure_impl detect_impl = { NULL,  "regions",  open_detect, free,
                                              begin, detect_add, detect_rows, end };
static const omn_object objects[] = {
    { "omnio.measure/1", "box", "share of answers whose first box covers the wanted one",
      &box_impl, OMN_OBJECT_PARAMS(boxes) },
    { "omnio.measure/1", "detect", "F1 of boxes and their labels", &detect_impl,
      OMN_OBJECT_PARAMS(detect) },
    { "omnio.measure/1", "joints", "share of a person's joints that are found", &joints_impl,
      OMN_OBJECT_PARAMS(joints) },
};
OMN_PLUGIN("measure-boxes", "0.1.0", "Apache-2.0", "what boxes and joints are worth", objects);
