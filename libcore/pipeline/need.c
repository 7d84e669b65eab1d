/* SPDX-License-Identifier: Apache-2.0 */
/* Which steps a run needs when only some of the outputs are asked for: from the outputs backwards.
 * Drawing boxes on a picture that nobody keeps costs more than finding them. */
#include "plan.h"

#include <string.h>

void plan_reads(const plan_step *s, void (*fn)(void *user, int slot), void *user)
{
    const param *const numbers[] = { &s->temperature, &s->top_p, &s->top_k, &s->max_tokens,
                                     &s->seed };
    const bool model = s->verb == VERB_GENERATE || s->verb == VERB_SCORE;
    for (size_t i = 0; i < s->n_in; i++)
        if (s->in[i] >= 0) fn(user, s->in[i]);
    for (size_t i = 0; i < s->n_params; i++)
        if (s->params[i].slot >= 0) fn(user, s->params[i].slot);
    for (size_t i = 0; i < s->n_from; i++) fn(user, s->from[i].slot);
    for (size_t i = 0; i < s->n_words; i++) fn(user, s->words[i].slot);
    for (size_t i = 0; model && i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i]->slot >= 0) fn(user, numbers[i]->slot);
    if (model && s->answer.of >= 0) fn(user, s->answer.of);
    if (model && s->answer.options >= 0) fn(user, s->answer.options);
    for (size_t i = 0; i < s->n_steps; i++) plan_reads(&s->steps[i], fn, user);
}

static void mark(void *user, int slot) { ((bool *)user)[slot] = true; }

omn_status plan_needed(const omn_pipeline *p, const char *const *wanted, size_t n, bool *needed,
                       omn_error *err)
{
    bool slots[MOST_SLOTS] = { false };
    for (size_t k = 0; k < n; k++) {
        size_t i = 0;
        while (i < p->n_outputs && strcmp(p->outputs[i].p.name, wanted[k])) i++;
        if (i == p->n_outputs)
            return omn_fail(err, OMN_ERR_ARGUMENT, "%s has no output \"%s\"", p->path, wanted[k]);
        slots[p->outputs[i].slot] = true;
    }
    for (size_t i = p->n_steps; i-- > 0;) {
        const plan_step *s = &p->steps[i];
        needed[i] = !wanted;
        for (size_t k = 0; k < s->n_out; k++)
            needed[i] = needed[i] || (s->out[k] >= 0 && slots[s->out[k]]);
        if (needed[i]) plan_reads(s, mark, slots);
    }
    return OMN_OK;
}
