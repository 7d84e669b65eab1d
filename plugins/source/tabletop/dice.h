/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers of the tabletop world, made so that its splits cannot meet.
 *
 * The state is a counter and a key; a draw is two rounds of the SplitMix64 finaliser over them. The
 * two lowest bits of the key are the split and the next two the lane, so two dice of different
 * splits differ in their state whatever seed and index they were made from.
 */
#ifndef TABLETOP_DICE_H
#define TABLETOP_DICE_H

#include <stdbool.h>
#include <stdint.h>

typedef enum world_split { WORLD_TRAIN, WORLD_HELD_OUT, WORLD_FOREIGN, WORLD_SPARE } world_split;
/* What the numbers are for; each has a sequence of its own. */
typedef enum world_lane {
    WORLD_LANE_SCENE, WORLD_LANE_FILM, WORLD_LANE_WORDS, WORLD_LANE_SIDES
} world_lane;

typedef struct world_dice {
    uint64_t count, key;
} world_dice;

world_dice world_dice_make(uint64_t seed, world_split split, uint64_t index, world_lane lane);
uint64_t world_mix64(uint64_t x);

static inline uint64_t dice_bits(world_dice *d)
{
    uint64_t z = d->count += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    z = (z ^ (z >> 31)) ^ d->key;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* 0 <= result < n; n is small, so the bias of the product is below 2 to the -29. */
static inline int dice_below(world_dice *d, int n)
{
    return (int)(((dice_bits(d) >> 32) * (uint64_t)n) >> 32);
}

/* lo <= result < hi */
static inline float dice_float(world_dice *d, float lo, float hi)
{
    return lo + (hi - lo) * ((float)(dice_bits(d) >> 40) * 0x1p-24f);
}

static inline bool dice_chance(world_dice *d, float p)
{
    return (float)(dice_bits(d) >> 40) * 0x1p-24f < p;
}

#endif
