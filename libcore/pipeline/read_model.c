/* SPDX-License-Identifier: Apache-2.0 */
/* Steps that ask the model: generate, score, tokenize, detokenize. */
#include "read.h"

#include <stdio.h>
#include <string.h>

static omn_status read_range(const yml *y, int32_t *least, int32_t *most, omn_error *err)
{
    int a = 0, b = 0, used = 0;
    const char *t = y->kind == YML_SCALAR ? y->text : "";
    if (sscanf(t, "%d..%d%n", &a, &b, &used) == 2 && !t[used] && a >= 0 && b >= a && b > 0) {
        *least = a;
        *most = b;
    } else if (sscanf(t, "%d..%n", &a, &used) == 1 && used > 0 && !t[used] && a >= 0) {
        *least = a;
        *most = 0;
    } else if (sscanf(t, "%d%n", &a, &used) == 1 && !t[used] && a > 0) {
        *least = *most = a;
    } else {
        return yml_fail(y, err, "how many boxes: 1, 0.. or 1..20");
    }
    return OMN_OK;
}

static omn_status read_options(omn_pipeline *p, const yml *y, plan_answer *a, omn_error *err)
{
    a->kind = FORM_OPTIONS;
    if (y->kind == YML_SCALAR) return name_refer(p, y, "list", &a->options, err);
    TRY_READ(yml_want(y, YML_LIST, "options", err));
    const char **texts = omn_arena_alloc(p->arena, y->n + 1, sizeof *texts);
    if (!texts) return omn_fail(err, OMN_ERR_MEMORY, "reading %s: out of memory", p->path);
    for (size_t i = 0; i < y->n; i++) TRY_READ(yml_text(y->items[i], &texts[i], "", err));
    if (!y->n) return yml_fail(y, err, "at least one option is wanted");
    a->texts = texts;
    a->n_texts = y->n;
    return OMN_OK;
}

static omn_status read_answer(omn_pipeline *p, const yml *y, plan_step *s, omn_error *err)
{
    static const char *const keys[] = {
        "boxes", "labels", "force", "of", "options", "score", NULL
    };
    plan_answer *a = &s->answer;
    *a = (plan_answer){ .of = -1, .options = -1 };
    if (!y) return OMN_OK;
    TRY_READ(yml_want(y, YML_MAP, "answer", err));
    TRY_READ(yml_only(y, keys, err));
    const yml *boxes = yml_get(y, "boxes"), *options = yml_get(y, "options"),
              *of = yml_get(y, "of");
    if ((boxes != NULL) == (options != NULL))
        return yml_fail(y, err, "an answer is either boxes or options");
    if (options) TRY_READ(read_options(p, options, a, err));
    if (boxes) {
        a->kind = FORM_BOXES;
        TRY_READ(read_range(boxes, &a->least, &a->most, err));
    }
    TRY_READ(yml_bool(yml_get(y, "labels"), &a->labels, false, err));
    TRY_READ(yml_double(yml_get(y, "force"), 0, 1, &a->force, 0, err));
    if (yml_get(y, "score")) {
        const char *how;
        TRY_READ(yml_text(yml_get(y, "score"), &how, "mean", err));
        if (strcmp(how, "mean") && strcmp(how, "sum"))
            return yml_fail(yml_get(y, "score"), err, "mean or sum");
        a->sum = !strcmp(how, "sum");
    }
    if (of) {
        TRY_READ(name_refer(p, of, "image", &a->of, err));
        for (size_t i = 0; i < s->n_from; i++)
            if (s->from[i].slot == a->of) a->of_role = s->from[i].name;
        if (!a->of_role)
            return yml_fail(of, err, "%s is not among the inputs (from) of this step", of->text);
    } else if (boxes) {
        return yml_fail(y, err, "boxes are pixels of a picture: say which, as of: $image");
    }
    return OMN_OK;
}

omn_status read_model_step(omn_pipeline *p, const yml *y, plan_step *s, omn_error *err)
{
    static const char *const keys[] = { "generate",   "score",  "as",     "from", "prompt",
                                        "max_tokens", "answer", "sample", "when", NULL };
    static const char *const sample_keys[] = { "temperature", "top_k", "top_p", "seed", NULL };
    const yml *output = yml_get(y, s->verb == VERB_SCORE ? "score" : "generate"),
              *from = yml_get(y, "from");
    const yml *sample = yml_get(y, "sample"), *as = yml_get(y, "as");
    TRY_READ(yml_only(y, keys, err));
    TRY_READ(yml_text(output, &s->output, "text", err));
    if (!as) return yml_fail(y, err, "the step needs a name for its result: as: name");
    TRY_READ(yml_want(as, YML_SCALAR, "as", err));
    s->name =
        omn_arena_printf(p->arena, "%s %s", s->verb == VERB_SCORE ? "score" : "generate", as->text);
    if (from) {
        TRY_READ(yml_want(from, YML_MAP, "from", err));
        if (from->n > MOST_FROM) return yml_fail(from, err, "more than %d inputs", MOST_FROM);
        for (size_t i = 0; i < from->n; i++) {
            s->from[i].name = yml_key(from, i)->text;
            TRY_READ(name_refer(p, yml_value(from, i), NULL, &s->from[i].slot, err));
        }
        s->n_from = from->n;
    }
    if (yml_get(y, "prompt")) {
        TRY_READ(yml_text(yml_get(y, "prompt"), &s->prompt, NULL, err));
        TRY_READ(template_read(p, yml_get(y, "prompt"), s->prompt, &s->words, &s->n_words, err));
    }
    if (!s->prompt && !s->n_from) return yml_fail(y, err, "a prompt or inputs (from) are wanted");
    TRY_READ(read_answer(p, yml_get(y, "answer"), s, err));
    if (s->verb == VERB_SCORE && s->answer.kind != FORM_OPTIONS)
        return yml_fail(y, err, "score chooses among options: answer: {options: [...]}");
    TRY_READ(read_number(p, yml_get(y, "max_tokens"), "max_tokens", 1, 65536, &s->max_tokens, err));
    if (sample) {
        TRY_READ(yml_want(sample, YML_MAP, "sample", err));
        TRY_READ(yml_only(sample, sample_keys, err));
    }
    TRY_READ(read_number(p, yml_get(sample, "temperature"), "temperature", 0, 100, &s->temperature,
                         err));
    TRY_READ(read_number(p, yml_get(sample, "top_k"), "top_k", 0, 1e6, &s->top_k, err));
    TRY_READ(read_number(p, yml_get(sample, "top_p"), "top_p", 0, 1, &s->top_p, err));
    TRY_READ(read_number(p, yml_get(sample, "seed"), "seed", 0, 9e15, &s->seed, err));
    s->n_out = 1;
    return name_add(p, as, as->text, s->answer.kind == FORM_BOXES ? "regions" : "text",
                    &s->out[0], err);
}

omn_status read_tokens(omn_pipeline *p, const yml *y, plan_step *s, omn_error *err)
{
    static const char *const keys[] = { "tokenize", "detokenize", "as", "when", NULL };
    const bool to = s->verb == VERB_TOKENIZE;
    TRY_READ(yml_only(y, keys, err));
    s->name = to ? "tokenize" : "detokenize";
    TRY_READ(name_refer(p, yml_get(y, s->name), to ? "text" : "tokens", &s->in[0], err));
    s->n_in = s->n_out = 1;
    return name_result(p, y, "as", to ? "tokens" : "text", &s->out[0], err);
}
