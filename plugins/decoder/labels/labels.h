/* SPDX-License-Identifier: Apache-2.0 */
/* A list of names, found by number and by name. */
#ifndef LABELS_H
#define LABELS_H

#include <omnio/kinds.h>

typedef struct labels_list {
    char *text;                           /* all of them, terminated */
    const char **name;                    /* [n] by number */
    int32_t *order;                       /* [n] numbers by rising names */
    size_t n;
} labels;

/* The names of `n` classes from a file; from a text with commas. */
omn_status labels_read(labels *l, const char *path, size_t n, omn_error *err);
omn_status labels_split(labels *l, const char *text, size_t n, omn_error *err);
void labels_fini(labels *l);
/* The number of n bytes, the first of equal names; -1: none. */
int32_t labels_find(const labels *l, const char *name, size_t n);

#endif
