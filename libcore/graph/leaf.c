/* SPDX-License-Identifier: Apache-2.0 */
/* The leaves of a graph: what the caller feeds, constants, the weights of the store, and the
 * states, which outlive a run. */
#include "inside.h"

#include "reads.h"

#include <omnio/running.h>

#include <stdio.h>
#include <string.h>

omn_node *omn_input(omn_scope *s, const char *name, omn_type t, omn_shape shape)
{
    char have[96], want[80];
    if (omn_scope_failed(s)) return NULL;
    const long old = names_get(&s->g->inputs, name);
    if (old >= 0) {
        omn_node *x = s->g->nodes[old];
        if (x->type != t || !omn_shape_equal(&x->shape, &shape))
            return graph_fail(s, OMN_ERR_SHAPE, NULL,
                              "input '%s' is %s already, it cannot be %s %s too", name,
                              node_text(x, have), omn_shape_text(&shape, want, sizeof(want)),
                              omn_type_get(t) ? omn_type_get(t)->name : "?");
        return x;
    }
    omn_node *x = graph_node(s, NODE_INPUT, t, shape);
    if (!x) return NULL;
    x->name = omn_arena_strdup(s->g->arena, name);
    if (!x->name || !names_put(&s->g->inputs, x->name, x->id))
        return graph_fail(s, OMN_ERR_MEMORY, NULL, "not enough memory to build the graph");
    return x;
}

omn_node *omn_const(omn_scope *s, omn_type t, omn_shape shape, const void *data)
{
    if (omn_scope_failed(s)) return NULL;
    if (!data) return graph_fail(s, OMN_ERR_ARGUMENT, "const", "the data is missing (NULL)");
    omn_node *x = graph_node(s, NODE_CONST, t, shape);
    if (!x) return NULL;
    const uint64_t bytes = node_bytes(x);
    void *own = omn_arena_alloc(s->g->arena, 1, bytes);
    if (!own) return graph_fail(s, OMN_ERR_MEMORY, "const", "not enough memory for a constant");
    memcpy(own, data, bytes);
    x->data = own;
    return x;
}

static bool is_frozen(const omn_graph *g, const char *name)
{
    for (size_t i = 0; i < g->n_frozen; i++)
        if (glob_match(g->frozen[i], name)) return true;
    return false;
}

omn_node *omn_weight(omn_scope *s, const char *name, omn_shape want, omn_init_kind init, double a)
{
    char have[80], wanted[80];
    if (omn_scope_failed(s)) return NULL;
    omn_graph *g = s->g;
    const char *full = graph_full_name(s, name);
    if (!full) return graph_fail(s, OMN_ERR_MEMORY, NULL, "not enough memory to build the graph");
    const long old = names_get(&g->weights, full);
    if (old >= 0) {
        omn_node *x = g->nodes[old];
        if (!omn_shape_equal(&x->shape, &want))
            return graph_fail(g->root, OMN_ERR_SHAPE, full, "%s before, %s wanted now",
                              omn_shape_text(&x->shape, have, sizeof(have)),
                              omn_shape_text(&want, wanted, sizeof(wanted)));
        return x;
    }
    if (!g->program->store)
        return graph_fail(s, OMN_ERR_CONFIG, NULL, "weight '%s': this program has no store", name);
    long number;
    omn_tensor t;
    if (store_declare(g->program->store, full, &want, init, a, &number, &t, &g->failure) != OMN_OK)
        return NULL;
    omn_node *x = graph_node(s, NODE_WEIGHT, t.type, want);
    if (!x) return NULL;
    x->name = full;
    x->weight = number;
    x->tiled = !omn_shape_equal(&t.shape, &want);
    x->path = g->training && !is_frozen(g, full);
    if (!names_put(&g->weights, full, x->id))
        return graph_fail(s, OMN_ERR_MEMORY, NULL, "not enough memory to build the graph");
    return x;
}

bool omn_weight_exists(const omn_scope *s, const char *name)
{
    char full[1024];
    if (!s || !s->g->program->store) return false;
    const size_t n = strlen(s->name), m = strlen(name);
    if (n + m + 2 > sizeof(full)) return false;
    if (name[0] == '/') return store_has(s->g->program->store, name + 1);
    memcpy(full, s->name, n);
    if (n) full[n] = '.';
    memcpy(full + n + (n > 0), name, m + 1);
    return store_has(s->g->program->store, full);
}

bool omn_weight_moves(const omn_node *w)
{
    return w && w->kind == NODE_WEIGHT && w->path;
}

omn_node *omn_weight_later(omn_node *w)
{
    const omn_graph *g = w ? w->g : NULL;
    for (uint32_t i = g ? g->n_makings : 0; i-- > 0;)
        if (g->makings[i].of == w && !strcmp(g->makings[i].name, AFTER)) return g->makings[i].node;
    return w;
}

void omn_weight_after(omn_scope *s, omn_node *w, omn_node *x)
{
    char name[1024], have[96], wanted[96];
    if (omn_scope_failed(s) || !omn_weight_moves(w)) return;
    if (!x || x->type != OMN_F32 || !omn_shape_equal(&x->shape, &w->shape)) {
        graph_fail(s, OMN_ERR_SHAPE, NULL, "weight '%s' (%s) would become %s: f32 is wanted, and "
                                           "its shape", w->name, node_text(w, wanted),
                   x ? node_text(x, have) : "nothing");
        return;
    }
    const int n = snprintf(name, sizeof name, "%s%s", AFTER, w->name);
    if (n < 0 || (size_t)n >= sizeof name) {
        graph_fail(s, OMN_ERR_ARGUMENT, NULL, "weight '%s': its name is too long", w->name);
        return;
    }
    if (s->g->with_gradient) {
        if (omn_weight_later(w) != w) omn_bundle_replace(s->g->outputs, s->g->root, name, x);
        else omn_bundle_put(s->g->outputs, s->g->root, name, x);
    }
    omn_node_tag(s->g->root, x, "after.%s", w->name);
    omn_node_make(s->g->root, w, AFTER, x);
}

/* ---- states
 * ---------------------------------------------------------------------------------------- */

/* Called while the program is locked for building. */
static omn_state *state_of(omn_scope *s, const char *name, omn_type t, omn_shape capacity,
                           bool heads)
{
    size_t count;
    omn_program *p = s->g->program;
    const char *full = graph_full_name(s, name);
    if (!full) {
        graph_fail(s, OMN_ERR_MEMORY, NULL, "not enough memory to build the graph");
        return NULL;
    }
    if (!omn_shape_count(&capacity, &count) || count == 0 || count > (size_t)1 << 42 ||
        capacity.rank < 1) {
        graph_fail(s, OMN_ERR_SHAPE, "state", "'%s' has an impossible size", name);
        return NULL;
    }
    for (omn_state *st = p->states; st; st = st->next)
        if (st->type == t && st->heads == heads && !strcmp(st->name, full) &&
            omn_shape_equal(&st->shape, &capacity))
            return st;
    omn_state *st = omn_arena_alloc(p->arena, 1, sizeof(*st));
    if (st) st->name = omn_arena_strdup(p->arena, full);
    if (!st || !st->name) {
        graph_fail(s, OMN_ERR_MEMORY, NULL, "not enough memory to build the graph");
        return NULL;
    }
    st->type = t;
    st->shape = capacity;
    st->bytes = count * omn_type_get(t)->bytes;
    st->heads = heads;
    st->number = p->n_states++;
    st->next = p->states;
    p->states = st;
    return st;
}

omn_state *omn_state_at(omn_scope *s, const char *name, omn_type t, omn_shape capacity)
{
    if (omn_scope_failed(s)) return NULL;
    if (t == OMN_F32 || t == OMN_I32) return state_of(s, name, t, capacity, false);
    graph_fail(s, OMN_ERR_TYPE, "state", "'%s' must be f32 or i32", name);
    return NULL;
}

omn_state *omn_cache_at(omn_scope *s, const char *name, int64_t rows, int64_t places, int64_t heads,
                        int64_t width)
{
    if (omn_scope_failed(s)) return NULL;
    return state_of(s, name, s->g->program->cache, omn_dim4(rows, heads, places, width),
                    true);
}

/* The value that the state has at this point of the chain of writes: none yet, the leaf. */
static omn_node *leaf(omn_scope *s, omn_state *st)
{
    omn_graph *g = s->g;
    for (uint32_t i = 0; i < g->n_nodes; i++)
        if (g->nodes[i]->kind == NODE_STATE && g->nodes[i]->state == st) return g->nodes[i];
    omn_node *x = graph_node(s, NODE_STATE, st->type, st->shape);
    if (!x) return NULL;
    x->state = st;
    x->name = st->name;
    return x;
}

static omn_node *newest(omn_scope *s, omn_state *st)
{
    omn_graph *g = s->g;
    for (uint32_t i = g->n_nodes; i-- > 0;)
        if (g->nodes[i]->state == st) return g->nodes[i];
    return leaf(s, st);
}

omn_node *omn_state_read(omn_scope *s, omn_state *st)
{
    if (omn_scope_failed(s)) return NULL;
    if (!st) return graph_fail(s, OMN_ERR_ARGUMENT, "state_read", "the state is missing (NULL)");
    return leaf(s, st);
}

/* one place for each row of x */
static bool places_fit(omn_scope *s, const omn_node *x, const omn_node *at)
{
    char place[96];
    if (at->type == OMN_I32 && at->shape.rank == 1 && at->shape.dim[0] == x->shape.dim[0])
        return true;
    graph_fail(s, OMN_ERR_SHAPE, "state_append", "at is %s, [%lld] i32 is wanted",
               node_text(at, place), (long long)x->shape.dim[0]);
    return false;
}

/* x goes to a cache; less: it may have fewer places. */
static omn_node *append_heads(omn_scope *s, omn_state *st, omn_node *x, omn_node *at, bool less)
{
    char have[96], want[80];
    const int64_t *d = st->shape.dim;
    const omn_shape whole = omn_dim4(d[0], d[2], d[1], d[3]);
    x = graph_f32(s, "cache", x);
    if (!x) return NULL;
    omn_shape shape = x->shape;
    if (less && shape.rank == 4 && shape.dim[1] < d[2]) shape.dim[1] = d[2];
    if (!omn_shape_equal(&shape, &whole))
        return graph_fail(s, OMN_ERR_SHAPE, "cache", "x is %s, the cache '%s' takes %s%s",
                          node_text(x, have), st->name, omn_shape_text(&whole, want, sizeof(want)),
                          less ? "; only axis 1 may be shorter" : "");
    if (!places_fit(s, x, at)) return NULL;
    omn_node *in[] = { newest(s, st), x, at };
    if (!in[0]) return NULL;
    omn_node *y = graph_op(s, OP_append_heads, NULL, in, 3, st->type, st->shape);
    if (y) y->state = st;
    return y;
}

/* all places of a cache from the first on */
static omn_node *fill_heads(omn_scope *s, omn_state *st, omn_node *x)
{
    const size_t rows = (size_t)st->shape.dim[0];
    int32_t *zeros = omn_arena_alloc(s->g->arena, rows, sizeof(*zeros));
    if (!zeros) return graph_fail(s, OMN_ERR_MEMORY, NULL, "not enough memory to build the graph");
    omn_node *at = omn_const(s, OMN_I32, omn_dim1((int64_t)rows), zeros);
    return at ? append_heads(s, st, x, at, false) : NULL;
}

omn_node *omn_state_write(omn_scope *s, omn_state *st, omn_node *x)
{
    char have[96], want[80];
    if (graph_stop(s, "state_write", 1, &x)) return NULL;
    if (!st) return graph_fail(s, OMN_ERR_ARGUMENT, "state_write", "the state is missing (NULL)");
    if (st->heads) return fill_heads(s, st, x);
    if (st->type == OMN_F32) x = graph_f32(s, "state_write", x);
    if (!x) return NULL;
    if (x->type != st->type || !omn_shape_equal(&x->shape, &st->shape))
        return graph_fail(s, OMN_ERR_SHAPE, "state_write", "x is %s, the state '%s' holds %s %s",
                          node_text(x, have), st->name,
                          omn_shape_text(&st->shape, want, sizeof(want)),
                          omn_type_get(st->type)->name);
    omn_node *in[] = { newest(s, st), x };
    if (!in[0]) return NULL;
    omn_node *y = graph_op(s, OP_state_write, NULL, in, 2, st->type, st->shape);
    if (y) y->state = st;
    return y;
}

omn_node *omn_state_append(omn_scope *s, omn_state *st, omn_node *x, omn_node *at)
{
    char have[96], want[80];
    if (graph_stop(s, "state_append", 2, (omn_node *[]){ x, at })) return NULL;
    if (!st) return graph_fail(s, OMN_ERR_ARGUMENT, "state_append", "the state is missing (NULL)");
    if (st->heads) return append_heads(s, st, x, at, true);
    if (st->type == OMN_F32) x = graph_f32(s, "state_append", x);
    if (!x) return NULL;
    bool fits = x->type == st->type && x->shape.rank == st->shape.rank && x->shape.rank >= 2;
    for (uint32_t i = 0; fits && i < x->shape.rank; i++)
        fits = i == 1 ? x->shape.dim[i] <= st->shape.dim[i] : x->shape.dim[i] == st->shape.dim[i];
    if (!fits)
        return graph_fail(
            s, OMN_ERR_SHAPE, "state_append",
            "x is %s, the state '%s' holds %s %s; only axis 1 may be shorter", node_text(x, have),
            st->name, omn_shape_text(&st->shape, want, sizeof(want)), omn_type_get(st->type)->name);
    if (!places_fit(s, x, at)) return NULL;
    omn_node *in[] = { newest(s, st), x, at };
    if (!in[0]) return NULL;
    omn_node *y = graph_op(s, OP_state_append, NULL, in, 3, st->type, st->shape);
    if (y) y->state = st;
    return y;
}
