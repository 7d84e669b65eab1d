/* SPDX-License-Identifier: Apache-2.0 */
/* location.h: places in a picture as words: bins, words, and where the model's view lies in the
 * source. */
#ifndef LOCATION_H
#define LOCATION_H

#include <omnio/answer.h>

/* How a coordinate v in 0..1 of the model's view becomes a bin. */
typedef enum loc_rounding {
    LOC_TRUNC,   /* trunc(v * divisor) in float; back: bin / divisor */
    LOC_NEAREST, /* the nearest of those */
    LOC_CELL,    /* the cell of `bins` equal ones that holds the edge pixel; back: its middle */
    LOC_LONGER,  /* trunc(divisor * v) in double, v of the source's longer side; back, as Unified-IO
                  * 1 reads them: (bin + 1) / bins of it. The view has the side 1 then */
    LOC_EVEN     /* the nearest as float rounds it, halves to the even one */
} loc_rounding;

/* An edge of a box, or a point: with LOC_CELL the last pixel inside decides for a high edge. */
typedef enum loc_edge { LOC_LOW, LOC_HIGH, LOC_POINT } loc_edge;

typedef enum loc_labels {
    LOC_AUTO,  /* unlabelled and labelled boxes, labels of any characters */
    LOC_WORDS, /* only labelled boxes, labels of a-z and spaces, as the Unified-IO 2 programs */
    LOC_NONE   /* boxes only, words between are passed over */
} loc_labels;

typedef struct loc_scheme {
    int32_t bins, first; /* number of bins; the number in the word of bin 0 */
    double divisor;
    loc_rounding rounding;
    bool x_first;             /* x y order; else y x */
    double width, height;     /* of the model's view, pixels; 1 with LOC_LONGER */
    double side;              /* LOC_LONGER: of the view, pixels */
    const char *open, *close; /* a word is open, number, close */
    loc_labels labels;
} loc_scheme;

/* Bin of a coordinate, kept within 0..bins-1. side: extent of the view in pixels. */
int32_t loc_bin(const loc_scheme *s, double pixels, double side, loc_edge edge);
/* The coordinate that a bin stands for, in pixels of the view. */
double loc_pixels(const loc_scheme *s, int32_t bin, double side, loc_edge edge);

/* A box (x0 y0 x1 y1, pixels of the source) in the view, clipped to it; false when nothing of it is
 * seen. like NULL: the view is the source. */
bool loc_box_to_view(const loc_scheme *s, const omn_frame *like, const double source[4],
                     double view[4]);
/* A box of the view in the source, clipped to it, corners in order. */
void loc_box_to_source(const loc_scheme *s, const omn_frame *like, const double view[4],
                       double source[4]);
bool loc_point_to_view(const loc_scheme *s, const omn_frame *like, double x, double y,
                       double view[2]);
void loc_point_to_source(const loc_scheme *s, const omn_frame *like, const double view[2],
                         double *x, double *y);
/* A point of the source in the view, not clipped. */
bool loc_view(const loc_scheme *s, const omn_frame *like, double x, double y, double view[2]);

/* Reading an answer: runs of words and the text behind each. */
typedef struct loc_run {
    const char *words;  /* begin of the first word */
    size_t count;       /* words in a row, each one space apart, all with numbers of bins */
    const char *behind; /* what follows the last word, up to the next word or the end */
    size_t n_behind;
} loc_run;
/* The next run at or after *at; false when there is none. *at moves behind the run's text. */
bool loc_next_run(const loc_scheme *s, const char **at, const char *end, loc_run *run);
/* The words that stand right here, spaces before them or not, without what is behind; false when
 * there are none. */
bool loc_run_at(const loc_scheme *s, const char *at, const char *end, loc_run *run);
/* The bin that the word at *p says, *p then at the next word of the run. */
int32_t loc_take_bin(const loc_scheme *s, const loc_run *run, const char **p);
/* The label in the text behind a run, without the spaces around it. Returns whether the rule of the
 * scheme accepts it; *n is 0 for none. */
bool loc_label(const loc_scheme *s, const loc_run *run, const char **label, size_t *n);

/* ---- texts: places.c ------------------------------------------------------------------------- */

/* Who said a text: ids with their log-probabilities, and where in it the text of each ends. */
typedef struct loc_spoken {
    const char *text;
    const size_t *ends;
    const float *logprob;
    size_t n;
    double sure;                  /* least probability of a label; what is less likely goes */
} loc_spoken;

/* One word, a space before it but at the beginning. */
void loc_put_word(const loc_scheme *s, int32_t bin, omn_buf *out);
/* A pair of words in the order of the scheme, one space before each but at the beginning. */
void loc_put_pair(const loc_scheme *s, double x, double y, loc_edge edge, omn_buf *out);
/* Two bins in the order of the scheme, as a place in the view. */
void loc_place(const loc_scheme *s, const int32_t bin[2], loc_edge edge, double view[2]);
/* Mean probability of the ids whose text lies in from..to; NAN when nobody said it. */
double loc_score(const loc_spoken *h, const char *from, const char *to);
/* The label behind a run, copied into the arena; NULL: none. accepted: the rule of the scheme and
 * whoever said it let the place stand. */
omn_status loc_keep_label(const loc_scheme *s, const loc_run *run, const loc_spoken *spoken,
                          omn_arena *a, bool *accepted, const char **kept, omn_error *err);

/* What was gathered in `words` goes behind out, and words is finished. */
omn_status loc_hand_over(omn_buf *words, omn_buf *out, omn_error *err);
omn_status loc_write_boxes(const loc_scheme *s, const omn_value *v, const omn_frame *like,
                           omn_buf *out, omn_error *err);
omn_status loc_write_points(const loc_scheme *s, const omn_value *v, const omn_frame *like,
                            omn_buf *out, omn_error *err);
/* boxes: regions, their scores the mean probability of their location ids (NAN when nobody said
 * them); else points. */
omn_status loc_read(const loc_scheme *s, const char *text, size_t n, const omn_frame *like,
                    bool boxes, const loc_spoken *spoken, omn_value **out, omn_error *err);

/* ---- numbers of a range: numbers.c ----------------------------------------------------------- */

/* Any number as a bin: (x - least) / (most - least), kept within 0..1, goes the way of a
 * coordinate. */
typedef struct loc_span { double least, most; } loc_span;
int32_t loc_number_bin(const loc_scheme *s, loc_span of, double x);
double loc_number(const loc_scheme *s, loc_span of, int32_t bin);
void loc_put_number(const loc_scheme *s, loc_span of, double x, omn_buf *out);
/* Fails for a number that has no word of its own, the nearest of which would be another number. */
omn_status loc_check_number(loc_span of, double x, const char *what, const char *unit,
                            omn_error *err);
/* The number of the next word of a run. */
double loc_take_number(const loc_scheme *s, loc_span of, const loc_run *run, const char **p);

/* ---- directions: directions.c ---------------------------------------------------------------- */

/* A direction of n numbers, 2 or 3, of length 1; with b, which stands square to it: n = 3, twice as
 * many. */
void loc_direction_bins(const loc_scheme *s, const double *a, const double *b, size_t n,
                        int32_t *bins);
/* false: these bins are of none. With b NULL they are of one unless all are 0. */
bool loc_direction(const loc_scheme *s, const int32_t *bins, size_t n, double *a, double *b);

/* ---- space and machines: box3d.c, camera.c, actions.c ---------------------------------------- */

/* Boxes in space as words: the projected centre, its depth, the three sides, six numbers of the
 * rotation, then the label. camera NULL: one whose focal length is so many heights of the
 * picture. */
typedef struct loc_space {
    loc_scheme scheme;
    const omn_value *camera;
    double focal, unit;           /* unit: metres of depth 1 */
} loc_space;
omn_status loc_write_box3d(const loc_space *s, const omn_value *v, const omn_frame *like,
                           omn_buf *out, omn_error *err);
omn_status loc_read_box3d(const loc_space *s, omn_call *c, const char *text, size_t n,
                          const omn_frame *like, const loc_spoken *spoken, omn_value **out,
                          omn_error *err);

/* Another place of the camera, as the change that brings it there. */
typedef struct loc_orbit {
    loc_scheme scheme;
    double focal;                 /* of a camera that is read, in heights of the picture */
    double polar, distance;       /* of the camera before the change: radians, metres */
} loc_orbit;
/* polar in degrees. */
loc_orbit loc_orbit_of(const loc_scheme *s, double focal, double polar, double distance);
omn_status loc_write_camera(const loc_orbit *s, const omn_value *v, omn_buf *out, omn_error *err);
omn_status loc_read_camera(const loc_orbit *s, omn_call *c, const char *text, size_t n,
                           const omn_frame *like, omn_value **out, omn_error *err);

/* How actions are told. */
typedef enum loc_form {
    LOC_PICK_PLACE,  /* "1: pick from ( a b c ) and place to ( d e f )" */
    LOC_NAVIGATE,    /* "observation ( a b c ) turn left" */
    LOC_BINS         /* a word for each number, moment after moment */
} loc_form;
/* One number of an action and its bounds. */
typedef struct loc_joint { const char *name, *unit; loc_span span; } loc_joint;
#define LOC_MOST_JOINTS 256u
typedef struct loc_actions {
    loc_scheme scheme;
    loc_form form;
    char *text;                   /* the names of the joints of LOC_BINS, cut apart */
    loc_joint joints[LOC_MOST_JOINTS];
    size_t n;
    double rate;                  /* moments a second */
} loc_actions;

/* "x -1..1 m, grip 0..1": the joints of LOC_BINS; "" is none. To be closed also after a failure. */
omn_status loc_actions_open(loc_actions *a, const char *numbers, omn_error *err);
void loc_actions_close(loc_actions *a);
/* The form is that of what the value holds: of joints that are not published, LOC_BINS, within the
 * bounds of those that are wanted (as many), or NULL: of its own. */
omn_status loc_write_actions(const loc_scheme *s, const loc_actions *wanted, const omn_value *v,
                             omn_buf *out, omn_error *err);
omn_status loc_read_actions(const loc_actions *a, omn_call *c, const char *text, size_t n,
                            omn_value **out, omn_error *err);
/* Which form a value of actions is written in. */
loc_form loc_form_of(const omn_value *v);

/* ---- answers: answers.c, keypoints.c --------------------------------------------------------- */

/* The scheme of a codec of this plugin; NULL for another codec. */
const loc_scheme *loc_scheme_of(const omn_part *p);

/* The scheme by which this model speaks of "regions" or "points", by the other's when it has but
 * one; NULL when it speaks of no places. */
const loc_scheme *loc_scheme_in(const omn_open *o, const char *speaks);
/* That scheme and the tokenizer, for an answer of `what`. OMN_ERR_UNSUPPORTED: a model that speaks
 * of no places; OMN_ERR_MISSING: its folder lacks the tokenizer. */
omn_status loc_words_in(const omn_open *o, const char *speaks, const char *what,
                        const loc_scheme **scheme, const omn_part **tokenizer, omn_error *err);

/* What was heard as a text (to be finished by the caller), with the end of each id's text. */
omn_status loc_hear(const omn_part *decoder, const omn_heard *h, omn_buf *text, size_t **ends,
                    omn_error *err);

/* Joints in the order of their names, behind each 1 (not seen), 2 (hidden) or 3 (seen), as
 * Unified-IO 1 tells them; joints.c. None that is seen: no points. */
omn_status loc_write_joint(const loc_scheme *s, const omn_point *p, const omn_frame *like,
                           omn_buf *out, omn_error *err);
omn_status loc_read_joints(const loc_scheme *s, omn_call *c, const char *text, size_t length,
                           const omn_frame *like, const char *const *names, size_t n,
                           omn_value **out, omn_error *err);

#define BOXES(PAR, S)                                                                              \
    PAR(S, string, boxes, "0..", NULL, NULL, "how many: 1, 0.., 1..20; 1 without a label is "      \
        "exactly four locations")                                                                  \
    PAR(S, bool, labels, "false", NULL, NULL, "a label stands behind each box")                    \
    PAR(S, double, force, "0", "0..1", NULL,                                                       \
        "a location it is when locations together are likelier than this; 0: off")                 \
    PAR(S, double, sure, "0", "0..1", NULL,                                                        \
        "least mean probability of a label's tokens; places less sure are left out; 0: off")
#define POINTS(PAR, S)                                                                             \
    PAR(S, string, points, "0..", NULL, NULL, "how many: 1, 0.., 1..20")                           \
    PAR(S, bool, labels, "false", NULL, NULL, "a label stands behind each point")                  \
    PAR(S, double, force, "0", "0..1", NULL,                                                       \
        "a location it is when locations together are likelier than this; 0: off")                 \
    PAR(S, double, sure, "0", "0..1", NULL,                                                        \
        "least mean probability of a label's tokens; places less sure are left out; 0: off")
#define POLYGONS(PAR, S)                                                                           \
    PAR(S, string, polygons, "0..", NULL, NULL, "how many: 1, 0.., 1..20")                         \
    PAR(S, string, vertices, "3..", NULL, NULL, "corners of each: 4, 3.., 3..32")                  \
    PAR(S, bool, labels, "false", NULL, NULL, "a label stands behind each polygon")                \
    PAR(S, double, force, "0", "0..1", NULL,                                                       \
        "a location it is when locations together are likelier than this; 0: off")                 \
    PAR(S, double, sure, "0", "0..1", NULL,                                                        \
        "least mean probability of a label's tokens; places less sure are left out; 0: off")
#define KEYPOINTS(PAR, S)                                                                          \
    PAR(S, string, keypoints, "coco", NULL, NULL,                                                  \
        "coco (17 joints of a person), or names with commas between")                              \
    PAR(S, bool, all, "true", NULL, NULL,                                                          \
        "every name comes; else those that are not seen may be left out")                          \
    PAR(S, bool, visibility, "false", NULL, NULL,                                                  \
        "1, 2 or 3 (not seen, hidden, seen) stands behind each place instead of its name")

#define BOX3D(PAR, VAL, S)                                                                         \
    PAR(S, string, box3d, "0..", NULL, NULL, "how many: 1, 0.., 1..20")                            \
    PAR(S, bool, labels, "true", NULL, NULL, "a label stands behind each box")                     \
    PAR(S, double, force, "0", "0..1", NULL,                                                       \
        "a location it is when locations together are likelier than this; 0: off")                 \
    SPACE(PAR, S)                                                                                  \
    VAL(S, camera, seen_by, "the camera that took the picture")
#define SPACE(PAR, S)                                                                              \
    PAR(S, double, focal, "1", "0.01..100", NULL,                                                  \
        "focal length of a camera that nobody told, in heights of the picture")                    \
    PAR(S, double, unit, "1000", "1e-3..1e6", "m", "depth that is told as 1")
#define CAMERA(PAR, S)                                                                             \
    PAR(S, double, focal, "1", "0.01..100", NULL,                                                  \
        "focal length of the camera, in heights of the picture")                                   \
    PAR(S, double, polar, "90", "0..180", "deg",                                                   \
        "between upwards and the way to the camera before; 90: it looks level")                    \
    PAR(S, double, distance, "1", "0.71..1000", "m", "of that camera from what it looks at")
#define ACTIONS(PAR, S)                                                                            \
    PAR(S, choice, actions, "pick-place", "pick-place|navigate|bins", NULL, "how they are told")   \
    PAR(S, string, count, "1..", NULL, NULL, "how many moments: 1, 0.., 1..20")                    \
    NUMBERS(PAR, S)
#define NUMBERS(PAR, S)                                                                            \
    PAR(S, string, numbers, "", NULL, NULL,                                                        \
        "of bins: name, range and unit of each number: x -1..1 m, grip 0..1")                      \
    PAR(S, double, rate, "1", "0.001..100000", "Hz", "moments a second")

extern const omn_answer_impl loc_answer_boxes, loc_answer_points, loc_answer_keypoints,
    loc_answer_polygons, loc_answer_box3d, loc_answer_camera, loc_answer_actions;

#endif
