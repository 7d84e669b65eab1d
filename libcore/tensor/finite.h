/* SPDX-License-Identifier: Apache-2.0 */
/* Are all of these numbers? Not installed. */
#ifndef OMNIO_TENSOR_FINITE_H
#define OMNIO_TENSOR_FINITE_H

#include <stddef.h>

/* Where the first of n floats stands that is infinite or not a number; n: there is none. */
size_t finite_until(const float *x, size_t n);

#endif
