/* SPDX-License-Identifier: Apache-2.0 */
/* Unified-IO 2 against the original program: every stage of the golden files, forward, gradients,
 * decoding, option scores and forty steps of training, on every path of kernels. The tolerances are
 * fixed by the model object; here it is also shown that a wrong number, a missing stage and a part
 * that is not built are told apart. */
#include "tests/testing.h"

#include <omnio/train.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct seen {
    size_t rows, wrong, missing;
    char first[256]; /* the first stage that was wrong */
} seen;

static void count(void *user, const omn_verify_row *row)
{
    seen *s = user;
    s->rows++;
    if (row->ok) return;
    s->wrong++;
    if (row->why && !strcmp(row->why, "missing")) s->missing++;
    if (!s->first[0])
        snprintf(s->first, sizeof s->first, "%s: %g absolute, %g relative, %g + %g allowed %s",
                 row->stage, row->abs_error, row->rel_error, row->tolerance_abs, row->tolerance_rel,
                 row->why ? row->why : "");
}

static omn_status verify(const char *level, const char *file, seen *s, omn_error *err)
{
    omn_context *ctx = NULL;
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 2,
                                    .only_plugin_path = true,
                                    .plugin_path = testing_build("plugins/.libs"),
                                    .cache_dir = "" };
    setenv("OMNIO_CPU", level, 1);
    omn_status st = omn_context_new(&how, &ctx, err);
    if (st == OMN_OK) st = omn_verify(ctx, file, count, s, err);
    omn_context_free(ctx);
    return st;
}

static const char *golden(const char *model, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "tests/golden/uio2/%s.%s.safetensors", model, name);
    return testing_source(path);
}

static void passes_in(const char *model, const char *name, const char *file, size_t least)
{
    const char *const *levels;
    const size_t n = testing_levels(&levels);
    for (size_t level = 0; level < n; level++) {
        omn_error err = OMN_ERROR_INIT;
        seen s = { 0 };
        const omn_status st = verify(levels[level], file, &s, &err);
        ck_assert_msg(st == OMN_OK && !s.wrong, "%s %s on %s: %s; %s", model, name, levels[level],
                      err.text, s.first);
        ck_assert_msg(s.rows >= least, "%s %s: %zu stages", model, name, s.rows);
    }
}

static void passes(const char *name, size_t least)
{
    passes_in("tiny_a", name, golden("tiny_a", name), least);
    passes_in("tiny_b", name, golden("tiny_b", name), least);
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

/* One element of one tensor multiplied and shifted; or the tensor left out, or one more put in. */
typedef struct change {
    const char *tensor;
    size_t element;
    double times, plus;
    bool leave_out;
    const char *extra;
    const char *meta, *value; /* a line of __metadata__ replaced */
    uint32_t steps;            /* training: so many steps are kept, the final norms are not */
} change;

/* A file with one change below `folder`, under its own name. */
static const char *changed(const char *folder, const char *file, const change *c)
{
    static char path[4096];
    omn_error err = OMN_ERROR_INIT;
    omn_weights *w = NULL;
    size_t n = 0, m = 0;
    bool met = !c || !c->tensor;
    ck_assert_msg(omn_weights_open(file, &w, &err) == OMN_OK, "%s", err.text);
    omn_weights_entry *list = calloc(omn_weights_count(w) + 1, sizeof *list);
    const char **meta = calloc(2 * omn_weights_meta_count(w) + 2, sizeof *meta);
    for (size_t i = 0; i < omn_weights_count(w); i++) {
        omn_tensor t = *omn_weights_at(w, i);
        if (c && c->steps && !strncmp(omn_weights_name(w, i), "out.final", 9)) continue;
        if (c && c->steps) { /* losses, gradient norms */
            ck_assert_uint_eq(t.shape.rank, 1);
            ck_assert_uint_ge(t.bytes / sizeof(float), c->steps);
            t.bytes = c->steps * sizeof(float);
            t.shape.dim[0] = (int64_t)c->steps;
        }
        void *copy = testing_memory(t.bytes);
        memcpy(copy, t.data, t.bytes);
        t.data = copy;
        list[n] = (omn_weights_entry){ omn_weights_name(w, i), t };
        if (c && c->tensor && !strcmp(list[n].name, c->tensor)) {
            met = true;
            if (c->leave_out) continue;
            float *x = (float *)copy + c->element;
            if (t.type == OMN_I32)
                ((int32_t *)copy)[c->element] += (int32_t)c->plus;
            else
                *x = (float)((double)*x * c->times + c->plus);
        }
        n++;
    }
    if (c && c->extra) {
        list[n] = list[0];
        list[n++].name = c->extra;
    }
    ck_assert(met);
    for (size_t i = 0; i < omn_weights_meta_count(w); i++) {
        const char *key = omn_weights_meta_key(w, i);
        meta[m++] = key;
        meta[m++] = c && c->meta && !strcmp(c->meta, key) ? c->value : omn_weights_meta(w, key);
    }
    const char *slash = strrchr(file, '/');
    snprintf(path, sizeof path, "%s/%s", folder, slash + 1);
    ck_assert_msg(omn_weights_write(path, OMN_OVERWRITE, list, n, meta, m / 2, &err) == OMN_OK,
                  "%s", err.text);
    omn_weights_close(w);
    free(list);
    free(meta);
    return path;
}

/* AdamW is chaotic on these random models: a hundred of tiny_a's 239 thousand first gradients
 * cancel down to nearly their rounding, it moves these weights by a whole step all the same, and
 * training multiplies the difference: 1e-5 of the loss by step 5, 1e-2 by step 39. The original
 * arithmetic itself misses its recorded losses by more than 1e-3 when one weight starts one bit off
 * (11 runs of 20, from step 33 on). Its first 12 losses and 10 gradient norms are judged. Adafactor
 * is calmer, 3e-4 to 7e-4 on our paths, but not calm: 7 of 20 runs that start one bit off miss it,
 * and one of our compilers does by step 32. */
#define TINY_A_ADAFACTOR 24

static void forty_steps(const char *name, uint32_t tiny_a_steps)
{
    const change cut = { .steps = tiny_a_steps };
    const char *folder = testing_folder();
    passes_in("tiny_b", name, golden("tiny_b", name), 60);
    changed(folder, golden("tiny_a", "weights"), NULL);
    changed(folder, golden("tiny_a", "text_image"), NULL);
    passes_in("tiny_a", name, changed(folder, golden("tiny_a", name), &cut), 2);
    /* All forty: the losses apart, every stage agrees, the weights' norms at the end among them. */
    const char *const *levels;
    const size_t n = testing_levels(&levels);
    for (size_t level = 0; level < n; level++) {
        omn_error err = OMN_ERROR_INIT;
        seen s = { 0 };
        const omn_status st = verify(levels[level], golden("tiny_a", name), &s, &err);
        ck_assert_msg(st == OMN_OK || st == OMN_ERR_FAILED, "%s", err.text);
        ck_assert_uint_ge(s.rows, 60);
        ck_assert_msg(!s.wrong || (s.wrong == 1 && !strncmp(s.first, "losses:", 7)), "%s: %s",
                      levels[level], s.first);
    }
}

/* With all inputs and targets Adafactor is no calmer: two of our own paths are 3e-3 apart by step
 * 27, from 1e-7 at first. */
#define SEVERAL_ADAFACTOR 20

START_TEST(training_of_several_targets)
{
    const change cut = { .steps = SEVERAL_ADAFACTOR };
    const char *folder = testing_folder();
    passes_in("tiny_a", "train_adamw", golden("tiny_a", "train_adamw"), 100);
    changed(folder, golden("tiny_a", "weights"), NULL);
    changed(folder, golden("tiny_a", "all_modalities"), NULL);
    passes_in("tiny_a", "train_adafactor",
              changed(folder, golden("tiny_a", "train_adafactor"), &cut), 2);
}
END_TEST

START_TEST(forty_steps_of_adamw)
{
    passes("text_image_train_adamw", 60);
}
END_TEST

START_TEST(forty_steps_of_adafactor)
{
    forty_steps("text_image_train_adafactor", TINY_A_ADAFACTOR);
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
    changed(folder, golden("tiny_b", "weights"), w);
    changed(folder, golden("tiny_b", "text_image"), NULL);
    snprintf(file, sizeof file, "%s", changed(folder, golden("tiny_b", name), g));
    const omn_status st = verify("avx2", file, &s, &err);
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
          { .tensor = "out.losses", .element = 39, .times = 1.002 } },
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
        ck_assert_int_eq(verify("avx512", testing_source(path), &s, &err), OMN_ERR_UNSUPPORTED);
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
