/* SPDX-License-Identifier: Apache-2.0 */
/* Stages from what a graph gave: outputs by the names that golden files have for them, both experts
 * joined where a file has them as one, and the softmax of the first layer, which no graph holds. */
#include "verify.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Two outputs, one behind the other along axis 1, rows of the second as of the first; either may be
 * missing. */
static omn_status put_joined(golden_run *r, const char *stage, const char *first,
                             const char *second, omn_error *err)
{
    omn_tensor t[2];
    void *data = NULL;
    const bool a = golden_output(r, first, &t[0]), b = golden_output(r, second, &t[1]);
    if (!a && !b) return OMN_OK;
    if (!a || !b) return omn_feed_copy(r->made, stage, a ? &t[0] : &t[1], err);
    const int64_t D = t[0].shape.dim[2], n = t[0].shape.dim[1], L = t[1].shape.dim[1];
    const int64_t B = t[0].shape.dim[0];
    const omn_status st =
        omn_feed_new(r->made, stage, OMN_F32, omn_dim3(B, n + L, D), &data, err);
    for (int64_t i = 0; st == OMN_OK && i < B; i++) {
        float *to = (float *)data + i * (n + L) * D;
        memcpy(to, (const float *)t[0].data + i * n * D, (size_t)(n * D) * sizeof *to);
        memcpy(to + n * D, (const float *)t[1].data + i * L * D, (size_t)(L * D) * sizeof *to);
    }
    return st;
}

/* An output with all but its last axis as one. */
static omn_status put_flat(golden_run *r, const char *stage, const char *output, omn_error *err)
{
    omn_tensor t;
    if (!golden_output(r, output, &t)) return OMN_OK;
    t.shape = omn_dim2(t.shape.dim[0] * t.shape.dim[1], t.shape.dim[2]);
    return omn_feed_copy(r->made, stage, &t, err);
}

/* ---- the softmax of layer 0 ------------------------------------------------------------------ */

/* Does place k hide from place q of row b? n: places of the picture. */
static bool hidden(const golden_run *r, int64_t b, int64_t q, int64_t k, int64_t n, bool prefix)
{
    const omn_tensor *seg = omn_feed_get(r->feed, "target.text.seg");
    if (!seg) seg = omn_feed_get(r->feed, "text.seg");
    if (prefix && k >= n && (q < n || k > q)) return true;
    return k >= n && seg && !((const int32_t *)seg->data)[b * seg->shape.dim[1] + k - n];
}

static void soften(float *x, int64_t n)
{
    double top = -HUGE_VAL, sum = 0;
    for (int64_t i = 0; i < n; i++) top = fmax(top, (double)x[i]);
    for (int64_t i = 0; i < n; i++) sum += exp((double)x[i] - top);
    for (int64_t i = 0; i < n; i++) x[i] = (float)(exp((double)x[i] - top) / sum);
}

static omn_status put_softmax(golden_run *r, const char *stage, omn_error *err)
{
    omn_tensor q, k, v;
    void *data = NULL;
    const bool prefix = !strncmp(r->g->kind, "captioning", 10);
    const char *at = "beit3.encoder.layers.0.self_attn.";
    char name[3][64];
    for (int i = 0; i < 3; i++) omn_format(name[i], sizeof name[i], "%s%c", at, "qkv"[i]);
    if (!golden_output(r, name[0], &q) || !golden_output(r, name[1], &k) ||
        !golden_output(r, "vision_embed", &v)) return OMN_OK;
    const int64_t B = q.shape.dim[0], T = q.shape.dim[1], D = q.shape.dim[2], H = beit3_of(r)->H;
    const int64_t K = D / H, n = v.shape.dim[1];
    const omn_status st = omn_feed_new(r->made, stage, OMN_F32, omn_dim4(B, H, T, T), &data, err);
    float *row = data;
    for (int64_t i = 0; st == OMN_OK && i < B * H * T; i++, row += T) {
        const int64_t b = i / (H * T), h = i / T % H, t = i % T;
        const float *x = (const float *)q.data + (b * T + t) * D + h * K;
        for (int64_t j = 0; j < T; j++) {
            const float *y = (const float *)k.data + (b * T + j) * D + h * K;
            double sum = 0;
            for (int64_t d = 0; d < K; d++) sum += (double)x[d] * (double)y[d];
            row[j] = hidden(r, b, t, j, n, prefix) ? -HUGE_VALF : (float)(sum / sqrt((double)K));
        }
        soften(row, T);
    }
    return st;
}

/* ---- all stages of a run --------------------------------------------------------------------- */

/* A stage inside layer 0, "q". */
static omn_status put_inside(golden_run *r, const char *stage, const char *what, omn_error *err)
{
    static const char *const joined[] = { "attn_norm", "q", "k", "v", "heads", "attention" };
    char name[128], other[128];
    const char *at = "beit3.encoder.layers.0.";
    if (!strcmp(what, "probs")) return put_softmax(r, stage, err);
    for (size_t i = 0; i < sizeof joined / sizeof *joined; i++)
        if (!strcmp(what, joined[i])) {
            snprintf(name, sizeof name, "%sself_attn.%s", at, what);
            return golden_put_output(r, stage, name, err);
        }
    if (!strcmp(what, "inner_norm")) {
        snprintf(name, sizeof name, "%sself_attn.inner_norm.A", at);
        snprintf(other, sizeof other, "%sself_attn.inner_norm.B", at);
        return put_joined(r, stage, name, other, err);
    }
    snprintf(name, sizeof name, "%sffn.%.64s", at, what);
    return strchr(what, '.') ? put_flat(r, stage, name, err)
                             : golden_put_output(r, stage, name, err);
}

/* The positions of both, those of the first row. */
static omn_status put_positions(golden_run *r, const char *stage, omn_error *err)
{
    char all[96];
    omn_format(all, sizeof all, "all rows of %s", stage);
    const omn_status st = put_joined(r, all, "positions.A", "positions.B", err);
    const omn_tensor *t = omn_feed_get(r->made, all);
    if (st != OMN_OK || !t) return st;
    omn_tensor one = *t;
    one.shape.dim[0] = 1;
    one.bytes /= (size_t)t->shape.dim[0];
    return omn_feed_copy(r->made, stage, &one, err);
}

omn_status verify_collect(golden_run *r, const char *prefix, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_weights *g = r->g->file;
    const size_t n = strlen(prefix);
    for (size_t i = 0; i < omn_weights_count(g) && st == OMN_OK; i++) {
        const char *stage = omn_weights_name(g, i), *what;
        if (strncmp(stage, "out.", 4) || strncmp(stage + 4, prefix, n)) continue;
        stage += 4;
        what = stage + n;
        if (omn_feed_get(r->made, stage)) continue;
        if (!strcmp(what, "positions")) st = put_positions(r, stage, err);
        else if (!strncmp(what, "l0.", 3)) st = put_inside(r, stage, what + 3, err);
        else st = golden_put_output(r, stage, what, err);
    }
    return st;
}
