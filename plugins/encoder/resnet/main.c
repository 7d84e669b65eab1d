/* SPDX-License-Identifier: Apache-2.0 */
/* encoder image.resnet: a picture through a residual network, one vector for each place of its last
 * stage, row by row. What a model makes of them, a projection and positions, is the model's. In
 * training it may see a random choice of the places: the sequence says which they are. */
#include "resnet.h"

#include "see.h"

#include <stdlib.h>

static const omn_param resnet_params[] = { RESNET(OMN_S_ROW, resnet) };

static omn_status open_resnet(omn_call *c, const void *params, omn_open *o, void **self,
                              omn_error *err)
{
    (void)c;
    resnet_self *e = calloc(1, sizeof *e);
    if (!e) return omn_fail(err, OMN_ERR_MEMORY, "image.resnet: out of memory");
    *self = e;
    const struct resnet *p = e->p = params;
    e->stages = resnet_list(p->blocks, 512, e->blocks);
    if (!e->stages || resnet_list(p->planes, 16384, e->planes) < e->stages)
        return omn_fail(err, OMN_ERR_CONFIG,
                        "image.resnet: blocks and planes of 1 to 4 stages are wanted, \"3,4,6,3\" "
                        "and \"64,128,256,512\", not \"%.40s\" and \"%.40s\"",
                        p->blocks, p->planes);
    e->width = p->width;
    e->height = p->height ? p->height : p->width;
    const int halved = e->stages - (p->dilated && e->stages > 1);
    e->rows = resnet_side(e->height, halved);
    e->columns = resnet_side(e->width, halved);
    const int64_t N = e->rows * e->columns;
    if (p->sample > N)
        omn_open_fail(o, OMN_ERR_CONFIG, "image.resnet: %d places of a picture that has %lld",
                      p->sample, (long long)N);
    e->ports[0] = (omn_port){ "pixels", OMN_F32, omn_dim3(e->height, e->width, 3), 0 };
    e->ports[1] = (omn_port){ "seg", OMN_I32, omn_dim1(N), 0 };
    e->ports[2] = (omn_port){ "order", OMN_I32, omn_dim1(p->sample), 0 };
    return OMN_OK;
}

static uint32_t ports(const void *self, const omn_port **list)
{
    const resnet_self *e = self;
    *list = e->ports;
    return e->p->sample ? 3 : 2;
}

/* `take` of n places, each as likely as the others, the first of a random order. */
static omn_status draw(omn_call *c, int64_t n, int64_t take, omn_feed *out, omn_error *err)
{
    void *data = NULL;
    int32_t *all = omn_call_scratch(c, (size_t)n, sizeof *all);
    if (!all) return omn_fail(err, OMN_ERR_MEMORY, "image.resnet: out of memory");
    const omn_status st = omn_feed_new(out, "order", OMN_I32, omn_dim1(take), &data, err);
    if (st != OMN_OK) return st;
    for (int64_t i = 0; i < n; i++) all[i] = (int32_t)i;
    for (int64_t i = 0; i < take; i++) {
        const int64_t k = i + (int64_t)(omn_call_random(c) % (uint64_t)(n - i));
        ((int32_t *)data)[i] = all[k];
        all[k] = all[i];
    }
    return OMN_OK;
}

static omn_status prepare(const void *self, omn_call *c, const omn_value *v, omn_feed *out,
                          omn_frame *frame, omn_error *err)
{
    const resnet_self *e = self;
    const int64_t N = e->rows * e->columns;
    const see_how how = { .object = "image.resnet", .width = (uint32_t)e->width,
                          .height = (uint32_t)e->height, .fit = SEE_SQUASH,
                          .normalise = e->p->normalise,
                          .hides = e->p->alpha == RESNET_HIDES };
    omn_status st = see_picture(&how, c, v, out, frame, err);
    if (st == OMN_OK) st = see_mark(out, N, err);
    return st == OMN_OK && e->p->sample ? draw(c, N, e->p->sample, out, err) : st;
}

/* i32 [B,N]: 0 and up along a row, each row `step` behind the one before. */
static omn_node *numbers(omn_scope *s, int64_t B, int64_t N, int64_t step)
{
    if (B * step > INT32_MAX)
        return omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "image.resnet: %lld pictures at once are too "
                              "many", (long long)B);
    int32_t *x = omn_arena_alloc(omn_scope_arena(s), (size_t)(B * N), sizeof *x);
    if (!x) return omn_scope_fail(s, OMN_ERR_MEMORY, "image.resnet: out of memory");
    for (int64_t i = 0; i < B * N; i++) x[i] = (int32_t)(i / N * step + (step ? 0 : i % N));
    return omn_const(s, OMN_I32, omn_dim2(B, N), x);
}

static omn_seq *embed(const void *self, omn_scope *s, const omn_bundle *in)
{
    const resnet_self *e = self;
    omn_node *x = resnet_trunk(e, s, omn_bundle_get(in, s, "pixels"));
    omn_node *seg = omn_bundle_get(in, s, "seg");
    const int64_t B = omn_node_dim(x, 0), N = e->rows * e->columns;
    omn_node *pos = numbers(s, B, N, 0);
    x = omn_reshape(s, x, omn_dim3(B, N, omn_node_dim(x, -1)));
    if (e->p->sample && omn_scope_training(s)) {
        pos = omn_bundle_get(in, s, "order");
        omn_node *at = omn_add(s, omn_cast(s, pos, OMN_F32),
                               omn_cast(s, numbers(s, B, e->p->sample, N), OMN_F32));
        at = omn_cast(s, at, OMN_I32);
        x = omn_gather(s, x, at);
        seg = omn_gather(s, seg, at);
    }
    return omn_seq_new(s, x, seg, pos, e->rows, e->columns);
}

static const omn_encoder_impl impl = { NULL,  "image", open_resnet, free,
                                       ports, prepare, embed };
static const omn_object objects[] = {
    { "omnio.encoder/1", "image.resnet", "pictures through a residual network", &impl,
      OMN_OBJECT_PARAMS(resnet) },
};
OMN_PLUGIN("encoder-resnet", "0.1.0", "Apache-2.0", "picture input by convolutions", objects);
