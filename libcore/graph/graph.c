/* SPDX-License-Identifier: Apache-2.0 */
/* Graphs, scopes, nodes and steps, and the one failure that a graph keeps: whoever builds writes
 * straight through, and the first thing that went wrong is told once, with the name of the place.
 */
#include "inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

omn_graph *graph_new(omn_program *p, const char *key)
{
    omn_arena *a = omn_arena_new(0);
    omn_graph *g = a ? omn_arena_alloc(a, 1, sizeof(*g)) : NULL;
    if (!g) {
        omn_arena_free(a);
        return NULL;
    }
    g->program = p;
    g->arena = a;
    g->failure = (omn_error)OMN_ERROR_INIT;
    g->key = omn_arena_strdup(a, key);
    g->root = omn_arena_alloc(a, 1, sizeof(*g->root));
    if (g->root) {
        g->root->g = g;
        g->root->name = "";
        g->outputs = omn_bundle_new(g->root);
    }
    if (!g->key || !g->root || !g->outputs) {
        omn_arena_free(a);
        return NULL;
    }
    return g;
}

void graph_free(omn_graph *g)
{
    if (!g) return;
    names_fini(&g->weights);
    names_fini(&g->inputs);
    free(g->consts);
    omn_arena_free(g->arena);
}

bool graph_grow(omn_arena *a, void *items, uint32_t *room, uint32_t count, size_t each)
{
    if (count < *room) return true;
    if (*room > UINT32_MAX / 4) return false;
    const uint32_t more = *room ? 2 * *room : 32;
    void *old, *fresh = omn_arena_alloc(a, more, each);
    if (!fresh) return false;
    memcpy(&old, items, sizeof(old));
    if (count) memcpy(fresh, old, count * each);
    memcpy(items, &fresh, sizeof(fresh));
    *room = more;
    return true;
}

/* ---- failures
 * ------------------------------------------------------------------------------------- */

static void fail(omn_scope *s, omn_status st, const char *op, const char *text)
{
    const char *name = s->name;
    omn_fail(&s->g->failure, st, "%s%s%s%s%s", name, *name ? ": " : "", op ? op : "",
             op ? ": " : "", text);
}

omn_node *graph_fail(omn_scope *s, omn_status st, const char *op, const char *fmt, ...)
{
    char text[700];
    va_list ap;
    if (!s || s->g->failure.status != OMN_OK) return NULL;
    va_start(ap, fmt);
    omn_vformat(text, sizeof(text), fmt, ap);
    va_end(ap);
    fail(s, st, op, text);
    return NULL;
}

omn_node *omn_scope_fail(omn_scope *s, omn_status st, const char *fmt, ...)
{
    char text[700];
    va_list ap;
    if (!s || s->g->failure.status != OMN_OK) return NULL;
    va_start(ap, fmt);
    omn_vformat(text, sizeof(text), fmt, ap);
    va_end(ap);
    fail(s, st == OMN_OK ? OMN_ERR_INTERNAL : st, NULL, text);
    return NULL;
}

bool omn_scope_failed(const omn_scope *s)
{
    return !s || s->g->failure.status != OMN_OK;
}

bool graph_stop(omn_scope *s, const char *op, size_t n, omn_node *const *need)
{
    if (omn_scope_failed(s)) return true;
    for (size_t i = 0; i < n; i++) {
        if (!need[i]) {
            graph_fail(s, OMN_ERR_ARGUMENT, op, "argument %zu is missing (NULL), a node is wanted",
                       i + 1);
            return true;
        }
        if (need[i]->g != s->g) {
            graph_fail(s, OMN_ERR_ARGUMENT, op, "argument %zu belongs to another graph", i + 1);
            return true;
        }
    }
    return false;
}

static void *no_memory(omn_scope *s)
{
    return graph_fail(s, OMN_ERR_MEMORY, NULL, "not enough memory to build the graph");
}

/* ---- scopes
 * ----------------------------------------------------------------------------------------- */

const char *graph_full_name(omn_scope *s, const char *name)
{
    if (name[0] == '/') return omn_arena_strdup(s->g->arena, name + 1);
    if (!*s->name) return omn_arena_strdup(s->g->arena, name);
    if (!*name) return s->name;
    return omn_arena_printf(s->g->arena, "%s.%s", s->name, name);
}

omn_scope *omn_scope_at(omn_scope *s, const char *fmt, ...)
{
    char name[512];
    va_list ap;
    if (!s) return NULL;
    va_start(ap, fmt);
    const int n = omn_vformat(name, sizeof(name), fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof(name)) {
        graph_fail(s, OMN_ERR_ARGUMENT, NULL, "a scope name has more than %zu bytes",
                   sizeof(name) - 1);
        return s;
    }
    omn_scope *below = omn_arena_alloc(s->g->arena, 1, sizeof(*below));
    const char *full = graph_full_name(s, name);
    if (!below || !full) {
        no_memory(s);
        return s;
    }
    below->g = s->g;
    below->name = full;
    return below;
}

const char *omn_scope_name(const omn_scope *s)
{
    return s ? s->name : "";
}

bool omn_scope_training(const omn_scope *s)
{
    return s && s->g->training;
}

omn_arena *omn_scope_arena(omn_scope *s)
{
    return s ? s->g->arena : NULL;
}

/* ---- nodes
 * ------------------------------------------------------------------------------------------- */

int64_t omn_node_dim(const omn_node *x, int axis)
{
    if (!x) return 1;
    const int rank = (int)x->shape.rank;
    if (axis < 0) axis += rank;
    return axis >= 0 && axis < rank ? x->shape.dim[axis] : 1;
}

omn_shape omn_node_shape(const omn_node *x)
{
    return x ? x->shape : omn_dim0();
}

omn_type omn_node_type(const omn_node *x)
{
    return x ? x->type : OMN_TYPE_NONE;
}

omn_node *omn_node_tag(omn_scope *s, omn_node *x, const char *fmt, ...)
{
    char name[512];
    va_list ap;
    if (omn_scope_failed(s) || !x) return x;
    va_start(ap, fmt);
    const int n = omn_vformat(name, sizeof(name), fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof(name))
        return graph_fail(s, OMN_ERR_ARGUMENT, NULL, "a tag has more than %zu bytes",
                          sizeof(name) - 1);
    const char *full = graph_full_name(s, name);
    omn_graph *g = s->g;
    if (!full || !graph_grow(g->arena, &g->tags, &g->room_tags, g->n_tags, sizeof(*g->tags)))
        return no_memory(s);
    g->tags[g->n_tags++] = (tag){ full, x };
    if (!x->tag) x->tag = full;
    return x;
}

omn_node *omn_node_tagged(omn_scope *s, const char *name)
{
    const char *full = omn_scope_failed(s) ? NULL : graph_full_name(s, name);
    for (uint32_t i = 0; full && i < s->g->n_tags; i++)
        if (!strcmp(s->g->tags[i].name, full)) return s->g->tags[i].node;
    return NULL;
}

omn_node *omn_node_make(omn_scope *s, omn_node *of, const char *name, omn_node *x)
{
    if (omn_scope_failed(s) || !x || !of) return x;
    const char *full = graph_full_name(s, name);
    omn_graph *g = s->g;
    if (!full ||
        !graph_grow(g->arena, &g->makings, &g->room_makings, g->n_makings, sizeof(*g->makings)))
        return no_memory(s);
    g->makings[g->n_makings++] = (made){ full, of, x };
    return x;
}

omn_node *omn_node_made(omn_scope *s, const omn_node *of, const char *name)
{
    const char *full = omn_scope_failed(s) || !of ? NULL : graph_full_name(s, name);
    for (uint32_t i = 0; full && i < s->g->n_makings; i++) {
        const made *m = &s->g->makings[i];
        if (m->of == of && !strcmp(m->name, full)) return m->node;
    }
    return NULL;
}

uint64_t node_count(const omn_node *x)
{
    uint64_t n = 1;
    for (uint32_t i = 0; i < x->shape.rank; i++) n *= (uint64_t)x->shape.dim[i];
    return n;
}

uint64_t node_bytes(const omn_node *x)
{
    size_t bytes = 0;
    return omn_shape_bytes(&x->shape, x->type, &bytes) ? bytes : 0; /* it was asked before */
}

omn_node *node_root(omn_node *x)
{
    while (x->kind == NODE_ALIAS) x = x->of;
    return x;
}

const char *node_text(const omn_node *x, char buf[static 96])
{
    char shape[80];
    const omn_type_info *t = omn_type_get(x->type);
    snprintf(buf, 96, "%s %s", omn_shape_text(&x->shape, shape, sizeof(shape)), t ? t->name : "?");
    return buf;
}

bool wants(const step *st, uint32_t i)
{
    return i < st->n_in && st->in[i]->path;
}

bool graph_no_blocks(omn_scope *s, const char *op, const omn_node *x)
{
    char text[96];
    if (!omn_type_get(x->type)->block) return true;
    graph_fail(s, OMN_ERR_TYPE, op,
               "%s is %s, and only the weights of linear products and tables of embeddings are "
               "read as blocks; store it as bf16, f16 or f32",
               x->name ? x->name : "a weight", node_text(x, text));
    return false;
}

bool graph_is_weight(omn_scope *s, const char *op, const char *what, omn_node *x)
{
    char text[96];
    if (omn_type_get(x->type)->is_float) return true;
    graph_fail(s, OMN_ERR_TYPE, op, "%s is %s, floats are wanted", what, node_text(x, text));
    return false;
}

bool graph_is_float(omn_scope *s, const char *op, const char *what, omn_node *x)
{
    return graph_is_weight(s, op, what, x) && graph_no_blocks(s, op, x);
}

bool graph_is_i32(omn_scope *s, const char *op, const char *what, omn_node *x)
{
    char text[96];
    if (x->type == OMN_I32) return true;
    graph_fail(s, OMN_ERR_TYPE, op, "%s is %s, i32 is wanted", what, node_text(x, text));
    return false;
}

omn_node *graph_f32(omn_scope *s, const char *op, omn_node *x)
{
    char text[96];
    if (!x || x->type == OMN_F32) return x;
    if (!graph_no_blocks(s, op, x)) return NULL;
    if (!omn_type_get(x->type)->is_float)
        return graph_fail(s, OMN_ERR_TYPE, op, "%s given, f32 is wanted", node_text(x, text));
    return omn_cast(s, x, OMN_F32);
}

bool graph_fits(omn_scope *s, const char *op, omn_type t, const omn_shape *shape)
{
    char text[80];
    size_t count, bytes;
    const omn_type_info *info = omn_type_get(t);
    bool small = false;
    if (!info) return graph_fail(s, OMN_ERR_TYPE, op, "%d is not an element type", (int)t);
    if (!info->computes)
        return graph_fail(s, OMN_ERR_TYPE, op, "%s is a type of files, graphs have none of it",
                          info->name);
    if (shape->rank > OMN_MAX_RANK)
        return graph_fail(s, OMN_ERR_SHAPE, op, "rank %u, at most %d is possible", shape->rank,
                          OMN_MAX_RANK);
    for (uint32_t i = 0; i < shape->rank; i++) small = small || shape->dim[i] < 1;
    if (small)
        return graph_fail(s, OMN_ERR_SHAPE, op, "a size of %s is below 1",
                          omn_shape_text(shape, text, sizeof(text)));
    if (!omn_shape_count(shape, &count) || !omn_shape_bytes(shape, t, &bytes) ||
        bytes > (size_t)1 << 44 || count > (size_t)1 << 44)
        return graph_fail(s, OMN_ERR_SHAPE, op, "%s %s is too large to address",
                          omn_shape_text(shape, text, sizeof(text)), info->name);
    return true;
}

omn_node *graph_node(omn_scope *s, node_kind kind, omn_type t, omn_shape shape)
{
    omn_graph *g = s->g;
    if (omn_scope_failed(s) || !graph_fits(s, NULL, t, &shape)) return NULL;
    if (kind != NODE_WEIGHT && omn_type_get(t)->block)
        return graph_fail(s, OMN_ERR_TYPE, NULL, "%s is a form of weights, and of nothing else",
                          omn_type_get(t)->name);
    if (!graph_grow(g->arena, &g->nodes, &g->room_nodes, g->n_nodes, sizeof(*g->nodes)))
        return no_memory(s);
    omn_node *x = omn_arena_alloc(g->arena, 1, sizeof(*x));
    if (!x) return no_memory(s);
    x->g = g;
    x->id = g->n_nodes;
    x->kind = kind;
    x->type = t;
    x->shape = shape;
    x->weight = -1;
    x->group = -1;
    g->nodes[g->n_nodes++] = x;
    return x;
}

step *graph_step(omn_scope *s, op_id op, const void *attrs, omn_node *const *in, uint32_t n_in,
                 const omn_type *t, const omn_shape *shapes, uint32_t n_out)
{
    omn_graph *g = s->g;
    const op_rule *rule = op_rule_get(op);
    bool path = false;
    if (omn_scope_failed(s)) return NULL;
    if (!graph_grow(g->arena, &g->steps, &g->room_steps, g->n_steps, sizeof(*g->steps)))
        return no_memory(s);
    step *st = omn_arena_alloc(g->arena, 1, sizeof(*st));
    if (!st) return no_memory(s);
    st->attrs = omn_arena_alloc(g->arena, 1, rule->attrs_size);
    st->in = omn_arena_alloc(g->arena, n_in ? n_in : 1, sizeof(*st->in));
    st->out = omn_arena_alloc(g->arena, n_out, sizeof(*st->out));
    if (!st->attrs || !st->in || !st->out) return no_memory(s);
    if (attrs) memcpy(st->attrs, attrs, rule->attrs_size);
    memcpy(st->attrs, &rule->attrs_size, sizeof(uint32_t));
    memcpy(st->in, in, n_in * sizeof(*in));
    st->op = op;
    st->scope = s;
    st->n_in = n_in;
    st->n_out = n_out;
    for (uint32_t i = 0; i < n_in; i++) path = path || in[i]->path;
    for (uint32_t i = 0; i < n_out; i++) {
        st->out[i] = graph_node(s, NODE_RESULT, t[i], shapes[i]);
        if (!st->out[i]) return NULL;
        st->out[i]->by = st;
        st->out[i]->place = i;
        st->out[i]->path = path && i == 0 && rule->grad && !g->backward;
    }
    g->steps[g->n_steps++] = st;
    return st;
}

omn_node *graph_op(omn_scope *s, op_id op, const void *attrs, omn_node *const *in, uint32_t n_in,
                   omn_type t, omn_shape shape)
{
    step *st = graph_step(s, op, attrs, in, n_in, &t, &shape, 1);
    return st ? st->out[0] : NULL;
}
