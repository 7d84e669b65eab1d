/* SPDX-License-Identifier: Apache-2.0 */
/* A run is cut where somebody waits for what is made so far: a segment of steps ends there, and the
 * next one is submitted when whoever waits has been told. Devices that work on by themselves finish
 * no sooner than the bytes are asked for. */
#include "exec.h"

#include <string.h>

void exec_watched(omn_exec *x, const exec_watch *w)
{
    x->watch = w;
}

static const exec_watch *of_graph(const exec_watch *w, const omn_graph *g)
{
    while (w && w->graph != g) w = w->next;
    return w;
}

bool watch_cuts(const exec_watch *all, const omn_graph *g, uint32_t last)
{
    const exec_watch *w = of_graph(all, g);
    for (uint32_t i = 0; w && i < w->n_cuts; i++)
        if (w->cuts[i] == last) return true;
    return false;
}

omn_status watch_tell(omn_exec *x, omn_graph *g, uint32_t done, omn_error *err)
{
    omn_status st = OMN_OK;
    const exec_watch *w = of_graph(x->watch, g);
    for (uint32_t i = 0; w && st == OMN_OK && i < w->n_cuts; i++)
        if (w->cuts[i] + 1 == done) st = w->passed(w->user, i, err);
    return st;
}

long graph_made_at(const omn_graph *g, const char *output)
{
    const omn_node *node = omn_bundle_find(g->outputs, output);
    const omn_node *root = node ? node_root((omn_node *)node) : NULL;
    return root && root->kind == NODE_RESULT ? (long)root->by->at : -1;
}

omn_status exec_copy(omn_exec *x, omn_graph *g, const char *output, void *to, uint64_t bytes,
                     omn_error *err)
{
    const omn_compute_impl *main = x->p->main.compute;
    const omn_node *node = omn_bundle_find(g->outputs, output);
    const omn_node *root = node ? node_root((omn_node *)node) : NULL;
    void *at = NULL;
    if (!root || root->kind != NODE_RESULT || node_bytes(node) != bytes)
        return omn_fail(err, OMN_ERR_INTERNAL, "graph '%s' makes no '%s' of %llu bytes", g->key,
                        output, (unsigned long long)bytes);
    omn_buffer *b = root->state ? x->states[root->state->number] : x->workspace;
    omn_status st = main->map(x->queue, b, root->view.offset, bytes, OMN_READ, &at, err);
    if (st != OMN_OK) return st;
    memcpy(to, at, bytes);
    return main->unmap(x->queue, b, at, err);
}
