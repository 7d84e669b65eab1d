/* SPDX-License-Identifier: Apache-2.0 */
/* What a recipe has to know of a trainer, and the trainer of it, beside the setup. Not
 * installed. */
#ifndef OMNIO_TRAIN_AHEAD_H
#define OMNIO_TRAIN_AHEAD_H

#include <omnio/train.h>

#define AHEAD 32 /* pages that are announced at once */
#define MOST_OUTPUTS 8 /* decoders that one training teaches */

/* Pages first .. first + n - 1 will be asked for next, n at most AHEAD: time to do at once what
 * each would do alone. user: the pages'. With the whole pool. [run] */
typedef omn_status trainer_ahead_fn(void *user, omn_call *c, uint64_t first, uint32_t n,
                                    uint64_t step, omn_error *err);
void trainer_ahead(omn_trainer *t, trainer_ahead_fn *fn);
/* Does training change this weight, by what it is or by an adapter? By what it is alone? */
bool trainer_moves(const omn_trainer *t, const char *weight);
bool trainer_learns(const omn_trainer *t, const char *weight);
/* Have all ranks of a company the same weights? OMN_ERR_FAILED: not so. ranks.c */
omn_status trainer_same(omn_trainer *t, omn_error *err);
/* The adapters of the trained weights as a file of their own, f32; averages if there are any. */
omn_status trainer_adapters(const omn_trainer *t, const char *path, omn_error *err);
/* Ids of what a lesson shows as "text", without the end token: a text's, with a start token where
 * its encoder has one, or the value "tokens" as it is. *ids is owned (free()). */
omn_status trainer_tokens(const omn_model *m, const omn_value *v, int32_t **ids, size_t *n,
                          omn_error *err);
/* Places of an encoder that pages can hide one by one, and the grid that they are, row by row; 0:
 * it has no such. patches.c */
uint32_t patches_places(const omn_part *encoder, uint32_t *rows, uint32_t *columns);
/* What takes memory while it trains on so many threads. what: "weights", "moments", "averages" (of
 * the weight `part`), "matrices" (Muon's scratch), "teaching OUTPUT" (turns: of these the largest
 * counts; part: where in the graph it is most), "inputs" of "encoder ROLE", "targets", "pool". No
 * weight is read. needs.c */
typedef void trainer_need_fn(void *user, const char *what, const char *part, uint64_t bytes,
                             bool turns);
void trainer_needs(const omn_trainer *t, uint32_t threads, trainer_need_fn *fn, void *user);

#endif
