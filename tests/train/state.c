/* SPDX-License-Identifier: Apache-2.0 */
/* What one step leaves to the next, and what it must not: lessons of the pool that a failed step
 * had taken, steps in a row that were not finite, averages, and what a checkpoint may say of them.
 * The weights of a lesson on their way into the batch. */
#include "tests/train/tiny.h"

#include "libcore/train/trainer.h"
#include "tests/testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(omn_status st, const omn_error *err)
{
    ck_assert_msg(st == OMN_OK, "%s", err->text);
}

static omn_status weighted_page(void *user, omn_call *c, uint64_t index, uint64_t step,
                                omn_arena *a, omn_page *out, omn_error *err)
{
    const omn_status st = tiny_page(user, c, index, step, a, out, err);
    omn_lesson *l = (omn_lesson *)(uintptr_t)out->lessons;
    for (uint32_t i = 0; st == OMN_OK && i < out->n_lessons; i++) {
        l[i].weight = 0.5;
        l[i].end_weight = 3;
    }
    return st;
}

START_TEST(the_end_of_an_answer_has_a_weight_of_its_own)
{
    omn_train_setup s = tiny_setup(OMN_ADAMW);
    omn_error err = OMN_ERROR_INIT;
    int ends = 0, others = 0;
    tiny k;
    s.page = weighted_page;
    tiny_open(&k, tiny_folder(testing_folder()), 1, &s);
    must(batch_fill(k.t, k.call, &err), &err);
    for (uint32_t i = 0; i < s.batch * s.targets; i++) {
        const bool end = k.t->t_labels[i] == k.t->outputs[0].stop;
        if (!k.t->t_seg[i]) continue;
        ck_assert_float_eq(k.t->t_weight[i], end ? 1.5f : 0.5f);
        ends += end;
        others += !end;
    }
    ck_assert_int_gt(ends, 5);
    ck_assert_int_gt(others, 5);
    tiny_close(&k);
}
END_TEST

/* Each lesson is fed the id 77 in place of what it wants, every second one in front of that too. */
static omn_status fed_page(void *user, omn_call *c, uint64_t index, uint64_t step, omn_arena *a,
                           omn_page *out, omn_error *err)
{
    const omn_status st = tiny_page(user, c, index, step, a, out, err);
    int32_t *ids = omn_arena_alloc(a, 128, sizeof *ids), *without = ids + 64;
    const int32_t **fed = omn_arena_alloc(a, out->n_lessons + 1, sizeof *fed);
    for (int i = 0; i < 128; i++) ids[i] = 77;
    without[0] = -1;
    for (uint32_t i = 0; i < out->n_lessons; i++) {
        const bool alone = out->lessons[i].n_inputs == 1;
        fed[i] = alone && !user ? NULL : (index + i) % 2 ? ids : without;
    }
    out->fed = fed;
    return st;
}

START_TEST(what_is_fed_stands_for_what_is_wanted)
{
    omn_train_setup s = tiny_setup(OMN_ADAMW);
    omn_error err = OMN_ERROR_INIT;
    const char *folder = tiny_folder(testing_folder());
    int fed = 0, firsts = 0, starts = 0;
    tiny k;
    s.page = fed_page;
    tiny_open(&k, folder, 1, &s);
    must(batch_fill(k.t, k.call, &err), &err);
    for (uint32_t i = 0; i < s.batch * s.targets; i++) {
        /* texts alone are fed what they want */
        if (!k.t->t_seg[i] || k.t->token_task[i] == 2) continue;
        ck_assert_int_ne(k.t->t_labels[i], 77);
        const bool start = k.t->t_pos[i] == 0 && k.t->t_ids[i] == k.t->outputs[0].start;
        if (!start) ck_assert_int_eq(k.t->t_ids[i], 77);
        firsts += k.t->t_pos[i] == 0 && !start;
        starts += start;
        fed += k.t->t_pos[i] > 0;
    }
    ck_assert(fed > 5 && firsts > 2 && starts > 2);
    tiny_close(&k);
    s.page_user = &s; /* and a lesson that would wait in the pool is told */
    tiny_open(&k, folder, 1, &s);
    omn_status st = OMN_OK;
    for (int i = 0; i < 10 && st == OMN_OK; i++) st = omn_trainer_step(k.t, k.call, NULL, &err);
    ck_assert_int_eq(st, OMN_ERR_ARGUMENT);
    ck_assert(strstr(err.text, "texts alone") != NULL);
    tiny_close(&k);
}
END_TEST

/* Where a vocabulary says so one more id is wanted behind the end, and the end is fed there. */
START_TEST(what_follows_the_end_is_wanted_behind_it)
{
    omn_train_setup s = tiny_setup(OMN_ADAMW);
    omn_error err = OMN_ERROR_INIT;
    const char *folder = tiny_folder(testing_folder());
    int ends = 0;
    tiny k;
    s.page = weighted_page;
    tiny_open(&k, folder, 1, &s);
    output *o = &k.t->outputs[0];
    ck_assert_int_eq(o->behind, -1);
    o->behind = 77;
    must(batch_fill(k.t, k.call, &err), &err);
    for (uint32_t i = 0; i < s.batch * s.targets; i++) {
        if (!k.t->t_seg[i] || k.t->t_labels[i] != o->stop) continue;
        ck_assert_uint_lt(i % s.targets + 1, s.targets);
        ck_assert_int_eq(k.t->t_labels[i + 1], 77);
        ck_assert_int_eq(k.t->t_ids[i + 1], o->stop);
        ck_assert_int_eq(k.t->t_seg[i + 1], k.t->t_seg[i]);
        ck_assert_int_eq(k.t->t_pos[i + 1], k.t->t_pos[i] + 1);
        ck_assert_float_eq(k.t->t_weight[i + 1], k.t->t_weight[i]);
        ends++;
    }
    ck_assert_int_gt(ends, 5);
    tiny_close(&k);
}
END_TEST

/* A batch that took from the pool and is given up leaves every lesson where it was. */
START_TEST(a_batch_given_up_gives_back_what_it_took)
{
    omn_train_setup s = tiny_setup(OMN_ADAMW);
    omn_error err = OMN_ERROR_INIT;
    size_t took = 0;
    tiny k;
    tiny_open(&k, tiny_folder(testing_folder()), 1, &s);
    for (int turn = 0; turn < 40 && !took; turn++) {
        const size_t before = k.t->n_pool;
        const uint64_t next = k.t->next_page, lessons = k.t->lessons;
        int32_t *first = before ? k.t->pool[0].item.in : NULL;
        must(batch_fill(k.t, k.call, &err), &err);
        for (size_t i = 0; i < before; i++) took += k.t->pool[i].used;
        batch_rollback(k.t);
        ck_assert_uint_eq(k.t->n_pool, before);
        for (size_t i = 0; i < before; i++) ck_assert(!k.t->pool[i].used);
        if (before) ck_assert_ptr_eq(k.t->pool[0].item.in, first);
        ck_assert_uint_eq(k.t->next_page, next);
        ck_assert_uint_eq(k.t->lessons, lessons);
        must(batch_fill(k.t, k.call, &err), &err);
        batch_commit(k.t);
        ck_assert_uint_gt(k.t->next_page, next);
        ck_assert_uint_gt(k.t->lessons, lessons);
    }
    ck_assert_uint_gt(took, 0);
    tiny_close(&k);
}
END_TEST

/* Nine steps that are not finite are borne, ten in a row are not; a good one between them begins
 * the count again. */
START_TEST(ten_steps_in_a_row_that_are_not_finite_end_the_run)
{
    const char *folder = tiny_folder(testing_folder());
    const omn_train_setup s = tiny_setup(OMN_ADAMW);
    omn_error err = OMN_ERROR_INIT;
    omn_train_report r;
    tiny k;
    tiny_open(&k, folder, 2, &s);
    const long at = omn_store_find(k.store, "text_token_embedder.weight");
    ck_assert_int_ge(at, 0);
    tiny_steps(&k, 1);
    for (int round = 0; round < 2; round++) {
        float *w = omn_store_data(k.store, (size_t)at);
        const size_t n = omn_store_tensor(k.store, (size_t)at).bytes / sizeof(float);
        float *good = testing_memory(n * sizeof(float));
        memcpy(good, w, n * sizeof(float));
        for (size_t i = 0; i < n; i++) w[i] = NAN;
        r = tiny_steps(&k, 9);
        ck_assert_uint_eq(r.skipped_steps, 9 * (uint64_t)(round + 1));
        ck_assert_uint_eq(r.step, 1 + (uint64_t)round);
        if (round == 1) break;
        memcpy(w, good, n * sizeof(float));
        r = tiny_steps(&k, 1);
        ck_assert_uint_eq(r.step, 2);
    }
    ck_assert_int_eq(omn_trainer_step(k.t, k.call, NULL, &err), OMN_ERR_FAILED);
    ck_assert_ptr_nonnull(strstr(err.text, "10 steps in a row were not finite"));
    tiny_close(&k);
}
END_TEST

/* A fresh trainer meets a checkpoint of `k` as it stands. */
static void refused_now(tiny *k, const char *folder, const omn_train_setup *s, const char *what)
{
    char path[512];
    omn_error err = OMN_ERROR_INIT;
    tiny other;
    snprintf(path, sizeof(path), "%s/hostile.safetensors", folder);
    must(omn_trainer_save(k->t, path, &err), &err);
    tiny_open(&other, folder, 1, s);
    ck_assert_int_eq(omn_trainer_load(other.t, path, &err), OMN_ERR_DATA);
    ck_assert_msg(strstr(err.text, what), "%s", err.text);
    tiny_close(&other);
}

START_TEST(a_pool_that_no_row_could_take_is_refused)
{
    const char *folder = tiny_folder(testing_folder()), *broken = "train.pool is broken at number";
    const omn_train_setup s = tiny_setup(OMN_ADAMW);
    omn_error err = OMN_ERROR_INIT;
    int32_t *ids = testing_memory(64 * sizeof(int32_t));
    float *weights = testing_memory(64 * sizeof(float));
    tiny k;
    tiny_open(&k, folder, 1, &s);
    /* as long as the longest that is written below */
    const item odd = { .in = ids, .out = ids, .weights = weights, .n_in = s.inputs + 1,
                       .n_out = s.targets + 1, .n_texts = 1, .text = { s.inputs + 1 },
                       .alone = true };
    ck_assert_uint_lt(s.inputs, 64);
    ck_assert_uint_lt(s.targets, 64);
    must(pool_put(k.t, &odd, &err), &err);
    item *it = &k.t->pool[0].item;
    it->n_in = it->text[0] = 3;
    refused_now(&k, folder, &s, broken);
    it->n_out = 0;
    refused_now(&k, folder, &s, broken);
    it->n_in = it->text[0] = s.inputs + 1;
    it->n_out = 1;
    refused_now(&k, folder, &s, broken);
    it->n_in = it->text[0] = 0;
    refused_now(&k, folder, &s, broken);
    it->n_in = it->text[0] = 3;
    it->n_out = s.targets;
    it->out[2] = k.t->outputs[0].rows;
    refused_now(&k, folder, &s, broken);
    it->out[2] = -1;
    refused_now(&k, folder, &s, broken);
    it->out[2] = k.t->outputs[0].rows - 1;
    char path[512];
    tiny other;
    snprintf(path, sizeof(path), "%s/good.safetensors", folder);
    must(omn_trainer_save(k.t, path, &err), &err);
    tiny_open(&other, folder, 1, &s);
    must(omn_trainer_load(other.t, path, &err), &err);
    ck_assert_uint_eq(other.t->n_pool, 1);
    ck_assert_uint_eq(other.t->pool[0].item.n_out, s.targets);
    tiny_close(&other);
    tiny_close(&k);
}
END_TEST

/* A copy of a checkpoint as those were that say no names of tasks. */
static void without_names(const char *from, const char *to)
{
    static const char *const keys[] = { "train.omnio",  "train.optimizer", "train.factor_from",
                                        "train.inputs", "train.targets",   "train.seed.high",
                                        "train.seed.low" };
    const char *pairs[14];
    omn_error err = OMN_ERROR_INIT;
    omn_weights *w = NULL;
    must(omn_weights_open(from, &w, &err), &err);
    const size_t n = omn_weights_count(w);
    omn_weights_entry *list = testing_memory(n * sizeof *list);
    for (size_t i = 0; i < n; i++)
        list[i] = (omn_weights_entry){ omn_weights_name(w, i), *omn_weights_at(w, i) };
    for (size_t i = 0; i < 7; i++) {
        pairs[2 * i] = keys[i];
        pairs[2 * i + 1] = omn_weights_meta(w, keys[i]);
    }
    ck_assert_ptr_nonnull(omn_weights_meta(w, "train.tasks"));
    ck_assert_ptr_nonnull(omn_weights_meta(w, "train.modalities"));
    must(omn_weights_write(to, OMN_OVERWRITE, list, n, pairs, 7, &err), &err);
    omn_weights_close(w);
}

/* A run that goes on with other tasks logs the lessons that waited as those that they are; those of
 * a task that is gone as nobody's. */
START_TEST(lessons_that_wait_keep_their_names)
{
    static const char *const tasks[] = { "a", "see", "seen", "b" };
    static const char *const other[] = { "new", "seen", "a", "see" };
    static const char *const makes[] = { "words", "places" };
    static const char *const turned[] = { "places", "words" };
    static const struct { uint32_t task, modality, now, is; } list[] = {
        { 0, 0, 2, 1 },           { 1, 1, 3, 0 },
        { 2, 0, 1, 1 },           { 3, 1, NO_TASK - 1, 0 },
        { NO_TASK - 1, NO_TASK - 1, NO_TASK - 1, NO_TASK - 1 },
    };
    const char *folder = tiny_folder(testing_folder());
    omn_train_setup s = tiny_setup(OMN_ADAMW);
    omn_error err = OMN_ERROR_INIT;
    int32_t ids[] = { 5, 6, 7 };
    float weights[] = { 1, 1, 1 };
    char path[512], old[512];
    tiny k;
    snprintf(path, sizeof path, "%s/names.safetensors", folder);
    snprintf(old, sizeof old, "%s/old.safetensors", folder);
    s.tasks = tasks;
    s.n_tasks = 4;
    s.modalities = makes;
    s.n_modalities = 2;
    tiny_open(&k, folder, 1, &s);
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        const item it = { .in = ids, .out = ids, .weights = weights, .n_in = 3, .n_out = 3,
                          .n_texts = 1, .text = { 3 }, .alone = true, .task = list[i].task,
                          .modality = list[i].modality };
        must(pool_put(k.t, &it, &err), &err);
    }
    must(omn_trainer_save(k.t, path, &err), &err);
    tiny_close(&k);
    without_names(path, old);
    s.tasks = other;
    s.modalities = turned;
    tiny_open(&k, folder, 1, &s);
    for (int way = 0; way < 2; way++) {
        must(omn_trainer_load(k.t, way ? old : path, &err), &err);
        ck_assert_uint_eq(k.t->n_pool, sizeof list / sizeof *list);
        for (size_t i = 0; i < k.t->n_pool; i++) {
            const item *it = &k.t->pool[i].item;
            ck_assert_uint_eq(it->task, way ? list[i].task : list[i].now);
            ck_assert_uint_eq(it->modality, way ? list[i].modality : list[i].is);
        }
    }
    tiny_close(&k);
}
END_TEST

START_TEST(counters_below_0_are_refused)
{
    const char *folder = tiny_folder(testing_folder());
    const omn_train_setup s = tiny_setup(OMN_ADAMW);
    tiny k;
    tiny_open(&k, folder, 1, &s);
    k.t->skipped = UINT64_MAX;
    refused_now(&k, folder, &s, "counter 6 is -1");
    tiny_close(&k);
}
END_TEST

/* Weights, moments and averages that are not numbers: nothing could be learnt from there. */
START_TEST(a_checkpoint_without_numbers_is_refused)
{
    const char *folder = tiny_folder(testing_folder());
    omn_train_setup s = tiny_setup(OMN_ADAMW);
    char says[300];
    tiny k;
    s.average = 0.9;
    tiny_open(&k, folder, 2, &s);
    tiny_steps(&k, 1);
    slot *o = &k.t->opt->slots[1];
    const struct { float *of; const char *prefix; } all[] = {
        { o->w, "" }, { o->m, "train.m." }, { o->v, "train.v." }, { o->average, "train.average." },
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        const float kept = all[i].of[2];
        all[i].of[2] = i % 2 ? INFINITY : NAN;
        snprintf(says, sizeof(says), "value 3 of %zu in %s%s is ", o->count, all[i].prefix,
                 o->name);
        refused_now(&k, folder, &s, says);
        all[i].of[2] = kept;
    }
    tiny_close(&k);
}
END_TEST

/* Everything that a checkpoint counts comes back. */
START_TEST(counters_come_back)
{
    const char *folder = tiny_folder(testing_folder());
    const omn_train_setup s = tiny_setup(OMN_ADAMW);
    char path[512];
    omn_error err = OMN_ERROR_INIT;
    tiny k;
    snprintf(path, sizeof(path), "%s/a.safetensors", folder);
    tiny_open(&k, folder, 1, &s);
    k.t->step = 3, k.t->next_page = 17, k.t->pages = 16, k.t->lessons = 40, k.t->tokens = 99;
    k.t->dropped = 5, k.t->skipped = 6, k.t->skipped_in_row = 4, k.t->bad = 2;
    must(omn_trainer_save(k.t, path, &err), &err);
    tiny_close(&k);
    tiny_open(&k, folder, 1, &s);
    must(omn_trainer_load(k.t, path, &err), &err);
    ck_assert_uint_eq(k.t->step, 3);
    ck_assert_uint_eq(k.t->opt->done, 3);
    ck_assert_uint_eq(k.t->next_page, 17);
    ck_assert_uint_eq(k.t->pages, 16);
    ck_assert_uint_eq(k.t->lessons, 40);
    ck_assert_uint_eq(k.t->tokens, 99);
    ck_assert_uint_eq(k.t->dropped, 5);
    ck_assert_uint_eq(k.t->skipped, 6);
    ck_assert_uint_eq(k.t->skipped_in_row, 4);
    ck_assert_uint_eq(k.t->bad, 2);
    tiny_close(&k);
}
END_TEST

/* The export is the average where there is one, the weights themselves where there is none. */
START_TEST(the_export_holds_the_averages)
{
    const char *folder = tiny_folder(testing_folder());
    char path[512];
    snprintf(path, sizeof(path), "%s/out.safetensors", folder);
    for (int averaged = 0; averaged < 2; averaged++) {
        omn_train_setup s = tiny_setup(OMN_ADAMW);
        omn_error err = OMN_ERROR_INIT;
        omn_weights *w = NULL;
        size_t apart = 0, seen = 0;
        tiny k;
        s.average = averaged ? 0.9 : 0;
        tiny_open(&k, folder, 2, &s);
        tiny_steps(&k, 3);
        must(omn_trainer_export(k.t, path, OMN_F32, &err), &err);
        must(omn_weights_open(path, &w, &err), &err);
        for (size_t i = 0; i < k.t->opt->n_slots; i++) {
            const slot *o = &k.t->opt->slots[i];
            const omn_tensor *t = omn_weights_get(w, o->name);
            if (!t) continue;
            ck_assert(!averaged == !o->average);
            ck_assert_uint_eq(t->bytes, o->count * sizeof(float));
            ck_assert_mem_eq(t->data, averaged ? o->average : o->w, t->bytes);
            apart += averaged && memcmp(o->average, o->w, t->bytes) != 0;
            seen++;
        }
        ck_assert_uint_gt(seen, 10);
        ck_assert(!averaged || apart > 10);
        omn_weights_close(w);
        tiny_close(&k);
    }
}
END_TEST

/* Early on an average is short: a tenth of the first weights stays in it after the first step. */
START_TEST(averages_start_short)
{
    omn_train_setup s = tiny_setup(OMN_ADAMW);
    tiny k;
    s.average = 0.999;
    tiny_open(&k, tiny_folder(testing_folder()), 2, &s);
    slot *o = &k.t->opt->slots[0];
    float *before = testing_memory(o->count * sizeof(float));
    for (int turn = 0; turn < 2; turn++) {
        const double keep = turn ? 2.0 / 11 : 0.1;
        memcpy(before, turn ? o->average : o->w, o->count * sizeof(float));
        tiny_steps(&k, 1);
        for (size_t e = 0; e < o->count; e++)
            ck_assert_double_eq_tol((double)o->average[e],
                                    keep * (double)before[e] + (1 - keep) * (double)o->w[e], 1e-6);
    }
    tiny_close(&k);
}
END_TEST

/* Cells: labels outside their groups, another number of cells than the encoder makes. */
static int32_t cell_label;
static uint32_t cell_count;

static omn_status odd_cells(void *user, omn_call *c, uint64_t index, uint64_t step, omn_arena *a,
                            omn_page *out, omn_error *err)
{
    const omn_status st = tiny_page(user, c, index, step, a, out, err);
    if (st != OMN_OK || !out->cell_labels) return st;
    ((int32_t *)(uintptr_t)out->cell_labels)[1] = cell_label;
    out->n_cells = cell_count;
    return OMN_OK;
}

START_TEST(labels_of_cells_stay_within_their_groups)
{
    static const struct { int32_t label; uint32_t cells; omn_status st; } cases[] = {
        { -1, 16, OMN_OK },      { 3, 16, OMN_OK },         { 4, 16, OMN_ERR_DATA },
        { -2, 16, OMN_ERR_DATA }, { 0, 15, OMN_ERR_SHAPE }, { 0, 17, OMN_ERR_SHAPE },
    };
    const char *folder = tiny_folder(testing_folder());
    omn_train_setup s = tiny_setup(OMN_ADAMW);
    s.page = odd_cells;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        omn_error err = OMN_ERROR_INIT;
        tiny k;
        cell_label = cases[i].label;
        cell_count = cases[i].cells;
        tiny_open(&k, folder, 1, &s);
        ck_assert_int_eq(batch_fill(k.t, k.call, &err), cases[i].st);
        tiny_close(&k);
    }
}
END_TEST

static omn_status trainer_status(const char *folder, const omn_train_setup *s)
{
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 1,
                                    .plugin_path = testing_build("plugins/.libs"),
                                    .only_plugin_path = true };
    omn_error err = OMN_ERROR_INIT, why = OMN_ERROR_INIT;
    omn_context *ctx = NULL;
    omn_store *store = NULL;
    omn_model *model = NULL;
    omn_trainer *t = NULL;
    must(omn_context_new(&how, &ctx, &err), &err);
    must(omn_store_new(11, NULL, true, &store, &err), &err);
    const omn_model_setup m = { OMN_FILL(omn_model_setup), .store = store, .training = true };
    must(omn_model_open(ctx, folder, &m, &model, &err), &err);
    const omn_status st = omn_trainer_new(model, store, s, &t, &why);
    if (st != OMN_OK) ck_assert_uint_gt(strlen(why.text), 10);
    omn_trainer_free(t);
    omn_model_close(model);
    omn_store_free(store);
    omn_context_free(ctx);
    return st;
}

START_TEST(setups_without_sense_are_refused)
{
    static const int32_t one[] = { 2, 1 };
    static const char *const nose[] = { "nose" };
    const omn_train_again late = { .from = 60, .rate = 1, .rate_muon = 1 },
                          first = { .from = 0, .rate = 1, .rate_muon = 1 },
                          steep = { .from = 5, .rate = 1, .rate_muon = 1, .last = 1.5 },
                          good = { .from = 59, .rate = 1, .rate_muon = 1, .last = 1 };
    const char *folder = tiny_folder(testing_folder());
    const omn_train_setup usual = tiny_setup(OMN_ADAMW);
    omn_train_setup s = usual;
    s.again = &good, s.n_again = 1;
    ck_assert_int_eq(trainer_status(folder, &s), OMN_OK);
    for (int i = 0; i < 13; i++) {
        s = usual;
        switch (i) {
        case 0: s.batch = 0; break;
        case 1: s.targets = 0; break;
        case 2: s.inputs = 0; break;
        case 3: s.page = NULL; break;
        case 4: s.last = 1.5; break;
        case 5: s.aux = -1; break;
        case 6: s.z_loss = (double)NAN; break;
        case 7: s.aux_edges = 65; break;
        case 8: s.aux_classes = one; break;
        case 9: s.again = &late, s.n_again = 1; break;
        case 10: s.again = &first, s.n_again = 1; break;
        case 11: s.again = &steep, s.n_again = 1; break;
        default: s.batch = 65537;
        }
        ck_assert_msg(trainer_status(folder, &s) == OMN_ERR_ARGUMENT, "setup %d", i);
    }
    s = usual;
    s.roles = nose, s.n_roles = 1;
    ck_assert_int_eq(trainer_status(folder, &s), OMN_ERR_UNSUPPORTED);
}
END_TEST

/* A number of the configuration arrives whole: two that agree in six digits start other weights. */
START_TEST(numbers_of_a_configuration_arrive_whole)
{
    static const char *const numbers[] = { "0.1234567", "0.12345674" };
    const char *folder = tiny_folder(testing_folder());
    char path[512], text[2048], *plain = NULL;
    size_t size = 0;
    float first[2] = { 0, 0 };
    snprintf(path, sizeof(path), "%s/config.json", folder);
    ck_assert_int_eq(omn_file_read(path, 1 << 20, &plain, &size, NULL), OMN_OK);
    for (int i = 0; i < 2; i++) {
        const omn_train_setup s = tiny_setup(OMN_ADAMW);
        tiny k;
        const int n = snprintf(text, sizeof(text), "{\"omnio\": {\"image_pos_init\": %s, %s",
                               numbers[i], strchr(plain + 1, '{') + 1);
        testing_write(folder, "config.json", text, (size_t)n);
        tiny_open(&k, folder, 1, &s);
        for (size_t w = 0; w < omn_store_count(k.store); w++)
            if (strstr(omn_store_name(k.store, w), "positional"))
                first[i] = omn_store_data(k.store, w)[0];
        tiny_close(&k);
    }
    free(plain);
    ck_assert_float_ne(first[0], 0);
    ck_assert_float_ne(first[0], first[1]);
    ck_assert_double_eq_tol((double)first[1] / (double)first[0], 1 + 4e-8 / 0.1234567, 1e-7);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        the_end_of_an_answer_has_a_weight_of_its_own,
        what_is_fed_stands_for_what_is_wanted,
        what_follows_the_end_is_wanted_behind_it,
        a_batch_given_up_gives_back_what_it_took,
        ten_steps_in_a_row_that_are_not_finite_end_the_run,
        a_pool_that_no_row_could_take_is_refused,
        lessons_that_wait_keep_their_names,
        a_checkpoint_without_numbers_is_refused,
        counters_below_0_are_refused,
        counters_come_back,
        the_export_holds_the_averages,
        averages_start_short,
        labels_of_cells_stay_within_their_groups,
        setups_without_sense_are_refused,
        numbers_of_a_configuration_arrive_whole,
    };
    return TESTING_RUN("train/state", all, 60);
}
