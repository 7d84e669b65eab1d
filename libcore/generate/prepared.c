/* SPDX-License-Identifier: Apache-2.0 */
/* Values as an encoder wants them, kept while a run lasts: a picture that two steps see, or in
 * which the boxes of a prompt lie, is scaled and cut into patches once. Values never change and are
 * counted, so the same pointer is the same content as long as it is held here. */
#include "prepared.h"

#include "open.h"

#include <stdlib.h>
#include <string.h>

#define MOST_BYTES ((size_t)256 << 20)
/* From one item to the next, values included. */
#define MOST_BETWEEN ((size_t)16 << 20)

typedef struct kept {
    const omn_part *part;
    omn_value *value;
    omn_feed *feed;
    omn_frame frame;
    size_t bytes;
} kept;

struct omn_prepared {
    const omn_model *model;
    kept *list;
    size_t n, room, bytes;
    uint64_t made;
};

omn_status omn_prepared_new(const omn_model *m, omn_prepared **out, omn_error *err)
{
    *out = calloc(1, sizeof **out);
    if (!*out) return omn_fail(err, OMN_ERR_MEMORY, "prepared inputs: out of memory");
    (*out)->model = m;
    return OMN_OK;
}

void omn_prepared_clear(omn_prepared *p)
{
    for (size_t i = 0; p && i < p->n; i++) {
        omn_value_unref(p->list[i].value);
        omn_feed_free(p->list[i].feed);
    }
    if (p) p->n = p->bytes = 0;
}

void omn_prepared_free(omn_prepared *p)
{
    omn_prepared_clear(p);
    if (p) free(p->list);
    free(p);
}

const omn_model *prepared_model(const omn_prepared *p)
{
    return p->model;
}

/* What is read as it is needed (a video) holds its file open, so it goes with its item. */
void prepared_leave(omn_prepared *p)
{
    size_t held = p ? p->bytes : 0;
    bool stays = true;
    for (size_t i = 0; p && i < p->n && stays; i++) {
        const omn_value *v = p->list[i].value;
        held += omn_value_bytes(v);
        stays = held <= MOST_BETWEEN && (omn_value_is(v, "image") || omn_value_is(v, "audio"));
    }
    if (!stays) omn_prepared_clear(p);
}

uint64_t omn_prepared_made(const omn_prepared *p)
{
    return p->made;
}

static size_t bytes_of(const omn_part *part, const omn_feed *feed)
{
    const omn_encoder_impl *e = part->impl;
    const omn_port *list = NULL;
    const uint32_t n = e->ports(part->self, &list);
    size_t bytes = 0;
    for (uint32_t i = 0; i < n; i++) {
        const omn_tensor *t = omn_feed_get(feed, list[i].name);
        if (t) bytes += t->bytes;
    }
    return bytes;
}

static bool grow(omn_prepared *p)
{
    const size_t room = p->room ? 2 * p->room : 16;
    kept *more = p->n < p->room ? p->list : realloc(p->list, room * sizeof *more);
    if (!more) return false;
    if (p->n == p->room) p->room = room;
    p->list = more;
    return true;
}

omn_status omn_prepared_get(omn_prepared *p, omn_call *c, const char *role, const omn_value *v,
                            const omn_feed **out, omn_frame *frame, omn_error *err)
{
    omn_status st = OMN_OK;
    kept k = { .part = omn_model_encoder(p->model, role) };
    if (!k.part)
        return omn_fail(err, OMN_ERR_UNSUPPORTED, "this model takes no input \"%s\"", role);
    for (size_t i = 0; i < p->n; i++) {
        if (p->list[i].part != k.part || p->list[i].value != v) continue;
        *out = p->list[i].feed;
        if (frame) *frame = p->list[i].frame;
        return OMN_OK;
    }
    OMN_TRY(omn_feed_make(&k.feed, err));
    OMN_TRY(omn_model_prepare(p->model, c, role, v, k.feed, &k.frame, err));
    if (!grow(p)) {
        st = omn_fail(err, OMN_ERR_MEMORY, "prepared inputs: out of memory");
        goto done;
    }
    k.bytes = bytes_of(k.part, k.feed);
    k.value = omn_value_ref(v);
    p->made++;
    p->bytes += k.bytes;
    p->list[p->n++] = k;
    *out = k.feed;
    if (frame) *frame = k.frame;
    return OMN_OK;
done:
    omn_feed_free(k.feed);
    return st;
}

bool omn_prepared_full(const omn_prepared *p)
{
    return p->bytes >= MOST_BYTES;
}
