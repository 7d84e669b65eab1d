/* SPDX-License-Identifier: Apache-2.0 */
/* Modal synthesis: a struck body is a sum of damped sines (van den Doel and Pai, 1998). A mode is a
 * complex number that turns and shrinks with every sample and is pushed by each hit; that takes
 * only products and sums, so samples are the same everywhere.
 */
#include "sound.h"

#include <stdio.h>
#include <string.h>

#include "exact.h"
#include "words.h"

#define SALT UINT64_C(0x736f756e64)
#define TAU 6.283185307179586477
#define APART_S 0.24 /* between two hits, at least */

enum { BODY = 6 }; /* modes of the body; the rest are the click */

static double draw(world_dice *d, double lo, double hi)
{
    return lo + (hi - lo) * (double)(dice_bits(d) >> 11) * 0x1p-53;
}

static void draw_modes(world_dice *d, world_sound *w)
{
    /* a wooden block: few modes, soon gone; a metal plate: many that stay */
    static const double WOOD[BODY] = {1, 2.57, 4.2, 5.9, 7.6, 9.3};
    static const double METAL[BODY] = {1, 1.58, 2.24, 2.92, 3.91, 5.2};
    const world_object *o = &w->scene.object[0];
    const bool metal = o->is[WORLD_P_MATERIAL] == WORLD_SHINY;
    const bool large = o->is[WORLD_P_SIZE] == WORLD_LARGE;
    const double base = large ? draw(d, 230, 420) : draw(d, 720, 1250);
    const double ring = metal ? draw(d, 0.22, 0.5) : draw(d, 0.018, 0.035);
    for (int m = 0; m < BODY; m++) {
        w->hertz[m] = base * (metal ? METAL : WOOD)[m] * draw(d, 0.985, 1.015);
        w->decay[m] = ring / (1 + (metal ? 0.25 : 0.45) * m);
        w->level[m] = draw(d, 0.6, 1) / (1 + (metal ? 0.35 : 0.8) * m);
        if (w->hertz[m] > 0.45 * w->rate)
            w->level[m] = 0;
    }
    for (int m = BODY; m < WORLD_MODES; m++) {
        w->hertz[m] = draw(d, 2500, 7000);
        w->decay[m] = draw(d, 0.0012, 0.003);
        w->level[m] = draw(d, 0.3, 0.6);
    }
}

static void draw_hits(world_dice *d, world_sound *w, int most)
{
    const double apart = APART_S * w->rate, room = w->samples - 0.3 * w->rate;
    w->hits = 1 + dice_below(d, most);
    /* gaps share what is left over, so that all rhythms are as likely */
    double cut[WORLD_MOST_HITS];
    for (int k = 0; k < w->hits; k++) {
        const double x = draw(d, 0, room - apart * (w->hits - 1));
        int i = k;
        for (; i > 0 && cut[i - 1] > x; i--)
            cut[i] = cut[i - 1];
        cut[i] = x;
    }
    for (int k = 0; k < w->hits; k++) {
        w->at[k] = (int)(0.02 * w->rate + cut[k] + apart * k);
        w->strength[k] = draw(d, 0.6, 1);
    }
}

bool world_sound_make(world_sound *w, world_canvas *c, uint64_t seed, world_split split,
                      uint64_t index, int most_hits, double seconds, bool clean)
{
    const uint64_t own = world_mix64(seed + SALT);
    const world_options one = {.least_objects = 1, .most_objects = 1, .clean = clean};
    memset(w, 0, sizeof *w);
    w->rate = WORLD_SOUND_RATE;
    w->samples = (int)(seconds * WORLD_SOUND_RATE + 0.5);
    if (most_hits < 1 || most_hits > WORLD_MOST_HITS || !(seconds >= 0.3 * (most_hits + 1)))
        return false;
    if (!world_scene_make(&w->scene, c, own, split, index, &one))
        return false;
    world_dice d = world_dice_make(own, split, index, WORLD_LANE_SIDES);
    draw_modes(&d, w);
    draw_hits(&d, w, most_hits);
    w->hiss = dice_chance(&d, 0.6f) ? draw(&d, 0.0005, 0.008) : 0;
    /* even if all modes of all hits met at their tops it would not clip */
    double sum = w->hiss;
    for (int m = 0; m < WORLD_MODES; m++) {
        const double left = exact_pow(2.718281828459045235, -APART_S / w->decay[m]);
        sum += w->level[m] / (1 - left);
    }
    w->gain = draw(&d, 0.45, 0.9) / sum;
    return true;
}

void world_sound_play(const world_sound *w, float *out)
{
    double re[WORLD_MODES] = {0}, im[WORLD_MODES] = {0}, a[WORLD_MODES], b[WORLD_MODES];
    for (int m = 0; m < WORLD_MODES; m++) {
        const double shrink = exact_pow(2.718281828459045235, -1 / (w->decay[m] * w->rate));
        const double turn = TAU * w->hertz[m] / w->rate;
        a[m] = shrink * exact_cos(turn);
        b[m] = shrink * exact_sin(turn);
    }
    world_dice d = world_dice_make(w->scene.seed, w->scene.split, w->scene.index,
                                   WORLD_LANE_FILM);
    for (int n = 0, k = 0; n < w->samples; n++) {
        double sum = 0;
        for (; k < w->hits && w->at[k] == n; k++)
            for (int m = 0; m < WORLD_MODES; m++)
                re[m] += w->gain * w->strength[k] * w->level[m];
        for (int m = 0; m < WORLD_MODES; m++) {
            const double x = re[m] * a[m] - im[m] * b[m];
            sum += im[m];
            im[m] = re[m] * b[m] + im[m] * a[m];
            re[m] = x;
        }
        if (w->hiss > 0)
            sum += draw(&d, -w->hiss, w->hiss);
        out[n] = (float)(sum < -1 ? -1 : sum > 1 ? 1 : sum);
        /* numbers too small to hear only make the processor slow */
        for (int m = 0; m < WORLD_MODES; m++)
            if (re[m] * re[m] + im[m] * im[m] < 1e-30)
                re[m] = im[m] = 0;
    }
}

/* ---- words --------------------------------------------------------------------------------- */

static const char *material_of(const world_sound *w)
{
    return w->scene.object[0].is[WORLD_P_MATERIAL] == WORLD_SHINY ? "metal" : "wood";
}

static const char *size_of(const world_sound *w)
{
    return world_value_name(WORLD_P_SIZE, w->scene.object[0].is[WORLD_P_SIZE]);
}

const char *world_heard_name(world_heard kind)
{
    static const char *const KINDS[WORLD_HEARD_KINDS] = {"count", "material", "size"};
    return (unsigned)kind < WORLD_HEARD_KINDS ? KINDS[kind] : NULL;
}

void world_sound_ask(const world_sound *w, world_heard kind, uint32_t round, char text[WORLD_TEXT],
                     char answer[WORLD_LABEL])
{
    static const char *const FORMS[WORLD_HEARD_KINDS][4] = {
        {"how many hits do you hear", "how many times is it hit", "how many hits are there",
         "how often is the $o hit"},
        {"is it metal or wood", "is the $o made of wood or metal", "what is the $o made of",
         "what material do you hear"},
        {"is the $o small or large", "is it a large or a small $o", "how big is the $o",
         "what size is the $o"},
    };
    world_dice d = world_dice_make(w->scene.seed, w->scene.split, w->scene.index, WORLD_LANE_WORDS);
    d.count = world_mix64(d.count + round) + world_mix64((uint64_t)kind + 1);
    world_say(text, FORMS[kind][dice_below(&d, 4)], "", "", &d, true);
    if (kind == WORLD_HEARD_COUNT)
        snprintf(answer, WORLD_LABEL, "%d", w->hits);
    else
        snprintf(answer, WORLD_LABEL, "%s",
                 kind == WORLD_HEARD_MATERIAL ? material_of(w) : size_of(w));
}

void world_sound_tell(const world_sound *w, char text[WORLD_TEXT])
{
    static const char *const NUMBER[] = {"no", "one", "two", "three", "four", "five"};
    snprintf(text, WORLD_TEXT, "%s hit%s on a %s %s thing", NUMBER[w->hits],
             w->hits == 1 ? "" : "s", size_of(w), material_of(w));
}
