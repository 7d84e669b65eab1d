/* SPDX-License-Identifier: Apache-2.0 */
/* The film: exposure, white balance, saturation, a tone curve from a table, contrast, a slight
 * blur, noise, vignette, 8 bits, and perhaps a lossy round trip. */
#include "film.h"

#include <math.h>
#include <string.h>

#include "exact.h"

enum { KNOTS = 128, BETWEEN = 16, CURVE = KNOTS * BETWEEN };

/* Display value for the square root of linear light; the root gives the dark end its room. */
static void draw_curve(const world_film *f, float curve[CURVE + 1])
{
    double k = 2.0 / f->gamma;
    curve[0] = 0;
    for (int i = BETWEEN; i <= CURVE; i += BETWEEN) {
        double root = 1.75 * i / CURVE, v;
        if (f->shoulder > 0) {
            double x = root * root, a = f->shoulder;
            root = sqrt(x * (1 + a) / (1 + a * x));
        }
        v = exact_pow(root, k);
        float to = (float)v, from = curve[i - BETWEEN];
        for (int j = 1; j <= BETWEEN; j++)
            curve[i - BETWEEN + j] = from + (to - from) * ((float)j / BETWEEN);
    }
    for (int i = 0; i <= CURVE; i++)
        curve[i] = 0.5f + ((curve[i] > 1 ? 1 : curve[i]) - 0.5f) * f->contrast + f->lift;
}

/* A separable kernel (side, 1 - 2 side, side); the border repeats. */
static void blur(float *v, float *spare, int width, int height, float side)
{
    float mid = 1 - 2 * side;
    size_t row = 3 * (size_t)width;
    for (int y = 0; y < height; y++) {
        const float *in = v + (size_t)y * row;
        float *out = spare + (size_t)y * row;
        for (size_t x = 0; x < row; x++) {
            float a = x < 3 ? in[x] : in[x - 3], b = x + 3 < row ? in[x + 3] : in[x];
            out[x] = mid * in[x] + side * (a + b);
        }
    }
    for (int y = 0; y < height; y++) {
        const float *in = spare + (size_t)y * row, *up = y ? in - row : in;
        const float *down = y + 1 < height ? in + row : in;
        float *out = v + (size_t)y * row;
        for (size_t x = 0; x < row; x++)
            out[x] = mid * in[x] + side * (up[x] + down[x]);
    }
}

/* Corners get less light. */
static void darken(float *v, int width, int height, float amount)
{
    for (int y = 0; y < height; y++) {
        float dy = ((float)y + 0.5f) / (float)height - 0.5f;
        for (int x = 0; x < width; x++, v += 3) {
            float dx = ((float)x + 0.5f) / (float)width - 0.5f;
            float gain = 1 - amount * 2 * (dx * dx + dy * dy);
            v[0] *= gain;
            v[1] *= gain;
            v[2] *= gain;
        }
    }
}

/* About normal, deviation 1: the sum of four bytes. */
static float bell(uint32_t bits)
{
    int sum = (int)(bits & 255) + (int)(bits >> 8 & 255) + (int)(bits >> 16 & 255) +
              (int)(bits >> 24);
    return (float)(sum - 510) * (1 / 147.8f);
}

void world_film_develop(const world_scene *s, world_canvas *c)
{
    const world_film *f = &s->film;
    float curve[CURVE + 1];
    draw_curve(f, curve);
    size_t w = (size_t)c->width, n = w * (size_t)c->height;
    float *v = c->light;
    if (f->vignette > 0)
        darken(v, c->width, c->height, f->vignette);
    /* the three channels mixed: balance, then saturation */
    const float grey[3] = {0.3f, 0.59f, 0.11f};
    float mix[3][3];
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            mix[i][k] = f->exposure * f->balance[k] *
                        ((i == k ? f->saturation : 0) + (1 - f->saturation) * grey[k]);
    for (size_t k = 0; k < n; k++) {
        float *p = v + 3 * k, r = p[0], g = p[1], b = p[2];
        for (int i = 0; i < 3; i++)
            p[i] = mix[i][0] * r + mix[i][1] * g + mix[i][2] * b;
    }
    for (size_t k = 0; k < 3 * n; k++) {
        float x = sqrtf(v[k] > 0 ? v[k] : 0) * ((float)CURVE / 1.75f);
        v[k] = x < (float)CURVE ? x : (float)CURVE;
    }
    for (size_t k = 0; k < 3 * n; k++)
        v[k] = curve[(int)(v[k] + 0.5f)];
    if (f->blur > 0)
        blur(v, c->spare, c->width, c->height, f->blur);
    if (f->noise > 0) {
        world_dice d = world_dice_make(s->seed, s->split, s->index, WORLD_LANE_FILM);
        for (size_t k = 0; k + 1 < 3 * n; k += 2) {
            uint64_t bits = dice_bits(&d);
            v[k] += f->noise * bell((uint32_t)bits);
            v[k + 1] += f->noise * bell((uint32_t)(bits >> 32));
        }
    }
    for (size_t k = 0; k < 3 * n; k++) {
        float x = v[k] * 255 + 0.5f;
        x = x > 0 ? x : 0;
        c->rgb[k] = (uint8_t)(int)(x < 255 ? x : 255);
    }
    if (f->quality)
        world_lossy(c->rgb, c->width, c->height, f->quality, f->halved, c->spare);
}
