/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How near linear by quantised weights comes to reading them, on one thread, beside bf16. Weights
 * are gone through in turn, 384 MiB of each form, and in every round each form is measured once at
 * each number of rows, next to eight streams that read memory (probe.h). Printed for each: the
 * share of that, of bytes of weights in a second (median of the rounds, least and greatest), and
 * bf16's time / its own. Products are compared with a float64 sum on some elements.
 *
 *   bench/blocks [ROUNDS [N K [f32]]]
 *                           7 rounds of 3072 x 3072; f32: nothing is rounded
 *   bench/blocks ask N K    for bench/blocks.py: for each line of standard input, the number of a
 *                           form (below; 5: reading as many bytes as bf16 has) and of rows, one of
 *                           microseconds
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe.h"

#include "plugins/compute/cpu/kernels.h"

#define REGION ((size_t)384 << 20)
enum { FORMS = 5, MOST_ROWS = 576, MOST_ROUNDS = 100, PATTERN = 64 };

static const omn_type forms[FORMS] = { OMN_BF16, OMN_Q8_0, OMN_Q6_K, OMN_Q4_K, OMN_Q4_0 };
static const size_t rows[] = { 1, 2, 4, 8, 16, MOST_ROWS };
enum { N_ROWS = sizeof rows / sizeof *rows };

/* one thread wants one block, so it can be the heap itself */
static void *lend(void *block) { return block; }
static void take_back(void *block, void *same)
{
    (void)block;
    (void)same;
}

typedef struct subject {
    const cpu_kernels *k;
    cpu_par par;
    cpu_linear l;
    void *work;
    char *weights[FORMS];
    size_t bytes[FORMS], next[FORMS];   /* of a matrix; the one to take next */
} subject;

static void run(subject *s, size_t form)
{
    s->l.w_type = forms[form];
    s->l.w = s->weights[form] + s->next[form] * s->bytes[form];
    s->next[form] = (s->next[form] + 1) % (REGION / s->bytes[form]);
    if (form) s->k->linear_blocks(&s->l, s->work, &s->par);
    else s->k->linear(&s->l, &s->par);
}

/* seconds of one call */
static double time_of(subject *s, size_t form, size_t M)
{
    size_t calls = 0;
    double spent = 0;
    s->l.M = M;
    const double t = probe_process_seconds();
    for (; spent < 0.02; calls++, spent = probe_process_seconds() - t) run(s, form);
    return spent / (double)calls;
}

static void check(subject *s, size_t form, size_t M)
{
    const cpu_linear *l = &s->l;
    float *w = malloc(l->K * sizeof *w);
    s->l.M = M;
    run(s, form);
    for (size_t i = 0; w && i < 64; i++) {
        const size_t m = i * 977 % M, n = i * 7919 % l->N;
        const float *x = (const float *)l->x + m * l->K;
        double want = 0, size = 0;
        if (!omn_to_f32(forms[form], (const char *)l->w + n * (s->bytes[form] / l->N), l->K, w))
            exit(EXIT_FAILURE);
        for (size_t k = 0; k < l->K; k++) {
            want += (double)x[k] * (double)w[k];
            size += (double)x[k] * (double)x[k] * (double)w[k] * (double)w[k];
        }
        if (fabs((double)l->out[m * l->N + n] - want) <= 0.03 * sqrt(size)) continue;
        fprintf(stderr, "%s, %zu rows: element %zu,%zu is %g, %g wanted\n",
                omn_type_get(forms[form])->name, M, m, n, (double)l->out[m * l->N + n], want);
        exit(EXIT_FAILURE);
    }
    free(w);
}

static bool make(subject *s, size_t N, size_t K)
{
    uint32_t r = 1;
    float *x = malloc(MOST_ROWS * K * sizeof *x), *w = malloc(PATTERN * K * sizeof *w);
    void *scratch = aligned_alloc(64, (s->k->scratch + 63) / 64 * 64);
    s->l = (cpu_linear){ .N = N, .K = K, .x = x, .alpha = 1, .x_type = OMN_F32, .bf16 = true };
    s->l.out = malloc(MOST_ROWS * N * sizeof *s->l.out);
    s->par = (cpu_par){ .take = lend, .give = take_back, .scratch = scratch };
    s->work = aligned_alloc(64, (cpu_blocks_work(MOST_ROWS, N, K, true) + 63) / 64 * 64);
    if (!x || !w || !scratch || !s->l.out || !s->work) return false;
    for (size_t i = 0; i < MOST_ROWS * K; i++)
        x[i] = (float)((r = r * 1664525 + 1013904223) >> 8) * 0x1p-23f - 1;
    for (size_t i = 0; i < PATTERN * K; i++)
        w[i] = (float)((r = r * 1664525 + 1013904223) >> 8) * 0x1p-23f - 1;
    for (size_t f = 0; f < FORMS; f++) {
        const omn_shape few = omn_dim2(PATTERN, (int64_t)K), all = omn_dim2((int64_t)N, (int64_t)K);
        size_t some;
        s->weights[f] = aligned_alloc(4096, REGION);
        if (!s->weights[f] || !omn_shape_bytes(&few, forms[f], &some) ||
            !omn_shape_bytes(&all, forms[f], &s->bytes[f]) || s->bytes[f] > REGION)
            return false;
        if (!f)
            for (size_t i = 0; i < PATTERN * K; i++) {
                const uint16_t h = omn_bf16_of(w[i]);
                memcpy(s->weights[f] + 2 * i, &h, 2);
            }
        else if (!omn_blocks_of_rows(forms[f], w, PATTERN, K, NULL, s->weights[f]))
            return false;
        for (size_t at = some; at < REGION; at += some)
            memcpy(s->weights[f] + at, s->weights[f], REGION - at < some ? REGION - at : some);
    }
    free(w);
    return true;
}

static void answer(subject *s)
{
    for (char line[64]; fgets(line, sizeof line, stdin);) {
        char *end;
        const size_t f = strtoul(line, &end, 10), M = strtoul(end, NULL, 10);
        double t = (double)s->bytes[0] / probe_read(s->weights[0], REGION);
        if (f < FORMS && M && M <= MOST_ROWS) t = time_of(s, f, M);
        printf("%.2f\n", t * 1e6);
        fflush(stdout);
    }
}

static void print(const char *what, size_t M, double rate, double *share, double *gain, size_t n)
{
    const double middle = probe_median(share, n);
    printf("%-6s %4zu rows %7.2f GB/s, of reading %.2f (%.2f to %.2f), bf16 / it ", what, M,
           rate * 1e-9, middle, share[0], share[n - 1]);
    const double twice = probe_median(gain, n);
    printf("%.2f (%.2f to %.2f)\n", twice, gain[0], gain[n - 1]);
}

static void table(subject *s, size_t rounds)
{
    static double share[FORMS][N_ROWS][MOST_ROUNDS], gain[FORMS][N_ROWS][MOST_ROUNDS];
    static double rate[FORMS][N_ROWS][MOST_ROUNDS];
    for (size_t i = 0; i < rounds; i++)
        for (size_t m = 0; m < N_ROWS; m++) {
            double bf16 = 0;
            for (size_t f = 0; f < FORMS; f++) {
                if (!i) check(s, f, rows[m]);
                const double read = probe_read(s->weights[0], REGION);
                const double t = time_of(s, f, rows[m]);
                if (!f) bf16 = t;
                rate[f][m][i] = (double)s->bytes[f] / t;
                share[f][m][i] = rate[f][m][i] / read;
                gain[f][m][i] = bf16 / t;
            }
        }
    for (size_t f = 0; f < FORMS; f++)
        for (size_t m = 0; m < N_ROWS; m++)
            print(omn_type_get(forms[f])->name, rows[m], probe_median(rate[f][m], rounds),
                  share[f][m], gain[f][m], rounds);
}

int main(int argc, char **argv)
{
    const bool ask = argc == 4 && !strcmp(argv[1], "ask");
    const size_t rounds = argc > 1 && !ask ? strtoul(argv[1], NULL, 10) : 7;
    const size_t N = argc > 3 ? strtoul(argv[2], NULL, 10) : 3072;
    const size_t K = argc > 3 ? strtoul(argv[3], NULL, 10) : 3072;
    subject s = { .k = cpu_kernels_at(cpu_level_best()) };
    if (!rounds || rounds > MOST_ROUNDS || !N || !K || K % 256 || N > 1 << 20 || K > 1 << 20) {
        fprintf(stderr, "bench/blocks [ROUNDS [N K [f32]]], K a multiple of 256\n");
        return EXIT_FAILURE;
    }
    if (!make(&s, N, K)) {
        fprintf(stderr, "this needs 2 GiB of memory, and matrices of at most 384 MiB\n");
        return EXIT_FAILURE;
    }
    s.l.bf16 = argc != 5;
    if (ask) {
        answer(&s);
        return EXIT_SUCCESS;
    }
    printf("kernels: %s, one thread, %zu rounds, %zu x %zu\n", s.k->level, rounds, N, K);
    table(&s, rounds);
    return EXIT_SUCCESS;
}
