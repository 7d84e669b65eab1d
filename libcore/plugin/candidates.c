/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the folders of plugins. Only the names decide here (*.so, not hidden); whether a file is
 * a plugin is found out by the helper. Names are sorted, so the order never depends on the file
 * system, and the same file met twice (two spellings of a folder, a link) counts once. */
#include "candidates.h"

#include "door.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MOST_FILES 4096u

void candidates_fini(candidates *c)
{
    free(c->at);
    *c = (candidates){ 0 };
}

bool candidates_key(record *r)
{
    struct stat s;
    if (stat(r->path, &s) != 0 || !S_ISREG(s.st_mode)) return false;
    r->key = (record_key){ (uint64_t)s.st_dev, (uint64_t)s.st_ino, (uint64_t)s.st_size,
                           (int64_t)s.st_mtim.tv_sec * 1000000000 + s.st_mtim.tv_nsec };
    return true;
}

bool candidates_same(const record *r)
{
    record now = { .path = r->path };
    return candidates_key(&now) && record_key_same(&now.key, &r->key);
}

static omn_status add_file(candidates *c, const char *path, omn_arena *a, omn_error *err)
{
    record r = { .path = path };
    size_t len = strlen(path);
    if (!candidates_key(&r)) return OMN_OK;
    for (size_t i = 0; i < c->n; i++)
        if (c->at[i].key.device == r.key.device && c->at[i].key.inode == r.key.inode) return OMN_OK;
    if (c->n >= MOST_FILES)
        return omn_fail(err, OMN_ERR_PLUGIN, "more than %u plugin files", MOST_FILES);
    if (c->n == c->room) {
        size_t room = c->room ? 2 * c->room : 64;
        record *more = realloc(c->at, room * sizeof(*more));
        if (!more) return omn_fail(err, OMN_ERR_MEMORY, "no memory for the list of plugins");
        c->at = more;
        c->room = room;
    }
    if (!door_text(path, len, PATH_MAX - 1)) {
        r.path = record_why(a, path);
        r.state = RECORD_STOPPED;
        r.why = "has a name that is not plain UTF-8 text";
    } else {
        r.path = omn_arena_strdup(a, path);
    }
    if (!r.path) return omn_fail(err, OMN_ERR_MEMORY, "no memory for the list of plugins");
    c->at[c->n++] = r;
    return OMN_OK;
}

static bool plugin_name(const char *name)
{
    size_t n = strlen(name);
    return n > 3 && name[0] != '.' && strcmp(name + n - 3, ".so") == 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names in one folder, sorted; heap. */
static omn_status read_names(DIR *d, char ***out, size_t *n, omn_error *err)
{
    struct dirent *e;
    char **list = NULL;
    size_t room = 0;
    *n = 0;
    while ((e = readdir(d)) != NULL && *n < MOST_FILES) {
        if (!plugin_name(e->d_name)) continue;
        if (*n == room) {
            room = room ? 2 * room : 64;
            char **more = realloc(list, room * sizeof(*more));
            if (!more) goto none;
            list = more;
        }
        list[*n] = strdup(e->d_name);
        if (!list[*n]) goto none;
        *n += 1;
    }
    if (list) qsort(list, *n, sizeof(*list), by_name);
    *out = list;
    return OMN_OK;
none:
    while (*n > 0) free(list[--*n]);
    free(list);
    return omn_fail(err, OMN_ERR_MEMORY, "no memory for a folder of plugins");
}

static omn_status add_folder(candidates *c, const char *folder, omn_arena *a, omn_error *err)
{
    omn_status st = OMN_OK;
    char **names = NULL;
    size_t n = 0;
    DIR *d = opendir(folder);
    if (!d && errno == ENOMEM)
        return omn_fail(err, OMN_ERR_MEMORY, "no memory for a folder of plugins");
    if (!d) return OMN_OK;
    OMN_TRY(read_names(d, &names, &n, err));
    for (size_t i = 0; i < n; i++) {
        char path[PATH_MAX];
        size_t len = strlen(folder), name = strlen(names[i]);
        if (len + name + 2 > sizeof(path)) continue;
        memcpy(path, folder, len);
        path[len] = '/';
        memcpy(path + len + 1, names[i], name + 1);
        OMN_TRY(add_file(c, path, a, err));
    }
done:
    for (size_t i = 0; i < n; i++) free(names[i]);
    free(names);
    closedir(d);
    return st;
}

omn_status candidates_add(candidates *c, const char *path, bool asked_for, omn_arena *a,
                          omn_context *ctx, omn_error *err)
{
    for (const char *p = path;; p++) {
        size_t len = strcspn(p, ":");
        char item[PATH_MAX], real[PATH_MAX];
        struct stat s;
        if (len > 0 && len < sizeof(item)) {
            memcpy(item, p, len);
            item[len] = 0;
            omn_status st = OMN_OK;
            if (realpath(item, real) && stat(real, &s) == 0) {
                if (S_ISDIR(s.st_mode))
                    st = add_folder(c, real, a, err);
                else
                    st = add_file(c, real, a, err);
            } else if (errno == ENOMEM) {
                st = omn_fail(err, OMN_ERR_MEMORY, "no memory for the folders of plugins");
            } else if (asked_for) {
                omn_context_log(ctx, OMN_LOG_WARN, "%s: no such folder of plugins", item);
            }
            if (st != OMN_OK) return st;
        }
        p += len;
        if (!*p) return OMN_OK;
    }
}
