/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of objective/smoothed share. */
#ifndef SMOOTHED_H
#define SMOOTHED_H

#include <omnio/graph.h>

#define SMOOTHED_KEEP(PAR, S)                                                                 \
    PAR(S, double, share, "1", "0..1", NULL, "share of the places with weight that keep it")
struct smoothed_keep_set { SMOOTHED_KEEP(OMN_S_PAR, smoothed_keep_set) };

/* The op keep.cheapest; keep.c */
extern const omn_op_impl smoothed_keep;
extern const omn_param smoothed_keep_params[1];

#endif
