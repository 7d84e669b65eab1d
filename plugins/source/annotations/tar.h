/* SPDX-License-Identifier: Apache-2.0 */
/* Files inside a tar file. */
#ifndef ANNOTATIONS_TAR_H
#define ANNOTATIONS_TAR_H

#include <omnio/kinds.h>

/* One regular file; name is terminated, and lives as long as the function that is told. */
typedef struct tar_file {
    const char *name;
    uint64_t at, size;                    /* in the tar file */
} tar_file;
typedef omn_status tar_fn(void *user, const tar_file *f, omn_error *err);
/* All regular files in order; ustar, and the long names of GNU and pax. OMN_ERR_DATA for what is no
 * tar file, or ends too early, with the byte. */
omn_status tar_walk(const char *bytes, size_t size, const char *path, tar_fn *fn, void *user,
                    omn_error *err);

#endif
