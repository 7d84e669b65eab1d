/* SPDX-License-Identifier: Apache-2.0 */
/* Codes of values (pictures, sound) by a decoder whose weights stay as they are: made in batches by
 * its tokenize graph, kept by content. Not installed. */
#ifndef OMNIO_GENERATE_CODES_H
#define OMNIO_GENERATE_CODES_H

#include "open.h"

/* What codes are kept by: the value with its view, and all that the decoder is made of. */
typedef struct codes_key { uint64_t value[2], decoder[2]; } codes_key;

/* ---- in memory; one thread at a time -------------------------------------------------------- */

typedef struct codes_memory codes_memory;
/* most: bytes; what was used longest ago goes first. 0: nothing is kept. */
omn_status codes_memory_new(size_t most, codes_memory **out, omn_error *err);
void codes_memory_free(codes_memory *m);
/* Borrowed until the next put; NULL: not there. */
const int32_t *codes_memory_get(codes_memory *m, const codes_key *k, size_t *n);
omn_status codes_memory_put(codes_memory *m, const codes_key *k, const int32_t *codes, size_t n,
                            omn_error *err);
size_t codes_memory_bytes(const codes_memory *m);

/* ---- in a folder that several processes may share ------------------------------------------- */

typedef struct codes_folder codes_folder;
/* Made if it is not there. most: bytes of the files, no more than about that many when others write
 * there too. [setup] */
omn_status codes_folder_open(const char *path, uint64_t most, codes_folder **out, omn_error *err);
void codes_folder_close(codes_folder *f);
/* *out NULL: there is none (any more), or it is damaged or somebody else's, which is told by
 * *damaged. Otherwise owned, free(). [any] */
omn_status codes_folder_get(codes_folder *f, const codes_key *k, int32_t **out, size_t *n,
                            bool *damaged, omn_error *err);
/* OMN_ERR_IO is no harm: the codes are made again when they are wanted again. [any] */
omn_status codes_folder_put(codes_folder *f, const codes_key *k, const int32_t *codes, size_t n,
                            omn_error *err);

/* ---- both, and the graph -------------------------------------------------------------------- */

typedef struct codes_maker codes_maker;
/* folder NULL: none; its bound. */
typedef struct codes_keep { size_t memory; const char *folder; uint64_t most; } codes_keep;
#define CODES_MEMORY ((size_t)64 << 20)   /* unless somebody says another number */
#define CODES_MOST ((uint64_t)1 << 30)

/* The kind of value that a decoder makes codes of by a graph; NULL: it has none. */
const char *codes_of(const omn_part *decoder);
/* m and decoder are borrowed. [setup] */
omn_status codes_new(omn_model *m, const omn_part *decoder, const codes_keep *keep,
                     codes_maker **out, omn_error *err);
void codes_free(codes_maker *k);
/* The weights are other ones from now on. [setup] */
void codes_changed(codes_maker *k);
/* A weight that the codes depend on, by number from 0; NULL: there are no more. [setup] */
omn_status codes_weight(codes_maker *k, size_t number, const char **name, omn_error *err);

/* like: what the model sees of the picture of which the value is a view; NULL: none. */
typedef struct codes_want { const omn_value *value; const omn_frame *like; } codes_want;
/* The codes of n values as tokens, owned by the caller; after a failure none. Those that nobody
 * keeps are made together. Many threads may ask at once. [run] */
omn_status codes_get(codes_maker *k, omn_call *c, const codes_want *want, size_t n, omn_value **out,
                     omn_error *err);
/* Those of one value, which nobody keeps. [run] */
omn_status codes_once(const omn_part *decoder, omn_call *c, const codes_want *want,
                      omn_value **out, omn_error *err);
/* The graph by which a decoder makes codes of one value, or (codes false) a value of codes; NULL:
 * it has none. values.c */
omn_status values_graph(const omn_part *decoder, bool codes, omn_graph **out, omn_error *err);
omn_status codes_once_graph(const omn_part *decoder, omn_graph **out, omn_error *err);
/* Bytes that its graph has at work. */
omn_status codes_workspace(codes_maker *k, uint64_t *out, omn_error *err);
/* Since it is there: values made by how many runs of the graph, and those that were there. */
typedef struct codes_counts {
    uint64_t made, runs, from_memory, from_folder, damaged;
} codes_counts;
codes_counts codes_count(codes_maker *k);

#endif
