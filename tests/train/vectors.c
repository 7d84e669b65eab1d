/* SPDX-License-Identifier: Apache-2.0 */
/* Rows in which vectors of the inputs stand between ids (omnio.row/1), in training: samples keep
 * apart in them, the encoder learns through them, and what a model gets wrong is told. */
#include "tests/train/reader.h"

#include "tests/testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)
#define ALL (~0u)

/* ---- packing --------------------------------------------------------------------------------- */

/* A row is what stands in front, start token, answer; places of texts are counted from where the
 * text of that lesson begins in the row. */
START_TEST(rows_hold_vectors_between_ids)
{
    static const ask two[] = { { "look:", 8, "what is it?", "red" }, { "and", 8, "where?", "up" } };
    lab k;
    reader_open(&k, reader_folder(reader_config), reader_setup(2), two, 2);
    const omn_trainer *t = k.t;
    reader_fill(&k);
    for (uint32_t b = 0; b < 2; b++) {
        uint32_t first = 0, second = 0, at = b * t->setup.targets;
        const int32_t base = (int32_t)(b * t->length), room = (int32_t)t->setup.inputs;
        ck_assert_int_eq(t->length, 2 * room + 3);
        for (uint32_t i = 0; i < 2; i++) {
            const uint32_t n = reader_tokens(&k, two[i].first), m = reader_tokens(&k, two[i].then);
            int32_t pos = 0;
            for (uint32_t v = 0; v + 1 < n; v++, at++, pos++) {
                ck_assert_int_eq(t->t_from[at], base + (int32_t)(first + v));
                ck_assert_int_eq(t->t_pos[at], pos);
            }
            ck_assert_int_eq(t->t_from[at], -1);
            ck_assert_int_eq(t->t_ids[at++], 2);
            /* 8 has vectors at its places 0 and 2; the last comes first */
            ck_assert_int_eq(t->t_from[at++], base + 2 * room + 2);
            ck_assert_int_eq(t->t_from[at++], base + 2 * room);
            ck_assert_int_eq(t->t_ids[at++], 2);
            for (uint32_t v = 0; v + 1 < m; v++, at++)
                ck_assert_int_eq(t->t_from[at], base + room + (int32_t)(second + v));
            ck_assert_int_eq(t->t_ids[at++], 2);
            pos += 4 + (int32_t)m;
            for (uint32_t v = 0; v < reader_tokens(&k, two[i].says); v++, at++, pos++) {
                ck_assert_int_eq(t->t_from[at], -1);
                ck_assert_int_eq(t->t_pos[at], pos);
                ck_assert_int_eq(t->t_seg[at], (int32_t)i + 1);
                ck_assert(t->t_weight[at] == 1.0f);
                if (!v) ck_assert_int_eq(t->t_ids[at], t->outputs[0].start);
            }
            first += n;
            second += m;
        }
        for (; at < (b + 1) * t->setup.targets; at++)
            ck_assert(t->t_from[at] == -1 && t->t_seg[at] == 0);
    }
    reader_close(&k);
}
END_TEST

static const char learning[] = "{\"omnio\": {\"model\": \"reader\"}, \"learns\": 0.5}";

/* An id with a weight is wanted at the place in front of it; vectors never are, nor is an id at the
 * first place; the weights that were there without it stay. */
START_TEST(ids_in_front_are_learnt_where_the_model_says_so)
{
    static const char *const configs[] = {
        learning, "{\"omnio\": {\"model\": \"reader\"}, \"learns\": 0.5, \"skip\": 3}",
    };
    for (int way = 0; way < 2; way++) {
        lab k;
        omn_error err = OMN_ERROR_INIT;
        omn_train_report r = { OMN_FILL(omn_train_report) };
        omn_tensor x;
        double sum = 0, weight = 0;
        uint32_t learnt = 0, at = 0, front = 0;
        reader_open(&k, reader_folder(configs[way]), reader_setup(1), &reader_usual[1], 1);
        const omn_trainer *t = k.t;
        reader_fill(&k);
        while (t->t_seg[front] && !(t->t_from[front] < 0 && t->t_ids[front] == t->outputs[0].start))
            front++;
        ck_assert_uint_gt(front, 3);
        if (way) ck_assert_int_eq(t->t_ids[0], 2); /* the first place is an id */
        for (; at + 1 < front; at++) {
            const bool wanted = t->t_from[at + 1] < 0;
            ck_assert(t->t_weight[at] == (wanted ? 0.5f : 0.0f));
            ck_assert_uint_eq(t->token_task[at], wanted ? 0 : NO_TASK);
            if (wanted) ck_assert_int_eq(t->t_labels[at], t->t_ids[at + 1]);
            learnt += wanted;
        }
        ck_assert_uint_eq(learnt, way ? 1 : 2);
        ck_assert(t->t_weight[at] == 0); /* nobody learns the start token */
        for (at++; at < front + reader_tokens(&k, "left"); at++)
            ck_assert(t->t_weight[at] == 1.0f);
        reader_forward(&k);
        WORKS(omn_exec_output(t->exec, t->outputs[0].graph, "nll.text", &x, &err));
        for (uint32_t i = 0; i < t->setup.targets; i++) {
            sum += (double)t->t_weight[i] * (double)((const float *)x.data)[i];
            weight += (double)t->t_weight[i];
        }
        WORKS(omn_trainer_step(k.t, k.call, &r, &err));
        ck_assert_double_eq_tol(r.task_loss[0], sum / weight, 1e-5);
        reader_close(&k);
    }
}
END_TEST

/* Without a start token the last id in front begins the answer: it stands once, at the place whose
 * label is the answer's first. */
START_TEST(the_last_in_front_begins_the_answer)
{
    static const ask two[] = { { "look:", 8, "what is it?", "red" }, { "and", 8, "where?", "up" } };
    static const char *const configs[] = {
        "{\"omnio\": {\"model\": \"reader\"}, \"start\": -1}",
        "{\"omnio\": {\"model\": \"reader\"}, \"start\": -1, \"learns\": 0.5}",
    };
    for (int way = 0; way < 2; way++) {
        lab k;
        omn_error err = OMN_ERROR_INIT;
        omn_train_report r = { OMN_FILL(omn_train_report) };
        uint32_t at = 0;
        reader_open(&k, reader_folder(configs[way]), reader_setup(1), two, 2);
        const omn_trainer *t = k.t;
        reader_fill(&k);
        for (int i = 0; i < 2; i++) {
            const uint32_t n = reader_tokens(&k, two[i].first) + reader_tokens(&k, two[i].then);
            const uint32_t front = n + 2, says = reader_tokens(&k, two[i].says);
            /* front - 1 places of vectors and ids, and the one that begins */
            ck_assert_int_eq(t->t_ids[at + front], 2);
            ck_assert_int_eq(t->t_from[at + front], -1);
            ck_assert_int_eq(t->t_pos[at + front], (int32_t)front);
            ck_assert(t->t_weight[at + front] == 1.0f);
            ck_assert(t->t_weight[at + front - 1] == (way ? 0.5f : 0.0f));
            if (way) ck_assert_int_eq(t->t_labels[at + front - 1], 2);
            for (uint32_t v = 1; v < says; v++)
                ck_assert_int_eq(t->t_ids[at + front + v], t->t_labels[at + front + v - 1]);
            at += front + says;
        }
        ck_assert_int_eq(t->t_seg[at - 1], 2);
        ck_assert_int_eq(t->t_seg[at], 0);
        WORKS(omn_trainer_step(k.t, k.call, &r, &err));
        ck_assert(isfinite(r.task_loss[0]));
        reader_close(&k);
    }
}
END_TEST

START_TEST(a_start_token_that_cannot_be)
{
    static const struct { const char *config, *says; } list[] = {
        { "{\"omnio\": {\"model\": \"reader\"}, \"start\": 960}", "start token" },
        { "{\"omnio\": {\"model\": \"reader\"}, \"start\": -1, \"window\": 40}", "window" },
    };
    for (int i = 0; i < 2; i++) {
        lab k;
        omn_error err = OMN_ERROR_INIT;
        omn_model *m = NULL;
        const omn_model_setup how = { OMN_FILL(omn_model_setup), .hollow = true };
        reader_open(&k, reader_folder(reader_config), reader_setup(1), reader_usual, 1);
        ck_assert(omn_model_open(k.ctx, reader_folder(list[i].config), &how, &m, &err) != OMN_OK);
        ck_assert_msg(strstr(err.text, list[i].says) != NULL, "%s", err.text);
        reader_close(&k);
    }
}
END_TEST

static void row_of_both(void *user, omn_scope *s, omn_bundle *out)
{
    const omn_shape bt = omn_dim2(1, 3);
    omn_target t = { OMN_FILL(omn_target) };
    (void)user;
    t.ids = omn_input(s, "ids", OMN_I32, bt);
    t.from = omn_input(s, "from", OMN_I32, bt);
    omn_node *table = omn_input(s, "table", OMN_F32, omn_dim2(2, 2));
    omn_node *vectors = omn_input(s, "vectors", OMN_F32, omn_dim3(2, 2, 2));
    omn_bundle_put(out, s, "row", omn_row_embed(s, table, &t, vectors));
}

/* A vector stands alone where it stands: nothing is left of the id. */
START_TEST(a_row_is_made_of_ids_and_vectors)
{
    static const float table[4] = { 1, 2, 3, 4 }, vectors[8] = { 10, 11, 20, 21, 30, 31, 40, 41 };
    static const int32_t ids[3] = { 1, 1, 0 }, from[3] = { -1, 2, 0 };
    static const float want[6] = { 3, 4, 30, 31, 10, 11 };
    lab k;
    omn_error err = OMN_ERROR_INIT;
    omn_graph *g = NULL;
    omn_feed *f = NULL;
    omn_tensor x;
    void *to[4];
    reader_open(&k, reader_folder(reader_config), reader_setup(1), reader_usual, 1);
    WORKS(omn_program_graph(omn_model_program(k.model), "both", row_of_both, NULL, &g, &err));
    WORKS(omn_feed_make(&f, &err));
    WORKS(omn_feed_new(f, "ids", OMN_I32, omn_dim2(1, 3), &to[0], &err));
    WORKS(omn_feed_new(f, "from", OMN_I32, omn_dim2(1, 3), &to[1], &err));
    WORKS(omn_feed_new(f, "table", OMN_F32, omn_dim2(2, 2), &to[2], &err));
    WORKS(omn_feed_new(f, "vectors", OMN_F32, omn_dim3(2, 2, 2), &to[3], &err));
    memcpy(to[0], ids, sizeof ids);
    memcpy(to[1], from, sizeof from);
    memcpy(to[2], table, sizeof table);
    memcpy(to[3], vectors, sizeof vectors);
    WORKS(omn_exec_run(k.t->exec, g, f, k.call, &err));
    WORKS(omn_exec_output(k.t->exec, g, "row", &x, &err));
    ck_assert_uint_eq(x.bytes, sizeof want);
    ck_assert_mem_eq(x.data, want, sizeof want);
    omn_feed_free(f);
    reader_close(&k);
}
END_TEST

/* Mean losses of the lessons of one step over these. */
static void losses(const ask *asks, uint32_t n, uint32_t mask, double *out)
{
    lab k;
    omn_error err = OMN_ERROR_INIT;
    omn_train_report r = { OMN_FILL(omn_train_report) };
    reader_open(&k, reader_folder(reader_config), reader_setup(1), asks, n);
    k.pages.mask = mask;
    WORKS(omn_trainer_step(k.t, k.call, &r, &err));
    for (uint32_t i = 0; i < n; i++)
        if (mask >> i & 1) out[i] = r.task_loss[i];
    reader_close(&k);
}

START_TEST(a_lesson_is_the_same_in_company)
{
    static const ask words[] = { { "what is it?", (double)NAN, NULL, "a red cube" },
                                 { "where?", (double)NAN, "here", "left" } };
    ask other[3];
    double alone[3], all[3], changed[3], pooled[2];
    for (uint32_t i = 0; i < 3; i++) losses(reader_usual, 3, 1u << i, alone);
    losses(reader_usual, 3, ALL, all);
    memcpy(other, reader_usual, sizeof other);
    for (int i = 0; i < 3; i++) other[i].number = 4;
    losses(other, 3, ALL, changed);
    for (int i = 0; i < 3; i++) {
        ck_assert_double_eq_tol(alone[i], all[i], 1e-6);
        ck_assert_double_gt(fabs(changed[i] - all[i]), 1e-3); /* the number is read */
    }
    losses(words, 2, ALL, pooled); /* texts alone: many of them share a row */
    for (uint32_t i = 0; i < 2; i++) {
        ask many[4];
        double one[4];
        for (int j = 0; j < 4; j++) many[j] = words[i];
        losses(many, 4, ALL, one);
        ck_assert_double_eq_tol(one[0], pooled[i], 1e-6);
    }
}
END_TEST

/* ---- gradients ------------------------------------------------------------------------------- */

START_TEST(gradients_reach_the_encoder)
{
    static const char *const names[] = { "knots.weight", "knots.bias", "table.weight", "q" };
    lab k;
    omn_error err = OMN_ERROR_INIT;
    reader_open(&k, reader_folder(reader_config), reader_setup(1), reader_usual, 3);
    reader_fill(&k);
    reader_forward(&k);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char name[64];
        omn_tensor g;
        float gradient[8];
        double most = 0;
        const long w = omn_store_find(k.store, names[i]);
        ck_assert_int_ge(w, 0);
        /* of the table, the row of the first word, which only vectors speak of */
        const size_t from = strcmp(names[i], "table.weight") ? 0 : 8 * (size_t)k.t->texts[0].ids[0];
        snprintf(name, sizeof name, "grad:%s", names[i]);
        reader_forward(&k);
        WORKS(omn_exec_output(k.t->exec, k.t->outputs[0].graph, name, &g, &err));
        memcpy(gradient, (const float *)g.data + from, sizeof gradient);
        for (size_t j = 0; j < 8; j++) {
            const float h = 0.01f;
            float *x = omn_store_data(k.store, (size_t)w) + from + j, was = *x;
            *x = was + h;
            const double up = reader_forward(&k);
            *x = was - h;
            const double down = reader_forward(&k);
            *x = was;
            ck_assert_double_eq_tol((double)gradient[j], (up - down) / (2 * (double)h),
                                    0.02 * fabs((double)gradient[j]) + 1e-3);
            most = fmax(most, fabs((double)gradient[j]));
        }
        ck_assert_double_gt(most, 0.01);
    }
    reader_close(&k);
}
END_TEST

/* ---- what is wrong --------------------------------------------------------------------------- */

START_TEST(what_is_not_there_is_told)
{
    static const struct { const char *wrong; omn_status status; const char *says; } list[] = {
        { "input", OMN_ERR_PLUGIN, "vector 1 of input 3 at place" },
        { "vector", OMN_ERR_PLUGIN, "of input 1 (number) at place" },
        { "far", OMN_ERR_PLUGIN, "of input 128 at place" },
        { "id", OMN_ERR_PLUGIN, "the id 960 at place" },
        { "room", OMN_ERR_PLUGIN, "a row has 1 places" },
        { "long", OMN_ERR_DATA, "more than the 199 places" },
        { "weight", OMN_ERR_PLUGIN, "of its row the weight -1: 0 or more" },
        { "memory", OMN_ERR_PLUGIN, "has a memory of 1 rows with" },
    };
    lab good;
    reader_open(&good, reader_folder(reader_config), reader_setup(1), reader_usual, 3);
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        lab k;
        speaker s;
        char config[128];
        omn_named in[3];
        omn_value *own[3];
        omn_error err = OMN_ERROR_INIT;
        omn_result out = { OMN_FILL(omn_result) };
        snprintf(config, sizeof config, "{\"omnio\": {\"model\": \"reader\"}, \"wrong\": \"%s\"}",
                 list[i].wrong);
        const char *folder = reader_folder(config);
        reader_open(&k, folder, reader_setup(1), &reader_usual[1], 1);
        reader_write(&good, folder);
        const bool learnt = !strcmp(list[i].wrong, "weight"); /* nothing to generation */
        if (strcmp(list[i].wrong, "memory")) {
            ck_assert_int_eq(omn_trainer_step(k.t, k.call, NULL, &err), list[i].status);
            ck_assert_msg(strstr(err.text, list[i].says), "%s", err.text);
            ck_assert_msg(strstr(err.text, "task a: "), "%s", err.text);
        }
        err = (omn_error)OMN_ERROR_INIT;
        reader_speaks(&s, folder);
        const omn_request rq = reader_request(&reader_usual[1], in, own);
        ck_assert_int_eq(omn_generate(s.runner, &rq, &out, &err),
                         learnt ? OMN_OK : list[i].status);
        if (!learnt) ck_assert_msg(strstr(err.text, list[i].says), "%s", err.text);
        omn_result_fini(&out);
        for (int v = 0; v < 3; v++) omn_value_unref(own[v]);
        reader_falls_silent(&s);
        reader_close(&k);
    }
    reader_close(&good);
}
END_TEST

/* Beside the others there is no room: dropped; not even alone: bad. */
START_TEST(rows_that_do_not_fit_are_counted)
{
    static const ask list[] = { { NULL, 7, "where?", "left" }, { NULL, 7, "where?", "left" },
                                { reader_lengthy, 7, "where?", "left" } };
    lab k;
    omn_error err = OMN_ERROR_INIT;
    omn_train_report r = { OMN_FILL(omn_train_report) };
    omn_train_setup s = reader_setup(1);
    reader_open(&k, reader_folder(reader_config), s, list, 1);
    reader_fill(&k);
    s.targets = k.t->rows[0].targets + 1; /* one lesson, and not two */
    reader_close(&k);
    reader_open(&k, reader_folder(reader_config), s, list, 2);
    WORKS(omn_trainer_step(k.t, k.call, &r, &err));
    ck_assert_uint_eq(r.lessons, 1);
    ck_assert_uint_eq(r.dropped_lessons, 1);
    ck_assert_uint_eq(r.bad_lessons, 0);
    reader_close(&k);
    reader_open(&k, reader_folder(reader_config), s, list, 3);
    ck_assert_int_eq(omn_trainer_step(k.t, k.call, &r, &err), OMN_ERR_DATA);
    ck_assert_msg(strstr(err.text, "task c: what is given takes") && strstr(err.text, "targets"),
                  "%s", err.text);
    err = (omn_error)OMN_ERROR_INIT;
    reader_close(&k);
    s.skip_bad = true;
    reader_open(&k, reader_folder(reader_config), s, list, 3);
    WORKS(omn_trainer_step(k.t, k.call, &r, &err));
    ck_assert_uint_eq(r.lessons, 1);
    ck_assert_uint_eq(r.dropped_lessons, 1);
    ck_assert_uint_eq(r.bad_lessons, 1);
    reader_close(&k);
}
END_TEST

/* ---- the pool in a checkpoint ---------------------------------------------------------------- */

static const ask words[] = { { "what is it?", (double)NAN, NULL, "a red cube" },
                             { "where?", (double)NAN, "here or there", "left" },
                             { "how many are there now?", (double)NAN, NULL, "three" } };

static void steps(lab *k, int n)
{
    omn_error err = OMN_ERROR_INIT;
    while (n-- > 0) WORKS(omn_trainer_step(k->t, k->call, NULL, &err));
}

/* A copy of a checkpoint whose pool has x at number `at` from its end. */
static void spoil(const char *from, const char *to, size_t at, int32_t x)
{
    omn_error err = OMN_ERROR_INIT;
    omn_weights *w = NULL;
    static const char *const keys[] = { "train.omnio",     "train.optimizer", "train.factor_from",
                                        "train.inputs",    "train.targets",   "train.seed.high",
                                        "train.seed.low" };
    const char *pairs[14];
    WORKS(omn_weights_open(from, &w, &err));
    const size_t n = omn_weights_count(w);
    omn_weights_entry *list = calloc(n, sizeof *list);
    int32_t *pool = NULL;
    for (size_t i = 0; i < n; i++) {
        list[i] = (omn_weights_entry){ omn_weights_name(w, i), *omn_weights_at(w, i) };
        if (strcmp(list[i].name, "train.pool")) continue;
        pool = malloc(list[i].tensor.bytes);
        memcpy(pool, list[i].tensor.data, list[i].tensor.bytes);
        pool[list[i].tensor.bytes / sizeof *pool - 1 - at] = x;
        list[i].tensor.data = pool;
    }
    ck_assert_ptr_nonnull(pool);
    for (size_t i = 0; i < 7; i++) {
        pairs[2 * i] = keys[i];
        pairs[2 * i + 1] = omn_weights_meta(w, keys[i]);
    }
    WORKS(omn_weights_write(to, OMN_OVERWRITE, list, n, pairs, 7, &err));
    free(pool);
    free(list);
    omn_weights_close(w);
}

static void lessons_wait(const char *config)
{
    int32_t bad[] = { 960, INT32_MIN, -1 - (2 << 24), 0 };
    const char *folder = reader_folder(config);
    char path[3][4096], *x = NULL, *y = NULL;
    size_t n = 0, m = 0;
    omn_error err = OMN_ERROR_INIT;
    lab k;
    for (int i = 0; i < 3; i++) snprintf(path[i], sizeof path[i], "%s/at-%d", folder, i);
    reader_open(&k, folder, reader_setup(1), words, 3);
    k.pages.apart = true;
    steps(&k, 2);
    ck_assert_uint_gt(k.t->n_pool, 1);
    WORKS(omn_trainer_save(k.t, path[0], &err));
    bad[3] = -1 - (int32_t)k.t->pool[k.t->n_pool - 1].item.text[0]; /* one behind its last */
    steps(&k, 2);
    WORKS(omn_trainer_save(k.t, path[1], &err));
    reader_close(&k);
    reader_open(&k, folder, reader_setup(1), words, 3);
    k.pages.apart = true;
    WORKS(omn_trainer_load(k.t, path[0], &err));
    steps(&k, 2);
    WORKS(omn_trainer_save(k.t, path[2], &err));
    ck_assert_int_eq(omn_file_read(path[1], 1 << 28, &x, &n, NULL), OMN_OK);
    ck_assert_int_eq(omn_file_read(path[2], 1 << 28, &y, &m, NULL), OMN_OK);
    ck_assert_uint_eq(n, m);
    ck_assert_mem_eq(x, y, n);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) { /* places that cannot be */
        spoil(path[0], path[2], 1, bad[i]);
        err = (omn_error)OMN_ERROR_INIT;
        ck_assert_int_eq(omn_trainer_load(k.t, path[2], &err), OMN_ERR_DATA);
        ck_assert_msg(strstr(err.text, "train.pool is broken"), "%s", err.text);
    }
    free(x);
    free(y);
    reader_close(&k);
}

/* What is learnt in front of a lesson waits with it. */
START_TEST(lessons_that_wait_are_in_the_checkpoint)
{
    lessons_wait(reader_config);
    lessons_wait(learning);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        rows_hold_vectors_between_ids,   a_row_is_made_of_ids_and_vectors,
        ids_in_front_are_learnt_where_the_model_says_so,
        the_last_in_front_begins_the_answer,
        a_start_token_that_cannot_be,
        a_lesson_is_the_same_in_company, gradients_reach_the_encoder,
        what_is_not_there_is_told,       rows_that_do_not_fit_are_counted,
        lessons_that_wait_are_in_the_checkpoint,
    };
    return TESTING_RUN("train/vectors", all, 60); /* each opens models of its own */
}
