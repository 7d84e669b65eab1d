/* SPDX-License-Identifier: Apache-2.0 */
/* Building the launches of one op: kernels of their own, so that arguments that never change are
 * set once here and only buffers are looked at when steps run. */
#include "device.h"

#include <stdlib.h>
#include <string.h>

static bool grow(plan *p, void **array, uint32_t *room, uint32_t n, size_t each)
{
    if (n < *room) return true;
    const uint32_t want = *room ? 2 * *room : 64;
    void *more = realloc(*array, want * each);
    if (!more) {
        p->st = omn_fail(p->err, OMN_ERR_MEMORY, "no memory for the steps of a graph");
        return false;
    }
    *array = more;
    *room = want;
    return true;
}

void plan_kernel(plan *p, const char *source, const char *options, const char *kernel)
{
    cl_program program;
    cl_int e;
    if (p->st != OMN_OK) return;
    p->st = program_get(p->dev, source, options ? options : "", &program, p->err);
    if (p->st != OMN_OK) return;
    p->now = (launch){ .op = p->op, .first = p->steps->n_binds };
    p->now.kernel = p->dev->cl.clCreateKernel(program, kernel, &e);
    if (!p->now.kernel) p->st = cl_fail(p->err, e, kernel);
}

/* `n` of a launch counts arguments until plan_go makes it the count of its binds. */
static void argument(plan *p, size_t size, const void *value)
{
    if (p->st != OMN_OK) return;
    const cl_int e = p->dev->cl.clSetKernelArg(p->now.kernel, p->now.n++, size, value);
    if (e) p->st = cl_fail(p->err, e, p->call->op);
}

static void bound(plan *p, int64_t slot)
{
    void *binds = p->steps->binds;
    if (p->st != OMN_OK) return;
    if (!grow(p, &binds, &p->steps->room_binds, p->steps->n_binds, sizeof(bind))) return;
    p->steps->binds = binds;
    p->steps->binds[p->steps->n_binds++] = (bind){ p->now.n++, slot, NULL };
}

void plan_view(plan *p, const omn_view *v)
{
    const cl_ulong at = v->offset;
    bound(p, v->slot);
    argument(p, sizeof at, &at);
}

void plan_int(plan *p, int64_t v)
{
    const cl_int i = (cl_int)v;
    if (i != v && p->st == OMN_OK)
        p->st = omn_fail(p->err, OMN_ERR_UNSUPPORTED, "%s: %lld is too large for OpenCL kernels",
                         p->call->op, (long long)v);
    argument(p, sizeof i, &i);
}

void plan_float(plan *p, double v)
{
    const cl_float f = (cl_float)v;
    argument(p, sizeof f, &f);
}

void plan_int8(plan *p, const int32_t v[8])
{
    cl_int8 all;
    memcpy(&all, v, sizeof all);
    argument(p, sizeof all, &all);
}

void plan_scratch(plan *p, uint64_t bytes)
{
    if (bytes > p->steps->scratch) p->steps->scratch = bytes;
    bound(p, BIND_SCRATCH);
}

void plan_fault(plan *p, int32_t what)
{
    p->steps->may_fault = true;
    bound(p, BIND_FAULT);
    plan_int(p, what);
}

void plan_go(plan *p, size_t x, size_t y, size_t z)
{
    void *launches = p->steps->launches;
    steps *s = p->steps;
    if (p->st == OMN_OK && grow(p, &launches, &s->room_launches, s->n_launches, sizeof(launch))) {
        s->launches = launches;
        p->now.n = s->n_binds - p->now.first;
        p->now.global[0] = x;
        p->now.global[1] = y;
        p->now.global[2] = z;
        s->launches[s->n_launches++] = p->now;
    } else if (p->now.kernel) {
        p->dev->cl.clReleaseKernel(p->now.kernel);
    }
    p->now.kernel = NULL;
}
