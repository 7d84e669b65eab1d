/* SPDX-License-Identifier: Apache-2.0 */
/* Exams beyond one recipe: the seven tasks of GRIT, all tasks that a model has, and doubt before
 * pictures of another world. */
#ifndef OMNIO_CLI_EXAM_H
#define OMNIO_CLI_EXAM_H

#include "cli.h"

typedef struct exam_setup {
    omn_model *model;
    omn_recipe *learnt;           /* the recipe that the model was made by; NULL: unknown */
    uint64_t examples;
    const char *const *tasks;     /* none: all */
    size_t n_tasks;
    const char *submission;       /* a folder that is made for GRIT's files; NULL: none */
    const char *strangers;        /* a folder of pictures of another world; NULL: none */
} exam_setup;

/* GRIT on an open recipe whose tasks have its names: asked of the pictures as they are and of
 * distorted ones, told as a table or as JSON. *rows: rows of JSON so far, for who tells more. */
omn_status exam_grit(cli *c, omn_recipe *r, const exam_setup *how, uint64_t *rows, omn_error *err);
/* How well confidence tells a recipe's held-out pictures from those of a folder: for each task the
 * share of pairs (one of each) in which the held-out one is answered more surely, AUROC. */
omn_status exam_strangers(cli *c, omn_recipe *r, const exam_setup *how, uint64_t *rows,
                          omn_error *err);
/* Parameters of a model in millions, as a submission has them. */
int64_t exam_millions(const omn_model *m);
/* One row of JSON; its text goes behind the comma or the bracket that it needs. */
void exam_row(cli *c, omn_buf *b, uint64_t *rows);
/* "97.7%", right-aligned; "-": NAN. */
void exam_share(double x, int width, omn_buf *b);
/* Tells of a task that is not asked. */
void exam_unable(cli *c, const char *task, const char *pipeline, const char *why, uint64_t *rows);

#endif
