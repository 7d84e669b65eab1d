/* SPDX-License-Identifier: Apache-2.0 */
/* Families that read pairs, whole: a recipe teaches a small model from nothing by pairs of pictures
 * and captions, its loss falls, and the pipelines of the family run on what was learnt. */
#include "tests/generate/toy.h"

#include <omnio/pipeline.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

/* A model of that configuration in folder/model, with a tokenizer of 574 pieces. */
static void write_model(const char *folder, const char *config)
{
    ck_assert_int_eq(mkdir(below(folder, "model"), 0777), 0);
    testing_copy("tests/golden/clip/tiny_a.bpe.txt.gz", below(folder, "model"),
                 "bpe_simple_vocab_16e6.txt.gz");
    testing_write(below(folder, "model"), "config.json", config, strlen(config));
}

/* Trains by the recipe into folder/out: the mean loss of the last quarter of its steps is less than
 * `share` of that of the first. */
static void learns(omn_context *ctx, const char *folder, const char *recipe, double share)
{
    omn_error err = OMN_ERROR_INIT;
    char *log = NULL;
    size_t n = 0, lines = 0;
    double loss[400];
    WORKS(toy_train(ctx, folder, recipe, "out", &err));
    WORKS(omn_file_read(below(folder, "out/log.csv"), 1 << 20, &log, &n, &err));
    for (const char *line = strchr(log, '\n'); line && line[1] && lines < 400;
         line = strchr(line + 1, '\n'))
        ck_assert_int_eq(sscanf(line + 1, "%*d,%*d,%*d,%lf", &loss[lines++]), 1);
    free(log);
    ck_assert_uint_ge(lines, 16);
    double first = 0, last = 0;
    for (size_t i = 0; i < lines / 4; i++) {
        first += loss[i];
        last += loss[lines - 1 - i];
    }
    ck_assert_msg(last < share * first, "the loss goes from %g to %g", first / (double)(lines / 4),
                  last / (double)(lines / 4));
}

static omn_value *picture(uint64_t seed)
{
    omn_error err = OMN_ERROR_INIT;
    omn_pixels px;
    omn_image *img = NULL;
    WORKS(omn_image_new(OMN_U8, 40, 32, 3, NULL, &img, &px, &err));
    for (size_t i = 0; i < (size_t)40 * 32 * 3; i++)
        ((uint8_t *)px.data)[i] = (uint8_t)(omn_random_at(seed, 2, i) % 256);
    return omn_image_give(img);
}

static omn_value *text(const char *s)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    WORKS(omn_text_new(s, strlen(s), &v, &err));
    return v;
}

static omn_value *texts(void)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *all[3] = { text("a red cube"), text("a blue cone"), text("a dog") }, *list = NULL;
    WORKS(omn_list_new(all, 3, &list, &err));
    for (int i = 0; i < 3; i++) omn_value_unref(all[i]);
    return list;
}

/* The record that a pipeline that ships gives with folder/out; owned by the caller. */
static omn_value *run(omn_context *ctx, const char *folder, const char *name, const omn_named *in,
                      size_t n)
{
    omn_error err = OMN_ERROR_INIT;
    char path[128];
    omn_model *model = NULL;
    omn_pipeline *p = NULL;
    omn_pipeline_run *job = NULL;
    omn_value *out = NULL;
    WORKS(omn_model_open(ctx, below(folder, "out"), NULL, &model, &err));
    const omn_pipeline_setup how = { OMN_FILL(omn_pipeline_setup), .model = model,
                                     .temperature = NAN, .top_p = NAN };
    snprintf(path, sizeof path, "pipelines/%s.yaml", name);
    WORKS(omn_pipeline_open(ctx, testing_source(path), &p, &err));
    WORKS(omn_pipeline_run_new(p, &how, &job, &err));
    WORKS(omn_pipeline_run_one(job, in, n, 0, &out, &err));
    omn_pipeline_run_free(job);
    omn_pipeline_close(p);
    omn_model_close(model);
    return out;
}

/* The pipeline's output is a list of so many numbers, or a text, or a list of anything. */
static void gives(omn_context *ctx, const char *folder, const char *name, const omn_named *in,
                  size_t n, const char *output, const char *kind, size_t count)
{
    omn_value *out = run(ctx, folder, name, in, n);
    const omn_value *v = omn_record_get(out, output);
    ck_assert_msg(v && omn_value_is(v, kind), "%s: \"%s\" is %s", name, output,
                  v ? omn_value_kind_name(v) : "not there");
    if (count) ck_assert_uint_eq(omn_list_count(v), count);
    for (size_t i = 0; i < count; i++)
        if (omn_value_is(omn_list_at(v, i), "number"))
            ck_assert(isfinite(omn_number_get(omn_list_at(v, i))));
    omn_value_unref(out);
}

#define PAIRS_RECIPE(OBJECTIVE, WORLD, STEPS)                                                      \
    "version: 1\nmodel: ./model\n"                                                                 \
    "sources: {world: {use: tabletop, width: 64, height: 64" WORLD "}}\n"                          \
    "tasks: [{name: pair, pipeline: pair, each: caption, "                                         \
    "give: {image: /image, text: answer}}]\n"                                                      \
    "optimizer: {use: adamw, rate: 3e-3}\nloss: " OBJECTIVE "\n"                                   \
    "pack: {inputs: 32, targets: 32}\nbatch: 4\nsteps: " STEPS "\nexport: f32\n"

/* ---- CoCa ------------------------------------------------------------------------------------ */

static const char coca[] =
    "{\"embed_dim\": 16, \"vision_cfg\": {\"image_size\": 32, \"patch_size\": 8, \"width\": 24, "
    "\"layers\": 1, \"head_width\": 8, \"attentional_pool\": true, \"attn_pooler_heads\": 2, "
    "\"attn_pooler_queries\": 6}, \"text_cfg\": {\"context_length\": 32, \"vocab_size\": 574, "
    "\"width\": 16, \"heads\": 2, \"layers\": 1, \"embed_cls\": true}, \"multimodal_cfg\": "
    "{\"context_length\": 32, \"vocab_size\": 574, \"width\": 16, \"heads\": 2, \"layers\": 1}}";

START_TEST(coca_learns_and_answers)
{
    const char *folder = testing_folder();
    omn_context *ctx = toy_context(2);
    omn_value *image = picture(1), *list = texts();
    const omn_named in[] = { { "image", image }, { "texts", list } };
    const omn_named options[] = { { "image", image }, { "options", list } };
    write_model(folder, coca);
    learns(ctx, folder, PAIRS_RECIPE("{use: pairs, caption: 2}", "", "40"), 0.85);
    gives(ctx, folder, "coca-caption", in, 1, "caption", "text", 0);
    gives(ctx, folder, "coca-match", in, 2, "scores", "list", 3);
    gives(ctx, folder, "coca-classify", options, 2, "category", "text", 0);
    omn_value_unref(list);
    omn_value_unref(image);
    omn_context_free(ctx);
}
END_TEST

/* ---- VLMo and UFO ---------------------------------------------------------------------------- */

#define FEW ", world: 2, scenes: 4"       /* that are learnt by heart */

/* A family of two sides: which texts are like a picture, and whether one belongs to it. */
static void compares(const char *family, const char *config)
{
    const char *folder = testing_folder();
    char name[32];
    omn_context *ctx = toy_context(2);
    omn_value *image = picture(1), *list = texts(), *ask = text("a red cube");
    const omn_named in[] = { { "image", image }, { "texts", list } };
    const omn_named one[] = { { "image", image }, { "text", ask } };
    write_model(folder, config);
    learns(ctx, folder, PAIRS_RECIPE("{use: pairs}", FEW, "80"), 0.8);
    snprintf(name, sizeof name, "%s-search", family);
    gives(ctx, folder, name, in, 2, "scores", "list", 3);
    snprintf(name, sizeof name, "%s-match", family);
    gives(ctx, folder, name, one, 2, "match", "options", 0);
    omn_value_unref(ask);
    omn_value_unref(list);
    omn_value_unref(image);
    omn_context_free(ctx);
}

#define SIZES                                                                                      \
    "\"embed_dim\": 24, \"num_heads\": 3, \"depth\": 2, \"mlp_ratio\": 2, \"image_size\": 32, "    \
    "\"patch_size\": 8, \"max_text_len\": 48, \"vocab_size\": 574, \"vqav2_label_size\": 5"

START_TEST(vlmo_learns_and_answers)
{
    compares("vlmo",
             "{\"model_type\": \"vlmo\", \"vlffn_start_layer_index\": 1, " SIZES "}");
}
END_TEST

START_TEST(ufo_learns_and_answers)
{
    compares("ufo", "{\"model_type\": \"ufo\", " SIZES "}");
}
END_TEST

/* ---- answers of a list ----------------------------------------------------------------------- */

#define COLOURS "red\ngreen\nblue\nyes\nno\n"
#define ASKS(LOSS, STEPS)                                                                          \
    "version: 1\nmodel: ./model\nsources: {mine: {use: folder, path: ., "                          \
    "manifest: list.jsonl, held_out: 0}}\n"                                                        \
    "tasks: [{name: vqa, pipeline: vlmo-vqa, source: mine, give: {image: /image, "                 \
    "question: question}, want: {answer: answer}}]\n"                                              \
    "optimizer: {use: adamw, rate: 3e-3}\n" LOSS "pack: {inputs: 48, targets: 4}\nbatch: 3\n"      \
    "steps: " STEPS "\nexport: f32\n"

/* A picture of one colour each, and what is asked of it. */
static void write_colours(const char *folder)
{
    static const char list[] =
        "{\"image\": \"red.ppm\", \"question\": \"what colour?\", \"answer\": \"red\"}\n"
        "{\"image\": \"green.ppm\", \"question\": \"what colour?\", \"answer\": \"green\"}\n"
        "{\"image\": \"blue.ppm\", \"question\": \"what colour?\", \"answer\": \"blue\"}\n";
    static const char *const names[] = { "red.ppm", "green.ppm", "blue.ppm" };
    char ppm[16 + 32 * 32 * 3];
    const int head = snprintf(ppm, sizeof ppm, "P6\n32 32\n255\n");
    for (int k = 0; k < 3; k++) {
        for (int i = 0; i < 32 * 32 * 3; i++) ppm[head + i] = (char)(i % 3 == k ? 255 : 0);
        testing_write(folder, names[k], ppm, (size_t)head + 32 * 32 * 3);
    }
    testing_write(folder, "list.jsonl", list, sizeof list - 1);
    testing_write(below(folder, "model"), "answer2label.txt", COLOURS, sizeof COLOURS - 1);
}

static double first_loss(omn_context *ctx, const char *folder, const char *recipe, const char *to)
{
    omn_error err = OMN_ERROR_INIT;
    char *log = NULL, name[64];
    size_t n = 0;
    double loss = 0;
    WORKS(toy_train(ctx, folder, recipe, to, &err));
    snprintf(name, sizeof name, "%s/log.csv", to);
    WORKS(omn_file_read(below(folder, name), 1 << 20, &log, &n, &err));
    const char *line = strchr(log, '\n');
    ck_assert(line && sscanf(line + 1, "%*d,%*d,%*d,%lf", &loss) == 1);
    free(log);
    return loss;
}

/* A question learns by the model's own loss where the recipe names none: each answer right or not.
 * What was learnt is answered. */
START_TEST(vlmo_learns_answers)
{
    const char *folder = testing_folder();
    omn_context *ctx = toy_context(2);
    write_model(folder, "{\"model_type\": \"vlmo\", \"omnio\": {\"task\": \"vqa\"}, "
                "\"vlffn_start_layer_index\": 1, " SIZES "}");
    write_colours(folder);
    const double usual = first_loss(ctx, folder, ASKS("", "1"), "a"),
                 binary = first_loss(ctx, folder, ASKS("loss: {use: binary}\n", "1"), "b"),
                 entropy = first_loss(ctx, folder, ASKS("loss: {use: cross-entropy}\n", "1"), "c");
    ck_assert_double_eq(usual, binary);
    ck_assert_msg(usual > 1.5 * entropy, "%g, cross-entropy %g", usual, entropy);
    learns(ctx, folder, ASKS("", "48"), 0.5);
    for (int k = 0; k < 3; k++) {
        static const char *const colours[] = { "red", "green", "blue" };
        omn_error err = OMN_ERROR_INIT;
        omn_pixels px;
        omn_image *img = NULL;
        WORKS(omn_image_new(OMN_U8, 32, 32, 3, NULL, &img, &px, &err));
        for (int i = 0; i < 32 * 32 * 3; i++) ((uint8_t *)px.data)[i] = i % 3 == k ? 255 : 0;
        omn_value *image = omn_image_give(img), *ask = text("what colour?");
        const omn_named in[] = { { "image", image }, { "question", ask } };
        omn_value *out = run(ctx, folder, "vlmo-vqa", in, 2);
        ck_assert_str_eq(omn_text_get(omn_record_get(out, "answer"), NULL), colours[k]);
        omn_value_unref(out);
        omn_value_unref(ask);
        omn_value_unref(image);
    }
    omn_context_free(ctx);
}
END_TEST

/* ---- FLAVA ----------------------------------------------------------------------------------- */

START_TEST(flava_learns_and_answers)
{
    static const char stack[] = "{\"hidden_size\": 24, \"num_attention_heads\": 3, "
                                "\"num_hidden_layers\": 1, \"intermediate_size\": 48";
    char config[1024];
    snprintf(config, sizeof config,
             "{\"model_type\": \"flava\", \"hidden_size\": 24, \"projection_dim\": 16, "
             "\"image_config\": %s, \"image_size\": 32, \"patch_size\": 8, \"vocab_size\": 16}, "
             "\"text_config\": %s, \"vocab_size\": 574, \"max_position_embeddings\": 48}, "
             "\"multimodal_config\": %s}}", stack, stack, stack);
    compares("flava", config);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { coca_learns_and_answers, vlmo_learns_and_answers,
                                 vlmo_learns_answers,
                                 ufo_learns_and_answers, flava_learns_and_answers };
    return TESTING_RUN("pipeline/pairs", all, 60);
}
