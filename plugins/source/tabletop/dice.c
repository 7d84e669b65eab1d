/* SPDX-License-Identifier: Apache-2.0 */
/* How a die is seeded. The index is spread by a bijection, so no two indices of one seed and split
 * share a state; seeds are folded to 60 bits above split and lane. */
#include "dice.h"

uint64_t world_mix64(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

world_dice world_dice_make(uint64_t seed, world_split split, uint64_t index, world_lane lane)
{
    uint64_t key = world_mix64(seed + UINT64_C(0x7461626c65746f70)) << 4;
    return (world_dice){.count = world_mix64(index + UINT64_C(0x9e3779b97f4a7c15)),
                        .key = key | (uint64_t)lane << 2 | (uint64_t)split};
}
