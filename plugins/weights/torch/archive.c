/* SPDX-License-Identifier: Apache-2.0 */
/* The archive that torch.save writes since release 1.6, and TorchScript: ROOT/data.pkl names
 * tensors, ROOT/data/KEY are their storages, stored as they are. Of TorchScript the attributes are
 * read and no code. */
#include "inside.h"
#include "zip.h"

#include <stdio.h>
#include <string.h>

enum { MOST_KEY = 200 };

typedef struct archive {
    zip_dir dir;
    char root[1024];
} archive;

/* The folder that holds data.pkl. */
static omn_status find_root(archive *z, const char *path, omn_error *err)
{
    static const char tail[] = "data.pkl";
    size_t found = 0;
    for (size_t i = 0; i < z->dir.n; i++) {
        const char *name = z->dir.of[i].name, *slash = strchr(name, '/');
        const size_t n = slash ? (size_t)(slash - name) + 1 : 0;
        if (strcmp(name + n, tail) != 0 || n >= sizeof z->root) continue;
        if (found++)
            return omn_fail(err, OMN_ERR_DATA, "%s: the archive holds two files data.pkl", path);
        snprintf(z->root, sizeof z->root, "%.*s", (int)n, name);
    }
    if (found) return OMN_OK;
    return omn_fail(err, OMN_ERR_DATA,
                    "%s: a zip archive without data.pkl; one of torch.save or TorchScript is "
                    "wanted",
                    path);
}

static const zip_entry *entry_of(const archive *z, const char *name)
{
    char full[sizeof z->root + MOST_KEY + 8];
    const int n = snprintf(full, sizeof full, "%s%s", z->root, name);
    return n > 0 && (size_t)n < sizeof full ? zip_find(&z->dir, full) : NULL;
}

static omn_status place(const torch_file *f, const pk_storage *s, uint64_t *from, uint64_t *bytes,
                        omn_error *err)
{
    const archive *z = f->more;
    char name[MOST_KEY + 8], key[MOST_KEY];
    const int n = (int)(s->key.n < sizeof key ? s->key.n : sizeof key - 1);
    snprintf(key, sizeof key, "%.*s", n, s->key.s);
    snprintf(name, sizeof name, "data/%s", key);
    const zip_entry *e = s->key.n < sizeof key ? entry_of(z, name) : NULL;
    omn_text_clean(key);
    if (!e)
        return omn_fail(err, OMN_ERR_DATA, "%s: its storage data/%s is not in the archive", f->path,
                        key);
    if (e->method != ZIP_STORED)
        return omn_fail(err, OMN_ERR_DATA, "%s: its storage data/%s is compressed; torch stores",
                        f->path, key);
    if (!storage_bytes(s, bytes) || *bytes != e->size)
        return omn_fail(err, OMN_ERR_DATA,
                        "%s: its storage data/%s has %llu bytes, which are not %llu elements",
                        f->path, key, (unsigned long long)e->size, (unsigned long long)s->all);
    *from = e->at;
    return OMN_OK;
}

/* Big-endian machines write which they are. */
static omn_status check_order(const archive *z, const uint8_t *p, const char *path, omn_error *err)
{
    const zip_entry *e = entry_of(z, "byteorder");
    if (!e || e->method != ZIP_STORED ||
        (e->size >= 6 && memcmp(p + e->at, "little", 6) == 0))
        return OMN_OK;
    return omn_fail(err, OMN_ERR_UNSUPPORTED, "%s: its bytes are not in little-endian order", path);
}

static omn_status read_pickle(const archive *z, const omn_map *map, omn_arena *a, const pk **root,
                              omn_error *err)
{
    const char *path = omn_map_path(map);
    const uint8_t *p = omn_map_data(map);
    const zip_entry *e = entry_of(z, "data.pkl");
    const pickle_setup how = { path, a, entry_of(z, "constants.pkl") != NULL, NULL };
    size_t used;
    if (e->method != ZIP_STORED)
        return omn_fail(err, OMN_ERR_DATA, "%s: data.pkl is compressed; torch stores", path);
    if (e->size > TORCH_PICKLE)
        return omn_fail(err, OMN_ERR_DATA, "%s: data.pkl has %llu bytes; at most %zu are read",
                        path, (unsigned long long)e->size, TORCH_PICKLE);
    const omn_status st = zip_check(map, e, err);
    if (st != OMN_OK) return st;
    return pickle_read(&how, p + e->at, (size_t)e->size, root, &used, err);
}

omn_status archive_open(omn_call *c, const void *params, const char *path, omn_weights_list *out,
                        void **self, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_map *map = NULL;
    const pk *root = NULL;
    const struct torch *set = params;
    (void)self;
    omn_arena *a = omn_arena_new(TORCH_MEMORY);
    archive *z = a ? omn_arena_alloc(a, 1, sizeof *z) : NULL;
    if (!z) {
        st = omn_fail(err, OMN_ERR_MEMORY, "%s: no memory to open it", path);
        goto done;
    }
    torch_file f = { .call = c, .path = path, .tree = set->tree, .a = a, .out = out,
                     .place = place, .more = z };
    OMN_TRY(omn_map_open(path, &map, err));
    OMN_TRY(omn_weights_list_map(out, map, &f.map, err));
    OMN_TRY(zip_read(map, a, &z->dir, err));
    OMN_TRY(find_root(z, path, err));
    OMN_TRY(check_order(z, omn_map_data(map), path, err));
    OMN_TRY(read_pickle(z, map, a, &root, err));
    for (size_t i = 0; set->check && i < z->dir.n; i++)
        OMN_TRY(zip_check(map, &z->dir.of[i], err));
    OMN_TRY(tree_list(&f, root, err));
done:
    omn_arena_free(a);
    return st;
}
