/* SPDX-License-Identifier: Apache-2.0 */
/* Files mapped read-only: opening a weights file of any size takes microseconds, and its pages are
 * shared with every other process that uses the same file. */
#include "libcore/base/map.h"
#include "libcore/base/system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct omn_map {
    void *data;
    size_t size;
    struct stat then; /* as the file was when it was mapped */
    bool borrowed;    /* the bytes are somebody else's */
    char path[];
};

omn_status omn_map_open(const char *path, omn_map **out, omn_error *err)
{
    omn_status st = OMN_OK;
    struct stat info;
    size_t length = strlen(path);
    omn_map *m = NULL;
    *out = NULL;
    /* O_NONBLOCK: a pipe without a writer is refused below instead of waited for. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return system_fail(err, errno, path, "cannot be opened");
    if (fstat(fd, &info) != 0) {
        st = system_fail(err, errno, path, "cannot be looked at");
        goto done;
    }
    if (!S_ISREG(info.st_mode)) {
        st = omn_fail(err, OMN_ERR_IO, "%s: is %s, and a regular file is needed", path,
                      S_ISDIR(info.st_mode) ? "a folder" : "not a regular file");
        goto done;
    }
    if (info.st_size < 0 || (uintmax_t)info.st_size > SIZE_MAX / 2) {
        st = omn_fail(err, OMN_ERR_UNSUPPORTED, "%s: too large to be mapped", path);
        goto done;
    }
    m = calloc(1, sizeof *m + length + 1);
    if (!m) {
        st = omn_fail(err, OMN_ERR_MEMORY, "%s: no memory", path);
        goto done;
    }
    memcpy(m->path, path, length);
    m->size = (size_t)info.st_size;
    m->then = info;
    if (m->size > 0) {
        m->data = mmap(NULL, m->size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (m->data == MAP_FAILED) {
            m->data = NULL;
            st = system_fail(err, errno, path, "cannot be mapped");
            goto done;
        }
    }
    *out = m;
    m = NULL;
done:
    omn_map_close(m);
    (void)close(fd);
    return st;
}

omn_map *map_of(const void *bytes, size_t n, const char *name)
{
    const size_t length = strlen(name);
    omn_map *m = calloc(1, sizeof *m + length + 1);
    if (!m) return NULL;
    memcpy(m->path, name, length);
    m->data = n > 0 ? (void *)(uintptr_t)bytes : NULL;
    m->size = n;
    m->borrowed = true;
    return m;
}

void map_forget(const omn_map *m, size_t at, size_t n)
{
    const long asked = sysconf(_SC_PAGESIZE);
    const size_t page = asked > 0 ? (size_t)asked : 4096;
    if (m->borrowed || at > m->size || n > m->size - at) return;
    const size_t from = at / page * page;
    if (n > 0) (void)madvise((unsigned char *)m->data + from, at + n - from, MADV_DONTNEED);
}

omn_status omn_map_unchanged(const omn_map *m, omn_error *err)
{
    struct stat now;
    const struct stat *then = &m->then;
    /* A file that was taken away or replaced lives on in the mapping. */
    if (stat(m->path, &now) != 0 || now.st_dev != then->st_dev || now.st_ino != then->st_ino)
        return OMN_OK;
    if (now.st_size == then->st_size && now.st_mtim.tv_sec == then->st_mtim.tv_sec &&
        now.st_mtim.tv_nsec == then->st_mtim.tv_nsec)
        return OMN_OK;
    return omn_fail(err, OMN_ERR_IO,
                    "%s: has changed while it was used; a new one must be written beside it and "
                    "renamed over it",
                    m->path);
}

void omn_map_close(omn_map *m)
{
    if (!m) return;
    if (m->data && !m->borrowed) (void)munmap(m->data, m->size);
    free(m);
}

const void *omn_map_data(const omn_map *m)
{
    return m->data;
}

size_t omn_map_size(const omn_map *m)
{
    return m->size;
}

const char *omn_map_path(const omn_map *m)
{
    return m->path;
}
