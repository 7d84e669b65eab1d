/* SPDX-License-Identifier: Apache-2.0 */
/* FLAVA as numbers: what its configuration says, shared by the files of this plugin. */
#ifndef FLAVA_H
#define FLAVA_H

#include <omnio/learn.h>

/* One of the three stacks of layers. */
typedef struct flava_stack {
    const char *name;                     /* "text_model" */
    int64_t layers, heads, ffn;
    double eps;
    bool qkv_bias;
} flava_stack;

typedef struct flava {
    flava_stack image, text, both;
    const char *root;                     /* "/flava", or "/" where the heads are missing */
    bool heads;                           /* for hidden words and patches, and for matching */
    bool cls;                             /* a token of pairs in front */
    int64_t D, projection;
    int64_t patches, most, types, rows, codes;
    double scale_init;
    const omn_part *pixels, *words, *hidden, *hidden_codes;       /* encoders, decoders */
} flava;

/* Configuration and parts; config.c */
bool flava_known(omn_config *f);
void flava_configure(flava *k, omn_open *o, omn_config *f);

/* What one encoder makes of its input: before and behind its last norm, [B,T,D], and who is real,
 * [B,T] i32; encoders.c */
typedef struct flava_states {
    omn_node *raw, *x, *seg;
} flava_states;
/* hidden: f32 [B,N], 1 for patches that are not shown; NULL: none. */
flava_states flava_picture(const flava *k, omn_scope *s, const omn_given *given, omn_node *hidden);
flava_states flava_words(const flava *k, omn_scope *s, omn_node *ids, omn_node *seg);
/* Both through the multimodal encoder: its token, the picture, the text; [B,1+..,D]. */
omn_node *flava_pair(const flava *k, omn_scope *s, const flava_states *picture,
                     const flava_states *words);

/* The graphs; build.c */
void flava_build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out);

#endif
