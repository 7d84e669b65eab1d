/* SPDX-License-Identifier: Apache-2.0 */
/* The networks of a VQGAN (Esser, Rombach, Ommer: Taming Transformers), pictures [B, H, W, 3] from
 * -1 to 1 to vectors on a grid and back. Levels halve the picture: residual blocks of two
 * convolutions, attention over all places at some of them, a convolution of stride 2 that is padded
 * right and below alone; back, pixels are doubled before a convolution. The way back has one block
 * more at each level. What goes back in is the entry of the codebook as it is. */
#include "vqgan.h"

#include <math.h>

/* Heads of attention as wide as this go through the op; wider ones are three products. */
enum { MOST_HEAD = 512 };

/* One way through the network: where weights lie. */
typedef struct net {
    const vqgan_self *v;
    omn_scope *s;
    bool down;
} net;

static omn_node *tag(const net *n, omn_node *x, const char *module)
{
    return omn_node_tag(n->s, x, "%s", module);
}

static omn_node *conv(const net *n, const char *module, omn_node *x, int64_t O, int64_t k)
{
    const int32_t around = (int32_t)k / 2;
    const omn_conv how = { 1, 1, around, around, around, around };
    omn_node *w = vqgan_kernel(n->v, n->s, module, O, omn_node_dim(x, -1), k);
    omn_node *y = omn_conv2d(n->s, x, w, vqgan_bias(n->v, n->s, module, O), &how, OMN_ACT_NONE);
    return tag(n, y, module);
}

static omn_node *norm(const net *n, const char *module, omn_node *x)
{
    const int64_t C = omn_node_dim(x, -1);
    return tag(n,
               omn_group_norm(n->s, x, vqgan_scale(n->v, n->s, module, C),
                              vqgan_bias(n->v, n->s, module, C), n->v->p->groups, 1e-6),
               module);
}

/* The module called `part` of another. */
static const char *below(char out[MOST_NAME + 16], const char *module, const char *part)
{
    size_t i = 0;
    while (*module && i < MOST_NAME) out[i++] = *module++;
    out[i++] = '.';
    while (*part && i < MOST_NAME + 15) out[i++] = *part++;
    out[i] = 0;
    return out;
}

static omn_node *residual(const net *n, const char *module, omn_node *x, int64_t O)
{
    char at[MOST_NAME + 16];
    omn_node *h = omn_activate(n->s, norm(n, below(at, module, "norm1"), x), OMN_ACT_SILU);
    h = conv(n, below(at, module, "conv1"), h, O, 3);
    h = omn_activate(n->s, norm(n, below(at, module, "norm2"), h), OMN_ACT_SILU);
    h = conv(n, below(at, module, "conv2"), h, O, 3);
    if (omn_node_dim(x, -1) != O) x = conv(n, below(at, module, "nin_shortcut"), x, O, 1);
    return tag(n, omn_add(n->s, x, h), module);
}

/* One head over all places; q, k, v [B, N, C] */
static omn_node *attend(const net *n, omn_node *q, omn_node *k, omn_node *v)
{
    const int64_t B = omn_node_dim(q, 0), N = omn_node_dim(q, 1), C = omn_node_dim(q, 2);
    if (C > MOST_HEAD) {
        omn_node *score = omn_matmul(n->s, q, k, false, true, 1 / sqrt((double)C));
        return omn_matmul(n->s, omn_softmax(n->s, score), v, false, false, 1);
    }
    const omn_shape heads = omn_dim4(B, N, 1, C);
    return omn_attend_build(n->s, omn_reshape(n->s, q, heads), omn_reshape(n->s, k, heads),
                            omn_reshape(n->s, v, heads), NULL);
}

static omn_node *attention(const net *n, const char *module, omn_node *x)
{
    char at[MOST_NAME + 16];
    const int64_t C = omn_node_dim(x, -1);
    const omn_shape places = omn_dim3(omn_node_dim(x, 0), -1, C), shape = omn_node_shape(x);
    omn_node *y = norm(n, below(at, module, "norm"), x);
    omn_node *q = omn_reshape(n->s, conv(n, below(at, module, "q"), y, C, 1), places);
    omn_node *k = omn_reshape(n->s, conv(n, below(at, module, "k"), y, C, 1), places);
    omn_node *v = omn_reshape(n->s, conv(n, below(at, module, "v"), y, C, 1), places);
    omn_node *o = omn_reshape(n->s, attend(n, q, k, v), shape);
    return tag(n, omn_add(n->s, x, conv(n, below(at, module, "proj_out"), o, C, 1)), module);
}

/* `count` blocks of one level */
static omn_node *level(const net *n, omn_node *x, int i, int count)
{
    char at[MOST_NAME];
    for (int j = 0; j < count && x; j++) {
        vqgan_level(n->v, n->down, i, UNIT_BLOCK, j, at);
        x = residual(n, at, x, n->v->channels[i]);
        vqgan_level(n->v, n->down, i, UNIT_ATTENTION, j, at);
        if (n->v->attends[i]) x = attention(n, at, x);
    }
    return x;
}

static omn_node *middle(const net *n, omn_node *x)
{
    char at[MOST_NAME];
    const int64_t C = omn_node_dim(x, -1);
    vqgan_middle(n->v, n->down, UNIT_BLOCK, 1, at);
    x = residual(n, at, x, C);
    vqgan_middle(n->v, n->down, UNIT_ATTENTION, 1, at);
    x = attention(n, at, x);
    vqgan_middle(n->v, n->down, UNIT_BLOCK, 2, at);
    return residual(n, at, x, C);
}

/* From level i to the next smaller or larger one. The module is what holds the convolution. */
static omn_node *resample(const net *n, omn_node *x, int i)
{
    const omn_conv half = { 2, 2, 0, 0, 1, 1 };
    char at[MOST_NAME], *end = at;
    const int64_t C = omn_node_dim(x, -1);
    vqgan_level(n->v, n->down, i, UNIT_SAMPLER, 0, at);
    if (!n->down) {
        x = conv(n, at, omn_upsample(n->s, x, 2), C, 3);
    } else {
        omn_node *w = vqgan_kernel(n->v, n->s, at, C, C, 3);
        x = omn_conv2d(n->s, x, w, vqgan_bias(n->v, n->s, at, C), &half, OMN_ACT_NONE);
    }
    while (*end) end++;
    end[-5] = 0;                        /* without ".conv" */
    return tag(n, x, at);
}

/* The end of both ways. */
static omn_node *leave(const net *n, omn_node *x, int64_t O)
{
    x = norm(n, n->down ? "encoder.norm_out" : "decoder.norm_out", x);
    x = omn_activate(n->s, x, OMN_ACT_SILU);
    return conv(n, n->down ? "encoder.conv_out" : "decoder.conv_out", x, O, 3);
}

static omn_scope *inside(const vqgan_self *v, omn_scope *s)
{
    return v->p->inner[0] ? omn_scope_at(s, "%s", v->p->inner) : s;
}

omn_node *vqgan_vectors(const vqgan_self *v, omn_scope *s, omn_node *x)
{
    const net n = { v, inside(v, s), true };
    x = conv(&n, "encoder.conv_in", x, v->p->ch, 3);
    for (int i = 0; i < v->levels && x; i++) {
        x = level(&n, x, i, v->p->blocks);
        if (i + 1 < v->levels) x = resample(&n, x, i);
    }
    x = leave(&n, middle(&n, x), v->p->z);
    return conv(&n, "quant_conv", x, v->p->embed, 1);
}

omn_node *vqgan_tokenize(const void *self, omn_scope *s, const omn_bundle *in)
{
    const vqgan_self *v = self;
    const net n = { v, inside(v, s), true };
    omn_node *x = omn_bundle_get(in, s, "pixels");
    const int64_t B = omn_node_dim(x, 0);
    if (v->p->network == NETWORK_DVAE)
        return omn_reshape(n.s, omn_argmax(n.s, dvae_scores(v, n.s, x)),
                           omn_dim2(B, v->codes.count));
    x = vqgan_vectors(v, s, x);
    if (v->p->codebook == CODEBOOK_GUMBEL)
        x = omn_argmax(n.s, conv(&n, "quantize.proj", x, v->p->n_embed, 1));
    else
        x = omn_vector_quantise(n.s, x, vqgan_book(v, n.s));
    return omn_reshape(n.s, x, omn_dim2(B, v->codes.count));
}

omn_node *vqgan_pixels(const vqgan_self *v, omn_scope *s, omn_node *x)
{
    const net n = { v, inside(v, s), false };
    x = conv(&n, "post_quant_conv", tag(&n, x, "quantize"), v->p->z, 1);
    x = conv(&n, "decoder.conv_in", x, v->channels[v->levels - 1], 3);
    x = middle(&n, x);
    for (int i = v->levels - 1; i >= 0 && x; i--) {
        x = level(&n, x, i, v->p->blocks + 1);
        if (i > 0) x = resample(&n, x, i);
    }
    return leave(&n, x, 3);
}

void vqgan_detokenize(const void *self, omn_scope *s, omn_node *codes, omn_bundle *out)
{
    const vqgan_self *v = self;
    const net n = { v, inside(v, s), false };
    const omn_shape is = omn_node_shape(codes);
    if (codes && (is.rank != 2 || is.dim[1] != v->codes.count)) {
        omn_scope_fail(s, OMN_ERR_SHAPE, "image.vqgan: %lld codes; a picture has %d",
                       (long long)omn_node_dim(codes, -1), v->codes.count);
        return;
    }
    if (v->p->network == NETWORK_DVAE) {
        omn_bundle_put(out, s, "pixels", dvae_pixels(v, n.s, codes));
        return;
    }
    omn_node *x = omn_embedding(n.s, vqgan_book(v, n.s), codes);
    x = omn_reshape(n.s, x, omn_dim4(omn_node_dim(codes, 0), v->grid_h, v->grid_w, v->p->embed));
    omn_bundle_put(out, s, "pixels", vqgan_pixels(v, s, x));
}
