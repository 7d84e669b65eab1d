/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three graphs. One holds every op whose rows are items of a batch: B items go through it together
 * and each alone, and every output is compared bit for bit. Another is a layer of a decoder over
 * keys that were computed before: each of T tokens (and of 1, 2, ...) of B items sees the keys up
 * to its own place, in rooms of several sizes whose rest is noise. A third has hidden keys among
 * the others, as where parts of a memory are each rounded up.
 */
#include "company.h"

#include "tests/testing.h"

#include <omnio/graph.h>

#include <stdio.h>
#include <string.h>

typedef struct rig {
    omn_context *ctx;
    omn_store *store;
    omn_program *program;
    omn_exec *exec;
    omn_feed *feed;
    omn_error err;
} rig;

#define OK(expr) ck_assert_msg((expr) == OMN_OK, "%s", r->err.text)

static rig rig_open(const char *plugins, const char *device, uint32_t threads)
{
    rig own = { .err = OMN_ERROR_INIT }, *r = &own;
    const omn_context_setup where = { OMN_FILL(omn_context_setup), .threads = threads,
                                      .cache_dir = "", .plugin_path = plugins,
                                      .only_plugin_path = true };
    OK(omn_context_new(&where, &r->ctx, &r->err));
    OK(omn_store_new(7, NULL, false, &r->store, &r->err));
    const omn_program_setup how = { OMN_FILL(omn_program_setup), .ctx = r->ctx, .store = r->store,
                                    .device = device };
    OK(omn_program_new(&how, &r->program, &r->err));
    OK(omn_exec_new(r->program, &r->exec, &r->err));
    return own;
}

static void rig_close(rig *r)
{
    omn_exec_free(r->exec);
    omn_program_free(r->program);
    omn_store_free(r->store);
    omn_context_free(r->ctx);
}

static float number(uint64_t stream, uint64_t i)
{
    return (float)((double)(omn_random_at(11, stream, i) >> 11) * 0x1p-52 - 1);
}

static omn_shape shaped(int64_t B, omn_shape item)
{
    omn_shape s = { .rank = item.rank + 1, .dim = { B } };
    for (uint32_t i = 0; i < item.rank; i++) s.dim[i + 1] = item.dim[i];
    return s;
}

/* input `name` [B, item]: slot b holds item who[b] */
static void feed(rig *r, const char *name, omn_type t, omn_shape item, const int *who, int B,
                 int32_t top)
{
    void *to;
    size_t n;
    ck_assert(omn_shape_count(&item, &n));
    OK(omn_feed_new(r->feed, name, t, shaped(B, item), &to, &r->err));
    for (int b = 0; b < B; b++)
        for (size_t i = 0; i < n; i++) {
            const float f = number((uint64_t)(who[b] * 256 + name[0]), i);
            if (t == OMN_F32) ((float *)to)[(size_t)b * n + i] = f;
            else ((int32_t *)to)[(size_t)b * n + i] = (int32_t)((f + 1) / 2 * (float)top);
        }
}

/* ---- items ---- */

enum { D = 72, DEEP = 1100, T = 130, LABELS = 30 };

static omn_node *weight(omn_scope *s, const char *name, omn_shape shape)
{
    return omn_weight(s, name, shape, OMN_INIT_NORMAL, 0.3);
}

static void build_products(omn_scope *s, omn_bundle *out, int64_t B)
{
    omn_node *x = omn_input(s, "x", OMN_F32, omn_dim2(B, D));
    omn_node *deep = omn_input(s, "e", OMN_F32, omn_dim2(B, DEEP));
    omn_node *m = omn_input(s, "m", OMN_F32, omn_dim3(B, 17, 33));
    omn_node *bias = weight(s, "bias", omn_dim1(37));
    omn_bundle_put(out, s, "linear", omn_linear(s, x, weight(s, "w", omn_dim2(37, D)), bias,
                                                OMN_ACT_GELU_ERF));
    omn_node *narrow = omn_linear(s, deep, weight(s, "deep", omn_dim2(D, DEEP)), NULL,
                                  OMN_ACT_NONE);
    omn_bundle_put(out, s, "deep linear", omn_add(s, omn_scale(s, narrow, 0.37, 0), x));
    omn_bundle_put(out, s, "linear in out",
                   omn_linear_in_out(s, deep, weight(s, "turned", omn_dim2(DEEP, 37)), bias,
                                     OMN_ACT_NONE));
    omn_bundle_put(out, s, "matmul", omn_matmul(s, m, m, false, true, 0.3));
    omn_bundle_put(out, s, "turned matmul", omn_matmul(s, m, m, true, false, 0.3));
    omn_bundle_put(out, s, "shared matmul",
                   omn_matmul(s, m, weight(s, "shared", omn_dim2(33, 50)), false, false, 1));
    omn_bundle_put(out, s, "nearest",
                   omn_vector_quantise(s, x, weight(s, "book", omn_dim2(300, D))));
}

static void build_rows(omn_scope *s, omn_bundle *out, int64_t B)
{
    omn_node *x = omn_input(s, "x", OMN_F32, omn_dim2(B, D));
    omn_node *w = weight(s, "norm", omn_dim1(D)), *b = weight(s, "shift", omn_dim1(D));
    omn_node *t = omn_input(s, "t", OMN_F32, omn_dim3(B, T, 40)), *each;
    omn_node *turns = omn_input(s, "r", OMN_F32, omn_dim3(B, T, 40));
    omn_node *heads = omn_reshape(s, t, omn_dim4(B, T, 1, 40));
    omn_bundle_put(out, s, "rms norm", omn_rms_norm(s, x, w, 1e-6));
    omn_bundle_put(out, s, "layer norm", omn_layer_norm(s, x, w, b, 1e-5));
    omn_bundle_put(out, s, "l2 norm", omn_l2_norm(s, x, 1e-6));
    omn_bundle_put(out, s, "softmax", omn_softmax(s, x));
    omn_bundle_put(out, s, "log softmax", omn_log_softmax(s, x));
    omn_bundle_put(out, s, "argmax", omn_argmax(s, x));
    for (int a = OMN_ACT_RELU; a <= OMN_ACT_ABS; a++) {
        char name[32];
        snprintf(name, sizeof name, "act %d", a);
        omn_bundle_put(out, s, name, omn_activate(s, omn_activate(s, x, OMN_ACT_ABS), (omn_act)a));
    }
    omn_bundle_put(out, s, "glu", omn_glu(s, x, omn_add(s, x, w), OMN_ACT_SILU));
    omn_bundle_put(out, s, "half apart", omn_rope(s, heads, turns, OMN_ROT_HALF));
    omn_bundle_put(out, s, "neighbours", omn_rope(s, heads, turns, OMN_ROT_INTERLEAVED));
    omn_bundle_put(out, s, "mean of tokens", omn_sum(s, t, 2, false, true));
    omn_bundle_put(out, s, "sum of widths", omn_sum(s, t, 4, true, false));
    omn_bundle_put(out, s, "sum of both", omn_sum(s, t, 6, false, false));
    omn_cross_entropy(s, x, omn_input(s, "l", OMN_I32, omn_dim1(B)),
                      omn_input(s, "u", OMN_F32, omn_dim1(B)), NULL, &each);
    omn_bundle_put(out, s, "cross entropy", each);
}

static void build_pictures(omn_scope *s, omn_bundle *out, int64_t B)
{
    const omn_conv same = { 1, 1, 1, 1, 1, 1 }, half = { 2, 2, 0, 0, 0, 0 };
    omn_node *p = omn_input(s, "p", OMN_F32, omn_dim4(B, 10, 14, 6));
    omn_bundle_put(out, s, "convolution",
                   omn_conv2d(s, p, weight(s, "conv", omn_dim4(21, 6, 3, 3)), NULL, &same,
                              OMN_ACT_SILU));
    omn_bundle_put(out, s, "patches",
                   omn_conv2d(s, p, weight(s, "patch", omn_dim4(21, 6, 2, 2)), NULL, &half,
                              OMN_ACT_NONE));
    omn_bundle_put(out, s, "1 x 1", omn_conv2d(s, p, weight(s, "one", omn_dim4(21, 6, 1, 1)), NULL,
                                               &(omn_conv){ 1, 1, 0, 0, 0, 0 }, OMN_ACT_NONE));
    omn_bundle_put(out, s, "gaps",
                   omn_conv2d_dilated(s, p, weight(s, "gaps", omn_dim4(21, 6, 3, 2)), NULL, &same,
                                      2, 5, OMN_ACT_SILU));
    omn_bundle_put(out, s, "transposed",
                   omn_conv_transpose2d(s, p, weight(s, "up", omn_dim4(6, 21, 3, 3)), NULL, &half,
                                        OMN_ACT_NONE));
    omn_bundle_put(out, s, "average", omn_pool2d(s, p, OMN_POOL_AVG, 2, 2, &half));
    omn_bundle_put(out, s, "greatest", omn_pool2d(s, p, OMN_POOL_MAX, 2, 2, &half));
    omn_bundle_put(out, s, "group norm", omn_group_norm(s, p, NULL, NULL, 3, 1e-5));
    omn_bundle_put(out, s, "upsample", omn_upsample(s, p, 2));
}

static void build_items(void *user, omn_scope *s, omn_bundle *out)
{
    const int64_t B = *(const int *)user;
    build_products(s, out, B);
    build_rows(s, out, B);
    build_pictures(s, out, B);
}

static omn_graph *run_items(rig *r, int B, const int *who)
{
    omn_graph *g;
    char key[32];
    snprintf(key, sizeof key, "items %d", B);
    OK(omn_program_graph(r->program, key, build_items, &B, &g, &r->err));
    OK(omn_feed_make(&r->feed, &r->err));
    feed(r, "x", OMN_F32, omn_dim1(D), who, B, 0);
    feed(r, "e", OMN_F32, omn_dim1(DEEP), who, B, 0);
    feed(r, "m", OMN_F32, omn_dim2(17, 33), who, B, 0);
    feed(r, "t", OMN_F32, omn_dim2(T, 40), who, B, 0);
    feed(r, "r", OMN_F32, omn_dim2(T, 40), who, B, 0);
    feed(r, "p", OMN_F32, omn_dim3(10, 14, 6), who, B, 0);
    feed(r, "l", OMN_I32, (omn_shape){ .rank = 0 }, who, B, LABELS);
    feed(r, "u", OMN_F32, (omn_shape){ .rank = 0 }, who, B, 0);
    OK(omn_exec_run(r->exec, g, r->feed, NULL, &r->err));
    omn_feed_free(r->feed);
    return g;
}

/* Slot b of every output of g, B items, has the bits of `alone`, where it is the only one. */
static void same_item(rig *r, omn_graph *g, int B, int b, rig *k, omn_graph *alone, int who)
{
    for (size_t o = 0; o < omn_graph_outputs(g); o++) {
        const char *name = omn_graph_output_name(g, o);
        omn_tensor got, want;
        OK(omn_exec_output(r->exec, g, name, &got, &r->err));
        OK(omn_exec_output(k->exec, alone, name, &want, &k->err));
        const size_t n = want.bytes;
        ck_assert_uint_eq(got.bytes, n * (size_t)B);
        ck_assert_msg(!memcmp((const char *)got.data + n * (size_t)b, want.data, n),
                      "%s: item %d in slot %d of %d is not what it is alone", name, who, b, B);
    }
}

void company_of_items(const char *plugins, const char *device, int most)
{
    static const int sizes[] = { 2, 5, 8, 9, 17, 64 };
    static const uint32_t threads[] = { 1, 3 };
    rig one = rig_open(plugins, device, 1), *k = &one;
    for (size_t t = 0; t < 2; t++) {
        rig many = rig_open(plugins, device, threads[t]), *r = &many;
        for (size_t z = 0; z < sizeof sizes / sizeof *sizes && sizes[z] <= most; z++) {
            int who[64], B = sizes[z];
            for (int b = 0; b < B; b++) who[b] = (b * 7 + 3) % 5;
            omn_graph *g = run_items(r, B, who);
            for (int b = 0; b < B; b++) {
                if (B > 17 && b % 9) continue;
                omn_graph *alone = run_items(k, 1, &who[b]);
                same_item(r, g, B, b, k, alone, who[b]);
            }
        }
        rig_close(r);
    }
    rig_close(k);
}

/* ---- gaps ---- */

enum { HEAD = 40, FIRST = 20, SECOND = 300 };

/* Keys FIRST, a gap, SECOND; queries n. */
typedef struct gap {
    int n, gap;
} gap;

static void build_gap(void *user, omn_scope *s, omn_bundle *out)
{
    const gap *g = user;
    const int64_t room = FIRST + g->gap + SECOND;
    const omn_attend how = { OMN_FILL(omn_attend), .scale = 0.5,
                             .q_seg = omn_input(s, "qs", OMN_I32, omn_dim2(1, g->n)),
                             .k_seg = omn_input(s, "ks", OMN_I32, omn_dim2(1, room)) };
    omn_node *k = omn_input(s, "k", OMN_F32, omn_dim4(1, room, 1, HEAD));
    omn_bundle_put(out, s, "y", omn_attend_build(s, omn_input(s, "q", OMN_F32,
                                                              omn_dim4(1, g->n, 1, HEAD)),
                                                 k, k, &how));
}

/* The first query's answer into y. The second keys' scores grow, so that the maximum moves. */
static void run_gap(rig *r, gap g, float y[HEAD])
{
    omn_graph *graph;
    omn_tensor t;
    const int room = FIRST + g.gap + SECOND;
    char key[64];
    float *q, *k;
    int32_t *qs, *ks;
    snprintf(key, sizeof key, "gap %d %d", g.n, g.gap);
    OK(omn_program_graph(r->program, key, build_gap, &g, &graph, &r->err));
    OK(omn_feed_make(&r->feed, &r->err));
    OK(omn_feed_new(r->feed, "q", OMN_F32, omn_dim4(1, g.n, 1, HEAD), (void **)&q, &r->err));
    OK(omn_feed_new(r->feed, "k", OMN_F32, omn_dim4(1, room, 1, HEAD), (void **)&k, &r->err));
    OK(omn_feed_new(r->feed, "qs", OMN_I32, omn_dim2(1, g.n), (void **)&qs, &r->err));
    OK(omn_feed_new(r->feed, "ks", OMN_I32, omn_dim2(1, room), (void **)&ks, &r->err));
    for (int i = 0; i < g.n; i++) qs[i] = 1;
    for (int i = 0; i < g.n * HEAD; i++) q[i] = 3 * number(1, (uint64_t)i);
    for (int j = 0; j < room; j++) {
        const bool seen = j < FIRST || j >= FIRST + g.gap;
        const int place = j < FIRST ? j : j - g.gap;
        ks[j] = seen;
        for (int i = 0; i < HEAD; i++)
            k[j * HEAD + i] = (1 + 0.01f * (float)place) *
                              number(seen ? 2 : 3, (uint64_t)(place * HEAD + i));
    }
    OK(omn_exec_run(r->exec, graph, r->feed, NULL, &r->err));
    omn_feed_free(r->feed);
    OK(omn_exec_output(r->exec, graph, "y", &t, &r->err));
    memcpy(y, t.data, HEAD * sizeof *y);
}

void company_of_gaps(const char *plugins, const char *device)
{
    static const int gaps[] = { 0, 8, 32, 104, 512 };
    rig own = rig_open(plugins, device, 1), *r = &own;
    float want[HEAD], got[HEAD];
    run_gap(r, (gap){ 1, 16 }, want);
    for (size_t i = 0; i < sizeof gaps / sizeof *gaps; i++)
        for (int n = 1; n <= 9; n += 4) {
            run_gap(r, (gap){ n, gaps[i] }, got);
            ck_assert_msg(!memcmp(got, want, sizeof got),
                          "a gap of %d hidden keys changes the answer to one of %d queries",
                          gaps[i], n);
        }
    rig_close(r);
}

/* ---- queries ---- */

enum { HEADS = 2, WIDE = 24, VALUE = 20 };

typedef struct sizes {
    int B, T, room;
} sizes;

/* Tokens x [B,T,D] at places at[b] + t; keys and values [B,room,...], of which count[b] hold. */
static void build_queries(void *user, omn_scope *s, omn_bundle *out)
{
    const sizes *z = user;
    const int64_t B = z->B, n = z->T;
    omn_node *x = omn_input(s, "x", OMN_F32, omn_dim3(B, n, D));
    omn_node *k = omn_input(s, "k", OMN_F32, omn_dim4(B, z->room, HEADS, WIDE));
    omn_node *v = omn_input(s, "v", OMN_F32, omn_dim4(B, z->room, HEADS, VALUE));
    omn_node *at = omn_input(s, "at", OMN_I32, omn_dim1(B));
    omn_node *count = omn_input(s, "count", OMN_I32, omn_dim1(B));
    omn_node *w = weight(s, "query", omn_dim2(HEADS * WIDE, D));
    omn_node *q = omn_reshape(s, omn_linear(s, x, w, NULL, OMN_ACT_NONE),
                              omn_dim4(B, n, HEADS, WIDE));
    static const char *const names[] = { "all", "causal", "window", "slopes", "kept all",
                                         "kept causal", "kept window", "kept slopes" };
    const float slope[HEADS] = { 0.01f, 0.3f };
    omn_node *kept_k = omn_state_write(s, omn_cache_at(s, "k", B, z->room, HEADS, WIDE), k);
    omn_node *kept_v = omn_state_write(s, omn_cache_at(s, "v", B, z->room, HEADS, VALUE), v);
    for (int i = 0; i < 8; i++) {
        const omn_attend how = {
            OMN_FILL(omn_attend), .causal = i % 4 > 0, .window = i % 4 == 2 ? 37 : 0, .q_start = at,
            .k_count = count,
            .slopes = i % 4 == 3 ? omn_const(s, OMN_F32, omn_dim1(HEADS), slope) : NULL,
        };
        omn_node *y = omn_attend_build(s, q, i < 4 ? k : kept_k, i < 4 ? v : kept_v, &how);
        y = omn_reshape(s, y, omn_dim3(B, n, HEADS * VALUE));
        omn_bundle_put(out, s, names[i],
                       omn_add(s, x, omn_linear(s, y, weight(s, "out", omn_dim2(D, HEADS * VALUE)),
                                                NULL, OMN_ACT_NONE)));
    }
}

/* Item who[b] has tokens from place from[b] on. */
static omn_graph *run_queries(rig *r, sizes z, const int *who, const int *from)
{
    omn_graph *g;
    char key[64];
    float *x, *k, *v;
    int32_t *at, *count;
    snprintf(key, sizeof key, "queries %d %d %d", z.B, z.T, z.room);
    OK(omn_program_graph(r->program, key, build_queries, &z, &g, &r->err));
    OK(omn_feed_make(&r->feed, &r->err));
    OK(omn_feed_new(r->feed, "x", OMN_F32, omn_dim3(z.B, z.T, D), (void **)&x, &r->err));
    OK(omn_feed_new(r->feed, "k", OMN_F32, omn_dim4(z.B, z.room, HEADS, WIDE), (void **)&k,
                    &r->err));
    OK(omn_feed_new(r->feed, "v", OMN_F32, omn_dim4(z.B, z.room, HEADS, VALUE), (void **)&v,
                    &r->err));
    OK(omn_feed_new(r->feed, "at", OMN_I32, omn_dim1(z.B), (void **)&at, &r->err));
    OK(omn_feed_new(r->feed, "count", OMN_I32, omn_dim1(z.B), (void **)&count, &r->err));
    for (int b = 0; b < z.B; b++) {
        const int have = 50 + 9 * who[b];
        const uint64_t item = (uint64_t)who[b] * 8;
        at[b] = from[b];
        count[b] = have;
        for (int t = 0; t < z.T; t++)
            for (int i = 0; i < D; i++)
                x[(b * z.T + t) * D + i] = number(item, (uint64_t)((from[b] + t) * D + i));
        for (int j = 0; j < z.room; j++) {
            const uint64_t noise = j < have ? 0 : (uint64_t)(1000 + b * 64 + z.room);
            for (int i = 0; i < HEADS * WIDE; i++)
                k[(b * z.room + j) * HEADS * WIDE + i] =
                    4 * number(item + 1 + noise, (uint64_t)(j * HEADS * WIDE + i));
            for (int i = 0; i < HEADS * VALUE; i++)
                v[(b * z.room + j) * HEADS * VALUE + i] =
                    number(item + 2 + noise, (uint64_t)(j * HEADS * VALUE + i));
        }
    }
    OK(omn_exec_run(r->exec, g, r->feed, NULL, &r->err));
    omn_feed_free(r->feed);
    return g;
}

void company_of_queries(const char *plugins, const char *device, int most)
{
    static const sizes many[] = { { 1, 2, 96 },  { 1, 40, 96 }, { 2, 1, 128 },
                                  { 5, 3, 300 }, { 9, 1, 97 },  { 3, 60, 130 } };
    rig one = rig_open(plugins, device, 1), *k = &one;
    rig two = rig_open(plugins, device, 3), *r = &two;
    for (size_t i = 0; i < sizeof many / sizeof *many && many[i].B <= most; i++) {
        const sizes z = many[i];
        int who[16], from[16];
        for (int b = 0; b < z.B; b++) {
            who[b] = (b * 3 + 1) % 4;
            from[b] = 5 + b % 3;
        }
        omn_graph *g = run_queries(r, z, who, from);
        for (int b = 0; b < z.B; b++)
            for (int t = 0; t < z.T; t += z.T > 8 ? 7 : 1) {
                const int place = from[b] + t;
                omn_graph *alone = run_queries(k, (sizes){ 1, 1, 77 }, &who[b], &place);
                for (size_t o = 0; o < omn_graph_outputs(g); o++) {
                    const char *name = omn_graph_output_name(g, o);
                    omn_tensor got, want;
                    OK(omn_exec_output(r->exec, g, name, &got, &r->err));
                    OK(omn_exec_output(k->exec, alone, name, &want, &k->err));
                    const float *from_many = (const float *)got.data + (b * z.T + t) * D;
                    if (!strncmp(name, "kept ", 5)) /* a cache changes no bit either */
                        OK(omn_exec_output(k->exec, alone, name + 5, &want, &k->err));
                    ck_assert_msg(!memcmp(from_many, want.data, D * sizeof(float)),
                                  "%s: token %d of item %d among %d x %d, room %d, is not what it "
                                  "is alone", name, t, who[b], z.B, z.T, z.room);
                }
            }
    }
    rig_close(r);
    rig_close(k);
}
