/* SPDX-License-Identifier: Apache-2.0 */
/* HiFi-GAN (Kong, Kim and Bae 2020): sound of mel spectrograms. Transposed convolutions make 8, 8
 * and 4 samples of each; behind each, three rows of dilated convolutions of 3, 5 and 7 taps are
 * averaged. Files hold every weight as a direction and a length (weight norm), of which the store
 * makes one, once. A sound is a picture of height 1. */
#include "vitvqgan.h"

enum { UPS = 3, BLOCKS = 3, CONVS = 2 };
static const int32_t up_rates[UPS] = { 8, 8, 4 }, up_taps[UPS] = { 16, 16, 8 };
static const int32_t block_taps[BLOCKS] = { 3, 5, 7 };
static const int32_t dilations[BLOCKS][CONVS] = { { 1, 2 }, { 2, 6 }, { 3, 12 } };

/* A weight [a, b, taps] as one of a picture, [a, b, 1, taps]. */
static omn_node *weight(omn_scope *s, int64_t a, int64_t b, int64_t taps)
{
    omn_node *w = omn_weight(s, "weight", omn_dim3(a, b, taps), OMN_INIT_FAN_IN, 1);
    return omn_reshape(s, w, omn_dim4(a, b, 1, taps));
}

static omn_node *bias(omn_scope *s, int64_t n)
{
    return omn_weight(s, "bias", omn_dim1(n), OMN_INIT_ZERO, 0);
}

/* x, and where it is below 0 a part of it */
static omn_node *leaky(omn_scope *s, omn_node *x, double part)
{
    omn_node *above = omn_scale(s, omn_activate(s, x, OMN_ACT_RELU), 1 - part, 0);
    return omn_add(s, omn_scale(s, x, part, 0), above);
}

/* As long as x, taps `apart` samples from each other. */
static omn_node *conv(omn_scope *s, omn_node *x, int64_t out, int32_t taps, int32_t apart)
{
    const int32_t around = apart * (taps - 1) / 2;
    const omn_conv how = { 1, 1, 0, around, 0, around };
    omn_node *w = weight(s, out, omn_node_dim(x, -1), taps);
    return omn_conv2d_dilated(s, x, w, bias(s, out), &how, 1, apart, OMN_ACT_NONE);
}

static omn_node *up(omn_scope *s, omn_node *x, int i, int64_t out)
{
    const int32_t around = (up_taps[i] - up_rates[i]) / 2;
    const omn_conv how = { 1, up_rates[i], 0, around, 0, around };
    omn_node *w = weight(s, omn_node_dim(x, -1), out, up_taps[i]);
    return omn_conv_transpose2d(s, x, w, bias(s, out), &how, OMN_ACT_NONE);
}

static omn_node *block(omn_scope *s, omn_node *x, int j)
{
    const int64_t C = omn_node_dim(x, -1);
    for (int q = 0; q < CONVS; q++) {
        omn_node *y = leaky(s, x, 0.1);
        x = omn_add(s, x, conv(omn_scope_at(s, "convs.%d", q), y, C, block_taps[j],
                               dilations[j][q]));
    }
    return x;
}

omn_node *hifigan_build(omn_scope *s, omn_node *x, int64_t width)
{
    const int64_t B = omn_node_dim(x, 0), T = omn_node_dim(x, 1), bands = omn_node_dim(x, 2);
    x = conv(omn_scope_at(s, "conv_pre"), omn_reshape(s, x, omn_dim4(B, 1, T, bands)), width, 7, 1);
    omn_node_tag(s, x, "conv_pre");
    for (int i = 0; i < UPS; i++) {
        omn_node *sum = NULL;
        x = up(omn_scope_at(s, "ups.%d", i), leaky(s, x, 0.1), i, width >> (i + 1));
        omn_node_tag(s, x, "ups.%d", i);
        for (int j = 0; j < BLOCKS; j++) {
            const int k = BLOCKS * i + j;
            omn_node *y = block(omn_scope_at(s, "resblocks.%d", k), x, j);
            omn_node_tag(s, y, "resblocks.%d", k);
            sum = j ? omn_add(s, sum, y) : y;
        }
        x = omn_scale(s, sum, 1.0 / BLOCKS, 0);
    }
    /* Here the slope is the usual one of its framework, another than above. */
    x = conv(omn_scope_at(s, "conv_post"), leaky(s, x, 0.01), 1, 7, 1);
    omn_node_tag(s, x, "conv_post");
    x = omn_activate(s, x, OMN_ACT_TANH);
    return omn_reshape(s, x, omn_dim2(B, T * HIFIGAN_SAMPLES));
}
