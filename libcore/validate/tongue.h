/* SPDX-License-Identifier: Apache-2.0 */
/* A vocabulary out of nothing, for what is opened beside a model: a decoder of text with its
 * tokenizer, ranges of places and codes, and the codecs of values that can be found. Not
 * installed. */
#ifndef LIBCORE_VALIDATE_TONGUE_H
#define LIBCORE_VALIDATE_TONGUE_H

#include "inside.h"

typedef struct tongue tongue;
/* Pieces and places of ids follow from the dice. places: of the range "location"; codecs: those of
 * values are looked for. OMN_ERR_MEMORY. */
omn_status tongue_new(dice *d, omn_context *ctx, omn_call *c, int32_t places, bool codecs,
                      tongue **out, omn_error *err);
void tongue_free(tongue *t);
/* Borrowed: parts, but no graphs. */
omn_model *tongue_model(tongue *t);
const omn_part *tongue_decoder(const tongue *t); /* role "text" */

#endif
