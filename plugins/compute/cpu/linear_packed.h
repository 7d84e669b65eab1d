/* SPDX-License-Identifier: Apache-2.0 */
/* linear_amx.h in two steps, for whoever multiplies the same rows of x by one piece of w after the
 * other (linear_blocks.c): x is packed once. Where the level has AMX. */
#ifndef OMN_CPU_LINEAR_PACKED_H
#define OMN_CPU_LINEAR_PACKED_H

#include "level.h"

/* All rows of x as tiles; `out` has room for M up to a multiple of 16 by K up to one of 32, in
 * bf16. Of l only x, its type, its distance, M and K count. */
#define linear_pack L(linear_pack)
void linear_pack(const cpu_linear *l, void *out, const cpu_par *par);
/* l, whose distances are given and whose w is bf16, not in tiles, with x from there. */
#define linear_packed L(linear_packed)
void linear_packed(const cpu_linear *l, const void *x, const cpu_par *par);

#endif
