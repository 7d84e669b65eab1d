/* SPDX-License-Identifier: Apache-2.0 */
/* Writing GGUF, version 3. Sizes are known before the first byte of a tensor, so the file is
 * written once from front to back, with a piece of one tensor in memory. Tensors keep their names.
 * What ggml has no room for stands in metadata of our own: texts, the files of a model, the axes of
 * a tensor that has none or more than four. */
#include "gguf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_HEADER ((size_t)1 << 30)

/* As the devices like it that wrap a mapping. */
enum { ALIGN = 64, QUANTISATION = 2 };

void gguf_put_number(omn_buf *b, uint64_t x, size_t bytes)
{
    unsigned char p[8];
    for (size_t i = 0; i < bytes; i++) p[i] = (unsigned char)(x >> (8 * i));
    omn_buf_put(b, p, bytes);
}

void gguf_put_text(omn_buf *b, const char *s)
{
    gguf_put_number(b, strlen(s), 8);
    omn_buf_puts(b, s);
}

void gguf_put_key(omn_buf *b, const char *front, const char *key, gguf_kind kind)
{
    gguf_put_number(b, strlen(front) + strlen(key), 8);
    omn_buf_puts(b, front);
    omn_buf_puts(b, key);
    gguf_put_number(b, kind, 4);
}

static bool has_shape(const omn_shape *s)
{
    return s->rank > 0 && s->rank <= GGUF_MOST_AXES;
}

static const char *refuses(const omn_tensor *t)
{
    uint32_t number;
    return gguf_type_number(t->type, &number) ? NULL : "is of a type that GGUF does not have";
}

/* What we say ourselves; of "general." all else is kept under its own key. */
static bool is_said(const char *key)
{
    static const char *const own[] = { "general.architecture", "general.alignment",
                                       "general.quantization_version", "general.file_type" };
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (!strcmp(key, own[i])) return true;
    return !strncmp(key, GGUF_CONFIG_KEY ".", strlen(GGUF_CONFIG_KEY ".")); /* told anew */
}

static void put_meta(omn_buf *b, const omn_weights_out *w, uint64_t *pairs)
{
    bool blocks = false;
    for (size_t i = 0; i < w->n; i++)
        blocks = blocks || omn_type_get(w->entries[i].tensor.type)->block;
    gguf_put_key(b, "", "general.architecture", GGUF_STRING);
    gguf_put_text(b, "omnio");
    gguf_put_key(b, "", "general.alignment", GGUF_U32);
    gguf_put_number(b, ALIGN, 4);
    *pairs = 2;
    if (blocks) {
        gguf_put_key(b, "", "general.quantization_version", GGUF_U32);
        gguf_put_number(b, QUANTISATION, 4);
        ++*pairs;
    }
    for (size_t i = 0; i < w->n_meta; i++) {
        const char *key = w->meta[2 * i];
        if (is_said(key)) continue;
        gguf_put_key(b, strncmp(key, "general.", 8) ? GGUF_META_KEY : "", key, GGUF_STRING);
        gguf_put_text(b, w->meta[2 * i + 1]);
        ++*pairs;
    }
    for (size_t i = 0; i < w->n_files; i++)
        if (!strcmp(w->files[i].name, "config.json")) *pairs += gguf_tell(b, &w->files[i]);
    for (size_t i = 0; i < w->n_files; i++) {
        gguf_put_key(b, GGUF_FILE_KEY, w->files[i].name, GGUF_ARRAY);
        gguf_put_number(b, GGUF_U8, 4);
        gguf_put_number(b, w->files[i].n, 8);
        omn_buf_put(b, w->files[i].bytes, w->files[i].n);
        ++*pairs;
    }
    for (size_t i = 0; i < w->n; i++) {
        const omn_shape *s = &w->entries[i].tensor.shape;
        if (has_shape(s)) continue;
        gguf_put_key(b, GGUF_SHAPE_KEY, w->entries[i].name, GGUF_ARRAY);
        gguf_put_number(b, GGUF_I64, 4);
        gguf_put_number(b, s->rank, 8);
        for (uint32_t d = 0; d < s->rank; d++) gguf_put_number(b, (uint64_t)s->dim[d], 8);
        ++*pairs;
    }
}

static void put_tensor(omn_buf *b, const omn_weights_entry *e, uint64_t at)
{
    const omn_shape *s = &e->tensor.shape;
    const uint32_t rank = !s->rank ? 1 : s->rank < GGUF_MOST_AXES ? s->rank : GGUF_MOST_AXES;
    uint32_t type = 0;
    gguf_put_text(b, e->name);
    gguf_put_number(b, rank, 4);
    for (uint32_t d = 0; d + 1 < rank; d++)
        gguf_put_number(b, (uint64_t)s->dim[s->rank - 1 - d], 8);
    uint64_t first = 1; /* the outermost; of more than four axes what they make together */
    for (uint32_t d = 0; d + rank <= s->rank; d++) first *= (uint64_t)s->dim[d];
    gguf_put_number(b, first, 8);
    (void)gguf_type_number(e->tensor.type, &type);
    gguf_put_number(b, type, 4);
    gguf_put_number(b, at, 8);
}

static size_t padding(size_t n) { return (ALIGN - n % ALIGN) % ALIGN; }

/* Bytes on their way into the file, counted. */
typedef struct pouring { omn_file *f; size_t n, most; } pouring;

static omn_status pour(void *to, const void *bytes, size_t n, omn_error *err)
{
    pouring *p = to;
    if (n > p->most - p->n)
        return omn_fail(err, OMN_ERR_INTERNAL, "a tensor has more bytes than its shape says");
    p->n += n;
    return omn_file_write(p->f, bytes, n, err);
}

static omn_status write_tensors(omn_file *f, const omn_weights_out *w, omn_error *err)
{
    static const char zeros[ALIGN];
    omn_status st = OMN_OK;
    for (size_t i = 0; i < w->n; i++) {
        pouring p = { f, 0, w->entries[i].tensor.bytes };
        OMN_TRY(w->give(w->user, i, pour, &p, err));
        if (p.n != p.most)
            return omn_fail(err, OMN_ERR_INTERNAL, "a tensor has fewer bytes than its shape says");
        OMN_TRY(omn_file_write(f, zeros, padding(p.n), err));
    }
done:
    return st;
}

static omn_status write(const char *path, omn_overwrite how, const omn_weights_out *w,
                        omn_error *err)
{
    omn_status st = OMN_OK;
    omn_file *f = NULL;
    omn_buf head, meta;
    uint64_t pairs = 0, at = 0;
    omn_buf_init(&head, MOST_HEADER);
    omn_buf_init(&meta, MOST_HEADER);
    put_meta(&meta, w, &pairs);
    OMN_TRY(omn_buf_check(&meta, path, err));
    omn_buf_puts(&head, "GGUF");
    gguf_put_number(&head, 3, 4);
    gguf_put_number(&head, w->n, 8);
    gguf_put_number(&head, pairs, 8);
    omn_buf_put(&head, meta.data, meta.length);
    for (size_t i = 0; i < w->n; i++) {
        const omn_tensor *t = &w->entries[i].tensor;
        const char *why = refuses(t);
        if (why) {
            st = omn_fail(err, OMN_ERR_UNSUPPORTED, "%s: tensor %.200s (%s) %s", path,
                          w->entries[i].name, omn_type_get(t->type)->name, why);
            goto done;
        }
        put_tensor(&head, &w->entries[i], at);
        at += t->bytes + padding(t->bytes);
    }
    const char zeros[ALIGN] = { 0 };
    omn_buf_put(&head, zeros, padding(head.length));
    OMN_TRY(omn_buf_check(&head, path, err));
    OMN_TRY(omn_file_create(path, how, &f, err));
    OMN_TRY(omn_file_write(f, head.data, head.length, err));
    OMN_TRY(write_tensors(f, w, err));
    OMN_TRY(omn_file_commit(f, err));
done:
    omn_file_free(f);
    omn_buf_fini(&head);
    omn_buf_fini(&meta);
    return st;
}

const omn_weights_writer_impl gguf_writer = { refuses, write };
