/* SPDX-License-Identifier: Apache-2.0 */
/* Turning a picture as EXIF asks. The eight orientations are the symmetries of a rectangle: rows
 * and columns may change places, and either may run backwards. */
#include "orientation.h"

#include <string.h>

omn_status image_upright(omn_image **img, int orientation, omn_error *err)
{
    if (orientation == 1) return OMN_OK;
    omn_image *turned = NULL;
    omn_pixels a = omn_image_pixels(*img), b;
    bool swap = orientation >= 5;
    uint32_t w = swap ? a.height : a.width, h = swap ? a.width : a.height;
    omn_status st = omn_image_new(a.type, w, h, a.channels, NULL, &turned, &b, err);
    if (st != OMN_OK) return st;
    /* Pixel (x, y) of the result is pixel (u, v) of what was stored. */
    bool flip_u = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    bool flip_v = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    size_t pixel = a.channels * (a.type == OMN_F32 ? sizeof(float) : 1);
    uint8_t *to = b.data;
    for (size_t y = 0; y < h; y++)
        for (size_t x = 0; x < w; x++, to += pixel) {
            size_t u = swap ? y : x, v = swap ? x : y;
            if (flip_u) u = a.width - 1 - u;
            if (flip_v) v = a.height - 1 - v;
            memcpy(to, (const uint8_t *)a.data + (v * a.width + u) * pixel, pixel);
        }
    omn_image_free(*img);
    *img = turned;
    return OMN_OK;
}
