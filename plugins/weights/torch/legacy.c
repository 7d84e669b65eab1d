/* SPDX-License-Identifier: Apache-2.0 */
/* What torch.save wrote before release 1.6: five pickles in a row (a magic number, the protocol,
 * the machine, the object, the keys of all storages) and then each storage: the number of its
 * elements in 8 bytes, and the elements. */
#include "inside.h"

#include <stdlib.h>
#include <string.h>

/* 0x1950a86a20f9469cfc6c, the low bytes first. */
static const uint8_t magic[10] = { 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19 };
enum { PROTOCOL = 1001 };

/* One storage: where it is known from first, then where it lies. */
typedef struct stored {
    pk_text key;
    uint64_t each, at, bytes;
} stored;

typedef struct legacy {
    const uint8_t *p;
    size_t n, at;
    const char *path;
    stored *of; /* sorted by key */
    size_t count;
} legacy;

static omn_status bad(const legacy *z, const char *what, omn_error *err)
{
    return omn_fail(err, OMN_ERR_DATA, "%s: %s", z->path, what);
}

static int by_key(const void *x, const void *y)
{
    const pk_text *a = &((const stored *)x)->key, *b = &((const stored *)y)->key;
    if (a->n != b->n) return a->n < b->n ? -1 : 1;
    return memcmp(a->s, b->s, a->n);
}

static stored *find(const legacy *z, const pk_text *key)
{
    const stored wanted = { .key = *key };
    return z->count ? bsearch(&wanted, z->of, z->count, sizeof wanted, by_key) : NULL;
}

static omn_status place(const torch_file *f, const pk_storage *s, uint64_t *from, uint64_t *bytes,
                        omn_error *err)
{
    const stored *x = find(f->more, &s->key);
    if (!x) return omn_fail(err, OMN_ERR_DATA, "%s: its storage is not in the file", f->path);
    if (!storage_bytes(s, bytes) || *bytes != x->bytes)
        return omn_fail(err, OMN_ERR_DATA,
                        "%s: its storage has %llu bytes, which are not %llu elements", f->path,
                        (unsigned long long)x->bytes, (unsigned long long)s->all);
    *from = x->at;
    return OMN_OK;
}

static omn_status next(legacy *z, omn_arena *a, pk_list *storages, const pk **out, omn_error *err)
{
    const pickle_setup how = { z->path, a, false, storages };
    size_t left = z->n - z->at, used = 0;
    if (left > TORCH_PICKLE) left = TORCH_PICKLE;
    const omn_status st = pickle_read(&how, z->p + z->at, left, out, &used, err);
    z->at += used;
    return st;
}

static omn_status read_front(legacy *z, omn_arena *a, omn_error *err)
{
    const pk *v = NULL, *order;
    omn_status st = next(z, a, NULL, &v, err);
    if (st != OMN_OK) return st;
    if (v->kind != PK_BIG || v->u.text.n != sizeof magic ||
        memcmp(v->u.text.s, magic, sizeof magic) != 0)
        return bad(z, "a pickle, and not one of torch.save", err);
    st = next(z, a, NULL, &v, err);
    if (st != OMN_OK) return st;
    if (v->kind != PK_INT || v->u.i != PROTOCOL)
        return bad(z, "is of another protocol of torch.save than 1001", err);
    st = next(z, a, NULL, &v, err);
    if (st != OMN_OK) return st;
    order = pk_get(v, "little_endian");
    if (order && (order->kind != PK_BOOL || !order->u.is))
        return bad(z, "its bytes are not in little-endian order", err);
    return OMN_OK;
}

/* The storages that the object names, each once: how long one element is. */
static omn_status name_storages(legacy *z, const pk_list *named, omn_arena *a, omn_error *err)
{
    size_t n = 0;
    z->of = omn_arena_alloc(a, named->n + 1, sizeof *z->of);
    if (!z->of) return omn_fail(err, OMN_ERR_MEMORY, "%s: no memory for its storages", z->path);
    for (size_t i = 0; i < named->n; i++) {
        const pk_storage *s = &named->of[i]->u.storage;
        const omn_type_info *type = omn_type_get(s->type);
        z->of[i] = (stored){ .key = s->key, .each = type ? type->bytes : 1 };
    }
    if (named->n) qsort(z->of, named->n, sizeof *z->of, by_key);
    for (size_t i = 0; i < named->n; i++) {
        if (n > 0 && by_key(&z->of[n - 1], &z->of[i]) == 0) {
            if (z->of[n - 1].each != z->of[i].each)
                return bad(z, "one of its storages has elements of two sizes", err);
            continue;
        }
        z->of[n++] = z->of[i];
    }
    z->count = n;
    return OMN_OK;
}

/* The keys say in which order the storages follow. */
static omn_status find_storages(legacy *z, const pk *keys, omn_error *err)
{
    if (keys->kind != PK_LIST) return bad(z, "has no list of its storages", err);
    for (size_t i = 0; i < keys->u.list.n; i++) {
        const pk *key = keys->u.list.of[i];
        stored *s = key->kind == PK_TEXT ? find(z, &key->u.text) : NULL;
        uint64_t count = 0;
        size_t bytes;
        if (!s) return bad(z, "has a storage that no tensor names", err);
        if (s->at) return bad(z, "has a storage twice", err);
        if (z->n - z->at < 8) return bad(z, "is cut off in front of a storage", err);
        for (int k = 7; k >= 0; k--) count = count << 8 | z->p[z->at + (size_t)k];
        z->at += 8;
        if (count > SIZE_MAX || !omn_size_mul((size_t)count, (size_t)s->each, &bytes) ||
            bytes > z->n - z->at)
            return bad(z, "is cut off inside of a storage", err);
        s->at = z->at;
        s->bytes = bytes;
        z->at += bytes;
    }
    if (z->at != z->n) return bad(z, "has bytes behind its last storage", err);
    return OMN_OK;
}

omn_status legacy_open(omn_call *c, const void *params, const char *path, omn_weights_list *out,
                       void **self, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_map *map = NULL;
    const pk *root = NULL, *keys = NULL;
    const struct torch *set = params;
    pk_list named = { NULL, 0, 0 };
    (void)self;
    omn_arena *a = omn_arena_new(TORCH_MEMORY);
    if (!a) return omn_fail(err, OMN_ERR_MEMORY, "%s: no memory to open it", path);
    OMN_TRY(omn_map_open(path, &map, err));
    legacy z = { .p = omn_map_data(map), .n = omn_map_size(map), .path = path };
    torch_file f = { .call = c, .path = path, .tree = set->tree, .a = a, .out = out,
                     .place = place, .more = &z };
    OMN_TRY(omn_weights_list_map(out, map, &f.map, err));
    OMN_TRY(read_front(&z, a, err));
    OMN_TRY(next(&z, a, &named, &root, err));
    OMN_TRY(name_storages(&z, &named, a, err));
    OMN_TRY(next(&z, a, NULL, &keys, err));
    OMN_TRY(find_storages(&z, keys, err));
    OMN_TRY(tree_list(&f, root, err));
done:
    omn_arena_free(a);
    return st;
}
