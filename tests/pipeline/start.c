/* SPDX-License-Identifier: Apache-2.0 */
/* What a training run begins with: one model, or the mean of several. A step that moves nothing
 * writes it down. */
#include "tests/generate/toy.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char pipeline[] =
    "version: 1\n"
    "inputs: {image: {type: image}, question: {type: text}}\n"
    "steps:\n"
    "  - {generate: text, as: said, from: {image: $image}, prompt: \"{question}\"}\n"
    "outputs: {answer: $said}\n";

static const char recipe[] =
    "version: 1\n"
    "model: ./a\n"
    "start: %s\n"
    "sources: {world: {use: tabletop, width: 64, height: 64}}\n"
    "tasks:\n"
    "  - {name: vqa, pipeline: ./p.yaml, each: vqa, give: {image: /image, question: question},\n"
    "     want: {answer: answer}}\n"
    "optimizer: {use: adamw, rate: 1e-9}\n"
    "pack: {inputs: 32, targets: 16}\n"
    "batch: 1\n"
    "steps: 1\n"
    "export: f32\n";

/* Three toys: a and b, and c, which has one tensor less. */
static const char *three_toys(void)
{
    omn_error err = OMN_ERROR_INIT;
    omn_weights *w = NULL;
    omn_weights_entry list[512];
    const char *folder = testing_folder();
    testing_write(folder, "p.yaml", pipeline, strlen(pipeline));
    ck_assert_int_eq(mkdir(below(folder, "a"), 0777) | mkdir(below(folder, "b"), 0777), 0);
    toy_write(below(folder, "a"), 3);
    toy_write(below(folder, "b"), 4);
    ck_assert_int_eq(omn_weights_open(below(folder, "a/model.safetensors"), &w, &err), OMN_OK);
    const size_t n = omn_weights_count(w);
    ck_assert_uint_le(n, 512);
    for (size_t i = 0; i < n; i++)
        list[i] = (omn_weights_entry){ omn_weights_name(w, i), *omn_weights_at(w, i) };
    ck_assert_int_eq(omn_weights_write(below(folder, "c.safetensors"), OMN_OVERWRITE, list, n - 1,
                                       NULL, 0, &err), OMN_OK);
    omn_weights_close(w);
    return folder;
}

static omn_status train(const char *folder, const char *start, const char *out, omn_error *err)
{
    char text[2048];
    omn_context *ctx = toy_context(1);
    snprintf(text, sizeof text, recipe, start);
    const omn_status st = toy_train(ctx, folder, text, out, err);
    omn_context_free(ctx);
    return st;
}

START_TEST(a_list_begins_with_the_mean)
{
    static const char *const files[] = { "a/model.safetensors", "b/model.safetensors",
                                         "out/model.safetensors" };
    omn_error err = OMN_ERROR_INIT;
    omn_weights *w[3] = { NULL };
    const char *folder = three_toys();
    double apart = 0;
    ck_assert_msg(train(folder, "[./a, ./b/model.safetensors]", "out", &err) == OMN_OK, "%s",
                  err.text);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(omn_weights_open(below(folder, files[i]), &w[i], &err), OMN_OK);
    ck_assert_uint_eq(omn_weights_count(w[2]), omn_weights_count(w[0]));
    for (size_t i = 0; i < omn_weights_count(w[2]); i++) {
        const char *name = omn_weights_name(w[2], i);
        const omn_tensor *a = omn_weights_get(w[0], name), *b = omn_weights_get(w[1], name),
                         *m = omn_weights_at(w[2], i);
        size_t n = 0;
        ck_assert(a && b && m->type == OMN_F32 && omn_shape_count(&m->shape, &n));
        for (size_t k = 0; k < n; k++) {
            const double x = ((const float *)a->data)[k], y = ((const float *)b->data)[k];
            ck_assert_double_le(fabs(((const float *)m->data)[k] - (x + y) / 2),
                                1e-6 * (1 + fabs(x) + fabs(y)));
            apart = fmax(apart, fabs(x - y));
        }
    }
    ck_assert_double_gt(apart, 0.01);     /* or the mean would be either of them */
    for (int i = 0; i < 3; i++) omn_weights_close(w[i]);
}
END_TEST

/* One number of the last tensor of b is none: no training begins there, alone or in a mean. */
START_TEST(weights_that_are_not_numbers_start_nothing)
{
    static const char *const starts[] = { "./b", "[./b, ./a]", "[./a, ./b]" };
    const char *folder = three_toys();
    omn_error err = OMN_ERROR_INIT;
    omn_weights *w = NULL;
    omn_weights_entry list[512];
    float x[1 << 14];
    char name[200] = "";
    ck_assert_int_eq(omn_weights_open(below(folder, "b/model.safetensors"), &w, &err), OMN_OK);
    const size_t n = omn_weights_count(w);
    for (size_t i = 0; i < n; i++)
        list[i] = (omn_weights_entry){ omn_weights_name(w, i), *omn_weights_at(w, i) };
    for (size_t i = 0; i < n && !name[0]; i++) {
        omn_tensor *t = &list[i].tensor;
        size_t count = 0;
        ck_assert(omn_shape_count(&t->shape, &count));
        if (count > 1 << 14 || !omn_to_f32(t->type, t->data, count, x)) continue;
        x[count - 1] = NAN;
        snprintf(name, sizeof name, "%s", list[i].name);
        *t = (omn_tensor){ OMN_F32, t->shape, x, count * sizeof(float) };
    }
    ck_assert(name[0]);
    ck_assert_int_eq(omn_weights_write(below(folder, "b/new.safetensors"), OMN_OVERWRITE, list, n,
                                       NULL, 0, &err), OMN_OK);
    omn_weights_close(w);
    ck_assert_int_eq(rename(below(folder, "b/new.safetensors"),
                            below(folder, "b/model.safetensors")), 0);
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        err = (omn_error)OMN_ERROR_INIT;
        ck_assert_int_eq(train(folder, starts[i], "spoiled", &err), OMN_ERR_DATA);
        ck_assert_msg(strstr(err.text, name) && strstr(err.text, "nan") &&
                          strstr(err.text, "b/model.safetensors"),
                      "%s: %s", starts[i], err.text);
    }
}
END_TEST

/* b's weights by weight norm: a matrix as directions, which may have any length, and lengths. */
static void write_normed(const char *folder, const char *name)
{
    omn_error err = OMN_ERROR_INIT;
    omn_weights *w = NULL;
    omn_weights_entry list[512];
    static float direction[1 << 14], length[1 << 10];
    char v[256] = "", g[256] = "";
    ck_assert_int_eq(omn_weights_open(below(folder, "b/model.safetensors"), &w, &err), OMN_OK);
    size_t n = omn_weights_count(w);
    for (size_t i = 0; i < n; i++)
        list[i] = (omn_weights_entry){ omn_weights_name(w, i), *omn_weights_at(w, i) };
    for (size_t i = 0; i < n; i++) {
        if (strcmp(list[i].name, name)) continue;
        const omn_tensor t = list[i].tensor;
        const size_t rows = (size_t)t.shape.dim[0], each = (size_t)t.shape.dim[1];
        ck_assert(t.type == OMN_F32 && t.shape.rank == 2 && rows <= 1 << 10 &&
                  rows * each <= 1 << 14);
        for (size_t r = 0; r < rows; r++) {
            double sum = 0;
            for (size_t k = 0; k < each; k++) {
                const float x = ((const float *)t.data)[r * each + k];
                direction[r * each + k] = x * (float)(r % 5 + 0.5);
                sum += (double)x * (double)x;
            }
            length[r] = (float)sqrt(sum);
        }
        snprintf(v, sizeof v, "%s_v", name);
        snprintf(g, sizeof g, "%s_g", name);
        list[i] = (omn_weights_entry){ v, { OMN_F32, t.shape, direction,
                                            rows * each * sizeof *direction } };
        list[n++] = (omn_weights_entry){ g, { OMN_F32, omn_dim2((int64_t)rows, 1), length,
                                              rows * sizeof *length } };
        break;
    }
    ck_assert(g[0]);
    ck_assert_int_eq(omn_weights_write(below(folder, "normed.safetensors"), OMN_OVERWRITE, list, n,
                                       NULL, 0, &err), OMN_OK);
    omn_weights_close(w);
}

/* A weight that a file keeps as direction and length has the mean that it has written out, whoever
 * of the models comes first, and lies in the new file as one. */
START_TEST(a_mean_knows_weight_norm)
{
    static const char *const starts[] = { "[./a, ./normed.safetensors]",
                                          "[./normed.safetensors, ./a]" };
    static const char *const files[] = { "a/model.safetensors", "b/model.safetensors" };
    omn_error err = OMN_ERROR_INIT;
    const char *folder = three_toys();
    omn_weights *w[3] = { NULL };
    char name[200] = "";
    ck_assert_int_eq(omn_weights_open(below(folder, files[0]), &w[0], &err), OMN_OK);
    for (size_t i = 0; i < omn_weights_count(w[0]) && !name[0]; i++) {
        const char *is = omn_weights_name(w[0], i);
        const omn_tensor *t = omn_weights_at(w[0], i);
        if (strlen(is) > 7 && !strcmp(is + strlen(is) - 7, ".weight") && t->shape.rank == 2 &&
            t->bytes <= sizeof(float) << 14 && t->shape.dim[0] <= 1 << 10)
            snprintf(name, sizeof name, "%s", is);
    }
    ck_assert(name[0]);
    omn_weights_close(w[0]);
    write_normed(folder, name);
    for (int k = 0; k < 2; k++) {
        char out[8];
        double apart = 0;
        size_t n = 0;
        snprintf(out, sizeof out, "out%d", k);
        err = (omn_error)OMN_ERROR_INIT;
        ck_assert_msg(train(folder, starts[k], out, &err) == OMN_OK, "%s", err.text);
        for (int i = 0; i < 2; i++)
            ck_assert_int_eq(omn_weights_open(below(folder, files[i]), &w[i], &err), OMN_OK);
        ck_assert_int_eq(omn_weights_open(below(below(folder, out), "model.safetensors"), &w[2],
                                          &err), OMN_OK);
        ck_assert_uint_eq(omn_weights_count(w[2]), omn_weights_count(w[0]));
        const omn_tensor *a = omn_weights_get(w[0], name), *b = omn_weights_get(w[1], name),
                         *m = omn_weights_get(w[2], name);
        ck_assert(a && b && m && m->type == OMN_F32 && omn_shape_equal(&m->shape, &a->shape));
        ck_assert(omn_shape_count(&m->shape, &n));
        for (size_t i = 0; i < n; i++) {
            const double x = (double)((const float *)a->data)[i];
            const double y = (double)((const float *)b->data)[i];
            /* a sum of squares, its root and a quotient in f32 */
            ck_assert_double_le(fabs((double)((const float *)m->data)[i] - (x + y) / 2),
                                4e-6 * (1e-3 + fabs(x) + fabs(y)));
            apart = fmax(apart, fabs(x - y));
        }
        ck_assert_double_gt(apart, 0.01);
        for (int i = 0; i < 3; i++) omn_weights_close(w[i]);
    }
}
END_TEST

/* The row of a word in the table that a folder's weights have. */
static const float *row_of(omn_context *ctx, const char *folder, const omn_weights *w,
                           const char *word)
{
    omn_error err = OMN_ERROR_INIT;
    omn_model *m = NULL;
    ck_assert_msg(omn_model_open(ctx, folder, NULL, &m, &err) == OMN_OK, "%s", err.text);
    int32_t id = -1;
    omn_part *const *parts;
    const size_t n = omn_model_parts(m, &parts);
    for (size_t i = 0; i < n && id < 0; i++) id = omn_codec_piece(parts[i], word);
    ck_assert_msg(id >= 0, "no word \"%s\" in %s", word, folder);
    omn_model_close(m);
    const omn_tensor *t = omn_weights_get(w, "text_token_embedder.weight");
    ck_assert(t && t->type == OMN_F32 && id < t->shape.dim[0]);
    return (const float *)t->data + id * t->shape.dim[1];
}

/* A model with a place for one more picture counts all marks behind it otherwise; so that what was
 * learnt of a word is found again, its row goes with it. */
START_TEST(rows_follow_their_words)
{
    static const char *const words[] = { "a", "\u2581<extra_id_3>", "\u2581<image_input>",
                                         "\u2581[Text]\u2581[S]", "\u2581[Audio]\u2581[R]" };
    omn_error err = OMN_ERROR_INIT;
    omn_weights *was = NULL, *is = NULL;
    char more[4096], text[2048];
    const char *folder = three_toys(), *none = "\"histories\": 0", *at = strstr(toy_config, none);
    ck_assert(at && strlen(toy_config) < sizeof more);
    snprintf(more, sizeof more, "%.*s\"histories\": 1%s", (int)(at - toy_config), toy_config,
             at + strlen(none));
    ck_assert_int_eq(mkdir(below(folder, "h"), 0777), 0);
    toy_write_as(below(folder, "h"), more, 5);
    const char *model = strstr(recipe, "./a"), *start = strstr(recipe, "%s");
    snprintf(text, sizeof text, "%.*s./h%.*s./a%s", (int)(model - recipe), recipe,
             (int)(start - model - 3), model + 3, start + 2);
    omn_context *ctx = toy_context(1);
    ck_assert_msg(toy_train(ctx, folder, text, "out", &err) == OMN_OK, "%s", err.text);
    ck_assert_int_eq(omn_weights_open(below(folder, "a/model.safetensors"), &was, &err), OMN_OK);
    ck_assert_int_eq(omn_weights_open(below(folder, "out/model.safetensors"), &is, &err), OMN_OK);
    const int64_t width = omn_weights_get(was, "text_token_embedder.weight")->shape.dim[1];
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const float *a = row_of(ctx, below(folder, "a"), was, words[i]),
                    *b = row_of(ctx, below(folder, "h"), is, words[i]);
        for (int64_t k = 0; k < width; k++)
            ck_assert_msg(fabsf(a[k] - b[k]) < 1e-6f, "%s: %g and %g", words[i], a[k], b[k]);
    }
    omn_weights_close(was);
    omn_weights_close(is);
    omn_context_free(ctx);
}
END_TEST

START_TEST(models_of_two_shapes_have_no_mean)
{
    omn_error err = OMN_ERROR_INIT;
    const char *folder = three_toys();
    ck_assert_int_eq(train(folder, "[./a, ./c.safetensors]", "out", &err), OMN_ERR_DATA);
    ck_assert_msg(strstr(err.text, "c.safetensors") && strstr(err.text, "lacks"), "%s", err.text);
    err = (omn_error)OMN_ERROR_INIT;
    ck_assert_int_eq(train(folder, "[]", "out", &err), OMN_ERR_CONFIG);
    ck_assert_int_eq(err.line, 3);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { a_list_begins_with_the_mean,
                                 weights_that_are_not_numbers_start_nothing,
                                 a_mean_knows_weight_norm,
                                 rows_follow_their_words,
                                 models_of_two_shapes_have_no_mean };
    return TESTING_RUN("pipeline/start", all, 60);
}
