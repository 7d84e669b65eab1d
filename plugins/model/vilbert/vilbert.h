/* SPDX-License-Identifier: Apache-2.0 */
/* ViLBERT as numbers: what its configuration says, shared by the files of this plugin. */
#ifndef VILBERT_H
#define VILBERT_H

#include <omnio/learn.h>

#include "bert.h"

enum { VILBERT_TASKS = 20, VILBERT_MOST_MEETINGS = 64 };

/* What a task asks: one of some answers, of pictures one or two; whether a text belongs to a
 * picture; which region a text means, and which of some that stand beside those of a detector. */
typedef enum vilbert_type {
    VILBERT_ANSWER, VILBERT_PAIR, VILBERT_MATCH, VILBERT_REGION, VILBERT_CHOICE
} vilbert_type;
/* Whether the answer is a region. */
static inline bool vilbert_finds(vilbert_type t)
{
    return t == VILBERT_REGION || t == VILBERT_CHOICE;
}

typedef struct vilbert {
    bert words, regions;                  /* the two streams; of regions the tables are not used */
    int64_t features;                     /* numbers that the detector has of a region */
    int64_t inner, heads;                 /* of co-attention */
    int64_t meetings;                     /* layers of it, and in front of which layers */
    int64_t words_at[VILBERT_MOST_MEETINGS], regions_at[VILBERT_MOST_MEETINGS];
    bool told;                            /* the words are told which task it is */
    bool sum;                             /* both sides are added, not multiplied */
    vilbert_type type;
    const char *task, *head, *pipeline;   /* pipeline: by which it is asked */
    int64_t number, classes, most;        /* of the task; of its head; tokens of a text */
    bool dialogue;                        /* a text is several, of which the second is another */
    const omn_part *loss;
} vilbert;

/* What came of both streams. */
typedef struct vilbert_seen {
    omn_node *regions, *words;            /* [B,1+N,D], [B,L,D], that of the whole picture first */
    omn_node *both;                       /* [B,inner]: one vector of both */
} vilbert_seen;

/* Regions and a text as they are fed, [B,N,F], [B,N,4], [B,N] and [B,L] each. whole [B,N]: the
 * regions whose mean is the picture; NULL: all. types: NULL where a text is one. */
typedef struct vilbert_given {
    omn_node *features, *boxes, *seg, *whole, *ids, *pos, *text_seg, *types;
} vilbert_given;

/* The configuration, and the parts that it names; failures stay on o; config.c */
void vilbert_configure(vilbert *k, omn_open *o, omn_config *f);
/* Both streams, through all layers; streams.c */
vilbert_seen vilbert_look(const vilbert *k, omn_scope *s, const vilbert_given *g);
/* The graphs; build.c */
void vilbert_build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out);

extern const omn_verify_impl vilbert_verify;

#endif
