/* SPDX-License-Identifier: Apache-2.0 */
/* Families that answer with one of a list of classes are asked as those that write: encode leaves
 * the scores of all classes, a step reads them as logits of a vocabulary of which one id is said.
 * A convenience library. */
#ifndef MODEL_CLASSES_H
#define MODEL_CLASSES_H

#include <omnio/kinds.h>

/* A decoder of role `role` with so many classes, of which an answer has `count`, named in `file`
 * beside the model, or by `names` with commas; the objective that it is taught by, NULL where its
 * plugin is not installed. [setup] */
const omn_part *classes_open(omn_open *o, const char *role, int64_t rows, int64_t count,
                             const char *file, const char *names);
const omn_part *classes_loss(omn_open *o, const char *object, const char *settings);

/* In a step the logits of what ENCODE left; true then, and nothing else is to be built. [build] */
bool classes_step(omn_scope *s, const omn_build *rq, int64_t classes, omn_bundle *out);
/* Scores x [B,C] as the phase wants them: "class.NAME", the memory, or logits with their losses by
 * the objective; NULL fails a graph with labels, unless the host counts by itself. [build] */
void classes_put(omn_scope *s, const omn_build *rq, const char *name, omn_node *x,
                 const omn_part *loss, omn_bundle *out);

#endif
