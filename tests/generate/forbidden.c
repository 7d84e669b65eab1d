/* SPDX-License-Identifier: Apache-2.0 */
/* What is forbidden is never said, however likely it is: a made-up model that wants nothing more
 * than what may not come is asked by every search, under rules of random sets of ids, for the codes
 * of a decoder, and freely but for ids that say nothing. The sets are the test's own, so what comes
 * is judged without the rules. */
#include "tests/generate/made.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IDS 24
#define FIRST_CODE 10
#define CODES 9
#define STOP 20
#define LONGEST 6

/* What an answer may be: `least` to `most` ids, each of the set of its place. */
typedef struct language {
    uint32_t sets[LONGEST];
    int32_t least, most;
    bool end;                     /* the model has an end token */
    bool ruled;                   /* by rules; else by what says nothing */
} language;

typedef struct wishful {
    made_up made;                 /* first: user of its functions */
    const language *l;
} wishful;

/* The likeliest are those that nowhere may come, then those that may come elsewhere. */
static omn_status wishes(void *user, const int32_t *ids, size_t rows, size_t T,
                         const int32_t *start, const float **out, omn_error *err)
{
    wishful *w = user;
    const float *x;
    const omn_status st = made_logits(&w->made, ids, rows, T, start, &x, err);
    uint32_t some = 0;
    for (int32_t i = 0; i < w->l->most; i++) some |= w->l->sets[i];
    for (size_t i = 0; i < rows * T; i++) {
        const int32_t at = start[i / T] + (int32_t)(i % T);
        const uint32_t here = at < w->l->most ? w->l->sets[at] : 0;
        for (size_t v = 0; v < IDS; v++)
            w->made.logits[i * IDS + v] += !(some >> v & 1) ? 9 : !(here >> v & 1) ? 6 : 0;
    }
    *out = x;
    return st;
}

static omn_status swap(void *user, const int32_t *from, size_t rows, omn_error *err)
{
    return made_reorder(&((wishful *)user)->made, from, rows, err);
}

static void judged(const language *l, const omn_request *rq, const path *p, bool stopped,
                   int32_t limit, const char *how)
{
    ck_assert_int_le(p->n, limit);
    ck_assert_int_le(p->n, l->most);
    if (stopped) ck_assert_int_ge(p->n, l->least);
    else ck_assert_int_eq(p->n, limit);
    if (stopped && l->end) ck_assert_int_ge(p->n, rq->min_tokens < l->most ? rq->min_tokens : 0);
    for (int32_t i = 0; i < p->n; i++)
        ck_assert_msg(p->ids[i] >= 0 && p->ids[i] < IDS && l->sets[i] >> p->ids[i] & 1,
                      "%s: id %d at place %d may not come there", how, (int)p->ids[i], (int)i);
    for (int32_t i = 2; rq->no_repeat == 2 && i < p->n; i++)
        for (int32_t k = 1; k < i; k++)
            ck_assert(p->ids[i] != p->ids[k] || p->ids[i - 1] != p->ids[k - 1]);
}

/* Chance that wants what is forbidden: the top end of u, or noise upon it. */
static int greedy_noise(void *user, size_t row, int32_t step, size_t n, double *u, float *gumbel)
{
    const language *l = user;
    (void)row;
    if (step % 2) {
        *u = 0.9999999;
        return 0;
    }
    for (size_t v = 0; v < n; v++)
        gumbel[v] = step < l->most && l->sets[step] >> v & 1 ? 0 : 1000;
    return 1;
}

static wishful model_of(const language *l, uint64_t seed, search_model *s)
{
    wishful w = { .made = { .seed = seed, .V = IDS, .each = 1, .spread = 4 }, .l = l };
    *s = made_model(&w.made, l->end ? STOP : -1);
    s->logits = wishes;
    s->reorder = swap;
    return w;
}

static void by_lanes(const language *l, const chooser *c, const omn_request *rq, uint64_t seed,
                     uint32_t conditions)
{
    search_model s;
    wishful w = model_of(l, seed, &s);
    lane one = { .how = *c };
    omn_error err = OMN_ERROR_INIT;
    const double weight = -3;
    const bool jacobi = rq->scheme == OMN_SCHEME_JACOBI;
    s.user = &w;
    one.how.rq = rq;
    ck_assert_int_eq(path_new(&one.p, &one.how, NULL), OMN_OK);
    const omn_status st = jacobi ? decode_jacobi(&s, &one, 1, rq->window, &err)
                                 : decode_left(&s, &one, 1, conditions, &weight, &err);
    ck_assert_msg(st == OMN_OK, "%s", err.text);
    judged(l, rq, &one.p, one.stopped, c->most, jacobi ? "a window" : "left to right");
    path_free(&one.p);
}

static void by_beams(const language *l, const chooser *c, const omn_request *rq, uint64_t seed)
{
    search_model s;
    wishful w = model_of(l, seed, &s);
    chooser how = *c;
    beam_result out;
    omn_error err = OMN_ERROR_INIT;
    s.user = &w;
    how.rq = rq;
    ck_assert_msg(decode_beam(&s, &how, 1, &out, &err) == OMN_OK, "%s", err.text);
    ck_assert_uint_gt(out.n, 0);
    for (size_t k = 0; k < out.n; k++)
        judged(l, rq, &out.list[k].p, out.list[k].stopped, c->most, "beams");
    beam_result_free(&out);
}

static void every_search(const language *l, const chooser *c, const omn_request *usual,
                         uint64_t seed)
{
    static const struct { double temperature, top_p; int32_t top_k; omn_top_p_rule rule; } draws[] =
        { { 0, 0, 0, 0 }, { 1, 1, 0, 0 }, { 5, 1, 0, 0 }, { 0.7, 1, 3, 0 }, { 1, 0.5, 0, 0 },
          { 2, 0.9, 0, OMN_TOP_P_WITHIN } };
    for (size_t i = 0; i < sizeof draws / sizeof *draws; i++) {
        omn_request rq = *usual;
        rq.temperature = draws[i].temperature;
        rq.top_p = draws[i].top_p;
        rq.top_k = draws[i].top_k;
        rq.top_p_rule = draws[i].rule;
        rq.seed = seed;
        by_lanes(l, c, &rq, seed, 0);
        by_lanes(l, c, &rq, seed, 1);
        rq.scheme = OMN_SCHEME_JACOBI;
        rq.window = 2 + (int32_t)(seed % 7);
        by_lanes(l, c, &rq, seed, 0);
        rq.scheme = OMN_SCHEME_LEFT_TO_RIGHT;
        rq.noise = greedy_noise;
        rq.noise_user = (void *)(uintptr_t)l;
        if (rq.temperature > 0) by_lanes(l, c, &rq, seed, 0);
    }
    for (omn_beam_stop stop = OMN_BEAM_BOUND; stop <= OMN_BEAM_NEVER; stop++) {
        omn_request rq = *usual;
        if (stop == OMN_BEAM_NEVER && l->end && !l->ruled) continue; /* it may say its end */
        rq.beams = (omn_beams){ .count = 1 + (int32_t)(seed % 5), .alpha = 0.6, .stop = stop,
                                .renormalise = seed % 2 };
        rq.temperature = seed % 3 ? 0 : 2;
        by_beams(l, c, &rq, seed);
    }
}

static void ruled(const language *l, int32_t limit, uint64_t seed)
{
    static const omn_vocab vocab = { OMN_FILL(omn_vocab), .rows = IDS, .stop = STOP };
    const omn_request rq = { OMN_FILL(omn_request) };
    const omn_rule *seq[LONGEST + 1];
    omn_rules *r = NULL;
    machine rules;
    ck_assert_int_eq(rules_new(&vocab, NULL, &r, NULL), OMN_OK);
    const omn_rule *tail = NULL;
    for (int32_t i = l->most - 1; i >= 0; i--) {
        int32_t ids[IDS];
        size_t n = 0;
        for (int32_t v = 0; v < IDS; v++)
            if (l->sets[i] >> v & 1) ids[n++] = v;
        seq[0] = omn_rules_ids(r, ids, n);
        seq[1] = tail;
        tail = tail ? omn_rules_seq(r, seq, 2) : seq[0];
        if (i >= l->least) tail = omn_rules_repeat(r, tail, 0, 1);
    }
    machine_make(&rules, &vocab, r, tail);
    const chooser c = { .program = rules.p, .walk = rules.w, .V = IDS,
                        .stop = l->end ? STOP : -1, .most = limit, .name = "made up" };
    every_search(l, &c, &rq, seed);
    machine_end(&rules);
}

START_TEST(rules_of_random_sets_hold)
{
    for (uint64_t seed = 0; seed < 60; seed++) {
        language l = { .end = seed % 3 != 0, .ruled = true };
        l.most = 1 + (int32_t)(omn_random_at(seed, 1, 0) % LONGEST);
        l.least = (int32_t)(omn_random_at(seed, 2, 0) % (uint64_t)(l.most + 1));
        if (!l.end) l.least = l.most;   /* nothing else would say where it ends */
        for (int32_t i = 0; i < l.most; i++) {
            const uint32_t few = (uint32_t)omn_random_at(seed, 3, (uint64_t)i) &
                                 (uint32_t)omn_random_at(seed, 4, (uint64_t)i);
            l.sets[i] = (few | 1u << (omn_random_at(seed, 5, (uint64_t)i) % STOP)) &
                        ((1u << IDS) - 1) & ~(1u << STOP);
        }
        ruled(&l, LONGEST + 1, seed);
        ruled(&l, 1 + (int32_t)(seed % 3), seed);
    }
}
END_TEST

START_TEST(codes_of_a_decoder_are_its_codes)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        language l = { .least = LONGEST, .most = LONGEST, .end = seed % 2, .ruled = true };
        for (int32_t i = 0; i < l.most; i++) l.sets[i] = ((1u << CODES) - 1) << FIRST_CODE;
        ruled(&l, LONGEST + 1, seed);
        ruled(&l, LONGEST, seed);
        ruled(&l, LONGEST - 2, seed);
    }
}
END_TEST

/* Without rules: ids that say nothing, repeated pairs, and an end before its time. */
START_TEST(a_free_answer_says_what_can_be_said)
{
    int32_t nothing[IDS];
    size_t n = 0;
    for (int32_t v = 0; v < IDS; v++)
        if (v >= FIRST_CODE && v != STOP) nothing[n++] = v;
    const spelling spell = { .rows = IDS, .banned = nothing, .n_banned = n };
    for (uint64_t seed = 0; seed < 20; seed++) {
        language l = { .most = LONGEST, .end = true };
        for (int32_t i = 0; i < l.most; i++) l.sets[i] = (1u << FIRST_CODE) - 1;
        const omn_request rq = { OMN_FILL(omn_request), .no_repeat = seed % 2 ? 2 : 0,
                                 .min_tokens = (int32_t)(seed % LONGEST) };
        const chooser c = { .spell = &spell, .V = IDS, .stop = STOP, .most = LONGEST,
                            .name = "made up" };
        every_search(&l, &c, &rq, seed);
    }
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        rules_of_random_sets_hold,
        codes_of_a_decoder_are_its_codes,
        a_free_answer_says_what_can_be_said,
    };
    return TESTING_RUN("generate/forbidden", all, 60); /* every search, many times */
}
