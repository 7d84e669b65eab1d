/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a whole file, or standard input, with a largest size: a pipe has no length to look at
 * beforehand, and a hostile one must not take all memory. */
#include "libcore/base/system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FIRST_ROOM = 65536 };

static omn_status too_large(omn_error *err, const char *name, size_t most)
{
    return omn_fail(err, OMN_ERR_DATA, "%s: larger than %zu bytes, the most that is accepted here",
                    name, most);
}

/* Reads to the end; room is a first guess of the size, without the 0 behind it. */
static omn_status read_all(int fd, const char *name, size_t most, size_t room, char **data,
                           size_t *size, omn_error *err)
{
    omn_status st = OMN_OK;
    size_t n = 0;
    char *bytes = malloc(room + 1);
    if (!bytes) return omn_fail(err, OMN_ERR_MEMORY, "%s: no memory for %zu bytes", name, room);
    for (;;) {
        if (n == room) {
            /* Full: is there more? */
            char more;
            ssize_t got = read(fd, &more, 1);
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) {
                st = system_fail(err, errno, name, "cannot be read");
                goto done;
            }
            if (got == 0) break;
            if (room >= most) {
                st = too_large(err, name, most);
                goto done;
            }
            size_t wider = room > most / 2 ? most : 2 * room;
            if (wider < FIRST_ROOM && most >= FIRST_ROOM) wider = FIRST_ROOM;
            char *moved = realloc(bytes, wider + 1);
            if (!moved) {
                st = omn_fail(err, OMN_ERR_MEMORY, "%s: no memory for %zu bytes", name, wider);
                goto done;
            }
            bytes = moved;
            room = wider;
            bytes[n++] = more;
            continue;
        }
        ssize_t got = read(fd, bytes + n, room - n);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            st = system_fail(err, errno, name, "cannot be read");
            goto done;
        }
        if (got == 0) break;
        n += (size_t)got;
    }
    bytes[n] = '\0';
    *data = bytes;
    *size = n;
    bytes = NULL;
done:
    free(bytes);
    return st;
}

omn_status omn_file_read(const char *path, size_t most, char **data, size_t *size, omn_error *err)
{
    omn_status st = OMN_OK;
    struct stat info;
    size_t room;
    *data = NULL;
    *size = 0;
    if (most > SIZE_MAX - 1) most = SIZE_MAX - 1;
    room = most < FIRST_ROOM ? most : FIRST_ROOM;
    if (strcmp(path, "-") == 0)
        return read_all(STDIN_FILENO, "standard input", most, room, data, size, err);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return system_fail(err, errno, path, "cannot be opened");
    if (fstat(fd, &info) != 0) {
        st = system_fail(err, errno, path, "cannot be looked at");
        goto done;
    }
    if (S_ISDIR(info.st_mode)) {
        st = omn_fail(err, OMN_ERR_IO, "%s: is a folder, and a file is needed", path);
        goto done;
    }
    if (S_ISREG(info.st_mode) && info.st_size > 0) {
        if ((uintmax_t)info.st_size > most) {
            st = too_large(err, path, most);
            goto done;
        }
        room = (size_t)info.st_size;
    }
    st = read_all(fd, path, most, room, data, size, err);
done:
    (void)close(fd);
    return st;
}
