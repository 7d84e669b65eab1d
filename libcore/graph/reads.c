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

bool graph_takes(const omn_graph *g, const char *input)
{
    const long at = names_get(&g->inputs, input);
    return at >= 0 && g->nodes[at]->first >= 0;
}

static bool multiplies(const omn_node *x) { return x->multiplies; }
static bool in_blocks(const omn_node *x) { return x->in_blocks; }

/* Is that so in every graph that reads the weight, and is there one? */
static bool everywhere(omn_program *p, const char *name, bool (*is)(const omn_node *))
{
    bool some = false, all = true;
    pthread_mutex_lock(&p->lock);
    for (const omn_graph *g = p->graphs; g && all; g = g->next) {
        const long at = names_get(&g->weights, name);
        if (at < 0 || g->nodes[at]->first < 0) continue; /* none of its steps reads it */
        some = true;
        all = is(g->nodes[at]);
    }
    pthread_mutex_unlock(&p->lock);
    return some && all;
}

bool program_multiplies(omn_program *p, const char *name)
{
    return everywhere(p, name, multiplies);
}

bool program_reads_blocks(omn_program *p, const char *name)
{
    return everywhere(p, name, in_blocks);
}
