/* SPDX-License-Identifier: Apache-2.0 */
/* A context: the pool, the plugins, and what upper floors hang on it. Everything that would be a
 * global in another house is here, so two contexts in one process know nothing of each other. */
#include "context.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USUAL_SCAN_LIMIT_MS 10000u
#define USUAL_KEEP_MOST ((uint64_t)1 << 30)
#define MOST_SHARED         32

typedef struct shared {
    const void *key;
    void *thing;
    void (*release)(void *);
} shared;

struct omn_context {
    omn_context_setup how; /* texts are owned */
    char *device, *precision, *cache, *adapter, *model_path, *cache_folder, *keep_folder;
    omn_pool *pool;
    beside where;
    registry *plugins;
    pthread_mutex_t lock; /* of the list of shared things; recursive, make may ask again */
    shared things[MOST_SHARED];
    size_t n_things;
};

/* "$VARIABLE/omnio/..." or "$HOME/fallback/omnio/..." when the variable is not an absolute path, as
 * the XDG base directory specification wants it. NULL: neither is set. False: no memory. */
static bool xdg_folder(const char *variable, const char *fallback, const char *below, char **out)
{
    const char *base = getenv(variable), *home = getenv("HOME");
    omn_buf b;
    omn_buf_init(&b, 8192);
    if (base && base[0] == '/')
        omn_buf_printf(&b, "%s/%s", base, below);
    else if (home && home[0] == '/')
        omn_buf_printf(&b, "%s/%s/%s", home, fallback, below);
    const bool ok = !b.failed || b.full; /* a path that is too long is none */
    *out = b.length ? omn_buf_take(&b) : NULL;
    omn_buf_fini(&b);
    return ok;
}

static bool copy_text(char **to, const char *from)
{
    *to = from ? strdup(from) : NULL;
    return !from || *to;
}

static bool make_lock(pthread_mutex_t *lock)
{
    pthread_mutexattr_t a;
    if (pthread_mutexattr_init(&a) != 0) return false;
    bool ok = pthread_mutexattr_settype(&a, PTHREAD_MUTEX_RECURSIVE) == 0 &&
              pthread_mutex_init(lock, &a) == 0;
    pthread_mutexattr_destroy(&a);
    return ok;
}

omn_status omn_context_new(const omn_context_setup *how, omn_context **out, omn_error *err)
{
    omn_status st = OMN_OK;
    char *user = NULL;
    omn_context *ctx = calloc(1, sizeof(*ctx));
    if (!ctx || !make_lock(&ctx->lock)) {
        free(ctx);
        return omn_fail(err, OMN_ERR_MEMORY, "no memory for a context");
    }
    if (how) {
        if (how->size < sizeof(uint32_t) || how->size > 4096) {
            st = omn_fail(err, OMN_ERR_ARGUMENT,
                          "omn_context_setup: size %u makes no sense; use "
                          "OMN_FILL(omn_context_setup)",
                          how->size);
            goto done;
        }
        memcpy(&ctx->how, how, how->size < sizeof(ctx->how) ? how->size : sizeof(ctx->how));
    }
    const char *cache = ctx->how.cache_dir;
    bool ok = copy_text(&ctx->device, ctx->how.device ? ctx->how.device : "cpu") &&
              copy_text(&ctx->precision, ctx->how.precision) &&
              copy_text(&ctx->cache, ctx->how.cache) &&
              copy_text(&ctx->adapter, ctx->how.adapter) &&
              copy_text(&ctx->keep_folder, ctx->how.keep_folder) &&
              copy_text(&ctx->model_path, ctx->how.model_path);
    if (ok && cache && *cache) ok = copy_text(&ctx->cache_folder, cache);
    if (ok && !cache) ok = xdg_folder("XDG_CACHE_HOME", ".cache", "omnio", &ctx->cache_folder);
    ok = ok && xdg_folder("XDG_DATA_HOME", ".local/share", "omnio/plugins", &user);
    if (!ok) {
        st = omn_fail(err, OMN_ERR_MEMORY, "no memory for a context");
        goto done;
    }
    OMN_TRY(beside_find(&ctx->where, err));
    OMN_TRY(omn_pool_new(ctx->how.threads, &ctx->pool, err));
    registry_setup r = { .plugin_path = ctx->how.plugin_path,
                         .user_folder = user,
                         .only_plugin_path = ctx->how.only_plugin_path,
                         .cache_folder = ctx->cache_folder,
                         .scan_limit_ms = ctx->how.scan_limit_ms ? ctx->how.scan_limit_ms
                                                                 : USUAL_SCAN_LIMIT_MS };
    OMN_TRY(registry_new(&r, &ctx->where, &ctx->plugins, err));
    /* Texts of the caller are not looked at again. */
    ctx->how.plugin_path = ctx->how.model_path = ctx->how.device = ctx->how.cache_dir = NULL;
    ctx->how.precision = ctx->how.cache = ctx->how.adapter = ctx->how.keep_folder = NULL;
    *out = ctx;
    ctx = NULL;
done:
    free(user);
    omn_context_free(ctx);
    return st;
}

void omn_context_free(omn_context *ctx)
{
    if (!ctx) return;
    while (ctx->n_things > 0) {
        shared *s = &ctx->things[--ctx->n_things];
        if (s->release) s->release(s->thing);
    }
    registry_free(ctx->plugins);
    omn_pool_free(ctx->pool);
    beside_fini(&ctx->where);
    pthread_mutex_destroy(&ctx->lock);
    free(ctx->device);
    free(ctx->precision);
    free(ctx->cache);
    free(ctx->adapter);
    free(ctx->model_path);
    free(ctx->cache_folder);
    free(ctx->keep_folder);
    free(ctx);
}

void *context_shared(omn_context *ctx, const void *key, context_make_fn *make, void *user,
                     void (*release)(void *), omn_error *err)
{
    void *thing = NULL;
    pthread_mutex_lock(&ctx->lock);
    for (size_t i = 0; i < ctx->n_things && !thing; i++)
        if (ctx->things[i].key == key) thing = ctx->things[i].thing;
    if (thing) goto done;
    thing = make(ctx, user, err);
    if (!thing) goto done;
    if (ctx->n_things == MOST_SHARED) {
        if (release) release(thing);
        thing = NULL;
        omn_fail(err, OMN_ERR_INTERNAL, "more than %d things hang on one context", MOST_SHARED);
        goto done;
    }
    ctx->things[ctx->n_things++] = (shared){ key, thing, release };
done:
    pthread_mutex_unlock(&ctx->lock);
    return thing;
}

registry *context_registry(omn_context *ctx)
{
    return ctx->plugins;
}

const char *context_cache_folder(const omn_context *ctx)
{
    return ctx->cache_folder;
}

omn_pool *omn_context_pool(omn_context *ctx)
{
    return ctx->pool;
}

const char *omn_context_device(const omn_context *ctx)
{
    return ctx->device;
}

const char *omn_context_precision(const omn_context *ctx)
{
    return ctx->precision;
}

const char *omn_context_cache(const omn_context *ctx)
{
    return ctx->cache;
}

const char *omn_context_adapter(const omn_context *ctx)
{
    return ctx->adapter;
}

const char *omn_context_model_path(const omn_context *ctx)
{
    return ctx->model_path;
}

const char *omn_context_data(const omn_context *ctx)
{
    return ctx->where.data;
}

context_keep context_keeps(const omn_context *ctx)
{
    const uint64_t memory = ctx->how.keep_memory, most = ctx->how.keep_most;
    return (context_keep){ .memory = memory < SIZE_MAX ? (size_t)memory : SIZE_MAX,
                           .folder = ctx->keep_folder,
                           .most = most ? most : USUAL_KEEP_MOST };
}

/* What a call of this context logs passes through the context's level. */
static void log_text(void *user, omn_level level, const char *text)
{
    const omn_context *ctx = user;
    if (ctx->how.log && level <= ctx->how.level) ctx->how.log(ctx->how.log_user, level, text);
}

void omn_context_log(omn_context *ctx, omn_level level, const char *fmt, ...)
{
    char text[1200];
    va_list args;
    if (!ctx || !ctx->how.log || level > ctx->how.level) return;
    va_start(args, fmt);
    omn_vformat(text, sizeof(text), fmt, args);
    va_end(args);
    log_text(ctx, level, omn_text_clean(text));
}

omn_status omn_context_call(omn_context *ctx, uint64_t seed, uint64_t item, omn_cancel *cancel,
                            omn_call **out, omn_error *err)
{
    omn_call_setup how = {
        OMN_FILL(omn_call_setup), .pool = ctx->pool, .cancel = cancel, .log = log_text,
        .log_user = ctx,          .seed = seed,      .item = item,     .host = ctx,
        .most_bytes = ctx->how.value_bytes
    };
    return omn_call_new(&how, out, err);
}

omn_status omn_registry_find(omn_context *ctx, const char *kind, const char *name,
                             const omn_entry **out, omn_error *err)
{
    if (!ctx || !name || !out)
        return omn_fail(err, OMN_ERR_ARGUMENT, "omn_registry_find: no context, name or result");
    *out = NULL;
    return registry_find(ctx->plugins, ctx, kind, name, out, err);
}

omn_status omn_registry_list(omn_context *ctx, const char *kind, omn_list_fn *fn, void *user,
                             omn_error *err)
{
    if (!ctx || !fn)
        return omn_fail(err, OMN_ERR_ARGUMENT, "omn_registry_list: no context or no function");
    return registry_list(ctx->plugins, ctx, kind, fn, user, err);
}
