/* SPDX-License-Identifier: Apache-2.0 */
/* Element types and shapes: what they are called, how large they are, how many elements they
 * make. */
#include <omnio/tensor.h>

#include <stdio.h>
#include <string.h>

static const omn_type_info types[] = {
    [OMN_F32] = { "f32", "F32", 4, true, 32, true, 0, 0 },
    [OMN_F16] = { "f16", "F16", 2, true, 16, true, 0, 0 },
    [OMN_BF16] = { "bf16", "BF16", 2, true, 16, true, 0, 0 },
    [OMN_I64] = { "i64", "I64", 8, false, 64, true, 0, 0 },
    [OMN_I32] = { "i32", "I32", 4, false, 32, true, 0, 0 },
    [OMN_I8] = { "i8", "I8", 1, false, 8, true, 0, 0 },
    [OMN_U8] = { "u8", "U8", 1, false, 8, true, 0, 0 },
    [OMN_BOOL] = { "bool", "BOOL", 1, false, 8, true, 0, 0 },
    [OMN_F64] = { "f64", "F64", 8, true, 64, false, 0, 0 },
    [OMN_I16] = { "i16", "I16", 2, false, 16, false, 0, 0 },
    [OMN_U16] = { "u16", "U16", 2, false, 16, false, 0, 0 },
    [OMN_U32] = { "u32", "U32", 4, false, 32, false, 0, 0 },
    [OMN_U64] = { "u64", "U64", 8, false, 64, false, 0, 0 },
    [OMN_F8_E4M3] = { "f8_e4m3", "F8_E4M3", 1, true, 8, false, 0, 0 },
    [OMN_F8_E5M2] = { "f8_e5m2", "F8_E5M2", 1, true, 8, false, 0, 0 },
    [OMN_F8_E8M0] = { "f8_e8m0", "F8_E8M0", 1, true, 8, false, 0, 0 },
    [OMN_C64] = { "c64", "C64", 8, false, 64, false, 0, 0 },
    [OMN_F6_E2M3] = { "f6_e2m3", "F6_E2M3", 0, true, 6, false, 0, 0 },
    [OMN_F6_E3M2] = { "f6_e3m2", "F6_E3M2", 0, true, 6, false, 0, 0 },
    [OMN_F4] = { "f4", "F4", 0, true, 4, false, 0, 0 },
    /* in safetensors, whose types have no blocks, they are bytes (blocks.h) */
    [OMN_Q8_0] = { "q8_0", "U8", 0, true, 8, true, 34, 32 },
    [OMN_Q4_0] = { "q4_0", "U8", 0, true, 4, true, 18, 32 },
    [OMN_Q4_K] = { "q4_K", "U8", 0, true, 4, true, 144, 256 },
    [OMN_Q6_K] = { "q6_K", "U8", 0, true, 6, true, 210, 256 },
};

enum { N_TYPES = sizeof types / sizeof *types };

const omn_type_info *omn_type_get(omn_type t)
{
    return (unsigned)t < N_TYPES && types[t].name ? &types[t] : NULL;
}

omn_type omn_type_parse(const char *name)
{
    for (int t = OMN_F32; t < N_TYPES; t++)
        if (types[t].name &&
            (strcmp(name, types[t].name) == 0 || strcmp(name, types[t].safetensors) == 0))
            return (omn_type)t;
    return OMN_TYPE_NONE;
}

bool omn_shape_equal(const omn_shape *a, const omn_shape *b)
{
    if (a->rank != b->rank || a->rank > OMN_MAX_RANK) return false;
    for (uint32_t i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i]) return false;
    return true;
}

bool omn_shape_count(const omn_shape *s, size_t *count)
{
    size_t n = 1;
    bool empty = false;
    if (s->rank > OMN_MAX_RANK) return false;
    for (uint32_t i = 0; i < s->rank; i++) {
        if (s->dim[i] < 0 || (uint64_t)s->dim[i] > SIZE_MAX) return false;
        if (s->dim[i] == 0) empty = true;
    }
    /* An axis of no elements makes the product 0, however large the others are. */
    for (uint32_t i = 0; i < s->rank && !empty; i++)
        if (!omn_size_mul(n, (size_t)s->dim[i], &n)) return false;
    *count = empty ? 0 : n;
    return true;
}

bool omn_shape_bytes(const omn_shape *s, omn_type t, size_t *bytes)
{
    const omn_type_info *type = omn_type_get(t);
    size_t count, rest;
    if (!type || !omn_shape_count(s, &count)) return false;
    if (type->bytes > 0) return omn_size_mul(count, type->bytes, bytes);
    if (type->block > 0)
        return s->rank > 0 && s->dim[s->rank - 1] % type->block == 0 &&
               omn_size_mul(count / type->block, type->block_bytes, bytes);
    /* Eight elements fill type->bits bytes. */
    rest = count % 8 * type->bits;
    if (rest % 8 != 0 || !omn_size_mul(count / 8, type->bits, bytes)) return false;
    return omn_size_add(*bytes, rest / 8, bytes);
}

const char *omn_shape_text(const omn_shape *s, char *buf, size_t room)
{
    char all[OMN_MAX_RANK * 24 + 3];
    size_t at = 0;
    all[at++] = '[';
    for (uint32_t i = 0; i < s->rank && i < OMN_MAX_RANK; i++) {
        int n = snprintf(all + at, sizeof all - at, "%s%lld", i > 0 ? ", " : "",
                         (long long)s->dim[i]);
        if (n > 0) at += (size_t)n;
    }
    all[at++] = ']';
    all[at] = '\0';
    if (room > 0) (void)snprintf(buf, room, "%s", all);
    return buf;
}
