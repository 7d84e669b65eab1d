/* SPDX-License-Identifier: Apache-2.0 */
/* Attention without a matrix of scores (Milakov and Gimelshein 2018; Dao and others 2022): a
 * work-item keeps QB queries of one head with their base, sums and weighted values, and walks over
 * the keys 16 at a time: scores are float16 over keys, values float16 over the width. Keys that no
 * query may see by position or count are not read. MOST: width of the arrays, at least the widths
 * of heads; KV: type of keys and values, which lie key by key, or head by head in caches.
 * Work-items: (blocks of queries, heads, rows). Masks: see omn_attend in
 * omnio/graph.h. */
#define QB       16
#define KV_BYTES (KV == F32 ? 4 : 2)
enum {
    Q_SEG = 1,
    K_SEG = 2,
    Q_PART = 4,
    K_PART = 8,
    Q_START = 16,
    K_COUNT = 32,
    K_ROW = 64,
    EXTRA = 128,
    SLOPES = 256
};

int16 load_ints(global const int *p, int n)
{
    if (n >= 16) return vload16(0, p);
    int t[16] = { 0 };
    for (int i = 0; i < n; i++) t[i] = p[i];
    return vload16(0, t);
}

/* Scores of four queries with 16 turned keys, in the order in which a query alone sums: lane c % 16
 * of a float16 along the width, then folded as in sum16, so that company changes no bit. */
typedef struct four {
    float16 a, e, f, d;
} four;

four both(four x, four y)
{
    x.a += y.a;
    x.e += y.e;
    x.f += y.f;
    x.d += y.d;
    return x;
}

four lane(global const float *a, global const float *e, global const float *f,
          global const float *d, const float *kt, int K, int c)
{
    four s;
    s.a = s.e = s.f = s.d = (float16)(0.0f);
    for (; c < K; c += 16) {
        const float16 key = vload16(c, kt);
        s.a = FMA((float16)(a[c]), key, s.a);
        s.e = FMA((float16)(e[c]), key, s.e);
        s.f = FMA((float16)(f[c]), key, s.f);
        s.d = FMA((float16)(d[c]), key, s.d);
    }
    return s;
}

/* e^(x - c) 2^-n for x up to what n and c were made of. While the greatest score is moderate c is 0
 * and n its quotient by ln 2, so that a base that grows changes sums by powers of two alone: bits
 * do not depend on where a block of keys ends. Beyond BASE_MOST n is 0 and c the greatest. */
#define BASE_MOST 8192.0f
#define LN_2      0.693147181f

float16 exp_over(float16 x, float n, float c)
{
    const float16 y = fmax(x - c, (float16)(n * LN_2 - 110.0f));
    const float16 k = rint(y * 1.44269504088896341f);
    float16 r = FMA(k, (float16)(-0.693359375f), y);
    r = FMA(k, (float16)(2.12194440e-4f), r);
    float16 p = (float16)(1.9875691500e-4f);
    p = FMA(p, r, (float16)(1.3981999507e-3f));
    p = FMA(p, r, (float16)(8.3334519073e-3f));
    p = FMA(p, r, (float16)(4.1665795894e-2f));
    p = FMA(p, r, (float16)(1.6666665459e-1f));
    p = FMA(p, r, (float16)(5.0000001201e-1f));
    p = FMA(p * r, r, r) + 1.0f;
    const int16 e = convert_int16(k) - (int)n, h = e >> 1;
    p = p * as_float16((h + 127) << 23) * as_float16((e - h + 127) << 23);
    return select(p, x, isnan(x));
}

kernel void attention(bytes q_, ulong q_at, bytes k_, ulong k_at, bytes v_, ulong v_at, bytes q_seg,
                      ulong q_seg_at, bytes k_seg, ulong k_seg_at, bytes q_part, ulong q_part_at,
                      bytes k_part, ulong k_part_at, bytes q_start, ulong q_start_at, bytes k_count,
                      ulong k_count_at, bytes k_row, ulong k_row_at, bytes extra, ulong extra_at,
                      bytes slopes, ulong slopes_at, global uchar *o_, ulong o_at,
                      global uchar *lse_, ulong lse_at, int has, int B2, int Tq, int Tk, int H,
                      int G, int K, int Kv, float scale, int causal, int window, int uniform_empty,
                      int extra_b, int extra_h, int has_lse, int by_head, global int *fault,
                      int what)
{
    const int q0 = get_global_id(0) * QB, nq = min(QB, Tq - q0), h = get_global_id(1);
    const int b = get_global_id(2), g = h / (H / G), wide = (Kv + 15) / 16 * 16;
    float o[QB * MOST], kt[16 * MOST], vt[16 * MOST], p[QB * 16], keep[QB];
    float base_n[QB], base_c[QB]; /* n -INFINITY: no key was seen yet */
    float8 l[QB];
    int from[QB], to[QB], qs[QB], qp[QB];
    int row = has & K_ROW ? INTS(k_row, k_row_at)[b] : b, low = Tk, high = 0;
    if (row < 0 || row >= B2) {
        if (atomic_cmpxchg((volatile global int *)fault, 0, what) == 0) {
            fault[1] = b;
            fault[2] = row;
            fault[3] = B2 - 1;
        }
        row = 0;
    }
    const int count = has & K_COUNT ? clamp(INTS(k_count, k_count_at)[b], 0, Tk) : Tk;
    const long start = has & Q_START ? INTS(q_start, q_start_at)[b] : 0;
    for (int i = 0; i < QB; i++) {
        const int qi = b * Tq + min(q0 + i, Tq - 1);
        const long at = start + q0 + i;
        from[i] = window > 0 ? (int)clamp(at - window + 1, 0L, (long)Tk) : 0;
        to[i] = causal ? (int)clamp(at + 1, 0L, (long)count) : count;
        qs[i] = has & Q_SEG ? INTS(q_seg, q_seg_at)[qi] : 0;
        qp[i] = has & Q_PART ? INTS(q_part, q_part_at)[qi] : 0;
        if ((has & Q_SEG) && !qs[i]) to[i] = 0;
        if (i >= nq) to[i] = 0;
        if (from[i] < to[i]) {
            low = min(low, from[i]);
            high = max(high, to[i]);
        }
        base_n[i] = -INFINITY;
        base_c[i] = 0.0f;
        l[i] = (float8)(0.0f);
        for (int c = 0; c < wide; c += 16) vstore16((float16)(0.0f), 0, o + i * MOST + c);
    }
    /* elements from one key to the next, and to the first key of this head */
    const int k_next = by_head ? K : G * K, v_next = by_head ? Kv : G * Kv;
    const long k_first = ((long)row * Tk * G + (by_head ? (long)g * Tk : g)) * K;
    const long v_first = ((long)row * Tk * G + (by_head ? (long)g * Tk : g)) * Kv;
    global const float *q = FLOATS(q_, q_at) + (((long)b * Tq + q0) * H + h) * K;
    for (int j0 = low / 16 * 16; j0 < high; j0 += 16) {
        const int n = min(16, high - j0); /* what nobody sees is not read */
        const int16 j = IOTA + j0;
        int16 ks = (int16)(0), kp = (int16)(0);
        if (has & K_SEG) {
            ks = load_ints(INTS(k_seg, k_seg_at) + (long)row * Tk + j0, n);
            if (!any(ks != 0)) continue;
        }
        if (has & K_PART) kp = load_ints(INTS(k_part, k_part_at) + (long)row * Tk + j0, n);
        bytes k = k_ + k_at + (k_first + (long)j0 * k_next) * KV_BYTES;
        bytes v = v_ + v_at + (v_first + (long)j0 * v_next) * KV_BYTES;
        if (nq > 2) { /* keys turned once, then spread queries */
            for (int r = 0; r < 16; r++)
                for (int c = 0; c < K; c++)
                    kt[c * 16 + r] = r < n ? load_one(k, KV, r * k_next + c) : 0.0f;
            for (int i = 0; i < nq; i += 4) {
                global const float *a = q + (long)i * H * K,
                                   *e = q + (long)min(i + 1, nq - 1) * H * K;
                global const float *f = q + (long)min(i + 2, nq - 1) * H * K;
                global const float *d = q + (long)min(i + 3, nq - 1) * H * K;
                four wait[4];
                for (int l = 0; l < 16; l++) { /* 0, 8, 4, 12, ...: partners come one by one */
                    int w = 0;
                    four s = lane(a, e, f, d, kt, K,
                                  (l & 1) << 3 | (l & 2) << 1 | (l & 4) >> 1 | l >> 3);
                    for (; l >> w & 1; w++) s = both(wait[w], s);
                    wait[w & 3] = s;
                }
                vstore16(wait[0].a, i, p);
                vstore16(wait[0].e, i + 1, p);
                vstore16(wait[0].f, i + 2, p);
                vstore16(wait[0].d, i + 3, p);
            }
        } else {
            for (int i = 0; i < nq; i++)
                for (int r = 0; r < 16; r++) {
                    bytes key = k + (long)min(r, n - 1) * k_next * KV_BYTES;
                    bytes query = (bytes)(q + (long)i * H * K);
                    float16 s = (float16)(0.0f);
                    for (int c = 0; c < K; c += 16)
                        s = FMA(load_n(key, KV, c, K - c), load_n(query, F32, c, K - c), s);
                    p[i * 16 + r] = sum16(s);
                }
        }
        for (int r = 0; r < 16; r++)
            for (int c = 0; c < wide; c += 16)
                vstore16(r < n ? load_n(v + (long)r * v_next * KV_BYTES, KV, c, Kv - c)
                               : (float16)(0.0f),
                         0, vt + r * MOST + c);
        for (int i = 0; i < nq; i++) {
            float16 s = vload16(i, p) * scale;
            int16 ok = (j >= from[i]) & (j < to[i]);
            if (has & Q_SEG) ok &= (ks == qs[i]) | (ks == -1);
            if (has & Q_PART) ok &= kp == qp[i];
            if (has & EXTRA)
                s += load_n((bytes)(FLOATS(extra, extra_at) + (long)b * extra_b +
                                    (long)h * extra_h + (long)(q0 + i) * Tk),
                            F32, j0, n);
            if (has & SLOPES)
                s += FLOATS(slopes, slopes_at)[h] *
                     (convert_float16(IOTA) + (float)(j0 - (start + q0 + i)));
            s = select((float16)(-INFINITY), s, ok);
            const float top = max16(s), old_n = base_n[i], old_c = base_c[i];
            const float old = old_c + old_n * LN_2;
            keep[i] = 1.0f;
            if (top == -INFINITY) {
                vstore16((float16)(0.0f), i, p);
                continue;
            }
            if (old_n == -INFINITY || top > old) {
                const int far = !(fabs(top) <= BASE_MOST);
                const float n = far ? 0.0f : rint(top * 1.44269504088896341f);
                const float c = far ? top : 0.0f;
                keep[i] = old_n == -INFINITY ? 0.0f
                          : c != old_c       ? exp(old - (c + n * LN_2))
                                             : ldexp(1.0f, (int)(old_n - n));
                base_n[i] = n;
                base_c[i] = c;
            }
            const float16 e = exp_over(s, base_n[i], base_c[i]);
            l[i] = l[i] * keep[i];
            l[i] = l[i] + e.lo;
            l[i] = l[i] + e.hi;
            vstore16(e, i, p);
        }
        for (int i = nq; i < (nq + 3) / 4 * 4; i++) {
            vstore16((float16)(0.0f), i, p);
            keep[i] = 1.0f;
        }
        for (int c = 0; c < wide; c += 16)
            for (int i = 0; i < nq; i += 4) {
                float16 s0 = vload16(0, o + i * MOST + c) * keep[i];
                float16 s1 = vload16(0, o + (i + 1) * MOST + c) * keep[i + 1];
                float16 s2 = vload16(0, o + (i + 2) * MOST + c) * keep[i + 2];
                float16 s3 = vload16(0, o + (i + 3) * MOST + c) * keep[i + 3];
                for (int r = 0; r < 16; r++) {
                    const float16 value = vload16(0, vt + r * MOST + c);
                    s0 = FMA((float16)(p[i * 16 + r]), value, s0);
                    s1 = FMA((float16)(p[i * 16 + 16 + r]), value, s1);
                    s2 = FMA((float16)(p[i * 16 + 32 + r]), value, s2);
                    s3 = FMA((float16)(p[i * 16 + 48 + r]), value, s3);
                }
                vstore16(s0, 0, o + i * MOST + c);
                vstore16(s1, 0, o + (i + 1) * MOST + c);
                vstore16(s2, 0, o + (i + 2) * MOST + c);
                vstore16(s3, 0, o + (i + 3) * MOST + c);
            }
    }
    for (int i = 0; i < nq; i++) {
        const int none = base_n[i] == -INFINITY;
        const float4 half_sum = l[i].lo + l[i].hi;
        const float2 pair_sum = half_sum.lo + half_sum.hi;
        const float sum = pair_sum.x + pair_sum.y;
        int power = 0;
        const float mantissa = frexp(sum, &power);
        global float *y = OUT(o_, o_at) + (((long)b * Tq + q0 + i) * H + h) * Kv;
        if (has_lse)
            OUT(lse_, lse_at)
            [((long)b * H + h) * Tq + q0 + i] =
                none ? -INFINITY : base_c[i] + (base_n[i] + power) * LN_2 + log(mantissa);
        for (int c = 0; c < Kv; c += 16) {
            float16 s = (float16)(0.0f);
            if (!none) {
                s = vload16(0, o + i * MOST + c) / sum;
            } else if (uniform_empty) {
                bytes v = v_ + v_at + v_first * KV_BYTES;
                for (int r = 0; r < Tk; r++)
                    s += load_n(v + (long)r * v_next * KV_BYTES, KV, c, Kv - c);
                s /= (float)Tk;
            }
            store_n(y, c, Kv - c, s);
        }
    }
}
