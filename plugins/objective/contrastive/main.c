/* SPDX-License-Identifier: Apache-2.0 */
/* objective/contrastive: InfoNCE (van den Oord et al. 2018) as CLIP has it: of a batch of pairs
 * each half has to find its other half among all. The scores are products of vectors of length 1,
 * times a learned factor that is at most 100; the loss is the mean of both ways. A row of the batch
 * is a pair, so the rows are not independent of each other. */
#include "contrastive.h"

#include <math.h>
#include <stdlib.h>

#define CONTRASTIVE(PAR, S)                                                                        \
    PAR(S, string, first, "embedding.image", NULL, NULL, "output with one half of each pair")      \
    PAR(S, string, second, "embedding.text", NULL, NULL, "output with the other half")             \
    PAR(S, string, factor, "logit_scale", NULL, NULL,                                              \
        "output with the logarithm of the factor of scores")
OMN_PARAMS(contrastive, CONTRASTIVE);
static const omn_param pairs_params[] = { PAIRS(OMN_S_ROW, pairs) };

static omn_status open_loss(omn_call *c, const void *params, omn_open *o, void **self,
                            omn_error *err)
{
    (void)c;
    (void)o;
    struct contrastive *p = malloc(sizeof *p);
    if (!p) return omn_fail(err, OMN_ERR_MEMORY, "contrastive: out of memory");
    *p = *(const struct contrastive *)params;
    *self = p;
    return OMN_OK;
}

/* exp(min(x, ln 100)) */
static omn_node *factor(omn_scope *s, omn_node *x)
{
    const double most = log(100);
    omn_node *below = omn_activate(s, omn_scale(s, x, -1, most), OMN_ACT_RELU);
    return omn_activate(s, omn_scale(s, below, -1, most), OMN_ACT_EXP);
}

/* How unlikely the diagonal of scores [B,B] is, row by row. */
static omn_node *diagonal(omn_scope *s, omn_node *scores)
{
    const int64_t B = omn_node_dim(scores, 0);
    const omn_ce how = { OMN_FILL(omn_ce) };
    int32_t *label = omn_arena_alloc(omn_scope_arena(s), (size_t)B, sizeof *label);
    float *weight = omn_arena_alloc(omn_scope_arena(s), (size_t)B, sizeof *weight);
    omn_node *each = NULL;
    if (!label || !weight)
        return omn_scope_fail(s, OMN_ERR_MEMORY, "contrastive: out of memory");
    for (int64_t i = 0; i < B; i++) {
        label[i] = (int32_t)i;
        weight[i] = 1;
    }
    return omn_cross_entropy(s, scores, omn_const(s, OMN_I32, omn_dim1(B), label),
                             omn_const(s, OMN_F32, omn_dim1(B), weight), &how, &each);
}

omn_node *contrastive_loss(omn_scope *s, const omn_bundle *outputs, const char *first,
                           const char *second, const char *scale_of)
{
    static const int turned[] = { 1, 0 };
    omn_node *a = omn_bundle_find(outputs, first), *b = omn_bundle_find(outputs, second);
    omn_node *scale = omn_bundle_find(outputs, scale_of);
    if (!a || !b || !scale)
        return omn_scope_fail(s, OMN_ERR_UNSUPPORTED,
                              "contrastive: the model has no output \"%s\"; pairs of \"%s\" and "
                              "\"%s\" with the factor \"%s\" are wanted",
                              !a ? first : !b ? second : scale_of, first, second, scale_of);
    if (omn_node_dim(a, 0) != omn_node_dim(b, 0) || omn_node_dim(a, -1) != omn_node_dim(b, -1))
        return omn_scope_fail(s, OMN_ERR_SHAPE,
                              "contrastive: \"%s\" and \"%s\" are no halves of pairs", first,
                              second);
    omn_node *scores = omn_mul(s, omn_matmul(s, a, b, false, true, 1), factor(s, scale));
    omn_node_tag(s, scores, "contrastive.scores");
    return omn_scale(s, omn_add(s, diagonal(s, scores),
                                diagonal(s, omn_permute(s, scores, turned))), 0.5, 0);
}

static omn_node *loss(const void *self, omn_scope *s, const omn_bundle *outputs,
                      const omn_target *const *targets, uint32_t n_targets, omn_bundle *out)
{
    const struct contrastive *p = self;
    (void)targets;
    (void)n_targets;
    (void)out;
    return contrastive_loss(s, outputs, p->first, p->second, p->factor);
}

static const omn_objective_impl impl = { NULL, open_loss, free, loss };
static const omn_object objects[] = {
    { "omnio.objective/1", "contrastive", "each half of a pair finds the other in the batch", &impl,
      OMN_OBJECT_PARAMS(contrastive) },
    { "omnio.objective/1", "pairs", "pictures and texts: finding each other, belonging together, "
      "captions", &pairs_impl, OMN_OBJECT_PARAMS(pairs) },
};
OMN_PLUGIN("objective-contrastive", "0.1.0", "Apache-2.0", "InfoNCE over pairs as objective",
           objects);
