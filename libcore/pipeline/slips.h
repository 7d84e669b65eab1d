/* SPDX-License-Identifier: Apache-2.0 */
/* Wrong ids among what a lesson says was said already. Not installed. */
#ifndef OMNIO_PIPELINE_SLIPS_H
#define OMNIO_PIPELINE_SLIPS_H

#include "recipe.h"

/* The key "slips" of a task; NULL: it has none. */
omn_status slips_read(recipe_task *t, const yml *y, omn_error *err);
/* It sees something beside texts. Before the first lesson. */
omn_status slips_prove(const recipe_task *t, omn_error *err);
/* lesson: its number, which with the seed says where. */
omn_status slips_make(const omn_recipe *r, const recipe_task *t, uint64_t lesson,
                      omn_pipeline_taught *l, omn_error *err);

#endif
