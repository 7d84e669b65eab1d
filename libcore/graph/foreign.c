/* SPDX-License-Identifier: Apache-2.0 */
/* Ops of plugins: a step "plugin" carries the plugin's functions and its parameters. The
 * processor's device calls them; every other device lacks the op, so it becomes an island. */
#include "inside.h"

#include <string.h>

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
    const omn_status st = m->rule(params, in_shape, in_type, shape, type, &err);
    if (st != OMN_OK) {
        graph_fail(s, st, name, "%s", err.text[0] ? err.text : "the plugin does not say why");
        return false;
    }
    for (uint32_t i = 0; i < m->n_out; i++) {
        const omn_type_info *t = omn_type_get(type[i]);
        bool good = t && shape[i].rank <= OMN_MAX_RANK;
        for (uint32_t d = 0; good && d < shape[i].rank; d++) good = shape[i].dim[d] >= 0;
        if (!good) {
            graph_fail(s, OMN_ERR_PLUGIN, name, "its rule gives output %u no shape or type", i);
            return false;
        }
    }
    return true;
}

omn_node *omn_op(omn_scope *s, const char *name, omn_node *const *in, uint32_t n_in,
                 const omn_setting *set, size_t n_set, omn_node **more)
{
    omn_type type[OMN_OP_MOST];
    omn_shape shape[OMN_OP_MOST];
    void *params = NULL;
    if (graph_stop(s, name, n_in, in)) return NULL;
    const omn_op_impl *m = find(s, name, set, n_set, &params);
    if (!m) return NULL;
    if (n_in != m->n_in)
        return graph_fail(s, OMN_ERR_ARGUMENT, name, "%u inputs, %u are wanted", n_in, m->n_in);
    if (!outputs(s, name, m, params, in, type, shape)) return NULL;
    const omn_plugin_attrs attrs = { sizeof attrs, m, params, omn_arena_strdup(s->g->arena, name) };
    if (!attrs.name) return graph_fail(s, OMN_ERR_MEMORY, name, "not enough memory");
    const step *st = graph_step(s, OP_plugin, &attrs, in, n_in, type, shape, m->n_out);
    if (!st) return NULL;
    for (uint32_t i = 1; more && i < m->n_out; i++) more[i - 1] = st->out[i];
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
}

const char *step_name(const step *st)
{
    if (st->op == OP_plugin) return ((const omn_plugin_attrs *)st->attrs)->name;
    return op_rule_get(st->op)->name;
}
