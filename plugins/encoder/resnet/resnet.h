/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the encoder image.resnet share: its parameters and sizes. */
#ifndef RESNET_H
#define RESNET_H

#include <omnio/kinds.h>

#define RESNET(PAR, S)                                                                             \
    PAR(S, int, width, "480", "1..16384", "px", "width of the picture that is seen")               \
    PAR(S, int, height, "0", "0..16384", "px", "its height; 0: a square")                          \
    PAR(S, string, blocks, "3,4,6,3", NULL, NULL,                                                  \
        "blocks of each stage, as many stages as there are numbers, at most 4")                    \
    PAR(S, int, stem, "64", "1..65536", NULL, "channels of the first convolution")                 \
    PAR(S, string, planes, "64,128,256,512", NULL, NULL,                                           \
        "channels in the middle of a block of each stage; of more numbers the first count")        \
    PAR(S, double, eps, "1e-5", "1e-12..0.1", NULL, "added to variances")                          \
    PAR(S, choice, statistics, "batch", "batch|stored", NULL,                                      \
        "of the norms in training: those of the batch, or those that they have learnt")            \
    PAR(S, bool, frozen, "false", NULL, NULL, "no gradient goes through it")                       \
    PAR(S, choice, normalise, "half", "half|imagenet|clip", NULL,                                  \
        "mean and deviation of the colours; half: 0..1 to -1..1")                                  \
    PAR(S, int, sample, "0", "0..1048576", NULL,                                                   \
        "in training so many places of a picture, in random order; 0: all")                        \
    PAR(S, bool, dilated, "false", NULL, NULL,                                                     \
        "the last stage does not halve the picture, its windows are twice as wide")            \
    PAR(S, choice, alpha, "white", "white|hides", NULL,                                            \
        "what is transparent lies over white, or is hidden: 0 as the network sees it")
struct resnet { RESNET(OMN_S_PAR, resnet) };

enum { RESNET_BATCH, RESNET_STORED };
enum { RESNET_WHITE, RESNET_HIDES };
enum { RESNET_STAGES = 4 };

typedef struct resnet_self {
    const struct resnet *p;
    int stages, blocks[RESNET_STAGES], planes[RESNET_STAGES];
    int64_t height, width;                /* of the picture */
    int64_t rows, columns;                /* of what comes out */
    omn_port ports[3];
} resnet_self;

/* "3,4,23": how many numbers from 1 to `most`, 1 to 4; 0: something else. trunk.c */
int resnet_list(const char *text, long most, int *out);
/* A side behind the stem and `stages` stages. */
int64_t resnet_side(int64_t side, int stages);
/* Pictures [B,h,w,3] as [B,rows,columns,channels]; trunk.c */
omn_node *resnet_trunk(const resnet_self *e, omn_scope *s, omn_node *x);

#endif
