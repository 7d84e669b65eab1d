/* SPDX-License-Identifier: Apache-2.0 */
/* How much of its inputs a lesson shows, by chance. Not installed. */
#ifndef OMNIO_PIPELINE_SHOWN_H
#define OMNIO_PIPELINE_SHOWN_H

#include "recipe.h"

/* The keys "patches" and "budget" of a recipe. */
omn_status shown_read(omn_recipe *r, const yml *patches, const yml *budget, omn_error *err);
/* The key "chance" of a task; NULL: it has none. */
omn_status chance_read(recipe_task *t, const yml *y, omn_error *err);
/* It is of inputs that the pipeline has, and tasks that see the same things agree on it. */
omn_status chance_prove(const omn_recipe *r, const recipe_task *t, omn_error *err);
/* Leaves inputs of a lesson out, the same ones for all lessons of a page. */
omn_status chance_apply(const omn_recipe *r, const recipe_task *t, uint64_t page,
                        omn_pipeline_taught *l, omn_error *err);
/* Which of the tasks that teach about an example of the source a page has, drawn by weight;
 * r->n_tasks: none. For sources with "lessons: one". */
uint32_t shown_task(const omn_recipe *r, int source, uint32_t output, uint64_t page);

#endif
