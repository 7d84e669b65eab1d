/* SPDX-License-Identifier: Apache-2.0 */
/* What a pipeline asks of its model, proved and counted before anything runs: inputs and outputs
 * that the model has, words for boxes, and the graphs of one request of full length, whose plan
 * says how much memory they take. */
#include "run.h"

#include <stdio.h>
#include <string.h>

#define MOST_ROLES    16
#define CAPACITY_STEP 16

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
        bool takes = !strcmp(role, "text") && s->prompt;
        if (omn_model_encoder(m, role) != parts[i]) continue;
        for (size_t k = 0; k < s->n_from; k++) takes = takes || !strcmp(s->from[k].name, role);
        if (takes) roles[(*n)++] = role;
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

/* An answer that does not depend on the item can be made for this model. */
static omn_status open_answer(omn_model *m, const plan_step *s, omn_error *err)
{
    omn_pipeline_run r = { .model = m };
    omn_answer *a = NULL;
    omn_call *c = NULL;
    if (!s->answer.entry || !answer_fixed(&s->answer)) return OMN_OK;
    omn_status st = omn_context_call(omn_model_context(m), 0, 0, NULL, &c, err);
    if (st == OMN_OK) st = answer_open(&r, c, s, &a, err);
    omn_answer_close(a);
    omn_call_free(c);
    return st;
}

static omn_status model_step(omn_model *m, const plan_step *s, omn_pipeline_cost *out,
                             omn_error *err)
{
    omn_status st = OMN_OK;
    const char *roles[MOST_ROLES];
    const int64_t lengths[MOST_ROLES] = { 0 };
    uint32_t n = 0;
    omn_graph *encode = NULL, *step = NULL;
    OMN_TRY(roles_of(m, s, roles, &n, err));
    const omn_part *decoder = omn_model_decoder(m, s->output);
    if (!decoder)
        return yml_fail(s->at, err, "%s: this model writes no \"%s\"", s->name, s->output);
    OMN_TRY(open_answer(m, s, err));
    const omn_graph_sizes z = {
        OMN_FILL(omn_graph_sizes), .phase = OMN_ENCODE, .rows = 1, .roles = roles,
        .lengths = lengths,        .n_roles = n
    };
    OMN_TRY(omn_model_graph(m, &z, &encode, err));
    int64_t rows, length, most = 512;
    memory_shape(encode, &rows, &length);
    if (s->max_tokens.text) yml_int(s->max_tokens.at, 1, 65536, &most, 512, NULL);
    const omn_graph_sizes t = { OMN_FILL(omn_graph_sizes),
                                .phase = OMN_STEP,
                                .rows = 1,
                                .output = s->output,
                                .target_length = 1,
                                .memory_rows = rows,
                                .memory_length = length,
                                .capacity =
                                    (most + CAPACITY_STEP - 1) / CAPACITY_STEP * CAPACITY_STEP };
    OMN_TRY(omn_model_graph(m, &t, &step, err));
    if (omn_graph_flops(encode) > out->encode_flops) out->encode_flops = omn_graph_flops(encode);
    if (omn_graph_flops(step) > out->step_flops) out->step_flops = omn_graph_flops(step);
done:
    return st == OMN_OK ? st : at_step(s, st, err);
}

static omn_status all_steps(omn_model *m, const plan_step *steps, size_t n, omn_pipeline_cost *out,
                            omn_error *err)
{
    omn_status st = OMN_OK;
    for (size_t i = 0; i < n && st == OMN_OK; i++) {
        if (steps[i].verb == VERB_GENERATE || steps[i].verb == VERB_SCORE)
            st = model_step(m, &steps[i], out, err);
        if (st == OMN_OK) st = all_steps(m, steps[i].steps, steps[i].n_steps, out, err);
    }
    return st;
}

omn_status omn_pipeline_check(omn_pipeline *p, omn_model *m, omn_pipeline_cost *out, omn_error *err)
{
    omn_pipeline_cost cost = { OMN_FILL(omn_pipeline_cost) };
    if (p->model && !m)
        return omn_fail(err, OMN_ERR_ARGUMENT, "%s needs a model to be checked with", p->path);
    if (p->model) {
        const omn_status st = all_steps(m, p->steps, p->n_steps, &cost, err);
        if (st != OMN_OK) return st;
        const omn_weights *w = omn_model_weights(m);
        omn_memory memory = { OMN_FILL(omn_memory) };
        for (size_t i = 0; w && i < omn_weights_count(w); i++) {
            const omn_tensor *t = omn_weights_at(w, i);
            size_t count = 0;
            if (omn_shape_count(&t->shape, &count)) cost.parameters += count;
            cost.weights += t->bytes;
        }
        omn_program_memory(omn_model_program(m), &memory);
        cost.workspace = memory.workspace;
        cost.states = memory.states;
    }
    if (out) {
        cost.size = out->size;
        memcpy(out, &cost, out->size < sizeof cost ? out->size : sizeof cost);
    }
    return OMN_OK;
}
