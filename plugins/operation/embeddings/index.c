/* SPDX-License-Identifier: Apache-2.0 */
/* The kind of value `index`: what there is to be found, vectors of length 1 by name. Its file is
 * safetensors, so that other programs read the vectors as they are. */
#include "embeddings.h"

#include <math.h>

static const omn_column columns[] = {
    { "name", OMN_STRING, "n", NULL, 0, 0, 0 },
    { "vector", OMN_F32, "n,d", NULL, -1.001, 1.001, 0 },
};

static omn_status check(const omn_value *v, omn_error *err)
{
    const omn_tensor *t = omn_value_column(v, "vector");
    const int64_t n = t->shape.dim[0], d = t->shape.dim[1];
    for (int64_t i = 0; i < n; i++) {
        const float *x = (const float *)t->data + i * d;
        double length = 0;
        for (int64_t k = 0; k < d; k++) length += (double)x[k] * (double)x[k];
        if (!(fabs(length - 1) < 1e-3))
            return omn_fail(err, OMN_ERR_DATA, "vector %lld of an index has the length %g, not 1",
                            (long long)i + 1, sqrt(length));
    }
    return OMN_OK;
}

static void text(const omn_value *v, omn_buf *out)
{
    const int64_t *dim = omn_value_column(v, "vector")->shape.dim;
    omn_buf_printf(out, "index of %lld things, %lld numbers each", (long long)dim[0],
                   (long long)dim[1]);
}

const omn_value_impl index_kind = { .columns = columns,
                                    .n_columns = sizeof columns / sizeof *columns,
                                    .column_size = sizeof(omn_column),
                                    .item = "n",
                                    .check = check,
                                    .text = text };
