/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks that take patches out of a picture or a sound and want its codes. Not installed. */
#ifndef OMNIO_PIPELINE_MASKED_H
#define OMNIO_PIPELINE_MASKED_H

#include "recipe.h"

/* The key "denoise" of a task that asks for codes; NULL: it has none. */
omn_status masked_read(omn_recipe *r, recipe_task *t, const yml *y, omn_error *err);
/* What the teacher's model has for it: a grid of patches, one of codes. Before the first lesson. */
omn_status masked_prove(omn_recipe *r, recipe_task *t, omn_error *err);
/* Role of the input that patches are taken from; NULL: of none. After masked_prove. */
const char *masked_role(const recipe_task *t);
/* May a lesson of it have ids that the model hides? */
bool masked_hides(const recipe_task *t);

/* What a lesson that was masked tells the trainer beside its inputs and ids. */
typedef struct masked_lesson {
    omn_hidden hidden;                    /* places of its input; n 0: none */
    const uint8_t *noised;                /* of its ids; NULL: none is hidden */
    bool found;                           /* only what was taken is learnt: not its end */
} masked_lesson;
/* A lesson about codes of a whole input becomes one that sees some of that input, or nothing of it.
 * page: its number, which with the seed says what is taken, so that all lessons of a page see the
 * same. What *out holds is of the arena. */
omn_status masked_make(const omn_recipe *r, const recipe_task *t, uint64_t page, omn_arena *a,
                       omn_pipeline_taught *l, masked_lesson *out, omn_error *err);

#endif
