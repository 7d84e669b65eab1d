/* SPDX-License-Identifier: Apache-2.0 */
/* Activation checkpointing in a training, on the kernels of this processor. */
#include "tests/train/tiny.h"

#include "libcore/train/trainer.h"
#include "tests/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(omn_status st, const omn_error *err)
{
    ck_assert_msg(st == OMN_OK, "%s", err->text);
}

/* The tiny model with six layers in encoder and decoder. */
static const char *deep_folder(void)
{
    const char *folder = tiny_folder(testing_folder());
    char path[512], *config = NULL;
    size_t n = 0;
    omn_error err = OMN_ERROR_INIT;
    snprintf(path, sizeof(path), "%s/config.json", folder);
    must(omn_file_read(path, 1 << 20, &config, &n, &err), &err);
    for (int i = 0; i < 2; i++) {
        static const char *const keys[] = { "\"num_encoder_layers\": ",
                                            "\"num_decoder_layers\": " };
        char *at = strstr(config, keys[i]);
        ck_assert_ptr_nonnull(at);
        at[strlen(keys[i])] = '6';
    }
    testing_write(folder, "config.json", config, n);
    free(config);
    return folder;
}

/* What is made again in the backward pass has the same bits, so has all that is learnt. */
START_TEST(blocks_that_are_made_again_change_no_bit)
{
    const char *model = deep_folder();
    for (int bf16 = 0; bf16 < 2; bf16++) {
        tiny k[2];
        uint64_t room[2];
        for (int again = 0; again < 2; again++) {
            omn_train_setup s = tiny_setup(OMN_ADAMW);
            s.precision = bf16 ? OMN_PRECISION_BF16 : OMN_PRECISION_F32;
            s.recompute = again;
            tiny_open(&k[again], model, 2, &s);
            tiny_steps(&k[again], 3);
            room[again] = omn_graph_workspace(k[again].t->outputs[0].graph);
        }
        ck_assert_uint_lt(room[1], room[0] * 2 / 3);
        const size_t n = omn_store_count(k[0].store);
        ck_assert_uint_eq(n, omn_store_count(k[1].store));
        for (size_t i = 0; i < n; i++) {
            const uint64_t bytes = omn_store_tensor(k[0].store, i).bytes;
            ck_assert_msg(!memcmp(omn_store_data(k[0].store, i), omn_store_data(k[1].store, i),
                                  bytes), "%s differs",
                          omn_store_name(k[0].store, i));
        }
        tiny_close(&k[0]);
        tiny_close(&k[1]);
    }
}
END_TEST

int main(void)
{
    const TTest *const all[] = { blocks_that_are_made_again_change_no_bit };
    return TESTING_RUN("train/again", all, 120);
}
