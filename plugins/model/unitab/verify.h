/* SPDX-License-Identifier: Apache-2.0 */
/* One golden file of UniTAB on its way through the comparison: outputs that the original program
 * made from small random weights. */
#ifndef UNITAB_VERIFY_H
#define UNITAB_VERIFY_H

#include <omnio/learn.h>

extern const omn_verify_impl unitab_verify;

#ifdef GOLDEN_H
#include "unitab.h"

typedef struct verify {
    golden g;                             /* first: a run points at it */
    int64_t height, width;                /* of the canvas of a batch; 0: usual */
    int64_t side, longest;                /* of pictures as they are prepared; 0: usual */
    int64_t words;                        /* ids of texts; the marks of a box are behind them */
    int64_t most, width_of;               /* places of a text; numbers of a vector */
} verify;

/* Its model over the case's weights, or without any where it names none; verify.c */
omn_status verify_open(verify *v, const golden_how *how, golden_run *r, omn_error *err);
omn_status verify_compare(golden_run *r, omn_error *err);

/* The cases; verify_case.c, verify_places.c, verify_sequence.c */
omn_status verify_forward(verify *v, bool gradients, omn_error *err);
omn_status verify_generate(verify *v, omn_error *err);
omn_status verify_positions(verify *v, omn_error *err);
omn_status verify_preprocess(verify *v, omn_error *err);
omn_status verify_sequences(verify *v, omn_error *err);
#endif

#endif
