/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of a picture that may be things: what hangs together where a picture is more than so red,
 * so green and so on, at several levels, each with numbers that tell its outline, its shading and
 * its colour. */
#ifndef TABLETOP_PIECES_H
#define TABLETOP_PIECES_H

#include "world.h"

enum {
    PIECES_MOST = 2048, /* of a picture; more are not looked at */
    PIECES_GRID = 10,   /* cells on a side of the square about a piece */
    PIECES_FORM = 4 * PIECES_GRID * PIECES_GRID + 7, /* numbers of outline and shading */
    PIECES_TINT = 78    /* numbers of colour */
};

typedef struct world_piece {
    int box[4], pixels;
    float form[PIECES_FORM], tint[PIECES_TINT];
} world_piece;

typedef struct world_pieces {
    int n, width, height;
    float unit;         /* of a picture whose shorter side is 128 pixels it is 1 */
    bool perhaps[2];    /* something in black, in white may be there though no piece shows it: it is
                         * easily lost in shadows, reflections or a table of its own shade */
    size_t row;         /* bytes of a mask */
    world_piece *list;  /* [n] */
    uint8_t *mask;      /* [n, row]: a bit for each pixel, the lowest of a byte first */
} world_pieces;

/* Finds the pieces of rgb [height, width, 3]; false: no memory. out is owned by the caller. */
bool world_pieces_find(const uint8_t *rgb, int width, int height, world_pieces *out);
void world_pieces_fini(world_pieces *p);

static inline bool world_piece_has(const world_pieces *p, int i, int pixel)
{
    return p->mask[(size_t)i * p->row + (size_t)(pixel / 8)] >> (pixel % 8) & 1;
}

#endif
