/* SPDX-License-Identifier: Apache-2.0 */
/* operation/distort: pictures as bad cameras, bad light and bad files leave them: twelve of the
 * corruptions of ImageNet-C (Hendrycks and Dietterich 2019) with their five strengths. They stand
 * in for the distortions of benchmarks whose own list is not public. No pixel moves, so that what
 * is true of the picture stays true. Lengths were chosen there for pictures 224 pixels wide: they
 * shrink with smaller pictures and do not grow with larger ones. */
#include "lossy.h"

#include <omnio/plugin.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define KINDS                                                                                      \
    "any|gaussian-noise|shot-noise|impulse-noise|speckle-noise|gaussian-blur|defocus-blur|"        \
    "motion-blur|brightness|contrast|saturation|jpeg|pixelate"
enum { ANY, GAUSSIAN, SHOT, IMPULSE, SPECKLE, BLUR, DEFOCUS, MOTION, BRIGHT, CONTRAST, SATURATION,
       JPEG, PIXELATE, KIND_COUNT };
#define PI 3.14159265358979323846

/* A picture while it is worked on: rgb [height, width, 3], 0..1, two copies, and draws that depend
 * on the seed and on nothing else. */
typedef struct work {
    float *rgb, *spare;
    int width, height;
    double scale;                 /* of lengths: at most 1 */
    uint64_t seed, drawn;
} work;

static double chance(work *w)
{
    return ((double)(omn_random_at(w->seed, 0x64697374, w->drawn++) >> 11) + 0.5) * 0x1p-53;
}

/* Of the standard normal distribution (Box and Muller 1958). */
static double normal(work *w)
{
    const double r = sqrt(-2 * log(chance(w)));
    return r * cos(2 * PI * chance(w));
}

static float within(double x) { return (float)(x > 0 ? x < 1 ? x : 1 : 0); }

static size_t channels_of(const work *w) { return (size_t)w->width * (size_t)w->height * 3; }

/* ---- noise ---------------------------------------------------------------------------------- */

static void add_noise(work *w, double sd, bool speckle)
{
    for (size_t i = 0, n = channels_of(w); i < n; i++) {
        const double x = (double)w->rgb[i];
        w->rgb[i] = within(x + normal(w) * sd * (speckle ? x : 1));
    }
}

/* As many photons as come, of `mean` that are expected. */
static int photons(work *w, double mean)
{
    const double least = exp(-mean);
    double p = chance(w);
    int n = 0;
    while (p > least && n < 1000) {
        p *= chance(w);
        n++;
    }
    return n;
}

static void shot_noise(work *w, double k)
{
    for (size_t i = 0, n = channels_of(w); i < n; i++)
        w->rgb[i] = within(photons(w, (double)w->rgb[i] * k) / k);
}

static void impulse_noise(work *w, double share)
{
    for (size_t i = 0, n = channels_of(w); i < n; i++) {
        const double x = chance(w);
        if (x < share) w->rgb[i] = x < share / 2 ? 0 : 1;
    }
}

/* ---- blur ----------------------------------------------------------------------------------- */

static int inside(int x, int n) { return x < 0 ? 0 : x < n ? x : n - 1; }

/* Each pixel becomes the weighted mean of `n` others at these offsets; the border goes on. */
static void gather(work *w, const double *weight, const int (*at)[2], size_t n)
{
    double all = 0;
    for (size_t i = 0; i < n; i++) all += weight[i];
    for (int y = 0; y < w->height; y++)
        for (int x = 0; x < w->width; x++) {
            double sum[3] = { 0 };
            for (size_t i = 0; i < n; i++) {
                const float *p = w->rgb + 3 * ((size_t)inside(y + at[i][1], w->height) *
                                                   (size_t)w->width +
                                               (size_t)inside(x + at[i][0], w->width));
                for (int k = 0; k < 3; k++) sum[k] += weight[i] * (double)p[k];
            }
            float *to = w->spare + 3 * ((size_t)y * (size_t)w->width + (size_t)x);
            for (int k = 0; k < 3; k++) to[k] = within(sum[k] / all);
        }
    float *old = w->rgb;
    w->rgb = w->spare;
    w->spare = old;
}

enum { MOST_TAPS = 64 * 64 };
typedef struct taps { double weight[MOST_TAPS]; int at[MOST_TAPS][2]; size_t n; } taps;

static void put_tap(taps *t, double weight, int x, int y)
{
    if (t->n == MOST_TAPS || !(weight > 0)) return;
    t->weight[t->n] = weight;
    t->at[t->n][0] = x;
    t->at[t->n++][1] = y;
}

static void blur(work *w, taps *t, double sd)
{
    const int reach = (int)(4 * sd + 0.5);
    for (int turn = 0; turn < 2; turn++) {
        t->n = 0;
        for (int i = -reach; i <= reach; i++)
            put_tap(t, exp(-i * i / (2 * sd * sd)), turn ? 0 : i, turn ? i : 0);
        gather(w, t->weight, (const int(*)[2])t->at, t->n);
    }
}

/* A disk, its edge softened over about a pixel. */
static void defocus(work *w, taps *t, double radius, double soft)
{
    const int reach = (int)ceil(radius + 2 * soft);
    t->n = 0;
    for (int y = -reach; y <= reach; y++)
        for (int x = -reach; x <= reach; x++)
            put_tap(t, 0.5 * erfc((sqrt(x * x + y * y) - radius) / (soft * sqrt(2.0))), x, y);
    gather(w, t->weight, (const int(*)[2])t->at, t->n);
}

/* A trail to one side, up to 45 degrees up or down. */
static void motion(work *w, taps *t, double radius, double sd)
{
    const double angle = (chance(w) - 0.5) * PI / 2;
    t->n = 0;
    for (int i = 0; i <= (int)(2 * radius + 0.5); i++)
        put_tap(t, exp(-i * i / (2 * sd * sd)), (int)lround(i * cos(angle)),
                (int)lround(i * sin(angle)));
    gather(w, t->weight, (const int(*)[2])t->at, t->n);
}

/* ---- light ---------------------------------------------------------------------------------- */

static void brighten(work *w, double more)
{
    for (float *p = w->rgb, *end = p + channels_of(w); p < end; p += 3) {
        const double v = fmax((double)p[0], fmax((double)p[1], (double)p[2]));
        const double to = fmin(1, v + more);
        for (int k = 0; k < 3; k++) p[k] = within(v > 0 ? (double)p[k] * to / v : to);
    }
}

static void flatten(work *w, double by)
{
    const size_t n = channels_of(w);
    for (size_t k = 0; k < 3; k++) {
        double mean = 0;
        for (size_t i = k; i < n; i += 3) mean += (double)w->rgb[i];
        mean /= (double)(n / 3);
        for (size_t i = k; i < n; i += 3)
            w->rgb[i] = within(((double)w->rgb[i] - mean) * by + mean);
    }
}

/* Saturation of HSV times a, plus b; what has no hue is red, as there. */
static void saturate(work *w, double a, double b)
{
    for (float *p = w->rgb, *end = p + channels_of(w); p < end; p += 3) {
        const double v = fmax((double)p[0], fmax((double)p[1], (double)p[2]));
        const double low = fmin((double)p[0], fmin((double)p[1], (double)p[2]));
        const double s = v > 0 ? (v - low) / v : 0, to = fmin(1, fmax(0, s * a + b));
        for (int k = 0; k < 3; k++)
            p[k] = within(s > 0 ? v - (v - (double)p[k]) * to / s : k ? v * (1 - to) : v);
    }
}

/* ---- files ---------------------------------------------------------------------------------- */

static omn_status compress(work *w, int quality, omn_error *err)
{
    const size_t n = channels_of(w);
    uint8_t *bytes = malloc(n);
    if (!bytes) return omn_fail(err, OMN_ERR_MEMORY, "distorting: out of memory");
    for (size_t i = 0; i < n; i++) bytes[i] = (uint8_t)lround((double)w->rgb[i] * 255);
    world_lossy(bytes, w->width, w->height, quality, true, w->spare);
    for (size_t i = 0; i < n; i++) w->rgb[i] = (float)bytes[i] / 255;
    free(bytes);
    return OMN_OK;
}

/* Means of blocks: `scale` of the pixels on a side are left. */
static void pixelate(work *w, double scale)
{
    const int wide = w->width * scale >= 1 ? (int)(w->width * scale) : 1;
    const int high = w->height * scale >= 1 ? (int)(w->height * scale) : 1;
    for (int y = 0; y < high; y++)
        for (int x = 0; x < wide; x++) {
            const int x0 = (int)((int64_t)x * w->width / wide);
            const int x1 = (int)((int64_t)(x + 1) * w->width / wide);
            const int y0 = (int)((int64_t)y * w->height / high);
            const int y1 = (int)((int64_t)(y + 1) * w->height / high);
            double sum[3] = { 0 };
            for (int turn = 0; turn < 2; turn++)
                for (int v = y0; v < y1; v++)
                    for (int u = x0; u < x1; u++)
                        for (int k = 0; k < 3; k++) {
                            float *p =
                                w->rgb + 3 * ((size_t)v * (size_t)w->width + (size_t)u) + k;
                            if (turn) *p = (float)(sum[k] / ((x1 - x0) * (y1 - y0)));
                            else sum[k] += (double)*p;
                        }
        }
}

/* ---- the operation -------------------------------------------------------------------------- */

static omn_status distort_by(work *w, taps *t, int kind, int s, omn_error *err)
{
    static const double SD[] = { .08, .12, .18, .26, .38 }, PHOTONS[] = { 60, 25, 12, 5, 3 };
    static const double SHARE[] = { .03, .06, .09, .17, .27 };
    static const double GRAIN[] = { .15, .2, .35, .45, .6 }, WIDE[] = { 1, 2, 3, 4, 6 };
    static const double DISK[] = { 3, 4, 6, 8, 10 }, SOFT[] = { .1, .5, .5, .5, .5 };
    static const double TRAIL[][2] = { { 10, 3 }, { 15, 5 }, { 15, 8 }, { 15, 12 }, { 20, 15 } };
    static const double LIGHT[] = { .1, .2, .3, .4, .5 }, FLAT[] = { .4, .3, .2, .1, .05 };
    static const double COLOUR[][2] = { { .3, 0 }, { .1, 0 }, { 2, 0 }, { 5, .1 }, { 20, .2 } };
    static const int QUALITY[] = { 25, 18, 15, 10, 7 };
    static const double BLOCKS[] = { .6, .5, .4, .3, .25 };
    switch (kind) {
    case GAUSSIAN: add_noise(w, SD[s], false); break;
    case SHOT: shot_noise(w, PHOTONS[s]); break;
    case IMPULSE: impulse_noise(w, SHARE[s]); break;
    case SPECKLE: add_noise(w, GRAIN[s], true); break;
    case BLUR: blur(w, t, WIDE[s] * w->scale); break;
    case DEFOCUS: defocus(w, t, DISK[s] * w->scale, SOFT[s]); break;
    case MOTION: motion(w, t, TRAIL[s][0] * w->scale, TRAIL[s][1] * w->scale); break;
    case BRIGHT: brighten(w, LIGHT[s]); break;
    case CONTRAST: flatten(w, FLAT[s]); break;
    case SATURATION: saturate(w, COLOUR[s][0], COLOUR[s][1]); break;
    case JPEG: return compress(w, QUALITY[s], err);
    default: pixelate(w, BLOCKS[s]);
    }
    return OMN_OK;
}

static float value_at(const omn_pixels *px, size_t k)
{
    return px->type == OMN_U8 ? (float)((const uint8_t *)px->data)[k] / 255
                              : within((double)((const float *)px->data)[k]);
}

static omn_status read_work(const omn_pixels *px, int64_t seed, work *w, omn_error *err)
{
    const size_t n = (size_t)px->width * px->height, wide = px->channels;
    const double side = fmin(px->width, px->height) / 224.0;
    *w = (work){ .width = (int)px->width, .height = (int)px->height, .seed = (uint64_t)seed,
                 .scale = fmin(1, side) };
    w->rgb = malloc(3 * n * sizeof *w->rgb);
    w->spare = malloc(3 * n * sizeof *w->spare);
    if (!w->rgb || !w->spare) return omn_fail(err, OMN_ERR_MEMORY, "distorting: out of memory");
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < 3; k++)
            w->rgb[3 * i + k] = value_at(px, i * wide + (wide < 3 ? 0 : k));
    return OMN_OK;
}

#define DISTORT(IN, OPT, PAR, OUT)                                                                 \
    IN(image, in, "the picture")                                                                   \
    PAR(choice, kind, "any", KINDS, NULL, "what happens to it; any: the seed decides")             \
    PAR(int, strength, "0", "0..5", NULL, "1 is weak, 5 is strong; 0: the seed decides")           \
    PAR(int64, seed, "1", "0..", NULL, "of all that is drawn")                                     \
    OUT(image, out, "the same in 8 bits, red, green and blue")
OMN_OPERATION(distort, DISTORT, OMN_PURE);
static omn_status distort(omn_call *c, const omn_image *in, int kind, int strength, int64_t seed,
                          omn_image **out, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_pixels from = omn_image_pixels(in);
    omn_pixels px;
    work w = { .rgb = NULL };
    taps *t = calloc(1, sizeof *t);
    if (!t) return omn_fail(err, OMN_ERR_MEMORY, "distorting: out of memory");
    const uint64_t draw = omn_random_at((uint64_t)seed, 0x6b696e64, 0);
    if (kind == ANY) kind = 1 + (int)(draw % (KIND_COUNT - 1));
    if (!strength) strength = 1 + (int)((draw >> 32) % 5);
    OMN_TRY(read_work(&from, seed, &w, err));
    OMN_TRY(distort_by(&w, t, kind, strength - 1, err));
    OMN_TRY(omn_image_new_within(c, OMN_U8, from.width, from.height, 3, omn_image_frame(in), out,
                                 &px, err));
    for (size_t i = 0, n = channels_of(&w); i < n; i++)
        ((uint8_t *)px.data)[i] = (uint8_t)lround((double)w.rgb[i] * 255);
done:
    free(w.rgb);
    free(w.spare);
    free(t);
    return st;
}

static const omn_object objects[] = {
    OMN_OPERATION_OBJECT(distort, "image.distort",
                         "noise, blur, light and lossy files, as ImageNet-C has them"),
};
OMN_PLUGIN("operation-distort", "0.1.0", "Apache-2.0", "pictures as they should not be", objects);
