/* SPDX-License-Identifier: Apache-2.0 */
/* Items from options that are given several times (one picture each, say), or from the lines of a
 * batch file, one JSON object each. Only the item at hand is in memory, and small files of those
 * before, which may be named again. */
#include "items.h"

#include "lines.h"
#include "loaded.h"
#include "record.h"
#include "words.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#define NAME_ROOM 256
#define KEPT ((size_t)16 << 20) /* bytes of the files that lines have named, at most */

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
    lines *lines;
    loaded *files;
    items_how how;
    size_t most; /* bytes of one item */
    items_passed_fn *passed;
    void *passed_user;
    bool warned; /* of a member that may be a misspelt input */
};

#define INPUTS "Inputs of the pipeline"

const cli_option *items_rows(const omn_pipeline *p, omn_arena *a, size_t *n)
{
    const omn_pipeline_port *ports;
    *n = omn_pipeline_inputs(p, &ports);
    cli_option *rows = omn_arena_alloc(a, *n + 1, sizeof *rows);
    for (size_t i = 0; rows && i < *n; i++)
        rows[i] = (cli_option){ .name = ports[i].name,
                                .value = words_holder(&ports[i]),
                                .deflt = ports[i].deflt,
                                .type = words_are_files(&ports[i]) ? "path" : "string",
                                .group = INPUTS,
                                .help = ports[i].help };
    if (!rows) *n = 0;
    return rows;
}

omn_status items_check_names(const omn_pipeline *p, omn_error *err)
{
    const omn_pipeline_port *ports;
    const size_t n = omn_pipeline_inputs(p, &ports);
    cli_args a = { 0 };
    cli_rows(&a, &cmd_run, NULL, 0);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < a.n_rows; k++)
            /* --prompt is a text input by another name, so that an input may have it */
            if (!strcmp(ports[i].name, a.rows[k]->name) && strcmp(ports[i].name, "prompt"))
                return omn_fail_at(err, OMN_ERR_CONFIG, omn_pipeline_path(p), 0, 0,
                                   "the input \"%s\" would hide the option --%s of omnio run; give "
                                   "it another name", ports[i].name, ports[i].name);
    return OMN_OK;
}

/* ---- one value ---------------------------------------------------------------------------- */

static omn_status value_of(items *s, const omn_pipeline_port *port, const char *text,
                           omn_value **out, omn_error *err)
{
    if (s->how == ITEMS_NAMES) return OMN_OK;
    const omn_status st = words_value(s->c, port, text, out, err);
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

/* An item that would take more memory than all of a round may. */
static omn_status check_size(const items *s, const item *it, omn_error *err)
{
    if (it->bytes <= s->most) return OMN_OK;
    return omn_fail(err, OMN_ERR_DATA,
                    "%s%stakes %.1f MB of memory, and --memory allows %.0f", it->label,
                    it->label[0] ? ": " : "", (double)it->bytes / 1e6, (double)s->most / 1e6);
}

/* ---- options ------------------------------------------------------------------------------ */

/* A text as it is, or the files that a pattern names. */
static bool add_texts(items *s, source *o, const char *text)
{
    glob_t g = { 0 };
    const bool looks = words_are_files(o->port) && strpbrk(text, "*?[") && access(text, F_OK) != 0;
    const int found = looks ? glob(text, 0, NULL, &g) : GLOB_NOMATCH;
    const bool pattern = found == 0 && g.gl_pathc > 0;
    bool ok = found != GLOB_NOSPACE;
    const size_t more = pattern ? g.gl_pathc : 1;
    const char **texts = omn_arena_alloc(s->arena, o->n + more, sizeof *texts);
    if (texts && o->n) memcpy(texts, o->texts, o->n * sizeof *texts);
    for (size_t i = 0; texts && i < more; i++) {
        texts[o->n + i] = pattern ? omn_arena_strdup(s->arena, g.gl_pathv[i]) : text;
        ok = ok && texts[o->n + i];
    }
    ok = ok && texts;
    if (ok) {
        o->texts = texts;
        o->n += more;
    }
    globfree(&g);
    return ok;
}

/* The input whose file this one is read from when it is not given, as its default $name says; NULL:
 * none. */
static source *same_file(items *s, const omn_pipeline_port *port)
{
    if (!port->deflt || port->deflt[0] != '$' || !words_are_files(port)) return NULL;
    for (size_t i = 0; i < s->n_ports; i++)
        if (!strcmp(s->ports[i].name, port->deflt + 1)) return &s->of[i];
    return NULL;
}

/* Is an input given by the option of this name? A command may have one of its own that is called
 * so, the input then keeps its default. */
static bool is_input(const cli_args *a, const char *name)
{
    for (size_t k = 0; k < a->n_rows; k++)
        if (!strcmp(a->rows[k]->name, name) && a->rows[k]->group &&
            !strcmp(a->rows[k]->group, INPUTS))
            return true;
    return false;
}

static int from_options(items *s, const cli_args *a)
{
    size_t file_port = s->n_ports, text_port = s->n_ports;
    for (size_t i = s->n_ports; i-- > 0;) {
        if (words_are_files(&s->ports[i])) file_port = i;
        if (!strcmp(s->ports[i].type, "text")) text_port = i;
    }
    for (size_t i = 0; i < s->n_ports; i++) {
        source *o = &s->of[i];
        o->port = &s->ports[i];
        const size_t n = is_input(a, o->port->name) ? cli_count(a, o->port->name) : 0;
        for (size_t k = 0; k < n; k++)
            if (!add_texts(s, o, cli_nth(a, o->port->name, k))) return cli_no_memory(s->c);
    }
    size_t own = 0; /* an input that is called prompt is given by this option as by any other */
    while (own < s->n_ports && strcmp(s->ports[own].name, "prompt")) own++;
    if (cli_has(a, "prompt") && own == s->n_ports) {
        if (text_port == s->n_ports)
            return cli_usage(s->c, "--prompt: this pipeline has no text input");
        if (!add_texts(s, &s->of[text_port], cli_text(a, "prompt"))) return cli_no_memory(s->c);
    }
    for (size_t i = 0; i < a->n_operands; i++) {
        if (file_port == s->n_ports)
            return cli_usage(s->c, "\"%s\": this pipeline reads no file", a->operands[i]);
        if (!add_texts(s, &s->of[file_port], a->operands[i])) return cli_no_memory(s->c);
    }
    for (size_t i = 0; i < s->n_ports; i++) {
        const source *same = s->of[i].n ? NULL : same_file(s, &s->ports[i]);
        if (!same) continue;
        s->of[i].texts = same->texts;
        s->of[i].n = same->n;
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
    if (!o->kept && s->how == ITEMS_LOAD) {
        const omn_status st = value_of(s, o->port, o->texts[0], &o->kept, err);
        if (st != OMN_OK) return st;
    }
    *out = omn_value_ref(o->kept);
    return OMN_OK;
}

static omn_status next_of_options(items *s, item *it, omn_error *err)
{
    bool named = false; /* by a file that is its own */
    for (size_t i = 0; i < s->n_ports; i++) {
        source *o = &s->of[i];
        if (!o->n) continue;
        const char *text = o->texts[o->n > 1 ? s->next : 0];
        omn_value *v = NULL;
        const bool file = words_name_file(o->port, text);
        if (o->n > 1 && (!it->label[0] || (file && !named)))
            snprintf(it->label, sizeof it->label, "%s", text);
        if (file && s->total == 1 && !it->label[0])
            snprintf(it->label, sizeof it->label, "%s", text);
        named = named || (file && o->n > 1);
        omn_status st = OMN_OK;
        if (!it->passed)
            st = o->n > 1 ? value_of(s, o->port, text, &v, err) : kept_value(s, o, &v, err);
        if (o->n > 1) it->bytes += words_size(v);
        if (st == OMN_OK) st = add_input(it, o->port->name, v, file ? text : NULL, err);
        if (st != OMN_OK) return st;
    }
    if (s->total == 1)
        for (size_t i = 0; i < it->n; i++) it->bytes += words_size(it->inputs[i].value);
    return check_size(s, it, err);
}

/* ---- a batch file ------------------------------------------------------------------------- */

/* A file that a line names; it lies beside the batch file. */
static omn_status take_file(items *s, item *it, const omn_pipeline_port *port, const char *text,
                            omn_error *err)
{
    omn_value *v = NULL;
    omn_buf path;
    omn_buf_init(&path, 8192);
    if (text[0] != '/' && s->folder[0]) omn_buf_printf(&path, "%s/", s->folder);
    omn_buf_puts(&path, text);
    const omn_status whole = omn_buf_check(&path, "a path", err);
    char *full = omn_buf_take(&path);
    if (whole != OMN_OK || !full) {
        omn_fail(err, OMN_ERR_MEMORY, "a path: out of memory");
        omn_error_prefix(err, "%s", port->name);
        return whole != OMN_OK ? whole : OMN_ERR_MEMORY;
    }
    if (!it->label[0]) snprintf(it->label, sizeof it->label, "%s", text);
    omn_status st = OMN_OK;
    if (s->how == ITEMS_LOAD && !it->passed)
        st = loaded_get(s->files, s->c->ctx, full, port->type, &v, err);
    it->bytes += words_size(v);
    if (st == OMN_OK) st = add_input(it, port->name, v, full, err);
    free(full);
    return st;
}

/* Members that are no inputs are handed through; the id is one of them that has a place of its
 * own. */
static omn_status take_other(item *it, const record_member *m, bool id, omn_error *err)
{
    omn_buf b;
    char **to = id ? &it->id : &it->extra;
    omn_buf_init(&b, 2 * LINES_LONGEST);
    if (!id && it->extra) omn_buf_printf(&b, "%s,", it->extra);
    if (!id) {
        omn_buf_put(&b, m->name, m->name_n);
        omn_buf_puts(&b, ":");
    }
    omn_buf_put(&b, m->value, m->value_n);
    free(*to);
    *to = omn_buf_take(&b);
    return *to ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "a line: out of memory");
}

/* The input that a member may have been meant for; NULL: none is near. */
static const char *misspelt(const items *s, const omn_value *record, const char *name)
{
    const char *open[ITEMS_MOST_INPUTS];
    size_t n = 0;
    for (size_t i = 0; i < s->n_ports; i++)
        if (!s->of[i].n && !omn_record_get(record, s->ports[i].name)) open[n++] = s->ports[i].name;
    return n ? omn_nearest_name(name, open, n) : NULL;
}

/* What is wrong with an item is told with its id, wherever in the line that stands. */
static void find_id(item *it, const char *at, const char *end)
{
    record_member m;
    while (!it->id && record_next(&at, end, &m)) {
        char name[NAME_ROOM];
        record_name(&m, name, sizeof name);
        if (!strcmp(name, "id")) (void)take_other(it, &m, true, NULL);
    }
}

static omn_status take_members(items *s, item *it, const char *line, size_t n,
                               const omn_value *record, char *meant, omn_error *err)
{
    omn_status st = OMN_OK;
    record_member m;
    const char *at = line;
    while (st == OMN_OK && record_next(&at, line + n, &m)) {
        char name[NAME_ROOM];
        size_t k = 0;
        record_name(&m, name, sizeof name);
        const omn_value *v = omn_record_get(record, name);
        while (k < s->n_ports && strcmp(s->ports[k].name, name)) k++;
        if (k == s->n_ports) {
            st = take_other(it, &m, !strcmp(name, "id"), err);
            const char *near = strcmp(name, "id") ? misspelt(s, record, name) : NULL;
            if (near) snprintf(meant, 2 * NAME_ROOM, "did you mean \"%s\" by \"%s\"?", near, name);
        } else if (v && words_are_files(&s->ports[k]) &&
                   omn_value_is(v, "text")) {
            st = take_file(s, it, &s->ports[k], omn_text_get(v, NULL), err);
        } else if (v) {
            it->bytes += words_size(v);
            st = add_input(it, s->ports[k].name, omn_value_ref(v), NULL, err);
        }
    }
    if (st != OMN_OK) find_id(it, at, line + n);
    return st;
}

/* null may stand anywhere in what is only handed through, and is no value of ours in a list: there
 * a 0 of the same length takes its place, so that the rest of the line is read and what is wrong
 * with it keeps its column. Owned; NULL without memory. */
static char *readable(const items *s, const char *line, size_t n)
{
    char *copy = malloc(n + 1);
    record_member m;
    if (!copy) return NULL;
    memcpy(copy, line, n);
    copy[n] = '\0';
    for (const char *at = line; record_next(&at, line + n, &m);) {
        char name[NAME_ROOM];
        size_t k = 0;
        record_name(&m, name, sizeof name);
        while (k < s->n_ports && strcmp(s->ports[k].name, name)) k++;
        char *const from = copy + (m.value - line);
        if (k == s->n_ports) record_blank(from, from + m.value_n);
    }
    return copy;
}

static omn_status take_line(items *s, item *it, const char *line, size_t n, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_value *record = NULL;
    char meant[2 * NAME_ROOM] = "";
    char *text = readable(s, line, n);
    if (!text) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "a line: out of memory"));
    OMN_TRY(words_json(s->c, text, n, &record, err));
    if (!omn_value_is(record, "record")) {
        st = omn_fail(err, OMN_ERR_DATA, "a line is one object of inputs, {\"image\": \"a.png\"}");
        goto done;
    }
    OMN_TRY(take_members(s, it, line, n, record, meant, err));
    if (it->passed) goto done;
    for (size_t i = 0; i < s->n_ports; i++) {
        size_t k = 0;
        omn_value *v = NULL;
        while (k < it->n && strcmp(it->inputs[k].name, s->ports[i].name)) k++;
        if (k < it->n) continue;
        const source *same = same_file(s, &s->ports[i]);
        for (k = 0; same && k < it->n && strcmp(it->inputs[k].name, same->port->name);) k++;
        if (same && k < it->n && it->files[k]) {
            if (s->how == ITEMS_LOAD)
                OMN_TRY(loaded_get(s->files, s->c->ctx, it->files[k], s->ports[i].type, &v, err));
            OMN_TRY(add_input(it, s->ports[i].name, v, it->files[k], err));
            continue;
        }
        if (!s->of[i].n && !s->ports[i].deflt)
            st = omn_fail(err, OMN_ERR_DATA, "\"%s\" is missing%s%s%s%s", s->ports[i].name,
                          s->ports[i].help[0] ? ": " : "", s->ports[i].help,
                          meant[0] ? "; " : "", meant);
        else if (s->of[i].n)
            st = kept_value(s, &s->of[i], &v, err);
        if (st != OMN_OK) goto done;
        const bool file = words_are_files(&s->ports[i]);
        if (v || (s->of[i].n && s->how == ITEMS_NAMES))
            OMN_TRY(add_input(it, s->ports[i].name, v, file ? s->of[i].texts[0] : NULL, err));
    }
    if (meant[0] && !s->warned && s->how == ITEMS_LOAD && !s->c->quiet) {
        s->warned = true;
        cli_say(s->c, "%s:%d: %s What is no input is handed through as \"extra\".",
                lines_name(s->lines), (int)lines_number(s->lines), meant);
    }
    st = check_size(s, it, err);
done:
    free(text);
    omn_value_unref(record);
    return st;
}

static omn_status next_of_batch(items *s, item *it, bool *end, omn_error *err)
{
    size_t n = 0;
    const char *line = NULL;
    omn_status st = lines_next(s->lines, &line, &n, err);
    if (st != OMN_OK || !line) {
        *end = st != OMN_ERR_DATA;
        return st;
    }
    it->hash = XXH3_64bits(line, n);
    if (s->passed) st = s->passed(s->passed_user, it->index, it->hash, &it->passed, err);
    *end = st != OMN_OK;
    if (st == OMN_OK) st = take_line(s, it, line, n, err);
    if (st != OMN_OK && err && !err->file[0])
        snprintf(err->file, sizeof err->file, "%s", lines_name(s->lines));
    if (st != OMN_OK && err && err->line <= 1) err->line = lines_number(s->lines);
    return st;
}

/* ---- the whole ---------------------------------------------------------------------------- */

int items_open(cli *c, const cli_args *a, const omn_pipeline *p, items_how how, items **out)
{
    omn_error err = OMN_ERROR_INIT;
    items *s = calloc(1, sizeof *s);
    if (!s) return cli_no_memory(c);
    s->c = c;
    s->how = how;
    s->most = (size_t)cli_number(a, "memory", 512) * 1000000;
    s->n_ports = omn_pipeline_inputs(p, &s->ports);
    s->batch = cli_text(a, "batch");
    s->arena = omn_arena_new((size_t)1 << 28);
    s->files = loaded_new(s->most / 4 < KEPT ? s->most / 4 : KEPT);
    int code = s->arena && s->files ? -1 : cli_no_memory(c);
    if (code < 0 && s->n_ports > ITEMS_MOST_INPUTS)
        code = cli_usage(c, "a pipeline with more than %d inputs", ITEMS_MOST_INPUTS);
    if (code < 0) code = from_options(s, a);
    if (code < 0 && s->batch) {
        const char *slash = strrchr(s->batch, '/');
        const size_t n = !slash ? 0 : slash == s->batch ? 1 : (size_t)(slash - s->batch);
        s->folder = omn_arena_strndup(s->arena, s->batch, n);
        if (!s->folder)
            code = cli_no_memory(c);
        else if (lines_open(c, s->batch, &s->lines, &err) != OMN_OK)
            code = cli_failed(c, &err);
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
    lines_close(s->lines);
    loaded_free(s->files);
    omn_arena_free(s->arena);
    free(s);
}

void items_pass(items *s, items_passed_fn *fn, void *user)
{
    s->passed = fn;
    s->passed_user = user;
}

bool items_many(const items *s)
{
    return s->batch || s->total > 1;
}

uint64_t items_total(const items *s)
{
    return s->batch ? lines_total(s->batch) : s->total;
}

uint64_t items_at(const items *s)
{
    return s->next;
}

bool items_ready(items *s)
{
    return s->batch ? lines_ready(s->lines) : s->next < s->total;
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
    omn_status st = OMN_OK;
    if (!s->batch && s->passed) {
        st = s->passed(s->passed_user, out->index, 0, &out->passed, err);
        *end = st != OMN_OK;
    }
    if (st == OMN_OK)
        st = s->batch ? next_of_batch(s, out, end, err) : next_of_options(s, out, err);
    s->next++;
    return st;
}

void item_fini(item *it)
{
    for (size_t i = 0; i < it->n; i++) {
        omn_value_unref(it->inputs[i].value);
        free(it->files[i]);
    }
    free(it->id);
    free(it->extra);
    it->n = 0;
    it->id = it->extra = NULL;
}
