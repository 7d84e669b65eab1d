/* SPDX-License-Identifier: Apache-2.0 */
/* Cubehelix: along the grey diagonal of the colour cube, on a helix around it whose width is that
 * of perceived brightness. It begins between red and blue and goes 1.5 times around. */
#include "colours.h"

#include <math.h>

void colour_of_number(double x, uint8_t out[3])
{
    const double turn = 6.283185307179586 * (0.5 / 3 + 1 - 1.5 * x), a = x * (1 - x) / 2;
    const double c = cos(turn), s = sin(turn);
    const double rgb[3] = { x + a * (-0.14861 * c + 1.78277 * s),
                            x + a * (-0.29227 * c - 0.90649 * s), x + a * 1.97294 * c };
    for (int i = 0; i < 3; i++) {
        const double v = rgb[i] < 0 ? 0 : rgb[i] > 1 ? 1 : rgb[i];
        out[i] = (uint8_t)(v * 255 + 0.5);
    }
}
