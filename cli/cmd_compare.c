/* SPDX-License-Identifier: Apache-2.0 */
/* omnio compare: two models, or one in two ways (type, device, checkpoint), on one's own inputs:
 * how far their answers are apart, output by output, and how far the likelihoods below them. */
#include "drift.h"
#include "shelf.h"

#include <stdlib.h>
#include <string.h>

#define MOST_TASKS 64

static int compare(cli *c, int argc, char **argv);

static const cli_option rows[] = {
    { "task", 0, "string", "PIPELINE", NULL, NULL, NULL, "Comparison",
      "what both are asked; may be repeated; if none is given, every installed pipeline for A or B "
      "by name, or else for nano, that wants nothing but a file" },
    { "prompt", 'p', "string", "TEXT", NULL, NULL, NULL, "Comparison",
      "the first text input of a task by its usual name" },
    { "batch", 0, "path", "FILE", NULL, NULL, NULL, "Comparison",
      "one JSON object of inputs a line; paths are relative to FILE; -: standard input" },
    { "memory", 0, "int", "MB", "512", "1..1000000", NULL, "Comparison",
      "what the inputs of one item may take" },
    { "exact", 0, "flag", NULL, NULL, NULL, NULL, "Comparison",
      "exit code 1 unless all is equal, likelihoods to the last bit" },
};

static const cli_example examples[] = {
    { "omnio compare nano nano:precision=bf16 *.png", "what does the faster product cost?" },
    { "omnio compare ./run1 ./run2 --task vqa --question \"how many?\" *.png",
      "two checkpoints on one question" },
    { "omnio compare nano :device=opencl my.png", "one model on two devices" },
};

const cli_command cmd_compare = {
    "compare",
    "A B [--INPUT VALUE]... [FILE]...",
    "Show how far two variants of a model drift apart on your inputs.",
    "A and B are folders or names of models, each perhaps with variants behind a colon: "
    "device=opencl, precision=bf16 (of products), cache=bf16 (of keys and values that are kept), "
    "weights=FILE (in place of the folder's), with commas between; B without a name is A in "
    "another variant. Both get the same items, given as to omnio run. Their vocabularies have to "
    "be the same.\n\n"
    "Each row is an output of a task: how many were compared, how many are equal, and what its "
    "kind has to say: distances of boxes in pixels after each is matched with the nearest, texts "
    "by where they begin to differ, numbers and pixels by their difference, means and the most. "
    "The kind log-probability is what both models hold likely while they read A's answer along: "
    "the difference at its ids, and the divergence of all ids (of A from B), in nats. "
    "The rows of all tasks together come last. With -v the outputs that differ are shown.\n\n"
    "Exit code 1: an item could not be answered by both; with --exact also a difference.",
    CLI_ROWS(rows),
    CLI_MACHINE | CLI_PRECISION | CLI_FORMAT,
    CLI_ROWS(examples),
    "omnio-run(1), omnio-verify(1), omnio-eval(1)",
    "model",
    compare
};

typedef struct comparing {
    cli *c;
    const char *names[MOST_TASKS]; /* of the tasks, as they were given */
    omn_pipeline *tasks[MOST_TASKS];
    size_t n_tasks;
    bool given;                    /* by --task */
    omn_arena *arena;
    omn_error err;
    uint64_t shown;
    const char *sides[2];
} comparing;

/* ---- variants ----------------------------------------------------------------------------- */

/* One "key=value" behind the colon. */
static omn_status take_variant(const char *spec, char *word, omn_model_setup *how, omn_error *err)
{
    static const char *const keys[] = { "device", "precision", "cache", "weights" };
    char *value = strchr(word, '=');
    if (value) *value++ = '\0';
    if (value && *value && !strcmp(word, "device")) {
        how->device = value;
    } else if (value && *value && !strcmp(word, "weights")) {
        how->weights = value;
    } else if (value && !strcmp(word, "precision")) {
        if (omn_precision_read(value, &how->precision)) return OMN_OK;
        return omn_fail(err, OMN_ERR_ARGUMENT, "%s: precision is auto, f32 or bf16, not \"%.80s\"",
                        spec, value);
    } else if (value && !strcmp(word, "cache")) {
        omn_type type;
        how->cache = value;
        if (omn_cache_read(value, &type)) return OMN_OK;
        return omn_fail(err, OMN_ERR_ARGUMENT, "%s: cache is auto, f32 or bf16, not \"%.80s\"",
                        spec, value);
    } else {
        const char *near = omn_nearest_name(word, keys, 4);
        return omn_fail(err, OMN_ERR_ARGUMENT,
                        "%s: \"%.80s\" is no variant; there are device=, precision=, cache= and "
                        "weights=%s%s", spec, word,
                        near && strcmp(near, word) ? "; did you mean " : "",
                        near && strcmp(near, word) ? near : "");
    }
    return OMN_OK;
}

/* MODEL, or MODEL:KEY=VALUE,...; what lies on the disk under the whole word is a name. */
static omn_status open_side(comparing *k, const char *spec, const char *usual, const char **name,
                            omn_model **out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_model_setup how = { OMN_FILL(omn_model_setup), .precision = OMN_PRECISION_AUTO };
    char *copy = omn_arena_strdup(k->arena, spec);
    if (!copy) return omn_fail(err, OMN_ERR_MEMORY, "out of memory");
    char *colon = strrchr(copy, ':');
    if (colon && !shelf_is_there(spec)) {
        char *rest = colon + 1, *word;
        *colon = '\0';
        while (*rest && (word = strsep(&rest, ",")) != NULL) {
            OMN_TRY(take_variant(spec, word, &how, err));
            if (!rest) break;
        }
    }
    *name = *copy ? copy : usual;
    if (!*name) OMN_TRY(omn_fail(err, OMN_ERR_ARGUMENT, "%s: A is the name of a model", spec));
    OMN_TRY(shelf_open_model_as(k->c, *name, &how, out, err));
done:
    return st;
}

/* ---- tasks -------------------------------------------------------------------------------- */

/* What the rest of the line means depends on the tasks, so that they are looked for first. */
static int find_tasks(comparing *k, int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--"); i++) {
        const char *name = !strncmp(argv[i], "--task=", 7) ? argv[i] + 7 : NULL;
        if (!strcmp(argv[i], "--task") && i + 1 < argc) name = argv[++i];
        if (!name) continue;
        if (k->n_tasks == MOST_TASKS)
            return cli_usage(k->c, "more than %d tasks", MOST_TASKS);
        k->names[k->n_tasks++] = name;
    }
    k->given = k->n_tasks > 0;
    return -1;
}

static omn_status open_tasks(comparing *k, omn_error *err)
{
    omn_status st = OMN_OK;
    for (size_t i = 0; i < k->n_tasks; i++) {
        OMN_TRY(shelf_open_pipeline(k->c, k->names[i], NULL, 0, &k->tasks[i], err));
        if (!omn_pipeline_model(k->tasks[i]))
            OMN_TRY(omn_fail(err, OMN_ERR_CONFIG, "%s asks no model: there is nothing to compare",
                             omn_pipeline_path(k->tasks[i])));
    }
done:
    return st;
}

/* A model, and one input that must be given, a file. */
static bool files_suffice(const omn_pipeline *p)
{
    const omn_pipeline_port *ports;
    const size_t n = omn_pipeline_inputs(p, &ports);
    size_t files = 0, others = 0;
    for (size_t i = 0; i < n; i++) {
        if (ports[i].deflt) continue;
        const bool file = ports[i].kind && !omn_kind_impl(ports[i].kind)->word;
        *(file ? &files : &others) += 1;
    }
    return omn_pipeline_model(p) && files == 1 && !others;
}

static void take_usual(void *user, const char *name, const char *path)
{
    comparing *k = user;
    omn_pipeline *p = NULL;
    (void)path;
    if (k->n_tasks == MOST_TASKS || k->err.status) return;
    if (omn_pipeline_open(k->c->ctx, name, &p, NULL) != OMN_OK) return;
    if (files_suffice(p)) {
        k->names[k->n_tasks] = omn_arena_strdup(k->arena, name);
        if (!k->names[k->n_tasks]) omn_fail(&k->err, OMN_ERR_MEMORY, "out of memory");
        k->n_tasks++;
    }
    omn_pipeline_close(p);
}

static void close_tasks(comparing *k)
{
    for (size_t i = 0; i < k->n_tasks; i++) {
        omn_pipeline_close(k->tasks[i]);
        k->tasks[i] = NULL;
    }
}

/* Is it written for this side, "NAME:device=..."? */
static bool is_for(const omn_pipeline *p, const char *side)
{
    const char *model = omn_pipeline_model(p);
    const size_t n = strcspn(side, ":");
    return strlen(model) == n && !strncmp(model, side, n);
}

/* Of the usual tasks those that are for one of the sides; the models of nobody's name are taken for
 * relatives of nano. */
static void choose_tasks(comparing *k, const char *const sides[2])
{
    size_t n = 0;
    bool ours = false;
    for (size_t i = 0; i < k->n_tasks; i++)
        ours = ours || is_for(k->tasks[i], sides[0]) || is_for(k->tasks[i], sides[1]);
    for (size_t i = 0; i < k->n_tasks; i++) {
        omn_pipeline *p = k->tasks[i];
        k->tasks[i] = NULL;
        const bool mine = ours ? is_for(p, sides[0]) || is_for(p, sides[1]) : is_for(p, "nano");
        if (!mine) omn_pipeline_close(p);
        if (!mine) continue;
        k->names[n] = k->names[i];
        k->tasks[n++] = p;
    }
    k->n_tasks = n;
}

/* Its words outlive the pipeline that they come from, which may be closed and opened again. */
static bool own_row(omn_arena *a, cli_option *row)
{
    const char **const words[] = { &row->name, &row->value, &row->deflt, &row->help };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!*words[i]) continue;
        *words[i] = omn_arena_strdup(a, *words[i]);
        if (!*words[i]) return false;
    }
    return true;
}

/* Is it one of the command's own options? --prompt is a text input by another name. */
static bool is_own(const char *name)
{
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
        if (!strcmp(rows[r].name, name) && strcmp(name, "prompt")) return true;
    return false;
}

/* The inputs of all tasks, each name once. */
static omn_status input_rows(comparing *k, cli_option *out, size_t *n, omn_error *err)
{
    *n = 0;
    for (size_t i = 0; i < k->n_tasks; i++) {
        size_t more = 0;
        const cli_option *list = items_rows(k->tasks[i], k->arena, &more);
        if (!list) return omn_fail(err, OMN_ERR_MEMORY, "out of memory");
        for (size_t j = 0; j < more; j++) {
            size_t at = 0;
            const cli_option *o = &list[j];
            const bool hidden = is_own(o->name);
            if (hidden && !o->deflt)
                return omn_fail(err, OMN_ERR_CONFIG,
                                "%s: the input \"%s\" would hide an option, and has no default; "
                                "give it another name", omn_pipeline_path(k->tasks[i]), o->name);
            if (hidden) continue;                 /* it stays what it is unless it is given */
            while (at < *n && strcmp(out[at].name, o->name)) at++;
            if (at < *n || *n == CLI_MOST_ROWS / 2) continue;
            out[*n] = *o;
            if (!own_row(k->arena, &out[(*n)++])) return omn_fail(err, OMN_ERR_MEMORY, "no memory");
        }
    }
    return OMN_OK;
}

/* ---- what is said ------------------------------------------------------------------------- */

static void put_value(double x, const char *unit, omn_buf *b)
{
    if (!unit) omn_buf_printf(b, "%.4g%%", 100 * x);
    else omn_buf_printf(b, "%.3g%s%s", x, *unit ? " " : "", unit);
}

static double folded(const drift_figure *f)
{
    return f->fold == OMN_APART_MEAN   ? f->n ? f->sum / (double)f->n : 0
           : f->fold == OMN_APART_MOST ? f->most
                                       : f->sum;
}

/* "box 0.3 px (most 2 px), unmatched 1" */
static void put_figures(const drift_row *r, omn_buf *b)
{
    for (size_t i = 1; i < r->n; i++) {
        const drift_figure *f = &r->figures[i];
        const bool most = f->fold == OMN_APART_MOST;
        omn_buf_printf(b, "%s%s ", most ? " (" : i > 1 ? ", " : "", most ? "most" : f->name);
        put_value(folded(f), f->unit, b);
        if (most) omn_buf_puts(b, ")");
    }
}

static void put_text(comparing *k, const drift_row *r, omn_buf *b)
{
    const drift_figure *equal = &r->figures[0];
    if (!k->shown)
        omn_buf_printf(b, "%-16s %-18s %-16s %8s %8s  %s\n", "task", "output", "kind", "compared",
                       "equal", "apart");
    omn_buf_printf(b, "%-16s %-18s %-16s %8llu %7.1f%%  ", r->task ? r->task : "all",
                   r->output ? r->output : "-", r->kind, (unsigned long long)equal->n,
                   100 * folded(equal));
    put_figures(r, b);
    while (b->length && b->data[b->length - 1] == ' ') b->data[--b->length] = '\0';
    omn_buf_puts(b, "\n");
}

static void put_optional(omn_buf *b, const char *key, const char *text)
{
    omn_buf_printf(b, ",\"%s\":", key);
    if (text) json_text(b, text);
    else omn_buf_puts(b, "null");
}

static void begin_event(comparing *k, const char *type, omn_buf *b)
{
    if (k->c->format == CLI_JSON) omn_buf_puts(b, k->shown ? ",\n" : "[\n");
    omn_buf_printf(b, "{\"type\":\"%s\",\"version\":%d", type, CLI_JSON_VERSION);
}

static void put_json(comparing *k, const drift_row *r, omn_buf *b)
{
    static const char *const folds[] = { "mean", "most", "count" };
    begin_event(k, "drift", b);
    put_optional(b, "a", k->sides[0]);
    put_optional(b, "b", k->sides[1]);
    put_optional(b, "task", r->task);
    put_optional(b, "output", r->output);
    put_optional(b, "kind", r->kind);
    omn_buf_printf(b, ",\"compared\":%llu,\"equal\":", (unsigned long long)r->figures[0].n);
    omn_number_print(folded(&r->figures[0]), b);
    omn_buf_puts(b, ",\"figures\":[");
    for (size_t i = 1; i < r->n; i++) {
        const drift_figure *f = &r->figures[i];
        omn_buf_puts(b, i > 1 ? ",{\"name\":" : "{\"name\":");
        json_text(b, f->name);
        omn_buf_printf(b, ",\"fold\":\"%s\",\"value\":", folds[f->fold]);
        omn_number_print(folded(f), b);
        if (f->unit && *f->unit) put_optional(b, "unit", f->unit);
        omn_buf_printf(b, ",\"n\":%llu}", (unsigned long long)f->n);
    }
    omn_buf_puts(b, k->c->format == CLI_JSON ? "]}" : "]}\n");
}

/* One output that is not equal: a line on stderr, or an event. */
static void on_differs(void *user, const char *task, const char *output, const item *it,
                       const omn_value *a, const omn_value *b)
{
    comparing *k = user;
    omn_buf out;
    omn_buf_init(&out, (size_t)1 << 26);
    if (k->c->format != CLI_TEXT) {
        begin_event(k, "differs", &out);
        put_optional(&out, "task", task);
        put_optional(&out, "output", output);
        omn_buf_printf(&out, ",\"item\":%llu", (unsigned long long)it->index);
        if (it->label[0]) put_optional(&out, "label", it->label);
        omn_buf_puts(&out, ",\"answers\":[");
    }
    if (a) omn_value_json(a, &out);
    else omn_buf_puts(&out, "null");
    omn_buf_puts(&out, k->c->format == CLI_TEXT ? " and " : ",");
    if (b) omn_value_json(b, &out);
    else omn_buf_puts(&out, "null");
    if (k->c->format == CLI_TEXT) {
        cli_say(k->c, "%s %s: %s: %.900s", task, it->label, output, out.data ? out.data : "");
    } else {
        omn_buf_puts(&out, k->c->format == CLI_JSON ? "]}" : "]}\n");
        cli_put(k->c, &out);
        k->shown++;
    }
    omn_buf_fini(&out);
}

/* Is there another row of this kind, so that the sum of them says something new? */
static bool alone(const drift_row *const *list, size_t n, const drift_row *all)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++) k += list[i]->task && !strcmp(list[i]->kind, all->kind);
    return k < 2;
}

/* The table; *exact: nothing differs. */
static int show(comparing *k, drift *d, bool *exact)
{
    const drift_row *const *list;
    omn_error err = OMN_ERROR_INIT;
    size_t n = 0;
    omn_buf b;
    *exact = true;
    if (drift_rows(d, &list, &n, &err) != OMN_OK) return cli_failed(k->c, &err);
    omn_buf_init(&b, (size_t)1 << 20);
    for (size_t i = 0; i < n; i++) {
        const drift_row *r = list[i];
        *exact = *exact && r->n && r->figures[0].sum == (double)r->figures[0].n;
        if (k->c->format == CLI_TEXT && !r->task && alone(list, n, r)) continue;
        if (k->c->format == CLI_TEXT) put_text(k, r, &b);
        else put_json(k, r, &b);
        k->shown++;
        if (!cli_put(k->c, &b)) break;
    }
    omn_buf_fini(&b);
    return k->c->lost ? cli_lost(k->c) : -1;
}

/* ---- the command -------------------------------------------------------------------------- */

static int run_tasks(comparing *k, drift *d, const cli_args *a)
{
    int code = -1;
    const bool shows = k->c->format != CLI_TEXT || k->c->level >= OMN_LOG_INFO;
    for (size_t i = 0; i < k->n_tasks && code < 0; i++) {
        omn_error err = OMN_ERROR_INIT;
        items *list = NULL;
        code = items_open(k->c, a, k->tasks[i], ITEMS_LOAD, &list);
        if (code < 0 && drift_run(d, k->names[i], k->tasks[i], list, shows ? on_differs : NULL, k,
                                  &err) != OMN_OK)
            code = cli_failed(k->c, &err);
        items_close(list);
    }
    return code;
}

static int compare_sides(comparing *k, const cli_args *a, const char *const sides[2])
{
    omn_error err = OMN_ERROR_INIT;
    omn_model *m[2] = { NULL, NULL };
    drift *d = NULL;
    bool exact = true;
    const char *first = NULL, *second = NULL;
    int code = -1;
    k->sides[0] = sides[0];
    k->sides[1] = sides[1];
    if (open_side(k, sides[0], NULL, &first, &m[0], &err) != OMN_OK ||
        open_side(k, sides[1], first, &second, &m[1], &err) != OMN_OK ||
        drift_new(k->c, m[0], m[1], &d, &err) != OMN_OK)
        code = cli_failed(k->c, &err);
    if (code < 0) code = run_tasks(k, d, a);
    if (d && (code < 0 || code >= 128)) {       /* what was compared before a stop is shown */
        const int shown = show(k, d, &exact);
        if (code < 0) code = shown;
    }
    if (k->c->format == CLI_JSON && (d || k->shown))
        cli_puts(k->c, k->shown ? "\n]\n" : "[]\n");
    if (code < 0 && (drift_failed(d) || (cli_has(a, "exact") && !exact)))
        code = omn_status_exit(OMN_ERR_FAILED);
    drift_free(d);
    omn_model_close(m[1]);
    omn_model_close(m[0]);
    return code < 0 ? 0 : code;
}

static int prepare(comparing *k, cli_args *a, int argc, char **argv)
{
    omn_error err = OMN_ERROR_INIT;
    size_t n = 0;
    cli_option *inputs = omn_arena_alloc(k->arena, CLI_MOST_ROWS, sizeof *inputs);
    if (!inputs) return cli_no_memory(k->c);
    int code = find_tasks(k, argc, argv);
    if (code < 0 && !k->c->ctx) code = cli_session(k->c, a);
    if (code >= 0) return code;
    if (!k->given) shelf_pipelines(k->c, take_usual, k);
    omn_status st = (omn_status)k->err.status;
    if (st != OMN_OK) err = k->err;
    if (st == OMN_OK) st = open_tasks(k, &err);
    if (st == OMN_OK) st = input_rows(k, inputs, &n, &err);
    if (st != OMN_OK) return cli_failed(k->c, &err);
    cli_rows(a, &cmd_compare, inputs, n);
    return cli_parse(k->c, a, argc, argv, CLI_ALL);
}

static int compare(cli *c, int argc, char **argv)
{
    cli_args a = { 0 };
    omn_context *first = NULL;
    omn_error err = OMN_ERROR_INIT;
    comparing k = { .c = c, .err = OMN_ERROR_INIT, .arena = omn_arena_new((size_t)1 << 26) };
    const char *sides[2];
    if (!k.arena) return cli_no_memory(c);
    cli_rows(&a, &cmd_compare, NULL, 0);
    int code = prepare(&k, &a, argc, argv);
    if (code < 0 && cli_count(&a, "task") != (k.given ? k.n_tasks : 0))
        code = cli_usage(c, "--task is written out");
    if (code < 0 && a.n_operands < 2) code = cli_usage(c, "two models are wanted, A and B");
    if (code < 0 && cli_has(&a, "batch") && !strcmp(cli_text(&a, "batch"), "-") && k.n_tasks != 1)
        code = cli_usage(c, "standard input can be read for one --task alone");
    if (code >= 0) goto done;
    if (!k.given) choose_tasks(&k, (const char *const *)a.operands);
    if (cli_count_machine(&a)) {
        close_tasks(&k);
        first = c->ctx;
        c->ctx = NULL;
    }
    code = cli_session(c, &a);
    if (code < 0 && first && open_tasks(&k, &err) != OMN_OK) code = cli_failed(c, &err);
    if (code >= 0) goto done;
    for (size_t i = 0; i < 2; i++) sides[i] = a.operands[i];
    a.n_operands -= 2;
    memmove(a.operands, a.operands + 2, a.n_operands * sizeof *a.operands);
    code = compare_sides(&k, &a, sides);
done:
    close_tasks(&k);
    omn_context_free(first);
    cli_args_fini(&a);
    omn_arena_free(k.arena);
    return code;
}
