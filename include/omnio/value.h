/* SPDX-License-Identifier: Apache-2.0 */
/* omnio/value.h: what travels along a pipeline. Values are immutable after creation and counted;
 * ref and unref may be called from any thread. Whoever makes or is given a value "owned" unrefs it.
 *
 * Units and frames are part of the type: boxes and points are pixels of a picture, x to the right,
 * y down, origin in the top left corner of the top left pixel. A picture carries the affine map to
 * the picture it came from, so that an answer about a resized crop comes back in pixels of the
 * first picture. */
#ifndef OMNIO_VALUE_H
#define OMNIO_VALUE_H

#include <omnio/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum omn_value_kind {
    OMN_VALUE_TEXT = 1, OMN_VALUE_IMAGE = 2, OMN_VALUE_REGIONS = 3, OMN_VALUE_POINTS = 4,
    OMN_VALUE_TOKENS = 5, OMN_VALUE_EMBEDDINGS = 6, OMN_VALUE_TENSOR = 7, OMN_VALUE_LIST = 8,
    OMN_VALUE_RECORD = 9, OMN_VALUE_NUMBER = 10
} omn_value_kind;

typedef struct omn_value omn_value;
/* The kind of a value; values are counted, ref adds a holder. [any] */
OMN_API omn_value_kind omn_value_get_kind(const omn_value *v);
OMN_API const char *omn_value_kind_name(omn_value_kind k);              /* "image" */
OMN_API omn_value *omn_value_ref(const omn_value *v);                   /* NULL stays NULL */
OMN_API void omn_value_unref(omn_value *v);
#define OMN_VALUE_MOST_BYTES ((size_t)1 << 32)

/* true when the n bytes are well formed UTF-8 (no surrogates, no overlong forms) without a 0 byte;
 * otherwise *bad (may be NULL) is the place of the first byte that is not. [any] */
OMN_API bool omn_utf8_check(const char *s, size_t n, size_t *bad);

/* -- text: UTF-8, checked; at most 16 MiB */
#define OMN_TEXT_MOST ((size_t)16 << 20)
OMN_API omn_status omn_text_new(const char *s, size_t n, omn_value **out, omn_error *err);
OMN_API const char *omn_text_get(const omn_value *v, size_t *n); /* n may be NULL; terminated */

/* -- number: a double (integers up to 2^53 are exact) */
OMN_API omn_status omn_number_new(double x, omn_value **out, omn_error *err);
OMN_API double omn_number_get(const omn_value *v);

/* -- image ------------------------------------------------------------------------------------ */

/* Where pixels lie in the picture they came from: source_x = m[0] x + m[1] y + m[2],
 * source_y = m[3] x + m[4] y + m[5]. width and height are those of the source, in pixels.
 * source: a number that tells pictures apart (equal numbers: the same source picture); 0: none. */
typedef struct omn_frame {
    uint64_t source;
    double m[6];
    uint32_t width, height;
} omn_frame;
OMN_API omn_frame omn_frame_identity(uint64_t source, uint32_t width, uint32_t height);
/* The frame of a picture cut or scaled from one with frame f: new pixel (x, y) lies at
 * (sx x + tx, sy y + ty) of the old one. [any] */
OMN_API omn_frame omn_frame_then(const omn_frame *f, double sx, double sy, double tx, double ty);
OMN_API void omn_frame_to_source(const omn_frame *f, double x, double y, double *sx, double *sy);
/* false when the map has no inverse */
OMN_API bool omn_frame_from_source(const omn_frame *f, double sx, double sy, double *x, double *y);

/* Pixels, rows dense: [height, width, channels], u8 (0..255) or f32 (0..1). channels: 1 grey,
 * 3 RGB (sRGB values), 4 RGBA, not premultiplied. */
typedef struct omn_image omn_image;
typedef struct omn_pixels {
    omn_type type;
    uint32_t width, height, channels;
    void *data;
} omn_pixels;
#define OMN_IMAGE_MOST_SIDE 65535u
#define OMN_IMAGE_MOST_PIXELS (1u << 28)
/* A new picture: *px is writable until the image is first handed on. frame NULL: its own source. */
OMN_API omn_status omn_image_new(omn_type t, uint32_t width, uint32_t height, uint32_t channels,
                                 const omn_frame *frame, omn_image **out, omn_pixels *px,
                                 omn_error *err);
OMN_API void omn_image_free(omn_image *img);                      /* unref; NULL is allowed */
OMN_API omn_value *omn_image_give(omn_image *taken); /* the same, as a value, now shared */
OMN_API const omn_image *omn_value_image(const omn_value *v);     /* borrowed; NULL: not an image */
OMN_API omn_pixels omn_image_pixels(const omn_image *img);        /* data is to be read only */
OMN_API const omn_frame *omn_image_frame(const omn_image *img);
/* Also of the picture that regions and points speak of; borrowed, NULL: unknown, or another
 * kind. */
OMN_API const omn_frame *omn_value_frame(const omn_value *v);

/* -- regions: boxes in pixels of the source picture, x0 y0 x1 y1, x1 and y1 exclusive edges --- */
typedef struct omn_region {
    double x0, y0, x1, y1;
    double score;                 /* 0..1; NAN when there is none */
    const char *label;            /* UTF-8; NULL when there is none */
} omn_region;
#define OMN_REGIONS_MOST 65536u
/* regions and labels are copied. like: the frame of the picture spoken of; NULL when unknown. */
OMN_API omn_status omn_regions_new(const omn_region *r, size_t n, const omn_frame *like,
                                   omn_value **out, omn_error *err);
OMN_API size_t omn_regions_get(const omn_value *v, const omn_region **list);

/* -- points in pixels of the source picture */
typedef struct omn_point {
    double x, y;
    double visible;               /* 0 not there, 1 hidden, 2 seen */
    const char *label;
} omn_point;
OMN_API omn_status omn_points_new(const omn_point *p, size_t n, const omn_frame *like,
                                  omn_value **out, omn_error *err);
OMN_API size_t omn_points_get(const omn_value *v, const omn_point **list);

/* -- tokens: ids of a vocabulary that `vocabulary` names */
OMN_API omn_status omn_tokens_new(const int32_t *ids, size_t n, const char *vocabulary,
                                  omn_value **out, omn_error *err);
OMN_API size_t omn_tokens_get(const omn_value *v, const int32_t **ids, const char **vocabulary);

/* -- embeddings [rows, width] f32, and any tensor; bytes are copied */
OMN_API omn_status omn_embeddings_new(const float *x, size_t rows, size_t width, omn_value **out,
                                      omn_error *err);
OMN_API omn_status omn_tensor_value_new(const omn_tensor *t, omn_value **out, omn_error *err);
OMN_API const omn_tensor *omn_value_tensor(const omn_value *v);   /* embeddings too; else NULL */

/* -- list and record: items are referenced, not taken; at most 63 nested, names of fields differ */
#define OMN_RECORD_MOST 4096u
OMN_API omn_status omn_list_new(omn_value *const *items, size_t n, omn_value **out, omn_error *err);
OMN_API size_t omn_list_count(const omn_value *v);
OMN_API const omn_value *omn_list_at(const omn_value *v, size_t i);      /* borrowed */
typedef struct omn_named { const char *name; omn_value *value; } omn_named;
OMN_API omn_status omn_record_new(const omn_named *fields, size_t n, omn_value **out,
                                  omn_error *err);
OMN_API size_t omn_record_count(const omn_value *v);
OMN_API const omn_value *omn_record_at(const omn_value *v, size_t i, const char **name);
OMN_API const omn_value *omn_record_get(const omn_value *v, const char *name);   /* or NULL */

/* The value as JSON, appended to out. Numbers are the shortest that read back as the same double,
 * with a point in every locale; NaN and infinities are null. Stable fields:
 *   image      {"width":..,"height":..,"channels":..}
 *   regions    [{"box":[x0,y0,x1,y1],"label":..,"score":..}, ...]      label, score only where
 *              there is one
 *   points     [{"point":[x,y],"visible":..,"label":..}, ...]
 *   tokens     {"tokens":[..],"vocabulary":..}
 *   embeddings [[..], ..]     tensor {"type":"f32","shape":[..]}     text, number, list, record:
 *     themselves */
OMN_API void omn_value_json(const omn_value *v, omn_buf *out);
/* The other way: objects become records (a null field is left out), arrays lists, true and false 1
 * and 0. A list that is not empty and in which every item has the form of regions or points above
 * becomes regions or points (of an unknown picture). At most 16 MiB, 64 levels; a key twice, a null
 * in an array, anything after the value is OMN_ERR_DATA with line and column. [any] */
OMN_API omn_status omn_value_from_json(const char *s, size_t n, omn_value **out, omn_error *err);
/* A double as above ("0.1", "1e-7", "nan" as null), appended. */
OMN_API void omn_number_print(double x, omn_buf *out);
/* The value as a person reads it (one box per line, plain text). */
OMN_API void omn_value_text(const omn_value *v, omn_buf *out);

/* -- geometry and pixels that several plugins need -------------------------------------------- */

/* Scale a picture (any type, any channels) to width x height; f32 in, f32 out; u8 in, u8 out
 * rounded. Colours of RGBA are weighted by their alpha. c NULL: on the calling thread alone.
 * Filters, separable, antialiased when shrinking: box, triangle (bilinear), cubic (a = -0.5),
 * lanczos3; nearest takes the pixel at floor((i + 0.5) * from / to). [run] */
typedef enum omn_filter {
    OMN_FILTER_NEAREST, OMN_FILTER_BOX, OMN_FILTER_TRIANGLE, OMN_FILTER_CUBIC, OMN_FILTER_LANCZOS3
} omn_filter;
OMN_API omn_status omn_image_resize(omn_call *c, const omn_image *in, uint32_t width,
                                    uint32_t height, omn_filter filter, bool antialias,
                                    omn_image **out, omn_error *err);
/* A rectangle of a picture; parts outside the picture are filled with `fill` (0..1 each
 * channel). */
OMN_API omn_status omn_image_crop(const omn_image *in, int64_t left, int64_t top, uint32_t width,
                                  uint32_t height, const double fill[4], omn_image **out,
                                  omn_error *err);
/* How Unified-IO 2 puts a picture into a rectangle: scaled by one factor until it fits, in float32,
 * sizes truncated (so a side may come out one pixel short), the rest shared between both sides, the
 * odd pixel right and below. Its coordinate rule is model_x = source_x * scale + left; it leaves
 * the truncation aside. */
typedef struct omn_fit {
    uint32_t left, top, width, height;      /* where the scaled picture lies */
    float scale;
} omn_fit;
/* OMN_ERR_SHAPE when a side would vanish. */
OMN_API omn_status omn_fit_compute(uint32_t from_width, uint32_t from_height, uint32_t width,
                                   uint32_t height, omn_fit *out, omn_error *err);
/* The picture so fitted (triangle filter, antialiased), `fill` around it. Always RGB f32 0..1;
 * alpha is laid over white. valid: [height, width] u8, 1 where the picture is; owned by the caller
 * (free()), may be NULL. The frame of the result follows the coordinate rule above: for a picture
 * with the identity frame m is exactly { 1/scale, 0, -left/scale, 0, 1/scale, -top/scale }, so that
 * (float)(1/m[0]) is the float32 scale and (float)m[0] its float32 inverse. [run] */
OMN_API omn_status omn_image_fit(omn_call *c, const omn_image *in, uint32_t width, uint32_t height,
                                 double fill, omn_image **out, uint8_t **valid, omn_error *err);
/* Intersection over union of two boxes in continuous coordinates; 0 for empty ones. */
OMN_API double omn_region_iou(const omn_region *a, const omn_region *b);

#ifdef __cplusplus
}
#endif
#endif
