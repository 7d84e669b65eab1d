/* SPDX-License-Identifier: Apache-2.0 */
/* The plan of a graph: when each value lives, which values share storage because an op works in
 * place, where in the workspace each lies, and the op calls with their views, ready for a device.
 * All of it is known before anything runs. */
#include "inside.h"

#include <stdlib.h>
#include <string.h>

static omn_status no_memory(omn_graph *g)
{
    return omn_fail(&g->failure, OMN_ERR_MEMORY, "not enough memory to plan the graph");
}

/* Reading an old value of a state after a write would read the new one. */
static void check_states(omn_graph *g)
{
    for (uint32_t i = 0; i < g->n_steps; i++) g->steps[i]->at = i;
    for (uint32_t w = 0; w < g->n_steps; w++) {
        const omn_node *old = g->steps[w]->in[0];
        if (!g->steps[w]->out[0]->state) continue;
        for (uint32_t i = w + 1; i < g->n_steps; i++)
            for (uint32_t k = 0; k < g->steps[i]->n_in; k++)
                if (node_root(g->steps[i]->in[k]) == old) {
                    graph_fail(
                        g->steps[i]->scope, OMN_ERR_ARGUMENT, step_name(g->steps[i]),
                        "reads the state '%s' as it was before a write that is done by then; "
                        "use what the write returned",
                        g->steps[w]->out[0]->state->name);
                    return;
                }
    }
}

/* first, last: the steps between which the value must stay; outputs stay to the end. */
static void find_lives(omn_graph *g)
{
    const long end = (long)g->n_steps;
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        omn_node *x = g->nodes[i];
        x->first = x->last = -1;
        x->keep = false;
    }
    for (uint32_t i = 0; i < g->n_steps; i++) {
        step *st = g->steps[i];
        for (uint32_t k = 0; k < st->n_in; k++) {
            omn_node *x = node_root(st->in[k]);
            if (x->first < 0) x->first = 0; /* a leaf: there from the beginning */
            x->last = (long)i;
        }
        for (uint32_t k = 0; k < st->n_out; k++) st->out[k]->first = st->out[k]->last = (long)i;
    }
    for (uint32_t i = 0; i < g->outputs->count; i++) {
        omn_node *x = node_root(g->outputs->row[i].node);
        if (x->first < 0) x->first = 0;
        x->last = end;
        x->keep = true;
    }
}

static bool in_workspace(const omn_node *x)
{
    return x->first >= 0 && !x->state && (x->kind == NODE_INPUT || x->kind == NODE_RESULT);
}

static long new_group(omn_graph *g, const omn_node *x)
{
    group *p = &g->groups[g->n_groups];
    p->bytes = (node_bytes(x) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    p->first = x->first;
    p->last = x->last;
    return (long)g->n_groups++;
}

/* May output 0 of this step lie where input k lies? Only when that dies here and nobody else of the
 * step reads it. */
static bool may_replace(const omn_graph *g, const step *st, uint32_t k)
{
    const omn_node *x = node_root(st->in[k]);
    if (x->group < 0 || x->keep || g->groups[x->group].last != (long)st->at ||
        node_bytes(x) != node_bytes(st->out[0]))
        return false;
    for (uint32_t i = 0; i < st->n_in; i++)
        if (i != k && node_root(st->in[i])->group == x->group) return false;
    return true;
}

static omn_status make_groups(omn_graph *g)
{
    g->groups = omn_arena_alloc(g->arena, g->n_nodes + 1, sizeof(*g->groups));
    if (!g->groups) return no_memory(g);
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        omn_node *x = g->nodes[i];
        if (x->kind == NODE_INPUT && in_workspace(x)) x->group = new_group(g, x);
    }
    for (uint32_t i = 0; i < g->n_steps; i++) {
        step *st = g->steps[i];
        for (uint32_t k = 0; k < st->n_out; k++) {
            omn_node *y = st->out[k];
            if (!in_workspace(y)) continue;
            if (k == 0 && op_rule_get(st->op)->in_place &&
                (st->op != OP_add || omn_shape_equal(&st->in[0]->shape, &st->in[1]->shape))) {
                if (st->op == OP_add && !may_replace(g, st, 0) && may_replace(g, st, 1)) {
                    omn_node *swap = st->in[0];
                    st->in[0] = st->in[1];
                    st->in[1] = swap;
                }
                if (may_replace(g, st, 0)) {
                    y->group = node_root(st->in[0])->group;
                    g->groups[y->group].last = y->last;
                    continue;
                }
            }
            y->group = new_group(g, y);
        }
    }
    return OMN_OK;
}

static uint32_t slot_of(omn_graph *g, slot_kind kind, uint32_t number)
{
    for (uint32_t i = 0; i < g->n_slots; i++)
        if (g->slots[i].kind == kind && g->slots[i].number == number) return i;
    if (!graph_grow(g->arena, &g->slots, &g->room_slots, g->n_slots, sizeof(*g->slots))) {
        no_memory(g);
        return 0;
    }
    g->slots[g->n_slots] = (slot){ kind, number };
    return g->n_slots++;
}

/* Constants lie in one block of the host, each at a multiple of 64. */
static omn_status gather_consts(omn_graph *g)
{
    uint64_t end = 0;
    for (int pass = 0; pass < 2; pass++) {
        end = 0;
        for (uint32_t i = 0; i < g->n_nodes; i++) {
            omn_node *x = g->nodes[i];
            if (x->kind != NODE_CONST || x->first < 0) continue;
            x->view.offset = end;
            if (pass) memcpy((char *)g->consts + end, x->data, node_bytes(x));
            end += (node_bytes(x) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        }
        if (pass || end == 0) break;
        g->consts = aligned_alloc(ALIGNMENT, end);
        if (!g->consts) return no_memory(g);
        memset(g->consts, 0, end);
    }
    g->consts_bytes = end;
    if (end == 0) return OMN_OK;
    return program_consts(g->program, g->consts, end, &g->consts_buffer, &g->failure);
}

/* A weight may be blocks when only products and look-ups read it, as they are: no alias, no
 * output. */
static void find_blocks(omn_graph *g)
{
    for (uint32_t i = 0; i < g->n_nodes; i++) g->nodes[i]->in_blocks = g->nodes[i]->shape.rank == 2;
    for (uint32_t i = 0; i < g->n_steps; i++) {
        const step *st = g->steps[i];
        for (uint32_t k = 0; k < st->n_in; k++)
            if (st->in[k]->kind != NODE_WEIGHT ||
                !((st->op == OP_linear && k == 1) || (st->op == OP_embedding && k == 0)))
                node_root(st->in[k])->in_blocks = false;
    }
    for (uint32_t i = 0; i < g->outputs->count; i++)
        node_root(g->outputs->row[i].node)->in_blocks = false;
}

/* A weight may lie in tiles when products take it for what they multiply by, and nobody else reads
 * it: no op that wants rows, no alias, no output. */
static void find_products(omn_graph *g)
{
    for (uint32_t i = 0; i < g->n_nodes; i++) g->nodes[i]->multiplies = false;
    for (int pass = 0; pass < 2; pass++)
        for (uint32_t i = 0; i < g->n_steps; i++) {
            const step *st = g->steps[i];
            const omn_linear_attrs *a = st->attrs;
            for (uint32_t k = 0; k < st->n_in; k++) {
                const bool product =
                    st->op == OP_linear && k == 1 && !a->in_out && st->in[k]->kind == NODE_WEIGHT;
                if (product == (pass == 0)) node_root(st->in[k])->multiplies = product;
            }
        }
    for (uint32_t i = 0; i < g->outputs->count; i++)
        node_root(g->outputs->row[i].node)->multiplies = false;
}

static bool in_tiles(const omn_node *x)
{
    return x->tiled && x->multiplies && x->g->program->main.takes_tiles;
}

static omn_status weight_view(omn_graph *g, omn_node *x)
{
    omn_status st;
    uint32_t number = 0;
    if (x->tiled && !in_tiles(x)) {
        st = program_weight_rows(g->program, x->weight, &x->shape, &number, &g->failure);
    } else {
        st = program_weight(g->program, x->weight, &number, &x->view.offset, &g->failure);
        if (x->tiled) x->view.shape = omn_tiles_shape(x->shape.dim[0], x->shape.dim[1]);
    }
    if (st != OMN_OK)
        omn_error_prefix(&g->failure, "%s", x->name);
    else
        x->view.slot = slot_of(g, SLOT_WEIGHT, number);
    return st;
}

static omn_status make_views(omn_graph *g)
{
    find_products(g);
    find_blocks(g);
    slot_of(g, SLOT_WORKSPACE, 0);
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        omn_node *x = g->nodes[i];
        x->view.type = x->type;
        x->view.shape = x->shape;
        if (x->kind == NODE_ALIAS || x->first < 0) continue;
        if (x->state) {
            x->view.slot = slot_of(g, SLOT_STATE, x->state->number);
        } else if (x->kind == NODE_CONST) {
            x->view.slot = slot_of(g, SLOT_CONSTS, 0);
        } else if (x->kind == NODE_WEIGHT) {
            const omn_status st = weight_view(g, x);
            if (st != OMN_OK) return st;
        } else {
            x->view.offset = g->groups[x->group].offset;
        }
    }
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        omn_node *x = g->nodes[i];
        if (x->kind != NODE_ALIAS) continue;
        const omn_node *root = node_root(x);
        x->view.slot = root->view.slot;
        x->view.offset = root->view.offset;
    }
    return g->failure.status == OMN_OK ? OMN_OK : (omn_status)g->failure.status;
}

static omn_status make_calls(omn_graph *g)
{
    g->calls = omn_arena_alloc(g->arena, g->n_steps + 1, sizeof(*g->calls));
    if (!g->calls) return no_memory(g);
    for (uint32_t i = 0; i < g->n_steps; i++) {
        const step *st = g->steps[i];
        omn_view *v = omn_arena_alloc(g->arena, st->n_in + st->n_out, sizeof(*v));
        if (!v) return no_memory(g);
        for (uint32_t k = 0; k < st->n_in; k++) v[k] = st->in[k]->view;
        for (uint32_t k = 0; k < st->n_out; k++) v[st->n_in + k] = st->out[k]->view;
        g->calls[i] = (omn_op_call){ sizeof(omn_op_call),
                                     op_rule_get(st->op)->name,
                                     st->attrs,
                                     v,
                                     v + st->n_in,
                                     st->n_in,
                                     st->n_out };
    }
    return OMN_OK;
}

void plan_build(omn_graph *g)
{
    check_states(g);
    if (g->failure.status != OMN_OK) return;
    find_lives(g);
    if (make_groups(g) != OMN_OK) return;
    g->live_bound = place_bound(g->groups, g->n_groups);
    if (g->n_groups && !g->live_bound) {
        no_memory(g);
        return;
    }
    g->workspace = g->n_groups ? place_groups(g->groups, g->n_groups, g->live_bound) : 0;
    if (g->workspace == UINT64_MAX) {
        no_memory(g);
        return;
    }
    if (gather_consts(g) != OMN_OK || make_views(g) != OMN_OK) return;
    make_calls(g);
}
