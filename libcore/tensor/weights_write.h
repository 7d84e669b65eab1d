/* SPDX-License-Identifier: Apache-2.0 */
/* Writing weights that are not there yet: a model that is converted is larger than memory. */
#ifndef OMNIO_TENSOR_WEIGHTS_WRITE_H
#define OMNIO_TENSOR_WEIGHTS_WRITE_H

#include <omnio/tensor.h>

/* One tensor of a file. */
typedef struct writing {
    const char *name;
    omn_tensor tensor; /* as it is stored; data NULL: made when it is wanted */
    omn_shape matrix;  /* [N, K] when the tensor is its tiles, else rank 0 */
} writing;

/* Where the bytes of list[i] come from when it has no data: *bytes is borrowed until the next call.
 * Called once for each, in the order of the file. */
typedef omn_status writing_make(void *user, size_t i, const void **bytes, omn_error *err);

/* The same, n bytes from byte `at` on: called in order, with whole elements of at most 8 bytes. */
typedef omn_status writing_piece(void *user, size_t i, size_t at, size_t n, const void **bytes,
                                 omn_error *err);

/* What is in tiles comes first, each part by name, and begins at a multiple of 2048 bytes of the
 * file. in_rows: NULL, or what the header was before (tiles.h). */
omn_status weights_write(const char *path, omn_overwrite how, const writing *list, size_t n,
                         const char *const *meta, size_t n_meta, const char *in_rows,
                         writing_make *make, void *user, omn_error *err);
/* Tensors that are larger than memory. Nothing of the list has data or lies in tiles. */
omn_status weights_write_pieces(const char *path, omn_overwrite how, const writing *list, size_t n,
                                const char *const *meta, size_t n_meta, writing_piece *piece,
                                void *user, omn_error *err);

#endif
