/* SPDX-License-Identifier: Apache-2.0 */
/* The picture of a graph, for graphviz: one box for each step with its name and output shape,
 * ellipses for leaves, edges along the data. */
#include "inside.h"

static void quoted(omn_buf *out, const char *s)
{
    for (; s && *s; s++) {
        if (*s == '"' || *s == '\\') omn_buf_put(out, "\\", 1);
        if ((unsigned char)*s >= 32) omn_buf_put(out, s, 1);
    }
}

static const char *leaf_kind(const omn_node *x)
{
    switch (x->kind) {
    case NODE_INPUT:
        return "input";
    case NODE_CONST:
        return "const";
    case NODE_WEIGHT:
        return "weight";
    case NODE_STATE:
        return "state";
    default:
        return "";
    }
}

void omn_graph_dot(const omn_graph *g, omn_buf *out)
{
    char text[96];
    omn_buf_puts(out, "digraph \"");
    quoted(out, g->key);
    omn_buf_puts(out, "\" {\n  rankdir=TB; node [shape=box, fontname=\"monospace\"];\n");
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const omn_node *x = g->nodes[i];
        if (x->kind == NODE_RESULT || x->kind == NODE_ALIAS || x->first < 0) continue;
        omn_buf_printf(out, "  n%u [shape=ellipse, label=\"%s ", x->id, leaf_kind(x));
        quoted(out, x->name);
        omn_buf_printf(out, "\\n%s\"];\n", node_text(x, text));
    }
    for (uint32_t i = 0; i < g->n_steps; i++) {
        const step *st = g->steps[i];
        omn_buf_printf(out, "  s%u [label=\"%s ", i, step_name(st));
        quoted(out, st->out[0]->tag ? st->out[0]->tag : st->scope->name);
        omn_buf_printf(out, "\\n%s\"];\n", node_text(st->out[0], text));
        for (uint32_t k = 0; k < st->n_in; k++) {
            const omn_node *x = node_root(st->in[k]);
            if (x->kind == NODE_RESULT)
                omn_buf_printf(out, "  s%u -> s%u;\n", x->by->at, i);
            else
                omn_buf_printf(out, "  n%u -> s%u;\n", x->id, i);
        }
    }
    for (uint32_t i = 0; i < g->outputs->count; i++) {
        const omn_node *x = node_root(g->outputs->row[i].node);
        omn_buf_printf(out, "  o%u [shape=ellipse, style=bold, label=\"", i);
        quoted(out, g->outputs->row[i].name);
        omn_buf_puts(out, "\"];\n");
        if (x->kind == NODE_RESULT)
            omn_buf_printf(out, "  s%u -> o%u;\n", x->by->at, i);
        else
            omn_buf_printf(out, "  n%u -> o%u;\n", x->id, i);
    }
    omn_buf_puts(out, "}\n");
}
