/* SPDX-License-Identifier: Apache-2.0 */
/* Worlds: an episode of random actions, and the same again. A seed begins alike, the same actions
 * lead to the same, and an action that was refused has changed nothing: the second time it is left
 * out. */
#include "inside.h"

#include <omnio/learn.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#define STEPS 16

typedef struct moment {
    omn_value *action; /* that was taken */
    uint64_t after;    /* digest of what came of it */
} moment;

typedef struct episode {
    moment list[STEPS];
    size_t n;
    uint64_t begin;
} episode;

/* The observation that is handed out, digested and given back. */
static uint64_t shown(trial *t, const char *what, omn_value *v)
{
    const omn_world_impl *m = t->s->impl;
    if (strcmp(m->shows, "any") != 0 && strcmp(value_kind_of(v), m->shows) != 0)
        complain(t, "%s shows %s, not %s", what, value_kind_of(v), m->shows);
    const uint64_t h = value_digest(DIGEST_START, v);
    omn_value_unref(v);
    return h;
}

/* False: nothing is shown, which is no fault of this case. */
static bool reset(trial *t, uint64_t seed, uint64_t *digest)
{
    const omn_world_impl *m = t->s->impl;
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = POISON;
    const omn_status st = m->reset(t->s->self, t->c, seed, &v, &err);
    judge(t, "reset", st, &err);
    if (!judge_output(t, "reset", st, v)) return false;
    *digest = shown(t, "reset", v);
    return !t->found[0];
}

/* One action: true when it was taken. */
static bool act(trial *t, const omn_value *action, uint64_t *digest, bool *over)
{
    const omn_world_impl *m = t->s->impl;
    omn_error err = OMN_ERROR_INIT;
    omn_world_step step = { OMN_FILL(omn_world_step) };
    const omn_status st = m->step(t->s->self, t->c, action, &step, &err);
    judge(t, "step", st, &err);
    if (st != OMN_OK && step.observation)
        complain(t, "step fails and yet hands out an observation, which nobody frees");
    if (st == OMN_OK && !step.observation) complain(t, "step reports success and shows nothing");
    if (st != OMN_OK || t->found[0]) return false;
    if (!isfinite(step.reward)) complain(t, "step gives a reward that is no number");
    *digest = shown(t, "step", step.observation);
    *digest = bytes_digest(*digest, &step.reward, sizeof(step.reward));
    *digest = bytes_digest(*digest, &step.done, sizeof(step.done));
    *over = step.done;
    return !t->found[0];
}

static bool first_time(trial *t, uint64_t seed, episode *e)
{
    const omn_world_impl *m = t->s->impl;
    bool over = false, known = true;
    if (!reset(t, seed, &e->begin)) return false;
    for (size_t i = 0; i < STEPS && !over && !t->found[0]; i++) {
        moment *now = &e->list[e->n];
        omn_value *v = value_make(&t->d, m->takes, t->hostile, &known);
        if (!known)
            snprintf(t->left_out, sizeof(t->left_out), "no value of kind %.60s is made here",
                     m->takes);
        if (!v) continue;
        if (act(t, v, &now->after, &over)) {
            now->action = v;
            e->n++;
        } else {
            omn_value_unref(v);
        }
    }
    return !t->found[0];
}

static void second_time(trial *t, uint64_t seed, const episode *e)
{
    uint64_t begin = 0;
    bool over = false;
    if (!reset(t, seed, &begin)) return;
    if (begin != e->begin) complain(t, "reset with one seed begins in two ways");
    for (size_t i = 0; i < e->n && !t->found[0]; i++) {
        uint64_t after = 0;
        if (over) complain(t, "an episode that was over before goes on");
        if (!act(t, e->list[i].action, &after, &over))
            complain(t, "an action that was taken before is refused");
        else if (after != e->list[i].after)
            complain(t, "the same seed and actions lead to something else (those that were refused "
                        "left out)");
    }
}

static void call(trial *t)
{
    episode e = { .n = 0 };
    const uint64_t seed = t->hostile && dice_roll(&t->d, 2) ? UINT64_MAX : dice_bits(&t->d);
    if (first_time(t, seed, &e)) second_time(t, seed, &e);
    t->digest = bytes_digest(t->digest, &e.begin, sizeof(e.begin));
    for (size_t i = 0; i < e.n; i++) {
        t->digest = bytes_digest(t->digest, &e.list[i].after, sizeof(e.list[i].after));
        omn_value_unref(e.list[i].action);
    }
}

const craft craft_world = { "omnio.world/1", NULL, call, NULL, true };
