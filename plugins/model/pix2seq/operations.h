/* SPDX-License-Identifier: Apache-2.0 */
/* Operations around Pix2Seq's tasks; operations.c */
#ifndef PIX2SEQ_OPERATIONS_H
#define PIX2SEQ_OPERATIONS_H

#include "pix2seq.h"

omn_status p2s_surround_op(omn_call *c, const omn_image *in, const omn_value *boxes, double grow,
                           omn_image **out, omn_error *err);
omn_status p2s_vote_op(omn_call *c, const omn_value *in, const omn_value *like, double share,
                       omn_value **out, omn_error *err);

#endif
