/* SPDX-License-Identifier: Apache-2.0 */
/* The pool: every item once, the same pieces for every number of threads, several callers, splits
 * within splits, and the call that carries a pool, a cancel flag and a log. Runs clean under
 * ThreadSanitizer. */
#include <omnio/base.h>

#include "tests/testing.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { N = 5000 };

static omn_pool *make(uint32_t threads)
{
    omn_pool *p = NULL;
    omn_error err = OMN_ERROR_INIT;
    ck_assert_msg(omn_pool_new(threads, &p, &err) == OMN_OK, "%s", err.text);
    return p;
}

typedef struct marks {
    atomic_uint seen[N], ends[N + 1];
} marks;

static void mark(void *user, size_t from, size_t to)
{
    marks *m = user;
    ck_assert(from < to && to <= N);
    for (size_t i = from; i < to; i++) atomic_fetch_add(&m->seen[i], 1);
    atomic_fetch_add(&m->ends[to], 1);
}

START_TEST(every_item_runs_once_and_pieces_do_not_depend_on_threads)
{
    static marks want, got;
    const size_t sizes[] = { 1, 2, 3, 7, 64, 1000, 4096, N };
    const size_t grains[] = { 0, 1, 3, 64, 5000, 1000000 };
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        for (size_t g = 0; g < sizeof grains / sizeof *grains; g++) {
            memset(&want, 0, sizeof want);
            omn_pool_split(NULL, sizes[s], grains[g], mark, &want);
            size_t last = 0;
            for (size_t i = 1; i <= sizes[s]; i++) {
                ck_assert_uint_eq(atomic_load(&want.seen[i - 1]), 1);
                if (!atomic_load(&want.ends[i])) continue;
                ck_assert(i - last >= grains[g] || sizes[s] < grains[g]);
                last = i;
            }
            ck_assert_uint_eq(last, sizes[s]);
            for (uint32_t threads = 1; threads <= 5; threads += 2) {
                omn_pool *p = make(threads);
                memset(&got, 0, sizeof got);
                omn_pool_split(p, sizes[s], grains[g], mark, &got);
                ck_assert_int_eq(memcmp(&want, &got, sizeof want), 0);
                omn_pool_free(p);
            }
        }
    }
}
END_TEST

static void never(void *user, size_t from, size_t to)
{
    (void)user;
    ck_abort_msg("called for %zu..%zu", from, to);
}

START_TEST(an_empty_range_calls_nobody)
{
    omn_pool *p = make(3);
    omn_pool_split(p, 0, 1, never, NULL);
    omn_pool_split(NULL, 0, 1, never, NULL);
    omn_pool_free(p);
    omn_pool_free(NULL);
    ck_assert_uint_eq(omn_pool_threads(NULL), 1);
}
END_TEST

START_TEST(silly_numbers_of_threads_are_refused)
{
    omn_pool *p = NULL;
    omn_error err = OMN_ERROR_INIT;
    ck_assert_int_eq(omn_pool_new(257, &p, &err), OMN_ERR_ARGUMENT);
    ck_assert_ptr_null(p);
    ck_assert_str_eq(err.text, "257 threads are outside 1..256");
    p = make(0);
    ck_assert_uint_ge(omn_pool_threads(p), 1);
    omn_pool_free(p);
}
END_TEST

/* Plain memory, no atomics: what a piece wrote must be visible to the caller and to later
 * pieces. */
static void add_one(void *user, size_t from, size_t to)
{
    unsigned *v = user;
    for (size_t i = from; i < to; i++) v[i]++;
}

START_TEST(thousands_of_short_splits_follow_each_other)
{
    static unsigned v[64];
    omn_pool *p = make(4);
    for (unsigned round = 1; round <= 20000; round++) {
        omn_pool_split(p, 64, 1 + round % 16, add_one, v);
        ck_assert_uint_eq(v[round % 64], round);
    }
    for (size_t i = 0; i < 64; i++) ck_assert_uint_eq(v[i], 20000);
    omn_pool_free(p);
}
END_TEST

START_TEST(workers_that_slept_wake_up)
{
    static unsigned v[8];
    const struct timespec pause = { 0, 2000000 };
    omn_pool *p = make(3);
    for (unsigned round = 1; round <= 50; round++) {
        nanosleep(&pause, NULL);
        omn_pool_split(p, 8, 1, add_one, v);
        for (size_t i = 0; i < 8; i++) ck_assert_uint_eq(v[i], round);
    }
    omn_pool_free(p);
}
END_TEST

typedef struct meeting {
    atomic_uint here;
    bool met;
} meeting;

/* Two pieces wait for each other: they can only end when two threads run them. */
static void meet(void *user, size_t from, size_t to)
{
    meeting *m = user;
    (void)to;
    atomic_fetch_add(&m->here, 1);
    time_t until = time(NULL) + 10;
    while (atomic_load(&m->here) < 2 && time(NULL) < until) continue;
    if (from == 0) m->met = atomic_load(&m->here) == 2;
}

START_TEST(two_threads_really_work_at_the_same_time)
{
    omn_pool *p = make(2);
    for (int i = 0; i < 20; i++) {
        meeting m = { .met = false };
        omn_pool_split(p, 2, 1, meet, &m);
        ck_assert(m.met);
    }
    omn_pool_free(p);
}
END_TEST

typedef struct nest {
    omn_pool *pool;
    pthread_t self;
    atomic_uint sum;
} nest;

static void inner(void *user, size_t from, size_t to)
{
    nest *n = user;
    ck_assert_msg(pthread_equal(n->self, pthread_self()), "a nested split left its thread");
    atomic_fetch_add(&n->sum, (unsigned)(to - from));
}

static void outer(void *user, size_t from, size_t to)
{
    nest *shared = user;
    for (size_t i = from; i < to; i++) {
        nest mine = { .pool = shared->pool, .self = pthread_self() };
        omn_pool_split(shared->pool, 100, 7, inner, &mine);
        atomic_fetch_add(&shared->sum, atomic_load(&mine.sum));
    }
}

START_TEST(a_split_inside_a_split_stays_on_its_thread)
{
    nest n = { .pool = make(4) };
    omn_pool_split(n.pool, 300, 1, outer, &n);
    ck_assert_uint_eq(atomic_load(&n.sum), 30000);
    omn_pool_free(n.pool);
}
END_TEST

typedef struct caller {
    omn_pool *pool;
    unsigned v[256];
    unsigned rounds;
} caller;

static void *call_often(void *arg)
{
    caller *c = arg;
    for (unsigned i = 0; i < c->rounds; i++) omn_pool_split(c->pool, 256, 8, add_one, c->v);
    return NULL;
}

START_TEST(several_callers_share_a_pool)
{
    enum { CALLERS = 4 };
    static caller callers[CALLERS];
    pthread_t threads[CALLERS];
    omn_pool *p = make(3);
    for (int i = 0; i < CALLERS; i++) {
        callers[i].pool = p;
        callers[i].rounds = 1000;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, call_often, &callers[i]), 0);
    }
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(threads[i], NULL);
        for (int j = 0; j < 256; j++) ck_assert_uint_eq(callers[i].v[j], 1000);
    }
    omn_pool_free(p);
}
END_TEST

typedef struct stopping {
    omn_cancel *cancel;
    atomic_uint pieces;
} stopping;

/* The eleventh piece sets the flag; those that begin meanwhile wait for it, however long it takes
 * until that thread is let run. */
static void stop_early(void *user, size_t from, size_t to)
{
    stopping *s = user;
    const unsigned n = atomic_fetch_add(&s->pieces, 1);
    (void)from;
    (void)to;
    if (n == 10) omn_cancel_set(s->cancel);
    while (n > 10 && !omn_cancel_get(s->cancel)) sched_yield();
}

START_TEST(a_call_stops_between_pieces)
{
    omn_error err = OMN_ERROR_INIT;
    omn_call *call = NULL;
    stopping s = { .cancel = omn_cancel_new() };
    omn_call_setup how = { OMN_FILL(omn_call_setup), .pool = make(3), .cancel = s.cancel };
    ck_assert_int_eq(omn_call_new(&how, &call, &err), OMN_OK);
    ck_assert_ptr_eq(omn_call_pool(call), how.pool);
    ck_assert(!omn_call_cancelled(call));
    ck_assert_int_eq(omn_call_split(call, 1000, 1, stop_early, &s, &err), OMN_ERR_CANCELLED);
    ck_assert_uint_eq(err.status, OMN_ERR_CANCELLED);
    ck_assert(omn_call_cancelled(call));
    /* The one that set the flag, and at most one more piece for each of the three threads. */
    ck_assert_uint_ge(atomic_load(&s.pieces), 11);
    ck_assert_uint_le(atomic_load(&s.pieces), 14);
    omn_call_free(call);
    omn_pool_free(how.pool);
    omn_cancel_free(s.cancel);
}
END_TEST

static void keep_text(void *user, omn_level level, const char *text)
{
    char *kept = user;
    ck_assert_int_eq(level, OMN_LOG_WARN);
    memcpy(kept, text, strlen(text) + 1);
}

static void keep_progress(void *user, uint64_t done, uint64_t total)
{
    uint64_t *kept = user;
    kept[0] = done;
    kept[1] = total;
}

START_TEST(a_call_logs_counts_and_draws)
{
    char text[1100] = "";
    uint64_t progress[2] = { 0, 0 };
    omn_call *a = NULL, *b = NULL, *bare = NULL;
    omn_call_setup how = { OMN_FILL(omn_call_setup), .log = keep_text, .log_user = text,
                           .progress = keep_progress, .progress_user = progress, .seed = 5,
                           .item = 9 };
    ck_assert_int_eq(omn_call_new(&how, &a, NULL), OMN_OK);
    ck_assert_int_eq(omn_call_new(&how, &b, NULL), OMN_OK);
    ck_assert_int_eq(omn_call_new(NULL, &bare, NULL), OMN_OK);
    omn_call_log(a, OMN_LOG_WARN, "%d boxes", 3);
    ck_assert_str_eq(text, "3 boxes");
    omn_call_progress(a, 2, 8);
    ck_assert(progress[0] == 2 && progress[1] == 8);
    uint64_t first = omn_call_random(a);
    ck_assert(first == omn_call_random(b));
    ck_assert(first != omn_call_random(a));
    unsigned char *p = omn_call_scratch(a, 100, 10);
    ck_assert_ptr_nonnull(p);
    ck_assert(p[0] == 0 && p[999] == 0);
    ck_assert_ptr_null(omn_call_scratch(a, SIZE_MAX, 16));
    omn_call_log(bare, OMN_LOG_ERROR, "nobody listens");
    omn_call_progress(bare, 1, 2);
    ck_assert(!omn_call_cancelled(bare));
    ck_assert_int_eq(omn_call_split(bare, 0, 1, never, NULL, NULL), OMN_OK);
    omn_call_free(a);
    omn_call_free(b);
    omn_call_free(bare);
    omn_call_free(NULL);
}
END_TEST

START_TEST(an_older_caller_with_a_shorter_setup_is_understood)
{
    omn_call *c = NULL;
    omn_call_setup how = { .size = (uint32_t)offsetof(omn_call_setup, cancel) };
    how.cancel = (omn_cancel *)(uintptr_t)1; /* beyond what this caller says it filled */
    ck_assert_int_eq(omn_call_new(&how, &c, NULL), OMN_OK);
    ck_assert(!omn_call_cancelled(c));
    omn_call_free(c);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        every_item_runs_once_and_pieces_do_not_depend_on_threads,
        an_empty_range_calls_nobody,
        silly_numbers_of_threads_are_refused,
        thousands_of_short_splits_follow_each_other,
        workers_that_slept_wake_up,
        two_threads_really_work_at_the_same_time,
        a_split_inside_a_split_stays_on_its_thread,
        several_callers_share_a_pool,
        a_call_stops_between_pieces,
        a_call_logs_counts_and_draws,
        an_older_caller_with_a_shorter_setup_is_understood,
    };
    /* 30 s: under a sanitizer, on a machine that does other things, the short splits take
     * seconds. */
    return TESTING_RUN("base/pool", all, 30);
}
