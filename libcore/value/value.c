/* SPDX-License-Identifier: Apache-2.0 */
/* Counting of values, and the two plainest kinds: text and number. A value is one block from
 * calloc; taking a reference costs one atomic addition, giving back the last one frees the block
 * and, for lists and records, gives back what they refer to. */
#include "inside.h"

#include <stdlib.h>
#include <string.h>

void *value_new(omn_value_kind kind, size_t fixed, size_t extra, omn_error *err)
{
    size_t bytes;
    if (!omn_size_add(fixed, extra, &bytes) || bytes > OMN_VALUE_MOST_BYTES + 4096) {
        omn_fail(err, OMN_ERR_MEMORY, "a value of kind %s may not hold more than %zu bytes",
                 omn_value_kind_name(kind), OMN_VALUE_MOST_BYTES);
        return NULL;
    }
    omn_value *v = calloc(1, bytes);
    if (v == NULL) {
        omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu bytes of kind %s", bytes,
                 omn_value_kind_name(kind));
        return NULL;
    }
    atomic_init(&v->count, 1);
    v->kind = kind;
    v->depth = 1;
    return v;
}

omn_value_kind omn_value_get_kind(const omn_value *v)
{
    return v->kind;
}

const char *omn_value_kind_name(omn_value_kind k)
{
    static const char *const names[] = { "nothing", "text",   "image",      "regions",
                                         "points",  "tokens", "embeddings", "tensor",
                                         "list",    "record", "number" };
    return (unsigned)k < sizeof(names) / sizeof(names[0]) ? names[k] : "unknown";
}

omn_value *omn_value_ref(const omn_value *v)
{
    omn_value *own = (omn_value *)v;
    if (own != NULL) atomic_fetch_add_explicit(&own->count, 1, memory_order_relaxed);
    return own;
}

void omn_value_unref(omn_value *v)
{
    if (v == NULL || atomic_fetch_sub_explicit(&v->count, 1, memory_order_acq_rel) != 1) return;
    if (v->kind == OMN_VALUE_LIST) {
        list_value *l = (list_value *)v;
        for (size_t i = 0; i < l->n; i++) omn_value_unref(l->items[i]);
    } else if (v->kind == OMN_VALUE_RECORD) {
        record_value *r = (record_value *)v;
        for (size_t i = 0; i < r->n; i++) omn_value_unref(r->fields[i].value);
    }
    free(v);
}

omn_status omn_text_new(const char *s, size_t n, omn_value **out, omn_error *err)
{
    size_t bad = 0;
    if (n > OMN_TEXT_MOST)
        return omn_fail(err, OMN_ERR_DATA, "a text of %zu bytes is longer than %zu", n,
                        OMN_TEXT_MOST);
    if (!omn_utf8_check(s, n, &bad))
        return omn_fail(err, OMN_ERR_DATA, "the text is not UTF-8 at byte %zu (0x%02x)", bad,
                        (unsigned char)s[bad]);
    text_value *t = value_new(OMN_VALUE_TEXT, sizeof(*t), n + 1, err);
    if (t == NULL) return OMN_ERR_MEMORY;
    if (n > 0) memcpy(t->s, s, n);
    t->length = n;
    *out = &t->base;
    return OMN_OK;
}

const char *omn_text_get(const omn_value *v, size_t *n)
{
    if (v == NULL || v->kind != OMN_VALUE_TEXT) {
        if (n != NULL) *n = 0;
        return NULL;
    }
    const text_value *t = (const text_value *)v;
    if (n != NULL) *n = t->length;
    return t->s;
}

omn_status omn_number_new(double x, omn_value **out, omn_error *err)
{
    number_value *v = value_new(OMN_VALUE_NUMBER, sizeof(*v), 0, err);
    if (v == NULL) return OMN_ERR_MEMORY;
    v->x = x;
    *out = &v->base;
    return OMN_OK;
}

double omn_number_get(const omn_value *v)
{
    return v != NULL && v->kind == OMN_VALUE_NUMBER ? ((const number_value *)v)->x : 0.0;
}
