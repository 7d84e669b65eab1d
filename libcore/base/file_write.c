/* SPDX-License-Identifier: Apache-2.0 */
/* Writing so that a reader, a crash or a full disk never meets half a file: bytes go to a temporary
 * file in the same folder (rename works only within a file system), are synced, and take the wanted
 * name in one step. To keep an existing file, the step is link(), which fails when the name is
 * taken, even by someone who came after our first look. */
#include "libcore/base/system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 1 << 16, NAME_ROOM = 40, ATTEMPTS = 100 };

struct omn_file {
    int fd;
    omn_overwrite how;
    bool failed, committed, on_disk;
    size_t used;
    char *path, *folder, *temporary;
    char buffer[BUFFER];
};

static omn_status no_memory(omn_error *err, const char *path)
{
    return omn_fail(err, OMN_ERR_MEMORY, "%s: no memory to write it", path);
}

/* May a file come to stand at this path? Devices, pipes and folders are never replaced. */
static omn_status check_target(const char *path, omn_overwrite how, omn_error *err)
{
    struct stat info;
    if (lstat(path, &info) != 0) {
        if (errno == ENOENT) return OMN_OK;
        return system_fail(err, errno, path, "cannot be written");
    }
    if (how == OMN_KEEP_EXISTING)
        return omn_fail(err, OMN_ERR_IO, "%s: is there already and is not overwritten", path);
    if (S_ISLNK(info.st_mode) && stat(path, &info) != 0) return OMN_OK;
    if (!S_ISREG(info.st_mode))
        return omn_fail(err, OMN_ERR_IO, "%s: is %s and is not replaced by a file", path,
                        S_ISDIR(info.st_mode) ? "a folder" : "not a regular file");
    return OMN_OK;
}

/* Another name for each attempt of each process; O_EXCL decides. */
static omn_status open_temporary(omn_file *f, omn_error *err)
{
    size_t room = strlen(f->folder) + 1 + NAME_ROOM;
    f->temporary = malloc(room);
    if (!f->temporary) return no_memory(err, f->path);
    struct timespec now = { 0, 0 };
    (void)clock_gettime(CLOCK_REALTIME, &now);
    uint64_t seed = ((uint64_t)now.tv_sec << 30) ^ (uint64_t)now.tv_nsec;
    for (uint64_t i = 0; i < ATTEMPTS; i++) {
        uint64_t name = omn_random_at(seed, (uint64_t)getpid() ^ (uint64_t)(uintptr_t)f, i);
        (void)snprintf(f->temporary, room, "%s/.omnio-%016llx.tmp", f->folder,
                       (unsigned long long)name);
        f->fd = open(f->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (f->fd >= 0) {
            f->on_disk = true;
            return OMN_OK;
        }
        if (errno != EEXIST) return system_fail(err, errno, f->path, "cannot be written");
    }
    return omn_fail(err, OMN_ERR_IO, "%s: no free temporary name in %s", f->path, f->folder);
}

omn_status omn_file_create(const char *path, omn_overwrite how, omn_file **out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_file *f = NULL;
    *out = NULL;
    const char *slash = strrchr(path, '/');
    if (*path == '\0' || (slash && slash[1] == '\0'))
        return omn_fail(err, OMN_ERR_ARGUMENT, "\"%s\" is not the name of a file", path);
    OMN_TRY(check_target(path, how, err));
    f = calloc(1, sizeof *f);
    if (!f) return no_memory(err, path);
    f->fd = -1;
    f->how = how;
    f->path = strdup(path);
    f->folder = !slash          ? strdup(".")
                : slash == path ? strdup("/")
                                : strndup(path, (size_t)(slash - path));
    if (!f->path || !f->folder) {
        st = no_memory(err, path);
        goto done;
    }
    OMN_TRY(open_temporary(f, err));
    *out = f;
    f = NULL;
done:
    omn_file_free(f);
    return st;
}

static omn_status write_out(omn_file *f, const char *bytes, size_t n, omn_error *err)
{
    while (n > 0) {
        size_t part = n < (size_t)1 << 30 ? n : (size_t)1 << 30;
        ssize_t done = write(f->fd, bytes, part);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) {
            f->failed = true;
            return system_fail(err, errno, f->path, "cannot be written");
        }
        bytes += done;
        n -= (size_t)done;
    }
    return OMN_OK;
}

static omn_status flush(omn_file *f, omn_error *err)
{
    size_t n = f->used;
    f->used = 0;
    return write_out(f, f->buffer, n, err);
}

static omn_status check_open(const omn_file *f, omn_error *err)
{
    if (f->committed)
        return omn_fail(err, OMN_ERR_ARGUMENT, "%s: is committed already", f->path);
    if (f->failed)
        return omn_fail(err, OMN_ERR_IO, "%s: writing it failed before", f->path);
    return OMN_OK;
}

omn_status omn_file_write(omn_file *f, const void *bytes, size_t n, omn_error *err)
{
    omn_status st = OMN_OK;
    OMN_TRY(check_open(f, err));
    if (n > BUFFER - f->used) OMN_TRY(flush(f, err));
    if (n >= BUFFER) {
        OMN_TRY(write_out(f, bytes, n, err));
    } else if (n > 0) {
        memcpy(f->buffer + f->used, bytes, n);
        f->used += n;
    }
done:
    return st;
}

/* Gives the temporary file its name without replacing anything. */
static omn_status name_new(omn_file *f, omn_error *err)
{
    if (link(f->temporary, f->path) == 0) {
        (void)unlink(f->temporary);
        return OMN_OK;
    }
    int code = errno;
    if (code != EEXIST) {
        /* A file system without links: take the name first, then rename onto our own empty file. */
        int fd = open(f->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0) {
            (void)close(fd);
            if (rename(f->temporary, f->path) == 0) return OMN_OK;
            code = errno;
            (void)unlink(f->path);
        } else {
            code = errno;
        }
    }
    if (code == EEXIST)
        return omn_fail(err, OMN_ERR_IO, "%s: is there already and is not overwritten", f->path);
    return system_fail(err, code, f->path, "cannot take its name");
}

/* The new name is on disk only when its folder is. Some file systems cannot sync a folder. */
static omn_status sync_folder(const omn_file *f, omn_error *err)
{
    omn_status st = OMN_OK;
    int fd = open(f->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return OMN_OK;
    if (fsync(fd) != 0 && errno == EIO)
        st = system_fail(err, errno, f->folder, "cannot be synced");
    (void)close(fd);
    return st;
}

omn_status omn_file_commit(omn_file *f, omn_error *err)
{
    omn_status st = OMN_OK;
    OMN_TRY(check_open(f, err));
    OMN_TRY(flush(f, err));
    f->failed = true; /* until everything below went well */
    if (fsync(f->fd) != 0 && errno != EINVAL && errno != ENOTSUP) {
        st = system_fail(err, errno, f->path, "cannot be synced");
        goto done;
    }
    int closed = close(f->fd);
    f->fd = -1;
    if (closed != 0) {
        st = system_fail(err, errno, f->path, "cannot be written");
        goto done;
    }
    OMN_TRY(check_target(f->path, f->how, err));
    if (f->how == OMN_KEEP_EXISTING) {
        OMN_TRY(name_new(f, err));
    } else if (rename(f->temporary, f->path) != 0) {
        st = system_fail(err, errno, f->path, "cannot take its name");
        goto done;
    }
    f->on_disk = false;
    f->failed = false;
    f->committed = true;
    st = sync_folder(f, err);
done:
    return st;
}

void omn_file_free(omn_file *f)
{
    if (!f) return;
    if (f->fd >= 0) (void)close(f->fd);
    if (f->on_disk) (void)unlink(f->temporary);
    free(f->path);
    free(f->folder);
    free(f->temporary);
    free(f);
}
