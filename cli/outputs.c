/* SPDX-License-Identifier: Apache-2.0 */
/* Files that a run writes. What the run reads is never overwritten, be it the input of another
 * item, the batch, the pipeline or a file of the model; two items never write to one file; what is
 * there is replaced only with --overwrite. All this is checked before the work is done. */
#include "outputs.h"

#include "formats.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char is_input[] = "an input of this run", is_item[] = "the file of another item";

/* A file was suggested, or the kind has a format of its own. */
static bool has_file(const omn_pipeline_port *p)
{
    return p->file || (p->kind && omn_kind_impl(p->kind)->format);
}

/* A kind of files: it has a format of its own, or is a film or a sound, which lie in time. */
static bool is_media(const outputs *o, const omn_pipeline_port *p)
{
    const char *place = omn_kind_impl(p->kind)->place;
    return omn_kind_impl(p->kind)->format ||
           (place && !strcmp(place, "time") && formats_make(o->c, p->type));
}

/* Printed without asking. A value that only who asks gets in text is there in JSON, unless its kind
 * is one of files. */
static bool is_printed(const outputs *o, size_t i)
{
    const omn_pipeline_port *p = &o->ports[i];
    if (o->files[i]) return false;
    return !p->file || (o->c->format != CLI_TEXT && !strcmp(p->file, "optional") && p->kind &&
                        !is_media(o, p));
}

/* ---- which output goes where -------------------------------------------------------------- */

static void all_names(const outputs *o, char *buf, size_t room)
{
    buf[0] = '\0';
    for (size_t i = 0; i < o->n; i++) {
        const size_t used = strlen(buf);
        snprintf(buf + used, room - used, "%s%s", i ? ", " : "", o->ports[i].name);
    }
}

/* "pictur=a.png" names an output that is not there, "a/b=c.png" and "b c=d.png" are names of files
 * with an = in them. */
static bool looks_like_name(const char *spec, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)spec[i]) && spec[i] != '_' && spec[i] != '-') return false;
    return n > 0;
}

/* Of several outputs the one that a file of this name can hold, or that usually goes into one; n if
 * there are more. */
static size_t meant_by(const outputs *o, const char *spec)
{
    size_t fitting = 0, usual = 0, one = o->n, usual_one = o->n;
    for (size_t i = 0; i < o->n; i++) {
        const omn_pipeline_port *p = &o->ports[i];
        omn_error err = OMN_ERROR_INIT;
        if (!has_file(p) || formats_check(o->c, p->type, spec, &err) != OMN_OK) continue;
        if (++fitting) one = i;
        if (p->file && strcmp(p->file, "optional") && ++usual) usual_one = i;
    }
    return fitting == 1 ? one : usual == 1 ? usual_one : o->n;
}

static int twice(const outputs *o, size_t i, const char *spec)
{
    return cli_usage(o->c, "-o: two files for the output %s, %s and %s", o->ports[i].name,
                     o->files[i], spec);
}

static int assign(outputs *o, const char *spec)
{
    const char *equal = strchr(spec, '='), *list[OUTPUTS_MOST];
    const size_t n = equal ? (size_t)(equal - spec) : 0;
    char names[512], word[128];
    size_t filed = 0, one = 0;
    all_names(o, names, sizeof names);
    for (size_t i = 0; i < o->n; i++) {
        list[i] = o->ports[i].name;
        if (has_file(&o->ports[i]) && ++filed) one = i;
        if (!equal || strlen(list[i]) != n || strncmp(spec, list[i], n)) continue;
        if (o->given[i]) return twice(o, i, equal + 1);
        o->given[i] = true;
        o->files[i] = equal + 1;
        return *o->files[i] ? -1 : cli_usage(o->c, "-o %s: a file is wanted behind =", spec);
    }
    if (equal && looks_like_name(spec, n)) {
        snprintf(word, sizeof word, "%.*s", (int)n, spec);
        const char *near = omn_nearest_name(word, list, o->n);
        return cli_usage(o->c, "-o %s: there is no output \"%s\"; %s%s%s%s", spec, word,
                         near ? "did you mean \"" : "there is ", near ? near : names,
                         near ? "\"?" : "", near ? "" : "; a file of that name is ./NAME=...");
    }
    if (filed == 0 && o->n == 1) filed = 1;
    if (filed > 1 && (one = meant_by(o, spec)) < o->n) filed = 1;
    if (filed != 1)
        return cli_usage(o->c, "-o %s: say which output, as -o NAME=FILE (%s)", spec, names);
    if (o->given[one]) return twice(o, one, spec);
    o->given[one] = true;
    o->files[one] = spec;
    return -1;
}

/* The one output that goes to standard output is alone there. */
static int check_stdout(outputs *o, size_t i)
{
    const char *pattern = o->files[i];
    if (o->c->format != CLI_TEXT)
        return cli_usage(o->c, "-o %s=%s: standard output holds JSON already", o->ports[i].name,
                         pattern);
    if (o->many)
        return cli_usage(o->c, "-o %s=%s: many items do not fit into one stream", o->ports[i].name,
                         pattern);
    for (size_t k = 0; k < o->n; k++) {
        if (k != i && o->files[k] && formats_is_stdout(o->files[k]))
            return cli_usage(o->c, "-o: two outputs go to standard output, %s and %s",
                             o->ports[i].name, o->ports[k].name);
        o->printed[k] = false;
    }
    if (o->c->terminal_out && !strstr(pattern, ".txt") &&
        formats_is_picture(o->c, o->ports[i].type))
        return cli_usage(o->c, "-o %s=%s: a terminal shows no picture; send it to a file or "
                         "a program", o->ports[i].name, pattern);
    return -1;
}

/* The folder of a name is there, unless items have folders of their own. What killed runs left in
 * it goes. */
static omn_status check_folder(const char *pattern, omn_error *err)
{
    char folder[OUTPUTS_PATH];
    struct stat s;
    const char *slash = strrchr(pattern, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - pattern) + 1 : 2,
             slash ? pattern : "./");
    if (strstr(folder, "{index}") || strstr(folder, "{name}")) return OMN_OK;
    if (stat(folder, &s) != 0)
        return omn_fail(err, errno == ENOENT ? OMN_ERR_MISSING : OMN_ERR_IO, "%s: %s", folder,
                        strerror(errno));
    if (!S_ISDIR(s.st_mode)) return omn_fail(err, OMN_ERR_IO, "%s is no folder", folder);
    omn_file_sweep(folder);
    return OMN_OK;
}

static int check_pattern(outputs *o, size_t i)
{
    omn_error err = OMN_ERROR_INIT;
    const char *pattern = o->files[i];
    char plain[OUTPUTS_PATH];
    const bool out = formats_is_stdout(pattern);
    if (strlen(pattern) >= sizeof plain)
        return cli_usage(o->c, "-o %s: the name of a file is too long", o->ports[i].name);
    snprintf(plain, sizeof plain, "%s", pattern);
    formats_plain(plain);
    if ((!out || pattern[1]) &&
        formats_check(o->c, o->ports[i].type, pattern, &err) != OMN_OK) {
        omn_error_prefix(&err, "-o %s", o->ports[i].name);
        return cli_failed(o->c, &err);
    }
    if (out) return check_stdout(o, i);
    o->any = true;
    if (check_folder(plain, &err) != OMN_OK) return cli_failed(o->c, &err);
    if (o->many && !strstr(plain, "{index}") && !strstr(plain, "{name}"))
        return cli_usage(o->c, "-o %s=%s: for many items the name needs {name} or {index}",
                         o->ports[i].name, pattern);
    if (guard_find_name(o->taken, plain))
        return cli_usage(o->c, "-o %s=%s: another output goes to that file", o->ports[i].name,
                         pattern);
    return guard_put_name(o->taken, plain, is_item) ? -1 : cli_no_memory(o->c);
}

int outputs_init(outputs *o, cli *c, const cli_args *a, const omn_pipeline *p, bool many)
{
    memset(o, 0, sizeof *o);
    o->c = c;
    o->many = many;
    o->n = omn_pipeline_outputs(p, &o->ports);
    o->how = cli_has(a, "overwrite") ? OMN_OVERWRITE : OMN_KEEP_EXISTING;
    o->kept = guard_new();
    o->taken = guard_new();
    if (!o->kept || !o->taken) return cli_no_memory(c);
    if (o->n > OUTPUTS_MOST)
        return cli_usage(c, "a pipeline with more than %d outputs", OUTPUTS_MOST);
    for (size_t i = 0; i < o->n; i++)
        if (o->ports[i].file && strcmp(o->ports[i].file, "optional"))
            o->files[i] = o->ports[i].file;
    for (size_t i = 0; i < cli_count(a, "output"); i++) {
        const int code = assign(o, cli_nth(a, "output", i));
        if (code >= 0) return code;
    }
    for (size_t i = 0; i < o->n; i++) o->printed[i] = is_printed(o, i);
    for (size_t i = 0; i < o->n; i++) {
        const int code = o->files[i] ? check_pattern(o, i) : -1;
        if (code >= 0) return code;
    }
    /* from here on they are the names of items, which patterns are not */
    guard_free(o->taken);
    o->taken = guard_new();
    return o->taken ? -1 : cli_no_memory(c);
}

void outputs_fini(outputs *o)
{
    guard_free(o->kept);
    guard_free(o->taken);
}

/* ---- names -------------------------------------------------------------------------------- */

/* "boxes-{name}.png" for "photos/a.jpg": "boxes-a.png". */
static omn_status file_name(const char *pattern, const item *it, char *buf, size_t room,
                            omn_error *err)
{
    const char *slash = strrchr(it->label, '/'), *name = slash ? slash + 1 : it->label;
    const char *dot = strrchr(name, '.');
    const int length = (int)(dot && dot > name ? (size_t)(dot - name) : strlen(name));
    omn_buf b;
    omn_buf_init(&b, room - 1);
    for (const char *p = pattern; *p;) {
        if (!strncmp(p, "{index}", 7)) {
            omn_buf_printf(&b, "%llu", (unsigned long long)it->index);
            p += 7;
        } else if (!strncmp(p, "{name}", 6)) {
            if (length)
                omn_buf_printf(&b, "%.*s", length, name);
            else
                omn_buf_printf(&b, "%llu", (unsigned long long)it->index);
            p += 6;
        } else {
            omn_buf_put(&b, p++, 1);
        }
    }
    omn_status st = OMN_OK;
    if (b.full)
        st = omn_fail(err, OMN_ERR_ARGUMENT, "%s: the name of a file is too long", pattern);
    else
        st = omn_buf_check(&b, pattern, err);
    if (st == OMN_OK) snprintf(buf, room, "%s", b.data);
    omn_buf_fini(&b);
    return st;
}

/* The name of output i for this item; *to stays "" for what is no file. */
static omn_status name_of(const outputs *o, size_t i, const item *it, char *to, omn_error *err)
{
    to[0] = '\0';
    if (!o->files[i] || formats_is_stdout(o->files[i])) return OMN_OK;
    return file_name(o->files[i], it, to, OUTPUTS_PATH, err);
}

/* ---- what must not be written to ---------------------------------------------------------- */

omn_status outputs_refuse(const outputs *o, const char *path, omn_error *err)
{
    struct stat s;
    const char *what = stat(path, &s) == 0 ? guard_find_file(o->kept, &s) : NULL;
    if (!what) return OMN_OK;
    return omn_fail(err, OMN_ERR_ARGUMENT, "%s is %s; outputs never overwrite it", path, what);
}

static bool keep_inputs(outputs *o, const item *it)
{
    bool ok = true;
    for (size_t k = 0; k < it->n; k++)
        if (it->files[k]) ok = ok && guard_put_file(o->kept, it->files[k], is_input);
    return ok;
}

/* All items, first their inputs, then their outputs. What is wrong with an item is told when it
 * comes to it. */
static int look_at_items(outputs *o, const cli_args *a, const omn_pipeline *p, bool names)
{
    items *list = NULL;
    int code = items_open(o->c, a, p, ITEMS_NAMES, &list);
    for (bool end = false; code < 0 && !end;) {
        omn_error err = OMN_ERROR_INIT;
        item it;
        items_next(list, &it, &end, &err);
        err = (omn_error)OMN_ERROR_INIT;
        if (!end && !names && !keep_inputs(o, &it)) code = cli_no_memory(o->c);
        for (size_t i = 0; i < o->n && !end && names && code < 0; i++) {
            char path[OUTPUTS_PATH];
            if (name_of(o, i, &it, path, &err) != OMN_OK || !*path) continue;
            formats_plain(path);
            if (outputs_refuse(o, path, &err) != OMN_OK) code = cli_failed(o->c, &err);
        }
        item_fini(&it);
    }
    items_close(list);
    return code;
}

/* What options and inputs name may be read: adapters, weights of a part. Those that name a file to
 * be written are asked themselves. */
static bool keep_named(outputs *o, const cli_args *a)
{
    static const char *const written[] = { "output", "preview", "answers", "journal", "dump-dot" };
    for (size_t i = 0; i < a->n_given; i++) {
        const cli_given *g = &a->given[i];
        bool reads = g->value != NULL;
        for (size_t k = 0; k < sizeof written / sizeof *written; k++)
            reads = reads && strcmp(g->row->name, written[k]) != 0;
        if (reads && !guard_put_file(o->kept, g->value, "a file that this run reads")) return false;
    }
    return true;
}

static int keep_file(void *user, const char *path)
{
    return !guard_put_file(user, path, "a file that the pipeline names");
}

int outputs_protect(outputs *o, const cli_args *a, const omn_pipeline *p)
{
    const char *batch = cli_text(a, "batch");
    struct stat s;
    if (!o->any && !cli_has(a, "answers") && !cli_has(a, "journal") && !cli_has(a, "preview"))
        return -1;
    omn_error err = OMN_ERROR_INIT;
    if (!guard_put_file(o->kept, omn_pipeline_path(p), "the pipeline") ||
        omn_pipeline_files(p, keep_file, o->kept, &err) != OMN_OK ||
        (batch && !guard_put_file(o->kept, batch, "the batch file")))
        return cli_no_memory(o->c);
    /* a pipe cannot be read twice: its inputs are known when they come */
    if (batch && (stat(batch, &s) != 0 || !S_ISREG(s.st_mode)))
        return keep_named(o, a) ? -1 : cli_no_memory(o->c);
    int code = look_at_items(o, a, p, false);
    if (code < 0 && !keep_named(o, a)) code = cli_no_memory(o->c);
    return code < 0 ? look_at_items(o, a, p, true) : code;
}

bool outputs_take(outputs *o, const char *path)
{
    return guard_put_name(o->taken, path, is_item) &&
           guard_put_file(o->kept, path, "a file that this run keeps");
}

bool outputs_protect_model(outputs *o, const char *folder)
{
    return guard_put_folder(o->kept, folder, "a file of the model");
}

/* ---- an item ------------------------------------------------------------------------------ */

static omn_status check_there(const outputs *o, const char *path, bool ours, omn_error *err)
{
    struct stat s;
    if (stat(path, &s) != 0) return OMN_OK;
    if (!S_ISREG(s.st_mode))
        return omn_fail(err, OMN_ERR_ARGUMENT, "%s is there and is no plain file", path);
    if (o->how != OMN_OVERWRITE && !ours)
        return omn_fail(err, OMN_ERR_ARGUMENT, "%s is already there; --overwrite replaces it",
                        path);
    if (!(s.st_mode & S_IWUSR))
        return omn_fail(err, OMN_ERR_IO, "%s is protected from writing and is not replaced", path);
    return OMN_OK;
}

omn_status outputs_check(outputs *o, const item *it, bool ours, omn_error *err)
{
    omn_status st = OMN_OK;
    if (o->any && !keep_inputs(o, it)) return omn_fail(err, OMN_ERR_MEMORY, "out of memory");
    for (size_t i = 0; i < o->n; i++) {
        char path[OUTPUTS_PATH];
        o->written[i][0] = '\0';
        OMN_TRY(name_of(o, i, it, path, err));
        if (!*path) continue;
        formats_plain(path);
        OMN_TRY(outputs_refuse(o, path, err));
        if (guard_find_name(o->taken, path))
            return omn_fail(err, OMN_ERR_ARGUMENT,
                            "%s is %s too; {index} in its name tells items apart", path, is_item);
        OMN_TRY(check_there(o, path, ours, err));
        if (!guard_put_name(o->taken, path, is_item))
            return omn_fail(err, OMN_ERR_MEMORY, "out of memory");
    }
done:
    return st;
}

/* The folder of each file is swept when it is another than that of the file before. */
static void sweep_once(outputs *o, const char *path)
{
    const char *slash = strrchr(path, '/');
    const size_t n = slash ? (size_t)(slash - path) + 1 : 0;
    if (o->swept && strlen(o->folder) == n && !strncmp(o->folder, path, n)) return;
    snprintf(o->folder, sizeof o->folder, "%.*s", (int)n, path);
    o->swept = true;
    cli_sweep_beside(path);
}

omn_status outputs_pass(outputs *o, const item *it, omn_error *err)
{
    omn_status st = OMN_OK;
    for (size_t i = 0; i < o->n; i++) {
        char path[OUTPUTS_PATH];
        OMN_TRY(name_of(o, i, it, path, err));
        formats_plain(path);
        if (*path) sweep_once(o, path);
        if (*path && !guard_put_name(o->taken, path, is_item))
            return omn_fail(err, OMN_ERR_MEMORY, "out of memory");
    }
done:
    return st;
}

omn_status outputs_write(outputs *o, const item *it, const omn_value *record, const char *origin,
                         bool ours, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_overwrite how = ours ? OMN_OVERWRITE : o->how;
    for (size_t i = 0; i < o->n; i++) {
        char path[OUTPUTS_PATH], plain[OUTPUTS_PATH];
        const omn_value *v = omn_record_get(record, o->ports[i].name);
        o->written[i][0] = '\0';
        if (!o->files[i] || !v) continue;
        OMN_TRY(name_of(o, i, it, path, err));
        if (!*path) {
            const char *usual = o->ports[i].file ? o->ports[i].file : "";
            if (!strrchr(usual, '.')) {
                formats_usual(o->c, o->ports[i].type, plain, sizeof plain);
                usual = plain;
            }
            OMN_TRY(formats_to_stdout(o->c, o->files[i], usual, v, origin, err));
            continue;
        }
        snprintf(plain, sizeof plain, "%s", path);
        formats_plain(plain);
        OMN_TRY(outputs_refuse(o, plain, err)); /* a pipe may have named it as an input meanwhile */
        sweep_once(o, path);
        OMN_TRY(formats_save(o->c, path, v, how, origin, err));
        snprintf(o->written[i], sizeof o->written[i], "%s", plain);
    }
done:
    return st;
}
