/* SPDX-License-Identifier: Apache-2.0 */
/* A golden file that says itself what is run. Its configuration ("config" of the __metadata__) is
 *
 *   {"model": {..},                      as the model's config.json has it, "omnio.model" included
 *    "graph": {"phase": "embed", "rows": 3, "inputs": {"image": 0, "text": 7},
 *              "outputs": {"text": 6}, "labels": true, "noised": false},
 *    "gradients": true,                  grad.NAME and gradnorm.NAME of all weights
 *    "steps": {"output": "text", "capacity": 9}}
 *
 * What is not here of the inputs lies in the file that the __metadata__ names as "inputs", as in
 * named.h. A number behind an input is the size of its varying axis (0: the largest) and one behind
 * an output the places of its target. Tensors "in.PORT" are fed as they are, under the names that
 * graphs have for them ("in.image.pixels", "in.target.text.ids"). With "steps" the graph is an
 * ENCODE, and "in.ids" [B,T] is fed behind it a column at a time; stage "logits" [B,T,V] is what
 * the steps say. All other stages are outputs and tags of the graph by their names. */
#include "golden.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 16 };

/* A list of roles with a number each. */
typedef struct roles {
    const char *names[MOST];
    int64_t sizes[MOST];
    uint32_t n;
} roles;

static omn_status read_roles(const golden *g, const json_t *of, roles *out, omn_error *err)
{
    const char *name;
    json_t *size;
    json_object_foreach((json_t *)of, name, size)
    {
        if (out->n == MOST || !json_is_integer(size))
            return omn_fail(err, OMN_ERR_DATA, "%s: \"%s\" of its graph is no size of one of %d",
                            g->name, name, (int)MOST);
        out->names[out->n] = name;
        out->sizes[out->n++] = json_integer_value(size);
    }
    return OMN_OK;
}

static omn_status read_phase(const golden *g, const json_t *graph, omn_phase *out, omn_error *err)
{
    static const char *const names[] = { "encode", "step", "teach", "embed" };
    const char *is = json_string_value(json_object_get(graph, "phase"));
    for (int i = 0; is && i < 4; i++)
        if (i != 1 && !strcmp(is, names[i])) {
            *out = (omn_phase)(i + 1);
            return OMN_OK;
        }
    return omn_fail(err, OMN_ERR_DATA, "%s: the phase of its graph is none of encode, teach, embed",
                    g->name);
}

/* Every "in.PORT" under its port's name. */
static omn_status feed_file(golden_run *r, const omn_weights *w, omn_error *err)
{
    omn_status st = OMN_OK;
    for (size_t i = 0; st == OMN_OK && i < omn_weights_count(w); i++) {
        const char *name = omn_weights_name(w, i);
        if (golden_starts(name, "in.") && strcmp(name, "in.ids"))
            st = omn_feed_copy(r->feed, name + 3, omn_weights_at(w, i), err);
    }
    return st;
}

static omn_status feed(golden_run *r, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_weights *files[2] = { r->g->file, r->g->in };
    for (size_t i = 0; i < 2 && st == OMN_OK; i++)
        if (!i || files[1] != files[0]) st = feed_file(r, files[i], err);
    return st;
}

static omn_status run_graph(golden_run *r, const json_t *graph, int64_t *rows, omn_error *err)
{
    omn_status st = OMN_OK;
    roles in = { .n = 0 }, out = { .n = 0 };
    omn_graph_sizes z = { OMN_FILL(omn_graph_sizes) };
    OMN_TRY(read_phase(r->g, graph, &z.phase, err));
    OMN_TRY(read_roles(r->g, json_object_get(graph, "inputs"), &in, err));
    OMN_TRY(read_roles(r->g, json_object_get(graph, "outputs"), &out, err));
    *rows = z.rows = json_integer_value(json_object_get(graph, "rows"));
    z.roles = in.names;
    z.lengths = in.sizes;
    z.n_roles = in.n;
    z.outputs = out.names;
    z.target_lengths = out.sizes;
    z.n_outputs = out.n;
    z.output = out.n ? NULL : "";
    z.labels = json_is_true(json_object_get(graph, "labels"));
    z.noised = json_is_true(json_object_get(graph, "noised"));
    if (z.rows < 1 || z.rows > 4096)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: its graph has %lld rows", r->g->name,
                         (long long)z.rows));
    OMN_TRY(feed(r, err));
    OMN_TRY(golden_run_graph(r, &z, err));
done:
    return st;
}

/* Logits of every column of in.ids behind what ENCODE left. */
static omn_status run_steps(golden_run *r, const json_t *steps, int64_t R, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_tensor *ids;
    omn_tensor memory, logits;
    void *all = NULL;
    int32_t column[256];
    const char *role = json_string_value(json_object_get(steps, "output"));
    const int64_t capacity = json_integer_value(json_object_get(steps, "capacity"));
    r->g->in = r->g->file;                /* what is said is this case's own */
    OMN_TRY(golden_input(r->g, "in.ids", OMN_I32, 2, &ids, err));
    const int64_t B = ids->shape.dim[0], T = ids->shape.dim[1];
    if (!role || B > 256 || B % R || T > capacity || capacity > 65536)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: its steps have no output or do not fit",
                         r->g->name));
    if (!golden_output(r, "memory", &memory))
        OMN_TRY(omn_fail(err, OMN_ERR_FAILED, "%s: encode made no memory", r->g->name));
    const int64_t L = memory.shape.dim[1];
    for (int64_t t = 0; t < T; t++) {
        for (int64_t b = 0; b < B; b++)
            memcpy(&column[b], (const char *)ids->data + (size_t)(b * T + t) * 4, 4);
        const golden_step s = { .role = role, .rows = B, .length = 1, .capacity = capacity,
                                .memory_rows = R, .memory_length = L, .ids = column,
                                .start = (int32_t)t };
        OMN_TRY(golden_step_run(r, &s, &logits, err));
        const int64_t V = logits.shape.dim[2];
        if (!all)
            OMN_TRY(golden_put_new(r, "logits", OMN_F32, omn_dim3(B, T, V), &all, err));
        for (int64_t b = 0; b < B; b++)
            memcpy((float *)all + (b * T + t) * V, (const float *)logits.data + b * V,
                   (size_t)V * sizeof(float));
    }
done:
    return st;
}

/* f32 against f64: sums of some hundred products of numbers about 1. A gradient that cancels is
 * rounding: norms are judged by the largest of them. */
static omn_tolerance tolerance_of(void *user, const char *stage, omn_type type)
{
    const golden *g = user;
    if (type == OMN_I32) return (omn_tolerance){ 0 };
    if (golden_starts(stage, "gradnorm."))
        return (omn_tolerance){ .abs = 1e-6 * g->largest, .rel = 1e-3 };
    if (golden_starts(stage, "grad.")) return (omn_tolerance){ .abs = 5e-6, .rel = 1e-3 };
    if (!strcmp(stage, "grad_norm")) return (omn_tolerance){ .rel = 1e-3 };
    return (omn_tolerance){ .abs = 1e-4, .rel = 1e-4 };
}

omn_status golden_plain(omn_verification *host, omn_error *err)
{
    omn_status st = OMN_OK;
    golden g;
    golden_run r = { 0 };
    golden_sum sum = { 0 };
    char *config = NULL;
    int64_t rows = 0;
    OMN_TRY(golden_begin(&g, host, err));
    const json_t *steps = json_object_get(g.config, "steps");
    const bool gradients = json_is_true(json_object_get(g.config, "gradients"));
    const char *inputs = omn_weights_meta(g.file, "inputs");
    const golden_how how = { .writable = gradients, .training = gradients };
    config = json_dumps(json_object_get(g.config, "model"), JSON_COMPACT);
    if (!config)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: its configuration has no \"model\"", g.name));
    if (inputs) OMN_TRY(golden_inputs_of(&g, inputs, err));
    OMN_TRY(golden_open(&g, config, &how, &r, err));
    OMN_TRY(run_graph(&r, json_object_get(g.config, "graph"), &rows, err));
    if (gradients) OMN_TRY(golden_sum_add(&r, &sum, err));
    if (gradients) OMN_TRY(golden_sum_put(&r, &sum, err));
    OMN_TRY(golden_collect(&r, err));     /* before the steps take the last run's place */
    if (steps) OMN_TRY(run_steps(&r, steps, rows, err));
    OMN_TRY(golden_compare(&r, tolerance_of, &g, err));
done:
    free(config);
    golden_sum_end(&sum);
    golden_close(&r);
    golden_end(&g);
    return st;
}
