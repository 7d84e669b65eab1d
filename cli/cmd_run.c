/* SPDX-License-Identifier: Apache-2.0 */
/* omnio run: a pipeline on one item or on many. Its inputs are options of the command; answers come as text, as
 * it is made, as JSON, or as events in JSON Lines. */
#include "cli.h"
#include "items.h"
#include "outputs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int run(cli *c, int argc, char **argv);

static const cli_option rows[] = {
    { "model", 'm', "string", "MODEL", NULL, NULL, NULL, "Model",
      "folder or name of the model, in place of the pipeline's" },
    { "prompt", 'p', "string", "TEXT", NULL, NULL, NULL, "Model", "the first text input by its usual name" },
    { "max-tokens", 'n', "int", "N", NULL, "1..65536", NULL, "Model", "longest answer, in tokens" },
    { "temp", 0, "double", "T", NULL, "0..100", NULL, "Model",
      "temperature: 0 takes the likeliest token [as the pipeline says]" },
    { "top-k", 0, "int", "K", NULL, "0..1000000", NULL, "Model", "draw from the K likeliest tokens; 0: from all" },
    { "top-p", 0, "double", "P", NULL, "0..1", NULL, "Model",
      "draw from the likeliest tokens that make up P; 1: from all" },
    { "seed", 's', "int64", "N", NULL, "0..", NULL, "Model", "seed of what is drawn" },
    { "batch", 0, "path", "FILE", NULL, NULL, NULL, "Many items",
      "one JSON object of inputs a line; paths are relative to FILE; -: standard input" },
    { "output", 'o', "string", "[NAME=]FILE", NULL, NULL, NULL, "Output",
      "write an output to a file; {name} and {index} stand for the item" },
    { "overwrite", 0, "flag", NULL, NULL, NULL, NULL, "Output", "replace files that are there (never an input)" },
};

static const cli_example examples[] = {
    { "omnio run vqa --image my.png --question \"what colour is the cube?\"", "an answer" },
    { "omnio run detect --image my.png -o boxes.png", "what is there, drawn on the picture" },
    { "omnio run caption --format jsonl --image *.jpg", "many pictures" },
};

const cli_command cmd_run = {
    "run", "PIPELINE [--INPUT VALUE]...", "Run a pipeline.",
    "PIPELINE is a file or the name of an installed one. Its inputs are options, which come after its name: "
    "'omnio run PIPELINE --help' shows them. An input given several times makes as many items; further files "
    "are taken as pictures.",
    CLI_ROWS(rows), CLI_MACHINE | CLI_FORMAT, CLI_ROWS(examples), "omnio-pipeline(5), omnio-check(1)", "pipeline",
    run
};

typedef struct running {
    cli *c;
    const omn_pipeline *p;
    outputs out;
    bool many, streams;           /* streams: tokens go to stdout as they come */
    omn_buf streamed;
    uint64_t item, done, failed;
} running;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- while it runs --------------------------------------------------------------------------------------------- */

static int on_event(void *user, const char *step, const omn_event *e)
{
    running *r = user;
    if (strcmp(e->type, "token") || !e->text || r->many) return 0;
    if (r->c->format == CLI_JSONL) {
        omn_buf b;
        omn_buf_init(&b, 1 << 20);
        omn_buf_printf(&b, "{\"type\":\"token\",\"version\":%d,\"item\":%llu,\"step\":", CLI_JSON_VERSION,
                       (unsigned long long)r->item);
        json_text(&b, step ? step : "");
        omn_buf_puts(&b, ",\"text\":");
        json_text(&b, e->text);
        omn_buf_puts(&b, "}\n");
        cli_put(r->c, &b);
        omn_buf_fini(&b);
    } else if (r->streams) {
        const char *text = e->text;
        if (!r->streamed.length) text += strspn(text, " \n");
        omn_buf_puts(&r->streamed, text);
        fputs(text, stdout);
        fflush(stdout);
    }
    return 0;
}

/* ---- an answer ------------------------------------------------------------------------------------------------- */

static void put_fields(const running *r, const item *it, const omn_value *record, double seconds, omn_buf *b)
{
    bool first = true;
    if (it->id) {
        omn_buf_puts(b, ",\"id\":");
        omn_value_json(it->id, b);
    }
    omn_buf_puts(b, ",\"inputs\":{");
    for (size_t i = 0; i < it->n; i++) {
        if (i) omn_buf_put(b, ",", 1);
        json_text(b, it->inputs[i].name);
        omn_buf_put(b, ":", 1);
        if (it->files[i]) json_text(b, it->files[i]);
        else omn_value_json(it->inputs[i].value, b);
    }
    omn_buf_puts(b, "},\"outputs\":{");
    for (size_t i = 0; i < r->out.n; i++) {
        if (!r->out.printed[i]) continue;
        if (!first) omn_buf_put(b, ",", 1);
        first = false;
        json_text(b, r->out.ports[i].name);
        omn_buf_put(b, ":", 1);
        omn_value_json(omn_record_get(record, r->out.ports[i].name), b);
    }
    omn_buf_puts(b, "},\"files\":{");
    first = true;
    for (size_t i = 0; i < r->out.n; i++) {
        if (!r->out.written[i][0]) continue;
        if (!first) omn_buf_put(b, ",", 1);
        first = false;
        json_text(b, r->out.ports[i].name);
        omn_buf_put(b, ":", 1);
        json_text(b, r->out.written[i]);
    }
    omn_buf_printf(b, "},\"seconds\":%.3f}", seconds);
}

static void put_events(const running *r, const omn_value *record, omn_buf *b)
{
    for (size_t i = 0; i < r->out.n && !r->many; i++) {
        const omn_value *v = omn_record_get(record, r->out.ports[i].name);
        const bool regions = v && omn_value_get_kind(v) == OMN_VALUE_REGIONS && r->out.printed[i];
        if (!regions && !r->out.written[i][0]) continue;
        omn_buf_printf(b, "{\"type\":\"%s\",\"version\":%d,\"item\":%llu,\"output\":",
                       regions ? "regions" : v ? omn_value_kind_name(omn_value_get_kind(v)) : "file",
                       CLI_JSON_VERSION, (unsigned long long)r->item);
        json_text(b, r->out.ports[i].name);
        if (r->out.written[i][0]) {
            omn_buf_puts(b, ",\"file\":");
            json_text(b, r->out.written[i]);
        }
        if (regions) {
            omn_buf_puts(b, ",\"regions\":");
            omn_value_json(v, b);
        }
        omn_buf_puts(b, "}\n");
    }
}

/* Text for people: "value", "output: value" when there are several, "item: ..." in front when there are many. */
static void put_text(const running *r, const item *it, const omn_value *record, omn_buf *b)
{
    size_t shown = 0;
    for (size_t i = 0; i < r->out.n; i++) shown += r->out.printed[i];
    for (size_t i = 0; i < r->out.n; i++) {
        omn_buf text;
        if (!r->out.printed[i]) continue;
        omn_buf_init(&text, (size_t)1 << 26);
        omn_value_text(omn_record_get(record, r->out.ports[i].name), &text);
        while (text.length && text.data[text.length - 1] == '\n') text.data[--text.length] = '\0';
        for (const char *line = text.data ? text.data : "";;) {
            const size_t n = strcspn(line, "\n");
            if (r->many) omn_buf_printf(b, "%s: ", it->label[0] ? it->label : "item");
            if (shown > 1) omn_buf_printf(b, "%s: ", r->out.ports[i].name);
            omn_buf_put(b, line, n);
            omn_buf_put(b, "\n", 1);
            if (!line[n]) break;
            line += n + 1;
        }
        omn_buf_fini(&text);
    }
}

static void end_stream(running *r, omn_buf *b)
{
    /* b holds the whole answer: what is already there is not said again */
    const size_t n = r->streamed.length;
    if (n && n <= b->length && !memcmp(b->data, r->streamed.data, n)) {
        memmove(b->data, b->data + n, b->length - n + 1);
        b->length -= n;
    } else if (n) {
        fputc('\n', stdout);
    }
}

static bool answer(running *r, const item *it, const omn_value *record, double seconds)
{
    omn_buf b;
    omn_buf_init(&b, (size_t)1 << 27);
    switch (r->c->format) {
    case CLI_TEXT:
        put_text(r, it, record, &b);
        end_stream(r, &b);
        for (size_t i = 0; i < r->out.n; i++)
            if (r->out.written[i][0] && !r->c->quiet)
                cli_say(r->c, "wrote %s: %s", r->out.ports[i].name, r->out.written[i]);
        break;
    case CLI_JSON:
        if (r->many) omn_buf_puts(&b, r->done + r->failed ? ",\n" : "[\n");
        omn_buf_printf(&b, "{\"version\":%d,\"item\":%llu", CLI_JSON_VERSION, (unsigned long long)r->item);
        put_fields(r, it, record, seconds, &b);
        if (!r->many) omn_buf_puts(&b, "\n");
        break;
    case CLI_JSONL:
        put_events(r, record, &b);
        omn_buf_printf(&b, "{\"type\":\"done\",\"version\":%d,\"item\":%llu", CLI_JSON_VERSION,
                       (unsigned long long)r->item);
        put_fields(r, it, record, seconds, &b);
        omn_buf_puts(&b, "\n");
    }
    const bool ok = cli_put(r->c, &b);
    omn_buf_fini(&b);
    return ok;
}

/* ---- many items -------------------------------------------------------------------------------------------------- */

/* One item of many went wrong: an event, a line on stderr, and on with the next. */
static void item_failed(running *r, const item *it, const omn_error *err)
{
    char line[1200];
    omn_error_line(err, line, sizeof line);
    if (it->label[0] && !err->file[0]) cli_say(r->c, "%s: %s", it->label, line);
    else cli_say(r->c, "%s", line);
    if (r->c->format == CLI_TEXT) return;
    omn_buf b;
    omn_buf_init(&b, 1 << 16);
    if (r->c->format == CLI_JSON) omn_buf_puts(&b, r->done + r->failed ? ",\n" : "[\n");
    json_error(&b, err, (int64_t)it->index);
    if (r->c->format == CLI_JSON) b.length--;
    cli_put(r->c, &b);
    omn_buf_fini(&b);
}

static bool concerns_all(omn_status st)
{
    return st == OMN_ERR_MEMORY || st == OMN_ERR_CANCELLED || st == OMN_ERR_INTERNAL || st == OMN_ERR_DEVICE ||
           st == OMN_ERR_PLUGIN || st == OMN_ERR_CONFIG;
}

static int run_items(running *r, omn_pipeline_run *state, items *list)
{
    int code = 0;
    bool end = false;
    const double t0 = now();
    while (!end && !cli_stopped(r->c)) {
        item it;
        omn_error err = OMN_ERROR_INIT;
        omn_value *record = NULL;
        const double t = now();
        omn_status st = items_next(list, &it, &end, &err);
        r->item = it.index;
        r->streamed.length = 0;
        if (st == OMN_OK && !end) st = outputs_check(&r->out, &it, &err);
        if (st == OMN_OK && !end)
            st = omn_pipeline_run_one(state, it.inputs, it.n, it.index, &record, &err);
        if (st == OMN_OK && !end) st = outputs_write(&r->out, &it, record, &err);
        if (st == OMN_OK && !end && !answer(r, &it, record, now() - t)) {
            code = omn_status_exit(OMN_ERR_IO);
            end = true;
        } else if (st != OMN_OK && (!r->many || end || concerns_all(st))) {
            if (r->streamed.length) fputc('\n', stdout);
            code = cli_failed(r->c, &err);
            end = true;
        } else if (st != OMN_OK) {
            item_failed(r, &it, &err);
            r->failed++;
        } else if (!end) {
            r->done++;
        }
        if (r->many && !end && r->c->terminal_err && !r->c->terminal_out && !r->c->quiet)
            fprintf(stderr, "\r%llu done, %llu failed, %.1f/s\033[K", (unsigned long long)r->done,
                    (unsigned long long)r->failed, (double)r->done / (now() - t0));
        omn_value_unref(record);
        item_fini(&it);
    }
    if (r->many && r->c->terminal_err && !r->c->terminal_out && !r->c->quiet) fputc('\n', stderr);
    if (r->many && r->c->format == CLI_JSON) puts(r->done + r->failed ? "\n]" : "[]");
    if (!code) code = cli_stopped(r->c);
    return code ? code : r->failed ? omn_status_exit(OMN_ERR_FAILED) : 0;
}

/* ---- the command -------------------------------------------------------------------------------------------------- */

static bool start_event(running *r, const char *model)
{
    omn_buf b;
    omn_buf_init(&b, 1 << 16);
    if (r->c->format == CLI_JSONL) {
        omn_buf_printf(&b, "{\"type\":\"start\",\"version\":%d,\"program\":\"omnio %s\",\"pipeline\":",
                       CLI_JSON_VERSION, omn_version());
        json_text(&b, omn_pipeline_path(r->p));
        if (model) {
            omn_buf_puts(&b, ",\"model\":");
            json_text(&b, model);
        }
        omn_buf_puts(&b, "}\n");
    }
    const bool ok = cli_put(r->c, &b);
    omn_buf_fini(&b);
    return ok;
}

/* Is the one printed output a text that a step streams? */
static bool streams(const running *r)
{
    size_t shown = 0, one = 0;
    for (size_t i = 0; i < r->out.n; i++)
        if (r->out.printed[i] && ++shown) one = i;
    return r->c->format == CLI_TEXT && !r->many && shown == 1 && !strcmp(r->out.ports[one].type, "text");
}

static int run_pipeline(cli *c, const cli_args *a, omn_pipeline *p)
{
    omn_error err = OMN_ERROR_INIT;
    omn_model *model = NULL;
    omn_pipeline_run *state = NULL;
    items *list = NULL;
    running r = { .c = c, .p = p };
    const char *path = cli_text(a, "model");
    omn_buf_init(&r.streamed, OMN_TEXT_MOST);
    int code = items_open(c, a, p, &list);
    if (code < 0) r.many = items_many(list);
    if (code < 0) code = outputs_init(&r.out, c, a, p, r.many);
    if (code >= 0) goto done;
    r.streams = streams(&r);
    const char *seed = cli_text(a, "seed");
    omn_status st = OMN_OK;
    if (path && omn_pipeline_model(p)) st = omn_model_open(c->ctx, path, NULL, &model, &err);
    const omn_pipeline_setup how = { OMN_FILL(omn_pipeline_setup), .model = model,
                                     .temperature = cli_number(a, "temp", NAN),
                                     .top_p = cli_number(a, "top-p", NAN), .top_k = (int32_t)cli_number(a, "top-k", 0),
                                     .max_tokens = (int32_t)cli_number(a, "max-tokens", 0),
                                     .seed = seed ? strtoull(seed, NULL, 10) : 0, .cancel = c->cancel,
                                     .watch = on_event, .user = &r };
    if (st == OMN_OK) st = omn_pipeline_run_new(p, &how, &state, &err);
    if (st != OMN_OK) code = cli_failed(c, &err);
    else if (!start_event(&r, omn_pipeline_model(p) ? path ? path : omn_pipeline_model(p) : NULL))
        code = omn_status_exit(OMN_ERR_IO);
    else code = run_items(&r, state, list);
done:
    omn_pipeline_run_free(state);
    omn_model_close(model);
    items_close(list);
    omn_buf_fini(&r.streamed);
    return code;
}

/* The pipeline's inputs become options, so it is read before they are. Should the options that follow want
 * another context (threads, device), the pipeline is opened again there. */
static int run(cli *c, int argc, char **argv)
{
    cli_args a = { 0 };
    omn_pipeline *p = NULL, *again = NULL;
    omn_context *first = NULL;
    omn_arena *arena = omn_arena_new((size_t)1 << 24);
    omn_error err = OMN_ERROR_INIT;
    size_t n = 0;
    cli_rows(&a, &cmd_run, NULL, 0);
    int code = cli_parse(c, &a, argc, argv, CLI_FIRST);
    if (code < 0 && a.next >= argc) code = cli_usage(c, "a pipeline is wanted; 'omnio list pipeline' names some");
    if (code < 0) code = cli_session(c, &a);
    if (code >= 0) goto done;
    const int at = a.next;
    const size_t machine = cli_count(&a, "threads") + cli_count(&a, "device");
    if (omn_pipeline_open(c->ctx, argv[at], &p, &err) != OMN_OK) {
        code = cli_failed(c, &err);
        goto done;
    }
    const cli_option *inputs = items_rows(p, arena, &n);
    cli_rows(&a, &cmd_run, inputs, n);
    code = cli_parse(c, &a, argc - at, argv + at, CLI_ALL);
    if (code < 0 && cli_count(&a, "threads") + cli_count(&a, "device") > machine) {
        first = c->ctx;
        c->ctx = NULL;
    }
    if (code < 0) code = cli_session(c, &a);
    if (code < 0 && first && omn_pipeline_open(c->ctx, argv[at], &again, &err) != OMN_OK) code = cli_failed(c, &err);
    if (code < 0) code = run_pipeline(c, &a, again ? again : p);
done:
    omn_pipeline_close(again);
    omn_pipeline_close(p);
    omn_context_free(first);
    cli_args_fini(&a);
    omn_arena_free(arena);
    return code;
}
