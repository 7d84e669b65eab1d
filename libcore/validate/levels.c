/* SPDX-License-Identifier: Apache-2.0 */
/* Two levels that repeat calls: one looks at the memory of the process, one calls from several
 * threads. */
#include "inside.h"

#include "config.h"

#include "libcore/base/call.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#ifdef HAVE_MALLINFO2
#include <malloc.h>
#endif

#define ROUNDS 4
#define CALLS  24 /* of each round, when they are quick */
#define FEWEST 6  /* fewer tell nothing: what the heap keeps for itself comes and goes */
#define AGAIN  4  /* times as many when it is looked at again */
#define LEAST  16 /* bytes for each call: no block of the heap is smaller */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OWN_HEAP 0 /* a sanitizer's heap does not tell; it finds leaks itself */
#else
#define OWN_HEAP 1
#endif

void call_once(trial *t, const craft *k)
{
    const size_t mark = call_scratch_mark(t->c);
    k->call(t);
    call_scratch_release(t->c, mark);
}

static void again(const trial *t, const craft *k, trial *out)
{
    *out = *t;
    out->d.n = 0;
    out->digest = DIGEST_START;
    out->found[0] = 0;
    call_once(out, k);
}

/* How many calls take some 1.5 s, by the time of one: 1 to `most`. */
static int affordable(const trial *t, const craft *k, int most)
{
    struct timespec from, to;
    trial one;
    clock_gettime(CLOCK_MONOTONIC, &from);
    again(t, k, &one);
    clock_gettime(CLOCK_MONOTONIC, &to);
    const double s = (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
    const double n = s > 0 ? 1.5 / s : most;
    return n < 1 ? 1 : n < most ? (int)n : most;
}

#if defined(HAVE_MALLINFO2) && OWN_HEAP
static size_t in_use(void)
{
    const struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}
#endif

#if defined(HAVE_MALLINFO2) && OWN_HEAP
/* What is in use once a library's own threads had time to give back what they hold, or `enough`
 * at once. */
static size_t settled(size_t enough)
{
    const struct timespec moment = { 0, 20000000 };
    size_t now = in_use();
    for (int i = 0; i < 25 && now > enough; i++) {
        nanosleep(&moment, NULL);
        now = in_use();
    }
    return now;
}
#endif

void check_leaks(trial *t, const craft *k)
{
#if defined(HAVE_MALLINFO2) && OWN_HEAP
    size_t least = SIZE_MAX; /* that a round has grown by, for each of its calls */
    trial one;
    const int calls = affordable(t, k, ROUNDS * CALLS) / ROUNDS;
    const size_t slack = k == &craft_compute ? compute_slack(t->s) : 0;
    const size_t most = slack ? slack : LEAST;
    t->slow = calls < FEWEST;
    if (t->slow) return;
    /* What is kept for later calls is taken in the first rounds; a leak grows in every round, and
     * goes on doing so when it is looked at again, however many calls there are then. What the heap
     * keeps for each thread counts as in use, and fills up for some rounds. */
    for (int round = 0; round < 3 * ROUNDS; round++) {
        const bool again_now = round >= ROUNDS;
        if (again_now && (least == SIZE_MAX || least < most)) return;
        const int n = again_now ? AGAIN * calls : calls;
        const size_t before = in_use();
        for (int i = 0; i < n; i++) again(t, k, &one);
        const size_t after = again_now ? settled(before + (size_t)n * most - 1) : in_use();
        const size_t grown = (after > before ? after - before : 0) / (size_t)n;
        if (round > 0 && grown < least) least = grown;
    }
    if (least != SIZE_MAX && least >= most)
        complain(t, "%zu bytes more are in use after each call", least);
#else
    (void)k;
    snprintf(t->left_out, sizeof(t->left_out), "this build cannot tell how much memory is in use");
#endif
}

enum { WORKERS = 4, EACH = 12 };

typedef struct worker {
    const trial *t;
    const craft *k;
    pthread_t thread;
    int each;
    bool started, failed;
    uint64_t digests[EACH];
    char found[700];
} worker;

static uint64_t seed_of(const trial *t, int i)
{
    return omn_random_at(t->d.seed, 0x7468, (uint64_t)i) | 1;
}

/* The same cases in every thread. */
static void *work(void *user)
{
    worker *w = user;
    omn_call *c = NULL;
    w->failed = omn_context_call(w->t->s->ctx, 1, 1, NULL, &c, NULL) != OMN_OK;
    for (int i = 0; i < w->each && !w->failed; i++) {
        trial one = *w->t;
        one.c = c;
        one.d.seed = seed_of(w->t, i);
        one.d.c = c;
        trial done;
        again(&one, w->k, &done);
        w->digests[i] = done.digest;
        if (done.found[0] && !w->found[0]) snprintf(w->found, sizeof(w->found), "%s", done.found);
    }
    omn_call_free(c);
    return NULL;
}

void check_threads(trial *t, const craft *k)
{
    worker alone = { .t = t, .k = k }, w[WORKERS];
    const int each = affordable(t, k, EACH * WORKERS) / WORKERS;
    alone.each = each ? each : 1;
    work(&alone);
    for (int i = 0; i < WORKERS; i++) {
        w[i] = (worker){ .t = t, .k = k, .each = alone.each };
        w[i].started = pthread_create(&w[i].thread, NULL, work, &w[i]) == 0;
    }
    for (int i = 0; i < WORKERS; i++) {
        if (!w[i].started) continue;
        pthread_join(w[i].thread, NULL);
        if (w[i].failed || alone.failed) continue;
        for (int j = 0; j < alone.each; j++)
            if (w[i].digests[j] != alone.digests[j])
                complain(t, "%d threads at once get another result than one%s%s", WORKERS,
                         w[i].found[0] ? ": " : "", w[i].found);
    }
}
