/* SPDX-License-Identifier: Apache-2.0 */
/* Attention and its surroundings in double precision; gradients by central differences. */
#include "tests/nn/contract.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void contract_linear(const double *x, int k, const double *w, const double *b, int n, bool in_out,
                     double *y)
{
    for (int o = 0; o < n; o++) {
        y[o] = b ? b[o] : 0;
        for (int i = 0; i < k; i++) y[o] += x[i] * (in_out ? w[i * n + o] : w[o * k + i]);
    }
}

void contract_rms(double *x, int n, const double *w, double eps)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += x[i] * x[i];
    for (int i = 0; i < n; i++) x[i] = x[i] / sqrt(sum / n + eps) * (w ? w[i] : 1);
}

void contract_layer(double *x, int n, const double *w, const double *b, double eps)
{
    double mean = 0, sum = 0;
    for (int i = 0; i < n; i++) mean += x[i] / n;
    for (int i = 0; i < n; i++) sum += (x[i] - mean) * (x[i] - mean);
    for (int i = 0; i < n; i++)
        x[i] = (x[i] - mean) / sqrt(sum / n + eps) * (w ? w[i] : 1) + (b ? b[i] : 0);
}

double contract_gelu(double x)
{
    return 0.5 * x * (1 + erf(x / sqrt(2)));
}

double contract_gelu_tanh(double x)
{
    return 0.5 * x * (1 + tanh(sqrt(2 / acos(-1.0)) * (x + 0.044715 * x * x * x)));
}

static void rotate(double *x, int K, const double *row, omn_rot how)
{
    for (int i = 0; i < K / 2; i++) {
        const int a = how == OMN_ROT_HALF ? i : 2 * i,
                  b = how == OMN_ROT_HALF ? i + K / 2 : 2 * i + 1;
        const double c = row[2 * i], s = row[2 * i + 1], xa = x[a], xb = x[b];
        x[a] = xa * c - xb * s;
        x[b] = xb * c + xa * s;
    }
}

/* One row of queries or keys: [heads*K]. */
static void project(const contract *c, const double *x, int in, const double *add, const double *w,
                    const double *b, int heads, const double *norm, const double *norm_b,
                    const double *rot, double *out)
{
    double sum[64];
    for (int i = 0; i < in; i++) sum[i] = x[i] + (add ? add[i] : 0);
    contract_linear(sum, in, w, b, heads * c->K, c->in_out, out);
    if (c->qk == OMN_QK_LN_FULL) contract_layer(out, heads * c->K, norm, norm_b, c->qk_eps);
    for (int h = 0; h < heads; h++) {
        double *head = out + h * c->K, length = 0;
        if (c->qk == OMN_QK_RMS_HEAD) contract_rms(head, c->K, norm, c->qk_eps);
        if (c->qk == OMN_QK_LN_HEAD) contract_layer(head, c->K, norm, norm_b, c->qk_eps);
        if (c->qk == OMN_QK_COSINE) {
            for (int i = 0; i < c->K; i++) length += head[i] * head[i];
            for (int i = 0; i < c->K; i++) head[i] /= fmax(sqrt(length), 1e-12);
        }
        if (rot) rotate(head, c->K, rot, c->rot);
    }
}

static bool sees(const contract *c, int b, int r, int i, int j)
{
    const int at = (c->q_start ? c->q_start[b] : 0) + i;
    if (c->causal && j > at) return false;
    if (c->window && j <= at - c->window) return false;
    if (c->k_count && j >= c->k_count[b]) return false;
    if (c->q_seg) {
        const int32_t q = c->q_seg[b * c->Tq + i], k = c->k_seg[r * c->Tk + j];
        if (q == 0 || (k != q && k != -1)) return false;
    }
    if (c->q_part && c->q_part[b * c->Tq + i] != c->k_part[r * c->Tk + j]) return false;
    return true;
}

static double extra_at(const contract *c, const double *x, int b, int h, int i, int j)
{
    if (!x) return 0;
    b = c->bias_rows == 1 ? 0 : b;
    h = c->bias_heads == 1 ? 0 : h;
    return x[((b * c->bias_heads + h) * c->Tq + i) * c->Tk + j];
}

/* One head of one query: values weighted into o [K]. */
static void attend(const contract *c, int b, int r, int h, int i, const double *q, const double *k,
                   const double *v, double *o)
{
    double s[64], top = -INFINITY, sum = 0;
    const int g = h / (c->H / c->G);
    int seen = 0;
    for (int j = 0; j < c->Tk; j++) {
        double dot = 0;
        for (int d = 0; d < c->K; d++) dot += q[h * c->K + d] * k[(j * c->G + g) * c->K + d];
        if (c->qk == OMN_QK_COSINE)
            dot *= exp(fmin(c->logit_scale[h], log(100)));
        else
            dot *= c->scale ? c->scale : 1 / sqrt(c->K);
        dot += extra_at(c, c->bias, b, h, i, j) + extra_at(c, c->extra, b, h, i, j);
        if (c->slopes) dot += c->slopes[h] * (j - (c->q_start ? c->q_start[b] : 0) - i);
        s[j] = sees(c, b, r, i, j) ? dot : -INFINITY;
        seen += s[j] > -INFINITY;
        top = fmax(top, s[j]);
    }
    for (int j = 0; j < c->Tk; j++) {
        s[j] = seen ? exp(s[j] - top) : c->uniform_empty;
        sum += s[j];
    }
    for (int d = 0; d < c->K; d++) {
        o[d] = 0;
        for (int j = 0; j < c->Tk && sum > 0; j++)
            o[d] += s[j] / sum * v[(j * c->G + g) * c->K + d];
        if (c->head_scale) o[d] *= c->head_scale[h];
    }
}

void contract_attention(const contract *c, double *out)
{
    const int J = c->H * c->K, M = c->G * c->K, rots = c->Tk * c->K;
    double k[1024], v[1024], q[64], o[64];
    for (int b = 0; b < c->B; b++) {
        const int r = c->k_row ? c->k_row[b] : b;
        for (int j = 0; j < c->Tk; j++) {
            const double *y = c->y + (r * c->Tk + j) * c->E;
            (void)rots;
            project(c, y, c->E, c->k_add ? c->k_add + (r * c->Tk + j) * c->E : NULL, c->wk, c->bk,
                    c->G, c->k_norm, c->k_norm_b, c->rot_k ? c->rot_k + j * c->K : NULL, k + j * M);
            contract_linear(y, c->E, c->wv, c->bv, M, c->in_out, v + j * M);
        }
        for (int i = 0; i < c->Tq; i++) {
            const int at = b * c->Tq + i;
            project(c, c->x + at * c->D, c->D, c->q_add ? c->q_add + at * c->D : NULL, c->wq, c->bq,
                    c->H, c->q_norm, c->q_norm_b, c->rot_q ? c->rot_q + i * c->K : NULL, q);
            for (int h = 0; h < c->H; h++) attend(c, b, r, h, i, q, k, v, o + h * c->K);
            if (c->inner_w) contract_layer(o, J, c->inner_w, c->inner_b, c->inner_eps);
            if (!c->wo)
                memcpy(out + at * J, o, (size_t)J * sizeof *o);
            else
                contract_linear(o, J, c->wo, c->bo, c->D, c->in_out, out + at * c->D);
            for (int d = 0; d < (c->wo ? c->D : J); d++)
                if (c->gate) out[at * (c->wo ? c->D : J) + d] *= tanh(c->gate[0]);
        }
    }
}

/* ---- weights, differences ------------------------------------------------------------------- */

omn_node *contract_w(omn_scope *s, const char *name, omn_shape shape)
{
    return omn_weight(s, name, shape, OMN_INIT_NORMAL, 0.7);
}

const double *contract_weight(rig *r, const char *name)
{
    const long at = omn_store_find(r->store, name);
    size_t n = 0;
    ck_assert_msg(at >= 0, "no weight %s", name);
    const omn_tensor t = omn_store_tensor(r->store, (size_t)at);
    const float *data = omn_store_data(r->store, (size_t)at);
    ck_assert(omn_shape_count(&t.shape, &n));
    double *copy = testing_memory(n * sizeof *copy);
    for (size_t i = 0; i < n; i++) copy[i] = (double)data[i];
    return copy;
}

typedef struct inner {
    omn_build_fn *fn;
    void *user;
} inner;

/* y, and a weighted sum of it, so that no symmetry hides a mistake. */
static void build(void *user, omn_scope *s, omn_bundle *out)
{
    const inner *in = user;
    static float weights[4096];
    size_t n = 0;
    in->fn(in->user, s, out);
    omn_node *y = omn_bundle_find(out, "y");
    if (!y) return;
    const omn_shape shape = omn_node_shape(y);
    ck_assert(omn_shape_count(&shape, &n) && n <= 4096);
    for (size_t i = 0; i < n; i++) weights[i] = rig_number(77, i);
    y = omn_mul(s, y, omn_const(s, OMN_F32, shape, weights));
    omn_bundle_put(out, s, "loss", omn_sum(s, y, (1u << shape.rank) - 1, false, false));
}

static double loss(rig *r, omn_graph *g)
{
    rig_run(r, g);
    return reference_exact(rig_output(r, g, "loss", NULL), 0);
}

/* The device keeps doubles, so the loss is exact; a step of 2^-13 leaves an error of some 2.5e-9
 * f'''. */
static size_t differences(const char *what, rig *r, omn_graph *g)
{
    size_t checked = 0;
    for (size_t k = 0; k < omn_store_count(r->store); k++) {
        char name[128];
        size_t n = 0;
        float *data = omn_store_data(r->store, k);
        snprintf(name, sizeof name, "grad:%s", omn_store_name(r->store, k));
        rig_run(r, g);
        const float *found = rig_output(r, g, name, &n);
        double *grad = malloc(n * sizeof *grad);
        for (size_t i = 0; i < n; i++) grad[i] = reference_exact(found, i);
        for (size_t i = 0; i<n; i += n> 40 ? 3 : 1) {
            const float old = data[i], up = old + 0x1p-13f, down = old - 0x1p-13f;
            data[i] = up;
            const double high = loss(r, g);
            data[i] = down;
            const double low = loss(r, g);
            data[i] = old;
            const double want = (high - low) / ((double)up - (double)down);
            ck_assert_msg(fabs(want - grad[i]) <= 4e-6 * fmax(1, fabs(want)),
                          "%s: %s[%zu]: %.9g, by differences %.9g", what, name, i, grad[i], want);
            checked++;
        }
        free(grad);
    }
    return checked;
}

void contract_check(const char *what, rig *r, omn_build_fn *fn, void *user,
                    void (*want)(rig *r, void *user, double *out))
{
    inner in = { fn, user };
    omn_graph *g = rig_gradient(r, what, build, &in);
    size_t n = 0;
    double *expected = calloc(4096, sizeof *expected);
    rig_run(r, g);
    want(r, user, expected);
    const float *y = rig_output(r, g, "y", &n);
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(
            fabs(reference_exact(y, i) - expected[i]) <= 1e-9 * fmax(1, fabs(expected[i])),
            "%s: y[%zu] is %.12g, %.12g is wanted", what, i, reference_exact(y, i), expected[i]);
    ck_assert_uint_gt(differences(what, r, g), 0);
    free(expected);
}
