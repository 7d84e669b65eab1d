/* SPDX-License-Identifier: Apache-2.0 */
/* omnio run: a pipeline on one item or on many. Its inputs are options of the command; answers come
 * as text, as it is made, as JSON, or as events in JSON Lines. */
#include "answer.h"
#include "models.h"
#include "plan.h"
#include "shelf.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int run(cli *c, int argc, char **argv);

static const cli_option rows[] = {
    { "model", 'm', "string", "MODEL", NULL, NULL, NULL, "Model",
      "folder or name of the model, in place of the pipeline's; NAME=MODEL: of another that the "
      "pipeline names; may be repeated" },
    { "prompt", 'p', "string", "TEXT", NULL, NULL, NULL, "Model",
      "the first text input by its usual name" },
    { "max-tokens", 'n', "int", "N", NULL, "1..65536", NULL, "Model", "longest answer, in tokens" },
    { "temp", 0, "double", "T", NULL, "0..100", NULL, "Model",
      "temperature: 0 takes the likeliest token [as the pipeline says]" },
    { "top-k", 0, "int", "K", NULL, "0..1000000", NULL, "Model",
      "draw from the K likeliest tokens; 0: from all" },
    { "top-p", 0, "double", "P", NULL, "0..1", NULL, "Model",
      "draw from the likeliest tokens that make up P; 1: from all; 0: take the likeliest" },
    { "seed", 's', "int64", "N", NULL, "0..", NULL, "Model", "seed of what is drawn" },
    { "min-confidence", 0, "double", "C", NULL, "0..1", NULL, "Model",
      "refuse answers of which the model is less sure; then nothing is shown before the end. JSON "
      "tells each answer's confidence" },
    { "batch", 0, "path", "FILE", NULL, NULL, NULL, "Many items",
      "one JSON object of inputs a line; paths are relative to FILE; -: standard input" },
    { "rows", 0, "int", "N", "8", "1..1024", NULL, "Many items",
      "items that the model answers at once, as long as their answers are short; when one has its "
      "answer, the next takes its place" },
    { "memory", 0, "int", "MB", "512", "1..1000000", NULL, "Many items",
      "what the inputs of items at once may take, about; a larger item is refused" },
    { "answers", 0, "path", "FILE", NULL, NULL, NULL, "Many items",
      "answers go to FILE, as JSON Lines unless --format text is given, with a journal in "
      "FILE.journal" },
    { "journal", 0, "path", "FILE", NULL, NULL, NULL, "Many items",
      "keep in FILE what is finished; the same command goes on from there after it was killed" },
    { "output", 'o', "string", "[NAME=]FILE", NULL, NULL, NULL, "Output",
      "write an output to a file; {name} and {index} stand for the item; -, -.png: to standard "
      "output, alone" },
    { "preview", 0, "path", "FILE", NULL, NULL, NULL, "Output",
      "while a picture or a sound is made, FILE shows it so far; one that is there only with "
      "--overwrite" },
    { "preview-every", 0, "int", "N", "64", "1..65536", NULL, "Output",
      "codes between two previews" },
    { "no-origin", 0, "flag", NULL, NULL, NULL, NULL, "Output",
      "do not write into pictures and sounds how they were made; omnio inspect shows it" },
    { "overwrite", 0, "flag", NULL, NULL, NULL, NULL, "Output",
      "replace files that are there (never one that the run reads)" },
    { "set", 0, "string", "KEY=VALUE", NULL, NULL, NULL, "Pipeline",
      "change a value of the file: steps.0.max_tokens=8; may be repeated" },
    { "show-input", 0, "flag", NULL, NULL, NULL, NULL, "Output",
      "tell what the model was given to see: sizes, tokens, what was cut" },
    { "dry-run", 0, "flag", NULL, NULL, NULL, NULL, "Pipeline",
      "show the plan and its memory; run nothing" },
    { "plan", 0, "flag", NULL, NULL, NULL, NULL, "Pipeline",
      "show what the model would be asked: texts with their ids, how the answer is searched for, "
      "what it may begin with; ask nothing" },
    { "dump-dot", 0, "path", "FILE", NULL, NULL, NULL, "Pipeline",
      "write the steps as a picture for graphviz; -: standard output; run nothing" },
};

static const cli_example examples[] = {
    { "omnio run vqa --image my.png --question \"what colour is the cube?\"", "an answer" },
    { "omnio run detect --image my.png -o boxes.png", "what is there, drawn on the picture" },
    { "omnio run caption --format jsonl --image *.jpg", "many pictures" },
    { "omnio run vqa --image my.png --question \"how many?\" --plan", "as the model would get it" },
};

const cli_command cmd_run = { "run",
                              "PIPELINE [--INPUT VALUE]...",
                              "Run a pipeline.",
                              "PIPELINE is a file or the name of an installed one. Its inputs are "
                              "options, which come after its name: "
                              "'omnio run PIPELINE --help' shows them. An input given several "
                              "times makes as many items; further files "
                              "are taken as pictures.",
                              CLI_ROWS(rows),
                              CLI_MACHINE | CLI_PRECISION | CLI_FORMAT,
                              CLI_ROWS(examples),
                              "omnio-pipeline(5), omnio-check(1)",
                              "pipeline",
                              run };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- many items --------------------------------------------------------------------------- */

static bool concerns_all(omn_status st)
{
    return st == OMN_ERR_MEMORY || st == OMN_ERR_CANCELLED || st == OMN_ERR_INTERNAL ||
           st == OMN_ERR_DEVICE || st == OMN_ERR_PLUGIN || st == OMN_ERR_CONFIG;
}

static void progress(const running *r, double t0, bool end)
{
    char line[128];
    if (!r->many || !r->c->terminal_err || r->c->terminal_out || r->c->quiet) return;
    const double t = now() - t0;
    snprintf(line, sizeof line, "%llu done, %llu failed, %.1f/s", (unsigned long long)r->done,
             (unsigned long long)r->failed, t > 0 ? (double)r->done / t : 0.0);
    cli_progress(r->c, line);
    if (end) cli_progress(r->c, NULL);
}

/* The end of a list of JSON, which also has one when a signal ends the program. */
static const char *list_end(const running *r)
{
    if (!r->many || r->c->format != CLI_JSON) return "";
    return r->done + r->failed ? "\n]\n" : "[]\n";
}

/* One item of a round: what it was given, what came of it. */
typedef struct place {
    item it;
    omn_pipeline_item run;
    omn_error err;
    omn_value *record, *told;
    bool ours; /* its files may be there, from a run that was killed */
} place;

/* Say what came of an item. -1: go on, else the exit code. */
static int settle(running *r, place *p, double seconds)
{
    omn_status st = (omn_status)p->err.status;
    r->item = p->it.index;
    omn_buf how;
    omn_buf_init(&how, OMN_ORIGIN_MOST - 1);
    if (st == OMN_OK) origin_put(&r->origin, &p->it, &how);
    if (st == OMN_OK)
        st = outputs_write(&r->out, &p->it, p->record, how.length ? how.data : NULL, p->ours,
                           &p->err);
    omn_buf_fini(&how);
    if (st == OMN_OK) {
        st = answer_item(r, &p->it, p->record, p->told, seconds, &p->err);
        r->done++;
        if (st == OMN_OK) return -1;
        return r->c->lost ? cli_lost(r->c) : cli_failed(r->c, &p->err);
    }
    if (!r->many || concerns_all(st)) {
        if (r->streamed.length) cli_puts(r->c, "\n");
        return cli_failed(r->c, &p->err);
    }
    answer_failed(r, &p->it, &p->err);
    r->failed++;
    return -1;
}

/* How large a round may be. Beyond `rows` items are those that wait until others are answered: they
 * take an eighth of the memory at the most, and no more are taken than are done in a minute, after
 * which answers are wanted, in the journal too. */
typedef struct bounds {
    size_t rows, most, memory;
} bounds;

enum { ROUNDS = 4, MINUTE = 60 };

static void bound(bounds *b, double each)
{
    const double n = each > 0 ? MINUTE / each : 0;
    b->most = n < (double)(ROUNDS * b->rows) ? (size_t)n : ROUNDS * b->rows;
    if (b->most < b->rows) b->most = b->rows;
}

/* Fill a round with the items that are there, until they take too much memory; false: the source
 * has ended. */
static bool fill(running *r, items *list, place *round, const bounds *b, size_t *n, omn_error *err)
{
    bool end = false;
    size_t bytes = 0;
    *n = 0;
    while (*n < b->most && bytes < (*n < b->rows ? b->memory : b->memory / 8) &&
           (*n == 0 || items_ready(list)) &&
           (*n == 0 || !r->shares || !shares_ends(r->shares, items_at(list)))) {
        place *p = &round[*n];
        memset(p, 0, sizeof *p);
        p->err = (omn_error)OMN_ERROR_INIT;
        omn_status st = items_next(list, &p->it, &end, &p->err);
        if (end || p->it.passed) {
            if (st == OMN_OK && !end) st = outputs_pass(&r->out, &p->it, &p->err);
            if (st != OMN_OK) *err = p->err;
            item_fini(&p->it);
            if (end || st != OMN_OK || cli_stopped(r->c)) return false;
            continue;
        }
        bytes += p->it.bytes;
        p->ours = r->journal && journal_begun(r->journal, p->it.index);
        if (st == OMN_OK) outputs_check(&r->out, &p->it, p->ours, &p->err);
        (*n)++;
    }
    return true;
}

/* From now on files of these items may come to be. */
static omn_status begin_round(running *r, const place *round, size_t n, omn_error *err)
{
    uint64_t begun[ROUNDS * 1024];
    size_t m = 0;
    for (size_t i = 0; i < n && i < sizeof begun / sizeof *begun; i++)
        if (round[i].err.status == OMN_OK && !round[i].ours) begun[m++] = round[i].it.index;
    return r->journal && m ? journal_begin(r->journal, begun, m, err) : OMN_OK;
}

static omn_status run_round(running *r, omn_pipeline_run *state, place *round, size_t n,
                            omn_error *err)
{
    omn_status st = OMN_OK;
    if (!r->many) {
        place *p = &round[0];
        r->item = p->it.index;
        if (p->err.status == OMN_OK)
            omn_pipeline_run_one(state, p->it.inputs, p->it.n, p->it.index, &p->record, &p->err);
        if (p->err.status == OMN_OK) omn_pipeline_run_told(state, &p->told, &p->err);
        return OMN_OK;
    }
    omn_pipeline_item *batch = calloc(n, sizeof *batch);
    size_t m = 0;
    if (!batch) return omn_fail(err, OMN_ERR_MEMORY, "%zu items: out of memory", n);
    for (size_t i = 0; i < n; i++)
        if (round[i].err.status == OMN_OK)
            batch[m++] = (omn_pipeline_item){ .inputs = round[i].it.inputs,
                                              .n = round[i].it.n,
                                              .item = round[i].it.index };
    st = omn_pipeline_run_many(state, batch, m, err);
    for (size_t i = 0, k = 0; i < n && st == OMN_OK; i++) {
        if (round[i].err.status != OMN_OK) continue;
        round[i].record = batch[k].out;
        round[i].told = batch[k].told;
        round[i].err = batch[k++].err;
    }
    free(batch);
    return st;
}

static int run_items(running *r, omn_pipeline_run *state, items *list, size_t rows_at_once,
                     size_t memory)
{
    int code = -1;
    bool more = true;
    const double t0 = now();
    bounds b = { .rows = r->many ? rows_at_once : 1, .memory = memory };
    b.most = b.rows;
    place *round = calloc(ROUNDS * b.rows, sizeof *round);
    if (!round) return cli_no_memory(r->c);
    cli_closing(r->c, list_end(r));
    while (more && code < 0 && !cli_stopped(r->c)) {
        omn_error err = OMN_ERROR_INIT;
        size_t n = 0;
        const double t = now();
        more = fill(r, list, round, &b, &n, &err);
        omn_status st = n ? run_round(r, state, round, n, &err) : OMN_OK;
        const double each = n ? (now() - t) / (double)n : 0;
        if (r->many && n) bound(&b, each);
        cli_keep(r->c, true);
        if (n && st == OMN_OK && err.status == OMN_OK) st = begin_round(r, round, n, &err);
        for (size_t i = 0; i < n; i++) {
            if (code < 0 && st == OMN_OK) code = settle(r, &round[i], each);
            omn_value_unref(round[i].record);
            omn_value_unref(round[i].told);
            item_fini(&round[i].it);
        }
        if (code < 0 && err.status != OMN_OK) code = cli_failed(r->c, &err);
        cli_closing(r->c, list_end(r));
        cli_keep(r->c, false);
        if (code < 0) progress(r, t0, false);
    }
    progress(r, t0, true);
    free(round);
    cli_keep(r->c, true); /* what follows is short */
    cli_puts(r->c, list_end(r));
    if (code < 0 || code == 0) code = cli_stopped(r->c);
    return code;
}

/* The exit code of a run that came to its end with this one. */
static int ended(running *r, int code)
{
    omn_error err = OMN_ERROR_INIT;
    omn_buf head;
    if (r->shares) {
        omn_buf_init(&head, 1 << 16);
        answer_head(r, &head);
        if (shares_end(r->shares, &head, &r->failed, &code, &err) != OMN_OK)
            code = cli_failed(r->c, &err);
        r->c->agreed = true;
        omn_buf_fini(&head);
    }
    return code ? code : r->failed ? omn_status_exit(OMN_ERR_FAILED) : 0;
}

/* ---- the command -------------------------------------------------------------------------- */

static bool same_file(const struct stat *s, const char *path)
{
    struct stat other;
    return stat(path, &other) == 0 && s->st_ino == other.st_ino && s->st_dev == other.st_dev;
}

typedef struct looked {
    const struct stat *file;
    bool found;
} looked;

static int find_named(void *user, const char *path)
{
    looked *l = user;
    return l->found = same_file(l->file, path);
}

/* A drawing of a pipeline replaces neither that nor a file that it or the command line names, be it
 * an input, an adapter or, by its folder, of the model. */
static omn_status drawing_may_go(const cli_args *a, const omn_pipeline *p, const char *path,
                                 omn_error *err)
{
    struct stat s;
    if (stat(path, &s) != 0) return OMN_OK;
    if (same_file(&s, omn_pipeline_path(p)))
        return omn_fail(err, OMN_ERR_ARGUMENT, "%s is the pipeline; outputs never overwrite it",
                        path);
    looked l = { &s, false };
    const omn_status st = omn_pipeline_files(p, find_named, &l, err);
    if (st != OMN_OK) return st;
    if (l.found)
        return omn_fail(err, OMN_ERR_ARGUMENT,
                        "%s is a file that the pipeline names; outputs never overwrite it", path);
    for (size_t i = 0; i < a->n_given; i++) {
        const char *value = a->given[i].value;
        if (!value || !strcmp(a->given[i].row->name, "dump-dot")) continue;
        guard *g = guard_new();
        bool known = g && guard_put_folder(g, value, "a file");
        if (known && !strcmp(a->given[i].row->name, "model"))
            known = guard_put_folder(g, models_folder(value), "a file");
        known = known && guard_find_file(g, &s);
        guard_free(g);
        if (known || same_file(&s, value))
            return omn_fail(err, OMN_ERR_ARGUMENT, "%s belongs to --%s; outputs never overwrite it",
                            path, a->given[i].row->name);
    }
    return OMN_OK;
}

/* --dry-run and --dump-dot: -1 when neither was asked for. */
static int show_plan(cli *c, const cli_args *a, omn_pipeline *p)
{
    omn_error err = OMN_ERROR_INIT;
    models m = { .own = NULL };
    omn_file *f = NULL;
    omn_status st = OMN_OK;
    const char *dot = cli_text(a, "dump-dot");
    omn_buf b;
    if (!dot && !cli_has(a, "dry-run")) return -1;
    omn_buf_init(&b, (size_t)1 << 24);
    if (dot) {
        omn_pipeline_dot(p, &b);
        if (strcmp(dot, "-")) {
            OMN_TRY(drawing_may_go(a, p, dot, &err));
            cli_sweep_beside(dot);
            OMN_TRY(omn_file_create(
                dot, cli_has(a, "overwrite") ? OMN_OVERWRITE : OMN_KEEP_EXISTING, &f, &err));
            OMN_TRY(omn_file_write(f, b.data, b.length, &err));
            OMN_TRY(omn_file_commit(f, &err));
            b.length = 0;
        }
    }
    if (cli_has(a, "dry-run")) {
        OMN_TRY(models_find(a, p, &m, &err));
        OMN_TRY(models_open(c, &m, p, shelf_open_model, &err));
        if (cli_has(a, "batch")) OMN_TRY(models_keep(a, &m, &err));
        OMN_TRY(omn_pipeline_describe(p, m.own_model, &b, &err));
    }
done:
    omn_file_free(f);
    models_close(&m);
    int code = st == OMN_OK ? 0 : cli_failed(c, &err);
    if (!code && !cli_put(c, &b)) code = cli_lost(c);
    omn_buf_fini(&b);
    return code;
}

/* What is printed or written; the other outputs need not be made. */
static size_t wanted_outputs(const running *r, const char **names)
{
    size_t n = 0;
    for (size_t i = 0; i < r->out.n; i++)
        if (r->out.printed[i] || r->out.files[i]) names[n++] = r->out.ports[i].name;
    return n;
}

/* --answers: standard output becomes the file, at its end, so that nothing else need know of it.
 * before: what it was, to be closed. */
static int to_answers(cli *c, const char *path, bool go_on, int *before)
{
    const int how = O_RDWR | O_CREAT | O_APPEND | (go_on ? 0 : O_TRUNC);
    const int file = open(path, how, 0666);
    struct stat s;
    *before = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    if (file >= 0 && fstat(file, &s) == 0 && S_ISREG(s.st_mode) &&
        dup2(file, STDOUT_FILENO) == STDOUT_FILENO) {
        close(file);
        return -1;
    }
    omn_error err = OMN_ERROR_INIT;
    omn_fail(&err, OMN_ERR_IO, "%s: %s", path, file < 0 ? strerror(errno) : "is no plain file");
    if (file >= 0) close(file);
    return cli_failed(c, &err);
}

/* A file of answers that has no journal would be in the way of the next run. */
static void back_from_answers(const char *path, int before)
{
    if (before >= 0) (void)!dup2(before, STDOUT_FILENO);
    unlink(path);
}

/* A batch that was shared, or is to be. -1, or the exit code after a complaint. */
static int share(running *r, const cli_args *a, const char *answers, items *list)
{
    char alone[4200];
    struct stat s;
    snprintf(alone, sizeof alone, "%s.journal", answers);
    if (stat(alone, &s) == 0)
        return cli_usage(r->c, "%s is the journal of one process alone, which has to end what it "
                               "began", alone);
    if (!shares_begun(answers) && stat(answers, &s) == 0 && s.st_size &&
        !cli_has(a, "overwrite"))
        return cli_usage(r->c, "%s is already there, without a journal; --overwrite replaces it",
                         answers);
    r->shares = shares_new(r->c, answers, items_total(list), (uint64_t)cli_number(a, "rows", 8));
    return r->shares ? -1 : cli_no_memory(r->c);
}

/* The journal of a run that wants one, and the file of its answers. -1, or the exit code after
 * a complaint. */
static int keep_journal(running *r, const cli_args *a, items *list)
{
    cli *c = r->c;
    omn_error err = OMN_ERROR_INIT;
    const char *answers = cli_text(a, "answers"), *path = cli_text(a, "journal");
    const char *batch = cli_text(a, "batch"), *all = answers;
    uint64_t id[2];
    if (r->c->company && (!answers || path || !r->many || !strcmp(batch ? batch : "", "-")))
        return cli_usage(c, "%u processes were started together: they share the items of a batch "
                            "that each of them can read, and their answers go to --answers FILE, "
                            "which keeps the journals too", omn_company_size(c->company));
    if (!answers && !path) return -1;
    if (!r->many) return cli_usage(c, "--%s is for many items", path ? "journal" : "answers");
    if (c->format == CLI_JSON)
        return cli_usage(c, "a list of JSON cannot be gone on with; --format jsonl can");
    if (!path && (c->company || shares_begun(answers))) {
        const int no = share(r, a, answers, list);
        if (no >= 0) return no;
        answers = shares_piece(r->shares);
    }
    snprintf(r->journal_path, sizeof r->journal_path, path ? "%s" : "%s.journal",
             path ? path : answers);
    path = r->journal_path;
    struct stat one;
    if (answers && (!strcmp(answers, path) || (stat(answers, &one) == 0 && same_file(&one, path))))
        return cli_usage(c, "%s: answers and their journal are two files", path);
    const bool there = access(path, F_OK) == 0;
    struct stat old; /* an empty one is left by a run that could not even begin its journal */
    if (answers && !there && stat(answers, &old) == 0 && old.st_size && !cli_has(a, "overwrite"))
        return cli_usage(c, "%s is already there, without a journal; --overwrite replaces it",
                         answers);
    if ((answers && outputs_refuse(&r->out, answers, &err) != OMN_OK) ||
        outputs_refuse(&r->out, path, &err) != OMN_OK ||
        journal_identity(a, omn_pipeline_path(r->p), r->models->own, id, &err) != OMN_OK)
        return cli_failed(c, &err);
    int before = -1;
    const int code = answers ? to_answers(c, answers, there, &before) : -1;
    const bool kept = code < 0 && journal_open(path, id, &r->journal, &err) == OMN_OK;
    if (code < 0 && answers && !kept && access(path, F_OK) != 0) back_from_answers(answers, before);
    if (before >= 0) close(before);
    if (code >= 0) return code;
    if (!kept) return cli_failed(c, &err);
    if (answers) c->terminal_out = false;
    if (!outputs_take(&r->out, path) || (answers && !outputs_take(&r->out, answers)) ||
        (r->shares && !outputs_take(&r->out, all)))
        return cli_no_memory(c);
    if (r->shares && shares_begin(r->shares, r->journal, id, &err) != OMN_OK)
        return cli_failed(c, &err);
    items_pass(list, r->shares ? shares_passed : journal_passed,
               r->shares ? (void *)r->shares : r->journal);
    if (journal_count(r->journal) && !c->quiet && !omn_company_rank(c->company))
        cli_say(c, "%s: going on behind %llu finished items", path,
                (unsigned long long)journal_count(r->journal));
    return -1;
}

static int retell(running *r)
{
    omn_error err = OMN_ERROR_INIT;
    if (!r->journal || journal_retell(r->journal, r->journal, r->c, &err) == OMN_OK) return -1;
    return r->c->lost ? cli_lost(r->c) : cli_failed(r->c, &err);
}

static omn_status on_asked(void *user, const char *step, const omn_request *rq,
                           const omn_result *res, omn_error *err)
{
    (void)res;
    (void)err;
    origin_asked(&((running *)user)->origin, step, rq);
    return OMN_OK;
}

/* How the steps are to be done; wanted: room for the names of outputs. */
static void read_setup(running *r, const cli_args *a, const char **wanted, omn_pipeline_setup *how)
{
    const char *seed = cli_text(a, "seed");
    how->temperature = cli_number(a, "temp", NAN);
    how->top_p = cli_number(a, "top-p", NAN);
    how->top_k = (int32_t)cli_number(a, "top-k", 0);
    if (cli_has(a, "top-k") && !how->top_k) how->top_k = -1; /* from all, whatever the file says */
    how->seeded = cli_has(a, "seed");
    how->max_tokens = (int32_t)cli_number(a, "max-tokens", 0);
    how->seed = seed ? strtoull(seed, NULL, 10) : 0;
    how->cancel = r->c->cancel;
    how->least_confidence = cli_number(a, "min-confidence", 0);
    /* what may be refused is not shown before it is known whether it is */
    how->watch = how->least_confidence > 0 ? NULL : answer_event;
    how->partial = (r->c->format == CLI_JSONL && !r->many) || r->preview.path;
    how->partial_every = r->preview.path ? r->preview.every : 0;
    how->user = r;
    if (r->many) how->rows = (uint32_t)cli_number(a, "rows", 8);
    if (!r->many) how->asked = on_asked; /* of many nobody says whose question it is */
    how->wanted = wanted;
    how->n_wanted = wanted_outputs(r, wanted);
    /* tokens that make up nothing: none but the likeliest is left */
    if (how->top_p <= 0) how->temperature = 0;
    if (how->top_p <= 0) how->top_p = 1;
}

/* The models, and that no output goes over their files. */
static omn_status open_models(running *r, omn_pipeline *p, models *m, omn_error *err)
{
    omn_status st = models_open(r->c, m, p, shelf_open_model, err);
    bool kept = st != OMN_OK || !m->own_model ||
                outputs_protect_model(&r->out, omn_model_path(m->own_model));
    for (size_t i = 0; st == OMN_OK && i < m->n; i++)
        kept = kept && outputs_protect_model(&r->out, omn_model_path(m->model[i]));
    return kept ? st : omn_fail(err, OMN_ERR_MEMORY, "out of memory");
}

static int run_pipeline(cli *c, const cli_args *a, omn_pipeline *p)
{
    omn_error err = OMN_ERROR_INIT;
    models m = { .own = NULL };
    omn_pipeline_run *state = NULL;
    items *list = NULL;
    running *r = calloc(1, sizeof *r);
    omn_pipeline_setup how = { OMN_FILL(omn_pipeline_setup) };
    const char *wanted[OUTPUTS_MOST];
    if (!r) return cli_no_memory(c);
    r->c = c;
    r->p = p;
    r->shows_input = cli_has(a, "show-input");
    omn_buf_init(&r->streamed, OMN_TEXT_MOST);
    int code = show_plan(c, a, p);
    if (code < 0 && models_find(a, p, &m, &err) != OMN_OK) code = cli_failed(c, &err);
    if (code >= 0) goto done;
    r->models = &m;
    code = items_open(c, a, p, ITEMS_LOAD, &list);
    if (code < 0) r->many = items_many(list);
    if (code < 0) code = outputs_init(&r->out, c, a, p, r->many);
    if (code < 0) code = outputs_protect(&r->out, a, p);
    if (code < 0 && cli_has(a, "preview") && !omn_pipeline_model(p))
        code = cli_usage(c, "--preview: this pipeline asks no model, it has nothing to show before "
                            "its end");
    if (code < 0 && cli_has(a, "preview") && cli_has(a, "min-confidence"))
        code = cli_usage(c, "--preview shows what --min-confidence may refuse");
    if (code < 0) code = preview_init(&r->preview, c, a, &r->out, r->many);
    if (code >= 0) goto done;
    r->streams = cli_number(a, "min-confidence", 0) > 0 ? NULL : answer_streams(r);
    origin_init(&r->origin, a, omn_pipeline_path(p), &m);
    read_setup(r, a, wanted, &how);
    if (cli_has(a, "plan")) {
        const omn_status opened = models_open(c, &m, p, shelf_open_planned, &err);
        code = opened == OMN_OK ? plan_items(r, p, &m, &how, list) : cli_failed(c, &err);
        goto done;
    }
    omn_status st = open_models(r, p, &m, &err);
    how.model = m.own_model;
    if (st == OMN_OK && r->many) st = models_keep(a, &m, &err);
    if (st == OMN_OK) st = preview_keep(&r->preview, &r->out, &err);
    if (st == OMN_OK) st = omn_pipeline_run_new(p, &how, &state, &err);
    if (st != OMN_OK) code = cli_failed(c, &err);
    if (code < 0) code = keep_journal(r, a, list);
    if (code < 0 && !answer_start(r)) code = cli_lost(c);
    if (code < 0) code = retell(r);
    if (code < 0)
        code = ended(r, run_items(r, state, list, (size_t)cli_number(a, "rows", 8),
                                  (size_t)cli_number(a, "memory", 512) * 1000000));
done:
    shares_free(r->shares);
    journal_close(r->journal);
    omn_pipeline_run_free(state);
    models_close(&m);
    items_close(list);
    outputs_fini(&r->out);
    origin_fini(&r->origin);
    omn_buf_fini(&r->streamed);
    free(r);
    return code;
}

/* how many options about the machine were given */
static size_t asked_of_machine(const cli_args *a)
{
    return cli_count_machine(a) + cli_count(a, "memory");
}

/* The pipeline's inputs become options, so it is read before they are. Should the options that
 * follow change it (--set) or want another context (threads, device, precision, cache, adapter,
 * memory, keep), it is opened again. */
static int run(cli *c, int argc, char **argv)
{
    cli_args a = { 0 };
    omn_pipeline *p = NULL, *again = NULL;
    omn_context *first = NULL;
    omn_arena *arena = omn_arena_new((size_t)1 << 24);
    omn_error err = OMN_ERROR_INIT;
    omn_setting *set = NULL;
    size_t n = 0, n_set = 0;
    if (!arena) return cli_no_memory(c);
    cli_rows(&a, &cmd_run, NULL, 0);
    int code = cli_parse(c, &a, argc, argv, CLI_FIRST);
    if (code < 0 && a.next >= argc)
        code = cli_usage(c, "a pipeline is wanted; 'omnio list pipeline' names some");
    if (code < 0) code = cli_session(c, &a);
    if (code >= 0) goto done;
    const int at = a.next;
    if (shelf_open_pipeline(c, argv[at], NULL, 0, &p, &err) != OMN_OK ||
        items_check_names(p, &err) != OMN_OK) {
        code = cli_failed(c, &err);
        goto done;
    }
    const size_t machine = asked_of_machine(&a);
    const cli_option *inputs = items_rows(p, arena, &n);
    if (!inputs) {
        code = cli_no_memory(c);
        goto done;
    }
    cli_rows(&a, &cmd_run, inputs, n);
    a.pipeline = p;
    a.word = argv[at];
    code = cli_parse(c, &a, argc - at, argv + at, CLI_ALL);
    if (code < 0) code = cli_settings(c, &a, &set, &n_set);
    if (code < 0 && cli_has(&a, "answers") && !cli_has(&a, "format"))
        code = cli_add(&a, "format", "jsonl") ? -1 : cli_no_memory(c);
    if (code < 0 && asked_of_machine(&a) > machine) {
        first = c->ctx;
        c->ctx = NULL;
    }
    if (code < 0) code = cli_session(c, &a);
    if (code < 0) code = cli_join(c);
    if (code < 0 && (first || n_set) &&
        omn_pipeline_open_set(c->ctx, argv[at], set, n_set, &again, &err) != OMN_OK)
        code = cli_failed(c, &err);
    if (code < 0) code = run_pipeline(c, &a, again ? again : p);
done:
    cli_leave(c, code);
    omn_pipeline_close(again);
    omn_pipeline_close(p);
    omn_context_free(first);
    free(set);
    cli_args_fini(&a);
    omn_arena_free(arena);
    return code;
}
