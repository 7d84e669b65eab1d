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
#include "views.h"

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

/* A share of nothing is no number. */
static void tell(const char *name, const void *state, omn_measure_emit *emit, void *user)
{
    const count *c = state;
    const omn_measure_row row = {OMN_FILL(omn_measure_row), .name = name,
                                 .value = c->n ? (double)c->right / (double)c->n : (double)NAN,
                                 .baseline = (double)NAN, .hi = 1};
    emit(user, &row);
}

/* ---- shows --------------------------------------------------------------------------------- */

/* true_n, true_right: of the pictures that were wanted, where there are such. */
typedef struct shows_count { uint64_t n, right, true_n, true_right; } shows_count;

static omn_status shows_begin(const void *self, void **state, omn_error *err)
{
    (void)self;
    *state = calloc(1, sizeof(shows_count));
    return *state ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "a measure: out of memory");
}

static omn_status shows_open(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    (void)c;
    (void)o;
    return source_open(params, sizeof(struct shows), self, err);
}

/* Whether a picture shows what the claims say; what is too small to look at shows nothing. */
static omn_status shown(omn_call *call, const omn_value *picture, const world_claim *claims, int n,
                        bool *out, omn_error *err)
{
    int width, height;
    *out = false;
    if (!n || !view_size(omn_value_image(picture), &width, &height))
        return OMN_OK;
    view v = {.rgb = NULL};
    world_reading *r = malloc(sizeof *r);
    omn_status st = r ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "a measure: out of memory");
    if (st == OMN_OK)
        st = view_at(call, omn_value_image(picture), width, height, &v, err);
    if (st == OMN_OK && !world_picture_read(v.rgb, width, height, r))
        st = omn_fail(err, OMN_ERR_MEMORY, "a measure: out of memory");
    *out = st == OMN_OK && world_reading_shows(r, claims, n);
    free(v.rgb);
    free(r);
    return st;
}

static omn_status shows_add(const void *self, void *state, omn_call *call, const omn_value *answer,
                            const omn_value *wanted, const omn_value *inputs, bool *right,
                            omn_error *err)
{
    const struct shows *s = self;
    shows_count *c = state;
    omn_status st = OMN_OK;
    const omn_value *text = omn_value_is(inputs, "record") ? omn_record_get(inputs, s->text) : NULL;
    world_claim claims[WORLD_MOST_OBJECTS];
    int n = 0;
    bool is_true = false;
    *right = false;
    c->n++;
    if (omn_value_is(text, "text"))
        n = world_claims_of(omn_text_get(text, NULL), claims);
    if (omn_value_is(answer, "image"))
        OMN_TRY(shown(call, answer, claims, n, right, err));
    c->right += *right;
    if (!omn_value_is(wanted, "image"))
        return OMN_OK;
    OMN_TRY(shown(call, wanted, claims, n, &is_true, err));
    c->true_n++;
    c->true_right += is_true;
done:
    return st;
}

static omn_status shows_rows(const void *self, const void *state, omn_measure_emit *emit,
                             void *user, omn_error *err)
{
    (void)self;
    (void)err;
    const shows_count *c = state;
    const count all = {c->n, c->right}, wanted = {c->true_n, c->true_right};
    tell("all shown", &all, emit, user);
    tell("of the wanted", &wanted, emit, user);
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

/* chance: what a policy that draws its moves may expect. */
typedef struct moves_count { uint64_t n, right; double chance; } moves_count;

static omn_status moves_begin(const void *self, void **state, omn_error *err)
{
    (void)self;
    *state = calloc(1, sizeof(moves_count));
    return *state ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "a measure: out of memory");
}

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

/* How likely a move is right that somebody makes who draws its point from the picture and tosses a
 * coin for each of down and grip. */
static double by_chance(const omn_value *wanted, const float *w, double within)
{
    const omn_tensor *most = omn_value_column(wanted, "most");
    const double width = most ? ((const double *)most->data)[0] : 0;
    const double height = most ? ((const double *)most->data)[1] : 0;
    const double r = fmin(within, 4096);
    uint64_t in = 0;
    if (!(width >= 1 && height >= 1 && width <= 65536 && height <= 65536))
        return 0;
    for (double y = fmax(0, floor((double)w[1] - r)); y <= (double)w[1] + r && y < height; y++)
        for (double x = fmax(0, floor((double)w[0] - r)); x <= (double)w[0] + r && x < width; x++)
            in += hypot(x + 0.5 - (double)w[0], y + 0.5 - (double)w[1]) <= r;
    return (double)in / (width * height) / 4;
}

static omn_status moves_add(const void *self, void *state, omn_call *call, const omn_value *answer,
                            const omn_value *wanted, const omn_value *inputs, bool *right,
                            omn_error *err)
{
    (void)call;
    const struct moves *s = self;
    moves_count *c = state;
    int64_t n = 0, m = 0;
    double within = s->within, chance = 1;
    const float *a = rows_of(answer, &n), *w = rows_of(wanted, &m);
    const omn_value *half =
        omn_value_is(inputs, "record") ? omn_record_get(inputs, s->beside) : NULL;
    if (s->beside[0] && !omn_value_is(half, "number"))
        return omn_fail(err, OMN_ERR_CONFIG, "tabletop-moves: there is no number \"%s\" beside",
                        s->beside);
    if (s->beside[0])
        within = omn_number_get(half);
    for (int64_t i = 0; w && i < m; i++)
        chance *= by_chance(wanted, w + ROW * i, within);
    *right = a && w && n == m && n > 0;
    for (int64_t i = 0; *right && i < n; i++, a += ROW, w += ROW)
        *right = hypot((double)a[0] - (double)w[0], (double)a[1] - (double)w[1]) <= within &&
                 (a[2] >= 0.5f) == (w[2] >= 0.5f) && (a[3] >= 0.5f) == (w[3] >= 0.5f);
    c->n++;
    c->right += *right;
    c->chance += w ? chance : 0;
    return OMN_OK;
}

static omn_status moves_rows(const void *self, const void *state, omn_measure_emit *emit,
                             void *user, omn_error *err)
{
    (void)self;
    (void)err;
    const moves_count *c = state;
    const double n = c->n ? (double)c->n : 1;
    const omn_measure_row row = {OMN_FILL(omn_measure_row), .name = "all moves",
                                 .value = (double)c->right / n, .baseline = c->chance / n, .hi = 1};
    emit(user, &row);
    return OMN_OK;
}

const omn_measure_impl shows_impl = {NULL,  "image",   shows_open, free,
                                     shows_begin, shows_add, shows_rows, end};
const omn_measure_impl alike_impl = {NULL,  "image",   alike_open, free,
                                     begin, alike_add, alike_rows, end};
const omn_measure_impl hits_impl = {NULL,  "audio",  hits_open, free,
                                    begin, hits_add, hits_rows, end};
const omn_measure_impl moves_impl = {NULL,  "actions", moves_open, free,
                                     moves_begin, moves_add, moves_rows, end};
