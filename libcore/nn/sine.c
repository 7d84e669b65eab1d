/* SPDX-License-Identifier: Apache-2.0 */
/* Positions that are not learned: sines and cosines of falling frequencies (Vaswani et al. 2017),
 * on a line and on a grid, in the layouts of DETR and Pix2Seq; and the slopes of ALiBi (Press et
 * al. 2021). */
#include <omnio/nn.h>

#include <math.h>

static const double turn = 6.283185307179586476925;

static void row(double pos, size_t width, double base, omn_sine how, float *out)
{
    const size_t half = width / 2;
    for (size_t i = 0; i < half; i++) {
        const double angle = pos * pow(base, -2.0 * (double)i / (double)width);
        out[how == OMN_SINE_HALVES ? i : 2 * i] = (float)sin(angle);
        out[how == OMN_SINE_HALVES ? half + i : 2 * i + 1] = (float)cos(angle);
    }
    if (width % 2) out[width - 1] = 0;
}

void omn_sine_table(const double *pos, size_t n, size_t width, double base, omn_sine how,
                    float *out)
{
    for (size_t i = 0; i < n; i++) row(pos[i], width, base, how, out + i * width);
}

/* Place i of n on an axis. */
static double place(size_t i, size_t n, bool normalise, omn_sine how)
{
    if (!normalise) return (double)i;
    if (how == OMN_SINE_INTERLEAVED) return (double)(i + 1) / ((double)n + 1e-6) * turn;
    return n > 1 ? (double)i / (double)(n - 1) * turn : 0;
}

void omn_sine_table_2d(size_t h, size_t w, size_t width, double base, bool normalise, omn_sine how,
                       float *out)
{
    const size_t half = width / 2;
    for (size_t r = 0; r < h; r++)
        for (size_t c = 0; c < w; c++) {
            float *at = out + (r * w + c) * width;
            row(place(r, h, normalise, how), half, base, how, at);
            row(place(c, w, normalise, how), width - half, base, how, at + half);
        }
}

void omn_alibi_slopes(size_t heads, float *out)
{
    size_t whole = 1;
    while (2 * whole <= heads) whole *= 2;
    for (size_t h = 0; h < heads; h++)
        out[h] = (float)(h < whole ? exp2(-8.0 * (double)(h + 1) / (double)whole)
                                   : exp2(-4.0 * (double)(2 * (h - whole) + 1) / (double)whole));
}
