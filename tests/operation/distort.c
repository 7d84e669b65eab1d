/* SPDX-License-Identifier: Apache-2.0 */
/* Distorted pictures: the same for a seed, of the same size, further from the original the stronger
 * the distortion is; noise has the spread that it is said to have. */
#include "tests/operation/apply.h"

#include "tests/testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDE = 96, HIGH = 64, BYTES = WIDE * HIGH * 3 };

/* grey: all of one shade; else squares of four colours. */
static omn_value *picture(int grey)
{
    static const uint8_t COLOURS[4][3] = { { 200, 40, 40 }, { 40, 60, 180 }, { 90, 160, 60 },
                                           { 120, 110, 100 } };
    omn_image *img = NULL;
    omn_pixels px;
    ck_assert_int_eq(omn_image_new(OMN_U8, WIDE, HIGH, 3, NULL, &img, &px, NULL), OMN_OK);
    for (int i = 0; i < WIDE * HIGH; i++)
        for (int k = 0; k < 3; k++)
            ((uint8_t *)px.data)[3 * i + k] =
                (uint8_t)(grey ? grey : COLOURS[(i % WIDE / 13 + i / WIDE / 9 * 3) % 4][k]);
    return omn_image_give(img);
}

static void distorted(const omn_value *in, const char *kind, int strength, int seed, uint8_t *out)
{
    char s[16], n[16];
    snprintf(s, sizeof s, "%d", strength);
    snprintf(n, sizeof n, "%d", seed);
    const omn_value *const given[4] = { in, NULL, NULL, NULL };
    omn_value *v =
        apply(NULL, "image.distort", given, "kind", kind, "strength", s, "seed", n, NULL);
    const omn_pixels px = omn_image_pixels(omn_value_image(v));
    ck_assert_uint_eq(px.width, WIDE);
    ck_assert_uint_eq(px.height, HIGH);
    ck_assert_uint_eq(px.channels, 3);
    memcpy(out, px.data, BYTES);
    omn_value_unref(v);
}

static double apart(const uint8_t *a, const uint8_t *b)
{
    double sum = 0;
    for (int i = 0; i < BYTES; i++) sum += abs(a[i] - b[i]);
    return sum / BYTES;
}

START_TEST(stronger_is_further_away)
{
    static const char *const KINDS[] = {
        "gaussian-noise", "shot-noise", "impulse-noise", "speckle-noise", "gaussian-blur",
        "defocus-blur",   "brightness", "contrast",      "jpeg",          "pixelate"
    };
    static uint8_t from[BYTES], weak[BYTES], strong[BYTES], again[BYTES];
    omn_value *in = picture(0);
    memcpy(from, omn_image_pixels(omn_value_image(in)).data, BYTES);
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++) {
        distorted(in, KINDS[i], 1, 7, weak);
        distorted(in, KINDS[i], 5, 7, strong);
        distorted(in, KINDS[i], 5, 7, again);
        /* a weak blur of a picture as small as this is less than a pixel wide */
        ck_assert_msg(apart(weak, from) > 0, "%s changes nothing", KINDS[i]);
        ck_assert_msg(apart(strong, from) > fmax(0.3, apart(weak, from)), "%s: %g, then %g",
                      KINDS[i], apart(weak, from), apart(strong, from));
        ck_assert_mem_eq(strong, again, BYTES);
    }
    distorted(in, "motion-blur", 3, 7, weak);
    ck_assert(apart(weak, from) > 0.3);
    distorted(in, "saturation", 1, 7, weak);
    ck_assert(apart(weak, from) > 0.3);
    /* "any" draws kind and strength */
    int different = 0;
    distorted(in, "any", 0, 1, weak);
    for (int seed = 2; seed < 12; seed++) {
        distorted(in, "any", 0, seed, strong);
        different += memcmp(weak, strong, BYTES) != 0;
    }
    ck_assert_int_eq(different, 10);
    omn_value_unref(in);
    apply_end();
}
END_TEST

static void moments(const uint8_t *x, double *mean, double *sd)
{
    double sum = 0, square = 0;
    for (int i = 0; i < BYTES; i++) sum += x[i];
    *mean = sum / BYTES;
    for (int i = 0; i < BYTES; i++) square += (x[i] - *mean) * (x[i] - *mean);
    *sd = sqrt(square / BYTES);
}

/* 18,432 draws: the spread of a spread is half a percent, of a mean below 0.3 of 255. */
START_TEST(noise_is_as_wide_as_it_says)
{
    static uint8_t out[BYTES];
    double mean, sd;
    omn_value *in = picture(128);
    distorted(in, "gaussian-noise", 1, 3, out);
    moments(out, &mean, &sd);
    ck_assert_double_eq_tol(mean, 128, 0.8);
    ck_assert_double_eq_tol(sd, 0.08 * 255, 0.6);
    distorted(in, "speckle-noise", 1, 3, out);
    moments(out, &mean, &sd);
    ck_assert_double_eq_tol(sd, 0.15 * 128, 0.6);
    distorted(in, "shot-noise", 1, 3, out);
    moments(out, &mean, &sd);
    ck_assert_double_eq_tol(mean, 128, 0.8);
    ck_assert_double_eq_tol(sd, 255 * sqrt(128.0 / 255 / 60), 0.6);
    distorted(in, "brightness", 2, 3, out);
    moments(out, &mean, &sd);
    ck_assert_double_eq_tol(mean, 128 + 0.2 * 255, 1);
    distorted(in, "gaussian-blur", 5, 3, out);
    moments(out, &mean, &sd);
    ck_assert_double_eq(mean, 128); /* what is even stays so, at the borders too */
    ck_assert_double_eq(sd, 0);
    omn_value_unref(in);
    apply_end();
}
END_TEST

int main(void)
{
    const TTest *const all[] = { stronger_is_further_away, noise_is_as_wide_as_it_says };
    return TESTING_RUN("operation/distort", all, 60);
}
