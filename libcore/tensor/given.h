/* SPDX-License-Identifier: Apache-2.0 */
/* A list of tensors that a reader of some format found: where each lies, and how it is brought into
 * dense rows, a piece at a time. */
#ifndef LIBCORE_TENSOR_GIVEN_H
#define LIBCORE_TENSOR_GIVEN_H

#include "libcore/tensor/header.h"

/* Whoever makes bytes that lie nowhere. */
typedef struct given_reader {
    void *self;
    omn_status (*read)(void *self, uint64_t id, uint64_t at, void *bytes, size_t n, omn_error *err);
    void (*close)(void *self); /* NULL: nothing to close */
} given_reader;

typedef enum given_how { GIVEN_DENSE, GIVEN_VIEW, GIVEN_MADE } given_how;

typedef struct given_row {
    const char *name, *file;
    omn_tensor tensor; /* data: where it lies dense, else NULL */
    given_how how;
    const unsigned char *first; /* GIVEN_VIEW */
    int64_t stride[OMN_MAX_RANK];
    uint32_t map;
    size_t reader;
    uint64_t id;
} given_row;

struct omn_weights_list {
    omn_arena *strings;
    char *path;
    omn_map **maps;
    size_t n_maps, maps_room;
    given_row *rows;
    size_t n, room;
    header meta; /* its pairs alone are used */
    given_reader *readers;
    size_t n_readers;
};

omn_status given_new(const char *path, omn_weights_list **out, omn_error *err);
void given_free(omn_weights_list *l);
/* Rows that are added from now on belong to this reader, which is taken. */
omn_status given_reader_add(omn_weights_list *l, const given_reader *r, omn_error *err);
/* Sorts the rows by name. */
omn_status given_complete(omn_weights_list *l, omn_error *err);
/* Bytes of all rows; with only_made of those that do not lie dense. OMN_ERR_DATA when they are more
 * than files of this size can mean. */
omn_status given_sum(const omn_weights_list *l, bool only_made, uint64_t *bytes, omn_error *err);
/* n bytes of row i from byte `at` on. frugal: pages that a view is gathered from are given back on
 * the way, since each of its elements may lie in another. */
omn_status given_read(const omn_weights_list *l, size_t i, size_t at, void *out, size_t n,
                      bool frugal, omn_error *err);
/* The rows, as weights; l is taken. hollow: what does not lie dense has no data. */
omn_status weights_of_given(omn_weights_list *l, bool hollow, omn_weights **out, omn_error *err);
/* The files that an index of shards names, each once, sorted; in the arena. */
omn_status weights_shards(const char *path, omn_arena *a, char ***files, size_t *n, omn_error *err);

#endif
