/* SPDX-License-Identifier: Apache-2.0 */
/* GPV-1 against a program of its own in double precision, on every path of kernels: a text, boxes
 * and both at once, each with its loss, its gradients and steps of Adam, and the text a step at a
 * time; which ids a sentence and an answer are; a small one that learns both at once, and answers
 * through its pipelines. */
#include "tests/generate/toy.h"
#include "verified.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

static const char *golden(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "tests/golden/gpv/tiny_a.%s.safetensors", name);
    return testing_source(path);
}

static void passes(const char *name, size_t least)
{
    verified_passes("tiny_a", name, golden(name), least);
}

START_TEST(texts_and_boxes_are_learnt)
{
    passes("both", 140);
    passes("ask", 5);
    passes("find", 9);
    passes("other", 11);
}
END_TEST

START_TEST(plain_rows_and_a_matrix_of_words)
{
    verified_passes("tiny_b", "plain",
                    testing_source("tests/golden/gpv/tiny_b.plain.safetensors"), 20);
}
END_TEST

START_TEST(boxes_are_found) { passes("found", 1); }
END_TEST

START_TEST(texts_are_written_step_by_step)
{
    passes("steps", 1);
    passes("other_steps", 1);
}
END_TEST

START_TEST(a_wrong_number_is_found)
{
    static const struct { const char *name, *stage; change c; } list[] = {
        { "both", "pooled", { .tensor = "out.pooled", .element = 3, .times = 1, .plus = 1e-3 } },
        { "both", "relevance",
          { .tensor = "out.relevance", .element = 3, .times = 1, .plus = 1e-3 } },
        { "find", "detection.class",
          { .tensor = "out.detection.class", .times = 1, .plus = 1e-3 } },
        { "other", "losses", { .tensor = "out.losses", .element = 3, .times = 1.001 } },
        { "steps", "logits", { .tensor = "out.logits", .element = 60, .times = 1, .plus = 1e-2 } },
    };
    const char *folder = testing_folder();
    verified_changed(folder, golden("weights"), NULL);
    verified_changed(folder, golden("ask"), NULL);
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        verified_finds(folder, golden(list[i].name), &list[i].c, list[i].stage);
    }
}
END_TEST

/* ---- configurations -------------------------------------------------------------------------- */

static const char config[] =
    "{\"model_type\": \"gpv\", \"hidden_dim\": 16, %s\"omnio\": {\"most\": 16, \"stem\": 6, "
    "\"planes\": \"3,4,5,6\", \"blocks\": \"1,1,1,1\", \"side\": 48, \"longest\": 64, "
    "\"bert_config\": {\"vocab_size\": 200, \"hidden_size\": 8, \"num_attention_heads\": 2, "
    "\"num_hidden_layers\": 1, \"intermediate_size\": 8, \"max_position_embeddings\": 16}}, "
    "\"detr\": {\"hidden_dim\": 8, \"nheads\": 2, \"num_encoder_layers\": 1, "
    "\"num_decoder_layers\": 1, \"dim_feedforward\": 16, \"num_queries\": 6}, "
    "\"co_att\": {\"num_layers\": 1, \"bi_num_attention_heads\": 2, \"intermediate_size\": 16, "
    "\"v_intermediate_size\": 16}, \"text_decoder\": {\"nheads\": 2, \"num_layers\": 1, "
    "\"dim_feedforward\": 16}}";

static const char words[] = "__pad__\n__cls__\n__stop__\n__unk__\nred\ngreen\nblue\nyes\nno\n"
                            "cube\nsphere\ncone\ncylinder\n1\n2\n3\n";

static void write_folder(const char *folder, const char *more)
{
    char text[2048];
    snprintf(text, sizeof text, config, more);
    testing_copy("tests/golden/wordpiece/vocab.txt", folder, "vocab.txt");
    testing_write(folder, "words.txt", words, strlen(words));
    testing_write(folder, "config.json", text, strlen(text));
}

START_TEST(what_would_be_another_model_is_refused)
{
    static const struct { const char *more, *says; } list[] = {
        { "\"answer_head\": \"cosine\", ", "answer_head" },
        { "\"answering_type\": \"classification\", ", "answering_type" },
        { "\"detr_joiner\": {\"out_dim\": 12}, ", "detr_joiner.out_dim" },
        { "\"max_text_len\": 1, ", "max_text_len" },
        { "\"losses\": {\"Localization\": {\"eos_coef\": -1}}, ", "eos_coef" },
    };
    omn_context *ctx = toy_context(1);
    const omn_model_setup hollow = { OMN_FILL(omn_model_setup), .hollow = true };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        omn_error err = OMN_ERROR_INIT;
        omn_model *m = NULL;
        const char *folder = testing_folder();
        write_folder(folder, list[i].more);
        ck_assert_msg(omn_model_open(ctx, folder, &hollow, &m, &err) != OMN_OK, "%s",
                      list[i].says);
        ck_assert_msg(strstr(err.text, list[i].says), "%s: %s", list[i].says, err.text);
    }
    omn_context_free(ctx);
}
END_TEST

/* The published size with 9000 words, its parts counted by their papers: DETR with the running
 * means of its norms 41607878, BERT without its pooler 108891648, co-attention 42527232, the
 * decoder 23633664, what joins them and the words. */
enum { PUBLISHED = 234029512 };
START_TEST(the_published_size_is_planned)
{
    static const char published[] = "{\"model_type\": \"gpv\", \"omnio\": {\"words\": 9000}}";
    omn_error err = OMN_ERROR_INIT;
    omn_model *m = NULL;
    omn_context *ctx = toy_context(1);
    const omn_model_setup hollow = { OMN_FILL(omn_model_setup), .hollow = true };
    WORKS(omn_model_open_text(ctx, published, "published", &hollow, &m, &err));
    WORKS(omn_model_declare(m, &err));
    omn_memory mem = { OMN_FILL(omn_memory) };
    omn_program_memory(omn_model_program(m), &mem);
    ck_assert_uint_eq(mem.mapped / sizeof(float), PUBLISHED);
    omn_model_close(m);
    omn_context_free(ctx);
}
END_TEST

/* ---- ids ------------------------------------------------------------------------------------- */

/* A sentence is pieces of BERT's list between its marks; an answer is whole words of the list of
 * answers, and what is none of them is __unk__, which no text has. */
START_TEST(sentences_and_answers_have_lists_of_their_own)
{
    omn_error err = OMN_ERROR_INIT;
    const char *folder = testing_folder();
    omn_context *ctx = toy_context(1);
    omn_model *m = NULL;
    omn_call *c = NULL;
    omn_feed *f = NULL;
    omn_value *v = NULL, *said = NULL;
    int32_t ids[8];
    size_t n = 0;
    const omn_model_setup hollow = { OMN_FILL(omn_model_setup), .hollow = true };
    write_folder(folder, "");
    WORKS(omn_model_open(ctx, folder, &hollow, &m, &err));
    WORKS(omn_context_call(ctx, 0, 0, NULL, &c, &err));
    WORKS(omn_feed_make(&f, &err));
    WORKS(omn_text_new("What is the red cube?", 21, &v, &err));
    WORKS(omn_model_prepare(m, c, "text", v, f, NULL, &err));
    /* lines of vocab.txt from 0: [CLS] what is the red cube ? [SEP] */
    static const int32_t want[] = { 2, 11, 10, 5, 14, 15, 30, 3 };
    const omn_tensor *got = omn_feed_get(f, "ids");
    ck_assert_int_eq(got->shape.dim[0], 8);
    for (int i = 0; i < 8; i++) ck_assert_int_eq(((const int32_t *)got->data)[i], want[i]);
    WORKS(omn_model_tokens(m, "Red dodecahedron 2", ids, 8, &n, &err));
    ck_assert_uint_eq(n, 3);
    ck_assert_int_eq(ids[0], 4);
    ck_assert_int_eq(ids[1], 3);
    ck_assert_int_eq(ids[2], 14);
    const omn_part *d = omn_model_decoder(m, "text");
    const omn_vocab *voc = omn_part_vocabulary(d);
    ck_assert_int_eq(voc->start, 1);
    ck_assert_int_eq(voc->stop, 2);
    ck_assert_int_eq(voc->pad, 0);
    WORKS(omn_decoder_value(d, c, ids, n, NULL, &said, &err));
    ck_assert_str_eq(omn_text_get(said, NULL), "red 2");
    omn_value_unref(said);
    omn_value_unref(v);
    omn_feed_free(f);
    omn_call_free(c);
    omn_model_close(m);
    omn_context_free(ctx);
}
END_TEST

/* ---- learning and asking --------------------------------------------------------------------- */

enum { STEPS = 40, SOME = 5 };

static const char recipe[] =
    "version: 1\nmodel: ./model\nsources: {world: {use: tabletop, width: 64, height: 64, "
    "most: 3}}\ntasks: [{name: find, pipeline: ./p.yaml, each: detect, "
    "give: {image: /image, boxes: boxes}, want: {answer: answer}}]\n"
    "optimizer: {use: adamw, rate: 4e-3}\nbatch: 4\nsteps: 40\nexport: f32\n";
/* every thing is to be found, and named as well as these words can */
static const char pipeline[] =
    "version: 1\ninputs: {image: {type: image}, boxes: {type: regions}}\nsteps:\n"
    "  - {generate: text, from: {image: $image, things: $boxes}, prompt: what is in the cat,"
    " max_tokens: 19, as: answer}\noutputs: {answer: $answer}\n";

/* A folder with both, and the model. */
static const char *write_lesson(void)
{
    static char path[4096];
    const char *folder = testing_folder();
    snprintf(path, sizeof path, "%s/model", folder);
    ck_assert_int_eq(mkdir(path, 0777), 0);
    write_folder(path, "");
    testing_write(folder, "p.yaml", pipeline, strlen(pipeline));
    return folder;
}

/* What is learnt of a sentence are the ids that it has when it is asked. */
START_TEST(lessons_are_read_as_sentences_are)
{
    omn_error err = OMN_ERROR_INIT;
    omn_buf b;
    omn_recipe *r = NULL;
    omn_context *ctx = toy_context(1);
    const char *folder = write_lesson();
    omn_buf_init(&b, 1 << 20);
    WORKS(omn_recipe_open(ctx, testing_write(folder, "r.yaml", recipe, strlen(recipe)), NULL, 0, &r,
                          &err));
    WORKS(omn_recipe_show(r, 1, &b, &err));
    ck_assert_msg(strstr(b.data, "tokens: 2 11 10 17 5 9 3\n") != NULL, "%s", b.data);
    ck_assert_msg(strstr(b.data, "things") != NULL, "%s", b.data);
    omn_buf_fini(&b);
    omn_recipe_close(r);
    omn_context_free(ctx);
}
END_TEST

/* Trains by a recipe of one task; the folder of what came of it. */
static const char *trained(double *first, double *last)
{
    static char path[4096];
    omn_error err = OMN_ERROR_INIT;
    char *log = NULL;
    size_t n = 0, lines = 0;
    const char *folder = write_lesson();
    *first = *last = 0;
    omn_context *ctx = toy_context(2);
    WORKS(toy_train(ctx, folder, recipe, "out", &err));
    omn_context_free(ctx);
    snprintf(path, sizeof path, "%s/out/log.csv", folder);
    WORKS(omn_file_read(path, 1 << 20, &log, &n, &err));
    for (const char *at = strchr(log, '\n'); at && at[1]; at = strchr(at + 1, '\n')) {
        double loss = 0;
        ck_assert_int_eq(sscanf(at + 1, "%*d,%*d,%*d,%lf", &loss), 1);
        if (lines++ < SOME) *first += loss / SOME;
        if (lines > STEPS - SOME) *last += loss / SOME;
    }
    ck_assert_uint_eq(lines, STEPS);
    free(log);
    snprintf(path, sizeof path, "%s/out", folder);
    return path;
}

/* The result of a pipeline about a picture; NULL: the input is not there. */
static omn_value *asked(omn_context *ctx, omn_model *m, const char *name, const omn_named *more,
                        size_t n)
{
    omn_error err = OMN_ERROR_INIT;
    omn_pipeline *p = NULL;
    omn_pipeline_run *job = NULL;
    omn_value *out = NULL, *in = toy_picture(NULL, 96, 64, 3);
    char path[128];
    omn_named named[4] = { { "image", in } };
    for (size_t i = 0; i < n; i++) named[1 + i] = more[i];
    snprintf(path, sizeof path, "pipelines/%s.yaml", name);
    const omn_pipeline_setup how = { OMN_FILL(omn_pipeline_setup), .model = m,
                                     .temperature = NAN, .top_p = NAN };
    WORKS(omn_pipeline_open(ctx, testing_source(path), &p, &err));
    WORKS(omn_pipeline_run_new(p, &how, &job, &err));
    WORKS(omn_pipeline_run_one(job, named, 1 + n, 0, &out, &err));
    omn_pipeline_run_free(job);
    omn_pipeline_close(p);
    omn_value_unref(in);
    return out;
}

static omn_value *text_of(const char *text)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    WORKS(omn_text_new(text, strlen(text), &v, &err));
    return v;
}

static void is(const omn_value *record, const char *field, const char *kind)
{
    const omn_value *v = omn_record_get(record, field);
    ck_assert_ptr_nonnull(v);
    ck_assert_str_eq(omn_value_kind_name(v), kind);
}

/* All boxes of least relevance 0 lie in the picture, one for each query. */
static void locate(omn_context *ctx, omn_model *m)
{
    const omn_region *r = NULL;
    omn_value *name = text_of("cube"), *least = NULL;
    omn_error err = OMN_ERROR_INIT;
    WORKS(omn_number_new(0, &least, &err));
    const omn_named more[] = { { "name", name }, { "least", least } };
    omn_value *out = asked(ctx, m, "gpv-locate", more, 2);
    is(out, "boxes", "regions");
    const size_t n = omn_regions_get(omn_record_get(out, "boxes"), &r);
    ck_assert_uint_eq(n, 6);
    for (size_t i = 0; i < n; i++) {
        ck_assert(r[i].x0 >= 0 && r[i].y0 >= 0 && r[i].x1 <= 96 && r[i].y1 <= 64);
        ck_assert(r[i].score >= 0 && r[i].score <= 1);
    }
    omn_value_unref(out);
    omn_value_unref(name);
    omn_value_unref(least);
}

static void classify(omn_context *ctx, omn_model *m)
{
    static const char *const names[] = { "cube", "red sphere" };
    omn_error err = OMN_ERROR_INIT;
    const omn_region box[2] = { { 8, 8, 40, 40, NAN, NULL }, { 50, 20, 90, 60, NAN, NULL } };
    omn_value *items[2] = { text_of(names[0]), text_of(names[1]) }, *list = NULL, *boxes = NULL;
    const omn_frame frame = omn_frame_identity(1, 96, 64);
    WORKS(omn_list_new(items, 2, &list, &err));
    WORKS(omn_regions_new(box, 2, &frame, &boxes, &err));
    const omn_named more[] = { { "boxes", boxes }, { "options", list } };
    omn_value *out = asked(ctx, m, "gpv-classify", more, 2);
    const omn_value *all = omn_record_get(out, "categories");
    ck_assert_uint_eq(omn_list_count(all), 2);
    for (size_t i = 0; i < 2; i++) {
        const char *said = omn_text_get(omn_list_at(all, i), NULL);
        ck_assert_msg(!strcmp(said, names[0]) || !strcmp(said, names[1]), "%s", said);
    }
    omn_value_unref(out);
    omn_value_unref(boxes);
    omn_value_unref(list);
    for (int i = 0; i < 2; i++) omn_value_unref(items[i]);
}

START_TEST(boxes_and_words_are_learnt_at_once)
{
    omn_error err = OMN_ERROR_INIT;
    double first, last;
    omn_model *m = NULL;
    const char *folder = trained(&first, &last);
    ck_assert_msg(last < 0.8 * first, "%g, %g at first", last, first);
    omn_context *ctx = toy_context(2);
    WORKS(omn_model_open(ctx, folder, NULL, &m, &err));
    omn_value *task = text_of("what is in the cat");
    const omn_named ask[] = { { "task", task } }, question[] = { { "question", task } };
    omn_value *out = asked(ctx, m, "gpv-ask", ask, 1);
    is(out, "answer", "text");
    is(out, "boxes", "regions");
    omn_value *again = asked(ctx, m, "gpv-vqa", question, 1);
    ck_assert_str_eq(omn_text_get(omn_record_get(out, "answer"), NULL),
                     omn_text_get(omn_record_get(again, "answer"), NULL));
    omn_value_unref(again);
    omn_value_unref(out);
    out = asked(ctx, m, "gpv-caption", NULL, 0);
    is(out, "caption", "text");
    omn_value_unref(out);
    locate(ctx, m);
    classify(ctx, m);
    omn_value_unref(task);
    omn_model_close(m);
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        texts_and_boxes_are_learnt,
        plain_rows_and_a_matrix_of_words,
        boxes_are_found,
        texts_are_written_step_by_step,
        a_wrong_number_is_found,
        what_would_be_another_model_is_refused,
        the_published_size_is_planned,
        sentences_and_answers_have_lists_of_their_own,
        lessons_are_read_as_sentences_are,
        boxes_and_words_are_learnt_at_once,
    };
    return TESTING_RUN("models/gpv", all, 60);
}
