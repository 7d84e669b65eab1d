/* SPDX-License-Identifier: Apache-2.0 */
/* Masks over the grid of a picture's or a sound's patches, as masked autoencoders learn (He et al.
 * 2022): so many places, every set of them as likely. And budgets of tokens that are divided among
 * modalities by Dirichlet draws, as in 4M (Mizrahi et al. 2023). */
#include "masking.h"

#include <math.h>

#define MOST_KINDS 64
#define PI 3.14159265358979323846

double masking_uniform(denoise_dice *d)
{
    return (double)(omn_random_at(d->seed, d->stream, d->at++) >> 11) * 0x1p-53;
}

/* Each place in turn, with the chance that is left to it. */
void masking_choose(denoise_dice *d, uint32_t n, uint32_t k, uint32_t *out)
{
    for (uint32_t i = 0; i < n && k; i++) {
        if (denoise_below(d, n - i) >= k) continue;
        *out++ = i;
        k--;
    }
}

uint32_t masking_take(denoise_dice *d, double rate, uint32_t n, uint8_t *taken)
{
    const double want = fmin(fmax(rint(rate * n), 1), n);
    uint32_t left = (uint32_t)want;
    for (uint32_t i = 0; i < n; i++) {
        taken[i] = denoise_below(d, n - i) < left;
        left -= taken[i];
    }
    return (uint32_t)want;
}

void masking_resize(const uint8_t *from, uint32_t rows, uint32_t columns, uint8_t *to,
                    uint32_t to_rows, uint32_t to_columns)
{
    for (uint32_t i = 0; i < to_rows; i++)
        for (uint32_t k = 0; k < to_columns; k++) {
            const uint64_t r = (2ull * i + 1) * rows / (2ull * to_rows);
            const uint64_t c = (2ull * k + 1) * columns / (2ull * to_columns);
            to[(size_t)i * to_columns + k] = from[r * columns + c];
        }
}

/* Standard normal, by Box and Muller. */
static double normal(denoise_dice *d)
{
    const double u = 1 - masking_uniform(d), v = masking_uniform(d);
    return sqrt(-2 * log(u)) * cos(2 * PI * v);
}

/* Marsaglia and Tsang (2000); a shape below 1 is one above times a power of a uniform number. */
double masking_log_gamma(denoise_dice *d, double shape)
{
    if (shape < 1) {
        const double u = 1 - masking_uniform(d);
        return masking_log_gamma(d, shape + 1) + log(u) / shape;
    }
    const double e = shape - 1.0 / 3, c = 1 / sqrt(9 * e);
    for (;;) {
        const double x = normal(d), t = 1 + c * x, v = t * t * t, u = 1 - masking_uniform(d);
        if (v > 0 && log(u) < 0.5 * x * x + e - e * v + e * log(v)) return log(e * v);
    }
}

/* Logarithms that differ from those of the shares by the same number; returns the largest. */
static double shares(denoise_dice *d, const double *alpha, uint32_t n, double *x, uint32_t *which)
{
    *which = 0;
    for (uint32_t i = 0; i < n; i++) {
        x[i] = masking_log_gamma(d, alpha[i]);
        if (x[i] > x[*which]) *which = i;
    }
    return x[*which];
}

void masking_share(denoise_dice *d, const double *alpha, uint32_t n, uint32_t budget,
                   const uint32_t *most, uint32_t *out)
{
    double x[MOST_KINDS], sum = 0;
    uint32_t which, left = budget;
    if (!n || n > MOST_KINDS) return;
    const double top = shares(d, alpha, n, x, &which);
    for (uint32_t i = 0; i < n; i++) sum += x[i] = exp(x[i] - top);
    for (uint32_t i = 0; i < n; i++) {
        out[i] = (uint32_t)fmin(floor(x[i] / sum * budget), left);
        left -= out[i];
    }
    for (; left; left--) {
        (void)shares(d, alpha, n, x, &which);
        out[which]++;
    }
    for (uint32_t i = 0; i < n; i++)
        if (out[i] > most[i]) out[i] = most[i];
}
