/* SPDX-License-Identifier: Apache-2.0 */
/* Asking a YAML tree: values by key, with the types and ranges that are wanted, and changing single
 * ones by their path. Each complaint points to line and column. */
#include "yaml.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

omn_status yml_fail(const yml *y, omn_error *err, const char *fmt, ...)
{
    char text[744];
    va_list ap;
    va_start(ap, fmt);
    omn_vformat(text, sizeof text, fmt, ap);
    va_end(ap);
    return omn_fail_at(err, OMN_ERR_CONFIG, y->file, y->line, y->column, "%s", text);
}

const yml *yml_key(const yml *y, size_t i) { return y->items[i]; }
const yml *yml_value(const yml *y, size_t i) { return y->items[y->n + i]; }

const yml *yml_get(const yml *y, const char *key)
{
    if (!y || y->kind != YML_MAP) return NULL;
    for (size_t i = 0; i < y->n; i++)
        if (!strcmp(y->items[i]->text, key)) return yml_value(y, i);
    return NULL;
}

/* Letters that both words begin with, as a simple nearness. */
static size_t alike(const char *a, const char *b)
{
    size_t n = 0;
    while (a[n] && a[n] == b[n]) n++;
    return n;
}

omn_status yml_only(const yml *y, const char *const *keys, omn_error *err)
{
    for (size_t i = 0; i < y->n; i++) {
        size_t k = 0;
        char all[512] = "";
        const char *near = NULL;
        for (; keys[k] && strcmp(keys[k], y->items[i]->text); k++) {
            const size_t room = sizeof all - strlen(all);
            if (!near || alike(keys[k], y->items[i]->text) > alike(near, y->items[i]->text))
                near = keys[k];
            snprintf(all + strlen(all), room, "%s%s", k ? ", " : "", keys[k]);
        }
        if (keys[k]) continue;
        if (near && alike(near, y->items[i]->text) > 1)
            return yml_fail(y->items[i], err,
                            "unknown key \"%s\"; did you mean \"%s\"? (known: %s)",
                            y->items[i]->text, near, all);
        return yml_fail(y->items[i], err, "unknown key \"%s\" (known: %s)", y->items[i]->text, all);
    }
    return OMN_OK;
}

omn_status yml_want(const yml *y, yml_kind kind, const char *what, omn_error *err)
{
    static const char *const names[] = { "a text", "a list", "keys with values" };
    if (y->kind == kind) return OMN_OK;
    return yml_fail(y, err, "%s: %s wanted, this is %s", what, names[kind], names[y->kind]);
}

omn_status yml_text(const yml *y, const char **out, const char *deflt, omn_error *err)
{
    *out = deflt;
    if (!y) return OMN_OK;
    const omn_status st = yml_want(y, YML_SCALAR, "value", err);
    if (st == OMN_OK) *out = y->text;
    return st;
}

omn_status yml_int(const yml *y, int64_t lo, int64_t hi, int64_t *out, int64_t deflt,
                   omn_error *err)
{
    *out = deflt;
    if (!y) return OMN_OK;
    char *end = NULL;
    errno = 0;
    const long long v = y->kind == YML_SCALAR && !y->quoted ? strtoll(y->text, &end, 10) : 0;
    if (!end || end == y->text || *end || errno || v < lo || v > hi)
        return yml_fail(y, err, "%s: a whole number from %lld to %lld is wanted",
                        y->kind == YML_SCALAR ? y->text : "value", (long long)lo, (long long)hi);
    *out = v;
    return OMN_OK;
}

omn_status yml_version(const yml *y, omn_error *err)
{
    const yml *v = yml_get(y, "version");
    int64_t version = 1;
    if (!v) return OMN_OK;
    if (yml_int(v, 2, INT64_MAX, &version, 1, NULL) == OMN_OK)
        return yml_fail(v, err,
                        "the file is of version %lld; this omnio reads version 1, a newer one is "
                        "needed",
                        (long long)version);
    if (yml_int(v, 1, 1, &version, 1, NULL) == OMN_OK) return OMN_OK;
    return yml_fail(v, err, "%s: the version is a whole number, 1 for this omnio",
                    v->kind == YML_SCALAR ? v->text : "value");
}

omn_status yml_double(const yml *y, double lo, double hi, double *out, double deflt, omn_error *err)
{
    *out = deflt;
    if (!y) return OMN_OK;
    char *end = NULL;
    const double v = y->kind == YML_SCALAR && !y->quoted ? omn_number_read(y->text, &end) : 0;
    if (!end || end == y->text || *end || !(v >= lo && v <= hi))
        return yml_fail(y, err, "%s: a number from %g to %g is wanted",
                        y->kind == YML_SCALAR ? y->text : "value", lo, hi);
    *out = v;
    return OMN_OK;
}

omn_status yml_bool(const yml *y, bool *out, bool deflt, omn_error *err)
{
    *out = deflt;
    if (!y) return OMN_OK;
    const bool t = y->kind == YML_SCALAR && !strcmp(y->text, "true");
    if (!t && (y->kind != YML_SCALAR || strcmp(y->text, "false")))
        return yml_fail(y, err, "true or false is wanted");
    *out = t;
    return OMN_OK;
}

/* The child of y named by n letters at path, made when y is a map that lacks it. */
static yml *child(yml *y, const char *path, size_t n, bool last, omn_arena *a)
{
    char *key = omn_arena_strndup(a, path, n);
    if (!key) return NULL;
    if (y->kind == YML_LIST) {
        char *end = NULL;
        const unsigned long i = strtoul(key, &end, 10);
        return end != key && !*end && i < y->n ? y->items[i] : NULL;
    }
    if (y->kind != YML_MAP) return NULL;
    for (size_t i = 0; i < y->n; i++)
        if (!strcmp(y->items[i]->text, key)) return y->items[y->n + i];
    yml **items = omn_arena_alloc(a, 2 * (y->n + 1), sizeof *items);
    yml *k = omn_arena_alloc(a, 1, sizeof *k), *v = omn_arena_alloc(a, 1, sizeof *v);
    if (!items || !k || !v) return NULL;
    *k = (yml){ .text = key, .line = y->line, .column = y->column, .file = y->file };
    *v = (yml){ .kind = last ? YML_SCALAR : YML_MAP,
                .text = "",
                .line = y->line,
                .column = y->column,
                .file = y->file };
    memcpy(items, y->items, y->n * sizeof *items);
    items[y->n] = k;
    memcpy(items + y->n + 1, y->items + y->n, y->n * sizeof *items);
    items[2 * y->n + 1] = v;
    y->items = items;
    y->n++;
    return v;
}

omn_status yml_override(yml *root, const omn_setting *set, size_t n, omn_arena *a, omn_error *err)
{
    for (size_t i = 0; i < n; i++) {
        yml *y = root;
        for (const char *p = set[i].name; y && *p;) {
            const size_t len = strcspn(p, ".");
            y = child(y, p, len, !p[len], a);
            p += len + (p[len] == '.');
        }
        if (!y || y == root || y->kind != YML_SCALAR)
            return omn_fail(err, OMN_ERR_ARGUMENT,
                            "--set %s: there is no single value of that name", set[i].name);
        y->text = omn_arena_strdup(a, set[i].text);
        y->quoted = false;
        if (!y->text) return omn_fail(err, OMN_ERR_MEMORY, "--set %s: out of memory", set[i].name);
    }
    return OMN_OK;
}
