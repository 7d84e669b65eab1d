/* SPDX-License-Identifier: Apache-2.0 */
/* Exams: a recipe is evaluated twice, and what differs between the two is the answer: GRIT asks
 * of distorted pictures as well, and doubt is measured with pictures of another world in place of
 * the held-out ones. A task that the model cannot do is named, with the reason. */
#include "exam.h"

#include "grit_file.h"
#include "grit_table.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is told --------------------------------------------------------------------------- */

void exam_share(double x, int width, omn_buf *b)
{
    if (isnan(x)) omn_buf_printf(b, "%*s", width, "-");
    else omn_buf_printf(b, "%*.1f%%", width - 1, 100 * x);
}

void exam_row(cli *c, omn_buf *b, uint64_t *rows)
{
    if (c->format == CLI_JSON) cli_puts(c, *rows ? ",\n" : "[\n");
    if (c->format == CLI_JSONL) omn_buf_puts(b, "\n");
    cli_put(c, b);
    ++*rows;
}

void exam_unable(cli *c, const char *task, const char *pipeline, const char *why, uint64_t *rows)
{
    omn_buf b;
    omn_buf_init(&b, 1 << 16);
    if (c->format == CLI_TEXT) {
        omn_buf_printf(&b, "%-16s not asked (%s): %s\n", task, pipeline, why);
        cli_put(c, &b);
    } else {
        omn_buf_printf(&b, "{\"type\":\"unable\",\"version\":%d,\"task\":", CLI_JSON_VERSION);
        json_text(&b, task);
        omn_buf_puts(&b, ",\"pipeline\":");
        json_text(&b, pipeline);
        omn_buf_puts(&b, ",\"why\":");
        json_text(&b, why);
        omn_buf_puts(&b, "}");
        exam_row(c, &b, rows);
    }
    omn_buf_fini(&b);
}

/* ---- GRIT ----------------------------------------------------------------------------------- */

typedef struct sitting {
    cli *c;
    uint64_t *rows;
    grit_table *table;
    grit_file *file;                      /* NULL: nobody wants it */
    bool distorted;
    int task;                             /* of the answer before */
    uint64_t example, item;
    double trivial[GRIT_TASKS];
    omn_error err;                        /* of an answer that could not be kept */
} sitting;

static int task_of(const char *name)
{
    for (int i = 0; i < GRIT_TASKS; i++)
        if (!strcmp(name, grit_task_names[i])) return i;
    return -1;
}

static void no_row(void *user, const omn_score_row *row)
{
    (void)user;
    (void)row;
}

static void on_grit_row(void *user, const omn_score_row *row)
{
    sitting *s = user;
    const int task = task_of(row->task);
    if (task >= 0) s->trivial[task] = row->trivial;
}

static void on_grit_answer(void *user, const omn_score_answer *a)
{
    sitting *s = user;
    const int task = task_of(a->task);
    char id[160];
    if (task < 0 || s->err.status) return;
    s->item = task == s->task && a->example == s->example ? s->item + 1 : 0;
    s->task = task;
    s->example = a->example;
    omn_format(id, sizeof id, "%s_%llu_%llu%s", a->task, (unsigned long long)a->example,
               (unsigned long long)s->item, s->distorted ? "_dist" : "");
    const grit_answer one = { .id = id, .task = task, .worth = a->worth,
                              .confidence = isnan(a->confidence) ? 1 : a->confidence,
                              .distorted = s->distorted };
    omn_status st = grit_table_add(s->table, &one, &s->err);
    if (st == OMN_OK && s->file)
        st = grit_file_put(s->file, task, id, one.confidence, a->answer, &s->err);
    if (st != OMN_OK) omn_cancel_set(s->c->cancel);
}

static void on_unable(void *user, const char *task, const char *pipeline, const char *why)
{
    sitting *s = user;
    if (!s->distorted) exam_unable(s->c, task, pipeline, why, s->rows);
}

static void on_unable_again(void *user, const char *task, const char *pipeline, const char *why)
{
    (void)user;
    (void)task;
    (void)pipeline;
    (void)why;
}

static void on_note(void *user, const char *text)
{
    const sitting *s = user;
    if (!s->c->quiet && !s->distorted) cli_say(s->c, "%s", text);
}

/* Every picture is distorted by kind, strength and draws that follow from its example. */
static omn_status distort(void *user, omn_call *c, uint64_t example, const char *name,
                          omn_value **value, omn_error *err)
{
    char seed[24];
    omn_value *out = NULL;
    (void)user;
    (void)name;
    if (!omn_value_is(*value, "image")) return OMN_OK;
    omn_format(seed, sizeof seed, "%llu", (unsigned long long)example);
    const omn_setting set = { "seed", seed, 0, 0 };
    const omn_value *in = *value;
    const omn_status st = omn_call_operation(c, "image.distort", &in, &set, 1, &out, err);
    if (st != OMN_OK) return st;
    omn_value_unref(*value);
    *value = out;
    return OMN_OK;
}

static double mean_of(const grit_table *t, grit_figure f, grit_part p, int task)
{
    grit_value v;
    return grit_table_value(t, f, -1, p, task, &v) ? v.mean / 100 : (double)NAN;
}

static const grit_figure figures[] = { GRIT_CONFIDENCE, GRIT_INFORMATION, GRIT_MISINFORMATION,
                                       GRIT_RMSE, GRIT_SELF_AWARE };

static void put_text_row(const sitting *s, int task, omn_buf *b)
{
    const grit_table *t = s->table;
    grit_value v;
    omn_buf_printf(b, "%-16s", task < GRIT_TASKS ? grit_task_names[task] : "all seven");
    exam_share(mean_of(t, GRIT_ACCURACY, GRIT_SAME_SOURCE, task), 8, b);
    exam_share(task < GRIT_TASKS ? s->trivial[task] : (double)NAN, 9, b);
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        exam_share(mean_of(t, figures[i], GRIT_SAME_SOURCE, task), 8, b);
    exam_share(mean_of(t, GRIT_ACCURACY, GRIT_DISTORTED, task), 11, b);
    exam_share(mean_of(t, GRIT_ACCURACY, GRIT_LOST, task), 8, b);
    if (task < GRIT_TASKS && grit_table_value(t, GRIT_ACCURACY, -1, GRIT_SAME_SOURCE, task, &v))
        omn_buf_printf(b, "%8llu", (unsigned long long)v.count);
    omn_buf_puts(b, "\n");
}

static omn_status tell(sitting *s, int64_t millions, omn_error *err)
{
    omn_buf b;
    omn_buf_init(&b, 1 << 20);
    if (s->c->format == CLI_TEXT) {
        omn_buf_printf(&b, "%-16s%8s%9s%8s%8s%8s%8s%8s%11s%8s%8s\n", "task", "acc", "trivial",
                       "conf", "inf", "misinf", "rmse", "sa", "distorted", "lost", "n");
        for (int task = 0; task < GRIT_TASKS; task++)
            if (grit_table_has(s->table, task)) put_text_row(s, task, &b);
        put_text_row(s, GRIT_TASKS, &b);
        cli_put(s->c, &b);
    } else {
        omn_buf_printf(&b, "{\"type\":\"grit\",\"version\":%d,\"trivial\":{", CLI_JSON_VERSION);
        for (int task = 0, n = 0; task < GRIT_TASKS; task++) {
            if (!grit_table_has(s->table, task)) continue;
            omn_buf_printf(&b, "%s\"%s\":", n++ ? "," : "", grit_task_short[task]);
            omn_number_print(s->trivial[task], &b);
        }
        omn_buf_puts(&b, "},\"metrics\":");
        grit_table_json(s->table, millions, &b);
        while (b.length && b.data[b.length - 1] == '\n') b.data[--b.length] = 0;
        omn_buf_puts(&b, "}");
        exam_row(s->c, &b, s->rows);
    }
    const omn_status st = omn_buf_check(&b, "the scores", err);
    omn_buf_fini(&b);
    return st;
}

int64_t exam_millions(const omn_model *m)
{
    const omn_weights *w = omn_model_weights(m);
    uint64_t n = 0;
    for (size_t i = 0; w && i < omn_weights_count(w); i++) {
        size_t count = 0;
        if (omn_shape_count(&omn_weights_at(w, i)->shape, &count)) n += count;
    }
    return (int64_t)((n + 500000) / 1000000);
}

omn_status exam_grit(cli *c, omn_recipe *r, const exam_setup *how, uint64_t *rows, omn_error *err)
{
    omn_status st = OMN_OK;
    const int64_t millions = exam_millions(how->model);
    sitting s = { .c = c, .rows = rows, .table = grit_table_new(), .task = -1,
                  .err = OMN_ERROR_INIT };
    omn_eval_setup eval = { OMN_FILL(omn_eval_setup), .examples = how->examples,
                            .tasks = how->tasks, .n_tasks = how->n_tasks, .user = &s,
                            .row = on_grit_row, .answer = on_grit_answer, .cancel = c->cancel,
                            .note = on_note, .unable = on_unable, .learnt = how->learnt };
    for (int i = 0; i < GRIT_TASKS; i++) s.trivial[i] = (double)NAN;
    if (!s.table) return omn_fail(err, OMN_ERR_MEMORY, "scores of GRIT: out of memory");
    if (how->submission)
        OMN_TRY(grit_file_new(c->ctx, how->submission, millions, &s.file, err));
    OMN_TRY(omn_recipe_eval(r, how->model, &eval, err));
    s.distorted = true;
    s.task = -1;
    eval.row = no_row;
    eval.unable = on_unable_again;
    eval.given = distort;
    OMN_TRY(omn_recipe_eval(r, how->model, &eval, err));
    OMN_TRY(grit_table_sort(s.table, err));
    OMN_TRY(tell(&s, millions, err));
    if (s.file) OMN_TRY(grit_file_write(s.file, err));
done:
    if (s.err.status) {
        *err = s.err;
        st = (omn_status)s.err.status;
    }
    grit_file_free(s.file);
    grit_table_free(s.table);
    return st;
}

/* ---- strangers ------------------------------------------------------------------------------ */

enum { MOST_TASKS = 64, MOST_PICTURES = 4096 };

typedef struct doubts {
    char task[64];
    double *sure[2];                      /* of held-out pictures, of strangers */
    size_t n[2], room[2];
} doubts;

typedef struct meeting {
    cli *c;
    uint64_t *rows;
    doubts tasks[MOST_TASKS];
    size_t n;
    int side;                             /* 1: strangers */
    char *names[MOST_PICTURES];           /* owned */
    size_t n_names;
    omn_value **pictures;                 /* [n_names], owned */
    omn_error err;
} meeting;

static void on_meeting_note(void *user, const char *text)
{
    const meeting *m = user;
    if (!m->c->quiet && !m->side) cli_say(m->c, "%s", text);
}

static void on_meeting_unable(void *user, const char *task, const char *pipeline, const char *why)
{
    meeting *m = user;
    if (!m->side) exam_unable(m->c, task, pipeline, why, m->rows);
}

static void on_confidence(void *user, const omn_score_answer *a)
{
    meeting *m = user;
    size_t i = 0;
    if (m->err.status || isnan(a->confidence)) return;
    while (i < m->n && strcmp(m->tasks[i].task, a->task)) i++;
    if (i == MOST_TASKS) return;
    doubts *d = &m->tasks[i];
    if (i == m->n) {
        omn_format(d->task, sizeof d->task, "%s", a->task);
        m->n++;
    }
    if (d->n[m->side] == d->room[m->side]) {
        const size_t room = d->room[m->side] ? 2 * d->room[m->side] : 256;
        double *more = realloc(d->sure[m->side], room * sizeof *more);
        if (!more) {
            omn_fail(&m->err, OMN_ERR_MEMORY, "confidence: out of memory");
            omn_cancel_set(m->c->cancel);
            return;
        }
        d->sure[m->side] = more;
        d->room[m->side] = room;
    }
    d->sure[m->side][d->n[m->side]++] = a->confidence;
}

/* A stranger in place of the example's picture; questions and boxes stay. */
static omn_status exchange(void *user, omn_call *c, uint64_t example, const char *name,
                           omn_value **value, omn_error *err)
{
    const meeting *m = user;
    const omn_image *old = omn_value_image(*value);
    omn_image *out = NULL;
    (void)name;
    if (!old) return OMN_OK;
    const omn_pixels px = omn_image_pixels(old);
    /* at the size of the picture that it replaces, so that boxes lie in it */
    const omn_status st =
        omn_image_resize(c, omn_value_image(m->pictures[example % m->n_names]), px.width,
                         px.height, OMN_FILTER_TRIANGLE, true, &out, err);
    if (st != OMN_OK) return st;
    omn_value_unref(*value);
    *value = omn_image_give(out);
    return OMN_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static omn_status list_folder(meeting *m, const char *folder, omn_error *err)
{
    omn_status st = OMN_OK;
    DIR *d = opendir(folder);
    if (!d) return omn_fail(err, OMN_ERR_IO, "%s: %s", folder, strerror(errno));
    for (struct dirent *e; st == OMN_OK && (e = readdir(d));) {
        if (e->d_name[0] == '.') continue;
        if (m->n_names == MOST_PICTURES) {
            st = omn_fail(err, OMN_ERR_DATA, "%s: more than %d pictures", folder, MOST_PICTURES);
            break;
        }
        const size_t room = strlen(folder) + strlen(e->d_name) + 2;
        char *name = malloc(room);
        if (!name) st = omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", folder);
        else omn_format(name, room, "%s/%s", folder, e->d_name);
        if (name) m->names[m->n_names++] = name;
    }
    closedir(d);
    if (st == OMN_OK && !m->n_names)
        st = omn_fail(err, OMN_ERR_DATA, "%s: there is no picture in it", folder);
    if (m->n_names) qsort(m->names, m->n_names, sizeof *m->names, by_name);
    return st;
}

/* Pictures in a size that takes little memory: the longer side 1024 at most. */
static omn_status load_pictures(meeting *m, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_call *call = NULL;
    m->pictures = calloc(m->n_names, sizeof(omn_value *));
    if (!m->pictures) return omn_fail(err, OMN_ERR_MEMORY, "pictures: out of memory");
    OMN_TRY(omn_context_call(m->c->ctx, 1, 0, m->c->cancel, &call, err));
    for (size_t i = 0; i < m->n_names; i++) {
        omn_image *small = NULL;
        OMN_TRY(omn_value_load(m->c->ctx, m->names[i], "image", &m->pictures[i], err));
        const omn_pixels px = omn_image_pixels(omn_value_image(m->pictures[i]));
        const double scale = 1024.0 / (px.width > px.height ? px.width : px.height);
        if (scale >= 1) continue;
        const uint32_t w = (uint32_t)fmax(1, px.width * scale);
        const uint32_t h = (uint32_t)fmax(1, px.height * scale);
        OMN_TRY(omn_image_resize(call, omn_value_image(m->pictures[i]), w, h,
                                 OMN_FILTER_TRIANGLE, true, &small, err));
        omn_value_unref(m->pictures[i]);
        m->pictures[i] = omn_image_give(small);
    }
done:
    omn_call_free(call);
    return st;
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The share of pairs in which the first side's is larger; equal ones count half. Sorts both. */
static double auroc(doubts *d)
{
    double won = 0;
    size_t less = 0, equal;
    for (int s = 0; s < 2; s++) qsort(d->sure[s], d->n[s], sizeof(double), by_size);
    for (size_t i = 0; i < d->n[0]; i++) {
        const double x = d->sure[0][i];
        while (less < d->n[1] && d->sure[1][less] < x) less++;
        for (equal = less; equal < d->n[1] && d->sure[1][equal] <= x;) equal++;
        won += (double)less + (double)(equal - less) / 2;
    }
    return won / ((double)d->n[0] * (double)d->n[1]);
}

static double mean(const double *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i];
    return sum / (double)n;
}

static void tell_doubts(meeting *m)
{
    if (m->c->format == CLI_TEXT)
        cli_puts(m->c, "task              auroc   held-out  strangers        n\n");
    for (size_t i = 0; i < m->n; i++) {
        doubts *d = &m->tasks[i];
        omn_buf b;
        if (!d->n[0] || !d->n[1]) continue;
        const double area = auroc(d), own = mean(d->sure[0], d->n[0]);
        const double other = mean(d->sure[1], d->n[1]);
        omn_buf_init(&b, 1 << 16);
        if (m->c->format == CLI_TEXT) {
            omn_buf_printf(&b, "%-16s %6.3f", d->task, area);
            exam_share(own, 11, &b);
            exam_share(other, 11, &b);
            omn_buf_printf(&b, " %8zu\n", d->n[1]);
            cli_put(m->c, &b);
        } else {
            omn_buf_printf(&b, "{\"type\":\"doubt\",\"version\":%d,\"task\":", CLI_JSON_VERSION);
            json_text(&b, d->task);
            omn_buf_puts(&b, ",\"auroc\":");
            omn_number_print(area, &b);
            omn_buf_puts(&b, ",\"held_out\":");
            omn_number_print(own, &b);
            omn_buf_puts(&b, ",\"strangers\":");
            omn_number_print(other, &b);
            omn_buf_printf(&b, ",\"n\":%zu}", d->n[1]);
            exam_row(m->c, &b, m->rows);
        }
        omn_buf_fini(&b);
    }
}

omn_status exam_strangers(cli *c, omn_recipe *r, const exam_setup *how, uint64_t *rows,
                          omn_error *err)
{
    omn_status st = OMN_OK;
    meeting *m = calloc(1, sizeof *m);
    if (!m) return omn_fail(err, OMN_ERR_MEMORY, "confidence: out of memory");
    m->c = c;
    m->rows = rows;
    m->err = (omn_error)OMN_ERROR_INIT;
    omn_eval_setup eval = { OMN_FILL(omn_eval_setup), .examples = how->examples,
                            .tasks = how->tasks, .n_tasks = how->n_tasks, .user = m,
                            .row = no_row, .answer = on_confidence, .cancel = c->cancel,
                            .note = on_meeting_note, .unable = on_meeting_unable,
                            .learnt = how->learnt };
    OMN_TRY(list_folder(m, how->strangers, err));
    OMN_TRY(load_pictures(m, err));
    OMN_TRY(omn_recipe_eval(r, how->model, &eval, err));
    m->side = 1;
    eval.given = exchange;
    OMN_TRY(omn_recipe_eval(r, how->model, &eval, err));
    tell_doubts(m);
done:
    if (m->err.status) {
        *err = m->err;
        st = (omn_status)m->err.status;
    }
    for (size_t i = 0; i < m->n; i++)
        for (int s = 0; s < 2; s++) free(m->tasks[i].sure[s]);
    for (size_t i = 0; m->pictures && i < m->n_names; i++) omn_value_unref(m->pictures[i]);
    for (size_t i = 0; i < m->n_names; i++) free(m->names[i]);
    free(m->pictures);
    free(m);
    return st;
}
