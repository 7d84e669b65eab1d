/* SPDX-License-Identifier: Apache-2.0 */
/* model/flava: FLAVA (Singh et al. 2022): pictures, texts and pairs of them by three encoders. The
 * door. Names of weights and keys of the configuration are those of the Transformers library. */
#include "flava.h"

#include <omnio/published.h>

#include "../golden/golden.h"

#include <stdlib.h>
#include <string.h>

static omn_status flava_open(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    (void)c;
    (void)params;
    flava *k = calloc(1, sizeof *k);
    if (!k) return omn_fail(err, OMN_ERR_MEMORY, "flava: out of memory");
    *self = k;
    flava_configure(k, o, omn_open_config(o));
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
    (void)answer;
    return (int32_t)((const flava *)self)->most;
}

static omn_status verify(omn_verification *host, omn_error *err)
{
    return golden_plain(host, err);
}

/* Without its heads it has vectors alone. */
static const char *task(const void *self)
{
    return ((const flava *)self)->heads ? "flava-match" : "flava-classify";
}

static const void *extension(const char *id)
{
    static const omn_published_impl published = { "pytorch_model.bin" };
    static const omn_claims_impl known = { flava_known };
    static const omn_verify_impl golden_files = { "flava-golden-1", verify };
    static const omn_task_impl asked = { .of = task };
    if (!strcmp(id, "omnio.claims/1")) return &known;
    if (!strcmp(id, "omnio.task/1")) return &asked;
    if (!strcmp(id, "omnio.published/1")) return &published;
    return strcmp(id, "omnio.verify/1") ? NULL : &golden_files;
}

static const omn_model_impl impl = { extension, flava_open, free, flava_build, prefix,
                                     most_tokens };
static const omn_object objects[] = {
    { "omnio.model/1", "flava", "FLAVA: pictures, texts and whether they belong together", &impl,
      NULL, 0, 0 },
};
OMN_PLUGIN("model-flava", "0.1.0", "Apache-2.0", "the FLAVA model family", objects);
