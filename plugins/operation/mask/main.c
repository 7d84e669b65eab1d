/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on masks: from and to pictures, grey or in colours, to outlines and back, and the
 * boxes around what they label. */
#include "colors.h"
#include "hues.h"
#include "outline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_LABELS 65536

/* ---- pictures ------------------------------------------------------------------------------- */

/* The mean of a pixel's colours, 0..1; cut: of the bytes that floats are cut to. */
static double grey(const omn_pixels *px, size_t i, bool cut)
{
    double sum = 0;
    const size_t colours = px->channels == 4 ? 3 : px->channels;
    for (size_t k = 0; k < colours; k++) {
        const size_t at = i * px->channels + k;
        if (px->type != OMN_F32) sum += ((const uint8_t *)px->data)[at] / 255.0;
        else if (!cut) sum += (double)((const float *)px->data)[at];
        else sum += floorf(((const float *)px->data)[at] * 255) / 255.0;
    }
    sum /= (double)colours;
    return sum > 0 ? (sum < 1 ? sum : 1) : 0;
}

/* "sky, road": names of labels 0, 1, ..., in scratch memory; "" is none. */
static omn_status legend_of(omn_call *c, const char *text, const char ***out, size_t *n,
                            omn_error *err)
{
    const size_t length = strlen(text) + 1;
    *n = 0;
    if (length == 1) return OMN_OK;
    char *copy = omn_call_scratch(c, length, 1);
    const char **list = omn_call_scratch(c, length, sizeof(*list));
    if (copy == NULL || list == NULL)
        return omn_fail(err, OMN_ERR_MEMORY, "no memory for a legend");
    memcpy(copy, text, length);
    for (char *p = copy; p != NULL;) {
        char *comma = strchr(p, ',');
        if (comma != NULL) *comma = '\0';
        p += strspn(p, " ");
        for (size_t k = strlen(p); k > 0 && p[k - 1] == ' '; k--) p[k - 1] = '\0';
        list[(*n)++] = p[0] != '\0' ? p : NULL;
        p = comma != NULL ? comma + 1 : NULL;
    }
    *out = list;
    return OMN_OK;
}

static omn_status mask_of(const omn_tensor *labels, const char *const *legend, size_t n,
                          const omn_frame *frame, omn_value **out, omn_error *err)
{
    const omn_kind *kind = NULL;
    const omn_status st = omn_kind_find(NULL, "mask", &kind, err);
    if (st != OMN_OK) return st;
    const omn_filled columns[2] = { { "labels", *labels },
                                    omn_fill("legend", OMN_STRING, omn_dim1((int64_t)n), legend) };
    return omn_value_make(kind, columns, n > 0 ? 2 : 1, frame, out, err);
}

#define FROM_IMAGE(IN, OPT, PAR, OUT)                                                              \
    IN(image, in, "a picture: how bright a pixel is says how much it belongs, or its label")       \
    PAR(choice, form, "soft", "soft|above|labels", NULL,                                           \
        "brightness 0..1 as it is; label 1 where it is above the limit; 8 bit values as labels")   \
    PAR(double, limit, "0.5", "0..1", NULL, "of above")                                            \
    PAR(string, legend, "", NULL, NULL, "names of labels 0, 1, .., with commas between")           \
    PAR(bool, cut, "false", NULL, NULL, "of above: each colour is cut to whole 255ths before")     \
    OUT(mask, out, "the mask")
OMN_OPERATION(from_image, FROM_IMAGE, OMN_PURE);
static omn_status from_image(omn_call *c, const omn_image *in, int form, double limit,
                             const char *legend, bool cut, omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_pixels px = omn_image_pixels(in);
    const size_t n = (size_t)px.width * px.height;
    const omn_shape shape = omn_dim2(px.height, px.width);
    const char **names = NULL;
    size_t n_names = 0;
    const omn_kind *kind = NULL;
    if (form == 2 && (px.type != OMN_U8 || px.channels != 1))
        return omn_fail(err, OMN_ERR_TYPE, "labels are read from a grey picture of 8 bits");
    if (form == 0 && legend[0] != '\0')
        return omn_fail(err, OMN_ERR_ARGUMENT, "a soft mask has no legend");
    int32_t *labels = calloc(n, sizeof(*labels)); /* as wide as a float */
    if (labels == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for a mask");
    for (size_t i = 0; i < n; i++) {
        const float soft = (float)grey(&px, i, form == 1 && cut);
        if (form == 0)
            memcpy(&labels[i], &soft, sizeof(soft));
        else
            labels[i] = form == 2 ? ((const uint8_t *)px.data)[i] : (double)soft > limit;
    }
    OMN_TRY(legend_of(c, legend, &names, &n_names, err));
    OMN_TRY(omn_kind_find(c, "mask", &kind, err));
    const omn_filled soft = omn_fill("soft", OMN_F32, shape, labels);
    const omn_filled hard = omn_fill("labels", OMN_I32, shape, labels);
    st = form == 0 ? omn_value_make(kind, &soft, 1, omn_image_frame(in), out, err)
                   : mask_of(&hard.tensor, names, n_names, omn_image_frame(in), out, err);
done:
    free(labels);
    return st;
}

#define TO_IMAGE(IN, OPT, PAR, OUT)                                                                \
    IN(mask, in, "a mask")                                                                         \
    OUT(image, out, "grey: soft ones as floats, labels as 8 bits (255 and above, and unknown: 255)")
OMN_OPERATION(to_image, TO_IMAGE, OMN_PURE);
static omn_status to_image(omn_call *c, const omn_value *in, omn_image **out, omn_error *err)
{
    const omn_tensor *soft = omn_value_column(in, "soft"), *labels = omn_value_column(in, "labels");
    const omn_tensor *t = soft != NULL ? soft : labels;
    const int64_t h = t->shape.dim[0], w = t->shape.dim[1];
    omn_pixels px;
    (void)c;
    if (h < 1 || w < 1 || h > OMN_IMAGE_MOST_SIDE || w > OMN_IMAGE_MOST_SIDE)
        return omn_fail(err, OMN_ERR_SHAPE, "a mask of %lld x %lld makes no picture", (long long)w,
                        (long long)h);
    const omn_status st =
        omn_image_new(soft != NULL ? OMN_F32 : OMN_U8, (uint32_t)w, (uint32_t)h, 1,
                      omn_value_frame(in), out, &px, err);
    if (st != OMN_OK) return st;
    if (soft != NULL) memcpy(px.data, soft->data, soft->bytes);
    for (int64_t i = 0; soft == NULL && i < w * h; i++) {
        const int32_t x = ((const int32_t *)labels->data)[i];
        ((uint8_t *)px.data)[i] = (uint8_t)(x < 0 || x > 255 ? 255 : x);
    }
    return OMN_OK;
}

/* ---- colours -------------------------------------------------------------------------------- */

static void rgb_at(const omn_pixels *px, size_t i, uint8_t rgb[3])
{
    for (size_t k = 0; k < 3; k++) {
        const size_t at = i * px->channels + (px->channels < 3 ? 0 : k);
        const float x = px->type == OMN_F32 ? 255 * ((const float *)px->data)[at] + 0.5f
                                            : (float)((const uint8_t *)px->data)[at];
        rgb[k] = (uint8_t)(x > 0 ? (x < 255 ? x : 255) : 0);
    }
}

#define FROM_COLORS(IN, OPT, PAR, OUT)                                                             \
    IN(image, in, "a picture in colours")                                                          \
    PAR(string, colors, "", NULL, NULL,                                                            \
        "names and colours of labels 0, 1, ..: background: black, sky: blue; empty: black, then "  \
        "what much of the picture has")                                                            \
    PAR(double, far, "442", "0..442", NULL,                                                        \
        "a pixel farther than this from each colour, of 255, belongs to none")                     \
    PAR(double, near, "90", "1..442", NULL, "of colours that are found: what counts as one")       \
    PAR(double, least, "0.002", "0..1", NULL, "of colours that are found: share of all pixels")    \
    OUT(mask, out, "the label of the nearest colour for each pixel")
OMN_OPERATION(from_colors, FROM_COLORS, OMN_PURE);
static omn_status from_colors(omn_call *c, const omn_image *in, const char *text, double far,
                              double near, double least, omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_pixels px = omn_image_pixels(in);
    const size_t n = (size_t)px.width * px.height;
    colors k;
    bool named = false;
    int32_t *labels = malloc(n * sizeof(*labels));
    uint8_t *rgb = malloc(3 * n);
    if (labels == NULL || rgb == NULL)
        OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "no memory for a mask"));
    for (size_t i = 0; i < n; i++) rgb_at(&px, i, rgb + 3 * i);
    if (text[0] != '\0')
        OMN_TRY(colors_read(c, text, &k, err));
    else
        OMN_TRY(colors_found(rgb, px.width, px.height, near, least, &k, err));
    for (size_t i = 0; i < n; i++)
        labels[i] = i > 0 && memcmp(rgb + 3 * i, rgb + 3 * i - 3, 3) == 0
                        ? labels[i - 1]
                        : colors_nearest(&k, rgb + 3 * i, far);
    for (size_t i = 0; i < k.n; i++) named = named || k.name[i] != NULL;
    const omn_filled hard = omn_fill("labels", OMN_I32, omn_dim2(px.height, px.width), labels);
    st = mask_of(&hard.tensor, k.name, named ? k.n : 0, omn_image_frame(in), out, err);
done:
    free(labels);
    free(rgb);
    return st;
}

/* The colour of a label: that of its name where both have names, else by number. */
#define FROM_HUES(IN, OPT, PAR, OUT)                                                               \
    IN(image, in, "a segmentation as a model drew it, things bright on black")                     \
    PAR(int, least, "10", "0..1000000", "px", "pieces of so many pixels and fewer are left out")   \
    PAR(bool, rows, "false", NULL, NULL, "pieces lie within lines, as the published program has "  \
        "them; else they are what touches")                                                        \
    OUT(list, out, "a mask for each thing: white or grey, red, green, blue; those that are there")
OMN_OPERATION(from_hues, FROM_HUES, OMN_PURE);
static omn_status from_hues(omn_call *c, const omn_image *in, int least, bool rows,
                            omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_value *list[HUES] = { NULL };
    static const char *const legend[2] = { "nothing", "thing" };
    uint8_t *planes = NULL;
    size_t made = 0;
    const omn_pixels px = omn_image_pixels(in);
    const size_t n = (size_t)px.width * px.height;
    int32_t *labels = omn_call_scratch(c, n, sizeof *labels);
    if (!labels) return omn_fail(err, OMN_ERR_MEMORY, "no memory for a mask");
    OMN_TRY(hues_planes(&px, (size_t)least, rows, &planes, err));
    for (size_t k = 0; k < HUES; k++) {
        bool any = false;
        for (size_t i = 0; i < n; i++) any = (labels[i] = planes[k * n + i]) != 0 || any;
        const omn_filled hard = omn_fill("labels", OMN_I32, omn_dim2(px.height, px.width), labels);
        if (any) OMN_TRY(mask_of(&hard.tensor, legend, 2, omn_image_frame(in), &list[made++], err));
    }
    st = omn_list_new(list, made, out, err);
done:
    for (size_t k = 0; k < HUES; k++) omn_value_unref(list[k]);
    free(planes);
    return st;
}

static omn_status color_of_label(const colors *k, const omn_value *in, size_t label, size_t *out,
                                 omn_error *err)
{
    const omn_tensor *legend = omn_value_column(in, "legend");
    const bool has = legend != NULL && (int64_t)label < legend->shape.dim[0];
    const char *name = has ? ((const char *const *)legend->data)[label] : NULL;
    for (*out = 0; name != NULL && *out < k->n; (*out)++)
        if (k->name[*out] != NULL && strcmp(k->name[*out], name) == 0) return OMN_OK;
    *out = label;
    if (label < k->n && (legend == NULL || k->name[label] == NULL)) return OMN_OK;
    return omn_fail(err, OMN_ERR_DATA, "label %zu%s%.40s has no colour", label,
                    name != NULL ? ", " : "", name != NULL ? name : "");
}

#define TO_COLORS(IN, OPT, PAR, OUT)                                                               \
    IN(mask, in, "a mask with labels")                                                             \
    PAR(string, colors, "black, white", NULL, NULL,                                                \
        "names and colours of its labels, or colours of labels 0, 1, ..")                          \
    OUT(image, out, "the picture in these colours; where nobody said, black")
OMN_OPERATION(to_colors, TO_COLORS, OMN_PURE);
static omn_status to_colors(omn_call *c, const omn_value *in, const char *text, omn_image **out,
                            omn_error *err)
{
    const omn_tensor *t = omn_value_column(in, "labels");
    size_t *color = omn_call_scratch(c, MOST_LABELS, sizeof(*color));
    omn_pixels px;
    colors k;
    if (t == NULL) return omn_fail(err, OMN_ERR_TYPE, "a soft mask has no labels");
    if (color == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for labels");
    const int64_t h = t->shape.dim[0], w = t->shape.dim[1];
    if (h < 1 || w < 1 || h > OMN_IMAGE_MOST_SIDE || w > OMN_IMAGE_MOST_SIDE)
        return omn_fail(err, OMN_ERR_SHAPE, "a mask of %lld x %lld makes no picture", (long long)w,
                        (long long)h);
    omn_status st = colors_read(c, text, &k, err);
    for (size_t i = 0; i < MOST_LABELS; i++) color[i] = COLORS_MOST;
    for (int64_t i = 0; st == OMN_OK && i < w * h; i++) {
        const int32_t x = ((const int32_t *)t->data)[i];
        if (x >= 0 && color[x] == COLORS_MOST)
            st = color_of_label(&k, in, (size_t)x, &color[x], err);
    }
    if (st == OMN_OK)
        st = omn_image_new(OMN_U8, (uint32_t)w, (uint32_t)h, 3, omn_value_frame(in), out, &px, err);
    for (int64_t i = 0; st == OMN_OK && i < w * h; i++) {
        const int32_t x = ((const int32_t *)t->data)[i];
        if (x >= 0) memcpy((uint8_t *)px.data + 3 * i, k.rgb[color[x]], 3);
        else memset((uint8_t *)px.data + 3 * i, 0, 3);
    }
    return st;
}

/* ---- what a mask labels --------------------------------------------------------------------- */

/* The area of each label that is there; x1 0 for those that are not. */
static omn_status areas_of(omn_call *c, const omn_value *in, area **out, omn_error *err)
{
    const omn_tensor *t = omn_value_column(in, "labels");
    if (t == NULL) return omn_fail(err, OMN_ERR_TYPE, "a soft mask has no labels");
    area *a = omn_call_scratch(c, MOST_LABELS, sizeof(*a));
    if (a == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for labels");
    const int64_t h = t->shape.dim[0], w = t->shape.dim[1];
    const int32_t *p = t->data;
    for (int64_t y = 0; y < h; y++)
        for (int64_t x = 0; x < w; x++, p++) {
            if (*p < 0) continue;
            area *b = &a[*p];
            if (b->x1 == 0) *b = (area){ x, y, x + 1, y + 1 };
            if (x < b->x0) b->x0 = x;
            if (x >= b->x1) b->x1 = x + 1;
            b->y1 = y + 1;
        }
    *out = a;
    return OMN_OK;
}

static const char *name_of(const omn_value *in, size_t label)
{
    const omn_tensor *legend = omn_value_column(in, "legend");
    const bool has = legend != NULL && (int64_t)label < legend->shape.dim[0];
    return has ? ((const char *const *)legend->data)[label] : NULL;
}

/* Corners of pixels become places in the source picture. */
static void to_source(const omn_value *in, double *point, size_t n)
{
    const omn_frame *f = omn_value_frame(in);
    for (size_t i = 0; f != NULL && i < n; i++)
        omn_frame_to_source(f, point[2 * i], point[2 * i + 1], &point[2 * i], &point[2 * i + 1]);
}

#define REGIONS(IN, OPT, PAR, OUT)                                                                 \
    IN(mask, in, "a mask with labels")                                                             \
    PAR(int, from, "1", "0..65535", NULL, "first label that counts; 0 is often what lies behind")  \
    OUT(regions, out, "a box around each label that is there")
OMN_OPERATION(mask_regions, REGIONS, OMN_PURE);
static omn_status mask_regions(omn_call *c, const omn_value *in, int from, omn_value **out,
                               omn_error *err)
{
    omn_status st = OMN_OK;
    area *a = NULL;
    size_t n = 0;
    omn_region *r = omn_call_scratch(c, MOST_LABELS, sizeof(*r));
    OMN_TRY(areas_of(c, in, &a, err));
    if (r == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for boxes");
    for (size_t i = (size_t)from; i < MOST_LABELS; i++) {
        if (a[i].x1 == 0) continue;
        double p[4] = { (double)a[i].x0, (double)a[i].y0, (double)a[i].x1, (double)a[i].y1 };
        to_source(in, p, 2);
        r[n++] = (omn_region){ p[0], p[1], p[2], p[3], NAN, name_of(in, i) };
    }
    st = omn_regions_new(r, n, omn_value_frame(in), out, err);
done:
    return st;
}

#define POLYGONS(IN, OPT, PAR, OUT)                                                                \
    IN(mask, in, "a mask with labels")                                                             \
    PAR(int, from, "1", "0..65535", NULL, "first label that counts; 0 is often what lies behind")  \
    OUT(polygons, out, "one for each label that is there, along the edges of its pixels")
OMN_OPERATION(mask_polygons, POLYGONS, OMN_PURE);
static omn_status mask_polygons(omn_call *c, const omn_value *in, int from, omn_value **out,
                                omn_error *err)
{
    omn_status st = OMN_OK;
    area *a = NULL;
    size_t n = 0;
    outline o = { 0 };
    const omn_kind *kind = NULL;
    const char **names = omn_call_scratch(c, MOST_LABELS, sizeof(*names));
    int32_t *rings = omn_call_scratch(c, MOST_LABELS, sizeof(*rings));
    OMN_TRY(areas_of(c, in, &a, err));
    OMN_TRY(omn_kind_find(c, "polygons", &kind, err));
    if (names == NULL || rings == NULL) {
        st = omn_fail(err, OMN_ERR_MEMORY, "no memory for polygons");
        goto done;
    }
    const omn_tensor *t = omn_value_column(in, "labels");
    for (size_t i = (size_t)from; i < MOST_LABELS; i++) {
        const size_t before = o.n_rings;
        if (a[i].x1 == 0) continue;
        OMN_TRY(outline_trace(&o, t->data, t->shape.dim[1], (int32_t)i, &a[i], err));
        rings[n] = (int32_t)(o.n_rings - before);
        names[n++] = name_of(in, i);
    }
    to_source(in, o.point, o.n_points);
    const omn_filled columns[4] = {
        omn_fill("rings", OMN_I32, omn_dim1((int64_t)n), rings),
        omn_fill("points", OMN_I32, omn_dim1((int64_t)o.n_rings), o.length),
        omn_fill("point", OMN_F64, omn_dim2((int64_t)o.n_points, 2), o.point),
        omn_fill("label", OMN_STRING, omn_dim1((int64_t)n), names),
    };
    st = omn_value_make(kind, columns, 4, omn_value_frame(in), out, err);
done:
    free(o.point);
    free(o.length);
    return st;
}

/* ---- outlines to a mask --------------------------------------------------------------------- */

/* The number of a name: that of an equal one before, or a new one. Polygons without a name share
 * one. */
static int32_t number_of(const char **names, size_t *n, const char *name)
{
    for (size_t i = 1; i < *n; i++)
        if (names[i] == name || (names[i] != NULL && name != NULL && !strcmp(names[i], name)))
            return (int32_t)i;
    names[*n] = name;
    return (int32_t)(*n)++;
}

#define FROM_POLYGONS(IN, OPT, PAR, OUT)                                                           \
    IN(polygons, in, "the outlines")                                                               \
    IN(image, like, "the picture that they lie in: the mask has its size")                         \
    OUT(mask, out, "label 0 outside, then one for each name; later ones lie above")
OMN_OPERATION(from_polygons, FROM_POLYGONS, OMN_PURE);
static omn_status from_polygons(omn_call *c, const omn_value *in, const omn_image *like,
                                omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_pixels px = omn_image_pixels(like);
    const omn_frame *frame = omn_image_frame(like);
    const int32_t *rings = omn_value_column(in, "rings")->data;
    const int32_t *length = omn_value_column(in, "points")->data;
    const omn_tensor *points = omn_value_column(in, "point"),
                     *label = omn_value_column(in, "label");
    const size_t n = omn_value_count(in), n_points = (size_t)points->shape.dim[0];
    const char **names = omn_call_scratch(c, n + 1, sizeof(*names));
    double *point = omn_call_scratch(c, 2 * n_points + 1, sizeof(*point));
    double *xs = omn_call_scratch(c, n_points + 1, sizeof(*xs));
    int32_t *labels = calloc((size_t)px.width * px.height, sizeof(*labels));
    size_t n_names = 1;
    if (names == NULL || point == NULL || xs == NULL || labels == NULL) {
        st = omn_fail(err, OMN_ERR_MEMORY, "no memory for a mask");
        goto done;
    }
    memcpy(point, points->data, points->bytes);
    for (size_t i = 0; i < n_points; i++)
        if (!omn_frame_from_source(frame, point[2 * i], point[2 * i + 1], &point[2 * i],
                                   &point[2 * i + 1])) {
            st = omn_fail(err, OMN_ERR_DATA, "the picture's frame has no inverse");
            goto done;
        }
    const double *at = point;
    for (size_t i = 0; i < n; i++) {
        const char *name = label != NULL ? ((const char *const *)label->data)[i] : NULL;
        const int32_t number = number_of(names, &n_names, name);
        if (number >= MOST_LABELS) {
            st = omn_fail(err, OMN_ERR_DATA, "more than %d names", MOST_LABELS - 1);
            goto done;
        }
        outline_fill(at, length, (size_t)rings[i], xs, number, labels, px.width, px.height);
        for (int32_t r = 0; r < rings[i]; r++) at += 2 * *length++;
    }
    const omn_filled hard = omn_fill("labels", OMN_I32, omn_dim2(px.height, px.width), labels);
    st = mask_of(&hard.tensor, names, label != NULL ? n_names : 0, frame, out, err);
done:
    free(labels);
    return st;
}

static const omn_object objects[] = {
    OMN_OPERATION_OBJECT(from_image, "mask.from_image", "a picture as a mask"),
    OMN_OPERATION_OBJECT(to_image, "mask.image", "a mask as a grey picture"),
    OMN_OPERATION_OBJECT(from_colors, "mask.from_colors", "a picture in colours as a mask"),
    OMN_OPERATION_OBJECT(from_hues, "mask.from_hues", "the things of a drawn segmentation"),
    OMN_OPERATION_OBJECT(to_colors, "mask.colors", "a mask as a picture in colours"),
    OMN_OPERATION_OBJECT(mask_regions, "mask.regions", "a box around each label of a mask"),
    OMN_OPERATION_OBJECT(mask_polygons, "mask.polygons", "the outline of each label of a mask"),
    OMN_OPERATION_OBJECT(from_polygons, "mask.from_polygons", "outlines as a mask"),
};
OMN_PLUGIN("operation-mask", "1.0", "Apache-2.0", "masks, their outlines and boxes", objects);
