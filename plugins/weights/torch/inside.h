/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this plugin share: one file that is being opened. */
#ifndef WEIGHTS_TORCH_INSIDE_H
#define WEIGHTS_TORCH_INSIDE_H

#include "pickle.h"

#include <omnio/plugin.h>

/* The struct that the host fills from that row. */
struct torch {
    const char *tree;
    bool check;
};

/* The longest pickle, and what it may make. */
#define TORCH_PICKLE ((size_t)64 << 20)
#define TORCH_MEMORY ((size_t)512 << 20)

typedef struct torch_file {
    omn_call *call;
    const char *path, *tree;
    omn_arena *a;
    omn_weights_list *out;
    uint32_t map; /* number of the mapping in out */
    /* Where the bytes of a storage lie; checked against what the file has. */
    omn_status (*place)(const struct torch_file *f, const pk_storage *s, uint64_t *from,
                        uint64_t *bytes, omn_error *err);
    const void *more; /* of place */
} torch_file;

omn_status archive_open(omn_call *c, const void *params, const char *path, omn_weights_list *out,
                        void **self, omn_error *err);
omn_status legacy_open(omn_call *c, const void *params, const char *path, omn_weights_list *out,
                       void **self, omn_error *err);

/* Chooses the state dict within what the pickle made and lists its tensors. */
omn_status tree_list(const torch_file *f, const pk *root, omn_error *err);
/* What is no tensor, as JSON; failed: too much. */
void data_put(const pk *root, omn_buf *out);
/* Bytes of a storage; false: beyond 64 bits. */
bool storage_bytes(const pk_storage *s, uint64_t *all);

#endif
