/* SPDX-License-Identifier: Apache-2.0 */
/* Small pieces by themselves: norms by name, sequences with parts, rotary rows and a grid, rows of
 * positions picked from their tables, learnt positions resized. */
#include "tests/graph/rig.h"

#include <omnio/nn.h>

#include <math.h>
#include <string.h>

enum { B = 2, T = 3, D = 4 };

static omn_node *input(omn_scope *s, const char *name, omn_shape shape)
{
    return omn_input(s, name, OMN_F32, shape);
}

/* ---- norms ---- */

static void build_norms(void *user, omn_scope *s, omn_bundle *out)
{
    (void)user;
    omn_node *x = input(s, "x", omn_dim2(B, D)), *w = input(s, "w", omn_dim1(D)),
             *b = input(s, "b", omn_dim1(D));
    const omn_norm none = { OMN_NORM_NONE, 1e-6, w, b }, rms = { OMN_NORM_RMS, 1e-2, w, NULL },
                   layer = { OMN_NORM_LAYER, 1e-2, w, b };
    ck_assert_ptr_eq(omn_norm_apply(s, &none, x), x);
    omn_bundle_put(out, s, "rms", omn_norm_apply(s, &rms, x));
    omn_bundle_put(out, s, "layer", omn_norm_apply(s, &layer, x));
}

START_TEST(norms_by_name)
{
    rig own = rig_open(&reference_compute, false), *r = &own;
    omn_graph *g = rig_graph(r, "g", build_norms, NULL);
    static const float x[B * D] = { 1, 2, 3, 4, -1, 0, 2, 5 }, w[D] = { 1, 2, 3, 4 },
                       b[D] = { 0.5f, 0, -0.5f, 1 };
    rig_feed(r, "x", omn_dim2(B, D), x);
    rig_feed(r, "w", omn_dim1(D), w);
    rig_feed(r, "b", omn_dim1(D), b);
    rig_run(r, g);
    for (int row = 0; row < B; row++) {
        double square = 0, mean = 0, var = 0;
        for (int d = 0; d < D; d++) {
            square += (double)x[row * D + d] * (double)x[row * D + d] / D;
            mean += (double)x[row * D + d] / D;
        }
        for (int d = 0; d < D; d++) var += pow((double)x[row * D + d] - mean, 2) / D;
        for (int d = 0; d < D; d++) {
            const double v = (double)x[row * D + d];
            ck_assert_double_eq_tol((double)rig_output(r, g, "rms", NULL)[row * D + d],
                                    v / sqrt(square + 1e-2) * (double)w[d], 1e-5);
            ck_assert_double_eq_tol((double)rig_output(r, g, "layer", NULL)[row * D + d],
                                    (v - mean) / sqrt(var + 1e-2) * (double)w[d] + (double)b[d],
                                    1e-5);
        }
    }
    rig_close(r);
}
END_TEST

/* ---- sequences ---- */

static omn_node *ids(omn_scope *s, omn_shape shape, int32_t first)
{
    int32_t all[16];
    for (int32_t i = 0; i < 16; i++) all[i] = first + i;
    return omn_const(s, OMN_I32, shape, all);
}

static void build_sequences(void *user, omn_scope *s, omn_bundle *out)
{
    (void)user;
    int64_t h = 7, w = 7;
    const omn_shape line = omn_dim2(B, T);
    omn_node *x = input(s, "x", omn_dim3(B, T, D)), *seg = ids(s, line, 1), *pos = ids(s, line, 0);
    omn_seq *q = omn_seq_new(s, x, seg, pos, 3, 1), *p = omn_seq_new(s, x, seg, pos, 0, 0);
    omn_seq_get_grid(NULL, &h, &w);
    ck_assert(h == 0 && w == 0);
    omn_seq_get_grid(q, &h, &w);
    ck_assert(h == 3 && w == 1);
    ck_assert_ptr_null(omn_seq_get_part(q));
    ck_assert_ptr_null(omn_seq_get_part(NULL));
    omn_seq *both = omn_seq_concat(s, (omn_seq *[]){ q, p }, 2);
    ck_assert_ptr_null(omn_seq_get_part(both));
    omn_seq_get_grid(both, &h, &w); /* two grids are no grid */
    ck_assert(h == 0 && w == 0);
    omn_seq *one = omn_seq_concat(s, &q, 1);
    omn_seq_get_grid(one, &h, &w);
    ck_assert(h == 3 && w == 1);

    omn_seq_set_part(q, ids(s, line, 10));
    omn_seq_set_rot(q, omn_scale(s, x, 2, 0));
    omn_seq_set_part(NULL, seg);
    omn_seq_set_rot(NULL, x);
    both = omn_seq_concat(s, (omn_seq *[]){ q, p }, 2);
    ck_assert_ptr_null(omn_seq_get_part(both)); /* what one lacks all lack */
    ck_assert_ptr_null(omn_seq_get_rot(both));
    omn_seq_set_part(p, ids(s, line, 20));
    omn_seq_set_rot(p, omn_scale(s, x, 3, 0));
    both = omn_seq_concat(s, (omn_seq *[]){ q, p }, 2);
    omn_bundle_put(out, s, "part", omn_seq_get_part(both));
    omn_bundle_put(out, s, "rot", omn_seq_get_rot(both));
    static const int32_t map[3] = { 2, 9, -1 }; /* rows are 6 long: (0, 2), (1, 3) */
    omn_seq *packed = omn_seq_pack(s, both, omn_const(s, OMN_I32, omn_dim2(1, 3), map), NULL);
    omn_bundle_put(out, s, "packed part", omn_seq_get_part(packed));
    omn_bundle_put(out, s, "packed rot", omn_seq_get_rot(packed));
}

START_TEST(sequences_carry_parts_rows_and_a_grid)
{
    rig own = rig_open(&reference_compute, false), *r = &own;
    omn_graph *g = rig_graph(r, "g", build_sequences, NULL);
    static const int32_t want[B * 2 * T] = { 10, 11, 12, 20, 21, 22, 13, 14, 15, 23, 24, 25 };
    omn_tensor t;
    rig_feed(r, "x", omn_dim3(B, T, D), NULL);
    rig_run(r, g);
    OK(omn_exec_output(r->exec, g, "part", &t, &r->err));
    ck_assert_uint_eq(t.bytes, sizeof want);
    ck_assert_mem_eq(t.data, want, sizeof want);
    OK(omn_exec_output(r->exec, g, "packed part", &t, &r->err));
    ck_assert_mem_eq(t.data, ((const int32_t[]){ 12, 23 }), 2 * sizeof(int32_t));
    const float *rot = rig_output(r, g, "rot", NULL), *few = rig_output(r, g, "packed rot", NULL);
    for (int d = 0; d < D; d++) {
        ck_assert_double_eq_tol((double)rot[d], 2 * (double)rig_number('x', (uint64_t)d), 1e-6);
        ck_assert_float_eq(few[d], rot[2 * D + d]);
        ck_assert_float_eq(few[D + d], rot[9 * D + d]);
        ck_assert_float_eq(few[2 * D + d], 0);
    }
    rig_close(r);
}
END_TEST

/* ---- positions ---- */

static void build_rows(void *user, omn_scope *s, omn_bundle *out)
{
    (void)user;
    static const int32_t at[4] = { 5, 0, 3, 1 };
    omn_node *pos = omn_const(s, OMN_I32, omn_dim2(2, 2), at);
    omn_bundle_put(out, s, "line", omn_rope_rows(s, pos, 0, 0, 6, 8, 100, 0.5));
    omn_bundle_put(out, s, "grid", omn_rope_rows(s, pos, 2, 3, 0, 8, 100, 0.5));
    omn_node *table = input(s, "table", omn_dim2(6, D));
    ck_assert_ptr_eq(omn_positions_resize(s, table, 2, 3, 2, 3, OMN_INTERP_BILINEAR, 0, false),
                     table);
    omn_bundle_put(out, s, "resized",
                   omn_positions_resize(s, table, 2, 3, 4, 5, OMN_INTERP_BILINEAR, 0, false));
}

START_TEST(positions_are_rows_of_their_tables)
{
    static const int at[4] = { 5, 0, 3, 1 };
    rig own = rig_open(&reference_compute, false), *r = &own;
    omn_graph *g = rig_graph(r, "g", build_rows, NULL);
    float line[6 * 8], grid[6 * 8], rows[4 * 2], columns[5 * 3];
    double pos[6];
    for (int i = 0; i < 6; i++) pos[i] = i * 0.5;
    omn_rope_table_1d(pos, 6, 8, 100, line);
    omn_rope_table_2d(2, 3, 8, 100, 0.5, grid);
    rig_feed(r, "table", omn_dim2(6, D), NULL);
    rig_run(r, g);
    for (int i = 0; i < 4; i++) {
        ck_assert_mem_eq(rig_output(r, g, "line", NULL) + i * 8, line + at[i] * 8, 32);
        ck_assert_mem_eq(rig_output(r, g, "grid", NULL) + i * 8, grid + at[i] * 8, 32);
    }
    omn_interp_matrix(2, 4, OMN_INTERP_BILINEAR, 0, false, rows);
    omn_interp_matrix(3, 5, OMN_INTERP_BILINEAR, 0, false, columns);
    const float *got = rig_output(r, g, "resized", NULL);
    for (int y = 0; y < 4; y++)
        for (int x = 0; x < 5; x++)
            for (int d = 0; d < D; d++) {
                double want = 0;
                for (int i = 0; i < 6; i++)
                    want += (double)rows[y * 2 + i / 3] * (double)columns[x * 3 + i % 3] *
                            (double)rig_number('t', (uint64_t)(i * D + d));
                ck_assert_double_eq_tol((double)got[(y * 5 + x) * D + d], want, 1e-5);
            }
    rig_close(r);
}
END_TEST

static void build_odd(void *user, omn_scope *s, omn_bundle *out)
{
    (void)out;
    const int width = *(const int *)user;
    ck_assert_ptr_null(omn_rope_rows(s, ids(s, omn_dim2(1, 2), 0), width % 2 ? 0 : 2,
                                     width % 2 ? 0 : 3, 6, width, 100, 1));
}

START_TEST(rows_of_odd_widths_are_refused)
{
    static const int widths[] = { 7, 6 };
    for (size_t i = 0; i < 2; i++) {
        rig own = rig_open(&reference_compute, false), *r = &own;
        const char *text = rig_failure(r, build_odd, (void *)(uintptr_t)&widths[i]);
        ck_assert_msg(strstr(text, "a line wants an even width, a grid a multiple of 4"), "%s",
                      text);
        rig_close(r);
    }
}
END_TEST

int main(void)
{
    const TTest *const all[] = { norms_by_name, sequences_carry_parts_rows_and_a_grid,
                                 positions_are_rows_of_their_tables,
                                 rows_of_odd_widths_are_refused };
    return TESTING_RUN("nn/parts", all, 10);
}
