/* SPDX-License-Identifier: Apache-2.0 */
/* What a training takes of the memory, known before its first step: by weight what the optimiser
 * keeps of it, by output the plan of its graph, in which the gradients lie as well; by input what
 * a batch holds. */
#include "ahead.h"
#include "newton.h"
#include "trainer.h"

#include <stdio.h>
#include <string.h>

typedef struct needing {
    const omn_trainer *t;
    trainer_need_fn *fn;
    void *user;
} needing;

static void tell(const needing *k, const char *what, const char *part, uint64_t bytes, bool turns)
{
    if (bytes) k->fn(k->user, what, part, bytes, turns);
}

/* Each output's graph in turn. */
static void graphs(const needing *k)
{
    for (uint32_t i = 0; i < k->t->n_outputs; i++) {
        char what[96], part[160];
        const output *o = &k->t->outputs[i];
        const char *at = omn_graph_greediest(o->graph);
        snprintf(what, sizeof what, "teaching %.64s", o->name);
        omn_format(part, sizeof part, "%.100s%s%.4g GFLOP a step", at, *at ? "; " : "",
                   (double)omn_graph_flops(o->graph) / 1e9);
        tell(k, what, part, omn_graph_workspace(o->graph), true);
        tell(k, what, "", omn_graph_states(o->graph, NULL), false);
    }
}

static void optimiser(const needing *k, uint32_t threads)
{
    uint64_t desk = 0;
    for (size_t i = 0; i < k->t->opt->n_slots; i++) {
        const slot *s = &k->t->opt->slots[i];
        const uint64_t all = (uint64_t)s->count * sizeof(float);
        tell(k, "weights", s->name, all, false);
        if (!trainer_learns(k->t, s->name)) continue;
        tell(k, "moments", s->name, opt_moments(s), false);
        if (k->t->opt->average > 0) tell(k, "averages", s->name, all, false);
        if (s->muon && opt_desk(k->t->opt, s) > desk) desk = opt_desk(k->t->opt, s);
    }
    tell(k, "matrices", "", threads * desk, false);
}

static uint64_t bytes_of(const omn_trainer *t, const char *name)
{
    const omn_tensor *x = omn_feed_get(t->feed, name);
    return x ? x->bytes : 0;
}

/* What encoders prepare, for each page and as a batch, which the graph's own copy comes beside; and
 * the lessons that wait, so many as may wait when a batch is full. */
static void batch(const needing *k)
{
    const omn_trainer *t = k->t;
    uint64_t all = 0, roles = 0;
    for (size_t i = 0; i < omn_feed_count(t->feed); i++)
        all += bytes_of(t, omn_feed_name(t->feed, i));
    for (uint32_t r = 0; r < t->n_roles; r++) {
        char name[160], part[96];
        uint64_t bytes = 0;
        for (uint32_t i = 0; i < t->roles[r].n_ports; i++) {
            role_port(&t->roles[r], t->roles[r].ports[i].name, name, sizeof name);
            bytes += bytes_of(t, name);
        }
        snprintf(part, sizeof part, "encoder %.64s", t->roles[r].name);
        tell(k, "inputs", part, 2 * bytes, false);
        roles += bytes;
    }
    tell(k, "targets", "", all - roles, false);
    const uint64_t each = (uint64_t)t->setup.inputs + 2u * (uint64_t)t->setup.targets;
    tell(k, "pool", "", (t->setup.batch + 2u) * each * sizeof(int32_t) * t->n_outputs, false);
}

void trainer_needs(const omn_trainer *t, uint32_t threads, trainer_need_fn *fn, void *user)
{
    const needing k = { t, fn, user };
    optimiser(&k, threads);
    graphs(&k);
    batch(&k);
}
