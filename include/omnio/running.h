/* SPDX-License-Identifier: Apache-2.0 */
/* omnio/running.h: weights that no descent moves, and that training changes all the same: what a
 * batch norm has measured (Ioffe and Szegedy 2015), say. A graph with gradient tells what becomes
 * of them, and the trainer puts it into its store. */
#ifndef OMNIO_RUNNING_H
#define OMNIO_RUNNING_H

#include <omnio/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

/* May a step of training change this weight: is the graph one of a training, and is it not frozen?
 * NULL: no. [any] */
OMN_API bool omn_weight_moves(const omn_node *w);
/* What becomes of a weight in a step where no descent moves it. x has the weight's shape, f32. A
 * graph with gradient gives it back as "after:" and the weight's name, the last x where there are
 * several, and a trainer puts it into its store once the step counts. Nothing becomes of a weight
 * that does not move. [build] */
OMN_API void omn_weight_after(omn_scope *s, omn_node *w, omn_node *x);
/* The x that was said last, or w: what a second batch in the same graph goes on from. [build] */
OMN_API omn_node *omn_weight_later(omn_node *w);

#ifdef __cplusplus
}
#endif
#endif
