/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How ops of the graph (omnio/ops.h) reach kernels: one row per op, found once at prepare. A row
 * says which views it takes, how much working memory a step needs, and runs it. Rows live beside
 * the kernels they call: products, element-wise things, movers.
 */
#ifndef OMN_CPU_OPS_H
#define OMN_CPU_OPS_H

#include <omnio/compute.h>

#include "kernels.h"

typedef struct cpu_run {
    const cpu_kernels *k;
    const cpu_par *par;
    const omn_op_call *call;
    void *const *in, *const *out;
    void *work;
    omn_call *c;
    omn_error *err;
    omn_act act;                                /* of the step behind it, which it does as well */
} cpu_run;

typedef struct cpu_op {
    const char *name;
    bool (*can)(const omn_op_call *c);          /* NULL: whatever the contract allows */
    size_t (*work)(const omn_op_call *c);       /* bytes; NULL: none */
    omn_status (*run)(const cpu_run *r);
    double (*cost)(const omn_op_call *c);       /* multiply-adds; NULL: moved bytes decide */
} cpu_op;

/* Ended by a row without a name. */
extern const cpu_op cpu_ops_product[], cpu_ops_plain[], cpu_ops_move[];

static inline size_t view_dim(const omn_view *v, uint32_t axis)
{
    return (size_t)v->shape.dim[axis];
}
static inline size_t view_last(const omn_view *v)
{
    return v->shape.rank ? view_dim(v, v->shape.rank - 1) : 1;
}
static inline size_t view_count(const omn_view *v) { return (size_t)omn_view_count(v); }
static inline size_t view_rows(const omn_view *v)
{
    const size_t D = view_last(v);
    return D ? view_count(v) / D : 0;
}
static inline bool view_is_float(const omn_view *v)
{
    return v->type == OMN_F32 || v->type == OMN_F16 || v->type == OMN_BF16;
}
static inline size_t view_unit(const omn_view *v)
{
    const omn_type_info *t = omn_type_get(v->type);
    return t ? t->bytes : 0;
}

#endif
