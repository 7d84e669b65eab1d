/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of values by name: our own, and those of plugins, which are loaded when they are asked for.
 * A context keeps what it found, so that a kind is one object in it. */
#include "context.h"
#include "libcore/value/kind.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define MOST_KINDS 1024

typedef struct kinds {
    pthread_mutex_t lock;
    const omn_kind *of[MOST_KINDS];
    size_t n;
} kinds;

static const char kinds_key = 0;

static void *kinds_make(omn_context *ctx, void *user, omn_error *err)
{
    kinds *k = calloc(1, sizeof(*k));
    (void)ctx;
    (void)user;
    if (k && pthread_mutex_init(&k->lock, NULL) == 0) return k;
    free(k);
    omn_fail(err, OMN_ERR_MEMORY, "no memory for kinds of values");
    return NULL;
}

static void kinds_release(void *thing)
{
    kinds *k = thing;
    for (size_t i = 0; i < k->n; i++) kind_unref(k->of[i]);
    pthread_mutex_destroy(&k->lock);
    free(k);
}

/* With the lock held. */
static omn_status kind_of(kinds *k, const omn_object *o, const omn_kind **out, omn_error *err)
{
    for (size_t i = 0; i < k->n && !*out; i++)
        if (omn_kind_impl(k->of[i]) == o->impl) *out = k->of[i];
    if (*out) return OMN_OK;
    if (k->n == MOST_KINDS)
        return omn_fail(err, OMN_ERR_PLUGIN, "more than %d kinds of values", MOST_KINDS);
    *out = kind_new(o->name, o->help, o->impl, err);
    if (!*out) return OMN_ERR_MEMORY;
    k->of[k->n++] = *out;
    return OMN_OK;
}

typedef struct names {
    const char *of[MOST_KINDS];
    size_t n;
} names;

static int add_name(void *user, const omn_listed *it)
{
    names *all = user;
    if (it->name && all->n < MOST_KINDS) all->of[all->n++] = it->name;
    return 0;
}

static omn_status no_kind(omn_context *ctx, const char *name, omn_error *err)
{
    names all = { .n = 0 };
    for (size_t i = 0; omn_kind_at(i); i++) all.of[all.n++] = omn_kind_name(omn_kind_at(i));
    if (ctx) omn_registry_list(ctx, "omnio.value/1", add_name, &all, NULL);
    const char *near = omn_nearest_name(name, all.of, all.n);
    return omn_fail(err, OMN_ERR_MISSING, "there is no kind of value \"%.80s\"%s%s%s", name,
                    near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

omn_status omn_kind_find_in(omn_context *ctx, const char *name, const omn_kind **out,
                            omn_error *err)
{
    const omn_entry *e = NULL;
    omn_error why = OMN_ERROR_INIT;
    if (!name || !out)
        return omn_fail(err, OMN_ERR_ARGUMENT, "omn_kind_find: no name or no result");
    *out = kind_own(name);
    if (*out) return OMN_OK;
    if (!ctx) return no_kind(ctx, name, err);
    omn_status st = omn_registry_find(ctx, "omnio.value/1", name, &e, &why);
    if (st == OMN_ERR_MISSING) return no_kind(ctx, name, err);
    if (st != OMN_OK) return omn_fail(err, st, "%s", why.text);
    kinds *k = context_shared(ctx, &kinds_key, kinds_make, NULL, kinds_release, err);
    if (!k) return OMN_ERR_MEMORY;
    pthread_mutex_lock(&k->lock);
    st = kind_of(k, omn_entry_object(e), out, err);
    pthread_mutex_unlock(&k->lock);
    return st;
}

omn_status omn_kind_find(omn_call *c, const char *name, const omn_kind **out, omn_error *err)
{
    return omn_kind_find_in(c ? omn_call_host(c) : NULL, name, out, err);
}

static omn_status find_for_json(void *user, const char *name, const omn_kind **out, omn_error *err)
{
    return omn_kind_find_in(user, name, out, err);
}

omn_status context_json(omn_context *ctx, const omn_kind *wanted, const char *s, size_t n,
                        omn_value **out, omn_error *err)
{
    const kind_source from = { find_for_json, ctx, NULL, NULL };
    return value_read_json(&from, wanted, s, n, out, err);
}

omn_status omn_call_json(omn_call *c, const omn_kind *wanted, const char *s, size_t n,
                         omn_value **out, omn_error *err)
{
    return context_json(c ? omn_call_host(c) : NULL, wanted, s, n, out, err);
}

omn_status omn_value_join(omn_call *c, const char *json, size_t n, omn_give_fn *give, void *user,
                          omn_value **out, omn_error *err)
{
    const kind_source from = { find_for_json, c ? omn_call_host(c) : NULL, give, user };
    return value_read_json(&from, NULL, json, n, out, err);
}
