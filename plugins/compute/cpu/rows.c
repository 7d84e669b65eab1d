/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows by number: gathering (embeddings, packing), its gradient, the nearest row of a codebook, and
 * the largest element of a row. Several gradients may land on one row, so adding is split over
 * columns and each thread goes through all rows in order.
 */
#include "vec.h"

typedef struct rows_job {
    const cpu_par *par;
    size_t n, D, V;
    const void *table;
    const float *x;
    const int32_t *ids;
    void *y;
    float *sum, *half;
    int32_t *out;
    omn_type type;
} rows_job;

static void gather_range(void *user, size_t from, size_t to)
{
    const rows_job *j = user;
    const size_t D = j->D;
    for (size_t i = from; i < to; i++) {
        float *y = (float *)j->y + i * D;
        if (j->ids[i] < 0) {
            memset(y, 0, D * sizeof *y);
            continue;
        }
        const void *row = at(j->table, j->type, (ptrdiff_t)((size_t)j->ids[i] * D));
        if (j->type == OMN_F32) memcpy(y, row, D * sizeof *y);
        else
            for (size_t k = 0; k < D; k += VW) frow_set(y, k, D, vrow(row, j->type, k, D));
    }
}

void L(gather_rows)(size_t n, size_t D, const void *table, omn_type type, const int32_t *ids,
                    void *y, const cpu_par *par)
{
    rows_job j = { .n = n, .D = D, .table = table, .type = type, .ids = ids, .y = y };
    par_run(par, n, D ? 1 + 16384 / D : 1, gather_range, &j);
}

enum { COLUMNS = 32 };

static void scatter_range(void *user, size_t from, size_t to)
{
    const rows_job *j = user;
    const size_t D = j->D, c0 = from * COLUMNS, c1 = to * COLUMNS < D ? to * COLUMNS : D,
                 w = c1 - c0;
    for (size_t v = 0; v < j->V; v++) memset(j->sum + v * D + c0, 0, w * sizeof *j->sum);
    for (size_t i = 0; i < j->n; i++) {
        if (j->ids[i] < 0 || (size_t)j->ids[i] >= j->V) continue;
        float *y = j->sum + (size_t)j->ids[i] * D + c0;
        const float *x = j->x + i * D + c0;
        for (size_t k = 0; k < w; k += VW) frow_set(y, k, w, frow(y, k, w) + frow(x, k, w));
    }
}

void L(scatter_add_rows)(size_t n, size_t D, size_t V, const float *x, const int32_t *ids,
                         float *table, const cpu_par *par)
{
    rows_job j = { .n = n, .D = D, .V = V, .x = x, .ids = ids, .sum = table };
    par_run(par, (D + COLUMNS - 1) / COLUMNS, 1, scatter_range, &j);
}

/* |x - c|^2 is least where x c - |c|^2 / 2 is greatest */
enum { ROWS = 48, BOOK = 128 };

static void nearest_range(void *user, size_t from, size_t to)
{
    const rows_job *j = user;
    const cpu_par here = par_here(j->par);
    float score[ROWS * BOOK], best[ROWS];
    for (size_t r = from; r < to; r += ROWS) {
        const size_t m = to - r < ROWS ? to - r : ROWS;
        for (size_t i = 0; i < m; i++) {
            best[i] = -INFINITY;
            j->out[r + i] = 0;
        }
        for (size_t v = 0; v < j->V; v += BOOK) {
            const size_t n = j->V - v < BOOK ? j->V - v : BOOK;
            const cpu_gemm g = {
                .M = m, .N = n, .K = j->D, .a = j->x + r * j->D, .a_m = (ptrdiff_t)j->D, .a_k = 1,
                .b = at(j->table, j->type, (ptrdiff_t)(v * j->D)), .b_k = 1, .b_n = (ptrdiff_t)j->D,
                .c = score, .c_m = BOOK, .alpha = 1, .a_type = OMN_F32, .b_type = j->type,
            };
            L(gemm)(&g, &here);
            for (size_t i = 0; i < m; i++)
                for (size_t k = 0; k < n; k++) {
                    const float s = score[i * BOOK + k] - j->half[v + k];
                    if (s > best[i]) {
                        best[i] = s;
                        j->out[r + i] = (int32_t)(v + k);
                    }
                }
        }
    }
}

static void half_range(void *user, size_t from, size_t to)
{
    const rows_job *j = user;
    for (size_t v = from; v < to; v++) {
        const void *c = at(j->table, j->type, (ptrdiff_t)(v * j->D));
        vf s = vset(0);
        for (size_t k = 0; k < j->D; k += VW) {
            const vf x = vrow(c, j->type, k, j->D);
            s = vfma(x, x, s);
        }
        j->half[v] = 0.5f * vsum(s);
    }
}

void L(nearest)(size_t rows, size_t V, size_t D, const float *x, const void *book, omn_type type,
                int32_t *ids, float *work, const cpu_par *par)
{
    rows_job j = { .par = par, .n = rows, .D = D, .V = V, .x = x, .table = book, .type = type,
                   .out = ids, .half = work };
    par_run(par, V, 64, half_range, &j);
    par_run(par, rows, ROWS, nearest_range, &j);
}

static void argmax_range(void *user, size_t from, size_t to)
{
    const rows_job *j = user;
    for (size_t r = from; r < to; r++) {
        const float *x = j->x + r * j->D;
        size_t best = 0;
        for (size_t i = 1; i < j->D; i++)
            if (x[i] > x[best]) best = i;
        j->out[r] = (int32_t)best;
    }
}

void L(argmax)(size_t rows, size_t D, const float *x, int32_t *y, const cpu_par *par)
{
    rows_job j = { .D = D, .x = x, .out = y };
    par_run(par, rows, D ? 1 + 16384 / D : 1, argmax_range, &j);
}
