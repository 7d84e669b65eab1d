/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attention of one to four queries, which is bound by reading keys and values once: they are read
 * as they lie, nothing is packed. Queries that look at the same keys (those of one row, and those
 * of heads that share keys) are rows of one task: a block of keys comes from memory for the first
 * of them and from the second cache for the others.
 *
 * One run of reads does not fill the memory's bandwidth. While a block is worked on, the next one
 * is asked for, a line of each of eight pages at a time: so the processor's own guesses about what
 * comes next, which end with a page, have eight streams to follow.
 *
 * The order of all sums is that of tiles (attention.c): scores upwards along the head, for which
 * squares of keys are turned in registers, exponentials over a base that changes by powers of two,
 * probabilities by their place modulo LANES, values key by key.
 */
#include "gemm_tiles.h"
#include "running.h"
#include "tile.h"

/* ROWS: rows of a task. BLOCK: most bytes of the keys that are worked on at a time. */
enum { ROWS = 4, BLOCK = 32 << 10, LINE = 64, PAGE = 4096, STREAMS = 8, PART = STREAMS * LINE };

/* What is to be asked for, from p to end: of STREAMS pages from `page` on the lines at `line`, and
 * so on. */
typedef struct ahead {
    uintptr_t p, end, page;
    size_t line;
} ahead;

INLINE ahead ahead_of(const void *p, size_t bytes)
{
    const uintptr_t q = (uintptr_t)p;
    return (ahead){ q, q + bytes, q & ~(uintptr_t)(PAGE - 1), 0 };
}

INLINE void ask(ahead *a)
{
    if (a->page + a->line >= a->end) return;
    UNROLL
    for (size_t i = 0; i < STREAMS; i++) {
        const uintptr_t q = a->page + i * PAGE + a->line;
        if (q >= a->p && q < a->end) __builtin_prefetch((const void *)q, 0, 2);
    }
    a->line += LINE;
    if (a->line < PAGE) return;
    a->line = 0;
    a->page += STREAMS * PAGE;
}

/* What was not asked for yet: the next block may be larger than the one that was worked on. */
INLINE void ask_rest(ahead *a)
{
    while (a->page + a->line < a->end) ask(a);
}

typedef struct few {
    cpu_attn a;
    size_t block, rows, chunks;         /* most keys in a block; rows that share keys, tasks */
    bool runs;                          /* keys and values of a head lie without gaps */
} few;

/* Rows that look at the same keys: numbers first to first + n among those of a head of keys. */
typedef struct task {
    size_t b, kb, g, first, n;
    size_t from, to;                    /* keys that some of them may see by position and count */
    size_t block;                       /* keys at a time: all blocks nearly alike */
    const void *kp, *vp;
} task;

typedef struct row {
    float q[WIDE], o[WIDE], s[MOST_KEYS], mb[MOST_KEYS], sum[LANES];
    exp_base base;
    mask_rows mask;
} row;

/* ---- keys and values ---- */

/* s[j] = scale * q k_j for n keys: the same element of VW keys lies in a register */
INLINE void scores(const omn_type t, const bool whole, const cpu_attn *a, const float *q,
                   const void *kp, size_t n, float *s, ahead *next)
{
    const size_t K = a->K;
    for (size_t j = 0, read = 0; j < n; j += VW) {
        const void *k[VW];
        vf d = vset(0), r[VW];
        UNROLL
        for (size_t i = 0; i < VW; i++) /* the last ones repeat a key rather than leave the
                                         * tensor */
            k[i] = at(kp, t, (ptrdiff_t)((j + i < n ? j + i : n - 1) * a->k_row_step));
        size_t c = 0;
        for (; CPU_LEVEL && t == OMN_BF16 && c + 2 * VW <= K; c += 2 * VW) {
            for (read += 4 * VW * VW; read >= PART; read -= PART) ask(next);
            UNROLL
            for (size_t i = 0; i < VW; i++) r[i] = vld(at(k[i], t, (ptrdiff_t)c));
            transpose(r);
            UNROLL
            for (size_t i = 0; i < VW; i++) {
                d = vfma(vset(q[c + 2 * i]), tile_low(r[i]), d);
                d = vfma(vset(q[c + 2 * i + 1]), tile_high(r[i]), d);
            }
        }
        for (; c < K; c += VW) {
            for (read += type_bytes(t) * VW * VW; read >= PART; read -= PART) ask(next);
            UNROLL
            for (size_t i = 0; i < VW; i++)
                r[i] = whole ? vget(k[i], t, c) : vrow(k[i], t, c, K);
            transpose(r);
            UNROLL
            for (size_t i = 0; i < VW; i++)
                if (whole || c + i < K) d = vfma(vset(q[c + i]), r[i], d);
        }
        frow_set(s, j, n, d * vset(a->scale));
    }
}

/* nv registers of o, from column c on, += p[j] v_j for n keys */
INLINE void columns(const int nv, const omn_type t, const cpu_attn *a, const float *p,
                    const void *vp, size_t c, size_t n, float *o, ahead *next)
{
    const size_t bytes = a->Kv * type_bytes(t);
    vf s[8];
    UNROLL
    for (int i = 0; i < nv; i++) s[i] = vld(o + c + (size_t)i * VW);
    for (size_t j = 0, read = 0; j < n; j++) {
        const void *v = at(vp, t, (ptrdiff_t)(j * a->v_row_step + c));
        const vf w = vset(p[j]);
        if (c == 0)
            for (read += bytes; read >= PART; read -= PART) ask(next);
        UNROLL
        for (int i = 0; i < nv; i++) s[i] = vfma(w, vget(v, t, (size_t)i * VW), s[i]);
    }
    UNROLL
    for (int i = 0; i < nv; i++) vst(o + c + (size_t)i * VW, s[i]);
}

/* o += p[j] v_j for n keys */
INLINE void values(const omn_type t, const bool whole, const cpu_attn *a, const float *p,
                   const void *vp, size_t n, float *o, ahead *next)
{
    enum { MANY = VW >= 16 ? 4 : 8 };
    size_t c = 0;
    for (; c + MANY * VW <= a->Kv; c += MANY * VW) columns(MANY, t, a, p, vp, c, n, o, next);
    for (; c + 2 * VW <= a->Kv; c += 2 * VW) columns(2, t, a, p, vp, c, n, o, next);
    for (; whole && c + VW <= a->Kv; c += VW) columns(1, t, a, p, vp, c, n, o, next);
    for (; c < a->Kv; c += VW) {
        vf s = vld(o + c);
        for (size_t j = 0; j < n; j++)
            s = vfma(vset(p[j]), vrow(at(vp, t, (ptrdiff_t)(j * a->v_row_step)), t, c, a->Kv), s);
        vst(o + c, s);
    }
}

static void few_scores(const cpu_attn *a, const float *q, const void *kp, size_t n, float *s,
                       ahead *next)
{
    BY_TYPE(scores, a->k_type, a->K % VW == 0, a, q, kp, n, s, next);
}

static void few_values(const cpu_attn *a, const float *p, const void *vp, size_t n, float *o,
                       ahead *next)
{
    BY_TYPE(values, a->v_type, a->Kv % VW == 0, a, p, vp, n, o, next);
}

/* ---- softmax ---- */

/* Scores of the strips that are seen become probabilities; sum and o are scaled when the maximum
 * grows. False: nothing was seen so far. */
static bool few_softmax(const cpu_attn *a, row *r, const seen *see, size_t strips)
{
    r->base = raise_base(r->base, row_most(r->s, r->mb, see, strips), r->sum, r->o, a->Kv);
    if (base_is_none(r->base)) return false;
    exp_row(r->s, see, strips, r->base, r->sum, false);
    return true;
}

/* ---- tasks ---- */

static task task_of(const few *f, size_t number)
{
    const cpu_attn *a = &f->a;
    const size_t bg = number / f->chunks;
    task t = { .g = bg / a->B, .b = bg % a->B, .first = number % f->chunks * ROWS };
    t.n = f->rows - t.first < ROWS ? f->rows - t.first : ROWS;
    t.kb = a->k_row ? (size_t)a->k_row[t.b] : t.b;
    t.kp = at(a->k, a->k_type, (ptrdiff_t)(t.kb * a->k_batch + t.g * a->k_head));
    t.vp = at(a->v, a->v_type, (ptrdiff_t)(t.kb * a->v_batch + t.g * a->v_head));
    const mask_rows m = mask_rows_of(a, t.b, 0, 0, a->Tq);
    const int64_t end = m.first + (int64_t)a->Tq, begin = m.first - a->window + 1;
    t.to = m.count;
    if (a->causal && end < (int64_t)t.to) t.to = end > 0 ? (size_t)end : 0;
    if (a->window > 0 && begin > 0)
        t.from = begin < (int64_t)t.to ? (size_t)begin / STRIP * STRIP : t.to;
    const size_t keys = t.to - t.from, blocks = (keys + f->block - 1) / f->block;
    t.block = blocks ? ((keys + blocks - 1) / blocks + STRIP - 1) / STRIP * STRIP : f->block;
    return t;
}

static void begin_row(const few *f, const task *t, size_t number, row *r)
{
    const cpu_attn *a = &f->a;
    const size_t h = t->g * (a->H / a->G) + number / a->Tq, i = number % a->Tq;
    const void *q = at(a->q, a->q_type, (ptrdiff_t)(t->b * a->q_batch + i * a->q_row + h * a->K));
    for (size_t c = 0; c < a->K; c += VW) vst(r->q + c, vrow(q, a->q_type, c, a->K));
    memset(r->o, 0, (a->Kv + VW - 1) / VW * VW * sizeof *r->o);
    memset(r->sum, 0, sizeof r->sum);
    r->base = base_none();
    r->mask = mask_rows_of(a, t->b, h, i, 1);
}

/* Keys k0 to k0 + n for one row; what is to come is asked for meanwhile. */
static void row_block(const few *f, const task *t, row *r, const segs *ks, size_t k0, size_t n,
                      ahead *next_k, ahead *next_v)
{
    const cpu_attn *a = &f->a;
    const size_t strips = (n + STRIP - 1) / STRIP;
    seen see[MOST_KEYS / STRIP];
    bool any = false;
    for (size_t s = 0; s < strips; s++) {
        const size_t j = s * STRIP, nk = n - j < STRIP ? n - j : STRIP;
        see[s] = mask_strip(&r->mask, k0 + j, nk, ks[s], r->mb + j, STRIP);
        if (see[s] == SEEN_NONE) continue;
        any = true;
        for (size_t i = nk; i < STRIP; i++) r->s[j + i] = -INFINITY;
        few_scores(a, r->q, at(t->kp, a->k_type, (ptrdiff_t)((k0 + j) * a->k_row_step)), nk,
                   r->s + j, next_k);
    }
    if (!any || !few_softmax(a, r, see, strips)) return;
    for (size_t s = 0; s < strips; s++) {
        const size_t j = s * STRIP, nk = n - j < STRIP ? n - j : STRIP;
        if (see[s] != SEEN_NONE)
            few_values(a, r->s + j, at(t->vp, a->v_type, (ptrdiff_t)((k0 + j) * a->v_row_step)), nk,
                       r->o, next_v);
    }
}

static void end_row(const few *f, const task *t, size_t number, row *r)
{
    const cpu_attn *a = &f->a;
    const size_t h = t->g * (a->H / a->G) + number / a->Tq, i = number % a->Tq;
    float *out = a->o + t->b * a->o_batch + i * a->o_row + h * a->Kv, sum = lanes_fold(r->sum);
    ahead nothing = { 0 };
    if (a->lse)
        a->lse[(t->b * a->H + h) * a->Tq + i] = sum > 0 ? base_log(r->base, sum) : -INFINITY;
    if (!(sum > 0) && a->uniform_empty) {
        for (size_t j = 0; j < STRIP; j++) r->s[j] = 1;
        for (size_t k0 = 0; k0 < a->Tk; k0 += STRIP)
            few_values(a, r->s, at(t->vp, a->v_type, (ptrdiff_t)(k0 * a->v_row_step)),
                       a->Tk - k0 < STRIP ? a->Tk - k0 : STRIP, r->o, &nothing);
        sum = (float)a->Tk;
    }
    const vf k = vset(sum > 0 ? 1 / sum : 0);
    for (size_t c = 0; c < a->Kv; c += VW) frow_set(out, c, a->Kv, vld(r->o + c) * k);
}

/* Keys and values of a task from k0 on, as far as a block goes. */
static void look_ahead(const few *f, const task *t, size_t k0, ahead *k, ahead *v)
{
    const cpu_attn *a = &f->a;
    *k = *v = (ahead){ 0 };
    if (!f->runs || k0 >= t->to) return;
    const size_t n = t->to - k0 < t->block ? t->to - k0 : t->block;
    *k = ahead_of(at(t->kp, a->k_type, (ptrdiff_t)(k0 * a->K)), n * a->K * type_bytes(a->k_type));
    *v = ahead_of(at(t->vp, a->v_type, (ptrdiff_t)(k0 * a->Kv)), n * a->Kv * type_bytes(a->v_type));
}

static void few_range(void *user, size_t from, size_t to)
{
    const few *f = user;
    const cpu_attn *a = &f->a;
    row rows[ROWS];
    ahead k = { 0 }, v = { 0 };
    const task first = task_of(f, from);        /* the only one that nobody asked for before */
    look_ahead(f, &first, first.from, &k, &v);
    ask_rest(&k);
    ask_rest(&v);
    for (size_t i = from; i < to; i++) {
        const task t = task_of(f, i);
        for (size_t r = 0; r < t.n; r++) begin_row(f, &t, t.first + r, &rows[r]);
        for (size_t k0 = t.from; k0 < t.to; k0 += t.block) {
            const size_t n = t.to - k0 < t.block ? t.to - k0 : t.block;
            segs ks[MOST_KEYS / STRIP] = { { 0, 0, false, false } };
            k = v = (ahead){ 0 };
            if (k0 + n < t.to) {
                look_ahead(f, &t, k0 + n, &k, &v);
            } else if (i + 1 < to) {
                const task after = task_of(f, i + 1);
                look_ahead(f, &after, after.from, &k, &v);
            }
            segs_of_block(a, t.kb, k0, n, ks);
            for (size_t r = 0; r < t.n; r++) row_block(f, &t, &rows[r], ks, k0, n, &k, &v);
            ask_rest(&k);
            ask_rest(&v);
        }
        for (size_t r = 0; r < t.n; r++) end_row(f, &t, t.first + r, &rows[r]);
    }
}

void L(attention_few)(const cpu_attn *a, const cpu_par *par)
{
    few f = { .a = *a, .rows = a->H / a->G * a->Tq };
    dense_distances(&f.a);
    f.chunks = (f.rows + ROWS - 1) / ROWS;
    f.runs = f.a.k_row_step == a->K && f.a.v_row_step == a->Kv;
    f.block = BLOCK / (a->K * type_bytes(a->k_type)) / STRIP * STRIP;
    if (f.block < STRIP) f.block = STRIP;
    if (f.block > MOST_KEYS) f.block = MOST_KEYS;
    par_run(par, a->B * a->G * f.chunks, 1, few_range, &f);
}
