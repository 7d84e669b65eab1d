/* SPDX-License-Identifier: Apache-2.0 */
/* Files that a run writes. An input is never overwritten, an existing file only with --overwrite;
 * this is checked before the work is done, not after. */
#include "outputs.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool has_file(const omn_pipeline_port *p)
{
    return p->file || !strcmp(p->type, "image");
}

static int assign(outputs *o, const char *spec)
{
    const char *equal = strchr(spec, '=');
    char names[512] = "";
    size_t filed = 0, one = 0;
    for (size_t i = 0; i < o->n; i++) {
        const size_t used = strlen(names), n = strlen(o->ports[i].name);
        snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", o->ports[i].name);
        if (has_file(&o->ports[i]) && ++filed) one = i;
        if (!equal || n != (size_t)(equal - spec) || strncmp(spec, o->ports[i].name, n)) continue;
        o->files[i] = equal + 1;
        return *o->files[i] ? -1 : cli_usage(o->c, "-o %s: a file is wanted behind =", spec);
    }
    if (filed == 0 && o->n == 1) filed = 1;
    if (filed != 1)
        return cli_usage(o->c, "-o %s: say which output, as -o NAME=FILE (%s)", spec, names);
    o->files[one] = spec;
    return -1;
}

int outputs_init(outputs *o, cli *c, const cli_args *a, const omn_pipeline *p, bool many)
{
    memset(o, 0, sizeof *o);
    o->c = c;
    o->n = omn_pipeline_outputs(p, &o->ports);
    o->how = cli_has(a, "overwrite") ? OMN_OVERWRITE : OMN_KEEP_EXISTING;
    if (o->n > OUTPUTS_MOST)
        return cli_usage(c, "a pipeline with more than %d outputs", OUTPUTS_MOST);
    for (size_t i = 0; i < o->n; i++)
        if (o->ports[i].file && strcmp(o->ports[i].file, "optional"))
            o->files[i] = o->ports[i].file;
    for (size_t i = 0; i < cli_count(a, "output"); i++) {
        const int code = assign(o, cli_nth(a, "output", i));
        if (code >= 0) return code;
    }
    for (size_t i = 0; i < o->n; i++) {
        o->printed[i] = !o->files[i] && !o->ports[i].file;
        if (!o->files[i] || !many || strstr(o->files[i], "{index}") ||
            strstr(o->files[i], "{name}"))
            continue;
        return cli_usage(c, "-o %s=%s: for many items the name needs {name} or {index}",
                         o->ports[i].name, o->files[i]);
    }
    return -1;
}

/* "boxes-{name}.png" for "photos/a.jpg": "boxes-a.png". */
static bool file_name(const char *pattern, const item *it, char *buf, size_t room)
{
    const char *slash = strrchr(it->label, '/'), *name = slash ? slash + 1 : it->label;
    const char *dot = strrchr(name, '.');
    const int length = (int)(dot && dot > name ? (size_t)(dot - name) : strlen(name));
    omn_buf b;
    omn_buf_init(&b, room);
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
    const bool ok = !b.failed && b.length < room;
    if (ok) snprintf(buf, room, "%s", b.data ? b.data : "");
    omn_buf_fini(&b);
    return ok;
}

/* "a.png?quality=90" -> "a.png" */
static void without_settings(char *path)
{
    char *mark = strrchr(path, '?');
    if (mark && strchr(mark, '=')) *mark = '\0';
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

omn_status outputs_check(outputs *o, const item *it, omn_error *err)
{
    for (size_t i = 0; i < o->n; i++) {
        char path[1024];
        struct stat out, in;
        o->written[i][0] = '\0';
        if (!o->files[i]) continue;
        if (!file_name(o->files[i], it, path, sizeof path))
            return omn_fail(err, OMN_ERR_ARGUMENT, "%s: the name of a file is too long",
                            o->files[i]);
        without_settings(path);
        if (stat(path, &out) != 0) continue;
        for (size_t k = 0; k < it->n; k++)
            if (it->files[k] && stat(it->files[k], &in) == 0 && in.st_dev == out.st_dev &&
                in.st_ino == out.st_ino)
                return omn_fail(err, OMN_ERR_ARGUMENT,
                                "%s is an input; outputs never overwrite their input", path);
        if (!S_ISREG(out.st_mode))
            return omn_fail(err, OMN_ERR_ARGUMENT, "%s is there and is no plain file", path);
        if (o->how != OMN_OVERWRITE)
            return omn_fail(err, OMN_ERR_ARGUMENT, "%s is already there; --overwrite replaces it",
                            path);
    }
    return OMN_OK;
}

omn_status outputs_write(outputs *o, const item *it, const omn_value *record, omn_error *err)
{
    for (size_t i = 0; i < o->n; i++) {
        char path[1024];
        const omn_value *v = omn_record_get(record, o->ports[i].name);
        if (!o->files[i] || !v) continue;
        if (!file_name(o->files[i], it, path, sizeof path))
            return omn_fail(err, OMN_ERR_ARGUMENT, "%s: the name of a file is too long",
                            o->files[i]);
        sweep_once(o, path);
        const omn_status st = omn_value_save(o->c->ctx, path, v, o->how, err);
        if (st != OMN_OK) return st;
        without_settings(path);
        snprintf(o->written[i], sizeof o->written[i], "%s", path);
    }
    return OMN_OK;
}
