/* SPDX-License-Identifier: Apache-2.0 */
/* Values to codes by a decoder whose weights stay as they are. Its prepare makes tensors of each
 * value, its tokenize graph makes the codes of several at once. Batches have one of few sizes, so
 * that few graphs exist, and every value has the largest size that its ports allow: then its codes
 * do not depend on its company.
 *
 * What was made is kept by content: the hash of the value (and of the view that is wanted of it)
 * beside that of all that made it: plugin, parameters, weights, precision. */
#include "codes.h"

#include "../graph/reads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define BATCH 16
#define MOST_PORTS 16

struct codes_maker {
    omn_model *model;
    const omn_part *decoder;
    const omn_decoder_impl *impl;
    codes_memory *memory;
    codes_folder *folder;                 /* NULL: none */
    pthread_mutex_t lock;                 /* of all that follows, and of the memory */
    bool known;                           /* made_of is right */
    uint64_t made_of[2];
    codes_counts counts;
    bool warned;                          /* the folder cannot be written, and that was said */
};

const char *codes_of(const omn_part *decoder)
{
    const omn_decoder_impl *d = decoder ? decoder->impl : NULL;
    return d && d->ports && d->prepare && d->tokenize ? d->makes : NULL;
}

/* ---- the graph ------------------------------------------------------------------------------ */

typedef struct order { const codes_maker *k; int64_t rows; } order;

static omn_shape with_rows(const omn_port *p, int64_t rows)
{
    omn_shape shape = { .rank = p->most.rank + 1, .dim = { rows } };
    for (uint32_t d = 0; d < p->most.rank && d + 1 < OMN_MAX_RANK; d++)
        shape.dim[d + 1] = p->most.dim[d];
    return shape;
}

static uint32_t ports_of(const codes_maker *k, const omn_port **list)
{
    const omn_port *out = NULL;
    uint32_t n_out = 0;
    return k->impl->ports(k->decoder->self, list, &n_out, &out);
}

static void build(void *user, omn_scope *s, omn_bundle *out)
{
    const order *o = user;
    const omn_port *list = NULL;
    const uint32_t n = ports_of(o->k, &list);
    omn_bundle *in = omn_bundle_new(s);
    for (uint32_t i = 0; i < n; i++)
        omn_bundle_put(in, s, list[i].name,
                       omn_input(s, list[i].name, list[i].type, with_rows(&list[i], o->rows)));
    omn_scope *at = omn_part_scope(o->k->decoder, s);
    omn_bundle_put(out, s, "codes", o->k->impl->tokenize(o->k->decoder->self, at, in));
}

static omn_status graph_for(const codes_maker *k, int64_t rows, omn_graph **out, omn_error *err)
{
    char key[128];
    order o = { k, rows };
    snprintf(key, sizeof key, "tokenize %s rows=%lld", k->decoder->role, (long long)rows);
    return omn_program_graph(k->model->program, key, build, &o, out, err);
}

omn_status codes_workspace(codes_maker *k, uint64_t *out, omn_error *err)
{
    omn_graph *g = NULL;
    const omn_status st = graph_for(k, BATCH, &g, err);
    *out = st == OMN_OK ? omn_graph_workspace(g) : 0;
    return st;
}

/* ---- who made them -------------------------------------------------------------------------- */

/* A hash of everything that the codes depend on beside the value; the lock is held. */
static omn_status look_at_weights(codes_maker *k, omn_error *err)
{
    omn_graph *g = NULL;
    omn_tensor t;
    const char *name = NULL;
    uint32_t at = 0;
    if (k->known) return OMN_OK;
    const omn_status st = graph_for(k, 1, &g, err);
    if (st != OMN_OK) return st;
    const uint64_t first[] = { k->decoder->made_of,
                               (uint64_t)omn_program_precision(k->model->program) };
    XXH128_hash_t h = XXH3_128bits(first, sizeof first);
    while (graph_reads(g, &at, &name, &t)) {
        const XXH128_hash_t data = XXH3_128bits(t.data, t.bytes);
        const XXH128_hash_t called = XXH3_128bits(name, strlen(name));
        const uint64_t all[] = { h.low64,      h.high64,      data.low64,       data.high64,
                                 called.low64, called.high64, (uint64_t)t.type, t.bytes };
        h = XXH3_128bits(all, sizeof all);
    }
    k->made_of[0] = h.low64;
    k->made_of[1] = h.high64;
    k->known = true;
    return OMN_OK;
}

void codes_changed(codes_maker *k)
{
    if (k) k->known = false;
}

omn_status codes_weight(codes_maker *k, size_t number, const char **name, omn_error *err)
{
    omn_graph *g = NULL;
    omn_tensor t;
    uint32_t at = 0;
    *name = NULL;
    const omn_status st = graph_for(k, 1, &g, err);
    if (st != OMN_OK) return st;
    for (size_t i = 0; i <= number; i++)
        if (!graph_reads(g, &at, name, &t)) *name = NULL;
    return OMN_OK;
}

/* Two pictures that lie alike in theirs have one view, whichever those are. */
static codes_key key_of(const codes_maker *k, const codes_want *w)
{
    codes_key key = { .decoder = { k->made_of[0], k->made_of[1] } };
    omn_value_hash(w->value, key.value);
    if (!w->like) return key;
    double view[10] = { (double)w->like->width, (double)w->like->height };
    memcpy(&view[2], w->like->m, sizeof w->like->m);
    memcpy(&view[8], key.value, sizeof key.value);
    const XXH128_hash_t h = XXH3_128bits(view, sizeof view);
    key.value[0] = h.low64;
    key.value[1] = h.high64;
    return key;
}

/* ---- making them ---------------------------------------------------------------------------- */

/* One value's tensors into row `row` of the batch's; what is shorter leaves zeros. */
static omn_status place(const codes_maker *k, const omn_feed *from, omn_feed *to, size_t row,
                        int64_t rows, omn_error *err)
{
    const omn_port *list = NULL;
    const uint32_t n = ports_of(k, &list);
    for (uint32_t i = 0; i < n; i++) {
        const omn_tensor *one = omn_feed_get(from, list[i].name);
        const omn_tensor *all = omn_feed_get(to, list[i].name);
        bool same = one && one->type == list[i].type && one->shape.rank == list[i].most.rank;
        for (uint32_t d = 0; same && d < one->shape.rank; d++)
            same = d || !(list[i].varies & 1) ? one->shape.dim[d] == list[i].most.dim[d]
                                              : one->shape.dim[d] <= list[i].most.dim[d];
        if (!same)
            return omn_fail(err, OMN_ERR_SHAPE, "%s made no tensor \"%s\" of the wanted shape",
                            k->decoder->object, list[i].name);
        const size_t each = all->bytes / (size_t)rows;
        memcpy((char *)omn_feed_data(to, list[i].name) + row * each, one->data, one->bytes);
    }
    return OMN_OK;
}

static omn_status prepare(codes_maker *k, omn_call *c, const codes_want *const *want, size_t n,
                          int64_t rows, omn_feed *to, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_feed *one = NULL;
    const omn_port *list = NULL;
    const uint32_t n_ports = ports_of(k, &list);
    for (uint32_t i = 0; i < n_ports; i++) {
        void *data = NULL;
        OMN_TRY(omn_feed_new(to, list[i].name, list[i].type, with_rows(&list[i], rows), &data,
                             err));
    }
    OMN_TRY(omn_feed_make(&one, err));
    for (size_t i = 0; i < n; i++) {
        omn_feed_clear(one);
        OMN_TRY(k->impl->prepare(k->decoder->self, c, want[i]->value, want[i]->like, one, err));
        OMN_TRY(place(k, one, to, i, rows, err));
    }
done:
    omn_feed_free(one);
    return st;
}

/* The codes of one row: so many as the decoder says, or up to its stop. */
static omn_status read_row(const codes_maker *k, const int32_t *row, size_t length, omn_value **out,
                           omn_error *err)
{
    const omn_codes *codes = k->impl->codes(k->decoder->self);
    size_t n = 0;
    if (codes->count > 0 && (size_t)codes->count != length)
        return omn_fail(err, OMN_ERR_SHAPE, "%s makes %zu codes of a value and says %d",
                        k->decoder->object, length, (int)codes->count);
    while (n < length && (codes->count > 0 || codes->stop < 0 || row[n] != codes->stop)) n++;
    for (size_t i = 0; i < n; i++)
        if (row[i] < 0 || row[i] >= codes->codes)
            return omn_fail(err, OMN_ERR_DATA, "%s makes code %d, it has 0 to %d",
                            k->decoder->object, (int)row[i], (int)codes->codes - 1);
    return omn_tokens_new(row, n, "codes", out, err);
}

/* At most BATCH values in one run. */
static omn_status make(codes_maker *k, omn_call *c, const codes_want *const *want, size_t n,
                       omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_graph *g = NULL;
    omn_feed *feed = NULL;
    omn_exec *x = NULL;
    omn_tensor t;
    int64_t rows = 1;
    while (rows < (int64_t)n) rows *= 2;
    OMN_TRY(omn_feed_make(&feed, err));
    OMN_TRY(prepare(k, c, want, n, rows, feed, err));
    OMN_TRY(graph_for(k, rows, &g, err));
    OMN_TRY(model_exec_take(k->model, &x, err));
    OMN_TRY(omn_exec_run(x, g, feed, c, err));
    OMN_TRY(omn_exec_output(x, g, "codes", &t, err));
    if (t.type != OMN_I32 || t.shape.rank != 2 || t.shape.dim[0] != rows) {
        st = omn_fail(err, OMN_ERR_SHAPE, "the codes of %s are not i32 [%lld, L]",
                      k->decoder->object, (long long)rows);
        goto done;
    }
    const size_t L = (size_t)t.shape.dim[1];
    for (size_t i = 0; i < n; i++)
        OMN_TRY(read_row(k, (const int32_t *)t.data + i * L, L, &out[i], err));
    pthread_mutex_lock(&k->lock);
    k->counts.made += n;
    k->counts.runs++;
    pthread_mutex_unlock(&k->lock);
done:
    model_exec_give(k->model, x);
    omn_feed_free(feed);
    for (size_t i = 0; st != OMN_OK && i < n; i++) {
        omn_value_unref(out[i]);
        out[i] = NULL;
    }
    return st;
}

/* ---- what is kept --------------------------------------------------------------------------- */

static omn_status remember(codes_maker *k, const codes_key *key, const int32_t *codes, size_t n,
                           omn_error *err)
{
    pthread_mutex_lock(&k->lock);
    const omn_status st = codes_memory_put(k->memory, key, codes, n, err);
    pthread_mutex_unlock(&k->lock);
    return st;
}

static omn_status recall(codes_maker *k, const codes_key *key, omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    int32_t *codes = NULL;
    size_t n = 0;
    bool damaged = false;
    pthread_mutex_lock(&k->lock);
    const int32_t *near = codes_memory_get(k->memory, key, &n);
    if (near) {
        k->counts.from_memory++;
        st = omn_tokens_new(near, n, "codes", out, err);
    }
    pthread_mutex_unlock(&k->lock);
    if (near || !k->folder) return st;
    OMN_TRY(codes_folder_get(k->folder, key, &codes, &n, &damaged, err));
    pthread_mutex_lock(&k->lock);
    k->counts.damaged += damaged;
    k->counts.from_folder += codes != NULL;
    pthread_mutex_unlock(&k->lock);
    if (!codes) goto done;
    OMN_TRY(remember(k, key, codes, n, err));
    OMN_TRY(omn_tokens_new(codes, n, "codes", out, err));
done:
    free(codes);
    return st;
}

static omn_status keep(codes_maker *k, omn_call *c, const codes_key *key, const omn_value *v,
                       omn_error *err)
{
    const int32_t *codes = NULL;
    const size_t n = omn_tokens_get(v, &codes, NULL);
    omn_error why = OMN_ERROR_INIT;
    omn_status st = remember(k, key, codes, n, err);
    if (st != OMN_OK || !k->folder) return st;
    st = codes_folder_put(k->folder, key, codes, n, &why);
    if (st == OMN_OK) return st;
    if (st == OMN_ERR_MEMORY) return omn_fail(err, st, "%s", why.text);
    pthread_mutex_lock(&k->lock);
    const bool said = k->warned;
    k->warned = true;
    pthread_mutex_unlock(&k->lock);
    if (!said) omn_call_log(c, OMN_LOG_WARN, "codes are not kept: %s", why.text);
    return OMN_OK;
}

/* ---- asking --------------------------------------------------------------------------------- */

/* The number of the first of the same content. */
static size_t first_like(const codes_key *keys, size_t i)
{
    size_t k = 0;
    while (memcmp(&keys[k], &keys[i], sizeof *keys)) k++;
    return k;
}

/* At most BATCH values. */
static omn_status get_some(codes_maker *k, omn_call *c, const codes_want *want, size_t n,
                           omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    codes_key keys[BATCH];
    const codes_want *missing[BATCH];
    size_t number[BATCH], m = 0;
    omn_value *made[BATCH] = { NULL };
    for (size_t i = 0; i < n; i++) {
        keys[i] = key_of(k, &want[i]);
        if (first_like(keys, i) < i) continue;
        OMN_TRY(recall(k, &keys[i], &out[i], err));
        if (out[i]) continue;
        missing[m] = &want[i];
        number[m++] = i;
    }
    if (m) OMN_TRY(make(k, c, missing, m, made, err));
    for (size_t i = 0; i < m; i++) out[number[i]] = made[i];
    for (size_t i = 0; i < m; i++) OMN_TRY(keep(k, c, &keys[number[i]], made[i], err));
    for (size_t i = 0; i < n; i++)
        if (!out[i]) out[i] = omn_value_ref(out[first_like(keys, i)]);
done:
    return st;
}

omn_status codes_get(codes_maker *k, omn_call *c, const codes_want *want, size_t n, omn_value **out,
                     omn_error *err)
{
    omn_status st = OMN_OK;
    for (size_t i = 0; i < n; i++) out[i] = NULL;
    for (size_t i = 0; i < n; i++)
        if (!omn_value_is(want[i].value, k->impl->makes))
            return omn_fail(err, OMN_ERR_TYPE, "%s makes codes of %s, not of %s",
                            k->decoder->object, k->impl->makes,
                            omn_value_kind_name(want[i].value));
    pthread_mutex_lock(&k->lock);
    st = look_at_weights(k, err);
    pthread_mutex_unlock(&k->lock);
    for (size_t i = 0; i < n && st == OMN_OK; i += BATCH)
        st = get_some(k, c, want + i, n - i < BATCH ? n - i : BATCH, out + i, err);
    for (size_t i = 0; st != OMN_OK && i < n; i++) {
        omn_value_unref(out[i]);
        out[i] = NULL;
    }
    return st;
}

omn_status codes_once(const omn_part *decoder, omn_call *c, const codes_want *want,
                      omn_value **out, omn_error *err)
{
    codes_maker k = { .model = decoder->model, .decoder = decoder, .impl = decoder->impl };
    *out = NULL;
    if (pthread_mutex_init(&k.lock, NULL) != 0)
        return omn_fail(err, OMN_ERR_MEMORY, "codes: out of memory");
    const omn_status st = make(&k, c, &want, 1, out, err);
    pthread_mutex_destroy(&k.lock);
    return st;
}

omn_status codes_once_graph(const omn_part *decoder, omn_graph **out, omn_error *err)
{
    const codes_maker k = { .model = decoder->model, .decoder = decoder, .impl = decoder->impl };
    return graph_for(&k, 1, out, err);
}

codes_counts codes_count(codes_maker *k)
{
    pthread_mutex_lock(&k->lock);
    const codes_counts counts = k->counts;
    pthread_mutex_unlock(&k->lock);
    return counts;
}

/* ---- the maker ------------------------------------------------------------------------------ */

omn_status codes_new(omn_model *m, const omn_part *decoder, const codes_keep *how,
                     codes_maker **out, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_port *list = NULL;
    codes_maker *k = calloc(1, sizeof *k);
    if (!k || pthread_mutex_init(&k->lock, NULL) != 0) {
        free(k);
        return omn_fail(err, OMN_ERR_MEMORY, "codes: out of memory");
    }
    k->model = m;
    k->decoder = decoder;
    k->impl = decoder->impl;
    const uint32_t n = ports_of(k, &list);
    if (!n || n > MOST_PORTS)
        OMN_TRY(omn_fail(err, OMN_ERR_UNSUPPORTED, "%s: a decoder has 1 to %d ports, not %u",
                         decoder->object, MOST_PORTS, n));
    OMN_TRY(codes_memory_new(how->memory, &k->memory, err));
    if (how->folder) OMN_TRY(codes_folder_open(how->folder, how->most, &k->folder, err));
    *out = k;
    k = NULL;
done:
    codes_free(k);
    return st;
}

void codes_free(codes_maker *k)
{
    if (!k) return;
    codes_memory_free(k->memory);
    codes_folder_close(k->folder);
    pthread_mutex_destroy(&k->lock);
    free(k);
}
