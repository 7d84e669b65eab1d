/* SPDX-License-Identifier: Apache-2.0 */
/* One safetensors file becomes another that holds the same weights in another layout or form. */
#ifndef OMNIO_TENSOR_RELAY_H
#define OMNIO_TENSOR_RELAY_H

#include <omnio/tensor.h>

typedef struct relay_how {
    bool tiles; /* lay the wanted matrices in tiles; else bring all tiles into rows */
    bool round; /* wanted matrices of other float types are rounded to bf16 for that */
    bool (*wanted)(void *user, const char *name);
    /* NULL, or the form that this matrix [N, K] gets; NONE: none. Then tiles stay what they are. */
    omn_type (*form)(void *user, const char *name, const omn_shape *matrix);
    /* With form: how much an error in each of K columns weighs, NULL: all the same. */
    const float *(*importance)(void *user, const char *name, const omn_shape *matrix);
    void *user;
    omn_overwrite overwrite;
    omn_call *call;       /* is asked whether to stop, and told of progress; NULL: neither */
    uint64_t done, total; /* bytes of all files, for progress; done grows */
} relay_how;

/* Added up over files. */
typedef struct relay_sums {
    uint64_t tiles, rounded; /* matrices that lie in tiles now; of those, rounded ones */
    uint64_t rows;           /* matrices that were brought into rows */
    uint64_t other_type;     /* wanted matrices that stay since their type is not bf16 */
    uint64_t left;           /* all other tensors */
    uint64_t formed;         /* matrices that have another form now */
    uint64_t bytes;          /* of all tensors as they lie now */
} relay_sums;

/* Every byte is read, and compared with the checksums that the file has. [any] */
omn_status relay_file(const char *from, const char *to, relay_how *how, relay_sums *sums,
                      omn_error *err);

#endif
