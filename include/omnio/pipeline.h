/* SPDX-License-Identifier: Apache-2.0 */
/* omnio/pipeline.h: YAML pipelines, checked before they run; recipes that train; evaluation. The
 * language is described in omnio-pipeline(5). */
#ifndef OMNIO_PIPELINE_H
#define OMNIO_PIPELINE_H

#include <omnio/train.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct omn_pipeline omn_pipeline;
/* Read and check everything that can be known without weights: keys, names, types, parameters,
 * files. Errors carry line and column and what would be right. name: a path, or the name of an
 * installed pipeline ("vqa"). [any] */
OMN_API omn_status omn_pipeline_open(omn_context *ctx, const char *name, omn_pipeline **out,
                                     omn_error *err);
OMN_API void omn_pipeline_close(omn_pipeline *p);
OMN_API const char *omn_pipeline_path(const omn_pipeline *p);
OMN_API const char *omn_pipeline_help(const omn_pipeline *p);
OMN_API const char *omn_pipeline_model(const omn_pipeline *p);         /* NULL: needs none */

/* The same with values of the file changed first: "model", "steps.0.max_tokens" (items of lists by
 * number). */
OMN_API omn_status omn_pipeline_open_set(omn_context *ctx, const char *name, const omn_setting *set,
                                         size_t n_set, omn_pipeline **out, omn_error *err);

/* Every path that the file may name, as it is written there and beside the file, until fn returns
 * other than 0: a text that is no path at all is told too, names that are suggested for outputs are
 * not. For who must not write over them. [any] */
OMN_API omn_status omn_pipeline_files(const omn_pipeline *p,
                                      int (*fn)(void *user, const char *path), void *user,
                                      omn_error *err);

/* A pipeline's declared inputs and outputs, in order. */
typedef struct omn_pipeline_port {
    const char *name, *type, *help, *deflt;    /* deflt NULL: must be given */
    const char *file;                          /* outputs: suggested file; NULL: printed */
    const char *from; /* outputs: name of the value shown, as steps call it */
    const omn_kind *kind;                      /* of that type; NULL: "any" */
} omn_pipeline_port;
OMN_API size_t omn_pipeline_inputs(const omn_pipeline *p, const omn_pipeline_port **list);
OMN_API size_t omn_pipeline_outputs(const omn_pipeline *p, const omn_pipeline_port **list);

/* The other models that its steps name (models:), in order: name, help, deflt, the folder or name
 * in the file (NULL: it must be lent); type is "model". [any] */
OMN_API size_t omn_pipeline_models(const omn_pipeline *p, const omn_pipeline_port **list);
/* From now on the one of that name is m, borrowed as long as the pipeline and what is made of it
 * (NULL: nobody lends it any more). Runs that are made then ask it, and checks and descriptions
 * count it; a run opens what the file names where nothing is lent. OMN_ERR_ARGUMENT: the pipeline
 * names no such model. [setup] */
OMN_API omn_status omn_pipeline_lend(omn_pipeline *p, const char *name, omn_model *m,
                                     omn_error *err);

/* Whom a question of its runs goes to (`asking` and `asked` below): the name of a model that was
 * lent; NULL: the pipeline's own. [any] */
OMN_API const char *omn_pipeline_asked(const omn_pipeline *p, const omn_request *rq);

/* A run state: one runner for each model that the pipeline asks. One thread at a time. */
typedef struct omn_pipeline_run omn_pipeline_run;
typedef struct omn_pipeline_setup {
    uint32_t size;
    omn_model *model;          /* borrowed; NULL: the pipeline needs none, or its own is opened;
                                * others are lent to the pipeline */
    double temperature, top_p; /* over what the steps say; below 0 or NAN: as the steps say */
    int32_t top_k, max_tokens;          /* 0: as the steps say; top_k below 0: from all */
    uint64_t seed;                      /* 0: as the steps say, unless `seeded` */
    omn_cancel *cancel;
    int (*watch)(void *user, const char *step, const omn_event *e);
    void *user;
    /* outputs that are asked for; NULL: all. Steps that only others need are left out, and so are
     * those outputs in the record */
    const char *const *wanted;
    size_t n_wanted;
    bool seeded;                        /* seed is over what the steps say, also 0 */
    /* told of each question to the model, with its answer; borrowed while it runs;
     * other than OMN_OK is the run's failure. NULL: nobody asks */
    omn_status (*asked)(void *user, const char *step, const omn_request *rq, const omn_result *res,
                        omn_error *err);
    bool partial; /* watch is told of values so far too, of every step whose value is seen outside
                   * ("partial"), not of texts alone */
    int32_t partial_every; /* as in omn_request */
    /* told of each question before the model is asked, of what it makes without writing as well
     * (`output` is its name then, "embedding.text"). *ask is true; where it is made false the model
     * is not asked, and *instead (NULL; else owned, of the kind that the step makes) is the answer:
     * where it stays NULL the answer is absent, and steps that need it are left out. Questions come
     * one by one then, those of a map too. Other than OMN_OK is the run's failure. NULL: nobody
     * wants to know */
    omn_status (*asking)(void *user, const char *step, const omn_request *rq, bool *ask,
                         omn_value **instead, omn_error *err);
    /* answers of which the model is less sure than that (omn_pipeline_run_confidence) are refused:
     * OMN_ERR_FAILED; 0: none */
    double least_confidence;
    /* of many items (omn_pipeline_run_many, maps) so many at most are answered at once: the others
     * wait until one of those has its answer (omn_generate_many); 0: all */
    uint32_t rows;
} omn_pipeline_setup;
OMN_API omn_status omn_pipeline_run_new(omn_pipeline *p, const omn_pipeline_setup *how,
                                        omn_pipeline_run **out, omn_error *err);
OMN_API void omn_pipeline_run_free(omn_pipeline_run *r);
/* Inputs by name; missing ones take their default. out: a record of the outputs, owned. [run] */
OMN_API omn_status omn_pipeline_run_one(omn_pipeline_run *r, const omn_named *inputs, size_t n,
                                        uint64_t item, omn_value **out, omn_error *err);
/* What the last omn_pipeline_run_one had to say beside its outputs, an owned record:
 *   notes  list of texts: steps that were left out and why, boxes that were cut, ...
 *   seen   list of records, one for each input that the model was given
 *   confidence  as below
 * A field without items is left out. [run] */
OMN_API omn_status omn_pipeline_run_told(const omn_pipeline_run *r, omn_value **out,
                                         omn_error *err);
/* How sure the model is of an answer, 0..1: of options the share of the chosen one among all
 * exp(-score); of boxes the mean of their scores; of texts, and of no boxes, the probability of all
 * that was written, the end as well; of anything else the geometric mean of those. NAN: nobody
 * knows. It says what the model thinks of itself, and is as good as the model. [any] */
OMN_API double omn_result_confidence(const omn_result *r);
/* How sure the model was of its answers in the last omn_pipeline_run_one, 0..1: the least of
 * omn_result_confidence, each times how familiar to the model was what it was shown: 1, or less
 * where the log-sum of its scores is smaller than its configuration calls usual ("omnio":
 * {"usual": [LEAST, SPREAD]}; by e for each SPREAD). NAN: it was asked nothing, or nobody knows.
 * [run] */
OMN_API double omn_pipeline_run_confidence(const omn_pipeline_run *r);
/* Many items at once: a generating step answers all of them in one batch. The items need not
 * succeed together: each has its status and error. Answers are those of omn_pipeline_run_one;
 * events are not told. Returns other than OMN_OK only when nothing could be done (no memory,
 * cancelled). [run] */
typedef struct omn_pipeline_item {
    const omn_named *inputs;
    size_t n;
    uint64_t item;
    omn_value *out;                     /* set: owned; NULL after a failure */
    omn_error err;                      /* err.status OMN_OK: fine */
    omn_value *told;                    /* set: as omn_pipeline_run_told, owned */
} omn_pipeline_item;
OMN_API omn_status omn_pipeline_run_many(omn_pipeline_run *r, omn_pipeline_item *items, size_t n,
                                         omn_error *err);

/* Do the models have what the steps ask of them: inputs, outputs, words for boxes? Every graph that
 * one request of full length needs is built and planned; nothing runs. m NULL only for pipelines
 * that need no model; other models must have been lent. */
typedef struct omn_pipeline_cost {
    uint32_t size;
    uint64_t parameters, weights;       /* of the models: numbers, bytes mapped */
    uint64_t workspace, states;         /* bytes for one request of full length; of several
                                         * models each has a workspace of its own */
    uint64_t encode_flops, step_flops;  /* of the greediest step: once, for each token */
    uint64_t inputs;                    /* bytes of what encoders make of them, twice, and of what
                                         * is kept of that (omn_context_setup.keep_memory) */
    uint64_t memory;                    /* all of it */
    uint64_t making;                    /* while decoders make values of codes, or back */
    uint64_t read;                      /* of the weights, what the steps read */
    uint64_t process;                   /* what this process has, without weights */
    uint64_t least;                     /* memory, should all that maps go over be empty; memory
                                         * itself is that of as many as are asked at once */
} omn_pipeline_cost;
OMN_API omn_status omn_pipeline_check(omn_pipeline *p, omn_model *m, omn_pipeline_cost *out,
                                      omn_error *err);
/* The same by what takes it. what: "weights" of a part; and of each step that asks the model
 * "inputs" that an encoder has prepared, "reading" and "writing" (what lies in the workspace then),
 * "read" and "written" (states that stay for what follows), "making" (what a decoder has at work
 * while it makes a value of codes, or codes of a value), "kept" (of inputs, at most), and
 * "process", what this process has in memory when the graphs are there, without the files of
 * weights: a process that has run before has more. Of weights what the steps read is told. Of rows
 * with `turns` the largest counts, of each model, all others add up; the values of the pipeline
 * come beside it. */
typedef struct omn_pipeline_need {
    uint32_t size;
    const char *what;
    const char *part;                   /* whose: "encoder image", the beginning of the names of
                                         * weights, where in the graph it is most; "" none */
    const char *step;                   /* "generate answer"; NULL: all steps share it */
    uint64_t bytes;
    bool turns;
    const char *model;                  /* as models: names it; NULL: the pipeline's own */
} omn_pipeline_need;
typedef void omn_pipeline_need_fn(void *user, const omn_pipeline_need *need);
OMN_API omn_status omn_pipeline_needs(omn_pipeline *p, omn_model *m, omn_pipeline_need_fn *fn,
                                      void *user, omn_pipeline_cost *out, omn_error *err);
/* The plan for people: inputs, steps, outputs, and with a model its memory and work: --dry-run. */
OMN_API omn_status omn_pipeline_describe(omn_pipeline *p, omn_model *m, omn_buf *out,
                                         omn_error *err);
/* Graphviz picture of the steps. [any] */
OMN_API void omn_pipeline_dot(const omn_pipeline *p, omn_buf *out);

/* A pipeline as a task: what its one generating or scoring step would send to a model for some
 * inputs, and what the model should have written for a wanted value. */
typedef struct omn_pipeline_taught {
    uint32_t size, n_inputs;
    omn_named *inputs;                  /* by encoder role, in the step's order, its prompt behind
                                         * them; the first text begins with the model's prefix;
                                         * owned */
    const char *output;                 /* decoder role; lives as long as the pipeline */
    const char *modality;               /* kind of what is wanted; as long as the teacher */
    omn_ids want;                       /* by the step's own answer, without the end; owned */
    int32_t *fed;                       /* [1 + want.count] what is said to have been said instead,
                                         * of omn_fed_impl; NULL: these ids; owned */
} omn_pipeline_taught;
OMN_API void omn_pipeline_taught_fini(omn_pipeline_taught *t);
/* p and m are borrowed. OMN_ERR_CONFIG: a pipeline without such a step, or with more; what the
 * answer's own rules cannot be is told here unless they depend on the inputs. [setup] */
typedef struct omn_teacher omn_teacher;
OMN_API omn_status omn_teacher_new(omn_pipeline *p, omn_model *m, omn_teacher **out,
                                   omn_error *err);
OMN_API void omn_teacher_free(omn_teacher *t);           /* before the model is closed */
/* The steps in front of that step are run as far as it needs them. After a failure `out` is empty;
 * OMN_ERR_DATA: a value that the step's own answer refuses, for a lesson that teaches it would
 * teach what is never said; a text that is too long, or that the tokenizer makes the tokens of
 * something else of; an input that is not there. Many threads may use one teacher. [run] */
OMN_API omn_status omn_teacher_lesson(omn_teacher *t, omn_call *c, const omn_named *inputs,
                                      size_t n, const omn_value *wanted, omn_pipeline_taught *out,
                                      omn_error *err);
/* The encoder roles that this step fills, as often as it does, its prompt among them, at most
 * `most` of them, borrowed; their number. output: the decoder role that it asks; NULL: no such
 * step. teaches: the pipeline has exactly one such step, so it can be a task. [any] */
OMN_API size_t omn_pipeline_roles(const omn_pipeline *p, const char **roles, size_t most);
OMN_API const char *omn_pipeline_asks(const omn_pipeline *p);
OMN_API bool omn_pipeline_teaches(const omn_pipeline *p);

/* ---- recipes -------------------------------------------------------------------------------- */

/* `omnio train recipe.yaml`: model, sources, tasks, optimiser, stages. out: folder of checkpoints,
 * log.csv, loss.svg. */
typedef struct omn_recipe omn_recipe;
typedef struct omn_recipe_watch {
    uint32_t size;
    int (*step)(void *user, const omn_train_report *r, uint64_t steps, double seconds_left);
    void (*note)(void *user, const char *text);
    void *user;
    omn_cancel *cancel;
    bool replace;                       /* a model in the folder that is no run may be replaced */
    /* that trains together (train.h): rank 0 alone writes files and tells; NULL: alone. After a
     * failure of one rank the others wait for it: end them (omn_company_abort) */
    omn_company *company;
} omn_recipe_watch;
OMN_API omn_status omn_recipe_open(omn_context *ctx, const char *path, const omn_setting *set,
                                   size_t n_set, omn_recipe **out, omn_error *err);
OMN_API void omn_recipe_close(omn_recipe *r);
/* Prove that the recipe can begin: its model's configuration opens, has a tokenizer and takes what
 * the tasks give, every source has something to learn from, and the first examples of every task
 * become lessons that fit. Weights are not read. [setup] */
OMN_API omn_status omn_recipe_check(omn_recipe *r, omn_error *err);
/* The same, and what training will take of the memory. out (NULL: nobody asks; its size is set by
 * the caller): weights and their number, workspace of the greediest output, states: moments and
 * averages, inputs: what encoders make of a batch, twice; memory: all of it, what is kept of codes
 * at its full size. what: "weights", "moments", "averages" of a part of the model, "matrices" (the
 * optimiser's scratch), "teaching OUTPUT", "inputs", "targets", "pool" (of lessons that wait),
 * "codes" and their graph, "start" (files of weights), "saving", "process" as above. step is
 * NULL. The examples of the sources come beside it. fn: NULL, nobody wants to know.
 * [setup] */
OMN_API omn_status omn_recipe_needs(omn_recipe *r, omn_pipeline_need_fn *fn, void *user,
                                    omn_pipeline_cost *out, omn_error *err);
/* Writes a recipe to `path` that teaches a model what the examples of a folder are about: a folder
 * for the source "folder", whose manifest has fields that a pipeline of ours takes and answers by.
 * The recipe is proved first; told: what was found and the recipe, whose comments say why it is so.
 * OMN_ERR_DATA when no task fits, with the fields. [setup] */
OMN_API omn_status omn_recipe_suggest(omn_context *ctx, const char *folder, const char *model,
                                      const char *path, omn_overwrite how, omn_buf *told,
                                      omn_error *err);
/* The first n lessons as the model would see them, for people: inputs with their sizes, prompt,
 * answer, ids and their weights. [setup] */
OMN_API omn_status omn_recipe_show(omn_recipe *r, uint64_t n, omn_buf *out, omn_error *err);
/* Train from the newest checkpoint in `out` (or from the start) to the recipe's end, or for at most
 * `seconds` (0: no limit); writes checkpoints on the way and the exported model at the end.
 * OMN_ERR_ARGUMENT: `out` is the folder of the model or of the weights that it begins with, or
 * holds a model that is no run; OMN_ERR_IO: another training is at work there. A failure before
 * the first step leaves no folder. */
OMN_API omn_status omn_recipe_train(omn_recipe *r, const char *out, double seconds,
                                    const omn_recipe_watch *w, omn_error *err);
/* Scores of a model on the recipe's held-out examples: rows for each task and kind, beside what
 * needs no model. */
typedef struct omn_score_row {
    const char *task, *kind, *measure;  /* "vqa", "colour", "exact" */
    double value, baseline;             /* baseline NAN: none */
    uint64_t n;
    const char *unit;                   /* of both; NULL: they are fractions */
    double lo, hi;                      /* what they can be, lo < hi; both 0: anything */
    bool less;                          /* less is better */
    /* what needs no model: the baseline; where it is NAN, the score of what was right for the
     * example before, of the same kind. NAN: there is but one */
    double trivial;
} omn_score_row;
/* One answer as it was judged. All is borrowed until the function returns. */
typedef struct omn_score_answer {
    uint32_t size;
    const char *task, *kind;
    uint64_t example;                   /* number of the held-out example, from 0 */
    const omn_value *inputs;            /* record of what the pipeline was given, but for images */
    const omn_value *answer, *wanted;
    bool right;                         /* detection: every box, and none too many */
    const char *file;                   /* where the example stands; NULL: its source has no file */
    int32_t line;
    double worth;                       /* 0..1: what the measure gives it; 1 or 0: right or not */
    double confidence;                  /* as omn_pipeline_run_confidence; of boxes that are left at
                                         * the end the mean of their scores */
    const omn_value *about;             /* what the task says of the example; NULL: nothing */
} omn_score_answer;
/* Functions are called on the thread that evaluates: answers in the order of tasks and examples,
 * whatever the number of threads; the rows of a task behind its answers. */
typedef struct omn_eval_setup {
    uint32_t size;
    uint64_t examples;                  /* of each task, each once: 1 to 10000000 at most */
    const char *const *tasks;           /* n_tasks names; none: every task with a measure */
    size_t n_tasks;
    void *user;
    void (*row)(void *user, const omn_score_row *row);
    void (*answer)(void *user, const omn_score_answer *a);       /* NULL: nobody asks */
    omn_cancel *cancel;                 /* NULL: it runs to its end */
    /* one line about a task, such as fewer examples than were asked for; NULL: nobody asks */
    void (*note)(void *user, const char *text);
    /* told of each value before the pipeline is given it, on the threads that work; may put another
     * one in its place (*value is owned by whoever calls). Other than OMN_OK is the evaluation's
     * failure. NULL: all is given as it is */
    omn_status (*given)(void *user, omn_call *c, uint64_t example, const char *name,
                        omn_value **value, omn_error *err);
    /* told of a task that the model cannot do, and why, which is passed over then: its pipeline
     * does not go with the model, or stands in no task of the recipe `learnt` (NULL: it may do
     * anything). Want of memory and the like count as well. NULL: the evaluation fails */
    void (*unable)(void *user, const char *task, const char *pipeline, const char *why);
    const omn_recipe *learnt;
} omn_eval_setup;
/* Does a task of the recipe ask this pipeline, by the name that the recipe has for it? [any] */
OMN_API bool omn_recipe_teaches(const omn_recipe *r, const char *pipeline);
/* OMN_ERR_CANCELLED after a wish to stop: rows of finished tasks and the answers so far were
 * told. */
OMN_API omn_status omn_recipe_eval(omn_recipe *r, omn_model *m, const omn_eval_setup *setup,
                                   omn_error *err);

#ifdef __cplusplus
}
#endif
#endif
