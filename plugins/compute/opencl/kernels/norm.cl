/* SPDX-License-Identifier: Apache-2.0 */
/* Normalisation. norm, over the last axis of x [rows, D]:
 *
 * - kind 0, rms: y = x / sqrt(mean(x x) + eps) * w
 * - kind 1, layer: y = (x - mean) / sqrt(var + eps) * w + b
 * - kind 2, l2: y = x / max(|x|, eps)
 *
 * group: x [B,P,C], statistics over P and the C / G channels of a group, then as layer. w_type,
 * b_type 0: none. Work-items: of norm, `per` rows each; of group, one group of one picture. */
kernel void norm(bytes x_, ulong x_at, bytes w_, ulong w_at, bytes b_, ulong b_at, global uchar *y_,
                 ulong y_at, int rows, int D, int per, int kind, int w_type, int b_type, float eps)
{
    const int from = get_global_id(0) * per, to = min(from + per, rows);
    bytes w = w_ + w_at, b = b_ + b_at;
    for (int r = from; r < to; r++) {
        bytes x = (bytes)(FLOATS(x_, x_at) + (long)r * D);
        global float *y = OUT(y_, y_at) + (long)r * D;
        float16 s = (float16)(0.0f);
        float mean = 0.0f;
        if (kind == 1) {
            for (int i = 0; i < D; i += 16) s += load_n(x, F32, i, D - i);
            mean = sum16(s) / (float)D;
            s = (float16)(0.0f);
        }
        int i = 0;
        for (; i + 16 <= D; i += 16) {
            const float16 v = load(x, F32, i) - mean;
            s = FMA(v, v, s);
        }
        float sum = sum16(s);
        for (; i < D; i++) {
            const float v = FLOATS(x, 0)[i] - mean;
            sum += v * v;
        }
        const float k = kind == 2 ? 1.0f / fmax(sqrt(sum), eps) : 1.0f / sqrt(sum / (float)D + eps);
        for (i = 0; i < D; i += 16) {
            const int n = min(D - i, 16);
            float16 v = (load_n(x, F32, i, n) - mean) * k;
            if (w_type) v *= load_n(w, w_type, i, n);
            if (b_type) v += load_n(b, b_type, i, n);
            store_n(y, i, n, v);
        }
    }
}

kernel void group(bytes x_, ulong x_at, bytes w_, ulong w_at, bytes b_, ulong b_at,
                  global uchar *y_, ulong y_at, int P, int C, int G, int w_type, int b_type,
                  float eps)
{
    const int pic = get_global_id(0) / G, first = get_global_id(0) % G * (C / G), n = C / G;
    global const float *x = FLOATS(x_, x_at) + (long)pic * P * C + first;
    global float *y = OUT(y_, y_at) + (long)pic * P * C + first;
    float mean = 0.0f, sum = 0.0f;
    for (int pass = 0; pass < 2; pass++) {
        sum = 0.0f;
        for (int p0 = 0; p0 < P; p0 += 64) { /* short sums, so that they stay exact enough */
            float16 s = (float16)(0.0f);
            float part = 0.0f;
            for (int p = p0; p < min(p0 + 64, P); p++) {
                int c = 0;
                for (; c + 16 <= n; c += 16) {
                    const float16 v = vload16(0, x + (long)p * C + c) - mean;
                    s += pass ? v * v : v;
                }
                for (; c < n; c++) {
                    const float v = x[(long)p * C + c] - mean;
                    part += pass ? v * v : v;
                }
            }
            sum += sum16(s) + part;
        }
        if (!pass) mean = sum / ((float)P * (float)n);
    }
    const float k = 1.0f / sqrt(sum / ((float)P * (float)n) + eps);
    for (int c = 0; c < n; c += 16) {
        const int wide = min(n - c, 16);
        float16 a = (float16)(k), b = (float16)(0.0f);
        if (w_type) a *= load_n(w_ + w_at, w_type, first + c, wide);
        if (b_type) b = load_n(b_ + b_at, b_type, first + c, wide);
        for (int p = 0; p < P; p++) {
            const float16 v = load_n((bytes)(x + (long)p * C), F32, c, wide) - mean;
            store_n(y + (long)p * C, c, wide, FMA(v, a, b));
        }
    }
}
