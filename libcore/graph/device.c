/* SPDX-License-Identifier: Apache-2.0 */
/* A program's devices: opening the one that was asked for, the cpu beside it for ops that it lacks,
 * and the buffers of weights. A checkpoint's mapping is wrapped whole where the device can; else
 * the tensors that are used are copied once. */
#include "inside.h"

#include "libcore/plugin/context.h"

#include <stdlib.h>
#include <string.h>

#define PAGE 4096u

/* one of the words of a text with spaces */
static bool has_word(const char *text, const char *word)
{
    const size_t n = strlen(word);
    for (const char *at = text; (at = strstr(at, word)) != NULL; at += n)
        if ((at == text || at[-1] == ' ') && (at[n] == 0 || at[n] == ' ')) return true;
    return false;
}

omn_status device_open(const omn_program *p, device *d, uint32_t number, const void *params,
                       omn_error *err)
{
    const char *cache = p->ctx ? context_cache_folder(p->ctx) : NULL;
    omn_status st = d->compute->open(number, p->pool, params, cache, &d->dev, err);
    if (st != OMN_OK) {
        d->dev = NULL;
        return st;
    }
    d->is_open = true;
    omn_device_info *info = &d->info;
    if (d->compute->describe(number, info, NULL) == OMN_OK) {
        d->piece = info->largest_buffer / 2 / PAGE * PAGE;
        info->name[sizeof(info->name) - 1] = info->driver[sizeof(info->driver) - 1] = 0;
        info->features[sizeof(info->features) - 1] = 0;
        d->fast_bf16 = has_word(info->features, "bf16");
        d->takes_tiles = has_word(info->features, "tiles");
    } else {
        *info = (omn_device_info){ .largest_buffer = 0 };
    }
    st = d->compute->queue_new(d->dev, &d->queue, err);
    if (st != OMN_OK) {
        d->compute->close(d->dev);
        d->is_open = false;
    }
    return st;
}

void device_close(device *d)
{
    if (!d->is_open) return;
    d->compute->queue_free(d->queue);
    d->compute->close(d->dev);
    d->is_open = false;
}

/* "opencl:1" -> the entry of "opencl" and 1. */
omn_status device_find(omn_program *p, const char *text, device *d, omn_error *err)
{
    char name[64];
    const char *colon = strchr(text, ':');
    const size_t n = colon ? (size_t)(colon - text) : strlen(text);
    const omn_entry *entry;
    uint32_t number = 0;
    void *params = NULL;
    if (n == 0 || n >= sizeof(name))
        return omn_fail(err, OMN_ERR_ARGUMENT,
                        "device '%s': a name such as cpu or opencl:1 is wanted", text);
    memcpy(name, text, n);
    name[n] = 0;
    for (const char *c = colon ? colon + 1 : ""; *c; c++) {
        if (*c < '0' || *c > '9' || number > 1000)
            return omn_fail(err, OMN_ERR_ARGUMENT,
                            "device '%s': a number is wanted after the colon", text);
        number = 10 * number + (uint32_t)(*c - '0');
    }
    omn_status st = omn_registry_find(p->ctx, "omnio.compute/1", name, &entry, err);
    if (st != OMN_OK) return st;
    st = omn_params_fill(entry, NULL, 0, NULL, p->arena, &params, err);
    if (st != OMN_OK) return st;
    d->compute = omn_entry_object(entry)->impl;
    d->name = omn_arena_strdup(p->arena, text);
    if (!d->name) return omn_fail(err, OMN_ERR_MEMORY, "not enough memory for a device");
    const uint32_t there = d->compute->count();
    omn_device_info info;
    if (!there && (st = d->compute->describe(0, &info, err)) != OMN_OK) return st;
    if (number >= there)
        return omn_fail(err, OMN_ERR_DEVICE, "device '%s': there %s %u of that kind here", text,
                        there == 1 ? "is" : "are", there);
    return device_open(p, d, number, params, err);
}

omn_status program_cpu(omn_program *p, omn_error *err)
{
    omn_status st = OMN_OK;
    pthread_mutex_lock(&p->lock);
    if (!p->cpu.is_open) {
        if (p->cpu.compute)
            st = device_open(p, &p->cpu, 0, NULL, err);
        else if (!p->ctx || !strcmp(p->main.name, "cpu"))
            st = omn_fail(err, OMN_ERR_UNSUPPORTED, "no other device can");
        else
            st = device_find(p, "cpu", &p->cpu, err);
    }
    pthread_mutex_unlock(&p->lock);
    return st;
}

omn_status device_upload(const device *d, void *queue, omn_buffer *b, uint64_t offset,
                         const void *host, uint64_t bytes, omn_error *err)
{
    void *to;
    omn_status st = d->compute->map(queue, b, offset, bytes, OMN_WRITE, &to, err);
    if (st != OMN_OK) return st;
    memcpy(to, host, bytes);
    return d->compute->unmap(queue, b, to, err);
}

/* Wrapped when the device can, else copied. */
static omn_status take_host(omn_program *p, const void *host, uint64_t bytes, omn_buffer **out,
                            bool *copied, omn_error *err)
{
    const device *d = &p->main;
    omn_error no = OMN_ERROR_INIT;
    *copied = false;
    if (d->compute->wrap(d->dev, host, bytes, out, &no) == OMN_OK) return OMN_OK;
    *copied = true;
    omn_status st = d->compute->alloc(d->dev, bytes, out, err);
    if (st != OMN_OK) return st;
    st = device_upload(d, d->queue, *out, 0, host, bytes, err);
    if (st != OMN_OK) d->compute->release(d->dev, *out);
    return st;
}

omn_status program_consts(omn_program *p, const void *host, uint64_t bytes, omn_buffer **out,
                          omn_error *err)
{
    bool copied;
    return take_host(p, host, bytes, out, &copied, err);
}

static omn_status add_buffer(omn_program *p, omn_buffer *b, const void *host, uint64_t bytes,
                             bool copied, omn_error *err)
{
    if (!graph_grow(p->arena, &p->weights, &p->room_weights, p->n_weights, sizeof(*p->weights))) {
        p->main.compute->release(p->main.dev, b);
        return omn_fail(err, OMN_ERR_MEMORY, "not enough memory for weights");
    }
    p->weights[p->n_weights++] = (weight_buffer){ b, host, bytes, copied, -1 };
    return OMN_OK;
}

/* The part of the mapping that holds these bytes: all of it, or, when that is more than the device
 * takes, a window that begins at a multiple of the piece size, so that few windows serve all
 * tensors. */
static void find_map(const omn_program *p, const omn_tensor *t, const void **host, uint64_t *bytes)
{
    const omn_weights *w = store_writable(p->store) ? NULL : store_weights(p->store);
    const uintptr_t at = (uintptr_t)t->data;
    *host = t->data;
    *bytes = t->bytes;
    for (size_t i = 0; w && i < omn_weights_maps(w); i++) {
        const omn_map *m = omn_weights_map(w, i);
        const uintptr_t base = (uintptr_t)omn_map_data(m);
        const uint64_t whole = omn_map_size(m), piece = p->main.piece;
        if (at < base || at - base > whole || t->bytes > whole - (at - base)) continue;
        uint64_t from = 0, length = whole;
        if (piece && whole > 2 * piece) {
            from = (at - base) / piece * piece;
            length = 2 * piece;
            if (t->bytes > piece) {
                from = (at - base) / PAGE * PAGE;
                length = at - base - from + t->bytes;
            }
            if (length > whole - from) length = whole - from;
        }
        *host = (const char *)omn_map_data(m) + from;
        *bytes = length;
        return;
    }
}

omn_status program_weight(omn_program *p, long weight, uint32_t *number, uint64_t *offset,
                          omn_error *err)
{
    const omn_tensor t = omn_store_tensor(p->store, (size_t)weight);
    const uintptr_t at = (uintptr_t)t.data;
    for (uint32_t i = p->n_weights; i-- > 0;) {
        const weight_buffer *b = &p->weights[i];
        const uintptr_t base = (uintptr_t)b->host;
        if (b->in_rows >= 0 || at < base || at - base + t.bytes > b->bytes) continue;
        *number = i;
        *offset = at - base;
        return OMN_OK;
    }
    const void *host;
    uint64_t bytes;
    omn_buffer *b;
    bool copied = false;
    omn_error no = OMN_ERROR_INIT;
    find_map(p, &t, &host, &bytes);
    if (bytes == t.bytes || p->main.compute->wrap(p->main.dev, host, bytes, &b, &no) != OMN_OK) {
        host = t.data;
        bytes = t.bytes;
        const omn_status st = take_host(p, host, bytes, &b, &copied, err);
        if (st != OMN_OK) return st;
    }
    const omn_status st = add_buffer(p, b, host, bytes, copied, err);
    if (st != OMN_OK) return st;
    *number = p->n_weights - 1;
    *offset = at - (uintptr_t)host;
    return OMN_OK;
}

omn_status program_weight_rows(omn_program *p, long weight, const omn_shape *matrix,
                               uint32_t *number, omn_error *err)
{
    const device *d = &p->main;
    const omn_tensor t = omn_store_tensor(p->store, (size_t)weight);
    omn_buffer *b = NULL;
    size_t bytes;
    void *to;
    for (uint32_t i = 0; i < p->n_weights; i++) {
        if (p->weights[i].in_rows != weight) continue;
        *number = i;
        return OMN_OK;
    }
    if (!omn_shape_bytes(matrix, t.type, &bytes))
        return omn_fail(err, OMN_ERR_SHAPE, "too large to address");
    omn_status st = d->compute->alloc(d->dev, bytes, &b, err);
    if (st != OMN_OK) return st;
    st = d->compute->map(d->queue, b, 0, bytes, OMN_WRITE, &to, err);
    if (st == OMN_OK) {
        omn_tiles_to_rows(t.data, matrix->dim[0], matrix->dim[1], to);
        st = d->compute->unmap(d->queue, b, to, err);
    }
    if (st != OMN_OK) {
        d->compute->release(d->dev, b);
        return st;
    }
    st = add_buffer(p, b, NULL, bytes, true, err);
    if (st != OMN_OK) return st;
    *number = p->n_weights - 1;
    p->weights[*number].in_rows = weight;
    return OMN_OK;
}
