/* SPDX-License-Identifier: Apache-2.0 */
/* How ops read blocks of quantised weights: linear by kernels of its own (linear_blocks.c),
 * products along the rows of w by handing the rows of w to gemm as it asks for them, embeddings row
 * by row. A product down the columns of blocks (linear_dx of a matrix [K, N]) is not there. */
#include "ops_blocks.h"

#include <string.h>

bool blocks_can(const omn_op_call *c)
{
    const omn_linear_attrs *a = c->attrs;
    const omn_view *w = &c->in[1];
    const omn_type_info *t = omn_type_get(w->type);
    return w->shape.rank == 2 && view_last(w) % t->block == 0 &&
           !(a->in_out && strcmp(c->op, "linear") != 0);
}

size_t blocks_linear_work(const omn_op_call *c)
{
    const omn_linear_attrs *a = c->attrs;
    const omn_view *w = &c->in[1];
    if (!view_is_blocks(w) || a->in_out) return 0;
    return cpu_blocks_work(view_rows(&c->out[0]), view_dim(w, 0), view_last(w),
                           a->precision == OMN_PRECISION_BF16);
}

omn_status blocks_linear(const cpu_run *r, const cpu_linear *l)
{
    r->k->linear_blocks(l, r->work, r->par);
    return OMN_OK;
}

typedef struct source {
    const cpu_kernels *k;
    const char *w;
    size_t row_bytes, block, block_bytes;
    omn_type type;
} source;

/* n_n elements of row k from the n-th on: whole blocks are read, and the wanted part taken */
static void read_row(const void *ctx, size_t k, size_t n, size_t n_n, float *out)
{
    const source *s = ctx;
    float piece[256];
    while (n_n) {
        const size_t from = n % s->block, have = s->block - from, take = have < n_n ? have : n_n;
        s->k->blocks_f32(s->type, s->w + k * s->row_bytes + n / s->block * s->block_bytes,
                         s->block, piece);
        memcpy(out, piece + from, take * sizeof *out);
        out += take;
        n += take;
        n_n -= take;
    }
}

omn_status blocks_product(const cpu_run *r, cpu_gemm *g)
{
    const omn_view *w = &r->call->in[1];
    const omn_type_info *t = omn_type_get(w->type);
    const source s = { r->k, r->in[1], view_last(w) / t->block * t->block_bytes, t->block,
                       t->block_bytes, w->type };
    g->b = NULL;
    g->b_type = OMN_F32;
    g->b_row = read_row;
    g->b_ctx = &s;
    r->k->gemm(g, r->par);
    return OMN_OK;
}

typedef struct rows {
    const cpu_run *r;
    size_t D, row_bytes;
} rows;

static void rows_range(void *user, size_t from, size_t to)
{
    const rows *j = user;
    const int32_t *ids = j->r->in[1];
    for (size_t i = from; i < to; i++) {
        float *y = (float *)j->r->out[0] + i * j->D;
        j->r->k->blocks_f32(j->r->call->in[0].type,
                            (const char *)j->r->in[0] + (size_t)ids[i] * j->row_bytes, j->D, y);
    }
}

void blocks_rows(const cpu_run *r, size_t n, size_t D)
{
    const omn_type_info *t = omn_type_get(r->call->in[0].type);
    rows j = { r, D, D / t->block * t->block_bytes };
    if (r->par->split) r->par->split(r->par->pool, n, 1 + 16384 / D, rows_range, &j);
    else rows_range(&j, 0, n);
}
