/* SPDX-License-Identifier: Apache-2.0 */
/* What the objectives about pairs share. */
#ifndef CONTRASTIVE_H
#define CONTRASTIVE_H

#include <omnio/learn.h>

/* InfoNCE of two outputs [B,D] whose scores are multiplied by exp(min(output `scale_of`, ln 100));
 * main.c [build] */
omn_node *contrastive_loss(omn_scope *s, const omn_bundle *outputs, const char *first,
                           const char *second, const char *scale_of);

/* The objective `pairs`; pairs.c */
#define PAIRS(PAR, S)                                                                              \
    PAR(S, double, contrastive, "1", "0..1e6", NULL, "weight of finding the other half")           \
    PAR(S, double, match, "1", "0..1e6", NULL,                                                     \
        "weight of telling whether a picture and a text belong together, for models that do")      \
    PAR(S, double, caption, "1", "0..1e6", NULL,                                                   \
        "weight of the next word of the caption, for models that write it")
struct pairs { PAIRS(OMN_S_PAR, pairs) };
extern const omn_objective_impl pairs_impl;

#endif
