/* SPDX-License-Identifier: Apache-2.0 */
/* The tasks of Flamingo through their pipelines: what stands in front of an answer, as the original
 * program assembles it from no and from two examples, how it is searched for, which ids may come,
 * and what is made of recorded answers. */
#include "tests/generate/toy.h"

#include <omnio/pipeline.h>

#include <jansson.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

static const char config[] =
    "{\"cross_attn_every_n_layers\": 1, \"quick_gelu\": true, \"vision_cfg\": {\"image_size\": "
    "[12, 20], \"patch_size\": 4, \"width\": 24, \"layers\": 2, \"head_width\": 12, "
    "\"mlp_ratio\": 2.5}, \"lang_encoder\": {\"model_type\": \"mosaic_gpt\", \"d_model\": 36, "
    "\"n_heads\": 6, \"n_layers\": 3, \"mlp_ratio\": 4, \"max_seq_len\": 256, \"vocab_size\": 336, "
    "\"attn_qk_ln\": true, \"alibi\": true, \"no_bias\": true}, \"perceiver\": {\"depth\": 2, "
    "\"dim_head\": 10, \"heads\": 3, \"num_latents\": 5, \"ff_mult\": 2}, \"cross_attention\": "
    "{\"dim_head\": 10, \"heads\": 3, \"ff_mult\": 4}}";

enum { CHUNK_END = 327, MEDIA, PAD };

typedef struct rig {
    omn_context *ctx;
    omn_model *model;
    omn_call *call;
    omn_weights *golden;
    char folder[512], front[4096]; /* what the last request has in front of its answer */
    const char *said;              /* what is answered instead of asking; NULL: it is asked */
    int32_t max_tokens;
    bool score;
    size_t asked;
} rig;

static void open_rig(rig *r)
{
    omn_error err = OMN_ERROR_INIT;
    static const char pixels[] = "P6\n2 2\n255\nabcdefghijkl";
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 2,
                                    .only_plugin_path = true,
                                    .plugin_path = testing_build("plugins/.libs") };
    const omn_model_setup setup = { OMN_FILL(omn_model_setup), .precision = OMN_PRECISION_F32,
                                    .weights = testing_source("tests/golden/flamingo/"
                                                              "tiny_a.weights.safetensors") };
    *r = (rig){ .max_tokens = 20 };
    snprintf(r->folder, sizeof r->folder, "%s", testing_folder());
    testing_copy("tests/golden/flamingo/tokenizer.json", r->folder, "tokenizer.json");
    testing_write(r->folder, "config.json", config, sizeof config - 1);
    testing_write(r->folder, "a.ppm", pixels, sizeof pixels - 1);
    WORKS(omn_context_new(&how, &r->ctx, &err));
    WORKS(omn_model_open(r->ctx, r->folder, &setup, &r->model, &err));
    WORKS(omn_context_call(r->ctx, 0, 0, NULL, &r->call, &err));
    WORKS(omn_weights_open(testing_source("tests/golden/flamingo/prompts.safetensors"), &r->golden,
                           &err));
}

static void close_rig(rig *r)
{
    omn_weights_close(r->golden);
    omn_call_free(r->call);
    omn_model_close(r->model);
    omn_context_free(r->ctx);
}

static json_t *meta(const rig *r, const char *name)
{
    json_t *j = json_loads(omn_weights_meta(r->golden, name), 0, NULL);
    ck_assert(j != NULL);
    return j;
}

/* The texts of a request with <image> for each picture. */
static void read_front(rig *r, const omn_request *rq)
{
    size_t n = 0;
    const size_t room = sizeof r->front;
    r->front[0] = 0;
    for (uint32_t i = 0; i < rq->n_inputs; i++) {
        const omn_value *v = rq->inputs[i].value;
        const bool many = !strcmp(rq->inputs[i].name, "interleaved");
        for (size_t k = 0; k < (many ? omn_value_count(v) : 1); k++) {
            omn_value *item = NULL;
            if (many) ck_assert_int_eq(omn_value_item(v, k, &item, NULL), OMN_OK);
            const char *text = item ? omn_text_get(item, NULL) : NULL;
            n += (size_t)snprintf(r->front + n, room - n, "%s", text ? text : "<image>");
            omn_value_unref(item);
        }
    }
    if (rq->prompt) snprintf(r->front + n, room - n, "%s", rq->prompt);
}

static double number_at(const omn_value *record, const char *name)
{
    const omn_value *v = omn_record_get(record, name);
    return v ? omn_number_get(v) : 0;
}

static omn_status on_question(void *user, const char *step, const omn_request *rq, bool *ask,
                              omn_value **instead, omn_error *err)
{
    rig *r = user;
    omn_value *q = NULL;
    (void)step;
    r->asked++;
    read_front(r, rq);
    const omn_status st = omn_request_describe(r->model, r->call, rq, &q, err);
    ck_assert_msg(st == OMN_OK, "%s", err->text);
    ck_assert_double_eq(number_at(q, "temperature"), 0);
    if (r->score) {
        ck_assert_str_eq(omn_answer_object(rq->answer), "options");
    } else {
        omn_ids ids;
        bool end = false;
        ck_assert_int_eq(rq->max_tokens, r->max_tokens);
        ck_assert_double_eq(number_at(q, "beams"), 3);
        ck_assert_double_eq(rq->beams.alpha, 0);
        ck_assert(rq->beams.penalty == OMN_PENALTY_POWER && rq->beams.stop == OMN_BEAM_BOUND);
        omn_ids_init(&ids, 1000);
        ck_assert_int_eq(omn_request_allowed(r->model, rq, NULL, 0, &ids, &end, err), OMN_OK);
        ck_assert(end && ids.count > 300);
        for (size_t i = 0; i < ids.count; i++) ck_assert_int_lt(ids.ids[i], CHUNK_END);
        omn_ids_fini(&ids);
    }
    omn_value_unref(q);
    *ask = !r->said;
    return r->said ? omn_text_new(r->said, strlen(r->said), instead, err) : OMN_OK;
}

static omn_value *text(const char *s)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    WORKS(omn_text_new(s, strlen(s), &v, &err));
    return v;
}

/* The record that a pipeline gives. */
static omn_value *run(rig *r, const char *name, const omn_named *in, size_t n)
{
    omn_error err = OMN_ERROR_INIT;
    char path[128];
    omn_pipeline *p = NULL;
    omn_pipeline_run *job = NULL;
    omn_value *out = NULL;
    const omn_pipeline_setup how = { OMN_FILL(omn_pipeline_setup), .model = r->model,
                                     .temperature = NAN, .top_p = NAN, .asking = on_question,
                                     .user = r };
    snprintf(path, sizeof path, "pipelines/%s.yaml", name);
    WORKS(omn_pipeline_open(r->ctx, testing_source(path), &p, &err));
    WORKS(omn_pipeline_run_new(p, &how, &job, &err));
    WORKS(omn_pipeline_run_one(job, in, n, 0, &out, &err));
    omn_pipeline_run_free(job);
    omn_pipeline_close(p);
    return out;
}

static omn_value *picture(rig *r)
{
    omn_error err = OMN_ERROR_INIT;
    omn_pixels px;
    omn_image *img = NULL;
    (void)r;
    WORKS(omn_image_new(OMN_U8, 20, 12, 3, NULL, &img, &px, &err));
    memset(px.data, 90, 20 * 12 * 3);
    return omn_image_give(img);
}

/* Two examples, with a picture or without, of the recorded texts, as JSON. */
static omn_value *examples(rig *r, const char *task, bool pictures)
{
    static const struct { const char *task, *list, *fields[2]; } how[] = {
        { "caption", "captions", { "caption", NULL } },
        { "vqa", "qa", { "question", "answer" } },
        { "classify", "labels", { "label", NULL } },
        { "hateful", "memes", { "text", "label" } },
    };
    json_t *all = meta(r, "config"), *list = json_array(), *one;
    size_t t = 0, i;
    char file[600];
    snprintf(file, sizeof file, "%s/a.ppm", r->folder);
    while (strcmp(how[t].task, task)) t++;
    json_array_foreach(json_object_get(all, how[t].list), i, one)
    {
        json_t *o = json_object();
        for (size_t k = 0; k < 2 && how[t].fields[k]; k++)
            json_object_set(o, how[t].fields[k], json_is_array(one) ? json_array_get(one, k) : one);
        if (pictures) json_object_set_new(o, "image", json_string(file));
        json_array_append_new(list, o);
    }
    ck_assert_uint_eq(json_array_size(list), 2);
    char *written = json_dumps(list, 0);
    omn_value *v = text(written);
    free(written);
    json_decref(list);
    json_decref(all);
    return v;
}

/* The recorded text of a task with so many examples. */
static void expect_front(const rig *r, const char *task, int shots)
{
    size_t i;
    json_t *all = meta(r, "prompts"), *one;
    bool met = false;
    json_array_foreach(all, i, one)
    {
        if (strcmp(json_string_value(json_object_get(one, "task")), task) ||
            json_integer_value(json_object_get(one, "shots")) != shots)
            continue;
        met = true;
        ck_assert_str_eq(r->front, json_string_value(json_object_get(one, "text")));
    }
    ck_assert(met);
    json_decref(all);
}

/* A task without examples, as published with two of their texts, and with both. */
static void assembled(const char *task, const char *pipeline, const char *asks, const char *what,
                      int32_t max_tokens, bool score)
{
    rig r;
    open_rig(&r);
    r.max_tokens = max_tokens;
    r.score = score;
    omn_value *in = picture(&r), *question = text(what), *options = text("dog,cat");
    for (int shots = 0; shots <= 2; shots += 2) {
        omn_value *list = examples(&r, task, shots);
        omn_named named[4] = { { "image", in }, { shots ? "shots" : "texts", list } };
        size_t n = 2;
        if (*asks) named[n++] = (omn_named){ asks, question };
        if (score) named[n++] = (omn_named){ "options", options };
        r.front[0] = 0;
        omn_value *out = run(&r, pipeline, named, n);
        expect_front(&r, task, shots);
        if (score) {
            const char *best = omn_text_get(omn_record_get(out, "category"), NULL);
            ck_assert(!strcmp(best, "dog") || !strcmp(best, "cat"));
        }
        omn_value_unref(out);
        omn_value_unref(list);
    }
    ck_assert_uint_eq(r.asked, 2);
    omn_value_unref(options);
    omn_value_unref(question);
    omn_value_unref(in);
    close_rig(&r);
}

START_TEST(captions) { assembled("caption", "flamingo-caption", "", "", 20, false); }
END_TEST

START_TEST(questions) { assembled("vqa", "flamingo-vqa", "question", "Who?", 5, false); }
END_TEST

START_TEST(classes) { assembled("classify", "flamingo-classify", "", "", 0, true); }
END_TEST

START_TEST(memes) { assembled("hateful", "flamingo-meme", "text", "well", 0, true); }
END_TEST

/* What is made of recorded answers. */
START_TEST(answers_are_cut_as_published)
{
    static const char *const of[][3] = { { "flamingo-caption", "caption", "caption_answer" },
                                         { "flamingo-vqa", "answer", "vqa_answer" } };
    rig r;
    open_rig(&r);
    json_t *said = meta(&r, "generated"), *one;
    omn_value *in = picture(&r), *question = text("Who?");
    const omn_named named[] = { { "image", in }, { "question", question } };
    for (int k = 0; k < 2; k++) {
        json_t *want = meta(&r, of[k][2]);
        size_t i;
        r.max_tokens = k ? 5 : 20;
        json_array_foreach(said, i, one)
        {
            r.said = json_string_value(one);
            omn_value *out = run(&r, of[k][0], named, (size_t)(k + 1));
            ck_assert_str_eq(omn_text_get(omn_record_get(out, of[k][1]), NULL),
                             json_string_value(json_array_get(want, i)));
            omn_value_unref(out);
        }
        json_decref(want);
    }
    omn_value_unref(question);
    omn_value_unref(in);
    json_decref(said);
    close_rig(&r);
}
END_TEST

/* A page of texts and pictures, and a video whose frames are seen as one. */
START_TEST(pages_and_videos)
{
    omn_error err = OMN_ERROR_INIT;
    rig r;
    open_rig(&r);
    omn_value *items[] = { picture(&r), text("Output:a cat<|endofchunk|>\n"), picture(&r) };
    omn_value *prompt = text("Output:"), *page = NULL, *frames[3], *list = NULL, *video = NULL;
    const omn_kind *kind = NULL, *stream = NULL;
    const omn_filled column = omn_fill("items", OMN_ANY_VALUE, omn_dim1(3), items);
    WORKS(omn_kind_find(r.call, "interleaved", &kind, &err));
    WORKS(omn_kind_find(r.call, "stream", &stream, &err));
    WORKS(omn_value_make(kind, &column, 1, NULL, &page, &err));
    const omn_named named[] = { { "page", page }, { "words", prompt } };
    omn_value *out = run(&r, "flamingo-interleaved", named, 2);
    ck_assert_str_eq(r.front, "<image>Output:a cat<|endofchunk|>\n<image>Output:");
    omn_value_unref(out);
    for (int i = 0; i < 3; i++) frames[i] = picture(&r);
    WORKS(omn_list_new(frames, 3, &list, &err));
    WORKS(omn_value_convert(r.call, list, stream, &video, &err));
    const omn_named film[] = { { "video", video } };
    out = run(&r, "flamingo-video", film, 1);
    ck_assert_str_eq(r.front, "<image>Output:");
    omn_value_unref(out);
    for (int i = 0; i < 3; i++) {
        omn_value_unref(frames[i]);
        omn_value_unref(items[i]);
    }
    omn_value_unref(video);
    omn_value_unref(list);
    omn_value_unref(page);
    omn_value_unref(prompt);
    close_rig(&r);
}
END_TEST

static void count(void *user, const omn_pipeline_need *n)
{
    *(uint32_t *)user += !strcmp(n->what, "inputs");
}

/* The largest that is public, OpenFlamingo 9B over MPT-7B, planned from its configuration. */
START_TEST(the_largest_is_planned_without_weights)
{
    static const char large[] =
        "{\"cross_attn_every_n_layers\": 4, \"quick_gelu\": true, \"vision_cfg\": {\"image_size\": "
        "224, \"patch_size\": 14, \"width\": 1024, \"layers\": 24, \"head_width\": 64}, "
        "\"lang_encoder\": {\"model_type\": \"mpt\", \"d_model\": 4096, \"n_heads\": 32, "
        "\"n_layers\": 32, \"max_seq_len\": 2048, \"vocab_size\": 50432, \"norm_type\": "
        "\"low_precision_layernorm\", \"attn_config\": {\"alibi\": true, \"clip_qkv\": null}}, "
        "\"omnio\": {\"rows\": 50280}}";
    omn_error err = OMN_ERROR_INIT;
    const omn_model_setup setup = { OMN_FILL(omn_model_setup), .precision = OMN_PRECISION_F32,
                                    .hollow = true };
    omn_model *model = NULL;
    omn_pipeline *p = NULL;
    omn_pipeline_cost cost = { OMN_FILL(omn_pipeline_cost) };
    uint32_t inputs = 0;
    rig r;
    open_rig(&r);
    WORKS(omn_model_open_text(r.ctx, large, "9b", &setup, &model, &err));
    WORKS(omn_model_declare(model, &err));
    WORKS(omn_pipeline_open(r.ctx, testing_source("pipelines/flamingo-caption.yaml"), &p, &err));
    WORKS(omn_pipeline_needs(p, model, count, &inputs, &cost, &err));
    ck_assert_uint_eq(inputs, 2);       /* what is interleaved, a text */
    const double D = 4096, W = 1024;
    const double tower = 24 * (12 * W * W + 13 * W) + 257 * W + 3 * 14 * 14 * W + 3 * W;
    const double resampler = 6 * (10 * W * W + 6 * W) + 64 * W + 2 * W;
    const double gated = 8 * (8 * D * D + 2 * 512 * D + W * 1024 + 4 * D + 2);
    const double language = 32 * (12 * D * D + 2 * D) + 50280 * D + D;
    ck_assert_double_eq_tol((double)cost.parameters, tower + resampler + gated + language, 1);
    omn_pipeline_close(p);
    omn_model_close(model);
    close_rig(&r);
}
END_TEST

/* A published size by its name: how many weights there are, and that one number may be another. */
START_TEST(published_sizes_have_names)
{
    static const struct { const char *more; double D, gated, layers, extra, tables; } list[] = {
        { "\"openflamingo-3b\"}", 2048, 24, 24, 4, 1 },
        { "\"openflamingo-4b\"}", 2560, 16, 32, 13, 2 },
        { "\"openflamingo-9b\"}", 4096, 8, 32, 2, 1 },
        { "\"openflamingo-3b\"}, \"lang_encoder\": {\"n_layers\": 2}", 2048, 2, 2, 4, 1 },
    };
    const omn_model_setup setup = { OMN_FILL(omn_model_setup), .hollow = true };
    const double W = 1024, tower = 24 * (12 * W * W + 13 * W) + (257 + 3 * 14 * 14 + 3) * W,
                 resampler = 6 * (10 * W * W + 6 * W) + 64 * W + 2 * W;
    omn_context *ctx = toy_context(1);
    char text[256];
    omn_model *m = NULL;
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        omn_error err = OMN_ERROR_INIT;
        omn_pipeline *p = NULL;
        omn_pipeline_cost cost = { OMN_FILL(omn_pipeline_cost) };
        const double D = list[i].D;
        const double gated = list[i].gated * (8 * D * D + 1024 * D + W * 1024 + 4 * D + 2);
        const double language = list[i].layers * (12 * D * D + list[i].extra * D) +
                                list[i].tables * (50280 * D + D);
        snprintf(text, sizeof text, "{\"omnio\": {\"model\": \"flamingo\", \"size\": %s}",
                 list[i].more);
        WORKS(omn_model_open_text(ctx, text, "size", &setup, &m, &err));
        WORKS(omn_model_declare(m, &err));
        WORKS(omn_pipeline_open(ctx, testing_source("pipelines/flamingo-caption.yaml"), &p, &err));
        WORKS(omn_pipeline_needs(p, m, NULL, NULL, &cost, &err));
        ck_assert_double_eq_tol((double)cost.parameters, tower + resampler + gated + language, 1);
        omn_pipeline_close(p);
        omn_model_close(m);
        m = NULL;
    }
    omn_error err = OMN_ERROR_INIT;
    ck_assert_int_eq(omn_model_open_text(ctx, "{\"omnio\": {\"model\": \"flamingo\", \"size\": "
                                         "\"80b\"}}", "size", &setup, &m, &err), OMN_ERR_CONFIG);
    ck_assert_msg(strstr(err.text, "openflamingo-9b") != NULL, "%s", err.text);
    omn_context_free(ctx);
}
END_TEST

/* Behind the end of a chunk lessons want the end of the text, unless chunks themselves are learnt,
 * of whose rows nothing counts there. */
START_TEST(lessons_end_as_the_texts_of_pictures_do)
{
    omn_error err = OMN_ERROR_INIT;
    const char *folder = testing_folder();
    const omn_model_setup setup = { OMN_FILL(omn_model_setup), .hollow = true };
    omn_context *ctx = toy_context(1);
    char chunks[sizeof config + 64];
    snprintf(chunks, sizeof chunks, "{\"omnio\": {\"learn\": \"chunks\"}, %s", config + 1);
    const char *const list[] = { config, chunks };
    testing_copy("tests/golden/flamingo/tokenizer.json", folder, "tokenizer.json");
    for (int i = 0; i < 2; i++) {
        omn_model *m = NULL;
        testing_write(folder, "config.json", list[i], strlen(list[i]));
        WORKS(omn_model_open(ctx, folder, &setup, &m, &err));
        const omn_vocab *v = omn_part_vocabulary(omn_model_decoder(m, "text"));
        ck_assert_int_eq(v->stop, CHUNK_END);
        ck_assert_int_eq(v->n_behind, !i);
        if (!i) ck_assert_int_eq(v->behind, 0);         /* <|endoftext|> */
        omn_model_close(m);
    }
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { captions, questions, classes, memes,
                                 answers_are_cut_as_published, pages_and_videos,
                                 the_largest_is_planned_without_weights,
                                 published_sizes_have_names,
                                 lessons_end_as_the_texts_of_pictures_do };
    return TESTING_RUN("pipeline/flamingo", all, 60);
}
