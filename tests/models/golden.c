/* SPDX-License-Identifier: Apache-2.0 */
/* Unified-IO 2 against the original program: every stage of the golden files, forward, gradients,
 * decoding, option scores and forty steps of training, on every path of kernels. The tolerances are
 * fixed by the model object; here it is also shown that a wrong number, a missing stage and a part
 * that is not built are told apart. */
#include "verified.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *golden(const char *model, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "tests/golden/uio2/%s.%s.safetensors", model, name);
    return testing_source(path);
}

static void passes(const char *name, size_t least)
{
    verified_passes("tiny_a", name, golden("tiny_a", name), least);
    verified_passes("tiny_b", name, golden("tiny_b", name), least);
}

START_TEST(text_to_text)
{
    passes("text_only", 35);
}
END_TEST

START_TEST(text_and_picture_to_text)
{
    passes("text_image", 45);
}
END_TEST

START_TEST(all_that_it_takes_and_makes)
{
    passes("all_modalities", 91);
}
END_TEST

/* Padding, frames and a picture that are not there, and the patterns that the original drops. */
START_TEST(two_rows_with_padding)
{
    passes("padded_batch2", 90);
}
END_TEST

START_TEST(two_examples_in_one_row)
{
    passes("packed_pair", 17);
}
END_TEST

START_TEST(several_answers_in_one_row)
{
    passes("text_subsegments", 45);
}
END_TEST

START_TEST(scores_of_options)
{
    passes("score_options", 3);
}
END_TEST

START_TEST(greedy_decoding)
{
    passes("text_image_generate", 2);
}
END_TEST

START_TEST(greedy_decoding_of_each_output)
{
    passes("generate_text", 2);
    passes("generate_image", 2);
    passes("generate_audio", 2);
    passes("generate_image_cfg", 3);
}
END_TEST

START_TEST(gradients)
{
    passes("text_image_grads", 90);
}
END_TEST

START_TEST(gradients_of_several_targets)
{
    passes("grads", 119);
}
END_TEST

/* ---- golden files with a change ------------------------------------------------------------- */

/* How much of a curve is judged: verify_train.c of the model. */
START_TEST(training_of_several_targets)
{
    const change last = { .tensor = "out.losses", .element = 15, .times = 1.002 };
    const char *folder = testing_folder();
    verified_passes("tiny_a", "train_adamw", golden("tiny_a", "train_adamw"), 100);
    verified_passes("tiny_a", "train_adafactor", golden("tiny_a", "train_adafactor"), 140);
    verified_changed(folder, golden("tiny_a", "weights"), NULL);
    verified_changed(folder, golden("tiny_a", "all_modalities"), NULL);
    verified_finds(folder, golden("tiny_a", "train_adafactor"), &last, "losses");
}
END_TEST

START_TEST(forty_steps_of_adamw)
{
    passes("text_image_train_adamw", 60);
}
END_TEST

START_TEST(forty_steps_of_adafactor)
{
    passes("text_image_train_adafactor", 60);
}
END_TEST

/* ---- what must not pass --------------------------------------------------------------------- */

/* The case of tiny_b with a change in the golden and one in the weights. */
static seen of_change(const char *name, const change *g, const change *w, omn_status want,
                      const char *text)
{
    omn_error err = OMN_ERROR_INIT;
    seen s = { 0 };
    char file[4096];
    const char *folder = testing_folder();
    verified_changed(folder, golden("tiny_b", "weights"), w);
    verified_changed(folder, golden("tiny_b", "text_image"), NULL);
    snprintf(file, sizeof file, "%s", verified_changed(folder, golden("tiny_b", name), g));
    const omn_status st = verified_run("avx2", file, &s, &err);
    ck_assert_msg(st == want, "%s: %s, %s", omn_status_name(st), err.text, s.first);
    ck_assert_msg(strstr(err.text, text) != NULL, "\"%s\" lacks \"%s\"", err.text, text);
    return s;
}

START_TEST(a_wrong_number_is_found)
{
    static const struct {
        const char *name, *stage;
        change c;
    } list[] = {
        { "text_only",
          "decoder.l0.mlp",
          { .tensor = "out.decoder.l0.mlp", .element = 7, .times = 1, .plus = 2e-3 } },
        { "text_only",
          "logits.text",
          { .tensor = "out.logits.text", .element = 900, .times = 1, .plus = -1e-3 } },
        { "text_only",
          "decoder.rope",
          { .tensor = "out.decoder.rope", .element = 3, .times = 1, .plus = 3e-6 } },
        { "text_only", "loss.total", { .tensor = "out.loss.total", .times = 1, .plus = 2e-4 } },
        { "text_image",
          "encoder.mask",
          { .tensor = "out.encoder.mask", .element = 20, .plus = 1 } },
        { "text_image",
          "vit.image.block_1",
          { .tensor = "out.vit.image.block_1", .element = 0, .times = 0, .plus = (double)NAN } },
        { "text_subsegments",
          "decoder.self_mask",
          { .tensor = "out.decoder.self_mask", .element = 30, .plus = 1 } },
        { "all_modalities",
          "embed.audio_history.mask",
          { .tensor = "out.embed.audio_history.mask", .element = 4, .plus = 1 } },
        { "all_modalities",
          "image_history.resampler",
          { .tensor = "out.image_history.resampler", .element = 9, .times = 1, .plus = 1e-3 } },
        { "padded_batch2",
          "pattern_on.logits.image",
          { .tensor = "out.pattern_on.logits.image", .element = 100, .times = 1, .plus = 2e-3 } },
        { "packed_pair",
          "packed.decoder.self_mask",
          { .tensor = "out.packed.decoder.self_mask", .element = 30, .plus = 1 } },
        { "generate_audio", "tokens", { .tensor = "out.tokens", .element = 9, .plus = 1 } },
        { "generate_image_cfg",
          "step_scores",
          { .tensor = "out.step_scores", .element = 9, .times = 1, .plus = 0.02 } },
        { "score_options",
          "scores_sum",
          { .tensor = "out.scores_sum", .element = 2, .times = 1.0001 } },
        { "text_image_generate", "tokens", { .tensor = "out.tokens", .element = 9, .plus = 1 } },
        { "text_image_grads",
          "gradnorm.encoder.layers_0.mlp.wo.weight",
          { .tensor = "gradnorm.encoder.layers_0.mlp.wo.weight", .times = 1.002 } },
        { "text_image_grads",
          "grad.text_token_embedder.weight",
          { .tensor = "grad.text_token_embedder.weight",
            .element = 77,
            .times = 1,
            .plus = 5e-4 } },
        { "text_image_train_adamw",
          "losses",
          { .tensor = "out.losses", .element = 5, .times = 1.002 } },
        { "text_image_train_adafactor",
          "losses",
          { .tensor = "out.losses", .element = 23, .times = 1.002 } },
        { "text_image_train_adamw",
          "losses",
          { .tensor = "out.losses", .element = 11, .times = 0.998 } },
        { "text_image_train_adafactor",
          "grad_norms",
          { .tensor = "out.grad_norms", .element = 3, .times = 1.002 } },
        { "text_image_train_adamw",
          "grad_norms",
          { .tensor = "out.grad_norms", .element = 9, .times = 1.002 } },
        { "text_image_train_adafactor",
          "final_norm.encoder.encoder_norm.scale",
          { .tensor = "out.final_norm.encoder.encoder_norm.scale", .times = 1.002 } },
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        const seen s = of_change(list[i].name, &list[i].c, NULL, OMN_ERR_FAILED, "1 of");
        ck_assert_uint_eq(s.wrong, 1);
        ck_assert_msg(!strncmp(s.first, list[i].stage, strlen(list[i].stage)), "%s", s.first);
    }
}
END_TEST

/* What no two right programs share is shown, and says nothing. */
START_TEST(the_end_of_a_chaotic_curve_is_not_judged)
{
    static const change list[] = {
        { .tensor = "out.losses", .element = 12, .times = 1.2 },
        { .tensor = "out.grad_norms", .element = 10, .times = 1.2 },
        { .tensor = "out.final_norm.encoder.encoder_norm.scale", .times = 1.2 },
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        const seen s = of_change("text_image_train_adamw", &list[i], NULL, OMN_OK, "");
        ck_assert_uint_ge(s.rows, 60);
        ck_assert_uint_eq(s.wrong, 0);
    }
}
END_TEST

START_TEST(a_wrong_weight_is_found)
{
    const change c = {
        .tensor = "encoder.layers_0.attention.query.weight", .element = 70, .times = 1, .plus = 0.05
    };
    seen s = of_change("text_only", NULL, &c, OMN_ERR_FAILED, "outside");
    ck_assert_uint_gt(s.wrong, 10); /* everything behind it */
    ck_assert(strstr(s.first, "decoder.l0") || strstr(s.first, "encoder.l0"));
    s = of_change("text_image_grads", NULL, &c, OMN_ERR_FAILED, "outside");
    s = of_change("score_options", NULL, &c, OMN_ERR_FAILED, "outside");
    s = of_change("text_image_generate", NULL, &c, OMN_ERR_FAILED, "outside");
    s = of_change("text_image_train_adamw", NULL, &c, OMN_ERR_FAILED, "outside");
}
END_TEST

START_TEST(a_missing_stage_is_told)
{
    const change more = { .extra = "out.encoder.l7.attention" };
    const seen s = of_change("text_only", &more, NULL, OMN_ERR_FAILED, "missing");
    ck_assert_uint_eq(s.missing, 1);
    ck_assert_uint_eq(s.wrong, 1);
}
END_TEST

START_TEST(files_that_are_no_golden_cases)
{
    const change input = { .tensor = "in.inputs/text/mask", .leave_out = true };
    of_change("text_only", &input, NULL, OMN_ERR_DATA, "in.inputs/text/mask");
    const change ids = { .tensor = "in.inputs/text/tokens", .element = 1, .plus = 1e6 };
    of_change("text_only", &ids, NULL, OMN_ERR_DATA, "");
    const change format = { .meta = "format", .value = "something else" };
    of_change("text_only", &format, NULL, OMN_ERR_DATA, "no golden file");
    const change config = { .meta = "config", .value = "{\"t5\": 3" };
    of_change("text_only", &config, NULL, OMN_ERR_DATA, "configuration");
    const change empty = { .meta = "config", .value = "{\"t5\": {}}" };
    of_change("text_only", &empty, NULL, OMN_ERR_CONFIG, "t5_config");
    const change outside = { .meta = "weights_file", .value = "../tiny_b.weights.safetensors" };
    of_change("text_only", &outside, NULL, OMN_ERR_DATA, "no file name");
    const change gone = { .meta = "weights_file", .value = "gone.safetensors" };
    of_change("text_only", &gone, NULL, OMN_ERR_MISSING, "gone.safetensors");
    const change odd = { .meta = "description", .value = "40 steps of hope" };
    of_change("text_image_train_adamw", &odd, NULL, OMN_ERR_UNSUPPORTED, "optimiser");
    const change weight = { .tensor = "decoder.decoder_norm.scale", .leave_out = true };
    of_change("text_only", NULL, &weight, OMN_ERR_DATA, "decoder.decoder_norm.scale");
}
END_TEST

/* What this build cannot do yet is said, and nothing passes. */
START_TEST(other_parts_are_not_supported)
{
    static const char *const list[][2] = {
        { "tiny_a.tables", "not supported" },
        { "tiny_b.tables", "not supported" },
        { "real_sizes.tables", "not supported" },
        { "tiny_a.weights", "not supported" },
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        omn_error err = OMN_ERROR_INIT;
        seen s = { 0 };
        char path[256];
        snprintf(path, sizeof path, "tests/golden/uio2/%s.safetensors", list[i][0]);
        ck_assert_int_eq(verified_run("avx512", testing_source(path), &s, &err),
                         OMN_ERR_UNSUPPORTED);
        ck_assert_msg(strstr(err.text, list[i][1]) != NULL, "%s", err.text);
        ck_assert_uint_eq(s.rows, 0);
    }
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        text_to_text,
        text_and_picture_to_text,
        all_that_it_takes_and_makes,
        two_rows_with_padding,
        two_examples_in_one_row,
        several_answers_in_one_row,
        scores_of_options,
        greedy_decoding,
        greedy_decoding_of_each_output,
        gradients,
        gradients_of_several_targets,
        training_of_several_targets,
        forty_steps_of_adamw,
        forty_steps_of_adafactor,
        a_wrong_number_is_found,
        the_end_of_a_chaotic_curve_is_not_judged,
        a_wrong_weight_is_found,
        a_missing_stage_is_told,
        files_that_are_no_golden_cases,
        other_parts_are_not_supported,
    };
    /* four paths of kernels, two models each */
    return TESTING_RUN("models/golden", all, 30);
}
