/* SPDX-License-Identifier: Apache-2.0 */
/* A list of free blocks under a lock, linked through their first bytes. */
#include "scratch.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

typedef struct block {
    struct block *next;
} block;

struct cpu_scratch {
    pthread_mutex_t lock;
    block *free;
    size_t bytes, surplus;              /* surplus: blocks to free when they come back */
};

cpu_scratch *cpu_scratch_new(size_t bytes)
{
    cpu_scratch *s = calloc(1, sizeof *s);
    if (s && pthread_mutex_init(&s->lock, NULL) != 0) {
        free(s);
        s = NULL;
    }
    if (s) s->bytes = (bytes + 63) / 64 * 64;
    return s;
}

void cpu_scratch_free(cpu_scratch *s)
{
    if (!s) return;
    while (s->free) {
        block *b = s->free;
        s->free = b->next;
        free(b);
    }
    pthread_mutex_destroy(&s->lock);
    free(s);
}

omn_status cpu_scratch_reserve(cpu_scratch *s, omn_error *err)
{
    block *b = aligned_alloc(64, s->bytes);
    if (!b)
        return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu bytes of scratch", s->bytes);
    pthread_mutex_lock(&s->lock);
    /* new blocks go to the end of the queue: those that were used are warm */
    block **last = &s->free;
    while (*last) last = &(*last)->next;
    b->next = NULL;
    *last = b;
    pthread_mutex_unlock(&s->lock);
    return OMN_OK;
}

void cpu_scratch_release(cpu_scratch *s)
{
    pthread_mutex_lock(&s->lock);
    block **last = &s->free, *b = NULL;
    while (*last && (*last)->next) last = &(*last)->next;
    b = *last;
    if (b) *last = NULL;
    else s->surplus++;
    pthread_mutex_unlock(&s->lock);
    free(b);
}

void *cpu_scratch_take(void *scratch)
{
    cpu_scratch *s = scratch;
    pthread_mutex_lock(&s->lock);
    block *b = s->free;
    assert(b);
    s->free = b->next;
    pthread_mutex_unlock(&s->lock);
    return b;
}

void cpu_scratch_give(void *scratch, void *p)
{
    cpu_scratch *s = scratch;
    block *b = p;
    pthread_mutex_lock(&s->lock);
    const bool keep = !s->surplus;
    if (keep) {
        b->next = s->free;
        s->free = b;
    } else {
        s->surplus--;
    }
    pthread_mutex_unlock(&s->lock);
    if (!keep) free(b);
}
