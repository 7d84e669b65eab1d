/* SPDX-License-Identifier: Apache-2.0 */
/* The decoders that one training teaches. Each has a vocabulary and a graph of its own over the one
 * feed; a step asks one of them, and the steps are shared out by chance: a step then costs what it
 * costs with one decoder, and needs the memory of one graph. Which one follows from seed and step
 * alone, so that nothing of it has to be kept. */
#include "trainer.h"

#include "../generate/open.h"
#include "../generate/row.h"
#include "../graph/adapt.h"
#include "../graph/reads.h"
#include "../tensor/finite.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define STREAM 0x6f757470 /* of random numbers */

/* Shares of the outputs at a step; NULL: each has the same. */
static const double *shares_at(const omn_train_setup *s, uint64_t step)
{
    const double *shares = s->shares;
    if (s->size < offsetof(omn_train_setup, n_stages) + sizeof(s->n_stages)) return shares;
    for (size_t i = 0; i < s->n_stages && s->stages[i].from <= step; i++)
        shares = s->stages[i].shares ? s->stages[i].shares : s->shares;
    return shares;
}

uint32_t omn_train_output(const omn_train_setup *s, uint64_t step)
{
    double all = 0, at = 0;
    uint32_t last = 0;
    if (s->size < offsetof(omn_train_setup, shares) + sizeof(s->shares) || !s->outputs) return 0;
    const double *shares = shares_at(s, step);
    for (uint32_t i = 0; i < s->n_outputs; i++) all += shares ? shares[i] : 1;
    const double u = (double)(omn_random_at(s->seed, STREAM, step) >> 11) * 0x1p-53 * all;
    for (uint32_t i = 0; i < s->n_outputs; i++) {
        const double share = shares ? shares[i] : 1;
        if (!(share > 0)) continue;
        at += share;
        last = i;
        if (u < at) break;
    }
    return last;
}

/* The loss that the model brings itself; answers: by which it learns them. NULL: none. */
static const omn_part *own_objective(const omn_model *m, bool answers)
{
    omn_part *const *list = NULL;
    const size_t n = omn_model_parts(m, &list);
    for (size_t i = 0; i < n; i++)
        if (answers ? list[i]->answers : !strcmp(omn_part_role(list[i]), "loss")) return list[i];
    return NULL;
}

omn_status outputs_copy(omn_trainer *t, omn_error *err)
{
    omn_train_setup *u = &t->setup;
    const uint32_t n = u->outputs ? u->n_outputs : 1;
    double all = 0;
    if (!n || n > MOST_OUTPUTS)
        return omn_fail(err, OMN_ERR_ARGUMENT, "%u outputs: 1 to %d can be trained", n,
                        MOST_OUTPUTS);
    const char **names = omn_arena_alloc(t->arena, n, sizeof(char *));
    double *shares = omn_arena_alloc(t->arena, n, sizeof(double));
    for (uint32_t i = 0; names && shares && i < n; i++) {
        const char *name = u->outputs ? u->outputs[i] : u->output ? u->output : "text";
        shares[i] = u->outputs && u->shares ? u->shares[i] : 1;
        all += shares[i];
        if (!(shares[i] >= 0) || !isfinite(all) || (i + 1 == n && !(all > 0)))
            return omn_fail(err, OMN_ERR_ARGUMENT,
                            "share %g of the output \"%s\": 0 or more are wanted, and not all of "
                            "them 0", shares[i], name);
        if (!*name && n > 1)
            return omn_fail(err, OMN_ERR_ARGUMENT,
                            "an output without a name asks nothing: it stands alone");
        for (uint32_t k = 0; k < i; k++)
            if (!strcmp(names[k], name))
                return omn_fail(err, OMN_ERR_ARGUMENT, "the output \"%s\" is there twice", name);
        if (!(names[i] = omn_arena_strdup(t->arena, name))) names = NULL;
    }
    if (!names || !shares) return omn_fail(err, OMN_ERR_MEMORY, "not enough memory for a trainer");
    t->unasked = n == 1 && !*names[0];
    if (t->unasked && !u->objective) u->objective = own_objective(t->model, false);
    const omn_part *own = !t->unasked && u->usual_loss ? own_objective(t->model, true) : NULL;
    if (own) u->objective = own;
    if (t->unasked && !u->objective)
        return omn_fail(err, OMN_ERR_ARGUMENT,
                        "no answer is asked and no loss (objective) is given: nothing would be "
                        "learnt");
    t->n_outputs = u->n_outputs = n;
    u->outputs = names;
    u->shares = shares;
    u->output = names[0];
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t most = u->output_targets ? u->output_targets[i] : u->targets;
        if (!most || most > u->targets)
            return omn_fail(err, OMN_ERR_ARGUMENT, "\"%s\": answers of %u tokens, 1..%u are wanted",
                            names[i], most, u->targets);
        t->outputs[i].name = names[i];
        t->outputs[i].targets = most;
    }
    u->output_targets = NULL;             /* the caller's, and read */
    return OMN_OK;
}

/* The labels that spread over their neighbours; false: its vocabulary has none. */
static bool soften(const omn_train_setup *u, const omn_vocab *v, omn_ce *ce)
{
    const omn_range *r = omn_vocab_range(v, "location");
    if (!r || r->count < 1) return false;
    ce->soft_sigma = u->soft_sigma;
    ce->soft_first = r->step < 0 ? r->first - (r->count - 1) : r->first;
    ce->soft_count = r->count;
    return true;
}

omn_status outputs_find(omn_trainer *t, omn_error *err)
{
    const omn_train_setup *u = &t->setup;
    bool soft = false;
    if (t->unasked) {
        t->outputs[0].stop = t->outputs[0].behind = t->text_end = -1;
        return OMN_OK;
    }
    for (uint32_t i = 0; i < t->n_outputs; i++) {
        output *o = &t->outputs[i];
        const omn_part *p = omn_model_decoder(t->model, o->name);
        const omn_vocab *v = p ? omn_part_vocabulary(p) : NULL;
        if (!v)
            return omn_fail(err, OMN_ERR_UNSUPPORTED, "the model writes no \"%s\"", o->name);
        o->start = v->start;
        o->stop = v->stop;
        o->behind = v->n_behind > 0 && v->stop >= 0 ? v->behind : -1;
        o->rows = v->rows;
        snprintf(o->loss_name, sizeof(o->loss_name), "loss.%.64s", o->name);
        snprintf(o->nll_name, sizeof(o->nll_name), "nll.%.64s", o->name);
        o->ce = (omn_ce){ OMN_FILL(omn_ce), .z_loss = u->z_loss, .smoothing = u->smoothing };
        if (u->soft_sigma > 0) soft |= soften(u, v, &o->ce);
    }
    if (u->soft_sigma > 0 && !soft)
        return omn_fail(err, OMN_ERR_UNSUPPORTED,
                        "the model has no location tokens, so soft_sigma means nothing");
    if (!omn_model_encoder(t->model, "text")) return OMN_OK;    /* it reads none */
    const omn_status st = model_text_end(t->model, t->outputs[0].stop, &t->text_end, NULL, err);
    if (st == OMN_OK && t->text_end < 0)
        return omn_fail(err, OMN_ERR_UNSUPPORTED,
                        "the model's texts have no end token that its encoder tells of");
    return st;
}

static void inputs_of(const omn_trainer *t, const char **names, int64_t *lengths)
{
    for (uint32_t i = 0; i < t->n_roles; i++) {
        names[i] = t->roles[i].name;
        lengths[i] = t->roles[i].is_text ? t->setup.inputs : t->roles[i].most;
    }
}

/* Where the inputs stand in the rows: how many places each of them has. */
static omn_status find_places(omn_trainer *t, omn_error *err)
{
    const char *names[MOST_ROLES];
    int64_t lengths[MOST_ROLES];
    t->row = t->unasked ? NULL : model_row(t->model);
    if (!t->row) return OMN_OK;
    inputs_of(t, names, lengths);
    const omn_graph_sizes z = { OMN_FILL(omn_graph_sizes), .phase = OMN_TEACH,
                                .rows = t->own, .roles = names, .lengths = lengths,
                                .n_roles = t->n_roles };
    const omn_status st = model_lengths(t->model, &z, t->lengths, err);
    if (st != OMN_OK) return st;
    for (uint32_t i = 0; i < t->n_roles; i++) t->length += t->lengths[i];
    if (t->setup.batch * t->length <= INT32_MAX) return OMN_OK;
    return omn_fail(err, OMN_ERR_ARGUMENT,
                    "batch %u: each of its pages has %lld vectors, which is too much",
                    t->setup.batch, (long long)t->length);
}

/* Does its graph hide what was taken from the inputs? */
static bool hides(const omn_trainer *t, const output *o)
{
    return t->setup.noised >> (o - t->outputs) & 1;
}

static omn_status build_one(omn_trainer *t, output *o, omn_error *err)
{
    const omn_train_setup *u = &t->setup;
    const bool aux = (u->aux > 0 || u->aux_last > 0) && (u->aux_groups || u->aux_edges);
    const char *names[MOST_ROLES];
    int64_t lengths[MOST_ROLES];
    uint32_t cells = 0;
    omn_graph_sizes z = { OMN_FILL(omn_graph_sizes),
                          .phase = OMN_TEACH,
                          .rows = t->own,
                          .roles = names,
                          .lengths = lengths,
                          .n_roles = t->n_roles,
                          .output = o->name,
                          .target_length = t->unasked ? 0 : o->targets,
                          .labels = true,
                          .loss = &o->ce,
                          .objective = u->objective,
                          .frozen = u->frozen,
                          .n_frozen = u->n_frozen,
                          .recompute = u->recompute,
                          .noised = hides(t, o),
                          .extend = aux ? aux_extend : NULL,
                          .extend_user = t };
    inputs_of(t, names, lengths);
    const omn_status st = omn_model_graph(t->model, &z, &o->graph, err);
    if (st != OMN_OK) return st;
    if (z.noised && !graph_takes(o->graph, "target.noised"))
        return omn_fail(err, OMN_ERR_UNSUPPORTED,
                        "\"%s\": the model does not hide what is to be found from what it has "
                        "said (the dynamic mask)", o->name);
    char name[96];
    snprintf(name, sizeof(name), "features.%s", u->aux_role);
    for (size_t i = 0; aux && i < omn_graph_outputs(o->graph); i++)
        if (!strcmp(omn_graph_output_name(o->graph, i), name))
            cells = (uint32_t)omn_graph_output_shape(o->graph, i).dim[1];
    if (o > t->outputs && cells != t->cells)
        return omn_fail(err, OMN_ERR_SHAPE, "\"%s\" has %u cells when \"%s\" is asked, %u before",
                        u->aux_role, cells, o->name, t->cells);
    t->cells = cells;
    return OMN_OK;
}

omn_status outputs_build(omn_trainer *t, omn_error *err)
{
    omn_status st = find_places(t, err);
    for (uint32_t i = 0; i < t->n_outputs && st == OMN_OK; i++)
        st = build_one(t, &t->outputs[i], err);
    return st;
}

/* The graph's outputs with this prefix, by the weight that they are of. */
static omn_status by_weight(omn_trainer *t, const output *o, const char *prefix, char ***out,
                            omn_error *err)
{
    const size_t n = strlen(prefix);
    char **names = omn_arena_alloc(t->arena, t->n_weights + 1, sizeof(char *));
    for (size_t i = 0; names && i < omn_graph_outputs(o->graph); i++) {
        const char *name = omn_graph_output_name(o->graph, i);
        if (strncmp(name, prefix, n)) continue;
        const long w = omn_store_find(t->store, name + n);
        if (w < 0)
            return omn_fail(err, OMN_ERR_INTERNAL, "%s: no such weight is in the store", name + n);
        if (!(names[w] = omn_arena_strdup(t->arena, name))) names = NULL;
    }
    *out = names;
    return names ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "not enough memory for a trainer");
}

omn_status outputs_gradients(omn_trainer *t, omn_error *err)
{
    omn_status st = OMN_OK;
    for (uint32_t k = 0; k < t->n_outputs && st == OMN_OK; k++) {
        output *o = &t->outputs[k];
        st = by_weight(t, o, "grad:", &o->gradient_names, err);
        if (st == OMN_OK) st = by_weight(t, o, AFTER, &o->after_names, err);
    }
    return st;
}

omn_status outputs_after(omn_trainer *t, bool *finite, omn_error *err)
{
    omn_status st = OMN_OK;
    const output *o = &t->outputs[t->now];
    for (size_t i = 0; i < t->n_weights; i++) {
        omn_tensor x;
        t->after[i] = NULL;
        if (!o->after_names[i]) continue;
        OMN_TRY(omn_exec_output(t->exec, o->graph, o->after_names[i], &x, err));
        t->after[i] = x.data;
        const size_t n = t->opt->slots[i].count;
        *finite = *finite && finite_until(x.data, n) == n;
    }
done:
    return st;
}

void outputs_settle(omn_trainer *t)
{
    for (size_t i = 0; i < t->n_weights; i++) {
        const slot *s = &t->opt->slots[i];
        if (t->after[i]) memcpy(s->w, t->after[i], s->count * sizeof(float));
    }
}

bool output_has(const output *o, const char *name)
{
    for (size_t i = 0; i < omn_graph_outputs(o->graph); i++)
        if (!strcmp(omn_graph_output_name(o->graph, i), name)) return true;
    return false;
}

bool trainer_learns(const omn_trainer *t, const char *weight)
{
    const long i = omn_store_find(t->store, weight);
    bool yes = false;
    for (uint32_t k = 0; i >= 0 && (size_t)i < t->n_weights && k < t->n_outputs; k++)
        yes = yes || t->outputs[k].gradient_names[i];
    return yes;
}

bool trainer_moves(const omn_trainer *t, const char *weight)
{
    char factor[1024];
    adapter a;
    const long i = omn_store_find(t->store, weight);
    if (trainer_learns(t, weight)) return true;
    for (uint32_t k = 0; i >= 0 && (size_t)i < t->n_weights && k < t->n_outputs; k++)
        if (t->outputs[k].after_names[i]) return true;
    if (!store_adapter(t->store, weight, &a)) return false;
    snprintf(factor, sizeof(factor), "%s" ADAPT_A, weight);
    return trainer_learns(t, factor);
}
