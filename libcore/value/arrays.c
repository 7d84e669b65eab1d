/* SPDX-License-Identifier: Apache-2.0 */
/* Values that are arrays of numbers: token ids, embeddings and tensors. The numbers are copied
 * behind the header, aligned to 64 bytes where kernels may read them. */
#include "inside.h"

#include <string.h>

omn_status omn_tokens_new(const int32_t *ids, size_t n, const char *vocabulary, omn_value **out,
                          omn_error *err)
{
    const char *name = vocabulary != NULL ? vocabulary : "";
    size_t name_bytes = strlen(name) + 1, bytes;
    if (name_bytes > 4096 || !omn_utf8_check(name, name_bytes - 1, NULL))
        return omn_fail(err, OMN_ERR_DATA, "a vocabulary's name is UTF-8 of at most 4095 bytes");
    if (!omn_size_mul(n, sizeof(*ids), &bytes) || bytes > OMN_VALUE_MOST_BYTES)
        return omn_fail(err, OMN_ERR_MEMORY, "%zu tokens are too many", n);
    tokens_value *v = value_new(OMN_VALUE_TOKENS, sizeof(*v), bytes + name_bytes, err);
    if (v == NULL) return OMN_ERR_MEMORY;
    if (n > 0) memcpy(v->ids, ids, bytes);
    char *own = (char *)&v->ids[n];
    memcpy(own, name, name_bytes);
    v->vocabulary = own;
    v->n = n;
    *out = &v->base;
    return OMN_OK;
}

size_t omn_tokens_get(const omn_value *v, const int32_t **ids, const char **vocabulary)
{
    const tokens_value *t =
        v != NULL && v->kind == OMN_VALUE_TOKENS ? (const tokens_value *)v : NULL;
    if (ids != NULL) *ids = t != NULL ? t->ids : NULL;
    if (vocabulary != NULL) *vocabulary = t != NULL ? t->vocabulary : NULL;
    return t != NULL ? t->n : 0;
}

static omn_status tensor_copy(omn_value_kind kind, const omn_tensor *t, omn_value **out,
                              omn_error *err)
{
    const omn_type_info *type = omn_type_get(t->type);
    size_t count, bytes;
    if (type == NULL)
        return omn_fail(err, OMN_ERR_TYPE, "a tensor of unknown type %d", (int)t->type);
    if (t->shape.rank > OMN_MAX_RANK || !omn_shape_count(&t->shape, &count) ||
        !omn_size_mul(count, type->bytes, &bytes))
        return omn_fail(err, OMN_ERR_SHAPE, "a tensor's shape makes no sense or is too large");
    if (t->bytes != bytes)
        return omn_fail(err, OMN_ERR_SHAPE, "a tensor of %zu bytes has a shape that needs %zu",
                        t->bytes, bytes);
    tensor_value *v = value_new(kind, sizeof(*v) + 64, bytes, err);
    if (v == NULL) return OMN_ERR_MEMORY;
    uintptr_t at = ((uintptr_t)(v + 1) + 63) & ~(uintptr_t)63;
    char *own = (char *)v + (at - (uintptr_t)v);
    if (bytes > 0) memcpy(own, t->data, bytes);
    v->t = *t;
    v->t.data = own;
    *out = &v->base;
    return OMN_OK;
}

omn_status omn_embeddings_new(const float *x, size_t rows, size_t width, omn_value **out,
                              omn_error *err)
{
    size_t n;
    if (rows > INT32_MAX || width > INT32_MAX || !omn_size_mul(rows, width, &n) ||
        !omn_size_mul(n, sizeof(*x), &n))
        return omn_fail(err, OMN_ERR_SHAPE, "embeddings [%zu, %zu] are too large", rows, width);
    omn_tensor t = { OMN_F32, omn_dim2((int64_t)rows, (int64_t)width), x, n };
    return tensor_copy(OMN_VALUE_EMBEDDINGS, &t, out, err);
}

omn_status omn_tensor_value_new(const omn_tensor *t, omn_value **out, omn_error *err)
{
    return tensor_copy(OMN_VALUE_TENSOR, t, out, err);
}

const omn_tensor *omn_value_tensor(const omn_value *v)
{
    if (v == NULL || (v->kind != OMN_VALUE_TENSOR && v->kind != OMN_VALUE_EMBEDDINGS)) return NULL;
    return &((const tensor_value *)v)->t;
}
