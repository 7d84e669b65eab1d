/* SPDX-License-Identifier: Apache-2.0 */
/* The one parser of parameters. Integers are exact to 64 bits, doubles do not depend on the locale
 * of the program, and a text is taken whole or refused with a sentence that says what would be
 * right. Ranges and defaults are written by plugin authors in the same notation and read by the
 * same code. */
#include "param.h"

#include "libcore/value/kind.h"
#include "nearest.h"

#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN 64

static const struct {
    const char *name;
    param_type type;
    size_t size;
} types[] = {
    { "int", PARAM_INT, sizeof(int) },
    { "int64", PARAM_INT64, sizeof(int64_t) },
    { "double", PARAM_DOUBLE, sizeof(double) },
    { "bool", PARAM_BOOL, sizeof(bool) },
    { "string", PARAM_STRING, sizeof(const char *) },
    { "path", PARAM_PATH, sizeof(const char *) },
    { "choice", PARAM_CHOICE, sizeof(int) },
};

param_type param_type_of(const char *name)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(types[i].name, name) == 0) return types[i].type;
    return PARAM_NONE;
}

size_t param_type_size(param_type t)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (types[i].type == t) return types[i].size;
    return 0;
}

bool param_is_input(const omn_param *p)
{
    return strcmp(p->role, "in") == 0 || strcmp(p->role, "optional") == 0;
}

bool param_takes(const char *want, const char *kind)
{
    return strcmp(want, "any") == 0 || strcmp(want, kind) == 0;
}

bool param_kind_good(const char *name)
{
    return strcmp(name, "any") == 0 || kind_name_good(name);
}

bool param_utf8(const char *s, size_t n)
{
    const unsigned char *p = (const unsigned char *)s, *end = p + n;
    while (p < end) {
        unsigned c = *p++;
        if (c < 0x80) continue;
        unsigned more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
        if (c < 0xc2 || c > 0xf4 || (size_t)(end - p) < more) return false;
        unsigned lo = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
        unsigned hi = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
        if (*p < lo || *p > hi) return false;
        for (unsigned i = 1; i < more; i++)
            if ((p[i] & 0xc0) != 0x80) return false;
        p += more;
    }
    return true;
}

const char *param_shown(const char *text, char *buf, size_t room)
{
    size_t n = 0;
    const char *p = text;
    while (*p && n + 4 < room) {
        unsigned char c = (unsigned char)*p++;
        buf[n++] = c < 0x20 || c == 0x7f ? '?' : (char)c;
    }
    if (*p) {
        while (n > 0 && ((unsigned char)buf[n - 1] & 0xc0) == 0x80) n--;
        if (n > 0 && (unsigned char)buf[n - 1] >= 0x80) n--;
        memcpy(buf + n, "...", 3);
        n += 3;
    }
    buf[n] = 0;
    if (!param_utf8(buf, n))
        for (size_t i = 0; i < n; i++)
            if ((unsigned char)buf[i] >= 0x80) buf[i] = '?';
    return buf;
}

size_t param_choice(const char *range, size_t i, const char **word)
{
    const char *p = range;
    for (;; i--) {
        size_t n = strcspn(p, "|");
        if (i == 0) {
            *word = p;
            return n;
        }
        if (!p[n]) return 0;
        p += n + 1;
    }
}

/* A whole decimal number of n bytes. 0 right, EINVAL no number, ERANGE beyond 64 bits. */
static int read_int(const char *s, size_t n, int64_t *out)
{
    size_t i = 0;
    bool minus = false;
    if (i < n && (s[i] == '-' || s[i] == '+')) minus = s[i++] == '-';
    if (i == n) return EINVAL;
    uint64_t x = 0, most = minus ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
    bool over = false;
    for (; i < n; i++) {
        if (s[i] < '0' || s[i] > '9') return EINVAL;
        uint64_t d = (uint64_t)(s[i] - '0');
        if (x > (most - d) / 10) over = true;
        if (!over) x = 10 * x + d;
    }
    if (over) return ERANGE;
    if (!minus)
        *out = (int64_t)x;
    else
        *out = x > (uint64_t)INT64_MAX ? INT64_MIN : -(int64_t)x;
    return 0;
}

/* A decimal number with optional fraction and exponent. As read_int; ERANGE: infinite. */
static int read_double(const char *s, size_t n, double *out)
{
    char buf[512];
    size_t i = 0, digits = 0;
    if (n >= sizeof(buf)) return EINVAL;
    if (i < n && (s[i] == '-' || s[i] == '+')) i++;
    for (; i < n && s[i] >= '0' && s[i] <= '9'; i++) digits++;
    if (i < n && s[i] == '.')
        for (i++; i < n && s[i] >= '0' && s[i] <= '9'; i++) digits++;
    if (digits == 0) return EINVAL;
    if (i < n && (s[i] == 'e' || s[i] == 'E')) {
        size_t from = ++i;
        if (i < n && (s[i] == '-' || s[i] == '+')) from = ++i;
        for (; i < n && s[i] >= '0' && s[i] <= '9'; i++) {}
        if (i == from) return EINVAL;
    }
    if (i != n) return EINVAL;
    memcpy(buf, s, n);
    buf[n] = 0;
    char *end;
    *out = omn_number_read(buf, &end);
    if (end == buf) return ENOMEM; /* what it is was looked at above */
    return isfinite(*out) ? 0 : ERANGE;
}

/* The two sides of "lo..hi", "lo.." or "..hi"; an absent side has length 0. False: neither. */
static bool split_range(const char *range, const char **lo, size_t *n_lo, const char **hi,
                        size_t *n_hi)
{
    const char *dots = strstr(range, "..");
    if (!dots) return false;
    *lo = range;
    *n_lo = (size_t)(dots - range);
    *hi = dots + 2;
    *n_hi = strlen(dots + 2);
    return *n_lo + *n_hi > 0;
}

static bool int_range(const omn_param *p, int64_t *lo, int64_t *hi)
{
    const char *a, *b;
    size_t na, nb;
    bool wide = param_type_of(p->type) == PARAM_INT64;
    *lo = wide ? INT64_MIN : INT_MIN;
    *hi = wide ? INT64_MAX : INT_MAX;
    if (!p->range) return true;
    if (!split_range(p->range, &a, &na, &b, &nb)) return false;
    int64_t least = *lo, most = *hi;
    if (na && read_int(a, na, lo) != 0) return false;
    if (nb && read_int(b, nb, hi) != 0) return false;
    return *lo <= *hi && *lo >= least && *hi <= most;
}

static bool double_range(const omn_param *p, double *lo, double *hi)
{
    const char *a, *b;
    size_t na, nb;
    *lo = -DBL_MAX;
    *hi = DBL_MAX;
    if (!p->range) return true;
    if (!split_range(p->range, &a, &na, &b, &nb)) return false;
    if (na && read_double(a, na, lo) != 0) return false;
    if (nb && read_double(b, nb, hi) != 0) return false;
    return *lo <= *hi;
}

static omn_status outside(const omn_param *p, const char *shown, omn_error *err)
{
    const char *unit = p->unit ? p->unit : "";
    if (p->range)
        return omn_fail(err, OMN_ERR_ARGUMENT, "%s %s%s%s is outside %s", p->name, shown,
                        *unit ? " " : "", unit, p->range);
    return omn_fail(err, OMN_ERR_ARGUMENT, "%s %s%s%s is too large for a number of type %s",
                    p->name, shown, *unit ? " " : "", unit, p->type);
}

static omn_status parse_int(const omn_param *p, const char *text, param_value *v, omn_error *err)
{
    char shown[SHOWN];
    int64_t lo = 0, hi = 0;
    param_shown(text, shown, sizeof(shown));
    if (!int_range(p, &lo, &hi))
        return omn_fail(err, OMN_ERR_PLUGIN, "%s: the range \"%s\" is not of the form 1..9",
                        p->name, p->range);
    int e = read_int(text, strlen(text), &v->i);
    if (e == EINVAL)
        return omn_fail(err, OMN_ERR_ARGUMENT, "%s \"%s\" is not a whole number%s%s", p->name,
                        shown, p->range ? " in " : "", p->range ? p->range : "");
    if (e == ERANGE || v->i < lo || v->i > hi) return outside(p, shown, err);
    return OMN_OK;
}

static omn_status parse_double(const omn_param *p, const char *text, param_value *v, omn_error *err)
{
    char shown[SHOWN];
    double lo = 0, hi = 0;
    param_shown(text, shown, sizeof(shown));
    if (!double_range(p, &lo, &hi))
        return omn_fail(err, OMN_ERR_PLUGIN, "%s: the range \"%s\" is not of the form 0.1..9",
                        p->name, p->range);
    int e = read_double(text, strlen(text), &v->d);
    if (e == ENOMEM) return omn_fail(err, OMN_ERR_MEMORY, "no memory for a locale");
    if (e == EINVAL)
        return omn_fail(err, OMN_ERR_ARGUMENT, "%s \"%s\" is not a number%s%s", p->name, shown,
                        p->range ? " in " : "", p->range ? p->range : "");
    if (e == ERANGE || v->d < lo || v->d > hi) return outside(p, shown, err);
    return OMN_OK;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool same_word(const char *a, const char *b)
{
    while (*a && lower(*a) == *b) {
        a++;
        b++;
    }
    return *a == 0 && *b == 0;
}

static omn_status parse_bool(const omn_param *p, const char *text, param_value *v, omn_error *err)
{
    static const struct {
        const char *word;
        int64_t is;
    } words[] = {
        { "true", 1 }, { "false", 0 }, { "yes", 1 }, { "no", 0 }, { "on", 1 }, { "off", 0 },
    };
    char shown[SHOWN];
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (same_word(text, words[i].word)) {
            v->i = words[i].is;
            return OMN_OK;
        }
    }
    return omn_fail(err, OMN_ERR_ARGUMENT, "%s \"%s\" is none of true, false, yes, no, on, off",
                    p->name, param_shown(text, shown, sizeof(shown)));
}

static omn_status parse_choice(const omn_param *p, const char *text, param_value *v, omn_error *err)
{
    char shown[SHOWN], near[SHOWN] = "";
    const char *word = NULL;
    size_t n = strlen(text), len = 0, best = 0;
    if (!p->range) return omn_fail(err, OMN_ERR_PLUGIN, "%s: a choice without choices", p->name);
    for (size_t i = 0; (len = param_choice(p->range, i, &word)) > 0; i++) {
        if (len == n && memcmp(word, text, n) == 0) {
            v->i = (int64_t)i;
            return OMN_OK;
        }
        size_t d = nearest_distance(text, n, word, len);
        if (nearest_close(d, len) && len < sizeof(near) && (!near[0] || d < best)) {
            memcpy(near, word, len);
            near[len] = 0;
            best = d;
        }
    }
    return omn_fail(err, OMN_ERR_ARGUMENT, "%s \"%s\" is none of %s%s%s%s", p->name,
                    param_shown(text, shown, sizeof(shown)), p->range,
                    near[0] ? "; did you mean \"" : "", near, near[0] ? "\"?" : "");
}

static omn_status parse_text(const omn_param *p, const char *text, param_value *v, omn_error *err)
{
    bool path = param_type_of(p->type) == PARAM_PATH;
    size_t most = path ? PARAM_MOST_PATH : PARAM_MOST_STRING, n = strnlen(text, most + 1);
    if (n > most)
        return omn_fail(err, OMN_ERR_ARGUMENT, "%s is longer than %zu bytes", p->name, most);
    if (!path && !param_utf8(text, n))
        return omn_fail(err, OMN_ERR_ARGUMENT, "%s is not UTF-8 text", p->name);
    v->s = text;
    return OMN_OK;
}

omn_status param_parse(const omn_param *p, const char *text, param_value *out, omn_error *err)
{
    *out = (param_value){ 0 };
    switch (param_type_of(p->type)) {
    case PARAM_INT:
    case PARAM_INT64:
        return parse_int(p, text, out, err);
    case PARAM_DOUBLE:
        return parse_double(p, text, out, err);
    case PARAM_BOOL:
        return parse_bool(p, text, out, err);
    case PARAM_CHOICE:
        return parse_choice(p, text, out, err);
    case PARAM_STRING:
    case PARAM_PATH:
        return parse_text(p, text, out, err);
    case PARAM_NONE:
        break;
    }
    return omn_fail(err, OMN_ERR_PLUGIN, "%s: \"%s\" is no type of a parameter", p->name, p->type);
}

/* The range is written in the notation of the type. */
static omn_status range_check(const omn_param *p, param_type t, omn_error *err)
{
    int64_t i0, i1;
    double d0, d1;
    switch (t) {
    case PARAM_INT:
    case PARAM_INT64:
        if (int_range(p, &i0, &i1)) return OMN_OK;
        break;
    case PARAM_DOUBLE:
        if (double_range(p, &d0, &d1)) return OMN_OK;
        break;
    case PARAM_CHOICE: {
        const char *word = NULL;
        size_t n = 0, used = 0;
        if (!p->range) break;
        for (size_t i = 0; (n = param_choice(p->range, i, &word)) > 0; i++) used += n + 1;
        if (used == strlen(p->range) + 1) return OMN_OK;
        break;
    }
    default:
        if (!p->range) return OMN_OK;
        return omn_fail(err, OMN_ERR_PLUGIN, "parameter %s: type %s has no range", p->name,
                        p->type);
    }
    return omn_fail(err, OMN_ERR_PLUGIN, "parameter %s: \"%s\" is no range of type %s", p->name,
                    p->range ? p->range : "", p->type);
}

omn_status param_row_check(const omn_param *p, omn_error *err)
{
    bool param = strcmp(p->role, "param") == 0;
    if (!param) {
        if (!param_is_input(p) && strcmp(p->role, "out") != 0)
            return omn_fail(err, OMN_ERR_PLUGIN,
                            "%s: the role \"%s\" is none of in, optional, param, out", p->name,
                            p->role);
        if (!param_kind_good(p->type))
            return omn_fail(err, OMN_ERR_PLUGIN,
                            "%s: \"%s\" cannot be the name of a kind of value", p->name, p->type);
        return OMN_OK;
    }
    param_type t = param_type_of(p->type);
    if (t == PARAM_NONE)
        return omn_fail(err, OMN_ERR_PLUGIN, "parameter %s: \"%s\" is no type of a parameter",
                        p->name, p->type);
    omn_status st = range_check(p, t, err);
    if (st != OMN_OK || !p->deflt) return st;
    param_value v;
    omn_error why = OMN_ERROR_INIT;
    if (param_parse(p, p->deflt, &v, &why) != OMN_OK)
        return omn_fail(err, OMN_ERR_PLUGIN, "parameter %s: the default is wrong: %.300s", p->name,
                        why.text);
    return OMN_OK;
}

void param_store(param_type t, const param_value *v, void *to)
{
    int i = (int)v->i;
    bool b = v->i != 0;
    switch (t) {
    case PARAM_INT:
    case PARAM_CHOICE:
        memcpy(to, &i, sizeof(i));
        break;
    case PARAM_INT64:
        memcpy(to, &v->i, sizeof(v->i));
        break;
    case PARAM_DOUBLE:
        memcpy(to, &v->d, sizeof(v->d));
        break;
    case PARAM_BOOL:
        memcpy(to, &b, sizeof(b));
        break;
    case PARAM_STRING:
    case PARAM_PATH:
        memcpy(to, &v->s, sizeof(v->s));
        break;
    case PARAM_NONE:
        break;
    }
}

omn_status omn_param_check(const omn_param *p, const char *text, omn_error *err)
{
    param_value v;
    if (!p || !text) return omn_fail(err, OMN_ERR_ARGUMENT, "omn_param_check: no row or no text");
    return param_parse(p, text, &v, err);
}
