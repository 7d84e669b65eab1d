/* SPDX-License-Identifier: Apache-2.0 */
/* Who comes later sits down beside those who are answered already: what a graph of few rows wrote
 * into its states is copied into rows of the states of a graph of more. */
#include "seat.h"

#include "exec.h"

#include <stdlib.h>
#include <string.h>

/* One row, or what an axis holds of it; each: bytes of an element. */
static void lay(const omn_shape *s, const omn_shape *t, uint32_t axis, size_t each,
                const char *from, char *to)
{
    size_t in = each, out = each;
    if (axis >= s->rank) {
        memcpy(to, from, each);
        return;
    }
    for (uint32_t a = axis + 1; a < s->rank; a++) {
        in *= (size_t)s->dim[a];
        out *= (size_t)t->dim[a];
    }
    const size_t have = (size_t)s->dim[axis], room = (size_t)t->dim[axis];
    if (in == out) memcpy(to, from, have * in);
    else
        for (size_t i = 0; i < have; i++) lay(s, t, axis + 1, each, from + i * in, to + i * out);
    memset(to + have * out, 0, (room - have) * out);
}

static const omn_state *state_of(const omn_program *p, uint32_t number)
{
    const omn_state *s = p->states;
    while (s->number != number) s = s->next;
    return s;
}

/* The state of that name among a graph's; NULL: none. The lock is held. */
static const omn_state *by_name(const omn_graph *g, const char *name)
{
    for (uint32_t i = 0; i < g->n_slots; i++) {
        if (g->slots[i].kind != SLOT_STATE) continue;
        const omn_state *s = state_of(g->program, g->slots[i].number);
        if (!strcmp(s->name, name)) return s;
    }
    return NULL;
}

static bool fits(const omn_state *s, const omn_state *t, const int32_t *to, size_t n, size_t rows)
{
    bool ok = s->type == t->type && s->shape.rank == t->shape.rank && s->shape.rank > 0 &&
              (size_t)s->shape.dim[0] == n && (size_t)t->shape.dim[0] == rows;
    for (uint32_t a = 1; ok && a < s->shape.rank; a++) ok = s->shape.dim[a] <= t->shape.dim[a];
    for (size_t i = 0; ok && i < n; i++)
        ok = to[i] >= 0 && (size_t)to[i] < rows && (s != t || (size_t)to[i] == i);
    return ok;
}

static omn_status copy(omn_exec *x, const omn_state *s, const omn_state *t, const int32_t *to,
                       size_t n, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_compute_impl *main = x->p->main.compute;
    omn_buffer *into = NULL;
    void *rows = NULL, *room = NULL;
    size_t count = 0;
    if (s->number >= x->room_states || !x->states[s->number])
        return omn_fail(err, OMN_ERR_INTERNAL, "state '%s' was not written", s->name);
    omn_buffer *const given = x->states[s->number];
    pthread_mutex_lock(&x->p->lock);
    st = exec_state(x, t->number, &into, err);
    pthread_mutex_unlock(&x->p->lock);
    if (st != OMN_OK) return st;
    if (!omn_shape_count(&s->shape, &count) || !count)
        return omn_fail(err, OMN_ERR_SHAPE, "state '%s' is empty", s->name);
    OMN_TRY(main->map(x->queue, given, 0, s->bytes, OMN_READ, &rows, err));
    OMN_TRY(main->map(x->queue, into, 0, t->bytes, OMN_READ_WRITE, &room, err));
    const size_t from_row = s->bytes / (size_t)s->shape.dim[0];
    const size_t to_row = t->bytes / (size_t)t->shape.dim[0];
    for (size_t i = 0; i < n; i++)
        lay(&s->shape, &t->shape, 1, s->bytes / count, (const char *)rows + i * from_row,
            (char *)room + (size_t)to[i] * to_row);
done:
    if (room) {
        const omn_status late = main->unmap(x->queue, into, room, err);
        if (st == OMN_OK) st = late;
    }
    if (rows) {
        const omn_status late = main->unmap(x->queue, given, rows, err);
        if (st == OMN_OK) st = late;
    }
    return st;
}

omn_status exec_seat(omn_exec *x, const omn_graph *from, const omn_graph *into, const int32_t *to,
                     size_t n, size_t rows, omn_error *err)
{
    omn_status st = OMN_OK;
    x->last = NULL;
    OMN_TRY(exec_close_outputs(x, err));
    for (uint32_t i = 0; i < from->n_slots; i++) {
        if (from->slots[i].kind != SLOT_STATE) continue;
        pthread_mutex_lock(&x->p->lock);
        const omn_state *s = state_of(x->p, from->slots[i].number);
        const omn_state *t = by_name(into, s->name);
        pthread_mutex_unlock(&x->p->lock);
        if (!t) continue;
        if (!fits(s, t, to, n, rows))
            OMN_TRY(omn_fail(err, OMN_ERR_SHAPE, "state '%s' does not fit among those of more rows",
                             s->name));
        if (s != t) OMN_TRY(copy(x, s, t, to, n, err));
    }
done:
    return st;
}
