/* SPDX-License-Identifier: Apache-2.0 */
/* Tiles: how a matrix of bf16 lies when a product shall take it as it is. The units that multiply
 * matrices of bf16 take sixteen rows by sixteen pairs at a time and want the pairs of one column
 * side by side. Official files lie in rows, so that a product first brings them into that order, or
 * turns itself around. In a file such a matrix is a tensor of six axes whose bytes are what its
 * shape says, so that every reader of safetensors can pass it on; an entry of the metadata says
 * what it stands for. */
#include "libcore/tensor/tiles.h"

#include "libcore/tensor/marks.h"

#include <stdlib.h>
#include <string.h>

enum { STRIP = 32, SIDE = 16, TILE = 2 * SIDE * SIDE, MULTIPLE = 64 };

static int64_t parts(int64_t n)
{
    return n / STRIP + (n % STRIP != 0);
}

omn_shape omn_tiles_shape(int64_t rows, int64_t columns)
{
    const omn_shape s = { 6, { parts(rows), parts(columns), 2, SIDE, SIDE, 2 } };
    return s;
}

/* Where the pair of columns k, k + 1 of row n lies, in elements. */
static size_t place(size_t K, size_t n, size_t k)
{
    const size_t across = (K + STRIP - 1) / STRIP;
    return ((n / STRIP * across + k / STRIP) * 2 + n % STRIP / SIDE) * TILE +
        k % STRIP / 2 * 2 * SIDE + n % SIDE * 2;
}

/* Between rows and tiles, a pair at a time; both may be unaligned. */
static void move(char *rows, char *tiles, size_t N, size_t K, bool into_tiles)
{
    for (size_t n = 0; n < N; n++)
        for (size_t k = 0; k < K; k += 2) {
            char *row = rows + (n * K + k) * sizeof(uint16_t);
            char *tile = tiles + place(K, n, k) * sizeof(uint16_t);
            const size_t bytes = (K - k < 2 ? 1 : 2) * sizeof(uint16_t);
            if (into_tiles)
                memcpy(tile, row, bytes);
            else
                memcpy(row, tile, bytes);
        }
}

void omn_tiles_of_rows(const void *rows, int64_t N, int64_t K, void *tiles)
{
    memset(tiles, 0, (size_t)parts(N) * (size_t)parts(K) * 2 * TILE * sizeof(uint16_t));
    move((char *)(uintptr_t)rows, tiles, (size_t)N, (size_t)K, true);
}

void omn_tiles_to_rows(const void *tiles, int64_t N, int64_t K, void *rows)
{
    move(rows, (char *)(uintptr_t)tiles, (size_t)N, (size_t)K, false);
}

bool tiles_clean(const void *tiles, const omn_shape *matrix)
{
    const size_t N = (size_t)matrix->dim[0], K = (size_t)matrix->dim[1];
    const size_t down = (size_t)parts(matrix->dim[0]) * STRIP;
    const size_t along = (size_t)parts(matrix->dim[1]) * STRIP;
    for (size_t n = 0; n < down; n++)
        for (size_t k = n < N ? K / 2 * 2 : 0; k < along; k += 2) {
            uint16_t pair[2];
            memcpy(pair, (const char *)tiles + place(K, n, k) * sizeof(uint16_t), sizeof pair);
            if ((pair[0] && (n >= N || k >= K)) || pair[1]) return false;
        }
    return true;
}

/* ---- the entry of the metadata ------------------------------------------------------------- */

const omn_shape *row_matrix(const header_row *row)
{
    return row->matrix.rank ? &row->matrix : &row->tensor.shape;
}

omn_status row_to_f32(const header_row *row, float *dst, omn_error *err)
{
    char shown[120];
    size_t count = 0;
    uint16_t *rows = NULL;
    omn_status st = OMN_OK;
    const void *from = row->tensor.data;
    const omn_shape *shape = row_matrix(row);
    if (!omn_shape_count(shape, &count)) count = 0; /* the header was checked */
    if (row->matrix.rank) {
        rows = malloc(count * sizeof *rows);
        if (!rows)
            return omn_fail(err, OMN_ERR_MEMORY, "%s: not enough memory to bring it into rows",
                            header_show(row->name, shown));
        omn_tiles_to_rows(from, shape->dim[0], shape->dim[1], rows);
        from = rows;
    }
    if (!omn_to_f32(row->tensor.type, from, count, dst))
        st = omn_fail(err, OMN_ERR_TYPE, "%s: %s in %s cannot be converted to f32",
                      header_show(row->name, shown), omn_type_get(row->tensor.type)->name,
                      row->file);
    free(rows);
    return st;
}

/* One "NAME":[N,K]: everything that makes it tiles. */
static omn_status mark(header_row *row, const uint64_t *size, size_t begin, omn_error *err)
{
    char shown[120], have[160], want[160], matrix[160];
    header_show(row->name, shown);
    if (row->matrix.rank)
        return omn_fail(err, OMN_ERR_DATA, "%s: tensor %s: is in %s twice", row->file, shown,
                        TILES_KEY);
    if (row->tensor.type != OMN_BF16)
        return omn_fail(err, OMN_ERR_DATA, "%s: tensor %s: is %s, and only BF16 lies in tiles",
                        row->file, shown, omn_type_get(row->tensor.type)->safetensors);
    const omn_shape of = omn_dim2((int64_t)size[0], (int64_t)size[1]);
    const omn_shape shape = omn_tiles_shape(of.dim[0], of.dim[1]);
    if (of.dim[0] < 1 || of.dim[1] < 1 || !omn_shape_equal(&shape, &row->tensor.shape))
        return omn_fail(err, OMN_ERR_DATA, "%s: tensor %s: a matrix %s in tiles is %s, not %s",
                        row->file, shown, omn_shape_text(&of, matrix, sizeof matrix),
                        omn_shape_text(&shape, want, sizeof want),
                        omn_shape_text(&row->tensor.shape, have, sizeof have));
    if ((begin + row->at) % MULTIPLE != 0)
        return omn_fail(err, OMN_ERR_DATA,
                        "%s: tensor %s: its tiles begin at byte %zu of the file, which is no "
                        "multiple of %d",
                        row->file, shown, begin + row->at, MULTIPLE);
    row->matrix = of;
    return OMN_OK;
}

/* [N, K]; the place of the scan is behind it. */
static bool read_sizes(scan *s, uint64_t size[2])
{
    size_t n = 0;
    for (bool first = true; scan_element(s, &first); n++) {
        uint64_t more;
        if (!scan_count(s, n < 2 ? &size[n] : &more)) return false;
    }
    return !s->wrong && (n == 2 || scan_fail(s, "the two sizes of a matrix are wanted"));
}

static omn_status read_matrix(scan *s, header_row *row, void *user, omn_error *err)
{
    uint64_t size[2];
    return read_sizes(s, size) ? mark(row, size, *(const size_t *)user, err) : OMN_OK;
}

omn_status tiles_give(header_row *rows, size_t n, const char *entry, omn_arena *strings,
                      size_t begin, const char *path, omn_error *err)
{
    const marks m = { TILES_KEY, entry, read_matrix, &begin };
    return marks_read(&m, rows, n, strings, path, err);
}
