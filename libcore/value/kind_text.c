/* SPDX-License-Identifier: Apache-2.0 */
/* Text: UTF-8, checked once, so that nobody behind has to. Its length is kept. */
#include "inside.h"

static size_t view_bytes(const omn_tensor *columns)
{
    (void)columns;
    return sizeof(size_t);
}

static void view_fill(omn_value *v, void *view)
{
    *(size_t *)view = strlen(*(const char *const *)v->columns[0].data);
}

static void print(const omn_value *v, unsigned depth, omn_buf *out)
{
    (void)depth;
    omn_buf_puts(out, omn_text_get(v, NULL));
}

static void json(const omn_value *v, omn_buf *out)
{
    size_t n;
    const char *s = omn_text_get(v, &n);
    value_json_string(s, n, out);
}

static omn_status word(omn_call *c, const char *s, omn_value **out, omn_error *err)
{
    (void)c;
    return omn_text_new(s, strlen(s), out, err);
}

static const omn_column columns[] = { { "text", OMN_STRING, "", NULL, 0, 0, 0 } };
static const omn_value_impl impl = {
    KIND_COLUMNS,
    .form = "TEXT",
    .example = "\"some words\"",
    .word = word,
    .json = json,
};
static const view_rules view = { .bytes = view_bytes, .fill = view_fill, .print = print };
KIND_OF(text, "words: UTF-8, at most 16 MiB", &view);

omn_status omn_text_new(const char *s, size_t n, omn_value **out, omn_error *err)
{
    size_t bad = 0;
    draft d;
    if (n > OMN_TEXT_MOST)
        return omn_fail(err, OMN_ERR_DATA, "a text of %zu bytes is longer than %zu", n,
                        OMN_TEXT_MOST);
    if (!omn_utf8_check(s, n, &bad))
        return omn_fail(err, OMN_ERR_DATA, "the text is not UTF-8 at byte %zu (0x%02x)", bad,
                        (unsigned char)s[bad]);
    draft_init(&d, &kind_text);
    d.col[0] = (omn_tensor){ OMN_STRING, omn_dim0(), NULL, sizeof(char *) };
    d.text = n > 0 ? s : "";
    d.text_length = n;
    return value_build(&d, out, err);
}

const char *omn_text_get(const omn_value *v, size_t *n)
{
    const bool is = value_has_kind(v, &kind_text);
    if (n != NULL) *n = is ? *(const size_t *)value_view(v) : 0;
    return is ? *(const char *const *)v->columns[0].data : NULL;
}
