/* SPDX-License-Identifier: Apache-2.0 */
/* A model as one file, in a format that a plugin writes. What each tensor becomes is decided first,
 * since its size stands in front of all bytes; then they are made a few rows at a time. */
#include "pack.h"

#include "libcore/base/map.h"
#include "libcore/plugin/weights_load.h"
#include "libcore/tensor/finite.h"
#include "libcore/tensor/given.h"
#include "libcore/tensor/header.h"
#include "libcore/tensor/tiles.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_FILE ((size_t)64 << 20)

/* Bytes of a tensor, and elements of one that gets a form, that are in memory at a time. */
enum { PIECE = 4 << 20, ELEMENTS = 1 << 21 };

typedef struct job {
    const pack_how *how;
    const omn_weights *w;
    omn_weights_entry *entry;
    uint64_t done, total;
} job;

static omn_status no_memory(const char *name, omn_error *err)
{
    return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", name);
}

/* ---- what a tensor becomes ------------------------------------------------------------------ */

static omn_status decide(const job *j, size_t i, omn_converted *sums, omn_error *err)
{
    char shown[120];
    omn_shape tiles;
    const char *name = omn_weights_name(j->w, i);
    const omn_tensor *t = omn_weights_at(j->w, i);
    const omn_type_info *info = omn_type_get(t->type);
    omn_weights_entry *to = &j->entry[i];
    *to = (omn_weights_entry){ name, *t };
    to->tensor.data = NULL;
    sums->before += t->bytes;
    if (omn_weights_tiles(j->w, name, &tiles))
        return omn_fail(err, OMN_ERR_ARGUMENT,
                        "%s: tensor %s lies in tiles; bring the model into rows first (--layout "
                        "rows)", omn_weights_path(j->w), header_show(name, shown));
    const bool matrix = t->shape.rank == 2 && t->shape.dim[0] > 0 && t->shape.dim[1] > 0 &&
                        info->is_float && info->computes;
    const omn_type form = matrix ? j->how->form(j->how->user, name, &t->shape) : OMN_TYPE_NONE;
    if (form == OMN_TYPE_NONE || form == t->type) {
        sums->left++;
        sums->bytes += t->bytes;
        return OMN_OK;
    }
    if (info->block)
        return omn_fail(err, OMN_ERR_UNSUPPORTED,
                        "%s: tensor %s is %s already and %s is wanted; take the model that it was "
                        "made from",
                        omn_weights_path(j->w), header_show(name, shown), info->name,
                        omn_type_get(form)->name);
    to->tensor.type = form;
    if (!omn_shape_bytes(&t->shape, form, &to->tensor.bytes))
        return omn_fail(err, OMN_ERR_SHAPE, "%s: too large", header_show(name, shown));
    sums->formed++;
    sums->bytes += to->tensor.bytes;
    return OMN_OK;
}

/* ---- its bytes ------------------------------------------------------------------------------- */

static omn_status step(job *j, size_t n, omn_error *err)
{
    if (omn_call_cancelled(j->how->call)) return omn_fail(err, OMN_ERR_CANCELLED, "stopped");
    j->done += n;
    if (j->total) omn_call_progress(j->how->call, j->done, j->total);
    return omn_weights_unchanged(j->w, err);
}

static omn_status as_it_lies(job *j, const omn_tensor *t, omn_weights_take *take, void *to,
                             omn_error *err)
{
    omn_status st = OMN_OK;
    for (size_t at = 0, n; at < t->bytes; at += n) {
        n = t->bytes - at < PIECE ? t->bytes - at : PIECE;
        OMN_TRY(step(j, n, err));
        OMN_TRY(take(to, (const char *)t->data + at, n, err));
    }
done:
    return st;
}

typedef struct forming {
    const unsigned char *rows;
    float *wide;
    size_t K, from_bytes, to_bytes; /* of a row as it is and as it becomes */
    omn_type is, form;
    const float *importance;
    unsigned char *out;
} forming;

static void form_range(void *user, size_t from, size_t to)
{
    const forming *f = user;
    float *x = f->wide + from * f->K;
    unsigned char *out = f->out + from * f->to_bytes;
    /* both have conversions, whole blocks were counted */
    (void)omn_to_f32(f->is, f->rows + from * f->from_bytes, (to - from) * f->K, x);
    if (finite_until(x, (to - from) * f->K) < (to - from) * f->K) return; /* told by the caller */
    if (!omn_blocks_of_rows(f->form, x, to - from, f->K, f->importance, out))
        (void)omn_from_f32(f->form, x, (to - from) * f->K, out);
}

static omn_status in_a_form(job *j, size_t i, omn_weights_take *take, void *to, omn_error *err)
{
    omn_status st = OMN_OK;
    char shown[120];
    const char *name = omn_weights_name(j->w, i);
    const omn_tensor *t = omn_weights_at(j->w, i), *made = &j->entry[i].tensor;
    const size_t N = (size_t)t->shape.dim[0], K = (size_t)t->shape.dim[1];
    const size_t most = ELEMENTS / K ? ELEMENTS / K : 1;
    forming f = { .K = K, .from_bytes = t->bytes / N, .to_bytes = made->bytes / N, .is = t->type,
                  .form = made->type };
    f.wide = malloc(most * K * sizeof *f.wide);
    f.out = malloc(most * f.to_bytes);
    if (!f.wide || !f.out) {
        st = no_memory(name, err);
        goto done;
    }
    if (j->how->importance) f.importance = j->how->importance(j->how->user, name, &t->shape);
    for (size_t row = 0, n; row < N; row += n) {
        n = N - row < most ? N - row : most;
        f.rows = (const unsigned char *)t->data + row * f.from_bytes;
        OMN_TRY(step(j, n * f.from_bytes, err));
        OMN_TRY(omn_call_split(j->how->call, n, 1 + 16384 / K, form_range, &f, err));
        const size_t good = finite_until(f.wide, n * K);
        if (good < n * K) {
            st = omn_fail(err, OMN_ERR_DATA, "%s: tensor %s: value %zu is %g, which is no weight",
                          omn_weights_path(j->w), header_show(name, shown), row * K + good + 1,
                          (double)f.wide[good]);
            goto done;
        }
        OMN_TRY(take(to, f.out, n * f.to_bytes, err));
    }
done:
    free(f.wide);
    free(f.out);
    return st;
}

static omn_status give(void *user, size_t i, omn_weights_take *take, void *to, omn_error *err)
{
    job *j = user;
    const omn_tensor *t = omn_weights_at(j->w, i);
    omn_status st = weights_check_row(weights_row_at(j->w, i), err);
    if (st == OMN_OK)
        st = j->entry[i].tensor.type == t->type ? as_it_lies(j, t, take, to, err)
                                                : in_a_form(j, i, take, to, err);
    for (size_t k = 0; k < omn_weights_maps(j->w); k++)
        map_forget(omn_weights_map(j->w, k), 0, omn_map_size(omn_weights_map(j->w, k)));
    return st;
}

/* ---- the files of the folder ----------------------------------------------------------------- */

typedef struct files {
    omn_weights_inner row[MOST_COMPANIONS + 1];
    char *bytes[MOST_COMPANIONS + 1];
    size_t n;
} files;

static omn_status add_file(files *f, const omn_model *m, const char *name, omn_error *err)
{
    char path[4400];
    size_t n = 0;
    const int k = snprintf(path, sizeof path, "%s/%s", model_dir(m), name);
    if (strchr(name, '/'))
        return omn_fail(err, OMN_ERR_UNSUPPORTED,
                        "%s lies in a folder of its own below the model's; a file holds only those "
                        "beside the configuration", name);
    if (k < 0 || (size_t)k >= sizeof path)
        return omn_fail(err, OMN_ERR_ARGUMENT, "%s: the path is too long", name);
    const omn_status st = omn_file_read(path, MOST_FILE, &f->bytes[f->n], &n, err);
    if (st != OMN_OK) return st;
    f->row[f->n] = (omn_weights_inner){ name, f->bytes[f->n], n };
    f->n++;
    return OMN_OK;
}

static omn_status read_files(files *f, const omn_model *m, omn_error *err)
{
    const char *name;
    omn_status st = add_file(f, m, "config.json", err);
    for (size_t i = 0; st == OMN_OK && (name = model_file(m, i)); i++)
        if (strcmp(name, "config.json")) st = add_file(f, m, name, err);
    return st;
}

/* ---- all of it ------------------------------------------------------------------------------- */

omn_status pack_model(omn_context *ctx, const omn_model *m, const char *to, const pack_how *how,
                      omn_converted *out, omn_error *err)
{
    omn_status st = OMN_OK;
    job j = { .how = how, .w = omn_model_weights(m) };
    omn_converted sums = { OMN_FILL(omn_converted) };
    files f = { .n = 0 };
    const omn_weights_writer_impl *by = weights_writer(ctx, to);
    const size_t n = omn_weights_count(j.w), n_meta = omn_weights_meta_count(j.w);
    const char **meta = calloc(2 * n_meta + 1, sizeof(const char *));
    j.entry = calloc(n + 1, sizeof *j.entry);
    if (!meta || !j.entry) {
        st = no_memory(to, err);
        goto done;
    }
    if (!by) {
        st = omn_fail(err, OMN_ERR_UNSUPPORTED, "%s: no plugin writes such a file", to);
        goto done;
    }
    for (size_t i = 0; i < n; i++) OMN_TRY(decide(&j, i, &sums, err));
    for (size_t i = 0; i < n_meta; i++) {
        meta[2 * i] = omn_weights_meta_key(j.w, i);
        meta[2 * i + 1] = omn_weights_meta(j.w, meta[2 * i]);
    }
    OMN_TRY(read_files(&f, m, err));
    j.total = sums.before;
    const omn_weights_out all = { OMN_FILL(omn_weights_out), .entries = j.entry, .n = n,
                                  .meta = meta, .n_meta = n_meta, .files = f.row, .n_files = f.n,
                                  .give = give, .user = &j };
    OMN_TRY(by->write(to, how->overwrite, &all, err));
    out->left = sums.left;
    out->bytes = sums.bytes;
    out->files = 1;
    if (out->size >= offsetof(omn_converted, before) + sizeof out->before) {
        out->formed = sums.formed;
        out->before = sums.before;
    }
done:
    for (size_t i = 0; i < f.n; i++) free(f.bytes[i]);
    free(j.entry);
    free(meta);
    return st;
}
