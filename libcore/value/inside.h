/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of values, for the files of this folder only. A value is one block of memory: the
 * header, a tensor for each column of its kind, its frame where it lies in a picture, a view (the
 * columns of a kind of our own in the form that its typed getter gives), and the data. Nobody
 * writes it after its maker has handed it on; only the count changes. Values that hold others know
 * how deep they nest, so that walking one cannot use up the stack. */
#ifndef OMNIO_VALUE_INSIDE_H
#define OMNIO_VALUE_INSIDE_H

#include "kind.h"

#include <stdatomic.h>
#include <string.h>

#define VALUE_MOST_DEPTH 64u
#define VALUE_MOST_TEXTS (1u << 20) /* in one column */

struct draft;
typedef struct view_rules {
    /* The size of the view, from the shapes of the columns; and its making, when they are filled.
     * NULL: the kind has none. */
    size_t (*bytes)(const omn_tensor *columns);
    void (*fill)(omn_value *v, void *view);
    /* For people, several lines with `depth` in front of all but the first; rows: it stands below
     * its name in a record. NULL: by impl->text. */
    void (*print)(const omn_value *v, unsigned depth, omn_buf *out);
    bool rows;
    /* The frame of one that is given none; its source becomes a new one. NULL: it has none then. */
    void (*frame)(const omn_tensor *columns, omn_frame *out);
    /* Columns that a slice from..to of the items takes along, beside those that begin with their
     * axis. */
    void (*slice)(const omn_value *v, size_t from, size_t to, struct draft *d);
    /* Items that are made when they are asked for; and what goes when the value does. */
    size_t (*count)(const omn_value *v);
    omn_status (*item)(const omn_value *v, size_t i, omn_value **out, omn_error *err);
    void (*fini)(omn_value *v);
    /* Of items that are made when they are asked for: those from..to. */
    omn_status (*part)(const omn_value *v, size_t from, size_t to, omn_value **out,
                       omn_error *err);
} view_rules;

struct omn_kind {
    const char *name, *help;
    const omn_value_impl *impl;
    const omn_column *columns;
    uint32_t n_columns;
    const view_rules *view;    /* kinds of our own; NULL: none */
    const struct omn_kind *of; /* this object, counted; NULL: a constant */
    atomic_size_t count;
};

struct omn_value {
    atomic_size_t count;
    const omn_kind *kind;
    uint16_t depth; /* 1 for all that hold no other values */
    bool has_frame;
    omn_tensor columns[]; /* of the kind, in its order; type OMN_TYPE_NONE: absent */
};

/* A picture (omn_image) is such a value, whose pixels may still be written. */

#define KIND(id) extern const omn_kind kind_##id
KIND(text);
KIND(number);
KIND(image);
KIND(regions);
KIND(points);
KIND(tokens);
KIND(embeddings);
KIND(tensor);
KIND(list);
KIND(record);
KIND(audio);
KIND(video);
KIND(mask);
KIND(depth);
KIND(normals);
KIND(keypoints);
KIND(polygons);
KIND(camera);
KIND(box3d);
KIND(actions);
KIND(grounded);
KIND(options);
KIND(interleaved);
KIND(stream);
#undef KIND

/* A kind of our own: its columns, its impl, its view. */
#define KIND_OF(id, help, view_of)                                                               \
    const omn_kind kind_##id = { #id, help, &impl, columns,                                       \
                                 sizeof(columns) / sizeof(columns[0]), view_of, NULL, 0 }
#define KIND_COLUMNS                                                                             \
    .columns = columns, .n_columns = sizeof(columns) / sizeof(columns[0]),                        \
    .column_size = sizeof(columns[0])

/* ---- schemas (kind.c) ---- */

/* Number of the column; -1: none. */
int kind_column(const omn_kind *k, const char *name);
/* Axes of "h,w,3": their number, at most OMN_MAX_RANK, -1 when malformed. Name and length of each
 * in words, lengths[i]. */
int axes_split(const char *axes, const char *words[OMN_MAX_RANK], size_t lengths[OMN_MAX_RANK]);
/* The first axis of this column is `axis` (NULL: none is). */
bool column_begins(const omn_kind *k, size_t i, const char *axis);

/* ---- building (build.c) ---- */

/* What a value will be made of. Column i of the kind: col[i], type OMN_TYPE_NONE for absent; data
 * NULL: zero. stride: bytes between its rows (along the first axis); 0: they lie dense. */
typedef struct draft {
    const omn_kind *kind;
    const omn_frame *frame; /* NULL: none */
    const char *text;       /* a lone text for column 0 that has no end of its own; else NULL */
    size_t text_length;
    omn_tensor col[OMN_KIND_MOST_COLUMNS];
    size_t stride[OMN_KIND_MOST_COLUMNS];
} draft;
static inline void draft_init(draft *d, const omn_kind *k)
{
    d->kind = k;
    d->frame = NULL;
    d->text = NULL;
    d->text_length = 0;
    memset(d->col, 0, k->n_columns * sizeof(d->col[0]));
    memset(d->stride, 0, k->n_columns * sizeof(d->stride[0]));
}
/* Without checks other than of sizes and depth. Optional columns in which every element is missing
 * are left out. */
omn_status value_build(draft *d, omn_value **out, omn_error *err);
/* What the columns promise (check.c): types, axes, ranges, finite numbers, UTF-8. */
omn_status draft_check(const draft *d, omn_error *err);
/* A tensor over elements of a type, its bytes filled in; false: the product is too large. */
bool column_tensor(omn_type t, const omn_shape *shape, const void *data, omn_tensor *out);
/* The number i of a numeric column. */
double column_number(const omn_tensor *t, size_t i);
/* The element is missing: NaN, or no text. */
bool column_missing(const omn_tensor *t, size_t i);
/* A double into element i; false when it does not fit the type. */
bool column_put(omn_type t, void *data, size_t i, double x);
size_t column_count(const omn_tensor *t);

/* The view of a value of a kind that has one. */
const void *value_view(const omn_value *v);
const omn_frame *value_frame(const omn_value *v);      /* also of no source; NULL: none */
/* A number that no other picture has. */
uint64_t frame_source(const void *address);
static inline const omn_tensor *value_column_at(const omn_value *v, size_t i)
{
    return v->columns[i].type != OMN_TYPE_NONE ? &v->columns[i] : NULL;
}
static inline bool value_has_kind(const omn_value *v, const omn_kind *k)
{
    return v != NULL && kind_same(v->kind, k);
}

/* ---- JSON and text ---- */

/* A double or a float by its shortest decimal digits. digits: what is always enough (17, 9). */
void number_shortest(double x, int digits, omn_buf *out);
/* s as a JSON string with its quotes. */
void value_json_string(const char *s, size_t n, omn_buf *out);
void json_comma(size_t i, omn_buf *out);
void json_numbers(const double *x, size_t n, omn_buf *out);
/* To a hundredth of a pixel. */
void json_pixels(const double *x, size_t n, omn_buf *out);
/* A record with the names of columns, "$kind" and "$frame" left out or not, as a value. */
omn_status value_of_record(const omn_kind *k, const omn_value *record, omn_value **out,
                           omn_error *err);
/* The same where tensors stand apart. from may be NULL. */
omn_status value_of_parts(const kind_source *from, const omn_kind *k, const omn_value *record,
                          omn_value **out, omn_error *err);
/* A text as a double, spaces around it allowed, the same in every locale; false: it is none. */
bool number_read(const char *s, size_t n, double *x);
/* Sources of a text and their numbers in it; zeros at its beginning. */
typedef struct json_sources {
    struct {
        uint64_t source, number;
    } *at;
    size_t n, room;
    uint64_t base;
} json_sources;
/* The number of a source in the text of the whole value; 0: no memory. */
uint64_t json_source(json_sources *s, const omn_value *whole, uint64_t source);
void json_sources_fini(json_sources *s);
void base64_put(const void *bytes, size_t n, omn_buf *out);
/* Exactly `room` bytes, or false. */
bool base64_get(const char *s, size_t n, void *bytes, size_t room);

void print_indent(unsigned depth, omn_buf *out);
void print_rounded(double x, omn_buf *out);
void print_value(const omn_value *v, unsigned depth, omn_buf *out);

/* The n numbers of a list of numbers, or false. */
bool list_numbers(const omn_value *v, double *x, size_t n);
/* A list all of whose items have the form of regions or points as such a value; *out stays NULL
 * when they do not. */
omn_status regions_of_records(omn_value *const *items, size_t n, omn_value **out, omn_error *err);
omn_status points_of_records(omn_value *const *items, size_t n, omn_value **out, omn_error *err);

/* ---- what kinds share ---- */

/* Every moment of a column is later than the one before. */
omn_status times_check(const omn_value *v, size_t column, omn_error *err);
/* Three rows of three, `stride` apart, are a rotation. */
bool rotation_good(const double *m, size_t stride);

/* ---- pixels ---- */

/* Rows of a picture as floats 0..1, ready for a filter. */
typedef enum row_form {
    ROW_PLAIN,     /* as many channels as the picture has */
    ROW_WEIGHTED,  /* RGBA, colours times alpha */
    ROW_OVER_WHITE /* RGB from anything */
} row_form;
/* Scale: out is [height, width, channels of the form] f32. c may be NULL. */
omn_status pixels_scale(omn_call *c, const omn_pixels *in, row_form form, uint32_t width,
                        uint32_t height, omn_filter filter, bool antialias, float *out,
                        omn_error *err);

#endif
