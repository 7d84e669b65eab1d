/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of objective/smoothed share. */
#ifndef SMOOTHED_H
#define SMOOTHED_H

#include <omnio/graph.h>

#define SMOOTHED_KEEP(PAR, S)                                                                 \
    PAR(S, double, share, "1", "0..1", NULL, "share of the places with weight that keep it")
struct smoothed_keep_set { SMOOTHED_KEEP(OMN_S_PAR, smoothed_keep_set) };

/* The ids among which a label is, rising ranges of them; none: all. */
enum { SMOOTHED_RANGES = 16 };
typedef struct smoothed_ids {
    size_t n;
    int64_t count;                        /* of all ranges */
    int64_t from[SMOOTHED_RANGES], each[SMOOTHED_RANGES];
} smoothed_ids;
/* "0..3,50265..58456"; allowed.c */
omn_status smoothed_read_ids(const char *text, smoothed_ids *out, omn_error *err);
/* Logits [..,V] of these ids alone, and labels as their numbers among them. [build] */
omn_node *smoothed_among(omn_scope *s, const smoothed_ids *ids, omn_node *logits,
                         omn_node **labels);

/* The op keep.cheapest; keep.c */
extern const omn_op_impl smoothed_keep;
extern const omn_param smoothed_keep_params[1];

#endif
