/* SPDX-License-Identifier: Apache-2.0 */
/* The trainer: a batch of packed pages, the gradient graph, the optimiser, again and again. All
 * that one step leaves to the next is a handful of counters, the pool of waiting lessons and the
 * optimiser's state. */
#include "numbers.h"
#include "stages.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MOST_SKIPS 10u
#define MOST_ROWS 65536u
#define MOST_LENGTH 1048576u

static double now_s(void)
{
    struct timespec t = { 0, 0 };
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static omn_status no_memory(omn_error *err)
{
    return omn_fail(err, OMN_ERR_MEMORY, "not enough memory for a trainer");
}

/* ---- making --------------------------------------------------------------------------------- */

static bool copy_names(omn_arena *a, const char *const **list, size_t n)
{
    const char **own = omn_arena_alloc(a, n ? n : 1, sizeof(char *));
    for (size_t i = 0; own && i < n; i++)
        if (!(own[i] = omn_arena_strdup(a, (*list)[i]))) return false;
    *list = own;
    return own != NULL;
}

static omn_status copy_again(omn_trainer *t, omn_error *err)
{
    omn_train_setup *u = &t->setup;
    uint64_t from = 0;
    omn_train_again *own = omn_arena_alloc(t->arena, u->n_again + 1, sizeof(*own));
    if (!own) return no_memory(err);
    for (size_t i = 0; i < u->n_again; i++) {
        const omn_train_again *a = &u->again[i];
        if (a->from <= from || a->from >= u->steps || a->curve > OMN_CURVE_RSQRT ||
            !(a->rate > 0) || !(a->rate_muon > 0) || !(a->last >= 0 && a->last <= 1) ||
            !(a->average >= 0 && a->average < 1) || !(a->aux >= 0) || !(a->aux_last >= 0))
            return omn_fail(err, OMN_ERR_ARGUMENT,
                            "part %zu of the schedule: from %llu (above %llu, below %llu "
                            "is wanted), rates %g and %g (above 0), last %g (0 to 1), average %g "
                            "(0 to below 1), "
                            "aux %g to %g (0 or more)",
                            i + 2, (unsigned long long)a->from, (unsigned long long)from,
                            (unsigned long long)u->steps, a->rate, a->rate_muon, a->last,
                            a->average, a->aux, a->aux_last);
        own[i] = *a;
        from = a->from;
    }
    u->again = own;
    return OMN_OK;
}

static omn_status copy_setup(omn_trainer *t, const omn_train_setup *s, omn_error *err)
{
    omn_train_setup *u = &t->setup;
    memcpy(u, s, s->size < sizeof(*u) ? s->size : sizeof(*u));
    u->size = sizeof(*u);
    if (!u->page)
        return omn_fail(err, OMN_ERR_ARGUMENT, "training wants a function that makes pages");
    if (!u->batch || u->batch > MOST_ROWS || !u->inputs || u->inputs > MOST_LENGTH || !u->targets ||
        u->targets > MOST_LENGTH)
        return omn_fail(err, OMN_ERR_ARGUMENT,
                        "batch %u, inputs %u, targets %u: 1..%u, 1..%u, 1..%u are "
                        "wanted",
                        u->batch, u->inputs, u->targets, MOST_ROWS, MOST_LENGTH, MOST_LENGTH);
    if (u->curve > OMN_CURVE_RSQRT || !(u->last >= 0 && u->last <= 1) || !(u->aux >= 0) ||
        !(u->aux_last >= 0) || !(u->soft_sigma >= 0) || !(u->z_loss >= 0))
        return omn_fail(err, OMN_ERR_ARGUMENT,
                        "curve %d, last %g, aux %g to %g, soft_sigma %g, z_loss %g: "
                        "0 or more are wanted, last at most 1",
                        (int)u->curve, u->last, u->aux, u->aux_last, u->soft_sigma, u->z_loss);
    if (u->aux_groups > MOST_GROUPS || u->aux_edges > 64)
        return omn_fail(err, OMN_ERR_ARGUMENT,
                        "%u groups and %u edges of cells: at most %d and 64 work", u->aux_groups,
                        u->aux_edges, MOST_GROUPS);
    if (!u->aux_role) u->aux_role = "image";
    if (!(u->rate_muon > 0)) u->rate_muon = 0.02;
    if (!copy_names(t->arena, &u->frozen, u->n_frozen) ||
        !copy_names(t->arena, &u->tasks, u->n_tasks) ||
        (u->roles && !copy_names(t->arena, &u->roles, u->n_roles)) ||
        !copy_names(t->arena, &u->modalities, u->n_modalities) ||
        !(u->aux_role = omn_arena_strdup(t->arena, u->aux_role)))
        return no_memory(err);
    if (u->balance > OMN_BALANCE_MODALITIES ||
        (u->balance == OMN_BALANCE_MODALITIES && !u->n_modalities))
        return omn_fail(err, OMN_ERR_ARGUMENT, "balance %d over %u modalities", (int)u->balance,
                        u->n_modalities);
    int32_t *classes = omn_arena_alloc(t->arena, u->aux_groups + 1, sizeof(int32_t));
    if (!classes) return no_memory(err);
    for (uint32_t i = 0; i < u->aux_groups; i++) {
        classes[i] = u->aux_classes[i];
        if (classes[i] < 2 || classes[i] > 65536)
            return omn_fail(err, OMN_ERR_ARGUMENT, "%d classes in group %u: 2..65536 are wanted",
                            classes[i], i);
    }
    u->aux_classes = classes;
    omn_status st = outputs_copy(t, err);
    if (st == OMN_OK) st = stages_copy(t, err);
    if (st == OMN_OK) st = numbers_copy(t, err);
    return st == OMN_OK ? copy_again(t, err) : st;
}

/* How often a lesson may have an input of this role. */
static uint32_t wants_role(const omn_train_setup *u, const char *name)
{
    uint32_t n = u->roles ? 0 : !strcmp(name, "image");
    for (uint32_t i = 0; u->roles && i < u->n_roles; i++) n += !strcmp(u->roles[i], name);
    const bool unasked = u->outputs && !*u->outputs[0];
    return n + (!unasked && !strcmp(name, "text")); /* every question has one */
}

void role_port(const role *r, const char *port, char *out, size_t room)
{
    model_port_name(r->name, r->number, port, out, room);
}

/* The encoders that take part, in the model's order, as often as they do. */
static omn_status find_roles(omn_trainer *t, omn_error *err)
{
    omn_part *const *parts;
    const size_t n = omn_model_parts(t->model, &parts);
    for (size_t i = 0; i < n; i++) {
        const void *impl = NULL, *self = omn_part_self(parts[i], "omnio.encoder/1", &impl);
        if (!self || !impl) continue;
        role r = { .name = omn_part_role(parts[i]) };
        const uint32_t times = wants_role(&t->setup, r.name);
        r.is_text = !t->unasked && !strcmp(r.name, "text");
        r.n_ports = ((const omn_encoder_impl *)impl)->ports(self, &r.ports);
        for (; r.number < times; r.number++) {
            if (t->n_roles == MOST_ROLES)
                return omn_fail(err, OMN_ERR_ARGUMENT, "at most %d inputs can be trained",
                                MOST_ROLES);
            t->n_texts += r.is_text;
            t->roles[t->n_roles++] = r;
        }
    }
    if (!t->n_roles)
        return omn_fail(err, OMN_ERR_UNSUPPORTED, "the model has no encoder that can be trained");
    for (uint32_t i = 0; t->setup.roles && i < t->setup.n_roles; i++)
        if (!omn_model_encoder(t->model, t->setup.roles[i]))
            return omn_fail(err, OMN_ERR_UNSUPPORTED, "this model takes no input \"%s\"",
                            t->setup.roles[i]);
    return OMN_OK;
}

static void *feed_new(omn_trainer *t, const char *name, omn_type type, omn_shape shape,
                      omn_status *st, omn_error *err)
{
    void *data = NULL;
    if (*st == OMN_OK) *st = omn_feed_new(t->feed, name, type, shape, &data, err);
    return data;
}

/* Where the ids of texts go. */
static omn_status find_texts(omn_trainer *t, omn_error *err)
{
    for (uint32_t r = 0; r < t->n_roles; r++) {
        static const char *const ports[3] = { "ids", "seg", "pos" };
        const role *e = &t->roles[r];
        int32_t *data[3];
        if (!e->is_text) continue;
        for (int i = 0; i < 3; i++) {
            char name[160];
            role_port(e, ports[i], name, sizeof(name));
            if (!(data[i] = omn_feed_data(t->feed, name)))
                return omn_fail(err, OMN_ERR_UNSUPPORTED,
                                "the encoder \"text\" takes no ids, seg and pos");
        }
        t->texts[e->number] = (texts){ data[0], data[1], data[2] };
    }
    return OMN_OK;
}

omn_status trainer_feed(omn_trainer *t, uint32_t targets, omn_error *err)
{
    const omn_train_setup *u = &t->setup;
    const omn_shape bt = omn_dim2(u->batch, targets), bn = omn_dim2(u->batch, t->cells);
    omn_status st = OMN_OK;
    t->fed = 0;
    if (t->feed) omn_feed_clear(t->feed);
    else st = omn_feed_make(&t->feed, err);
    for (uint32_t r = 0; r < t->n_roles; r++)
        for (uint32_t i = 0; i < t->roles[r].n_ports; i++) {
            const omn_port *p = &t->roles[r].ports[i];
            char name[160];
            omn_shape shape = { .rank = p->most.rank + 1, .dim = { u->batch } };
            if (shape.rank > OMN_MAX_RANK)
                return omn_fail(err, OMN_ERR_SHAPE,
                                "%s has no room for a "
                                "batch axis",
                                p->name);
            const uint32_t room = t->roles[r].is_text ? u->inputs : t->roles[r].most;
            for (uint32_t d = 0; d < p->most.rank; d++)
                shape.dim[d + 1] = room && (p->varies >> d & 1) ? room : p->most.dim[d];
            role_port(&t->roles[r], p->name, name, sizeof(name));
            feed_new(t, name, p->type, shape, &st, err);
        }
    if (st == OMN_OK) st = numbers_feed(t, err);
    if (st == OMN_OK && t->unasked) t->fed = targets;
    if (t->unasked) return st;
    t->t_ids = feed_new(t, "target.ids", OMN_I32, bt, &st, err);
    t->t_pos = feed_new(t, "target.pos", OMN_I32, bt, &st, err);
    t->t_seg = feed_new(t, "target.seg", OMN_I32, bt, &st, err);
    t->t_part = feed_new(t, "target.part", OMN_I32, bt, &st, err);
    t->t_labels = feed_new(t, "target.labels", OMN_I32, bt, &st, err);
    t->t_weight = feed_new(t, "target.weight", OMN_F32, bt, &st, err);
    if (u->noised) t->t_noised = feed_new(t, "target.noised", OMN_F32, bt, &st, err);
    if (t->row) t->t_from = feed_new(t, "target.from", OMN_I32, bt, &st, err);
    if (t->cells) t->aux_scale = feed_new(t, "aux.scale", OMN_F32, omn_dim1(1), &st, err);
    for (uint32_t g = 0; t->cells && g < u->aux_groups; g++) {
        char name[64];
        snprintf(name, sizeof(name), "aux.labels.%u", g);
        t->aux_labels[g] = feed_new(t, name, OMN_I32, bn, &st, err);
        snprintf(name, sizeof(name), "aux.weights.%u", g);
        t->aux_weights[g] = feed_new(t, name, OMN_F32, bn, &st, err);
    }
    if (t->cells && u->aux_edges) {
        const omn_shape bne = omn_dim3(u->batch, t->cells, u->aux_edges);
        t->aux_edges = feed_new(t, "aux.edges", OMN_F32, bne, &st, err);
        t->aux_edge_weights = feed_new(t, "aux.edge_weights", OMN_F32, bne, &st, err);
    }
    if (st == OMN_OK) st = find_texts(t, err);
    if (st == OMN_OK) t->fed = targets;
    return st;
}

static omn_status make_rest(omn_trainer *t, omn_error *err)
{
    const omn_train_setup *u = &t->setup;
    omn_status st = OMN_OK;
    t->made = omn_arena_alloc(t->arena, u->batch, sizeof(made));
    t->rows = omn_arena_alloc(t->arena, u->batch, sizeof(row));
    t->token_task = omn_arena_alloc(t->arena, (size_t)u->batch * u->targets, sizeof(uint32_t));
    t->token_modality = omn_arena_alloc(t->arena, (size_t)u->batch * u->targets, sizeof(uint32_t));
    const size_t kinds = (size_t)u->n_tasks + u->n_modalities + 1;
    t->sums = omn_arena_alloc(t->arena, 2 * kinds, sizeof(double));
    t->task_loss = omn_arena_alloc(t->arena, kinds, sizeof(double));
    t->task_lessons = omn_arena_alloc(t->arena, (size_t)u->n_tasks + 1, sizeof(uint64_t));
    t->n_weights = omn_store_count(t->store);
    t->gradients = omn_arena_alloc(t->arena, t->n_weights + 1, sizeof(float *));
    t->after = omn_arena_alloc(t->arena, t->n_weights + 1, sizeof(float *));
    if (!t->made || !t->rows || !t->token_task || !t->token_modality || !t->sums ||
        !t->task_loss || !t->task_lessons || !t->gradients || !t->after)
        return no_memory(err);
    t->modality_loss = t->task_loss + u->n_tasks;
    for (uint32_t i = 0; i < u->batch; i++) {
        if (!(t->made[i].arena = omn_arena_new((size_t)1 << 30))) return no_memory(err);
        for (uint32_t r = 0; r < t->n_roles; r++)
            OMN_TRY(omn_feed_make(&t->made[i].feeds[r], err));
    }
    OMN_TRY(outputs_gradients(t, err));
done:
    return st;
}

omn_status omn_trainer_new(omn_model *model, omn_store *store, const omn_train_setup *setup,
                           omn_trainer **out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_trainer *t = calloc(1, sizeof(*t));
    if (!t || !(t->arena = omn_arena_new(0))) {
        st = no_memory(err);
        goto done;
    }
    t->model = model;
    t->store = store;
    OMN_TRY(copy_setup(t, setup, err));
    OMN_TRY(find_roles(t, err));
    OMN_TRY(patches_open(t, err));
    OMN_TRY(outputs_find(t, err));
    OMN_TRY(ranks_allowed(t, err));
    OMN_TRY(outputs_build(t, err));
    OMN_TRY(numbers_prove(t, err));
    OMN_TRY(omn_exec_new(omn_model_program(model), &t->exec, err));
    OMN_TRY(trainer_feed(t, t->setup.targets, err));
    OMN_TRY(make_rest(t, err));
    OMN_TRY(omn_opt_new(store, &t->setup, &t->opt, err));
    opt_leave_tables(t->opt, omn_model_program(model));
    OMN_TRY(ranks_open(t, err));
    *out = t;
    return OMN_OK;
done:
    omn_trainer_free(t);
    return st;
}

void trainer_ahead(omn_trainer *t, trainer_ahead_fn *fn)
{
    t->ahead = fn;
}

void omn_trainer_free(omn_trainer *t)
{
    if (!t) return;
    ranks_close(t);
    omn_opt_free(t->opt);
    omn_exec_free(t->exec);
    omn_feed_free(t->feed);
    for (uint32_t i = 0; t->made && i < t->setup.batch; i++) made_fini(&t->made[i]);
    for (size_t i = 0; i < t->n_pool; i++) free(t->pool[i].item.in);
    free(t->pool);
    omn_arena_free(t->arena);
    free(t);
}

uint64_t omn_trainer_at(const omn_trainer *t) { return t->step; }

/* ---- a step --------------------------------------------------------------------------------- */

static omn_status scalar(omn_trainer *t, const char *name, double *out, omn_error *err)
{
    omn_tensor x;
    const omn_status st = omn_exec_output(t->exec, t->outputs[t->now].graph, name, &x, err);
    if (st == OMN_OK) *out = (double)*(const float *)x.data;
    return st;
}

/* Sums of the tokens' losses and weights, by task or modality. of: which one each token belongs
 * to. */
static void count_sums(const omn_trainer *t, const float *nll, const uint32_t *of, uint32_t n,
                       double *sum)
{
    double *weight = sum + n;
    const size_t first = (size_t)ranks_first(t) * t->fed;
    for (size_t i = 0; i < (size_t)t->own * t->fed; i++) {
        const uint32_t k = of[first + i];
        const float w = t->t_weight[first + i];
        if (k >= n) continue;
        sum[k] += (double)(nll[i] * w);
        weight[k] += (double)w;
    }
}

/* The mean loss of each task's and each modality's tokens, from the loss of each token, beside the
 * whole step's. */
static omn_status count_losses(omn_trainer *t, double *loss, double *text, double *aux,
                               omn_error *err)
{
    omn_status st = OMN_OK;
    omn_tensor x;
    const uint32_t n = t->setup.n_tasks, m = t->setup.n_modalities;
    double *sum = t->sums;
    const output *o = &t->outputs[t->now];
    for (size_t i = 0; i < 2 * ((size_t)n + m); i++) sum[i] = 0;
    if (output_has(o, o->nll_name)) {         /* else the objective has no such thing */
        OMN_TRY(omn_exec_output(t->exec, o->graph, o->nll_name, &x, err));
        count_sums(t, x.data, t->token_task, n, sum);
        count_sums(t, x.data, t->token_modality, m, sum + 2 * (size_t)n);
    }
    OMN_TRY(ranks_report(t, loss, text, aux, sum, 2 * ((size_t)n + m), err));
    for (uint32_t i = 0; i < n; i++)
        t->task_loss[i] = sum[n + i] > 0 ? sum[i] / sum[n + i] : (double)NAN;
    sum += 2 * (size_t)n;
    for (uint32_t i = 0; i < m; i++)
        t->modality_loss[i] = sum[m + i] > 0 ? sum[i] / sum[m + i] : (double)NAN;
done:
    return st;
}

static omn_status find_gradients(omn_trainer *t, omn_error *err)
{
    omn_status st = OMN_OK;
    const output *o = &t->outputs[t->now];
    if (t->ranks) return ranks_gradients(t, err);
    for (size_t i = 0; i < t->n_weights; i++) {
        omn_tensor x;
        t->gradients[i] = NULL;
        if (!o->gradient_names[i]) continue;
        OMN_TRY(omn_exec_output(t->exec, o->graph, o->gradient_names[i], &x, err));
        t->gradients[i] = x.data;
    }
done:
    return st;
}

static omn_status skipped(omn_trainer *t, double loss, double norm, omn_error *err)
{
    t->skipped++;
    if (++t->skipped_in_row < MOST_SKIPS) return OMN_OK;
    return omn_fail(err, OMN_ERR_FAILED,
                    "%u steps in a row were not finite (loss %g, gradient norm %g): "
                    "stopped at step %llu; a lower rate or a longer warm-up may help",
                    t->skipped_in_row, loss, norm, (unsigned long long)t->step);
}

omn_status omn_trainer_step(omn_trainer *t, omn_call *c, omn_train_report *out, omn_error *err)
{
    omn_status st = OMN_OK;
    const schedule_now now = schedule_at(&t->setup, t->step);
    const double began = now_s();
    double loss = 0, text = 0, aux = 0, norm = 0;
    bool finite = false;
    OMN_TRY(batch_fill(t, c, err));
    numbers_fill(t);
    const double filled = now_s();
    const output *o = &t->outputs[t->now];
    const omn_feed *feed = NULL;
    OMN_TRY(ranks_share(t, &feed, err));
    OMN_TRY(omn_exec_run(t->exec, o->graph, feed, c, err));
    OMN_TRY(scalar(t, "loss", &loss, err));
    if (output_has(o, o->loss_name)) OMN_TRY(scalar(t, o->loss_name, &text, err));
    else text = loss;
    if (t->cells) OMN_TRY(scalar(t, "loss.aux", &aux, err));
    OMN_TRY(count_losses(t, &loss, &text, &aux, err));
    OMN_TRY(find_gradients(t, err));
    bool numbers = isfinite(loss);
    OMN_TRY(outputs_after(t, &numbers, err));
    const double ran = now_s();
    t->opt->rate = now.rate;
    t->opt->rate_muon = now.rate_muon;
    if (t->opt->average > 0) t->opt->average = now.average;
    if (numbers)
        OMN_TRY(
            omn_opt_step(t->opt, t->gradients, now.factor, omn_call_pool(c), &norm, &finite, err));
    batch_commit(t);
    if (finite) {
        outputs_settle(t);
        t->step++;
        t->skipped_in_row = 0;
    } else {
        OMN_TRY(skipped(t, loss, norm, err));
    }
    if (out) {
        const double end = now_s();
        *out = (omn_train_report){
            OMN_FILL(omn_train_report), .step = t->step, .pages = t->pages, .lessons = t->lessons,
            .tokens = t->tokens, .skipped_steps = t->skipped, .dropped_lessons = t->dropped,
            .bad_lessons = t->bad,
            .loss = loss, .text_loss = text, .aux_loss = aux, .gradient_norm = norm,
            .rate = now.rate * now.factor, .seconds = end - began, .page_seconds = filled - began,
            .graph_seconds = ran - filled, .update_seconds = end - ran,
            .task_loss = t->task_loss, .task_lessons = t->task_lessons,
            .modality_loss = t->modality_loss,
        };
    }
    return OMN_OK;
done:
    batch_rollback(t);
    return st;
}
