/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of one graph's states as rows of another's. Not installed. */
#ifndef OMNIO_GRAPH_SEAT_H
#define OMNIO_GRAPH_SEAT_H

#include <omnio/compute.h>

/* Row i of every state of `from`, which has n of them, becomes row to[i] of the state of that name
 * of `into`, where there is one, which has `rows`. Along its other axes it may be shorter: zeros
 * lie beyond then. Where both are one state, rows are where they belong already: to[i] is i.
 * OMN_ERR_SHAPE: it does not fit. [run] */
omn_status exec_seat(omn_exec *x, const omn_graph *from, const omn_graph *into, const int32_t *to,
                     size_t n, size_t rows, omn_error *err);

#endif
