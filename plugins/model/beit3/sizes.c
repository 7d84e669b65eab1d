/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes of BEiT-3 without a file that says them: the published ones by name ("omnio": {"size":
 * "large"}), and its checkpoints, of which every size follows from their tensors but for the heads,
 * which are 64 wide in all of them, and the task from the heads that are there. */
#include "beit3.h"

#include "shapes.h"

#include <stdio.h>
#include <string.h>

#define LAYER "beit3.encoder.layers."

typedef struct trunk {
    const char *name;
    int64_t D, H, layers, ffn;
} trunk;
static const trunk published[] = {
    { "base", 768, 12, 12, 3072 },
    { "large", 1024, 16, 24, 4096 },
};
enum { N_PUBLISHED = sizeof published / sizeof *published, HEAD = 64 };

bool beit3_measurable(omn_config *f)
{
    return shapes_has(f, "beit3.vision_embed.proj.weight") &&
           shapes_has(f, "beit3.encoder.embed_positions.A.weight") &&
           shapes_has(f, LAYER "0.ffn.A.fc1.weight");
}

/* What a checkpoint was tuned for; *classes: the rows of its head, 0 where none has a number. */
static const char *task_of(omn_config *f, int64_t *classes)
{
    *classes = 0;
    if (shapes_has(f, "vision_head.weight") && shapes_has(f, "language_head.weight"))
        return "retrieval";
    if (shapes_has(f, "head.dense1.weight")) return "nlvr2";
    if (shapes_has(f, "fc_norm.weight")) {
        *classes = shapes_dim(f, "head.weight", 0);
        return "imagenet";
    }
    if (shapes_has(f, "pooler.dense.weight")) {
        *classes = shapes_dim(f, "head.3.weight", 0);
        return "vqa";
    }
    const bool words = shapes_has(f, "mlm_head.weight"), codes = shapes_has(f, "mim_head.weight");
    return words && !codes ? "captioning" : "pretrain";
}

static void measure(beit3 *b, omn_config *f)
{
    char more[160] = "";
    int64_t classes = 0;
    const char *task = task_of(f, &classes);
    const int64_t D = shapes_dim(f, LAYER "0.self_attn.q_proj.A.weight", 0);
    const int64_t patch = shapes_dim(f, "beit3.vision_embed.proj.weight", 3);
    /* two rows that nothing uses, one of the class token */
    const int64_t grid =
        shapes_side(shapes_dim(f, "beit3.encoder.embed_positions.A.weight", 0) - 3);
    const int64_t rows = shapes_dim(f, "beit3.text_embed.weight", 0);
    const int64_t places = shapes_dim(f, "beit3.encoder.embed_positions.B.weight", 0);
    size_t used = 0;
    if (rows) used += (size_t)snprintf(more, sizeof more, ", \"vocab_size\": %lld",
                                       (long long)rows);
    if (places) used += (size_t)snprintf(more + used, sizeof more - used,
                                         ", \"max_source_positions\": %lld", (long long)places);
    if (classes) snprintf(more + used, sizeof more - used, ", \"num_classes\": %lld",
                          (long long)classes);
    snprintf(b->usual, sizeof b->usual,
             "{\"encoder_embed_dim\": %lld, \"encoder_attention_heads\": %lld, "
             "\"encoder_layers\": %d, \"encoder_ffn_embed_dim\": %lld, \"patch_size\": %lld, "
             "\"img_size\": %lld%s, \"omnio\": {\"task\": \"%s\"}}",
             (long long)D, (long long)(D < HEAD ? 1 : D / HEAD),
             shapes_count(f, LAYER, ".ffn.A.fc1.weight"),
             (long long)shapes_dim(f, LAYER "0.ffn.A.fc1.weight", 0), (long long)patch,
             (long long)(grid * patch), more, task);
    omn_config_usual(f, b->usual);
}

void beit3_sizes(beit3 *b, omn_open *o, omn_config *f)
{
    const char *size = omn_config_string_or(f, "omnio.size", NULL);
    if (beit3_measurable(f)) measure(b, f);
    for (int i = 0; size && i < N_PUBLISHED; i++) {
        const trunk *t = &published[i];
        if (strcmp(size, t->name) != 0) continue;
        snprintf(b->usual, sizeof b->usual,
                 "{\"encoder_embed_dim\": %lld, \"encoder_attention_heads\": %lld, "
                 "\"encoder_layers\": %lld, \"encoder_ffn_embed_dim\": %lld}",
                 (long long)t->D, (long long)t->H, (long long)t->layers, (long long)t->ffn);
        omn_config_usual(f, b->usual);
        return;
    }
    if (size)
        omn_open_fail(o, OMN_ERR_CONFIG, "omnio.size is \"%.40s\"; base or large is wanted", size);
}

int64_t beit3_side(beit3_task task)
{
    switch (task) {
    case BEIT3_CAPTIONING:
    case BEIT3_VQA: return 480;
    case BEIT3_RETRIEVAL: return 384;
    default: return 224;
    }
}
