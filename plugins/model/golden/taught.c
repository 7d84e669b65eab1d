/* SPDX-License-Identifier: Apache-2.0 */
/* Logits and losses by the names that hosts look for (omn_model_impl, kinds.h), and models that
 * answer with one of some classes as if they wrote: encode leaves the scores of all, a step reads
 * them as logits of a vocabulary of which one id is said. */
#include "taught.h"

#include <omnio/learn.h>

void taught_logits(omn_scope *s, const omn_target *t, omn_node *logits, omn_bundle *out)
{
    char name[96];
    omn_format(name, sizeof name, "logits.%s", omn_part_role(t->part));
    omn_bundle_put(out, s, name, logits);
}

static omn_node *lose(omn_scope *s, const omn_target *t, omn_node *logits, const omn_ce *how,
                      omn_bundle *out)
{
    const char *role = omn_part_role(t->part);
    omn_node *each = NULL;
    char name[96];
    omn_node *loss = omn_cross_entropy(s, logits, t->labels, t->weight, how, &each);
    omn_format(name, sizeof name, "loss.%s", role);
    omn_bundle_put(out, s, name, loss);
    omn_format(name, sizeof name, "nll.%s", role);
    omn_bundle_put(out, s, name, each);
    return loss;
}

omn_node *taught_put(omn_scope *s, const omn_build *rq, const omn_target *t, omn_node *logits,
                     double z_loss, omn_bundle *out)
{
    const omn_ce usual = { OMN_FILL(omn_ce), .z_loss = z_loss };
    taught_logits(s, t, logits, out);
    return t->labels ? lose(s, t, logits, rq->loss ? rq->loss : &usual, out) : NULL;
}

void taught_sum(omn_scope *s, const omn_build *rq, const omn_part *objective, omn_bundle *out)
{
    const void *impl = NULL, *self = NULL;
    omn_node *sum = NULL;
    if (!rq->n_targets || !rq->targets[0]->labels) return;
    for (uint32_t i = 0; rq->loss && i < rq->n_targets; i++) {
        const omn_target *t = rq->targets[i];
        char name[96];
        omn_format(name, sizeof name, "logits.%s", omn_part_role(t->part));
        omn_node *one = lose(s, t, omn_bundle_get(out, s, name), rq->loss, out);
        sum = sum ? omn_add(s, sum, one) : one;
    }
    if (!rq->loss) {
        self = objective ? omn_part_self(objective, "omnio.objective/1", &impl) : NULL;
        if (!impl) {
            omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "the model's objective is not installed");
            return;
        }
        sum = ((const omn_objective_impl *)impl)->loss(self, s, out, rq->targets, rq->n_targets,
                                                       out);
    }
    if (sum) omn_bundle_put(out, s, "loss", sum);
}

omn_node *taught_spread(omn_scope *s, omn_node *x, const omn_target *t)
{
    const omn_shape bt = omn_node_shape(t->ids);
    const int64_t C = omn_node_dim(x, -1);
    x = omn_reshape(s, x, omn_dim3(omn_node_dim(x, 0), 1, C));
    return omn_expand(s, x, omn_dim3(bt.dim[0], bt.dim[1], C));
}

void taught_keep(omn_scope *s, omn_node *x, omn_bundle *out)
{
    const int64_t C = omn_node_dim(x, -1);
    x = omn_reshape(s, x, omn_dim3(omn_node_dim(x, 0), 1, C));
    x = omn_state_write(s, omn_state_at(s, "class_scores", OMN_F32, omn_node_shape(x)), x);
    omn_bundle_put(out, s, "memory", x);
}

omn_node *taught_kept(omn_scope *s, const omn_build *rq, int64_t C)
{
    omn_node *x = omn_state_read(s, omn_state_at(s, "class_scores", OMN_F32,
                                                 omn_dim3(rq->memory_rows, 1, C)));
    x = omn_gather(s, x, omn_reshape(s, rq->memory_row, omn_dim2(rq->rows, 1)));
    return taught_spread(s, x, rq->targets[0]);
}
