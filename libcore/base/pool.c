/* SPDX-License-Identifier: Apache-2.0 */
/* A fixed pool of threads. A split hands out pieces of a range; the pieces depend on the range
 * alone, never on the number of threads, so whatever is summed per piece is the same everywhere.
 *
 * Built for splits of some ten microseconds, one after the other:
 * - a worker that has nothing to do looks for new work for a short while before it sleeps, and a
 *   caller only pays for waking those that sleep;
 * - every thread begins with a share of its own, always the same one, because what the last split
 *   left in its processor's caches is what it often meets again; then it takes what is left of the
 *   other shares;
 * - a worker that comes late is not waited for. Workers enter a split through a gate that counts
 *   who
 *   is inside; when the pieces are gone the caller closes the gate and waits only for those inside.
 *
 * The gate is one number, so that entering and closing cannot cross. `epoch` counts splits;
 * sleeping and waking is ordered by the sequentially consistent pair (sleepers, epoch): either the
 * worker sees the new epoch, or the caller sees the sleeper. */
#include "libcore/base/compiler.h"

#include <omnio/base.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config.h"

enum { MOST_THREADS = 256, MOST_PIECES = 1024, SPIN_NS = 30000, SPINS_PER_LOOK = 32 };
#define GATE_CLOSED 0x80000000u

typedef struct share {
    _Alignas(64) atomic_size_t next;    /* piece to be taken */
    size_t end;
} share;

struct omn_pool {
    uint32_t threads, started;
    bool spins;          /* false when there are more threads than processors */
    pthread_t *workers;
    pthread_mutex_t turn; /* held by the caller whose split runs */

    /* The split that runs; written while the gate is closed and nobody is inside. */
    omn_range_fn *fn;
    void *user;
    size_t n, pieces, n_shares;
    share *shares;                   /* [threads] */
    atomic_uint seats;               /* workers that know which share is theirs */
    _Alignas(64) atomic_uint gate;   /* GATE_CLOSED, and how many workers are inside */
    _Alignas(64) atomic_uint epoch;
    atomic_uint sleepers;
    atomic_bool stop, caller_sleeps;

    pthread_mutex_t lock; /* for the two conditions only */
    pthread_cond_t work, done;
};

/* Is this thread inside a split already? Each thread answers for itself: nothing is shared. */
static _Thread_local unsigned splits_here;

/* How many processors may this process use? */
static uint32_t processors(void)
{
    long n = 0;
#if defined(HAVE_SCHED_GETAFFINITY) && defined(CPU_ALLOC)
    for (int most = 1024; most <= 1 << 20 && n == 0; most *= 4) {
        cpu_set_t *set = CPU_ALLOC((size_t)most);
        if (!set) break;
        size_t bytes = CPU_ALLOC_SIZE((size_t)most);
        if (sched_getaffinity(0, bytes, set) == 0)
            n = CPU_COUNT_S(bytes, set);
        else if (errno != EINVAL)
            n = -1;
        CPU_FREE(set);
    }
#endif
    if (n <= 0) n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > MOST_THREADS ? MOST_THREADS : (uint32_t)n;
}

static uint64_t now_ns(void)
{
    struct timespec t = { 0, 0 };
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static size_t pieces_of(size_t n, size_t grain)
{
    size_t pieces = n / (grain > 0 ? grain : 1);
    return pieces < 1 ? 1 : pieces > MOST_PIECES ? MOST_PIECES : pieces;
}

/* Piece i of n items: the first n % pieces are one longer than the others. */
static void run_piece(omn_range_fn *fn, void *user, size_t n, size_t pieces, size_t i)
{
    size_t each = n / pieces, longer = n % pieces;
    size_t from = i * each + (i < longer ? i : longer);
    fn(user, from, from + each + (i < longer ? 1 : 0));
}

static void take_pieces(omn_pool *p, size_t seat)
{
    splits_here++;
    for (size_t k = 0; k < p->n_shares; k++) {
        share *s = &p->shares[(seat + k) % p->n_shares];
        for (;;) {
            const size_t i = atomic_fetch_add_explicit(&s->next, 1, memory_order_relaxed);
            if (i >= s->end) break;
            run_piece(p->fn, p->user, p->n, p->pieces, i);
        }
    }
    splits_here--;
}

static void share_out(omn_pool *p)
{
    const size_t n = p->pieces < p->threads ? p->pieces : p->threads;
    p->n_shares = n;
    for (size_t i = 0; i < n; i++) {
        atomic_store_explicit(&p->shares[i].next, p->pieces * i / n, memory_order_relaxed);
        p->shares[i].end = p->pieces * (i + 1) / n;
    }
}

static bool enter(omn_pool *p)
{
    unsigned gate = atomic_load_explicit(&p->gate, memory_order_relaxed);
    while (!(gate & GATE_CLOSED)) {
        if (atomic_compare_exchange_weak_explicit(&p->gate, &gate, gate + 1, memory_order_acquire,
                                                  memory_order_relaxed))
            return true;
    }
    return false;
}

static void leave(omn_pool *p)
{
    if (atomic_fetch_sub(&p->gate, 1) != (GATE_CLOSED | 1)) return;
    if (!atomic_load(&p->caller_sleeps)) return;
    pthread_mutex_lock(&p->lock);
    pthread_cond_signal(&p->done);
    pthread_mutex_unlock(&p->lock);
}

/* Returns when there is another split than `seen`, or when the pool ends. */
static void wait_for_work(omn_pool *p, unsigned seen)
{
    if (p->spins) {
        uint64_t until = now_ns() + SPIN_NS;
        do {
            for (int i = 0; i < SPINS_PER_LOOK; i++) {
                if (atomic_load_explicit(&p->epoch, memory_order_acquire) != seen) return;
                cpu_relax();
            }
        } while (now_ns() < until);
    }
    pthread_mutex_lock(&p->lock);
    atomic_fetch_add(&p->sleepers, 1);
    while (atomic_load(&p->epoch) == seen && !atomic_load(&p->stop))
        pthread_cond_wait(&p->work, &p->lock);
    atomic_fetch_sub(&p->sleepers, 1);
    pthread_mutex_unlock(&p->lock);
}

static void *work(void *arg)
{
    omn_pool *p = arg;
    unsigned seen = 0;
    const size_t seat = 1 + atomic_fetch_add(&p->seats, 1); /* 0 is the caller's */
    while (!atomic_load(&p->stop)) {
        unsigned epoch = atomic_load(&p->epoch);
        if (epoch == seen) {
            wait_for_work(p, seen);
            continue;
        }
        seen = epoch;
        if (enter(p)) {
            take_pieces(p, seat);
            leave(p);
        }
    }
    return NULL;
}

static void wait_for_workers(omn_pool *p)
{
    if (p->spins) {
        uint64_t until = now_ns() + SPIN_NS;
        do {
            for (int i = 0; i < SPINS_PER_LOOK; i++) {
                if (atomic_load_explicit(&p->gate, memory_order_acquire) == GATE_CLOSED) return;
                cpu_relax();
            }
        } while (now_ns() < until);
    }
    pthread_mutex_lock(&p->lock);
    atomic_store(&p->caller_sleeps, true);
    while (atomic_load(&p->gate) != GATE_CLOSED) pthread_cond_wait(&p->done, &p->lock);
    atomic_store(&p->caller_sleeps, false);
    pthread_mutex_unlock(&p->lock);
}

static void wake(omn_pool *p, size_t wanted)
{
    unsigned sleepers = atomic_load(&p->sleepers);
    if (sleepers == 0) return;
    pthread_mutex_lock(&p->lock);
    if (wanted >= sleepers) {
        pthread_cond_broadcast(&p->work);
    } else {
        for (size_t i = 0; i < wanted; i++) pthread_cond_signal(&p->work);
    }
    pthread_mutex_unlock(&p->lock);
}

void omn_pool_split(omn_pool *p, size_t n, size_t grain, omn_range_fn *fn, void *user)
{
    if (n == 0) return;
    size_t pieces = pieces_of(n, grain);
    if (!p || p->started == 0 || pieces == 1 || splits_here > 0) {
        splits_here++;
        for (size_t i = 0; i < pieces; i++) run_piece(fn, user, n, pieces, i);
        splits_here--;
        return;
    }
    pthread_mutex_lock(&p->turn);
    p->fn = fn;
    p->user = user;
    p->n = n;
    p->pieces = pieces;
    share_out(p);
    atomic_store_explicit(&p->gate, 0, memory_order_release);
    atomic_fetch_add(&p->epoch, 1);
    wake(p, pieces - 1);
    take_pieces(p, 0);
    if (atomic_fetch_or(&p->gate, GATE_CLOSED) != 0) wait_for_workers(p);
    pthread_mutex_unlock(&p->turn);
}

/* Threads of a library leave the program's signals to the program's own threads. */
static int start_workers(omn_pool *p)
{
    sigset_t all, before;
    int code = 0;
    sigfillset(&all);
    /* Those that the thread's own instruction raises: blocked, they would end the process before a
     * handler could say why. */
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGILL);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0) return EINVAL;
    while (p->started + 1 < p->threads && code == 0) {
        code = pthread_create(&p->workers[p->started], NULL, work, p);
        if (code == 0) p->started++;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

omn_status omn_pool_new(uint32_t threads, omn_pool **out, omn_error *err)
{
    *out = NULL;
    uint32_t usable = processors();
    if (threads == 0) threads = usable;
    if (threads > MOST_THREADS)
        return omn_fail(err, OMN_ERR_ARGUMENT, "%u threads are outside 1..%d", (unsigned)threads,
                        MOST_THREADS);
    omn_pool *p = aligned_alloc(_Alignof(omn_pool), sizeof *p);
    pthread_t *workers = calloc(threads, sizeof *workers);
    share *shares = aligned_alloc(_Alignof(share), threads * sizeof *shares);
    if (!p || !workers || !shares) {
        free(p);
        free(shares);
        free(workers);
        return omn_fail(err, OMN_ERR_MEMORY, "no memory for a pool of %u threads",
                        (unsigned)threads);
    }
    memset(p, 0, sizeof *p);
    p->workers = workers;
    p->shares = shares;
    for (uint32_t i = 0; i < threads; i++) atomic_init(&shares[i].next, 0);
    p->threads = threads;
    p->spins = threads <= usable;
    atomic_init(&p->seats, 0);
    atomic_init(&p->gate, GATE_CLOSED);
    atomic_init(&p->epoch, 0);
    atomic_init(&p->sleepers, 0);
    atomic_init(&p->stop, false);
    atomic_init(&p->caller_sleeps, false);
    if (pthread_mutex_init(&p->turn, NULL) != 0 || pthread_mutex_init(&p->lock, NULL) != 0 ||
        pthread_cond_init(&p->work, NULL) != 0 || pthread_cond_init(&p->done, NULL) != 0) {
        free(shares);
        free(workers);
        free(p);
        return omn_fail(err, OMN_ERR_MEMORY, "no memory for the locks of a pool");
    }
    int code = start_workers(p);
    if (code != 0) {
        unsigned started = p->started + 1;
        omn_pool_free(p);
        return omn_fail(err, OMN_ERR_MEMORY,
                        "only %u of %u threads could be started (error %d); ask for fewer",
                        started, (unsigned)threads, code);
    }
    *out = p;
    return OMN_OK;
}

void omn_pool_free(omn_pool *p)
{
    if (!p) return;
    atomic_store(&p->stop, true);
    atomic_fetch_add(&p->epoch, 1);
    pthread_mutex_lock(&p->lock);
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
    for (uint32_t i = 0; i < p->started; i++) pthread_join(p->workers[i], NULL);
    pthread_cond_destroy(&p->done);
    pthread_cond_destroy(&p->work);
    pthread_mutex_destroy(&p->lock);
    pthread_mutex_destroy(&p->turn);
    free(p->shares);
    free(p->workers);
    free(p);
}

uint32_t omn_pool_threads(const omn_pool *p)
{
    return p ? p->threads : 1;
}
