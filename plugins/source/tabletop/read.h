/* SPDX-License-Identifier: Apache-2.0 */
/* What is on a table in a picture, read without a network: blobs of one colour, which solid their
 * outline and shading are like. */
#ifndef TABLETOP_READ_H
#define TABLETOP_READ_H

#include "world.h"

enum { WORLD_MOST_BLOBS = 32 };

typedef struct world_blob {
    int box[4], pixels;
    float sure;      /* the log of how much likelier it is a thing than none */
    float solid[4];  /* by world_shape: the log of how likely it is that */
    float colour[8]; /* by world_colour */
} world_blob;

typedef struct world_reading {
    int n;           /* blobs, the surest first */
    bool perhaps[2]; /* something in black, in white may be there though no blob shows it */
    world_blob blob[WORLD_MOST_BLOBS];
} world_reading;
/* Reads a picture, rgb [height, width, 3]; false: no memory. */
bool world_picture_read(const uint8_t *rgb, int width, int height, world_reading *out);

typedef struct world_claim {
    world_colour colour;
    world_shape shape;
} world_claim;
/* Things that a text names by colour and shape ("two objects: a large red cube, a small blue
 * ball"), in its order; returns how many, at most WORLD_MOST_OBJECTS are kept. */
int world_claims_of(const char *text, world_claim out[WORLD_MOST_OBJECTS]);
/* Whether a blob of its own may be each of n claims, and no other is surely a thing. What is black
 * or white is believed where it may be there, unless another thing of that colour is. */
bool world_reading_shows(const world_reading *r, const world_claim *claims, int n);

#endif
