/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the graph floor share: nodes (values), steps (ops applied to values), scopes,
 * the rules of an op, and the plan. A graph is two arrays, nodes and steps, in order of building,
 * which is an order of execution too: whatever is used was built before. Reshape and stop_gradient
 * make an alias, a node without a step that shares the storage of another one. */
#ifndef OMN_GRAPH_INSIDE_H
#define OMN_GRAPH_INSIDE_H

#include "glob.h"

#include <omnio/compute.h>

#include <pthread.h>

#define ALIGNMENT 64u

typedef enum op_id {
#define OMN_OP(name, attrs, in, out) OP_##name,
    OMN_OPS(OMN_OP)
#undef OMN_OP
        OP_COUNT
} op_id;

typedef struct step step;
/* gy[i]: gradient of output i (only output 0 has one); set gx[i] for inputs with wants(st, i). */
typedef void grad_fn(omn_scope *s, const step *st, omn_node *gy, omn_node **gx);
typedef uint64_t flops_fn(const step *st);

typedef struct op_rule {
    const char *name;
    uint32_t attrs_size;
    grad_fn *grad;   /* NULL: no gradient flows through */
    flops_fn *flops; /* NULL: one for each element of output 0 */
    bool in_place;   /* output 0 may be input 0 when the bytes agree */
} op_rule;
const op_rule *op_rule_get(op_id op);
/* The op's name; of a plugin's op the one that it was asked for by. */
const char *step_name(const step *st);
grad_fn grad_linear, grad_matmul, grad_add, grad_mul, grad_scale, grad_act, grad_glu, grad_rms_norm,
    grad_layer_norm, grad_l2_norm, grad_group_norm, grad_softmax, grad_log_softmax, grad_rope,
    grad_embedding, grad_gather, grad_permute, grad_concat, grad_slice, grad_pad, grad_cast,
    grad_expand, grad_sum, grad_attention, grad_cross_entropy, grad_conv2d, grad_conv2d_dx,
    grad_pool2d, grad_upsample, grad_plugin;
flops_fn flops_linear, flops_matmul, flops_attention, flops_attention_grad, flops_conv, flops_norm,
    flops_quantise, flops_input, flops_pool;

/* ---- names -> numbers --------------------------------------------------------------------------
 */

/* Open addressing; keys are borrowed. */
typedef struct names {
    struct {
        const char *key;
        uint32_t value;
    } * row;
    uint32_t count, room;
} names;
bool names_put(names *n, const char *key, uint32_t value); /* false: no memory */
long names_get(const names *n, const char *key);           /* -1: none */
void names_fini(names *n);
uint64_t names_hash(const char *key);

/* ---- nodes and steps ----------------------------------------------------------------------------
 */

typedef enum node_kind {
    NODE_INPUT,
    NODE_CONST,
    NODE_WEIGHT,
    NODE_STATE,
    NODE_RESULT,
    NODE_ALIAS
} node_kind;

struct omn_node {
    omn_graph *g;
    uint32_t id;
    node_kind kind;
    omn_type type;
    omn_shape shape;
    step *by; /* RESULT: output `place` of this step */
    uint32_t place;
    omn_node *of;           /* ALIAS: whose storage */
    const char *name, *tag; /* of a leaf; the first that omn_node_tag gave */
    const void *data;       /* CONST */
    long weight;            /* WEIGHT: number in the store */
    bool tiled;             /* WEIGHT: the store has its tiles */
    bool in_blocks;         /* WEIGHT: all that read it are ops that take blocks; the plan */
    bool multiplies;        /* WEIGHT: all that read it are products that take tiles; the plan */
    omn_state *state;       /* STATE, and RESULT of a state step */
    bool path;              /* a trainable weight lies below, a gradient may pass */
    bool keep;              /* an output: never fused away or overwritten */
    omn_node *grad;
    uint32_t uses;    /* counted by the passes, on roots */
    long first, last; /* life in steps, on roots */
    long group;       /* storage in the workspace; -1: elsewhere */
    omn_view view;
};

struct step {
    op_id op;
    bool dead;
    uint32_t at; /* place in the order; set by the passes */
    void *attrs;
    omn_scope *scope;
    uint32_t n_in, n_out;
    omn_node **in, **out;
};

struct omn_scope {
    omn_graph *g;
    const char *name;
};

struct omn_bundle {
    omn_graph *g;
    uint32_t count, room;
    struct {
        const char *name;
        omn_node *node;
    } * row;
};

struct omn_state {
    const char *name; /* owned by the program */
    omn_type type;
    omn_shape shape;
    uint64_t bytes;
    uint32_t number; /* in the program */
    bool heads;      /* a cache: [rows, heads, places, width] */
    omn_state *next;
};

/* Where a buffer of a graph's slot table comes from. */
typedef enum slot_kind { SLOT_WORKSPACE, SLOT_CONSTS, SLOT_WEIGHT, SLOT_STATE } slot_kind;
typedef struct slot {
    slot_kind kind;
    uint32_t number; /* weight buffer of the program; state of the program */
} slot;

typedef struct group { /* nodes that share one piece of the workspace */
    uint64_t bytes, offset;
    long first, last;
} group;

typedef struct tag {
    const char *name;
    omn_node *node;
} tag;

typedef struct made {
    const char *name;
    const omn_node *of;
    omn_node *node;
} made;

struct omn_graph {
    omn_program *program;
    const char *key;
    omn_arena *arena;
    omn_error failure;
    bool training, backward; /* backward: gradient nodes are being built */
    const char *const *frozen;
    size_t n_frozen;
    omn_scope *root;
    omn_node **nodes;
    uint32_t n_nodes, room_nodes;
    step **steps;
    uint32_t n_steps, room_steps;
    names weights, inputs; /* -> node number */
    omn_bundle *outputs;
    tag *tags;
    uint32_t n_tags, room_tags;
    made *makings; /* what builders asked to remember, omn_node_make */
    uint32_t n_makings, room_makings;
    /* the plan */
    group *groups;
    uint32_t n_groups;
    slot *slots;
    uint32_t n_slots, room_slots;
    omn_op_call *calls;
    uint64_t workspace, live_bound;
    void *consts; /* host bytes of all constants, 64-aligned */
    uint64_t consts_bytes;
    omn_buffer *consts_buffer;
    bool with_gradient, recompute;
    uint64_t frozen_hash; /* a key with other frozen weights is another graph */
    omn_graph *next;
};

/* graph.c */
omn_graph *graph_new(omn_program *p, const char *key);
void graph_free(omn_graph *g);
/* "scope: op: text"; returns NULL. */
omn_node *graph_fail(omn_scope *s, omn_status st, const char *op, const char *fmt, ...)
    OMN_PRINTF(4, 5);
/* True when there is nothing to do: failed before, or one of the n nodes is NULL (then that fails).
 */
bool graph_stop(omn_scope *s, const char *op, size_t n, omn_node *const *need);
/* Whether there may be such a tensor; if not, that is the graph's failure. */
bool graph_fits(omn_scope *s, const char *op, omn_type t, const omn_shape *shape);
omn_node *graph_node(omn_scope *s, node_kind kind, omn_type t, omn_shape shape);
/* A step with one output; attrs are copied, `size` in front is set. */
omn_node *graph_op(omn_scope *s, op_id op, const void *attrs, omn_node *const *in, uint32_t n_in,
                   omn_type t, omn_shape shape);
step *graph_step(omn_scope *s, op_id op, const void *attrs, omn_node *const *in, uint32_t n_in,
                 const omn_type *t, const omn_shape *shapes, uint32_t n_out);
const char *graph_full_name(omn_scope *s, const char *name);
/* Shape and type of a node as text: "[2, 5] f32". */
const char *node_text(const omn_node *x, char buf[static 96]);
omn_node *node_root(omn_node *x);
uint64_t node_count(const omn_node *x);
uint64_t node_bytes(const omn_node *x);
/* A 16-bit weight where an op wants f32: cast first. Others than floats fail. */
omn_node *graph_f32(omn_scope *s, const char *op, omn_node *x);
bool graph_is_float(omn_scope *s, const char *op, const char *what, omn_node *x);
/* The same of what may be blocks of quantised weights, too, which graph_is_float refuses. */
bool graph_is_weight(omn_scope *s, const char *op, const char *what, omn_node *x);
bool graph_no_blocks(omn_scope *s, const char *op, const omn_node *x);
bool graph_is_i32(omn_scope *s, const char *op, const char *what, omn_node *x);
bool wants(const step *st, uint32_t i);
bool graph_grow(omn_arena *a, void *items, uint32_t *room, uint32_t count, size_t each);
omn_node *graph_sum_to(omn_scope *s, omn_node *x, omn_shape shape);

/* recompute.c: how a graph is made again in pieces; NULL: no memory, the graph's failure. */
typedef struct stretches stretches;
stretches *recompute_new(omn_graph *g);
/* The step that stands for st when its gradient is built: over what is made again, or st itself;
 * NULL: the graph failed. */
const step *recompute_step(stretches *r, step *st);

/* gradient.c, fuse.c, plan.c, place.c */
void gradient_build(omn_graph *g, const char *loss);
void fold_scales(omn_graph *g);
void remove_dead(omn_graph *g);
void fuse(omn_graph *g);
void plan_build(omn_graph *g);
uint64_t place_groups(group *g, uint32_t n, uint64_t bound);
uint64_t place_bound(const group *g, uint32_t n);

/* ---- programs -----------------------------------------------------------------------------------
 */

typedef struct weight_buffer {
    omn_buffer *buffer;
    const void *host;
    uint64_t bytes;
    bool uploaded; /* a copy: a writable store is copied again for each run */
    long in_rows;  /* number of a weight whose tiles were brought into rows here; else -1 */
} weight_buffer;

typedef struct device {
    const omn_compute_impl *compute;
    uint64_t piece; /* wrap at most twice so many bytes at once; 0: no limit */
    bool fast_bf16; /* it says that products of bf16 are its faster ones */
    bool takes_tiles; /* it says that its product linear takes weights in tiles */
    bool is_open;
    void *dev, *queue; /* queue: for uploads while planning */
    const char *name;
    omn_device_info info; /* zeros where it does not say */
} device;

struct omn_program {
    omn_context *ctx;
    omn_pool *pool;
    omn_store *store;
    omn_precision precision;
    omn_type cache;
    bool training, keep_tagged;
    omn_arena *arena;
    pthread_mutex_t lock;
    device main, cpu; /* cpu: for islands, opened when first needed */
    omn_graph *graphs;
    omn_state *states;
    uint32_t n_states;
    weight_buffer *weights;
    uint32_t n_weights, room_weights;
    uint64_t workspace; /* of the greediest graph */
    size_t n_declared, n_left; /* weights when they were last looked at, and those told of */
    omn_importance *importance; /* NULL: nobody wants what products multiply; borrowed */
};
omn_status program_cpu(omn_program *p, omn_error *err);
/* op flops and bytes moved of one step. */
uint64_t step_flops(const step *st);
uint64_t step_bytes(const step *st);
/* The weight buffer that holds host .. host + bytes, and the offset in it. */
omn_status program_weight(omn_program *p, long weight, uint32_t *number, uint64_t *offset,
                          omn_error *err);
/* The same for a matrix that the store has in tiles, brought into rows. */
omn_status program_weight_rows(omn_program *p, long weight, const omn_shape *matrix,
                               uint32_t *number, omn_error *err);
omn_status program_consts(omn_program *p, const void *host, uint64_t bytes, omn_buffer **out,
                          omn_error *err);
omn_status device_open(const omn_program *p, device *d, uint32_t number, const void *params,
                       omn_error *err);
void device_close(device *d);
omn_status device_find(omn_program *p, const char *text, device *d, omn_error *err);
omn_status device_upload(const device *d, void *queue, omn_buffer *b, uint64_t offset,
                         const void *host, uint64_t bytes, omn_error *err);

/* store.c, initial.c */
omn_status store_declare(omn_store *st, const char *name, const omn_shape *want, omn_init_kind init,
                         double a, long *number, omn_tensor *out, omn_error *err);
bool store_has(omn_store *st, const char *name);
bool store_writable(const omn_store *st);
/* Weights that are declared from now on have room, and nobody fills or reads it: graphs of them are
 * planned, and never run. */
void store_hollow(omn_store *st);
/* Elements from .. from + n of how weight i of a hollow store begins; from is even. */
void store_initial(const omn_store *st, size_t i, uint64_t seed, size_t from, float *out, size_t n);
bool store_mostly_bf16(const omn_store *st); /* of a checkpoint as it lies; by bytes */
const omn_weights *store_weights(const omn_store *st);
/* left.c: does the file go on where the declared weights end, by more tensors than *told? They are
 * counted there, and out gets a sentence. */
bool left_tell(omn_store *st, size_t *told, char *out, size_t room);
/* Elements from .. from + n; from is even. */
void initial_fill(uint64_t seed, const char *name, const omn_shape *shape, omn_init_kind init,
                  double a, size_t from, float *out, size_t n);

#endif
