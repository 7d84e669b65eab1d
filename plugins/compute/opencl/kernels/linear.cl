/* SPDX-License-Identifier: Apache-2.0 */
/* y[m,n] = act(alpha sum_k x[m,k] w[n,k] + bias[n]) + residual[m,n], in three forms.
 *
 * - rows: x and w both run along k. A tile of 6 x 4 sums, each a float16 of partial sums that are
 *   added up at the end. Nothing is packed, weights are read where they lie.
 * - few: the same for less than 6 rows of x. 1 x 8 sums, so that eight streams of weights are read.
 * - columns: w runs along n (in_out, plain matmul). A tile of 6 x 32 sums, x is spread.
 *
 * A work-item does a block of block_m x block_n of the result and then, while it is in the cache,
 * bias, activation and residual. Work-items: (blocks of n, blocks of m, batch). WT is the type of
 * w, WSIZE its bytes. */
#define MR 6

/* A sum over k is made piece by piece, and the pieces are added in order: those of a tile's rows
 * stay in the first cache. */
#define PIECE 1024

/* Four sums of 16 as one vector. */
float4 sums(float16 a, float16 b, float16 c, float16 d)
{
    const float16 ab = (float16)(a.lo, b.lo) + (float16)(a.hi, b.hi);
    const float16 cd = (float16)(c.lo, d.lo) + (float16)(c.hi, d.hi);
    const float16 all = (float16)(ab.s0123, ab.s89ab, cd.s0123, cd.s89ab) +
        (float16)(ab.s4567, ab.scdef, cd.s4567, cd.scdef);
    const float8 half_of = (float8)(all.s01, all.s45, all.s89, all.scd) +
        (float8)(all.s23, all.s67, all.sab, all.sef);
    return half_of.even + half_of.odd;
}

/* the first n of four neighbours */
float4 load4(global const float *p, int n)
{
    if (n >= 4) return vload4(0, p);
    return (float4)(p[0], n > 1 ? p[1] : 0, n > 2 ? p[2] : 0, 0);
}

void store4(global float *p, int n, float4 v)
{
    if (n >= 4) {
        vstore4(v, 0, p);
        return;
    }
    p[0] = v.x;
    if (n > 1) p[1] = v.y;
    if (n > 2) p[2] = v.z;
}

kernel void rows(bytes x_, ulong x_at, bytes w_, ulong w_at, global uchar *y_, ulong y_at,
                 bytes bias, ulong bias_at, bytes rest, ulong rest_at, int M, int N, int K, int x_m,
                 int x_step, int w_step, int block_m, int block_n, float alpha, int act,
                 int bias_type, int has_rest)
{
    const int batch = get_global_id(2);
    global const float *x = FLOATS(x_, x_at) + (long)batch * x_step;
    bytes w = w_ + w_at + (long)batch * w_step * WSIZE;
    global float *y = OUT(y_, y_at) + (long)batch * M * N;
    const int n0 = get_global_id(0) * block_n, n1 = min(n0 + block_n, N);
    const int m0 = get_global_id(1) * block_m, m1 = min(m0 + block_m, M);
    for (int k0 = 0; k0 == 0 || k0 < K; k0 += PIECE) {
        const int k1 = min(k0 + PIECE, K), whole = k0 + (k1 - k0) / 16 * 16;
        for (int m = m0; m < m1; m += MR) {
            global const float *xr[MR];
#pragma unroll
            for (int i = 0; i < MR; i++) xr[i] = x + (long)min(m + i, M - 1) * x_m;
            for (int n = n0; n < n1; n += 4) {
                bytes w0 = w + (long)n * K * WSIZE, w1 = w + (long)min(n + 1, N - 1) * K * WSIZE;
                bytes w2 = w + (long)min(n + 2, N - 1) * K * WSIZE,
                      w3 = w + (long)min(n + 3, N - 1) * K * WSIZE;
                global float *to = y + (long)m * N + n;
                float16 s[MR][4];
                float4 r[MR];
#pragma unroll
                for (int i = 0; i < MR; i++)
                    s[i][0] = s[i][1] = s[i][2] = s[i][3] = (float16)(0.0f);
                for (int k = k0; k < whole; k += 16) {
                    const float16 a = load(w0, WT, k), b = load(w1, WT, k);
                    const float16 c = load(w2, WT, k), d = load(w3, WT, k);
#pragma unroll
                    for (int i = 0; i < MR; i++) {
                        const float16 v = vload16(0, xr[i] + k);
                        s[i][0] = FMA(v, a, s[i][0]);
                        s[i][1] = FMA(v, b, s[i][1]);
                        s[i][2] = FMA(v, c, s[i][2]);
                        s[i][3] = FMA(v, d, s[i][3]);
                    }
                }
#pragma unroll
                for (int i = 0; i < MR; i++) r[i] = sums(s[i][0], s[i][1], s[i][2], s[i][3]);
#pragma unroll
                for (int i = 0; i < MR; i++)
                    if (k0 && m + i < m1) r[i] = load4(to + (long)i * N, n1 - n) + r[i];
                for (int k = whole; k < k1; k++) {
                    const float4 v = (float4)(load_one(w0, WT, k), load_one(w1, WT, k),
                                              load_one(w2, WT, k), load_one(w3, WT, k));
#pragma unroll
                    for (int i = 0; i < MR; i++) r[i] = FMA((float4)(xr[i][k]), v, r[i]);
                }
#pragma unroll
                for (int i = 0; i < MR; i++)
                    if (m + i < m1) store4(to + (long)i * N, n1 - n, r[i]);
            }
        }
    }
    finish(y, N, m0, m1, n0, n1, alpha, act, bias + bias_at, bias_type,
           has_rest ? FLOATS(rest, rest_at) : 0);
}

kernel void few(bytes x_, ulong x_at, bytes w_, ulong w_at, global uchar *y_, ulong y_at,
                bytes bias, ulong bias_at, bytes rest, ulong rest_at, int M, int N, int K, int x_m,
                int x_step, int w_step, int block_m, int block_n, float alpha, int act,
                int bias_type, int has_rest)
{
    const int batch = get_global_id(2);
    global const float *x = FLOATS(x_, x_at) + (long)batch * x_step;
    bytes w = w_ + w_at + (long)batch * w_step * WSIZE;
    global float *y = OUT(y_, y_at) + (long)batch * M * N;
    const int n0 = get_global_id(0) * block_n, n1 = min(n0 + block_n, N);
    const int m0 = get_global_id(1) * block_m, m1 = min(m0 + block_m, M);
    for (int n = n0; n < n1; n += 8) {
        bytes at[8];
#pragma unroll
        for (int j = 0; j < 8; j++) at[j] = w + (long)min(n + j, N - 1) * K * WSIZE;
        for (int m = m0; m < m1; m++) {
            global const float *row = x + (long)m * x_m;
            float4 a = (float4)(0.0f), b = a;
            int k = 0;
            for (int k0 = 0; k0 < K; k0 += PIECE) {
                const int k1 = min(k0 + PIECE, K);
                float16 s[8];
#pragma unroll
                for (int j = 0; j < 8; j++) s[j] = (float16)(0.0f);
                for (; k + 16 <= k1; k += 16) {
                    const float16 v = vload16(0, row + k);
#pragma unroll
                    for (int j = 0; j < 8; j++) s[j] = FMA(v, load(at[j], WT, k), s[j]);
                }
                a += sums(s[0], s[1], s[2], s[3]);
                b += sums(s[4], s[5], s[6], s[7]);
            }
            for (; k < K; k++) {
                const float v = row[k];
                a = FMA((float4)(v),
                        (float4)(load_one(at[0], WT, k), load_one(at[1], WT, k),
                                 load_one(at[2], WT, k), load_one(at[3], WT, k)),
                        a);
                b = FMA((float4)(v),
                        (float4)(load_one(at[4], WT, k), load_one(at[5], WT, k),
                                 load_one(at[6], WT, k), load_one(at[7], WT, k)),
                        b);
            }
            global float *to = y + (long)m * N + n;
            if (n + 8 <= n1) {
                vstore8((float8)(a, b), 0, to);
            } else {
                float t[8];
                vstore8((float8)(a, b), 0, t);
                for (int j = 0; n + j < n1; j++) to[j] = t[j];
            }
        }
    }
    finish(y, N, m0, m1, n0, n1, alpha, act, bias + bias_at, bias_type,
           has_rest ? FLOATS(rest, rest_at) : 0);
}

/* w[k,n]; x[m,k] lies at m x_m + k x_k. */
kernel void columns(bytes x_, ulong x_at, bytes w_, ulong w_at, global uchar *y_, ulong y_at,
                    bytes bias, ulong bias_at, bytes rest, ulong rest_at, int M, int N, int K,
                    int x_m, int x_k, int x_step, int w_step, int block_m, int block_n, float alpha,
                    int act, int bias_type, int has_rest)
{
    const int batch = get_global_id(2);
    global const float *x = FLOATS(x_, x_at) + (long)batch * x_step;
    bytes w = w_ + w_at + (long)batch * w_step * WSIZE;
    global float *y = OUT(y_, y_at) + (long)batch * M * N;
    const int n0 = get_global_id(0) * block_n, n1 = min(n0 + block_n, N);
    const int m0 = get_global_id(1) * block_m, m1 = min(m0 + block_m, M);
    for (int n = n0; n < n1; n += 32) {
        const int wide = min(n1 - n, 16), more = min(n1 - n - 16, 16);
        for (int m = m0; m < m1; m += MR) {
            float16 s[MR], t[MR];
            global const float *xr[MR];
#pragma unroll
            for (int i = 0; i < MR; i++) {
                xr[i] = x + (long)min(m + i, M - 1) * x_m;
                s[i] = t[i] = (float16)(0.0f);
            }
            if (more == 16) {
                for (int k = 0; k < K; k++) {
                    bytes row = w + (long)k * N * WSIZE;
                    const float16 a = load(row, WT, n), b = load(row, WT, n + 16);
#pragma unroll
                    for (int i = 0; i < MR; i++) {
                        const float16 v = (float16)(xr[i][(long)k * x_k]);
                        s[i] = FMA(v, a, s[i]);
                        t[i] = FMA(v, b, t[i]);
                    }
                }
            } else {
                for (int k = 0; k < K; k++) {
                    bytes row = w + (long)k * N * WSIZE;
                    const float16 a = load_n(row, WT, n, wide);
                    const float16 b = more > 0 ? load_n(row, WT, n + 16, more) : (float16)(0.0f);
#pragma unroll
                    for (int i = 0; i < MR; i++) {
                        const float16 v = (float16)(xr[i][(long)k * x_k]);
                        s[i] = FMA(v, a, s[i]);
                        t[i] = FMA(v, b, t[i]);
                    }
                }
            }
#pragma unroll
            for (int i = 0; i < MR; i++) {
                if (m + i >= m1) break;
                global float *to = y + (long)(m + i) * N;
                store_n(to, n, wide, s[i]);
                if (more > 0) store_n(to, n + 16, more, t[i]);
            }
        }
    }
    finish(y, N, m0, m1, n0, n1, alpha, act, bias + bias_at, bias_type,
           has_rest ? FLOATS(rest, rest_at) : 0);
}
