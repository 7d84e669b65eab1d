/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device: a context, what it can do, the programs built for it; and the plan of an op, the list
 * of kernel launches that prepare makes of it.
 */
#ifndef OMN_OPENCL_DEVICE_H
#define OMN_OPENCL_DEVICE_H

#include "api.h"

#include <pthread.h>

struct omn_buffer {
    cl_mem mem;
    uint64_t bytes;
};

typedef struct built { /* one program: source and options */
    const char *source;
    char options[96];
    cl_program program;
    struct built *next;
} built;

typedef struct device {
    cl_api cl;
    cl_device_id id;
    cl_context context;
    cl_command_queue fills;      /* zeroes new memory */
    char name[128], driver[128]; /* driver: with the platform's version; both in cache keys */
    char *cache_dir;             /* NULL: none */
    uint64_t largest;
    size_t items; /* work-items that keep it busy */
    bool is_cpu;
    pthread_mutex_t lock; /* of programs */
    built *programs;
} device;

/* What an argument that changes from run to run stands for. */
enum { BIND_SCRATCH = -1, BIND_FAULT = -2 };
typedef struct bind {
    cl_uint arg;
    int64_t slot; /* of the table that submit brings, or BIND_ */
    cl_mem last;
} bind;

typedef struct launch {
    cl_kernel kernel;
    uint32_t op; /* which of the ops handed to prepare */
    size_t global[3];
    uint32_t first, n; /* of the binds */
} launch;

typedef struct steps {
    uint32_t n_ops, n_launches, room_launches, n_binds, room_binds;
    launch *launches;
    bind *binds;
    uint64_t scratch;
    bool may_fault;
} steps;

/* One op on its way into steps. The first failure stays, later calls then do nothing. */
typedef struct plan {
    device *dev;
    steps *steps;
    const omn_op_call *call;
    uint32_t op;
    launch now;
    omn_status st;
    omn_error *err;
} plan;

/* source: a .cl without its suffix, options may be NULL. Then the arguments in order, then plan_go.
 */
void plan_kernel(plan *p, const char *source, const char *options, const char *kernel);
void plan_view(plan *p, const omn_view *v); /* two arguments: buffer, bytes */
void plan_int(plan *p, int64_t v);
void plan_float(plan *p, double v);
void plan_int8(plan *p, const int32_t v[8]);
void plan_scratch(plan *p, uint64_t bytes);
void plan_fault(plan *p, int32_t what); /* two arguments: buffer, what */
void plan_go(plan *p, size_t x, size_t y, size_t z);

/* Faults: numbers in data that do not fit. */
enum { FAULT_EMBEDDING = 1, FAULT_GATHER, FAULT_APPEND, FAULT_K_ROW };

/* program.c: the program of a source, built or from the cache; borrowed until the device closes. */
omn_status program_get(device *d, const char *source, const char *options, cl_program *out,
                       omn_error *err);
void programs_free(device *d);

/* One op of the contract: whether this device does it, and how. */
typedef struct cl_op {
    const char *name;
    bool (*can)(const omn_op_call *c);
    void (*plan)(plan *p);
    double (*cost)(const omn_op_call *c); /* multiply-adds; NULL: moved bytes decide */
} cl_op;

/* Ended by a row without a name. */
extern const cl_op cl_ops_product[], cl_ops_row[], cl_ops_element[];
const cl_op *op_find(const omn_op_call *c);

/* queue.c */
omn_status queue_new(void *dev, void **out, omn_error *err);
void queue_free(void *queue);
omn_status queue_prepare(void *queue, const omn_op_call *const *ops, uint32_t n, void **out,
                         omn_error *err);
void queue_forget(void *queue, void *steps);
omn_status queue_submit(void *queue, void *steps, omn_buffer *const *buffers, omn_call *c,
                        uint64_t *times, omn_error *err);
omn_status queue_wait(void *queue, omn_error *err);
omn_status queue_map(void *queue, omn_buffer *b, uint64_t offset, uint64_t bytes, omn_access how,
                     void **host, omn_error *err);
omn_status queue_unmap(void *queue, omn_buffer *b, void *host, omn_error *err);

static inline int64_t view_dim(const omn_view *v, uint32_t axis)
{
    return v->shape.dim[axis];
}
static inline int64_t view_last(const omn_view *v)
{
    return v->shape.rank ? v->shape.dim[v->shape.rank - 1] : 1;
}
static inline int64_t view_count(const omn_view *v)
{
    return (int64_t)omn_view_count(v);
}
static inline int64_t view_rows(const omn_view *v)
{
    const int64_t D = view_last(v);
    return D ? view_count(v) / D : 0;
}
static inline int64_t parts(int64_t n, int64_t size)
{
    return (n + size - 1) / size;
}
static inline int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}
static inline int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}
/* How many of n each work-item should do. */
static inline int64_t share(const device *d, int64_t n, int64_t at_least)
{
    return most(at_least, parts(n, (int64_t)d->items));
}

#endif
