/* SPDX-License-Identifier: Apache-2.0 */
/* Programs: the graphs of one model over one store on one device, each built and planned once for
 * its key. Building is locked; planned graphs never change, so running needs no lock. */
#include "inside.h"

#include "adapt.h"
#include "recompute.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static omn_status open_devices(omn_program *p, const omn_program_setup *how, omn_error *err)
{
    const char *name = how->device;
    if (!name && p->ctx) name = omn_context_device(p->ctx);
    if (!name) name = "cpu";
    p->cpu.compute = how->cpu;
    p->cpu.name = "cpu";
    if (how->compute) {
        p->main.compute = how->compute;
        p->main.name = "given";
        return device_open(p, &p->main, 0, NULL, err);
    }
    if (!p->ctx)
        return omn_fail(err, OMN_ERR_ARGUMENT, "a program needs a context or a compute device");
    return device_find(p, name, &p->main, err);
}

omn_status omn_program_new(const omn_program_setup *how, omn_program **out, omn_error *err)
{
    omn_program *p = calloc(1, sizeof(*p));
    omn_status st;
    if (!p) return omn_fail(err, OMN_ERR_MEMORY, "not enough memory for a program");
    if (pthread_mutex_init(&p->lock, NULL)) {
        free(p);
        return omn_fail(err, OMN_ERR_MEMORY, "a lock could not be made");
    }
    p->arena = omn_arena_new(0);
    p->ctx = how->ctx;
    p->pool = how->ctx ? omn_context_pool(how->ctx) : NULL;
    p->store = how->store;
    p->precision = how->precision;
    p->training = how->training;
    p->keep_tagged = how->keep_tagged;
    st = p->arena ? open_devices(p, how, err)
                  : omn_fail(err, OMN_ERR_MEMORY, "not enough memory for a program");
    if (st != OMN_OK) {
        omn_program_free(p);
        return st;
    }
    if (p->precision == OMN_PRECISION_AUTO)
        p->precision = p->main.fast_bf16 && p->store && store_mostly_bf16(p->store)
                           ? OMN_PRECISION_BF16
                           : OMN_PRECISION_F32;
    if (how->size >= offsetof(omn_program_setup, cache) + sizeof(how->cache)) p->cache = how->cache;
    if (!p->cache) p->cache = p->precision == OMN_PRECISION_BF16 ? OMN_BF16 : OMN_F32;
    if (p->cache != OMN_F32 && p->cache != OMN_BF16) {
        st = omn_fail(err, OMN_ERR_TYPE, "caches of type %d: f32 or bf16 is wanted", (int)p->cache);
        omn_program_free(p);
        return st;
    }
    *out = p;
    return OMN_OK;
}

omn_type omn_program_cache(const omn_program *p)
{
    return p->cache;
}

bool omn_cache_read(const char *word, omn_type *out)
{
    omn_precision p;
    if (!omn_precision_read(word, &p)) return false;
    *out = p == OMN_PRECISION_F32 ? OMN_F32 : p == OMN_PRECISION_BF16 ? OMN_BF16 : (omn_type)0;
    return true;
}

omn_precision omn_program_precision(const omn_program *p)
{
    return p->precision;
}

bool omn_precision_read(const char *word, omn_precision *out)
{
    static const char *const words[] = { [OMN_PRECISION_F32] = "f32", [OMN_PRECISION_BF16] = "bf16",
                                         [OMN_PRECISION_AUTO] = "auto" };
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if (strcmp(word, words[i])) continue;
        *out = (omn_precision)i;
        return true;
    }
    return false;
}

static void graph_drop(omn_program *p, omn_graph *g)
{
    if (g->consts_buffer) p->main.compute->release(p->main.dev, g->consts_buffer);
    graph_free(g);
}

void omn_program_free(omn_program *p)
{
    if (!p) return;
    for (omn_graph *g = p->graphs, *next; g; g = next) {
        next = g->next;
        graph_drop(p, g);
    }
    for (uint32_t i = 0; i < p->n_weights; i++)
        p->main.compute->release(p->main.dev, p->weights[i].buffer);
    device_close(&p->main);
    device_close(&p->cpu);
    omn_arena_free(p->arena);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

/* Every tagged node under its tags, unless an output has that name. */
static void keep_tagged(omn_graph *g)
{
    for (uint32_t i = 0; i < g->n_tags; i++)
        if (!omn_bundle_find(g->outputs, g->tags[i].name))
            omn_bundle_put(g->outputs, g->root, g->tags[i].name, g->tags[i].node);
}

static void build(omn_graph *g, omn_build_fn *fn, void *user, const char *loss)
{
    omn_program *p = g->program;
    fn(user, g->root, g->outputs);
    if (omn_scope_failed(g->root)) return;
    if (p->keep_tagged) keep_tagged(g);
    if (g->outputs->count == 0) {
        bool writes = false;
        for (uint32_t i = 0; i < g->n_steps; i++) writes = writes || g->steps[i]->out[0]->state;
        if (!writes) {
            graph_fail(g->root, OMN_ERR_ARGUMENT, NULL,
                       "graph '%s' has no output and writes no state", g->key);
            return;
        }
    }
    adapt_check(g);
    if (omn_scope_failed(g->root)) return;
    fold_scales(g);
    if (loss) gradient_build(g, loss);
    if (omn_scope_failed(g->root)) return;
    fuse(g);
    plan_build(g);
}

static uint64_t hash_frozen(const char *const *frozen, size_t n)
{
    uint64_t h = n;
    for (size_t i = 0; i < n; i++) h = h * 0x9e3779b97f4a7c15u + names_hash(frozen[i]);
    return h;
}

/* A graph that needs weights which none did before: does the file go on where they end? */
static void tell_left(omn_program *p)
{
    char text[1024];
    if (!p->ctx || !p->store || !store_weights(p->store)) return;
    const size_t n = omn_store_count(p->store);
    if (n == p->n_declared) return;
    p->n_declared = n;
    if (left_tell(p->store, &p->n_left, text, sizeof text))
        omn_context_log(p->ctx, OMN_LOG_WARN, "%s", text);
}

static omn_status get_graph(omn_program *p, const char *key, omn_build_fn *fn, void *user,
                            const char *loss, const char *const *frozen, size_t n_frozen,
                            bool recompute, omn_graph **out, omn_error *err)
{
    omn_status st = OMN_OK;
    pthread_mutex_lock(&p->lock);
    const uint64_t frozen_hash = hash_frozen(frozen, n_frozen);
    omn_graph *g = p->graphs;
    while (g && (strcmp(g->key, key) || g->with_gradient != (loss != NULL) ||
                 g->frozen_hash != frozen_hash || g->recompute != recompute))
        g = g->next;
    if (g) goto done;
    g = graph_new(p, key);
    if (!g) {
        st = omn_fail(err, OMN_ERR_MEMORY, "not enough memory for a graph");
        goto done;
    }
    g->with_gradient = loss != NULL;
    g->recompute = recompute;
    g->frozen_hash = frozen_hash;
    g->training = p->training || loss;
    g->frozen = frozen;
    g->n_frozen = n_frozen;
    build(g, fn, user, loss);
    g->frozen = NULL;
    if (g->failure.status != OMN_OK) {
        st = omn_fail(err, (omn_status)g->failure.status, "%s", g->failure.text);
        graph_drop(p, g);
        g = NULL;
        goto done;
    }
    if (g->workspace > p->workspace) p->workspace = g->workspace;
    g->next = p->graphs;
    p->graphs = g;
    tell_left(p);
done:
    pthread_mutex_unlock(&p->lock);
    if (st == OMN_OK) *out = g;
    return st;
}

omn_status omn_program_graph(omn_program *p, const char *key, omn_build_fn *fn, void *user,
                             omn_graph **out, omn_error *err)
{
    return get_graph(p, key, fn, user, NULL, NULL, 0, false, out, err);
}

omn_status omn_program_graph_gradient(omn_program *p, const char *key, omn_build_fn *fn, void *user,
                                      const char *loss, const char *const *frozen, size_t n_frozen,
                                      omn_graph **out, omn_error *err)
{
    return program_gradient(p, key, fn, user, loss, frozen, n_frozen, false, out, err);
}

omn_status program_gradient(omn_program *p, const char *key, omn_build_fn *fn, void *user,
                            const char *loss, const char *const *frozen, size_t n_frozen,
                            bool recompute, omn_graph **out, omn_error *err)
{
    if (!loss) return omn_fail(err, OMN_ERR_ARGUMENT, "a gradient needs the name of the loss");
    return get_graph(p, key, fn, user, loss, frozen, n_frozen, recompute, out, err);
}

void omn_program_memory(const omn_program *p, omn_memory *out)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)&p->lock;
    pthread_mutex_lock(lock);
    out->mapped = out->uploaded = out->states = 0;
    out->workspace = p->workspace;
    for (uint32_t i = 0; i < p->n_weights; i++)
        *(p->weights[i].uploaded ? &out->uploaded : &out->mapped) += p->weights[i].bytes;
    for (const omn_state *s = p->states; s; s = s->next) out->states += s->bytes;
    pthread_mutex_unlock(lock);
}

size_t omn_graph_outputs(const omn_graph *g)
{
    return g->outputs->count;
}

const char *omn_graph_output_name(const omn_graph *g, size_t i)
{
    return i < g->outputs->count ? g->outputs->row[i].name : NULL;
}

omn_shape omn_graph_output_shape(const omn_graph *g, size_t i)
{
    return i < g->outputs->count ? g->outputs->row[i].node->shape : omn_dim0();
}

size_t omn_graph_nodes(const omn_graph *g)
{
    return g->n_steps;
}

uint64_t omn_graph_workspace(const omn_graph *g)
{
    return g->workspace;
}

uint64_t omn_graph_live_bound(const omn_graph *g)
{
    return g->live_bound;
}

const char *omn_graph_greediest(const omn_graph *g)
{
    uint64_t most = 0;
    long at = -1;
    /* as much as anywhere is alive where some group begins */
    for (uint32_t i = 0; i < g->n_groups; i++) {
        uint64_t bytes = 0;
        for (uint32_t k = 0; k < g->n_groups; k++)
            if (g->groups[k].first <= g->groups[i].first &&
                g->groups[k].last >= g->groups[i].first)
                bytes += g->groups[k].bytes;
        if (bytes <= most) continue;
        most = bytes;
        at = g->groups[i].first;
    }
    return at >= 0 && (uint32_t)at < g->n_steps ? g->steps[at]->scope->name : "";
}

static bool uses_state(const omn_graph *g, uint32_t number)
{
    for (uint32_t i = 0; g && i < g->n_slots; i++)
        if (g->slots[i].kind == SLOT_STATE && g->slots[i].number == number) return true;
    return false;
}

uint64_t omn_graph_states(const omn_graph *g, const omn_graph *but)
{
    uint64_t bytes = 0;
    pthread_mutex_t *lock = &g->program->lock;
    pthread_mutex_lock(lock);
    for (const omn_state *s = g->program->states; s; s = s->next)
        if (uses_state(g, s->number) && !uses_state(but, s->number)) bytes += s->bytes;
    pthread_mutex_unlock(lock);
    return bytes;
}

uint64_t omn_graph_flops(const omn_graph *g)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < g->n_steps; i++) n += step_flops(g->steps[i]);
    return n;
}
