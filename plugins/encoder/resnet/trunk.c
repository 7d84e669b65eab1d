/* SPDX-License-Identifier: Apache-2.0 */
/* A residual network (He et al. 2016) with the stride in the 3 x 3 of a block, as PyTorch's models
 * have it: a 7 x 7 convolution and a maximum, then stages, each of which but the first halves the
 * picture. The last one may leave it as it is and look twice as far instead, so that it sees the
 * same and tells it of four times as many places (DC5 of Carion et al. 2020). Weights have the
 * names of torchvision; the number of stages is free, as families leave out the last one. */
#include "conv_norm.h"
#include "resnet.h"

#include <stdlib.h>

#define EXPANSION 4                       /* a block's result beside its middle */

int resnet_list(const char *text, long most, int *out)
{
    for (int n = 0; n < RESNET_STAGES;) {
        char *end = NULL;
        const long x = strtol(text, &end, 10);
        if (end == text || x < 1 || x > most || (*end && *end != ',')) return 0;
        out[n++] = (int)x;
        if (!*end) return n;
        text = end + 1;
    }
    return 0;
}

int64_t resnet_side(int64_t side, int stages)
{
    for (int i = 0; i < stages + 1; i++) side = (side + 1) / 2;
    return side;
}

static omn_node *unit(const resnet_self *e, omn_scope *s, const char *conv, const char *norm,
                      omn_node *x, int64_t out, int64_t size, int stride, int apart, bool relu)
{
    const conv_norm n = { .apart = apart,
                          .conv = conv, .norm = norm, .out = out, .size = size, .stride = stride,
                          .act = relu ? OMN_ACT_RELU : OMN_ACT_NONE, .eps = e->p->eps,
                          .stored = e->p->statistics == RESNET_STORED };
    return conv_norm_build(s, &n, x);
}

/* To `planes` channels, there 3 x 3, and back to four times as many; beside it what came in,
 * brought to the same form where that differs. */
static omn_node *block(const resnet_self *e, omn_scope *s, omn_node *x, int64_t planes, int stride,
                       int apart)
{
    const int64_t out = EXPANSION * planes;
    omn_node *beside = x;
    omn_node *y = unit(e, s, "conv1", "bn1", x, planes, 1, 1, 1, true);
    y = unit(e, s, "conv2", "bn2", y, planes, 3, stride, apart, true);
    y = unit(e, s, "conv3", "bn3", y, out, 1, 1, 1, false);
    if (stride > 1 || omn_node_dim(x, -1) != out)
        beside = unit(e, s, "downsample.0", "downsample.1", x, out, 1, stride, 1, false);
    return omn_activate(s, omn_add(s, y, beside), OMN_ACT_RELU);
}

omn_node *resnet_trunk(const resnet_self *e, omn_scope *s, omn_node *x)
{
    const omn_conv half = { 2, 2, 1, 1, 1, 1 };
    x = unit(e, s, "conv1", "bn1", x, e->p->stem, 7, 2, 1, true);
    x = omn_node_tag(s, omn_pool2d(s, x, OMN_POOL_MAX, 3, 3, &half), "stem");
    for (int k = 0; k < e->stages; k++) {
        const bool wide = e->p->dilated && k > 0 && k + 1 == e->stages;
        for (int i = 0; i < e->blocks[k]; i++)
            x = block(e, omn_scope_at(s, "layer%d.%d", k + 1, i), x, e->planes[k],
                      k > 0 && i == 0 && !wide ? 2 : 1, wide && i ? 2 : 1);
        omn_node_tag(s, x, "layer%d", k + 1);
    }
    return e->p->frozen ? omn_stop_gradient(s, x) : x;
}
