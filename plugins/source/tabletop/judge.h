/* SPDX-License-Identifier: Apache-2.0 */
/* Whether one thing in a picture is as it should be: an edit that was asked for, a thing that moved
 * on. Both look at a thing through the mask of where it is, and at what surrounds it. */
#ifndef TABLETOP_JUDGE_H
#define TABLETOP_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

/* Pictures are rgb [height, width, 3]; where [height, width]: above 0 is the thing. Differences of
 * colours are means over the three, from 0 to 1, after a mean of 3 x 3 pixels. */
typedef struct world_edited {
    double off;      /* of what was asked for from how it should look, over the thing */
    double same;     /* of the picture before from how it should look, over the thing */
    double rest;     /* of all others from the picture before */
    double spots;    /* pixels of 128 x 128 among them that differ by more than a little */
} world_edited;
/* made: the answer; want: as it should be; before: as it was. False: no memory. */
bool world_edited_look(const uint8_t *made, const uint8_t *want, const uint8_t *before,
                       const int32_t *where, int width, int height, world_edited *out);
bool world_edited_asked(const world_edited *e);   /* what was asked is there */
bool world_edited_kept(const world_edited *e);    /* the rest is as before, about */

typedef struct world_moved {
    double away;     /* pixels of 128 x 128 from its place to where it is found */
    double off;      /* how much it differs there, over the thing */
    double left;     /* share of what it uncovered that looks as before it went */
} world_moved;
/* made: the answer; want: the picture that follows; before: the last one that was shown. False: no
 * memory. */
bool world_moved_look(const uint8_t *made, const uint8_t *want, const uint8_t *before,
                      const int32_t *where, int width, int height, world_moved *out);
bool world_moved_there(const world_moved *m, double within);

#endif
