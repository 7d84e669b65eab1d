/* SPDX-License-Identifier: Apache-2.0 */
/* Values as JSON, in the stable form that omnio/value.h states. What is printed here is what
 * programs read: fields keep their order, numbers their exact value, texts become the shortest
 * valid escapes. Kinds without a form of their own have the general one, made from their columns;
 * it reads back equal. */
#include "inside.h"

#include <math.h>

#define MOST_NUMBERS 1024u /* of a column in digits; more are shorter as bytes */

void json_string(const char *s, size_t n, omn_buf *out)
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

/* ---- columns -------------------------------------------------------------------------------- */

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

static void element(const omn_tensor *t, size_t i, omn_buf *out)
{
    if (t->type == OMN_STRING) {
        const char *s = ((const char *const *)t->data)[i];
        if (s != NULL)
            json_string(s, strlen(s), out);
        else
            omn_buf_puts(out, "null");
    } else if (t->type == OMN_ANY_VALUE) {
        json_general(((omn_value *const *)t->data)[i], out);
    } else {
        number_shortest(column_number(t, i), t->type == OMN_F32 ? 9 : 17, out);
    }
}

static void nested(const omn_tensor *t, uint32_t axis, size_t *at, omn_buf *out)
{
    if (axis == t->shape.rank) {
        element(t, (*at)++, out);
        return;
    }
    omn_buf_put(out, "[", 1);
    for (int64_t i = 0; i < t->shape.dim[axis] && !out->failed; i++) {
        json_comma((size_t)i, out);
        nested(t, axis + 1, at, out);
    }
    omn_buf_put(out, "]", 1);
}

static void bytes(const omn_tensor *t, omn_buf *out)
{
    omn_buf_printf(out, "{\"type\":\"%s\",\"shape\":[", omn_column_type(t->type));
    for (uint32_t i = 0; i < t->shape.rank; i++)
        omn_buf_printf(out, "%s%lld", i > 0 ? "," : "", (long long)t->shape.dim[i]);
    omn_buf_puts(out, "],\"base64\":\"");
    base64_put(t->data, column_count(t) > 0 ? t->bytes : 0, out);
    omn_buf_puts(out, "\"}");
}

static void column_json(const omn_column *c, const omn_tensor *t, omn_buf *out)
{
    const size_t n = column_count(t);
    size_t at = 0;
    const bool numbers = t->type != OMN_STRING && t->type != OMN_ANY_VALUE;
    if (numbers && (n > MOST_NUMBERS || c->type == OMN_TYPE_NONE || c->axes == NULL ||
                    needs_bytes(t, n) || hides_axes(t)))
        bytes(t, out);
    else
        nested(t, 0, &at, out);
}

/* ---- values --------------------------------------------------------------------------------- */

static void frame_json(const omn_frame *f, omn_buf *out)
{
    omn_buf_puts(out, ",\"$frame\":{\"map\":");
    json_numbers(f->m, 6, out);
    omn_buf_printf(out, ",\"width\":%u,\"height\":%u,\"source\":\"%016llx\"}", f->width, f->height,
                   (unsigned long long)f->source);
}

static void object(const omn_value *v, omn_buf *out)
{
    const omn_frame *f = value_frame(v);
    omn_buf_printf(out, "{\"$kind\":\"%s\"", v->kind->name);
    if (f != NULL) frame_json(f, out);
    for (uint32_t i = 0; i < v->kind->n_columns; i++) {
        if (v->columns[i].type == OMN_TYPE_NONE) continue;
        omn_buf_printf(out, ",\"%s\":", v->kind->columns[i].name);
        column_json(&v->kind->columns[i], &v->columns[i], out);
    }
    omn_buf_put(out, "}", 1);
}

/* Texts and finite numbers are themselves in it; all else says what it is. */
void json_general(const omn_value *v, omn_buf *out)
{
    const bool plain = value_has_kind(v, &kind_text) ||
                       (value_has_kind(v, &kind_number) && isfinite(omn_number_get(v)));
    if (v == NULL)
        omn_buf_puts(out, "null");
    else if (plain)
        v->kind->impl->json(v, out);
    else
        object(v, out);
}

void omn_value_json_whole(const omn_value *v, omn_buf *out)
{
    json_general(v, out);
}

void omn_value_json(const omn_value *v, omn_buf *out)
{
    if (v != NULL && v->kind->impl->json != NULL)
        v->kind->impl->json(v, out);
    else
        json_general(v, out);
}
