/* SPDX-License-Identifier: Apache-2.0 */
/* Where a picture lies: its size as the model sees it, the cells of the grid that are its own, and
 * their positions (Carion et al. 2020): cells are counted along both axes, as far as they are a
 * picture's, the count is a part of a whole turn of the last one, and of it sines and cosines take
 * turns, those of the row in the first half. */
#include "unitab.h"

#include <math.h>

int64_t unitab_cells(int64_t side, bool dilated)
{
    return resnet_side(side, RESNET_STAGES - dilated);
}

bool unitab_size(int64_t side, int64_t longest, int64_t w, int64_t h, int64_t *to_w, int64_t *to_h)
{
    const double least = (double)(w < h ? w : h), most = (double)(w < h ? h : w);
    int64_t S = side;
    /* halves to even, as Python rounds */
    if (most / least * (double)side > (double)longest)
        S = (int64_t)nearbyint((double)longest * least / most);
    const int64_t other = (int64_t)((double)S * most / least);
    const bool same = (w < h ? w : h) == S;
    *to_w = same ? w : w < h ? S : other;
    *to_h = same ? h : w < h ? other : S;
    return *to_w > 0 && *to_h > 0;
}

void unitab_mark(int64_t H, int64_t W, int64_t rows, int64_t columns, int64_t h, int64_t w,
                 int32_t *seg)
{
    for (int64_t y = 0; y < rows; y++)
        for (int64_t x = 0; x < columns; x++)
            seg[y * columns + x] = y * H / rows < h && x * W / columns < w;
}

/* half numbers of a cell that is number `count` of `last`. */
static void turn(int64_t count, int64_t last, int64_t half, float *out)
{
    const double step = pow(10000, -2 / (double)half);
    double x = (double)count / ((double)last + 1e-6) * 2 * acos(-1.0);
    for (int64_t i = 0; i + 1 < half; i += 2, x *= step) {
        out[i] = (float)sin(x);
        out[i + 1] = (float)cos(x);
    }
}

void unitab_places(const int32_t *seg, int64_t rows, int64_t columns, int64_t width, float *out)
{
    const int64_t half = width / 2;
    for (int64_t y = 0; y < rows; y++)
        for (int64_t x = 0; x < columns; x++) {
            int64_t down = 0, down_all = 0, along = 0, along_all = 0;
            for (int64_t k = 0; k < rows; k++) {
                down_all += seg[k * columns + x];
                if (k <= y) down += seg[k * columns + x];
            }
            for (int64_t k = 0; k < columns; k++) {
                along_all += seg[y * columns + k];
                if (k <= x) along += seg[y * columns + k];
            }
            turn(down, down_all, half, out + (y * columns + x) * width);
            turn(along, along_all, half, out + (y * columns + x) * width + half);
        }
}
