/* SPDX-License-Identifier: Apache-2.0 */
/* encoder image.patches: a square picture cut into patches by one convolution whose stride is its
 * width (Dosovitskiy et al. 2021), row by row, without positions: what comes in front of them and
 * where they stand is the model's. */
#include "patches.h"

#include "see.h"

#include <stdlib.h>

static const omn_param patches_params[] = { PATCHES(OMN_S_ROW, patches) };

static omn_status open_patches(omn_call *c, const void *params, omn_open *o, void **self,
                               omn_error *err)
{
    (void)c;
    patches_self *e = calloc(1, sizeof *e);
    if (!e) return omn_fail(err, OMN_ERR_MEMORY, "image.patches: out of memory");
    *self = e;
    e->p = params;
    if (e->p->side % e->p->patch)
        omn_open_fail(o, OMN_ERR_CONFIG,
                      "image.patches: a side of %d pixels is no whole number of patches of %d",
                      e->p->side, e->p->patch);
    const int64_t grid = e->p->side / e->p->patch;
    e->ports[0] = (omn_port){ "pixels", OMN_F32, omn_dim3(e->p->side, e->p->side, 3), 0 };
    e->ports[1] = (omn_port){ "seg", OMN_I32, omn_dim1(grid * grid), 0 };
    return OMN_OK;
}

static uint32_t ports(const void *self, const omn_port **list)
{
    *list = ((const patches_self *)self)->ports;
    return 2;
}

static omn_status prepare(const void *self, omn_call *c, const omn_value *v, omn_feed *out,
                          omn_frame *frame, omn_error *err)
{
    const struct patches *p = ((const patches_self *)self)->p;
    const int64_t grid = p->side / p->patch;
    const see_how how = { .object = "image.patches", .width = (uint32_t)p->side,
                          .height = (uint32_t)p->side, .fit = p->fit, .normalise = p->normalise };
    const omn_status st = see_picture(&how, c, v, out, frame, err);
    return st == OMN_OK ? see_mark(out, grid * grid, err) : st;
}

/* [B,N] of 0 and up along a row. */
static omn_node *numbers(omn_scope *s, int64_t B, int64_t N)
{
    int32_t *x = omn_arena_alloc(omn_scope_arena(s), (size_t)(B * N), sizeof *x);
    if (!x) return omn_scope_fail(s, OMN_ERR_MEMORY, "image.patches: out of memory");
    for (int64_t i = 0; i < B * N; i++) x[i] = (int32_t)(i % N);
    return omn_const(s, OMN_I32, omn_dim2(B, N), x);
}

static omn_seq *embed(const void *self, omn_scope *s, const omn_bundle *in)
{
    const struct patches *p = ((const patches_self *)self)->p;
    const int64_t P = p->patch, h = p->side / P, N = h * h;
    omn_scope *w = omn_scope_at(s, "%s", p->weight);
    omn_node *x = omn_bundle_get(in, s, "pixels");
    const int64_t B = omn_node_dim(x, 0);
    const omn_conv how = { .stride_y = (int32_t)P, .stride_x = (int32_t)P };
    omn_node *bias =
        p->bias ? omn_weight(w, "bias", omn_dim1(p->width), OMN_INIT_ZERO, 0) : NULL;
    x = omn_conv2d(w, x, omn_weight(w, "weight", omn_dim4(p->width, 3, P, P), OMN_INIT_FAN_IN, 1),
                   bias, &how, OMN_ACT_NONE);
    x = omn_reshape(s, x, omn_dim3(B, N, p->width));
    return omn_seq_new(s, x, omn_bundle_get(in, s, "seg"), numbers(s, B, N), h, h);
}

static const omn_encoder_impl impl = { NULL,  "image", open_patches, free,
                                       ports, prepare, embed };
static const omn_object objects[] = {
    { "omnio.encoder/1", "image.patches", "square pictures as vectors of their patches", &impl,
      OMN_OBJECT_PARAMS(patches) },
};
OMN_PLUGIN("encoder-patches", "0.1.0", "Apache-2.0", "picture input, patches alone", objects);
