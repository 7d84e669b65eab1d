/* SPDX-License-Identifier: Apache-2.0 */
/* Allocations of the library fail at will. A program that is linked with STARVE_LINK and INNER_LIBS
 * has them here; those of plugins and of other libraries are left alone. */
#ifndef OMNIO_TESTS_STARVE_H
#define OMNIO_TESTS_STARVE_H

#include <omnio/base.h>

/* From now on allocation number n fails, counted from 1, and with `on` all that follow; 0: none. */
void starve_at(unsigned long n, bool on);
/* How many were asked for since. */
unsigned long starve_asked(void);
/* Until the next starve_at nothing fails, nor is it counted: for a scene that judges, which takes
 * memory too. */
void starve_rest(void);

/* Plays the scene once for each of its allocations, which fails alone: it must end in
 * OMN_ERR_MEMORY with a text, or, if `forgiving`, well: what the scene makes then is for the scene
 * to judge. The last time all is there. A scene with no more than `least` allocations would prove
 * little. */
typedef omn_status starve_scene(void *user, omn_error *err);
void starve_play(starve_scene *scene, void *user, unsigned long least, bool forgiving);
/* The same from allocation `first` on, for a scene whose beginning is another test's. */
void starve_play_from(starve_scene *scene, void *user, unsigned long first, unsigned long least,
                      bool forgiving);

#endif
