/* SPDX-License-Identifier: Apache-2.0 */
/* Pix2Seq as numbers: what its configuration says, shared by the files of this plugin. */
#ifndef PIX2SEQ_H
#define PIX2SEQ_H

#include <omnio/answer.h>
#include <omnio/learn.h>

#include "categories.h"

/* Ids that every checkpoint has; those of coordinates and texts are options. */
enum {
    P2S_END = 0,                    /* padding too */
    P2S_DETECT = 10, P2S_SEGMENT = 11, P2S_KEYPOINTS = 12, P2S_DESCRIBE = 13,
    P2S_NOISE = 30,                 /* class of what is no object; a hidden word */
    P2S_BETWEEN = 40,               /* two of them between polygons */
    P2S_UNSEEN = 41,                /* coordinate of a point that is not seen */
    P2S_CLASS = 100                 /* class 0 */
};

#define P2S_MOST_PROMPT 6           /* ids of a task with one thing */

/* Where the ids lie. */
typedef struct p2s_ids {
    int32_t coords, bins, text, rows;
} p2s_ids;

typedef struct pix2seq {
    int64_t D, H, layers, ffn;      /* of the decoder: width, heads, layers, inner width */
    int64_t most;                   /* rows of the learned places */
    int64_t places;                 /* of a picture, as the decoder sees it */
    p2s_ids ids;
    const omn_part *image, *prompt, *tokenizer, *loss;
} pix2seq;

/* Reads the configuration and opens the parts that it names; failures stay on o; config.c */
void p2s_configure(pix2seq *m, omn_open *o, omn_config *f);
bool p2s_claims(omn_config *f);

/* ---- the encoder of pictures ----------------------------------------------------------------- */

enum { P2S_PATCHES, P2S_RESIDUAL };
#define P2S_STAGES 4                /* of a residual network */
#define P2S_IMAGE(PAR, S)                                                                          \
    PAR(S, int, height, "640", "1..16384", "px", "height of the view")                             \
    PAR(S, int, width, "640", "1..16384", "px", "width of the view")                               \
    PAR(S, choice, stem, "patches", "patches|residual", NULL, "what pixels go through first")      \
    PAR(S, int, patch, "16", "1..256", "px", "side of a patch")                                    \
    PAR(S, int, depth, "50", "50..152", NULL, "of a residual network: 50, 101 or 152")             \
    PAR(S, int, stages, "4", "1..4", NULL, "stages of a residual network that are there")          \
    PAR(S, int, base, "64", "1..1024", NULL, "channels of the first stage of a residual network")  \
    PAR(S, bool, still, "false", NULL, NULL, "its batch norms keep what they have learnt")         \
    PAR(S, int, dim, "768", "4..65536", NULL, "width of the layers")                               \
    PAR(S, int, heads, "12", "1..1024", NULL, "heads")                                             \
    PAR(S, int, layers, "12", "0..512", NULL, "layers")                                            \
    PAR(S, int, mlp, "3072", "1..1048576", NULL, "inner width of the feed-forward")                \
    PAR(S, int, out, "512", "4..65536", NULL, "width of the decoder, to which the bridge leads")
struct p2s_image { P2S_IMAGE(OMN_S_PAR, p2s_image) };
extern const omn_encoder_impl p2s_image_impl;   /* image.c */

/* The last map [B,h,w,C]; resnet.c */
omn_node *p2s_resnet(const struct p2s_image *p, omn_scope *s, omn_node *pixels);
/* Blocks of each stage; NULL: no such depth. */
const int *p2s_blocks(int depth);
/* Places along a side of so many pixels: whole patches, or what each stage's stride leaves, rounded
 * up. */
int64_t p2s_cells(const struct p2s_image *p, int side);
/* A picture fitted into the view, what is left is grey 0.3; prepare.c */
omn_status p2s_prepare(const struct p2s_image *p, omn_call *c, const omn_image *in, omn_feed *out,
                       omn_frame *frame, omn_error *err);

/* ---- layers under their names; layers.c ------------------------------------------------------ */

/* The weight "model/PATH/LEAF". */
omn_node *p2s_weight(omn_scope *s, const char *path, const char *leaf, omn_shape want,
                     omn_init_kind init, double a);
omn_node *p2s_norm(omn_scope *s, const char *path, omn_node *x);
/* x kernel [in,out] + bias */
omn_node *p2s_dense(omn_scope *s, const char *path, omn_node *x, int64_t out);
/* What attention is of: path of its weights, heads and their width; stage names the tags. */
typedef struct p2s_attention {
    const char *path, *stage;
    int64_t heads, width;
} p2s_attention;
/* "_query_dense", "_key_dense" or "_value_dense" of x: [B,T,heads,width] */
omn_node *p2s_heads(omn_scope *s, const p2s_attention *a, const char *which, omn_node *x);
/* [B,T,heads,width] through "_output_dense" to [B,T,out]. */
omn_node *p2s_output(omn_scope *s, const p2s_attention *a, omn_node *x, int64_t out);
/* The branch of a feed-forward with its norm in front, before it is added. */
omn_node *p2s_mlp(omn_scope *s, const char *path, omn_node *x, int64_t inner);
/* Sines of a grid (of its tokens in a row when a side is 1), [h w, width]; as a constant. */
void p2s_sine_rows(size_t h, size_t w, size_t width, float *out);
omn_node *p2s_sines(omn_scope *s, int64_t h, int64_t w, int64_t width);

/* ---- sequences as numbers; sequence.c -------------------------------------------------------- */

/* In lists of coordinates, which are y x y x of 0 to 1: nothing more, the next part, a point that
 * is not seen. As ids they are P2S_END, P2S_BETWEEN and P2S_UNSEEN. */
#define P2S_NOTHING (-1.0f)
#define P2S_NEXT (-2.0f)
#define P2S_HIDDEN (-3.0f)
/* The bin of a coordinate, in float, halves to even; the coordinate of an id, also of those that
 * are none. */
int32_t p2s_bin(const p2s_ids *v, float x);
float p2s_coordinate(const p2s_ids *v, int32_t id);
void p2s_points_write(const p2s_ids *v, const float *x, size_t n, int32_t *ids);
void p2s_points_read(const p2s_ids *v, const int32_t *ids, size_t n, float *x);
/* Multiplied by (y, x); what is no coordinate stays. */
void p2s_points_scale(float *x, size_t n, const float scale[2]);
/* A task's id with a box and a class; all 0 for class 0. */
void p2s_instance(const p2s_ids *v, int32_t task, const float box[4], int32_t class,
                  int32_t ids[P2S_MOST_PROMPT]);
/* Points y x of a sequence as outlines x y, one behind the other: corners [n / 2, 2], each
 * outline's count [n / 2]; returns how many there are. */
size_t p2s_outlines(const float *yx, size_t n, float *corners, int32_t *counts);
/* One object of five ids: its class is the likeliest of all classes, whatever was said. p: of the
 * ids P2S_CLASS .. coords - 1. */
typedef struct p2s_object {
    int32_t class;
    float box[4], score;            /* y0 x0 y1 x1 */
} p2s_object;
p2s_object p2s_object_read(const p2s_ids *v, const int32_t *ids, const float *p);
/* y, x, height, width of what surrounds a box (y0 x0 y1 x1), grown by a share of its sides. */
void p2s_surround(const float box[4], int32_t height, int32_t width, double grow, int32_t out[4]);

/* Points n y x, n even, of a picture [height, width] as they lie in what surrounds a box: those at
 * its edges and outside are hidden. */
void p2s_points_into(float *x, size_t n, const int32_t around[4], int32_t height, int32_t width);
/* Mean probability of the ids that are not P2S_END; 0 when all are. */
float p2s_points_score(const int32_t *ids, const float *p, size_t n);
/* Which of n logits are left: those of the k largest (0: all), then the largest first part whose
 * probability does not pass p, one at least, and what equals its last. order [n]: room. */
void p2s_keep(const float *logits, size_t n, size_t k, double p, int32_t *order, bool *keep);

/* ---- lessons as the original makes them; lesson.c -------------------------------------------- */

/* n places each: what is fed, what is wanted there, how much it counts. */
typedef struct p2s_lesson {
    int32_t *input, *target;
    float *weight;
    size_t n;
} p2s_lesson;
/* Prompt and response, n + 1 ids, as the ids that are fed and those that are wanted. */
void p2s_lesson_shift(const p2s_lesson *l, const int32_t *label);
/* What each place counts in a lesson of a task, from its targets. noise: of the class of what is no
 * object; caption_end: id of the end of a text. */
void p2s_lesson_weigh(const p2s_lesson *l, int32_t task, double noise, int32_t caption_end);
/* What is fed instead of a class, by half each where there are two; of the last way the class
 * itself by half, else one of the other two. */
#define P2S_FED "real|random|real-or-noise|random-or-noise|real-or-random-or-noise"
typedef enum p2s_fed {
    P2S_FED_REAL, P2S_FED_RANDOM, P2S_FED_REAL_OR_NOISE, P2S_FED_RANDOM_OR_NOISE, P2S_FED_ANY
} p2s_fed;
/* Another class's id, and two draws of 0..1: is it the real one, is it the other one? */
typedef struct p2s_draw { int32_t other; float real, random; } p2s_draw;
int32_t p2s_feed_class(p2s_fed how, int32_t class, const p2s_draw *d);
/* Each object's class, its draws [n / 5]. */
void p2s_lesson_classes(const p2s_lesson *l, p2s_fed how, const int32_t *other, const float *real,
                        const float *random);
/* Ids from place `from` on whose draw is below a share become another id. */
void p2s_lesson_hide(const p2s_lesson *l, size_t from, const float *draw, double share, int32_t id);

/* ---- what is learnt; loss.c ------------------------------------------------------------------ */

#define P2S_LOSS(PAR, S)                                                                           \
    PAR(S, double, smoothing, "0", "0..0.999", NULL, "share of a label that all ids get")
struct p2s_loss { P2S_LOSS(OMN_S_PAR, p2s_loss) };
extern const omn_objective_impl p2s_loss_impl;

/* ---- what is asked; prompt.c ----------------------------------------------------------------- */

#define P2S_PROMPT(PAR, S)                                                                         \
    PAR(S, int, rows, NULL, "128..16777216", NULL, "ids of the vocabulary")                        \
    PAR(S, int, width, NULL, "1..65536", NULL, "width of a row of their table")                    \
    PAR(S, int, most, "512", "6..65536", NULL, "most ids of all that is asked at once")
struct p2s_prompt { P2S_PROMPT(OMN_S_PAR, p2s_prompt) };
extern const omn_encoder_impl p2s_prompt_impl;
extern const omn_row_impl p2s_row_impl;
/* "detect", "describe", "segment" and "keypoints" with a box in words and a class behind it, as
 * ids. */
omn_status p2s_prompt_ids(const p2s_ids *v, const categories *names, const char *text, size_t n,
                          int32_t ids[P2S_MOST_PROMPT], size_t *count, omn_error *err);

/* ---- texts; pieces.c ------------------------------------------------------------------------- */

#define P2S_PIECES(PAR, S)                                                                         \
    PAR(S, int, shift, "3000", "0..16777215", NULL, "id of the first piece")                       \
    PAR(S, int, rows, NULL, "128..16777216", NULL, "ids of the vocabulary")                        \
    PAR(S, int, coords, "1000", "101..16777215", NULL, "id of the first coordinate")               \
    PAR(S, int, bins, "1000", "2..100000", NULL, "coordinates along each side")                    \
    PAR(S, string, labels, "coco", NULL, NULL,                                                     \
        "names of the classes: coco, or a list from 1 on, P2S_BLANK for each blank")
/* Parameters are parted by blanks. */
#define P2S_BLANK '\x1f'
struct p2s_pieces { P2S_PIECES(OMN_S_PAR, p2s_pieces) };
extern const omn_codec_impl p2s_pieces_impl;

/* ---- the decoder ----------------------------------------------------------------------------- */

/* Its table of tokens, [rows, D]. */
omn_node *p2s_table(omn_scope *s, int64_t rows, int64_t width);
extern const omn_verify_impl p2s_verify;
/* The graphs; build.c */
void p2s_build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out);

#endif
