/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linear in bf16 where the processor has AMX, for weights that are bf16 already. Nothing of w is
 * ever packed:
 *   in the official layout a tile is sixteen rows of w as they lie, and the product is turned:
 *   out^T = w x^T, whose tiles are turned back on their way out;
 *   stored tiles (cpu_linear.tiles) are the second factor as they lie.
 * Only x is packed, once for all of w, into tiles of 1 KiB: [rows / 16][K / 32], rows of x where w
 * is in tiles, else pairs of x turned. As many rows as a block of scratch holds are a block; each
 * strip of w, STRIP rows, goes past all of them, its sums stay in tiles over the whole depth, and
 * while it does the next strip is fetched, so that few rows are a stream of w and many find it in
 * the second cache. Included by linear.c only.
 */
#ifndef OMN_CPU_LINEAR_AMX_H
#define OMN_CPU_LINEAR_AMX_H

#include "amx.h"
#include "epilogue.h"
#include "gemm_tiles.h"
#include "linear_packed.h"
#include "tile_dot.h"

enum { SIDE = TILE_SIDE, STRIP = TILE_STRIP, LINE = 64 };

typedef struct amx_job {
    const cpu_linear *l;
    size_t x_row, w_row, out_row, residual_row;
    size_t deep;                        /* tiles along K */
    size_t m0, rows;                    /* of the block */
    char *x;                            /* packed, of the block */
} amx_job;

/* ---- packing x ---- */

static void amx_pack_x(void *user, size_t from, size_t to)
{
    const amx_job *j = user;
    const cpu_linear *l = j->l;
    for (size_t t = from; t < to; t++)
        for (size_t d = 0; d < j->deep; d++) {
            const size_t k = d * TILE_DEPTH, n_k = l->K - k < TILE_DEPTH ? l->K - k : TILE_DEPTH;
            vf r[SIDE];
            UNROLL
            for (size_t i = 0; i < SIDE; i++) {
                const size_t m = t * SIDE + i;
                const void *p = at(l->x, l->x_type, (ptrdiff_t)((j->m0 + m) * j->x_row + k));
                r[i] = m < j->rows ? units(p, l->x_type, 0, n_k) : vset(0);
            }
            if (!l->tiles) transpose(r);
            char *o = j->x + (t * j->deep + d) * TILE_BYTES;
            UNROLL
            for (size_t i = 0; i < SIDE; i++) vst(o + i * LINE, r[i]);
        }
}

/* ---- a strip of w past rows of x ---- */

/* What is fetched while a strip is multiplied, some lines at each step: what the next strip will
 * read, at several places far apart, because one stream does not fill the memory's bandwidth; and
 * where the sums will go, `rows` rows of two lines. */
typedef struct ahead {
    const char *next, *end;             /* the first place, and where the second begins */
    size_t apart, places, lines;        /* lines at each place and step */
    const char *out;
    size_t row, rows;
} ahead;

INLINE void look_ahead(ahead *a)
{
    for (size_t i = 0; i < a->lines && a->next < a->end; i++, a->next += LINE)
        for (size_t k = 0; k < a->places; k++) __builtin_prefetch(a->next + k * a->apart, 0, 2);
    if (!a->rows) return;
    __builtin_prefetch(a->out, 1, 3);
    __builtin_prefetch(a->out + LINE, 1, 3);
    a->out += a->row;
    a->rows--;
}

/* tiles 0 (w 0, x 0), 1 (w 0, x 1), 2 (w 1, x 0), 3: += over `depth` tiles; nx of x. `stored`: x is
 * the first factor. */
INLINE void amx_run(tiles *t, const bool stored, const int nx, const char *w0, const char *w1,
                    size_t row, size_t step, const char *x, size_t x_tile, size_t depth, ahead *a)
{
    (void)t;                            /* the processor holds the tiles */
    (void)x_tile;
    for (size_t d = 0; d < depth; d++) {
        look_ahead(a);
        amx_load(t, 4, w0, row);
        amx_load(t, 6, x, LINE);
        if (stored) amx_dot(t, 0, 6, 4);
        else amx_dot(t, 0, 4, 6);
        if (nx > 1) {
            amx_load(t, 7, x + x_tile, LINE);
            if (stored) amx_dot(t, 1, 7, 4);
            else amx_dot(t, 1, 4, 7);
        }
        amx_load(t, 5, w1, row);
        if (stored) amx_dot(t, 2, 6, 5);
        else amx_dot(t, 2, 5, 6);
        if (nx > 1) {
            if (stored) amx_dot(t, 3, 7, 5);
            else amx_dot(t, 3, 5, 7);
        }
        w0 += step;
        w1 += step;
        x += TILE_BYTES;
    }
}

typedef void run_fn(tiles *t, const char *w0, const char *w1, size_t row, size_t step,
                    const char *x, size_t x_tile, size_t depth, ahead *a);
#define AMX_RUN(name, stored, nx)                                                                  \
    static __attribute__((noinline)) void name(tiles *t, const char *w0, const char *w1,           \
                                               size_t row, size_t step, const char *x,             \
                                               size_t x_tile, size_t depth, ahead *a)              \
    {                                                                                              \
        amx_run(t, stored, nx, w0, w1, row, step, x, x_tile, depth, a);                            \
    }
AMX_RUN(rows_by_1, false, 1)
AMX_RUN(rows_by_2, false, 2)
AMX_RUN(tiles_by_1, true, 1)
AMX_RUN(tiles_by_2, true, 2)

/* A tile of rows n to n + 16 of w, depth d, that ends beyond N or K: zeros there. */
static void edge_tile(const amx_job *j, size_t n, size_t d, char *out)
{
    const cpu_linear *l = j->l;
    const size_t k = d * TILE_DEPTH, n_k = l->K - k < TILE_DEPTH ? l->K - k : TILE_DEPTH;
    for (size_t i = 0; i < SIDE; i++)
        vst(out + i * LINE,
            n + i < l->N ? units(at(l->w, OMN_BF16, (ptrdiff_t)((n + i) * j->w_row + k)), OMN_BF16,
                                 0, n_k)
                         : vset(0));
}

/* Where a strip's rows or last depth end beyond w, tile by tile. */
static void run_edge(const amx_job *j, tiles *t, size_t n0, size_t from, const char *x, bool two)
{
    char edge[2][TILE_BYTES] __attribute__((aligned(64)));
    ahead none = { 0 };
    for (size_t d = from; d < j->deep; d++) {
        edge_tile(j, n0, d, edge[0]);
        edge_tile(j, n0 + SIDE, d, edge[1]);
        (two ? rows_by_2 : rows_by_1)(t, edge[0], edge[1], LINE, 0, x + d * TILE_BYTES,
                                          j->deep * TILE_BYTES, 1, &none);
    }
}

/* ---- the way out: tiles 0 to 3 -> mr rows of out from row m of the block on, n columns from n0
 * on ---- */

static void out_stored(tiles *t, size_t mr, size_t n, float *out, size_t row)
{
    float sum[2 * SIDE][STRIP] __attribute__((aligned(64)));
    const bool whole = mr == 2 * SIDE && n == STRIP;
    float *o = whole ? out : sum[0];
    const size_t apart = whole ? row : STRIP;
    (void)t;
    amx_store(t, 0, o, apart * 4);
    amx_store(t, 1, o + SIDE * apart, apart * 4);
    amx_store(t, 2, o + SIDE, apart * 4);
    amx_store(t, 3, o + SIDE * apart + SIDE, apart * 4);
    for (size_t i = 0; i < mr && !whole; i++)
        for (size_t h = 0; h < n; h += VW) frow_set(out + i * row, h, n, vld(sum[i] + h));
}

/* the tiles lie turned, [n][m] */
static void out_turned(tiles *t, size_t mr, size_t n, float *out, size_t row)
{
    float sum[STRIP][2 * SIDE] __attribute__((aligned(64)));
    (void)t;
    amx_store(t, 0, sum[0], sizeof sum[0]);
    amx_store(t, 1, sum[0] + SIDE, sizeof sum[0]);
    amx_store(t, 2, sum[SIDE], sizeof sum[0]);
    amx_store(t, 3, sum[SIDE] + SIDE, sizeof sum[0]);
    for (size_t i = 0; i < mr; i += SIDE)
        for (size_t h = 0; h < n; h += SIDE) {
            vf r[SIDE];
            UNROLL
            for (size_t s = 0; s < SIDE; s++) r[s] = vld(sum[h + s] + i);
            transpose(r);
            UNROLL
            for (size_t s = 0; s < SIDE; s++)
                if (i + s < mr) frow_set(out + (i + s) * row, h, n, r[s]);
        }
}

static void amx_out(const amx_job *j, tiles *t, size_t m, size_t mr, size_t n0, size_t n)
{
    const cpu_linear *l = j->l;
    const epilogue e = { l->bias, l->bias_type, l->act, l->alpha };
    m += j->m0;
    float *out = l->out + m * j->out_row + n0;
    (l->tiles ? out_stored : out_turned)(t, mr, n, out, j->out_row);
    if (epilogue_none(&e, l->residual)) return;
    for (size_t i = 0; i < mr; i++)
        epilogue_row(&e, out + i * j->out_row, n0, n,
                     l->residual ? l->residual + (m + i) * j->residual_row + n0 : NULL);
}

/* ---- all strips of a range ---- */

static void amx_strips(void *user, size_t from, size_t to)
{
    const amx_job *j = user;
    const cpu_linear *l = j->l;
    tiles here, *t = &here;
    const size_t pairs = (j->rows + 2 * SIDE - 1) / (2 * SIDE), x_tile = j->deep * TILE_BYTES;
    const size_t row = l->tiles ? LINE : j->w_row * 2, step = l->tiles ? 2 * TILE_BYTES : LINE;
    const size_t bytes = l->tiles ? j->deep * step : STRIP * row;
    const size_t places = pairs > 4 ? 1 : 8;
    run_fn *const two = l->tiles ? tiles_by_2 : rows_by_2;
    run_fn *const one = l->tiles ? tiles_by_1 : rows_by_1;
    amx_begin(t);
    for (size_t s = from; s < to; s++) {
        const size_t n0 = s * STRIP, n = l->N - n0 < STRIP ? l->N - n0 : STRIP;
        const size_t full = l->tiles ? j->deep : n == STRIP ? l->K / TILE_DEPTH : 0;
        const char *w0 = (const char *)l->w + s * bytes;
        const char *w1 = w0 + (l->tiles ? TILE_BYTES : SIDE * row);
        ahead a = { .next = w0 + bytes, .places = places, .apart = bytes / places,
                    .lines = (STRIP / places + pairs - 1) / pairs, .row = j->out_row * 4 };
        a.end = s + 1 < to ? a.next + a.apart : a.next;
        for (size_t p = 0; p < pairs; p++) {
            const char *x = j->x + p * 2 * x_tile;
            const size_t m = p * 2 * SIDE, mr = j->rows - m < 2 * SIDE ? j->rows - m : 2 * SIDE;
            a.out = (const char *)(l->out + (j->m0 + m) * j->out_row + n0);
            a.rows = mr;
            amx_zero(t, 0);
            amx_zero(t, 1);
            amx_zero(t, 2);
            amx_zero(t, 3);
            (mr > SIDE ? two : one)(t, w0, w1, row, step, x, x_tile, full, &a);
            if (full < j->deep) run_edge(j, t, n0, full, x, mr > SIDE);
            amx_out(j, t, m, mr, n0, n);
        }
    }
    amx_end(t);
}

/* Rows of x that fill a block of scratch at most, a multiple of 32; 0: not even those. */
static size_t amx_rows(const cpu_linear *l)
{
    const size_t deep = (l->K + TILE_DEPTH - 1) / TILE_DEPTH;
    const size_t most = CPU_SCRATCH / TILE_BYTES / deep / 2 * 2 * SIDE;
    if (!most || l->M <= most) return most;
    const size_t blocks = (l->M + most - 1) / most;
    return ((l->M + blocks - 1) / blocks + 2 * SIDE - 1) / (2 * SIDE) * (2 * SIDE);
}

/* one task a thread, if that is known: a strip then fetches the next nearly always */
static void amx_all_strips(amx_job *j, const cpu_par *par)
{
    const size_t strips = (j->l->N + STRIP - 1) / STRIP, tasks = par->threads ? par->threads : 8;
    par_run(par, strips, (strips + tasks - 1) / tasks, amx_strips, j);
}

void linear_pack(const cpu_linear *l, void *out, const cpu_par *par)
{
    amx_job j = { .l = l, .x_row = l->x_row, .deep = (l->K + TILE_DEPTH - 1) / TILE_DEPTH,
                  .rows = l->M, .x = out };
    par_run(par, (l->M + SIDE - 1) / SIDE, 8, amx_pack_x, &j);
}

void linear_packed(const cpu_linear *l, const void *x, const cpu_par *par)
{
    const size_t fit = amx_rows(l), most = fit ? fit : 2 * SIDE;
    amx_job j = { l, l->x_row, l->w_row, l->out_row, l->residual_row,
                  (l->K + TILE_DEPTH - 1) / TILE_DEPTH, 0, 0, NULL };
    for (; j.m0 < l->M; j.m0 += j.rows) {
        j.rows = l->M - j.m0 < most ? l->M - j.m0 : most;
        j.x = (char *)(uintptr_t)x + j.m0 / SIDE * j.deep * TILE_BYTES;
        amx_all_strips(&j, par);
    }
}

static void linear_amx(const cpu_linear *l, const cpu_par *par)
{
    const size_t most = amx_rows(l);
    amx_job j = { l, l->x_row, l->w_row, l->out_row, l->residual_row,
                  (l->K + TILE_DEPTH - 1) / TILE_DEPTH, 0, 0, par->take(par->scratch) };
    for (; j.m0 < l->M; j.m0 += j.rows) {
        j.rows = l->M - j.m0 < most ? l->M - j.m0 : most;
        par_run(par, (j.rows + SIDE - 1) / SIDE, 8, amx_pack_x, &j);
        amx_all_strips(&j, par);
    }
    par->give(par->scratch, j.x);
}

#endif
