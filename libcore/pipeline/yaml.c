/* SPDX-License-Identifier: Apache-2.0 */
/* YAML through libyaml, copied into an arena as a tree with places, so that every later complaint
 * can point to line and column. Aliases are expanded within a limit on nodes; a hostile file ends
 * in one clear error. */
#include "yaml.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define MOST_FILE ((size_t)1 << 20)
#define MOST_NODES 100000
#define MOST_DEPTH 32

typedef struct copier {
    yaml_document_t *doc;
    omn_arena *a;
    const char *file;
    size_t nodes;
    omn_error *err;
} copier;

omn_status yml_fail(const yml *y, omn_error *err, const char *fmt, ...)
{
    char text[744];
    va_list ap;
    va_start(ap, fmt);
    omn_vformat(text, sizeof text, fmt, ap);
    va_end(ap);
    return omn_fail_at(err, OMN_ERR_CONFIG, y->file, y->line, y->column, "%s", text);
}

static yml *copy(copier *c, int index, int depth);

static omn_status no_twins(const yml *map, omn_error *err)
{
    for (size_t i = 0; i < map->n; i++)
        for (size_t j = 0; j < i; j++)
            if (!strcmp(map->items[i]->text, map->items[j]->text))
                return yml_fail(map->items[i], err, "\"%s\" is given twice, first in line %d",
                                map->items[i]->text, map->items[j]->line);
    return OMN_OK;
}

static bool copy_map(copier *c, const yaml_node_t *from, yml *y, int depth)
{
    const size_t n = (size_t)(from->data.mapping.pairs.top - from->data.mapping.pairs.start);
    y->kind = YML_MAP;
    y->n = n;
    y->items = omn_arena_alloc(c->a, 2 * n + 1, sizeof *y->items);
    if (!y->items) return false;
    for (size_t i = 0; i < n; i++) {
        const yaml_node_pair_t *p = from->data.mapping.pairs.start + i;
        y->items[i] = copy(c, p->key, depth + 1);
        y->items[n + i] = copy(c, p->value, depth + 1);
        if (!y->items[i] || !y->items[n + i]) return false;
        if (y->items[i]->kind != YML_SCALAR) {
            yml_fail(y->items[i], c->err, "a key must be a plain word");
            return false;
        }
    }
    return n > 1000 || no_twins(y, c->err) == OMN_OK;
}

static yml *copy(copier *c, int index, int depth)
{
    const yaml_node_t *from = yaml_document_get_node(c->doc, index);
    if (!from || depth > MOST_DEPTH || ++c->nodes > MOST_NODES) {
        omn_fail_at(c->err, OMN_ERR_CONFIG, c->file, from ? (int32_t)from->start_mark.line + 1 : 0,
                    0, "the file is nested deeper than %d or has more than %d parts", MOST_DEPTH,
                    MOST_NODES);
        return NULL;
    }
    yml *y = omn_arena_alloc(c->a, 1, sizeof *y);
    if (!y) return NULL;
    y->file = c->file;
    y->line = (int32_t)from->start_mark.line + 1;
    y->column = (int32_t)from->start_mark.column + 1;
    if (from->type == YAML_SCALAR_NODE) {
        y->text = omn_arena_strndup(c->a, (const char *)from->data.scalar.value,
                                    from->data.scalar.length);
        y->quoted = from->data.scalar.style == YAML_SINGLE_QUOTED_SCALAR_STYLE ||
                    from->data.scalar.style == YAML_DOUBLE_QUOTED_SCALAR_STYLE;
        if (y->text && strlen(y->text) != from->data.scalar.length) {
            yml_fail(y, c->err, "a text with a 0 byte");
            return NULL;
        }
        return y->text ? y : NULL;
    }
    if (from->type == YAML_MAPPING_NODE) return copy_map(c, from, y, depth) ? y : NULL;
    y->kind = YML_LIST;
    y->n = (size_t)(from->data.sequence.items.top - from->data.sequence.items.start);
    y->items = omn_arena_alloc(c->a, y->n + 1, sizeof *y->items);
    if (!y->items) return NULL;
    for (size_t i = 0; i < y->n; i++) {
        y->items[i] = copy(c, from->data.sequence.items.start[i], depth + 1);
        if (!y->items[i]) return NULL;
    }
    return y;
}

omn_status yml_read(const char *path, omn_arena *a, const yml **out, omn_error *err)
{
    omn_status st = OMN_OK;
    char *text = NULL;
    size_t size = 0;
    yaml_parser_t parser;
    yaml_document_t doc;
    bool parsing = false, loaded = false;
    OMN_TRY(omn_file_read(path, MOST_FILE, &text, &size, err));
    if (!yaml_parser_initialize(&parser)) {
        st = omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", path);
        goto done;
    }
    parsing = true;
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    if (!yaml_parser_load(&parser, &doc)) {
        st = omn_fail_at(err, OMN_ERR_CONFIG, path, (int32_t)parser.problem_mark.line + 1,
                         (int32_t)parser.problem_mark.column + 1, "%s",
                         parser.problem ? parser.problem : "not YAML");
        goto done;
    }
    loaded = true;
    copier c = { &doc, a, omn_arena_strdup(a, path), 0, err };
    if (!yaml_document_get_root_node(&doc)) {
        st = omn_fail_at(err, OMN_ERR_CONFIG, path, 1, 1, "the file is empty");
        goto done;
    }
    *out = copy(&c, 1, 0);
    if (!*out) {
        st = omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", path);
        if (err && err->status) st = (omn_status)err->status;
    }
done:
    if (loaded) yaml_document_delete(&doc);
    if (parsing) yaml_parser_delete(&parser);
    free(text);
    return st;
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
