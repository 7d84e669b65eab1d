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

/* A look-up in a mapped file brings the pages around the row along, so many at most. */
#define AROUND ((uint64_t)64 << 10)

static uint64_t touched(const step *st, uint32_t k, uint64_t all)
{
    if (st->op != OP_embedding || k != 0) return all;
    const uint64_t rows = node_count(st->in[1]), table = (uint64_t)st->in[0]->shape.dim[0];
    const uint64_t row = table ? all / table : all;
    return rows < all / (row + AROUND) ? rows * (row + AROUND) : all;
}

void graph_touches(const omn_graph *g, uint64_t *bytes, size_t n)
{
    for (uint32_t i = 0; i < g->n_steps; i++)
        for (uint32_t k = 0; k < g->steps[i]->n_in; k++) {
            const omn_node *w = node_root(g->steps[i]->in[k]);
            if (w->kind != NODE_WEIGHT || (size_t)w->weight >= n) continue;
            const omn_tensor t = omn_store_tensor(g->program->store, (size_t)w->weight);
            const uint64_t some = touched(g->steps[i], k, t.bytes);
            if (some > bytes[w->weight]) bytes[w->weight] = some;
        }
}

bool graph_takes(const omn_graph *g, const char *input)
{
    const long at = names_get(&g->inputs, input);
    return at >= 0 && g->nodes[at]->first >= 0;
}

const char *graph_input(const omn_graph *g, uint32_t *at)
{
    while (*at < g->n_nodes) {
        const omn_node *x = g->nodes[(*at)++];
        if (x->kind == NODE_INPUT) return x->name;
    }
    return NULL;
}

const omn_device_info *program_device(const omn_program *p)
{
    return &p->main.info;
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
