/* SPDX-License-Identifier: Apache-2.0 */
/* Weights of any format written as safetensors or as a plugin writes them, a piece at a time: a
 * tensor may be larger than memory, and pages of the mapping that were read are given back as soon
 * as they are written. */
#include "weights_load.h"

#include "context.h"
#include "libcore/base/map.h"
#include "libcore/tensor/given.h"
#include "libcore/tensor/tiles.h"
#include "libcore/tensor/weights_write.h"

#include <stdlib.h>
#include <string.h>

enum { PIECE = 4 << 20 };

typedef struct job {
    omn_call *call;
    omn_weights_list *l; /* or */
    omn_weights *w;
    size_t n;
    writing *list;
    const omn_map **of; /* the mapping that tensor i lies in; NULL: none */
    unsigned char *piece;
    uint64_t done, total;
    omn_arena *a;
    omn_weights_inner *file; /* inside the one that is read */
    size_t n_files, files_room;
} job;

static omn_status unchanged(const job *j, omn_error *err)
{
    omn_status st = j->w ? omn_weights_unchanged(j->w, err) : OMN_OK;
    for (size_t i = 0; j->l && i < j->l->n_maps && st == OMN_OK; i++)
        st = omn_map_unchanged(j->l->maps[i], err);
    return st;
}

static omn_status make_piece(void *user, size_t i, size_t at, size_t n, const void **bytes,
                             omn_error *err)
{
    job *j = user;
    if (j->call && omn_call_cancelled(j->call))
        return omn_fail(err, OMN_ERR_CANCELLED, "stopped");
    const omn_status st = unchanged(j, err);
    if (st != OMN_OK) return st;
    *bytes = j->piece;
    omn_status made = OMN_OK;
    if (j->l)
        made = given_read(j->l, i, at, j->piece, n, true, err);
    else
        memcpy(j->piece, (const char *)omn_weights_at(j->w, i)->data + at, n);
    if (j->of[i]) map_forget(j->of[i], 0, omn_map_size(j->of[i]));
    j->done += n;
    if (j->call && j->total) omn_call_progress(j->call, j->done, j->total);
    return made;
}

/* A damaged tensor would get a checksum that says it is right. */
static omn_status check_sum(job *j, size_t i, omn_error *err)
{
    const header_row *row = weights_row_at(j->w, i);
    omn_status st = OMN_OK;
    if (row->summed != SUM_KNOWN) return weights_check_row(row, err);
    checksum *c = checksum_begin();
    if (!c) return omn_fail(err, OMN_ERR_MEMORY, "no memory for a checksum");
    for (size_t at = 0, n; at < row->tensor.bytes && st == OMN_OK; at += n) {
        const void *bytes;
        n = row->tensor.bytes - at < PIECE ? row->tensor.bytes - at : PIECE;
        st = make_piece(j, i, at, n, &bytes, err);
        if (st == OMN_OK) checksum_add(c, bytes, n);
    }
    const uint64_t sum = checksum_end(c);
    if (st != OMN_OK || sum == row->sum) return st;
    return weights_check_row(row, err); /* says what is wrong */
}

static const omn_map *map_holding(const omn_weights *w, const char *file)
{
    for (size_t i = 0; i < omn_weights_maps(w); i++)
        if (omn_map_path(omn_weights_map(w, i)) == file) return omn_weights_map(w, i);
    return NULL;
}

static omn_status list_native(job *j, omn_error *err)
{
    char shown[120];
    for (size_t i = 0; i < j->n; i++) {
        const header_row *row = weights_row_at(j->w, i);
        if (row->matrix.rank)
            return omn_fail(err, OMN_ERR_ARGUMENT,
                            "%s: tensor %s lies in tiles; bring the model into rows first "
                            "(--layout rows)",
                            row->file, header_show(row->name, shown));
        j->list[i] = (writing){ .name = row->name, .tensor = row->tensor };
        j->list[i].tensor.data = NULL;
        j->of[i] = i && j->of[i - 1] && omn_map_path(j->of[i - 1]) == row->file
                       ? j->of[i - 1]
                       : map_holding(j->w, row->file);
        j->total += row->tensor.bytes * (row->summed == SUM_KNOWN ? 2 : 1);
    }
    for (size_t i = 0; i < j->n; i++) {
        const omn_status st = check_sum(j, i, err);
        if (st != OMN_OK) return st;
    }
    return OMN_OK;
}

static omn_status list_given(job *j, omn_error *err)
{
    const omn_status st = given_sum(j->l, false, &j->total, err);
    for (size_t i = 0; i < j->n && st == OMN_OK; i++) {
        const given_row *row = &j->l->rows[i];
        j->list[i] = (writing){ .name = row->name, .tensor = row->tensor };
        j->list[i].tensor.data = NULL;
        j->of[i] = row->map < j->l->n_maps ? j->l->maps[row->map] : NULL;
    }
    return st;
}

/* The pairs of the file that is read; room for n of them. */
static void meta_of(const job *j, const char **meta, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        meta[2 * i] = j->l ? j->l->meta.meta[i].key : omn_weights_meta_key(j->w, i);
        meta[2 * i + 1] = j->l ? j->l->meta.meta[i].value : omn_weights_meta(j->w, meta[2 * i]);
    }
}

static omn_status write_all(job *j, const char *to, omn_overwrite how, omn_error *err)
{
    const size_t n = j->l ? j->l->meta.n_meta : omn_weights_meta_count(j->w);
    const char **meta = calloc(2 * n + 1, sizeof(const char *));
    if (!meta) return omn_fail(err, OMN_ERR_MEMORY, "%s: no memory to write it", to);
    meta_of(j, meta, n);
    const omn_status st = weights_write_pieces(to, how, j->list, j->n, meta, n, make_piece, j, err);
    free(meta);
    return st;
}

/* ---- by a plugin ---------------------------------------------------------------------------- */

static omn_status keep_file(void *user, const char *name, const void *bytes, size_t n,
                            omn_error *err)
{
    job *j = user;
    if (j->n_files == j->files_room) {
        const size_t room = j->files_room ? 2 * j->files_room : 8;
        omn_weights_inner *more = reallocarray(j->file, room, sizeof *more);
        if (!more) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", name);
        j->file = more;
        j->files_room = room;
    }
    char *copy = omn_arena_alloc(j->a, n + 1, 1);
    const char *called = omn_arena_strdup(j->a, name);
    if (!copy || !called) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", name);
    if (n) memcpy(copy, bytes, n);
    j->file[j->n_files++] = (omn_weights_inner){ called, copy, n };
    return OMN_OK;
}

static omn_status give(void *user, size_t i, omn_weights_take *take, void *to, omn_error *err)
{
    job *j = user;
    omn_status st = OMN_OK;
    const size_t all = j->list[i].tensor.bytes;
    for (size_t at = 0, n; at < all && st == OMN_OK; at += n) {
        const void *bytes;
        n = all - at < PIECE ? all - at : PIECE;
        st = make_piece(j, i, at, n, &bytes, err);
        if (st == OMN_OK) st = take(to, bytes, n, err);
    }
    return st;
}

static omn_status write_by(job *j, const omn_weights_writer_impl *by, omn_context *ctx,
                           const char *from, const char *to, omn_overwrite how, omn_error *err)
{
    omn_status st = OMN_OK;
    const size_t n = j->l ? j->l->meta.n_meta : omn_weights_meta_count(j->w);
    const char **meta = calloc(2 * n + 1, sizeof(const char *));
    omn_weights_entry *entries = calloc(j->n + 1, sizeof *entries);
    if (!meta || !entries) {
        st = omn_fail(err, OMN_ERR_MEMORY, "%s: no memory to write it", to);
        goto done;
    }
    meta_of(j, meta, n);
    for (size_t i = 0; i < j->n; i++)
        entries[i] = (omn_weights_entry){ j->list[i].name, j->list[i].tensor };
    OMN_TRY(weights_files(ctx, from, keep_file, j, err));
    const omn_weights_out out = { OMN_FILL(omn_weights_out), .entries = entries, .n = j->n,
                                  .meta = meta, .n_meta = n, .files = j->file,
                                  .n_files = j->n_files, .give = give, .user = j };
    st = by->write(to, how, &out, err);
done:
    free(entries);
    free(meta);
    return st;
}

omn_status omn_weights_copy(omn_context *ctx, omn_call *c, const char *from, const char *to,
                            omn_overwrite how, omn_weights_copied *done, omn_error *err)
{
    omn_status st = OMN_OK;
    const char *native = NULL;
    job j = { .call = c };
    if (!ctx || !from || !to)
        return omn_fail(err, OMN_ERR_ARGUMENT, "omn_weights_copy: no context or path");
    omn_arena *a = j.a = omn_arena_new(0);
    j.piece = malloc(PIECE);
    if (!a || !j.piece) {
        st = omn_fail(err, OMN_ERR_MEMORY, "%s: no memory to read it", from);
        goto done;
    }
    OMN_TRY(weights_find(ctx, from, true, a, &j.l, &native, err));
    if (!j.l) OMN_TRY(omn_weights_open(native, &j.w, err));
    j.n = j.l ? j.l->n : omn_weights_count(j.w);
    j.list = calloc(j.n + 1, sizeof *j.list);
    j.of = calloc(j.n + 1, sizeof *j.of);
    if (!j.list || !j.of) {
        st = omn_fail(err, OMN_ERR_MEMORY, "%s: no memory for its tensors", from);
        goto done;
    }
    OMN_TRY(j.l ? list_given(&j, err) : list_native(&j, err));
    const omn_weights_writer_impl *by = weights_writer(ctx, to);
    OMN_TRY(by ? write_by(&j, by, ctx, from, to, how, err) : write_all(&j, to, how, err));
    if (done) {
        done->tensors = j.n;
        done->bytes = 0;
        for (size_t i = 0; i < j.n; i++) done->bytes += j.list[i].tensor.bytes;
    }
done:
    free(j.of);
    free(j.list);
    free(j.file);
    free(j.piece);
    omn_weights_close(j.w);
    given_free(j.l);
    omn_arena_free(a);
    return st;
}
