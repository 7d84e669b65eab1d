/* SPDX-License-Identifier: Apache-2.0 */
/* The codecs "location" (boxes) and "location.points": places in pixels of the source picture, as
 * words in a prompt or an answer and back. A box is four words, y first unless told otherwise, then
 * its label if it has one; a point is two. The frame says where the model's view, padded and
 * scaled, lies in the source, so whoever asks for a box gets it in pixels of their own picture.
 * "location.box3d", "location.camera" and "location.actions" say in the same words what is no place
 * in a picture. */
#include <omnio/kinds.h>

#include <stdlib.h>
#include <string.h>

#include "location.h"

#define LOCATION(PAR, S)                                                                           \
    PAR(S, int, bins, "1000", "2..100000", NULL, "number of bins along each side")                 \
    PAR(S, int, first, "200", "0..1000000", NULL, "number in the word of bin 0")                   \
    PAR(S, int, divisor, "0", "0..1000000", NULL, "bins are v * divisor; 0: bins - 1")             \
    PAR(S, choice, rounding, "trunc", "trunc|nearest|cell|longer|even", NULL,                      \
        "how a coordinate becomes a bin; cell: the one of equal cells that holds it; longer: of "  \
        "the longer side, and read a bin further, as Unified-IO 1 does; even: the nearest in "     \
        "float, halves to the even one")                                                           \
    PAR(S, choice, order, "yx", "yx|xy", NULL, "which coordinate comes first")                     \
    PAR(S, int, width, "384", "1..65535", "px", "width of the view that the model sees")           \
    PAR(S, int, height, "384", "1..65535", "px", "height of the view that the model sees")         \
    PAR(S, string, open, "<extra_id_", NULL, NULL, "a word before its number")                     \
    PAR(S, string, close, ">", NULL, NULL, "a word behind its number")                             \
    PAR(S, choice, labels, "auto", "auto|words|none", NULL,                                        \
        "what counts as the label of a box; words: a-z and spaces only, and it must be there")
#define IN_SPACE(PAR, S) LOCATION(PAR, S) SPACE(PAR, S)
#define OF_CAMERA(PAR, S) LOCATION(PAR, S) CAMERA(PAR, S)
#define OF_ACTIONS(PAR, S)                                                                         \
    LOCATION(PAR, S)                                                                               \
    PAR(S, choice, form, "pick-place", "pick-place|navigate|bins", NULL, "of actions that are "    \
        "read; written are those of a table, of a way, and others in bins")                        \
    NUMBERS(PAR, S)
OMN_PARAMS(location, LOCATION);
OMN_PARAMS(in_space, IN_SPACE);
OMN_PARAMS(of_camera, OF_CAMERA);
OMN_PARAMS(of_actions, OF_ACTIONS);
/* The scheme of whichever struct has these members. */
#define MEMBER(S, T, name, d, r, u, help) .name = p->name,
#define SCHEME_OF(p) ((struct location){ LOCATION(MEMBER, p) })

typedef struct codec {
    loc_scheme scheme;
    char *open, *close;
    loc_space space;
    loc_orbit orbit;
    loc_actions actions;
} codec;

static const omn_codec_impl boxes_impl, points_impl;

const loc_scheme *loc_scheme_of(const omn_part *p)
{
    const void *impl = NULL;
    const codec *k = omn_part_self(p, "omnio.codec/1", &impl);
    return k && (impl == &boxes_impl || impl == &points_impl) ? &k->scheme : NULL;
}

static char *copy(const char *s)
{
    const size_t n = strlen(s) + 1;
    char *p = malloc(n);
    if (p != NULL) memcpy(p, s, n);
    return p;
}

static omn_status begin(const struct location *p, void **self, omn_error *err)
{
    codec *k = calloc(1, sizeof *k);
    *self = k;
    if (k == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for a location codec");
    if (p->open[0] == 0 || p->close[0] == 0)
        return omn_fail(err, OMN_ERR_CONFIG, "location: open and close must not be empty");
    k->open = copy(p->open);
    k->close = copy(p->close);
    if (k->open == NULL || k->close == NULL)
        return omn_fail(err, OMN_ERR_MEMORY, "no memory for a location codec");
    const bool longer = p->rounding == LOC_LONGER;
    k->scheme = (loc_scheme){
        .bins = p->bins,
        .first = p->first,
        .divisor = p->divisor > 0 ? p->divisor : p->bins - 1,
        .rounding = (loc_rounding)p->rounding,
        .x_first = p->order == 1,
        .width = longer ? 1 : p->width,
        .height = longer ? 1 : p->height,
        .side = p->width > p->height ? p->width : p->height,
        .open = k->open,
        .close = k->close,
        .labels = (loc_labels)p->labels,
    };
    return OMN_OK;
}

/* What is no place in the picture has no longer side. */
static omn_status begin_space(const struct location *p, void **self, omn_error *err)
{
    const omn_status st = begin(p, self, err);
    if (st != OMN_OK || p->rounding != LOC_LONGER) return st;
    return omn_fail(err, OMN_ERR_CONFIG,
                    "location: rounding longer is one of boxes and points alone");
}

static omn_status codec_open(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    (void)c;
    (void)o;
    return begin(params, self, err);
}

static omn_status open_box3d(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    const struct in_space *p = params;
    const struct location at = SCHEME_OF(p);
    (void)c;
    (void)o;
    const omn_status st = begin_space(&at, self, err);
    codec *k = *self;
    if (st == OMN_OK) k->space = (loc_space){ k->scheme, NULL, p->focal, p->unit };
    return st;
}

static omn_status open_camera(omn_call *c, const void *params, omn_open *o, void **self,
                              omn_error *err)
{
    const struct of_camera *p = params;
    const struct location at = SCHEME_OF(p);
    (void)c;
    (void)o;
    const omn_status st = begin_space(&at, self, err);
    codec *k = *self;
    if (st == OMN_OK) k->orbit = loc_orbit_of(&k->scheme, p->focal, p->polar, p->distance);
    return st;
}

static omn_status open_actions(omn_call *c, const void *params, omn_open *o, void **self,
                               omn_error *err)
{
    const struct of_actions *p = params;
    const struct location at = SCHEME_OF(p);
    (void)c;
    (void)o;
    const omn_status st = begin_space(&at, self, err);
    codec *k = *self;
    if (st != OMN_OK) return st;
    k->actions.scheme = k->scheme;
    k->actions.form = (loc_form)p->form;
    k->actions.rate = p->rate;
    return loc_actions_open(&k->actions, p->numbers, err);
}

static void codec_close(void *self)
{
    codec *k = self;
    if (k == NULL) return;
    loc_actions_close(&k->actions);
    free(k->open);
    free(k->close);
    free(k);
}

static omn_status write_boxes(const void *self, omn_call *c, const omn_value *v,
                              const omn_frame *like, omn_buf *out, omn_error *err)
{
    (void)c;
    return loc_write_boxes(&((const codec *)self)->scheme, v, like, out, err);
}

static omn_status write_points(const void *self, omn_call *c, const omn_value *v,
                               const omn_frame *like, omn_buf *out, omn_error *err)
{
    (void)c;
    return loc_write_points(&((const codec *)self)->scheme, v, like, out, err);
}

static omn_status read_boxes(const void *self, omn_call *c, const char *text, size_t n,
                             const omn_frame *like, omn_value **out, omn_error *err)
{
    (void)c;
    return loc_read(&((const codec *)self)->scheme, text, n, like, true, NULL, out, err);
}

static omn_status read_points(const void *self, omn_call *c, const char *text, size_t n,
                              const omn_frame *like, omn_value **out, omn_error *err)
{
    (void)c;
    return loc_read(&((const codec *)self)->scheme, text, n, like, false, NULL, out, err);
}

static omn_status write_box3d(const void *self, omn_call *c, const omn_value *v,
                              const omn_frame *like, omn_buf *out, omn_error *err)
{
    (void)c;
    return loc_write_box3d(&((const codec *)self)->space, v, like, out, err);
}

static omn_status read_box3d(const void *self, omn_call *c, const char *text, size_t n,
                             const omn_frame *like, omn_value **out, omn_error *err)
{
    return loc_read_box3d(&((const codec *)self)->space, c, text, n, like, NULL, out, err);
}

static omn_status write_camera(const void *self, omn_call *c, const omn_value *v,
                               const omn_frame *like, omn_buf *out, omn_error *err)
{
    (void)c;
    (void)like;
    return loc_write_camera(&((const codec *)self)->orbit, v, out, err);
}

static omn_status read_camera(const void *self, omn_call *c, const char *text, size_t n,
                              const omn_frame *like, omn_value **out, omn_error *err)
{
    return loc_read_camera(&((const codec *)self)->orbit, c, text, n, like, out, err);
}

static omn_status write_actions(const void *self, omn_call *c, const omn_value *v,
                                const omn_frame *like, omn_buf *out, omn_error *err)
{
    (void)c;
    (void)like;
    return loc_write_actions(&((const codec *)self)->scheme, NULL, v, out, err);
}

static omn_status read_actions(const void *self, omn_call *c, const char *text, size_t n,
                               const omn_frame *like, omn_value **out, omn_error *err)
{
    (void)like;
    return loc_read_actions(&((const codec *)self)->actions, c, text, n, out, err);
}

static const omn_codec_impl boxes_impl = {
    .speaks = "regions",
    .open = codec_open,
    .close = codec_close,
    .write = write_boxes,
    .read = read_boxes,
};
static const omn_codec_impl points_impl = {
    .speaks = "points",
    .open = codec_open,
    .close = codec_close,
    .write = write_points,
    .read = read_points,
};
static const omn_codec_impl box3d_impl = {
    .speaks = "box3d",
    .open = open_box3d,
    .close = codec_close,
    .write = write_box3d,
    .read = read_box3d,
};
static const omn_codec_impl camera_impl = {
    .speaks = "camera",
    .open = open_camera,
    .close = codec_close,
    .write = write_camera,
    .read = read_camera,
};
static const omn_codec_impl actions_impl = {
    .speaks = "actions",
    .open = open_actions,
    .close = codec_close,
    .write = write_actions,
    .read = read_actions,
};
OMN_PARAMS(boxes, BOXES);
OMN_PARAMS(points, POINTS);
OMN_PARAMS(keypoints, KEYPOINTS);
OMN_PARAMS(polygons, POLYGONS);
OMN_PARAMS_VALUES(box3d, BOX3D);
OMN_PARAMS(camera, CAMERA);
OMN_PARAMS(actions, ACTIONS);
static const omn_object objects[] = {
    { "omnio.codec/1", "location",
      "boxes as location words and back, in pixels of the source picture", &boxes_impl,
      OMN_OBJECT_PARAMS(location) },
    { "omnio.codec/1", "location.points", "points as location words and back", &points_impl,
      OMN_OBJECT_PARAMS(location) },
    { "omnio.codec/1", "location.box3d", "boxes in space as location words and back", &box3d_impl,
      OMN_OBJECT_PARAMS(in_space) },
    { "omnio.codec/1", "location.camera",
      "where a camera goes, as the change that brings it there, and back", &camera_impl,
      OMN_OBJECT_PARAMS(of_camera) },
    { "omnio.codec/1", "location.actions", "what a machine does as words and back", &actions_impl,
      OMN_OBJECT_PARAMS(of_actions) },
    { "omnio.answer/1", "boxes", "boxes in a picture, with labels if wanted", &loc_answer_boxes,
      OMN_OBJECT_PARAMS(boxes) },
    { "omnio.answer/1", "points", "points in a picture", &loc_answer_points,
      OMN_OBJECT_PARAMS(points) },
    { "omnio.answer/1", "keypoints", "named points of one thing, of a person by default",
      &loc_answer_keypoints, OMN_OBJECT_PARAMS(keypoints) },
    { "omnio.answer/1", "polygons", "outlines in a picture, with labels if wanted",
      &loc_answer_polygons, OMN_OBJECT_PARAMS(polygons) },
    { "omnio.answer/1", "box3d", "boxes in space, twelve locations and a label each",
      &loc_answer_box3d, OMN_OBJECT_PARAMS(box3d) },
    { "omnio.answer/1", "camera", "where a camera goes: polar, sine, cosine, radius",
      &loc_answer_camera, OMN_OBJECT_PARAMS(camera) },
    { "omnio.answer/1", "actions", "what a machine is to do", &loc_answer_actions,
      OMN_OBJECT_PARAMS(actions) },
};
OMN_PLUGIN("location", "1.0", "Apache-2.0", "places in pictures as words", objects);
