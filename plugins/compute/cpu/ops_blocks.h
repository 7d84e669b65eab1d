/* SPDX-License-Identifier: Apache-2.0 */
/* The ops that read blocks of quantised weights; the others take none. */
#ifndef OMN_CPU_OPS_BLOCKS_H
#define OMN_CPU_OPS_BLOCKS_H

#include "ops.h"

static inline bool view_is_blocks(const omn_view *v)
{
    const omn_type_info *t = omn_type_get(v->type);
    return t && t->block;
}

/* linear and linear_dx; embedding. Their in[1] and in[0] is blocks. */
bool blocks_can(const omn_op_call *c);
size_t blocks_linear_work(const omn_op_call *c);
omn_status blocks_linear(const cpu_run *r, const cpu_linear *l);
omn_status blocks_product(const cpu_run *r, cpu_gemm *g);
void blocks_rows(const cpu_run *r, size_t n, size_t D);

#endif
