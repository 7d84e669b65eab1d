/* SPDX-License-Identifier: Apache-2.0 */
/* Gradients that keep little of what came before: activation checkpointing (Chen, Xu, Zhang and
 * Guestrin, "Training deep nets with sublinear memory cost", 2016). Not installed. */
#ifndef OMNIO_GRAPH_RECOMPUTE_H
#define OMNIO_GRAPH_RECOMPUTE_H

#include <omnio/graph.h>

/* omn_program_graph_gradient. recompute: of what lies before the loss only what goes from one
 * stretch of it to the next is kept; the rest is made once more, stretch after stretch from the
 * end, when its gradients are. Stretches are chosen for the smallest workspace, which is between
 * blocks where a model has such. Gradients have the same bits, for ops are functions of their
 * inputs. What writes or reads states is never made again. (A key with and without is two
 * graphs.) */
omn_status program_gradient(omn_program *p, const char *key, omn_build_fn *fn, void *user,
                            const char *loss, const char *const *frozen, size_t n_frozen,
                            bool recompute, omn_graph **out, omn_error *err);

#endif
