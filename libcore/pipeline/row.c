/* SPDX-License-Identifier: Apache-2.0 */
/* What a training run writes down of each step, and how well the model does on held-out examples
 * while it learns: every so many steps the weights so far are scored as omnio eval would. */
#include "recipe.h"

#include "plot.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool scored(const omn_recipe *r, size_t task)
{
    return r->score_every && r->tasks[task].measure && r->tasks[task].weight > 0;
}

static void put_name(omn_buf *out, const char *what, const char *name)
{
    omn_buf_puts(out, what);
    for (; *name; name++)                                        /* it cannot break the table */
        omn_buf_put(out, strchr(",\"\r\n", *name) ? "_" : name, 1);
}

void row_head(const omn_recipe *r, omn_buf *out)
{
    omn_buf_puts(out, LOG_HEAD);
    for (size_t i = 0; i < r->n_tasks; i++) put_name(out, ",loss.", r->tasks[i].name);
    for (size_t i = 0; i < r->setup.n_modalities; i++)
        put_name(out, ",modality.", r->modalities[i]);
    for (size_t i = 0; i < r->n_tasks; i++)
        if (scored(r, i)) put_name(out, ",score.", r->tasks[i].name);
}

static void put_figure(omn_buf *out, const double *list, size_t i)
{
    omn_buf_puts(out, ",");
    if (list && isfinite(list[i])) omn_buf_printf(out, "%.6g", list[i]);
}

void row_put(const omn_recipe *r, const omn_train_report *rep, const double *scores, omn_buf *out)
{
    omn_buf_printf(out, "%llu,%llu,%llu,%.6g,%.6g,%.6g,%.6g,%.6g,%.3f",
                   (unsigned long long)rep->step, (unsigned long long)rep->pages,
                   (unsigned long long)rep->lessons, rep->loss, rep->text_loss, rep->aux_loss,
                   rep->gradient_norm, rep->rate, rep->seconds);
    for (size_t i = 0; i < r->n_tasks; i++) put_figure(out, rep->task_loss, i);
    for (size_t i = 0; i < r->setup.n_modalities; i++) put_figure(out, rep->modality_loss, i);
    for (size_t i = 0; i < r->n_tasks; i++)
        if (scored(r, i)) put_figure(out, scores, i);
    omn_buf_puts(out, "\n");
}

/* The figure of a task: its first row, or the mean of its kinds. */
typedef struct figures {
    const omn_recipe *r;
    double *scores;
    char first[MOST_TASKS][64];
} figures;

static void on_row(void *user, const omn_score_row *row)
{
    figures *f = user;
    for (size_t i = 0; i < f->r->n_tasks; i++) {
        if (strcmp(f->r->tasks[i].name, row->task)) continue;
        if (!f->first[i][0])
            snprintf(f->first[i], sizeof f->first[i], "%s", row->measure);
        if (!strncmp(f->first[i], row->measure, sizeof f->first[i] - 1)) f->scores[i] = row->value;
    }
}

omn_status row_scores(omn_recipe *r, const char *folder, omn_cancel *cancel, double *scores,
                      omn_error *err)
{
    omn_status st = OMN_OK;
    omn_model *m = NULL;
    const char *names[MOST_TASKS];
    figures f = { .r = r, .scores = scores };
    omn_eval_setup how = { OMN_FILL(omn_eval_setup), .examples = r->score_examples, .tasks = names,
                           .user = &f, .row = on_row, .cancel = cancel };
    for (size_t i = 0; i < r->n_tasks; i++) {
        scores[i] = (double)NAN;
        if (scored(r, i)) names[how.n_tasks++] = r->tasks[i].name;
    }
    if (!how.n_tasks) return OMN_OK;
    OMN_TRY(omn_model_open(r->ctx, folder, NULL, &m, err));
    OMN_TRY(omn_recipe_eval(r, m, &how, err));
done:
    omn_model_close(m);
    return st;
}

omn_status row_prove(const omn_recipe *r, omn_error *err)
{
    omn_status st = OMN_OK;
    for (size_t i = 0; i < r->n_tasks && st == OMN_OK; i++)
        if (scored(r, i))
            st = example_some(r, 0, r->tasks[i].source, OMN_SPLIT_HELD_OUT, "evaluation", err);
    return st;
}
