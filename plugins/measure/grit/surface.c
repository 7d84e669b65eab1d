/* SPDX-License-Identifier: Apache-2.0 */
/* Surface normals: what share of them is near the true ones once the whole answer is turned by the
 * best of 500 rotations, for which way the axes point is nobody's to know. Each rotation but the
 * first, which is none, is the one that fits two pixels best (least squares, Horn 1987), and the
 * winner has the most near pixels among 500 drawn ones. All draws are those of the benchmark's
 * program, so that the scores are its scores: pairs from a Mersenne twister (Matsumoto and
 * Nishimura 1998) seeded with 0, subsets from a PCG64 (O'Neill 2014). */
#include "grit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TRIES = 500, SUBSET = 500 };
#define NEAR   0.98078528040323043        /* cosine of 11.25 degrees */
#define CREASE 0.76604444311897803        /* of 40 degrees */

/* ---- pictures ------------------------------------------------------------------------------- */

void grit_normals_of(const uint8_t *rgb, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++, rgb += 3, out += 3) {
        double v[3], sum = 0;
        for (int k = 0; k < 3; k++) {
            v[k] = ((double)rgb[k] - 122.5) / 122.5;
            sum += v[k] * v[k];
        }
        for (int k = 0; k < 3; k++) out[k] = (float)(v[k] / sqrt(sum));
    }
}

static double dot(const float *a, const float *b)
{
    return (double)a[0] * (double)b[0] + (double)a[1] * (double)b[1] + (double)a[2] * (double)b[2];
}

static bool means_something(const uint8_t *p)
{
    return !(p[0] == p[1] && p[1] == p[2] && (p[0] == 0 || p[0] == 128 || p[0] == 201));
}

/* Pixels `a` and `b` are neighbours. */
static void part(const float *truth, size_t a, size_t b, uint8_t *valid)
{
    if (dot(truth + 3 * a, truth + 3 * b) < CREASE) valid[a] = valid[b] = 0;
}

void grit_normals_valid(const uint8_t *rgb, const float *truth, uint32_t width, uint32_t height,
                        uint8_t *valid)
{
    const size_t n = (size_t)width * height;
    for (size_t i = 0; i < n; i++)
        valid[i] = rgb ? means_something(rgb + 3 * i) : dot(truth + 3 * i, truth + 3 * i) > 0.5;
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++) {
            const size_t at = (size_t)y * width + x;
            if (x + 1 < width) part(truth, at, at + 1, valid);
            if (y + 1 < height) part(truth, at, at + width, valid);
        }
}

/* ---- draws ---------------------------------------------------------------------------------- */

typedef struct twister {
    uint32_t state[624];
    int at;
} twister;

static void twister_init(twister *t)
{
    t->state[0] = 0;
    for (uint32_t i = 1; i < 624; i++)
        t->state[i] = 1812433253u * (t->state[i - 1] ^ t->state[i - 1] >> 30) + i;
    t->at = 624;
}

static uint32_t twister_next(twister *t)
{
    for (int i = 0; t->at == 624 && i < 624; i++) {
        const uint32_t y = (t->state[i] & 0x80000000u) | (t->state[(i + 1) % 624] & 0x7fffffffu);
        t->state[i] = t->state[(i + 397) % 624] ^ y >> 1 ^ (y & 1 ? 0x9908b0dfu : 0);
    }
    if (t->at == 624) t->at = 0;
    uint32_t y = t->state[t->at++];
    y ^= y >> 11;
    y ^= y << 7 & 0x9d2c5680u;
    y ^= y << 15 & 0xefc60000u;
    return y ^ y >> 18;
}

/* 0..most, alike often. */
static uint32_t twister_below(twister *t, uint32_t most)
{
    uint32_t mask = most, x;
    for (int k = 1; k < 32; k *= 2) mask |= mask >> k;
    do x = twister_next(t) & mask;
    while (x > most);
    return x;
}

/* Two different numbers of 0..n-1: those that a shuffle puts in front. list: room for n. */
static void draw_pair(twister *t, uint32_t *list, uint32_t n, uint32_t out[2])
{
    for (uint32_t i = 0; i < n; i++) list[i] = i;
    for (uint32_t i = n - 1; i > 0; i--) {
        const uint32_t k = twister_below(t, i), x = list[i];
        list[i] = list[k];
        list[k] = x;
    }
    out[0] = list[0];
    out[1] = list[n > 1];
}

__extension__ typedef unsigned __int128 wide;
typedef struct pcg {
    wide state, step;
    uint32_t half;
    bool waits; /* the high half of the last number */
} pcg;

static pcg pcg_make(void)
{
    return (pcg){ .state = (wide)0x1aa1b5345996452dull << 64 | 0x09585eb7a69561e3ull,
                  .step = (wide)0x418ddadb3af71a82ull << 64 | 0x588133bc447873a9ull };
}

static uint32_t pcg_next(pcg *p)
{
    if (p->waits) {
        p->waits = false;
        return p->half;
    }
    p->state = p->state * ((wide)0x2360ed051fc65da4ull << 64 | 0x4385df649fccf645ull) + p->step;
    const uint64_t x = (uint64_t)(p->state >> 64) ^ (uint64_t)p->state;
    const unsigned turn = (unsigned)(p->state >> 122);
    const uint64_t y = x >> turn | x << (-turn & 63);
    p->half = (uint32_t)(y >> 32);
    p->waits = true;
    return (uint32_t)y;
}

/* 0..most, without a bias (Lemire 2019). */
static uint32_t pcg_below(pcg *p, uint32_t most)
{
    if (!most) return 0;
    const uint32_t n = most + 1, least = (UINT32_MAX - most) % n;
    uint64_t m = (uint64_t)pcg_next(p) * n;
    while ((uint32_t)m < least) m = (uint64_t)pcg_next(p) * n;
    return (uint32_t)(m >> 32);
}

static void swap(uint32_t *list, uint32_t i, uint32_t k)
{
    const uint32_t x = list[i];
    list[i] = list[k];
    list[k] = x;
}

/* SUBSET different numbers of 0..n-1, in no order that matters. list: room for n; taken: of n, all
 * false before and after. */
static const uint32_t *draw_subset(pcg *p, uint32_t *list, uint8_t *taken, uint32_t n)
{
    if (n > 10000 && SUBSET > n / 50) {
        for (uint32_t i = 0; i < n; i++) list[i] = i;
        for (uint32_t i = n - 1; i >= n - SUBSET; i--) swap(list, i, pcg_below(p, i));
        return list + n - SUBSET;
    }
    uint32_t at = 0;
    for (uint32_t k = n - SUBSET; k < n; k++) {
        const uint32_t x = pcg_below(p, k);
        list[at] = taken[x] ? k : x;
        taken[list[at++]] = 1;
    }
    for (uint32_t i = 0; i < SUBSET; i++) taken[list[i]] = 0;
    for (uint32_t i = SUBSET - 1; i > 0; i--) pcg_below(p, i); /* an order is drawn as well */
    return list;
}

/* ---- rotations ------------------------------------------------------------------------------ */

/* The eigenvector of the largest eigenvalue of a symmetric matrix, by Jacobi's rotations. */
static void largest(double a[4][4], double q[4])
{
    double v[4][4] = { { 1, 0, 0, 0 }, { 0, 1, 0, 0 }, { 0, 0, 1, 0 }, { 0, 0, 0, 1 } };
    for (int sweep = 0; sweep < 30; sweep++)
        for (int i = 0; i < 3; i++)
            for (int k = i + 1; k < 4; k++) {
                if (fabs(a[i][k]) < 1e-300) continue;
                const double theta = (a[k][k] - a[i][i]) / (2 * a[i][k]);
                const double t = (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(theta * theta + 1));
                const double c = 1 / sqrt(t * t + 1), s = t * c;
                for (int m = 0; m < 4; m++) {
                    const double x = a[m][i], y = a[m][k];
                    a[m][i] = c * x - s * y;
                    a[m][k] = s * x + c * y;
                }
                for (int m = 0; m < 4; m++) {
                    const double x = a[i][m], y = a[k][m], z = v[m][i], w = v[m][k];
                    a[i][m] = c * x - s * y;
                    a[k][m] = s * x + c * y;
                    v[m][i] = c * z - s * w;
                    v[m][k] = s * z + c * w;
                }
            }
    int best = 0;
    for (int i = 1; i < 4; i++)
        if (a[i][i] > a[best][best]) best = i;
    for (int i = 0; i < 4; i++) q[i] = v[i][best];
}

/* The rotation that brings two vectors of the answer nearest to the true ones. */
static void fit(const float *answer, const float *truth, const uint32_t pair[2], double r[3][3])
{
    double h[3][3] = { { 0 } }, q[4];
    for (int e = 0; e < 2; e++)
        for (int i = 0; i < 3; i++)
            for (int k = 0; k < 3; k++)
                h[i][k] += (double)answer[3 * pair[e] + (uint32_t)i] *
                           (double)truth[3 * pair[e] + (uint32_t)k];
    double a[4][4] = {
        { h[0][0] + h[1][1] + h[2][2], h[1][2] - h[2][1], h[2][0] - h[0][2], h[0][1] - h[1][0] },
        { 0, h[0][0] - h[1][1] - h[2][2], h[0][1] + h[1][0], h[2][0] + h[0][2] },
        { 0, 0, h[1][1] - h[0][0] - h[2][2], h[1][2] + h[2][1] },
        { 0, 0, 0, h[2][2] - h[0][0] - h[1][1] }
    };
    for (int i = 1; i < 4; i++)
        for (int k = 0; k < i; k++) a[i][k] = a[k][i];
    largest(a, q);
    const double w = q[0], x = q[1], y = q[2], z = q[3];
    const double turned[3][3] = {
        { w * w + x * x - y * y - z * z, 2 * (x * y - w * z), 2 * (x * z + w * y) },
        { 2 * (x * y + w * z), w * w - x * x + y * y - z * z, 2 * (y * z - w * x) },
        { 2 * (x * z - w * y), 2 * (y * z + w * x), w * w - x * x - y * y + z * z }
    };
    memcpy(r, turned, sizeof turned);
}

static bool is_near(double r[3][3], const float *a, const float *t)
{
    double sum = 0;
    for (int i = 0; i < 3; i++)
        sum += (double)t[i] * (r[i][0] * (double)a[0] + r[i][1] * (double)a[1] +
                               r[i][2] * (double)a[2]);
    return sum > NEAR; /* never where the answer is NaN */
}

/* The winner of all tries; a and t: n valid vectors each. */
static void look_for(const float *a, const float *t, uint32_t n, uint32_t height, uint32_t *list,
                   uint8_t *taken, double winner[3][3])
{
    static const double NONE[3][3] = { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 } };
    twister pairs;
    pcg subsets = pcg_make();
    uint32_t best = 0;
    const uint32_t from = height < n ? height : n;
    twister_init(&pairs);
    memcpy(winner, NONE, sizeof NONE);
    for (int k = 0; k < TRIES; k++) {
        double r[3][3];
        uint32_t pair[2], count = 0;
        memcpy(r, NONE, sizeof NONE);
        if (k) {
            draw_pair(&pairs, list, from, pair);
            fit(a, t, pair, r);
        }
        const uint32_t *some = n >= SUBSET ? draw_subset(&subsets, list, taken, n) : NULL;
        for (uint32_t i = 0; i < (some ? SUBSET : n); i++) {
            const uint32_t at = some ? some[i] : i;
            count += is_near(r, a + 3 * at, t + 3 * at);
        }
        if (count > best) {
            best = count;
            memcpy(winner, r, sizeof r);
        }
    }
}

omn_status grit_normals_worth(const float *answer, const float *truth, const uint8_t *valid,
                              uint32_t width, uint32_t height, double *worth, omn_error *err)
{
    const size_t all = (size_t)width * height;
    size_t n = 0, near = 0;
    *worth = 1;
    for (size_t i = 0; i < all; i++) n += valid[i] != 0;
    if (!n) return OMN_OK;
    if (all > (size_t)1 << 26)
        return omn_fail(err, OMN_ERR_DATA, "normals of %u x %u pixels: too many", width, height);
    float *a = malloc(6 * n * sizeof *a), *t = a ? a + 3 * n : NULL;
    uint32_t *list = malloc((n > height ? n : height) * sizeof *list);
    uint8_t *taken = calloc(n, 1);
    omn_status st = OMN_OK;
    if (!a || !list || !taken) {
        st = omn_fail(err, OMN_ERR_MEMORY, "a measure: out of memory");
    } else {
        double r[3][3];
        size_t k = 0;
        for (size_t i = 0; i < all; i++) {
            if (!valid[i]) continue;
            memcpy(a + 3 * k, answer + 3 * i, 3 * sizeof *a);
            memcpy(t + 3 * k++, truth + 3 * i, 3 * sizeof *t);
        }
        look_for(a, t, (uint32_t)n, height, list, taken, r);
        for (size_t i = 0; i < n; i++) near += is_near(r, a + 3 * i, t + 3 * i);
        *worth = (double)near / (double)n;
    }
    free(a);
    free(list);
    free(taken);
    return st;
}
