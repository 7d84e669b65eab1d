/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of a JSON Lines manifest, read and indexed, in two splits. */
#ifndef FOLDER_MANIFEST_H
#define FOLDER_MANIFEST_H

#include <omnio/kinds.h>

#define MOST_FILE ((size_t)1 << 32)
#define MOST_LINES ((size_t)1 << 24)
#define MOST_LINE ((size_t)1 << 22)       /* bytes of one line */

typedef struct manifest {
    char *text; /* the whole file */
    size_t size;
    char *path;
    uint64_t *at[2];                      /* byte offset of each line, by split */
    uint32_t *line[2];                    /* its number in the file, from 1 */
    size_t n[2];
} manifest;

/* held_out: share of the lines that are kept from training, chosen by number and seed. */
omn_status manifest_open(manifest *m, const char *path, double held_out, uint64_t seed,
                         omn_error *err);
void manifest_close(manifest *m);
/* Line i of a split: text and length, borrowed; its number in the file. */
const char *manifest_line(const manifest *m, omn_split split, size_t i, size_t *length,
                          uint32_t *number);
/* Values of fields that are lists with null in them become null, in a text of the same length;
 * holes.c */
void manifest_fill_holes(char *line, size_t n);

#endif
