/* SPDX-License-Identifier: Apache-2.0 */
/* Beams that are wide enough to keep everything against the list of all answers of a small made-up
 * model, counted one by one: when ends count, what becomes of what is alive at the limit, how
 * length is weighed, and sentences of one batch that have limits and weights of their own. */
#include "tests/generate/made.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IDS 4
#define STOP 3
#define WIDE 64                   /* no fewer than there are answers of up to MOST ids */
#define MOST 3
#define SENTENCES 3

typedef struct listed {
    double score;
    int32_t ids[MOST + 1], n;
    bool stopped;
} listed;

typedef struct wanted {
    const made_up *m;
    const omn_request *rq;
    size_t of;                    /* sentence */
    int32_t most;
    listed list[512];
    size_t n;
} wanted;

static double weighed(const omn_beams *b, double sum, int32_t length)
{
    if (b->penalty == OMN_PENALTY_SIXTHS) return sum / pow((5.0 + length) / 6.0, b->alpha);
    return sum / pow(length, b->alpha);
}

static void add(wanted *w, const int32_t *ids, int32_t n, bool stopped, double sum, int32_t length)
{
    ck_assert_uint_lt(w->n, sizeof w->list / sizeof *w->list);
    listed *l = &w->list[w->n++];
    *l = (listed){ .score = weighed(&w->rq->beams, sum, length), .n = n, .stopped = stopped };
    if (n) memcpy(l->ids, ids, (size_t)n * sizeof *ids);
}

/* All answers that begin with these ids, whose log-probabilities have this sum. */
static void count(wanted *w, int32_t *ids, int32_t n, double sum)
{
    const omn_beams *b = &w->rq->beams;
    const bool never = b->stop == OMN_BEAM_NEVER, full = b->stop == OMN_BEAM_FULL;
    const bool may_end = !never && n >= w->rq->min_tokens;
    double lp[IDS], kept = 0;
    made_logprobs(w->m, w->of, ids, n, lp);
    for (int32_t v = 0; v < IDS; v++)
        if (v != STOP || may_end || never) kept += exp(lp[v]);
    for (int32_t v = 0; b->renormalise && v < IDS; v++) lp[v] -= log(kept);
    if (may_end && (n < w->most || b->stop == OMN_BEAM_FULL || b->stop == OMN_BEAM_BEST))
        add(w, ids, n, true, sum + lp[STOP], n + 1 + b->length_extra);
    if (n < w->most) {
        for (int32_t v = 0; v < IDS; v++) {
            if (v == STOP && !never) continue;
            ids[n] = v;
            count(w, ids, n + 1, sum + lp[v]);
        }
    } else if (b->stop == OMN_BEAM_BEST) {
        for (int32_t v = 0; v < STOP; v++)
            add(w, ids, n, false, sum + lp[v], n + 1 + b->length_extra);
    } else if (!full || !may_end) {
        add(w, ids, n, false, sum, n + b->open_extra);
    }
}

static int by_score(const void *a, const void *b)
{
    const listed *x = a, *y = b;
    return x->score < y->score ? 1 : x->score > y->score ? -1 : 0;
}

/* Sentence `of` found all that there is, in order, and each as it is. tol: of scores, relative. */
static void found(const made_up *m, const omn_request *rq, size_t of, int32_t most,
                  const beam_result *got, double tol)
{
    static wanted w;
    int32_t ids[MOST + 1];
    w = (wanted){ .m = m, .rq = rq, .of = of, .most = most };
    count(&w, ids, 0, 0);
    qsort(w.list, w.n, sizeof *w.list, by_score);
    ck_assert_uint_gt(w.n, 0);
    if (rq->beams.stop == OMN_BEAM_BEST) w.n = 1;
    ck_assert_uint_le(w.n, WIDE);
    ck_assert_uint_eq(got->n, w.n);
    for (size_t k = 0; k < w.n; k++) {
        const hypothesis *h = &got->list[k];
        size_t same = 0;
        ck_assert_double_eq_tol(h->score, w.list[k].score, tol * fmax(1, fabs(w.list[k].score)));
        for (size_t j = 0; j < w.n; j++) {
            const listed *l = &w.list[j];
            if (l->n != h->p.n || l->stopped != h->stopped ||
                (l->n && memcmp(l->ids, h->p.ids, (size_t)l->n * sizeof *l->ids)))
                continue;
            ck_assert_double_eq_tol(h->score, l->score, tol * fmax(1, fabs(l->score)));
            same++;
        }
        ck_assert_uint_eq(same, 1);
    }
}

/* One batch of sentences with these requests and limits. */
static void all_of(made_up *m, const omn_request *rq, const int32_t *most, double tol)
{
    search_model s = made_model(m, STOP);
    chooser c[SENTENCES];
    beam_result out[SENTENCES];
    omn_error err = OMN_ERROR_INIT;
    for (size_t i = 0; i < SENTENCES; i++)
        c[i] = (chooser){ .rq = &rq[i], .V = IDS, .row = i, .stop = STOP, .most = most[i],
                          .name = "made up" };
    ck_assert_msg(decode_beam(&s, c, SENTENCES, out, &err) == OMN_OK, "%s", err.text);
    for (size_t i = 0; i < SENTENCES; i++) {
        found(m, &rq[i], i, most[i], &out[i], tol);
        beam_result_free(&out[i]);
    }
}

static const int32_t limits[][SENTENCES] = { { 3, 3, 3 }, { 1, 3, 2 }, { 3, 1, 1 }, { 2, 3, 0 } };
static const double alphas[] = { 0, 0.6, 1, 2 };

static omn_request wide(omn_beam_stop stop, size_t k)
{
    const omn_penalty penalty = k % 2 ? OMN_PENALTY_SIXTHS : OMN_PENALTY_POWER;
    return (omn_request){ OMN_FILL(omn_request),
                          .beams = { .count = WIDE, .alpha = alphas[k / 2 % 4],
                                     .penalty = penalty, .stop = stop,
                                     .length_extra = k % 3 == 1, .open_extra = k % 3 == 2 } };
}

START_TEST(wide_beams_find_every_answer)
{
    static made_up m;
    for (omn_beam_stop stop = OMN_BEAM_BOUND; stop <= OMN_BEAM_NEVER; stop++)
        for (size_t k = 0; k < 24; k++)
            for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
                omn_request rq[SENTENCES];
                const int32_t *most = limits[i];
                m = (made_up){ .seed = 100 * k, .V = IDS, .each = WIDE };
                for (size_t j = 0; j < SENTENCES; j++) rq[j] = wide(stop, k + j);
                /* a penalty of no length is none */
                for (size_t j = 0; j < SENTENCES; j++) rq[j].beams.open_extra += most[j] == 0;
                all_of(&m, rq, most, 1e-9);
            }
}
END_TEST

/* Ends that come too early, or never: what is alive at the limit is the answer, by either sum. */
START_TEST(what_may_not_end_is_an_answer_as_it_is)
{
    static made_up m;
    static const int32_t most[SENTENCES] = { 3, 2, 1 };
    for (omn_beam_stop stop = OMN_BEAM_BOUND; stop <= OMN_BEAM_BEST; stop++)
        for (int32_t least = 1; least <= 4; least++)
            for (size_t k = 0; k < 16; k++) {
                omn_request rq[SENTENCES];
                m = (made_up){ .seed = 7 * k, .V = IDS, .each = WIDE };
                for (size_t j = 0; j < SENTENCES; j++) {
                    rq[j] = wide(stop, k);
                    rq[j].min_tokens = least;
                    rq[j].beams.renormalise = k % 2;
                }
                all_of(&m, rq, most, 1e-9);
            }
}
END_TEST

/* Scores far below any that a model usually gives are scores like others. */
START_TEST(scores_may_lie_far_below_nought)
{
    static made_up m;
    static const double spreads[] = { 1e6, 5e9, 1e20, 1e30 };
    static const int32_t most[SENTENCES] = { 3, 1, 2 };
    for (omn_beam_stop stop = OMN_BEAM_BOUND; stop <= OMN_BEAM_NEVER; stop++)
        for (size_t i = 0; i < sizeof spreads / sizeof *spreads; i++)
            for (size_t k = 0; k < 8; k++) {
                omn_request rq[SENTENCES];
                m = (made_up){ .seed = k, .V = IDS, .each = WIDE, .spread = spreads[i] };
                for (size_t j = 0; j < SENTENCES; j++) rq[j] = wide(stop, k);
                all_of(&m, rq, most, 1e-9);
            }
}
END_TEST

/* A temperature that pushes scores beyond what a float holds leaves the likeliest, and no NaN. */
START_TEST(a_temperature_near_nought_is_greedy)
{
    static made_up m;
    for (uint64_t seed = 0; seed < 40; seed++) {
        omn_request rq = wide(OMN_BEAM_NEVER, 0);
        int32_t ids[MOST];
        beam_result out;
        m = (made_up){ .seed = seed, .V = IDS };
        search_model s = made_model(&m, STOP);
        const chooser c = { .rq = &rq, .V = IDS, .stop = STOP, .most = MOST, .name = "made up" };
        rq.temperature = 1e-300;
        for (int32_t n = 0; n < MOST; n++) {
            double lp[IDS];
            made_logprobs(&m, 0, ids, n, lp);
            ids[n] = 0;
            for (int32_t v = 1; v < IDS; v++)
                if (lp[v] > lp[ids[n]]) ids[n] = v;
        }
        ck_assert_int_eq(decode_beam(&s, &c, 1, &out, NULL), OMN_OK);
        ck_assert_uint_eq(out.n, 1);
        ck_assert_int_eq(out.list[0].p.n, MOST);
        ck_assert_mem_eq(out.list[0].p.ids, ids, sizeof ids);
        ck_assert_double_eq_tol(out.list[0].score, 0, 1e-12);
        beam_result_free(&out);
    }
}
END_TEST

/* Two ids of three, no more, of a model that has no end, or of a search to which it is none: when
 * the rules want no more, the answer has ended. */
START_TEST(rules_end_an_answer_where_no_token_does)
{
    static const omn_vocab vocab = { OMN_FILL(omn_vocab), .rows = IDS, .stop = -1 };
    static const int32_t words[] = { 0, 1, 2 };
    static made_up m;
    for (omn_beam_stop stop = OMN_BEAM_BOUND; stop <= OMN_BEAM_NEVER; stop++)
        for (int32_t end = stop == OMN_BEAM_NEVER ? STOP : -1; end >= -1; end -= STOP + 1) {
            omn_rules *r = NULL;
            machine rules;
            beam_result out;
            omn_error err = OMN_ERROR_INIT;
            const omn_request rq = wide(stop, 4);
            double best = -INFINITY, one[IDS], two[IDS];
            m = (made_up){ .seed = 31, .V = IDS };
            ck_assert_int_eq(rules_new(&vocab, NULL, &r, NULL), OMN_OK);
            machine_make(&rules, &vocab, r, omn_rules_repeat(r, omn_rules_ids(r, words, 3), 2, 2));
            search_model s = made_model(&m, end);
            const chooser c = { .rq = &rq, .program = rules.p, .walk = rules.w, .V = IDS,
                                .stop = end, .most = 5, .name = "made up" };
            ck_assert_msg(decode_beam(&s, &c, 1, &out, &err) == OMN_OK, "%s", err.text);
            ck_assert_uint_eq(out.n, stop == OMN_BEAM_BEST ? 1 : 9);
            made_logprobs(&m, 0, NULL, 0, one);
            for (int32_t a = 0; a < 3; a++) {
                made_logprobs(&m, 0, &a, 1, two);
                for (int32_t b = 0; b < 3; b++) best = fmax(best, one[a] + two[b]);
            }
            ck_assert_double_eq_tol(out.list[0].score,
                                    weighed(&rq.beams, best, 2 + rq.beams.length_extra), 1e-9);
            for (size_t k = 0; k < out.n; k++) {
                ck_assert_int_eq(out.list[k].p.n, 2);
                ck_assert(out.list[k].stopped);
            }
            beam_result_free(&out);
            machine_end(&rules);
        }
}
END_TEST

/* A narrow search of a batch says of each sentence what it says of it alone. */
START_TEST(a_sentence_is_searched_as_if_it_were_alone)
{
    static made_up m, alone;
    static const int32_t most[SENTENCES] = { 2, 9, 5 };
    for (omn_beam_stop stop = OMN_BEAM_BOUND; stop <= OMN_BEAM_NEVER; stop++)
        for (size_t k = 0; k < 48; k++) {
            omn_request rq[SENTENCES];
            chooser c[SENTENCES];
            beam_result out[SENTENCES], one;
            m = (made_up){ .seed = 11 * k, .V = IDS, .each = 2 };
            search_model s = made_model(&m, STOP);
            for (size_t i = 0; i < SENTENCES; i++) {
                rq[i] = wide(stop, k + i);
                rq[i].beams.count = 2;
                c[i] = (chooser){ .rq = &rq[i], .V = IDS, .row = i, .stop = STOP,
                                  .most = most[i], .name = "made up" };
            }
            ck_assert_int_eq(decode_beam(&s, c, SENTENCES, out, NULL), OMN_OK);
            for (size_t i = 0; i < SENTENCES; i++) {
                alone = (made_up){ .seed = m.seed + i, .V = IDS };
                s = made_model(&alone, STOP);
                ck_assert_int_eq(decode_beam(&s, &c[i], 1, &one, NULL), OMN_OK);
                ck_assert_uint_eq(one.n, out[i].n);
                for (size_t j = 0; j < one.n; j++) {
                    const path *a = &one.list[j].p, *b = &out[i].list[j].p;
                    ck_assert_double_eq(one.list[j].score, out[i].list[j].score);
                    ck_assert_int_eq(a->n, b->n);
                    ck_assert_int_le(a->n, most[i]);
                    ck_assert_mem_eq(a->ids, b->ids, (size_t)a->n * sizeof *a->ids);
                }
                beam_result_free(&one);
                beam_result_free(&out[i]);
            }
        }
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        wide_beams_find_every_answer,
        what_may_not_end_is_an_answer_as_it_is,
        scores_may_lie_far_below_nought,
        a_temperature_near_nought_is_greedy,
        rules_end_an_answer_where_no_token_does,
        a_sentence_is_searched_as_if_it_were_alone,
    };
    return TESTING_RUN("generate/beams", all, 60); /* every answer, many times */
}
