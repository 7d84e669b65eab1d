/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens: ids of a vocabulary that is named. */
#include "inside.h"

enum { IDS, VOCABULARY };

static void print(const omn_value *v, unsigned depth, omn_buf *out)
{
    const int32_t *ids;
    const size_t n = omn_tokens_get(v, &ids, NULL);
    (void)depth;
    for (size_t i = 0; i < n; i++) omn_buf_printf(out, "%s%ld", i > 0 ? " " : "", (long)ids[i]);
}

static void json(const omn_value *v, omn_buf *out)
{
    const int32_t *ids;
    const char *vocabulary;
    size_t n = omn_tokens_get(v, &ids, &vocabulary);
    omn_buf_puts(out, "{\"tokens\":[");
    for (size_t i = 0; i < n; i++) omn_buf_printf(out, "%s%ld", i > 0 ? "," : "", (long)ids[i]);
    omn_buf_puts(out, "],\"vocabulary\":");
    value_json_string(vocabulary, strlen(vocabulary), out);
    omn_buf_put(out, "}", 1);
}

static omn_status convert(const omn_value *plain, omn_value **out, omn_error *err)
{
    if (value_has_kind(plain, &kind_record)) return value_of_record(&kind_tokens, plain, out, err);
    return omn_fail(err, OMN_ERR_TYPE,
                    "%s given, tokens wanted: {\"tokens\":[1,2],\"vocabulary\":\"nano\"}",
                    omn_value_kind_name(plain));
}

static const omn_column columns[] = {
    { "tokens", OMN_I32, "n", NULL, 0, 0, 0 },
    { "vocabulary", OMN_STRING, "", NULL, 0, 0, 0 },
};
static const omn_value_impl impl = {
    KIND_COLUMNS,
    .item = "n",
    .json = json,
    .convert = convert,
};
static const view_rules view = { .print = print };
KIND_OF(tokens, "ids of a vocabulary", &view);

omn_status omn_tokens_new(const int32_t *ids, size_t n, const char *vocabulary, omn_value **out,
                          omn_error *err)
{
    const char *name = vocabulary != NULL ? vocabulary : "";
    const size_t name_bytes = strlen(name) + 1;
    const omn_shape shape = omn_dim1((int64_t)n);
    draft d;
    if (name_bytes > 4096 || !omn_utf8_check(name, name_bytes - 1, NULL))
        return omn_fail(err, OMN_ERR_DATA, "a vocabulary's name is UTF-8 of at most 4095 bytes");
    draft_init(&d, &kind_tokens);
    if (n > INT64_MAX || !column_tensor(OMN_I32, &shape, ids, &d.col[IDS]) ||
        d.col[IDS].bytes > OMN_VALUE_MOST_BYTES)
        return omn_fail(err, OMN_ERR_MEMORY, "%zu tokens are too many", n);
    d.col[VOCABULARY] = (omn_tensor){ OMN_STRING, omn_dim0(), &name, sizeof(name) };
    return value_build(&d, out, err);
}

size_t omn_tokens_get(const omn_value *v, const int32_t **ids, const char **vocabulary)
{
    const bool is = value_has_kind(v, &kind_tokens);
    if (ids != NULL) *ids = is ? v->columns[IDS].data : NULL;
    if (vocabulary != NULL)
        *vocabulary = is ? *(const char *const *)v->columns[VOCABULARY].data : NULL;
    return is ? omn_value_count(v) : 0;
}
