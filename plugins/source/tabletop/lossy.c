/* SPDX-License-Identifier: Apache-2.0 */
/* The marks that a lossy file leaves, without the file: colour transform, halved colour planes, the
 * 8 x 8 cosine transform, quantisation by the example tables of ITU-T T.81 annex K at a quality,
 * and the way back. Done here rather than by a library so that pixels are the same everywhere.
 */
#include "film.h"

#include <math.h>
#include <string.h>

#include "exact.h"

static const uint8_t LUMA[64] = {
    16, 11, 10, 16, 24,  40,  51,  61,  12, 12, 14, 19, 26,  58,  60,  55,
    14, 13, 16, 24, 40,  57,  69,  56,  14, 17, 22, 29, 51,  87,  80,  62,
    18, 22, 37, 56, 68,  109, 103, 77,  24, 35, 55, 64, 81,  104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
};
static const uint8_t CHROMA[64] = {
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99,
    24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
};

typedef struct wave {
    float c[64], t[64]; /* c[8 k + x]: wave k at place x, orthonormal; t its transpose */
} wave;

static void wave_make(wave *w)
{
    for (int k = 0; k < 8; k++) {
        for (int x = 0; x < 8; x++) {
            double scale = k ? 0.5 : 0.35355339059327376220;
            double v = scale * exact_cos((2 * x + 1) * k * 3.14159265358979323846 / 16);
            w->c[8 * k + x] = w->t[8 * x + k] = (float)v;
        }
    }
}

/* out = m in, both 8 x 8 */
static void times(const float *m, float in[8][8], float out[8][8])
{
    for (int i = 0; i < 8; i++) {
        float sum[8] = {0};
        for (int k = 0; k < 8; k++)
            for (int j = 0; j < 8; j++)
                sum[j] += m[8 * i + k] * in[k][j];
        memcpy(out[i], sum, sizeof sum);
    }
}

static void turn(float b[8][8])
{
    for (int i = 0; i < 8; i++) {
        for (int j = 0; j < i; j++) {
            float x = b[i][j];
            b[i][j] = b[j][i];
            b[j][i] = x;
        }
    }
}

static void steps_make(const uint8_t table[64], int quality, float step[8][8], float inverse[8][8])
{
    int scale = quality < 50 ? 5000 / quality : 200 - 2 * quality;
    for (int i = 0; i < 64; i++) {
        int q = (table[i] * scale + 50) / 100;
        q = q < 1 ? 1 : q > 255 ? 255 : q;
        /* transposed, as the block is after two turned products */
        step[i % 8][i / 8] = (float)q;
        inverse[i % 8][i / 8] = 1 / (float)q;
    }
}

static void plane(float *v, int width, int height, const wave *w, const uint8_t table[64],
                  int quality)
{
    float step[8][8], inverse[8][8], a[8][8], b[8][8];
    steps_make(table, quality, step, inverse);
    for (int y0 = 0; y0 < height; y0 += 8) {
        for (int x0 = 0; x0 < width; x0 += 8) {
            int w8 = width - x0 < 8 ? width - x0 : 8, h8 = height - y0 < 8 ? height - y0 : 8;
            for (int y = 0; y < 8; y++) {
                float *row = v + (size_t)(y0 + (y < h8 ? y : h8 - 1)) * (size_t)width + x0;
                for (int x = 0; x < w8; x++)
                    a[y][x] = row[x] - 128;
                for (int x = w8; x < 8; x++)
                    a[y][x] = a[y][w8 - 1];
            }
            times(w->c, a, b);
            turn(b);
            times(w->c, b, a); /* the transform, transposed */
            for (int i = 0; i < 8; i++) {
                for (int j = 0; j < 8; j++) {
                    /* adding 1.5 * 2^23 leaves no bits for a fraction: rounds to the nearest */
                    float q = a[i][j] * inverse[i][j] + 12582912.0f;
                    a[i][j] = (q - 12582912.0f) * step[i][j];
                }
            }
            times(w->t, a, b);
            turn(b);
            times(w->t, b, a);
            for (int y = 0; y < h8; y++) {
                float *row = v + (size_t)(y0 + y) * (size_t)width + x0;
                for (int x = 0; x < w8; x++)
                    row[x] = a[y][x] + 128;
            }
        }
    }
}

/* Means of two by two; half: [ceil(height / 2), ceil(width / 2)]. */
static void halve(const float *v, float *half, int width, int height)
{
    int w = (width + 1) / 2, h = (height + 1) / 2;
    for (int y = 0; y < h; y++) {
        for (int x = 0; x < w; x++) {
            int x1 = 2 * x + 1 < width ? 2 * x + 1 : 2 * x;
            const float *up = v + (size_t)(2 * y) * (size_t)width;
            const float *low = 2 * y + 1 < height ? up + width : up;
            half[(size_t)y * (size_t)w + (size_t)x] =
                0.25f * (up[2 * x] + up[x1] + low[2 * x] + low[x1]);
        }
    }
}

static uint8_t byte(float x)
{
    x = x + 0.5f > 0 ? x + 0.5f : 0;
    return (uint8_t)(int)(x < 255 ? x : 255);
}

void world_lossy(uint8_t *rgb, int width, int height, int quality, bool halved, float *spare)
{
    size_t n = (size_t)width * (size_t)height;
    float *luma = spare, *blue = spare + n, *red = spare + 2 * n;
    wave w;
    wave_make(&w);
    for (size_t k = 0; k < n; k++) {
        float r = rgb[3 * k], g = rgb[3 * k + 1], b = rgb[3 * k + 2];
        luma[k] = 0.299f * r + 0.587f * g + 0.114f * b;
        blue[k] = 128 - 0.168736f * r - 0.331264f * g + 0.5f * b;
        red[k] = 128 + 0.5f * r - 0.418688f * g - 0.081312f * b;
    }
    plane(luma, width, height, &w, LUMA, quality);
    int cw = width, ch = height, shift = 0;
    if (halved) {
        /* in place: a mean is written no later than the first value it is made of */
        halve(blue, blue, width, height);
        halve(red, red, width, height);
        cw = (width + 1) / 2;
        ch = (height + 1) / 2;
        shift = 1;
    }
    plane(blue, cw, ch, &w, CHROMA, quality);
    plane(red, cw, ch, &w, CHROMA, quality);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            size_t k = (size_t)y * (size_t)width + (size_t)x;
            size_t m = (size_t)(y >> shift) * (size_t)cw + (size_t)(x >> shift);
            float l = luma[k], b = blue[m] - 128, r = red[m] - 128;
            rgb[3 * k] = byte(l + 1.402f * r);
            rgb[3 * k + 1] = byte(l - 0.344136f * b - 0.714136f * r);
            rgb[3 * k + 2] = byte(l + 1.772f * b);
        }
    }
}
