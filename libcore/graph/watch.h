/* SPDX-License-Identifier: Apache-2.0 */
/* Outputs while their graph still runs: what is made early, as gradients of the last layers are,
 * can be used beside what is computed behind it. */
#ifndef OMN_GRAPH_WATCH_H
#define OMN_GRAPH_WATCH_H

#include <omnio/graph.h>

/* Steps of one graph, ascending; when all up to and with cuts[i] are submitted, passed is told i. A
 * failure of passed is the run's. Borrowed as long as the run state is used. */
typedef struct exec_watch {
    const omn_graph *graph;
    const uint32_t *cuts;
    uint32_t n_cuts;
    omn_status (*passed)(void *user, uint32_t i, omn_error *err);
    void *user;
    const struct exec_watch *next;        /* of another graph; NULL: none */
} exec_watch;

/* Before any of the graphs has run here. NULL: nobody looks. */
void exec_watched(omn_exec *x, const exec_watch *w);
/* The step that makes an output of the graph; -1: none does (a weight, a constant, an input). */
long graph_made_at(const omn_graph *g, const char *output);
/* From passed: a copy of an output [bytes] that is made by then. */
omn_status exec_copy(omn_exec *x, omn_graph *g, const char *output, void *to, uint64_t bytes,
                     omn_error *err);

#endif
