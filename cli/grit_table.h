/* SPDX-License-Identifier: Apache-2.0 */
/* What many answers to the tasks of GRIT come to: its measures of accuracy, of confidence and of
 * robustness, by source, concept and distortion, with bounds in which the mean lies 95 times of
 * 100. */
#ifndef OMNIO_CLI_GRIT_TABLE_H
#define OMNIO_CLI_GRIT_TABLE_H

#include <omnio/base.h>

enum { GRIT_TASKS = 7, GRIT_GROUPS = 24 };
/* The tasks in the order of their short names, and the groups of concepts. */
extern const char *const grit_task_names[GRIT_TASKS];
extern const char *const grit_task_short[GRIT_TASKS];
extern const char *const grit_groups[GRIT_GROUPS];

typedef enum grit_part {
    GRIT_SAME_SOURCE, GRIT_NEW_SOURCE, GRIT_SAME_CONCEPT, GRIT_NEW_CONCEPT, GRIT_DISTORTED,
    GRIT_UNDISTORTED, GRIT_LOST, GRIT_ALL_SOURCES, GRIT_PARTS
} grit_part;
extern const char *const grit_part_names[GRIT_PARTS];
typedef enum grit_figure {
    GRIT_ACCURACY, GRIT_CONFIDENCE, GRIT_INFORMATION, GRIT_MISINFORMATION, GRIT_RMSE,
    GRIT_SELF_AWARE, GRIT_FIGURES
} grit_figure;
extern const char *const grit_figure_names[GRIT_FIGURES];

typedef struct grit_answer {
    const char *id;             /* copied; a distorted sample has that of its twin and "_dist" */
    int task;
    double worth, confidence;   /* 0..1 */
    bool new_source, new_concept, distorted;
    uint32_t groups;            /* bit k: a concept of group k */
} grit_answer;

typedef struct grit_table grit_table;
grit_table *grit_table_new(void);       /* NULL: no memory */
void grit_table_free(grit_table *t);
omn_status grit_table_add(grit_table *t, const grit_answer *a, omn_error *err);

/* One figure. count 0: none is told (means over parts). */
typedef struct grit_value { double mean, lower, upper; uint64_t count; } grit_value;
/* Of one task (0..GRIT_TASKS - 1), or of all (GRIT_TASKS), over the samples of a group (-1: any).
 * False: too few samples, fewer than two. Of all tasks those without answers are worth nothing.
 * [any] after the last answer was added and grit_table_sort called. */
bool grit_table_value(const grit_table *t, grit_figure f, int group, grit_part p, int task,
                      grit_value *out);
/* Answers by name, which finds twins. OMN_ERR_DATA: one name twice in a task. */
omn_status grit_table_sort(grit_table *t, omn_error *err);
/* Has a task answers? */
bool grit_table_has(const grit_table *t, int task);
/* The flat JSON object that the benchmark publishes, keys sorted; params in millions. */
void grit_table_json(const grit_table *t, int64_t params, omn_buf *out);

#endif
