/* SPDX-License-Identifier: Apache-2.0 */
/* The answers of Pix2Seq: what its sequences say, in pixels of the picture that was looked at. None
 * of them forbids an id: as published every id may be drawn at every place, and a sequence has a
 * fixed length. */
#ifndef PIX2SEQ_ANSWERS_H
#define PIX2SEQ_ANSWERS_H

#include "pix2seq.h"

/* What an answer knows of its model. */
typedef struct p2s_known {
    p2s_ids ids;
    const categories *names;
    double height, width;               /* of the view */
} p2s_known;
/* OMN_ERR_UNSUPPORTED: the model is of another family. */
omn_status p2s_know(const omn_open *o, const char *who, p2s_known *out, omn_error *err);
/* The ids and the names of classes that this family's tokenizer has; NULL: another one. pieces.c */
const p2s_ids *p2s_ids_known(const omn_part *codec, const categories **names);
/* The view that an encoder of pictures has; NULL: another encoder; image.c */
const struct p2s_image *p2s_image_known(const omn_part *image);
/* Is it this family's tokenizer, with pieces? pieces.c */
bool p2s_pieces_known(const omn_part *codec);
/* A class by its name, or "class 7"; NULL: no memory. */
const char *p2s_class_name(omn_call *c, const categories *names, int32_t class);
/* And back; -1: none is called so; prompt.c */
int32_t p2s_class_of(const categories *names, const char *label);
/* y, x as shares of the view, as pixels x, y of the picture; and back. */
void p2s_to_source(const p2s_known *k, const omn_frame *f, const float yx[2], double xy[2]);
void p2s_from_source(const p2s_known *k, const omn_frame *f, const double xy[2], float yx[2]);
omn_status p2s_need_frame(const omn_frame *f, const char *who, omn_error *err);
/* A number of 0..1; objects.c */
double p2s_chance(omn_call *c);
/* Of n ids that are fed so many (share; below 0: one that is drawn first) become `id`. */
omn_status p2s_hide(omn_call *c, int32_t *fed, size_t n, double share, int32_t id, omn_error *err);
/* n ids of any kind. */
omn_status p2s_any_rules(omn_rules *r, int32_t least, int32_t most);

#define P2S_OBJECTS(PAR, S)                                                                        \
    PAR(S, int, objects, "100", "1..10000", NULL, "objects of a sequence, five ids each")          \
    PAR(S, double, sure, "0", "0..1", NULL, "least probability of a class; what has less goes")    \
    PAR(S, double, noise, "1", "0..1000", NULL,                                                    \
        "of a lesson: weight of the class of what fills it up and is no object")                   \
    PAR(S, choice, fed, "random-or-noise", P2S_FED, NULL,                                          \
        "of a lesson: what stands for the classes among what was said already")
#define P2S_OUTLINES(PAR, S)                                                                       \
    PAR(S, int, outlines, "128", "3..10000", NULL, "corners of a sequence, two ids each")
#define P2S_JOINTS(PAR, S)                                                                         \
    PAR(S, double, joints, "0.1", "0..1", NULL,                                                    \
        "top_p of those that are drawn again where one was said to be out of sight")
#define P2S_CAPTION(PAR, S)                                                                        \
    PAR(S, string, caption, "1..", NULL, NULL, "how many ids: 1.., 64")
struct p2s_objects { P2S_OBJECTS(OMN_S_PAR, p2s_objects) };
struct p2s_outlines { P2S_OUTLINES(OMN_S_PAR, p2s_outlines) };
struct p2s_joints { P2S_JOINTS(OMN_S_PAR, p2s_joints) };
struct p2s_caption { P2S_CAPTION(OMN_S_PAR, p2s_caption) };
extern const omn_answer_impl p2s_objects_impl, p2s_outlines_impl, p2s_joints_impl,
    p2s_caption_impl;               /* objects.c, outlines.c, joints.c, caption.c */

#endif
