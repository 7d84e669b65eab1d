/* SPDX-License-Identifier: Apache-2.0 */
/* Arenas: many small allocations that all end together. Blocks form a stack; a mark is the number
 * of bytes that lie below it, so that releasing drops whole blocks and shortens one. What calloc
 * gave is zero already and need not be cleared a second time: a block remembers how far it was ever
 * used. */
#include <omnio/base.h>

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 16, FIRST_BLOCK = 4096, LARGEST_BLOCK = 1 << 20 };

typedef struct block block;
struct block {
    block *below;
    size_t start;               /* bytes of the arena that lie in the blocks below */
    size_t used, touched, room; /* bytes of this block */
    alignas(ALIGN) unsigned char bytes[];
};

struct omn_arena {
    block *top;
    block *spare; /* one released block, kept so that loops of mark and release do not allocate */
    size_t limit, next_room;
};

bool omn_size_mul(size_t a, size_t b, size_t *out)
{
    if (b != 0 && a > SIZE_MAX / b) return false;
    *out = a * b;
    return true;
}

bool omn_size_add(size_t a, size_t b, size_t *out)
{
    if (a > SIZE_MAX - b) return false;
    *out = a + b;
    return true;
}

omn_arena *omn_arena_new(size_t limit)
{
    omn_arena *a = calloc(1, sizeof *a);
    if (!a) return NULL;
    a->limit = limit;
    a->next_room = FIRST_BLOCK;
    return a;
}

void omn_arena_free(omn_arena *a)
{
    if (!a) return;
    while (a->top) {
        block *below = a->top->below;
        free(a->top);
        a->top = below;
    }
    free(a->spare);
    free(a);
}

size_t omn_arena_mark(const omn_arena *a)
{
    return a->top ? a->top->start + a->top->used : 0;
}

static void keep_spare(omn_arena *a, block *b)
{
    if (a->spare && a->spare->room >= b->room) {
        free(b);
        return;
    }
    free(a->spare);
    a->spare = b;
}

void omn_arena_release(omn_arena *a, size_t mark)
{
    while (a->top && a->top->start >= mark) {
        block *b = a->top;
        a->top = b->below;
        keep_spare(a, b);
    }
    if (a->top && mark < a->top->start + a->top->used) a->top->used = mark - a->top->start;
}

/* A block with room for n bytes on top of the stack. */
static bool push_block(omn_arena *a, size_t n)
{
    size_t start = omn_arena_mark(a);
    block *b = NULL;
    if (a->spare && a->spare->room >= n) {
        b = a->spare;
        a->spare = NULL;
    } else {
        size_t room = n > a->next_room ? n : a->next_room, all;
        if (!omn_size_add(room, sizeof *b, &all)) return false;
        b = calloc(1, all);
        if (!b) return false;
        b->room = room;
        if (a->next_room < LARGEST_BLOCK) a->next_room *= 2;
    }
    b->used = 0;
    b->start = start;
    b->below = a->top;
    a->top = b;
    return true;
}

void *omn_arena_alloc(omn_arena *a, size_t count, size_t each)
{
    size_t n, rounded, after;
    if (!omn_size_mul(count, each, &n) || !omn_size_add(n, ALIGN - 1, &rounded)) return NULL;
    rounded &= ~(size_t)(ALIGN - 1);
    if (rounded == 0) rounded = ALIGN;
    if (!omn_size_add(omn_arena_mark(a), rounded, &after)) return NULL;
    if (a->limit && after > a->limit) return NULL;
    if (!a->top || a->top->room - a->top->used < rounded) {
        if (!push_block(a, rounded)) return NULL;
    }
    block *b = a->top;
    unsigned char *p = b->bytes + b->used;
    if (b->used < b->touched) {
        size_t old = b->touched - b->used;
        memset(p, 0, old < rounded ? old : rounded);
    }
    b->used += rounded;
    if (b->touched < b->used) b->touched = b->used;
    return p;
}

char *omn_arena_strndup(omn_arena *a, const char *s, size_t n)
{
    size_t room;
    n = strnlen(s, n);
    if (!omn_size_add(n, 1, &room)) return NULL;
    char *p = omn_arena_alloc(a, room, 1);
    if (p) memcpy(p, s, n);
    return p;
}

char *omn_arena_strdup(omn_arena *a, const char *s)
{
    return omn_arena_strndup(a, s, strlen(s));
}

char *omn_arena_printf(omn_arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = omn_vformat(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0) return NULL;
    size_t room = (size_t)n + 1;
    char *p = omn_arena_alloc(a, room, 1);
    if (!p) return NULL;
    va_start(ap, fmt);
    (void)omn_vformat(p, room, fmt, ap);
    va_end(ap);
    return p;
}
