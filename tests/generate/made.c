/* SPDX-License-Identifier: Apache-2.0 */
/* The made-up model of the tests of searches. */
#include "tests/generate/made.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void made_next(const made_up *m, size_t of, const int32_t *ids, int32_t n, float *x)
{
    uint64_t h = m->seed + of;
    const double spread = m->spread > 0 ? m->spread : 3.0;
    for (int32_t i = 0; i < n; i++) h = omn_random_at(h, 7, (uint64_t)ids[i]);
    for (uint64_t v = 0; v < m->V; v++)
        x[v] = (float)(omn_random_at(h, 1, v) >> 40) * (float)(spread / (1 << 24));
}

void made_logprobs(const made_up *m, size_t of, const int32_t *ids, int32_t n, double *lp)
{
    float x[MADE_IDS];
    double top = -INFINITY, sum = 0;
    made_next(m, of, ids, n, x);
    for (size_t v = 0; v < m->V; v++) top = fmax(top, (double)x[v]);
    for (size_t v = 0; v < m->V; v++) sum += exp((double)x[v] - top);
    for (size_t v = 0; v < m->V; v++) lp[v] = (double)x[v] - top - log(sum);
}

omn_status made_logits(void *user, const int32_t *ids, size_t rows, size_t T, const int32_t *start,
                       const float **out, omn_error *err)
{
    made_up *m = user;
    (void)err;
    ck_assert_uint_le(rows, MADE_ROWS);
    ck_assert_uint_le(rows * T, MADE_ROWS);
    for (size_t i = 0; i < rows; i++)
        for (size_t t = 0; t < T; t++) {
            const size_t at = (size_t)start[i] + t;
            ck_assert_uint_lt(at, MADE_PLACES);
            m->rows[i][at] = ids[i * T + t];
            made_next(m, m->each ? i / m->each : 0, m->rows[i] + 1, (int32_t)at,
                      m->logits + (i * T + t) * m->V);
        }
    *out = m->logits;
    return OMN_OK;
}

omn_status made_reorder(void *user, const int32_t *from, size_t rows, omn_error *err)
{
    made_up *m = user;
    int32_t copy[MADE_ROWS][MADE_PLACES];
    (void)err;
    memcpy(copy, m->rows, sizeof copy);
    for (size_t i = 0; i < rows; i++) memcpy(m->rows[i], copy[from[i]], sizeof *copy);
    return OMN_OK;
}

search_model made_model(made_up *m, int32_t stop)
{
    ck_assert_uint_le(m->V, MADE_IDS);
    return (search_model){ .user = m, .logits = made_logits, .reorder = made_reorder, .V = m->V,
                           .stop = stop, .name = "made up" };
}

void machine_make(machine *m, const omn_vocab *v, omn_rules *r, const omn_rule *root)
{
    omn_error err = OMN_ERROR_INIT;
    const size_t V = (size_t)v->rows;
    *m = (machine){ .s = { .rows = v->rows, .words = (V + 63) / 64 } };
    m->s.sayable = calloc(m->s.words, sizeof *m->s.sayable);
    m->s.plain = calloc(m->s.words, sizeof *m->s.plain);
    omn_rules_root(r, root);
    ck_assert_msg(rules_compile(r, &m->p, &err) == OMN_OK, "%s", err.text);
    rules_free(r);
    ck_assert_msg(rules_walk_new(m->p, &m->s, v->rows, &m->w, &err) == OMN_OK, "%s", err.text);
}

void machine_end(machine *m)
{
    rules_walk_free(m->w);
    rules_program_free(m->p);
    free(m->s.sayable);
    free(m->s.plain);
}
