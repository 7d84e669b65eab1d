/* SPDX-License-Identifier: Apache-2.0 */
/* Texts with parts taken out, for lessons that put them back. Not installed. */
#ifndef OMNIO_TRAIN_DENOISE_H
#define OMNIO_TRAIN_DENOISE_H

#include <omnio/base.h>

/* How a text is spoilt. */
typedef struct denoise_how {
    double rate;                          /* share of the tokens that is taken out, above 0 to 1 */
    double span;                          /* their mean length in tokens, 1 or more; 0: one span,
                                           * the end of the text */
} denoise_how;

/* Random numbers of one lesson: the same again for the same seed and position. */
typedef struct denoise_dice { uint64_t seed, stream, at; } denoise_dice;

typedef struct denoise_sizes { uint32_t noise, spans; } denoise_sizes;
/* What of n tokens is taken out, at most so many spans of them: round(rate n) tokens, but one at
 * least and one left, in round(tokens / span) spans. [any] */
denoise_sizes denoise_count(const denoise_how *how, uint32_t n, uint32_t most_spans);
/* Most tokens of a text whose lesson has room: `inputs` ids are seen, `targets` are wanted; 0: not
 * two fit. [any] */
uint32_t denoise_room(const denoise_how *how, uint32_t inputs, uint32_t targets);
/* ids [n], n 2 or more, in two: `seen` has each span replaced by a sentinel, `want` each sentinel
 * with its span behind it, in order; without sentinels (NULL) want is the span alone, which has to
 * be one. Both have room for n + n_sentinels ids. [any] */
void denoise_split(const denoise_how *how, const int32_t *ids, uint32_t n, const int32_t *sentinels,
                   uint32_t n_sentinels, denoise_dice *d, int32_t *seen, uint32_t *n_seen,
                   int32_t *want, uint32_t *n_want);
/* Which of n things that weigh so much. [any] */
uint32_t denoise_draw(denoise_dice *d, const double *weights, uint32_t n);
uint64_t denoise_below(denoise_dice *d, uint64_t n);      /* 0 .. n - 1 */

#endif
