/* SPDX-License-Identifier: Apache-2.0 */
/* omnio run --plan: each question of a pipeline as the model would get it, its texts and their ids,
 * how the answer is searched for and which ids it may begin with. Nobody answers, so the steps that
 * need an answer are left out, which is told. */
#include "plan.h"

#include <stdlib.h>
#include <string.h>

typedef struct planning {
    running *r;
    const models *models;
    omn_call *call;
    bool any;                     /* a question of this run was told */
} planning;

/* "  max_tokens   64"; what has members of its own stands below, further in. */
static void put_lines(const omn_value *record, int indent, omn_buf *b)
{
    for (size_t i = 0; i < omn_record_count(record); i++) {
        const char *name = NULL;
        const omn_value *v = omn_record_at(record, i, &name);
        const bool list = omn_value_is(v, "list") && omn_list_count(v);
        if (list && omn_value_is(omn_list_at(v, 0), "record")) {
            for (size_t k = 0; k < omn_list_count(v); k++) {
                omn_buf_printf(b, "%*s%s %zu\n", indent, "", name, k + 1);
                put_lines(omn_list_at(v, k), indent + 2, b);
            }
            continue;
        }
        omn_buf_printf(b, "%*s%-*s ", indent, "", 16 - indent, name);
        if (!strcmp(name, "text")) json_text(b, omn_text_get(v, NULL));
        else if (omn_text_get(v, NULL)) omn_buf_puts(b, omn_text_get(v, NULL));
        else omn_value_json(v, b);
        omn_buf_puts(b, "\n");
    }
}

static void put_question(planning *k, const char *step, const omn_value *question, omn_buf *b)
{
    const cli *c = k->r->c;
    if (c->format == CLI_TEXT) {
        if (k->any) omn_buf_puts(b, "\n");
        omn_buf_printf(b, "%s\n", step);
        put_lines(question, 2, b);
        return;
    }
    if (c->format == CLI_JSON) omn_buf_puts(b, k->any ? ",\n" : "[\n");
    omn_buf_printf(b, "{\"type\":\"question\",\"version\":%d,\"item\":%llu,\"step\":",
                   CLI_JSON_VERSION, (unsigned long long)k->r->item);
    json_text(b, step);
    omn_buf_puts(b, ",\"request\":");
    omn_value_json(question, b);
    omn_buf_puts(b, c->format == CLI_JSONL ? "}\n" : "}");
}

static omn_status on_question(void *user, const char *step, const omn_request *rq, bool *ask,
                              omn_value **instead, omn_error *err)
{
    planning *k = user;
    omn_value *question = NULL;
    omn_buf b;
    (void)instead;
    omn_model *by = models_asked(k->models, k->r->p, rq);
    omn_status st = omn_request_describe(by, k->call, rq, &question, err);
    if (st != OMN_OK) {
        omn_error_prefix(err, "%s", step);
        return st;
    }
    omn_buf_init(&b, OMN_TEXT_MOST);
    put_question(k, step, question, &b);
    omn_value_unref(question);
    if (!cli_put(k->r->c, &b)) st = omn_fail(err, k->r->c->lost, "standard output is lost");
    omn_buf_fini(&b);
    k->any = true;
    *ask = false;
    return st;
}

/* Steps that are left out, and the like. */
static omn_status say_notes(const running *r, const omn_pipeline_run *state, omn_error *err)
{
    omn_value *told = NULL;
    const omn_status st = omn_pipeline_run_told(state, &told, err);
    const omn_value *notes = st == OMN_OK ? omn_record_get(told, "notes") : NULL;
    for (size_t i = 0; notes && !r->c->quiet && i < omn_list_count(notes); i++)
        cli_say(r->c, "%s", omn_text_get(omn_list_at(notes, i), NULL));
    omn_value_unref(told);
    return st;
}

static omn_status one_item(running *r, omn_pipeline_run *state, const item *it, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_value *record = NULL;
    OMN_TRY(omn_pipeline_run_one(state, it->inputs, it->n, it->index, &record, err));
    OMN_TRY(say_notes(r, state, err));
done:
    omn_value_unref(record);
    return st;
}

int plan_items(running *r, omn_pipeline *p, const models *m, const omn_pipeline_setup *how,
               items *list)
{
    cli *c = r->c;
    omn_status st = OMN_OK;
    omn_error err = OMN_ERROR_INIT;
    planning k = { .r = r, .models = m };
    omn_pipeline_run *state = NULL;
    omn_pipeline_setup mine = *how;
    bool end = false;
    mine.model = m->own_model;
    mine.watch = NULL;
    mine.user = &k;
    mine.asking = on_question;
    mine.wanted = NULL;
    mine.n_wanted = 0;
    OMN_TRY(omn_context_call(c->ctx, 0, 0, c->cancel, &k.call, &err));
    OMN_TRY(omn_pipeline_run_new(p, &mine, &state, &err));
    while (!end && st == OMN_OK && !cli_stopped(c)) {
        item it = { 0 };
        st = items_next(list, &it, &end, &err);
        r->item = it.index;
        if (st == OMN_OK && !end) st = one_item(r, state, &it, &err);
        item_fini(&it);
    }
done:
    omn_pipeline_run_free(state);
    omn_call_free(k.call);
    if (c->format == CLI_JSON && !cli_puts(c, k.any ? "\n]\n" : "[]\n")) return cli_lost(c);
    if (c->lost) return cli_lost(c);
    if (st != OMN_OK) return cli_failed(c, &err);
    if (!k.any && !c->quiet && !cli_stopped(c)) cli_say(c, "the model is asked nothing");
    return cli_stopped(c);
}
