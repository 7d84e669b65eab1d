/* SPDX-License-Identifier: Apache-2.0 */
/* A weights file of a model written again with adapters put into its matrices. */
#ifndef OMNIO_GENERATE_MERGE_H
#define OMNIO_GENERATE_MERGE_H

#include <omnio/graph.h>

/* Shard number `map` of w to the file `to`; adapters: of the store. Each matrix keeps its type, to
 * which the sum is rounded. *merged grows by the matrices that had one. [any] */
omn_status merge_file(const omn_weights *w, size_t map, const omn_store *adapters, const char *to,
                      omn_overwrite how, uint64_t *merged, omn_error *err);

#endif
