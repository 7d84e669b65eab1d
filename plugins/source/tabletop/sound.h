/* SPDX-License-Identifier: Apache-2.0 */
/* What a thing of the tabletop sounds like when it is hit: a few modes that ring and a short click.
 * The material decides the timbre (matte things are wood, shiny ones metal), the size the pitch. */
#ifndef TABLETOP_SOUND_H
#define TABLETOP_SOUND_H

#include "world.h"

enum { WORLD_MODES = 9, WORLD_MOST_HITS = 5, WORLD_SOUND_RATE = 16000 };

/* Each hit k adds, from sample at[k] on, the sum over the modes m of
 *   gain * strength[k] * level[m] * exp(-t / decay[m]) * sin(2 pi hertz[m] t),  t in seconds;
 * then there is a hiss of independent samples, at most `hiss` loud. */
typedef struct world_sound {
    world_scene scene; /* the thing by itself, as object 0 */
    int rate, samples;
    double hertz[WORLD_MODES], decay[WORLD_MODES], level[WORLD_MODES];
    int hits, at[WORLD_MOST_HITS];
    double strength[WORLD_MOST_HITS];
    double gain, hiss;
} world_sound;

/* Sound number index of a split, `seconds` long (at least 0.3 for each hit and 0.3 more), with 1 to
 * most_hits hits. The scene is made for the canvas. [any] */
bool world_sound_make(world_sound *w, world_canvas *c, uint64_t seed, world_split split,
                      uint64_t index, int most_hits, double seconds, bool clean);
/* out: [samples], within -1..1. */
void world_sound_play(const world_sound *w, float *out);

typedef enum world_heard { WORLD_HEARD_COUNT, WORLD_HEARD_MATERIAL, WORLD_HEARD_SIZE,
                           WORLD_HEARD_KINDS } world_heard;
/* A question of a kind and its one-word answer ("3", "metal", "small"). */
void world_sound_ask(const world_sound *w, world_heard kind, uint32_t round, char text[WORLD_TEXT],
                     char answer[WORLD_LABEL]);
const char *world_heard_name(world_heard kind); /* "count", "material", "size" */
/* "three hits on a large metal thing" */
void world_sound_tell(const world_sound *w, char text[WORLD_TEXT]);

#endif
