/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation of audio.vitvqgan fails in turn where it calls other plugins: a sound becomes
 * what the network reads, and without a vocoder its spectrogram becomes a sound. The answer is
 * "memory"; where all is there, it is what it was. */
#include "plugins/decoder/vitvqgan/vitvqgan.h"

#include "tests/encoder/kitchen.h"
#include "tests/starve.h"

#include <string.h>

static const struct vitvqgan usual = {
    .codes = 6, .embed = 2, .width = 8, .encoder_layers = 1, .encoder_mlp = 4, .encoder_heads = 1,
    .encoder_head_width = 4, .decoder_layers = 1, .decoder_mlp = 4, .decoder_heads = 1,
    .decoder_head_width = 4, .frames = 8, .bands = 4, .patch = 4, .inner = "inner", .vocoder = "",
    .vocoder_width = 8, .hop = 256, .rate = 16000,
};

typedef struct speaking {
    omn_context *ctx;
    omn_value *in, *wanted;               /* wanted NULL: what comes is kept */
    bool back;
} speaking;

static omn_status spoken(void *user, omn_error *err)
{
    const omn_decoder_impl *impl = omnio_plugin.objects[0].impl;
    speaking *s = user;
    omn_status st = OMN_OK;
    omn_call *c = NULL;
    omn_feed *feed = NULL;
    omn_value *out = NULL;
    void *self = NULL, *data = NULL;
    OMN_TRY(omn_context_call(s->ctx, 1, 0, NULL, &c, err));
    OMN_TRY(impl->open(c, &usual, NULL, &self, err));
    OMN_TRY(omn_feed_make(&feed, err));
    if (!s->back) {
        OMN_TRY(impl->prepare(self, c, s->in, NULL, feed, err));
        starve_rest();
        const omn_tensor *t = omn_feed_get(feed, "spectrogram");
        ck_assert_ptr_nonnull(t);
        ck_assert_uint_eq(t->bytes, 8 * 4 * sizeof(float));
        goto done;
    }
    const vitvqgan_self *v = self;
    OMN_TRY(omn_feed_new(feed, v->out.name, OMN_F32, v->out.most, &data, err));
    for (int i = 0; i < 8 * 4; i++) ((float *)data)[i] = 0.1F * (float)(i % 7);
    OMN_TRY(impl->finish(self, c, feed, NULL, &out, err));
    starve_rest();
    ck_assert(omn_value_is(out, "audio"));
    if (s->wanted) ck_assert(omn_value_equal(out, s->wanted));
    else s->wanted = omn_value_ref(out);
done:
    omn_value_unref(out);
    omn_feed_free(feed);
    if (self) impl->close(self);
    omn_call_free(c);
    return st;
}

START_TEST(sounds_say_that_memory_fails)
{
    omn_error err = OMN_ERROR_INIT;
    speaking s = { .ctx = kitchen_context(), .in = kitchen_sound(1700) };
    for (int i = 0; i < 2; i++) {
        s.back = i;
        ck_assert_msg(spoken(&s, &err) == OMN_OK, "%s", err.text);
        starve_play(spoken, &s, 5, false);
    }
    omn_value_unref(s.in);
    omn_value_unref(s.wanted);
    omn_context_free(s.ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { sounds_say_that_memory_fails };
    return TESTING_RUN("decoder/spoken", all, 60);
}
