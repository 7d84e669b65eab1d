/* SPDX-License-Identifier: Apache-2.0 */
/* Things of a picture, as a detector finds them and as it should have: shared by the files of this
 * plugin. Inside models a box is the centre and the size, shares of the picture. */
#ifndef THINGS_H
#define THINGS_H

#include <omnio/kinds.h>

/* ---- inputs of models; main.c, phrases.c, classes.c ------------------------------------------ */

enum { THINGS_BOXES, THINGS_MAP, THINGS_SEG, THINGS_PORTS };

#define PHRASES(PAR, S)                                                                            \
    PAR(S, int, words, NULL, "1..65536", NULL, "places of a text that a phrase may stand at")      \
    PAR(S, int, most, "100", "1..65536", NULL, "most phrases, one for each box")                   \
    PAR(S, int, front, "1", "0..16", NULL, "ids in front of a text")
#define CLASSES(PAR, S)                                                                            \
    PAR(S, int, classes, NULL, "1..1048576", NULL, "classes of things")                            \
    PAR(S, int, most, "100", "1..65536", NULL, "most things of a picture")                         \
    PAR(S, string, labels, "labels.txt", NULL, NULL, "the file with their names; \"\": there is "  \
        "one class, and every thing is of it")
struct phrases { PHRASES(OMN_S_PAR, phrases) };
struct classes { CLASSES(OMN_S_PAR, classes) };

/* "boxes" f32 [N,4], "map" f32 [N,W] zeroed, and "seg" i32 [N] of ones, made for n things, at least
 * one place: without any the one there is has seg 0. */
omn_status things_new(omn_feed *out, size_t n, size_t width, float **boxes, float **map,
                      omn_error *err);
void things_ports(omn_port *list, int64_t most, int64_t width);
/* The things as they were given, a vector for each. [build] */
omn_seq *things_embed(omn_scope *s, const omn_bundle *in);
/* Corners in pixels of the source as a box of a model. OMN_ERR_DATA: the value says of no picture
 * that it lies in, or of a part that was cut out of one, or the box is none. */
omn_status things_share(const omn_value *of, const double *corners, float *box, omn_error *err);

extern const omn_encoder_impl things_phrases, things_classes;

/* ---- what a detector found; found.c ---------------------------------------------------------- */

/* Boxes of a model as corners in pixels of the source picture, cut at its edges; false: nothing of
 * it is inside, or it is no box. */
bool things_corners(const omn_image *picture, const float *box, double *corners);

#endif
