/* SPDX-License-Identifier: Apache-2.0 */
/* What a detector found in a picture, as a value, as an input of models, and as an answer: shared
 * by the files of this plugin. */
#ifndef REGIONS_H
#define REGIONS_H

#include <omnio/answer.h>
#include <omnio/plugin.h>

#define DETECTIONS_MOST 65536

/* The kind `detections`; kind.c */
extern const omn_value_impl detections_kind;

/* A value of it, borrowed. */
typedef struct detections {
    int64_t n, width;                     /* how many; numbers of each */
    const double *box;                    /* [n,4] px */
    const float *features;                /* [n,width] */
    const double *score;                  /* [n]; NULL: none */
    const char *const *label;             /* [n]; NULL: none */
    double image_width, image_height;     /* px */
} detections;
/* OMN_ERR_TYPE for a value of another kind. */
omn_status detections_get(const omn_value *v, detections *out, omn_error *err);

/* The picture that they lie in: nothing but they tells it apart. */
omn_frame detections_frame(const omn_value *v, const detections *d);
/* A value of it from arrays by name, a record of tensors, as files of detectors hold them. [run] */
omn_status detections_read(omn_call *c, const omn_value *in, omn_value **out, omn_error *err);

/* Those of both, the first in front, at most so many; the same picture and as many numbers each are
 * wanted. [run] */
omn_status detections_join(omn_call *c, const omn_value *first, const omn_value *second, int most,
                           omn_value **out, omn_error *err);

#define REGION(PAR, VAL, S)                                                                        \
    VAL(S, detections, region, "what the model was given, of which the answer is one")             \
    PAR(S, string, count, "1", NULL, NULL, "how many: 1, 1..3 or 1..")                             \
    PAR(S, bool, soft, "false", NULL, NULL, "what is learnt: each given region that overlaps a "   \
        "wanted one by half, by how much, for models that judge each on its own")
/* The answer `region`; answer.c */
extern const omn_answer_impl answer_region_impl;

#endif
