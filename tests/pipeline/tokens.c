/* SPDX-License-Identifier: Apache-2.0 */
/* A text with many more tokens than bytes: one Arabic ligature has a normal form of 33 bytes, and
 * this tokenizer, which has no piece for them, says each by itself. */
#include "tests/generate/toy.h"

#include <omnio/pipeline.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As libsentencepiece cuts it. */
static const int32_t wanted[] = { 796, 219, 184, 220, 135, 220, 140, 796, 219, 170, 220, 135,
                                  220, 135, 220, 138, 796, 219, 188, 220, 135, 220, 141, 220,
                                  138, 796, 220, 139, 219, 182, 220, 135, 220, 136 };
#define LIGATURE "\xef\xb7\xba"

static omn_model *open_model(omn_context *ctx)
{
    static const char *const files[] = { "config.json", "model.safetensors" };
    omn_error err = OMN_ERROR_INIT;
    omn_model *m = NULL;
    char *data = NULL, from[4096], to[4096];
    size_t size = 0;
    const char *folder = testing_folder();
    for (int i = 0; i < 2; i++) {
        snprintf(to, sizeof to, "%s/%s", folder, files[i]);
        snprintf(from, sizeof from, "models/nano/%s", files[i]);
        char *whole = realpath(testing_source(from), NULL);
        ck_assert(whole && symlink(whole, to) == 0);
        free(whole);
    }
    ck_assert_int_eq(omn_file_read(testing_source("tests/golden/codecs/nfkc_bytes.model"), 1 << 24,
                                   &data, &size, &err), OMN_OK);
    testing_write(folder, "tokenizer.model", data, size);
    free(data);
    ck_assert_msg(omn_model_open(ctx, folder, NULL, &m, &err) == OMN_OK, "%s", err.text);
    return m;
}

START_TEST(a_step_has_room_for_all_tokens)
{
    static const char text[] = "version: 1\nmodel: any\ninputs: {text: {type: text}}\n"
                               "steps:\n  - {tokenize: $text, as: t}\noutputs: {t: $t}\n";
    omn_error err = OMN_ERROR_INIT;
    omn_pipeline *p = NULL;
    omn_pipeline_run *run = NULL;
    omn_value *in = NULL, *out = NULL;
    const int32_t *ids = NULL;
    omn_context *ctx = toy_context(1);
    omn_model *m = open_model(ctx);
    const char *path = testing_write(testing_folder(), "t.yaml", text, sizeof text - 1);
    ck_assert_msg(omn_pipeline_open(ctx, path, &p, &err) == OMN_OK, "%s", err.text);
    const omn_pipeline_setup how = { OMN_FILL(omn_pipeline_setup), .model = m };
    ck_assert_msg(omn_pipeline_run_new(p, &how, &run, &err) == OMN_OK, "%s", err.text);
    ck_assert_int_eq(omn_text_new(LIGATURE, 3, &in, NULL), OMN_OK);
    const omn_named named = { "text", in };
    ck_assert_msg(omn_pipeline_run_one(run, &named, 1, 0, &out, &err) == OMN_OK, "%s", err.text);
    const char *name;
    ck_assert_uint_eq(omn_tokens_get(omn_record_at(out, 0, &name), &ids, NULL), 34);
    ck_assert_mem_eq(ids, wanted, sizeof wanted);
    omn_value_unref(in);
    omn_value_unref(out);
    omn_pipeline_run_free(run);
    omn_pipeline_close(p);
    omn_model_close(m);
    omn_context_free(ctx);
}
END_TEST

START_TEST(a_lesson_has_room_for_all_tokens)
{
    omn_error err = OMN_ERROR_INIT;
    int32_t *ids = NULL, few[8];
    size_t n = 0;
    omn_context *ctx = toy_context(1);
    omn_model *m = open_model(ctx);
    ck_assert_msg(omn_model_all_tokens(m, LIGATURE, &ids, &n, &err) == OMN_OK, "%s", err.text);
    ck_assert_uint_eq(n, 34);
    ck_assert_mem_eq(ids, wanted, sizeof wanted);
    ids[n] = 0; /* there is a place for the end */
    free(ids);
    /* Where there is a real limit, it holds, and says what was wanted. */
    ck_assert_int_eq(omn_model_tokens(m, LIGATURE, few, 8, &n, &err), OMN_ERR_DATA);
    ck_assert_str_eq(err.text, "the text has 34 tokens, at most 8 are possible here");
    ck_assert_uint_eq(n, 34);
    omn_model_close(m);
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { a_step_has_room_for_all_tokens, a_lesson_has_room_for_all_tokens };
    return TESTING_RUN("pipeline/tokens", all, 60);
}
