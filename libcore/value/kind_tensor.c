/* SPDX-License-Identifier: Apache-2.0 */
/* Tensor: numbers of any type and shape, of which nothing more is known. */
#include "inside.h"

static void print(const omn_value *v, unsigned depth, omn_buf *out)
{
    const omn_tensor *t = &v->columns[0];
    char shape[160];
    (void)depth;
    omn_buf_printf(out, "%s %s %s", v->kind->name, omn_column_type(t->type),
                   omn_shape_text(&t->shape, shape, sizeof(shape)));
}

static void json(const omn_value *v, omn_buf *out)
{
    const omn_tensor *t = &v->columns[0];
    omn_buf_printf(out, "{\"type\":\"%s\",\"shape\":[", omn_column_type(t->type));
    for (uint32_t i = 0; i < t->shape.rank; i++)
        omn_buf_printf(out, "%s%lld", i > 0 ? "," : "", (long long)t->shape.dim[i]);
    omn_buf_puts(out, "]}");
}

static const omn_column columns[] = {
    { "data", OMN_TYPE_NONE, NULL, NULL, 0, 0, OMN_COLUMN_FREE },
};
static const omn_value_impl impl = {
    KIND_COLUMNS,
    .json = json,
};
static const view_rules view = { .print = print };
KIND_OF(tensor, "numbers of any type and shape", &view);

omn_status omn_tensor_value_new(const omn_tensor *t, omn_value **out, omn_error *err)
{
    draft d;
    omn_tensor whole;
    if (omn_type_get(t->type) == NULL)
        return omn_fail(err, OMN_ERR_TYPE, "a tensor of unknown type %d", (int)t->type);
    if (t->shape.rank > OMN_MAX_RANK || !column_tensor(t->type, &t->shape, t->data, &whole))
        return omn_fail(err, OMN_ERR_SHAPE, "a tensor's shape makes no sense or is too large");
    if (t->bytes != whole.bytes)
        return omn_fail(err, OMN_ERR_SHAPE, "a tensor of %zu bytes has a shape that needs %zu",
                        t->bytes, whole.bytes);
    draft_init(&d, &kind_tensor);
    d.col[0] = whole;
    return value_build(&d, out, err);
}

const omn_tensor *omn_value_tensor(const omn_value *v)
{
    const bool is = value_has_kind(v, &kind_tensor) || value_has_kind(v, &kind_embeddings);
    return is ? &v->columns[0] : NULL;
}
