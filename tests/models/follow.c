/* SPDX-License-Identifier: Apache-2.0 */
/* A model that follows an answer holds likely what it did while it wrote it: for the ids that it
 * wrote itself the same bits, for any ids a distribution, and what is no answer is refused. */
#include "tests/generate/toy.h"

#include <math.h>
#include <string.h>

#define MOST 64

typedef struct places {
    const int32_t *ids;
    size_t n, seen;
    int32_t stop;
    float of[MOST];
} places;

static omn_status look(void *user, size_t place, const float *x, size_t width, omn_error *err)
{
    places *p = user;
    double sum = 0;
    (void)err;
    ck_assert_uint_eq(place, p->seen++);
    ck_assert_uint_le(place, p->n);
    ck_assert_uint_lt(place, MOST);
    for (size_t i = 0; i < width; i++) {
        ck_assert(x[i] <= 0);
        sum += exp((double)x[i]);
    }
    ck_assert_double_eq_tol(sum, 1, 1e-4);
    p->of[place] = x[place < p->n ? p->ids[place] : p->stop];
    return OMN_OK;
}

START_TEST(what_was_written_is_as_likely_when_it_is_read)
{
    toy t;
    omn_error err = OMN_ERROR_INIT;
    toy_open(&t, testing_source("models/nano"), 2);
    omn_value *picture = toy_picture(&t, 128, 128, 3);
    omn_named in = { "image", picture };
    const omn_request rq = { OMN_FILL(omn_request), .prompt = "Caption this image.",
                             .inputs = &in, .n_inputs = 1, .max_tokens = MOST - 1 };
    omn_result res = { OMN_FILL(omn_result) };
    toy_answer(&t, &rq, &res);
    ck_assert_uint_gt(res.tokens, 3);
    places p = { res.ids, res.tokens, 0, 1, { 0 } };
    ck_assert_msg(omn_runner_follow(t.runner, &rq, res.ids, res.tokens, look, &p, &err) == OMN_OK,
                  "%s", err.text);
    ck_assert_uint_eq(p.seen, res.tokens + 1u);
    ck_assert(!memcmp(p.of, res.logprob, res.tokens * sizeof *p.of));

    /* another answer is less likely, and its first places are what they were */
    int32_t ids[MOST];
    memcpy(ids, res.ids, res.tokens * sizeof *ids);
    ids[2] = (ids[2] + 1) % 900;
    places q = { ids, res.tokens, 0, 1, { 0 } };
    ck_assert_int_eq(omn_runner_follow(t.runner, &rq, ids, res.tokens, look, &q, &err), OMN_OK);
    ck_assert(!memcmp(q.of, p.of, 2 * sizeof *p.of));
    ck_assert(q.of[2] < p.of[2]);

    ck_assert_int_eq(omn_runner_follow(t.runner, &rq, ids, 1 << 20, look, &q, &err), OMN_ERR_DATA);
    err = (omn_error)OMN_ERROR_INIT;
    ids[2] = 1 << 20;
    ck_assert_int_eq(omn_runner_follow(t.runner, &rq, ids, 3, look, &q, &err), OMN_ERR_DATA);
    ids[2] = omn_part_vocabulary(omn_model_decoder(t.model, "text"))->rows;
    err = (omn_error)OMN_ERROR_INIT;
    ck_assert_int_eq(omn_runner_follow(t.runner, &rq, ids, 3, look, &q, &err), OMN_ERR_DATA);
    ck_assert_ptr_nonnull(strstr(err.text, "is none of the"));
    ids[2]--;
    q.seen = 0;
    err = (omn_error)OMN_ERROR_INIT;
    ck_assert_int_eq(omn_runner_follow(t.runner, &rq, ids, 3, look, &q, &err), OMN_OK);
    omn_result_fini(&res);
    omn_value_unref(picture);
    toy_close(&t);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { what_was_written_is_as_likely_when_it_is_read };
    return TESTING_RUN("models/follow", all, 60); /* a model of real size, under sanitizers too */
}
