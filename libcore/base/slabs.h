/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of numbers that all live as long as what owns them, side by side in large pages. Not
 * installed. */
#ifndef OMNIO_BASE_SLABS_H
#define OMNIO_BASE_SLABS_H

#include <stddef.h>

/* Zeroed to begin with. One thread at a time. */
typedef struct slabs {
    void **blocks;
    size_t n, room;
    char *at;                             /* what is left of the last block */
    size_t left, next;
} slabs;

/* Bytes at a multiple of 64, not cleared; NULL: no memory. They go with slabs_free. */
void *slabs_take(slabs *s, size_t bytes);
void slabs_free(slabs *s);

#endif
