/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the graph floor share: a program over a fresh store on the reference device. */
#ifndef OMNIO_TESTS_GRAPH_RIG_H
#define OMNIO_TESTS_GRAPH_RIG_H

#include "tests/conform/reference.h"
#include "tests/testing.h"

typedef struct rig {
    omn_store *store;
    omn_program *program;
    omn_exec *exec;
    omn_feed *feed;
    omn_error err;
} rig;

rig rig_open(const omn_compute_impl *compute, bool keep_tagged);
void rig_close(rig *r);
/* Build; the test fails with the message when it does not work. */
omn_graph *rig_graph(rig *r, const char *key, omn_build_fn *fn, void *user);
omn_graph *rig_gradient(rig *r, const char *key, omn_build_fn *fn, void *user);
/* Build what must not work; returns its message. */
const char *rig_failure(rig *r, omn_build_fn *fn, void *user);
void rig_run(rig *r, omn_graph *g);
const float *rig_output(rig *r, omn_graph *g, const char *name, size_t *n);
/* Feed tensors; data NULL: numbers from a fixed sequence in -1..1. */
void rig_feed(rig *r, const char *name, omn_shape shape, const float *data);
void rig_feed_ids(rig *r, const char *name, omn_shape shape, const int32_t *data);
/* Number i of that sequence. */
float rig_number(uint64_t stream, uint64_t i);
#define OK(expr) ck_assert_msg((expr) == OMN_OK, "%s", r->err.text)

#endif
