/* SPDX-License-Identifier: Apache-2.0 */
/* The picture encoder's parameters, shared by its files. */
#ifndef VIT_H
#define VIT_H

#include <omnio/kinds.h>

#define VIT(PAR, S)                                                                                \
    PAR(S, int, width, "768", "8..65536", NULL, "width of the blocks")                             \
    PAR(S, int, heads, "12", "1..512", NULL, "attention heads")                                    \
    PAR(S, int, head_width, "64", "2..4096", NULL, "width of a head")                              \
    PAR(S, int, layers, "11", "1..512", NULL, "blocks")                                            \
    PAR(S, int, mlp, "3072", "1..1048576", NULL, "inner width of the feed-forward")                \
    PAR(S, int, patch, "16", "1..256", "px", "side of a patch")                                    \
    PAR(S, int, rows, "24", "1..1024", NULL, "rows of the grid of patches")                        \
    PAR(S, int, columns, "24", "1..1024", NULL, "columns of the grid")                             \
    PAR(S, int, table_rows, "14", "1..1024", NULL, "rows of the learned positions")                \
    PAR(S, int, table_columns, "14", "1..1024", NULL, "columns of the learned positions")          \
    PAR(S, int, second, "1", "-1..511", NULL, "a second block to listen to; -1: none")             \
    PAR(S, int, project, "0", "0..65536", NULL, "width handed to the model; 0: no projection")     \
    PAR(S, bool, frozen, "true", NULL, NULL, "do not train the blocks")                            \
    PAR(S, bool, shared, "false", NULL, NULL, "packed questions share the picture")                \
    PAR(S, choice, stem, "patch", "patch|conv", NULL,                                              \
        "linear patches, or convolutions of stride 2")                                             \
    PAR(S, choice, act, "gelu_erf", "gelu_erf|gelu_tanh|quick_gelu|silu", NULL, "activation")      \
    PAR(S, double, rope, "0", "0..1e6", NULL, "base of rotary positions in the blocks; 0: none")   \
    PAR(S, double, pos_init, "0.02", "0..100", NULL, "deviation of untrained positions")           \
    PAR(S, double, out_init, "1", "0..100", NULL, "untrained size of what a block adds")           \
    PAR(S, string, stage, "image", NULL, NULL, "its name among the stages that are compared")      \
    PAR(S, choice, normalise, "clip", "clip|half", NULL,                                           \
        "clip: mean and deviation of CLIP; half: 0..1 to -1..1")
struct vit { VIT(OMN_S_PAR, vit) };

typedef struct vit_self {
    const struct vit *p;
    omn_port ports[3];
} vit_self;

/* One picture into patches (or pixels), segments and places; prepare.c */
omn_status vit_prepare(const void *self, omn_call *c, const omn_value *v, omn_feed *out,
                       omn_frame *frame, omn_error *err);
/* The blocks; blocks.c */
void vit_features(const void *self, omn_scope *s, const omn_bundle *in, omn_bundle *out);
omn_seq *vit_embed(const void *self, omn_scope *s, const omn_bundle *in);

#endif
