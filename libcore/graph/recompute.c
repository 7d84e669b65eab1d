/* SPDX-License-Identifier: Apache-2.0 */
/* Activation checkpointing. The steps before the loss are cut into stretches where few bytes go
 * from one side to the other; those stay. When the gradients of a stretch are built, its steps are
 * built a second time behind all that stands, from what stayed, and the rules of the ops see these
 * twins; the plan then finds that nobody reads the first ones any more. The last stretch needs no
 * twins: its gradients come at once.
 *
 * Where to cut: a stretch ends where the least is carried over, before what is inside it grows
 * beyond a limit; of some limits the one is taken with which what is carried and the largest
 * stretch together are smallest. */
#include "inside.h"

#include "recompute.h"

#include <string.h>

#define MOST_LIMITS 128u

struct stretches {
    omn_graph *g;
    uint32_t n_nodes, n_steps, n_stretches;
    uint32_t *stretch;           /* [n_steps] */
    uint32_t *first;             /* [n_stretches + 1], the step at which each begins */
    bool *stays;                 /* [n_nodes], of roots: carried over, or never made again */
    bool *begun;                 /* [n_stretches]: the twins are there */
    omn_node **twin;             /* [n_nodes]; NULL: none */
    step **copy;                 /* [n_steps] */
    uint64_t *carried, *inside;  /* [n_steps + 1], bytes: over the cut before; what it makes */
};

/* A step that reads or writes a state: a second time would be another time. */
static bool once(const step *st)
{
    bool yes = st->out[0]->state != NULL;
    for (uint32_t i = 0; i < st->n_in; i++) {
        const omn_node *x = node_root(st->in[i]);
        yes = yes || x->kind == NODE_STATE || x->state;
    }
    return yes;
}

static bool in_room(const omn_node *x) { return x->kind == NODE_RESULT && !x->state; }

/* first, last of all roots, and what each cut and step weighs. */
static void weigh(const stretches *r)
{
    const omn_graph *g = r->g;
    for (uint32_t i = 0; i < g->n_nodes; i++) g->nodes[i]->first = g->nodes[i]->last = -1;
    for (uint32_t i = 0; i < g->n_steps; i++) {
        step *st = g->steps[i];
        st->at = i;
        for (uint32_t k = 0; k < st->n_in; k++) node_root(st->in[k])->last = (long)i;
        for (uint32_t k = 0; k < st->n_out; k++) {
            st->out[k]->first = st->out[k]->last = (long)i;
            if (in_room(st->out[k])) r->inside[i] += node_bytes(st->out[k]);
        }
    }
    for (uint32_t i = 0; i < g->outputs->count; i++)
        node_root(g->outputs->row[i].node)->last = (long)g->n_steps;
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const omn_node *x = g->nodes[i];
        if (!in_room(x) || x->last == x->first) continue;
        r->carried[x->first + 1] += node_bytes(x);
        if (x->last < (long)g->n_steps) r->carried[x->last + 1] -= node_bytes(x);
    }
    for (uint32_t i = 1; i <= g->n_steps; i++) r->carried[i] += r->carried[i - 1];
}

/* Cut so that, where that can be, no stretch makes more than `limit` bytes. */
static void cut(stretches *r, uint64_t limit)
{
    uint32_t begin = 0;
    r->n_stretches = 0;
    while (begin < r->n_steps) {
        uint32_t end = begin + 1, at = 0;
        uint64_t bytes = r->inside[begin];
        for (; end < r->n_steps && bytes <= limit; bytes += r->inside[end++])
            if (!at || r->carried[end] <= r->carried[at]) at = end;
        if (bytes <= limit) at = r->n_steps;
        else if (!at) at = begin + 1;
        r->first[r->n_stretches] = begin;
        for (uint32_t i = begin; i < at; i++) r->stretch[i] = r->n_stretches;
        r->n_stretches++;
        begin = at;
    }
    r->first[r->n_stretches] = r->n_steps;
}

/* What the plan will need, roughly: going back through a stretch, what was carried from those
 * before it and what it makes. */
static uint64_t needs(const stretches *r)
{
    const omn_graph *g = r->g;
    uint64_t most = 0, before = 0;
    for (uint32_t s = 0; s < r->n_stretches; s++) {
        uint64_t inside = 0, goes = 0;
        for (uint32_t i = r->first[s]; i < r->first[s + 1]; i++) {
            const step *st = g->steps[i];
            inside += r->inside[i];
            for (uint32_t k = 0; k < st->n_out; k++)
                if (in_room(st->out[k]) && st->out[k]->last >= (long)r->first[s + 1])
                    goes += node_bytes(st->out[k]);
        }
        if (before + inside > most) most = before + inside;
        before += goes;
    }
    return most;
}

static void choose(stretches *r)
{
    uint64_t all = 0, best = UINT64_MAX, least = UINT64_MAX;
    for (uint32_t i = 0; i < r->n_steps; i++) all += r->inside[i];
    for (uint32_t n = 1; n <= MOST_LIMITS; n++) {
        cut(r, all / n);
        const uint64_t bytes = needs(r);
        if (bytes < least) {
            least = bytes;
            best = all / n;
        }
    }
    cut(r, best);
}

static void mark(const stretches *r)
{
    const omn_graph *g = r->g;
    for (uint32_t i = 0; i < r->n_steps; i++) {
        const step *st = g->steps[i];
        for (uint32_t k = 0; k < st->n_out; k++) {
            const omn_node *x = st->out[k];
            if (once(st) || x->last >= (long)r->first[r->stretch[i] + 1]) r->stays[x->id] = true;
        }
    }
}

stretches *recompute_new(omn_graph *g)
{
    omn_arena *a = g->arena;
    const uint32_t n = g->n_nodes, m = g->n_steps;
    stretches *r = omn_arena_alloc(a, 1, sizeof *r);
    bool fine = r != NULL;
    if (fine) {
        *r = (stretches){ .g = g, .n_nodes = n, .n_steps = m };
        fine = (r->stretch = omn_arena_alloc(a, m + 1, sizeof *r->stretch)) &&
               (r->first = omn_arena_alloc(a, m + 1, sizeof *r->first)) &&
               (r->stays = omn_arena_alloc(a, n + 1, sizeof *r->stays)) &&
               (r->begun = omn_arena_alloc(a, m + 1, sizeof *r->begun)) &&
               (r->twin = omn_arena_alloc(a, n + 1, sizeof(omn_node *))) &&
               (r->copy = omn_arena_alloc(a, m + 1, sizeof(step *))) &&
               (r->carried = omn_arena_alloc(a, m + 2, sizeof *r->carried)) &&
               (r->inside = omn_arena_alloc(a, m + 1, sizeof *r->inside));
    }
    if (!fine) {
        graph_fail(g->root, OMN_ERR_MEMORY, "gradient", "not enough memory");
        return NULL;
    }
    weigh(r);
    choose(r);
    mark(r);
    return r;
}

/* What stands for x now. */
static omn_node *twin(stretches *r, omn_node *x)
{
    if (x->id >= r->n_nodes) return x;
    if (r->twin[x->id]) return r->twin[x->id];
    if (x->kind != NODE_ALIAS) return x;
    omn_node *of = twin(r, x->of);
    if (!of || of == x->of) return of ? x : NULL;
    omn_node *y = graph_node(r->g->root, NODE_ALIAS, x->type, x->shape);
    if (!y) return NULL;
    y->of = of;
    y->path = x->path;
    return r->twin[x->id] = y;
}

/* The same step over twins; what it makes is made again, unless all of it stays: then the rule
 * alone asks for it. */
static step *again(stretches *r, step *st)
{
    omn_graph *g = r->g;
    omn_type *t = omn_arena_alloc(g->arena, st->n_out, sizeof *t);
    omn_shape *shapes = omn_arena_alloc(g->arena, st->n_out, sizeof *shapes);
    omn_node **in = omn_arena_alloc(g->arena, st->n_in + 1, sizeof(omn_node *));
    step *own = omn_arena_alloc(g->arena, 1, sizeof *own);
    bool stays = true;
    if (!t || !shapes || !in || !own)
        return (step *)graph_fail(g->root, OMN_ERR_MEMORY, "gradient", "not enough memory");
    for (uint32_t i = 0; i < st->n_in; i++)
        if (!(in[i] = twin(r, st->in[i]))) return NULL;
    for (uint32_t i = 0; i < st->n_out; i++) {
        t[i] = st->out[i]->type;
        shapes[i] = st->out[i]->shape;
        stays = stays && (r->stays[st->out[i]->id] || st->out[i]->last == st->out[i]->first);
    }
    if (stays) {
        *own = *st;
        own->in = in;
        return own;
    }
    own = graph_step(st->scope, st->op, st->attrs, in, st->n_in, t, shapes, st->n_out);
    for (uint32_t i = 0; own && i < st->n_out; i++) {
        own->out[i]->path = st->out[i]->path;
        r->twin[st->out[i]->id] = own->out[i];
    }
    return own;
}

const step *recompute_step(stretches *r, step *st)
{
    const uint32_t s = r->stretch[st->at];
    if (s + 1 == r->n_stretches || once(st)) return st;
    for (uint32_t i = r->first[s]; !r->begun[s] && i < r->first[s + 1]; i++) {
        step *x = r->g->steps[i];
        if (!once(x) && !(r->copy[i] = again(r, x))) return NULL;
    }
    r->begun[s] = true;
    return r->copy[st->at];
}
