/* SPDX-License-Identifier: Apache-2.0 */
/* ViLBERT with the heads of 12-in-1 against a program of its own in double precision, on every path
 * of kernels: each kind of task with its loss, its gradients and steps of Adam; and a small one for
 * each that learns from a detector's files, and answers through its pipeline. */
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
    snprintf(path, sizeof path, "tests/golden/vilbert/tiny_a.%s.safetensors", name);
    return testing_source(path);
}

static void passes(const char *name, size_t least)
{
    verified_passes("tiny_a", name, golden(name), least);
}

START_TEST(answers_are_learnt)
{
    passes("vqa", 100);
    passes("other", 9);
    passes("nlvr2", 7);
    passes("entail", 5);
}
END_TEST

START_TEST(regions_and_pairs_are_learnt)
{
    passes("refcoco", 5);
    passes("match", 5);
    passes("matched", 1);
}
END_TEST

START_TEST(choices_and_dialogues_are_learnt)
{
    passes("choice", 5);
    passes("dialogue", 5);
    passes("ranked", 1);
}
END_TEST

START_TEST(a_wrong_number_is_found)
{
    static const struct { const char *name, *stage; change c; } list[] = {
        { "vqa", "scores", { .tensor = "out.scores", .element = 3, .times = 1, .plus = 1e-3 } },
        { "nlvr2", "scores", { .tensor = "out.scores", .element = 3, .times = 1, .plus = 1e-3 } },
        { "refcoco", "losses", { .tensor = "out.losses", .element = 3, .times = 1.001 } },
        { "choice", "scores", { .tensor = "out.scores", .element = 2, .times = 1, .plus = 1e-3 } },
        { "choice", "losses", { .tensor = "out.losses", .element = 3, .times = 1.001 } },
        { "dialogue", "logits.match", { .tensor = "out.logits.match", .times = 1, .plus = 1e-3 } },
        { "match", "logits.match",
          { .tensor = "out.logits.match", .element = 4, .times = 1, .plus = 1e-3 } },
    };
    const char *folder = testing_folder();
    verified_changed(folder, golden("weights"), NULL);
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        verified_changed(folder, golden("match"), NULL);
        verified_finds(folder, golden(list[i].name), &list[i].c, list[i].stage);
    }
}
END_TEST

/* ---- configurations -------------------------------------------------------------------------- */

static const char config[] =
    "{\"model_type\": \"vilbert\", %s\"vocab_size\": 200, \"hidden_size\": 16, "
    "\"num_attention_heads\": 2, \"num_hidden_layers\": 2, \"intermediate_size\": 16, "
    "\"max_position_embeddings\": 16, \"v_feature_size\": 4, \"v_hidden_size\": 16, "
    "\"v_num_hidden_layers\": 1, \"v_num_attention_heads\": 2, \"v_intermediate_size\": 16, "
    "\"bi_hidden_size\": 16, \"bi_num_attention_heads\": 2, \"v_biattention_id\": [0], "
    "\"t_biattention_id\": [1], \"omnio\": {\"task\": \"%s\", \"regions\": 5%s}}";

static void write_folder(const char *folder, const char *task, const char *more)
{
    char text[2048];
    const char *few = !strcmp(task, "vqa") ? ", \"classes\": 3" : "";
    snprintf(text, sizeof text, config, more, task, few);
    testing_copy("tests/golden/wordpiece/vocab.txt", folder, "vocab.txt");
    testing_write(folder, "answers.txt", "red\ngreen\nblue\n", 15);
    testing_write(folder, "config.json", text, strlen(text));
}

START_TEST(what_would_be_another_model_is_refused)
{
    static const struct { const char *task, *more, *says; } list[] = {
        { "vcr", "", "omnio.task" },
        { "vqa", "\"dynamic_attention\": true, ", "dynamic_attention" },
        { "vqa", "\"model\": \"roberta\", ", "roberta" },
        { "vqa", "\"fusion_method\": \"max\", ", "fusion_method" },
        { "vqa", "\"hidden_act\": \"relu\", ", "hidden_act" },
    };
    omn_context *ctx = toy_context(1);
    const omn_model_setup hollow = { OMN_FILL(omn_model_setup), .hollow = true };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        omn_error err = OMN_ERROR_INIT;
        omn_model *m = NULL;
        const char *folder = testing_folder();
        write_folder(folder, list[i].task, list[i].more);
        ck_assert_msg(omn_model_open(ctx, folder, &hollow, &m, &err) != OMN_OK, "%s",
                      list[i].says);
        ck_assert_msg(strstr(err.text, list[i].says), "%s: %s", list[i].says, err.text);
    }
    omn_context_free(ctx);
}
END_TEST

/* The published size with the head for questions, its parts counted by their papers: both streams
 * with their meetings, tables and poolers 235721216, the head 8514617. */
enum { PUBLISHED = 244235833 };
START_TEST(the_published_size_is_planned)
{
    omn_error err = OMN_ERROR_INIT;
    omn_model *m = NULL;
    omn_context *ctx = toy_context(1);
    const omn_model_setup hollow = { OMN_FILL(omn_model_setup), .hollow = true };
    WORKS(omn_model_open_text(ctx, "{\"model_type\": \"vilbert\"}", "published", &hollow, &m,
                              &err));
    WORKS(omn_model_declare(m, &err));
    omn_memory mem = { OMN_FILL(omn_memory) };
    omn_program_memory(omn_model_program(m), &mem);
    ck_assert_uint_eq(mem.mapped / sizeof(float), PUBLISHED);
    omn_model_close(m);
    omn_context_free(ctx);
}
END_TEST

/* ---- texts of a dialogue --------------------------------------------------------------------- */

/* Question, answer, and what was said before; of words that are of the second text, and of what is
 * too long the oldest goes. Lines of vocab.txt from 0. */
static void read_as(omn_model *m, omn_call *c, const char *text, const int32_t *ids,
                    const char *types, size_t n)
{
    omn_error err = OMN_ERROR_INIT;
    omn_feed *f = NULL;
    omn_value *v = NULL;
    WORKS(omn_feed_make(&f, &err));
    WORKS(omn_text_new(text, strlen(text), &v, &err));
    WORKS(omn_model_prepare(m, c, "text", v, f, NULL, &err));
    const omn_tensor *got = omn_feed_get(f, "ids"), *type = omn_feed_get(f, "type");
    ck_assert_int_eq(got->shape.dim[0], (int64_t)n);
    for (size_t i = 0; i < n; i++) {
        ck_assert_msg(((const int32_t *)got->data)[i] == ids[i], "%s: %zu", text, i);
        ck_assert_msg(((const int32_t *)type->data)[i] == types[i] - '0', "%s: %zu", text, i);
    }
    omn_value_unref(v);
    omn_feed_free(f);
}

START_TEST(dialogues_have_texts_of_two_types)
{
    omn_error err = OMN_ERROR_INIT;
    const char *folder = testing_folder();
    omn_context *ctx = toy_context(1);
    omn_model *m = NULL;
    omn_call *c = NULL;
    const omn_model_setup hollow = { OMN_FILL(omn_model_setup), .hollow = true };
    enum { CLS = 2, SEP = 3, THE = 5, A = 6, MAN = 7, DOG = 8, CAT = 9, IS = 10, WHAT = 11 };
    write_folder(folder, "visual_dialog", "");
    WORKS(omn_model_open(ctx, folder, &hollow, &m, &err));
    WORKS(omn_context_call(ctx, 0, 0, NULL, &c, &err));
    static const int32_t few[] = { CLS, WHAT, IS, SEP, A, MAN, SEP, THE, CAT, SEP };
    read_as(m, c, "what is [SEP] a man [SEP] the cat", few, "0000111000", 10);
    /* of sixteen tokens that there is room for: the oldest of four rounds' words go */
    static const int32_t many[] = { CLS, WHAT, IS, SEP, A, MAN, SEP, DOG, SEP,
                                    THE, CAT, SEP, A, CAT, IS, SEP };
    read_as(m, c, "what is [SEP] a man [SEP] the man [SEP] what dog [SEP] the cat [SEP] a cat is",
            many, "0000111000000000", 16);
    omn_call_free(c);
    omn_model_close(m);
    omn_context_free(ctx);
}
END_TEST

/* ---- learning and asking --------------------------------------------------------------------- */

enum { REGIONS = 4, FEATURES = 4, EXAMPLES = 12 };

/* What a detector would have found: the first region is `kind`, as its features say. */
static void found(const char *folder, const char *name, int kind, uint64_t seed)
{
    omn_error err = OMN_ERROR_INIT;
    char path[4096];
    float box[REGIONS * 4], x[REGIONS * FEATURES], size[2] = { 64, 48 };
    for (size_t i = 0; i < REGIONS; i++) {
        const float left = (float)(omn_random_at(seed, 1, i) % 30) + (float)i;
        const float b[4] = { left, 2 * (float)i, left + 12, 2 * (float)i + 20 };
        memcpy(box + 4 * i, b, sizeof b);
        for (int k = 0; k < FEATURES; k++)
            x[i * FEATURES + (size_t)k] =
                (float)(omn_random_at(seed, 2, i * FEATURES + (size_t)k) % 100) / 100;
        if (!i)
            for (int k = 0; k < 3; k++) x[k] = k == kind ? 3 : -3;
    }
    const omn_weights_entry list[4] = {
        { "bbox", { .type = OMN_F32, .shape = omn_dim2(REGIONS, 4), .data = box,
                    .bytes = sizeof box } },
        { "features", { .type = OMN_F32, .shape = omn_dim2(REGIONS, FEATURES), .data = x,
                        .bytes = sizeof x } },
        { "image_w", { .type = OMN_F32, .shape = omn_dim1(1), .data = &size[0],
                       .bytes = sizeof *size } },
        { "image_h", { .type = OMN_F32, .shape = omn_dim1(1), .data = &size[1],
                       .bytes = sizeof *size } },
    };
    snprintf(path, sizeof path, "%s/%s.safetensors", folder, name);
    WORKS(omn_weights_write(path, OMN_OVERWRITE, list, 4, NULL, 0, &err));
}

typedef struct lesson {
    const char *task, *pipeline, *give, *want;
    double share;                         /* of the first loss that the last is below */
    size_t steps;
} lesson;

/* Pictures of a colour each; twelve of them are learnt. */
static void write_examples(const char *folder)
{
    static const char *const colours[] = { "red", "green", "blue" };
    char text[8192], name[64];
    size_t n = 0;
    snprintf(name, sizeof name, "%s/data", folder);
    ck_assert_int_eq(mkdir(below(folder, "data"), 0777), 0);
    for (int i = 0; i < EXAMPLES; i++) {
        snprintf(name, sizeof name, "%d", i);
        found(below(folder, "data"), name, i % 3, (uint64_t)i);
        const double left = (double)(omn_random_at((uint64_t)i, 1, 0) % 30);
        n += (size_t)snprintf(text + n, sizeof text - n, "{\"seen\": \"%d.safetensors\", "
                              "\"other\": \"%d.safetensors\", \"colour\": \"%s\", "
                              "\"text\": \"the %s cube\", \"holds\": \"%s\", \"follows\": \"%s\", "
                              "\"guess\": \"%s\", \"rounds\": "
                              "\"[{\\\"question\\\": \\\"red?\\\", "
                              "\\\"answer\\\": \\\"Yes\\\"}]\", "
                              "\"box\": [%g, 0, %g, 20]}\n",
                              i, (i + 3) % EXAMPLES, colours[i % 3], i % 2 ? "red" : "man",
                              i % 2 ? "true" : "false", i % 2 ? "entailment" : "neutral",
                              i % 2 ? "yes" : "no", left,
                              left + 12);
    }
    testing_write(folder, "data/manifest.jsonl", text, n);
}

static void learns(const char *folder, const lesson *l)
{
    omn_error err = OMN_ERROR_INIT;
    char *log = NULL, text[2048];
    size_t n = 0, lines = 0;
    double loss[200], first = 0, last = 0;
    ck_assert_int_eq(mkdir(below(folder, "model"), 0777), 0);
    write_folder(below(folder, "model"), l->task, "");
    write_examples(folder);
    snprintf(text, sizeof text, "version: 1\nmodel: ./model\nsources: {data: {use: folder, path: "
             "./data, held_out: 0}}\ntasks: [{name: ask, pipeline: %s, give: {%s}%s}]\n"
             "optimizer: {use: adamw, rate: 3e-3}\nbatch: 4\nsteps: %zu\nexport: f32\n",
             l->pipeline, l->give, l->want, l->steps);
    omn_context *ctx = toy_context(2);
    WORKS(toy_train(ctx, folder, text, "out", &err));
    omn_context_free(ctx);
    WORKS(omn_file_read(below(folder, "out/log.csv"), 1 << 20, &log, &n, &err));
    for (const char *at = strchr(log, '\n'); at && at[1] && lines < 200; at = strchr(at + 1, '\n'))
        ck_assert_int_eq(sscanf(at + 1, "%*d,%*d,%*d,%lf", &loss[lines++]), 1);
    free(log);
    ck_assert_uint_eq(lines, l->steps);
    for (int i = 0; i < 8; i++) {
        first += loss[i];
        last += loss[lines - 1 - (size_t)i];
    }
    ck_assert_msg(last < l->share * first, "%s: %g, %g at first", l->task, last / 8, first / 8);
}

/* What the model is asked in the course of a pipeline. */
typedef struct question { omn_model *m; omn_call *c; char said[4][256]; size_t n, pictures; }
    question;

static omn_status on_question(void *user, const char *step, const omn_request *rq, bool *ask,
                              omn_value **instead, omn_error *err)
{
    question *q = user;
    omn_value *told = NULL;
    (void)step;
    (void)instead;
    const omn_status st = omn_request_describe(q->m, q->c, rq, &told, err);
    ck_assert_msg(st == OMN_OK, "%s", err->text);
    const omn_value *inputs = omn_record_get(told, "inputs");
    q->pictures = 0;
    for (size_t i = 0; i < omn_list_count(inputs); i++) {
        const omn_value *in = omn_list_at(inputs, i), *text = omn_record_get(in, "text");
        if (!strcmp(omn_text_get(omn_record_get(in, "role"), NULL), "text"))
            snprintf(q->said[q->n % 4], sizeof q->said[0], "%s", omn_text_get(text, NULL));
        else q->pictures++;
    }
    q->n++;
    omn_value_unref(told);
    *ask = true;
    return OMN_OK;
}

/* The record of a pipeline, and what was asked for it. */
static omn_value *told(omn_context *ctx, const char *model, const char *name, const omn_named *in,
                       size_t n, question *q)
{
    omn_error err = OMN_ERROR_INIT;
    omn_pipeline *p = NULL;
    omn_pipeline_run *job = NULL;
    omn_value *out = NULL;
    char path[128];
    WORKS(omn_model_open(ctx, model, NULL, &q->m, &err));
    WORKS(omn_context_call(ctx, 0, 0, NULL, &q->c, &err));
    const omn_pipeline_setup how = { OMN_FILL(omn_pipeline_setup), .model = q->m,
                                     .temperature = NAN, .top_p = NAN, .asking = on_question,
                                     .user = q };
    snprintf(path, sizeof path, "pipelines/%s.yaml", name);
    WORKS(omn_pipeline_open(ctx, testing_source(path), &p, &err));
    WORKS(omn_pipeline_run_new(p, &how, &job, &err));
    const omn_status st = omn_pipeline_run_one(job, in, n, 0, &out, &err);
    ck_assert_msg(st == OMN_OK, "%s: %s", name, err.text);
    omn_pipeline_run_free(job);
    omn_pipeline_close(p);
    omn_call_free(q->c);
    omn_model_close(q->m);
    return out;
}

static omn_value *loaded(omn_context *ctx, const char *folder, const char *file)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    WORKS(omn_value_load(ctx, below(folder, file), "record", &v, &err));
    return v;
}

static omn_value *text_of(const char *s)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    WORKS(omn_text_new(s, strlen(s), &v, &err));
    return v;
}

/* A pipeline's record about files of regions, as they were learnt together, and a text. */
static omn_value *asked(omn_context *ctx, const char *folder, const char *name,
                        const char *const *inputs, size_t n, size_t first, const char *word,
                        const char *text)
{
    question q = { .n = 0 };
    omn_named in[4] = { { NULL, NULL } };
    char file[64];
    for (size_t i = 0; i < n; i++) {
        snprintf(file, sizeof file, "data/%zu.safetensors", first + 3 * i);
        in[i] = (omn_named){ inputs[i], loaded(ctx, folder, file) };
    }
    in[n] = (omn_named){ word, text_of(text) };
    omn_value *out = told(ctx, below(folder, "out"), name, in, n + 1, &q);
    for (size_t i = 0; i <= n; i++) omn_value_unref(in[i].value);
    return out;
}

static const char *const one[] = { "regions" }, *const two[] = { "left", "right" };

START_TEST(questions_are_learnt)
{
    static const lesson l = { "vqa", "vilbert-vqa", "regions: seen, question: text",
                              ", want: {answer: colour}", 0.6, 40 };
    static const char *const colours[] = { "red", "green", "blue" };
    const char *folder = testing_folder();
    learns(folder, &l);
    omn_context *ctx = toy_context(2);
    omn_value *out = asked(ctx, folder, "vilbert-vqa", one, 1, 0, "question", "the man cube");
    const char *said = omn_text_get(omn_record_get(out, "answer"), NULL);
    size_t known = 0;
    for (int i = 0; i < 3; i++) known += !strcmp(said, colours[i]);
    ck_assert_uint_eq(known, 1);
    omn_value_unref(out);
    omn_context_free(ctx);
}
END_TEST

START_TEST(regions_are_learnt)
{
    static const lesson l = { "refcoco", "vilbert-refer", "regions: seen, text: text",
                              ", want: {box: box}", 0.6, 40 };
    const omn_region *r = NULL;
    const char *folder = testing_folder();
    learns(folder, &l);
    omn_context *ctx = toy_context(2);
    omn_value *out = asked(ctx, folder, "vilbert-refer", one, 1, 0, "text", "the man cube");
    ck_assert_uint_eq(omn_regions_get(omn_record_get(out, "box"), &r), 1);
    /* the first of those that were given, which is what was learnt */
    ck_assert_double_eq_tol(r->x0, (double)(omn_random_at(0, 1, 0) % 30), 1e-6);
    ck_assert_double_eq_tol(r->y1, 20, 1e-6);
    omn_value_unref(out);
    omn_context_free(ctx);
}
END_TEST

/* What a lesson about picture i says that is wanted: the regions that share half with the first,
 * and how much, where boxes hold the pixels of both their edges. */
static size_t shares(int i, char *text, size_t room)
{
    size_t n = 0, ids = 0;
    char weights[256] = "";
    double left[REGIONS];
    for (uint64_t k = 0; k < REGIONS; k++)
        left[k] = (double)(omn_random_at((uint64_t)i, 1, k) % 30) + (double)k;
    for (int k = 0; k < REGIONS; k++) {
        const double w = 13 - fabs(left[k] - left[0]), h = 21 - 2.0 * k;
        const double both = w > 0 ? w * h : 0, share = both / (2 * 13 * 21 - both);
        if (share < 0.5) continue;
        n += (size_t)snprintf(text + n, room - n, " %d", k);
        snprintf(weights + strlen(weights), sizeof weights - strlen(weights), " %g",
                 (double)(float)share);
        ids++;
    }
    snprintf(text + n, room - n, "\n    weights:%s\n", weights);
    return ids;
}

START_TEST(regions_are_right_by_what_they_share)
{
    omn_error err = OMN_ERROR_INIT;
    static const char recipe[] =
        "version: 1\nmodel: ./model\nsources: {data: {use: folder, path: ./data, held_out: 0}}\n"
        "tasks: [{name: ask, pipeline: vilbert-refer, give: {regions: seen, text: text}, "
        "want: {box: box}}]\noptimizer: {use: adamw}\nbatch: 4\nsteps: 4\n";
    const char *folder = testing_folder();
    omn_context *ctx = toy_context(1);
    omn_recipe *r = NULL;
    omn_buf b;
    size_t several = 0;
    ck_assert_int_eq(mkdir(below(folder, "model"), 0777), 0);
    write_folder(below(folder, "model"), "refcoco", "");
    write_examples(folder);
    omn_buf_init(&b, 1 << 20);
    const char *path = testing_write(folder, "r.yaml", recipe, strlen(recipe));
    WORKS(omn_recipe_open(ctx, path, NULL, 0, &r, &err));
    WORKS(omn_recipe_show(r, 4 * EXAMPLES, &b, &err));
    for (int i = 0; i < EXAMPLES; i++) {
        char want[512];
        if (shares(i, want, sizeof want) < 2) continue;
        ck_assert_msg(strstr(b.data, want), "picture %d: \"%s\" is not in %s", i, want, b.data);
        several++;
    }
    ck_assert_uint_ge(several, 1);
    omn_buf_fini(&b);
    omn_recipe_close(r);
    omn_context_free(ctx);
}
END_TEST

START_TEST(two_pictures_are_compared)
{
    static const lesson l = { "nlvr2", "vilbert-compare", "left: seen, right: other, text: text",
                              ", want: {holds: holds}", 0.5, 80 };
    const char *folder = testing_folder();
    learns(folder, &l);
    omn_context *ctx = toy_context(2);
    omn_value *out = asked(ctx, folder, "vilbert-compare", two, 2, 1, "text", "the red cube");
    ck_assert_str_eq(omn_text_get(omn_record_get(out, "holds"), NULL), "true");
    omn_value_unref(out);
    out = asked(ctx, folder, "vilbert-compare", two, 2, 0, "text", "the man cube");
    ck_assert_str_eq(omn_text_get(omn_record_get(out, "holds"), NULL), "false");
    omn_value_unref(out);
    omn_context_free(ctx);
}
END_TEST

START_TEST(what_follows_is_learnt)
{
    static const lesson l = { "visual_entailment", "vilbert-entail", "regions: seen, text: text",
                              ", want: {relation: follows}", 0.7, 40 };
    const char *folder = testing_folder();
    learns(folder, &l);
    omn_context *ctx = toy_context(2);
    omn_value *out = asked(ctx, folder, "vilbert-entail", one, 1, 1, "text", "the red cube");
    ck_assert_str_eq(omn_text_get(omn_record_get(out, "relation"), NULL), "entailment");
    omn_value_unref(out);
    omn_context_free(ctx);
}
END_TEST

/* ---- GuessWhat, Visual7W and dialogue -------------------------------------------------------- */

/* Which of the other picture's regions is meant is learnt; they stand behind a detector's. */
START_TEST(choices_are_learnt)
{
    static const lesson l = { "guesswhat_pointing", "vilbert-guess-point",
                              "regions: seen, choices: seen, rounds: rounds", ", want: {box: box}",
                              0.6, 40 };
    const omn_region *r = NULL;
    const char *folder = testing_folder();
    learns(folder, &l);
    omn_context *ctx = toy_context(2);
    question q = { .n = 0 };
    omn_value *near = loaded(ctx, folder, "data/0.safetensors"), *rounds = text_of(
        "[{\"question\": \"is it a man?\", \"answer\": \"No\"}, "
        "{\"question\": \"red?\", \"answer\": \"Yes\"}]");
    const omn_named in[] = { { "regions", near }, { "choices", near }, { "rounds", rounds } };
    omn_value *out = told(ctx, below(folder, "out"), "vilbert-guess-point", in, 3, &q);
    ck_assert_str_eq(q.said[0], "start is it a man? answer No stop start red? answer Yes stop");
    ck_assert_uint_eq(q.pictures, 2);
    ck_assert_uint_eq(omn_regions_get(omn_record_get(out, "box"), &r), 1);
    ck_assert_double_eq_tol(r->x0, (double)(omn_random_at(0, 1, 0) % 30), 1e-6);
    ck_assert_double_eq_tol(r->y1, 20, 1e-6);
    omn_value_unref(out);
    /* a model of Visual7W is asked the question as it is */
    write_folder(below(folder, "out"), "visual7w", "");
    omn_value *ask = text_of("what is the man?");
    const omn_named other[] = { { "regions", near }, { "choices", near }, { "question", ask } };
    q.n = 0;
    out = told(ctx, below(folder, "out"), "vilbert-point", other, 3, &q);
    ck_assert_str_eq(q.said[0], "what is the man?");
    ck_assert_str_eq(omn_value_kind_name(omn_record_get(out, "box")), "regions");
    omn_value_unref(out);
    omn_value_unref(ask);
    omn_value_unref(rounds);
    omn_value_unref(near);
    omn_context_free(ctx);
}
END_TEST

START_TEST(guesses_are_learnt)
{
    static const lesson l = { "guesswhat", "vilbert-guess", "regions: seen, question: text",
                              ", want: {answer: guess}", 0.8, 40 };
    const char *folder = testing_folder();
    learns(folder, &l);
    omn_context *ctx = toy_context(2);
    omn_value *out = asked(ctx, folder, "vilbert-guess", one, 1, 1, "question", "the red cube");
    ck_assert_str_eq(omn_text_get(omn_record_get(out, "answer"), NULL), "yes");
    omn_value_unref(out);
    omn_context_free(ctx);
}
END_TEST

/* Of four rounds three are told, the caption behind them, and the answers come in their order. */
START_TEST(answers_of_a_dialogue_are_ranked)
{
    static const lesson l = { "visual_dialog", "vilbert-match", "regions: seen, text: colour", "",
                              0.9, 40 };
    const char *folder = testing_folder();
    omn_error err = OMN_ERROR_INIT;
    learns(folder, &l);
    omn_context *ctx = toy_context(2);
    question q = { .n = 0 };
    omn_value *near = loaded(ctx, folder, "data/1.safetensors"), *ask = text_of("what is it?"),
              *caption = text_of("a cat"), *items[2] = { text_of("red"), text_of("green") },
              *options = NULL, *rounds = text_of(
        "[{\"question\": \"a?\", \"answer\": \"b\"}, {\"question\": \"c?\", \"answer\": \"d\"}, "
        "{\"question\": \"e?\", \"answer\": \"f\"}, {\"question\": \"g?\", \"answer\": \"h\"}]");
    WORKS(omn_list_new(items, 2, &options, &err));
    const omn_named in[] = { { "regions", near }, { "question", ask }, { "options", options },
                             { "caption", caption }, { "rounds", rounds } };
    omn_value *out = told(ctx, below(folder, "out"), "vilbert-dialogue", in, 5, &q);
    ck_assert_uint_eq(q.n, 2);
    ck_assert_str_eq(q.said[1], "what is it? [SEP] green [SEP] c? [SEP] d [SEP] e? [SEP] f [SEP] "
                                "g? [SEP] h [SEP] a cat");
    const omn_value *all = omn_record_get(out, "ranked");
    const char *const *name = omn_value_column(all, "text")->data;
    const double *score = omn_value_column(all, "score")->data;
    ck_assert_uint_eq(omn_value_count(all), 2);
    ck_assert_str_eq(omn_text_get(omn_record_get(out, "answer"), NULL), name[0]);
    ck_assert(score[0] >= score[1] && fabs(exp(score[0]) + exp(score[1]) - 1) < 1e-9);
    omn_value_unref(out);
    q.n = 0;
    out = told(ctx, below(folder, "out"), "vilbert-dialogue", in, 4, &q);
    ck_assert_str_eq(q.said[0], "what is it? [SEP] red [SEP] a cat");
    omn_value_unref(out);
    for (int i = 0; i < 2; i++) omn_value_unref(items[i]);
    omn_value_unref(options);
    omn_value_unref(rounds);
    omn_value_unref(caption);
    omn_value_unref(ask);
    omn_value_unref(near);
    omn_context_free(ctx);
}
END_TEST

START_TEST(pairs_are_learnt)
{
    /* every text names the colour of its picture */
    static const lesson l = { "retrieval_coco", "vilbert-match", "regions: seen, text: colour", "",
                              0.9, 40 };
    const char *folder = testing_folder();
    learns(folder, &l);
    omn_context *ctx = toy_context(2);
    omn_value *out = asked(ctx, folder, "vilbert-match", one, 1, 0, "text", "red");
    const omn_value *v = omn_record_get(out, "match");
    ck_assert_msg(omn_value_is(v, "options"), "%s", omn_value_kind_name(v));
    omn_value_unref(out);
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        answers_are_learnt,
        regions_and_pairs_are_learnt,
        a_wrong_number_is_found,
        choices_and_dialogues_are_learnt,
        dialogues_have_texts_of_two_types,
        regions_are_right_by_what_they_share,
        choices_are_learnt,
        guesses_are_learnt,
        answers_of_a_dialogue_are_ranked,
        what_would_be_another_model_is_refused,
        the_published_size_is_planned,
        questions_are_learnt,
        regions_are_learnt,
        two_pictures_are_compared,
        what_follows_is_learnt,
        pairs_are_learnt,
    };
    return TESTING_RUN("models/vilbert", all, 60);
}
