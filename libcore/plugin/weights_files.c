/* SPDX-License-Identifier: Apache-2.0 */
/* What a format of weights may do beside telling tensors: hold the files of a model, be written.
 * Both are extensions that a plugin is asked for. */
#include "weights_load.h"

#include "context.h"
#include "path.h"
#include "suffix.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define KIND "omnio.weights/1"

enum { MOST_FILES = 64, MOST_NAME = 200 };

static const void *extension_of(const omn_entry *e, const char *id)
{
    const omn_weights_impl *m = omn_entry_object(e)->impl;
    return m->extension ? m->extension(id) : NULL;
}

/* ---- files inside --------------------------------------------------------------------------- */

typedef struct checking {
    const char *path;
    omn_weights_file_fn *take;
    void *user;
    size_t n;
} checking;

/* A name that can lead nowhere else. */
static bool is_plain(const char *name)
{
    const size_t n = strlen(name);
    if (n == 0 || n > MOST_NAME || name[0] == '.') return false;
    for (const unsigned char *p = (const unsigned char *)name; *p; p++)
        if (*p < 32 || *p == 127 || *p == '/' || *p == '\\') return false;
    return true;
}

static omn_status check(void *user, const char *name, const void *bytes, size_t n, omn_error *err)
{
    checking *k = user;
    if (!is_plain(name))
        return omn_fail(err, OMN_ERR_DATA,
                        "%s: a file inside has a name that is no plain one of at most %d bytes",
                        k->path, MOST_NAME);
    if (++k->n > MOST_FILES)
        return omn_fail(err, OMN_ERR_DATA, "%s: more than %d files inside", k->path, MOST_FILES);
    return k->take(k->user, name, bytes, n, err);
}

omn_status weights_files(omn_context *ctx, const char *path, omn_weights_file_fn *take, void *user,
                         omn_error *err)
{
    omn_status st = OMN_OK;
    struct stat s;
    omn_setting set[PATH_SETTINGS];
    size_t n_set = 0;
    char *plain = NULL;
    const omn_entry *e = NULL;
    omn_arena *a = omn_arena_new(0);
    if (!a) return omn_fail(err, OMN_ERR_MEMORY, "%s: no memory to open it", path);
    if (stat(path, &s) != 0) {
        OMN_TRY(path_split(path, a, &plain, set, &n_set, err));
        path = plain;
    }
    if (stat(path, &s) != 0 || !S_ISREG(s.st_mode)) goto done;
    OMN_TRY(weights_reader(ctx, path, &e, err));
    const omn_weights_files_impl *f = e ? extension_of(e, "omnio.weights-files/1") : NULL;
    checking k = { path, take, user, 0 };
    if (f) st = f->files(path, check, &k, err);
    if (st != OMN_OK) omn_fail(err, st, "%s: %s failed without saying why", path,
                               omn_entry_object(e)->name);
done:
    omn_arena_free(a);
    return st;
}

/* ---- writing -------------------------------------------------------------------------------- */

typedef struct looking {
    omn_context *ctx;
    const char *suffix;
    const omn_weights_writer_impl *found;
} looking;

static int note_writer(void *user, const omn_listed *it)
{
    looking *k = user;
    const omn_entry *e = NULL;
    if (!it->name || omn_registry_find(k->ctx, KIND, it->name, &e, NULL) != OMN_OK) return 0;
    const omn_weights_impl *m = omn_entry_object(e)->impl;
    const size_t n = strcspn(m->suffixes, ",");
    if (n == strlen(k->suffix) && !strncmp(m->suffixes, k->suffix, n))
        k->found = extension_of(e, "omnio.weights-writer/1");
    return k->found != NULL;
}

const omn_weights_writer_impl *weights_writer(omn_context *ctx, const char *path)
{
    char suffix[SUFFIX_ROOM];
    looking k = { ctx, suffix, NULL };
    if (!suffix_of(path, suffix) || !strcmp(suffix, "safetensors")) return NULL;
    return omn_registry_list(ctx, KIND, note_writer, &k, NULL) == OMN_OK ? k.found : NULL;
}

bool omn_weights_writes(omn_context *ctx, const char *path)
{
    return ctx && path && weights_writer(ctx, path) != NULL;
}
