/* SPDX-License-Identifier: Apache-2.0 */
/* What a model draws becomes what a task wants: a picture of the source's size, a mask, depth,
 * normals. The model is a Unified-IO 2 of a few thousand random weights, so what it draws is noise,
 * the same noise each time; its way through the codes, the padding and the operations is not. */
#include "tests/generate/toy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKS(expr, what) ck_assert_msg((expr) == OMN_OK, "%s: %s", what, err.text)

enum { WIDTH = 30, HEIGHT = 20 };

static const char config[] =
    "{\"omnio\": {\"model\": \"uio2\", \"location_first\": 0, \"location_bins\": 64, "
    "\"histories\": 0}, \"t5_config\": {\"vocab_size\": 960, "
    "\"image_vocab_size\": 72, \"emb_dim\": 32, \"num_heads\": 2, \"head_dim\": 16, "
    "\"num_encoder_layers\": 1, \"num_decoder_layers\": 1, \"mlp_dim\": 48, "
    "\"default_image_vit_size\": [32, 32], \"image_vit_patch_size\": 8, "
    "\"encoder_max_image_length\": 16, \"decoder_max_image_length\": 16}, "
    "\"image_vit_cfg\": {\"patch_size\": 8, \"emb_dim\": 32, \"num_heads\": 2, \"head_dim\": 16, "
    "\"num_layers\": 3, \"mlp_dim\": 64, \"num_pos\": 17}, "
    "\"image_vqgan\": {\"ch\": 32, \"ch_mult\": [1, 1, 1, 1], \"num_res_blocks\": 1, "
    "\"n_embed\": 64, \"resolution\": 32, \"attn_resolutions\": [4], "
    "\"default_input_size\": [32, 32], \"patch_size\": [8, 8]}}";

typedef struct studio {
    toy toy;
    const char *folder;
    omn_value *image, *text, *box;
} studio;

static void open_studio(studio *s)
{
    omn_error err = OMN_ERROR_INIT;
    const char *folder = s->folder = testing_folder();
    const omn_region box = { 4, 4, 20, 16, NAN, NULL };
    toy_write_as(folder, config, 11);
    toy_open(&s->toy, folder, 1);
    s->image = toy_picture(&s->toy, WIDTH, HEIGHT, 5);
    WORKS(omn_text_new("cube", 4, &s->text, &err), "a text");
    WORKS(omn_regions_new(&box, 1, NULL, &s->box, &err), "a box");
}

static void close_studio(studio *s)
{
    omn_value_unref(s->box);
    omn_value_unref(s->text);
    omn_value_unref(s->image);
    toy_close(&s->toy);
}

/* The outputs of a pipeline in a file; names: of its inputs, separated by spaces. */
static omn_value *draw_by(studio *s, const char *path, const char *names)
{
    omn_error err = OMN_ERROR_INIT;
    omn_pipeline *p = NULL;
    omn_pipeline_run *run = NULL;
    omn_value *out = NULL;
    omn_named in[3];
    const omn_named all[] = { { "image", s->image }, { "text", s->text }, { "class", s->text },
                              { "box", s->box } };
    size_t n = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strstr(names, all[i].name)) in[n++] = all[i];
    const omn_pipeline_setup how = { OMN_FILL(omn_pipeline_setup), .model = s->toy.model,
                                     .temperature = NAN, .top_p = NAN, .seed = 3 };
    WORKS(omn_pipeline_open(s->toy.ctx, path, &p, &err), path);
    WORKS(omn_pipeline_run_new(p, &how, &run, &err), path);
    WORKS(omn_pipeline_run_one(run, in, n, 0, &out, &err), path);
    omn_pipeline_run_free(run);
    omn_pipeline_close(p);
    return out;
}

/* The same of a shipped one. */
static omn_value *draw(studio *s, const char *pipeline, const char *names)
{
    char path[128];
    snprintf(path, sizeof path, "pipelines/%s.yaml", pipeline);
    return draw_by(s, testing_source(path), names);
}

/* [HEIGHT, WIDTH, ...] of a column of what was made. */
static const omn_tensor *sized(const omn_value *out, const char *name, const char *kind,
                               const char *column)
{
    const omn_value *v = omn_record_get(out, name);
    ck_assert_msg(v && omn_value_is(v, kind), "%s is %s", name,
                  v ? omn_value_kind_name(v) : "none");
    const omn_tensor *t = omn_value_column(v, column);
    ck_assert_msg(t && t->shape.dim[0] == HEIGHT && t->shape.dim[1] == WIDTH, "%s: its size", name);
    return t;
}

START_TEST(what_is_drawn_lies_in_its_picture)
{
    studio s = { 0 };
    open_studio(&s);
    omn_value *out = draw(&s, "depth", "image");
    const float *metres = sized(out, "depth", "depth", "depth")->data;
    float least = 10, most = 0;
    for (size_t i = 0; i < WIDTH * HEIGHT; i++) {
        least = metres[i] < least ? metres[i] : least;
        most = metres[i] > most ? metres[i] : most;
    }
    ck_assert(least >= 0 && most <= 10 && most > least);
    omn_value_unref(out);
    out = draw(&s, "normals", "image");
    const float *normal = sized(out, "normals", "normals", "normals")->data;
    for (size_t i = 0; i < WIDTH * HEIGHT; i++) {
        const float *n = normal + 3 * i;
        const double square = (double)(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]);
        ck_assert_msg(isnan(n[0]) || fabs(square - 1) < 1e-4, "a normal of length %g", square);
    }
    omn_value_unref(out);
    out = draw(&s, "segment-box", "image class box");
    const int32_t *labels = sized(out, "mask", "mask", "labels")->data;
    for (size_t i = 0; i < WIDTH * HEIGHT; i++) ck_assert(labels[i] == 0 || labels[i] == 1);
    omn_value_unref(out);
    close_studio(&s);
}
END_TEST

/* Pictures of their own size, each step seeing what the one before drew. */
START_TEST(a_picture_comes_of_the_depth_of_a_draft)
{
    studio s = { 0 };
    open_studio(&s);
    omn_value *out = draw(&s, "image-by-depth", "text");
    omn_value *again = draw(&s, "image-by-depth", "text");
    ck_assert(omn_value_equal(out, again));
    static const char *const names[] = { "depth", "picture" };
    for (size_t i = 0; i < 2; i++) {
        const omn_image *img = omn_value_image(omn_record_get(out, names[i]));
        ck_assert_ptr_nonnull(img);
        const omn_pixels px = omn_image_pixels(img);
        ck_assert(px.width == 32 && px.height == 32 && px.channels == 3);
    }
    omn_value_unref(again);
    omn_value_unref(out);
    close_studio(&s);
}
END_TEST

/* The model's own decoder lays a view where the model sees the picture, by its own encoder; a part
 * with the same weights does so by the side that it is told. */
START_TEST(the_models_decoder_makes_views_too)
{
    static const char yaml[] =
        "version: 1\nmodel: m\ninputs: {image: {type: image}}\n"
        "parts:\n  vq: {use: image.vqgan, weights: %s, prefix: target_embedders.image.vqgan, "
        "ch: 32, ch_mult: '1,1,1,1', blocks: 1, n_embed: 64, resolution: 32, attention: '4', "
        "view: 32}\nsteps:\n"
        "  - {tokenize: $image, as: codes, with: image, like: $image}\n"
        "  - {tokenize: $image, as: same, with: vq, like: $image}\n"
        "  - {tokenize: $image, as: alone, with: image}\n"
        "  - {detokenize: $codes, as: view, with: image, like: $image}\n"
        "  - {detokenize: $codes, as: other, with: vq, like: $image}\n"
        "  - {detokenize: $codes, as: square, with: image}\n"
        "outputs: {codes: $codes, same: $same, alone: $alone, view: $view, other: $other, "
        "square: $square}\n";
    studio s = { 0 };
    char text[4096];
    open_studio(&s);
    snprintf(text, sizeof text, yaml, below(s.folder, "model.safetensors"));
    omn_value *out =
        draw_by(&s, testing_write(s.folder, "views.yaml", text, strlen(text)), "image");
    ck_assert(omn_value_equal(omn_record_get(out, "codes"), omn_record_get(out, "same")));
    ck_assert(!omn_value_equal(omn_record_get(out, "codes"), omn_record_get(out, "alone")));
    ck_assert(omn_value_equal(omn_record_get(out, "view"), omn_record_get(out, "other")));
    const omn_pixels view =
        omn_image_pixels(omn_value_image(omn_record_get(out, "view")));
    ck_assert(view.width == WIDTH && view.height == HEIGHT);
    const omn_pixels square =
        omn_image_pixels(omn_value_image(omn_record_get(out, "square")));
    ck_assert(square.width == 32 && square.height == 32);
    omn_value_unref(out);
    close_studio(&s);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { what_is_drawn_lies_in_its_picture,
                                 the_models_decoder_makes_views_too,
                                 a_picture_comes_of_the_depth_of_a_draft };
    return TESTING_RUN("pipeline/pictures", all, 60);
}
