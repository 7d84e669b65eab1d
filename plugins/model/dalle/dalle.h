/* SPDX-License-Identifier: Apache-2.0 */
/* DALL-E as numbers: what its configuration says, shared by the files of this plugin. */
#ifndef DALLE_H
#define DALLE_H

#include <omnio/learn.h>

/* Which places of the picture a layer's places see; all see the whole text. */
typedef enum dalle_kind { DALLE_ROW, DALLE_COLUMN, DALLE_CONV, DALLE_KINDS } dalle_kind;

typedef struct dalle {
    int64_t D, heads, layers;
    int64_t text;                         /* ids of texts, those of empty places at their end */
    int64_t places;                       /* of a text */
    int64_t codes, grid;                  /* ids of pictures; codes along a side */
    int64_t kernel;                       /* side of the window of DALLE_CONV */
    bool wraps;                           /* that window is one of a torus */
    bool sandwich;                        /* what a sub-layer makes is normed as well */
    int32_t begin;                        /* id in front of the text; -1: none */
    double picture_weight;                /* of the loss, beside 1 of the text */
    const omn_part *words, *tokenizer;
} dalle;

/* Places in front of the picture, and of the whole row. */
static inline int64_t dalle_front(const dalle *d) { return d->places + (d->begin >= 0); }
static inline int64_t dalle_most(const dalle *d) { return dalle_front(d) + d->grid * d->grid; }

/* Is it one? Reads it and opens its parts; failures stay on o. config.c */
bool dalle_known(omn_config *f);
void dalle_configure(dalle *d, omn_open *o, omn_config *f);

/* The pattern of a layer; what is added to scores [B,1,T,keys], 0 where a key is seen; pattern.c */
dalle_kind dalle_pattern_of(const dalle *d, int64_t layer);
omn_node *dalle_pattern(const dalle *d, omn_scope *s, const omn_build *rq, dalle_kind kind);

/* Ids [B,T] at places pos [B,T] as vectors [B,T,D]; vectors as scores [B,T,text + codes], those of
 * the other half hidden at each place; table.c */
omn_node *dalle_embed(const dalle *d, omn_scope *s, omn_node *ids, omn_node *pos);
omn_node *dalle_logits(const dalle *d, omn_scope *s, omn_node *x, omn_node *pos);

/* The graphs; build.c */
void dalle_build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out);

/* "omnio.row/1"; row.c */
extern const omn_row_impl dalle_row;

#endif
