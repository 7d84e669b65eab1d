/* SPDX-License-Identifier: Apache-2.0 */
/* Edits: a scene of the world, and the same one with one thing changed. Scenes come from a row of
 * their own: the seed is salted, the split is not, so that splits stay apart. */
#include "edit.h"

#include <stdio.h>
#include <string.h>

#include "words.h"

#define SALT UINT64_C(0x6564697473)
#define TRIES 100

/* Light and film that leave every pixel to what it shows. */
static void keep_apart(world_scene *s)
{
    for (int k = 0; k < s->n_lights; k++)
        s->light[k].shadow = false;
    for (int i = 0; i < s->n; i++)
        s->object[i].mirror = 0;
    s->contact = 0;
    s->film.blur = 0;
    s->film.quality = 0;
}

static void say(world_edit *e, world_dice *d)
{
    static const char *const RECOLOUR[] = {
        "make the $a $b", "make the $a $b", "paint the $a $b", "turn the $a $b",
        "change the $c of the $a to $b", "the $a should be $b",
    };
    static const char *const REMOVE[] = {"remove the $a", "remove the $a", "take the $a away",
                                         "delete the $a", "the $a should be gone"};
    char name[2 * WORLD_LABEL];
    world_desc w;
    if (!world_desc_unique(&e->before, e->object, 0, d, &w))
        return;
    world_desc_say(&w, false, d, name, sizeof name);
    const char *colour =
        world_value_name(WORLD_P_COLOUR, e->after.object[e->object].is[WORLD_P_COLOUR]);
    if (e->what == WORLD_REMOVE)
        world_say(e->text, REMOVE[dice_below(d, 5)], name, "", d, false);
    else
        world_say(e->text, RECOLOUR[dice_below(d, 6)], name, colour, d, false);
}

static void change(world_edit *e, world_dice *d)
{
    world_scene *s = &e->after;
    world_object *o = &s->object[e->object];
    if (e->what == WORLD_RECOLOUR) {
        o->is[WORLD_P_COLOUR] = (uint8_t)((o->is[WORLD_P_COLOUR] + 1 + dice_below(d, 7)) % 8);
        world_object_tint(d, o);
    }
}

static void take_away(world_scene *s, int i)
{
    s->n--;
    memmove(&s->object[i], &s->object[i + 1], (size_t)(s->n - i) * sizeof s->object[0]);
    memmove(&s->seen[i], &s->seen[i + 1], (size_t)(s->n - i) * sizeof s->seen[0]);
}

/* A thing of the scene that a description fits alone; false: there is none. */
static bool draw_object(world_edit *e, world_dice *d)
{
    const int first = dice_below(d, e->before.n);
    for (int k = 0; k < e->before.n; k++) {
        world_desc w;
        e->object = (first + k) % e->before.n;
        if (world_desc_unique(&e->before, e->object, 0, d, &w))
            return true;
    }
    return false;
}

bool world_edit_make(world_edit *e, world_canvas *c, uint64_t seed, world_split split,
                     uint64_t index, uint32_t round, const world_options *options)
{
    const uint64_t own = world_mix64(seed + SALT);
    world_dice d = world_dice_make(own, split, index, WORLD_LANE_SIDES);
    bool found = false;
    /* a scene of twins is passed over for another */
    for (uint64_t k = 0; k < TRIES && !found; k++)
        found = world_scene_make(&e->before, c, world_mix64(own + k), split, index, options) &&
                draw_object(e, &d);
    if (!found)
        return false;
    keep_apart(&e->before);
    e->what = dice_below(&d, 3) ? WORLD_RECOLOUR : WORLD_REMOVE;
    e->after = e->before;
    change(e, &d);
    world_dice words = world_dice_make(own, split, index, WORLD_LANE_WORDS);
    words.count = world_mix64(words.count + round);
    say(e, &words);
    if (e->what == WORLD_REMOVE)
        take_away(&e->after, e->object);
    return true;
}

const char *world_change_name(world_change what)
{
    static const char *const NAMES_OF[WORLD_CHANGES] = {"recolour", "remove"};
    return (unsigned)what < WORLD_CHANGES ? NAMES_OF[what] : NULL;
}
