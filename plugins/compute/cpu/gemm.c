/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matrix products of any layout. A block of B (up to KD deep, NC wide) is packed into strips of NR
 * columns in a block of scratch, then strips of MR rows of A go past it: packing A too costs little
 * and keeps rows that lie a power of two apart from fighting over one cache set. Every element of
 * the result is summed over k in one order, whatever the tiling, so results are the same for every
 * number of rows and threads: upwards, KD at a time, or with `lanes` in the order of lanes.h, for
 * which B is packed lane by lane.
 *
 * Where the level has a bf16 dot product, pairs of neighbours in depth are packed as one 32-bit
 * unit and the same packing, counted in units, serves both; elsewhere bf16 means rounding while
 * packing.
 */
#include "epilogue.h"
#include "gemm_tiles.h"
#include "tile_dot.h"

/* Most columns and rows of a block; LANE_NC: columns of one that is LANE_DEPTH deep, a quarter of
 * the second cache, so that its part of the result stays there too. AMX multiplies so fast that
 * packing A has to serve more columns. */
#if CPU_LEVEL >= 4
enum { KD = 256, NC = 1024, LANE_NC = 256, MC = 256, A_ROW = KD + 16 };
#else
enum { KD = 256, NC = 256, LANE_NC = 128, MC = 240, A_ROW = KD + 16 };
#endif

#include "gemm_dot.h"
#include "gemm_lanes.h"
#if CPU_LEVEL >= 4
#include "gemm_amx.h"
#endif

typedef struct job {
    const cpu_gemm *g;
    const cpu_par *par;
    size_t m_blocks, n_blocks, mc, nc;
} job;

/* ---- packing B: out[(n / NR)][k][NR], depth k0 to k0 + kc, columns n0 to n0 + nc ---- */

/* rows of B that run along k: read VW of them, turn VW x VW squares */
static void pack_b_turned(const cpu_gemm *g, size_t k0, size_t kc, size_t n0, size_t nc, bool round,
                          float *out)
{
    for (size_t s = 0; s < nc; s += NR)
        for (size_t h = 0; h < NR; h += VW) {
            const size_t n = n0 + s + h, have = s + h < nc ? nc - s - h : 0;
            for (size_t k = 0; k < kc; k += VW) {
                const size_t w = kc - k < VW ? kc - k : VW;
                vf r[VW];
                UNROLL
                for (int i = 0; i < VW; i++) {
                    const void *p = at(g->b, g->b_type, (ptrdiff_t)(n + (size_t)i) * g->b_n);
                    r[i] = (size_t)i >= have ? vset(0)
                        : w == VW ? vget(p, g->b_type, k0 + k) : vget_n(p, g->b_type, k0 + k, w);
                    if (round) r[i] = vround_bf16(r[i]);
                }
                transpose(r);
                float *o = out + s * kc + k * NR + h;
                UNROLL
                for (size_t i = 0; i < VW; i++)
                    if (i < w) vst(o + i * NR, r[i]);
            }
        }
}

static void pack_b_rows(const cpu_gemm *g, size_t k0, size_t kc, size_t n0, size_t nc, bool round,
                        float *out)
{
    float row[NC];
    for (size_t k = 0; k < kc; k++) {
        const void *p = row;
        omn_type t = OMN_F32;
        if (g->b_row) {
            g->b_row(g->b_ctx, k0 + k, n0, nc, row);
        } else {
            p = at(g->b, g->b_type, (ptrdiff_t)(k0 + k) * g->b_k + (ptrdiff_t)n0);
            t = g->b_type;
        }
        for (size_t s = 0; s < nc; s += NR)
            for (size_t h = 0; h < NR; h += VW) {
                vf v = s + h < nc ? vrow(p, t, s + h, nc) : vset(0);
                if (round) v = vround_bf16(v);
                vst(out + s * kc + k * NR + h, v);
            }
    }
}

/* w in tiles, packed as by the functions above; `lanes`: of depth `deep`, else kc */
static void pack_b_tiles(const cpu_gemm *g, size_t k0, size_t kc, size_t deep, size_t n0, size_t nc,
                         float *out)
{
    const size_t steps = deep / LANES, depth = g->lanes ? deep : kc;
    for (size_t k = 0; k < depth; k += TILE_DEPTH)
        for (size_t n = 0; n < (nc + NR - 1) / NR * NR; n += VW) {
            const char *t = tile_at(g->b, g->K, n0 + n, k0 + k);
            float *o = out + n / NR * NR * depth + n % NR;
            for (size_t i = k; i < k + TILE_DEPTH && i < depth; i += 2, t += TILE_SIDE * 4) {
                const vf pairs = vld(t);
                vst(o + (g->lanes ? lane_place(i, steps) : i) * NR, tile_low(pairs));
                if (i + 1 < depth)
                    vst(o + (g->lanes ? lane_place(i + 1, steps) : i + 1) * NR, tile_high(pairs));
            }
        }
}

/* ---- packing A: mr rows; *am and *ak say where row m, depth k went ---- */

static void pack_a(const cpu_gemm *g, size_t m0, size_t mr, size_t k0, size_t kc, bool round,
                   float *out, ptrdiff_t *am, ptrdiff_t *ak)
{
    if (!g->a_row && g->a_k != 1) {
        for (size_t k = 0; k < kc; k++) {
            const void *p = at(g->a, g->a_type, (ptrdiff_t)(k0 + k) * g->a_k + (ptrdiff_t)m0);
            for (size_t i = 0; i < mr; i += VW) {
                vf v = vrow(p, g->a_type, i, mr);
                if (round) v = vround_bf16(v);
                vst(out + k * 16 + i, v);
            }
        }
        *am = 4;
        *ak = 64;
        return;
    }
    for (size_t m = 0; m < mr; m++) {
        float *o = out + m * A_ROW;
        const void *p = o;
        omn_type t = OMN_F32;
        if (g->a_row) {
            g->a_row(g->a_ctx, m0 + m, k0, kc, o);
            if (!round) continue;
        } else {
            p = at(g->a, g->a_type, (ptrdiff_t)(m0 + m) * g->a_m + (ptrdiff_t)k0);
            t = g->a_type;
        }
        for (size_t k = 0; k < kc; k += VW) {
            vf v = vrow(p, t, k, kc);
            if (round) v = vround_bf16(v);
            frow_set(o, k, kc, v);
        }
    }
    *am = A_ROW * 4;
    *ak = 4;
}

static void finish(const cpu_gemm *g, size_t m0, size_t mr, float *const *c, size_t n0, size_t nc)
{
    const epilogue e = { g->bias, g->bias_type, g->act, g->lanes ? g->alpha : 1 };
    for (size_t m = 0; m < mr && !epilogue_none(&e, g->residual); m++)
        epilogue_row(&e, c[m] + n0, n0, nc,
                     g->residual ? g->residual + n0 +
                             (g->c_row ? g->c_row(g->c_ctx, m0 + m) : (m0 + m) * g->r_m)
                                 : NULL);
}

/* What a task keeps: packed operands, and where the level has them, its tiles. */
typedef struct state {
    float b[KD * NC];
    float a[32 * A_ROW];
#if CPU_LEVEL >= 4
    tiles t;
#endif
} state;
_Static_assert(sizeof(state) <= CPU_SCRATCH, "a block of scratch holds what a product packs");
_Static_assert(MR * LANE_ROW <= 32 * A_ROW && LANE_DEPTH * LANE_NC <= KD * NC, "both fit");

/* rows m to m + mr of the packed block of B, nc columns from n0 on; next: what lanes fetch */
static void strip(const cpu_gemm *g, state *w, bool dot, bool round, size_t m, size_t mr, size_t k,
                  size_t kc, size_t depth, size_t n0, size_t nc, float *const *c, soon next[2])
{
    const tile_end end = k || g->accumulate ? TILE_ADD : TILE_SET;
    ptrdiff_t am = 0, ak = 0;
    if (g->lanes) {
        pack_a_lanes(g, m, mr, k, kc, w->a);
        for (size_t s = 0; s < nc; s += NR)
            tile_lanes(mr, depth, w->a, LANE_ROW * 4, w->b + s * depth, c, n0 + s,
                       nc - s < NR ? nc - s : NR, 1, end, next);
        return;
    }
#if CPU_LEVEL >= 4
    if (dot) {
        amx_pack_a(g, m, mr, k, kc, w->a);
        for (size_t s = 0; s < nc; s += NR)
            amx_tile(&w->t, mr, depth, w->a, w->b + s * depth, c, n0 + s, nc - s < NR ? nc - s : NR,
                     g->alpha, end == TILE_ADD);
        return;
    }
#endif
    if (dot) dot_pack_a(g, m, mr, k, kc, w->a, &am, &ak);
    else pack_a(g, m, mr, k, kc, round, w->a, &am, &ak);
    for (size_t s = 0; s < nc; s += NR) {
        const size_t n = nc - s < NR ? nc - s : NR;
        if (dot) dot_tile(mr, depth, w->a, am, ak, w->b + s * depth, c, n0 + s, n, g->alpha, end);
        else tile(mr, depth, w->a, am, ak, w->b + s * depth, c, n0 + s, n, g->alpha, end);
    }
}

static void block(const cpu_gemm *g, state *w, size_t m0, size_t m1, size_t n0, size_t nc)
{
    const bool dot = g->bf16 && HAVE_DOT;
    const bool round = g->bf16 && !dot && !(g->a_type == OMN_BF16 && g->b_type == OMN_BF16);
    const size_t step = g->lanes ? LANE_DEPTH : dot ? 2 * KD : KD;
    const size_t rows = dot && CPU_LEVEL >= 4 ? 32 : MR;
    for (size_t k = 0; k < g->K || !k; k += step) {
        const size_t kc = g->K - k < step ? g->K - k : step;
        size_t depth = dot ? (kc + 1) / 2 : kc;
        if (dot && CPU_LEVEL >= 4) depth = (depth + 15) / 16 * 16;
        if (g->lanes) depth = lane_steps(kc) * LANES;
        if (g->tiles && !dot) pack_b_tiles(g, k, kc, depth, n0, nc, w->b);
        else if (g->lanes) pack_b_lanes(g, k, kc, depth, n0, nc, w->b);
        else if (dot) dot_pack_b(g, k, kc, depth, n0, nc, w->b);
        else if (g->b_row || g->b_n == 1) pack_b_rows(g, k, kc, n0, nc, round, w->b);
        else pack_b_turned(g, k, kc, n0, nc, round, w->b);
        soon next[2] = { { .rows = 0 }, { .rows = 0 } };
        soon late = g->lanes ? soon_block(g, m1, n0, nc, k) : next[1];
        for (size_t m = m0; m < m1; m += rows) {
            const size_t mr = m1 - m < rows ? m1 - m : rows;
            float *c[32];
            for (size_t i = 0; i < mr; i++)
                c[i] = g->c + (g->c_row ? g->c_row(g->c_ctx, m + i) : (m + i) * g->c_m);
            if (g->lanes) next[0] = soon_rows(g, m0, m1, m + mr, k);
            if (soon_enough(&late, m1 - m, nc)) {
                next[1] = late;
                late.rows = 0;
            }
            strip(g, w, dot, round, m, mr, k, kc, depth, n0, nc, c, next);
            if (k + step >= g->K) finish(g, m, mr, c, n0, nc);
        }
    }
}

static void blocks(void *user, size_t from, size_t to)
{
    const job *j = user;
    const cpu_gemm *g = j->g;
    state *w = j->par->take(j->par->scratch);
#if CPU_LEVEL >= 4
    if (g->bf16) amx_begin(&w->t);
#endif
    for (size_t i = from; i < to; i++) {
        const size_t m0 = i % j->m_blocks * j->mc, n0 = i / j->m_blocks * j->nc;
        const size_t m1 = g->M - m0 < j->mc ? g->M : m0 + j->mc;
        block(g, w, m0, m1, n0, g->N - n0 < j->nc ? g->N - n0 : j->nc);
    }
#if CPU_LEVEL >= 4
    if (g->bf16) amx_end(&w->t);
#endif
    j->par->give(j->par->scratch, w);
}

/* columns of a block: as many as may be, all blocks nearly alike, whole strips */
static size_t even(size_t N, size_t most)
{
    const size_t blocks = (N + most - 1) / most, w = (N + blocks - 1) / blocks;
    return (w + NR - 1) / NR * NR;
}

/* Columns of a block, when only columns are shared out: those by which the threads are done first,
 * all of them with as many blocks as the busiest. A narrow block costs as well, because the rows of
 * A are packed for each: as much as half a strip. */
static size_t shared_columns(size_t N, size_t most, size_t least, size_t threads)
{
    size_t best = most, cost = SIZE_MAX;
    for (size_t nc = most; nc >= least; nc -= NR) {
        const size_t w = even(N, nc), jobs = (N + w - 1) / w;
        const size_t spent = (jobs + threads - 1) / threads * (w + NR / 2);
        if (jobs < 2 * threads || spent >= cost) continue;
        best = w;
        cost = spent;
    }
    return best;
}

void L(gemm)(const cpu_gemm *g, const cpu_par *par)
{
    if (!g->M || !g->N) return;
    job j = { g, par, 1, 1, g->M, even(g->N, g->lanes ? LANE_NC : NC) };
    if (par->split && par->threads != 1) {
        /* smaller blocks until every thread finds work: of columns, if they are more than rows,
         * because each block of rows packs its columns again */
        const size_t threads = par->threads ? par->threads : 8;
        const bool wide = g->N > g->M && !g->a_row;
        const size_t narrow = 4 * NR;
        size_t want = 3 * threads;
        if (!wide) {
            j.mc = MC;
        } else if (j.nc > narrow) {
            j.nc = shared_columns(g->N, j.nc, narrow, threads);
            want = 2 * threads;
        }
        for (;;) {
            const size_t jobs = (g->M + j.mc - 1) / j.mc * ((g->N + j.nc - 1) / j.nc);
            if (jobs >= want) break;
            if (wide && j.nc > narrow) j.nc = even(g->N, j.nc - NR);
            else if (j.mc > MC) j.mc = MC;
            else if (j.mc > 8 * MR) j.mc -= 2 * MR;
            else if (j.nc > 2 * NR) j.nc = even(g->N, j.nc - NR);
            else break;
        }
    }
    j.m_blocks = (g->M + j.mc - 1) / j.mc;
    j.n_blocks = (g->N + j.nc - 1) / j.nc;
    par_run(par, j.m_blocks * j.n_blocks, 1, blocks, &j);
}

typedef struct deep {
    const cpu_gemm *g;
    const cpu_par *par;
    float *work;
    size_t parts;
} deep;

static void deep_parts(void *user, size_t from, size_t to)
{
    const deep *d = user;
    const cpu_gemm *g = d->g;
    const cpu_par here = par_here(d->par);
    for (size_t p = from; p < to; p++) {
        /* pairs stay together */
        const size_t k0 = g->K * p / d->parts / 2 * 2;
        const size_t k1 = p + 1 == d->parts ? g->K : g->K * (p + 1) / d->parts / 2 * 2;
        cpu_gemm part = *g;
        part.K = k1 - k0;
        part.a = at(g->a, g->a_type, (ptrdiff_t)k0 * g->a_k);
        part.b = at(g->b, g->b_type, (ptrdiff_t)k0 * g->b_k);
        part.c = d->work + p * g->M * g->N;
        part.c_m = g->N;
        part.accumulate = false;
        L(gemm)(&part, &here);
    }
}

static void deep_sum(void *user, size_t from, size_t to)
{
    const deep *d = user;
    const cpu_gemm *g = d->g;
    for (size_t m = from; m < to; m++)
        for (size_t n = 0; n < g->N; n += VW) {
            float *c = g->c + m * g->c_m;
            vf s = g->accumulate ? frow(c, n, g->N) : vset(0);
            for (size_t p = 0; p < d->parts; p++)
                s += frow(d->work + (p * g->M + m) * g->N, n, g->N);
            frow_set(c, n, g->N, s);
        }
}

void L(gemm_deep)(const cpu_gemm *g, float *work, const cpu_par *par)
{
    deep d = { g, par, work, cpu_deep_parts(g->M, g->N, g->K) };
    if (d.parts == 1) {
        L(gemm)(g, par);
        return;
    }
    par_run(par, d.parts, 1, deep_parts, &d);
    par_run(par, g->M, g->N ? 1 + 16384 / g->N : 1, deep_sum, &d);
}
