/* SPDX-License-Identifier: Apache-2.0 */
/* The sources of this plugin beside the tabletop itself: their parameters, and what each of them
 * hands to the door in main.c. */
#ifndef TABLETOP_SOURCES_H
#define TABLETOP_SOURCES_H

#include <omnio/learn.h>

#include "values.h"

/* What all of them take. scenes bounds the number of different pictures, so that what is made of
 * them once (codes, say) can be kept. */
#define ROW_OF_SCENES(PAR, S, each)                                                                \
    PAR(S, int64, seed, "1", "0..", NULL, "another seed, another row of " each)                    \
    PAR(S, int64, scenes, "200000", "0..", NULL, "so many, again and again; 0: without end")       \
    PAR(S, int64, round, "0", "0..4294967295", NULL, "another round, other words about the same")

#define PICTURE_SIDES(PAR, S)                                                                      \
    PAR(S, int, width, "128", "64..4096", "px", "width of the pictures")                           \
    PAR(S, int, height, "128", "64..4096", "px", "height of the pictures")

#define SOURCE_PARAMS(S, LIST) struct S { LIST(OMN_S_PAR, S) }
#define SOURCE_ROWS(S, LIST) static const omn_param S##_params[] = { LIST(OMN_S_ROW, S) }

#define EDITS(PAR, S)                                                                              \
    ROW_OF_SCENES(PAR, S, "edits")                                                                 \
    PICTURE_SIDES(PAR, S)                                                                          \
    PAR(S, int, least, "1", "1..6", NULL, "fewest objects on the table before")                    \
    PAR(S, int, most, "3", "1..6", NULL, "most objects on the table before")                       \
    PAR(S, bool, clean, "false", NULL, NULL, "plain table and no film effects")
SOURCE_PARAMS(edits, EDITS);
extern const omn_source_impl edits_impl;

#define PEOPLE(PAR, S)                                                                             \
    ROW_OF_SCENES(PAR, S, "people")                                                                \
    PICTURE_SIDES(PAR, S)                                                                          \
    PAR(S, int, most, "2", "1..3", NULL, "most people in a picture; one at least")                 \
    PAR(S, int, solids, "3", "0..6", NULL, "most objects beside them")                             \
    PAR(S, bool, clean, "false", NULL, NULL, "plain table and no film effects")
SOURCE_PARAMS(people, PEOPLE);
extern const omn_source_impl people_impl;

#define MOTION(PAR, S)                                                                             \
    ROW_OF_SCENES(PAR, S, "motions")                                                               \
    PICTURE_SIDES(PAR, S)                                                                          \
    PAR(S, int, least, "1", "1..6", NULL, "fewest objects on the table; one of them moves")        \
    PAR(S, int, most, "3", "1..6", NULL, "most objects on the table")                              \
    PAR(S, int, frames, "5", "3..6", NULL, "pictures, with the one that is to be foreseen")        \
    PAR(S, double, rate, "4", "0.1..100", "Hz", "pictures a second")                               \
    PAR(S, bool, clean, "false", NULL, NULL, "plain table and no film effects")
SOURCE_PARAMS(motion, MOTION);
extern const omn_source_impl motion_impl;

#define SOUNDS(PAR, S)                                                                             \
    ROW_OF_SCENES(PAR, S, "sounds")                                                                \
    PICTURE_SIDES(PAR, S)                                                                          \
    PAR(S, int, hits, "5", "1..5", NULL, "most hits in a sound; one at least")                     \
    PAR(S, double, seconds, "2.04", "0.6..60", "s", "how long a sound is")                         \
    PAR(S, bool, clean, "false", NULL, NULL, "plain table and no film effects")
SOURCE_PARAMS(sounds, SOUNDS);
extern const omn_source_impl sounds_impl;

/* Of the source and of the world. */
#define GRIPPER(PAR, S)                                                                            \
    ROW_OF_SCENES(PAR, S, "episodes")                                                              \
    PICTURE_SIDES(PAR, S)                                                                          \
    PAR(S, int, most, "3", "1..6", NULL, "most objects on the table")                              \
    PAR(S, int, moves, "6", "1..100", NULL, "world: moves until an episode is over")               \
    PAR(S, choice, split, "held-out", "train|held-out", NULL, "world: whose episodes")             \
    PAR(S, bool, clean, "false", NULL, NULL, "plain table and no film effects")
SOURCE_PARAMS(gripper, GRIPPER);
extern const omn_source_impl gripper_source_impl;
extern const omn_world_impl gripper_world_impl;

/* Parameters without texts are all that such a source keeps. */
omn_status source_open(const void *params, size_t size, void **self, omn_error *err);
uint64_t source_endless(const void *self, omn_split split);
/* The number of the scene behind an index, and the round of words. */
uint64_t source_scene(int64_t scenes, int64_t round, uint64_t index, uint32_t *words);

#endif
