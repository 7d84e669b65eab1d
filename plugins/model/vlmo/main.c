/* SPDX-License-Identifier: Apache-2.0 */
/* model/vlmo: VLMo (Bao et al. 2021), a mixture of modality experts, and UFO (Wang et al. 2021),
 * which shares all of them: one stack of layers for a picture, for a text, and for both. The
 * door. */
#include "vlmo.h"

#include "../golden/golden.h"

#include <omnio/published.h>

#include <stdlib.h>
#include <string.h>

static omn_status open_as(bool split, omn_open *o, void **self, omn_error *err)
{
    vlmo *v = calloc(1, sizeof *v);
    if (!v) return omn_fail(err, OMN_ERR_MEMORY, "vlmo: out of memory");
    *self = v;
    v->split = split;
    vlmo_configure(v, o, omn_open_config(o));
    return omn_open_done(o, err);
}

static omn_status vlmo_open(omn_call *c, const void *params, omn_open *o, void **self,
                            omn_error *err)
{
    (void)c;
    (void)params;
    return open_as(true, o, self, err);
}

static omn_status ufo_open(omn_call *c, const void *params, omn_open *o, void **self,
                           omn_error *err)
{
    (void)c;
    (void)params;
    return open_as(false, o, self, err);
}

static const char *prefix(const void *self, const char *output)
{
    (void)self;
    (void)output;
    return "";
}

static int32_t most_tokens(const void *self, bool answer)
{
    const vlmo *v = self;
    return answer && v->task == VLMO_VQA ? 1 : (int32_t)v->most;
}

static bool named(omn_config *f, const char *family, const char *before)
{
    const char *type = omn_config_string_or(f, "model_type", "");
    const char *arch = omn_config_string_or(f, "model_arch", "");
    return *type ? !strcmp(type, family) : !strncmp(arch, before, strlen(before));
}

static bool claims_vlmo(omn_config *f) { return named(f, "vlmo", "vlmo_"); }
static bool claims_ufo(omn_config *f) { return named(f, "ufo", "ufo_"); }

static omn_status verify(omn_verification *host, omn_error *err)
{
    return golden_plain(host, err);
}

static const char *task_vlmo(const void *self)
{
    return ((const vlmo *)self)->task == VLMO_VQA ? "vlmo-vqa" : "vlmo-match";
}

static const char *task_ufo(const void *self)
{
    return ((const vlmo *)self)->task == VLMO_VQA ? "ufo-vqa" : "ufo-match";
}

static const void *of_vlmo(const char *id)
{
    static const omn_task_impl asked = { .of = task_vlmo };
    static const omn_claims_impl known = { claims_vlmo };
    static const omn_verify_impl golden_files = { "vlmo-golden-1", verify };
    if (!strcmp(id, "omnio.claims/1")) return &known;
    if (!strcmp(id, "omnio.task/1")) return &asked;
    return strcmp(id, "omnio.verify/1") ? NULL : &golden_files;
}

static const void *of_ufo(const char *id)
{
    static const omn_task_impl asked = { .of = task_ufo };
    static const omn_claims_impl known = { claims_ufo };
    static const omn_verify_impl golden_files = { "ufo-golden-1", verify };
    if (!strcmp(id, "omnio.claims/1")) return &known;
    if (!strcmp(id, "omnio.task/1")) return &asked;
    return strcmp(id, "omnio.verify/1") ? NULL : &golden_files;
}

static const omn_model_impl vlmo_impl = { of_vlmo, vlmo_open, free, vlmo_build, prefix,
                                          most_tokens };
static const omn_model_impl ufo_impl = { of_ufo, ufo_open, free, vlmo_build, prefix, most_tokens };
static const omn_object objects[] = {
    { "omnio.model/1", "vlmo", "VLMo: pictures and texts by experts over shared attention",
      &vlmo_impl, NULL, 0, 0 },
    { "omnio.model/1", "ufo", "UFO: pictures and texts by one transformer that all share",
      &ufo_impl, NULL, 0, 0 },
};
OMN_PLUGIN("model-vlmo", "0.1.0", "Apache-2.0", "the model families VLMo and UFO", objects);
