/* SPDX-License-Identifier: Apache-2.0 */
/* A pipeline as a picture for graphviz: inputs, steps (a map is a box around its own), outputs;
 * arrows carry the names of the values. */
#include "plan.h"

#include <stdio.h>
#include <string.h>

typedef struct drawing {
    const omn_pipeline *p;
    omn_buf *out;
    char from[MOST_SLOTS][24];    /* node that makes a slot's value */
    char node[24];                /* the step at hand */
    int steps;
} drawing;

static void put_quoted(const char *s, omn_buf *out)
{
    omn_buf_puts(out, "\"");
    for (; *s; s++) {
        if (*s == '"' || *s == '\\') omn_buf_puts(out, "\\");
        if (*s == '\n') omn_buf_puts(out, "\\n");
        else omn_buf_put(out, s, 1);
    }
    omn_buf_puts(out, "\"");
}

static void arrow(void *user, int slot)
{
    drawing *d = user;
    if (!d->from[slot][0] || !strcmp(d->from[slot], d->node)) return;
    omn_buf_printf(d->out, "  %s -> %s", d->from[slot], d->node);
    if (d->p->slots[slot].name[0]) {
        omn_buf_puts(d->out, " [label=");
        put_quoted(d->p->slots[slot].name, d->out);
        omn_buf_puts(d->out, "]");
    }
    omn_buf_puts(d->out, ";\n");
}

static void draw_steps(drawing *d, const plan_step *steps, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const plan_step *s = &steps[i];
        char node[24];
        snprintf(node, sizeof node, "step%d", d->steps++);
        if (s->verb == VERB_MAP) {
            omn_buf_printf(d->out, "  subgraph cluster_%s {\n  label=\"for each\";\n", node);
            snprintf(d->from[s->each], sizeof d->from[0], "%s", node);
        }
        omn_buf_printf(d->out, "  %s [shape=box, label=", node);
        put_quoted(s->name, d->out);
        omn_buf_puts(d->out, "];\n");
        draw_steps(d, s->steps, s->n_steps);
        if (s->verb == VERB_MAP) omn_buf_puts(d->out, "  }\n");
        snprintf(d->node, sizeof d->node, "%s", node);
        if (s->verb == VERB_MAP) arrow(d, s->in[0]);
        else plan_reads(s, arrow, d);
        for (size_t k = 0; k < s->n_out; k++)
            if (s->out[k] >= 0)
                snprintf(d->from[s->out[k]], sizeof d->from[0], "%s",
                         s->verb == VERB_MAP && d->from[s->keep][0] ? d->from[s->keep] : node);
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
