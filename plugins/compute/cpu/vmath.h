/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions of vectors of floats. exp: range reduction by ln 2 in two pieces and a polynomial,
 * within 2 units in the last place. erf: Abramowitz and Stegun 7.1.26, within 1.5e-7. Activations
 * and their derivatives follow.
 */
#ifndef OMN_CPU_VMATH_H
#define OMN_CPU_VMATH_H

#include "vec.h"

/* e^(y - n ln 2) where that is the rest of a range reduction, |y - n ln 2| up to about ln 2 / 2 */
INLINE vf exp_rest(vf y, vf n)
{
    vf r = vfnma(n, vset(0.693359375f), y);
    r = vfnma(n, vset(-2.12194440e-4f), r);
    vf p = vset(1.9875691500e-4f);
    p = vfma(p, r, vset(1.3981999507e-3f));
    p = vfma(p, r, vset(8.3334519073e-3f));
    p = vfma(p, r, vset(4.1665795894e-2f));
    p = vfma(p, r, vset(1.6666665459e-1f));
    p = vfma(p, r, vset(5.0000001201e-1f));
    return vfma(p * r, r, r) + vset(1);
}

INLINE vf vexp(vf x)
{
#if CPU_LEVEL >= 2
    /* scalef does what the two factors below do, and min and max keep their second operand's NaN */
    const __m512 low = (__m512)vset(-104), high = (__m512)vset(89);
    const vf y = (vf)_mm512_min_ps(high, _mm512_max_ps(low, (__m512)x));
    const vf n = (vf)_mm512_roundscale_ps((__m512)(y * vset(1.44269504088896341f)), 8);
    const vf p = exp_rest(y, n);
    return (vf)_mm512_scalef_ps((__m512)p, (__m512)n);
#else
    const vi tiny = x < vset(-87.33654f);
    const vf y = vmin(vmax(x, vset(-87.33654f)), vset(88.72283f));
    const vf magic = vset(12582912.0f);
    const vf shifted = vfma(y, vset(1.44269504088896341f), magic), n = shifted - magic;
    const vf p = exp_rest(y, n);
    /* 2^n in two factors: n = 128 is beyond one float */
    const vi e = ((vi)shifted - (vi)magic), h = e >> 1;
    const vf s1 = (vf)((h + 127) << 23), s2 = (vf)((e - h + 127) << 23);
    const vf out = vsel(tiny, vset(0), p * s1 * s2);
    return vsel(x != x, x, out);
#endif
}

/*
 * The base of a softmax: e^(x - c) 2^-n. While the maximum m of what was seen stays moderate c is 0
 * and n the whole number next to m / ln 2. A base that grows then changes terms, and sums of them,
 * by powers of two alone: what is left when they are divided by each other has the same bits
 * whenever and however often it grew. Beyond BASE_MOST (biases of -1e10) c is m and n is 0.
 */
enum { BASE_MOST = 8192 };
typedef struct exp_base {
    float n, c;
} exp_base;

INLINE exp_base base_none(void) { return (exp_base){ -INFINITY, 0 }; }
INLINE bool base_is_none(exp_base b) { return b.n == -INFINITY; }
/* m above -inf */
INLINE exp_base base_of(float m)
{
    if (fabsf(m) <= BASE_MOST) return (exp_base){ nearbyintf(m * 1.44269504088896341f), 0 };
    return (exp_base){ 0, m };
}
/* what it stands for, near enough to be compared */
INLINE float base_value(exp_base b) { return b.c + b.n * 0.693147181f; }
/* by what sums over `from` are multiplied to be sums over `to` */
INLINE float base_change(exp_base from, exp_base to)
{
    if (base_is_none(from)) return 0;
    if (from.c != to.c) return expf(base_value(from) - base_value(to));
    return from.n == to.n ? 1 : ldexpf(1, (int)(from.n - to.n));
}
/* log of a sum over b, from its mantissa, so that equal sums over other bases come out equal */
INLINE float base_log(exp_base b, float sum)
{
    int e;
    const float m = frexpf(sum, &e);
    return b.c + (b.n + (float)e) * 0.693147181f + logf(m);
}

/* e^(x - c) 2^-n for x up to what b was made of */
INLINE vf vexp_over(vf x, exp_base b)
{
    const vf d = x - vset(b.c), low = vset(b.n * 0.693147181f - 110), magic = vset(12582912.0f);
#if CPU_LEVEL >= 2
    const vf y = (vf)_mm512_max_ps((__m512)low, (__m512)d); /* a NaN stays one */
#else
    const vf y = vmax(d, low);
#endif
    const vf shifted = vfma(y, vset(1.44269504088896341f), magic), k = shifted - magic;
    const vf p = exp_rest(y, k);
#if CPU_LEVEL >= 2
    return (vf)_mm512_scalef_ps((__m512)p, (__m512)(k - vset(b.n)));
#else
    const vi e = (vi)shifted - (vi)magic - (int32_t)b.n, h = e >> 1;
    const vf s1 = (vf)((h + 127) << 23), s2 = (vf)((e - h + 127) << 23);
    return vsel(x != x, x, p * s1 * s2);
#endif
}

/* natural logarithm; x = m 2^e with m in sqrt(1/2)..sqrt(2), then the usual polynomial in m - 1 */
INLINE vf vlog(vf x)
{
    const vi small = x < vset(1.17549435e-38f);
    const vf y = vsel(small, x * vset(0x1p23f), x);
    const vi bits = (vi)y, e0 = (bits >> 23) - 126;
    vf m = (vf)((bits & 0x007fffff) | 0x3f000000);
    const vi low = m < vset(0.707106781f);
    const vi e = e0 + low - (small & 23);
    m = vsel(low, m + m, m) - vset(1);
    const vf q = m * m, n = __builtin_convertvector(e, vf);
    vf p = vset(7.0376836292e-2f);
    p = vfma(p, m, vset(-1.1514610310e-1f));
    p = vfma(p, m, vset(1.1676998740e-1f));
    p = vfma(p, m, vset(-1.2420140846e-1f));
    p = vfma(p, m, vset(1.4249322787e-1f));
    p = vfma(p, m, vset(-1.6668057665e-1f));
    p = vfma(p, m, vset(2.0000714765e-1f));
    p = vfma(p, m, vset(-2.4999993993e-1f));
    p = vfma(p, m, vset(3.3333331174e-1f));
    vf r = vfma(n, vset(-2.12194440e-4f), p * m * q);
    r = vfnma(vset(0.5f), q, r);
    r = vfma(n, vset(0.693359375f), m + r);
    r = vsel(x == vset(INFINITY), x, r);
    r = vsel(x == vset(0), vset(-INFINITY), r);
    return vsel((x < vset(0)) | (x != x), vset(NAN), r);
}

INLINE vf vsigmoid(vf x) { return vset(1) / (vset(1) + vexp(-x)); }

INLINE vf vabs(vf x) { return (vf)((vi)x & 0x7fffffff); }
INLINE vf vcopysign(vf x, vf s)
{
    return (vf)(((vi)x & 0x7fffffff) | ((vi)s & (int32_t)0x80000000));
}

INLINE vf vtanh(vf x)
{
    const vf a = vabs(x), q = x * x;
    const vf big = vset(1) - vset(2) / (vexp(a + a) + vset(1));
    /* near 0 the difference above would lose digits */
    vf p = vset(-5.70498872745e-3f);
    p = vfma(p, q, vset(2.06390887954e-2f));
    p = vfma(p, q, vset(-5.37397155531e-2f));
    p = vfma(p, q, vset(1.33314422036e-1f));
    p = vfma(p, q, vset(-3.33332819422e-1f));
    return vsel(a < vset(0.625f), vfma(p * q, x, x), vcopysign(big, x));
}

/* erf(x); *gauss gets exp(-x^2) */
INLINE vf verf(vf x, vf *gauss)
{
    const vf a = vabs(x), t = vset(1) / vfma(vset(0.3275911f), a, vset(1)), g = vexp(-a * a);
    vf p = vset(1.061405429f);
    p = vfma(p, t, vset(-1.453152027f));
    p = vfma(p, t, vset(1.421413741f));
    p = vfma(p, t, vset(-0.284496736f));
    p = vfma(p, t, vset(0.254829592f));
    *gauss = g;
    return vcopysign(vfnma(p * t, g, vset(1)), x);
}

INLINE vf vactivate(omn_act act, vf x)
{
    vf g;
    switch (act) {
    case OMN_ACT_RELU: return vmax(x, vset(0));
    case OMN_ACT_RELU2: g = vmax(x, vset(0)); return g * g;
    case OMN_ACT_GELU_ERF: return vset(0.5f) * x * (vset(1) + verf(x * vset(0.70710678f), &g));
    case OMN_ACT_GELU_TANH:
        return vset(0.5f) * x *
            (vset(1) + vtanh(vset(0.79788456f) * vfma(vset(0.044715f) * x * x, x, x)));
    case OMN_ACT_QUICK_GELU: return x * vsigmoid(vset(1.702f) * x);
    case OMN_ACT_SILU: return x * vsigmoid(x);
    case OMN_ACT_TANH: return vtanh(x);
    case OMN_ACT_SIGMOID: return vsigmoid(x);
    case OMN_ACT_EXP: return vexp(x);
    case OMN_ACT_LOG: return vlog(x);
    case OMN_ACT_SQUARE: return x * x;
    case OMN_ACT_SQRT: return vsqrt(x);
    case OMN_ACT_RSQRT: return vset(1) / vsqrt(x);
    case OMN_ACT_ABS: return vabs(x);
    case OMN_ACT_NONE: break;
    }
    return x;
}

/* the derivative at x */
INLINE vf vactivate_d(omn_act act, vf x)
{
    vf g, s;
    switch (act) {
    case OMN_ACT_RELU: return vsel(x > vset(0), vset(1), vset(0));
    case OMN_ACT_RELU2: return vset(2) * vmax(x, vset(0));
    case OMN_ACT_GELU_ERF:
        s = verf(x * vset(0.70710678f), &g);
        return vfma(x * vset(0.39894228f), g, vset(0.5f) * (vset(1) + s));
    case OMN_ACT_GELU_TANH:
        s = vtanh(vset(0.79788456f) * vfma(vset(0.044715f) * x * x, x, x));
        g = vset(0.79788456f) * vfma(vset(3 * 0.044715f) * x, x, vset(1));
        return vset(0.5f) * vfma(x * vfnma(s, s, vset(1)), g, vset(1) + s);
    case OMN_ACT_QUICK_GELU:
        s = vsigmoid(vset(1.702f) * x);
        return vfma(vset(1.702f) * x * s, vset(1) - s, s);
    case OMN_ACT_SILU:
        s = vsigmoid(x);
        return vfma(x * s, vset(1) - s, s);
    case OMN_ACT_TANH: s = vtanh(x); return vfnma(s, s, vset(1));
    case OMN_ACT_SIGMOID: s = vsigmoid(x); return s * (vset(1) - s);
    case OMN_ACT_EXP: return vexp(x);
    case OMN_ACT_LOG: return vset(1) / x;
    case OMN_ACT_SQUARE: return vset(2) * x;
    case OMN_ACT_SQRT: return vset(0.5f) / vsqrt(x);
    case OMN_ACT_RSQRT: return vset(-0.5f) / (x * vsqrt(x));
    case OMN_ACT_ABS: return vsel(x == vset(0), vset(0), vcopysign(vset(1), x));
    case OMN_ACT_NONE: break;
    }
    return vset(1);
}

#endif
