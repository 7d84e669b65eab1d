/* SPDX-License-Identifier: Apache-2.0 */
/* The shared rig of the graph tests. */
#include "rig.h"

#include <string.h>

rig rig_open(const omn_compute_impl *compute, bool keep_tagged)
{
    rig own = { .err = OMN_ERROR_INIT }, *r = &own;
    OK(omn_store_new(7, NULL, false, &r->store, &r->err));
    const omn_program_setup how = { OMN_FILL(omn_program_setup), .store = r->store,
                                    .compute = compute, .cpu = &reference_compute,
                                    .keep_tagged = keep_tagged };
    OK(omn_program_new(&how, &r->program, &r->err));
    OK(omn_exec_new(r->program, &r->exec, &r->err));
    OK(omn_feed_make(&r->feed, &r->err));
    return own;
}

void rig_close(rig *r)
{
    omn_exec_free(r->exec);
    omn_program_free(r->program);
    omn_store_free(r->store);
    omn_feed_free(r->feed);
}

omn_graph *rig_graph(rig *r, const char *key, omn_build_fn *fn, void *user)
{
    omn_graph *g;
    OK(omn_program_graph(r->program, key, fn, user, &g, &r->err));
    return g;
}

omn_graph *rig_gradient(rig *r, const char *key, omn_build_fn *fn, void *user)
{
    omn_graph *g;
    OK(omn_program_graph_gradient(r->program, key, fn, user, "loss", NULL, 0, &g, &r->err));
    return g;
}

const char *rig_failure(rig *r, omn_build_fn *fn, void *user)
{
    omn_graph *g;
    r->err = (omn_error)OMN_ERROR_INIT;
    ck_assert(omn_program_graph(r->program, "bad", fn, user, &g, &r->err) != OMN_OK);
    ck_assert(r->err.status != OMN_OK);
    return r->err.text;
}

void rig_run(rig *r, omn_graph *g)
{
    OK(omn_exec_run(r->exec, g, r->feed, NULL, &r->err));
}

const float *rig_output(rig *r, omn_graph *g, const char *name, size_t *n)
{
    omn_tensor t;
    OK(omn_exec_output(r->exec, g, name, &t, &r->err));
    if (n) ck_assert(omn_shape_count(&t.shape, n));
    return t.data;
}

float rig_number(uint64_t stream, uint64_t i)
{
    return (float)((double)(omn_random_at(3, stream, i) >> 11) * 0x1p-52 - 1);
}

void rig_feed(rig *r, const char *name, omn_shape shape, const float *data)
{
    void *to;
    size_t n;
    ck_assert(omn_shape_count(&shape, &n));
    OK(omn_feed_new(r->feed, name, OMN_F32, shape, &to, &r->err));
    for (size_t i = 0; i < n; i++)
        ((float *)to)[i] = data ? data[i] : rig_number((uint64_t)name[0], i);
}

void rig_feed_ids(rig *r, const char *name, omn_shape shape, const int32_t *data)
{
    void *to;
    size_t n;
    ck_assert(omn_shape_count(&shape, &n));
    OK(omn_feed_new(r->feed, name, OMN_I32, shape, &to, &r->err));
    memcpy(to, data, n * sizeof(*data));
}
