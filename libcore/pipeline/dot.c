/* SPDX-License-Identifier: Apache-2.0 */
/* A pipeline as a picture for graphviz: inputs, steps (a map is a box around its own), outputs;
 * arrows carry the names of the values. */
#include "plan.h"

#include <stdio.h>
#include <string.h>

typedef struct drawing {
    const omn_pipeline *p;
    omn_buf *out;
    char from[MOST_SLOTS][24]; /* node that makes a slot's value */
    char node[24];             /* the step at hand */
    int steps;
} drawing;

static void put_quoted(const char *s, omn_buf *out)
{
    omn_buf_puts(out, "\"");
    for (; *s; s++) {
        if (*s == '"' || *s == '\\') omn_buf_puts(out, "\\");
        if (*s == '\n')
            omn_buf_puts(out, "\\n");
        else
            omn_buf_put(out, s, 1);
    }
    omn_buf_puts(out, "\"");
}

/* The node that makes a slot's value, or the value that it is a part of. */
static const char *maker(const drawing *d, int slot)
{
    while (d->p->slots[slot].of >= 0) slot = d->p->slots[slot].of;
    return d->from[slot];
}

static void arrow(drawing *d, int slot)
{
    const char *from = maker(d, slot);
    if (!from[0] || !strcmp(from, d->node)) return;
    omn_buf_printf(d->out, "  %s -> %s [label=", from, d->node);
    put_quoted(d->p->slots[slot].name, d->out);
    omn_buf_puts(d->out, "];\n");
}

static void soft_arrow(void *user, int slot, bool soft)
{
    (void)soft;
    arrow(user, slot);
}

static void put_label(const drawing *d, const plan_step *s)
{
    omn_buf b;
    omn_buf_init(&b, 1 << 16);
    omn_buf_puts(&b, s->name);
    if (s->by) omn_buf_printf(&b, "\nby %s", s->by->name);
    if (s->when.test != TEST_NONE) {
        omn_buf_puts(&b, "\nwhen ");
        condition_print(d->p, &s->when, &b);
    }
    put_quoted(b.data ? b.data : "", d->out);
    omn_buf_fini(&b);
}

static void draw_steps(drawing *d, const plan_step *steps, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const plan_step *s = &steps[i];
        char node[24];
        snprintf(node, sizeof node, "step%d", d->steps++);
        const bool inside = s->verb == VERB_MAP || s->verb == VERB_REPEAT;
        if (inside)
            omn_buf_printf(d->out, "  subgraph cluster_%s {\n  label=\"%s\";\n", node,
                           s->verb == VERB_MAP ? "for each" : "again and again");
        if (s->verb == VERB_MAP) snprintf(d->from[s->each], sizeof d->from[0], "%s", node);
        omn_buf_printf(d->out, "  %s [shape=box, label=", node);
        put_label(d, s);
        omn_buf_puts(d->out,
                     s->when.test != TEST_NONE || s->missing ? ", style=dashed];\n" : "];\n");
        draw_steps(d, s->steps, s->n_steps);
        if (inside) omn_buf_puts(d->out, "  }\n");
        snprintf(d->node, sizeof d->node, "%s", node);
        plan_reads_own(s, soft_arrow, d);
        for (size_t k = 0; k < s->n_carry; k++) arrow(d, s->carry[k].next);
        if (s->until.test != TEST_NONE) {
            if (s->until.left.slot >= 0) arrow(d, s->until.left.slot);
            if (s->until.right.slot >= 0) arrow(d, s->until.right.slot);
        }
        for (size_t k = 0; k < s->n_out; k++)
            if (s->out[k] >= 0)
                snprintf(d->from[s->out[k]], sizeof d->from[0], "%s",
                         inside && maker(d, s->keep)[0] ? maker(d, s->keep) : node);
    }
}

void omn_pipeline_dot(const omn_pipeline *p, omn_buf *out)
{
    drawing d = { .p = p, .out = out };
    omn_buf_puts(out, "digraph pipeline {\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n");
    for (size_t i = 0; i < p->n_inputs; i++) {
        char *node = d.from[p->inputs[i].slot];
        snprintf(node, sizeof d.from[0], "in%zu", i);
        omn_buf_printf(out, "  %s [label=", node);
        put_quoted(p->inputs[i].p.name, out);
        omn_buf_puts(out, "];\n");
    }
    draw_steps(&d, p->steps, p->n_steps);
    for (size_t i = 0; i < p->n_outputs; i++) {
        snprintf(d.node, sizeof d.node, "out%zu", i);
        omn_buf_printf(out, "  %s [peripheries=2, label=", d.node);
        put_quoted(p->outputs[i].p.name, out);
        omn_buf_puts(out, "];\n");
        arrow(&d, p->outputs[i].slot);
    }
    omn_buf_puts(out, "}\n");
}
