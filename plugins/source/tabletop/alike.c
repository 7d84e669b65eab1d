/* SPDX-License-Identifier: Apache-2.0 */
/* A comparison that forgives small shifts: a pixel is right if the other picture has its colour
 * somewhere near. Both ways, so that what is missing counts like what is too much. A thing that
 * stands too far away leaves a crescent that nothing explains. */
#include "alike.h"

#include <stdbool.h>
#include <stdlib.h>

enum { WIDEST = 32 }; /* pixels that are looked at on each side, at most */

/* The mean of 3 x 3 pixels; the border repeats. */
static void smooth(const uint8_t *rgb, int width, int height, uint8_t *out)
{
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            int sum[3] = {4, 4, 4};
            for (int v = -1; v <= 1; v++) {
                for (int u = -1; u <= 1; u++) {
                    const int yy = y + v < 0 ? 0 : y + v >= height ? height - 1 : y + v;
                    const int xx = x + u < 0 ? 0 : x + u >= width ? width - 1 : x + u;
                    const uint8_t *p = rgb + 3 * ((size_t)yy * (size_t)width + (size_t)xx);
                    for (int k = 0; k < 3; k++)
                        sum[k] += p[k];
                }
            }
            for (int k = 0; k < 3; k++)
                *out++ = (uint8_t)(sum[k] / 9);
        }
    }
}

static bool close(const uint8_t *p, const uint8_t *q, int most)
{
    for (int k = 0; k < 3; k++)
        if (p[k] - q[k] > most || q[k] - p[k] > most)
            return false;
    return true;
}

/* b has the colour of a's pixel (x, y) within `reach`. */
static bool found(const uint8_t *p, const uint8_t *b, int width, int height, int x, int y,
                  double reach, int most)
{
    const int r = (int)reach;
    for (int v = -r; v <= r; v++) {
        for (int u = -r; u <= r; u++) {
            const int xx = x + u, yy = y + v;
            if (xx < 0 || yy < 0 || xx >= width || yy >= height || u * u + v * v > reach * reach)
                continue;
            if (close(p, b + 3 * ((size_t)yy * (size_t)width + (size_t)xx), most))
                return true;
        }
    }
    return false;
}

static size_t missing(const uint8_t *a, const uint8_t *b, int width, int height, double reach,
                      int most)
{
    size_t n = 0;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            const size_t k = 3 * ((size_t)y * (size_t)width + (size_t)x);
            n += !close(a + k, b + k, most) &&
                 !found(a + k, b, width, height, x, y, reach, most);
        }
    return n;
}

double world_pictures_differ(const uint8_t *a, const uint8_t *b, int width, int height,
                             double reach, double most)
{
    const size_t bytes = 3 * (size_t)width * (size_t)height;
    const double unit = (width < height ? width : height) / 128.0;
    uint8_t *one = malloc(2 * bytes);
    if (!one)
        return -1;
    uint8_t *two = one + bytes;
    smooth(a, width, height, one);
    smooth(b, width, height, two);
    reach = reach * unit < WIDEST ? reach * unit : WIDEST;
    const int level = (int)(most * 255);
    const size_t n = missing(one, two, width, height, reach, level);
    const size_t m = missing(two, one, width, height, reach, level);
    free(one);
    return (double)(n > m ? n : m) / (unit * unit);
}
