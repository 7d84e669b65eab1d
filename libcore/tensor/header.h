/* SPDX-License-Identifier: Apache-2.0 */
/* The header of one safetensors file, checked before anything in it is believed. */
#ifndef OMNIO_TENSOR_HEADER_H
#define OMNIO_TENSOR_HEADER_H

#include <omnio/tensor.h>

/* Longest header, as the reference has it. */
#define HEADER_MOST ((size_t)100000000)

/* SUM_WRONG: the file has checksums that are not of its tensors. */
typedef enum header_sum { SUM_NONE, SUM_KNOWN, SUM_WRONG } header_sum;

typedef struct header_row {
    const char *name;
    omn_tensor tensor;
    size_t at;        /* of its bytes, from where the data begin */
    omn_shape matrix; /* [N, K] when the tensor is its tiles, else rank 0 */
    const char *file; /* where it lies, borrowed from the mapping */
    uint64_t sum;
    header_sum summed;
} header_row;

typedef struct header_meta {
    const char *key, *value;
} header_meta;

/* Grows by doubling; freed by whoever made it. */
typedef struct header {
    omn_arena *strings; /* holds names, keys and values; borrowed */
    header_row *rows;
    size_t n, room;
    header_meta *meta;
    size_t n_meta, meta_room;
    const char *in_rows; /* of the file that was read last: its header before it was converted */
} header;

/* Adds what the file in this mapping holds. Errors name the file and the tensor. [setup] */
omn_status header_read(header *h, const omn_map *map, omn_error *err);
/* The same of a header without its data, of which there would be data_size bytes; tensors have no
 * data then. Errors name the path. */
omn_status header_parse(header *h, const char *text, size_t size, size_t data_size,
                        const char *path, omn_error *err);
/* Adds one pair unless the key is there; path is for the message. */
omn_status header_add_meta(header *h, const char *key, const char *value, const char *path,
                           omn_error *err);
/* Is it the key of an entry that a file has for what omnio says itself? */
bool header_owns(const char *key);
/* The entry of __metadata__ that holds the checksums; it is not among the pairs of a header. */
#define CHECKSUM_KEY "omnio.xxh3"
uint64_t checksum_of(const omn_tensor *t);
/* The same of bytes that come piece by piece. NULL: no memory; end gives the memory back. */
typedef struct checksum checksum;
checksum *checksum_begin(void);
void checksum_add(checksum *c, const void *bytes, size_t n);
uint64_t checksum_end(checksum *c);
/* As it stands in the entry, appended. */
void checksum_put(uint64_t sum, omn_buf *out);
/* Gives the rows of one file what its entry (NULL: there is none) says. */
omn_status checksum_give(header_row *rows, size_t n, const char *sums, const char *path,
                         omn_error *err);

/* name for a message: control characters replaced, cut to fit. Returns buf. */
const char *header_show(const char *name, char buf[120]);

#endif
