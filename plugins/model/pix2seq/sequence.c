/* SPDX-License-Identifier: Apache-2.0 */
/* Boxes, points and outlines as ids and back, without a model. Coordinates are shares of the padded
 * picture in float32, as in the original program, y before x. */
#include "pix2seq.h"

#include <math.h>

int32_t p2s_bin(const p2s_ids *v, float x)
{
    const float bin = rintf(x * (float)(v->bins - 1));
    return !(bin > 0) ? 0 : bin >= (float)(v->bins - 1) ? v->bins - 1 : (int32_t)bin;
}

float p2s_coordinate(const p2s_ids *v, int32_t id)
{
    return (float)(id - v->coords) / (float)(v->bins - 1);
}

void p2s_points_write(const p2s_ids *v, const float *x, size_t n, int32_t *ids)
{
    for (size_t i = 0; i < n; i++)
        ids[i] = x[i] == P2S_NOTHING  ? P2S_END
                 : x[i] == P2S_NEXT   ? P2S_BETWEEN
                 : x[i] == P2S_HIDDEN ? P2S_UNSEEN
                                      : v->coords + p2s_bin(v, x[i]);
}

void p2s_points_read(const p2s_ids *v, const int32_t *ids, size_t n, float *x)
{
    for (size_t i = 0; i < n; i++)
        x[i] = ids[i] == P2S_END       ? P2S_NOTHING
               : ids[i] == P2S_BETWEEN ? P2S_NEXT
               : ids[i] == P2S_UNSEEN  ? P2S_HIDDEN
                                       : p2s_coordinate(v, ids[i]);
}

void p2s_points_scale(float *x, size_t n, const float scale[2])
{
    for (size_t i = 0; i < n; i++)
        if (x[i] != P2S_NOTHING && x[i] != P2S_NEXT && x[i] != P2S_HIDDEN) x[i] *= scale[i % 2];
}

void p2s_instance(const p2s_ids *v, int32_t task, const float box[4], int32_t class,
                  int32_t ids[P2S_MOST_PROMPT])
{
    for (int i = 0; i < P2S_MOST_PROMPT; i++) ids[i] = P2S_END;
    if (class <= 0) return;
    ids[0] = task;
    for (int i = 0; i < 4; i++) ids[1 + i] = v->coords + p2s_bin(v, box[i]);
    ids[5] = P2S_CLASS + class;
}

size_t p2s_outlines(const float *yx, size_t n, float *corners, int32_t *counts)
{
    size_t outlines = 0;
    int32_t count = 0;
    for (size_t i = 0; i + 1 < n; i += 2) {
        const float y = yx[i], x = yx[i + 1];
        if (y == P2S_NOTHING || x == P2S_NOTHING) break;
        if (y == P2S_NEXT || x == P2S_NEXT) {
            if (count) counts[outlines++] = count;
            count = 0;
            continue;
        }
        *corners++ = x;
        *corners++ = y;
        count++;
    }
    if (count) counts[outlines++] = count;
    return outlines;
}

p2s_object p2s_object_read(const p2s_ids *v, const int32_t *ids, const float *p)
{
    const int32_t classes = v->coords - P2S_CLASS;
    p2s_object o = { .class = 0 };
    for (int32_t i = 1; i < classes; i++)
        if (p[i] > p[o.class]) o.class = i;
    o.score = p[o.class];
    for (int i = 0; i < 4; i++) {
        const float x = p2s_coordinate(v, ids[i]);
        o.box[i] = x < 0 ? 0 : x > 1 ? 1 : x;
    }
    return o;
}

/* One axis: pixels from..to, both inside, a share of them more on both sides. */
static void grow_side(float from, float to, int32_t side, double grow, int32_t *at, int32_t *size)
{
    const int32_t a = (int32_t)floorf(from * (float)(side - 1));
    const int32_t b = (int32_t)ceilf(to * (float)(side - 1));
    const int32_t more = (int32_t)((double)(b - a + 1) * grow);
    const int32_t first = a - more < 0 ? 0 : a - more > side - 1 ? side - 1 : a - more;
    const int32_t last = b + more < first ? first : b + more > side - 1 ? side - 1 : b + more;
    *at = first;
    *size = last - first + 1;
}

void p2s_surround(const float box[4], int32_t height, int32_t width, double grow, int32_t out[4])
{
    grow_side(box[0], box[2], height, grow, &out[0], &out[2]);
    grow_side(box[1], box[3], width, grow, &out[1], &out[3]);
}

void p2s_points_into(float *x, size_t n, const int32_t around[4], int32_t height, int32_t width)
{
    for (; n > 1; n -= 2, x += 2) {
        bool inside = true;
        for (int k = 0; k < 2; k++) {
            const float side = (float)(k ? width : height);
            if (x[k] == P2S_HIDDEN || x[k] == P2S_NOTHING || x[k] == P2S_NEXT) break;
            x[k] = (x[k] * side - (float)around[k]) / (float)around[2 + k];
            inside = inside && x[k] > 0 && x[k] < 1;
        }
        if (!inside) x[0] = x[1] = P2S_HIDDEN;
    }
}

float p2s_points_score(const int32_t *ids, const float *p, size_t n)
{
    double sum = 0;
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        if (ids[i] != P2S_END) {
            sum += (double)p[i];
            count++;
        }
    return count ? (float)(sum / (double)count) : 0;
}

/* Down the heap: the smallest of those that are left goes behind it, so they come out falling. */
static void sift(const float *x, int32_t *order, size_t at, size_t n)
{
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && x[order[child + 1]] < x[order[child]]) child++;
        if (!(x[order[child]] < x[order[at]])) return;
        const int32_t swap = order[at];
        order[at] = order[child];
        order[child] = swap;
    }
}

void p2s_keep(const float *logits, size_t n, size_t k, double p, int32_t *order, bool *keep)
{
    double all = 0, mass = 0;
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) order[i] = (int32_t)i;
    for (size_t i = n / 2; i-- > 0;) sift(logits, order, i, n);
    for (size_t i = n; i-- > 1;) {
        const int32_t swap = order[0];
        order[0] = order[i];
        order[i] = swap;
        sift(logits, order, 0, i);
    }
    if (k == 0 || k > n) k = n;
    while (k < n && k > 0 && logits[order[k]] == logits[order[k - 1]]) k++;
    for (size_t i = 0; i < k; i++) all += exp((double)logits[order[i]] - (double)logits[order[0]]);
    for (; kept < k; kept++) {
        mass += exp((double)logits[order[kept]] - (double)logits[order[0]]);
        if (kept && p < 1 && mass > p * all) break;
    }
    while (kept < k && kept && logits[order[kept]] == logits[order[kept - 1]]) kept++;
    for (size_t i = 0; i < n; i++) keep[order[i]] = i < kept;
}
