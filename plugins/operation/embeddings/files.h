/* SPDX-License-Identifier: Apache-2.0 */
/* The pictures of a folder: files.c */
#ifndef EMBEDDINGS_FILES_H
#define EMBEDDINGS_FILES_H

#include <omnio/plugin.h>

/* Names of the files of a folder that end as pictures do, FOLDER/NAME, sorted by bytes; those whose
 * names begin with a dot are left out. *list: an array of texts, each to be freed. */
omn_status folder_pictures(const char *folder, char ***list, size_t *n, omn_error *err);
void folder_free(char **list, size_t n);

#endif
