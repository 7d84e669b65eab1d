/* SPDX-License-Identifier: Apache-2.0 */
/* Masks of what a recipe wants: which codes of a picture count, against places that are reckoned
 * here in double precision; the loss of a step against one that is reckoned from the logits over
 * those codes alone; what every kind of mask says; what is refused. The pictures are twice as wide
 * as high, so that half of the square they are laid into is padding. */
#include "tests/generate/toy.h"

#include "libcore/pipeline/known.h"
#include "libcore/train/ahead.h"
#include "libcore/train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

enum { WIDE = 64, HIGH = 32, SIDE = 4, CODES = SIDE * SIDE };

static const char config[] =
    "{\"omnio\": {\"model\": \"uio2\", \"location_first\": 0, \"location_bins\": 64, "
    "\"histories\": 0}, \"t5_config\": {\"vocab_size\": 960, "
    "\"image_vocab_size\": 72, \"emb_dim\": 32, \"num_heads\": 2, \"head_dim\": 16, "
    "\"num_encoder_layers\": 1, \"num_decoder_layers\": 1, \"mlp_dim\": 48, "
    "\"encoder_max_text_length\": 64, \"decoder_max_text_length\": 64, "
    "\"default_image_vit_size\": [32, 32], \"image_vit_patch_size\": 8, "
    "\"encoder_max_image_length\": 16, \"decoder_max_image_length\": 16}, "
    "\"image_vit_cfg\": {\"patch_size\": 8, \"emb_dim\": 32, \"num_heads\": 2, \"head_dim\": 16, "
    "\"num_layers\": 3, \"mlp_dim\": 64, \"num_pos\": 17}, "
    "\"image_vqgan\": {\"ch\": 32, \"ch_mult\": [1, 1, 1, 1], \"num_res_blocks\": 1, "
    "\"n_embed\": 64, \"resolution\": 32, \"attn_resolutions\": [4], "
    "\"default_input_size\": [32, 32], \"patch_size\": [8, 8]}}";
/* A view of the picture that is seen, and a picture of its own. */
static const char view[] =
    "version: 1\ninputs: {image: {type: image}, what: {type: text}}\nsteps:\n"
    "  - {generate: image, as: drawn, from: {image: $image}, prompt: \"{what}\","
    " answer: {codes: codes, of: $image}}\noutputs: {drawn: $drawn}\n";
static const char own[] =
    "version: 1\ninputs: {what: {type: text}}\nsteps:\n"
    "  - {generate: image, as: drawn, prompt: \"{what}\", answer: {codes: codes}}\n"
    "outputs: {drawn: $drawn}\n";
static const char says[] =
    "version: 1\ninputs: {what: {type: text}}\nsteps:\n"
    "  - {generate: text, as: said, prompt: \"{what}\"}\noutputs: {said: $said}\n";

#define HEAD                                                                                       \
    "version: 1\nmodel: ./m\npack: {inputs: 32, targets: 32}\nbatch: 1\nexport: f32\n"             \
    "loss: {z: 0}\nfreeze: [\"target_embedders.*.vqgan.**\"]\nsteps: 1\n"                          \
    "optimizer: {use: adamw, rate: 3e-3, curve: const}\n"                                          \
    "sources: {mine: {use: folder, path: photos, held_out: 0}}\ntasks:\n"
#define VIEW "  - {name: map, pipeline: ./view.yaml, give: {image: picture, what: what}, "         \
             "want: {drawn: picture}"
#define OWN  "  - {name: map, pipeline: ./own.yaml, give: {what: what}, want: {drawn: picture}"

/* ---- a folder -------------------------------------------------------------------------------- */

/* Is it known there? The picture is white where `kind` says so: all of it, its left part up to
 * column 37, nothing, or but for a hole. */
static bool known_at(int kind, double x, double y)
{
    if (x < 0 || y < 0 || x >= WIDE || y >= HIGH) return false;
    const int at_x = (int)x, at_y = (int)y;
    switch (kind) {
    case 1: return at_x < 37;
    case 2: return false;
    case 3: return !(at_x >= 16 && at_x < 33 && at_y < 20);
    default: return true;
    }
}

static void write_picture(const char *folder, const char *name, int kind)
{
    char file[32 + WIDE * HIGH * 3] = "P6 64 32 255\n", path[64];
    const size_t head = strlen(file);
    for (int i = 0; i < WIDE * HIGH; i++)
        for (int k = 0; k < 3; k++)
            file[head + (size_t)(3 * i + k)] =
                (char)(kind < 0                                    ? 40 + i % WIDE * 2 + 7 * k
                       : known_at(kind, i % WIDE + .5, i / WIDE + .5) ? 255
                                                                      : 0);
    snprintf(path, sizeof path, "photos/%s.ppm", name);
    testing_write(folder, path, file, head + WIDE * HIGH * 3);
}

static const char *make_folder(void)
{
    static const char manifest[] =
        "{\"what\": \"red\", \"picture\": \"p.ppm\", \"all\": \"0.ppm\", \"left\": \"1.ppm\", "
        "\"none\": \"2.ppm\", \"hole\": \"3.ppm\", \"number\": 3}\n";
    const char *folder = testing_folder();
    ck_assert_int_eq(mkdir(below(folder, "m"), 0777), 0);
    ck_assert_int_eq(mkdir(below(folder, "photos"), 0777), 0);
    testing_copy("models/nano/tokenizer.model", below(folder, "m"), "tokenizer.model");
    testing_write(below(folder, "m"), "config.json", config, strlen(config));
    write_picture(folder, "p", -1);
    for (int i = 0; i < 4; i++) write_picture(folder, (const char[2]){ (char)('0' + i), 0 }, i);
    testing_write(folder, "photos/manifest.jsonl", manifest, strlen(manifest));
    testing_write(folder, "view.yaml", view, strlen(view));
    testing_write(folder, "own.yaml", own, strlen(own));
    testing_write(folder, "says.yaml", says, strlen(says));
    return folder;
}

/* A recipe with its model, ready to make lessons. */
typedef struct desk {
    omn_context *ctx;
    omn_recipe *r;
    omn_store *store;
    omn_model *model;
    omn_call *call;
    omn_arena *arena;
} desk;

static omn_status open_desk(desk *d, const char *folder, const char *text, omn_error *err)
{
    omn_status st = OMN_OK;
    *d = (desk){ .ctx = toy_context(1), .arena = omn_arena_new(0) };
    OMN_TRY(omn_recipe_open(d->ctx, testing_write(folder, "r.yaml", text, strlen(text)), NULL, 0,
                            &d->r, err));
    OMN_TRY(omn_store_new(d->r->setup.seed, NULL, true, &d->store, err));
    const omn_model_setup how = { OMN_FILL(omn_model_setup), .store = d->store, .training = true };
    OMN_TRY(omn_model_open(d->ctx, d->r->model, &how, &d->model, err));
    OMN_TRY(omn_model_declare(d->model, err));
    OMN_TRY(recipe_prove(d->r, d->model, err));
    OMN_TRY(omn_context_call(d->ctx, 1, 0, NULL, &d->call, err));
done:
    return st;
}

static void close_desk(desk *d)
{
    omn_call_free(d->call);
    if (d->r) recipe_taught(d->r);
    omn_model_close(d->model);
    omn_store_free(d->store);
    omn_recipe_close(d->r);
    omn_arena_free(d->arena);
    omn_context_free(d->ctx);
}

static void drop_page(const omn_page *p)
{
    for (uint32_t i = 0; i < p->n_values; i++) omn_value_unref(p->values[i]);
}

/* ---- which codes count ----------------------------------------------------------------------- */

/* The middle of code i's square, in pixels of the picture: the square of the longer side, its rows
 * above and below the picture are padding. */
static bool counts(int kind, int i)
{
    const double each = (double)WIDE / SIDE;
    return known_at(kind, (i % SIDE + 0.5) * each, (i / SIDE + 0.5) * each - (WIDE - HIGH) / 2.);
}

START_TEST(codes_count_where_something_is_known)
{
    static const struct { const char *task; int kind; } list[] = {
        { VIEW, -1 },
        { VIEW ", mask: true", 0 },
        { VIEW ", mask: all", 0 },
        { VIEW ", mask: left", 1 },
        { VIEW ", mask: /hole", 3 },
        { OWN ", mask: true", 0 },
        { OWN ", mask: left", 1 },
    };
    const char *folder = make_folder();
    for (size_t k = 0; k < sizeof list / sizeof *list; k++) {
        omn_error err = OMN_ERROR_INIT;
        char text[2048];
        desk d;
        omn_page p;
        int n = 0;
        snprintf(text, sizeof text, HEAD "%s}\n", list[k].task);
        WORKS(open_desk(&d, folder, text, &err));
        WORKS(recipe_page(d.r, d.call, 0, 0, d.arena, &p, &err));
        ck_assert_uint_eq(p.n_lessons, 1);
        ck_assert_uint_eq(p.lessons->n_ids, CODES);
        ck_assert(!!p.lessons->weights == (list[k].kind >= 0));
        for (int i = 0; list[k].kind >= 0 && i < CODES; i++) {
            const bool want = counts(list[k].kind, i);
            ck_assert_msg(fabs((double)p.lessons->weights[i] - want) < 1e-9, "%s: code %d",
                          list[k].task, i);
            n += want;
        }
        ck_assert_int_eq(n, list[k].kind < 0    ? 0
                            : list[k].kind == 0 ? 8
                            : list[k].kind == 1 ? 4
                                                : 7);
        drop_page(&p);
        close_desk(&d);
    }
}
END_TEST

/* ---- the loss -------------------------------------------------------------------------------- */

static void *tensor_of(omn_feed *f, const char *name, omn_type t, omn_shape shape)
{
    omn_error err = OMN_ERROR_INIT;
    void *data = NULL;
    WORKS(omn_feed_new(f, name, t, shape, &data, &err));
    return data;
}

static void feed_text(desk *d, const omn_lesson *l, omn_feed *f)
{
    omn_error err = OMN_ERROR_INIT;
    int32_t *list = NULL;
    size_t n = 0;
    const char *text = omn_text_get(l->inputs[0].value, NULL);
    ck_assert_str_eq(l->inputs[0].name, "text");
    WORKS(omn_model_all_tokens(d->model, text, &list, &n, &err));
    const omn_shape shape = omn_dim2(1, (int64_t)n + 1);
    int32_t *ids = tensor_of(f, "text.ids", OMN_I32, shape);
    int32_t *seg = tensor_of(f, "text.seg", OMN_I32, shape);
    int32_t *pos = tensor_of(f, "text.pos", OMN_I32, shape);
    for (size_t i = 0; i <= n; i++) {
        ids[i] = i < n ? list[i] : 1;
        seg[i] = 1;
        pos[i] = (int32_t)i;
    }
    free(list);
}

/* Mean negative log likelihood of the codes that count, in double precision. */
static double reckoned(desk *d, const omn_lesson *l)
{
    static const char *const roles[] = { "text" };
    omn_error err = OMN_ERROR_INIT;
    omn_feed *f = NULL;
    omn_graph *g = NULL;
    omn_exec *x = NULL;
    omn_tensor y;
    double sum = 0, n = 0;
    const omn_shape shape = omn_dim2(1, CODES);
    WORKS(omn_feed_make(&f, &err));
    feed_text(d, l, f);
    int32_t *ids = tensor_of(f, "target.ids", OMN_I32, shape);
    int32_t *pos = tensor_of(f, "target.pos", OMN_I32, shape);
    int32_t *seg = tensor_of(f, "target.seg", OMN_I32, shape);
    int32_t *part = tensor_of(f, "target.part", OMN_I32, shape);
    for (int i = 0; i < CODES; i++) {
        ids[i] = i ? l->ids[i - 1] : 0;
        pos[i] = i;
        seg[i] = part[i] = 1;
    }
    const int64_t lengths[] = { omn_feed_get(f, "text.ids")->shape.dim[1] };
    const omn_graph_sizes z = { OMN_FILL(omn_graph_sizes), .phase = OMN_TEACH, .rows = 1,
                                .roles = roles, .lengths = lengths, .n_roles = 1,
                                .output = "image", .target_length = CODES };
    WORKS(omn_model_graph(d->model, &z, &g, &err));
    WORKS(omn_exec_new(omn_model_program(d->model), &x, &err));
    WORKS(omn_exec_run(x, g, f, d->call, &err));
    WORKS(omn_exec_output(x, g, "logits.image", &y, &err));
    const int64_t V = y.shape.dim[2];
    for (int i = 0; i < CODES; i++) {
        const float *x_i = (const float *)y.data + i * V;
        double all = 0;
        if (!counts(1, i)) continue;
        for (int64_t k = 0; k < V; k++) all += exp((double)x_i[k]);
        sum += log(all) - (double)x_i[l->ids[i]];
        n++;
    }
    omn_exec_free(x);
    omn_feed_free(f);
    return sum / n;
}

/* The same numbers in f32: one in a hundred thousand is some hundred times what is lost there. */
START_TEST(the_loss_is_that_of_what_is_known)
{
    omn_error err = OMN_ERROR_INIT;
    desk d;
    omn_page p;
    omn_trainer *t = NULL;
    omn_train_report rep = { OMN_FILL(omn_train_report) };
    const char *folder = make_folder();
    WORKS(open_desk(&d, folder, HEAD OWN ", mask: left}\n", &err));
    WORKS(recipe_page(d.r, d.call, 0, 0, d.arena, &p, &err));
    const double want = reckoned(&d, p.lessons);
    drop_page(&p);
    WORKS(recipe_trainer(d.r, d.store, &t, &err));
    trainer_ahead(t, recipe_ahead);
    WORKS(omn_trainer_step(t, d.call, &rep, &err));
    ck_assert_msg(fabs(rep.loss - want) < 1e-5 * want, "loss %.9g, reckoned %.9g", rep.loss, want);
    ck_assert_uint_ge(rep.lessons, 1);
    omn_trainer_free(t);
    close_desk(&d);
}
END_TEST

/* ---- kinds, and what is refused -------------------------------------------------------------- */

START_TEST(each_kind_says_what_is_known)
{
    static const int32_t labels[] = { -1, 0, 1, 7 };
    static const float soft[] = { 0, 0.5f, 0.6f, 1 }, depth[] = { NAN, NAN, 0, 3 };
    static const float normals[] = { NAN, NAN, NAN, NAN, NAN, NAN, 0, 0, -1, 1, 0, 0 };
    const omn_shape flat = omn_dim2(1, 4), deep = omn_dim3(1, 4, 3);
    const struct { const char *kind; omn_filled column; } list[] = {
        { "mask", omn_fill("labels", OMN_I32, flat, labels) },
        { "mask", omn_fill("soft", OMN_F32, flat, soft) },
        { "depth", omn_fill("depth", OMN_F32, flat, depth) },
        { "normals", omn_fill("normals", OMN_F32, deep, normals) },
    };
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = toy_context(1);
    omn_call *c = NULL;
    omn_value *v = NULL;
    omn_image *img = NULL;
    WORKS(omn_context_call(ctx, 0, 0, NULL, &c, &err));
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        const omn_kind *kind = NULL;
        WORKS(omn_kind_find(c, list[i].kind, &kind, &err));
        WORKS(omn_value_make(kind, &list[i].column, 1, NULL, &v, &err));
        WORKS(known_picture(v, &img, &err));
        const omn_pixels px = omn_image_pixels(img);
        ck_assert(px.width == 4 && px.height == 1 && px.channels == 3);
        for (int k = 0; k < 12; k++)
            ck_assert_int_eq(((const uint8_t *)px.data)[k], k < 6 ? 0 : 255);
        omn_image_free(img);
        omn_value_unref(v);
    }
    WORKS(omn_text_new("mask", 4, &v, &err));
    ck_assert_int_eq(known_picture(v, &img, &err), OMN_ERR_TYPE);
    omn_value_unref(v);
    omn_call_free(c);
    omn_context_free(ctx);
}
END_TEST

START_TEST(what_makes_no_sense_is_refused)
{
    static const struct { const char *task, *says; } list[] = {
        { VIEW ", mask: none}\n", "mask: field \"none\": nothing of what is wanted is known" },
        { VIEW ", mask: nowhere}\n", "mask: field \"nowhere\": the example has no such field" },
        { VIEW ", mask: number}\n", "number says nothing of pixels" },
        { VIEW ", mask: [left]}\n", "a text wanted" },
        { "  - {name: say, pipeline: ./says.yaml, give: {what: what}, want: {said: what}, "
          "mask: left}\n", "writes no codes of a picture" },
    };
    const char *folder = make_folder();
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        omn_error err = OMN_ERROR_INIT;
        desk d;
        char text[2048];
        snprintf(text, sizeof text, HEAD "%s", list[i].task);
        ck_assert_msg(open_desk(&d, folder, text, &err) != OMN_OK, "%s", list[i].task);
        ck_assert_msg(strstr(err.text, list[i].says), "%s: %s", list[i].task, err.text);
        ck_assert_int_gt(err.line, 0);
        close_desk(&d);
    }
}
END_TEST

int main(void)
{
    const TTest *const all[] = { codes_count_where_something_is_known,
                                 the_loss_is_that_of_what_is_known, each_kind_says_what_is_known,
                                 what_makes_no_sense_is_refused };
    return TESTING_RUN("pipeline/known", all, 60);
}
