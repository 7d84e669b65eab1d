/* SPDX-License-Identifier: Apache-2.0 */
/* What a model makes of its inputs without writing: embeddings and class scores, by name. A model
 * that has a vector for each token leaves the mean to this file. */
#include "runner.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool begins(const char *s, const char *with) { return !strncmp(s, with, strlen(with)); }

/* What a bundle offers, as a name that a user gives: tokens serve as an embedding. */
static bool offered(const char *output, char *name, size_t room)
{
    if (begins(output, "seg.")) return false;
    const char *dot = strchr(output, '.');
    if (!dot) return false;
    snprintf(name, room, "%s.%s", begins(output, "tokens.") ? "embedding" : "class", dot + 1);
    if (begins(output, "embedding.")) snprintf(name, room, "%s", output);
    return begins(output, "tokens.") || begins(output, "class.") || begins(output, "embedding.");
}

omn_status embed_find(const omn_graph *g, const char *wanted, const char **output, omn_error *err)
{
    const size_t n_all = omn_graph_outputs(g);
    char list[400] = "";
    *output = NULL;
    for (size_t i = 0; i < n_all; i++) {
        const char *at = omn_graph_output_name(g, i);
        char name[160];
        if (!offered(at, name, sizeof name)) continue;
        if (!*output && (!wanted || !strcmp(wanted, name))) *output = at;
        const size_t n = strlen(list);
        snprintf(list + n, sizeof list - n, "%s%s", n ? ", " : "", name);
    }
    if (*output) return OMN_OK;
    return omn_fail(err, OMN_ERR_MISSING, "this model has no \"%s\"%s%s",
                    wanted ? wanted : "embedding", list[0] ? "; it has " : "", list);
}

/* Row i of tokens [B,N,D]: those that stand for something, or their mean. */
static omn_status of_tokens(const omn_tensor *x, const omn_tensor *seg, size_t i,
                            omn_embed_rows how, omn_value **out, omn_error *err)
{
    const size_t N = (size_t)x->shape.dim[1], D = (size_t)x->shape.dim[2];
    const float *from = (const float *)x->data + i * N * D;
    const int32_t *mark = (const int32_t *)seg->data + i * N;
    size_t n = 0;
    float *rows = calloc(N ? N : 1, D * sizeof *rows);
    double *sum = calloc(D, sizeof *sum);
    omn_status st = OMN_OK;
    if (!rows || !sum) {
        st = omn_fail(err, OMN_ERR_MEMORY, "an embedding: out of memory");
        goto done;
    }
    for (size_t t = 0; t < N; t++) {
        if (!mark[t]) continue;
        memcpy(rows + n++ * D, from + t * D, D * sizeof *rows);
        for (size_t d = 0; d < D; d++) sum[d] += (double)from[t * D + d];
    }
    if (!n) {
        st = omn_fail(err, OMN_ERR_DATA, "an embedding of nothing: no token stands anywhere");
        goto done;
    }
    if (how == OMN_EMBED_MEAN) {
        for (size_t d = 0; d < D; d++) rows[d] = (float)(sum[d] / (double)n);
        n = 1;
    }
    st = omn_embeddings_new(rows, n, D, out, err);
done:
    free(rows);
    free(sum);
    return st;
}

static omn_status all_finite(const omn_runner *r, const omn_tensor *x, omn_error *err)
{
    for (size_t i = 0; i < x->bytes / sizeof(float); i++)
        if (!isfinite(((const float *)x->data)[i]))
            return omn_fail(err, OMN_ERR_DATA,
                            "the embeddings of the model %s are no numbers: its weights are "
                            "damaged, or do not belong to its configuration",
                            omn_model_path(r->model));
    return OMN_OK;
}

static omn_status take(omn_runner *r, omn_graph *g, const omn_embed_request *rq, size_t n,
                       omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    const char *name = NULL;
    char seg_name[160];
    omn_tensor x, seg;
    OMN_TRY(embed_find(g, rq->name, &name, err));
    const bool tokens = begins(name, "tokens.");
    OMN_TRY(omn_exec_output(r->exec, g, name, &x, err));
    snprintf(seg_name, sizeof seg_name, "seg.%s", strchr(name, '.') + 1);
    if (tokens) OMN_TRY(omn_exec_output(r->exec, g, seg_name, &seg, err));
    if (x.type != OMN_F32 || x.shape.rank != (tokens ? 3 : 2) || x.shape.dim[0] != (int64_t)n ||
        (tokens && (seg.type != OMN_I32 ||
                    seg.bytes / sizeof(int32_t) != (size_t)(x.shape.dim[0] * x.shape.dim[1])))) {
        st = omn_fail(err, OMN_ERR_SHAPE, "the model's \"%s\" has another shape than it should",
                      name);
        goto done;
    }
    OMN_TRY(all_finite(r, &x, err));
    for (size_t i = 0; i < n; i++) {
        const size_t D = (size_t)x.shape.dim[tokens ? 2 : 1];
        if (tokens) OMN_TRY(of_tokens(&x, &seg, i, rq->rows, &out[i], err));
        else OMN_TRY(omn_embeddings_new((const float *)x.data + i * D, 1, D, &out[i], err));
    }
done:
    return st;
}

omn_status omn_embed(omn_runner *r, const omn_embed_request *rq, size_t n, omn_value **out,
                     omn_error *err)
{
    omn_status st = OMN_OK;
    omn_call *c = NULL;
    omn_graph *g = NULL;
    encoded e = { 0 };
    if (!n || n > MOST_ROWS)
        return omn_fail(err, OMN_ERR_ARGUMENT, "a batch has 1 to %d requests, not %zu", MOST_ROWS,
                        n);
    for (size_t i = 0; i < n; i++) out[i] = NULL;
    omn_arena *a = omn_arena_new(0);
    omn_request *own = a ? omn_arena_alloc(a, n, sizeof *own) : NULL;
    const omn_request **all = a ? omn_arena_alloc(a, n, sizeof(omn_request *)) : NULL;
    omn_result *seen = a ? omn_arena_alloc(a, n, sizeof *seen) : NULL;
    if (!own || !all || !seen) {
        st = omn_fail(err, OMN_ERR_MEMORY, "a batch of %zu requests: out of memory", n);
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        own[i] = (omn_request){ OMN_FILL(omn_request), .inputs = rq[i].inputs,
                                .n_inputs = rq[i].n_inputs, .prompt = rq[i].prompt,
                                .prepared = rq[i].prepared };
        all[i] = &own[i];
        seen[i] = (omn_result){ OMN_FILL(omn_result), .score = (double)NAN };
    }
    OMN_TRY(omn_context_call(r->model->ctx, 0, 0, r->cancel, &c, err));
    OMN_TRY(runner_inputs(r, c, all, n, OMN_EMBED, a, &e, seen, n, &g, err));
    OMN_TRY(take(r, g, rq, n, out, err));
done:
    runner_leave(r);
    for (size_t i = 0; st != OMN_OK && i < n; i++) {
        omn_value_unref(out[i]);
        out[i] = NULL;
    }
    for (size_t i = 0; seen && i < n; i++) {
        if (st == OMN_OK && rq[i].receipt) *rq[i].receipt = seen[i];
        else omn_result_fini(&seen[i]);
    }
    omn_call_free(c);
    omn_arena_free(a);
    return st;
}
