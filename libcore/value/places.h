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

#endif
