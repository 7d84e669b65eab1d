/* SPDX-License-Identifier: Apache-2.0 */
/* One golden file of CLIP on its way through the comparison: outputs that the original program made
 * from small random weights. */
#ifndef CLIP_VERIFY_H
#define CLIP_VERIFY_H

#include "../golden/golden.h"
#include "model.h"

typedef struct verify {
    golden g;                           /* first: a run points at it; g.in: pictures and texts */
    char *config;                       /* as open_clip writes it, JSON */
    int64_t side;                       /* of the pictures of a case without weights; 0: usual */
} verify;

/* Its model over the case's weights, or without any where it names none; verify.c */
omn_status verify_open(verify *v, const golden_how *how, golden_run *r, omn_error *err);
/* One graph over the pictures and texts that are there, run. images, texts: NULL: none. labels:
 * with the loss of the pairs. */
omn_status verify_graph(golden_run *r, const omn_tensor *images, const omn_tensor *texts,
                        bool labels, omn_error *err);
omn_status verify_compare(golden_run *r, omn_error *err);

/* The cases; verify_case.c */
omn_status verify_preprocess(verify *v, omn_error *err);
omn_status verify_towers(verify *v, omn_error *err);
omn_status verify_replaced(verify *v, omn_error *err);
omn_status verify_pairs(verify *v, bool gradients, omn_error *err);
omn_status verify_classes(verify *v, omn_error *err);

#endif
