/* SPDX-License-Identifier: Apache-2.0 */
/* Episodes: their beginning by number, their steps, and both as values. */
#include "control.h"

#include <math.h>
#include <string.h>

const control_task *control_task_at(int which)
{
    return which ? &control_reacher : &control_cart_pole;
}

void control_begin(control_state *c, const control_task *task, omn_split split, uint64_t seed)
{
    double u[CONTROL_MOST_STATE];
    for (uint64_t i = 0; i < CONTROL_MOST_STATE; i++)
        u[i] = (double)(omn_random_at(seed, 1 + (uint64_t)split, i) >> 11) * 0x1p-53;
    *c = (control_state){ .task = task };
    task->begin(c->s, u);
}

double control_move(control_state *c, const double *a)
{
    const double worth = c->task->move(c->s, a, &c->over);
    c->total += worth;
    c->over = c->over || ++c->steps >= c->task->steps;
    return worth;
}

double control_play(const control_task *task, uint64_t seed, bool expert)
{
    control_state s;
    control_begin(&s, task, OMN_SPLIT_HELD_OUT, seed);
    while (!s.over) {
        double a[CONTROL_MOST_DONE];
        if (expert) task->expert(s.s, a);
        for (size_t i = 0; !expert && i < task->n_done; i++) {
            const double u = (double)(omn_random_at(seed, 7, 2 * (uint64_t)s.steps + i) >> 11) *
                             0x1p-53;
            a[i] = task->least[i] + u * (task->most[i] - task->least[i]);
            if (task->units[i]) a[i] = u < 0.5 ? task->least[i] : task->most[i];
        }
        control_move(&s, a);
    }
    return s.total;
}

omn_status control_seen(const control_state *c, omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    float x[CONTROL_MOST_SEEN];
    omn_named fields[CONTROL_MOST_SEEN];
    size_t n = 0, at = 0;
    c->task->see(c->s, x);
    for (const control_part *p = c->task->parts; p->name; p++) {
        omn_value *v = NULL;
        const omn_tensor t = omn_fill("", OMN_F32, omn_dim1((int64_t)p->n), x + at).tensor;
        OMN_TRY(omn_tensor_value_new(&t, &v, err));
        fields[n++] = (omn_named){ p->name, v };
        at += p->n;
    }
    OMN_TRY(omn_record_new(fields, n, out, err));
done:
    for (size_t i = 0; i < n; i++) omn_value_unref(fields[i].value);
    return st;
}

omn_status control_done(omn_call *call, const control_task *task, const float *rows, size_t n,
                        omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    const int64_t width = (int64_t)task->n_done;
    const omn_kind *kind = NULL;
    double *time = omn_call_scratch(call, n + 1, sizeof *time);
    if (!time) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", task->name));
    for (size_t i = 0; i < n; i++) time[i] = (double)i / task->rate;
    OMN_TRY(omn_kind_find(call, "actions", &kind, err));
    const omn_filled columns[] = {
        omn_fill("action", OMN_F32, omn_dim2((int64_t)n, width), rows),
        omn_fill("time", OMN_F64, omn_dim1((int64_t)n), time),
        omn_fill("name", OMN_STRING, omn_dim1(width), task->done),
        omn_fill("unit", OMN_STRING, omn_dim1(width), task->units),
        omn_fill("least", OMN_F64, omn_dim1(width), task->least),
        omn_fill("most", OMN_F64, omn_dim1(width), task->most),
    };
    OMN_TRY(omn_value_make(kind, columns, 6, NULL, out, err));
done:
    return st;
}

omn_status control_row(const control_task *task, const omn_value *actions, size_t row,
                       double a[CONTROL_MOST_DONE], omn_error *err)
{
    const omn_tensor *t = omn_value_column(actions, "action");
    const omn_tensor *name = omn_value_column(actions, "name");
    bool good = t && name && (size_t)t->shape.dim[1] == task->n_done &&
                row < (size_t)t->shape.dim[0];
    for (size_t i = 0; good && i < task->n_done; i++) {
        a[i] = (double)((const float *)t->data)[row * task->n_done + i];
        good = !strcmp(((const char *const *)name->data)[i], task->done[i]) &&
               a[i] >= task->least[i] && a[i] <= task->most[i];
        if (good && task->units[i] && !strcmp(task->units[i], "index")) good = floor(a[i]) == a[i];
    }
    if (good) return OMN_OK;
    return omn_fail(err, OMN_ERR_DATA, "%s: an action is one row of \"%s\"%s%s%s within its bounds",
                    task->name, task->done[0], task->n_done > 1 ? " and \"" : "",
                    task->n_done > 1 ? task->done[1] : "", task->n_done > 1 ? "\"" : "");
}
