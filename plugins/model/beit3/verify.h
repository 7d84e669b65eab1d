/* SPDX-License-Identifier: Apache-2.0 */
/* One golden file of BEiT-3 on its way through the comparison: outputs that the original program
 * made from small random weights. */
#ifndef BEIT3_VERIFY_H
#define BEIT3_VERIFY_H

#include "../golden/golden.h"

#define BEIT3_GOLDEN "beit3-golden-1"     /* "format" of its files */

typedef struct verify {
    golden g;                             /* first: a run points at it */
    int64_t D, H, ffn, layers, patch, img, img2, text_rows, vqa, imagenet, codes, max_len, vocab;
    int64_t mask, std_side, imagenet_side;
} verify;

static inline verify *beit3_of(const golden_run *r) { return (verify *)r->g; }

/* What a model is opened as. */
typedef struct verify_how {
    const char *task;
    int64_t side, learned;                /* of pictures, of those of the positions; 0: img */
    double keep;                          /* share of the hidden words that count; 0: all */
    golden_how model;
} verify_how;

/* What a graph is asked. */
typedef struct verify_ask {
    omn_phase phase;
    bool image, image2, text;             /* inputs */
    bool words, codes, label;             /* targets */
    bool labels;                          /* with the loss */
} verify_ask;

/* Opening; verify.c */
omn_status verify_open(verify *v, const verify_how *how, golden_run *r, omn_error *err);
omn_status verify_compare(golden_run *r, omn_error *err);
/* Builds the graph, feeds it from the golden file, runs it; verify_feed.c */
omn_status verify_ask_run(golden_run *r, const verify_ask *a, omn_error *err);
/* All of that but the run. */
omn_status verify_graph(golden_run *r, const verify_ask *a, omn_error *err);
/* Copies all stages "PREFIX..." that the last run has; verify_stage.c */
omn_status verify_collect(golden_run *r, const char *prefix, omn_error *err);

/* The cases; verify_case.c, verify_search.c, verify_train.c */
omn_status verify_trunk(verify *v, omn_error *err);
omn_status verify_heads(verify *v, omn_error *err);
omn_status verify_masked(verify *v, omn_error *err);
omn_status verify_caption(verify *v, omn_error *err);
omn_status verify_resized(verify *v, omn_error *err);
omn_status verify_eps(verify *v, omn_error *err);
omn_status verify_pictures(verify *v, omn_error *err);
omn_status verify_search(verify *v, omn_error *err);
omn_status verify_gradients(verify *v, omn_error *err);
omn_status verify_training(verify *v, omn_error *err);

/* What the model object answers to "omnio.verify/1". */
extern const omn_verify_impl beit3_verify;

#endif
