/* SPDX-License-Identifier: Apache-2.0 */
/* Is a file of sound all there? Decoders take what there is of a file that was cut off, and nobody
 * would learn that half of a talk is missing. So what the container says about its own length is
 * looked at before: the sizes of RIFF and of its data, and the mark of the last page of Ogg. (FLAC
 * says how many samples it has, which is compared when they are decoded.) Programs that write to a
 * pipe cannot go back and leave such a size at 0 or at its largest: then the file ends where it
 * ends. */
#include "inside.h"

#include <string.h>

static uint32_t u32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t u64(const uint8_t *p)
{
    return u32(p) | (uint64_t)u32(p + 4) << 32;
}

static omn_status cut_off(const char *what, uint64_t has, uint64_t says, omn_error *err)
{
    return omn_fail(err, OMN_ERR_DATA, "%s: the file is cut off: %llu of %llu bytes are there",
                    what, (unsigned long long)has, (unsigned long long)says);
}

/* RIFF and RF64, whose sizes stand in its chunk ds64. */
static omn_status whole_wav(const uint8_t *p, size_t n, omn_error *err)
{
    const bool wide = memcmp(p, "RF64", 4) == 0, there = wide && n >= 36;
    const uint64_t all = wide ? (there ? u64(p + 20) : 0) : u32(p + 4);
    if (memcmp(p, "RIFX", 4) == 0) return OMN_OK; /* the other order of bytes: nobody writes it */
    if (all != 0 && all != UINT32_MAX && all != UINT64_MAX && all > n - 8)
        return cut_off("WAV", n, all > UINT64_MAX - 8 ? all : all + 8, err);
    for (size_t at = 12; n - at >= 8;) {
        uint64_t size = u32(p + at + 4);
        if (memcmp(p + at, "data", 4) == 0) {
            if (size == UINT32_MAX && there) size = u64(p + 28);
            if (size == 0 || size == UINT32_MAX || size == UINT64_MAX) return OMN_OK;
            return size <= n - at - 8 ? OMN_OK
                                      : cut_off("WAV", n - at - 8, size, err);
        }
        size += size & 1; /* chunks begin at even places */
        if (size > n - at - 8) break;
        at += 8 + (size_t)size;
    }
    return omn_fail(err, OMN_ERR_DATA, "WAV: there is no sound in it (a chunk \"data\")");
}

static omn_status whole_ogg(const char *what, const uint8_t *p, size_t n, omn_error *err)
{
    size_t at = 0;
    bool last = false;
    while (n - at >= 27 && memcmp(p + at, "OggS", 4) == 0) {
        const size_t segments = p[at + 26];
        size_t size = 27 + segments;
        if (n - at < size) return cut_off(what, n, at + size, err);
        for (size_t i = 0; i < segments; i++) size += p[at + 27 + i];
        if (n - at < size) return cut_off(what, n, at + size, err);
        last = (p[at + 5] & 4) != 0;
        at += size;
    }
    if (last) return OMN_OK;
    return omn_fail(err, OMN_ERR_DATA, "%s: the file is cut off: its last page is missing", what);
}

omn_status whole_file(container k, const uint8_t *p, size_t n, omn_error *err)
{
    switch (k) {
    case IS_WAV:
        return whole_wav(p, n, err);
    case IS_OGG:
    case IS_OPUS:
        return whole_ogg(container_name(k), p, n, err);
    case IS_MPEG:
        return whole_mpeg(p, n, err);
    default:
        return OMN_OK;
    }
}
