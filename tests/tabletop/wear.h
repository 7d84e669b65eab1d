/* SPDX-License-Identifier: Apache-2.0 */
/* What a codec leaves of a picture of the tabletop, without one: softer, and lossy. */
#ifndef TESTS_TABLETOP_WEAR_H
#define TESTS_TABLETOP_WEAR_H

#include "plugins/source/tabletop/lossy.h"

#include <stdlib.h>
#include <string.h>

enum { WEAR_SIDE = 128, WEAR_BYTES = WEAR_SIDE * WEAR_SIDE * 3 };

/* rgb [128, 128, 3], in place; quality 1..100 as JPEG's. One thread at a time. */
static inline void wear(uint8_t *rgb, int quality)
{
    static uint8_t from[WEAR_BYTES];
    static float spare[WEAR_BYTES];
    memcpy(from, rgb, WEAR_BYTES);
    for (int y = 1; y < WEAR_SIDE - 1; y++)
        for (int x = 1; x < WEAR_SIDE - 1; x++)
            for (int k = 0; k < 3; k++) {
                int sum = 8;
                for (int v = -1; v <= 1; v++)
                    for (int u = -1; u <= 1; u++)
                        sum += (2 - abs(u)) * (2 - abs(v)) *
                               from[3 * ((y + v) * WEAR_SIDE + x + u) + k];
                rgb[3 * (y * WEAR_SIDE + x) + k] = (uint8_t)(sum / 16);
            }
    world_lossy(rgb, WEAR_SIDE, WEAR_SIDE, quality, false, spare);
}

#endif
