/* SPDX-License-Identifier: Apache-2.0 */
/* measure/control-return: what whole episodes are worth that a model played in closed loop, between
 * chance (0) and an expert (1), who play the same beginnings: (agent - random) / (expert - random)
 * over the means of all (Reed et al. 2022, section 4.1). The answer is the episode when it is over;
 * one that is no such episode is worth what chance is. */
#include "control.h"

#include <math.h>
#include <stdlib.h>

typedef struct control_return {
    double agent, expert, random;         /* sums over the episodes */
    uint64_t n, played;
} control_return;

static omn_status no_settings(omn_call *c, const void *params, omn_open *o, void **self,
                              omn_error *err)
{
    (void)c;
    (void)params;
    (void)o;
    (void)err;
    *self = NULL;
    return OMN_OK;
}

static void nothing(void *self) { (void)self; }

static omn_status begin(const void *self, void **state, omn_error *err)
{
    (void)self;
    *state = calloc(1, sizeof(control_return));
    return *state ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "control-return: out of memory");
}

static omn_status add(const void *self, void *state, omn_call *c, const omn_value *answer,
                      const omn_value *wanted, const omn_value *inputs, bool *right,
                      omn_error *err)
{
    control_return *r = state;
    omn_error why = OMN_ERROR_INIT;
    control_state s;
    double seed = 0;
    (void)self;
    (void)c;
    (void)wanted;
    (void)inputs;
    *right = false;
    r->n++;
    const omn_status st = control_episode_read(answer, &s, &seed, &why);
    if (st == OMN_ERR_MEMORY) return omn_fail(err, st, "%s", why.text);
    if (st != OMN_OK || !s.over || !(seed >= 0 && seed < 0x1p53)) return OMN_OK;
    const double expert = control_play(s.task, (uint64_t)seed, true);
    r->agent += s.total;
    r->expert += expert;
    r->random += control_play(s.task, (uint64_t)seed, false);
    r->played++;
    *right = s.total >= expert;
    return OMN_OK;
}

static omn_status rows(const void *self, const void *state, omn_measure_emit *emit, void *user,
                       omn_error *err)
{
    const control_return *r = state;
    const double span = r->expert - r->random, share = r->n ? (double)r->played / (double)r->n : 0;
    omn_measure_row row = { OMN_FILL(omn_measure_row),
                            .name = "(agent - random) / (expert - random)", .unit = "",
                            .value = span > 0 ? (r->agent - r->random) / span * share : 0,
                            .baseline = 0 };
    (void)self;
    (void)err;
    emit(user, &row);
    return OMN_OK;
}

static void end(const void *self, void *state)
{
    (void)self;
    free(state);
}

const omn_measure_impl control_return_impl = { NULL,  "record", no_settings, nothing,
                                               begin, add,      rows,        end };
