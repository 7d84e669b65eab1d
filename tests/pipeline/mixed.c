/* SPDX-License-Identifier: Apache-2.0 */
/* A recipe whose tasks ask several decoders of one model: each step asks one of them, all tasks are
 * learnt in one run, what a step does not ask stays as it is, and a run that was stopped ends in
 * the bits of one that was not. */
#include "writing.h"

#include "libcore/generate/codes.h"

#include <math.h>


/* What a run tells of its steps, by task. */
typedef struct seen {
    uint32_t steps[2];
    double first[2], last[2];
    uint64_t stop;                        /* after this step; 0: never */
} seen;

static int on_step(void *user, const omn_train_report *rep, uint64_t steps, double left)
{
    seen *s = user;
    (void)steps;
    (void)left;
    /* the loss, the modality and the lessons are those of the one task that was asked */
    const int task = isfinite(rep->task_loss[SAY]) ? SAY : DRAW, other = 1 - task;
    ck_assert(isfinite(rep->task_loss[task]) && !isfinite(rep->task_loss[other]));
    ck_assert(isfinite(rep->modality_loss[task]) && !isfinite(rep->modality_loss[other]));
    ck_assert_double_eq_tol(rep->modality_loss[task], rep->task_loss[task], 1e-9);
    ck_assert_uint_gt(rep->task_lessons[task], 0);
    ck_assert_uint_eq(rep->task_lessons[other], 0);
    if (!s->steps[task]++) s->first[task] = rep->task_loss[task];
    s->last[task] = rep->task_loss[task];
    return rep->step == s->stop;
}

static omn_status train(const char *folder, const char *text, const char *out, seen *s,
                        uint32_t threads, omn_error *err)
{
    omn_context *ctx = studio_context(threads);
    omn_recipe *r = open_recipe(ctx, folder, text);
    const omn_recipe_watch w = { OMN_FILL(omn_recipe_watch), .step = s ? on_step : NULL,
                                 .user = s };
    const omn_status st = omn_recipe_train(r, below(folder, out), 0, &w, err);
    omn_recipe_close(r);
    omn_context_free(ctx);
    return st;
}


/* ---- learning ------------------------------------------------------------------------------- */

START_TEST(both_tasks_are_learnt_in_one_run)
{
    static const char text[] = HEAD MINE "tasks:\n" DRAWS SAYS
        "optimizer: {use: adamw, rate: 0.02, curve: const}\nsteps: 120\n"
        "loss: {soft_location: 0.8}\n"; /* of the places that one of them has */
    omn_error err = OMN_ERROR_INIT;
    seen s = { .stop = 0 };
    char *log = NULL;
    size_t n = 0;
    const char *folder = studio_that_writes();
    WORKS(train(folder, text, "a", &s, 2, &err));
    ck_assert_uint_eq(s.steps[DRAW] + s.steps[SAY], 120);
    ck_assert_uint_gt(s.steps[DRAW], 40);
    ck_assert_uint_gt(s.steps[SAY], 40);
    ck_assert_double_gt(s.first[DRAW], 2);
    ck_assert_double_gt(s.first[SAY], 5);
    ck_assert_double_lt(s.last[DRAW], 0.9 * s.first[DRAW]);
    ck_assert_double_lt(s.last[SAY], 0.6 * s.first[SAY]);
    /* a row has the figures of its own step alone */
    WORKS(omn_file_read(below(folder, "a/log.csv"), 1 << 20, &log, &n, &err));
    ck_assert_ptr_nonnull(strstr(log, ",loss.draw,loss.say,modality.image,modality.text\n"));
    uint32_t rows = 0, drawn = 0;
    for (const char *p = strchr(log, '\n') + 1; *p; p = strchr(p, '\n') + 1, rows++) {
        const char *end = strchr(p, '\n');
        ck_assert_ptr_nonnull(end);
        drawn += end[-1] == ',';
    }
    ck_assert_uint_eq(rows, 120);
    ck_assert_uint_eq(drawn, s.steps[DRAW]);
    free(log);
}
END_TEST

/* ---- memory --------------------------------------------------------------------------------- */

typedef struct account {
    uint64_t whole, most, codes, start;
    uint32_t turns;
} account;

static void count(void *user, const omn_pipeline_need *n)
{
    account *k = user;
    if (!n->turns) k->whole += n->bytes;
    if (n->turns && n->bytes > k->most) k->most = n->bytes;
    k->turns += n->turns;
    if (!strcmp(n->what, "codes")) k->codes += n->bytes;
    if (!strcmp(n->what, "start")) k->start += n->bytes;
}

/* The graphs of the outputs take turns; codes are counted at the size that the recipe keeps. */
START_TEST(what_it_takes_is_said_beforehand)
{
    static const char text[] = HEAD MINE "tasks:\n" DRAWS SAYS "steps: 9\n"
        "optimizer: {use: adamw, rate: 0.02, curve: const}\n";
    static const char small[] =
        "version: 1\nmodel: ./m\nstart: ./m\npack: {inputs: 16, targets: 16}\nbatch: 4\n"
        "export: f32\nkeep: {memory: 1MiB}\n" MINE "tasks:\n" DRAWS SAYS "steps: 9\n"
        "optimizer: {use: adamw, rate: 0.02, curve: const}\n";
    const char *folder = studio_that_writes();
    account k[2] = { { 0 } };
    for (int i = 0; i < 2; i++) {
        omn_error err = OMN_ERROR_INIT;
        omn_pipeline_cost cost = { OMN_FILL(omn_pipeline_cost) };
        omn_context *ctx = studio_context(2);
        omn_recipe *r = open_recipe(ctx, folder, i ? small : text);
        WORKS(omn_recipe_needs(r, count, &k[i], &cost, &err));
        ck_assert_uint_eq(k[i].turns, 2);
        ck_assert_uint_eq(cost.workspace, k[i].most);
        ck_assert_uint_eq(cost.memory, k[i].whole + k[i].most);
        ck_assert_uint_gt(k[i].start, 0);
        omn_recipe_close(r);
        omn_context_free(ctx);
    }
    ck_assert_uint_eq(k[0].codes - k[1].codes, 63u << 20);
}
END_TEST

/* ---- going on ------------------------------------------------------------------------------- */

static void same_file(const char *folder, const char *a, const char *b)
{
    omn_error err = OMN_ERROR_INIT;
    size_t n = 0, m = 0;
    char *x = NULL, *y = NULL;
    WORKS(omn_file_read(below(folder, a), 1 << 24, &x, &n, &err));
    WORKS(omn_file_read(below(folder, b), 1 << 24, &y, &m, &err));
    ck_assert_msg(n == m && !memcmp(x, y, n), "%s and %s", a, b);
    free(x);
    free(y);
}

/* Lessons that wait, by output: a question ends as the model reads it, an answer as its decoder
 * does. */
static void look_at_pool(const omn_weights *w, uint32_t of[2])
{
    const omn_tensor *outputs = omn_weights_get(w, "train.pool.outputs");
    const omn_tensor *x = omn_weights_get(w, "train.pool");
    ck_assert(outputs && x);
    const size_t n = outputs->bytes / 4;
    int32_t *pool = testing_memory(x->bytes), *at = pool;
    memcpy(pool, x->data, x->bytes);
    of[0] = of[1] = 0;
    for (size_t i = 0; i < n; i++) {
        int32_t which;
        memcpy(&which, (const char *)outputs->data + 4 * i, 4);
        ck_assert(which == 0 || which == 1);
        of[which]++;
        ck_assert(at[0] == which && at[3] == 1);               /* its task, one text */
        const int32_t n_out = at[2], n_in = at[4];
        ck_assert_int_eq(at[5 + n_in - 1], 1);
        ck_assert_int_eq(at[5 + n_in + n_out - 1], which ? 1 : 2);
        at += 5 + n_in + 2 * n_out;
    }
    ck_assert_ptr_eq(at, pool + x->bytes / 4);
}

START_TEST(a_stopped_run_ends_in_the_same_bits)
{
    static const char *const kinds[] = { "adamw, decay: 0.1, average: 0.9", "muon",
                                         "adafactor, factor_from: 8" };
    omn_error err = OMN_ERROR_INIT;
    const char *folder = studio_that_writes();
    for (size_t k = 0; k < 3; k++) {
        char text[2048], path[64], to[4][64];
        omn_weights *w = NULL;
        for (int i = 0; i < 4; i++)
            snprintf(to[i], sizeof to[i], "%zu%s/%s", k, i / 2 ? "b" : "a",
                     i % 2 ? "checkpoint.safetensors" : "model.safetensors");
        snprintf(text, sizeof text,
                 HEAD MINE "tasks:\n" DRAWS SAYS "optimizer: {use: %s, rate: 1e-2}\nsteps: 12\n",
                 kinds[k]);
        if (k == 1) snprintf(text, sizeof text, "%s", ROOM("image: 24, text: 6"));
        snprintf(path, sizeof path, "%zua", k);
        WORKS(train(folder, text, path, NULL, 2, &err));
        snprintf(path, sizeof path, "%zub", k);
        for (uint64_t stop = 2; stop <= 12; stop += 5) {        /* other threads, too */
            seen s = { .stop = stop };
            WORKS(train(folder, text, path, &s, 1 + (uint32_t)(stop % 2), &err));
            /* lessons of both wait */
            WORKS(omn_weights_open(below(folder, to[3]), &w, &err));
            ck_assert_str_eq(omn_weights_meta(w, "train.outputs"), "image,text");
            uint32_t of[2];
            look_at_pool(w, of);
            ck_assert_uint_gt(of[0] + of[1], 0);
            if (stop > 2) ck_assert(of[0] > 0 && of[1] > 0);
            omn_weights_close(w);
        }
        same_file(folder, to[0], to[2]);
        same_file(folder, to[1], to[3]);
    }
}
END_TEST

static bool same_tensor(const omn_weights *a, const omn_weights *b, const char *name)
{
    const omn_tensor *x = omn_weights_get(a, name), *y = omn_weights_get(b, name);
    if (!x || !y) return !x && !y;
    return x->bytes == y->bytes && !memcmp(x->data, y->data, x->bytes);
}

/* Checkpoints of a run with one decoder say nothing of outputs, as all did at one time: a run with
 * two goes on from there; one without a decoder that lessons wait for does not. */
START_TEST(runs_go_on_with_other_tasks)
{
#define REST "optimizer: {use: adamw, rate: 1e-2}\nsteps: %d\n"
    char text[2048];
    omn_error err = OMN_ERROR_INIT;
    omn_weights *w = NULL, *start = NULL;
    const char *folder = studio_that_writes();
    snprintf(text, sizeof text, HEAD MINE "tasks:\n" SAYS REST, 3);
    WORKS(train(folder, text, "a", NULL, 2, &err));
    WORKS(omn_weights_open(below(folder, "a/checkpoint.safetensors"), &w, &err));
    ck_assert_ptr_nonnull(omn_weights_get(w, "train.pool"));
    ck_assert_ptr_null(omn_weights_get(w, "train.pool.outputs"));
    ck_assert_ptr_null(omn_weights_meta(w, "train.outputs"));
    ck_assert_ptr_null(omn_weights_get(w, "train.done.letters"));
    /* the other decoders are kept although nobody taught them */
    ck_assert_ptr_nonnull(omn_weights_get(w, "table"));
    ck_assert_ptr_nonnull(omn_weights_get(w, "strokes"));
    ck_assert_ptr_nonnull(omn_weights_get(w, "sk.codebook"));
    ck_assert_ptr_null(omn_weights_get(w, "train.m.table"));
    omn_weights_close(w);
    WORKS(omn_weights_open(below(folder, "m/model.safetensors"), &start, &err));
    WORKS(omn_weights_open(below(folder, "a/model.safetensors"), &w, &err));
    ck_assert_ptr_nonnull(omn_weights_get(w, "table"));
    ck_assert(same_tensor(start, w, "vq.codebook"));
    omn_weights_close(start);
    omn_weights_close(w);
    remove(below(folder, "a/log.csv"));                        /* its columns are others */
    snprintf(text, sizeof text, HEAD MINE "tasks:\n" DRAWS SAYS REST, 14);
    WORKS(train(folder, text, "a", NULL, 2, &err));
    WORKS(omn_weights_open(below(folder, "a/checkpoint.safetensors"), &w, &err));
    int64_t done[2];
    memcpy(&done[0], omn_weights_get(w, "train.done.table")->data, sizeof done[0]);
    memcpy(&done[1], omn_weights_get(w, "train.done.letters")->data, sizeof done[1]);
    ck_assert_int_gt(done[0], 0);
    ck_assert_int_ge(done[1], 3);
    ck_assert_int_eq(done[0] + done[1], 14);
    omn_weights_close(w);
    remove(below(folder, "a/log.csv"));
    snprintf(text, sizeof text, HEAD MINE "tasks:\n" SAYS REST, 20);
    ck_assert_int_eq(train(folder, text, "a", NULL, 2, &err), OMN_ERR_CONFIG);
    ck_assert_msg(strstr(err.text, "\"image\", which this training does not ask"), "%s", err.text);
#undef REST
}
END_TEST

/* The checkpoint with other outputs of the lessons that wait; NULL: with none. */
static void rewrite(const char *folder, const char *to, const int32_t *outputs, size_t n,
                    uint64_t done, bool named)
{
    static omn_weights_entry list[64];
    omn_error err = OMN_ERROR_INIT;
    omn_weights *w = NULL;
    size_t count = 0;
    const char *pairs[32] = { "train.outputs", "image,text" };
    size_t n_pairs = named;
    static const char *const kept[] = { "train.omnio", "train.optimizer", "train.factor_from",
                                        "train.inputs", "train.targets", "train.seed.high",
                                        "train.seed.low" };
    WORKS(omn_weights_open(below(folder, "a/checkpoint.safetensors"), &w, &err));
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++, n_pairs++) {
        pairs[2 * n_pairs] = kept[i];
        pairs[2 * n_pairs + 1] = omn_weights_meta(w, kept[i]);
    }
    for (size_t i = 0; i < omn_weights_count(w); i++) {
        const char *name = omn_weights_name(w, i);
        ck_assert_uint_lt(count, 62);
        if (!strcmp(name, "train.pool.outputs")) continue;
        list[count] = (omn_weights_entry){ name, *omn_weights_at(w, i) };
        if (!strncmp(name, "train.done.", 11)) list[count].tensor.data = &done;
        count++;
    }
    if (outputs)
        list[count++] = (omn_weights_entry){
            "train.pool.outputs", { OMN_I32, omn_dim1((int64_t)n), outputs, n * sizeof *outputs }
        };
    WORKS(omn_weights_write(to, OMN_OVERWRITE, list, count, pairs, n_pairs, &err));
    omn_weights_close(w);
}

START_TEST(lessons_that_wait_for_nothing_are_refused)
{
#define REST HEAD MINE "tasks:\n" DRAWS SAYS "optimizer: {use: adamw, rate: 1e-2}\nsteps: "
    static const char text[] = REST "12\n", more[] = REST "13\n";
#undef REST
    enum { MOST = 256 };
    int32_t outputs[MOST];
    omn_error err = OMN_ERROR_INIT;
    omn_weights *w = NULL;
    char path[4200];
    const char *folder = studio_that_writes();
    WORKS(train(folder, text, "a", NULL, 2, &err));
    WORKS(omn_weights_open(below(folder, "a/checkpoint.safetensors"), &w, &err));
    const omn_tensor *x = omn_weights_get(w, "train.pool.outputs");
    const size_t n = x->bytes / sizeof *outputs;
    ck_assert(n > 1 && n < MOST);
    memcpy(outputs, x->data, x->bytes);
    omn_weights_close(w);
    ck_assert_int_eq(mkdir(below(folder, "b"), 0777), 0);
    snprintf(path, sizeof path, "%s/b/checkpoint.safetensors", folder);
    for (int i = 0; i < 8; i++) {
        static const struct { omn_status st; const char *says; } want[8] = {
            { OMN_OK, "" },
            { OMN_ERR_DATA, "an output 2" },
            { OMN_ERR_DATA, "an output -1" },
            { OMN_ERR_DATA, "train.pool is broken" },       /* fewer than lessons */
            { OMN_ERR_DATA, "train.pool is broken" },       /* words that the decoder lacks */
            { OMN_ERR_DATA, "is more than all steps" },
            { OMN_ERR_DATA, "train.pool is broken" },       /* none: all of the first, "image" */
            { OMN_ERR_DATA, "an output 1" },                /* of a run of text alone */
        };
        int32_t these[MOST];
        memcpy(these, outputs, n * sizeof *these);
        if (i == 1) these[1] = 2;
        if (i == 2) these[0] = -1;
        for (size_t k = 0; i == 4 && k < n; k++) these[k] = 0;
        rewrite(folder, path, i == 6 ? NULL : these, i == 3 ? n - 1 : n, i == 5 ? 13 : 2, i != 7);
        err = (omn_error)OMN_ERROR_INIT;
        remove(below(folder, "b/log.csv"));
        ck_assert_msg(train(folder, more, "b", NULL, 1, &err) == want[i].st, "%d: %s", i, err.text);
        ck_assert_msg(strstr(err.text, want[i].says), "%d: %s", i, err.text);
    }
}
END_TEST

/* ---- step by step --------------------------------------------------------------------------- */


/* After the first step of a weight, whenever that is, a tenth of what it was is in its average. */
static void averages_start_short(const omn_weights *before, const omn_weights *after,
                                 const char *name, const char *average)
{
    const omn_tensor *was = omn_weights_get(before, name), *is = omn_weights_get(after, name),
                     *mean = omn_weights_get(after, average);
    for (size_t i = 0; i < is->bytes / sizeof(float); i++) {
        float x[3];
        memcpy(&x[0], (const char *)was->data + i * sizeof(float), sizeof(float));
        memcpy(&x[1], (const char *)is->data + i * sizeof(float), sizeof(float));
        memcpy(&x[2], (const char *)mean->data + i * sizeof(float), sizeof(float));
        ck_assert_double_eq_tol((double)x[2], 0.1 * (double)x[0] + 0.9 * (double)x[1], 1e-6);
    }
}

START_TEST(what_a_step_does_not_ask_stays)
{
    static const char text[] = HEAD MINE "tasks:\n" DRAWS SAYS
        "optimizer: {use: adamw, rate: 1e-2, decay: 0.5, average: 0.9, curve: const}\nsteps: 9\n";
    static const char *const of[2][5] = {
        { "table", "train.m.table", "train.v.table", "train.average.table", "train.done.table" },
        { "letters", "train.m.letters", "train.v.letters", "train.average.letters",
          "train.done.letters" }
    };
    static const char *const file[2] = { "even.safetensors", "odd.safetensors" };
    omn_error err = OMN_ERROR_INIT;
    uint32_t asked[2] = { 0, 0 };
    bench b;
    open_bench(&b, text);
    ck_assert(trainer_moves(b.t, "table") && trainer_moves(b.t, "letters") &&
              trainer_moves(b.t, "words.weight") && !trainer_moves(b.t, "strokes") &&
              !trainer_moves(b.t, "vq.codebook"));
    WORKS(omn_trainer_save(b.t, below(b.folder, file[0]), &err));
    for (int i = 0; i < 9; i++) {
        omn_weights *w[2] = { NULL };
        const uint32_t now = omn_train_output(&b.r->setup, (uint64_t)i), other = 1 - now;
        ck_assert_str_eq(b.r->outputs[now], now ? "text" : "image");
        asked[now]++;
        WORKS(omn_trainer_step(b.t, b.c, NULL, &err));
        WORKS(omn_trainer_save(b.t, below(b.folder, file[(i + 1) % 2]), &err));
        for (int k = 0; k < 2; k++)
            WORKS(omn_weights_open(below(b.folder, file[(i + k) % 2]), &w[k], &err));
        for (int k = 0; k < 4; k++) {
            ck_assert_msg(!same_tensor(w[0], w[1], of[now][k]), "%s", of[now][k]);
            ck_assert_msg(same_tensor(w[0], w[1], of[other][k]), "%s", of[other][k]);
        }
        if (asked[now] == 1) averages_start_short(w[0], w[1], of[now][0], of[now][3]);
        ck_assert(!same_tensor(w[0], w[1], "words.weight"));
        ck_assert(same_tensor(w[0], w[1], "strokes"));
        ck_assert(same_tensor(w[0], w[1], "vq.codebook"));
        /* of what had no gradient in some steps those are counted that it had */
        for (int k = 0; k < 2; k++) {
            const omn_tensor *x = omn_weights_get(w[1], of[k][4]);
            int64_t done = (int64_t)i + 1;
            if (x) memcpy(&done, x->data, sizeof done);
            if (asked[k]) ck_assert_int_eq(done, asked[k]);
        }
        omn_weights_close(w[0]);
        omn_weights_close(w[1]);
    }
    ck_assert(asked[0] > 0 && asked[1] > 0);
    close_bench(&b);
}
END_TEST

START_TEST(each_decoder_makes_its_own_codes)
{
    static const char text[] = HEAD MINE "tasks:\n" DRAWS
        "  - {name: sketch, pipeline: ./k.yaml, give: {what: what}, want: {drawn: picture}}\n"
        "optimizer: {use: adamw, rate: 1e-2}\nsteps: 8\n";
    omn_error err = OMN_ERROR_INIT;
    bench b;
    uint32_t pages[2] = { 0, 0 };
    omn_arena *a = omn_arena_new(0);
    open_bench(&b, text);
    ck_assert_uint_eq(b.r->n_outputs, 2);
    ck_assert(b.r->codes[0] && b.r->codes[1] && b.r->codes[0] != b.r->codes[1]);
    for (uint64_t i = 0; i < 12; i++) {
        omn_page p;
        omn_value *tokens = NULL, *of = NULL;
        int32_t codes[TILES];
        const int32_t *is = NULL;
        const uint32_t now = omn_train_output(&b.r->setup, i);
        const codes_counts before = codes_count(b.r->codes[1 - now]);
        WORKS(recipe_ahead(b.r, b.c, i, 1, i, &err));
        WORKS(recipe_page(b.r, b.c, i, i, a, &p, &err));
        ck_assert_str_eq(p.output, now ? "sketch" : "image");
        ck_assert_uint_eq(p.n_lessons, 1);
        ck_assert_uint_eq(p.lessons[0].task, now);
        /* the other one was not asked */
        ck_assert_uint_eq(codes_count(b.r->codes[1 - now]).made, before.made);
        ck_assert_uint_eq(codes_count(b.r->codes[1 - now]).from_memory, before.from_memory);
        of = picture(37 * (uint32_t)atol(omn_text_get(p.lessons[0].inputs[0].value, NULL)) + 5,
                     codes);
        const codes_want want = { of, NULL };
        WORKS(codes_get(b.r->codes[now], b.c, &want, 1, &tokens, &err));
        ck_assert_uint_eq(omn_tokens_get(tokens, &is, NULL), TILES);
        for (int t = 0; t < TILES; t++) {
            ck_assert_int_eq(p.lessons[0].ids[t], FIRST + is[t]);
            if (!now) ck_assert_int_eq(is[t], codes[t]);
        }
        for (uint32_t k = 0; k < p.n_values; k++) omn_value_unref(p.values[k]);
        omn_value_unref(tokens);
        omn_value_unref(of);
        pages[now]++;
    }
    ck_assert(pages[0] > 0 && pages[1] > 0);
    close_bench(&b);
    omn_arena_free(a);
}
END_TEST

/* ---- looking -------------------------------------------------------------------------------- */

START_TEST(lessons_of_both_are_shown)
{
    static const char text[] = HEAD MINE "tasks:\n" DRAWS SAYS
        "optimizer: {use: adamw, rate: 1e-2}\nsteps: 8\n";
    omn_error err = OMN_ERROR_INIT;
    omn_buf b;
    omn_context *ctx = studio_context(2);
    omn_recipe *r = open_recipe(ctx, studio_that_writes(), text);
    omn_buf_init(&b, 1 << 20);
    WORKS(omn_recipe_show(r, 12, &b, &err));
    ck_assert_ptr_nonnull(strstr(b.data, "task draw"));
    ck_assert_ptr_nonnull(strstr(b.data, "answer (image)"));
    ck_assert_ptr_nonnull(strstr(b.data, "task say"));
    ck_assert_ptr_nonnull(strstr(b.data, "answer (text)"));
    /* a question ends as the model reads it, an answer as its decoder ends */
    uint32_t n[2] = { 0, 0 };
    for (const char *p = b.data; (p = strstr(p, "task ")); p++) {
        const bool draws = !strncmp(p, "task draw", 9);
        const char *question = strchr(strstr(p, "tokens:"), '\n'),
                   *answer = strchr(strstr(question, "tokens:"), '\n');
        ck_assert_msg(!strncmp(question - 2, " 1", 2), "%.20s", question - 20);
        ck_assert_msg(!strncmp(answer - 2, draws ? " 2" : " 1", 2), "%.20s", answer - 20);
        n[draws]++;
    }
    ck_assert_uint_eq(n[0] + n[1], 12);
    omn_buf_fini(&b);
    omn_recipe_close(r);
    omn_context_free(ctx);
}
END_TEST

static void on_score(void *user, const omn_score_row *score)
{
    uint32_t *n = user;
    n[!strcmp(score->task, "say")] += score->n > 0;
}

START_TEST(all_tasks_are_scored)
{
    static const char text[] = HEAD
        "sources: {mine: {use: folder, path: photos, held_out: 0.5}}\n"
        "tasks:\n" DRAWS SAYS
        "optimizer: {use: adamw, rate: 1e-2}\nsteps: 4\nevaluate: {every: 2, examples: 3}\n";
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = studio_context(2);
    omn_model *m = NULL;
    char *log = NULL;
    size_t size = 0;
    uint32_t n[2] = { 0, 0 };
    const char *folder = studio_that_writes();
    WORKS(train(folder, text, "a", NULL, 2, &err));
    WORKS(omn_file_read(below(folder, "a/log.csv"), 1 << 20, &log, &size, &err));
    ck_assert_ptr_nonnull(strstr(log, ",score.draw,score.say\n"));
    free(log);
    omn_recipe *r = open_recipe(ctx, folder, text);
    WORKS(omn_model_open(ctx, below(folder, "a"), NULL, &m, &err));
    const omn_eval_setup how = { OMN_FILL(omn_eval_setup), .examples = 6, .user = n,
                                 .row = on_score };
    WORKS(omn_recipe_eval(r, m, &how, &err));
    ck_assert(n[0] > 0 && n[1] > 0);
    omn_model_close(m);
    omn_recipe_close(r);
    omn_context_free(ctx);
}
END_TEST

/* ---- without a recipe ----------------------------------------------------------------------- */

static omn_status wrong_page(void *user, omn_call *c, uint64_t index, uint64_t step, omn_arena *a,
                             omn_page *out, omn_error *err)
{
    const omn_recipe *r = user;
    const omn_status st = recipe_page(user, c, index, step, a, out, err);
    out->output = r->outputs[1 - omn_train_output(&r->setup, step)];
    return st;
}

START_TEST(a_page_of_another_decoder_is_refused)
{
    static const char text[] = HEAD MINE "tasks:\n" DRAWS SAYS
        "optimizer: {use: adamw, rate: 1e-2}\nsteps: 8\n";
    omn_error err = OMN_ERROR_INIT;
    omn_trainer *t = NULL;
    bench b;
    open_bench(&b, text);
    b.r->setup.page = wrong_page;
    WORKS(omn_trainer_new(b.m, b.store, &b.r->setup, &t, &err));
    ck_assert_int_eq(omn_trainer_step(t, b.c, NULL, &err), OMN_ERR_ARGUMENT);
    ck_assert_msg(strstr(err.text, "its lessons want"), "%s", err.text);
    omn_trainer_free(t);
    close_bench(&b);
}
END_TEST

START_TEST(outputs_without_sense_are_refused)
{
    static const char text[] = HEAD MINE "tasks:\n" DRAWS SAYS
        "optimizer: {use: adamw, rate: 1e-2}\nsteps: 8\n";
    static const char *const twice[] = { "text", "text" }, *const nose[] = { "text", "nose" };
    static const double none[] = { 0, 0 }, less[] = { 1, -1 }, odd[] = { 1, (double)NAN };
    bench b;
    open_bench(&b, text);
    const omn_train_setup usual = b.r->setup;
    for (int i = 0; i < 8; i++) {
        omn_error err = OMN_ERROR_INIT;
        omn_train_setup s = usual;
        omn_trainer *t = NULL;
        switch (i) {
        case 0: s.outputs = twice; break;
        case 1: s.n_outputs = 0; break;
        case 2: s.shares = none; break;
        case 3: s.shares = less; break;
        case 4: s.shares = odd; break;
        case 5: s.output_targets = (const uint32_t[]){ 8, 0 }; break;
        case 6: s.output_targets = (const uint32_t[]){ 8, s.targets + 1 }; break;
        default: s.outputs = nose;
        }
        ck_assert_msg(omn_trainer_new(b.m, b.store, &s, &t, &err) ==
                          (i < 7 ? OMN_ERR_ARGUMENT : OMN_ERR_UNSUPPORTED),
                      "setup %d: %s", i, err.text);
    }
    close_bench(&b);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        both_tasks_are_learnt_in_one_run,
        what_it_takes_is_said_beforehand,
        a_stopped_run_ends_in_the_same_bits,
        runs_go_on_with_other_tasks,
        lessons_that_wait_for_nothing_are_refused,
        what_a_step_does_not_ask_stays,
        each_decoder_makes_its_own_codes,
        lessons_of_both_are_shown,
        all_tasks_are_scored,
        a_page_of_another_decoder_is_refused,
        outputs_without_sense_are_refused,
    };
    return TESTING_RUN("pipeline/mixed", all, 60);
}
