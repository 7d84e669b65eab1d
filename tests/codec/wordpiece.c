/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of words against recorded ids of the Transformers library, cased and uncased; lists that
 * are none; ids as a text again. */
#include "tests/codec/golden.h"
#include "tests/generate/toy.h"

#include <omnio/generate.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

static const char config[] =
    "{\"model_type\": \"unit\", \"omnio\": {\"task\": \"glue_sst2\", \"most\": 16}, \"base_args\": "
    "{\"encoder_hidden_dim\": 8, \"decoder_hidden_dim\": 8, \"nheads\": 2, \"bert_config\": "
    "{\"vocab_size\": 200, \"hidden_size\": 8, \"num_attention_heads\": 2, "
    "\"num_hidden_layers\": 1, \"intermediate_size\": 8, \"max_position_embeddings\": 16}}}";

static omn_status open_list(omn_context *ctx, const char *list, size_t n, omn_model **m,
                            omn_error *err)
{
    const char *folder = testing_folder();
    const omn_model_setup hollow = { OMN_FILL(omn_model_setup), .hollow = true };
    if (list) testing_write(folder, "vocab.txt", list, n);
    else testing_copy("tests/golden/wordpiece/vocab.txt", folder, "vocab.txt");
    testing_write(folder, "config.json", config, strlen(config));
    return omn_model_open(ctx, folder, &hollow, m, err);
}

START_TEST(recorded_ids)
{
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = toy_context(1);
    omn_model *m = NULL;
    json_t *all = golden_json("tests/golden/wordpiece/cases.json"), *one;
    size_t i, met = 0;
    WORKS(open_list(ctx, NULL, 0, &m, &err));
    json_array_foreach(golden_get(all, "cases"), i, one)
    {
        const json_t *want = golden_get(one, "ids");
        const char *text = json_string_value(golden_get(one, "text"));
        int32_t *ids = NULL;
        size_t n = 0;
        if (!json_is_true(golden_get(one, "lower"))) continue;
        WORKS(omn_model_all_tokens(m, text, &ids, &n, &err));
        ck_assert_msg(n == json_array_size(want), "\"%s\": %zu ids, not %zu", text, n,
                      json_array_size(want));
        for (size_t k = 0; k < n; k++)
            ck_assert_msg(ids[k] == (int32_t)json_integer_value(json_array_get(want, k)),
                          "\"%s\": id %zu is %d", text, k, (int)ids[k]);
        free(ids);
        met++;
    }
    ck_assert_uint_ge(met, 20);
    json_decref(all);
    omn_model_close(m);
    omn_context_free(ctx);
}
END_TEST

/* The same without small letters, by the part itself. */
START_TEST(cased_ids)
{
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = toy_context(1);
    omn_model *m = NULL;
    char text[1024];
    const char *folder = testing_folder();
    const omn_model_setup hollow = { OMN_FILL(omn_model_setup), .hollow = true };
    json_t *all = golden_json("tests/golden/wordpiece/cases.json"), *one;
    size_t i, met = 0;
    snprintf(text, sizeof text, "%.*s, \"do_lower_case\": false}", (int)strlen(config) - 1, config);
    testing_copy("tests/golden/wordpiece/vocab.txt", folder, "vocab.txt");
    testing_write(folder, "config.json", text, strlen(text));
    WORKS(omn_model_open(ctx, folder, &hollow, &m, &err));
    json_array_foreach(golden_get(all, "cases"), i, one)
    {
        const json_t *want = golden_get(one, "ids");
        const char *said = json_string_value(golden_get(one, "text"));
        int32_t *ids = NULL;
        size_t n = 0;
        if (json_is_true(golden_get(one, "lower"))) continue;
        WORKS(omn_model_all_tokens(m, said, &ids, &n, &err));
        ck_assert_msg(n == json_array_size(want), "\"%s\": %zu ids", said, n);
        for (size_t k = 0; k < n; k++)
            ck_assert_int_eq(ids[k], (int32_t)json_integer_value(json_array_get(want, k)));
        free(ids);
        met++;
    }
    ck_assert_uint_ge(met, 20);
    json_decref(all);
    omn_model_close(m);
    omn_context_free(ctx);
}
END_TEST

/* Texts of characters of every kind, drawn at random: tests/golden/wordpiece/wide.py. */
START_TEST(any_characters_are_cut_as_the_library_cuts_them)
{
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = toy_context(1);
    omn_model *m[2] = { NULL, NULL };
    json_t *all = golden_json("tests/golden/wordpiece/wide.json"), *one;
    const json_int_t pieces = json_integer_value(golden_get(all, "pieces"));
    const char *folder = testing_folder();
    const omn_model_setup hollow = { OMN_FILL(omn_model_setup), .hollow = true };
    size_t i, met[2] = { 0, 0 };
    testing_copy("tests/golden/wordpiece/wide.txt", folder, "vocab.txt");
    for (int lower = 0; lower < 2; lower++) {
        char text[1024];
        const int k = snprintf(text, sizeof text,
                               "{\"model_type\": \"unit\", \"do_lower_case\": %s, \"omnio\": "
                               "{\"task\": \"glue_sst2\", \"most\": 16}, \"base_args\": "
                               "{\"encoder_hidden_dim\": 8, \"decoder_hidden_dim\": 8, \"nheads\": "
                               "2, \"bert_config\": {\"vocab_size\": %d, \"hidden_size\": 8, "
                               "\"num_attention_heads\": 2, \"num_hidden_layers\": 1, "
                               "\"intermediate_size\": 8, \"max_position_embeddings\": 16}}}",
                               lower ? "true" : "false", (int)pieces);
        testing_write(folder, "config.json", text, (size_t)k);
        WORKS(omn_model_open(ctx, folder, &hollow, &m[lower], &err));
    }
    json_array_foreach(golden_get(all, "cases"), i, one)
    {
        const bool lower = json_is_true(golden_get(one, "lower"));
        const json_t *want = golden_get(one, "ids");
        int32_t *ids = NULL;
        size_t n = 0;
        WORKS(omn_model_all_tokens(m[lower], json_string_value(golden_get(one, "text")), &ids, &n,
                                   &err));
        ck_assert_msg(n == json_array_size(want), "case %zu: %zu ids, not %zu", i, n,
                      json_array_size(want));
        for (size_t k = 0; k < n; k++)
            ck_assert_msg(ids[k] == (int32_t)json_integer_value(json_array_get(want, k)),
                          "case %zu: id %zu is %d", i, k, (int)ids[k]);
        free(ids);
        met[lower]++;
    }
    ck_assert(met[0] > 150 && met[1] > 150);
    json_decref(all);
    omn_model_close(m[0]);
    omn_model_close(m[1]);
    omn_context_free(ctx);
}
END_TEST

START_TEST(lists_that_are_none)
{
    static const struct { const char *list, *says; } bad[] = {
        { "a\nb\nc\n", "[UNK]" },
        { "[UNK]\na\nb\na\n", "lines 2 and 4" },
        { "", "[UNK]" },
    };
    omn_context *ctx = toy_context(1);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        omn_error err = OMN_ERROR_INIT;
        omn_model *m = NULL;
        ck_assert(open_list(ctx, bad[i].list, strlen(bad[i].list), &m, &err) != OMN_OK);
        ck_assert_msg(strstr(err.text, bad[i].says), "%s", err.text);
    }
    char *many = testing_memory(8192);
    size_t n = (size_t)snprintf(many, 8192, "[UNK]\n");
    for (int i = 0; i < 300; i++) n += (size_t)snprintf(many + n, 8192 - n, "piece%d\n", i);
    omn_error err = OMN_ERROR_INIT;
    omn_model *m = NULL;
    ck_assert(open_list(ctx, many, n, &m, &err) != OMN_OK);
    ck_assert_msg(strstr(err.text, "301 pieces, the model has 200"), "%s", err.text);
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { recorded_ids, cased_ids,
                                 any_characters_are_cut_as_the_library_cuts_them,
                                 lists_that_are_none };
    return TESTING_RUN("codec/wordpiece", all, 30);
}
