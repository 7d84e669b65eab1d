/* SPDX-License-Identifier: Apache-2.0 */
/* model/clip: CLIP (Radford et al. 2021): a picture and a text as two vectors of one space. It
 * writes nothing; what it makes are embeddings of length 1, "embedding.image" and "embedding.text",
 * whose product is how well the two belong together. */
#include "model.h"

#include <omnio/published.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_INPUTS 16

static omn_status clip_open(omn_call *c, const void *params, omn_open *o, void **self,
                            omn_error *err)
{
    (void)c;
    (void)params;
    clip *k = calloc(1, sizeof *k);
    if (!k) return omn_fail(err, OMN_ERR_MEMORY, "clip: out of memory");
    *self = k;
    clip_configure(k, o, omn_open_config(o));
    return omn_open_done(o, err);
}

/* An input as one vector of length 1; the second picture or text of a request is of "image#2". */
static void put_embedding(const clip *k, omn_scope *s, const omn_build *rq, uint32_t i,
                          omn_bundle *out)
{
    const omn_given *given = &rq->inputs[i];
    const char *role = omn_part_role(given->part);
    char name[128];
    uint32_t number = 1;
    for (uint32_t j = 0; j < i; j++) number += rq->inputs[j].part == given->part;
    omn_node *x = omn_seq_get_x(omn_encoder_embed(given->part, s, given->in));
    x = omn_l2_norm(s, omn_reshape(s, x, omn_dim2(omn_node_dim(x, 0), k->embed)), 1e-12);
    snprintf(name, sizeof name, number > 1 ? "embedding.%s#%u" : "embedding.%s", role, number);
    omn_bundle_put(out, s, name, x);
}

static void build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    const clip *k = self;
    if (rq->phase != OMN_EMBED && rq->phase != OMN_TEACH) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED,
                       "CLIP writes nothing: it embeds pictures and texts, embedding.image");
        return;
    }
    for (uint32_t i = 0; i < rq->n_inputs && i < MOST_INPUTS; i++)
        put_embedding(k, s, rq, i, out);
    if (rq->phase == OMN_TEACH)
        omn_bundle_put(out, s, "logit_scale",
                       omn_weight(omn_scope_at(s, "/"), "logit_scale", omn_dim1(1), OMN_INIT_CONST,
                                  k->scale_init));
}

static int32_t most_tokens(const void *self, bool answer)
{
    return answer ? 1 : (int32_t)((const clip *)self)->context;
}

static const void *extension(const char *id)
{
    static const omn_published_impl published = { "OpenAI's ViT-B-32.pt, RN50.pt, .., or "
                                                  "open_clip_pytorch_model.bin" };
    static const omn_claims_impl known = { clip_known };
    static const omn_task_impl asked = { .pipeline = "classify" };
    if (!strcmp(id, "omnio.claims/1")) return &known;
    if (!strcmp(id, "omnio.task/1")) return &asked;
    if (!strcmp(id, "omnio.published/1")) return &published;
    return strcmp(id, "omnio.verify/1") ? NULL : &clip_verify;
}

static const omn_model_impl impl = { extension, clip_open, free, build, NULL, most_tokens };
static const omn_object objects[] = {
    { "omnio.model/1", "clip", "CLIP: how well a picture and a text belong together", &impl, NULL,
      0, 0 },
};
OMN_PLUGIN("model-clip", "0.1.0", "Apache-2.0", "the CLIP model family", objects);
