/* SPDX-License-Identifier: Apache-2.0 */
/* Sounds of the tabletop world beside the sum of damped sines that they are said to be, computed
 * with the library's sine and exponential; where the hits are; what material and size do. */
#include "tests/testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/source/tabletop/sound.h"

enum { MOST = 64000 };

static const double TURN = 6.283185307179586;
static float out[MOST];

static double wanted(const world_sound *w, int n)
{
    double sum = 0;
    for (int k = 0; k < w->hits && w->at[k] <= n; k++) {
        const double t = (double)(n - w->at[k]) / w->rate;
        for (int m = 0; m < WORLD_MODES; m++)
            sum += w->gain * w->strength[k] * w->level[m] * exp(-t / w->decay[m]) *
                   sin(TURN * w->hertz[m] * t);
    }
    return sum;
}

START_TEST(samples_are_the_sum_of_the_hits)
{
    world_canvas *c = world_canvas_new(64, 64);
    static world_sound w;
    for (uint64_t i = 0; i < 40; i++) {
        ck_assert(world_sound_make(&w, c, 1, WORLD_TRAIN, i, 5, 2, false));
        ck_assert_int_eq(w.samples, 2 * w.rate);
        world_sound_play(&w, out);
        for (int n = 0; n < w.samples; n += 3) {
            ck_assert_float_lt(fabsf(out[n]), 1); /* never cut off */
            /* what a double loses in 32,000 turns, and a float in the end */
            ck_assert_double_eq_tol((double)out[n], wanted(&w, n), w.hiss + 1e-6);
        }
    }
    world_canvas_free(c);
}
END_TEST

/* Silence up to the first hit, then at each hit a step that nothing before it explains. */
START_TEST(hits_are_at_their_samples)
{
    world_canvas *c = world_canvas_new(64, 64);
    static world_sound w;
    int count[WORLD_MOST_HITS + 1] = {0};
    for (uint64_t i = 0; i < 100; i++) {
        ck_assert(world_sound_make(&w, c, 2, WORLD_HELD_OUT, i, 5, 2, false));
        w.hiss = 0;
        count[w.hits]++;
        world_sound_play(&w, out);
        for (int n = 0; n <= w.at[0]; n++)
            ck_assert(out[n] == 0);
        for (int k = 0; k < w.hits; k++) {
            ck_assert_int_ge(w.at[k] - (k ? w.at[k - 1] : 0), k ? w.rate * 24 / 100 - 1 : 0);
            ck_assert_int_le(w.at[k], w.samples - w.rate / 4);
            world_sound without = w;
            static float before[MOST];
            without.hits = k;
            world_sound_play(&without, before);
            ck_assert_mem_eq(before, out, (size_t)(w.at[k] + 1) * sizeof *out);
            ck_assert_float_gt(fabsf(out[w.at[k] + 1] - before[w.at[k] + 1]), 1e-3f);
        }
    }
    for (int k = 1; k <= WORLD_MOST_HITS; k++)
        ck_assert_int_gt(count[k], 8); /* a fifth of 100 each */
    world_canvas_free(c);
}
END_TEST

static double power(int from, int to)
{
    double sum = 0;
    for (int n = from; n < to; n++)
        sum += (double)out[n] * (double)out[n];
    return sum;
}

/* The strongest frequency below 2 kHz of the 60 ms behind a hit, in steps of 10 Hz. */
static double pitch(int from, int rate)
{
    double best = 0, most = 0;
    for (double f = 100; f < 2000; f += 10) {
        double re = 0, im = 0;
        for (int n = 0; n < rate * 60 / 1000; n++) {
            re += (double)out[from + n] * cos(TURN * f * n / rate);
            im += (double)out[from + n] * sin(TURN * f * n / rate);
        }
        if (re * re + im * im > most) {
            most = re * re + im * im;
            best = f;
        }
    }
    return best;
}

START_TEST(material_is_the_timbre_and_size_the_pitch)
{
    world_canvas *c = world_canvas_new(64, 64);
    static world_sound w;
    for (uint64_t i = 0; i < 60; i++) {
        ck_assert(world_sound_make(&w, c, 3, WORLD_TRAIN, i, 1, 1, false));
        w.hiss = 0;
        world_sound_play(&w, out);
        const bool metal = w.scene.object[0].is[WORLD_P_MATERIAL] == WORLD_SHINY;
        const bool large = w.scene.object[0].is[WORLD_P_SIZE] == WORLD_LARGE;
        /* of what rings, the share that is left after a tenth of a second */
        const double all = power(w.at[0], w.samples);
        const double late = power(w.at[0] + w.rate / 10, w.samples) / all;
        ck_assert_msg(metal ? late > 0.1 : late < 0.01, "sound %d: %g", (int)i, late);
        const double low = w.hertz[0], heard = pitch(w.at[0], w.rate);
        ck_assert_msg(large ? low < 450 : low > 700, "sound %d: %g Hz", (int)i, low);
        ck_assert_msg(large ? heard < 1000 : heard > 600, "sound %d: heard %g Hz", (int)i, heard);
    }
    world_canvas_free(c);
}
END_TEST

START_TEST(words_say_what_is_heard)
{
    static const char *const NUMBER[] = {"no", "one", "two", "three", "four", "five"};
    world_canvas *c = world_canvas_new(64, 64);
    static world_sound w, other;
    for (uint64_t i = 0; i < 60; i++) {
        char text[WORLD_TEXT], answer[WORLD_LABEL], count[8];
        ck_assert(world_sound_make(&w, c, 3, WORLD_TRAIN, i, 5, 2, false));
        ck_assert(world_sound_make(&other, c, 3, WORLD_HELD_OUT, i, 5, 2, false));
        ck_assert(w.hertz[0] != other.hertz[0]);
        const char *material = w.scene.object[0].is[WORLD_P_MATERIAL] ? "metal" : "wood";
        const char *size = w.scene.object[0].is[WORLD_P_SIZE] ? "large" : "small";
        world_sound_tell(&w, text);
        ck_assert(strstr(text, material) && strstr(text, size));
        ck_assert(!strncmp(text, NUMBER[w.hits], strlen(NUMBER[w.hits])));
        world_sound_ask(&w, WORLD_HEARD_COUNT, 0, text, answer);
        snprintf(count, sizeof count, "%d", w.hits);
        ck_assert_str_eq(answer, count);
        world_sound_ask(&w, WORLD_HEARD_MATERIAL, 0, text, answer);
        ck_assert_str_eq(answer, material);
        world_sound_ask(&w, WORLD_HEARD_SIZE, 0, text, answer);
        ck_assert_str_eq(answer, size);
    }
    ck_assert(!world_sound_make(&w, c, 3, WORLD_TRAIN, 0, 5, 1, false));
    world_canvas_free(c);
}
END_TEST

/* Seconds of work; sanitizers on a busy machine need the time. */
int main(void)
{
    const TTest *const all[] = {
        samples_are_the_sum_of_the_hits,
        hits_are_at_their_samples,
        material_is_the_timbre_and_size_the_pitch,
        words_say_what_is_heard,
    };
    return TESTING_RUN("tabletop/sounds", all, 120);
}
