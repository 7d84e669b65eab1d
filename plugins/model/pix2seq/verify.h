/* SPDX-License-Identifier: Apache-2.0 */
/* One golden file of Pix2Seq on its way through the comparison: outputs that the original program
 * made from small random weights, or its functions of numbers. */
#ifndef PIX2SEQ_VERIFY_H
#define PIX2SEQ_VERIFY_H

#include "pix2seq.h"

#include "../golden/golden.h"

typedef struct verify {
    golden g;
    p2s_ids ids;                          /* of the case's configuration */
} verify;

/* How the model is opened, beside what its golden file says. */
typedef struct verify_how {
    golden_how model;
    bool still;                           /* batch norms keep what they have learnt */
    double smoothing;
} verify_how;

omn_status verify_open(verify *v, const verify_how *how, golden_run *r, omn_error *err);
omn_status verify_compare(golden_run *r, omn_error *err);

/* Graphs: whole sequences, decoding, losses; verify_graph.c */
omn_status verify_forward(verify *v, omn_error *err);
omn_status verify_infer(verify *v, omn_error *err);
omn_status verify_loss(verify *v, omn_error *err);

/* A tensor of the inputs, checked and aligned; verify_numbers.c */
omn_status verify_copy(verify *v, const char *name, omn_type type, uint32_t rank, omn_shape *shape,
                       void **out, omn_error *err);
/* Stages "classes", "boxes" and "scores" of the stages "tokens" and "step_logits". */
omn_status verify_detections(verify *v, golden_run *r, omn_error *err);
/* A stage of prompts [B,n,6] from boxes and labels of the inputs; out NULL: nobody asks. */
omn_status verify_prompts(verify *v, golden_run *r, const char *stage, int32_t task,
                          const char *boxes, const char *labels, const int32_t **out,
                          omn_error *err);
omn_status verify_decode(verify *v, omn_error *err);
omn_status verify_quantise(verify *v, omn_error *err);
omn_status verify_positions(verify *v, omn_error *err);
/* Pictures, crops, joints, choices; verify_tasks.c. Lessons; verify_lessons.c */
omn_status verify_preprocess(verify *v, omn_error *err);
omn_status verify_crop(verify *v, omn_error *err);
omn_status verify_keypoints(verify *v, omn_error *err);
omn_status verify_top_p(verify *v, omn_error *err);
omn_status verify_lessons(verify *v, omn_error *err);

#endif
