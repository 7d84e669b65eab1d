/* SPDX-License-Identifier: Apache-2.0 */
/* The measures of this plugin, for the door in main.c. */
#ifndef TABLETOP_MEASURES_H
#define TABLETOP_MEASURES_H

#include "sources.h"

#define SHOWS(PAR, S)                                                                              \
    PAR(S, string, text, "text", NULL, NULL, "the input that names things, as in: a red cube")
SOURCE_PARAMS(shows, SHOWS);
extern const omn_measure_impl shows_impl;

#define ALIKE(PAR, S)                                                                              \
    PAR(S, double, within, "1.5", "0..16", "px", "shifts that are forgiven, of 128 pixels")        \
    PAR(S, double, differ, "0.16", "0..1", NULL, "differences of a colour that are forgiven")      \
    PAR(S, double, pixels, "10", "0..16384", NULL, "so many of 128 x 128 that differ are too much")
SOURCE_PARAMS(alike, ALIKE);
extern const omn_measure_impl alike_impl;

#define HITS(PAR, S)                                                                               \
    PAR(S, string, text, "text", NULL, NULL, "the input whose first word is how many")
SOURCE_PARAMS(hits, HITS);
extern const omn_measure_impl hits_impl;

#define MOVES(PAR, S)                                                                              \
    PAR(S, double, within, "6", "0..4096", "px", "how far a point may be from the wanted one")     \
    PAR(S, string, beside, "", NULL, NULL, "a number beside that says it, as half a thing's width")
SOURCE_PARAMS(moves, MOVES);
extern const omn_measure_impl moves_impl;

#define EDITED(PAR, S)                                                                             \
    PAR(S, string, where, "mask", NULL, NULL, "the mask of the thing that is to change")           \
    PAR(S, string, before, "before", NULL, NULL, "the picture before")
SOURCE_PARAMS(edited, EDITED);
extern const omn_measure_impl edited_impl;

#define MOVED(PAR, S)                                                                              \
    PAR(S, double, within, "4", "0..64", "px", "how far off the thing may be, of 128 pixels")      \
    PAR(S, string, where, "mask", NULL, NULL, "the mask of the thing in the picture that follows") \
    PAR(S, string, before, "before", NULL, NULL, "the last picture that was shown")
SOURCE_PARAMS(moved, MOVED);
extern const omn_measure_impl moved_impl;

#endif
