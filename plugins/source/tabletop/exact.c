/* SPDX-License-Identifier: Apache-2.0 */
/* Sine, cosine and power by argument reduction and short series, in plain double arithmetic. Used a
 * few dozen times per scene, so clarity comes before speed. */
#include "exact.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

static double series_sin(double r)
{
    double s = r * r, term = r, sum = r;
    for (int k = 2; k < 18; k += 2) {
        term = -term * s / (double)(k * (k + 1));
        sum = sum + term;
    }
    return sum;
}

static double series_cos(double r)
{
    double s = r * r, term = 1, sum = 1;
    for (int k = 1; k < 18; k += 2) {
        term = -term * s / (double)(k * (k + 1));
        sum = sum + term;
    }
    return sum;
}

double exact_sin(double x)
{
    double k = floor(x * 0.63661977236758134308 + 0.5);
    double r = x - k * 1.5707963267948966192;
    switch ((int64_t)k & 3) {
    case 0: return series_sin(r);
    case 1: return series_cos(r);
    case 2: return -series_sin(r);
    default: return -series_cos(r);
    }
}

double exact_cos(double x)
{
    return exact_sin(x + 1.5707963267948966192);
}

/* log x = e log 2 + 2 atanh((m - 1) / (m + 1)), m in [0.7, 1.4] */
static double natural_log(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int e = (int)(bits >> 52 & 2047) - 1022;
    bits = (bits & UINT64_C(0x000fffffffffffff)) | UINT64_C(0x3fe0000000000000);
    double m;
    memcpy(&m, &bits, sizeof m);
    if (m < 0.70710678118654752440) {
        m = m * 2;
        e--;
    }
    double z = (m - 1) / (m + 1), s = z * z, power = z, sum = 0;
    for (int k = 1; k < 40; k += 2) {
        sum = sum + power / (double)k;
        power = power * s;
    }
    return (double)e * 0.69314718055994530942 + 2 * sum;
}

double exact_pow(double x, double y)
{
    double a = natural_log(x) * y;
    double k = floor(a * 1.4426950408889634074 + 0.5);
    if (k < -1000)
        return 0;
    if (k > 1000)
        k = 1000;
    double r = a - k * 0.69314718055994530942, term = 1, sum = 1;
    for (int i = 1; i < 18; i++) {
        term = term * r / (double)i;
        sum = sum + term;
    }
    uint64_t bits = (uint64_t)((int64_t)k + 1023) << 52;
    double scale;
    memcpy(&scale, &bits, sizeof scale);
    return sum * scale;
}
