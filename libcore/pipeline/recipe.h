/* SPDX-License-Identifier: Apache-2.0 */
/* A recipe after reading. Not installed. */
#ifndef OMNIO_PIPELINE_RECIPE_H
#define OMNIO_PIPELINE_RECIPE_H

#include "plan.h"

#include "../generate/codes.h"
#include "../train/ahead.h"

#include <omnio/learn.h>

#define MOST_SOURCES 16
#define MOST_TASKS 64
#define MOST_STAGES 16
#define MOST_FIELDS 16
#define MOST_STARTS 16

/* How parts of a text are taken out; corrupt.c */
typedef struct recipe_denoise recipe_denoise;
/* The same of a picture or a sound; masked.c */
typedef struct recipe_masked recipe_masked;
/* How words are taken out of an input; gaps.c */
typedef struct gaps_how gaps_how;
/* How often an input is shown; shown.c */
typedef struct recipe_chance { const char *role; double chance; } recipe_chance;
typedef struct recipe_field { const char *name, *path; } recipe_field;

typedef struct recipe_task {
    const char *name, *file;
    omn_pipeline *pipeline;
    const yml *at;
    int source;
    uint32_t output;                      /* number of the recipe's output that it asks */
    const char *each, *kind, *about;      /* about: a field that goes with an answer */
    const char *want;                     /* field of the wanted output */
    const char *want_output;              /* which output of the pipeline that is */
    const char *judge, *judge_output;     /* what the measure judges: the same, or others */
    recipe_field give[MOST_FIELDS];
    size_t n_give;
    double weight, end;
    omn_part *measure;                    /* NULL: none */
    recipe_field beside[MOST_FIELDS];     /* what it is given beside what was asked */
    size_t n_beside;
    bool through;                         /* pictures that it compares with go through the codec */
    omn_teacher *teacher;                 /* while r->teacher is there */
    recipe_denoise *denoise;              /* NULL: the whole answer is wanted */
    recipe_masked *masked;                /* NULL: all of the input is shown */
    gaps_how *gaps;                       /* NULL: what is given is shown as it is */
    const char *gaps_in;                  /* which of the inputs */
    const yml *gaps_at;
    const yml *mask_at;                   /* NULL: all of what is wanted counts; known.c */
    const char *mask;                     /* field; NULL: where the wanted picture is */
    const yml *slips_at;                  /* NULL: what was said already is right; slips.c */
    double slips[2];                      /* the share that is not lies between */
    const yml *chance_at;
    recipe_chance chance[MOST_FIELDS];
    size_t n_chance;
} recipe_task;

typedef struct recipe_source {
    const char *name, *use;
    const yml *at;
    double share;                         /* of the pages, where a stage does not say it */
    const char *group;
    bool one;                             /* a page has a lesson of one task about an example */
} recipe_source;

/* Patterns of names of weights, as the recipe lists them. */
typedef struct recipe_patterns {
    const yml *at;
    const char *const *list;
    size_t n;
} recipe_patterns;

typedef struct recipe_stage {
    const char *name;
    uint64_t steps;
    const yml *at;                        /* overrides of sources; NULL: none */
    omn_part *parts[MOST_SOURCES];        /* opened sources of this stage */
    double share[MOST_SOURCES];           /* of each source in the pages; mixture.c */
    double asks[MOST_OUTPUTS];            /* how often a step asks each output */
    recipe_patterns freeze;               /* weights that stay as they are in it */
} recipe_stage;

/* Weights below "PREFIX." are those of a model of their own. */
typedef struct part_start { const char *prefix, *from; } part_start;

typedef struct sheet sheet;

/* Bad lessons that are counted in silence, by one thread. */
typedef struct recipe_hush {
    uint32_t n;
    char first[512];                      /* what was wrong with the first */
} recipe_hush;

struct omn_recipe {
    omn_context *ctx;
    omn_arena *arena;
    omn_call *call;
    omn_open *open;
    const yml *root;
    const char *path, *folder, *model;    /* model: folder with the configuration */
    const char *start[MOST_STARTS];       /* weights to begin with: their mean; none: nothing */
    size_t n_start;
    part_start parts[MOST_STARTS];
    size_t n_parts;
    recipe_source sources[MOST_SOURCES];
    size_t n_sources;
    recipe_task tasks[MOST_TASKS];
    size_t n_tasks;
    recipe_stage stages[MOST_STAGES];
    size_t n_stages;
    omn_train_setup setup;
    omn_train_patches patches[MOST_FIELDS];
    omn_train_again again[MOST_STAGES];   /* of the stages that begin the schedule again */
    omn_train_stage train_stages[MOST_STAGES]; /* the same stages, for the trainer */
    const char *task_names[MOST_TASKS];
    const omn_cells_impl *cells;          /* of the first source; NULL: no auxiliary labels */
    uint32_t rows, columns;               /* of its grid */
    double location_features; /* deviation of the frequencies; 0: rows stay as they were made */
    uint64_t save_every;
    omn_type export_type;
    bool skip_bad;
    recipe_hush *hush;                    /* NULL: each bad example is told */
    recipe_patterns freeze;               /* weights that stay as they are */
    int64_t lora_rank;                    /* of adapters; 0: there are none */
    double lora_scale;
    recipe_patterns lora_on, lora_train;  /* matrices that have one (none said: all that can);
                                           * weights that learn beside them */
    size_t n_adapters;                    /* while r->teacher is there */
    const char *roles[MOST_FIELDS];       /* encoders that the tasks feed, each as often as a lesson
                                           * does; "text" among them for a second one */
    const char *modalities[MOST_TASKS];   /* of the tasks' targets */
    uint64_t score_every, score_examples; /* 0: no scores while it trains */
    codes_keep keep;                      /* of codes of what is wanted */
    bool keeps;                           /* in its folder too: the run is no rehearsal */
    const char *outputs[MOST_OUTPUTS];    /* decoders that the tasks ask, once they are proved */
    const yml *pack;                      /* targets by decoder; NULL: as many of all */
    uint32_t room[MOST_OUTPUTS];          /* of each output's answers, with pack */
    uint32_t n_outputs;
    codes_maker *codes[MOST_OUTPUTS];     /* by output, while r->teacher is there; NULL: no task
                                           * wants any of it */
    sheet *sheets;                        /* of the pages that are made now */
    uint32_t n_sheets;
    omn_model *teacher; /* borrowed while training: prompts and answers by its parts */
};

/* The keys "sizes" and "groups", once the sources are open; mixture.c */
omn_status mixture_read(omn_recipe *r, const yml *sizes, const yml *groups, omn_error *err);
/* The key "pack", once read, once it is known which decoders are asked; tokens that the answers of
 * a task have room for; pack.c */
omn_status pack_read(omn_recipe *r, const yml *y, omn_error *err);
omn_status pack_prove(omn_recipe *r, omn_error *err);
uint32_t pack_room(const omn_recipe *r, const recipe_task *t);
/* The keys "freeze" and "lora"; what they mean for a store in which every weight of the teacher is
 * declared, and no graph that learns is built; adapt.c */
omn_status patterns_read(omn_recipe *r, const yml *y, const char *what, recipe_patterns *out,
                         omn_error *err);
omn_status adapt_read(omn_recipe *r, const yml *freeze, const yml *lora, omn_error *err);
omn_status adapt_apply(omn_recipe *r, omn_store *store, omn_error *err);
/* A trainer of the recipe with its teacher, whose weights are declared; train.c */
omn_status recipe_trainer(omn_recipe *r, omn_store *store, omn_trainer **out, omn_error *err);
/* The files that belong to a model's weights, copied into the folder of a run unless they are
 * there; companions.c */
omn_status recipe_companions(const omn_model *m, const char *out, omn_error *err);
/* And away again. m: NULL, it was not opened. */
void recipe_alone(const omn_model *m, const char *out);
omn_status recipe_no_memory(const omn_recipe *r, omn_error *err);
/* A number lo..1, or [LEAST, MOST], between which one is drawn; recipe.c */
omn_status recipe_span(const yml *y, const char *name, double lo, double deflt, double out[2],
                       omn_error *err);
/* One of some words, by its number; recipe.c */
omn_status recipe_choice(const yml *y, const char *const *names, int deflt, int *out,
                         omn_error *err);
/* The keys "stages" and "steps", once sources and optimizer are read, and "groups" of an optimizer
 * or of a stage; stages.c */
omn_status stages_read(omn_recipe *r, const yml *y, const yml *steps, omn_error *err);
omn_status groups_read(omn_recipe *r, const yml *y, const omn_train_group **out, size_t *n,
                       omn_error *err);
extern const char *const recipe_curves[]; /* by omn_curve */
/* The key "schedules": numbers of the setup; schedules.c */
omn_status schedules_read(omn_recipe *r, const yml *y, omn_error *err);
/* The keys "start" (one place of weights, or a list of them) and "parts"; NULL: it is not there;
 * start.c */
omn_status start_read(omn_recipe *r, const yml *start, const yml *parts, omn_error *err);
/* Weights number i that a run begins with, those of "start" and behind them those of "parts", and
 * all of them put into its store, in which every weight of the model is declared; start.c */
omn_status start_open(const omn_recipe *r, size_t i, omn_weights **out, omn_error *err);
omn_status start_weights(const omn_recipe *r, const omn_model *m, omn_store *store, size_t *moved,
                         omn_error *err);
/* Rows of the tables of words follow their words, where the model of that folder counts them
 * otherwise; *moved: how many did. start_words.c */
omn_status start_words(const omn_recipe *r, const char *folder, const omn_model *m,
                       omn_store *store, size_t *moved, omn_error *err);
/* Does "parts" say where this weight comes from? */
bool start_is_part(const omn_recipe *r, const char *name);
/* One page of lessons; page.c. user: the recipe. */
omn_page_fn recipe_page;
/* Where a page draws its example from; does a task teach about it in steps that ask an output?
 * page.c. */
bool page_teaches(const recipe_task *t, int source, uint32_t output);
void page_place(const omn_recipe *r, uint64_t index, uint64_t step, size_t *stage, int *source);
/* Codes of what the next pages want, and their examples: for trainer_ahead; forget: without the
 * trainer. example, loaded (a field's file): borrowed; NULL: it has to be read; ahead.c */
trainer_ahead_fn recipe_ahead;
void ahead_forget(omn_recipe *r);
const omn_value *ahead_example(const omn_recipe *r, size_t stage, int source, uint64_t index);
const omn_value *ahead_loaded(const omn_recipe *r, const char *kind, const omn_value *field);
/* The key "keep"; where the teachers' codes come from while r->teacher is there; keep.c */
omn_status keep_read(omn_recipe *r, const yml *y, omn_error *err);
omn_status keep_open(omn_recipe *r, omn_error *err);
void keep_close(omn_recipe *r);
/* The weights are those of the run now. OMN_ERR_CONFIG when the trainer (NULL: none) changes some
 * that codes depend on. */
omn_status keep_settled(omn_recipe *r, const omn_trainer *t, omn_error *err);
/* The lessons of one task alone about an example, with their inputs; page.c. */
omn_status recipe_lessons(const omn_recipe *r, uint32_t task, uint64_t index, omn_call *c,
                          omn_arena *a, omn_page *out, omn_error *err);

/* ---- examples, example.c -------------------------------------------------------------------- */

/* An example of a source and where it stands. */
typedef struct example {
    const omn_recipe *r;
    omn_call *c;
    omn_value *record;                    /* owned */
    const char *file;                     /* NULL: nowhere */
    int32_t line;
} example;
/* Example number index of a source in a split; a failure names its place. */
omn_status example_open(const omn_recipe *r, size_t stage, int source, omn_split split,
                        uint64_t index, omn_call *c, example *out, omn_error *err);
void example_close(example *e);
/* How many examples a split has; OMN_ENDLESS: without end. */
uint64_t example_count(const omn_recipe *r, size_t stage, int source, omn_split split);
/* OMN_ERR_CONFIG at the source's held_out when a split of it is empty. use: "training". */
omn_status example_some(const omn_recipe *r, size_t stage, int source, omn_split split,
                        const char *use, omn_error *err);
/* Which number of the source that is: each epoch of training has its own order. */
uint64_t example_number(const omn_recipe *r, size_t stage, int source, omn_split split,
                        uint64_t index);
/* Puts the task and the example's place in front of an error that names none. Returns st. */
omn_status example_failed(const example *e, const recipe_task *t, omn_status st, omn_error *err);
/* What a task gives to its pipeline and wants of it, for one item of an example (or the example
 * itself). The values are owned by the caller, also after a failure: item_close. */
typedef struct task_item {
    omn_named give[MOST_FIELDS];
    size_t n_give;
    omn_value *want;
    omn_named beside[MOST_FIELDS];
    size_t n_beside;
} task_item;
omn_status item_open(const example *e, const recipe_task *t, const omn_value *item, task_item *out,
                     omn_error *err);
/* The same for who judges: `want` is what the measure compares with, and with what goes beside. */
omn_status item_judged(const example *e, const recipe_task *t, const omn_value *item,
                       task_item *out, omn_error *err);
void item_close(task_item *i);
/* The value in the file that a field names, relative to the example's folder. */
omn_status example_load(const example *e, const char *type, const omn_value *v, omn_value **out,
                        omn_error *err);
/* The items that a task asks about: the list, or NULL and the example itself. */
omn_status item_list(const example *e, const recipe_task *t, const omn_value **list,
                     omn_error *err);
/* A field of an item by path: "question", or "/image" of the whole example; NULL when it is not
 * there. */
const omn_value *recipe_get(const omn_value *whole, const omn_value *item, const char *path);

/* The object that a place of the recipe names, "NAME", "{NAME: {..}}" or "{use: NAME, ..}", with
 * its parameters: set has room for 32; measure.c */
omn_status named_object(const omn_recipe *r, const yml *y, const char *deflt, const char **name,
                        omn_setting *set, size_t *n, omn_error *err);
/* Opens it; files that its parameters name lie beside the recipe. NULL after a failure, which err
 * tells; measure.c */
omn_part *recipe_part(const omn_recipe *r, const char *role, const char *kind, const char *object,
                      omn_setting *set, size_t n, omn_error *err);
/* An object that the recipe names could not be opened: the place y joins the error. Returns its
 * status; measure.c */
omn_status object_failed(const yml *y, omn_error *err);
/* The keys "judge", "beside" and "through" of a task whose "want" is read; measure.c */
omn_status judge_read(recipe_task *t, const yml *y, omn_error *err);
/* Opens the measure of a task; measure.c */
omn_status recipe_measure(omn_recipe *r, recipe_task *t, omn_error *err);
/* The text of a value in lower case with single spaces and no marks at its end, owned: how kinds of
 * questions are named; NULL without memory. eval.c */
char *kind_name(const omn_value *v);

/* ---- a run's folder ------------------------------------------------------------------------- */

/* One training at a time in a folder: OMN_ERR_IO while another process has it. -1: not held;
 * lock.c */
omn_status folder_lock(const char *folder, int *out, omn_error *err);
void folder_unlock(const char *folder, int held);
/* May a run write into this folder? folder.c */
omn_status folder_allowed(const omn_recipe *r, const omn_model *m, const char *folder, bool replace,
                          omn_error *err);
/* Makes it if it is not there (made: set then); undo: removes what a run that made no step left. */
omn_status folder_make(const char *folder, bool *made, omn_error *err);
void folder_undo(const omn_model *m, const char *folder);
/* The log's first line; a step's row (scores: by task, NAN unknown; NULL: none); row.c */
void row_head(const omn_recipe *r, omn_buf *out);
void row_put(const omn_recipe *r, const omn_train_report *rep, const double *scores, omn_buf *out);
/* Scores of the model in a folder on held-out examples, one for each task of the recipe; and are
 * there some? */
omn_status row_scores(omn_recipe *r, const char *folder, omn_cancel *cancel, double *scores,
                      omn_error *err);
omn_status row_prove(const omn_recipe *r, omn_error *err);
/* Data and roles against the model; makes it the teacher of all tasks that count, and sets what the
 * setup has to know of them (roles, output, modalities). taught: it is no longer the teacher, as
 * must be before it is closed, also after a failure; prove.c */
omn_status recipe_prove(omn_recipe *r, omn_model *m, omn_error *err);
void recipe_taught(omn_recipe *r);

#endif
