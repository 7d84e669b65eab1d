/* SPDX-License-Identifier: Apache-2.0 */
/* Golden cases of the encode and step graphs: greedy decoding over cached states, and the scores of
 * options, both through the functions that requests use; and the choice of a case's kind. */
#include "verify.h"

#include "runner.h"

#include <stdlib.h>
#include <string.h>

#define MOST_STEPS    65536
#define CAPACITY_STEP 16

typedef struct decoding {
    omn_model *model;
    omn_runner *runner;
    omn_feed *feed, *made;
    encoded memory;
    int64_t rows;
} decoding;

static bool find(void *user, const char *stage, omn_tensor *out)
{
    const omn_tensor *t = omn_feed_get(((const decoding *)user)->made, stage);
    if (t) *out = *t;
    return t != NULL;
}

static void end(decoding *d)
{
    omn_feed_free(d->made);
    omn_feed_free(d->feed);
    omn_runner_free(d->runner);
    omn_model_close(d->model);
}

/* Inputs into the states of a fresh runner. */
static omn_status begin(decoding *d, verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    verify_sizes z;
    omn_graph *g = NULL;
    omn_tensor memory;
    OMN_TRY(verify_model(v, NULL, &d->model, err));
    OMN_TRY(omn_runner_new(d->model, &d->runner, err));
    OMN_TRY(omn_feed_make(&d->feed, err));
    OMN_TRY(omn_feed_make(&d->made, err));
    OMN_TRY(verify_feed(v, false, d->feed, &z, err));
    const omn_graph_sizes sizes = {
        OMN_FILL(omn_graph_sizes), .phase = OMN_ENCODE,  .rows = z.rows,
        .roles = z.roles,          .lengths = z.lengths, .n_roles = z.n_roles
    };
    OMN_TRY(omn_model_graph(d->model, &sizes, &g, err));
    OMN_TRY(omn_exec_run(d->runner->exec, g, d->feed, v->call, err));
    OMN_TRY(omn_exec_output(d->runner->exec, g, "memory", &memory, err));
    d->rows = z.rows;
    d->memory = (encoded){ .rows = memory.shape.dim[0], .length = memory.shape.dim[1] };
done:
    return st;
}

/* Every row writes its likeliest tokens, whatever they are; the end token stops nothing. */
static omn_status greedy(decoding *d, verify *v, int64_t steps, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_vocab *vocab = omn_part_vocabulary(omn_model_decoder(d->model, "text"));
    const int64_t B = d->rows, V = vocab->rows;
    const int64_t capacity = (steps + CAPACITY_STEP - 1) / CAPACITY_STEP * CAPACITY_STEP;
    void *tokens = NULL, *all = NULL;
    omn_tensor logits;
    int32_t *ids = calloc((size_t)B, sizeof *ids), *rows = calloc((size_t)B, sizeof *rows);
    float *one = calloc((size_t)V, sizeof *one);
    if (!ids || !rows || !one) {
        st = omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", v->name);
        goto done;
    }
    OMN_TRY(omn_feed_new(d->made, "tokens", OMN_I32, omn_dim2(B, steps + 1), &tokens, err));
    OMN_TRY(omn_feed_new(d->made, "step_logits", OMN_F32, omn_dim3(B, steps, V), &all, err));
    for (int64_t b = 0; b < B; b++) {
        rows[b] = (int32_t)b;
        ids[b] = ((int32_t *)tokens)[b * (steps + 1)] = vocab->start;
    }
    for (int64_t t = 0; t < steps; t++) {
        OMN_TRY(runner_step(d->runner, v->call, &d->memory, "text", B, 1, capacity, ids, (int32_t)t,
                            rows, &logits, err));
        for (int64_t b = 0; b < B; b++) {
            memcpy(one, (const float *)logits.data + b * V, (size_t)V * sizeof *one);
            memcpy((float *)all + (b * steps + t) * V, one, (size_t)V * sizeof *one);
            ids[b] = omn_sample(one, (size_t)V, 0, 0, 0, 0);
            ((int32_t *)tokens)[b * (steps + 1) + t + 1] = ids[b];
        }
    }
done:
    free(one);
    free(rows);
    free(ids);
    return st;
}

omn_status verify_generation(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    decoding d = { 0 };
    const char *modality = omn_weights_meta(v->golden, "modality");
    const omn_tensor *want = omn_weights_get(v->golden, "out.step_logits");
    if (!modality || strcmp(modality, "text") || omn_weights_meta(v->golden, "guidance_scale")) {
        st = omn_fail(err, OMN_ERR_UNSUPPORTED,
                      "%s: not supported, no part of this build writes %s%s", v->name,
                      modality ? modality : "pictures",
                      omn_weights_meta(v->golden, "guidance_scale") ? " with guidance" : "");
        goto done;
    }
    if (want->shape.rank != 3 || want->shape.dim[1] < 1 || want->shape.dim[1] > MOST_STEPS) {
        st = omn_fail(err, OMN_ERR_DATA, "%s: step_logits wants [rows, steps, ids]", v->name);
        goto done;
    }
    OMN_TRY(begin(&d, v, err));
    OMN_TRY(greedy(&d, v, want->shape.dim[1], err));
    OMN_TRY(verify_compare(v, find, &d, err));
done:
    end(&d);
    return st;
}

/* Both kinds of score and the best option. */
static omn_status score(decoding *d, verify *v, const omn_tensor *options, omn_error *err)
{
    omn_status st = OMN_OK;
    const size_t n = (size_t)options->shape.dim[0], L = (size_t)options->shape.dim[1];
    void *out[3] = { 0 };
    int32_t best = 0;
    int32_t *ids = malloc(options->bytes);
    size_t *lengths = calloc(n, sizeof *lengths);
    double *sums = calloc(n, sizeof *sums);
    if (!ids || !lengths || !sums) {
        st = omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", v->name);
        goto done;
    }
    memcpy(ids, options->data, options->bytes);
    for (size_t i = 0; i < n; i++) {
        while (lengths[i] < L && ids[i * L + lengths[i]] > 0) lengths[i]++;
        if (!lengths[i]) {
            st = omn_fail(err, OMN_ERR_DATA, "%s: option %zu has no tokens", v->name, i);
            goto done;
        }
    }
    OMN_TRY(runner_score_ids(d->runner, v->call, &d->memory, "text", 0, ids, lengths, n, L, true,
                             sums, err));
    OMN_TRY(omn_feed_new(d->made, "scores_sum", OMN_F32, omn_dim1((int64_t)n), &out[0], err));
    OMN_TRY(omn_feed_new(d->made, "scores_average", OMN_F32, omn_dim1((int64_t)n), &out[1], err));
    OMN_TRY(omn_feed_new(d->made, "best", OMN_I32, omn_dim1(1), &out[2], err));
    for (size_t i = 0; i < n; i++) ((float *)out[0])[i] = (float)sums[i];
    OMN_TRY(runner_score_ids(d->runner, v->call, &d->memory, "text", 0, ids, lengths, n, L, false,
                             sums, err));
    for (size_t i = 0; i < n; i++) {
        ((float *)out[1])[i] = (float)sums[i];
        if (sums[i] < sums[best]) best = (int32_t)i;
    }
    *(int32_t *)out[2] = best;
done:
    free(sums);
    free(lengths);
    free(ids);
    return st;
}

omn_status verify_scores(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    decoding d = { 0 };
    const omn_tensor *options;
    OMN_TRY(verify_input(v, "in.options", OMN_I32, 2, &options, err));
    OMN_TRY(begin(&d, v, err));
    OMN_TRY(score(&d, v, options, err));
    OMN_TRY(verify_compare(v, find, &d, err));
done:
    end(&d);
    return st;
}

/* What a file holds tells what to run. */
omn_status verify_case(omn_context *ctx, const char *file, verify_row_fn *on_row, void *user,
                       verify_train_fn *train, omn_error *err)
{
    omn_status st = OMN_OK;
    verify *v = NULL;
    bool gradients = false;
    OMN_TRY(verify_open(ctx, file, on_row, user, &v, err));
    for (size_t i = 0; i < omn_weights_count(v->golden); i++)
        gradients = gradients || !strncmp(omn_weights_name(v->golden, i), "grad.", 5);
    if (omn_weights_get(v->golden, "out.losses"))
        st = train(v, err);
    else if (gradients)
        st = verify_gradients(v, err);
    else if (omn_weights_get(v->golden, "out.step_logits"))
        st = verify_generation(v, err);
    else if (omn_weights_get(v->golden, "in.options"))
        st = verify_scores(v, err);
    else
        st = verify_stages(v, err);
done:
    verify_close(v);
    return st;
}
