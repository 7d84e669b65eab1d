/* SPDX-License-Identifier: Apache-2.0 */
/* measure/grit: the seven metrics of GRIT (General Robust Image Task benchmark, Gupta et al. 2022)
 * as measures. What an answer is worth is a number from 0 to 1, a row is their mean, and an answer
 * is right when it is worth more than a half. An answer of another kind is worth nothing. */
#include "grit.h"

#include <omnio/kinds_of_values.h>
#include <omnio/learn.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_PIXELS ((size_t)1 << 29)     /* of all masks about one picture */

/* What the answers of one task are worth. */
typedef omn_status worth_fn(const omn_value *answer, const omn_value *wanted,
                            const omn_value *inputs, double *worth, omn_error *err);

static omn_status no_memory(omn_error *err)
{
    return omn_fail(err, OMN_ERR_MEMORY, "a measure: out of memory");
}

/* ---- words ---------------------------------------------------------------------------------- */

static omn_status category(const omn_value *answer, const omn_value *wanted,
                           const omn_value *inputs, double *worth, omn_error *err)
{
    size_t n, m;
    (void)inputs;
    (void)err;
    *worth = 0;
    if (omn_value_is(wanted, "list")) wanted = omn_list_at(wanted, 0);
    if (!omn_value_is(answer, "text") || !omn_value_is(wanted, "text")) return OMN_OK;
    const char *a = omn_text_get(answer, &n), *b = omn_text_get(wanted, &m);
    *worth = n == m && !memcmp(a, b, n);
    return OMN_OK;
}

static omn_status same_words(const omn_buf *said, const omn_value *truth, bool *same,
                             omn_error *err)
{
    size_t n;
    omn_buf b;
    *same = false;
    if (!omn_value_is(truth, "text")) return OMN_OK;
    const char *text = omn_text_get(truth, &n);
    omn_buf_init(&b, OMN_TEXT_MOST);
    grit_words(text, n, &b);
    const omn_status st = omn_buf_check(&b, "an answer", err);
    *same = st == OMN_OK && b.length == said->length &&
            (!b.length || !memcmp(b.data, said->data, b.length));
    omn_buf_fini(&b);
    return st;
}

/* One wanted text stands for people who all agree; a list is what each of them said. */
static omn_status consensus(const omn_value *answer, const omn_value *wanted,
                            const omn_value *inputs, double *worth, omn_error *err)
{
    omn_buf said;
    size_t n, agree = 0;
    omn_status st;
    const size_t people = omn_value_is(wanted, "list") ? omn_list_count(wanted) : 0;
    bool same;
    (void)inputs;
    *worth = 0;
    if (!omn_value_is(answer, "text")) return OMN_OK;
    const char *text = omn_text_get(answer, &n);
    omn_buf_init(&said, OMN_TEXT_MOST);
    grit_words(text, n, &said);
    st = omn_buf_check(&said, "an answer", err);
    if (st == OMN_OK && !people) {
        st = same_words(&said, wanted, &same, err);
        *worth = st == OMN_OK && same;
    }
    for (size_t i = 0; st == OMN_OK && i < people; i++) {
        st = same_words(&said, omn_list_at(wanted, i), &same, err);
        agree += same;
    }
    if (people) *worth = fmin(1, (double)agree / 3);
    omn_buf_fini(&said);
    return st;
}

/* ---- boxes ---------------------------------------------------------------------------------- */

static size_t boxes_of(const omn_value *v, const omn_region **list)
{
    *list = NULL;
    return omn_value_is(v, "regions") ? omn_regions_get(v, list) : 0;
}

static double boxes_alike(const omn_region *a, const omn_region *b)
{
    const double x[4] = { a->x0, a->y0, a->x1, a->y1 }, y[4] = { b->x0, b->y0, b->x1, b->y1 };
    return grit_box_iou(x, y);
}

/* Room for how alike each pair is; NULL where there is no pair. */
static omn_status room(size_t answers, size_t truths, double **out, omn_error *err)
{
    *out = NULL;
    if (answers > GRIT_MOST || truths > GRIT_MOST)
        return omn_fail(err, OMN_ERR_DATA, "%zu answers and %zu truths: more than %u", answers,
                        truths, GRIT_MOST);
    if (!answers || !truths) return OMN_OK;
    *out = malloc(answers * truths * sizeof **out);
    return *out ? OMN_OK : no_memory(err);
}

static omn_status localized(const omn_value *answer, const omn_value *wanted,
                            const omn_value *inputs, double *worth, omn_error *err)
{
    const omn_region *a, *b;
    const size_t n = boxes_of(answer, &a), m = boxes_of(wanted, &b);
    double *alike;
    (void)inputs;
    *worth = 0;
    if (!omn_value_is(answer, "regions")) return OMN_OK;
    omn_status st = room(n, m, &alike, err);
    for (size_t i = 0; alike && i < n * m; i++) alike[i] = boxes_alike(&a[i / m], &b[i % m]);
    if (st == OMN_OK) st = grit_matched(alike, n, m, worth, err);
    free(alike);
    return st;
}

static omn_status referred(const omn_value *answer, const omn_value *wanted,
                           const omn_value *inputs, double *worth, omn_error *err)
{
    const omn_region *a, *b;
    const size_t n = boxes_of(answer, &a), m = boxes_of(wanted, &b);
    (void)inputs;
    (void)err;
    *worth = n && m && boxes_alike(&a[0], &b[0]) > 0.5;
    return OMN_OK;
}

/* ---- masks ---------------------------------------------------------------------------------- */

typedef struct masks {
    uint8_t *pixels;            /* [n, height, width], owned */
    size_t n, room, each;       /* each: pixels of one */
    uint32_t width, height;
} masks;

static const omn_tensor *mask_tensor(const omn_value *v)
{
    const omn_tensor *t = NULL;
    if (!omn_value_is(v, "mask")) return NULL;
    t = omn_value_column(v, "labels");
    return t ? t : omn_value_column(v, "soft");
}

/* Pixels of one label, or (0) of any that is something. */
static void fill(const omn_tensor *t, int32_t label, uint8_t *out)
{
    const size_t n = (size_t)t->shape.dim[0] * (size_t)t->shape.dim[1];
    for (size_t i = 0; i < n; i++) {
        if (t->type == OMN_F32) out[i] = ((const float *)t->data)[i] >= 0.5f;
        else if (label) out[i] = ((const int32_t *)t->data)[i] == label;
        else out[i] = ((const int32_t *)t->data)[i] > 0;
    }
}

/* One more mask, at the size of all (the first says it). */
static omn_status put_mask(masks *m, const omn_tensor *t, int32_t label, omn_error *err)
{
    const uint32_t height = (uint32_t)t->shape.dim[0], width = (uint32_t)t->shape.dim[1];
    if (!m->each) {
        m->width = width;
        m->height = height;
        m->each = (size_t)width * height;
    }
    if (m->n == GRIT_MOST || (m->n + 1) * m->each > MOST_PIXELS)
        return omn_fail(err, OMN_ERR_DATA, "%zu masks of %u x %u pixels are too many", m->n + 1,
                        m->width, m->height);
    if (m->n == m->room) {
        const size_t more = m->room ? 2 * m->room : 4;
        uint8_t *p = realloc(m->pixels, more * m->each);
        if (!p) return no_memory(err);
        m->pixels = p;
        m->room = more;
    }
    uint8_t *to = m->pixels + m->n++ * m->each;
    if (width == m->width && height == m->height) {
        fill(t, label, to);
        return OMN_OK;
    }
    uint8_t *own = malloc((size_t)width * height);
    if (!own) return no_memory(err);
    fill(t, label, own);
    grit_mask_resize(own, width, height, to, m->width, m->height);
    free(own);
    return OMN_OK;
}

static int by_label(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* Each label above 0 of a map is a mask of its own. */
static omn_status put_labels(masks *m, const omn_tensor *t, omn_error *err)
{
    const size_t n = (size_t)t->shape.dim[0] * (size_t)t->shape.dim[1];
    const int32_t *at = t->data;
    omn_status st = OMN_OK;
    if (t->type == OMN_F32) return put_mask(m, t, 0, err);
    int32_t *list = malloc((n ? n : 1) * sizeof *list), last = 0;
    size_t k = 0;
    if (!list) return no_memory(err);
    for (size_t i = 0; i < n; i++)
        if (at[i] > 0 && (!i || at[i] != at[i - 1])) list[k++] = at[i];
    qsort(list, k, sizeof *list, by_label);
    for (size_t i = 0; st == OMN_OK && i < k; i++)
        if (list[i] != last) st = put_mask(m, t, last = list[i], err);
    free(list);
    return st;
}

/* The masks of a value: a map of labels, or a list with one mask in each. False: it is no such. */
static omn_status masks_of(const omn_value *v, masks *m, bool *are, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_tensor *t = mask_tensor(v);
    *are = t || omn_value_is(v, "list");
    if (t) return put_labels(m, t, err);
    for (size_t i = 0; *are && st == OMN_OK && i < omn_list_count(v); i++) {
        t = mask_tensor(omn_list_at(v, i));
        *are = t != NULL;
        if (t) st = put_mask(m, t, 0, err);
    }
    return st;
}

/* All masks become one. */
static void merge(masks *m)
{
    for (size_t i = 1; i < m->n; i++)
        for (size_t k = 0; k < m->each; k++) m->pixels[k] |= m->pixels[i * m->each + k];
    if (m->n) m->n = 1;
}

static omn_status segmented(const omn_value *answer, const omn_value *wanted,
                            const omn_value *inputs, double *worth, omn_error *err)
{
    omn_status st = OMN_OK;
    masks truth = { .n = 0 }, made = { .n = 0 };
    bool is_truth, is_made;
    double *alike = NULL;
    const omn_value *query =
        omn_value_is(inputs, "record") ? omn_record_get(inputs, "class") : NULL;
    *worth = 0;
    OMN_TRY(masks_of(wanted, &truth, &is_truth, err));
    made.width = truth.width;
    made.height = truth.height;
    made.each = truth.each;
    OMN_TRY(masks_of(answer, &made, &is_made, err));
    if (!is_truth || !is_made) goto done;
    if (omn_value_is(query, "text") && strstr(omn_text_get(query, NULL), "(Stuff)")) {
        merge(&truth);
        merge(&made);
    }
    OMN_TRY(room(made.n, truth.n, &alike, err));
    for (size_t i = 0; alike && i < made.n * truth.n; i++)
        alike[i] = grit_mask_iou(made.pixels + i / truth.n * made.each,
                                 truth.pixels + i % truth.n * truth.each, truth.each);
    OMN_TRY(grit_matched(alike, made.n, truth.n, worth, err));
done:
    free(alike);
    free(truth.pixels);
    free(made.pixels);
    return st;
}

/* ---- joints --------------------------------------------------------------------------------- */

/* The bodies of a value, or of all values of a list, one behind the other: point [n, 17, 2] and
 * visible [n, 17], owned. */
typedef struct bodies { double *point, *visible; size_t n; } bodies;

static omn_status put_bodies(const omn_value *v, bodies *b, bool *are, omn_error *err)
{
    *are = omn_value_is(v, "keypoints");
    if (!*are) return OMN_OK;
    const omn_tensor *p = omn_value_column(v, "point"), *s = omn_value_column(v, "visible");
    const size_t n = (size_t)p->shape.dim[0];
    if (p->shape.dim[1] != GRIT_JOINTS) {
        *are = n == 0;
        return OMN_OK;
    }
    if (b->n + n > GRIT_MOST)
        return omn_fail(err, OMN_ERR_DATA, "%zu persons are more than %u", b->n + n, GRIT_MOST);
    double *point = realloc(b->point, (b->n + n + 1) * 2 * GRIT_JOINTS * sizeof *point);
    if (point) b->point = point;
    double *seen = realloc(b->visible, (b->n + n + 1) * GRIT_JOINTS * sizeof *seen);
    if (seen) b->visible = seen;
    if (!point || !seen) return no_memory(err);
    memcpy(point + b->n * 2 * GRIT_JOINTS, p->data, n * 2 * GRIT_JOINTS * sizeof *point);
    memcpy(seen + b->n * GRIT_JOINTS, s->data, n * GRIT_JOINTS * sizeof *seen);
    b->n += n;
    return OMN_OK;
}

static omn_status bodies_of(const omn_value *v, bodies *b, bool *are, omn_error *err)
{
    omn_status st = OMN_OK;
    if (!omn_value_is(v, "list")) return put_bodies(v, b, are, err);
    *are = true;
    for (size_t i = 0; *are && st == OMN_OK && i < omn_list_count(v); i++)
        st = put_bodies(omn_list_at(v, i), b, are, err);
    return st;
}

/* Persons without a labelled joint are no truth: nothing can be said of them. */
static void drop_unlabelled(bodies *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++) {
        size_t labelled = 0;
        for (size_t k = 0; k < GRIT_JOINTS; k++)
            labelled += b->visible[i * GRIT_JOINTS + k] > 0;
        if (!labelled) continue;
        memmove(b->point + n * 2 * GRIT_JOINTS, b->point + i * 2 * GRIT_JOINTS,
                2 * GRIT_JOINTS * sizeof *b->point);
        memmove(b->visible + n * GRIT_JOINTS, b->visible + i * GRIT_JOINTS,
                GRIT_JOINTS * sizeof *b->visible);
        n++;
    }
    b->n = n;
}

static omn_status posed(const omn_value *answer, const omn_value *wanted, const omn_value *inputs,
                        double *worth, omn_error *err)
{
    omn_status st = OMN_OK;
    bodies truth = { .n = 0 }, made = { .n = 0 };
    bool is_truth, is_made;
    double *alike = NULL;
    (void)inputs;
    *worth = 0;
    OMN_TRY(bodies_of(wanted, &truth, &is_truth, err));
    OMN_TRY(bodies_of(answer, &made, &is_made, err));
    if (!is_truth || !is_made) goto done;
    drop_unlabelled(&truth);
    OMN_TRY(room(made.n, truth.n, &alike, err));
    for (size_t i = 0; alike && i < made.n * truth.n; i++) {
        size_t labelled;
        const size_t a = i / truth.n, t = i % truth.n;
        alike[i] = grit_joints_alike(made.point + a * 2 * GRIT_JOINTS,
                                     truth.point + t * 2 * GRIT_JOINTS,
                                     truth.visible + t * GRIT_JOINTS, &labelled);
    }
    OMN_TRY(grit_matched(alike, made.n, truth.n, worth, err));
done:
    free(alike);
    free(truth.point);
    free(truth.visible);
    free(made.point);
    free(made.visible);
    return st;
}

/* ---- normals -------------------------------------------------------------------------------- */

/* Unit vectors of normals, or of a picture of them in 8 bits (*rgb: it, else NULL). NULL: neither,
 * which is no failure unless *st says so. out: owned. */
static float *vectors_of(const omn_value *v, const uint8_t **rgb, uint32_t side[2],
                         omn_status *st, omn_error *err)
{
    float *out = NULL;
    *rgb = NULL;
    side[0] = side[1] = 0;
    if (omn_value_is(v, "image")) {
        const omn_pixels px = omn_image_pixels(omn_value_image(v));
        if (px.type != OMN_U8 || px.channels != 3) return NULL;
        *rgb = px.data;
        side[0] = px.width;
        side[1] = px.height;
    } else if (omn_value_is(v, "normals")) {
        const omn_tensor *t = omn_value_column(v, "normals");
        side[0] = (uint32_t)t->shape.dim[1];
        side[1] = (uint32_t)t->shape.dim[0];
    } else {
        return NULL;
    }
    const size_t n = (size_t)side[0] * side[1];
    out = malloc((n ? n : 1) * 3 * sizeof *out);
    if (!out) *st = no_memory(err);
    else if (*rgb) grit_normals_of(*rgb, n, out);
    else memcpy(out, omn_value_column(v, "normals")->data, n * 3 * sizeof *out);
    return out;
}

static omn_status faced(const omn_value *answer, const omn_value *wanted, const omn_value *inputs,
                        double *worth, omn_error *err)
{
    omn_status st = OMN_OK;
    uint32_t mine[2], side[2];
    const uint8_t *rgb, *skip;
    uint8_t *valid = NULL;
    (void)inputs;
    *worth = 0;
    float *truth = vectors_of(wanted, &rgb, side, &st, err);
    float *made = st == OMN_OK ? vectors_of(answer, &skip, mine, &st, err) : NULL;
    if (st != OMN_OK || !truth || !made || mine[0] != side[0] || mine[1] != side[1]) goto done;
    valid = malloc((size_t)side[0] * side[1] + 1);
    if (!valid) {
        st = no_memory(err);
        goto done;
    }
    grit_normals_valid(rgb, truth, side[0], side[1], valid);
    st = grit_normals_worth(made, truth, valid, side[0], side[1], worth, err);
done:
    free(truth);
    free(made);
    free(valid);
    return st;
}

/* ---- the measures --------------------------------------------------------------------------- */

typedef struct count { uint64_t n; double sum, last; } count;

static omn_status open_none(omn_call *c, const void *params, omn_open *o, void **self,
                            omn_error *err)
{
    (void)c;
    (void)params;
    (void)o;
    (void)err;
    *self = NULL;
    return OMN_OK;
}

static void close_none(void *self) { (void)self; }

static omn_status begin(const void *self, void **state, omn_error *err)
{
    (void)self;
    *state = calloc(1, sizeof(count));
    return *state ? OMN_OK : no_memory(err);
}

static void end(const void *self, void *state)
{
    (void)self;
    free(state);
}

static omn_status rows(const void *self, const void *state, omn_measure_emit *emit, void *user,
                       omn_error *err)
{
    const count *c = state;
    const omn_measure_row row = { OMN_FILL(omn_measure_row), .name = "grit",
                                  .value = c->n ? c->sum / (double)c->n : 0,
                                  .baseline = (double)NAN, .hi = 1 };
    (void)self;
    (void)err;
    emit(user, &row);
    return OMN_OK;
}

static double last(const void *self, const void *state)
{
    (void)self;
    return ((const count *)state)->last;
}

static const void *extension(const char *id)
{
    static const omn_graded_impl graded = { last };
    return !strcmp(id, "omnio.graded/1") ? &graded : NULL;
}

static omn_status add(worth_fn *worth, void *state, const omn_value *answer,
                      const omn_value *wanted, const omn_value *inputs, bool *right,
                      omn_error *err)
{
    count *c = state;
    const omn_status st = worth(answer, wanted, inputs, &c->last, err);
    *right = c->last > 0.5;
    c->n++;
    c->sum += c->last;
    return st;
}

#define MEASURE(name, takes, worth)                                                                \
    static omn_status add_##name(const void *self, void *state, omn_call *c,                       \
                                 const omn_value *answer, const omn_value *wanted,                 \
                                 const omn_value *inputs, bool *right, omn_error *err)             \
    {                                                                                              \
        (void)self;                                                                                \
        (void)c;                                                                                   \
        return add(worth, state, answer, wanted, inputs, right, err);                              \
    }                                                                                              \
    static const omn_measure_impl name##_impl = { extension, takes,      open_none, close_none,    \
                                                  begin,     add_##name, rows,      end };
MEASURE(categorization, "text", category)
MEASURE(localization, "regions", localized)
MEASURE(vqa, "text", consensus)
MEASURE(refexp, "regions", referred)
MEASURE(segmentation, "any", segmented)
MEASURE(keypoint, "any", posed)
MEASURE(normal, "any", faced)

#define OBJECT(id, help, impl) { "omnio.measure/1", id, help, &impl, NULL, 0, 0 }
static const omn_object objects[] = {
    OBJECT("grit-categorization", "GRIT: the very option, letter by letter", categorization_impl),
    OBJECT("grit-localization", "GRIT: IoU of boxes, one to one with the wanted ones",
           localization_impl),
    OBJECT("grit-vqa", "GRIT: how many of three people gave the answer", vqa_impl),
    OBJECT("grit-refexp", "GRIT: the first box covers the wanted one by more than a half",
           refexp_impl),
    OBJECT("grit-segmentation", "GRIT: IoU of masks, one to one with the wanted ones",
           segmentation_impl),
    OBJECT("grit-keypoint", "GRIT: how near joints are, body to body", keypoint_impl),
    OBJECT("grit-normal", "GRIT: pixels whose normals are within 11.25 degrees, once turned",
           normal_impl),
};
OMN_PLUGIN("measure-grit", "0.1.0", "Apache-2.0", "the metrics of the benchmark GRIT", objects);
