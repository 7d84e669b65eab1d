/* SPDX-License-Identifier: Apache-2.0 */
/* What follows a product, row by row: act(alpha * sum + bias) + residual. One text for rows alone
 * (few.c) and in company (gemm.c), so that both round alike. */
#ifndef OMN_CPU_EPILOGUE_H
#define OMN_CPU_EPILOGUE_H

#include "vmath.h"

typedef struct epilogue {
    const void *bias;
    omn_type bias_type;
    omn_act act;
    float alpha;
} epilogue;

INLINE bool epilogue_none(const epilogue *e, bool residual)
{
    return e->alpha == 1 && !e->bias && e->act == OMN_ACT_NONE && !residual;
}

/* o: n elements from column n0 on; r: what is added to them, or NULL */
INLINE void epilogue_row(const epilogue *e, float *o, size_t n0, size_t n, const float *r)
{
    for (size_t i = 0; i < n; i += VW) {
        vf v = frow(o, i, n), b = vset(0);
        if (e->bias) b = vrow(at(e->bias, e->bias_type, (ptrdiff_t)n0), e->bias_type, i, n);
        v = vfma(v, vset(e->alpha), b);
        v = vactivate(e->act, v);
        if (r) v += frow(r, i, n);
        frow_set(o, i, n, v);
    }
}

#endif
