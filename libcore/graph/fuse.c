/* SPDX-License-Identifier: Apache-2.0 */
/* The passes between building and planning. Scales are folded into the product before them; steps
 * that no output needs are removed; a product takes the activation and the residual sum after it
 * into its own last write, when nobody else reads what lies between. What lies between would else
 * be written to memory and read again, which costs more than the arithmetic. */
#include "inside.h"

#include <string.h>

/* How often each root is read by live steps, outputs counting as well. */
static void count_uses(omn_graph *g)
{
    for (uint32_t i = 0; i < g->n_nodes; i++) g->nodes[i]->uses = 0;
    for (uint32_t i = 0; i < g->n_steps; i++) {
        const step *st = g->steps[i];
        for (uint32_t k = 0; !st->dead && k < st->n_in; k++) node_root(st->in[k])->uses++;
    }
    for (uint32_t i = 0; i < g->outputs->count; i++) node_root(g->outputs->row[i].node)->uses += 2;
}

void remove_dead(omn_graph *g)
{
    uint32_t live = 0;
    count_uses(g);
    for (uint32_t i = g->n_steps; i-- > 0;) {
        step *st = g->steps[i];
        bool used = st->out[0]->state != NULL;
        for (uint32_t k = 0; k < st->n_out; k++) used = used || st->out[k]->uses > 0;
        if (st->dead || used) continue;
        st->dead = true;
        for (uint32_t k = 0; k < st->n_in; k++) node_root(st->in[k])->uses--;
    }
    for (uint32_t i = 0; i < g->n_steps; i++)
        if (!g->steps[i]->dead) g->steps[live++] = g->steps[i];
    g->n_steps = live;
}

/* The step that makes x, when x is read once and by no output. */
static step *private_maker(omn_node *x, op_id op)
{
    return x->kind == NODE_RESULT && x->by->op == op && x->uses == 1 ? x->by : NULL;
}

/* `st` becomes the maker of what `gone` made. */
static void take_over(step *st, step *gone)
{
    st->out[0] = gone->out[0];
    st->out[0]->by = st;
    st->out[0]->place = 0;
    gone->dead = true;
}

/* Before the gradient is built, so that the factor costs nothing there either. */
void fold_scales(omn_graph *g)
{
    remove_dead(g);
    count_uses(g);
    for (uint32_t i = 0; i < g->n_steps; i++) {
        step *st = g->steps[i], *below;
        if (st->op != OP_scale) continue;
        const omn_scale_attrs *a = st->attrs;
        if (a->b != 0) continue;
        if ((below = private_maker(st->in[0], OP_linear))) {
            omn_linear_attrs *l = below->attrs;
            if (l->has) continue;
            l->alpha *= a->a;
        } else if ((below = private_maker(st->in[0], OP_matmul))) {
            omn_matmul_attrs *m = below->attrs;
            m->alpha *= a->a;
        } else {
            continue;
        }
        take_over(below, st);
    }
    remove_dead(g);
}

static void act_into_product(step *st)
{
    const omn_act_attrs *a = st->attrs;
    step *below = private_maker(st->in[0], OP_linear);
    if (below) {
        omn_linear_attrs *l = below->attrs;
        if (l->act != OMN_ACT_NONE || l->has & 2) return;
        l->act = a->act;
    } else if ((below = private_maker(st->in[0], OP_conv2d)) ||
               (below = private_maker(st->in[0], OP_conv2d_dilated))) {
        omn_conv_attrs *c = below->attrs;
        if (c->act != OMN_ACT_NONE) return;
        c->act = a->act;
    } else {
        return;
    }
    take_over(below, st);
}

/* Is a state written at or between these steps? Then a product that reads it may not move past. */
static bool states_between(const omn_graph *g, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i <= to; i++)
        if (g->steps[i]->out[0]->state && !g->steps[i]->dead) return true;
    return false;
}

/* The other summand may be made after the product: then the product moves to where the sum was. */
static void sum_into_product(omn_graph *g, uint32_t at)
{
    step *st = g->steps[at];
    if (st->in[0] == st->in[1] || !omn_shape_equal(&st->in[0]->shape, &st->in[1]->shape)) return;
    for (uint32_t k = 2; k-- > 0;) {
        step *below = private_maker(st->in[k], OP_linear);
        omn_node *other = st->in[1 - k];
        const omn_node *root = node_root(other);
        if (!below || ((omn_linear_attrs *)below->attrs)->has & 2) continue;
        const bool later = root->kind == NODE_RESULT && root->by->at > below->at;
        if (later && states_between(g, below->at, at)) continue;
        omn_node **in = omn_arena_alloc(g->arena, below->n_in + 1, sizeof(*in));
        if (!in) return; /* slower, not wrong */
        memcpy(in, below->in, below->n_in * sizeof(*in));
        in[below->n_in++] = other;
        below->in = in;
        ((omn_linear_attrs *)below->attrs)->has |= 2;
        take_over(below, st);
        if (later) {
            g->steps[below->at] = st;
            g->steps[at] = below;
            st->at = below->at;
            below->at = at;
        }
        return;
    }
}

void fuse(omn_graph *g)
{
    remove_dead(g);
    count_uses(g);
    for (uint32_t i = 0; i < g->n_steps; i++) g->steps[i]->at = i;
    for (uint32_t i = 0; i < g->n_steps; i++) {
        step *st = g->steps[i];
        if (st->dead) continue;
        if (st->op == OP_act)
            act_into_product(st);
        else if (st->op == OP_add)
            sum_into_product(g, i);
    }
    remove_dead(g);
}
