/* SPDX-License-Identifier: Apache-2.0 */
/* Options: texts among which is chosen, with what each is worth where that is known. */
#include "inside.h"

#include <math.h>
#include <stdlib.h>

enum { TEXT, SCORE };

static void text(const omn_value *v, omn_buf *out)
{
    const omn_tensor *score = value_column_at(v, SCORE);
    for (size_t i = 0; i < omn_value_count(v); i++) {
        if (i > 0) omn_buf_puts(out, "\n");
        omn_buf_puts(out, ((const char *const *)v->columns[TEXT].data)[i]);
        if (score == NULL || isnan(column_number(score, i))) continue;
        omn_buf_puts(out, " (");
        print_rounded(column_number(score, i), out);
        omn_buf_puts(out, ")");
    }
}

/* A list of texts. */
static omn_status convert(const omn_value *plain, omn_value **out, omn_error *err)
{
    const size_t n = omn_list_count(plain);
    if (value_has_kind(plain, &kind_record)) return value_of_record(&kind_options, plain, out, err);
    const char **list = value_has_kind(plain, &kind_list) ? calloc(n + 1, sizeof(*list)) : NULL;
    if (list == NULL && value_has_kind(plain, &kind_list))
        return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu options", n);
    for (size_t i = 0; list != NULL && i < n; i++) {
        list[i] = omn_text_get(omn_list_at(plain, i), NULL);
        if (list[i] != NULL) continue;
        free(list);
        return omn_fail(err, OMN_ERR_TYPE, "option %zu is %s, a text is wanted", i + 1,
                        omn_value_kind_name(omn_list_at(plain, i)));
    }
    if (list == NULL)
        return omn_fail(err, OMN_ERR_TYPE, "%s given, options wanted: a list of texts",
                        omn_value_kind_name(plain));
    const omn_filled texts = omn_fill("text", OMN_STRING, omn_dim1((int64_t)n), list);
    const omn_status st = omn_value_make(&kind_options, &texts, 1, NULL, out, err);
    free(list);
    return st;
}

static omn_status word(omn_call *c, const char *s, omn_value **out, omn_error *err)
{
    omn_value *list = NULL;
    omn_status st = kind_list.impl->word(c, s, &list, err);
    if (st == OMN_OK) st = convert(list, out, err);
    omn_value_unref(list);
    return st;
}

static const omn_column columns[] = {
    { "text", OMN_STRING, "n", NULL, 0, 0, 0 },
    { "score", OMN_F64, "n", NULL, 0, 0, OMN_COLUMN_OPTIONAL | OMN_COLUMN_NAN },
};
static const omn_value_impl impl = {
    KIND_COLUMNS,
    .item = "n",
    .text = text,
    .form = "A,B,...",
    .example = "yes,no",
    .word = word,
    .convert = convert,
};
KIND_OF(options, "texts among which is chosen, and what each is worth", NULL);
