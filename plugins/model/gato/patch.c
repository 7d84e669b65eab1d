/* SPDX-License-Identifier: Apache-2.0 */
/* A patch of 16 x 16 pixels as one vector: through a residual network with norms in front (He et
 * al. 2016) whose four halvings leave one place, or through one linear layer. Pixels are -1..1,
 * divided by 4, the root of a patch's side. */
#include "gato.h"

static omn_node *norm(const struct gato_episode *p, omn_scope *s, const char *name, omn_node *x)
{
    omn_scope *at = omn_scope_at(s, "%s", name);
    const omn_shape c = omn_dim1(omn_node_dim(x, -1));
    return omn_group_norm(at, x, omn_weight(at, "weight", c, OMN_INIT_ONE, 0),
                          omn_weight(at, "bias", c, OMN_INIT_ZERO, 0), p->groups, p->eps);
}

/* "Same" padding: what is left over goes behind. */
static omn_node *conv(omn_scope *s, const char *name, omn_node *x, int64_t out, int32_t side,
                      int32_t stride)
{
    const int32_t n = (int32_t)omn_node_dim(x, 1), to = (n + stride - 1) / stride;
    int32_t pad = (to - 1) * stride + side - n;
    if (pad < 0) pad = 0;
    const omn_conv how = { stride, stride, pad / 2, pad / 2, pad - pad / 2, pad - pad / 2 };
    omn_node *w = omn_weight(omn_scope_at(s, "%s", name), "weight",
                             omn_dim4(out, omn_node_dim(x, -1), side, side), OMN_INIT_FAN_IN, 1);
    return omn_conv2d(s, x, w, NULL, &how, OMN_ACT_NONE);
}

static omn_node *gelu(omn_scope *s, omn_node *x) { return omn_activate(s, x, OMN_ACT_GELU_ERF); }

static omn_node *unit(const struct gato_episode *p, omn_scope *s, omn_node *x, int64_t out)
{
    omn_node *short_cut = conv(s, "conv_proj", norm(p, s, "gn_proj", x), out, 1, 2);
    omn_node *h = conv(s, "conv1", gelu(s, norm(p, s, "gn1", x)), out / 2, 3, 1);
    h = conv(s, "conv2", gelu(s, norm(p, s, "gn2", h)), out, 3, 2);
    return omn_add(s, h, short_cut);
}

omn_node *gato_patches(const struct gato_episode *p, omn_scope *s, omn_node *x)
{
    omn_scope *top = omn_scope_at(s, "/"), *at = omn_scope_at(s, "/patch");
    const int64_t n = omn_node_dim(x, 0), D = p->width;
    x = omn_scale(s, x, 0.5, -0.25);
    if (p->patch == GATO_LINEAR) {
        omn_scope *l = omn_scope_at(at, "linear");
        const int64_t all = GATO_PATCH * GATO_PATCH * 3;
        omn_node *w = omn_weight(l, "weight", omn_dim2(D, all), OMN_INIT_FAN_IN, 1);
        return omn_linear(l, omn_reshape(l, x, omn_dim2(n, all)), w,
                          omn_weight(l, "bias", omn_dim1(D), OMN_INIT_ZERO, 0), OMN_ACT_NONE);
    }
    x = gelu(at, norm(p, at, "gn_root", conv(at, "conv_root", x, p->channels, 7, 2)));
    omn_node_tag(top, x, "patch.root");
    for (int i = 0; i < 3; i++) {
        x = unit(p, omn_scope_at(at, "units.%d", i), x, (int64_t)p->channels << (i + 1));
        omn_node_tag(top, x, "patch.unit.%d", i);
    }
    if (omn_node_dim(x, -1) != D) x = conv(at, "proj", x, D, 1, 1);
    return omn_reshape(s, x, omn_dim2(n, D));
}
