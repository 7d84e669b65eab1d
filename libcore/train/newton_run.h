/* SPDX-License-Identifier: Apache-2.0 */
/* The five steps of Newton-Schulz, for newton_f32.h and newton_bf16.h: what is kept are cells, made
 * of floats by narrow() and back by wide(); a packed factor takes as many bytes as the matrix. */

static size_t room(size_t rows, size_t cols)
{
    const size_t m = whole(rows < cols ? rows : cols), n = whole(rows < cols ? cols : rows);
    return (2 * m * n + 2 * m * m) * sizeof(cell);
}

static void run(float *g, size_t rows, size_t cols, void *scratch)
{
    const bool tall = rows > cols;
    const size_t m0 = tall ? cols : rows, n0 = tall ? rows : cols, m = whole(m0), n = whole(n0);
    const float by = (float)(1 / (sqrt(steps_sum_squares(g, rows * cols)) + 1e-7));
    cell *x = scratch, *gram = x + m * n, *b = gram + m * m;
    packed_cell *packed = (packed_cell *)(void *)(b + m * m);
    memset(x, 0, m * n * sizeof(cell));
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++)
            x[tall ? c * n + r : r * n + c] = narrow(by * g[r * cols + c]);
    for (int step = 0; step < 5; step++) {
        pack_transposed(x, m, n, packed);
        product(x, packed, m, m, n, gram, x, 1, 0, true);
        pack(gram, m, m, packed);
        product(gram, packed, m, m, m, b, gram, 2.0315f, -4.7750f, true);
        pack(x, m, n, packed);
        product(b, packed, m, n, m, x, x, 1, 3.4445f, false);
    }
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++)
            g[r * cols + c] = wide(x[tall ? c * n + r : r * n + c]);
}
