/* SPDX-License-Identifier: Apache-2.0 */
/* omnio check: proves a pipeline or a recipe before it runs: keys, names, types, parameters, files,
 * and with the model at hand that it has what the steps ask for and how much memory that takes. */
#include "items.h"
#include "models.h"
#include "shelf.h"
#include "tasks.h"

#include <stdlib.h>
#include <string.h>

static int check(cli *c, int argc, char **argv);

static const cli_option rows[] = {
    { "model", 'm', "string", "MODEL", NULL, NULL, NULL, "Checking",
      "folder or name of the model, in place of the pipeline's; NAME=MODEL: of another that the "
      "pipeline names; may be repeated" },
    { "no-model", 0, "flag", NULL, NULL, NULL, NULL, "Checking",
      "only what can be known without the model and the examples" },
    { "plan", 0, "flag", NULL, NULL, NULL, NULL, "Checking",
      "tell which part takes what, as -v does; with --model and no FILE, of the task of the "
      "model's family that takes most" },
    { "set", 0, "string", "KEY=VALUE", NULL, NULL, NULL, "Checking",
      "change a value of the file first; may be repeated" },
};

static const cli_example examples[] = {
    { "omnio check pipelines/vqa.yaml", "is it right?" },
    { "omnio check -v vqa", "the same, and the plan with its memory" },
    { "omnio check --plan -m ofa-huge", "what would it take? A config.json is enough" },
};

const cli_command cmd_check = { "check",
                                "[FILE...]",
                                "Check pipelines and recipes without running them.",
                                "An error is FILE:LINE:COLUMN with what would be right. Every file "
                                "is looked at; the exit code is that of the "
                                "first that is wrong.\n\nThe memory of a pipeline is the largest "
                                "resident set of a process that runs one request of full length: "
                                "the weights that its steps read (what none reads stays in its "
                                "file, and of a table that is looked up in what so many ids can "
                                "bring in), inputs as encoders prepare them, what is at work while "
                                "the model reads and writes, what it keeps of both, and the "
                                "process itself: program, libraries, plugins, graphs and their "
                                "constants, as much as this one has when all of them are there, "
                                "those that read and write its files too. "
                                "Pictures and sounds as they were read and as they are written "
                                "come beside it. A map is counted with as many items as are "
                                "answered at once, at most sixteen; beside that is told what is "
                                "taken where the lists of all maps are empty. Of the "
                                "options of a question that no file names eight are counted. A "
                                "model that has a configuration and no weights yet is planned "
                                "in f32, without a tokenizer too. "
                                "That of a recipe is what training "
                                "takes: weights, moments and averages, the graph of the greediest "
                                "output with its gradients, a batch, codes that are kept, the "
                                "process. -v tells which part takes what, and how many GFLOP "
                                "a step of each output is.",
                                CLI_ROWS(rows),
                                CLI_MACHINE | CLI_PRECISION | CLI_FORMAT,
                                CLI_ROWS(examples),
                                "omnio-pipeline(5), omnio-recipe(5)",
                                "pipeline",
                                check };

/* A recipe has sources or tasks at the beginning of a line; a pipeline has neither. */
static bool is_recipe(const char *path)
{
    char *text = NULL;
    size_t n = 0;
    if (omn_file_read(path, 1 << 22, &text, &n, NULL) != OMN_OK) return false;
    const char *first = text + (strncmp(text, "\xEF\xBB\xBF", 3) ? 0 : 3);
    bool found = !strncmp(first, "tasks:", 6) || !strncmp(first, "sources:", 8);
    for (const char *p = text; !found && (p = strchr(p, '\n')); p++)
        found = !strncmp(p + 1, "tasks:", 6) || !strncmp(p + 1, "sources:", 8);
    free(text);
    return found;
}

/* What takes memory, as it is told. */
typedef struct needing {
    omn_buf rows;                 /* of JSON */
    omn_buf *told;                /* a line for each, for people; NULL: nobody reads them */
    char most[160];               /* the largest of them but for the process itself */
    uint64_t bytes;
} needing;

static void on_need(void *user, const omn_pipeline_need *n)
{
    needing *k = user;
    if (n->bytes > k->bytes && strcmp(n->what, "process") != 0) {
        k->bytes = n->bytes;
        const char *of = n->step ? n->step : n->model;
        snprintf(k->most, sizeof k->most, "%s%s%s%s%s", n->what, of ? " of " : "", of ? of : "",
                 *n->part ? " of " : "", n->part);
    }
    if (k->told)
        omn_buf_printf(k->told, "%10.1f MB  %s%s%s%s%s\n", (double)n->bytes / 1e6, n->what,
                       n->model ? ", " : "", n->model ? n->model : "", *n->part ? ", " : "",
                       n->part);
    omn_buf_puts(&k->rows, k->rows.length ? ",{\"what\":" : "{\"what\":");
    json_text(&k->rows, n->what);
    if (*n->part) omn_buf_puts(&k->rows, ",\"part\":");
    if (*n->part) json_text(&k->rows, n->part);
    if (n->model) omn_buf_puts(&k->rows, ",\"model\":");
    if (n->model) json_text(&k->rows, n->model);
    if (n->step) omn_buf_puts(&k->rows, ",\"step\":");
    if (n->step) json_text(&k->rows, n->step);
    omn_buf_printf(&k->rows, ",\"bytes\":%llu%s}", (unsigned long long)n->bytes,
                   n->turns ? ",\"turns\":true" : "");
}

/* "dalle and clip" */
static void put_with(const models *m, omn_buf *b)
{
    if (m->own) omn_buf_puts(b, m->own);
    for (size_t i = 0; i < m->n; i++)
        omn_buf_printf(b, "%s%s", m->own || i ? " and " : "", m->path[i]);
}

/* m: those of a pipeline, NULL for recipes. needs: NULL when nothing was counted. quiet: the
 * account was told already. */
static void put_cost(const cli *c, const char *path, const omn_pipeline_cost *k, const models *m,
                     const needing *needs, bool quiet, omn_buf *b)
{
    if (c->format == CLI_TEXT) {
        if (quiet) return;
        omn_buf_printf(b, "%s: fine", path);
        if (needs) {
            omn_buf_printf(b, "; %.1f MB %s", (double)k->memory / 1e6, m ? "with " : "to train");
            if (m) put_with(m, b);
            omn_buf_printf(b, ", of these %.1f MB %s", (double)needs->bytes / 1e6, needs->most);
            if (m && k->least < k->memory)
                omn_buf_printf(b, "; %.1f MB where no list has items", (double)k->least / 1e6);
        }
        omn_buf_puts(b, "\n");
        return;
    }
    omn_buf_printf(b, "{\"type\":\"checked\",\"version\":%d,\"file\":", CLI_JSON_VERSION);
    json_text(b, path);
    if (m) models_json(m, json_text, b);
    if (needs) {
        omn_buf_printf(b,
                       ",\"parameters\":%llu,\"weights\":%llu,\"workspace\":%llu,\"states\":%llu,"
                       "\"inputs\":%llu,\"memory\":%llu,",
                       (unsigned long long)k->parameters, (unsigned long long)k->weights,
                       (unsigned long long)k->workspace, (unsigned long long)k->states,
                       (unsigned long long)k->inputs, (unsigned long long)k->memory);
        if (m) omn_buf_printf(b, "\"least\":%llu,", (unsigned long long)k->least);
        omn_buf_puts(b, "\"needs\":[");
        omn_buf_put(b, needs->rows.data ? needs->rows.data : "", needs->rows.length);
        omn_buf_puts(b, "]");
    }
    omn_buf_puts(b, "}\n");
}

static omn_status check_recipe(cli *c, const cli_args *a, const char *path,
                               const omn_setting *set, size_t n, omn_buf *b, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_recipe *r = NULL;
    omn_pipeline_cost cost = { OMN_FILL(omn_pipeline_cost) };
    const bool counts = !cli_has(a, "no-model");
    const bool tells = c->level >= OMN_LOG_INFO || cli_has(a, "plan");
    needing needs = { .told = c->format == CLI_TEXT && tells ? b : NULL };
    omn_buf_init(&needs.rows, (size_t)1 << 20);
    OMN_TRY(omn_recipe_open(c->ctx, path, set, n, &r, err));
    if (counts) OMN_TRY(omn_recipe_needs(r, on_need, &needs, &cost, err));
    put_cost(c, path, &cost, NULL, counts ? &needs : NULL, false, b);
    if (needs.rows.failed) st = omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", path);
done:
    omn_buf_fini(&needs.rows);
    omn_recipe_close(r);
    return st;
}

/* A folder that has a configuration and no weights yet is planned as that says. */
static omn_status open_model(cli *c, const char *name, bool says, omn_model **out, omn_error *err)
{
    omn_status st = shelf_open_planned(c, name, out, err);
    if (st != OMN_OK || omn_model_weights(*out)) return st;
    st = omn_model_declare(*out, err);
    if (st == OMN_OK && says)
        cli_say(c, "%s has no weights: planned in f32, as its configuration says", name);
    return st;
}

static omn_status open_saying(cli *c, const char *name, omn_model **out, omn_error *err)
{
    return open_model(c, name, true, out, err);
}

static omn_status check_pipeline(cli *c, const cli_args *a, const char *path,
                                 const omn_setting *set, size_t n, omn_buf *b, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_pipeline *p = NULL;
    models m = { .own = NULL };
    omn_pipeline_cost cost = { OMN_FILL(omn_pipeline_cost) };
    needing needs = { .bytes = 0 };
    omn_buf_init(&needs.rows, (size_t)1 << 20);
    OMN_TRY(shelf_open_pipeline(c, path, set, n, &p, err));
    OMN_TRY(items_check_names(p, err));
    if (!cli_has(a, "no-model")) OMN_TRY(models_find(a, p, &m, err));
    const bool counts = m.own || m.n;
    const bool tells = c->format == CLI_TEXT && (c->level >= OMN_LOG_INFO || cli_has(a, "plan"));
    if (counts) {
        OMN_TRY(models_open(c, &m, p, open_saying, err));
        OMN_TRY(omn_pipeline_needs(p, m.own_model, on_need, &needs, &cost, err));
    }
    if (tells) OMN_TRY(omn_pipeline_describe(p, m.own_model, b, err));
    put_cost(c, omn_pipeline_path(p), &cost, &m, counts ? &needs : NULL, counts && tells, b);
    if (needs.rows.failed) st = omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", path);
done:
    omn_buf_fini(&needs.rows);
    models_close(&m);
    omn_pipeline_close(p);
    return st;
}

/* The pipeline that takes most of a model that is named alone. -1, or the exit code. */
static int find_greediest(cli *c, const char *name, char *path, size_t room)
{
    omn_model *m = NULL;
    omn_error err = OMN_ERROR_INIT;
    cli_tasks t = { 0 };
    omn_status st = open_model(c, name, false, &m, &err);
    if (st == OMN_OK) tasks_find(c, m, &t);
    const cli_task *most = tasks_extreme(&t, true);
    if (t.no_memory) st = omn_fail(&err, OMN_ERR_MEMORY, "%s: out of memory", name);
    else if (st == OMN_OK && !most)
        st = omn_fail(&err, OMN_ERR_UNSUPPORTED, "%s answers none of the pipelines that ship: name "
                      "one of its own", name);
    if (st == OMN_OK) omn_format(path, room, "%s", most->path);
    if (st == OMN_OK && t.n_own > 1)
        cli_say(c, "%s takes most of the %zu tasks of its family", most->name, t.n_own);
    tasks_fini(&t);
    omn_model_close(m);
    return st == OMN_OK ? -1 : cli_failed(c, &err);
}

static int check(cli *c, int argc, char **argv)
{
    cli_args a = { 0 };
    omn_setting *set = NULL;
    size_t n = 0;
    char greediest[4400];
    omn_buf b;
    omn_buf_init(&b, (size_t)1 << 24);
    cli_rows(&a, &cmd_check, NULL, 0);
    int code = cli_parse(c, &a, argc, argv, CLI_ALL);
    const bool alone = code < 0 && !a.n_operands && cli_has(&a, "plan") && cli_has(&a, "model");
    if (code < 0 && !a.n_operands && !alone)
        code = cli_usage(c, "a pipeline or a recipe is wanted, or --plan with --model");
    if (code < 0) code = cli_settings(c, &a, &set, &n);
    if (code < 0) code = cli_session(c, &a);
    if (code < 0 && alone)
        code = find_greediest(c, cli_text(&a, "model"), greediest, sizeof greediest);
    if (code >= 0) goto done;
    code = 0;
    for (size_t i = 0; i < (alone ? 1 : a.n_operands) && !cli_stopped(c); i++) {
        omn_error err = OMN_ERROR_INIT;
        const char *path = alone ? greediest : a.operands[i];
        const omn_status st = is_recipe(path) ? check_recipe(c, &a, path, set, n, &b, &err)
                                              : check_pipeline(c, &a, path, set, n, &b, &err);
        const int each = st == OMN_OK ? 0 : cli_failed(c, &err);
        if (!cli_put(c, &b)) code = cli_lost(c);
        if (!code) code = each;
    }
    if (!code) code = cli_stopped(c);
done:
    omn_buf_fini(&b);
    free(set);
    cli_args_fini(&a);
    return code;
}
