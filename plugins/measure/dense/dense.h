/* SPDX-License-Identifier: Apache-2.0 */
/* What the measures of this plugin share, and those that have files of their own. */
#ifndef MEASURE_DENSE_H
#define MEASURE_DENSE_H

#include <omnio/learn.h>

#define SHARE(PAR, S)                                                                              \
    PAR(S, string, where, "mask", NULL, NULL, "the mask beside whose labels above 0 are things")   \
    PAR(S, double, error, "0.1", "0..1e6", NULL, "a depth is right when its mean error is below")
struct share { SHARE(OMN_S_PAR, share) };
extern const omn_measure_impl share_impl;

omn_status dense_no_memory(omn_error *err);
/* The parameters as they are, for as long as the measure lives; freed by free. */
omn_status dense_keep(const void *params, size_t n, void **self, omn_error *err);

/* The labels [h, w] of a mask that goes beside an answer, borrowed; OMN_ERR_CONFIG when it is not
 * there, OMN_ERR_DATA when it is not as large as the first two dimensions of `of`. */
omn_status dense_where(const omn_value *inputs, const char *name, const omn_tensor *of,
                       const int32_t **labels, omn_error *err);

#endif
