/* SPDX-License-Identifier: Apache-2.0 */
/* Names of nodes and what graphs tell of themselves: bundles in order, entries replaced, nodes
 * found by their tags, shapes of outputs. */
#include "rig.h"

#include <string.h>

static void build_names(void *user, omn_scope *s, omn_bundle *out)
{
    (void)user;
    const char *name = NULL;
    omn_node *x = omn_input(s, "x", OMN_F32, omn_dim5(2, 1, 3, 1, 4));
    omn_scope *deep = omn_scope_at(s, "encoder.layers_%d", 2);
    omn_node *y = omn_node_tag(deep, omn_scale(s, x, 2, 0), "out");
    omn_bundle *b = omn_bundle_new(s);
    ck_assert_uint_eq(omn_bundle_count(b), 0);
    ck_assert_ptr_null(omn_bundle_at(b, 0, &name));
    omn_bundle_put(b, s, "first", x);
    omn_bundle_put(b, s, "second", y);
    ck_assert_uint_eq(omn_bundle_count(b), 2);
    ck_assert_ptr_eq(omn_bundle_at(b, 1, &name), y);
    ck_assert_str_eq(name, "second");
    ck_assert_ptr_null(omn_bundle_at(b, 2, &name));
    omn_bundle_replace(b, s, "first", y);
    ck_assert_uint_eq(omn_bundle_count(b), 2);
    ck_assert_ptr_eq(omn_bundle_find(b, "first"), y);
    ck_assert_ptr_eq(omn_bundle_at(b, 0, &name), y);
    ck_assert_str_eq(name, "first");

    omn_bundle_replace(b, s, "third", x); /* one that is not there comes last */
    ck_assert_ptr_eq(omn_bundle_at(b, 2, NULL), x);

    ck_assert_ptr_eq(omn_node_tagged(deep, "out"), y);
    ck_assert_ptr_eq(omn_node_tagged(s, "encoder.layers_2.out"), y);
    ck_assert_ptr_null(omn_node_tagged(s, "out"));
    ck_assert_ptr_null(omn_node_tagged(deep, "in"));
    ck_assert(!omn_scope_failed(s));
    omn_bundle_put(out, s, "y", y);
    omn_bundle_put(out, s, "sum", omn_sum(s, y, 1u << 4, false, false));
}

START_TEST(names_lead_to_nodes)
{
    rig own = rig_open(&reference_compute, false), *r = &own;
    const omn_graph *g = rig_graph(r, "g", build_names, NULL);
    static const char *const shapes[] = { "[2, 1, 3, 1, 4]", "[2, 1, 3, 1]" };
    ck_assert_uint_eq(omn_graph_outputs(g), 2);
    for (size_t i = 0; i < 2; i++) {
        char text[80];
        const omn_shape shape = omn_graph_output_shape(g, i);
        ck_assert_str_eq(omn_shape_text(&shape, text, sizeof text), shapes[i]);
    }
    ck_assert_str_eq(omn_graph_output_name(g, 0), "y");
    rig_close(r);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { names_lead_to_nodes };
    return TESTING_RUN("graph/bundles", all, 10);
}
