/* SPDX-License-Identifier: Apache-2.0 */
/* Adapters put into the matrices that they are for: afterwards the model needs none, and answers as
 * fast as it did before, up to the rounding of the sums the same. */
#include "merge.h"

#include "libcore/graph/adapt.h"
#include "libcore/tensor/header.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct job {
    const omn_weights *w;
    omn_arena *arena;
    omn_weights_entry *entries;
    size_t n;
    const char **meta;
    size_t n_meta;
    char inside[256];                     /* digests of the adapters, with those of before */
} job;

/* Matrix i with its adapter, in the type that it has. */
static omn_status sum(job *j, size_t i, const adapter *a, omn_tensor *t, omn_error *err)
{
    const char *name = omn_weights_name(j->w, i);
    const int64_t R = t->shape.dim[0], C = t->shape.dim[1];
    const size_t n = (size_t)(R * C);
    omn_shape matrix;
    if (omn_weights_tiles(j->w, name, &matrix))
        return omn_fail(err, OMN_ERR_UNSUPPORTED,
                        "%s lies in tiles; adapters go into rows (omnio convert --layout rows)",
                        name);
    float *x = malloc(n * sizeof *x);
    void *out = omn_arena_alloc(j->arena, t->bytes ? t->bytes : 1, 1);
    omn_status st = x && out ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", name);
    if (st == OMN_OK && !omn_to_f32(t->type, t->data, n, x))
        st = omn_fail(err, OMN_ERR_TYPE, "%s: %s, floats are wanted", name,
                      omn_type_get(t->type)->name);
    if (st == OMN_OK) adapter_merge(a, x, R, C);
    if (st == OMN_OK && !omn_from_f32(t->type, x, n, out))
        st = omn_fail(err, OMN_ERR_TYPE, "%s: nothing can be rounded to %s", name,
                      omn_type_get(t->type)->name);
    if (st == OMN_OK) t->data = out;
    free(x);
    return st;
}

static bool inside(const omn_map *m, const omn_tensor *t)
{
    const char *from = omn_map_data(m), *p = t->data;
    return p >= from && p < from + omn_map_size(m);
}

/* What others wrote down about the weights; what this program did comes new. */
static omn_status take_meta(job *j, const omn_store *adapters, omn_error *err)
{
    const char *before = omn_weights_meta(j->w, ADAPT_INSIDE);
    const int n = snprintf(j->inside, sizeof j->inside, "%s%s%016" PRIx64, before ? before : "",
                           before ? " " : "", store_adapters_digest(adapters));
    if (n < 0 || (size_t)n >= sizeof j->inside)
        return omn_fail(err, OMN_ERR_DATA, "%s: more adapters are inside than can be told",
                        omn_weights_path(j->w));
    for (size_t i = 0; i < omn_weights_meta_count(j->w); i++) {
        const char *key = omn_weights_meta_key(j->w, i);
        if (!strncmp(key, "omnio.", strlen("omnio."))) continue;
        j->meta[j->n_meta++] = key;
        j->meta[j->n_meta++] = omn_weights_meta(j->w, key);
    }
    j->meta[j->n_meta++] = ADAPT_INSIDE;
    j->meta[j->n_meta++] = j->inside;
    return OMN_OK;
}

omn_status merge_file(const omn_weights *w, size_t map, const omn_store *adapters, const char *to,
                      omn_overwrite how, uint64_t *merged, omn_error *err)
{
    omn_status st = OMN_OK;
    job j = { .w = w, .arena = omn_arena_new(0) };
    j.entries = calloc(omn_weights_count(w) + 1, sizeof *j.entries);
    j.meta = calloc(2 * omn_weights_meta_count(w) + 2, sizeof *j.meta);
    if (!j.arena || !j.entries || !j.meta) {
        st = omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", to);
        goto done;
    }
    for (size_t i = 0; i < omn_weights_count(w); i++) {
        omn_tensor t = *omn_weights_at(w, i);
        adapter a;
        if (!inside(omn_weights_map(w, map), &t)) continue;
        if (store_adapter(adapters, omn_weights_name(w, i), &a)) {
            OMN_TRY(sum(&j, i, &a, &t, err));
            ++*merged;
        }
        j.entries[j.n++] = (omn_weights_entry){ omn_weights_name(w, i), t };
    }
    OMN_TRY(take_meta(&j, adapters, err));
    OMN_TRY(omn_weights_unchanged(w, err));
    OMN_TRY(omn_weights_write(to, how, j.entries, j.n, j.meta, j.n_meta / 2, err));
done:
    free(j.entries);
    free(j.meta);
    omn_arena_free(j.arena);
    return st;
}
