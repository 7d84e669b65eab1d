/* SPDX-License-Identifier: Apache-2.0 */
/* Weights that came without a configuration: the host puts the shape of each tensor below "tensors"
 * of an empty one, and a family that finds its own names there may take its sizes from them. */
#ifndef MODEL_SHAPES_H
#define MODEL_SHAPES_H

#include <omnio/kinds.h>

/* Is there such a tensor? */
bool shapes_has(omn_config *f, const char *name);
/* How long an axis of it is; 0: there is no such tensor, or it has not so many axes. One beyond
 * 2^24 is the failure of f. */
int64_t shapes_dim(omn_config *f, const char *name, int axis);
/* How many there are of the names BEFORE0BEHIND, BEFORE1BEHIND, and so on without a gap, at most
 * 512. */
int shapes_count(omn_config *f, const char *before, const char *behind);
/* The side of the square that n cells make; 0: they make none. */
int64_t shapes_side(int64_t n);

#endif
