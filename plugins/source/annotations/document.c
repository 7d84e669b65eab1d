/* SPDX-License-Identifier: Apache-2.0 */
/* Annotation files have hundreds of megabytes. One pass over the bytes remembers where the items of
 * each list begin: it follows brackets and strings and believes nothing else; what is between two
 * commas is read by a JSON library when an example asks for it. */
#include "document.h"

#include <stdlib.h>
#include <string.h>

typedef struct walk {
    const char *text;
    size_t size, at;
} walk;

static bool blank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

static char next(walk *w)
{
    while (w->at < w->size && blank(w->text[w->at])) w->at++;
    return w->at < w->size ? w->text[w->at] : 0;
}

/* Behind the string that begins here; false: it has no end. */
static bool skip_string(walk *w)
{
    for (w->at++; w->at < w->size; w->at++) {
        if (w->text[w->at] == '\\') w->at++;
        else if (w->text[w->at] == '"') return w->at++, true;
    }
    return false;
}

/* Behind the value that begins here. */
static bool skip_value(walk *w)
{
    int depth = 0;
    char c = next(w);
    if (!c || strchr(",]}:", c)) return false;
    for (; w->at < w->size; ) {
        c = w->text[w->at];
        if (c == '"') {
            if (!skip_string(w)) return false;
        } else {
            if (depth == 0 && (c == ',' || c == ']' || c == '}' || blank(c))) return true;
            depth += (c == '{' || c == '[') - (c == '}' || c == ']');
            w->at++;
        }
        if (depth == 0 && (c == '}' || c == ']' || c == '"')) return true;
    }
    return depth == 0;
}

static int32_t line_at(const document *d, size_t at)
{
    const char *text = omn_map_data(d->map);
    int32_t line = 1;
    for (size_t i = 0; i < at && i < omn_map_size(d->map); i++) line += text[i] == '\n';
    return line;
}

static omn_status wrong(const document *d, const walk *w, const char *what, omn_error *err)
{
    return omn_fail_at(err, OMN_ERR_DATA, omn_map_path(d->map), line_at(d, w->at), 0,
                       "%s is wanted here", what);
}

static omn_status put(items *l, uint64_t at, omn_error *err)
{
    if (l->n >= MOST_ITEMS)
        return omn_fail(err, OMN_ERR_DATA, "\"%s\" has more than %zu items", l->name, MOST_ITEMS);
    if (l->n + 1 >= l->room) {
        const size_t room = l->room ? 2 * l->room : 1024;
        uint64_t *more = realloc(l->at, room * sizeof *more);
        if (!more) return omn_fail(err, OMN_ERR_MEMORY, "\"%s\": out of memory", l->name);
        l->at = more;
        l->room = room;
    }
    l->at[l->n++] = at;
    return OMN_OK;
}

/* The list that begins here. */
static omn_status walk_list(document *d, walk *w, const char *name, size_t n_name, omn_error *err)
{
    items *l = &d->lists[d->n];
    if (d->n == MOST_LISTS || n_name >= sizeof l->name) return skip_value(w) ? OMN_OK
                                                        : wrong(d, w, "the end of a list", err);
    memcpy(l->name, name, n_name);
    l->name[n_name] = 0;
    d->n++;
    w->at++;
    if (next(w) == ']') return w->at++, OMN_OK;
    for (;;) {
        (void)next(w);
        const omn_status st = put(l, w->at, err);
        if (st != OMN_OK) return st;
        if (!skip_value(w)) return wrong(d, w, "a value", err);
        l->at[l->n] = w->at;              /* put leaves room for one more */
        const char c = next(w);
        w->at++;
        if (c == ']') return OMN_OK;
        if (c != ',') return wrong(d, w, "\",\" or \"]\"", err);
    }
}

static omn_status walk_object(document *d, walk *w, omn_error *err)
{
    w->at++;
    if (next(w) == '}') return OMN_OK;
    for (;;) {
        omn_status st = OMN_OK;
        if (next(w) != '"') return wrong(d, w, "the name of a member", err);
        const size_t from = w->at + 1;
        if (!skip_string(w)) return wrong(d, w, "the end of a text", err);
        const size_t n = w->at - 1 - from;
        if (next(w) != ':') return wrong(d, w, "\":\"", err);
        w->at++;
        if (next(w) == '[') st = walk_list(d, w, w->text + from, n, err);
        else if (!skip_value(w)) st = wrong(d, w, "a value", err);
        if (st != OMN_OK) return st;
        const char c = next(w);
        w->at++;
        if (c == '}') return OMN_OK;
        if (c != ',') return wrong(d, w, "\",\" or \"}\"", err);
    }
}

omn_status document_open(document *d, const char *path, omn_error *err)
{
    *d = (document){ .map = NULL };
    omn_status st = omn_map_open(path, &d->map, err);
    if (st != OMN_OK) return st;
    walk w = { omn_map_data(d->map), omn_map_size(d->map), 0 };
    const char c = next(&w);
    if (c == '{') return walk_object(d, &w, err);
    if (c == '[') return walk_list(d, &w, "", 0, err);
    return wrong(d, &w, "a JSON object or list", err);
}

void document_close(document *d)
{
    for (size_t i = 0; i < d->n; i++) free(d->lists[i].at);
    omn_map_close(d->map);
    *d = (document){ .map = NULL };
}

const items *document_list(const document *d, const char *name)
{
    for (size_t i = 0; i < d->n; i++)
        if (!strcmp(d->lists[i].name, name)) return &d->lists[i];
    return NULL;
}

int32_t document_line(const document *d, const items *list, size_t i)
{
    return line_at(d, list->at[i]);
}

omn_status document_item(const document *d, const items *list, size_t i, json_t **out,
                         omn_error *err)
{
    json_error_t why;
    const omn_status st = omn_map_unchanged(d->map, err);
    if (st != OMN_OK) return st;
    const char *text = (const char *)omn_map_data(d->map) + list->at[i];
    *out = json_loadb(text, list->at[i + 1] - list->at[i], JSON_DISABLE_EOF_CHECK, &why);
    if (json_is_object(*out)) return OMN_OK;
    json_decref(*out);
    *out = NULL;
    return omn_fail_at(err, OMN_ERR_DATA, omn_map_path(d->map), document_line(d, list, i), 0,
                       "item %zu of \"%s\": a JSON object is wanted", i + 1, list->name);
}

bool item_int(const json_t *o, const char *key, int64_t *out)
{
    const json_t *v = json_object_get(o, key);
    if (json_is_integer(v)) *out = json_integer_value(v);
    return json_is_integer(v);
}
