/* SPDX-License-Identifier: Apache-2.0 */
/* model/gpv: GPV-1 (Gupta et al. 2022): a picture and a sentence that says what is to be done in,
 * boxes with their relevance and a text out, by one model for every task. The door. */
#include "gpv.h"

#include <omnio/published.h>

#include <stdlib.h>
#include <string.h>

static omn_status gpv_open(omn_call *c, const void *params, omn_open *o, void **self,
                           omn_error *err)
{
    (void)c;
    (void)params;
    gpv *k = calloc(1, sizeof *k);
    if (!k) return omn_fail(err, OMN_ERR_MEMORY, "gpv: out of memory");
    *self = k;
    gpv_configure(k, o, omn_open_config(o));
    return omn_open_done(o, err);
}

static const char *prefix(const void *self, const char *output)
{
    (void)self;
    (void)output;
    return "";
}

static int32_t most_tokens(const void *self, bool answer)
{
    const gpv *k = self;
    return (int32_t)(answer ? k->longest - 1 : k->most);
}

static bool claims(omn_config *f)
{
    return !strcmp(omn_config_string_or(f, "model_type", ""), "gpv");
}

static const void *extension(const char *id)
{
    static const omn_claims_impl known = { claims };
    static const omn_task_impl asked = { .pipeline = "gpv-ask" };
    if (!strcmp(id, "omnio.claims/1")) return &known;
    if (!strcmp(id, "omnio.task/1")) return &asked;
    return strcmp(id, "omnio.verify/1") ? NULL : &gpv_verify;
}

static const omn_param share_params[] = { GPV_SHARE(OMN_S_ROW, share) };
static const omn_model_impl impl = { extension, gpv_open, free, gpv_build, prefix, most_tokens };
static const omn_object objects[] = {
    { "omnio.model/1", "gpv", "GPV-1: boxes that matter and a text, as a sentence asks", &impl,
      NULL, 0, 0 },
    { "omnio.op/1", "gpv.share", "how much of each cell the mean of a region is made of",
      &gpv_share, OMN_OBJECT_PARAMS(share) },
};
OMN_PLUGIN("model-gpv", "0.1.0", "Apache-2.0", "the GPV-1 model family", objects);
