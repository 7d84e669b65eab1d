/* SPDX-License-Identifier: Apache-2.0 */
/* Lists and records: they refer to their items. Since a value is complete before another can refer
 * to it, there are no circles, and counting is enough. The depth is bounded here, once, so that
 * everything that walks a value may recurse. */
#include "inside.h"

#include <string.h>

static omn_status depth_of(const omn_value *item, size_t i, const char *what, uint32_t *depth,
                           omn_error *err)
{
    if (item == NULL) return omn_fail(err, OMN_ERR_ARGUMENT, "%s item %zu is missing", what, i);
    if (item->depth >= VALUE_MOST_DEPTH)
        return omn_fail(err, OMN_ERR_DATA, "%s item %zu nests deeper than %u levels", what, i,
                        VALUE_MOST_DEPTH - 1);
    if (item->depth + 1 > *depth) *depth = item->depth + 1;
    return OMN_OK;
}

omn_status omn_list_new(omn_value *const *items, size_t n, omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    uint32_t depth = 2;
    size_t bytes;
    if (!omn_size_mul(n, sizeof(*items), &bytes))
        return omn_fail(err, OMN_ERR_MEMORY, "a list of %zu items is too long", n);
    for (size_t i = 0; st == OMN_OK && i < n; i++) st = depth_of(items[i], i, "list", &depth, err);
    if (st != OMN_OK) return st;
    list_value *v = value_new(OMN_VALUE_LIST, sizeof(*v), bytes, err);
    if (v == NULL) return OMN_ERR_MEMORY;
    for (size_t i = 0; i < n; i++) v->items[i] = omn_value_ref(items[i]);
    v->n = n;
    v->base.depth = depth;
    *out = &v->base;
    return OMN_OK;
}

size_t omn_list_count(const omn_value *v)
{
    return v != NULL && v->kind == OMN_VALUE_LIST ? ((const list_value *)v)->n : 0;
}

const omn_value *omn_list_at(const omn_value *v, size_t i)
{
    return i < omn_list_count(v) ? ((const list_value *)v)->items[i] : NULL;
}

omn_status omn_record_new(const omn_named *fields, size_t n, omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    uint32_t depth = 2;
    size_t names = 0, bytes, bad;
    if (n > OMN_RECORD_MOST)
        return omn_fail(err, OMN_ERR_DATA, "a record of %zu fields has more than %u", n,
                        OMN_RECORD_MOST);
    for (size_t i = 0; i < n; i++) {
        const char *name = fields[i].name;
        if (name == NULL) return omn_fail(err, OMN_ERR_ARGUMENT, "record field %zu has no name", i);
        size_t length = strlen(name);
        if (!omn_utf8_check(name, length, &bad))
            return omn_fail(err, OMN_ERR_DATA,
                            "record field %zu: the name is not UTF-8 at byte %zu", i, bad);
        for (size_t k = 0; k < i; k++)
            if (strcmp(name, fields[k].name) == 0)
                return omn_fail(err, OMN_ERR_ARGUMENT, "record field \"%s\" is there twice", name);
        st = depth_of(fields[i].value, i, "record", &depth, err);
        if (st != OMN_OK) return st;
        if (!omn_size_add(names, length + 1, &names))
            return omn_fail(err, OMN_ERR_MEMORY, "the names of a record are too long");
    }
    if (!omn_size_mul(n, sizeof(*fields), &bytes) || !omn_size_add(bytes, names, &bytes))
        return omn_fail(err, OMN_ERR_MEMORY, "a record of %zu fields is too large", n);
    record_value *v = value_new(OMN_VALUE_RECORD, sizeof(*v), bytes, err);
    if (v == NULL) return OMN_ERR_MEMORY;
    char *at = (char *)&v->fields[n];
    for (size_t i = 0; i < n; i++) {
        size_t length = strlen(fields[i].name) + 1;
        memcpy(at, fields[i].name, length);
        v->fields[i].name = at;
        v->fields[i].value = omn_value_ref(fields[i].value);
        at += length;
    }
    v->n = n;
    v->base.depth = depth;
    *out = &v->base;
    return OMN_OK;
}

size_t omn_record_count(const omn_value *v)
{
    return v != NULL && v->kind == OMN_VALUE_RECORD ? ((const record_value *)v)->n : 0;
}

const omn_value *omn_record_at(const omn_value *v, size_t i, const char **name)
{
    if (i >= omn_record_count(v)) return NULL;
    const omn_named *f = &((const record_value *)v)->fields[i];
    if (name != NULL) *name = f->name;
    return f->value;
}

const omn_value *omn_record_get(const omn_value *v, const char *name)
{
    size_t n = omn_record_count(v);
    for (size_t i = 0; i < n; i++) {
        const omn_named *f = &((const record_value *)v)->fields[i];
        if (strcmp(f->name, name) == 0) return f->value;
    }
    return NULL;
}
