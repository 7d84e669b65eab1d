/* SPDX-License-Identifier: Apache-2.0 */
/* Reverse-mode differentiation over the nodes: from the loss back to the leaves, each op adds the
 * nodes of its gradient, and what arrives at a node several times is added. Nodes without a path to
 * a trainable weight were marked while building, so nothing is built for them. Where steps are made
 * again, an op's rule sees the twin of its step; gradients belong to the first one. */
#include "inside.h"

static void arrive(omn_scope *s, omn_node *x, omn_node *g)
{
    char a[96], b[96];
    if (!g || !x->path || omn_scope_failed(s)) return;
    if (!omn_shape_equal(&x->shape, &g->shape) || g->type != OMN_F32) {
        graph_fail(s, OMN_ERR_INTERNAL, "gradient", "of %s has %s", node_text(x, a),
                   node_text(g, b));
        return;
    }
    x->grad = x->grad ? omn_add(s, x->grad, g) : g;
}

static void pass_on(omn_graph *g, stretches *again, omn_node *x)
{
    if (x->kind == NODE_ALIAS) {
        arrive(g->root, x->of, omn_reshape(g->root, x->grad, x->of->shape));
    } else if (x->kind == NODE_RESULT && x->place == 0) {
        const step *st = x->by;
        omn_node **gx = omn_arena_alloc(g->arena, st->n_in, sizeof(*gx));
        if (!gx) {
            graph_fail(g->root, OMN_ERR_MEMORY, "gradient", "not enough memory");
            return;
        }
        const step *seen = again ? recompute_step(again, x->by) : st;
        if (!seen) return;
        op_rule_get(st->op)->grad(st->scope, seen, x->grad, gx);
        for (uint32_t i = 0; i < st->n_in; i++) arrive(st->scope, st->in[i], gx[i]);
    }
}

void gradient_build(omn_graph *g, const char *loss)
{
    char text[96];
    static const float one = 1;
    omn_scope *s = g->root;
    omn_node *x = omn_bundle_get(g->outputs, s, loss);
    if (!x) return;
    if (x->type != OMN_F32 || node_count(x) != 1) {
        graph_fail(s, OMN_ERR_SHAPE, "gradient", "the loss '%s' is %s, one f32 is wanted", loss,
                   node_text(x, text));
        return;
    }
    if (!x->path) {
        graph_fail(s, OMN_ERR_ARGUMENT, "gradient",
                   "the loss '%s' depends on no weight that may change", loss);
        return;
    }
    const uint32_t n = g->n_nodes;
    g->backward = true;
    stretches *again = g->recompute ? recompute_new(g) : NULL;
    x->grad = omn_const(s, OMN_F32, x->shape, &one);
    for (uint32_t i = n; i-- > 0 && !omn_scope_failed(s);)
        if (g->nodes[i]->grad && g->nodes[i]->path) pass_on(g, again, g->nodes[i]);
    for (uint32_t i = 0; i < n && !omn_scope_failed(s); i++) {
        omn_node *w = g->nodes[i];
        if (w->kind != NODE_WEIGHT || !w->grad) continue;
        const char *name = omn_arena_printf(g->arena, "grad:%s", w->name);
        if (name)
            omn_bundle_put(g->outputs, s, name, w->grad);
        else
            graph_fail(s, OMN_ERR_MEMORY, "gradient", "not enough memory");
    }
    g->backward = false;
}
