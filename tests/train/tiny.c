/* SPDX-License-Identifier: Apache-2.0 */
/* The tiny model and its pages. */
#include "tests/train/tiny.h"

#include "tests/testing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SIDE 32
#define CELLS 16

static const char config[] =
    "{\"omnio\": {\"model\": \"uio2\", \"image_stem\": \"conv\", \"image_act\": \"silu\", "
    "\"image_rope\": 100, \"image_normalise\": \"half\", \"image_second\": 0, \"share_image\": "
    "true, "
    "\"location_bins\": 64, \"location_first\": 0, \"histories\": 0, \"option_ends\": 1}, "
    "\"t5_config\": {\"vocab_size\": 960, \"emb_dim\": 32, \"num_heads\": 2, \"head_dim\": 16, "
    "\"num_encoder_layers\": 1, \"num_decoder_layers\": 1, \"mlp_dim\": 48, "
    "\"encoder_max_text_length\": 64, \"decoder_max_text_length\": 64, "
    "\"default_image_vit_size\": [32, 32], \"image_vit_patch_size\": 8}, "
    "\"image_vit_cfg\": {\"patch_size\": 8, \"emb_dim\": 32, \"num_heads\": 2, \"head_dim\": 16, "
    "\"num_layers\": 1, \"mlp_dim\": 64, \"num_pos\": 17}, \"freeze_vit\": false}";

const char *tiny_folder(const char *folder)
{
    testing_copy("models/nano/tokenizer.model", folder, "tokenizer.model");
    testing_write(folder, "config.json", config, sizeof(config) - 1);
    return folder;
}

static const struct { const char *name; uint8_t rgb[3]; } colours[] = {
    { "red", { 220, 30, 30 } }, { "green", { 30, 180, 40 } }, { "blue", { 30, 40, 220 } },
    { "white", { 250, 250, 250 } },
};

omn_status tiny_picture(omn_call *c, int colour, int side, omn_value **out, omn_error *err)
{
    omn_pixels px;
    omn_image *img = NULL;
    const omn_status st = omn_image_new(OMN_U8, SIDE, SIDE, 3, NULL, &img, &px, err);
    if (st != OMN_OK) return st;
    uint8_t *p = px.data;
    for (int i = 0; i < SIDE * SIDE; i++)
        for (int ch = 0; ch < 3; ch++) {
            const bool in = (i % SIDE < SIDE / 2) == (side == 0);
            p[3 * i + ch] = (uint8_t)((in ? colours[colour].rgb[ch] : 20) + omn_call_random(c) % 5);
        }
    *out = omn_image_give(img);
    return OMN_OK;
}

static omn_model *speaks;

void tiny_speaks(omn_model *m) { speaks = m; }

omn_status tiny_lesson(omn_page *page, omn_arena *a, const char *question, const char *answer,
                       const omn_named *about, omn_lesson as, omn_error *err)
{
    enum { ROOM = 8 };
    omn_named *in = omn_arena_alloc(a, 2, sizeof *in);
    int32_t *ids = omn_arena_alloc(a, 64, sizeof *ids);
    omn_value **values = (omn_value **)(uintptr_t)page->values;
    omn_lesson *l = (omn_lesson *)(uintptr_t)page->lessons;
    size_t n = 0;
    if (!values) page->values = values = omn_arena_alloc(a, 2 * ROOM, sizeof *values);
    if (!l) page->lessons = l = omn_arena_alloc(a, ROOM, sizeof *l);
    if (!in || !ids || !values || !l || page->n_lessons == ROOM)
        return omn_fail(err, OMN_ERR_MEMORY, "page");
    if (about) {
        in[as.n_inputs++] = *about;
        bool there = false;
        for (uint32_t i = 0; i < page->n_values; i++) there |= values[i] == about->value;
        if (!there) values[page->n_values++] = about->value;
    }
    omn_status st = omn_model_tokens(speaks, answer, ids, 64, &n, err);
    if (st != OMN_OK) return st;
    in[as.n_inputs].name = "text";
    st = omn_text_new(question, strlen(question), &in[as.n_inputs].value, err);
    if (st != OMN_OK) return st;
    values[page->n_values++] = in[as.n_inputs++].value;
    as.inputs = in;
    as.ids = ids;
    as.n_ids = (uint32_t)n;
    l[page->n_lessons++] = as;
    return OMN_OK;
}

omn_status tiny_page(void *user, omn_call *c, uint64_t index, uint64_t step, omn_arena *a,
                     omn_page *out, omn_error *err)
{
    (void)user;
    (void)step;
    const int colour = (int)(omn_random_at(1, 1, index) % 4),
              side = (int)(omn_random_at(1, 2, index) % 2);
    const uint64_t what = omn_random_at(1, 3, index) % 8;
    if (what == 7) {
        out->skip = true;
        return OMN_OK;
    }
    if (what < 3) {                       /* text alone */
        omn_status st = OMN_OK;
        for (uint32_t i = 0; st == OMN_OK && i < 1 + (uint32_t)what; i++)
            st = tiny_lesson(out, a,
                             omn_arena_printf(a, "%s red, what %s", i ? "blue cube" : "small ball",
                                              what ? "is it?" : "shape and colour?"),
                             i ? "a red cube" : "a red ball", NULL, (omn_lesson){ .weight = 1,
                             .end_weight = 1, .task = 2, .modality = "words" }, err);
        return st;
    }
    int32_t *labels = omn_arena_alloc(a, 2 * CELLS, sizeof(int32_t));
    float *edges = omn_arena_alloc(a, 2 * CELLS, sizeof(float));
    if (!labels || !edges) return omn_fail(err, OMN_ERR_MEMORY, "page");
    for (int i = 0; i < CELLS; i++) {
        const bool there = (i % 4 < 2) == (side == 0);
        labels[2 * i] = there;
        labels[2 * i + 1] = there ? colour : -1;
        edges[2 * i] = there ? (float)(i % 4) : NAN;
        edges[2 * i + 1] = there ? (float)(i / 4) : NAN;
    }
    const struct { const char *asks, *says; omn_lesson as; } lessons[] = {
        { "what colour is the cube?", colours[colour].name,
          { .weight = 1, .end_weight = 0.5, .task = 0, .modality = "words" } },
        { "which side?", side ? "right" : "left",
          { .weight = 1, .end_weight = 1, .task = 1, .modality = "words" } },
        { "where is it?", side ? "<extra_id_40>" : "<extra_id_10>",
          { .weight = 1, .end_weight = 1, .task = 1, .modality = "places" } },
    };
    omn_named about = { "image", NULL };
    out->cell_labels = labels;
    out->cell_edges = edges;
    out->n_cells = CELLS;
    omn_status st = tiny_picture(c, colour, side, &about.value, err);
    for (int i = 0; i < 3 && st == OMN_OK; i++)
        st = tiny_lesson(out, a, lessons[i].asks, lessons[i].says, &about, lessons[i].as, err);
    return st;
}

omn_train_setup tiny_setup(omn_optimizer kind)
{
    static const char *const tasks[] = { "colour", "place", "text" };
    static const int32_t classes[] = { 2, 4 };
    return (omn_train_setup){
        OMN_FILL(omn_train_setup), .optimizer = kind, .rate = kind == OMN_ADAFACTOR ? 0.03 : 3e-3,
        .rate_muon = 0.02, .beta2 = 0.98, .decay = 0.01, .clip = 1, .curve = OMN_CURVE_COSINE,
        .warmup = 5, .steps = 60, .last = 0.1, .average = 0.9, .soft_sigma = 0.8, .aux = 1,
        .aux_last = 0.2, .aux_groups = 2, .aux_edges = 2, .aux_classes = classes, .batch = 6,
        .inputs = 40, .targets = 12, .seed = 5, .page = tiny_page, .tasks = tasks, .n_tasks = 3,
        .factor_from = 16,
    };
}

void tiny_open(tiny *k, const char *model, uint32_t threads, const omn_train_setup *s)
{
    omn_error err = OMN_ERROR_INIT;
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = threads,
                                    .plugin_path = testing_build("plugins/.libs"),
                                    .only_plugin_path = true };
    *k = (tiny){ 0 };
    ck_assert_msg(omn_context_new(&how, &k->ctx, &err) == OMN_OK, "%s", err.text);
    ck_assert_msg(omn_context_call(k->ctx, 1, 0, NULL, &k->call, &err) == OMN_OK, "%s", err.text);
    ck_assert_msg(omn_store_new(11, NULL, true, &k->store, &err) == OMN_OK, "%s", err.text);
    const omn_model_setup m = { OMN_FILL(omn_model_setup), .store = k->store, .training = true,
                                .precision = s->precision };
    ck_assert_msg(omn_model_open(k->ctx, model, &m, &k->model, &err) == OMN_OK, "%s", err.text);
    tiny_speaks(k->model);
    ck_assert_msg(omn_trainer_new(k->model, k->store, s, &k->t, &err) == OMN_OK, "%s", err.text);
}

void tiny_close(tiny *k)
{
    omn_trainer_free(k->t);
    omn_model_close(k->model);
    omn_store_free(k->store);
    omn_call_free(k->call);
    omn_context_free(k->ctx);
}

omn_train_report tiny_steps(tiny *k, int n)
{
    omn_error err = OMN_ERROR_INIT;
    omn_train_report r = { 0 };
    for (int i = 0; i < n; i++)
        ck_assert_msg(omn_trainer_step(k->t, k->call, &r, &err) == OMN_OK, "%s", err.text);
    return r;
}
