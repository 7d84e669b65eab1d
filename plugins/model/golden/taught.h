/* SPDX-License-Identifier: Apache-2.0 */
/* What the families put out of one target, alike in all of them. */
#ifndef TAUGHT_H
#define TAUGHT_H

#include <omnio/kinds.h>

/* "logits.ROLE" and, where it has labels, "loss.ROLE" and "nll.ROLE" by the cross-entropy that the
 * host asks for, or with z_loss where it asks for none. Returns the loss, NULL without labels.
 * [build] */
omn_node *taught_put(omn_scope *s, const omn_build *rq, const omn_target *t, omn_node *logits,
                     double z_loss, omn_bundle *out);

#endif
