/* SPDX-License-Identifier: Apache-2.0 */
/* Lists refer to their items. Since a value is complete before another can refer to it, there are
 * no circles, and counting is enough. */
#include "inside.h"

#include <stdlib.h>

static void print(const omn_value *v, unsigned depth, omn_buf *out)
{
    for (size_t i = 0; i < omn_list_count(v); i++) {
        if (i > 0) {
            omn_buf_put(out, "\n", 1);
            print_indent(depth, out);
        }
        print_value(omn_list_at(v, i), depth, out);
    }
}

static void json(const omn_value *v, omn_buf *out)
{
    omn_buf_put(out, "[", 1);
    for (size_t i = 0; i < omn_list_count(v); i++) {
        json_comma(i, out);
        omn_value_json(omn_list_at(v, i), out);
    }
    omn_buf_put(out, "]", 1);
}

/* "a, b, c": the texts between the commas. */
static omn_status word(omn_call *c, const char *text, omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_value *items[4096] = { 0 };
    size_t n = 0;
    (void)c;
    for (const char *p = text; n < sizeof(items) / sizeof(items[0]);) {
        size_t len = strcspn(p, ",");
        const char *next = p + len;
        while (len && *p == ' ') {
            p++;
            len--;
        }
        while (len && p[len - 1] == ' ') len--;
        OMN_TRY(omn_text_new(p, len, &items[n], err));
        n++;
        if (!*next) break;
        p = next + 1;
    }
    OMN_TRY(omn_list_new(items, n, out, err));
done:
    for (size_t i = 0; i < n; i++) omn_value_unref(items[i]);
    return st;
}

static const omn_column columns[] = { { "items", OMN_ANY_VALUE, "n", NULL, 0, 0, 0 } };
static const omn_value_impl impl = {
    KIND_COLUMNS,
    .item = "n",
    .form = "A,B,...",
    .example = "red,green,blue",
    .word = word,
    .json = json,
};
static const view_rules view = { .print = print, .rows = true };
KIND_OF(list, "values in order", &view);

omn_status omn_list_new(omn_value *const *items, size_t n, omn_value **out, omn_error *err)
{
    draft d;
    const omn_shape shape = omn_dim1((int64_t)n);
    draft_init(&d, &kind_list);
    if (n > INT64_MAX || !column_tensor(OMN_ANY_VALUE, &shape, items, &d.col[0]))
        return omn_fail(err, OMN_ERR_MEMORY, "a list of %zu items is too long", n);
    return value_build(&d, out, err);
}

size_t omn_list_count(const omn_value *v)
{
    return value_has_kind(v, &kind_list) ? (size_t)v->columns[0].shape.dim[0] : 0;
}

const omn_value *omn_list_at(const omn_value *v, size_t i)
{
    return i < omn_list_count(v) ? ((omn_value *const *)v->columns[0].data)[i] : NULL;
}

bool list_numbers(const omn_value *v, double *x, size_t n)
{
    if (omn_list_count(v) != n) return false;
    for (size_t i = 0; i < n; i++) {
        const omn_value *item = omn_list_at(v, i);
        if (!value_has_kind(item, &kind_number)) return false;
        x[i] = omn_number_get(item);
    }
    return true;
}
