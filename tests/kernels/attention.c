/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attention against a float64 reference that stores every score: all masks, grouped heads, odd
 * sizes, shared keys, on every level. Gradients are compared with central differences of that
 * reference (step 1e-5 in float64: good to about 1e-9). Scores here stay below 10, so f32 errs by
 * some 1e-6 of the values of order 1; 2e-5 is ten times that. With bf16 products factors are
 * rounded (2^-9 each).
 */
#include "harness.h"

typedef struct world {
    size_t B, B2, Tq, Tk, H, G, K, Kv;
    double *q, *k, *v, *extra, *c;      /* c: what the loss multiplies o with */
    const int32_t *q_seg, *k_seg, *q_part, *k_part, *q_start, *k_count, *k_row;
    const float *slopes;
    size_t extra_batch, extra_head;
    bool causal, uniform_empty;
    int64_t window;
    double scale;
} world;

TESTING_TRUSTED static bool sees(const world *w, size_t b, size_t i, size_t j)
{
    const int64_t start = w->q_start ? w->q_start[b] : 0, pos = start + (int64_t)i;
    const size_t kb = w->k_row ? (size_t)w->k_row[b] : b;
    if (w->causal && (int64_t)j > pos) return false;
    if (w->window > 0 && (int64_t)j <= pos - w->window) return false;
    if (w->k_count && (int64_t)j >= w->k_count[b]) return false;
    if (w->q_seg) {
        const int32_t a = w->q_seg[b * w->Tq + i], c = w->k_seg[kb * w->Tk + j];
        if (a == 0 || c == 0 || (a != c && c != OMN_SEG_SHARED)) return false;
    }
    if (w->q_part && w->q_part[b * w->Tq + i] != w->k_part[kb * w->Tk + j]) return false;
    return true;
}

TESTING_TRUSTED static double reference(const world *w, double *o, double *lse)
{
    double loss = 0, *s = calloc(w->Tk, sizeof *s);
    ck_assert(s != NULL);
    for (size_t b = 0; b < w->B; b++)
        for (size_t h = 0; h < w->H; h++)
            for (size_t i = 0; i < w->Tq; i++) {
                const size_t kb = w->k_row ? (size_t)w->k_row[b] : b, g = h / (w->H / w->G);
                const double *q = w->q + ((b * w->Tq + i) * w->H + h) * w->K;
                double top = -INFINITY, sum = 0;
                for (size_t j = 0; j < w->Tk; j++) {
                    const double *k = w->k + ((kb * w->Tk + j) * w->G + g) * w->K;
                    s[j] = 0;
                    for (size_t x = 0; x < w->K; x++) s[j] += q[x] * k[x];
                    s[j] *= w->scale;
                    if (w->extra)
                        s[j] += w->extra[b * w->extra_batch + h * w->extra_head + i * w->Tk + j];
                    if (w->slopes)
                        s[j] += w->slopes[h] *
                            ((double)j - (double)i - (w->q_start ? w->q_start[b] : 0));
                    if (!sees(w, b, i, j)) s[j] = -INFINITY;
                    if (s[j] > top) top = s[j];
                }
                const bool empty = top == -INFINITY;
                for (size_t j = 0; j < w->Tk; j++) {
                    s[j] = empty ? w->uniform_empty : exp(s[j] - top);
                    sum += s[j];
                }
                if (lse) lse[(b * w->H + h) * w->Tq + i] = empty ? -INFINITY : top + log(sum);
                for (size_t x = 0; x < w->Kv; x++) {
                    double y = 0;
                    for (size_t j = 0; j < w->Tk; j++)
                        y += s[j] * w->v[((kb * w->Tk + j) * w->G + g) * w->Kv + x];
                    y = sum > 0 ? y / sum : 0;
                    const size_t at = ((b * w->Tq + i) * w->H + h) * w->Kv + x;
                    if (o) o[at] = y;
                    loss += y * w->c[at];
                }
            }
    free(s);
    return loss;
}

static double *widen(const float *p, size_t n, bool bf16)
{
    double *d = doubles(n);
    for (size_t i = 0; i < n; i++) d[i] = bf16 ? to_bf16(p[i]) : p[i];
    return d;
}

static void slope_is(const char *what, const char *level, world *w, double *p, const float *got,
                     size_t n, rng *r)
{
    const double tol = strstr(what, "bf16 1") ? 2e-2 : 2e-5;
    for (int t = 0; t < 24; t++) {
        const size_t i = (size_t)((uniform(r) + 1) / 2 * (double)n);
        const double old = p[i];
        p[i] = old + 1e-5;
        const double up = reference(w, NULL, NULL);
        p[i] = old - 1e-5;
        const double want = (up - reference(w, NULL, NULL)) / 2e-5;
        p[i] = old;
        ck_assert_msg(fabs(want - (double)got[i]) <= tol * (1 + fabs(want)),
                      "%s (%s): gradient %zu is %.8g, %.8g wanted", what, level, i, (double)got[i],
                      want);
    }
}

enum { CAUSAL = 1, SEGS = 2, PARTS = 4, START = 8, COUNT = 16, ROW = 32, EXTRA = 64, SLOPES = 128,
       WINDOW = 256, UNIFORM = 512, HIDE = 1024, FAR = 2048,
       TAIL = 4096, EDGE = 8192 };

/* Keys or values [B2,Tk,G,K] head by head, [B2,G,Tk,K]; bf16: of this type. */
static void *by_head(const float *p, const world *w, size_t K, bool bf16)
{
    const size_t n = w->B2 * w->Tk * w->G * K;
    char *to = testing_memory(n * (bf16 ? 2 : 4));
    for (size_t i = 0; i < n; i++) {
        const size_t b = i / (w->Tk * w->G * K), j = i / (w->G * K) % w->Tk, g = i / K % w->G;
        const size_t place = ((b * w->G + g) * w->Tk + j) * K + i % K;
        const uint16_t half = omn_bf16_of(p[i]);
        if (bf16) memcpy(to + 2 * place, &half, 2);
        else memcpy(to + 4 * place, &p[i], 4);
    }
    return to;
}

/* What a was, of caches: head by head in f32 no bit changes; of bf16 it is that of rounded keys and
 * values. */
static void check_caches(const cpu_kernels *kern, const cpu_attn *plain, world *w, const char *what,
                         double tol)
{
    const size_t no = w->B * w->Tq * w->H * w->Kv;
    cpu_attn a = *plain;
    a.o = floats(no);
    a.k = by_head(plain->k, w, w->K, false);
    a.v = by_head(plain->v, w, w->Kv, false);
    a.k_row_step = w->K;
    a.k_head = w->Tk * w->K;
    a.k_batch = w->G * a.k_head;
    a.v_row_step = w->Kv;
    a.v_head = w->Tk * w->Kv;
    a.v_batch = w->G * a.v_head;
    kern->attention(&a, &at_once);
    ck_assert_msg(!memcmp(a.o, plain->o, no * sizeof *a.o), "%s (%s): a cache changes the result",
                  what, kern->level);
    double *want = doubles(no);
    w->k = widen(plain->k, w->B2 * w->Tk * w->G * w->K, true);
    w->v = widen(plain->v, w->B2 * w->Tk * w->G * w->Kv, true);
    reference(w, want, NULL);
    a.k = by_head(plain->k, w, w->K, true);
    a.v = by_head(plain->v, w, w->Kv, true);
    a.k_type = a.v_type = OMN_BF16;
    kern->attention(&a, &at_once);
    near_all(what, kern->level, a.o, want, NULL, no, tol);
    float *again = a.o;
    a.o = floats(no);
    kern->attention(&a, &pieces);
    ck_assert_msg(!memcmp(a.o, again, no * sizeof *a.o), "%s (%s): pieces change the result", what,
                  kern->level);
}

static void check(const cpu_kernels *kern, size_t B, size_t B2, size_t Tq, size_t Tk, size_t H,
                  size_t G, size_t K, size_t Kv, int how, bool bf16, bool grads)
{
    rng r = { Tq * 31 + Tk * 17 + (size_t)how };
    const size_t nq = B * Tq * H * K, nk = B2 * Tk * G * K, nv = B2 * Tk * G * Kv,
                 no = B * Tq * H * Kv;
    float *q = noise(&r, nq), *k = noise(&r, nk), *v = noise(&r, nv), *c = noise(&r, no);
    float *o = floats(no), *lse = floats(B * H * Tq), *o2 = floats(no);
    const size_t eb = how & HIDE ? 0 : H * Tq * Tk, eh = how & HIDE ? 0 : Tq * Tk;
    const size_t ne = how & HIDE ? Tq * Tk : B * H * Tq * Tk;
    float *extra = noise(&r, ne), *slopes = noise(&r, H);
    int32_t *qs = testing_memory(B * Tq * 4), *ks = testing_memory(B2 * Tk * 4);
    int32_t *qp = testing_memory(B * Tq * 4), *kp = testing_memory(B2 * Tk * 4);
    int32_t *start = testing_memory(B * 4), *count = testing_memory(B * 4),
            *row = testing_memory(B * 4);
    for (size_t i = 0; i < B * Tq; i++) {
        qs[i] = (int32_t)((i % Tq) / 5 % 4);
        qp[i] = (int32_t)((i % Tq) / 3 % 2);
        if (qs[i] == 3) qs[i] = OMN_SEG_SHARED;
    }
    for (size_t i = 0; i < B2 * Tk; i++) {
        ks[i] = (int32_t)((i % Tk) / 6 % 4);
        kp[i] = (int32_t)((i % Tk) / 4 % 2);
        if (ks[i] == 3) ks[i] = OMN_SEG_SHARED;
    }
    if (how & TAIL) { /* one segment, then padding, within a strip of keys */
        for (size_t i = 0; i < B * Tq; i++) qs[i] = 1;
        for (size_t i = 0; i < B2 * Tk; i++) ks[i] = i % Tk < 50;
    }
    for (size_t b = 0; b < B; b++) {
        start[b] = Tk > Tq ? (int32_t)((Tk - Tq + b) % Tk) : (int32_t)b;
        row[b] = (int32_t)((b + 1) % B2);
    }
    for (size_t b = 0; how & EDGE && b < B; b++) start[b] = 29 + (int32_t)b; /* about a strip */
    for (size_t b = 0; b < B; b++) count[b] = (int32_t)(Tk * (b + 1) / (B + 1));
    if (how & HIDE)
        for (size_t i = 0; i < ne; i++)
            if (i % 3) extra[i] = -INFINITY;
    if (how & FAR) /* hidden as some checkpoints do it: blocks of nothing else, then others */
        for (size_t i = 0; i < ne; i++)
            if (i % Tk < Tk - 5) extra[i] = -1e10f;
    const bool rounded = bf16 && Tq > 4; /* up to four queries are not rounded: it would not pay */
    world w = { B, B2, Tq, Tk, H, G, K, Kv, widen(q, nq, rounded), widen(k, nk, rounded),
                widen(v, nv, rounded),
                how & EXTRA ? widen(extra, ne, false) : NULL, widen(c, no, false),
                how & SEGS ? qs : NULL, how & SEGS ? ks : NULL, how & PARTS ? qp : NULL,
                how & PARTS ? kp : NULL, how & START ? start : NULL, how & COUNT ? count : NULL,
                how & ROW ? row : NULL, how & SLOPES ? slopes : NULL, eb, eh, how & CAUSAL,
                how & UNIFORM, how & WINDOW ? 7 : 0, 0.35 };
    double *want = doubles(no), *want_lse = doubles(B * H * Tq);
    reference(&w, want, want_lse);
    cpu_attn a = { .B = B, .B2 = B2, .Tq = Tq, .Tk = Tk, .H = H, .G = G, .K = K, .Kv = Kv, .q = q,
                   .k = k, .v = v, .q_type = OMN_F32, .k_type = OMN_F32, .v_type = OMN_F32, .o = o,
                   .lse = lse, .scale = 0.35f, .causal = how & CAUSAL, .bf16 = bf16,
                   .uniform_empty = how & UNIFORM, .window = how & WINDOW ? 7 : 0, .q_seg = w.q_seg,
                   .k_seg = w.k_seg, .q_part = w.q_part, .k_part = w.k_part, .q_start = w.q_start,
                   .k_count = w.k_count, .k_row = w.k_row, .extra = how & EXTRA ? extra : NULL,
                   .extra_batch = eb, .extra_head = eh, .slopes = w.slopes };
    char what[128];
    snprintf(what, sizeof what, "attention B %zu,%zu T %zu,%zu H %zu,%zu K %zu,%zu mask %d bf16 %d",
             B, B2, Tq, Tk, H, G, K, Kv, how, bf16);
    kern->attention(&a, &at_once);
    /* slopes of hundreds of keys make scores of hundreds, which f32 rounds by 3e-5 */
    const double tol = bf16 ? 8e-3 : how & SLOPES && Tk > 100 ? 2e-4 : 2e-5;
    near_all(what, kern->level, o, want, NULL, no, tol);
    for (size_t i = 0; i < B * H * Tq; i++)
        ck_assert_msg(want_lse[i] == (double)lse[i] || fabs(want_lse[i] - (double)lse[i]) <
                          1e-5 * fmax(1, fabs(want_lse[i])),
                      "%s (%s): lse %zu is %g, %g wanted", what, kern->level, i, (double)lse[i],
                      want_lse[i]);
    a.o = o2;
    kern->attention(&a, &pieces);
    ck_assert_msg(!memcmp(o, o2, no * sizeof *o), "%s (%s): pieces change the result", what,
                  kern->level);
    if (!grads) check_caches(kern, &a, &w, what, tol);
    if (grads) {
        float *dq = noise(&r, nq), *dk = noise(&r, nk), *dv = noise(&r, nv), *de = floats(ne);
        memset(de, 0, ne * sizeof *de);
        a.d_o = c;
        a.dq = dq;
        a.dk = dk;
        a.dv = dv;
        a.d_extra = how & EXTRA && !(how & HIDE) ? de : NULL;
        kern->attention_grad(&a, &pieces);
        slope_is(what, kern->level, &w, w.q, dq, nq, &r);
        slope_is(what, kern->level, &w, w.k, dk, nk, &r);
        slope_is(what, kern->level, &w, w.v, dv, nv, &r);
        if (a.d_extra) slope_is(what, kern->level, &w, w.extra, de, ne, &r);
    }
}

START_TEST(attention_equals_float64)
{
    static const int masks[] = {
        0,
        CAUSAL,
        SEGS | UNIFORM,
        SEGS | PARTS | CAUSAL,
        CAUSAL | START,
        COUNT,
        ROW | SEGS,
        EXTRA,
        SLOPES | CAUSAL | START,
        WINDOW | CAUSAL,
        EXTRA | HIDE | UNIFORM,
        COUNT | SEGS | ROW | UNIFORM,
        WINDOW | START | EXTRA | PARTS,
    };
    FOR_LEVELS(k)
        for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
            check(k, 2, 2, 1, 17, 2, 2, 16, 16, masks[i], false, false);
            check(k, 2, 2, 2, 300, 4, 2, 33, 20, masks[i], false, false);
            check(k, 3, 2, 1, 65, 2, 2, 64, 65, masks[i] | ROW, true, false);
            check(k, 2, 2, 37, 70, 4, 2, 32, 32, masks[i], false, false);
            check(k, 1, 1, 65, 63, 1, 1, 33, 20, masks[i], false, false);
            check(k, 2, 3, 200, 33, 2, 1, 8, 64, masks[i] & ~ROW, false, false);
            check(k, 3, 2, 5, 40, 2, 2, 64, 65, masks[i] | ROW, false, false);
            check(k, 1, 1, 30, 50, 2, 2, 32, 32, masks[i], true, false);
        }
    FOR_LEVELS(k) {
        check(k, 1, 1, 3, 130, 1, 1, 256, 256, 0, false, false);
        for (size_t Tq = 1; Tq < 30; Tq += 14) {
            check(k, 2, 2, Tq, 100, 2, 1, 16, 16, SEGS | TAIL, false, Tq > 1);
            check(k, 7, 7, Tq, 64, 1, 1, 16, 16, START | EDGE | CAUSAL, false, Tq > 1);
            check(k, 7, 7, Tq, 64, 1, 1, 16, 16, START | EDGE | CAUSAL | WINDOW, false, Tq > 1);
        }
        check(k, 2, 2, 1, 530, 2, 1, 32, 32, EXTRA | FAR, false, false);
        check(k, 1, 1, 30, 530, 2, 2, 40, 40, EXTRA | FAR, false, false);
        for (int bf16 = 0; bf16 < 2; bf16++) { /* more keys than are packed at once */
            check(k, 1, 1, 40, 600, 1, 1, 256, 250, 0, bf16, false);
            check(k, 2, 2, 70, 600, 1, 1, 256, 250, SEGS | TAIL | EXTRA, bf16, false);
        }
    }
}
END_TEST

/* One to four queries: lengths about a strip and beyond a block, heads that share keys. */
START_TEST(few_queries_equal_float64)
{
    static const int masks[] = { 0, CAUSAL | START, COUNT | ROW | UNIFORM, SEGS | PARTS | ROW,
                                 SLOPES | START | EXTRA, WINDOW | CAUSAL | START | COUNT };
    static const size_t lengths[] = { 1, 15, 16, 17, 600 };
    FOR_LEVELS(k)
        for (size_t Tq = 1; Tq <= 4; Tq++)
            for (size_t i = 0; i < sizeof masks / sizeof *masks; i++)
                for (size_t n = 0; n < sizeof lengths / sizeof *lengths; n++) {
                    if (lengths[n] > 100 && Tq != 1 && Tq != 4) continue; /* most of the time */
                    check(k, 2, 2, Tq, lengths[n], 4, 2, 64, 64, masks[i], false, false);
                    check(k, 1, 1, Tq, lengths[n], 1, 1, 20, 130, masks[i], true, false);
                }
}
END_TEST

START_TEST(attention_gradients_equal_differences)
{
    static const int masks[] = {
        0, CAUSAL, SEGS | UNIFORM, SEGS | PARTS | CAUSAL, COUNT | START | CAUSAL, ROW | SEGS, EXTRA,
        SLOPES | CAUSAL, WINDOW | CAUSAL | SEGS, EXTRA | HIDE | UNIFORM,
    };
    FOR_LEVELS(k)
        for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
            check(k, 2, 2, 29, 35, 2, 1, 17, 24, masks[i], false, true);
            check(k, 3, 2, 7, 33, 2, 2, 8, 8, masks[i] | ROW, false, true);
            check(k, 1, 1, 31, 70, 2, 2, 32, 33, masks[i], true, true);
        }
}
END_TEST

int main(void)
{
    const TTest *const all[] = { attention_equals_float64, few_queries_equal_float64,
                                 attention_gradients_equal_differences };
    return TESTING_RUN("kernels/attention", all, 120); /* all levels, under sanitizers too */
}
