/* SPDX-License-Identifier: Apache-2.0 */
/* omnio tune: a folder of a model, looked at before it is used: which family it is, what it lacks
 * and how that is usually called, which tasks it can do, in which types its weights fit this
 * machine's memory, and the command that asks it. Nothing is changed. */
#include "config.h"

#include "cli.h"
#include "machine.h"
#include "shelf.h"
#include "tasks.h"

#include <omnio/published.h>

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

static int tune(cli *c, int argc, char **argv);

static const cli_example examples[] = {
    { "omnio tune Downloads/ofa-base", "what is this, and what is missing?" },
    { "omnio tune nano --format json", "for programs" },
};

const cli_command cmd_tune = {
    "tune",
    "MODEL",
    "Say what a model's folder is, what it lacks, whether it fits, and how to ask it.",
    "MODEL is a folder with a config.json, of any family, or a model's name; weights and tokenizer "
    "may still be missing: what each is usually called is told. The command asks "
    "what the model is for, as its family tells by its parts and heads. The memory is that of one "
    "request of full length to this task, with its weights in each type that omnio convert writes. "
    "The exit code is 66 where something is missing.",
    NULL,
    0,
    CLI_FORMAT,
    CLI_ROWS(examples),
    "omnio-inspect(1), omnio-check(1), omnio-convert(1), omnio-doctor(1)",
    "model",
    tune,
};

typedef struct report {
    cli *c;
    omn_model *model;
    const char *path;
    omn_buf b;
    size_t n, missing;
    cli_tasks tasks;
    const cli_task *first;                /* what it is for; NULL: there is no task */
    char inputs[400];                     /* " --image FILE" of what it must be given */
    bool no_memory;
} report;

static void put(report *r, bool missing, const char *what, const char *text)
{
    if (r->c->format == CLI_TEXT) {
        omn_buf_printf(&r->b, "%s %-10s %s\n", missing ? "!" : " ", what, text);
    } else {
        if (r->c->format == CLI_JSON) omn_buf_puts(&r->b, r->n ? ",\n" : "[\n");
        omn_buf_printf(&r->b, "{\"type\":\"finding\",\"version\":%d,\"what\":", CLI_JSON_VERSION);
        json_text(&r->b, what);
        omn_buf_puts(&r->b, ",\"text\":");
        json_text(&r->b, text);
        omn_buf_printf(&r->b, ",\"missing\":%s}%s", missing ? "true" : "false",
                       r->c->format == CLI_JSON ? "" : "\n");
    }
    r->n++;
    r->missing += missing;
}

/* ---- what it is ------------------------------------------------------------------------------ */

static void roles(report *r, const char *kind, const char *what)
{
    omn_part *const *list = NULL;
    const size_t n = omn_model_parts(r->model, &list);
    char text[600] = "";
    for (size_t i = 0; i < n; i++) {
        const void *impl = NULL;
        const size_t at = strlen(text);
        if (!omn_part_self(list[i], kind, &impl) || !impl) continue;
        omn_format(text + at, sizeof text - at, "%s%s", at ? ", " : "", omn_part_role(list[i]));
    }
    if (*text) put(r, false, what, text);
}

/* ---- what it lacks --------------------------------------------------------------------------- */

static bool ends(const char *name, const char *with)
{
    const size_t n = strlen(name), m = strlen(with);
    return n > m && !strcmp(name + n - m, with);
}

/* Files in the folder that may be weights in another format, "a.pt, b.bin"; "" for none. */
static void other_weights(const char *path, char *out, size_t room)
{
    static const char *const suffixes[] = { ".pt",  ".pth", ".bin",     ".ckpt", ".safetensors",
                                            ".npz", ".msgpack", ".index", ".tar" };
    DIR *d = opendir(path);
    *out = 0;
    for (struct dirent *e; d && (e = readdir(d));)
        for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
            const size_t at = strlen(out);
            if (ends(e->d_name, suffixes[i]))
                omn_format(out + at, room - at, "%s%s", at ? ", " : "", e->d_name);
        }
    if (d) closedir(d);
}

/* As the family's weights are published; NULL: that is not told. */
static const char *published(report *r)
{
    const omn_entry *e = NULL;
    const char *name = omn_model_object(r->model);
    if (omn_registry_find(r->c->ctx, "omnio.model/1", name, &e, NULL) != OMN_OK) return NULL;
    const omn_model_impl *impl = omn_entry_object(e)->impl;
    const omn_published_impl *p = impl->extension ? impl->extension("omnio.published/1") : NULL;
    return p ? p->weights : NULL;
}

/* true: they are there and are what the configuration says. */
static bool weights(report *r, const char *name)
{
    omn_model *m = NULL;
    omn_error err = OMN_ERROR_INIT;
    char line[1200], other[600], text[2600];
    const omn_status st = omn_model_open(r->c->ctx, name, NULL, &m, &err);
    if (st == OMN_ERR_MEMORY) r->no_memory = true;
    if (st == OMN_OK) {
        omn_model_close(r->model);        /* the one that was opened without any */
        r->model = m;
        put(r, false, "weights", "as the configuration says");
        return true;
    }
    const char *usual = st == OMN_ERR_MISSING ? published(r) : NULL;
    other_weights(r->path, other, sizeof other);
    omn_format(text, sizeof text, "%s%s%s%s%s%s", omn_error_line(&err, line, sizeof line),
               usual ? "; usually found as " : "", usual ? usual : "",
               *other ? "; this folder has " : "", other,
               !*other ? "" : ": omnio convert FILE -o model.safetensors, or \"omnio\": "
                              "{\"weights\": FILE} in its config.json");
    put(r, true, "weights", text);
    return false;
}

static void tokenizer(report *r)
{
    omn_error err = OMN_ERROR_INIT;
    char line[1200];
    int32_t id = 0;
    size_t n = 0;
    if (!omn_model_encoder(r->model, "text") && !omn_model_decoder(r->model, "text")) return;
    const omn_status st = omn_model_tokens(r->model, "", &id, 1, &n, &err);
    if (st == OMN_ERR_MISSING) put(r, true, "tokenizer", omn_error_line(&err, line, sizeof line));
    else put(r, false, "tokenizer", "there");
}

/* ---- what it can do -------------------------------------------------------------------------- */

/* What a task must be given, as options. */
static void remember_inputs(report *r)
{
    omn_pipeline *p = NULL;
    const omn_pipeline_port *in = NULL;
    omn_error err = OMN_ERROR_INIT;
    if (omn_pipeline_open(r->c->ctx, r->first->path, &p, &err) != OMN_OK) return;
    const size_t n = omn_pipeline_inputs(p, &in);
    for (size_t i = 0; i < n; i++) {
        const size_t at = strlen(r->inputs);
        if (!in[i].deflt)
            omn_format(r->inputs + at, sizeof r->inputs - at, " --%s %s", in[i].name,
                       !strcmp(in[i].type, "text") ? "TEXT" : "FILE");
    }
    omn_pipeline_close(p);
}

/* Its own in front of what it was not made for. */
static void tasks(report *r)
{
    omn_buf text;
    omn_buf_init(&text, 1 << 16);
    tasks_find(r->c, r->model, &r->tasks);
    r->first = tasks_main(&r->tasks, r->model);
    if (r->first) remember_inputs(r);
    for (size_t i = 0; i < r->tasks.n; i++)
        omn_buf_printf(&text, "%s%s", i ? ", " : "", r->tasks.list[i].name);
    if (text.failed || r->tasks.no_memory) r->no_memory = true;
    else put(r, false, "tasks", r->tasks.n ? text.data : "none of those that ship");
    omn_buf_fini(&text);
}

/* ---- whether it fits ------------------------------------------------------------------------- */

static void fits(report *r, const char *type, double bytes_each)
{
    char text[300];
    const omn_pipeline_cost *cost = &r->first->cost;
    const double rest = (double)(cost->memory - cost->read);
    const double need = (double)cost->parameters * bytes_each + rest;
    const machine_memory have = machine_memory_now();
    omn_format(text, sizeof text, "%s: %.2f GB of weights, %.2f GB in all for %s%s", type,
               (double)cost->parameters * bytes_each / 1e9, need / 1e9, r->first->name,
               !have.all                   ? ""
               : need <= (double)have.free ? "; fits"
               : need <= (double)have.all  ? "; fits when other programs leave their memory"
                                           : "; does not fit this machine");
    put(r, false, "memory", text);
}

static void say(report *r, bool whole)
{
    char text[1200];
    if (!r->first) return;
    omn_format(text, sizeof text, "%.3f million parameters",
               (double)r->first->cost.parameters / 1e6);
    put(r, false, "size", text);
    fits(r, "f32", 4);
    fits(r, "bf16", 2);
    omn_format(text, sizeof text, "%somnio run %s -m %s%s", whole ? "" : "when all is there: ",
               r->first->name, r->path, r->inputs);
    put(r, false, "command", text);
}

static int look(report *r, const char *name)
{
    omn_error err = OMN_ERROR_INIT;
    char text[1400];
    if (shelf_open_planned(r->c, name, &r->model, &err) != OMN_OK) {
        const omn_model_setup bare = { OMN_FILL(omn_model_setup),
                                       .precision = OMN_PRECISION_AUTO, .hollow = true };
        omn_error why = OMN_ERROR_INIT;   /* weights that do not fit are told further down */
        if (omn_model_open(r->c->ctx, name, &bare, &r->model, &why) != OMN_OK)
            return cli_failed(r->c, &err);
    }
    r->path = omn_model_path(r->model);
    omn_format(text, sizeof text, "%s, in %s", omn_model_object(r->model), r->path);
    put(r, false, "family", text);
    roles(r, "omnio.encoder/1", "takes");
    roles(r, "omnio.decoder/1", "makes");
    const bool whole = weights(r, name);
    r->path = omn_model_path(r->model);
    tokenizer(r);
    tasks(r);
    say(r, whole && !r->missing);
    if (r->no_memory || r->b.failed) return cli_no_memory(r->c);
    if (r->c->format == CLI_JSON) omn_buf_puts(&r->b, r->n ? "\n]\n" : "[]\n");
    if (!cli_put(r->c, &r->b)) return cli_lost(r->c);
    return r->missing ? omn_status_exit(OMN_ERR_MISSING) : 0;
}

static int tune(cli *c, int argc, char **argv)
{
    cli_args a = { 0 };
    report r = { .c = c };
    omn_buf_init(&r.b, (size_t)1 << 22);
    cli_rows(&a, &cmd_tune, NULL, 0);
    int code = cli_parse(c, &a, argc, argv, CLI_ALL);
    if (code < 0 && a.n_operands != 1) code = cli_usage(c, "one model is wanted");
    if (code < 0) code = cli_session(c, &a);
    if (code < 0) code = look(&r, a.operands[0]);
    tasks_fini(&r.tasks);
    omn_model_close(r.model);
    omn_buf_fini(&r.b);
    cli_args_fini(&a);
    return code;
}
