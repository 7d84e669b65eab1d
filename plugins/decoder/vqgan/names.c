/* SPDX-License-Identifier: Apache-2.0 */
/* What weights are called in the files of three families. uio2 and flax count levels upwards from
 * the smallest picture (up_0), taming counts them from the largest one both ways (up.3) and has
 * dots where the others have lines. flax writes paths with strokes, `scale` for the weight of a
 * norm, and `kernel` [y, x, in, out] for that of a convolution, which is turned here. */
#include "vqgan.h"

#include <stdio.h>
#include <string.h>

void vqgan_level(const vqgan_self *v, bool down, int level, unit u, int number,
                 char out[MOST_NAME])
{
    const bool dots = v->p->names == NAMES_TAMING;
    const char *half = down ? "encoder.down" : "decoder.up", gap = dots ? '.' : '_';
    const int at = down || dots ? level : v->levels - 1 - level;
    if (u == UNIT_SAMPLER)
        snprintf(out, MOST_NAME, "%s%c%d%c%s.conv", half, gap, at, gap,
                 down ? "downsample" : "upsample");
    else
        snprintf(out, MOST_NAME, "%s%c%d%c%s%c%d", half, gap, at, gap,
                 u == UNIT_BLOCK ? "block" : "attn", gap, number);
}

void vqgan_middle(const vqgan_self *v, bool down, unit u, int number, char out[MOST_NAME])
{
    snprintf(out, MOST_NAME, "%s.mid%c%s_%d", down ? "encoder" : "decoder",
             v->p->names == NAMES_TAMING ? '.' : '_', u == UNIT_BLOCK ? "block" : "attn", number);
}

/* The weight `leaf` of a module: below the scope, or by its whole path. */
static omn_node *leaf_of(const vqgan_self *v, omn_scope *s, const char *module, const char *leaf,
                         omn_shape want, omn_init_kind init, double a)
{
    char path[512];
    const char *top = omn_scope_name(s);
    if (v->p->names != NAMES_FLAX)
        return omn_weight(omn_scope_at(s, "%s", module), leaf, want, init, a);
    const int n = snprintf(path, sizeof path, "/%s%s%s/%s", top, *top ? "/" : "", module, leaf);
    if (n < 0 || (size_t)n >= sizeof path)
        return omn_scope_fail(s, OMN_ERR_CONFIG, "image.vqgan: the prefix of the weights is too "
                              "long");
    for (char *c = path + 1 + strlen(top); *c; c++)
        if (*c == '.') *c = '/';
    return omn_weight(s, path, want, init, a);
}

omn_node *vqgan_kernel(const vqgan_self *v, omn_scope *s, const char *module, int64_t O, int64_t C,
                       int64_t k)
{
    static const int turn[] = { 3, 2, 0, 1 };
    if (v->p->names != NAMES_FLAX)
        return leaf_of(v, s, module, "weight", omn_dim4(O, C, k, k), OMN_INIT_FAN_IN, 1);
    omn_node *w = leaf_of(v, s, module, "kernel", omn_dim4(k, k, C, O), OMN_INIT_NORMAL,
                          1 / (double)(k * C));
    return omn_permute(s, w, turn);
}

omn_node *vqgan_bias(const vqgan_self *v, omn_scope *s, const char *module, int64_t n)
{
    return leaf_of(v, s, module, "bias", omn_dim1(n), OMN_INIT_ZERO, 0);
}

omn_node *vqgan_scale(const vqgan_self *v, omn_scope *s, const char *module, int64_t n)
{
    const char *leaf = v->p->names == NAMES_FLAX ? "scale" : "weight";
    return leaf_of(v, s, module, leaf, omn_dim1(n), OMN_INIT_ONE, 0);
}

omn_node *vqgan_book(const vqgan_self *v, omn_scope *s)
{
    const omn_shape want = omn_dim2(v->p->n_embed, v->p->embed);
    const char *module = v->p->codebook == CODEBOOK_GUMBEL ? "quantize.embed" :
        "quantize.embedding";
    if (v->p->names == NAMES_FLAX)
        return leaf_of(v, s, "quantize", module + strlen("quantize."), want, OMN_INIT_NORMAL, 1);
    if (v->p->grid) return leaf_of(v, s, module, "weight", want, OMN_INIT_GRID, v->p->grid);
    return leaf_of(v, s, module, "weight", want, OMN_INIT_NORMAL, 1);
}
