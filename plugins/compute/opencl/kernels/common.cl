/* SPDX-License-Identifier: Apache-2.0 */
/* What every kernel file begins with: loads of weights of any type, tails, and activations, all
 * over float16. Processors keep one such vector in registers; graphics processors take it apart.
 * Types have the numbers of omnio's omn_type. */
#define F32  1
#define F16  2
#define BF16 3
#define I32  5

/* Where the processor multiplies and adds in one step; not every compiler of OpenCL says so. */
#if defined(FP_FAST_FMAF) || defined(__FMA__) || defined(__ARM_FEATURE_FMA)
#define FMA(a, b, c) fma((a), (b), (c))
#else
#define FMA(a, b, c) mad((a), (b), (c))
#endif

typedef global const uchar *bytes; /* any tensor that is read */
#define FLOATS(p, at) ((global const float *)((p) + (at)))
#define INTS(p, at)   ((global const int *)((p) + (at)))
#define OUT(p, at)    ((global float *)((p) + (at)))

constant int16 IOTA = (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);

float16 load(bytes p, int type, int i)
{
    if (type == F32) return vload16(0, (global const float *)p + i);
    if (type == BF16)
        return as_float16(convert_uint16(vload16(0, (global const ushort *)p + i)) << 16);
    return vload_half16(0, (global const half *)p + i);
}

float load_one(bytes p, int type, int i)
{
    if (type == F32) return ((global const float *)p)[i];
    if (type == BF16) return as_float((uint)((global const ushort *)p)[i] << 16);
    return vload_half(i, (global const half *)p);
}

/* The first n of 16, zeros behind them; nothing beyond is read. */
float16 load_n(bytes p, int type, int i, int n)
{
    if (n >= 16) return load(p, type, i);
    float t[16] = { 0 };
    for (int k = 0; k < n; k++) t[k] = load_one(p, type, i + k);
    return vload16(0, t);
}

void store_n(global float *p, int i, int n, float16 v)
{
    if (n >= 16) {
        vstore16(v, 0, p + i);
        return;
    }
    float t[16];
    vstore16(v, 0, t);
    for (int k = 0; k < n; k++) p[i + k] = t[k];
}

float sum16(float16 v)
{
    const float8 a = v.lo + v.hi;
    const float4 b = a.lo + a.hi;
    const float2 c = b.lo + b.hi;
    return c.x + c.y;
}

float max16(float16 v)
{
    const float8 a = fmax(v.lo, v.hi);
    const float4 b = fmax(a.lo, a.hi);
    const float2 c = fmax(b.lo, b.hi);
    return fmax(c.x, c.y);
}

/* e^x: x = n ln 2 + r, a polynomial for e^r, 2^n in two factors since 2^128 is beyond a float. */
float16 exp16(float16 x)
{
    const float16 y = clamp(x, -87.33654f, 88.72283f);
    const float16 n = rint(y * 1.44269504088896341f);
    float16 r = FMA(n, (float16)(-0.693359375f), y);
    r = FMA(n, (float16)(2.12194440e-4f), r);
    float16 p = (float16)(1.9875691500e-4f);
    p = FMA(p, r, (float16)(1.3981999507e-3f));
    p = FMA(p, r, (float16)(8.3334519073e-3f));
    p = FMA(p, r, (float16)(4.1665795894e-2f));
    p = FMA(p, r, (float16)(1.6666665459e-1f));
    p = FMA(p, r, (float16)(5.0000001201e-1f));
    p = FMA(p * r, r, r) + 1.0f;
    const int16 e = convert_int16(n), h = e >> 1;
    p = p * as_float16((h + 127) << 23) * as_float16((e - h + 127) << 23);
    return select(select(p, (float16)(0.0f), x < -87.33654f), x, isnan(x));
}

float16 sigmoid16(float16 x)
{
    return 1.0f / (1.0f + exp16(-x));
}

float16 tanh16(float16 x)
{
    const float16 a = fabs(x), q = x * x;
    const float16 big = 1.0f - 2.0f / (exp16(a + a) + 1.0f);
    /* near 0 the difference above would lose digits */
    float16 p = (float16)(-5.70498872745e-3f);
    p = FMA(p, q, (float16)(2.06390887954e-2f));
    p = FMA(p, q, (float16)(-5.37397155531e-2f));
    p = FMA(p, q, (float16)(1.33314422036e-1f));
    p = FMA(p, q, (float16)(-3.33332819422e-1f));
    return select(copysign(big, x), FMA(p * q, x, x), a < 0.625f);
}

/* Abramowitz and Stegun 7.1.26, within 1.5e-7. */
float16 erf16(float16 x)
{
    const float16 a = fabs(x), t = 1.0f / FMA(a, (float16)(0.3275911f), (float16)(1.0f));
    float16 p = (float16)(1.061405429f);
    p = FMA(p, t, (float16)(-1.453152027f));
    p = FMA(p, t, (float16)(1.421413741f));
    p = FMA(p, t, (float16)(-0.284496736f));
    p = FMA(p, t, (float16)(0.254829592f));
    return copysign(1.0f - p * t * exp16(-a * a), x);
}

/* The numbers of omn_act. */
float16 activate(int act, float16 x)
{
    switch (act) {
    case 1:
        return fmax(x, 0.0f);
    case 2:
        return fmax(x, 0.0f) * fmax(x, 0.0f);
    case 3:
        return 0.5f * x * (1.0f + erf16(x * 0.70710678f));
    case 4:
        return 0.5f * x * (1.0f + tanh16(0.79788456f * FMA(0.044715f * x * x, x, x)));
    case 5:
        return x * sigmoid16(1.702f * x);
    case 6:
        return x * sigmoid16(x);
    case 7:
        return tanh16(x);
    case 8:
        return sigmoid16(x);
    case 9:
        return exp16(x);
    case 10:
        return log(x);
    case 11:
        return x * x;
    case 12:
        return sqrt(x);
    case 13:
        return 1.0f / sqrt(x);
    case 14:
        return fabs(x);
    default:
        return x;
    }
}

/* What follows a product, over rows m0..m1-1 and columns n0..n1-1 of y [.., N] while they are in
 * the cache: y = act(alpha y + bias) + rest. bias_type 0: no bias; rest 0: none. */
void finish(global float *y, int N, int m0, int m1, int n0, int n1, float alpha, int act,
            bytes bias, int bias_type, global const float *rest)
{
    if (alpha == 1.0f && !act && !bias_type && !rest) return;
    for (int n = n0; n < n1; n += 16) {
        const int w = min(n1 - n, 16);
        const float16 b = bias_type ? load_n(bias, bias_type, n, w) : (float16)(0.0f);
        for (int m = m0; m < m1; m++) {
            float16 v = load_n((bytes)(y + (long)m * N), F32, n, w);
            v = activate(act, FMA(v, (float16)(alpha), b));
            if (rest) v += load_n((bytes)(rest + (long)m * N), F32, n, w);
            store_n(y + (long)m * N, n, w, v);
        }
    }
}
