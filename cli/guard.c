/* SPDX-License-Identifier: Apache-2.0 */
/* Files are told apart by device and number, so that another spelling or a link is the same file;
 * names that nobody has taken yet by their folder and last part. A table with open addressing that
 * doubles: a batch may have millions of items. */
#include "guard.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

typedef struct place {
    uint64_t a, b;
    const char *what; /* NULL: free */
} place;

struct guard {
    place *table;
    size_t room, n; /* room: a power of two */
};

guard *guard_new(void)
{
    guard *g = calloc(1, sizeof *g);
    if (!g) return NULL;
    g->room = 64;
    g->table = calloc(g->room, sizeof *g->table);
    if (g->table) return g;
    free(g);
    return NULL;
}

void guard_free(guard *g)
{
    if (!g) return;
    free(g->table);
    free(g);
}

static place *look_up(const place *table, size_t room, uint64_t a, uint64_t b)
{
    const uint64_t key[2] = { a, b };
    size_t i = (size_t)XXH3_64bits(key, sizeof key) & (room - 1);
    while (table[i].what && (table[i].a != a || table[i].b != b)) i = (i + 1) & (room - 1);
    return (place *)(uintptr_t)&table[i];
}

const char *guard_find(const guard *g, uint64_t a, uint64_t b)
{
    return look_up(g->table, g->room, a, b)->what;
}

static bool grow(guard *g)
{
    if (g->room > SIZE_MAX / 4 / sizeof *g->table) return false;
    place *wider = calloc(2 * g->room, sizeof *wider);
    if (!wider) return false;
    for (size_t i = 0; i < g->room; i++)
        if (g->table[i].what)
            *look_up(wider, 2 * g->room, g->table[i].a, g->table[i].b) = g->table[i];
    free(g->table);
    g->table = wider;
    g->room *= 2;
    return true;
}

bool guard_put(guard *g, uint64_t a, uint64_t b, const char *what)
{
    if (2 * (g->n + 1) > g->room && !grow(g)) return false;
    place *p = look_up(g->table, g->room, a, b);
    if (p->what) return true;
    *p = (place){ a, b, what };
    g->n++;
    return true;
}

bool guard_put_file(guard *g, const char *path, const char *what)
{
    struct stat s;
    if (stat(path, &s) != 0) return true;
    return guard_put(g, (uint64_t)s.st_dev, (uint64_t)s.st_ino, what);
}

const char *guard_find_file(const guard *g, const struct stat *file)
{
    return guard_find(g, (uint64_t)file->st_dev, (uint64_t)file->st_ino);
}

bool guard_put_folder(guard *g, const char *path, const char *what)
{
    bool ok = true;
    DIR *d = opendir(path);
    if (!d) return guard_put_file(g, path, what);
    for (struct dirent *e; ok && (e = readdir(d));) {
        struct stat s;
        if (fstatat(dirfd(d), e->d_name, &s, 0) == 0 && S_ISREG(s.st_mode))
            ok = guard_put(g, (uint64_t)s.st_dev, (uint64_t)s.st_ino, what);
    }
    closedir(d);
    return ok;
}

/* A folder that is not there is told apart by its spelling. */
static XXH128_hash_t name_key(const char *path)
{
    const char *slash = strrchr(path, '/'), *last = slash ? slash + 1 : path;
    char folder[4096] = ".";
    struct stat s;
    uint64_t at[2] = { 0, 0 };
    if (slash) snprintf(folder, sizeof folder, "%.*s", (int)(slash - path) + 1, path);
    if (stat(folder, &s) == 0) {
        at[0] = (uint64_t)s.st_dev;
        at[1] = (uint64_t)s.st_ino;
    } else {
        at[0] = XXH3_64bits(folder, strlen(folder));
    }
    return XXH3_128bits_withSeed(last, strlen(last), XXH3_64bits(at, sizeof at));
}

bool guard_put_name(guard *g, const char *path, const char *what)
{
    const XXH128_hash_t key = name_key(path);
    return guard_put(g, key.low64, key.high64, what);
}

const char *guard_find_name(const guard *g, const char *path)
{
    const XXH128_hash_t key = name_key(path);
    return guard_find(g, key.low64, key.high64);
}
