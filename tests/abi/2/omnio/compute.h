/* SPDX-License-Identifier: Apache-2.0 */
/* omnio/compute.h: the kind "omnio.compute/1": a device that runs ops. The core plans; a device
 * allocates buffers, finds kernels at prepare, runs them at submit. An op that a device lacks is
 * run on the cpu by the executor: map the inputs, run there, unmap. */
#ifndef OMNIO_COMPUTE_H
#define OMNIO_COMPUTE_H

#include <omnio/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Any tensor, as a kernel meets it. Dense, row-major. */
typedef struct omn_view {
    uint32_t slot;                        /* which buffer of the table that submit brings */
    omn_type type;
    uint64_t offset; /* bytes; any alignment for mapped weights, 64 otherwise */
    omn_shape shape;
} omn_view;
static inline uint64_t omn_view_count(const omn_view *v)
{
    uint64_t n = 1;
    for (uint32_t i = 0; i < v->shape.rank; i++) n *= (uint64_t)v->shape.dim[i];
    return n;
}

typedef struct omn_op_call {
    uint32_t size;
    const char *op;                       /* "linear": looked up once, at prepare, never per run */
    const void *attrs;                    /* as ops.h says for this op */
    const omn_view *in, *out;
    uint32_t n_in, n_out;
} omn_op_call;

typedef struct omn_buffer omn_buffer;     /* the device's own */
typedef enum omn_access { OMN_READ = 1, OMN_WRITE = 2, OMN_READ_WRITE = 3 } omn_access;

typedef struct omn_device_info {
    char name[128], driver[128];
    uint64_t memory, largest_buffer;      /* bytes; 0 unknown */
    uint32_t units;
    char features[256];                   /* words: "avx512", "fp16 subgroups"; "bf16": products of
                                           * bf16 are faster here than those of f32; "tiles": linear
                                           * takes weights in tiles (ops.h); others get rows */
} omn_device_info;

/* Each function but the first three is [run] for one queue at a time; different queues of one
 * device may be used from different threads. */
typedef struct omn_compute_impl {
    const void *(*extension)(const char *id);     /* may be NULL */
    /* How many devices there are now; fill info of device i (NULL: only count). [any] */
    uint32_t (*count)(void);
    omn_status (*describe)(uint32_t i, omn_device_info *info, omn_error *err);
    /* pool: of the context, borrowed until close. params: the object's struct. */
    omn_status (*open)(uint32_t i, omn_pool *pool, const void *params, const char *cache_dir,
                       void **dev, omn_error *err);
    void (*close)(void *dev);
    /* Zeroed device memory. */
    omn_status (*alloc)(void *dev, uint64_t bytes, omn_buffer **out, omn_error *err);
    /* Host memory as a read-only buffer, borrowed until release; OMN_ERR_UNSUPPORTED: the host
     * uploads. The cpu always can, and there the buffer may be written too (other devices' missing
     * ops). The owner may change the bytes between submits (a trainer's weights). */
    omn_status (*wrap)(void *dev, const void *host, uint64_t bytes, omn_buffer **out,
                       omn_error *err);
    void (*release)(void *dev, omn_buffer *b);
    /* Nanoseconds this op would take, roughly; below 0: cannot. */
    double (*cost)(const void *dev, const omn_op_call *op);
    omn_status (*queue_new)(void *dev, void **queue, omn_error *err);
    void (*queue_free)(void *queue);
    /* Everything but the buffers is known here: kernels are found and built. ops: valid until
     * forget. scratch: bytes of workspace that the steps need beyond what the plan knows; the
     * device owns it. */
    omn_status (*prepare)(void *queue, const omn_op_call *const *ops, uint32_t n, void **steps,
                          omn_error *err);
    void (*forget)(void *queue, void *steps);
    /* Run all steps in order. buffers[slot], entries that no step uses may be NULL; c is never
     * NULL. times: NULL, or n nanosecond counts to fill (then it may wait after each). Does not
     * wait otherwise; late failures come from wait or map. */
    omn_status (*submit)(void *queue, void *steps, omn_buffer *const *buffers, omn_call *c,
                         uint64_t *times, omn_error *err);
    omn_status (*wait)(void *queue, omn_error *err);
    /* Host address of bytes of a buffer; waits for what it needs. Several maps of one buffer may be
     * open as long as those for writing overlap no other; nothing is submitted over a range mapped
     * for writing. */
    omn_status (*map)(void *queue, omn_buffer *b, uint64_t offset, uint64_t bytes, omn_access how,
                      void **host, omn_error *err);
    omn_status (*unmap)(void *queue, omn_buffer *b, void *host, omn_error *err);
} omn_compute_impl;

#ifdef __cplusplus
}
#endif
#endif
