/* SPDX-License-Identifier: Apache-2.0 */
/* A decoder with graphs, opened alone beside a file of golden tensors that holds its weights too:
 * its graphs there and back, each stage of them to be compared. Shared by the tests of decoders. */
#ifndef OMNIO_TESTS_DECODER_BENCH_H
#define OMNIO_TESTS_DECODER_BENCH_H

#include "tests/testing.h"

#include "libcore/generate/open.h"

typedef struct bench {
    omn_context *ctx;
    omn_call *call;
    omn_open *open;
    omn_part *part;                       /* NULL: it could not be opened, as err says */
    const omn_decoder_impl *impl;
    omn_weights *golden;
    omn_store *store;
    omn_program *program;                 /* NULL: there is no such device */
    omn_exec *exec;
    omn_feed *feed;
    omn_error err;
} bench;

#define WORKS(b, expr) ck_assert_msg((expr) == OMN_OK, "%s", (b)->err.text)

/* settings "a=1 b=x"; golden: below tests/golden, NULL for none; device NULL: cpu. */
void bench_open(bench *b, const char *object, const char *settings, const char *golden,
                const char *device);
void bench_close(bench *b);
/* A golden tensor; the test fails when there is none. */
const omn_tensor *bench_golden(const bench *b, const char *name);
const float *bench_floats(const bench *b, const char *name, size_t n);
const int32_t *bench_numbers(const bench *b, const char *name, size_t n);
/* The graphs, weights below `prefix`; every tagged node is an output. rows: of the batch. */
omn_graph *bench_tokenize(bench *b, const char *prefix, int64_t rows);
omn_graph *bench_detokenize(bench *b, const char *prefix, int64_t rows, int64_t codes);
/* The same where it must fail; what is said. */
omn_status bench_try_detokenize(bench *b, const char *prefix, int64_t codes);
/* What is fed: copied. */
void bench_feed(bench *b, const char *name, omn_type t, omn_shape shape, const void *data);
omn_tensor bench_output(bench *b, omn_graph *g, const char *name);
/* Pictures [B,C,H,W] as [B,H,W,C]; they belong to the test. */
float *bench_last_channel(const float *x, size_t B, size_t C, size_t H, size_t W);
/* got is want within `part` of the greatest of want. */
void bench_near(const char *what, const float *got, const float *want, size_t n, double part);

#endif
