/* SPDX-License-Identifier: Apache-2.0 */
/* What a name says about the form of an output. It is asked before the work is done, so that an
 * answer of minutes is not lost to a suffix that nobody knows. */
#include "formats.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char own[] = "txt, json, jsonl";

typedef struct search {
    cli *c;
    const char *type, *suffix; /* suffix NULL: of any */
    bool found;
    char all[512]; /* "png, jpg", of those that were asked */
    omn_error err; /* OMN_ERR_MEMORY: not all could be asked */
} search;

void formats_plain(char *path)
{
    char *mark = strrchr(path, '?');
    if (mark && mark[1] != '=' && strchr(mark, '=') && !strchr(mark, '/')) *mark = '\0';
}

/* The suffix in lower case; false: there is none. */
static bool suffix_in(const char *path, char *buf, size_t room)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    if (!dot || dot == name || !dot[1] || strlen(dot + 1) >= room) return false;
    for (size_t i = 0; i <= strlen(dot + 1); i++) {
        const char ch = dot[1 + i];
        buf[i] = ch >= 'A' && ch <= 'Z' ? (char)(ch - 'A' + 'a') : ch;
    }
    return true;
}

static bool same(const char *word, size_t n, const char *as)
{
    return strlen(as) == n && !strncmp(word, as, n);
}

/* Does the format make such values, under such a suffix (NULL: any), by what its plugin was found
 * to say? */
static bool may_fit(const char *type, const char *suffix, const char *format)
{
    const char *colon = format ? strchr(format, ':') : NULL;
    if (!colon) return false;
    const size_t made = (size_t)(colon - format);
    if (strcmp(type, "any") && !same(format, made, "any") && !same(format, made, type))
        return false;
    for (const char *p = colon + 1; suffix && *p;) {
        const size_t n = strcspn(p, ",");
        if (same(p, n, suffix)) return true;
        p += n + (p[n] == ',');
    }
    return !suffix;
}

/* Only a plugin that may fit is loaded: whether a format can write, it alone knows. */
static int on_format(void *user, const omn_listed *it)
{
    search *s = user;
    const omn_entry *e = NULL;
    omn_error why = OMN_ERROR_INIT;
    if (!it->name || !may_fit(s->type, s->suffix, it->format)) return 0;
    const omn_status st = omn_registry_find(s->c->ctx, "omnio.format/1", it->name, &e, &why);
    if (st == OMN_ERR_MEMORY) s->err = why;
    if (st != OMN_OK) return st == OMN_ERR_MEMORY;
    const omn_format_impl *impl = omn_entry_object(e)->impl;
    const size_t used = strlen(s->all);
    if (!impl->write) return 0;
    snprintf(s->all + used, sizeof s->all - used, "%.*s, ", (int)strcspn(impl->suffixes, ","),
             impl->suffixes);
    s->found = s->suffix != NULL;
    return s->found;
}

static omn_status ask(search *s, const char *suffix, omn_error *err)
{
    s->suffix = suffix;
    const omn_status st = omn_registry_list(s->c->ctx, "omnio.format/1", on_format, s, err);
    return st == OMN_OK && s->err.status ? omn_fail(err, OMN_ERR_MEMORY, "%s", s->err.text) : st;
}

omn_status formats_check(cli *c, const char *type, const char *path, omn_error *err)
{
    char plain[4096], suffix[32] = "";
    search s = { .c = c, .type = type, .err = OMN_ERROR_INIT };
    omn_status st = OMN_OK;
    snprintf(plain, sizeof plain, "%s", path);
    formats_plain(plain);
    const bool has = suffix_in(plain, suffix, sizeof suffix);
    if (has && (!strcmp(suffix, "txt") || !strcmp(suffix, "json") || !strcmp(suffix, "jsonl")))
        return OMN_OK;
    if (has) st = ask(&s, suffix, err);
    if (st == OMN_OK && !s.found) st = ask(&s, NULL, err);
    if (st != OMN_OK || s.found) return st;
    return omn_fail(err, OMN_ERR_ARGUMENT, "%s: %s%s%s; %s can be written as %s%s", plain,
                    has ? "no format writes " : "a name without a suffix says no format",
                    has ? "." : "", suffix, type, s.all, own);
}

static int on_maker(void *user, const omn_listed *it)
{
    search *s = user;
    const char *colon = it->name && it->format ? strchr(it->format, ':') : NULL;
    s->found = colon && same(it->format, (size_t)(colon - it->format), s->type);
    return s->found;
}

bool formats_make(cli *c, const char *type)
{
    search s = { .c = c, .type = type, .err = OMN_ERROR_INIT };
    return omn_registry_list(c->ctx, "omnio.format/1", on_maker, &s, NULL) == OMN_OK && s.found;
}

/* ---- with a word on how it was made --------------------------------------------------------- */

typedef struct keeper {
    cli *c;
    const char *type, *suffix;
    bool keeps;
} keeper;

/* A format that writes this and has a place for it. */
static int on_keeper(void *user, const omn_listed *it)
{
    keeper *k = user;
    const omn_entry *e = NULL;
    if (!it->name || !may_fit(k->type, k->suffix, it->format) ||
        omn_registry_find(k->c->ctx, "omnio.format/1", it->name, &e, NULL) != OMN_OK)
        return 0;
    const omn_object *o = omn_entry_object(e);
    const omn_format_impl *impl = o->impl;
    if (!impl->write || strcmp(impl->makes, k->type)) return 0;
    for (uint32_t i = 0; i < o->n_params; i++)
        k->keeps = k->keeps || !strcmp(omn_entry_param(e, i)->name, "origin");
    return 1;
}

/* As the value of a setting, in which these have a meaning of their own; in JSON they stand in
 * texts alone. */
static void put_setting(omn_buf *out, const char *json)
{
    for (; *json; json++) {
        if (strchr("?&/", *json)) omn_buf_printf(out, "\\u%04x", (unsigned)*json);
        else omn_buf_put(out, json, 1);
    }
}

omn_status formats_save(cli *c, const char *path, const omn_value *v, omn_overwrite how,
                        const char *origin, omn_error *err)
{
    char suffix[32] = "";
    keeper k = { .c = c, .type = omn_value_kind_name(v), .suffix = suffix };
    omn_buf b;
    omn_buf_init(&b, (size_t)1 << 20);
    omn_buf_puts(&b, path);
    omn_buf_put(&b, "", 1);
    omn_status st = omn_buf_check(&b, path, err);
    if (st == OMN_OK) {
        formats_plain(b.data);
        const bool settings = strlen(b.data) < strlen(path);
        if (origin && suffix_in(b.data, suffix, sizeof suffix))
            st = omn_registry_list(c->ctx, "omnio.format/1", on_keeper, &k, err);
        b.length = 0;
        omn_buf_puts(&b, path);
        if (k.keeps && !strstr(path, "origin=")) {
            omn_buf_puts(&b, settings ? "&origin=" : "?origin=");
            put_setting(&b, origin);
        }
        if (st == OMN_OK) st = omn_buf_check(&b, path, err);
    }
    if (st == OMN_OK) st = omn_value_save(c->ctx, b.data, v, how, err);
    omn_buf_fini(&b);
    return st;
}

/* The kind's own format; NULL: it has none, or there is no such kind. */
static const omn_format_impl *own_format(cli *c, const char *type, const omn_kind **kind)
{
    const omn_entry *e = NULL;
    *kind = NULL;
    if (omn_kind_find_in(c->ctx, type, kind, NULL) != OMN_OK) return NULL;
    const char *name = omn_kind_impl(*kind)->format;
    if (!name || omn_registry_find(c->ctx, "omnio.format/1", name, &e, NULL) != OMN_OK) return NULL;
    return omn_entry_object(e)->impl;
}

void formats_usual(cli *c, const char *type, char *suffix, size_t room)
{
    const omn_kind *k = NULL;
    const omn_format_impl *impl = own_format(c, type, &k);
    const char *all = impl ? impl->suffixes : "txt";
    snprintf(suffix, room, ".%.*s", (int)strcspn(all, ","), all);
}

bool formats_is_picture(cli *c, const char *type)
{
    const omn_kind *k = NULL;
    const bool written = own_format(c, type, &k) != NULL;
    const char *place = k ? omn_kind_impl(k)->place : NULL;
    return written && place && !strcmp(place, "frame") && !omn_kind_items(k);
}

/* ---- standard output ---------------------------------------------------------------------- */

bool formats_is_stdout(const char *name)
{
    return name[0] == '-' && (!name[1] || (name[1] == '.' && !strchr(name, '/')));
}

static omn_status copy_out(cli *c, const char *path, omn_error *err)
{
    char *data = NULL;
    size_t n = 0;
    omn_buf b;
    const omn_status st = omn_file_read(path, (size_t)1 << 31, &data, &n, err);
    if (st != OMN_OK) return st;
    omn_buf_init(&b, (size_t)1 << 31);
    omn_buf_put(&b, data, n);
    free(data);
    const bool ok = cli_put(c, &b);
    omn_buf_fini(&b);
    return ok ? OMN_OK : omn_fail(err, c->lost, "standard output: cannot be written");
}

omn_status formats_to_stdout(cli *c, const char *name, const char *usual, const omn_value *v,
                             const char *origin, omn_error *err)
{
    omn_status st = OMN_OK;
    const char *tmp = getenv("TMPDIR"), *dot = name[1] ? name + 1 : strrchr(usual, '.');
    char folder[2048], path[4096], plain[4096];
    snprintf(folder, sizeof folder, "%s/omnio-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(folder))
        return omn_fail(err, OMN_ERR_IO, "%s: a folder for what goes to standard output cannot be "
                        "made", folder);
    snprintf(path, sizeof path, "%s/out%s", folder, dot ? dot : ".txt");
    snprintf(plain, sizeof plain, "%s", path);
    formats_plain(plain);
    OMN_TRY(formats_save(c, path, v, OMN_KEEP_EXISTING, origin, err));
    OMN_TRY(copy_out(c, plain, err));
done:
    unlink(plain);
    rmdir(folder);
    return st;
}
