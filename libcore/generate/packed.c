/* SPDX-License-Identifier: Apache-2.0 */
/* A file of weights that is a model by itself. The parts of a model read their files by path, so
 * those that lie inside are put into a folder of their own, for as long as the model is opened. */
#include "open.h"

#include "libcore/base/system.h"
#include "libcore/plugin/weights_load.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct unpacking {
    char folder[1200];
    struct timespec time; /* of the file: what was made of these files stays usable */
    bool configured;
} unpacking;

static omn_status make_folder(unpacking *u, const char *path, omn_error *err)
{
    struct stat s;
    const char *top = getenv("TMPDIR");
    const int n = snprintf(u->folder, sizeof u->folder, "%s/omnio-model-XXXXXX",
                           top && *top ? top : "/tmp");
    const bool fits = n > 0 && (size_t)n < sizeof u->folder;
    if (stat(path, &s) == 0) u->time = s.st_mtim;
    errno = ENAMETOOLONG;
    if (fits && mkdtemp(u->folder)) return OMN_OK;
    u->folder[0] = 0;
    return system_fail(err, errno, top && *top ? top : "/tmp",
                       "no folder can be made there for the files inside a model");
}

static omn_status put(void *user, const char *name, const void *bytes, size_t n, omn_error *err)
{
    unpacking *u = user;
    char path[1500];
    omn_status st = OMN_OK;
    omn_file *f = NULL;
    snprintf(path, sizeof path, "%s/%s", u->folder, name);
    OMN_TRY(omn_file_create(path, OMN_KEEP_EXISTING, &f, err));
    OMN_TRY(omn_file_write(f, bytes, n, err));
    OMN_TRY(omn_file_commit(f, err));
    const struct timespec times[2] = { u->time, u->time };
    (void)utimensat(AT_FDCWD, path, times, 0);
    u->configured = u->configured || !strcmp(name, "config.json");
done:
    omn_file_free(f);
    return st;
}

void packed_remove(const char *folder)
{
    DIR *d = folder && *folder ? opendir(folder) : NULL;
    if (!d) return;
    for (const struct dirent *e; (e = readdir(d));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            (void)unlinkat(dirfd(d), e->d_name, 0);
    (void)closedir(d);
    (void)rmdir(folder);
}

omn_status packed_open(omn_context *ctx, const char *path, char **folder, omn_error *err)
{
    omn_status st = OMN_OK;
    struct stat s;
    unpacking u = { .configured = false };
    *folder = NULL;
    const size_t n = strcspn(path, "?");
    char plain[4096];
    snprintf(plain, sizeof plain, "%.*s", n < sizeof plain ? (int)n : 0, path);
    if ((stat(path, &s) != 0 && stat(plain, &s) != 0) || !S_ISREG(s.st_mode)) return OMN_OK;
    OMN_TRY(make_folder(&u, plain, err));
    OMN_TRY(weights_files(ctx, path, put, &u, err));
    if (!u.configured) goto done;
    *folder = strdup(u.folder);
    if (!*folder) st = omn_fail(err, OMN_ERR_MEMORY, "opening %s: out of memory", path);
done:
    if (!*folder) packed_remove(u.folder);
    return st;
}
