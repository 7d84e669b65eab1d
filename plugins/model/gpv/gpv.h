/* SPDX-License-Identifier: Apache-2.0 */
/* GPV-1 as numbers: what its configuration says, shared by the files of this plugin. */
#ifndef GPV_H
#define GPV_H

#include <omnio/learn.h>

#include "detr.h"

typedef struct gpv {
    detr eyes;                            /* the detector */
    bert text;                            /* of the task's sentence */
    detr mouth;                           /* the decoder of texts: width, heads, layers */
    int64_t D;                            /* width of the streams that meet */
    int64_t queries;                      /* of the detector */
    int64_t co_layers, co_heads, co_inner, co_ffn[2];     /* of the sentence, of the regions */
    int64_t words, embed;                 /* of answers; width of their given vectors */
    int64_t longest, places;              /* tokens of an answer, start included; rows of its
                                           * positions */
    bool pooled;                          /* regions have the mean of their cells, too */
    bool linear;                          /* words are scored by weights of their own */
    bool conditioned;                     /* regions are told how relevant they are */
    bool numbered;                        /* words of an answer are told where they stand */
    int64_t most;                         /* tokens of the sentence */
    const omn_part *answer, *loss;
} gpv;

/* What the decoder of texts looks at: regions, then the words of the sentence. */
typedef struct gpv_memory {
    omn_node *x, *seg;                    /* [B,L,D], [B,L] */
} gpv_memory;

/* The configuration, and the parts that it names; failures stay on o; config.c */
void gpv_configure(gpv *k, omn_open *o, omn_config *f);

/* The graphs; build.c */
void gpv_build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out);

/* Leaves what the steps look at; the logits of a text; write.c */
void gpv_remember(const gpv *k, omn_scope *s, const omn_build *rq, const gpv_memory *m);
void gpv_write(const gpv *k, omn_scope *s, const omn_build *rq, const omn_target *t,
               const gpv_memory *m, omn_bundle *out);

/* op gpv.share; share.c */
#define GPV_SHARE(PAR, S)                                                                          \
    PAR(S, int, rows, NULL, "1..65536", NULL, "rows of the grid of cells")                         \
    PAR(S, int, columns, NULL, "1..65536", NULL, "its columns")                                    \
    PAR(S, int, bins, "7", "1..256", NULL, "parts of each side, of which each is as many samples " \
        "as it begins cells")
struct share { GPV_SHARE(OMN_S_PAR, share) };
extern const omn_op_impl gpv_share;

extern const omn_verify_impl gpv_verify;

#endif
