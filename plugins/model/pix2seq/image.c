/* SPDX-License-Identifier: Apache-2.0 */
/* encoder image.pix2seq: a picture as what Pix2Seq's decoder looks at: patches or the last map of a
 * residual network, layers over them, and the bridge to the decoder's width with a feed-forward of
 * its own. Positions are sines of the grid, added twice. */
#include "answers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct self {
    const struct p2s_image *p;
    int64_t h, w;                   /* of the grid */
    omn_port ports[2];
} self;

static omn_status open_image(omn_call *c, const void *params, omn_open *o, void **out,
                             omn_error *err)
{
    (void)c;
    self *e = calloc(1, sizeof *e);
    if (!e) return omn_fail(err, OMN_ERR_MEMORY, "image.pix2seq: out of memory");
    *out = e;
    const struct p2s_image *p = e->p = params;
    e->h = p2s_cells(p, p->height);
    e->w = p2s_cells(p, p->width);
    e->ports[0] = (omn_port){ "pixels", OMN_F32, omn_dim3(p->height, p->width, 3), 0 };
    e->ports[1] = (omn_port){ "seg", OMN_I32, omn_dim1(e->h * e->w), 0 };
    if (e->h < 1 || e->w < 1)
        omn_open_fail(o, OMN_ERR_CONFIG,
                      "image.pix2seq: a view of %d x %d px has no patch of %d in it", p->width,
                      p->height, p->patch);
    else if (p->stem == P2S_RESIDUAL && !p2s_blocks(p->depth))
        omn_open_fail(o, OMN_ERR_CONFIG,
                      "image.pix2seq: a residual network of depth %d is not known: 50, 101 or 152",
                      p->depth);
    else if (p->dim % p->heads)
        omn_open_fail(o, OMN_ERR_CONFIG, "image.pix2seq: a width of %d is not divided by %d heads",
                      p->dim, p->heads);
    else if (p->dim % 2 || p->out % 2)
        omn_open_fail(o, OMN_ERR_CONFIG,
                      "image.pix2seq: widths of %d and %d: half of them are sines of the rows, "
                      "even ones are wanted", p->dim, p->out);
    else if ((int64_t)p->mlp * p->out % p->dim || (int64_t)p->mlp * p->out / p->dim > 1 << 20)
        omn_open_fail(o, OMN_ERR_CONFIG,
                      "image.pix2seq: the bridge's inner width, %d * %d / %d, is no number of "
                      "1..1048576", p->mlp, p->out, p->dim);
    return OMN_OK;
}

static uint32_t ports(const void *in, const omn_port **list)
{
    *list = ((const self *)in)->ports;
    return 2;
}

static omn_status prepare(const void *in, omn_call *c, const omn_value *v, omn_feed *out,
                          omn_frame *frame, omn_error *err)
{
    const self *e = in;
    omn_status st = OMN_OK;
    void *seg = NULL;
    const omn_image *picture = omn_value_image(v);
    if (!picture)
        return omn_fail(err, OMN_ERR_TYPE, "image.pix2seq looks at pictures, not at %s",
                        omn_value_kind_name(v));
    OMN_TRY(p2s_prepare(e->p, c, picture, out, frame, err));
    OMN_TRY(omn_feed_new(out, "seg", OMN_I32, omn_dim1(e->h * e->w), &seg, err));
    for (int64_t i = 0; i < e->h * e->w; i++) ((int32_t *)seg)[i] = OMN_SEG_SHARED;
done:
    return st;
}

/* ---- its graph ------------------------------------------------------------------------------- */

static omn_node *stem(const self *e, omn_scope *s, omn_node *x)
{
    static const int turn[] = { 3, 2, 0, 1 };
    const struct p2s_image *p = e->p;
    omn_scope *top = omn_scope_at(s, "/");
    const int64_t B = omn_node_dim(x, 0), P = p->patch, N = e->h * e->w;
    if (p->stem == P2S_RESIDUAL) {
        x = p2s_resnet(p, s, x);
        x = omn_reshape(s, x, omn_dim3(B, N, omn_node_dim(x, -1)));
        x = p2s_dense(s, "encoder/stem_projection", x, p->dim);
        return omn_node_tag(top, x, "stem_projection");
    }
    const omn_conv how = { .stride_y = (int32_t)P, .stride_x = (int32_t)P };
    omn_node *w = p2s_weight(s, "encoder/stem_conv", "kernel", omn_dim4(P, P, 3, p->dim),
                             OMN_INIT_NORMAL, 0.02);
    omn_node *b = p2s_weight(s, "encoder/stem_conv", "bias", omn_dim1(p->dim), OMN_INIT_ZERO, 0);
    x = omn_conv2d(s, x, omn_permute(s, w, turn), b, &how, OMN_ACT_NONE);
    return omn_node_tag(top, omn_reshape(s, x, omn_dim3(B, N, p->dim)), "stem_conv");
}

static omn_node *layer(const struct p2s_image *p, omn_scope *s, int i, omn_node *x)
{
    char path[96], name[128];
    omn_scope *top = omn_scope_at(s, "/");
    const omn_attend how = { OMN_FILL(omn_attend) };
    snprintf(path, sizeof path, "encoder/transformer_encoder/enc_layers/%d", i);
    snprintf(name, sizeof name, "%s/mha_ln", path);
    omn_node *y = omn_node_tag(top, p2s_norm(s, name, x), "enc.%d.mha_ln", i);
    snprintf(name, sizeof name, "%s/mha", path);
    const p2s_attention a = { .path = name, .heads = p->heads, .width = p->dim / p->heads };
    omn_node *q = omn_node_tag(top, p2s_heads(s, &a, "_query_dense", y), "enc.%d.q", i);
    omn_node *k = omn_node_tag(top, p2s_heads(s, &a, "_key_dense", y), "enc.%d.k", i);
    omn_node *v = omn_node_tag(top, p2s_heads(s, &a, "_value_dense", y), "enc.%d.v", i);
    y = p2s_output(s, &a, omn_attend_build(s, q, k, v, &how), p->dim);
    x = omn_add(s, x, omn_node_tag(top, y, "enc.%d.attn", i));
    snprintf(name, sizeof name, "%s/mlp", path);
    y = omn_node_tag(top, p2s_mlp(s, name, x, p->mlp), "enc.%d.ffn", i);
    return omn_node_tag(top, omn_add(s, x, y), "enc.%d", i);
}

static omn_node *sines(const self *e, omn_scope *s, int64_t width, const char *stage)
{
    omn_node *x = p2s_sines(s, e->h, e->w, width);
    omn_node_tag(omn_scope_at(s, "/"), omn_reshape(s, x, omn_dim2(e->h * e->w, width)), "%s",
                 stage);
    return x;
}

/* To the decoder's width; the feed-forward is as much wider as those of the encoder are. */
static omn_node *bridge(const self *e, omn_scope *s, omn_node *x)
{
    const struct p2s_image *p = e->p;
    omn_scope *top = omn_scope_at(s, "/");
    x = p2s_norm(s, "proj_ln", p2s_dense(s, "proj", x, p->out));
    x = omn_add(s, omn_node_tag(top, x, "proj_ln"), sines(e, s, p->out, "proj.pos"));
    return omn_add(s, x, p2s_mlp(s, "proj_mlp", x, (int64_t)p->mlp * p->out / p->dim));
}

static omn_seq *embed(const void *in, omn_scope *s, const omn_bundle *given)
{
    const self *e = in;
    const struct p2s_image *p = e->p;
    omn_scope *top = omn_scope_at(s, "/");
    const int64_t N = e->h * e->w;
    omn_node *x = p2s_norm(s, "encoder/stem_ln", stem(e, s, omn_bundle_get(given, s, "pixels")));
    x = omn_add(s, omn_node_tag(top, x, "enc.stem_ln"), sines(e, s, p->dim, "enc.pos"));
    for (int i = 0; i < p->layers; i++) x = layer(p, omn_scope_at(s, "/enc.%d", i), i, x);
    x = omn_node_tag(top, p2s_norm(s, "encoder/output_ln", x), "enc.output_ln");
    x = omn_node_tag(top, bridge(e, omn_scope_at(s, "/proj"), x), "encoded");
    int32_t *pos = omn_arena_alloc(omn_scope_arena(s), (size_t)N, sizeof *pos);
    if (!pos) {
        omn_scope_fail(s, OMN_ERR_MEMORY, "image.pix2seq: out of memory");
        return NULL;
    }
    for (int64_t i = 0; i < N; i++) pos[i] = (int32_t)i;
    omn_node *at = omn_expand(s, omn_const(s, OMN_I32, omn_dim2(1, N), pos),
                              omn_dim2(omn_node_dim(x, 0), N));
    return omn_seq_new(s, x, omn_bundle_get(given, s, "seg"), at, e->h, e->w);
}

const struct p2s_image *p2s_image_known(const omn_part *image)
{
    const void *impl = NULL;
    const self *e = omn_part_self(image, "omnio.encoder/1", &impl);
    return impl == &p2s_image_impl && e ? e->p : NULL;
}

const omn_encoder_impl p2s_image_impl = { NULL,  "image", open_image, free,
                                          ports, prepare, embed };
