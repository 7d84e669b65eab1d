/* SPDX-License-Identifier: Apache-2.0 */
/* Which objects are there, and which file has them. On the first question the folders are read,
 * every file is described by the cache or by the helper, and the objects are sorted; a file is
 * loaded into this process only when one of its objects is asked for. One lock guards all of it;
 * what an answer points to never changes again, so callers need none. Files found earlier win over
 * later ones of the same kind and name, as in every search path, and the later ones say so in the
 * list. */
#include "registry.h"

#include "candidates.h"
#include "context.h"
#include "entry.h"
#include "libcore/value/kind.h"
#include "load.h"
#include "nearest.h"
#include "param.h"
#include "record.h"
#include "scan.h"
#include "scan_cache.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_SUGGESTED 1024

typedef struct plugin_file {
    record rec;
    size_t order;
    omn_entry *entries; /* NULL: not loaded */
    size_t n_entries;
    const char *refused; /* why loading it here failed, after the scan found it good */
    const char *hidden;  /* names of objects that earlier files have; NULL: none */
} plugin_file;

typedef struct slot {
    plugin_file *file;
    const record_object *object;
    bool hidden;
} slot;

/* What one reading of the folders found. It never changes again but for entries, which appear with
 * the lock held; a new reading makes a new one, and the old one stays for those who look at it. */
typedef struct findings {
    struct findings *older;
    const char *trouble; /* why unknown files could not be looked at; NULL: they were */
    plugin_file *files;
    size_t n_files;
    slot *slots; /* by kind, name, order of files */
    size_t n_slots, n_bad;
} findings;

struct registry {
    pthread_mutex_t lock;
    registry_setup how;
    const beside *where;
    omn_arena *arena;
    findings *now; /* NULL: nothing is known yet */
    bool distrust; /* the cache was wrong once: nothing of it is believed any more */
};

omn_status registry_new(const registry_setup *how, const beside *where, registry **out,
                        omn_error *err)
{
    registry *r = calloc(1, sizeof(*r));
    omn_arena *a = omn_arena_new((size_t)256 << 20);
    if (!r || !a || pthread_mutex_init(&r->lock, NULL) != 0) goto none;
    r->arena = a;
    r->where = where;
    r->how = *how;
    const char **texts[] = { &r->how.plugin_path, &r->how.user_folder, &r->how.cache_folder };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (!*texts[i]) continue;
        *texts[i] = omn_arena_strdup(a, *texts[i]);
        if (!*texts[i]) {
            registry_free(r);
            return omn_fail(err, OMN_ERR_MEMORY, "no memory for the folders of plugins");
        }
    }
    *out = r;
    return OMN_OK;
none:
    omn_arena_free(a);
    free(r);
    return omn_fail(err, OMN_ERR_MEMORY, "no memory for the list of plugins");
}

/* Loaded files stay loaded: threads, thread-locals and strings of a plugin outlive its calls. */
void registry_free(registry *r)
{
    if (!r) return;
    for (findings *f = r->now; f; f = f->older)
        for (size_t i = 0; i < f->n_files; i++)
            for (size_t k = 0; k < f->files[i].n_entries; k++) entry_fini(&f->files[i].entries[k]);
    pthread_mutex_destroy(&r->lock);
    omn_arena_free(r->arena);
    free(r);
}

static int by_kind_name_order(const void *a, const void *b)
{
    const slot *x = a, *y = b;
    int c = strcmp(x->object->kind, y->object->kind);
    if (!c) c = strcmp(x->object->name, y->object->name);
    if (!c) c = (x->file->order > y->file->order) - (x->file->order < y->file->order);
    return c;
}

static bool index_objects(findings *f, omn_arena *a)
{
    size_t n = 0;
    for (size_t i = 0; i < f->n_files; i++) n += f->files[i].rec.n_objects;
    f->slots = omn_arena_alloc(a, n ? n : 1, sizeof(*f->slots));
    if (!f->slots) return false;
    for (size_t i = 0; i < f->n_files; i++) {
        record *rec = &f->files[i].rec;
        if (rec->state != RECORD_GOOD) f->n_bad++;
        for (size_t k = 0; k < rec->n_objects; k++)
            f->slots[f->n_slots++] = (slot){ &f->files[i], &rec->objects[k], false };
    }
    qsort(f->slots, f->n_slots, sizeof(slot), by_kind_name_order);
    for (size_t i = 1; i < f->n_slots; i++) {
        slot *s = &f->slots[i], *first = s - 1;
        if (strcmp(s->object->name, first->object->name) != 0 ||
            strcmp(s->object->kind, first->object->kind) != 0)
            continue;
        s->hidden = true;
        const char *more = s->file->hidden;
        s->file->hidden = more ? omn_arena_printf(a, "%.300s, %s", more, s->object->name)
                               : omn_arena_strdup(a, s->object->name);
        if (!s->file->hidden) return false;
    }
    return true;
}

/* Cache first, then the helper for the rest. Without memory nothing is found out, so that no plugin
 * is taken for missing. */
static omn_status look_at_files(registry *r, findings *f, omn_context *ctx, omn_error *why_not)
{
    omn_status st = OMN_OK;
    omn_error err = OMN_ERROR_INIT;
    scan_cache *cache =
        r->how.cache_folder ? scan_cache_open(r->how.cache_folder, r->where, r->arena) : NULL;
    if (cache && r->distrust) scan_cache_drop(cache);
    record **unknown = calloc(f->n_files + 1, sizeof(*unknown));
    record **all = calloc(f->n_files + 1, sizeof(*all));
    size_t n_unknown = 0, n_all = 0;
    if (!unknown || !all) {
        st = omn_fail(why_not, OMN_ERR_MEMORY, "no memory to look at %zu plugins", f->n_files);
        goto done;
    }
    for (size_t i = 0; i < f->n_files; i++) {
        record *rec = &f->files[i].rec;
        if (rec->state != RECORD_UNKNOWN) continue;
        all[n_all++] = rec;
        if (!cache || !scan_cache_get(cache, rec)) unknown[n_unknown++] = rec;
    }
    if (n_unknown == 0) goto done;
    st = scan_files(r->where, unknown, n_unknown, r->how.scan_limit_ms, r->arena, ctx, &err);
    if (st == OMN_ERR_MEMORY) {
        omn_fail(why_not, st, "%s", err.text);
        goto done;
    }
    if (st != OMN_OK) {
        st = OMN_OK;
        const char *why = record_why(r->arena, err.text);
        f->trouble = why;
        for (size_t i = 0; i < n_unknown; i++) {
            if (unknown[i]->state != RECORD_UNKNOWN) continue;
            unknown[i]->state = RECORD_STOPPED;
            unknown[i]->why = why;
        }
        omn_context_log(ctx, OMN_LOG_WARN, "plugins: %s", err.text);
    }
    err = (omn_error)OMN_ERROR_INIT;
    if (cache && scan_cache_write(cache, all, n_all, &err) != OMN_OK)
        omn_context_log(ctx, OMN_LOG_INFO, "plugins are looked at anew each time: %s", err.text);
done:
    free(unknown);
    free(all);
    scan_cache_close(cache);
    return st;
}

/* What is loaded stays as it is, above all the locks of SERIAL operations. */
static void keep_loaded(findings *old, plugin_file *f)
{
    for (size_t i = 0; i < old->n_files; i++) {
        plugin_file *o = &old->files[i];
        if (!o->entries || strcmp(o->rec.path, f->rec.path) != 0 ||
            !record_key_same(&o->rec.key, &f->rec.key))
            continue;
        f->entries = o->entries;
        f->n_entries = o->n_entries;
        o->entries = NULL;
        o->n_entries = 0;
    }
}

/* With the lock held. */
static omn_status read_folders(registry *r, omn_context *ctx, omn_error *err)
{
    omn_status st = OMN_OK;
    candidates found = { 0 };
    const char *folders[] = { r->how.plugin_path,
                              r->how.only_plugin_path ? NULL : r->how.user_folder,
                              r->how.only_plugin_path ? NULL : r->where->plugins };
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
        if (folders[i]) OMN_TRY(candidates_add(&found, folders[i], i == 0, r->arena, ctx, err));
    findings *f = omn_arena_alloc(r->arena, 1, sizeof(*f));
    plugin_file *files = omn_arena_alloc(r->arena, found.n ? found.n : 1, sizeof(*files));
    if (!f || !files) {
        st = omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu plugins", found.n);
        goto done;
    }
    *f = (findings){ .files = files, .n_files = found.n };
    for (size_t i = 0; i < found.n; i++)
        f->files[i] = (plugin_file){ .rec = found.at[i], .order = i };
    OMN_TRY(look_at_files(r, f, ctx, err));
    if (!index_objects(f, r->arena)) {
        st = omn_fail(err, OMN_ERR_MEMORY, "no memory for the list of plugins");
        goto done;
    }
    for (size_t i = 0; r->now && i < f->n_files; i++) keep_loaded(r->now, &f->files[i]);
    for (size_t i = 0; i < f->n_files; i++)
        if (f->files[i].rec.state != RECORD_GOOD)
            omn_context_log(ctx, OMN_LOG_INFO, "plugin %s %s", f->files[i].rec.path,
                            f->files[i].rec.why);
    f->older = r->now;
    r->now = f;
done:
    candidates_fini(&found);
    return st;
}

static omn_status ensure_scanned(registry *r, omn_context *ctx, omn_error *err)
{
    return r->now ? OMN_OK : read_folders(r, ctx, err);
}

static omn_status load(registry *r, plugin_file *f, omn_error *err)
{
    const omn_plugin *p = NULL;
    bool linked;
    if (f->entries) return OMN_OK;
    if (f->refused) return omn_fail(err, OMN_ERR_PLUGIN, "%s %s", f->rec.path, f->refused);
    if (!candidates_same(&f->rec)) {
        f->refused = "has changed since this program looked at it; start again";
        return omn_fail(err, OMN_ERR_PLUGIN, "%s %s", f->rec.path, f->refused);
    }
    omn_error why = OMN_ERROR_INIT;
    const omn_status opened = load_door(f->rec.path, &p, &linked, &why);
    if (opened == OMN_ERR_MEMORY) return omn_fail(err, opened, "%s: %s", f->rec.path, why.text);
    if (opened != OMN_OK) {
        f->refused = record_why(r->arena, why.text);
        return omn_fail(err, OMN_ERR_PLUGIN, "%s %s", f->rec.path, f->refused);
    }
    omn_entry *list = omn_arena_alloc(r->arena, p->n_objects, sizeof(*list));
    if (!list) return omn_fail(err, OMN_ERR_MEMORY, "no memory for the objects of %s", f->rec.path);
    size_t n = 0;
    for (; n < p->n_objects; n++) {
        omn_status st = entry_init(&list[n], p, n, f->rec.path, r->arena, err);
        if (st == OMN_OK) continue;
        while (n > 0) entry_fini(&list[--n]);
        return st;
    }
    f->entries = list;
    f->n_entries = n;
    return OMN_OK;
}

/* `wanted` is NULL (any), a kind's id, or the word that people use for it: "encoder". */
static bool of_kind(const record_object *o, const char *wanted)
{
    int n = 0;
    if (!wanted || strcmp(o->kind, wanted) == 0) return true;
    const char *word = entry_kind_word(o->kind, &n);
    return !strchr(wanted, '/') && strlen(wanted) == (size_t)n &&
           strncmp(word, wanted, (size_t)n) == 0;
}

static const slot *find_slot(const findings *r, const char *kind, const char *name)
{
    const slot *best = NULL;
    for (size_t i = 0; i < r->n_slots; i++) {
        const slot *s = &r->slots[i];
        if (s->hidden || strcmp(s->object->name, name) != 0) continue;
        if (!of_kind(s->object, kind)) continue;
        if (!best || s->file->order < best->file->order) best = s;
    }
    return best;
}

/* A word that no object's kind is called by. */
static omn_status no_such_kind(const findings *r, const char *kind, omn_error *err)
{
    char words[400] = "";
    size_t used = 0;
    const char *last = "";
    for (size_t i = 0; i < r->n_slots; i++) {
        int n = 0;
        const char *word = entry_kind_word(r->slots[i].object->kind, &n);
        if (strncmp(word, last, (size_t)n + 1) == 0 || used + (size_t)n + 3 > sizeof(words))
            continue;
        used += (size_t)snprintf(words + used, sizeof(words) - used, "%s%.*s", used ? ", " : "", n,
                                 word);
        last = word;
    }
    return omn_fail(err, OMN_ERR_MISSING, "there is no kind \"%.80s\" of objects; there are %s",
                    kind, words);
}

static omn_status missing(const findings *r, const char *kind, const char *name, omn_error *err)
{
    const char *names[MOST_SUGGESTED];
    char bad[640] = "";
    size_t n = 0;
    int word = 6, other = 0;
    const char *what = kind ? entry_kind_word(kind, &word) : "object";
    for (size_t i = 0; i < r->n_slots && n < MOST_SUGGESTED; i++)
        if (of_kind(r->slots[i].object, kind)) names[n++] = r->slots[i].object->name;
    if (r->trouble)
        snprintf(bad, sizeof(bad), " (%s)", r->trouble);
    else if (r->n_bad)
        snprintf(bad, sizeof(bad), " (%zu plugin file%s could not be used: see omnio list)",
                 r->n_bad, r->n_bad == 1 ? "" : "s");
    const slot *s = kind ? find_slot(r, NULL, name) : NULL;
    if (kind && n == 0 && !strchr(kind, '/')) return no_such_kind(r, kind, err);
    if (s) {
        const char *its = entry_kind_word(s->object->kind, &other);
        return omn_fail(err, OMN_ERR_MISSING, "\"%.80s\" is of kind %.*s, not %.*s%s", name, other,
                        its, word, what, bad);
    }
    const char *near = omn_nearest_name(name, names, n);
    return omn_fail(err, OMN_ERR_MISSING, "there is no %.*s \"%.80s\"%s%s%s%s", word, what, name,
                    near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "", bad);
}

/* "decoder, op": other kinds that have an object of this name too; "" none, NULL without memory. */
static const char *others_called(registry *r, const slot *s)
{
    const char *words = "";
    for (size_t i = 0; words && i < r->now->n_slots; i++) {
        const slot *o = &r->now->slots[i];
        int n = 0;
        if (o->hidden || strcmp(o->object->name, s->object->name) != 0 ||
            strcmp(o->object->kind, s->object->kind) == 0)
            continue;
        const char *word = entry_kind_word(o->object->kind, &n);
        words = omn_arena_printf(r->arena, "%s%s%.*s", words, *words ? ", " : "", n, word);
    }
    return words;
}

static bool kind_known(const findings *at, const char *name)
{
    return strcmp(name, "any") == 0 || kind_own(name) || find_slot(at, "omnio.value/1", name);
}

/* An object may name kinds of values that another plugin brings; is it there? */
static omn_status kinds_known(const findings *at, const omn_entry *e, omn_error *err)
{
    const omn_object *o = &e->object;
    const char *lacks = NULL, *names[MOST_SUGGESTED];
    size_t n = 0;
    for (size_t i = 0; i < o->n_params && !lacks; i++)
        if (strcmp(o->params[i].role, "param") != 0 && !kind_known(at, o->params[i].type))
            lacks = o->params[i].type;
    if (strcmp(o->kind, "omnio.format/1") == 0) {
        const omn_format_impl *f = o->impl;
        if (!kind_known(at, f->makes)) lacks = f->makes;
    }
    if (!lacks) return OMN_OK;
    for (; omn_kind_at(n); n++) names[n] = omn_kind_name(omn_kind_at(n));
    for (size_t i = 0; i < at->n_slots && n < MOST_SUGGESTED; i++)
        if (strcmp(at->slots[i].object->kind, "omnio.value/1") == 0)
            names[n++] = at->slots[i].object->name;
    const char *near = omn_nearest_name(lacks, names, n);
    return omn_fail(err, OMN_ERR_PLUGIN,
                    "%s is about values of kind \"%s\", which no plugin here brings%s%s%s", o->name,
                    lacks, near ? "; did it mean \"" : "", near ? near : "", near ? "\"?" : "");
}

/* The entry of one object, once its file is loaded. A file that is not what the cache says of it
 * sets *wrong. */
static omn_status take_entry(registry *r, const slot *s, const char *name, const omn_entry **out,
                             bool *wrong, omn_error *err)
{
    omn_status st = load(r, s->file, err);
    *wrong = st == OMN_ERR_PLUGIN && s->file->rec.remembered;
    if (st != OMN_OK) return st;
    for (size_t i = 0; i < s->file->n_entries; i++) {
        omn_entry *e = &s->file->entries[i];
        if (strcmp(e->object.kind, s->object->kind) != 0 || strcmp(e->object.name, name) != 0)
            continue;
        if (!e->also && !(e->also = others_called(r, s)))
            return omn_fail(err, OMN_ERR_MEMORY, "no memory for %s", name);
        st = kinds_known(r->now, e, err);
        if (st == OMN_OK) *out = e;
        return st;
    }
    *wrong = s->file->rec.remembered;
    return omn_fail(err, OMN_ERR_PLUGIN, "%s no longer offers %s", s->file->rec.path, name);
}

omn_status registry_find(registry *r, omn_context *ctx, const char *kind, const char *name,
                         const omn_entry **out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_error why = OMN_ERROR_INIT;
    bool wrong = false;
    pthread_mutex_lock(&r->lock);
    OMN_TRY(ensure_scanned(r, ctx, err));
    const slot *s = find_slot(r->now, kind, name);
    if (s) st = take_entry(r, s, name, out, &wrong, &why);
    if (wrong && !r->distrust) {
        omn_context_log(ctx, OMN_LOG_INFO, "plugins are looked at anew: %s", why.text);
        r->distrust = true;
        why = (omn_error)OMN_ERROR_INIT;
        OMN_TRY(read_folders(r, ctx, err));
        s = find_slot(r->now, kind, name);
        if (s) st = take_entry(r, s, name, out, &wrong, &why);
    }
    if (!s)
        st = missing(r->now, kind, name, err);
    else if (st != OMN_OK)
        omn_fail(err, st, "%s", why.text);
done:
    pthread_mutex_unlock(&r->lock);
    return st;
}

static omn_status say_bad(const plugin_file *f, omn_arena *a, omn_list_fn *fn, void *user,
                          int *stop, omn_error *err)
{
    omn_listed it = { OMN_FILL(omn_listed), .file = f->rec.path, .why = f->rec.why };
    if (f->rec.state == RECORD_GOOD && !f->hidden) return OMN_OK;
    if (f->rec.state != RECORD_GOOD) {
        *stop = fn(user, &it);
        return OMN_OK;
    }
    it.plugin = f->rec.name;
    it.version = f->rec.version;
    it.licence = f->rec.licence;
    it.summary = f->rec.summary;
    it.why = omn_arena_printf(a, "is hidden by plugins found earlier: %.400s", f->hidden);
    if (!it.why) return omn_fail(err, OMN_ERR_MEMORY, "no memory to list plugins");
    *stop = fn(user, &it);
    return OMN_OK;
}

omn_status registry_list(registry *r, omn_context *ctx, const char *kind, omn_list_fn *fn,
                         void *user, omn_error *err)
{
    omn_arena *a = omn_arena_new((size_t)1 << 20);
    if (!a) return omn_fail(err, OMN_ERR_MEMORY, "no memory to list plugins");
    pthread_mutex_lock(&r->lock);
    omn_status st = ensure_scanned(r, ctx, err);
    const findings *now = r->now;
    pthread_mutex_unlock(&r->lock);
    /* From here on nothing that is read changes any more. */
    int stop = st != OMN_OK;
    for (size_t i = 0; !stop && i < now->n_slots; i++) {
        const slot *s = &now->slots[i];
        const record *f = &s->file->rec;
        if (s->hidden || !of_kind(s->object, kind)) continue;
        omn_listed it = { OMN_FILL(omn_listed),    .kind = s->object->kind, .name = s->object->name,
                          .help = s->object->help, .plugin = f->name,       .version = f->version,
                          .licence = f->licence,   .summary = f->summary,   .file = f->path };
        if (*s->object->extra) it.format = s->object->extra;
        stop = fn(user, &it);
    }
    for (size_t i = 0; st == OMN_OK && !stop && i < now->n_files; i++)
        st = say_bad(&now->files[i], a, fn, user, &stop, err);
    omn_arena_free(a);
    return st;
}

/* `word` of n bytes is among the words of "a,b,c". */
static bool among(const char *list, const char *word, size_t n)
{
    for (const char *p = list;; p++) {
        size_t len = strcspn(p, ",");
        if (len == n && memcmp(p, word, n) == 0) return true;
        p += len;
        if (!*p) return false;
    }
}

omn_status registry_formats(registry *r, omn_context *ctx, const char *type, const char *suffix,
                            format_names *out, omn_error *err)
{
    *out = (format_names){ .n = 0 };
    pthread_mutex_lock(&r->lock);
    const omn_status st = ensure_scanned(r, ctx, err);
    const findings *now = r->now;
    pthread_mutex_unlock(&r->lock);
    if (st != OMN_OK) return st;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < now->n_slots; i++) {
            const slot *s = &now->slots[i];
            if (s->hidden || strcmp(s->object->kind, "omnio.format/1") != 0) continue;
            const char *colon = strchr(s->object->extra, ':');
            if (!colon) continue;
            size_t len = (size_t)(colon - s->object->extra);
            const bool any = len == 3 && memcmp("any", s->object->extra, 3) == 0;
            const bool same =
                type && strlen(type) == len && memcmp(type, s->object->extra, len) == 0;
            if (type && !same && !any) continue;
            bool has = suffix && among(colon + 1, suffix, strlen(suffix));
            if (has != (pass == 0) || out->n == MOST_FORMATS) continue;
            out->of[out->n++] = s->object->name;
            out->preferred += pass == 0;
        }
    }
    return OMN_OK;
}
