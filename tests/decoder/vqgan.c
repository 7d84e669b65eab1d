/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures to codes and back by the networks of four families, stage by stage against the original
 * programs, on every path of kernels and on OpenCL. Codes are equal; other numbers may differ by
 * 1e-4 of the greatest, which is what the golden files suggest. */
#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PART 1e-4

/* One golden stage against the node of that tag. Channels come first in it (or last). A stage of
 * fewer rows than the batch is that of its first; of large ones there is a mean and a corner. */
static void stage(bench *b, omn_graph *g, const char *golden, const char *tag, bool first)
{
    const omn_tensor got = bench_output(b, g, tag), *want = bench_golden(b, golden);
    const char *last = strrchr(golden, '.'), *dot = last ? last : golden;
    const size_t H = (size_t)got.shape.dim[1], W = (size_t)got.shape.dim[2];
    const size_t C = (size_t)got.shape.dim[3], n = H * W * C;
    const float *x = got.data, *y = want->data;
    if (!strcmp(dot, ".mean_abs")) {
        double sum = 0;
        for (size_t i = 0; i < n; i++) sum += fabs((double)x[i]);
        ck_assert_msg(fabs(sum / (double)n - (double)y[0]) <= PART * (double)y[0],
                      "%s: %.9g, %.9g wanted", golden, sum / (double)n, (double)y[0]);
    } else if (!strcmp(dot, ".corner8x8")) {
        float *corner = testing_memory(C * 64 * sizeof *corner);
        ck_assert_uint_eq(want->bytes, C * 64 * 4);
        for (size_t i = 0; i < C * 64; i++)
            corner[i] = x[(i / 8 % 8 * W + i % 8) * C + i / 64];
        bench_near(golden, corner, y, C * 64, PART);
    } else {
        const size_t rows = (size_t)want->shape.dim[0];
        ck_assert_msg(want->bytes == rows * n * 4, "%s has another shape", golden);
        bench_near(golden, x, first ? bench_last_channel(y, rows, C, H, W) : y, rows * n, PART);
    }
}

/* Every golden tensor whose name begins with `from`: compared with the tag that begins with `to`
 * instead; how many. */
static size_t stages(bench *b, omn_graph *g, const char *from, const char *to, bool first)
{
    size_t count = 0;
    for (size_t i = 0; i < omn_weights_count(b->golden); i++) {
        const char *name = omn_weights_name(b->golden, i);
        char tag[256];
        if (strncmp(name, from, strlen(from))) continue;
        snprintf(tag, sizeof tag, "%s%s", to, name + strlen(from));
        char *end = strstr(tag, ".mean_abs") ? strstr(tag, ".mean_abs") : strstr(tag, ".corner8x8");
        if (end) *end = 0;
        stage(b, g, name, tag, first);
        count++;
    }
    return count;
}

/* There and back: codes are equal, `picture` is what they become. */
static omn_graph *there(bench *b, const char *prefix, const float *pixels, const int32_t *codes,
                        int64_t rows)
{
    const omn_codes *k = b->impl->codes(b->part->self);
    const omn_port *in = NULL, *out = NULL;
    uint32_t n_out = 0;
    b->impl->ports(b->part->self, &in, &n_out, &out);
    const omn_shape m = in->most;
    omn_graph *g = bench_tokenize(b, prefix, rows);
    bench_feed(b, "pixels", OMN_F32, omn_dim4(rows, m.dim[0], m.dim[1], m.dim[2]), pixels);
    WORKS(b, omn_exec_run(b->exec, g, b->feed, b->call, &b->err));
    const omn_tensor got = bench_output(b, g, "codes");
    ck_assert_uint_eq(got.bytes, (size_t)(rows * k->count) * 4);
    for (int64_t i = 0; i < rows * k->count; i++)
        ck_assert_msg(((const int32_t *)got.data)[i] == codes[i], "code %d is %d, %d wanted",
                      (int)i, ((const int32_t *)got.data)[i], codes[i]);
    return g;
}

static omn_graph *back(bench *b, const char *prefix, const int32_t *codes, int64_t rows)
{
    const omn_codes *k = b->impl->codes(b->part->self);
    omn_graph *g = bench_detokenize(b, prefix, rows, k->count);
    omn_feed_clear(b->feed);
    bench_feed(b, "codes", OMN_I32, omn_dim2(rows, k->count), codes);
    WORKS(b, omn_exec_run(b->exec, g, b->feed, b->call, &b->err));
    return g;
}

/* ---- the families --------------------------------------------------------------------------- */

static void uio2(const char *device)
{
    bench own, *b = &own;
    bench_open(b, "image.vqgan",
               "ch=32 ch_mult=1,1,2,2 n_embed=64 resolution=64 attention=8 inner=weights",
               "codecs/image_vqgan_tiny.safetensors", device);
    if (!b->program) {
        printf("# there is no OpenCL device\n");
        bench_close(b);
        return;
    }
    const int32_t *codes = bench_numbers(b, "indices", 128);
    const float *pixels = bench_last_channel(bench_floats(b, "input", 2 * 3 * 64 * 64), 2, 3, 64,
                                             64);
    omn_graph *g = there(b, "", pixels, codes, 2);
    ck_assert_uint_eq(stages(b, g, "stage.encoder.", "weights.encoder.", true), 28);
    stage(b, g, "encoder_out", "weights.encoder.conv_out", true);
    stage(b, g, "quant_conv_out", "weights.quant_conv", true);
    /* the squared distances that the codes are least of */
    const omn_tensor z = bench_output(b, g, "weights.quant_conv");
    const float *book = bench_floats(b, "weights.quantize.embedding.weight", 64 * 4);
    float *far = testing_memory(128 * 64 * sizeof *far);
    for (size_t i = 0; i < 128 * 64; i++)
        for (size_t k = 0; k < 4; k++) {
            const float d = ((const float *)z.data)[i / 64 * 4 + k] - book[i % 64 * 4 + k];
            far[i] += d * d;
        }
    bench_near("distances", far, bench_floats(b, "distances", 128 * 64), 128 * 64, PART);
    g = back(b, "", codes, 2);
    ck_assert_uint_eq(stages(b, g, "stage.decoder.", "weights.decoder.", true), 38);
    stage(b, g, "quantized", "weights.quantize", true);
    stage(b, g, "post_quant_out", "weights.post_quant_conv", true);
    stage(b, g, "decoder_out", "pixels", true);
    g = back(b, "", bench_numbers(b, "random_codes", 128), 2);
    stage(b, g, "random_codes_decoder_out", "pixels", true);
    bench_close(b);
}

static void uio1(const char *device)
{
    static const struct {
        const char *settings, *file;
        int64_t h, w, codes;
        size_t there, back;
    } all[] = {
        { "ch=4 ch_mult=1,2,2 z=6 embed=6 n_embed=48 resolution=16 attention=4 groups=2 names=flax "
          "fit=uio1 height=20 width=12", "codecs/uio1_vqgan_a.safetensors", 20, 12, 15, 11, 10 },
        { "ch=4 ch_mult=1,1,2,2,4 blocks=1 z=5 embed=5 n_embed=40 resolution=256 attention=16 "
          "groups=2 names=flax fit=uio1 height=48 width=32", "codecs/uio1_vqgan_b.safetensors", 48,
          32, 6, 5, 7 },
    };
    for (size_t i = 0; i < 2; i++) {
        bench own, *b = &own;
        bench_open(b, "image.vqgan", all[i].settings, all[i].file, device);
        if (!b->program) {
            bench_close(b);
            return;
        }
        const int32_t *codes = bench_numbers(b, "out.codes", (size_t)all[i].codes * 2);
        const float *x = bench_floats(b, "in.image", (size_t)(2 * all[i].h * all[i].w * 3));
        omn_graph *g = there(b, "discrete_vae", x, codes, 2);
        stage(b, g, "out.enc.z", "discrete_vae.quant_conv", false);
        stage(b, g, "out.enc.encoder", "discrete_vae.encoder.conv_out", false);
        size_t n = stages(b, g, "out.enc.conv_in", "discrete_vae.encoder.conv_in", false) +
            stages(b, g, "out.enc.down", "discrete_vae.encoder.down", false) +
            stages(b, g, "out.enc.mid", "discrete_vae.encoder.mid", false) +
            stages(b, g, "out.enc.norm_out", "discrete_vae.encoder.norm_out", false);
        ck_assert_uint_eq(n, all[i].there);
        g = back(b, "discrete_vae", codes, 2);
        stage(b, g, "out.dec.post_quant_conv", "discrete_vae.post_quant_conv", false);
        stage(b, g, "out.dec.image", "pixels", false);
        n = stages(b, g, "out.dec.conv_in", "discrete_vae.decoder.conv_in", false) +
            stages(b, g, "out.dec.mid", "discrete_vae.decoder.mid", false) +
            stages(b, g, "out.dec.up", "discrete_vae.decoder.up", false);
        ck_assert_uint_eq(n, all[i].back);
        bench_close(b);
    }
}

static void ofa(const char *device)
{
    bench own, *b = &own;
    bench_open(b, "image.vqgan",
               "ch=32 ch_mult=1,1 blocks=1 z=6 embed=6 n_embed=24 resolution=24 attention=12 "
               "names=taming codebook=gumbel fit=cover height=16 width=24",
               "codecs/ofa_vqgan.safetensors", device);
    if (!b->program) {
        bench_close(b);
        return;
    }
    const float *x = bench_last_channel(bench_floats(b, "in.image", 3 * 16 * 24), 1, 3, 16, 24);
    omn_graph *g = there(b, "", x, bench_numbers(b, "out.enc.codes", 96), 1);
    stage(b, g, "out.enc.h", "encoder.conv_out", true);
    stage(b, g, "out.enc.logits", "quantize.proj", true);
    g = back(b, "", bench_numbers(b, "in.codes", 96), 1);
    ck_assert_uint_eq(stages(b, g, "out.dec.", "decoder.", true), 4);
    stage(b, g, "out.decoded", "pixels", true);
    /* the 8-bit picture */
    const omn_tensor got = bench_output(b, g, "pixels");
    const int32_t *want = bench_numbers(b, "out.pixels", 16 * 24 * 3);
    omn_value *v = NULL;
    omn_feed_clear(b->feed);
    bench_feed(b, "pixels", OMN_F32, omn_dim3(16, 24, 3), got.data);
    WORKS(b, b->impl->finish(b->part->self, b->call, b->feed, NULL, &v, &b->err));
    const omn_pixels px = omn_image_pixels(omn_value_image(v));
    ck_assert(px.type == OMN_U8 && px.width == 24 && px.height == 16 && px.channels == 3);
    for (size_t i = 0; i < 16 * 24 * 3; i++)
        ck_assert_int_eq(((const uint8_t *)px.data)[i], want[i]);
    omn_value_unref(v);
    bench_close(b);
}

/* tests/golden/dalle/make.py: an implementation in double precision of its formulas. */
static void dvae(const char *device)
{
    bench own, *b = &own;
    bench_open(b, "image.vqgan",
               "network=dvae ch=4 ch_mult=1,2 blocks=1 embed=6 n_embed=16 attention= resolution=8 "
               "fit=cover", "dalle/vae.safetensors", device);
    if (!b->program) {
        bench_close(b);
        return;
    }
    omn_graph *g = there(b, "", bench_floats(b, "in.pixels", 2 * 8 * 8 * 3),
                         bench_numbers(b, "codes", 32), 2);
    ck_assert_uint_eq(stages(b, g, "stage.encoder.", "encoder.", false), 3);
    g = back(b, "", bench_numbers(b, "in.codes", 32), 2);
    ck_assert_uint_eq(stages(b, g, "stage.decoder.", "decoder.", false), 3);
    stage(b, g, "pixels", "pixels", false);
    bench_close(b);
}

static void on_every_level(void (*family)(const char *device))
{
    const char *const *levels;
    const size_t n = testing_levels(&levels);
    for (size_t i = 0; i < n; i++) {
        setenv("OMNIO_CPU", levels[i], 1);
        family(NULL);
    }
    unsetenv("OMNIO_CPU");
}

START_TEST(every_stage_of_uio2) { on_every_level(uio2); }
END_TEST
START_TEST(every_stage_of_uio1) { on_every_level(uio1); }
END_TEST
START_TEST(every_stage_of_ofa) { on_every_level(ofa); }
END_TEST

START_TEST(every_stage_of_dalle) { on_every_level(dvae); }
END_TEST

START_TEST(every_stage_on_opencl)
{
    uio2("opencl");
    uio1("opencl");
    ofa("opencl");
    dvae("opencl");
}
END_TEST

/* ---- what must not work --------------------------------------------------------------------- */

START_TEST(parameters_that_contradict_each_other_are_refused)
{
    static const struct { const char *settings, *says; } all[] = {
        { "ch_mult=1,2,", "ch_mult is \"1,2,\"; numbers like" },
        { "ch_mult=1,0", "ch_mult is \"1,0\"" },
        { "ch_mult=1,-2", "ch_mult is" },
        { "ch_mult=x", "ch_mult is \"x\"" },
        { "ch_mult=99999999999999999999", "ch_mult is" },
        { "ch_mult=1,1,1,1,1,1,1,1,1,1,1,1,1", "1 to 12 of them" },
        { "ch=100", "100 channels of a level do not fall into 32 groups" },
        { "attention=31", "no level of 4 has the nominal size 31 for attention (the first has 256, "
                          "the last 32)" },
        { "attention=32,", "sizes like \"32\"" },
        { "height=260", "halve the picture to codes of 8 x 8 pixels, which 256 x 260 is no" },
        { "ch_mult=1,1,1,1,1,1,1,1,1,1 attention=128", "512 x 512 pixels, which 256 x 256" },
        { "names=flax codebook=gumbel", "a codebook of gumbel has no names of flax" },
        { "n_embed=0", "n_embed" },
        { "network=dvae", "attention is \"32\"; a dVAE has none" },
        { "network=dvae attention= ch=30", "30 channels have no quarter" },
        { "network=dvae attention= eps=0.5", "eps" },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        bench b;
        bench_open(&b, "image.vqgan", all[i].settings, NULL, NULL);
        ck_assert_msg(!b.part, "%s is taken", all[i].settings);
        ck_assert_msg(strstr(b.err.text, all[i].says) != NULL, "%s: %s", all[i].settings,
                      b.err.text);
        bench_close(&b);
    }
}
END_TEST

START_TEST(weights_that_are_not_there_are_named)
{
    static const struct { const char *settings, *says; } all[] = {
        { "ch_mult=1,1,2,2,2 attention=4",
          "weights.decoder.up_2_block_0.conv1.weight: [32, 64, 3, 3]" },
        { "blocks=3 ch_mult=1,1,2,2", "weights.decoder.up_0_block_3" },
        { "ch_mult=1,1,2,4", "weights.decoder.conv_in.weight: [64, 4, 3, 3]" },
        { "embed=8 ch_mult=1,1,2,2", "weights.quantize.embedding.weight: [64, 4]" },
        { "attention=16 ch_mult=1,1,2,2", "weights.decoder.up_1_attn_0" },
        { "names=taming ch_mult=1,1,2,2", "weights.decoder.mid.block_1" },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        bench b;
        char text[256];
        snprintf(text, sizeof text, "ch=32 n_embed=64 resolution=64 %s%s", all[i].settings,
                 strstr(all[i].settings, "attention") ? "" : " attention=8");
        bench_open(&b, "image.vqgan", text, "codecs/image_vqgan_tiny.safetensors", NULL);
        ck_assert_msg(b.part != NULL, "%s", b.err.text);
        const omn_codes *k = b.impl->codes(b.part->self);
        ck_assert_int_ne(bench_try_detokenize(&b, "weights", k->count), OMN_OK);
        ck_assert_msg(strstr(b.err.text, all[i].says) != NULL, "%s: %s", text, b.err.text);
        bench_close(&b);
    }
}
END_TEST

START_TEST(codes_that_are_none_are_refused)
{
    static const int32_t wrong[] = { 64, -1, INT32_MAX, INT32_MIN };
    bench own, *b = &own;
    bench_open(b, "image.vqgan",
               "ch=32 ch_mult=1,1,2,2 n_embed=64 resolution=64 attention=8 inner=weights",
               "codecs/image_vqgan_tiny.safetensors", NULL);
    const omn_codes *k = b->impl->codes(b->part->self);
    ck_assert(k->codes == 64 && k->count == 64 && k->grid_h == 8 && k->grid_w == 8);
    ck_assert_int_eq(k->stop, -1);
    omn_graph *g = bench_detokenize(b, "", 1, 64);
    for (size_t i = 0; i < 4; i++) {
        int32_t codes[64] = { 0 };
        codes[63] = wrong[i];
        omn_feed_clear(b->feed);
        bench_feed(b, "codes", OMN_I32, omn_dim2(1, 64), codes);
        ck_assert_int_ne(omn_exec_run(b->exec, g, b->feed, b->call, &b->err), OMN_OK);
        ck_assert_msg(strstr(b->err.text, "outside 0..63") != NULL, "%s", b->err.text);
        b->err = (omn_error)OMN_ERROR_INIT;
    }
    ck_assert_int_eq(bench_try_detokenize(b, "", 63), OMN_ERR_SHAPE);
    ck_assert_msg(strstr(b->err.text, "63 codes; a picture has 64") != NULL, "%s", b->err.text);
    bench_close(b);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { every_stage_of_uio2,
                                 every_stage_of_uio1,
                                 every_stage_of_ofa,
                                 every_stage_of_dalle,
                                 every_stage_on_opencl,
                                 parameters_that_contradict_each_other_are_refused,
                                 weights_that_are_not_there_are_named,
                                 codes_that_are_none_are_refused };
    return TESTING_RUN("decoder/vqgan", all, 240); /* kernels of OpenCL are built */
}
