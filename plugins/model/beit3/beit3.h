/* SPDX-License-Identifier: Apache-2.0 */
/* BEiT-3 as numbers: what its configuration says, shared by the files of this plugin. */
#ifndef BEIT3_H
#define BEIT3_H

#include <omnio/kinds.h>

/* What a checkpoint was tuned for: which heads it has, and what stands behind the last layer. */
typedef enum beit3_task {
    BEIT3_PRETRAIN, BEIT3_CAPTIONING, BEIT3_VQA, BEIT3_NLVR2, BEIT3_RETRIEVAL, BEIT3_IMAGENET
} beit3_task;

typedef struct beit3 {
    int64_t D, H, layers, ffn;            /* width, heads, layers, inner width */
    int64_t grid, table_grid;             /* patches in a row, and of the learned positions */
    int64_t text_rows;                    /* of the learned positions of texts */
    int64_t rows, codes, classes;         /* of the words, of the codes of pictures, of the heads */
    int64_t most;                         /* tokens of a text, start and end included */
    beit3_task task;
    const omn_part *text, *image, *label; /* decoders; NULL: not written */
    const omn_part *loss;                 /* the objective of the task; NULL: not installed */
    char usual[512];                      /* what a size or the tensors say; sizes.c */
} beit3;

/* Tensors of its names without a configuration? What they say, or a size by its name, becomes what
 * is usual. And the side of the pictures that checkpoints of a task were published for; sizes.c */
bool beit3_measurable(omn_config *f);
void beit3_sizes(beit3 *b, omn_open *o, omn_config *f);
int64_t beit3_side(beit3_task task);

/* A run of the layers: x [B,T,D], of which the first `split` places are a picture's. */
typedef struct beit3_run {
    const beit3 *b;
    const omn_build *rq;
    int64_t split;
    omn_node *q_seg, *k_seg;              /* all see all that is real [B,T]; NULL: no padding */
    omn_node *extra;                      /* a text behind a picture that does not see it:
                                           * [B,1,T - split,T] is added to its scores */
    bool prefix;                          /* so it is, with or without extra */
    omn_node *front;                      /* STEP: [B] keys in front of the newest, memory's too */
    omn_node *rows;                       /* STEP: [B,n] places of the memory that a row sees */
} beit3_run;

/* Through all layers and, where the task has it, the norm behind them; layers.c */
omn_node *beit3_layers(const beit3_run *r, omn_scope *s, omn_node *x);
/* The weights of a LayerNorm below s; of a linear layer [out, in], with or without bias. */
omn_node *beit3_norm(omn_scope *s, omn_node *x);
omn_node *beit3_linear(omn_scope *s, omn_node *x, int64_t out, bool bias);

/* A picture as [B,N+1,D], its class token first; hidden: [B,N] f32, 1 for patches that are not
 * shown, or NULL; input.c */
omn_node *beit3_picture(const beit3 *b, omn_scope *s, const omn_given *given, omn_node *hidden);
/* Words at places `pos`, zero where seg is. */
omn_node *beit3_words(const beit3 *b, omn_scope *s, omn_node *ids, omn_node *pos, omn_node *seg);
/* 1 where seg is not 0, as f32. */
omn_node *beit3_real(omn_scope *s, omn_node *seg);
/* A number everywhere, i32. */
omn_node *beit3_filled(omn_scope *s, int64_t B, int64_t T, int32_t x);
/* The run of a picture (or NULL) and a text (or NULL) that see each other, as one. */
omn_node *beit3_joint(const beit3 *b, omn_scope *s, const omn_build *rq, omn_node *picture,
                      omn_node *words, omn_node *seg);
/* The first input of a role, of those numbered from 0; NULL: not given. */
const omn_given *beit3_given(const omn_build *rq, const char *role, uint32_t number);
omn_node *beit3_given_words(const beit3 *b, omn_scope *s, const omn_build *rq, omn_node **seg);

/* What each head makes of the inputs: scores of classes [B,C]; heads.c */
omn_node *beit3_classes(const beit3 *b, omn_scope *s, const omn_build *rq);
/* Retrieval: unit vectors of what is given. */
void beit3_embed(const beit3 *b, omn_scope *s, const omn_build *rq, omn_bundle *out);
/* Captions and masked data: encode, step and teach; caption.c, masked.c */
void beit3_caption(const beit3 *b, omn_scope *s, const omn_build *rq, omn_bundle *out);
void beit3_masked(const beit3 *b, omn_scope *s, const omn_build *rq, omn_bundle *out);
/* The graphs; build.c */
void beit3_build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out);

#endif
