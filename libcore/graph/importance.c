/* SPDX-License-Identifier: Apache-2.0 */
/* How much each column of a matrix matters: the mean square of what it is multiplied by, over the
 * graphs that a program runs. An error in a weight moves an output by that error times the input of
 * its column, so that the squared error of the outputs is that of the weights with these weights
 * (the diagonal of Hessian-based rounding, Frantar et al. 2022; llama.cpp's importance matrix). */
#include "exec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ELEMENTS = 4096 };

typedef struct column_sums {
    char *name;
    size_t K;
    double *sum; /* of squares */
    float *mean; /* made when it is asked for */
    uint64_t rows;
} column_sums;

struct omn_importance {
    pthread_mutex_t lock;
    column_sums *of;
    size_t n, room;
    names by_name;
    omn_arena *arena; /* the names and sums */
};

omn_status omn_importance_new(omn_importance **out, omn_error *err)
{
    omn_importance *m = calloc(1, sizeof *m);
    *out = NULL;
    if (m && pthread_mutex_init(&m->lock, NULL)) {
        free(m);
        return omn_fail(err, OMN_ERR_MEMORY, "a lock could not be made");
    }
    if (m) m->arena = omn_arena_new(0);
    if (m && m->arena) {
        *out = m;
        return OMN_OK;
    }
    omn_importance_free(m);
    return omn_fail(err, OMN_ERR_MEMORY, "not enough memory for sums of columns");
}

void omn_importance_free(omn_importance *m)
{
    if (!m) return;
    names_fini(&m->by_name);
    free(m->of);
    omn_arena_free(m->arena);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

size_t omn_importance_count(const omn_importance *m)
{
    return m->n;
}

/* The sums of this matrix, fresh ones when there are none; NULL: no memory. */
static column_sums *sums_of(omn_importance *m, const char *name, size_t K)
{
    const long at = names_get(&m->by_name, name);
    if (at >= 0) return &m->of[at];
    if (m->n == m->room) {
        const size_t room = m->room ? 2 * m->room : 64;
        column_sums *more = reallocarray(m->of, room, sizeof *more);
        if (!more) return NULL;
        m->of = more;
        m->room = room;
    }
    column_sums *c = &m->of[m->n];
    *c = (column_sums){ .name = omn_arena_strdup(m->arena, name), .K = K,
                        .sum = omn_arena_alloc(m->arena, K, sizeof *c->sum),
                        .mean = omn_arena_alloc(m->arena, K, sizeof *c->mean) };
    if (!c->name || !c->sum || !c->mean || !names_put(&m->by_name, c->name, (uint32_t)m->n))
        return NULL;
    memset(c->sum, 0, K * sizeof *c->sum);
    m->n++;
    return c;
}

static omn_status add_rows(omn_importance *m, const char *name, omn_type type, const void *rows,
                           size_t n, size_t K, omn_error *err)
{
    float x[ELEMENTS];
    const size_t each = omn_type_get(type)->bytes;
    omn_status st = OMN_OK;
    pthread_mutex_lock(&m->lock);
    column_sums *c = sums_of(m, name, K);
    if (!c) st = omn_fail(err, OMN_ERR_MEMORY, "not enough memory for sums of columns");
    for (size_t at = 0, some; c && c->K == K && at < n * K; at += some) {
        some = n * K - at < ELEMENTS ? n * K - at : ELEMENTS;
        if (!omn_to_f32(type, (const char *)rows + at * each, some, x)) break;
        for (size_t i = 0; i < some; i++)
            if (isfinite(x[i])) c->sum[(at + i) % K] += (double)x[i] * (double)x[i];
    }
    if (c) c->rows += n;
    pthread_mutex_unlock(&m->lock);
    return st;
}

const float *omn_importance_get(omn_importance *m, const char *name, size_t K)
{
    pthread_mutex_lock(&m->lock);
    const long at = names_get(&m->by_name, name);
    column_sums *c = at >= 0 && m->of[at].K == K && m->of[at].rows ? &m->of[at] : NULL;
    for (size_t i = 0; c && i < K; i++) c->mean[i] = (float)(c->sum[i] / (double)c->rows);
    pthread_mutex_unlock(&m->lock);
    return c ? c->mean : NULL;
}

void omn_program_watch(omn_program *p, omn_importance *to)
{
    p->importance = to;
}

/* ---- while a graph runs --------------------------------------------------------------------- */

bool importance_wants(const omn_program *p, const step *st)
{
    return p->importance && st->op == OP_linear && st->n_in >= 2 &&
           !((const omn_linear_attrs *)st->attrs)->in_out &&
           node_root(st->in[1])->kind == NODE_WEIGHT;
}

omn_status importance_take(omn_exec *x, const prepared *r, const step *st, omn_error *err)
{
    const omn_compute_impl *main = x->p->main.compute;
    const omn_node *in = node_root(st->in[0]);
    const size_t K = (size_t)omn_node_dim(st->in[0], -1);
    const uint64_t bytes = node_bytes(st->in[0]);
    void *host = NULL;
    omn_buffer *b = r->buffers[in->view.slot];
    if (K == 0 || bytes == 0) return OMN_OK;
    omn_status done = main->wait(x->queue, err); /* what it reads was written */
    if (done != OMN_OK) return done;
    done = main->map(x->queue, b, in->view.offset, bytes, OMN_READ, &host, err);
    if (done != OMN_OK) return done;
    done = add_rows(x->p->importance, node_root(st->in[1])->name, st->in[0]->type, host,
                    (size_t)(node_count(st->in[0]) / K), K, err);
    const omn_status closed = main->unmap(x->queue, b, host, err);
    return done == OMN_OK ? closed : done;
}
