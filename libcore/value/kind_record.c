/* SPDX-License-Identifier: Apache-2.0 */
/* Records: values with names, which differ. */
#include "inside.h"

#include <stdlib.h>

enum { NAMES, VALUES };

/* "name: value", the value below its name when it is itself composed. */
static void print(const omn_value *v, unsigned depth, omn_buf *out)
{
    for (size_t i = 0; i < omn_record_count(v); i++) {
        const char *name = NULL;
        const omn_value *item = omn_record_at(v, i, &name);
        const view_rules *rules = item->kind->view;
        const bool own = rules != NULL && rules->print != NULL;
        const bool below =
            item->depth > 1 || (own ? rules->rows : omn_kind_items(item->kind) != NULL);
        if (i > 0) {
            omn_buf_put(out, "\n", 1);
            print_indent(depth, out);
        }
        omn_buf_puts(out, name);
        omn_buf_puts(out, ":");
        if (below) {
            omn_buf_put(out, "\n", 1);
            print_indent(depth + 1, out);
        } else {
            omn_buf_put(out, " ", 1);
        }
        print_value(item, depth + 1, out);
    }
}

static void json(const omn_value *v, omn_buf *out)
{
    omn_buf_put(out, "{", 1);
    for (size_t i = 0; i < omn_record_count(v); i++) {
        const char *name = "";
        const omn_value *field = omn_record_at(v, i, &name);
        json_comma(i, out);
        value_json_string(name, strlen(name), out);
        omn_buf_put(out, ":", 1);
        omn_value_json(field, out);
    }
    omn_buf_put(out, "}", 1);
}

static omn_status names_check(const char *const *names, size_t stride, size_t n, omn_error *err)
{
    size_t bad;
    if (n > OMN_RECORD_MOST)
        return omn_fail(err, OMN_ERR_DATA, "a record of %zu fields has more than %u", n,
                        OMN_RECORD_MOST);
    for (size_t i = 0; i < n; i++) {
        const char *name = *(const char *const *)((const char *)names + i * stride);
        if (name == NULL) return omn_fail(err, OMN_ERR_ARGUMENT, "record field %zu has no name", i);
        if (!omn_utf8_check(name, strlen(name), &bad))
            return omn_fail(err, OMN_ERR_DATA,
                            "record field %zu: the name is not UTF-8 at byte %zu", i, bad);
        for (size_t k = 0; k < i; k++)
            if (strcmp(name, *(const char *const *)((const char *)names + k * stride)) == 0)
                return omn_fail(err, OMN_ERR_ARGUMENT, "record field \"%s\" is there twice", name);
    }
    return OMN_OK;
}

static omn_status check(const omn_value *v, omn_error *err)
{
    return names_check(v->columns[NAMES].data, sizeof(char *), omn_record_count(v), err);
}

static omn_status convert(const omn_value *plain, omn_value **out, omn_error *err)
{
    (void)out;
    return omn_fail(err, OMN_ERR_TYPE, "%s given, record wanted: {\"name\": value}",
                    omn_value_kind_name(plain));
}

static const omn_column columns[] = {
    { "names", OMN_STRING, "n", NULL, 0, 0, 0 },
    { "values", OMN_ANY_VALUE, "n", NULL, 0, 0, 0 },
};
static const omn_value_impl impl = {
    KIND_COLUMNS,
    .check = check,
    .json = json,
    .convert = convert,
};
static const view_rules view = { .print = print, .rows = true };
KIND_OF(record, "values with names", &view);

omn_status omn_record_new(const omn_named *fields, size_t n, omn_value **out, omn_error *err)
{
    const omn_shape shape = omn_dim1((int64_t)n);
    draft d;
    const omn_status st = names_check(n > 0 ? &fields->name : NULL, sizeof(*fields), n, err);
    if (st != OMN_OK) return st;
    draft_init(&d, &kind_record);
    column_tensor(OMN_STRING, &shape, n > 0 ? &fields->name : NULL, &d.col[NAMES]);
    column_tensor(OMN_ANY_VALUE, &shape, n > 0 ? &fields->value : NULL, &d.col[VALUES]);
    d.stride[NAMES] = d.stride[VALUES] = sizeof(*fields);
    return value_build(&d, out, err);
}

size_t omn_record_count(const omn_value *v)
{
    return value_has_kind(v, &kind_record) ? (size_t)v->columns[NAMES].shape.dim[0] : 0;
}

const omn_value *omn_record_at(const omn_value *v, size_t i, const char **name)
{
    if (i >= omn_record_count(v)) return NULL;
    if (name != NULL) *name = ((const char *const *)v->columns[NAMES].data)[i];
    return ((omn_value *const *)v->columns[VALUES].data)[i];
}

const omn_value *omn_record_get(const omn_value *v, const char *name)
{
    size_t n = omn_record_count(v);
    for (size_t i = 0; i < n; i++)
        if (strcmp(((const char *const *)v->columns[NAMES].data)[i], name) == 0)
            return ((omn_value *const *)v->columns[VALUES].data)[i];
    return NULL;
}
