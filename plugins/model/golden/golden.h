/* SPDX-License-Identifier: Apache-2.0 */
/* One golden file of a model family on its way through the comparison: outputs that the original
 * program made from small random weights. What the families share: whose case a file is, its
 * configuration and inputs, a model over its weights, a graph's outputs as stages, steps of
 * decoding, gradients, steps of an optimiser. A family adds how its configuration is spelt, which
 * graphs a case runs, and what a stage may differ by.
 *
 *   golden_begin -> { golden_open -> golden_feed_* -> golden_run_graph -> golden_put_* ->
 *   golden_compare -> golden_close } -> golden_end
 *
 * Linked into each family's plugin; nothing of it is exported. */
#ifndef GOLDEN_H
#define GOLDEN_H

#include <omnio/learn.h>
#include <omnio/train.h>

#include <jansson.h>

/* ---- the file; golden.c ---------------------------------------------------------------------- */

typedef struct golden {
    omn_verification *host;
    omn_call *call;
    const char *name;                     /* of the golden file, for messages */
    const omn_weights *file;              /* the golden file */
    const omn_weights *in;                /* the file with the inputs: file, or other */
    omn_weights *other;
    json_t *config;                       /* "config" of its __metadata__, an object */
    char weights[4608];                   /* path of "weights_file"; "": none is named */
    char model[128], kind[128];           /* "tiny_a", "forward" of tiny_a.forward.safetensors */
    double largest;                       /* of the stages gradnorm.NAME; 0: there are none */
} golden;

bool golden_starts(const char *s, const char *with);
bool golden_ends(const char *s, const char *with);
/* Reads the case's name ("MODEL.CASE" of the __metadata__, else the file's own), its configuration
 * and where its weights lie. A file without a configuration is OMN_ERR_DATA. */
omn_status golden_begin(golden *g, omn_verification *host, omn_error *err);
/* Also after a golden_begin that failed. */
void golden_end(golden *g);
/* The inputs lie in the file MODEL.KIND.safetensors beside this one, not here. */
omn_status golden_inputs_of(golden *g, const char *kind, omn_error *err);
/* A tensor of the inputs, its type and rank checked; every axis has a place at least. */
omn_status golden_input(const golden *g, const char *name, omn_type type, uint32_t rank,
                        const omn_tensor **out, omn_error *err);
/* A whole number of the configuration; 0 where there is none. */
int64_t golden_int(const golden *g, const char *key);
/* Is there a tensor whose name begins so? */
bool golden_has(const golden *g, const char *with);
/* Whole numbers i32 [h,w] or [h,w,channels] as a picture of 8 bit. */
omn_status golden_picture(const golden *g, const omn_tensor *t, omn_value **out, omn_error *err);

/* ---- a model and its last run; run.c --------------------------------------------------------- */

typedef struct golden_run {
    golden *g;
    omn_model *model;
    omn_exec *exec;
    omn_graph *graph;                     /* the last one; the model's */
    omn_feed *feed, *made;                /* its inputs; stages that were made */
    omn_weights *file;                    /* of a store of its own, else NULL */
    omn_store *store;
} golden_run;

typedef struct golden_how {
    bool writable;                        /* over a store of its own, which a case may change */
    bool training;                        /* graphs have gradients; writable as well */
    bool hollow;                          /* without weights */
} golden_how;

/* A model of that configuration (JSON) over the case's weights, in f32, its stages kept. */
omn_status golden_open(golden *g, const char *config, const golden_how *how, golden_run *r,
                       omn_error *err);
void golden_close(golden_run *r);
/* The objective that the model was opened with; NULL: none. */
const omn_part *golden_objective(const omn_model *m);
/* A graph of those sizes over what is fed, run. With labels and no objective in z the model's own
 * is taken; OMN_ERR_UNSUPPORTED where its plugin is not there. */
omn_status golden_graph(golden_run *r, const omn_graph_sizes *z, omn_error *err);
omn_status golden_run_graph(golden_run *r, const omn_graph_sizes *z, omn_error *err);

/* An output of the last run, borrowed; false: it has none of that name. */
bool golden_output(const golden_run *r, const char *name, omn_tensor *out);
/* A stage from numbers, from an output of the last run (none where it has none: the comparison says
 * so), room for one. */
omn_status golden_put(golden_run *r, const char *stage, omn_shape shape, const float *x,
                      omn_error *err);
omn_status golden_put_output(golden_run *r, const char *stage, const char *output, omn_error *err);
omn_status golden_put_new(golden_run *r, const char *stage, omn_type type, omn_shape shape,
                          void **out, omn_error *err);
/* Every stage of the file that the last run has under the same name and that was not put yet. */
omn_status golden_collect(golden_run *r, omn_error *err);
/* Rows of an output [B,T,...] where marks [B,T] of the inputs are not 0, one below the other. */
omn_status golden_put_rows(golden_run *r, const char *stage, const char *output, const char *marks,
                           omn_error *err);
/* Each "override.NAME" takes the place of the weight NAME, of the same shape, in a writable run,
 * and is a stage. The model is declared before. */
omn_status golden_override(golden_run *r, omn_error *err);
/* All stages of the file against those that were put, and outputs of the last run of the same name.
 * A stage that is not there fails the case. */
omn_status golden_compare(golden_run *r, omn_tolerance_fn *tolerance, void *user, omn_error *err);

/* ---- what graphs are fed; feed.c ------------------------------------------------------------- */

/* Pictures f32 [B,3,h,w] of the inputs as pixels [B,h,w,3]; *rows: B. */
omn_status golden_feed_pixels(golden_run *r, const char *from, const char *to, int64_t *rows,
                              omn_error *err);
/* NAME.ids, .seg (1 where `mask` is, everywhere without one) and .pos (from 0) of i32 [B,L].
 * inverted: the mask marks what is left out. */
omn_status golden_feed_tokens(golden_run *r, const char *from, const char *mask, bool inverted,
                              const char *name, int64_t *rows, int64_t *length, omn_error *err);
/* A target's port [B,T] filled with one number, or with the inputs' tensor of that many. */
omn_status golden_feed_filled(golden_run *r, const char *role, const char *port, omn_type type,
                              int64_t rows, int64_t length, double fill, omn_error *err);
omn_status golden_feed_target(golden_run *r, const char *role, const char *port, omn_type type,
                              int64_t rows, int64_t length, const char *from, omn_error *err);
/* A teacher's target: ids [B,T] of the inputs are fed as they are (shift false) or behind the start
 * token; its labels are the ids of `labels` (NULL: none); weights are 1 where `mask` (NULL: the
 * labels) is above 0. *rows, *length: of the ids. */
typedef struct golden_taught {
    const char *role;                     /* of the decoder */
    const char *ids, *labels, *mask;      /* names of inputs */
    int32_t start;                        /* in front, where ids are shifted */
    bool shift;
    int32_t ignored;                      /* labels of this number weigh nothing */
} golden_taught;
omn_status golden_feed_taught(golden_run *r, const golden_taught *t, int64_t *rows,
                              int64_t *length, omn_error *err);

/* ---- decoding; step.c ------------------------------------------------------------------------ */

typedef struct golden_step {
    const char *role;                     /* of the decoder */
    int64_t rows, length, capacity;       /* length: ids of each row in this step */
    int64_t memory_rows, memory_length;   /* as ENCODE left them */
    const int32_t *ids;                   /* [rows,length] */
    int32_t start;                        /* place of the first of them */
    const int32_t *memory_row;            /* [rows]; NULL: its own, rows / memory_rows each */
} golden_step;
/* One step of the cache behind an ENCODE of the same run; logits [rows,length,V], borrowed until
 * the next run. */
omn_status golden_step_run(golden_run *r, const golden_step *s, omn_tensor *logits,
                           omn_error *err);
/* log of the sum of exp(x), in double precision; the first place of the greatest. */
double golden_log_sum(const float *x, int64_t n);
int32_t golden_likeliest(const float *x, int64_t n);

/* ---- gradients and training; train.c --------------------------------------------------------- */

/* Gradients of several runs added up, by the store's order; zeroed at first. */
typedef struct golden_sum {
    double **of;
    size_t n;
    double loss;
} golden_sum;
omn_status golden_sum_add(golden_run *r, golden_sum *s, omn_error *err);
/* The file's stages grad.NAME and gradnorm.NAME (zeros of a weight that no loss reaches), grad_norm
 * and loss. */
omn_status golden_sum_put(golden_run *r, const golden_sum *s, omn_error *err);
void golden_sum_end(golden_sum *s);

/* Steps of an optimiser over the last graph, which has gradients. */
typedef struct golden_training {
    const omn_train_setup *setup;
    int64_t steps;
    double (*rate)(void *user, int64_t step);   /* share of the setup's rate; NULL: 1 */
    void *user;
    const char *losses, *norms;           /* stages [steps]; NULL: not told */
} golden_training;
#define GOLDEN_MOST_STEPS 10000
omn_status golden_train(golden_run *r, const golden_training *t, omn_error *err);
/* Each stage "final.NAME" of the file: the weight as it is now. */
omn_status golden_put_final(golden_run *r, omn_error *err);

/* ---- files that say what is run; plain.c ----------------------------------------------------- */

/* The whole of such a case, from golden_begin to golden_end, for families that need nothing of
 * their own. */
omn_status golden_plain(omn_verification *host, omn_error *err);

#endif
