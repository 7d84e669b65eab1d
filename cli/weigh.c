/* SPDX-License-Identifier: Apache-2.0 */
/* The importance of columns: the model answers tasks on lines of a batch, or on the examples of a
 * recipe, while its products are watched. The answers themselves are nobody's. */
#include "weigh.h"

#include "items.h"
#include "shelf.h"

#include <math.h>

static omn_status answer(cli *c, omn_pipeline_run *run, items *list, const char *task,
                         uint64_t *answered, omn_error *err)
{
    bool end = false;
    while (!end && !omn_cancel_get(c->cancel)) {
        item it;
        omn_value *out = NULL;
        omn_error why = OMN_ERROR_INIT;
        omn_status st = items_next(list, &it, &end, &why);
        if (st == OMN_OK && !end) {
            st = omn_pipeline_run_one(run, it.inputs, it.n, it.index, &out, &why);
            *answered += st == OMN_OK;
        }
        omn_value_unref(out);
        if (st != OMN_OK && !end && st != OMN_ERR_MEMORY && st != OMN_ERR_CANCELLED)
            cli_say(c, "%s %s: %.900s", task, it.label, why.text);
        else if (st != OMN_OK)
            end = true;
        item_fini(&it);
        if (st != OMN_OK && end) return omn_fail(err, st, "%s", why.text);
    }
    return omn_cancel_get(c->cancel) ? omn_fail(err, OMN_ERR_CANCELLED, "stopped") : OMN_OK;
}

static int ask(cli *c, const cli_args *a, const char *task, omn_model *m, uint64_t *answered)
{
    omn_error err = OMN_ERROR_INIT;
    omn_pipeline *p = NULL;
    omn_pipeline_run *run = NULL;
    items *list = NULL;
    int code = -1;
    const omn_pipeline_setup how = { OMN_FILL(omn_pipeline_setup), .model = m, .temperature = NAN,
                                     .top_p = NAN, .cancel = c->cancel };
    omn_status st = shelf_open_pipeline(c, task, NULL, 0, &p, &err);
    if (st == OMN_OK && !omn_pipeline_model(p))
        st = omn_fail(&err, OMN_ERR_CONFIG, "%s asks no model", omn_pipeline_path(p));
    if (st == OMN_OK) st = omn_pipeline_run_new(p, &how, &run, &err);
    if (st == OMN_OK) code = items_open(c, a, p, ITEMS_LOAD, &list);
    if (st == OMN_OK && code < 0) st = answer(c, run, list, task, answered, &err);
    if (st != OMN_OK) code = cli_stopped(c) ? cli_stopped(c) : cli_failed(c, &err);
    items_close(list);
    omn_pipeline_run_free(run);
    omn_pipeline_close(p);
    return code;
}

static int finish(cli *c, int code, uint64_t answered, const char *of, const omn_importance *to)
{
    omn_error err = OMN_ERROR_INIT;
    if (code < 0 && !answered) {
        omn_fail(&err, OMN_ERR_FAILED, "no %s could be answered: the importance of columns is "
                 "unknown", of);
        return cli_failed(c, &err);
    }
    if (code < 0)
        cli_say(c, "columns of %zu matrices weighed by %llu answers", omn_importance_count(to),
                (unsigned long long)answered);
    return code;
}

int weigh_run(cli *c, cli_args *a, const char *model, omn_importance *to)
{
    omn_error err = OMN_ERROR_INIT;
    omn_model *m = NULL;
    uint64_t answered = 0;
    int code = -1;
    const size_t operands = a->n_operands;
    if (shelf_open_model(c, model, &m, &err) != OMN_OK) return cli_failed(c, &err);
    omn_program_watch(omn_model_program(m), to);
    a->n_operands = 0; /* they are no inputs */
    for (size_t i = 0; i < cli_count(a, "task") && code < 0; i++)
        code = ask(c, a, cli_nth(a, "task", i), m, &answered);
    a->n_operands = operands;
    code = finish(c, code, answered, "line of --batch", to);
    omn_model_close(m);
    return code;
}

/* ---- recipes -------------------------------------------------------------------------------- */

static void no_row(void *user, const omn_score_row *row)
{
    (void)user;
    (void)row;
}

static void count(void *user, const omn_score_answer *a)
{
    (void)a;
    ++*(uint64_t *)user;
}

int weigh_recipe(cli *c, const cli_args *a, const char *model, omn_importance *to)
{
    omn_error err = OMN_ERROR_INIT;
    omn_model *m = NULL;
    omn_recipe *r = NULL;
    uint64_t answered = 0;
    const omn_eval_setup how = { OMN_FILL(omn_eval_setup), .user = &answered, .row = no_row,
                                 .examples = (uint64_t)cli_number(a, "examples", 50),
                                 .answer = count, .cancel = c->cancel };
    omn_status st = omn_recipe_open(c->ctx, cli_text(a, "importance"), NULL, 0, &r, &err);
    if (st == OMN_OK) st = shelf_open_model(c, model, &m, &err);
    if (st == OMN_OK) {
        omn_program_watch(omn_model_program(m), to);
        st = omn_recipe_eval(r, m, &how, &err);
    }
    int code = -1;
    if (st != OMN_OK) code = cli_stopped(c) ? cli_stopped(c) : cli_failed(c, &err);
    code = finish(c, code, answered, "example of --importance", to);
    omn_model_close(m);
    omn_recipe_close(r);
    return code;
}
