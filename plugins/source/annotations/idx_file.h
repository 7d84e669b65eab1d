/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays of bytes as MNIST and its successors have them: "IDX" files, plain or by gzip. */
#ifndef ANNOTATIONS_IDX_FILE_H
#define ANNOTATIONS_IDX_FILE_H

#include <omnio/base.h>

#define IDX_MOST_BYTES (1u << 30)

/* dim[0] items of dim[1] * dim[2] bytes each, row by row; dimensions that it lacks are 1. */
typedef struct idx_array {
    uint32_t n_dims, dim[3];
    uint8_t *bytes;
} idx_array;

/* FOLDER/PREFIX-SUFFIX or the same with ".gz", the whole of it; n_dims: of how many dimensions it
 * has to be. A failure names the file. */
omn_status idx_read(idx_array *a, const char *folder, const char *prefix, const char *suffix,
                    uint32_t n_dims, omn_error *err);
void idx_free(idx_array *a);

#endif
