/* SPDX-License-Identifier: Apache-2.0 */
/* Span corruption (Raffel et al. 2020): of n tokens round(rate n) are noise, in round(noise / span)
 * spans; noise and what is kept are both cut at random into so many pieces, none of them empty,
 * every way of cutting alike, and take turns, what is kept first. With one span it is the end of
 * the text that is taken, which is how a text is continued (Tay et al. 2022). */
#include "denoise.h"

#include <math.h>
#include <string.h>

uint64_t denoise_below(denoise_dice *d, uint64_t n)
{
    __extension__ typedef unsigned __int128 wide;
    return (uint64_t)(((wide)omn_random_at(d->seed, d->stream, d->at++) * n) >> 64);
}

uint32_t denoise_draw(denoise_dice *d, const double *weights, uint32_t n)
{
    double all = 0, at = 0;
    uint32_t last = 0;
    for (uint32_t i = 0; i < n; i++) all += weights[i];
    const double u =
        (double)(omn_random_at(d->seed, d->stream, d->at++) >> 11) * 0x1p-53 * all;
    for (uint32_t i = 0; i < n; i++) {
        if (!(weights[i] > 0)) continue;
        at += weights[i];
        last = i;
        if (u < at) break;
    }
    return last;
}

denoise_sizes denoise_count(const denoise_how *how, uint32_t n, uint32_t most_spans)
{
    denoise_sizes z = { 0, 1 };
    double noise = rint(how->rate * n);
    noise = fmin(fmax(noise, 1), (double)n - 1);
    z.noise = (uint32_t)noise;
    double spans = how->span > 0 ? fmax(rint(noise / how->span), 1) : 1;
    spans = fmin(spans, fmin(noise, (double)n - noise));      /* a piece of each has a token */
    z.spans = (uint32_t)fmax(fmin(spans, most_spans), 1);
    return z;
}

uint32_t denoise_room(const denoise_how *how, uint32_t inputs, uint32_t targets)
{
    /* both grow with n: the largest that fits is found by halving */
    uint32_t lo = 1, hi = inputs > UINT32_MAX / 4 || targets > UINT32_MAX / 4
                              ? UINT32_MAX / 4
                              : inputs + targets;
    while (lo < hi) {
        const uint32_t n = lo + (hi - lo + 1) / 2;
        const denoise_sizes z = denoise_count(how, n, UINT32_MAX);
        const uint32_t marks = how->span > 0 ? z.spans : 0;
        if (n - z.noise + marks <= inputs && z.noise + marks <= targets) lo = n;
        else hi = n - 1;
    }
    return lo > 1 ? lo : 0;
}

/* The next piece of `left` tokens that become `pieces` pieces: each way of cutting comes as often
 * as any other when each place between two tokens is a cut with the chance that is left to it. */
static uint32_t next_piece(denoise_dice *d, uint32_t left, uint32_t pieces)
{
    uint32_t n = 1;
    if (pieces == 1) return left;
    while (denoise_below(d, left - n) >= pieces - 1) n++;
    return n;
}

void denoise_split(const denoise_how *how, const int32_t *ids, uint32_t n, const int32_t *sentinels,
                   uint32_t n_sentinels, denoise_dice *d, int32_t *seen, uint32_t *n_seen,
                   int32_t *want, uint32_t *n_want)
{
    const denoise_sizes z = denoise_count(how, n, sentinels ? n_sentinels : 1);
    uint32_t noise = z.noise, kept = n - z.noise, at = 0;
    *n_seen = *n_want = 0;
    for (uint32_t i = 0; i < z.spans; i++) {
        const uint32_t k = next_piece(d, kept, z.spans - i), s = next_piece(d, noise, z.spans - i);
        memcpy(seen + *n_seen, ids + at, k * sizeof(*ids));
        *n_seen += k;
        if (sentinels) seen[(*n_seen)++] = want[(*n_want)++] = sentinels[i];
        memcpy(want + *n_want, ids + at + k, s * sizeof(*ids));
        *n_want += s;
        at += k + s;
        kept -= k;
        noise -= s;
    }
}
