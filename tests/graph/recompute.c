/* SPDX-License-Identifier: Apache-2.0 */
/* Activation checkpointing: what is made again has the same bits, so have all gradients; the
 * workspace shrinks, with depth more and more; work grows by less than one pass before the loss. */
#include "rig.h"
#include "small.h"

#include "libcore/graph/recompute.h"

#include <string.h>

static void feed(rig *r, const small *m)
{
    int32_t ids[512], seg[512];
    float weight[512];
    const omn_shape words = omn_dim2(m->batch, m->tokens);
    ck_assert_int_le(m->batch * m->tokens, 512);
    for (int i = 0; i < m->batch * m->tokens; i++) {
        ids[i] = i * 7 % (int32_t)m->vocabulary;
        seg[i] = i % m->tokens < 3 ? 1 : 2;
        weight[i] = i % 4 ? 1 : 0;
    }
    rig_feed(r, "image", omn_dim4(m->batch, m->size, m->size, 3), NULL);
    rig_feed_ids(r, "tokens", words, ids);
    rig_feed_ids(r, "seg", words, seg);
    rig_feed_ids(r, "labels", words, ids);
    rig_feed(r, "weight", words, weight);
}

static omn_graph *gradient(rig *r, const small *m, bool recompute)
{
    omn_graph *g;
    OK(program_gradient(r->program, "g", small_build, (void *)(uintptr_t)m, "loss", NULL, 0,
                        recompute, &g, &r->err));
    return g;
}

/* Memory is NaN at first, so that a twin that nobody made would show. */
START_TEST(gradients_have_the_same_bits)
{
    const small shapes[] = {
        { 2, 5, 16, 8, 2, 12, 11, 6, 6, false },
        { 1, 9, 8, 8, 2, 24, 13, 1, 9, false },
        { 3, 4, 16, 16, 4, 16, 11, 9, 1, false },
    };
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
        rig own = rig_open(&reference_poisoned, false), *r = &own;
        rig other = rig_open(&reference_poisoned, false), *o = &other;
        feed(r, &shapes[k]);
        feed(o, &shapes[k]);
        omn_graph *kept = gradient(r, &shapes[k], false), *made = gradient(o, &shapes[k], true);
        ck_assert_uint_gt(omn_graph_nodes(made), omn_graph_nodes(kept));
        ck_assert_uint_eq(omn_graph_outputs(made), omn_graph_outputs(kept));
        rig_run(r, kept);
        rig_run(o, made);
        for (size_t i = 0; i < omn_graph_outputs(kept); i++) {
            size_t n, m;
            const char *name = omn_graph_output_name(kept, i);
            const float *x = rig_output(r, kept, name, &n), *y = rig_output(o, made, name, &m);
            ck_assert_uint_eq(n, m);
            ck_assert_msg(!memcmp(x, y, n * sizeof *x), "%s differs", name);
        }
        rig_close(r);
        rig_close(o);
    }
}
END_TEST

/* What grows with depth is one value between blocks, in place of all that is in them. */
START_TEST(memory_shrinks_and_work_grows_a_little)
{
    small m = { 8, 48, 32, 16, 2, 64, 11, 0, 0, false };
    uint64_t kept[2], made[2];
    for (int deep = 0; deep < 2; deep++) {
        m.encoders = m.decoders = deep ? 12 : 4;
        rig own = rig_open(&reference_compute, false), *r = &own;
        const omn_graph *a = gradient(r, &m, false), *b = gradient(r, &m, true);
        const omn_graph *forward = rig_graph(r, "f", small_build, &m);
        ck_assert_ptr_ne(a, b);
        kept[deep] = omn_graph_workspace(a);
        made[deep] = omn_graph_workspace(b);
        ck_assert_uint_lt(made[deep], kept[deep] * (deep ? 3 : 5) / 10);
        ck_assert_uint_le(omn_graph_flops(b), omn_graph_flops(a) + omn_graph_flops(forward));
        ck_assert_uint_gt(omn_graph_flops(b), omn_graph_flops(a));
        rig_close(r);
    }
    ck_assert_uint_lt(5 * (made[1] - made[0]), kept[1] - kept[0]);
}
END_TEST

/* Where there is nothing to gain there is nothing to lose. */
START_TEST(what_cannot_shrink_does_not_grow)
{
    const small shapes[] = {
        { 1, 3, 8, 8, 2, 6, 900, 0, 0, false },
        { 1, 3, 8, 8, 2, 6, 9, 0, 1, false },
        { 2, 3, 8, 8, 2, 6, 90, 1, 0, false },
    };
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
        rig own = rig_open(&reference_compute, false), *r = &own;
        const omn_graph *a = gradient(r, &shapes[k], false), *b = gradient(r, &shapes[k], true);
        ck_assert_uint_le(omn_graph_workspace(b), omn_graph_workspace(a));
        rig_close(r);
    }
}
END_TEST

int main(void)
{
    const TTest *const all[] = { gradients_have_the_same_bits,
                                 memory_shrinks_and_work_grows_a_little,
                                 what_cannot_shrink_does_not_grow };
    return TESTING_RUN("graph/recompute", all, 60);
}
