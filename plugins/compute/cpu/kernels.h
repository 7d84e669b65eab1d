/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processor kernels of the cpu device: plain C functions over raw pointers.
 *
 * Every kernel exists once per instruction level (portable C, AVX2+FMA, AVX-512, ...), built from
 * the same source with other flags, and is reached through a constant table,
 * `cpu_kernels_at(level)`. Nothing here allocates, fails or keeps state: shapes were checked when
 * the graph was built. Where a kernel needs working memory beyond a little stack, the caller brings
 * it: threads of other programs may have 128 KiB of stack.
 *
 * Conventions: sizes count elements unless a name says bytes; tensors are row-major; `type` is one
 * of OMN_F32, OMN_BF16, OMN_F16, and no pointer needs more alignment than one byte. Results do not
 * depend on the number of threads: work is only split over results, or over a number of parts that
 * follows from the shape alone.
 *
 * The same row in any company: going forward in f32, what a row (a token, a query of attention, a
 * picture) becomes has the same bits whichever other rows there are, how many, before or behind it;
 * lanes.h says how. Not promised: between levels, where bf16 is asked for (`bf16`: few rows of
 * linear and one to four queries of attention are summed in another order, or not rounded at all,
 * so that elements differ by up to 2^-8 of the sum of absolute products; of quantised weights see
 * linear_blocks), and for sums over rows
 * (gradients of weights, losses).
 */
#ifndef OMN_CPU_KERNELS_H
#define OMN_CPU_KERNELS_H

#include <omnio/graph.h>

/* How a kernel spreads its work: split() calls fn on ranges that cover 0..n-1, each at least
 * `grain` long but for the last, from any thread, and returns when all are done. A NULL split runs
 * here. take() lends a task a block of `kernels->scratch` bytes at a multiple of 64, give() takes
 * it back; both from any thread, and take() never fails: there are as many blocks as tasks can run
 * at a time, each of which has one at most. PLAIN kernels other than `nearest` want neither, and
 * take NULL for a cpu_par that runs here. */
typedef void cpu_range(void *user, size_t from, size_t to);
typedef struct cpu_par {
    void (*split)(void *pool, size_t n, size_t grain, cpu_range *fn, void *user);
    void *pool;
    size_t threads;                     /* a hint at how finely to cut; 0: unknown */
    void *(*take)(void *scratch);
    void (*give)(void *scratch, void *block);
    void *scratch;
} cpu_par;

typedef enum cpu_level {
    CPU_PORTABLE, CPU_AVX2, CPU_AVX512, CPU_AVX512_BF16, CPU_AMX, CPU_LEVELS
} cpu_level;

typedef enum cpu_binary { CPU_ADD, CPU_MUL } cpu_binary;

/* C[m,n] = act(alpha * sum_k A[m,k] B[k,n] + bias[n]) + residual[m,n], f32, any strides. With
 * `accumulate`, C += alpha * sum (no bias, act or residual then). lanes: sums are made in the order
 * of lanes.h, as linear_few makes them (a_k and b_k are 1, not with bf16, accumulate or functions
 * for rows). bf16: both factors are rounded to
 * bf16, nearest even, products are summed in f32. Sources that are not plain matrices (pictures
 * seen as patches) fill rows through a function; `c_row` says where a row of the result lies. */
typedef struct cpu_gemm {
    size_t M, N, K;
    const void *a;
    ptrdiff_t a_m, a_k;                 /* elements; one of them is 1 */
    const void *b;
    ptrdiff_t b_k, b_n;                 /* elements; one of them is 1 */
    float *c;
    size_t c_m;
    void (*a_row)(const void *ctx, size_t m, size_t k, size_t n_k, float *out);
    const void *a_ctx;
    void (*b_row)(const void *ctx, size_t k, size_t n, size_t n_n, float *out);
    const void *b_ctx;
    size_t (*c_row)(const void *ctx, size_t m);
    const void *c_ctx;
    const void *bias;
    const float *residual;              /* rows as in C, r_m apart (c_row serves both) */
    size_t r_m;
    float alpha;
    omn_type a_type, b_type, bias_type;
    omn_act act;
    bool accumulate, bf16, lanes;
    bool tiles;                         /* b lies as cpu_linear.tiles says; b_k, b_n mean nothing */
} cpu_gemm;

/* out[M,N] = act(alpha * x[M,K] w[N,K]^T + bias) + residual. Few rows take a path that streams w.
 * With `tiles` w, of type bf16, lies as matrix units take it, so that nothing is packed:
 * [ceil(N/32)][ceil(K/32)][2][16][16][2], strips of 32 rows n of w, in a strip 32 elements of k at
 * a time, as two tiles of 16 rows each, a tile being 16 pairs of k by 16 rows by the two elements
 * of a pair. Element n,k is number
 *   ((n/32 * ceil(K/32) + k/32) * 2 + n/16%2) * 512 + k%32/2 * 32 + n%16 * 2 + k%2
 * and everything beyond N and K is zero. In f32 the bits are those of the official layout. */
typedef struct cpu_linear {
    size_t M, N, K;
    const void *x, *w, *bias;
    const float *residual;
    float *out;
    size_t x_row, w_row, out_row, residual_row;         /* 0: dense */
    float alpha;
    omn_type x_type, w_type, bias_type;
    omn_act act;
    bool bf16, tiles;                   /* tiles: w_row means nothing */
} cpu_linear;

/* linear_blocks is linear with w [N, K] in blocks of quantised weights (w_type). In f32, whatever
 * the company, it has the bits of linear with those weights brought into f32. With bf16 it is not
 * the same in any company: up to 8 rows of x (16 with AMX) are rounded to whole numbers of 8 bits,
 * 32 neighbours by their largest, which leaves at most a 254th of it, and w is not rounded; more
 * rows are rounded to bf16, and so is w. Above CPU_PORTABLE and without AMX, up to 8 rows each have
 * the bits that they have alone. `work` has cpu_blocks_work bytes: a panel of w, cpu_blocks_rows
 * of them in f32, and with bf16 rows of x as matrix units take them, from a multiple of 64 on. */
static inline size_t cpu_blocks_rows(size_t N, size_t K)
{
    size_t rows = ((size_t)1 << 20) / (K ? K : 1) / 32 * 32;
    if (rows < 64) rows = 64;
    return rows < N ? rows : N;
}
enum { CPU_BLOCKS_X = 1024 };
static inline size_t cpu_blocks_work(size_t M, size_t N, size_t K, bool bf16)
{
    const size_t rows = M < CPU_BLOCKS_X ? (M + 31) / 32 * 32 : CPU_BLOCKS_X;
    const size_t x = bf16 ? rows * ((K + 31) / 32 * 64) : 0;
    return 64 + cpu_blocks_rows(N, K) * K * sizeof(float) + x;
}

/* Attention over heads without an array of Tq x Tk; the rules are those of omn_attend (graph.h). q
 * [B,Tq,H,K], k [B2,Tk,G,K], v [B2,Tk,G,Kv], o [B,Tq,H,Kv]; distances in elements, 0: dense; K and
 * Kv at most 512. k_head and v_head: from one head to the next (caches lie head by head; forward
 * only). lse [B,H,Tq]: log of the sum of exponentials, -inf where a query sees nothing. */
typedef struct cpu_attn {
    size_t B, B2, Tq, Tk, H, G, K, Kv;
    const void *q, *k, *v;
    size_t q_row, q_batch, k_row_step, k_batch, v_row_step, v_batch, o_row, o_batch;
    size_t k_head, v_head;
    omn_type q_type, k_type, v_type;
    float *o, *lse;                     /* lse may be NULL going forward */
    float scale;
    bool causal, bf16;
    bool uniform_empty;
    int64_t window;
    const int32_t *q_seg, *k_seg, *q_part, *k_part, *q_start, *k_count, *k_row;
    const float *extra;                 /* added; -inf hides */
    size_t extra_batch, extra_head;     /* distances; 0 where shared */
    const float *slopes;                /* [H] */
    /* backward only; dk and dv have the distances of k and v, dq of q. Overwritten, not added. */
    const float *d_o;
    float *dq, *dk, *dv;
    float *d_extra;                     /* [extra's shape], added to; NULL: not wanted */
    size_t do_row, do_batch, dq_row, dq_batch, dk_row, dk_batch, dv_row, dv_batch;
} cpu_attn;

/* Cross-entropy as graph.h says at omn_cross_entropy. `part` has 2 * rows floats. Labels outside
 * 0..V-1 count nothing: whoever calls has looked for those with a weight. */
typedef struct cpu_entropy {
    size_t rows, V;
    const float *logits, *weight;
    const int32_t *labels;
    float z, smooth, soft_sigma;        /* soft_sigma 0: no soft range */
    int32_t soft_first, soft_count;
    float *loss, *each, *part;
    const float *d_loss;                /* [1] */
    float *d_logits;
} cpu_entropy;

/* x [B,H,W,C] with w [O,C,kh,kw] as on disk -> out [B,OH,OW,O]. Taps are dilate_h lines and
 * dilate_w columns apart, 1 and more. `work` has cpu_conv_work() floats. */
typedef struct cpu_conv {
    size_t B, H, W, C, O, OH, OW, kh, kw, stride_h, stride_w, pad_top, pad_left;
    size_t dilate_h, dilate_w;
    const float *x;
    const void *w, *bias;
    omn_type w_type, bias_type;
    omn_act act;
    float *out;
    const float *d_out;
    float *dx, *dw, *work;
    bool bf16;
} cpu_conv;
size_t cpu_conv_work(const cpu_conv *c);

typedef struct cpu_pool2d {
    size_t B, H, W, C, OH, OW, kh, kw, stride_h, stride_w, pad_top, pad_left;
    bool max;                           /* an average is divided by kh * kw also at the border */
    const float *x, *d_out;
    float *out, *dx;
} cpu_pool2d;

/* A result of up to six axes; each operand has its own distances (elements), 0 along shared
 * axes. */
typedef struct cpu_nd {
    size_t rank, dim[6];
    ptrdiff_t out[6], a[6], b[6];
} cpu_nd;

/* Parts of a sum over rows whose number follows from the rows alone; see norm gradients. */
#define CPU_PARTS 16
static inline size_t cpu_parts(size_t rows)
{
    const size_t p = (rows + 63) / 64;
    return p < 1 ? 1 : p > CPU_PARTS ? CPU_PARTS : p;
}

/* Parts of the pixels of a picture [P,C] in group norm, and its working memory. */
static inline size_t cpu_group_parts(size_t P, size_t C)
{
    size_t n = P * C >> 15;
    if (n > 64) n = 64;
    if (n > P) n = P;
    return n < 1 ? 1 : n;
}
static inline size_t cpu_group_work(size_t B, size_t P, size_t C, size_t G)
{
    const size_t parts = cpu_group_parts(P, C);
    return B * (4 * parts * G + 3 * C + 2 * parts * C);
}

/* A product whose depth K is far larger than its result (gradients of weights) is cut along K into
 * parts that follow from the shape, so that nothing is packed twice; they are added in order.
 * `work` has parts * M * N floats. */
static inline size_t cpu_deep_parts(size_t M, size_t N, size_t K)
{
    size_t parts = K / 384;
    if (parts > CPU_PARTS) parts = CPU_PARTS;
    while (parts > 1 && parts * M * N > (size_t)4 << 20) parts /= 2;
    return parts < 1 ? 1 : parts;
}

/* name, arguments. PRODUCT kernels gain from matrix units and bf16 pairs, PLAIN ones do not: levels
 * above AVX-512 only bring the former. `part` is working memory of cpu_parts(rows)
 * * D floats (twice that where a scale and a bias are both summed), `work` of group norm has
 * cpu_group_work floats, at a multiple of 8 bytes. */
#define CPU_KERNELS_PRODUCT(X)                                                                     \
    X(gemm, (const cpu_gemm *g, const cpu_par *par))                                               \
    X(gemm_deep, (const cpu_gemm *g, float *work, const cpu_par *par))                             \
    X(linear, (const cpu_linear *l, const cpu_par *par))                                           \
    X(linear_blocks, (const cpu_linear *l, void *work, const cpu_par *par))                        \
    X(conv2d, (const cpu_conv *c, const cpu_par *par))                                             \
    X(conv2d_grad_input, (const cpu_conv *c, const cpu_par *par))                                  \
    X(conv2d_grad_weight, (const cpu_conv *c, const cpu_par *par))                                 \
    X(attention, (const cpu_attn *a, const cpu_par *par))                                          \
    X(attention_grad, (const cpu_attn *a, const cpu_par *par))

#define CPU_KERNELS_PLAIN(X)                                                                       \
    X(blocks_f32, (omn_type t, const void *blocks, size_t n, float *y))                            \
    X(linear_few, (const cpu_linear *l, const cpu_par *par)) /* M at most 8, distances given */    \
    X(attention_few, (const cpu_attn *a, const cpu_par *par)) /* Tq at most 4 */                 \
    X(rms_norm, (size_t rows, size_t D, const float *x, const void *w, omn_type wt, float eps,     \
                 float *y, const cpu_par *par))                                                    \
    X(rms_norm_grad, (size_t rows, size_t D, const float *x, const void *w, omn_type wt,           \
                      const float *dy, float eps, float *dx, float *dw, float *part,               \
                      const cpu_par *par))                                                         \
    X(layer_norm, (size_t rows, size_t D, const float *x, const void *w, omn_type wt,              \
                   const void *bias, omn_type bt, float eps, float *y, const cpu_par *par))        \
    X(layer_norm_grad, (size_t rows, size_t D, const float *x, const void *w, omn_type wt,         \
                        const float *dy, float eps, float *dx, float *dw, float *db, float *part,  \
                        const cpu_par *par))                                                       \
    X(group_norm, (size_t B, size_t P, size_t C, size_t G, const float *x, const void *w,          \
                   omn_type wt, const void *bias, omn_type bt, float eps, omn_act act, float *y,   \
                   float *work, const cpu_par *par))                                               \
    X(group_norm_grad, (size_t B, size_t P, size_t C, size_t G, const float *x, const void *w,     \
                        omn_type wt, const float *dy, float eps, float *dx, float *dw, float *db,  \
                        float *work, const cpu_par *par))                                          \
    X(l2_norm, (size_t rows, size_t D, const float *x, float eps, float *y, const cpu_par *par))   \
    X(l2_norm_grad, (size_t rows, size_t D, const float *x, const float *dy, float eps, float *dx, \
                     const cpu_par *par))                                                          \
    X(softmax, (size_t rows, size_t D, const float *x, float *y, const cpu_par *par))              \
    X(softmax_grad, (size_t rows, size_t D, const float *y, const float *dy, float *dx,            \
                     const cpu_par *par))                                                          \
    X(log_softmax, (size_t rows, size_t D, const float *x, float *y, const cpu_par *par))          \
    X(log_softmax_grad, (size_t rows, size_t D, const float *y, const float *dy, float *dx,        \
                         const cpu_par *par))                                                      \
    X(cross_entropy, (const cpu_entropy *e, const cpu_par *par))                                   \
    X(cross_entropy_grad, (const cpu_entropy *e, const cpu_par *par))                              \
    X(rope, (size_t rows, size_t H, size_t K, const float *x, const float *rot, size_t rot_rows,   \
             bool half, bool inverse, float *y, const cpu_par *par))                               \
    X(act, (size_t n, omn_act act, const float *x, float *y, const cpu_par *par))                  \
    X(act_grad, (size_t n, omn_act act, const float *x, const float *dy, float *dx,                \
                 const cpu_par *par))                                                              \
    X(gated, (size_t n, omn_act act, const float *a, const float *b, float *y,                     \
              const cpu_par *par))                                                                 \
    X(gated_grad, (size_t n, omn_act act, const float *a, const float *b, const float *dy,         \
                   float *da, float *db, const cpu_par *par))                                      \
    X(binary, (const cpu_nd *nd, cpu_binary op, const float *a, const float *b, float *y,          \
               const cpu_par *par))                                                                \
    X(scale, (size_t n, float a, float b, const float *x, float *y, const cpu_par *par))           \
    X(sum_rows, (size_t rows, size_t D, float scale, const float *x, float *y, float *part,        \
                 const cpu_par *par))                                                              \
    X(sum_last, (size_t rows, size_t D, float scale, const float *x, float *y,                     \
                 const cpu_par *par))                                                              \
    X(sum_nd, (const cpu_nd *kept, const cpu_nd *gone, float scale, const float *x, float *y,      \
               const cpu_par *par))                                                                \
    X(gather_rows, (size_t n, size_t D, const void *table, omn_type type, const int32_t *ids,      \
                    void *y, const cpu_par *par))                                                  \
    X(scatter_add_rows, (size_t n, size_t D, size_t table_rows, const float *x,                    \
                         const int32_t *ids, float *table, const cpu_par *par))                    \
    X(copy, (const cpu_nd *nd, size_t bytes, const void *x, void *y, const cpu_par *par))          \
    X(cast, (size_t n, const void *x, omn_type from, void *y, omn_type to, const cpu_par *par))    \
    X(pool2d, (const cpu_pool2d *p, const cpu_par *par))                                           \
    X(pool2d_grad, (const cpu_pool2d *p, const cpu_par *par))                                      \
    X(upsample, (size_t B, size_t H, size_t W, size_t C, size_t fh, size_t fw, const float *x,     \
                 float *y, const cpu_par *par))                                                    \
    X(upsample_grad, (size_t B, size_t H, size_t W, size_t C, size_t fh, size_t fw,                \
                      const float *dy, float *dx, const cpu_par *par))                             \
    X(nearest, (size_t rows, size_t V, size_t D, const float *x, const void *book, omn_type type,  \
                int32_t *ids, float *work, const cpu_par *par))                                    \
    X(argmax, (size_t rows, size_t D, const float *x, int32_t *y, const cpu_par *par))

#define CPU_KERNEL_MEMBER(name, args) void (*name) args;
typedef struct cpu_kernels {
    const char *level;
    size_t scratch;                     /* bytes of a block that cpu_par lends */
    CPU_KERNELS_PRODUCT(CPU_KERNEL_MEMBER)
    CPU_KERNELS_PLAIN(CPU_KERNEL_MEMBER)
} cpu_kernels;

/* The best level that this processor and system allow, no higher than what OMNIO_CPU asks for:
 * portable, avx2, avx512, amx. By CPUID and XCR0, never by model name. [any] */
cpu_level cpu_level_best(void);
/* What OMNIO_CPU says (NULL or "": the most there is); false for a name that is none. [any] */
bool cpu_level_asked(const char *name, cpu_level *most);
/* NULL where the processor (or this build) lacks the level. [any] */
const cpu_kernels *cpu_kernels_at(cpu_level level);

#endif
