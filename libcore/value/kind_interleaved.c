/* SPDX-License-Identifier: Apache-2.0 */
/* Interleaved: texts and media in the order in which they are read. */
#include "inside.h"

static omn_status check(const omn_value *v, omn_error *err)
{
    omn_value *const *items = v->columns[0].data;
    for (size_t i = 0; i < omn_value_count(v); i++)
        if (items[i]->depth > 1 && !value_has_kind(items[i], &kind_video))
            return omn_fail(err, OMN_ERR_TYPE, "item %zu is %s; texts and media are interleaved",
                            i, items[i]->kind->name);
    return OMN_OK;
}

static void text(const omn_value *v, omn_buf *out)
{
    omn_value *const *items = v->columns[0].data;
    for (size_t i = 0; i < omn_value_count(v); i++) {
        const bool words = value_has_kind(items[i], &kind_text);
        if (i > 0) omn_buf_puts(out, " ");
        if (!words) omn_buf_puts(out, "[");
        print_value(items[i], 0, out);
        if (!words) omn_buf_puts(out, "]");
    }
}

static omn_status convert(const omn_value *plain, omn_value **out, omn_error *err)
{
    const size_t n = omn_list_count(plain);
    if (value_has_kind(plain, &kind_record))
        return value_of_record(&kind_interleaved, plain, out, err);
    const bool list = value_has_kind(plain, &kind_list);
    const void *items = list ? plain->columns[0].data : (const void *)&plain;
    const omn_filled filled =
        omn_fill("items", OMN_ANY_VALUE, omn_dim1(list ? (int64_t)n : 1), items);
    return omn_value_make(&kind_interleaved, &filled, 1, NULL, out, err);
}

static const omn_column columns[] = { { "items", OMN_ANY_VALUE, "n", NULL, 0, 0, 0 } };
static const omn_value_impl impl = {
    KIND_COLUMNS,
    .item = "n",
    .check = check,
    .text = text,
    .convert = convert,
};
KIND_OF(interleaved, "texts and media in order", NULL);
