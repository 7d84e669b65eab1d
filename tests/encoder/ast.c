/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation of audio.ast fails in turn: while it is opened, while a sound becomes patches,
 * and while its blocks are built. The answer is "memory"; what planning can do without may be
 * missing. */
#include "plugins/encoder/ast/ast.h"

#include "tests/encoder/kitchen.h"
#include "tests/starve.h"

#include <string.h>

static const struct ast usual = {
    .width = 8, .heads = 2, .head_width = 4, .layers = 2, .mlp = 8, .patch = 2, .rows = 2,
    .columns = 3, .places = 10, .second = 0, .project = 6, .frozen = true, .mean = -4.26,
    .deviation = 9.14, .stage = "audio",
};

typedef struct hearing {
    omn_context *ctx;
    omn_value *sound;
    omn_tensor wanted[3];                 /* of each port; data NULL: what comes is kept */
    char kept[3][256];
} hearing;

static omn_status heard(void *user, omn_error *err)
{
    static const char *const ports[3] = { "patches", "seg", "pos" };
    hearing *h = user;
    omn_status st = OMN_OK;
    omn_call *c = NULL;
    omn_feed *feed = NULL;
    omn_frame frame = { 0 };
    void *self = NULL;
    OMN_TRY(omn_context_call(h->ctx, 1, 0, NULL, &c, err));
    OMN_TRY(kitchen_impl()->open(c, &usual, NULL, &self, err));
    OMN_TRY(omn_feed_make(&feed, err));
    OMN_TRY(kitchen_impl()->prepare(self, c, h->sound, feed, &frame, err));
    starve_rest();
    for (int i = 0; i < 3; i++) {
        const omn_tensor *t = omn_feed_get(feed, ports[i]);
        ck_assert_ptr_nonnull(t);
        ck_assert_uint_le(t->bytes, sizeof h->kept[i]);
        if (h->wanted[i].data) {
            ck_assert_uint_eq(t->bytes, h->wanted[i].bytes);
            ck_assert_mem_eq(t->data, h->wanted[i].data, t->bytes);
        } else {
            memcpy(h->kept[i], t->data, t->bytes);
            h->wanted[i] = *t;
            h->wanted[i].data = h->kept[i];
        }
    }
done:
    omn_feed_free(feed);
    if (self) kitchen_impl()->close(self);
    omn_call_free(c);
    return st;
}

START_TEST(sounds_say_that_memory_fails)
{
    omn_error err = OMN_ERROR_INIT;
    hearing h = { .ctx = kitchen_context(), .sound = kitchen_sound(700) };
    ck_assert_msg(heard(&h, &err) == OMN_OK, "%s", err.text);
    starve_play(heard, &h, 8, false);
    omn_value_unref(h.sound);
    omn_context_free(h.ctx);
}
END_TEST

static omn_status built(void *user, omn_error *err)
{
    omn_status st = OMN_OK;
    void *self = NULL;
    OMN_TRY(kitchen_impl()->open(NULL, user, NULL, &self, err));
    OMN_TRY(kitchen_embed(self, err));
done:
    if (self) kitchen_impl()->close(self);
    return st;
}

START_TEST(graphs_say_that_memory_fails)
{
    struct ast all[2] = { usual, usual };
    all[1].second = -1;
    all[1].project = 0;
    all[1].frozen = false;
    for (int i = 0; i < 2; i++) starve_play(built, &all[i], 50, true);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { sounds_say_that_memory_fails, graphs_say_that_memory_fails };
    return TESTING_RUN("encoder/ast", all, 60);
}
