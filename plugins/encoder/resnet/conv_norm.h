/* SPDX-License-Identifier: Apache-2.0 */
/* A convolution and the batch norm behind it (Ioffe and Szegedy 2015), for every residual network:
 * that of image.resnet and CLIP's own. */
#ifndef CONV_NORM_H
#define CONV_NORM_H

#include <omnio/graph.h>

typedef struct conv_norm {
    const char *conv, *norm;              /* names below the scope, "conv1" and "bn1" */
    int64_t out, size;                    /* channels; side of the window, which keeps the size */
    int32_t stride;
    omn_act act;
    double eps;
    bool stored;                          /* in training too the statistics that it has learnt */
    int32_t apart;                        /* pixels between the window's taps; 0 as 1 */
} conv_norm;

/* act((x w - mean) / sqrt(variance + eps) * weight + bias) of x [B,h,w,C]. Statistics are those
 * learnt; in training those of the batch, of which the learnt ones learn, unless these are
 * frozen. */
omn_node *conv_norm_build(omn_scope *s, const conv_norm *n, omn_node *x);

#endif
