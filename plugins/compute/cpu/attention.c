/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attention in tiles: scores of BQ queries with a block of keys live in a block of scratch, a
 * running maximum and sum per query let the softmax be finished later (Milakov and Gimelshein 2018;
 * Dao et al. 2022), so memory grows with Tq + Tk only. A strip of keys that is hidden from a whole
 * tile is skipped before any product: packed rows hide more than nine tenths of their square.
 *
 * Up to four queries read keys and values as they lie (attention_few.c), and come to the same bits:
 * scores are summed upwards along the head, exponentials over a base that changes by powers of two
 * (vmath.h), probabilities by their place modulo LANES, values key by key. So bits depend neither
 * on where a block of keys ends nor on which strips are skipped, and hidden keys change none,
 * wherever they are put in by multiples of LANES: lengths may be rounded up.
 */
#include "heads.h"
#include "running.h"

/* Most queries of a task; floats of its packed keys and of its packed values: as many blocks of
 * keys as they hold stay while all tiles of queries pass, so that what a tile has summed up stays
 * too. */
enum { TASK_Q = 32 * BQ, SHELF = PACKED * (CPU_LEVEL >= 2 ? 4 : 2), MOST_BLOCKS = 8 };

typedef struct forward {
    cpu_attn a;
    const cpu_par *par;
    size_t task, chunks;                /* queries of a task; tasks of one head */
    size_t block, blocks;               /* keys in a block; blocks that are packed at once */
    size_t k_size, v_size;              /* floats of a packed block */
    size_t acc_row;                     /* floats from one query's sums to the next one's */
    bool dot;
} forward;

typedef struct forward_tiles {
    float kt[SHELF], vs[SHELF], q[BQ * WIDE], acc[BQ * MOST_K];
    float s[BQ * SCORE_ROW], mb[BQ * SCORE_ROW], p[BQ * PAIR_ROW];
    segs ks[MOST_BLOCKS][MOST_KEYS / STRIP];
    bool packed[MOST_BLOCKS];
    exp_base base[TASK_Q];
    float sum[TASK_Q * LANES], mean[MOST_K];
} forward_tiles;
_Static_assert(sizeof(forward_tiles) <= CPU_SCRATCH, "a block of scratch holds them");

/* One head of a task. */
typedef struct head {
    size_t b, h, kb;
    const void *kp, *vp;
    bool have_mean;
} head;

#if CPU_LEVEL >= 4
#include "attention_amx.h"
#endif

static void pack_queries(const forward *f, forward_tiles *w, const head *d, size_t q0, size_t nq)
{
    const cpu_attn *a = &f->a;
    pack_left(at(a->q, a->q_type, (ptrdiff_t)(d->b * a->q_batch + q0 * a->q_row + d->h * a->K)),
              a->q_type, a->q_row, nq, a->K, WIDE, a->bf16, f->dot, w->q);
}

/* Keys k0 to k0 + nk, which become block i of those that are packed. */
static void pack_block(const forward *f, forward_tiles *w, const head *d, size_t k0, size_t nk,
                       size_t i)
{
    const cpu_attn *a = &f->a;
    const size_t padded = (nk + STRIP - 1) / STRIP * STRIP;
    pack_turned(at(d->kp, a->k_type, (ptrdiff_t)(k0 * a->k_row_step)), a->k_type, a->k_row_step, nk,
                padded, a->K, a->bf16, f->dot ? RUNS_PAIRS : RUNS_UP, w->kt + i * f->k_size);
    pack_straight(at(d->vp, a->v_type, (ptrdiff_t)(k0 * a->v_row_step)), a->v_type, a->v_row_step,
                  nk, padded, a->Kv, a->bf16, f->dot, w->vs + i * f->v_size);
    w->packed[i] = true;
}

/* scores of a tile of queries with the strips of a packed block that are seen */
static void score_tile(const forward *f, forward_tiles *w, size_t nq, const seen *see,
                       size_t strips, const float *kt)
{
    const runs how = f->dot ? RUNS_PAIRS : RUNS_UP;
    const size_t depth = depth_of(how, f->a.K);
    for (size_t t = 0; t < strips; t++) {
        if (see[t] == SEEN_NONE) continue;
#if CPU_LEVEL >= 4
        if (f->dot) {
            amx_scores(nq, depth, w->q, kt + t * STRIP * depth, w->s + t * STRIP);
            continue;
        }
#endif
        float *to[BQ];
        for (size_t i = 0; i < nq; i++) to[i] = w->s + i * SCORE_ROW + t * STRIP;
        product(how, nq, depth, w->q, WIDE * 4, 4, kt + t * STRIP * depth, NR * depth, to, STRIP,
                f->a.scale, TILE_SET);
    }
}

/* acc += probabilities times values, run by run of strips that are seen */
static void value_tile(const forward *f, forward_tiles *w, size_t nq, const seen *see,
                       size_t strips, const float *vs)
{
    const size_t half = f->dot ? 2 : 1, v_strip = strips * STRIP / half * NR;
    const float *p = f->dot ? w->p : w->s;
    float *acc[BQ];
    for (size_t i = 0; i < nq; i++) acc[i] = w->acc + i * f->acc_row;
    for (size_t t = 0; t < strips; t++) {
        if (see[t] == SEEN_NONE) continue;
        size_t end = t + 1;
        while (end < strips && see[end] != SEEN_NONE) end++;
        const size_t from = t * STRIP / half, depth = (end - t) * STRIP / half;
        t = end;
#if CPU_LEVEL >= 4
        if (f->dot) {
            amx_values(nq, depth, p + from, vs + from * NR, v_strip, w->acc, f->acc_row);
            continue;
        }
#endif
        product(f->dot ? RUNS_PAIRS : RUNS_UP, nq, depth, p + from,
                (f->dot ? PAIR_ROW : SCORE_ROW) * 4, 4, vs + from * NR, v_strip, acc, f->a.Kv, 1,
                f->dot ? TILE_ADD : TILE_ON);
    }
}

/* one tile of queries with one block of packed keys */
static void forward_tile(const forward *f, forward_tiles *w, size_t nq, const seen *see,
                         size_t strips, size_t block, exp_base *base, float *sum)
{
    score_tile(f, w, nq, see, strips, w->kt + block * f->k_size);
#if CPU_LEVEL >= 4
    if (f->dot) {
        softmax_pairs(&f->a, nq, w->s, w->mb, w->p, see, strips, base, sum, w->acc, f->acc_row);
        value_tile(f, w, nq, see, strips, w->vs + block * f->v_size);
        return;
    }
#endif
    if (f->a.bf16 && !f->dot)
        softmax_rows(&f->a, nq, w->s, w->mb, see, strips, base, sum, w->acc, f->acc_row, true);
    else softmax_rows(&f->a, nq, w->s, w->mb, see, strips, base, sum, w->acc, f->acc_row, false);
    for (size_t i = 0; f->dot && i < nq; i++)
        for (size_t t = 0; t < strips; t++)
            if (see[t] != SEEN_NONE)
                vst(w->p + i * PAIR_ROW + t * (STRIP / 2),
                    units(w->s + i * SCORE_ROW + t * STRIP, OMN_F32, 0, STRIP));
    value_tile(f, w, nq, see, strips, w->vs + block * f->v_size);
}

static float *out_row(const cpu_attn *a, const head *d, size_t i)
{
    return a->o + d->b * a->o_batch + i * a->o_row + d->h * a->Kv;
}

static void finish_row(const cpu_attn *a, forward_tiles *w, head *d, size_t i, const float *acc,
                       exp_base base, float total)
{
    const size_t Kv = a->Kv;
    float *o = out_row(a, d, i);
    if (a->lse)
        a->lse[(d->b * a->H + d->h) * a->Tq + i] = total > 0 ? base_log(base, total) : -INFINITY;
    if (total > 0) {
        for (size_t k = 0; k < Kv; k += VW)
            frow_set(o, k, Kv, frow(acc, k, Kv) * vset(1 / total));
    } else if (a->uniform_empty) {
        if (!d->have_mean) {
            memset(w->mean, 0, sizeof w->mean);
            for (size_t j = 0; j < a->Tk; j++)
                for (size_t k = 0; k < Kv; k++)
                    w->mean[k] += get1(d->vp, a->v_type, j * a->v_row_step + k);
            d->have_mean = true;
        }
        for (size_t k = 0; k < Kv; k++) o[k] = w->mean[k] * (1 / (float)a->Tk);
    } else {
        memcpy(o, acc, Kv * sizeof *o);
    }
}

/* One tile of queries with the keys k0 to k1, of which the first are block 0; base and sum are
 * those of the tile. */
static void forward_queries(const forward *f, forward_tiles *w, head *d, size_t q0, size_t nq,
                            size_t k0, size_t k1, exp_base *base, float *sum)
{
    const cpu_attn *a = &f->a;
    const mask_rows m = mask_rows_of(a, d->b, d->h, q0, nq);
    bool packed = false;
    memset(w->acc, 0, BQ * f->acc_row * sizeof *w->acc); /* tiles read all rows */
    for (size_t i = 0; k0 && i < nq; i++)
        memcpy(w->acc + i * f->acc_row, out_row(a, d, q0 + i), a->Kv * sizeof *w->acc);
    for (size_t at = k0, i = 0; at < k1; at += f->block, i++) {
        const size_t nk = k1 - at < f->block ? k1 - at : f->block;
        const size_t strips = (nk + STRIP - 1) / STRIP;
        seen see[MOST_KEYS / STRIP];
        bool any = false;
        for (size_t t = 0; t < strips; t++) {
            const size_t n = nk - t * STRIP < STRIP ? nk - t * STRIP : STRIP;
            see[t] = mask_strip(&m, at + t * STRIP, n, w->ks[i][t], w->mb + t * STRIP, SCORE_ROW);
            any |= see[t] != SEEN_NONE;
        }
        if (!any) continue;
        if (!w->packed[i]) pack_block(f, w, d, at, nk, i);
        if (!packed) pack_queries(f, w, d, q0, nq);
        packed = true;
        forward_tile(f, w, nq, see, strips, i, base, sum);
    }
    for (size_t i = 0; i < nq; i++) {
        const float *acc = w->acc + i * f->acc_row;
        if (k1 < a->Tk) memcpy(out_row(a, d, q0 + i), acc, a->Kv * sizeof *acc);
        else finish_row(a, w, d, q0 + i, acc, base[i], lanes_fold(sum + i * LANES));
    }
}

/* queries q0 to q1 (at most TASK_Q) of one head */
static void forward_task(const forward *f, forward_tiles *w, size_t b, size_t h, size_t q0,
                         size_t q1)
{
    const cpu_attn *a = &f->a;
    const size_t g = h / (a->H / a->G), kb = a->k_row ? (size_t)a->k_row[b] : b;
    head d = { .b = b, .h = h, .kb = kb,
               .kp = at(a->k, a->k_type, (ptrdiff_t)(kb * a->k_batch + g * a->k_head)),
               .vp = at(a->v, a->v_type, (ptrdiff_t)(kb * a->v_batch + g * a->v_head)) };
    memset(w->sum, 0, sizeof w->sum);
    for (size_t i = 0; i < TASK_Q; i++) w->base[i] = base_none();
    for (size_t k0 = 0, k1; k0 == 0 || k0 < a->Tk; k0 = k1) {
        k1 = a->Tk - k0 < f->blocks * f->block ? a->Tk : k0 + f->blocks * f->block;
        memset(w->packed, 0, sizeof w->packed);
        memset(w->ks, 0, sizeof w->ks);
        for (size_t at = k0, i = 0; at < k1; at += f->block, i++)
            segs_of_block(a, kb, at, k1 - at < f->block ? k1 - at : f->block, w->ks[i]);
        for (size_t q = q0; q < q1; q += BQ)
            forward_queries(f, w, &d, q, q1 - q < BQ ? q1 - q : BQ, k0, k1, w->base + (q - q0),
                            w->sum + (q - q0) * LANES);
        if (!a->Tk) break;
    }
}

static void forward_range(void *user, size_t from, size_t to)
{
    const forward *f = user;
    forward_tiles *w = f->par->take(f->par->scratch);
    pairs_begin(f->dot);
    for (size_t i = from; i < to; i++) {
        const size_t c = i % f->chunks, bh = i / f->chunks, q0 = c * f->task;
        const size_t q1 = f->a.Tq - q0 < f->task ? f->a.Tq : q0 + f->task;
        forward_task(f, w, bh / f->a.H, bh % f->a.H, q0, q1);
    }
    pairs_end(f->dot);
    f->par->give(f->par->scratch, w);
}

/* Keys are packed again for each task of a head: as few as may be, all nearly alike, but enough for
 * all threads. */
static size_t task_queries(const cpu_attn *a, const cpu_par *par)
{
    const bool alone = !par->split || par->threads == 1;
    const size_t threads = alone ? 0 : par->threads ? par->threads : 8, least = 8 * BQ;
    size_t chunks = (a->Tq + TASK_Q - 1) / TASK_Q;
    while (a->B * a->H * chunks < 2 * threads && a->Tq / (chunks + 1) >= least) chunks++;
    return ((a->Tq + chunks - 1) / chunks + BQ - 1) / BQ * BQ;
}

static forward forward_of(const cpu_attn *a, const cpu_par *par)
{
    const size_t task = task_queries(a, par);
    forward f = { .a = *a, .par = par, .task = task, .chunks = (a->Tq + task - 1) / task,
                  .block = block_keys(a), .acc_row = (a->Kv + NR - 1) / NR * NR,
                  .dot = a->bf16 && HAVE_DOT };
    f.k_size = f.block * depth_of(f.dot ? RUNS_PAIRS : RUNS_UP, a->K);
    f.v_size = f.block * f.acc_row / (f.dot ? 2 : 1);
    f.blocks = SHELF / (f.k_size > f.v_size ? f.k_size : f.v_size);
    if (f.blocks > MOST_BLOCKS) f.blocks = MOST_BLOCKS;
    dense_distances(&f.a);
    return f;
}

void L(attention)(const cpu_attn *a, const cpu_par *par)
{
    enum { FEW = 4 };
    if (a->Tq <= FEW) { /* rounding would not pay */
        PLAIN(attention_few)(a, par);
        return;
    }
    forward f = forward_of(a, par);
    par_run(par, a->B * a->H * f.chunks, 1, forward_range, &f);
}
