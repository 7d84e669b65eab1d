/* SPDX-License-Identifier: Apache-2.0 */
/* Measures of one thing in a picture, by its mask: whether an edit is what was asked for and leaves
 * the rest as it was, whether a thing that moves is where it should be in the next picture. An
 * answer that is no picture is wrong.
 */
#include "measures.h"

#include <math.h>
#include <stdlib.h>

#include "judge.h"
#include "views.h"

/* The pictures of one question at one size. */
typedef struct sight {
    view made, want, before;      /* made: empty when the answer is no picture */
    int32_t *where;               /* owned */
} sight;

static void sight_fini(sight *s)
{
    free(s->made.rgb);
    free(s->want.rgb);
    free(s->before.rgb);
    free(s->where);
}

static omn_status look(omn_call *call, const omn_value *answer, const omn_value *wanted,
                       const omn_value *inputs, const char *where, const char *before, sight *s,
                       omn_error *err)
{
    omn_status st = OMN_OK;
    int w, h;
    const bool is_record = omn_value_is(inputs, "record");
    const omn_value *mask = is_record ? omn_record_get(inputs, where) : NULL;
    const omn_value *old = is_record ? omn_record_get(inputs, before) : NULL;
    if (!omn_value_is(wanted, "image") || !view_size(omn_value_image(wanted), &w, &h))
        return omn_fail(err, OMN_ERR_DATA, "a picture of at least 16 pixels is compared with");
    if (!omn_value_is(old, "image"))
        return omn_fail(err, OMN_ERR_CONFIG, "the measure has no picture \"%s\" beside the answer "
                        "(beside: {%s: FIELD})", before, before);
    OMN_TRY(view_labels(mask, w, h, &s->where, err));
    OMN_TRY(view_at(call, omn_value_image(wanted), w, h, &s->want, err));
    OMN_TRY(view_at(call, omn_value_image(old), w, h, &s->before, err));
    if (omn_value_is(answer, "image"))
        OMN_TRY(view_at(call, omn_value_image(answer), w, h, &s->made, err));
done:
    return st;
}

static omn_status no_memory(omn_error *err)
{
    return omn_fail(err, OMN_ERR_MEMORY, "a measure: out of memory");
}

static void tell_row(const char *name, uint64_t value, uint64_t trivial, uint64_t n,
                     omn_measure_emit *emit, void *user)
{
    const double all = n ? (double)n : 1;
    const omn_measure_row row = {OMN_FILL(omn_measure_row), .name = name,
                                 .value = (double)value / all, .baseline = (double)trivial / all,
                                 .hi = 1};
    emit(user, &row);
}

/* ---- edited -------------------------------------------------------------------------------- */

/* trivial: of the picture that was given. */
typedef struct edits_count {
    uint64_t n, both, asked, kept, trivial_asked, trivial_kept, trivial_both;
} edits_count;

static omn_status edited_open(omn_call *c, const void *params, omn_open *o, void **self,
                              omn_error *err)
{
    (void)c;
    (void)o;
    return source_open(params, sizeof(struct edited), self, err);
}

static omn_status edited_begin(const void *self, void **state, omn_error *err)
{
    (void)self;
    *state = calloc(1, sizeof(edits_count));
    return *state ? OMN_OK : no_memory(err);
}

static void counts_end(const void *self, void *state)
{
    (void)self;
    free(state);
}

static omn_status edited_add(const void *self, void *state, omn_call *call,
                             const omn_value *answer, const omn_value *wanted,
                             const omn_value *inputs, bool *right, omn_error *err)
{
    const struct edited *p = self;
    edits_count *c = state;
    sight s = {.where = NULL};
    world_edited e, trivial;
    omn_status st = OMN_OK;
    *right = false;
    c->n++;
    OMN_TRY(look(call, answer, wanted, inputs, p->where, p->before, &s, err));
    const int w = s.want.width, h = s.want.height;
    if (!world_edited_look(s.before.rgb, s.want.rgb, s.before.rgb, s.where, w, h, &trivial) ||
        (s.made.rgb &&
         !world_edited_look(s.made.rgb, s.want.rgb, s.before.rgb, s.where, w, h, &e)))
        OMN_TRY(no_memory(err));
    const bool asked = s.made.rgb && world_edited_asked(&e);
    const bool kept = s.made.rgb && world_edited_kept(&e);
    *right = asked && kept;
    c->asked += asked;
    c->kept += kept;
    c->both += *right;
    c->trivial_asked += world_edited_asked(&trivial);
    c->trivial_kept += world_edited_kept(&trivial);
    c->trivial_both += world_edited_asked(&trivial) && world_edited_kept(&trivial);
done:
    sight_fini(&s);
    return st;
}

static omn_status edited_rows(const void *self, const void *state, omn_measure_emit *emit,
                              void *user, omn_error *err)
{
    (void)self;
    (void)err;
    const edits_count *c = state;
    tell_row("as asked, rest kept", c->both, c->trivial_both, c->n, emit, user);
    tell_row("as asked", c->asked, c->trivial_asked, c->n, emit, user);
    tell_row("rest kept", c->kept, c->trivial_kept, c->n, emit, user);
    return OMN_OK;
}

/* ---- moved --------------------------------------------------------------------------------- */

/* copied: of the last picture that was shown. */
typedef struct moved_count {
    uint64_t n, right, copied;
} moved_count;

static omn_status moved_open(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    (void)c;
    (void)o;
    return source_open(params, sizeof(struct moved), self, err);
}

static omn_status moved_begin(const void *self, void **state, omn_error *err)
{
    (void)self;
    *state = calloc(1, sizeof(moved_count));
    return *state ? OMN_OK : no_memory(err);
}

static omn_status moved_add(const void *self, void *state, omn_call *call, const omn_value *answer,
                            const omn_value *wanted, const omn_value *inputs, bool *right,
                            omn_error *err)
{
    const struct moved *p = self;
    moved_count *c = state;
    sight s = {.where = NULL};
    world_moved m, copied;
    omn_status st = OMN_OK;
    *right = false;
    c->n++;
    OMN_TRY(look(call, answer, wanted, inputs, p->where, p->before, &s, err));
    const int w = s.want.width, h = s.want.height;
    if (!world_moved_look(s.before.rgb, s.want.rgb, s.before.rgb, s.where, w, h, &copied) ||
        (s.made.rgb && !world_moved_look(s.made.rgb, s.want.rgb, s.before.rgb, s.where, w, h, &m)))
        OMN_TRY(no_memory(err));
    *right = s.made.rgb && world_moved_there(&m, p->within);
    c->right += *right;
    c->copied += world_moved_there(&copied, p->within);
done:
    sight_fini(&s);
    return st;
}

static omn_status moved_rows(const void *self, const void *state, omn_measure_emit *emit,
                             void *user, omn_error *err)
{
    (void)self;
    (void)err;
    const moved_count *c = state;
    tell_row("moved on", c->right, c->copied, c->n, emit, user);
    return OMN_OK;
}

const omn_measure_impl edited_impl = {NULL,         "image",    edited_open, free,
                                      edited_begin, edited_add, edited_rows, counts_end};
const omn_measure_impl moved_impl = {NULL,        "image",   moved_open, free,
                                     moved_begin, moved_add, moved_rows, counts_end};
