/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on what a detector found: rows of numbers, the box of each and what it is worth as
 * each of some things, as labelled boxes, or as places of the parts of a text; and a text with
 * parts to begin with. */
#include "things.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BOX = 4 };                         /* numbers of a box, in front of those of a row */

bool things_corners(const omn_image *picture, const float *box, double *c)
{
    const omn_pixels px = omn_image_pixels(picture);
    const omn_frame *f = omn_image_frame(picture);
    const double w = px.width, h = px.height;
    for (int i = 0; i < BOX; i++)
        if (!isfinite(box[i])) return false;
    const double x0 = fmax((double)box[0] - (double)box[2] / 2, 0) * w;
    const double x1 = fmin((double)box[0] + (double)box[2] / 2, 1) * w;
    const double y0 = fmax((double)box[1] - (double)box[3] / 2, 0) * h;
    const double y1 = fmin((double)box[1] + (double)box[3] / 2, 1) * h;
    omn_frame_to_source(f, x0, y0, &c[0], &c[1]);
    omn_frame_to_source(f, x1, y1, &c[2], &c[3]);
    return x0 < x1 && y0 < y1;
}

/* Rows of a detector, with `least` numbers behind the box; NULL: something else. */
static const float *rows_of(const omn_value *v, size_t least, size_t *n, size_t *width,
                            omn_error *err)
{
    const omn_tensor *t = omn_value_tensor(v);
    *n = (size_t)t->shape.dim[0];
    *width = (size_t)t->shape.dim[1];
    if (*width >= BOX + least) return t->data;
    omn_fail(err, OMN_ERR_SHAPE, "rows of %zu numbers are not what a detector found: a box and %zu "
             "or more are wanted", *width, least);
    return NULL;
}

typedef struct ranked { double score; size_t row, what; } ranked;

static int better(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* A score as values hold it. */
static double bounded(double x) { return x > 1 ? 1 : x > 0 ? x : 0; }

/* ---- boxes ----------------------------------------------------------------------------------- */

#define REGIONS(IN, OPT, PAR, OUT)                                                                 \
    IN(embeddings, in, "rows: a box, and what it is worth as each of some things")                 \
    IN(image, picture, "what was looked at")                                                       \
    OPT(list, labels, "what the things are called")                                                \
    PAR(int, classes, "0", "0..1048576", NULL, "so many of the numbers are things; 0: all")        \
    PAR(double, least, "0.5", "0..1", NULL, "least score of a box that stays")                     \
    PAR(int, most, "0", "0..65536", NULL, "most boxes, the best first; 0: all")                    \
    OUT(regions, out, "boxes, each as what it is worth most as")
OMN_OPERATION(regions, REGIONS, OMN_PURE);
static omn_status regions(omn_call *c, const omn_value *in, const omn_image *picture,
                          const omn_value *labels, int classes, double least, int most,
                          omn_value **out, omn_error *err)
{
    size_t n = 0, width = 0, kept = 0, made = 0;
    const size_t named = labels ? omn_list_count(labels) : 0;
    const size_t wanted = classes ? (size_t)classes : named ? named : 1;
    const float *x = rows_of(in, wanted, &n, &width, err);
    if (!x) return OMN_ERR_SHAPE;
    const size_t count = classes ? (size_t)classes : width - BOX;
    if (labels && named != count)
        return omn_fail(err, OMN_ERR_DATA, "%zu labels, there are %zu classes", named, count);
    ranked *all = omn_call_scratch(c, n + 1, sizeof *all);
    omn_region *r = omn_call_scratch(c, n + 1, sizeof *r);
    if (!all || !r) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu boxes", n);
    for (size_t i = 0; i < n; i++) {
        const float *score = x + i * width + BOX;
        ranked best = { (double)score[0], i, 0 };
        for (size_t k = 1; k < count; k++)
            if ((double)score[k] > best.score) best = (ranked){ (double)score[k], i, k };
        if (best.score >= least) all[kept++] = best;
    }
    qsort(all, kept, sizeof *all, better);
    for (size_t i = 0; i < kept && (!most || made < (size_t)most); i++) {
        double k[BOX];
        const char *label = NULL;
        if (!things_corners(picture, x + all[i].row * width, k)) continue;
        if (labels && !(label = omn_text_get(omn_list_at(labels, all[i].what), NULL)))
            return omn_fail(err, OMN_ERR_TYPE, "label %zu is no text", all[i].what + 1);
        r[made++] = (omn_region){ k[0], k[1], k[2], k[3], bounded(all[i].score), label };
    }
    return omn_regions_new(r, made, omn_image_frame(picture), out, err);
}

/* ---- texts with places ----------------------------------------------------------------------- */

typedef struct part { int32_t span[2]; double box[BOX], score; } part;

static omn_status grounded(omn_call *c, const char *text, const part *p, size_t n, bool scored,
                           const omn_frame *frame, omn_value **out, omn_error *err)
{
    const omn_kind *kind = NULL;
    int32_t *span = omn_call_scratch(c, 2 * n + 1, sizeof *span);
    double *box = omn_call_scratch(c, BOX * n + 1, sizeof *box);
    double *score = omn_call_scratch(c, n + 1, sizeof *score);
    if (!span || !box || !score) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu parts", n);
    for (size_t i = 0; i < n; i++) {
        memcpy(span + 2 * i, p[i].span, sizeof p[i].span);
        memcpy(box + BOX * i, p[i].box, sizeof p[i].box);
        score[i] = p[i].score;
    }
    const omn_filled f[] = { omn_fill("text", OMN_STRING, omn_dim0(), &text),
                             omn_fill("span", OMN_I32, omn_dim2((int64_t)n, 2), span),
                             omn_fill("box", OMN_F64, omn_dim2((int64_t)n, BOX), box),
                             omn_fill("score", OMN_F64, omn_dim1((int64_t)n), score) };
    const omn_status st = omn_kind_find(c, "grounded", &kind, err);
    return st == OMN_OK ? omn_value_make(kind, f, scored ? 4 : 3, frame, out, err) : st;
}

/* The first place of a phrase in a text, as a word or several; behind *from for one that is said
 * more than once. */
static omn_status locate(const char *text, const char *phrase, const part *before, size_t n,
                         int32_t *span, omn_error *err)
{
    const size_t length = strlen(phrase);
    const char *at = text, *first = NULL;
    while (length && (at = strstr(at, phrase))) {
        const int32_t from = (int32_t)(at - text);
        bool taken = false;
        for (size_t i = 0; i < n; i++) taken |= before[i].span[0] == from;
        if (!first) first = at;
        if (!taken) {
            first = at;
            break;
        }
        at++;
    }
    if (!first)
        return omn_fail(err, OMN_ERR_DATA, "\"%.80s\" does not stand in the text", phrase);
    span[0] = (int32_t)(first - text);
    span[1] = span[0] + (int32_t)length;
    return OMN_OK;
}

/* The first and last byte of a text that are no blanks. */
static omn_status whole(const char *text, int32_t *span, omn_error *err)
{
    size_t from = 0, end = strlen(text);
    while (from < end && text[from] == ' ') from++;
    while (end > from && text[end - 1] == ' ') end--;
    if (from == end) return omn_fail(err, OMN_ERR_DATA, "the text has no words");
    span[0] = (int32_t)from;
    span[1] = (int32_t)end;
    return OMN_OK;
}

#define MAKE(IN, OPT, PAR, OUT)                                                                    \
    IN(text, in, "the text")                                                                       \
    IN(image, picture, "the picture that it speaks of, whole")                                     \
    OPT(list, phrases, "parts of the text, whose places are not known; none: the whole text")      \
    OPT(regions, boxes, "places of the parts that their labels are, or of the whole text")         \
    PAR(choice, by, "labels", "labels|text", NULL, "what boxes are of")                            \
    OUT(grounded, out, "the text with these parts; where no place is known, that of the picture")
OMN_OPERATION(make, MAKE, OMN_PURE);
static omn_status make(omn_call *c, const omn_value *in, const omn_image *picture,
                       const omn_value *phrases, const omn_value *boxes, int by, omn_value **out,
                       omn_error *err)
{
    const char *text = omn_text_get(in, NULL);
    const omn_pixels px = omn_image_pixels(picture);
    const omn_frame *f = omn_image_frame(picture);
    const omn_region *r = NULL;
    const size_t named = phrases ? omn_list_count(phrases) : 0;
    const size_t n = boxes ? omn_regions_get(boxes, &r) : named ? named : 1;
    part *p = omn_call_scratch(c, n + 1, sizeof *p);
    double w = 0, h = 0;
    if (!p) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu parts", n);
    omn_frame_to_source(f, px.width, px.height, &w, &h);
    if (fabs(f->m[2]) > 0.5 || fabs(f->m[5]) > 0.5 || fabs(w - f->width) > 1 ||
        fabs(h - f->height) > 1)
        return omn_fail(err, OMN_ERR_DATA, "the picture was cut out of another: a whole one is "
                        "wanted");
    if (boxes && named)
        return omn_fail(err, OMN_ERR_ARGUMENT, "parts by their names or by their boxes, not both");
    const omn_frame all = omn_frame_identity(f->source, f->width, f->height);
    for (size_t i = 0; i < n; i++) {
        const omn_value *item = named ? omn_list_at(phrases, i) : NULL;
        const char *phrase = item ? omn_text_get(item, NULL) : r && !by ? r[i].label : NULL;
        if (item && !phrase)
            return omn_fail(err, OMN_ERR_TYPE, "phrase %zu is %s, a text is wanted", i + 1,
                            omn_value_kind_name(item));
        const omn_status st = phrase ? locate(text, phrase, p, i, p[i].span, err)
                                     : whole(text, p[i].span, err);
        if (st != OMN_OK) return st;
        p[i].box[0] = r ? r[i].x0 : 0;
        p[i].box[1] = r ? r[i].y0 : 0;
        p[i].box[2] = r ? r[i].x1 : f->width;
        p[i].box[3] = r ? r[i].y1 : f->height;
    }
    return grounded(c, text, p, n, false, &all, out, err);
}

#define PLACE(IN, OPT, PAR, OUT)                                                                   \
    IN(grounded, in, "a text with parts")                                                          \
    IN(embeddings, rows, "a box, whether it is a thing, and what it is worth as each part")        \
    IN(image, picture, "what was looked at")                                                       \
    PAR(double, least, "0", "0..1", NULL, "least score of a place that stays")                     \
    PAR(int, most, "1", "1..65536", NULL, "most places of a part, the best first")                 \
    OUT(grounded, out, "the text with the places of its parts")
OMN_OPERATION(place, PLACE, OMN_PURE);
static omn_status place(omn_call *c, const omn_value *in, const omn_value *rows,
                        const omn_image *picture, double least, int most, omn_value **out,
                        omn_error *err)
{
    const char *text = *(const char *const *)omn_value_column(in, "text")->data;
    const int32_t *span = omn_value_column(in, "span")->data;
    const size_t parts = omn_value_count(in);
    size_t n = 0, width = 0, made = 0, room = 0;
    const float *x = rows_of(rows, 1 + parts, &n, &width, err);
    if (!x) return OMN_ERR_SHAPE;
    const size_t each = (size_t)most < n ? (size_t)most : n;
    if (!omn_size_mul(parts, each, &room) || room > OMN_REGIONS_MOST)
        return omn_fail(err, OMN_ERR_DATA, "%zu places of each of %zu parts are too many", each,
                        parts);
    part *p = omn_call_scratch(c, room + 1, sizeof *p);
    ranked *all = omn_call_scratch(c, n + 1, sizeof *all);
    if (!p || !all) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu places", room);
    for (size_t k = 0; k < parts; k++) {
        size_t count = 0;
        for (size_t i = 0; i < n; i++)
            all[i] = (ranked){ (double)x[i * width + BOX + 1 + k], i, k };
        qsort(all, n, sizeof *all, better);
        for (size_t i = 0; i < n && count < each && all[i].score >= least; i++) {
            part *one = &p[made];
            if (!things_corners(picture, x + all[i].row * width, one->box)) continue;
            memcpy(one->span, span + 2 * k, sizeof one->span);
            one->score = bounded(all[i].score);
            made++;
            count++;
        }
    }
    return grounded(c, text, p, made, true, omn_image_frame(picture), out, err);
}

/* ---- the door -------------------------------------------------------------------------------- */

static const omn_param phrases_params[] = { PHRASES(OMN_S_ROW, phrases) };
static const omn_param classes_params[] = { CLASSES(OMN_S_ROW, classes) };
static const omn_object objects[] = {
    { "omnio.encoder/1", "things.phrases", "parts of a text and the boxes that they stand for",
      &things_phrases, OMN_OBJECT_PARAMS(phrases) },
    { "omnio.encoder/1", "things.classes", "boxes with the names of classes", &things_classes,
      OMN_OBJECT_PARAMS(classes) },
    OMN_OPERATION_OBJECT(regions, "detection.regions", "what a detector found as labelled boxes"),
    OMN_OPERATION_OBJECT(make, "grounded.make", "a text with parts that are to be found"),
    OMN_OPERATION_OBJECT(place, "grounded.place", "the parts of a text where a detector found "
                         "them"),
};
OMN_PLUGIN("encoder-things", "0.1.0", "Apache-2.0", "things of pictures, as detectors find and "
           "learn them", objects);
