/* SPDX-License-Identifier: Apache-2.0 */
/* Checks without a network as measures: whether a picture shows what its text names, whether it is
 * the wanted one but for small shifts, whether a sound has the hits that were asked for, whether
 * moves of the gripper are near those wanted. An answer of another kind is wrong.
 */
#include "measures.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "alike.h"
#include "listen.h"
#include "read.h"

enum { SIDE = 128, LEAST = 16, LONGEST = 4 }; /* the shorter side of what is looked at, at most, at
                                               * least; times that the other one is longer */

typedef struct count { uint64_t n, right; } count;

static omn_status begin(const void *self, void **state, omn_error *err)
{
    (void)self;
    *state = calloc(1, sizeof(count));
    return *state ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "a measure: out of memory");
}

static void end(const void *self, void *state)
{
    (void)self;
    free(state);
}

static void tell(const char *name, const void *state, omn_measure_emit *emit, void *user)
{
    const count *c = state;
    const omn_measure_row row = {OMN_FILL(omn_measure_row), .name = name,
                                 .value = c->n ? (double)c->right / (double)c->n : 0,
                                 .baseline = (double)NAN, .hi = 1};
    emit(user, &row);
}

/* ---- pictures as this file looks at them --------------------------------------------------- */

typedef struct view {
    int width, height;
    uint8_t *rgb; /* owned */
} view;

static uint8_t byte_at(const omn_pixels *px, size_t k)
{
    if (px->type == OMN_U8)
        return ((const uint8_t *)px->data)[k];
    const float x = ((const float *)px->data)[k] * 255 + 0.5f;
    return (uint8_t)(int)(x > 0 ? x < 255 ? x : 255 : 0);
}

/* A picture at this size, in three colours of 8 bits. */
static omn_status view_at(omn_call *c, const omn_image *in, int width, int height, view *out,
                          omn_error *err)
{
    omn_image *scaled = NULL;
    omn_status st = OMN_OK;
    *out = (view){.width = width, .height = height};
    omn_pixels px = omn_image_pixels(in);
    if (px.width != (uint32_t)width || px.height != (uint32_t)height) {
        OMN_TRY(omn_image_resize(c, in, (uint32_t)width, (uint32_t)height, OMN_FILTER_TRIANGLE,
                                 true, &scaled, err));
        px = omn_image_pixels(scaled);
    }
    const size_t n = (size_t)width * (size_t)height, wide = px.channels;
    out->rgb = malloc(3 * n);
    if (!out->rgb) {
        st = omn_fail(err, OMN_ERR_MEMORY, "a measure: no memory for a picture");
        goto done;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < 3; k++)
            out->rgb[3 * i + k] = byte_at(&px, i * wide + (wide < 3 ? 0 : k));
done:
    omn_image_free(scaled);
    return st;
}

/* The size at which a picture is looked at: its own, or the shorter side SIDE. False for pictures
 * of a few pixels, and for ribbons. */
static bool view_size(const omn_image *in, int *width, int *height)
{
    const omn_pixels px = omn_image_pixels(in);
    const uint32_t least = px.width < px.height ? px.width : px.height;
    const double scale = least > SIDE ? (double)SIDE / least : 1;
    *width = (int)(px.width * scale + 0.5);
    *height = (int)(px.height * scale + 0.5);
    return least >= LEAST && *width <= LONGEST * *height && *height <= LONGEST * *width;
}

/* ---- shows --------------------------------------------------------------------------------- */

typedef struct shows_self {
    const char *text;
    world_outlines *outlines;
} shows_self;

static void shows_close(void *self)
{
    shows_self *s = self;
    if (s)
        world_outlines_free(s->outlines);
    free(s);
}

static omn_status shows_open(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    (void)c;
    (void)o;
    shows_self *s = calloc(1, sizeof *s);
    *self = s;
    if (s)
        s->outlines = world_outlines_new();
    if (!s || !s->outlines)
        return omn_fail(err, OMN_ERR_MEMORY, "a measure: out of memory");
    s->text = ((const struct shows *)params)->text;
    return OMN_OK;
}

static omn_status shows_add(const void *self, void *state, omn_call *call, const omn_value *answer,
                            const omn_value *wanted, const omn_value *inputs, bool *right,
                            omn_error *err)
{
    (void)wanted;
    const shows_self *s = self;
    count *c = state;
    const omn_image *img = omn_value_is(answer, "image") ? omn_value_image(answer) : NULL;
    const omn_value *text = omn_value_is(inputs, "record") ? omn_record_get(inputs, s->text) : NULL;
    world_claim claims[WORLD_MOST_OBJECTS];
    int n = 0, width, height;
    *right = false;
    c->n++;
    if (omn_value_is(text, "text"))
        n = world_claims_of(omn_text_get(text, NULL), claims);
    if (!img || !n || !view_size(img, &width, &height))
        return OMN_OK;
    view v = {.rgb = NULL};
    world_reading *r = malloc(sizeof *r);
    omn_status st = r ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "a measure: out of memory");
    if (st == OMN_OK)
        st = view_at(call, img, width, height, &v, err);
    if (st == OMN_OK && !world_picture_read(s->outlines, v.rgb, width, height, r))
        st = omn_fail(err, OMN_ERR_MEMORY, "a measure: out of memory");
    *right = st == OMN_OK && world_reading_shows(r, claims, n);
    c->right += *right;
    free(v.rgb);
    free(r);
    return st;
}

static omn_status shows_rows(const void *self, const void *state, omn_measure_emit *emit,
                             void *user, omn_error *err)
{
    (void)self;
    (void)err;
    tell("all shown", state, emit, user);
    return OMN_OK;
}

/* ---- alike --------------------------------------------------------------------------------- */

static omn_status alike_open(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    (void)c;
    (void)o;
    return source_open(params, sizeof(struct alike), self, err);
}

static omn_status alike_add(const void *self, void *state, omn_call *call, const omn_value *answer,
                            const omn_value *wanted, const omn_value *inputs, bool *right,
                            omn_error *err)
{
    (void)inputs;
    const struct alike *s = self;
    count *c = state;
    int width, height;
    view one = {.rgb = NULL}, two = {.rgb = NULL};
    omn_status st = OMN_OK;
    *right = false;
    c->n++;
    if (!omn_value_is(answer, "image") || !omn_value_is(wanted, "image") ||
        !view_size(omn_value_image(wanted), &width, &height))
        return OMN_OK;
    OMN_TRY(view_at(call, omn_value_image(answer), width, height, &one, err));
    OMN_TRY(view_at(call, omn_value_image(wanted), width, height, &two, err));
    const double off = world_pictures_differ(one.rgb, two.rgb, width, height, s->within, s->differ);
    if (off < 0)
        st = omn_fail(err, OMN_ERR_MEMORY, "a measure: out of memory");
    *right = st == OMN_OK && off < s->pixels;
    c->right += *right;
done:
    free(one.rgb);
    free(two.rgb);
    return st;
}

static omn_status alike_rows(const void *self, const void *state, omn_measure_emit *emit,
                             void *user, omn_error *err)
{
    (void)self;
    (void)err;
    tell("alike", state, emit, user);
    return OMN_OK;
}

/* ---- hits ---------------------------------------------------------------------------------- */

/* How many hits a sound has, or a text names in a word or a digit; -1: neither. */
static omn_status hits_of(const omn_value *v, long *out, omn_error *err)
{
    static const char *const NUMBER[] = {"no", "one", "two", "three", "four", "five"};
    *out = -1;
    if (omn_value_is(v, "number"))
        *out = lround(omn_number_get(v));
    if (omn_value_is(v, "text")) {
        const char *text = omn_text_get(v, NULL);
        const size_t n = strcspn(text, " ");
        for (long k = 0; k < 6; k++)
            if (strlen(NUMBER[k]) == n && !strncmp(text, NUMBER[k], n))
                *out = k;
        if (isdigit((unsigned char)*text))
            *out = strtol(text, NULL, 10);
    }
    if (!omn_value_is(v, "audio"))
        return OMN_OK;
    const omn_tensor *t = omn_value_column(v, "samples");
    const double rate = *(const double *)omn_value_column(v, "rate")->data;
    const size_t n = (size_t)t->shape.dim[0], wide = (size_t)t->shape.dim[1];
    *out = 0;
    if (rate < 1000 || !n)
        return OMN_OK;
    float *x = malloc(n * sizeof *x);
    if (!x)
        return omn_fail(err, OMN_ERR_MEMORY, "a measure: no memory for a sound");
    for (size_t i = 0; i < n; i++)
        x[i] = ((const float *)t->data)[i * wide];
    size_t none;
    *out = (long)world_hits_count(x, n, rate, &none, 0);
    free(x);
    return OMN_OK;
}

static omn_status hits_open(omn_call *c, const void *params, omn_open *o, void **self,
                            omn_error *err)
{
    (void)c;
    (void)o;
    return source_open(params, sizeof(struct hits), self, err);
}

static omn_status hits_add(const void *self, void *state, omn_call *call, const omn_value *answer,
                           const omn_value *wanted, const omn_value *inputs, bool *right,
                           omn_error *err)
{
    (void)call;
    const struct hits *s = self;
    count *c = state;
    long got, want;
    const omn_value *text = omn_value_is(inputs, "record") ? omn_record_get(inputs, s->text) : NULL;
    *right = false;
    c->n++;
    if (!omn_value_is(answer, "audio"))
        return OMN_OK;
    omn_status st = hits_of(text, &want, err);
    if (st == OMN_OK && want < 0)
        st = hits_of(wanted, &want, err);
    if (st == OMN_OK)
        st = hits_of(answer, &got, err);
    *right = st == OMN_OK && want >= 0 && got == want;
    c->right += *right;
    return st;
}

static omn_status hits_rows(const void *self, const void *state, omn_measure_emit *emit,
                            void *user, omn_error *err)
{
    (void)self;
    (void)err;
    tell("hits", state, emit, user);
    return OMN_OK;
}

/* ---- moves --------------------------------------------------------------------------------- */

enum { ROW = 4 }; /* x, y, down, grip */

static omn_status moves_open(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    (void)c;
    (void)o;
    return source_open(params, sizeof(struct moves), self, err);
}

/* The rows of an action of the gripper; NULL: it is none. */
static const float *rows_of(const omn_value *v, int64_t *n)
{
    const omn_tensor *t = omn_value_is(v, "actions") ? omn_value_column(v, "action") : NULL;
    if (!t || t->type != OMN_F32 || t->shape.dim[1] != ROW)
        return NULL;
    *n = t->shape.dim[0];
    return t->data;
}

static omn_status moves_add(const void *self, void *state, omn_call *call, const omn_value *answer,
                            const omn_value *wanted, const omn_value *inputs, bool *right,
                            omn_error *err)
{
    (void)call;
    (void)inputs;
    (void)err;
    const struct moves *s = self;
    count *c = state;
    int64_t n = 0, m = 0;
    const float *a = rows_of(answer, &n), *w = rows_of(wanted, &m);
    *right = a && w && n == m && n > 0;
    for (int64_t i = 0; *right && i < n; i++, a += ROW, w += ROW)
        *right = hypot((double)a[0] - (double)w[0], (double)a[1] - (double)w[1]) <= s->within &&
                 (a[2] >= 0.5f) == (w[2] >= 0.5f) && (a[3] >= 0.5f) == (w[3] >= 0.5f);
    c->n++;
    c->right += *right;
    return OMN_OK;
}

static omn_status moves_rows(const void *self, const void *state, omn_measure_emit *emit,
                             void *user, omn_error *err)
{
    (void)self;
    (void)err;
    tell("all moves", state, emit, user);
    return OMN_OK;
}

const omn_measure_impl shows_impl = {NULL,  "image",   shows_open, shows_close,
                                     begin, shows_add, shows_rows, end};
const omn_measure_impl alike_impl = {NULL,  "image",   alike_open, free,
                                     begin, alike_add, alike_rows, end};
const omn_measure_impl hits_impl = {NULL,  "audio",  hits_open, free,
                                    begin, hits_add, hits_rows, end};
const omn_measure_impl moves_impl = {NULL,  "actions", moves_open, free,
                                     begin, moves_add, moves_rows, end};
