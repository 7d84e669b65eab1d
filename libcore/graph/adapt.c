/* SPDX-License-Identifier: Apache-2.0 */
/* Low-rank adapters in graphs. A product y = x W^T whose matrix has one becomes y + scale (x A^T)
 * B^T; for matrices that lie [in, out] the same with the factors in the other order, so that the
 * sum W + scale B A is one of matrices as they are stored and needs to know of no product. */
#include "adapt.h"

#include "inside.h"

#include <string.h>
#include <xxhash.h>

bool adapt_is_factor(const char *name)
{
    const size_t n = strlen(name), k = strlen(ADAPT_A);
    return n > k && (!strcmp(name + n - k, ADAPT_A) || !strcmp(name + n - k, ADAPT_B));
}

void adapter_merge(const adapter *a, float *w, int64_t R, int64_t C)
{
    for (int64_t r = 0; r < R; r++)
        for (int64_t c = 0; c < C; c++) {
            float sum = 0;
            for (int64_t k = 0; k < a->rank; k++) sum += a->b[r * a->rank + k] * a->a[k * C + c];
            w[r * C + c] += (float)a->scale * sum;
        }
}

uint64_t adapter_digest(const char *name, const adapter *a, int64_t R, int64_t C)
{
    uint64_t h = XXH3_64bits(name, strlen(name));
    h = XXH3_64bits_withSeed(&a->rank, sizeof a->rank, h);
    h = XXH3_64bits_withSeed(&a->scale, sizeof a->scale, h);
    h = XXH3_64bits_withSeed(a->a, (size_t)(a->rank * C) * sizeof *a->a, h);
    return XXH3_64bits_withSeed(a->b, (size_t)(R * a->rank) * sizeof *a->b, h);
}

static omn_node *factor(omn_scope *s, const char *name, const char *which, int64_t rows,
                        int64_t cols)
{
    const char *full = omn_arena_printf(s->g->arena, "/%s%s", name, which);
    if (!full) return graph_fail(s, OMN_ERR_MEMORY, NULL, "not enough memory to build the graph");
    return omn_weight(s, full, omn_dim2(rows, cols), OMN_INIT_ZERO, 0);
}

omn_node *adapt_product(omn_scope *s, omn_node *x, omn_node *w, bool in_out, omn_node *y)
{
    adapter a;
    if (!y || w->kind != NODE_WEIGHT || !store_adapter(s->g->program->store, w->name, &a))
        return y;
    const int64_t R = w->shape.dim[0], C = w->shape.dim[1];
    omn_node *fa = factor(s, w->name, ADAPT_A, a.rank, C);
    omn_node *fb = factor(s, w->name, ADAPT_B, R, a.rank);
    omn_node *low = in_out ? omn_linear_in_out(s, x, fb, NULL, OMN_ACT_NONE)
                           : omn_linear(s, x, fa, NULL, OMN_ACT_NONE);
    omn_node *added = in_out ? omn_linear_in_out(s, low, fa, NULL, OMN_ACT_NONE)
                             : omn_linear(s, low, fb, NULL, OMN_ACT_NONE);
    return omn_add(s, y, omn_scale(s, added, a.scale, 0));
}

/* Is input k of a step the matrix of a product, as the store has it? */
static bool multiplied(const step *st, uint32_t k)
{
    return (st->op == OP_linear || st->op == OP_linear_dx) && k == 1 &&
           st->in[k]->kind == NODE_WEIGHT;
}

void adapt_check(omn_graph *g)
{
    adapter a;
    for (uint32_t i = 0; i < g->n_steps; i++)
        for (uint32_t k = 0; k < g->steps[i]->n_in; k++) {
            const omn_node *x = node_root(g->steps[i]->in[k]);
            if (x->kind != NODE_WEIGHT || multiplied(g->steps[i], k) ||
                !store_adapter(g->program->store, x->name, &a))
                continue;
            graph_fail(g->root, OMN_ERR_CONFIG, NULL,
                       "%s has an adapter, but %s reads it too; only matrices that products alone "
                       "read can have one",
                       x->name, step_name(g->steps[i]));
            return;
        }
}

static bool adapts(const omn_graph *g, const omn_node *w)
{
    for (uint32_t i = 0; i < g->n_steps; i++)
        for (uint32_t k = 0; k < g->steps[i]->n_in; k++)
            if (node_root(g->steps[i]->in[k]) == w && !multiplied(g->steps[i], k)) return false;
    for (uint32_t i = 0; i < g->outputs->count; i++)
        if (node_root(g->outputs->row[i].node) == w) return false;
    return true;
}

bool program_adapts(omn_program *p, const char *name)
{
    bool some = false, all = true;
    pthread_mutex_lock(&p->lock);
    for (const omn_graph *g = p->graphs; g && all; g = g->next) {
        const long at = names_get(&g->weights, name);
        if (at < 0 || g->nodes[at]->first < 0) continue; /* none of its steps reads it */
        some = true;
        all = adapts(g, g->nodes[at]);
    }
    pthread_mutex_unlock(&p->lock);
    return some && all;
}

static bool looks_up(const omn_graph *g, const omn_node *w)
{
    for (uint32_t i = 0; i < g->n_steps; i++)
        if (g->steps[i]->op == OP_embedding && node_root(g->steps[i]->in[0]) == w) return true;
    return false;
}

bool program_looks_up(omn_program *p, const char *name)
{
    bool found = false;
    pthread_mutex_lock(&p->lock);
    for (const omn_graph *g = p->graphs; g && !found; g = g->next) {
        const long at = names_get(&g->weights, name);
        found = at >= 0 && looks_up(g, g->nodes[at]);
    }
    pthread_mutex_unlock(&p->lock);
    return found;
}
