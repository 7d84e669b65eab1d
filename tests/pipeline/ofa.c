/* SPDX-License-Identifier: Apache-2.0 */
/* The tasks of OFA through their pipelines, of a model without weights: the sentence that asks, its
 * marks, how an answer is searched for or drawn, which ids may begin it, and of which kind it is.
 * And texts as its data have them, with the recorded ones. */
#include "tests/testing.h"

#include <omnio/pipeline.h>

#include <jansson.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

/* What spec ofa sections 5 and 6 say of a task. */
typedef struct task {
    const char *pipeline, *inputs[3];     /* "image", "text=A Dog" */
    const char *prompt, *output, *makes;
    double beams, penalty, most, least, no_repeat, top_k;
    const char *first;                    /* "any", "bins", "codes", or the answers "yes,no" */
    const char *front;                    /* said first */
} task;

static const task tasks[] = {
    { "ofa-caption", { "image" }, " what does the image describe?", "text", "text", 5, 1, 16, 0, 3,
      0, "any", NULL },
    { "ofa-vqa", { "image", "question=...What is  This-Thing", "choices=red cup,dog" },
      " what is this thing?", "text", "text", 5, 0, 0, 0, 0, 0, "red cup,dog",
      " what is this thing?" },
    { "ofa-ask", { "image", "question=is it red?" }, " is it red?", "text", "text", 5, 1, 16, 0, 3,
      0, "any", NULL },
    /* its checkpoints were tuned with the sentence in front of the answer, as those of VQA */
    { "ofa-entail", { "image", "caption=A dog", "text=<person> runs" },
      " can image and text1 \" a dog \" imply text2 \" person runs \"?", "text", "text", 3, 0, 0, 0,
      0, 0, "yes,no,maybe", " can image and text1 \" a dog \" imply text2 \" person runs \"?" },
    { "ofa-locate", { "image", "text=The Cup" },
      " which region does the text \" the cup \" describe?", "text", "regions", 5, 1, 4, 4, 3, 0,
      "bins", NULL },
    { "ofa-region", { "image", "box=" },
      "  what does the region describe? region: <bin_0> <bin_0> <bin_14> <bin_29>", "text", "text",
      5, 1, 16, 0, 3, 0, "any", NULL },
    { "ofa-detect", { "image" }, " what are the objects in the image?", "text", "regions", 0, 0,
      256, 0, 0, 0, "bins", NULL },
    { "ofa-match", { "image", "text=a cup" }, " does the image describe \" a cup \"?", "text",
      "text", 2, 0, 0, 0, 0, 0, "yes,no", NULL },
    { "ofa-check", { "image", "question=what is it", "answer=A cup" },
      " what is the answer to question \" what is it? \". is \" a cup \"?", "text", "text", 2, 0, 0,
      0, 0, 0, "yes,no", NULL },
    { "ofa-classify", { "image", "classes=red cup,dog" }, " what does the image describe?", "text",
      "text", 5, 0, 0, 0, 0, 0, "red cup,dog", NULL },
    /* the one text that its data do not clean: words are joined by one blank */
    { "ofa-image", { "text= A red/blue  cup\n" },
      " what is the complete image? caption: A red/blue cup", "image", "image", 0, 0, 0, 0, 0, 256,
      "codes", NULL },
    { "ofa-infill", { "image" }, " what is the image in the middle part?", "image", "image", 0, 0,
      0, 0, 0, 256, "codes", NULL },
    { "ofa-complete", { "text=A <mask> dog" },
      " what is the complete text of \" a <mask> dog \"?", "text", "text", 5, 1, 128, 0, 3, 0,
      "any", NULL },
    { "ofa-summary", { "text=A well-known <unk>  dog runs" },
      " what is the summary of article \" a well known unk dog runs \"?", "text", "text", 6, 0.7,
      32, 0, 3, 0, "any", NULL },
    { "ofa-read", { "image" }, " what are the texts on the image?", "text", "text", 5, 1, 64, 0, 0,
      0, "any", NULL },
    { "ofa-sentiment", { "text= A fine\n dog" },
      " is the sentiment of text \" a fine dog \" positive or negative?", "text", "text", 2, 0, 0,
      0, 0, 0, "positive,negative", NULL },
    { "ofa-imply", { "text=A  dog", "claim=A Cat " },
      " can text1 \" a dog \" imply text2 \" a cat \"?", "text", "text", 3, 0, 0, 0, 0, 0,
      "yes,no,maybe", NULL },
    { "ofa-same", { "text=a  dog", "other=a cat\n" },
      " does text1 \" a dog \" and text2 \" a cat \" have the same semantics?", "text", "text", 2,
      0, 0, 0, 0, 0, "yes,no", NULL },
    { "ofa-equal", { "question=A dog? ", "other=a \tcat?" },
      " is question \" a dog? \" and question \" a cat? \" equivalent?", "text", "text", 2, 0, 0, 0,
      0, 0, "yes,no", NULL },
};

typedef struct rig {
    omn_context *ctx;
    omn_model *model;
    omn_call *call;
    const task *now;
    size_t asked;
} rig;

static const char config[] =
    "{\"omnio\": {\"model\": \"ofa\", \"codes\": 32, \"bins\": 30, \"image_size\": 512, "
    "\"writes_images\": true}, \"vocab_size\": 476, \"arch\": \"ofa_tiny\", "
    "\"code_image_size\": 256}";

static void open_as(rig *r, const char *text)
{
    omn_error err = OMN_ERROR_INIT;
    const char *folder = testing_folder();
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 2,
                                    .only_plugin_path = true,
                                    .plugin_path = testing_build("plugins/.libs") };
    const omn_model_setup setup = { OMN_FILL(omn_model_setup), .hollow = true };
    testing_copy("tests/golden/ofa/tiny_a.bpe/vocab.bpe", folder, "vocab.bpe");
    testing_copy("tests/golden/ofa/tiny_a.bpe/encoder.json", folder, "encoder.json");
    testing_copy("tests/golden/ofa/tiny_a.bpe/dict.txt", folder, "dict.txt");
    testing_write(folder, "config.json", text, strlen(text));
    *r = (rig){ 0 };
    WORKS(omn_context_new(&how, &r->ctx, &err));
    WORKS(omn_model_open(r->ctx, folder, &setup, &r->model, &err));
    WORKS(omn_model_keys(r->model, &err));
    WORKS(omn_context_call(r->ctx, 0, 0, NULL, &r->call, &err));
}

static void open_rig(rig *r) { open_as(r, config); }

static void close_rig(rig *r)
{
    omn_call_free(r->call);
    omn_model_close(r->model);
    omn_context_free(r->ctx);
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

/* ---- what may come --------------------------------------------------------------------------- */

static int32_t first_id(const rig *r, const char *text)
{
    omn_error err = OMN_ERROR_INIT;
    int32_t *ids = NULL;
    size_t n = 0;
    WORKS(omn_model_all_tokens(r->model, text, &ids, &n, &err));
    ck_assert_uint_ge(n, 1);
    const int32_t id = ids[0];
    free(ids);
    return id;
}

static bool among(const omn_ids *ids, int32_t id)
{
    for (size_t i = 0; i < ids->count; i++)
        if (ids->ids[i] == id) return true;
    return false;
}

/* Ids rising, [from, from + count). */
static void are(const omn_ids *ids, int32_t from, size_t count)
{
    ck_assert_uint_eq(ids->count, count);
    ck_assert_int_eq(ids->ids[0], from);
    ck_assert_int_eq(ids->ids[count - 1], from + (int32_t)count - 1);
}

/* The first ids of texts with a comma between, each behind a blank, and no other. */
static void are_of(const rig *r, const omn_ids *ids, const char *texts)
{
    char one[160], list[128];
    size_t n = 0;
    int32_t seen_ids[8];
    snprintf(list, sizeof list, "%s", texts);
    for (char *at = list, *end; at; at = end) {
        end = strchr(at, ',');
        if (end) *end++ = 0;
        snprintf(one, sizeof one, " %s", at);
        const int32_t id = first_id(r, one);
        bool known = false;
        for (size_t i = 0; i < n; i++) known |= seen_ids[i] == id;
        if (!known) seen_ids[n++] = id;
        ck_assert_msg(among(ids, id), "\"%s\" may not come", one);
    }
    ck_assert_uint_eq(ids->count, n);
}

static void may_come(const rig *r, const omn_request *rq, const task *t)
{
    omn_error err = OMN_ERROR_INIT;
    omn_ids ids;
    int32_t *front = NULL;
    size_t n = 0;
    bool end = false;
    omn_ids_init(&ids, 1 << 16);
    if (t->front) {
        WORKS(omn_request_allowed(r->model, rq, NULL, 0, &ids, &end, &err));
        ck_assert_uint_eq(ids.count, 1);
        ck_assert_int_eq(ids.ids[0], first_id(r, t->front));
        ids.count = 0;
        WORKS(omn_model_all_tokens(r->model, t->front, &front, &n, &err));
    }
    WORKS(omn_request_allowed(r->model, rq, front, n, &ids, &end, &err));
    if (!strcmp(t->first, "bins")) are(&ids, 446, 30);
    else if (!strcmp(t->first, "codes")) are(&ids, 414, 32);
    else if (!strcmp(t->first, "any")) ck_assert_uint_gt(ids.count, 300);
    else are_of(r, &ids, t->first);
    free(front);
    omn_ids_fini(&ids);
}

/* ---- what is asked --------------------------------------------------------------------------- */

static void same_text(const rig *r, const omn_value *input, const char *prompt)
{
    const omn_value *ids = omn_record_get(input, "ids");
    const size_t n = omn_list_count(ids);
    ck_assert_str_eq(text_at(input, "role"), "text");
    ck_assert_str_eq(text_at(input, "text"), prompt);
    ck_assert_uint_ge(n, 3);
    ck_assert_int_eq((int)omn_number_get(omn_list_at(ids, 0)), 0);
    ck_assert_int_eq((int)omn_number_get(omn_list_at(ids, n - 1)), 2);
    ck_assert_int_eq((int)omn_number_get(omn_list_at(ids, 1)), first_id(r, prompt));
    if (!strstr(prompt, " <bin_")) return;
    /* places follow the words at once, no blank of the text has an id */
    omn_error err = OMN_ERROR_INIT;
    static const int32_t bins[] = { 446, 446, 446 + 14, 446 + 29 };
    char front[128];
    int32_t *words = NULL;
    size_t m = 0;
    snprintf(front, sizeof front, "%.*s", (int)(strstr(prompt, " <bin_") - prompt), prompt);
    WORKS(omn_model_all_tokens(r->model, front, &words, &m, &err));
    ck_assert_uint_eq(n, 1 + m + 4 + 1);
    for (size_t i = 0; i < m + 4; i++)
        ck_assert_int_eq((int)omn_number_get(omn_list_at(ids, 1 + i)),
                         i < m ? words[i] : bins[i - m]);
    free(words);
}

static omn_value *picture(uint32_t w, uint32_t h)
{
    omn_error err = OMN_ERROR_INIT;
    omn_pixels px;
    omn_image *img = NULL;
    WORKS(omn_image_new(OMN_U8, w, h, 3, NULL, &img, &px, &err));
    memset(px.data, 77, (size_t)w * h * 3);
    return omn_image_give(img);
}

/* An answer that nobody gave. */
static omn_value *made_up(const char *kind)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    const omn_region box = { 0, 0, 10, 10, NAN, "cup" };
    if (!strcmp(kind, "image")) return picture(8, 8);
    if (!strcmp(kind, "regions")) WORKS(omn_regions_new(&box, 1, NULL, &v, &err));
    else WORKS(omn_text_new("a cup!", 6, &v, &err));
    return v;
}

static omn_status on_question(void *user, const char *step, const omn_request *rq, bool *ask,
                              omn_value **instead, omn_error *err)
{
    rig *r = user;
    const task *t = r->now;
    omn_value *q = NULL;
    (void)step;
    r->asked++;
    const omn_status st = omn_request_describe(r->model, r->call, rq, &q, err);
    ck_assert_msg(st == OMN_OK, "%s: %s", t->pipeline, err->text);
    const omn_value *inputs = omn_record_get(q, "inputs");
    const size_t pictures = t->inputs[0] && !strcmp(t->inputs[0], "image");
    ck_assert_uint_eq(omn_list_count(inputs), pictures + 1);
    if (pictures) {
        ck_assert_str_eq(text_at(omn_list_at(inputs, 0), "role"), "image");
        ck_assert_double_eq(number_at(omn_list_at(inputs, 0), "tokens"), 32 * 32);
    }
    same_text(r, omn_list_at(inputs, pictures), t->prompt);
    ck_assert_str_eq(text_at(q, "output"), t->output);
    ck_assert_str_eq(text_at(q, "makes"), t->makes);
    ck_assert_double_eq(number_at(q, "beams"), t->beams);
    ck_assert_double_eq(number_at(q, "length_penalty"), t->penalty);
    if (t->most > 0) ck_assert_double_eq(number_at(q, "max_tokens"), t->most);
    ck_assert_int_eq(rq->min_tokens, (int)t->least);
    ck_assert_int_eq(rq->no_repeat, (int)t->no_repeat);
    ck_assert_int_eq(rq->top_k, (int)t->top_k);
    if (t->top_k > 0) ck_assert_double_eq(rq->temperature, 1);
    if (t->beams > 0) ck_assert_int_eq(rq->beams.stop, OMN_BEAM_FULL);
    ck_assert_int_eq(rq->beams.renormalise, strchr(t->first, ',') != NULL);
    may_come(r, rq, t);
    omn_value_unref(q);
    *ask = false;
    *instead = made_up(t->makes);
    return OMN_OK;
}

/* "text=A Dog" as a named value: of a list its parts, of a box one of the picture. */
static omn_named input(const char *said, const omn_value *seen_picture, char *name)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL, *parts[8] = { NULL };
    const char *equals = strchr(said, '=');
    size_t n = 0;
    snprintf(name, 32, "%.*s", (int)strcspn(said, "="), said);
    if (!equals) {
        v = omn_value_ref((omn_value *)(uintptr_t)seen_picture);
    } else if (!strcmp(name, "box")) {
        const omn_region box = { 0, 0, 50, 40, NAN, NULL };
        WORKS(omn_regions_new(&box, 1, omn_value_frame(seen_picture), &v, &err));
    } else if (!strcmp(name, "choices") || !strcmp(name, "classes")) {
        for (const char *at = equals + 1; at; n++) {
            const size_t length = strcspn(at, ",");
            WORKS(omn_text_new(at, length, &parts[n], &err));
            at = at[length] ? at + length + 1 : NULL;
        }
        WORKS(omn_list_new(parts, n, &v, &err));
        while (n > 0) omn_value_unref(parts[--n]);
    } else {
        WORKS(omn_text_new(equals + 1, strlen(equals + 1), &v, &err));
    }
    return (omn_named){ name, v };
}

static void run(rig *r, const task *t)
{
    omn_error err = OMN_ERROR_INIT;
    char path[128], names[3][32];
    omn_named in[3];
    size_t n = 0;
    omn_pipeline *p = NULL;
    omn_pipeline_run *job = NULL;
    omn_value *out = NULL, *seen_picture = picture(100, 40);
    const omn_pipeline_setup how = { OMN_FILL(omn_pipeline_setup), .model = r->model,
                                     .temperature = NAN, .top_p = NAN, .asking = on_question,
                                     .user = r };
    r->now = t;
    for (; n < 3 && t->inputs[n]; n++) in[n] = input(t->inputs[n], seen_picture, names[n]);
    snprintf(path, sizeof path, "pipelines/%s.yaml", t->pipeline);
    WORKS(omn_pipeline_open(r->ctx, testing_source(path), &p, &err));
    WORKS(omn_pipeline_run_new(p, &how, &job, &err));
    const omn_status st = omn_pipeline_run_one(job, in, n, 0, &out, &err);
    ck_assert_msg(st == OMN_OK, "%s: %s", t->pipeline, err.text);
    if (!strcmp(t->pipeline, "ofa-caption")) ck_assert_str_eq(text_at(out, "caption"), "a cup");
    while (n > 0) omn_value_unref((omn_value *)(uintptr_t)in[--n].value);
    omn_value_unref(out);
    omn_value_unref(seen_picture);
    omn_pipeline_run_free(job);
    omn_pipeline_close(p);
}

START_TEST(every_task)
{
    rig r;
    open_rig(&r);
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++) run(&r, &tasks[i]);
    ck_assert_uint_eq(r.asked, sizeof tasks / sizeof *tasks);
    close_rig(&r);
}
END_TEST

/* ---- what is hidden, what is taught ---------------------------------------------------------- */

/* The middle of the normalised picture is 0, beside it nothing is different. */
START_TEST(the_middle_of_a_picture_is_hidden)
{
    enum { SIDE = 512, W = 100, H = 40 };
    omn_error err = OMN_ERROR_INIT;
    rig r;
    omn_pixels px, rgba;
    omn_image *img = NULL, *open = NULL;
    omn_feed *with[2] = { NULL, NULL };
    omn_frame frame;
    open_rig(&r);
    WORKS(omn_image_new(OMN_U8, W, H, 3, NULL, &img, &px, &err));
    WORKS(omn_image_new(OMN_U8, W, H, 4, NULL, &open, &rgba, &err));
    for (uint32_t i = 0; i < W * H; i++) {
        const uint32_t x = i % W, y = i / W;
        const bool hidden = x >= 25 && x < 75 && y >= 10 && y < 30;
        uint8_t *to = (uint8_t *)px.data + 3 * i, *also = (uint8_t *)rgba.data + 4 * i;
        for (uint32_t k = 0; k < 3; k++) also[k] = to[k] = (uint8_t)(omn_random_at(3, k, i) % 256);
        also[3] = hidden ? 0 : 255;
    }
    omn_value *const seen[2] = { omn_image_give(img), omn_image_give(open) };
    for (int i = 0; i < 2; i++) {
        WORKS(omn_feed_make(&with[i], &err));
        WORKS(omn_model_prepare(r.model, r.call, "image", seen[i], with[i], &frame, &err));
    }
    const char *name = NULL;
    for (size_t i = 0; i < omn_feed_count(with[0]); i++)
        if (strstr(omn_feed_name(with[0], i), "pixels")) name = omn_feed_name(with[0], i);
    ck_assert_ptr_nonnull(name);
    const float *a = omn_feed_get(with[0], name)->data, *b = omn_feed_get(with[1], name)->data;
    size_t differ = 0;
    for (uint32_t i = 0; i < SIDE * SIDE * 3; i++) {
        const uint32_t x = i / 3 % SIDE, y = i / 3 / SIDE;
        const bool hidden = x >= SIDE / 4 && x < SIDE * 3 / 4 && y >= SIDE / 4 && y < SIDE * 3 / 4;
        ck_assert_msg(b[i] == (hidden ? 0.0f : a[i]), "%u,%u: %g", x, y, (double)b[i]);
        differ += a[i] != b[i];
    }
    ck_assert_uint_gt(differ, SIDE * SIDE * 3 / 8);
    for (int i = 0; i < 2; i++) {
        omn_feed_free(with[i]);
        omn_value_unref(seen[i]);
    }
    close_rig(&r);
}
END_TEST

/* Texts that are written begin with a blank, as those of the model's own data, of which summaries
 * alone have none; those that are read lose it. */
START_TEST(lessons_begin_with_a_blank)
{
    static const char *const pipelines[] = { "ofa-caption", "ofa-ask", "ofa-region", "ofa-complete",
                                             "ofa-summary", "ofa-read" };
    static const char *const beside[] = { "image", "question", "box", "text", "text", "image" };
    omn_error err = OMN_ERROR_INIT;
    rig r;
    open_rig(&r);
    int32_t *ids = NULL, *bare = NULL;
    size_t n = 0, m = 0;
    WORKS(omn_model_all_tokens(r.model, " two dogs", &ids, &n, &err));
    WORKS(omn_model_all_tokens(r.model, "two dogs", &bare, &m, &err));
    omn_value *seen = picture(100, 40), *want = NULL;
    WORKS(omn_text_new("two dogs", 8, &want, &err));
    for (size_t i = 0; i < sizeof pipelines / sizeof *pipelines; i++) {
        const bool alone = !strcmp(beside[i], "text"), one = !strcmp(beside[i], "image");
        char path[128], names[2][32], said[64];
        omn_pipeline *p = NULL;
        omn_teacher *t = NULL;
        omn_pipeline_taught l;
        snprintf(said, sizeof said, "%s=a dog", beside[i]);
        const omn_named in[2] = { input(alone ? said : "image", seen, names[0]),
                                  input(one ? "image" : said, seen, names[1]) };
        snprintf(path, sizeof path, "pipelines/%s.yaml", pipelines[i]);
        WORKS(omn_pipeline_open(r.ctx, testing_source(path), &p, &err));
        WORKS(omn_teacher_new(p, r.model, &t, &err));
        WORKS(omn_teacher_lesson(t, r.call, in, alone || one ? 1 : 2, want, &l, &err));
        const bool short_of = !strcmp(pipelines[i], "ofa-summary");
        const size_t k = short_of ? m : n;
        ck_assert_msg(l.want.count == k &&
                          !memcmp(l.want.ids, short_of ? bare : ids, k * sizeof *ids), "%s",
                      pipelines[i]);
        omn_pipeline_taught_fini(&l);
        omn_teacher_free(t);
        omn_pipeline_close(p);
        for (int v = 0; v < 2; v++) omn_value_unref((omn_value *)(uintptr_t)in[v].value);
    }
    const omn_setting set = { "before", " ", 0, 0 };
    const omn_answer_setup how = { OMN_FILL(omn_answer_setup), .set = &set, .n_set = 1 };
    const omn_heard h = { OMN_FILL(omn_heard), .ids = ids, .n = n, .score = NAN };
    omn_answer *a = NULL;
    omn_value *back = NULL;
    WORKS(omn_answer_open(r.model, r.call, &how, &a, &err));
    WORKS(omn_answer_read(a, r.call, &h, NULL, &back, &err));
    ck_assert_str_eq(omn_text_get(back, NULL), "two dogs");
    omn_value_unref(back);
    omn_answer_close(a);
    free(ids);
    free(bare);
    omn_value_unref(want);
    omn_value_unref(seen);
    close_rig(&r);
}
END_TEST

/* ---- texts as the data have them ------------------------------------------------------------- */

static void cleaned(omn_context *ctx, const char *text, bool caption, int words, const char *want)
{
    omn_error err = OMN_ERROR_INIT;
    char pipeline[256];
    omn_pipeline *p = NULL;
    omn_pipeline_run *job = NULL;
    omn_value *v = NULL, *out = NULL;
    const omn_pipeline_setup how = { OMN_FILL(omn_pipeline_setup), .temperature = NAN,
                                     .top_p = NAN };
    snprintf(pipeline, sizeof pipeline,
             "version: 1\ninputs: {text: {type: text}}\nsteps: [{apply: text.clean, as: t, in: "
             "$text, words: %d, caption: %s}]\noutputs: {t: $t}\n", words,
             caption ? "true" : "false");
    testing_write(testing_folder(), "clean.yaml", pipeline, strlen(pipeline));
    char path[4200];
    snprintf(path, sizeof path, "%s/clean.yaml", testing_folder());
    WORKS(omn_text_new(text, strlen(text), &v, &err));
    const omn_named in = { "text", v };
    WORKS(omn_pipeline_open(ctx, path, &p, &err));
    WORKS(omn_pipeline_run_new(p, &how, &job, &err));
    WORKS(omn_pipeline_run_one(job, &in, 1, 0, &out, &err));
    ck_assert_str_eq(text_at(out, "t"), want);
    omn_value_unref(out);
    omn_value_unref(v);
    omn_pipeline_run_free(job);
    omn_pipeline_close(p);
}

START_TEST(texts_are_cleaned)
{
    rig r;
    size_t i, count = 0;
    json_t *all = json_load_file(testing_source("tests/golden/ofa/tiny_a.tokenizer.json"),
                                 JSON_ALLOW_NUL, NULL), *one;
    open_rig(&r);
    json_array_foreach(json_object_get(all, "clean"), i, one)
    {
        static const char *const keys[] = { "question", "caption", "question_all", "caption_all" };
        for (int k = 0; k < 4; k++, count++)
            cleaned(r.ctx, json_string_value(json_object_get(one, "text")), k % 2,
                    k < 2 ? 4 : 0, json_string_value(json_object_get(one, keys[k])));
    }
    ck_assert_uint_ge(count, 16);
    json_decref(all);
    close_rig(&r);
}
END_TEST

/* ---- sizes ----------------------------------------------------------------------------------- */

/* spec ofa section 1: millions of parameters by architecture; and the memory of the largest is
 * planned without its weights. */
START_TEST(sizes_of_the_releases)
{
    static const struct { const char *arch; double millions; } list[] = {
        { "ofa_tiny", 33 }, { "ofa_medium", 93 }, { "ofa_base", 180 }, { "ofa_large", 470 },
        { "ofa_huge", 930 },
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        omn_error err = OMN_ERROR_INIT;
        char text[128];
        rig r;
        omn_pipeline *p = NULL;
        omn_pipeline_cost cost = { OMN_FILL(omn_pipeline_cost) };
        snprintf(text, sizeof text, "{\"omnio\": {\"model\": \"ofa\"}, \"arch\": \"%s\"}",
                 list[i].arch);
        open_as(&r, text);
        WORKS(omn_model_declare(r.model, &err));
        WORKS(omn_pipeline_open(r.ctx, testing_source("pipelines/ofa-caption.yaml"), &p, &err));
        WORKS(omn_pipeline_check(p, r.model, &cost, &err));
        ck_assert_double_eq_tol((double)cost.parameters / 1e6, list[i].millions,
                                0.02 * list[i].millions);
        ck_assert_uint_gt(cost.memory, 4 * cost.parameters);
        omn_pipeline_close(p);
        close_rig(&r);
    }
}
END_TEST

int main(void)
{
    const TTest *const all[] = { every_task, the_middle_of_a_picture_is_hidden,
                                 lessons_begin_with_a_blank, texts_are_cleaned,
                                 sizes_of_the_releases };
    return TESTING_RUN("pipeline/ofa", all, 30);
}
