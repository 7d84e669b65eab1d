/* SPDX-License-Identifier: Apache-2.0 */
/* Black bars: a film of one shape in a video of another. All pictures are looked at together, since
 * each alone may be dark: a pixel has content where any channel of any picture is 16 of 255 or
 * more. At most three tenths go from each side, so that a night scene is not cut to its lamp, and
 * where nothing has content what is left is the middle. This is how Unified-IO 2 prepares videos
 * (spec uio2-codecs, chapter 6). */
#include "inside.h"

#include <stdlib.h>

#define LEAST 16

/* The rows and columns that have content. */
typedef struct content {
    uint8_t *row, *column;
    uint32_t width, height;
} content;

static bool bright(const omn_pixels *px, size_t pixel)
{
    const uint32_t n = px->channels == 4 ? 3 : px->channels;
    for (size_t i = pixel * px->channels, k = 0; k < n; k++)
        if (px->type == OMN_U8 ? ((const uint8_t *)px->data)[i + k] >= LEAST
                               : ((const float *)px->data)[i + k] * 255.0f >= LEAST - 1e-3f)
            return true;
    return false;
}

static void look(content *c, const omn_pixels *px)
{
    for (uint32_t y = 0; y < c->height; y++)
        for (uint32_t x = 0; x < c->width; x++)
            if (!(c->row[y] && c->column[x]) && bright(px, (size_t)y * c->width + x))
                c->row[y] = c->column[x] = 1;
}

/* From *first to before *end of n. */
static void span(const uint8_t *has, uint32_t n, uint32_t *first, uint32_t *end)
{
    uint32_t a = 0, b = n;
    while (a < n && !has[a]) a++;
    while (b > a && !has[b - 1]) b--;
    if (a == n) {
        a = n / 2;
        b = a + 1;
    }
    const uint32_t most = (uint32_t)(0.3 * n), least = (uint32_t)(n * (1 - 0.3));
    *first = a < most ? a : most;
    *end = b > least ? b : least;
    if (*end <= *first) *end = *first + 1; /* a side of one pixel */
}

static omn_status check(omn_value *const *pictures, size_t n, omn_pixels *first, omn_error *err)
{
    for (size_t i = 0; i < n; i++) {
        const omn_pixels px = omn_image_pixels(omn_value_image(pictures[i]));
        if (i == 0) *first = px;
        if (px.width != first->width || px.height != first->height)
            return omn_fail(err, OMN_ERR_SHAPE,
                            "picture %zu is of %u x %u pixels, the first of %u "
                            "x %u; bars are cut off pictures of one size",
                            i, px.width, px.height, first->width, first->height);
    }
    return OMN_OK;
}

omn_status bars_cut(omn_value **pictures, size_t n, omn_error *err)
{
    omn_pixels px = { OMN_U8, 0, 0, 0, NULL };
    uint32_t x0, x1, y0, y1;
    omn_status st = check(pictures, n, &px, err);
    if (st != OMN_OK || n == 0) return st;
    uint8_t *has = calloc((size_t)px.width + px.height, 1);
    omn_value **cuts = calloc(n, sizeof(*cuts));
    if (!has || !cuts) {
        st = omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu pictures", n);
        goto done;
    }
    content c = { has, has + px.height, px.width, px.height };
    for (size_t i = 0; i < n; i++) {
        const omn_pixels one = omn_image_pixels(omn_value_image(pictures[i]));
        look(&c, &one);
    }
    span(c.row, c.height, &y0, &y1);
    span(c.column, c.width, &x0, &x1);
    for (size_t i = 0; i < n; i++) {
        omn_image *img = NULL;
        OMN_TRY(omn_image_crop(omn_value_image(pictures[i]), x0, y0, x1 - x0, y1 - y0, NULL, &img,
                               err));
        cuts[i] = omn_image_give(img);
    }
    for (size_t i = 0; i < n; i++) {
        omn_value *old = pictures[i];
        pictures[i] = cuts[i];
        cuts[i] = old;
    }
done:
    for (size_t i = 0; cuts && i < n; i++) omn_value_unref(cuts[i]);
    free(cuts);
    free(has);
    return st;
}
