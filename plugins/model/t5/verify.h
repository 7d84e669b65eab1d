/* SPDX-License-Identifier: Apache-2.0 */
/* One golden file of T5 or VL-T5 on its way through the comparison: outputs that the original
 * program made from small random weights. */
#ifndef T5_VERIFY_H
#define T5_VERIFY_H

#include "../golden/golden.h"
#include "t5.h"

typedef struct verify {
    golden g;                             /* first: a run points at it */
    bool visual;                          /* VL-T5's */
} verify;

extern const omn_verify_impl t5_verify, vlt5_verify;

/* What one of its graphs is asked: names of inputs. */
typedef struct verify_ask {
    omn_phase phase;
    const char *feats, *boxes, *mask;     /* regions; NULL: none, all are there */
    int pictures;                         /* among which the regions are shared; 0: one */
    const char *labels;                   /* whole numbers [B,T] of a target; NULL: none */
    bool loss;                            /* with a loss, its weights fed before */
} verify_ask;

/* Its model over the case's weights; joint, answers: see t5.h, t5_open_loss; verify.c */
typedef struct verify_how {
    bool joint, training;
    const char *per;                      /* of the objective: "token", "answer" */
} verify_how;
omn_status verify_open(verify *v, const verify_how *how, golden_run *r, omn_error *err);
/* Its configuration as JSON, owned by the caller. */
omn_status verify_spell(const verify *v, const verify_how *how, char **out, omn_error *err);
/* A graph over what the file holds, run. */
omn_status verify_run(golden_run *r, const verify_ask *a, omn_error *err);
omn_status verify_compare(golden_run *r, omn_error *err);

/* The cases; verify_case.c, verify_plain.c, verify_search.c */
omn_status verify_forward(verify *v, omn_error *err);
omn_status verify_variants(verify *v, omn_error *err);
omn_status verify_loss(verify *v, omn_error *err);
omn_status verify_buckets(verify *v, omn_error *err);
omn_status verify_tokenizer(verify *v, omn_error *err);
omn_status verify_generate(verify *v, omn_error *err);

#endif
