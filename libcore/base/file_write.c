/* SPDX-License-Identifier: Apache-2.0 */
/* Writing so that a reader, a crash or a full disk never meets half a file: bytes go to a temporary
 * file in the same folder (rename works only within a file system), are synced, and take the wanted
 * name in one step. To keep an existing file, the step is link(), which fails when the name is
 * taken, even by someone who came after our first look.
 *
 * A killed process leaves its temporary file. Each is locked (flock) from its making until it has
 * its name, and a lock ends with its process, however that ends: a temporary file that nobody locks
 * is a leftover. Where a file system knows no locks, nothing is taken for one. */
#include "libcore/base/file_write.h"

#include "libcore/base/system.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PREFIX ".omnio-"
#define SUFFIX ".tmp"

enum { BUFFER = 1 << 16, NAME_ROOM = 40, ATTEMPTS = 100 };

struct omn_file {
    int fd, lock; /* lock: a second descriptor of the same file, which keeps its lock */
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

/* May a file come to stand at this path? Devices, pipes and folders are never replaced, nor what is
 * protected from writing. *old: the file that would be replaced; its mode is 0 when there is
 * none. */
static omn_status check_target(const char *path, omn_overwrite how, struct stat *old,
                               omn_error *err)
{
    struct stat info;
    memset(old, 0, sizeof *old);
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
    if (!(info.st_mode & S_IWUSR) || faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) != 0)
        return omn_fail(err, OMN_ERR_IO, "%s: is protected from writing and is not replaced", path);
    *old = info;
    return OMN_OK;
}

/* Takes the lock that says that somebody works on the file just made. false: a look for leftovers
 * came before the lock and took the file away. */
static bool lock_temporary(omn_file *f)
{
    struct stat info;
    while (flock(f->fd, LOCK_EX) != 0)
        if (errno != EINTR) return true;
    return fstat(f->fd, &info) != 0 || info.st_nlink > 0;
}

/* Another name for each attempt of each process; O_EXCL decides. mode: before the umask. */
static omn_status open_temporary(omn_file *f, mode_t mode, omn_error *err)
{
    size_t room = strlen(f->folder) + 1 + NAME_ROOM;
    f->temporary = malloc(room);
    if (!f->temporary) return no_memory(err, f->path);
    struct timespec now = { 0, 0 };
    (void)clock_gettime(CLOCK_REALTIME, &now);
    uint64_t seed = ((uint64_t)now.tv_sec << 30) ^ (uint64_t)now.tv_nsec;
    for (uint64_t i = 0; i < ATTEMPTS; i++) {
        uint64_t name = omn_random_at(seed, (uint64_t)getpid() ^ (uint64_t)(uintptr_t)f, i);
        (void)snprintf(f->temporary, room, "%s/" PREFIX "%016llx" SUFFIX, f->folder,
                       (unsigned long long)name);
        f->fd = open(f->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (f->fd < 0 && errno != EEXIST)
            return system_fail(err, errno, f->path, "cannot be written");
        if (f->fd >= 0 && lock_temporary(f)) {
            f->on_disk = true;
            f->lock = fcntl(f->fd, F_DUPFD_CLOEXEC, 0);
            return f->lock >= 0 ? OMN_OK : system_fail(err, errno, f->path, "cannot be written");
        }
        if (f->fd >= 0) (void)close(f->fd);
        f->fd = -1;
    }
    return omn_fail(err, OMN_ERR_IO, "%s: no free temporary name in %s", f->path, f->folder);
}

omn_status omn_file_create(const char *path, omn_overwrite how, omn_file **out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_file *f = NULL;
    struct stat old;
    *out = NULL;
    const char *slash = strrchr(path, '/');
    if (*path == '\0' || (slash && slash[1] == '\0'))
        return omn_fail(err, OMN_ERR_ARGUMENT, "\"%s\" is not the name of a file", path);
    OMN_TRY(check_target(path, how, &old, err));
    f = calloc(1, sizeof *f);
    if (!f) return no_memory(err, path);
    f->fd = f->lock = -1;
    f->how = how;
    f->path = strdup(path);
    f->folder = !slash          ? strdup(".")
                : slash == path ? strdup("/")
                                : strndup(path, (size_t)(slash - path));
    if (!f->path || !f->folder) {
        st = no_memory(err, path);
        goto done;
    }
    /* what replaces a file is for nobody else until it has that file's mode */
    OMN_TRY(open_temporary(f, old.st_mode ? 0600 : 0666, err));
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

omn_status file_rewrite(omn_file *f, uint64_t at, const void *bytes, size_t n, omn_error *err)
{
    omn_status st = OMN_OK;
    const char *from = bytes;
    OMN_TRY(check_open(f, err));
    OMN_TRY(flush(f, err));
    while (n > 0) {
        const ssize_t done = pwrite(f->fd, from, n, (off_t)at);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) {
            f->failed = true;
            return system_fail(err, errno, f->path, "cannot be written");
        }
        from += done;
        at += (uint64_t)done;
        n -= (size_t)done;
    }
done:
    return st;
}

/* The file takes owner, group and mode of the one that it replaces. Should the group stay another,
 * it may do no more than all others. */
static omn_status take_mode(const omn_file *f, const struct stat *old, omn_error *err)
{
    struct stat mine;
    mode_t mode = old->st_mode & 0777;
    if (!old->st_mode) return OMN_OK;
    if (fchown(f->fd, old->st_uid, old->st_gid) != 0) (void)!fchown(f->fd, (uid_t)-1, old->st_gid);
    if (fstat(f->fd, &mine) != 0) return system_fail(err, errno, f->path, "cannot be written");
    if (mine.st_gid != old->st_gid) mode = (mode & ~(mode_t)070) | (mode & 07) << 3;
    if (fchmod(f->fd, mode) != 0)
        return system_fail(err, errno, f->path, "cannot take the mode of the file it replaces");
    return OMN_OK;
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
    struct stat old;
    OMN_TRY(check_open(f, err));
    OMN_TRY(flush(f, err));
    f->failed = true; /* until everything below went well */
    OMN_TRY(check_target(f->path, f->how, &old, err));
    OMN_TRY(take_mode(f, &old, err));
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
    if (f->lock >= 0) (void)close(f->lock);
    free(f->path);
    free(f->folder);
    free(f->temporary);
    free(f);
}

/* ---- what killed processes left ------------------------------------------------------------- */

static bool is_temporary(const char *name)
{
    const size_t n = strlen(PREFIX);
    return !strncmp(name, PREFIX, n) && strspn(name + n, "0123456789abcdef") == 16 &&
           !strcmp(name + n + 16, SUFFIX);
}

int omn_file_lock(int fd)
{
    const struct timespec pause = { .tv_nsec = 10000000 };
    for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; i++) {
        if (errno == EWOULDBLOCK ? i == 200 : errno != EINTR) return errno;
        nanosleep(&pause, NULL);
    }
    return 0;
}

void omn_file_sweep(const char *folder)
{
    DIR *d = opendir(*folder ? folder : ".");
    if (!d) return;
    for (struct dirent *e; (e = readdir(d));) {
        struct stat info;
        if (!is_temporary(e->d_name)) continue;
        /* a lock of NFS wants a descriptor that may write */
        const int fd = openat(dirfd(d), e->d_name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0) continue;
        if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_uid == geteuid() &&
            flock(fd, LOCK_EX | LOCK_NB) == 0)
            (void)unlinkat(dirfd(d), e->d_name, 0);
        (void)close(fd);
    }
    (void)closedir(d);
}
