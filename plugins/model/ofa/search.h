/* SPDX-License-Identifier: Apache-2.0 */
/* What the searches of golden files share: which ids may come, and steps over the caches. */
#ifndef OFA_SEARCH_H
#define OFA_SEARCH_H

#include "verify.h"

enum { OFA_START = 0, OFA_PAD = 1, OFA_STOP = 2, OFA_MARKS = 4 };

/* How a case searches, from its configuration ("generation") and inputs. */
typedef struct search_how {
    verify *v;
    golden_run *r;
    int64_t S, K, V;                      /* sentences, beams, ids */
    int64_t most, least, no_repeat;       /* ids in front of the end; of n ids none twice */
    double alpha, temperature;
    bool raw;                             /* scores are not divided by the length */
    bool codes;
    int64_t from, to;                     /* ids of a range; to 0: all */
    const omn_tensor *trie, *prefix;      /* i32 [n,L], [S,P]; NULL: none */
    int64_t length;                       /* places of the memory */
} search_how;

omn_status search_begin(verify *v, golden_run *r, search_how *h, omn_error *err);
/* One step of all rows [S*K] behind `t` others; logits [S*K,1,V]. */
omn_status search_step(const search_how *h, int64_t t, const int32_t *ids, omn_tensor *logits,
                       omn_error *err);
/* Number (row, at) of a tensor i32 of two axes. */
int32_t search_id(const omn_tensor *t, int64_t row, int64_t at);
/* How many ids stand in front of the answer of a sentence. */
int64_t search_front(const search_how *h, int64_t sentence);
/* May `id` stand behind n ids of an answer of the trie? What is no beginning of an answer may end
 * alone. */
bool search_may(const search_how *h, const int32_t *answer, int64_t n, int32_t id);
/* log-probabilities of x [V] among what a range, or the trie behind the ids `row` (start token
 * first, t of them behind it), allows. */
void search_among(const search_how *h, int64_t sentence, const int32_t *row, int64_t t,
                  const float *x, double *lp);

#endif
