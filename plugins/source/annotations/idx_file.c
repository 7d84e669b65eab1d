/* SPDX-License-Identifier: Apache-2.0 */
/* The format: two zero bytes, the type (8: bytes), the number of dimensions, each dimension as 32
 * bits with the high byte first, the data. zlib reads what is packed and what is not alike. */
#include "idx_file.h"

#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef HAVE_ZLIB
#include <zlib.h>
typedef gzFile stream;
#define PACKED 1

static stream stream_open(const char *path)
{
    return gzopen(path, "rb");
}

static bool stream_take(stream s, void *to, size_t n)
{
    for (size_t at = 0; at < n;) {
        const size_t part = n - at < (1u << 24) ? n - at : 1u << 24;
        const int got = gzread(s, (uint8_t *)to + at, (unsigned)part);
        if (got <= 0) return false;
        at += (size_t)got;
    }
    return true;
}

/* Nothing behind it, and what was packed is as it was: the end has been read without an error. */
static bool stream_done(stream s)
{
    uint8_t more;
    return gzread(s, &more, 1) == 0;
}

static void stream_close(stream s)
{
    (void)gzclose(s);
}
#else
typedef FILE *stream;
#define PACKED 0

static stream stream_open(const char *path)
{
    return fopen(path, "rbe");
}

static bool stream_take(stream s, void *to, size_t n)
{
    return fread(to, 1, n, s) == n;
}

static bool stream_done(stream s)
{
    return fgetc(s) == EOF && !ferror(s);
}

static void stream_close(stream s)
{
    (void)fclose(s);
}
#endif

static uint32_t big_endian(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static omn_status read_head(idx_array *a, stream s, const char *path, uint32_t n_dims, size_t *size,
                            omn_error *err)
{
    uint8_t head[4], dim[12];
    uint64_t n = 1;
    if (!stream_take(s, head, 4) || head[0] || head[1])
        return omn_fail_at(err, OMN_ERR_DATA, path, 0, 0, "this is no IDX file, or a damaged one%s",
                           PACKED ? "" : " (and packed ones need a build with zlib)");
    if (head[2] != 8 || head[3] != n_dims)
        return omn_fail_at(err, OMN_ERR_DATA, path, 0, 0, "an IDX file of bytes (type 8) with %u "
                           "dimension%s is wanted, it is of type %u with %u", n_dims,
                           n_dims > 1 ? "s" : "", head[2], head[3]);
    if (!stream_take(s, dim, 4 * (size_t)n_dims))
        return omn_fail_at(err, OMN_ERR_DATA, path, 0, 0, "the file ends early");
    a->n_dims = n_dims;
    for (uint32_t i = 0; i < 3; i++) {
        a->dim[i] = i < n_dims ? big_endian(dim + 4 * i) : 1;
        if (!a->dim[i] || a->dim[i] > IDX_MOST_BYTES || n * a->dim[i] > IDX_MOST_BYTES)
            return omn_fail_at(err, OMN_ERR_DATA, path, 0, 0, "dimension %u is %u: from 1 on is "
                               "wanted, and at most %u bytes in all", i + 1, a->dim[i],
                               IDX_MOST_BYTES);
        n *= a->dim[i];
    }
    *size = (size_t)n;
    return OMN_OK;
}

omn_status idx_read(idx_array *a, const char *folder, const char *prefix, const char *suffix,
                    uint32_t n_dims, omn_error *err)
{
    omn_status st = OMN_OK;
    char path[4400];
    size_t size = 0;
    *a = (idx_array){ 0 };
    if (strlen(folder) > 4000 || strlen(prefix) > 100 || strchr(prefix, '/'))
        return omn_fail(err, OMN_ERR_ARGUMENT, "idx: the path is too long, or \"%.40s\" is no "
                        "beginning of a file's name", prefix);
    snprintf(path, sizeof path, "%s/%s-%s", folder, prefix, suffix);
    if (access(path, R_OK) != 0)
        snprintf(path, sizeof path, "%s/%s-%s.gz", folder, prefix, suffix);
    stream s = stream_open(path);
    if (!s)
        return omn_fail(err, OMN_ERR_MISSING, "%s: no such file, nor without .gz", path);
    OMN_TRY(read_head(a, s, path, n_dims, &size, err));
    a->bytes = malloc(size);
    if (!a->bytes) {
        st = omn_fail(err, OMN_ERR_MEMORY, "%s: no memory for %zu bytes", path, size);
        goto done;
    }
    if (!stream_take(s, a->bytes, size) || !stream_done(s))
        st = omn_fail_at(err, OMN_ERR_DATA, path, 0, 0, "%zu bytes are wanted behind the "
                         "dimensions: it ends early, goes on, or is damaged", size);
done:
    stream_close(s);
    if (st != OMN_OK) idx_free(a);
    return st;
}

void idx_free(idx_array *a)
{
    free(a->bytes);
    *a = (idx_array){ 0 };
}
