/* SPDX-License-Identifier: Apache-2.0 */
/* The beginning of a search and its steps; ids by a range and by a trie of answers. */
#include "search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int32_t search_id(const omn_tensor *t, int64_t row, int64_t at)
{
    int32_t x;
    memcpy(&x, (const char *)t->data + (size_t)(row * t->shape.dim[1] + at) * sizeof x, sizeof x);
    return x;
}

static double setting(const json_t *g, const char *key, double deflt)
{
    const json_t *x = json_object_get(g, key);
    return json_is_number(x) ? json_number_value(x) : deflt;
}

static omn_status encode(search_how *h, omn_error *err)
{
    omn_tensor memory;
    const verify_ask a = { .phase = OMN_ENCODE };
    omn_status st = verify_ask_run(h->r, &a, err);
    if (st == OMN_OK) st = omn_exec_output(h->r->exec, h->r->graph, "memory", &memory, err);
    if (st != OMN_OK) return st;
    h->S = memory.shape.dim[0];
    h->length = memory.shape.dim[1];
    return OMN_OK;
}

omn_status search_begin(verify *v, golden_run *r, search_how *h, omn_error *err)
{
    omn_status st = OMN_OK;
    const verify_how how = { 0 };
    const json_t *g = json_object_get(v->g.config, "generation");
    const char *range = json_string_value(json_object_get(g, "constraint_range"));
    *h = (search_how){ .v = v, .r = r, .V = v->vocab, .K = (int64_t)setting(g, "beam_size", 1),
                       .most = (int64_t)setting(g, "max_len_b", 16),
                       .least = (int64_t)setting(g, "min_len", 1),
                       .no_repeat = (int64_t)setting(g, "no_repeat_ngram_size", 0),
                       .alpha = setting(g, "len_penalty", 1),
                       .temperature = setting(g, "temperature", 1),
                       .raw = json_is_false(json_object_get(g, "normalize_scores")),
                       .codes = golden_starts(v->g.kind, "codes_") };
    if (h->K < 1 || h->K > 16 || h->most < 1 || h->most > 64 || v->vocab < 8)
        return omn_fail(err, OMN_ERR_DATA, "%s: 1 to 16 beams and 1 to 64 ids are wanted",
                        v->g.name);
    if (range) {
        char *end = NULL;
        h->from = strtol(range, &end, 10);
        h->to = *end == ',' ? strtol(end + 1, NULL, 10) : 0;
    } else if (h->codes) {
        h->from = v->code_first;
        h->to = v->code_first + v->codes;
    }
    if (omn_weights_get(v->g.in, "in.trie_answers"))
        OMN_TRY(golden_input(&v->g, "in.trie_answers", OMN_I32, 2, &h->trie, err));
    if (omn_weights_get(v->g.in, "in.prefix_tokens"))
        OMN_TRY(golden_input(&v->g, "in.prefix_tokens", OMN_I32, 2, &h->prefix, err));
    OMN_TRY(verify_open(v, &how, r, err));
    OMN_TRY(encode(h, err));
    if (h->prefix && h->prefix->shape.dim[0] != h->S)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: beginnings of %lld sentences, there are %lld",
                         v->g.name, (long long)h->prefix->shape.dim[0], (long long)h->S));
done:
    return st;
}

omn_status search_step(const search_how *h, int64_t t, const int32_t *ids, omn_tensor *logits,
                       omn_error *err)
{
    const golden_step s = { .role = h->codes ? "image" : "text", .rows = h->S * h->K, .length = 1,
                            .capacity = h->most + 2, .memory_rows = h->S,
                            .memory_length = h->length, .ids = ids, .start = (int32_t)t };
    return golden_step_run(h->r, &s, logits, err);
}

/* ---- which ids ------------------------------------------------------------------------------- */

int64_t search_front(const search_how *h, int64_t sentence)
{
    int64_t n = 0;
    while (h->prefix && n < h->prefix->shape.dim[1] &&
           search_id(h->prefix, sentence, n) != OFA_PAD)
        n++;
    return n;
}

bool search_may(const search_how *h, const int32_t *answer, int64_t n, int32_t id)
{
    bool known = false, may = false;
    for (int64_t i = 0; i < h->trie->shape.dim[0] && !may; i++) {
        bool same = n < h->trie->shape.dim[1];
        for (int64_t k = 0; same && k < n; k++) same = search_id(h->trie, i, k) == answer[k];
        known |= same;
        may = same && search_id(h->trie, i, n) == id;
    }
    return may || (!known && id == OFA_STOP);
}

void search_among(const search_how *h, int64_t sentence, const int32_t *row, int64_t t,
                  const float *x, double *lp)
{
    const int64_t front = search_front(h, sentence);
    double top = -INFINITY, sum = 0;
    for (int64_t v = 0; v < h->V; v++) {
        const bool out = (h->to && v >= OFA_MARKS && (v < h->from || v >= h->to)) ||
                         (h->trie && t >= front &&
                          !search_may(h, row + 1 + front, t - front, (int32_t)v));
        lp[v] = out ? -INFINITY : (double)x[v] / h->temperature;
        top = fmax(top, lp[v]);
    }
    for (int64_t v = 0; v < h->V; v++) sum += exp(lp[v] - top);
    for (int64_t v = 0; v < h->V; v++) lp[v] -= top + log(sum);
}
