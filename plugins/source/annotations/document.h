/* SPDX-License-Identifier: Apache-2.0 */
/* A large JSON document by the items of its lists: each is read alone, when it is wanted. */
#ifndef ANNOTATIONS_DOCUMENT_H
#define ANNOTATIONS_DOCUMENT_H

#include <omnio/kinds.h>

#include <jansson.h>

#define MOST_LISTS 16u
#define MOST_ITEMS ((size_t)1 << 26)

typedef struct items {
    char name[32];                        /* of the list; "" when the document is one */
    uint64_t *at;                         /* where each begins, and the end behind the last */
    size_t n, room;
} items;

typedef struct document {
    omn_map *map;
    items lists[MOST_LISTS];
    size_t n;
} document;

/* Finds the lists of the outermost object (or the one list that the document is). */
omn_status document_open(document *d, const char *path, omn_error *err);
void document_close(document *d);
const items *document_list(const document *d, const char *name);       /* NULL: none of that name */
/* Item i, an object; owned by the caller (json_decref). A failure names file and line. [any] */
omn_status document_item(const document *d, const items *list, size_t i, json_t **out,
                         omn_error *err);
int32_t document_line(const document *d, const items *list, size_t i);
/* An integer of an object; false: it is not there, or none. */
bool item_int(const json_t *o, const char *key, int64_t *out);

#endif
