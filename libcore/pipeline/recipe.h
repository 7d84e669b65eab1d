/* SPDX-License-Identifier: Apache-2.0 */
/* A recipe after reading. Not installed. */
#ifndef OMNIO_PIPELINE_RECIPE_H
#define OMNIO_PIPELINE_RECIPE_H

#include "plan.h"

#include "../generate/open.h"

#define MOST_SOURCES 16
#define MOST_TASKS 64
#define MOST_STAGES 16
#define MOST_FIELDS 16
#define MOST_STARTS 16

typedef struct recipe_field { const char *name, *path; } recipe_field;

typedef enum measure {
    MEASURE_NONE,
    MEASURE_EXACT,
    MEASURE_BOX,
    MEASURE_DETECT,
    MEASURE_PHRASES
} measure;

typedef struct recipe_task {
    const char *name, *file;
    omn_pipeline *pipeline;
    const yml *at;
    int source;
    const char *each, *kind, *want;       /* want: field of the wanted output */
    const char *want_output;              /* which output of the pipeline that is */
    recipe_field give[MOST_FIELDS];
    size_t n_give;
    double weight, end;
    measure measure;
    const char *const *words;             /* phrases: the words that count */
    size_t n_words;
} recipe_task;

typedef struct recipe_source {
    const char *name, *use;
    const yml *at;
    double share;
} recipe_source;

typedef struct recipe_stage {
    const char *name;
    uint64_t steps;
    const yml *at;                        /* overrides of sources; NULL: none */
    omn_part *parts[MOST_SOURCES];        /* opened sources of this stage */
} recipe_stage;

struct omn_recipe {
    omn_context *ctx;
    omn_arena *arena;
    omn_call *call;
    omn_open *open;
    const yml *root;
    const char *path, *folder, *model;    /* model: folder with the configuration */
    const char *start[MOST_STARTS];       /* weights to begin with: their mean; none: nothing */
    size_t n_start;
    recipe_source sources[MOST_SOURCES];
    size_t n_sources;
    recipe_task tasks[MOST_TASKS];
    size_t n_tasks;
    recipe_stage stages[MOST_STAGES];
    size_t n_stages;
    omn_train_setup setup;
    omn_train_again again[MOST_STAGES];   /* of the stages that begin the schedule again */
    const char *task_names[MOST_TASKS];
    const omn_cells_impl *cells;          /* of the first source; NULL: no auxiliary labels */
    uint32_t rows, columns;               /* of its grid */
    double location_features; /* deviation of the frequencies; 0: rows stay as they were made */
    uint64_t save_every;
    omn_type export_type;
    bool skip_bad;
    omn_model *teacher; /* borrowed while training: prompts and answers by its codecs */
};

/* The files that belong to a model's weights, copied into the folder of a run unless they are
 * there; companions.c */
omn_status recipe_companions(const omn_model *m, const char *out, omn_error *err);
/* Weights number i that a run begins with, and all of them put into its store; start.c */
omn_status start_open(const omn_recipe *r, size_t i, omn_weights **out, omn_error *err);
omn_status start_weights(const omn_recipe *r, omn_model *m, omn_store *store, omn_error *err);
/* One page of lessons; page.c. user: the recipe. */
omn_page_fn recipe_page;
/* A field of an item by path: "question", or "/image" of the whole example; NULL when it is not
 * there. */
const omn_value *recipe_get(const omn_value *example, const omn_value *item, const char *path);
/* Example number index of a task's source in a split. */
omn_status recipe_example(const omn_recipe *r, size_t stage, int source, omn_split split,
                          uint64_t index, omn_call *c, omn_value **out, omn_error *err);

#endif
