/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on pictures: scaling, cutting, padding, kinds of colour. Each is pure and keeps the
 * frame, so that boxes found in what comes out are boxes of what came in. */
#include "letterbox.h"

#include <omnio/plugin.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FILTERS "nearest|box|triangle|cubic|lanczos3"

#define RESIZE(IN, OPT, PAR, OUT)                                                                  \
    IN(image, in, "the picture")                                                                   \
    PAR(int, width, NULL, "1..65535", "px", "new width")                                           \
    PAR(int, height, NULL, "1..65535", "px", "new height")                                         \
    PAR(choice, keep, "nothing", "nothing|aspect", NULL,                                           \
        "aspect: as large as fits into width x height without distortion")                         \
    PAR(choice, filter, "triangle", FILTERS, NULL, "how pixels are weighted")                      \
    PAR(bool, antialias, "true", NULL, NULL, "when shrinking, let every pixel count")              \
    OUT(image, out, "the resized picture")
OMN_OPERATION(resize, RESIZE, OMN_PURE);
static omn_status resize(omn_call *c, const omn_image *in, int width, int height, int keep,
                         int filter, bool antialias, omn_image **out, omn_error *err)
{
    omn_pixels px = omn_image_pixels(in);
    double w = width, h = height;
    if (keep == 1) {
        double scale = fmin(w / px.width, h / px.height);
        w = fmin(w, fmax(1, floor(px.width * scale + 0.5)));
        h = fmin(h, fmax(1, floor(px.height * scale + 0.5)));
    }
    return omn_image_resize(c, in, (uint32_t)w, (uint32_t)h, (omn_filter)filter, antialias, out,
                            err);
}

#define FIT(IN, OPT, PAR, OUT)                                                                     \
    IN(image, in, "the picture")                                                                   \
    PAR(int, width, "384", "1..65535", "px", "width of the result")                                \
    PAR(int, height, "384", "1..65535", "px", "height of the result")                              \
    PAR(double, fill, "0", "0..1", NULL, "grey of the padding, 0 is black")                        \
    OUT(image, out, "the picture in the middle of a padded one, RGB float")
OMN_OPERATION(fit, FIT, OMN_PURE);
static omn_status fit(omn_call *c, const omn_image *in, int width, int height, double fill,
                      omn_image **out, omn_error *err)
{
    return omn_image_fit(c, in, (uint32_t)width, (uint32_t)height, fill, out, NULL, err);
}

#define CROP(IN, OPT, PAR, OUT)                                                                    \
    IN(image, in, "the picture")                                                                   \
    PAR(int, left, "0", NULL, "px", "first column; may lie outside")                               \
    PAR(int, top, "0", NULL, "px", "first row; may lie outside")                                   \
    PAR(int, width, NULL, "1..65535", "px", "width of the cut")                                    \
    PAR(int, height, NULL, "1..65535", "px", "height of the cut")                                  \
    PAR(double, fill, "0", "0..1", NULL, "grey of what lies outside, 0 is black")                  \
    OUT(image, out, "the cut")
OMN_OPERATION(crop, CROP, OMN_PURE);
static omn_status crop(omn_call *c, const omn_image *in, int left, int top, int width, int height,
                       double fill, omn_image **out, omn_error *err)
{
    (void)c;
    const double colour[4] = { fill, fill, fill, 1 };
    return omn_image_crop(in, left, top, (uint32_t)width, (uint32_t)height, colour, out, err);
}

#define CUT(IN, OPT, PAR, OUT)                                                                     \
    IN(image, in, "the picture")                                                                   \
    IN(regions, regions, "what to cut out")                                                        \
    PAR(double, margin, "0", "0..10", NULL, "added on each side, as a part of the box's side")     \
    OUT(list, out, "a picture for each box, in their order")
OMN_OPERATION(cut, CUT, OMN_PURE);
static omn_status cut_one(const omn_image *in, const omn_region *r, double margin, omn_value **out,
                          omn_error *err)
{
    omn_pixels px = omn_image_pixels(in);
    const omn_frame *f = omn_image_frame(in);
    omn_image *img = NULL;
    double x[4], y[4], x0, y0, x1, y1;
    double mx = margin * fabs(r->x1 - r->x0), my = margin * fabs(r->y1 - r->y0);
    for (int i = 0; i < 4; i++)
        if (!omn_frame_from_source(f, i % 2 ? r->x1 + mx : r->x0 - mx,
                                   i / 2 ? r->y1 + my : r->y0 - my, &x[i], &y[i]))
            return omn_fail(err, OMN_ERR_DATA, "the picture's frame cannot be turned around");
    x0 = fmax(0, floor(fmin(fmin(x[0], x[1]), fmin(x[2], x[3])) + 1e-6));
    y0 = fmax(0, floor(fmin(fmin(y[0], y[1]), fmin(y[2], y[3])) + 1e-6));
    x1 = fmin(px.width, ceil(fmax(fmax(x[0], x[1]), fmax(x[2], x[3])) - 1e-6));
    y1 = fmin(px.height, ceil(fmax(fmax(y[0], y[1]), fmax(y[2], y[3])) - 1e-6));
    if (!(x1 - x0 >= 1) || !(y1 - y0 >= 1))
        return omn_fail(err, OMN_ERR_DATA, "the box %g %g %g %g is empty or outside the picture",
                        r->x0, r->y0, r->x1, r->y1);
    omn_status st = omn_image_crop(in, (int64_t)x0, (int64_t)y0, (uint32_t)(x1 - x0),
                                   (uint32_t)(y1 - y0), NULL, &img, err);
    *out = omn_image_give(img);
    return st;
}
static omn_status cut(omn_call *c, const omn_image *in, const omn_value *regions, double margin,
                      omn_value **out, omn_error *err)
{
    const omn_region *r;
    size_t n = omn_regions_get(regions, &r), made = 0;
    omn_value **items = omn_call_scratch(c, n + 1, sizeof(*items));
    if (items == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu pictures", n);
    omn_status st = OMN_OK;
    for (; st == OMN_OK && made < n; made += st == OMN_OK)
        st = cut_one(in, &r[made], margin, &items[made], err);
    if (st == OMN_OK) st = omn_list_new(items, n, out, err);
    for (size_t i = 0; i < made; i++) omn_value_unref(items[i]);
    return st;
}

#define HIDE(IN, OPT, PAR, OUT)                                                                    \
    IN(image, in, "the picture")                                                                   \
    IN(regions, regions, "what nobody is to see")                                                  \
    OUT(image, out, "the picture, transparent there; its colours stay")
OMN_OPERATION(hide, HIDE, OMN_PURE);
/* Is the middle of pixel (x, y) inside one of the boxes? */
static bool is_inside(const omn_frame *f, const omn_region *r, size_t n, uint32_t x, uint32_t y)
{
    double at[2];
    omn_frame_to_source(f, x + 0.5, y + 0.5, &at[0], &at[1]);
    for (size_t i = 0; i < n; i++)
        if (at[0] >= r[i].x0 && at[0] < r[i].x1 && at[1] >= r[i].y0 && at[1] < r[i].y1) return true;
    return false;
}
static omn_status hide(omn_call *c, const omn_image *in, const omn_value *regions,
                       omn_image **out, omn_error *err)
{
    const omn_region *r = NULL;
    const size_t n = omn_regions_get(regions, &r);
    const omn_pixels px = omn_image_pixels(in);
    const size_t each = px.type == OMN_U8 ? 1 : sizeof(float), from = px.channels < 3 ? 1 : 3;
    omn_pixels to;
    const omn_status st = omn_image_new_within(c, px.type, px.width, px.height, 4,
                                               omn_image_frame(in), out, &to, err);
    if (st != OMN_OK) return st;
    for (size_t i = 0; i < (size_t)px.width * px.height; i++) {
        const uint32_t x = (uint32_t)(i % px.width), y = (uint32_t)(i / px.width);
        const bool hidden = is_inside(omn_image_frame(in), r, n, x, y);
        const char *p = (const char *)px.data + i * px.channels * each;
        char *q = (char *)to.data + i * 4 * each;
        for (size_t k = 0; k < 3; k++) memcpy(q + k * each, p + (from == 3 ? k : 0) * each, each);
        if (px.channels == 4 && !hidden) memcpy(q + 3 * each, p + 3 * each, each);
        else if (px.type == OMN_U8) ((uint8_t *)q)[3] = hidden ? 0 : 255;
        else memcpy(q + 3 * each, hidden ? &(float){ 0 } : &(float){ 1 }, each);
    }
    return OMN_OK;
}

#define LAY(IN, OPT, PAR, OUT)                                                                     \
    IN(mask, in, "a mask, as large as the picture or of its shape")                                \
    IN(image, picture, "the picture that it is a mask of")                                         \
    OUT(mask, out, "the mask, a value for each pixel of that picture")
OMN_OPERATION(lay, LAY, OMN_PURE);
static omn_status lay(omn_call *c, const omn_value *in, const omn_image *picture, omn_value **out,
                      omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_tensor *soft = omn_value_column(in, "soft"), *labels = omn_value_column(in, "labels");
    const omn_tensor *t = soft ? soft : labels;
    const omn_pixels px = omn_image_pixels(picture);
    const int64_t h = t->shape.dim[0], w = t->shape.dim[1], H = px.height, W = px.width;
    const omn_kind *kind = NULL;
    /* a side may be rounded */
    if (h < 1 || w < 1 || llabs(h * W - w * H) > (W > H ? W : H))
        return omn_fail(err, OMN_ERR_SHAPE,
                        "a mask of %lld x %lld is none of a picture of %lld x %lld pixels: it is "
                        "of another shape", (long long)w, (long long)h, (long long)W, (long long)H);
    int32_t *made = calloc((size_t)(W * H), sizeof *made); /* as wide as a float */
    if (!made) return omn_fail(err, OMN_ERR_MEMORY, "no memory for a mask");
    for (int64_t y = 0; y < H; y++)
        for (int64_t x = 0; x < W; x++) {
            const int64_t at = (2 * y + 1) * h / (2 * H) * w + (2 * x + 1) * w / (2 * W);
            memcpy(&made[y * W + x], (const char *)t->data + at * (int64_t)sizeof *made,
                   sizeof *made);
        }
    const omn_shape shape = omn_dim2(H, W);
    omn_filled columns[2] = { omn_fill(soft ? "soft" : "labels", soft ? OMN_F32 : OMN_I32, shape,
                                       made) };
    const omn_tensor *legend = omn_value_column(in, "legend");
    if (legend) columns[1] = (omn_filled){ "legend", *legend };
    OMN_TRY(omn_kind_find(c, "mask", &kind, err));
    st = omn_value_make(kind, columns, legend ? 2 : 1, omn_image_frame(picture), out, err);
done:
    free(made);
    return st;
}

/* Channel k of pixel i, 0..1; grey is the same in all of them. */
static float level(const omn_pixels *px, size_t i, size_t k)
{
    const size_t at = i * px->channels + (px->channels < 3 && k < 3 ? 0 : k);
    return px->type == OMN_F32 ? ((const float *)px->data)[at]
                               : (float)((const uint8_t *)px->data)[at] / 255;
}

/* How much of pixel i a mask says, 0..1; a label that nobody knows is none. */
static float belongs(const omn_tensor *soft, const omn_tensor *labels, size_t i)
{
    return soft ? ((const float *)soft->data)[i] : ((const int32_t *)labels->data)[i] > 0;
}

#define PASTE(IN, OPT, PAR, OUT)                                                                   \
    IN(image, in, "the picture")                                                                   \
    IN(image, over, "what is pasted; of another size it is stretched")                             \
    IN(mask, mask, "where, as large as the picture: all labels but 0; a soft one mixes both")      \
    OUT(image, out, "the picture with that in it")
OMN_OPERATION(paste, PASTE, OMN_PURE);
static omn_status paste(omn_call *c, const omn_image *in, const omn_image *over,
                        const omn_value *mask, omn_image **out, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_tensor *soft = omn_value_column(mask, "soft");
    const omn_tensor *labels = omn_value_column(mask, "labels"), *t = soft ? soft : labels;
    const omn_pixels a = omn_image_pixels(in);
    omn_pixels b = omn_image_pixels(over), to;
    omn_image *stretched = NULL;
    if (t->shape.dim[0] != a.height || t->shape.dim[1] != a.width)
        return omn_fail(err, OMN_ERR_SHAPE, "a mask of %lld x %lld for a picture of %u x %u pixels",
                        (long long)t->shape.dim[1], (long long)t->shape.dim[0], a.width, a.height);
    if (b.width != a.width || b.height != a.height) {
        OMN_TRY(omn_image_resize(c, over, a.width, a.height, OMN_FILTER_TRIANGLE, true, &stretched,
                                 err));
        b = omn_image_pixels(stretched);
    }
    OMN_TRY(omn_image_new_within(c, a.type, a.width, a.height,
                                 a.channels < 3 ? b.channels < 3 ? 1 : 3 : a.channels,
                                 omn_image_frame(in), out, &to, err));
    for (size_t i = 0; i < (size_t)a.width * a.height; i++) {
        const float w = belongs(soft, labels, i) * (b.channels == 4 ? level(&b, i, 3) : 1);
        for (size_t k = 0; k < to.channels; k++) {
            const float was = level(&a, i, k), is = k == 3 ? 1 : level(&b, i, k);
            const float v = was + w * (is - was);
            if (to.type == OMN_F32) ((float *)to.data)[i * to.channels + k] = v;
            else ((uint8_t *)to.data)[i * to.channels + k] = (uint8_t)(v * 255 + 0.5f);
        }
    }
done:
    omn_image_free(stretched);
    return st;
}

#define PAD(IN, OPT, PAR, OUT)                                                                     \
    IN(image, in, "the picture")                                                                   \
    PAR(int, width, NULL, "1..65535", "px", "width afterwards, not below the picture's")           \
    PAR(int, height, NULL, "1..65535", "px", "height afterwards, not below the picture's")         \
    PAR(choice, place, "middle", "middle|corner", NULL,                                            \
        "where the picture lies; corner: top left")                                                \
    PAR(double, fill, "0", "0..1", NULL, "grey of the padding, 0 is black")                        \
    OUT(image, out, "the padded picture")
OMN_OPERATION(pad, PAD, OMN_PURE);
static omn_status pad(omn_call *c, const omn_image *in, int width, int height, int place,
                      double fill, omn_image **out, omn_error *err)
{
    (void)c;
    omn_pixels px = omn_image_pixels(in);
    const double colour[4] = { fill, fill, fill, 1 };
    if ((uint32_t)width < px.width || (uint32_t)height < px.height)
        return omn_fail(err, OMN_ERR_ARGUMENT, "%d x %d is smaller than the picture of %u x %u",
                        width, height, px.width, px.height);
    int64_t left = place == 0 ? (width - (int64_t)px.width) / 2 : 0;
    int64_t top = place == 0 ? (height - (int64_t)px.height) / 2 : 0;
    return omn_image_crop(in, -left, -top, (uint32_t)width, (uint32_t)height, colour, out, err);
}

#define LETTERBOX(IN, OPT, PAR, OUT)                                                               \
    IN(image, in, "the picture")                                                                   \
    PAR(int, width, NULL, "1..65535", "px", "width of the result")                                 \
    PAR(int, height, NULL, "1..65535", "px", "height of the result")                               \
    PAR(int, least, "1", "1..65535", "px",                                                         \
        "no side of the scaled picture is shorter, as far as there is room")                       \
    PAR(choice, filter, "cubic", "box|triangle|cubic|lanczos3", NULL, "how pixels are weighted")   \
    OUT(image, out, "the picture in the middle of one of bytes, its edges drawn out")
OMN_OPERATION(letter, LETTERBOX, OMN_PURE);
static omn_status letter(omn_call *c, const omn_image *in, int width, int height, int least,
                         int filter, omn_image **out, omn_error *err)
{
    const letterbox how = { (uint32_t)width, (uint32_t)height, (uint32_t)least,
                            (omn_filter)(OMN_FILTER_BOX + filter) };
    return image_letterbox(c, in, &how, out, err);
}

#define CONVERT(IN, OPT, PAR, OUT)                                                                 \
    IN(image, in, "the picture")                                                                   \
    PAR(choice, to, "same", "same|grey|rgb|rgba", NULL,                                            \
        "grey: Rec. 601 luma; from RGBA to the others: laid over white")                           \
    PAR(choice, type, "same", "same|bytes|float", NULL, "type of a channel")                       \
    OUT(image, out, "the converted picture")
OMN_OPERATION(convert, CONVERT, OMN_PURE);
static float channel(const omn_pixels *px, size_t i)
{
    return px->type == OMN_U8 ? (float)((const uint8_t *)px->data)[i] / 255.0f
                              : ((const float *)px->data)[i];
}
static omn_status convert(omn_call *c, const omn_image *in, int to, int kind, omn_image **out,
                          omn_error *err)
{
    (void)c;
    static const uint32_t counts[4] = { 0, 1, 3, 4 };
    omn_pixels a = omn_image_pixels(in), b;
    uint32_t channels = to == 0 ? a.channels : counts[to];
    omn_type type = kind == 0 ? a.type : kind == 1 ? OMN_U8 : OMN_F32;
    omn_status st =
        omn_image_new(type, a.width, a.height, channels, omn_image_frame(in), out, &b, err);
    for (size_t i = 0; st == OMN_OK && i < (size_t)a.width * a.height; i++) {
        float p[4] = { 0, 0, 0, 1 };
        for (size_t k = 0; k < a.channels; k++) p[k] = channel(&a, i * a.channels + k);
        if (a.channels == 1) p[1] = p[2] = p[0];
        if (a.channels == 4 && channels != 4)
            for (int k = 0; k < 3; k++) p[k] = p[k] * p[3] + (1 - p[3]);
        if (channels == 1 && a.channels != 1) p[0] = 0.299f * p[0] + 0.587f * p[1] + 0.114f * p[2];
        for (size_t k = 0; k < channels; k++) {
            float x = p[k] > 0 ? (p[k] < 1 ? p[k] : 1) : 0;
            if (type == OMN_U8)
                ((uint8_t *)b.data)[i * channels + k] = (uint8_t)(x * 255.0f + 0.5f);
            else
                ((float *)b.data)[i * channels + k] = p[k];
        }
    }
    return st;
}

static const omn_object objects[] = {
    OMN_OPERATION_OBJECT(resize, "image.resize", "scale a picture"),
    OMN_OPERATION_OBJECT(fit, "image.fit", "scale a picture into a padded one, as models take it"),
    OMN_OPERATION_OBJECT(crop, "image.crop", "cut a rectangle out of a picture"),
    OMN_OPERATION_OBJECT(cut, "image.cut", "cut every box out of a picture"),
    OMN_OPERATION_OBJECT(hide, "image.hide", "make boxes of a picture transparent"),
    OMN_OPERATION_OBJECT(lay, "mask.fit", "a mask as large as its picture"),
    OMN_OPERATION_OBJECT(paste, "image.paste", "parts of another picture, where a mask says"),
    OMN_OPERATION_OBJECT(pad, "image.pad", "put a picture into a larger one"),
    OMN_OPERATION_OBJECT(letter, "image.letterbox",
                         "scale a picture by its shape into another, as models of texts take it"),
    OMN_OPERATION_OBJECT(convert, "image.convert", "change a picture's channels or their type"),
};
OMN_PLUGIN("operation-image", "1.0", "Apache-2.0", "operations on pictures", objects);
