/* SPDX-License-Identifier: Apache-2.0 */
/* What a JPEG file takes away from a picture, without one. */
#ifndef TABLETOP_LOSSY_H
#define TABLETOP_LOSSY_H

#include <stdbool.h>
#include <stdint.h>

/* What a JPEG file of this quality (1..100) would keep of rgb [height, width, 3], in place; halved:
 * colour at half resolution. spare: at least 3 * height * width floats. */
void world_lossy(uint8_t *rgb, int width, int height, int quality, bool halved, float *spare);

#endif
