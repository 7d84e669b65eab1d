/* SPDX-License-Identifier: Apache-2.0 */
/* What batch norms measure while a model with a residual network learns: after a step the running
 * mean and variance of the first norm are nine tenths of what they were and a tenth of what the
 * batch's convolution has, computed here in double; those that are frozen stay, and are what the
 * norms then work with; and they travel with checkpoints and with what is exported. */
#include "tests/train/tiny.h"

#include "libcore/train/trainer.h"
#include "tests/testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIDE 32
#define STEM 4
#define WINDOW 7
#define MEAN "encoder.embed_images.bn1.running_mean"
#define VAR "encoder.embed_images.bn1.running_var"
#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

static const char config[] =
    "{\"omnio\": {\"model\": \"ofa\", \"codes\": 32, \"bins\": 30, \"image_size\": 32, "
    "\"resnet\": {\"blocks\": [1, 1, 1], \"planes\": [4, 4, 4], \"stem\": 4}}, "
    "\"vocab_size\": 476, \"arch\": \"ofa_tiny\", \"encoder_embed_dim\": 16, "
    "\"encoder_attention_heads\": 2, \"decoder_attention_heads\": 2, \"encoder_layers\": 1, "
    "\"decoder_layers\": 1, \"encoder_ffn_embed_dim\": 16, \"decoder_ffn_embed_dim\": 16}";

static omn_status page(void *user, omn_call *c, uint64_t index, uint64_t step, omn_arena *a,
                       omn_page *out, omn_error *err)
{
    static const char *const says[] = { " red", " green" };
    omn_named about = { "image", NULL };
    const int colour = (int)(index % 2);
    (void)user;
    (void)step;
    const omn_status st = tiny_picture(c, colour, 0, &about.value, err);
    if (st != OMN_OK) return st;
    return tiny_lesson(out, a, " what?", says[colour], &about,
                       (omn_lesson){ .weight = 1, .end_weight = 1, .modality = "words" }, err);
}

static omn_train_setup setup(void)
{
    omn_train_setup s = tiny_setup(OMN_ADAMW);
    s.aux = s.aux_last = s.soft_sigma = 0;
    s.aux_groups = s.aux_edges = 0;
    s.batch = 3;
    s.page = page;
    return s;
}

static const char *folder(void)
{
    const char *to = testing_folder();
    testing_copy("tests/golden/ofa/tiny_a.bpe/vocab.bpe", to, "vocab.bpe");
    testing_copy("tests/golden/ofa/tiny_a.bpe/encoder.json", to, "encoder.json");
    testing_copy("tests/golden/ofa/tiny_a.bpe/dict.txt", to, "dict.txt");
    testing_write(to, "config.json", config, sizeof config - 1);
    return to;
}

static float *weight(const tiny *k, const char *name)
{
    const long at = omn_store_find(k->store, name);
    ck_assert_msg(at >= 0, "no weight %s", name);
    return omn_store_data(k->store, (size_t)at);
}

/* One channel of the stem's convolution over the batch that was fed: mean and unbiased variance. */
static void measure(const tiny *k, const float *w, int channel, double *mean, double *var)
{
    const omn_tensor *t = omn_feed_get(k->t->feed, "image.pixels");
    const int rows = (int)k->t->setup.batch, out = SIDE / 2, n = rows * out * out;
    double sum = 0, squares = 0;
    ck_assert(t && t->type == OMN_F32 && t->bytes == (size_t)rows * SIDE * SIDE * 3 * 4);
    const float *x = t->data;
    for (int i = 0; i < n; i++) {
        const int b = i / (out * out), y = i / out % out, c = i % out;
        double v = 0;
        for (int q = 0; q < 3 * WINDOW * WINDOW; q++) {
            const int in = q / (WINDOW * WINDOW), p = q % (WINDOW * WINDOW);
            const int r = 2 * y + p / WINDOW - WINDOW / 2, s = 2 * c + p % WINDOW - WINDOW / 2;
            if (r < 0 || s < 0 || r >= SIDE || s >= SIDE) continue;
            v += (double)x[((b * SIDE + r) * SIDE + s) * 3 + in] *
                 (double)w[channel * 3 * WINDOW * WINDOW + q];
        }
        sum += v;
        squares += v * v;
    }
    *mean = sum / n;
    *var = (squares - sum * sum / n) / (n - 1);
}

/* f32 sums over 768 places: within 1e-5 of their size. */
START_TEST(running_statistics_learn_from_the_batch)
{
    const omn_train_setup s = setup();
    float before[STEM * 3 * WINDOW * WINDOW], mean[STEM] = { 0 }, var[STEM] = { 1, 1, 1, 1 };
    tiny k;
    tiny_open(&k, folder(), 1, &s);
    for (int step = 0; step < 2; step++) {
        memcpy(before, weight(&k, "encoder.embed_images.conv1.weight"), sizeof before);
        tiny_steps(&k, 1);
        for (int i = 0; i < STEM; i++) {
            double m, v;
            measure(&k, before, i, &m, &v);
            ck_assert_double_gt(v, 1e-3);
            const double want[2] = { 0.9 * (double)mean[i] + 0.1 * m,
                                     0.9 * (double)var[i] + 0.1 * v };
            const double have[2] = { (double)weight(&k, MEAN)[i], (double)weight(&k, VAR)[i] };
            for (int q = 0; q < 2; q++)
                ck_assert_msg(fabs(have[q] - want[q]) < 1e-5 * (1 + fabs(want[q])),
                              "step %d, channel %d: %s %.8g, %.8g is wanted", step, i,
                              q ? "variance" : "mean", have[q], want[q]);
            mean[i] = (float)have[0];
            var[i] = (float)have[1];
        }
    }
    tiny_close(&k);
}
END_TEST

START_TEST(they_travel_with_checkpoints_and_models)
{
    const omn_train_setup s = setup();
    const char *from = folder(), *to = testing_folder();
    omn_error err = OMN_ERROR_INIT;
    char file[512], model[512];
    omn_weights *w = NULL;
    tiny k, again;
    snprintf(file, sizeof file, "%s/checkpoint.safetensors", to);
    snprintf(model, sizeof model, "%s/model.safetensors", to);
    tiny_open(&k, from, 1, &s);
    tiny_steps(&k, 2);
    WORKS(omn_trainer_save(k.t, file, &err));
    WORKS(omn_trainer_export(k.t, model, OMN_F32, &err));
    tiny_open(&again, from, 2, &s);
    WORKS(omn_trainer_load(again.t, file, &err));
    tiny_speaks(k.model);
    tiny_steps(&k, 1);
    tiny_speaks(again.model);
    tiny_steps(&again, 1);
    ck_assert_mem_eq(weight(&k, VAR), weight(&again, VAR), STEM * sizeof(float));
    ck_assert_mem_eq(weight(&k, MEAN), weight(&again, MEAN), STEM * sizeof(float));
    WORKS(omn_weights_open(model, &w, &err));
    const omn_tensor *t = omn_weights_get(w, MEAN);
    ck_assert(t && t->bytes == STEM * sizeof(float));
    ck_assert_float_ne(*(const float *)t->data, 0);
    ck_assert(trainer_moves(k.t, MEAN) && !trainer_learns(k.t, MEAN));
    omn_weights_close(w);
    tiny_close(&again);
    tiny_close(&k);
}
END_TEST

/* Frozen ones stay to the bit, and the norms work with them: the first loss is another one than
 * with the batch's. */
START_TEST(frozen_ones_stay_and_are_used)
{
    static const char *const frozen[] = { "encoder.embed_images.**" };
    omn_train_setup s = setup();
    double loss[2];
    tiny k;
    for (int i = 0; i < 2; i++) {
        s.frozen = frozen;
        s.n_frozen = (size_t)i;
        tiny_open(&k, folder(), 1, &s);
        loss[i] = tiny_steps(&k, 1).loss;
        tiny_steps(&k, 1);
        ck_assert_int_eq(i, weight(&k, MEAN)[0] == 0 && weight(&k, VAR)[0] == 1);
        ck_assert_int_eq(i, !trainer_moves(k.t, MEAN));
        tiny_close(&k);
    }
    ck_assert_double_gt(fabs(loss[0] - loss[1]), 1e-4);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        running_statistics_learn_from_the_batch,
        they_travel_with_checkpoints_and_models,
        frozen_ones_stay_and_are_used,
    };
    return TESTING_RUN("train/statistics", all, 30);
}
