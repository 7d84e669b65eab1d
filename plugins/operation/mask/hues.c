/* SPDX-License-Identifier: Apache-2.0 */
/* How Unified-IO 1's own program finds things in a segmentation that the model drew (spec uio1,
 * section 9): what is bright and nearly grey is one, and of each colour what leans to it is one
 * more, each without its crumbs. It looks for crumbs line by line, as if all lines were one; that
 * is kept for those who want its masks to the pixel, else pieces are what touches. */
#include "hues.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DARK 30.0                         /* mean of what is no thing */
#define GREY 100.0                        /* sum of what colours differ from their mean */
#define LEAN 40.0                         /* what the greatest differs from it */

static uint8_t byte_at(const omn_pixels *px, size_t i, size_t channel)
{
    const size_t at = i * px->channels + (px->channels < 3 ? 0 : channel);
    if (px->type == OMN_U8) return ((const uint8_t *)px->data)[at];
    const float x = ((const float *)px->data)[at];
    return (uint8_t)((x > 0 ? x < 1 ? x : 1 : 0) * 255);
}

static void sort_pixel(const omn_pixels *px, size_t i, uint8_t *planes, size_t n)
{
    double c[3], mean = 0, off = 0;
    size_t top = 0;
    for (size_t k = 0; k < 3; k++) {
        c[k] = byte_at(px, i, k);
        mean += c[k] / 3;
        if (c[k] > c[top]) top = k;
    }
    for (size_t k = 0; k < 3; k++) off += fabs(c[k] - mean);
    planes[i] = mean > DARK && off < GREY;
    planes[(1 + top) * n + i] = fabs(c[top] - mean) > LEAN;
}

/* ---- crumbs ---------------------------------------------------------------------------------- */

static void clean_rows(uint8_t *plane, size_t n, size_t least)
{
    for (size_t i = 0, end; i < n; i = end + 1) {
        for (end = i; end < n && plane[end]; end++) continue;
        if (end - i <= least) memset(plane + i, 0, end - i);
    }
}

/* What touches pixel i gets the mark, and lies in `stack` afterwards; how many that are. */
static size_t gather(uint8_t *plane, size_t w, size_t h, size_t i, uint32_t *stack)
{
    size_t n = 0;
    plane[i] = 2;
    stack[n++] = (uint32_t)i;
    for (size_t k = 0; k < n; k++) {
        const size_t at = stack[k], x = at % w, y = at / w;
        const size_t next[4] = { x > 0 ? at - 1 : at, x + 1 < w ? at + 1 : at,
                                 y > 0 ? at - w : at, y + 1 < h ? at + w : at };
        for (int j = 0; j < 4; j++) {
            if (plane[next[j]] != 1) continue;
            plane[next[j]] = 2;
            stack[n++] = (uint32_t)next[j];
        }
    }
    return n;
}

static void clean(uint8_t *plane, size_t w, size_t h, size_t least, uint32_t *stack)
{
    for (size_t i = 0; i < w * h; i++) {
        if (plane[i] != 1) continue;
        const size_t n = gather(plane, w, h, i, stack);
        for (size_t k = 0; k < n && n <= least; k++) plane[stack[k]] = 0;
    }
    for (size_t i = 0; i < w * h; i++) plane[i] = plane[i] != 0;
}

omn_status hues_planes(const omn_pixels *px, size_t least, bool rows, uint8_t **out,
                       omn_error *err)
{
    const size_t n = (size_t)px->width * px->height;
    uint8_t *planes = n > SIZE_MAX / 8 ? NULL : calloc(HUES, n);
    uint32_t *stack = n > SIZE_MAX / 8 ? NULL : malloc(n * sizeof *stack);
    if (!planes || !stack) {
        free(planes);
        free(stack);
        return omn_fail(err, OMN_ERR_MEMORY, "no memory for the masks of a picture");
    }
    for (size_t i = 0; i < n; i++) sort_pixel(px, i, planes, n);
    for (size_t k = 0; k < HUES; k++) {
        if (rows) clean_rows(planes + k * n, n, least);
        else clean(planes + k * n, px->width, px->height, least, stack);
    }
    free(stack);
    *out = planes;
    return OMN_OK;
}
