/* SPDX-License-Identifier: Apache-2.0 */
/* From rows to tiles and back, or into other forms, file by file, a tensor in memory at a time. A
 * file in tiles keeps the header that it had, as it stood: whoever wrote it, in whatever order, the
 * way back ends at the same bytes. Where matrices were rounded there is no way back, and none is
 * kept. */
#include "libcore/tensor/relay.h"

#include "libcore/tensor/finite.h"
#include "libcore/tensor/tiles.h"
#include "libcore/tensor/weights_write.h"

#include <stdlib.h>
#include <string.h>

typedef struct job {
    relay_how *how;
    const omn_weights *w;
    writing *list; /* what becomes of tensor i */
    size_t n;
    void *made, *rounded; /* bytes of the tensor that was asked for last */
    bool lossy;
} job;

static omn_status no_memory(const char *name, omn_error *err)
{
    char shown[120];
    return omn_fail(err, OMN_ERR_MEMORY, "%s: not enough memory to convert it",
                    header_show(name, shown));
}

/* Rows of a matrix on their way into a form. */
typedef struct forming {
    const float *rows, *importance;
    size_t K, bytes; /* of a row in its form */
    omn_type form;
    unsigned char *out;
} forming;

static void form_range(void *user, size_t from, size_t to)
{
    const forming *f = user;
    const float *x = f->rows + from * f->K;
    unsigned char *out = f->out + from * f->bytes;
    /* whole blocks were counted, and other types have a conversion */
    if (!omn_blocks_of_rows(f->form, x, to - from, f->K, f->importance, out))
        (void)omn_from_f32(f->form, x, (to - from) * f->K, out);
}

/* The elements of a matrix in this form, kept until the next tensor. */
static omn_status form_rows(job *j, const header_row *row, omn_type form, const void **rows,
                            omn_error *err)
{
    const omn_shape *shape = row_matrix(row);
    size_t count = 0, bytes = 0;
    char shown[120];
    if (!omn_shape_count(shape, &count) || !omn_shape_bytes(shape, form, &bytes))
        return no_memory(row->name, err);
    float *wide = malloc((count + 1) * sizeof *wide);
    j->rounded = malloc(bytes + 1);
    omn_status st = wide && j->rounded ? row_to_f32(row, wide, err) : no_memory(row->name, err);
    const size_t good = st == OMN_OK ? finite_until(wide, count) : count;
    if (good < count)
        st = omn_fail(err, OMN_ERR_DATA, "%s: tensor %s: value %zu is %g, which is no weight",
                      row->file, header_show(row->name, shown), good + 1, (double)wide[good]);
    if (st == OMN_OK) {
        const size_t N = (size_t)shape->dim[0], K = (size_t)shape->dim[1];
        forming f = { wide, NULL, K, bytes / N, form, j->rounded };
        if (j->how->importance) f.importance = j->how->importance(j->how->user, row->name, shape);
        if (j->how->call)
            st = omn_call_split(j->how->call, N, 1 + 16384 / K, form_range, &f, err);
        else
            form_range(&f, 0, N);
    }
    free(wide);
    *rows = j->rounded;
    return st;
}

/* The bytes that tensor i has in the new file. */
static omn_status make(void *user, size_t i, const void **bytes, omn_error *err)
{
    job *j = user;
    const header_row *row = weights_row_at(j->w, i);
    const writing *to = &j->list[i];
    const void *rows = row->tensor.data;
    free(j->made);
    free(j->rounded);
    j->made = j->rounded = NULL;
    omn_status st = omn_weights_unchanged(j->w, err);
    if (st != OMN_OK) return st;
    if (j->how->call && omn_call_cancelled(j->how->call))
        return omn_fail(err, OMN_ERR_CANCELLED, "stopped");
    j->how->done += row->tensor.bytes;
    if (j->how->call && j->how->total)
        omn_call_progress(j->how->call, j->how->done, j->how->total);
    *bytes = rows;
    if (j->how->form)
        return to->tensor.type == row->tensor.type
                   ? OMN_OK
                   : form_rows(j, row, to->tensor.type, bytes, err);
    if (to->matrix.rank == row->matrix.rank) return OMN_OK;
    j->made = malloc(to->tensor.bytes + 1);
    if (!j->made) return no_memory(row->name, err);
    *bytes = j->made;
    if (!to->matrix.rank) {
        omn_tiles_to_rows(rows, row->matrix.dim[0], row->matrix.dim[1], j->made);
        return OMN_OK;
    }
    if (row->tensor.type != OMN_BF16) st = form_rows(j, row, OMN_BF16, &rows, err);
    if (st == OMN_OK) omn_tiles_of_rows(rows, to->matrix.dim[0], to->matrix.dim[1], j->made);
    return st;
}

static bool fits_tiles(const omn_tensor *t)
{
    return t->shape.rank == 2 && t->shape.dim[0] > 0 && t->shape.dim[1] > 0 &&
           omn_type_get(t->type)->is_float && omn_type_get(t->type)->bytes &&
           omn_type_get(t->type)->computes;
}

/* What becomes of this tensor when matrices get forms. */
static omn_status decide_form(const job *j, const header_row *row, writing *to, relay_sums *sums,
                              omn_error *err)
{
    const relay_how *how = j->how;
    const omn_shape *shape = row_matrix(row);
    const omn_type_info *info = omn_type_get(row->tensor.type);
    char shown[120];
    const bool matrix = shape->rank == 2 && shape->dim[0] > 0 && shape->dim[1] > 0 &&
                        info->is_float && info->computes;
    const omn_type form = matrix ? how->form(how->user, row->name, shape) : OMN_TYPE_NONE;
    if (form == OMN_TYPE_NONE || form == row->tensor.type) {
        sums->left++;
    } else if (info->block) {
        return omn_fail(err, OMN_ERR_UNSUPPORTED,
                        "%s: tensor %s is %s already and %s is wanted; take the model that it was "
                        "made from",
                        row->file, header_show(row->name, shown), info->name,
                        omn_type_get(form)->name);
    } else {
        to->matrix = omn_dim0();
        to->tensor.type = form;
        to->tensor.shape = *shape;
        if (!omn_shape_bytes(shape, form, &to->tensor.bytes))
            return omn_fail(err, OMN_ERR_SHAPE, "%s: too large",
                            header_show(row->name, shown));
        sums->formed++;
    }
    sums->bytes += to->tensor.bytes;
    return OMN_OK;
}

/* What becomes of this tensor. */
static omn_status decide(job *j, const header_row *row, writing *to, relay_sums *sums,
                         omn_error *err)
{
    const relay_how *how = j->how;
    const omn_shape *shape = row_matrix(row);
    char shown[120];
    *to = (writing){ .name = row->name, .tensor = row->tensor, .matrix = row->matrix };
    to->tensor.data = NULL;
    if (how->form) return decide_form(j, row, to, sums, err);
    const bool wanted = how->tiles && !row->matrix.rank && fits_tiles(&row->tensor) &&
                        how->wanted(how->user, row->name);
    if (wanted && (row->tensor.type == OMN_BF16 || how->round)) {
        to->matrix = *shape;
        to->tensor.type = OMN_BF16;
        to->tensor.shape = omn_tiles_shape(shape->dim[0], shape->dim[1]);
        if (row->tensor.type != OMN_BF16) sums->rounded++;
        j->lossy = j->lossy || row->tensor.type != OMN_BF16;
    } else if (!how->tiles && row->matrix.rank) {
        to->matrix = omn_dim0();
        to->tensor.shape = *shape;
        sums->rows++;
    }
    if (!omn_shape_bytes(&to->tensor.shape, to->tensor.type, &to->tensor.bytes))
        return omn_fail(err, OMN_ERR_SHAPE, "%s: too large in tiles",
                        header_show(row->name, shown));
    if (to->matrix.rank)
        sums->tiles++;
    else if (wanted)
        sums->other_type++;
    else if (!row->matrix.rank)
        sums->left++;
    sums->bytes += to->tensor.bytes;
    return OMN_OK;
}

/* ---- the header that a file had ------------------------------------------------------------ */

static int by_place(const void *x, const void *y)
{
    const header_row *a = x, *b = y;
    if (a->at != b->at) return a->at < b->at ? -1 : 1;
    return a->tensor.bytes < b->tensor.bytes ? -1 : a->tensor.bytes > b->tensor.bytes;
}

/* A header that speaks of other tensors than the file has is no header of it. */
static omn_status compare(const job *j, const header *was, omn_error *err)
{
    char shown[120];
    if (was->n != j->n)
        return omn_fail(err, OMN_ERR_DATA, "it names %zu tensors, the file has %zu", was->n, j->n);
    for (size_t i = 0; i < was->n; i++) {
        const header_row *a = &was->rows[i];
        const header_row *b = weights_row(j->w, a->name);
        const writing *to = b ? &j->list[b - weights_row_at(j->w, 0)] : NULL;
        if (!to || a->matrix.rank != to->matrix.rank || a->tensor.type != to->tensor.type ||
            !omn_shape_equal(&a->tensor.shape, &to->tensor.shape))
            return omn_fail(err, OMN_ERR_DATA, "it differs from the file about tensor %s",
                            header_show(a->name, shown));
    }
    return OMN_OK;
}

static omn_status write_data(job *j, const header *was, omn_file *file, omn_error *err)
{
    char shown[120];
    for (size_t i = 0; i < was->n; i++) {
        const header_row *a = &was->rows[i];
        const size_t at = (size_t)(weights_row(j->w, a->name) - weights_row_at(j->w, 0));
        omn_tensor t = j->list[at].tensor;
        omn_status st = make(j, at, &t.data, err);
        if (st == OMN_OK && a->summed == SUM_KNOWN && checksum_of(&t) != a->sum)
            st = omn_fail(err, OMN_ERR_DATA, "tensor %s: its bytes are not those that it had",
                          header_show(a->name, shown));
        if (st == OMN_OK) st = omn_file_write(file, t.data, t.bytes, err);
        if (st != OMN_OK) return st;
    }
    return OMN_OK;
}

/* A file with this header: the one that it had before it was converted, or its own. */
static omn_status write_under(job *j, const char *text, const char *to, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_file *file = NULL;
    const size_t length = strlen(text);
    size_t bytes = 0;
    unsigned char front[8];
    header was = { .strings = omn_arena_new(0) };
    for (size_t i = 0; i < j->n; i++) bytes += j->list[i].tensor.bytes;
    for (int i = 0; i < 8; i++) front[i] = (unsigned char)((uint64_t)length >> (8 * i));
    st = was.strings ? header_parse(&was, text, length, bytes, omn_weights_path(j->w), err)
                     : omn_fail(err, OMN_ERR_MEMORY, "no memory for its header");
    if (st == OMN_OK) st = compare(j, &was, err);
    if (st != OMN_OK) {
        omn_error_prefix(err, "%s: %s", omn_weights_path(j->w), ROWS_KEY);
        goto done;
    }
    if (was.n > 1) qsort(was.rows, was.n, sizeof *was.rows, by_place);
    OMN_TRY(omn_file_create(to, j->how->overwrite, &file, err));
    OMN_TRY(omn_file_write(file, front, sizeof front, err));
    OMN_TRY(omn_file_write(file, text, length, err));
    OMN_TRY(write_data(j, &was, file, err));
    OMN_TRY(omn_file_commit(file, err));
done:
    omn_file_free(file);
    free(was.rows);
    free(was.meta);
    omn_arena_free(was.strings);
    return st;
}

/* The header that the file has, to be kept; NULL when it is too long for that or out of memory
 * (then *st says so). Owned. */
static char *header_text(const omn_weights *w, omn_status *st, omn_error *err)
{
    const omn_map *map = omn_weights_map(w, 0);
    const unsigned char *bytes = omn_map_data(map);
    uint64_t length = 0;
    for (int i = 7; i >= 0; i--) length = length << 8 | bytes[i];
    if (length > HEADER_MOST / 4) return NULL;
    char *text = malloc((size_t)length + 1);
    if (!text) {
        *st = omn_fail(err, OMN_ERR_MEMORY, "%s: no memory for its header", omn_weights_path(w));
        return NULL;
    }
    memcpy(text, bytes + 8, (size_t)length);
    text[length] = '\0';
    return text;
}

/* ---- the file ------------------------------------------------------------------------------ */

static bool is_changed(const job *j)
{
    bool changed = false;
    for (size_t i = 0; i < j->n; i++)
        changed = changed || j->list[i].matrix.rank != weights_row_at(j->w, i)->matrix.rank ||
                  j->list[i].tensor.type != weights_row_at(j->w, i)->tensor.type;
    return changed;
}

static omn_status write_new(job *j, const char *to, omn_error *err)
{
    omn_status st = OMN_OK;
    const char *was = weights_in_rows(j->w);
    char *text = NULL;
    const char **meta = calloc(2 * omn_weights_meta_count(j->w) + 1, sizeof(const char *));
    bool tiled = false;
    if (!meta) {
        st = no_memory(to, err);
        goto done;
    }
    for (size_t i = 0; i < omn_weights_meta_count(j->w); i++) {
        meta[2 * i] = omn_weights_meta_key(j->w, i);
        meta[2 * i + 1] = omn_weights_meta(j->w, meta[2 * i]);
    }
    for (size_t i = 0; i < j->n; i++) tiled = tiled || weights_row_at(j->w, i)->matrix.rank;
    text = header_text(j->w, &st, err);
    if (st != OMN_OK) goto done;
    if (text && !is_changed(j)) {
        st = write_under(j, text, to, err);
        goto done;
    }
    if (!was && !tiled) was = text;
    if (j->lossy || !j->how->tiles) was = NULL;
    OMN_TRY(weights_write(to, j->how->overwrite, j->list, j->n, meta, omn_weights_meta_count(j->w),
                          was, make, j, err));
done:
    free(text);
    free(meta);
    return st;
}

omn_status relay_file(const char *from, const char *to, relay_how *how, relay_sums *sums,
                      omn_error *err)
{
    omn_status st = OMN_OK;
    omn_weights *w = NULL;
    job j = { .how = how };
    OMN_TRY(omn_weights_open(from, &w, err));
    j.w = w;
    j.n = omn_weights_count(w);
    for (size_t i = 0; i < j.n; i++) {
        if (how->call && omn_call_cancelled(how->call)) {
            st = omn_fail(err, OMN_ERR_CANCELLED, "stopped");
            goto done;
        }
        OMN_TRY(weights_check_row(weights_row_at(w, i), err));
    }
    j.list = calloc(j.n + 1, sizeof *j.list);
    if (!j.list) {
        st = no_memory(from, err);
        goto done;
    }
    for (size_t i = 0; i < j.n; i++)
        OMN_TRY(decide(&j, weights_row_at(w, i), &j.list[i], sums, err));
    if (!how->tiles && !how->form && weights_in_rows(w))
        OMN_TRY(write_under(&j, weights_in_rows(w), to, err));
    else
        OMN_TRY(write_new(&j, to, err));
done:
    free(j.made);
    free(j.rounded);
    free(j.list);
    omn_weights_close(w);
    return st;
}
