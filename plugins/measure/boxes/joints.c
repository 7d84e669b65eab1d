/* SPDX-License-Identifier: Apache-2.0 */
/* joints: the share of a person's joints that are found, PCK (Yang and Ramanan 2013) with the
 * height of the person's box in place of that of the head: of the joints that are seen, those
 * within a tenth of it. Joints that are hidden or outside the picture do not count. The trivial
 * answer is the best constant pose: each joint in its mean place of the box, over all that were
 * asked about.
 */
#include "joints.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 64 };                   /* joints of a body */
#define SEEN 2                        /* of a joint: not hidden (1), not outside (0) */

/* A joint in the box, from 0 to 1, and how high the box is, through its width. */
typedef struct place { float x, y, tall; uint32_t joint; } place;
typedef struct count {
    uint64_t right, wanted;
    place *list;                      /* owned */
    size_t list_n, room;
    char name[48];
} count;

static omn_status no_memory(omn_error *err)
{
    return omn_fail(err, OMN_ERR_MEMORY, "a measure: out of memory");
}

static omn_status joints_open(omn_call *c, const void *params, omn_open *o, void **self,
                              omn_error *err)
{
    (void)c;
    (void)o;
    *self = malloc(sizeof(struct joints));
    if (!*self) return no_memory(err);
    memcpy(*self, params, sizeof(struct joints));
    return OMN_OK;
}

static omn_status joints_begin(const void *self, void **state, omn_error *err)
{
    omn_buf b;
    count *c = calloc(1, sizeof *c);
    *state = c;
    if (!c) return no_memory(err);
    omn_buf_init(&b, 32);
    omn_number_print(((const struct joints *)self)->within, &b);
    const omn_status st = omn_buf_check(&b, "a bound", err);
    if (st == OMN_OK) omn_format(c->name, sizeof c->name, "within %s", b.data);
    omn_buf_fini(&b);
    return st;
}

static void joints_end(const void *self, void *state)
{
    (void)self;
    count *c = state;
    if (c) free(c->list);
    free(c);
}

typedef struct body { double at[MOST][2], seen[MOST]; size_t n; } body;

/* The joints of the first body, or points that are joints in their order; none: there is none. */
static void body_of(const omn_value *v, body *b)
{
    const omn_point *list = NULL;
    b->n = 0;
    if (omn_value_is(v, "points")) {
        const size_t n = omn_points_get(v, &list);
        b->n = n <= MOST ? n : 0;
    }
    for (size_t j = 0; list && j < b->n; j++) {
        b->at[j][0] = list[j].x;
        b->at[j][1] = list[j].y;
        b->seen[j] = list[j].visible;
    }
    if (!omn_value_is(v, "keypoints")) return;
    const omn_tensor *p = omn_value_column(v, "point"), *s = omn_value_column(v, "visible");
    if (!p || !s || p->shape.dim[0] < 1 || p->shape.dim[1] > MOST) return;
    b->n = (size_t)p->shape.dim[1];
    memcpy(b->at, p->data, b->n * sizeof b->at[0]);
    memcpy(b->seen, s->data, b->n * sizeof b->seen[0]);
}

static omn_status keep(count *c, const place *p, omn_error *err)
{
    if (c->list_n == c->room) {
        const size_t room = c->room ? 2 * c->room : 256;
        place *more = realloc(c->list, room * sizeof *more);
        if (!more) return no_memory(err);
        c->list = more;
        c->room = room;
    }
    c->list[c->list_n++] = *p;
    return OMN_OK;
}

static omn_status joints_add(const void *self, void *state, omn_call *call,
                             const omn_value *answer, const omn_value *want,
                             const omn_value *inputs, bool *right, omn_error *err)
{
    const struct joints *s = self;
    count *c = state;
    omn_status st = OMN_OK;
    const omn_region *box = NULL;
    body truth, made;
    size_t hit = 0, n = 0;
    (void)call;
    *right = false;
    body_of(want, &truth);
    body_of(answer, &made);
    const omn_value *v = omn_value_is(inputs, "record") ? omn_record_get(inputs, s->box) : NULL;
    if (!truth.n)
        return omn_fail(err, OMN_ERR_DATA, "joints are compared with those of a body of at most "
                        "%d joints", MOST);
    if (!omn_value_is(v, "regions") || !omn_regions_get(v, &box) || !(box->y1 > box->y0) ||
        !(box->x1 > box->x0))
        return omn_fail(err, OMN_ERR_DATA, "the measure has no box \"%s\" around the person",
                        s->box);
    const double tall = box->y1 - box->y0, wide = box->x1 - box->x0;
    for (size_t j = 0; j < truth.n && st == OMN_OK; j++) {
        const double x = truth.at[j][0], y = truth.at[j][1];
        if (truth.seen[j] < SEEN) continue;
        n++;
        if (made.n == truth.n && made.seen[j] > 0)
            hit += hypot(made.at[j][0] - x, made.at[j][1] - y) <= s->within * tall;
        const place p = { (float)((x - box->x0) / wide), (float)((y - box->y0) / tall),
                          (float)(tall / wide), (uint32_t)j };
        st = keep(c, &p, err);
    }
    c->right += hit;
    c->wanted += n;
    *right = n && hit == n;
    return st;
}

/* The share of the joints that the mean pose has right. */
static double constant(const struct joints *s, const count *c)
{
    double x[MOST] = { 0 }, y[MOST] = { 0 }, n[MOST] = { 0 };
    uint64_t hit = 0;
    for (size_t i = 0; i < c->list_n; i++) {
        const place *p = &c->list[i];
        x[p->joint] += (double)p->x;
        y[p->joint] += (double)p->y;
        n[p->joint]++;
    }
    for (size_t i = 0; i < c->list_n; i++) {
        const place *p = &c->list[i];
        const double dx = (x[p->joint] / n[p->joint] - (double)p->x) / (double)p->tall;
        hit += hypot(dx, y[p->joint] / n[p->joint] - (double)p->y) <= s->within;
    }
    return c->list_n ? (double)hit / (double)c->list_n : (double)NAN;
}

static omn_status joints_rows(const void *self, const void *state, omn_measure_emit *emit,
                              void *user, omn_error *err)
{
    const count *c = state;
    (void)err;
    const omn_measure_row row = { OMN_FILL(omn_measure_row), .name = c->name,
                                  .value = c->wanted ? (double)c->right / (double)c->wanted : 0,
                                  .baseline = constant(self, c), .hi = 1 };
    emit(user, &row);
    return OMN_OK;
}

const omn_measure_impl joints_impl = { NULL,         "any",       joints_open, free,
                                       joints_begin, joints_add,  joints_rows, joints_end };
