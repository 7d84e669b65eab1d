/* SPDX-License-Identifier: Apache-2.0 */
/* What a training gives away: the weights as a model's file, adapters put into their matrices, and
 * the adapters alone. Averages stand for the weights where there are any. */
#include "trainer.h"

#include "entries.h"

#include "../graph/adapt.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is used of a weight: its average if there is one. */
static const float *used(const slot *s)
{
    return s->average ? s->average : s->w;
}

/* A matrix with its adapter put into it, whose digest is added to *inside; NULL: no memory. */
static const float *merged(const omn_trainer *t, const slot *s, omn_arena *a, uint64_t *inside)
{
    adapter with;
    if (!store_adapter(t->store, s->name, &with)) return used(s);
    const char *name = omn_arena_printf(a, "%s" ADAPT_A, s->name);
    const long at = name ? omn_store_find(t->store, name) : -1;
    float *w = omn_arena_alloc(a, s->count ? s->count : 1, sizeof(*w));
    if (at < 0 || !w) return NULL;
    with.a = used(&t->opt->slots[at]);
    with.b = used(&t->opt->slots[at + 1]);
    memcpy(w, used(s), s->count * sizeof(*w));
    adapter_merge(&with, w, (int64_t)s->rows, (int64_t)s->cols);
    /* those that are not in the file of adapters add nothing */
    if (trainer_learns(t, name))
        *inside += adapter_digest(s->name, &with, (int64_t)s->rows, (int64_t)s->cols);
    return w;
}

/* The same numbers in another type. */
static const void *cast(const float *from, size_t n, omn_type type, omn_arena *a)
{
    if (!from || type == OMN_F32) return from;
    void *to = omn_arena_alloc(a, n ? n : 1, sizeof(uint16_t));
    return to && omn_from_f32(type, from, n, to) ? to : NULL;
}

omn_status omn_trainer_export(omn_trainer *t, const char *path, omn_type type, omn_error *err)
{
    omn_status st = OMN_OK;
    entries l = { .arena = omn_arena_new(0) };
    uint64_t inside = 0;
    char digest[17];
    const char *const meta[] = { ADAPT_INSIDE, digest };
    if (type != OMN_F32 && type != OMN_BF16 && type != OMN_F16) {
        st = omn_fail(err, OMN_ERR_ARGUMENT, "weights are exported as f32, bf16 or f16");
        goto done;
    }
    for (size_t i = 0; l.arena && i < t->opt->n_slots && !l.failed; i++) {
        const slot *s = &t->opt->slots[i];
        if (!strncmp(s->name, AUX_PREFIX, strlen(AUX_PREFIX)) || adapt_is_factor(s->name)) continue;
        const void *data = cast(merged(t, s, l.arena, &inside), s->count, type, l.arena);
        if (data) entries_add(&l, "", s->name, type, omn_store_tensor(t->store, i).shape, data);
        else l.failed = true;
    }
    snprintf(digest, sizeof digest, "%016" PRIx64, inside);
    if (l.failed || !l.arena)
        st = omn_fail(err, OMN_ERR_MEMORY, "not enough memory to export weights");
    else st = omn_weights_write(path, OMN_OVERWRITE, l.row, l.n, meta, inside ? 1 : 0, err);
done:
    free(l.row);
    omn_arena_free(l.arena);
    return st;
}

omn_status trainer_adapters(const omn_trainer *t, const char *path, omn_error *err)
{
    omn_status st = OMN_OK;
    adapter one = { .scale = 1 };
    entries l = { .arena = omn_arena_new(0) };
    for (size_t i = 0; l.arena && i < t->opt->n_slots; i++) {
        const slot *s = &t->opt->slots[i];
        (void)store_adapter(t->store, s->name, &one);
        /* those that no task of this training reaches add nothing */
        if (!adapt_is_factor(s->name) || !trainer_learns(t, s->name)) continue;
        entries_add(&l, "", s->name, OMN_F32, omn_store_tensor(t->store, i).shape, used(s));
    }
    const char *scale = l.arena ? omn_arena_printf(l.arena, "%.17g", one.scale) : NULL;
    const char *const meta[] = { ADAPT_MARK, "1", ADAPT_SCALE, scale };
    if (l.failed || !scale) st = omn_fail(err, OMN_ERR_MEMORY, "not enough memory for adapters");
    else st = omn_weights_write(path, OMN_OVERWRITE, l.row, l.n, meta, 2, err);
    free(l.row);
    omn_arena_free(l.arena);
    return st;
}
