/* SPDX-License-Identifier: Apache-2.0 */
/* One value as another: what was typed as a word, or written as plain JSON, where a kind is wanted
 * that says how it is meant. Nothing is guessed: a value that is of another kind already stays
 * so. */
#include "inside.h"

static bool plain(const omn_value *v)
{
    return value_has_kind(v, &kind_text) || value_has_kind(v, &kind_number) ||
           value_has_kind(v, &kind_list) || value_has_kind(v, &kind_record) ||
           value_has_kind(v, &kind_stream) || value_has_kind(v, &kind_video);
}

omn_status omn_value_convert(omn_call *c, const omn_value *v, const omn_kind *to, omn_value **out,
                             omn_error *err)
{
    if (v == NULL || to == NULL || out == NULL)
        return omn_fail(err, OMN_ERR_ARGUMENT, "omn_value_convert: no value, kind or result");
    const omn_value_impl *impl = to->impl;
    *out = NULL;
    if (kind_same(v->kind, to)) {
        *out = omn_value_ref(v);
        return OMN_OK;
    }
    if (value_has_kind(v, &kind_text) && impl->word != NULL)
        return impl->word(c, omn_text_get(v, NULL), out, err);
    if (plain(v) && impl->convert != NULL) return impl->convert(v, out, err);
    if (value_has_kind(v, &kind_record) && kind_column(to, "values") < 0)
        return value_of_record(to, v, out, err);
    return omn_fail(err, OMN_ERR_TYPE, "%s given, %s wanted", v->kind->name, to->name);
}
