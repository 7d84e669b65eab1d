/* SPDX-License-Identifier: Apache-2.0 */
/* The call: everything a working function may use while it runs, in one handle, so that a plugin
 * needs no globals and a host can run many of them side by side. */
#include "libcore/base/call.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct omn_call {
    omn_call_setup how;
    omn_arena *scratch; /* made when first asked for */
    uint64_t drawn;     /* random numbers so far */
};

omn_status omn_call_new(const omn_call_setup *how, omn_call **out, omn_error *err)
{
    *out = NULL;
    omn_call *c = calloc(1, sizeof *c);
    if (!c) return omn_fail(err, OMN_ERR_MEMORY, "no memory for a call");
    if (how) {
        /* The caller may know fewer members than we do, or more. */
        size_t n = how->size < sizeof c->how ? how->size : sizeof c->how;
        memcpy(&c->how, how, n);
    }
    c->how.size = sizeof c->how;
    *out = c;
    return OMN_OK;
}

void omn_call_free(omn_call *c)
{
    if (!c) return;
    omn_arena_free(c->scratch);
    free(c);
}

omn_pool *omn_call_pool(const omn_call *c)
{
    return c->how.pool;
}

void *omn_call_host(const omn_call *c)
{
    return c->how.host;
}

uint64_t omn_call_most_bytes(const omn_call *c)
{
    return c ? c->how.most_bytes : 0;
}

void *omn_call_scratch(omn_call *c, size_t count, size_t each)
{
    if (!c->scratch) c->scratch = omn_arena_new(0);
    return c->scratch ? omn_arena_alloc(c->scratch, count, each) : NULL;
}

size_t call_scratch_mark(const omn_call *c)
{
    return c->scratch ? omn_arena_mark(c->scratch) : 0;
}

void call_scratch_release(omn_call *c, size_t mark)
{
    if (c->scratch) omn_arena_release(c->scratch, mark);
}

bool omn_call_cancelled(const omn_call *c)
{
    return omn_cancel_get(c->how.cancel);
}

void omn_call_progress(omn_call *c, uint64_t done, uint64_t total)
{
    if (c->how.progress) c->how.progress(c->how.progress_user, done, total);
}

void omn_call_log(omn_call *c, omn_level level, const char *fmt, ...)
{
    char text[1024];
    if (!c->how.log) return;
    va_list ap;
    va_start(ap, fmt);
    int n = omn_vformat(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n >= 0) c->how.log(c->how.log_user, level, omn_text_clean(text));
}

typedef struct guarded {
    const omn_cancel *cancel;
    omn_range_fn *fn;
    void *user;
    atomic_bool skipped;
} guarded;

static void run_unless_cancelled(void *user, size_t from, size_t to)
{
    guarded *g = user;
    if (omn_cancel_get(g->cancel)) {
        atomic_store_explicit(&g->skipped, true, memory_order_relaxed);
        return;
    }
    g->fn(g->user, from, to);
}

omn_status omn_call_split(omn_call *c, size_t n, size_t grain, omn_range_fn *fn, void *user,
                          omn_error *err)
{
    if (!c->how.cancel) {
        omn_pool_split(c->how.pool, n, grain, fn, user);
        return OMN_OK;
    }
    guarded g = { .cancel = c->how.cancel, .fn = fn, .user = user };
    atomic_init(&g.skipped, false);
    omn_pool_split(c->how.pool, n, grain, run_unless_cancelled, &g);
    if (atomic_load_explicit(&g.skipped, memory_order_relaxed))
        return omn_fail(err, OMN_ERR_CANCELLED, "stopped on request");
    return OMN_OK;
}

uint64_t omn_call_random(omn_call *c)
{
    return omn_random_at(c->how.seed, c->how.item + 1, c->drawn++);
}
