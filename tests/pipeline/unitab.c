/* SPDX-License-Identifier: Apache-2.0 */
/* The tasks of UniTAB through their pipelines: what the model is asked (a picture, and a text with
 * the recorded ids between its marks; greedily; which ids may come; kinds), what recorded rows of
 * words and boxes are as values, and a value as the row that is learnt. */
#include "tests/codec/golden.h"
#include "tests/generate/toy.h"

#include <omnio/pipeline.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

enum { WORDS = 351, OPEN = 351, CLOSE = 352, BIN = 353, BINS = 20, PLACES = 26 };
static const char sequences[] = "tests/golden/unitab/tiny_a.sequences.safetensors";

static const char config[] =
    "{\"model_type\": \"unitab\", \"hidden_dim\": 24, \"nheads\": 3, \"enc_layers\": 2, "
    "\"dec_layers\": 2, \"dim_feedforward\": 40, \"num_bins\": 20, \"max_decoding_step\": 26, "
    "\"text_config\": {\"vocab_size\": 351, \"hidden_size\": 20, \"num_attention_heads\": 2, "
    "\"num_hidden_layers\": 2, \"intermediate_size\": 36, \"max_position_embeddings\": 32}, "
    "\"omnio\": {\"stem\": 6, \"planes\": \"3,4,5,6\", \"blocks\": \"1,2,1,1\", \"side\": 64, "
    "\"longest\": 96}}";

typedef struct rig {
    omn_context *ctx;
    omn_model *model;
    omn_call *call;
    const char *text, *makes;             /* of what is asked; NULL: no text */
    size_t asked;
} rig;

static void open_rig(rig *r)
{
    omn_error err = OMN_ERROR_INIT;
    const char *folder = testing_folder();
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 2,
                                    .only_plugin_path = true,
                                    .plugin_path = testing_build("plugins/.libs") };
    const omn_model_setup setup = {
        OMN_FILL(omn_model_setup), .precision = OMN_PRECISION_F32,
        .weights = testing_source("tests/golden/unitab/tiny_a.weights.safetensors")
    };
    testing_copy("tests/golden/unitab/tiny_a.bpe/vocab.json", folder, "vocab.json");
    testing_copy("tests/golden/unitab/tiny_a.bpe/merges.txt", folder, "merges.txt");
    testing_write(folder, "config.json", config, strlen(config));
    *r = (rig){ 0 };
    WORKS(omn_context_new(&how, &r->ctx, &err));
    WORKS(omn_model_open(r->ctx, folder, &setup, &r->model, &err));
    WORKS(omn_context_call(r->ctx, 0, 0, NULL, &r->call, &err));
}

static void close_rig(rig *r)
{
    omn_call_free(r->call);
    omn_model_close(r->model);
    omn_context_free(r->ctx);
}

/* ---- what is asked --------------------------------------------------------------------------- */

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

/* The recorded ids, <s> and </s> among them, as many as there is room for. */
static void same_words(const omn_value *input, const char *text)
{
    json_t *all = golden_json("tests/golden/unitab/tiny_a.tokenizer.json"), *one;
    const omn_value *ids = omn_record_get(input, "ids");
    size_t i, found = 0;
    ck_assert_str_eq(text_at(input, "role"), "text");
    json_array_foreach(golden_get(all, "strings"), i, one)
    {
        const json_t *want = golden_get(one, "padded");
        size_t n = json_array_size(want);
        if (strcmp(json_string_value(golden_get(one, "text")), text)) continue;
        while (n && json_integer_value(json_array_get(want, n - 1)) == 1) n--;
        ck_assert_uint_eq(omn_list_count(ids), n);
        for (size_t k = 0; k < n; k++)
            ck_assert_int_eq((int)omn_number_get(omn_list_at(ids, k)),
                             (int)json_integer_value(json_array_get(want, k)));
        found++;
    }
    ck_assert_uint_eq(found, 1);
    json_decref(all);
}

/* All words but the five that stand for no text, both marks, every place; and the end. */
static void may_come(const rig *r, const omn_request *rq)
{
    omn_error err = OMN_ERROR_INIT;
    omn_ids ids;
    bool end = false;
    omn_ids_init(&ids, 1 << 16);
    WORKS(omn_request_allowed(r->model, rq, NULL, 0, &ids, &end, &err));
    ck_assert_uint_eq(ids.count, WORDS - 5 + 2 + BINS);
    ck_assert_int_eq(ids.ids[0], 4);
    ck_assert_int_eq(ids.ids[ids.count - 1], BIN + BINS - 1);
    for (size_t i = 0; i < ids.count; i++) ck_assert_int_ne(ids.ids[i], 350);  /* <mask> */
    ck_assert(end);
    omn_ids_fini(&ids);
}

static omn_status on_question(void *user, const char *step, const omn_request *rq, bool *ask,
                              omn_value **instead, omn_error *err)
{
    rig *r = user;
    omn_value *q = NULL;
    (void)step;
    (void)ask;
    (void)instead;
    r->asked++;
    ck_assert_msg(omn_request_describe(r->model, r->call, rq, &q, err) == OMN_OK, "%s", err->text);
    const omn_value *inputs = omn_record_get(q, "inputs");
    ck_assert_uint_eq(omn_list_count(inputs), r->text ? 2 : 1);
    ck_assert_str_eq(text_at(omn_list_at(inputs, 0), "role"), "image");
    /* 96 x 62 pixels on cells of 32 */
    ck_assert_double_eq(number_at(omn_list_at(inputs, 0), "tokens"), 6);
    if (r->text) same_words(omn_list_at(inputs, 1), r->text);
    ck_assert_str_eq(text_at(q, "makes"), r->makes);
    ck_assert_double_eq(number_at(q, "temperature"), 0);
    ck_assert_double_eq(number_at(q, "beams"), 0);
    ck_assert_double_eq(number_at(q, "max_tokens"), PLACES);
    may_come(r, rq);
    omn_value_unref(q);
    return OMN_OK;
}

static omn_value *picture(uint32_t w, uint32_t h)
{
    omn_error err = OMN_ERROR_INIT;
    omn_pixels px;
    omn_image *img = NULL;
    WORKS(omn_image_new(OMN_U8, w, h, 3, NULL, &img, &px, &err));
    for (size_t i = 0; i < (size_t)w * h * 3; i++)
        ((uint8_t *)px.data)[i] = (uint8_t)(omn_random_at(1, 2, i) % 256);
    return omn_image_give(img);
}

static void one_task(const char *name, const char *input, const char *words, const char *output,
                     const char *makes)
{
    omn_error err = OMN_ERROR_INIT;
    rig r;
    char path[128];
    omn_pipeline *p = NULL;
    omn_pipeline_run *job = NULL;
    omn_value *out = NULL, *text = NULL, *in = picture(310, 200);
    open_rig(&r);
    r.text = words;
    r.makes = makes;
    if (words) WORKS(omn_text_new(words, strlen(words), &text, &err));
    const omn_named named[] = { { "image", in }, { input, text } };
    const omn_pipeline_setup how = { OMN_FILL(omn_pipeline_setup), .model = r.model,
                                     .temperature = NAN, .top_p = NAN, .asking = on_question,
                                     .user = &r };
    snprintf(path, sizeof path, "pipelines/%s.yaml", name);
    WORKS(omn_pipeline_open(r.ctx, testing_source(path), &p, &err));
    WORKS(omn_pipeline_run_new(p, &how, &job, &err));
    WORKS(omn_pipeline_run_one(job, named, words ? 2 : 1, 0, &out, &err));
    ck_assert_uint_eq(r.asked, 1);
    ck_assert_str_eq(omn_value_kind_name(omn_record_get(out, output)), makes);
    omn_pipeline_run_free(job);
    omn_pipeline_close(p);
    omn_value_unref(out);
    omn_value_unref(text);
    omn_value_unref(in);
    close_rig(&r);
}

START_TEST(captions) { one_task("unitab-caption", "", NULL, "caption", "grounded"); } END_TEST
START_TEST(questions)
{
    one_task("unitab-vqa", "question", "what does the image describe?", "answer", "text");
}
END_TEST
START_TEST(a_long_question_is_cut)
{
    one_task("unitab-vqa", "question",
             "a very long sentence about a man who rides a brown horse near the river and two "
             "children playing football", "answer", "text");
}
END_TEST
START_TEST(expressions) { one_task("unitab-refexp", "text", "a red cup", "box", "regions"); }
END_TEST
START_TEST(names) { one_task("unitab-localize", "name", "a red cup", "boxes", "regions"); }
END_TEST
START_TEST(sentences)
{
    /* as it stands there: special names are themselves, white space in front of one is its own */
    one_task("unitab-ground", "text", "x <mask> y", "sentence", "grounded");
}
END_TEST

/* The same ids from the one file that holds all of a tokenizer. */
START_TEST(the_other_tokenizer_file)
{
    static const char text[] = "x <mask> y";
    static const int32_t want[] = { 204, 350, 320 };
    omn_error err = OMN_ERROR_INIT;
    const omn_model_setup hollow = { OMN_FILL(omn_model_setup), .hollow = true };
    const char *folder = testing_folder();
    omn_context *ctx = toy_context(1);
    omn_model *m = NULL;
    int32_t ids[8];
    size_t n = 0;
    testing_copy("tests/golden/unitab/tiny_a.bpe/tokenizer.json", folder, "tokenizer.json");
    testing_write(folder, "config.json", config, strlen(config));
    WORKS(omn_model_open(ctx, folder, &hollow, &m, &err));
    WORKS(omn_model_tokens(m, text, ids, 8, &n, &err));
    ck_assert_uint_eq(n, 3);
    for (size_t i = 0; i < n; i++) ck_assert_int_eq(ids[i], want[i]);
    omn_model_close(m);
    omn_context_free(ctx);
}
END_TEST

/* ---- rows as values -------------------------------------------------------------------------- */

static omn_answer *answer(const rig *r, const char *object, const char *which)
{
    omn_error err = OMN_ERROR_INIT;
    omn_answer *a = NULL;
    const omn_setting set = { .name = object, .text = which };
    const omn_answer_setup how = { OMN_FILL(omn_answer_setup), .object = object, .set = &set,
                                   .n_set = which ? 1 : 0 };
    WORKS(omn_answer_open(r->model, r->call, &how, &a, &err));
    return a;
}

/* A picture of 640 x 480, of which the model speaks in parts. */
static const omn_frame frame = { 1, { 640, 0, 0, 0, 480, 0 }, 640, 480 };

static omn_value *heard(const rig *r, const omn_answer *a, const int32_t *ids, size_t n)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    const omn_heard h = { OMN_FILL(omn_heard), .ids = ids, .n = n, .whole = true };
    WORKS(omn_answer_read(a, r->call, &h, &frame, &v, &err));
    return v;
}

/* The box of an expression, and all of them, of every recorded row. */
START_TEST(boxes_of_rows)
{
    rig r;
    size_t n = 0, count = 0, met = 0;
    int32_t *ids = golden_tensor(sequences, "in.sequences", &n);
    float *first = golden_tensor(sequences, "out.boxes_pixels", &count);
    float *all = golden_tensor(sequences, "out.boxes_all", &count);
    const size_t rows = n / PLACES;
    open_rig(&r);
    omn_answer *one = answer(&r, "grounded_boxes", "first");
    omn_answer *every = answer(&r, "grounded_boxes", "all");
    for (size_t i = 0; i < rows; i++) {
        const omn_region *box = NULL;
        size_t length = 0;
        const float *f = first + 4 * i, *b = all + 20 * i;
        while (length < PLACES && ids[i * PLACES + length] != 2) length++;
        omn_value *v = heard(&r, one, ids + i * PLACES, length);
        const size_t k = omn_regions_get(v, &box);
        if (k == 0) ck_assert(f[0] == 0 && f[2] == 0);   /* none: zeros */
        for (size_t j = 0; j < k; j++, met++) {
            const double px[] = { box[j].x0, box[j].y0, box[j].x1, box[j].y1 };
            for (int a = 0; a < 4; a++) ck_assert(fabs(px[a] - (double)f[a]) < 1e-2);
        }
        omn_value_unref(v);
        v = heard(&r, every, ids + i * PLACES, length);
        const size_t m = omn_regions_get(v, &box);
        for (size_t j = 0; j < m && j < 5; j++) {
            const double cx = (box[j].x0 + box[j].x1) / 2 / 640, h = (box[j].y1 - box[j].y0) / 480;
            ck_assert(fabs(cx - (double)b[4 * j]) < 1e-5 && fabs(h - (double)b[4 * j + 3]) < 1e-5);
        }
        for (size_t j = m; j < 5; j++) ck_assert(b[4 * j] == 0 && b[4 * j + 3] == 0);
        omn_value_unref(v);
    }
    ck_assert_uint_ge(met, 6);
    omn_answer_close(every);
    omn_answer_close(one);
    close_rig(&r);
    free(all);
    free(first);
    free(ids);
}
END_TEST

static void same_part(const omn_value *v, size_t i, const char *words)
{
    const char *text = *(const char *const *)omn_value_column(v, "text")->data;
    const int32_t *span = (const int32_t *)omn_value_column(v, "span")->data + 2 * i;
    ck_assert_uint_eq((size_t)(span[1] - span[0]), strlen(words));
    ck_assert(!strncmp(text + span[0], words, strlen(words)));
}

START_TEST(words_of_rows)
{
    rig r;
    size_t n = 0;
    int32_t *ids = golden_tensor(sequences, "in.sequences", &n);
    open_rig(&r);
    omn_answer *a = answer(&r, "grounded", NULL), *plain = answer(&r, "grounded_text", NULL);
    /* as the file's captions have it: two phrases, each with the same box */
    omn_value *v = heard(&r, a, ids + 4 * PLACES, PLACES);
    omn_value *t = heard(&r, plain, ids + 4 * PLACES, PLACES);
    ck_assert_uint_eq(omn_value_count(v), 2);
    ck_assert_str_eq(*(const char *const *)omn_value_column(v, "text")->data, "a dog and a dog");
    ck_assert_str_eq(omn_text_get(t, NULL), "a dog and a dog");
    same_part(v, 0, "a dog");
    same_part(v, 1, "a dog");
    ck_assert_int_eq(((const int32_t *)omn_value_column(v, "span")->data)[2], 10);
    omn_value_unref(v);
    omn_value_unref(t);
    omn_answer_close(plain);
    omn_answer_close(a);
    close_rig(&r);
    free(ids);
}
END_TEST

static omn_value *caption(const rig *r)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    const omn_kind *kind = NULL;
    static const char *const text = "a man rides a brown horse near the river";
    static const int32_t span[] = { 0, 5, 12, 25 };
    static const double box[] = { 0, 0, 640, 480, 128, 192, 256, 384 };
    const omn_filled columns[] = { omn_fill("text", OMN_STRING, (omn_shape){ 0 }, &text),
                                   omn_fill("span", OMN_I32, omn_dim2(2, 2), span),
                                   omn_fill("box", OMN_F64, omn_dim2(2, 4), box) };
    WORKS(omn_kind_find(r->call, "grounded", &kind, &err));
    WORKS(omn_value_make(kind, columns, 3, &frame, &v, &err));
    return v;
}

/* The recorded row is cut; ours goes on to its end, and is what it was when it is read. */
START_TEST(a_value_as_a_row)
{
    omn_error err = OMN_ERROR_INIT;
    rig r;
    size_t n = 0;
    omn_ids ids;
    int32_t *want = golden_tensor(sequences, "out.prev", &n);
    open_rig(&r);
    omn_answer *a = answer(&r, "grounded", NULL);
    omn_value *v = caption(&r);
    omn_ids_init(&ids, 64);
    WORKS(omn_answer_write(a, r.call, v, &frame, &ids, &err));
    ck_assert_uint_eq(ids.count, 23 + 2 * 6);
    for (size_t i = 0; i + 1 < PLACES; i++) ck_assert_int_eq(ids.ids[i], want[i + 1]);
    omn_value *again = heard(&r, a, ids.ids, ids.count);
    ck_assert_uint_eq(omn_value_count(again), 2);
    same_part(again, 0, "a man");
    same_part(again, 1, "a brown horse");
    omn_ids_fini(&ids);
    omn_ids_init(&ids, 30);               /* room for the words alone */
    ck_assert_int_eq(omn_answer_write(a, r.call, v, &frame, &ids, &err), OMN_ERR_DATA);
    omn_ids_fini(&ids);
    omn_value_unref(again);
    omn_value_unref(v);
    omn_answer_close(a);
    close_rig(&r);
    free(want);
}
END_TEST

/* ---- learning -------------------------------------------------------------------------------- */

/* A small one from nothing on made pictures: expressions, and the boxes that they mean. */
START_TEST(boxes_are_learnt)
{
    static const char pipeline[] =
        "version: 1\ninputs: {image: {type: image}, text: {type: text}}\n"
        "steps: [{generate: text, as: said, from: {image: $image}, prompt: \"{text}\",\n"
        "  answer: {grounded_boxes: first, of: $image}}]\noutputs: {box: $said}\n";
    static const char recipe[] =
        "version: 1\nmodel: ./model\n"
        "sources: {world: {use: tabletop, width: 64, height: 64}}\n"
        "tasks: [{name: find, pipeline: ./p.yaml, each: refexp, "
        "give: {image: /image, text: text}, want: {box: box}}]\n"
        "optimizer: {use: adamw, rate: 4e-3}\nloss: {use: cross-entropy, z: 0}\n"
        "pack: {inputs: 80, targets: 80}\nbatch: 4\nsteps: 40\nexport: f32\n";
    static const char small[] =
        "{\"model_type\": \"unitab\", \"hidden_dim\": 24, \"nheads\": 3, \"enc_layers\": 1, "
        "\"dec_layers\": 1, \"dim_feedforward\": 40, \"num_bins\": 20, "
        "\"max_decoding_step\": 80, \"text_config\": {\"vocab_size\": 351, "
        "\"hidden_size\": 20, \"num_attention_heads\": 2, \"num_hidden_layers\": 1, "
        "\"intermediate_size\": 36, \"max_position_embeddings\": 96}, \"omnio\": {\"stem\": 6, "
        "\"planes\": \"3,4,5,6\", \"blocks\": \"1,1,1,1\", \"side\": 64, \"longest\": 64}}";
    omn_error err = OMN_ERROR_INIT;
    char *log = NULL, path[2][4096];
    size_t n = 0, lines = 0;
    double first = 0, last = 0;
    const char *folder = testing_folder();
    snprintf(path[0], sizeof path[0], "%s/model", folder);
    snprintf(path[1], sizeof path[1], "%s/out/log.csv", folder);
    ck_assert_int_eq(mkdir(path[0], 0777), 0);
    testing_copy("tests/golden/unitab/tiny_a.bpe/vocab.json", path[0], "vocab.json");
    testing_copy("tests/golden/unitab/tiny_a.bpe/merges.txt", path[0], "merges.txt");
    testing_write(path[0], "config.json", small, strlen(small));
    testing_write(folder, "p.yaml", pipeline, strlen(pipeline));
    omn_context *ctx = toy_context(2);
    WORKS(toy_train(ctx, folder, recipe, "out", &err));
    omn_context_free(ctx);
    WORKS(omn_file_read(path[1], 1 << 20, &log, &n, &err));
    for (const char *line = strchr(log, '\n'); line && line[1]; line = strchr(line + 1, '\n')) {
        double loss = 0;
        ck_assert_int_eq(sscanf(line + 1, "%*d,%*d,%*d,%lf", &loss), 1);
        if (!lines++) first = loss;
        last = loss;
    }
    ck_assert_uint_eq(lines, 40);
    ck_assert_double_lt(last, 0.8 * first);
    free(log);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        captions,      questions,     a_long_question_is_cut, expressions,
        names,         sentences,     the_other_tokenizer_file, boxes_of_rows,
        words_of_rows, a_value_as_a_row, boxes_are_learnt,
    };
    return TESTING_RUN("pipeline/unitab", all, 30);
}
