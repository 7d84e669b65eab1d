/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One query over the keys and values of 96 layers, one layer after the other, so that they come
 * from memory as they do for each token of a long answer: caches head by head in f32 and bf16, and
 * f32 as a projection leaves it (key by key). 16 heads of 64, one thread. Each is timed in turn
 * with a read of the same memory in eight streams, and the median of the ratios is what counts;
 * bench/attention.py sets it beside PyTorch. Every fourth round's answer is held against float64.
 *
 *   bench/cache             608 and 1024 keys, on the best level (or what OMNIO_CPU says)
 *   bench/cache KEYS        as many keys; microseconds alone: f32, bf16 (caches), f32 (key by key)
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/probe.h"
#include "plugins/compute/cpu/kernels.h"

enum { HEADS = 16, WIDTH = 64, LAYERS = 96, ROUNDS = 11, KINDS = 3 };

static const struct kind {
    const char *name;
    omn_type type;
    bool heads;
} kinds[KINDS] = { { "f32 cache", OMN_F32, true },
                   { "bf16 cache", OMN_BF16, true },
                   { "f32 key by key", OMN_F32, false } };

static void *take(void *scratch) { return scratch; }
static void give(void *scratch, void *block) { (void)scratch, (void)block; }

static double number(const char *p, omn_type t, size_t i)
{
    float f;
    uint16_t h;
    if (t == OMN_F32) {
        memcpy(&f, p + 4 * i, 4);
        return f;
    }
    memcpy(&h, p + 2 * i, 2);
    return omn_bf16_to(h);
}

/* The answer of one head in float64 beside o. */
static void check(const cpu_attn *a, size_t head)
{
    double *s = malloc(a->Tk * sizeof *s), most = -INFINITY, sum = 0;
    const float *q = (const float *)a->q + head * WIDTH;
    if (!s) exit(71);
    for (size_t j = 0; j < a->Tk; j++) {
        s[j] = 0;
        for (size_t c = 0; c < WIDTH; c++)
            s[j] += q[c] * number(a->k, a->k_type, head * a->k_head + j * a->k_row_step + c);
        s[j] *= (double)a->scale;
        most = fmax(most, s[j]);
    }
    for (size_t j = 0; j < a->Tk; j++) sum += s[j] = exp(s[j] - most);
    for (size_t c = 0; c < WIDTH; c++) {
        double y = 0;
        for (size_t j = 0; j < a->Tk; j++)
            y += s[j] / sum * number(a->v, a->v_type, head * a->v_head + j * a->v_row_step + c);
        if (fabs(y - (double)a->o[head * WIDTH + c]) <= 1e-5) continue;
        fprintf(stderr, "bench/cache: element %zu of head %zu is %g, %g wanted\n", c, head,
                (double)a->o[head * WIDTH + c], y);
        exit(EXIT_FAILURE);
    }
    free(s);
}

/* seconds of one pass through all layers */
static double pass(const cpu_kernels *k, cpu_attn a, const struct kind *kind, const char *memory,
                   const cpu_par *par, bool checked)
{
    const size_t each = HEADS * a.Tk * WIDTH * (kind->type == OMN_F32 ? 4 : 2);
    a.k_type = a.v_type = kind->type;
    a.k_row_step = a.v_row_step = kind->heads ? WIDTH : HEADS * WIDTH;
    a.k_head = a.v_head = kind->heads ? a.Tk * WIDTH : WIDTH;
    a.k_batch = a.v_batch = HEADS * a.Tk * WIDTH;
    const double t = probe_process_seconds();
    for (size_t i = 0; i < LAYERS; i++) {
        a.k = memory + 2 * i * each;
        a.v = memory + (2 * i + 1) * each;
        k->attention(&a, par);
    }
    const double took = probe_process_seconds() - t;
    for (size_t h = 0; checked && h < HEADS; h += 5) check(&a, h);
    return took;
}

static void run(const cpu_kernels *k, size_t keys, const char *memory, bool table)
{
    void *block = aligned_alloc(64, (k->scratch + 63) / 64 * 64);
    const cpu_par par = { .take = take, .give = give, .scratch = block };
    float q[HEADS * WIDTH], o[HEADS * WIDTH];
    const cpu_attn a = { .B = 1, .B2 = 1, .Tq = 1, .Tk = keys, .H = HEADS, .G = HEADS, .K = WIDTH,
                         .Kv = WIDTH, .q = q, .q_type = OMN_F32, .o = o, .scale = 0.125f };
    double us[KINDS][ROUNDS], ratio[KINDS][ROUNDS], rate[ROUNDS];
    if (!block) exit(71);
    for (size_t i = 0; i < HEADS * WIDTH; i++)
        q[i] = (float)(i * 2654435761u >> 20 & 255) / 128 - 1;
    for (int r = 0; r < ROUNDS; r++)
        for (int i = 0; i < KINDS; i++) {
            const double bytes =
                2.0 * LAYERS * HEADS * (double)keys * WIDTH * (kinds[i].type == OMN_F32 ? 4 : 2);
            rate[r] = probe_read(memory, (size_t)bytes);
            const double took = pass(k, a, &kinds[i], memory, &par, r % 4 == 0);
            us[i][r] = took / LAYERS * 1e6;
            ratio[i][r] = bytes / took / rate[r];
        }
    const double read = probe_median(rate, ROUNDS) * 1e-9;
    for (int i = 0; i < KINDS; i++) {
        const double each = probe_median(us[i], ROUNDS), part = probe_median(ratio[i], ROUNDS);
        if (table)
            printf("%4zu keys  %-15s %8.1f us   read %5.1f GB/s   ratio %.2f (%.2f to %.2f)\n",
                   keys, kinds[i].name, each, read, part, ratio[i][0], ratio[i][ROUNDS - 1]);
        else printf("%.1f%s", each, i + 1 < KINDS ? " " : "\n");
    }
    free(block);
}

int main(int argc, char **argv)
{
    static const size_t usual[] = { 608, 1024 };
    const cpu_kernels *k = cpu_kernels_at(cpu_level_best());
    const size_t asked = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    const size_t most = asked ? asked : usual[1], bytes = 2 * LAYERS * HEADS * most * WIDTH * 4;
    if (argc > 1 && (asked < 1 || asked > 4096)) {
        fprintf(stderr, "bench/cache: 1 to 4096 keys are wanted, not \"%s\"\n", argv[1]);
        return 64;
    }
    char *memory = malloc(bytes);
    if (!memory) {
        fprintf(stderr, "bench/cache: %zu MB of memory are wanted\n", bytes / 1000000);
        return 71;
    }
    uint32_t r = 1;
    for (size_t i = 0; i < bytes; i += 2) { /* numbers of -1 to 1 as f32 and as bf16 */
        const uint16_t h = (uint16_t)(((r = r * 1664525 + 1013904223) >> 16 & 0x80ff) | 0x3e00);
        memcpy(memory + i, &h, 2);
    }
    if (!asked) printf("one query, %s, one thread, median of %d pairs\n", k->level, ROUNDS);
    for (size_t i = 0; i < (asked ? 1 : 2); i++) run(k, asked ? asked : usual[i], memory, !asked);
    free(memory);
    return 0;
}
