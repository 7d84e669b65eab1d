/* SPDX-License-Identifier: Apache-2.0 */
/* Drawing what a model saw or made: the door. Every operation gives the picture, and the same as a
 * drawing, which is written as SVG. */
#include "draw.h"

#define LINE                                                                                       \
    "width of the lines; 0: as the picture's size wants"
#define FONT                                                                                       \
    "height of the letters; 0: as the picture's size wants"
#define ON                                                                                         \
    "the picture to draw on; it is not changed"

#define REGIONS(IN, OPT, PAR, OUT)                                                                 \
    IN(image, in, ON)                                                                              \
    IN(regions, regions, "what to draw")                                                           \
    PAR(bool, labels, "true", NULL, NULL, "write the labels")                                      \
    PAR(bool, scores, "false", NULL, NULL, "write the scores behind the labels")                   \
    PAR(double, line, "0", "0..1000", "px", LINE)                                                  \
    PAR(double, font, "0", "0..1000", "px", FONT)                                                  \
    OUT(image, out, "the picture with the boxes")                                                  \
    OUT(drawing, drawing, "the same, for SVG")
OMN_OPERATION(draw_regions, REGIONS, OMN_PURE);
static omn_status draw_regions(omn_call *c, const omn_image *in, const omn_value *regions,
                               bool labels, bool scores, double line, double font, omn_image **out,
                               omn_value **drawing, omn_error *err)
{
    canvas s = { .picture = NULL };
    omn_status st = canvas_belongs(in, regions, err);
    if (st == OMN_OK) st = canvas_open(&s, in, line, font, err);
    if (st == OMN_OK) st = marks_regions(c, &s, regions, labels, scores, err);
    if (st == OMN_OK) st = canvas_give(c, &s, out, drawing, err);
    canvas_close(&s);
    return st;
}

#define POINTS(IN, OPT, PAR, OUT)                                                                  \
    IN(image, in, ON)                                                                              \
    IN(points, points, "what to draw; points that are not there are left out")                     \
    PAR(bool, labels, "false", NULL, NULL, "write the labels")                                     \
    PAR(bool, bones, "true", NULL, NULL, "join the named points of a person")                      \
    PAR(double, line, "0", "0..1000", "px", LINE)                                                  \
    PAR(double, font, "0", "0..1000", "px", FONT)                                                  \
    OUT(image, out, "the picture with the points")                                                 \
    OUT(drawing, drawing, "the same, for SVG")
OMN_OPERATION(draw_points, POINTS, OMN_PURE);
static omn_status draw_points(omn_call *c, const omn_image *in, const omn_value *points,
                              bool labels, bool bones, double line, double font, omn_image **out,
                              omn_value **drawing, omn_error *err)
{
    canvas s = { .picture = NULL };
    omn_status st = canvas_belongs(in, points, err);
    if (st == OMN_OK) st = canvas_open(&s, in, line, font, err);
    if (st == OMN_OK) marks_points(&s, points, labels, bones);
    if (st == OMN_OK) st = canvas_give(c, &s, out, drawing, err);
    canvas_close(&s);
    return st;
}

#define KEYPOINTS(IN, OPT, PAR, OUT)                                                               \
    IN(image, in, ON)                                                                              \
    IN(any, keypoints, "bodies, the named points of one, or a list of such")                       \
    PAR(bool, joints, "false", NULL, NULL, "write the names of the joints")                        \
    PAR(bool, bones, "true", NULL, NULL, "join what the skeleton joins")                           \
    PAR(bool, scores, "false", NULL, NULL, "write the score of each body")                         \
    PAR(double, line, "0", "0..1000", "px", LINE)                                                  \
    PAR(double, font, "0", "0..1000", "px", FONT)                                                  \
    OUT(image, out, "the picture with bones and joints: a disc where one is seen, a ring where it" \
                    " is hidden")                                                                  \
    OUT(drawing, drawing, "the same, for SVG")
OMN_OPERATION(draw_keypoints, KEYPOINTS, OMN_PURE);
static omn_status draw_keypoints(omn_call *c, const omn_image *in, const omn_value *keypoints,
                                 bool joints, bool bones, bool scores, double line, double font,
                                 omn_image **out, omn_value **drawing, omn_error *err)
{
    canvas s = { .picture = NULL };
    omn_status st = canvas_open(&s, in, line, font, err);
    if (st == OMN_OK) st = marks_keypoints(&s, keypoints, joints, bones, scores, err);
    if (st == OMN_OK) st = canvas_give(c, &s, out, drawing, err);
    canvas_close(&s);
    return st;
}

#define MASK(IN, OPT, PAR, OUT)                                                                    \
    IN(image, in, ON)                                                                              \
    IN(any, mask, "a mask of this picture, with labels or soft, or a list of masks")               \
    PAR(double, opacity, "0.5", "0..1", NULL, "of its colours")                                    \
    PAR(int, from, "1", "0..65535", NULL, "first label that is drawn; 0 often lies behind")        \
    PAR(bool, legend, "true", NULL, NULL, "what the colours of a mask mean, beside it")            \
    PAR(double, font, "0", "0..1000", "px", FONT)                                                  \
    OUT(image, out, "the picture under the mask")                                                  \
    OUT(drawing, drawing, "the same, for SVG")
OMN_OPERATION(draw_mask, MASK, OMN_PURE);
static omn_status draw_mask(omn_call *c, const omn_image *in, const omn_value *mask, double opacity,
                            int from, bool legend, double font, omn_image **out,
                            omn_value **drawing, omn_error *err)
{
    const mask_setup how = { opacity, font, legend, from };
    return mask_draw(c, in, mask, &how, out, drawing, err);
}

#define DEPTH(IN, OPT, PAR, OUT)                                                                   \
    IN(depth, in, "depth")                                                                         \
    PAR(double, near, "0", "0..1e9", "m", "of one end of the colours; 0: the least that is there") \
    PAR(double, far, "0", "0..1e9", "m", "of the other; 0: the most that is there")                \
    PAR(choice, bright, "near", "near|far", NULL, "which end is white; the other is black")        \
    PAR(bool, bar, "true", NULL, NULL, "what the colours mean, beside the picture")                \
    PAR(double, font, "0", "0..1000", "px", FONT)                                                  \
    OUT(image, out, "a colour for each distance; chequered where it is unknown")                   \
    OUT(drawing, drawing, "the same, for SVG")
OMN_OPERATION(draw_depth, DEPTH, OMN_PURE);
static omn_status draw_depth(omn_call *c, const omn_value *in, double near, double far, int bright,
                             bool bar, double font, omn_image **out, omn_value **drawing,
                             omn_error *err)
{
    const depth_setup how = { near, far, font, bright == 0, bar };
    return depth_draw(c, in, &how, out, drawing, err);
}

#define SPECTROGRAM(IN, OPT, PAR, OUT)                                                             \
    IN(spectrogram, in, "a spectrogram")                                                           \
    PAR(int, side, "2", "1..16", "px", "of a cell")                                                \
    PAR(double, range, "80", "1..300", "dB", "how far below the loudest cell black is")            \
    PAR(double, font, "0", "0..1000", "px", FONT)                                                  \
    OUT(image, out, "its picture, with seconds, hertz and decibels")                               \
    OUT(drawing, drawing, "the same, for SVG")
OMN_OPERATION(draw_spectrogram, SPECTROGRAM, OMN_PURE);
static omn_status draw_spectrogram(omn_call *c, const omn_value *in, int side, double range,
                                   double font, omn_image **out, omn_value **drawing,
                                   omn_error *err)
{
    const spectrogram_setup how = { side, range, font };
    return spectrogram_draw(c, in, &how, out, drawing, err);
}

#define CONTACT(IN, OPT, PAR, OUT)                                                                 \
    IN(any, in, "a list of pictures, a video, or a stream of pictures")                            \
    PAR(int, columns, "0", "0..1024", NULL, "pictures beside each other; 0: as square as it goes") \
    PAR(int, width, "1024", "16..32767", "px", "of the sheet, at most")                            \
    PAR(bool, labels, "true", NULL, NULL, "write below each when it is seen, or its number")       \
    OUT(image, out, "all of them on one picture, row by row")                                      \
    OUT(drawing, drawing, "the same, for SVG")
OMN_OPERATION(draw_contact, CONTACT, OMN_PURE);
static omn_status draw_contact(omn_call *c, const omn_value *in, int columns, int width,
                               bool labels, omn_image **out, omn_value **drawing, omn_error *err)
{
    return contact_draw(c, in, columns, width, labels, out, drawing, err);
}

OMN_PARAMS(svg_options, SVG_SAVE);

static const omn_object objects[] = {
    { "omnio.value/1", "drawing", "shapes over a picture, at any size", &drawing_kind, NULL, 0, 0 },
    { "omnio.format/1", "svg", "drawings as SVG, with their picture inside", &svg_format,
      OMN_OBJECT_PARAMS(svg_options) },
    OMN_OPERATION_OBJECT(draw_contact, "draw.contact", "many small pictures on one sheet"),
    OMN_OPERATION_OBJECT(draw_depth, "draw.depth", "depth in colours, with a bar of metres"),
    OMN_OPERATION_OBJECT(draw_keypoints, "draw.keypoints", "bodies, joints and bones on a picture"),
    OMN_OPERATION_OBJECT(draw_mask, "draw.mask", "a mask over its picture, with a legend"),
    OMN_OPERATION_OBJECT(draw_regions, "draw.regions", "boxes and their labels on a picture"),
    OMN_OPERATION_OBJECT(draw_points, "draw.points",
                         "points, and the figure they form, on a picture"),
    OMN_OPERATION_OBJECT(draw_spectrogram, "draw.spectrogram", "a spectrogram with its axes"),
};
OMN_PLUGIN("operation-draw", "1.2", "Apache-2.0", "drawing on pictures, and SVG", objects);
