/* SPDX-License-Identifier: Apache-2.0 */
/* omnio/graph.h: graphs of coarse operations over one weight store, and the programs that run them.
 *
 * A graph is built for exact sizes; what changes from run to run (position, cache fill, whose
 * memory) is a small integer tensor. Building checks every shape and type. The first failure stays
 * on the graph, after it every builder returns NULL at once, so code is written straight through
 * and the host reports once:
 *   decoder.layers_3.query.weight: [1024, 768] in big.safetensors, [1024, 1024] wanted
 * Hence NULL as an optional argument means "none", never "failed".
 *
 * Types: activations are f32; weights are used as they are stored (f32, bf16, f16); indices are
 * i32. The products of linear, conv and attention may round their operands to bf16 (omn_precision);
 * sums, norms, softmax and losses are always f32.
 *
 * Company: in f32, what a row, a token, a query or a picture becomes has the same bits on one
 * device (and one level of its kernels) whichever others go with it, in whichever slot, for any
 * number of threads, and where lengths are rounded up by multiples of 8 that segments or counts
 * hide. This is so for each op of the devices cpu and opencl; an op of a plugin answers for itself.
 * With products in bf16 a row alone may differ from the same in company: by at most 2^-8 of the sum
 * of its absolute products. Sums over rows (losses, gradients of weights) depend on the rows.
 *
 * Layouts: row-major, last axis fastest. Pictures inside graphs are [B, height, width, channels].
 * Heads are [B, T, H, K].
 *
 * Threads: what takes a scope, a node or a bundle is called while a graph is built, from the
 * omn_build_fn alone and in its thread ([build]); two graphs of one program are never built at the
 * same time. Programs and graphs are [any] once they are made, freeing is [setup]; a run state
 * belongs to one thread at a time. */
#ifndef OMNIO_GRAPH_H
#define OMNIO_GRAPH_H

#include <omnio/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct omn_graph omn_graph;
/* (graph, name prefix): what every builder takes; graph-owned */
typedef struct omn_scope omn_scope;
typedef struct omn_node omn_node;       /* owned by the graph */
typedef struct omn_bundle omn_bundle;   /* nodes by name; owned by the graph */
typedef struct omn_program omn_program;

typedef enum omn_precision {
    OMN_PRECISION_F32 = 0,
    OMN_PRECISION_BF16 = 1,
    /* bf16 where most of the store's weights are bf16 and the device says "bf16" among its features
     * (its products of bf16 are faster than those of f32), else f32 */
    OMN_PRECISION_AUTO = 2
} omn_precision;
/* "f32", "bf16", "auto"; false: another word, *out as before. [any] */
OMN_API bool omn_precision_read(const char *word, omn_precision *out);

/* ---- scopes, nodes, bundles ------------------------------------------------------------------ */

/* The scope below s with name parts joined by "."; a name that begins with "/" is absolute.
 * [build] */
OMN_API omn_scope *omn_scope_at(omn_scope *s, const char *fmt, ...) OMN_PRINTF(2, 3);
/* Report a failure of the model code itself; returns NULL. [build] */
OMN_API omn_node *omn_scope_fail(omn_scope *s, omn_status st, const char *fmt, ...)
    OMN_PRINTF(3, 4);
OMN_API bool omn_scope_failed(const omn_scope *s);
OMN_API const char *omn_scope_name(const omn_scope *s); /* "decoder.layers_3", "" at the root */
OMN_API bool omn_scope_training(const omn_scope *s);              /* a gradient will be asked for */
/* Scratch for building that lives as long as the graph. */
OMN_API omn_arena *omn_scope_arena(omn_scope *s);

OMN_API int64_t omn_node_dim(const omn_node *x, int axis);   /* negative: from the end; NULL: 1 */
OMN_API omn_shape omn_node_shape(const omn_node *x);          /* NULL: rank 0 */
OMN_API omn_type omn_node_type(const omn_node *x);
/* Give a node a name below the scope's for profiles, pictures and comparisons; a node may have
 * several. Returns x; NULL stays NULL. */
OMN_API omn_node *omn_node_tag(omn_scope *s, omn_node *x, const char *fmt, ...) OMN_PRINTF(3, 4);
/* The node that was tagged so below this scope, the first if there are several, or NULL. */
OMN_API omn_node *omn_node_tagged(omn_scope *s, const char *name);
/* What was made of a node, so that it is not made twice: an encoder's features are wanted by its
 * own embed and by auxiliary losses, and those of another input are others. Remembers x as NAME of
 * the node `of`, below this scope; returns x. */
OMN_API omn_node *omn_node_make(omn_scope *s, omn_node *of, const char *name, omn_node *x);
/* What was made so, or NULL. */
OMN_API omn_node *omn_node_made(omn_scope *s, const omn_node *of, const char *name);

/* A bundle: nodes by name, owned by the graph. [build] */
OMN_API omn_bundle *omn_bundle_new(omn_scope *s);
OMN_API void omn_bundle_put(omn_bundle *b, omn_scope *s, const char *name, omn_node *x);
/* The same for a name that is there already: x takes its place. */
OMN_API void omn_bundle_replace(omn_bundle *b, omn_scope *s, const char *name, omn_node *x);
OMN_API omn_node *omn_bundle_get(const omn_bundle *b, omn_scope *s, const char *name); /* fails */
OMN_API omn_node *omn_bundle_find(const omn_bundle *b, const char *name);              /* or NULL */
OMN_API size_t omn_bundle_count(const omn_bundle *b);
OMN_API omn_node *omn_bundle_at(const omn_bundle *b, size_t i, const char **name);

/* ---- leaves ---------------------------------------------------------------------------------- */

/* A tensor that the caller feeds for each run. The name is taken as it is, not below the scope.
 * Same name: same node (shape must agree). An input that no output needs may be left out of a
 * run. */
OMN_API omn_node *omn_input(omn_scope *s, const char *name, omn_type t, omn_shape shape);
/* A constant; the bytes are copied into the graph. */
OMN_API omn_node *omn_const(omn_scope *s, omn_type t, omn_shape shape, const void *data);

/* A weight of the store. Same full name, same node, so tied tables add their gradients. `want` is
 * what the model wants: compared with a checkpoint, or made by `init` when training from nothing.
 * OMN_INIT_NORMAL: a is the standard deviation; FAN_IN: normal, a / sqrt(product of dims but the
 * first). The result has the stored type; where an op wants f32 (all but weights of products,
 * norms, conv, tables and codebooks) it is cast. A checkpoint may hold it by weight norm, as a
 * direction and a length for each of its first size ("a.weight_v" and "a.weight_g", or
 * "a.parametrizations.weight.original1" and ".original0"): the weight is made of both, in f32. */
typedef enum omn_init_kind {
    OMN_INIT_ZERO, OMN_INIT_ONE, OMN_INIT_NORMAL, OMN_INIT_FAN_IN,
    OMN_INIT_CONST,                       /* every element is a */
    OMN_INIT_GRID                         /* rows of [a^D, D] are the points of a grid of a places
                                           * along each axis, from -1 to 1, the last axis fastest */
} omn_init_kind;
OMN_API omn_node *omn_weight(omn_scope *s, const char *name, omn_shape want, omn_init_kind init,
                             double a);
OMN_API bool omn_weight_exists(const omn_scope *s, const char *name);

/* States outlive a run and are shared by the graphs of one program (encode writes, step reads):
 * full name, type (f32 or i32) and capacity together are one state, zeros at first, one set for
 * each omn_exec. A write returns the state as it is afterwards: order is data flow, never order of
 * calls. Writes are carried out even when no output needs them; several to one state follow each
 * other. What was read may not be used by anything that comes after a write (a failure says so). No
 * gradient flows through states. */
typedef struct omn_state omn_state;
OMN_API omn_state *omn_state_at(omn_scope *s, const char *name, omn_type t, omn_shape capacity);
OMN_API omn_node *omn_state_read(omn_scope *s, omn_state *st);
/* x fills the state from its beginning; x must have the capacity's shape. */
OMN_API omn_node *omn_state_write(omn_scope *s, omn_state *st, omn_node *x);
/* x [B,T,...] goes to places at[b] .. at[b]+T-1 of axis 1 of row b; at [B] i32. */
OMN_API omn_node *omn_state_append(omn_scope *s, omn_state *st, omn_node *x, omn_node *at);
/* A cache: the state in which keys or values wait for attention. It is written and appended to as a
 * state [rows, places, heads, width] is, but lies head by head, [rows, heads, places, width], in
 * the type that the program's caches have (omn_program_setup), so that attention reads it in one
 * run. What the functions above return of it goes into omn_attend_build, or anywhere as it lies. */
OMN_API omn_state *omn_cache_at(omn_scope *s, const char *name, int64_t rows, int64_t places,
                                int64_t heads, int64_t width);

/* ---- operations: forty coarse ones ----------------------------------------------------------- */

typedef enum omn_act {
    OMN_ACT_NONE, OMN_ACT_RELU, OMN_ACT_RELU2, OMN_ACT_GELU_ERF, OMN_ACT_GELU_TANH,
    OMN_ACT_QUICK_GELU, OMN_ACT_SILU, OMN_ACT_TANH, OMN_ACT_SIGMOID, OMN_ACT_EXP, OMN_ACT_LOG,
    OMN_ACT_SQUARE, OMN_ACT_SQRT, OMN_ACT_RSQRT, OMN_ACT_ABS
} omn_act;

/* y[..., N] = act(x[..., K] . w[N, K]^T + bias[N]). bias NULL: none. */
OMN_API omn_node *omn_linear(omn_scope *s, omn_node *x, omn_node *w, omn_node *bias, omn_act act);
/* The same for weights stored [K, N] (in, out). */
OMN_API omn_node *omn_linear_in_out(omn_scope *s, omn_node *x, omn_node *w, omn_node *bias,
                                    omn_act act);
/* Batched product of activations: a [..., M, K] (or [..., K, M] when ta), b [..., K, N] (or [...,
 * N, K] when tb), leading axes equal or b without them: [..., M, N] * alpha. */
OMN_API omn_node *omn_matmul(omn_scope *s, omn_node *a, omn_node *b, bool ta, bool tb,
                             double alpha);
/* Element by element; shapes are aligned at the end and an axis of 1 is stretched (either side). */
OMN_API omn_node *omn_add(omn_scope *s, omn_node *a, omn_node *b);
OMN_API omn_node *omn_mul(omn_scope *s, omn_node *a, omn_node *b);
OMN_API omn_node *omn_scale(omn_scope *s, omn_node *x, double a, double b);     /* a x + b */
OMN_API omn_node *omn_activate(omn_scope *s, omn_node *x, omn_act act);
OMN_API omn_node *omn_glu(omn_scope *s, omn_node *a, omn_node *b, omn_act act); /* act(a) * b */

/* Normalise over the last axis. rms: y = x / sqrt(mean(x x) + eps) * w. layer: (x - mean) /
 * sqrt(var + eps) * w + b with the biased variance. w, b [D], NULL: none. l2: x / max(|x|, eps). */
OMN_API omn_node *omn_rms_norm(omn_scope *s, omn_node *x, omn_node *w, double eps);
OMN_API omn_node *omn_layer_norm(omn_scope *s, omn_node *x, omn_node *w, omn_node *b, double eps);
OMN_API omn_node *omn_l2_norm(omn_scope *s, omn_node *x, double eps);
/* x [B,H,W,C]; statistics over H, W and the channels of a group. w, b [C]. */
OMN_API omn_node *omn_group_norm(omn_scope *s, omn_node *x, omn_node *w, omn_node *b,
                                 int64_t groups, double eps);
OMN_API omn_node *omn_softmax(omn_scope *s, omn_node *x);       /* last axis */
OMN_API omn_node *omn_log_softmax(omn_scope *s, omn_node *x);

/* Rotate pairs of the last axis of x [B,T,H,K] by rows [B|1, T, K] of (cos, sin) couples: couple i
 * is rows[2i], rows[2i+1]. INTERLEAVED turns (x[2i], x[2i+1]); HALF turns (x[i], x[i + K/2]). */
typedef enum omn_rot { OMN_ROT_NONE, OMN_ROT_INTERLEAVED, OMN_ROT_HALF } omn_rot;
OMN_API omn_node *omn_rope(omn_scope *s, omn_node *x, omn_node *rows, omn_rot rot);

/* Rows of table [V, D...] by ids i32 [...]: [..., D...], f32. An id outside 0..V-1 fails the
 * run. */
OMN_API omn_node *omn_embedding(omn_scope *s, omn_node *table, omn_node *ids);
/* Gather along the first two axes joined: x [B,T,D...] (f32 or i32), map i32 [R,L] holds b*T + t,
 * or -1 for zeros: [R, L, D...]. */
OMN_API omn_node *omn_gather(omn_scope *s, omn_node *x, omn_node *map);

OMN_API omn_node *omn_reshape(omn_scope *s, omn_node *x, omn_shape shape); /* one size may be -1 */
OMN_API omn_node *omn_permute(omn_scope *s, omn_node *x, const int *axes);   /* rank(x) axes */
OMN_API omn_node *omn_concat(omn_scope *s, omn_node *const *x, size_t n, int axis);
OMN_API omn_node *omn_slice(omn_scope *s, omn_node *x, int axis, int64_t from, int64_t count);
OMN_API omn_node *omn_pad(omn_scope *s, omn_node *x, int axis, int64_t before, int64_t after);
OMN_API omn_node *omn_cast(omn_scope *s, omn_node *x, omn_type t);
OMN_API omn_node *omn_expand(omn_scope *s, omn_node *x, omn_shape shape);    /* stretch axes of 1 */
/* axes: bit i for axis i; keep them as 1 or drop them. */
OMN_API omn_node *omn_sum(omn_scope *s, omn_node *x, uint32_t axes, bool keep, bool mean);
OMN_API omn_node *omn_stop_gradient(omn_scope *s, omn_node *x);

/* x [B,H,W,C], w [O, C, kh, kw] as on disk, bias [O] or NULL; padding in pixels. */
typedef struct omn_conv {
    int32_t stride_y, stride_x, top, left, bottom, right;
} omn_conv;
OMN_API omn_node *omn_conv2d(omn_scope *s, omn_node *x, omn_node *w, omn_node *bias,
                             const omn_conv *how, omn_act act);
/* The same with taps dilate_y lines and dilate_x columns apart (1 and more; the window is
 * (kh - 1) * dilate_y + 1 high). One dimension is a picture of height 1. */
OMN_API omn_node *omn_conv2d_dilated(omn_scope *s, omn_node *x, omn_node *w, omn_node *bias,
                                     const omn_conv *how, int32_t dilate_y, int32_t dilate_x,
                                     omn_act act);
/* Transposed convolution, the gradient of omn_conv2d in x [B,H,W,C]: w [C, O, kh, kw] as on disk,
 * y [B, (H - 1) * stride_y - top - bottom + kh, .., O]; bias [O] or NULL. What a framework calls
 * output padding makes `bottom` and `right` smaller; they may be negative down to 1 - stride. */
OMN_API omn_node *omn_conv_transpose2d(omn_scope *s, omn_node *x, omn_node *w, omn_node *bias,
                                       const omn_conv *how, omn_act act);
typedef enum omn_pool_kind { OMN_POOL_MAX, OMN_POOL_AVG } omn_pool_kind;
OMN_API omn_node *omn_pool2d(omn_scope *s, omn_node *x, omn_pool_kind kind, int32_t ky, int32_t kx,
                             const omn_conv *how);
OMN_API omn_node *omn_upsample(omn_scope *s, omn_node *x, int32_t factor);   /* nearest */
/* ids i32 [...] of the rows of codebook [V, D] nearest to x [..., D] by Euclid, the first of equal
 * ones; no gradient. By cosine: omn_l2_norm of both before. */
OMN_API omn_node *omn_vector_quantise(omn_scope *s, omn_node *x, omn_node *codebook);
OMN_API omn_node *omn_argmax(omn_scope *s, omn_node *x);                     /* last axis, i32 */

/* Attention over projected heads; the contract of nn.h builds it. q [B,Tq,H,K], k [B2,Tk,G,K],
 * v [B2,Tk,G,Kv], H a multiple of G; or k and v are both caches (omn_cache_at). Key j is seen by
 * query i when every given rule agrees:
 *   causal                  j <= q_start[b] + i        (q_start NULL: 0)
 *   window w > 0            j >  q_start[b] + i - w
 *   q_seg, k_seg   [B,T] i32: equal and not 0 (0 = padding), or k_seg is OMN_SEG_SHARED (-1) and
 *                           q_seg is not 0: a picture that many packed questions share; it sees
 *                           only itself. Both or none
 *   q_part, k_part [B,T] i32: a second pair that must be equal
 *   k_count [B] i32         keys beyond are not even read
 *   k_row   [B] i32         whose keys: row of k and v for query row b (NULL: b); k_seg and k_part
 *                           go with k
 *   extra f32 [1|B,1|H,Tq,Tk]  added to the scores (use -1e10 or -inf to hide)
 *   slopes f32 [H]          adds slope (j - q_start[b] - i)   (ALiBi)
 * y = softmax(scale q.k + ...) v: [B,Tq,H,Kv]. A query that sees no key: zeros, or with
 * uniform_empty the mean over all Tk values (not only the first k_count). No L x L array exists
 * unless `extra` brings one. */
#define OMN_SEG_SHARED (-1)
typedef struct omn_attend {
    uint32_t size;
    double scale;                         /* 0: K^-0.5 */
    bool causal, uniform_empty;
    int64_t window;
    omn_node *q_seg, *k_seg, *q_part, *k_part, *q_start, *k_count, *k_row, *extra, *slopes;
} omn_attend;
OMN_API omn_node *omn_attend_build(omn_scope *s, omn_node *q, omn_node *k, omn_node *v,
                                   const omn_attend *how);

/* Cross-entropy of logits [..., V] against labels i32 [...], weights f32 [...]:
 *   lse = log sum exp(l); ce = lse - sum_v p_v l_v; z = z_loss * lse^2
 *   loss = sum w (ce + z) / max(sum w, 1)   -> [1];   each: ce [...] (without z; no gradient)
 * p is one-hot, mixed with 1/V by `smoothing`; labels inside soft_first .. soft_first + soft_count
 * - 1 get instead a Gaussian of deviation soft_sigma (in ids) over that range, normalised. A label
 * outside 0..V-1 with weight 0 is ignored, with another weight it fails the run. Spec: uio2-model
 * section 11. */
typedef struct omn_ce {
    uint32_t size;
    double z_loss, smoothing, soft_sigma;
    int32_t soft_first, soft_count;
} omn_ce;
OMN_API omn_node *omn_cross_entropy(omn_scope *s, omn_node *logits, omn_node *labels,
                                    omn_node *weight, const omn_ce *how, omn_node **each);

/* ---- ops of plugins: "omnio.op/1" ------------------------------------------------------------ */

/* An op that the core lacks. A composition of the ops above needs none of this: it has its gradient
 * and runs on every device. The object's parameters become the struct `params` of each function, as
 * for every other kind. On devices other than the processor it is an island, like any op that the
 * device lacks: its tensors come to the host and go back. */
enum { OMN_OP_MOST = 8 };                 /* most inputs, most outputs */
typedef struct omn_op_impl {
    const void *(*extension)(const char *id);     /* may be NULL */
    uint32_t n_in, n_out;                 /* 1 to OMN_OP_MOST */
    /* Shapes and types of the outputs from those of the inputs, while a graph is built. A failure
     * says what is wrong and what would be right; the scope's and the op's names are put in front.
     * Every output has to be set, with sizes of 1 and more. params lives as long as the graph;
     * weights come in the type that they are stored in. [any] */
    omn_status (*rule)(const void *params, const omn_shape *in, const omn_type *in_type,
                       omn_shape *out, omn_type *out_type, omn_error *err);
    /* y[i] = out[i] from in, all dense and row-major; inputs may lie at any address, outputs are
     * aligned to 4 bytes, hold old bytes and overlap nothing. omn_call_split spreads work over the
     * pool; results should not depend on the number of threads. Scratch memory of the call is given
     * back when it returns. [run], and several run states of one program at a time. */
    omn_status (*run)(omn_call *c, const void *params, const omn_tensor *in, const omn_tensor *out,
                      void *const *y, omn_error *err);
    /* Builds the gradient: gy is that of output 0 (f32, its shape); gx[i], NULL at first, becomes
     * that of in[i] (f32, its shape) or stays NULL where none flows. The op may use another one of
     * its plugin for that. Outputs 1.. pass none on. NULL: a graph whose gradient passes through
     * fails. [build] */
    void (*gradient)(const void *params, omn_scope *s, omn_node *const *in, omn_node *const *out,
                     omn_node *gy, omn_node **gx);
} omn_op_impl;
/* Such an op by its name ("act.snake"), from the program's context; set: its parameters. Returns
 * output 0; outputs 1..n_more go to more[0..n_more - 1], which fails when the op has fewer. [build]
 */
OMN_API omn_node *omn_op(omn_scope *s, const char *name, omn_node *const *in, uint32_t n_in,
                         const omn_setting *set, size_t n_set, omn_node **more, uint32_t n_more);

/* ---- programs: the graphs of one model over one weight store on one device ------------------- */

/* The weights that graphs read: a checkpoint as it lies on disk, or f32 masters that a trainer
 * writes. */
typedef struct omn_store omn_store;
/* From a file; `w` must outlive the store. */
OMN_API omn_status omn_store_open(const omn_weights *w, omn_store **out, omn_error *err);
/* Empty and writable: every weight that a graph declares is made f32 and initialised from seed and
 * its name (so the order of building does not matter). from NULL, or a checkpoint that gives
 * initial values (converted to f32); with `partial` missing names are initialised, otherwise they
 * are an error. */
OMN_API omn_status omn_store_new(uint64_t seed, const omn_weights *from, bool partial,
                                 omn_store **out, omn_error *err);
OMN_API void omn_store_free(omn_store *st);
OMN_API size_t omn_store_count(const omn_store *st);
OMN_API const char *omn_store_name(const omn_store *st, size_t i);     /* in order of declaration */
/* As it is stored: six axes for a matrix in tiles (tensor.h). */
OMN_API omn_tensor omn_store_tensor(const omn_store *st, size_t i);
OMN_API float *omn_store_data(omn_store *st, size_t i); /* writable stores; else NULL */
OMN_API long omn_store_find(const omn_store *st, const char *name);    /* -1: none */

typedef struct omn_program_setup {
    uint32_t size;
    omn_context *ctx;                     /* may be NULL when compute is given */
    omn_store *store;                     /* borrowed; must outlive the program */
    const char *device;                   /* NULL: the context's */
    omn_precision precision;
    bool training;                        /* omn_scope_training() in graphs without gradient too */
    bool keep_tagged;                     /* every tagged node is an output too (verify) */
    const struct omn_compute_impl *compute;   /* this device, its number 0, instead of `device` */
    const struct omn_compute_impl *cpu;       /* for what `compute` lacks; NULL: the cpu plugin */
    omn_type cache;                           /* of omn_cache_at: OMN_F32, OMN_BF16; 0: bf16 where
                                               * products are, else f32 */
} omn_program_setup;
/* Opens the device; the store's weights go there when first used. [any] */
OMN_API omn_status omn_program_new(const omn_program_setup *how, omn_program **out, omn_error *err);
/* Its graphs go with it; run states have to be freed before. NULL is fine. [setup] */
OMN_API void omn_program_free(omn_program *p);
/* What its products are made in: f32 or bf16. [any] */
OMN_API omn_precision omn_program_precision(const omn_program *p);
/* What its caches lie in: OMN_F32 or OMN_BF16. [any] */
OMN_API omn_type omn_program_cache(const omn_program *p);
/* A word for it: OMN_F32, OMN_BF16, or 0 of "auto"; false: another word, *out as before. [any] */
OMN_API bool omn_cache_read(const char *word, omn_type *out);

/* Build (once for each key) and plan a graph: fn declares inputs and puts outputs into `out`.
 * [any], locked while it builds. */
typedef void omn_build_fn(void *user, omn_scope *root, omn_bundle *out);
OMN_API omn_status omn_program_graph(omn_program *p, const char *key, omn_build_fn *fn, void *user,
                                     omn_graph **out, omn_error *err);
/* (A key with a gradient and the same key without are two graphs.)
 * The same with the backward half joined on: output `loss` is a scalar; for every weight that is
 * not frozen (globs, "*" within a name part, "**" across parts) an output "grad:NAME" f32 is added.
 * Weights that the loss does not reach get no gradient. */
OMN_API omn_status omn_program_graph_gradient(omn_program *p, const char *key, omn_build_fn *fn,
                                              void *user, const char *loss,
                                              const char *const *frozen, size_t n_frozen,
                                              omn_graph **out, omn_error *err);

/* What a graph gives back, by number in the order of building, and what it costs. [any] */
OMN_API size_t omn_graph_outputs(const omn_graph *g);
OMN_API const char *omn_graph_output_name(const omn_graph *g, size_t i);
OMN_API omn_shape omn_graph_output_shape(const omn_graph *g, size_t i);
OMN_API size_t omn_graph_nodes(const omn_graph *g);
OMN_API uint64_t omn_graph_workspace(const omn_graph *g);     /* bytes that the plan needs */
/* Most bytes alive at once: no plan can need less. */
OMN_API uint64_t omn_graph_live_bound(const omn_graph *g);
/* The scope of the step at which that is; "" for that of the model itself. [any] */
OMN_API const char *omn_graph_greediest(const omn_graph *g);
/* Bytes of the states that it uses and another graph of its program (NULL: none) does not. [any] */
OMN_API uint64_t omn_graph_states(const omn_graph *g, const omn_graph *but);
OMN_API uint64_t omn_graph_flops(const omn_graph *g); /* floating-point operations of one run */
OMN_API void omn_graph_dot(const omn_graph *g, omn_buf *out); /* the picture, for graphviz */

typedef struct omn_memory {
    uint32_t size;
    uint64_t mapped, uploaded, states, workspace;  /* bytes; workspace of the greediest graph */
} omn_memory;
/* Bytes so far; out->size is set by the caller. [any] */
OMN_API void omn_program_memory(const omn_program *p, omn_memory *out);

/* A run state: the values of the states, one workspace, one queue. Its graphs run one after
 * another. One thread at a time; several run states of one program may run in several threads. */
typedef struct omn_exec omn_exec;
OMN_API omn_status omn_exec_new(omn_program *p, omn_exec **out, omn_error *err);
OMN_API void omn_exec_free(omn_exec *x);
/* Run: every input of the graph is taken from `in` (types and shapes are checked), outputs are read
 * with omn_exec_output until the next run. */
OMN_API omn_status omn_exec_run(omn_exec *x, omn_graph *g, const omn_feed *in, omn_call *c,
                                omn_error *err);
/* An output of the last run, in host memory, borrowed until the next run. */
OMN_API omn_status omn_exec_output(omn_exec *x, omn_graph *g, const char *name, omn_tensor *out,
                                   omn_error *err);
/* Copy rows of all states that have `rows` as first size: row i becomes what row from[i] was. */
OMN_API omn_status omn_exec_reorder(omn_exec *x, const int32_t *from, size_t rows, omn_error *err);
/* Gives the storage of states and workspace back; outputs are gone, and the next run takes storage
 * anew, its states unwritten. A runner that was cancelled does so. */
OMN_API void omn_exec_forget(omn_exec *x);
/* Bytes of that storage as it is now. */
OMN_API uint64_t omn_exec_bytes(const omn_exec *x);

/* What comes into products, for quantisation: of every matrix [N, K] that the op linear multiplies
 * by, the mean square of each of its K columns of inputs, over all runs of the graphs of a program.
 * Rows that only pad a graph count like the others. [any] */
typedef struct omn_importance omn_importance;
OMN_API omn_status omn_importance_new(omn_importance **out, omn_error *err);
OMN_API void omn_importance_free(omn_importance *m);
/* From now on, until it is called with NULL; `to` is borrowed. Before the first run of a graph:
 * what ran already goes on without being watched. Runs are slower, each such product is waited for.
 * [setup] */
OMN_API void omn_program_watch(omn_program *p, omn_importance *to);
/* [K], borrowed, filled anew by each call for this matrix; NULL: it was multiplied by in no run, or
 * is not of K columns. */
OMN_API const float *omn_importance_get(omn_importance *m, const char *weight, size_t K);
OMN_API size_t omn_importance_count(const omn_importance *m);   /* of matrices */

/* Per-op times, when asked for: a row for each op name on each device, in the order of their first
 * run, with totals since the profile was switched on; ops of plugins have their own names. The rows
 * are borrowed until the next run. */
typedef struct omn_profile_row {
    const char *op, *device;
    uint64_t calls, ns, flops, bytes;
} omn_profile_row;
OMN_API void omn_exec_profile(omn_exec *x, bool on);          /* resets the counters */
OMN_API size_t omn_exec_profile_rows(const omn_exec *x, const omn_profile_row **rows);

#ifdef __cplusplus
}
#endif
#endif
