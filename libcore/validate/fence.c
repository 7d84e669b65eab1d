/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks whose last byte is followed by a page that nobody may touch (as in Electric Fence, Bruce
 * Perens 1987): reading or writing one byte too many ends the process there and then. */
#include "inside.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

bool fenced_make(fenced *f, size_t n)
{
    const long asked = sysconf(_SC_PAGESIZE);
    const size_t page = asked > 0 ? (size_t)asked : 4096;
    size_t room, bytes;
    *f = (fenced){ 0 };
    if (!omn_size_add(n, page - 1, &room) || !omn_size_add(room / page * page, page, &bytes))
        return false;
    void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) return false;
    if (mprotect((char *)map + bytes - page, page, PROT_NONE) != 0) {
        munmap(map, bytes);
        return false;
    }
    *f = (fenced){ (uint8_t *)map + (bytes - page - n), map, n, bytes };
    return true;
}

void fenced_free(fenced *f)
{
    if (f->map) munmap(f->map, f->bytes);
    *f = (fenced){ 0 };
}
