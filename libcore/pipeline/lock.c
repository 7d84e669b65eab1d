/* SPDX-License-Identifier: Apache-2.0 */
/* Two trainings in one folder would write each other's log and checkpoint. The first one holds a
 * lock on a file there; it ends with the process, however that ends. */
#include "recipe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME ".omnio-lock"

omn_status folder_lock(const char *folder, int *out, omn_error *err)
{
    char path[4300], who[32] = "";
    struct stat mine, there;
    *out = -1;
    snprintf(path, sizeof path, "%s/" NAME, folder);
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) return omn_fail(err, OMN_ERR_IO, "%s: %s", path, strerror(errno));
    const int why = omn_file_lock(fd);
    /* the one before may have taken its file away between our open and our lock */
    const bool gone = !why && (fstat(fd, &mine) != 0 || stat(path, &there) != 0 ||
                               mine.st_ino != there.st_ino || mine.st_dev != there.st_dev);
    if (!why && !gone) {
        const int n = snprintf(who, sizeof who, "%ld\n", (long)getpid());
        if (ftruncate(fd, 0) == 0 && write(fd, who, (size_t)n) == n) { /* only to be told */
        }
        *out = fd;
        return OMN_OK;
    }
    const ssize_t n = why == EWOULDBLOCK ? read(fd, who, sizeof who - 1) : 0;
    who[n > 0 ? n : 0] = 0;
    who[strcspn(who, "\n")] = 0;
    close(fd);
    if (why && why != EWOULDBLOCK)
        return omn_fail(err, OMN_ERR_IO, "%s: cannot be locked: %s", path, strerror(why));
    if (who[0])
        return omn_fail(err, OMN_ERR_IO, "%s: another training is at work there (process %s)",
                        folder, who);
    return omn_fail(err, OMN_ERR_IO, "%s: another training is at work there", folder);
}

void folder_unlock(const char *folder, int held)
{
    char path[4300];
    if (held < 0) return;
    snprintf(path, sizeof path, "%s/" NAME, folder);
    unlink(path);
    close(held);
}
