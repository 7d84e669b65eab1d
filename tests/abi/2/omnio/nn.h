/* SPDX-License-Identifier: Apache-2.0 */
/* omnio/nn.h: building blocks over graph.h, shared by every model family: attention with its masks,
 * biases and positions, gated feed-forward, transformer blocks, sequences. All of it is [build]; a
 * NULL argument means "none". Formulas and names follow design "one attention contract". */
#ifndef OMNIO_NN_H
#define OMNIO_NN_H

#include <omnio/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- positions: host-side tables (each tested against the original programs) ---------------- */

/* One-dimensional rotary rows: out [n, K] of (cos, sin) couples, angle = pos[i] * base^(-2 c /
 * K). */
OMN_API void omn_rope_table_1d(const double *pos, size_t n, size_t width, double base, float *out);
/* Two-dimensional: the first K/4 couples turn with row * ratio, the last K/4 with column * ratio,
 * frequencies base^(-2 c / (K/2)), for a grid of h x w in row-major order: out [h*w, K]. */
OMN_API void omn_rope_table_2d(size_t h, size_t w, size_t width, double base, double ratio,
                               float *out);
/* T5's one-dimensional buckets of relative positions (key - query). Raffel et al. 2019. */
OMN_API int32_t omn_bucket_t5(int64_t relative, bool bidirectional, int32_t buckets, int64_t most);
/* Sine positions: half the width sine, half cosine of pos / base^(2i/width); or interleaved. out
 * [n, D]. */
typedef enum omn_sine { OMN_SINE_HALVES, OMN_SINE_INTERLEAVED } omn_sine;
OMN_API void omn_sine_table(const double *pos, size_t n, size_t width, double base, omn_sine how,
                            float *out);
/* Two-dimensional sine positions [h*w, D]: rows in the first half of the width, columns in the
 * second. normalise: INTERLEAVED as DETR, counted from 1, divided by the last + 1e-6, times 2 pi;
 * HALVES as Pix2Seq, 0 to 2 pi. */
OMN_API void omn_sine_table_2d(size_t h, size_t w, size_t width, double base, bool normalise,
                               omn_sine how, float *out);
/* Slopes of ALiBi for any number of heads (Press et al. 2021). */
OMN_API void omn_alibi_slopes(size_t heads, float *out);
/* Unified-IO 1's two-dimensional bucket of query minus key: (quadrant * buckets + row bucket) *
 * buckets + column bucket; `buckets` of each axis (8), log spaced up to `most` (20); spec uio1. */
OMN_API int32_t omn_bucket_uio1_2d(int64_t dy, int64_t dx, int32_t buckets, int64_t most);
/* OFA's log buckets of query minus key on a line: 2 * bucket_size - 1 of them (bucket_size 256,
 * most 1024); and its exact ones of two ids of a grid of `side` columns, 1 + row * side + column
 * (0: no place): (2 side - 1)^2 + 3 of them; spec ofa. */
OMN_API int32_t omn_bucket_ofa(int64_t relative, int32_t bucket_size, int64_t most);
OMN_API int32_t omn_bucket_ofa_2d(int32_t query, int32_t key, int32_t side);
/* Gato's intervals: positions from..to of a patch as a fraction of the picture, both rounded to `n`
 * values, then their mean (halves to even), below n. */
OMN_API int32_t omn_bucket_interval(double from, double to, int32_t n);
/* The matrix [to, from] that resizes one axis: bilinear or bicubic, antialiased (out-of-range taps
 * dropped, a as given) or not (borders repeated), half-pixel centres. */
typedef enum omn_interp { OMN_INTERP_BILINEAR, OMN_INTERP_BICUBIC } omn_interp;
OMN_API void omn_interp_matrix(size_t from, size_t to, omn_interp how, double a, bool antialias,
                               float *out);

/* As nodes: rows of a constant table picked by pos [B,L] i32 -> [B,L,K]. */
OMN_API omn_node *omn_rope_rows(omn_scope *s, omn_node *pos, int64_t grid_h, int64_t grid_w,
                                int64_t length, int64_t width, double base, double ratio);
/* A learned table [h0*w0, D] resized to [h*w, D] by two products with omn_interp_matrix. */
OMN_API omn_node *omn_positions_resize(omn_scope *s, omn_node *table, int64_t h0, int64_t w0,
                                       int64_t h, int64_t w, omn_interp how, double a,
                                       bool antialias);

/* ---- biases: added to the scores ------------------------------------------------------------ */

/* Sum of optional parts, each made once per graph or per layer; every one is f32 [1|B, 1|H, Tq,
 * Tk]. omn_bias_rel: table [buckets, H] gathered by buckets i32 [Tq,Tk] (host-made). omn_bias_abs:
 * scale * (pq Wq)(pk Wk)^T of position vectors pq [1|B,Tq,D], pk (UIO-1, OFA). omn_bias_blocks:
 * parts along the diagonal of a [T,T] matrix, zero elsewhere (text and picture biases apart). */
OMN_API omn_node *omn_bias_rel(omn_scope *s, omn_node *table, const int32_t *buckets, int64_t tq,
                               int64_t tk);
OMN_API omn_node *omn_bias_abs(omn_scope *s, omn_node *pq, omn_node *pk, omn_node *wq, omn_node *wk,
                               omn_node *bq, omn_node *bk, int64_t heads, double scale);
OMN_API omn_node *omn_bias_blocks(omn_scope *s, omn_node *const *parts, size_t n);

/* ---- attention ------------------------------------------------------------------------------ */

/* Who may look at whom, from small integer rows; rules in graph.h at omn_attend. */
typedef struct omn_mask {
    uint32_t size;
    bool causal;
    omn_node *q_seg, *k_seg, *q_part, *k_part, *q_start, *k_count, *k_row, *extra;
    int64_t window;
    bool uniform_empty;                   /* a query without keys: mean of all values, not zeros */
} omn_mask;

typedef enum omn_qk {
    OMN_QK_PLAIN, OMN_QK_RMS_HEAD, OMN_QK_LN_HEAD, OMN_QK_LN_FULL, OMN_QK_COSINE
} omn_qk;

/* For head h, query i, key j:
 *   q = Nq(x Wq + bq), k = Nk(y Wk + bk), v = y Wv + bv     positions q_add, k_add join x, y before
 *     wq, wk only
 *   q, k rotated by rot rows; s = scale q.k, or exp(min(logit_scale[h], ln 100)) cos(q, k)
 *   s += bias + slope_h (j - i); masked; o = head_scale[h] softmax(s) v
 *   out = tanh(gate) (No(o) Wo + bo)                         No: none, or LayerNorm over all heads
 * Weights [out, in]; inner width heads * head_width is free of D. Packed wqkv: slice it before. */
typedef struct omn_attn {
    uint32_t size, heads, head_width;
    uint32_t kv_heads;                    /* 0: heads */
    omn_node *wq, *wk, *wv, *wo, *bq, *bk, *bv, *bo;
    bool in_out;                          /* weights are [in, out] */
    omn_qk qk;
    omn_node *q_norm, *k_norm, *q_norm_b, *k_norm_b, *logit_scale;
    double qk_eps, scale;                 /* scale 0: head_width^-0.5 */
    omn_rot rot;
    omn_node *rot_q, *rot_k;              /* [1|B,T,head_width] */
    omn_node *q_add, *k_add;
    omn_node *bias, *slopes;              /* [1|B,1|H,Tq,Tk], [H] */
    omn_node *head_scale, *gate;          /* [H], [1] */
    omn_node *inner_norm_w, *inner_norm_b;
    double inner_eps;
    const omn_mask *mask;                 /* NULL: everyone sees everyone */
} omn_attn;
/* kv: project, norm, rotate: what a cache (omn_cache_at) takes, [B,T,G,K] and [B,T,G,K]. q: the
 * rest, of these or of what a cache gave. Both: omn_attention. */
OMN_API void omn_attention_kv(omn_scope *s, const omn_attn *a, omn_node *y, omn_node **k,
                              omn_node **v);
OMN_API omn_node *omn_attention_q(omn_scope *s, const omn_attn *a, omn_node *x, omn_node *k,
                                  omn_node *v);
OMN_API omn_node *omn_attention(omn_scope *s, const omn_attn *a, omn_node *x, omn_node *y);

/* ---- feed-forward and blocks ---------------------------------------------------------------- */

/* out = gate (No(act(x w_in + b_in) [* (x w_up + b_up)]) w_out + b_out). w_up NULL: plain, not
 * gated. */
typedef struct omn_ffn {
    uint32_t size;
    omn_act act;
    omn_node *w_in, *b_in, *w_up, *b_up, *w_out, *b_out;
    bool in_out;
    omn_node *inner_norm_w, *inner_norm_b;
    double inner_eps;
    omn_node *gate;
} omn_ffn;
OMN_API omn_node *omn_feed_forward(omn_scope *s, const omn_ffn *f, omn_node *x);

typedef enum omn_norm_kind { OMN_NORM_NONE, OMN_NORM_RMS, OMN_NORM_LAYER } omn_norm_kind;
typedef struct omn_norm {
    omn_norm_kind kind;
    double eps;
    omn_node *w, *b;
} omn_norm;
/* x normalised along its last axis; OMN_NORM_NONE gives x itself. [build] */
OMN_API omn_node *omn_norm_apply(omn_scope *s, const omn_norm *n, omn_node *x);

/* One sub-layer around a function of x: pre:  x + factor * post(f(norm(x)));  post: norm(x + factor
 * f(x)). after: a second norm on f's result (OFA). */
typedef enum omn_order { OMN_PRE_NORM, OMN_POST_NORM } omn_order;
typedef struct omn_residual {
    uint32_t size;
    omn_order order;
    omn_norm norm, after;
    double factor;                        /* 0: 1 */
} omn_residual;
/* Before f: the normed input (or x itself for post-norm). After f: joins its result. */
OMN_API omn_node *omn_residual_in(omn_scope *s, const omn_residual *r, omn_node *x);
OMN_API omn_node *omn_residual_out(omn_scope *s, const omn_residual *r, omn_node *x, omn_node *y);

/* One block of a vision transformer (Dosovitskiy et al. 2021), x [B,T,D]:
 *   y = x + attention(norm(x)),  y + feed-forward(norm(y))
 * LayerNorm, biases everywhere. Its weights lie below s by the names that Unified-IO 2 gave them:
 * ln_1, attn.query_in_proj_weight, attn.query_in_proj_bias, .., attn.out_proj, ln_2, mlp.fc1,
 * mlp.fc2, with "weight" and "bias" behind a dot. */
typedef struct omn_vit_block {
    uint32_t size, heads, head_width;
    int64_t mlp;                          /* inner width of the feed-forward */
    omn_act act;
    double eps;                           /* of the norms */
    double out_init;                      /* untrained size of what the block adds; 1 usual */
    omn_node *rot;                        /* [1|B,T,head_width], interleaved; NULL: none */
    const omn_mask *mask;
} omn_vit_block;
OMN_API omn_node *omn_vit_block_build(omn_scope *s, const omn_vit_block *b, omn_node *x);

/* Experts (BEiT-3): the first `split` places of axis 1 through a, the rest through b; either side
 * may be empty. fn builds one side with user data. */
typedef omn_node *omn_expert_fn(void *user, omn_scope *s, int which, omn_node *x);
OMN_API omn_node *omn_experts(omn_scope *s, omn_node *x, int64_t split, omn_expert_fn *fn,
                              void *user);

/* An encoder's features f as its model takes them: "last", with `second` beside it those of an
 * earlier block, without their gradient when `frozen`, through projection.weight [project, D] below
 * s (0: none). */
OMN_API omn_node *omn_features_join(omn_scope *s, const omn_bundle *f, bool second, bool frozen,
                                    int64_t project);

/* ---- sequences ------------------------------------------------------------------------------ */

/* Vectors, who is real, where they stand. Made by encoders, joined by models. Owned by the graph.
 * x [B,L,D]; seg [B,L] i32: 0 padding, equal numbers see each other, OMN_SEG_SHARED is seen by all;
 * pos [B,L] i32: index on the line or on the grid h x w (row-major); grid_w 0: a line. */
typedef struct omn_seq omn_seq;
OMN_API omn_seq *omn_seq_new(omn_scope *s, omn_node *x, omn_node *seg, omn_node *pos,
                             int64_t grid_h, int64_t grid_w);
OMN_API omn_node *omn_seq_get_x(const omn_seq *q);      /* getters: NULL of NULL */
OMN_API omn_node *omn_seq_get_seg(const omn_seq *q);
OMN_API omn_node *omn_seq_get_pos(const omn_seq *q);
OMN_API omn_node *omn_seq_get_rot(const omn_seq *q);
OMN_API omn_node *omn_seq_get_part(const omn_seq *q);
OMN_API void omn_seq_get_grid(const omn_seq *q, int64_t *h, int64_t *w);
OMN_API void omn_seq_set_x(omn_seq *q, omn_node *x);
OMN_API void omn_seq_set_rot(omn_seq *q, omn_node *rot);
OMN_API void omn_seq_set_part(omn_seq *q, omn_node *part);
/* One after the other along L. Rows [B] must agree; absent rotary rows or parts of one are absent
 * of all. */
OMN_API omn_seq *omn_seq_concat(omn_scope *s, omn_seq *const *parts, size_t n);
/* Packing: places map [R,L] of the joined sequence (b * L0 + l, -1 nothing), with segment numbers
 * seg [R,L]. map NULL: as it is. */
OMN_API omn_seq *omn_seq_pack(omn_scope *s, omn_seq *q, omn_node *map, omn_node *seg);

#ifdef __cplusplus
}
#endif
#endif
