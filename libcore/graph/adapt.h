/* SPDX-License-Identifier: Apache-2.0 */
/* Low-rank additions to the matrices of products (LoRA: Hu et al. 2021): a matrix [R, C] that stays
 * as it is works as W + scale B A, with NAME.lora_A [rank, C] and NAME.lora_B [R, rank]. Products
 * multiply by the two factors beside the matrix; nothing but them may read it. Not installed. */
#ifndef OMNIO_GRAPH_ADAPT_H
#define OMNIO_GRAPH_ADAPT_H

#include <omnio/graph.h>

#define ADAPT_A ".lora_A"
#define ADAPT_B ".lora_B"
#define ADAPT_MARK "omnio.adapter"        /* metadata of a file of adapters: its revision, "1" */
#define ADAPT_SCALE "omnio.adapter.scale" /* metadata: the scale of all of them */
/* Metadata of weights with adapters inside: the sum of their digests, 16 hexadecimal digits; of
 * several files in a row one after the other, with spaces between. */
#define ADAPT_INSIDE "omnio.adapter.inside"

/* The adapter of one matrix as it is now; the factors are f32. */
typedef struct adapter {
    const float *a, *b;
    int64_t rank;
    double scale;
} adapter;

/* Gives a declared matrix of a writable store an adapter: A as weights of products begin, B zeros,
 * so that nothing changes yet. [setup] */
omn_status store_adapt(omn_store *st, const char *name, int64_t rank, double scale, omn_error *err);
/* Those that a file holds, for matrices of the checkpoint `base`; before any graph is built. Every
 * tensor must be a factor of an adapter that fits, and none of them may be inside the base already.
 * [setup] */
omn_status store_adapters(omn_store *st, const omn_weights *base, const omn_weights *file,
                          omn_error *err);
/* The adapter of a matrix; false: it has none. [any] */
bool store_adapter(const omn_store *st, const char *name, adapter *out);
/* Is this the name of a factor? */
bool adapt_is_factor(const char *name);
/* w [R, C] += scale B A, in f32, each sum over the rank in order. [any] */
void adapter_merge(const adapter *a, float *w, int64_t R, int64_t C);
/* A number for one adapter of the matrix `name` [R, C], another one as soon as a bit of it differs.
 * [any] */
uint64_t adapter_digest(const char *name, const adapter *a, int64_t R, int64_t C);
/* The sum of those of a store's adapters. [any] */
uint64_t store_adapters_digest(const omn_store *st);
/* Do products read this weight in every graph of the program so far, and nothing else? false for
 * one that none reads. [any] */
bool program_adapts(omn_program *p, const char *name);
/* Is this weight a table whose rows are looked up by ids, in any graph of the program so far (also
 * if products read it too)? [any] */
bool program_looks_up(omn_program *p, const char *name);

/* ---- for the graph floor -------------------------------------------------------------------- */

/* y, the product of x by the weight w, with what its adapter adds. */
omn_node *adapt_product(omn_scope *s, omn_node *x, omn_node *w, bool in_out, omn_node *y);
/* Fails the graph when something else reads a matrix that has an adapter. */
void adapt_check(omn_graph *g);

#endif
