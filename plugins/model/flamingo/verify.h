/* SPDX-License-Identifier: Apache-2.0 */
/* One golden file of Flamingo, or of a language model alone, on its way through the comparison. */
#ifndef FLAMINGO_VERIFY_H
#define FLAMINGO_VERIFY_H

#include "../golden/golden.h"
#include "flamingo.h"

#define FLAMINGO_GOLDEN "flamingo-golden-1"
#define LANGUAGE_GOLDEN "language-golden-1"

typedef struct verify {
    golden g;
    flamingo ids;                         /* the ids that have a meaning, for flamingo_learnt */
    int64_t vocab;
    bool alone;                           /* a language model that sees no pictures */
} verify;

/* What of a configuration differs from the file's own. */
typedef struct verify_how {
    golden_how model;
    bool normed;                          /* the tower's tokens behind its last norm */
    bool previous;                        /* all pictures so far are seen */
    bool whole_table;                     /* all of its rows are learnt */
    bool parallel;                        /* GPT-NeoX: side by side, half of a head turns */
    double clip;
} verify_how;

/* A model of the file's configuration; verify.c */
omn_status verify_open(verify *v, const verify_how *how, golden_run *r, omn_error *err);
omn_status verify_compare(verify *v, golden_run *r, omn_error *err);

/* A graph of the file's pictures, if it has any, and, with target, of its ids: their labels with
 * labels; feeds and runs it. verify_case.c */
omn_status verify_ask(verify *v, golden_run *r, omn_phase phase, bool labels, omn_error *err);
omn_status verify_forward(verify *v, omn_error *err);
omn_status verify_padded(verify *v, omn_error *err);
omn_status verify_loss(verify *v, omn_error *err);
omn_status verify_video(verify *v, omn_error *err);
omn_status verify_pictures(verify *v, omn_error *err);

/* verify_search.c */
omn_status verify_generate(verify *v, omn_error *err);
omn_status verify_rank(verify *v, omn_error *err);

/* "omnio.verify/1" */
extern const omn_verify_impl flamingo_verify, language_verify;

#endif
