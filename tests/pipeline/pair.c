/* SPDX-License-Identifier: Apache-2.0 */
/* Two pictures of one role: an answer's places lie in the one that it is of, when it is read and
 * when it is taught. */
#include "tests/generate/toy.h"

#include <omnio/pipeline.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

typedef struct pair {
    toy t;
    omn_value *small, *large;             /* 64x64 and 128x128 pixels */
} pair;

static void open_pair(pair *p)
{
    const char *folder = testing_folder();
    toy_write(folder, 3);
    toy_open(&p->t, folder, 1);
    p->small = toy_picture(&p->t, 64, 64, 1);
    p->large = toy_picture(&p->t, 128, 128, 2);
}

static void close_pair(pair *p)
{
    omn_value_unref(p->small);
    omn_value_unref(p->large);
    toy_close(&p->t);
}

static omn_pipeline *asks(pair *p, const char *of)
{
    omn_error err = OMN_ERROR_INIT;
    omn_pipeline *out = NULL;
    char yaml[512];
    snprintf(yaml, sizeof yaml,
             "version: 1\n"
             "inputs: {first: {type: image}, second: {type: image}}\n"
             "steps:\n"
             "  - {generate: text, as: found, from: {image: [$first, $second]},\n"
             "     answer: {boxes: 1, of: %s}, prompt: \"where\"}\n"
             "outputs: {found: $found}\n",
             of);
    WORKS(omn_pipeline_open(p->t.ctx, testing_write(testing_folder(), "p.yaml", yaml, strlen(yaml)),
                            &out, &err));
    return out;
}

static omn_region found(pair *p, const char *of)
{
    omn_error err = OMN_ERROR_INIT;
    omn_pipeline *pipe = asks(p, of);
    omn_pipeline_run *run = NULL;
    omn_value *out = NULL;
    const omn_region *list = NULL;
    const omn_named in[] = { { "first", p->small }, { "second", p->large } };
    const omn_pipeline_setup how = { OMN_FILL(omn_pipeline_setup), .model = p->t.model,
                                     .temperature = 1, .top_p = NAN };
    WORKS(omn_pipeline_run_new(pipe, &how, &run, &err));
    WORKS(omn_pipeline_run_one(run, in, 2, 0, &out, &err));
    ck_assert_uint_eq(omn_regions_get(omn_record_get(out, "found"), &list), 1);
    const omn_region box = list[0];
    omn_value_unref(out);
    omn_pipeline_run_free(run);
    omn_pipeline_close(pipe);
    return box;
}

static void twice(omn_region small, omn_region large)
{
    ck_assert(small.x1 > small.x0 || small.y1 > small.y0);
    ck_assert_double_eq_tol(large.x0, 2 * small.x0, 1e-3);
    ck_assert_double_eq_tol(large.y0, 2 * small.y0, 1e-3);
    ck_assert_double_eq_tol(large.x1, 2 * small.x1, 1e-3);
    ck_assert_double_eq_tol(large.y1, 2 * small.y1, 1e-3);
}

START_TEST(an_answer_is_read_in_the_picture_that_it_is_of)
{
    pair p;
    open_pair(&p);
    twice(found(&p, "$first"), found(&p, "$second"));
    close_pair(&p);
}
END_TEST

static omn_ids taught(pair *p, const char *of, const omn_value *in, double times)
{
    omn_error err = OMN_ERROR_INIT;
    omn_pipeline *pipe = asks(p, of);
    omn_teacher *teacher = NULL;
    omn_pipeline_taught out;
    omn_value *wanted = NULL;
    const omn_region box = { times * 8, times * 16, times * 40, times * 48, NAN, NULL };
    const omn_named inputs[] = { { "first", p->small }, { "second", p->large } };
    WORKS(omn_regions_new(&box, 1, omn_value_frame(in), &wanted, &err));
    WORKS(omn_teacher_new(pipe, p->t.model, &teacher, &err));
    WORKS(omn_teacher_lesson(teacher, p->t.call, inputs, 2, wanted, &out, &err));
    const omn_ids ids = out.want;
    out.want = (omn_ids){ .ids = NULL };
    omn_pipeline_taught_fini(&out);
    omn_teacher_free(teacher);
    omn_value_unref(wanted);
    omn_pipeline_close(pipe);
    return ids;
}

START_TEST(an_answer_is_taught_in_the_picture_that_it_is_of)
{
    pair p;
    open_pair(&p);
    omn_ids a = taught(&p, "$first", p.small, 1), b = taught(&p, "$second", p.large, 2);
    ck_assert_uint_ge(a.count, 4);
    ck_assert_uint_eq(a.count, b.count);
    ck_assert(!memcmp(a.ids, b.ids, a.count * sizeof *a.ids));
    omn_ids_fini(&a);
    omn_ids_fini(&b);
    close_pair(&p);
}
END_TEST

/* What is sent about a box in pixels of `in`. */
static char *sent(pair *p, const char *of, const omn_value *in, double times)
{
    omn_error err = OMN_ERROR_INIT;
    omn_pipeline *pipe = NULL;
    omn_teacher *teacher = NULL;
    omn_pipeline_taught out;
    omn_value *box = NULL;
    char yaml[640];
    snprintf(yaml, sizeof yaml,
             "version: 1\n"
             "inputs: {first: {type: image}, second: {type: image}, box: {type: regions}}\n"
             "steps:\n"
             "  - {generate: text, as: found, from: {image: [$first, $second]},\n"
             "     answer: {boxes: 1, of: %s}, prompt: \"what is at {box}\"}\n"
             "outputs: {found: $found}\n",
             of);
    const omn_region at = { times * 8, times * 16, times * 40, times * 48, NAN, NULL };
    WORKS(omn_pipeline_open(p->t.ctx, testing_write(testing_folder(), "p.yaml", yaml, strlen(yaml)),
                            &pipe, &err));
    WORKS(omn_regions_new(&at, 1, omn_value_frame(in), &box, &err));
    const omn_named inputs[] = { { "first", p->small }, { "second", p->large }, { "box", box } };
    WORKS(omn_teacher_new(pipe, p->t.model, &teacher, &err));
    WORKS(omn_teacher_lesson(teacher, p->t.call, inputs, 3, box, &out, &err));
    char *text = strdup(omn_text_get(out.inputs[out.n_inputs - 1].value, NULL));
    ck_assert_ptr_nonnull(text);
    omn_pipeline_taught_fini(&out);
    omn_teacher_free(teacher);
    omn_value_unref(box);
    omn_pipeline_close(pipe);
    return text;
}

/* One half of the picture is one half of it, whichever is asked about, also where the other one has
 * no such place. */
START_TEST(a_box_in_a_prompt_lies_in_the_picture_that_is_asked_about)
{
    pair p;
    open_pair(&p);
    char *a = sent(&p, "$first", p.small, 1), *b = sent(&p, "$second", p.large, 2);
    char *c = sent(&p, "$second", p.large, 2.5);
    ck_assert_str_eq(a, b);
    ck_assert_str_ne(b, c);
    free(a);
    free(b);
    free(c);
    close_pair(&p);
}
END_TEST

/* The width of the picture in which the answer lies; 0: it is refused, for there is none. */
static uint32_t width_of(pair *p, uint32_t number, const omn_named *in, uint32_t n)
{
    omn_error err = OMN_ERROR_INIT;
    omn_answer *a = NULL;
    omn_result out;
    const omn_setting one = { .name = "boxes", .text = "1" };
    const omn_answer_setup how = { OMN_FILL(omn_answer_setup), .object = "boxes", .set = &one,
                                   .n_set = 1, .of_number = number };
    WORKS(omn_answer_open(p->t.model, p->t.call, &how, &a, &err));
    const omn_request rq = { OMN_FILL(omn_request), .inputs = in, .n_inputs = n,
                             .prompt = "where", .answer = a, .top_p = NAN };
    const omn_status st = omn_generate(p->t.runner, &rq, &out, &err);
    const omn_frame *f = st == OMN_OK ? omn_value_frame(out.value) : NULL;
    const uint32_t width = f ? f->width : 0;
    if (st == OMN_OK) omn_result_fini(&out);
    else ck_assert_msg(strstr(err.text, "wants the picture"), "%s", err.text);
    omn_answer_close(a);
    return width;
}

START_TEST(what_is_not_there_has_its_number_too)
{
    pair p;
    open_pair(&p);
    const omn_named both[] = { { "image", p.small }, { "image", p.large } },
                    second[] = { { "image", NULL }, { "image", p.large } };
    ck_assert_uint_eq(width_of(&p, 0, both, 2), 64);
    ck_assert_uint_eq(width_of(&p, 1, both, 2), 128);
    ck_assert_uint_eq(width_of(&p, 1, second, 2), 128);
    ck_assert_uint_eq(width_of(&p, 0, second, 2), 0);
    close_pair(&p);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        an_answer_is_read_in_the_picture_that_it_is_of,
        an_answer_is_taught_in_the_picture_that_it_is_of,
        a_box_in_a_prompt_lies_in_the_picture_that_is_asked_about,
        what_is_not_there_has_its_number_too,
    };
    return TESTING_RUN("pipeline/pair", all, 60);
}
