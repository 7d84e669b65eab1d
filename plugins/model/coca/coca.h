/* SPDX-License-Identifier: Apache-2.0 */
/* CoCa as numbers: what its configuration says, shared by the files of this plugin. */
#ifndef COCA_H
#define COCA_H

#include <omnio/learn.h>

/* One of the two stacks of texts: the unimodal one, and the multimodal one behind it. */
typedef struct coca_stack {
    int64_t layers, heads, ffn;
} coca_stack;

/* How the tokens of a picture become the vectors that are looked at and the one that is compared.
 * ONE: a pooler whose first query is compared, as open_clip trained it. CASCADE, PARALLEL: a second
 * pooler of one query over what the first made, as the paper has it, or beside it. */
typedef enum coca_pool { COCA_ONE, COCA_CASCADE, COCA_PARALLEL } coca_pool;

typedef struct coca {
    int64_t D;                            /* of embeddings, texts, and what is looked at */
    int64_t vision;                       /* width of the picture's tower */
    int64_t context, rows;                /* places of a text, ids */
    int64_t queries, pool_heads;
    coca_pool pool;
    coca_stack text, multimodal;
    omn_act act;
    double eps, scale_init;
    const omn_part *image, *words, *answer;    /* encoders, and the decoder of texts */
} coca;

/* Is it one? Reads it and opens its parts; failures stay on o. config.c */
bool coca_known(omn_config *f);
void coca_configure(coca *k, omn_open *o, omn_config *f);

/* A row of a text [B,T,D] through all blocks of a stack. extra [B,1,T,T] is added to the scores of
 * the unimodal stack. seg, part: [B,T] or NULL, who sees whom. block.c */
typedef struct coca_row {
    const coca *k;
    const omn_build *rq;
    omn_node *extra, *seg, *part;
} coca_row;
omn_node *coca_unimodal(const coca_row *r, omn_scope *s, omn_node *x);
/* Looks at the picture's vectors [R,L,D]; NULL in steps, which look at what ENCODE left. */
omn_node *coca_multimodal(const coca_row *r, omn_scope *s, omn_node *x, omn_node *picture);
/* ENCODE: leaves the keys and values of the picture for the steps. */
void coca_remember(const coca *k, omn_scope *s, omn_node *picture);

/* A picture as vectors to be looked at [B,L,D] and as one of length 1 [B,D]; tower.c */
void coca_picture(const coca *k, omn_scope *s, const omn_given *given, omn_node **tokens,
                  omn_node **embedding);

/* Ids [B,T] as one vector of length 1 [B,D], and what the unimodal stack makes of each of the T
 * places; text.c */
omn_node *coca_text(const coca *k, omn_scope *s, const omn_build *rq, omn_node *ids,
                    omn_node **tokens);
/* Rows of the tables of ids and of places. */
omn_node *coca_words(const coca *k, omn_scope *s, omn_node *ids, omn_node *pos);

/* The graphs; build.c */
void coca_build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out);

#endif
