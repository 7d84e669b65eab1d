/* SPDX-License-Identifier: Apache-2.0 */
/* Hits in a sound, counted without a network. */
#ifndef TABLETOP_LISTEN_H
#define TABLETOP_LISTEN_H

#include <stddef.h>

/* Where something begins: sudden rises of the energy of what is high in the sound, of which two lie
 * at least 0.12 s apart. x: n samples of one channel, rate in Hz, 1000 and more. at[0..most-1]: the
 * samples, as far as there is room. Returns how many there are. [any] */
size_t world_hits_count(const float *x, size_t n, double rate, size_t *at, size_t most);

#endif
