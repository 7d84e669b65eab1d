/* SPDX-License-Identifier: Apache-2.0 */
/* omnio eval: a model on the held-out examples of a recipe, task by task, beside the answer that is
 * right most often. */
#include "exam.h"
#include "grit_samples.h"
#include "grit_table.h"
#include "shelf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int eval(cli *c, int argc, char **argv);

static const cli_option rows[] = {
    { "model", 'm', "string", "MODEL", "nano", NULL, NULL, "Evaluation",
      "folder or name of the model" },
    { "suite", 0, "choice", "NAME", NULL, "grit|all", NULL, "Evaluation",
      "in place of a recipe: grit, the seven tasks of that benchmark on held-out scenes, in its "
      "own metrics, with confidence and distorted pictures; all: every task of the model's own "
      "recipe as well" },
    { "data", 0, "path", "FOLDER", NULL, NULL, NULL, "Evaluation",
      "of --suite grit: the questions are GRIT's own, of this folder's samples/SUBSET/TASK.json, "
      "images/ and output_options/; their truth is not public, so they are answered into "
      "--submission" },
    { "subset", 0, "string", "NAME", "ablation", NULL, NULL, "Evaluation",
      "of --data: ablation|test" },
    { "strangers", 0, "path", "FOLDER", NULL, NULL, NULL, "Evaluation",
      "in place of scores: how well the model's confidence tells the held-out pictures from those "
      "of this folder, which are of another world" },
    { "examples", 'n', "int64", "N", "2000", "1..", NULL, "Evaluation",
      "most held-out examples for each task; each is asked once [1000 of a suite]" },
    { "task", 0, "string", "NAME", NULL, NULL, NULL, "Evaluation",
      "only this task; may be repeated" },
    { "set", 0, "string", "KEY=VALUE", NULL, NULL, NULL, "Evaluation",
      "change a value of the recipe; may be repeated" },
    { "answers", 0, "path", "FILE", NULL, NULL, NULL, "Output",
      "every answer beside the wanted one, as JSON Lines" },
    { "submission", 0, "path", "FOLDER", NULL, NULL, NULL, "Output",
      "the answers to --suite grit in the files that GRIT's evaluator reads; the folder is made" },
    { "overwrite", 0, "flag", NULL, NULL, NULL, NULL, "Output",
      "the file of answers may replace an existing one" },
};

static const cli_example examples[] = {
    { "omnio eval models/nano/recipe.yaml -n 200", "the model that ships, quickly" },
    { "omnio eval recipe.yaml -m ./run1 --task vqa --format json", "one task of a training run" },
    { "omnio eval recipe.yaml -m ./run1 --answers answers.jsonl", "to see what it gets wrong" },
    { "omnio eval --suite grit -m nano -n 200", "seven tasks, and doubt, and noise" },
    { "omnio eval --suite grit --data GRIT --submission ablation", "GRIT's own questions" },
};

const cli_command cmd_eval = { "eval",
                               "[RECIPE]",
                               "Score a model on held-out examples.",
                               "Each row is a task and a kind of it: the score, the trivial score "
                               "(of the answer that is right most often; where the measure knows "
                               "none, of what was right for the example before), and how many "
                               "were asked. The examples are those that training never sees. "
                               "--answers writes what was asked, answered and wanted; Ctrl-C keeps "
                               "what is there by then.\n\n"
                               "--suite grit asks seven tasks of held-out scenes, and again of "
                               "the same pictures distorted (image.distort, a stand-in: the "
                               "benchmark's own list is not public). Of an answer worth m, given "
                               "with confidence c: acc is m, conf c, inf cm, misinf c(1-m), sa "
                               "cm+(1-c)(1-m), rmse the root of the mean of (c-m) squared; lost is "
                               "what distortion takes of acc. 'all seven' is the mean, to which "
                               "tasks that are not asked bring nothing. A task that the model "
                               "cannot do, or that no task of its recipe ever asked, is named.",
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
                           "score", "trivial", "n");
        omn_buf_printf(&b, "%-16s %-12s %-9s ", row->task, row->kind, row->measure);
        put_score(row->value, row->unit, 6, &b);
        omn_buf_puts(&b, "  ");
        put_score(row->trivial, row->unit, 7, &b);
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
        omn_buf_puts(&b, ",\"trivial\":");
        omn_number_print(row->trivial, &b);
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
    omn_buf_puts(&b, ",\"worth\":");
    omn_number_print(a->worth, &b);
    omn_buf_puts(&b, ",\"confidence\":");
    omn_number_print(a->confidence, &b);
    if (a->about) {
        omn_buf_puts(&b, ",\"about\":");
        omn_value_json(a->about, &b);
    }
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

static void on_unable(void *user, const char *task, const char *pipeline, const char *why)
{
    table *t = user;
    exam_unable(t->c, task, pipeline, why, &t->rows);
}

/* The recipe that lies in the model's folder, by which it was made; NULL: there is none that opens
 * here. Owned. */
static omn_recipe *own_recipe(cli *c, const omn_model *m, char *path, size_t room)
{
    omn_recipe *r = NULL;
    omn_error err = OMN_ERROR_INIT;
    omn_format(path, room, "%s/recipe.yaml", omn_model_path(m));
    if (!shelf_is_there(path)) return NULL;
    if (omn_recipe_open(c->ctx, path, NULL, 0, &r, &err) == OMN_OK) return r;
    char text[1200];
    cli_say(c, "the model's own recipe is left aside: %s",
            omn_error_line(&err, text, sizeof text));
    return NULL;
}

/* Of the tasks that are chosen those that GRIT has, into to [n]. */
static size_t of_grit(const char *const *tasks, size_t n, const char **to)
{
    size_t m = 0;
    for (size_t i = 0; i < n; i++)
        for (int k = 0; k < GRIT_TASKS; k++)
            if (!strcmp(tasks[i], grit_task_names[k])) to[m++] = tasks[i];
    return m;
}

/* Everything that is asked in place of the scores of one recipe, or beside them. */
static omn_status suite(table *t, omn_eval_setup *eval, const cli_args *a, omn_model *m,
                        const omn_setting *set, size_t n_set, omn_error *err)
{
    omn_status st = OMN_OK;
    const char *name = cli_text(a, "suite");
    char own[4096], path[4096];
    omn_recipe *learnt = own_recipe(t->c, m, own, sizeof own), *r = NULL;
    const char *chosen[64];
    exam_setup how = { .model = m, .learnt = learnt, .examples = eval->examples,
                             .tasks = eval->tasks, .n_tasks = eval->n_tasks,
                             .submission = cli_text(a, "submission"),
                             .strangers = cli_text(a, "strangers") };
    const bool all = name && !strcmp(name, "all");
    if (all && !learnt) {
        st = omn_fail(err, OMN_ERR_MISSING, "%s has no recipe.yaml beside its weights: which tasks "
                      "it has is unknown; --suite grit asks those of GRIT", omn_model_path(m));
        goto done;
    }
    if (all) {
        eval->unable = on_unable;
        OMN_TRY(how.strangers ? exam_strangers(t->c, learnt, &how, &t->rows, err)
                              : omn_recipe_eval(learnt, m, eval, err));
        if (how.strangers) goto done;
        how.tasks = chosen;
        how.n_tasks = of_grit(eval->tasks, eval->n_tasks, chosen);
        if (eval->n_tasks && !how.n_tasks) goto done; /* none of them is GRIT's */
    }
    if (cli_has(a, "data")) {
        const grit_samples from = { .folder = cli_text(a, "data"),
                                    .subset = cli_text(a, "subset"),
                                    .most = cli_has(a, "examples") ? eval->examples : UINT64_MAX };
        OMN_TRY(exam_samples(t->c, &how, &from, &t->rows, err));
        goto done;
    }
    if (name)
        omn_format(path, sizeof path, "%s/exams/grit.yaml", omn_context_data(t->c->ctx));
    else
        omn_format(path, sizeof path, "%s", a->operands[0]);
    OMN_TRY(omn_recipe_open(t->c->ctx, path, set, n_set, &r, err));
    OMN_TRY(how.strangers ? exam_strangers(t->c, r, &how, &t->rows, err)
                          : exam_grit(t->c, r, &how, &t->rows, err));
done:
    omn_recipe_close(r);
    omn_recipe_close(learnt);
    return st;
}

/* What does not go together. -1, or the exit code. */
static int check_usage(cli *c, const cli_args *a)
{
    const bool suite = cli_has(a, "suite");
    if (suite && a->n_operands) return cli_usage(c, "--suite has a recipe of its own");
    if (!suite && a->n_operands != 1) return cli_usage(c, "one recipe is wanted, or --suite");
    const bool data = cli_has(a, "data");
    if (data && (!suite || strcmp(cli_text(a, "suite"), "grit") || !cli_has(a, "submission")))
        return cli_usage(c, "--data is for --suite grit and is answered into --submission");
    if (data && cli_has(a, "set"))
        return cli_usage(c, "--set changes a recipe; the questions of --data have none");
    if (data && cli_has(a, "strangers"))
        return cli_usage(c, "one of --data and --strangers is wanted");
    if (cli_has(a, "subset") && !data) return cli_usage(c, "--subset is for --data");
    const char *subset = cli_text(a, "subset");
    if (data && strcmp(subset, "ablation") && strcmp(subset, "test"))
        return cli_usage(c, "--subset: ablation or test is wanted");
    if (cli_has(a, "submission") && (!suite || cli_has(a, "strangers")))
        return cli_usage(c, "--submission is for --suite grit");
    if (cli_has(a, "answers") && (suite || cli_has(a, "strangers")))
        return cli_usage(c, "--answers is for a recipe; of --suite grit --submission keeps them");
    return -1;
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
    if (code < 0) code = check_usage(c, &a);
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
    const bool exam = cli_has(&a, "suite") || cli_has(&a, "strangers");
    if (cli_has(&a, "suite") && !cli_has(&a, "examples")) how.examples = 1000;
    omn_status st =
        exam ? OMN_OK : omn_recipe_open(c->ctx, a.operands[0], set, n_set, &r, &err);
    if (st == OMN_OK) st = shelf_open_model(c, cli_text(&a, "model"), &m, &err);
    if (st == OMN_OK && exam) st = suite(&t, &how, &a, m, set, n_set, &err);
    if (st == OMN_OK && !exam)
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
