/* SPDX-License-Identifier: Apache-2.0 */
/* One golden file of BEiT-3 on its way through the comparison: outputs that the original program
 * made from small random weights. */
#ifndef BEIT3_VERIFY_H
#define BEIT3_VERIFY_H

#include <omnio/learn.h>
#include <omnio/train.h>

#define BEIT3_GOLDEN "beit3-golden-1"     /* "format" of its files */

typedef struct verify {
    omn_verification *host;
    omn_call *call;
    const char *name;                     /* of the golden file, for messages */
    const omn_weights *golden;
    const omn_weights *in;                /* the file with the inputs: golden, or other */
    omn_weights *other;
    char weights[4608];                   /* path of the weights; "" where none are wanted */
    char model[128], kind[128];           /* "tiny_a", "joint" */
    int64_t D, H, ffn, layers, patch, img, img2, text_rows, vqa, imagenet, codes, max_len, vocab;
    int64_t mask, std_side, imagenet_side;
    double largest;                       /* of the golden norms of gradients */
} verify;

/* What a model is opened as. */
typedef struct verify_how {
    const char *task;
    int64_t side, learned;                /* of pictures, of those of the positions; 0: img */
    double keep;                          /* share of the hidden words that count; 0: all */
    omn_store *store;                     /* instead of the file's weights */
    bool training, hollow;
} verify_how;

/* A model, its last run, and what was made of it. */
typedef struct verify_run {
    verify *v;
    omn_model *model;
    omn_exec *exec;
    omn_graph *graph;
    omn_feed *feed, *made;
    omn_weights *file;                    /* of a store of its own */
    omn_store *store;
} verify_run;

/* What a graph is asked. */
typedef struct verify_ask {
    omn_phase phase;
    bool image, image2, text;             /* inputs */
    bool words, codes, label;             /* targets */
    bool labels;                          /* with the loss */
} verify_ask;

/* Opening; verify.c */
omn_status verify_open(verify *v, const verify_how *how, verify_run *r, omn_error *err);
/* The same over a writable store of the file's weights, training or not. */
omn_status verify_open_store(verify *v, const char *task, bool training, verify_run *r,
                             omn_error *err);
void verify_end(verify_run *r);
omn_status verify_compare(verify_run *r, omn_error *err);
/* A tensor of the inputs, its type and rank checked. */
omn_status verify_input(const verify *v, const char *name, omn_type type, uint32_t rank,
                        const omn_tensor **out, omn_error *err);
/* Builds the graph, feeds it from the golden file, runs it; verify_feed.c */
omn_status verify_ask_run(verify_run *r, const verify_ask *a, omn_error *err);
/* All of that but the run. */
omn_status verify_graph(verify_run *r, const verify_ask *a, omn_error *err);

/* An output of the last run; copies all stages "PREFIX..." that it has; a stage of one number;
 * verify_stage.c */
bool verify_output(const verify_run *r, const char *name, omn_tensor *out);
omn_status verify_collect(verify_run *r, const char *prefix, omn_error *err);
omn_status verify_put(verify_run *r, const char *stage, omn_shape shape, const float *x,
                      omn_error *err);
omn_status verify_put_output(verify_run *r, const char *stage, const char *output,
                             omn_error *err);
/* Rows of logits [B,T,V] where marks [B,T] are 1, as a stage. */
omn_status verify_rows(verify_run *r, const char *stage, const char *output, const char *marks,
                       omn_error *err);

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
