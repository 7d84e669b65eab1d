/* SPDX-License-Identifier: Apache-2.0 */
/* Pipelines and lessons while memory fails: every allocation of the library fails in turn, and what
 * comes out is the lack of memory or the same answer, never a parameter that is empty because its
 * text found no room, a lesson without its end, or a name that is half of one. */
#include "tests/generate/toy.h"
#include "tests/plugin/shelf.h"
#include "tests/starve.h"

#include "libcore/pipeline/plot.h"
#include "libcore/pipeline/recipe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

/* ---- parameters of operations and answers that values give ----------------------------------- */

static const char asks[] =
    "version: 1\n"
    "inputs: {image: {type: image}, width: {type: number}, range: {type: text}}\n"
    "steps:\n"
    "  - {apply: image.resize, as: small, in: $image, width: $width, height: 32}\n"
    "  - {apply: text.upper, in: $range, as: never, when: {empty: $range}}\n"
    "  - {generate: text, as: n, from: {image: $small}, prompt: \"{range}\",\n"
    "     answer: {number: $range}}\n"
    "outputs: {n: $n, small: $small}\n";

typedef struct asking {
    omn_pipeline_run *run;
    omn_named in[3];
    omn_value *wanted;                    /* NULL: what comes is kept */
} asking;

static omn_status asked(void *user, omn_error *err)
{
    asking *a = user;
    omn_value *out = NULL;
    const omn_status st = omn_pipeline_run_one(a->run, a->in, 3, 0, &out, err);
    starve_rest();
    if (st != OMN_OK) return st;
    if (!a->wanted) {
        a->wanted = out;
        return OMN_OK;
    }
    ck_assert(omn_value_equal(out, a->wanted));
    omn_value_unref(out);
    return OMN_OK;
}

START_TEST(a_run_gives_its_answer_or_the_lack)
{
    omn_error err = OMN_ERROR_INIT;
    omn_pipeline *p = NULL;
    asking a = { .in = { { "image", NULL }, { "width", NULL }, { "range", NULL } } };
    toy t;
    const char *folder = testing_folder();
    toy_write(folder, 3);
    toy_open(&t, folder, 1);
    WORKS(omn_pipeline_open(t.ctx, testing_write(folder, "p.yaml", asks, strlen(asks)), &p, &err));
    const omn_pipeline_setup how = { OMN_FILL(omn_pipeline_setup), .model = t.model,
                                     .temperature = NAN, .top_p = NAN };
    a.in[0].value = toy_picture(&t, 64, 64, 1);
    WORKS(omn_number_new(40, &a.in[1].value, &err));
    WORKS(omn_text_new("3..17", 5, &a.in[2].value, &err));
    for (int fresh = 0; fresh < 2; fresh++) {
        WORKS(omn_pipeline_run_new(p, &how, &a.run, &err));
        WORKS(asked(&a, &err));
        starve_play(asked, &a, 40, true);
        omn_pipeline_run_free(a.run);
    }
    ck_assert(omn_number_get(omn_record_get(a.wanted, "n")) >= 3);
    for (int i = 0; i < 3; i++) omn_value_unref(a.in[i].value);
    omn_value_unref(a.wanted);
    omn_pipeline_close(p);
    toy_close(&t);
}
END_TEST

/* ---- questions ------------------------------------------------------------------------------- */

typedef struct telling {
    toy *toy;
    const omn_request *rq;
    omn_value *wanted;
} telling;

static omn_status told_of(void *user, omn_error *err)
{
    telling *k = user;
    omn_value *out = NULL;
    const omn_status st = omn_request_describe(k->toy->model, k->toy->call, k->rq, &out, err);
    starve_rest();
    if (st != OMN_OK) return st;
    if (!k->wanted) {
        k->wanted = out;
        return OMN_OK;
    }
    ck_assert(omn_value_equal(out, k->wanted));
    omn_value_unref(out);
    return OMN_OK;
}

START_TEST(a_question_is_told_whole_or_the_lack)
{
    static const char *const options[] = { "cat", "dog" };
    omn_error err = OMN_ERROR_INIT;
    toy t;
    const char *folder = testing_folder();
    toy_write(folder, 3);
    toy_open(&t, folder, 1);
    const omn_named image = { "image", toy_picture(&t, 64, 64, 1) };
    const omn_condition away = { .weight = -10, .prompt = "a random picture" };
    omn_answer *a[2] = { toy_open_answer(&t, "boxes", "boxes=0.. force=0.3"),
                         toy_open_options(&t, options, 2, NULL) };
    for (size_t i = 0; i < 2; i++) {
        const omn_request rq = { OMN_FILL(omn_request), .inputs = &image, .n_inputs = 1,
                                 .prompt = "where?", .answer = a[i], .conditions = &away,
                                 .n_conditions = 1, .temperature = 1, .top_p = 0.9 };
        telling k = { .toy = &t, .rq = &rq };
        WORKS(told_of(&k, &err));
        starve_play(told_of, &k, 40, false);
        omn_value_unref(k.wanted);
        omn_answer_close(a[i]);
    }
    omn_value_unref(image.value);
    toy_close(&t);
}
END_TEST

/* ---- lessons --------------------------------------------------------------------------------- */

static const char says[] =
    "version: 1\n"
    "inputs: {question: {type: text}}\n"
    "steps:\n"
    "  - {generate: text, as: said, from: {text: $question}}\n"
    "outputs: {answer: $said}\n";

typedef struct teaching {
    omn_teacher *teacher;
    omn_call *call;
    omn_named in;
    omn_value *wanted;
    omn_pipeline_taught first;
} teaching;

static omn_status taught(void *user, omn_error *err)
{
    teaching *k = user;
    omn_pipeline_taught out;
    const omn_status st = omn_teacher_lesson(k->teacher, k->call, &k->in, 1, k->wanted, &out, err);
    starve_rest();
    if (st != OMN_OK) return st;
    if (!k->first.size) {
        k->first = out;
        k->first.size = sizeof out;
        return OMN_OK;
    }
    ck_assert_uint_eq(out.n_inputs, k->first.n_inputs);
    for (uint32_t i = 0; i < out.n_inputs; i++)
        ck_assert(omn_value_equal(out.inputs[i].value, k->first.inputs[i].value));
    ck_assert_uint_eq(out.want.count, k->first.want.count);
    ck_assert(!memcmp(out.want.ids, k->first.want.ids, out.want.count * sizeof *out.want.ids));
    omn_pipeline_taught_fini(&out);
    return OMN_OK;
}

START_TEST(a_lesson_is_whole_or_the_lack)
{
    omn_error err = OMN_ERROR_INIT;
    omn_pipeline *p = NULL;
    teaching k = { .in.name = "question" };
    toy t;
    const char *folder = testing_folder();
    toy_write(folder, 3);
    toy_open(&t, folder, 1);
    WORKS(omn_pipeline_open(t.ctx, testing_write(folder, "p.yaml", says, strlen(says)), &p, &err));
    WORKS(omn_teacher_new(p, t.model, &k.teacher, &err));
    WORKS(omn_context_call(t.ctx, 1, 0, NULL, &k.call, &err));
    WORKS(omn_text_new("how many are there", 18, &k.in.value, &err));
    WORKS(omn_number_new(1234567, &k.wanted, &err));
    WORKS(taught(&k, &err));
    ck_assert_uint_gt(k.first.want.count, 1);
    starve_play(taught, &k, 5, true);
    omn_pipeline_taught_fini(&k.first);
    omn_value_unref(k.in.value);
    omn_value_unref(k.wanted);
    omn_call_free(k.call);
    omn_teacher_free(k.teacher);
    omn_pipeline_close(p);
    toy_close(&t);
}
END_TEST

/* ---- recipes --------------------------------------------------------------------------------- */

static const char learns[] =
    "version: 1\n"
    "model: ./m\n"
    "sources: {mine: {use: folder, path: photos, held_out: 0}}\n"
    "tasks:\n"
    "  - {name: said, pipeline: ./p.yaml, give: {question: question}, want: {answer: answer}}\n"
    "optimizer: {use: adamw}\n"
    "keep: {folder: codes}\n";

typedef struct opening {
    omn_context *ctx;
    const char *path;
} opening;

static omn_status opened(void *user, omn_error *err)
{
    const opening *o = user;
    omn_recipe *r = NULL;
    const omn_status st = omn_recipe_open(o->ctx, o->path, NULL, 0, &r, err);
    starve_rest();
    omn_recipe_close(r);
    return st;
}

START_TEST(a_recipe_opens_or_tells_the_lack)
{
    static const char line[] = "{\"question\": \"what\", \"answer\": 3}\n";
    const char *folder = testing_folder();
    opening o = { .ctx = toy_context(1) };
    ck_assert_int_eq(mkdir(below(folder, "m"), 0777) | mkdir(below(folder, "photos"), 0777), 0);
    toy_write(below(folder, "m"), 3);
    testing_write(folder, "photos/manifest.jsonl", line, strlen(line));
    testing_write(folder, "p.yaml", says, strlen(says));
    o.path = testing_write(folder, "r.yaml", learns, strlen(learns));
    starve_play(opened, &o, 20, true);
    omn_context_free(o.ctx);
}
END_TEST

/* ---- folders of the user --------------------------------------------------------------------- */

/* Plugins are in the user's folder: a context that could not note it would not know them. */
static omn_status known(void *user, omn_error *err)
{
    const omn_entry *e = NULL;
    omn_context *ctx = NULL;
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 1, .cache_dir = "" };
    (void)user;
    const omn_status st = omn_context_new(&how, &ctx, err);
    starve_rest();
    if (st != OMN_OK) return st;
    ck_assert_msg(omn_registry_find(ctx, NULL, "test.pass", &e, err) == OMN_OK, "%s", err->text);
    omn_context_free(ctx);
    return OMN_OK;
}

START_TEST(a_context_knows_its_folders_or_the_lack)
{
    const char *home = testing_folder();
    ck_assert_int_eq(mkdir(below(home, "omnio"), 0777), 0);
    ck_assert_int_eq(mkdir(below(home, "omnio/plugins"), 0777), 0);
    shelf_put(below(home, "omnio/plugins"), "good", "good");
    ck_assert_int_eq(setenv("XDG_DATA_HOME", home, 1), 0);
    starve_play(known, NULL, 10, true);
}
END_TEST

/* ---- names of kinds -------------------------------------------------------------------------- */

static omn_status named(void *user, omn_error *err)
{
    char *name = kind_name(user);
    starve_rest();
    if (!name) return omn_fail(err, OMN_ERR_MEMORY, "a name: out of memory");
    ck_assert_str_eq(name, "how many");
    free(name);
    return OMN_OK;
}

START_TEST(a_kind_of_question_has_its_whole_name)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    WORKS(omn_text_new("How  many?", 10, &v, &err));
    starve_play(named, v, 1, false);
    omn_value_unref(v);
}
END_TEST

/* ---- the picture of a log -------------------------------------------------------------------- */

typedef struct drawing {
    char *log, *svg, *wanted;
    size_t n;
} drawing;

static omn_status drawn(void *user, omn_error *err)
{
    drawing *d = user;
    char *svg = NULL;
    size_t n = 0;
    const omn_status st = plot_loss(d->log, d->svg, err);
    starve_rest();
    if (st != OMN_OK) return st;
    ck_assert_int_eq(omn_file_read(d->svg, 1 << 16, &svg, &n, err), OMN_OK);
    if (!d->wanted) {
        d->wanted = svg;
        d->n = n;
        return OMN_OK;
    }
    ck_assert(n == d->n && !memcmp(svg, d->wanted, n));
    free(svg);
    return OMN_OK;
}

START_TEST(a_log_is_drawn_whole_or_the_lack)
{
    static const char log[] = LOG_HEAD ",loss.vqa\n1,1,1,8.1,8.1,0,4.7,0.001,0.02,8.1\n"
                                       "2,2,2,7.7,7.7,0,4.6,0.001,0.02,7.7\n";
    omn_error err = OMN_ERROR_INIT;
    const char *folder = testing_folder();
    drawing d = { .log = strdup(testing_write(folder, "log.csv", log, strlen(log))),
                  .svg = strdup(testing_write(folder, "loss.svg", "", 0)) };
    WORKS(drawn(&d, &err));
    starve_play(drawn, &d, 5, false);
    free(d.log);
    free(d.svg);
    free(d.wanted);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        a_run_gives_its_answer_or_the_lack,
        a_question_is_told_whole_or_the_lack,
        a_lesson_is_whole_or_the_lack,
        a_recipe_opens_or_tells_the_lack,
        a_context_knows_its_folders_or_the_lack,
        a_kind_of_question_has_its_whole_name,
        a_log_is_drawn_whole_or_the_lack,
    };
    return TESTING_RUN("pipeline/starved", all, 120);
}
