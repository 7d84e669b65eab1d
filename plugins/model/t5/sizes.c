/* SPDX-License-Identifier: Apache-2.0 */
/* VL-T5's checkpoints come without a configuration, which is T5's with the width of its features:
 * every size follows from their tensors. Names may begin with "module.", and in old files the
 * encoder is the vis_encoder. */
#include "t5.h"

#include "shapes.h"

#include <stdio.h>

static const char *const encoders[] = { "encoder.", "vis_encoder.", "module.encoder.",
                                        "module.vis_encoder." };
enum { N_ENCODERS = sizeof encoders / sizeof *encoders };

static const char *encoder_of(omn_config *f)
{
    for (int i = 0; i < N_ENCODERS; i++) {
        char name[128];
        snprintf(name, sizeof name, "%svisual_embedding.feat_embedding.0.weight", encoders[i]);
        if (shapes_has(f, name)) return encoders[i];
    }
    return NULL;
}

/* An axis of a tensor below the encoder, or below what stands in front of it. */
static long long dim(omn_config *f, const char *before, const char *name, int axis)
{
    char path[192];
    snprintf(path, sizeof path, "%s%s", before, name);
    return (long long)shapes_dim(f, path, axis);
}

bool t5_measurable(omn_config *f)
{
    return encoder_of(f) != NULL;
}

void t5_measure(t5 *m, omn_config *f)
{
#define BLOCK "block.0.layer."
    static const char bias[] = BLOCK "0.SelfAttention.relative_attention_bias.weight";
    const char *e = encoder_of(f);
    char blocks[64];
    if (!e) return;
    const char *top = e[0] == 'm' ? "module." : "";
    const long long H = dim(f, e, bias, 1), J = dim(f, e, BLOCK "0.SelfAttention.q.weight", 0);
    snprintf(blocks, sizeof blocks, "%sblock.", e);
    snprintf(m->usual, sizeof m->usual,
             "{\"d_model\": %lld, \"num_heads\": %lld, \"d_kv\": %lld, \"d_ff\": %lld, "
             "\"num_layers\": %d, \"vocab_size\": %lld, \"relative_attention_num_buckets\": %lld, "
             "\"feat_dim\": %lld, \"individual_vis_layer_norm\": %s}",
             dim(f, top, "shared.weight", 1), H, H > 0 ? J / H : 0,
             dim(f, e, BLOCK "1.DenseReluDense.wi.weight", 0),
             shapes_count(f, blocks, ".layer.0.layer_norm.weight"),
             dim(f, top, "shared.weight", 0), dim(f, e, bias, 0),
             dim(f, e, "visual_embedding.feat_embedding.0.weight", 1),
             dim(f, e, "visual_embedding.feat_embedding.1.weight", 0) ? "true" : "false");
#undef BLOCK
    omn_config_usual(f, m->usual);
}
