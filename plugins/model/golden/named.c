/* SPDX-License-Identifier: Apache-2.0 */
/* One golden file by the names of the graph. */
#include "named.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ROLES = 16 };

typedef struct plan {
    const golden_named *how;
    golden g;
    golden_run r;
    golden_sum sum;
    const char *roles[MOST_ROLES];
    int64_t lengths[MOST_ROLES];
    omn_graph_sizes z;
} plan;

/* Every input of a file under its name in the graph. */
static omn_status feed_all(plan *p, const omn_weights *w, omn_error *err)
{
    omn_status st = OMN_OK;
    for (size_t i = 0; i < omn_weights_count(w); i++) {
        const char *name = omn_weights_name(w, i);
        const omn_tensor *t = omn_weights_at(w, i);
        if (!golden_starts(name, "in.")) continue;
        if (t->shape.rank < 1 || (t->type != OMN_F32 && t->type != OMN_I32))
            OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: %s is neither f32 nor i32", p->g.name, name));
        OMN_TRY(omn_feed_copy(p->r.feed, name + 3, t, err));
        if (!p->z.rows) p->z.rows = t->shape.dim[0];
        if (t->shape.dim[0] != p->z.rows)
            OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: %s has %lld rows, %lld are wanted", p->g.name,
                             name, (long long)t->shape.dim[0], (long long)p->z.rows));
    }
done:
    return st;
}

static bool has(const omn_weights *w, const char *with)
{
    for (size_t i = 0; i < omn_weights_count(w); i++)
        if (golden_starts(omn_weights_name(w, i), with)) return true;
    return false;
}

static const omn_tensor *input(const plan *p, const char *name)
{
    const omn_tensor *t = omn_weights_get(p->g.file, name);
    return t ? t : omn_weights_get(p->g.in, name);
}

/* The roles that are fed, and how long what varies of them is. */
static void choose_roles(plan *p)
{
    for (uint32_t i = 0; i < p->how->n_roles && i < MOST_ROLES; i++) {
        const golden_role *r = &p->how->roles[i];
        char name[96];
        snprintf(name, sizeof name, "in.%s.", r->role);
        if (!has(p->g.file, name) && !has(p->g.in, name)) continue;
        snprintf(name, sizeof name, "in.%s.%s", r->role, r->along ? r->along : "");
        const omn_tensor *t = r->along ? input(p, name) : NULL;
        p->roles[p->z.n_roles] = r->role;
        p->lengths[p->z.n_roles++] = t && t->shape.rank > 1 ? t->shape.dim[1] : 0;
    }
    p->z.roles = p->roles;
    p->z.lengths = p->lengths;
}

static void choose_graph(plan *p)
{
    const char *phase = omn_weights_meta(p->g.file, "phase");
    const char *output = omn_weights_meta(p->g.file, "output");
    const omn_tensor *ids = input(p, "in.target.ids");
    p->z.size = sizeof p->z;
    p->z.phase = OMN_TEACH;
    if (phase && !strcmp(phase, "embed")) p->z.phase = OMN_EMBED;
    if (phase && !strcmp(phase, "encode")) p->z.phase = OMN_ENCODE;
    p->z.labels = p->z.phase == OMN_TEACH;
    p->z.output = "";
    p->z.frozen = p->how->frozen;
    p->z.n_frozen = p->how->n_frozen;
    if (!output || !ids || ids->shape.rank < 2) return;
    p->z.output = output;
    p->z.target_length = ids->shape.dim[1];
}

static omn_status train(plan *p, omn_error *err)
{
    const omn_tensor *t = omn_weights_get(p->g.file, "out.losses");
    const char *rate = omn_weights_meta(p->g.file, "rate");
    if (!t) return OMN_OK;
    const omn_train_setup setup = { OMN_FILL(omn_train_setup),
                                    .rate = rate ? omn_number_read(rate, NULL) : 1e-3 };
    const golden_training how = { .setup = &setup, .steps = t->shape.rank ? t->shape.dim[0] : 0,
                                  .losses = "losses" };
    return golden_train(&p->r, &how, err);
}

/* Single against double precision: what is summed over some hundred numbers of size one. */
static omn_tolerance usual(void *user, const char *stage, omn_type type)
{
    (void)user;
    if (type == OMN_I32) return (omn_tolerance){ 0 };
    /* a bias of keys has no gradient but what rounding leaves */
    if (golden_starts(stage, "grad")) return (omn_tolerance){ .abs = 5e-6, .rel = 2e-4 };
    return (omn_tolerance){ .abs = 2e-5, .rel = 2e-5 };
}

static omn_status run(plan *p, omn_error *err)
{
    omn_status st = OMN_OK;
    char *config = NULL;
    const bool learns = golden_has(&p->g, "out.grad") || golden_has(&p->g, "out.losses") ||
                        golden_has(&p->g, "grad");
    const char *inputs = omn_weights_meta(p->g.file, "inputs");
    if (inputs) OMN_TRY(golden_inputs_of(&p->g, inputs, err));
    choose_roles(p);
    choose_graph(p);
    config = json_dumps(p->g.config, 0);
    if (!config) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", p->g.name));
    OMN_TRY(golden_open(&p->g, config, &(golden_how){ .training = learns }, &p->r, err));
    OMN_TRY(feed_all(p, p->g.file, err));
    if (p->g.in != p->g.file) OMN_TRY(feed_all(p, p->g.in, err));
    if (!p->z.rows)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: it has no inputs to run", p->g.name));
    OMN_TRY(golden_run_graph(&p->r, &p->z, err));
    if (learns) OMN_TRY(golden_sum_add(&p->r, &p->sum, err));
    if (learns) OMN_TRY(golden_sum_put(&p->r, &p->sum, err));
    OMN_TRY(golden_collect(&p->r, err));
    if (learns) OMN_TRY(train(p, err));
    OMN_TRY(golden_compare(&p->r, p->how->tolerance ? p->how->tolerance : usual, &p->r, err));
done:
    free(config);
    return st;
}

omn_status golden_named_run(const golden_named *how, omn_verification *host, omn_error *err)
{
    plan p = { .how = how };
    omn_status st = golden_begin(&p.g, host, err);
    if (st == OMN_OK) st = run(&p, err);
    golden_sum_end(&p.sum);
    golden_close(&p.r);
    golden_end(&p.g);
    return st;
}
