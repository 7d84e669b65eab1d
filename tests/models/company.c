/* SPDX-License-Identifier: Apache-2.0 */
/* The model that ships says the same in any company: the logits of every step of a request in a
 * batch have the bits that they have when it is asked alone, in any slot, beside prompts of any
 * length, with any number of threads. Logits are seen where the library reads them: this program's
 * omn_exec_output stands in front of the library's. */
#include "tests/generate/toy.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 128, REQUESTS = 6 };

/* What was read since the last clear. */
typedef struct heard {
    float *data;
    size_t n, rows;
} heard;
static heard steps[STEPS];
static size_t n_steps;

static void clear(void)
{
    while (n_steps > 0) free(steps[--n_steps].data);
}

/* The steps heard so far, which the caller frees. */
static size_t take(heard *to)
{
    const size_t n = n_steps;
    memcpy(to, steps, n * sizeof *to);
    n_steps = 0;
    return n;
}

omn_status omn_exec_output(omn_exec *x, omn_graph *g, const char *name, omn_tensor *out,
                           omn_error *err)
{
    typedef omn_status reading(omn_exec *, omn_graph *, const char *, omn_tensor *, omn_error *);
    reading *next;
    void *found = dlsym(RTLD_NEXT, "omn_exec_output");
    memcpy(&next, &found, sizeof next);
    const omn_status st = next(x, g, name, out, err);
    if (st == OMN_OK && !strncmp(name, "logits.", 7) && n_steps < STEPS) {
        heard *h = &steps[n_steps++];
        *h = (heard){ malloc(out->bytes), out->bytes / sizeof(float), (size_t)out->shape.dim[0] };
        ck_assert(h->data != NULL);
        memcpy(h->data, out->data, out->bytes);
    }
    return st;
}

/* How many pictures the last batch gave to their encoder. */
static int64_t pictures_encoded;

omn_status omn_feed_new(omn_feed *f, const char *name, omn_type type, omn_shape shape, void **data,
                        omn_error *err)
{
    typedef omn_status making(omn_feed *, const char *, omn_type, omn_shape, void **, omn_error *);
    making *next;
    void *found = dlsym(RTLD_NEXT, "omn_feed_new");
    memcpy(&next, &found, sizeof next);
    if (!strcmp(name, "image.pixels")) pictures_encoded = shape.dim[0];
    return next(f, name, type, shape, data, err);
}

static const char *const prompts[REQUESTS] = {
    "cube?",
    "what colour is the large matte sphere to the left of the cone?",
    "how many red things are there?",
    "is there a cylinder?",
    "a",
    "which shape has the thing that is behind the small green metal cube and in front of the ball?",
};

/* Slots of a batch of n hold requests who[0..n); each is compared with asking it alone. encoded:
 * how many pictures of the batch go through their encoder. */
static void compare(toy *t, const int *who, size_t n, omn_value *const *pictures, int64_t encoded)
{
    omn_error err = OMN_ERROR_INIT;
    omn_request rq[REQUESTS];
    omn_named in[REQUESTS];
    omn_result out[REQUESTS];
    heard batch[STEPS];
    for (size_t i = 0; i < n; i++) {
        in[i] = (omn_named){ "image", pictures[who[i]] };
        rq[i] = (omn_request){ OMN_FILL(omn_request), .prompt = prompts[who[i]], .max_tokens = 12,
                               .inputs = &in[i], .n_inputs = 1 };
        out[i] = (omn_result){ OMN_FILL(omn_result) };
    }
    clear();
    ck_assert_msg(omn_generate_batch(t->runner, rq, n, out, &err) == OMN_OK, "%s", err.text);
    const size_t n_batch = take(batch);
    ck_assert_int_eq(pictures_encoded, encoded);
    ck_assert_uint_gt(n_batch, 0);
    for (size_t i = 0; i < n; i++) {
        omn_result one = { OMN_FILL(omn_result) };
        clear();
        toy_answer(t, &rq[i], &one);
        ck_assert_uint_gt(n_steps, 0);
        ck_assert_uint_le(n_steps, n_batch);
        for (size_t s = 0; s < n_steps; s++) {
            ck_assert_uint_eq(steps[s].rows, 1);
            ck_assert_uint_eq(batch[s].rows, n);
            ck_assert_uint_eq(batch[s].n, n * steps[s].n);
            ck_assert_msg(!memcmp(batch[s].data + i * steps[s].n, steps[s].data,
                                  steps[s].n * sizeof(float)),
                          "step %zu of \"%s\" in slot %zu of %zu is not what it is alone", s,
                          rq[i].prompt, i, n);
        }
        omn_result_fini(&one);
        omn_result_fini(&out[i]);
    }
    for (size_t s = 0; s < n_batch; s++) free(batch[s].data);
    clear();
}

START_TEST(a_request_has_the_same_logits_alone_and_in_a_batch)
{
    static const int slots[][REQUESTS] = { { 1, 0 }, { 3, 5, 0, 2, 1, 4 }, { 0, 1, 2, 3, 4, 5 } };
    static const size_t sizes[] = { 2, 6, 5 };
    static const uint32_t threads[] = { 1, 3 };
    for (size_t i = 0; i < 2; i++) {
        toy t;
        omn_value *pictures[REQUESTS];
        toy_open(&t, testing_source("models/nano"), threads[i]);
        for (uint32_t k = 0; k < REQUESTS; k++) pictures[k] = toy_picture(&t, 90 + 8 * k, 128, k);
        for (size_t b = 0; b < 3; b++)
            compare(&t, slots[b], sizes[b], pictures, (int64_t)sizes[b]);
        for (size_t k = 0; k < REQUESTS; k++) omn_value_unref(pictures[k]);
        toy_close(&t);
    }
}
END_TEST

/* Pictures that are equal, whether they are one value or several, are encoded once, in a number
 * that is a power of two or that of the rows. */
START_TEST(equal_pictures_are_encoded_once)
{
    static const int slots[][REQUESTS] = {
        { 0, 2 }, { 1, 0 }, { 0, 1, 2, 3, 4 }, { 5, 3, 1, 4, 0, 2 }
    };
    static const size_t sizes[] = { 2, 2, 5, 6 };
    static const int64_t encoded[] = { 1, 2, 2, 4 };
    static const uint32_t of[REQUESTS] = { 0, 1, 0, 0, 1, 2 };
    toy t;
    omn_value *pictures[REQUESTS];
    toy_open(&t, testing_source("models/nano"), 2);
    for (uint32_t k = 0; k < REQUESTS; k++)
        pictures[k] = k == 2 ? omn_value_ref(pictures[0])
                             : toy_picture(&t, 90 + 8 * of[k], 128, of[k]);
    for (size_t b = 0; b < 4; b++) compare(&t, slots[b], sizes[b], pictures, encoded[b]);
    for (size_t k = 0; k < REQUESTS; k++) omn_value_unref(pictures[k]);
    toy_close(&t);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        a_request_has_the_same_logits_alone_and_in_a_batch,
        equal_pictures_are_encoded_once,
    };
    return TESTING_RUN("models/company", all, 120); /* a model of real size, under sanitizers too */
}
