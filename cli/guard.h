/* SPDX-License-Identifier: Apache-2.0 */
/* A set of files, each with a word for what it is: those that a run must not write to, those that
 * it has written. */
#ifndef OMNIO_CLI_GUARD_H
#define OMNIO_CLI_GUARD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

typedef struct guard guard;
guard *guard_new(void); /* NULL: no memory */
void guard_free(guard *g);
/* what is not copied; the first one stays. false: no memory. */
bool guard_put(guard *g, uint64_t a, uint64_t b, const char *what);
/* NULL: not in it. */
const char *guard_find(const guard *g, uint64_t a, uint64_t b);

/* A file that is there, by whatever name; one that is not is no failure. */
bool guard_put_file(guard *g, const char *path, const char *what);
/* Every file of a folder. */
bool guard_put_folder(guard *g, const char *path, const char *what);
const char *guard_find_file(const guard *g, const struct stat *file);
/* A name that need not be there yet, the same in every spelling of its folder. */
bool guard_put_name(guard *g, const char *path, const char *what);
const char *guard_find_name(const guard *g, const char *path);

#endif
