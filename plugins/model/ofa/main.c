/* SPDX-License-Identifier: Apache-2.0 */
/* model/ofa: OFA (Wang et al. 2022): every task as a sentence that asks for it, pictures and texts
 * in, texts with places and codes of pictures out. The door. */
#include "ofa.h"

#include "verify.h"

#include <omnio/published.h>

#include <stdlib.h>
#include <string.h>

static omn_status ofa_open(omn_call *c, const void *params, omn_open *o, void **self,
                           omn_error *err)
{
    (void)c;
    (void)params;
    ofa *u = calloc(1, sizeof *u);
    if (!u) return omn_fail(err, OMN_ERR_MEMORY, "ofa: out of memory");
    *self = u;
    ofa_configure(u, o, omn_open_config(o));
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
    const ofa *u = self;
    return (int32_t)(answer ? u->most_out : u->most_in);
}

static const char *task(const void *self) { return ((const ofa *)self)->task; }

static const void *extension(const char *id)
{
    static const omn_published_impl published = { "ofa_tiny.pt, ofa_base.pt, ofa_large.pt, .., or "
                                                  "pytorch_model.bin" };
    static const omn_claims_impl known = { ofa_known };
    static const omn_task_impl asked = { .of = task };
    if (!strcmp(id, "omnio.claims/1")) return &known;
    if (!strcmp(id, "omnio.alike/1")) return &known;
    if (!strcmp(id, "omnio.task/1")) return &asked;
    if (!strcmp(id, "omnio.published/1")) return &published;
    return strcmp(id, "omnio.verify/1") ? NULL : &ofa_verify;
}

static const omn_model_impl impl = { extension, ofa_open, free, ofa_build, prefix, most_tokens };
static const omn_object objects[] = {
    { "omnio.model/1", "ofa", "OFA: pictures and texts in, texts, places and pictures out", &impl,
      NULL, 0, 0 },
};
OMN_PLUGIN("ofa", "0.1.0", "Apache-2.0", "the OFA model family", objects);
