/* SPDX-License-Identifier: Apache-2.0 */
/* Weights of any format. safetensors is at home in this library and needs no plugin; for all else
 * each plugin that reads weights is asked how much the first bytes look like its own. What it finds
 * comes back as a list of places, checked when they were added. */
#include "weights_load.h"

#include "context.h"
#include "libcore/tensor/given.h"
#include "path.h"
#include "suffix.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KIND "omnio.weights/1"

enum { HEAD = 4096, MOST_SHOWN = 4 };

typedef struct job {
    omn_context *ctx;
    omn_arena *a;
    omn_setting set[PATH_SETTINGS];
    size_t n_set;
    bool check;
} job;

static bool ends_with(const char *s, const char *end)
{
    const size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

static omn_status no_memory(const char *path, omn_error *err)
{
    return omn_fail(err, OMN_ERR_MEMORY, "%s: no memory to open it", path);
}

/* ---- which plugin -------------------------------------------------------------------------- */

typedef struct asking {
    omn_context *ctx;
    const char *path;
    uint8_t head[HEAD];
    size_t n;
    int most;
    const omn_entry *best;
    omn_error bad; /* of one that could not be loaded */
} asking;

static int ask(void *user, const omn_listed *it)
{
    asking *k = user;
    const omn_entry *e = NULL;
    omn_error why = OMN_ERROR_INIT;
    if (!it->name) return 0;
    if (omn_registry_find(k->ctx, KIND, it->name, &e, &why) != OMN_OK) {
        if (!k->bad.status) k->bad = why;
        return 0;
    }
    const omn_weights_impl *m = omn_entry_object(e)->impl;
    const int says = m->probe(k->path, k->head, k->n);
    if (says > k->most) {
        k->most = says;
        k->best = e;
    }
    return 0;
}

/* The first bytes of a regular file; none where it cannot be read, which opening will tell. */
static void read_head(asking *k)
{
    struct stat about;
    const int fd = open(k->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    while (fd >= 0 && fstat(fd, &about) == 0 && S_ISREG(about.st_mode) && k->n < HEAD) {
        const ssize_t n = read(fd, k->head + k->n, HEAD - k->n);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        k->n += (size_t)n;
    }
    if (fd >= 0) (void)close(fd);
}

/* The length of a header, then a brace. */
static bool is_safetensors(const asking *k)
{
    return ends_with(k->path, ".safetensors") ||
           (k->n > 8 && k->head[8] == '{' && k->head[7] == 0 && k->head[6] == 0);
}

/* The plugin that reads this file; NULL in *out: none does, or it is safetensors. */
static omn_status choose(const job *j, const char *path, const omn_entry **out, omn_error *err)
{
    *out = NULL;
    asking *k = calloc(1, sizeof *k);
    if (!k) return no_memory(path, err);
    *k = (asking){ .ctx = j->ctx, .path = path, .bad = OMN_ERROR_INIT };
    read_head(k);
    omn_status st = OMN_OK;
    if (k->n > 0 && !is_safetensors(k)) {
        st = omn_registry_list(j->ctx, KIND, ask, k, err);
        *out = k->best;
        if (st == OMN_OK && !k->best && k->bad.status == OMN_ERR_MEMORY)
            st = omn_fail(err, OMN_ERR_MEMORY, "%s: %s", path, k->bad.text);
    }
    free(k);
    return st;
}

omn_status weights_reader(omn_context *ctx, const char *path, const omn_entry **out,
                          omn_error *err)
{
    const job j = { .ctx = ctx };
    return choose(&j, path, out, err);
}

/* The settings of this reader; room for one more than there are. */
static size_t settings_of(const job *j, const omn_entry *e, omn_setting *set)
{
    size_t n = j->n_set;
    bool takes = false;
    if (n) memcpy(set, j->set, n * sizeof *set);
    for (uint32_t i = 0; i < omn_entry_object(e)->n_params; i++)
        takes = takes || !strcmp(omn_entry_param(e, i)->name, "check");
    for (size_t i = 0; i < n; i++) takes = takes && strcmp(set[i].name, "check") != 0;
    if (j->check && takes) set[n++] = (omn_setting){ .name = "check", .text = "true" };
    return n;
}

/* One file by its plugin, into the list. */
static omn_status open_by(const job *j, const omn_entry *e, const char *path, omn_weights_list *l,
                          omn_error *err)
{
    omn_status st = OMN_OK;
    omn_call *c = NULL;
    void *params = NULL, *self = NULL;
    const omn_weights_impl *m = omn_entry_object(e)->impl;
    const given_reader by = { NULL, m->read, m->close };
    omn_setting set[PATH_SETTINGS + 1];
    const size_t n_set = settings_of(j, e, set);
    OMN_TRY(omn_params_fill(e, set, n_set, path, j->a, &params, err));
    OMN_TRY(omn_context_call(j->ctx, 0, 0, NULL, &c, err));
    OMN_TRY(given_reader_add(l, &by, err));
    st = m->open(c, params, path, l, &self, err);
    l->readers[l->n_readers - 1].self = self;
    if (st != OMN_OK)
        omn_fail(err, st, "%s: %s failed without saying why", path, omn_entry_object(e)->name);
done:
    omn_call_free(c);
    return st;
}

/* ---- folders and shards -------------------------------------------------------------------- */

typedef struct looking {
    omn_context *ctx;
    const char *const *names; /* of files in the folder */
    size_t n;
    bool *fits; /* a plugin reads files of this suffix */
} looking;

static int note_suffixes(void *user, const omn_listed *it)
{
    looking *k = user;
    const omn_entry *e = NULL;
    char suffix[SUFFIX_ROOM];
    if (!it->name || omn_registry_find(k->ctx, KIND, it->name, &e, NULL) != OMN_OK) return 0;
    const char *list = ((const omn_weights_impl *)omn_entry_object(e)->impl)->suffixes;
    for (size_t i = 0; i < k->n; i++) {
        if (!suffix_of(k->names[i], suffix)) continue;
        for (const char *p = list; *p; p += strcspn(p, ","), p += *p == ',')
            if (strcspn(p, ",") == strlen(suffix) && !strncmp(p, suffix, strlen(suffix)))
                k->fits[i] = true;
    }
    return 0;
}

/* The names of a folder, in the arena. */
static omn_status read_folder(const job *j, const char *folder, const char ***names, size_t *n,
                              omn_error *err)
{
    size_t room = 0;
    omn_status st = OMN_OK;
    DIR *d = opendir(folder);
    *names = NULL;
    *n = 0;
    if (!d) return omn_fail(err, OMN_ERR_IO, "%s: %s", folder, strerror(errno));
    for (const struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.') continue;
        if (*n == room) {
            const char **more = omn_arena_alloc(j->a, room = room ? 2 * room : 64, sizeof *more);
            if (more && *n) memcpy(more, *names, *n * sizeof *more);
            *names = more;
        }
        if (!*names || !((*names)[*n] = omn_arena_strdup(j->a, e->d_name))) {
            st = no_memory(folder, err);
            break;
        }
        ++*n;
    }
    (void)closedir(d);
    return st;
}

/* The only file that a plugin reads by its suffix; NULL: none. */
static omn_status only_file(const job *j, const char *folder, const char **out, omn_error *err)
{
    const char **names;
    size_t n, found = 0, at = 0;
    char text[400] = "";
    *out = NULL;
    omn_status st = read_folder(j, folder, &names, &n, err);
    if (st != OMN_OK || n == 0) return st;
    looking k = { j->ctx, names, n, omn_arena_alloc(j->a, n, sizeof(bool)) };
    if (!k.fits) return no_memory(folder, err);
    st = omn_registry_list(j->ctx, KIND, note_suffixes, &k, err);
    if (st != OMN_OK) return st;
    for (size_t i = 0; i < n; i++) {
        if (!k.fits[i]) continue;
        *out = names[i];
        if (found++ < MOST_SHOWN && at < sizeof text)
            at += (size_t)snprintf(text + at, sizeof text - at, "%s%.80s", found > 1 ? ", " : "",
                                   names[i]);
    }
    if (found < 2) return OMN_OK;
    return omn_fail(err, OMN_ERR_DATA,
                    "%s: this folder holds several files of weights (%s%s); name one of "
                    "them: FOLDER/FILE",
                    folder, text, found > MOST_SHOWN ? ", .." : "");
}

/* The file of a folder; the folder itself when omn_weights_open shall say what it lacks. */
static omn_status find_inside(const job *j, const char *folder, const char **path, omn_error *err)
{
    static const char *const usual[] = { "model.safetensors", "model.safetensors.index.json",
                                         "pytorch_model.bin", "pytorch_model.bin.index.json",
                                         "flax_model.msgpack" };
    struct stat s;
    const char *slash = ends_with(folder, "/") ? "" : "/", *name = NULL;
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        *path = omn_arena_printf(j->a, "%s%s%s", folder, slash, usual[i]);
        if (!*path) return no_memory(folder, err);
        if (stat(*path, &s) == 0 && S_ISREG(s.st_mode)) return OMN_OK;
    }
    const omn_status st = only_file(j, folder, &name, err);
    if (st != OMN_OK) return st;
    *path = name ? omn_arena_printf(j->a, "%s%s%s", folder, slash, name) : folder;
    return *path ? OMN_OK : no_memory(folder, err);
}

/* All shards that an index names. */
static omn_status open_shards(const job *j, const char *path, omn_weights_list **list,
                              const char **native, omn_error *err)
{
    omn_status st = OMN_OK;
    char **files;
    size_t n;
    omn_weights_list *l = NULL;
    const char *slash = strrchr(path, '/');
    OMN_TRY(weights_shards(path, j->a, &files, &n, err));
    if (ends_with(files[0], ".safetensors")) {
        *native = path;
        goto done;
    }
    OMN_TRY(given_new(path, &l, err));
    for (size_t i = 0; i < n; i++) {
        const omn_entry *e = NULL;
        const char *shard = omn_arena_printf(j->a, "%.*s%s", slash ? (int)(slash - path + 1) : 0,
                                             path, files[i]);
        if (!shard) {
            st = no_memory(path, err);
            goto done;
        }
        if (access(shard, F_OK) != 0) {
            st = omn_fail(err, errno == ENOENT ? OMN_ERR_MISSING : OMN_ERR_IO,
                          "%s: its shard %s: %s", path, files[i], strerror(errno));
            goto done;
        }
        OMN_TRY(choose(j, shard, &e, err));
        if (!e) {
            st = omn_fail(err, OMN_ERR_DATA, "%s: no plugin reads its shard %s", path, files[i]);
            goto done;
        }
        OMN_TRY(open_by(j, e, shard, l, err));
    }
    OMN_TRY(given_complete(l, err));
    *list = l;
    l = NULL;
done:
    given_free(l);
    return st;
}

omn_status weights_find(omn_context *ctx, const char *path, bool check, omn_arena *a,
                        omn_weights_list **list, const char **native, omn_error *err)
{
    omn_status st = OMN_OK;
    struct stat s;
    char *plain = NULL;
    const omn_entry *e = NULL;
    omn_weights_list *l = NULL;
    job j = { .ctx = ctx, .a = a, .check = check };
    *list = NULL;
    *native = path;
    if (stat(path, &s) != 0) {
        OMN_TRY(path_split(path, a, &plain, j.set, &j.n_set, err));
        path = plain;
    }
    if (stat(path, &s) == 0 && S_ISDIR(s.st_mode)) OMN_TRY(find_inside(&j, path, &path, err));
    if (ends_with(path, ".index.json")) {
        st = open_shards(&j, path, list, native, err);
        goto done;
    }
    OMN_TRY(choose(&j, path, &e, err));
    *native = path;
    if (!e && j.n_set)
        st = omn_fail(err, OMN_ERR_ARGUMENT, "%s: weights of safetensors have no settings", path);
    if (!e) goto done;
    OMN_TRY(given_new(path, &l, err));
    OMN_TRY(open_by(&j, e, path, l, err));
    OMN_TRY(given_complete(l, err));
    *list = l;
    l = NULL;
done:
    given_free(l);
    return st;
}

omn_status omn_weights_load(omn_context *ctx, const char *path, const omn_weights_setup *how,
                            omn_weights **out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_weights_list *l = NULL;
    const char *native = NULL;
    if (!ctx || !path || !out)
        return omn_fail(err, OMN_ERR_ARGUMENT, "omn_weights_load: no context, path or result");
    *out = NULL;
    omn_arena *a = omn_arena_new(0);
    if (!a) return no_memory(path, err);
    OMN_TRY(weights_find(ctx, path, false, a, &l, &native, err));
    st = l ? weights_of_given(l, how && how->hollow, out, err) : omn_weights_open(native, out, err);
done:
    omn_arena_free(a);
    return st;
}
