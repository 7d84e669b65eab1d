/* SPDX-License-Identifier: Apache-2.0 */
/* A run state and its pieces: for each graph that it has run, the segments of steps that a device
 * was given, and the buffers that the graph's slots stand for. */
#ifndef OMN_GRAPH_EXEC_H
#define OMN_GRAPH_EXEC_H

#include "inside.h"
#include "watch.h"

/* Steps first .. first + count - 1 on the main device, or one step on the cpu (an island). */
typedef struct segment {
    bool island;
    uint32_t first, count;
    void *steps;
    const omn_op_call **ops;
    omn_op_call call; /* of an island: views into its own slots */
    omn_view *views;
} segment;

typedef struct prepared {
    omn_graph *g;
    segment *segments;
    uint32_t n_segments;
    omn_buffer **buffers;
    uint64_t *times;
    struct prepared *next;
} prepared;

typedef struct opened { /* an output that is mapped until the next run */
    omn_buffer *buffer;
    void *host;
    uint64_t offset, bytes;
} opened;

struct omn_exec {
    omn_program *p;
    void *queue, *cpu_queue;
    omn_call *own; /* for callers who bring no call */
    omn_buffer *workspace;
    uint64_t workspace_bytes;
    omn_buffer **states; /* by number; NULL: not used yet, or dropped */
    const omn_state **state_info;
    uint64_t *state_used; /* the run that used it last */
    uint32_t room_states;
    uint64_t runs;
    prepared *prepared;
    omn_graph *last;
    opened *opened;
    uint32_t n_opened, room_opened;
    bool profile;
    omn_profile_row *rows;
    size_t n_rows, room_rows;
    const exec_watch *watch; /* NULL: nobody looks while a graph runs */
};

/* watch.c: does a segment end behind this step? What waits for the steps before `done`. */
bool watch_cuts(const exec_watch *w, const omn_graph *g, uint32_t last);
omn_status watch_tell(omn_exec *x, omn_graph *g, uint32_t done, omn_error *err);

/* exec.c, states.c */
omn_status exec_close_outputs(omn_exec *x, omn_error *err);
omn_status exec_states(omn_exec *x, prepared *r, omn_error *err);
/* The storage of a state by its number, made if it is not there; the program's lock is held. */
omn_status exec_state(omn_exec *x, uint32_t number, omn_buffer **out, omn_error *err);
/* island.c */
omn_status island_prepare(omn_exec *x, const omn_op_call *call, segment *sg, omn_error *err);
omn_status island_run(omn_exec *x, const omn_op_call *call, segment *sg, omn_buffer *const *buffers,
                      omn_call *c, uint64_t *times, omn_error *err);
void island_forget(omn_exec *x, segment *sg);
/* importance.c: is the input of this step wanted? It is taken before the step runs. */
bool importance_wants(const omn_program *p, const step *st);
omn_status importance_take(omn_exec *x, const prepared *r, const step *st, omn_error *err);

#endif
