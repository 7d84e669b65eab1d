/* SPDX-License-Identifier: Apache-2.0 */
/* The directory at the end of a zip archive, with its 64-bit form (APPNOTE 6.3.10, sections 4.3 and
 * 4.5.3). Libraries for zip read entries and do not tell where their bytes lie, and tensors are
 * used where they lie; so this reads the directory alone. An archive that two readers could see in
 * two ways (headers that differ from the directory, entries over each other, a directory that is
 * longer or shorter than it says) is refused. */
#include "zip.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    END_SIZE = 22,
    LOCATOR_SIZE = 20,
    END64_SIZE = 56,
    CENTRAL_SIZE = 46,
    LOCAL_SIZE = 30,
    MOST_ENTRIES = 1000000
};

typedef struct reading {
    const uint8_t *p;
    uint64_t size;
    const char *path;
    omn_error *err;
    uint64_t from, bytes, count; /* of the directory */
} reading;

static uint64_t number(const uint8_t *p, int bytes)
{
    uint64_t x = 0;
    for (int i = bytes - 1; i >= 0; i--) x = x << 8 | p[i];
    return x;
}

static omn_status bad(const reading *r, const char *what)
{
    return omn_fail(r->err, OMN_ERR_DATA, "%s: zip archive: %s", r->path, what);
}

static omn_status bad_entry(const reading *r, const char *name, const char *what)
{
    char shown[120];
    size_t n = 0;
    for (; name[n] && n < sizeof shown - 1; n++) shown[n] = name[n];
    shown[n] = 0;
    return omn_fail(r->err, OMN_ERR_DATA, "%s: zip entry %s: %s", r->path, omn_text_clean(shown),
                    what);
}

/* ---- the end -------------------------------------------------------------------------------- */

/* The record that ends the file, comment included; size when there is none. */
static uint64_t find_end(const reading *r)
{
    if (r->size < END_SIZE) return r->size;
    const uint64_t first = r->size > END_SIZE + 0xffff ? r->size - END_SIZE - 0xffff : 0;
    for (uint64_t at = r->size - END_SIZE + 1; at-- > first;)
        if (memcmp(r->p + at, "PK\5\6", 4) == 0 &&
            number(r->p + at + 20, 2) == r->size - END_SIZE - at)
            return at;
    return r->size;
}

static omn_status read_end(reading *r)
{
    uint64_t at = find_end(r);
    if (at == r->size)
        return bad(r, "it does not end with a directory; the file is cut off or no zip archive");
    const uint8_t *p = r->p + at;
    if (number(p + 4, 2) != 0 && number(p + 4, 2) != 0xffff)
        return bad(r, "is one part of several");
    r->count = number(p + 10, 2);
    r->bytes = number(p + 12, 4);
    r->from = number(p + 16, 4);
    if (at >= LOCATOR_SIZE && memcmp(p - LOCATOR_SIZE, "PK\6\7", 4) == 0) {
        const uint64_t end64 = number(p - LOCATOR_SIZE + 8, 8);
        if (at - LOCATOR_SIZE < END64_SIZE || end64 > at - LOCATOR_SIZE - END64_SIZE ||
            memcmp(r->p + end64, "PK\6\6", 4) != 0)
            return bad(r, "its 64-bit end does not lie where it says");
        r->count = number(r->p + end64 + 32, 8);
        r->bytes = number(r->p + end64 + 40, 8);
        r->from = number(r->p + end64 + 48, 8);
        at = end64;
    }
    if (r->bytes > at || r->from > at - r->bytes)
        return bad(r, "its directory lies outside of the file");
    if (r->count > MOST_ENTRIES || r->count > r->bytes / CENTRAL_SIZE)
        return bad(r, "says more entries than its directory can have");
    return OMN_OK;
}

/* ---- one entry ------------------------------------------------------------------------------ */

/* Values that are all ones stand in an extra field of 8 bytes each, in this order. */
static bool read_wide(zip_entry *e, const uint8_t *extra, size_t n)
{
    uint64_t *const wide[] = { &e->size, &e->packed, &e->head };
    const uint8_t *field = NULL;
    size_t left = 0;
    if (e->size != UINT32_MAX && e->packed != UINT32_MAX && e->head != UINT32_MAX) return true;
    for (size_t at = 0; n - at >= 4;) {
        const size_t length = (size_t)number(extra + at + 2, 2);
        if (length > n - at - 4) return false;
        if (number(extra + at, 2) == 1 && !field) {
            field = extra + at + 4;
            left = length;
        }
        at += 4 + length;
    }
    for (size_t i = 0; i < 3 && field; i++) {
        if (*wide[i] != UINT32_MAX) continue;
        if (left < 8) return false;
        *wide[i] = number(field, 8);
        field += 8;
        left -= 8;
    }
    return field != NULL;
}

/* Where the bytes begin: behind a header of its own, which has to be of this name. */
static omn_status find_bytes(const reading *r, zip_entry *e, const uint8_t *name, size_t n)
{
    if (r->from < LOCAL_SIZE || e->head > r->from - LOCAL_SIZE ||
        memcmp(r->p + e->head, "PK\3\4", 4) != 0)
        return bad_entry(r, e->name, "has no header where the directory says");
    const uint8_t *p = r->p + e->head;
    const uint64_t skip = LOCAL_SIZE + number(p + 26, 2) + number(p + 28, 2);
    if (number(p + 26, 2) != n || skip > r->from - e->head ||
        memcmp(p + LOCAL_SIZE, name, n) != 0 || number(p + 8, 2) != e->method)
        return bad_entry(r, e->name, "its header is not what the directory says");
    e->at = e->head + skip;
    if (e->packed > r->from - e->at)
        return bad_entry(r, e->name, "its bytes end behind the end of the file");
    if (e->method == ZIP_STORED && e->packed != e->size)
        return bad_entry(r, e->name, "is stored and has two sizes");
    return OMN_OK;
}

static omn_status read_entry(const reading *r, uint64_t *at, zip_entry *e, omn_arena *a)
{
    const uint64_t end = r->from + r->bytes;
    if (end - *at < CENTRAL_SIZE || memcmp(r->p + *at, "PK\1\2", 4) != 0)
        return bad(r, "its directory has fewer entries than it says");
    const uint8_t *p = r->p + *at;
    const size_t n = (size_t)number(p + 28, 2), extra = (size_t)number(p + 30, 2);
    const size_t all = CENTRAL_SIZE + n + extra + (size_t)number(p + 32, 2);
    if (all > end - *at) return bad(r, "an entry of its directory is cut off");
    char *name = omn_arena_strndup(a, (const char *)p + CENTRAL_SIZE, n);
    if (!name) return omn_fail(r->err, OMN_ERR_MEMORY, "%s: no memory for its directory", r->path);
    *e = (zip_entry){ .name = name, .method = (uint16_t)number(p + 10, 2),
                      .crc = (uint32_t)number(p + 16, 4), .packed = number(p + 20, 4),
                      .size = number(p + 24, 4), .head = number(p + 42, 4) };
    if (n == 0 || strlen(name) != n) return bad(r, "an entry has no name or a 0 in it");
    if (number(p + 8, 2) & 1) return bad_entry(r, name, "is encrypted");
    if (!read_wide(e, p + CENTRAL_SIZE + n, extra))
        return bad_entry(r, name, "its 64-bit sizes are not there");
    *at += all;
    return find_bytes(r, e, p + CENTRAL_SIZE, n);
}

/* ---- all entries ---------------------------------------------------------------------------- */

static int by_place(const void *x, const void *y)
{
    const zip_entry *a = x, *b = y;
    return a->head < b->head ? -1 : a->head > b->head;
}

static int by_name(const void *x, const void *y)
{
    return strcmp(((const zip_entry *)x)->name, ((const zip_entry *)y)->name);
}

static omn_status check_places(const reading *r, zip_dir *z)
{
    if (z->n == 0) return OMN_OK;
    qsort(z->of, z->n, sizeof *z->of, by_place);
    for (size_t i = 1; i < z->n; i++)
        if (z->of[i - 1].at + z->of[i - 1].packed > z->of[i].head)
            return bad_entry(r, z->of[i].name, "lies over another entry");
    qsort(z->of, z->n, sizeof *z->of, by_name);
    for (size_t i = 1; i < z->n; i++)
        if (strcmp(z->of[i - 1].name, z->of[i].name) == 0)
            return bad_entry(r, z->of[i].name, "is there twice");
    return OMN_OK;
}

omn_status zip_read(const omn_map *map, omn_arena *a, zip_dir *out, omn_error *err)
{
    reading r = { .p = omn_map_data(map), .size = omn_map_size(map), .path = omn_map_path(map),
                  .err = err };
    omn_status st = read_end(&r);
    *out = (zip_dir){ NULL, 0 };
    if (st != OMN_OK) return st;
    out->of = omn_arena_alloc(a, (size_t)r.count + 1, sizeof *out->of);
    if (!out->of) return omn_fail(err, OMN_ERR_MEMORY, "%s: no memory for its directory", r.path);
    uint64_t at = r.from;
    for (; out->n < r.count; out->n++) {
        st = read_entry(&r, &at, &out->of[out->n], a);
        if (st != OMN_OK) return st;
    }
    if (at != r.from + r.bytes) return bad(&r, "its directory has more bytes than entries");
    return check_places(&r, out);
}

/* What was read of a mapping need not stay in memory: an archive may be larger than that. Where a
 * system cannot be told so nothing is lost; whose bytes are no file's keep them. */
static void give_back(const uint8_t *p, uint64_t n)
{
#ifdef MADV_PAGEOUT
    const long asked = sysconf(_SC_PAGESIZE);
    const uintptr_t page = asked > 0 ? (uintptr_t)asked : 4096;
    const uintptr_t from = ((uintptr_t)p + page - 1) / page * page;
    const uintptr_t to = (uintptr_t)(p + n) / page * page;
    if (from < to) (void)madvise((void *)from, to - from, MADV_PAGEOUT);
#else
    (void)p;
    (void)n;
#endif
}

enum { GIVE_BACK = 16 << 20 };            /* as often; less stays */

/* CRC-32 of section 4.4.7, eight bytes at a step (Kounavis and Berry 2005). */
static uint32_t crc_of(const uint8_t *p, uint64_t n)
{
    uint32_t t[8][256], c = ~0u;
    for (uint32_t i = 0; i < 256; i++) {
        t[0][i] = i;
        for (int bit = 0; bit < 8; bit++)
            t[0][i] = t[0][i] & 1 ? 0xedb88320u ^ t[0][i] >> 1 : t[0][i] >> 1;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int k = 1; k < 8; k++) t[k][i] = t[0][t[k - 1][i] & 255] ^ t[k - 1][i] >> 8;
    const uint8_t *const start = p, *kept = p;
    for (; n >= 8; p += 8, n -= 8) {
        if (p - kept >= GIVE_BACK) {
            give_back(kept, (uint64_t)(p - kept));
            kept = p;
        }
        const uint32_t low = c ^ (uint32_t)number(p, 4), high = (uint32_t)number(p + 4, 4);
        c = t[7][low & 255] ^ t[6][low >> 8 & 255] ^ t[5][low >> 16 & 255] ^ t[4][low >> 24] ^
            t[3][high & 255] ^ t[2][high >> 8 & 255] ^ t[1][high >> 16 & 255] ^ t[0][high >> 24];
    }
    for (; n > 0; n--) c = t[0][(c ^ *p++) & 255] ^ c >> 8;
    if (kept > start || (uint64_t)(p - start) >= GIVE_BACK) give_back(kept, (uint64_t)(p - kept));
    return ~c;
}

omn_status zip_check(const omn_map *map, const zip_entry *e, omn_error *err)
{
    const reading r = { .path = omn_map_path(map), .err = err };
    const uint8_t *p = omn_map_data(map);
    if (e->method != ZIP_STORED || !e->crc || crc_of(p + e->at, e->size) == e->crc) return OMN_OK;
    return bad_entry(&r, e->name, "its bytes are not those of its checksum; it is damaged");
}

const zip_entry *zip_find(const zip_dir *z, const char *name)
{
    const zip_entry wanted = { .name = name };
    return z->n ? bsearch(&wanted, z->of, z->n, sizeof wanted, by_name) : NULL;
}
