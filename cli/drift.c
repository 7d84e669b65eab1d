/* SPDX-License-Identifier: Apache-2.0 */
/* Running both sides, and adding up. Answers are compared as values, by what their kinds say of
 * themselves. Beside that both models read the first one's answer along: how likely each holds its
 * ids says how far apart they are long before an answer changes, and goes on saying it behind the
 * first id that differs. */
#include "drift.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_FOLLOWED ((size_t)64 << 20) /* numbers that are kept of one answer */
#define MOST_ASKED    4096               /* questions of one item whose scores are compared */

typedef struct scored {
    double *scores;
    size_t n;
    int32_t chosen;
} scored;

struct drift {
    cli *c;
    omn_model *model[2];
    omn_runner *runner[2];
    omn_arena *arena;
    drift_row **rows;
    size_t n_rows, room;
    uint64_t items, failed;
    const char *task, *output;  /* of what is compared now */
    scored *asked;              /* by the first side, of this item */
    size_t n_asked, at;
    omn_error err;              /* of adding up */
};

/* ---- adding up ---------------------------------------------------------------------------- */

static bool same(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

static drift_row *row_of(drift *d, const char *task, const char *output, const char *kind)
{
    for (size_t i = 0; i < d->n_rows; i++)
        if (same(d->rows[i]->task, task) && same(d->rows[i]->output, output) &&
            same(d->rows[i]->kind, kind))
            return d->rows[i];
    if (d->n_rows == d->room) {
        const size_t room = d->room ? 2 * d->room : 32;
        drift_row **more = realloc(d->rows, room * sizeof *more);
        if (!more) return NULL;
        d->rows = more;
        d->room = room;
    }
    drift_row *r = omn_arena_alloc(d->arena, 1, sizeof *r);
    if (!r) return NULL;
    r->task = task;
    r->output = output ? omn_arena_strdup(d->arena, output) : NULL;
    r->kind = omn_arena_strdup(d->arena, kind);
    if ((output && !r->output) || !r->kind) return NULL;
    return d->rows[d->n_rows++] = r;
}

static bool add_to(drift *d, drift_row *r, const omn_apart *a)
{
    size_t i = 0;
    while (i < r->n && (r->figures[i].fold != a->fold || strcmp(r->figures[i].name, a->name))) i++;
    if (i == DRIFT_MOST_FIGURES) return true; /* a plugin's kind of very many columns */
    drift_figure *f = &r->figures[i];
    if (i == r->n) {
        f->name = omn_arena_strdup(d->arena, a->name);
        f->unit = a->unit ? omn_arena_strdup(d->arena, a->unit) : NULL;
        f->fold = a->fold;
        if (!f->name || (a->unit && !f->unit)) return false;
        r->n++;
    }
    f->sum += a->fold == OMN_APART_MEAN ? a->value * (double)a->n : a->value;
    f->n += a->n;
    if (a->value > f->most || f->n == a->n) f->most = a->value;
    return true;
}

static void add(void *user, const omn_apart *a)
{
    drift *d = user;
    drift_row *one = row_of(d, d->task, d->output, a->kind),
              *all = one ? row_of(d, NULL, NULL, a->kind) : NULL;
    if (!all || !add_to(d, one, a) || !add_to(d, all, a))
        omn_fail(&d->err, OMN_ERR_MEMORY, "adding up: out of memory");
}

static void figure(drift *d, const char *kind, const char *name, const char *unit, double value,
                   uint64_t n, omn_apart_fold fold)
{
    const omn_apart a = { OMN_FILL(omn_apart), .kind = kind, .name = name, .unit = unit,
                          .value = value, .n = n, .fold = fold };
    add(d, &a);
}

/* ---- reading along ------------------------------------------------------------------------ */

#define LIKELY "log-probability"
#define SCORES "scores"

typedef struct along {
    drift *d;
    const int32_t *ids;
    size_t n, V;
    int32_t stop;  /* what came at place n; -1: nothing is known of it */
    float *first;  /* [n + 1, V] of the first model */
} along;

static omn_status keep(void *user, size_t place, const float *x, size_t width, omn_error *err)
{
    along *a = user;
    if (!a->first) {
        a->V = width;
        if (a->n > MOST_FOLLOWED / width) a->n = MOST_FOLLOWED / width;
        a->first = calloc((a->n + 1) * width, sizeof *a->first);
        if (!a->first)
            return omn_fail(err, OMN_ERR_MEMORY, "an answer of %zu tokens: out of memory", a->n);
    }
    if (place <= a->n) memcpy(a->first + place * width, x, width * sizeof *x);
    return OMN_OK;
}

static omn_status against(void *user, size_t place, const float *y, size_t width, omn_error *err)
{
    const along *a = user;
    double apart = 0;
    size_t x_best = 0, y_best = 0;
    if (width != a->V)
        return omn_fail(err, OMN_ERR_UNSUPPORTED, "one model has %zu ids, the other %zu", a->V,
                        width);
    if (place > a->n) return OMN_OK;
    const float *x = a->first + place * width;
    for (size_t i = 0; i < width; i++) {
        const double p = exp((double)x[i]);
        if (p > 0) apart += p * ((double)x[i] - (double)y[i]);
        if (x[i] > x[x_best]) x_best = i;
        if (y[i] > y[y_best]) y_best = i;
    }
    if (apart < 0) apart = 0; /* by rounding alone */
    const int32_t id = place < a->n ? a->ids[place] : a->stop;
    figure(a->d, LIKELY, "equal", NULL, !memcmp(x, y, width * sizeof *x), 1, OMN_APART_MEAN);
    if (id >= 0 && (size_t)id < width) {
        const double by = fabs((double)x[id] - (double)y[id]);
        figure(a->d, LIKELY, "of the answer", "nats", by, 1, OMN_APART_MEAN);
        figure(a->d, LIKELY, "of the answer", "nats", by, 1, OMN_APART_MOST);
    }
    figure(a->d, LIKELY, "divergence", "nats", apart, 1, OMN_APART_MEAN);
    figure(a->d, LIKELY, "divergence", "nats", apart, 1, OMN_APART_MOST);
    figure(a->d, LIKELY, "the same likeliest", NULL, x_best == y_best, 1, OMN_APART_MEAN);
    return OMN_OK;
}

static omn_status read_along(drift *d, const omn_request *rq, const omn_result *res, omn_error *err)
{
    omn_status st = OMN_OK;
    const char *output = rq->output ? rq->output : "text";
    const omn_part *decoder = omn_model_decoder(d->model[0], output);
    const omn_vocab *v = decoder ? omn_part_vocabulary(decoder) : NULL;
    along a = { .d = d, .ids = res->ids, .n = res->tokens, .stop = -1 };
    if (v && res->stopped) a.stop = v->stop;
    OMN_TRY(omn_runner_follow(d->runner[0], rq, a.ids, res->tokens, keep, &a, err));
    OMN_TRY(omn_runner_follow(d->runner[1], rq, a.ids, res->tokens, against, &a, err));
done:
    free(a.first);
    return st;
}

static void forget(drift *d)
{
    for (size_t i = 0; i < d->n_asked; i++) free(d->asked[i].scores);
    d->n_asked = d->at = 0;
}

/* The first side answered. */
static omn_status asked_first(void *user, const char *step, const omn_request *rq,
                              const omn_result *res, omn_error *err)
{
    drift *d = user;
    omn_status st = OMN_OK;
    d->output = step;
    if (!res->scores) return res->ids ? read_along(d, rq, res, err) : OMN_OK;
    if (d->n_asked == MOST_ASKED) return st;
    scored s = { malloc((res->n_scores + 1) * sizeof *s.scores), res->n_scores, res->chosen };
    if (!s.scores) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", step);
    memcpy(s.scores, res->scores, res->n_scores * sizeof *s.scores);
    d->asked[d->n_asked++] = s;
    return st;
}

/* The second side chose: beside what the first made of the same question. */
static omn_status asked_second(void *user, const char *step, const omn_request *rq,
                               const omn_result *res, omn_error *err)
{
    drift *d = user;
    (void)rq;
    (void)err;
    if (!res->scores || d->at == d->n_asked) return OMN_OK;
    const scored *s = &d->asked[d->at++];
    if (s->n != res->n_scores) return OMN_OK; /* what came before made it another question */
    d->output = step;
    figure(d, SCORES, "equal", NULL, !memcmp(s->scores, res->scores, s->n * sizeof *s->scores), 1,
           OMN_APART_MEAN);
    for (size_t i = 0; i < s->n; i++) {
        const double by = fabs(s->scores[i] - res->scores[i]);
        figure(d, SCORES, "score", "nats", by, 1, OMN_APART_MEAN);
        figure(d, SCORES, "score", "nats", by, 1, OMN_APART_MOST);
    }
    figure(d, SCORES, "the same choice", NULL, s->chosen == res->chosen, 1, OMN_APART_MEAN);
    return OMN_OK;
}

/* ---- the same vocabulary ------------------------------------------------------------------ */

static omn_status unlike(const char *role, omn_error *err, const char *what)
{
    return omn_fail(err, OMN_ERR_UNSUPPORTED,
                    "the two models cannot be compared: their vocabularies for \"%s\" differ: %s",
                    role, what);
}

static omn_status same_spelling(const omn_part *a, const omn_part *b, int32_t rows, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_buf x, y;
    char what[100];
    omn_buf_init(&x, (size_t)1 << 24);
    omn_buf_init(&y, (size_t)1 << 24);
    for (int32_t id = 0; id < rows && st == OMN_OK; id++) {
        omn_spelt p = OMN_SPELT_NONE, q = OMN_SPELT_NONE;
        omn_error none = OMN_ERROR_INIT;
        x.length = y.length = 0;
        const omn_status s = omn_part_spell(a, id, false, &x, &p, &none),
                         t = omn_part_spell(b, id, false, &y, &q, &none);
        if (s == OMN_ERR_UNSUPPORTED && t == OMN_ERR_UNSUPPORTED) break;
        if (s == OMN_ERR_MEMORY || t == OMN_ERR_MEMORY || x.failed || y.failed)
            st = omn_fail(err, OMN_ERR_MEMORY, "comparing vocabularies: out of memory");
        else if (s != t || p != q || x.length != y.length ||
                 (x.length && memcmp(x.data, y.data, x.length)))
            snprintf(what, sizeof what, "id %d stands for something else", (int)id),
                st = unlike(omn_part_role(a), err, what);
    }
    omn_buf_fini(&x);
    omn_buf_fini(&y);
    return st;
}

static omn_status same_vocabulary(const omn_part *a, const omn_part *b, omn_error *err)
{
    const omn_vocab *v = omn_part_vocabulary(a), *w = b ? omn_part_vocabulary(b) : NULL;
    const char *role = omn_part_role(a);
    char what[200];
    if (!b) return unlike(role, err, "one of them does not write it");
    if (!v || !w) return v || w ? unlike(role, err, "only one has any") : OMN_OK;
    if (v->rows != w->rows) {
        snprintf(what, sizeof what, "%d ids and %d", (int)v->rows, (int)w->rows);
        return unlike(role, err, what);
    }
    if (v->start != w->start || v->stop != w->stop)
        return unlike(role, err, "they begin or end with other ids");
    if (v->n_ranges != w->n_ranges) return unlike(role, err, "they have other ranges");
    for (uint32_t i = 0; i < v->n_ranges; i++) {
        const omn_range *r = &v->ranges[i], *s = omn_vocab_range(w, r->name);
        if (s && s->first == r->first && s->count == r->count && s->step == r->step) continue;
        snprintf(what, sizeof what, "the ids of \"%.60s\" are others", r->name);
        return unlike(role, err, what);
    }
    return same_spelling(a, b, v->rows, err);
}

static omn_status same_vocabularies(const omn_model *a, const omn_model *b, omn_error *err)
{
    omn_part *const *parts;
    const size_t n = omn_model_parts(a, &parts);
    for (size_t i = 0; i < n; i++) {
        const char *role = omn_part_role(parts[i]);
        if (omn_model_decoder(a, role) != parts[i]) continue;
        const omn_status st = same_vocabulary(parts[i], omn_model_decoder(b, role), err);
        if (st != OMN_OK) return st;
    }
    return OMN_OK;
}

/* ---- items -------------------------------------------------------------------------------- */

omn_status drift_new(cli *c, omn_model *a, omn_model *b, drift **out, omn_error *err)
{
    omn_status st = OMN_OK;
    drift *d = calloc(1, sizeof *d);
    if (!d) return omn_fail(err, OMN_ERR_MEMORY, "comparing: out of memory");
    *d = (drift){ .c = c, .model = { a, b }, .err = OMN_ERROR_INIT };
    d->arena = omn_arena_new((size_t)1 << 28);
    d->asked = calloc(MOST_ASKED, sizeof *d->asked);
    if (!d->arena || !d->asked)
        OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "comparing: out of memory"));
    OMN_TRY(same_vocabularies(a, b, err));
    for (int i = 0; i < 2; i++) OMN_TRY(omn_runner_new(d->model[i], &d->runner[i], err));
    *out = d;
    return OMN_OK;
done:
    drift_free(d);
    return st;
}

void drift_free(drift *d)
{
    if (!d) return;
    forget(d);
    for (int i = 0; i < 2; i++) omn_runner_free(d->runner[i]);
    omn_arena_free(d->arena);
    free(d->asked);
    free(d->rows);
    free(d);
}

/* A pair of outputs by name; those that neither made are none. */
static omn_status compare_outputs(drift *d, const omn_pipeline *p, const item *it,
                                  const omn_value *a, const omn_value *b,
                                  drift_differs_fn *differs, void *user, omn_error *err)
{
    const omn_pipeline_port *ports;
    const size_t n = omn_pipeline_outputs(p, &ports);
    for (size_t i = 0; i < n; i++) {
        const omn_value *x = omn_record_get(a, ports[i].name),
                        *y = omn_record_get(b, ports[i].name);
        d->output = ports[i].name;
        const omn_status st = omn_value_apart(x, y, add, d, err);
        if (st != OMN_OK) return st;
        if (differs && !omn_value_equal(x, y)) differs(user, d->task, ports[i].name, it, x, y);
    }
    return OMN_OK;
}

/* Concerns this item alone, not all that come. */
static bool of_item(omn_status st)
{
    return st == OMN_ERR_DATA || st == OMN_ERR_ARGUMENT || st == OMN_ERR_MISSING ||
           st == OMN_ERR_IO || st == OMN_ERR_SHAPE || st == OMN_ERR_TYPE;
}

static void tell_failed(drift *d, const item *it, const omn_error *why)
{
    char line[1200];
    omn_error_line(why, line, sizeof line);
    if (it->label[0] && !strstr(line, it->label))
        cli_say(d->c, "%s: %s", it->label, line);
    else
        cli_say(d->c, "%s", line);
    d->failed++;
}

static omn_status one_item(drift *d, const omn_pipeline *p, omn_pipeline_run *const runs[2],
                           const item *it, drift_differs_fn *differs, void *user, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_value *out[2] = { NULL, NULL };
    omn_error why[2] = { OMN_ERROR_INIT, OMN_ERROR_INIT };
    forget(d);
    for (int i = 0; i < 2; i++) {
        st = omn_pipeline_run_one(runs[i], it->inputs, it->n, it->index, &out[i], &why[i]);
        if (st != OMN_OK && !of_item(st)) {
            *err = why[i];
            goto done;
        }
    }
    st = OMN_OK;
    if (out[0] && out[1]) {
        OMN_TRY(compare_outputs(d, p, it, out[0], out[1], differs, user, err));
        d->items++;
    } else {
        tell_failed(d, it, &why[out[0] ? 1 : 0]);
    }
    if (d->err.status) {
        *err = d->err;
        st = (omn_status)err->status;
    }
done:
    omn_value_unref(out[0]);
    omn_value_unref(out[1]);
    return st;
}

/* What is printed or has a file of its own; if there is none such, all. */
static size_t usual_outputs(const omn_pipeline *p, const char **names, size_t most)
{
    const omn_pipeline_port *ports;
    const size_t n = omn_pipeline_outputs(p, &ports);
    size_t k = 0;
    for (size_t i = 0; i < n && k < most; i++)
        if (!ports[i].file || strcmp(ports[i].file, "optional")) names[k++] = ports[i].name;
    return k;
}

static void progress(const drift *d)
{
    char line[96];
    if (!d->c->terminal_err || d->c->quiet) return;
    snprintf(line, sizeof line, "%s: %llu compared", d->task, (unsigned long long)d->items);
    cli_progress(d->c, line);
}

omn_status drift_run(drift *d, const char *task, omn_pipeline *p, items *list,
                     drift_differs_fn *differs, void *user, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_pipeline_run *runs[2] = { NULL, NULL };
    const char *names[64];
    const size_t n = usual_outputs(p, names, 64);
    bool end = false;
    d->task = task;
    for (int i = 0; i < 2; i++) {
        const omn_pipeline_setup how = { OMN_FILL(omn_pipeline_setup),
                                         .model = d->model[i],
                                         .temperature = NAN,
                                         .top_p = NAN,
                                         .cancel = d->c->cancel,
                                         .wanted = n ? names : NULL,
                                         .n_wanted = n,
                                         .user = d,
                                         .asked = i ? asked_second : asked_first };
        OMN_TRY(omn_pipeline_run_new(p, &how, &runs[i], err));
    }
    while (!end && !omn_cancel_get(d->c->cancel)) {
        item it;
        omn_error why = OMN_ERROR_INIT;
        st = items_next(list, &it, &end, &why);
        if (st != OMN_OK && !end && of_item(st)) {
            tell_failed(d, &it, &why);
            st = OMN_OK;
        } else if (st != OMN_OK) {
            *err = why;
        } else if (!end) {
            st = one_item(d, p, runs, &it, differs, user, err);
        }
        item_fini(&it);
        if (st != OMN_OK) break;
        progress(d);
    }
    cli_progress(d->c, NULL);
    if (st == OMN_OK && omn_cancel_get(d->c->cancel))
        st = omn_fail(err, OMN_ERR_CANCELLED, "stopped");
done:
    omn_pipeline_run_free(runs[0]);
    omn_pipeline_run_free(runs[1]);
    return st;
}

omn_status drift_rows(drift *d, const drift_row *const **rows, size_t *n, omn_error *err)
{
    size_t k = 0;
    const drift_row **list = omn_arena_alloc(d->arena, d->n_rows + 1, sizeof *list);
    if (!list) return omn_fail(err, OMN_ERR_MEMORY, "comparing: out of memory");
    for (int all = 0; all < 2; all++)
        for (size_t i = 0; i < d->n_rows; i++)
            if ((d->rows[i]->task == NULL) == (all != 0)) list[k++] = d->rows[i];
    *rows = list;
    *n = k;
    return OMN_OK;
}

uint64_t drift_items(const drift *d)
{
    return d->items;
}

uint64_t drift_failed(const drift *d)
{
    return d->failed;
}
