/* SPDX-License-Identifier: Apache-2.0 */
/* An onset detector of the plainest kind (Bello and others, 2005): the second difference of the
 * samples, in which a click outweighs the hum of what still rings, its energy in short frames, and
 * a hit where that exceeds what was just before by a factor.
 */
#include "listen.h"

#include <stdbool.h>
#include <stdlib.h>

#define FRAME_S 0.005
#define LONE_S 0.12  /* a hit and its own echo of frames */
#define RISE 2.0     /* times the loudest of the frames before */
#define LEAST 0.1    /* of the loudest frame: what is below is hiss */
enum { BEFORE = 8, GAP = 1 }; /* frames that are looked back at, but for those next to it */

static double frame_energy(const float *x, size_t from, size_t to)
{
    double sum = 0;
    for (size_t i = from < 2 ? 2 : from; i < to; i++) {
        const double d = (double)x[i] - 2 * (double)x[i - 1] + (double)x[i - 2];
        sum += d * d;
    }
    return sum;
}

/* The frame stands out of what is before it; what is before the sound is silence. */
static bool rises(const double *e, size_t f, double least)
{
    double before = 0;
    for (size_t k = GAP + 1; k <= BEFORE && k <= f; k++)
        before = e[f - k] > before ? e[f - k] : before;
    return e[f] > least && e[f] > RISE * before;
}

size_t world_hits_count(const float *x, size_t n, double rate, size_t *at, size_t most)
{
    const size_t step = (size_t)(FRAME_S * rate + 0.5), frames = step ? n / step : 0;
    const size_t lone = (size_t)(LONE_S / FRAME_S + 0.5);
    double *e = frames ? malloc(frames * sizeof *e) : NULL, top = 0;
    size_t found = 0, last = 0;
    if (!e)
        return 0;
    for (size_t f = 0; f < frames; f++) {
        e[f] = frame_energy(x, f * step, (f + 1) * step);
        top = e[f] > top ? e[f] : top;
    }
    for (size_t f = 0; f < frames; f++) {
        if (!(top > 0) || !rises(e, f, LEAST * top) || (found && f - last < lone))
            continue;
        if (found < most)
            at[found] = f * step;
        found++;
        last = f;
    }
    free(e);
    return found;
}
