/* SPDX-License-Identifier: Apache-2.0 */
/* A list, a stream or a video as the encoder wants it: the items that are looked at, each prepared
 * by its own encoder, one below the other. Of a stream only these are ever made. */
#include "history.h"

#include <string.h>

/* Items by number; what is no row of items is one itself. *n: how many there are. */
static omn_status items_of(omn_call *c, const omn_value *v, omn_value **out, size_t *n,
                           omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_kind *stream = NULL;
    if (omn_value_is(v, "list") || omn_value_is(v, "stream")) {
        *out = omn_value_ref(v);
    } else if (omn_value_is(v, "video")) {
        OMN_TRY(omn_kind_find(c, "stream", &stream, err));
        OMN_TRY(omn_value_convert(c, v, stream, out, err));
    } else {
        *out = NULL;
        *n = 1;
        return OMN_OK;
    }
    *n = omn_value_count(*out);
done:
    return st;
}

/* One item into row `row` of what was made for all; where it has more places than are fed, those
 * that lie equally far apart. */
static omn_status put(const history_self *h, const omn_feed *from, omn_feed *out, size_t row,
                      omn_error *err)
{
    for (uint32_t i = 0; i < h->n_item_ports; i++) {
        const omn_tensor *t = omn_feed_get(from, h->item_ports[i].name);
        const omn_tensor *all = omn_feed_get(out, h->ports[i].name);
        if (!t || !all)
            return omn_fail(err, OMN_ERR_PLUGIN, "%s did not fill its port \"%s\"",
                            omn_part_object(h->item), h->item_ports[i].name);
        const size_t each = all->bytes / (size_t)all->shape.dim[0];
        char *to = (char *)(uintptr_t)all->data + row * each;
        const size_t have = t->shape.rank ? (size_t)t->shape.dim[0] : 1;
        const size_t want = all->shape.rank > 1 ? (size_t)all->shape.dim[1] : 1;
        const size_t place = each / want;
        if (have < want || t->bytes != have * place) {
            memcpy(to, t->data, t->bytes < each ? t->bytes : each);
            continue;
        }
        for (size_t k = 0; k < want; k++)
            memcpy(to + k * place, (const char *)t->data + k * have / want * place, place);
    }
    return OMN_OK;
}

/* The vectors of a row are real when any place of its item is. */
static void mark(const history_self *h, const omn_feed *from, int32_t *seg)
{
    const omn_tensor *t = omn_feed_get(from, "seg");
    int32_t real = 0;
    for (size_t i = 0; i < t->bytes / sizeof real; i++)
        if (((const int32_t *)t->data)[i]) real = 1;
    for (int i = 0; i < h->p->latents; i++) seg[i] = real;
}

static omn_status one(const history_self *h, omn_call *c, const omn_value *v, omn_feed *out,
                      size_t row, int32_t *seg, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_feed *f = NULL;
    omn_frame frame = { 0 };
    const void *found = NULL;
    const void *item = omn_part_self(h->item, "omnio.encoder/1", &found);
    OMN_TRY(omn_feed_make(&f, err));
    OMN_TRY(((const omn_encoder_impl *)found)->prepare(item, c, v, f, &frame, err));
    OMN_TRY(put(h, f, out, row, err));
    mark(h, f, seg + row * (size_t)h->p->latents);
done:
    omn_feed_free(f);
    return st;
}

omn_status history_prepare(const void *self, omn_call *c, const omn_value *v, omn_feed *out,
                           omn_frame *frame, omn_error *err)
{
    const history_self *h = self;
    const struct history *p = h->p;
    omn_status st = OMN_OK;
    omn_value *items = NULL, *item = NULL;
    size_t n = 0;
    void *data = NULL, *seg = NULL;
    (void)frame;
    OMN_TRY(items_of(c, v, &items, &n, err));
    const size_t used = n < (size_t)p->frames ? n : (size_t)p->frames;
    if (!used) {
        st = omn_fail(err, OMN_ERR_DATA, "history.resampler: there is nothing in it");
        goto done;
    }
    for (uint32_t i = 0; i <= h->n_item_ports; i++) {
        omn_shape shape = h->ports[i].most;
        shape.dim[0] = (int64_t)used;
        OMN_TRY(omn_feed_new(out, h->ports[i].name, h->ports[i].type, shape, &data, err));
        seg = data;                                      /* the last port */
    }
    for (size_t i = 0; i < used; i++) {
        const size_t at = p->choose == CHOOSE_SPREAD ? (2 * i + 1) * n / (2 * used) : i;
        if (items) OMN_TRY(omn_value_item(items, at, &item, err));
        st = one(h, c, item ? item : v, out, i, seg, err);
        if (st != OMN_OK) omn_error_prefix(err, "item %zu", at);
        OMN_TRY(st);
        omn_value_unref(item);
        item = NULL;
    }
done:
    omn_value_unref(item);
    omn_value_unref(items);
    return st;
}
