/* SPDX-License-Identifier: Apache-2.0 */
/* A model over the weights of a case, its graphs, and stages from what they put out. */
#include "golden.h"

#include <string.h>

omn_status golden_open(golden *g, const char *config, const golden_how *how, golden_run *r,
                       omn_error *err)
{
    omn_status st = OMN_OK;
    omn_feed *made = r->made;             /* stages of another run may wait here */
    *r = (golden_run){ .g = g, .made = made };
    if (!how->hollow && !g->weights[0])
        OMN_TRY(omn_fail(err, OMN_ERR_UNSUPPORTED,
                         "%s: not supported, it names no weights_file to run", g->name));
    if (how->writable || how->training) {
        OMN_TRY(omn_weights_open(g->weights, &r->file, err));
        OMN_TRY(omn_store_new(0, r->file, false, &r->store, err));
    }
    const omn_model_setup setup = { OMN_FILL(omn_model_setup), .store = r->store,
                                    .training = how->training, .keep_tagged = true,
                                    .precision = OMN_PRECISION_F32,
                                    .weights = how->hollow ? NULL : g->weights,
                                    .hollow = how->hollow };
    OMN_TRY(omn_model_open_text(omn_verification_context(g->host), config, g->name, &setup,
                                &r->model, err));
    OMN_TRY(omn_feed_make(&r->feed, err));
    if (!r->made) OMN_TRY(omn_feed_make(&r->made, err));
    OMN_TRY(omn_exec_new(omn_model_program(r->model), &r->exec, err));
done:
    return st;
}

void golden_close(golden_run *r)
{
    omn_exec_free(r->exec);
    omn_feed_free(r->feed);
    omn_feed_free(r->made);
    omn_model_close(r->model);
    omn_store_free(r->store);
    omn_weights_close(r->file);
    *r = (golden_run){ 0 };
}

/* ---- graphs ---------------------------------------------------------------------------------- */

const omn_part *golden_objective(const omn_model *m)
{
    omn_part *const *list = NULL;
    const size_t n = omn_model_parts(m, &list);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(omn_part_role(list[i]), "loss")) return list[i];
    return NULL;
}

omn_status golden_graph(golden_run *r, const omn_graph_sizes *z, omn_error *err)
{
    omn_graph_sizes own = *z;
    if (z->labels && !z->objective) own.objective = golden_objective(r->model);
    if (z->labels && !own.objective)
        return omn_fail(err, OMN_ERR_UNSUPPORTED,
                        "%s: not supported, the plugin of its objective is not installed",
                        r->g->name);
    return omn_model_graph(r->model, &own, &r->graph, err);
}

omn_status golden_run_graph(golden_run *r, const omn_graph_sizes *z, omn_error *err)
{
    const omn_status st = golden_graph(r, z, err);
    return st == OMN_OK ? omn_exec_run(r->exec, r->graph, r->feed, r->g->call, err) : st;
}

/* ---- stages ---------------------------------------------------------------------------------- */

bool golden_output(const golden_run *r, const char *name, omn_tensor *out)
{
    for (size_t i = 0; r->graph && i < omn_graph_outputs(r->graph); i++)
        if (!strcmp(omn_graph_output_name(r->graph, i), name))
            return omn_exec_output(r->exec, r->graph, name, out, NULL) == OMN_OK;
    return false;
}

omn_status golden_put_new(golden_run *r, const char *stage, omn_type type, omn_shape shape,
                          void **out, omn_error *err)
{
    return omn_feed_new(r->made, stage, type, shape, out, err);
}

omn_status golden_put(golden_run *r, const char *stage, omn_shape shape, const float *x,
                      omn_error *err)
{
    void *data = NULL;
    const omn_status st = omn_feed_new(r->made, stage, OMN_F32, shape, &data, err);
    if (st == OMN_OK) memcpy(data, x, omn_feed_get(r->made, stage)->bytes);
    return st;
}

omn_status golden_put_output(golden_run *r, const char *stage, const char *output, omn_error *err)
{
    omn_tensor t;
    return golden_output(r, output, &t) ? omn_feed_copy(r->made, stage, &t, err) : OMN_OK;
}

omn_status golden_collect(golden_run *r, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_weights *w = r->g->file;
    for (size_t i = 0; st == OMN_OK && i < omn_weights_count(w); i++) {
        const char *stage = omn_weights_name(w, i);
        if (golden_starts(stage, "in.")) continue;
        if (golden_starts(stage, "out.")) stage += 4;
        if (!omn_feed_get(r->made, stage)) st = golden_put_output(r, stage, stage, err);
    }
    return st;
}

omn_status golden_put_rows(golden_run *r, const char *stage, const char *output, const char *marks,
                           omn_error *err)
{
    omn_tensor t;
    const omn_tensor *m;
    void *data = NULL;
    int64_t count = 0, at = 0;
    omn_status st = golden_input(r->g, marks, OMN_I32, 2, &m, err);
    if (st != OMN_OK || !golden_output(r, output, &t)) return st;
    const int64_t n = m->shape.dim[0] * m->shape.dim[1];
    if (t.shape.rank < 2 || t.shape.rank > 3 || t.shape.dim[0] * t.shape.dim[1] != n)
        return omn_fail(err, OMN_ERR_DATA, "%s: \"%s\" and \"%s\" differ in shape", r->g->name,
                        marks, output);
    const size_t each = t.bytes / (size_t)n;
    int32_t *on = omn_call_scratch(r->g->call, (size_t)n, sizeof *on);
    if (!on) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", r->g->name);
    memcpy(on, m->data, m->bytes);
    for (int64_t i = 0; i < n; i++) count += on[i] != 0;
    st = omn_feed_new(r->made, stage, OMN_F32,
                      t.shape.rank == 3 ? omn_dim2(count, t.shape.dim[2]) : omn_dim1(count), &data,
                      err);
    for (int64_t i = 0; st == OMN_OK && i < n; i++)
        if (on[i])
            memcpy((char *)data + (size_t)at++ * each, (const char *)t.data + (size_t)i * each,
                   each);
    return st;
}

omn_status golden_override(golden_run *r, omn_error *err)
{
    const omn_weights *w = r->g->file;
    omn_status st = omn_model_declare(r->model, err);
    for (size_t i = 0; st == OMN_OK && i < omn_weights_count(w); i++) {
        const char *name = omn_weights_name(w, i);
        const omn_tensor *t = omn_weights_at(w, i);
        if (!golden_starts(name, "override.")) continue;
        const long at = omn_store_find(r->store, name + 9);
        const omn_tensor old = at >= 0 ? omn_store_tensor(r->store, (size_t)at) : (omn_tensor){ 0 };
        if (at < 0 || t->type != OMN_F32 || !omn_shape_equal(&old.shape, &t->shape))
            return omn_fail(err, OMN_ERR_DATA, "%s: the model has no such weight \"%s\"",
                            r->g->name, name + 9);
        memcpy(omn_store_data(r->store, (size_t)at), t->data, t->bytes);
        st = omn_feed_copy(r->made, name, t, err);
    }
    return st;
}

static bool find(void *user, const char *stage, omn_tensor *out)
{
    const golden_run *r = user;
    const omn_tensor *t = omn_feed_get(r->made, stage);
    if (t) *out = *t;
    return t || golden_output(r, stage, out);
}

omn_status golden_compare(golden_run *r, omn_tolerance_fn *tolerance, void *user, omn_error *err)
{
    return omn_verify_compare(r->g->host, find, r, tolerance, user, err);
}
