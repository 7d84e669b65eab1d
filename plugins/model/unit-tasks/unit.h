/* SPDX-License-Identifier: Apache-2.0 */
/* UniT as numbers: what its configuration says, shared by the files of this plugin. */
#ifndef UNIT_H
#define UNIT_H

#include <omnio/learn.h>

#include "detr.h"

/* What a task is asked: a picture for its things, a picture and a text, a text. */
typedef enum unit_type { UNIT_DETECTION, UNIT_BOTH, UNIT_TEXT } unit_type;

typedef struct unit {
    detr encoder, decoder;                /* of pictures; the decoder's D is one of its own */
    bert text;
    unit_type type;
    const char *task, *group;             /* "vqa2" of "vl" */
    const char *pipeline;                 /* by which it is asked */
    int64_t number, queries, classes;     /* the task's; rows; classes of its head */
    bool shared;                          /* one decoder for all tasks */
    bool residual;                        /* what the encoder is given stands behind it again */
    bool told_image, told_text;           /* the encoders are told which task it is */
    bool first;                           /* only a text's first vector is looked at */
    bool each;                            /* the layers before the last learn as well */
    int64_t most;                         /* tokens of a text */
    int32_t start, stop;
    const omn_part *loss;
} unit;

#define UNIT_TASKS 256                    /* rows of the tables of tasks */

/* The configuration, and the parts that it names; failures stay on o; config.c */
void unit_configure(unit *u, omn_open *o, omn_config *f);
/* The graphs; build.c */
void unit_build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out);

extern const omn_verify_impl unit_verify;

#endif
