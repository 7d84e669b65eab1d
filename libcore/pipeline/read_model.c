/* SPDX-License-Identifier: Apache-2.0 */
/* Steps that ask the model: generate, score. */
#include "read.h"

#include <stdio.h>
#include <string.h>

static omn_status out_of_memory(const omn_pipeline *p, omn_error *err)
{
    return omn_fail(err, OMN_ERR_MEMORY, "reading %s: out of memory", p->path);
}

/* from: {image: $a} or several of one role: {image: [$a, $b]}. */
omn_status read_from(omn_pipeline *p, const yml *from, binding *list, size_t *n, omn_error *err)
{
    *n = 0;
    if (!from) return OMN_OK;
    TRY_READ(yml_want(from, YML_MAP, "from", err));
    for (size_t i = 0; i < from->n; i++) {
        const yml *v = yml_value(from, i);
        const size_t many = v->kind == YML_LIST ? v->n : 1;
        if (!many || *n + many > MOST_FROM)
            return yml_fail(v, err, "1 to %d inputs are wanted", MOST_FROM);
        for (size_t k = 0; k < many; k++) {
            binding *b = &list[(*n)++];
            b->name = yml_key(from, i)->text;
            TRY_READ(name_refer(p, v->kind == YML_LIST ? v->items[k] : v, NULL, &b->slot, err));
        }
    }
    return OMN_OK;
}

static omn_status read_sample(omn_pipeline *p, const yml *y, plan_step *s, omn_error *err)
{
    static const char *const keys[] = { "temperature", "top_k", "top_p", "top_p_rule", "seed",
                                        NULL };
    const char *rule;
    if (y) {
        TRY_READ(yml_want(y, YML_MAP, "sample", err));
        TRY_READ(yml_only(y, keys, err));
    }
    TRY_READ(
        read_number(p, yml_get(y, "temperature"), "temperature", 0, 100, &s->temperature, err));
    TRY_READ(read_number(p, yml_get(y, "top_k"), "top_k", 0, 1e6, &s->top_k, err));
    TRY_READ(read_number(p, yml_get(y, "top_p"), "top_p", 0, 1, &s->top_p, err));
    TRY_READ(yml_text(yml_get(y, "top_p_rule"), &rule, "cross", err));
    s->top_p_rule = strcmp(rule, "within") ? OMN_TOP_P_CROSS : OMN_TOP_P_WITHIN;
    if (s->top_p_rule == OMN_TOP_P_CROSS && strcmp(rule, "cross"))
        return yml_fail(yml_get(y, "top_p_rule"), err, "cross or within");
    return read_number(p, yml_get(y, "seed"), "seed", 0, 9e15, &s->seed, err);
}

omn_status read_model_step(omn_pipeline *p, const yml *y, plan_step *s, omn_error *err)
{
    static const char *const keys[] = { "generate", "score",  "as",         "from",
                                        "prompt",   "when",   "max_tokens", "answer",
                                        "sample",   "search", "guidance",   "scores",
                                        "model",    NULL };
    const bool score = s->verb == VERB_SCORE;
    const yml *as = yml_get(y, "as"), *prompt = yml_get(y, "prompt"),
              *scores = yml_get(y, "scores");
    TRY_READ(yml_only(y, keys, err));
    TRY_READ(yml_text(yml_get(y, score ? "score" : "generate"), &s->output, "text", err));
    if (!as) return yml_fail(y, err, "the step needs a name for its result: as: name");
    TRY_READ(yml_want(as, YML_SCALAR, "as", err));
    s->name = omn_arena_printf(p->arena, "%s %s", score ? "score" : "generate", as->text);
    if (!s->name) return out_of_memory(p, err);
    TRY_READ(read_by(p, y, s, err));
    TRY_READ(read_from(p, yml_get(y, "from"), s->from, &s->n_from, err));
    TRY_READ(yml_text(prompt, &s->prompt, NULL, err));
    if (prompt) TRY_READ(template_read(p, prompt, s->prompt, &s->words, &s->n_words, err));
    if (!s->prompt && !s->n_from) return yml_fail(y, err, "a prompt or inputs (from) are wanted");
    TRY_READ(read_answer(p, yml_get(y, "answer"), s, err));
    if (score && !s->answer.chooses)
        return yml_fail(y, err, "score chooses among options: answer: {options: [...]}");
    TRY_READ(read_number(p, yml_get(y, "max_tokens"), "max_tokens", 1, 65536, &s->max_tokens, err));
    TRY_READ(read_sample(p, yml_get(y, "sample"), s, err));
    TRY_READ(read_search(p, y, s, err));
    s->ask = p->n_asks++;
    s->n_out = 1;
    TRY_READ(name_add(p, as, as->text, s->search.n_best > 1 ? "list" : s->answer.makes,
                      &s->out[0], err));
    if (!scores) return OMN_OK;
    if (!s->answer.chooses)
        return yml_fail(scores, err, "scores are those of options: answer: {options: [...]}");
    s->n_out = 2;
    return name_result(p, y, "scores", "options", &s->out[1], err);
}
