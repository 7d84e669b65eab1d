/* SPDX-License-Identifier: Apache-2.0 */
/* omnio eval: a model on the held-out examples of a recipe, task by task, beside the answer that is
 * right most often. */
#include "shelf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int eval(cli *c, int argc, char **argv);

static const cli_option rows[] = {
    { "model", 'm', "string", "MODEL", "nano", NULL, NULL, "Evaluation",
      "folder or name of the model" },
    { "examples", 'n', "int64", "N", "2000", "1..", NULL, "Evaluation",
      "most held-out examples for each task; each is asked once" },
    { "task", 0, "string", "NAME", NULL, NULL, NULL, "Evaluation",
      "only this task; may be repeated" },
    { "set", 0, "string", "KEY=VALUE", NULL, NULL, NULL, "Evaluation",
      "change a value of the recipe; may be repeated" },
    { "answers", 0, "path", "FILE", NULL, NULL, NULL, "Output",
      "every answer beside the wanted one, as JSON Lines" },
    { "overwrite", 0, "flag", NULL, NULL, NULL, NULL, "Output",
      "the file of answers may replace an existing one" },
};

static const cli_example examples[] = {
    { "omnio eval models/nano/recipe.yaml -n 200", "the model that ships, quickly" },
    { "omnio eval recipe.yaml -m ./run1 --task vqa --format json", "one task of a training run" },
    { "omnio eval recipe.yaml -m ./run1 --answers answers.jsonl", "to see what it gets wrong" },
};

const cli_command cmd_eval = { "eval",
                               "RECIPE",
                               "Score a model on held-out examples.",
                               "Each row is a task and a kind of it: the score, the score of the "
                               "answer that is right most often, and how many "
                               "were asked. The examples are those that training never sees. "
                               "--answers writes what was asked, answered and wanted; Ctrl-C keeps "
                               "what is there by then.",
                               CLI_ROWS(rows),
                               CLI_MACHINE | CLI_PRECISION | CLI_FORMAT,
                               CLI_ROWS(examples),
                               "omnio-recipe(5), omnio-train(1)",
                               "file",
                               eval };

typedef struct table {
    cli *c;
    uint64_t rows;
    omn_file *answers;        /* NULL: not wanted */
    omn_error err;            /* of writing them */
} table;

/* " 85.3%", "12.4 deg" or "-" */
static void put_score(double x, const char *unit, int width, omn_buf *b)
{
    if (isnan(x)) omn_buf_printf(b, "%*s", width + 1, "-");
    else if (unit) omn_buf_printf(b, "%*.4g%s%s", width + 1, x, unit[0] ? " " : "", unit);
    else omn_buf_printf(b, "%*.1f%%", width, 100 * x);
}

static void on_row(void *user, const omn_score_row *row)
{
    table *t = user;
    omn_buf b;
    omn_buf_init(&b, 1 << 16);
    if (t->c->format == CLI_TEXT) {
        if (!t->rows)
            omn_buf_printf(&b, "%-16s %-12s %-9s %7s  %8s  %7s\n", "task", "kind", "measure",
                           "score", "majority", "n");
        omn_buf_printf(&b, "%-16s %-12s %-9s ", row->task, row->kind, row->measure);
        put_score(row->value, row->unit, 6, &b);
        omn_buf_puts(&b, "  ");
        put_score(row->baseline, row->unit, 7, &b);
        omn_buf_printf(&b, "  %7llu\n", (unsigned long long)row->n);
    } else {
        if (t->c->format == CLI_JSON) omn_buf_puts(&b, t->rows ? ",\n" : "[\n");
        omn_buf_printf(&b, "{\"type\":\"score\",\"version\":%d,\"task\":", CLI_JSON_VERSION);
        json_text(&b, row->task);
        omn_buf_puts(&b, ",\"kind\":");
        json_text(&b, row->kind);
        omn_buf_puts(&b, ",\"measure\":");
        json_text(&b, row->measure);
        omn_buf_puts(&b, ",\"score\":");
        omn_number_print(row->value, &b);
        omn_buf_puts(&b, ",\"majority\":");
        omn_number_print(row->baseline, &b);
        if (row->unit) {
            omn_buf_puts(&b, ",\"unit\":");
            json_text(&b, row->unit);
        }
        if (row->less) omn_buf_puts(&b, ",\"less_is_better\":true");
        omn_buf_printf(&b, ",\"n\":%llu}%s", (unsigned long long)row->n,
                       t->c->format == CLI_JSON ? "" : "\n");
    }
    t->rows++;
    cli_put(t->c, &b);
    omn_buf_fini(&b);
}

static void on_answer(void *user, const omn_score_answer *a)
{
    table *t = user;
    omn_buf b;
    if (t->err.status) return;
    omn_buf_init(&b, 1 << 26);
    omn_buf_printf(&b, "{\"type\":\"answer\",\"version\":%d,\"task\":", CLI_JSON_VERSION);
    json_text(&b, a->task);
    omn_buf_puts(&b, ",\"kind\":");
    json_text(&b, a->kind);
    omn_buf_printf(&b, ",\"example\":%llu", (unsigned long long)a->example);
    if (a->file) {
        omn_buf_puts(&b, ",\"file\":");
        json_text(&b, a->file);
        omn_buf_printf(&b, ",\"line\":%d", a->line);
    }
    omn_buf_puts(&b, ",\"inputs\":");
    omn_value_json(a->inputs, &b);
    omn_buf_puts(&b, ",\"answer\":");
    omn_value_json(a->answer, &b);
    omn_buf_puts(&b, ",\"wanted\":");
    omn_value_json(a->wanted, &b);
    omn_buf_printf(&b, ",\"right\":%s}\n", a->right ? "true" : "false");
    if (omn_buf_check(&b, "an answer", &t->err) == OMN_OK)
        omn_file_write(t->answers, b.data, b.length, &t->err);
    if (t->err.status) omn_cancel_set(t->c->cancel);    /* the rest would be lost */
    omn_buf_fini(&b);
}

static void on_note(void *user, const char *text)
{
    const table *t = user;
    if (!t->c->quiet) cli_say(t->c, "%s", text);
}

/* --overwrite is for answers of before: not for the recipe, its manifests or anything else. */
static omn_status check_answers(const char *path, omn_error *err)
{
    static const char head[] = "{\"type\":\"answer\"";
    char begin[sizeof head] = "";
    FILE *f = fopen(path, "rb");
    if (!f) return OMN_OK;
    const size_t n = fread(begin, 1, sizeof head - 1, f);
    fclose(f);
    if (n == 0 || !memcmp(begin, head, sizeof head - 1)) return OMN_OK;
    return omn_fail(err, OMN_ERR_ARGUMENT,
                    "%s is there and holds no answers of omnio eval; it is not replaced", path);
}

/* Runs the evaluation. Answers told before somebody stopped it are kept. */
static omn_status score(table *t, omn_recipe *r, omn_model *m, omn_eval_setup *how,
                        const char *answers, omn_overwrite replace, omn_error *err)
{
    omn_status st = OMN_OK;
    if (answers && replace == OMN_OVERWRITE) OMN_TRY(check_answers(answers, err));
    if (answers) cli_sweep_beside(answers);
    if (answers) OMN_TRY(omn_file_create(answers, replace, &t->answers, err));
    how->answer = answers ? on_answer : NULL;
    cli_keep(t->c, answers != NULL); /* those told before somebody stops are kept */
    st = omn_recipe_eval(r, m, how, err);
    if (st == OMN_OK && !t->err.status && !t->rows) {
        st = omn_fail(err, OMN_ERR_DATA, "nothing was scored: no held-out example has what its task"
                      " gives and wants; what was left out is told above");
        goto done;
    }
    if (t->err.status) {
        *err = t->err;
        st = (omn_status)err->status;
    } else if (answers && (st == OMN_OK || st == OMN_ERR_CANCELLED)) {
        const omn_status kept = omn_file_commit(t->answers, &t->err);
        if (kept != OMN_OK) {       /* more to know than that it was stopped */
            *err = t->err;
            st = kept;
        }
    }
done:
    omn_file_free(t->answers);
    return st;
}

static int eval(cli *c, int argc, char **argv)
{
    cli_args a = { 0 };
    omn_setting *set = NULL;
    size_t n_set = 0;
    omn_recipe *r = NULL;
    omn_model *m = NULL;
    omn_error err = OMN_ERROR_INIT;
    const char *tasks[64];
    cli_rows(&a, &cmd_eval, NULL, 0);
    int code = cli_parse(c, &a, argc, argv, CLI_ALL);
    if (code < 0 && a.n_operands != 1) code = cli_usage(c, "one recipe is wanted");
    if (code < 0) code = cli_settings(c, &a, &set, &n_set);
    if (code < 0) code = cli_session(c, &a);
    if (code >= 0) goto done;
    size_t n_tasks = cli_count(&a, "task");
    if (n_tasks > 64) n_tasks = 64;
    for (size_t i = 0; i < n_tasks; i++) tasks[i] = cli_nth(&a, "task", i);
    table t = { .c = c, .err = OMN_ERROR_INIT };
    omn_eval_setup how = {
        OMN_FILL(omn_eval_setup), .tasks = tasks,   .n_tasks = n_tasks,
        .user = &t,               .row = on_row,    .cancel = c->cancel,
        .note = on_note
    };
    how.examples = strtoull(cli_text(&a, "examples"), NULL, 10);
    omn_status st = omn_recipe_open(c->ctx, a.operands[0], set, n_set, &r, &err);
    if (st == OMN_OK) st = shelf_open_model(c, cli_text(&a, "model"), &m, &err);
    if (st == OMN_OK)
        st = score(&t, r, m, &how, cli_text(&a, "answers"),
                   cli_has(&a, "overwrite") ? OMN_OVERWRITE : OMN_KEEP_EXISTING, &err);
    cli_keep(c, false);
    if (c->format == CLI_JSON && (t.rows || st == OMN_OK)) cli_puts(c, t.rows ? "\n]\n" : "[]\n");
    code = st == OMN_OK ? 0 : cli_failed(c, &err);
done:
    omn_model_close(m);
    omn_recipe_close(r);
    free(set);
    cli_args_fini(&a);
    return code;
}
