/* SPDX-License-Identifier: Apache-2.0 */
/* One golden file of OFA on its way through the comparison: outputs that the original program made
 * from small random weights. */
#ifndef OFA_VERIFY_H
#define OFA_VERIFY_H

#include "../golden/golden.h"

#define OFA_GOLDEN "ofa-golden-1"         /* "format" of its files */

typedef struct verify {
    golden g;
    int64_t encoder_layers, decoder_layers, vocab, window, codes, code_first;
    double factor;                        /* of the widths that scores are divided by */
} verify;

/* What a model is opened as. */
typedef struct verify_how {
    golden_how model;
    int64_t width, height;                /* of pictures; 0: as in.patch_images */
    int64_t sample;                       /* places of a picture in training; 0: all */
    bool batch;                           /* norms by the statistics of the batch */
    bool imagenet;                        /* colours by the numbers of ImageNet */
    int64_t bins;                         /* of places; 0: as the case has them */
    double smoothing, drop;               /* of the loss; drop: share of the worst */
    int64_t from, to;                     /* ids of the constraint, behind the marks; 0: all */
} verify_how;

/* What a graph is asked. */
typedef struct verify_ask {
    omn_phase phase;
    bool text, codes;                     /* targets */
    bool labels;                          /* with the loss */
} verify_ask;

/* verify.c */
omn_status verify_open(verify *v, const verify_how *how, golden_run *r, omn_error *err);
omn_status verify_compare(golden_run *r, omn_error *err);
verify *ofa_of(const golden_run *r);
/* Builds the graph, feeds it from the golden file, runs it; verify_feed.c */
omn_status verify_ask_run(golden_run *r, const verify_ask *a, omn_error *err);
omn_status verify_graph(golden_run *r, const verify_ask *a, omn_error *err);
/* Rows and length of the text of the inputs. */
omn_status verify_text(const golden_run *r, int64_t *rows, int64_t *length, omn_error *err);
/* All stages that the last run has, by the names of the file; verify_stage.c */
omn_status verify_collect(golden_run *r, omn_error *err);

/* The mean of -log p of what was wanted, from logits [B,T,V] and the labels that were fed;
 * verify_loss.c */
omn_status verify_plain_loss(golden_run *r, const omn_tensor *logits, const char *role, float *out,
                             omn_error *err);

/* The cases; verify_case.c, verify_draw.c, verify_loss.c, verify_place.c,
 * verify_plain.c, verify_search.c, verify_train.c */
omn_status verify_forward(verify *v, omn_error *err);
omn_status verify_patches(verify *v, omn_error *err);
omn_status verify_codes(verify *v, omn_error *err);
omn_status verify_mixed(verify *v, omn_error *err);
omn_status verify_losses(verify *v, omn_error *err);
omn_status verify_tables(verify *v, omn_error *err);
omn_status verify_pictures(verify *v, omn_error *err);
omn_status verify_locations(verify *v, omn_error *err);
omn_status verify_search(verify *v, omn_error *err);
omn_status verify_drawn(verify *v, omn_error *err);
omn_status verify_candidates(verify *v, omn_error *err);
omn_status verify_gradients(verify *v, omn_error *err);

/* What the model object answers to "omnio.verify/1". */
extern const omn_verify_impl ofa_verify;

#endif
