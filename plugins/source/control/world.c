/* SPDX-License-Identifier: Apache-2.0 */
/* The tasks as worlds to act in. */
#include "control.h"

#include <stdlib.h>

typedef struct world {
    control_state c;
    omn_split split;
} world;

static omn_status open_as(const control_task *task, const void *params, void **self,
                          omn_error *err)
{
    world *w = calloc(1, sizeof *w);
    *self = w;
    if (!w) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", task->name);
    w->c.task = task;
    w->split = ((const struct control_world *)params)->split ? OMN_SPLIT_HELD_OUT
                                                             : OMN_SPLIT_TRAIN;
    return OMN_OK;
}

static omn_status open_cart_pole(omn_call *c, const void *params, omn_open *o, void **self,
                                 omn_error *err)
{
    (void)c;
    (void)o;
    return open_as(&control_cart_pole, params, self, err);
}

static omn_status open_reacher(omn_call *c, const void *params, omn_open *o, void **self,
                               omn_error *err)
{
    (void)c;
    (void)o;
    return open_as(&control_reacher, params, self, err);
}

static omn_status reset(void *self, omn_call *c, uint64_t seed, omn_value **observation,
                        omn_error *err)
{
    world *w = self;
    (void)c;
    control_begin(&w->c, w->c.task, w->split, seed);
    return control_seen(&w->c, observation, err);
}

static omn_status step(void *self, omn_call *c, const omn_value *action, omn_world_step *out,
                       omn_error *err)
{
    world *w = self;
    double a[CONTROL_MOST_DONE];
    const omn_tensor *t = omn_value_column(action, "action");
    control_state next = w->c;
    (void)c;
    if (t && t->shape.dim[0] != 1)
        return omn_fail(err, OMN_ERR_DATA, "%s: one row of actions at a time", w->c.task->name);
    omn_status st = control_row(w->c.task, action, 0, a, err);
    if (st != OMN_OK) return st;
    const double worth = control_move(&next, a);
    st = control_seen(&next, &out->observation, err);
    if (st != OMN_OK) return st;
    w->c = next;
    out->reward = worth;
    out->done = next.over;
    return OMN_OK;
}

const omn_world_impl control_cart_pole_world = { NULL, "record", "actions", open_cart_pole,
                                                 free, reset,    step };
const omn_world_impl control_reacher_world = { NULL, "record", "actions", open_reacher,
                                               free, reset,    step };
