/* SPDX-License-Identifier: Apache-2.0 */
/* The tasks of CLIP as they ship, over a small model: the classes of the original program come out
 * of words and sentences, probabilities and orders are those of the embeddings one by one, and a
 * folder is found again through its index. */
#include "tests/testing.h"

#include <omnio/pipeline.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

typedef struct rig {
    omn_context *ctx;
    omn_model *m;
    omn_runner *r;
    const char *folder;
    char said[2000];                      /* warnings */
    bool plans;                           /* nobody answers */
    size_t asked;
} rig;

static void on_log(void *user, omn_level level, const char *text)
{
    rig *g = user;
    const size_t n = strlen(g->said);
    (void)level;
    snprintf(g->said + n, sizeof g->said - n, "%s\n", text);
}

static omn_status on_question(void *user, const char *step, const omn_request *rq, bool *ask,
                              omn_value **instead, omn_error *err)
{
    rig *g = user;
    (void)step;
    (void)rq;
    (void)instead;
    (void)err;
    g->asked++;
    *ask = !g->plans;
    return OMN_OK;
}

static void rig_open(rig *g)
{
    omn_error err = OMN_ERROR_INIT;
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 2,
                                    .only_plugin_path = true,
                                    .plugin_path = testing_build("plugins/.libs"),
                                    .log = on_log, .log_user = g,
                                    .level = OMN_LOG_WARN };
    const omn_model_setup f32 = { OMN_FILL(omn_model_setup), .precision = OMN_PRECISION_F32 };
    *g = (rig){ .folder = testing_folder() };
    testing_copy("tests/golden/clip/tiny_a.hf/config.json", g->folder, "config.json");
    testing_copy("tests/golden/clip/tiny_a.hf/model.safetensors", g->folder, "model.safetensors");
    testing_copy("tests/golden/clip/tiny_a.bpe.txt.gz", g->folder, "bpe_simple_vocab_16e6.txt.gz");
    WORKS(omn_context_new(&how, &g->ctx, &err));
    WORKS(omn_model_open(g->ctx, g->folder, &f32, &g->m, &err));
    WORKS(omn_runner_new(g->m, &g->r, &err));
}

static void rig_close(rig *g)
{
    omn_runner_free(g->r);
    omn_model_close(g->m);
    omn_context_free(g->ctx);
}

static omn_value *text(const char *s)
{
    omn_value *v = NULL;
    ck_assert_int_eq(omn_text_new(s, strlen(s), &v, NULL), OMN_OK);
    return v;
}

/* Texts with commas between. */
static omn_value *texts(const char *s)
{
    omn_value *all[8] = { NULL }, *list = NULL;
    size_t n = 0;
    for (const char *p = s; p; p = strchr(p, ','), p = p ? p + 1 : NULL) {
        char one[4096];
        snprintf(one, sizeof one, "%.*s", (int)strcspn(p, ","), p);
        all[n++] = text(one);
    }
    ck_assert_int_eq(omn_list_new(all, n, &list, NULL), OMN_OK);
    while (n) omn_value_unref(all[--n]);
    return list;
}

/* The pipeline that ships under this name; its inputs are taken. */
static omn_status run(rig *g, const char *name, omn_named *in, size_t n, omn_value **out,
                      omn_error *err)
{
    char path[256];
    omn_pipeline *p = NULL;
    omn_pipeline_run *r = NULL;
    const omn_pipeline_setup how = { OMN_FILL(omn_pipeline_setup), .model = g->m,
                                     .temperature = -1, .top_p = -1,
                                     .asking = g->plans ? on_question : NULL, .user = g };
    snprintf(path, sizeof path, "pipelines/%s.yaml", name);
    omn_status st = omn_pipeline_open(g->ctx, testing_source(path), &p, err);
    if (st == OMN_OK) st = omn_pipeline_run_new(p, &how, &r, err);
    if (st == OMN_OK) st = omn_pipeline_run_one(r, in, n, 0, out, err);
    omn_pipeline_run_free(r);
    omn_pipeline_close(p);
    for (size_t i = 0; i < n; i++) omn_value_unref(in[i].value);
    return st;
}

/* What the model makes of one thing, 28 numbers. */
static void embedded(rig *g, const char *role, omn_value *v, double *out)
{
    omn_error err = OMN_ERROR_INIT;
    const omn_named in = { role, v };
    const bool words = !strcmp(role, "text");
    const omn_embed_request rq = { OMN_FILL(omn_embed_request), .inputs = words ? NULL : &in,
                                   .n_inputs = !words,
                                   .prompt = words ? omn_text_get(v, NULL) : NULL };
    omn_value *made = NULL;
    WORKS(omn_embed(g->r, &rq, 1, &made, &err));
    const omn_tensor *t = omn_value_tensor(made);
    ck_assert_int_eq(t->shape.dim[1], 28);
    for (int i = 0; i < 28; i++) out[i] = (double)((const float *)t->data)[i];
    omn_value_unref(made);
}

static double dot(const double *a, const double *b)
{
    double sum = 0;
    for (int i = 0; i < 28; i++) sum += a[i] * b[i];
    return sum;
}

static const char *label(const omn_value *options, size_t i)
{
    return ((const char *const *)omn_value_column(options, "text")->data)[i];
}

static double score(const omn_value *options, size_t i)
{
    return ((const double *)omn_value_column(options, "score")->data)[i];
}

static const char *photo(int i)
{
    char name[64];
    snprintf(name, sizeof name, "tests/foreign/povray/%02d.png", i);
    return testing_source(name);
}

static omn_value *picture(rig *g, int i)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    WORKS(omn_value_load(g->ctx, photo(i), "image", &v, &err));
    return v;
}

START_TEST(classes_are_those_of_the_original)
{
    rig g;
    omn_error err = OMN_ERROR_INIT;
    omn_value *out = NULL, *seen;
    omn_weights *w = NULL;
    static const char *const names[] = { "dog", "red bus", "house" };
    double see[28], likely[3], sum = 0;
    rig_open(&g);
    WORKS(omn_weights_open(testing_source("tests/golden/clip/tiny_a.zero_shot.safetensors"), &w,
                           &err));
    omn_named in[] = { { "image", picture(&g, 7) }, { "options", texts("dog,red bus,house") },
                       { "templates",
                         texts("a photo of a {}.,a bad photo of the {}.,a drawing of a {}!") } };
    seen = omn_value_ref(in[0].value);
    embedded(&g, "image", seen, see);
    WORKS(run(&g, "classify", in, 3, &out, &err));
    const omn_value *vectors = omn_record_get(out, "vectors");
    const omn_value *scores = omn_record_get(out, "scores");
    const float *wanted = omn_weights_get(w, "out.classifier")->data;
    ck_assert_uint_eq(omn_list_count(vectors), 3);
    for (size_t k = 0; k < 3; k++) {
        const float *x = omn_value_tensor(omn_list_at(vectors, k))->data;
        double cosine = 0;
        for (size_t i = 0; i < 28; i++) {
            ck_assert_double_eq_tol((double)x[i], (double)wanted[i * 3 + k], 1e-4);
            cosine += see[i] * (double)wanted[i * 3 + k];
        }
        sum += likely[k] = exp(100 * cosine);
    }
    ck_assert(omn_value_is(scores, "options"));
    ck_assert_str_eq(omn_text_get(omn_record_get(out, "category"), NULL), label(scores, 0));
    for (size_t k = 0; k < 3; k++)
        for (size_t i = 0; i < 3; i++)
            if (!strcmp(label(scores, i), names[k]))
                ck_assert_double_eq_tol(score(scores, i), likely[k] / sum, 1e-2);
    ck_assert_double_ge(score(scores, 0), score(scores, 1));
    ck_assert_double_eq_tol(score(scores, 0) + score(scores, 1) + score(scores, 2), 1, 1e-9);
    omn_value_unref(seen);
    omn_value_unref(out);
    omn_weights_close(w);
    rig_close(&g);
}
END_TEST

START_TEST(the_usual_sentence)
{
    rig g;
    omn_error err = OMN_ERROR_INIT;
    omn_value *out = NULL, *sentence = text("a photo of a red bus.");
    double wanted[28];
    rig_open(&g);
    omn_named in[] = { { "image", picture(&g, 3) }, { "options", texts("red bus") } };
    embedded(&g, "text", sentence, wanted);
    WORKS(run(&g, "classify", in, 2, &out, &err));
    const float *x =
        omn_value_tensor(omn_list_at(omn_record_get(out, "vectors"), 0))->data;
    for (int i = 0; i < 28; i++) ck_assert_double_eq_tol((double)x[i], wanted[i], 1e-5);
    ck_assert_double_eq_tol(score(omn_record_get(out, "scores"), 0), 1, 1e-12);
    omn_value_unref(out);
    omn_value_unref(sentence);
    rig_close(&g);
}
END_TEST

/* "dog dog dog", n of them. */
static const char *dogs(int n)
{
    static char all[400];
    all[0] = 0;
    while (n--) snprintf(all + strlen(all), sizeof all - strlen(all), n ? "dog " : "dog");
    return all;
}

/* Each dog is a token; of 15 places the marks take two. */
START_TEST(what_is_cut_is_told)
{
    rig g;
    omn_error err = OMN_ERROR_INIT;
    omn_value *out[2] = { NULL };
    rig_open(&g);
    for (int i = 0; i < 2; i++) {
        omn_named in[] = { { "image", picture(&g, 3) }, { "options", texts(dogs(i ? 20 : 13)) },
                           { "templates", texts("{}") } };
        WORKS(run(&g, "classify", in, 3, &out[i], &err));
        ck_assert_str_eq(g.said, i ? "the text has 20 tokens, the model sees the first 13\n" : "");
    }
    const omn_value *x[2];
    for (int i = 0; i < 2; i++) x[i] = omn_list_at(omn_record_get(out[i], "vectors"), 0);
    ck_assert(omn_value_equal(x[0], x[1]));
    for (int i = 0; i < 2; i++) omn_value_unref(out[i]);
    rig_close(&g);
}
END_TEST

START_TEST(options_that_say_nothing)
{
    static const struct { const char *options, *templates, *says; } bad[] = {
        { "dog,house", "no braces", "\"no braces\" has no {}" },
        { "dog,house", "a {},no braces", "\"no braces\" has no {}" },
        { "dog,house", "", "\"\" has no {}" },
        { "", "a {}", "put in for {} is empty" },
        { "dog,,house", "a {}", "put in for {} is empty" },
    };
    rig g;
    rig_open(&g);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        omn_error err = OMN_ERROR_INIT;
        omn_value *out = NULL;
        omn_named in[] = { { "image", picture(&g, 3) }, { "options", texts(bad[i].options) },
                           { "templates", texts(bad[i].templates) } };
        ck_assert_int_eq(run(&g, "classify", in, 3, &out, &err), OMN_ERR_ARGUMENT);
        ck_assert_msg(strstr(err.text, bad[i].says) != NULL, "%zu: %s", i, err.text);
        omn_value_unref(out);
    }
    rig_close(&g);
}
END_TEST

/* Nobody answers: all is asked, and what would be made of the answers is absent. */
START_TEST(a_plan_asks_everything)
{
    rig g;
    omn_error err = OMN_ERROR_INIT;
    omn_value *out = NULL;
    rig_open(&g);
    g.plans = true;
    omn_named in[] = { { "image", picture(&g, 3) }, { "options", texts("dog,house,red bus") },
                       { "templates", texts("a {},the {}") } };
    WORKS(run(&g, "classify", in, 3, &out, &err));
    ck_assert_uint_eq(g.asked, 1 + 3 * 2);
    ck_assert_ptr_null(omn_record_get(out, "category"));
    omn_value_unref(out);
    testing_copy("tests/foreign/povray/03.png", g.folder, "03.PNG");
    testing_copy("tests/foreign/povray/04.png", g.folder, "04.PNG");
    omn_named folder[] = { { "folder", text(g.folder) } };
    WORKS(run(&g, "search-index", folder, 1, &out, &err));
    ck_assert_uint_eq(g.asked, 1 + 3 * 2 + 2);
    ck_assert_ptr_null(omn_record_get(out, "index"));
    omn_value_unref(out);
    rig_close(&g);
}
END_TEST

/* The names of pictures in the order of these scores. */
static void in_order(const omn_value *found, const double *wanted, size_t n)
{
    ck_assert_uint_eq(omn_value_count(found), n);
    for (size_t i = 0; i < n; i++) {
        const char *slash = strrchr(label(found, i), '/');
        ck_assert_ptr_nonnull(slash);
        const int number = atoi(slash + 1);
        ck_assert_double_eq_tol(score(found, i), wanted[number], 1e-5);
        if (i) ck_assert_double_ge(score(found, i - 1), score(found, i));
    }
}

START_TEST(a_folder_is_found_again)
{
    rig g;
    omn_error err = OMN_ERROR_INIT;
    omn_value *out = NULL, *index = NULL, *again = NULL;
    double all[5][28], wanted[5], query[28];
    rig_open(&g);
    for (int i = 0; i < 5; i++) {
        char name[16], from[64];
        omn_value *v = picture(&g, i);
        snprintf(name, sizeof name, "%02d.PNG", i);
        snprintf(from, sizeof from, "tests/foreign/povray/%02d.png", i);
        testing_copy(from, g.folder, name);
        embedded(&g, "image", v, all[i]);
        omn_value_unref(v);
    }
    omn_named folder[] = { { "folder", text(g.folder) } };
    WORKS(run(&g, "search-index", folder, 1, &out, &err));
    index = omn_value_ref(omn_record_get(out, "index"));
    omn_value_unref(out);
    ck_assert(omn_value_is(index, "index"));
    ck_assert_uint_eq(omn_value_count(index), 5);
    /* it is a file of safetensors, and comes back */
    char file[4200];
    snprintf(file, sizeof file, "%s/index.safetensors", g.folder);
    WORKS(omn_value_save(g.ctx, file, index, OMN_OVERWRITE, &err));
    WORKS(omn_value_load(g.ctx, file, "index", &again, &err));
    ck_assert(omn_value_equal(index, again));
    omn_named by_text[] = { { "index", omn_value_ref(again) }, { "text", text("a dog") } };
    embedded(&g, "text", by_text[1].value, query);
    for (int i = 0; i < 5; i++) wanted[i] = dot(query, all[i]);
    WORKS(run(&g, "search", by_text, 2, &out, &err));
    in_order(omn_record_get(out, "found"), wanted, 5);
    omn_value_unref(out);
    omn_named by_image[] = { { "index", omn_value_ref(again) }, { "image", text(photo(3)) },
                             { "most", NULL } };
    WORKS(omn_number_new(2, &by_image[2].value, &err));
    for (int i = 0; i < 5; i++) wanted[i] = dot(all[3], all[i]);
    WORKS(run(&g, "search", by_image, 3, &out, &err));
    in_order(omn_record_get(out, "found"), wanted, 2);
    ck_assert(strstr(label(omn_record_get(out, "found"), 0), "03.PNG") != NULL);
    omn_value_unref(out);
    omn_named by_nothing[] = { { "index", omn_value_ref(again) } };
    ck_assert_int_ne(run(&g, "search", by_nothing, 1, &out, &err), OMN_OK);
    ck_assert_msg(strstr(err.text, "nothing is looked for") != NULL, "%s", err.text);
    omn_value_unref(again);
    omn_value_unref(index);
    rig_close(&g);
}
END_TEST

START_TEST(pictures_are_ordered_by_a_text)
{
    rig g;
    omn_error err = OMN_ERROR_INIT;
    omn_value *out = NULL;
    char files[8192];
    double wanted[3], query[28], one[28], sum = 0;
    rig_open(&g);
    omn_named in[] = { { "images", NULL }, { "text", text("a red bus") } };
    embedded(&g, "text", in[1].value, query);
    for (int i = 0; i < 3; i++) {
        omn_value *v = picture(&g, i);
        embedded(&g, "image", v, one);
        sum += wanted[i] = exp(100 * dot(query, one));
        omn_value_unref(v);
    }
    for (int i = 0; i < 3; i++) wanted[i] /= sum;
    snprintf(files, sizeof files, "%s,", photo(0));
    snprintf(files + strlen(files), sizeof files - strlen(files), "%s,", photo(1));
    snprintf(files + strlen(files), sizeof files - strlen(files), "%s", photo(2));
    in[0].value = texts(files);
    WORKS(run(&g, "rerank", in, 2, &out, &err));
    in_order(omn_record_get(out, "scores"), wanted, 3);
    ck_assert_str_eq(omn_text_get(omn_record_get(out, "best"), NULL),
                     label(omn_record_get(out, "scores"), 0));
    ck_assert(omn_value_is(omn_record_get(out, "picture"), "image"));
    omn_value_unref(out);
    rig_close(&g);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        classes_are_those_of_the_original,
        the_usual_sentence,
        what_is_cut_is_told,
        options_that_say_nothing,
        a_plan_asks_everything,
        a_folder_is_found_again,
        pictures_are_ordered_by_a_text,
    };
    return TESTING_RUN("pipeline/clip", all, 30);
}
