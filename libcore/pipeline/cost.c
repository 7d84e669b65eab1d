/* SPDX-License-Identifier: Apache-2.0 */
/* What a pipeline asks of its models, proved and counted before anything runs: inputs and outputs
 * that the model has, words for boxes, and the graphs of one request of full length, whose plan
 * says how much memory they take, and which part of the model takes it. */
#include "cost.h"
#include "run.h"

#include "libcore/generate/decode.h"
#include "libcore/generate/features.h"
#include "libcore/generate/row.h"
#include "libcore/generate/runner.h"

#include <stdio.h>
#include <string.h>

#define CAPACITY_STEP 16
#define WINDOW        16 /* of jacobi, usually */
#define OPTIONS       8  /* candidates that are not known beforehand */
#define OPTION_LENGTH 8  /* their tokens */
#define OPTION_ROWS   50 /* so many at once */

typedef struct counting {
    omn_pipeline *p;
    omn_model *own;               /* the pipeline's; NULL: it asks none */
    omn_model *m;                 /* that the step at hand asks, and how it is called */
    const char *name;             /* NULL: it is the pipeline's own */
    uint64_t work[MOST_MODELS + 1]; /* of each model's runner: its greediest graph */
    struct run_parts *parts;      /* NULL: it has none */
    omn_pipeline_cost *cost;
    omn_pipeline_need_fn *fn;     /* NULL: nobody wants to know */
    void *user;
    cost_weights *read;
    bool outside;                 /* nothing inside of maps is counted */
    const omn_graph *seen[2 * MOST_STEPS];
    size_t n_seen;
} counting;

static void tell(const counting *k, const char *what, const char *part, const char *step,
                 uint64_t bytes, bool turns)
{
    const omn_pipeline_need n = { OMN_FILL(omn_pipeline_need), .what = what, .part = part,
                                  .step = step, .bytes = bytes, .turns = turns,
                                  .model = k->name };
    if (k->fn && bytes) k->fn(k->user, &n);
}

static omn_status at_step(const plan_step *s, omn_status st, omn_error *err)
{
    if (err && !err->file[0]) {
        snprintf(err->file, sizeof err->file, "%s", s->at->file);
        err->line = s->at->line;
        err->column = s->at->column;
        omn_error_prefix(err, "%s", s->name);
    }
    return st;
}

static omn_status roles_of(const omn_model *m, const plan_step *s, const char **roles, uint32_t *n,
                           omn_error *err)
{
    omn_part *const *parts;
    const size_t n_parts = omn_model_parts(m, &parts);
    for (size_t i = 0; i < s->n_from; i++)
        if (!omn_model_encoder(m, s->from[i].name))
            return yml_fail(s->at, err, "%s: this model takes no input \"%s\"", s->name,
                            s->from[i].name);
    if (s->prompt && !omn_model_encoder(m, "text"))
        return yml_fail(s->at, err, "%s: this model takes no text", s->name);
    *n = 0;
    for (size_t i = 0; i < n_parts && *n < MOST_ROLES; i++) {
        const char *role = omn_part_role(parts[i]);
        uint32_t times = !strcmp(role, "text") && s->prompt;
        if (omn_model_encoder(m, role) != parts[i]) continue;
        for (size_t k = 0; k < s->n_from; k++) times += !strcmp(s->from[k].name, role);
        for (; times && *n < MOST_ROLES; times--) roles[(*n)++] = role;
    }
    return OMN_OK;
}

/* Rows and length of what the encode graph leaves behind. */
static void memory_shape(const omn_graph *g, int64_t *rows, int64_t *length)
{
    *rows = *length = 1;
    for (size_t i = 0; i < omn_graph_outputs(g); i++) {
        const omn_shape s = omn_graph_output_shape(g, i);
        if (strcmp(omn_graph_output_name(g, i), "memory") || s.rank < 2) continue;
        *rows = s.dim[0];
        *length = s.dim[1];
    }
}

/* A model that is planned from its configuration alone may also lack its tokenizer: what an answer
 * allows takes no memory that is counted here. */
static bool planned_without(const omn_model *m, omn_status st)
{
    return st == OMN_ERR_MISSING && !omn_model_weights(m) &&
           !omn_open_find_part(m->open, "omnio.codec/1", "tokenizer");
}

/* An answer that does not depend on the item can be made for this model. */
static omn_status open_answer(omn_pipeline *p, omn_model *m, const plan_step *s, omn_error *err)
{
    run_model others[MOST_MODELS] = { { .model = NULL } };
    omn_pipeline_run r = { .p = p, .main.model = m, .others = others };
    omn_answer *a = NULL;
    omn_call *c = NULL;
    omn_error why = OMN_ERROR_INIT;
    if (!s->answer.entry || !answer_fixed(&s->answer)) return OMN_OK;
    if (s->by) others[s->by - p->models].model = m;
    omn_status st = omn_context_call(omn_model_context(m), 0, 0, NULL, &c, &why);
    if (st == OMN_OK) st = answer_open(&r, c, s, &a, &why);
    omn_answer_close(a);
    omn_call_free(c);
    if (planned_without(m, st)) return OMN_OK;
    if (st != OMN_OK && err && err->status == OMN_OK) *err = why;
    return st;
}

/* How many rows, and how long, a step's requests are at their largest. */
typedef struct extent {
    int64_t reads, rows, length, capacity;
    const omn_vocab *vocab;
} extent;

static int64_t at_most(const param *p, int64_t limit)
{
    int64_t n = limit;
    if (p->text) yml_int(p->at, 1, 65536, &n, limit, NULL);
    return n < limit ? n : limit;
}

/* Options that stand in the file. */
static int64_t candidates(const plan_step *s)
{
    for (size_t i = 0; i < s->answer.n_values; i++)
        if (s->answer.values[i].value.kind == LIT_LIST)
            return (int64_t)s->answer.values[i].value.n;
    return OPTIONS;
}

static extent extent_of(const omn_model *m, const plan_step *s, const omn_vocab *v, bool mapped)
{
    const plan_search *h = &s->search;
    const int64_t limit = model_most_answer(m, omn_model_decoder(m, s->output));
    const int64_t rows = (int64_t)h->n_guides + 1;
    const int64_t lanes = h->beams > 1 ? h->beams : h->n_best > 1 ? h->n_best : 1;
    int64_t most = at_most(&s->max_tokens, limit), items = mapped ? MAP_ROWS : 1;
    extent e = { .reads = items * rows, .length = 1, .vocab = v };
    if (s->answer.entry && s->answer.chooses) {
        const int64_t n = candidates(s);
        e.rows = n < OPTION_ROWS ? n : OPTION_ROWS;
        e.length = e.capacity = limit < OPTION_LENGTH ? limit : OPTION_LENGTH;
        return e;
    }
    const int64_t at_once = (int64_t)run_at_once(most, rows * lanes);
    if (items > at_once) items = at_once;
    e.reads = items * rows;
    e.rows = e.reads * lanes;
    search_model fed = { .start = 0 };
    if (v) feed_rules(&fed, v);
    if (fed.n_also > 0) e.length = 2;
    if (model_row(m)) fed.window = 0;
    if (fed.window > 0 && most >= fed.window) e.length = fed.window;
    most = feed_places(&fed, most - 1);
    if (h->jacobi) e.length = h->window > 0 ? h->window : WINDOW;
    if (h->jacobi) most += e.length;
    const omn_row_impl *row = model_row(m); /* what is given may take all the rest of a row */
    if (row && most < row->most(m->self)) most = row->most(m->self);
    if (row && v && v->window > 0 && most > v->window) most = v->window;
    if (row && e.length < FRONT_AT_ONCE) e.length = FRONT_AT_ONCE;
    e.capacity = (most + CAPACITY_STEP - 1) / CAPACITY_STEP * CAPACITY_STEP;
    if (row && e.length > e.capacity) e.length = e.capacity; /* a row that is shorter than that */
    return e;
}

/* What an encoder's prepare makes, and the batch that it is stacked into. */
static void count_inputs(const counting *k, const plan_step *s, const char *role, int64_t rows)
{
    const omn_part *p = omn_model_encoder(k->m, role);
    const omn_encoder_impl *e = p->impl;
    const omn_port *list = NULL;
    const uint32_t n = e->ports(p->self, &list);
    uint64_t bytes = 0;
    char name[80];
    for (uint32_t i = 0; i < n; i++) {
        size_t count;
        if (omn_shape_count(&list[i].most, &count))
            bytes += count * omn_type_get(list[i].type)->bytes;
    }
    bytes *= 2 * (uint64_t)rows;
    const omn_takes_impl *takes = e->extension ? e->extension("omnio.takes/1") : NULL;
    cost_load_operations(omn_model_context(k->m), takes);
    if (takes && takes->bytes) bytes += takes->bytes(p->self);
    snprintf(name, sizeof name, "encoder %s", role);
    tell(k, "inputs", name, s->name, bytes, false);
    k->cost->inputs += bytes;
}

/* What a graph has at work, and the states that it uses beside those of `before`: once, should two
 * steps have it in common. */
static omn_status count_graph(counting *k, const plan_step *s, const omn_graph *g,
                              const omn_graph *before, omn_error *err)
{
    const uint64_t workspace = omn_graph_workspace(g), states = omn_graph_states(g, before);
    for (size_t i = 0; i < k->n_seen; i++)
        if (k->seen[i] == g) return OMN_OK;
    if (k->n_seen < 2 * MOST_STEPS) k->seen[k->n_seen++] = g;
    tell(k, before ? "writing" : "reading", omn_graph_greediest(g), s->name, workspace, true);
    tell(k, before ? "written" : "read", "", s->name, states, false);
    uint64_t *work = &k->work[s->by ? s->by - k->p->models + 1 : 0];
    if (workspace > *work) {
        k->cost->workspace += workspace - *work;
        *work = workspace;
    }
    k->cost->states += states;
    return cost_weights_add(k->read, k->m, g, err);
}

/* Is the answer what the decoder's graph makes of codes? */
static bool makes_values(const plan_step *s)
{
    const omn_answer_impl *a = s->answer.entry ? omn_entry_object(s->answer.entry)->impl : NULL;
    return a && !a->makes;
}

/* What is at work while a decoder makes a value of codes (or codes of a value): in a run state of
 * its own, so beside everything else. */
static omn_status count_making(counting *k, const plan_step *s, const omn_part *decoder, bool codes,
                               omn_error *err)
{
    omn_graph *g = NULL;
    const omn_status st = values_graph(decoder, codes, &g, err);
    if (st != OMN_OK || !g) return st;
    const omn_decoder_impl *d = decoder->impl;
    const omn_takes_impl *takes = d->extension ? d->extension("omnio.takes/1") : NULL;
    const uint64_t bytes = omn_graph_workspace(g) +
        (takes && takes->bytes && !codes ? takes->bytes(decoder->self) : 0);
    cost_load_operations(omn_model_context(decoder->model), takes);
    tell(k, "making", omn_part_object(decoder), s->name, bytes, false);
    k->cost->making += bytes;
    return cost_weights_add(k->read, decoder->model, g, err);
}

static omn_status model_step(counting *k, const plan_step *s, const plan_step *map,
                             omn_error *err)
{
    omn_status st = OMN_OK;
    const char *roles[MOST_ROLES];
    const int64_t lengths[MOST_ROLES] = { 0 };
    int64_t distinct[MOST_ROLES] = { 0 };
    uint32_t n = 0;
    omn_graph *encode = NULL, *step = NULL;
    char lacks[LACKS_ROOM];
    OMN_TRY(roles_of(k->m, s, roles, &n, err));
    const omn_part *decoder = omn_model_decoder(k->m, s->output);
    if (!decoder)
        return yml_fail(s->at, err, "%s: %s", s->name,
                        model_lacks(k->m, s->output, lacks, sizeof lacks));
    OMN_TRY(open_answer(k->p, k->m, s, err));
    const extent e = extent_of(k->m, s, omn_part_vocabulary(decoder), map != NULL);
    for (uint32_t i = 0; i < n; i++) {
        distinct[i] = cost_distinct(k->p, k->m, s, roles[i], e.reads, map);
        count_inputs(k, s, roles[i], distinct[i] ? distinct[i] : e.reads);
    }
    const omn_graph_sizes z = {
        OMN_FILL(omn_graph_sizes), .phase = OMN_ENCODE, .rows = e.reads, .roles = roles,
        .lengths = lengths,        .n_roles = n,         .distinct = distinct
    };
    OMN_TRY(omn_model_graph(k->m, &z, &encode, err));
    OMN_TRY(count_graph(k, s, encode, NULL, err));
    int64_t rows, length;
    memory_shape(encode, &rows, &length);
    const omn_graph_sizes t = { OMN_FILL(omn_graph_sizes),
                                .phase = OMN_STEP,
                                .rows = e.rows,
                                .output = s->output,
                                .target_length = e.length,
                                .memory_rows = rows,
                                .memory_length = length,
                                .capacity = e.capacity };
    OMN_TRY(omn_model_graph(k->m, &t, &step, err));
    OMN_TRY(count_graph(k, s, step, encode, err));
    if (makes_values(s)) OMN_TRY(count_making(k, s, decoder, false, err));
    if (omn_graph_flops(encode) > k->cost->encode_flops)
        k->cost->encode_flops = omn_graph_flops(encode);
    /* what stands in front of an answer is fed many places at a time; a token is one of them */
    const uint64_t places = model_row(k->m) ? (uint64_t)e.length : 1;
    const uint64_t each = omn_graph_flops(step) / places;
    if (each > k->cost->step_flops) k->cost->step_flops = each;
done:
    return st == OMN_OK ? st : at_step(s, st, err);
}

/* What an embed step asks for: one reading, and the name among what the model makes. */
static omn_status embed_step(counting *k, const plan_step *s, const plan_step *map,
                             omn_error *err)
{
    omn_status st = OMN_OK;
    const char *roles[MOST_ROLES], *output = NULL;
    const int64_t lengths[MOST_ROLES] = { 0 }, rows = map ? MAP_ROWS : 1;
    uint32_t n = 0;
    omn_graph *g = NULL;
    OMN_TRY(roles_of(k->m, s, roles, &n, err));
    for (uint32_t i = 0; i < n; i++) count_inputs(k, s, roles[i], rows);
    const omn_graph_sizes z = { OMN_FILL(omn_graph_sizes), .phase = OMN_EMBED, .rows = rows,
                                .roles = roles, .lengths = lengths, .n_roles = n };
    OMN_TRY(omn_model_graph(k->m, &z, &g, err));
    OMN_TRY(embed_find(g, s->output, &output, err));
    OMN_TRY(embed_labels(g, output, s, err));
    OMN_TRY(count_graph(k, s, g, NULL, err));
    if (omn_graph_flops(g) > k->cost->encode_flops) k->cost->encode_flops = omn_graph_flops(g);
done:
    return st == OMN_OK ? st : at_step(s, st, err);
}

/* A step through a decoder, of the model or with weights of its own. */
static omn_status token_step(counting *k, const plan_step *s, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_part *d = k->m && !s->part ? omn_model_decoder(k->m, s->output) : NULL;
    const char *role = NULL;
    char lacks[LACKS_ROOM];
    if (s->part) OMN_TRY(run_parts_check(k->p, s->part, k->parts, &d, err));
    if (!d && s->part) return OMN_OK; /* its weights are an input */
    if (!d)
        return yml_fail(s->at, err, "%s: %s", s->name,
                        model_lacks(k->m, s->output, lacks, sizeof lacks));
    if (!s->part && s->n_in > 1) OMN_TRY(run_sees(k->m, s, &role, err));
    OMN_TRY(count_making(k, s, d, s->verb == VERB_TOKENIZE, err));
done:
    return st == OMN_OK ? st : at_step(s, st, err);
}

static omn_status all_steps(counting *k, const plan_step *steps, size_t n, const plan_step *map,
                            omn_error *err)
{
    omn_status st = OMN_OK;
    for (size_t i = 0; i < n && st == OMN_OK; i++) {
        const plan_step *s = &steps[i];
        k->m = s->by ? s->by->lent : k->own;
        k->name = s->by ? s->by->name : NULL;
        if (s->verb == VERB_GENERATE || s->verb == VERB_SCORE)
            st = model_step(k, s, map, err);
        if (s->verb == VERB_EMBED) st = embed_step(k, s, map, err);
        if (s->verb == VERB_TOKENIZE || s->verb == VERB_DETOKENIZE) st = token_step(k, s, err);
        if (st == OMN_OK && !(k->outside && s->verb == VERB_MAP))
            st = all_steps(k, s->steps, s->n_steps, !map && s->verb == VERB_MAP ? s : map, err);
    }
    return st;
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* A model that is lent by several names is told of once, under the first. */
static void tell_weights(void *user, const omn_model *m, const char *owner, uint64_t bytes)
{
    counting *k = user;
    const omn_pipeline *p = k->p;
    k->name = NULL;
    for (size_t i = p->n_models; i-- > 0 && m != k->own;)
        if (p->models[i].lent == m) k->name = p->models[i].name;
    tell(k, "weights", owner, NULL, bytes, false);
    k->name = NULL;
}

/* All that the model has, read or not: in its file, or where it has none, declared. */
static void count_model(const omn_model *m, omn_pipeline_cost *cost)
{
    const omn_weights *w = omn_model_weights(m);
    const omn_store *s = w ? NULL : m->own_store;
    size_t count = 0;
    for (size_t i = 0; w && i < omn_weights_count(w); i++) {
        const omn_tensor *t = omn_weights_at(w, i);
        omn_shape shape = t->shape;
        (void)omn_weights_tiles(w, omn_weights_name(w, i), &shape);
        if (omn_shape_count(&shape, &count)) cost->parameters += count;
        cost->weights += t->bytes;
    }
    for (size_t i = 0; s && i < omn_store_count(s); i++) {
        const omn_tensor t = omn_store_tensor(s, i);
        if (omn_shape_count(&t.shape, &count)) cost->parameters += count;
        cost->weights += t.bytes;
    }
}

/* The pipeline's own, and the others, each once; and what they keep of their inputs. */
static void count_models(counting *k)
{
    const omn_pipeline *p = k->p;
    uint64_t kept = 0;
    if (p->model) count_model(k->own, k->cost);
    if (p->model) kept += features_most(k->own);
    for (size_t i = 0; i < p->n_models; i++) {
        bool again = p->models[i].lent == k->own;
        for (size_t j = 0; j < i; j++) again = again || p->models[j].lent == p->models[i].lent;
        if (again) continue;
        count_model(p->models[i].lent, k->cost);
        kept += features_most(p->models[i].lent);
    }
    if (kept) tell(k, "kept", "", NULL, kept, false);
    k->cost->inputs += kept;
}

/* What it takes when all that maps go over is empty: without the process, which is that of all. */
static omn_status count_least(const counting *k, uint64_t *out, omn_error *err)
{
    omn_pipeline_cost c = { OMN_FILL(omn_pipeline_cost) };
    cost_weights read = { 0 };
    counting silent = { .p = k->p, .own = k->own, .parts = k->parts, .cost = &c, .read = &read,
                        .outside = true };
    const omn_status st = all_steps(&silent, k->p->steps, k->p->n_steps, NULL, err);
    *out = cost_weights_tell(&read, NULL, NULL) + c.workspace + c.states + c.inputs + c.making;
    cost_weights_fini(&read);
    return st;
}

/* Weights are told first, and which of them are read is known when all graphs are there: they are
 * built in silence, and found again when the steps are told. */
static omn_status count_all(counting *k, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_pipeline_cost none = { OMN_FILL(omn_pipeline_cost) };
    counting silent = { .p = k->p, .own = k->own, .parts = k->parts, .cost = &none,
                        .read = k->read };
    OMN_TRY(all_steps(&silent, k->p->steps, k->p->n_steps, NULL, err));
    count_models(k);
    k->cost->read = cost_weights_tell(k->read, tell_weights, k);
    OMN_TRY(all_steps(k, k->p->steps, k->p->n_steps, NULL, err));
    k->name = NULL;
    OMN_TRY(count_least(k, &k->cost->least, err));
    const uint64_t reading = cost_load_files(k->p);
    k->cost->process = cost_process(k->read) + reading;
    tell(k, "process", "", NULL, k->cost->process, false);
    k->cost->memory = k->cost->read + k->cost->workspace + k->cost->states + k->cost->inputs +
        k->cost->making + k->cost->process;
    k->cost->least += k->cost->process;
done:
    return st;
}

omn_status omn_pipeline_needs(omn_pipeline *p, omn_model *m, omn_pipeline_need_fn *fn, void *user,
                              omn_pipeline_cost *out, omn_error *err)
{
    omn_pipeline_cost cost = { OMN_FILL(omn_pipeline_cost) };
    cost_weights read = { 0 };
    counting k = { .p = p, .own = m, .cost = &cost, .read = &read, .fn = fn, .user = user };
    const plan_model *lacks = NULL;
    if (p->model && !m)
        return omn_fail(err, OMN_ERR_ARGUMENT, "%s needs a model to be checked with", p->path);
    if (!models_lent(p, &lacks))
        return omn_fail(err, OMN_ERR_ARGUMENT, "%s needs the model \"%s\" to be checked with",
                        p->path, lacks->name);
    omn_status st = p->n_parts ? run_parts_new(p, &k.parts, err) : OMN_OK;
    if (st == OMN_OK) st = count_all(&k, err);
    cost_weights_fini(&read);
    run_parts_free(k.parts);
    if (st != OMN_OK) return st;
    if (out) {
        cost.size = out->size;
        memcpy(out, &cost, out->size < sizeof cost ? out->size : sizeof cost);
    }
    return OMN_OK;
}

omn_status omn_pipeline_check(omn_pipeline *p, omn_model *m, omn_pipeline_cost *out, omn_error *err)
{
    return omn_pipeline_needs(p, m, NULL, NULL, out, err);
}
