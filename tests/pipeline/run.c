/* SPDX-License-Identifier: Apache-2.0 */
/* A pipeline that asks a model, through the library: what it says about itself, one item and many,
 * maps, what stands over the file, what was seen, and places that a question is about. */
#include "tests/generate/toy.h"

#include "libcore/pipeline/run.h"

#include <omnio/pipeline.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

typedef struct rig {
    toy t;
    omn_pipeline *p;
    omn_value *in[4]; /* image, box, list, question */
    omn_named inputs[4];
} rig;

#define HEAD                                                                                       \
    "version: 1\n"                                                                                 \
    "help: A toy.\n"                                                                               \
    "inputs: {image: {type: image, help: a picture}, box: {type: regions},\n"                      \
    "         list: {type: list}, question: {type: text, default: 'what'}}\n"                      \
    "steps:\n"                                                                                     \
    "  - {record: {i: $image, b: $box, l: $list, q: $question}, as: all}\n"

static void open_rig(rig *r, const char *yaml)
{
    static const char *const names[] = { "image", "box", "list", "question" };
    omn_error err = OMN_ERROR_INIT;
    omn_value *words[3];
    const omn_region box = { 8, 16, 40, 48, NAN, NULL };
    const char *folder = testing_folder();
    memset(r, 0, sizeof *r);
    toy_write(folder, 3);
    toy_open(&r->t, folder, 1);
    WORKS(omn_pipeline_open(r->t.ctx, testing_write(folder, "p.yaml", yaml, strlen(yaml)), &r->p,
                            &err));
    r->in[0] = toy_picture(&r->t, 64, 64, 1);
    WORKS(omn_regions_new(&box, 1, omn_value_frame(r->in[0]), &r->in[1], &err));
    for (size_t i = 0; i < 3; i++)
        WORKS(omn_text_new(&"red"
                            "one"
                            "big"[3 * i],
                           3, &words[i], &err));
    WORKS(omn_list_new(words, 3, &r->in[2], &err));
    WORKS(omn_text_new("what is it", 10, &r->in[3], &err));
    for (size_t i = 0; i < 3; i++) omn_value_unref(words[i]);
    for (size_t i = 0; i < 4; i++) r->inputs[i] = (omn_named){ names[i], r->in[i] };
}

static void close_rig(rig *r)
{
    for (size_t i = 0; i < 4; i++) omn_value_unref(r->in[i]);
    omn_pipeline_close(r->p);
    toy_close(&r->t);
}

static omn_pipeline_setup usual(const rig *r)
{
    return (omn_pipeline_setup){ OMN_FILL(omn_pipeline_setup), .model = r->t.model,
                                 .temperature = NAN, .top_p = NAN };
}

static char *json(omn_value *taken)
{
    omn_buf b;
    omn_buf_init(&b, 1 << 20);
    omn_value_json(taken, &b);
    omn_value_unref(taken);
    char *s = omn_buf_take(&b);
    ck_assert_ptr_nonnull(s);
    return s;
}

/* The outputs as JSON; news (may be NULL) too. */
static char *answer(rig *r, const omn_pipeline_setup *how, char **news)
{
    omn_error err = OMN_ERROR_INIT;
    omn_pipeline_run *run = NULL;
    omn_value *out = NULL, *said = NULL;
    WORKS(omn_pipeline_run_new(r->p, how, &run, &err));
    WORKS(omn_pipeline_run_one(run, r->inputs, 4, 0, &out, &err));
    WORKS(omn_pipeline_run_told(run, &said, &err));
    omn_pipeline_run_free(run);
    if (news)
        *news = json(said);
    else
        omn_value_unref(said);
    return json(out);
}

#define ASK                                                                                        \
    "  - {generate: text, as: said, from: {image: $image}, prompt: '{question}', max_tokens: 8"

START_TEST(a_pipeline_tells_what_it_is)
{
    rig r;
    omn_error err = OMN_ERROR_INIT;
    omn_buf b;
    const omn_pipeline_port *in = NULL, *out = NULL;
    omn_pipeline_cost cost = { OMN_FILL(omn_pipeline_cost) };
    omn_pipeline *other = NULL;
    open_rig(
        &r, HEAD ASK
        "}\noutputs: {said: {value: $said, help: words}, p: {value: $image, file: optional}}\n");
    ck_assert_str_eq(omn_pipeline_help(r.p), "A toy.");
    ck_assert_str_eq(omn_pipeline_model(r.p), "nano");
    ck_assert_uint_eq(omn_pipeline_inputs(r.p, &in), 4);
    ck_assert_str_eq(in[0].type, "image");
    ck_assert_str_eq(in[0].help, "a picture");
    ck_assert_ptr_null(in[0].deflt);
    ck_assert_str_eq(in[3].deflt, "what");
    ck_assert_uint_eq(omn_pipeline_outputs(r.p, &out), 2);
    ck_assert_str_eq(out[0].name, "said");
    ck_assert_str_eq(out[0].type, "text");
    ck_assert_str_eq(out[0].help, "words");
    ck_assert_str_eq(out[1].file, "optional");
    WORKS(omn_pipeline_check(r.p, r.t.model, &cost, &err));
    ck_assert(cost.parameters > 1000 && cost.weights >= 4 * cost.parameters / 2);
    ck_assert(cost.workspace > 0 && cost.encode_flops > cost.step_flops && cost.step_flops > 0);
    omn_buf_init(&b, 1 << 20);
    WORKS(omn_pipeline_describe(r.p, r.t.model, &b, &err));
    ck_assert_msg(strstr(b.data, "generate said from image as image; at most 8 tokens") &&
                      strstr(b.data, "prompt: {question}") && strstr(b.data, "parameters"),
                  "%s", b.data);
    b.length = 0;
    omn_pipeline_dot(r.p, &b);
    ck_assert_msg(strstr(b.data, "in0 -> step1 [label=\"image\"]") &&
                      strstr(b.data, "step1 -> out0 [label=\"said\"]"),
                  "%s", b.data);
    omn_buf_fini(&b);
    const omn_setting set = { .name = "steps.1.max_tokens", .text = "0" };
    ck_assert_int_ne(omn_pipeline_open_set(r.t.ctx, omn_pipeline_path(r.p), &set, 1, &other, &err),
                     OMN_OK);
    ck_assert_msg(err.line == 7 && strstr(err.text, "from 1 to"), "%s", err.text);
    close_rig(&r);
}
END_TEST

START_TEST(the_caller_stands_over_the_file)
{
    rig r;
    omn_pipeline_setup how;
    char *all[6];
    open_rig(&r, HEAD ASK "}\noutputs: {said: $said}\n");
    how = usual(&r);
    all[0] = answer(&r, &how, NULL);
    how.max_tokens = 2;
    all[1] = answer(&r, &how, NULL);
    close_rig(&r);
    ck_assert(strlen(all[1]) < strlen(all[0]) && !strncmp(all[0], all[1], strlen(all[1]) - 2));
    open_rig(&r, HEAD ASK ", sample: {temperature: 50, seed: 7}}\noutputs: {said: $said}\n");
    how = usual(&r);
    all[2] = answer(&r, &how, NULL);
    how.temperature = 0;
    all[3] = answer(&r, &how, NULL);
    how.temperature = 50;
    how.top_k = 1;
    all[4] = answer(&r, &how, NULL);
    how.top_k = 0;
    how.seeded = true;
    all[5] = answer(&r, &how, NULL);
    ck_assert_str_ne(all[2], all[0]); /* drawn */
    ck_assert_str_eq(all[3], all[0]); /* 0 is not "as the file says" */
    ck_assert_str_eq(all[4], all[0]);
    ck_assert_str_ne(all[5], all[2]); /* neither is seed 0 */
    close_rig(&r);
    open_rig(&r,
             HEAD ASK ", sample: {temperature: 50, seed: 7, top_k: 1}}\noutputs: {said: $said}\n");
    how = usual(&r);
    char *one = answer(&r, &how, NULL);
    how.top_k = -1;
    char *every = answer(&r, &how, NULL);
    ck_assert_str_eq(one, all[0]);
    ck_assert_str_eq(every, all[2]);
    for (size_t i = 0; i < 6; i++) free(all[i]);
    free(one);
    free(every);
    close_rig(&r);
}
END_TEST

/* The items of a map and of a batch are answered together, and as they are one by one. */
START_TEST(together_is_as_one_by_one)
{
    static const char map[] = HEAD
        "  - {map: $list, each: w, as: many, keep: $said, steps: [\n"
        "      {generate: text, as: said, from: {image: $image}, prompt: '{w}', max_tokens: 6}]}\n"
        "  - {generate: text, as: a, from: {image: $image}, prompt: '{list.0}', max_tokens: 6}\n"
        "  - {generate: text, as: b, from: {image: $image}, prompt: '{list.1}', max_tokens: 6}\n"
        "  - {generate: text, as: c, from: {image: $image}, prompt: '{list.2}', max_tokens: 6}\n"
        "  - {record: {l: [$a, $b, $c]}, as: r}\n"
        "outputs: {many: $many, alone: $r.l}\n";
    rig r;
    omn_error err = OMN_ERROR_INIT;
    omn_pipeline_run *run = NULL;
    omn_pipeline_item items[3];
    open_rig(&r, map);
    const omn_pipeline_setup how = usual(&r);
    char *out = answer(&r, &how, NULL), *middle = strstr(out, ",\"alone\":");
    ck_assert_ptr_nonnull(middle);
    const size_t n = (size_t)(middle - out) - strlen("{\"many\":");
    ck_assert_msg(!strncmp(out + strlen("{\"many\":"), middle + strlen(",\"alone\":"), n) && n > 20,
                  "%s", out);
    WORKS(omn_pipeline_run_new(r.p, &how, &run, &err));
    for (size_t i = 0; i < 3; i++)
        items[i] = (omn_pipeline_item){ .inputs = r.inputs, .n = i == 1 ? 2 : 4, .item = i };
    WORKS(omn_pipeline_run_many(run, items, 3, &err));
    ck_assert_int_eq(items[1].err.status, OMN_ERR_ARGUMENT); /* no list */
    ck_assert_ptr_null(items[1].out);
    for (size_t i = 0; i < 3; i += 2) {
        ck_assert_msg(items[i].err.status == OMN_OK, "%s", items[i].err.text);
        char *each = json(items[i].out);
        ck_assert_str_eq(each, out);
        free(each);
    }
    for (size_t i = 0; i < 3; i++) omn_value_unref(items[i].told);
    omn_pipeline_run_free(run);
    free(out);
    close_rig(&r);
}
END_TEST

/* Drawing depends on the place in a batch, so that items which are drawn are not put into one. */
START_TEST(what_is_drawn_is_drawn_alone)
{
    rig r;
    omn_error err = OMN_ERROR_INIT;
    char *every[4];
    open_rig(&r, HEAD "  - {map: $list, each: w, as: many, keep: $said, steps: [\n"
                      "      {generate: text, as: said, from: {image: $image}, prompt: '{w}',\n"
                      "       max_tokens: 6, sample: {temperature: 50, seed: 7}}]}\n"
                      "outputs: {many: $many}\n");
    const omn_pipeline_setup how = usual(&r);
    omn_value *const whole = r.in[2];
    for (size_t i = 0; i < 4; i++) {
        if (i < 3) {
            omn_value *one = omn_value_ref(omn_list_at(whole, i));
            WORKS(omn_list_new(&one, 1, &r.in[2], &err));
            omn_value_unref(one);
        } else {
            r.in[2] = whole;
        }
        r.inputs[2].value = r.in[2];
        every[i] = answer(&r, &how, NULL);
        if (i < 3) omn_value_unref(r.in[2]);
    }
    const char *at = every[3] + strlen("{\"many\":[");
    for (size_t i = 0; i < 3; i++) {
        const char *one = every[i] + strlen("{\"many\":[");
        const size_t n = strlen(one) - strlen("]}");
        ck_assert_uint_gt(n, 2);
        ck_assert_msg(!strncmp(at, one, n), "%zu: %s in %s", i, one, every[3]);
        at += n + 1;
    }
    for (size_t i = 0; i < 4; i++) free(every[i]);
    close_rig(&r);
}
END_TEST

START_TEST(what_was_seen_is_told)
{
    rig r;
    char *news = NULL;
    open_rig(&r, HEAD ASK "}\noutputs: {said: $said}\n");
    const omn_pipeline_setup how = usual(&r);
    free(answer(&r, &how, &news));
    ck_assert_msg(strstr(news, "\"step\":\"said\",\"role\":\"image\",\"kind\":\"image\"") &&
                      strstr(news, "\"width\":64,\"height\":64") &&
                      strstr(news, "\"role\":\"text\"") && strstr(news, "\"cut\":0"),
                  "%s", news);
    free(news);
    close_rig(&r);
}
END_TEST

START_TEST(a_step_may_give_several_answers)
{
    rig r;
    open_rig(&r, HEAD ASK ", search: {beams: 3, n_best: 3, length_penalty: 0.6}}\n"
                          "outputs: {first: $said.0, all: $said}\n");
    const omn_pipeline_setup how = usual(&r);
    char *out = answer(&r, &how, NULL);
    size_t quotes = 0;
    for (const char *p = out; *p; p++) quotes += *p == '"';
    ck_assert_msg(quotes >= 4 + 2 * 4, "%s", out);
    free(out);
    close_rig(&r);
}
END_TEST

#define ABOUT                                                                                      \
    "  - {generate: text, as: said, from: {image: $image}, prompt: 'at {box}', max_tokens: 2}\n"   \
    "outputs: {said: $said}\n"

START_TEST(places_lie_in_the_picture)
{
    static const struct {
        omn_region box;
        size_t n;
        const char *says;
        bool fine;
    } cases[] = {
        { { 8, 16, 40, 48, NAN, NULL }, 1, NULL, true },
        { { -8, 16, 40, 99, NAN, NULL }, 1, "sticks out of the picture (64 x 64 pixels)", true },
        { { 64, 16, 80, 48, NAN, NULL }, 1, "outside the picture of 64 x 64", false },
        { { -9, -9, 0, 0, NAN, NULL }, 1, "outside the picture", false },
        { { 8, 8, 8, 16, NAN, NULL }, 1, "empty", false },
        { { 0, 0, 0, 0, NAN, NULL }, 0, "no place", false },
    };
    rig r;
    omn_error err = OMN_ERROR_INIT;
    open_rig(&r, HEAD ABOUT);
    const omn_pipeline_setup how = usual(&r);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        omn_pipeline_run *run = NULL;
        omn_value *out = NULL, *news = NULL;
        err = (omn_error)OMN_ERROR_INIT;
        omn_value_unref(r.in[1]);
        if (omn_regions_new(&cases[i].box, cases[i].n, omn_value_frame(r.in[0]), &r.in[1], &err) !=
            OMN_OK) {
            ck_assert(!cases[i].fine); /* such a value cannot even be */
            r.in[1] = NULL;
            continue;
        }
        r.inputs[1].value = r.in[1];
        WORKS(omn_pipeline_run_new(r.p, &how, &run, &err));
        const omn_status st = omn_pipeline_run_one(run, r.inputs, 4, 0, &out, &err);
        ck_assert_msg((st == OMN_OK) == cases[i].fine, "%zu: %s", i, err.text);
        if (st == OMN_OK) {
            WORKS(omn_pipeline_run_told(run, &news, &err));
            char *said = json(news);
            ck_assert_msg(!strstr(said, "sticks") == !cases[i].says, "%zu: %s", i, said);
            if (cases[i].says) ck_assert_msg(strstr(said, cases[i].says) != NULL, "%s", said);
            free(said);
        } else {
            ck_assert_int_eq(st, OMN_ERR_DATA);
            ck_assert_msg(strstr(err.text, cases[i].says) != NULL, "%zu: %s", i, err.text);
        }
        omn_value_unref(out);
        omn_pipeline_run_free(run);
    }
    close_rig(&r);
}
END_TEST

START_TEST(an_empty_question_is_none)
{
    rig r;
    omn_error err = OMN_ERROR_INIT;
    omn_pipeline_run *run = NULL;
    omn_value *out = NULL;
    open_rig(&r, HEAD ASK "}\noutputs: {said: $said}\n");
    const omn_pipeline_setup how = usual(&r);
    omn_value_unref(r.in[3]);
    WORKS(omn_text_new("  \n", 3, &r.in[3], &err));
    r.inputs[3].value = r.in[3];
    WORKS(omn_pipeline_run_new(r.p, &how, &run, &err));
    ck_assert_int_eq(omn_pipeline_run_one(run, r.inputs, 4, 0, &out, &err), OMN_ERR_DATA);
    ck_assert_msg(strstr(err.text, "\"question\" is empty") && err.line == 7, "%s", err.text);
    omn_pipeline_run_free(run);
    close_rig(&r);
}
END_TEST

/* An answer is an object: what its parameters cannot be is found with the model at hand. */
START_TEST(answers_are_checked_with_the_model)
{
    static const struct {
        const char *answer, *type, *says;
    } cases[] = {
        { "{boxes: 0.., labels: true, of: $image}", "regions", NULL },
        { "{points: 1..3, of: $image}", "points", NULL },
        { "{options: [a, b]}", "text", NULL },
        { "{options: $list, score: sum}", "text", NULL },
        { "{number: 0..360}", "number", NULL },
        { "text", "text", NULL },
        { "{grammar: 'root ::= \"yes\" | \"no\"'}", "text", NULL },
        { "{boxes: many, of: $image}", "regions", "how many" },
        { "{grammar: 'root ::= other'}", "text", "other" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rig r;
        char yaml[2048];
        omn_error err = OMN_ERROR_INIT;
        const omn_pipeline_port *out = NULL;
        snprintf(yaml, sizeof yaml, "%s%s, answer: %s}\noutputs: {said: $said}\n", HEAD, ASK,
                 cases[i].answer);
        open_rig(&r, yaml);
        ck_assert_uint_eq(omn_pipeline_outputs(r.p, &out), 1);
        ck_assert_str_eq(out[0].type, cases[i].type);
        const omn_status st = omn_pipeline_check(r.p, r.t.model, NULL, &err);
        ck_assert_msg((st == OMN_OK) == !cases[i].says, "%s: %s", cases[i].answer, err.text);
        if (cases[i].says)
            ck_assert_msg(strstr(err.text, cases[i].says) && err.line && err.file[0], "%s",
                          err.text);
        close_rig(&r);
    }
}
END_TEST

START_TEST(a_kept_input_is_prepared_once)
{
    rig r;
    omn_error err = OMN_ERROR_INIT;
    omn_prepared *kept = NULL;
    const omn_feed *a = NULL, *b = NULL;
    omn_frame f, g;
    open_rig(&r, HEAD ASK "}\noutputs: {said: $said}\n");
    WORKS(omn_prepared_new(r.t.model, &kept, &err));
    WORKS(omn_prepared_get(kept, r.t.call, "image", r.in[0], &a, &f, &err));
    WORKS(omn_prepared_get(kept, r.t.call, "image", r.in[0], &b, &g, &err));
    ck_assert(a == b && !memcmp(f.m, g.m, sizeof f.m) && f.width == g.width);
    ck_assert_uint_eq(omn_prepared_made(kept), 1);
    omn_value *other = toy_picture(&r.t, 64, 64, 2);
    WORKS(omn_prepared_get(kept, r.t.call, "image", other, &b, NULL, &err));
    ck_assert(a != b);
    omn_prepared_clear(kept);
    WORKS(omn_prepared_get(kept, r.t.call, "image", r.in[0], &b, NULL, &err));
    ck_assert_uint_eq(omn_prepared_made(kept), 3);
    ck_assert_int_eq(omn_prepared_get(kept, r.t.call, "sound", other, &b, NULL, &err),
                     OMN_ERR_UNSUPPORTED);
    omn_value_unref(other);
    omn_prepared_free(kept);
    close_rig(&r);
}
END_TEST

typedef struct stopping {
    omn_pipeline_run *run;
    omn_cancel *cancel;
    uint64_t bytes;
} stopping;

static int stop(void *user, const char *step, const omn_event *e)
{
    stopping *s = user;
    (void)step;
    (void)e;
    s->bytes = omn_exec_bytes(omn_runner_exec(s->run->main.runner));
    omn_cancel_set(s->cancel);
    return 0;
}

/* Caches, workspace and values are there while it answers, and gone when the call returns. */
START_TEST(a_cancelled_run_holds_nothing)
{
    rig r;
    omn_error err = OMN_ERROR_INIT;
    omn_value *out = NULL;
    stopping s = { .cancel = omn_cancel_new() };
    open_rig(&r, HEAD ASK "}\noutputs: {said: $said}\n");
    omn_pipeline_setup how = usual(&r);
    how.cancel = s.cancel;
    how.watch = stop;
    how.user = &s;
    WORKS(omn_pipeline_run_new(r.p, &how, &s.run, &err));
    const omn_status st = omn_pipeline_run_one(s.run, r.inputs, 4, 0, &out, &err);
    ck_assert_int_eq(st, OMN_ERR_CANCELLED);
    ck_assert_ptr_null(out);
    ck_assert_uint_gt(s.bytes, 1000);
    ck_assert_uint_eq(omn_exec_bytes(omn_runner_exec(s.run->main.runner)), 0);
    for (int i = 0; i < MOST_SLOTS; i++) ck_assert_ptr_null(s.run->slots[i]);
    omn_pipeline_run_free(s.run);
    omn_cancel_free(s.cancel);
    close_rig(&r);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        a_pipeline_tells_what_it_is,     the_caller_stands_over_the_file,
        together_is_as_one_by_one,       what_is_drawn_is_drawn_alone,
        what_was_seen_is_told,
        a_step_may_give_several_answers, places_lie_in_the_picture,
        an_empty_question_is_none,       answers_are_checked_with_the_model,
        a_kept_input_is_prepared_once,   a_cancelled_run_holds_nothing,
    };
    return TESTING_RUN("pipeline/run", all, 60);
}
