/* SPDX-License-Identifier: Apache-2.0 */
/* OFA as numbers: what its configuration says, shared by the files of this plugin. */
#ifndef OFA_H
#define OFA_H

#include <omnio/kinds.h>

/* One of the two stacks. */
typedef struct ofa_stack { int64_t layers, heads, ffn; } ofa_stack;

/* What weights are called where its own program and the Transformers library do not agree. */
typedef struct ofa_names {
    const char *encoder_after, *decoder_after;    /* norms behind the attention to oneself */
    const char *cross, *cross_before, *cross_after;
    const char *ffn_inner;
} ofa_names;

typedef struct ofa {
    int64_t D;
    ofa_stack encoder, decoder;
    const ofa_names *names;
    int64_t rows;                         /* of the table of ids */
    int64_t code_first, codes, bin_first, bins;
    int64_t text_in, text_out;            /* rows of the positions of texts, less two */
    int64_t token_bucket, image_bucket;
    int64_t window;                       /* codes in a row of a picture that is written */
    double factor;                        /* of the widths that scores are divided by */
    double embed_scale;
    bool after, ffn_inner, head_scale, scale_resids;
    bool norm_text, norm_image, norm_codes, types;
    bool entangled, entangled_out;        /* positions join the content */
    int64_t original;                     /* grid that positions are resized from; 0: never */
    bool sampled;                         /* training sees a part of a picture's places */
    int64_t most_in, most_out;            /* tokens of a text, marks included; of an answer */
    const omn_part *text, *image, *loss;
    const char *task;                     /* the pipeline of the task it was tuned for */
} ofa;

/* The configuration and its parts; config.c, parts.c */
void ofa_configure(ofa *u, omn_open *o, omn_config *f);
/* resnet: which network a configuration without a word on it has. */
void ofa_open_parts(ofa *u, omn_open *o, omn_config *f, const char *home, const char *resnet);
bool ofa_known(omn_config *f);
/* Full path of a key that may stand at the top or below one of `homes`; room for 128. */
const char *ofa_key(const char *home, const char *key, char out[128]);

/* The weights of a LayerNorm and of a linear layer below s; layers.c */
omn_node *ofa_norm(omn_scope *s, const char *name, omn_node *x);
omn_node *ofa_linear(omn_scope *s, const char *name, omn_node *x, int64_t out);
/* The attention of a layer below s. */
omn_attn ofa_attention(const ofa *u, omn_scope *s, int64_t heads);
/* Its half behind the keys, output projection included. */
omn_node *ofa_attend(const omn_attn *a, omn_scope *s, int64_t D, omn_node *x, omn_node *k,
                     omn_node *v);
/* x + its feed-forward. */
omn_node *ofa_feed_forward(const ofa *u, omn_scope *s, int64_t inner, omn_node *x);

/* Places as vectors, and which numbers of a layer's table their distances have; places.c */
typedef struct ofa_places {
    omn_node *raw, *pos;                  /* [1|B,T,D] as learnt, and normed */
    omn_node *bucket;                     /* i32 [1|B,T,K] */
} ofa_places;
/* Constants i32 [1,n]: 0 and up. */
omn_node *ofa_count(omn_scope *s, int64_t n);
/* Numbers of the pairs of text places 0 .. n-1, of those of a grid of h x w; i32 [1,n,n]. */
omn_node *ofa_text_pairs(const ofa *u, omn_scope *s, int64_t n);
omn_node *ofa_grid_pairs(const ofa *u, omn_scope *s, int64_t h, int64_t w);
/* The id of place i of a picture that is written; 0: the start token. */
int32_t ofa_code_place(const ofa *u, int64_t i);
/* Ids i32 [1,n] of the first n codes' places, the start token's first; and their pairs. */
omn_node *ofa_code_places(const ofa *u, omn_scope *s, int64_t n);
omn_node *ofa_code_pairs(const ofa *u, omn_scope *s, int64_t n);
/* Of pairs i32 [1,n,n] those of q [B,T] with k [B,K]; k NULL: with all. */
omn_node *ofa_pick_pairs(omn_scope *s, omn_node *pairs, omn_node *q, omn_node *k);
/* A layer's learnt numbers for pairs: [1|B,heads,T,K]. */
omn_node *ofa_relative(omn_scope *s, const char *table, int64_t rows, int64_t heads,
                       omn_node *pairs);
/* What positions add to scores, of projected q [B,T,D] and k [1|B,K,D]: [B,heads,T,K]. */
omn_node *ofa_absolute(const ofa *u, omn_scope *s, omn_node *q, omn_node *k, int64_t heads);
int64_t ofa_text_buckets(const ofa *u);
int64_t ofa_image_buckets(const ofa *u);

/* What stands before the decoder; encoder.c */
typedef struct ofa_memory {
    omn_node *x, *seg;                    /* [B,L,D], [B,L] */
    omn_node *cross;                      /* places as keys, [1|B,L,D] */
} ofa_memory;
/* 1 where seg is not 0, as f32. */
omn_node *ofa_real(omn_scope *s, omn_node *seg);
/* seg, padding as 1: it looks as the others do, and nobody looks at it. */
omn_node *ofa_lookers(omn_scope *s, omn_node *seg);
/* The learnt table of ids. */
omn_node *ofa_table(const ofa *u, omn_scope *s);
ofa_memory ofa_encode(const ofa *u, omn_scope *s, const omn_build *rq);

/* The decoder over one target; ENCODE: what steps need of the memory goes into states;
 * decoder.c */
omn_node *ofa_decode(const ofa *u, omn_scope *s, const omn_build *rq, const omn_target *t,
                     const ofa_memory *m);
void ofa_remember(const ofa *u, omn_scope *s, const omn_build *rq, const ofa_memory *m);

/* The graphs; build.c */
void ofa_build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out);

#endif
