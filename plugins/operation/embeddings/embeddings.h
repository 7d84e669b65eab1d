/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of numbers of which the direction counts: brought to length 1, compared by their product,
 * ranked, and kept by name. */
#ifndef EMBEDDINGS_H
#define EMBEDDINGS_H

#include <omnio/plugin.h>

#define INDEX_KIND "index"

/* The kind of value `index`: vectors of length 1 by name; index.c */
extern const omn_value_impl index_kind;

/* The one row of an embedding at length 1, added to sum [*width]; *width 0: any, and it is set.
 * `what` is its name in messages. rows.c */
omn_status row_add(const omn_value *v, const char *what, double *sum, size_t *width,
                   omn_error *err);
/* The width of the one row of an embedding; 0: v is none, or has several. */
size_t row_width(const omn_value *v);
/* x at length 1; false: it has no direction. */
bool row_unit(double *x, size_t n);
/* Names and what each is worth, the best first and equal ones as they were, at most `most` of
 * them. */
omn_status ranked(omn_call *c, const char *const *names, const double *score, size_t n, size_t most,
                  omn_value **out, omn_error *err);

#endif
