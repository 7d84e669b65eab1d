/* SPDX-License-Identifier: Apache-2.0 */
/* Running planned graphs: one workspace as large as the greediest graph that was run here, the
 * states, one queue. Steps are handed to the device once for each graph; a run fills the inputs in,
 * submits and waits. */
#include "exec.h"

#include <stdlib.h>
#include <string.h>

omn_status omn_exec_new(omn_program *p, omn_exec **out, omn_error *err)
{
    omn_exec *x = calloc(1, sizeof(*x));
    omn_status st;
    if (!x) return omn_fail(err, OMN_ERR_MEMORY, "not enough memory for a run state");
    x->p = p;
    const omn_call_setup how = { OMN_FILL(omn_call_setup), .pool = p->pool };
    st = omn_call_new(&how, &x->own, err);
    if (st == OMN_OK) st = p->main.compute->queue_new(p->main.dev, &x->queue, err);
    if (st != OMN_OK) {
        omn_exec_free(x);
        return st;
    }
    *out = x;
    return OMN_OK;
}

static void prepared_free(omn_exec *x, prepared *r)
{
    for (uint32_t i = 0; r->segments && i < r->n_segments; i++) {
        segment *sg = &r->segments[i];
        if (sg->island)
            island_forget(x, sg);
        else if (sg->steps)
            x->p->main.compute->forget(x->queue, sg->steps);
        free(sg->ops);
    }
    free(r->segments);
    free(r->buffers);
    free(r->times);
    free(r);
}

omn_status exec_close_outputs(omn_exec *x, omn_error *err)
{
    omn_status st = OMN_OK;
    for (uint32_t i = 0; i < x->n_opened; i++) {
        const omn_status s =
            x->p->main.compute->unmap(x->queue, x->opened[i].buffer, x->opened[i].host, err);
        if (st == OMN_OK) st = s;
    }
    x->n_opened = 0;
    return st;
}

void omn_exec_free(omn_exec *x)
{
    if (!x) return;
    const omn_compute_impl *main = x->p->main.compute;
    void *dev = x->p->main.dev;
    if (x->queue) {
        main->wait(x->queue, NULL);
        exec_close_outputs(x, NULL);
    }
    for (prepared *r = x->prepared, *next; r; r = next) {
        next = r->next;
        prepared_free(x, r);
    }
    if (x->workspace) main->release(dev, x->workspace);
    for (uint32_t i = 0; i < x->room_states; i++)
        if (x->states[i]) main->release(dev, x->states[i]);
    if (x->cpu_queue) x->p->cpu.compute->queue_free(x->cpu_queue);
    if (x->queue) main->queue_free(x->queue);
    omn_call_free(x->own);
    free(x->states);
    free(x->state_info);
    free(x->state_used);
    free(x->opened);
    free(x->rows);
    free(x);
}

/* ---- preparing ------------------------------------------------------------------------------- */

/* The buffers behind the slots; the workspace and the states are looked up at each run. */
static void find_buffers(omn_exec *x, prepared *r)
{
    pthread_mutex_lock(&x->p->lock);
    for (uint32_t i = 0; i < r->g->n_slots; i++) {
        const slot *s = &r->g->slots[i];
        if (s->kind == SLOT_CONSTS)
            r->buffers[i] = r->g->consts_buffer;
        else if (s->kind == SLOT_WEIGHT)
            r->buffers[i] = x->p->weights[s->number].buffer;
    }
    pthread_mutex_unlock(&x->p->lock);
}

static omn_status make_segments(omn_exec *x, prepared *r, omn_error *err)
{
    const omn_graph *g = r->g;
    const device *d = &x->p->main;
    omn_status st = OMN_OK;
    for (uint32_t i = 0; st == OMN_OK && i < g->n_steps;) {
        segment *sg = &r->segments[r->n_segments++];
        sg->first = i;
        while (i < g->n_steps && d->compute->cost(d->dev, &g->calls[i]) >= 0 &&
               (i == sg->first || !importance_wants(x->p, g->steps[i])) &&
               (i == sg->first || !watch_cuts(x->watch, g, i - 1)))
            i++;
        sg->count = i - sg->first;
        if (sg->count == 0) {
            sg->island = true;
            sg->count = 1;
            st = island_prepare(x, &g->calls[i++], sg, err);
            continue;
        }
        sg->ops = calloc(sg->count, sizeof(*sg->ops));
        if (!sg->ops) return omn_fail(err, OMN_ERR_MEMORY, "not enough memory to run");
        for (uint32_t k = 0; k < sg->count; k++) sg->ops[k] = &g->calls[sg->first + k];
        st = d->compute->prepare(x->queue, sg->ops, sg->count, &sg->steps, err);
        if (st != OMN_OK) sg->steps = NULL;
    }
    return st;
}

static omn_status prepare(omn_exec *x, omn_graph *g, prepared **out, omn_error *err)
{
    omn_status st = OMN_OK;
    for (prepared *r = x->prepared; r; r = r->next) {
        if (r->g != g) continue;
        *out = r;
        return OMN_OK;
    }
    prepared *r = calloc(1, sizeof(*r));
    if (!r) return omn_fail(err, OMN_ERR_MEMORY, "not enough memory to run");
    r->g = g;
    r->segments = calloc(g->n_steps + 1, sizeof(*r->segments));
    r->buffers = calloc(g->n_slots + 1, sizeof(omn_buffer *));
    r->times = calloc(g->n_steps + 1, sizeof(*r->times));
    if (!r->segments || !r->buffers || !r->times) {
        st = omn_fail(err, OMN_ERR_MEMORY, "not enough memory to run");
        goto done;
    }
    find_buffers(x, r);
    OMN_TRY(make_segments(x, r, err));
    r->next = x->prepared;
    x->prepared = r;
    *out = r;
    r = NULL;
done:
    if (r) prepared_free(x, r);
    return st;
}

/* ---- running
 * --------------------------------------------------------------------------------------- */

static omn_status have_workspace(omn_exec *x, uint64_t bytes, omn_error *err)
{
    const device *d = &x->p->main;
    if (bytes <= x->workspace_bytes) return OMN_OK;
    if (x->workspace) d->compute->release(d->dev, x->workspace);
    x->workspace = NULL;
    x->workspace_bytes = 0;
    const omn_status st = d->compute->alloc(d->dev, bytes, &x->workspace, err);
    if (st != OMN_OK) {
        x->workspace = NULL;
        omn_error_prefix(err, "workspace of %llu bytes", (unsigned long long)bytes);
        return st;
    }
    x->workspace_bytes = bytes;
    return OMN_OK;
}

static omn_status fill_inputs(omn_exec *x, const omn_graph *g, const omn_feed *in, omn_error *err)
{
    char have[80], want[80];
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const omn_node *node = g->nodes[i];
        if (node->kind != NODE_INPUT || node->group < 0) continue;
        const omn_tensor *t = in ? omn_feed_get(in, node->name) : NULL;
        omn_shape_text(&node->shape, want, sizeof(want));
        if (!t)
            return omn_fail(err, OMN_ERR_MISSING, "input '%s' was not given, %s %s is wanted",
                            node->name, want, omn_type_get(node->type)->name);
        if (t->type != node->type || !omn_shape_equal(&t->shape, &node->shape))
            return omn_fail(err, t->type != node->type ? OMN_ERR_TYPE : OMN_ERR_SHAPE,
                            "input '%s' is %s %s, %s %s is wanted", node->name,
                            omn_shape_text(&t->shape, have, sizeof(have)),
                            omn_type_get(t->type) ? omn_type_get(t->type)->name : "?", want,
                            omn_type_get(node->type)->name);
        const omn_status st = device_upload(&x->p->main, x->queue, x->workspace, node->view.offset,
                                            t->data, node_bytes(node), err);
        if (st != OMN_OK) return st;
    }
    return OMN_OK;
}

/* A device that copied a trainer's weights gets them again: they may have changed. */
static omn_status refresh_weights(omn_exec *x, const omn_graph *g, omn_error *err)
{
    omn_status st = OMN_OK;
    if (!x->p->store || !store_writable(x->p->store)) return OMN_OK;
    pthread_mutex_lock(&x->p->lock);
    for (uint32_t i = 0; st == OMN_OK && i < g->n_slots; i++) {
        if (g->slots[i].kind != SLOT_WEIGHT) continue;
        const weight_buffer *b = &x->p->weights[g->slots[i].number];
        if (b->uploaded)
            st = device_upload(&x->p->main, x->queue, b->buffer, 0, b->host, b->bytes, err);
    }
    pthread_mutex_unlock(&x->p->lock);
    return st;
}

/* The row of an op on a device, a fresh one when there is none; NULL: no memory. Names of plugin
 * ops are the graph's and live as long as the program. */
static omn_profile_row *profile_row(omn_exec *x, const char *op, const char *where)
{
    for (size_t i = 0; i < x->n_rows; i++)
        if (!strcmp(x->rows[i].op, op) && x->rows[i].device == where) return &x->rows[i];
    if (x->n_rows == x->room_rows) {
        const size_t room = x->room_rows ? 2 * x->room_rows : 32;
        omn_profile_row *more = reallocarray(x->rows, room, sizeof *more);
        if (!more) return NULL;
        x->rows = more;
        x->room_rows = room;
    }
    x->rows[x->n_rows] = (omn_profile_row){ .op = op, .device = where };
    return &x->rows[x->n_rows++];
}

static omn_status count_profile(omn_exec *x, const prepared *r, omn_error *err)
{
    for (uint32_t i = 0; i < r->n_segments; i++) {
        const segment *sg = &r->segments[i];
        for (uint32_t k = sg->first; k < sg->first + sg->count; k++) {
            const step *st = r->g->steps[k];
            omn_profile_row *row = profile_row(
                x, step_name(st), sg->island ? x->p->cpu.name : x->p->main.name);
            if (!row) return omn_fail(err, OMN_ERR_MEMORY, "not enough memory for the profile");
            row->calls++;
            row->ns += r->times[k];
            row->flops += step_flops(st);
            row->bytes += step_bytes(st);
        }
    }
    return OMN_OK;
}

omn_status omn_exec_run(omn_exec *x, omn_graph *g, const omn_feed *in, omn_call *c, omn_error *err)
{
    const omn_compute_impl *main = x->p->main.compute;
    prepared *r = NULL;
    omn_status st, late;
    if (g->program != x->p)
        return omn_fail(err, OMN_ERR_ARGUMENT, "the graph '%s' belongs to another program", g->key);
    if (!c) c = x->own;
    x->last = NULL;
    x->runs++;
    OMN_TRY(exec_close_outputs(x, err));
    OMN_TRY(prepare(x, g, &r, err));
    OMN_TRY(exec_states(x, r, err));
    OMN_TRY(have_workspace(x, g->workspace, err));
    r->buffers[0] = x->workspace;
    OMN_TRY(fill_inputs(x, g, in, err));
    OMN_TRY(refresh_weights(x, g, err));
    for (uint32_t i = 0; st == OMN_OK && i < r->n_segments; i++) {
        segment *sg = &r->segments[i];
        uint64_t *times = x->profile ? r->times + sg->first : NULL;
        const step *next = g->steps[sg->first];
        if (importance_wants(x->p, next)) st = importance_take(x, r, next, err);
        if (st != OMN_OK)
            break;
        else if (omn_call_cancelled(c))
            st = omn_fail(err, OMN_ERR_CANCELLED, "stopped");
        else if (sg->island)
            st = island_run(x, &g->calls[sg->first], sg, r->buffers, c, times, err);
        else
            st = main->submit(x->queue, sg->steps, r->buffers, c, times, err);
        if (st == OMN_OK && x->watch) st = watch_tell(x, g, sg->first + sg->count, err);
    }
    late = main->wait(x->queue, err);
    if (st == OMN_OK) st = late;
    if (st == OMN_OK) {
        x->last = g;
        if (x->profile) st = count_profile(x, r, err);
    }
done:
    return st;
}

/* ---- what remains ---------------------------------------------------------------------------- */

static omn_status open_bytes(omn_exec *x, omn_buffer *b, uint64_t offset, uint64_t bytes,
                             const void **host, omn_error *err)
{
    for (uint32_t i = 0; i < x->n_opened; i++) {
        const opened *o = &x->opened[i];
        if (o->buffer != b || o->offset != offset || o->bytes != bytes) continue;
        *host = o->host;
        return OMN_OK;
    }
    if (x->n_opened == x->room_opened) {
        const uint32_t room = x->room_opened ? 2 * x->room_opened : 16;
        opened *more = realloc(x->opened, room * sizeof(*more));
        if (!more) return omn_fail(err, OMN_ERR_MEMORY, "not enough memory for outputs");
        x->opened = more;
        x->room_opened = room;
    }
    void *at;
    const omn_status st = x->p->main.compute->map(x->queue, b, offset, bytes, OMN_READ, &at, err);
    if (st != OMN_OK) return st;
    x->opened[x->n_opened++] = (opened){ b, at, offset, bytes };
    *host = at;
    return OMN_OK;
}

/* The buffer of a weight that the store has in tiles; as an output it lies there in rows. */
static omn_buffer *weight_of(omn_exec *x, const omn_graph *g, const omn_node *w)
{
    pthread_mutex_lock(&x->p->lock);
    omn_buffer *b = x->p->weights[g->slots[w->view.slot].number].buffer;
    pthread_mutex_unlock(&x->p->lock);
    return b;
}

omn_status omn_exec_output(omn_exec *x, omn_graph *g, const char *name, omn_tensor *out,
                           omn_error *err)
{
    const omn_node *node = omn_bundle_find(g->outputs, name);
    if (!node) return omn_fail(err, OMN_ERR_MISSING, "graph '%s' has no output '%s'", g->key, name);
    if (x->last != g)
        return omn_fail(err, OMN_ERR_ARGUMENT, "graph '%s' is not what ran last", g->key);
    const omn_node *root = node_root((omn_node *)node);
    *out = (omn_tensor){ node->type, node->shape, NULL, node_bytes(node) };
    if (root->kind == NODE_CONST) {
        out->data = (const char *)g->consts + root->view.offset;
        return OMN_OK;
    }
    if (root->kind == NODE_WEIGHT && root->tiled)
        return open_bytes(x, weight_of(x, g, root), 0, out->bytes, &out->data, err);
    if (root->kind == NODE_WEIGHT) {
        out->data = omn_store_tensor(x->p->store, (size_t)root->weight).data;
        return OMN_OK;
    }
    omn_buffer *b = root->state ? x->states[root->state->number] : x->workspace;
    return open_bytes(x, b, root->view.offset, out->bytes, &out->data, err);
}

void omn_exec_profile(omn_exec *x, bool on)
{
    x->profile = on;
    x->n_rows = 0;
}

size_t omn_exec_profile_rows(const omn_exec *x, const omn_profile_row **rows)
{
    *rows = x->rows;
    return x->n_rows;
}
