/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the encoder image.corner share: its parameters, and how it looks at a
 * picture. */
#ifndef CORNER_H
#define CORNER_H

#include <omnio/kinds.h>

#define CORNER(PAR, S)                                                                           \
    PAR(S, int, rows, "24", "1..1024", NULL, "rows of the grid of patches")                      \
    PAR(S, int, columns, "24", "1..1024", NULL, "columns of the grid")                           \
    PAR(S, int, patch, "16", "1..256", "px", "side of a patch")                                  \
    PAR(S, int, width, "768", "1..65536", NULL, "width of a vector")                             \
    PAR(S, string, weight, "kernel", NULL, NULL,                                                 \
        "full name of the weight [in, out] that patches go through")                             \
    PAR(S, choice, alpha, "white", "white|hides", NULL,                                          \
        "what is transparent lies over white, or is not looked at: patches whose first pixel "   \
        "is are hidden, others show the colours that are there")
struct corner { CORNER(OMN_S_PAR, corner) };

enum { ALPHA_WHITE, ALPHA_HIDES };

typedef struct corner_self {
    const struct corner *p;
    omn_port ports[3];
} corner_self;

/* A picture as patches [N, 3 patch patch], who is seen [N], and where it stands [N]; see.c */
omn_status corner_prepare(const void *self, omn_call *c, const omn_value *v, omn_feed *out,
                          omn_frame *frame, omn_error *err);

#endif
