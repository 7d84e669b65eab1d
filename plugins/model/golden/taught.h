/* SPDX-License-Identifier: Apache-2.0 */
/* What the families put out of one target, alike in all of them; answers that are classes. */
#ifndef TAUGHT_H
#define TAUGHT_H

#include <omnio/kinds.h>

/* "logits.ROLE" and, where it has labels, "loss.ROLE" and "nll.ROLE" by the cross-entropy that the
 * host asks for, or with z_loss where it asks for none. Returns the loss, NULL without labels.
 * [build] */
omn_node *taught_put(omn_scope *s, const omn_build *rq, const omn_target *t, omn_node *logits,
                     double z_loss, omn_bundle *out);

/* "logits.ROLE" alone; the losses of all targets then come of taught_sum: with labels, and where
 * the host says how it counts, "loss.ROLE" and "nll.ROLE" of each and their sum "loss"; else what
 * the objective makes of them, which the model was opened with. NULL, or one that is not installed,
 * fails the scope. [build] */
void taught_logits(omn_scope *s, const omn_target *t, omn_node *logits, omn_bundle *out);
void taught_sum(omn_scope *s, const omn_build *rq, const omn_part *objective, omn_bundle *out);

/* Scores [B,C] of classes as logits [B,T,C] of every place of a target. */
omn_node *taught_spread(omn_scope *s, omn_node *x, const omn_target *t);
/* ENCODE of a model that answers with a class: leaves the scores [B,C] and puts out "memory". s is
 * the root. STEP: what was left, as logits of its target. */
void taught_keep(omn_scope *s, omn_node *x, omn_bundle *out);
omn_node *taught_kept(omn_scope *s, const omn_build *rq, int64_t C);

#endif
