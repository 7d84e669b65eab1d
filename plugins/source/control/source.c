/* SPDX-License-Identifier: Apache-2.0 */
/* Episodes of experts, as examples: some steps in a row, what was seen and done in them, and what
 * is done at the last; beside them the task and the number of a held-out episode, to be played.
 * Now and then a step begins with a push, so that it is seen how to come back; what is done is
 * always the expert's. */
#include "control.h"

#include <stdlib.h>
#include <string.h>

enum { PUSHED = 64, WINDOWS };            /* streams of chance, beside those of the beginnings */

static omn_status open_source(omn_call *c, const void *params, omn_open *o, void **self,
                              omn_error *err)
{
    (void)c;
    (void)o;
    struct control_source *p = malloc(sizeof *p);
    *self = p;
    if (!p) return omn_fail(err, OMN_ERR_MEMORY, "control: out of memory");
    *p = *(const struct control_source *)params;
    if (p->window > control_task_at(p->task)->steps)
        return omn_fail(err, OMN_ERR_CONFIG, "window: episodes of %s have %d steps",
                        control_task_at(p->task)->name, control_task_at(p->task)->steps);
    return OMN_OK;
}

static uint64_t count(const void *self, omn_split split)
{
    (void)self;
    (void)split;
    return OMN_ENDLESS;
}

static double uniform(uint64_t seed, uint64_t stream, uint64_t i)
{
    return (double)(omn_random_at(seed, stream, i) >> 11) * 0x1p-53;
}

/* What the expert does, perhaps behind a push. */
static void expert_does(const struct control_source *p, uint64_t seed, control_state *c, double *a)
{
    const uint64_t at = (uint64_t)c->steps * (CONTROL_MOST_STATE + 1);
    double u[CONTROL_MOST_STATE];
    if (uniform(seed, PUSHED, at) < p->push) {
        for (uint64_t i = 0; i < CONTROL_MOST_STATE; i++) u[i] = uniform(seed, PUSHED, at + 1 + i);
        c->task->push(c->s, u);
    }
    c->task->expert(c->s, a);
}

/* The state at the first step of the window. An episode that ends before it, for a push may be too
 * strong, is seen from its beginning. */
static void seek(const struct control_source *p, uint64_t seed, omn_split split, int from,
                 control_state *c)
{
    double a[CONTROL_MOST_DONE];
    control_begin(c, control_task_at(p->task), split, seed);
    while (c->steps < from && !c->over) {
        expert_does(p, seed, c, a);
        control_move(c, a);
    }
    if (c->over) control_begin(c, c->task, split, seed);
}

static omn_status give(omn_call *call, const control_task *task, uint64_t index,
                       omn_value *const *seen, const float *rows, size_t n, omn_value **out,
                       omn_error *err)
{
    omn_status st = OMN_OK;
    omn_value *list = NULL, *before = NULL, *now = NULL, *episode = NULL, *name = NULL,
              *start = NULL;
    OMN_TRY(omn_list_new(seen, n, &list, err));
    OMN_TRY(control_done(call, task, rows, n - 1, &before, err));
    OMN_TRY(control_done(call, task, rows + (n - 1) * task->n_done, 1, &now, err));
    const omn_named both[] = { { "observations", list }, { "actions", before } };
    OMN_TRY(omn_record_new(both, 2, &episode, err));
    OMN_TRY(omn_text_new(task->name, strlen(task->name), &name, err));
    OMN_TRY(omn_number_new((double)(index % ((uint64_t)1 << 53)), &start, err));
    const omn_named all[] = { { "episode", episode }, { "action", now }, { "task", name },
                              { "start", start } };
    OMN_TRY(omn_record_new(all, 4, out, err));
done:
    omn_value_unref(name);
    omn_value_unref(start);
    omn_value_unref(list);
    omn_value_unref(before);
    omn_value_unref(now);
    omn_value_unref(episode);
    return st;
}

static omn_status get(const void *self, omn_call *call, omn_split split, uint64_t index,
                      omn_value **out, omn_error *err)
{
    const struct control_source *p = self;
    const control_task *task = control_task_at(p->task);
    const uint64_t seed = omn_random_at((uint64_t)p->seed, WINDOWS, index);
    const int spare = task->steps - p->window;
    const bool early = uniform(seed, WINDOWS, 0) < p->early;
    omn_status st = OMN_OK;
    control_state c;
    size_t n = 0;
    omn_value **seen = calloc((size_t)p->window, sizeof(omn_value *));
    float *rows = calloc((size_t)p->window * task->n_done, sizeof *rows);
    if (!seen || !rows) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "control: out of memory"));
    seek(p, seed, split, early ? 0 : (int)(uniform(seed, WINDOWS, 1) * (spare + 1)), &c);
    while (n < (size_t)p->window && !c.over) {
        double a[CONTROL_MOST_DONE];
        expert_does(p, seed, &c, a);
        OMN_TRY(control_seen(&c, &seen[n], err));
        for (size_t i = 0; i < task->n_done; i++) rows[n * task->n_done + i] = (float)a[i];
        control_move(&c, a);
        n++;
    }
    OMN_TRY(give(call, task, index, seen, rows, n, out, err));
done:
    for (size_t i = 0; i < n; i++) omn_value_unref(seen[i]);
    free(seen);
    free(rows);
    return st;
}

const omn_source_impl control_source_impl = { NULL, open_source, free, count, get };
