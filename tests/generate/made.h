/* SPDX-License-Identifier: Apache-2.0 */
/* A model of a few ids for searches: what comes next depends on all that came, and every answer can
 * be counted. Shared by the tests of searches. */
#ifndef OMNIO_TESTS_MADE_H
#define OMNIO_TESTS_MADE_H

#include "tests/testing.h"

#include "libcore/generate/decode.h"

#define MADE_ROWS 256
#define MADE_PLACES 32
#define MADE_IDS 24               /* most ids of a vocabulary */

typedef struct made_up {
    uint64_t seed;
    size_t V;
    size_t each;                  /* rows of one sentence, which have a seed of their own; 0: all */
    double spread;                /* logits lie in 0 .. spread; 0: 3 */
    int32_t rows[MADE_ROWS][MADE_PLACES];   /* what each row has been fed, by place */
    float logits[MADE_ROWS * MADE_IDS];
} made_up;

/* Logits [V] of sentence `of` behind n ids. */
void made_next(const made_up *m, size_t of, const int32_t *ids, int32_t n, float *x);
/* Their log-probabilities. */
void made_logprobs(const made_up *m, size_t of, const int32_t *ids, int32_t n, double *lp);
/* The functions of a search_model. */
omn_status made_logits(void *user, const int32_t *ids, size_t rows, size_t T, const int32_t *start,
                       const float **out, omn_error *err);
omn_status made_reorder(void *user, const int32_t *from, size_t rows, omn_error *err);
search_model made_model(made_up *m, int32_t stop);

/* Rules over bare ids, as they are followed. */
typedef struct machine {
    rules_program *p;
    spelling s;
    rules_walk *w;
} machine;
/* r, whose root is that, is freed. */
void machine_make(machine *m, const omn_vocab *v, omn_rules *r, const omn_rule *root);
void machine_end(machine *m);

#endif
