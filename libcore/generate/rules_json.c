/* SPDX-License-Identifier: Apache-2.0 */
/* A JSON Schema as rules over text: the JSON texts that it accepts, written without spaces or with
 * one behind a colon or comma. Properties come in the order of the schema. A key that would narrow
 * what is accepted and is not understood is refused, since an answer would break it in silence. */
#include "rules_json.h"

#include "open.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_DEPTH 40
#define MOST_PROPERTIES 60

typedef struct schema {
    omn_rules *r;
    const char *file;
    char path[512];
    bool property;                /* at the value of one */
} schema;

static const omn_rule *any_of(schema *s, const json_t *j, int depth);

static const omn_rule *wrong(schema *s, const char *what)
{
    omn_rules_fail(s->r, OMN_ERR_CONFIG, "%s%s#%s: %s", s->file ? s->file : "",
                   s->file ? ": " : "schema ", s->path, what);
    return NULL;
}

static const omn_rule *text(schema *s, const char *t)
{
    return omn_rules_text(s->r, t, strlen(t));
}

static const omn_rule *seq(schema *s, const omn_rule *const *list, size_t n)
{
    return omn_rules_seq(s->r, list, n);
}

static const omn_rule *perhaps(schema *s, const omn_rule *t)
{
    return omn_rules_repeat(s->r, t, 0, 1);
}

/* `,` or `:` and perhaps a space. */
static const omn_rule *mark(schema *s, const char *t)
{
    const omn_rule *list[2] = { text(s, t), perhaps(s, text(s, " ")) };
    return seq(s, list, 2);
}

static const omn_rule *class(schema *s, const omn_chars *c, size_t n, bool other)
{
    return omn_rules_chars(s->r, c, n, other);
}

/* Values have no null but as a property, where it means that the property is not there. */
static bool has_null(const json_t *j, bool property)
{
    const char *key;
    json_t *v;
    if (json_is_null(j)) return !property;
    for (size_t i = 0; i < json_array_size(j); i++)
        if (has_null(json_array_get(j, i), false)) return true;
    json_object_foreach((json_t *)j, key, v) if (has_null(v, true)) return true;
    return false;
}

static const omn_rule *null(schema *s)
{
    return s->property ? text(s, "null") : wrong(s, "null can only be the value of a property");
}

/* A literal through the builder of the JSON library, so that it is escaped as one reads it. Without
 * memory jansson 2.14 leaves a key away, in silence: not twice the same way. */
static const omn_rule *literal(schema *s, const json_t *j)
{
    char *t = json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY);
    char *again = json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY);
    const omn_rule *out = NULL;
    if (t && (!again || strcmp(t, again))) {
        free(t);
        t = NULL;
    }
    free(again);
    if (has_null(j, s->property)) {
        free(t);
        return wrong(s, "null can only be the value of a property");
    }
    if (!t) omn_rules_fail(s->r, OMN_ERR_MEMORY, "a schema: out of memory");
    else out = text(s, t);
    free(t);
    return out;
}

/* One character inside a string. */
static const omn_rule *character(schema *s)
{
    static const omn_chars special[] = { { 1, 0x1f }, { '"', '"' }, { '\\', '\\' } };
    static const omn_chars hex[] = { { '0', '9' }, { 'a', 'f' }, { 'A', 'F' } };
    static const omn_chars hex1[] = { { '1', '9' }, { 'a', 'f' }, { 'A', 'F' } };
    static const omn_chars escaped[] = { { '"', '"' }, { '\\', '\\' }, { '/', '/' }, { 'b', 'b' },
                                         { 'f', 'f' }, { 'n', 'n' },   { 'r', 'r' }, { 't', 't' } };
    const omn_rule *zero[2] = { text(s, "0"), class(s, hex1, 3, false) };
    const omn_rule *one[2] = { text(s, "1"), class(s, hex, 3, false) };
    const omn_rule *last[2] = { seq(s, zero, 2), seq(s, one, 2) };
    const omn_rule *control[2] = { text(s, "\\u00"), omn_rules_either(s->r, last, 2) };
    const omn_rule *escape[2] = { text(s, "\\"), class(s, escaped, 8, false) };
    const omn_rule *all[3] = { class(s, special, 3, true), seq(s, escape, 2), seq(s, control, 2) };
    return omn_rules_either(s->r, all, 3);
}

static const omn_rule *string(schema *s, int32_t least, int32_t most)
{
    const omn_rule *list[3] = { text(s, "\""), omn_rules_repeat(s->r, character(s), least, most),
                                text(s, "\"") };
    return seq(s, list, 3);
}

static const omn_rule *digits(schema *s, char from, int32_t least, int32_t most)
{
    const omn_chars c = { (unsigned char)from, '9' };
    return omn_rules_repeat(s->r, class(s, &c, 1, false), least, most);
}

/* Any whole number, with at most 18 digits; any number, with what a double can hold. */
static const omn_rule *number(schema *s, bool whole)
{
    static const omn_chars e[] = { { 'E', 'E' }, { 'e', 'e' } },
                           sign[] = { { '+', '+' }, { '-', '-' } };
    const omn_rule *positive[2] = { digits(s, '1', 1, 1), digits(s, '0', 0, 17) };
    const omn_rule *either[2] = { text(s, "0"), seq(s, positive, 2) };
    const omn_rule *fraction[2] = { text(s, "."), digits(s, '0', 1, 17) };
    const omn_rule *power[3] = { class(s, e, 2, false), perhaps(s, class(s, sign, 2, false)),
                                 digits(s, '0', 1, 2) };
    const omn_rule *all[4] = { perhaps(s, text(s, "-")), omn_rules_either(s->r, either, 2),
                               perhaps(s, seq(s, fraction, 2)), perhaps(s, seq(s, power, 3)) };
    return seq(s, all, whole ? 2 : 4);
}

/* ---- keys ------------------------------------------------------------------------------------ */

static bool among(const char *name, const char *const *list)
{
    for (; *list; list++)
        if (!strcmp(name, *list)) return true;
    return false;
}

static bool only(schema *s, const json_t *j, const char *const *keys)
{
    static const char *const notes[] = { "title",       "description", "$schema", "$id", "$comment",
                                         "default",     "examples",    "type",    "enum",
                                         "const",       "anyOf",       "oneOf",   NULL };
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)j, key, v) {
        if (among(key, notes) || among(key, keys)) continue;
        char what[160];
        snprintf(what, sizeof what, "\"%.60s\" is not among the keys that are understood here",
                 key);
        wrong(s, what);
        return false;
    }
    return true;
}

/* A count: 0..1000000; OMN_NO_END or 0 when the key is not there. */
static bool count(schema *s, const json_t *j, const char *key, int32_t deflt, int32_t *out)
{
    const json_t *v = json_object_get(j, key);
    *out = deflt;
    if (!v) return true;
    if (!json_is_integer(v) || json_integer_value(v) < 0 ||
        json_integer_value(v) > RULES_MOST_COUNT) {
        wrong(s, "a count is a whole number of 0 to 1000000");
        return false;
    }
    *out = (int32_t)json_integer_value(v);
    return true;
}

static const omn_rule *of_string(schema *s, const json_t *j)
{
    static const char *const keys[] = { "minLength", "maxLength", NULL };
    int32_t least, most;
    if (!only(s, j, keys) || !count(s, j, "minLength", 0, &least) ||
        !count(s, j, "maxLength", OMN_NO_END, &most))
        return NULL;
    return string(s, least, most);
}

/* The bound in units of the last decimal; false when it is none. */
static bool bound(schema *s, const json_t *j, const char *key, int decimals, int64_t deflt,
                  int64_t *out)
{
    const json_t *v = json_object_get(j, key);
    *out = deflt;
    if (!v) return true;
    const double x = json_number_value(v) * pow(10, decimals), whole = round(x);
    if (!json_is_number(v) || !(fabs(x) < 9e15) || fabs(x - whole) > 1e-6 * (1 + fabs(x))) {
        wrong(s, "a bound is a number of at most 15 digits, with no more decimals than multipleOf");
        return false;
    }
    *out = (int64_t)whole;
    return true;
}

/* multipleOf 0.01: two decimals; -1: not a power of ten. */
static int decimals_of(const json_t *v)
{
    const double step = json_number_value(v);
    for (int d = 0; d <= 9; d++)
        if (fabs(step * pow(10, d) - 1) < 1e-9) return d;
    return -1;
}

static const omn_rule *of_number(schema *s, const json_t *j, bool whole)
{
    static const char *const keys[] = { "minimum", "maximum", "multipleOf", NULL };
    const json_t *step = json_object_get(j, "multipleOf");
    const bool bounds = json_object_get(j, "minimum") || json_object_get(j, "maximum");
    int64_t lo, hi;
    if (!only(s, j, keys)) return NULL;
    const int decimals = step ? decimals_of(step) : 0;
    if (decimals < 0 || (whole && decimals > 0))
        return wrong(s, "multipleOf is 1, 0.1, 0.01, ... 0.000000001");
    if (!bounds && !step) return number(s, whole);
    if (!whole && !step)
        return wrong(s, "bounds want whole numbers or a count of decimals: type integer, or "
                        "multipleOf: 0.01");
    if (!bound(s, j, "minimum", decimals, -999999999999999, &lo) ||
        !bound(s, j, "maximum", decimals, 999999999999999, &hi))
        return NULL;
    if (lo > hi) return wrong(s, "the minimum is above the maximum");
    return rules_whole(s->r, lo, hi, decimals);
}

static const omn_rule *deeper(schema *s, const char *key, const json_t *j, int depth, bool property)
{
    const size_t n = strlen(s->path);
    const bool before = s->property;
    snprintf(s->path + n, sizeof s->path - n, "/%.60s", key);
    s->property = property;
    const omn_rule *t = any_of(s, j, depth + 1);
    s->property = before;
    s->path[n] = 0;
    return t;
}

static const omn_rule *of_array(schema *s, const json_t *j, int depth)
{
    static const char *const keys[] = { "items", "minItems", "maxItems", NULL };
    const json_t *items = json_object_get(j, "items");
    int32_t least, most;
    if (!only(s, j, keys) || !count(s, j, "minItems", 0, &least) ||
        !count(s, j, "maxItems", OMN_NO_END, &most))
        return NULL;
    if (most != OMN_NO_END && most < least) return wrong(s, "minItems is above maxItems");
    if (most == 0) return text(s, "[]");
    const omn_rule *one = items ? deeper(s, "items", items, depth, false)
                                : omn_rules_ref(s->r, "(any JSON)");
    const omn_rule *next[2] = { mark(s, ","), one };
    const omn_rule *list[2] = { one, omn_rules_repeat(s->r, seq(s, next, 2),
                                                      least > 0 ? least - 1 : 0,
                                                      most == OMN_NO_END ? OMN_NO_END : most - 1) };
    const omn_rule *inside = seq(s, list, 2);
    const omn_rule *all[3] = { text(s, "["), least ? inside : perhaps(s, inside), text(s, "]") };
    return seq(s, all, 3);
}

static const omn_rule *free_object(schema *s)
{
    const omn_rule *value[2] = { omn_rules_ref(s->r, "(any JSON)"), text(s, "null") };
    const omn_rule *pair[3] = { string(s, 0, OMN_NO_END), mark(s, ":"),
                                omn_rules_either(s->r, value, 2) };
    const omn_rule *one = seq(s, pair, 3);
    const omn_rule *next[2] = { mark(s, ","), one };
    const omn_rule *list[2] = { one, omn_rules_repeat(s->r, seq(s, next, 2), 0, OMN_NO_END) };
    const omn_rule *all[3] = { text(s, "{"), perhaps(s, seq(s, list, 2)), text(s, "}") };
    return seq(s, all, 3);
}

static bool needs(const json_t *required, const char *key)
{
    for (size_t i = 0; i < json_array_size(required); i++)
        if (!strcmp(json_string_value(json_array_get(required, i)), key)) return true;
    return false;
}

static bool required_is_sane(schema *s, const json_t *required, const json_t *properties)
{
    for (size_t i = 0; i < json_array_size(required); i++) {
        const char *key = json_string_value(json_array_get(required, i));
        if (!key || !json_object_get(properties, key)) {
            wrong(s, "\"required\" names a property that is not there");
            return false;
        }
    }
    return !required || json_is_array(required) ||
           (wrong(s, "\"required\" is a list of names"), false);
}

/* Built from the last property to the first: behind[c] is what may come from here on when c says
 * that something came before. */
static const omn_rule *of_object(schema *s, const json_t *j, int depth)
{
    static const char *const keys[] = { "properties", "required", "additionalProperties", NULL };
    const json_t *properties = json_object_get(j, "properties");
    const json_t *required = json_object_get(j, "required");
    const char *names[MOST_PROPERTIES], *key;
    json_t *v, *more = json_object_get(j, "additionalProperties");
    size_t n = 0;
    if (!only(s, j, keys)) return NULL;
    if (!properties && !required) return free_object(s);
    if (!json_is_object(properties)) return wrong(s, "\"properties\" is an object");
    if (more && !json_is_false(more))
        return wrong(s, "properties that are not listed never come: additionalProperties is false");
    if (json_object_size(properties) > MOST_PROPERTIES)
        return wrong(s, "an object has at most 60 properties here");
    if (!required_is_sane(s, required, properties)) return NULL;
    json_object_foreach((json_t *)properties, key, v) names[n++] = key;
    const omn_rule *behind[2] = { seq(s, NULL, 0), seq(s, NULL, 0) };
    while (n--) {
        json_t *label = json_stringn(names[n], strlen(names[n]));
        const omn_rule *value = deeper(s, names[n], json_object_get(properties, names[n]),
                                       depth, true);
        const omn_rule *name = NULL, *now[2];
        if (label) name = literal(s, label);
        else omn_rules_fail(s->r, OMN_ERR_MEMORY, "a schema: out of memory");
        json_decref(label);
        for (int c = 0; c < 2; c++) {
            const omn_rule *with[5] = { c ? mark(s, ",") : seq(s, NULL, 0), name, mark(s, ":"),
                                        value, behind[1] };
            const omn_rule *both[2] = { seq(s, with, 5), behind[c] };
            now[c] = needs(required, names[n]) ? both[0] : omn_rules_either(s->r, both, 2);
        }
        behind[0] = now[0];
        behind[1] = now[1];
    }
    const omn_rule *all[3] = { text(s, "{"), behind[0], text(s, "}") };
    return seq(s, all, 3);
}

static const omn_rule *of_type(schema *s, const json_t *j, const char *type, int depth)
{
    if (!strcmp(type, "string")) return of_string(s, j);
    if (!strcmp(type, "integer")) return of_number(s, j, true);
    if (!strcmp(type, "number")) return of_number(s, j, false);
    if (!strcmp(type, "array")) return of_array(s, j, depth);
    if (!strcmp(type, "object")) return of_object(s, j, depth);
    if (!strcmp(type, "null")) return null(s);
    if (!strcmp(type, "boolean")) {
        const omn_rule *both[2] = { text(s, "true"), text(s, "false") };
        return omn_rules_either(s->r, both, 2);
    }
    return wrong(s, "a type is string, number, integer, boolean, null, array or object");
}

static const omn_rule *of_list(schema *s, const json_t *j, const json_t *list, int depth,
                               const omn_rule *(*each)(schema *, const json_t *, const json_t *,
                                                       int))
{
    const size_t n = json_array_size(list);
    if (!json_is_array(list) || !n || n > 4096)
        return wrong(s, "a list of 1 to 4096 choices is wanted");
    const omn_rule **all = calloc(n, sizeof(omn_rule *));
    if (!all) {
        omn_rules_fail(s->r, OMN_ERR_MEMORY, "a schema: out of memory");
        return NULL;
    }
    for (size_t i = 0; i < n; i++) all[i] = each(s, j, json_array_get(list, i), depth);
    const omn_rule *t = omn_rules_either(s->r, all, n);
    free(all);
    return t;
}

static const omn_rule *each_literal(schema *s, const json_t *j, const json_t *v, int depth)
{
    (void)j;
    (void)depth;
    return literal(s, v);
}

static const omn_rule *each_type(schema *s, const json_t *j, const json_t *v, int depth)
{
    return json_is_string(v) ? of_type(s, j, json_string_value(v), depth)
                             : wrong(s, "a type is a text");
}

static const omn_rule *each_schema(schema *s, const json_t *j, const json_t *v, int depth)
{
    (void)j;
    return deeper(s, "anyOf", v, depth, s->property);
}

static const omn_rule *any_of(schema *s, const json_t *j, int depth)
{
    if (s->r->first.status) return NULL;
    if (depth > MOST_DEPTH) return wrong(s, "the schema is nested deeper than 40");
    if (json_is_true(j)) return omn_rules_ref(s->r, "(any JSON)");
    if (!json_is_object(j)) return wrong(s, "a schema is an object");
    const json_t *type = json_object_get(j, "type"), *choice = json_object_get(j, "enum");
    const json_t *fixed = json_object_get(j, "const"), *some = json_object_get(j, "anyOf");
    static const char *const none[] = { NULL };
    if (!some) some = json_object_get(j, "oneOf");
    if ((choice || fixed || some || !type) && !only(s, j, none)) return NULL;
    if (fixed) return literal(s, fixed);
    if (choice) return of_list(s, j, choice, depth, each_literal);
    if (some) return of_list(s, j, some, depth, each_schema);
    if (!type) return omn_rules_ref(s->r, "(any JSON)");
    if (json_is_array(type)) return of_list(s, j, type, depth, each_type);
    return each_type(s, j, type, depth);
}

/* Whatever JSON is, under its name, once. */
static void define_any(schema *s)
{
    const int64_t i = rules_name(s->r, "(any JSON)", NULL, 0, 0);
    if (i < 0 || s->r->names[i].term) return;
    const omn_rule *items[2], *inside[2], *array[3];
    const omn_rule *self = rules_ref(s->r, i);
    items[0] = mark(s, ",");
    items[1] = self;
    inside[0] = self;
    inside[1] = omn_rules_repeat(s->r, seq(s, items, 2), 0, OMN_NO_END);
    array[0] = text(s, "[");
    array[1] = perhaps(s, seq(s, inside, 2));
    array[2] = text(s, "]");
    const omn_rule *all[6] = { string(s, 0, OMN_NO_END), number(s, false), text(s, "true"),
                               text(s, "false"), seq(s, array, 3), free_object(s) };
    omn_rules_define(s->r, "(any JSON)", omn_rules_either(s->r, all, 6));
}

const omn_rule *omn_rules_json(omn_rules *r, const char *text, size_t n, const char *file)
{
    schema s = { .r = r, .file = file };
    json_t *j = NULL;
    if (r->first.status) return NULL;
    if (config_parse(text, n, JSON_DECODE_ANY, file ? file : "schema", &j, &r->first) != OMN_OK)
        return NULL;
    define_any(&s);
    const omn_rule *t = any_of(&s, j, 0);
    json_decref(j);
    return t;
}
