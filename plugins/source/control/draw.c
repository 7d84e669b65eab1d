/* SPDX-License-Identifier: Apache-2.0 */
/* Lines with round ends over a picture, their edges smooth: how much of a pixel is covered follows
 * from how far its middle is away. */
#include "control.h"

#include <math.h>

static double far_from(double x, double y, double x0, double y0, double x1, double y1)
{
    const double dx = x1 - x0, dy = y1 - y0, all = dx * dx + dy * dy;
    double at = all > 0 ? ((x - x0) * dx + (y - y0) * dy) / all : 0;
    at = at < 0 ? 0 : at > 1 ? 1 : at;
    return hypot(x - x0 - at * dx, y - y0 - at * dy);
}

void control_line(const control_picture *p, double x0, double y0, double x1, double y1,
                  double width, const uint8_t colour[3])
{
    const double px0 = p->cx + p->scale * x0, py0 = p->cy - p->scale * y0;
    const double px1 = p->cx + p->scale * x1, py1 = p->cy - p->scale * y1;
    const double half = fmax(p->scale * width / 2, 0.5);
    for (uint32_t y = 0; y < p->side; y++)
        for (uint32_t x = 0; x < p->side; x++) {
            const double far = far_from(x + 0.5, y + 0.5, px0, py0, px1, py1);
            const double part = fmin(fmax(half - far + 0.5, 0), 1);
            uint8_t *to = p->rgb + 3 * ((size_t)y * p->side + x);
            for (int k = 0; part > 0 && k < 3; k++)
                to[k] = (uint8_t)lround(to[k] + part * (colour[k] - to[k]));
        }
}
