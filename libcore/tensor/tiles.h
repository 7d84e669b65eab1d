/* SPDX-License-Identifier: Apache-2.0 */
/* Matrices that lie in tiles, inside of weights files. */
#ifndef OMNIO_TENSOR_TILES_H
#define OMNIO_TENSOR_TILES_H

#include "libcore/tensor/header.h"

/* The entry of __metadata__ that names the tensors which are tiles, with the shapes of their
 * matrices, {"NAME":[N,K],...}; it is not among the pairs of a header. */
#define TILES_KEY "omnio.tiles"
/* Beside it, of a file that was converted: the header that it had in rows, as it stood, so that the
 * way back ends where it began. */
#define ROWS_KEY "omnio.rows"

/* Tells the rows of one file which of them the entry (NULL: there is none) calls tiles. `begin`:
 * where in the file the data begin. */
omn_status tiles_give(header_row *rows, size_t n, const char *entry, omn_arena *strings,
                      size_t begin, const char *path, omn_error *err);
/* Is everything beyond N and K zero? */
bool tiles_clean(const void *tiles, const omn_shape *matrix);
/* The matrix that a row of a file holds; that of a row without tiles is its shape. */
const omn_shape *row_matrix(const header_row *row);
/* The row of this name; NULL: none. */
const header_row *weights_row(const omn_weights *w, const char *name);
const header_row *weights_row_at(const omn_weights *w, size_t i);
/* Are the bytes of this tensor those that were written? As omn_weights_check asks of all. */
omn_status weights_check_row(const header_row *row, omn_error *err);
/* Of weights from one file: the header that it had in rows, NULL when it was not converted. */
const char *weights_in_rows(const omn_weights *w);
/* All elements in the order of the matrix's rows, in f32; dst has their room. The status is that of
 * omn_to_f32 (OMN_ERR_TYPE: no conversion), or memory. */
omn_status row_to_f32(const header_row *row, float *dst, omn_error *err);

#endif
