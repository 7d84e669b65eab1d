/* SPDX-License-Identifier: Apache-2.0 */
/* What regions and points share: their number, their labels, optional fields of records. */
#ifndef LIBCORE_VALUE_PLACES_H
#define LIBCORE_VALUE_PLACES_H

#include "inside.h"

/* what: "region", for messages. */
omn_status places_count(const char *what, size_t n, omn_error *err);
omn_status places_label_check(const char *what, size_t i, const char *label, omn_error *err);
/* Of a value made from its columns. labels: NULL for none. */
omn_status places_check(const char *what, size_t n, const omn_tensor *labels, omn_error *err);
void places_label_json(const char *label, omn_buf *out);
/* An optional field: absent leaves x as it is; false for another kind or outside 0..most. */
bool places_number(const omn_value *v, size_t *known, double most, double *x);
bool places_label(const omn_value *v, size_t *known, const char **label);

/* What is the same of all kinds of places that are lists of structs. */
typedef struct places_form {
    const char *what;                                /* "region" */
    size_t bytes;                                    /* of one */
    bool (*record)(const omn_value *v, void *one);   /* from its own form in JSON */
    bool (*any)(const omn_value *v, void *one);      /* and from what else stands for one */
    omn_status (*make)(const void *list, size_t n, omn_value **out, omn_error *err);
} places_form;

/* *out stays NULL where an item has not the form of a record. */
omn_status places_of_records(const places_form *f, omn_value *const *items, size_t n,
                             omn_value **out, omn_error *err);
/* *out stays NULL where an item is no place: *bad is its number. */
omn_status places_of_list(const places_form *f, const omn_value *list, size_t *bad,
                          omn_value **out, omn_error *err);

#endif
