/* SPDX-License-Identifier: Apache-2.0 */
/* Islands: a step that the device lacks runs on the cpu. Each of its tensors is mapped, the
 * addresses are wrapped as buffers of the cpu, the step runs there, all is unmapped. One step at a
 * time, so that two tensors of one island never overlap unless the op works in place. */
#include "exec.h"

#include <stdlib.h>

static uint64_t view_bytes(const omn_view *v)
{
    size_t bytes = 0;
    return omn_shape_bytes(&v->shape, v->type, &bytes) ? bytes : 0; /* the node was checked */
}

static const omn_view *view_at(const omn_op_call *call, uint32_t i)
{
    return i < call->n_in ? &call->in[i] : &call->out[i - call->n_in];
}

/* The first view of the same bytes; in an island they share a slot. */
static uint32_t same_as(const omn_op_call *call, uint32_t i)
{
    const omn_view *v = view_at(call, i);
    for (uint32_t k = 0; k < i; k++) {
        const omn_view *w = view_at(call, k);
        if (w->slot == v->slot && w->offset == v->offset && view_bytes(w) == view_bytes(v))
            return k;
    }
    return i;
}

omn_status island_prepare(omn_exec *x, const omn_op_call *call, segment *sg, omn_error *err)
{
    const uint32_t n = call->n_in + call->n_out;
    omn_status st = program_cpu(x->p, err);
    if (st == OMN_OK && !x->cpu_queue)
        st = x->p->cpu.compute->queue_new(x->p->cpu.dev, &x->cpu_queue, err);
    if (st != OMN_OK) {
        omn_error_prefix(err, "%s: the device '%s' lacks it", call->op, x->p->main.name);
        return st;
    }
    sg->views = calloc(n, sizeof(*sg->views));
    sg->ops = calloc(1, sizeof(omn_op_call *));
    if (!sg->views || !sg->ops) return omn_fail(err, OMN_ERR_MEMORY, "not enough memory to run");
    for (uint32_t i = 0; i < n; i++) {
        sg->views[i] = *view_at(call, i);
        sg->views[i].slot = same_as(call, i);
        sg->views[i].offset = 0;
    }
    sg->call = *call;
    sg->call.in = sg->views;
    sg->call.out = sg->views + call->n_in;
    sg->ops[0] = &sg->call;
    if (x->p->cpu.compute->cost(x->p->cpu.dev, &sg->call) < 0)
        return omn_fail(err, OMN_ERR_UNSUPPORTED,
                        "%s: neither '%s' nor the cpu can do it with these "
                        "types and shapes",
                        call->op, x->p->main.name);
    return x->p->cpu.compute->prepare(x->cpu_queue, sg->ops, 1, &sg->steps, err);
}

omn_status island_run(omn_exec *x, const omn_op_call *call, segment *sg, omn_buffer *const *buffers,
                      omn_call *c, uint64_t *times, omn_error *err)
{
    const device *main = &x->p->main, *cpu = &x->p->cpu;
    const uint32_t n = call->n_in + call->n_out;
    void **host = calloc(n, sizeof(*host));
    omn_buffer **wrapped = calloc(n, sizeof(*wrapped));
    omn_status st = OMN_OK, late;
    if (!host || !wrapped) {
        st = omn_fail(err, OMN_ERR_MEMORY, "not enough memory to run");
        goto done;
    }
    for (uint32_t i = 0; i < n; i++) {
        const omn_view *v = view_at(call, i);
        omn_access how = i < call->n_in ? OMN_READ : OMN_WRITE;
        if (sg->views[i].slot != i) continue;
        for (uint32_t k = i + 1; k < n; k++)
            if (sg->views[k].slot == i && k >= call->n_in) how = OMN_READ_WRITE;
        OMN_TRY(main->compute->map(x->queue, buffers[v->slot], v->offset, view_bytes(v), how,
                                   &host[i], err));
        OMN_TRY(cpu->compute->wrap(cpu->dev, host[i], view_bytes(v), &wrapped[i], err));
    }
    OMN_TRY(cpu->compute->submit(x->cpu_queue, sg->steps, wrapped, c, times, err));
done:
    if (wrapped) {
        late = cpu->compute->wait(x->cpu_queue, err);
        if (st == OMN_OK) st = late;
    }
    for (uint32_t i = 0; host && wrapped && i < n; i++) {
        if (wrapped[i]) cpu->compute->release(cpu->dev, wrapped[i]);
        if (!host[i]) continue;
        late = main->compute->unmap(x->queue, buffers[view_at(call, i)->slot], host[i], err);
        if (st == OMN_OK) st = late;
    }
    free(host);
    free(wrapped);
    return st;
}

void island_forget(omn_exec *x, segment *sg)
{
    if (sg->steps) x->p->cpu.compute->forget(x->cpu_queue, sg->steps);
    free(sg->views);
}
