/* SPDX-License-Identifier: Apache-2.0 */
/* Logits and losses. What a task lowers is an object of its own (omnio.objective/1), opened with
 * the model, so that a recipe names the same. */
#include "beit3.h"

#include <omnio/learn.h>

#include <stdio.h>

void beit3_logits(omn_scope *s, const omn_target *t, omn_node *logits, omn_bundle *out)
{
    char name[96];
    snprintf(name, sizeof name, "logits.%s", omn_part_role(t->part));
    omn_bundle_put(out, s, name, logits);
}

/* Cross-entropy as the caller counts it. */
static omn_node *counted(omn_scope *s, const omn_build *rq, const omn_target *t, omn_bundle *out)
{
    const char *role = omn_part_role(t->part);
    char name[96];
    omn_node *each = NULL;
    snprintf(name, sizeof name, "logits.%s", role);
    omn_node *loss = omn_cross_entropy(s, omn_bundle_get(out, s, name), t->labels, t->weight,
                                       rq->loss, &each);
    snprintf(name, sizeof name, "loss.%s", role);
    omn_bundle_put(out, s, name, loss);
    snprintf(name, sizeof name, "nll.%s", role);
    omn_bundle_put(out, s, name, each);
    return loss;
}

void beit3_losses(const beit3 *b, omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    omn_scope *top = omn_scope_at(s, "/");
    const void *impl = NULL, *self = NULL;
    omn_node *sum = NULL;
    if (!rq->n_targets || !rq->targets[0]->labels) return;
    for (uint32_t i = 0; rq->loss && i < rq->n_targets; i++) {
        omn_node *one = counted(top, rq, rq->targets[i], out);
        sum = sum ? omn_add(top, sum, one) : one;
    }
    if (!rq->loss) {
        self = b->loss ? omn_part_self(b->loss, "omnio.objective/1", &impl) : NULL;
        if (!impl) {
            omn_scope_fail(s, OMN_ERR_UNSUPPORTED,
                           "beit3: the objective of its task is not installed");
            return;
        }
        sum = ((const omn_objective_impl *)impl)->loss(self, top, out, rq->targets,
                                                       rq->n_targets, out);
    }
    if (sum) omn_bundle_put(out, s, "loss", sum);
}
