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

/* The labels [h, w] of a mask that goes beside an answer; OMN_ERR_CONFIG when it is not there, or
 * is not of the shape of the first two dimensions of `of`. Borrowed. */
omn_status dense_where(const omn_value *inputs, const char *name, const omn_tensor *of,
                       const int32_t **labels, omn_error *err);

#endif
