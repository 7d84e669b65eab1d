/* SPDX-License-Identifier: Apache-2.0 */
/* Two episodes from what was seen and done to logits and losses. Every observation goes through the
 * encoder's own prepare; what was done at a step may have other numbers than at the next, so the
 * rows are put together here and compared with those of the file. */
#include "verify.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_FIELDS = 16, MOST_PORTS = 8 };

/* ---- what was seen --------------------------------------------------------------------------- */

typedef struct fields {
    omn_named list[MOST_FIELDS];
    size_t n;
} fields;

static void drop(fields *f)
{
    for (size_t i = 0; i < f->n; i++) omn_value_unref(f->list[i].value);
    f->n = 0;
}

static void put(fields *f, const char *name, omn_value *taken)
{
    if (taken && f->n < MOST_FIELDS) f->list[f->n++] = (omn_named){ name, taken };
    else omn_value_unref(taken);
}

static omn_status tokens(const omn_tensor *t, omn_value **out, omn_error *err)
{
    int32_t ids[256];
    if (t->type != OMN_I32 || t->bytes > sizeof ids)
        return omn_fail(err, OMN_ERR_DATA, "a text of a golden file is i32, of 256 ids at most");
    memcpy(ids, t->data, t->bytes);
    return omn_tokens_new(ids, t->bytes / sizeof *ids, "gato", out, err);
}

/* One tensor of a step by what it is called there. */
static omn_status field(const verify *v, const char *what, const omn_tensor *t, fields *values,
                        fields *all, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_value *x = NULL;
    if (golden_starts(what, "values.")) {
        st = omn_tensor_value_new(t, &x, err);
        put(values, what + 7, x);
    } else if (!strcmp(what, "image")) {
        st = golden_picture(&v->g, t, &x, err);
        put(all, what, x);
    } else if (!strcmp(what, "text")) {
        st = tokens(t, &x, err);
        put(all, what, x);
    } else if (!strcmp(what, "discrete")) {
        st = omn_tensor_value_new(t, &x, err);
        put(all, what, x);
    }
    return st;
}

omn_status verify_observation(const verify *v, const char *step, omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_weights *w = v->g.in;
    const size_t length = strlen(step);
    fields values = { .n = 0 }, all = { .n = 0 };
    omn_value *record = NULL;
    for (size_t i = 0; i < omn_weights_count(w); i++) {
        const char *name = omn_weights_name(w, i);
        if (strncmp(name, step, length) || name[length] != '.') continue;
        OMN_TRY(field(v, name + length + 1, omn_weights_at(w, i), &values, &all, err));
    }
    OMN_TRY(omn_record_new(values.list, values.n, &record, err));
    if (values.n) put(&all, "values", omn_value_ref(record));
    OMN_TRY(omn_record_new(all.list, all.n, out, err));
done:
    omn_value_unref(record);
    drop(&values);
    drop(&all);
    return st;
}

/* An episode that has just begun. */
static omn_status beginning(omn_value *seen, omn_value **out, omn_error *err)
{
    omn_value *list = NULL;
    omn_status st = omn_list_new(&seen, 1, &list, err);
    const omn_named f = { "observations", list };
    if (st == OMN_OK) st = omn_record_new(&f, 1, out, err);
    omn_value_unref(list);
    return st;
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* What goes into the graph, [B,S] each. */
typedef struct rows {
    int64_t B, S, n, seen;                /* places and vectors of this row so far */
    int32_t *ids, *from, *seg, *labels;
    float *weight;
    omn_feed *one;                        /* of one observation */
} rows;

static const char *const ports[MOST_PORTS] = { "ids", "local", "seg",  "pos",
                                               "patch", "row", "col", "pixels" };

/* Inputs and target of the graph, zero. */
static omn_status make(golden_run *r, rows *w, bool pictures, omn_error *err)
{
    omn_status st = OMN_OK;
    void *to = NULL;
    char name[64];
    for (int i = 0; i < (pictures ? MOST_PORTS : 4); i++) {
        snprintf(name, sizeof name, "episode.%s", ports[i]);
        const bool px = i == MOST_PORTS - 1;
        const omn_shape pixels = { .rank = 5, .dim = { w->B, w->S, GATO_PATCH, GATO_PATCH, 3 } };
        OMN_TRY(omn_feed_new(r->feed, name, px ? OMN_F32 : OMN_I32,
                             px ? pixels : omn_dim2(w->B, w->S), &to, err));
    }
    OMN_TRY(golden_feed_filled(r, "action", "ids", OMN_I32, w->B, w->S, 0, err));
    OMN_TRY(golden_feed_filled(r, "action", "from", OMN_I32, w->B, w->S, -1, err));
    OMN_TRY(golden_feed_filled(r, "action", "seg", OMN_I32, w->B, w->S, 0, err));
    OMN_TRY(golden_feed_filled(r, "action", "pos", OMN_I32, w->B, w->S, 0, err));
    OMN_TRY(golden_feed_filled(r, "action", "part", OMN_I32, w->B, w->S, 1, err));
    OMN_TRY(golden_feed_filled(r, "action", "labels", OMN_I32, w->B, w->S, 0, err));
    OMN_TRY(golden_feed_filled(r, "action", "weight", OMN_F32, w->B, w->S, 0, err));
    w->ids = omn_feed_data(r->feed, "target.action.ids");
    w->from = omn_feed_data(r->feed, "target.action.from");
    w->seg = omn_feed_data(r->feed, "target.action.seg");
    w->labels = omn_feed_data(r->feed, "target.action.labels");
    w->weight = omn_feed_data(r->feed, "target.action.weight");
done:
    return st;
}

static int32_t number(const verify *v, const char *name, int64_t at)
{
    const omn_tensor *t = omn_weights_get(v->g.in, name);
    int32_t x = -2;
    if (t && t->type == OMN_I32 && (size_t)at < t->bytes / sizeof x)
        memcpy(&x, (const char *)t->data + (size_t)at * sizeof x, sizeof x);
    return x;
}

static omn_status same(const verify *v, const char *what, int64_t at, int32_t is, omn_error *err)
{
    const int32_t want = number(v, what, at);
    if (is == want) return OMN_OK;
    return omn_fail(err, OMN_ERR_FAILED, "%s: %s at place %lld is %d, %d wanted", v->g.name, what,
                    (long long)at, (int)is, (int)want);
}

/* The next place of row b; vector: of what was seen. kind as the file counts them. */
static omn_status place(const verify *v, rows *w, int64_t b, int32_t id, bool vector, int32_t kind,
                        int32_t local, omn_error *err)
{
    omn_status st = OMN_OK;
    const int64_t at = b * w->S + w->n;
    const bool counts = kind == 0 || kind == 4;
    if (w->n == w->S)
        return omn_fail(err, OMN_ERR_FAILED, "%s: its rows have %lld places, more are filled",
                        v->g.name, (long long)w->S);
    OMN_TRY(same(v, "in.ids", at, kind == 1 ? -1 : id, err));
    OMN_TRY(same(v, "in.kind", at, kind, err));
    OMN_TRY(same(v, "in.local", at, local, err));
    OMN_TRY(same(v, "in.mask", at, counts, err));
    w->ids[at] = kind == 1 ? 0 : id;
    w->seg[at] = 1;
    if (vector) w->from[at] = (int32_t)(b * w->S + w->seen++);
    if (counts && w->n) {
        w->labels[at - 1] = id;
        w->weight[at - 1] = 1;
    }
    w->n++;
done:
    return st;
}

/* What the encoder made of one observation, behind those before it. */
static omn_status put_seen(const verify *v, golden_run *r, rows *w, int64_t b, const char *step,
                           omn_error *err)
{
    omn_status st = OMN_OK;
    char name[96];
    const omn_tensor *ids = omn_feed_get(w->one, "ids"), *patch = omn_feed_get(w->one, "patch");
    const int64_t n = ids->shape.dim[0], from = w->seen;
    omn_format(name, sizeof name, "%s.text", step);
    const omn_tensor *text = omn_weights_get(v->g.in, name);
    const int64_t words = text ? text->shape.dim[0] : 0;
    for (int64_t i = 0; i < n; i++) {
        const bool is_patch = patch && ((const int32_t *)patch->data)[i];
        const int32_t kind = is_patch ? 1 : i < words ? 0 : 2;
        const int32_t local = ((const int32_t *)omn_feed_get(w->one, "local")->data)[i];
        OMN_TRY(place(v, w, b, ((const int32_t *)ids->data)[i], true, kind, local, err));
    }
    for (int i = 0; i < MOST_PORTS; i++) {
        const omn_tensor *t = omn_feed_get(w->one, ports[i]);
        omn_format(name, sizeof name, "episode.%s", ports[i]);
        char *to = omn_feed_data(r->feed, name);
        const size_t each = t ? t->bytes / (size_t)n : 0;
        if (t && to) memcpy(to + (size_t)(b * w->S + from) * each, t->data, t->bytes);
    }
done:
    return st;
}

/* What was done: numbers, then choices. */
static omn_status put_done(const verify *v, rows *w, int64_t b, const char *step, omn_error *err)
{
    static const char *const names[] = { "action", "action_discrete" };
    omn_status st = OMN_OK;
    char name[96];
    for (int k = 0; k < 2; k++) {
        omn_format(name, sizeof name, "%s.%s", step, names[k]);
        const omn_tensor *t = omn_weights_get(v->g.in, name);
        const gato_act a = { k == 1, (double)NAN, (double)NAN, 0 };
        for (int64_t i = 0; t && i < t->shape.dim[0]; i++) {
            int32_t code = 0, choice = 0;
            float x = 0;
            memcpy(k ? (void *)&choice : (void *)&x, (const char *)t->data + i * 4, 4);
            OMN_TRY(gato_act_code(&a, v->ids.bins, v->ids.discrete, k ? choice : (double)x, &code,
                                  err));
            code += k ? gato_first_discrete(&v->ids) : v->ids.text;
            OMN_TRY(place(v, w, b, code, false, 4, -1, err));
        }
    }
done:
    return st;
}

static omn_status put_step(const verify *v, golden_run *r, rows *w, int64_t b, const char *step,
                           omn_error *err)
{
    omn_status st = OMN_OK;
    omn_value *seen = NULL, *episode = NULL;
    omn_feed_clear(w->one);
    OMN_TRY(verify_observation(v, step, &seen, err));
    OMN_TRY(beginning(seen, &episode, err));
    OMN_TRY(omn_model_prepare(r->model, v->g.call, "episode", episode, w->one, NULL, err));
    OMN_TRY(put_seen(v, r, w, b, step, err));
    OMN_TRY(place(v, w, b, gato_separator(&v->ids), false, 3, -1, err));
    OMN_TRY(put_done(v, w, b, step, err));
done:
    omn_value_unref(episode);
    omn_value_unref(seen);
    return st;
}

static bool has_step(const verify *v, const char *step)
{
    const omn_weights *w = v->g.in;
    const size_t length = strlen(step);
    for (size_t i = 0; i < omn_weights_count(w); i++) {
        const char *name = omn_weights_name(w, i);
        if (!strncmp(name, step, length) && name[length] == '.') return true;
    }
    return false;
}

static omn_status put_rows(const verify *v, golden_run *r, rows *w, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_tensor *kind = NULL;
    char step[64];
    const char *patch = json_string_value(json_object_get(v->g.config, "patch"));
    OMN_TRY(golden_input(&v->g, "in.kind", OMN_I32, 2, &kind, err));
    w->B = kind->shape.dim[0];
    w->S = kind->shape.dim[1];
    if (w->B > 64 || w->S > 4096)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: too many rows", v->g.name));
    OMN_TRY(omn_feed_make(&w->one, err));
    OMN_TRY(make(r, w, !patch || strcmp(patch, "none"), err));
    for (int64_t b = 0; b < w->B; b++) {
        w->n = w->seen = 0;
        for (int t = 0;; t++) {
            omn_format(step, sizeof step, "in.step.%d.%d", (int)b, t);
            if (!has_step(v, step)) break;
            OMN_TRY(put_step(v, r, w, b, step, err));
        }
        for (; w->n < w->S; w->n++) OMN_TRY(same(v, "in.kind", b * w->S + w->n, -1, err));
    }
done:
    return st;
}

static omn_status run_rows(verify *v, golden_run *r, rows *w, omn_error *err)
{
    static const char *const role = "episode", *const out = "action";
    const omn_status st = put_rows(v, r, w, err);
    const omn_graph_sizes z = { OMN_FILL(omn_graph_sizes), .phase = OMN_TEACH, .rows = w->B,
                                .roles = &role, .lengths = &w->S, .n_roles = 1, .outputs = &out,
                                .target_lengths = &w->S, .n_outputs = 1, .labels = true };
    return st == OMN_OK ? golden_run_graph(r, &z, err) : st;
}

/* ---- the cases ------------------------------------------------------------------------------- */

/* Patches of the graph [B S, ..], those that are some, planes first where there are planes. */
static omn_status put_patches(golden_run *r, const rows *w, const char *stage, omn_error *err)
{
    omn_tensor t;
    void *data = NULL;
    const int32_t *is = omn_feed_data(r->feed, "episode.patch");
    int64_t n = 0;
    if (!is || !golden_output(r, stage, &t)) return OMN_OK;
    for (int64_t i = 0; i < w->B * w->S; i++) n += is[i];
    const bool planes = t.shape.rank == 4;
    const int64_t h = planes ? t.shape.dim[1] : 1, s = planes ? t.shape.dim[2] : 1;
    const int64_t c = t.shape.dim[t.shape.rank - 1];
    const omn_status st = golden_put_new(r, stage, OMN_F32,
                                         planes ? omn_dim4(n, c, h, s) : omn_dim2(n, c), &data,
                                         err);
    float *to = data;
    for (int64_t i = 0; st == OMN_OK && i < w->B * w->S; i++)
        for (int64_t k = 0; is[i] && k < c; k++)
            for (int64_t at = 0; at < h * s; at++)
                *to++ = ((const float *)t.data)[(i * h * s + at) * c + k];
    return st;
}

static omn_status put_losses(golden_run *r, const rows *w, omn_error *err)
{
    omn_tensor t;
    double sum = 0;
    if (!golden_output(r, "nll.action", &t)) return OMN_OK;
    for (int64_t i = 0; i < w->B * w->S; i++)
        sum += (double)w->weight[i] * (double)((const float *)t.data)[i];
    const float x = (float)sum;
    const omn_status st = golden_put(r, "loss_sum", omn_dim1(1), &x, err);
    return st == OMN_OK ? golden_put_output(r, "loss_mean", "loss", err) : st;
}

omn_status verify_forward(verify *v, omn_error *err)
{
    static const char *const patches[] = { "patch.root", "patch.unit.0", "patch.unit.1",
                                           "patch.unit.2", "patch.vector" };
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    rows w = { 0 };
    OMN_TRY(verify_open(v, false, &r, err));
    OMN_TRY(run_rows(v, &r, &w, err));
    for (size_t i = 0; i < sizeof patches / sizeof *patches; i++)
        OMN_TRY(put_patches(&r, &w, patches[i], err));
    OMN_TRY(put_losses(&r, &w, err));
    OMN_TRY(golden_put_output(&r, "logits", "logits.action", err));
    OMN_TRY(verify_compare(v, &r, err));
done:
    omn_feed_free(w.one);
    golden_close(&r);
    return st;
}

omn_status verify_gradients(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    rows w = { 0 };
    golden_sum sum = { 0 };
    OMN_TRY(golden_inputs_of(&v->g, "forward", err));
    OMN_TRY(verify_open(v, true, &r, err));
    OMN_TRY(run_rows(v, &r, &w, err));
    OMN_TRY(golden_sum_add(&r, &sum, err));
    OMN_TRY(golden_sum_put(&r, &sum, err));
    OMN_TRY(put_losses(&r, &w, err));
    OMN_TRY(verify_compare(v, &r, err));
done:
    golden_sum_end(&sum);
    omn_feed_free(w.one);
    golden_close(&r);
    return st;
}
