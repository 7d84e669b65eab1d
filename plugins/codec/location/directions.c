/* SPDX-License-Identifier: Apache-2.0 */
/* Directions as words: sine and cosine of an angle, or two columns of a rotation, each number a bin
 * of -1..1. Bins are of no direction exactly, so what is read is made one again (length 1, right
 * angles), and its plain bins would now and then be their neighbours: a value would wander when it
 * is written and read in turn. So the words of a direction are those beside its plain bins that say
 * just this direction, where there are such, else its plain bins; and what is read is a direction
 * that has such words. */
#include "location.h"

#include <math.h>
#include <string.h>

enum { BESIDE = 4 }; /* bins: a trunc and what the making of length 1 moves */
#define SAME 1e-9

static const loc_span span = { -1, 1 };

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

static bool is_beside(const loc_scheme *s, int32_t bin, int32_t plain)
{
    return bin >= 0 && bin < s->bins && bin - plain <= BESIDE && plain - bin <= BESIDE;
}

/* The bin beside the plain one that says x. */
static bool says(const loc_scheme *s, double x, int32_t plain, int32_t *bin)
{
    const int32_t low = loc_number_bin(s, span, x);
    for (*bin = low - 1; *bin <= low + 1; (*bin)++)
        if (is_beside(s, *bin, plain) && fabs(loc_number(s, span, *bin) - x) <= SAME) return true;
    return false;
}

static bool multiple(const loc_scheme *s, const double *a, size_t n, int32_t *bins)
{
    size_t lead = 0;
    int32_t plain[3], found[3];
    memcpy(plain, bins, n * sizeof *plain);
    for (size_t i = 1; i < n; i++)
        if (fabs(a[i]) > fabs(a[lead])) lead = i;
    for (int32_t k = plain[lead] - BESIDE; k <= plain[lead] + BESIDE; k++) {
        const double t = loc_number(s, span, k) / a[lead];
        bool all = is_beside(s, k, plain[lead]) && t > 0;
        for (size_t i = 0; all && i < n; i++) all = says(s, t * a[i], plain[i], &found[i]);
        if (!all) continue;
        memcpy(bins, found, n * sizeof *bins);
        return true;
    }
    return false;
}

/* Three bins that are some of a and more of b. */
static bool mixture(const loc_scheme *s, const double *a, const double *b, int32_t *bins)
{
    const double normal[3] = { a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2],
                               a[0] * b[1] - a[1] * b[0] };
    size_t m = 0;
    for (size_t i = 1; i < 3; i++)
        if (fabs(normal[i]) > fabs(normal[m])) m = i;
    const size_t i = (m + 1) % 3, j = (m + 2) % 3;
    for (int32_t p = bins[i] - BESIDE; p <= bins[i] + BESIDE; p++)
        for (int32_t q = bins[j] - BESIDE; q <= bins[j] + BESIDE; q++) {
            const double x = loc_number(s, span, p), y = loc_number(s, span, q);
            const double of_a = (x * b[j] - y * b[i]) / normal[m],
                         of_b = (a[i] * y - a[j] * x) / normal[m];
            int32_t third;
            if (!is_beside(s, p, bins[i]) || !is_beside(s, q, bins[j]) || !(of_b > 0) ||
                !says(s, of_a * a[m] + of_b * b[m], bins[m], &third))
                continue;
            bins[i] = p;
            bins[j] = q;
            bins[m] = third;
            return true;
        }
    return false;
}

static void plain_bins(const loc_scheme *s, const double *a, size_t n, int32_t *bins)
{
    for (size_t i = 0; i < n; i++) bins[i] = loc_number_bin(s, span, a[i]);
}

void loc_direction_bins(const loc_scheme *s, const double *a, const double *b, size_t n,
                        int32_t *bins)
{
    plain_bins(s, a, n, bins);
    multiple(s, a, n, bins);
    if (!b) return;
    plain_bins(s, b, n, bins + n);
    mixture(s, a, b, bins + n);
}

/* Of length 1 and at right angles; false: they span nothing. */
static bool square(double *a, double *b, size_t n)
{
    const double length = sqrt(dot(a, a, n));
    if (!(length > (b ? 0.1 : SAME))) return false;
    for (size_t i = 0; i < n; i++) a[i] /= length;
    if (!b) return true;
    const double along = dot(a, b, n);
    for (size_t i = 0; i < n; i++) b[i] -= along * a[i];
    const double rest = sqrt(dot(b, b, n));
    if (!(rest > 0.1)) return false;
    for (size_t i = 0; i < n; i++) b[i] /= rest;
    return true;
}

static bool square_of(const loc_scheme *s, const int32_t *bins, size_t n, double *a, double *b)
{
    for (size_t i = 0; i < n; i++) {
        a[i] = loc_number(s, span, bins[i]);
        if (b) b[i] = loc_number(s, span, bins[n + i]);
    }
    return square(a, b, n);
}

bool loc_direction(const loc_scheme *s, const int32_t *bins, size_t n, double *a, double *b)
{
    int32_t plain[6];
    bool near = true;
    if (!square_of(s, bins, n, a, b)) return false;
    plain_bins(s, a, n, plain);
    if (b) plain_bins(s, b, n, plain + n);
    for (size_t i = 0; i < (b ? 2 * n : n); i++) near = near && is_beside(s, bins[i], plain[i]);
    return near || square_of(s, plain, n, a, b);
}
