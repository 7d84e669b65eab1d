/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation of image.vqgan fails in turn: while it is opened, while pictures become numbers
 * and numbers pictures, and while its graphs are built. The answer is "memory"; what planning can
 * do without may be missing. */
#include "plugins/decoder/vqgan/vqgan.h"

#include "tests/conform/reference.h"
#include "tests/starve.h"
#include "tests/testing.h"

#include <omnio/plugin.h>

#include <string.h>

extern const omn_plugin omnio_plugin;

static const struct vqgan usual = {
    .ch = 4, .ch_mult = "1,2", .blocks = 1, .z = 2, .embed = 2, .n_embed = 5, .attention = "4",
    .resolution = 8, .groups = 2, .inner = "inner", .view = 12,
};

static const omn_decoder_impl *impl(void)
{
    return omnio_plugin.objects[0].impl;
}

/* ---- pictures ------------------------------------------------------------------------------- */

typedef struct way { int fit; bool view; int pixels; } way;

static omn_status there_and_back(void *user, omn_error *err)
{
    const way *w = user;
    const omn_decoder_impl *m = impl();
    struct vqgan p = usual;
    omn_status st = OMN_OK;
    void *self = NULL;
    omn_feed *feed = NULL;
    omn_image *img = NULL;
    omn_value *in = NULL, *out = NULL;
    omn_pixels px;
    omn_frame like = omn_frame_identity(9, 9, 6);
    p.fit = w->fit;
    p.pixels = w->pixels;
    like = omn_frame_then(&like, 0.75, 0.75, 0, -1.5);
    OMN_TRY(m->open(NULL, &p, NULL, &self, err));
    OMN_TRY(omn_image_new(OMN_U8, 9, 6, 4, NULL, &img, &px, err));
    memset(px.data, 77, 9 * 6 * 4);
    in = omn_image_give(img);
    img = NULL;
    OMN_TRY(omn_feed_make(&feed, err));
    OMN_TRY(m->prepare(self, NULL, in, w->view ? &like : NULL, feed, err));
    OMN_TRY(m->finish(self, NULL, feed, w->view ? &like : NULL, &out, err));
done:
    omn_value_unref(in);
    omn_value_unref(out);
    omn_feed_free(feed);
    if (self) m->close(self);
    return st;
}

START_TEST(pictures_say_that_memory_fails)
{
    way all[] = { { FIT_UIO2, false, PIXELS_U8 }, { FIT_UIO2, true, PIXELS_F32 },
                  { FIT_UIO1, true, PIXELS_AUTO }, { FIT_COVER, false, PIXELS_AUTO } };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        starve_play(there_and_back, &all[i], 6, false);
}
END_TEST

/* ---- graphs --------------------------------------------------------------------------------- */

typedef struct order { void *self; bool down; } order;

static void build(void *user, omn_scope *s, omn_bundle *out)
{
    const order *o = user;
    omn_bundle *in = omn_bundle_new(s);
    if (!o->down) {
        omn_node *codes = omn_input(s, "codes", OMN_I32, omn_dim2(2, 16));
        impl()->detokenize(o->self, s, codes, out);
        return;
    }
    omn_bundle_put(in, s, "pixels", omn_input(s, "pixels", OMN_F32, omn_dim4(2, 8, 8, 3)));
    omn_bundle_put(out, s, "codes", impl()->tokenize(o->self, s, in));
}

typedef struct kind { int names, codebook; } kind;

static omn_status graphs(void *user, omn_error *err)
{
    const kind *k = user;
    struct vqgan p = usual;
    omn_status st = OMN_OK;
    omn_store *store = NULL;
    omn_program *program = NULL;
    omn_graph *g = NULL;
    order o = { NULL, false };
    p.names = k->names;
    p.codebook = k->codebook;
    OMN_TRY(impl()->open(NULL, &p, NULL, &o.self, err));
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
    kind all[] = { { NAMES_UIO2, CODEBOOK_NEAREST }, { NAMES_FLAX, CODEBOOK_NEAREST },
                   { NAMES_TAMING, CODEBOOK_GUMBEL } };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) starve_play(graphs, &all[i], 50, true);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { pictures_say_that_memory_fails, graphs_say_that_memory_fails };
    return TESTING_RUN("decoder/starved", all, 60);
}
