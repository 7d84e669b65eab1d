/* SPDX-License-Identifier: Apache-2.0 */
/* Names of things and their numbers in COCO's files. */
#ifndef OMNIO_OPERATION_COCO_CATEGORIES_H
#define OMNIO_OPERATION_COCO_CATEGORIES_H

#include <omnio/plugin.h>

enum { CATEGORIES_MOST = 4096 };
typedef struct categories {
    char *text;               /* owned: the names, each with its end */
    const char *names[CATEGORIES_MOST];
    int32_t ids[CATEGORIES_MOST];
    size_t n;
    bool open;                /* new names get the next number */
} categories;

/* "": numbers as names come; "coco": the 80 of COCO; "cat, dog": 1, 2. OMN_ERR_MEMORY. [any] */
omn_status categories_open(categories *k, const char *list, omn_error *err);
void categories_close(categories *k);
/* The number of a name, borrowed for good where it is new; 0: it has none. [any] */
int32_t categories_id(categories *k, const char *name);
const char *categories_name(const categories *k, int32_t id);   /* NULL: none has it */

#endif
