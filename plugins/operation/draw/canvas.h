/* SPDX-License-Identifier: Apache-2.0 */
/* What is drawn, for the files of this plugin: a picture with ink over it, as pixels and, beside
 * them, as shapes that scale. */
#ifndef OMNIO_OPERATION_DRAW_CANVAS_H
#define OMNIO_OPERATION_DRAW_CANVAS_H

#include <omnio/texts.h>

#include <cairo.h>

typedef struct colour {
    double r, g, b;
} colour;

/* Colours that are told apart on photographs: of a name, always the same one; of a number, twelve
 * times another one and then again. [any] */
colour colour_of(const char *name);
colour colour_number(size_t i);
/* The nearest bytes. [any] */
void colour_bytes(colour k, uint8_t out[3]);

/* A drawing in the making. line: width of one; font: height of letters; both in pixels. */
typedef struct canvas {
    const omn_image *picture;   /* borrowed */
    omn_pixels px;
    cairo_surface_t *surface;
    cairo_t *to;
    double line, font;
    omn_buf shapes;             /* elements of SVG */
} canvas;

/* Does what is to be drawn belong to this picture? OMN_ERR_ARGUMENT. [run] */
omn_status canvas_belongs(const omn_image *picture, const omn_value *what, omn_error *err);
/* Over a picture; line and font 0: as its size wants. After a failure too, canvas_close. [run] */
omn_status canvas_open(canvas *s, const omn_image *picture, double line, double font,
                       omn_error *err);
void canvas_close(canvas *s);
/* The picture with the ink on it, grey as RGB, pixels without ink as they were; and the drawing.
 * [run] */
omn_status canvas_give(omn_call *c, canvas *s, omn_image **out, omn_value **drawing,
                       omn_error *err);

/* A place of the source picture on the canvas; false: nowhere near. [run] */
bool canvas_place(const canvas *s, double x, double y, double *sx, double *sy);
/* A line through n points x, y, ..; closed: back to the first. [run] */
void canvas_line(canvas *s, const double *xy, size_t n, bool closed, colour k);
/* filled, or a ring. [run] */
void canvas_disc(canvas *s, double x, double y, double radius, bool filled, colour k);
/* Filled; x, y: its top left corner. [run] */
void canvas_box(canvas *s, double x, double y, double w, double h, colour k);
/* x, y: lower left corner of its first letter. [run] */
void canvas_text(canvas *s, const char *text, double x, double y, colour k);
/* Name and score (NULL, NAN: none) on a ground of their own, whose lower left corner is x, y; moved
 * so that it can be read. [run] */
void canvas_label(canvas *s, const char *name, double score, double x, double y, colour k);

/* The usual sizes for a picture whose longer side is that long. [any] */
double canvas_usual_line(double side);
double canvas_usual_font(double side);
/* How wide the widest of n texts (NULL: none) is in letters of that height, in whole pixels. */
omn_status canvas_widest(double font, const char *const *texts, size_t n, uint32_t *out,
                         omn_error *err);

/* White paper, of 3 channels, or 4. frame: of its top left part; NULL: none. [run] */
omn_status canvas_sheet(omn_type type, uint32_t channels, uint64_t width, uint64_t height,
                        const omn_frame *frame, omn_image **out, omn_pixels *px, omn_error *err);

/* One pixel as red, green, blue, alpha of 0..1; and back, rounded where pixels are bytes. [any] */
void pixel_get(const omn_pixels *px, size_t i, float p[4]);
void pixel_put(const omn_pixels *px, size_t i, const float p[4]);

/* The kind "drawing", and the format that writes it. */
extern const omn_value_impl drawing_kind;
#define SVG_SAVE(PAR, S) OMN_ORIGIN_SETTING(PAR, S)
extern const omn_format_impl svg_format;
/* shapes: elements of SVG, over a picture (NULL: none) of that size. [run] */
omn_status drawing_make(omn_call *c, omn_value *under, double width, double height,
                        const char *shapes, omn_value **out, omn_error *err);

#endif
