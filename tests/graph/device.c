/* SPDX-License-Identifier: Apache-2.0 */
/* The whole training graph of the small model on the cpu plugin, found through the registry,
 * against the reference in doubles. */
#include "rig.h"
#include "small.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static omn_feed *feed_small(const small *m)
{
    omn_feed *f;
    void *image, *tokens, *seg, *labels, *weight;
    const omn_shape words = omn_dim2(m->batch, m->tokens);
    const omn_shape picture = omn_dim4(m->batch, m->size, m->size, 3);
    ck_assert(omn_feed_make(&f, NULL) == OMN_OK);
    ck_assert(omn_feed_new(f, "image", OMN_F32, picture, &image, NULL) == OMN_OK);
    ck_assert(omn_feed_new(f, "tokens", OMN_I32, words, &tokens, NULL) == OMN_OK);
    ck_assert(omn_feed_new(f, "seg", OMN_I32, words, &seg, NULL) == OMN_OK);
    ck_assert(omn_feed_new(f, "labels", OMN_I32, words, &labels, NULL) == OMN_OK);
    ck_assert(omn_feed_new(f, "weight", OMN_F32, words, &weight, NULL) == OMN_OK);
    for (int64_t i = 0; i < m->batch * m->size * m->size * 3; i++)
        ((float *)image)[i] = rig_number(1, (uint64_t)i);
    for (int64_t i = 0; i < m->batch * m->tokens; i++) {
        ((int32_t *)tokens)[i] = ((int32_t *)labels)[i] = (int32_t)(i * 7 % m->vocabulary);
        ((int32_t *)seg)[i] = i % m->tokens < 3 ? 1 : 2;
        ((float *)weight)[i] = i % 4 ? 1 : 0;
    }
    return f;
}

/* The length of the difference of an output, of the length of the output; the squares are added to
 * whole[0] and whole[1]. */
static double compare(rig *a, omn_graph *ga, rig *b, omn_graph *gb, const char *name, double *whole)
{
    size_t n;
    double length = 1e-30, off = 0;
    const float *x = rig_output(a, ga, name, &n), *y = rig_output(b, gb, name, NULL);
    for (size_t i = 0; i < n; i++) {
        length += (double)y[i] * (double)y[i];
        off += ((double)x[i] - (double)y[i]) * ((double)x[i] - (double)y[i]);
        ck_assert_msg(isfinite(x[i]), "%s[%zu] is %g", name, i, (double)x[i]);
    }
    whole[0] += off;
    whole[1] += length;
    return sqrt(off / length);
}

static void run_both(omn_precision precision, double most, double most_whole)
{
    static const small odd = { 3, 7, 24, 24, 3, 20, 37, 2, 2, false };
    rig own = { .err = OMN_ERROR_INIT }, *r = &own;
    rig other = rig_open(&reference_compute, false), *k = &other;
    small m = odd;
    omn_context *ctx;
    const omn_context_setup where = { OMN_FILL(omn_context_setup), .threads = 2, .cache_dir = "",
                                      .plugin_path = testing_build("plugins/.libs"),
                                      .only_plugin_path = true };
    OK(omn_context_new(&where, &ctx, &r->err));
    OK(omn_store_new(7, NULL, false, &r->store, &r->err));
    const omn_program_setup how = { OMN_FILL(omn_program_setup), .ctx = ctx, .store = r->store,
                                    .device = "cpu", .precision = precision };
    OK(omn_program_new(&how, &r->program, &r->err));
    OK(omn_exec_new(r->program, &r->exec, &r->err));
    r->feed = feed_small(&m);
    omn_feed_free(k->feed);
    k->feed = feed_small(&m);
    omn_graph *g = rig_gradient(r, "g", small_build, &m),
              *h = rig_gradient(k, "g", small_build, &m);
    rig_run(k, h);
    for (int run = 0; run < 2; run++) {
        rig_run(r, g);
        double worst = 0, whole[2] = { 0 };
        for (size_t i = 0; i < omn_graph_outputs(g); i++) {
            const char *name = omn_graph_output_name(g, i);
            const double off = compare(r, g, k, h, name, whole);
            ck_assert_msg(off <= most, "%s: %g of its length off", name, off);
            worst = fmax(worst, off);
        }
        printf("# worst output: %g of its length off, all: %g\n", worst, sqrt(whole[0] / whole[1]));
        ck_assert_double_le(sqrt(whole[0] / whole[1]), most_whole);
    }
    rig_close(r);
    rig_close(k);
    omn_context_free(ctx);
}

/* Some 200 steps of f32, each good to about 1e-6; what goes through nearly even attention is the
 * small difference of large numbers. */
START_TEST(the_cpu_gives_the_gradients_of_the_reference)
{
    run_both(OMN_PRECISION_F32, 2e-4, 1e-6);
}
END_TEST

/* Operands of products are rounded to 8 bits, 2^-9 each. The gradients through nearly even
 * attention are 1e-3 of the largest here and drown in that; all together must stay within 1 %. */
START_TEST(and_nearly_so_with_bf16_products)
{
    run_both(OMN_PRECISION_BF16, 1, 0.01);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { the_cpu_gives_the_gradients_of_the_reference,
                                 and_nearly_so_with_bf16_products };
    return TESTING_RUN("graph/device", all, 20);
}
