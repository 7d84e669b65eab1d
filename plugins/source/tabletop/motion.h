/* SPDX-License-Identifier: Apache-2.0 */
/* Scenes in which one thing moves along the table. */
#ifndef TABLETOP_MOTION_H
#define TABLETOP_MOTION_H

#include "world.h"

enum { WORLD_MOST_FRAMES = 9 };

/* As the camera sees it. */
typedef enum world_way { WORLD_LEFT, WORLD_RIGHT, WORLD_AWAY, WORLD_CLOSER, WORLD_WAYS } world_way;

typedef struct world_motion {
    world_scene first;  /* the scene at the first moment; objects keep their order later */
    int mover, frames;  /* which one moves; the last frame is the one to foresee */
    world_way way;
    float step[2];      /* on the table, from frame to frame */
    float col[WORLD_MOST_FRAMES], row[WORLD_MOST_FRAMES]; /* middle of its box, pixels */
    int32_t box[WORLD_MOST_FRAMES][4];
} world_motion;

/* Motion number index of a split: frames 3..WORLD_MOST_FRAMES. From frame to frame the thing moves
 * at least 12 pixels of a picture 128 wide, mostly to one side, away or closer; it is well seen in
 * every frame, and so are the others. Each way is as frequent. [any] */
bool world_motion_make(world_motion *m, world_canvas *c, uint64_t seed, world_split split,
                       uint64_t index, int frames, const world_options *options);
/* The scene of a frame. */
void world_motion_at(const world_motion *m, int frame, world_scene *out);
/* "left", "right", "away", "closer"; NULL outside the enum. */
const char *world_way_name(world_way way);
/* "which way does the red cube move?"; the wording follows from round too. */
void world_motion_ask(const world_motion *m, uint32_t round, char out[WORLD_TEXT]);

#endif
