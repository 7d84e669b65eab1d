/* SPDX-License-Identifier: Apache-2.0 */
/* Items from options that are given several times (one picture each, say), or from the lines of a
 * batch file, one JSON object each. Only the item at hand is in memory. */
#include "items.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_LINE ((size_t)16 << 20)

typedef struct source {
    const omn_pipeline_port *port;
    const char **texts; /* as given */
    size_t n;
    omn_value *kept; /* of an input that is the same for all */
} source;

struct items {
    cli *c;
    omn_arena *arena;
    const omn_pipeline_port *ports;
    size_t n_ports, total, next;
    source of[ITEMS_MOST_INPUTS];
    const char *batch, *folder;
    int file;
    int32_t line_number; /* lines before the one at hand */
    omn_buf line;        /* what was read and not yet used */
    bool ended;
};

static bool is_file_type(const char *type)
{
    return !strcmp(type, "image") || !strcmp(type, "tensor") || !strcmp(type, "embeddings");
}

const cli_option *items_rows(const omn_pipeline *p, omn_arena *a, size_t *n)
{
    static const struct {
        const char *type, *value;
    } values[] = { { "image", "FILE" },         { "tensor", "FILE" }, { "embeddings", "FILE" },
                   { "text", "TEXT" },          { "number", "N" },    { "list", "A,B,..." },
                   { "regions", "X0,Y0,X1,Y1" } };
    const omn_pipeline_port *ports;
    *n = omn_pipeline_inputs(p, &ports);
    cli_option *rows = omn_arena_alloc(a, *n + 1, sizeof *rows);
    for (size_t i = 0; rows && i < *n; i++) {
        const char *value = "VALUE";
        for (size_t k = 0; k < sizeof values / sizeof *values; k++)
            if (!strcmp(values[k].type, ports[i].type)) value = values[k].value;
        rows[i] = (cli_option){ .name = ports[i].name,
                                .value = value,
                                .deflt = ports[i].deflt,
                                .type = is_file_type(ports[i].type) ? "path" : "string",
                                .group = "Inputs of the pipeline",
                                .help = ports[i].help };
    }
    if (!rows) *n = 0;
    return rows;
}

/* ---- one value ---------------------------------------------------------------------------- */

static omn_status whole_input(omn_value **out, omn_error *err)
{
    char *data = NULL;
    size_t n = 0;
    omn_status st = omn_file_read("-", OMN_TEXT_MOST, &data, &n, err);
    if (st != OMN_OK) return st;
    while (n && (data[n - 1] == '\n' || data[n - 1] == '\r')) n--;
    st = omn_text_new(data, n, out, err);
    free(data);
    return st;
}

static omn_status value_of(items *s, const omn_pipeline_port *port, const char *text,
                           omn_value **out, omn_error *err)
{
    omn_status st;
    if (is_file_type(port->type))
        st = omn_value_load(s->c->ctx, text, port->type, out, err);
    else if (!strcmp(text, "-"))
        st = whole_input(out, err);
    else if ((text[0] == '[' || text[0] == '{') && strcmp(port->type, "text"))
        st = omn_value_from_json(text, strlen(text), out, err);
    else
        st = omn_text_new(text, strlen(text), out, err);
    if (st != OMN_OK) omn_error_prefix(err, "--%s", port->name);
    return st;
}

static omn_status add_input(item *it, const char *name, omn_value *taken, const char *file,
                            omn_error *err)
{
    it->inputs[it->n] = (omn_named){ name, taken };
    it->files[it->n] = file ? strdup(file) : NULL;
    if (file && !it->files[it->n++])
        return omn_fail(err, OMN_ERR_MEMORY, "--%s: out of memory", name);
    if (!file) it->n++;
    return OMN_OK;
}

/* ---- options ------------------------------------------------------------------------------ */

/* A text as it is, or the files that a pattern names. */
static bool add_texts(items *s, source *o, const char *text)
{
    glob_t g = { 0 };
    const bool pattern = is_file_type(o->port->type) && strpbrk(text, "*?[") &&
                         access(text, F_OK) != 0 && glob(text, 0, NULL, &g) == 0 && g.gl_pathc > 0;
    const size_t more = pattern ? g.gl_pathc : 1;
    const char **texts = omn_arena_alloc(s->arena, o->n + more, sizeof *texts);
    if (texts && o->n) memcpy(texts, o->texts, o->n * sizeof *texts);
    for (size_t i = 0; texts && i < more; i++)
        texts[o->n + i] = pattern ? omn_arena_strdup(s->arena, g.gl_pathv[i]) : text;
    if (texts) {
        o->texts = texts;
        o->n += more;
    }
    globfree(&g);
    return texts != NULL;
}

static int no_memory(cli *c)
{
    cli_say(c, "out of memory");
    return omn_status_exit(OMN_ERR_MEMORY);
}

static int from_options(items *s, const cli_args *a)
{
    size_t file_port = s->n_ports, text_port = s->n_ports;
    for (size_t i = s->n_ports; i-- > 0;) {
        if (is_file_type(s->ports[i].type)) file_port = i;
        if (!strcmp(s->ports[i].type, "text")) text_port = i;
    }
    for (size_t i = 0; i < s->n_ports; i++) {
        source *o = &s->of[i];
        o->port = &s->ports[i];
        const size_t n = cli_count(a, o->port->name);
        for (size_t k = 0; k < n; k++)
            if (!add_texts(s, o, cli_nth(a, o->port->name, k))) return no_memory(s->c);
    }
    if (cli_has(a, "prompt")) {
        if (text_port == s->n_ports)
            return cli_usage(s->c, "--prompt: this pipeline has no text input");
        if (!add_texts(s, &s->of[text_port], cli_text(a, "prompt"))) return no_memory(s->c);
    }
    for (size_t i = 0; i < a->n_operands; i++) {
        if (file_port == s->n_ports)
            return cli_usage(s->c, "\"%s\": this pipeline reads no file", a->operands[i]);
        if (!add_texts(s, &s->of[file_port], a->operands[i])) return no_memory(s->c);
    }
    s->total = 1;
    for (size_t i = 0; i < s->n_ports; i++)
        if (s->of[i].n > s->total) s->total = s->of[i].n;
    for (size_t i = 0; i < s->n_ports; i++) {
        const source *o = &s->of[i];
        if (!o->n && !o->port->deflt && !s->batch)
            return cli_usage(s->c, "--%s is wanted: %s", o->port->name, o->port->help);
        if (o->n > 1 && s->batch)
            return cli_usage(s->c, "--%s may be given once beside --batch", o->port->name);
        if (o->n > 1 && o->n != s->total)
            return cli_usage(
                s->c,
                "--%s is given %zu times, another input %zu times; give it once for all, or "
                "as often",
                o->port->name, o->n, s->total);
    }
    return -1;
}

static omn_status kept_value(items *s, source *o, omn_value **out, omn_error *err)
{
    if (!o->kept) {
        const omn_status st = value_of(s, o->port, o->texts[0], &o->kept, err);
        if (st != OMN_OK) return st;
    }
    *out = omn_value_ref(o->kept);
    return OMN_OK;
}

static omn_status next_of_options(items *s, item *it, omn_error *err)
{
    for (size_t i = 0; i < s->n_ports; i++) {
        source *o = &s->of[i];
        if (!o->n) continue;
        const char *text = o->texts[o->n > 1 ? s->next : 0];
        omn_value *v = NULL;
        if (o->n > 1 && !it->label[0]) snprintf(it->label, sizeof it->label, "%s", text);
        omn_status st = o->n > 1 ? value_of(s, o->port, text, &v, err) : kept_value(s, o, &v, err);
        if (st == OMN_OK)
            st = add_input(it, o->port->name, v, is_file_type(o->port->type) ? text : NULL, err);
        if (st != OMN_OK) return st;
    }
    return OMN_OK;
}

/* ---- a batch file ------------------------------------------------------------------------- */

static omn_status read_more(items *s, omn_error *err)
{
    char bytes[65536];
    struct pollfd p = { s->file, POLLIN, 0 };
    for (;;) {
        if (omn_cancel_get(s->c->cancel)) return omn_fail(err, OMN_ERR_CANCELLED, "stopped");
        const int ready = poll(&p, 1, 200);
        if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
        const ssize_t n = read(s->file, bytes, sizeof bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return omn_fail(err, OMN_ERR_IO, "%s: %s", s->batch, strerror(errno));
        if (n == 0) s->ended = true;
        omn_buf_put(&s->line, bytes, (size_t)n);
        return OMN_OK;
    }
}

/* The next line that is not empty; *n its length, without the line's end. NULL: none is left. */
static omn_status next_line(items *s, size_t *used, const char **line, size_t *n, omn_error *err)
{
    size_t from = 0;
    for (;;) {
        char *newline =
            s->line.length > from ? memchr(s->line.data + from, '\n', s->line.length - from) : NULL;
        if (newline || s->ended) {
            const size_t length = newline ? (size_t)(newline - s->line.data) : s->line.length;
            *used = length + (newline != NULL);
            *line = s->line.data;
            *n = length;
            if (length || !newline) return OMN_OK;
            memmove(s->line.data, s->line.data + 1, s->line.length -= 1);
            s->line_number++;
            from = 0;
            continue;
        }
        from = s->line.length;
        if (from > MOST_LINE)
            return omn_fail_at(err, OMN_ERR_DATA, s->batch, s->line_number + 1, 0,
                               "a line is longer than %zu bytes", MOST_LINE);
        const omn_status st = read_more(s, err);
        if (st != OMN_OK) return st;
        if (s->line.failed) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", s->batch);
    }
}

/* A field of a line as the input of its name. Files lie beside the batch file. */
static omn_status take_field(items *s, item *it, const char *name, const omn_value *v,
                             omn_error *err)
{
    size_t k = 0;
    while (k < s->n_ports && strcmp(s->ports[k].name, name)) k++;
    if (k == s->n_ports) {
        if (strcmp(name, "id"))
            return omn_fail(err, OMN_ERR_DATA, "\"%s\" is no input of this pipeline", name);
        it->id = omn_value_ref(v);
        return OMN_OK;
    }
    if (!is_file_type(s->ports[k].type) || omn_value_get_kind(v) != OMN_VALUE_TEXT) {
        return add_input(it, s->ports[k].name, omn_value_ref(v), NULL, err);
    }
    const char *text = omn_text_get(v, NULL);
    omn_value *loaded = NULL;
    omn_buf path;
    omn_buf_init(&path, 8192);
    if (text[0] != '/' && s->folder[0]) omn_buf_printf(&path, "%s/", s->folder);
    omn_buf_puts(&path, text);
    char *full = omn_buf_take(&path);
    if (!full) return omn_fail(err, OMN_ERR_DATA, "%s: a path is too long", name);
    if (!it->label[0]) snprintf(it->label, sizeof it->label, "%s", text);
    omn_status st = omn_value_load(s->c->ctx, full, s->ports[k].type, &loaded, err);
    if (st == OMN_OK) st = add_input(it, s->ports[k].name, loaded, full, err);
    free(full);
    return st;
}

static omn_status take_line(items *s, item *it, const char *line, size_t n, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_value *record = NULL;
    OMN_TRY(omn_value_from_json(line, n, &record, err));
    if (omn_value_get_kind(record) != OMN_VALUE_RECORD) {
        st = omn_fail(err, OMN_ERR_DATA, "a line is one object of inputs, {\"image\": \"a.png\"}");
        goto done;
    }
    for (size_t i = 0; i < omn_record_count(record); i++) {
        const char *name;
        const omn_value *v = omn_record_at(record, i, &name);
        OMN_TRY(take_field(s, it, name, v, err));
    }
    for (size_t i = 0; i < s->n_ports; i++) {
        size_t k = 0;
        omn_value *v = NULL;
        while (k < it->n && strcmp(it->inputs[k].name, s->ports[i].name)) k++;
        if (k < it->n) continue;
        if (!s->of[i].n && !s->ports[i].deflt)
            st = omn_fail(err, OMN_ERR_DATA, "\"%s\" is missing: %s", s->ports[i].name,
                          s->ports[i].help);
        else if (s->of[i].n)
            st = kept_value(s, &s->of[i], &v, err);
        if (st != OMN_OK) goto done;
        const bool file = is_file_type(s->ports[i].type);
        if (v) OMN_TRY(add_input(it, s->ports[i].name, v, file ? s->of[i].texts[0] : NULL, err));
    }
done:
    omn_value_unref(record);
    return st;
}

static omn_status next_of_batch(items *s, item *it, bool *end, omn_error *err)
{
    size_t used = 0, n = 0;
    const char *line = NULL;
    omn_status st = next_line(s, &used, &line, &n, err);
    if (st != OMN_OK || n == 0) {
        *end = true;
        return st;
    }
    st = take_line(s, it, line, n, err);
    if (st != OMN_OK && err && !err->file[0]) {
        snprintf(err->file, sizeof err->file, "%s", strcmp(s->batch, "-") ? s->batch : "<stdin>");
        err->line = s->line_number + 1;
    } else if (st != OMN_OK && err && err->line == 1) {
        err->line = s->line_number + 1;
    }
    memmove(s->line.data, s->line.data + used, s->line.length -= used);
    s->line_number++;
    return st;
}

/* ---- the whole ---------------------------------------------------------------------------- */

int items_open(cli *c, const cli_args *a, const omn_pipeline *p, items **out)
{
    items *s = calloc(1, sizeof *s);
    if (!s) return no_memory(c);
    s->c = c;
    s->file = -1;
    s->n_ports = omn_pipeline_inputs(p, &s->ports);
    s->batch = cli_text(a, "batch");
    s->arena = omn_arena_new((size_t)1 << 28);
    omn_buf_init(&s->line, MOST_LINE + (1 << 17));
    int code = s->arena ? -1 : no_memory(c);
    if (code < 0 && s->n_ports > ITEMS_MOST_INPUTS)
        code = cli_usage(c, "a pipeline with more than %d inputs", ITEMS_MOST_INPUTS);
    if (code < 0) code = from_options(s, a);
    if (code < 0 && s->batch) {
        const char *slash = strrchr(s->batch, '/');
        s->folder = slash ? omn_arena_strndup(s->arena, s->batch, (size_t)(slash - s->batch)) : "";
        s->file = strcmp(s->batch, "-") ? open(s->batch, O_RDONLY | O_CLOEXEC) : dup(STDIN_FILENO);
        if (s->file < 0) {
            omn_error err = OMN_ERROR_INIT;
            omn_fail(&err, errno == ENOENT ? OMN_ERR_MISSING : OMN_ERR_IO, "%s: %s", s->batch,
                     strerror(errno));
            code = cli_failed(c, &err);
        }
    }
    if (code < 0)
        *out = s;
    else
        items_close(s);
    return code;
}

void items_close(items *s)
{
    if (!s) return;
    for (size_t i = 0; i < ITEMS_MOST_INPUTS; i++) omn_value_unref(s->of[i].kept);
    if (s->file >= 0) close(s->file);
    omn_buf_fini(&s->line);
    omn_arena_free(s->arena);
    free(s);
}

bool items_many(const items *s)
{
    return s->batch || s->total > 1;
}

bool items_ready(items *s)
{
    struct pollfd p = { s->file, POLLIN, 0 };
    if (!s->batch) return s->next < s->total;
    return s->ended || (s->line.length && memchr(s->line.data, '\n', s->line.length)) ||
           poll(&p, 1, 0) > 0;
}

omn_status items_next(items *s, item *out, bool *end, omn_error *err)
{
    memset(out, 0, sizeof *out);
    *end = false;
    out->index = s->next;
    if (!s->batch && s->next >= s->total) {
        *end = true;
        return OMN_OK;
    }
    const omn_status st = s->batch ? next_of_batch(s, out, end, err) : next_of_options(s, out, err);
    s->next++;
    return st;
}

void item_fini(item *it)
{
    for (size_t i = 0; i < it->n; i++) {
        omn_value_unref(it->inputs[i].value);
        free(it->files[i]);
    }
    omn_value_unref(it->id);
    it->n = 0;
    it->id = NULL;
}
