/* SPDX-License-Identifier: Apache-2.0 */
/* What COCO's JSON says of one picture: its boxes, its masks as one map with a label for each thing
 * (later ones lie above), its bodies and its outlines. */
#include "categories.h"
#include "coco.h"
#include "outline.h"

#include <omnio/kinds_of_values.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct reading {
    omn_call *c;
    const coco_reading *how;
    categories known;                     /* of the settings */
    const omn_value *images, *annotations, *categories;   /* lists, or NULL */
    const omn_value **of;                 /* annotations of the picture, in scratch memory */
    size_t n;
    double image_id;                      /* NAN: any */
    uint32_t width, height;               /* 0: nobody knows */
    const omn_frame *frame;
} reading;

static double number_in(const omn_value *record, const char *name, double otherwise)
{
    const omn_value *v = omn_value_is(record, "record") ? omn_record_get(record, name) : NULL;
    return omn_value_is(v, "number") ? omn_number_get(v) : otherwise;
}

static const omn_value *list_in(const omn_value *record, const char *name)
{
    const omn_value *v = omn_value_is(record, "record") ? omn_record_get(record, name) : NULL;
    return omn_value_is(v, "list") ? v : NULL;
}

static const char *text_in(const omn_value *record, const char *name)
{
    const omn_value *v = omn_value_is(record, "record") ? omn_record_get(record, name) : NULL;
    return omn_value_is(v, "text") ? omn_text_get(v, NULL) : NULL;
}

/* n numbers of a list; false: it has others, or is none. */
static bool numbers_of(const omn_value *list, double *to, size_t n)
{
    if (!omn_value_is(list, "list") || omn_list_count(list) != n) return false;
    for (size_t i = 0; i < n; i++) {
        if (!omn_value_is(omn_list_at(list, i), "number")) return false;
        to[i] = omn_number_get(omn_list_at(list, i));
    }
    return true;
}

static bool same(double a, double b)
{
    return !(a < b) && !(a > b);
}

/* ---- which picture -------------------------------------------------------------------------- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static omn_status find_image(reading *r, omn_error *err)
{
    const omn_value *found = NULL;
    const coco_reading *how = r->how;
    const size_t n = omn_list_count(r->images);
    r->image_id = how->image_id >= 0 ? (double)how->image_id : NAN;
    for (size_t i = 0; found == NULL && i < n; i++) {
        const omn_value *one = omn_list_at(r->images, i);
        const char *name = text_in(one, "file_name");
        bool meant = true;
        if (how->image_id >= 0) meant = same(number_in(one, "id", NAN), r->image_id);
        else if (how->file[0] != '\0')
            meant = name != NULL && !strcmp(base_name(name), base_name(how->file));
        if (meant) found = one;
    }
    if (found == NULL && how->image_id < 0 && how->file[0] != '\0')
        return omn_fail(err, OMN_ERR_DATA, "no picture %s among the %zu of this COCO file",
                        how->file, n);
    if (found == NULL && how->image_id >= 0 && n > 0)
        return omn_fail(err, OMN_ERR_DATA, "no picture of id %lld among the %zu of this COCO file",
                        (long long)how->image_id, n);
    if (n > 1 && how->image_id < 0 && how->file[0] == '\0')
        return omn_fail(err, OMN_ERR_ARGUMENT,
                        "this COCO file has %zu pictures: image_id or file says which", n);
    if (found != NULL && omn_record_get(found, "id") != NULL && isnan(number_in(found, "id", NAN)))
        return omn_fail(err, OMN_ERR_DATA, "the id of a picture is no number");
    if (found != NULL) r->image_id = number_in(found, "id", r->image_id);
    if (isnan(r->image_id))
        r->image_id = number_in(omn_list_at(r->annotations, 0), "image_id", NAN);
    const double w = number_in(found, "width", 0), h = number_in(found, "height", 0);
    if (!(w >= 0 && h >= 0 && w <= OMN_IMAGE_MOST_SIDE && h <= OMN_IMAGE_MOST_SIDE))
        return omn_fail(err, OMN_ERR_DATA, "a picture of %g x %g pixels; sides are at most %u", w,
                        h, OMN_IMAGE_MOST_SIDE);
    r->width = (uint32_t)w;
    r->height = (uint32_t)h;
    return OMN_OK;
}

/* Sizes agree with the picture that was given, whose frame all speaks of. */
static omn_status match_image(reading *r, omn_error *err)
{
    if (r->how->image == NULL) return OMN_OK;
    const omn_frame *f = omn_image_frame(r->how->image);
    if (r->width > 0 && (r->width != f->width || r->height != f->height))
        return omn_fail(err, OMN_ERR_DATA,
                        "COCO's picture is of %u x %u pixels, the one that was given of %u x %u",
                        r->width, r->height, f->width, f->height);
    r->frame = f;
    r->width = f->width;
    r->height = f->height;
    return OMN_OK;
}

static omn_status find_annotations(reading *r, const omn_value *in, omn_error *err)
{
    const size_t most = omn_value_is(in, "list") ? omn_list_count(in) : 1;
    r->images = list_in(in, "images");
    r->categories = list_in(in, "categories");
    r->annotations = omn_value_is(in, "list") ? in : list_in(in, "annotations");
    const bool one = r->annotations == NULL && omn_value_is(in, "record") &&
                     (omn_record_get(in, "bbox") != NULL ||
                      omn_record_get(in, "segmentation") != NULL);
    if (r->annotations == NULL && !one)
        return omn_fail(err, OMN_ERR_DATA,
                        "no JSON of COCO: a data set has \"annotations\", results are a list");
    const size_t n = one ? most : omn_list_count(r->annotations);
    omn_status st = find_image(r, err);
    if (st == OMN_OK) st = match_image(r, err);
    if (st != OMN_OK) return st;
    r->of = omn_call_scratch(r->c, n + 1, sizeof(*r->of));
    if (r->of == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu annotations", n);
    for (size_t i = 0; i < n; i++) {
        const omn_value *a = one ? in : omn_list_at(r->annotations, i);
        if (!omn_value_is(a, "record"))
            return omn_fail(err, OMN_ERR_DATA, "annotation %zu is %s, not a record", i,
                            omn_value_kind_name(a));
        if (omn_record_get(a, "image_id") != NULL && isnan(number_in(a, "image_id", NAN)))
            return omn_fail(err, OMN_ERR_DATA, "annotation %zu: image_id is no number", i);
        if (isnan(r->image_id) || same(number_in(a, "image_id", r->image_id), r->image_id))
            r->of[r->n++] = a;
        else if (r->how->image_id < 0 && omn_list_count(r->images) == 0)
            return omn_fail(err, OMN_ERR_ARGUMENT,
                            "annotations of several pictures: image_id says which");
    }
    return OMN_OK;
}

static const omn_value *category_of(const reading *r, const omn_value *a)
{
    const double id = number_in(a, "category_id", NAN);
    for (size_t i = 0; i < omn_list_count(r->categories); i++)
        if (same(number_in(omn_list_at(r->categories, i), "id", NAN), id) && !isnan(id))
            return omn_list_at(r->categories, i);
    return NULL;
}

static const char *label_of(const reading *r, const omn_value *a)
{
    const double id = number_in(a, "category_id", -1);
    const char *name = text_in(category_of(r, a), "name");
    if (name == NULL && id >= 0 && id < 1e6) name = categories_name(&r->known, (int32_t)id);
    return name != NULL && name[0] != '\0' ? name : NULL;
}

/* A number that the file's own list lacks would be named by another list, and one that no list has
 * be nameless: both are mistakes. */
static omn_status check_categories(const reading *r, omn_error *err)
{
    const bool own = r->categories != NULL;
    for (size_t i = 0; (own || !r->known.open) && i < r->n; i++) {
        const double id = number_in(r->of[i], "category_id", NAN);
        const bool there = own ? category_of(r, r->of[i]) != NULL
                               : id >= 0 && id < 1e6 && categories_name(&r->known, (int32_t)id);
        if (isnan(id) || there) continue;
        return omn_fail(err, OMN_ERR_DATA,
                        own ? "annotation %zu: category_id %g is none of the file's categories"
                            : "annotation %zu: category_id %g is none of the categories that are "
                              "set (categories names those of results; \"\": none)", i, id);
    }
    return OMN_OK;
}

/* ---- boxes ---------------------------------------------------------------------------------- */

static omn_status read_regions(reading *r, omn_value **out, omn_error *err)
{
    omn_region *list = omn_call_scratch(r->c, r->n + 1, sizeof(*list));
    size_t n = 0;
    if (list == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu boxes", r->n);
    for (size_t i = 0; i < r->n; i++) {
        const omn_value *box = omn_record_get(r->of[i], "bbox");
        const double score = number_in(r->of[i], "score", NAN);
        double b[4];
        if (box == NULL) continue;
        if (!numbers_of(box, b, 4) || !(b[2] >= 0) || !(b[3] >= 0))
            return omn_fail(err, OMN_ERR_DATA,
                            "annotation %zu: \"bbox\" is [x, y, width, height]", i);
        list[n++] = (omn_region){ b[0], b[1], b[0] + b[2], b[1] + b[3],
                                  score >= 0 && score <= 1 ? score : NAN, label_of(r, r->of[i]) };
    }
    return omn_regions_new(list, n, r->frame, out, err);
}

/* ---- masks and outlines --------------------------------------------------------------------- */

typedef struct shapes {
    int32_t *labels;                      /* [height, width] */
    const char **names;                   /* of the labels */
    int32_t *rings, *points;
    double *at, *xs;
    const char **outlined;
    size_t n, n_rings, n_points;
} shapes;

/* How many polygons there are, and numbers in them, before there is room for them. */
static omn_status count_outlines(const reading *r, size_t *rings, size_t *points, omn_error *err)
{
    *rings = *points = 0;
    for (size_t i = 0; i < r->n; i++) {
        const omn_value *s = omn_record_get(r->of[i], "segmentation");
        if (!omn_value_is(s, "list")) continue;
        *rings += omn_list_count(s);
        for (size_t k = 0; k < omn_list_count(s); k++) {
            const size_t n = omn_list_count(omn_list_at(s, k));
            if (n < 6 || n % 2)
                return omn_fail(err, OMN_ERR_DATA,
                                "annotation %zu: a polygon of %zu numbers; 3 points or more have "
                                "x, y each",
                                i, n);
            *points += n / 2;
        }
    }
    return OMN_OK;
}

/* The first mask says how large the picture is when nobody else does. */
static omn_status room_for(reading *r, shapes *s, omn_error *err)
{
    size_t rings, points;
    omn_image *room = NULL;
    omn_pixels px;
    omn_status st = count_outlines(r, &rings, &points, err);
    for (size_t i = 0; st == OMN_OK && r->width == 0 && i < r->n; i++) {
        double side[2];
        const omn_value *v = omn_record_get(r->of[i], "segmentation");
        if (!omn_value_is(v, "record") || !numbers_of(omn_record_get(v, "size"), side, 2)) continue;
        if (!(side[0] >= 1 && side[1] >= 1 && side[0] <= OMN_IMAGE_MOST_SIDE &&
              side[1] <= OMN_IMAGE_MOST_SIDE))
            return omn_fail(err, OMN_ERR_DATA, "annotation %zu: a mask of [%g, %g] pixels", i,
                            side[0], side[1]);
        r->height = (uint32_t)side[0];
        r->width = (uint32_t)side[1];
    }
    if (st == OMN_OK && r->width > 0 && r->height > 0)
        st = omn_image_new_within(r->c, OMN_F32, r->width, r->height, 1, NULL, &room, &px, err);
    omn_image_free(room);
    if (st != OMN_OK) return st;
    s->labels = calloc((size_t)r->width * r->height + 1, sizeof(*s->labels));
    s->names = omn_call_scratch(r->c, r->n + 1, sizeof(*s->names));
    s->outlined = omn_call_scratch(r->c, r->n + 1, sizeof(*s->outlined));
    s->rings = omn_call_scratch(r->c, r->n + 1, sizeof(*s->rings));
    s->points = omn_call_scratch(r->c, rings + 1, sizeof(*s->points));
    s->at = omn_call_scratch(r->c, 2 * points + 1, sizeof(*s->at));
    s->xs = omn_call_scratch(r->c, points + 1, sizeof(*s->xs));
    if (!s->labels || !s->names || !s->outlined || !s->rings || !s->points || !s->at || !s->xs)
        return omn_fail(err, OMN_ERR_MEMORY, "no memory for masks and polygons");
    return OMN_OK;
}

static omn_status add_outline(const reading *r, shapes *s, size_t i, const omn_value *list,
                              omn_error *err)
{
    const int32_t label = (int32_t)i + 1;
    for (size_t k = 0; k < omn_list_count(list); k++) {
        const omn_value *one = omn_list_at(list, k);
        const size_t n = omn_list_count(one) / 2;
        double *at = s->at + 2 * s->n_points;
        if (!numbers_of(one, at, 2 * n))
            return omn_fail(err, OMN_ERR_DATA, "annotation %zu: a polygon is a list of numbers", i);
        s->points[s->n_rings] = (int32_t)n;
        if (r->width > 0)
            outline_fill(at, &s->points[s->n_rings], 1, s->xs, label, s->labels, r->width,
                         r->height);
        s->n_rings++;
        s->n_points += n;
    }
    if (omn_list_count(list) > 0) {
        s->outlined[s->n] = label_of(r, r->of[i]);
        s->rings[s->n++] = (int32_t)omn_list_count(list);
    }
    return OMN_OK;
}

static omn_status add_mask(const reading *r, shapes *s, size_t i, const omn_value *v,
                           omn_error *err)
{
    rle run;
    omn_status st = rle_read(r->c, v, &run, err);
    if (st == OMN_OK && (run.width != r->width || run.height != r->height))
        st = omn_fail(err, OMN_ERR_DATA, "a mask of %u x %u pixels in a picture of %u x %u",
                      run.width, run.height, r->width, r->height);
    if (st == OMN_OK) rle_fill(&run, (int32_t)i + 1, s->labels);
    if (st != OMN_OK) omn_error_prefix(err, "annotation %zu", i);
    rle_fini(&run);
    return st;
}

static omn_status make_shapes(const reading *r, const shapes *s, coco_found *out, omn_error *err)
{
    const omn_kind *mask = NULL, *polygons = NULL;
    const omn_frame whole = r->frame != NULL
                                ? omn_frame_identity(r->frame->source, r->width, r->height)
                                : omn_frame_identity(0, 0, 0);
    omn_status st = omn_kind_find(r->c, "mask", &mask, err);
    if (st == OMN_OK) st = omn_kind_find(r->c, "polygons", &polygons, err);
    if (st != OMN_OK) return st;
    const omn_filled m[2] = {
        omn_fill("labels", OMN_I32, omn_dim2(r->height, r->width), s->labels),
        omn_fill("legend", OMN_STRING, omn_dim1((int64_t)r->n + 1), s->names),
    };
    const omn_filled p[4] = {
        omn_fill("rings", OMN_I32, omn_dim1((int64_t)s->n), s->rings),
        omn_fill("points", OMN_I32, omn_dim1((int64_t)s->n_rings), s->points),
        omn_fill("point", OMN_F64, omn_dim2((int64_t)s->n_points, 2), s->at),
        omn_fill("label", OMN_STRING, omn_dim1((int64_t)s->n), s->outlined),
    };
    st = omn_value_make(mask, m, 2, r->frame != NULL ? &whole : NULL, &out->mask, err);
    return st == OMN_OK ? omn_value_make(polygons, p, 4, r->frame, &out->polygons, err) : st;
}

static omn_status read_shapes(reading *r, coco_found *out, omn_error *err)
{
    enum { MOST = 65535 };
    shapes s = { .labels = NULL };
    omn_status st = OMN_OK;
    if (r->n > MOST)
        return omn_fail(err, OMN_ERR_DATA, "%zu annotations of a picture; at most %d", r->n, MOST);
    OMN_TRY(room_for(r, &s, err));
    for (size_t i = 0; i < r->n; i++) {
        const omn_value *v = omn_record_get(r->of[i], "segmentation");
        s.names[i + 1] = label_of(r, r->of[i]);
        if (omn_call_cancelled(r->c))
            OMN_TRY(omn_fail(err, OMN_ERR_CANCELLED, "stopped on request"));
        if (omn_value_is(v, "record")) OMN_TRY(add_mask(r, &s, i, v, err));
        if (omn_value_is(v, "list")) OMN_TRY(add_outline(r, &s, i, v, err));
    }
    st = make_shapes(r, &s, out, err);
done:
    free(s.labels);
    return st;
}

/* ---- bodies --------------------------------------------------------------------------------- */

typedef struct bodies {
    const char **joints;
    int32_t *bones;
    size_t n_joints, n_bones;
} bodies;

static bool same_joints(const omn_value *a, const omn_value *b)
{
    bool equal = omn_list_count(a) == omn_list_count(b) && (a == NULL) == (b == NULL);
    for (size_t i = 0; equal && i < omn_list_count(a); i++) {
        const char *x = omn_text_get(omn_list_at(a, i), NULL);
        const char *y = omn_text_get(omn_list_at(b, i), NULL);
        equal = x != NULL && y != NULL && !strcmp(x, y);
    }
    return equal;
}

/* One value holds bodies of one kind: all categories that have some here have the same joints. */
static omn_status check_joints(const reading *r, const omn_value *joints, omn_error *err)
{
    for (size_t i = 0; i < r->n; i++) {
        if (omn_record_get(r->of[i], "keypoints") == NULL) continue;
        if (same_joints(list_in(category_of(r, r->of[i]), "keypoints"), joints)) continue;
        return omn_fail(err, OMN_ERR_UNSUPPORTED,
                        "annotation %zu: its category has other joints than those before; bodies "
                        "of one picture have the same", i);
    }
    return OMN_OK;
}

/* Names and bones from the category, else those of COCO's people. */
static omn_status find_joints(reading *r, bodies *b, omn_error *err)
{
    size_t n = 0;
    const omn_value *joints = NULL, *bones = NULL;
    const char *const *names = omn_coco_joints(&n);
    for (size_t i = 0; i < r->n && joints == NULL; i++) {
        if (omn_record_get(r->of[i], "keypoints") == NULL) continue;
        joints = list_in(category_of(r, r->of[i]), "keypoints");
        bones = list_in(category_of(r, r->of[i]), "skeleton");
    }
    const omn_status differ = check_joints(r, joints, err);
    if (differ != OMN_OK) return differ;
    b->n_joints = joints != NULL ? omn_list_count(joints) : n;
    b->joints = omn_call_scratch(r->c, b->n_joints + 1, sizeof(*b->joints));
    b->n_bones = omn_list_count(bones);
    if (joints == NULL) omn_coco_skeleton(&b->n_bones);
    b->bones = omn_call_scratch(r->c, 2 * b->n_bones + 1, sizeof(*b->bones));
    if (b->joints == NULL || b->bones == NULL)
        return omn_fail(err, OMN_ERR_MEMORY, "no memory for joints");
    for (size_t i = 0; i < b->n_joints; i++) {
        b->joints[i] = joints != NULL ? omn_text_get(omn_list_at(joints, i), NULL) : names[i];
        if (b->joints[i] == NULL)
            return omn_fail(err, OMN_ERR_DATA, "\"keypoints\" of a category are names of joints");
    }
    if (joints == NULL)
        memcpy(b->bones, omn_coco_skeleton(&n), 2 * b->n_bones * sizeof(*b->bones));
    for (size_t i = 0; joints != NULL && i < b->n_bones; i++) {
        double ends[2];
        if (!numbers_of(omn_list_at(bones, i), ends, 2) || !(ends[0] >= 1 && ends[1] >= 1) ||
            ends[0] > (double)b->n_joints || ends[1] > (double)b->n_joints)
            return omn_fail(err, OMN_ERR_DATA, "bone %zu of a skeleton joins two of 1..%zu", i,
                            b->n_joints);
        b->bones[2 * i] = (int32_t)ends[0] - 1;
        b->bones[2 * i + 1] = (int32_t)ends[1] - 1;
    }
    return OMN_OK;
}

static omn_status read_keypoints(reading *r, omn_value **out, omn_error *err)
{
    bodies b = { .joints = NULL };
    const omn_kind *kind = NULL;
    size_t n = 0;
    omn_status st = find_joints(r, &b, err);
    const size_t k = b.n_joints;
    if (st == OMN_OK) st = omn_kind_find(r->c, "keypoints", &kind, err);
    if (st != OMN_OK) return st;
    double *three = omn_call_scratch(r->c, 3 * k + 1, sizeof(*three));
    double *at = omn_call_scratch(r->c, (r->n + 1) * k + 1, 2 * sizeof(*at));
    double *seen = omn_call_scratch(r->c, (r->n + 1) * k + 1, sizeof(*seen));
    double *score = omn_call_scratch(r->c, r->n + 1, sizeof(*score));
    const char **label = omn_call_scratch(r->c, r->n + 1, sizeof(*label));
    if (!three || !at || !seen || !score || !label)
        return omn_fail(err, OMN_ERR_MEMORY, "no memory for bodies");
    for (size_t i = 0; i < r->n; i++) {
        const omn_value *v = omn_record_get(r->of[i], "keypoints");
        const double s = number_in(r->of[i], "score", NAN);
        if (v == NULL) continue;
        if (!numbers_of(v, three, 3 * k))
            return omn_fail(err, OMN_ERR_DATA,
                            "annotation %zu: \"keypoints\" are %zu times x, y and visibility", i,
                            k);
        for (size_t j = 0; j < k; j++) {
            const double see = three[3 * j + 2];
            if (!(see >= 0 && see <= 2))
                return omn_fail(err, OMN_ERR_DATA,
                                "annotation %zu: visibility %g of joint %zu is none of 0..2", i,
                                see, j);
            at[2 * (n * k + j)] = see > 0 ? three[3 * j] : NAN;
            at[2 * (n * k + j) + 1] = see > 0 ? three[3 * j + 1] : NAN;
            seen[n * k + j] = see;
        }
        score[n] = s >= 0 && s <= 1 ? s : NAN;
        label[n++] = label_of(r, r->of[i]);
    }
    const omn_filled f[6] = {
        omn_fill("point", OMN_F64, omn_dim3((int64_t)n, (int64_t)k, 2), at),
        omn_fill("visible", OMN_F64, omn_dim2((int64_t)n, (int64_t)k), seen),
        omn_fill("joints", OMN_STRING, omn_dim1((int64_t)k), b.joints),
        omn_fill("skeleton", OMN_I32, omn_dim2((int64_t)b.n_bones, 2), b.bones),
        omn_fill("score", OMN_F64, omn_dim1((int64_t)n), score),
        omn_fill("label", OMN_STRING, omn_dim1((int64_t)n), label),
    };
    return omn_value_make(kind, f, 6, r->frame, out, err);
}

omn_status coco_read(omn_call *c, const omn_value *in, const coco_reading *how, coco_found *out,
                     omn_error *err)
{
    reading *r = calloc(1, sizeof(*r));
    if (r == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for annotations");
    r->c = c;
    r->how = how;
    omn_status st = categories_open(&r->known, how->categories, err);
    if (st == OMN_OK) st = coco_check(in, err);
    if (st == OMN_OK) st = find_annotations(r, in, err);
    if (st == OMN_OK) st = check_categories(r, err);
    if (st == OMN_OK) st = read_regions(r, &out->regions, err);
    if (st == OMN_OK) st = read_keypoints(r, &out->keypoints, err);
    if (st == OMN_OK) st = read_shapes(r, out, err);
    categories_close(&r->known);
    free(r);
    if (st == OMN_OK) return OMN_OK;
    omn_value_unref(out->regions);
    omn_value_unref(out->keypoints);
    omn_value_unref(out->mask);
    omn_value_unref(out->polygons);
    *out = (coco_found){ NULL, NULL, NULL, NULL };
    return st;
}
