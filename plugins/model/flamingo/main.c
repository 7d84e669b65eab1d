/* SPDX-License-Identifier: Apache-2.0 */
/* model/flamingo: Flamingo (Alayrac et al. 2022) as OpenFlamingo published it (Awadalla et al.
 * 2023): a language model that looks, in gated blocks between its own, at the pictures of a text.
 * And such language models alone, MPT, GPT-NeoX, Llama and its kin, by their own names. The
 * door. */
#include "flamingo.h"

#include "verify.h"

#include <omnio/published.h>

#include <stdlib.h>
#include <string.h>

static omn_status flamingo_open(omn_call *c, const void *params, omn_open *o, void **self,
                                omn_error *err)
{
    (void)c;
    (void)params;
    flamingo *m = calloc(1, sizeof *m);
    if (!m) return omn_fail(err, OMN_ERR_MEMORY, "flamingo: out of memory");
    *self = m;
    flamingo_configure(m, o, omn_open_config(o));
    return omn_open_done(o, err);
}

static omn_status alone_open(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    (void)c;
    (void)params;
    flamingo *m = calloc(1, sizeof *m);
    if (!m) return omn_fail(err, OMN_ERR_MEMORY, "language: out of memory");
    *self = m;
    flamingo_alone(m, o, omn_open_config(o));
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
    return (int32_t)((const flamingo *)self)->lm.most;
}

static bool claims(omn_config *f)
{
    return omn_config_has(f, "cross_attn_every_n_layers") && omn_config_has(f, "lang_encoder");
}

static bool claims_alone(omn_config *f) { return language_known(f, ""); }

static const void *extension(const char *id)
{
    static const omn_published_impl published = {
        "open_clip_pytorch_model.bin, the language model's "
        "pytorch_model.bin and checkpoint.pt, which omnio convert joins"
    };
    static const omn_claims_impl known = { claims };
    static const omn_task_impl asked = { .pipeline = "flamingo-caption" };
    if (!strcmp(id, "omnio.claims/1")) return &known;
    if (!strcmp(id, "omnio.task/1")) return &asked;
    if (!strcmp(id, "omnio.published/1")) return &published;
    if (!strcmp(id, "omnio.verify/1")) return &flamingo_verify;
    return strcmp(id, "omnio.row/1") ? NULL : &flamingo_row;
}

static const void *extension_alone(const char *id)
{
    static const omn_published_impl published = {
        "pytorch_model.bin, its shards with "
        "pytorch_model.bin.index.json, or FILE.gguf by itself"
    };
    static const omn_claims_impl known = { claims_alone };
    static const omn_task_impl asked = { .pipeline = "llama-complete" };
    if (!strcmp(id, "omnio.claims/1")) return &known;
    if (!strcmp(id, "omnio.task/1")) return &asked;
    if (!strcmp(id, "omnio.published/1")) return &published;
    if (!strcmp(id, "omnio.verify/1")) return &language_verify;
    return strcmp(id, "omnio.row/1") ? NULL : &flamingo_row;
}

static const omn_model_impl impl = { extension, flamingo_open, free, flamingo_build, prefix,
                                     most_tokens };
static const omn_model_impl alone = { extension_alone, alone_open, free, flamingo_build, prefix,
                                      most_tokens };
static const omn_object objects[] = {
    { "omnio.model/1", "flamingo", "Flamingo: texts about the pictures that stand among them",
      &impl, NULL, 0, 0 },
    { "omnio.model/1", "language", "MPT, GPT-NeoX, Llama, Mistral, Qwen 2: texts that go on",
      &alone, NULL, 0, 0 },
};
OMN_PLUGIN("model-flamingo", "0.1.0", "Apache-2.0",
           "the Flamingo model family, and language models", objects);
