/* SPDX-License-Identifier: Apache-2.0 */
/* Unified-IO 2 as numbers: what its configuration says, shared by the files of this plugin. */
#ifndef UIO2_H
#define UIO2_H

#include <omnio/kinds.h>

typedef struct uio2 {
    int64_t D, H, K;                    /* width, heads, width of a head */
    int64_t n_enc, n_dec, mlp, cross_every;
    int64_t rows;                       /* of the text table */
    int64_t text_in, text_out;          /* most tokens */
    double image_ratio; /* positions of an input picture, in steps of a target picture */
    double out_init;    /* initial size of what a layer adds, for training from nothing */
    bool qk_norm, frozen;
    const omn_part *text, *image;       /* encoders */
    const omn_part *text_out_part;      /* decoder */
} uio2;

/* One encoder or decoder layer and the pieces around; build.c */
void uio2_build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out);
/* The same layers; layers.c */
omn_node *uio2_rms(omn_scope *s, const char *name, omn_node *x);
omn_attn uio2_attention(const uio2 *u, omn_scope *s, omn_node *rot_q, omn_node *rot_k,
                        const omn_mask *m);
omn_node *uio2_mlp(const uio2 *u, omn_scope *s, const char *stage, omn_node *x);

#endif
