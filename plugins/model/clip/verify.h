/* SPDX-License-Identifier: Apache-2.0 */
/* One golden file of CLIP on its way through the comparison: outputs that the original program made
 * from small random weights. */
#ifndef CLIP_VERIFY_H
#define CLIP_VERIFY_H

#include "model.h"

typedef struct verify {
    omn_verification *host;
    omn_call *call;
    const char *name;                   /* of the golden file, for messages */
    const omn_weights *golden;
    omn_weights *other;                 /* the case whose pictures it uses; NULL: its own */
    char weights[4608];                 /* path of the weights beside it; "": none are wanted */
    char *config;                       /* as open_clip writes it, JSON */
    double side;                        /* of the pictures of a case without weights; 0: usual */
    char model[96];                     /* "tiny_a", of which the case is */
} verify;

/* What is compared: outputs of a graph, and what was worked out from them. */
typedef struct verify_run {
    const verify *v;
    omn_store *store;
    omn_weights *weights;
    omn_model *model;
    omn_exec *exec;
    omn_graph *graph;
    omn_feed *feed, *made;
} verify_run;

/* The golden's configuration in the form that the model reads; its model; verify.c */
omn_status verify_config(verify *v, omn_error *err);
/* Writable: weights of its own, which a case may change or a gradient is asked of. */
omn_status verify_open(const verify *v, bool writable, bool training, verify_run *r,
                       omn_error *err);
void verify_end(verify_run *r);
/* One graph over the pictures "in.image" and texts "in.text_ids" that are there, run. images,
 * texts: NULL: none. labels: with the loss of the pairs. */
omn_status verify_graph(verify_run *r, const omn_tensor *images, const omn_tensor *texts,
                        bool labels, omn_error *err);
bool verify_output(const verify_run *r, const char *name, omn_tensor *out);
omn_status verify_compare(verify_run *r, omn_error *err);

/* The cases; verify_case.c */
omn_status verify_preprocess(verify *v, omn_error *err);
omn_status verify_towers(verify *v, omn_error *err);
omn_status verify_replaced(verify *v, omn_error *err);
omn_status verify_pairs(verify *v, bool gradients, omn_error *err);
omn_status verify_classes(verify *v, omn_error *err);

#endif
