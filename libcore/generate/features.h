/* SPDX-License-Identifier: Apache-2.0 */
/* What encoders make of inputs, kept by content: the second question about a picture finds its
 * vectors. Not installed. */
#ifndef OMNIO_GENERATE_FEATURES_H
#define OMNIO_GENERATE_FEATURES_H

#include "open.h"

typedef struct features features;

/* As the model's context says (omn_context_setup.keep_memory and so on). *out NULL: nothing is
 * kept. [setup] */
omn_status features_new(const omn_model *m, features **out, omn_error *err);
/* Tells the log what was found. */
void features_free(const omn_model *m, features *f);
/* The most bytes in memory that a model keeps; it may be without weights. */
uint64_t features_most(const omn_model *m);

/* May the vectors of this input be kept? */
bool features_keep(const omn_model *m, const omn_part *encoder);
/* The vectors of n rows as "ROLE.made" [n, L, D] into `in`, where the rows' ports are stacked as
 * the graph of their model wants them: those that are kept, the others by one run of the encoder on
 * x. number: which input of its role. Several threads may ask one model at once, each with an x of
 * its own. [run] */
omn_status features_add(omn_model *m, omn_exec *x, omn_call *c, const omn_part *encoder,
                        uint32_t number, int64_t length, size_t n, omn_feed *in, omn_error *err);

#endif
