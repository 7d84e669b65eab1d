/* SPDX-License-Identifier: Apache-2.0 */
/* Rotary positions (Su et al. 2021): rows of (cos, sin) couples, for a line and for a grid. The
 * tables are made on the host and become constants of the graph; a token picks its row by its
 * position. Angles are multiplied in single precision, because the original programs do so and
 * their weights have learnt with it: at place 500 the difference is 3e-5. */
#include <omnio/nn.h>

#include <math.h>
#include <stdlib.h>

/* base^(-2 c / width) */
static float frequency(double base, size_t c, size_t width)
{
    return 1.0f / powf((float)base, (float)(2 * c) / (float)width);
}

void omn_rope_table_1d(const double *pos, size_t n, size_t width, double base, float *out)
{
    const size_t couples = width / 2;
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < couples; c++) {
            const float angle = (float)pos[i] * frequency(base, c, width);
            out[i * width + 2 * c] = cosf(angle);
            out[i * width + 2 * c + 1] = sinf(angle);
        }
}

void omn_rope_table_2d(size_t h, size_t w, size_t width, double base, double ratio, float *out)
{
    const size_t half = width / 2, couples = width / 4;
    for (size_t r = 0; r < h; r++)
        for (size_t c = 0; c < w; c++) {
            float *row = out + (r * w + c) * width;
            for (size_t i = 0; i < couples; i++) {
                const float f = frequency(base, i, half);
                const float y = (float)r * (float)ratio * f, x = (float)c * (float)ratio * f;
                row[2 * i] = cosf(y);
                row[2 * i + 1] = sinf(y);
                row[half + 2 * i] = cosf(x);
                row[half + 2 * i + 1] = sinf(x);
            }
        }
}

omn_node *omn_rope_rows(omn_scope *s, omn_node *pos, int64_t grid_h, int64_t grid_w, int64_t length,
                        int64_t width, double base, double ratio)
{
    if (omn_scope_failed(s)) return NULL;
    const bool grid = grid_w > 0;
    const int64_t n = grid ? grid_h * grid_w : length;
    if (width < 2 || width > 65536 || n < 1 || n > (1 << 24) || (grid ? width % 4 : width % 2))
        return omn_scope_fail(s, OMN_ERR_SHAPE,
                              "rotary rows: %lld places of width %lld; a line wants an even width, "
                              "a grid a multiple of 4",
                              (long long)n, (long long)width);
    float *table = calloc((size_t)n * (size_t)width, sizeof *table);
    double *at = grid ? NULL : calloc((size_t)n, sizeof *at);
    omn_node *rows = NULL;
    if (!table || (!grid && !at)) {
        omn_scope_fail(s, OMN_ERR_MEMORY, "rotary rows: out of memory");
    } else {
        if (grid) {
            omn_rope_table_2d((size_t)grid_h, (size_t)grid_w, (size_t)width, base, ratio, table);
        } else {
            for (int64_t i = 0; i < n; i++) at[i] = (double)i * ratio;
            omn_rope_table_1d(at, (size_t)n, (size_t)width, base, table);
        }
        rows = omn_embedding(s, omn_const(s, OMN_F32, omn_dim2(n, width), table), pos);
    }
    free(at);
    free(table);
    return rows;
}
