/* SPDX-License-Identifier: Apache-2.0 */
/* The states of a run state: storage made when a graph first wants it, dropped when too many
 * capacities of one name have piled up, rows exchanged for beams. */
#include "exec.h"

#include <stdlib.h>
#include <string.h>

static omn_status grow_states(omn_exec *x, uint32_t number, omn_error *err)
{
    const uint32_t room = number + 32;
    omn_buffer **more = calloc(room, sizeof(*more));
    const omn_state **info = calloc(room, sizeof(*info));
    uint64_t *used = calloc(room, sizeof(*used));
    if (!more || !info || !used) {
        free(more);
        free(info);
        free(used);
        return omn_fail(err, OMN_ERR_MEMORY, "not enough memory for states");
    }
    if (x->room_states) {
        memcpy(more, x->states, x->room_states * sizeof(*more));
        memcpy(info, x->state_info, x->room_states * sizeof(*info));
        memcpy(used, x->state_used, x->room_states * sizeof(*used));
    }
    free(x->states);
    free(x->state_info);
    free(x->state_used);
    x->states = more;
    x->state_info = info;
    x->state_used = used;
    x->room_states = room;
    return OMN_OK;
}

/* Capacities of one name pile up when requests differ in size: beyond four of them the one that was
 * used longest ago goes. */
static void drop_oldest(omn_exec *x, const omn_state *s)
{
    uint32_t there = 0, oldest = 0;
    for (uint32_t i = 0; i < x->room_states; i++) {
        if (!x->states[i] || strcmp(x->state_info[i]->name, s->name)) continue;
        if (there++ == 0 || x->state_used[i] < x->state_used[oldest]) oldest = i;
    }
    if (there < 4 || x->state_used[oldest] == x->runs) return;
    x->p->main.compute->release(x->p->main.dev, x->states[oldest]);
    x->states[oldest] = NULL;
}

omn_status exec_state(omn_exec *x, uint32_t number, omn_buffer **out, omn_error *err)
{
    if (number >= x->room_states) {
        const omn_status st = grow_states(x, number, err);
        if (st != OMN_OK) return st;
    }
    if (!x->states[number]) {
        const omn_state *s = x->state_info[number];
        for (s = s ? s : x->p->states; s->number != number;) s = s->next;
        drop_oldest(x, s);
        const omn_status st =
            x->p->main.compute->alloc(x->p->main.dev, s->bytes, &x->states[number], err);
        if (st != OMN_OK) {
            x->states[number] = NULL;
            omn_error_prefix(err, "state '%s', %llu bytes", s->name,
                             (unsigned long long)s->bytes);
            return st;
        }
        x->state_info[number] = s;
    }
    x->state_used[number] = x->runs;
    *out = x->states[number];
    return OMN_OK;
}

/* Put the states into the slots of a graph that is about to run. */
omn_status exec_states(omn_exec *x, prepared *r, omn_error *err)
{
    omn_status st = OMN_OK;
    bool fresh = false;
    for (uint32_t i = 0; i < r->g->n_slots; i++) {
        const slot *s = &r->g->slots[i];
        if (s->kind != SLOT_STATE) continue;
        if (s->number >= x->room_states || !x->states[s->number]) {
            fresh = true;
            continue;
        }
        r->buffers[i] = x->states[s->number];
        x->state_used[s->number] = x->runs;
    }
    if (!fresh) return OMN_OK;
    pthread_mutex_lock(&x->p->lock);
    for (uint32_t i = 0; st == OMN_OK && i < r->g->n_slots; i++)
        if (r->g->slots[i].kind == SLOT_STATE)
            st = exec_state(x, r->g->slots[i].number, &r->buffers[i], err);
    pthread_mutex_unlock(&x->p->lock);
    return st;
}

void omn_exec_forget(omn_exec *x)
{
    const device *d = &x->p->main;
    d->compute->wait(x->queue, NULL);
    exec_close_outputs(x, NULL);
    x->last = NULL;
    if (x->workspace) d->compute->release(d->dev, x->workspace);
    x->workspace = NULL;
    x->workspace_bytes = 0;
    for (uint32_t i = 0; i < x->room_states; i++) {
        if (x->states[i]) d->compute->release(d->dev, x->states[i]);
        x->states[i] = NULL;
    }
}

uint64_t omn_exec_bytes(const omn_exec *x)
{
    uint64_t sum = x->workspace_bytes;
    for (uint32_t i = 0; i < x->room_states; i++)
        if (x->states[i]) sum += x->state_info[i]->bytes;
    return sum;
}

omn_status omn_exec_reorder(omn_exec *x, const int32_t *from, size_t rows, omn_error *err)
{
    const omn_compute_impl *main = x->p->main.compute;
    omn_status st = OMN_OK;
    char *copy = NULL;
    for (size_t i = 0; i < rows; i++)
        if (from[i] < 0 || (size_t)from[i] >= rows)
            return omn_fail(err, OMN_ERR_ARGUMENT, "row %zu should become row %d, there are %zu", i,
                            (int)from[i], rows);
    x->last = NULL;
    OMN_TRY(exec_close_outputs(x, err));
    for (uint32_t i = 0; i < x->room_states; i++) {
        const omn_state *s = x->state_info[i];
        void *host;
        if (!x->states[i] || (size_t)s->shape.dim[0] != rows) continue;
        const size_t each = s->bytes / rows;
        OMN_TRY(main->map(x->queue, x->states[i], 0, s->bytes, OMN_READ_WRITE, &host, err));
        copy = malloc(s->bytes);
        if (copy) {
            memcpy(copy, host, s->bytes);
            for (size_t k = 0; k < rows; k++)
                if ((size_t)from[k] != k)
                    memcpy((char *)host + k * each, copy + (size_t)from[k] * each, each);
            free(copy);
        } else {
            st = omn_fail(err, OMN_ERR_MEMORY, "not enough memory to reorder states");
        }
        const omn_status late = main->unmap(x->queue, x->states[i], host, err);
        if (st == OMN_OK) st = late;
        if (st != OMN_OK) goto done;
    }
done:
    return st;
}
