/* SPDX-License-Identifier: Apache-2.0 */
/* The towers of CLIP (Radford et al. 2021): a vision transformer or a residual network for
 * pictures, a causal transformer for texts. Both transformers are the same blocks; their weights
 * have the names of the original program or those of the Transformers library. */
#ifndef CLIP_H
#define CLIP_H

#include <omnio/kinds.h>

#define CLIP_ACTS "quick_gelu|gelu_erf|gelu_tanh"

#define CLIP_IMAGE(PAR, S)                                                                         \
    PAR(S, choice, names, "openai", "openai|hf", NULL, "whose names the weights have")             \
    PAR(S, int, side, "224", "1..4096", "px", "side of the picture")                               \
    PAR(S, int, patch, "32", "0..1024", "px", "side of a patch; 0: a residual network")            \
    PAR(S, string, blocks, "", NULL, NULL, "residual network: blocks of each stage, \"3,4,6,3\"")  \
    PAR(S, int, width, "768", "2..65536", NULL,                                                    \
        "width of the blocks; of the stem of a residual network")                                  \
    PAR(S, int, layers, "12", "0..512", NULL, "blocks of a transformer")                           \
    PAR(S, int, heads, "12", "1..1024", NULL, "heads, in a residual network those of the pool")    \
    PAR(S, int, mlp, "0", "0..1048576", NULL, "inner width of the feed-forward; 0: 4 * width")     \
    PAR(S, int, embed, "512", "1..65536", NULL, "width of the embedding")                          \
    PAR(S, choice, act, "quick_gelu", CLIP_ACTS, NULL, "activation")                               \
    PAR(S, choice, give, "embedding", "embedding|all|patches|normed", NULL,                        \
        "one embedding; or what the last block makes of all tokens, or of all but the class "      \
        "token, or these through the norm of the embedding")                                       \
    PAR(S, string, stage, "image", NULL, NULL, "its name among the stages that are compared")      \
    PAR(S, double, eps, "1e-5", "1e-12..1", NULL, "what keeps its norms from dividing by 0")       \
    PAR(S, bool, ln_pre, "true", NULL, NULL, "transformer: a norm before the blocks")              \
    PAR(S, string, mean, "0.48145466,0.4578275,0.40821073", NULL, NULL,                            \
        "of red, green and blue, 0 to 1: taken away")                                              \
    PAR(S, string, std, "0.26862954,0.26130258,0.27577711", NULL, NULL, "divided by then")         \
    PAR(S, choice, filter, "cubic", "cubic|linear", NULL, "how pictures are scaled")               \
    PAR(S, choice, fit, "crop", "crop|squash", NULL,                                               \
        "the short side is scaled and the middle cut out; or both sides are scaled")               \
    PAR(S, int, height, "0", "0..4096", "px", "of a picture that is no square; 0: side")
struct clip_image { CLIP_IMAGE(OMN_S_PAR, clip_image) };

#define CLIP_TEXT(PAR, S)                                                                          \
    PAR(S, choice, names, "openai", "openai|hf", NULL, "whose names the weights have")             \
    PAR(S, int, rows, "49408", "2..16777216", NULL, "ids of the vocabulary")                       \
    PAR(S, int, context, "77", "2..65536", NULL, "most tokens, both marks included")               \
    PAR(S, int, start, "49406", "0..16777215", NULL, "id that begins a text")                      \
    PAR(S, int, stop, "49407", "0..16777215", NULL, "id that ends it: the largest of all")         \
    PAR(S, bool, cut, "true", NULL, NULL, "cut a text that is too long; else it is an error")      \
    PAR(S, int, width, "512", "2..65536", NULL, "width of the blocks")                             \
    PAR(S, int, layers, "12", "0..512", NULL, "blocks")                                            \
    PAR(S, int, heads, "8", "1..1024", NULL, "heads")                                              \
    PAR(S, int, mlp, "0", "0..1048576", NULL, "inner width of the feed-forward; 0: 4 * width")     \
    PAR(S, int, embed, "512", "1..65536", NULL, "width of the embedding")                          \
    PAR(S, choice, act, "quick_gelu", CLIP_ACTS, NULL, "activation")                               \
    PAR(S, choice, give, "embedding", "embedding|all", NULL,                                       \
        "one embedding, or what the last block makes of all tokens")                               \
    PAR(S, string, stage, "text", NULL, NULL, "its name among the stages that are compared")       \
    PAR(S, double, eps, "1e-5", "1e-12..1", NULL, "what keeps its norms from dividing by 0")
struct clip_text { CLIP_TEXT(OMN_S_PAR, clip_text) };

enum { CLIP_OPENAI, CLIP_HF };
enum { CLIP_EMBEDDING, CLIP_ALL, CLIP_PATCHES, CLIP_NORMED };
enum { CLIP_CUBIC, CLIP_LINEAR };
enum { CLIP_CROP, CLIP_SQUASH };

#define CLIP_EPS 1e-5           /* of batch norms */
#define CLIP_STAGES 4           /* of a residual network */

typedef struct clip_images {
    const struct clip_image *p;
    int blocks[CLIP_STAGES];
    float mean[3], deviation[3];
    omn_port ports[1];
} clip_images;

/* One transformer, wherever it stands. */
typedef struct clip_blocks {
    const char *stage;
    int names, width, layers, heads, mlp, act;
    bool causal;
    double eps;
} clip_blocks;

/* All its blocks on x [B,T,width], weights below s; block.c */
omn_node *clip_blocks_build(omn_scope *s, const clip_blocks *b, omn_node *x);
/* LayerNorm whose weights are NAME.weight and NAME.bias. */
omn_node *clip_norm(omn_scope *s, const char *name, double eps, omn_node *x);
/* Multiplied by a projection to `embed` numbers that is [width, embed] with the original's names
 * and a layer without bias with the others. */
omn_node *clip_project(omn_scope *s, int names, const char *openai, const char *hf, int64_t embed,
                       omn_node *x);

/* Constants i32 [B,L]: 1 everywhere, or 0, 1, .. along each row. */
omn_node *clip_numbers(omn_scope *s, int64_t B, int64_t L, bool count);

/* Pictures [B,height,side,3] through a tower: tokens [B,N,width] or an embedding [B,1,embed];
 * vit.c, resnet.c */
omn_node *clip_vit(const clip_images *t, omn_scope *s, omn_node *pixels);
omn_node *clip_resnet(const clip_images *t, omn_scope *s, omn_node *pixels);

/* Pixels from top to bottom. */
static inline int clip_height(const struct clip_image *p)
{
    return p->height ? p->height : p->side;
}

/* "0.5,0.5,0.5" as three numbers; false: it is something else. A short picture side to `side`, cut
 * in the middle, normalised; what is no square is stretched; prepare.c */
bool clip_read_colour(const char *text, float *out);
omn_status clip_prepare(const void *self, omn_call *c, const omn_value *v, omn_feed *out,
                        omn_frame *frame, omn_error *err);

/* The tower of texts; text.c */
extern const omn_encoder_impl clip_text_impl;

#endif
