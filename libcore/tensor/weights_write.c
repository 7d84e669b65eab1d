/* SPDX-License-Identifier: Apache-2.0 */
/* Writing weights: a safetensors file whose tensors follow each other by name, so that the same
 * tensors always make the same bytes; those in tiles come first, where nothing of an odd size can
 * push them off their boundary. The header is padded with spaces until the data begin at a multiple
 * of 64, which devices like that wrap a mapping, with tiles at a page. Every tensor gets a
 * checksum; they are known when all tensors are written, and take their room in the header then, so
 * that what is made for the file is made once. */
#include "libcore/tensor/weights_write.h"

#include "libcore/base/file_write.h"
#include "libcore/tensor/blocks.h"
#include "libcore/tensor/scan.h"
#include "libcore/tensor/tiles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 64, PAGE = 4096, PIECE = 4 << 20 };

/* The tensors in the order of the file, with their checksums. */
typedef struct row {
    const writing *of;
    uint64_t sum;
} row;

typedef struct rows {
    const char *path; /* of the file; NULL: of none */
    const writing *list;
    row *row;
    size_t n;
    writing_make *make;
    writing_piece *piece;
    void *user;
    size_t sums_at; /* where the checksums stand in the header */
} rows;

static void put_string(omn_buf *b, const char *s)
{
    omn_buf_puts(b, "\"");
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            omn_buf_printf(b, "\\%c", c);
        else if (c < 0x20)
            omn_buf_printf(b, "\\u%04x", c);
        else
            omn_buf_put(b, s, 1);
    }
    omn_buf_puts(b, "\"");
}

static omn_status check_entry(const writing *e, omn_error *err)
{
    char text[160], shown[120];
    size_t bytes;
    const omn_type_info *type = omn_type_get(e->tensor.type);
    if (!type)
        return omn_fail(err, OMN_ERR_ARGUMENT, "tensor %s: %d is not a type",
                        header_show(e->name, shown), (int)e->tensor.type);
    if (strcmp(e->name, "__metadata__") == 0)
        return omn_fail(err, OMN_ERR_ARGUMENT, "no tensor can be called __metadata__");
    if (!omn_shape_bytes(&e->tensor.shape, e->tensor.type, &bytes) || bytes != e->tensor.bytes)
        return omn_fail(err, OMN_ERR_SHAPE, "tensor %s: %zu bytes are not %s %s",
                        header_show(e->name, shown), e->tensor.bytes, type->name,
                        omn_shape_text(&e->tensor.shape, text, sizeof text));
    return OMN_OK;
}

static int by_name(const void *x, const void *y)
{
    return strcmp(((const row *)x)->of->name, ((const row *)y)->of->name);
}

/* Tiles first, then by name. */
static int by_place(const void *x, const void *y)
{
    const bool a = ((const row *)x)->of->matrix.rank, b = ((const row *)y)->of->matrix.rank;
    return a != b ? (a ? -1 : 1) : by_name(x, y);
}

/* What was made for the file is whole, or the file's name joins the error. */
static omn_status made(const rows *r, omn_status st, omn_error *err)
{
    if (st != OMN_OK && r->path) omn_error_prefix(err, "%s", r->path);
    return st;
}

static omn_status bytes_of(const rows *r, const writing *w, const void **bytes, omn_error *err)
{
    *bytes = w->tensor.data;
    if (*bytes || !r->make || w->tensor.bytes == 0) return OMN_OK;
    return made(r, r->make(r->user, (size_t)(w - r->list), bytes, err), err);
}

/* Into the checksum, and into the file; NULL: into none. */
static omn_status take(checksum *c, omn_file *file, const void *bytes, size_t n, omn_error *err)
{
    checksum_add(c, bytes, n);
    return file ? omn_file_write(file, bytes, n, err) : OMN_OK;
}

static omn_status put_row(const rows *r, row *to, omn_file *file, omn_error *err)
{
    omn_status st = OMN_OK;
    const void *bytes = NULL;
    const writing *w = to->of;
    checksum *c = checksum_begin();
    if (!c) return made(r, omn_fail(err, OMN_ERR_MEMORY, "no memory for a checksum"), err);
    if (!r->piece) {
        st = bytes_of(r, w, &bytes, err);
        if (st == OMN_OK) st = take(c, file, bytes, w->tensor.bytes, err);
    }
    for (size_t at = 0, n; r->piece && at < w->tensor.bytes && st == OMN_OK; at += n) {
        n = w->tensor.bytes - at < PIECE ? w->tensor.bytes - at : PIECE;
        st = made(r, r->piece(r->user, (size_t)(w - r->list), at, n, &bytes, err), err);
        if (st == OMN_OK) st = take(c, file, bytes, n, err);
    }
    to->sum = checksum_end(c);
    return st;
}

/* Each checked, by name, which is how checksums stand in the file. */
static omn_status sort_rows(rows *r, omn_error *err)
{
    omn_status st = OMN_OK;
    char shown[120];
    r->row = calloc(r->n + 1, sizeof *r->row);
    if (!r->row) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu tensors", r->n);
    for (size_t i = 0; i < r->n; i++) {
        OMN_TRY(check_entry(&r->list[i], err));
        r->row[i].of = &r->list[i];
    }
    qsort(r->row, r->n, sizeof *r->row, by_name);
    for (size_t i = 1; i < r->n; i++)
        if (strcmp(r->row[i - 1].of->name, r->row[i].of->name) == 0)
            return omn_fail(err, OMN_ERR_ARGUMENT, "tensor %s is there twice",
                            header_show(r->row[i].of->name, shown));
done:
    return st;
}

/* What a tensor stands for, appended; false: it is no such tensor. */
typedef bool saying(omn_buf *b, const writing *w);

static bool say_matrix(omn_buf *b, const writing *w)
{
    if (!w->matrix.rank) return false;
    omn_buf_printf(b, "[%lld,%lld]", (long long)w->matrix.dim[0], (long long)w->matrix.dim[1]);
    return true;
}

static bool say_form(omn_buf *b, const writing *w)
{
    const omn_type_info *info = omn_type_get(w->tensor.type);
    if (!info->block) return false;
    put_string(b, info->name);
    return true;
}

/* The entry {"NAME":what it stands for,...}; nothing when there are none. */
static void put_marks(omn_buf *b, const rows *r, const char *key, saying *say)
{
    omn_buf entry, one;
    omn_buf_init(&entry, HEADER_MOST);
    omn_buf_init(&one, 256);
    for (size_t i = 0; i < r->n; i++) {
        one.length = 0;
        if (!say(&one, r->row[i].of)) continue;
        omn_buf_puts(&entry, entry.length ? "," : "{");
        put_string(&entry, r->row[i].of->name);
        omn_buf_puts(&entry, ":");
        omn_buf_put(&entry, one.data, one.length);
    }
    if (entry.length) {
        omn_buf_puts(&entry, "}");
        put_string(b, key);
        omn_buf_puts(b, ":");
        put_string(b, entry.data);
        omn_buf_puts(b, ",");
    }
    b->failed = b->failed || entry.failed || one.failed;
    omn_buf_fini(&entry);
    omn_buf_fini(&one);
}

/* The caller's pairs, what tensors stand for, and the checksums. */
static omn_status put_meta(omn_buf *b, const char *const *meta, size_t n, rows *r,
                           const char *in_rows, omn_error *err)
{
    char shown[120];
    omn_buf_puts(b, "\"__metadata__\":{");
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++)
            if (strcmp(meta[2 * i], meta[2 * j]) == 0)
                return omn_fail(err, OMN_ERR_ARGUMENT, "metadata has \"%s\" twice",
                                header_show(meta[2 * i], shown));
        if (header_owns(meta[2 * i]))
            return omn_fail(err, OMN_ERR_ARGUMENT,
                            "metadata cannot have \"%s\", which has a meaning of its own",
                            meta[2 * i]);
        put_string(b, meta[2 * i]);
        omn_buf_puts(b, ":");
        put_string(b, meta[2 * i + 1]);
        omn_buf_puts(b, ",");
    }
    put_marks(b, r, TILES_KEY, say_matrix);
    put_marks(b, r, BLOCKS_KEY, say_form);
    if (in_rows) {
        omn_buf_puts(b, "\"" ROWS_KEY "\":");
        put_string(b, in_rows);
        omn_buf_puts(b, ",");
    }
    omn_buf_puts(b, "\"" CHECKSUM_KEY "\":\"");
    r->sums_at = b->length;
    for (size_t i = 0; i < r->n; i++) checksum_put(r->row[i].sum, b);
    omn_buf_puts(b, "\"}");
    return OMN_OK;
}

/* The whole header, its length in front, padded; the rows are in the order of the file then. */
static omn_status make_header(omn_buf *b, rows *r, const char *const *meta, size_t n_meta,
                              const char *in_rows, omn_error *err)
{
    omn_status st = OMN_OK;
    uint64_t at = 0;
    omn_buf_put(b, "\0\0\0\0\0\0\0\0", 8);
    omn_buf_puts(b, "{");
    OMN_TRY(put_meta(b, meta, n_meta, r, in_rows, err));
    qsort(r->row, r->n, sizeof *r->row, by_place);
    for (size_t i = 0; i < r->n; i++) {
        const omn_tensor *t = &r->row[i].of->tensor;
        omn_buf_puts(b, ",");
        put_string(b, r->row[i].of->name);
        omn_buf_printf(b, ":{\"dtype\":\"%s\",\"shape\":[", omn_type_get(t->type)->safetensors);
        const omn_shape shape = blocks_file_shape(t);
        for (uint32_t d = 0; d < shape.rank; d++)
            omn_buf_printf(b, "%s%lld", d > 0 ? "," : "", (long long)shape.dim[d]);
        omn_buf_printf(b, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)at,
                       (unsigned long long)(at + t->bytes));
        at += t->bytes;
    }
    omn_buf_puts(b, "}");
    const size_t align = r->n && r->row[0].of->matrix.rank ? PAGE : ALIGN;
    while (!b->failed && b->length % align != 0) omn_buf_puts(b, " ");
    if (b->failed)
        return omn_fail(err, OMN_ERR_MEMORY,
                        "the header of %zu tensors has no memory or passes %zu bytes", r->n,
                        HEADER_MOST);
    scan again = { .text = b->data + 8, .size = b->length - 8 };
    if (!scan_skip(&again))
        return omn_fail(err, OMN_ERR_ARGUMENT, "a name or a metadata text is not UTF-8");
    uint64_t length = b->length - 8;
    for (int i = 0; i < 8; i++) b->data[i] = (char)(unsigned char)(length >> (8 * i));
done:
    return st;
}

/* What omn_weights_write is given, as a list that the caller frees. */
static omn_status list_of(const omn_weights_entry *entries, size_t n, writing **out, omn_error *err)
{
    *out = calloc(n + 1, sizeof **out);
    if (!*out) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu tensors", n);
    for (size_t i = 0; i < n; i++)
        (*out)[i] = (writing){ .name = entries[i].name, .tensor = entries[i].tensor };
    return OMN_OK;
}

omn_status omn_weights_bytes(const omn_weights_entry *entries, size_t n, const char *const *meta,
                             size_t n_meta, uint8_t **bytes, size_t *size, omn_error *err)
{
    omn_status st = OMN_OK;
    writing *list = NULL;
    rows r = { .n = n };
    uint8_t *all = NULL;
    omn_buf head;
    omn_buf_init(&head, HEADER_MOST + 8);
    OMN_TRY(list_of(entries, n, &list, err));
    r.list = list;
    OMN_TRY(sort_rows(&r, err));
    for (size_t i = 0; i < n; i++) OMN_TRY(put_row(&r, &r.row[i], NULL, err));
    OMN_TRY(make_header(&head, &r, meta, n_meta, NULL, err));
    size_t at = head.length, sum = head.length;
    for (size_t i = 0; i < n; i++)
        if (!omn_size_add(sum, r.row[i].of->tensor.bytes, &sum)) {
            st = omn_fail(err, OMN_ERR_MEMORY, "tensors of more bytes than memory can have");
            goto done;
        }
    all = malloc(sum);
    if (!all) {
        st = omn_fail(err, OMN_ERR_MEMORY, "no memory for a file of %zu bytes", sum);
        goto done;
    }
    memcpy(all, head.data, head.length);
    for (size_t i = 0; i < n; i++) {
        const omn_tensor *t = &r.row[i].of->tensor;
        if (t->bytes > 0) memcpy(all + at, t->data, t->bytes);
        at += t->bytes;
    }
    *bytes = all;
    *size = sum;
done:
    omn_buf_fini(&head);
    free(r.row);
    free(list);
    return st;
}

/* The checksums of all that was written, in the order of their names. */
static omn_status write_sums(rows *r, omn_file *file, omn_error *err)
{
    omn_buf sums;
    omn_buf_init(&sums, HEADER_MOST);
    qsort(r->row, r->n, sizeof *r->row, by_name);
    for (size_t i = 0; i < r->n; i++) checksum_put(r->row[i].sum, &sums);
    const omn_status st =
        sums.failed ? omn_fail(err, OMN_ERR_MEMORY, "%s: no memory for its checksums", r->path)
                    : file_rewrite(file, r->sums_at, sums.data, sums.length, err);
    omn_buf_fini(&sums);
    return st;
}

static omn_status write_rows(omn_overwrite how, rows *r, const char *const *meta, size_t n_meta,
                             const char *in_rows, omn_error *err)
{
    omn_file *file = NULL;
    omn_buf head;
    omn_buf_init(&head, HEADER_MOST + 8);
    omn_status st = sort_rows(r, err);
    if (st == OMN_OK) st = make_header(&head, r, meta, n_meta, in_rows, err);
    OMN_TRY(made(r, st, err));
    OMN_TRY(omn_file_create(r->path, how, &file, err));
    OMN_TRY(omn_file_write(file, head.data, head.length, err));
    for (size_t i = 0; i < r->n; i++) OMN_TRY(put_row(r, &r->row[i], file, err));
    OMN_TRY(write_sums(r, file, err));
    OMN_TRY(omn_file_commit(file, err));
done:
    omn_file_free(file);
    omn_buf_fini(&head);
    free(r->row);
    return st;
}

omn_status weights_write(const char *path, omn_overwrite how, const writing *list, size_t n,
                         const char *const *meta, size_t n_meta, const char *in_rows,
                         writing_make *make, void *user, omn_error *err)
{
    rows r = { .path = path, .list = list, .n = n, .make = make, .user = user };
    return write_rows(how, &r, meta, n_meta, in_rows, err);
}

omn_status weights_write_pieces(const char *path, omn_overwrite how, const writing *list, size_t n,
                                const char *const *meta, size_t n_meta, writing_piece *piece,
                                void *user, omn_error *err)
{
    rows r = { .path = path, .list = list, .n = n, .piece = piece, .user = user };
    return write_rows(how, &r, meta, n_meta, NULL, err);
}

omn_status omn_weights_write(const char *path, omn_overwrite how,
                             const omn_weights_entry *entries, size_t n, const char *const *meta,
                             size_t n_meta, omn_error *err)
{
    writing *list = NULL;
    omn_status st = list_of(entries, n, &list, err);
    if (st != OMN_OK)
        omn_error_prefix(err, "%s", path);
    else
        st = weights_write(path, how, list, n, meta, n_meta, NULL, NULL, NULL, err);
    free(list);
    return st;
}
