/* SPDX-License-Identifier: Apache-2.0 */
/* Files of weights made by hand, byte for byte, so that tests can make those that no program
 * writes. */
#ifndef OMNIO_TESTS_WEIGHTS_MADE_H
#define OMNIO_TESTS_WEIGHTS_MADE_H

#include <omnio/plugin.h>

/* Bytes that grow; freed with made_free. */
typedef struct made {
    unsigned char *p;
    size_t n, room;
} made;
void made_put(made *m, const void *bytes, size_t n);
void made_number(made *m, uint64_t x, int bytes);
void made_free(made *m);

/* ---- pickles -------------------------------------------------------------------------------- */

void pickle_begin(made *m);                                     /* PROTO 2 */
void pickle_text(made *m, const char *text);
void pickle_int(made *m, int64_t x);
void pickle_class(made *m, const char *module, const char *name);
/* A tensor of n axes over the storage `key` of `count` elements; type: "FloatStorage". */
void pickle_tensor(made *m, const char *type, const char *key, int64_t count, int64_t first,
                   size_t n, const int64_t *shape, const int64_t *strides);
void pickle_op(made *m, const char *ops);                       /* as they are */

/* ---- zip archives --------------------------------------------------------------------------- */

typedef struct archive {
    made file, directory;
    size_t n;
} archive;
/* An entry; method 0 stored, else `bytes` are packed and had `size` before. */
void archive_add(archive *z, const char *name, unsigned method, const void *bytes, size_t n,
                 size_t size, uint32_t crc);
/* Directory and end behind the entries; wide: with the 64-bit end. Only the file is left. */
void archive_end(archive *z, bool wide);

/* ---- opening -------------------------------------------------------------------------------- */

omn_context *made_context(void);
/* Opens; ends the test with its text when that fails. */
omn_weights *made_open(omn_context *ctx, const char *path);
/* Has to be refused with this status and this in its text. */
void made_refused(omn_context *ctx, const char *path, omn_status want, const char *text);
/* Opens what may be anything: refused with one clean line, or every byte is read. */
omn_status made_try(omn_context *ctx, const char *path);
/* Compares tensor by tensor with a safetensors file: each of that is there with equal values, those
 * of f16 rounded alike. prefix: in front of names of the safetensors file. skip: names that end so
 * may differ in shape [] and [1]. Returns how many were compared. */
size_t made_compare(omn_context *ctx, const char *path, const char *golden, const char *prefix);

#endif
