/* SPDX-License-Identifier: Apache-2.0 */
/* What an object says about itself to people: as text for `omnio help NAME`, and as a manual page
 * in mdoc. Both are made from the same rows that check and call it, so they are never outdated. */
#include "entry.h"
#include "param.h"

#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* Inputs are of one role here, optional or not. */
static bool of_role(const omn_param *p, const char *role)
{
    return strcmp(param_is_input(p) ? "in" : p->role, role) == 0;
}

static bool has_role(const omn_entry *e, const char *role)
{
    for (size_t i = 0; i < e->object.n_params; i++)
        if (of_role(&e->object.params[i], role)) return true;
    return false;
}

static const char *const roles[] = { "in", "param", "out" };
static const char *const titles[] = { "Inputs", "Parameters", "Results" };

/* "int, 1..65535 px, default 3" */
static void put_type(const omn_param *p, omn_buf *out)
{
    bool quoted = strcmp(p->type, "string") == 0 || strcmp(p->type, "path") == 0;
    omn_buf_puts(out, p->type);
    if (strcmp(p->role, "optional") == 0) omn_buf_puts(out, ", may be left out");
    if (strcmp(p->role, "param") != 0) return;
    if (p->range) omn_buf_printf(out, ", %s", p->range);
    if (p->unit) omn_buf_printf(out, "%s%s", p->range ? " " : ", ", p->unit);
    if (!p->deflt)
        omn_buf_puts(out, ", must be given");
    else
        omn_buf_printf(out, quoted ? ", default \"%s\"" : ", default %s", p->deflt);
}

/* "- {apply: image.resize, as: out, in: $in, width: ...}": what must be given. */
static void put_step(const omn_entry *e, omn_buf *out)
{
    const omn_object *o = &e->object;
    const char *as = "result";
    for (size_t i = o->n_params; i > 0; i--)
        if (strcmp(o->params[i - 1].role, "out") == 0) as = o->params[i - 1].name;
    omn_buf_printf(out, "- {apply: %s, as: %s", o->name, as);
    for (size_t i = 0; i < o->n_params; i++) {
        const omn_param *p = &o->params[i];
        if (param_is_input(p))
            omn_buf_printf(out, ", %s: $%s", p->name, p->name);
        else if (strcmp(p->role, "param") == 0 && !p->deflt)
            omn_buf_printf(out, ", %s: ...", p->name);
    }
    omn_buf_puts(out, "}");
}

static void put_text(const omn_entry *e, omn_buf *out)
{
    const omn_object *o = &e->object;
    int n;
    size_t width = 4;
    const char *word = entry_kind_word(o->kind, &n);
    omn_buf_printf(out, "%s - %s\n\n%.*s of plugin %s %s (%s)\n%s\n", o->name, o->help, n, word,
                   e->plugin->name, e->plugin->version, e->plugin->licence, e->file);
    if (e->also && *e->also)
        omn_buf_printf(out, "\nOther kinds have an object of this name too: %s\n", e->also);
    if (strcmp(o->kind, "omnio.format/1") == 0) {
        const omn_format_impl *f = o->impl;
        omn_buf_printf(out, "\n%s%s%s %s; suffixes %s\n", f->read ? "reads" : "",
                       f->read && f->write ? " and " : "", f->write ? "writes" : "", f->makes,
                       f->suffixes);
    }
    for (size_t i = 0; i < o->n_params; i++)
        if (strlen(o->params[i].name) > width) width = strlen(o->params[i].name);
    for (size_t r = 0; r < 3; r++) {
        if (!has_role(e, roles[r])) continue;
        omn_buf_printf(out, "\n%s\n", titles[r]);
        for (size_t i = 0; i < o->n_params; i++) {
            const omn_param *p = &o->params[i];
            if (!of_role(p, roles[r])) continue;
            omn_buf_printf(out, "  %-*s  %s\n  %-*s  ", (int)width, p->name, p->help, (int)width,
                           "");
            put_type(p, out);
            omn_buf_puts(out, "\n");
        }
    }
    if (strcmp(o->kind, "omnio.operation/1") == 0) {
        omn_buf_puts(out, "\nIn a pipeline\n  ");
        put_step(e, out);
        omn_buf_puts(out, "\n");
    }
}

/* Text for roff: nothing of it is a request, an escape or a macro. */
static void put_roff(const char *s, omn_buf *out)
{
    omn_buf_puts(out, "\\&");
    for (; *s; s++) {
        if (*s == '\\')
            omn_buf_puts(out, "\\e");
        else if (*s == '"')
            omn_buf_puts(out, "\\(dq");
        else
            omn_buf_put(out, s, 1);
    }
}

static void put_macro(const char *macro, const char *text, omn_buf *out)
{
    omn_buf_printf(out, "%s \"", macro);
    put_roff(text, out);
    omn_buf_puts(out, "\"\n");
}

static void put_line(const char *text, omn_buf *out)
{
    put_roff(text, out);
    omn_buf_puts(out, "\n");
}

/* The date of the plugin file: the page describes that file. */
static void put_date(const char *file, omn_buf *out)
{
    static const char *const months[] = { "January",   "February", "March",    "April",
                                          "May",       "June",     "July",     "August",
                                          "September", "October",  "November", "December" };
    struct stat s;
    struct tm t;
    if (stat(file, &s) != 0 || !gmtime_r(&s.st_mtime, &t)) return;
    omn_buf_printf(out, ".Dd %s %d, %d\n", months[t.tm_mon], t.tm_mday, t.tm_year + 1900);
}

static void put_upper(const char *s, omn_buf *out)
{
    for (; *s; s++) {
        char c = *s >= 'a' && *s <= 'z' ? (char)(*s - 'a' + 'A') : *s;
        omn_buf_put(out, &c, 1);
    }
}

static void put_man_rows(const omn_entry *e, omn_buf *out)
{
    const omn_object *o = &e->object;
    omn_buf line;
    for (size_t r = 0; r < 3; r++) {
        if (!has_role(e, roles[r])) continue;
        omn_buf_puts(out, ".Sh ");
        put_upper(titles[r], out);
        omn_buf_puts(out, "\n.Bl -tag -width Ds\n");
        for (size_t i = 0; i < o->n_params; i++) {
            const omn_param *p = &o->params[i];
            if (!of_role(p, roles[r])) continue;
            omn_buf_printf(out, ".It Ar %s Pq ", p->name);
            omn_buf_init(&line, 8192);
            put_type(p, &line);
            omn_buf_puts(out, "\"");
            put_roff(line.data ? line.data : "", out);
            omn_buf_puts(out, "\"\n");
            omn_buf_fini(&line);
            put_line(p->help, out);
        }
        omn_buf_puts(out, ".El\n");
    }
}

static void put_man(const omn_entry *e, omn_buf *out)
{
    const omn_object *o = &e->object;
    omn_buf line;
    int n;
    const char *word = entry_kind_word(o->kind, &n);
    put_date(e->file, out);
    omn_buf_puts(out, ".Dt OMNIO-");
    put_upper(o->name, out);
    omn_buf_printf(out, " 7\n.Os omnio\n.Sh NAME\n.Nm %s\n", o->name);
    put_macro(".Nd", o->help, out);
    omn_buf_puts(out, ".Sh DESCRIPTION\n.Nm\n");
    omn_buf_init(&line, 8192);
    omn_buf_printf(&line, "is the %.*s \"%s\" of the plugin %s %s: %s.", n, word, o->name,
                   e->plugin->name, e->plugin->version, e->plugin->summary);
    put_line(line.data ? line.data : "", out);
    omn_buf_fini(&line);
    if (strcmp(o->kind, "omnio.format/1") == 0) {
        const omn_format_impl *f = o->impl;
        omn_buf_init(&line, 8192);
        omn_buf_printf(&line, "It %s%s%s values of type %s. Suffixes of its files: %s.",
                       f->read ? "reads" : "", f->read && f->write ? " and " : "",
                       f->write ? "writes" : "", f->makes, f->suffixes);
        put_line(line.data ? line.data : "", out);
        omn_buf_fini(&line);
    }
    put_man_rows(e, out);
    if (strcmp(o->kind, "omnio.operation/1") == 0) {
        omn_buf_init(&line, 8192);
        put_step(e, &line);
        omn_buf_puts(out, ".Sh EXAMPLES\nAs a step of a pipeline:\n.Bd -literal -offset indent\n");
        put_line(line.data ? line.data : "", out);
        omn_buf_puts(out, ".Ed\n");
        omn_buf_fini(&line);
    }
    omn_buf_puts(out, ".Sh SEE ALSO\n.Xr omnio 1 ,\n.Xr omnio-pipeline 5 ,\n.Xr omnio-plugin 7\n");
    omn_buf_puts(out, ".Sh LICENCE\n");
    put_line(e->plugin->licence, out);
}

omn_status omn_entry_help(const omn_entry *e, bool man, omn_buf *out, omn_error *err)
{
    if (!e || !out) return omn_fail(err, OMN_ERR_ARGUMENT, "omn_entry_help: no entry or no buffer");
    if (man)
        put_man(e, out);
    else
        put_text(e, out);
    return omn_buf_check(out, e->object.name, err);
}
