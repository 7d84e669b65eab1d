/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks that take parts out of a text and want them back. Not installed. */
#ifndef OMNIO_PIPELINE_CORRUPT_H
#define OMNIO_PIPELINE_CORRUPT_H

#include "recipe.h"

/* The key "denoise" of a task; NULL: it has none. */
omn_status corrupt_read(omn_recipe *r, recipe_task *t, const yml *y, omn_error *err);
/* What the teacher's model has for it: sentinels, prefixes. Before the first lesson. */
omn_status corrupt_prove(omn_recipe *r, recipe_task *t, omn_error *err);
/* A lesson whose answer is the whole text becomes one that sees some of it and wants the rest.
 * number: of the lesson among all, so that it is the same again. */
omn_status corrupt_lesson(const omn_recipe *r, const recipe_task *t, uint64_t number,
                          omn_pipeline_taught *l, omn_error *err);

#endif
