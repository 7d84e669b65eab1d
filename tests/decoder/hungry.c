/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation of audio.vitvqgan fails in turn: while it is opened, while samples become a
 * sound, and while its graphs are built, those of its vocoder with them. The answer is "memory";
 * what planning can do without may be missing. */
#include "plugins/decoder/vitvqgan/vitvqgan.h"

#include "tests/conform/reference.h"
#include "tests/starve.h"
#include "tests/testing.h"

#include <omnio/plugin.h>

#include <string.h>

extern const omn_plugin omnio_plugin;

static const struct vitvqgan usual = {
    .codes = 6, .embed = 2, .width = 8, .encoder_layers = 1, .encoder_mlp = 4, .encoder_heads = 1,
    .encoder_head_width = 4, .decoder_layers = 1, .decoder_mlp = 4, .decoder_heads = 1,
    .decoder_head_width = 4, .frames = 8, .bands = 4, .patch = 4, .inner = "inner",
    .vocoder = "/vocoder", .vocoder_width = 8, .hop = 256, .rate = 16000,
};

static const omn_decoder_impl *impl(void)
{
    return omnio_plugin.objects[0].impl;
}

static omn_status samples(void *user, omn_error *err)
{
    const struct vitvqgan *p = user;
    omn_status st = OMN_OK;
    omn_feed *feed = NULL;
    omn_value *out = NULL;
    void *self = NULL, *data = NULL;
    OMN_TRY(impl()->open(NULL, p, NULL, &self, err));
    OMN_TRY(omn_feed_make(&feed, err));
    OMN_TRY(omn_feed_new(feed, "samples", OMN_F32, omn_dim1(8 * 256), &data, err));
    OMN_TRY(impl()->finish(self, NULL, feed, NULL, &out, err));
done:
    omn_value_unref(out);
    omn_feed_free(feed);
    if (self) impl()->close(self);
    return st;
}

START_TEST(sounds_say_that_memory_fails)
{
    struct vitvqgan p = usual;
    starve_play(samples, &p, 5, false);
}
END_TEST

typedef struct order { void *self; bool down; } order;

static void build(void *user, omn_scope *s, omn_bundle *out)
{
    const order *o = user;
    omn_bundle *in = omn_bundle_new(s);
    if (!o->down) {
        impl()->detokenize(o->self, s, omn_input(s, "codes", OMN_I32, omn_dim2(2, 2)), out);
        return;
    }
    omn_bundle_put(in, s, "spectrogram",
                   omn_input(s, "spectrogram", OMN_F32, omn_dim3(2, 8, 4)));
    omn_bundle_put(out, s, "codes", impl()->tokenize(o->self, s, in));
}

static omn_status graphs(void *user, omn_error *err)
{
    const struct vitvqgan *p = user;
    omn_status st = OMN_OK;
    omn_store *store = NULL;
    omn_program *program = NULL;
    omn_graph *g = NULL;
    order o = { NULL, false };
    OMN_TRY(impl()->open(NULL, p, NULL, &o.self, err));
    OMN_TRY(omn_store_new(7, NULL, false, &store, err));
    const omn_program_setup how = { OMN_FILL(omn_program_setup), .store = store,
                                    .compute = &reference_compute, .cpu = &reference_compute };
    OMN_TRY(omn_program_new(&how, &program, err));
    OMN_TRY(omn_program_graph(program, "back", build, &o, &g, err));
    o.down = true;
    OMN_TRY(omn_program_graph(program, "there", build, &o, &g, err));
done:
    omn_program_free(program);
    omn_store_free(store);
    if (o.self) impl()->close(o.self);
    return st;
}

START_TEST(graphs_say_that_memory_fails)
{
    struct vitvqgan all[2] = { usual, usual };
    all[1].vocoder = "";
    all[1].order = ORDER_MEL;
    for (int i = 0; i < 2; i++) starve_play(graphs, &all[i], 50, true);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { sounds_say_that_memory_fails, graphs_say_that_memory_fails };
    return TESTING_RUN("decoder/hungry", all, 60);
}
