/* SPDX-License-Identifier: Apache-2.0 */
/* The pictures of a folder, by their names; what a file is, its bytes say when it is opened. */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_FILES ((size_t)1 << 22)

static bool is_picture(const char *name)
{
    static const char *const ends[] = { "jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff",
                                        "pnm", "ppm", "pgm", "pbm", "pam" };
    const char *dot = strrchr(name, '.');
    char end[8];
    size_t n = 0;
    if (name[0] == '.' || !dot || strlen(dot + 1) >= sizeof end) return false;
    for (const char *p = dot + 1; *p; p++)
        end[n++] = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
    end[n] = 0;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (!strcmp(end, ends[i])) return true;
    return false;
}

static int order(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void folder_free(char **list, size_t n)
{
    for (size_t i = 0; i < n; i++) free(list[i]);
    free(list);
}

static char *joined(const char *folder, const char *name)
{
    const size_t n = strlen(folder), m = strlen(name);
    const bool slash = n > 0 && folder[n - 1] == '/';
    char *path = malloc(n + m + 2);
    if (path) snprintf(path, n + m + 2, "%s%s%s", folder, slash ? "" : "/", name);
    return path;
}

omn_status folder_pictures(const char *folder, char ***list, size_t *n, omn_error *err)
{
    omn_status st = OMN_OK;
    size_t room = 0;
    DIR *d = opendir(folder);
    *list = NULL;
    *n = 0;
    if (!d) {
        const int why = errno;
        return omn_fail(err, OMN_ERR_MISSING, "%s: no folder that can be read: %s", folder,
                        strerror(why));
    }
    for (const struct dirent *e; st == OMN_OK && (e = readdir(d));) {
        if (!is_picture(e->d_name)) continue;
        if (*n == room) {
            room = room ? 2 * room : 64;
            char **more = room <= MOST_FILES ? realloc(*list, room * sizeof *more) : NULL;
            if (!more) {
                st = room <= MOST_FILES
                         ? omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", folder)
                         : omn_fail(err, OMN_ERR_DATA, "%s: more than %zu pictures", folder,
                                    MOST_FILES);
                break;
            }
            *list = more;
        }
        if (((*list)[*n] = joined(folder, e->d_name))) ++*n;
        else st = omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", folder);
    }
    closedir(d);
    if (*n) qsort(*list, *n, sizeof **list, order);
    return st;
}
