/* SPDX-License-Identifier: Apache-2.0 */
/* UniTAB as numbers: what its configuration says, shared by the files of this plugin. */
#ifndef UNITAB_H
#define UNITAB_H

#include <omnio/answer.h>

#include "detr.h"
#include "resnet.h"

/* ---- pictures; image.c, places.c ------------------------------------------------------------- */

#define UNITAB_IMAGE(PAR, S)                                                                       \
    PAR(S, int, side, "800", "1..16384", "px", "the short side of what is seen")                   \
    PAR(S, int, longest, "1333", "1..16384", "px", "... as long as the other is at most this")     \
    PAR(S, int, height, "1344", "1..16384", "px", "of the canvas that pictures lie on, at most")   \
    PAR(S, int, width, "1344", "1..16384", "px", "of the canvas")                                  \
    PAR(S, string, blocks, "3,4,23,3", NULL, NULL, "blocks of each stage of the residual network") \
    PAR(S, int, stem, "64", "1..65536", NULL, "channels of its first convolution")                 \
    PAR(S, string, planes, "64,128,256,512", NULL, NULL,                                           \
        "channels in the middle of a block of each stage")                                         \
    PAR(S, int, positions, "256", "4..65536", NULL, "numbers of a position, rows first")           \
    PAR(S, bool, dilated, "false", NULL, NULL, "cells of 16 pixels instead of 32 (DC5)")
struct unitab_image { UNITAB_IMAGE(OMN_S_PAR, unitab_image) };

/* Cells of the grid along a side of the canvas, whose last stage may not halve it. */
int64_t unitab_cells(int64_t side, bool dilated);
/* What a picture of w x h pixels is scaled to; false: one side would be nothing. */
bool unitab_size(int64_t side, int64_t longest, int64_t w, int64_t h, int64_t *to_w,
                 int64_t *to_h);
/* Which cells (rows x columns) of a canvas of H x W are a picture's, of h x w in its corner: 1
 * each, else 0. */
void unitab_mark(int64_t H, int64_t W, int64_t rows, int64_t columns, int64_t h, int64_t w,
                 int32_t *seg);
/* Sine positions of cells [rows,columns] counted over those that are marked; width numbers each. */
void unitab_places(const int32_t *seg, int64_t rows, int64_t columns, int64_t width, float *out);
extern const omn_encoder_impl unitab_image_impl;
extern const omn_param unitab_image_params[];
extern const uint32_t unitab_image_rows;

/* ---- rows of words and boxes; sequence.c ----------------------------------------------------- */

/* A box is said as: open, the words that it is of, x0 y0 x1 y1, close. */
typedef struct unitab_marks { int32_t words, open, close, first, bins; } unitab_marks;
/* Words begin .. end - 1 of a text stand for a box; number: in what order of equal ones. */
typedef struct unitab_span { int32_t begin, end, number, bin[4]; } unitab_span;

/* The numbers of a box of a centre and a size in parts of the picture. */
void unitab_bins(const float *box, int32_t bins, int32_t *out);
/* The words with their boxes in them, of which the first `most` ids; spans are put in order. */
omn_status unitab_inline(const unitab_marks *m, const int32_t *words, size_t n, unitab_span *spans,
                         size_t count, size_t most, int32_t *out, size_t *length, omn_error *err);
/* The box (centre and size, no negative number) of the four ids in front of ids[at]. */
void unitab_box(const unitab_marks *m, const int32_t *ids, size_t at, float *box);
/* The next word of ids at or behind *at; *box: of which box it is a word, -1: of none. false: there
 * is none. A walk is zero at first. */
typedef struct unitab_walk { size_t at; int32_t depth, said, all; } unitab_walk;
bool unitab_word(const unitab_marks *m, unitab_walk *w, const int32_t *ids, size_t n, size_t *word,
                 int32_t *box);
/* The marks of a decoder's vocabulary; false: it has none. */
bool unitab_marks_of(const omn_part *decoder, unitab_marks *out);

extern const omn_answer_impl unitab_grounded, unitab_grounded_text, unitab_grounded_boxes;
#define UNITAB_BOXES(PAR, S)                                                                       \
    PAR(S, choice, grounded_boxes, "all", "all|first", NULL,                                       \
        "every one that was said, or only the first")
struct grounded_boxes { UNITAB_BOXES(OMN_S_PAR, grounded_boxes) };

/* ---- the model ------------------------------------------------------------------------------- */

typedef struct unitab {
    detr d;                               /* the parts that it shares with MDETR */
    int64_t rows, most;                   /* of the words; places of a text and of an answer */
    const omn_part *answer;               /* the decoder */
    const omn_part *loss;
} unitab;

/* The decoder's logits, and what encode leaves for its steps; decoder.c */
void unitab_remember(const unitab *u, omn_scope *s, const omn_build *rq, const detr_memory *m);
void unitab_decode(const unitab *u, omn_scope *s, const omn_build *rq, const detr_memory *m,
                   omn_bundle *out);

#endif
