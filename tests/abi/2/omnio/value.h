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

typedef struct omn_value omn_value;
/* A kind of value: its name and its schema. One object for each kind of this library, which lives
 * for ever; those of plugins live as long as their context or any value of them. */
typedef struct omn_kind omn_kind;
/* The kind of a value, and its name ("nothing" for NULL); whether it is of the kind of that name
 * (false for NULL). Values are counted, ref adds a holder. [any] */
OMN_API const omn_kind *omn_value_kind(const omn_value *v);
OMN_API const char *omn_value_kind_name(const omn_value *v);
OMN_API bool omn_value_is(const omn_value *v, const char *kind);
OMN_API omn_value *omn_value_ref(const omn_value *v);                   /* NULL stays NULL */
OMN_API void omn_value_unref(omn_value *v);
#define OMN_VALUE_MOST_BYTES ((size_t)1 << 32)

/* true when the n bytes are well formed UTF-8 (no surrogates, no overlong forms) without a 0 byte;
 * otherwise *bad (may be NULL) is the place of the first byte that is not. [any] */
OMN_API bool omn_utf8_check(const char *s, size_t n, size_t *bad);

/* -- schemas: every kind is named columns of numbers, texts or values -------------------------- */

/* One column. axes: "" one element, "n", "n,4", "h,w,3": a name stands for one size in all columns
 * of a value, a number for itself, NULL for any shape. unit: "px", "m", "Hz", or NULL. lo < hi:
 * numbers outside are refused. type OMN_TYPE_NONE: any numeric type. */
typedef enum omn_column_flags {
    OMN_COLUMN_OPTIONAL = 1,  /* may be absent */
    OMN_COLUMN_NAN = 2,       /* single elements may be missing: NaN, NULL for texts; JSON null */
    OMN_COLUMN_FREE = 4       /* any bits: infinities and NaN are nobody's business here */
} omn_column_flags;
typedef struct omn_column {
    const char *name;
    omn_type type;
    const char *axes, *unit;
    double lo, hi;
    uint32_t flags;
} omn_column;

/* "omnio.value/1": what a plugin says of a kind of its own. The columns suffice; whatever may be
 * NULL has a form that follows from them. */
typedef struct omn_value_impl {
    const void *(*extension)(const char *id);     /* may be NULL */
    const omn_column *columns;
    uint32_t n_columns, column_size;              /* sizeof(omn_column): rows may grow */
    /* "frame": lies in a picture, has an omn_frame; "time": has an axis "t" with columns "rate"
     * (Hz) and "start" (s), or a column "time" [t] in seconds; NULL: nowhere. */
    const char *place;
    const char *item;             /* axis along which map walks ("n"); NULL: it is one thing */
    const char *format;           /* the format that writes it; NULL: "safetensors" */
    omn_status (*check)(const omn_value *v, omn_error *err);      /* beyond the columns. [any] */
    void (*text)(const omn_value *v, omn_buf *out);               /* for people. [any] */
    /* From a shell's word; c may be NULL. NULL: a word names a file. What help shows of it, NULL
     * for nothing: form, "X0,Y0,X1,Y1", and an example, "10,20,110,120" or "my.png". [run] */
    const char *form, *example;
    omn_status (*word)(omn_call *c, const char *word, omn_value **out, omn_error *err);
    void (*json)(const omn_value *v, omn_buf *out);               /* else the general form. [any] */
    /* From a text, a number, a list or a record, as JSON makes them. [any] */
    omn_status (*convert)(const omn_value *plain, omn_value **out, omn_error *err);
} omn_value_impl;

#define OMN_KIND_MOST_COLUMNS 32u
/* The kinds of this library by number, for lists; NULL past the last. [any] */
OMN_API const omn_kind *omn_kind_at(size_t i);
OMN_API const char *omn_kind_name(const omn_kind *k);
OMN_API const char *omn_kind_help(const omn_kind *k);
OMN_API const omn_column *omn_kind_column(const omn_kind *k, size_t i);  /* NULL past the last */
OMN_API const omn_value_impl *omn_kind_impl(const omn_kind *k);
/* The schema for people: columns with types, axes, units and ranges. [any] */
OMN_API void omn_kind_describe(const omn_kind *k, omn_buf *out);
/* What map hands out one by one: "any" for a list, its own name for other kinds with items; NULL:
 * the kind has none. */
OMN_API const char *omn_kind_items(const omn_kind *k);

/* A value from its columns. Everything is checked: names, types, axes, ranges, finite numbers,
 * UTF-8, sizes before memory is taken, then the kind's own check. Data is copied, values in columns
 * are referenced. A column whose tensor has shape and type and whose data is NULL is zero. frame:
 * NULL where there is none. Errors: OMN_ERR_DATA, OMN_ERR_SHAPE, OMN_ERR_TYPE, OMN_ERR_MEMORY.
 * [any] */
typedef struct omn_filled { const char *name; omn_tensor tensor; } omn_filled;
typedef struct omn_frame omn_frame;
OMN_API omn_status omn_value_make(const omn_kind *k, const omn_filled *columns, size_t n,
                                  const omn_frame *frame, omn_value **out, omn_error *err);
/* A dense column for omn_value_make; data is borrowed. [any] */
OMN_API omn_filled omn_fill(const char *name, omn_type t, omn_shape shape, const void *data);
/* A column; borrowed; NULL: absent, or the kind has none of that name. [any] */
OMN_API const omn_tensor *omn_value_column(const omn_value *v, const char *name);
/* Bytes of one element of a column; 0 for a number that is no type. [any] */
OMN_API size_t omn_column_bytes(omn_type t);
OMN_API const char *omn_column_type(omn_type t);     /* "f32", "text"; "any" for OMN_TYPE_NONE */
/* Memory that a value holds, items included. [any] */
OMN_API size_t omn_value_bytes(const omn_value *v);

/* Items along the axis `item` of the kind; 0 for kinds without. A list hands out its items, other
 * kinds a slice of one. [any] */
OMN_API size_t omn_value_count(const omn_value *v);
OMN_API omn_status omn_value_item(const omn_value *v, size_t i, omn_value **out, omn_error *err);
OMN_API omn_status omn_value_slice(const omn_value *v, size_t from, size_t to, omn_value **out,
                                   omn_error *err);
/* What lies between two moments, the second excluded, of a value in time: rows of its axis "t", and
 * a new start. OMN_ERR_TYPE for others. [any] */
OMN_API omn_status omn_value_window(const omn_value *v, double from_s, double to_s, omn_value **out,
                                    omn_error *err);
/* The moments between which a value in time lies: the first of its rows, and where the last one
 * ends; where each has its own moment, the last lasts as long as they do on average. Without rows
 * both are the same. [any] */
OMN_API omn_status omn_value_span(const omn_value *v, double *from_s, double *to_s, omn_error *err);
/* No items, or no content at all: an empty list, regions without a region, "". NULL is empty. */
OMN_API bool omn_value_empty(const omn_value *v);

/* Same kind, same columns, same place in a picture (not which picture); numbers by value, so that
 * two that are missing are equal and 0 equals -0. hash: 128 bits (XXH3) of the same things; equal
 * values have equal hashes. [any] */
OMN_API bool omn_value_equal(const omn_value *a, const omn_value *b);
OMN_API void omn_value_hash(const omn_value *v, uint64_t out[2]);

/* How far two values are apart, in figures that add up over many pairs: whether they are equal, by
 * how much the numbers of each column differ, how many items have no partner. Items that lie
 * somewhere are compared with the nearest, those that texts name by name, others by number; values
 * in columns in turn. MEAN: over n things. MOST: the largest of all. COUNT: they are added. */
typedef enum omn_apart_fold { OMN_APART_MEAN, OMN_APART_MOST, OMN_APART_COUNT } omn_apart_fold;
typedef struct omn_apart {
    uint32_t size;
    const char *kind;             /* of the values that it is about, perhaps inside the two */
    const char *name;             /* "equal", "box", "label equal"; valid while it is told */
    const char *unit;             /* "px"; "": of none; NULL: a share, 0..1 */
    double value;
    uint64_t n;
    omn_apart_fold fold;
} omn_apart;
typedef void omn_apart_fn(void *user, const omn_apart *figure);
/* a and b may be NULL: not there. OMN_ERR_MEMORY. [any] */
OMN_API omn_status omn_value_apart(const omn_value *a, const omn_value *b, omn_apart_fn *fn,
                                   void *user, omn_error *err);

/* A kind by name: those of this library, and through the context behind c (NULL: none) those of
 * plugins. OMN_ERR_MISSING names the nearest. [any] */
OMN_API omn_status omn_kind_find(omn_call *c, const char *name, const omn_kind **out,
                                 omn_error *err);
/* v as a value of another kind, where that has one meaning: a word as from a command line, a list,
 * a record with the names of the columns. [x0, y0, x1, y1], a list of such, and the line that
 * omn_value_text prints are regions. The same kind: another reference. c may be NULL. Otherwise
 * OMN_ERR_TYPE, or OMN_ERR_ARGUMENT for a word that is none. [run] */
OMN_API omn_status omn_value_convert(omn_call *c, const omn_value *v, const omn_kind *to,
                                     omn_value **out, omn_error *err);

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
struct omn_frame {
    uint64_t source;
    double m[6];
    uint32_t width, height;
};
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
/* The same for a format that has read the size of a picture and not yet its pixels: OMN_ERR_DATA
 * when it would take more memory than the call's host allows. [run] */
OMN_API omn_status omn_image_new_within(const omn_call *c, omn_type t, uint32_t width,
                                        uint32_t height, uint32_t channels, const omn_frame *frame,
                                        omn_image **out, omn_pixels *px, omn_error *err);
OMN_API void omn_image_free(omn_image *img);                      /* unref; NULL is allowed */
OMN_API omn_value *omn_image_give(omn_image *taken); /* the same, as a value, now shared */
OMN_API const omn_image *omn_value_image(const omn_value *v);     /* borrowed; NULL: not an image */
OMN_API omn_pixels omn_image_pixels(const omn_image *img);        /* data is to be read only */
OMN_API const omn_frame *omn_image_frame(const omn_image *img);
/* Also of the picture that regions, points and others speak of; borrowed, NULL: unknown, or a kind
 * without. */
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
 * with a point in every locale; NaN and infinities are null. Boxes and points are rounded to a
 * hundredth of a pixel, which is more than any answer knows; their full precision stays in the
 * general form and in files (.safetensors). Stable fields:
 *   image      {"width":..,"height":..,"channels":..}
 *   regions    [{"box":[x0,y0,x1,y1],"label":..,"score":..}, ...]      label, score only where
 *              there is one
 *   points     [{"point":[x,y],"visible":..,"label":..}, ...]
 *   tokens     {"tokens":[..],"vocabulary":..}
 *   embeddings [[..], ..]     tensor {"type":"f32","shape":[..]}     text, number, list, record:
 *     themselves
 *   others, and whatever lies in them: the general form, in which nothing is lost:
 *     {"$kind":"series","time":[..],"label":[..]}; of a column with more than 1024 numbers, or of
 *     any type, {"type":"f32","shape":[..],"base64":".."}; "$frame" of what lies in a picture,
 *     whose "source" follows from the value: equal values have equal texts in every run */
OMN_API void omn_value_json(const omn_value *v, omn_buf *out);
/* The general form of any value, those with a shorter stable form too: it reads back equal. */
OMN_API void omn_value_json_whole(const omn_value *v, omn_buf *out);
/* The other way: objects become records (a null field is left out), arrays lists, true and false 1
 * and 0. A list that is not empty and in which every item has the form of regions or points above
 * becomes regions or points (of an unknown picture). An object that begins with "$kind" becomes a
 * value of that kind, of this library (omn_call_json knows those of plugins too). At most 16 MiB,
 * 64 levels, 2^22 values; a key twice, a null in an array, anything after the value is OMN_ERR_DATA
 * with line and column. [any] */
OMN_API omn_status omn_value_from_json(const char *s, size_t n, omn_value **out, omn_error *err);
/* The same for a working function: kinds of plugins too, through the context behind c (NULL: none);
 * as a value of the wanted kind, whose columns then need no "$kind" (NULL: whatever it is).
 * [run] */
OMN_API omn_status omn_call_json(omn_call *c, const omn_kind *wanted, const char *s, size_t n,
                                 omn_value **out, omn_error *err);
/* A value as a text and tensors, for files and stores: the general form in which columns with more
 * than a few numbers, and long texts, stand under a name of their own ("items.1.pixels"). take gets
 * each of these, borrowed while it runs. join reads it back: give finds a tensor by name, or NULL.
 * c: as for omn_call_json. [run] */
typedef omn_status omn_take_fn(void *user, const char *name, const omn_tensor *t, omn_error *err);
typedef const omn_tensor *omn_give_fn(void *user, const char *name);
OMN_API omn_status omn_value_split(const omn_value *v, omn_take_fn *take, void *user, omn_buf *json,
                                   omn_error *err);
OMN_API omn_status omn_value_join(omn_call *c, const char *json, size_t n, omn_give_fn *give,
                                  void *user, omn_value **out, omn_error *err);
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
/* The same in whole numbers, to the last bit as Pillow scales pictures of bytes (rows first,
 * rounded to bytes, then columns), always antialiased: what models saw that were trained behind it.
 * f32 is rounded to bytes before; the result is u8. All filters but nearest. c NULL: on the calling
 * thread alone. [run] */
OMN_API omn_status omn_image_resize_bytes(omn_call *c, const omn_image *in, uint32_t width,
                                          uint32_t height, omn_filter filter, omn_image **out,
                                          omn_error *err);
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
