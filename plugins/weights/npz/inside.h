/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this plugin share: the header of an array, and entries that are packed. */
#ifndef WEIGHTS_NPZ_INSIDE_H
#define WEIGHTS_NPZ_INSIDE_H

#include "zip.h"

#include <omnio/plugin.h>

/* The longest header of an array that is read, and of one that is packed. */
enum { NPY_HEADER = 65536, NPY_PACKED = 4096 };

typedef struct npy {
    omn_type type;
    omn_shape shape;
    bool columns;  /* the first axis is the fastest */
    size_t header; /* bytes in front of the elements */
} npy;

/* The header that n bytes begin with. Returns NULL, or what is wrong. [any] */
const char *npy_read(const uint8_t *p, size_t n, npy *out);

/* Packed entries, unpacked front to back. */
typedef struct unpacker unpacker;
omn_status unpacker_new(const uint8_t *file, unpacker **out, omn_error *err);
void unpacker_free(unpacker *u);
/* n bytes of what the entry was, from byte `at` on; from where the last call ended it costs
 * nothing to go on. */
omn_status unpack(unpacker *u, const zip_entry *e, uint64_t at, void *bytes, size_t n,
                  omn_error *err);

#endif
