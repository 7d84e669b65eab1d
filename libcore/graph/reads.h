/* SPDX-License-Identifier: Apache-2.0 */
/* Which weights a graph reads, for those who have to know when they change. Not installed. */
#ifndef OMNIO_GRAPH_READS_H
#define OMNIO_GRAPH_READS_H

#include <omnio/compute.h>

/* The next weight from node *at (0 at first) on; *at goes on behind it. false: there is no more.
 * [any] */
bool graph_reads(const omn_graph *g, uint32_t *at, const char **name, omn_tensor *out);

/* What one run of the graph reads of each weight of its store: raises bytes[i], of weight number i,
 * to that. Of a table that is only looked up in, no more than its ids can bring into memory, by the
 * pages that the system maps around each. n: weights of the store. [any] */
void graph_touches(const omn_graph *g, uint64_t *bytes, size_t n);

/* Does a step of the graph read this input? [any] */
bool graph_takes(const omn_graph *g, const char *input);
/* The next input from place *at on, which begins at 0, in the order in which they were declared;
 * NULL: no more. Borrowed. [any] */
const char *graph_input(const omn_graph *g, uint32_t *at);

/* Does every graph of the program so far that reads this weight do so with products linear alone,
 * which take it in tiles? false for one that none reads. [any] */
bool program_multiplies(omn_program *p, const char *name);
/* The same of products linear, whichever way its matrix lies, and look-ups of embeddings, which
 * take it in blocks. [any] */
bool program_reads_blocks(omn_program *p, const char *name);

/* The device that it runs on, as it describes itself; borrowed. [any] */
const omn_device_info *program_device(const omn_program *p);

/* Prefix of outputs: what becomes of the weight of that name (omn_weight_after). */
#define AFTER "after:"

#endif
