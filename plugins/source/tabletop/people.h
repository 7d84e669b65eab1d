/* SPDX-License-Identifier: Apache-2.0 */
/* Stick figures on the table: bodies of balls and rods with the 17 joints of COCO's people. */
#ifndef TABLETOP_PEOPLE_H
#define TABLETOP_PEOPLE_H

#include "world.h"

enum { WORLD_JOINTS = 17, WORLD_MOST_PEOPLE = 3, WORLD_MOST_PARTS = 24 };

/* All points within radius of the line from a to b; a ball where both are one. joint: those at a
 * and at b, in COCO's order, -1 for none. */
typedef struct world_part {
    float a[3], b[3], radius, rgb[3];
    int8_t joint[2];
} world_part;

typedef struct world_person {
    world_part part[WORLD_MOST_PARTS];
    int n;
    float joint[WORLD_JOINTS][3];
    float middle[3], reach; /* a ball around all parts */
    float x, y, tall;
    uint8_t shirt, trousers; /* world_colour */
    /* what the camera sees; filled by looking */
    world_seen seen;
    float at[WORLD_JOINTS][2];     /* column and row */
    uint8_t visible[WORLD_JOINTS]; /* 2: the first thing on the way to it is a part that ends there;
                                    * 1: something covers it; 0: outside the picture */
} world_person;

/* What stands on the table beside the solids of a scene. */
typedef struct world_crowd {
    int n;
    world_person person[WORLD_MOST_PEOPLE];
} world_crowd;

/* Scene number index of a split, with up to most_people people (1 at least) and at most as many
 * solids as the options say, none if they say none. s->crowd is crowd then. [any] */
bool world_people_make(world_scene *s, world_crowd *crowd, world_canvas *c, uint64_t seed,
                       world_split split, uint64_t index, int most_people, int most_objects,
                       bool clean);

/* For looking and painting. Number of a person in the object buffer: n + 1 + i. */
float world_part_hit(const world_part *p, const float o[3], const float d[3]);
/* The nearest part of a person, *part set; a huge number for a miss. */
float world_person_hit(const world_person *p, const float o[3], const float d[3], int *part);
void world_part_normal(const world_part *p, const float at[3], float n[3]);
/* Fills at and visible of all joints; places and solids are those of the scene. */
void world_people_joints(const world_scene *s, world_crowd *crowd, int width, int height);

#endif
