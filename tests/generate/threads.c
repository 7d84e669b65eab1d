/* SPDX-License-Identifier: Apache-2.0 */
/* Two contexts in two threads, two runners of one model in two threads, a cancel from elsewhere:
 * each says what it says alone. Run under ThreadSanitizer this is the proof that nothing is shared
 * by mistake. */
#include "tests/generate/toy.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 6 };

static const char *folder;

typedef struct job {
    omn_model *model; /* NULL: a context of its own */
    uint64_t first;
    char *said[ROUNDS];
} job;

static void *work(void *user)
{
    job *j = user;
    omn_error err = OMN_ERROR_INIT;
    toy own = { 0 };
    omn_runner *r = NULL;
    if (!j->model) toy_open(&own, folder, 2);
    ck_assert_int_eq(omn_runner_new(j->model ? j->model : own.model, &r, &err), OMN_OK);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        static const char *const prompts[2] = { "what is it?",
                                                "how many small red cubes are there?" };
        const omn_request rq = { OMN_FILL(omn_request), .prompt = prompts[i % 2], .temperature = 1,
                                 .top_p = 1, .max_tokens = 10, .seed = j->first + i };
        omn_result out = { OMN_FILL(omn_result) };
        ck_assert_msg(omn_generate(r, &rq, &out, &err) == OMN_OK, "%s", err.text);
        j->said[i] = strdup(toy_text(&out));
        omn_result_fini(&out);
    }
    omn_runner_free(r);
    if (!j->model) toy_close(&own);
    return NULL;
}

static void together(omn_model *model)
{
    job alone[2], both[2];
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        alone[i] = both[i] = (job){ .model = model, .first = (uint64_t)i * 100 };
        work(&alone[i]);
    }
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work, &both[i]), 0);
    for (int i = 0; i < 2; i++) ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < ROUNDS; k++) {
            ck_assert_str_eq(alone[i].said[k], both[i].said[k]);
            free(alone[i].said[k]);
            free(both[i].said[k]);
        }
}

START_TEST(two_contexts_in_two_threads)
{
    folder = testing_folder();
    toy_write(folder, 8);
    together(NULL);
}
END_TEST

START_TEST(two_runners_of_one_model_in_two_threads)
{
    toy t;
    folder = testing_folder();
    toy_write(folder, 8);
    toy_open(&t, folder, 2);
    together(t.model);
    toy_close(&t);
}
END_TEST

/* A watcher that cancels from a thread of its own at the third token and waits until that is done,
 * so the run cannot have been over before. */
typedef struct canceller {
    omn_runner *runner;
    int heard;
} canceller;

static void *cancel(void *user)
{
    omn_runner_cancel(user);
    return NULL;
}

static int at_the_third(void *user, const omn_event *e)
{
    canceller *c = user;
    pthread_t thread;
    (void)e;
    if (++c->heard != 3) return 0;
    ck_assert_int_eq(pthread_create(&thread, NULL, cancel, c->runner), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    return 0;
}

START_TEST(cancel_from_another_thread)
{
    toy t;
    omn_error err = OMN_ERROR_INIT;
    omn_result out = { OMN_FILL(omn_result) };
    folder = testing_folder();
    toy_write(folder, 8);
    toy_open(&t, folder, 1);
    canceller c = { t.runner, 0 };
    const omn_request rq = { OMN_FILL(omn_request), .prompt = "tell me", .temperature = 1,
                             .top_p = 1, .max_tokens = 48, .min_tokens = 48,
                             .watch = at_the_third, .user = &c };
    ck_assert_int_eq(omn_generate(t.runner, &rq, &out, &err), OMN_ERR_CANCELLED);
    ck_assert_int_eq(c.heard, 3);
    ck_assert_uint_lt(out.tokens, 48);
    ck_assert_ptr_nonnull(out.text);
    omn_result_fini(&out);
    toy_close(&t);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        two_contexts_in_two_threads,
        two_runners_of_one_model_in_two_threads,
        cancel_from_another_thread,
    };
    return TESTING_RUN("generate/threads", all, 30); /* a model for each thread */
}
