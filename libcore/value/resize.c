/* SPDX-License-Identifier: Apache-2.0 */
/* Scaling of pictures by separable filters, half-pixel centres, antialiased when shrinking: the
 * filter is stretched by the shrink factor, weights are normalised to 1, which also handles the
 * borders. (This is what tf.image.resize with antialias, and Pillow on float pictures, compute.)
 * Columns first, then rows: the first pass then reads whole rows and adds them up, which a compiler
 * turns into vector code, and it is the pass that sees all pixels. Weights are found in double,
 * sums are float. */
#include "inside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- filters
 * --------------------------------------------------------------------------------------- */

static double box(double x)
{
    return x > -0.5 && x <= 0.5 ? 1 : 0;
}
static double triangle(double x)
{
    return fabs(x) < 1 ? 1 - fabs(x) : 0;
}
static double cubic(double x) /* Keys, a = -0.5 */
{
    x = fabs(x);
    if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
    return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}
static double sinc(double x)
{
    const double pi = 3.14159265358979323846;
    return x == 0 ? 1 : sin(pi * x) / (pi * x);
}
static double lanczos3(double x)
{
    return fabs(x) < 3 ? sinc(x) * sinc(x / 3) : 0;
}

static const struct {
    double radius;
    double (*at)(double x);
} filters[] = {
    [OMN_FILTER_BOX] = { 0.5, box },
    [OMN_FILTER_TRIANGLE] = { 1, triangle },
    [OMN_FILTER_CUBIC] = { 2, cubic },
    [OMN_FILTER_LANCZOS3] = { 3, lanczos3 },
};

/* For each output position: the first input position, how many, and the weights one after the
 * other. */
typedef struct taps {
    size_t most;
    uint32_t *first, *count;
    float *weight;
} taps;

static void taps_fini(taps *t)
{
    free(t->first);
    free(t->weight);
}

static omn_status taps_init(taps *t, uint32_t from, uint32_t to, omn_filter filter, bool antialias,
                            omn_error *err)
{
    double inv = (double)from / to, stretch = antialias && inv > 1 ? inv : 1;
    bool nearest = filter == OMN_FILTER_NEAREST;
    double reach = nearest ? 0 : filters[filter].radius * stretch;
    size_t n;
    t->most = nearest ? 1 : (size_t)(2 * reach) + 2;
    if (t->most > from) t->most = from;
    t->first = calloc(to, 2 * sizeof(*t->first));
    t->count = t->first != NULL ? t->first + to : NULL;
    t->weight = omn_size_mul(to, t->most, &n) ? calloc(n, sizeof(*t->weight)) : NULL;
    if (t->first == NULL || t->weight == NULL)
        return omn_fail(err, OMN_ERR_MEMORY, "no memory for the weights of a resize");
    for (uint32_t i = 0; i < to; i++) {
        float *w = t->weight + i * t->most;
        double c = (i + 0.5) * inv, sum = 0;
        uint32_t middle = (uint32_t)((2 * (uint64_t)i + 1) * from / (2 * (uint64_t)to));
        t->first[i] = middle;
        t->count[i] = 1;
        w[0] = 1;
        if (nearest) continue;
        double lo = fmax(ceil(c - reach - 0.5), 0), hi = fmin(floor(c + reach - 0.5), from - 1.0);
        for (double k = lo; k <= hi; k++) sum += filters[filter].at((k + 0.5 - c) / stretch);
        if (!(fabs(sum) > 1e-12)) continue; /* a gap of the box: the nearest pixel */
        t->first[i] = (uint32_t)lo;
        t->count[i] = 0;
        for (double k = lo; k <= hi && t->count[i] < t->most; k++)
            w[t->count[i]++] = (float)(filters[filter].at((k + 0.5 - c) / stretch) / sum);
    }
    return OMN_OK;
}

/* ---- rows as floats
 * -------------------------------------------------------------------------------- */

static const float of_byte = 1.0f / 255.0f;

static void row_floats(const omn_pixels *in, uint32_t y, float *row)
{
    size_t n = (size_t)in->width * in->channels, at = (size_t)y * n;
    if (in->type == OMN_F32) {
        memcpy(row, (const float *)in->data + at, n * sizeof(float));
    } else {
        const uint8_t *p = (const uint8_t *)in->data + at;
        for (size_t i = 0; i < n; i++) row[i] = (float)p[i] * of_byte;
    }
}

/* Row y of a picture that is not used as it is. room: floats for one row of it. */
static void row_load(const omn_pixels *in, uint32_t y, row_form form, float *row, float *room)
{
    uint32_t w = in->width;
    if (form == ROW_WEIGHTED) {
        row_floats(in, y, row);
        for (size_t x = 0; x < w; x++)
            for (size_t k = 0; k < 3; k++) row[4 * x + k] *= row[4 * x + 3];
    } else if (in->channels == 1) {
        row_floats(in, y, room);
        for (size_t x = 0; x < w; x++) row[3 * x] = row[3 * x + 1] = row[3 * x + 2] = room[x];
    } else {
        row_floats(in, y, room);
        for (size_t x = 0; x < w; x++)
            for (size_t k = 0; k < 3; k++)
                row[3 * x + k] = room[4 * x + k] * room[4 * x + 3] + (1 - room[4 * x + 3]);
    }
}

/* ---- the two passes
 * -------------------------------------------------------------------------------- */

typedef struct pass {
    const omn_pixels *in;
    row_form form;
    uint32_t channels, width, height; /* of the result */
    const taps *tx, *ty;
    float *out;
    atomic_bool *failed;
} pass;

/* sum += a * row, in blocks of a fixed size, which compilers turn into vector code without being
 * asked to; bytes are widened on the way, so that no row has to be written down as floats first. */
enum { BLOCK = 16 };

static void add_floats(float *restrict sum, const float *restrict row, float a, size_t n)
{
    size_t i = 0;
    for (; i + BLOCK <= n; i += BLOCK)
        for (size_t k = 0; k < BLOCK; k++) sum[i + k] += a * row[i + k];
    for (; i < n; i++) sum[i] += a * row[i];
}

static void add_bytes(float *restrict sum, const uint8_t *restrict row, float a, size_t n)
{
    size_t i = 0;
    for (; i + BLOCK <= n; i += BLOCK)
        for (size_t k = 0; k < BLOCK; k++) sum[i + k] += a * (float)row[i + k];
    for (; i < n; i++) sum[i] += a * (float)row[i];
}

/* The weighted sum of the input rows that output row y needs. */
static void add_rows(const pass *p, uint32_t y, float *sum, float *row, float *room)
{
    const taps *t = p->ty;
    const omn_pixels *in = p->in;
    size_t n = (size_t)in->width * p->channels;
    const float *w = t->weight + y * t->most;
    bool as_it_is = p->form == ROW_PLAIN || (p->form == ROW_OVER_WHITE && in->channels == 3);
    memset(sum, 0, n * sizeof(*sum));
    for (uint32_t k = 0; k < t->count[y]; k++) {
        size_t at = (size_t)(t->first[y] + k) * n;
        if (!as_it_is) {
            row_load(in, t->first[y] + k, p->form, row, room);
            add_floats(sum, row, w[k], n);
        } else if (in->type == OMN_U8) {
            add_bytes(sum, (const uint8_t *)in->data + at, w[k] * of_byte, n);
        } else {
            add_floats(sum, (const float *)in->data + at, w[k], n);
        }
    }
}

static void scale_row(const pass *p, const float *row, float *out)
{
    const taps *t = p->tx;
    for (uint32_t x = 0; x < p->width; x++) {
        const float *w = t->weight + x * t->most;
        uint32_t count = t->count[x];
        if (p->channels == 1) {
            const float *a = row + t->first[x];
            float s = 0;
            for (uint32_t k = 0; k < count; k++) s += w[k] * a[k];
            out[x] = s;
        } else if (p->channels == 3) {
            const float *a = row + 3 * (size_t)t->first[x];
            float r = 0, g = 0, b = 0;
            for (uint32_t k = 0; k < count; k++, a += 3) {
                r += w[k] * a[0];
                g += w[k] * a[1];
                b += w[k] * a[2];
            }
            out[3 * (size_t)x] = r;
            out[3 * (size_t)x + 1] = g;
            out[3 * (size_t)x + 2] = b;
        } else {
            const float *a = row + 4 * (size_t)t->first[x];
            float s[4] = { 0, 0, 0, 0 };
            for (uint32_t k = 0; k < count; k++, a += 4)
                for (int c = 0; c < 4; c++) s[c] += w[k] * a[c];
            memcpy(out + 4 * (size_t)x, s, sizeof(s));
        }
    }
}

static void scale_range(void *user, size_t from, size_t to)
{
    const pass *p = user;
    size_t n = (size_t)p->in->width * 4;
    float *rows = calloc(n, 3 * sizeof(float)); /* sum, row, room */
    if (rows == NULL) {
        atomic_store(p->failed, true);
        return;
    }
    for (size_t y = from; y < to; y++) {
        add_rows(p, (uint32_t)y, rows, rows + n, rows + 2 * n);
        scale_row(p, rows, p->out + y * p->width * p->channels);
    }
    free(rows);
}

omn_status pixels_scale(omn_call *c, const omn_pixels *in, row_form form, uint32_t width,
                        uint32_t height, omn_filter filter, bool antialias, float *out,
                        omn_error *err)
{
    omn_status st = OMN_OK;
    taps tx = { 0, NULL, NULL, NULL }, ty = tx;
    atomic_bool failed;
    atomic_init(&failed, false);
    OMN_TRY(taps_init(&tx, in->width, width, filter, antialias, err));
    OMN_TRY(taps_init(&ty, in->height, height, filter, antialias, err));
    pass p = { in,  form,   form == ROW_OVER_WHITE ? 3 : in->channels, width, height, &tx, &ty,
               out, &failed };
    if (c != NULL)
        OMN_TRY(omn_call_split(c, height, 8, scale_range, &p, err));
    else
        scale_range(&p, 0, height);
    if (atomic_load(&failed)) st = omn_fail(err, OMN_ERR_MEMORY, "no memory for rows of a resize");
done:
    taps_fini(&tx);
    taps_fini(&ty);
    return st;
}

/* ---- the public call
 * ------------------------------------------------------------------------------- */

/* Colours divided by their alpha again; where nothing is seen, black. */
static void unweight(float *p, size_t pixels)
{
    for (size_t i = 0; i < pixels; i++, p += 4)
        for (size_t k = 0; k < 3; k++) p[k] = p[3] > 1e-6f ? p[k] / p[3] : 0;
}

static void nearest_copy(const omn_pixels *a, const omn_pixels *b)
{
    size_t each = a->channels * (a->type == OMN_U8 ? 1u : 4u);
    uint64_t w = b->width, h = b->height;
    for (uint64_t y = 0; y < h; y++) {
        const char *row =
            (const char *)a->data + (size_t)((2 * y + 1) * a->height / (2 * h)) * a->width * each;
        char *to = (char *)b->data + (size_t)(y * w) * each;
        for (uint64_t x = 0; x < w; x++, to += each)
            memcpy(to, row + (size_t)((2 * x + 1) * a->width / (2 * w)) * each, each);
    }
}

omn_status omn_image_resize(omn_call *c, const omn_image *in, uint32_t width, uint32_t height,
                            omn_filter filter, bool antialias, omn_image **out, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_pixels whole = omn_image_pixels(in), *a = &whole;
    omn_image *img = NULL;
    float *wide = NULL;
    omn_pixels b;
    if ((unsigned)filter > OMN_FILTER_LANCZOS3)
        return omn_fail(err, OMN_ERR_ARGUMENT, "resize: there is no filter %d", (int)filter);
    if (width < 1 || height < 1)
        return omn_fail(err, OMN_ERR_ARGUMENT, "resize: %u x %u is empty; sides are 1..%u", width,
                        height, OMN_IMAGE_MOST_SIDE);
    omn_frame frame = omn_frame_then(omn_image_frame(in), (double)a->width / width,
                                     (double)a->height / height, 0, 0);
    OMN_TRY(omn_image_new(a->type, width, height, a->channels, &frame, &img, &b, err));
    size_t pixels = (size_t)width * height, n = pixels * a->channels;
    if (filter == OMN_FILTER_NEAREST || (width == a->width && height == a->height)) {
        nearest_copy(a, &b);
    } else {
        row_form form = a->channels == 4 ? ROW_WEIGHTED : ROW_PLAIN;
        float *to = b.data;
        if (b.type == OMN_U8) {
            to = wide = calloc(n, sizeof(*wide));
            if (wide == NULL) {
                st = omn_fail(err, OMN_ERR_MEMORY, "no memory to resize to %u x %u", width, height);
                goto done;
            }
        }
        OMN_TRY(pixels_scale(c, a, form, width, height, filter, antialias, to, err));
        if (form == ROW_WEIGHTED) unweight(to, pixels);
        if (b.type == OMN_U8) {
            uint8_t *p = b.data;
            for (size_t i = 0; i < n; i++) {
                float v = to[i] * 255.0f + 0.5f;
                p[i] = (uint8_t)(v > 0 ? (v < 255 ? v : 255) : 0);
            }
        } else {
            for (size_t i = 0; i < n; i++) to[i] = to[i] > 0 ? (to[i] < 1 ? to[i] : 1) : 0;
        }
    }
    *out = img;
    img = NULL;
done:
    free(wide);
    omn_image_free(img);
    return st;
}
