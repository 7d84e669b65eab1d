/* SPDX-License-Identifier: Apache-2.0 */
/* The text that a step sends: values stand in it as words; a label that came with a box does not,
 * because it would often be the answer. */
#include "tests/generate/toy.h"

#include <omnio/pipeline.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char yaml[] =
    "version: 1\n"
    "inputs: {image: {type: image}, box: {type: regions}, n: {type: number},\n"
    "         list: {type: list}}\n"
    "steps:\n"
    "  - {generate: text, as: found, from: {image: $image}, answer: {boxes: 1, labels: true,\n"
    "     of: $image}, prompt: \"{{what}} at {box}? {n} of {list}\"}\n"
    "outputs: {found: $found}\n";

START_TEST(labels_belong_to_answers_alone)
{
    toy t;
    omn_error err = OMN_ERROR_INIT;
    omn_pipeline *p = NULL;
    omn_value *words[2], *in[4];
    omn_pipeline_taught taught[2];
    const char *folder = testing_folder();
    toy_write(folder, 3);
    toy_open(&t, folder, 1);
    const char *path = testing_write(folder, "p.yaml", yaml, strlen(yaml));
    ck_assert_msg(omn_pipeline_open(t.ctx, path, &p, &err) == OMN_OK, "%s", err.text);
    in[0] = toy_picture(&t, 64, 64, 1);
    const omn_frame *frame = omn_value_frame(in[0]);
    ck_assert_int_eq(omn_number_new(7, &in[2], &err), OMN_OK);
    ck_assert_int_eq(omn_text_new("a", 1, &words[0], &err), OMN_OK);
    ck_assert_int_eq(omn_text_new("b", 1, &words[1], &err), OMN_OK);
    ck_assert_int_eq(omn_list_new(words, 2, &in[3], &err), OMN_OK);
    for (int labelled = 1; labelled >= 0; labelled--) {
        const omn_region box = { 8, 16, 40, 48, NAN, labelled ? "sphere" : NULL };
        ck_assert_int_eq(omn_regions_new(&box, 1, frame, &in[1], &err), OMN_OK);
        const omn_named inputs[] = { { "image", in[0] }, { "box", in[1] }, { "n", in[2] },
                                     { "list", in[3] } };
        ck_assert_msg(omn_pipeline_lesson(p, t.model, t.call, inputs, 4, in[1], &taught[labelled],
                                          &err) == OMN_OK, "%s", err.text);
        ck_assert_uint_eq(taught[labelled].n_inputs, 1);
        ck_assert_str_eq(taught[labelled].inputs[0].name, "image");
        ck_assert_ptr_eq(taught[labelled].inputs[0].value, in[0]);
        omn_value_unref(in[1]);
    }
    ck_assert_str_eq(taught[0].prompt, taught[1].prompt);
    ck_assert_ptr_null(strstr(taught[1].prompt, "sphere"));
    ck_assert(strstr(taught[1].prompt, "{what} at <") && strstr(taught[1].prompt, ">? 7 of a, b"));
    ck_assert_ptr_nonnull(strstr(taught[1].answer, "sphere"));
    for (int i = 0; i < 2; i++) {
        omn_pipeline_taught_fini(&taught[i]);
        omn_value_unref(words[i]);
    }
    omn_value_unref(in[0]);
    omn_value_unref(in[2]);
    omn_value_unref(in[3]);
    omn_pipeline_close(p);
    toy_close(&t);
}
END_TEST

/* What fails leaves nothing behind that somebody could free again. */
START_TEST(a_lesson_that_fails_is_empty)
{
    static const char four[] =
        "version: 1\n"
        "inputs: {q: {type: text}}\n"
        "steps:\n"
        "  - {generate: text, as: said, prompt: \"{q}{q}{q}{q}\"}\n"
        "outputs: {said: $said}\n";
    enum { QUARTER = 1 << 22 };
    toy t;
    omn_error err = OMN_ERROR_INIT;
    omn_pipeline *p = NULL;
    omn_value *q = NULL, *tensor = NULL;
    char *text = malloc(QUARTER);
    const char *folder = testing_folder();
    toy_write(folder, 3);
    toy_open(&t, folder, 1);
    const char *path = testing_write(folder, "p.yaml", four, strlen(four));
    ck_assert_msg(omn_pipeline_open(t.ctx, path, &p, &err) == OMN_OK, "%s", err.text);
    ck_assert_uint_gt(strlen(omn_model_prefix(t.model, "text")), 0);
    ck_assert_ptr_nonnull(text);
    memset(text, 'q', QUARTER);
    ck_assert_int_eq(omn_text_new(text, QUARTER, &q, &err), OMN_OK);
    omn_named in = { "q", q };
    omn_pipeline_taught taught;
    memset(&taught, 0x55, sizeof taught);
    /* the prompt alone fits to the byte, with the model's prefix it does not */
    ck_assert_int_eq(omn_pipeline_lesson(p, t.model, t.call, &in, 1, q, &taught, &err),
                     OMN_ERR_DATA);
    ck_assert_msg(strstr(err.text, "the prompt is longer than 16 MiB"), "%s", err.text);
    ck_assert(!taught.prompt && !taught.answer && !taught.inputs && !taught.n_inputs);
    err = (omn_error)OMN_ERROR_INIT;
    in.value = tensor = toy_picture(&t, 8, 8, 1);
    ck_assert_int_ne(omn_pipeline_lesson(p, t.model, t.call, &in, 1, q, &taught, &err), OMN_OK);
    ck_assert(!taught.prompt && !taught.answer && !taught.inputs && !taught.n_inputs);
    omn_value_unref(q);
    omn_value_unref(tensor);
    free(text);
    omn_pipeline_close(p);
    toy_close(&t);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { labels_belong_to_answers_alone, a_lesson_that_fails_is_empty };
    return TESTING_RUN("pipeline/prompt", all, 60);
}
