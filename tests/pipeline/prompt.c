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
    const char *prompt[2];
    omn_buf said;
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
        omn_teacher *teacher = NULL;
        const omn_region named = { 8, 16, 40, 48, NAN, "sphere" };
        omn_value *wanted = NULL;
        ck_assert_int_eq(omn_regions_new(&named, 1, frame, &wanted, &err), OMN_OK);
        ck_assert_msg(omn_teacher_new(p, t.model, &teacher, &err) == OMN_OK, "%s", err.text);
        ck_assert_msg(omn_teacher_lesson(teacher, t.call, inputs, 4, wanted, &taught[labelled],
                                         &err) == OMN_OK, "%s", err.text);
        omn_teacher_free(teacher);
        omn_value_unref(wanted);
        ck_assert_uint_eq(taught[labelled].n_inputs, 2);
        prompt[labelled] = omn_text_get(taught[labelled].inputs[1].value, NULL);
        ck_assert_str_eq(taught[labelled].inputs[0].name, "image");
        ck_assert_ptr_eq(taught[labelled].inputs[0].value, in[0]);
        omn_value_unref(in[1]);
    }
    ck_assert_str_eq(prompt[0], prompt[1]);
    ck_assert_ptr_null(strstr(prompt[1], "sphere"));
    ck_assert(strstr(prompt[1], "{what} at <") && strstr(prompt[1], ">? 7 of a, b"));
    omn_buf_init(&said, 1 << 16);
    ck_assert_int_eq(omn_decoder_text(omn_model_decoder(t.model, "text"), taught[1].want.ids,
                                      taught[1].want.count, &said, NULL, &err), OMN_OK);
    ck_assert_ptr_nonnull(strstr(said.data, "sphere"));
    ck_assert_str_eq(taught[1].modality, "regions");
    ck_assert_str_eq(taught[1].output, "text");
    omn_buf_fini(&said);
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
    omn_teacher *teacher = NULL;
    ck_assert_msg(omn_teacher_new(p, t.model, &teacher, &err) == OMN_OK, "%s", err.text);
    memset(&taught, 0x55, sizeof taught);
    /* the prompt alone fits to the byte, with the model's prefix it does not */
    ck_assert_int_eq(omn_teacher_lesson(teacher, t.call, &in, 1, q, &taught, &err), OMN_ERR_DATA);
    ck_assert_msg(strstr(err.text, "the prompt is longer than 16 MiB"), "%s", err.text);
    ck_assert(!taught.inputs && !taught.n_inputs && !taught.want.ids);
    err = (omn_error)OMN_ERROR_INIT;
    in.value = tensor = toy_picture(&t, 8, 8, 1);
    ck_assert_int_ne(omn_teacher_lesson(teacher, t.call, &in, 1, q, &taught, &err), OMN_OK);
    ck_assert(!taught.inputs && !taught.n_inputs && !taught.want.ids);
    omn_teacher_free(teacher);
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
