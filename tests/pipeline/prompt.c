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
    char *prompt[2], *answer[2];
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
        ck_assert_msg(omn_pipeline_lesson(p, t.model, t.call, inputs, 4, in[1], &prompt[labelled],
                                          &answer[labelled], &err) == OMN_OK, "%s", err.text);
        omn_value_unref(in[1]);
    }
    ck_assert_str_eq(prompt[0], prompt[1]);
    ck_assert_ptr_null(strstr(prompt[1], "sphere"));
    ck_assert(strstr(prompt[1], "{what} at <") && strstr(prompt[1], ">? 7 of a, b"));
    ck_assert_ptr_nonnull(strstr(answer[1], "sphere"));
    for (int i = 0; i < 2; i++) {
        free(prompt[i]);
        free(answer[i]);
        omn_value_unref(words[i]);
    }
    omn_value_unref(in[0]);
    omn_value_unref(in[2]);
    omn_value_unref(in[3]);
    omn_pipeline_close(p);
    toy_close(&t);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { labels_belong_to_answers_alone };
    return TESTING_RUN("pipeline/prompt", all, 60);
}
