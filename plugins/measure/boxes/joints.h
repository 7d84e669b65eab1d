/* SPDX-License-Identifier: Apache-2.0 */
/* The measure of joints, for the door in main.c. */
#ifndef MEASURE_JOINTS_H
#define MEASURE_JOINTS_H

#include <omnio/learn.h>

#define JOINTS(PAR, S)                                                                             \
    PAR(S, double, within, "0.1", "0..10", NULL, "of the person's height: so far off is right")    \
    PAR(S, string, box, "box", NULL, NULL, "the input that is the box around the person")
struct joints { JOINTS(OMN_S_PAR, joints) };
extern const omn_measure_impl joints_impl;

#endif
