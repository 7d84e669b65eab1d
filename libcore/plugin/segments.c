/* SPDX-License-Identifier: Apache-2.0 */
/* The loader's own list of segments (dl_iterate_phdr) as a table of address ranges. A constant
 * descriptor and everything that it points to lies in such a segment, whether of the plugin or of a
 * library that it links; a pointer elsewhere is a lie or a mistake, and is named instead of
 * followed. */
#include "segments.h"

#include <link.h>
#include <stdlib.h>
#include <string.h>

static int take_one(struct dl_phdr_info *info, size_t size, void *user)
{
    segments *s = user;
    (void)size;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *h = &info->dlpi_phdr[i];
        if (h->p_type != PT_LOAD || !(h->p_flags & PF_R)) continue;
        if (s->n == s->room) {
            size_t room = s->room ? 2 * s->room : 128;
            segment *more = realloc(s->at, room * sizeof(*more));
            if (!more) return 1;
            s->at = more;
            s->room = room;
        }
        uintptr_t from = (uintptr_t)info->dlpi_addr + (uintptr_t)h->p_vaddr;
        s->at[s->n++] = (segment){ from, from + (uintptr_t)h->p_memsz, (h->p_flags & PF_X) != 0 };
    }
    return 0;
}

bool segments_take(segments *s)
{
    *s = (segments){ 0 };
    if (dl_iterate_phdr(take_one, s) == 0) return true;
    segments_fini(s);
    return false;
}

void segments_fini(segments *s)
{
    free(s->at);
    *s = (segments){ 0 };
}

static const segment *find(const segments *s, uintptr_t p)
{
    for (size_t i = 0; i < s->n; i++)
        if (p >= s->at[i].from && p < s->at[i].to) return &s->at[i];
    return NULL;
}

size_t segments_room(const segments *s, const void *p)
{
    const segment *g = find(s, (uintptr_t)p);
    return g ? (size_t)(g->to - (uintptr_t)p) : 0;
}

bool segments_code(const segments *s, void (*p)(void))
{
    const segment *g = find(s, (uintptr_t)p);
    return g && g->code;
}
