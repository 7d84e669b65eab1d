/* SPDX-License-Identifier: Apache-2.0 */
/* What the numbers of a piece say about it: a linear discriminant (Fisher), fitted to pieces of
 * painted scenes by bench/solids. A row times the numbers, and its last value, is the log of how
 * likely the piece is that, but for what all rows have in common. */
#ifndef TABLETOP_SOLIDS_H
#define TABLETOP_SOLIDS_H

#include "pieces.h"

enum {
    SOLIDS = 4,
    SOLIDS_TURNS = 4, /* a cube looks otherwise from each side */
    SOLIDS_KINDS = SOLIDS_TURNS + 3
};

extern const float world_solids[SOLIDS_KINDS][PIECES_FORM + 1]; /* cubes; then by world_shape */
extern const float world_things[2][PIECES_FORM + 1];            /* a thing; none */
extern const float world_tints[8][PIECES_TINT + 1];             /* by world_colour */

#endif
