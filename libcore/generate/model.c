/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a model: read the configuration of its folder, open the model object and its parts,
 * map the weights and make the program. Nothing is read beyond headers: a large model opens in
 * milliseconds. */
#include "features.h"
#include "folder.h"
#include "open.h"

#include "libcore/graph/adapt.h"
#include "libcore/graph/inside.h"

#include <omnio/published.h>

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MOST_CONFIG ((size_t)16 << 20)

static omn_status read_json(const char *path, json_t **out, omn_error *err)
{
    omn_status st = OMN_OK;
    char *text = NULL;
    size_t size = 0;
    OMN_TRY(omn_file_read(path, MOST_CONFIG, &text, &size, err));
    OMN_TRY(config_parse(text, size, 0, path, out, err));
    if (!json_is_object(*out)) {
        st = omn_fail_at(err, OMN_ERR_CONFIG, path, 1, 1, "a JSON object is wanted");
        json_decref(*out);
        *out = NULL;
    }
done:
    free(text);
    return st;
}

typedef struct claiming {
    omn_context *ctx;
    omn_config *config;
    char name[128];                       /* of the object that knows the configuration */
    omn_error err;                        /* OMN_ERR_MEMORY: not all could be asked */
} claiming;

static int claim(void *user, const omn_listed *l)
{
    claiming *k = user;
    const omn_entry *e = NULL;
    omn_error why = OMN_ERROR_INIT;
    if (!l->name) return 0;
    const omn_status st = omn_registry_find(k->ctx, l->kind, l->name, &e, &why);
    if (st == OMN_ERR_MEMORY) k->err = why;
    if (st != OMN_OK) return st == OMN_ERR_MEMORY;
    const omn_model_impl *m = omn_entry_object(e)->impl;
    const omn_claims_impl *c = m->extension ? m->extension("omnio.claims/1") : NULL;
    if (!c || !c->claims(k->config)) return 0;
    snprintf(k->name, sizeof k->name, "%s", omn_entry_object(e)->name);
    return 1;
}

/* Which object builds this configuration: said under "omnio", known by its keys, or the model_type
 * itself; "" for none. */
static omn_status object_of(omn_context *ctx, omn_config *config, char *out, size_t room,
                            omn_error *err)
{
    const json_t *named = json_object_get(json_object_get(config->root, "omnio"), "model");
    const char *type = json_string_value(json_object_get(config->root, "model_type"));
    claiming k = { .ctx = ctx, .config = config, .err = OMN_ERROR_INIT };
    config_note(config, "omnio.model");
    config_note(config, "model_type");
    if (!named) {
        const omn_status st = omn_registry_list(ctx, "omnio.model/1", claim, &k, err);
        if (st != OMN_OK) return st;
        if (k.err.status) return omn_fail(err, OMN_ERR_MEMORY, "%s", k.err.text);
    }
    const char *text = named ? json_string_value(named) : k.name[0] ? k.name : type;
    snprintf(out, room, "%s", text ? text : "");
    return OMN_OK;
}

omn_status config_known(omn_context *ctx, json_t *config, const char *name, bool *known,
                        omn_error *err)
{
    omn_config c = { .root = config, .file = name, .first = OMN_ERROR_INIT };
    char object[128];
    const omn_status st = object_of(ctx, &c, object, sizeof object, err);
    *known = st == OMN_OK && object[0];
    config_end(&c);
    return st;
}

/* The precision of products: the caller's word, the context's, the configuration's, in this order.
 * The configuration's is read in any case, so that a wrong word is told. */
static omn_status precision_of(omn_model *m, const omn_model_setup *how, omn_precision *out,
                               omn_error *err)
{
    const char *own = omn_config_string_or(&m->config, "omnio.precision", "auto"),
               *said = omn_context_precision(m->ctx);
    if (!omn_precision_read(own, out))
        return omn_fail_at(err, OMN_ERR_CONFIG, m->name, 0, 0,
                           "omnio.precision is \"%.80s\"; it may be f32, bf16 or auto", own);
    if (how->precision != OMN_PRECISION_AUTO) *out = how->precision;
    else if (said && !omn_precision_read(said, out))
        return omn_fail(err, OMN_ERR_ARGUMENT, "precision \"%.80s\": f32, bf16 or auto is wanted",
                        said);
    return OMN_OK;
}

/* What runner_familiar goes by, so that a wrong list is told; runner.h */
static omn_status usual_of(omn_model *m, omn_error *err)
{
    if (!omn_config_has(&m->config, "omnio.usual")) return OMN_OK;
    const json_t *list = json_object_get(json_object_get(m->json, "omnio"), "usual");
    if (json_is_array(list) && json_array_size(list) == 2 &&
        json_is_number(json_array_get(list, 0)) && json_number_value(json_array_get(list, 1)) > 0)
        return OMN_OK;
    return omn_fail_at(err, OMN_ERR_CONFIG, m->name, 0, 0,
                       "omnio.usual: [LEAST, SPREAD] is wanted, two numbers, the second above 0");
}

/* The type of caches, in the same way; 0: what suits the products. */
static omn_status cache_of(omn_model *m, const omn_model_setup *how, omn_type *out, omn_error *err)
{
    const char *own = omn_config_string_or(&m->config, "omnio.cache", "auto"),
               *said = omn_context_cache(m->ctx);
    if (!omn_cache_read(own, out))
        return omn_fail_at(err, OMN_ERR_CONFIG, m->name, 0, 0,
                           "omnio.cache is \"%.80s\"; it may be f32, bf16 or auto", own);
    if (how->size >= offsetof(omn_model_setup, cache) + sizeof how->cache && how->cache)
        said = how->cache;
    if (said && !omn_cache_read(said, out))
        return omn_fail(err, OMN_ERR_ARGUMENT, "cache \"%.80s\": f32, bf16 or auto is wanted",
                        said);
    return OMN_OK;
}

static bool keeps_files(const omn_model_setup *how)
{
    return how->size >= offsetof(omn_model_setup, keep_files) + sizeof how->keep_files &&
           how->keep_files;
}

static const char *adapter_of(const omn_model *m, const omn_model_setup *how)
{
    const bool said = how->size >= offsetof(omn_model_setup, adapter) + sizeof how->adapter &&
                      how->adapter;
    return said ? how->adapter : omn_context_adapter(m->ctx);
}

/* A model before it has parts. */
static omn_status bare(omn_context *ctx, const char *name, const char *dir, omn_model **out,
                       omn_error *err)
{
    omn_model *m = calloc(1, sizeof *m);
    *out = m;
    if (!m) return omn_fail(err, OMN_ERR_MEMORY, "opening %s: out of memory", name);
    m->ctx = ctx;
    m->has_lock = pthread_mutex_init(&m->lock, NULL) == 0;
    m->path = strdup(dir);
    m->name = strdup(name);
    return m->path && m->name && m->has_lock
               ? OMN_OK
               : omn_fail(err, OMN_ERR_MEMORY, "opening %s: out of memory", name);
}

/* "omnio.weights" is the name of a file in the folder of that configuration. */
static omn_status plain_name(const char *name, const char *config, omn_error *err)
{
    if (!strchr(name, '/')) return OMN_OK;
    return omn_fail_at(err, OMN_ERR_CONFIG, config, 0, 0,
                       "omnio.weights is \"%.80s\"; the name of a file in this folder is wanted",
                       name);
}

omn_status model_weights_name(const char *config, char *out, size_t room, omn_error *err)
{
    json_t *all = NULL;
    *out = 0;
    omn_status st = read_json(config, &all, err);
    if (st != OMN_OK) return st;
    const json_t *own = json_object_get(json_object_get(all, "omnio"), "weights");
    const char *name = json_string_value(own);
    if (own && !name)
        st = omn_fail_at(err, OMN_ERR_CONFIG, config, 0, 0, "omnio.weights: not a text");
    else if (name && strlen(name) >= room)
        st = omn_fail_at(err, OMN_ERR_CONFIG, config, 0, 0, "omnio.weights is too long");
    else if (name && (st = plain_name(name, config, err)) == OMN_OK)
        snprintf(out, room, "%s", name);
    json_decref(all);
    return st;
}

/* Which file of the folder holds the weights, where the configuration says so and the caller does
 * not; settings behind the folder are those of that file. */
static omn_status own_weights(omn_model *m, const char **weights, omn_error *err)
{
    const char *name = omn_config_string_or(&m->config, "omnio.weights", "");
    const size_t n = strlen(m->path);
    if (m->inner || !*name || !*weights || strncmp(*weights, m->path, n) != 0) return OMN_OK;
    const char *rest = *weights + n;
    if (*rest && *rest != '?') return OMN_OK;
    const omn_status st = plain_name(name, m->name, err);
    if (st != OMN_OK) return st;
    *weights = omn_arena_printf(m->open->arena, "%s/%s%s", m->path, name, rest);
    return *weights ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", m->name);
}

/* Its weights and what runs on them, as `setup` says beside. */
/* weights: NULL: there are none, only room for them. adapters: NULL: none. */
static omn_status load(omn_model *m, const char *weights, const char *adapters,
                       omn_program_setup *setup, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_weights *added = NULL;
    if (!setup->store && !weights) {
        OMN_TRY(omn_store_new(0, NULL, true, &m->own_store, err));
        store_hollow(m->own_store);
        setup->store = m->own_store;
    } else if (!setup->store) {
        OMN_TRY(omn_weights_load(setup->ctx, weights, NULL, &m->weights, err));
        OMN_TRY(omn_store_open(m->weights, &m->own_store, err));
        setup->store = m->own_store;
        if (adapters) OMN_TRY(omn_weights_open(adapters, &added, err));
        if (adapters) OMN_TRY(store_adapters(m->own_store, m->weights, added, err));
    }
    OMN_TRY(omn_program_new(setup, &m->program, err));
    for (size_t i = 0; i < m->open->n_parts; i++) m->open->parts[i]->model = m;
done:
    omn_weights_close(added);
    return st;
}

const char *model_dir(const omn_model *m) { return m->inner ? m->inner : m->path; }

omn_status model_open_json(omn_context *ctx, json_t *taken, const char *name, const char *dir,
                           char *inner, const char *weights, const omn_model_setup *how,
                           omn_model **out, omn_error *err)
{
    static const omn_model_setup usual = { OMN_FILL(omn_model_setup),
                                           .precision = OMN_PRECISION_AUTO };
    omn_precision precision;
    omn_type cache;
    omn_status st = OMN_OK;
    void *params = NULL;
    omn_model *m = NULL;
    char object[128];
    if (!how) how = &usual;
    st = bare(ctx, name, dir, &m, err);
    if (m) {
        m->json = taken;
        m->inner = inner;
    } else {
        json_decref(taken);
        packed_remove(inner);
        free(inner);
    }
    OMN_TRY(st);
    m->training = how->training;
    m->config = (omn_config){ .root = m->json, .file = m->name, .first = OMN_ERROR_INIT };
    OMN_TRY(object_of(ctx, &m->config, object, sizeof object, err));
    if (!object[0]) {
        st = omn_fail_at(err, OMN_ERR_CONFIG, name, 0, 0,
                         "no model family knows it: {\"omnio\": {\"model\": NAME}} is wanted "
                         "(omnio list model)");
        goto done;
    }
    OMN_TRY(omn_context_call(ctx, 0, 0, NULL, &m->call, err));
    OMN_TRY(open_begin(ctx, m->call, NULL, &m->config, model_dir(m), &m->open, err));
    OMN_TRY(omn_registry_find(ctx, "omnio.model/1", object, &m->entry, err));
    m->impl = omn_entry_object(m->entry)->impl;
    OMN_TRY(omn_params_fill(m->entry, NULL, 0, "", m->open->arena, &params, err));
    OMN_TRY(m->impl->open(m->call, params, m->open, &m->self, err));
    OMN_TRY(omn_open_done(m->open, err));
    OMN_TRY(usual_of(m, err));
    OMN_TRY(precision_of(m, how, &precision, err));
    OMN_TRY(cache_of(m, how, &cache, err));
    omn_program_setup setup = { OMN_FILL(omn_program_setup), .ctx = ctx, .store = how->store,
                                .device = how->device, .precision = precision, .cache = cache,
                                .training = how->training, .keep_tagged = how->keep_tagged };
    OMN_TRY(own_weights(m, &weights, err));
    OMN_TRY(load(m, weights, adapter_of(m, how), &setup, err));
    m->may_keep = !m->training && !how->store && !how->keep_tagged && weights;
    if (m->may_keep) OMN_TRY(features_new(m, &m->features, err));
    if (!m->training && !keeps_files(how)) packed_remove(m->inner);
    *out = m;
    return OMN_OK;
done:
    omn_model_close(m);
    return st;
}

omn_status model_open_part(omn_context *ctx, const model_part *is, const char *weights,
                           omn_model **out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_model *m = NULL;
    omn_program_setup setup = { OMN_FILL(omn_program_setup), .ctx = ctx };
    const char *said = omn_context_precision(ctx);
    OMN_TRY(bare(ctx, is->object, "", &m, err));
    if (said && !omn_precision_read(said, &setup.precision))
        OMN_TRY(omn_fail(err, OMN_ERR_ARGUMENT, "precision \"%.80s\": f32, bf16 or auto is wanted",
                         said));
    OMN_TRY(omn_context_call(ctx, 0, 0, NULL, &m->call, err));
    OMN_TRY(open_begin(ctx, m->call, NULL, NULL, m->path, &m->open, err));
    m->open->file = is->file;
    omn_part *p = part_open_settings(m->open, is->role, is->kind, is->object, is->set, is->n_set,
                                     is->file, &m->open->first);
    OMN_TRY(omn_open_done(m->open, err));
    snprintf(p->prefix, sizeof p->prefix, "%s", is->prefix);
    OMN_TRY(load(m, weights, NULL, &setup, err));
    *out = m;
    return OMN_OK;
done:
    omn_model_close(m);
    return st;
}

static bool hollow(const omn_model_setup *how)
{
    return how && how->size >= offsetof(omn_model_setup, hollow) + sizeof how->hollow &&
           how->hollow;
}

omn_status omn_model_open(omn_context *ctx, const char *path, const omn_model_setup *how,
                          omn_model **out, omn_error *err)
{
    omn_status st = OMN_OK;
    char dir[4096], weights[4096], file[4200], *inner = NULL;
    json_t *json = NULL;
    struct stat s;
    if (strlen(path) > 2048)
        return omn_fail(err, OMN_ERR_ARGUMENT, "a model's path is too long");
    OMN_TRY(packed_open(ctx, path, &inner, err));
    if (inner) {
        snprintf(dir, sizeof dir, "%s", path);
        snprintf(weights, sizeof weights, "%s", path);
    } else {
        OMN_TRY(model_place(ctx, path, dir, sizeof dir, weights, sizeof weights, err));
    }
    snprintf(file, sizeof file, "%s/config.json", inner ? inner : dir);
    if (inner || stat(file, &s) == 0) {
        OMN_TRY(read_json(file, &json, err));
    } else {
        OMN_TRY(own_config(ctx, weights, &json, err));
        snprintf(file, sizeof file, "%s", weights);
    }
    if (inner) snprintf(file, sizeof file, "%s: config.json", dir);
    char *taken = inner;
    inner = NULL;
    OMN_TRY(model_open_json(ctx, json, file, dir, taken,
                            hollow(how) ? NULL : how && how->weights ? how->weights : weights, how,
                            out, err));
done:
    packed_remove(inner);
    free(inner);
    return st;
}

omn_status omn_model_open_text(omn_context *ctx, const char *json, const char *name,
                               const omn_model_setup *how, omn_model **out, omn_error *err)
{
    json_t *root = NULL;
    if (!how || (!how->weights && !how->store && !hollow(how)))
        return omn_fail(err, OMN_ERR_ARGUMENT, "%s: weights or a store are wanted", name);
    const omn_status st = config_parse(json, strlen(json), 0, name, &root, err);
    if (st != OMN_OK) return st;
    if (json_is_object(root))
        return model_open_json(ctx, root, name, "", NULL, hollow(how) ? NULL : how->weights, how,
                               out, err);
    json_decref(root);
    return omn_fail_at(err, OMN_ERR_CONFIG, name, 1, 1, "a JSON object is wanted");
}

omn_status omn_model_keys(const omn_model *m, omn_error *err)
{
    return config_unasked(&m->config, err);
}

void omn_model_close(omn_model *m)
{
    if (!m) return;
    model_exec_free_all(m);
    features_free(m, m->features);
    omn_program_free(m->program);
    omn_store_free(m->own_store);
    omn_weights_close(m->weights);
    if (m->impl && m->self) m->impl->close(m->self);
    open_end(m->open);
    omn_call_free(m->call);
    config_end(&m->config);
    json_decref(m->json);
    if (m->has_lock) pthread_mutex_destroy(&m->lock);
    packed_remove(m->inner);
    free(m->inner);
    free(m->path);
    free(m->name);
    free(m);
}

omn_context *omn_model_context(const omn_model *m) { return m->ctx; }
omn_program *omn_model_program(const omn_model *m) { return m->program; }
const char *omn_model_path(const omn_model *m) { return m->path; }
const char *omn_model_object(const omn_model *m) { return omn_entry_object(m->entry)->name; }
const omn_weights *omn_model_weights(const omn_model *m) { return m->weights; }

static const omn_part *by_role(const omn_model *m, const char *kind, const char *role)
{
    for (size_t i = 0; i < m->open->n_parts; i++) {
        const omn_part *p = m->open->parts[i];
        if (!strcmp(p->kind, kind) && !strcmp(p->role, role)) return p;
    }
    return NULL;
}

const omn_part *omn_model_encoder(const omn_model *m, const char *role)
{
    return by_role(m, "omnio.encoder/1", role);
}

const char *model_lacks(const omn_model *m, const char *output, char *out, size_t room)
{
    size_t used = (size_t)snprintf(out, room, "this model writes no \"%.60s\"", output), n = 0;
    for (size_t i = 0; m && i < m->open->n_parts && used < room; i++) {
        const omn_part *p = m->open->parts[i];
        if (strcmp(p->kind, "omnio.decoder/1") || !strcmp(p->role, output)) continue;
        used += (size_t)snprintf(out + used, room - used, "%s%s", n++ ? ", " : "; it writes ",
                                 p->role);
    }
    if (m && m->open->absent[0] && used < room)
        snprintf(out + used, room - used, "; no plugin offers %s", m->open->absent);
    return out;
}

const omn_part *omn_model_decoder(const omn_model *m, const char *role)
{
    return by_role(m, "omnio.decoder/1", role);
}

size_t omn_model_parts(const omn_model *m, omn_part *const **list)
{
    *list = m->open->parts;
    return m->open->n_parts;
}

const omn_part *omn_model_codec(const omn_model *m, const char *speaks)
{
    return open_codec(m->open, speaks);
}

const char *omn_model_prefix(const omn_model *m, const char *output)
{
    const char *p = m->impl->prefix ? m->impl->prefix(m->self, output) : "";
    return p ? p : "";
}

const char *omn_model_task(const omn_model *m)
{
    const omn_task_impl *t = m->impl->extension ? m->impl->extension("omnio.task/1") : NULL;
    return !t ? NULL : t->of ? t->of(m->self) : t->pipeline;
}

int32_t model_most_tokens(const omn_model *m, bool answer)
{
    return m->impl->most_tokens ? m->impl->most_tokens(m->self, answer) : 512;
}

int32_t model_most_answer(const omn_model *m, const omn_part *decoder)
{
    const omn_codes *codes = decoder ? omn_part_codes(decoder) : NULL;
    const omn_vocab *v = decoder ? omn_part_vocabulary(decoder) : NULL;
    if (!codes || codes->count <= 0) return model_most_tokens(m, true);
    return codes->count + (v && v->stop >= 0);
}

omn_status omn_model_prepare(const omn_model *m, omn_call *c, const char *role, const omn_value *v,
                             omn_feed *out, omn_frame *frame, omn_error *err)
{
    const omn_part *p = omn_model_encoder(m, role);
    if (!p)
        return omn_fail(err, OMN_ERR_UNSUPPORTED, "this model takes no input \"%s\"", role);
    omn_frame unused;
    const omn_encoder_impl *e = p->impl;
    return e->prepare(p->self, c, v, out, frame ? frame : &unused, err);
}

omn_status model_text_ids(const omn_model *m, const omn_value *text, int32_t **ids, size_t *n,
                          omn_error *err)
{
    omn_status st = OMN_OK;
    omn_call *c = NULL;
    omn_feed *f = NULL;
    *ids = NULL;
    *n = 0;
    OMN_TRY(omn_context_call(m->ctx, 0, 0, NULL, &c, err));
    OMN_TRY(omn_feed_make(&f, err));
    OMN_TRY(omn_model_prepare(m, c, "text", text, f, NULL, err));
    const omn_tensor *t = omn_feed_get(f, "ids"), *seg = t ? omn_feed_get(f, "seg") : NULL;
    if (!seg || t->type != OMN_I32 || seg->type != OMN_I32 || seg->bytes != t->bytes) goto done;
    *ids = malloc(t->bytes + sizeof **ids);
    if (!*ids) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "the ids of a text: out of memory"));
    for (size_t i = 0; i < t->bytes / sizeof **ids; i++)
        if (((const int32_t *)seg->data)[i]) (*ids)[(*n)++] = ((const int32_t *)t->data)[i];
done:
    omn_feed_free(f);
    omn_call_free(c);
    return st;
}

omn_status model_text_end(const omn_model *m, int32_t deflt, int32_t *out, size_t *front,
                          omn_error *err)
{
    omn_status st = OMN_OK;
    omn_error why = OMN_ERROR_INIT;
    omn_value *nothing = NULL;
    int32_t *ids = NULL;
    size_t n = 0;
    *out = deflt;
    if (front) *front = 0;
    OMN_TRY(omn_text_new("", 0, &nothing, err));
    st = model_text_ids(m, nothing, &ids, &n, &why);
    if (st == OMN_ERR_MEMORY) omn_fail(err, st, "%s", why.text);
    else st = OMN_OK;                     /* what cannot be read at all is told elsewhere */
    if (n) *out = ids[n - 1];
    if (n && front) *front = n - 1;
done:
    free(ids);
    omn_value_unref(nothing);
    return st;
}

const char *model_file(const omn_model *m, size_t i)
{
    return i < m->open->n_names ? m->open->names[i] : NULL;
}

/* preprocessor_config.json and its like, and lists of classes, which a model may have and no
 * tokenizer is. */
static bool is_other(const char *name)
{
    static const char *const ends[] = { "config.json", "answers.txt", "labels.txt", "label.txt",
                                        "words.txt" };
    const size_t n = strlen(name);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        const size_t k = strlen(ends[i]);
        if (n >= k && !strcmp(name + n - k, ends[i])) return true;
    }
    return false;
}

/* "a.json, b.txt or c": what would be a tokenizer. */
static omn_status no_tokenizer(const omn_model *m, omn_error *err)
{
    char wanted[400] = "tokenizer.model";
    size_t n = 0, k = 0;
    for (size_t i = 0; i < m->open->n_sought; i++) n += !is_other(m->open->sought[i]);
    for (size_t i = 0, at = 0; i < m->open->n_sought && at < sizeof wanted; i++) {
        if (is_other(m->open->sought[i])) continue;
        omn_format(wanted + at, sizeof wanted - at, "%s%s",
                   !k ? "" : k + 1 < n ? ", " : " or ", m->open->sought[i]);
        at = strlen(wanted);
        k++;
    }
    return omn_fail(err, OMN_ERR_MISSING,
                    "the model's folder %s has no tokenizer: %s; copy the file that belongs to "
                    "these weights there", m->path, wanted);
}

omn_status omn_model_tokens(const omn_model *m, const char *text, int32_t *ids, size_t most,
                            size_t *n, omn_error *err)
{
    const omn_part *t = omn_open_find(m->open, "tokenizer");
    if (!t) return no_tokenizer(m, err);
    return omn_codec_encode(t, text, strlen(text), ids, most, n, err);
}

omn_status omn_model_all_tokens(const omn_model *m, const char *text, int32_t **ids, size_t *n,
                                omn_error *err)
{
    size_t room = strlen(text) + 8;
    *ids = NULL;
    /* A text can have more tokens than bytes; the first try says how many then. */
    for (int round = 0;; round++) {
        omn_error why = OMN_ERROR_INIT;
        int32_t *list = calloc(room + 1, sizeof *list);
        if (!list) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu tokens", room);
        *n = 0;
        const omn_status st = omn_model_tokens(m, text, list, room, n, &why);
        if (st == OMN_OK) {
            *ids = list;
            return OMN_OK;
        }
        free(list);
        if (round > 2 || st != OMN_ERR_DATA || *n <= room) {
            if (err) *err = why;
            return st;
        }
        room = *n > 8 * room ? *n : 8 * room; /* a refusal may come before the last is counted */
    }
}
