/* SPDX-License-Identifier: Apache-2.0 */
/* A model folder in the other layout. Which matrices go into tiles is asked of the model itself:
 * its graphs are planned, and what only products read may lie as they like it. All else in the
 * folder is copied; config.json comes last, so that a folder which was not finished is no model. */
#include "merge.h"
#include "open.h"
#include "pack.h"

#include "libcore/base/system.h"
#include "libcore/graph/glob.h"
#include "libcore/graph/reads.h"
#include "libcore/tensor/relay.h"
#include "libcore/tensor/scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INDEX "model.safetensors.index.json"
#define CONFIG "config.json"
#define MOST_INDEX ((size_t)100000000)

enum { PATH = 4400, MOST_DEPTH = 4, PIECE = 1 << 20 };

/* What one conversion knows; written: paths of files and folders that were not there before. */
typedef struct job {
    omn_call *call;
    const char *from, *to;
    const omn_convert_setup *how;
    omn_arena *arena;
    omn_model *m;
    const omn_weights *w; /* all shards of the model as it is */
    bool sharded;
    char **written;
    size_t n_written, room;
    relay_how relay;
    relay_sums sums;
    const char *adapter;
    uint64_t files, merged, coarse, odd, weighed;
    omn_importance *importance;
} job;

static omn_status join(char *out, const char *folder, const char *name, omn_error *err)
{
    const int n = snprintf(out, PATH, "%s%s%s", folder, *name ? "/" : "", name);
    return n > 0 && n < PATH ? OMN_OK
                             : omn_fail(err, OMN_ERR_ARGUMENT, "%s: the path is too long", folder);
}

static bool is_file(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && S_ISREG(s.st_mode);
}

/* Remembered before it is made, so that a failure can take it away again. */
static omn_status remember(job *j, const char *path, omn_error *err)
{
    struct stat s;
    if (lstat(path, &s) == 0) return OMN_OK;
    if (j->n_written == j->room) {
        const size_t room = j->room ? 2 * j->room : 64;
        char **more = reallocarray(j->written, room, sizeof *more);
        if (!more) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", path);
        j->written = more;
        j->room = room;
    }
    char *copy = omn_arena_strdup(j->arena, path);
    if (!copy) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", path);
    j->written[j->n_written++] = copy;
    return OMN_OK;
}

static void undo(job *j)
{
    while (j->n_written-- > 0)
        if (unlink(j->written[j->n_written]) != 0) (void)rmdir(j->written[j->n_written]);
}

static omn_status make_folder(job *j, const char *path, omn_error *err)
{
    const omn_status st = remember(j, path, err);
    if (st != OMN_OK || mkdir(path, 0777) == 0 || errno == EEXIST) return st;
    return system_fail(err, errno, path, "cannot be made");
}

static omn_overwrite overwrite(const job *j)
{
    return j->how->overwrite ? OMN_OVERWRITE : OMN_KEEP_EXISTING;
}

/* ---- the folder to write ------------------------------------------------------------------- */

static bool same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* 1: something is in the folder, 0: nothing, -1: errno says why that is not known. */
static int holds_something(const char *folder)
{
    DIR *d = opendir(folder);
    int found = 0;
    if (!d) return -1;
    for (const struct dirent *e; !found && (e = readdir(d));)
        found = strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    (void)closedir(d);
    return found;
}

/* Weights that are there would be taken for those that are written, or beside them. */
static omn_status no_other_weights(const job *j, omn_error *err)
{
    char path[PATH];
    const char *other = j->sharded ? "model.safetensors" : INDEX;
    const omn_status st = join(path, j->to, other, err);
    if (st != OMN_OK || !is_file(path)) return st;
    return omn_fail(err, OMN_ERR_ARGUMENT,
                    "%s is there, and the weights of %s are written %s; remove it, or take another "
                    "folder",
                    path, j->from, j->sharded ? "in shards" : "in one file");
}

/* Layouts are of safetensors. */
static omn_status check_native(const job *j, omn_error *err)
{
    for (size_t i = 0; i < omn_weights_maps(j->w); i++) {
        const char *path = omn_map_path(omn_weights_map(j->w, i)), *dot = strrchr(path, '.');
        if (!dot || strcmp(dot, ".safetensors"))
            return omn_fail(err, OMN_ERR_UNSUPPORTED,
                            "%s is no safetensors file, which layouts need; write it as "
                            "model.safetensors first (omnio convert IN OUT)",
                            path);
    }
    return OMN_OK;
}

static omn_status check_folder(const job *j, omn_error *err)
{
    struct stat from, to;
    if (stat(j->to, &to) != 0)
        return errno == ENOENT ? OMN_OK : system_fail(err, errno, j->to, "cannot be looked at");
    if (!S_ISDIR(to.st_mode)) return omn_fail(err, OMN_ERR_ARGUMENT, "%s is no folder", j->to);
    if (stat(j->from, &from) == 0 && same(&from, &to))
        return omn_fail(err, OMN_ERR_ARGUMENT,
                        "%s is the folder of the model; it is converted into another one", j->to);
    const int some = holds_something(j->to);
    if (some < 0) return system_fail(err, errno, j->to, "cannot be read");
    if (some && !j->how->overwrite)
        return omn_fail(err, OMN_ERR_ARGUMENT,
                        "%s is there and not empty (another folder, or --overwrite)", j->to);
    return no_other_weights(j, err);
}

/* ---- files that are copied ----------------------------------------------------------------- */

static omn_status copy_bytes(int fd, const char *from, omn_file *f, char *piece, omn_error *err)
{
    for (;;) {
        const ssize_t n = read(fd, piece, PIECE);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return system_fail(err, errno, from, "cannot be read");
        if (n == 0) return OMN_OK;
        const omn_status st = omn_file_write(f, piece, (size_t)n, err);
        if (st != OMN_OK) return st;
    }
}

static omn_status copy_file(job *j, const char *from, const char *to, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_file *f = NULL;
    char *piece = malloc(PIECE);
    const int fd = open(from, O_RDONLY | O_CLOEXEC);
    if (fd < 0) st = system_fail(err, errno, from, "cannot be opened");
    if (st == OMN_OK && !piece) st = omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", from);
    if (st != OMN_OK) goto done;
    if (omn_call_cancelled(j->call)) {
        st = omn_fail(err, OMN_ERR_CANCELLED, "stopped");
        goto done;
    }
    OMN_TRY(remember(j, to, err));
    OMN_TRY(omn_file_create(to, overwrite(j), &f, err));
    OMN_TRY(copy_bytes(fd, from, f, piece, err));
    OMN_TRY(omn_file_commit(f, err));
    j->files++;
done:
    omn_file_free(f);
    if (fd >= 0) (void)close(fd);
    free(piece);
    return st;
}

/* Does the conversion write this file of the top folder itself? */
static bool is_written(const job *j, const char *name)
{
    if (!strcmp(name, CONFIG)) return true;
    for (size_t i = 0; i < omn_weights_maps(j->w); i++) {
        const char *path = omn_map_path(omn_weights_map(j->w, i)), *slash = strrchr(path, '/');
        if (!strcmp(slash ? slash + 1 : path, name)) return true;
    }
    return j->sharded && !strcmp(name, INDEX);
}

/* What belongs to a training that made the model, or to nobody. */
static bool is_skipped(const char *name)
{
    return name[0] == '.' || !strncmp(name, "checkpoint.", strlen("checkpoint."));
}

static omn_status copy_folder(job *j, const char *from, const char *to, int depth, omn_error *err)
{
    omn_status st = OMN_OK;
    struct stat s, out;
    DIR *d = opendir(from);
    if (!d) return system_fail(err, errno, from, "cannot be read");
    for (const struct dirent *e; st == OMN_OK && (e = readdir(d));) {
        char a[PATH], b[PATH];
        if (is_skipped(e->d_name) || (!depth && is_written(j, e->d_name))) continue;
        OMN_TRY(join(a, from, e->d_name, err));
        OMN_TRY(join(b, to, e->d_name, err));
        if (stat(a, &s) != 0) {
            st = system_fail(err, errno, a, "cannot be looked at");
        } else if (S_ISREG(s.st_mode)) {
            st = copy_file(j, a, b, err);
        } else if (S_ISDIR(s.st_mode) && !(stat(j->to, &out) == 0 && same(&s, &out))) {
            if (depth == MOST_DEPTH)
                st = omn_fail(err, OMN_ERR_ARGUMENT, "%s: folders within folders, too deep", a);
            if (st == OMN_OK) st = make_folder(j, b, err);
            if (st == OMN_OK) st = copy_folder(j, a, b, depth + 1, err);
        }
    }
done:
    (void)closedir(d);
    return st;
}

/* ---- weights ------------------------------------------------------------------------------- */

static bool wanted(void *user, const char *name)
{
    const job *j = user;
    return program_multiplies(omn_model_program(j->m), name);
}

/* The wanted form, or the one that rows of this length can have. */
static omn_type form_of(void *user, const char *name, const omn_shape *matrix)
{
    job *j = user;
    omn_type form = OMN_TYPE_NONE;
    for (size_t i = 0; i < j->how->n_forms; i++) {
        if (!glob_match(j->how->forms[i].names, name)) continue;
        form = j->how->forms[i].form;
        break;
    }
    const omn_type_info *info = omn_type_get(form);
    if (!info || !program_reads_blocks(omn_model_program(j->m), name)) return OMN_TYPE_NONE;
    if (!info->block || matrix->dim[1] % info->block == 0) return form;
    const omn_type small = form == OMN_Q6_K ? OMN_Q8_0 : OMN_Q4_0;
    const bool fits = info->block > 32 && matrix->dim[1] % omn_type_get(small)->block == 0;
    *(fits ? &j->coarse : &j->odd) += 1;
    return fits ? small : OMN_TYPE_NONE;
}

/* How much the columns of this matrix weigh. */
static const float *weighs(void *user, const char *name, const omn_shape *matrix)
{
    job *j = user;
    const float *x = omn_importance_get(j->importance, name, (size_t)matrix->dim[1]);
    j->weighed += x != NULL;
    return x;
}

static omn_status write_weights(job *j, omn_error *err)
{
    omn_status st = OMN_OK;
    for (size_t i = 0; i < omn_weights_count(j->w); i++)
        j->relay.total += omn_weights_at(j->w, i)->bytes;
    for (size_t i = 0; i < omn_weights_maps(j->w) && st == OMN_OK; i++) {
        char to[PATH];
        const char *from = omn_map_path(omn_weights_map(j->w, i)), *slash = strrchr(from, '/');
        st = join(to, j->to, slash ? slash + 1 : from, err);
        if (st == OMN_OK) st = remember(j, to, err);
        if (st == OMN_OK)
            st = j->adapter
                     ? merge_file(j->w, i, j->m->own_store, to, overwrite(j), &j->merged, err)
                     : relay_file(from, to, &j->relay, &j->sums, err);
        j->files++;
    }
    return st;
}

/* Where the number of metadata.total_size stands; both ends at the end of the text: nowhere. */
static omn_status find_total(const char *text, size_t size, size_t *from, size_t *to,
                             uint64_t *number, omn_error *err)
{
    char *key;
    bool found = false;
    scan s = { .text = text, .size = size, .strings = omn_arena_new(0) };
    *from = *to = size;
    if (!s.strings) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", INDEX);
    for (bool first = true; scan_member(&s, &first, &key);) {
        bool inner = true;
        if (strcmp(key, "metadata") != 0) {
            (void)scan_skip(&s);
            continue;
        }
        while (scan_member(&s, &inner, &key)) {
            scan ahead = s;
            if (!found && !strcmp(key, "total_size") && scan_count(&ahead, number)) {
                *to = *from = ahead.at;
                while (*from > 0 && text[*from - 1] >= '0' && text[*from - 1] <= '9') --*from;
                found = *from < *to;
            }
            (void)scan_skip(&s);
        }
    }
    omn_arena_free(s.strings);
    if (s.wrong && s.status == OMN_ERR_MEMORY)
        return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", INDEX);
    if (!found || s.wrong) *from = *to = size;
    return OMN_OK;
}

/* The index names the same shards; the sum of their bytes is told anew, if it was right. */
static omn_status write_index(job *j, omn_error *err)
{
    omn_status st = OMN_OK;
    char from[PATH], to[PATH], *text = NULL;
    size_t size = 0, at = 0, end = 0;
    uint64_t said = 0;
    omn_buf b;
    omn_file *f = NULL;
    omn_buf_init(&b, MOST_INDEX + 32);
    OMN_TRY(join(from, j->from, INDEX, err));
    OMN_TRY(join(to, j->to, INDEX, err));
    OMN_TRY(omn_file_read(from, MOST_INDEX, &text, &size, err));
    OMN_TRY(find_total(text, size, &at, &end, &said, err));
    if (said != j->relay.total) at = end = size;
    omn_buf_put(&b, text, at);
    if (at < end) omn_buf_printf(&b, "%llu", (unsigned long long)j->sums.bytes);
    omn_buf_put(&b, text + end, size - end);
    if (b.failed) {
        st = omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", from);
        goto done;
    }
    OMN_TRY(remember(j, to, err));
    OMN_TRY(omn_file_create(to, overwrite(j), &f, err));
    OMN_TRY(omn_file_write(f, b.data, b.length, err));
    OMN_TRY(omn_file_commit(f, err));
    j->files++;
done:
    omn_file_free(f);
    omn_buf_fini(&b);
    free(text);
    return st;
}

static omn_status write_all(job *j, omn_error *err)
{
    omn_status st = OMN_OK;
    char from[PATH], to[PATH];
    OMN_TRY(make_folder(j, j->to, err));
    omn_file_sweep(j->to);
    OMN_TRY(copy_folder(j, j->from, j->to, 0, err));
    OMN_TRY(write_weights(j, err));
    if (j->adapter)
        for (size_t i = 0; i < omn_weights_count(j->w); i++) {
            j->sums.bytes += omn_weights_at(j->w, i)->bytes;
            j->sums.left++;
        }
    j->sums.left -= j->merged;
    if (j->sharded) OMN_TRY(write_index(j, err));
    OMN_TRY(join(from, j->from, CONFIG, err));
    OMN_TRY(join(to, j->to, CONFIG, err));
    OMN_TRY(copy_file(j, from, to, err));
done:
    return st;
}

static void tell_weighed(const job *j, omn_converted *out)
{
    if (out->size >= offsetof(omn_converted, weighed) + sizeof out->weighed)
        out->weighed = j->weighed;
}

omn_status omn_model_convert(omn_context *ctx, omn_call *c, const char *path, const char *folder,
                             const omn_convert_setup *how, omn_converted *out, omn_error *err)
{
    omn_status st = OMN_OK;
    const bool tiles = how->layout == OMN_LAYOUT_TILES, blocks = how->layout == OMN_LAYOUT_BLOCKS;
    const bool said = how->size >= offsetof(omn_convert_setup, adapter) + sizeof how->adapter;
    const char *adapter = said ? how->adapter : NULL;
    const omn_model_setup setup = { OMN_FILL(omn_model_setup), .device = "cpu",
                                    .precision = OMN_PRECISION_F32, .adapter = adapter,
                                    .keep_files = true };
    job j = { .call = c, .to = folder, .how = how, .arena = omn_arena_new(0), .adapter = adapter,
              .relay = { .tiles = tiles, .round = how->round, .wanted = wanted, .user = &j,
                         .form = blocks ? form_of : NULL,
                         .overwrite = how->overwrite ? OMN_OVERWRITE : OMN_KEEP_EXISTING,
                         .call = c } };
    if (!j.arena) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", path);
    if (how->size >= offsetof(omn_convert_setup, importance) + sizeof how->importance)
        j.importance = how->importance;
    if (j.importance) j.relay.importance = weighs;
    if (blocks && how->size < offsetof(omn_convert_setup, n_forms) + sizeof how->n_forms) {
        st = omn_fail(err, OMN_ERR_ARGUMENT, "omn_convert_setup without forms");
        goto done;
    }
    if (adapter && (tiles || blocks || how->round)) {
        st = omn_fail(err, OMN_ERR_ARGUMENT,
                      "adapters go into matrices that lie in rows; tiles and blocks are made "
                      "afterwards");
        goto done;
    }
    if (how->round && !tiles) {
        st = omn_fail(err, OMN_ERR_ARGUMENT, "matrices are rounded for tiles alone");
        goto done;
    }
    OMN_TRY(omn_model_open(ctx, path, &setup, &j.m, err));
    OMN_TRY(omn_model_declare(j.m, err));
    j.from = omn_model_path(j.m);
    j.w = omn_model_weights(j.m);
    if (omn_weights_writes(ctx, folder)) {
        const pack_how pack = { .form = form_of, .importance = j.importance ? weighs : NULL,
                                .user = &j, .overwrite = overwrite(&j), .call = c };
        if (tiles || adapter)
            st = omn_fail(err, OMN_ERR_ARGUMENT,
                          "%s: tiles and adapters go into a folder with safetensors", folder);
        else
            st = pack_model(ctx, j.m, folder, &pack, out, err);
        if (st == OMN_OK) tell_weighed(&j, out);
        if (st == OMN_OK && out->size >= offsetof(omn_converted, before) + sizeof out->before) {
            out->coarse = j.coarse;
            out->odd = j.odd;
        }
        goto done;
    }
    const char *file = omn_weights_path(j.w), *dot = strrchr(file, '.');
    j.sharded = dot && !strcmp(dot, ".json");
    OMN_TRY(check_native(&j, err));
    OMN_TRY(check_folder(&j, err));
    OMN_TRY(write_all(&j, err));
    out->tiles = j.sums.tiles;
    out->rounded = j.sums.rounded;
    out->rows = j.sums.rows;
    out->other_type = j.sums.other_type;
    out->left = j.sums.left;
    out->bytes = j.sums.bytes;
    out->files = j.files;
    if (out->size >= offsetof(omn_converted, before) + sizeof out->before) {
        out->formed = j.sums.formed;
        out->coarse = j.coarse;
        out->odd = j.odd;
        out->before = j.relay.total;
    }
    tell_weighed(&j, out);
    if (out->size >= offsetof(omn_converted, merged) + sizeof out->merged) out->merged = j.merged;
done:
    if (st != OMN_OK) undo(&j);
    omn_model_close(j.m);
    free(j.written);
    omn_arena_free(j.arena);
    return st;
}
