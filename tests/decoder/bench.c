/* SPDX-License-Identifier: Apache-2.0 */
/* The bench of the tests of decoders. */
#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static size_t read_settings(char *text, omn_setting *set, size_t most)
{
    size_t n = 0;
    char *save = NULL;
    for (char *w = strtok_r(text, " ", &save); w && n < most; w = strtok_r(NULL, " ", &save)) {
        char *eq = strchr(w, '=');
        ck_assert_ptr_nonnull(eq);
        *eq = 0;
        set[n++] = (omn_setting){ .name = w, .text = eq + 1 };
    }
    return n;
}

void bench_open(bench *b, const char *object, const char *settings, const char *golden,
                const char *device)
{
    char text[512], path[256];
    omn_setting set[32];
    const omn_context_setup where = { OMN_FILL(omn_context_setup), .threads = 2,
                                      .plugin_path = testing_build("plugins/.libs"),
                                      .only_plugin_path = true };
    *b = (bench){ .err = OMN_ERROR_INIT };
    snprintf(text, sizeof text, "%s", settings);
    WORKS(b, omn_context_new(&where, &b->ctx, &b->err));
    WORKS(b, omn_context_call(b->ctx, 1, 0, NULL, &b->call, &b->err));
    WORKS(b, open_begin(b->ctx, b->call, NULL, NULL, "", &b->open, &b->err));
    const size_t n = read_settings(text, set, 32);
    b->part = part_open_settings(b->open, "image", "omnio.decoder/1", object, set, n, "", &b->err);
    if (!b->part) return;
    b->impl = b->part->impl;
    WORKS(b, omn_feed_make(&b->feed, &b->err));
    if (!golden) return;
    snprintf(path, sizeof path, "tests/golden/%s", golden);
    WORKS(b, omn_weights_open(testing_source(path), &b->golden, &b->err));
    WORKS(b, omn_store_open(b->golden, &b->store, &b->err));
    const omn_program_setup how = { OMN_FILL(omn_program_setup), .ctx = b->ctx, .store = b->store,
                                    .device = device ? device : "cpu", .keep_tagged = true };
    const omn_status st = omn_program_new(&how, &b->program, &b->err);
    if (device && (st == OMN_ERR_DEVICE || st == OMN_ERR_MISSING)) return;
    WORKS(b, st);
    WORKS(b, omn_exec_new(b->program, &b->exec, &b->err));
}

void bench_close(bench *b)
{
    omn_exec_free(b->exec);
    omn_program_free(b->program);
    omn_store_free(b->store);
    omn_weights_close(b->golden);
    omn_feed_free(b->feed);
    open_end(b->open);
    omn_call_free(b->call);
    omn_context_free(b->ctx);
}

const omn_tensor *bench_golden(const bench *b, const char *name)
{
    const omn_tensor *t = omn_weights_get(b->golden, name);
    ck_assert_msg(t != NULL, "there is no golden %s", name);
    return t;
}

const float *bench_floats(const bench *b, const char *name, size_t n)
{
    const omn_tensor *t = bench_golden(b, name);
    ck_assert_msg(t->type == OMN_F32 && t->bytes == n * 4, "golden %s: %zu bytes", name,
                  (size_t)t->bytes);
    return t->data;
}

const int32_t *bench_numbers(const bench *b, const char *name, size_t n)
{
    const omn_tensor *t = bench_golden(b, name);
    ck_assert_msg(t->type == OMN_I32 && t->bytes == n * 4, "golden %s: %zu bytes", name,
                  (size_t)t->bytes);
    return t->data;
}

typedef struct order {
    const bench *b;
    const char *prefix;
    int64_t rows, codes;
} order;

static omn_scope *scope_of(const order *o, omn_scope *s)
{
    return *o->prefix ? omn_scope_at(s, "%s", o->prefix) : s;
}

static void build_tokenize(void *user, omn_scope *s, omn_bundle *out)
{
    const order *o = user;
    const omn_port *list = NULL, *back = NULL;
    uint32_t n_back = 0;
    const uint32_t n = o->b->impl->ports(o->b->part->self, &list, &n_back, &back);
    omn_bundle *in = omn_bundle_new(s);
    for (uint32_t i = 0; i < n; i++) {
        omn_shape shape = { .rank = list[i].most.rank + 1, .dim = { o->rows } };
        memcpy(shape.dim + 1, list[i].most.dim, list[i].most.rank * sizeof *shape.dim);
        omn_bundle_put(in, s, list[i].name, omn_input(s, list[i].name, list[i].type, shape));
    }
    omn_bundle_put(out, s, "codes", o->b->impl->tokenize(o->b->part->self, scope_of(o, s), in));
}

static void build_detokenize(void *user, omn_scope *s, omn_bundle *out)
{
    const order *o = user;
    omn_node *codes = omn_input(s, "codes", OMN_I32, omn_dim2(o->rows, o->codes));
    o->b->impl->detokenize(o->b->part->self, scope_of(o, s), codes, out);
}

omn_graph *bench_tokenize(bench *b, const char *prefix, int64_t rows)
{
    omn_graph *g = NULL;
    char key[64];
    order o = { b, prefix, rows, 0 };
    snprintf(key, sizeof key, "tokenize %d", (int)rows);
    WORKS(b, omn_program_graph(b->program, key, build_tokenize, &o, &g, &b->err));
    return g;
}

omn_graph *bench_detokenize(bench *b, const char *prefix, int64_t rows, int64_t codes)
{
    omn_graph *g = NULL;
    char key[64];
    order o = { b, prefix, rows, codes };
    snprintf(key, sizeof key, "detokenize %d", (int)rows);
    WORKS(b, omn_program_graph(b->program, key, build_detokenize, &o, &g, &b->err));
    return g;
}

omn_status bench_try_detokenize(bench *b, const char *prefix, int64_t codes)
{
    omn_graph *g = NULL;
    order o = { b, prefix, 1, codes };
    return omn_program_graph(b->program, "wrong", build_detokenize, &o, &g, &b->err);
}

void bench_feed(bench *b, const char *name, omn_type t, omn_shape shape, const void *data)
{
    void *to = NULL;
    size_t n = 0;
    ck_assert(omn_shape_count(&shape, &n));
    WORKS(b, omn_feed_new(b->feed, name, t, shape, &to, &b->err));
    memcpy(to, data, n * 4);
}

omn_tensor bench_output(bench *b, omn_graph *g, const char *name)
{
    omn_tensor t;
    WORKS(b, omn_exec_output(b->exec, g, name, &t, &b->err));
    return t;
}

float *bench_last_channel(const float *x, size_t B, size_t C, size_t H, size_t W)
{
    float *y = testing_memory(B * C * H * W * sizeof *y);
    for (size_t b = 0; b < B; b++)
        for (size_t c = 0; c < C; c++)
            for (size_t i = 0; i < H * W; i++)
                y[(b * H * W + i) * C + c] = x[(b * C + c) * H * W + i];
    return y;
}

void bench_near(const char *what, const float *got, const float *want, size_t n, double part)
{
    double most = 0;
    for (size_t i = 0; i < n; i++) most = fmax(most, fabs((double)want[i]));
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(fabs((double)got[i] - (double)want[i]) <= part * most,
                      "%s: element %zu of %zu is %.9g, %.9g wanted, %g at most", what, i, n,
                      (double)got[i], (double)want[i], most);
}
