/* SPDX-License-Identifier: Apache-2.0 */
/* omnio/train.h: training. A trainer turns lessons (inputs, wanted ids) into packed batches,
 * steps an optimiser and writes whole, atomic checkpoints, so that a run that is killed and resumed
 * ends in the same bits. Recipes (YAML) are read by the pipeline floor; this floor
 * knows numbers and callbacks only. */
#ifndef OMNIO_TRAIN_H
#define OMNIO_TRAIN_H

#include <omnio/company.h>
#include <omnio/generate.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One question about a picture, say, with what should have been written. All is borrowed until the
 * callback that filled it is asked again; the values are those of the page. */
typedef struct omn_lesson {
    const omn_named *inputs;            /* by encoder role, in the order of a request; roles may
                                         * repeat; texts are whole, the model's prefix included */
    uint32_t n_inputs;
    const int32_t *ids;                 /* what is wanted, without the end token */
    const float *weights;               /* of each, 0 and more; NULL: all 1 */
    uint32_t n_ids;
    double weight;                      /* of the lesson */
    double end_weight;                  /* of its end token beside the others; 1 is usual */
    uint32_t task;                      /* number of the task, for the log */
    const char *modality;               /* one of the setup's; NULL: none */
} omn_lesson;
/* "omnio.grid/1" of encoders: rows and columns of the places that the port "pos" names, where
 * "omnio.features/1" does not tell them; returns how many there are. [any] */
typedef struct omn_grid_impl {
    uint32_t (*grid)(const void *self, uint32_t *rows, uint32_t *columns);
} omn_grid_impl;
/* Places of an input that its encoder is not shown: the input of that role (number 0 is the first).
 * hidden: n of them, one for each place that its port "pos" may name, 1 where it is hidden. */
typedef struct omn_hidden {
    const char *role;
    uint32_t number, n;
    const uint8_t *hidden;
} omn_hidden;
/* A page: lessons that are asked about the same things. Lessons with inputs beside text all have
 * the same ones in the same order; those with text alone stand in rows of their own. Lessons for
 * which there is no room beside the others are left out, the later ones first: put the important
 * ones in front. One that would not fit into an empty row is bad. */
typedef struct omn_page {
    uint32_t size;
    omn_value *const *values;           /* what the lessons' inputs are; taken: unref'd later */
    uint32_t n_values;
    const omn_lesson *lessons;
    uint32_t n_lessons;
    const int32_t *cell_labels; /* auxiliary labels [cells, groups], -1: not counted; NULL: none */
    const float *cell_edges;            /* [cells, edges], NAN: not counted; NULL: none */
    bool skip;                          /* nothing usable under this number */
    uint32_t n_cells;                   /* rows of the two */
    uint32_t n_bad;                     /* lessons that were left out because they are wrong */
    const char *file;                   /* where its example stands, for messages; NULL: nowhere */
    int32_t line;
    const char *output;                 /* decoder role that all its lessons want; NULL: the one
                                         * that its step asks. Another one is an error. */
    const omn_hidden *hidden;           /* of what the lessons see */
    uint32_t n_hidden;
    /* By lesson (NULL: of none): of each wanted id (NULL: of none) 1 where it was taken from the
     * inputs and has to be found, for models that hide it among what was said already
     * (omn_target.noised). Those of outputs that the setup does not name so are an error. */
    const uint8_t *const *noised;
    /* By lesson (NULL: of none), [1 + n_ids] (NULL: the ids themselves): what stands among what was
     * said already in front of the first wanted id (-1: what stands there anyhow) and in place of
     * each of them: a model that meets wrong words there as it learns goes on from its own
     * mistakes. For lessons that have more than texts. */
    const int32_t *const *fed;
} omn_page;
/* Makes page number `index` (from 0, each once per run); called from pool threads for different
 * indices at the same time; the page's memory comes from `a`. The same index and step give the same
 * page. step: of the optimiser at which it will be used, for schedules of the mixture, and for
 * omn_train_output where there are several. A failure leaves no values in `out`. [any] */
typedef omn_status omn_page_fn(void *user, omn_call *c, uint64_t index, uint64_t step, omn_arena *a,
                               omn_page *out, omn_error *err);

typedef enum omn_optimizer { OMN_ADAMW, OMN_ADAFACTOR, OMN_MUON } omn_optimizer;

/* A number that changes with the step: linear warm-up to 1 over `warmup` steps, then the curve to
 * `last` at `steps` (rsqrt: no end, sqrt(warmup / step)). */
typedef enum omn_curve {
    OMN_CURVE_CONST, OMN_CURVE_LINEAR, OMN_CURVE_COSINE, OMN_CURVE_RSQRT
} omn_curve;

/* The schedule begins again at step `from` with numbers of its own (a warm restart); moments and
 * averages go on. */
typedef struct omn_train_again {
    uint64_t from;                      /* ascending, 1 to steps - 1 of the setup */
    double rate, rate_muon;
    omn_curve curve;
    uint64_t warmup;                    /* from there on */
    double last; /* fraction of its peak where it ends: at the next one, or at `steps` */
    double average;                     /* off if the setup's is */
    double aux, aux_last;
} omn_train_again;

/* Weights that move otherwise than the rest: factors of the rate and of the decay. */
typedef struct omn_train_group {
    const char *weights;                /* full name, or a glob as in `frozen` */
    double rate, decay; /* 0 and more; 1: as the others. rate 0: it stays as it is, and its gradient
                         * counts nowhere, in the norm that is clipped neither */
} omn_train_group;

/* From step `from` on, until the next one begins, this counts in place of what the setup says. */
typedef struct omn_train_stage {
    uint64_t from;                      /* ascending, 0 and more, below the setup's steps */
    const double *shares;               /* of its outputs; NULL: the setup's */
    const omn_train_group *groups;      /* come before the setup's own */
    size_t n_groups;
} omn_train_stage;

/* A number that graphs read as the input "schedule.NAME", f32 [1]: at step k of `steps` it has gone
 * from `from` to `to`, in a straight line or along half a cosine, and stays there. */
typedef struct omn_train_number {
    const char *name;
    double from, to;
    omn_curve curve;                    /* CONST: `from` always; RSQRT has no end and is none */
    uint64_t steps;                     /* 0: those of the setup */
} omn_train_number;

/* How many patches of an input its encoder sees, chosen at random for each page; encoders whose
 * ports all have their places on the first axis and tell them ("pos", "seg") can leave some out. */
typedef struct omn_train_patches {
    const char *role;
    uint32_t most;                      /* of each input of that role; 0: all that it has */
    double alpha; /* above 0: it takes part in the setup's `budget`, which is divided by shares that
                   * are drawn from a Dirichlet distribution with these parameters */
} omn_train_patches;

/* What weighs the same in a step's loss: tokens (by the weights of their lessons), or modalities of
 * the targets: the loss is the mean of the means of those that are in the step. */
typedef enum omn_balance { OMN_BALANCE_TOKENS, OMN_BALANCE_MODALITIES } omn_balance;

typedef struct omn_train_setup {
    uint32_t size;
    omn_optimizer optimizer;
    double rate, rate_muon;             /* peak rates; rate_muon of Muon's matrices */
    double beta1, beta2, eps, decay;    /* AdamW; 0: 0.9, 0.999, 1e-8, 0. decay times the rate */
    double momentum;                    /* Muon; 0: 0.95 */
    uint32_t factor_from;               /* Adafactor: smallest side that is factored; 0: 128 */
    double clip;                        /* global gradient norm; 0: off */
    omn_curve curve;
    uint64_t warmup, steps;             /* steps of the whole schedule */
    double last;                        /* fraction of the peak at the end */
    double average;                     /* weight averaging decay; 0: off */
    omn_precision precision;
    double z_loss, smoothing;
    double soft_sigma;                  /* location labels, in bins; 0: hard */
    double aux, aux_last;               /* auxiliary loss: weight, falling linearly; 0: none */
    uint32_t aux_groups, aux_edges;
    const int32_t *aux_classes;
    const char *aux_role;               /* encoder whose features it reads; NULL: "image" */
    uint32_t batch;                     /* pages in a step */
    uint32_t inputs, targets;           /* most tokens of a page's texts (of its first, its second
                                         * ones), of its answers and, with "omnio.row/1", of what
                                         * stands in front of them */
    const char *const *frozen;
    size_t n_frozen;
    uint64_t seed;
    omn_page_fn *page;
    void *page_user;
    const char *const *tasks;           /* names, for the log */
    uint32_t n_tasks;
    /* encoders that take part beside "text", each as often as a lesson has such an input, "text"
     * among them for a second one; NULL: those that the model has among "image" */
    const char *const *roles;
    uint32_t n_roles;
    const omn_train_again *again;       /* later parts of the schedule; NULL: one part */
    size_t n_again;
    bool skip_bad;                      /* bad lessons are counted and left out, not an error */
    uint64_t most_empty;                /* pages in a row with nothing usable; 0: 100000 */
    /* an opened omnio.objective/1 (omnio/learn.h), borrowed; NULL: cross-entropy by z_loss,
     * smoothing and soft_sigma */
    const omn_part *objective;
    /* Decoder role of all targets; NULL: "text". "": none is asked; the objective, which has to be
     * there, judges what the model makes of its inputs (pairs that find each other, a picture that
     * comes back). Lessons have no ids then, a row has one of them, drawn from those of its page,
     * and all inputs, texts too, are what their encoders' prepare makes of them */
    const char *output;
    const char *const *modalities;      /* what targets are, for the log and the mean */
    uint32_t n_modalities;
    omn_balance balance;
    /* Decoder roles of targets where there are several, in place of `output`; NULL: that one. A
     * step asks one of them, omn_train_output says which, as often as its share (0 and more; NULL:
     * each as often). What that one does not reach, weights, moments and averages, stays as it is
     * in that step. */
    const char *const *outputs;
    uint32_t n_outputs;
    const double *shares;
    /* AdamW and Muon: of those that match a weight's name the first counts. Learning rates that
     * fall towards the first layers, norms and biases that do not decay */
    const omn_train_group *groups;
    size_t n_groups;
    const omn_train_patches *patches;   /* NULL: encoders see all */
    uint32_t n_patches;
    uint32_t budget; /* most patches of a page, of all inputs that take part in it; 0: none */
    uint64_t noised; /* bit i: lessons of output i may have noised ids; its model hides them */
    /* [n_outputs], most tokens of the answers of each, 1 to `targets`; NULL: `targets` of all. The
     * graph of each has room for so many and no more: where words are asked as well as pictures of
     * hundreds of codes, a step that asks for words takes the time of words */
    const uint32_t *output_targets;
    /* borrowed; each process runs its rows of the batch, which is that of all of them, and gets the
     * same weights. Steps are made by all of them, and none is stopped alone; NULL: alone */
    omn_company *company;
    bool recompute; /* blocks are made again in the backward pass, see omn_graph_sizes */
    /* Nobody named `objective`: where the model has a loss of its own for answers
     * (omn_open_answer_loss), that one stands in its place. */
    bool usual_loss;
    /* each of them is wanted by a graph, and a graph wants no other: OMN_ERR_CONFIG */
    const omn_train_number *numbers;
    size_t n_numbers;
    const omn_train_stage *stages;      /* NULL: all steps are as above */
    size_t n_stages;
} omn_train_setup;
/* The number of the output that a step (from 0) asks: drawn from seed and step alone, so that a run
 * that goes on draws as one that was not stopped. 0 where there is only one. [any] */
OMN_API uint32_t omn_train_output(const omn_train_setup *setup, uint64_t step);

typedef struct omn_train_report {
    uint32_t size;
    uint64_t step, pages, lessons, tokens, skipped_steps, dropped_lessons;
    double loss, text_loss, aux_loss, gradient_norm, rate;    /* text_loss: of the targets */
    double seconds;                     /* of this step */
    double page_seconds, graph_seconds, update_seconds;    /* of which: pages, graph, optimiser */
    /* of this step, [n_tasks], borrowed until the next one: mean loss of each task's tokens (NAN:
     * none came), and how many lessons it had */
    const double *task_loss;
    const uint64_t *task_lessons;
    uint64_t bad_lessons;               /* left out so far, see skip_bad */
    const double *modality_loss;        /* [n_modalities], like task_loss */
} omn_train_report;

typedef struct omn_trainer omn_trainer;
/* model: opened with training = true over a writable store; both borrowed. setup is copied.
 * [setup] */
OMN_API omn_status omn_trainer_new(omn_model *model, omn_store *store, const omn_train_setup *setup,
                                   omn_trainer **out, omn_error *err);
OMN_API void omn_trainer_free(omn_trainer *t);
/* One optimiser step. A step whose loss or gradient is not finite changes no weight and does not
 * count as done, but its pages are used up; ten in a row are OMN_ERR_FAILED. After another failure
 * (cancelled, say) the state is as before the call. [run] */
OMN_API omn_status omn_trainer_step(omn_trainer *t, omn_call *c, omn_train_report *out,
                                    omn_error *err);
OMN_API uint64_t omn_trainer_at(const omn_trainer *t);                 /* steps done */
/* The whole state (weights, moments, averages, counters, packing pool) in one file, atomically. The
 * weights have their own names in it, the rest begins with "train.". load: OMN_ERR_CONFIG when the
 * file comes from a setup whose state this one cannot go on with. */
OMN_API omn_status omn_trainer_save(omn_trainer *t, const char *path, omn_error *err);
OMN_API omn_status omn_trainer_load(omn_trainer *t, const char *path, omn_error *err);
/* Weights for use: the averages if there are any, auxiliary heads ("aux.") left out. type: OMN_F32,
 * OMN_BF16, OMN_F16. To evaluate while training goes on, open a second model with these weights. */
OMN_API omn_status omn_trainer_export(omn_trainer *t, const char *path, omn_type type,
                                      omn_error *err);

/* ---- optimisers alone, for tests and golden runs -------------------------------------------- */

/* State of one optimiser over a store's weights; gradients by the store's order, NULL for none:
 * such a weight stays as it is, its moments and its average too, and its corrections for the first
 * steps count those that it had a gradient in. Muon takes matrices that are no embeddings,
 * positions, latents or auxiliary heads; AdamW the rest. */
typedef struct omn_opt omn_opt;
OMN_API omn_status omn_opt_new(omn_store *store, const omn_train_setup *setup, omn_opt **out,
                               omn_error *err);
OMN_API void omn_opt_free(omn_opt *o);
/* norm: set to the global gradient norm before clipping. finite: false when nothing was changed. */
OMN_API omn_status omn_opt_step(omn_opt *o, const float *const *gradients, double rate_factor,
                                omn_pool *pool, double *norm, bool *finite, omn_error *err);

/* ---- verify --------------------------------------------------------------------------------- */

/* Run a golden case (safetensors whose __metadata__ "format" names its owner, an object with the
 * ability "omnio.verify/1", omnio/learn.h) and compare every stage. on_row is called for each stage
 * with its largest errors and tolerance. OMN_ERR_UNSUPPORTED: needs parts that this build lacks;
 * OMN_ERR_FAILED: a stage is outside its tolerance or missing. Here because some cases are training
 * runs. [any] */
OMN_API omn_status omn_verify(omn_context *ctx, const char *file,
                              void (*on_row)(void *user, const omn_verify_row *row), void *user,
                              omn_error *err);

#ifdef __cplusplus
}
#endif
#endif
