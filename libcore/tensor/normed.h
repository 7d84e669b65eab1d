/* SPDX-License-Identifier: Apache-2.0 */
/* Weights that a file holds as directions and lengths, inside of weights files. */
#ifndef OMNIO_TENSOR_NORMED_H
#define OMNIO_TENSOR_NORMED_H

#include "libcore/tensor/header.h"

typedef struct normed {
    const header_row *direction, *length;
} normed;

/* Does the file hold the weight of this name so, and not as it is? */
bool normed_find(const omn_weights *w, const char *name, normed *out);
/* Has it this shape, with a length for each of its first size? Errors name weight and file. */
omn_status normed_check(const normed *n, const char *name, const omn_shape *want, const char *path,
                        omn_error *err);
/* The weight in f32; dst has its room, and it was checked. Row i of the first axis is length[i]
 * direction[i] / |direction[i]|; a row of zeros stays one. */
omn_status normed_to_f32(const normed *n, float *dst, omn_error *err);

#endif
