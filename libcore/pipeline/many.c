/* SPDX-License-Identifier: Apache-2.0 */
/* Many items through a pipeline side by side: each has its own values, its status and its error. */
#include "lanes.h"

#include <stdlib.h>
#include <string.h>

static omn_status begin(omn_pipeline_run *r, lane *l, omn_pipeline_item *it, omn_error *err)
{
    l->run = (omn_pipeline_run){ .p = r->p,
                                 .main = r->main,
                                 .others = r->others,
                                 .how = r->how,
                                 .cancel = r->cancel,
                                 .needed = r->needed,
                                 .answers = r->answers,
                                 .parts = r->parts };
    l->run.how.watch = NULL;
    it->out = it->told = NULL;
    it->err = (omn_error)OMN_ERROR_INIT;
    l->err = &it->err;
    l->run.told = told_new();
    if (!l->run.told) return omn_fail(err, OMN_ERR_MEMORY, "many items: out of memory");
    run_inputs(&l->run, it->inputs, it->n, &it->err);
    return omn_context_call(r->p->ctx, r->how.seed, it->item, r->cancel, &l->call, err);
}

omn_status omn_pipeline_run_many(omn_pipeline_run *r, omn_pipeline_item *items, size_t n,
                                 omn_error *err)
{
    omn_status st = OMN_OK;
    if (!n) return OMN_OK;
    lane *lanes = calloc(n, sizeof *lanes);
    if (!lanes) return omn_fail(err, OMN_ERR_MEMORY, "%zu items: out of memory", n);
    for (size_t i = 0; i < n; i++) OMN_TRY(begin(r, &lanes[i], &items[i], err));
    OMN_TRY(lanes_run(lanes, n, r->p->steps, r->p->n_steps, err));
    /* No item can be answered by weights that are no longer there: one error ends all. */
    OMN_TRY(run_unchanged(r, err));
    for (size_t i = 0; i < n; i++) {
        if (items[i].err.status == OMN_OK) run_outputs(&lanes[i].run, &items[i].out, &items[i].err);
        if (items[i].err.status == OMN_OK) run_sure(&lanes[i].run, &items[i].out, &items[i].err);
        OMN_TRY(told_value(lanes[i].run.told, &items[i].told, err));
    }
done:
    for (size_t i = 0; i < n; i++) {
        run_clear(&lanes[i].run);
        told_free(lanes[i].run.told);
        omn_call_free(lanes[i].call);
    }
    free(lanes);
    run_leave(r);
    return st;
}
