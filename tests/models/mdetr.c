/* SPDX-License-Identifier: Apache-2.0 */
/* MDETR against a program of its own in double precision, on every path of kernels: what it makes
 * of a picture and a text, which rows things are matched with, its losses, their gradients, and how
 * the loss falls; the assignment against all that there are; which tokens are a phrase's; and a
 * small one that learns to find what expressions mean, through its pipelines. */
#include "tests/generate/toy.h"
#include "verified.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

static const char *golden(const char *model, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "tests/golden/mdetr/%s.%s.safetensors", model, name);
    return testing_source(path);
}

START_TEST(losses_and_gradients)
{
    verified_passes("tiny_a", "loss", golden("tiny_a", "loss"), 150);
    verified_passes("tiny_b", "loss", golden("tiny_b", "loss"), 100);
}
END_TEST

START_TEST(what_is_found)
{
    verified_passes("tiny_a", "embed", golden("tiny_a", "embed"), 1);
    verified_passes("tiny_b", "embed", golden("tiny_b", "embed"), 1);
}
END_TEST

START_TEST(a_wrong_number_is_found)
{
    static const struct { const char *name, *stage; change c; } list[] = {
        { "loss", "logits.0",
          { .tensor = "out.logits.0", .element = 7, .times = 1, .plus = 1e-3 } },
        { "loss", "detection.match",
          { .tensor = "out.detection.match", .element = 0, .times = 1, .plus = 1 } },
        { "loss", "detection.giou",
          { .tensor = "out.detection.giou", .times = 1, .plus = 1e-3 } },
        { "loss", "detection.align",
          { .tensor = "out.detection.align", .times = 1.001 } },
        { "loss", "gradnorm.query_embed.weight",
          { .tensor = "gradnorm.query_embed.weight", .times = 1.002 } },
        { "loss", "losses", { .tensor = "out.losses", .element = 5, .times = 1.001 } },
        { "embed", "tokens.things",
          { .tensor = "out.tokens.things", .element = 4, .times = 1, .plus = 1e-3 } },
    };
    const char *folder = testing_folder();
    verified_changed(folder, golden("tiny_a", "weights"), NULL);
    verified_changed(folder, golden("tiny_a", "loss"), NULL);
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        verified_finds(folder, golden("tiny_a", list[i].name), &list[i].c, list[i].stage);
    }
}
END_TEST

/* ---- the assignment -------------------------------------------------------------------------- */

typedef struct sizes { int64_t B, Q, M, V; } sizes;

static void build(void *user, omn_scope *s, omn_bundle *out)
{
    const sizes *z = user;
    static const char *const names[] = { "logits", "boxes", "map", "wanted", "real" };
    const omn_shape shapes[] = { omn_dim3(z->B, z->Q, z->V), omn_dim3(z->B, z->Q, 4),
                                 omn_dim3(z->B, z->M, z->V), omn_dim3(z->B, z->M, 4),
                                 omn_dim3(z->B, z->M, 1) };
    omn_node *in[5];
    for (int i = 0; i < 5; i++) in[i] = omn_input(s, names[i], OMN_F32, shapes[i]);
    omn_bundle_put(out, s, "match", omn_op(s, "detection.match", in, 5, NULL, 0, NULL, 0));
}

static double uniform(uint64_t stream, uint64_t i)
{
    return (double)(omn_random_at(5, stream, i) >> 11) / 9007199254740992.0;
}

static float *random_feed(omn_feed *f, const char *name, omn_shape shape, uint64_t stream)
{
    void *x = NULL;
    ck_assert(omn_feed_new(f, name, OMN_F32, shape, &x, NULL) == OMN_OK);
    const size_t n = omn_feed_get(f, name)->bytes / sizeof(float);
    for (size_t i = 0; i < n; i++) ((float *)x)[i] = (float)uniform(stream, i);
    return x;
}

/* Of one picture: boxes that touch nothing but differ in size and place cost what they are apart,
 * 5 times, less 2 times their overlap, here by the plain formulas. */
static double cost(const float *a, const float *b)
{
    double lo[2], hi[2], inside = 1, around = 1, apart = 0;
    for (int k = 0; k < 4; k++) apart += fabs((double)a[k] - (double)b[k]);
    for (int k = 0; k < 2; k++) {
        const double a0 = (double)a[k] - (double)a[k + 2] / 2;
        const double a1 = (double)a[k] + (double)a[k + 2] / 2;
        const double b0 = (double)b[k] - (double)b[k + 2] / 2;
        const double b1 = (double)b[k] + (double)b[k + 2] / 2;
        lo[k] = a0 > b0 ? a0 : b0;
        hi[k] = a1 < b1 ? a1 : b1;
        inside *= hi[k] > lo[k] ? hi[k] - lo[k] : 0;
        around *= (a1 > b1 ? a1 : b1) - (a0 < b0 ? a0 : b0);
    }
    const double both = (double)a[2] * (double)a[3] + (double)b[2] * (double)b[3] - inside;
    return 5 * apart - 2 * (inside / both - (around - both) / around);
}

/* The least that any assignment of things from m on costs; used: rows that are taken. */
static double least(const sizes *z, const float *boxes, const float *wanted, int64_t m,
                    unsigned used, int64_t spare)
{
    double best = HUGE_VAL;
    if (m == z->M) return 0;
    if (spare > 0) best = least(z, boxes, wanted, m + 1, used, spare - 1);
    for (int64_t q = 0; q < z->Q; q++) {
        if (used >> q & 1) continue;
        const double c = cost(boxes + 4 * q, wanted + 4 * m) +
                         least(z, boxes, wanted, m + 1, used | 1u << q, spare);
        if (c < best) best = c;
    }
    return best;
}

/* Random pictures: nothing is cheaper, and each thing has a row of its own. */
static void cheapest(omn_context *ctx, sizes z, uint64_t stream)
{
    omn_error err = OMN_ERROR_INIT;
    omn_store *store = NULL;
    omn_program *p = NULL;
    omn_exec *x = NULL;
    omn_graph *g = NULL;
    omn_feed *f = NULL;
    omn_call *c = NULL;
    omn_tensor t;
    WORKS(omn_store_new(0, NULL, true, &store, &err));
    const omn_program_setup how = { OMN_FILL(omn_program_setup), .ctx = ctx, .store = store };
    WORKS(omn_program_new(&how, &p, &err));
    WORKS(omn_program_graph(p, "match", build, &z, &g, &err));
    WORKS(omn_exec_new(p, &x, &err));
    WORKS(omn_feed_make(&f, &err));
    WORKS(omn_context_call(ctx, 0, 0, NULL, &c, &err));
    float *logits = random_feed(f, "logits", omn_dim3(z.B, z.Q, z.V), stream);
    float *boxes = random_feed(f, "boxes", omn_dim3(z.B, z.Q, 4), stream + 1);
    float *map = random_feed(f, "map", omn_dim3(z.B, z.M, z.V), stream + 2);
    float *wanted = random_feed(f, "wanted", omn_dim3(z.B, z.M, 4), stream + 3);
    float *real = random_feed(f, "real", omn_dim3(z.B, z.M, 1), stream + 4);
    for (int64_t i = 0; i < z.B * z.M; i++) real[i] = 1;
    for (int64_t i = 0; i < z.B * z.M * z.V; i++) map[i] = 0; /* boxes alone decide */
    for (int64_t i = 0; i < z.B * z.Q * z.V; i++) logits[i] = 0;
    WORKS(omn_exec_run(x, g, f, c, &err));
    WORKS(omn_exec_output(x, g, "match", &t, &err));
    for (int64_t b = 0; b < z.B; b++) {
        const int32_t *got = (const int32_t *)t.data + b * z.Q;
        const float *box = boxes + b * z.Q * 4, *want = wanted + b * z.M * 4;
        double sum = 0;
        int64_t n = 0;
        unsigned met = 0;
        for (int64_t q = 0; q < z.Q; q++) {
            if (got[q] < 0) continue;
            const int64_t m = got[q] - b * z.M;
            ck_assert(m >= 0 && m < z.M && !(met >> m & 1));
            met |= 1u << m;
            sum += cost(box + 4 * q, want + 4 * m);
            n++;
        }
        ck_assert_int_eq(n, z.M < z.Q ? z.M : z.Q);
        const double best = least(&z, box, want, 0, 0, z.M > z.Q ? z.M - z.Q : 0);
        ck_assert_msg(fabs(sum - best) < 1e-9, "%g, not %g", sum, best);
    }
    omn_call_free(c);
    omn_exec_free(x);
    omn_feed_free(f);
    omn_program_free(p);
    omn_store_free(store);
}

START_TEST(nothing_is_cheaper)
{
    static const sizes list[] = { { 30, 5, 3, 2 }, { 30, 6, 6, 2 }, { 30, 3, 5, 2 },
                                  { 5, 1, 4, 2 },  { 5, 7, 1, 2 } };
    omn_context *ctx = toy_context(1);
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) cheapest(ctx, list[i], 10 * i);
    omn_context_free(ctx);
}
END_TEST

/* ---- configurations -------------------------------------------------------------------------- */

static const char config[] =
    "{\"model_type\": \"mdetr\", \"hidden_dim\": 24, \"nheads\": 3, \"enc_layers\": 1, "
    "\"dec_layers\": 2, \"dim_feedforward\": 40, \"num_queries\": 6, \"num_classes\": 78, "
    "\"contrastive_loss_hdim\": 8, \"text_config\": {\"vocab_size\": 351, \"hidden_size\": 20, "
    "\"num_attention_heads\": 2, \"num_hidden_layers\": 1, \"intermediate_size\": 36, "
    "\"max_position_embeddings\": 96}, \"omnio\": {\"stem\": 6, \"planes\": \"3,4,5,6\", "
    "\"blocks\": \"1,1,1,1\", \"side\": 64, \"longest\": 64}}";

/* The configuration with one part of it changed; was "": as it is. */
static void write_folder(const char *folder, const char *was, const char *is)
{
    char text[2048];
    const char *at = strstr(config, was);
    ck_assert_ptr_nonnull(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - config), config, is, at + strlen(was));
    testing_copy("tests/golden/unitab/tiny_a.bpe/vocab.json", folder, "vocab.json");
    testing_copy("tests/golden/unitab/tiny_a.bpe/merges.txt", folder, "merges.txt");
    testing_write(folder, "config.json", text, strlen(text));
}

static omn_status open_hollow(omn_context *ctx, const char *was, const char *is, omn_model **m,
                              omn_error *err)
{
    const char *folder = testing_folder();
    const omn_model_setup hollow = { OMN_FILL(omn_model_setup), .hollow = true };
    write_folder(folder, was, is);
    return omn_model_open(ctx, folder, &hollow, m, err);
}

START_TEST(what_would_be_another_model_is_refused)
{
    static const struct { const char *was, *is, *says; } list[] = {
        { "\"nheads\"", "\"pre_norm\": true, \"nheads\"", "pre_norm" },
        { "\"nheads\"", "\"do_qa\": true, \"nheads\"", "do_qa" },
        { "\"nheads\"", "\"masks\": true, \"nheads\"", "masks" },
        { "\"nheads\"", "\"contrastive_loss\": true, \"nheads\"", "contrastive_loss" },
        { "\"nheads\"", "\"set_loss\": \"sequential\", \"nheads\"", "set_loss" },
        { "\"nheads\"", "\"eos_coef\": -1, \"nheads\"", "eos_coef" },
        { "\"nheads\"", "\"backbone\": \"efficientnet\", \"nheads\"", "backbone" },
        { "\"num_queries\": 6", "\"num_queries\": 0", "num_queries" },
        { "\"num_classes\": 78", "\"num_classes\": 200", "num_classes" },
        { "\"nheads\": 3", "\"nheads\": 5", "hidden_dim" },
        { "\"num_attention_heads\": 2", "\"num_attention_heads\": 3", "hidden_size" },
        { "\"dec_layers\": 2", "\"dec_layers\": 1000", "dec_layers" },
        { "\"hidden_dim\": 24", "\"hidden_dim\": 30", "multiple of 4" },
    };
    omn_context *ctx = toy_context(1);
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        omn_error err = OMN_ERROR_INIT;
        omn_model *m = NULL;
        ck_assert_msg(open_hollow(ctx, list[i].was, list[i].is, &m, &err) != OMN_OK, "%s",
                      list[i].is);
        ck_assert_msg(strstr(err.text, list[i].says), "%s: %s", list[i].is, err.text);
        omn_model_close(m);
    }
    omn_context_free(ctx);
}
END_TEST

/* ---- phrases --------------------------------------------------------------------------------- */

static omn_value *grounded(omn_call *c, const char *text, const char *const *parts, size_t n,
                           const double *box)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    const omn_kind *kind = NULL;
    int32_t span[8];
    double boxes[16];
    const omn_frame frame = omn_frame_identity(1, 200, 100);
    for (size_t i = 0; i < n; i++) {
        const char *at = strstr(text, parts[i]);
        ck_assert_ptr_nonnull(at);
        span[2 * i] = (int32_t)(at - text);
        span[2 * i + 1] = span[2 * i] + (int32_t)strlen(parts[i]);
        memcpy(boxes + 4 * i, box, 4 * sizeof *box);
    }
    const omn_filled f[] = { omn_fill("text", OMN_STRING, omn_dim0(), &text),
                             omn_fill("span", OMN_I32, omn_dim2((int64_t)n, 2), span),
                             omn_fill("box", OMN_F64, omn_dim2((int64_t)n, 4), boxes) };
    WORKS(omn_kind_find(c, "grounded", &kind, &err));
    WORKS(omn_value_make(kind, f, 3, &frame, &v, &err));
    return v;
}

/* The marked tokens of a phrase, without those of what is around it, say it. */
START_TEST(tokens_of_phrases)
{
    static const char text[] = "a man rides a brown horse near the river";
    static const char *const parts[] = { "a man", "a brown horse", "the river" };
    static const double box[] = { 20, 10, 60, 90 };
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = toy_context(1);
    omn_model *m = NULL;
    omn_feed *f = NULL;
    omn_call *c = NULL;
    int32_t all[128], one[64];
    size_t n_all = 0;
    WORKS(open_hollow(ctx, "", "", &m, &err));
    WORKS(omn_context_call(ctx, 0, 0, NULL, &c, &err));
    WORKS(omn_feed_make(&f, &err));
    omn_value *v = grounded(c, text, parts, 3, box);
    WORKS(omn_model_prepare(m, c, "phrases", v, f, NULL, &err));
    WORKS(omn_model_tokens(m, text, all, 128, &n_all, &err));
    const float *map = omn_feed_get(f, "map")->data;
    ck_assert_int_eq(omn_feed_get(f, "map")->shape.dim[0], 3);
    const int64_t W = omn_feed_get(f, "map")->shape.dim[1];
    ck_assert_int_eq(W, 78);
    for (size_t i = 0; i < 3; i++) {
        char spaced[64];
        size_t n = 0, k = 0;
        snprintf(spaced, sizeof spaced, i ? " %s" : "%s", parts[i]); /* behind another word */
        WORKS(omn_model_tokens(m, spaced, one, 64, &n, &err));
        for (int64_t w = 0; w < W; w++) {
            if (map[(int64_t)i * W + w] < 0.5f) continue;
            ck_assert(w >= 1 && (size_t)w <= n_all && k < n);
            ck_assert_int_eq(all[w - 1], one[k++]);   /* the start token stands in front */
        }
        ck_assert_uint_eq(k, n);
    }
    const float *share = omn_feed_get(f, "boxes")->data;
    static const float want[] = { 0.2f, 0.5f, 0.2f, 0.8f };
    for (int k = 0; k < 4; k++) ck_assert(fabsf(share[k] - want[k]) < 1e-6f);
    omn_value_unref(v);
    omn_feed_free(f);
    omn_call_free(c);
    omn_model_close(m);
    omn_context_free(ctx);
}
END_TEST

START_TEST(boxes_that_cannot_be)
{
    static const char *const part[] = { "a man" };
    static const double bad[][4] = { { 20, 10, 300, 90 }, { 60, 10, 20, 90 }, { -5, 10, 20, 90 },
                                     { 20, 10, 20, 90 } };
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = toy_context(1);
    omn_model *m = NULL;
    omn_call *c = NULL;
    WORKS(open_hollow(ctx, "", "", &m, &err));
    WORKS(omn_context_call(ctx, 0, 0, NULL, &c, &err));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        omn_error why = OMN_ERROR_INIT;
        omn_feed *f = NULL;
        WORKS(omn_feed_make(&f, &err));
        omn_value *v = grounded(c, "a man", part, 1, bad[i]);
        ck_assert_int_eq(omn_model_prepare(m, c, "phrases", v, f, NULL, &why), OMN_ERR_DATA);
        ck_assert_msg(strstr(why.text, "does not lie in a picture"), "%s", why.text);
        omn_value_unref(v);
        omn_feed_free(f);
    }
    omn_call_free(c);
    omn_model_close(m);
    omn_context_free(ctx);
}
END_TEST

/* ---- learning and asking --------------------------------------------------------------------- */

/* Runs a pipeline with a picture and texts; its record. */
static omn_value *asked(omn_context *ctx, omn_model *m, const char *name, const char *text,
                        const char *phrase)
{
    omn_error err = OMN_ERROR_INIT;
    omn_pipeline *p = NULL;
    omn_pipeline_run *job = NULL;
    omn_value *out = NULL, *t = NULL, *list = NULL, *one = NULL;
    omn_value *in = toy_picture(NULL, 96, 64, 3);
    char path[128];
    WORKS(omn_text_new(text, strlen(text), &t, &err));
    WORKS(omn_text_new(phrase, strlen(phrase), &one, &err));
    WORKS(omn_list_new(&one, 1, &list, &err));
    const omn_named named[] = { { "image", in }, { "text", t }, { "phrases", list } };
    const bool refexp = strstr(name, "refexp") != NULL;
    const omn_pipeline_setup how = { OMN_FILL(omn_pipeline_setup), .model = m,
                                     .temperature = NAN, .top_p = NAN };
    snprintf(path, sizeof path, "pipelines/%s.yaml", name);
    WORKS(omn_pipeline_open(ctx, testing_source(path), &p, &err));
    WORKS(omn_pipeline_run_new(p, &how, &job, &err));
    const omn_status st = omn_pipeline_run_one(job, named, refexp ? 2 : 3, 0, &out, &err);
    if (!strstr(text, phrase)) {
        ck_assert_int_eq(st, OMN_ERR_DATA);
        ck_assert_msg(strstr(err.text, "does not stand in the text"), "%s", err.text);
    } else {
        ck_assert_msg(st == OMN_OK, "%s", err.text);
    }
    omn_pipeline_run_free(job);
    omn_pipeline_close(p);
    omn_value_unref(list);
    omn_value_unref(one);
    omn_value_unref(t);
    omn_value_unref(in);
    return out;
}

static void answers(const char *folder)
{
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = toy_context(2);
    omn_model *m = NULL;
    const omn_region *r = NULL;
    WORKS(omn_model_open(ctx, folder, NULL, &m, &err));
    omn_value *out = asked(ctx, m, "mdetr-refexp", "the red cube", "cube");
    ck_assert_uint_eq(omn_regions_get(omn_record_get(out, "box"), &r), 1);
    ck_assert(r->x0 >= 0 && r->x0 < r->x1 && r->x1 <= 96 && r->y0 < r->y1 && r->y1 <= 64);
    ck_assert(r->score >= 0 && r->score <= 1);
    omn_value_unref(out);
    out = asked(ctx, m, "mdetr-ground", "the red cube near a ball", "a ball");
    const omn_value *said = omn_record_get(out, "sentence");
    ck_assert_str_eq(omn_value_kind_name(said), "grounded");
    ck_assert_uint_eq(omn_value_count(said), 1);
    ck_assert_int_eq(((const int32_t *)omn_value_column(said, "span")->data)[0], 18);
    omn_value_unref(out);
    omn_value_unref(asked(ctx, m, "mdetr-ground", "the red cube", "a ball"));
    omn_model_close(m);
    omn_context_free(ctx);
}

START_TEST(expressions_are_learnt)
{
    static const char recipe[] =
        "version: 1\nmodel: ./model\n"
        "sources: {world: {use: tabletop, width: 64, height: 64, refexp: 1}}\n"
        "tasks: [{name: find, pipeline: %s, each: refexp, "
        "give: {image: /image, text: text, boxes: box}}]\n"
        "optimizer: {use: adamw, rate: 3e-3}\nbatch: 4\nsteps: 40\nexport: f32\n";
    omn_error err = OMN_ERROR_INIT;
    char *log = NULL, path[2][4096], text[4096];
    size_t n = 0, lines = 0;
    double first = 0, last = 0;
    const char *folder = testing_folder();
    snprintf(path[0], sizeof path[0], "%s/model", folder);
    snprintf(path[1], sizeof path[1], "%s/out/log.csv", folder);
    ck_assert_int_eq(mkdir(path[0], 0777), 0);
    write_folder(path[0], "", "");
    snprintf(text, sizeof text, recipe, testing_source("pipelines/mdetr-learn-refexp.yaml"));
    omn_context *ctx = toy_context(2);
    WORKS(toy_train(ctx, folder, text, "out", &err));
    omn_context_free(ctx);
    WORKS(omn_file_read(path[1], 1 << 20, &log, &n, &err));
    for (const char *line = strchr(log, '\n'); line && line[1]; line = strchr(line + 1, '\n')) {
        double loss = 0;
        ck_assert_int_eq(sscanf(line + 1, "%*d,%*d,%*d,%lf", &loss), 1);
        if (lines++ < 5) first += loss / 5;
        if (lines > 35) last += loss / 5;
    }
    ck_assert_uint_eq(lines, 40);
    ck_assert_msg(last < 0.8 * first, "%g, %g at first", last, first);
    free(log);
    snprintf(path[1], sizeof path[1], "%s/out", folder);
    answers(path[1]);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        losses_and_gradients,
        what_is_found,
        a_wrong_number_is_found,
        nothing_is_cheaper,
        what_would_be_another_model_is_refused,
        tokens_of_phrases,
        boxes_that_cannot_be,
        expressions_are_learnt,
    };
    return TESTING_RUN("models/mdetr", all, 60);
}
