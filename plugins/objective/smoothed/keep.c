/* SPDX-License-Identifier: Apache-2.0 */
/* The op keep.cheapest: of the places that have weight, so many keep it as their share of them is,
 * cut to a whole number: those that cost least, of equal ones the first. No gradient passes. */
#include "smoothed.h"

#include <stdlib.h>
#include <string.h>

static omn_status rule(const void *params, const omn_shape *in, const omn_type *in_type,
                       omn_shape *out, omn_type *out_type, omn_error *err)
{
    (void)params;
    if (in_type[0] != OMN_F32 || in_type[1] != OMN_F32 || !omn_shape_equal(&in[0], &in[1]))
        return omn_fail(err, OMN_ERR_SHAPE,
                        "costs and weights are wanted, f32 and of one shape");
    out[0] = in[1];
    out_type[0] = OMN_F32;
    return OMN_OK;
}

typedef struct place { float cost; size_t at; } place;

static int by_cost(const void *a, const void *b)
{
    const place *x = a, *y = b;
    if (x->cost != y->cost) return x->cost < y->cost ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

static float number(const omn_tensor *t, size_t i)
{
    float x;
    memcpy(&x, (const char *)t->data + i * sizeof x, sizeof x);
    return x;
}

static omn_status run(omn_call *c, const void *params, const omn_tensor *in, const omn_tensor *out,
                      void *const *y, omn_error *err)
{
    const struct smoothed_keep_set *p = params;
    const size_t n = in[1].bytes / sizeof(float);
    float *to = y[0];
    size_t count = 0;
    (void)out;
    place *all = omn_call_scratch(c, n + 1, sizeof *all);
    if (!all) return omn_fail(err, OMN_ERR_MEMORY, "out of memory");
    for (size_t i = 0; i < n; i++) {
        to[i] = 0;
        if (number(&in[1], i) != 0) all[count++] = (place){ number(&in[0], i), i };
    }
    qsort(all, count, sizeof *all, by_cost);
    const size_t kept = (size_t)((double)count * p->share);
    for (size_t i = 0; i < kept; i++) to[all[i].at] = number(&in[1], all[i].at);
    return OMN_OK;
}

const omn_param smoothed_keep_params[1] = { SMOOTHED_KEEP(OMN_S_ROW, smoothed_keep_set) };
const omn_op_impl smoothed_keep = { NULL, 2, 1, rule, run, NULL };
