/* SPDX-License-Identifier: Apache-2.0 */
/* What is on a table in a picture, read without a network: blobs of one colour, and how much their
 * outline is like that of each solid. For plain pictures, as the option clean makes them. */
#ifndef TABLETOP_READ_H
#define TABLETOP_READ_H

#include "world.h"

enum { WORLD_MOST_BLOBS = 32 };

typedef struct world_blob {
    world_colour colour;
    int box[4], pixels;
    float like[4]; /* by world_shape: overlap of its outline with the nearest one of that solid */
} world_blob;

/* Outlines of the solids from the sides and heights that cameras have; made once. */
typedef struct world_outlines world_outlines;
world_outlines *world_outlines_new(void); /* NULL: no memory */
void world_outlines_free(world_outlines *o);

typedef struct world_reading {
    int n;               /* blobs, largest first */
    float unit;          /* pixels that one of a picture 128 wide is */
    world_blob blob[WORLD_MOST_BLOBS];
    bool perhaps[2];     /* something in black, in white may be there though no blob shows it: it is
                          * easily lost in shadows, reflections or a table of its own shade */
} world_reading;
/* Reads a picture, rgb [height, width, 3]; false: no memory. */
bool world_picture_read(const world_outlines *o, const uint8_t *rgb, int width, int height,
                        world_reading *out);

typedef struct world_claim {
    world_colour colour;
    world_shape shape;
} world_claim;
/* Things that a text names by colour and shape ("two objects: a large red cube, a small blue
 * ball"), in its order; returns how many, at most WORLD_MOST_OBJECTS are kept. */
int world_claims_of(const char *text, world_claim out[WORLD_MOST_OBJECTS]);
/* Whether a blob of its own shows each of n claims, and no other vivid colour is there. What is
 * black or white is believed where it may be there, unless another solid of that colour is. */
bool world_reading_shows(const world_reading *r, const world_claim *claims, int n);

#endif
