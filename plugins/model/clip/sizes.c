/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes of CLIP without a file that says them: the published models by their names ("omnio":
 * {"size": "ViT-B/32"}), and OpenAI's archives, of which every size follows from their tensors but
 * for the heads, which are 64 wide in all of them. Both become what open_clip's configuration of
 * the same model says. */
#include "model.h"

#include "shapes.h"

#include <stdio.h>
#include <string.h>

/* What the original's table has; blocks: of a residual network. */
typedef struct tower {
    const char *name;
    int64_t side;
    int patch;
    const char *blocks;
    int width, layers, embed, text_width;
} tower;

static const tower published[] = {
    { "ViT-B/32", 224, 32, NULL, 768, 12, 512, 512 },
    { "ViT-B/16", 224, 16, NULL, 768, 12, 512, 512 },
    { "ViT-L/14", 224, 14, NULL, 1024, 24, 768, 768 },
    { "ViT-L/14@336px", 336, 14, NULL, 1024, 24, 768, 768 },
    { "RN50", 224, 0, "3,4,6,3", 64, 0, 1024, 512 },
    { "RN101", 224, 0, "3,4,23,3", 64, 0, 512, 512 },
    { "RN50x4", 288, 0, "4,6,10,6", 80, 0, 640, 640 },
    { "RN50x16", 384, 0, "6,8,18,8", 96, 0, 768, 768 },
    { "RN50x64", 448, 0, "3,15,36,10", 128, 0, 1024, 1024 },
};
enum { N_PUBLISHED = sizeof published / sizeof *published, HEAD = 64 };

/* The numbers of a text tower beside it. */
typedef struct words {
    int64_t layers, context, rows;
} words;

static void say(clip *k, omn_config *f, const tower *t, const words *w)
{
    char shape[128];
    if (t->blocks) snprintf(shape, sizeof shape, "\"layers\": [%s]", t->blocks);
    else snprintf(shape, sizeof shape, "\"layers\": %d, \"patch_size\": %d", t->layers, t->patch);
    snprintf(k->usual, sizeof k->usual,
             "{\"quick_gelu\": true, \"embed_dim\": %d, \"vision_cfg\": {\"image_size\": %lld, "
             "\"width\": %d, %s}, \"text_cfg\": {\"context_length\": %lld, \"vocab_size\": %lld, "
             "\"width\": %d, \"heads\": %d, \"layers\": %lld}}",
             t->embed, (long long)t->side, t->width, shape, (long long)w->context,
             (long long)w->rows, t->text_width, t->text_width < HEAD ? 1 : t->text_width / HEAD,
             (long long)w->layers);
    omn_config_usual(f, k->usual);
}

bool clip_measurable(omn_config *f)
{
    return shapes_has(f, "visual.conv1.weight") && shapes_has(f, "text_projection") &&
           shapes_has(f, "token_embedding.weight") && shapes_has(f, "logit_scale");
}

/* "3,4,6,3" */
static const char *blocks_of(omn_config *f, char *out, size_t room)
{
    size_t used = 0;
    for (int i = 1; i <= 4 && used < room; i++) {
        char before[32];
        snprintf(before, sizeof before, "visual.layer%d.", i);
        used += (size_t)snprintf(out + used, room - used, "%s%d", i > 1 ? "," : "",
                                 shapes_count(f, before, ".conv1.weight"));
    }
    return out;
}

static void measure(clip *k, omn_config *f)
{
    char blocks[64];
    const bool plain = shapes_has(f, "visual.proj");
    const int64_t places = shapes_dim(f, plain ? "visual.positional_embedding"
                                               : "visual.attnpool.positional_embedding", 0);
    const int64_t grid = shapes_side(places - 1);
    const int patch = (int)shapes_dim(f, "visual.conv1.weight", 3);
    const tower t = {
        .side = grid * (plain ? patch : 32), .patch = patch,
        .blocks = plain ? NULL : blocks_of(f, blocks, sizeof blocks),
        .width = (int)shapes_dim(f, plain ? "visual.conv1.weight" : "visual.conv3.weight", 0),
        .layers = shapes_count(f, "visual.transformer.resblocks.", ".ln_1.weight"),
        .embed = (int)shapes_dim(f, "text_projection", 1),
        .text_width = (int)shapes_dim(f, "text_projection", 0),
    };
    const words w = { shapes_count(f, "transformer.resblocks.", ".ln_1.weight"),
                      shapes_dim(f, "positional_embedding", 0),
                      shapes_dim(f, "token_embedding.weight", 0) };
    say(k, f, &t, &w);
}

void clip_sizes(clip *k, omn_open *o, omn_config *f)
{
    const char *size = omn_config_string_or(f, "omnio.size", NULL);
    if (clip_measurable(f)) measure(k, f);
    if (!size) return;
    for (int i = 0; i < N_PUBLISHED; i++)
        if (!strcmp(size, published[i].name)) {
            const words w = { 12, 77, 49408 };
            say(k, f, &published[i], &w);
            return;
        }
    omn_open_fail(o, OMN_ERR_CONFIG, "omnio.size is \"%.40s\"; ViT-B/32, ViT-B/16, ViT-L/14, "
                  "ViT-L/14@336px, RN50, RN101, RN50x4, RN50x16 or RN50x64 is wanted", size);
}
