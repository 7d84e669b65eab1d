/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks of which not all that is wanted is known. Not installed. */
#ifndef OMNIO_PIPELINE_KNOWN_H
#define OMNIO_PIPELINE_KNOWN_H

#include "recipe.h"

/* The key "mask" of a task; NULL: it has none. */
omn_status known_read(recipe_task *t, const yml *y, omn_error *err);
/* The teacher makes codes of pictures, on a grid. Before the first lesson. */
omn_status known_prove(recipe_task *t, omn_error *err);
/* Codes of a lesson about whose place the example says nothing count nothing. item: as for
 * item_open; in: what that gave. OMN_ERR_DATA: nothing is known. */
omn_status known_apply(const example *e, const recipe_task *t, const omn_value *item,
                       const task_item *in, omn_pipeline_taught *l, omn_error *err);

/* Which pixels of a value say something, as a picture of its size that is white there: of a mask
 * labels above 0 and what is soft above 0.5, of depth and normals numbers, of a picture what is not
 * black. OMN_ERR_TYPE: another kind. *out: owned. */
omn_status known_picture(const omn_value *v, omn_image **out, omn_error *err);

#endif
