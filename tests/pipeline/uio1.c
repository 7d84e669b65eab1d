/* SPDX-License-Identifier: Apache-2.0 */
/* The tasks of Unified-IO 1 through their pipelines: what the model is asked (prompts to the space,
 * their ids where the recorded tokenizer has them, how an answer is searched for, which ids may
 * begin it, its kind), of a model of the published numbers without weights. And the small golden
 * model, which answers a whole pipeline. */
#include "tests/generate/toy.h"

#include <omnio/pipeline.h>

#include <jansson.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

/* What is asked; the picture has 640 x 480 pixels, the box is 64,48,320,240: bins of the longer
 * side, y first, each trunc(999 c / 640). */
#define BOX "<extra_id_174> <extra_id_199> <extra_id_474> <extra_id_599>"
typedef struct task {
    const char *pipeline, *prompt, *output, *makes, *answer, *first_ids;
    int most;
    double temperature, top_p;
    const char *seen;                     /* role of the picture; NULL: none */
} task;

/* spec uio1, section 8. Words are 3 to 131, places 132 to 1131, other marks up to 1231; codes begin
 * behind the two ids that no picture has. */
static const task tasks[] = {
    { "uio1-caption", "What does the image describe ?", "text", "text", "text", "3-1231", 32, 0, 0,
      "image" },
    { "uio1-vqa", "how many dogs are there?", "text", "text", "text", "3-1231", 32, 0, 0, "image" },
    { "uio1-classify", "What is this in the image ?", "text", "text", "text", "3-1231", 32, 0, 0,
      "image" },
    { "uio1-categorize", "What is this in the image ?", "text", "text", "options", "", 0, 0, 0,
      "image" },
    { "scene", "What is the category of the scene ?", "text", "text", "text", "3-1231", 32, 0, 0,
      "image" },
    { "uio1-box-name", "What is the category of region \" " BOX " \" ?", "text", "text", "text",
      "3-1231", 32, 0, 0, "image" },
    { "region-caption", "What does the region \" " BOX " \" describe ?", "text", "text", "text",
      "3-1231", 32, 0, 0, "image" },
    { "uio1-refexp", "Which region does the text \" the Dog \" describe ?", "text", "regions",
      "boxes", "132-1131", 32, 0, 0, "image" },
    { "uio1-detect", "Locate all objects in the image .", "text", "regions", "boxes", "132-1131",
      128, 0, 0, "image" },
    { "uio1-keypoints-box", "Find the human joints in the region \" " BOX " \" .", "text", "points",
      "keypoints", "132-1131", 128, 1, 0.9, "image" },
    { "uio1-segment", "What is the segmentation of \" dog \" ?", "image", "image", "value",
      "2-16385", 256, 1, 0.9, "image" },
    { "uio1-depth", "What is the depth map of the image ?", "image", "image", "value", "2-16385",
      256, 1, 0.9, "image" },
    { "uio1-normals", "What is the surface normal of the image ?", "image", "image", "value",
      "2-16385", 256, 1, 0.9, "image" },
    { "uio1-image-generate", "What is the complete image? Text: \" the Dog \" .", "image", "image",
      "value", "2-16385", 256, 1, 0.9, NULL },
    { "uio1-inpaint", "Filling the blank region \" " BOX " the Dog \" ?", "image", "image", "value",
      "2-16385", 256, 1, 0.9, "holes" },
    { "uio1-segmentation-to-image",
      "What is the complete image? Segmentation color: \" dog : red, sky : blue \"", "image",
      "image", "value", "2-16385", 256, 1, 0.9, "image" },
    { "paragraph", "Describe the image with narratives .", "text", "text", "text", "3-1231", 256, 0,
      0, "image" },
    { "situation-verb", "What is the salient activity of the image ?", "text", "text", "text",
      "3-1231", 32, 0, 0, "image" },
    { "relationship", "What is the relationship between \" " BOX " \" and \" " BOX " \" ?", "text",
      "text", "text", "3-1231", 32, 0, 0, "image" },
};

typedef struct rig {
    omn_context *ctx;
    omn_model *model;
    omn_call *call;
    const task *t;
    size_t asked;
    json_t *cases;                        /* of the recorded tokenizer */
} rig;

static void open_rig(rig *r, const char *config, const char *weights)
{
    omn_error err = OMN_ERROR_INIT;
    const char *folder = testing_folder();
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 2,
                                    .only_plugin_path = true,
                                    .plugin_path = testing_build("plugins/.libs") };
    const omn_model_setup setup = { OMN_FILL(omn_model_setup), .precision = OMN_PRECISION_F32,
                                    .hollow = !weights, .weights = weights };
    testing_copy("tests/golden/uio1/spiece.model", folder, "spiece.model");
    testing_write(folder, "config.json", config, strlen(config));
    *r = (rig){ .ctx = NULL };
    WORKS(omn_context_new(&how, &r->ctx, &err));
    WORKS(omn_model_open(r->ctx, folder, &setup, &r->model, &err));
    WORKS(omn_model_keys(r->model, &err));
    WORKS(omn_context_call(r->ctx, 0, 0, NULL, &r->call, &err));
    r->cases = json_load_file(testing_source("tests/golden/uio1/tokenizer.json"), JSON_ALLOW_NUL,
                              NULL);
    ck_assert_ptr_nonnull(r->cases);
}

static void close_rig(rig *r)
{
    json_decref(r->cases);
    omn_call_free(r->call);
    omn_model_close(r->model);
    omn_context_free(r->ctx);
}

/* ---- values ---------------------------------------------------------------------------------- */

static omn_value *picture(uint32_t w, uint32_t h)
{
    omn_error err = OMN_ERROR_INIT;
    omn_pixels px;
    omn_image *img = NULL;
    WORKS(omn_image_new(OMN_U8, w, h, 3, NULL, &img, &px, &err));
    for (size_t i = 0; i < (size_t)w * h * 3; i++)
        ((uint8_t *)px.data)[i] = (uint8_t)(omn_random_at(3, 2, i) % 256);
    return omn_image_give(img);
}

static omn_value *text(const char *s)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    WORKS(omn_text_new(s, strlen(s), &v, &err));
    return v;
}

/* What stands for the answer: nothing is asked of a model without weights. */
static omn_value *made(const char *kind)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    const omn_region box = { 10, 20, 30, 40, 1, "dog" };
    const omn_point point = { 5, 6, 2, "nose" };
    if (!strcmp(kind, "image")) return picture(640, 480);
    if (!strcmp(kind, "regions")) WORKS(omn_regions_new(&box, 1, NULL, &v, &err));
    else if (!strcmp(kind, "points")) WORKS(omn_points_new(&point, 1, NULL, &v, &err));
    else return text("a dog , isn 't it ?");
    return v;
}

/* What is said is shown as the original's tokenizer shows it, whichever output it is. */
static void is_tidy(const omn_value *out, const char *pipeline)
{
    static const char *const names[] = { "caption", "answer", "class", "scene", "category",
                                         "paragraph", "verb", "relationship" };
    size_t n = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const omn_value *v = omn_record_get(out, names[i]);
        if (v) ck_assert_msg(!strcmp(omn_text_get(v, NULL), "a dog, isn 't it?"), "%s", pipeline);
        n += v != NULL;
    }
    ck_assert_uint_eq(n, 1);
}

static const char *text_at(const omn_value *record, const char *name)
{
    const omn_value *v = omn_record_get(record, name);
    return v ? omn_text_get(v, NULL) : "";
}

static double number_at(const omn_value *record, const char *name)
{
    const omn_value *v = omn_record_get(record, name);
    return v ? omn_number_get(v) : 0;
}

/* ---- what is asked --------------------------------------------------------------------------- */

/* The ids of a text, end included, where the file has it; returns whether it does. */
static bool same_ids(const rig *r, const omn_value *input, const char *of)
{
    size_t i;
    json_t *one;
    const omn_value *ids = omn_record_get(input, "ids");
    json_array_foreach(json_object_get(r->cases, "cases"), i, one)
    {
        const json_t *want = json_object_get(one, "ids");
        if (strcmp(json_string_value(json_object_get(one, "text")), of)) continue;
        ck_assert_uint_eq(omn_list_count(ids), json_array_size(want));
        for (size_t k = 0; k < json_array_size(want); k++)
            ck_assert_int_eq((int)omn_number_get(omn_list_at(ids, k)),
                             (int)json_integer_value(json_array_get(want, k)));
        return true;
    }
    return false;
}

static omn_status on_question(void *user, const char *step, const omn_request *rq, bool *ask,
                              omn_value **instead, omn_error *err)
{
    rig *r = user;
    const task *t = r->t;
    omn_value *q = NULL;
    (void)step;
    r->asked++;
    const omn_status st = omn_request_describe(r->model, r->call, rq, &q, err);
    ck_assert_msg(st == OMN_OK, "%s: %s", t->pipeline, err->text);
    const omn_value *inputs = omn_record_get(q, "inputs");
    const size_t pictures = t->seen ? 1 : 0;
    ck_assert_uint_eq(omn_list_count(inputs), pictures + 1);
    if (pictures) ck_assert_str_eq(text_at(omn_list_at(inputs, 0), "role"), t->seen);
    const omn_value *said = omn_list_at(inputs, pictures);
    ck_assert_str_eq(text_at(said, "text"), t->prompt);
    (void)same_ids(r, said, t->prompt);
    ck_assert_str_eq(text_at(q, "output"), t->output);
    ck_assert_str_eq(text_at(q, "makes"), t->makes);
    ck_assert_str_eq(text_at(q, "answer"), t->answer);
    ck_assert_str_eq(text_at(q, "first_ids"), t->first_ids);
    ck_assert_double_eq(number_at(q, "max_tokens"), t->most);
    ck_assert_double_eq(number_at(q, "temperature"), t->temperature);
    ck_assert_double_eq(number_at(q, "top_p"), t->top_p);
    ck_assert_double_eq(number_at(q, "top_k"), 0);
    ck_assert_double_eq(number_at(q, "beams"), 0);
    if (!strcmp(t->answer, "options")) ck_assert_str_eq(text_at(q, "score"), "sum");
    omn_value_unref(q);
    *ask = false;
    *instead = made(t->makes);
    return OMN_OK;
}

typedef omn_status asking_fn(void *user, const char *step, const omn_request *rq, bool *ask,
                             omn_value **instead, omn_error *err);

static omn_value *run(rig *r, const char *name, const omn_named *in, size_t n, asking_fn *asking)
{
    omn_error err = OMN_ERROR_INIT;
    char path[128];
    omn_pipeline *p = NULL;
    omn_pipeline_run *job = NULL;
    omn_value *out = NULL;
    const omn_pipeline_setup how = { OMN_FILL(omn_pipeline_setup), .model = r->model,
                                     .temperature = NAN, .top_p = NAN, .asking = asking,
                                     .user = r };
    snprintf(path, sizeof path, "pipelines/%s.yaml", name);
    WORKS(omn_pipeline_open(r->ctx, testing_source(path), &p, &err));
    WORKS(omn_pipeline_run_new(p, &how, &job, &err));
    WORKS(omn_pipeline_run_one(job, in, n, 0, &out, &err));
    omn_pipeline_run_free(job);
    omn_pipeline_close(p);
    return out;
}

/* Of all inputs those that the pipeline has. */
static void ask(rig *r, const task *t, const omn_named *all, size_t n)
{
    omn_error err = OMN_ERROR_INIT;
    char path[128];
    omn_pipeline *p = NULL;
    omn_named in[16];
    size_t count = 0;
    snprintf(path, sizeof path, "pipelines/%s.yaml", t->pipeline);
    WORKS(omn_pipeline_open(r->ctx, testing_source(path), &p, &err));
    const omn_pipeline_port *list = NULL;
    const size_t wanted = omn_pipeline_inputs(p, &list);
    for (size_t i = 0; i < wanted; i++)
        for (size_t k = 0; k < n; k++)
            if (!strcmp(list[i].name, all[k].name)) in[count++] = all[k];
    omn_pipeline_close(p);
    r->t = t;
    r->asked = 0;
    omn_value *out = run(r, t->pipeline, in, count, on_question);
    if (!strcmp(t->makes, "text") && strcmp(t->answer, "options")) is_tidy(out, t->pipeline);
    omn_value_unref(out);
    ck_assert_uint_eq(r->asked, 1);
}

START_TEST(each_task_asks_as_it_was_published)
{
    omn_error err = OMN_ERROR_INIT;
    rig r;
    const omn_region box = { 64, 48, 320, 240, 1, NULL };
    omn_value *regions = NULL, *names[2] = { text("dog"), text("a cat") }, *options = NULL;
    omn_value *image = picture(640, 480), *words = text("the Dog"), *class = text("dog");
    omn_value *question = text("How many Dogs are there?"), *colors = text("Dog : Red, sky : blue");
    WORKS(omn_regions_new(&box, 1, NULL, &regions, &err));
    WORKS(omn_list_new(names, 2, &options, &err));
    const omn_named all[] = { { "image", image }, { "text", words }, { "class", class },
                              { "question", question }, { "colors", colors }, { "box", regions },
                              { "options", options }, { "subject", regions },
                              { "object", regions } };
    open_rig(&r, "{\"omnio\": {\"model\": \"uio1\", \"size\": \"small\"}}", NULL);
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
        ask(&r, &tasks[i], all, sizeof all / sizeof *all);
    close_rig(&r);
    for (size_t i = 0; i < 2; i++) omn_value_unref(names[i]);
    for (size_t i = 0; i < 7; i++) omn_value_unref((omn_value *)all[i].value);
}
END_TEST

/* ---- texts as ids ---------------------------------------------------------------------------- */

START_TEST(texts_are_the_recorded_ids)
{
    omn_error err = OMN_ERROR_INIT;
    rig r;
    size_t i, n = 0;
    json_t *one;
    open_rig(&r, "{\"omnio\": {\"model\": \"uio1\", \"size\": \"small\"}}", NULL);
    json_array_foreach(json_object_get(r.cases, "cases"), i, one)
    {
        const json_t *want = json_object_get(one, "ids");
        const size_t length = json_array_size(want);
        int32_t ids[256];
        const char *text = json_string_value(json_object_get(one, "text"));
        WORKS(omn_model_tokens(r.model, text, ids, 256, &n, &err));
        /* an end that the text itself has at its end is not said twice there */
        if (!n || ids[n - 1] != 1) ids[n++] = 1;
        ck_assert_msg(n == length, "\"%s\": %zu ids, %zu are right", text, n, length);
        for (size_t k = 0; k < n; k++)
            ck_assert_int_eq(ids[k], json_integer_value(json_array_get(want, k)));
    }
    ck_assert_uint_ge(i, 40);
    close_rig(&r);
}
END_TEST

/* ---- memory ---------------------------------------------------------------------------------- */

static void count_weights(void *user, const omn_pipeline_need *n)
{
    if (!strcmp(n->what, "weights")) *(uint32_t *)user += 1;
}

/* The largest size without its weights. The published number without the network of pictures is
 * 2849.16 million (spec uio1, section 1), of which two tables of the decoder are read by nobody. */
START_TEST(memory_of_the_largest_is_known)
{
    omn_error err = OMN_ERROR_INIT;
    rig r;
    omn_pipeline *p = NULL;
    omn_pipeline_cost cost = { OMN_FILL(omn_pipeline_cost) };
    uint32_t parts = 0;
    open_rig(&r, "{\"omnio\": {\"model\": \"uio1\", \"size\": \"xl\"}}", NULL);
    WORKS(omn_pipeline_open(r.ctx, testing_source("pipelines/uio1-caption.yaml"), &p, &err));
    WORKS(omn_pipeline_check(p, r.model, &cost, &err));  /* graphs say which weights there are */
    cost = (omn_pipeline_cost){ OMN_FILL(omn_pipeline_cost) };
    WORKS(omn_pipeline_needs(p, r.model, count_weights, &parts, &cost, &err));
    ck_assert_double_eq_tol((double)cost.parameters, 2849.16e6 - 2 * 2048. * 2048., 1e4);
    ck_assert_uint_eq(cost.weights, 4 * cost.parameters);
    ck_assert_uint_eq(parts, 3);                  /* the encoder, the decoder, the table of ids */
    ck_assert_uint_gt(cost.workspace, 0);
    ck_assert_uint_lt(cost.workspace + cost.states, cost.weights);
    ck_assert_uint_lt(cost.step_flops, cost.encode_flops / 100);  /* one of many places */
    omn_pipeline_close(p);
    close_rig(&r);
}
END_TEST

/* ---- whole ----------------------------------------------------------------------------------- */

static const char tiny[] =
    "{\"omnio\": {\"model\": \"uio1\"}, \"vocab_size\": 1240, "
    "\"image_vocab_size\": 48, \"image_patch_size\": 4, \"emb_dim\": 24, \"num_heads\": 3, "
    "\"num_encoder_layers\": 2, \"num_decoder_layers\": 3, \"head_dim\": 6, \"mlp_dim\": 36, "
    "\"encoder_max_image_length\": 60, \"encoder_max_text_length\": 24, "
    "\"decoder_max_image_length\": 16, \"decoder_max_text_length\": 20, "
    "\"default_image_size\": [24, 40], \"num_seg_emb\": 2, \"decoder_image_width\": 4, "
    "\"target_size\": [16, 16], \"embed_dim\": 6, \"n_embed\": 48, \"z_channels\": 6, "
    "\"resolution\": 16, \"ch\": 4, \"ch_mult\": [1, 2, 2], \"num_res_blocks\": 2, "
    "\"attn_resolutions\": [4], \"num_groups\": 2}";

static const char *weights(void)
{
    return testing_source("tests/golden/uio1/tiny_a.bin");        /* as it is published */
}

typedef struct followed {
    double sum;
    const int32_t *ids;
    size_t n;
} followed;

static omn_status follow(void *user, size_t place, const float *logprob, size_t width,
                         omn_error *err)
{
    followed *f = user;
    (void)width;
    (void)err;
    if (place < f->n) f->sum -= (double)logprob[f->ids[place]];
    return OMN_OK;
}

/* One row of what an encoder prepared as the input of a graph; the length of its places. */
static int64_t feed_of(const rig *r, const char *role, const omn_value *v, omn_feed *feed)
{
    static const char *const ports[] = { "ids", "patches", "seg", "pos" };
    omn_error err = OMN_ERROR_INIT;
    omn_feed *f = NULL;
    int64_t length = 0;
    WORKS(omn_feed_make(&f, &err));
    WORKS(omn_model_prepare(r->model, r->call, role, v, f, NULL, &err));
    for (size_t i = 0; i < 4; i++) {
        const omn_tensor *t = omn_feed_get(f, ports[i]);
        omn_shape shape = omn_dim1(1);
        char name[32];
        void *to = NULL;
        if (!t) continue;
        for (uint32_t k = 0; k < t->shape.rank; k++) shape.dim[shape.rank++] = t->shape.dim[k];
        snprintf(name, sizeof name, "%s.%s", role, ports[i]);
        WORKS(omn_feed_new(feed, name, t->type, shape, &to, &err));
        memcpy(to, t->data, t->bytes);
        length = t->shape.dim[0];
    }
    omn_feed_free(f);
    return length;
}

/* What n ids cost, all at once; a picture has a place of a text in front of its start. */
static double taught(const rig *r, const omn_value *picture, const char *prompt, const char *output,
                     const int32_t *ids, int64_t n)
{
    static const char *const ports[] = { "ids", "pos", "seg", "part", "labels" };
    omn_error err = OMN_ERROR_INIT;
    omn_feed *feed = NULL;
    omn_graph *g = NULL;
    omn_exec *x = NULL;
    omn_tensor nll;
    omn_value *said = text(prompt);
    void *to[6] = { NULL };
    const bool image = !strcmp(output, "image");
    const int64_t front = image, T = n + front;
    const char *const roles[] = { "text", "image" };
    WORKS(omn_feed_make(&feed, &err));
    const int64_t words = feed_of(r, "text", said, feed);
    const int64_t lengths[] = { words, feed_of(r, "image", picture, feed) };
    const omn_ce plain = { OMN_FILL(omn_ce) };
    const omn_graph_sizes z = { OMN_FILL(omn_graph_sizes), .phase = OMN_TEACH, .rows = 1,
                                .roles = roles, .lengths = lengths, .n_roles = 2,
                                .output = output, .target_length = T, .labels = true,
                                .loss = &plain };
    WORKS(omn_model_graph(r->model, &z, &g, &err));
    for (int i = 0; i < 5; i++) {
        char name[32];
        snprintf(name, sizeof name, "target.%s", ports[i]);
        WORKS(omn_feed_new(feed, name, OMN_I32, omn_dim2(1, T), &to[i], &err));
    }
    WORKS(omn_feed_new(feed, "target.weight", OMN_F32, omn_dim2(1, T), &to[5], &err));
    for (int64_t i = 0; i < T; i++) {
        const int64_t at = i - front;     /* which id is wanted there */
        ((int32_t *)to[0])[i] = at > 0 ? ids[at - 1] : at == 0 && image ? 1 : 0;
        ((int32_t *)to[1])[i] = (int32_t)i;
        ((int32_t *)to[2])[i] = ((int32_t *)to[3])[i] = 1;
        ((int32_t *)to[4])[i] = at >= 0 ? ids[at] : 0;
        ((float *)to[5])[i] = at >= 0;
    }
    WORKS(omn_exec_new(omn_model_program(r->model), &x, &err));
    WORKS(omn_exec_run(x, g, feed, r->call, &err));
    char name[32];
    snprintf(name, sizeof name, "nll.%s", output);
    WORKS(omn_exec_output(x, g, name, &nll, &err));
    double sum = 0;
    for (int64_t i = front; i < T; i++) sum += (double)((const float *)nll.data)[i];
    omn_exec_free(x);
    omn_feed_free(feed);
    omn_value_unref(said);
    return sum;
}

/* Both are the same network, one with a cache: 1e-4 of a sum of at most sixteen logarithms. */
START_TEST(a_step_says_what_teaching_says)
{
    static const struct { const char *output; int32_t ids[16]; size_t n; } list[] = {
        { "text", { 14, 900, 3, 56, 1100, 20, 7 }, 7 },
        { "image", { 2, 49, 17, 30, 5, 5, 40, 22, 11, 8, 9, 33, 48, 2, 3, 25 }, 16 },
    };
    const char *prompt = "What does the image describe ?";
    omn_error err = OMN_ERROR_INIT;
    rig r;
    omn_runner *runner = NULL;
    omn_value *in = picture(37, 23);
    const omn_named named = { "image", in };
    open_rig(&r, tiny, weights());
    WORKS(omn_runner_new(r.model, &runner, &err));
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        const omn_request rq = { OMN_FILL(omn_request), .inputs = &named, .n_inputs = 1,
                                 .prompt = prompt, .output = list[i].output };
        followed f = { .ids = list[i].ids, .n = list[i].n };
        WORKS(omn_runner_follow(runner, &rq, f.ids, f.n, follow, &f, &err));
        ck_assert_double_eq_tol(f.sum, taught(&r, in, prompt, list[i].output, f.ids,
                                              (int64_t)f.n), 1e-4);
    }
    omn_runner_free(runner);
    omn_value_unref(in);
    close_rig(&r);
}
END_TEST

/* A filled picture is one of the size of what was given, whatever the model saw of it. */
START_TEST(a_picture_is_filled)
{
    omn_error err = OMN_ERROR_INIT;
    rig r;
    const omn_region box = { 8, 4, 30, 20, 1, NULL };
    omn_value *in = picture(37, 23), *words = text("dog"), *regions = NULL;
    WORKS(omn_regions_new(&box, 1, NULL, &regions, &err));
    const omn_named named[] = { { "image", in }, { "box", regions }, { "text", words } };
    open_rig(&r, tiny, weights());
    omn_value *out = run(&r, "uio1-inpaint", named, 3, NULL);
    const omn_image *img = omn_value_image(omn_record_get(out, "picture"));
    ck_assert_ptr_nonnull(img);
    ck_assert_uint_eq(omn_image_pixels(img).width, 37);
    ck_assert_uint_eq(omn_image_pixels(img).height, 23);
    omn_value_unref(out);
    omn_value_unref(in);
    omn_value_unref(words);
    omn_value_unref(regions);
    close_rig(&r);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        each_task_asks_as_it_was_published,
        texts_are_the_recorded_ids,
        memory_of_the_largest_is_known,
        a_step_says_what_teaching_says,
        a_picture_is_filled,
    };
    return TESTING_RUN("pipeline/uio1", all, 20);
}
