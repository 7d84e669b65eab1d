/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the objective "detection" share: the assignment, the op that finds it for a
 * batch, and boxes as nodes. Boxes are centre and size, shares of the picture. */
#ifndef DETECTION_H
#define DETECTION_H

#include <omnio/learn.h>

/* The cheapest assignment of `rows` to `columns`, rows <= columns, one column each: cost
 * [rows,columns], finite; column[i] of row i. scratch: detection_scratch(columns) doubles.
 * assign.c */
void detection_assign(const double *cost, size_t rows, size_t columns, double *scratch,
                      size_t *column);
size_t detection_scratch(size_t columns);

#define MATCH(PAR, S)                                                                              \
    PAR(S, double, cost_class, "1", "0..1e6", NULL, "of the probability of what is wanted")        \
    PAR(S, double, cost_box, "5", "0..1e6", NULL, "of the distance of centres and sizes")          \
    PAR(S, double, cost_giou, "2", "0..1e6", NULL, "of the generalized intersection over union")
struct match { MATCH(OMN_S_PAR, match) };
/* The op "detection.match"; match.c */
extern const omn_op_impl detection_match;

/* 1 / x for x > 0, and the less and the greater of two; boxes.c. [build] */
omn_node *detection_inverse(omn_scope *s, omn_node *x);
/* Generalized intersection over union (Rezatofighi et al. 2019) of boxes [B,Q,4] one by one,
 * [B,Q,1]. */
omn_node *detection_giou(omn_scope *s, omn_node *a, omn_node *b);

/* How far things and words that belong together are apart (the contrastive alignment of MDETR):
 * rows [B,Q,h] and words [B,L,h] of length 1, which words are real [B,L] f32, which belong to a row
 * [B,Q,L] of 0 and 1. The sum over the batch, [1]; align.c. [build] */
omn_node *detection_align(omn_scope *s, omn_node *rows, omn_node *words, omn_node *real,
                          omn_node *belongs, double temperature);

#endif
