/* SPDX-License-Identifier: Apache-2.0 */
/* Steps with steps inside, and the items that they go over. The items of a map run side by side, so
 * that the model answers many of them in one batch; the turns of a repetition follow each other. */
#include "lanes.h"

#include <stdlib.h>
#include <string.h>

/* ---- items and parts ------------------------------------------------------------------------ */

/* SIZE_MAX: it has none. */
static size_t count_of(const omn_value *v)
{
    return omn_kind_items(omn_value_kind(v)) ? omn_value_count(v) : SIZE_MAX;
}

omn_status run_part_of(const omn_value *whole, const plan_slot *part, omn_value **out,
                       omn_error *err)
{
    const yml *at = part->at;
    const char *kind = omn_value_kind_name(whole);
    if (part->field) {
        const bool record = omn_value_is(whole, "record");
        *out = record ? omn_value_ref(omn_record_get(whole, part->field)) : NULL;
        if (*out) return OMN_OK;
        return omn_fail_at(
            err, record ? OMN_ERR_DATA : OMN_ERR_TYPE, at->file, at->line, at->column,
            record ? "$%s: the record has no such field" : "$%s: this is %s, which has no fields",
            part->name, kind);
    }
    const size_t n = count_of(whole);
    if (n == SIZE_MAX)
        return omn_fail_at(err, OMN_ERR_TYPE, at->file, at->line, at->column,
                           "$%s: this is %s, which has no items", part->name, kind);
    const int64_t i = part->index < 0 ? (int64_t)n + part->index : part->index;
    if (i < 0 || i >= (int64_t)n)
        return omn_fail_at(err, OMN_ERR_DATA, at->file, at->line, at->column,
                           "$%s: there is no such item, only %zu", part->name, n);
    return omn_value_item(whole, (size_t)i, out, err);
}

/* ---- map ------------------------------------------------------------------------------------ */

typedef struct kept {
    omn_value **list;
    size_t n;
    bool open;                    /* an item waits for an answer that nobody gives */
} kept;

static omn_status map_round(omn_pipeline_run *r, omn_call *c, const plan_step *s,
                            const omn_value *over, size_t from, size_t n, kept *out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_error errors[MAP_ROWS];
    lane *lanes = calloc(n, sizeof *lanes);
    if (!lanes) return omn_fail(err, OMN_ERR_MEMORY, "map: out of memory");
    for (size_t i = 0; i < n; i++) {
        omn_value *item = NULL;
        errors[i] = (omn_error)OMN_ERROR_INIT;
        lane_copy(&lanes[i], r, c, &errors[i]);
        lanes[i].run.unanswered = false;
        OMN_TRY(omn_value_item(over, from + i, &item, err));
        run_put(&lanes[i].run, s->each, item);
    }
    OMN_TRY(lanes_run(lanes, n, s->steps, s->n_steps, err));
    for (size_t i = 0; i < n; i++) {
        if (errors[i].status == OMN_OK) run_part(&lanes[i].run, s->keep, &errors[i]);
        if (errors[i].status != OMN_OK) {
            if (err) *err = errors[i];
            st = (omn_status)errors[i].status;
            goto done;
        }
        omn_value *v = lanes[i].run.slots[s->keep];
        r->unanswered = r->unanswered || lanes[i].run.unanswered;
        out->open = out->open || (!v && lanes[i].run.unanswered);
        if (v && !(s->drop_empty && omn_value_empty(v))) out->list[out->n++] = omn_value_ref(v);
    }
done:
    for (size_t i = 0; i < n; i++) run_clear(&lanes[i].run);
    free(lanes);
    return st;
}

omn_status run_map(omn_pipeline_run *r, omn_call *c, const plan_step *s, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_value *over = omn_value_ref(r->slots[s->in[0]]), *out = NULL;
    const size_t n = count_of(over), most = s->asks ? MAP_ROWS : 1;
    kept k = { 0 };
    if (n == SIZE_MAX) {
        st = omn_fail(err, OMN_ERR_TYPE, "map goes over what has items, not over %s",
                      omn_value_kind_name(over));
        goto done;
    }
    k.list = calloc(n + 1, sizeof(omn_value *));
    if (!k.list) {
        st = omn_fail(err, OMN_ERR_MEMORY, "map: out of memory");
        goto done;
    }
    for (size_t i = 0; i < n; i += most)
        OMN_TRY(map_round(r, c, s, over, i, n - i < most ? n - i : most, &k, err));
    /* a list that lacks items which an answer would make is not an empty or a shorter one */
    if (!k.open) OMN_TRY(omn_list_new(k.list, k.n, &out, err));
    run_put(r, s->out[0], out);
    if (s->out[0] >= 0) r->waits[s->out[0]] = k.open;
done:
    for (size_t i = 0; i < k.n; i++) omn_value_unref(k.list[i]);
    free(k.list);
    omn_value_unref(over);
    return st;
}

/* ---- repeat --------------------------------------------------------------------------------- */

typedef struct turns {
    omn_value **before, **next; /* of what is carried */
    omn_value **kept;
    size_t n_kept;
    int64_t done;
    bool ended;
} turns;

/* One whose question is about an absent value has not ended. */
static omn_status has_ended(omn_pipeline_run *r, const plan_step *s, bool *ended, omn_error *err)
{
    const condition *u = &s->until;
    const int sides[] = { u->left.slot, u->right.slot };
    *ended = false;
    if (u->test == TEST_NONE) return OMN_OK;
    for (size_t i = 0; i < 2; i++) {
        if (sides[i] < 0) continue;
        const omn_status st = run_part(r, sides[i], err);
        if (st != OMN_OK) return st;
        if (!r->slots[sides[i]] && u->test >= TEST_EQUAL) return OMN_OK;
    }
    return condition_holds(r, u, ended, err);
}

/* One turn: the steps, what is kept of it, whether it was the last, what the next begins with. */
static omn_status turn(omn_pipeline_run *r, omn_call *c, const plan_step *s, turns *t,
                       omn_error *err)
{
    omn_status st = OMN_OK;
    OMN_TRY(run_steps(r, c, s->steps, s->n_steps, err));
    OMN_TRY(run_part(r, s->keep, err));
    t->done++;
    if (r->slots[s->keep]) t->kept[t->n_kept++] = omn_value_ref(r->slots[s->keep]);
    OMN_TRY(has_ended(r, s, &t->ended, err));
    for (size_t i = 0; i < s->n_carry; i++) {
        OMN_TRY(run_part(r, s->carry[i].next, err));
        t->next[i] = omn_value_ref(r->slots[s->carry[i].next]);
    }
    for (size_t i = 0; i < s->n_carry; i++) {
        if (t->next[i]) run_put(r, s->carry[i].slot, t->next[i]);
        t->next[i] = NULL;
    }
done:
    return st;
}

static omn_status tell_unmet(omn_pipeline_run *r, const plan_step *s, omn_error *err)
{
    omn_buf b;
    omn_buf_init(&b, 1 << 16);
    omn_buf_printf(&b, "%s:%d: repeat ended after %lld turns: until ", s->at->file,
                   (int)s->at->line, (long long)s->most);
    condition_print(r->p, &s->until, &b);
    omn_buf_puts(&b, " did not hold");
    omn_status st = omn_buf_check(&b, "a note", err);
    if (st == OMN_OK) st = told_note(r->told, b.data, err);
    omn_buf_fini(&b);
    return st;
}

omn_status run_repeat(omn_pipeline_run *r, omn_call *c, const plan_step *s, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_value *all = NULL;
    turns t = { .before = calloc(s->n_carry + 1, sizeof(omn_value *)),
                .next = calloc(s->n_carry + 1, sizeof(omn_value *)),
                .kept = calloc((size_t)s->most, sizeof(omn_value *)) };
    if (!t.before || !t.next || !t.kept) {
        st = omn_fail(err, OMN_ERR_MEMORY, "repeat: out of memory");
        goto done;
    }
    for (size_t i = 0; i < s->n_carry; i++) t.before[i] = omn_value_ref(r->slots[s->carry[i].slot]);
    while (st == OMN_OK && !t.ended && t.done < s->most) st = turn(r, c, s, &t, err);
    /* outside, the names are what they were */
    for (size_t i = 0; i < s->n_carry; i++)
        run_put(r, s->carry[i].slot, omn_value_ref(t.before[i]));
    if (st == OMN_OK && s->out[1] >= 0) st = omn_list_new(t.kept, t.n_kept, &all, err);
    if (st == OMN_OK && !t.ended && s->until.test != TEST_NONE) st = tell_unmet(r, s, err);
    if (st != OMN_OK) goto done;
    run_put(r, s->out[1], all);
    run_put(r, s->out[0], t.n_kept ? omn_value_ref(t.kept[t.n_kept - 1]) : NULL);
done:
    for (size_t i = 0; t.before && t.next && i < s->n_carry; i++) {
        omn_value_unref(t.before[i]);
        omn_value_unref(t.next[i]);
    }
    for (size_t i = 0; i < t.n_kept; i++) omn_value_unref(t.kept[i]);
    free(t.before);
    free(t.next);
    free(t.kept);
    return st;
}
