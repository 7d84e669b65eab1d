/* SPDX-License-Identifier: Apache-2.0 */
/* Unigram segmentation (Kudo 2018): of all ways to cut the text into pieces, the one with the
 * largest sum of scores, found by Viterbi from left to right; at each character the trie gives
 * every piece that begins there. A character that is no piece by itself may always be taken as
 * unknown at a price below every score. Sums are kept as float and compared as double, and a tie
 * keeps the earlier candidate: exactly as the reference does, since texts of many words come close
 * enough for rounding to decide. */
#include "sentencepiece.h"

#include <stdlib.h>

#include "utf8.h"

#define UNKNOWN_PRICE 10.0f

/* The best way to reach one place in the text. */
typedef struct step {
    int32_t id; /* of the last piece, -1: unknown */
    float score;
    int32_t from; /* where the last piece begins, -1: not reached yet */
} step;

static void offer(step *at, int32_t id, double score, size_t from)
{
    if (at->from >= 0 && score <= (double)at->score) return;
    at->id = id;
    at->score = (float)score;
    at->from = (int32_t)from;
}

static void begin_at(const sp_model *m, const char *s, size_t n, size_t from, size_t width,
                     step *best)
{
    const float so_far = best[from].score;
    bool alone = false;
    uint32_t node = m->searched.node != NULL ? 0 : TRIE_NONE;
    for (size_t i = from; i < n && node != TRIE_NONE;) {
        node = trie_step(&m->searched, node, (uint8_t)s[i++]);
        if (node == TRIE_NONE) break;
        const int32_t id = m->searched.node[node].value;
        if (id < 0 || m->pieces[id].type == SP_UNUSED) continue;
        const size_t length = i - from;
        const double score = m->pieces[id].type == SP_USER
                                 ? (double)((float)length * m->highest) - 0.1
                                 : (double)m->pieces[id].score;
        offer(&best[i], id, score + (double)so_far, from);
        if (length == width) alone = true;
    }
    if (!alone) offer(&best[from + width], -1, (double)(m->lowest - UNKNOWN_PRICE + so_far), from);
}

omn_status sp_encode_unigram(const sp_model *m, const char *s, size_t n, sp_ids *out,
                             omn_error *err)
{
    omn_status st = OMN_OK;
    bool in_unknown = false;
    step *best = n < INT32_MAX ? calloc(n + 1, sizeof *best) : NULL;
    if (best == NULL)
        return omn_fail(err, OMN_ERR_MEMORY, "no memory to cut a text of %zu bytes", n);
    for (size_t i = 1; i <= n; i++) best[i].from = -1;
    for (size_t at = 0; at < n;) {
        const size_t most = n - at, wide = utf8_length(s[at]), width = wide < most ? wide : most;
        begin_at(m, s, n, at, width, best);
        at += width;
    }
    /* Turn the chain round: `from` of a place on the best path now says where its piece ends. */
    size_t at = n, end = n;
    while (at > 0) {
        const size_t from = (size_t)best[at].from;
        best[at].from = (int32_t)end;
        end = at;
        at = from;
    }
    for (at = 0; at < n && st == OMN_OK;) {
        const size_t next = end;
        st = sp_emit(m, best[next].id, s + at, next - at, &in_unknown, out, err);
        at = next;
        end = (size_t)best[next].from;
    }
    free(best);
    return st;
}
