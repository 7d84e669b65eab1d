/* SPDX-License-Identifier: Apache-2.0 */
/* Many questions about one picture name its file in each line: its value is kept for a while, so
 * that the file is read once, and whoever knows values by their address (omn_prepared) prepares it
 * once. A file is the same as long as its inode, its length and its times are. Pictures and sounds
 * alone: a video's value holds its file open. */
#include "loaded.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MOST_FILES = 256 };

typedef struct file {
    char *path, *type;
    struct stat is;
    omn_value *value;
    uint64_t used;
} file;

struct loaded {
    file list[MOST_FILES];
    size_t n, bytes, most;
    uint64_t now;
};

loaded *loaded_new(size_t most)
{
    loaded *l = calloc(1, sizeof *l);
    if (l) l->most = most;
    return l;
}

static void drop(loaded *l, size_t i)
{
    file *f = &l->list[i];
    l->bytes -= omn_value_bytes(f->value);
    omn_value_unref(f->value);
    free(f->path);
    free(f->type);
    *f = l->list[--l->n];
}

void loaded_free(loaded *l)
{
    while (l && l->n) drop(l, l->n - 1);
    free(l);
}

static bool same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* NULL: it is not there, or has become another, which is forgotten then. */
static file *find(loaded *l, const char *path, const char *type, const struct stat *now)
{
    for (size_t i = 0; i < l->n; i++) {
        if (strcmp(l->list[i].path, path) || strcmp(l->list[i].type, type)) continue;
        if (same(&l->list[i].is, now)) return &l->list[i];
        drop(l, i);
        return NULL;
    }
    return NULL;
}

static size_t oldest(const loaded *l)
{
    size_t o = 0;
    for (size_t i = 1; i < l->n; i++)
        if (l->list[i].used < l->list[o].used) o = i;
    return o;
}

static void keep(loaded *l, const char *path, const char *type, const struct stat *is,
                 omn_value *v)
{
    const size_t bytes = omn_value_bytes(v);
    if (bytes > l->most || !(omn_value_is(v, "image") || omn_value_is(v, "audio"))) return;
    while (l->n && (l->n == MOST_FILES || l->bytes + bytes > l->most)) drop(l, oldest(l));
    file f = { .path = strdup(path), .type = strdup(type), .is = *is, .used = l->now };
    if (!f.path || !f.type) { /* then it is read again */
        free(f.path);
        free(f.type);
        return;
    }
    f.value = omn_value_ref(v);
    l->bytes += bytes;
    l->list[l->n++] = f;
}

omn_status loaded_get(loaded *l, omn_context *ctx, const char *path, const char *type,
                      omn_value **out, omn_error *err)
{
    struct stat before, after;
    const bool is = stat(path, &before) == 0 && S_ISREG(before.st_mode);
    file *f = is ? find(l, path, type, &before) : NULL;
    l->now++;
    if (f) {
        f->used = l->now;
        *out = omn_value_ref(f->value);
        return OMN_OK;
    }
    const omn_status st = omn_value_load(ctx, path, type, out, err);
    /* one that was written meanwhile is not known to be what was read */
    if (st == OMN_OK && is && stat(path, &after) == 0 && same(&before, &after))
        keep(l, path, type, &before, *out);
    return st;
}
