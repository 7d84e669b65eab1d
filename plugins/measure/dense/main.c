/* SPDX-License-Identifier: Apache-2.0 */
/* measure/dense: what a value for each pixel is worth: labels of masks by the intersection over
 * union of each label, depth by its error relative to what is true, normals by the angle between
 * them. A value of another size or kind has nothing right. */
#include "dense.h"

#include <omnio/kinds_of_values.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MASKS(PAR, S)                                                                              \
    PAR(S, double, iou, "0.5", "0..1", NULL, "a mask is right when its mean is above")             \
    PAR(S, int, ignore, "-1", "-1..65535", NULL, "a label that does not count; -1: all do")        \
    PAR(S, string, box, "", NULL, NULL, "an input that is a box: filled, it is the trivial answer")
#define DEPTHS(PAR, S)                                                                             \
    PAR(S, double, error, "0.1", "0..1e6", NULL, "a depth is right when its mean error is below")
#define NORMALS(PAR, S)                                                                            \
    PAR(S, double, within, "30", "0..180", "deg", "normals that are nearer than this are right") \
    PAR(S, string, where, "", NULL, NULL, "a mask beside: what it labels above 0 counts alone")
OMN_PARAMS(masks, MASKS);
OMN_PARAMS(depths, DEPTHS);
OMN_PARAMS(surfaces, NORMALS);
static const omn_param share_params[] = { SHARE(OMN_S_ROW, share) };

#define MOST_LABELS 65536

/* sum, filled: of what each value, each filled box is worth; pixels, near: of all values. */
typedef struct count { uint64_t n, right, pixels, near; double sum, filled; } count;

omn_status dense_no_memory(omn_error *err)
{
    return omn_fail(err, OMN_ERR_MEMORY, "a measure: out of memory");
}

omn_status dense_keep(const void *params, size_t n, void **self, omn_error *err)
{
    *self = malloc(n);
    if (!*self) return dense_no_memory(err);
    memcpy(*self, params, n);
    return OMN_OK;
}

static omn_status open_masks(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    (void)c;
    (void)o;
    return dense_keep(params, sizeof(struct masks), self, err);
}

static omn_status open_depths(omn_call *c, const void *params, omn_open *o, void **self,
                              omn_error *err)
{
    (void)c;
    (void)o;
    return dense_keep(params, sizeof(struct depths), self, err);
}

static omn_status open_normals(omn_call *c, const void *params, omn_open *o, void **self,
                               omn_error *err)
{
    (void)c;
    (void)o;
    return dense_keep(params, sizeof(struct surfaces), self, err);
}

static omn_status begin(const void *self, void **state, omn_error *err)
{
    (void)self;
    *state = calloc(1, sizeof(count));
    return *state ? OMN_OK : dense_no_memory(err);
}

static void end(const void *self, void *state)
{
    (void)self;
    free(state);
}

/* The same column of both, of one shape; false: there is nothing to compare. */
static bool pair(const omn_value *a, const omn_value *b, const char *kind, const char *column,
                 const omn_tensor **x, const omn_tensor **y)
{
    if (!omn_value_is(a, kind) || !omn_value_is(b, kind)) return false;
    *x = omn_value_column(a, column);
    *y = omn_value_column(b, column);
    return *x && *y && omn_shape_equal(&(*x)->shape, &(*y)->shape);
}

omn_status dense_where(const omn_value *inputs, const char *name, const omn_tensor *of,
                       const int32_t **labels, omn_error *err)
{
    const omn_value *v = omn_value_is(inputs, "record") ? omn_record_get(inputs, name) : NULL;
    const omn_tensor *t = omn_value_is(v, "mask") ? omn_value_column(v, "labels") : NULL;
    if (!t)
        return omn_fail(err, OMN_ERR_CONFIG, "the measure has no mask \"%s\" beside the answer "
                        "(beside: {%s: FIELD})", name, name);
    if (t->shape.dim[0] != of->shape.dim[0] || t->shape.dim[1] != of->shape.dim[1])
        return omn_fail(err, OMN_ERR_DATA, "the mask \"%s\" has %lld x %lld pixels, what it goes "
                        "with %lld x %lld", name, (long long)t->shape.dim[1],
                        (long long)t->shape.dim[0], (long long)of->shape.dim[1],
                        (long long)of->shape.dim[0]);
    *labels = t->data;
    return OMN_OK;
}

static double mean_of(const count *c) { return c->n ? c->sum / (double)c->n : 0; }

/* ---- masks ----------------------------------------------------------------------------------- */

/* Pixels that have a label in both, in the wanted one, in the answer. */
typedef struct tally { uint64_t both, wanted, made; } tally;

static double mean_iou(const tally *t, int32_t ignore)
{
    double sum = 0;
    size_t n = 0;
    for (int32_t i = 0; i < MOST_LABELS; i++) {
        if (!t[i].wanted || i == ignore) continue;
        sum += (double)t[i].both / (double)(t[i].wanted + t[i].made - t[i].both);
        n++;
    }
    return n ? sum / (double)n : 1;
}

/* What the labels 1 of a filled box, and 0 around it, are worth. t: empty. */
static double filled(const struct masks *p, const omn_value *inputs, const omn_tensor *y, tally *t)
{
    const omn_region *r = NULL;
    const omn_value *v = omn_value_is(inputs, "record") ? omn_record_get(inputs, p->box) : NULL;
    const int32_t *b = y->data;
    const int64_t w = y->shape.dim[1];
    if (!omn_value_is(v, "regions") || !omn_regions_get(v, &r)) return 0;
    for (int64_t i = 0; i < w * y->shape.dim[0]; i++) {
        const double u = (double)(i % w) + 0.5, h = (double)(i / w) + 0.5;
        const int32_t made = u > r->x0 && u < r->x1 && h > r->y0 && h < r->y1;
        if (b[i] < 0 || b[i] >= MOST_LABELS) continue;
        if (b[i] < 2) t[b[i]].wanted++;
        if (b[i] < 2) t[b[i]].both += made == b[i];
        t[made].made++;
    }
    return mean_iou(t, p->ignore);
}

static omn_status add_mask(const void *self, void *state, omn_call *call, const omn_value *answer,
                           const omn_value *want, const omn_value *inputs, bool *right,
                           omn_error *err)
{
    const struct masks *p = self;
    const omn_tensor *x, *y;
    count *c = state;
    double worth = 0;
    (void)call;
    const bool is_pair = pair(answer, want, "mask", "labels", &x, &y);
    if (p->box[0] && omn_value_is(want, "mask")) {
        tally *t = calloc(MOST_LABELS, sizeof *t);
        y = omn_value_column(want, "labels");
        if (!t) return dense_no_memory(err);
        if (y) c->filled += filled(p, inputs, y, t);
        free(t);
    }
    if (is_pair) {
        tally *t = calloc(MOST_LABELS, sizeof *t);
        if (!t) return dense_no_memory(err);
        const int32_t *a = x->data, *b = y->data;
        for (size_t i = 0; i < y->bytes / sizeof *b; i++) {
            if (b[i] < 0 || b[i] >= MOST_LABELS) continue;    /* nobody said */
            t[b[i]].wanted++;
            t[b[i]].both += a[i] == b[i];
            if (a[i] >= 0 && a[i] < MOST_LABELS) t[a[i]].made++;
        }
        worth = mean_iou(t, p->ignore);
        free(t);
    }
    *right = worth > p->iou;
    c->n++;
    c->right += *right;
    c->sum += worth;
    return OMN_OK;
}

static omn_status mask_rows(const void *self, const void *state, omn_measure_emit *emit, void *user,
                            omn_error *err)
{
    const struct masks *p = self;
    const count *c = state;
    (void)err;
    const omn_measure_row row = { OMN_FILL(omn_measure_row), .name = "mean iou",
                                  .value = mean_of(c),
                                  .baseline = p->box[0] && c->n ? c->filled / (double)c->n
                                                                : (double)NAN,
                                  .hi = 1 };
    emit(user, &row);
    return OMN_OK;
}

/* ---- depth ----------------------------------------------------------------------------------- */

static omn_status add_depth(const void *self, void *state, omn_call *call, const omn_value *answer,
                            const omn_value *want, const omn_value *inputs, bool *right,
                            omn_error *err)
{
    const struct depths *p = self;
    const omn_tensor *x, *y;
    count *c = state;
    double sum = 0, worth = 1;
    uint64_t n = 0;
    (void)call;
    (void)inputs;
    (void)err;
    if (pair(answer, want, "depth", "depth", &x, &y)) {
        const float *a = x->data, *b = y->data;
        for (size_t i = 0; i < y->bytes / sizeof *b; i++) {
            if (!isfinite(b[i]) || !(b[i] > 0)) continue;
            sum += isfinite(a[i]) ? fabs((double)a[i] - (double)b[i]) / (double)b[i] : 1;
            n++;
        }
        worth = n ? sum / (double)n : 0;
    }
    *right = worth < p->error;
    c->n++;
    c->right += *right;
    c->sum += worth;
    return OMN_OK;
}

static omn_status depth_rows(const void *self, const void *state, omn_measure_emit *emit,
                             void *user, omn_error *err)
{
    (void)self;
    (void)err;
    const omn_measure_row row = { OMN_FILL(omn_measure_row), .name = "relative error",
                                  .value = mean_of(state), .baseline = (double)NAN, .less = true };
    emit(user, &row);
    return OMN_OK;
}

/* ---- normals --------------------------------------------------------------------------------- */

/* In degrees; 180 of what is not known. */
static double angle(const float *a, const float *b)
{
    double dot = 0, aa = 0, bb = 0;
    for (int i = 0; i < 3; i++) {
        dot += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    if (!(aa > 0) || !(bb > 0)) return 180;
    return acos(fmax(-1, fmin(1, dot / sqrt(aa * bb)))) * 180 / 3.14159265358979323846;
}

static omn_status add_normals(const void *self, void *state, omn_call *call,
                              const omn_value *answer, const omn_value *want,
                              const omn_value *inputs, bool *right, omn_error *err)
{
    const struct surfaces *p = self;
    const omn_tensor *x, *y;
    count *c = state;
    double sum = 0, worth = 180;
    uint64_t n = 0;
    const int32_t *labels = NULL;
    (void)call;
    y = omn_value_is(want, "normals") ? omn_value_column(want, "normals") : NULL;
    if (y && p->where[0]) {
        const omn_status st = dense_where(inputs, p->where, y, &labels, err);
        if (st != OMN_OK) return st;
    }
    if (pair(answer, want, "normals", "normals", &x, &y)) {
        const float *a = x->data, *b = y->data;
        for (size_t i = 0; i + 2 < y->bytes / sizeof *b; i += 3) {
            if (!isfinite(b[i]) || (labels && labels[i / 3] <= 0)) continue;
            const double off = angle(a + i, b + i);
            sum += off;
            c->near += off < p->within;
            n++;
        }
        worth = n ? sum / (double)n : 0;
    }
    *right = worth < p->within;
    c->n++;
    c->right += *right;
    c->sum += worth;
    c->pixels += n;
    return OMN_OK;
}

static omn_status normals_rows(const void *self, const void *state, omn_measure_emit *emit,
                               void *user, omn_error *err)
{
    const count *c = state;
    (void)self;
    (void)err;
    const omn_measure_row mean = { OMN_FILL(omn_measure_row), .name = "mean angle", .unit = "deg",
                                   .value = mean_of(c), .baseline = (double)NAN, .hi = 180,
                                   .less = true };
    const omn_measure_row near = { OMN_FILL(omn_measure_row), .name = "pixels within",
                                   .value = c->pixels ? (double)c->near / (double)c->pixels : 0,
                                   .baseline = (double)NAN, .hi = 1 };
    emit(user, &mean);
    emit(user, &near);
    return OMN_OK;
}

static const omn_measure_impl mask_impl = { NULL,  "mask",   open_masks, free,
                                            begin, add_mask, mask_rows,  end };
static const omn_measure_impl depth_impl = { NULL,  "depth",   open_depths, free,
                                             begin, add_depth, depth_rows,  end };
static const omn_measure_impl normals_impl = { NULL,  "normals",   open_normals, free,
                                               begin, add_normals, normals_rows, end };
static const omn_object objects[] = {
    { "omnio.measure/1", "masks", "intersection over union of the labels of masks", &mask_impl,
      OMN_OBJECT_PARAMS(masks) },
    { "omnio.measure/1", "depth", "how far depth is off, beside what is true", &depth_impl,
      OMN_OBJECT_PARAMS(depths) },
    { "omnio.measure/1", "depth-share",
      "the error of depth beside that of the best constant map, on things and around them",
      &share_impl, OMN_OBJECT_PARAMS(share) },
    { "omnio.measure/1", "normals", "the angle between normals", &normals_impl,
      OMN_OBJECT_PARAMS(surfaces) },
};
OMN_PLUGIN("measure-dense", "0.1.0", "Apache-2.0", "what a value for each pixel is worth", objects);
