/* SPDX-License-Identifier: Apache-2.0 */
/* model/coca: CoCa (Yu et al. 2022): a picture and a text as two vectors of one space, and captions
 * of the picture, by one model that was taught both at once. The door. Names of weights and keys of
 * the configuration are open_clip's. */
#include "coca.h"

#include <omnio/published.h>

#include "../golden/golden.h"

#include <stdlib.h>
#include <string.h>

static omn_status coca_open(omn_call *c, const void *params, omn_open *o, void **self,
                            omn_error *err)
{
    (void)c;
    (void)params;
    coca *k = calloc(1, sizeof *k);
    if (!k) return omn_fail(err, OMN_ERR_MEMORY, "coca: out of memory");
    *self = k;
    coca_configure(k, o, omn_open_config(o));
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
    return (int32_t)((const coca *)self)->context;
}

static omn_status verify(omn_verification *host, omn_error *err)
{
    return golden_plain(host, err);
}

static const void *extension(const char *id)
{
    static const omn_published_impl published = { "open_clip_pytorch_model.bin" };
    static const omn_claims_impl known = { coca_known };
    static const omn_verify_impl golden_files = { "coca-golden-1", verify };
    static const omn_task_impl asked = { .pipeline = "coca-caption" };
    if (!strcmp(id, "omnio.claims/1")) return &known;
    if (!strcmp(id, "omnio.task/1")) return &asked;
    if (!strcmp(id, "omnio.published/1")) return &published;
    return strcmp(id, "omnio.verify/1") ? NULL : &golden_files;
}

static const omn_model_impl impl = { extension, coca_open, free, coca_build, prefix, most_tokens };
static const omn_object objects[] = {
    { "omnio.model/1", "coca", "CoCa: captions of pictures, and how well texts fit them", &impl,
      NULL, 0, 0 },
};
OMN_PLUGIN("model-coca", "0.1.0", "Apache-2.0", "the CoCa model family", objects);
