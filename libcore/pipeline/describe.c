/* SPDX-License-Identifier: Apache-2.0 */
/* A pipeline's plan as people read it: what goes in, what each step does with which values, what
 * comes out, and what the models cost. */
#include "plan.h"

#include <string.h>

static const char *slot_name(const omn_pipeline *p, int slot)
{
    return p->slots[slot].name;
}

static void put_bytes(uint64_t n, omn_buf *out)
{
    if (n >= 10000000000u)
        omn_buf_printf(out, "%.1f GB", (double)n / 1e9);
    else if (n >= 10000)
        omn_buf_printf(out, "%.2f MB", (double)n / 1e6);
    else
        omn_buf_printf(out, "%llu bytes", (unsigned long long)n);
}

static bool maybe(const omn_pipeline *p, size_t output)
{
    return p->slots[p->outputs[output].slot].maybe;
}

static void put_ports(const omn_pipeline *p, const char *title, const omn_pipeline_port *list,
                      size_t n, bool in, omn_buf *out)
{
    omn_buf_printf(out, "%s\n", title);
    for (size_t i = 0; i < n; i++) {
        omn_buf_printf(out, "  %-12s %-8s %s", list[i].name, list[i].type, list[i].help);
        if (!in && *list[i].help) omn_buf_puts(out, ": ");
        if (!in && maybe(p, i)) omn_buf_puts(out, "if it is made, ");
        if (in && list[i].deflt) omn_buf_printf(out, " [%s]", list[i].deflt);
        if (!in && !list[i].file)
            omn_buf_puts(out, "printed");
        else if (!in && !strcmp(list[i].file, "optional"))
            omn_buf_puts(out, "written with -o");
        else if (!in)
            omn_buf_printf(out, "written to %s", list[i].file);
        omn_buf_puts(out, "\n");
    }
}

static void put_literal(const omn_pipeline *p, const literal *l, omn_buf *out)
{
    if (l->kind == LIT_SLOT)
        omn_buf_printf(out, "$%s", slot_name(p, l->slot));
    else if (l->kind == LIT_TEXT)
        omn_buf_printf(out, "\"%s\"", l->text);
    else if (l->kind == LIT_NUMBER)
        omn_buf_puts(out, l->text);
    if (l->kind < LIT_LIST) return;
    omn_buf_puts(out, l->kind == LIT_LIST ? "[" : "{");
    for (size_t i = 0; i < l->n; i++) {
        omn_buf_puts(out, i ? ", " : "");
        if (l->items[i].name) omn_buf_printf(out, "%s: ", l->items[i].name);
        put_literal(p, &l->items[i], out);
    }
    omn_buf_puts(out, l->kind == LIT_LIST ? "]" : "}");
}

/* "; boxes 0.., labels true in pixels of image" */
static void put_answer(const omn_pipeline *p, const plan_step *s, omn_buf *out)
{
    const plan_answer *a = &s->answer;
    if (!a->entry) return;
    const char *object = omn_entry_object(a->entry)->name;
    omn_buf_printf(out, "; %s", object);
    for (size_t i = 0; i < a->n_set; i++) {
        const bool main = !strcmp(a->set[i].name, object);
        omn_buf_printf(out, main ? " " : ", %s ", a->set[i].name);
        if (a->set[i].slot >= 0)
            omn_buf_printf(out, "$%s", slot_name(p, a->set[i].slot));
        else
            omn_buf_puts(out, a->set[i].text);
    }
    for (size_t i = 0; i < a->n_values; i++) {
        omn_buf_puts(out, " ");
        put_literal(p, &a->values[i].value, out);
    }
    if (a->of >= 0) omn_buf_printf(out, " in pixels of %s", slot_name(p, a->of));
}

/* "; 4 beams, 3 best" */
static void put_search(const plan_step *s, omn_buf *out)
{
    const plan_search *h = &s->search;
    if (h->beams > 1) omn_buf_printf(out, "; %d beams", (int)h->beams);
    if (h->n_best > 1) omn_buf_printf(out, "; the best %d", (int)h->n_best);
    if (h->jacobi) omn_buf_puts(out, "; by guessed windows");
    if (h->n_guides) omn_buf_printf(out, "; guided by %zu more", h->n_guides);
}

static void put_condition(const omn_pipeline *p, const char *word, const condition *c, int indent,
                          omn_buf *out)
{
    if (c->test == TEST_NONE) return;
    omn_buf_printf(out, "%*s%s ", indent, "", word);
    condition_print(p, c, out);
    omn_buf_puts(out, "\n");
}

/* What decides whether and how often a step runs. */
static void put_flow(const omn_pipeline *p, const plan_step *s, int indent, omn_buf *out)
{
    if (s->missing) omn_buf_printf(out, "%*sleft out: %s\n", indent, "", s->missing);
    put_condition(p, "when", &s->when, indent, out);
    if (s->verb != VERB_REPEAT) return;
    omn_buf_printf(out, "%*sat most %lld turns", indent, "", (long long)s->most);
    for (size_t i = 0; i < s->n_carry; i++)
        omn_buf_printf(out, "%s%s becomes %s", i ? ", " : "; then ", slot_name(p, s->carry[i].slot),
                       slot_name(p, s->carry[i].next));
    omn_buf_puts(out, "\n");
    put_condition(p, "until", &s->until, indent, out);
}

/* ", length 2 s" */
static void put_seconds(const omn_pipeline *p, const char *before, const param *q, omn_buf *out)
{
    if (q->text) omn_buf_printf(out, "%s%s s", before, q->text);
    else if (q->slot >= 0) omn_buf_printf(out, "%s$%s s", before, slot_name(p, q->slot));
}

static void put_step(const omn_pipeline *p, const plan_step *s, int depth, size_t number,
                     omn_buf *out)
{
    omn_buf_printf(out, "%*s%zu  %s", 2 + 4 * depth, "", number, s->name);
    if (s->by) omn_buf_printf(out, " by %s", s->by->name);
    bool first = true;
    for (size_t i = 0; i < s->n_in; i++)
        if (s->in[i] >= 0) {
            omn_buf_printf(out, "%s%s", first ? " of " : ", ", slot_name(p, s->in[i]));
            first = false;
        }
    for (size_t i = 0; i < s->n_from; i++)
        omn_buf_printf(out, "%s%s as %s", i ? ", " : " from ", slot_name(p, s->from[i].slot),
                       s->from[i].name);
    if (s->verb == VERB_RECORD) {
        omn_buf_puts(out, " ");
        put_literal(p, &s->value, out);
    }
    if (s->verb == VERB_WINDOW) {
        put_seconds(p, ", length ", &s->length, out);
        put_seconds(p, ", hop ", &s->hop, out);
    }
    if (s->verb == VERB_GENERATE || s->verb == VERB_SCORE) {
        put_answer(p, s, out);
        put_search(s, out);
    }
    if (s->max_tokens.text) omn_buf_printf(out, "; at most %s tokens", s->max_tokens.text);
    for (size_t i = 0; s->verb != VERB_GENERATE && s->verb != VERB_SCORE && i < s->n_out; i++)
        if (s->out[i] >= 0) omn_buf_printf(out, " -> %s", slot_name(p, s->out[i]));
    omn_buf_puts(out, "\n");
    put_flow(p, s, 5 + 4 * depth, out);
    if (s->prompt) omn_buf_printf(out, "%*sprompt: %s\n", 5 + 4 * depth, "", s->prompt);
    for (size_t i = 0; i < s->n_steps; i++) put_step(p, &s->steps[i], depth + 1, i + 1, out);
}

/* "  weights      5.95 MB  encoder image" */
static void put_need(void *user, const omn_pipeline_need *n)
{
    omn_buf *out = user;
    omn_buf size;
    static const struct { const char *what, *means; } words[] = {
        { "reading", "at work while it reads" },
        { "read", "kept of what was read" },
        { "writing", "at work while it writes" },
        { "written", "kept of what was written" },
        { "making", "at work while it makes a value" },
        { "kept", "kept of what encoders make of inputs, at most" },
        { "process", "the program itself, its plugins, graphs and what it holds already" },
    };
    const char *means = "";
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(words[i].what, n->what)) means = words[i].means;
    omn_buf_init(&size, 64);
    put_bytes(n->bytes, &size);
    const char *of = n->step ? n->step : n->model;
    omn_buf_printf(out, "  %-10s %11s  %s%s%s", n->what, size.data ? size.data : "", of ? of : "",
                   of ? ": " : "", *means ? means : n->part);
    if (*means && *n->part) omn_buf_printf(out, ", most in %s", n->part);
    omn_buf_puts(out, "\n");
    omn_buf_fini(&size);
}

/* The models by name; those that nobody has opened as the file names them. */
static void put_models(const omn_pipeline *p, const omn_model *m, omn_buf *out)
{
    if (!p->model && !p->n_models) omn_buf_puts(out, "no model\n");
    if (p->model && m) omn_buf_printf(out, "model %s (%s)", omn_model_path(m), omn_model_object(m));
    else if (p->model) omn_buf_printf(out, "model %s\n", p->model);
    if (p->model && m) omn_buf_puts(out, p->n_models ? "\n" : ", ");
    for (size_t i = 0; i < p->n_models; i++) {
        const omn_pipeline_port *q = &p->model_list[i];
        const omn_model *lent = p->models[i].lent;
        omn_buf_printf(out, "model %s: %s", q->name,
                       lent ? omn_model_path(lent) : q->deflt ? q->deflt : "to be given");
        if (lent) omn_buf_printf(out, " (%s)", omn_model_object(lent));
        omn_buf_printf(out, "%s%s\n", *q->help ? "; " : "", q->help);
    }
}

static void put_cost(const omn_pipeline_cost *c, const omn_buf *needs, omn_buf *out)
{
    omn_buf_printf(out, "%.2f million parameters\n", (double)c->parameters / 1e6);
    omn_buf_put(out, needs->data ? needs->data : "", needs->length);
    omn_buf_puts(out, "  memory     ");
    omn_buf size;
    omn_buf_init(&size, 64);
    put_bytes(c->memory, &size);
    omn_buf_printf(out,
                   "%11s  for one request of full length: weights that are read, inputs, states, "
                   "the greediest of what is at work in turn, and the process\n",
                   size.data ? size.data : "");
    size.length = 0;
    put_bytes(c->least, &size);
    if (c->least < c->memory)
        omn_buf_printf(out,
                       "  %-10s %11s  of this where all lists that a map goes over are empty; "
                       "else as many items count as are answered at once\n",
                       "least", size.data ? size.data : "");
    omn_buf_fini(&size);
    omn_buf_printf(
        out, "  work         %.1f million operations to read, %.1f million a token\n",
        (double)c->encode_flops / 1e6, (double)c->step_flops / 1e6);
}

omn_status omn_pipeline_describe(omn_pipeline *p, omn_model *m, omn_buf *out, omn_error *err)
{
    omn_pipeline_cost cost = { OMN_FILL(omn_pipeline_cost) };
    omn_buf needs;
    omn_buf_init(&needs, (size_t)1 << 20);
    const bool opened = (!p->model || m) && (p->model || p->n_models) && models_lent(p, NULL);
    if (opened) {
        const omn_status st = omn_pipeline_needs(p, m, put_need, &needs, &cost, err);
        if (st != OMN_OK) {
            omn_buf_fini(&needs);
            return st;
        }
    }
    omn_buf_printf(out, "%s\n", p->path);
    if (p->help[0]) omn_buf_printf(out, "%s\n", p->help);
    put_ports(p, "inputs", p->in_list, p->n_inputs, true, out);
    omn_buf_puts(out, "steps\n");
    for (size_t i = 0; i < p->n_steps; i++) put_step(p, &p->steps[i], 0, i + 1, out);
    put_ports(p, "outputs", p->out_list, p->n_outputs, false, out);
    put_models(p, opened ? m : NULL, out);
    if (opened) put_cost(&cost, &needs, out);
    const bool failed = needs.failed || out->failed;
    omn_buf_fini(&needs);
    return failed ? omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", p->path) : OMN_OK;
}
