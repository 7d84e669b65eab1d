/* SPDX-License-Identifier: Apache-2.0 */
/* Writing weights: a safetensors file whose tensors follow each other by name, so that the same
 * tensors always make the same bytes. The header is padded with spaces until the data begin at a
 * multiple of 64, which devices like that wrap a mapping. Every tensor gets a checksum. */
#include "libcore/tensor/header.h"

#include "libcore/tensor/scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 64 };

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

static omn_status check_entry(const omn_weights_entry *e, omn_error *err)
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
    return strcmp((*(const omn_weights_entry *const *)x)->name,
                  (*(const omn_weights_entry *const *)y)->name);
}

/* The entries by name, each checked; freed by the caller. */
static omn_status sort_entries(const omn_weights_entry *entries, size_t n,
                               const omn_weights_entry ***out, omn_error *err)
{
    omn_status st = OMN_OK;
    char shown[120];
    const omn_weights_entry **sorted = calloc(n + 1, sizeof(const omn_weights_entry *));
    if (!sorted) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu tensors", n);
    for (size_t i = 0; i < n; i++) {
        OMN_TRY(check_entry(&entries[i], err));
        sorted[i] = &entries[i];
    }
    qsort(sorted, n, sizeof(const omn_weights_entry *), by_name);
    for (size_t i = 1; i < n; i++) {
        if (strcmp(sorted[i - 1]->name, sorted[i]->name) != 0) continue;
        st = omn_fail(err, OMN_ERR_ARGUMENT, "tensor %s is there twice",
                      header_show(sorted[i]->name, shown));
        goto done;
    }
    *out = sorted;
    sorted = NULL;
done:
    free(sorted);
    return st;
}

/* The caller's pairs and the checksums of the entries. */
static omn_status put_meta(omn_buf *b, const char *const *meta, size_t n,
                           const omn_weights_entry *const *entries, size_t n_entries,
                           omn_error *err)
{
    char shown[120];
    omn_buf_puts(b, "\"__metadata__\":{");
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++)
            if (strcmp(meta[2 * i], meta[2 * j]) == 0)
                return omn_fail(err, OMN_ERR_ARGUMENT, "metadata has \"%s\" twice",
                                header_show(meta[2 * i], shown));
        if (strcmp(meta[2 * i], CHECKSUM_KEY) == 0)
            return omn_fail(err, OMN_ERR_ARGUMENT, "metadata cannot have \"%s\", the checksums",
                            CHECKSUM_KEY);
        put_string(b, meta[2 * i]);
        omn_buf_puts(b, ":");
        put_string(b, meta[2 * i + 1]);
        omn_buf_puts(b, ",");
    }
    omn_buf_puts(b, "\"" CHECKSUM_KEY "\":\"");
    for (size_t i = 0; i < n_entries; i++) checksum_put(checksum_of(&entries[i]->tensor), b);
    omn_buf_puts(b, "\"}");
    return OMN_OK;
}

/* The whole header, its length in front, padded. */
static omn_status make_header(omn_buf *b, const omn_weights_entry *const *entries, size_t n,
                              const char *const *meta, size_t n_meta, omn_error *err)
{
    omn_status st = OMN_OK;
    uint64_t at = 0;
    omn_buf_put(b, "\0\0\0\0\0\0\0\0", 8);
    omn_buf_puts(b, "{");
    OMN_TRY(put_meta(b, meta, n_meta, entries, n, err));
    for (size_t i = 0; i < n; i++) {
        const omn_tensor *t = &entries[i]->tensor;
        omn_buf_puts(b, ",");
        put_string(b, entries[i]->name);
        omn_buf_printf(b, ":{\"dtype\":\"%s\",\"shape\":[", omn_type_get(t->type)->safetensors);
        for (uint32_t d = 0; d < t->shape.rank; d++)
            omn_buf_printf(b, "%s%lld", d > 0 ? "," : "", (long long)t->shape.dim[d]);
        omn_buf_printf(b, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)at,
                       (unsigned long long)(at + t->bytes));
        at += t->bytes;
    }
    omn_buf_puts(b, "}");
    while (!b->failed && b->length % ALIGN != 0) omn_buf_puts(b, " ");
    if (b->failed)
        return omn_fail(err, OMN_ERR_MEMORY,
                        "the header of %zu tensors has no memory or passes %zu bytes", n,
                        HEADER_MOST);
    scan again = { .text = b->data + 8, .size = b->length - 8 };
    if (!scan_skip(&again))
        return omn_fail(err, OMN_ERR_ARGUMENT, "a name or a metadata text is not UTF-8");
    uint64_t length = b->length - 8;
    for (int i = 0; i < 8; i++) b->data[i] = (char)(unsigned char)(length >> (8 * i));
done:
    return st;
}

omn_status omn_weights_bytes(const omn_weights_entry *entries, size_t n, const char *const *meta,
                             size_t n_meta, uint8_t **bytes, size_t *size, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_weights_entry **sorted = NULL;
    uint8_t *all = NULL;
    omn_buf head;
    omn_buf_init(&head, HEADER_MOST + 8);
    OMN_TRY(sort_entries(entries, n, &sorted, err));
    OMN_TRY(make_header(&head, sorted, n, meta, n_meta, err));
    size_t at = head.length, sum = head.length;
    for (size_t i = 0; i < n; i++)
        if (!omn_size_add(sum, sorted[i]->tensor.bytes, &sum)) {
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
        const omn_tensor *t = &sorted[i]->tensor;
        if (t->bytes > 0) memcpy(all + at, t->data, t->bytes);
        at += t->bytes;
    }
    *bytes = all;
    *size = sum;
done:
    omn_buf_fini(&head);
    free(sorted);
    return st;
}

omn_status omn_weights_write(const char *path, omn_overwrite how,
                             const omn_weights_entry *entries, size_t n, const char *const *meta,
                             size_t n_meta, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_file *file = NULL;
    const omn_weights_entry **sorted = NULL;
    omn_buf head;
    omn_buf_init(&head, HEADER_MOST + 8);
    st = sort_entries(entries, n, &sorted, err);
    if (st == OMN_OK) st = make_header(&head, sorted, n, meta, n_meta, err);
    if (st != OMN_OK) {
        omn_error_prefix(err, "%s", path);
        goto done;
    }
    OMN_TRY(omn_file_create(path, how, &file, err));
    OMN_TRY(omn_file_write(file, head.data, head.length, err));
    for (size_t i = 0; i < n; i++)
        OMN_TRY(omn_file_write(file, sorted[i]->tensor.data, sorted[i]->tensor.bytes, err));
    OMN_TRY(omn_file_commit(file, err));
done:
    omn_file_free(file);
    omn_buf_fini(&head);
    free(sorted);
    return st;
}
