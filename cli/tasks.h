/* SPDX-License-Identifier: Apache-2.0 */
/* What a model can be asked: the pipelines of the shelf that it passes the proof of, and what each
 * takes. */
#ifndef OMNIO_CLI_TASKS_H
#define OMNIO_CLI_TASKS_H

#include "cli.h"

typedef struct cli_task {
    char *name, *path;
    bool own;                             /* made for models of this family */
    omn_pipeline_cost cost;
} cli_task;

typedef struct cli_tasks {
    cli_task *list;
    size_t n, n_own;                      /* its own stand in front, each in the shelf's order */
    bool no_memory;                       /* and so not all of them */
} cli_tasks;

/* Every task of the model, which may lack weights and tokenizer. */
void tasks_find(cli *c, omn_model *m, cli_tasks *out);
/* Of its own tasks, or of all where it has none, the one that takes least memory, or most; NULL:
 * there is none. */
const cli_task *tasks_extreme(const cli_tasks *t, bool most);
/* What the model is for by its family's word (omn_model_task), else its own task that takes least;
 * NULL: there is none. */
const cli_task *tasks_main(const cli_tasks *t, const omn_model *m);
void tasks_fini(cli_tasks *t);

#endif
