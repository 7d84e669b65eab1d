/* SPDX-License-Identifier: Apache-2.0 */
/* Embeddings and class scores by name: of a model that writes as well, and of one that only
 * looks. */
#include "tests/generate/looker.h"
#include "tests/generate/toy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

static omn_value *one(omn_runner *r, const char *prompt, const char *name, omn_embed_rows rows)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    const omn_embed_request rq = { OMN_FILL(omn_embed_request), .prompt = prompt, .name = name,
                                   .rows = rows };
    WORKS(omn_embed(r, &rq, 1, &v, &err));
    ck_assert(omn_value_is(v, "embeddings"));
    return v;
}

START_TEST(the_mean_of_what_a_writer_remembers)
{
    toy t;
    omn_error err = OMN_ERROR_INIT;
    const char *folder = testing_folder();
    toy_write(folder, 21);
    toy_open(&t, folder, 2);
    omn_value *all = one(t.runner, "a red cube", "embedding.memory", OMN_EMBED_TOKENS);
    omn_value *mean = one(t.runner, "a red cube", NULL, OMN_EMBED_MEAN);
    const omn_tensor *x = omn_value_tensor(all), *m = omn_value_tensor(mean);
    const int64_t n = x->shape.dim[0], D = x->shape.dim[1];
    int32_t ids[64];
    size_t count = 0;
    char whole[128];
    snprintf(whole, sizeof whole, "%sa red cube", omn_model_prefix(t.model, "text"));
    WORKS(omn_model_tokens(t.model, whole, ids, 63, &count, &err));
    ck_assert_int_eq(n, (int64_t)count + 1);     /* the end token stands there too, padding not */
    ck_assert_int_eq(m->shape.dim[0], 1);
    for (int64_t d = 0; d < D; d++) {
        double sum = 0;
        for (int64_t i = 0; i < n; i++) sum += (double)((const float *)x->data)[i * D + d];
        ck_assert_double_eq_tol((double)((const float *)m->data)[d], sum / (double)n, 1e-5);
    }
    /* in a batch with a longer text it is the same */
    const omn_embed_request two[2] = {
        { OMN_FILL(omn_embed_request), .prompt = "a red cube" },
        { OMN_FILL(omn_embed_request), .prompt = "a much longer text about many small blue balls" },
    };
    omn_value *both[2] = { NULL };
    WORKS(omn_embed(t.runner, two, 2, both, &err));
    for (int64_t d = 0; d < D; d++)
        ck_assert_double_eq_tol((double)((const float *)omn_value_tensor(both[0])->data)[d],
                                (double)((const float *)m->data)[d], 1e-5);
    const omn_embed_request no = { OMN_FILL(omn_embed_request), .prompt = "a",
                                   .name = "class.mood" };
    omn_value *none = NULL;
    ck_assert_int_eq(omn_embed(t.runner, &no, 1, &none, &err), OMN_ERR_MISSING);
    ck_assert_ptr_nonnull(strstr(err.text, "embedding.memory"));
    ck_assert_ptr_null(none);
    for (int i = 0; i < 2; i++) omn_value_unref(both[i]);
    omn_value_unref(all);
    omn_value_unref(mean);
    toy_close(&t);
}
END_TEST

START_TEST(classes_of_a_model_that_only_looks)
{
    enum { WIDTH = LOOKER_WIDTH };
    const char *folder = testing_folder();
    omn_error err = OMN_ERROR_INIT;
    omn_model *m = NULL;
    omn_runner *r = NULL;
    float head[3 * WIDTH];
    looker_write(folder, head);
    omn_context *ctx = looker_context();
    WORKS(omn_model_open(ctx, folder, NULL, &m, &err));
    WORKS(omn_runner_new(m, &r, &err));
    omn_value *e = one(r, "a cube", NULL, OMN_EMBED_MEAN);
    omn_value *c = one(r, "a cube", "class.mood", OMN_EMBED_MEAN);
    const float *x = omn_value_tensor(e)->data, *y = omn_value_tensor(c)->data;
    ck_assert_int_eq(omn_value_tensor(c)->shape.dim[1], 3);
    double length = 0, far = 0;
    for (int i = 0; i < WIDTH; i++) length += (double)(x[i] * x[i]);
    ck_assert_double_eq_tol(length, 1, 1e-5);
    for (int k = 0; k < 3; k++) {        /* classes are the head of what was not yet normalised */
        double dot = 0;
        for (int i = 0; i < WIDTH; i++) dot += (double)(head[k * WIDTH + i] * x[i]);
        ck_assert(fabs(dot) < 1e-6 || fabs((double)y[k] / dot - (far ? far : (double)y[k] / dot)) <
                                          1e-3);
        far = (double)y[k] / dot;
    }
    const omn_request rq = { OMN_FILL(omn_request), .prompt = "a cube" };
    omn_result out = { OMN_FILL(omn_result) };
    ck_assert_int_ne(omn_generate(r, &rq, &out, &err), OMN_OK);
    ck_assert(err.text[0]);
    omn_value_unref(e);
    omn_value_unref(c);
    omn_runner_free(r);
    omn_model_close(m);
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        the_mean_of_what_a_writer_remembers,
        classes_of_a_model_that_only_looks,
    };
    return TESTING_RUN("generate/embed", all, 30); /* each opens a model of its own */
}
