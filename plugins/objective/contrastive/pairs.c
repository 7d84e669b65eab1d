/* SPDX-License-Identifier: Apache-2.0 */
/* objective/pairs: what a model is taught by pairs of a picture and a text, as a weighted sum of
 * what it puts out. Both as vectors: each finds its other half (InfoNCE). "logits.match" with
 * "labels.match": does a text belong to a picture (Li et al. 2021). "logits.caption" with
 * "labels.caption" and "weight.caption": the words of the text, one by one (Yu et al. 2022). What a
 * model does not put out has no term; where something is asked of it, cross-entropy of the answers
 * counts as captions do. */
#include "contrastive.h"

#include <stdlib.h>

static omn_status open_loss(omn_call *c, const void *params, omn_open *o, void **self,
                            omn_error *err)
{
    (void)c;
    (void)o;
    struct pairs *p = malloc(sizeof *p);
    if (!p) return omn_fail(err, OMN_ERR_MEMORY, "pairs: out of memory");
    *p = *(const struct pairs *)params;
    *self = p;
    return OMN_OK;
}

/* sum + weight * x; NULL is 0. */
static omn_node *join(omn_scope *s, omn_node *sum, omn_node *x, double weight)
{
    if (!x || weight == 0) return sum;
    x = weight == 1 ? x : omn_scale(s, x, weight, 0);
    return sum ? omn_add(s, sum, x) : x;
}

/* Cross-entropy of "logits.WHAT"; places without "weight.WHAT" all count. NULL: not put out. */
static omn_node *of_output(omn_scope *s, const omn_bundle *outputs, const char *what,
                           omn_bundle *out)
{
    const omn_ce how = { OMN_FILL(omn_ce) };
    char name[64];
    omn_node *each = NULL;
    omn_format(name, sizeof name, "logits.%s", what);
    omn_node *logits = omn_bundle_find(outputs, name);
    omn_format(name, sizeof name, "labels.%s", what);
    omn_node *labels = omn_bundle_find(outputs, name);
    omn_format(name, sizeof name, "weight.%s", what);
    omn_node *weight = omn_bundle_find(outputs, name);
    if (!logits || !labels) return NULL;
    if (!weight) {
        omn_node *zero = omn_scale(s, omn_cast(s, labels, OMN_F32), 0, 0);
        weight = omn_scale(s, zero, 1, 1);
    }
    omn_node *loss = omn_cross_entropy(s, logits, labels, weight, &how, &each);
    omn_format(name, sizeof name, "loss.%s", what);
    omn_bundle_put(out, s, name, loss);
    return loss;
}

/* Of the answers that were asked for. */
static omn_node *of_target(omn_scope *s, const omn_bundle *outputs, const omn_target *t,
                           omn_bundle *out)
{
    const omn_ce how = { OMN_FILL(omn_ce) };
    const char *role = omn_part_role(t->part);
    char name[96];
    omn_node *each = NULL;
    if (!t->labels) return NULL;
    omn_format(name, sizeof name, "logits.%s", role);
    omn_node *logits = omn_bundle_get(outputs, s, name);
    omn_node *loss = omn_cross_entropy(s, logits, t->labels, t->weight, &how, &each);
    omn_format(name, sizeof name, "loss.%s", role);
    omn_bundle_put(out, s, name, loss);
    omn_format(name, sizeof name, "nll.%s", role);
    omn_bundle_put(out, s, name, each);
    return loss;
}

static omn_node *loss(const void *self, omn_scope *s, const omn_bundle *outputs,
                      const omn_target *const *targets, uint32_t n_targets, omn_bundle *out)
{
    const struct pairs *p = self;
    const bool vectors = omn_bundle_find(outputs, "embedding.image") ||
                         omn_bundle_find(outputs, "embedding.text");
    omn_node *sum = NULL;
    if (n_targets) {
        for (uint32_t i = 0; i < n_targets; i++)
            sum = join(s, sum, of_target(s, outputs, targets[i], out), p->caption);
    } else {
        if (vectors && p->contrastive > 0)
            sum = join(s, sum, contrastive_loss(s, outputs, "embedding.image", "embedding.text",
                                                "logit_scale"), p->contrastive);
        sum = join(s, sum, of_output(s, outputs, "match", out), p->match);
        sum = join(s, sum, of_output(s, outputs, "caption", out), p->caption);
    }
    if (sum) return sum;
    return omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "pairs: the model puts out nothing of what is "
                          "learnt from pairs, or all of it weighs 0");
}

const omn_objective_impl pairs_impl = { NULL, open_loss, free, loss };
