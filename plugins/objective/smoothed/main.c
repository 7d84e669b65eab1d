/* SPDX-License-Identifier: Apache-2.0 */
/* objective/smoothed: how far the outputs are from a softened label, as a divergence (Kullback and
 * Leibler 1951): with q = 1 - smoothing for what is wanted and smoothing / (V - 1) for each other
 * id, a place costs sum q (ln q - ln p), which is 0 for outputs that are just so; or as the
 * cross-entropy alone, sum -q ln p, as fairseq counts. Only the share
 * `keep` of the places that cost least may count: what costs most is often labelled wrong (BEiT-3
 * drops a fifth of the hidden words after its first 12000 steps). Several targets add up. */
#include "smoothed.h"

#include <omnio/learn.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define SMOOTHED(PAR, S)                                                                         \
    PAR(S, double, smoothing, "0.1", "0..0.999", NULL, "share of a label that all other ids get") \
    PAR(S, double, keep, "1", "0..1", NULL, "share of the places that count, the cheapest ones") \
    PAR(S, choice, as, "divergence", "divergence|entropy", NULL,                                 \
        "what a place costs: 0 where it is just so, or the cross-entropy")                       \
    PAR(S, string, among, "", NULL, NULL,                                                        \
        "the ids that there are, rising ranges of them: \"0..3,50265..58456\"; \"\": all")
OMN_PARAMS(smoothed, SMOOTHED);

enum { DIVERGENCE, ENTROPY };

typedef struct objective {
    struct smoothed p;
    smoothed_ids ids;
} objective;

static omn_status open_loss(omn_call *c, const void *params, omn_open *o, void **self,
                            omn_error *err)
{
    (void)c;
    (void)o;
    objective *b = malloc(sizeof *b);
    if (!b) return omn_fail(err, OMN_ERR_MEMORY, "smoothed: out of memory");
    b->p = *(const struct smoothed *)params;
    *self = b;
    return smoothed_read_ids(b->p.among, &b->ids, err);
}

/* sum q ln q */
static double own_entropy(double smoothing, int64_t V)
{
    const double right = 1 - smoothing, other = V > 1 ? smoothing / (double)(V - 1) : 0;
    return (right > 0 ? right * log(right) : 0) +
           (other > 0 ? (double)(V - 1) * other * log(other) : 0);
}

/* 1 where anything counts, for a factor of the constant. */
static omn_node *any(omn_scope *s, omn_node *weight)
{
    const omn_shape bt = omn_node_shape(weight);
    omn_node *sum = omn_sum(s, omn_reshape(s, weight, omn_dim1(bt.dim[0] * bt.dim[1])), 1, true,
                            false);
    /* weights of a whole batch are divided by at least 1, so the constant is too */
    omn_node *below = omn_activate(s, omn_scale(s, sum, -1, 1), OMN_ACT_RELU);
    return omn_scale(s, below, -1, 1);
}

static omn_node *one(const objective *b, omn_scope *s, const omn_bundle *outputs,
                     const omn_target *t, omn_bundle *out)
{
    const struct smoothed *p = &b->p;
    const char *role = omn_part_role(t->part);
    char name[96];
    snprintf(name, sizeof name, "logits.%s", role);
    omn_node *weight = t->weight, *labels = t->labels, *each = NULL;
    omn_node *logits = smoothed_among(s, &b->ids, omn_bundle_get(outputs, s, name), &labels);
    const int64_t V = omn_node_dim(logits, -1);
    /* the op mixes with 1/V, the right id included */
    const omn_ce ce = { OMN_FILL(omn_ce),
                        .smoothing = V > 1 ? p->smoothing * (double)V / (double)(V - 1) : 0 };
    const double constant = p->as == ENTROPY ? 0 : own_entropy(p->smoothing, V);
    if (ce.smoothing >= 1)
        return omn_scope_fail(s, OMN_ERR_ARGUMENT,
                              "smoothed: smoothing %g leaves nothing of one of %lld ids",
                              p->smoothing, (long long)V);
    omn_node *loss = omn_cross_entropy(s, logits, labels, weight, &ce, &each);
    if (p->keep < 1) {
        omn_node *in[2] = { each, weight };
        char share[32];
        omn_format(share, sizeof share, "%.17g", p->keep);
        const omn_setting set = { .name = "share", .text = share };
        weight = omn_op(s, "keep.cheapest", in, 2, &set, 1, NULL, 0);
        loss = omn_cross_entropy(s, logits, labels, weight, &ce, NULL);
    }
    if (p->as != ENTROPY) loss = omn_add(s, loss, omn_scale(s, any(s, weight), constant, 0));
    snprintf(name, sizeof name, "loss.%s", role);
    omn_bundle_put(out, s, name, loss);
    snprintf(name, sizeof name, "nll.%s", role);
    omn_bundle_put(out, s, name, omn_scale(s, each, 1, constant));
    return loss;
}

static omn_node *loss(const void *self, omn_scope *s, const omn_bundle *outputs,
                      const omn_target *const *targets, uint32_t n_targets, omn_bundle *out)
{
    omn_node *sum = NULL;
    for (uint32_t i = 0; i < n_targets; i++) {
        omn_node *x = one(self, s, outputs, targets[i], out);
        sum = sum ? omn_add(s, sum, x) : x;
    }
    return sum;
}

static const omn_objective_impl impl = { NULL, open_loss, free, loss };
static const omn_object objects[] = {
    { "omnio.objective/1", "smoothed", "how far from softened labels, perhaps without the worst",
      &impl, OMN_OBJECT_PARAMS(smoothed) },
    { "omnio.op/1", "keep.cheapest", "weights of the places that cost least, the others' are 0",
      &smoothed_keep, smoothed_keep_params, 1, sizeof(struct smoothed_keep_set) },
};
OMN_PLUGIN("objective-smoothed", "0.1.0", "Apache-2.0", "softened labels as objective", objects);
