/* SPDX-License-Identifier: Apache-2.0 */
/* The marks that a lossy file leaves, without the file: colour transform, halved colour planes, the
 * 8 x 8 cosine transform, quantisation by the example tables of ITU-T T.81 annex K at a quality,
 * and the way back. Done here rather than by a library so that pixels are the same everywhere.
 */
#include "lossy.h"

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

/* Wave k at place x is scale cos((2 x + 1) k pi / 16). Even waves are symmetric about the middle
 * and odd ones antisymmetric, so each needs the first four places only. */
typedef struct wave {
    float even[4][4], odd[4][4]; /* [wave / 2][place] */
} wave;

static void wave_make(wave *w)
{
    for (int k = 0; k < 8; k++) {
        for (int x = 0; x < 4; x++) {
            double scale = k ? 0.5 : 0.35355339059327376220;
            double v = scale * exact_cos((2 * x + 1) * k * 3.14159265358979323846 / 16);
            (k & 1 ? w->odd : w->even)[k / 2][x] = (float)v;
        }
    }
}

/* Columns of in to waves: out[k] = sum over x of wave k at x times in[x], for eight columns. */
static void analyse(const wave *w, float in[8][8], float out[8][8])
{
    float sum[4][8], diff[4][8];
    for (int x = 0; x < 4; x++) {
        for (int j = 0; j < 8; j++) {
            sum[x][j] = in[x][j] + in[7 - x][j];
            diff[x][j] = in[x][j] - in[7 - x][j];
        }
    }
    for (int k = 0; k < 4; k++) {
        const float *e = w->even[k], *o = w->odd[k];
        for (int j = 0; j < 8; j++) {
            out[2 * k][j] =
                e[0] * sum[0][j] + e[1] * sum[1][j] + e[2] * sum[2][j] + e[3] * sum[3][j];
            out[2 * k + 1][j] =
                o[0] * diff[0][j] + o[1] * diff[1][j] + o[2] * diff[2][j] + o[3] * diff[3][j];
        }
    }
}

/* And back. */
static void synthesise(const wave *w, float in[8][8], float out[8][8])
{
    for (int x = 0; x < 4; x++) {
        float e[4] = {w->even[0][x], w->even[1][x], w->even[2][x], w->even[3][x]};
        float o[4] = {w->odd[0][x], w->odd[1][x], w->odd[2][x], w->odd[3][x]};
        for (int j = 0; j < 8; j++) {
            float a = e[0] * in[0][j] + e[1] * in[2][j] + e[2] * in[4][j] + e[3] * in[6][j];
            float b = o[0] * in[1][j] + o[1] * in[3][j] + o[2] * in[5][j] + o[3] * in[7][j];
            out[x][j] = a + b;
            out[7 - x][j] = a - b;
        }
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
            analyse(w, a, b);
            turn(b);
            analyse(w, b, a); /* the transform, transposed */
            for (int i = 0; i < 8; i++) {
                for (int j = 0; j < 8; j++) {
                    /* adding 1.5 * 2^23 leaves no bits for a fraction: rounds to the nearest */
                    float q = a[i][j] * inverse[i][j] + 12582912.0f;
                    a[i][j] = (q - 12582912.0f) * step[i][j];
                }
            }
            synthesise(w, a, b);
            turn(b);
            synthesise(w, b, a);
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
