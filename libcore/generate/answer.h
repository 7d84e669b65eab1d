/* SPDX-License-Identifier: Apache-2.0 */
/* An opened answer's inside. Not installed. */
#ifndef OMNIO_GENERATE_ANSWER_H
#define OMNIO_GENERATE_ANSWER_H

#include "open.h"
#include "rules.h"

struct omn_answer {
    omn_model *model;
    omn_open *open;               /* holds the object, as a part */
    const omn_part *part, *decoder;
    const omn_answer_impl *impl;
    const omn_candidates_impl *candidates;   /* NULL: it is written, not chosen */
    const omn_vocab *vocab;
    rules_program *program;       /* NULL: any text */
    const spelling *spell;        /* the decoder's; NULL with candidates */
    char output[64], of[64];
    uint32_t of_number;
};

/* The spelling of a decoder, made when it is first wanted; sorted when told. [any] */
omn_status model_spelling(omn_model *m, const omn_part *decoder, bool sorted, const spelling **out,
                          omn_error *err);
/* A walk through the answer's rules; *out NULL when it has none. */
omn_status answer_walk(const omn_answer *a, rules_walk **out, omn_error *err);
/* What a lesson that wants these ids feeds in their place, [1 + want->count] as omn_fed_impl has
 * it, owned (free()); *out NULL: the ids themselves. [run] */
omn_status answer_feed(const omn_answer *a, omn_call *c, const omn_ids *want, int32_t **out,
                       omn_error *err);

#endif
