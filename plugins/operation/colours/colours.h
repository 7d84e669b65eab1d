/* SPDX-License-Identifier: Apache-2.0 */
/* Colours of numbers, for the operations that show them. */
#ifndef OMNIO_OPERATION_COLOURS_H
#define OMNIO_OPERATION_COLOURS_H

#include <stdint.h>

/* 0..1 from black to white, always brighter, once around the hues: right in grey as well
 * (cubehelix: Green 2011). [any] */
void colour_of_number(double x, uint8_t out[3]);

#endif
