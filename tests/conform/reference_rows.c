/* SPDX-License-Identifier: Apache-2.0 */
/* Reference ops: rows by number, the rotary turn, attention. */
#include "reference.h"

#include <math.h>
#include <stdlib.h>

static omn_status check_id(const char *op, int32_t id, size_t i, size_t V, int32_t least,
                           omn_error *err)
{
    if (id >= least && (id < 0 || (size_t)id < V)) return OMN_OK;
    return omn_fail(err, OMN_ERR_ARGUMENT, "%s: id %d at place %zu is outside %d..%zu", op, id, i,
                    least, V - 1);
}

omn_status ref_embedding(const ref_args *a, omn_error *err)
{
    const size_t V = (size_t)a->in[0].shape.dim[0], D = a->in[0].n / V;
    for (size_t i = 0; i < a->in[1].n; i++) {
        const omn_status st = check_id("embedding", a->in[1].i[i], i, V, 0, err);
        if (st != OMN_OK) return st;
        for (size_t k = 0; k < D; k++)
            a->out[0].f[i * D + k] = a->in[0].f[(size_t)a->in[1].i[i] * D + k];
    }
    return OMN_OK;
}

omn_status ref_embedding_grad(const ref_args *a, omn_error *err)
{
    const size_t V = (size_t)a->out[0].shape.dim[0], D = a->out[0].n / V;
    for (size_t i = 0; i < a->out[0].n; i++) a->out[0].f[i] = 0;
    for (size_t i = 0; i < a->in[0].n; i++) {
        const omn_status st = check_id("embedding_grad", a->in[0].i[i], i, V, 0, err);
        if (st != OMN_OK) return st;
        for (size_t k = 0; k < D; k++)
            a->out[0].f[(size_t)a->in[0].i[i] * D + k] += a->in[1].f[i * D + k];
    }
    return OMN_OK;
}

omn_status ref_gather(const ref_args *a, omn_error *err)
{
    const size_t V = (size_t)(a->in[0].shape.dim[0] * a->in[0].shape.dim[1]), D = a->in[0].n / V;
    for (size_t i = 0; i < a->in[1].n; i++) {
        const int32_t id = a->in[1].i[i];
        const omn_status st = check_id("gather", id, i, V, -1, err);
        if (st != OMN_OK) return st;
        for (size_t k = 0; k < D; k++) {
            if (a->out[0].i)
                a->out[0].i[i * D + k] = id < 0 ? 0 : a->in[0].i[(size_t)id * D + k];
            else
                a->out[0].f[i * D + k] = id < 0 ? 0 : a->in[0].f[(size_t)id * D + k];
        }
    }
    return OMN_OK;
}

omn_status ref_gather_grad(const ref_args *a, omn_error *err)
{
    const size_t V = (size_t)(a->out[0].shape.dim[0] * a->out[0].shape.dim[1]), D = a->out[0].n / V;
    for (size_t i = 0; i < a->out[0].n; i++) a->out[0].f[i] = 0;
    for (size_t i = 0; i < a->in[0].n; i++) {
        const int32_t id = a->in[0].i[i];
        const omn_status st = check_id("gather_grad", id, i, V, -1, err);
        if (st != OMN_OK) return st;
        for (size_t k = 0; id >= 0 && k < D; k++)
            a->out[0].f[(size_t)id * D + k] += a->in[1].f[i * D + k];
    }
    return OMN_OK;
}

omn_status ref_rope(const ref_args *a, omn_error *err)
{
    const omn_rope_attrs *t = a->attrs;
    const int64_t *d = a->in[0].shape.dim;
    const size_t T = (size_t)d[1], H = (size_t)d[2], K = (size_t)d[3], rows = a->in[0].n / K;
    const size_t each = a->in[1].shape.dim[0] == 1 ? 0 : T * K;
    (void)err;
    for (size_t r = 0; r < rows; r++) {
        const double *row = a->in[1].f + r / (T * H) * each + r / H % T * K;
        for (size_t i = 0; i < K / 2; i++) {
            const bool half = t->rot == OMN_ROT_HALF;
            const size_t p = r * K + (half ? i : 2 * i), q = half ? p + K / 2 : p + 1;
            const double c = row[2 * i], s = t->inverse ? -row[2 * i + 1] : row[2 * i + 1];
            const double x = a->in[0].f[p], y = a->in[0].f[q];
            a->out[0].f[p] = x * c - y * s;
            a->out[0].f[q] = x * s + y * c;
        }
    }
    return OMN_OK;
}

omn_status ref_vector_quantise(const ref_args *a, omn_error *err)
{
    const size_t V = (size_t)a->in[1].shape.dim[0], D = ref_last(&a->in[1]);
    (void)err;
    for (size_t i = 0; i < a->out[0].n; i++) {
        double least = INFINITY;
        for (size_t v = 0; v < V; v++) {
            double s = 0;
            for (size_t k = 0; k < D; k++) {
                const double e = a->in[0].f[i * D + k] - a->in[1].f[v * D + k];
                s += e * e;
            }
            if (s >= least) continue;
            least = s;
            a->out[0].i[i] = (int32_t)v;
        }
    }
    return OMN_OK;
}

omn_status ref_argmax(const ref_args *a, omn_error *err)
{
    const size_t D = ref_last(&a->in[0]);
    (void)err;
    for (size_t i = 0; i < a->out[0].n; i++) {
        a->out[0].i[i] = 0;
        for (size_t k = 1; k < D; k++)
            if (a->in[0].f[i * D + k] > a->in[0].f[i * D + (size_t)a->out[0].i[i]])
                a->out[0].i[i] = (int32_t)k;
    }
    return OMN_OK;
}

/* ---- attention
 * ------------------------------------------------------------------------------------------ */

typedef struct heads {
    const omn_attention_attrs *t;
    size_t B, Tq, H, K, B2, Tk, G, Kv;
    size_t key, group; /* from one key, from one head to the next, in heads */
    const double *q, *k, *v;
    const int32_t *i[7]; /* in the order of the bits */
    const ref_tensor *extra;
    const double *slopes;
} heads;

static heads heads_of(const ref_args *a, uint32_t first)
{
    heads h = { .t = a->attrs };
    const int64_t *q = a->in[0].shape.dim, *k = a->in[1].shape.dim;
    h.B = (size_t)q[0], h.Tq = (size_t)q[1], h.H = (size_t)q[2], h.K = (size_t)q[3];
    h.B2 = (size_t)k[0], h.Tk = (size_t)k[1], h.G = (size_t)k[2], h.Kv = ref_last(&a->in[2]);
    h.key = h.G, h.group = 1;
    h.q = a->in[0].f, h.k = a->in[1].f, h.v = a->in[2].f;
    for (uint32_t b = 0; b < 7; b++)
        if (h.t->has >> b & 1) h.i[b] = a->in[first++].i;
    if (h.t->has & OMN_HAS_EXTRA) h.extra = &a->in[first++];
    if (h.t->has & OMN_HAS_SLOPES) h.slopes = a->in[first].f;
    return h;
}

static omn_status key_row(const heads *h, size_t b, size_t *row, omn_error *err)
{
    *row = b;
    if (!h->i[6]) return OMN_OK;
    *row = (size_t)h->i[6][b];
    return check_id("attention: k_row", h->i[6][b], b, h->B2, 0, err);
}

static bool sees(const heads *h, size_t b, size_t i, size_t row, size_t j)
{
    const int64_t start = h->i[4] ? h->i[4][b] : 0, at = start + (int64_t)i;
    const size_t qi = b * h->Tq + i, kj = row * h->Tk + j;
    if (h->i[5] && (int64_t)j >= h->i[5][b]) return false;
    if (h->t->causal && (int64_t)j > at) return false;
    if (h->t->window > 0 && (int64_t)j <= at - h->t->window) return false;
    if (h->i[0] &&
        (h->i[0][qi] == 0 || (h->i[1][kj] != h->i[0][qi] && h->i[1][kj] != OMN_SEG_SHARED)))
        return false;
    if (h->i[2] && h->i[2][qi] != h->i[3][kj]) return false;
    return true;
}

static size_t extra_at(const heads *h, size_t b, size_t n, size_t i, size_t j)
{
    const int64_t *d = h->extra->shape.dim;
    const size_t hb = d[0] == 1 ? 0 : b, hn = d[1] == 1 ? 0 : n;
    return ((hb * (size_t)d[1] + hn) * h->Tq + i) * h->Tk + j;
}

/* number of the head that query head n looks at in key j */
static size_t head_at(const heads *h, size_t row, size_t j, size_t n)
{
    return row * h->Tk * h->G + j * h->key + n / (h->H / h->G) * h->group;
}

/* Scores of one query, -INFINITY where it sees nothing. Returns the logarithm of the sum. */
static double scores(const heads *h, size_t b, size_t i, size_t n, size_t row, double *s)
{
    const double *q = h->q + ((b * h->Tq + i) * h->H + n) * h->K;
    const int64_t start = h->i[4] ? h->i[4][b] : 0;
    double most = -INFINITY, sum = 0;
    for (size_t j = 0; j < h->Tk; j++) {
        const double *k = h->k + head_at(h, row, j, n) * h->K;
        double dot = 0;
        s[j] = -INFINITY;
        if (!sees(h, b, i, row, j)) continue;
        for (size_t c = 0; c < h->K; c++) dot += q[c] * k[c];
        s[j] = h->t->scale * dot;
        if (h->extra) s[j] += h->extra->f[extra_at(h, b, n, i, j)];
        if (h->slopes) s[j] += h->slopes[n] * ((double)j - (double)(start + (int64_t)i));
        most = fmax(most, s[j]);
    }
    if (most == -INFINITY) return most;
    for (size_t j = 0; j < h->Tk; j++) sum += exp(s[j] - most);
    return most + log(sum);
}

static omn_status attend(const ref_args *a, const heads h, omn_error *err)
{
    double *s = malloc(h.Tk * sizeof(*s));
    omn_status st = s ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "reference: no memory");
    for (size_t b = 0; st == OMN_OK && b < h.B; b++) {
        size_t row;
        if ((st = key_row(&h, b, &row, err)) != OMN_OK) break;
        for (size_t i = 0; i < h.Tq; i++)
            for (size_t n = 0; n < h.H; n++) {
                const double lse = scores(&h, b, i, n, row, s);
                double *o = a->out[0].f + ((b * h.Tq + i) * h.H + n) * h.Kv;
                a->out[1].f[(b * h.H + n) * h.Tq + i] = lse;
                for (size_t c = 0; c < h.Kv; c++) o[c] = 0;
                for (size_t j = 0; j < h.Tk; j++) {
                    const double *v = h.v + head_at(&h, row, j, n) * h.Kv;
                    const double p = lse > -INFINITY      ? exp(s[j] - lse)
                                     : h.t->uniform_empty ? 1 / (double)h.Tk
                                                          : 0;
                    for (size_t c = 0; p > 0 && c < h.Kv; c++) o[c] += p * v[c];
                }
            }
    }
    free(s);
    return st;
}

omn_status ref_attention(const ref_args *a, omn_error *err)
{
    return attend(a, heads_of(a, 3), err);
}

/* The same where the keys of one head lie together. */
omn_status ref_attention_heads(const ref_args *a, omn_error *err)
{
    heads h = heads_of(a, 3);
    const size_t Tk = h.G;
    h.G = h.Tk;
    h.Tk = Tk;
    h.key = 1;
    h.group = Tk;
    return attend(a, h, err);
}

omn_status ref_attention_grad(const ref_args *a, omn_error *err)
{
    const heads h = heads_of(a, 6);
    double *s = malloc(h.Tk * sizeof(*s));
    omn_status st = s ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "reference: no memory");
    for (uint32_t k = 0; k < a->n_out; k++)
        for (size_t i = 0; i < a->out[k].n; i++) a->out[k].f[i] = 0;
    for (size_t b = 0; st == OMN_OK && b < h.B; b++) {
        size_t row;
        if ((st = key_row(&h, b, &row, err)) != OMN_OK) break;
        for (size_t i = 0; i < h.Tq; i++)
            for (size_t n = 0; n < h.H; n++) {
                const double lse = scores(&h, b, i, n, row, s);
                const size_t qi = (b * h.Tq + i) * h.H + n;
                const double *o = a->in[3].f + qi * h.Kv, *go = a->in[5].f + qi * h.Kv;
                double delta = 0;
                for (size_t c = 0; c < h.Kv; c++) delta += o[c] * go[c];
                for (size_t j = 0; j < h.Tk; j++) {
                    const size_t kj = (row * h.Tk + j) * h.G + n / (h.H / h.G);
                    const double p = lse > -INFINITY      ? exp(s[j] - lse)
                                     : h.t->uniform_empty ? 1 / (double)h.Tk
                                                          : 0;
                    double dot = 0;
                    for (size_t c = 0; c < h.Kv; c++) {
                        a->out[2].f[kj * h.Kv + c] += p * go[c];
                        dot += go[c] * h.v[kj * h.Kv + c];
                    }
                    if (lse == -INFINITY) continue;
                    const double gs = p * (dot - delta);
                    for (size_t c = 0; c < h.K; c++) {
                        a->out[0].f[qi * h.K + c] += h.t->scale * gs * h.k[kj * h.K + c];
                        a->out[1].f[kj * h.K + c] += h.t->scale * gs * h.q[qi * h.K + c];
                    }
                    if (h.t->want_extra) a->out[3].f[extra_at(&h, b, n, i, j)] += gs;
                }
            }
    }
    free(s);
    return st;
}
