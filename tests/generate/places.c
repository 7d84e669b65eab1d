/* SPDX-License-Identifier: Apache-2.0 */
/* Each code of a picture stands at a place of its own, however short the texts are that the model
 * writes: what it holds likely at every place is the same with room for 8 words and for 64. */
#include "tests/generate/toy.h"

#include <stdio.h>
#include <string.h>

enum { CODES = 16, ROWS = 72 };

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

static const char config[] =
    "{\"omnio\": {\"model\": \"uio2\", \"location_first\": 0, \"location_bins\": 64, "
    "\"histories\": 0}, \"t5_config\": {\"vocab_size\": 960, "
    "\"image_vocab_size\": 72, \"emb_dim\": 32, \"num_heads\": 2, \"head_dim\": 16, "
    "\"num_encoder_layers\": 1, \"num_decoder_layers\": 2, \"mlp_dim\": 48, "
    "\"encoder_max_text_length\": 64, \"decoder_max_text_length\": %d, "
    "\"decoder_max_image_length\": 16}, "
    "\"input_modalities\": [\"text\"], \"target_modalities\": [\"text\", \"image\"], "
    "\"image_vqgan\": {\"ch\": 32, \"ch_mult\": [1, 1, 1, 1], \"num_res_blocks\": 1, "
    "\"n_embed\": 64, \"resolution\": 32, \"attn_resolutions\": [4], "
    "\"default_input_size\": [32, 32], \"patch_size\": [8, 8]}}";

static omn_status keep(void *user, size_t place, const float *logprob, size_t width, omn_error *err)
{
    float(*all)[ROWS] = user;
    (void)err;
    ck_assert_uint_eq(width, ROWS);
    ck_assert_uint_lt(place, CODES);
    memcpy(all[place], logprob, sizeof all[place]);
    return OMN_OK;
}

/* What is likely behind each of the codes of `ids`, and the codes that are likeliest one by one. */
static void of_limit(const char *folder, int words, const int32_t *ids, float (*all)[ROWS],
                     int32_t *said)
{
    omn_error err = OMN_ERROR_INIT;
    omn_result out = { OMN_FILL(omn_result) };
    char own[sizeof config + 16];
    toy t;
    const omn_request rq = { OMN_FILL(omn_request), .prompt = "a cube", .output = "image" };
    const int n = snprintf(own, sizeof own, config, words);
    testing_write(folder, "config.json", own, (size_t)n);
    toy_open(&t, folder, 1);
    WORKS(omn_runner_follow(t.runner, &rq, ids, CODES, keep, all, &err));
    toy_answer(&t, &rq, &out);
    ck_assert_uint_eq(out.tokens, CODES);
    memcpy(said, out.ids, CODES * sizeof *said);
    omn_result_fini(&out);
    toy_close(&t);
}

START_TEST(codes_have_places_that_words_do_not_limit)
{
    static float few[CODES][ROWS], many[CODES][ROWS];
    int32_t ids[CODES], first[CODES], second[CODES];
    char all[sizeof config + 16];
    const char *folder = testing_folder();
    snprintf(all, sizeof all, config, 64);
    toy_write_as(folder, all, 3);
    for (int i = 0; i < CODES; i++) ids[i] = 2 + (i * 29 + 5) % 64;
    of_limit(folder, 64, ids, many, second);
    of_limit(folder, 8, ids, few, first);
    for (int i = 0; i < CODES; i++)
        ck_assert_msg(!memcmp(few[i], many[i], sizeof few[i]), "place %d", i);
    ck_assert_mem_eq(first, second, sizeof first);
    /* and places are told apart: of one code again and again, no two places are alike */
    for (int i = 0; i < CODES; i++) ids[i] = 7;
    of_limit(folder, 8, ids, few, first);
    for (int i = 2; i < CODES; i++)
        ck_assert_msg(memcmp(few[i], few[i - 1], sizeof few[i]), "places %d and %d", i - 1, i);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { codes_have_places_that_words_do_not_limit };
    return TESTING_RUN("generate/places", all, 30);
}
