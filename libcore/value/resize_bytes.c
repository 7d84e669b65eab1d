/* SPDX-License-Identifier: Apache-2.0 */
/* Scaling of pictures of bytes in whole numbers, to the last bit as Pillow does it (9.5 to 12):
 * most models of the field were trained behind it. Weights are rounded to 22 bits, rows are scaled
 * first and rounded to bytes, columns of that then; colours of RGBA are multiplied by their alpha
 * before and divided by it behind. resize.c is more exact, and a level or two away from it. */
#include "inside.h"

#include <math.h>
#include <stdlib.h>

#define BITS 22 /* of a weight: 32 less 8 of a pixel and 2 of headroom */

typedef double filter_fn(double x);

static double box(double x) { return x > -0.5 && x <= 0.5 ? 1 : 0; }
static double triangle(double x) { return fabs(x) < 1 ? 1 - fabs(x) : 0; }

/* Keys with a = -0.5, in the order of operations that decides the last bit of a weight. */
static double cubic(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

static double sinc(double x)
{
    const double y = x * 3.14159265358979323846;
    return x == 0 ? 1 : sin(y) / y;
}
static double lanczos3(double x) { return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0; }

static const struct {
    double radius;
    filter_fn *at;
} filters[] = {
    [OMN_FILTER_BOX] = { 0.5, box },
    [OMN_FILTER_TRIANGLE] = { 1, triangle },
    [OMN_FILTER_CUBIC] = { 2, cubic },
    [OMN_FILTER_LANCZOS3] = { 3, lanczos3 },
};

/* For each output position: the first input position, how many, and the whole weights. */
typedef struct taps {
    uint32_t most;
    uint32_t *first, *count;
    int32_t *weight;
} taps;

static void taps_fini(taps *t)
{
    free(t->first);
    free(t->weight);
}

static omn_status taps_init(taps *t, uint32_t from, uint32_t to, omn_filter filter, omn_error *err)
{
    const double scale = (double)from / to, stretch = scale < 1 ? 1 : scale;
    const double reach = filters[filter].radius * stretch;
    size_t n = 0;
    t->most = (uint32_t)ceil(reach) * 2 + 1;
    t->first = calloc(to, 2 * sizeof *t->first);
    t->count = t->first ? t->first + to : NULL;
    t->weight = omn_size_mul(to, t->most, &n) ? calloc(n, sizeof *t->weight) : NULL;
    double *w = calloc(t->most, sizeof *w);
    if (!t->first || !t->weight || !w) {
        free(w);
        return omn_fail(err, OMN_ERR_MEMORY, "no memory for the weights of a resize");
    }
    for (uint32_t i = 0; i < to; i++) {
        const double c = (i + 0.5) * scale, lo = c - reach + 0.5, hi = c + reach + 0.5;
        const uint32_t first = lo > 0 ? (uint32_t)lo : 0, end = hi < from ? (uint32_t)hi : from;
        const uint32_t count = end > first + t->most ? t->most : end > first ? end - first : 0;
        double sum = 0;
        for (uint32_t k = 0; k < count; k++)
            sum += w[k] = filters[filter].at((k + first - c + 0.5) * (1 / stretch));
        t->first[i] = first;
        t->count[i] = count;
        for (uint32_t k = 0; k < count; k++) {
            const double x = (sum != 0 ? w[k] / sum : w[k]) * (1 << BITS);
            t->weight[(size_t)i * t->most + k] = (int32_t)(x < 0 ? x - 0.5 : x + 0.5);
        }
    }
    free(w);
    return OMN_OK;
}

/* One line of `to` pixels, which are `step` bytes apart in it; n bytes each. */
static void scale_line(const taps *t, const uint8_t *in, uint8_t *out, uint32_t to, size_t step,
                       uint32_t n)
{
    for (uint32_t i = 0; i < to; i++) {
        const int32_t *w = t->weight + (size_t)i * t->most;
        const uint8_t *from = in + t->first[i] * step;
        for (uint32_t c = 0; c < n; c++) {
            int64_t sum = 1 << (BITS - 1);
            for (uint32_t k = 0; k < t->count[i]; k++) sum += (int64_t)w[k] * from[k * step + c];
            sum >>= BITS;
            out[i * step + c] = (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
        }
    }
}

typedef struct job {
    const taps *tx, *ty;
    const uint8_t *in;
    uint8_t *mid, *out;
    uint32_t from_width, width, height, channels;
} job;

static void rows(void *user, size_t from, size_t to)
{
    const job *j = user;
    const size_t a = (size_t)j->from_width * j->channels, b = (size_t)j->width * j->channels;
    for (size_t y = from; y < to; y++)
        scale_line(j->tx, j->in + y * a, j->mid + y * b, j->width, j->channels, j->channels);
}

static void columns(void *user, size_t from, size_t to)
{
    const job *j = user;
    const size_t b = (size_t)j->width * j->channels;
    for (size_t x = from; x < to; x++) /* one pixel wide, all the way down */
        scale_line(j->ty, j->mid + x * j->channels, j->out + x * j->channels, j->height, b,
                   j->channels);
}

static void multiply_alpha(uint8_t *p, size_t pixels)
{
    for (size_t i = 0; i < pixels; i++, p += 4)
        for (int c = 0; c < 3; c++) {
            const uint32_t x = (uint32_t)p[c] * p[3] + 128;
            p[c] = (uint8_t)((x + (x >> 8)) >> 8);
        }
}

static void divide_alpha(uint8_t *p, size_t pixels)
{
    for (size_t i = 0; i < pixels; i++, p += 4)
        for (int c = 0; c < 3 && p[3] != 0 && p[3] != 255; c++) {
            const uint32_t x = 255u * p[c] / p[3];
            p[c] = (uint8_t)(x > 255 ? 255 : x);
        }
}

/* The pixels as bytes, in memory of their own. */
static uint8_t *bytes_of(const omn_pixels *a, size_t n)
{
    uint8_t *b = malloc(n ? n : 1);
    if (b && a->type == OMN_U8) memcpy(b, a->data, n);
    for (size_t i = 0; b && a->type != OMN_U8 && i < n; i++) {
        const float v = ((const float *)a->data)[i] * 255.0f + 0.5f;
        b[i] = (uint8_t)(v > 0 ? (v < 255 ? v : 255) : 0);
    }
    return b;
}

static omn_status split(omn_call *c, size_t n, omn_range_fn *fn, job *j, omn_error *err)
{
    if (c) return omn_call_split(c, n, 8, fn, j, err);
    fn(j, 0, n);
    return OMN_OK;
}

omn_status omn_image_resize_bytes(omn_call *c, const omn_image *in, uint32_t width,
                                  uint32_t height, omn_filter filter, omn_image **out,
                                  omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_pixels a = omn_image_pixels(in);
    const bool same = width == a.width && height == a.height;
    taps tx = { 0 }, ty = { 0 };
    omn_image *img = NULL;
    uint8_t *from = NULL, *mid = NULL;
    omn_pixels b;
    if (filter <= OMN_FILTER_NEAREST || filter > OMN_FILTER_LANCZOS3)
        return omn_fail(err, OMN_ERR_ARGUMENT, "resize: bytes are not scaled by filter %d",
                        (int)filter);
    if (width < 1 || height < 1)
        return omn_fail(err, OMN_ERR_ARGUMENT, "resize: %u x %u is empty; sides are 1..%u", width,
                        height, OMN_IMAGE_MOST_SIDE);
    if ((uint64_t)width * a.height > OMN_IMAGE_MOST_PIXELS)
        return omn_fail(err, OMN_ERR_DATA, "resize: a picture of %u x %u cannot become %u x %u",
                        a.width, a.height, width, height);
    const omn_frame frame = omn_frame_then(omn_image_frame(in), (double)a.width / width,
                                           (double)a.height / height, 0, 0);
    OMN_TRY(omn_image_new(OMN_U8, width, height, a.channels, &frame, &img, &b, err));
    const size_t n = (size_t)a.width * a.height * a.channels;
    from = bytes_of(&a, n);
    mid = malloc((size_t)width * a.height * a.channels);
    if (!from || !mid) {
        st = omn_fail(err, OMN_ERR_MEMORY, "no memory to resize to %u x %u", width, height);
        goto done;
    }
    if (a.channels == 4 && !same) multiply_alpha(from, (size_t)a.width * a.height);
    OMN_TRY(taps_init(&tx, a.width, width, filter, err));
    OMN_TRY(taps_init(&ty, a.height, height, filter, err));
    job j = { &tx, &ty, from, mid, b.data, a.width, width, height, a.channels };
    if (width == a.width) memcpy(mid, from, n);
    else OMN_TRY(split(c, a.height, rows, &j, err));
    if (height == a.height) memcpy(b.data, mid, (size_t)width * height * a.channels);
    else OMN_TRY(split(c, width, columns, &j, err));
    if (a.channels == 4 && !same) divide_alpha(b.data, (size_t)width * height);
    *out = img;
    img = NULL;
done:
    taps_fini(&tx);
    taps_fini(&ty);
    free(from);
    free(mid);
    omn_image_free(img);
    return st;
}
