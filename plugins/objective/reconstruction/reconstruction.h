/* SPDX-License-Identifier: Apache-2.0 */
/* Losses of what comes back: their parameters and doors, shared by the files of this plugin. */
#ifndef RECONSTRUCTION_H
#define RECONSTRUCTION_H

#include <omnio/learn.h>

#define LAPLACE(PAR, S)                                                                            \
    PAR(S, string, wanted, "wanted.image", NULL, NULL,                                             \
        "output with the picture [B,H,W,C], above 0 and below 1")                                  \
    PAR(S, string, made, "made.image", NULL, NULL,                                                 \
        "output with means of the logits and logarithms of their spreads [B,H,W,2C]")              \
    PAR(S, string, scores, "scores.image", NULL, NULL, "output with scores of the codes [B,h,w,V]")
struct laplace { LAPLACE(OMN_S_PAR, laplace) };

extern const omn_objective_impl laplace_impl; /* laplace.c */

#endif
