/* SPDX-License-Identifier: Apache-2.0 */
/* An edit is there when the thing looks as it should and not as it did; the rest is kept when
 * nothing outside it differs by more than a codec's round trip leaves. A thing has moved on when
 * what it looks like is found near its place and what it covered before has come to light: it is
 * looked for by the sum of absolute differences over its mask, as block matching in video codecs
 * does.
 */
#include "judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { REACH = 26, AROUND = 3, COARSE = 2 };
#define MUCH 0.16   /* a difference of colours that a codec does not make over many pixels */

/* The mean of 3 x 3 pixels; the border repeats. */
static void smooth(const uint8_t *rgb, int w, int h, uint8_t *out)
{
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            for (int k = 0; k < 3; k++) {
                int sum = 4;
                for (int e = 0; e < 9; e++) {
                    int xx = x + e % 3 - 1, yy = y + e / 3 - 1;
                    xx = xx < 0 ? 0 : xx >= w ? w - 1 : xx;
                    yy = yy < 0 ? 0 : yy >= h ? h - 1 : yy;
                    sum += rgb[3 * ((size_t)yy * (size_t)w + (size_t)xx) + (size_t)k];
                }
                *out++ = (uint8_t)(sum / 9);
            }
}

/* n smoothed pictures behind each other, owned by the caller; NULL: no memory. */
static uint8_t *smooth_all(const uint8_t *const *rgb, int n, int w, int h)
{
    const size_t bytes = 3 * (size_t)w * (size_t)h;
    uint8_t *out = malloc((size_t)n * bytes);
    for (int i = 0; out && i < n; i++) smooth(rgb[i], w, h, out + (size_t)i * bytes);
    return out;
}

static int apart(const uint8_t *p, const uint8_t *q)
{
    return abs(p[0] - q[0]) + abs(p[1] - q[1]) + abs(p[2] - q[2]);
}

/* Whether the thing is at most `reach` pixels away. */
static bool near_thing(const int32_t *where, int w, int h, int x, int y, int reach)
{
    for (int v = y - reach < 0 ? 0 : y - reach; v <= y + reach && v < h; v++)
        for (int u = x - reach < 0 ? 0 : x - reach; u <= x + reach && u < w; u++)
            if (where[(size_t)v * (size_t)w + (size_t)u] > 0) return true;
    return false;
}

static double unit_of(int w, int h) { return (w < h ? w : h) / 128.0; }

bool world_edited_look(const uint8_t *made, const uint8_t *want, const uint8_t *before,
                       const int32_t *where, int width, int height, world_edited *out)
{
    const uint8_t *const all[] = { made, want, before };
    const size_t n = (size_t)width * (size_t)height;
    const double unit = unit_of(width, height);
    const int around = (int)(AROUND * unit + 0.5);
    uint64_t off = 0, same = 0, rest = 0, spots = 0;
    size_t in = 0, others = 0;
    uint8_t *a = smooth_all(all, 3, width, height);
    if (!a) return false;
    const uint8_t *b = a + 3 * n, *c = b + 3 * n;
    for (size_t k = 0; k < n; k++) {
        if (where[k] > 0) {
            in++;
            off += (uint64_t)apart(a + 3 * k, b + 3 * k);
            same += (uint64_t)apart(c + 3 * k, b + 3 * k);
        } else if (!near_thing(where, width, height, (int)(k % (size_t)width),
                               (int)(k / (size_t)width), around)) {
            const int d = apart(a + 3 * k, c + 3 * k);
            others++;
            rest += (uint64_t)d;
            spots += d > MUCH * 765;
        }
    }
    free(a);
    out->off = in ? (double)off / (765.0 * (double)in) : 1;
    out->same = in ? (double)same / (765.0 * (double)in) : 0;
    out->rest = others ? (double)rest / (765.0 * (double)others) : 0;
    out->spots = (double)spots / (unit * unit);
    return true;
}

bool world_edited_asked(const world_edited *e)
{
    return e->off < 0.11 && e->off < 0.6 * e->same;
}

bool world_edited_kept(const world_edited *e)
{
    return e->rest < 0.035 && e->spots < 12;
}

/* ---- moved ---------------------------------------------------------------------------------- */

/* The pixels around the thing; x1 and y1 are outside. */
typedef struct span { int x0, y0, x1, y1; } span;

static span span_of(const int32_t *where, int w, int h)
{
    span s = { w, h, 0, 0 };
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            if (where[(size_t)y * (size_t)w + (size_t)x] <= 0) continue;
            s.x0 = x < s.x0 ? x : s.x0;
            s.x1 = x >= s.x1 ? x + 1 : s.x1;
            s.y0 = y < s.y0 ? y : s.y0;
            s.y1 = y + 1;
        }
    return s;
}

/* How much `made`, shifted back by (u, v), differs from what the thing looks like; what is beyond
 * the border differs wholly. */
static double differs(const uint8_t *made, const uint8_t *want, const int32_t *where,
                      const span *thing, int w, int h, int u, int v)
{
    uint64_t sum = 0;
    size_t n = 0;
    for (int y = thing->y0; y < thing->y1; y++)
        for (int x = thing->x0; x < thing->x1; x++) {
            const size_t k = (size_t)y * (size_t)w + (size_t)x;
            const int xx = x + u, yy = y + v;
            if (where[k] <= 0) continue;
            n++;
            sum += xx < 0 || yy < 0 || xx >= w || yy >= h
                       ? 765 : (uint64_t)apart(made + 3 * ((size_t)yy * (size_t)w + (size_t)xx),
                                               want + 3 * k);
        }
    return n ? (double)sum / (765.0 * (double)n) : 1;
}

bool world_moved_look(const uint8_t *made, const uint8_t *want, const uint8_t *before,
                      const int32_t *where, int width, int height, world_moved *out)
{
    const uint8_t *const all[] = { made, want, before };
    const size_t n = (size_t)width * (size_t)height;
    const double unit = unit_of(width, height);
    const int reach = (int)(REACH * unit + 0.5);
    const span thing = span_of(where, width, height);
    int best[2] = { 0 };
    size_t shown = 0, stays = 0;
    uint8_t *a = smooth_all(all, 3, width, height);
    if (!a) return false;
    const uint8_t *b = a + 3 * n, *c = b + 3 * n;
    double least = differs(a, b, where, &thing, width, height, 0, 0);
    for (int v = -reach; v <= reach; v += COARSE)
        for (int u = -reach; u <= reach; u += COARSE) {
            const double d = differs(a, b, where, &thing, width, height, u, v);
            if (d >= least) continue;
            least = d;
            best[0] = u;
            best[1] = v;
        }
    const int middle[2] = { best[0], best[1] };
    for (int e = 0; e < 9; e++) {
        const int u = middle[0] + e % 3 - 1, v = middle[1] + e / 3 - 1;
        const double d = differs(a, b, where, &thing, width, height, u, v);
        if (d >= least) continue;
        least = d;
        best[0] = u;
        best[1] = v;
    }
    for (size_t k = 0; k < n; k++) {
        if (where[k] > 0 || apart(b + 3 * k, c + 3 * k) <= MUCH * 765) continue;
        shown++;
        stays += apart(a + 3 * k, c + 3 * k) < apart(a + 3 * k, b + 3 * k);
    }
    free(a);
    out->away = hypot(best[0], best[1]) / unit;
    out->off = least;
    out->left = shown ? (double)stays / (double)shown : 0;
    return true;
}

bool world_moved_there(const world_moved *m, double within)
{
    return m->away <= within && m->off < 0.09 && m->left < 0.5;
}
