/* SPDX-License-Identifier: Apache-2.0 */
/* The tasks of VL-T5 and T5 through their pipelines: what the model is asked (the texts that the
 * programs were trained with, their ids as the recorded tokenizer has them, how answers are
 * searched, which ids may come, kinds), and answers of the small golden models, which are those
 * that the request itself gives. What a detector found is read from arrays by name. */
#include "tests/generate/toy.h"

#include <omnio/pipeline.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)
#define N 6                               /* regions of a picture */
#define F 10                              /* numbers of each */

/* What is wanted of a task. */
typedef struct task {
    const char *pipeline, *output, *kind;
    const char *text;                     /* as the model gets it */
    int32_t ids[24];                      /* of it, as recorded; 0: not recorded */
    int most, beams;
    double alpha;
    const char *penalty;
    int32_t first, last;                  /* what may begin an answer; last 0: these, not counted */
} task;

static const task of_vlt5[] = {
    { "vlt5-vqa", "answer", "text", "vqa: what color is the cat?",
      { 26, 18, 7, 10, 34, 6, 7, 13, 46, 9, 41, 8, 3, 44, 5, 6, 4, 40, 13, 1 }, 19, 0, 0, NULL, 3,
      271 },
    { "vlt5-gqa", "answer", "text", "gqa: what color is the cat?", { 0 }, 19, 5, 1, NULL, 3, 271 },
    { "vlt5-visual7w", "answer", "text", "visual7w: what color is the cat?", { 0 }, 19, 0, 0, NULL,
      3, 271 },
    { "vlt5-caption", "caption", "text", "caption:", { 24, 10, 1 }, 19, 5, 1, NULL, 3, 271 },
    { "vlt5-refer", "box", "regions", "visual grounding: the red car",
      { 26, 44, 14, 28, 3, 17, 8, 39, 12, 20, 10, 5, 6, 4, 3, 27, 40, 8, 1 }, 20, 0, 0, NULL,
      272 - N, 271 },
    { "vlt5-region-caption", "caption", "text", "caption region: <vis_extra_id_3>",
      { 24, 3, 8, 4, 17, 37, 42, 10, 268, 1 }, 19, 0, 0, NULL, 3, 271 },
    { "vlt5-match", "matches", "text", "image text match: two dogs",
      { 43, 49, 7, 17, 4, 5, 4, 19, 13, 33, 13, 47, 6, 10, 5, 30, 9, 21, 11, 1 }, 20, 0, 0, NULL, 0,
      0 },
    { "vlt5-compare", "holds", "text", "nlvr: two dogs", { 0 }, 20, 0, 0, NULL, 0, 0 },
    { "vlt5-spans", "gaps", "text", "span prediction: a <extra_id_0> b", { 0 }, 19, 0, 0, NULL, 3,
      271 },
    { "vlt5-vcr-answer", "right", "text", "vcr qa question: what color is the cat? answer: black",
      { 0 }, 20, 0, 0, NULL, 0, 0 },
    { "vlt5-vcr-reason", "right", "text",
      "vcr qar question: what color is the cat? answer: black rationale: it is night", { 0 }, 20, 0,
      0, NULL, 0, 0 },
    { "vlt5-translate", "text_de", "text", "translate English to German: two dogs", { 0 }, 19, 5, 1,
      NULL, 3, 271 },
};
static const task of_t5[] = {
    { "t5-translate", "translation", "text", "translate English to German: two dogs", { 0 }, 64, 4,
      0.6, "sixths", 3, 171 },
    { "t5-summarize", "summary", "text", "summarize: two dogs", { 0 }, 64, 4, 0.6, "sixths", 3,
      171 },
    { "t5-fill", "gaps", "text", "a <extra_id_0> b", { 3, 7, 171, 31, 1 }, 64, 0, 0, NULL, 3, 171 },
    { "t5-answer", "answer", "text", "question: who? context: a dog", { 0 }, 64, 0, 0, NULL, 3,
      171 },
    { "t5-entailment", "relation", "text", "mnli hypothesis: a dog premise: two dogs", { 0 }, 64, 0,
      0, NULL, 0, 0 },
};

typedef struct rig {
    omn_context *ctx;
    omn_model *model;
    omn_call *call;
    const task *task;
    size_t asked, pictures;
} rig;

static void open_rig(rig *r, const task *t)
{
    const bool t5 = t->pipeline[0] == 't';
    static const char vlt5[] =
        "{\"model_type\": \"t5\", \"feat_dim\": 10, \"vocab_size\": 272, \"d_model\": 40, "
        "\"d_kv\": 12, \"d_ff\": 56, \"num_layers\": 2, \"num_heads\": 3, "
        "\"relative_attention_num_buckets\": 8}";
    static const char plain[] =
        "{\"model_type\": \"t5\", \"vocab_size\": 180, \"d_model\": 40, \"d_kv\": 12, "
        "\"d_ff\": 56, \"num_layers\": 2, \"num_decoder_layers\": 3, \"num_heads\": 3, "
        "\"relative_attention_num_buckets\": 8, \"relative_attention_max_distance\": 20, "
        "\"n_positions\": 64}";
    omn_error err = OMN_ERROR_INIT;
    const char *folder = testing_folder();
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 2,
                                    .only_plugin_path = true,
                                    .plugin_path = testing_build("plugins/.libs") };
    testing_copy("tests/golden/vl-t5/tiny_spm.model", folder, "spiece.model");
    testing_write(folder, "config.json", t5 ? plain : vlt5, strlen(t5 ? plain : vlt5));
    const omn_model_setup setup = { OMN_FILL(omn_model_setup), .precision = OMN_PRECISION_F32,
                                    .weights = testing_source(
                                        t5 ? "tests/golden/t5/v10.weights.safetensors"
                                           : "tests/golden/vl-t5/tiny_a.weights.safetensors") };
    *r = (rig){ .task = t };
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

/* The ids that may begin an answer; of words, the first token of each. */
static void may_come(const rig *r, const omn_request *rq)
{
    omn_error err = OMN_ERROR_INIT;
    omn_ids ids;
    bool end = false;
    const task *t = r->task;
    omn_ids_init(&ids, 1 << 16);
    WORKS(omn_request_allowed(r->model, rq, NULL, 0, &ids, &end, &err));
    if (t->last) {
        ck_assert_uint_eq(ids.count, (size_t)(t->last - t->first + 1));
        ck_assert(ids.ids[0] == t->first && ids.ids[ids.count - 1] == t->last);
    } else {
        static const char *const all[] = { "true", "false", "entailment", "neutral",
                                           "contradiction" };
        const size_t from = t->pipeline[0] == 'v' ? 0 : 2, to = from ? 5 : 2;
        for (size_t i = from; i < to; i++) {
            int32_t word[24];
            size_t n = 0, met = 0;
            WORKS(omn_model_tokens(r->model, all[i], word, 24, &n, &err));
            for (size_t k = 0; k < ids.count; k++) met += ids.ids[k] == word[0];
            ck_assert_uint_eq(met, 1);
        }
        ck_assert_uint_le(ids.count, to - from);
        ck_assert(!end);
    }
    omn_ids_fini(&ids);
}

static void same_text(const rig *r, const omn_value *input)
{
    const omn_value *ids = omn_record_get(input, "ids");
    const int32_t *want = r->task->ids;
    size_t n = 0;
    ck_assert_str_eq(text_at(input, "role"), "text");
    ck_assert_str_eq(text_at(input, "text"), r->task->text);
    while (want[n]) n++;
    if (n) ck_assert_uint_eq(omn_list_count(ids), n);
    for (size_t i = 0; i < n; i++)
        ck_assert_int_eq((int)omn_number_get(omn_list_at(ids, i)), want[i]);
}

static omn_status on_question(void *user, const char *step, const omn_request *rq, bool *ask,
                              omn_value **instead, omn_error *err)
{
    rig *r = user;
    const task *t = r->task;
    omn_value *q = NULL;
    (void)step;
    (void)ask;
    (void)instead;
    r->asked++;
    const omn_status st = omn_request_describe(r->model, r->call, rq, &q, err);
    ck_assert_msg(st == OMN_OK, "%s", err->text);
    const omn_value *inputs = omn_record_get(q, "inputs");
    ck_assert_uint_eq(omn_list_count(inputs), r->pictures + 1);
    for (size_t i = 0; i < r->pictures; i++) {
        ck_assert_str_eq(text_at(omn_list_at(inputs, i), "role"), "regions");
        ck_assert_double_eq(number_at(omn_list_at(inputs, i), "tokens"), N);
    }
    same_text(r, omn_list_at(inputs, r->pictures));
    ck_assert_str_eq(text_at(q, "output"), "text");
    ck_assert_str_eq(text_at(q, "makes"), t->kind);
    ck_assert_double_eq(number_at(q, "temperature"), 0);
    ck_assert_double_eq(number_at(q, "max_tokens"), t->most);
    ck_assert_double_eq(number_at(q, "beams"), t->beams);
    ck_assert_double_eq(number_at(q, "length_penalty"), t->alpha);
    /* VL-T5's counts the start token and not the end, also of what the limit cuts off */
    ck_assert_double_eq(number_at(q, "open_extra"), t->beams == 5 ? 1 : 0);
    ck_assert_double_eq(number_at(q, "length_extra"), 0);
    ck_assert_int_eq(rq->beams.penalty,
                     t->penalty ? OMN_PENALTY_SIXTHS : OMN_PENALTY_POWER);
    may_come(r, rq);
    omn_value_unref(q);
    return OMN_OK;
}

static omn_value *text(const char *s)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    WORKS(omn_text_new(s, strlen(s), &v, &err));
    return v;
}

static omn_value *tensor(omn_type type, omn_shape shape, const void *data, size_t bytes)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    const omn_tensor t = { .type = type, .shape = shape, .data = data, .bytes = bytes };
    WORKS(omn_tensor_value_new(&t, &v, &err));
    return v;
}

static float boxes[N * 4], features[N * F];

/* Arrays by the names of one detector or of another, which has features across. */
static omn_value *arrays(uint64_t seed, bool other)
{
    omn_error err = OMN_ERROR_INIT;
    float across[N * F];
    const int64_t size[2] = { 640, 480 };
    omn_value *v = NULL;
    for (size_t i = 0; i < N; i++) {
        const float x = (float)(omn_random_at(seed, 1, i) % 500);
        const float y = (float)(omn_random_at(seed, 2, i) % 300);
        memcpy(boxes + 4 * i, (float[4]){ x, y, x + 90, y + 170 }, 4 * sizeof *boxes);
    }
    for (size_t i = 0; i < N * F; i++) {
        features[i] = (float)(omn_random_at(seed, 3, i) % 2000) / 1000;
        across[i % F * N + i / F] = features[i];
    }
    omn_named fields[] = {
        { other ? "bbox" : "boxes", tensor(OMN_F32, omn_dim2(N, 4), boxes, sizeof boxes) },
        { other ? "x" : "features",
          other ? tensor(OMN_F32, omn_dim2(F, N), across, sizeof across)
                : tensor(OMN_F32, omn_dim2(N, F), features, sizeof features) },
        { other ? "image_w" : "img_w", tensor(OMN_I64, omn_dim0(), &size[0], 8) },
        { other ? "image_h" : "img_h", tensor(OMN_I64, omn_dim1(1), &size[1], 8) },
        { "objects_id", tensor(OMN_I64, omn_dim1(1), &size[0], 8) },
    };
    WORKS(omn_record_new(fields, 5, &v, &err));
    for (size_t i = 0; i < 5; i++) omn_value_unref(fields[i].value);
    return v;
}

/* The record that a pipeline gives. */
static omn_value *run(rig *r, const omn_named *in, size_t n)
{
    omn_error err = OMN_ERROR_INIT;
    char path[128];
    omn_pipeline *p = NULL;
    omn_pipeline_run *job = NULL;
    omn_value *out = NULL;
    const omn_pipeline_setup how = { OMN_FILL(omn_pipeline_setup), .model = r->model,
                                     .temperature = NAN, .top_p = NAN, .asking = on_question,
                                     .user = r };
    snprintf(path, sizeof path, "pipelines/%s.yaml", r->task->pipeline);
    WORKS(omn_pipeline_open(r->ctx, testing_source(path), &p, &err));
    WORKS(omn_pipeline_run_new(p, &how, &job, &err));
    WORKS(omn_pipeline_run_one(job, in, n, 0, &out, &err));
    omn_pipeline_run_free(job);
    omn_pipeline_close(p);
    return out;
}

/* The words that a task is asked with, of those that stand in its text. */
static size_t words_of(const task *t, omn_named *in)
{
    static const struct { const char *part, *name, *word; } all[] = {
        { "what color is the cat?", "question", "what color is the cat?" },
        { "visual grounding: ", "text", "the red car" }, { "two dogs", "text", "two dogs" },
        { "<extra_id_0>", "text", "a <extra_id_0> b" }, { "answer: black", "answer", "black" },
        { "rationale: ", "reason", "it is night" },
    };
    size_t n = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all && !strstr(t->text, "mnli"); i++)
        if (strstr(t->text, all[i].part))
            in[n++] = (omn_named){ all[i].name, text(all[i].word) };
    if (strstr(t->text, "mnli")) {
        in[n++] = (omn_named){ "hypothesis", text("a dog") };
        in[n++] = (omn_named){ "premise", text("two dogs") };
    }
    if (strstr(t->text, "context")) {
        in[n++] = (omn_named){ "question", text("who?") };
        in[n++] = (omn_named){ "context", text("a dog") };
    }
    return n;
}

static omn_value *ask(const task *t)
{
    omn_error err = OMN_ERROR_INIT;
    rig r;
    omn_named in[4];
    const bool pair = strstr(t->text, "nlvr") != NULL;
    size_t n = 0;
    open_rig(&r, t);
    if (t->pipeline[0] == 'v') {
        in[n++] = (omn_named){ pair ? "left" : "regions", arrays(4, false) };
        if (pair) in[n++] = (omn_named){ "right", arrays(7, true) };
    }
    r.pictures = n;
    n += words_of(t, in + n);
    if (strstr(t->pipeline, "region-caption")) {
        in[n] = (omn_named){ "region", NULL };
        WORKS(omn_number_new(3, &in[n++].value, &err));
    }
    omn_value *out = run(&r, in, n);
    ck_assert_msg(r.asked == 1, "%s asked %zu times", t->pipeline, r.asked);
    ck_assert_str_eq(omn_value_kind_name(omn_record_get(out, t->output)), t->kind);
    for (size_t i = 0; i < n; i++) omn_value_unref(in[i].value);
    close_rig(&r);
    return out;
}

START_TEST(every_task_of_vlt5)
{
    for (size_t i = 0; i < sizeof of_vlt5 / sizeof *of_vlt5; i++)
        omn_value_unref(ask(&of_vlt5[i]));
}
END_TEST

START_TEST(every_task_of_t5)
{
    for (size_t i = 0; i < sizeof of_t5 / sizeof *of_t5; i++) omn_value_unref(ask(&of_t5[i]));
}
END_TEST

/* The answer is one of the boxes that were given, the one whose word is the likeliest. */
START_TEST(a_box_is_one_of_those_given)
{
    omn_value *out = ask(&of_vlt5[4]);
    const omn_region *box = NULL;
    size_t same = 0;
    ck_assert_uint_eq(omn_regions_get(omn_record_get(out, "box"), &box), 1);
    for (size_t i = 0; i < N; i++)
        same += box->x0 == (double)boxes[4 * i] && box->y1 == (double)boxes[4 * i + 3];
    ck_assert_uint_ge(same, 1);
    const omn_frame *frame = omn_value_frame(omn_record_get(out, "box"));
    ck_assert(frame && frame->width == 640 && frame->height == 480);
    omn_value_unref(out);
}
END_TEST

START_TEST(yes_or_no)
{
    for (size_t i = 6; i < 8; i++) {
        omn_value *out = ask(&of_vlt5[i]);
        const char *said = text_at(out, of_vlt5[i].output);
        ck_assert_msg(!strcmp(said, "true") || !strcmp(said, "false"), "%s", said);
        omn_value_unref(out);
    }
}
END_TEST

/* ---- what a detector found ------------------------------------------------------------------- */

static omn_status read_as(rig *r, omn_value *in, omn_value **out, omn_error *err)
{
    static const char pipeline[] =
        "version: 1\ninputs: {in: {type: any, help: arrays}}\n"
        "steps: [{apply: detections.read, as: seen, in: $in}]\noutputs: {seen: $seen}\n";
    omn_pipeline *p = NULL;
    omn_pipeline_run *job = NULL;
    omn_value *all = NULL;
    const omn_named named = { "in", in };
    const omn_pipeline_setup how = { OMN_FILL(omn_pipeline_setup), .temperature = NAN,
                                     .top_p = NAN };
    omn_status st = OMN_OK;
    const char *file = testing_write(testing_folder(), "p.yaml", pipeline, strlen(pipeline));
    OMN_TRY(omn_pipeline_open(r->ctx, file, &p, err));
    OMN_TRY(omn_pipeline_run_new(p, &how, &job, err));
    OMN_TRY(omn_pipeline_run_one(job, &named, 1, 0, &all, err));
    *out = omn_value_ref((omn_value *)(uintptr_t)omn_record_get(all, "seen"));
done:
    omn_value_unref(all);
    omn_pipeline_run_free(job);
    omn_pipeline_close(p);
    return st;
}

START_TEST(two_ways_of_naming_are_the_same)
{
    omn_error err = OMN_ERROR_INIT;
    rig r;
    omn_value *in[2] = { arrays(5, false), arrays(5, true) }, *out[3] = { NULL };
    open_rig(&r, &of_vlt5[0]);
    for (size_t i = 0; i < 2; i++) WORKS(read_as(&r, in[i], &out[i], &err));
    WORKS(read_as(&r, out[0], &out[2], &err));
    ck_assert_str_eq(omn_value_kind_name(out[0]), "detections");
    ck_assert(omn_value_equal(out[0], out[1]));
    ck_assert(omn_value_equal(out[0], out[2]));
    for (size_t i = 0; i < 3; i++) omn_value_unref(out[i]);
    for (size_t i = 0; i < 2; i++) omn_value_unref(in[i]);
    close_rig(&r);
}
END_TEST

START_TEST(arrays_that_are_no_detections)
{
    static const float nan_box[8] = { 0, 0, NAN, 1, 0, 0, 1, 1 }, turned[4] = { 5, 0, 1, 1 };
    static const float one[4] = { 0, 0, 1, 1 }, wide = 640, none = 0;
    const struct {
        const float *box;
        int64_t n, d;
        const float *width;
        const char *says;
    } list[] = {
        { one, 1, 4, &none, "cannot be" },  { turned, 1, 4, &wide, "x0 not above x1" },
        { nan_box, 2, 4, &wide, "box" },    { one, 1, 0, &wide, "features" },
        { one, 1, 4, NULL, "image_width" },
    };
    rig r;
    open_rig(&r, &of_vlt5[0]);
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        omn_error err = OMN_ERROR_INIT;
        static const float zeros[16];
        omn_value *v = NULL, *out = NULL;
        omn_named fields[4];
        size_t n = 0;
        fields[n++] = (omn_named){ "box", tensor(OMN_F32, omn_dim2(list[i].n, 4), list[i].box,
                                                 (size_t)list[i].n * 16) };
        if (list[i].d)
            fields[n++] = (omn_named){ "features",
                                       tensor(OMN_F32, omn_dim2(list[i].n, list[i].d), zeros,
                                              (size_t)(list[i].n * list[i].d) * 4) };
        if (list[i].width)
            fields[n++] = (omn_named){ "image_width",
                                       tensor(OMN_F32, omn_dim0(), list[i].width, 4) };
        fields[n++] = (omn_named){ "image_height", tensor(OMN_F32, omn_dim0(), &wide, 4) };
        WORKS(omn_record_new(fields, n, &v, &err));
        ck_assert(read_as(&r, v, &out, &err) != OMN_OK);
        ck_assert_msg(strstr(err.text, list[i].says) != NULL, "%zu: %s", i, err.text);
        omn_value_unref(v);
        while (n) omn_value_unref(fields[--n].value);
    }
    close_rig(&r);
}
END_TEST

/* Files of NumPy are records of their arrays. */
START_TEST(files_of_numpy)
{
    omn_error err = OMN_ERROR_INIT;
    rig r;
    omn_value *v = NULL;
    omn_weights *w = NULL;
    open_rig(&r, &of_vlt5[0]);
    const char *file = testing_source("tests/golden/loaders/stored.npz");
    WORKS(omn_value_load(r.ctx, file, "record", &v, &err));
    WORKS(omn_weights_load(r.ctx, file, NULL, &w, &err));
    ck_assert_uint_ge(omn_record_count(v), 1);
    ck_assert_uint_eq(omn_record_count(v), omn_weights_count(w));
    for (size_t i = 0; i < omn_weights_count(w); i++) {
        const omn_value *one = omn_record_get(v, omn_weights_name(w, i));
        const omn_tensor *t = omn_value_tensor(one), *want = omn_weights_at(w, i);
        ck_assert(omn_shape_equal(&t->shape, &want->shape) && t->type == want->type);
        ck_assert_mem_eq(t->data, want->data, want->bytes);
    }
    omn_weights_close(w);
    omn_value_unref(v);
    close_rig(&r);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { every_task_of_vlt5, every_task_of_t5, a_box_is_one_of_those_given,
                                 yes_or_no, two_ways_of_naming_are_the_same,
                                 arrays_that_are_no_detections, files_of_numpy };
    return TESTING_RUN("pipeline/vlt5", all, 30);
}
