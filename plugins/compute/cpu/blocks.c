/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of quantised weights as numbers, for whoever has no use for them as they are: rows of
 * embeddings, products that go the other way. */
#include "blocks.h"

void L(blocks_f32)(omn_type t, const void *blocks, size_t n, float *y)
{
    blocks_read(t, blocks, n, y);
}
