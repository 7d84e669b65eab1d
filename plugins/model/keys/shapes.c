/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes of the tensors of a checkpoint, by their names. */
#include "shapes.h"

#include <math.h>
#include <stdio.h>

enum { MOST_NAME = 256, MOST_BLOCKS = 512 };

bool shapes_has(omn_config *f, const char *name)
{
    char path[MOST_NAME];
    const int n = snprintf(path, sizeof path, "tensors.%s", name);
    return n > 0 && (size_t)n < sizeof path && omn_config_has(f, path);
}

int64_t shapes_dim(omn_config *f, const char *name, int axis)
{
    char path[MOST_NAME];
    const int n = snprintf(path, sizeof path, "tensors.%s.%d", name, axis);
    return n > 0 && (size_t)n < sizeof path ? omn_config_int_or(f, path, 0, 1 << 24, 0) : 0;
}

int shapes_count(omn_config *f, const char *before, const char *behind)
{
    char name[MOST_NAME];
    for (int i = 0; i < MOST_BLOCKS; i++) {
        const int n = snprintf(name, sizeof name, "%s%d%s", before, i, behind);
        if (n < 0 || (size_t)n >= sizeof name || !shapes_has(f, name)) return i;
    }
    return MOST_BLOCKS;
}

int64_t shapes_side(int64_t n)
{
    const int64_t side = n > 0 ? (int64_t)llround(sqrt((double)n)) : 0;
    return side * side == n ? side : 0;
}
