/* SPDX-License-Identifier: Apache-2.0 */
/* The store of weights: either a checkpoint as it lies on disk, where a declaration is compared
 * with the file (and the weight made, once, of the parts in which weight norm keeps it), or f32
 * values in memory that a trainer writes, where a declaration makes the weight. Locked, since
 * several programs may read one store. */
#include "inside.h"

#include "adapt.h"

#include "../base/slabs.h"
#include "../tensor/finite.h"
#include "../tensor/normed.h"
#include "../tensor/tiles.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_RANK 65536
#define MOST_SCALE 1e6 /* of adapters: alpha over rank, times what somebody likes */

typedef struct entry {
    char *name;
    omn_shape shape; /* that of the tensor, or of the matrix whose tiles it is */
    omn_tensor tensor;
    float *data; /* in the store's slabs; of writable stores, and of types that graphs lack */
    omn_init_kind init; /* of hollow stores: how it would begin */
    double a;
} entry;

struct omn_store {
    const omn_weights *from;
    bool writable, partial, hollow;
    uint64_t seed;
    pthread_mutex_t lock;
    names index;
    entry **entries;
    slabs slabs;
    size_t count, room;
    size_t n_adapters;            /* factors are entries: A of a matrix, and B behind it */
    double scale;                 /* of all adapters */
};

static omn_status store_new(omn_store **out, omn_error *err)
{
    omn_store *st = calloc(1, sizeof(*st));
    if (!st) return omn_fail(err, OMN_ERR_MEMORY, "not enough memory for a store of weights");
    if (pthread_mutex_init(&st->lock, NULL)) {
        free(st);
        return omn_fail(err, OMN_ERR_MEMORY, "a lock could not be made");
    }
    *out = st;
    return OMN_OK;
}

omn_status omn_store_open(const omn_weights *w, omn_store **out, omn_error *err)
{
    omn_status st = store_new(out, err);
    if (st == OMN_OK) (*out)->from = w;
    return st;
}

omn_status omn_store_new(uint64_t seed, const omn_weights *from, bool partial, omn_store **out,
                         omn_error *err)
{
    omn_status st = store_new(out, err);
    if (st != OMN_OK) return st;
    (*out)->from = from;
    (*out)->writable = true;
    (*out)->partial = partial;
    (*out)->seed = seed;
    return OMN_OK;
}

void omn_store_free(omn_store *st)
{
    if (!st) return;
    for (size_t i = 0; i < st->count; i++) {
        free(st->entries[i]->name);
        free(st->entries[i]);
    }
    free(st->entries);
    slabs_free(&st->slabs);
    names_fini(&st->index);
    pthread_mutex_destroy(&st->lock);
    free(st);
}

/* A number without axes, as some files hold it, where one of one element is wanted. */
static bool same_number(const omn_shape *have, const omn_shape *want)
{
    return have->rank == 0 && want->rank == 1 && want->dim[0] == 1;
}

/* What the file has under this name (neither of both: nothing, and that is no fault), or a failure
 * that says what is wrong with it. */
static omn_status compare(const omn_store *st, const char *name, const omn_shape *want,
                          const header_row **out, normed *parts, omn_error *err)
{
    char have[80], wanted[80];
    const header_row *t = weights_row(st->from, name);
    const char *path = omn_weights_path(st->from);
    omn_shape_text(want, wanted, sizeof(wanted));
    *out = t;
    if (normed_find(st->from, name, parts)) return normed_check(parts, name, want, path, err);
    *parts = (normed){ NULL, NULL };
    if (!t) {
        if (st->writable && st->partial) return OMN_OK;
        return omn_fail(err, OMN_ERR_DATA, "%s: not in %s, %s wanted", name, path, wanted);
    }
    if (!omn_shape_equal(row_matrix(t), want) && !same_number(&t->tensor.shape, want))
        return omn_fail(err, OMN_ERR_SHAPE, "%s: %s in %s, %s wanted", name,
                        omn_shape_text(row_matrix(t), have, sizeof(have)), path, wanted);
    const omn_type_info *info = omn_type_get(t->tensor.type);
    if (!info || !info->is_float)
        return omn_fail(err, OMN_ERR_TYPE, "%s: %s in %s, floats wanted", name,
                        info ? info->name : "no known type", path);
    return OMN_OK;
}

static omn_status make(omn_store *st, entry *e, const omn_shape *want, omn_init_kind init, double a,
                       omn_error *err)
{
    size_t count, bytes;
    const header_row *t = NULL;
    normed parts = { NULL, NULL };
    e->shape = *want;
    if (st->from) {
        const omn_status bad = compare(st, e->name, want, &t, &parts, err);
        if (bad != OMN_OK) return bad;
    }
    if (t && !st->writable && omn_type_get(t->tensor.type)->computes) {
        e->tensor = t->tensor;
        if (same_number(&t->tensor.shape, want)) e->tensor.shape = *want;
        return OMN_OK;
    }
    for (uint32_t i = 0; i < want->rank && want->rank <= OMN_MAX_RANK; i++)
        if (want->dim[i] < 1)
            return omn_fail(err, OMN_ERR_SHAPE, "%s: size %lld of axis %u, 1 or more is wanted",
                            e->name, (long long)want->dim[i], i);
    if (want->rank > OMN_MAX_RANK || !omn_shape_count(want, &count) ||
        !omn_size_mul(count, sizeof(float), &bytes) || bytes > (size_t)1 << 44)
        return omn_fail(err, OMN_ERR_SHAPE, "%s: too large to address", e->name);
    e->data = slabs_take(&st->slabs, bytes);
    if (!e->data)
        return omn_fail(err, OMN_ERR_MEMORY, "%s: not enough memory for %zu bytes", e->name, bytes);
    if (st->hollow) {
        e->tensor = (omn_tensor){ OMN_F32, *want, e->data, bytes };
        e->init = init;
        e->a = a;
        return OMN_OK;
    }
    const bool file = t || parts.direction;
    if (file) {
        const omn_status bad = t ? row_to_f32(t, e->data, err)
                                 : normed_to_f32(&parts, e->data, err);
        if (bad != OMN_OK) return bad;
    } else {
        initial_fill(st->seed, e->name, want, init, a, 0, e->data, count);
    }
    const size_t good = file ? finite_until(e->data, count) : count;
    if (good < count)
        return omn_fail(err, OMN_ERR_DATA, "%s: value %zu of %zu in %s is %g, which is no weight",
                        e->name, good + 1, count, omn_weights_path(st->from),
                        (double)e->data[good]);
    e->tensor = (omn_tensor){ OMN_F32, *want, e->data, bytes };
    return OMN_OK;
}

static omn_status add(omn_store *st, const char *name, const omn_shape *want, omn_init_kind init,
                      double a, omn_error *err)
{
    entry *e = NULL;
    if (st->count == st->room) {
        const size_t room = st->room ? 2 * st->room : 64;
        entry **more = realloc(st->entries, room * sizeof(entry *));
        if (!more) goto no_memory;
        st->entries = more;
        st->room = room;
    }
    e = calloc(1, sizeof(*e));
    if (!e || !(e->name = strdup(name))) goto no_memory;
    const omn_status bad = make(st, e, want, init, a, err);
    if (bad == OMN_OK && names_put(&st->index, e->name, (uint32_t)st->count)) {
        st->entries[st->count++] = e;
        return OMN_OK;
    }
    free(e->name);
    free(e);
    return bad != OMN_OK ? bad : omn_fail(err, OMN_ERR_MEMORY, "not enough memory for names");
no_memory:
    free(e);
    return omn_fail(err, OMN_ERR_MEMORY, "%s: not enough memory", name);
}

omn_status store_declare(omn_store *st, const char *name, const omn_shape *want, omn_init_kind init,
                         double a, long *number, omn_tensor *out, omn_error *err)
{
    char have[80], wanted[80];
    omn_status result = OMN_OK;
    pthread_mutex_lock(&st->lock);
    long at = names_get(&st->index, name);
    if (at < 0) {
        result = add(st, name, want, init, a, err);
        at = (long)st->count - 1;
    } else if (!omn_shape_equal(&st->entries[at]->shape, want)) {
        result = omn_fail(err, OMN_ERR_SHAPE, "%s: %s before, %s wanted now", name,
                          omn_shape_text(&st->entries[at]->shape, have, sizeof(have)),
                          omn_shape_text(want, wanted, sizeof(wanted)));
    }
    if (result == OMN_OK) {
        *number = at;
        *out = st->entries[at]->tensor;
    }
    pthread_mutex_unlock(&st->lock);
    return result;
}

bool store_has(omn_store *st, const char *name)
{
    normed parts;
    pthread_mutex_lock(&st->lock);
    const bool has = names_get(&st->index, name) >= 0 ||
                     (st->from && (omn_weights_get(st->from, name) ||
                                   normed_find(st->from, name, &parts)));
    pthread_mutex_unlock(&st->lock);
    return has;
}

void store_hollow(omn_store *st)
{
    st->hollow = true;
}

bool store_writable(const omn_store *st)
{
    return st->writable;
}

const omn_weights *store_weights(const omn_store *st)
{
    return st->from;
}

static const entry *at(const omn_store *st, size_t i)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)&st->lock;
    pthread_mutex_lock(lock);
    const entry *e = i < st->count ? st->entries[i] : NULL;
    pthread_mutex_unlock(lock);
    return e;
}

bool store_mostly_bf16(const omn_store *st)
{
    uint64_t all = 0, half = 0;
    if (st->writable || !st->from) return false; /* what is trained is f32 */
    for (size_t i = 0; i < omn_weights_count(st->from); i++) {
        const omn_tensor *t = omn_weights_at(st->from, i);
        all += t->bytes;
        if (t->type == OMN_BF16 || omn_type_get(t->type)->block) half += t->bytes;
    }
    return half > all - half;
}

size_t omn_store_count(const omn_store *st)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)&st->lock;
    pthread_mutex_lock(lock);
    const size_t n = st->count;
    pthread_mutex_unlock(lock);
    return n;
}

const char *omn_store_name(const omn_store *st, size_t i)
{
    const entry *e = at(st, i);
    return e ? e->name : NULL;
}

omn_tensor omn_store_tensor(const omn_store *st, size_t i)
{
    const entry *e = at(st, i);
    return e ? e->tensor : (omn_tensor){ OMN_TYPE_NONE, { 0, { 0 } }, NULL, 0 };
}

float *omn_store_data(omn_store *st, size_t i)
{
    const entry *e = at(st, i);
    return e ? e->data : NULL;
}

void store_initial(const omn_store *st, size_t i, uint64_t seed, size_t from, float *out, size_t n)
{
    const entry *e = at(st, i);
    initial_fill(seed, e->name, &e->shape, e->init, e->a, from, out, n);
}

long omn_store_find(const omn_store *st, const char *name)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)&st->lock;
    pthread_mutex_lock(lock);
    const long n = names_get(&st->index, name);
    pthread_mutex_unlock(lock);
    return n;
}

/* ---- adapters ------------------------------------------------------------------------------- */

/* One factor as an entry of its own: drawn or zeros, or what a file has. */
static omn_status add_factor(omn_store *st, const char *name, const omn_shape *shape, bool zero,
                             const omn_weights *file, omn_error *err)
{
    const omn_weights *from = st->from;
    const bool writable = st->writable, partial = st->partial;
    /* a factor is made, or read from its own file, whatever the checkpoint has */
    st->from = file;
    st->writable = true;
    st->partial = !file;
    const omn_status bad =
        add(st, name, shape, zero ? OMN_INIT_ZERO : OMN_INIT_FAN_IN, 1, err);
    st->from = from;
    st->writable = writable;
    st->partial = partial;
    return bad;
}

static bool factor_name(const char *name, const char *which, char *out, size_t room)
{
    const int n = snprintf(out, room, "%s%s", name, which);
    return n > 0 && (size_t)n < room;
}

/* Both factors of the matrix [R, C]. */
static omn_status adapt(omn_store *st, const char *name, const omn_shape *is, int64_t rank,
                        double scale, const omn_weights *file, omn_error *err)
{
    char a[1024], b[1024];
    if (rank < 1 || rank > MOST_RANK)
        return omn_fail(err, OMN_ERR_ARGUMENT, "%s: an adapter of rank %lld, 1 to %d is wanted",
                        name, (long long)rank, MOST_RANK);
    if (!factor_name(name, ADAPT_A, a, sizeof a) || !factor_name(name, ADAPT_B, b, sizeof b))
        return omn_fail(err, OMN_ERR_ARGUMENT, "%.80s...: the name is too long", name);
    if (names_get(&st->index, a) >= 0 || (st->n_adapters && st->scale != scale))
        return omn_fail(err, OMN_ERR_ARGUMENT, "%s: there is an adapter already", name);
    const omn_shape sa = omn_dim2(rank, is->dim[1]), sb = omn_dim2(is->dim[0], rank);
    omn_status bad = add_factor(st, a, &sa, false, file, err);
    if (bad == OMN_OK) bad = add_factor(st, b, &sb, true, file, err);
    if (bad != OMN_OK) return bad;
    st->scale = scale;
    st->n_adapters++;
    return OMN_OK;
}

omn_status store_adapt(omn_store *st, const char *name, int64_t rank, double scale, omn_error *err)
{
    pthread_mutex_lock(&st->lock);
    const long at = names_get(&st->index, name);
    omn_status bad = OMN_OK;
    if (at < 0 || st->entries[at]->shape.rank != 2)
        bad = omn_fail(err, OMN_ERR_ARGUMENT, "%s: a matrix is wanted for an adapter", name);
    else
        bad = adapt(st, name, &st->entries[at]->shape, rank, scale, NULL, err);
    pthread_mutex_unlock(&st->lock);
    return bad;
}

/* The scale that a file of adapters says. */
static omn_status read_scale(const omn_weights *file, double *scale, omn_error *err)
{
    const char *mark = omn_weights_meta(file, ADAPT_MARK);
    const char *text = omn_weights_meta(file, ADAPT_SCALE);
    char *end = NULL;
    if (!mark || strcmp(mark, "1") != 0)
        return omn_fail(err, OMN_ERR_DATA,
                        "%s: no file of adapters (" ADAPT_MARK " = 1 in its metadata is wanted)",
                        omn_weights_path(file));
    if (text) *scale = omn_number_read(text, &end);
    if (text && end != text && !*end && fabs(*scale) <= MOST_SCALE) return OMN_OK;
    return omn_fail(err, OMN_ERR_DATA,
                    "%s: " ADAPT_SCALE " is \"%.40s\", a number of at most %g is wanted",
                    omn_weights_path(file), text ? text : "", MOST_SCALE);
}

/* The adapter whose A is tensor i of the file. */
static omn_status adapter_of(omn_store *st, const omn_weights *base, const omn_weights *file,
                             size_t i, double scale, omn_error *err)
{
    char name[1024];
    const char *full = omn_weights_name(file, i), *path = omn_weights_path(file);
    const size_t n = strlen(full), k = strlen(ADAPT_A);
    if (!adapt_is_factor(full) || n >= sizeof name)
        return omn_fail(err, OMN_ERR_DATA, "%s: %.80s is no factor of an adapter", path, full);
    snprintf(name, sizeof name, "%.*s", (int)(n - k), full);
    const header_row *row = weights_row(base, name);
    const omn_shape *is = row ? row_matrix(row) : NULL;
    const omn_tensor *t = omn_weights_at(file, i);
    if (!is || is->rank != 2)
        return omn_fail(err, OMN_ERR_DATA, "%s: %s is for a matrix that %s lacks", path, full,
                        omn_weights_path(base));
    if (!strcmp(full + n - k, ADAPT_B)) {        /* it comes with its A, or is too much */
        char a[1024];
        if (factor_name(name, ADAPT_A, a, sizeof a) && omn_weights_get(file, a)) return OMN_OK;
        return omn_fail(err, OMN_ERR_DATA, "%s: %s has no " ADAPT_A " beside it", path, full);
    }
    return adapt(st, name, is, t->shape.rank == 2 ? t->shape.dim[0] : 0, scale, file, err);
}

/* The same adapters twice are a model that nobody trained. */
static omn_status not_inside(const omn_store *st, const omn_weights *base, const omn_weights *file,
                             omn_error *err)
{
    const char *has = omn_weights_meta(base, ADAPT_INSIDE);
    char one[17];
    snprintf(one, sizeof one, "%016" PRIx64, store_adapters_digest(st));
    if (!has || !strstr(has, one)) return OMN_OK;
    return omn_fail(err, OMN_ERR_ARGUMENT,
                    "%s: the adapters of %s are inside these weights already",
                    omn_weights_path(base), omn_weights_path(file));
}

omn_status store_adapters(omn_store *st, const omn_weights *base, const omn_weights *file,
                          omn_error *err)
{
    double scale = 1;
    omn_status bad = read_scale(file, &scale, err);
    pthread_mutex_lock(&st->lock);
    for (size_t i = 0; bad == OMN_OK && i < omn_weights_count(file); i++)
        bad = adapter_of(st, base, file, i, scale, err);
    pthread_mutex_unlock(&st->lock);
    if (bad == OMN_OK && !st->n_adapters)
        bad = omn_fail(err, OMN_ERR_DATA, "%s: no adapter is in it", omn_weights_path(file));
    return bad == OMN_OK ? not_inside(st, base, file, err) : bad;
}

uint64_t store_adapters_digest(const omn_store *st)
{
    uint64_t sum = 0;
    pthread_mutex_t *lock = (pthread_mutex_t *)&st->lock;
    pthread_mutex_lock(lock);
    for (size_t i = 0; st->n_adapters && i + 1 < st->count; i++) {
        const entry *a = st->entries[i], *b = st->entries[i + 1];
        const size_t n = strlen(a->name), k = strlen(ADAPT_A);
        char name[1024];
        if (n <= k || n >= sizeof name || strcmp(a->name + n - k, ADAPT_A) != 0) continue;
        const adapter one = { a->data, b->data, a->shape.dim[0], st->scale };
        snprintf(name, sizeof name, "%.*s", (int)(n - k), a->name);
        sum += adapter_digest(name, &one, b->shape.dim[0], a->shape.dim[1]);
    }
    pthread_mutex_unlock(lock);
    return sum;
}

bool store_adapter(const omn_store *st, const char *name, adapter *out)
{
    char a[1024];
    if (!st->n_adapters || !factor_name(name, ADAPT_A, a, sizeof a)) return false;
    pthread_mutex_t *lock = (pthread_mutex_t *)&st->lock;
    pthread_mutex_lock(lock);
    const long at = names_get(&st->index, a);
    if (at >= 0)
        *out = (adapter){ st->entries[at]->data, st->entries[at + 1]->data,
                          st->entries[at]->shape.dim[0], st->scale };
    pthread_mutex_unlock(lock);
    return at >= 0;
}
