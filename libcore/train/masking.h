/* SPDX-License-Identifier: Apache-2.0 */
/* Places that are taken out of a grid, and tokens that are shared out. Not installed. */
#ifndef OMNIO_TRAIN_MASKING_H
#define OMNIO_TRAIN_MASKING_H

#include "denoise.h"

/* From 0 to below 1. [any] */
double masking_uniform(denoise_dice *d);
/* k of n places, in ascending order, each set of them as likely as any other; k at most n. [any] */
void masking_choose(denoise_dice *d, uint32_t n, uint32_t k, uint32_t *out);
/* round(rate n) of n places, but one at least: taken[i] is 1, of the others 0. Returns how many.
 * [any] */
uint32_t masking_take(denoise_dice *d, double rate, uint32_t n, uint8_t *taken);
/* The same mask on another grid of the same view: a cell is taken when the one that its centre lies
 * in is. [any] */
void masking_resize(const uint8_t *from, uint32_t rows, uint32_t columns, uint8_t *to,
                    uint32_t to_rows, uint32_t to_columns);

/* A draw from the gamma distribution of that shape (above 0) and scale 1, as its logarithm, which
 * small shapes would else lose. [any] */
double masking_log_gamma(denoise_dice *d, double shape);
/* `budget` tokens for n kinds of which there are most[i] each: shares from a Dirichlet distribution
 * with alpha[i] (above 0), rounded down; each token that is left goes to the largest share of
 * another draw. What a kind does not have is lost, so the sum may be less. n at most 64. [any] */
void masking_share(denoise_dice *d, const double *alpha, uint32_t n, uint32_t budget,
                   const uint32_t *most, uint32_t *out);

#endif
