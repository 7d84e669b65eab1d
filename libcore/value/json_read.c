/* SPDX-License-Identifier: Apache-2.0 */
/* JSON to values. The text may come from anybody, so there is a bound on its length, its depth and
 * the number of its values; numbers are read the same way in every locale, and each refusal names
 * line and column. The grammar is RFC 8259's, nothing more. An object that begins with "$kind" is a
 * value of that kind in the general form: inside it null is an element that is missing, and lists
 * stay lists. */
#include "inside.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_VALUES ((size_t)1 << 22)

typedef struct reader {
    const char *s;
    size_t n, at, values;
    unsigned depth, general; /* objects of the general form around this place */
    const kind_source *kinds;
    char radix[8]; /* what strtod takes for the point in this locale */
    omn_error *err;
} reader;

static omn_status refuse(reader *r, size_t at, const char *why)
{
    size_t line = 1, start = 0;
    for (size_t i = 0; i < at && i < r->n; i++)
        if (r->s[i] == '\n') {
            line++;
            start = i + 1;
        }
    return omn_fail(r->err, OMN_ERR_DATA, "JSON, line %zu column %zu: %s", line, at - start + 1,
                    why);
}

static void skip_space(reader *r)
{
    while (r->at < r->n && r->s[r->at] != '\0' && strchr(" \t\r\n", r->s[r->at]) != NULL) r->at++;
}

static bool take(reader *r, char c)
{
    if (r->at >= r->n || r->s[r->at] != c) return false;
    r->at++;
    return true;
}

static bool take_word(reader *r, const char *word)
{
    size_t n = strlen(word);
    if (r->n - r->at < n || memcmp(r->s + r->at, word, n) != 0) return false;
    r->at += n;
    return true;
}

/* Four hexadecimal digits, or -1. */
static long hex4(reader *r)
{
    long x = 0;
    if (r->n - r->at < 4) return -1;
    for (int i = 0; i < 4; i++) {
        char c = r->s[r->at];
        int d = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
        if (d < 0) return -1;
        x = x * 16 + d;
        r->at++;
    }
    return x;
}

static void put_utf8(omn_buf *b, unsigned long c)
{
    unsigned char u[4];
    size_t n = 0;
    if (c < 0x80) {
        u[n++] = (unsigned char)c;
    } else if (c < 0x800) {
        u[n++] = (unsigned char)(0xc0 | c >> 6);
    } else if (c < 0x10000) {
        u[n++] = (unsigned char)(0xe0 | c >> 12);
        u[n++] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
    } else {
        u[n++] = (unsigned char)(0xf0 | c >> 18);
        u[n++] = (unsigned char)(0x80 | (c >> 12 & 0x3f));
        u[n++] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
    }
    if (c >= 0x80) u[n++] = (unsigned char)(0x80 | (c & 0x3f));
    omn_buf_put(b, u, n);
}

/* What follows a backslash. */
static omn_status read_escape(reader *r, omn_buf *b)
{
    static const char names[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
    size_t start = r->at - 1;
    char c = r->at < r->n ? r->s[r->at++] : '\0';
    const char *p = c != '\0' ? strchr(names, c) : NULL;
    if (p != NULL) {
        omn_buf_put(b, &means[p - names], 1);
        return OMN_OK;
    }
    if (c != 'u') return refuse(r, start, "no such escape");
    long x = hex4(r);
    if (x < 0) return refuse(r, start, "\\u wants four hexadecimal digits");
    if (x == 0) return refuse(r, start, "a text may not hold the character 0");
    if (x >= 0xdc00 && x <= 0xdfff) return refuse(r, start, "half of a surrogate pair");
    if (x >= 0xd800 && x <= 0xdbff) {
        long low = take(r, '\\') && take(r, 'u') ? hex4(r) : -1;
        if (low < 0xdc00 || low > 0xdfff) return refuse(r, start, "half of a surrogate pair");
        x = 0x10000 + ((x - 0xd800) << 10) + (low - 0xdc00);
    }
    put_utf8(b, (unsigned long)x);
    return OMN_OK;
}

/* After the opening quote; b is initialised and takes the characters. */
static omn_status read_string(reader *r, omn_buf *b)
{
    size_t start = r->at - 1;
    for (;;) {
        size_t from = r->at;
        while (r->at < r->n && (unsigned char)r->s[r->at] >= 0x20 && r->s[r->at] != '"' &&
               r->s[r->at] != '\\')
            r->at++;
        omn_buf_put(b, r->s + from, r->at - from);
        if (take(r, '"')) break;
        if (r->at >= r->n) return refuse(r, start, "a text without its closing quote");
        if (!take(r, '\\')) return refuse(r, r->at, "a control character inside a text");
        omn_status st = read_escape(r, b);
        if (st != OMN_OK) return st;
    }
    if (b->failed) return omn_fail(r->err, OMN_ERR_MEMORY, "no memory for a text in JSON");
    return OMN_OK;
}

static size_t digits(reader *r)
{
    size_t from = r->at;
    while (r->at < r->n && r->s[r->at] >= '0' && r->s[r->at] <= '9') r->at++;
    return r->at - from;
}

static omn_status read_number(reader *r, omn_value **out)
{
    size_t start = r->at, point;
    bool good;
    take(r, '-');
    good = take(r, '0') || digits(r) > 0;
    point = r->at;
    bool fraction = good && take(r, '.');
    if (fraction) good = digits(r) > 0;
    if (good && (take(r, 'e') || take(r, 'E'))) {
        if (!take(r, '-')) take(r, '+');
        good = digits(r) > 0;
    }
    if (!good) return refuse(r, start, "expected a value");
    omn_buf b;
    omn_buf_init(&b, OMN_TEXT_MOST + 16);
    omn_buf_put(&b, r->s + start, point - start);
    if (fraction) {
        omn_buf_puts(&b, r->radix);
        point++;
    }
    omn_buf_put(&b, r->s + point, r->at - point);
    double x = b.failed ? 0 : strtod(b.data, NULL);
    bool failed = b.failed;
    omn_buf_fini(&b);
    if (failed) return omn_fail(r->err, OMN_ERR_MEMORY, "no memory for a number in JSON");
    if (!isfinite(x)) return refuse(r, start, "a number too large for a double");
    return omn_number_new(x, out, r->err);
}

/* What a list or a record gathers while it is read. */
typedef struct gather {
    omn_named *f;
    size_t n, room;
} gather;

/* Takes v and name, also when it fails. */
static omn_status gather_add(reader *r, gather *g, char *name, omn_value *v)
{
    if (g->n == g->room) {
        size_t room = g->room == 0 ? 8 : g->room * 2; /* bounded by the length of the text */
        omn_named *f = realloc(g->f, room * sizeof(*f));
        if (f == NULL) {
            free(name);
            omn_value_unref(v);
            return omn_fail(r->err, OMN_ERR_MEMORY, "no memory for JSON");
        }
        g->f = f;
        g->room = room;
    }
    g->f[g->n].name = name;
    g->f[g->n++].value = v;
    return OMN_OK;
}

static void gather_fini(gather *g)
{
    for (size_t i = 0; i < g->n; i++) {
        free((char *)g->f[i].name);
        omn_value_unref(g->f[i].value);
    }
    free(g->f);
}

/* A list in which every item has the form of a region, or of a point; else the list itself. */
static omn_status make_list(reader *r, const gather *g, omn_value **out)
{
    omn_status st = OMN_OK;
    omn_value **items = calloc(g->n + 1, sizeof(*items));
    if (items == NULL)
        return omn_fail(r->err, OMN_ERR_MEMORY, "no memory for a list of %zu items", g->n);
    for (size_t i = 0; i < g->n; i++) items[i] = g->f[i].value;
    if (r->general == 0) st = regions_of_records(items, g->n, out, r->err);
    if (r->general == 0 && st == OMN_OK && *out == NULL)
        st = points_of_records(items, g->n, out, r->err);
    if (st == OMN_OK && *out == NULL) st = omn_list_new(items, g->n, out, r->err);
    free(items);
    return st;
}

static omn_status read_value(reader *r, omn_value **out);

/* null as a value of its own is NULL here. */
static omn_status read_or_null(reader *r, omn_value **out)
{
    skip_space(r);
    *out = NULL;
    if (!take_word(r, "null")) return read_value(r, out);
    return r->general > 0 ? omn_number_new((double)NAN, out, r->err) : OMN_OK;
}

static omn_status read_array(reader *r, omn_value **out)
{
    omn_status st = OMN_OK;
    gather g = { NULL, 0, 0 };
    skip_space(r);
    for (bool end = take(r, ']'); !end;) {
        omn_value *item = NULL;
        skip_space(r);
        size_t at = r->at;
        OMN_TRY(read_or_null(r, &item));
        if (item == NULL) {
            st = refuse(r, at, "null is no item of a list here; leave it out");
            goto done;
        }
        OMN_TRY(gather_add(r, &g, NULL, item));
        skip_space(r);
        end = take(r, ']');
        if (!end && !take(r, ',')) {
            st = refuse(r, r->at, "expected , or ]");
            goto done;
        }
    }
    st = make_list(r, &g, out);
done:
    gather_fini(&g);
    return st;
}

static omn_status read_name(reader *r, const gather *g, char **name)
{
    omn_buf key;
    const size_t at = r->at;
    *name = NULL;
    if (!take(r, '"')) return refuse(r, r->at, "expected a name in quotes");
    omn_buf_init(&key, OMN_TEXT_MOST);
    omn_buf_puts(&key, "");
    omn_status st = read_string(r, &key);
    *name = st == OMN_OK ? omn_buf_take(&key) : NULL;
    omn_buf_fini(&key);
    if (st == OMN_OK && *name == NULL)
        st = omn_fail(r->err, OMN_ERR_MEMORY, "no memory for JSON");
    for (size_t i = 0; st == OMN_OK && i < g->n; i++)
        if (strcmp(g->f[i].name, *name) == 0) st = refuse(r, at, "this name is there twice");
    if (st == OMN_OK && g->n >= OMN_RECORD_MOST)
        st = refuse(r, at, "more names than a record may have");
    return st;
}

/* One field. *general: the object has the general form, as its first name says. */
static omn_status read_field(reader *r, gather *g, bool *general)
{
    char *name = NULL;
    omn_value *item = NULL;
    skip_space(r);
    omn_status st = read_name(r, g, &name);
    skip_space(r);
    if (st == OMN_OK && !take(r, ':')) st = refuse(r, r->at, "expected :");
    if (st == OMN_OK && !*general && g->n == 0 && strcmp(name, "$kind") == 0) {
        *general = true;
        r->general++;
    }
    if (st == OMN_OK) st = read_or_null(r, &item);
    if (st == OMN_OK && item != NULL) return gather_add(r, g, name, item);
    free(name);
    return st;
}

/* The value that a record of the general form stands for, if its kind is known. */
static omn_status settle(reader *r, size_t at, omn_value *record, omn_value **out)
{
    const char *name = omn_text_get(omn_record_at(record, 0, NULL), NULL);
    const omn_kind *k = NULL;
    omn_error why = OMN_ERROR_INIT;
    omn_status st = OMN_OK;
    if (name == NULL) return refuse(r, at, "\"$kind\" is the name of a kind of value");
    k = kind_own(name);
    if (k == NULL && r->kinds != NULL) st = r->kinds->find(r->kinds->user, name, &k, &why);
    if (k == NULL && st == OMN_OK)
        st = omn_fail(&why, OMN_ERR_DATA, "there is no kind of value \"%.80s\"", name);
    if (st == OMN_OK) st = value_of_parts(r->kinds, k, record, out, &why);
    if (st == OMN_ERR_MEMORY) return omn_fail(r->err, st, "%s", why.text);
    return st == OMN_OK ? st : refuse(r, at, why.text);
}

static omn_status read_object(reader *r, omn_value **out)
{
    omn_status st = OMN_OK;
    gather g = { NULL, 0, 0 };
    omn_value *record = NULL;
    bool general = false;
    const size_t start = r->at - 1;
    skip_space(r);
    for (bool end = take(r, '}'); !end;) {
        OMN_TRY(read_field(r, &g, &general));
        skip_space(r);
        end = take(r, '}');
        if (!end && !take(r, ',')) {
            st = refuse(r, r->at, "expected , or }");
            goto done;
        }
    }
    OMN_TRY(omn_record_new(g.f, g.n, &record, r->err));
    if (general) {
        OMN_TRY(settle(r, start, record, out));
    } else {
        *out = record;
        record = NULL;
    }
done:
    if (general) r->general--;
    omn_value_unref(record);
    gather_fini(&g);
    return st;
}

static omn_status read_text(reader *r, omn_value **out)
{
    omn_buf b;
    omn_buf_init(&b, OMN_TEXT_MOST);
    omn_status st = read_string(r, &b);
    if (st == OMN_OK) st = omn_text_new(b.data, b.length, out, r->err);
    omn_buf_fini(&b);
    return st;
}

static omn_status read_value(reader *r, omn_value **out)
{
    if (++r->values > MOST_VALUES) return refuse(r, r->at, "more than 4194304 values");
    if (take_word(r, "true")) return omn_number_new(1, out, r->err);
    if (take_word(r, "false")) return omn_number_new(0, out, r->err);
    if (take(r, '"')) return read_text(r, out);
    bool array = take(r, '[');
    if (!array && !take(r, '{')) return read_number(r, out);
    if (r->depth >= VALUE_MOST_DEPTH - 1) return refuse(r, r->at - 1, "nested too deeply");
    r->depth++;
    omn_status st = array ? read_array(r, out) : read_object(r, out);
    r->depth--;
    return st;
}

/* What strtod takes for the point in this locale. */
static void find_radix(char radix[8])
{
    char half[16];
    int length = snprintf(half, sizeof(half), "%.1f", 0.5);
    memcpy(radix, ".", 2);
    if (length <= 2 || (size_t)length - 2 >= 8) return;
    memcpy(radix, half + 1, (size_t)length - 2);
    radix[length - 2] = '\0';
}

/* A number as people write it: 1, -0.5, .5, +2e3. */
bool number_read(const char *s, size_t n, double *x)
{
    reader r = { .s = s, .n = n };
    char text[512];
    size_t k = 0, before, behind = 0;
    find_radix(r.radix);
    skip_space(&r);
    if (take(&r, '-')) text[k++] = '-';
    else take(&r, '+');
    const size_t from = r.at, radix = strlen(r.radix);
    before = digits(&r);
    if (n - from + radix + 8 >= sizeof(text)) return false;
    memcpy(text + k, s + from, before);
    k += before;
    if (take(&r, '.')) {
        memcpy(text + k, r.radix, radix);
        const size_t at = r.at;
        behind = digits(&r);
        memcpy(text + k + radix, s + at, behind);
        k += radix + behind;
    }
    if (before + behind == 0) return false;
    const size_t e = r.at;
    if (take(&r, 'e') || take(&r, 'E')) {
        if (!take(&r, '-')) take(&r, '+');
        if (digits(&r) == 0) return false;
        memcpy(text + k, s + e, r.at - e);
        k += r.at - e;
    }
    text[k] = '\0';
    skip_space(&r);
    *x = strtod(text, NULL);
    return r.at == n && isfinite(*x);
}

omn_status value_read_json(const kind_source *from, const omn_kind *wanted, const char *s, size_t n,
                           omn_value **out, omn_error *err)
{
    reader r = { .s = s, .n = n, .kinds = from, .err = err };
    size_t bad = 0;
    omn_value *v = NULL;
    if (n > OMN_TEXT_MOST)
        return omn_fail(err, OMN_ERR_DATA, "JSON of %zu bytes is longer than %zu", n,
                        OMN_TEXT_MOST);
    if (!omn_utf8_check(s, n, &bad)) return refuse(&r, bad, "not UTF-8");
    find_radix(r.radix);
    /* Columns of a wanted kind may have missing elements, said by "$kind" or not. */
    if (wanted != NULL && wanted->impl->json == NULL) r.general = 1;
    skip_space(&r);
    omn_status st = read_value(&r, &v);
    skip_space(&r);
    if (st == OMN_OK && r.at < n) st = refuse(&r, r.at, "something follows the value");
    if (st == OMN_OK && wanted != NULL) {
        st = omn_value_convert(NULL, v, wanted, out, err);
    } else if (st == OMN_OK) {
        *out = v;
        v = NULL;
    }
    omn_value_unref(v);
    return st;
}

omn_status omn_value_from_json(const char *s, size_t n, omn_value **out, omn_error *err)
{
    return value_read_json(NULL, NULL, s, n, out, err);
}
