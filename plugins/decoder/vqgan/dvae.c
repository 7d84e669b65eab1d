/* SPDX-License-Identifier: Apache-2.0 */
/* The networks of a discrete VAE (Ramesh et al. 2021, appendix A), by the names of the program that
 * was published with its weights (openai/DALL-E):
 * "encoder.blocks.group_1.block_1.res_path.conv_1.w" and ".b" below the part. A block is relu and
 * convolution four times, a quarter as wide within, and what it finds is scaled by 1 / blocks^2
 * before it is added. The encoder ends in scores of the codes, of which the greatest is taken; the
 * decoder begins at the code's column of a 1 x 1 convolution and ends in the mean and the spread of
 * a logit-Laplace distribution for each channel, of which the mean makes the picture.
 *
 * What both see of a picture lies between eps and 1 - eps: x' = (1 - 2 eps) x + eps. */
#include "vqgan.h"

static omn_node *conv(omn_scope *s, const char *module, omn_node *x, int64_t O, int64_t k,
                      bool relu)
{
    const int32_t around = (int32_t)k / 2;
    const omn_conv how = { 1, 1, around, around, around, around };
    omn_scope *m = omn_scope_at(s, "%s", module);
    omn_node *w = omn_weight(m, "w", omn_dim4(O, omn_node_dim(x, -1), k, k), OMN_INIT_FAN_IN, 1);
    omn_node *b = omn_weight(m, "b", omn_dim1(O), OMN_INIT_ZERO, 0);
    if (relu) x = omn_activate(m, x, OMN_ACT_RELU);
    return omn_conv2d(m, x, w, b, &how, OMN_ACT_NONE);
}

/* The first convolution of a block is wide on the way down, the last one on the way up. */
static omn_node *block(const vqgan_self *v, omn_scope *s, omn_node *x, int64_t O, bool down)
{
    const int64_t inner = O / 4;
    const double n = (double)v->levels * v->p->blocks;
    omn_scope *r = omn_scope_at(s, "res_path");
    omn_node *y = conv(r, "conv_1", x, inner, down ? 3 : 1, true);
    y = conv(r, "conv_2", y, inner, 3, true);
    y = conv(r, "conv_3", y, inner, 3, true);
    y = conv(r, "conv_4", y, O, down ? 1 : 3, true);
    if (omn_node_dim(x, -1) != O) x = conv(s, "id_path", x, O, 1, false);
    return omn_add(s, x, omn_scale(s, y, 1 / (n * n), 0));
}

/* The blocks of group g, from 0. */
static omn_node *group(const vqgan_self *v, omn_scope *s, int g, omn_node *x, bool down)
{
    const int64_t O = v->channels[down ? g : v->levels - 1 - g];
    for (int i = 0; i < v->p->blocks; i++)
        x = block(v, omn_scope_at(s, "group_%d.block_%d", g + 1, i + 1), x, O, down);
    return omn_node_tag(s, x, "group_%d", g + 1);
}

omn_node *dvae_scores(const vqgan_self *v, omn_scope *s, omn_node *pixels)
{
    const omn_conv half = { 2, 2, 0, 0, 0, 0 };
    const double eps = v->p->eps;
    omn_scope *e = omn_scope_at(s, "encoder.blocks");
    /* from -1..1, as the part's port has it */
    omn_node *x = omn_scale(e, pixels, 0.5 * (1 - 2 * eps), 0.5);
    x = conv(e, "input", x, v->p->ch, 7, false);
    for (int g = 0; g < v->levels; g++) {
        x = group(v, e, g, x, true);
        if (g + 1 < v->levels) x = omn_pool2d(e, x, OMN_POOL_MAX, 2, 2, &half);
    }
    return omn_node_tag(e, conv(e, "output.conv", x, v->p->n_embed, 1, true), "output");
}

/* The first convolution: its matrix [n, V] and what is added. */
static omn_node *first(const vqgan_self *v, omn_scope *s, omn_node **bias)
{
    const int64_t V = v->p->n_embed, n = v->p->embed;
    omn_scope *m = omn_scope_at(s, "input");
    omn_node *w = omn_weight(m, "w", omn_dim4(n, V, 1, 1), OMN_INIT_FAN_IN, 1);
    *bias = omn_weight(m, "b", omn_dim1(n), OMN_INIT_ZERO, 0);
    return omn_reshape(m, w, omn_dim2(n, V));
}

/* Behind the first convolution, to the six numbers of each pixel. */
static omn_node *rest(const vqgan_self *v, omn_scope *d, omn_node *x)
{
    for (int g = 0; g < v->levels; g++) {
        x = group(v, d, g, x, false);
        if (g + 1 < v->levels) x = omn_upsample(d, x, 2);
    }
    return omn_node_tag(d, conv(d, "output.conv", x, 6, 1, true), "output");
}

omn_node *dvae_pixels(const vqgan_self *v, omn_scope *s, omn_node *codes)
{
    static const int turn[] = { 1, 0 };
    const double span = 1 - 2 * v->p->eps;
    omn_scope *d = omn_scope_at(s, "decoder.blocks");
    omn_node *b = NULL, *w = first(v, d, &b);
    /* a code's column of the matrix */
    omn_node *x = omn_add(d, omn_embedding(d, omn_permute(d, w, turn), codes), b);
    x = rest(v, d, omn_reshape(d, x, omn_dim4(omn_node_dim(codes, 0), v->grid_h, v->grid_w,
                                              v->p->embed)));
    x = omn_activate(d, omn_slice(d, x, -1, 0, 3), OMN_ACT_SIGMOID);
    /* (x - eps) / span of 0..1, as -1..1; what lies outside is cut where the picture is made */
    return omn_scale(d, x, 2 / span, -2 * v->p->eps / span - 1);
}

omn_node *dvae_spread(const vqgan_self *v, omn_scope *s, omn_node *shares)
{
    omn_scope *d = omn_scope_at(s, "decoder.blocks");
    omn_node *b = NULL, *w = first(v, d, &b);
    return rest(v, d, omn_linear(d, shares, w, b, OMN_ACT_NONE));
}
