/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptions of objects as sets of properties, and how they are said. */
#ifndef TABLETOP_WORDS_H
#define TABLETOP_WORDS_H

#include "world.h"

/* Which properties are named (bits by world_property), and their values. */
typedef struct world_desc {
    unsigned named;
    uint8_t is[WORLD_PROPERTIES];
} world_desc;

#define NAMES(p) (1u << (p))
enum { WORLD_ALL_NAMED = (1 << WORLD_PROPERTIES) - 1 };

world_desc world_desc_of(const world_object *o, unsigned named);
bool world_desc_fits(const world_desc *w, const world_object *o);
/* How many objects of the scene it fits. */
int world_desc_count(const world_scene *s, const world_desc *w);
/* Uniformly one of the descriptions that fit this object alone, among those that name none of
 * not_named; false: there is none. */
bool world_desc_unique(const world_scene *s, int object, unsigned not_named, world_dice *d,
                       world_desc *out);

/* "large red cube": fixed words, in the order size, colour, shape; a property that is not named is
 * left out, a missing shape is "object". Material comes first but one. */
void world_desc_plain(const world_desc *w, char *out, size_t n);
/* The same with synonyms and varying order; plural: "large red balls". */
void world_desc_say(const world_desc *w, bool plural, world_dice *d, char *out, size_t n);

/* Writes a template into out (WORLD_TEXT bytes), then varies case and the closing mark.
 * $a $b are the phrases, with the article where the template has it; $x stands for "a" or "an"
 * before $a; $c is colour or color, $o object or thing, $p picture or image. */
void world_say(char *out, const char *pattern, const char *a, const char *b, world_dice *d,
               bool question);

#endif
