/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of __metadata__ that say of tensors of a safetensors file what their bytes stand for. */
#ifndef OMNIO_TENSOR_MARKS_H
#define OMNIO_TENSOR_MARKS_H

#include "libcore/tensor/header.h"
#include "libcore/tensor/scan.h"

/* Reads the value behind a name and tells it to that tensor. A value that is no JSON of the kind
 * leaves its mark on the scan, and the return is OMN_OK. */
typedef omn_status marks_one(scan *s, header_row *row, void *user, omn_error *err);

typedef struct marks {
    const char *key;   /* of __metadata__, for messages */
    const char *entry; /* {"NAME":value,...}; NULL: there is none */
    marks_one *one;
    void *user;
} marks;

/* Every name must be that of a row. Errors name path and tensor. */
omn_status marks_read(const marks *m, header_row *rows, size_t n, omn_arena *strings,
                      const char *path, omn_error *err);

#endif
