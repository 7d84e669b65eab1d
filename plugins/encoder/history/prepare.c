/* SPDX-License-Identifier: Apache-2.0 */
/* A list, a stream, a video or what is interleaved as the encoder wants it: the items that are
 * looked at, each prepared by its own encoder, one below the other. Of a stream only these are ever
 * made; texts that stand between are none of them. */
#include "history.h"

#include <string.h>

#define MOST_ITEMS 4096           /* of what is interleaved */

/* The media among texts, as a list. */
static omn_status media_of(omn_call *c, const omn_value *v, omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    const size_t n = omn_value_count(v);
    size_t have = 0;
    omn_value **list = omn_call_scratch(c, n + 1, sizeof(omn_value *));
    if (!list || n > MOST_ITEMS)
        return omn_fail(err, list ? OMN_ERR_DATA : OMN_ERR_MEMORY, "%zu interleaved items: at most "
                        "%d are possible", n, MOST_ITEMS);
    for (size_t i = 0; i < n; i++) {
        OMN_TRY(omn_value_item(v, i, &list[have], err));
        if (omn_value_is(list[have], "text")) omn_value_unref(list[have]);
        else have++;
    }
    st = omn_list_new(list, have, out, err);
done:
    for (size_t i = 0; i < have; i++) omn_value_unref(list[i]);
    return st;
}

/* Items by number; what is no row of items is one itself. *n: how many there are. */
static omn_status items_of(omn_call *c, const omn_value *v, omn_value **out, size_t *n,
                           omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_kind *stream = NULL;
    if (omn_value_is(v, "list") || omn_value_is(v, "stream")) {
        *out = omn_value_ref(v);
    } else if (omn_value_is(v, "interleaved")) {
        OMN_TRY(media_of(c, v, out, err));
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
static omn_status put(const history_items *h, const omn_feed *from, omn_feed *out, size_t row,
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

/* The vectors of a row are real when any place of its item is; those of an encoder that does not
 * say so are. */
static int32_t real(const omn_feed *from)
{
    const omn_tensor *t = omn_feed_get(from, "seg");
    if (!t) return 1;
    for (size_t i = 0; i < t->bytes / sizeof(int32_t); i++)
        if (((const int32_t *)t->data)[i]) return 1;
    return 0;
}

static void mark(const history_items *h, omn_feed *out, size_t row, int32_t is_real)
{
    int32_t *seg = omn_feed_data(out, "seg");
    if (h->joined) ((int32_t *)omn_feed_data(out, "frames"))[row] = is_real;
    for (int i = 0; i < h->latents; i++)
        seg[(h->joined ? 0 : row * (size_t)h->latents) + (size_t)i] = is_real;
}

static omn_status one(const history_items *h, omn_call *c, const omn_value *v, omn_feed *out,
                      size_t row, omn_frame *frame, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_feed *f = NULL;
    const void *found = NULL;
    const void *item = omn_part_self(h->item, "omnio.encoder/1", &found);
    OMN_TRY(omn_feed_make(&f, err));
    OMN_TRY(((const omn_encoder_impl *)found)->prepare(item, c, v, f, frame, err));
    OMN_TRY(put(h, f, out, row, err));
    mark(h, out, row, real(f));
done:
    omn_feed_free(f);
    return st;
}

/* Room in all ports for so many items. */
static omn_status make_room(const history_items *h, size_t used, omn_feed *out, omn_error *err)
{
    omn_status st = OMN_OK;
    const uint32_t n = h->n_item_ports + (h->joined ? 2 : 1);
    for (uint32_t i = 0; i < n; i++) {
        void *data = NULL;
        omn_shape shape = h->ports[i].most;
        if (h->ports[i].varies & 1) shape.dim[0] = (int64_t)used;
        OMN_TRY(omn_feed_new(out, h->ports[i].name, h->ports[i].type, shape, &data, err));
    }
done:
    return st;
}

omn_status items_prepare(const void *self, omn_call *c, const omn_value *v, omn_feed *out,
                         omn_frame *frame, omn_error *err)
{
    const history_items *h = self;
    omn_status st = OMN_OK;
    omn_value *all = NULL, *item = NULL;
    size_t n = 0;
    OMN_TRY(items_of(c, v, &all, &n, err));
    const size_t used = n < (size_t)h->frames ? n : (size_t)h->frames;
    if (!used && omn_value_is(v, "interleaved")) {    /* texts alone: one item that is not there */
        st = make_room(h, 1, out, err);
        goto done;
    }
    if (!used) OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: there is nothing in it", h->name));
    if (h->choose == CHOOSE_ALL && used < n)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: %zu pictures, of which the model takes %d at once",
                         h->name, n, h->frames));
    OMN_TRY(make_room(h, used, out, err));
    for (size_t i = 0; i < used; i++) {
        const size_t at = h->choose == CHOOSE_SPREAD ? (2 * i + 1) * n / (2 * used) : i;
        omn_frame of = { 0 };
        if (all) OMN_TRY(omn_value_item(all, at, &item, err));
        st = one(h, c, item ? item : v, out, i, all ? &of : frame, err);
        if (st != OMN_OK) omn_error_prefix(err, "item %zu", at);
        OMN_TRY(st);
        omn_value_unref(item);
        item = NULL;
    }
done:
    omn_value_unref(item);
    omn_value_unref(all);
    return st;
}
