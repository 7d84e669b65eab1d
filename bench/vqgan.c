/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long a picture of 256 x 256 takes from its 1024 codes, by the network of the released
 * Unified-IO 2 (image.vqgan as it is by default) with random weights, on one thread: in f32, beside
 * the rate of multiply-adds that the processor reaches, and in bf16, weights and products. Time is
 * the processor time of the process; each round measures the probe and the picture in turn, rates
 * and ratios are medians. bench/vqgan.py sets it beside PyTorch.
 *
 *   bench/vqgan [ROUNDS]          both, for people
 *   bench/vqgan f32|bf16 ROUNDS   one of them, milliseconds of a picture alone
 */
#include <omnio/kinds.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/probe.h"

enum { MOST_ROUNDS = 200 };

typedef struct bench {
    omn_context *ctx;
    omn_call *call;
    omn_arena *arena;
    const omn_decoder_impl *impl;
    void *self;
    omn_store *store, *random;
    omn_weights *weights;
    uint8_t *bytes;
    omn_program *program;
    omn_graph *graph;
    omn_exec *exec;
    omn_feed *feed;
} bench;

static void build(void *user, omn_scope *s, omn_bundle *out)
{
    const bench *b = user;
    const omn_codes *k = b->impl->codes(b->self);
    b->impl->detokenize(b->self, s, omn_input(s, "codes", OMN_I32, omn_dim2(1, k->count)), out);
}

static omn_status program_of(bench *b, omn_store *store, omn_precision precision, omn_error *err)
{
    const omn_program_setup how = { OMN_FILL(omn_program_setup), .ctx = b->ctx, .store = store,
                                    .device = "cpu", .precision = precision };
    omn_program_free(b->program);
    b->program = NULL;
    const omn_status st = omn_program_new(&how, &b->program, err);
    return st == OMN_OK ? omn_program_graph(b->program, "picture", build, b, &b->graph, err) : st;
}

/* All weights of the store in bf16, as a file in memory. */
static omn_status halve(bench *b, omn_error *err)
{
    const size_t n = omn_store_count(b->random);
    size_t size = 0;
    omn_status st = OMN_OK;
    omn_weights_entry *list = calloc(n, sizeof *list);
    if (!list) return omn_fail(err, OMN_ERR_MEMORY, "out of memory");
    for (size_t i = 0; i < n; i++) {
        const omn_tensor from = omn_store_tensor(b->random, i);
        void *to = omn_arena_alloc(b->arena, from.bytes / 4, 2);
        if (!to || !omn_from_f32(OMN_BF16, from.data, from.bytes / 4, to)) {
            st = omn_fail(err, OMN_ERR_MEMORY, "out of memory");
            goto done;
        }
        list[i] = (omn_weights_entry){ omn_store_name(b->random, i),
                                       { OMN_BF16, from.shape, to, from.bytes / 2 } };
    }
    OMN_TRY(omn_weights_bytes(list, n, NULL, 0, &b->bytes, &size, err));
    OMN_TRY(omn_weights_of(b->bytes, size, "random", &b->weights, err));
    OMN_TRY(omn_store_open(b->weights, &b->store, err));
done:
    free(list);
    return st;
}

static omn_status begin(bench *b, bool bf16, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_context_setup where = { OMN_FILL(omn_context_setup), .threads = 1 };
    const omn_entry *e = NULL;
    void *params = NULL, *data = NULL;
    OMN_TRY(omn_context_new(&where, &b->ctx, err));
    OMN_TRY(omn_context_call(b->ctx, 1, 0, NULL, &b->call, err));
    b->arena = omn_arena_new(0);
    if (!b->arena) return omn_fail(err, OMN_ERR_MEMORY, "out of memory");
    OMN_TRY(omn_registry_find(b->ctx, "omnio.decoder/1", "image.vqgan", &e, err));
    OMN_TRY(omn_params_fill(e, NULL, 0, NULL, b->arena, &params, err));
    b->impl = omn_entry_object(e)->impl;
    OMN_TRY(b->impl->open(b->call, params, NULL, &b->self, err));
    OMN_TRY(omn_store_new(1, NULL, false, &b->random, err));
    OMN_TRY(program_of(b, b->random, OMN_PRECISION_F32, err));     /* makes the weights */
    if (bf16) {
        OMN_TRY(halve(b, err));
        OMN_TRY(program_of(b, b->store, OMN_PRECISION_BF16, err));
    }
    const omn_codes *k = b->impl->codes(b->self);
    OMN_TRY(omn_exec_new(b->program, &b->exec, err));
    OMN_TRY(omn_feed_make(&b->feed, err));
    OMN_TRY(omn_feed_new(b->feed, "codes", OMN_I32, omn_dim2(1, k->count), &data, err));
    for (int32_t i = 0; i < k->count; i++)
        ((int32_t *)data)[i] = (int32_t)((uint32_t)i * 2654435761u % (uint32_t)k->codes);
    OMN_TRY(omn_exec_run(b->exec, b->graph, b->feed, b->call, err));     /* warm */
done:
    return st;
}

static void end(bench *b)
{
    omn_feed_free(b->feed);
    omn_exec_free(b->exec);
    omn_program_free(b->program);
    omn_store_free(b->store);
    omn_store_free(b->random);
    omn_weights_close(b->weights);
    free(b->bytes);
    if (b->impl) b->impl->close(b->self);
    omn_arena_free(b->arena);
    omn_call_free(b->call);
    omn_context_free(b->ctx);
}

static omn_status measure(bench *b, const char *name, size_t rounds, bool people, omn_error *err)
{
    static double took[MOST_ROUNDS], rate[MOST_ROUNDS], probe[MOST_ROUNDS], ratio[MOST_ROUNDS];
    const double flop = (double)omn_graph_flops(b->graph);
    for (size_t r = 0; r < rounds; r++) {
        double t = probe_process_seconds();
        const double done = probe_fma();
        probe[r] = done / (probe_process_seconds() - t) * 1e-9;
        t = probe_process_seconds();
        const omn_status st = omn_exec_run(b->exec, b->graph, b->feed, b->call, err);
        if (st != OMN_OK) return st;
        took[r] = (probe_process_seconds() - t) * 1e3;
        rate[r] = flop / took[r] * 1e-6;
        ratio[r] = rate[r] / probe[r];
    }
    const double ms = probe_median(took, rounds), of = probe_median(ratio, rounds);
    if (!people) printf("%.2f\n", ms);
    else
        printf("%-5s %8.1f ms (%.1f to %.1f), %.0f GFLOP/s, multiply-add probe %.0f, ratio %.3f "
               "(%.3f to %.3f); %.1f GFLOP, %.0f MB of workspace\n",
               name, ms, took[0], took[rounds - 1], probe_median(rate, rounds),
               probe_median(probe, rounds), of, ratio[0], ratio[rounds - 1], flop * 1e-9,
               (double)omn_graph_workspace(b->graph) * 1e-6);
    fflush(stdout);
    return OMN_OK;
}

int main(int argc, char **argv)
{
    static const char *const kinds[] = { "f32", "bf16" };
    const bool one = argc > 1 && (!strcmp(argv[1], "f32") || !strcmp(argv[1], "bf16"));
    const char *count = argc > 1 + one ? argv[1 + one] : "7";
    char *last = NULL;
    const long rounds = strtol(count, &last, 10);
    omn_error err = OMN_ERROR_INIT;
    if (rounds < 1 || rounds > MOST_ROUNDS || *last) {
        fprintf(stderr, "bench/vqgan: \"%s\": f32, bf16, or 1 to %d rounds\n", count, MOST_ROUNDS);
        return 64;
    }
    for (int k = 0; k < 2; k++) {
        bench b = { 0 };
        if (one && strcmp(argv[1], kinds[k]) != 0) continue;
        omn_status st = begin(&b, k == 1, &err);
        if (st == OMN_OK) st = measure(&b, kinds[k], (size_t)rounds, !one, &err);
        end(&b);
        if (st == OMN_OK) continue;
        fprintf(stderr, "bench/vqgan: %s\n", err.text);
        return 1;
    }
    return 0;
}
