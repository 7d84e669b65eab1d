/* SPDX-License-Identifier: Apache-2.0 */
/* Which steps a run needs when only some of the outputs are asked for: from the outputs backwards.
 * Drawing boxes on a picture that nobody keeps costs more than finding them. */
#include "plan.h"

#include <string.h>

static void read_literal(const literal *l, void (*fn)(void *user, int slot, bool soft), void *user)
{
    if (l->kind == LIT_SLOT) fn(user, l->slot, false);
    for (size_t i = 0; i < l->n; i++) read_literal(&l->items[i], fn, user);
}

static void read_condition(const condition *c, void (*fn)(void *user, int slot, bool soft),
                           void *user)
{
    const bool soft = c->test == TEST_EMPTY || c->test == TEST_NOT_EMPTY;
    if (c->test != TEST_NONE && c->left.slot >= 0) fn(user, c->left.slot, soft);
    if (c->test != TEST_NONE && c->right.slot >= 0) fn(user, c->right.slot, soft);
}

/* What the answer and the search of a step that asks the model read. */
static void read_asked(const plan_step *s, void (*fn)(void *user, int slot, bool soft), void *user)
{
    const plan_answer *a = &s->answer;
    if (a->of >= 0) fn(user, a->of, false);
    for (size_t i = 0; i < a->n_set; i++)
        if (a->set[i].slot >= 0) fn(user, a->set[i].slot, false);
    for (size_t i = 0; i < a->n_values; i++) read_literal(&a->values[i].value, fn, user);
    for (size_t i = 0; i < s->search.n_guides; i++) {
        const guide *g = &s->search.guides[i];
        if (g->weight.slot >= 0) fn(user, g->weight.slot, false);
        for (size_t k = 0; k < g->n_from; k++) fn(user, g->from[k].slot, false);
        for (size_t k = 0; k < g->n_words; k++) fn(user, g->words[k].slot, false);
    }
}

void plan_reads_own(const plan_step *s, void (*fn)(void *user, int slot, bool soft), void *user)
{
    const param *const numbers[] = { &s->temperature, &s->top_p, &s->top_k, &s->max_tokens,
                                     &s->seed };
    const bool model = s->verb == VERB_GENERATE || s->verb == VERB_SCORE;
    read_condition(&s->when, fn, user);
    for (size_t i = 0; i < s->n_in; i++)
        if (s->in[i] >= 0) fn(user, s->in[i], (s->soft >> i) & 1);
    for (size_t i = 0; i < s->n_params; i++)
        if (s->params[i].slot >= 0) fn(user, s->params[i].slot, false);
    for (size_t i = 0; i < s->n_from; i++) fn(user, s->from[i].slot, false);
    for (size_t i = 0; i < s->n_words; i++) fn(user, s->words[i].slot, false);
    for (size_t i = 0; model && i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i]->slot >= 0) fn(user, numbers[i]->slot, false);
    if (model) read_asked(s, fn, user);
    if (s->verb == VERB_RECORD || s->has_labels) read_literal(&s->value, fn, user);
    if (s->verb == VERB_WINDOW && s->length.slot >= 0) fn(user, s->length.slot, false);
    if (s->verb == VERB_WINDOW && s->hop.slot >= 0) fn(user, s->hop.slot, false);
    for (size_t i = 0; i < s->n_carry; i++) fn(user, s->carry[i].slot, false);
}

/* What a step with steps inside reads when they have run: names that they made. */
void plan_reads_after(const plan_step *s, void (*fn)(void *user, int slot, bool soft), void *user)
{
    if (s->verb != VERB_MAP && s->verb != VERB_REPEAT) return;
    fn(user, s->keep, true);
    read_condition(&s->until, fn, user);
    for (size_t i = 0; i < s->n_carry; i++) fn(user, s->carry[i].next, true);
}

typedef struct teller {
    const omn_pipeline *p;
    void (*fn)(void *user, int slot);
    void *user;
} teller;

static void tell(void *user, int slot, bool soft)
{
    const teller *t = user;
    (void)soft;
    for (int k = slot; k >= 0; k = t->p->slots[k].of) t->fn(t->user, k);
}

void plan_reads(const omn_pipeline *p, const plan_step *s, void (*fn)(void *user, int slot),
                void *user)
{
    teller t = { p, fn, user };
    plan_reads_own(s, tell, &t);
    plan_reads_after(s, tell, &t);
    for (size_t i = 0; i < s->n_steps; i++) plan_reads(p, &s->steps[i], fn, user);
}

static void mark(void *user, int slot)
{
    ((bool *)user)[slot] = true;
}

omn_status plan_needed(const omn_pipeline *p, const char *const *wanted, size_t n, bool *needed,
                       omn_error *err)
{
    bool slots[MOST_SLOTS] = { false };
    for (size_t k = 0; k < n; k++) {
        size_t i = 0;
        while (i < p->n_outputs && strcmp(p->outputs[i].p.name, wanted[k])) i++;
        if (i == p->n_outputs)
            return omn_fail(err, OMN_ERR_ARGUMENT, "%s has no output \"%s\"", p->path, wanted[k]);
        for (int slot = p->outputs[i].slot; slot >= 0; slot = p->slots[slot].of) slots[slot] = true;
    }
    for (size_t i = p->n_steps; i-- > 0;) {
        const plan_step *s = &p->steps[i];
        needed[i] = !wanted;
        for (size_t k = 0; k < s->n_out; k++)
            needed[i] = needed[i] || (s->out[k] >= 0 && slots[s->out[k]]);
        if (needed[i]) plan_reads(p, s, mark, slots);
    }
    return OMN_OK;
}
