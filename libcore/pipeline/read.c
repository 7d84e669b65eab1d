/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a pipeline's steps: verbs, references, parameters and types, all checked before anything
 * runs. The language is described in omnio-pipeline(5). */
#include "plan.h"

#include <stdio.h>
#include <string.h>

#define TRY_READ(x)                                                                              \
    do {                                                                                         \
        const omn_status st_ = (x);                                                              \
        if (st_ != OMN_OK) return st_;                                                           \
    } while (0)

static const char *const value_types[] = { "image",  "text",       "regions", "points",
                                           "tokens", "embeddings", "tensor",  "list",
                                           "record", "number",     "any",     NULL };

int plan_find(const omn_pipeline *p, const char *name)
{
    for (int i = p->n_slots; i-- > 0;)
        if (!strcmp(p->slots[i].name, name)) return i;
    return -1;
}

static omn_status add_slot(omn_pipeline *p, const yml *at, const char *name, const char *type,
                           int *out, omn_error *err)
{
    if (!name[0] ||
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") !=
            strlen(name))
        return yml_fail(at, err, "\"%s\": names are letters, digits, - and _", name);
    const int twin = plan_find(p, name);
    if (twin >= 0)
        return yml_fail(at, err, "\"%s\" is already made in line %d", name,
                        p->slots[twin].at->line);
    if (p->n_slots == MOST_SLOTS) return yml_fail(at, err, "more than %d values", MOST_SLOTS);
    *out = p->n_slots;
    p->slots[p->n_slots++] = (plan_slot){ name, type, at };
    return OMN_OK;
}

static bool fits(const char *have, const char *want)
{
    return !strcmp(have, "any") || !strcmp(want, "any") || !strcmp(have, want);
}

/* "$name" to its slot, of a wanted type (NULL: any). */
static omn_status reference(const omn_pipeline *p, const yml *y, const char *want, int *out,
                            omn_error *err)
{
    if (y->kind != YML_SCALAR || y->text[0] != '$')
        return yml_fail(y, err, "a value is wanted here, as $name of an input or an earlier step");
    *out = plan_find(p, y->text + 1);
    if (*out < 0)
        return yml_fail(
            y, err, "there is no value \"%s\"; inputs and earlier steps (as) make values", y->text);
    if (want && !fits(p->slots[*out].type, want))
        return yml_fail(y, err, "%s is %s, %s is wanted", y->text, p->slots[*out].type, want);
    return OMN_OK;
}

/* A scalar parameter: text, or a slot of text or number. */
static omn_status scalar(const omn_pipeline *p, const yml *y, const char *name, param *out,
                         omn_error *err)
{
    *out = (param){ .name = name, .slot = -1, .at = y };
    if (!y) return OMN_OK;
    TRY_READ(yml_want(y, YML_SCALAR, name, err));
    if (y->text[0] == '$' && !y->quoted) {
        TRY_READ(reference(p, y, NULL, &out->slot, err));
        const char *t = p->slots[out->slot].type;
        if (strcmp(t, "text") && strcmp(t, "number") && strcmp(t, "any"))
            return yml_fail(y, err, "%s is %s, a text or a number is wanted", y->text, t);
    } else {
        out->text = y->text;
    }
    return OMN_OK;
}

static omn_status number_param(const omn_pipeline *p, const yml *y, const char *name, double lo,
                               double hi, param *out, omn_error *err)
{
    TRY_READ(scalar(p, y, name, out, err));
    double v;
    if (out->text) TRY_READ(yml_double(y, lo, hi, &v, 0, err));
    return OMN_OK;
}

/* ---- apply ---------------------------------------------------------------------------------- */

static bool optional(const omn_param *row)
{
    const size_t n = row->help ? strlen(row->help) : 0;
    return n >= 10 && !strcmp(row->help + n - 10, "; optional");
}

static omn_status read_apply(omn_pipeline *p, const yml *y, plan_step *s, omn_error *err)
{
    const char *object;
    size_t done = 0;
    TRY_READ(yml_text(yml_get(y, "apply"), &object, "", err));
    const omn_status found = omn_registry_find(p->ctx, "omnio.operation/1", object, &s->entry, err);
    if (found != OMN_OK) {
        if (err && !err->line && !err->file[0]) {
            snprintf(err->file, sizeof err->file, "%s", y->file);
            err->line = yml_get(y, "apply")->line;
            err->column = yml_get(y, "apply")->column;
        }
        return found;
    }
    const omn_object *o = omn_entry_object(s->entry);
    s->name = omn_arena_printf(p->arena, "apply %s", object);
    s->params = omn_arena_alloc(p->arena, o->n_params + 1, sizeof *s->params);
    if (!s->params) return omn_fail(err, OMN_ERR_MEMORY, "reading %s: out of memory", p->path);
    size_t n_out = 0;
    for (uint32_t i = 0; i < o->n_params; i++) {
        const omn_param *row = omn_entry_param(s->entry, i);
        const bool first_in = !strcmp(row->role, "in") && s->n_in == 0;
        const yml *v = yml_get(y, row->name);
        const char *key = row->name;
        if (!v && first_in) v = yml_get(y, key = "in");
        if (!strcmp(row->role, "in")) {
            if (s->n_in == MOST_FROM) return yml_fail(y, err, "%s has too many inputs", object);
            s->in[s->n_in] = -1;
            if (v) TRY_READ(reference(p, v, row->type, &s->in[s->n_in], err));
            else if (!optional(row))
                return yml_fail(y, err, "%s wants \"%s\": %s (%s)", object,
                                first_in ? "in" : row->name, row->help, row->type);
            s->n_in++;
        } else if (!strcmp(row->role, "param")) {
            if (v) {
                param *q = &s->params[s->n_params];
                TRY_READ(scalar(p, v, row->name, q, err));
                omn_error why = OMN_ERROR_INIT;
                if (q->text && omn_param_check(row, q->text, &why) != OMN_OK)
                    return yml_fail(v, err, "%s: %s", object, why.text);
                s->n_params++;
            } else if (!row->deflt) {
                return yml_fail(y, err, "%s wants \"%s\": %s", object, row->name, row->help);
            }
        } else {
            const yml *name = n_out == 0 && yml_get(y, "as") ? yml_get(y, "as") : v;
            if (n_out == MOST_OUTS) return yml_fail(y, err, "%s has too many results", object);
            s->out[n_out] = -1;
            if (name) {
                TRY_READ(yml_want(name, YML_SCALAR, "as", err));
                TRY_READ(add_slot(p, name, name->text, row->type, &s->out[n_out], err));
            }
            n_out++;
            if (name == v) key = row->name;
            else v = NULL;
        }
        if (v) done++;
        (void)key;
    }
    s->n_out = n_out;
    /* Keys that no row took: the nearest row is named. */
    if (done + 1 + (yml_get(y, "as") != NULL) != y->n) {
        const char **keys = omn_arena_alloc(p->arena, o->n_params + 4, sizeof *keys);
        if (!keys) return omn_fail(err, OMN_ERR_MEMORY, "reading %s: out of memory", p->path);
        size_t n = 0;
        keys[n++] = "apply";
        keys[n++] = "as";
        for (uint32_t i = 0; i < o->n_params; i++) keys[n++] = omn_entry_param(s->entry, i)->name;
        for (size_t i = 2; i < n; i++)
            if (!strcmp(keys[i], "in")) break;
            else if (i + 1 == n) keys[n++] = "in";
        TRY_READ(yml_only(y, keys, err));
        return yml_fail(y, err, "%s: an input is given twice", object);
    }
    return OMN_OK;
}

/* ---- generate and score --------------------------------------------------------------------- */

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
    a->kind = OMN_ANSWER_OPTIONS;
    if (y->kind == YML_SCALAR) return reference(p, y, "list", &a->options, err);
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
        a->kind = OMN_ANSWER_BOXES;
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
        TRY_READ(reference(p, of, "image", &a->of, err));
        for (size_t i = 0; i < s->n_from; i++)
            if (s->from[i].slot == a->of) a->of_role = s->from[i].name;
        if (!a->of_role)
            return yml_fail(of, err, "%s is not among the inputs (from) of this step", of->text);
    } else if (boxes) {
        return yml_fail(y, err, "boxes are pixels of a picture: say which, as of: $image");
    }
    return OMN_OK;
}

static omn_status read_model_step(omn_pipeline *p, const yml *y, plan_step *s, omn_error *err)
{
    static const char *const keys[] = { "generate",   "score",  "as",     "from", "prompt",
                                        "max_tokens", "answer", "sample", NULL };
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
            TRY_READ(reference(p, yml_value(from, i), NULL, &s->from[i].slot, err));
        }
        s->n_from = from->n;
    }
    if (yml_get(y, "prompt")) {
        TRY_READ(yml_text(yml_get(y, "prompt"), &s->prompt, NULL, err));
        TRY_READ(template_read(p, yml_get(y, "prompt"), s->prompt, &s->words, &s->n_words, err));
    }
    if (!s->prompt && !s->n_from) return yml_fail(y, err, "a prompt or inputs (from) are wanted");
    TRY_READ(read_answer(p, yml_get(y, "answer"), s, err));
    if (s->verb == VERB_SCORE && s->answer.kind != OMN_ANSWER_OPTIONS)
        return yml_fail(y, err, "score chooses among options: answer: {options: [...]}");
    TRY_READ(
        number_param(p, yml_get(y, "max_tokens"), "max_tokens", 1, 65536, &s->max_tokens, err));
    if (sample) {
        TRY_READ(yml_want(sample, YML_MAP, "sample", err));
        TRY_READ(yml_only(sample, sample_keys, err));
    }
    TRY_READ(number_param(p, yml_get(sample, "temperature"), "temperature", 0, 100, &s->temperature,
                          err));
    TRY_READ(number_param(p, yml_get(sample, "top_k"), "top_k", 0, 1e6, &s->top_k, err));
    TRY_READ(number_param(p, yml_get(sample, "top_p"), "top_p", 0, 1, &s->top_p, err));
    TRY_READ(number_param(p, yml_get(sample, "seed"), "seed", 0, 9e15, &s->seed, err));
    s->n_out = 1;
    return add_slot(p, as, as->text, s->answer.kind == OMN_ANSWER_BOXES ? "regions" : "text",
                    &s->out[0], err);
}

/* ---- tokenize, detokenize, map -------------------------------------------------------------- */

static omn_status read_tokens(omn_pipeline *p, const yml *y, plan_step *s, omn_error *err)
{
    static const char *const keys[] = { "tokenize", "detokenize", "as", NULL };
    const bool to = s->verb == VERB_TOKENIZE;
    const yml *as = yml_get(y, "as");
    TRY_READ(yml_only(y, keys, err));
    s->name = to ? "tokenize" : "detokenize";
    TRY_READ(reference(p, yml_get(y, s->name), to ? "text" : "tokens", &s->in[0], err));
    s->n_in = s->n_out = 1;
    if (!as) return yml_fail(y, err, "the step needs a name for its result: as: name");
    TRY_READ(yml_want(as, YML_SCALAR, "as", err));
    return add_slot(p, as, as->text, to ? "tokens" : "text", &s->out[0], err);
}

static omn_status read_steps(omn_pipeline *p, const yml *list, plan_step **steps, size_t *n,
                             int depth, omn_error *err);

static omn_status read_map(omn_pipeline *p, const yml *y, plan_step *s, int depth, omn_error *err)
{
    static const char *const keys[] = { "map", "each", "as", "keep", "drop_if", "steps", NULL };
    const yml *each = yml_get(y, "each"), *as = yml_get(y, "as"), *keep = yml_get(y, "keep");
    TRY_READ(yml_only(y, keys, err));
    s->name = "map";
    TRY_READ(reference(p, yml_get(y, "map"), NULL, &s->in[0], err));
    const char *type = p->slots[s->in[0]].type;
    if (strcmp(type, "list") && strcmp(type, "regions") && strcmp(type, "any"))
        return yml_fail(yml_get(y, "map"), err, "map goes over a list or over boxes, not over %s",
                        type);
    if (!each || !as || !keep || !yml_get(y, "steps"))
        return yml_fail(y, err, "map wants each: name, as: name, keep: $value and steps: [...]");
    TRY_READ(yml_want(each, YML_SCALAR, "each", err));
    TRY_READ(yml_want(as, YML_SCALAR, "as", err));
    const int before = p->n_slots;
    TRY_READ(
        add_slot(p, each, each->text, strcmp(type, "regions") ? "any" : "regions", &s->each, err));
    TRY_READ(read_steps(p, yml_get(y, "steps"), &s->steps, &s->n_steps, depth + 1, err));
    TRY_READ(reference(p, keep, NULL, &s->keep, err));
    if (yml_get(y, "drop_if")) {
        const char *when;
        TRY_READ(yml_text(yml_get(y, "drop_if"), &when, "", err));
        if (strcmp(when, "empty"))
            return yml_fail(yml_get(y, "drop_if"), err, "drop_if: empty is wanted");
        s->drop_empty = true;
    }
    /* names inside are not seen outside: their slots stay, under names nobody can write */
    for (int i = before; i < p->n_slots; i++) p->slots[i].name = "";
    s->n_in = s->n_out = 1;
    return add_slot(p, as, as->text, "list", &s->out[0], err);
}

static omn_status read_step(omn_pipeline *p, const yml *y, plan_step *s, int depth, omn_error *err)
{
    static const char *const verbs[] = { "apply",    "generate",   "score",
                                         "tokenize", "detokenize", "map" };
    int found = -1;
    TRY_READ(yml_want(y, YML_MAP, "a step", err));
    for (int i = 0; i < 6; i++) {
        if (!yml_get(y, verbs[i])) continue;
        if (found >= 0)
            return yml_fail(y, err, "a step has one verb, not both %s and %s", verbs[found],
                            verbs[i]);
        found = i;
    }
    if (found < 0)
        return yml_fail(y, err,
                        "a step begins with apply, generate, score, tokenize, detokenize or map");
    s->verb = (verb)found;
    s->at = y;
    switch (s->verb) {
    case VERB_APPLY: return read_apply(p, y, s, err);
    case VERB_GENERATE:
    case VERB_SCORE: return read_model_step(p, y, s, err);
    case VERB_MAP: return read_map(p, y, s, depth, err);
    default: return read_tokens(p, y, s, err);
    }
}

static omn_status read_steps(omn_pipeline *p, const yml *list, plan_step **steps, size_t *n,
                             int depth, omn_error *err)
{
    TRY_READ(yml_want(list, YML_LIST, "steps", err));
    if (list->n > MOST_STEPS || depth > 4)
        return yml_fail(list, err, "more than %d steps or maps nested deeper than 4", MOST_STEPS);
    *steps = omn_arena_alloc(p->arena, list->n + 1, sizeof **steps);
    if (!*steps) return omn_fail(err, OMN_ERR_MEMORY, "reading %s: out of memory", p->path);
    *n = list->n;
    for (size_t i = 0; i < list->n; i++)
        TRY_READ(read_step(p, list->items[i], &(*steps)[i], depth, err));
    return OMN_OK;
}

/* ---- inputs and outputs --------------------------------------------------------------------- */

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
        size_t k = 0;
        while (q->type && value_types[k] && strcmp(value_types[k], q->type)) k++;
        if (!q->type || !value_types[k])
            return yml_fail(
                v, err, "%s: a type is wanted: image, text, number, list, regions, points, tokens",
                q->name);
        TRY_READ(add_slot(p, yml_key(y, i), q->name, q->type, &p->inputs[i].slot, err));
        p->inputs[i].p = *q;
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
        TRY_READ(reference(p, value, NULL, &p->outputs[i].slot, err));
        q->type = p->slots[p->outputs[i].slot].type;
        q->from = p->slots[p->outputs[i].slot].name;
        p->outputs[i].p = *q;
    }
    p->n_outputs = y->n;
    return OMN_OK;
}

static bool needs_model(const plan_step *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((s[i].verb != VERB_APPLY && s[i].verb != VERB_MAP) ||
            needs_model(s[i].steps, s[i].n_steps))
            return true;
    return false;
}

omn_status plan_read(omn_pipeline *p, omn_error *err)
{
    static const char *const keys[] = { "version", "help",    "model", "inputs",
                                        "steps",   "outputs", NULL };
    int64_t version;
    const yml *y = p->root;
    TRY_READ(yml_want(y, YML_MAP, "a pipeline", err));
    TRY_READ(yml_only(y, keys, err));
    if (!yml_get(y, "version")) return yml_fail(y, err, "version: 1 is wanted");
    TRY_READ(yml_int(yml_get(y, "version"), 1, 1, &version, 1, err));
    TRY_READ(yml_text(yml_get(y, "help"), &p->help, "", err));
    TRY_READ(yml_text(yml_get(y, "model"), &p->model, NULL, err));
    TRY_READ(read_inputs(p, yml_get(y, "inputs"), err));
    if (!yml_get(y, "steps")) return yml_fail(y, err, "steps: [...] is wanted");
    TRY_READ(read_steps(p, yml_get(y, "steps"), &p->steps, &p->n_steps, 0, err));
    if (!needs_model(p->steps, p->n_steps)) p->model = NULL;
    else if (!p->model) p->model = "nano";
    return read_outputs(p, yml_get(y, "outputs"), err);
}
