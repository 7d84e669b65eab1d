/* SPDX-License-Identifier: Apache-2.0 */
/* Worlds for hosts: what a plugin's world promises is held, so that a loop over episodes needs to
 * look at nothing but its results. */
#include "open.h"

#include <omnio/learn.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct omn_world {
    omn_call *call;
    omn_open *open;
    omn_part *part;
    const omn_world_impl *impl;
    bool running; /* reset, and not done */
};

omn_status omn_world_open(omn_context *ctx, const char *name, const omn_setting *set, size_t n,
                          omn_world **out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_error why = OMN_ERROR_INIT;
    omn_world *w = calloc(1, sizeof *w);
    *out = NULL;
    if (!w) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", name);
    OMN_TRY(omn_context_call(ctx, 0, 0, NULL, &w->call, &why));
    OMN_TRY(open_begin(ctx, w->call, NULL, NULL, "", &w->open, &why));
    w->part = part_open_settings(w->open, name, "omnio.world/1", name, set, n, "", &why);
    if (!w->part) {
        st = why.status ? (omn_status)why.status : OMN_ERR_FAILED;
        goto done;
    }
    w->impl = w->part->impl;
    *out = w;
    return OMN_OK;
done:
    if (err && !err->status) *err = why;
    omn_world_close(w);
    return st;
}

void omn_world_close(omn_world *w)
{
    if (!w) return;
    open_end(w->open);
    omn_call_free(w->call);
    free(w);
}

const char *omn_world_shows(const omn_world *w)
{
    return w->impl->shows;
}
const char *omn_world_takes(const omn_world *w)
{
    return w->impl->takes;
}

static bool of_kind(const omn_value *v, const char *kind)
{
    return v && (!strcmp(kind, "any") || !strcmp(kind, omn_value_kind_name(v)));
}

static omn_status shown(omn_world *w, omn_value **v, omn_error *err)
{
    if (of_kind(*v, w->impl->shows)) return OMN_OK;
    omn_value_unref(*v);
    *v = NULL;
    w->running = false;
    return omn_fail(err, OMN_ERR_PLUGIN, "world %s: it showed something else than %s",
                    w->part->object, w->impl->shows);
}

omn_status omn_world_reset(omn_world *w, uint64_t seed, omn_value **observation, omn_error *err)
{
    *observation = NULL;
    omn_status st = w->impl->reset(w->part->self, w->call, seed, observation, err);
    w->running = st == OMN_OK;
    if (st == OMN_OK) st = shown(w, observation, err);
    return st;
}

omn_status omn_world_act(omn_world *w, const omn_value *action, omn_world_step *out, omn_error *err)
{
    omn_world_step step = { OMN_FILL(omn_world_step) };
    const uint32_t room = out->size;
    memset(out, 0, room);
    out->size = room;
    if (!w->running)
        return omn_fail(err, OMN_ERR_ARGUMENT, "world %s: an episode begins with a reset",
                        w->part->object);
    if (!of_kind(action, w->impl->takes))
        return omn_fail(err, OMN_ERR_TYPE, "world %s: an action is %s", w->part->object,
                        w->impl->takes);
    omn_status st = w->impl->step(w->part->self, w->call, action, &step, err);
    if (st == OMN_OK) st = shown(w, &step.observation, err);
    if (st == OMN_OK && !isfinite(step.reward)) {
        omn_value_unref(step.observation);
        w->running = false;
        st = omn_fail(err, OMN_ERR_PLUGIN, "world %s: a reward that is no number", w->part->object);
    }
    if (st != OMN_OK) return st;
    if (step.done) w->running = false;
    step.size = room;
    memcpy(out, &step, room < sizeof step ? room : sizeof step);
    return OMN_OK;
}
