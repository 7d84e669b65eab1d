/* SPDX-License-Identifier: Apache-2.0 */
/* Initial values of weights, from counter-based random numbers: element i of a weight depends on
 * the seed, the weight's name and i alone, so neither the order of building nor the number of
 * threads matters. Normal numbers are made in pairs by the method of Box and Muller (1958). */
#include "inside.h"

#include <math.h>

static double uniform(uint64_t seed, uint64_t stream, uint64_t at) /* in (0, 1] */
{
    return (double)((omn_random_at(seed, stream, at) >> 11) + 1) * 0x1p-53;
}

static void normal(uint64_t seed, uint64_t stream, double deviation, size_t from, float *out,
                   size_t n)
{
    for (size_t i = 0; i < n; i += 2) {
        const double r = deviation * sqrt(-2 * log(uniform(seed, stream, from + i)));
        const double angle = 2 * 3.14159265358979323846 * uniform(seed, stream, from + i + 1);
        out[i] = (float)(r * cos(angle));
        if (i + 1 < n) out[i + 1] = (float)(r * sin(angle));
    }
}

/* Row by row the points of a grid. */
static void grid(const omn_shape *shape, double a, size_t from, float *out, size_t n)
{
    const size_t D = (size_t)shape->dim[shape->rank - 1], places = (size_t)a;
    for (size_t i = 0; i < n; i++) {
        size_t row = (from + i) / D;
        for (size_t k = (from + i) % D + 1; k < D; k++) row /= places;
        out[i] = (float)(2 * (double)(row % places) / (double)(places - 1) - 1);
    }
}

void initial_fill(uint64_t seed, const char *name, const omn_shape *shape, omn_init_kind init,
                  double a, size_t from, float *out, size_t n)
{
    double fan = 1;
    if (init == OMN_INIT_NORMAL || init == OMN_INIT_FAN_IN) {
        for (uint32_t i = 1; init == OMN_INIT_FAN_IN && i < shape->rank; i++)
            fan *= (double)shape->dim[i];
        normal(seed, names_hash(name), a / sqrt(fan), from, out, n);
        return;
    }
    if (init == OMN_INIT_GRID) {
        grid(shape, a, from, out, n);
        return;
    }
    const float value = init == OMN_INIT_ONE ? 1.0f : init == OMN_INIT_CONST ? (float)a : 0.0f;
    for (size_t i = 0; i < n; i++) out[i] = value;
}
