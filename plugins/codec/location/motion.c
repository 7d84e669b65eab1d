/* SPDX-License-Identifier: Apache-2.0 */
/* The answer "actions": what a machine is to do, in one of the forms of actions.c. The words around
 * the numbers are a part of the rules, so what is said can always be done. */
#include "location.h"

#include <stdlib.h>
#include <string.h>

struct actions { ACTIONS(OMN_S_PAR, actions) };

typedef struct actions_answer {
    const omn_part *decoder, *tokenizer;
    loc_actions how;
    int32_t least, most;
} actions_answer;

static omn_status open_actions(omn_call *c, const void *params, omn_open *o, void **self,
                               omn_error *err)
{
    const struct actions *p = params;
    (void)c;
    actions_answer *a = calloc(1, sizeof *a);
    *self = a;
    if (!a) return omn_fail(err, OMN_ERR_MEMORY, "actions: out of memory");
    a->decoder = omn_open_decoder(o);
    const loc_scheme *scheme = NULL;
    const omn_status st = loc_words_in(o, "regions", "actions", &scheme, &a->tokenizer, err);
    if (st != OMN_OK) return st;
    a->how.scheme = *scheme;
    a->how.form = (loc_form)p->actions;
    a->how.rate = p->rate;
    if (!omn_count_read(p->count, &a->least, &a->most))
        return omn_fail(err, OMN_ERR_CONFIG, "how many moments: 1, 0.. or 1..20, not \"%.40s\"",
                        p->count);
    return loc_actions_open(&a->how, p->numbers, err);
}

static void close_actions(void *self)
{
    actions_answer *a = self;
    if (a) loc_actions_close(&a->how);
    free(a);
}

static const omn_rule *words(omn_rules *r, const char *text)
{
    return omn_rules_text(r, text, strlen(text));
}

static const omn_rule *three(omn_rules *r)
{
    return omn_rules_repeat(r, omn_rules_range(r, "location"), 3, 3);
}

/* "pick from ( a b c ) and place to ( d e f )" behind "1: " */
static const omn_rule *step(omn_rules *r, const char *from, const char *to)
{
    const omn_rule *const all[5] = { words(r, from), three(r), words(r, to), three(r),
                                     words(r, " )") };
    return omn_rules_seq(r, all, 5);
}

static const omn_rule *hand_rule(omn_rules *r)
{
    static const omn_chars digit = { '0', '9' };
    const omn_rule *const verbs[2] = { step(r, ": pick from (", " ) and place to ("),
                                       step(r, ": push from (", " ) and push to (") };
    const omn_rule *number = omn_rules_repeat(r, omn_rules_chars(r, &digit, 1, false), 1, 4);
    const omn_rule *const all[2] = { number, omn_rules_either(r, verbs, 2) };
    return omn_rules_seq(r, all, 2);
}

static const omn_rule *place_rule(omn_rules *r)
{
    const omn_rule *const all[4] = { words(r, "observation ("), three(r), words(r, " )"),
                                     omn_rules_repeat(r, omn_rules_any(r), 0, 16) };
    return omn_rules_seq(r, all, 4);
}

static omn_status actions_rules(const void *self, omn_rules *r, omn_error *err)
{
    const actions_answer *a = self;
    (void)err;
    if (a->how.form == LOC_BINS) {
        const int32_t n = (int32_t)a->how.n;
        omn_rules_root(r, omn_rules_repeat(r, omn_rules_repeat(r, omn_rules_range(r, "location"), n,
                                                               n), a->least, a->most));
        return OMN_OK;
    }
    const omn_rule *one = a->how.form == LOC_PICK_PLACE ? hand_rule(r) : place_rule(r);
    const omn_rule *const next[2] = { words(r, " "), one };
    const omn_rule *const list[2] = {
        one, omn_rules_repeat(r, omn_rules_seq(r, next, 2), a->least > 1 ? a->least - 1 : 0,
                              a->most == OMN_NO_END ? OMN_NO_END : a->most > 0 ? a->most - 1 : 0)
    };
    omn_rules_root(r, omn_rules_repeat(r, omn_rules_seq(r, list, 2), a->least > 0, a->most != 0));
    return OMN_OK;
}

static omn_status same_joints(const actions_answer *a, const omn_value *v, omn_error *err)
{
    const omn_tensor *names = omn_value_column(v, "name");
    const bool same = loc_form_of(v) == a->how.form;
    bool fits = same && (a->how.form != LOC_BINS || (size_t)names->shape.dim[0] == a->how.n);
    for (size_t i = 0; fits && i < a->how.n; i++)
        fits = !strcmp(((const char *const *)names->data)[i], a->how.joints[i].name);
    return fits ? OMN_OK : omn_fail(err, OMN_ERR_DATA, "these actions have other numbers than "
                                    "those that are wanted");
}

static omn_status write_actions(const void *self, omn_call *c, const omn_value *v,
                                const omn_frame *frame, omn_ids *out, omn_error *err)
{
    const actions_answer *a = self;
    omn_status st = OMN_OK;
    omn_buf b;
    (void)c;
    (void)frame;
    omn_buf_init(&b, OMN_TEXT_MOST);
    if (omn_value_is(v, "actions")) OMN_TRY(same_joints(a, v, err));
    OMN_TRY(loc_write_actions(&a->how.scheme, &a->how, v, &b, err));
    OMN_TRY(omn_ids_text(out, a->tokenizer, b.data ? b.data : "", b.length, err));
done:
    omn_buf_fini(&b);
    return st;
}

static omn_status read_actions(const void *self, omn_call *c, const omn_heard *h,
                               const omn_frame *frame, omn_value **out, omn_error *err)
{
    const actions_answer *a = self;
    omn_status st = OMN_OK;
    size_t *ends = NULL;
    omn_buf b;
    (void)frame;
    OMN_TRY(loc_hear(a->decoder, h, &b, &ends, err));
    OMN_TRY(loc_read_actions(&a->how, c, b.data ? b.data : "", b.length, out, err));
done:
    free(ends);
    omn_buf_fini(&b);
    return st;
}

const omn_answer_impl loc_answer_actions = { NULL,          "actions",     open_actions,
                                             close_actions, actions_rules, write_actions,
                                             read_actions };
