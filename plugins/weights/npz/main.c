/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays of NumPy: .npz, a zip archive of arrays, and one .npy alone. Arrays that are stored are
 * used where they lie, packed ones are unpacked. */
#include "inside.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_NAME = 4096 };

struct npz_set {
    bool check;
};

static const omn_param params[] = {
    { "param", "check", "bool", "false", NULL, NULL,
      "compare the checksum of every array of an archive; reads all of it",
      offsetof(struct npz_set, check) },
};

typedef struct npz {
    omn_arena *a;
    zip_dir dir;
    unpacker *u;
    const uint8_t *file;
    const char *path;
    size_t *header; /* of entry i */
} npz;

static bool ends_with(const char *s, const char *end)
{
    const size_t n = s ? strlen(s) : 0, m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

static int probe(const char *name, const uint8_t *head, size_t n)
{
    if (n >= 6 && memcmp(head, "\x93NUMPY", 6) == 0) return 100;
    if (n < 30 || memcmp(head, "PK\3\4", 4) != 0) return 0;
    const size_t length = (size_t)head[26] | (size_t)head[27] << 8;
    if (length > 4 && length <= n - 30 && memcmp(head + 30 + length - 4, ".npy", 4) == 0)
        return 96;
    return ends_with(name, ".npz") ? 92 : 0;
}

/* For messages, before they have the name of the array. */
static omn_status bad(const char *path, const char *name, const char *what, omn_error *err)
{
    char shown[120];
    size_t n = 0;
    for (; name[n] && n < sizeof shown - 1; n++) shown[n] = name[n];
    shown[n] = 0;
    return omn_fail(err, OMN_ERR_DATA, "%s: %s: %s", path, omn_text_clean(shown), what);
}

/* An array whose elements lie in the file from byte `at` on, `room` bytes of them. */
static omn_status add_stored(omn_weights_list *out, const char *path, const char *name,
                             const npy *x, uint64_t at, uint64_t room, omn_error *err)
{
    int64_t strides[OMN_MAX_RANK];
    size_t bytes, step = 1;
    omn_weights_place p = { OMN_FILL(omn_weights_place), .name = name, .type = x->type,
                            .shape = x->shape, .at = at, .from = at, .end = at + room };
    if (!omn_shape_bytes(&x->shape, x->type, &bytes) || bytes != room)
        return bad(path, name, "its shape is not of as many bytes as it has", err);
    for (uint32_t d = 0; d < x->shape.rank; d++) {
        strides[d] = (int64_t)step;
        step *= (size_t)x->shape.dim[d]; /* the product is known to fit */
    }
    if (x->columns) p.strides = strides;
    return omn_weights_list_add(out, &p, err);
}

static omn_status add_packed(npz *z, size_t i, omn_weights_list *out, const char *name,
                             omn_error *err)
{
    npy x;
    size_t bytes;
    omn_error why = OMN_ERROR_INIT;
    const zip_entry *e = &z->dir.of[i];
    const size_t n = e->size < NPY_PACKED ? (size_t)e->size : NPY_PACKED;
    uint8_t *front = malloc(n + 1);
    if (!front) return omn_fail(err, OMN_ERR_MEMORY, "%s: no memory to open it", z->path);
    omn_status st = unpack(z->u, e, 0, front, n, &why);
    const char *wrong = st == OMN_OK ? npy_read(front, n, &x) : NULL;
    free(front);
    if (st != OMN_OK) return omn_fail(err, st, "%s: %s: %s", z->path, name, why.text);
    if (wrong) return bad(z->path, name, wrong, err);
    if (!omn_shape_bytes(&x.shape, x.type, &bytes) || bytes != e->size - x.header)
        return bad(z->path, name, "its shape is not of as many bytes as it has", err);
    if (x.columns && x.shape.rank > 1)
        return omn_fail(err, OMN_ERR_UNSUPPORTED,
                        "%s: %s: is compressed and in Fortran order; one of both is read", z->path,
                        name);
    z->header[i] = x.header;
    const omn_weights_place p = { OMN_FILL(omn_weights_place), .name = name, .type = x.type,
                                  .shape = x.shape, .made = true, .id = i };
    return omn_weights_list_add(out, &p, err);
}

static omn_status add_entry(npz *z, size_t i, omn_weights_list *out, omn_error *err)
{
    npy x;
    char name[MOST_NAME];
    const zip_entry *e = &z->dir.of[i];
    const size_t n = strlen(e->name);
    if (n < 5 || n - 4 >= sizeof name || !ends_with(e->name, ".npy"))
        return bad(z->path, e->name, "is no array NAME.npy", err);
    memcpy(name, e->name, n - 4);
    name[n - 4] = 0;
    if (e->method == ZIP_DEFLATED) return add_packed(z, i, out, name, err);
    if (e->method != ZIP_STORED) return bad(z->path, name, "is packed in an unknown way", err);
    const char *wrong = npy_read(z->file + e->at, (size_t)e->size, &x);
    if (wrong) return bad(z->path, name, wrong, err);
    return add_stored(out, z->path, name, &x, e->at + x.header, e->size - x.header, err);
}

/* One array alone has no name; it is called "array". */
static omn_status open_npy(const omn_map *map, omn_weights_list *out, omn_error *err)
{
    npy x;
    const size_t n = omn_map_size(map);
    const char *path = omn_map_path(map), *wrong = npy_read(omn_map_data(map), n, &x);
    if (wrong) return omn_fail(err, OMN_ERR_DATA, "%s: %s", path, wrong);
    return add_stored(out, path, "array", &x, x.header, n - x.header, err);
}

static omn_status open_npz(omn_call *c, const void *given, const char *path,
                           omn_weights_list *out, void **self, omn_error *err)
{
    const struct npz_set *set = given;
    omn_status st = OMN_OK;
    omn_map *map = NULL;
    (void)c;
    OMN_TRY(omn_map_open(path, &map, err));
    OMN_TRY(omn_weights_list_map(out, map, NULL, err));
    if (omn_map_size(map) > 6 && memcmp(omn_map_data(map), "\x93NUMPY", 6) == 0)
        return open_npy(map, out, err);
    omn_arena *a = omn_arena_new(0);
    npz *z = a ? omn_arena_alloc(a, 1, sizeof *z) : NULL;
    if (!z) {
        omn_arena_free(a);
        return omn_fail(err, OMN_ERR_MEMORY, "%s: no memory to open it", path);
    }
    *self = z;
    z->a = a;
    z->file = omn_map_data(map);
    z->path = omn_arena_strdup(a, path);
    OMN_TRY(zip_read(map, a, &z->dir, err));
    OMN_TRY(unpacker_new(z->file, &z->u, err));
    z->header = omn_arena_alloc(a, z->dir.n + 1, sizeof *z->header);
    if (!z->header || !z->path)
        return omn_fail(err, OMN_ERR_MEMORY, "%s: no memory to open it", path);
    if (z->dir.n == 0) return omn_fail(err, OMN_ERR_DATA, "%s: it holds no arrays", path);
    for (size_t i = 0; set->check && i < z->dir.n; i++)
        OMN_TRY(zip_check(map, &z->dir.of[i], err));
    for (size_t i = 0; i < z->dir.n; i++) OMN_TRY(add_entry(z, i, out, err));
done:
    return st;
}

static void close_npz(void *self)
{
    npz *z = self;
    unpacker_free(z->u);
    omn_arena_free(z->a);
}

static omn_status read_npz(void *self, uint64_t id, uint64_t at, void *bytes, size_t n,
                           omn_error *err)
{
    npz *z = self;
    return unpack(z->u, &z->dir.of[id], z->header[id] + at, bytes, n, err);
}

static const omn_weights_impl impl = { NULL, "npz,npy", probe, open_npz, close_npz, read_npz };
static const omn_object objects[] = {
    { "omnio.weights/1", "npz", "arrays of NumPy", &impl, params, sizeof params / sizeof *params,
      sizeof(struct npz_set) },
};
OMN_PLUGIN("weights-npz", "1.0", "Apache-2.0", "arrays of NumPy", objects);
