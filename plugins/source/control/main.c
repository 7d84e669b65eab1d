/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks of control as worlds, as a source of experts' episodes, and as operations that play: an
 * episode is a value, a record that holds all of its state, so that a pipeline can go on with it,
 * keep it or play it again.
 *
 * Fields of an episode: task, seed, state (f64), steps, total (what it was worth so far), over (1
 * at its end), observations (a list of records), actions. */
#include "control.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const omn_param control_world_params[] = { CONTROL_WORLD(OMN_S_ROW, control_world) };
static const omn_param control_source_params[] = { CONTROL_SOURCE(OMN_S_ROW, control_source) };

/* ---- an episode as a value ------------------------------------------------------------------- */

typedef struct fields {
    omn_named list[8];
    size_t n;
    omn_status st;
    omn_error *err;
} fields;

static void put(fields *f, const char *name, omn_value *taken)
{
    if (taken) f->list[f->n++] = (omn_named){ name, taken };
}

static void put_number(fields *f, const char *name, double x)
{
    omn_value *v = NULL;
    if (f->st == OMN_OK) f->st = omn_number_new(x, &v, f->err);
    put(f, name, v);
}

/* observations and actions are taken. */
static omn_status episode_make(const control_state *c, double seed, omn_value *observations,
                               omn_value *actions, omn_value **out, omn_error *err)
{
    fields f = { .err = err };
    omn_value *v = NULL;
    f.st = omn_text_new(c->task->name, strlen(c->task->name), &v, err);
    put(&f, "task", v);
    put_number(&f, "seed", seed);
    put_number(&f, "steps", c->steps);
    put_number(&f, "total", c->total);
    put_number(&f, "over", c->over);
    const omn_tensor t = omn_fill("", OMN_F64, omn_dim1((int64_t)c->task->n_state), c->s).tensor;
    v = NULL;
    if (f.st == OMN_OK) f.st = omn_tensor_value_new(&t, &v, err);
    put(&f, "state", v);
    put(&f, "observations", observations);
    put(&f, "actions", actions);
    if (f.st == OMN_OK) f.st = omn_record_new(f.list, f.n, out, err);
    for (size_t i = 0; i < f.n; i++) omn_value_unref(f.list[i].value);
    return f.st;
}

static const control_task *task_of(const char *name)
{
    for (int i = 0; name && i < 2; i++)
        if (!strcmp(control_task_at(i)->name, name)) return control_task_at(i);
    return NULL;
}

static omn_status no_episode(omn_error *err)
{
    return omn_fail(err, OMN_ERR_DATA, "this is no episode as control.start makes them: task, "
                    "seed, state, steps, total, over, observations, actions");
}

static double number_of(const omn_value *episode, const char *name)
{
    const omn_value *v = omn_record_get(episode, name);
    return omn_value_is(v, "number") ? omn_number_get(v) : (double)NAN;
}

static omn_status episode_read(const omn_value *v, control_state *c, omn_error *err)
{
    const omn_value *name = omn_record_get(v, "task"), *state = omn_record_get(v, "state");
    const omn_value *seen = omn_record_get(v, "observations");
    const control_task *task =
        task_of(omn_value_is(name, "text") ? omn_text_get(name, NULL) : NULL);
    const omn_tensor *t = state ? omn_value_tensor(state) : NULL;
    const double steps = number_of(v, "steps"), total = number_of(v, "total");
    if (!task || !t || t->type != OMN_F64 || t->shape.rank != 1 ||
        t->shape.dim[0] != (int64_t)task->n_state || !(steps >= 0 && steps <= task->steps) ||
        !isfinite(total) || !omn_value_is(seen, "list") ||
        !omn_value_is(omn_record_get(v, "actions"), "actions"))
        return no_episode(err);
    *c = (control_state){ .task = task, .total = total, .steps = (int)steps,
                          .over = number_of(v, "over") != 0 };
    memcpy(c->s, t->data, t->bytes);
    for (size_t i = 0; i < task->n_state; i++)
        if (!(fabs(c->s[i]) < 1000)) return no_episode(err);
    return OMN_OK;
}

omn_status control_episode_read(const omn_value *v, control_state *c, double *seed,
                                omn_error *err)
{
    *seed = number_of(v, "seed");
    return episode_read(v, c, err);
}

/* ---- playing --------------------------------------------------------------------------------- */

#define START(IN, OPT, PAR, OUT)                                                                   \
    PAR(choice, task, NULL, CONTROL_TASKS, NULL, "what is done")                                   \
    PAR(int64, seed, "0", "0..9007199254740991", NULL, "which of the held-out episodes")           \
    OUT(record, out, "the episode at its beginning")
OMN_OPERATION(control_start, START, OMN_PURE);
static omn_status control_start(omn_call *c, int task, int64_t seed, omn_value **out,
                                omn_error *err)
{
    omn_status st = OMN_OK;
    control_state s;
    omn_value *seen = NULL, *list = NULL, *actions = NULL;
    control_begin(&s, control_task_at(task), OMN_SPLIT_HELD_OUT, (uint64_t)seed);
    OMN_TRY(control_seen(&s, &seen, err));
    OMN_TRY(omn_list_new(&seen, 1, &list, err));
    OMN_TRY(control_done(c, s.task, NULL, 0, &actions, err));
    st = episode_make(&s, (double)seed, list, actions, out, err);
    list = actions = NULL;
done:
    omn_value_unref(seen);
    omn_value_unref(list);
    omn_value_unref(actions);
    return st;
}

/* The list with one more. */
static omn_status longer(const omn_value *list, omn_value *last, omn_value **out, omn_error *err)
{
    const size_t n = omn_list_count(list);
    omn_value **all = malloc((n + 1) * sizeof(omn_value *));
    if (!all) return omn_fail(err, OMN_ERR_MEMORY, "an episode: out of memory");
    for (size_t i = 0; i < n; i++) all[i] = (omn_value *)(uintptr_t)omn_list_at(list, i);
    all[n] = last;
    const omn_status st = omn_list_new(all, n + 1, out, err);
    free(all);
    return st;
}

static omn_status done_behind(omn_call *c, const control_task *task, const omn_value *before,
                              const double *a, omn_value **out, omn_error *err)
{
    const omn_tensor *t = omn_value_column(before, "action");
    const size_t n = (size_t)t->shape.dim[0], width = task->n_done;
    float *rows = malloc((n + 1) * width * sizeof *rows);
    if (!rows) return omn_fail(err, OMN_ERR_MEMORY, "an episode: out of memory");
    if ((size_t)t->shape.dim[1] != width) {
        free(rows);
        return no_episode(err);
    }
    if (n) memcpy(rows, t->data, t->bytes);
    for (size_t i = 0; i < width; i++) rows[n * width + i] = (float)a[i];
    const omn_status st = control_done(c, task, rows, n + 1, out, err);
    free(rows);
    return st;
}

#define STEP(IN, OPT, PAR, OUT)                                                                    \
    IN(record, in, "an episode")                                                                   \
    IN(actions, action, "what to do, one row")                                                     \
    OUT(record, out, "the episode behind it")                                                      \
    OUT(number, over, "1 when it is over, else 0")
OMN_OPERATION(control_step, STEP, OMN_PURE);
static omn_status control_step(omn_call *c, const omn_value *in, const omn_value *action,
                               omn_value **out, omn_value **over, omn_error *err)
{
    omn_status st = OMN_OK;
    control_state s;
    double a[CONTROL_MOST_DONE];
    omn_value *seen = NULL, *list = NULL, *actions = NULL;
    OMN_TRY(episode_read(in, &s, err));
    if (s.over) OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: the episode is over", s.task->name));
    OMN_TRY(control_row(s.task, action, 0, a, err));
    control_move(&s, a);
    OMN_TRY(control_seen(&s, &seen, err));
    OMN_TRY(longer(omn_record_get(in, "observations"), seen, &list, err));
    OMN_TRY(done_behind(c, s.task, omn_record_get(in, "actions"), a, &actions, err));
    OMN_TRY(omn_number_new(s.over, over, err));
    st = episode_make(&s, number_of(in, "seed"), list, actions, out, err);
    list = actions = NULL;
done:
    omn_value_unref(seen);
    omn_value_unref(list);
    omn_value_unref(actions);
    return st;
}

/* ---- judging --------------------------------------------------------------------------------- */

#define SCORE(IN, OPT, PAR, OUT)                                                                   \
    IN(list, in, "episodes that are over, all of one task")                                        \
    OUT(number, out, "(agent - random) / (expert - random), means over the same episodes")         \
    OUT(number, agent, "what they were worth on average")                                          \
    OUT(number, expert, "what an expert makes of them")                                            \
    OUT(number, random, "what chance makes of them")
OMN_OPERATION(control_score, SCORE, OMN_PURE);
static omn_status control_score(omn_call *c, const omn_value *in, omn_value **out,
                                omn_value **agent, omn_value **expert, omn_value **random,
                                omn_error *err)
{
    omn_status st = OMN_OK;
    double sum[3] = { 0 };
    const size_t n = omn_list_count(in);
    const control_task *task = NULL;
    (void)c;
    if (!n) OMN_TRY(omn_fail(err, OMN_ERR_DATA, "no episode was played"));
    for (size_t i = 0; i < n; i++) {
        control_state s;
        const omn_value *v = omn_list_at(in, i);
        OMN_TRY(episode_read(v, &s, err));
        const double seed = number_of(v, "seed");
        if (task && task != s.task)
            OMN_TRY(omn_fail(err, OMN_ERR_DATA, "episodes of %s and of %s have no score in common",
                             task->name, s.task->name));
        if (!s.over || !(seed >= 0 && seed < 0x1p53))
            OMN_TRY(omn_fail(err, OMN_ERR_DATA, "episode %zu is not over", i));
        task = s.task;
        sum[0] += s.total / (double)n;
        sum[1] += control_play(task, (uint64_t)seed, true) / (double)n;
        sum[2] += control_play(task, (uint64_t)seed, false) / (double)n;
    }
    if (!(sum[1] > sum[2]))
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "an expert makes no more of these %zu episodes (%g) "
                         "than chance (%g): there is no score; more of them, or longer ones, are "
                         "wanted", n, sum[1], sum[2]));
    OMN_TRY(omn_number_new((sum[0] - sum[2]) / (sum[1] - sum[2]), out, err));
    OMN_TRY(omn_number_new(sum[0], agent, err));
    OMN_TRY(omn_number_new(sum[1], expert, err));
    OMN_TRY(omn_number_new(sum[2], random, err));
done:
    return st;
}

/* ---- looking --------------------------------------------------------------------------------- */

static omn_status picture(const control_state *s, uint32_t side, omn_value **out, omn_error *err)
{
    omn_image *img = NULL;
    omn_pixels px;
    const omn_status st = omn_image_new(OMN_U8, side, side, 3, NULL, &img, &px, err);
    if (st != OMN_OK) return st;
    memset(px.data, 255, (size_t)side * side * 3);
    control_picture p = { .rgb = px.data, .side = side };
    s->task->draw(s->s, &p);
    *out = omn_image_give(img);
    return OMN_OK;
}

#define DRAW(IN, OPT, PAR, OUT)                                                                    \
    IN(record, in, "an episode")                                                                   \
    PAR(int, side, "128", "16..1024", "px", "of the pictures")                                     \
    PAR(int, every, "1", "1..1000", NULL, "steps from one picture to the next")                    \
    OUT(video, out, "the episode from its beginning")
OMN_OPERATION(control_draw, DRAW, OMN_PURE);
static omn_status control_draw(omn_call *c, const omn_value *in, int side, int every,
                               omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    control_state now, s;
    size_t n = 0;
    const omn_kind *kind = NULL;
    OMN_TRY(episode_read(in, &now, err));
    const omn_value *actions = omn_record_get(in, "actions");
    const size_t most = (size_t)(now.task->steps / every) + 2;
    omn_value **frames = omn_call_scratch(c, most, sizeof(omn_value *));
    double *time = omn_call_scratch(c, most, sizeof *time);
    const double seed = number_of(in, "seed");
    if (!frames || !time) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "an episode: out of memory"));
    if (!(seed >= 0 && seed < 0x1p53)) OMN_TRY(no_episode(err));
    control_begin(&s, now.task, OMN_SPLIT_HELD_OUT, (uint64_t)seed);
    for (int i = 0; i <= now.steps && n < most; i++) {
        double a[CONTROL_MOST_DONE];
        if (i % every == 0 || i == now.steps) {
            OMN_TRY(picture(&s, (uint32_t)side, &frames[n], err));
            time[n++] = i / s.task->rate;
        }
        if (i == now.steps) break;
        OMN_TRY(control_row(s.task, actions, (size_t)i, a, err));
        control_move(&s, a);
    }
    OMN_TRY(omn_kind_find(c, "video", &kind, err));
    const omn_filled columns[] = { omn_fill("frames", OMN_ANY_VALUE, omn_dim1((int64_t)n), frames),
                                   omn_fill("time", OMN_F64, omn_dim1((int64_t)n), time) };
    OMN_TRY(omn_value_make(kind, columns, 2, NULL, out, err));
done:
    for (size_t i = 0; i < n; i++) omn_value_unref(frames[i]);
    return st;
}

static const omn_object objects[] = {
    { "omnio.world/1", "cart-pole", "a pole on a cart that is pushed left or right",
      &control_cart_pole_world, OMN_OBJECT_PARAMS(control_world) },
    { "omnio.world/1", "reacher", "an arm of two links that reaches for a target",
      &control_reacher_world, OMN_OBJECT_PARAMS(control_world) },
    { "omnio.source/1", "control", "what experts of small tasks of control see and do",
      &control_source_impl, OMN_OBJECT_PARAMS(control_source) },
    { "omnio.measure/1", "control-return",
      "how good episodes of control are between chance and an expert", &control_return_impl, NULL,
      0, 0 },
    OMN_OPERATION_OBJECT(control_start, "control.start", "an episode of a task of control"),
    OMN_OPERATION_OBJECT(control_step, "control.step", "one step of an episode"),
    OMN_OPERATION_OBJECT(control_score, "control.score",
                         "how good episodes are between chance and an expert"),
    OMN_OPERATION_OBJECT(control_draw, "control.draw", "an episode as a video"),
};
OMN_PLUGIN("control", "0.1.0", "Apache-2.0", "small tasks of control", objects);
