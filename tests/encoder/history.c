/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation of history.resampler fails in turn: while it and the encoder of its items are
 * opened, while a list or one picture becomes its rows, and while its graphs are built. The answer
 * is "memory"; what planning can do without may be missing. */
#include "plugins/encoder/history/history.h"

#include "libcore/generate/open.h"
#include "tests/encoder/kitchen.h"
#include "tests/starve.h"

#include <string.h>

static const struct history usual = {
    .of = "image.vit", .of_prefix = "item",
    .of_set = "width=8,heads=2,head_width=4,layers=2,mlp=8,patch=4,rows=2,columns=3,table_rows=2,"
              "table_columns=3,second=0",
    .frames = 3, .most_frames = 4, .choose = CHOOSE_SPREAD, .patches = 4, .latents = 2, .width = 8,
    .heads = 2, .head_width = 4, .layers = 2, .mlp = 8, .project = 6, .stage = "history",
};

typedef struct past {
    struct history p;
    omn_context *ctx;
    omn_value *value;
    bool graphs;
} past;

static omn_status remembered(void *user, omn_error *err)
{
    past *h = user;
    omn_status st = OMN_OK;
    omn_call *c = NULL;
    omn_open *o = NULL;
    omn_feed *feed = NULL;
    omn_frame frame = { 0 };
    void *self = NULL;
    OMN_TRY(omn_context_call(h->ctx, 1, 0, NULL, &c, err));
    OMN_TRY(open_begin(h->ctx, c, NULL, NULL, "", &o, err));
    OMN_TRY(kitchen_impl()->open(c, &h->p, o, &self, err));
    if (h->graphs) {
        OMN_TRY(kitchen_embed(self, err));
        goto done;
    }
    OMN_TRY(omn_feed_make(&feed, err));
    OMN_TRY(kitchen_impl()->prepare(self, c, h->value, feed, &frame, err));
    starve_rest();
    const omn_tensor *t = omn_feed_get(feed, "item.patches"), *seg = omn_feed_get(feed, "seg");
    const int64_t used = omn_value_is(h->value, "list") ? 3 : 1;
    ck_assert(t && seg);
    ck_assert_int_eq(t->shape.dim[0], used);
    ck_assert_int_eq(t->shape.dim[1], 4);
    for (int64_t i = 0; i < used * usual.latents; i++)
        ck_assert_int_eq(((const int32_t *)seg->data)[i], 1);
done:
    omn_feed_free(feed);
    if (self) kitchen_impl()->close(self);
    open_end(o);
    omn_call_free(c);
    return st;
}

static omn_value *picture(uint8_t shade)
{
    omn_pixels px;
    omn_image *img = NULL;
    ck_assert_int_eq(omn_image_new(OMN_U8, 9, 6, 3, NULL, &img, &px, NULL), OMN_OK);
    memset(px.data, shade, 9 * 6 * 3);
    return omn_image_give(img);
}

START_TEST(histories_say_that_memory_fails)
{
    past h = { .p = usual, .ctx = kitchen_context() };
    omn_value *items[5];
    for (uint8_t i = 0; i < 5; i++) items[i] = picture((uint8_t)(40 * i + 10));
    h.value = items[0];
    starve_play(remembered, &h, 20, true);
    ck_assert_int_eq(omn_list_new(items, 5, &h.value, NULL), OMN_OK);
    starve_play(remembered, &h, 20, true);
    omn_value_unref(h.value);
    for (int i = 0; i < 5; i++) omn_value_unref(items[i]);
    omn_context_free(h.ctx);
}
END_TEST

START_TEST(graphs_say_that_memory_fails)
{
    past h = { .p = usual, .ctx = kitchen_context(), .graphs = true };
    for (int i = 0; i < 2; i++) {
        starve_play(remembered, &h, 50, true);
        h.p.attention = ATTENTION_COSINE;
        h.p.act = 1;
    }
    omn_context_free(h.ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { histories_say_that_memory_fails, graphs_say_that_memory_fails };
    return TESTING_RUN("encoder/history", all, 60);
}
