/* SPDX-License-Identifier: Apache-2.0 */
/* The check at the door. A descriptor is data that anybody may have written, with any compiler,
 * against any release: first the four words that say which release it is, then the strides, then
 * every pointer (does it point into a loaded file, does the text end there), and only then what the
 * texts say. It runs in the helper process first, and again in the host before an object is handed
 * out. */
#include "door.h"

#include "impls.h"
#include "libcore/value/kind.h"
#include "param.h"

#include <stdalign.h>
#include <stdio.h>
#include <string.h>

/* What the first release had: a plugin cannot have less. */
#define FIRST_PLUGIN sizeof(omn_plugin)
#define FIRST_OBJECT sizeof(omn_object)
#define FIRST_PARAM  sizeof(omn_param)

bool door_text(const char *s, size_t n, size_t most)
{
    if (n == 0 || n > most) return false;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f) return false;
    return param_utf8(s, n);
}

static bool letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

bool door_name(const char *s)
{
    size_t n = 0;
    for (; s[n]; n++) {
        bool first = letter(s[n]) || digit(s[n]);
        if (n >= DOOR_MOST_NAME || !(first || (n > 0 && strchr(".-+", s[n])))) return false;
    }
    return n > 0;
}

bool door_kind(const char *s)
{
    char base[DOOR_MOST_NAME + 1];
    const char *slash = strchr(s, '/');
    size_t n = slash ? (size_t)(slash - s) : 0;
    if (n == 0 || n > DOOR_MOST_NAME) return false;
    memcpy(base, s, n);
    base[n] = 0;
    if (!door_name(base) || !digit(slash[1]) || slash[1] == '0') return false;
    for (n = 1; slash[n]; n++)
        if (!digit(slash[n]) || n > 6) return false;
    return true;
}

/* Parameter names are C identifiers, since lists make structs of them. */
static bool door_word(const char *s)
{
    if (!letter(*s)) return false;
    for (size_t n = 0; s[n]; n++)
        if (n >= DOOR_MOST_NAME || !(letter(s[n]) || digit(s[n]))) return false;
    return true;
}

/* Words of a step in a pipeline, which could not be told from a row of that name. */
static bool step_word(const char *s)
{
    static const char *const words[] = { "apply",      "generate", "score",  "tokenize",
                                         "detokenize", "map",      "embed",  "as",
                                         "when",       "repeat",   "record", "window" };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(words[i], s) == 0) return true;
    return false;
}

/* A text that lies in a loaded file and ends there. what: "name", after the words of `fmt`. */
static omn_status check_text(const segments *mem, const char *s, bool optional, const char *whose,
                             const char *what, omn_error *err)
{
    if (!s) {
        if (optional) return OMN_OK;
        return omn_fail(err, OMN_ERR_PLUGIN, "%s has no %s", whose, what);
    }
    size_t room = segments_room(mem, s);
    if (room == 0)
        return omn_fail(err, OMN_ERR_PLUGIN, "%s: the %s points outside every loaded file", whose,
                        what);
    size_t n = strnlen(s, room < DOOR_MOST_TEXT + 1 ? room : DOOR_MOST_TEXT + 1);
    if (n == room || n > DOOR_MOST_TEXT)
        return omn_fail(err, OMN_ERR_PLUGIN, "%s: the %s has no end within %u bytes", whose, what,
                        DOOR_MOST_TEXT);
    if (!(n == 0 && optional) && !door_text(s, n, DOOR_MOST_TEXT))
        return omn_fail(err, OMN_ERR_PLUGIN, "%s: the %s is %s", whose, what,
                        n == 0 ? "empty" : "not plain UTF-8 text");
    return OMN_OK;
}

omn_object door_object(const omn_plugin *p, size_t i)
{
    omn_object o = { 0 };
    size_t n = p->object_size < sizeof(o) ? p->object_size : sizeof(o);
    memcpy(&o, (const char *)p->objects + i * p->object_size, n);
    return o;
}

omn_param door_param(const omn_plugin *p, const omn_object *o, size_t i)
{
    omn_param r = { 0 };
    size_t n = p->param_size < sizeof(r) ? p->param_size : sizeof(r);
    memcpy(&r, (const char *)o->params + i * p->param_size, n);
    return r;
}

static bool stride_ok(uint16_t stride, size_t first)
{
    return stride >= first && stride <= DOOR_MOST_STRIDE && stride % alignof(void *) == 0;
}

static omn_status check_head(const omn_plugin *p, const segments *mem, omn_error *err)
{
    size_t room = segments_room(mem, p);
    if (room < 8 || p->magic != OMN_PLUGIN_MAGIC)
        return omn_fail(err, OMN_ERR_PLUGIN,
                        "omnio_plugin is not a descriptor of omnio "
                        "(it does not begin with the magic number)");
    if (p->abi != OMN_PLUGIN_ABI)
        return omn_fail(err, OMN_ERR_PLUGIN,
                        "built for plugin ABI %u, this omnio has %d; rebuild "
                        "it against these headers",
                        p->abi, OMN_PLUGIN_ABI);
    if (p->minor > OMN_PLUGIN_MINOR)
        return omn_fail(err, OMN_ERR_PLUGIN,
                        "built for plugin ABI %u.%u, this omnio has %d.%d; a "
                        "newer omnio is needed",
                        p->abi, p->minor, OMN_PLUGIN_ABI, OMN_PLUGIN_MINOR);
    if (room < FIRST_PLUGIN || p->size < FIRST_PLUGIN || p->size > DOOR_MOST_STRIDE ||
        p->size > room)
        return omn_fail(err, OMN_ERR_PLUGIN,
                        "the descriptor says it is %u bytes long; at least %zu "
                        "were expected",
                        p->size, FIRST_PLUGIN);
    if (!stride_ok(p->object_size, FIRST_OBJECT) || !stride_ok(p->param_size, FIRST_PARAM))
        return omn_fail(err, OMN_ERR_PLUGIN,
                        "the descriptor's rows are %u and %u bytes long; at "
                        "least %zu and %zu, in steps of %zu, were expected",
                        p->object_size, p->param_size, FIRST_OBJECT, FIRST_PARAM, alignof(void *));
    if (p->n_objects > DOOR_MOST_OBJECTS)
        return omn_fail(err, OMN_ERR_PLUGIN,
                        "the descriptor says that there are %u objects; at "
                        "most %u are taken",
                        p->n_objects, DOOR_MOST_OBJECTS);
    if (p->n_objects == 0) return omn_fail(err, OMN_ERR_PLUGIN, "offers no objects");
    if (segments_room(mem, p->objects) < (size_t)p->n_objects * p->object_size)
        return omn_fail(err, OMN_ERR_PLUGIN, "the list of %u objects reaches beyond the file",
                        p->n_objects);
    return OMN_OK;
}

/* The texts of a parameter row, its meaning, and its place in the struct. */
static omn_status check_param(const omn_object *o, const omn_param *r, const segments *mem,
                              const char *whose, omn_error *err)
{
    omn_status st = OMN_OK;
    OMN_TRY(check_text(mem, r->role, false, whose, "role", err));
    OMN_TRY(check_text(mem, r->name, false, whose, "name", err));
    OMN_TRY(check_text(mem, r->type, false, whose, "type", err));
    OMN_TRY(check_text(mem, r->help, false, whose, "help", err));
    OMN_TRY(check_text(mem, r->deflt, true, whose, "default", err));
    OMN_TRY(check_text(mem, r->range, true, whose, "range", err));
    OMN_TRY(check_text(mem, r->unit, true, whose, "unit", err));
    if (!door_word(r->name))
        return omn_fail(err, OMN_ERR_PLUGIN, "%s: \"%.80s\" cannot be the name of a parameter",
                        whose, r->name);
    OMN_TRY(param_row_check(r, err));
    bool operation = strcmp(o->kind, "omnio.operation/1") == 0;
    if (operation && step_word(r->name))
        return omn_fail(err, OMN_ERR_PLUGIN,
                        "%s: \"%s\" is a word of pipelines; the row needs another name", whose,
                        r->name);
    if (operation) return OMN_OK;
    const bool answer = strcmp(o->kind, "omnio.answer/1") == 0 && strcmp(r->role, "in") == 0;
    if (strcmp(r->role, "param") != 0 && !answer)
        return omn_fail(err, OMN_ERR_PLUGIN,
                        "%s: %s is an \"%s\" row; only operations have them (answers have \"in\")",
                        whose, r->name, r->role);
    size_t n = answer ? sizeof(void *) : param_type_size(param_type_of(r->type));
    if (r->offset % n != 0 || r->offset > o->params_size || n > o->params_size - r->offset)
        return omn_fail(err, OMN_ERR_PLUGIN, "%s: parameter %s lies at byte %u of a struct of %u",
                        whose, r->name, r->offset, o->params_size);
done:
    return st;
}

static omn_status check_params(const omn_plugin *p, const omn_object *o, const segments *mem,
                               omn_error *err)
{
    char whose[DOOR_MOST_NAME + 48];
    if (o->n_params > DOOR_MOST_PARAMS)
        return omn_fail(err, OMN_ERR_PLUGIN,
                        "%s: says that it has %u parameters; at most %u are "
                        "taken",
                        o->name, o->n_params, DOOR_MOST_PARAMS);
    if (o->params_size > (1u << 20))
        return omn_fail(err, OMN_ERR_PLUGIN, "%s: a parameter struct of %u bytes is too large",
                        o->name, o->params_size);
    if (o->n_params && segments_room(mem, o->params) < (size_t)o->n_params * p->param_size)
        return omn_fail(err, OMN_ERR_PLUGIN,
                        "%s: the list of %u parameters reaches beyond the file", o->name,
                        o->n_params);
    for (size_t i = 0; i < o->n_params; i++) {
        omn_param r = door_param(p, o, i);
        snprintf(whose, sizeof(whose), "%s: row %zu", o->name, i + 1);
        omn_status st = check_param(o, &r, mem, whose, err);
        if (st != OMN_OK) {
            if (err && strncmp(err->text, o->name, strlen(o->name)) != 0)
                omn_error_prefix(err, "%s", o->name);
            return st;
        }
        for (size_t j = 0; j < i; j++) {
            omn_param q = door_param(p, o, j);
            if (strcmp(q.name, r.name) == 0)
                return omn_fail(err, OMN_ERR_PLUGIN, "%s: %s is listed twice", o->name, r.name);
        }
    }
    return OMN_OK;
}

/* The columns of a kind of value: pointers first, then what they say. */
static omn_status check_columns(const omn_object *o, const segments *mem, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_value_impl *m = o->impl;
    const size_t first = sizeof(omn_column);
    if (m->n_columns < 1 || m->n_columns > OMN_KIND_MOST_COLUMNS || m->column_size < first ||
        m->column_size > DOOR_MOST_STRIDE || m->column_size % alignof(void *) != 0 ||
        segments_room(mem, m->columns) < (size_t)m->n_columns * m->column_size)
        return omn_fail(err, OMN_ERR_PLUGIN,
                        "%s: the list of %u columns of %u bytes makes no sense; 1..%u of at least "
                        "%zu are taken",
                        o->name, m->n_columns, m->column_size, OMN_KIND_MOST_COLUMNS, first);
    for (size_t i = 0; i < m->n_columns; i++) {
        omn_column c;
        memcpy(&c, (const char *)m->columns + i * m->column_size, sizeof(c));
        OMN_TRY(check_text(mem, c.name, false, o->name, "name of a column", err));
        OMN_TRY(check_text(mem, c.axes, true, o->name, "axes of a column", err));
        OMN_TRY(check_text(mem, c.unit, true, o->name, "unit of a column", err));
    }
    OMN_TRY(kind_check(o->name, m, err));
done:
    return st;
}

/* What lies behind impl, for every kind that this omnio may call: the struct lies whole in a loaded
 * file, functions lie in code, texts are texts. */
static omn_status check_impl(const omn_object *o, const segments *mem, omn_error *err)
{
    const impl_shape *shape = impl_shape_of(o->kind);
    const size_t room = segments_room(mem, o->impl);
    if (room == 0)
        return omn_fail(err, OMN_ERR_PLUGIN, "%s: impl points outside every loaded file", o->name);
    if (!shape) return OMN_OK;
    if ((uintptr_t)o->impl % alignof(void *) != 0)
        return omn_fail(err, OMN_ERR_PLUGIN, "%s: impl is no %s: it lies at an odd address",
                        o->name, shape->is);
    if (room < shape->size)
        return omn_fail(err, OMN_ERR_PLUGIN,
                        "%s: impl is no %s: only %zu of its %zu bytes are there", o->name,
                        shape->is, room, shape->size);
    for (size_t i = 0; i < shape->n; i++) {
        const impl_member *m = &shape->members[i];
        const char *at = (const char *)o->impl + m->offset;
        void (*code)(void) = NULL;
        const char *text = NULL;
        if (m->type == IMPL_TEXT || m->type == IMPL_MAYBE_TEXT) {
            memcpy(&text, at, sizeof(text));
            const bool optional = m->type == IMPL_MAYBE_TEXT;
            omn_status st = check_text(mem, text, optional, o->name, m->name, err);
            if (st != OMN_OK) return st;
            continue;
        }
        memcpy(&code, at, sizeof(code));
        if (!code && m->type == IMPL_MAYBE_CODE) continue;
        if (!segments_code(mem, code))
            return omn_fail(err, OMN_ERR_PLUGIN, "%s: impl is no %s: %s %s", o->name, shape->is,
                            m->name, code ? "points to no function" : "is missing");
    }
    const char *wrong = shape->wrong ? shape->wrong(o->impl) : NULL;
    if (wrong) return omn_fail(err, OMN_ERR_PLUGIN, "%s: this %s %s", o->name, shape->is, wrong);
    return shape == &impl_value ? check_columns(o, mem, err) : OMN_OK;
}

static omn_status check_object(const omn_plugin *p, const omn_object *o, const char *whose,
                               const segments *mem, omn_error *err)
{
    omn_status st = OMN_OK;
    OMN_TRY(check_text(mem, o->kind, false, whose, "kind", err));
    OMN_TRY(check_text(mem, o->name, false, whose, "name", err));
    OMN_TRY(check_text(mem, o->help, false, whose, "help", err));
    if (!door_kind(o->kind))
        return omn_fail(err, OMN_ERR_PLUGIN, "%s: \"%.80s\" is no kind (as \"omnio.operation/1\")",
                        whose, o->kind);
    if (!door_name(o->name))
        return omn_fail(err, OMN_ERR_PLUGIN, "%s: \"%.80s\" cannot be the name of an object", whose,
                        o->name);
    OMN_TRY(check_params(p, o, mem, err));
    OMN_TRY(check_impl(o, mem, err));
done:
    return st;
}

omn_status door_check(const omn_plugin *p, const segments *mem, omn_error *err)
{
    omn_status st = OMN_OK;
    OMN_TRY(check_head(p, mem, err));
    OMN_TRY(check_text(mem, p->name, false, "the plugin", "name", err));
    OMN_TRY(check_text(mem, p->version, false, "the plugin", "version", err));
    OMN_TRY(check_text(mem, p->licence, false, "the plugin", "licence", err));
    OMN_TRY(check_text(mem, p->summary, false, "the plugin", "summary", err));
    if (!door_name(p->name))
        return omn_fail(err, OMN_ERR_PLUGIN, "\"%.80s\" cannot be the name of a plugin", p->name);
    for (size_t i = 0; i < p->n_objects; i++) {
        char whose[32];
        omn_object o = door_object(p, i);
        snprintf(whose, sizeof(whose), "object %zu", i + 1);
        OMN_TRY(check_object(p, &o, whose, mem, err));
        for (size_t j = 0; j < i; j++) {
            omn_object q = door_object(p, j);
            if (strcmp(q.name, o.name) == 0 && strcmp(q.kind, o.kind) == 0)
                return omn_fail(err, OMN_ERR_PLUGIN, "%s (%s) is listed twice", o.name, o.kind);
        }
    }
done:
    return st;
}
