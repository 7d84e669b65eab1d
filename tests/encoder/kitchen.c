/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of an encoder whose sources are theirs share. */
#include "tests/encoder/kitchen.h"

#include "tests/conform/reference.h"

#include <math.h>
#include <stdlib.h>

const omn_encoder_impl *kitchen_impl(void) { return omnio_plugin.objects[0].impl; }

omn_context *kitchen_context(void)
{
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = NULL;
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 1,
                                    .plugin_path = testing_build("plugins/.libs"),
                                    .only_plugin_path = true };
    ck_assert_msg(omn_context_new(&how, &ctx, &err) == OMN_OK, "%s", err.text);
    return ctx;
}

omn_value *kitchen_sound(size_t n)
{
    omn_value *v = NULL;
    const omn_kind *kind = NULL;
    const double start = 0, rate = 16000;
    float *x = calloc(n, sizeof *x);
    ck_assert_ptr_nonnull(x);
    for (size_t i = 0; i < n; i++) x[i] = (float)sin(0.3 * (double)i);
    const omn_filled columns[3] = {
        omn_fill("samples", OMN_F32, omn_dim2((int64_t)n, 1), x),
        omn_fill("rate", OMN_F64, omn_dim0(), &rate),
        omn_fill("start", OMN_F64, omn_dim0(), &start),
    };
    ck_assert_int_eq(omn_kind_find(NULL, "audio", &kind, NULL), OMN_OK);
    ck_assert_int_eq(omn_value_make(kind, columns, 3, NULL, &v, NULL), OMN_OK);
    free(x);
    return v;
}

/* Inputs as the ports say, two of each. */
static void build(void *user, omn_scope *s, omn_bundle *out)
{
    const omn_port *ports = NULL;
    const uint32_t n = kitchen_impl()->ports(user, &ports);
    omn_bundle *in = omn_bundle_new(s);
    for (uint32_t i = 0; i < n; i++) {
        omn_shape to = { .rank = ports[i].most.rank + 1, .dim = { 2 } };
        for (uint32_t d = 0; d < ports[i].most.rank; d++) to.dim[d + 1] = ports[i].most.dim[d];
        omn_bundle_put(in, s, ports[i].name, omn_input(s, ports[i].name, ports[i].type, to));
    }
    omn_bundle_put(out, s, "x", omn_seq_get_x(kitchen_impl()->embed(user, s, in)));
}

omn_status kitchen_embed(void *self, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_store *store = NULL;
    omn_program *program = NULL;
    omn_graph *g = NULL;
    OMN_TRY(omn_store_new(7, NULL, false, &store, err));
    const omn_program_setup how = { OMN_FILL(omn_program_setup), .store = store,
                                    .compute = &reference_compute, .cpu = &reference_compute };
    OMN_TRY(omn_program_new(&how, &program, err));
    OMN_TRY(omn_program_graph(program, "g", build, self, &g, err));
done:
    omn_program_free(program);
    omn_store_free(store);
    return st;
}
