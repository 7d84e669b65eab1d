/* SPDX-License-Identifier: Apache-2.0 */
/* model/pix2seq: Pix2Seq (Chen et al. 2022, arXiv 2109.10852 and 2206.07669): boxes, outlines,
 * joints and captions as one sequence of ids behind a picture. The door. */
#include "pix2seq.h"

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
    p2s_configure(m, o, omn_open_config(o), err);
    return omn_open_done(o, err);
}

static void p2s_close(void *self)
{
    pix2seq *m = self;
    if (m && m->names) categories_close(m->names);
    if (m) free(m->names);
    free(m);
}

static int32_t most_tokens(const void *self, bool answer)
{
    return answer ? (int32_t)((const pix2seq *)self)->most - 1 : P2S_MOST_PROMPT;
}

static const void *extension(const char *id)
{
    static const omn_claims_impl known = { p2s_claims };
    if (!strcmp(id, "omnio.claims/1")) return &known;
    if (!strcmp(id, "omnio.row/1")) return &p2s_row_impl;
    return strcmp(id, "omnio.verify/1") ? NULL : &p2s_verify;
}

static const omn_model_impl impl = { extension, p2s_open, p2s_close, p2s_build, NULL, most_tokens };
static const omn_param image_params[] = { P2S_IMAGE(OMN_S_ROW, p2s_image) };
static const omn_param prompt_params[] = { P2S_PROMPT(OMN_S_ROW, p2s_prompt) };
static const omn_param loss_params[] = { P2S_LOSS(OMN_S_ROW, p2s_loss) };
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
};
OMN_PLUGIN("model-pix2seq", "0.1.0", "Apache-2.0", "the Pix2Seq model family", objects);
