/* SPDX-License-Identifier: Apache-2.0 */
/* Entries that are deflated, by zlib, one at a time and front to back. What comes out is held to
 * the size and the checksum of the directory. */
#include "inside.h"

#include "config.h"

#include <stdlib.h>
#include <string.h>

#ifdef HAVE_ZLIB
#define ZLIB_CONST
#include <zlib.h>

enum { SCRATCH = 65536, MOST_IN = 1 << 30 };

struct unpacker {
    const uint8_t *file;
    const zip_entry *of; /* the entry that is open; NULL: none */
    z_stream z;
    uint64_t taken, at; /* packed bytes handed over, bytes that came out */
    uLong crc;
    uint8_t scratch[SCRATCH];
};

omn_status unpacker_new(const uint8_t *file, unpacker **out, omn_error *err)
{
    *out = calloc(1, sizeof **out);
    if (!*out) return omn_fail(err, OMN_ERR_MEMORY, "no memory to unpack");
    (*out)->file = file;
    return OMN_OK;
}

static void shut(unpacker *u)
{
    if (u->of) (void)inflateEnd(&u->z);
    u->of = NULL;
}

void unpacker_free(unpacker *u)
{
    if (u) shut(u);
    free(u);
}

static omn_status start(unpacker *u, const zip_entry *e, omn_error *err)
{
    shut(u);
    memset(&u->z, 0, sizeof u->z);
    if (inflateInit2(&u->z, -MAX_WBITS) != Z_OK)
        return omn_fail(err, OMN_ERR_MEMORY, "no memory to unpack");
    u->of = e;
    u->taken = u->at = 0;
    u->crc = crc32(0, NULL, 0);
    return OMN_OK;
}

/* The next n bytes, at most SCRATCH or what one call of zlib takes. */
static omn_status next(unpacker *u, void *bytes, size_t n, omn_error *err)
{
    const zip_entry *e = u->of;
    u->z.next_out = bytes;
    u->z.avail_out = (uInt)n;
    while (u->z.avail_out > 0) {
        if (u->z.avail_in == 0) {
            const uint64_t left = e->packed - u->taken;
            u->z.next_in = u->file + e->at + u->taken;
            u->z.avail_in = left < MOST_IN ? (uInt)left : MOST_IN;
            u->taken += u->z.avail_in;
        }
        const int st = inflate(&u->z, Z_NO_FLUSH);
        if (st == Z_STREAM_END) break;
        if (st != Z_OK) return omn_fail(err, OMN_ERR_DATA, "it cannot be unpacked; it is damaged");
    }
    if (u->z.avail_out > 0)
        return omn_fail(err, OMN_ERR_DATA, "it unpacks to fewer bytes than its directory says");
    u->crc = crc32(u->crc, bytes, (uInt)n);
    u->at += n;
    if (u->at == e->size && u->crc != e->crc)
        return omn_fail(err, OMN_ERR_DATA, "its bytes are not those of its checksum");
    return OMN_OK;
}

omn_status unpack(unpacker *u, const zip_entry *e, uint64_t at, void *bytes, size_t n,
                  omn_error *err)
{
    omn_status st = OMN_OK;
    if (n > e->size || at > e->size - n)
        return omn_fail(err, OMN_ERR_DATA, "it has fewer bytes than its array");
    if (u->of != e || at < u->at) st = start(u, e, err);
    while (st == OMN_OK && u->at < at) {
        const uint64_t left = at - u->at;
        st = next(u, u->scratch, left < SCRATCH ? (size_t)left : SCRATCH, err);
    }
    for (size_t done = 0, some; st == OMN_OK && done < n; done += some) {
        some = n - done < MOST_IN ? n - done : MOST_IN;
        st = next(u, (uint8_t *)bytes + done, some, err);
    }
    if (st != OMN_OK) shut(u);
    return st;
}

#else

struct unpacker {
    int nothing;
};

omn_status unpacker_new(const uint8_t *file, unpacker **out, omn_error *err)
{
    (void)file;
    *out = calloc(1, sizeof **out);
    return *out ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "no memory to unpack");
}

void unpacker_free(unpacker *u)
{
    free(u);
}

omn_status unpack(unpacker *u, const zip_entry *e, uint64_t at, void *bytes, size_t n,
                  omn_error *err)
{
    (void)u;
    (void)e;
    (void)at;
    (void)bytes;
    (void)n;
    return omn_fail(err, OMN_ERR_UNSUPPORTED,
                    "it is compressed, and this build has no zlib (numpy.savez stores)");
}
#endif
