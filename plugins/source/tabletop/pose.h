/* SPDX-License-Identifier: Apache-2.0 */
/* How people look and how they hold themselves. */
#ifndef TABLETOP_POSE_H
#define TABLETOP_POSE_H

#include "people.h"

/* Draws height and clothes. */
void world_person_dress(world_dice *d, world_person *p);
/* Draws a pose where the person stands: joints, parts, the ball around them. */
void world_person_pose(world_dice *d, world_person *p);

#endif
