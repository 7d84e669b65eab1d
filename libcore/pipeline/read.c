/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a pipeline: inputs, steps by their verbs, outputs, all checked before anything runs. The
 * language is described in omnio-pipeline(5). */
#include "read.h"

#include "../value/stream.h"

#include <stdio.h>
#include <string.h>

static const char *const verbs[] = { "apply", "generate", "score",  "tokenize", "detokenize",
                                     "map",   "record",   "repeat", "embed",    "window",
                                     NULL };

/* Keys of an operation are its own rows, so a step that applies one has no other verb. */
static omn_status find_verb(const yml *y, verb *out, omn_error *err)
{
    int found = yml_get(y, "apply") ? VERB_APPLY : -1;
    *out = VERB_APPLY;
    for (int i = 0; found != VERB_APPLY && verbs[i]; i++) {
        if (!yml_get(y, verbs[i])) continue;
        if (found >= 0)
            return yml_fail(y, err, "a step has one verb, not both %s and %s", verbs[found],
                            verbs[i]);
        *out = (verb)i;
        found = i;
    }
    if (found < 0)
        return yml_fail(y, err,
                        "a step begins with apply, generate, score, tokenize, detokenize, "
                        "map, record, repeat, embed or window");
    return OMN_OK;
}

typedef struct seen {
    const omn_pipeline *p;
    bool maybe;
} seen;

static void look(void *user, int slot, bool soft)
{
    seen *s = user;
    s->maybe = s->maybe || (!soft && s->p->slots[slot].maybe);
}

/* Which results may be absent: of a step that can be left out, or that needs what may be absent. */
static void mark_maybe(omn_pipeline *p, const plan_step *s)
{
    seen it = { p, s->when.test != TEST_NONE || s->missing };
    plan_reads_own(s, look, &it);
    for (size_t i = 0; i < s->n_out; i++) {
        if (s->out[i] < 0) continue;
        const bool kept = s->verb == VERB_REPEAT && p->slots[s->keep].maybe;
        p->slots[s->out[i]].maybe = it.maybe || (kept && i == 0);
    }
}

static bool asks(const plan_step *s)
{
    return s->verb == VERB_GENERATE || s->verb == VERB_SCORE || s->verb == VERB_EMBED;
}

static omn_status read_step(omn_pipeline *p, const yml *y, plan_step *s, int depth, omn_error *err)
{
    TRY_READ(yml_want(y, YML_MAP, "a step", err));
    TRY_READ(find_verb(y, &s->verb, err));
    s->at = y;
    TRY_READ(read_condition(p, yml_get(y, "when"), &s->when, err));
    switch (s->verb) {
    case VERB_APPLY:
        TRY_READ(read_apply(p, y, s, err));
        break;
    case VERB_GENERATE:
    case VERB_SCORE:
        TRY_READ(read_model_step(p, y, s, err));
        break;
    case VERB_MAP:
        TRY_READ(read_map(p, y, s, depth, err));
        break;
    case VERB_RECORD:
        TRY_READ(read_record(p, y, s, err));
        break;
    case VERB_REPEAT:
        TRY_READ(read_repeat(p, y, s, depth, err));
        break;
    case VERB_EMBED:
        TRY_READ(read_embed(p, y, s, err));
        break;
    case VERB_WINDOW:
        TRY_READ(read_window(p, y, s, err));
        break;
    default:
        TRY_READ(read_tokens(p, y, s, err));
    }
    s->asks = asks(s);
    for (size_t i = 0; i < s->n_steps; i++) s->asks = s->asks || s->steps[i].asks;
    mark_maybe(p, s);
    return OMN_OK;
}

omn_status read_steps(omn_pipeline *p, const yml *list, plan_step **steps, size_t *n, int depth,
                      omn_error *err)
{
    TRY_READ(yml_want(list, YML_LIST, "steps", err));
    if (list->n > MOST_STEPS || depth > 4)
        return yml_fail(list, err, "more than %d steps or steps nested deeper than 4", MOST_STEPS);
    *steps = omn_arena_alloc(p->arena, list->n + 1, sizeof **steps);
    if (!*steps) return omn_fail(err, OMN_ERR_MEMORY, "reading %s: out of memory", p->path);
    *n = list->n;
    for (size_t i = 0; i < list->n; i++)
        TRY_READ(read_step(p, list->items[i], &(*steps)[i], depth, err));
    return OMN_OK;
}

/* ---- inputs and outputs --------------------------------------------------------------------- */

/* The type of an input is a kind of value, of ours or of a plugin, or a stream of one. */
static omn_status read_type(omn_pipeline *p, const yml *y, omn_pipeline_port *q, omn_error *err)
{
    omn_error why = OMN_ERROR_INIT;
    if (!q->type)
        return yml_fail(y, err, "%s: a type is wanted, as image, text, number, list or regions",
                        q->name);
    const char *of = stream_type_items(q->type);
    if (!strcmp(q->type, "any")) return OMN_OK;
    if ((!of || omn_kind_find_in(p->ctx, of, &q->kind, &why) == OMN_OK) &&
        omn_kind_find_in(p->ctx, of ? "stream" : q->type, &q->kind, &why) == OMN_OK)
        return OMN_OK;
    return yml_fail(yml_get(y, "type"), err, "%s: %s", q->name, why.text);
}

/* A default $name: an input that is read from files is what that other one is, as its own kind: of
 * one file of a video, the sound beside the pictures. Words of other kinds stand for themselves. */
static omn_status read_same(const omn_pipeline *p, const yml *y, size_t i, omn_error *err)
{
    port *q = &p->inputs[i];
    size_t k = 0;
    q->same = -1;
    if (!q->p.deflt || !q->p.kind || omn_kind_impl(q->p.kind)->word) return OMN_OK;
    while (k < i && (q->p.deflt[0] != '$' || strcmp(p->inputs[k].p.name, q->p.deflt + 1))) k++;
    if (k < i && p->inputs[k].p.kind && !omn_kind_impl(p->inputs[k].p.kind)->word) {
        q->same = p->inputs[k].slot;
        return OMN_OK;
    }
    if (q->p.deflt[0] != '$') return OMN_OK;
    return yml_fail(yml_get(y, "default"), err,
                    "%s: an input in front of it that is read from a file is wanted, as in "
                    "default: $video", q->p.name);
}

static omn_status read_inputs(omn_pipeline *p, const yml *y, omn_error *err)
{
    static const char *const keys[] = { "type", "help", "default", NULL };
    if (!y) return OMN_OK;
    TRY_READ(yml_want(y, YML_MAP, "inputs", err));
    p->inputs = omn_arena_alloc(p->arena, y->n + 1, sizeof *p->inputs);
    p->in_list = omn_arena_alloc(p->arena, y->n + 1, sizeof *p->in_list);
    if (!p->inputs || !p->in_list)
        return omn_fail(err, OMN_ERR_MEMORY, "reading %s: out of memory", p->path);
    for (size_t i = 0; i < y->n; i++) {
        const yml *v = yml_value(y, i);
        omn_pipeline_port *q = &p->in_list[i];
        q->name = yml_key(y, i)->text;
        TRY_READ(yml_want(v, YML_MAP, q->name, err));
        TRY_READ(yml_only(v, keys, err));
        TRY_READ(yml_text(yml_get(v, "type"), &q->type, NULL, err));
        TRY_READ(yml_text(yml_get(v, "help"), &q->help, "", err));
        TRY_READ(yml_text(yml_get(v, "default"), &q->deflt, NULL, err));
        TRY_READ(read_type(p, v, q, err));
        TRY_READ(name_add(p, yml_key(y, i), q->name,
                          stream_type_items(q->type) ? "stream" : q->type, &p->inputs[i].slot,
                          err));
        p->inputs[i].p = *q;
        TRY_READ(read_same(p, v, i, err));
    }
    p->n_inputs = y->n;
    return OMN_OK;
}

static omn_status read_outputs(omn_pipeline *p, const yml *y, omn_error *err)
{
    static const char *const keys[] = { "value", "file", "help", NULL };
    if (!y || y->kind != YML_MAP || !y->n)
        return yml_fail(y ? y : p->root, err, "outputs: {name: $value} is wanted");
    p->outputs = omn_arena_alloc(p->arena, y->n, sizeof *p->outputs);
    p->out_list = omn_arena_alloc(p->arena, y->n, sizeof *p->out_list);
    if (!p->outputs || !p->out_list)
        return omn_fail(err, OMN_ERR_MEMORY, "reading %s: out of memory", p->path);
    for (size_t i = 0; i < y->n; i++) {
        const yml *v = yml_value(y, i), *value = v;
        omn_pipeline_port *q = &p->out_list[i];
        q->name = yml_key(y, i)->text;
        q->help = "";
        if (v->kind == YML_MAP) {
            TRY_READ(yml_only(v, keys, err));
            value = yml_get(v, "value");
            if (!value) return yml_fail(v, err, "%s: value: $name is wanted", q->name);
            TRY_READ(yml_text(yml_get(v, "file"), &q->file, NULL, err));
            TRY_READ(yml_text(yml_get(v, "help"), &q->help, "", err));
        }
        TRY_READ(name_refer(p, value, NULL, &p->outputs[i].slot, err));
        q->type = p->slots[p->outputs[i].slot].type;
        q->from = p->slots[p->outputs[i].slot].name;
        if (strcmp(q->type, "any")) TRY_READ(omn_kind_find_in(p->ctx, q->type, &q->kind, err));
        p->outputs[i].p = *q;
    }
    p->n_outputs = y->n;
    return OMN_OK;
}

/* Its own one, that is. */
static bool needs_model(const plan_step *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const bool tokens = s[i].verb == VERB_TOKENIZE || s[i].verb == VERB_DETOKENIZE;
        if (needs_model(s[i].steps, s[i].n_steps) ||
            (!s[i].by && (asks(&s[i]) || (tokens && !s[i].part))))
            return true;
    }
    return false;
}

static void mark_read(void *user, int slot)
{
    ((bool *)user)[slot] = true;
}

/* An input that nothing reads would be taken and silently ignored. */
static omn_status all_read(const omn_pipeline *p, omn_error *err)
{
    bool read[MOST_SLOTS] = { false };
    for (size_t i = 0; i < p->n_steps; i++) plan_reads(p, &p->steps[i], mark_read, read);
    for (size_t i = 0; i < p->n_outputs; i++)
        for (int k = p->outputs[i].slot; k >= 0; k = p->slots[k].of) read[k] = true;
    for (size_t i = 0; i < p->n_inputs; i++)
        if (!read[p->inputs[i].slot])
            return yml_fail(p->slots[p->inputs[i].slot].at, err,
                            "no step uses the input \"%s\"; use it or leave it out",
                            p->inputs[i].p.name);
    return OMN_OK;
}

/* Steps that cannot run here (their operation is not installed) are left out with the outputs that
 * need them, if only such outputs do as are written on request alone. */
static omn_status only_on_request(const omn_pipeline *p, omn_error *err)
{
    const char *always[MOST_SLOTS];
    bool needed[MOST_STEPS] = { false };
    size_t n = 0;
    for (size_t i = 0; i < p->n_outputs; i++)
        if (!p->outputs[i].p.file || strcmp(p->outputs[i].p.file, "optional"))
            always[n++] = p->outputs[i].p.name;
    TRY_READ(plan_needed(p, always, n, needed, err));
    for (size_t i = 0; i < p->n_steps; i++)
        if (needed[i] && p->steps[i].missing)
            return yml_fail(yml_get(p->steps[i].at, "apply"), err, "%s", p->steps[i].missing);
    return OMN_OK;
}

omn_status plan_read(omn_pipeline *p, omn_error *err)
{
    static const char *const keys[] = { "version", "help",    "model", "inputs",
                                        "models",  "parts",   "steps", "outputs", NULL };
    const yml *y = p->root;
    TRY_READ(yml_want(y, YML_MAP, "a pipeline", err));
    TRY_READ(yml_only(y, keys, err));
    if (!yml_get(y, "version")) return yml_fail(y, err, "version: 1 is wanted");
    TRY_READ(yml_version(y, err));
    TRY_READ(yml_text(yml_get(y, "help"), &p->help, "", err));
    TRY_READ(yml_text(yml_get(y, "model"), &p->model, NULL, err));
    TRY_READ(read_inputs(p, yml_get(y, "inputs"), err));
    TRY_READ(read_models(p, yml_get(y, "models"), err));
    TRY_READ(read_parts(p, yml_get(y, "parts"), err));
    if (!yml_get(y, "steps")) return yml_fail(y, err, "steps: [...] is wanted");
    TRY_READ(read_steps(p, yml_get(y, "steps"), &p->steps, &p->n_steps, 0, err));
    if (!needs_model(p->steps, p->n_steps))
        p->model = NULL;
    else if (!p->model)
        p->model = "nano";
    if (p->model && !(p->model = named_file(p->path, p->model, NAMED_MODEL, p->arena)))
        return omn_fail(err, OMN_ERR_MEMORY, "reading %s: out of memory", p->path);
    TRY_READ(models_asked(p, err));
    TRY_READ(read_outputs(p, yml_get(y, "outputs"), err));
    TRY_READ(only_on_request(p, err));
    return all_read(p, err);
}
