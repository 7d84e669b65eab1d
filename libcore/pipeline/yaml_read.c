/* SPDX-License-Identifier: Apache-2.0 */
/* YAML through libyaml, made into a tree in an arena that remembers where everything stood, so that
 * every later complaint can point to line and column. Depth, parts and anchors are counted while
 * libyaml tells what comes: its own trees take time that grows with the square of what a hostile
 * file nests or names. Aliases are copies, within the limit on parts. */
#include "yaml.h"

#include "libcore/base/clean.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { MOST_NODES = 100000, MOST_DEPTH = 32, MOST_ANCHORS = 256 };
#define MOST_FILE ((size_t)1 << 20)

typedef struct anchor {
    const char *name;
    const yml *node; /* NULL: not finished */
} anchor;

typedef struct reader {
    yaml_parser_t parser;
    yaml_event_t event; /* the newest */
    bool has_event;
    omn_arena *a;
    const char *file, *text;
    size_t nodes, n_anchors;
    anchor anchors[MOST_ANCHORS];
    omn_error *err;
} reader;

static omn_status no_memory(reader *r)
{
    return omn_fail(r->err, OMN_ERR_MEMORY, "%s: out of memory", r->file);
}

static omn_status fail_here(reader *r, const char *what)
{
    const yaml_mark_t *at = &r->event.start_mark;
    return omn_fail_at(r->err, OMN_ERR_CONFIG, r->file, (int32_t)at->line + 1,
                       (int32_t)at->column + 1, "%s", what);
}

static bool is_allowed(uint32_t c)
{
    return c == '\t' || c == '\n' || c == '\r' || c == 0x85 || (c >= 0x20 && c < 0x7F) || c > 0x9F;
}

/* libyaml does not say where a byte stands that is no text: the first one is looked for. */
static omn_status bad_byte(reader *r)
{
    int32_t line = 1, column = 1;
    const char *s = r->text;
    uint32_t c = 0;
    for (size_t n; *s; s += n) {
        n = clean_character(s, &c);
        if (!n)
            return omn_fail_at(r->err, OMN_ERR_CONFIG, r->file, line, column,
                               "byte 0x%02X is not UTF-8", (unsigned)(unsigned char)*s);
        if (!is_allowed(c)) break;
        column++;
        if (c == '\n' || (c == '\r' && s[1] != '\n')) {
            line++;
            column = 1;
        }
        if (c == 0xFEFF && s == r->text) column = 1;
    }
    if (r->parser.encoding != YAML_UTF8_ENCODING && r->parser.encoding != YAML_ANY_ENCODING)
        return omn_fail_at(r->err, OMN_ERR_CONFIG, r->file, 0, 0, "%s; UTF-8 is wanted",
                           r->parser.problem);
    return omn_fail_at(r->err, OMN_ERR_CONFIG, r->file, line, column,
                       "character U+%04X is not allowed in YAML", (unsigned)(*s ? c : 0));
}

static omn_status next(reader *r)
{
    const yaml_parser_t *p = &r->parser;
    if (r->has_event) yaml_event_delete(&r->event);
    r->has_event = false;
    if (yaml_parser_parse(&r->parser, &r->event)) {
        r->has_event = true;
        return OMN_OK;
    }
    if (p->error == YAML_MEMORY_ERROR) return no_memory(r);
    if (p->error == YAML_READER_ERROR) return bad_byte(r);
    return omn_fail_at(r->err, OMN_ERR_CONFIG, r->file, (int32_t)p->problem_mark.line + 1,
                       (int32_t)p->problem_mark.column + 1, "%s",
                       p->problem ? p->problem : "not YAML");
}

/* A new part at the newest event. */
static omn_status part(reader *r, int depth, yml **out)
{
    if (depth > MOST_DEPTH)
        return omn_fail_at(r->err, OMN_ERR_CONFIG, r->file,
                           (int32_t)r->event.start_mark.line + 1,
                           (int32_t)r->event.start_mark.column + 1,
                           "the file is nested deeper than %d", MOST_DEPTH);
    if (++r->nodes > MOST_NODES)
        return omn_fail_at(r->err, OMN_ERR_CONFIG, r->file,
                           (int32_t)r->event.start_mark.line + 1,
                           (int32_t)r->event.start_mark.column + 1,
                           "the file has more than %d parts", MOST_NODES);
    yml *y = omn_arena_alloc(r->a, 1, sizeof *y);
    if (!y) return no_memory(r);
    y->file = r->file;
    y->line = (int32_t)r->event.start_mark.line + 1;
    y->column = (int32_t)r->event.start_mark.column + 1;
    *out = y;
    return OMN_OK;
}

/* The same part again for an alias of it, at its own place. */
static omn_status copy(reader *r, const yml *from, int depth, yml **out)
{
    omn_status st = OMN_OK;
    yml *y = NULL;
    const size_t n = from->kind == YML_MAP ? 2 * from->n : from->n;
    OMN_TRY(part(r, depth, &y));
    *y = *from;
    if (from->kind != YML_SCALAR) {
        y->items = omn_arena_alloc(r->a, n + 1, sizeof *y->items);
        if (!y->items) return no_memory(r);
        for (size_t i = 0; i < n; i++) OMN_TRY(copy(r, from->items[i], depth + 1, &y->items[i]));
    }
    *out = y;
done:
    return st;
}

/* Notes the name; *slot is where the part goes when it is finished, NULL without a name. */
static omn_status name_part(reader *r, const yaml_char_t *name, anchor **slot)
{
    *slot = NULL;
    if (!name) return OMN_OK;
    for (size_t i = 0; i < r->n_anchors; i++)
        if (!strcmp(r->anchors[i].name, (const char *)name))
            return fail_here(r, "an anchor of this name is there already");
    if (r->n_anchors == MOST_ANCHORS)
        return omn_fail_at(r->err, OMN_ERR_CONFIG, r->file,
                           (int32_t)r->event.start_mark.line + 1,
                           (int32_t)r->event.start_mark.column + 1,
                           "the file has more than %d anchors", MOST_ANCHORS);
    *slot = &r->anchors[r->n_anchors];
    **slot = (anchor){ omn_arena_strdup(r->a, (const char *)name), NULL };
    if (!(*slot)->name) return no_memory(r);
    r->n_anchors++;
    return OMN_OK;
}

static omn_status alias(reader *r, int depth, yml **out)
{
    const char *name = (const char *)r->event.data.alias.anchor;
    for (size_t i = 0; i < r->n_anchors; i++) {
        if (strcmp(r->anchors[i].name, name)) continue;
        if (!r->anchors[i].node) return fail_here(r, "an alias of what it stands in");
        return copy(r, r->anchors[i].node, depth, out);
    }
    return fail_here(r, "an alias of an anchor that is not there");
}

static omn_status scalar(reader *r, int depth, yml **out)
{
    omn_status st = OMN_OK;
    yml *y = NULL;
    const char *text = (const char *)r->event.data.scalar.value;
    const size_t n = r->event.data.scalar.length;
    const yaml_scalar_style_t style = r->event.data.scalar.style;
    OMN_TRY(part(r, depth, &y));
    y->kind = YML_SCALAR;
    y->quoted =
        style == YAML_SINGLE_QUOTED_SCALAR_STYLE || style == YAML_DOUBLE_QUOTED_SCALAR_STYLE;
    if (memchr(text, 0, n)) return yml_fail(y, r->err, "a text with a 0 byte");
    y->text = omn_arena_strndup(r->a, text, n);
    if (!y->text) return no_memory(r);
    *out = y;
done:
    return st;
}

static int by_text(const void *a, const void *b)
{
    const yml *x = *(yml *const *)a, *y = *(yml *const *)b;
    const int texts = strcmp(x->text, y->text);
    if (texts) return texts;
    if (x->line != y->line) return x->line < y->line ? -1 : 1;
    return x->column < y->column ? -1 : x->column > y->column;
}

/* The keys and values that were gathered in turn, as a map has them; no key twice. */
static omn_status lay_out(reader *r, yml *y, yml *const *turn)
{
    y->items = omn_arena_alloc(r->a, 2 * y->n + 1, sizeof *y->items);
    yml **sorted = omn_arena_alloc(r->a, y->n + 1, sizeof *sorted);
    if (!y->items || !sorted) return no_memory(r);
    for (size_t i = 0; i < y->n; i++) {
        y->items[i] = sorted[i] = turn[2 * i];
        y->items[y->n + i] = turn[2 * i + 1];
        if (y->items[i]->kind != YML_SCALAR)
            return yml_fail(y->items[i], r->err, "a key must be a plain word");
    }
    qsort(sorted, y->n, sizeof *sorted, by_text);
    for (size_t i = 1; i < y->n; i++)
        if (!strcmp(sorted[i]->text, sorted[i - 1]->text))
            return yml_fail(sorted[i], r->err, "\"%s\" is given twice, first in line %d",
                            sorted[i]->text, (int)sorted[i - 1]->line);
    return OMN_OK;
}

static omn_status node(reader *r, int depth, yml **out);

/* A list or a map: parts until its end. */
static omn_status collection(reader *r, int depth, bool map, yml **out)
{
    omn_status st = OMN_OK;
    yml *y = NULL, **items = NULL;
    size_t n = 0, room = 0;
    const yaml_event_type_t end = map ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;
    OMN_TRY(part(r, depth, &y));
    for (;;) {
        OMN_TRY(next(r));
        if (r->event.type == end) break;
        if (n == room) {
            yml **more = omn_arena_alloc(r->a, room ? 2 * room : 8, sizeof *more);
            if (!more) return no_memory(r);
            if (n) memcpy(more, items, n * sizeof *more);
            items = more;
            room = room ? 2 * room : 8;
        }
        OMN_TRY(node(r, depth + 1, &items[n++]));
    }
    y->kind = map ? YML_MAP : YML_LIST;
    y->n = map ? n / 2 : n;
    y->items = items;
    if (map) OMN_TRY(lay_out(r, y, items));
    *out = y;
done:
    return st;
}

static omn_status node(reader *r, int depth, yml **out)
{
    omn_status st = OMN_OK;
    anchor *slot = NULL;
    switch (r->event.type) {
    case YAML_ALIAS_EVENT: return alias(r, depth, out);
    case YAML_SCALAR_EVENT:
        OMN_TRY(name_part(r, r->event.data.scalar.anchor, &slot));
        OMN_TRY(scalar(r, depth, out));
        break;
    case YAML_SEQUENCE_START_EVENT:
        OMN_TRY(name_part(r, r->event.data.sequence_start.anchor, &slot));
        OMN_TRY(collection(r, depth, false, out));
        break;
    case YAML_MAPPING_START_EVENT:
        OMN_TRY(name_part(r, r->event.data.mapping_start.anchor, &slot));
        OMN_TRY(collection(r, depth, true, out));
        break;
    default: return fail_here(r, "not YAML");
    }
    if (slot) slot->node = *out;
done:
    return st;
}

/* One document, and nothing behind it. */
static omn_status stream(reader *r, yml **out)
{
    omn_status st = OMN_OK;
    OMN_TRY(next(r));
    OMN_TRY(next(r));
    if (r->event.type == YAML_STREAM_END_EVENT)
        return omn_fail_at(r->err, OMN_ERR_CONFIG, r->file, 1, 1, "the file is empty");
    OMN_TRY(next(r));
    OMN_TRY(node(r, 0, out));
    OMN_TRY(next(r));
    OMN_TRY(next(r));
    if (r->event.type != YAML_STREAM_END_EVENT)
        return fail_here(r, "a second document begins here; a file holds a single one");
done:
    return st;
}

omn_status yml_read(const char *path, omn_arena *a, const yml **out, omn_error *err)
{
    omn_status st = OMN_OK;
    char *text = NULL;
    size_t size = 0;
    yml *root = NULL;
    bool parsing = false;
    reader *r = calloc(1, sizeof *r);
    if (!r) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", path);
    OMN_TRY(omn_file_read(path, MOST_FILE, &text, &size, err));
    r->a = a;
    r->err = err;
    r->text = text;
    r->file = omn_arena_strdup(a, path);
    parsing = yaml_parser_initialize(&r->parser) != 0;
    if (!r->file || !parsing) {
        st = omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", path);
        goto done;
    }
    yaml_parser_set_input_string(&r->parser, (const unsigned char *)text, size);
    OMN_TRY(stream(r, &root));
    *out = root;
done:
    if (r->has_event) yaml_event_delete(&r->event);
    if (parsing) yaml_parser_delete(&r->parser);
    free(r);
    free(text);
    return st;
}
