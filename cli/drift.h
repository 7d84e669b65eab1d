/* SPDX-License-Identifier: Apache-2.0 */
/* Two models on the same items: how far apart their answers are, gathered by task, output and
 * kind. */
#ifndef OMNIO_CLI_DRIFT_H
#define OMNIO_CLI_DRIFT_H

#include "items.h"

typedef struct drift_figure {
    const char *name, *unit; /* unit NULL: a share; "": none */
    omn_apart_fold fold;
    double sum, most;
    uint64_t n;
} drift_figure;

#define DRIFT_MOST_FIGURES 96

/* What is told of one kind, of one output of one task; of all of them where these are NULL. */
typedef struct drift_row {
    const char *task, *output, *kind;
    drift_figure figures[DRIFT_MOST_FIGURES]; /* the first: whether they are equal */
    size_t n;
} drift_row;

typedef struct drift drift;

/* a and b have the same vocabularies, or OMN_ERR_UNSUPPORTED with the first difference. */
omn_status drift_new(cli *c, omn_model *a, omn_model *b, drift **out, omn_error *err);
void drift_free(drift *d);
/* All items of a pipeline through both models. differs: told of each pair of outputs that are not
 * equal; may be NULL. An item that neither model can answer is told and counted; other failures are
 * returned. task: borrowed as long as d. */
typedef void drift_differs_fn(void *user, const char *task, const char *output, const item *it,
                              const omn_value *a, const omn_value *b);
omn_status drift_run(drift *d, const char *task, omn_pipeline *p, items *list,
                     drift_differs_fn *differs, void *user, omn_error *err);
/* Rows in the order in which they came up; those of all tasks, one for each kind, behind them. */
omn_status drift_rows(drift *d, const drift_row *const **rows, size_t *n, omn_error *err);
uint64_t drift_items(const drift *d);
uint64_t drift_failed(const drift *d);

#endif
