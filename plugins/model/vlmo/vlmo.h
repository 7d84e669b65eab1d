/* SPDX-License-Identifier: Apache-2.0 */
/* VLMo and UFO as numbers: one stack of layers for pictures, texts and both, whose feed-forward is
 * split into experts (VLMo) or the same for all (UFO). Shared by the files of this plugin. */
#ifndef VLMO_H
#define VLMO_H

#include <omnio/learn.h>

typedef enum vlmo_task { VLMO_PRETRAIN, VLMO_VQA } vlmo_task;
/* What a run of the layers is about: which expert works. */
typedef enum vlmo_mode { VLMO_TEXT, VLMO_IMAGE, VLMO_BOTH } vlmo_mode;

typedef struct vlmo {
    vlmo_task task;
    bool split;                           /* experts; else one feed-forward for all */
    bool relative, absolute, scaled;      /* positions; layer scale */
    int64_t D, H, layers, ffn;
    int64_t fused;                        /* first layer with one expert for both; split alone */
    int64_t grid, most, most_table;       /* patches in a row; places of a text, and of its table */
    int64_t rows, classes;
    int32_t mask;
    double scale_init, layer_scale;
    const omn_part *image, *words, *text, *answer;      /* encoders, decoders; NULL: none */
} vlmo;

/* Configuration and parts; config.c */
void vlmo_configure(vlmo *v, omn_open *o, omn_config *f);

/* All layers and the norm behind them. x [B,T,D]: a text of `words` places, then a picture, either
 * may be missing; seg [B,T] i32, 0 padding. layers.c */
omn_node *vlmo_layers(const vlmo *v, omn_scope *s, vlmo_mode mode, omn_node *x, int64_t words,
                      omn_node *seg);

/* What goes into them, and who is real; input.c */
typedef struct vlmo_side {
    omn_node *x, *seg;                    /* [B,T,D], [B,T] i32; NULL: not there */
} vlmo_side;
vlmo_side vlmo_picture(const vlmo *v, omn_scope *s, const omn_given *given);
vlmo_side vlmo_words(const vlmo *v, omn_scope *s, omn_node *ids, omn_node *seg);
/* A text in front of a picture through the layers that see both. */
omn_node *vlmo_joint(const vlmo *v, omn_scope *s, const vlmo_side *words,
                     const vlmo_side *picture);

/* Heads: a side alone as one vector of length 1; scores of no and yes, of answers; what stands at
 * hidden places. heads.c */
omn_node *vlmo_vector(const vlmo *v, omn_scope *s, vlmo_mode mode, const vlmo_side *of);
omn_node *vlmo_match(const vlmo *v, omn_scope *s, omn_node *x);
omn_node *vlmo_answer(const vlmo *v, omn_scope *s, omn_node *x);
omn_node *vlmo_hidden(const vlmo *v, omn_scope *s, omn_node *x);

/* The graphs; build.c */
void vlmo_build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out);

#endif
