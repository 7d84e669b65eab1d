/* SPDX-License-Identifier: Apache-2.0 */
/* Element types by ggml's numbers. Those that are not read here have their name in the refusal. */
#include "gguf.h"

static const struct {
    const char *name;
    omn_type type;
} types[] = {
    [0] = { "F32", OMN_F32 },
    [1] = { "F16", OMN_F16 },
    [2] = { "Q4_0", OMN_Q4_0 },
    [3] = { "Q4_1", OMN_TYPE_NONE },
    [6] = { "Q5_0", OMN_TYPE_NONE },
    [7] = { "Q5_1", OMN_TYPE_NONE },
    [8] = { "Q8_0", OMN_Q8_0 },
    [9] = { "Q8_1", OMN_TYPE_NONE },
    [10] = { "Q2_K", OMN_TYPE_NONE },
    [11] = { "Q3_K", OMN_TYPE_NONE },
    [12] = { "Q4_K", OMN_Q4_K },
    [13] = { "Q5_K", OMN_TYPE_NONE },
    [14] = { "Q6_K", OMN_Q6_K },
    [15] = { "Q8_K", OMN_TYPE_NONE },
    [16] = { "IQ2_XXS", OMN_TYPE_NONE },
    [17] = { "IQ2_XS", OMN_TYPE_NONE },
    [18] = { "IQ3_XXS", OMN_TYPE_NONE },
    [19] = { "IQ1_S", OMN_TYPE_NONE },
    [20] = { "IQ4_NL", OMN_TYPE_NONE },
    [21] = { "IQ3_S", OMN_TYPE_NONE },
    [22] = { "IQ2_S", OMN_TYPE_NONE },
    [23] = { "IQ4_XS", OMN_TYPE_NONE },
    [24] = { "I8", OMN_I8 },
    [25] = { "I16", OMN_I16 },
    [26] = { "I32", OMN_I32 },
    [27] = { "I64", OMN_I64 },
    [28] = { "F64", OMN_F64 },
    [29] = { "IQ1_M", OMN_TYPE_NONE },
    [30] = { "BF16", OMN_BF16 },
    [34] = { "TQ1_0", OMN_TYPE_NONE },
    [35] = { "TQ2_0", OMN_TYPE_NONE },
    [39] = { "MXFP4", OMN_TYPE_NONE },
};

enum { TYPES = sizeof types / sizeof *types };

omn_type gguf_type(uint32_t number, const char **name)
{
    *name = number < TYPES ? types[number].name : NULL;
    return number < TYPES ? types[number].type : OMN_TYPE_NONE;
}

bool gguf_type_number(omn_type t, uint32_t *out)
{
    for (uint32_t i = 0; t != OMN_TYPE_NONE && i < TYPES; i++) {
        if (types[i].type != t) continue;
        *out = i;
        return true;
    }
    return false;
}
