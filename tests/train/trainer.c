/* SPDX-License-Identifier: Apache-2.0 */
/* The trainer on a tiny model: it learns, it packs as it should, and a run that is stopped and goes
 * on ends in the same bits as one that was not. */
#include "tests/train/tiny.h"

#include "libcore/train/trainer.h"
#include "tests/testing.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void same_files(const char *a, const char *b)
{
    char *x = NULL, *y = NULL;
    size_t n = 0, m = 0;
    ck_assert_int_eq(omn_file_read(a, 1 << 28, &x, &n, NULL), OMN_OK);
    ck_assert_int_eq(omn_file_read(b, 1 << 28, &y, &m, NULL), OMN_OK);
    ck_assert_uint_eq(n, m);
    ck_assert_mem_eq(x, y, n);
    free(x);
    free(y);
}

static void must(omn_status st, const omn_error *err)
{
    ck_assert_msg(st == OMN_OK, "%s", err->text);
}

START_TEST(a_tiny_model_learns)
{
    const char *folder = testing_folder();
    omn_train_setup s = tiny_setup(OMN_MUON);
    tiny k;
    s.steps = 120;
    s.rate = 0.01;
    tiny_open(&k, tiny_folder(folder), 2, &s);
    const omn_train_report first = tiny_steps(&k, 1), last = tiny_steps(&k, 119);
    ck_assert_uint_eq(last.step, 120);
    ck_assert_uint_eq(omn_trainer_at(k.t), 120);
    ck_assert_double_gt(first.text_loss, 4);
    ck_assert_double_lt(last.text_loss,
                        0.5); /* soft labels of places leave a floor of about 0.15 */
    ck_assert_double_lt(last.aux_loss, 0.3 * first.aux_loss);
    ck_assert_double_lt(last.task_loss[0], 0.2);  /* the colour is seen */
    ck_assert_uint_gt(last.task_lessons[0], 0);
    ck_assert_uint_eq(last.skipped_steps, 0);
    ck_assert_double_eq_tol(first.loss, first.text_loss + first.aux_loss, 1e-4);
    tiny_close(&k);
}
END_TEST

/* Rows: one segment a lesson, positions from 0, the picture in a segment that all share. */
START_TEST(lessons_are_packed_into_rows)
{
    const char *folder = testing_folder();
    omn_train_setup s = tiny_setup(OMN_ADAMW);
    tiny k;
    omn_error err = OMN_ERROR_INIT;
    int alone = 0, together = 0;
    tiny_open(&k, tiny_folder(folder), 2, &s);
    omn_trainer *t = k.t;
    for (int turn = 0; turn < 8; turn++) {
        must(batch_fill(t, k.call, &err), &err);
        for (uint32_t b = 0; b < s.batch; b++) {
            const int32_t *ids = t->texts[0].ids + b * s.inputs;
            const int32_t *seg = t->texts[0].seg + b * s.inputs;
            const int32_t *tid = t->t_ids + b * s.targets, *tseg = t->t_seg + b * s.targets;
            const int32_t *lab = t->t_labels + b * s.targets, *tpos = t->t_pos + b * s.targets;
            const int32_t *pix =
                (const int32_t *)omn_feed_get(t->feed, "image.seg")->data + b * t->cells;
            int32_t lessons = 0, ends = 0;
            for (uint32_t i = 0; i < s.inputs; i++) {
                const bool first = i == 0 || seg[i] != seg[i - 1];
                if (seg[i] && first) ck_assert_int_eq(seg[i], ++lessons);
                ck_assert_int_eq(t->texts[0].pos[b * s.inputs + i],
                                 !seg[i] || first ? 0 : t->texts[0].pos[b * s.inputs + i - 1] + 1);
                if (seg[i] && (i + 1 == s.inputs || seg[i + 1] != seg[i]))
                    ck_assert_int_eq(ids[i], t->text_end);
            }
            ck_assert_int_gt(lessons, 0);
            for (uint32_t i = 0; i < s.targets; i++) {
                const float w = t->t_weight[b * s.targets + i];
                ck_assert_int_eq(tseg[i], t->t_part[b * s.targets + i]);
                ck_assert(tseg[i] ? w > 0 : w == 0);
                if (!tseg[i]) continue;
                ck_assert_int_le(tseg[i], lessons);
                if (tpos[i] == 0) ck_assert_int_eq(tid[i], t->outputs[0].start);
                else ck_assert_int_eq(tid[i], lab[i - 1]);
                ends += lab[i] == t->outputs[0].stop;
            }
            ck_assert_int_eq(ends, lessons);
            if (pix[0] == OMN_SEG_SHARED) {
                together++;
                ck_assert_int_eq(lessons, 3);
            } else {
                alone++;
                ck_assert_int_eq(pix[0], 0);
                ck_assert_int_ge(lessons, 2);
            }
        }
        batch_commit(t);
    }
    ck_assert_int_gt(alone, 3);
    ck_assert_int_gt(together, 20);
    ck_assert_uint_gt(t->n_pool, 0);
    tiny_close(&k);
}
END_TEST

/* A picture that is not shared is seen by the first segment alone: each lesson has a row, none is
 * lost where a batch ends, and a page that did not fit begins the next. */
START_TEST(lessons_that_cannot_share_have_rows_of_their_own)
{
    const char *folder = tiny_folder(testing_folder());
    char path[512], *config = NULL;
    size_t n = 0;
    omn_train_setup s = tiny_setup(OMN_ADAMW);
    tiny k;
    omn_error err = OMN_ERROR_INIT;
    uint64_t rows = 0, of_task[3] = { 0 };
    snprintf(path, sizeof(path), "%s/config.json", folder);
    must(omn_file_read(path, 1 << 20, &config, &n, &err), &err);
    char *key = strstr(config, "\"share_image\": true");
    ck_assert_ptr_nonnull(key);
    memcpy(strstr(key, "true"), "null", 4); /* as if it were not there */
    testing_write(folder, "config.json", config, n);
    free(config);
    s.batch = 7;                          /* pages have three lessons or none with a picture */
    tiny_open(&k, folder, 2, &s);
    for (int turn = 0; turn < 8; turn++) {
        must(batch_fill(k.t, k.call, &err), &err);
        for (uint32_t b = 0; b < s.batch; b++) {
            const int32_t *pix =
                (const int32_t *)omn_feed_get(k.t->feed, "image.seg")->data + b * k.t->cells;
            if (pix[0] == 0) continue;
            ck_assert_int_eq(pix[0], 1);
            ck_assert_uint_eq(k.t->rows[b].lessons, 1);
            ck_assert_int_eq(k.t->texts[0].seg[b * s.inputs], 1); /* it sees the picture */
            rows++;
            of_task[k.t->token_task[b * s.targets]]++;
        }
        batch_commit(k.t);
    }
    ck_assert_uint_gt(rows, 30);
    ck_assert_uint_eq(k.t->dropped, 0);
    ck_assert_uint_eq(of_task[0] * 2, of_task[1]); /* no page without one of its lessons */
    ck_assert_uint_eq(of_task[2], 0);
    ck_assert_uint_eq(rows, of_task[0] * 3);
    tiny_close(&k);
    s.batch = 2;                          /* what no batch could hold is counted */
    tiny_open(&k, folder, 2, &s);
    must(batch_fill(k.t, k.call, &err), &err);
    batch_commit(k.t);
    must(batch_fill(k.t, k.call, &err), &err);
    batch_commit(k.t);
    ck_assert_uint_gt(k.t->dropped, 0);
    tiny_close(&k);
}
END_TEST

START_TEST(what_does_not_fit_is_counted)
{
    const char *folder = testing_folder();
    omn_train_setup s = tiny_setup(OMN_ADAMW);
    s.targets = 5;                        /* "red" and "left" with their ends, and no third */
    tiny k;
    tiny_open(&k, tiny_folder(folder), 2, &s);
    const omn_train_report r = tiny_steps(&k, 4);
    ck_assert_uint_gt(r.dropped_lessons, 5);
    tiny_close(&k);
}
END_TEST

/* Pages of one lesson about no picture; every other one is too long for a row. */
static omn_status odd_pages(void *user, omn_call *c, uint64_t index, uint64_t step, omn_arena *a,
                            omn_page *out, omn_error *err)
{
    static const char file[] = "lessons.jsonl";
    const bool all = *(const bool *)user;
    (void)c;
    (void)step;
    const bool long_one = all || index % 2;
    out->file = file;
    out->line = (int32_t)index + 1;
    return tiny_lesson(out, a, "what?",
                       long_one ? "red red red red red red red red red red red red" : "red", NULL,
                       (omn_lesson){ .weight = 1, .end_weight = 1, .task = 1 }, err);
}

START_TEST(a_lesson_that_fits_no_row_is_bad)
{
    const char *folder = tiny_folder(testing_folder());
    char path[512];
    bool all = false;
    omn_error err = OMN_ERROR_INIT;
    omn_train_setup s = tiny_setup(OMN_ADAMW);
    tiny k;
    s.page = odd_pages;
    s.page_user = &all;
    snprintf(path, sizeof(path), "%s/a.safetensors", folder);
    tiny_open(&k, folder, 2, &s);         /* told, with its place and its task */
    ck_assert_int_eq(omn_trainer_step(k.t, k.call, NULL, &err), OMN_ERR_DATA);
    ck_assert_str_eq(err.file, "lessons.jsonl");
    ck_assert_int_eq(err.line, 2);
    ck_assert_msg(strstr(err.text, "task place: the answer is 13 tokens long"), "%s", err.text);
    ck_assert_uint_eq(omn_trainer_at(k.t), 0);
    tiny_close(&k);
    s.skip_bad = true;                    /* or counted, and the count goes on with the run */
    tiny_open(&k, folder, 2, &s);
    const omn_train_report r = tiny_steps(&k, 2);
    ck_assert_uint_gt(r.bad_lessons, 5);
    ck_assert_uint_eq(r.dropped_lessons, 0);
    must(omn_trainer_save(k.t, path, &err), &err);
    tiny_close(&k);
    tiny_open(&k, folder, 2, &s);
    must(omn_trainer_load(k.t, path, &err), &err);
    ck_assert_uint_gt(tiny_steps(&k, 1).bad_lessons, r.bad_lessons);
    tiny_close(&k);
    all = true;                           /* and when nothing is left it is an error */
    s.most_empty = 20;
    tiny_open(&k, folder, 2, &s);
    err = (omn_error)OMN_ERROR_INIT;
    ck_assert_int_eq(omn_trainer_step(k.t, k.call, NULL, &err), OMN_ERR_DATA);
    ck_assert_msg(strstr(err.text, "nothing to learn from"), "%s", err.text);
    tiny_close(&k);
}
END_TEST

/* A lesson that sees no picture stands in a row without one. */
static omn_status mixed_page(void *user, omn_call *c, uint64_t index, uint64_t step, omn_arena *a,
                             omn_page *out, omn_error *err)
{
    const omn_status st = tiny_page(user, c, index, step, a, out, err);
    omn_lesson *l = (omn_lesson *)(uintptr_t)out->lessons;
    if (st == OMN_OK && out->n_lessons == 3 && l[1].n_inputs == 2) {
        l[1].inputs++;                    /* its text alone */
        l[1].n_inputs--;
    }
    return st;
}

START_TEST(a_lesson_without_inputs_sees_none)
{
    const char *folder = tiny_folder(testing_folder());
    omn_train_setup s = tiny_setup(OMN_ADAMW);
    omn_error err = OMN_ERROR_INIT;
    int seen = 0;
    tiny k;
    s.page = mixed_page;
    tiny_open(&k, folder, 2, &s);
    for (int turn = 0; turn < 6; turn++) {
        must(batch_fill(k.t, k.call, &err), &err);
        for (uint32_t b = 0; b < s.batch; b++) {
            const bool picture = ((const int32_t *)omn_feed_get(k.t->feed, "image.seg")
                                      ->data)[b * k.t->cells] != 0;
            for (uint32_t i = 0; picture && i < s.targets; i++)
                if (k.t->t_pos[b * s.targets + i] == 0 && k.t->t_seg[b * s.targets + i]) seen++;
            ck_assert(!picture || k.t->rows[b].lessons == 2);
        }
        batch_commit(k.t);
    }
    ck_assert_int_gt(seen, 10);
    tiny_close(&k);
}
END_TEST

/* ---- what is wanted, id by id ---------------------------------------------------------------- */

/* Pages of one lesson, changed by whom the test names. */
typedef struct saying {
    const char *asks, *says, *modality;
    const float *weights;
    void (*change)(omn_lesson *l, omn_page *p);
    int which;
} saying;

static omn_status told_page(void *user, omn_call *c, uint64_t index, uint64_t step, omn_arena *a,
                            omn_page *out, omn_error *err)
{
    const saying *all = user;
    (void)c;
    (void)step;
    for (const saying *k = all; k->asks; k++) {
        if (k->which >= 0 && (uint64_t)k->which != index % 2) continue;
        const omn_status st = tiny_lesson(out, a, k->asks, k->says, NULL, (omn_lesson){
                                          .weight = 2, .end_weight = 0.5, .task = 1,
                                          .modality = k->modality, .weights = k->weights }, err);
        if (st != OMN_OK) return st;
        if (k->change) k->change((omn_lesson *)(uintptr_t)&out->lessons[out->n_lessons - 1], out);
    }
    return OMN_OK;
}

static omn_train_setup told_setup(const saying *all)
{
    omn_train_setup s = tiny_setup(OMN_ADAMW);
    s.page = told_page;
    s.page_user = (void *)(uintptr_t)all;
    s.aux = s.aux_last = s.soft_sigma = 0;
    return s;
}

/* As an answer's write gives them: those that come later count 1 again, also behind a growth. */
START_TEST(ids_are_weighed_from_a_number_on)
{
    omn_ids w;
    omn_ids_init(&w, 1000);
    for (int i = 0; i < 3; i++) omn_ids_put(&w, i);
    ck_assert_ptr_null(w.weights);
    omn_ids_weigh(&w, 1, 0.25);
    for (int i = 3; i < 200; i++) omn_ids_put(&w, i);
    omn_ids_weigh(&w, 199, 0);
    ck_assert(!w.failed && w.count == 200 && w.ids[199] == 199);
    for (size_t i = 0; i < 200; i++)
        ck_assert(w.weights[i] == (i == 199 ? 0 : i == 1 || i == 2 ? 0.25f : 1));
    omn_ids_fini(&w);
    ck_assert_ptr_null(w.weights);
}
END_TEST

START_TEST(each_id_has_its_weight)
{
    static const float weights[] = { 0.25f, 0, 1 };
    static const saying all[] = { { .asks = "what?", .says = "red blue green", .weights = weights,
                                  .which = -1 }, { 0 } };
    const char *folder = tiny_folder(testing_folder());
    char path[512];
    omn_train_setup s = told_setup(all);
    omn_error err = OMN_ERROR_INIT;
    tiny k;
    tiny_open(&k, folder, 2, &s);
    for (int turn = 0; turn < 2; turn++) {
        must(batch_fill(k.t, k.call, &err), &err);
        const float *w = k.t->t_weight;
        ck_assert_int_eq(k.t->t_pos[3], 3);
        ck_assert_int_eq(k.t->t_labels[3], k.t->outputs[0].stop);
        ck_assert(w[0] == 0.5f && w[1] == 0 && w[2] == 2 && w[3] == 1 && w[4] == 0.5f);
        batch_commit(k.t);
        ck_assert_uint_gt(k.t->n_pool, 0);        /* the weights lie in a checkpoint too */
        snprintf(path, sizeof(path), "%s/a.safetensors", folder);
        must(omn_trainer_save(k.t, path, &err), &err);
        tiny_close(&k);
        tiny_open(&k, folder, 2, &s);
        must(omn_trainer_load(k.t, path, &err), &err);
        ck_assert_uint_gt(k.t->n_pool, 0);
        const item *it = &k.t->pool[0].item;
        ck_assert(it->n_out == 4 && it->weights[0] == 0.5f && it->weights[1] == 0 &&
                  it->weights[3] == 1);
    }
    tiny_close(&k);
}
END_TEST

static void wild_id(omn_lesson *l, omn_page *p)
{
    (void)p;
    ((int32_t *)(uintptr_t)l->ids)[0] = 960;
}

static void no_value(omn_lesson *l, omn_page *p)
{
    (void)p;
    omn_named *in = (omn_named *)(uintptr_t)l->inputs;
    in[1] = in[0];
    in[1].name = "image";
    in[1].value = NULL;
    l->n_inputs = 2;
}

static void twice(omn_lesson *l, omn_page *p)
{
    omn_named *in = (omn_named *)(uintptr_t)l->inputs;
    (void)p;
    in[1] = in[0];
    l->n_inputs = 2;
}

/* The other lessons of the page see its question as well, as if it were a picture. */
static void another(omn_lesson *l, omn_page *p)
{
    (void)p;
    ((omn_named *)(uintptr_t)l->inputs)[0].name = "image";
}

START_TEST(a_lesson_that_lies_is_an_error_at_the_first_step)
{
    static const float negative[] = { -1 }, none[] = { NAN };
    static const char *const modalities[] = { "words" };
    static const struct { saying all[3]; const char *says; } list[] = {
        { { { .asks = "what?", .says = "red", .modality = "words", .weights = negative,
              .which = -1 } }, "id 1 of what is wanted is" },
        { { { .asks = "what?", .says = "red", .modality = "words", .weights = none, .which = -1 } },
          "id 1 of what is wanted is" },
        { { { .asks = "what?", .says = "red", .modality = "words", .change = wild_id,
              .which = -1 } }, "is 960 with weight 1" },
        { { { .asks = "what?", .says = "red", .modality = "sounds", .which = -1 } },
          "sounds, which is no modality" },
        { { { .asks = "what?", .says = "red", .modality = "words", .change = no_value,
              .which = -1 } }, "\"image\" is not there" },
        { { { .asks = "what?", .says = "red", .modality = "words", .change = twice, .which = -1 } },
          "2 texts, this training has 1" },
        { { { .asks = "what?", .says = "red", .modality = "words", .change = another, .which = -1 },
            { .asks = "why?", .says = "red", .modality = "words", .change = another,
              .which = -1 } }, "sees other inputs" },
    };
    const char *folder = tiny_folder(testing_folder());
    for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++) {
        omn_train_setup s = told_setup(list[i].all);
        omn_error err = OMN_ERROR_INIT;
        tiny k;
        s.modalities = modalities;
        s.n_modalities = 1;
        tiny_open(&k, folder, 1, &s);
        ck_assert_int_ne(omn_trainer_step(k.t, k.call, NULL, &err), OMN_OK);
        ck_assert_msg(strstr(err.text, list[i].says), "%zu: %s", i, err.text);
        ck_assert_uint_eq(omn_trainer_at(k.t), 0);
        tiny_close(&k);
    }
}
END_TEST

/* The loss by hand from what each place costs. */
static double by_hand(const tiny *k, uint32_t modality)
{
    omn_error err = OMN_ERROR_INIT;
    omn_tensor x;
    double sum = 0, n = 0;
    must(omn_exec_output(k->t->exec, k->t->outputs[0].graph, "nll.text", &x, &err), &err);
    for (size_t i = 0; i < (size_t)k->t->setup.batch * k->t->setup.targets; i++) {
        /* the weights of the lessons are 2, of their ends 1 */
        const double w = k->t->t_seg[i] ? k->t->t_labels[i] == k->t->outputs[0].stop ? 1 : 2 : 0;
        if (modality != UINT32_MAX && k->t->token_modality[i] != modality) continue;
        sum += w * (double)((const float *)x.data)[i];
        n += w;
    }
    return sum / n;
}

/* Many words in one modality, few places in the other; they are on pages of their own. */
START_TEST(modalities_weigh_the_same_if_asked)
{
    static const char *const modalities[] = { "words", "places", "sounds" };
    static const saying all[] = {
        { .asks = "what?", .says = "red blue green red blue", .modality = "words", .which = 0 },
        { .asks = "where?", .says = "<extra_id_40>", .modality = "places", .which = 1 }, { 0 } };
    const char *folder = tiny_folder(testing_folder());
    double loss[2];
    for (int balance = 0; balance < 2; balance++) {
        omn_train_setup s = told_setup(all);
        tiny k;
        s.modalities = modalities;
        s.n_modalities = 3;
        s.balance = balance ? OMN_BALANCE_MODALITIES : OMN_BALANCE_TOKENS;
        s.rate = 1e-9;
        tiny_open(&k, folder, 2, &s);
        const omn_train_report r = tiny_steps(&k, 1);
        const double words = by_hand(&k, 0), places = by_hand(&k, 1);
        ck_assert_double_gt(fabs(words - places), 0.05);
        ck_assert_double_eq_tol(r.modality_loss[0], words, 1e-5);
        ck_assert_double_eq_tol(r.modality_loss[1], places, 1e-5);
        ck_assert(isnan(r.modality_loss[2]));
        ck_assert_double_eq_tol(r.loss, balance ? (words + places) / 2 : by_hand(&k, UINT32_MAX),
                                1e-5);
        loss[balance] = r.loss;
        tiny_close(&k);
    }
    ck_assert_double_gt(fabs(loss[0] - loss[1]), 1e-3);
}
END_TEST

/* ---- inputs as a list ------------------------------------------------------------------------ */

/* Two pictures between two texts; the pictures are the same on every page, so that a request can
 * ask the same thing. */
typedef struct album {
    omn_value *pictures[2];
    int order;                            /* 1: the second picture first */
    char first[80];                       /* the first text, with the model's prefix */
} album;

static omn_status album_page(void *user, omn_call *c, uint64_t index, uint64_t step, omn_arena *a,
                             omn_page *out, omn_error *err)
{
    const album *k = user;
    const omn_named about = { "image", omn_value_ref(k->pictures[k->order]) };
    omn_named *in = omn_arena_alloc(a, 4, sizeof *in);
    (void)c;
    (void)index;
    (void)step;
    if (!in) return omn_fail(err, OMN_ERR_MEMORY, "page");
    const omn_status st = tiny_lesson(out, a, "which is red?", "left", &about,
                                      (omn_lesson){ .weight = 1, .end_weight = 1 }, err);
    if (st != OMN_OK) return st;
    omn_lesson *l = (omn_lesson *)(uintptr_t)out->lessons;
    omn_value **values = (omn_value **)(uintptr_t)out->values;
    in[0].name = "text";
    in[1] = about;
    in[2] = (omn_named){ "image", omn_value_ref(k->pictures[1 - k->order]) };
    in[3] = l->inputs[1];
    values[out->n_values++] = in[2].value;
    l->inputs = in;
    l->n_inputs = 4;
    const omn_status told = omn_text_new(k->first, strlen(k->first), &in[0].value, err);
    if (told == OMN_OK) values[out->n_values++] = in[0].value;
    return told;
}

/* What a request finds unlikely is what a lesson costs: the same inputs in the same order. */
static double asked(tiny *k, const char *folder, const album *a)
{
    omn_error err = OMN_ERROR_INIT;
    omn_model *m = NULL;
    omn_runner *r = NULL;
    omn_answer *answer = NULL;
    omn_value *text = NULL, *left = NULL, *options = NULL;
    omn_result res = { OMN_FILL(omn_result) };
    char path[512];
    snprintf(path, sizeof(path), "%s/model.safetensors", folder);
    must(omn_trainer_export(k->t, path, OMN_F32, &err), &err);
    must(omn_model_open(k->ctx, folder, NULL, &m, &err), &err);
    must(omn_runner_new(m, &r, &err), &err);
    must(omn_text_new("left", 4, &left, &err), &err);
    must(omn_list_new(&left, 1, &options, &err), &err);
    must(omn_text_new("look at these", 13, &text, &err), &err);
    const omn_named values[] = { { "options", options } };
    const omn_answer_setup how = { OMN_FILL(omn_answer_setup), .object = "options",
                                   .values = values, .n_values = 1 };
    must(omn_answer_open(m, k->call, &how, &answer, &err), &err);
    const omn_named inputs[] = { { "text", text }, { "image", a->pictures[a->order] },
                                 { "image", a->pictures[1 - a->order] } };
    const omn_request rq = { OMN_FILL(omn_request), .inputs = inputs, .n_inputs = 3,
                             .prompt = "which is red?", .answer = answer };
    must(omn_generate(r, &rq, &res, &err), &err);
    ck_assert_uint_eq(res.n_scores, 1);
    const double score = res.scores[0];
    omn_result_fini(&res);
    omn_answer_close(answer);
    omn_runner_free(r);
    omn_model_close(m);
    omn_value_unref(text);
    omn_value_unref(left);
    omn_value_unref(options);
    return score;
}

/* Pictures of one role have the same places, so that their order is nothing to this model; but each
 * of them is seen: in the last round the second is the first once more. */
START_TEST(inputs_repeat_and_all_are_seen)
{
    static const char *const roles[] = { "image", "image", "text" };
    const char *folder = tiny_folder(testing_folder());
    double loss[3];
    for (int round = 0; round < 3; round++) {
        omn_error err = OMN_ERROR_INIT;
        album a = { .order = round == 1 };
        omn_train_setup s = tiny_setup(OMN_ADAMW);
        tiny k;
        s.page = album_page;
        s.page_user = &a;
        s.roles = roles;
        s.n_roles = 3;
        s.aux = s.aux_last = s.soft_sigma = 0;
        s.rate = 1e-12;
        s.decay = s.average = 0;
        tiny_open(&k, folder, 2, &s);
        snprintf(a.first, sizeof(a.first), "%slook at these", omn_model_prefix(k.model, "text"));
        for (int i = 0; i < 2; i++) {
            const int which = round == 2 ? 0 : i;
            must(tiny_picture(k.call, which, which, &a.pictures[i], &err), &err);
        }
        const omn_train_report r = tiny_steps(&k, 1);
        for (int i = 0; i < 2; i++) ck_assert_int_eq(k.t->texts[i].seg[0], 1);
        ck_assert_int_ne(k.t->texts[0].ids[0], k.t->texts[1].ids[0]);
        ck_assert_double_eq_tol(r.text_loss, asked(&k, folder, &a), 2e-5);
        loss[round] = r.text_loss;
        for (int i = 0; i < 2; i++) omn_value_unref(a.pictures[i]);
        tiny_close(&k);
    }
    ck_assert_double_eq_tol(loss[0], loss[1], 2e-5);
    ck_assert_double_gt(fabs(loss[0] - loss[2]), 1e-4);
}
END_TEST

START_TEST(a_failed_step_leaves_the_state_as_it_was)
{
    const char *folder = testing_folder();
    char a[512], b[512];
    omn_train_setup s = tiny_setup(OMN_MUON);
    omn_error err = OMN_ERROR_INIT;
    omn_cancel *stop = omn_cancel_new();
    tiny k;
    tiny_open(&k, tiny_folder(folder), 2, &s);
    tiny_steps(&k, 3);
    snprintf(a, sizeof(a), "%s/a.safetensors", folder);
    snprintf(b, sizeof(b), "%s/b.safetensors", folder);
    must(omn_trainer_save(k.t, a, &err), &err);
    omn_call_free(k.call);
    must(omn_context_call(k.ctx, 1, 0, stop, &k.call, &err), &err);
    omn_cancel_set(stop);
    ck_assert_int_eq(omn_trainer_step(k.t, k.call, NULL, &err), OMN_ERR_CANCELLED);
    err = (omn_error)OMN_ERROR_INIT;
    must(omn_trainer_save(k.t, b, &err), &err);
    same_files(a, b);
    tiny_close(&k);
    omn_cancel_free(stop);
}
END_TEST

START_TEST(a_resumed_run_ends_in_the_same_bits)
{
    for (int kind = OMN_ADAMW; kind <= OMN_MUON; kind++) {
        const char *folder = testing_folder();
        char a[512], b[512];
        omn_error err = OMN_ERROR_INIT;
        omn_train_setup s = tiny_setup((omn_optimizer)kind);
        if (kind == OMN_MUON) s.precision = OMN_PRECISION_BF16;
        tiny k;
        snprintf(a, sizeof(a), "%s/a.safetensors", folder);
        snprintf(b, sizeof(b), "%s/b.safetensors", folder);
        tiny_open(&k, tiny_folder(folder), 2, &s);
        tiny_steps(&k, 4);
        must(omn_trainer_save(k.t, b, &err), &err);
        ck_assert_uint_gt(k.t->n_pool, 0);
        tiny_steps(&k, 4);
        must(omn_trainer_save(k.t, a, &err), &err);
        tiny_close(&k);
        tiny_open(&k, folder, 2, &s);
        must(omn_trainer_load(k.t, b, &err), &err);
        ck_assert_uint_eq(omn_trainer_at(k.t), 4);
        tiny_steps(&k, 4);
        must(omn_trainer_save(k.t, b, &err), &err);
        same_files(a, b);
        tiny_close(&k);
    }
}
END_TEST

/* A process that writes a checkpoint after each step, until somebody kills it. */
static void endless(const char *folder, const char *path)
{
    const omn_train_setup s = tiny_setup(OMN_MUON);
    omn_error err = OMN_ERROR_INIT;
    tiny k;
    tiny_open(&k, folder, 2, &s);
    for (;;) {
        tiny_steps(&k, 1);
        if (omn_trainer_save(k.t, path, &err) != OMN_OK) _exit(1);
    }
}

START_TEST(a_killed_run_goes_on_in_the_same_bits)
{
    const char *folder = tiny_folder(testing_folder());
    char a[512], b[512];
    omn_error err = OMN_ERROR_INIT;
    struct stat st;
    const omn_train_setup s = tiny_setup(OMN_MUON);
    snprintf(a, sizeof(a), "%s/a.safetensors", folder);
    snprintf(b, sizeof(b), "%s/b.safetensors", folder);
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) endless(folder, b);
    for (int i = 0; i < 1500 && stat(b, &st); i++) usleep(10000);
    usleep(50000);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    tiny k;
    tiny_open(&k, folder, 2, &s);
    must(omn_trainer_load(k.t, b, &err), &err);
    const uint64_t at = omn_trainer_at(k.t);
    ck_assert_uint_ge(at, 1);
    tiny_steps(&k, 3);
    must(omn_trainer_save(k.t, b, &err), &err);
    tiny_close(&k);
    tiny_open(&k, folder, 2, &s);
    tiny_steps(&k, (int)at + 3);
    must(omn_trainer_save(k.t, a, &err), &err);
    tiny_close(&k);
    same_files(a, b);
}
END_TEST

START_TEST(other_setups_cannot_go_on)
{
    const char *folder = testing_folder();
    char a[512];
    omn_error err = OMN_ERROR_INIT;
    omn_train_setup s = tiny_setup(OMN_ADAMW);
    tiny k;
    snprintf(a, sizeof(a), "%s/a.safetensors", folder);
    tiny_open(&k, tiny_folder(folder), 1, &s);
    tiny_steps(&k, 1);
    must(omn_trainer_save(k.t, a, &err), &err);
    tiny_close(&k);
    s.targets = 13;
    tiny_open(&k, folder, 1, &s);
    ck_assert_int_eq(omn_trainer_load(k.t, a, &err), OMN_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.text, "targets 12"));
    tiny_close(&k);
    s = tiny_setup(OMN_MUON);
    err = (omn_error)OMN_ERROR_INIT;
    tiny_open(&k, folder, 1, &s);
    ck_assert_int_eq(omn_trainer_load(k.t, a, &err), OMN_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.text, "adamw"));
    tiny_close(&k);
}
END_TEST

START_TEST(the_export_opens_as_a_model)
{
    const char *folder = testing_folder();
    char path[512];
    omn_error err = OMN_ERROR_INIT;
    const omn_train_setup s = tiny_setup(OMN_MUON);
    tiny k;
    omn_weights *w = NULL;
    omn_model *m = NULL;
    tiny_open(&k, tiny_folder(folder), 2, &s);
    tiny_steps(&k, 2);
    snprintf(path, sizeof(path), "%s/model.safetensors", folder);
    must(omn_trainer_export(k.t, path, OMN_BF16, &err), &err);
    must(omn_weights_open(path, &w, &err), &err);
    ck_assert_ptr_null(omn_weights_get(w, "aux.weight"));
    const omn_tensor *t = omn_weights_get(w, "text_token_embedder.weight");
    ck_assert_ptr_nonnull(t);
    ck_assert_int_eq(t->type, OMN_BF16);
    omn_weights_close(w);
    must(omn_model_open(k.ctx, folder, NULL, &m, &err), &err);
    must(omn_model_declare(m, &err), &err);
    omn_model_close(m);
    tiny_close(&k);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        a_tiny_model_learns,
        lessons_are_packed_into_rows,
        lessons_that_cannot_share_have_rows_of_their_own,
        what_does_not_fit_is_counted,
        a_lesson_that_fits_no_row_is_bad,
        a_lesson_without_inputs_sees_none,
        ids_are_weighed_from_a_number_on,
        each_id_has_its_weight,
        a_lesson_that_lies_is_an_error_at_the_first_step,
        modalities_weigh_the_same_if_asked,
        inputs_repeat_and_all_are_seen,
        a_failed_step_leaves_the_state_as_it_was,
        a_resumed_run_ends_in_the_same_bits,
        a_killed_run_goes_on_in_the_same_bits,
        other_setups_cannot_go_on,
        the_export_opens_as_a_model,
    };
    return TESTING_RUN("train/trainer", all, 60);
}
