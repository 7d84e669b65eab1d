/* SPDX-License-Identifier: Apache-2.0 */
/* objective/reconstruction: a picture comes back through the codes of a model. Means over all
 * pixels of the distance, of its square, and of the distance of neighbours' differences, both ways,
 * which is that of edges; and how far vectors lie off the entries that stand for them. */
#include "reconstruction.h"

#include <stdlib.h>

#define RECONSTRUCTION(PAR, S)                                                                     \
    PAR(S, double, absolute, "1", "0..1e6", NULL, "weight of the distance of pixels")              \
    PAR(S, double, square, "1", "0..1e6", NULL, "weight of its square")                            \
    PAR(S, double, edges, "1", "0..1e6", NULL, "weight of the differences of neighbours")        \
    PAR(S, double, commit, "0.25", "0..1e6", NULL,                                                 \
        "weight of the square of what vectors lie off their entries")                              \
    PAR(S, string, wanted, "wanted.image", NULL, NULL, "output with the pixels [B,H,W,C]")         \
    PAR(S, string, made, "made.image", NULL, NULL, "output with those that came back")             \
    PAR(S, string, off, "off.image", NULL, NULL, "output with what vectors lie off; may be missing")
OMN_PARAMS(reconstruction, RECONSTRUCTION);
static const omn_param laplace_params[] = { LAPLACE(OMN_S_ROW, laplace) };

static omn_status open_loss(omn_call *c, const void *params, omn_open *o, void **self,
                            omn_error *err)
{
    (void)c;
    (void)o;
    struct reconstruction *p = malloc(sizeof *p);
    if (!p) return omn_fail(err, OMN_ERR_MEMORY, "reconstruction: out of memory");
    *p = *(const struct reconstruction *)params;
    *self = p;
    return OMN_OK;
}

/* The mean over all elements, [1]. */
static omn_node *mean(omn_scope *s, omn_node *x, omn_act act)
{
    x = omn_activate(s, x, act);
    uint32_t axes = 0;
    for (uint32_t i = 0; i < omn_node_shape(x).rank; i++) axes |= 1u << i;
    return omn_reshape(s, omn_sum(s, x, axes, false, true), omn_dim1(1));
}

/* What each place differs from the one before it along an axis. */
static omn_node *difference(omn_scope *s, omn_node *x, int axis)
{
    const int64_t n = omn_node_dim(x, axis) - 1;
    return omn_add(s, omn_slice(s, x, axis, 1, n),
                   omn_scale(s, omn_slice(s, x, axis, 0, n), -1, 0));
}

static omn_node *more(omn_scope *s, omn_node *sum, omn_node *x, double weight)
{
    x = omn_scale(s, x, weight, 0);
    return sum ? omn_add(s, sum, x) : x;
}

static omn_node *loss(const void *self, omn_scope *s, const omn_bundle *outputs,
                      const omn_target *const *targets, uint32_t n_targets, omn_bundle *out)
{
    const struct reconstruction *p = self;
    (void)targets;
    (void)n_targets;
    (void)out;
    omn_node *wanted = omn_bundle_find(outputs, p->wanted), *sum = NULL;
    omn_node *made = omn_bundle_find(outputs, p->made), *off = omn_bundle_find(outputs, p->off);
    if (!wanted || !made)
        return omn_scope_fail(s, OMN_ERR_UNSUPPORTED,
                              "reconstruction: the model has no output \"%s\"",
                              wanted ? p->made : p->wanted);
    const omn_shape a = omn_node_shape(wanted), b = omn_node_shape(made);
    if (a.rank != 4 || !omn_shape_equal(&a, &b) || a.dim[1] < 2 || a.dim[2] < 2)
        return omn_scope_fail(s, OMN_ERR_SHAPE,
                              "reconstruction: \"%s\" and \"%s\" are no pictures of one size, "
                              "of 2 x 2 pixels at least", p->wanted, p->made);
    omn_node *d = omn_add(s, made, omn_scale(s, wanted, -1, 0));
    sum = more(s, sum, mean(s, d, OMN_ACT_ABS), p->absolute);
    sum = more(s, sum, mean(s, d, OMN_ACT_SQUARE), p->square);
    sum = more(s, sum, mean(s, difference(s, d, 1), OMN_ACT_ABS), p->edges);
    sum = more(s, sum, mean(s, difference(s, d, 2), OMN_ACT_ABS), p->edges);
    if (off) sum = more(s, sum, mean(s, off, OMN_ACT_SQUARE), p->commit);
    return sum;
}

static const omn_objective_impl impl = { NULL, open_loss, free, loss };
static const omn_object objects[] = {
    { "omnio.objective/1", "reconstruction", "pictures come back through their codes", &impl,
      OMN_OBJECT_PARAMS(reconstruction) },
    { "omnio.objective/1", "logit-laplace",
      "a discrete VAE's: surprise of logit-Laplace distributions, and KL of the codes",
      &laplace_impl, OMN_OBJECT_PARAMS(laplace) },
};
OMN_PLUGIN("objective-reconstruction", "0.1.0", "Apache-2.0", "what comes back as objective",
           objects);
