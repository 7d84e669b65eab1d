/* SPDX-License-Identifier: Apache-2.0 */
/* Two models in one pipeline: what one draws another judges. The order is that of the same pictures
 * drawn by hand and ranked by the pipeline that does only that; the account of memory has both
 * models; a name that nobody gave, a model that nobody asks or lends, and a task that would ask
 * two are refused by name. The models are those of golden files. */
#include "tests/generate/toy.h"

#include <omnio/pipeline.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

enum { MANY = 8, SEED = 11 };

typedef struct rig {
    omn_context *ctx;
    const char *folder;
    omn_model *draws, *picks;
    omn_pipeline *p;
} rig;

static void open_models(rig *r)
{
    static const char config[] =
        "{\"model_type\": \"dalle\", \"hidden_size\": 8, \"num_attention_heads\": 4, "
        "\"num_layers\": 3, \"vocab_size\": 76, \"text_seq_length\": 4, \"image_vocab_size\": 16, "
        "\"image_tokens_per_dim\": 4, \"omnio\": {\"kernel\": 3, \"n_hid\": 4, \"n_init\": 6, "
        "\"n_blk_per_group\": 1, \"group_count\": 2}}";
    omn_error err = OMN_ERROR_INIT;
    *r = (rig){ .ctx = toy_context(2), .folder = testing_folder() };
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(mkdir(below(r->folder, i ? "clip" : "dalle"), 0777), 0);
    const char *dalle = below(r->folder, "dalle"), *clip = below(r->folder, "clip");
    testing_write(dalle, "config.json", config, sizeof config - 1);
    testing_copy("tests/golden/vl-t5/tiny_spm.model", dalle, "tokenizer.model");
    testing_copy("tests/golden/dalle/tiny_b.weights.safetensors", dalle, "model.safetensors");
    testing_copy("tests/golden/clip/tiny_a.hf/config.json", clip, "config.json");
    testing_copy("tests/golden/clip/tiny_a.hf/model.safetensors", clip, "model.safetensors");
    testing_copy("tests/golden/clip/tiny_a.bpe.txt.gz", clip, "bpe_simple_vocab_16e6.txt.gz");
    WORKS(omn_model_open(r->ctx, dalle, NULL, &r->draws, &err));
    WORKS(omn_model_open(r->ctx, clip, NULL, &r->picks, &err));
}

static void rig_close(rig *r)
{
    omn_pipeline_close(r->p);
    omn_model_close(r->draws);
    omn_model_close(r->picks);
    omn_context_free(r->ctx);
}

static void open_shipped(rig *r, const char *name)
{
    omn_error err = OMN_ERROR_INIT;
    char path[128];
    snprintf(path, sizeof path, "pipelines/%s.yaml", name);
    omn_pipeline_close(r->p);
    WORKS(omn_pipeline_open(r->ctx, testing_source(path), &r->p, &err));
}

/* A pipeline with these lines, in a file of its own. */
static omn_status open_written(rig *r, const char *lines, omn_error *err)
{
    testing_write(r->folder, "own.yaml", lines, strlen(lines));
    omn_pipeline_close(r->p);
    r->p = NULL;
    return omn_pipeline_open(r->ctx, below(r->folder, "own.yaml"), &r->p, err);
}

static omn_value *text(const char *s)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    WORKS(omn_text_new(s, strlen(s), &v, &err));
    return v;
}

static omn_value *run(rig *r, omn_model *own, const omn_named *in, size_t n)
{
    omn_error err = OMN_ERROR_INIT;
    omn_pipeline_run *job = NULL;
    omn_value *out = NULL;
    const omn_pipeline_setup how = { OMN_FILL(omn_pipeline_setup), .model = own,
                                     .temperature = NAN, .top_p = NAN, .seed = SEED };
    WORKS(omn_pipeline_run_new(r->p, &how, &job, &err));
    WORKS(omn_pipeline_run_one(job, in, n, 0, &out, &err));
    omn_pipeline_run_free(job);
    return out;
}

static const omn_value *at(const omn_value *record, const char *name)
{
    const omn_value *v = omn_record_get(record, name);
    ck_assert_msg(v != NULL, "nothing is called \"%s\"", name);
    return v;
}

static const char *label(const omn_value *options, size_t i)
{
    return ((const char *const *)omn_value_column(options, "text")->data)[i];
}

static double score(const omn_value *options, size_t i)
{
    return ((const double *)omn_value_column(options, "score")->data)[i];
}

/* ---- the order ------------------------------------------------------------------------------- */

/* The candidates as they are drawn without any other model, best known by their writer first. */
static omn_value *drawn_by_hand(rig *r, omn_value *words)
{
    omn_error err = OMN_ERROR_INIT;
    WORKS(open_written(r,
                       "version: 1\nmodel: dalle\ninputs: {text: {type: text, help: words}}\n"
                       "steps:\n  - {generate: image, as: drawn, sample: {temperature: 1},\n"
                       "     search: {n_best: 8}, prompt: \"{text}\"}\n"
                       "outputs: {drawn: $drawn}\n",
                       &err));
    const omn_named in = { "text", words };
    return run(r, r->draws, &in, 1);
}

/* The files in which those pictures lie, to be ranked by the pipeline that does only that. */
static omn_value *ranked_by_hand(rig *r, const omn_value *drawn, omn_value *words)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *files[MANY], *list = NULL;
    for (size_t i = 0; i < MANY; i++) {
        char name[16];
        snprintf(name, sizeof name, "%zu.png", i + 1);
        files[i] = text(below(r->folder, name));
        WORKS(omn_value_save(r->ctx, below(r->folder, name), omn_list_at(drawn, i),
                             OMN_KEEP_EXISTING, &err));
    }
    WORKS(omn_list_new(files, MANY, &list, &err));
    open_shipped(r, "rerank");
    const omn_named in[] = { { "images", list }, { "text", words } };
    omn_value *out = run(r, r->picks, in, 2);
    for (size_t i = 0; i < MANY; i++) omn_value_unref(files[i]);
    omn_value_unref(list);
    return out;
}

/* The number in front of ".png", from 1. */
static size_t number_of(const char *file)
{
    const char *slash = strrchr(file, '/');
    ck_assert_ptr_nonnull(slash);
    return strtoul(slash + 1, NULL, 10);
}

START_TEST(the_order_is_that_of_ranking_by_hand)
{
    rig r;
    omn_error err = OMN_ERROR_INIT;
    size_t moved = 0;
    open_models(&r);
    omn_value *words = text("a dog");
    omn_value *all = drawn_by_hand(&r, words);
    const omn_value *drawn = at(all, "drawn");
    ck_assert_uint_eq(omn_list_count(drawn), MANY);
    omn_value *hand = ranked_by_hand(&r, drawn, words);
    const omn_value *wanted = at(hand, "scores");
    open_shipped(&r, "dalle-image-best");
    WORKS(omn_pipeline_lend(r.p, "picker", r.picks, &err));
    const omn_named in = { "text", words };
    omn_value *out = run(&r, r.draws, &in, 1);
    const omn_value *scores = at(out, "scores"), *pictures = at(out, "pictures");
    ck_assert_uint_eq(omn_value_count(scores), MANY);
    for (size_t i = 0; i < MANY; i++) {
        const size_t place = strtoul(label(scores, i), NULL, 10);
        ck_assert_uint_eq(place, number_of(label(wanted, i)));
        /* PNG loses nothing, so that both are made by the same products */
        ck_assert_double_eq_tol(score(scores, i), score(wanted, i), 1e-9);
        ck_assert(omn_value_equal(omn_list_at(pictures, i), omn_list_at(drawn, place - 1)));
        moved += place != i + 1;
        if (i) ck_assert_double_gt(score(scores, i - 1), score(scores, i));
    }
    /* what was drawn did not already lie in that order, nor are its pictures one */
    ck_assert_uint_ge(moved, 2);
    ck_assert(omn_value_equal(at(out, "picture"), at(hand, "picture")));
    ck_assert(!omn_value_equal(at(out, "picture"), omn_list_at(pictures, MANY - 1)));
    omn_value_unref(out);
    omn_value_unref(hand);
    omn_value_unref(all);
    omn_value_unref(words);
    rig_close(&r);
}
END_TEST

/* Items of a batch share both models; each has the order that it has alone. */
START_TEST(many_are_ranked_as_one)
{
    static const char *const says[] = { "a dog", "a car", "a dog" };
    rig r;
    omn_error err = OMN_ERROR_INIT;
    omn_pipeline_run *job = NULL;
    omn_value *words[3], *alone[3];
    omn_named in[3];
    omn_pipeline_item items[3];
    open_models(&r);
    open_shipped(&r, "dalle-image-best");
    WORKS(omn_pipeline_lend(r.p, "picker", r.picks, &err));
    for (size_t i = 0; i < 3; i++) {
        words[i] = text(says[i]);
        in[i] = (omn_named){ "text", words[i] };
        alone[i] = run(&r, r.draws, &in[i], 1);
        items[i] = (omn_pipeline_item){ .inputs = &in[i], .n = 1, .item = i };
    }
    ck_assert(!omn_value_equal(alone[0], alone[1]));
    const omn_pipeline_setup how = { OMN_FILL(omn_pipeline_setup), .model = r.draws,
                                     .temperature = NAN, .top_p = NAN, .seed = SEED };
    WORKS(omn_pipeline_run_new(r.p, &how, &job, &err));
    WORKS(omn_pipeline_run_many(job, items, 3, &err));
    for (size_t i = 0; i < 3; i++) {
        ck_assert_msg(items[i].err.status == OMN_OK, "%s", items[i].err.text);
        const omn_value *many = at(items[i].out, "scores"), *one = at(alone[i], "scores");
        ck_assert(omn_value_equal(at(items[i].out, "pictures"), at(alone[i], "pictures")));
        for (size_t k = 0; k < MANY; k++) {
            ck_assert_str_eq(label(many, k), label(one, k));
            /* rows of a batch are added up in other blocks */
            ck_assert_double_eq_tol(score(many, k), score(one, k), 1e-4);
        }
        omn_value_unref(items[i].out);
        omn_value_unref(items[i].told);
        omn_value_unref(alone[i]);
        omn_value_unref(words[i]);
    }
    omn_pipeline_run_free(job);
    rig_close(&r);
}
END_TEST

/* ---- the account ----------------------------------------------------------------------------- */

typedef struct account {
    uint64_t weights[2], inputs[2], work[2]; /* of the pipeline's own, of picker */
    size_t others;                           /* rows of any other name */
} account;

static void add(void *user, const omn_pipeline_need *n)
{
    account *a = user;
    const int of = n->model != NULL;
    if (n->model && strcmp(n->model, "picker") != 0) a->others++;
    if (!strcmp(n->what, "weights")) a->weights[of] += n->bytes;
    if (!strcmp(n->what, "inputs")) a->inputs[of] += n->bytes;
    if (n->turns && n->bytes > a->work[of]) a->work[of] = n->bytes;
}

START_TEST(both_are_counted)
{
    rig r;
    omn_error err = OMN_ERROR_INIT;
    account a = { .others = 0 };
    omn_pipeline_cost both = { OMN_FILL(omn_pipeline_cost) }, one[2] = { both, both };
    open_models(&r);
    open_shipped(&r, "dalle-image");
    WORKS(omn_pipeline_needs(r.p, r.draws, NULL, NULL, &one[0], &err));
    open_shipped(&r, "rerank");
    WORKS(omn_pipeline_needs(r.p, r.picks, NULL, NULL, &one[1], &err));
    open_shipped(&r, "dalle-image-best");
    ck_assert_int_eq(omn_pipeline_needs(r.p, r.draws, NULL, NULL, &both, &err), OMN_ERR_ARGUMENT);
    ck_assert_msg(strstr(err.text, "needs the model \"picker\"") != NULL, "%s", err.text);
    err = (omn_error)OMN_ERROR_INIT;
    WORKS(omn_pipeline_lend(r.p, "picker", r.picks, &err));
    WORKS(omn_pipeline_needs(r.p, r.draws, add, &a, &both, &err));
    ck_assert_uint_eq(a.others, 0);
    ck_assert_uint_eq(both.parameters, one[0].parameters + one[1].parameters);
    ck_assert_uint_eq(both.weights, one[0].weights + one[1].weights);
    ck_assert_uint_eq(both.read, one[0].read + one[1].read);
    ck_assert_uint_eq(a.weights[0], one[0].read);
    ck_assert_uint_eq(a.weights[1], one[1].read);
    ck_assert_uint_eq(a.inputs[0], one[0].inputs);
    ck_assert_uint_eq(a.inputs[1], one[1].inputs);
    /* eight pictures at once take more than one; the other's is what it is alone, beside it */
    ck_assert_uint_eq(a.work[1], one[1].workspace);
    ck_assert_uint_gt(a.work[0], one[0].workspace);
    ck_assert_uint_eq(both.workspace, a.work[0] + a.work[1]);
    rig_close(&r);
}
END_TEST

/* ---- what is refused ------------------------------------------------------------------------- */

#define HEAD "version: 1\nmodel: dalle\ninputs: {text: {type: text, help: words}}\n"
#define TAIL "outputs: {v: $v}\n"
#define DRAWS "  - {generate: image, as: v, prompt: \"{text}\"}\n"
#define JUDGES(by) "  - {embed: embedding.text, as: w, model: " by ", prompt: \"{text}\"}\n"

START_TEST(names_that_do_not_fit_are_told)
{
    static const struct { const char *lines, *says; } bad[] = {
        { HEAD "steps:\n" DRAWS JUDGES("picker") TAIL,
          "there is no model \"picker\": the pipeline names none under models:" },
        { HEAD "models: {judge: clip, other: clip}\nsteps:\n" DRAWS JUDGES("picker") TAIL,
          "there is no model \"picker\"; models: has judge, other" },
        { HEAD "models: {picker: clip, judge: clip}\nsteps:\n" DRAWS JUDGES("picker") TAIL,
          "no step asks the model \"judge\"" },
        { HEAD "models: {pick.er: clip}\nsteps:\n" DRAWS TAIL, "a word of letters" },
        { HEAD "models: {}\nsteps:\n" DRAWS TAIL, "1 to 8 other models" },
        { HEAD "models: {picker: {file: clip}}\nsteps:\n" DRAWS TAIL, "file" },
    };
    rig r;
    open_models(&r);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        omn_error err = OMN_ERROR_INIT;
        ck_assert_int_eq(open_written(&r, bad[i].lines, &err), OMN_ERR_CONFIG);
        ck_assert_msg(strstr(err.text, bad[i].says) != NULL, "%zu: %s", i, err.text);
        ck_assert_msg(err.line > 0, "%zu", i);
    }
    rig_close(&r);
}
END_TEST

START_TEST(a_model_that_nobody_gives)
{
    rig r;
    omn_error err = OMN_ERROR_INIT;
    const omn_pipeline_port *list = NULL;
    omn_pipeline_run *job = NULL;
    open_models(&r);
    const omn_pipeline_setup how = { OMN_FILL(omn_pipeline_setup), .model = r.draws,
                                     .temperature = NAN, .top_p = NAN };
    WORKS(open_written(&r, HEAD "models: {picker: {help: a judge}}\nsteps:\n" DRAWS
                                JUDGES("picker") TAIL, &err));
    ck_assert_uint_eq(omn_pipeline_models(r.p, &list), 1);
    ck_assert_str_eq(list[0].name, "picker");
    ck_assert_str_eq(list[0].help, "a judge");
    ck_assert_ptr_null(list[0].deflt);
    ck_assert_int_ne(omn_pipeline_run_new(r.p, &how, &job, &err), OMN_OK);
    ck_assert_msg(strstr(err.text, "the model \"picker\" is wanted (-m picker=MODEL)") &&
                      strstr(err.text, "a judge"), "%s", err.text);
    err = (omn_error)OMN_ERROR_INIT;
    ck_assert_int_eq(omn_pipeline_lend(r.p, "judge", r.picks, &err), OMN_ERR_ARGUMENT);
    ck_assert_msg(strstr(err.text, "no model \"judge\"; models: has picker"), "%s", err.text);
    /* beside the file, as everything that it names; and what is not there is told by its name */
    err = (omn_error)OMN_ERROR_INIT;
    WORKS(open_written(&r, HEAD "models: {picker: clip}\nsteps:\n" DRAWS JUDGES("picker") TAIL,
                       &err));
    WORKS(omn_pipeline_run_new(r.p, &how, &job, &err));
    omn_pipeline_run_free(job);
    WORKS(open_written(&r, HEAD "models: {picker: nowhere}\nsteps:\n" DRAWS JUDGES("picker") TAIL,
                       &err));
    ck_assert_int_eq(omn_pipeline_run_new(r.p, &how, &job, &err), OMN_ERR_MISSING);
    ck_assert_msg(strstr(err.text, "the model \"picker\" (-m picker=MODEL gives another)"), "%s",
                  err.text);
    rig_close(&r);
}
END_TEST

/* The step that asks the pipeline's own model is the lesson; another model is asked nothing there,
 * so a step that the lesson needs may not ask one. */
START_TEST(a_task_teaches_its_own_model_alone)
{
    rig r;
    omn_error err = OMN_ERROR_INIT;
    omn_teacher *t = NULL;
    omn_call *c = NULL;
    omn_pipeline_taught taught;
    open_models(&r);
    omn_value *words = text("a dog");
    const omn_named in = { "text", words };
    WORKS(omn_context_call(r.ctx, 0, 0, NULL, &c, &err));
    WORKS(open_written(&r, HEAD "models: {other: dalle}\nsteps:\n"
                                "  - {generate: image, as: w, model: other, prompt: \"{text}\"}\n"
                                DRAWS "outputs: {v: $v, w: $w}\n", &err));
    ck_assert(omn_pipeline_teaches(r.p));
    ck_assert_str_eq(omn_pipeline_asks(r.p), "image");
    WORKS(omn_teacher_new(r.p, r.draws, &t, &err));
    omn_teacher_free(t);
    WORKS(open_written(&r, HEAD "models: {other: dalle}\nsteps:\n"
                                "  - {generate: text, as: w, model: other, prompt: \"{text}\"}\n"
                                "  - {generate: image, as: v, prompt: \"{w}\"}\n" TAIL, &err));
    WORKS(omn_teacher_new(r.p, r.draws, &t, &err));
    ck_assert_int_ne(omn_teacher_lesson(t, c, &in, 1, words, &taught, &err), OMN_OK);
    ck_assert_msg(strstr(err.text, "a task asks the model once"), "%s", err.text);
    omn_teacher_free(t);
    /* one that asks others alone teaches nothing */
    err = (omn_error)OMN_ERROR_INIT;
    WORKS(open_written(&r, HEAD "models: {other: dalle}\nsteps:\n"
                                "  - {generate: image, as: v, model: other, prompt: \"{text}\"}\n"
                                TAIL, &err));
    ck_assert_ptr_null(omn_pipeline_model(r.p));
    ck_assert(!omn_pipeline_teaches(r.p));
    omn_value_unref(words);
    omn_call_free(c);
    rig_close(&r);
}
END_TEST

/* Codes go through the decoder of the model that is named, which may be the only one. */
START_TEST(codes_of_another_model)
{
    rig r;
    omn_error err = OMN_ERROR_INIT;
    omn_pipeline_cost cost = { OMN_FILL(omn_pipeline_cost) };
    open_models(&r);
    WORKS(open_written(&r,
                       "version: 1\nmodels: {painter: dalle}\n"
                       "inputs: {image: {type: image, help: a picture}}\nsteps:\n"
                       "  - {tokenize: $image, as: codes, with: image, model: painter}\n"
                       "  - {detokenize: $codes, as: again, with: image, model: painter}\n"
                       "outputs: {codes: $codes, again: $again}\n", &err));
    ck_assert_ptr_null(omn_pipeline_model(r.p));
    omn_value *picture = NULL;
    WORKS(omn_value_load(r.ctx, testing_source("tests/foreign/povray/01.png"), "image", &picture,
                         &err));
    const omn_named in = { "image", picture };
    omn_value *out = run(&r, NULL, &in, 1);
    const int32_t *codes = NULL;
    ck_assert_uint_eq(omn_tokens_get(at(out, "codes"), &codes, NULL), 16);
    ck_assert(omn_value_is(at(out, "again"), "image"));
    WORKS(omn_pipeline_lend(r.p, "painter", r.draws, &err));
    WORKS(omn_pipeline_needs(r.p, NULL, NULL, NULL, &cost, &err));
    ck_assert_uint_gt(cost.making, 0);
    ck_assert_uint_gt(cost.parameters, 0);
    omn_value_unref(out);
    omn_value_unref(picture);
    rig_close(&r);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        the_order_is_that_of_ranking_by_hand,
        many_are_ranked_as_one,
        both_are_counted,
        names_that_do_not_fit_are_told,
        a_model_that_nobody_gives,
        a_task_teaches_its_own_model_alone,
        codes_of_another_model,
    };
    return TESTING_RUN("pipeline/picked", all, 30);
}
