/* SPDX-License-Identifier: Apache-2.0 */
/* Values as JSON, in the stable form that omnio/value.h states. What is printed here is what
 * programs read: fields keep their order, numbers their exact value (those of pixels are rounded to
 * a hundredth), texts become the shortest valid escapes. Kinds without a form of their own have the
 * general one, made from their columns; it reads back equal. */
#include "inside.h"

#include <math.h>
#include <stdio.h>

#define MOST_NUMBERS 1024u /* of a column in digits; more are shorter as bytes */
#define FEW_NUMBERS  16u   /* where tensors stand apart */
#define LONG_TEXTS   65536u

void value_json_string(const char *s, size_t n, omn_buf *out)
{
    size_t from = 0;
    omn_buf_put(out, "\"", 1);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) continue;
        omn_buf_put(out, s + from, i - from);
        from = i + 1;
        if (c == '"')
            omn_buf_puts(out, "\\\"");
        else if (c == '\\')
            omn_buf_puts(out, "\\\\");
        else if (c == '\n')
            omn_buf_puts(out, "\\n");
        else if (c == '\r')
            omn_buf_puts(out, "\\r");
        else if (c == '\t')
            omn_buf_puts(out, "\\t");
        else
            omn_buf_printf(out, "\\u%04x", c);
    }
    omn_buf_put(out, s + from, n - from);
    omn_buf_put(out, "\"", 1);
}

void json_comma(size_t i, omn_buf *out)
{
    if (i > 0) omn_buf_put(out, ",", 1);
}

void json_numbers(const double *x, size_t n, omn_buf *out)
{
    omn_buf_put(out, "[", 1);
    for (size_t i = 0; i < n; i++) {
        json_comma(i, out);
        omn_number_print(x[i], out);
    }
    omn_buf_put(out, "]", 1);
}

void json_pixels(const double *x, size_t n, omn_buf *out)
{
    omn_buf_put(out, "[", 1);
    for (size_t i = 0; i < n; i++) {
        json_comma(i, out);
        print_rounded(x[i], out);
    }
    omn_buf_put(out, "]", 1);
}

/* ---- the general form ------------------------------------------------------------------------ */

/* Where it goes. take NULL: everything into the text. name: of the place that is written, for
 * tensors. */
typedef struct writer {
    omn_buf *out;
    omn_take_fn *take;
    void *user;
    omn_status st;
    omn_error *err;
    omn_buf name;
    const omn_value *whole;
    json_sources sources;
} writer;

static void general(writer *w, const omn_value *v);

/* Appends to the name of the place; returns what it was, for leaving. */
static size_t enter(writer *w, const char *part)
{
    const size_t before = w->name.length;
    if (w->take == NULL) return before;
    omn_buf_printf(&w->name, "%s%s", before > 0 ? "." : "", part);
    return before;
}

static void leave(writer *w, size_t before)
{
    if (w->take == NULL || w->name.failed) return;
    w->name.length = before;
    w->name.data[before] = '\0';
}

/* Digits would lose something: infinities, whole numbers that no double holds. */
static bool needs_bytes(const omn_tensor *t, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const double x = column_number(t, i);
        if (isinf(x) || (t->type == OMN_I64 && fabs(x) >= 9007199254740992.0)) return true;
    }
    return false;
}

/* Nested lists of `rank` axes would not tell the shape: an axis without elements hides the ones
 * behind it. */
static bool hides_axes(const omn_tensor *t)
{
    for (uint32_t i = 0; i + 1 < t->shape.rank; i++)
        if (t->shape.dim[i] == 0) return true;
    return false;
}

static void element(writer *w, const omn_tensor *t, size_t i)
{
    if (t->type == OMN_STRING) {
        const char *s = ((const char *const *)t->data)[i];
        if (s != NULL)
            value_json_string(s, strlen(s), w->out);
        else
            omn_buf_puts(w->out, "null");
    } else if (t->type == OMN_ANY_VALUE) {
        char number[24];
        snprintf(number, sizeof(number), "%zu", i);
        const size_t before = enter(w, number);
        general(w, ((omn_value *const *)t->data)[i]);
        leave(w, before);
    } else {
        number_shortest(column_number(t, i), t->type == OMN_F32 ? 9 : 17, w->out);
    }
}

static void nested(writer *w, const omn_tensor *t, uint32_t axis, size_t *at)
{
    if (axis == t->shape.rank) {
        element(w, t, (*at)++);
        return;
    }
    omn_buf_put(w->out, "[", 1);
    for (int64_t i = 0; i < t->shape.dim[axis] && !w->out->failed; i++) {
        json_comma((size_t)i, w->out);
        nested(w, t, axis + 1, at);
    }
    omn_buf_put(w->out, "]", 1);
}

static void shape_json(const omn_shape *shape, omn_buf *out)
{
    omn_buf_puts(out, "\"shape\":[");
    for (uint32_t i = 0; i < shape->rank; i++)
        omn_buf_printf(out, "%s%lld", i > 0 ? "," : "", (long long)shape->dim[i]);
    omn_buf_puts(out, "]");
}

static void bytes(const omn_tensor *t, omn_buf *out)
{
    omn_buf_printf(out, "{\"type\":\"%s\",", omn_column_type(t->type));
    shape_json(&t->shape, out);
    omn_buf_puts(out, ",\"base64\":\"");
    base64_put(t->data, column_count(t) > 0 ? t->bytes : 0, out);
    omn_buf_puts(out, "\"}");
}

/* Hands the tensor over under the name of the place. */
static void apart(writer *w, const omn_tensor *t)
{
    omn_buf_puts(w->out, "{\"tensor\":");
    value_json_string(w->name.data, w->name.length, w->out);
    if (w->st == OMN_OK && w->name.failed)
        w->st = omn_fail(w->err, OMN_ERR_MEMORY, "no memory for the name of a column");
    if (w->st == OMN_OK) w->st = w->take(w->user, w->name.data, t, w->err);
}

/* Texts as bytes: a 1 and the text up to its 0, or a 0 for one that is missing. */
static void texts_apart(writer *w, const omn_tensor *t)
{
    omn_buf all;
    omn_buf_init(&all, OMN_VALUE_MOST_BYTES);
    for (size_t i = 0; i < column_count(t); i++) {
        const char *s = ((const char *const *)t->data)[i];
        omn_buf_put(&all, s != NULL ? "\1" : "", 1);
        if (s != NULL) omn_buf_put(&all, s, strlen(s) + 1);
    }
    const omn_tensor coded = { OMN_U8, omn_dim1((int64_t)all.length), all.data, all.length };
    if (all.failed && w->st == OMN_OK)
        w->st = omn_fail(w->err, OMN_ERR_MEMORY, "no memory for the texts of a value");
    apart(w, &coded);
    omn_buf_puts(w->out, ",");
    shape_json(&t->shape, w->out);
    omn_buf_puts(w->out, "}");
    omn_buf_fini(&all);
}

static size_t texts_length(const omn_tensor *t)
{
    size_t sum = 0;
    for (size_t i = 0; i < column_count(t); i++) {
        const char *s = ((const char *const *)t->data)[i];
        sum += s != NULL ? strlen(s) + 3 : 5;
    }
    return sum;
}

static void column_json(writer *w, const omn_column *c, const omn_tensor *t)
{
    const size_t n = column_count(t), most = w->take != NULL ? FEW_NUMBERS : MOST_NUMBERS;
    size_t at = 0;
    const bool numbers = t->type != OMN_STRING && t->type != OMN_ANY_VALUE;
    const bool lossy = numbers && (n > most || c->type == OMN_TYPE_NONE || c->axes == NULL ||
                                   needs_bytes(t, n) || hides_axes(t));
    if (lossy && w->take != NULL) {
        apart(w, t);
        omn_buf_puts(w->out, "}");
    } else if (lossy) {
        bytes(t, w->out);
    } else if (t->type == OMN_STRING && w->take != NULL && texts_length(t) > LONG_TEXTS) {
        texts_apart(w, t);
    } else {
        nested(w, t, 0, &at);
    }
}

static void frame_json(writer *w, const omn_frame *f)
{
    const uint64_t source = json_source(&w->sources, w->whole, f->source);
    if (source == 0) w->out->failed = true;
    omn_buf_puts(w->out, ",\"$frame\":{\"map\":");
    json_numbers(f->m, 6, w->out);
    omn_buf_printf(w->out, ",\"width\":%u,\"height\":%u,\"source\":\"%016llx\"}", f->width,
                   f->height, (unsigned long long)source);
}

static void object(writer *w, const omn_value *v)
{
    const omn_frame *f = value_frame(v);
    omn_buf_printf(w->out, "{\"$kind\":\"%s\"", v->kind->name);
    if (f != NULL) frame_json(w, f);
    for (uint32_t i = 0; i < v->kind->n_columns; i++) {
        if (v->columns[i].type == OMN_TYPE_NONE) continue;
        omn_buf_printf(w->out, ",\"%s\":", v->kind->columns[i].name);
        const size_t before = enter(w, v->kind->columns[i].name);
        column_json(w, &v->kind->columns[i], &v->columns[i]);
        leave(w, before);
    }
    omn_buf_put(w->out, "}", 1);
}

/* Short texts and finite numbers are themselves in it; all else says what it is. */
static void general(writer *w, const omn_value *v)
{
    const bool number = value_has_kind(v, &kind_number) && isfinite(omn_number_get(v));
    const bool text = value_has_kind(v, &kind_text) &&
                      (w->take == NULL || texts_length(&v->columns[0]) <= LONG_TEXTS);
    if (v == NULL)
        omn_buf_puts(w->out, "null");
    else if (number || text)
        v->kind->impl->json(v, w->out);
    else
        object(w, v);
}

/* ---- values --------------------------------------------------------------------------------- */

void omn_value_json_whole(const omn_value *v, omn_buf *out)
{
    writer w = { .out = out, .whole = v };
    general(&w, v);
    json_sources_fini(&w.sources);
}

omn_status omn_value_split(const omn_value *v, omn_take_fn *take, void *user, omn_buf *json,
                           omn_error *err)
{
    writer w = { .out = json, .take = take, .user = user, .err = err, .whole = v };
    if (v == NULL || take == NULL || json == NULL)
        return omn_fail(err, OMN_ERR_ARGUMENT, "omn_value_split: no value, function or buffer");
    omn_buf_init(&w.name, 65536);
    general(&w, v);
    omn_buf_fini(&w.name);
    json_sources_fini(&w.sources);
    if (w.st != OMN_OK || !json->failed) return w.st;
    return omn_fail(err, OMN_ERR_MEMORY, "a value of kind %s does not fit its text", v->kind->name);
}

void omn_value_json(const omn_value *v, omn_buf *out)
{
    if (v != NULL && v->kind->impl->json != NULL)
        v->kind->impl->json(v, out);
    else
        omn_value_json_whole(v, out);
}
