/* SPDX-License-Identifier: Apache-2.0 */
/* objective/cross-entropy: the next token, as models of language learn it: with the z term that
 * holds the sum of the outputs near 1 (Chowdhery et al. 2022), smoothed labels (Szegedy 2016)
 * and labels of places that spread over their neighbours, for a box that is one bin off is a small
 * error. Several targets add up. */
#include <omnio/learn.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CROSS_ENTROPY(PAR, S)                                                                      \
    PAR(S, double, z, "1e-4", "0..1", NULL, "holds the sum of the outputs near 1")                 \
    PAR(S, double, smoothing, "0", "0..0.999", NULL, "share of a label that all ids get")          \
    PAR(S, double, soft_location, "0", "0..1000", "bins",                                          \
        "labels of places spread over their neighbours; 0: they do not")                           \
    PAR(S, choice, per, "token", "token|answer", NULL,                                             \
        "what counts the same: each token, or each answer, however long it is")
OMN_PARAMS(cross_entropy, CROSS_ENTROPY);

static omn_status open_ce(omn_call *c, const void *params, omn_open *o, void **self, omn_error *err)
{
    (void)c;
    (void)o;
    struct cross_entropy *p = malloc(sizeof *p);
    if (!p) return omn_fail(err, OMN_ERR_MEMORY, "cross-entropy: out of memory");
    *p = *(const struct cross_entropy *)params;
    *self = p;
    return OMN_OK;
}

/* Are the target's ids codes that a graph makes of values? None of them is a place. */
static bool are_codes(const omn_target *t)
{
    const void *impl = NULL;
    (void)omn_part_self(t->part, "omnio.decoder/1", &impl);
    return impl && ((const omn_decoder_impl *)impl)->tokenize;
}

/* The ids over which the labels of this target spread. */
static bool soften(const struct cross_entropy *p, omn_scope *s, const omn_target *t, omn_ce *ce)
{
    if (!(p->soft_location > 0)) return true;
    const omn_range *r = omn_vocab_range(omn_part_vocabulary(t->part), "location");
    if (!r && are_codes(t)) return true;
    if (!r || r->count < 1) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED,
                       "the model has no words for places, so soft_location means nothing");
        return false;
    }
    ce->soft_sigma = p->soft_location;
    ce->soft_first = r->step < 0 ? r->first - (r->count - 1) : r->first;
    ce->soft_count = r->count;
    return true;
}

/* 1 where two numbers of a row are equal: [B,T,1] and [B,1,T] to [B,T,T]. */
static omn_node *equal(omn_scope *s, omn_node *of)
{
    const int64_t B = omn_node_dim(of, 0), T = omn_node_dim(of, 1);
    omn_node *x = omn_cast(s, of, OMN_F32);
    omn_node *y = omn_scale(s, omn_reshape(s, x, omn_dim3(B, 1, T)), -1, 0);
    x = omn_activate(s, omn_add(s, omn_reshape(s, x, omn_dim3(B, T, 1)), y), OMN_ACT_SQUARE);
    return omn_activate(s, omn_scale(s, x, -1, 1), OMN_ACT_RELU);
}

/* 1 / x for numbers above 0. */
static omn_node *inverse(omn_scope *s, omn_node *x)
{
    return omn_activate(s, omn_activate(s, x, OMN_ACT_RSQRT), OMN_ACT_SQUARE);
}

/* Weights of which each answer has as many as it is worth, whatever its length, and all together
 * are divided by how many answers there are: so the sum of losses is a mean over answers. An answer
 * is the tokens of one row and part that weigh anything. */
static omn_node *shared(omn_scope *s, const omn_target *t)
{
    const int64_t B = omn_node_dim(t->weight, 0), T = omn_node_dim(t->weight, 1);
    omn_node *large = omn_scale(s, t->weight, 1e6, 0);       /* 1 is the most */
    omn_node *over = omn_activate(s, omn_scale(s, large, 1, -1), OMN_ACT_RELU);
    omn_node *counts = omn_add(s, large, omn_scale(s, over, -1, 0));
    omn_node *same = equal(s, t->seg);
    if (t->part_of) same = omn_mul(s, same, equal(s, t->part_of));
    omn_node *n = omn_sum(s, omn_mul(s, same, omn_reshape(s, counts, omn_dim3(B, 1, T))), 1u << 2,
                          false, false);
    /* at least 1: where nothing counts nothing is divided */
    n = omn_add(s, n, omn_activate(s, omn_scale(s, n, -1, 1), OMN_ACT_RELU));
    omn_node *share = inverse(s, n);
    omn_node *answers = omn_sum(s, omn_mul(s, counts, share), 3, true, false);
    answers = omn_add(s, answers, omn_activate(s, omn_scale(s, answers, -1, 1), OMN_ACT_RELU));
    return omn_mul(s, omn_mul(s, t->weight, share), inverse(s, answers));
}

static omn_node *loss(const void *self, omn_scope *s, const omn_bundle *outputs,
                      const omn_target *const *targets, uint32_t n_targets, omn_bundle *out)
{
    const struct cross_entropy *p = self;
    omn_node *sum = NULL;
    for (uint32_t i = 0; i < n_targets; i++) {
        const omn_target *t = targets[i];
        const char *role = omn_part_role(t->part);
        char name[96];
        omn_ce ce = { OMN_FILL(omn_ce), .z_loss = p->z, .smoothing = p->smoothing };
        omn_node *each = NULL;
        if (!soften(p, s, t, &ce)) return NULL;
        snprintf(name, sizeof name, "logits.%s", role);
        omn_node *logits = omn_bundle_get(outputs, s, name);
        omn_node *weight = p->per ? shared(s, t) : t->weight;
        omn_node *one = omn_cross_entropy(s, logits, t->labels, weight, &ce, &each);
        snprintf(name, sizeof name, "loss.%s", role);
        omn_bundle_put(out, s, name, one);
        snprintf(name, sizeof name, "nll.%s", role);
        omn_bundle_put(out, s, name, each);
        sum = sum ? omn_add(s, sum, one) : one;
    }
    return sum;
}

static bool additive(const void *self)
{
    return ((const struct cross_entropy *)self)->per == 0;
}

static const void *extension(const char *id)
{
    static const omn_additive_impl sums = { additive };
    return strcmp(id, "omnio.additive/1") ? NULL : &sums;
}

static const omn_objective_impl impl = { extension, open_ce, free, loss };
static const omn_object objects[] = {
    { "omnio.objective/1", "cross-entropy", "how unlikely the wanted tokens are", &impl,
      OMN_OBJECT_PARAMS(cross_entropy) },
};
OMN_PLUGIN("objective-cross-entropy", "0.1.0", "Apache-2.0", "the next token as objective",
           objects);
