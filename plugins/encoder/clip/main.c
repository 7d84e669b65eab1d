/* SPDX-License-Identifier: Apache-2.0 */
/* encoders image.clip and text.clip: the door of CLIP's towers. Other families look through the
 * same tower of pictures: `give` says what they get of it. */
#include "clip.h"

#include <stdlib.h>

static const omn_param clip_image_params[] = { CLIP_IMAGE(OMN_S_ROW, clip_image) };
static const omn_param clip_text_params[] = { CLIP_TEXT(OMN_S_ROW, clip_text) };

/* "3,4,6,3" */
static bool read_blocks(const char *text, int *out)
{
    for (int i = 0; i < CLIP_STAGES; i++) {
        char *end = NULL;
        const long n = strtol(text, &end, 10);
        if (end == text || n < 1 || n > 512) return false;
        out[i] = (int)n;
        if (*end != (i + 1 < CLIP_STAGES ? ',' : 0)) return false;
        text = end + 1;
    }
    return true;
}

static omn_status open_image(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    (void)c;
    clip_images *t = calloc(1, sizeof *t);
    if (!t) return omn_fail(err, OMN_ERR_MEMORY, "image.clip: out of memory");
    *self = t;
    const struct clip_image *p = t->p = params;
    t->ports[0] = (omn_port){ "pixels", OMN_F32, omn_dim3(clip_height(p), p->side, 3), 0 };
    if (p->patch && (p->side % p->patch || clip_height(p) % p->patch))
        omn_open_fail(o, OMN_ERR_CONFIG, "image.clip: a side of %d px is not made of patches of %d",
                      p->side % p->patch ? p->side : p->height, p->patch);
    else if (p->patch && p->width % p->heads)
        omn_open_fail(o, OMN_ERR_CONFIG, "image.clip: a width of %d is not divided by %d heads",
                      p->width, p->heads);
    else if (!p->patch && (p->names == CLIP_HF || p->side % 32 || p->width % 2 || p->height ||
                           p->give == CLIP_NORMED))
        omn_open_fail(o, OMN_ERR_CONFIG,
                      "image.clip: a residual network has the original's names, square pictures "
                      "whose side 32 divides, an even width, and no norm behind it");
    else if (!p->patch && !read_blocks(p->blocks, t->blocks))
        omn_open_fail(o, OMN_ERR_CONFIG,
                      "image.clip: blocks of four stages are wanted, \"3,4,6,3\", not \"%.40s\"",
                      p->blocks);
    else if (!clip_read_colour(p->mean, t->mean) || !clip_read_colour(p->std, t->deviation) ||
             !(t->deviation[0] > 0 && t->deviation[1] > 0 && t->deviation[2] > 0))
        omn_open_fail(o, OMN_ERR_CONFIG,
                      "image.clip: mean and std are three numbers each, \"0.5,0.5,0.5\", those of "
                      "std above 0; not \"%.60s\" and \"%.60s\"", p->mean, p->std);
    return OMN_OK;
}

static uint32_t ports(const void *self, const omn_port **list)
{
    *list = ((const clip_images *)self)->ports;
    return 1;
}

static omn_seq *embed(const void *self, omn_scope *s, const omn_bundle *in)
{
    const clip_images *t = self;
    omn_node *pixels = omn_bundle_get(in, s, "pixels");
    omn_node *x = t->p->patch ? clip_vit(t, s, pixels) : clip_resnet(t, s, pixels);
    const int64_t B = omn_node_dim(x, 0), L = omn_node_dim(x, 1);
    const bool grid = t->p->give >= CLIP_PATCHES || (!t->p->patch && t->p->give == CLIP_ALL);
    const int64_t cell = t->p->patch ? t->p->patch : 32;
    return omn_seq_new(s, x, clip_numbers(s, B, L, false), clip_numbers(s, B, L, true),
                       grid ? clip_height(t->p) / cell : 0, grid ? t->p->side / cell : 0);
}

static const omn_encoder_impl image_impl = { NULL,  "image",      open_image, free,
                                             ports, clip_prepare, embed };
static const omn_object objects[] = {
    { "omnio.encoder/1", "image.clip", "pictures through CLIP's tower: a vision transformer or a "
      "residual network", &image_impl, OMN_OBJECT_PARAMS(clip_image) },
    { "omnio.encoder/1", "text.clip", "texts through CLIP's tower", &clip_text_impl,
      OMN_OBJECT_PARAMS(clip_text) },
};
OMN_PLUGIN("encoder-clip", "0.1.0", "Apache-2.0", "the towers of CLIP", objects);
