/* SPDX-License-Identifier: Apache-2.0 */
/* Which weights a graph reads. Each stands once among its nodes, however often it is used. */
#include "reads.h"

#include "inside.h"

bool graph_reads(const omn_graph *g, uint32_t *at, const char **name, omn_tensor *out)
{
    while (*at < g->n_nodes) {
        const omn_node *x = g->nodes[(*at)++];
        if (x->kind != NODE_WEIGHT) continue;
        *name = x->name;
        *out = omn_store_tensor(g->program->store, (size_t)x->weight);
        return true;
    }
    return false;
}
