/* SPDX-License-Identifier: Apache-2.0 */
/* A model's configuration: JSON read by paths such as "decoder.width". As with graphs the first
 * complaint stays and later reads give harmless values, so that opening code is written straight
 * through. */
#include "open.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Without memory jansson may report a mistake in the text, or cut a string off and report nothing.
 * So every text is read twice, since one failure does not happen twice at the same place; and what
 * is refused both times is asked of our own reader, which knows when it has no memory. */
omn_status config_parse(const char *text, size_t n, size_t flags, const char *file, json_t **out,
                        omn_error *err)
{
    json_error_t why = { .line = 0 }, again;
    json_t *first = json_loadb(text, n, JSON_REJECT_DUPLICATES | flags, &why);
    json_t *second = json_loadb(text, n, JSON_REJECT_DUPLICATES | flags, &again);
    omn_value *plain = NULL;
    const bool same = first && second && json_equal(first, second), neither = !first && !second;
    json_decref(second);
    if (same) {
        *out = first;
        return OMN_OK;
    }
    json_decref(first);
    const bool memory = !neither || json_error_code(&why) == json_error_out_of_memory ||
        omn_value_from_json(text, n, &plain, NULL) == OMN_ERR_MEMORY;
    omn_value_unref(plain);
    if (memory) return omn_fail(err, OMN_ERR_MEMORY, "no memory to read %s", file);
    return omn_fail_at(err, OMN_ERR_CONFIG, file, why.line, why.column, "%s", why.text);
}

static void complain(omn_config *c, const char *path, const char *found, const char *want)
{
    omn_fail_at(&c->first, OMN_ERR_CONFIG, c->file, 0, 0, "%s: %s, %s wanted", path, found, want);
}

void config_note(omn_config *c, const char *path)
{
    if (!c->asked) c->asked = json_object();
    /* a path that is not noted would be told as a key that nobody knows */
    if (!c->asked || json_object_set_new(c->asked, path, json_true()))
        omn_fail(&c->first, OMN_ERR_MEMORY, "%s: out of memory", c->file);
}

void config_end(omn_config *c)
{
    json_decref(c->asked);
    json_decref(c->usual);
}

static json_t *look_in(json_t *at, const char *path)
{
    const char *p = path;
    while (at && *p) {
        const size_t n = strcspn(p, ".");
        char key[128];
        if (n >= sizeof key) return NULL;
        memcpy(key, p, n);
        key[n] = 0;
        if (json_is_array(at)) {
            char *end = NULL;
            const unsigned long i = strtoul(key, &end, 10);
            at = end && !*end && end != key ? json_array_get(at, i) : NULL;
        } else {
            at = json_object_get(at, key);
        }
        p += n;
        if (*p == '.') p++;
    }
    return at;
}

static json_t *look(omn_config *c, const char *path)
{
    config_note(c, path);
    json_t *at = look_in(c->root, path);
    return at || !c->usual ? at : look_in(c->usual, path);
}

void omn_config_usual(omn_config *c, const char *json)
{
    json_t *usual = NULL;
    if (!c) return;
    if (config_parse(json, strlen(json), 0, c->file, &usual, &c->first) == OMN_OK &&
        !json_is_object(usual))
        omn_fail(&c->first, OMN_ERR_ARGUMENT, "%s: what is usual is no object", c->file);
    json_decref(c->usual);
    c->usual = usual;
}

static int64_t read_int(omn_config *c, const char *path, json_t *v, int64_t lo, int64_t hi)
{
    char want[96];
    snprintf(want, sizeof want, "a whole number from %lld to %lld", (long long)lo, (long long)hi);
    if (!json_is_integer(v)) {
        complain(c, path, v ? "not a whole number" : "missing", want);
        return lo;
    }
    const int64_t x = json_integer_value(v);
    if (x < lo || x > hi) {
        char found[48];
        snprintf(found, sizeof found, "%lld", (long long)x);
        complain(c, path, found, want);
        return lo;
    }
    return x;
}

int64_t omn_config_int(omn_config *c, const char *path, int64_t lo, int64_t hi)
{
    return c ? read_int(c, path, look(c, path), lo, hi) : lo;
}

int64_t omn_config_int_or(omn_config *c, const char *path, int64_t lo, int64_t hi, int64_t deflt)
{
    json_t *v = c ? look(c, path) : NULL;
    return v && !json_is_null(v) ? read_int(c, path, v, lo, hi) : deflt;
}

double omn_config_double_or(omn_config *c, const char *path, double lo, double hi, double deflt)
{
    json_t *v = c ? look(c, path) : NULL;
    if (!v || json_is_null(v)) return deflt;
    const double x = json_number_value(v);
    if (!json_is_number(v) || !(x >= lo && x <= hi)) {
        char want[96];
        omn_format(want, sizeof want, "a number from %g to %g", lo, hi);
        complain(c, path, json_is_number(v) ? "out of range" : "not a number", want);
        return deflt;
    }
    return x;
}

bool omn_config_bool_or(omn_config *c, const char *path, bool deflt)
{
    json_t *v = c ? look(c, path) : NULL;
    if (!v || json_is_null(v)) return deflt;
    if (!json_is_boolean(v)) complain(c, path, "not true or false", "true or false");
    return json_is_true(v);
}

const char *omn_config_string_or(omn_config *c, const char *path, const char *deflt)
{
    json_t *v = c ? look(c, path) : NULL;
    if (!v || json_is_null(v)) return deflt;
    if (!json_is_string(v)) {
        complain(c, path, "not a text", "a text");
        return deflt;
    }
    return json_string_value(v);
}

size_t omn_config_count(omn_config *c, const char *path)
{
    return c ? json_array_size(look(c, path)) : 0;
}

bool omn_config_has(omn_config *c, const char *path)
{
    return c && look(c, path) != NULL;
}

/* ---- keys that nobody asked for ------------------------------------------------------------- */

/* Was the path asked for, or something inside it? */
static bool asked(const omn_config *c, const char *path)
{
    const size_t n = strlen(path);
    const char *key;
    json_t *v;
    json_object_foreach(c->asked, key, v)
        if (!strncmp(key, path, n) && (key[n] == 0 || key[n] == '.')) return true;
    return false;
}

/* The key that was probably meant: asked for in the same place, and not there. */
static const char *meant(const omn_config *c, const json_t *where, const char *parent,
                         const char *name)
{
    const size_t n = strlen(parent);
    const char *key;
    json_t *v;
    json_object_foreach(c->asked, key, v) {
        const char *other = key + n;
        if (strncmp(key, parent, n) || strchr(other, '.') || json_object_get(where, other))
            continue;
        if (omn_nearest_name(name, &other, 1)) return other;
    }
    return NULL;
}

/* parent: "" or a path with a "." at its end. */
static omn_status unasked(const omn_config *c, const json_t *where, const char *parent, int depth,
                          omn_error *err)
{
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)where, key, v) {
        char path[512];
        if (snprintf(path, sizeof path, "%s%s", parent, key) >= (int)sizeof path - 1) continue;
        if (asked(c, path)) {
            if (!json_is_object(v) || depth == 8) continue;
            if (json_object_get(c->asked, path)) continue;         /* asked for as a whole */
            snprintf(path, sizeof path, "%s%s.", parent, key);
            const omn_status st = unasked(c, v, path, depth + 1, err);
            if (st != OMN_OK) return st;
            continue;
        }
        const char *near = meant(c, where, parent, key);
        if (!near && strncmp(path, "omnio.", 6)) continue;
        return omn_fail_at(err, OMN_ERR_CONFIG, c->file, 0, 0,
                           near ? "nobody asks for the key \"%s\"; \"%s\" is missing there"
                                : "nobody asks for the key \"%s\"",
                           path, near);
    }
    return OMN_OK;
}

omn_status config_unasked(const omn_config *c, omn_error *err)
{
    return c->asked ? unasked(c, c->root, "", 0, err) : OMN_OK;
}
