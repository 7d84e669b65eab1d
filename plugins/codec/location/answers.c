/* SPDX-License-Identifier: Apache-2.0 */
/* The answers "boxes" and "points". A place is four or two ids of the vocabulary's locations, then
 * its label if one is wanted; without labels other words may stand between, as models write them
 * that were taught to name what they find. A single box is exactly its four locations. */
#include "location.h"

#include <stdlib.h>
#include <string.h>

struct boxes { BOXES(OMN_S_PAR, boxes) };
struct points { POINTS(OMN_S_PAR, points) };

typedef struct places_answer {
    const loc_scheme *scheme;
    const omn_part *decoder, *tokenizer;
    int32_t least, most, each;    /* each: ids of one place */
    bool labels;
    double force, sure;
} places_answer;

const loc_scheme *loc_scheme_in(const omn_open *o, const char *speaks)
{
    const omn_part *codec = omn_open_codec(o, speaks);
    const char *other = strcmp(speaks, "points") ? "points" : "regions";
    return loc_scheme_of(codec ? codec : omn_open_codec(o, other));
}

omn_status loc_words_in(const omn_open *o, const char *speaks, const char *what,
                        const loc_scheme **scheme, const omn_part **tokenizer, omn_error *err)
{
    *tokenizer = omn_open_find_part(o, "omnio.codec/1", "tokenizer");
    *scheme = loc_scheme_in(o, speaks);
    if (!*scheme)
        return omn_fail(err, OMN_ERR_UNSUPPORTED, "this model has no words for %s", what);
    return *tokenizer ? OMN_OK
                      : omn_fail(err, OMN_ERR_MISSING, "%s: the model's folder has no tokenizer: "
                                 "copy the file that belongs to these weights there", what);
}

static omn_status open_places(omn_open *o, const char *count, const places_answer *how,
                              void **self, omn_error *err)
{
    places_answer *a = calloc(1, sizeof *a);
    *self = a;
    if (!a) return omn_fail(err, OMN_ERR_MEMORY, "places: out of memory");
    *a = *how;
    a->decoder = omn_open_decoder(o);
    const bool boxes = a->each == 4;
    const omn_status st = loc_words_in(o, boxes ? "regions" : "points", boxes ? "boxes" : "points",
                                       &a->scheme, &a->tokenizer, err);
    if (st != OMN_OK) return st;
    if (!omn_count_read(count, &a->least, &a->most))
        return omn_fail(err, OMN_ERR_CONFIG, "how many: 1, 0.. or 1..20, not \"%.40s\"", count);
    return OMN_OK;
}

static omn_status open_boxes(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    const struct boxes *p = params;
    (void)c;
    const places_answer how = { .each = 4, .labels = p->labels, .force = p->force,
                                .sure = p->sure };
    return open_places(o, p->boxes, &how, self, err);
}

static omn_status open_points(omn_call *c, const void *params, omn_open *o, void **self,
                              omn_error *err)
{
    const struct points *p = params;
    (void)c;
    const places_answer how = { .each = 2, .labels = p->labels, .force = p->force,
                                .sure = p->sure };
    return open_places(o, p->points, &how, self, err);
}

static omn_status places_rules(const void *self, omn_rules *r, omn_error *err)
{
    const places_answer *a = self;
    const bool single = a->least == 1 && a->most == 1 && !a->labels;
    const omn_rule *place =
        omn_rules_repeat(r, omn_rules_range(r, "location"), a->each, a->each);
    const omn_rule *words = omn_rules_repeat(r, omn_rules_any(r), a->labels ? 1 : 0, OMN_NO_END);
    const omn_rule *one[2] = { place, words };
    const omn_rule *all[2] = {
        omn_rules_repeat(r, omn_rules_any(r), 0, OMN_NO_END),
        omn_rules_repeat(r, omn_rules_seq(r, one, 2), a->least, a->most)
    };
    (void)err;
    omn_rules_root(r, single ? place : a->labels ? all[1] : omn_rules_seq(r, all, 2));
    if (a->force > 0) omn_rules_prefer(r, "location", a->force);
    return OMN_OK;
}

/* Words first, then ids: the tokenizer decides how a label is cut, as in every text. */
static omn_status write_places(const void *self, omn_call *c, const omn_value *v,
                               const omn_frame *frame, omn_ids *out, omn_error *err)
{
    const places_answer *a = self;
    omn_status st = OMN_OK;
    omn_buf b;
    loc_scheme scheme = *a->scheme;
    (void)c;
    if (!a->labels) scheme.labels = LOC_NONE;     /* the rules of one place have no room for it */
    omn_buf_init(&b, OMN_TEXT_MOST);
    OMN_TRY((a->each == 4 ? loc_write_boxes : loc_write_points)(&scheme, v, frame, &b, err));
    OMN_TRY(omn_ids_text(out, a->tokenizer, b.data ? b.data : "", b.length, err));
done:
    omn_buf_fini(&b);
    return st;
}

omn_status loc_hear(const omn_part *decoder, const omn_heard *h, omn_buf *text, size_t **ends,
                    omn_error *err)
{
    omn_buf_init(text, OMN_TEXT_MOST);
    *ends = calloc(h->n + 1, sizeof **ends);
    if (!*ends) return omn_fail(err, OMN_ERR_MEMORY, "%zu ids: out of memory", h->n);
    return omn_decoder_text(decoder, h->ids, h->n, text, *ends, err);
}

static omn_status read_places(const void *self, omn_call *c, const omn_heard *h,
                              const omn_frame *frame, omn_value **out, omn_error *err)
{
    const places_answer *a = self;
    omn_status st = OMN_OK;
    omn_buf b;
    size_t *ends = NULL;
    (void)c;
    if (!frame)
        return omn_fail(err, OMN_ERR_ARGUMENT,
                        "an answer in %s wants the picture that they lie in among the inputs",
                        a->each == 4 ? "boxes" : "points");
    OMN_TRY(loc_hear(a->decoder, h, &b, &ends, err));
    const char *text = b.data ? b.data : "";
    const loc_spoken spoken = { text, ends, h->logprob, h->n, a->labels ? a->sure : 0 };
    OMN_TRY(loc_read(a->scheme, text, b.length, frame, a->each == 4, &spoken, out, err));
done:
    free(ends);
    omn_buf_fini(&b);
    return st;
}

const omn_answer_impl loc_answer_boxes = { NULL,         "regions",    open_boxes, free,
                                           places_rules, write_places, read_places };
const omn_answer_impl loc_answer_points = { NULL,         "points",     open_points, free,
                                            places_rules, write_places, read_places };
