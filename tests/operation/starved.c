/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation of the spectrum plugin fails in turn: sound to mel bands, bands to sound, bands
 * to a picture, and FFTW's plans. The answer is "memory", and with all memory it is what it was. */
#include "plugins/operation/spectrum/spectrum.h"

#include "tests/encoder/kitchen.h"
#include "tests/starve.h"

typedef struct scene {
    omn_context *ctx;
    omn_value *in, *wanted;               /* wanted NULL: what comes is kept */
    mel_setup mel;
    int what;                             /* 0: mel, 1: sound, 2: picture */
} scene;

static omn_status made(void *user, omn_error *err)
{
    scene *s = user;
    const invert_setup invert = { 16000, 0, 8000, 64, 2 };
    omn_status st = OMN_OK;
    omn_call *c = NULL;
    omn_value *out = NULL;
    omn_image *img = NULL;
    OMN_TRY(omn_context_call(s->ctx, 1, 0, NULL, &c, err));
    if (s->what == 0) OMN_TRY(mel_make(c, s->in, &s->mel, &out, err));
    if (s->what == 1) OMN_TRY(invert_make(c, s->in, &invert, &out, err));
    if (s->what == 2) OMN_TRY(picture_make(c, s->in, 2, 80, &img, err));
    if (img) out = omn_image_give(img);
    starve_rest();
    ck_assert_ptr_nonnull(out);
    if (s->wanted) ck_assert(omn_value_equal(out, s->wanted));
    else s->wanted = omn_value_ref(out);
done:
    omn_value_unref(out);
    omn_call_free(c);
    return st;
}

START_TEST(spectra_say_that_memory_fails)
{
    omn_error err = OMN_ERROR_INIT;
    scene s = { .ctx = kitchen_context(), .in = kitchen_sound(800) };
    s.mel = (mel_setup){ .window = 64, .hop = 16, .bands = 8, .high = 8000, .log = true };
    for (s.what = 0; s.what < 3; s.what++) {
        for (int plain = 0; plain < (s.what ? 1 : 2); plain++) {
            s.mel.log = !plain;
            omn_value_unref(s.wanted);
            s.wanted = NULL;
            /* plans are kept from now on */
            ck_assert_msg(made(&s, &err) == OMN_OK, "%s", err.text);
            starve_play(made, &s, s.what == 2 ? 1 : 3, false);
        }
        if (s.what) continue;
        omn_value_unref(s.in);
        s.in = omn_value_ref(s.wanted);
    }
    omn_value_unref(s.in);
    omn_value_unref(s.wanted);
    omn_context_free(s.ctx);
}
END_TEST

static omn_status planned(void *user, omn_error *err)
{
    plans p;
    return plans_get(*(size_t *)user, &p, err);
}

START_TEST(plans_say_that_memory_fails)
{
    omn_error err = OMN_ERROR_INIT;
    plans p;
    size_t n = 48;
    starve_play(planned, &n, 1, false);
    ck_assert_int_eq(plans_get(n, &p, &err), OMN_OK);
    ck_assert_uint_eq(p.n, n);
    ck_assert(p.forward && p.back);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { spectra_say_that_memory_fails, plans_say_that_memory_fails };
    return TESTING_RUN("operation/starved", all, 60);
}
