/* SPDX-License-Identifier: Apache-2.0 */
/* Quantised weights, inside of the floor tensor: what tensor.h says at omn_blocks_of_rows. */
#ifndef OMNIO_TENSOR_BLOCKS_H
#define OMNIO_TENSOR_BLOCKS_H

#include "libcore/tensor/header.h"

/* The entry of __metadata__ that names the tensors which are blocks, with their forms,
 * {"NAME":"q8_0",...}; it is not among the pairs of a header. */
#define BLOCKS_KEY "omnio.blocks"

/* Tells the rows of one file which of them the entry (NULL: there is none) calls blocks: they get
 * that type and the shape of their elements. */
omn_status blocks_give(header_row *rows, size_t n, const char *entry, omn_arena *strings,
                       const char *path, omn_error *err);
/* n elements, which are whole blocks, to f32; false when they are not. */
bool blocks_to_f32(omn_type t, const void *src, size_t n, float *dst);
/* A tensor's shape as a file of safetensors has it: blocks are bytes there. */
omn_shape blocks_file_shape(const omn_tensor *t);

/* The scale s and whole numbers q of [low, high], of n at most 32 elements, with the smallest sum
 * of w (x - s q)^2 among those tried; low is below 0. w may be NULL: all 1. */
float fit_scale(const float *x, const float *w, int n, int low, int high, int8_t *q);
/* The same of s q - m with q of [0, most] and an offset m of 0 and more. */
float fit_offset(const float *x, const float *w, int n, int most, float *m);

#endif
