/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of values, for the files of this folder only. Every kind begins with struct omn_value,
 * lives in one block of memory with what it holds, and is written by nobody after its maker has
 * handed it on; only the count changes. Lists know how deep they nest, so that walking one cannot
 * use up the stack. */
#ifndef OMNIO_VALUE_INSIDE_H
#define OMNIO_VALUE_INSIDE_H

#include <omnio/value.h>

#include <stdatomic.h>

#define VALUE_MOST_DEPTH 64u

struct omn_value {
    atomic_size_t count;
    omn_value_kind kind;
    uint32_t depth; /* 1 for all but lists and records */
};

typedef struct text_value {
    omn_value base;
    size_t length;
    char s[];
} text_value;
typedef struct number_value {
    omn_value base;
    double x;
} number_value;

struct omn_image {
    omn_value base;
    omn_frame frame;
    omn_pixels px; /* data: in the same block, aligned to 64 */
};

typedef struct regions_value {
    omn_value base;
    omn_frame frame; /* source 0: unknown */
    size_t n;
    omn_region list[]; /* the labels follow */
} regions_value;
typedef struct points_value {
    omn_value base;
    omn_frame frame;
    size_t n;
    omn_point list[];
} points_value;

typedef struct tokens_value {
    omn_value base;
    size_t n;
    const char *vocabulary;
    int32_t ids[];
} tokens_value;
typedef struct tensor_value {
    omn_value base;
    omn_tensor t;
} tensor_value;

typedef struct list_value {
    omn_value base;
    size_t n;
    omn_value *items[];
} list_value;
typedef struct record_value {
    omn_value base;
    size_t n;
    omn_named fields[];
} record_value;

/* A zeroed value of fixed + extra bytes with count 1; NULL sets err (OMN_ERR_MEMORY). */
void *value_new(omn_value_kind kind, size_t fixed, size_t extra, omn_error *err);
/* A double or a float by its shortest decimal digits. digits: what is always enough (17, 9). */
void number_shortest(double x, int digits, omn_buf *out);
/* s as a JSON string with its quotes. */
void json_string(const char *s, size_t n, omn_buf *out);

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
