/* SPDX-License-Identifier: Apache-2.0 */
/* What encoders make of inputs, kept by content. A model that reads its inputs by their encoders
 * alone ("omnio.alike/1") need not know: its ENCODE graph is built with the vectors as an input
 * (omn_graph_sizes.made), and the encoder has a graph of its own, which runs for those rows that
 * nobody keeps. What an encoder is given are the tensors of its ports, so a picture's key is what
 * the preprocessing made of it. Beside them stands all else that the vectors depend on: weights,
 * configuration, precision, device. A number is a number to whoever keeps it, so vectors lie where
 * codes do (codes.h), as words of 32 bits. */
#include "features.h"

#include "codes.h"

#include "../graph/reads.h"
#include "../plugin/context.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

struct features {
    pthread_mutex_t lock; /* of all below and of made_of */
    codes_memory *memory;
    codes_folder *folder; /* NULL: none */
    omn_kept counts;
    size_t most;          /* bytes in memory */
    bool warned;          /* the folder cannot be written, and that was said */
    struct maker { const omn_part *encoder; uint64_t made_of[2]; } *makers;
    size_t n_makers;
};

/* The rows of one input while they are looked for. */
typedef struct asking {
    omn_model *m;
    const omn_part *encoder;
    uint32_t number;
    int64_t length;
    size_t n, words;      /* rows; numbers of each */
    const omn_feed *in;
    float *vectors;       /* [n, words] */
    codes_key *keys;      /* [n] */
    size_t *missing;      /* [n_missing] */
    size_t n_missing;
} asking;

/* ---- what vectors depend on ------------------------------------------------------------------ */

static void add(uint64_t h[2], const void *data, size_t bytes)
{
    const XXH128_hash_t one = XXH3_128bits(data, bytes);
    const uint64_t all[] = { h[0], h[1], one.low64, one.high64, bytes };
    const XXH128_hash_t both = XXH3_128bits(all, sizeof all);
    h[0] = both.low64;
    h[1] = both.high64;
}

static void add_text(uint64_t h[2], const char *text) { add(h, text, strlen(text)); }

/* All of it but the input: kernels of another processor or release round otherwise. */
static omn_status look_at_encoder(const asking *a, uint64_t h[2], omn_error *err)
{
    const omn_program *program = a->m->program;
    const omn_precision precision = omn_program_precision(program);
    const omn_device_info *info = program_device(program);
    omn_graph *g = NULL;
    omn_tensor t;
    const char *name = NULL;
    uint32_t at = 0;
    const omn_status st = model_features(a->m, a->encoder->role, a->length, 1, &g, err);
    if (st != OMN_OK) return st;
    char *config = json_dumps(a->m->json, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
    if (!config) return omn_fail(err, OMN_ERR_MEMORY, "what is kept: out of memory");
    add_text(h, omn_version());
    add_text(h, config);
    free(config);
    add_text(h, info->name);
    add_text(h, info->driver);
    add_text(h, info->features);
    add_text(h, a->encoder->role);
    add(h, &a->encoder->made_of, sizeof a->encoder->made_of);
    add(h, &precision, sizeof precision);
    while (graph_reads(g, &at, &name, &t)) {
        add_text(h, name);
        add(h, &t.type, sizeof t.type);
        add(h, t.data, t.bytes);
    }
    return OMN_OK;
}

/* The same, looked at once; in memory alone nobody else's vectors can be met. */
static omn_status made_of(features *f, const asking *a, uint64_t h[2], omn_error *err)
{
    omn_status st = OMN_OK;
    h[0] = (uint64_t)(uintptr_t)a->encoder;
    h[1] = 0;
    if (!f->folder) return OMN_OK;
    pthread_mutex_lock(&f->lock);
    size_t i = 0;
    while (i < f->n_makers && f->makers[i].encoder != a->encoder) i++;
    if (i == f->n_makers) {
        struct maker *more = realloc(f->makers, (i + 1) * sizeof *more);
        if (more) f->makers = more;
        struct maker made = { a->encoder, { 0, 0 } };
        st = more ? look_at_encoder(a, made.made_of, err)
                  : omn_fail(err, OMN_ERR_MEMORY, "what is kept: out of memory");
        if (st == OMN_OK) f->makers[f->n_makers++] = made;
    }
    if (st == OMN_OK) memcpy(h, f->makers[i].made_of, sizeof f->makers[i].made_of);
    pthread_mutex_unlock(&f->lock);
    return st;
}

/* Port i of the encoder as the batch has it. */
static const omn_tensor *port_of(const asking *a, const omn_port *port, char *name, size_t room)
{
    model_port_name(a->encoder->role, a->number, port->name, name, room);
    return omn_feed_get(a->in, name);
}

static uint32_t ports_of(const asking *a, const omn_port **list)
{
    const omn_encoder_impl *e = a->encoder->impl;
    return e->ports(a->encoder->self, list);
}

static void find_keys(asking *a, const uint64_t maker[2])
{
    const omn_port *list = NULL;
    const uint32_t n_ports = ports_of(a, &list);
    char name[176];
    for (size_t r = 0; r < a->n; r++) {
        codes_key *k = &a->keys[r];
        *k = (codes_key){ .decoder = { maker[0], maker[1] } };
        for (uint32_t i = 0; i < n_ports; i++) {
            const omn_tensor *t = port_of(a, &list[i], name, sizeof name);
            const size_t each = t->bytes / a->n;
            add(k->value, t->shape.dim + 1, (t->shape.rank - 1) * sizeof *t->shape.dim);
            add(k->value, (const char *)t->data + r * each, each);
        }
    }
}

/* ---- those that are kept --------------------------------------------------------------------- */

static bool from_memory(features *f, const codes_key *k, float *to, size_t words)
{
    size_t n = 0;
    pthread_mutex_lock(&f->lock);
    const int32_t *near = codes_memory_get(f->memory, k, &n);
    const bool there = near && n == words;
    if (there) memcpy(to, near, words * sizeof *to);
    f->counts.from_memory += there;
    pthread_mutex_unlock(&f->lock);
    return there;
}

static omn_status remember(features *f, const codes_key *k, const int32_t *words, size_t n,
                           omn_error *err)
{
    pthread_mutex_lock(&f->lock);
    const omn_status st = codes_memory_put(f->memory, k, words, n, err);
    f->counts.bytes = codes_memory_bytes(f->memory);
    pthread_mutex_unlock(&f->lock);
    return st;
}

static omn_status from_folder(features *f, const codes_key *k, float *to, size_t words,
                              bool *there, omn_error *err)
{
    int32_t *found = NULL;
    size_t n = 0;
    bool damaged = false;
    omn_status st = codes_folder_get(f->folder, k, &found, &n, &damaged, err);
    *there = found && n == words;
    if (*there) {
        memcpy(to, found, words * sizeof *to);
        st = remember(f, k, found, n, err);
    }
    pthread_mutex_lock(&f->lock);
    f->counts.from_folder += *there;
    f->counts.damaged += damaged || (found && n != words);
    pthread_mutex_unlock(&f->lock);
    free(found);
    return st;
}

/* The number of the first row of the same content. */
static size_t first_like(const codes_key *keys, size_t i)
{
    size_t k = 0;
    while (memcmp(&keys[k], &keys[i], sizeof *keys)) k++;
    return k;
}

static omn_status look(features *f, asking *a, omn_error *err)
{
    omn_status st = OMN_OK;
    for (size_t r = 0; r < a->n && st == OMN_OK; r++) {
        float *to = a->vectors + r * a->words;
        bool there = first_like(a->keys, r) < r || from_memory(f, &a->keys[r], to, a->words);
        if (!there && f->folder) st = from_folder(f, &a->keys[r], to, a->words, &there, err);
        if (!there) a->missing[a->n_missing++] = r;
    }
    return st;
}

static omn_status keep(features *f, omn_call *c, const codes_key *k, const float *vectors, size_t n,
                       omn_error *err)
{
    omn_error why = OMN_ERROR_INIT;
    int32_t *words = malloc(n * sizeof *words);
    if (!words) return omn_fail(err, OMN_ERR_MEMORY, "%zu numbers: out of memory", n);
    memcpy(words, vectors, n * sizeof *words);
    omn_status st = remember(f, k, words, n, err);
    if (st == OMN_OK && f->folder) {
        const omn_status put = codes_folder_put(f->folder, k, words, n, &why);
        pthread_mutex_lock(&f->lock);
        const bool tell = put != OMN_OK && put != OMN_ERR_MEMORY && !f->warned;
        f->warned = f->warned || tell;
        pthread_mutex_unlock(&f->lock);
        if (tell)
            omn_call_log(c, OMN_LOG_WARN, "what encoders make is not kept: %s", why.text);
        if (put == OMN_ERR_MEMORY) st = omn_fail(err, put, "%s", why.text);
    }
    free(words);
    return st;
}

/* ---- the others ------------------------------------------------------------------------------ */

/* So many rows of ports; what is too much are copies of the first. */
static omn_status stack(const asking *a, size_t rows, omn_feed *to, omn_error *err)
{
    const omn_port *list = NULL;
    const uint32_t n_ports = ports_of(a, &list);
    char name[176];
    for (uint32_t i = 0; i < n_ports; i++) {
        const omn_tensor *t = port_of(a, &list[i], name, sizeof name);
        const size_t each = t->bytes / a->n;
        omn_shape shape = t->shape;
        void *data = NULL;
        shape.dim[0] = (int64_t)rows;
        model_port_name(a->encoder->role, 0, list[i].name, name, sizeof name);
        const omn_status st = omn_feed_new(to, name, t->type, shape, &data, err);
        if (st != OMN_OK) return st;
        for (size_t r = 0; r < rows; r++) {
            const size_t from = a->missing[r < a->n_missing ? r : 0];
            memcpy((char *)data + r * each, (const char *)t->data + from * each, each);
        }
    }
    return OMN_OK;
}

static omn_status make(features *f, const asking *a, omn_exec *x, omn_call *c, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_feed *feed = NULL;
    omn_graph *g = NULL;
    omn_tensor t;
    size_t rows = 1;
    while (rows < a->n_missing) rows *= 2;
    if (rows > a->n) rows = a->n;
    OMN_TRY(omn_feed_make(&feed, err));
    OMN_TRY(stack(a, rows, feed, err));
    OMN_TRY(model_features(a->m, a->encoder->role, a->length, (int64_t)rows, &g, err));
    OMN_TRY(omn_exec_run(x, g, feed, c, err));
    OMN_TRY(omn_exec_output(x, g, "vectors", &t, err));
    for (size_t i = 0; i < a->n_missing; i++) {
        float *to = a->vectors + a->missing[i] * a->words;
        memcpy(to, (const float *)t.data + i * a->words, a->words * sizeof *to);
        OMN_TRY(keep(f, c, &a->keys[a->missing[i]], to, a->words, err));
    }
    pthread_mutex_lock(&f->lock);
    f->counts.made += a->n_missing;
    f->counts.runs++;
    pthread_mutex_unlock(&f->lock);
done:
    omn_feed_free(feed);
    return st;
}

omn_status features_add(omn_model *m, omn_exec *x, omn_call *c, const omn_part *encoder,
                        uint32_t number, int64_t length, size_t n, omn_feed *in, omn_error *err)
{
    omn_status st = OMN_OK;
    asking a = { .m = m, .encoder = encoder, .number = number, .length = length, .n = n, .in = in };
    omn_graph *g = NULL;
    uint64_t maker[2];
    char name[176];
    void *data = NULL;
    OMN_TRY(model_features(m, encoder->role, length, 1, &g, err));
    omn_shape shape = omn_graph_output_shape(g, 0);
    a.words = (size_t)(shape.dim[1] * shape.dim[2]);
    shape.dim[0] = (int64_t)n;
    model_port_name(encoder->role, number, "made", name, sizeof name);
    OMN_TRY(omn_feed_new(in, name, OMN_F32, shape, &data, err));
    a.vectors = data;
    a.keys = calloc(n, sizeof *a.keys);
    a.missing = calloc(n, sizeof *a.missing);
    if (!a.keys || !a.missing)
        OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "a batch of %zu: out of memory", n));
    OMN_TRY(made_of(m->features, &a, maker, err));
    find_keys(&a, maker);
    OMN_TRY(look(m->features, &a, err));
    if (a.n_missing) OMN_TRY(make(m->features, &a, x, c, err));
    for (size_t r = 0; r < n; r++) {
        const size_t first = first_like(a.keys, r);
        if (first < r)
            memcpy(a.vectors + r * a.words, a.vectors + first * a.words, a.words * sizeof(float));
    }
done:
    free(a.keys);
    free(a.missing);
    return st;
}

/* ---- who keeps them -------------------------------------------------------------------------- */

static bool alike(const omn_model *m)
{
    return m->impl->extension && m->impl->extension("omnio.alike/1");
}

uint64_t features_most(const omn_model *m)
{
    if (m->features) return m->features->most;
    return alike(m) ? context_keeps(m->ctx).memory : 0;
}

bool features_keep(const omn_model *m, const omn_part *encoder)
{
    return m->features && strcmp(encoder->role, "text");
}

static omn_status keeper_new(const omn_model *m, const context_keep *how, features **out,
                             omn_error *err)
{
    omn_status st = OMN_OK;
    features *f = calloc(1, sizeof *f);
    if (!f || pthread_mutex_init(&f->lock, NULL) != 0) {
        free(f);
        return omn_fail(err, OMN_ERR_MEMORY, "what is kept: out of memory");
    }
    f->most = how->memory;
    OMN_TRY(codes_memory_new(how->memory, &f->memory, err));
    if (how->folder) OMN_TRY(codes_folder_open(how->folder, how->most, &f->folder, err));
    *out = f;
    f = NULL;
done:
    features_free(m, f);
    return st;
}

omn_status features_new(const omn_model *m, features **out, omn_error *err)
{
    const context_keep how = context_keeps(m->ctx);
    *out = NULL;
    if (!how.memory && !how.folder) return OMN_OK;
    if (!alike(m)) {
        omn_context_log(m->ctx, OMN_LOG_WARN,
                        "%s: nothing is kept of what its encoders make, since %s does not read its "
                        "inputs by them alone",
                        m->name, omn_model_object(m));
        return OMN_OK;
    }
    return keeper_new(m, &how, out, err);
}

omn_status omn_model_keep(omn_model *m, uint64_t bytes, omn_error *err)
{
    const context_keep how = { .memory = bytes < SIZE_MAX ? (size_t)bytes : SIZE_MAX };
    if (m->features || !m->may_keep || !bytes || !alike(m)) return OMN_OK;
    return keeper_new(m, &how, &m->features, err);
}

void features_free(const omn_model *m, features *f)
{
    if (!f) return;
    const omn_kept *k = &f->counts;
    if (k->made || k->from_memory || k->from_folder)
        omn_context_log(m->ctx, OMN_LOG_INFO,
                        "%s: encoders ran %llu times for %llu inputs; found %llu in memory and "
                        "%llu in the folder, where %llu were damaged; %.1f MB kept in memory",
                        m->path, (unsigned long long)k->runs, (unsigned long long)k->made,
                        (unsigned long long)k->from_memory, (unsigned long long)k->from_folder,
                        (unsigned long long)k->damaged, (double)k->bytes / 1e6);
    codes_memory_free(f->memory);
    codes_folder_close(f->folder);
    pthread_mutex_destroy(&f->lock);
    free(f->makers);
    free(f);
}

void omn_model_kept(const omn_model *m, omn_kept *out)
{
    omn_kept now = { 0 };
    const uint32_t size = out->size;
    if (m->features) {
        pthread_mutex_lock(&m->features->lock);
        now = m->features->counts;
        pthread_mutex_unlock(&m->features->lock);
    }
    now.size = size;
    memcpy(out, &now, size < sizeof now ? size : sizeof now);
}
