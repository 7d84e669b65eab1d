/* SPDX-License-Identifier: Apache-2.0 */
/* model/vilbert: ViLBERT as 12-in-1 trained it for many tasks at once (Lu et al. 2020): a
 * detector's regions and a text through two streams that look at each other. The door. */
#include "vilbert.h"

#include <omnio/published.h>

#include <stdlib.h>
#include <string.h>

static omn_status vilbert_open(omn_call *c, const void *params, omn_open *o, void **self,
                               omn_error *err)
{
    (void)c;
    (void)params;
    vilbert *k = calloc(1, sizeof *k);
    if (!k) return omn_fail(err, OMN_ERR_MEMORY, "vilbert: out of memory");
    *self = k;
    vilbert_configure(k, o, omn_open_config(o));
    return omn_open_done(o, err);
}

static int32_t most_tokens(const void *self, bool answer)
{
    const vilbert *k = self;
    /* of regions several may be right, each more or less */
    return answer ? vilbert_finds(k->type) ? (int32_t)k->classes : 1 : (int32_t)k->most;
}

static bool claims(omn_config *f)
{
    return !strcmp(omn_config_string_or(f, "model_type", ""), "vilbert");
}

static const char *task(const void *self)
{
    return ((const vilbert *)self)->pipeline;
}

static const void *extension(const char *id)
{
    static const omn_published_impl published = { "pytorch_model_N.bin, multi_task_model.bin" };
    static const omn_claims_impl known = { claims };
    static const omn_task_impl asked = { .of = task };
    if (!strcmp(id, "omnio.claims/1")) return &known;
    if (!strcmp(id, "omnio.task/1")) return &asked;
    if (!strcmp(id, "omnio.published/1")) return &published;
    return strcmp(id, "omnio.verify/1") ? NULL : &vilbert_verify;
}

static const omn_model_impl impl = { extension, vilbert_open, free, vilbert_build, NULL,
                                     most_tokens };
static const omn_object objects[] = {
    { "omnio.model/1", "vilbert", "ViLBERT, 12-in-1: questions about regions and texts", &impl,
      NULL, 0, 0 },
};
OMN_PLUGIN("model-vilbert", "0.1.0", "Apache-2.0", "the ViLBERT model family", objects);
