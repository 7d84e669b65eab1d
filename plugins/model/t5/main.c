/* SPDX-License-Identifier: Apache-2.0 */
/* model/t5: T5 (Raffel et al. 2019), text to text, and VL-T5 (Cho et al. 2021), the same with a
 * detector's regions of one or two pictures behind the words. The door. */
#include "verify.h"

#include <omnio/published.h>

#include <stdlib.h>
#include <string.h>

static omn_status open_family(omn_open *o, bool visual, void **self, omn_error *err)
{
    omn_config *f = omn_open_config(o);
    t5 *m = calloc(1, sizeof *m);
    if (!m) return omn_fail(err, OMN_ERR_MEMORY, "t5: out of memory");
    *self = m;
    if (visual) t5_measure(m, f);
    t5_read(m, o, f);
    if (visual) t5_read_visual(m, o, f);
    t5_open_text(m, o);
    t5_open_loss(m, o);
    return omn_open_done(o, err);
}

static omn_status open_t5(omn_call *c, const void *params, omn_open *o, void **self,
                          omn_error *err)
{
    (void)c;
    (void)params;
    return open_family(o, false, self, err);
}

static omn_status open_vlt5(omn_call *c, const void *params, omn_open *o, void **self,
                            omn_error *err)
{
    (void)c;
    (void)params;
    return open_family(o, true, self, err);
}

static const char *prefix(const void *self, const char *output)
{
    (void)self;
    (void)output;
    return "";
}

static int32_t most_tokens(const void *self, bool answer)
{
    const t5 *m = self;
    return (int32_t)(answer ? m->text_out : m->text_in);
}

/* Both have the same configuration; VL-T5's tells of features, or its tensors do. */
static bool is_t5(omn_config *f)
{
    return !strcmp(omn_config_string_or(f, "model_type", ""), "t5");
}

static bool claims_t5(omn_config *f) { return is_t5(f) && !omn_config_has(f, "feat_dim"); }
static bool claims_vlt5(omn_config *f)
{
    return (is_t5(f) && omn_config_has(f, "feat_dim")) || t5_measurable(f);
}

/* Version 1.1 has learnt to fill gaps and nothing else; parameters of tasks tell of one that was
 * taught them all the same. */
static const char *task_t5(const void *self)
{
    const t5 *m = self;
    return m->gated && !m->taught ? "t5-fill" : "t5-translate";
}

static const void *extension_t5(const char *id)
{
    static const omn_published_impl published = { "pytorch_model.bin" };
    static const omn_claims_impl known = { claims_t5 };
    static const omn_task_impl asked = { .of = task_t5 };
    if (!strcmp(id, "omnio.claims/1")) return &known;
    if (!strcmp(id, "omnio.task/1")) return &asked;
    if (!strcmp(id, "omnio.published/1")) return &published;
    return strcmp(id, "omnio.verify/1") ? NULL : &t5_verify;
}

static const void *extension_vlt5(const char *id)
{
    static const omn_published_impl published = { "Epoch30.pth" };
    static const omn_claims_impl known = { claims_vlt5 };
    static const omn_task_impl asked = { .pipeline = "vlt5-vqa" };
    if (!strcmp(id, "omnio.claims/1")) return &known;
    if (!strcmp(id, "omnio.task/1")) return &asked;
    if (!strcmp(id, "omnio.published/1")) return &published;
    return strcmp(id, "omnio.verify/1") ? NULL : &vlt5_verify;
}

static const omn_model_impl impl_t5 = { extension_t5, open_t5, free,
                                        t5_build,     prefix,  most_tokens };
static const omn_model_impl impl_vlt5 = { extension_vlt5, open_vlt5, free,
                                          t5_build,       prefix,    most_tokens };
static const omn_object objects[] = {
    { "omnio.model/1", "t5", "T5: text to text", &impl_t5, NULL, 0, 0 },
    { "omnio.model/1", "vlt5", "VL-T5: text about the regions of pictures", &impl_vlt5, NULL, 0,
      0 },
};
OMN_PLUGIN("t5", "0.1.0", "Apache-2.0", "the T5 and VL-T5 model families", objects);
