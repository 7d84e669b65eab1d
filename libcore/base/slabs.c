/* SPDX-License-Identifier: Apache-2.0 */
/* A model of a few million weights has hundreds of tensors that are smaller than a large page. One
 * beside another they fill some, and a step that goes through all weights, moments and averages
 * looks up fewer pages. The first blocks are small, since most stores of a test are. */
#include "slabs.h"

#include <omnio/base.h>

#include <stdlib.h>

#define LINE ((size_t)64)
#define LARGE_PAGE ((size_t)2 << 20)
#define FIRST ((size_t)64 << 10)
#define MOST ((size_t)8 << 20)

/* Whoever looks for accesses beyond a block wants to see where each ends. */
#if defined(__SANITIZE_ADDRESS__)
#define SIDE_BY_SIDE 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SIDE_BY_SIDE 0
#endif
#endif
#ifndef SIDE_BY_SIDE
#define SIDE_BY_SIDE 1
#endif

static void *block(slabs *s, size_t bytes)
{
    if (s->n == s->room) {
        const size_t room = s->room ? 2 * s->room : 16;
        void **more = realloc(s->blocks, room * sizeof *more);
        if (!more) return NULL;
        s->blocks = more;
        s->room = room;
    }
    void *p = aligned_alloc(bytes >= LARGE_PAGE && bytes % LARGE_PAGE == 0 ? LARGE_PAGE : LINE,
                            bytes);
    if (!p) return NULL;
    omn_large_pages(p, bytes);
    return s->blocks[s->n++] = p;
}

void *slabs_take(slabs *s, size_t bytes)
{
    if (bytes > SIZE_MAX - LINE) return NULL;
    bytes = bytes ? (bytes + LINE - 1) / LINE * LINE : LINE;
    if (!SIDE_BY_SIDE || bytes >= LARGE_PAGE) return block(s, bytes);
    if (bytes > s->left) {
        if (!s->next) s->next = FIRST;
        while (s->next < bytes) s->next *= 2;
        void *p = block(s, s->next);
        if (!p) return NULL;
        s->at = p;
        s->left = s->next;
        if (s->next < MOST) s->next *= 2;
    }
    void *p = s->at;
    s->at += bytes;
    s->left -= bytes;
    return p;
}

void slabs_free(slabs *s)
{
    for (size_t i = 0; i < s->n; i++) free(s->blocks[i]);
    free(s->blocks);
    *s = (slabs){ 0 };
}
