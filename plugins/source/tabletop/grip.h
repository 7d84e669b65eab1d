/* SPDX-License-Identifier: Apache-2.0 */
/* A hand over the tabletop that picks, places and pushes, and who judges whether it did as told.
 * Things are discs on the table as far as the hand is concerned: their half width is the radius of
 * the solid. */
#ifndef TABLETOP_GRIP_H
#define TABLETOP_GRIP_H

#include "people.h"

typedef enum world_job { WORLD_PICK, WORLD_PLACE, WORLD_PUSH, WORLD_JOBS } world_job;

/* One move: the hand goes straight to the point of the table under picture point (x, y), on the
 * table if down, else above it; at the end it closes or opens. */
typedef struct world_move {
    float x, y; /* pixels */
    bool down, closed;
} world_move;
enum { WORLD_MOST_MOVES = 2 };

typedef struct world_grip {
    world_scene scene; /* as it is now; call world_grip_show before looking or painting */
    world_crowd hand;  /* the hand as it is painted */
    world_job job;
    int thing;         /* which object is spoken of */
    float target[2];   /* the middle of the spot; not of WORLD_PICK */
    char text[WORLD_TEXT];
    bool away;         /* the hand has not come yet */
    float at[2];       /* where it is */
    bool down, closed, lifted; /* lifted: the thing was held at some time */
    int held;          /* object in the hand; -1: none */
    int moves;         /* done so far */
} world_grip;

/* Episode number index of a split. The wording follows from round too. [any] */
bool world_grip_make(world_grip *g, world_canvas *c, uint64_t seed, world_split split,
                     uint64_t index, uint32_t round, const world_options *options);
/* One move. false: there is no table under that point of the picture; nothing has happened then. */
bool world_grip_move(world_grip *g, const world_move *m);
/* Done as told: the thing is in the hand (pick); it stands within half its width of the spot's
 * middle and is not held (place), and never was (push). */
bool world_grip_done(const world_grip *g);
/* From the middle of the spot to the thing, in half widths of it; pick: from the hand. */
double world_grip_distance(const world_grip *g);
/* What somebody who knows where everything is does from the beginning; returns how many moves. */
int world_grip_plan(const world_grip *g, world_move plan[WORLD_MOST_MOVES]);
/* Puts the hand into the scene. */
void world_grip_show(world_grip *g);
const char *world_job_name(world_job job); /* "pick", "place", "push"; NULL outside the enum */

#endif
