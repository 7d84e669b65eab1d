/* SPDX-License-Identifier: Apache-2.0 */
/* Where an answer is codes and a picture, say, was wanted, the measure is given the codes of it:
 * those of a whole piece of the evaluation at once, for one run of the graph costs little more than
 * that of a single picture. A value that its decoder refuses spoils those beside it, which are made
 * alone then. */
#include "eval.h"
#include "run.h"

#include <string.h>

#define AT_ONCE 32

/* Of n answers, all or none. */
static omn_status make(const job *j, omn_call *c, kept *const *list, size_t n, omn_error *err)
{
    codes_want want[AT_ONCE] = { { 0 } };
    omn_value *made[AT_ONCE];
    for (size_t i = 0; i < n; i++)
        want[i] = (codes_want){ list[i]->wanted, list[i]->has_view ? &list[i]->view : NULL };
    const omn_status st = teacher_codes(j->task->teacher, c, want, n, made, err);
    for (size_t i = 0; st == OMN_OK && i < n; i++) {
        omn_value_unref(list[i]->wanted);
        list[i]->wanted = made[i];
        list[i]->codes = false;
    }
    return st;
}

/* The answers from number `from` to before `to` are gone. */
static void forget(piece *p, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) kept_end(&p->kept[i]);
    memmove(p->kept + from, p->kept + to, (p->n - to) * sizeof *p->kept);
    p->n -= to - from;
}

/* Number `at` has no codes. */
static void refuse(const job *j, omn_call *c, piece *p, size_t at, omn_status st, omn_error *why)
{
    const kept *k = &p->kept[at];
    const example e = { .file = k->file, .line = k->line };
    size_t end = at;
    char text[1200];
    if (st != OMN_ERR_CANCELLED) example_failed(&e, j->task, st, why);
    if (st != OMN_ERR_DATA || !j->r->skip_bad) {
        p->err = *why; /* nothing that came before it failed */
        forget(p, at, p->n);
        return;
    }
    omn_call_log(c, OMN_LOG_WARN, "left out: %s", omn_error_line(why, text, sizeof text));
    while (end < p->n && p->kept[end].example == k->example) end++;
    p->bad++;
    forget(p, at, end);
}

/* The answers from number `from` on; returns with which one to go on. */
static size_t some(const job *j, omn_call *c, piece *p, size_t from)
{
    omn_error why = OMN_ERROR_INIT;
    kept *list[AT_ONCE];
    size_t n = 0, end = from, i = 0;
    for (; end < p->n && n < AT_ONCE; end++)
        if (p->kept[end].codes) list[n++] = &p->kept[end];
    if (!n) return end;
    omn_status st = make(j, c, list, n, &why);
    if (st == OMN_OK) return end;
    for (; i < n; i++) {
        why = (omn_error)OMN_ERROR_INIT;
        st = make(j, c, &list[i], 1, &why);
        if (st != OMN_OK) break;
    }
    if (i == n) return end;
    const size_t at = (size_t)(list[i] - p->kept);
    refuse(j, c, p, at, st, &why);
    return at;
}

/* One value to codes and back, in place. */
static omn_status there_and_back(const omn_part *decoder, omn_call *c, omn_value **v,
                                 omn_error *err)
{
    omn_status st = OMN_OK;
    omn_value *codes = NULL, *back = NULL;
    const int32_t *ids = NULL;
    OMN_TRY(omn_decoder_codes(decoder, c, *v, NULL, &codes, err));
    const size_t n = omn_tokens_get(codes, &ids, NULL);
    OMN_TRY(omn_decoder_value(decoder, c, ids, n, NULL, &back, err));
    omn_value_unref(*v);
    *v = back;
done:
    omn_value_unref(codes);
    return st;
}

omn_status eval_through(const job *j, omn_call *c, task_item *in, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_teacher *t = j->task->teacher;
    if (!t || !teacher_takes(t))
        return yml_fail(j->task->at, err, "task %s: through: its pipeline asks a decoder that "
                        "makes no codes", j->task->name);
    if (teacher_wants_codes(t, in->want))
        OMN_TRY(there_and_back(teacher_decoder(t), c, &in->want, err));
    for (size_t i = 0; i < in->n_beside; i++)
        if (teacher_wants_codes(t, in->beside[i].value))
            OMN_TRY(there_and_back(teacher_decoder(t), c, &in->beside[i].value, err));
done:
    return st;
}

void eval_codes(const job *j, piece *p)
{
    omn_error why = OMN_ERROR_INIT;
    omn_call *c = NULL;
    size_t at = 0;
    while (at < p->n && !p->kept[at].codes) at++;
    if (at == p->n) return;
    const omn_status st = omn_context_call(j->r->ctx, j->r->setup.seed, p->kept[at].example,
                                           j->how->cancel, &c, &why);
    if (st != OMN_OK) {
        p->err = why;
        forget(p, at, p->n);
        return;
    }
    while (at < p->n) at = some(j, c, p, at);
    omn_call_free(c);
}
