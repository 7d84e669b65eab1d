/* SPDX-License-Identifier: Apache-2.0 */
/* Logits and losses by the names that hosts look for (omn_model_impl, kinds.h). */
#include "taught.h"

omn_node *taught_put(omn_scope *s, const omn_build *rq, const omn_target *t, omn_node *logits,
                     double z_loss, omn_bundle *out)
{
    const omn_ce usual = { OMN_FILL(omn_ce), .z_loss = z_loss };
    const char *role = omn_part_role(t->part);
    omn_node *each = NULL;
    char name[96];
    omn_format(name, sizeof name, "logits.%s", role);
    omn_bundle_put(out, s, name, logits);
    if (!t->labels) return NULL;
    omn_node *loss = omn_cross_entropy(s, logits, t->labels, t->weight,
                                       rq->loss ? rq->loss : &usual, &each);
    omn_format(name, sizeof name, "loss.%s", role);
    omn_bundle_put(out, s, name, loss);
    omn_format(name, sizeof name, "nll.%s", role);
    omn_bundle_put(out, s, name, each);
    return loss;
}
