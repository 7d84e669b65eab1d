/* SPDX-License-Identifier: Apache-2.0 */
/* Random weights for a folder that has none are those that a training from nothing begins with: the
 * same bits in f32, rounded in the other forms; in blocks the errors are those of the form. */
#include "tests/train/tiny.h"

#include "tests/testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static omn_status fill(tiny *k, const char *folder, omn_type form, bool overwrite, omn_seeded *out,
                       omn_error *err)
{
    const omn_seed_setup how = { OMN_FILL(omn_seed_setup), .seed = 11, .form = form,
                                 .overwrite = overwrite };
    *out = (omn_seeded){ OMN_FILL(omn_seeded) };
    *err = (omn_error)OMN_ERROR_INIT;
    return omn_model_seed(k->ctx, k->call, folder, &how, out, err);
}

/* Largest difference from the training's own, over the deviation of the tensor. */
static double compare(tiny *k, const char *folder, omn_type form, size_t *blocks)
{
    omn_error err = OMN_ERROR_INIT;
    omn_weights *w = NULL;
    double most = 0;
    size_t found = 0;
    ck_assert_msg(omn_weights_load(k->ctx, folder, NULL, &w, &err) == OMN_OK, "%s", err.text);
    *blocks = 0;
    for (size_t i = 0; i < omn_store_count(k->store); i++) {
        const char *name = omn_store_name(k->store, i);
        const omn_tensor own = omn_store_tensor(k->store, i), *t = omn_weights_get(w, name);
        if (!t) {                         /* the head of the auxiliary loss is no part of a model */
            ck_assert_msg(!strncmp(name, "aux.", 4), "%s is not in the file", name);
            continue;
        }
        size_t n = 0;
        const float *x = own.data;
        ck_assert(omn_shape_count(&own.shape, &n) && omn_shape_equal(&own.shape, &t->shape));
        found++;
        *blocks += omn_type_get(t->type)->block > 0;
        if (form == OMN_F32) {
            ck_assert_msg(!memcmp(x, t->data, t->bytes), "%s differs", name);
            continue;
        }
        float *y = malloc(n * sizeof *y);
        double square = 0, off = 0;
        ck_assert(y && omn_to_f32(t->type, t->data, n, y));
        for (size_t e = 0; e < n; e++) {
            square += (double)x[e] * (double)x[e];
            off = fmax(off, fabs((double)x[e] - (double)y[e]));
        }
        if (square > 0) most = fmax(most, off / sqrt(square / (double)n));
        free(y);
    }
    ck_assert_uint_eq(found, omn_weights_count(w));
    omn_weights_close(w);
    return most;
}

/* A normal number lies below 5.5 deviations in tensors of this size: bf16 keeps 8 bits of it, q8_0
 * 1/254 of the largest of 32, q4_0 an eighth of it, half a step to one side and a whole one where
 * the other sign would need the ninth. */
START_TEST(weights_are_those_of_a_training)
{
    static const struct { omn_type form; double most; } all[] = {
        { OMN_F32, 0 }, { OMN_BF16, 5.5 / 256 }, { OMN_Q8_0, 5.5 / 200 }, { OMN_Q4_0, 5.5 / 7 },
    };
    const char *folder = tiny_folder(testing_folder());
    omn_train_setup s = tiny_setup(OMN_ADAMW);
    omn_seeded done;
    omn_error err;
    tiny k;
    size_t blocks = 0;
    tiny_open(&k, folder, 2, &s);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        ck_assert_msg(fill(&k, folder, all[i].form, i > 0, &done, &err) == OMN_OK, "%s", err.text);
        const double off = compare(&k, folder, all[i].form, &blocks);
        ck_assert_uint_eq(done.formed, blocks);
        ck_assert(omn_type_get(all[i].form)->block ? blocks > 10 : blocks == 0);
        ck_assert_double_le(off, all[i].most);
        if (all[i].most > 0) ck_assert_double_gt(off, all[i].most / 20);
    }
    tiny_close(&k);
}
END_TEST

START_TEST(what_is_there_stays)
{
    const char *folder = tiny_folder(testing_folder());
    omn_train_setup s = tiny_setup(OMN_ADAMW);
    omn_seeded done;
    omn_error err;
    tiny k;
    tiny_open(&k, folder, 2, &s);
    ck_assert_msg(fill(&k, folder, OMN_TYPE_NONE, false, &done, &err) == OMN_OK, "%s", err.text);
    ck_assert_int_eq(fill(&k, folder, OMN_TYPE_NONE, false, &done, &err), OMN_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.text, "has weights"));
    ck_assert_int_eq(fill(&k, folder, OMN_I8, true, &done, &err), OMN_ERR_ARGUMENT);
    testing_write(folder, "model.safetensors.index.json", "{}", 2);
    ck_assert_int_eq(fill(&k, folder, OMN_TYPE_NONE, true, &done, &err), OMN_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.text, "index.json"));
    tiny_close(&k);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { weights_are_those_of_a_training, what_is_there_stays };
    return TESTING_RUN("train/fill", all, 60);
}
