/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One in-order queue. prepare turns ops into launches, submit hands them over without waiting;
 * results are waited for when bytes are mapped. Kernels that meet a number in the data that does
 * not fit say so in a small buffer, which is looked at on the next wait.
 */
#include "device.h"

#include <stdlib.h>
#include <string.h>

typedef struct queue {
    device *dev;
    cl_command_queue cl;
    cl_mem fault, scratch;
    uint64_t scratch_bytes;
    bool may_fault; /* something was submitted since the last look */
} queue;

omn_status queue_new(void *dev, void **out, omn_error *err)
{
    const cl_int none[4] = { 0 };
    cl_int e;
    *out = NULL;
    queue *q = calloc(1, sizeof *q);
    if (!q) return omn_fail(err, OMN_ERR_MEMORY, "no memory for a queue");
    const cl_api *cl = &((device *)dev)->cl;
    q->dev = dev;
    q->cl = cl->clCreateCommandQueue(q->dev->context, q->dev->id, CL_QUEUE_PROFILING_ENABLE, &e);
    if (q->cl)
        q->fault = cl->clCreateBuffer(q->dev->context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR,
                                      sizeof none, (void *)(uintptr_t)none, &e);
    if (!q->fault) {
        queue_free(q);
        return cl_fail(err, e, "making a queue");
    }
    *out = q;
    return OMN_OK;
}

void queue_free(void *queue_)
{
    queue *q = queue_;
    if (!q) return;
    const cl_api *cl = &q->dev->cl;
    if (q->cl) cl->clFinish(q->cl);
    if (q->fault) cl->clReleaseMemObject(q->fault);
    if (q->scratch) cl->clReleaseMemObject(q->scratch);
    if (q->cl) cl->clReleaseCommandQueue(q->cl);
    free(q);
}

void queue_forget(void *queue_, void *steps_)
{
    queue *q = queue_;
    steps *s = steps_;
    if (!s) return;
    for (uint32_t i = 0; i < s->n_launches; i++) q->dev->cl.clReleaseKernel(s->launches[i].kernel);
    free(s->launches);
    free(s->binds);
    free(s);
}

static omn_status have_scratch(queue *q, uint64_t bytes, omn_error *err)
{
    cl_int e;
    if (bytes <= q->scratch_bytes) return OMN_OK;
    if (q->scratch) q->dev->cl.clReleaseMemObject(q->scratch);
    q->scratch_bytes = 0;
    q->scratch = q->dev->cl.clCreateBuffer(q->dev->context, CL_MEM_READ_WRITE, bytes, NULL, &e);
    if (!q->scratch) return cl_fail(err, e, "clCreateBuffer of working memory");
    q->scratch_bytes = bytes;
    return OMN_OK;
}

omn_status queue_prepare(void *queue_, const omn_op_call *const *ops, uint32_t n, void **out,
                         omn_error *err)
{
    queue *q = queue_;
    omn_status st = OMN_OK;
    *out = NULL;
    steps *s = calloc(1, sizeof *s);
    if (!s) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %u steps", n);
    s->n_ops = n;
    for (uint32_t i = 0; i < n; i++) {
        const cl_op *o = op_find(ops[i]);
        if (!o) {
            st = omn_fail(err, OMN_ERR_UNSUPPORTED,
                          "OpenCL cannot run the op %s on these types and "
                          "shapes",
                          ops[i]->op);
            goto done;
        }
        plan p = { .dev = q->dev, .steps = s, .call = ops[i], .op = i, .st = OMN_OK, .err = err };
        bool empty = false;
        for (uint32_t k = 0; k < ops[i]->n_out; k++) empty = empty || !view_count(&ops[i]->out[k]);
        if (!empty) o->plan(&p);
        if (p.now.kernel) q->dev->cl.clReleaseKernel(p.now.kernel);
        OMN_TRY(p.st);
    }
    OMN_TRY(have_scratch(q, s->scratch, err));
    *out = s;
    s = NULL;
done:
    queue_forget(q, s);
    return st;
}

static omn_status set_buffers(queue *q, steps *s, const launch *l, omn_buffer *const *buffers,
                              omn_error *err)
{
    for (uint32_t i = l->first; i < l->first + l->n; i++) {
        bind *b = &s->binds[i];
        const cl_mem mem = b->slot == BIND_SCRATCH ? q->scratch
                           : b->slot == BIND_FAULT ? q->fault
                                                   : buffers[b->slot]->mem;
        if (mem == b->last) continue;
        const cl_int e = q->dev->cl.clSetKernelArg(l->kernel, b->arg, sizeof mem, &mem);
        if (e) return cl_fail(err, e, "clSetKernelArg");
        b->last = mem;
    }
    return OMN_OK;
}

/* Wait, then what each launch took is added to its op. */
static omn_status read_times(queue *q, const steps *s, const cl_event *events, uint64_t *times,
                             omn_error *err)
{
    const cl_api *cl = &q->dev->cl;
    cl_int e = cl->clFinish(q->cl);
    memset(times, 0, s->n_ops * sizeof *times);
    for (uint32_t i = 0; !e && i < s->n_launches; i++) {
        cl_ulong from = 0, to = 0;
        e = cl->clGetEventProfilingInfo(events[i], CL_PROFILING_COMMAND_START, sizeof from, &from,
                                        NULL);
        if (!e)
            e = cl->clGetEventProfilingInfo(events[i], CL_PROFILING_COMMAND_END, sizeof to, &to,
                                            NULL);
        times[s->launches[i].op] += to > from ? to - from : 0;
    }
    return e ? cl_fail(err, e, "reading times") : OMN_OK;
}

omn_status queue_submit(void *queue_, void *steps_, omn_buffer *const *buffers, omn_call *c,
                        uint64_t *times, omn_error *err)
{
    queue *q = queue_;
    steps *s = steps_;
    const cl_api *cl = &q->dev->cl;
    /* On a processor a work-item is a loop of its own: groups of more would only be built for
     * longer. */
    const size_t alone[3] = { 1, 1, 1 };
    omn_status st = OMN_OK;
    uint32_t i = 0;
    cl_event *events = times ? calloc(s->n_launches + 1, sizeof *events) : NULL;
    if (times && !events) return omn_fail(err, OMN_ERR_MEMORY, "no memory for times");
    for (; i < s->n_launches; i++) {
        const launch *l = &s->launches[i];
        if (c && omn_call_cancelled(c)) {
            st = omn_fail(err, OMN_ERR_CANCELLED, "stopped on request");
            goto done;
        }
        OMN_TRY(set_buffers(q, s, l, buffers, err));
        const cl_int e = cl->clEnqueueNDRangeKernel(q->cl, l->kernel, 3, NULL, l->global,
                                                    q->dev->is_cpu ? alone : NULL, 0, NULL,
                                                    events ? &events[i] : NULL);
        if (e) {
            st = cl_fail(err, e, "clEnqueueNDRangeKernel");
            goto done;
        }
    }
    q->may_fault = q->may_fault || s->may_fault;
    if (times)
        OMN_TRY(read_times(q, s, events, times, err));
    else if (cl->clFlush(q->cl))
        st = omn_fail(err, OMN_ERR_DEVICE, "OpenCL: clFlush failed");
done:
    for (uint32_t k = 0; events && k < i; k++) cl->clReleaseEvent(events[k]);
    free(events);
    return st;
}

/* The first number that did not fit since the last look; it is forgotten then. */
static omn_status look_at_faults(queue *q, omn_error *err)
{
    static const char *const what[] = { "?", "embedding: number", "gather: number",
                                        "state_append: place of row", "attention: k_row" };
    cl_int f[4] = { 0 };
    if (!q->may_fault) return OMN_OK;
    q->may_fault = false;
    cl_int e =
        q->dev->cl.clEnqueueReadBuffer(q->cl, q->fault, CL_TRUE, 0, sizeof f, f, 0, NULL, NULL);
    if (e) return cl_fail(err, e, "clEnqueueReadBuffer");
    if (!f[0]) return OMN_OK;
    const cl_int none = 0;
    e = q->dev->cl.clEnqueueFillBuffer(q->cl, q->fault, &none, sizeof none, 0, sizeof f, 0, NULL,
                                       NULL);
    if (e) return cl_fail(err, e, "clEnqueueFillBuffer");
    return omn_fail(err, OMN_ERR_DATA, "%s %d is %d, outside %d..%d",
                    what[f[0] > 0 && f[0] <= FAULT_K_ROW ? f[0] : 0], (int)f[1], (int)f[2],
                    f[0] == FAULT_GATHER ? -1 : 0, (int)f[3]);
}

omn_status queue_wait(void *queue_, omn_error *err)
{
    queue *q = queue_;
    const cl_int e = q->dev->cl.clFinish(q->cl);
    return e ? cl_fail(err, e, "clFinish") : look_at_faults(q, err);
}

omn_status queue_map(void *queue_, omn_buffer *b, uint64_t offset, uint64_t bytes, omn_access how,
                     void **host, omn_error *err)
{
    queue *q = queue_;
    cl_int e;
    *host = NULL;
    if (offset > b->bytes || bytes > b->bytes - offset)
        return omn_fail(err, OMN_ERR_ARGUMENT, "%llu bytes from %llu are outside a buffer of %llu",
                        (unsigned long long)bytes, (unsigned long long)offset,
                        (unsigned long long)b->bytes);
    const omn_status st = look_at_faults(q, err);
    if (st != OMN_OK) return st;
    /* Nothing is mapped for no bytes: any address will do. */
    if (bytes == 0) {
        *host = b;
        return OMN_OK;
    }
    const cl_map_flags flags = how == OMN_READ    ? CL_MAP_READ
                               : how == OMN_WRITE ? CL_MAP_WRITE_INVALIDATE_REGION
                                                  : CL_MAP_READ | CL_MAP_WRITE;
    *host = q->dev->cl.clEnqueueMapBuffer(q->cl, b->mem, CL_TRUE, flags, offset, bytes, 0, NULL,
                                          NULL, &e);
    return *host ? OMN_OK : cl_fail(err, e, "clEnqueueMapBuffer");
}

omn_status queue_unmap(void *queue_, omn_buffer *b, void *host, omn_error *err)
{
    queue *q = queue_;
    if (host == b) return OMN_OK;
    const cl_int e = q->dev->cl.clEnqueueUnmapMemObject(q->cl, b->mem, host, 0, NULL, NULL);
    return e ? cl_fail(err, e, "clEnqueueUnmapMemObject") : OMN_OK;
}
