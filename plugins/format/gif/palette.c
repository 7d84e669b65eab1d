/* SPDX-License-Identifier: Apache-2.0 */
/* The colours of a GIF picture. Few enough are kept as they are. Of more, those that are alike to
 * five bits of each channel are counted together, and the box that holds them all is halved until
 * there are as many boxes as colours: always the one whose longest side holds most (P. Heckbert,
 * Color image quantization for frame buffer display, 1982). A box stands for the mean of its
 * pixels. No dithering: in what moves its grain would flicker. */
#include "inside.h"

#include <stdlib.h>
#include <string.h>

enum { BITS = 5, SIDE = 1 << BITS, BINS = SIDE * SIDE * SIDE };

static uint32_t bin_of(const uint8_t *rgb)
{
    return (uint32_t)(rgb[0] >> 3) << 10 | (uint32_t)(rgb[1] >> 3) << 5 | (uint32_t)(rgb[2] >> 3);
}

/* All colours where they are at most `most`; false: there are more. */
static bool exact(const uint8_t *rgba, size_t n, int most, palette *out)
{
    enum { SLOTS = 1024 };
    int16_t slot[SLOTS];
    memset(slot, 0xff, sizeof(slot));
    out->n = 0;
    for (size_t i = 0; i < n; i++, rgba += 4) {
        if (rgba[3] < 128) continue;
        uint32_t k = (rgba[0] * 33u + rgba[1] * 131u + rgba[2] * 517u) % SLOTS;
        while (slot[k] >= 0 && memcmp(out->colour[slot[k]], rgba, 3) != 0) k = (k + 1) % SLOTS;
        if (slot[k] >= 0) continue;
        if (out->n == most) return false;
        memcpy(out->colour[out->n], rgba, 3);
        slot[k] = (int16_t)out->n++;
    }
    return true;
}

typedef struct box {
    uint16_t *bins;
    size_t n;
    uint64_t pixels;
    int axis;       /* its longest side */
    uint64_t worth; /* pixels times that side: which is halved first */
} box;

static int along(uint16_t bin, int axis)
{
    return bin >> (10 - 5 * axis) & (SIDE - 1);
}

static void measure(box *b, const uint32_t *count)
{
    int longest = 0;
    b->pixels = 0;
    b->axis = 0;
    for (size_t i = 0; i < b->n; i++) b->pixels += count[b->bins[i]];
    for (int axis = 0; axis < 3; axis++) {
        int lo = SIDE, hi = 0;
        for (size_t i = 0; i < b->n; i++) {
            const int x = along(b->bins[i], axis);
            lo = x < lo ? x : lo;
            hi = x > hi ? x : hi;
        }
        if (hi - lo > longest) {
            longest = hi - lo;
            b->axis = axis;
        }
    }
    b->worth = b->n > 1 ? b->pixels * (uint64_t)longest : 0;
}

/* Bins in the order of one axis: a counting sort, through `spare`. */
static void sort(box *b, uint16_t *spare)
{
    size_t at[SIDE + 1] = { 0 };
    for (size_t i = 0; i < b->n; i++) at[along(b->bins[i], b->axis) + 1]++;
    for (int i = 0; i < SIDE; i++) at[i + 1] += at[i];
    for (size_t i = 0; i < b->n; i++) spare[at[along(b->bins[i], b->axis)]++] = b->bins[i];
    memcpy(b->bins, spare, b->n * sizeof(*spare));
}

/* Half of the pixels of a box, its bins sorted, into another; both keep one bin at least. */
static void halve(box *b, box *other, const uint32_t *count)
{
    uint64_t sum = 0;
    size_t k = 0;
    while (k < b->n - 1 && (k == 0 || 2 * (sum + count[b->bins[k]]) <= b->pixels))
        sum += count[b->bins[k++]];
    *other = (box){ b->bins + k, b->n - k, 0, 0, 0 };
    b->n = k;
    measure(b, count);
    measure(other, count);
}

/* The mean of the pixels of each box, and which box each bin lies in. */
static void settle(const box *boxes, int n, const uint32_t *count, const uint64_t (*sum)[3],
                   palette *out)
{
    out->n = n;
    for (int i = 0; i < n; i++) {
        uint64_t total[3] = { 0, 0, 0 }, pixels = 0;
        for (size_t k = 0; k < boxes[i].n; k++) {
            const uint16_t bin = boxes[i].bins[k];
            out->of_bin[bin] = (uint8_t)i;
            pixels += count[bin];
            for (int c = 0; c < 3; c++) total[c] += sum[bin][c];
        }
        for (int c = 0; c < 3; c++)
            out->colour[i][c] = (uint8_t)(pixels ? (total[c] + pixels / 2) / pixels : 0);
    }
}

omn_status palette_make(const uint8_t *rgba, size_t n, int most, palette *out, omn_error *err)
{
    box boxes[256];
    int made = 1;
    out->of_bin = NULL;
    if (exact(rgba, n, most, out)) return OMN_OK;
    uint32_t *count = calloc(BINS, sizeof(*count));
    uint64_t(*sum)[3] = calloc(BINS, sizeof(*sum));
    uint16_t *bins = malloc(2 * BINS * sizeof(*bins));
    out->of_bin = calloc(BINS, 1);
    omn_status st = OMN_OK;
    if (!count || !sum || !bins || !out->of_bin) {
        st = omn_fail(err, OMN_ERR_MEMORY, "GIF: no memory to choose colours");
        goto done;
    }
    for (size_t i = 0; i < n; i++, rgba += 4) {
        const uint32_t bin = bin_of(rgba);
        if (rgba[3] < 128) continue;
        count[bin]++;
        for (int c = 0; c < 3; c++) sum[bin][c] += rgba[c];
    }
    boxes[0] = (box){ bins, 0, 0, 0, 0 };
    for (uint32_t i = 0; i < BINS; i++)
        if (count[i]) bins[boxes[0].n++] = (uint16_t)i;
    measure(&boxes[0], count);
    while (made < most) {
        int best = 0;
        for (int i = 1; i < made; i++)
            if (boxes[i].worth > boxes[best].worth) best = i;
        if (boxes[best].worth == 0) break;
        sort(&boxes[best], bins + BINS);
        halve(&boxes[best], &boxes[made++], count);
    }
    settle(boxes, made, count, (const uint64_t(*)[3])sum, out);
done:
    free(count);
    free(sum);
    free(bins);
    return st;
}

int palette_find(const palette *p, const uint8_t *rgb)
{
    if (p->of_bin) return p->of_bin[bin_of(rgb)];
    for (int i = 0; i < p->n; i++)
        if (memcmp(p->colour[i], rgb, 3) == 0) return i;
    return 0;
}

void palette_fini(palette *p)
{
    free(p->of_bin);
    p->of_bin = NULL;
}
