/* SPDX-License-Identifier: Apache-2.0 */
/* Whether two pictures show the same, compared without a network. */
#ifndef TABLETOP_ALIKE_H
#define TABLETOP_ALIKE_H

#include <stddef.h>
#include <stdint.h>

/* The pixels of either picture that the other does not show near there: none within `reach` pixels
 * (of a picture 128 wide) differs by less than `most` of 255 in each colour, after a little
 * smoothing. Counted in pixels of a picture 128 wide. a, b: rgb [height, width, 3], at least 3 x 3;
 * below 0: no memory. [any] */
double world_pictures_differ(const uint8_t *a, const uint8_t *b, int width, int height,
                             double reach, double most);

#endif
