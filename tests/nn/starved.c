/* SPDX-License-Identifier: Apache-2.0 */
/* Builders that make tables and lists of their own, while each allocation of the library fails in
 * turn: the graph says that memory was short, never that a shape or an argument was wrong. */
#include "tests/conform/reference.h"
#include "tests/starve.h"
#include "tests/testing.h"

#include <omnio/nn.h>

enum { D = 4 };

static void build(void *user, omn_scope *s, omn_bundle *out)
{
    static const int32_t buckets[6] = { 0, 1, 2, 1, 0, 1 };
    (void)user;
    omn_node *a = omn_input(s, "a", OMN_F32, omn_dim4(1, 2, 2, 2)),
             *b = omn_input(s, "b", OMN_F32, omn_dim4(1, 2, 3, 3)), *const parts[2] = { a, b };
    omn_node *table = omn_input(s, "table", OMN_F32, omn_dim2(6, D));
    omn_node *pos = omn_input(s, "pos", OMN_I32, omn_dim2(1, 3));
    omn_bundle_put(out, s, "blocks", omn_bias_blocks(s, parts, 2));
    omn_bundle_put(out, s, "relative", omn_bias_rel(s, table, buckets, 2, 3));
    omn_bundle_put(out, s, "bilinear", omn_positions_resize(s, table, 2, 3, 4, 5,
                                                            OMN_INTERP_BILINEAR, 0, false));
    omn_bundle_put(out, s, "bicubic", omn_positions_resize(s, table, 3, 2, 2, 7,
                                                           OMN_INTERP_BICUBIC, -0.75, true));
    omn_bundle_put(out, s, "rows", omn_rope_rows(s, pos, 2, 2, 8, 8, 10000, 1));
}

static omn_status built(void *user, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_store *store = NULL;
    omn_program *program = NULL;
    omn_graph *g = NULL;
    (void)user;
    OMN_TRY(omn_store_new(7, NULL, false, &store, err));
    const omn_program_setup how = { OMN_FILL(omn_program_setup), .store = store,
                                    .compute = &reference_compute, .cpu = &reference_compute };
    OMN_TRY(omn_program_new(&how, &program, err));
    OMN_TRY(omn_program_graph(program, "g", build, NULL, &g, err));
done:
    omn_program_free(program);
    omn_store_free(store);
    return st;
}

START_TEST(builders_survive_a_lack_of_memory)
{
    starve_play(built, NULL, 15, true);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { builders_survive_a_lack_of_memory };
    return TESTING_RUN("nn/starved", all, 60);
}
