/* SPDX-License-Identifier: Apache-2.0 */
/* model/pix2seq: Pix2Seq (Chen et al. 2022, arXiv 2109.10852 and 2206.07669): boxes, outlines,
 * joints and captions as one sequence of ids behind a picture. The door. */
#include "answers.h"
#include "operations.h"

#include <omnio/published.h>

#include <stdlib.h>
#include <string.h>

static omn_status p2s_open(omn_call *c, const void *params, omn_open *o, void **self,
                           omn_error *err)
{
    (void)c;
    (void)params;
    pix2seq *m = calloc(1, sizeof *m);
    if (!m) return omn_fail(err, OMN_ERR_MEMORY, "pix2seq: out of memory");
    *self = m;
    p2s_configure(m, o, omn_open_config(o));
    return omn_open_done(o, err);
}

static int32_t most_tokens(const void *self, bool answer)
{
    const int32_t most = (int32_t)((const pix2seq *)self)->most;
    return answer ? most - 1 : most;
}

static const void *extension(const char *id)
{
    static const omn_published_impl published = { "ckpt-N.index and ckpt-N.data-00000-of-00001" };
    static const omn_claims_impl known = { p2s_claims };
    static const omn_task_impl asked = { .pipeline = "pix2seq-detect" };
    if (!strcmp(id, "omnio.claims/1")) return &known;
    if (!strcmp(id, "omnio.alike/1")) return &known;
    if (!strcmp(id, "omnio.task/1")) return &asked;
    if (!strcmp(id, "omnio.published/1")) return &published;
    if (!strcmp(id, "omnio.row/1")) return &p2s_row_impl;
    return strcmp(id, "omnio.verify/1") ? NULL : &p2s_verify;
}

static const omn_model_impl impl = { extension, p2s_open, free, p2s_build, NULL, most_tokens };
#define SURROUND(IN, OPT, PAR, OUT)                                                               \
    IN(image, in, "the picture")                                                                   \
    IN(regions, box, "around one thing; of several the first")                                     \
    PAR(double, grow, "0.5", "0..100", NULL, "share of the box's sides that is seen around it")    \
    OUT(image, out, "the cut")
OMN_OPERATION(surround, SURROUND, OMN_PURE);
static omn_status surround(omn_call *c, const omn_image *in, const omn_value *box, double grow,
                           omn_image **out, omn_error *err)
{
    return p2s_surround_op(c, in, box, grow, out, err);
}

#define VOTE(IN, OPT, PAR, OUT)                                                                    \
    IN(list, in, "outlines, each of the same thing")                                               \
    IN(any, like, "the picture that they lie in: the mask has its size")                           \
    PAR(double, share, "0.5", "0..1", NULL, "of the outlines that a pixel has to lie within")      \
    OUT(mask, out, "label 1 where so many agree")
OMN_OPERATION(vote, VOTE, OMN_PURE);
static omn_status vote(omn_call *c, const omn_value *in, const omn_value *like, double share,
                       omn_value **out, omn_error *err)
{
    return p2s_vote_op(c, in, like, share, out, err);
}

static const omn_param image_params[] = { P2S_IMAGE(OMN_S_ROW, p2s_image) };
static const omn_param prompt_params[] = { P2S_PROMPT(OMN_S_ROW, p2s_prompt) };
static const omn_param loss_params[] = { P2S_LOSS(OMN_S_ROW, p2s_loss) };
static const omn_param objects_params[] = { P2S_OBJECTS(OMN_S_ROW, p2s_objects) };
static const omn_param outlines_params[] = { P2S_OUTLINES(OMN_S_ROW, p2s_outlines) };
static const omn_param joints_params[] = { P2S_JOINTS(OMN_S_ROW, p2s_joints) };
static const omn_param caption_params[] = { P2S_CAPTION(OMN_S_ROW, p2s_caption) };
static const omn_param pieces_params[] = { P2S_PIECES(OMN_S_ROW, p2s_pieces) };
#define ROWS(list) list, sizeof list / sizeof *list
static const omn_object objects[] = {
    { "omnio.model/1", "pix2seq", "Pix2Seq: boxes, outlines, joints and captions of a picture",
      &impl, NULL, 0, 0 },
    { "omnio.encoder/1", "image.pix2seq", "pictures as Pix2Seq's decoder looks at them",
      &p2s_image_impl, ROWS(image_params), sizeof(struct p2s_image) },
    { "omnio.encoder/1", "prompt.pix2seq", "what Pix2Seq is asked", &p2s_prompt_impl,
      ROWS(prompt_params), sizeof(struct p2s_prompt) },
    { "omnio.codec/1", "text.pix2seq", "pieces of texts behind the other ids of Pix2Seq",
      &p2s_pieces_impl, ROWS(pieces_params), sizeof(struct p2s_pieces) },
    { "omnio.objective/1", "weighted-mean", "how unlikely the wanted tokens are, by their weights",
      &p2s_loss_impl, ROWS(loss_params), sizeof(struct p2s_loss) },
    { "omnio.answer/1", "objects", "everything in a picture, as Pix2Seq says it", &p2s_objects_impl,
      ROWS(objects_params), sizeof(struct p2s_objects) },
    { "omnio.answer/1", "outlines", "one thing's outline, as Pix2Seq says it", &p2s_outlines_impl,
      ROWS(outlines_params), sizeof(struct p2s_outlines) },
    { "omnio.answer/1", "joints", "a person's joints, as Pix2Seq says them", &p2s_joints_impl,
      ROWS(joints_params), sizeof(struct p2s_joints) },
    { "omnio.answer/1", "caption", "a sentence, as Pix2Seq says it", &p2s_caption_impl,
      ROWS(caption_params), sizeof(struct p2s_caption) },
    OMN_OPERATION_OBJECT(surround, "image.surround", "what surrounds a box, cut out"),
    OMN_OPERATION_OBJECT(vote, "mask.vote", "where outlines of one thing agree, as a mask"),
};
OMN_PLUGIN("model-pix2seq", "0.1.0", "Apache-2.0", "the Pix2Seq model family", objects);
