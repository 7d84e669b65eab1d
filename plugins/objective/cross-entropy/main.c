/* SPDX-License-Identifier: Apache-2.0 */
/* objective/cross-entropy: the next token, as models of language learn it: with the z term that
 * holds the sum of the outputs near 1 (Chowdhery et al. 2022), smoothed labels (Szegedy 2016)
 * and labels of places that spread over their neighbours, for a box that is one bin off is a small
 * error. Several targets add up. */
#include <omnio/learn.h>

#include <stdio.h>
#include <stdlib.h>

#define CROSS_ENTROPY(PAR, S)                                                                      \
    PAR(S, double, z, "1e-4", "0..1", NULL, "holds the sum of the outputs near 1")                 \
    PAR(S, double, smoothing, "0", "0..0.999", NULL, "share of a label that all ids get")          \
    PAR(S, double, soft_location, "0", "0..1000", "bins",                                          \
        "labels of places spread over their neighbours; 0: they do not")
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
        omn_node *one = omn_cross_entropy(s, logits, t->labels, t->weight, &ce, &each);
        snprintf(name, sizeof name, "loss.%s", role);
        omn_bundle_put(out, s, name, one);
        snprintf(name, sizeof name, "nll.%s", role);
        omn_bundle_put(out, s, name, each);
        sum = sum ? omn_add(s, sum, one) : one;
    }
    return sum;
}

static const omn_objective_impl impl = { NULL, open_ce, free, loss };
static const omn_object objects[] = {
    { "omnio.objective/1", "cross-entropy", "how unlikely the wanted tokens are", &impl,
      OMN_OBJECT_PARAMS(cross_entropy) },
};
OMN_PLUGIN("objective-cross-entropy", "0.1.0", "Apache-2.0", "the next token as objective",
           objects);
