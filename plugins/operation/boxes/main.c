/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on boxes. Suppression is the greedy kind: go through the boxes in order and keep each
 * that overlaps none of those kept so far by more than the limit. Models that list what they see
 * best first, such as Unified-IO 2, are served by the given order; detectors with scores by that of
 * the scores. */
#include <omnio/plugin.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct ranked {
    double score;
    size_t i;
} ranked;

/* Best first; boxes without a score last; equals in the given order. */
static int by_score(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    double sx = isnan(x->score) ? -1 : x->score, sy = isnan(y->score) ? -1 : y->score;
    if (sx != sy) return sx > sy ? -1 : 1;
    return x->i < y->i ? -1 : x->i > y->i;
}

static omn_status ranks(omn_call *c, const omn_region *r, size_t n, bool sorted, ranked **out,
                        omn_error *err)
{
    ranked *k = omn_call_scratch(c, n + 1, sizeof(*k));
    if (k == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu boxes", n);
    for (size_t i = 0; i < n; i++) {
        k[i].score = r[i].score;
        k[i].i = i;
    }
    if (sorted) qsort(k, n, sizeof(*k), by_score);
    *out = k;
    return OMN_OK;
}

static bool same_label(const omn_region *a, const omn_region *b)
{
    if (a->label == NULL || b->label == NULL) return a->label == b->label;
    return strcmp(a->label, b->label) == 0;
}

#define NMS(IN, OPT, PAR, OUT)                                                                     \
    IN(regions, in, "the boxes")                                                                   \
    PAR(double, overlap, "0.8", "0..1", NULL, "largest intersection over union of two that stay")  \
    PAR(choice, order, "given", "given|score", NULL, "which of two boxes is the better one")       \
    PAR(bool, by_label, "false", NULL, NULL, "only boxes of one label suppress each other")        \
    PAR(int, most, "0", "0..65536", NULL, "keep at most so many; 0: all")                          \
    OUT(regions, out, "the boxes that stay, best first")
OMN_OPERATION(nms, NMS, OMN_PURE);
static omn_status nms(omn_call *c, const omn_value *in, double overlap, int order, bool by_label,
                      int most, omn_value **out, omn_error *err)
{
    const omn_region *r;
    size_t n = omn_regions_get(in, &r), kept = 0, room = most > 0 ? (size_t)most : n;
    ranked *k = NULL;
    omn_region *stay = omn_call_scratch(c, n + 1, sizeof(*stay));
    if (stay == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu boxes", n);
    omn_status st = ranks(c, r, n, order == 1, &k, err);
    for (size_t i = 0; st == OMN_OK && i < n && kept < room; i++) {
        const omn_region *one = &r[k[i].i];
        bool keep = true;
        for (size_t j = 0; keep && j < kept; j++)
            keep = (by_label && !same_label(one, &stay[j])) ||
                   omn_region_iou(one, &stay[j]) <= overlap;
        if (keep) stay[kept++] = *one;
        if (i % 256 == 0 && omn_call_cancelled(c))
            return omn_fail(err, OMN_ERR_CANCELLED, "stopped on request");
    }
    return st == OMN_OK ? omn_regions_new(stay, kept, omn_value_frame(in), out, err) : st;
}

/* Is label one of the words of a list with commas between? */
static bool listed(const char *list, const char *label)
{
    size_t n = strlen(label);
    for (const char *p = list; *p != '\0';) {
        p += strspn(p, " ,");
        size_t m = strcspn(p, ","), used = m;
        while (used > 0 && p[used - 1] == ' ') used--;
        if (used == n && memcmp(p, label, n) == 0 && n > 0) return true;
        p += m;
    }
    return false;
}

#define FILTER(IN, OPT, PAR, OUT)                                                                  \
    IN(regions, in, "the boxes")                                                                   \
    PAR(string, labels, "", NULL, NULL, "labels to keep, with commas between; empty: all")         \
    PAR(double, least, "0", "0..1", NULL, "least score; boxes without one stay")                   \
    PAR(double, side, "0", "0..65535", "px", "least width and height")                             \
    PAR(int, most, "0", "0..65536", NULL, "keep at most so many, the first; 0: all")               \
    OUT(regions, out, "the boxes that stay, in their order")
OMN_OPERATION(filter, FILTER, OMN_PURE);
static omn_status filter(omn_call *c, const omn_value *in, const char *labels, double least,
                         double side, int most, omn_value **out, omn_error *err)
{
    const omn_region *r;
    size_t n = omn_regions_get(in, &r), kept = 0, room = most > 0 ? (size_t)most : n;
    omn_region *stay = omn_call_scratch(c, n + 1, sizeof(*stay));
    if (stay == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu boxes", n);
    for (size_t i = 0; i < n && kept < room; i++) {
        bool good = labels[0] == '\0' || (r[i].label != NULL && listed(labels, r[i].label));
        good = good && (isnan(r[i].score) || r[i].score >= least);
        good = good && r[i].x1 - r[i].x0 >= side && r[i].y1 - r[i].y0 >= side;
        if (good) stay[kept++] = r[i];
    }
    return omn_regions_new(stay, kept, omn_value_frame(in), out, err);
}

#define SORT(IN, OPT, PAR, OUT)                                                                    \
    IN(regions, in, "the boxes")                                                                   \
    OUT(regions, out, "the same, best score first; without a score last")
OMN_OPERATION(sort, SORT, OMN_PURE);
static omn_status sort(omn_call *c, const omn_value *in, omn_value **out, omn_error *err)
{
    const omn_region *r;
    size_t n = omn_regions_get(in, &r);
    ranked *k = NULL;
    omn_region *all = omn_call_scratch(c, n + 1, sizeof(*all));
    if (all == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu boxes", n);
    omn_status st = ranks(c, r, n, true, &k, err);
    for (size_t i = 0; st == OMN_OK && i < n; i++) all[i] = r[k[i].i];
    return st == OMN_OK ? omn_regions_new(all, n, omn_value_frame(in), out, err) : st;
}

#define CLIP(IN, OPT, PAR, OUT)                                                                    \
    IN(regions, in, "the boxes")                                                                   \
    IN(image, picture, "the picture that they are boxes of")                                       \
    OUT(regions, out, "what of them lies inside the picture; boxes wholly outside are gone")
OMN_OPERATION(clip, CLIP, OMN_PURE);
static omn_status clip(omn_call *c, const omn_value *in, const omn_image *picture, omn_value **out,
                       omn_error *err)
{
    const omn_region *r;
    const omn_frame *f = omn_image_frame(picture);
    size_t n = omn_regions_get(in, &r), kept = 0;
    omn_region *stay = omn_call_scratch(c, n + 1, sizeof(*stay));
    if (stay == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu boxes", n);
    for (size_t i = 0; i < n; i++) {
        omn_region one = r[i];
        one.x0 = fmax(one.x0, 0);
        one.y0 = fmax(one.y0, 0);
        one.x1 = fmin(one.x1, f->width);
        one.y1 = fmin(one.y1, f->height);
        if (one.x1 > one.x0 && one.y1 > one.y0) stay[kept++] = one;
    }
    return omn_regions_new(stay, kept, f, out, err);
}

#define LABELS(IN, OPT, PAR, OUT)                                                                  \
    IN(regions, in, "the boxes")                                                                   \
    OUT(list, out, "their labels as texts, in order; an empty text where there is none")
OMN_OPERATION(labels, LABELS, OMN_PURE);
static omn_status labels(omn_call *c, const omn_value *in, omn_value **out, omn_error *err)
{
    const omn_region *r;
    size_t n = omn_regions_get(in, &r), made = 0;
    omn_value **items = omn_call_scratch(c, n + 1, sizeof(*items));
    if (items == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu labels", n);
    omn_status st = OMN_OK;
    for (; st == OMN_OK && made < n; made += st == OMN_OK) {
        const char *s = r[made].label != NULL ? r[made].label : "";
        st = omn_text_new(s, strlen(s), &items[made], err);
    }
    if (st == OMN_OK) st = omn_list_new(items, n, out, err);
    for (size_t i = 0; i < made; i++) omn_value_unref(items[i]);
    return st;
}

#define LABEL(IN, OPT, PAR, OUT)                                                                   \
    IN(regions, in, "the boxes")                                                                   \
    PAR(string, label, "", NULL, NULL, "what all are called; empty: nothing")                      \
    OUT(regions, out, "the same boxes with this label")
OMN_OPERATION(label, LABEL, OMN_PURE);
static omn_status label(omn_call *c, const omn_value *in, const char *label, omn_value **out,
                        omn_error *err)
{
    const omn_region *r;
    size_t n = omn_regions_get(in, &r);
    omn_region *all = omn_call_scratch(c, n + 1, sizeof(*all));
    if (all == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu boxes", n);
    for (size_t i = 0; i < n; i++) {
        all[i] = r[i];
        all[i].label = label[0] != '\0' ? label : NULL;
    }
    return omn_regions_new(all, n, omn_value_frame(in), out, err);
}

#define CENTRES(IN, OPT, PAR, OUT)                                                                 \
    IN(regions, in, "the boxes")                                                                   \
    OUT(points, out, "the middle of each, with its label")
OMN_OPERATION(centres, CENTRES, OMN_PURE);
static omn_status centres(omn_call *c, const omn_value *in, omn_value **out, omn_error *err)
{
    const omn_region *r;
    size_t n = omn_regions_get(in, &r);
    omn_point *p = omn_call_scratch(c, n + 1, sizeof(*p));
    if (p == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu points", n);
    for (size_t i = 0; i < n; i++) {
        p[i].x = r[i].x0 / 2 + r[i].x1 / 2;
        p[i].y = r[i].y0 / 2 + r[i].y1 / 2;
        p[i].visible = 2;
        p[i].label = r[i].label;
    }
    return omn_points_new(p, n, omn_value_frame(in), out, err);
}

#define MIDDLE(IN, OPT, PAR, OUT)                                                                  \
    IN(image, in, "the picture")                                                                   \
    PAR(double, part, "0.5", "0.001..1", NULL, "of each of its sides")                             \
    OUT(regions, out, "one box around the picture's middle")
OMN_OPERATION(middle, MIDDLE, OMN_PURE);
static omn_status middle(omn_call *c, const omn_image *in, double part, omn_value **out,
                         omn_error *err)
{
    (void)c;
    const omn_frame *f = omn_image_frame(in);
    const omn_pixels px = omn_image_pixels(in);
    const double rest = (1 - part) / 2;
    omn_region r = { .score = NAN };
    omn_frame_to_source(f, rest * px.width, rest * px.height, &r.x0, &r.y0);
    omn_frame_to_source(f, (rest + part) * px.width, (rest + part) * px.height, &r.x1, &r.y1);
    return omn_regions_new(&r, 1, f, out, err);
}

#define JOIN(IN, OPT, PAR, OUT)                                                                    \
    IN(list, in, "a list of boxes of one picture")                                                 \
    OUT(regions, out, "all of them, in order")
OMN_OPERATION(join, JOIN, OMN_PURE);
static omn_status join(omn_call *c, const omn_value *in, omn_value **out, omn_error *err)
{
    const size_t n = omn_list_count(in);
    const omn_frame *frame = NULL;
    size_t all = 0, at = 0;
    for (size_t i = 0; i < n; i++) {
        const omn_region *r = NULL;
        const omn_value *v = omn_list_at(in, i);
        if (strcmp(omn_value_kind_name(v), "list") == 0 && omn_list_count(v) == 0) continue;
        if (strcmp(omn_value_kind_name(v), "regions") != 0)
            return omn_fail(err, OMN_ERR_TYPE, "item %zu of the list is %s, regions are wanted", i,
                            omn_value_kind_name(v));
        const size_t more = omn_regions_get(v, &r);
        const omn_frame *f = omn_value_frame(v);
        if (more && f && frame && f->source != frame->source)
            return omn_fail(err, OMN_ERR_ARGUMENT, "item %zu of the list is of another picture", i);
        if (!frame || (more && f)) frame = f;
        all += more;
    }
    omn_region *r = omn_call_scratch(c, all + 1, sizeof *r);
    if (!r) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu boxes", all);
    for (size_t i = 0; i < n; i++) {
        const omn_region *from = NULL;
        const size_t more = omn_regions_get(omn_list_at(in, i), &from);
        for (size_t k = 0; k < more; k++) r[at++] = from[k];
    }
    return omn_regions_new(r, all, frame, out, err);
}

static const omn_object objects[] = {
    OMN_OPERATION_OBJECT(nms, "box.nms", "of boxes that overlap much keep the best"),
    OMN_OPERATION_OBJECT(filter, "box.filter", "keep boxes by label, score and size"),
    OMN_OPERATION_OBJECT(sort, "box.sort", "boxes by their scores"),
    OMN_OPERATION_OBJECT(clip, "box.clip", "cut boxes at the edges of their picture"),
    OMN_OPERATION_OBJECT(labels, "box.labels", "the labels of boxes"),
    OMN_OPERATION_OBJECT(label, "box.label", "boxes that are all called the same"),
    OMN_OPERATION_OBJECT(join, "box.join", "the boxes of a list together"),
    OMN_OPERATION_OBJECT(centres, "box.centres", "the middles of boxes"),
    OMN_OPERATION_OBJECT(middle, "box.middle", "a box around the middle of a picture"),
};
OMN_PLUGIN("operation-boxes", "1.0", "Apache-2.0", "operations on boxes", objects);
