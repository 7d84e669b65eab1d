/* SPDX-License-Identifier: Apache-2.0 */
/* model/unit-tasks: UniT (Hu and Singh 2021): one decoder for detection, questions about pictures
 * and texts, with object queries and a head of each task's own. */
#include "unit.h"

#include <omnio/published.h>

#include <stdlib.h>
#include <string.h>

static omn_status unit_open(omn_call *c, const void *params, omn_open *o, void **self,
                            omn_error *err)
{
    (void)c;
    (void)params;
    unit *u = calloc(1, sizeof *u);
    if (!u) return omn_fail(err, OMN_ERR_MEMORY, "unit: out of memory");
    *self = u;
    unit_configure(u, o, omn_open_config(o));
    return omn_open_done(o, err);
}

static int32_t most_tokens(const void *self, bool answer)
{
    return answer ? 1 : (int32_t)((const unit *)self)->most;
}

static bool claims(omn_config *f)
{
    return !strcmp(omn_config_string_or(f, "model_type", ""), "unit");
}

static const char *task(const void *self)
{
    return ((const unit *)self)->pipeline;
}

static const void *extension(const char *id)
{
    static const omn_claims_impl known = { claims };
    static const omn_task_impl asked = { .of = task };
    if (!strcmp(id, "omnio.claims/1")) return &known;
    if (!strcmp(id, "omnio.task/1")) return &asked;
    return strcmp(id, "omnio.verify/1") ? NULL : &unit_verify;
}

static const omn_model_impl impl = { extension, unit_open, free, unit_build, NULL, most_tokens };
static const omn_object objects[] = {
    { "omnio.model/1", "unit", "UniT: tasks that share a decoder and have queries of their own",
      &impl, NULL, 0, 0 },
};
OMN_PLUGIN("model-unit", "0.1.0", "Apache-2.0", "the UniT model family", objects);
