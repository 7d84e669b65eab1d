/* SPDX-License-Identifier: Apache-2.0 */
/* omnio train: a recipe from its newest checkpoint to its end, with a line of progress. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static int train(cli *c, int argc, char **argv);

static const cli_option rows[] = {
    { "output", 'o', "path", "DIR", NULL, NULL, NULL, "Training",
      "folder for checkpoints, log.csv, loss.svg and the model [the recipe's name without .yaml]" },
    { "seconds", 0, "double", "S", NULL, "0..", NULL, "Training",
      "stop after so many seconds; the next call goes on from there" },
    { "set", 0, "string", "KEY=VALUE", NULL, NULL, NULL, "Training",
      "change a value of the recipe: batch=8, optimizer.rate=1e-3; may be repeated" },
    { "show", 0, "int64", "N", NULL, "1..100000", NULL, "Training",
      "print the first N lessons as the model sees them, and train nothing" },
    { "on", 0, "path", "FOLDER", NULL, NULL, NULL, "Training",
      "write RECIPE for the examples of this folder, prove it, say why it is so, and train "
      "nothing" },
    { "model", 'm', "string", "MODEL", "nano", NULL, NULL, "Training",
      "with --on: the model that is to learn" },
    { "overwrite", 0, "flag", NULL, NULL, NULL, NULL, "Training",
      "a model in the folder that is no run of a recipe may be replaced; with --on a recipe" },
    { "log-every", 0, "double", "S", "10", "0..", NULL, "Training",
      "without a terminal: seconds between lines of progress" },
};

static const cli_example examples[] = {
    { "omnio train recipe.yaml -o run1", "train, or go on where run1 stopped" },
    { "omnio train mine.yaml --on photos -m nano", "a recipe for pictures of one's own" },
    { "omnio train recipe.yaml --show 3", "what is asked, and what should be answered" },
    { "omnio train recipe.yaml -o try --seconds 60 --set batch=4", "a minute with small steps" },
};

const cli_command cmd_train = { "train",
                                "RECIPE",
                                "Train a model by a recipe.",
                                "Goes on from the newest checkpoint in the output folder. Ctrl-C "
                                "stops after the step and keeps a checkpoint.",
                                CLI_ROWS(rows),
                                CLI_MACHINE,
                                CLI_ROWS(examples),
                                "omnio-recipe(5), omnio-eval(1)",
                                "file",
                                train };

typedef struct progress {
    cli *c;
    double every, last;
    uint64_t pages;
    double pace; /* seconds of a step, smoothed */
} progress;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void left_text(double seconds, char *buf, size_t room)
{
    const long s = seconds > 0 && seconds < 1e8 ? (long)(seconds + 0.5) : 0;
    if (s >= 3600)
        snprintf(buf, room, "%ld h %02ld min", s / 3600, s / 60 % 60);
    else if (s >= 60)
        snprintf(buf, room, "%ld min %02ld s", s / 60, s % 60);
    else
        snprintf(buf, room, "%ld s", s);
}

static int on_step(void *user, const omn_train_report *r, uint64_t steps, double seconds_left)
{
    progress *p = user;
    const double t = now(), every = p->c->terminal_err ? 0.2 : p->every;
    char left[64];
    p->pace = p->pace > 0 ? 0.9 * p->pace + 0.1 * r->seconds : r->seconds;
    /* the first report of a run that goes on counts the pages of all runs before */
    const uint64_t pages = p->pages ? r->pages - p->pages : r->pages / (r->step ? r->step : 1);
    p->pages = r->pages;
    if (p->c->quiet || (t - p->last < every && r->step != steps && p->last > 0)) return 0;
    if (omn_company_rank(p->c->company)) return 0;
    p->last = t;
    left_text(seconds_left, left, sizeof left);
    const double rate = p->pace > 0 ? (double)pages / p->pace : 0;
    char line[256], parts[96] = "";
    if (p->c->level >= OMN_LOG_INFO)
        snprintf(parts, sizeof parts, "  pages %.1f graph %.1f update %.1f ms",
                 1e3 * r->page_seconds, 1e3 * r->graph_seconds, 1e3 * r->update_seconds);
    snprintf(line, sizeof line, "step %llu of %llu  loss %.4f  %.1f pictures/s  %s left%s%s",
             (unsigned long long)r->step, (unsigned long long)steps, r->loss, rate, left,
             r->skipped_steps ? "  (steps skipped)" : "", parts);
    if (!p->c->terminal_err) {
        fprintf(stderr, "%s\n", line);
        return 0;
    }
    cli_progress(p->c, line);
    if (r->step == steps) cli_progress(p->c, NULL);
    return 0;
}

static void on_note(void *user, const char *text)
{
    const progress *p = user;
    cli_progress(p->c, NULL);
    if (!p->c->quiet) cli_say(p->c, "%s", text);
}

/* "models/nano/recipe.yaml" -> "recipe" */
static void usual_folder(const char *recipe, char *buf, size_t room)
{
    const char *slash = strrchr(recipe, '/'), *name = slash ? slash + 1 : recipe,
               *dot = strrchr(name, '.');
    const size_t n = dot && dot > name ? (size_t)(dot - name) : strlen(name);
    snprintf(buf, room, "%.*s%s", (int)n, name, dot && dot > name ? "" : ".out");
}

static int show(cli *c, omn_recipe *r, uint64_t n)
{
    omn_error err = OMN_ERROR_INIT;
    omn_buf b;
    omn_buf_init(&b, (size_t)1 << 28);
    int code = omn_recipe_show(r, n, &b, &err) == OMN_OK ? 0 : cli_failed(c, &err);
    if (!cli_put(c, &b) && !code) code = cli_lost(c);
    omn_buf_fini(&b);
    return code;
}

/* What says how a recipe is trained says nothing while it is written. */
static int idle_option(cli *c, const cli_args *a)
{
    static const char *const names[] = { "set", "show", "output" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (cli_has(a, names[i]))
            return cli_usage(c, "--%s goes with a recipe that is there: --on writes one, and "
                                "trains nothing", names[i]);
    return -1;
}

/* --on: a recipe instead of a training. */
static int suggest(cli *c, const cli_args *a)
{
    omn_error err = OMN_ERROR_INIT;
    omn_buf b;
    omn_buf_init(&b, (size_t)1 << 24);
    int code = 0;
    const char *model = cli_text(a, "model");
    if (omn_recipe_suggest(c->ctx, cli_text(a, "on"), model ? model : "nano", a->operands[0],
                           cli_has(a, "overwrite") ? OMN_OVERWRITE : OMN_KEEP_EXISTING, &b,
                           &err) != OMN_OK)
        code = cli_failed(c, &err);
    if (!code && !cli_put(c, &b)) code = cli_lost(c);
    if (!code) cli_say(c, "wrote %s; omnio train %s begins", a->operands[0], a->operands[0]);
    omn_buf_fini(&b);
    return code;
}

static int train(cli *c, int argc, char **argv)
{
    cli_args a = { 0 };
    omn_setting *set = NULL;
    omn_recipe *recipe = NULL;
    omn_error err = OMN_ERROR_INIT;
    size_t n_set = 0;
    char folder[4096];
    cli_rows(&a, &cmd_train, NULL, 0);
    int code = cli_parse(c, &a, argc, argv, CLI_ALL);
    if (code < 0 && a.n_operands != 1) code = cli_usage(c, "one recipe is wanted");
    if (code < 0) code = cli_settings(c, &a, &set, &n_set);
    if (code < 0 && cli_has(&a, "model") && !cli_has(&a, "on"))
        code = cli_usage(c, "-m goes with --on; a recipe names its own model (--set model=NAME)");
    if (code < 0 && cli_has(&a, "on")) code = idle_option(c, &a);
    if (code < 0) code = cli_session(c, &a);
    if (code < 0 && cli_has(&a, "on")) code = suggest(c, &a);
    if (code < 0) code = cli_join(c);
    if (code >= 0) goto done;
    progress p = { c, cli_number(&a, "log-every", 10), 0, 0, 0 };
    const omn_recipe_watch watch = { OMN_FILL(omn_recipe_watch), .step = on_step, .note = on_note,
                                     .user = &p, .cancel = c->cancel,
                                     .replace = cli_has(&a, "overwrite"),
                                     .company = c->company };
    usual_folder(a.operands[0], folder, sizeof folder);
    const char *out = cli_text(&a, "output");
    omn_status st = omn_recipe_open(c->ctx, a.operands[0], set, n_set, &recipe, &err);
    if (st == OMN_OK && cli_has(&a, "show")) {
        code = show(c, recipe, strtoull(cli_text(&a, "show"), NULL, 10));
        goto done;
    }
    cli_keep(c, true); /* whoever stops it has its checkpoint */
    if (st == OMN_OK)
        st = omn_recipe_train(recipe, out ? out : folder, cli_number(&a, "seconds", 0), &watch,
                              &err);
    cli_progress(c, NULL);
    code = st == OMN_OK ? 0 : cli_failed(c, &err);
    c->agreed = st == OMN_OK || st == OMN_ERR_CANCELLED;
done:
    cli_leave(c, code);
    omn_recipe_close(recipe);
    free(set);
    cli_args_fini(&a);
    return code;
}
