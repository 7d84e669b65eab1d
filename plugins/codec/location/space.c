/* SPDX-License-Identifier: Apache-2.0 */
/* The answers "box3d" and "camera": boxes in space, twelve locations and a label each, and the
 * change of a camera, four locations in parentheses. */
#include "location.h"

#include <stdlib.h>

struct box3d { BOX3D(OMN_S_PAR, OMN_S_VAL, box3d) };
struct camera { CAMERA(OMN_S_PAR, camera) };

enum { WORDS = 12, CHANGE = 4 };

typedef struct space_answer {
    const omn_part *decoder, *tokenizer;
    loc_space space;
    omn_value *camera;
    loc_orbit orbit;
    int32_t least, most;
    bool labels;
    double force;
} space_answer;

static omn_status begin(omn_open *o, const char *what, void **self, loc_scheme *scheme,
                        omn_error *err)
{
    space_answer *a = calloc(1, sizeof *a);
    *self = a;
    if (!a) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", what);
    a->decoder = omn_open_decoder(o);
    const loc_scheme *of_model = NULL;
    const omn_status st = loc_words_in(o, "regions", what, &of_model, &a->tokenizer, err);
    if (st == OMN_OK) *scheme = *of_model;
    return st;
}

static omn_status open_box3d(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    const struct box3d *p = params;
    loc_scheme scheme;
    (void)c;
    const omn_status st = begin(o, "boxes in space", self, &scheme, err);
    if (st != OMN_OK) return st;
    space_answer *a = *self;
    a->labels = p->labels;
    a->force = p->force;
    a->camera = omn_value_ref(p->seen_by);
    a->space = (loc_space){ scheme, a->camera, p->focal, p->unit };
    if (!a->labels) a->space.scheme.labels = LOC_NONE;
    if (p->seen_by && !omn_value_is(p->seen_by, "camera"))
        return omn_fail(err, OMN_ERR_TYPE, "seen_by is %s, a camera is wanted",
                        omn_value_kind_name(p->seen_by));
    if (!omn_count_read(p->box3d, &a->least, &a->most))
        return omn_fail(err, OMN_ERR_CONFIG, "how many: 1, 0.. or 1..20, not \"%.40s\"", p->box3d);
    return OMN_OK;
}

static omn_status open_camera(omn_call *c, const void *params, omn_open *o, void **self,
                              omn_error *err)
{
    const struct camera *p = params;
    loc_scheme scheme;
    (void)c;
    const omn_status st = begin(o, "cameras", self, &scheme, err);
    if (st == OMN_OK)
        ((space_answer *)*self)->orbit = loc_orbit_of(&scheme, p->focal, p->polar, p->distance);
    return st;
}

static void close_box3d(void *self)
{
    space_answer *a = self;
    if (a) omn_value_unref(a->camera);
    free(a);
}

static omn_status box3d_rules(const void *self, omn_rules *r, omn_error *err)
{
    const space_answer *a = self;
    const omn_rule *at = omn_rules_repeat(r, omn_rules_range(r, "location"), WORDS, WORDS);
    const omn_rule *const one[2] = { at, omn_rules_repeat(r, omn_rules_any(r), 1, OMN_NO_END) };
    (void)err;
    omn_rules_root(r, omn_rules_repeat(r, a->labels ? omn_rules_seq(r, one, 2) : at, a->least,
                                       a->most));
    if (a->force > 0) omn_rules_prefer(r, "location", a->force);
    return OMN_OK;
}

static omn_status camera_rules(const void *self, omn_rules *r, omn_error *err)
{
    const omn_rule *const all[3] = {
        omn_rules_tokens(r, "("),
        omn_rules_repeat(r, omn_rules_range(r, "location"), CHANGE, CHANGE),
        omn_rules_tokens(r, ")")
    };
    (void)self;
    (void)err;
    omn_rules_root(r, omn_rules_seq(r, all, 3));
    return OMN_OK;
}

static omn_status write_box3d(const void *self, omn_call *c, const omn_value *v,
                              const omn_frame *frame, omn_ids *out, omn_error *err)
{
    const space_answer *a = self;
    omn_status st = OMN_OK;
    omn_buf b;
    (void)c;
    omn_buf_init(&b, OMN_TEXT_MOST);
    OMN_TRY(loc_write_box3d(&a->space, v, frame, &b, err));
    OMN_TRY(omn_ids_text(out, a->tokenizer, b.data ? b.data : "", b.length, err));
done:
    omn_buf_fini(&b);
    return st;
}

static omn_status write_camera(const void *self, omn_call *c, const omn_value *v,
                               const omn_frame *frame, omn_ids *out, omn_error *err)
{
    const space_answer *a = self;
    omn_status st = OMN_OK;
    omn_buf b;
    (void)c;
    (void)frame;
    omn_buf_init(&b, OMN_TEXT_MOST);
    OMN_TRY(loc_write_camera(&a->orbit, v, &b, err));
    OMN_TRY(omn_ids_text(out, a->tokenizer, b.data, b.length, err));
done:
    omn_buf_fini(&b);
    return st;
}

static omn_status read_box3d(const void *self, omn_call *c, const omn_heard *h,
                             const omn_frame *frame, omn_value **out, omn_error *err)
{
    const space_answer *a = self;
    omn_status st = OMN_OK;
    size_t *ends = NULL;
    omn_buf b;
    if (!frame)
        return omn_fail(err, OMN_ERR_ARGUMENT, "an answer in boxes in space wants the picture that "
                        "they are seen in among the inputs");
    OMN_TRY(loc_hear(a->decoder, h, &b, &ends, err));
    const char *text = b.data ? b.data : "";
    const loc_spoken spoken = { text, ends, h->logprob, h->n, 0 };
    OMN_TRY(loc_read_box3d(&a->space, c, text, b.length, frame, &spoken, out, err));
done:
    free(ends);
    omn_buf_fini(&b);
    return st;
}

static omn_status read_camera(const void *self, omn_call *c, const omn_heard *h,
                              const omn_frame *frame, omn_value **out, omn_error *err)
{
    const space_answer *a = self;
    omn_status st = OMN_OK;
    size_t *ends = NULL;
    omn_buf b;
    OMN_TRY(loc_hear(a->decoder, h, &b, &ends, err));
    OMN_TRY(loc_read_camera(&a->orbit, c, b.data ? b.data : "", b.length, frame, out, err));
done:
    free(ends);
    omn_buf_fini(&b);
    return st;
}

const omn_answer_impl loc_answer_box3d = { NULL,        "box3d",     open_box3d, close_box3d,
                                           box3d_rules, write_box3d, read_box3d };
const omn_answer_impl loc_answer_camera = { NULL,         "camera",     open_camera, free,
                                            camera_rules, write_camera, read_camera };
