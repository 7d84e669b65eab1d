/* SPDX-License-Identifier: Apache-2.0 */
/* Ops of plugins: a step "plugin" carries the plugin's functions and its parameters. The
 * processor's device calls them; every other device lacks the op, so it becomes an island. */
#include "inside.h"

#include "libcore/base/call.h"

static const omn_op_impl *find(omn_scope *s, const char *name, const omn_setting *set, size_t n_set,
                               void **params)
{
    omn_graph *g = s->g;
    omn_error err = OMN_ERROR_INIT;
    const omn_entry *e = NULL;
    if (!g->program->ctx) {
        graph_fail(s, OMN_ERR_UNSUPPORTED, name, "a program without a context has no plugins");
        return NULL;
    }
    omn_status st = omn_registry_find(g->program->ctx, "omnio.op/1", name, &e, &err);
    if (st == OMN_OK) st = omn_params_fill(e, set, n_set, NULL, g->arena, params, &err);
    if (st != OMN_OK) {
        graph_fail(s, st, name, "%s", err.text);
        return NULL;
    }
    const omn_op_impl *m = omn_entry_object(e)->impl;
    if (!m->rule || !m->run || m->n_in < 1 || m->n_in > OMN_OP_MOST || m->n_out < 1 ||
        m->n_out > OMN_OP_MOST) {
        graph_fail(s, OMN_ERR_PLUGIN, name,
                   "%s: an op needs rule, run and 1 to %d inputs and outputs", omn_entry_file(e),
                   OMN_OP_MOST);
        return NULL;
    }
    return m;
}

/* What a plugin's function returned, made a status with a text. */
static omn_status said(omn_status st, omn_error *err)
{
    const int number = (int)st;
    if (number == OMN_OK) return OMN_OK;
    if (number < OMN_OK || number > OMN_ERR_FAILED)
        return omn_fail(err, OMN_ERR_PLUGIN, "returned %d, which is no status", number);
    if (err && err->status == OMN_OK) return omn_fail(err, st, "failed without saying why");
    return st;
}

/* What the rule says, believed only as far as it makes tensors. */
static bool outputs(omn_scope *s, const char *name, const omn_op_impl *m, const void *params,
                    omn_node *const *in, omn_type *type, omn_shape *shape)
{
    omn_error err = OMN_ERROR_INIT;
    omn_shape in_shape[OMN_OP_MOST];
    omn_type in_type[OMN_OP_MOST];
    for (uint32_t i = 0; i < m->n_in; i++) {
        in_shape[i] = in[i]->shape;
        in_type[i] = in[i]->type;
    }
    for (uint32_t i = 0; i < m->n_out; i++) {
        type[i] = OMN_TYPE_NONE; /* an output that the rule forgets is no scalar */
        shape[i] = (omn_shape){ 0 };
    }
    const omn_status st = said(m->rule(params, in_shape, in_type, shape, type, &err), &err);
    if (st != OMN_OK) {
        graph_fail(s, st, name, "%s", err.text);
        return false;
    }
    for (uint32_t i = 0; i < m->n_out; i++) {
        if (!omn_type_get(type[i]) || shape[i].rank > OMN_MAX_RANK) {
            graph_fail(s, OMN_ERR_PLUGIN, name, "its rule gives output %u no shape or type", i);
            return false;
        }
        if (!graph_fits(s, name, type[i], &shape[i])) return false;
    }
    return true;
}

omn_node *omn_op(omn_scope *s, const char *name, omn_node *const *in, uint32_t n_in,
                 const omn_setting *set, size_t n_set, omn_node **more, uint32_t n_more)
{
    omn_type type[OMN_OP_MOST];
    omn_shape shape[OMN_OP_MOST];
    void *params = NULL;
    if (graph_stop(s, name, n_in, in)) return NULL;
    const omn_op_impl *m = find(s, name, set, n_set, &params);
    if (!m) return NULL;
    if (n_in != m->n_in)
        return graph_fail(s, OMN_ERR_ARGUMENT, name, "%u inputs, %u are wanted", n_in, m->n_in);
    if (n_more >= m->n_out)
        return graph_fail(s, OMN_ERR_ARGUMENT, name, "it has %u outputs, %u are asked for",
                          m->n_out, n_more + 1);
    if (!outputs(s, name, m, params, in, type, shape)) return NULL;
    const omn_plugin_attrs attrs = { sizeof attrs, m, params, omn_arena_strdup(s->g->arena, name) };
    if (!attrs.name) return graph_fail(s, OMN_ERR_MEMORY, name, "not enough memory");
    const step *st = graph_step(s, OP_plugin, &attrs, in, n_in, type, shape, m->n_out);
    if (!st) return NULL;
    for (uint32_t i = 0; i < n_more; i++) more[i] = st->out[i + 1];
    return st->out[0];
}

void grad_plugin(omn_scope *s, const step *st, omn_node *gy, omn_node **gx)
{
    const omn_plugin_attrs *t = st->attrs;
    if (!t->impl->gradient) {
        graph_fail(s, OMN_ERR_UNSUPPORTED, t->name,
                   "it has no gradient, but weights that may change lie below it");
        return;
    }
    t->impl->gradient(t->params, s, st->in, st->out, gy, gx);
    for (uint32_t i = 0; i < st->n_in && !omn_scope_failed(s); i++) {
        const omn_node *x = st->in[i], *g = gx[i];
        char is[96], wanted[80];
        if (!g || !x->path) continue;
        if (g->g != s->g)
            graph_fail(s, OMN_ERR_PLUGIN, t->name, "its gradient of input %u is of another graph",
                       i);
        else if (g->type != OMN_F32 || !omn_shape_equal(&g->shape, &x->shape))
            graph_fail(s, OMN_ERR_PLUGIN, t->name,
                       "its gradient of input %u is %s, %s f32 is wanted", i, node_text(g, is),
                       omn_shape_text(&x->shape, wanted, sizeof wanted));
    }
}

omn_status omn_op_run(const omn_plugin_attrs *op, omn_call *c, const omn_tensor *in,
                      const omn_tensor *out, void *const *y, omn_error *err)
{
    const size_t mark = call_scratch_mark(c);
    const omn_status st = said(op->impl->run(c, op->params, in, out, y, err), err);
    call_scratch_release(c, mark);
    if (st != OMN_OK) omn_error_prefix(err, "%s", op->name);
    return st;
}

const char *step_name(const step *st)
{
    if (st->op == OP_plugin) return ((const omn_plugin_attrs *)st->attrs)->name;
    return op_rule_get(st->op)->name;
}
