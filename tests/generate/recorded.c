/* SPDX-License-Identifier: Apache-2.0 */
/* Searches on what original programs recorded: OFA's beams, with a trie of answers and a beginning
 * that is given, with exactly so many ids and blocked repeats; the greedy answers of Unified-IO 1,
 * Flamingo and VL-T5; actions of Gato within their ranges. */
#include "tests/testing.h"

#include "libcore/generate/decode.h"
#include "tests/codec/golden.h"
#include "tests/generate/made.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static omn_status nothing(void *user, const int32_t *from, size_t rows, omn_error *err)
{
    (void)user;
    (void)from;
    (void)rows;
    (void)err;
    return OMN_OK;
}

/* ---- rules over bare ids -------------------------------------------------------------------- */

static const omn_rule *one_by_one(omn_rules *r, const int32_t *ids, size_t n)
{
    const omn_rule *list[32];
    ck_assert_uint_lt(n, 32);
    for (size_t i = 0; i < n; i++) list[i] = omn_rules_ids(r, &ids[i], 1);
    return omn_rules_seq(r, list, n);
}

/* What is given first, then one of the answers [n, L]; end and padding end a row. */
static void trie(machine *m, const omn_vocab *v, const int32_t *first, size_t n_first,
                 const int32_t *answers, size_t n, size_t L)
{
    omn_rules *r = NULL;
    const omn_rule *list[64], *both[2];
    size_t k = 0;
    ck_assert_int_eq(rules_new(v, NULL, &r, NULL), OMN_OK);
    for (size_t i = 0; i < n; i++) {
        size_t length = 0;
        while (length < L && answers[i * L + length] > 2) length++;
        list[i] = one_by_one(r, answers + i * L, length);
    }
    while (k < n_first && first[k] > 2) k++;
    both[0] = k ? one_by_one(r, first, k) : NULL;
    both[1] = omn_rules_either(r, list, n);
    machine_make(m, v, r, k ? omn_rules_seq(r, both, 2) : both[1]);
}

/* ---- OFA: candidates were recorded, so each row's logits are made of those that it had ------- */

typedef struct candidates {
    const float *scores;          /* [steps, S, C] */
    const int32_t *ids, *beams;
    size_t S, K, C, V, step, steps;
    double live[2][8];            /* scores of the beams */
    float *made;
} candidates;

static omn_status remake(void *user, const int32_t *fed, size_t rows, size_t T,
                         const int32_t *start, const float **out, omn_error *err)
{
    candidates *r = user;
    (void)fed;
    (void)start;
    (void)err;
    ck_assert_uint_eq(T, 1);
    ck_assert_uint_lt(r->step, r->steps);
    for (size_t i = 0; i < rows * r->V; i++) r->made[i] = -1e4f;
    for (size_t s = 0; s < r->S; s++) {
        const size_t at = (r->step * r->S + s) * r->C;
        double next[8], mass[8] = { 0 };
        size_t alive = 0;
        for (size_t c = 0; c < r->C; c++) {
            if (r->ids[at + c] < 0 || (double)r->scores[at + c] < -1e20) continue;
            const size_t k = (size_t)r->beams[at + c];
            const double lp = (double)r->scores[at + c] - r->live[s][k];
            r->made[(s * r->K + k) * r->V + (size_t)r->ids[at + c]] = (float)lp;
            mass[k] += exp(lp);
            if (r->ids[at + c] != 2 && alive < r->K) next[alive++] = (double)r->scores[at + c];
        }
        /* the rest of the probability lies on the padding, which is never said */
        for (size_t k = 0; k < r->K; k++)
            r->made[(s * r->K + k) * r->V + 1] =
                (float)log(mass[k] < 1 - 1e-6 ? 1 - mass[k] : 1e-6);
        for (size_t k = 0; k < alive; k++) r->live[s][k] = next[k];
    }
    r->step++;
    *out = r->made;
    return OMN_OK;
}


#define ANSWERS 14                /* of every trie */

typedef struct ofa {
    const char *name;
    int32_t beams;
    double alpha;
    int32_t most, least, no_repeat;
    bool tries, renormalise;
    size_t V;
} ofa;

static void hypotheses(const ofa *o)
{
    char where[128];
    size_t n = 0, nh = 0, nt = 0, nl = 0, np = 0, na = 0;
    snprintf(where, sizeof where, "tests/golden/search/ofa_%s.safetensors", o->name);
    float *cand = golden_tensor(where, "out.cand_scores", &n);
    int32_t *ids = golden_tensor(where, "out.cand_ids", &n);
    int32_t *from = golden_tensor(where, "out.cand_beams", &n);
    float *scores = golden_tensor(where, "out.hypo_scores", &nh);
    int32_t *tokens = golden_tensor(where, "out.hypo_tokens", &nt);
    int32_t *lengths = golden_tensor(where, "out.hypo_len", &nl);
    int32_t *answers = o->tries ? golden_tensor(where, "in.trie_answers", &na) : NULL;
    int32_t *prefix = o->tries && !strstr(o->name, "free")
                          ? golden_tensor(where, "in.prefix_tokens", &np) : NULL;
    const size_t S = 2, K = (size_t)o->beams, C = 2 * K;
    candidates r = { .scores = cand, .ids = ids, .beams = from, .S = S, .K = K, .C = C, .V = o->V,
                     .steps = n / S / C, .made = calloc(S * K * o->V, sizeof(float)) };
    int32_t padding[1] = { 1 };
    const spelling spell = { .rows = (int32_t)o->V, .banned = padding, .n_banned = 1 };
    const omn_vocab vocab = { OMN_FILL(omn_vocab), .rows = (int32_t)o->V, .stop = 2 };
    omn_request rq = { OMN_FILL(omn_request), .min_tokens = o->least, .no_repeat = o->no_repeat,
                       .beams = { .count = o->beams, .alpha = o->alpha, .stop = OMN_BEAM_FULL,
                                  .renormalise = o->renormalise } };
    search_model m = { .user = &r, .logits = remake, .reorder = nothing, .V = o->V, .start = 0,
                       .stop = 2, .name = o->name };
    machine rules[2];
    chooser c[2];
    beam_result out[2];
    omn_error err = OMN_ERROR_INIT;
    for (size_t i = 0; i < S; i++) {
        c[i] = (chooser){ .rq = &rq, .V = o->V, .row = i, .stop = 2, .most = o->most,
                          .spell = &spell, .name = o->name };
        if (!o->tries) continue;
        trie(&rules[i], &vocab, prefix ? prefix + i * (np / S) : NULL, np / S, answers, ANSWERS,
             na / ANSWERS);
        c[i].program = rules[i].p;
        c[i].walk = rules[i].w;
    }
    ck_assert_msg(decode_beam(&m, c, S, out, &err) == OMN_OK, "%s: %s", o->name, err.text);
    for (size_t i = 0; i < S; i++) {
        ck_assert_uint_eq(out[i].n, K);
        for (size_t k = 0; k < K; k++) {
            const hypothesis *h = &out[i].list[k];
            const int32_t *want = tokens + (i * K + k) * (nt / S / K);
            ck_assert(h->stopped);
            ck_assert_int_eq(h->p.n + 1, lengths[i * K + k]);
            ck_assert_mem_eq(h->p.ids, want, (size_t)h->p.n * sizeof *want);
            ck_assert_double_eq_tol(h->score, (double)scores[i * K + k],
                                    o->renormalise ? 2e-4 : 2e-5);
        }
        beam_result_free(&out[i]);
        if (o->tries) machine_end(&rules[i]);
    }
    free(cand), free(ids), free(from), free(scores), free(tokens), free(lengths), free(r.made);
    free(answers), free(prefix);
}

START_TEST(beams_of_ofa)
{
    static const ofa list[] = {
        { "a_beam", 5, 1, 16, 0, 3, false, false, 476 },
        { "b_beam", 5, 1, 16, 0, 3, false, false, 442 },
        { "a_beam_lenpen", 3, 0.7, 10, 0, 0, false, false, 476 },
        { "b_beam_lenpen", 3, 0.7, 10, 0, 0, false, false, 442 },
        { "a_greedy", 1, 1, 20, 0, 0, false, false, 476 },
        { "b_greedy", 1, 1, 20, 0, 0, false, false, 442 },
        { "a_codes_greedy", 1, 1, 16, 0, 0, false, false, 476 },
        { "b_codes_greedy", 1, 1, 9, 0, 0, false, false, 442 },
        { "a_grounding", 5, 1, 4, 4, 3, false, false, 476 },
        { "b_grounding", 5, 1, 4, 4, 3, false, false, 442 },
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) hypotheses(&list[i]);
}
END_TEST

/* One of some answers, alone and behind a beginning that is given. Within the trie scores are those
 * of its ids alone; what no candidate was recorded for is a little of them. */
START_TEST(answers_of_a_trie_of_ofa)
{
    static const ofa list[] = {
        { "a_beam_trie_free", 4, 1, 7, 0, 0, true, false, 476 },
        { "b_beam_trie_free", 4, 1, 10, 0, 0, true, false, 442 },
        { "a_beam_trie_free", 4, 1, 7, 0, 0, true, true, 476 },
        { "b_beam_trie_free", 4, 1, 10, 0, 0, true, true, 442 },
        { "a_beam_trie", 5, 0, 16, 0, 0, true, false, 476 },
        { "b_beam_trie", 5, 0, 20, 0, 0, true, false, 442 },
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) hypotheses(&list[i]);
}
END_TEST

/* ---- greedy answers ------------------------------------------------------------------------- */

typedef struct recorded {
    const float *logits;          /* [rows, steps, V] */
    size_t rows, steps, V, step;
    float *made;                  /* [rows, V] */
} recorded;

static omn_status replay(void *user, const int32_t *ids, size_t rows, size_t T,
                         const int32_t *start, const float **out, omn_error *err)
{
    recorded *r = user;
    (void)ids;
    (void)start;
    (void)err;
    ck_assert_uint_eq(rows, r->rows);
    ck_assert_uint_eq(T, 1);
    ck_assert_uint_lt(r->step, r->steps);
    for (size_t i = 0; i < rows; i++)
        memcpy(r->made + i * r->V, r->logits + (i * r->steps + r->step) * r->V,
               r->V * sizeof *r->made);
    r->step++;
    *out = r->made;
    return OMN_OK;
}

/* The likeliest id of each step of each row, until the stop. want [rows, each]. score: its sum is
 * added; NULL: nobody asks. */
static void greedy(const float *logits, size_t rows, size_t steps, size_t V, int32_t stop,
                   const int32_t *want, size_t each, machine *rules, double *score)
{
    recorded r = { .logits = logits, .rows = rows, .steps = steps, .V = V,
                   .made = calloc(rows * V, sizeof(float)) };
    omn_request rq = { OMN_FILL(omn_request) };
    search_model m = { .user = &r, .logits = replay, .reorder = nothing, .V = V, .stop = stop,
                       .name = "recorded" };
    lane lanes[8];
    omn_error err = OMN_ERROR_INIT;
    ck_assert_uint_le(rows, 8);
    for (size_t i = 0; i < rows; i++) {
        lanes[i] = (lane){ .how = { .rq = &rq, .V = V, .row = i, .stop = stop,
                                    .most = (int32_t)steps, .name = "recorded" } };
        if (rules) {
            lanes[i].how.program = rules->p;
            lanes[i].how.walk = rules->w;
        }
        ck_assert_int_eq(path_new(&lanes[i].p, &lanes[i].how, NULL), OMN_OK);
    }
    ck_assert_msg(decode_left(&m, lanes, rows, 0, NULL, &err) == OMN_OK, "%s", err.text);
    for (size_t i = 0; i < rows; i++) {
        const path *p = &lanes[i].p;
        const int32_t n = p->n;
        ck_assert(lanes[i].stopped || (size_t)n == steps);
        ck_assert_mem_eq(p->ids, want + i * each, (size_t)n * sizeof *want);
        if ((size_t)n < steps) ck_assert_int_eq(want[i * each + (size_t)n], stop);
        if (score) score[i] += p->score;
        path_free(&lanes[i].p);
    }
    free(r.made);
}

START_TEST(greedy_answers_of_flamingo_and_vlt5)
{
    static const struct { const char *file; int32_t stop; size_t skip; } list[] = {
        { "flamingo_a", 327, 9 }, { "flamingo_b", 327, 9 }, { "flamingo_e", 327, 9 },
        { "vlt5_a", 1, 1 }, { "vlt5_b", 1, 1 },
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        char where[128];
        size_t n = 0, n_ids = 0;
        snprintf(where, sizeof where, "tests/golden/search/%s.safetensors", list[i].file);
        float *logits = golden_tensor(where, "out.step_logits", &n);
        int32_t *ids = golden_tensor(where, "out.greedy", &n_ids);
        const size_t each = n_ids / 2, steps = each - list[i].skip;
        greedy(logits, 2, steps, n / 2 / steps, list[i].stop, ids + list[i].skip, each, NULL, NULL);
        free(logits), free(ids);
    }
}
END_TEST

/* A text of which every end is one id like others; then a picture, whose score is that of both. */
START_TEST(greedy_answers_of_unified_io_1)
{
    static const struct { const char *name; size_t rows, steps; } list[] = { { "a", 2, 16 },
                                                                             { "b", 1, 256 } };
    for (size_t i = 0; i < 2; i++) {
        char where[128];
        size_t n = 0, m = 0, k = 0;
        double score[2] = { 0 };
        snprintf(where, sizeof where, "tests/golden/search/uio1_%s_text.safetensors", list[i].name);
        float *logits = golden_tensor(where, "out.step_logits", &n);
        int32_t *ids = golden_tensor(where, "out.tokens", &m);
        const size_t steps = i ? 24 : 6;
        greedy(logits, 2, steps, n / 2 / steps, -1, ids, m / 2, NULL, NULL);
        free(logits), free(ids);
        snprintf(where, sizeof where, "tests/golden/search/uio1_%s_image.safetensors",
                 list[i].name);
        const size_t rows = list[i].rows;
        logits = golden_tensor(where, "out.text_step_logits", &n);
        ids = golden_tensor(where, "out.text_tokens", &m);
        greedy(logits, rows, 1, n / rows, -1, ids, 1, NULL, score);
        free(logits), free(ids);
        logits = golden_tensor(where, "out.step_logits", &n);
        ids = golden_tensor(where, "out.codes", &m);
        float *want = golden_tensor(where, "out.scores", &k);
        greedy(logits, rows, list[i].steps, n / rows / list[i].steps, -1, ids, list[i].steps, NULL,
               score);
        ck_assert_uint_eq(k, rows);
        for (size_t b = 0; b < rows; b++)
            ck_assert_double_eq_tol(score[b], (double)want[b], 1e-5 * fabs((double)want[b]));
        free(logits), free(ids), free(want);
    }
}
END_TEST

/* Two continuous actions and a discrete one, each the likeliest of its range. */
START_TEST(actions_of_gato)
{
    static const omn_range a[2] = { { "continuous", 90, 64, 1 }, { "discrete", 0, 20, 1 } };
    static const omn_range b[2] = { { "continuous", 80, 48, 1 }, { "discrete", 128, 30, 1 } };
    static const omn_vocab vocabs[2] = {
        { OMN_FILL(omn_vocab), .rows = 155, .stop = -1, .ranges = a, .n_ranges = 2 },
        { OMN_FILL(omn_vocab), .rows = 159, .stop = -1, .ranges = b, .n_ranges = 2 },
    };
    for (int i = 0; i < 2; i++) {
        char where[128];
        size_t n = 0, m = 0;
        machine rules;
        omn_rules *r = NULL;
        const omn_vocab *v = &vocabs[i];
        ck_assert_int_eq(rules_new(v, NULL, &r, NULL), OMN_OK);
        const omn_rule *list[3] = { omn_rules_range(r, "continuous"),
                                    omn_rules_range(r, "continuous"),
                                    omn_rules_range(r, "discrete") };
        machine_make(&rules, v, r, omn_rules_seq(r, list, 3));
        snprintf(where, sizeof where, "tests/golden/search/gato_%c.safetensors", 'a' + i);
        float *logits = golden_tensor(where, "out.step_logits", &n);
        int32_t *ids = golden_tensor(where, "out.actions", &m);
        ck_assert_uint_eq(m, 7 * 3);
        greedy(logits, 7, 3, (size_t)v->rows, -1, ids, 3, &rules, NULL);
        machine_end(&rules);
        free(logits), free(ids);
    }
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        beams_of_ofa,
        answers_of_a_trie_of_ofa,
        greedy_answers_of_flamingo_and_vlt5,
        greedy_answers_of_unified_io_1,
        actions_of_gato,
    };
    return TESTING_RUN("generate/recorded", all, 30);
}
