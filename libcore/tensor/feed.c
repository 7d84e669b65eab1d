/* SPDX-License-Identifier: Apache-2.0 */
/* Feeds: named tensors on their way into a graph or out of one. Each tensor is an allocation of its
 * own, so that what was handed out stays where it is while more are added. Behind each lies a mark
 * of 1 to 64 bytes that tells of who wrote too far. */
#include "feed.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_TENSORS = 4096, ALIGN = 64, MARK = 0xa5 };
#define MOST_BYTES ((size_t)64 << 30)

typedef struct item {
    omn_tensor tensor;
    void *data;
    char name[];
} item;

struct omn_feed {
    item **items;
    size_t n, room, bytes;
};

omn_status omn_feed_make(omn_feed **out, omn_error *err)
{
    *out = calloc(1, sizeof **out);
    return *out ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "no memory for a feed");
}

void omn_feed_clear(omn_feed *f)
{
    for (size_t i = 0; i < f->n; i++) {
        free(f->items[i]->data);
        free(f->items[i]);
    }
    f->n = 0;
    f->bytes = 0;
}

void omn_feed_free(omn_feed *f)
{
    if (!f) return;
    omn_feed_clear(f);
    free(f->items);
    free(f);
}

static item *find(const omn_feed *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->items[i]->name, name) == 0) return f->items[i];
    return NULL;
}

static omn_status check_new(const omn_feed *f, const char *name, omn_type t, const omn_shape *shape,
                            size_t *bytes, omn_error *err)
{
    char text[160];
    const omn_type_info *type = omn_type_get(t);
    if (!type) return omn_fail(err, OMN_ERR_ARGUMENT, "tensor %s: %d is not a type", name, (int)t);
    if (find(f, name))
        return omn_fail(err, OMN_ERR_ARGUMENT, "tensor %s: is in this feed already", name);
    if (f->n >= MOST_TENSORS)
        return omn_fail(err, OMN_ERR_ARGUMENT, "tensor %s: a feed holds at most %d tensors", name,
                        MOST_TENSORS);
    if (!omn_shape_bytes(shape, t, bytes) || *bytes > MOST_BYTES - f->bytes)
        return omn_fail(err, OMN_ERR_SHAPE,
                        "tensor %s: %s %s is negative or passes the 64 GiB that a feed may hold",
                        name, type->name, omn_shape_text(shape, text, sizeof text));
    return OMN_OK;
}

omn_status omn_feed_new(omn_feed *f, const char *name, omn_type t, omn_shape shape, void **data,
                        omn_error *err)
{
    omn_status st = OMN_OK;
    size_t bytes, room, length = strlen(name);
    item *it = NULL;
    if (data) *data = NULL;
    OMN_TRY(check_new(f, name, t, &shape, &bytes, err));
    if (f->n == f->room) {
        size_t wider = f->room ? 2 * f->room : 16;
        item **moved = realloc(f->items, wider * sizeof *moved);
        if (!moved) goto no_memory;
        f->items = moved;
        f->room = wider;
    }
    it = calloc(1, sizeof *it + length + 1);
    room = (bytes + ALIGN) / ALIGN * ALIGN; /* never nothing */
    if (!it || !(it->data = aligned_alloc(ALIGN, room))) goto no_memory;
    memset(it->data, 0, bytes);
    memset((char *)it->data + bytes, MARK, room - bytes);
    memcpy(it->name, name, length);
    it->tensor = (omn_tensor){ .type = t, .shape = shape, .data = it->data, .bytes = bytes };
    if (data) *data = it->data;
    f->items[f->n++] = it;
    f->bytes += bytes;
done:
    return st;
no_memory:
    free(it);
    return omn_fail(err, OMN_ERR_MEMORY, "tensor %s: no memory", name);
}

const char *feed_overrun(const omn_feed *f)
{
    for (size_t i = 0; i < f->n; i++) {
        const item *it = f->items[i];
        const size_t room = (it->tensor.bytes + ALIGN) / ALIGN * ALIGN;
        for (size_t k = it->tensor.bytes; k < room; k++)
            if (((const uint8_t *)it->data)[k] != MARK) return it->name;
    }
    return NULL;
}

omn_status omn_feed_copy(omn_feed *f, const char *name, const omn_tensor *t, omn_error *err)
{
    omn_status st = OMN_OK;
    void *data;
    size_t bytes;
    char text[160];
    const omn_type_info *type = omn_type_get(t->type);
    if (type && (!omn_shape_bytes(&t->shape, t->type, &bytes) || bytes != t->bytes))
        return omn_fail(err, OMN_ERR_SHAPE, "tensor %s: %zu bytes are not %s %s", name, t->bytes,
                        type->name, omn_shape_text(&t->shape, text, sizeof text));
    OMN_TRY(omn_feed_new(f, name, t->type, t->shape, &data, err));
    if (t->bytes > 0) memcpy(data, t->data, t->bytes);
done:
    return st;
}

const omn_tensor *omn_feed_get(const omn_feed *f, const char *name)
{
    const item *it = find(f, name);
    return it ? &it->tensor : NULL;
}

void *omn_feed_data(omn_feed *f, const char *name)
{
    const item *it = find(f, name);
    return it ? it->data : NULL;
}

size_t omn_feed_count(const omn_feed *f)
{
    return f->n;
}

const char *omn_feed_name(const omn_feed *f, size_t i)
{
    return i < f->n ? f->items[i]->name : NULL;
}
