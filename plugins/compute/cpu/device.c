/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugin compute/cpu: the device "cpu" of kind omnio.compute/1. Memory is the process's own, so
 * wrapping a mapped file costs nothing and map is address arithmetic. prepare finds the row of each
 * op and the working memory that the greediest step wants; submit runs steps one after another,
 * each spread over the context's pool; what tasks need besides comes from the device's scratch. The
 * level of kernels is chosen once, when the device is
 * opened.
 */
#include "ops.h"
#include "scratch.h"

#include <omnio/plugin.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct omn_buffer {
    void *data, *block;                 /* block: what free() wants; NULL when wrapped */
    uint64_t bytes;
};

typedef struct device {
    const cpu_kernels *kernels;
    omn_pool *pool;
    cpu_scratch *scratch;
} device;

typedef struct queue {
    const device *dev;
    void *work;
    size_t work_bytes;
} queue;

typedef struct step {
    const cpu_op *op;
    const omn_op_call *call;
    void **ptr;                         /* in, then out: filled at submit */
    omn_act act;                        /* of the next step */
    bool done;                          /* by the step before */
} step;

typedef struct steps {
    uint32_t n;
    step *step;
    void **ptr;
} steps;

static void pool_split(void *pool, size_t n, size_t grain, cpu_range *fn, void *user)
{
    omn_pool_split(pool, n, grain, fn, user);
}

static uint32_t count(void) { return 1; }

static omn_status describe(uint32_t i, omn_device_info *info, omn_error *err)
{
    if (i != 0) return omn_fail(err, OMN_ERR_DEVICE, "cpu:%u is not there, there is one", i);
    const cpu_kernels *k = cpu_kernels_at(cpu_level_best());
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    const long units = sysconf(_SC_NPROCESSORS_ONLN);
    memset(info, 0, sizeof *info);
    snprintf(info->name, sizeof info->name, "processor");
    snprintf(info->driver, sizeof info->driver, "native kernels");
    snprintf(info->features, sizeof info->features, "%s tiles", k->level);
    info->memory = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 0;
    info->units = units > 0 ? (uint32_t)units : 1;
    return OMN_OK;
}

static void close_device(void *dev)
{
    device *d = dev;
    if (d) cpu_scratch_free(d->scratch);
    free(d);
}

static omn_status open_device(uint32_t i, omn_pool *pool, const void *params, const char *cache_dir,
                              void **dev, omn_error *err)
{
    (void)params;
    (void)cache_dir;
    *dev = NULL;
    if (i != 0) return omn_fail(err, OMN_ERR_DEVICE, "cpu:%u is not there, there is one", i);
    const char *asked = getenv("OMNIO_CPU");
    cpu_level most;
    if (!cpu_level_asked(asked, &most))
        return omn_fail(err, OMN_ERR_ARGUMENT,
                        "OMNIO_CPU is \"%s\", it may be portable, avx2, avx512 or amx", asked);
    device *d = calloc(1, sizeof *d);
    if (!d) return omn_fail(err, OMN_ERR_MEMORY, "no memory for the device cpu");
    d->kernels = cpu_kernels_at(cpu_level_best());
    d->pool = pool;
    d->scratch = cpu_scratch_new(d->kernels->scratch);
    omn_status st = d->scratch ? OMN_OK
                               : omn_fail(err, OMN_ERR_MEMORY, "no memory for the device cpu");
    /* the thread that submits has its queue's block */
    for (uint32_t w = 1; st == OMN_OK && w < omn_pool_threads(pool); w++)
        st = cpu_scratch_reserve(d->scratch, err);
    if (st == OMN_OK) *dev = d;
    else close_device(d);
    return st;
}

static omn_status alloc(void *dev, uint64_t bytes, omn_buffer **out, omn_error *err)
{
    (void)dev;
    *out = NULL;
    omn_buffer *b = calloc(1, sizeof *b);
    /* calloc gives pages that the system zeroes when they are first touched */
    if (b && bytes <= SIZE_MAX - 64) b->block = calloc((size_t)bytes + 64, 1);
    if (!b || !b->block) {
        free(b);
        return omn_fail(err, OMN_ERR_MEMORY, "no memory for a buffer of %llu bytes",
                        (unsigned long long)bytes);
    }
    omn_large_pages(b->block, (size_t)bytes + 64);
    b->data = (char *)b->block + (64 - (uintptr_t)b->block % 64);
    b->bytes = bytes;
    *out = b;
    return OMN_OK;
}

static omn_status wrap(void *dev, const void *host, uint64_t bytes, omn_buffer **out,
                       omn_error *err)
{
    (void)dev;
    *out = NULL;
    omn_buffer *b = calloc(1, sizeof *b);
    if (!b) return omn_fail(err, OMN_ERR_MEMORY, "no memory for a buffer");
    b->data = (void *)(uintptr_t)host;  /* read only by contract: no op writes to it */
    b->bytes = bytes;
    *out = b;
    return OMN_OK;
}

static void release(void *dev, omn_buffer *b)
{
    (void)dev;
    if (b) free(b->block);
    free(b);
}

static const cpu_op *find(const char *name)
{
    static const cpu_op *const lists[] = { cpu_ops_product, cpu_ops_plain, cpu_ops_move };
    for (size_t l = 0; l < sizeof lists / sizeof *lists; l++)
        for (const cpu_op *o = lists[l]; o->name; o++)
            if (!strcmp(o->name, name)) return o;
    return NULL;
}

/* The types of the contract: indices i32, weights any float; the rest is the op's affair. */
static bool takes(const cpu_op *o, const omn_op_call *c)
{
    for (uint32_t i = 0; i < c->n_in + c->n_out; i++) {
        const omn_view *v = i < c->n_in ? &c->in[i] : &c->out[i - c->n_in];
        if (!omn_type_get(v->type) || v->shape.rank > OMN_MAX_RANK) return false;
    }
    return !o->can || o->can(c);
}

static double cost(const void *dev, const omn_op_call *c)
{
    (void)dev;
    const cpu_op *o = find(c->op);
    if (!o || !takes(o, c)) return -1;
    if (o->cost) return 1000 + o->cost(c) / 40;
    double bytes = 0;
    for (uint32_t i = 0; i < c->n_in; i++)
        bytes += (double)view_count(&c->in[i]) * (double)view_unit(&c->in[i]);
    for (uint32_t i = 0; i < c->n_out; i++)
        bytes += (double)view_count(&c->out[i]) * (double)view_unit(&c->out[i]);
    return 1000 + bytes / 10;
}

static omn_status queue_new(void *dev, void **out, omn_error *err)
{
    const device *d = dev;
    *out = NULL;
    queue *q = calloc(1, sizeof *q);
    if (!q) return omn_fail(err, OMN_ERR_MEMORY, "no memory for a queue");
    q->dev = d;
    const omn_status st = cpu_scratch_reserve(d->scratch, err);
    if (st == OMN_OK) *out = q;
    else free(q);
    return st;
}

static void queue_free(void *queue_)
{
    queue *q = queue_;
    if (!q) return;
    cpu_scratch_release(q->dev->scratch);
    free(q->work);
    free(q);
}

static void forget(void *queue_, void *steps_)
{
    steps *s = steps_;
    (void)queue_;
    if (!s) return;
    free(s->step);
    free(s->ptr);
    free(s);
}

/* An activation in place of what a group norm has made: the norm does it before it writes, number
 * by number as it would be done alone, and memory is passed once less. */
static void fold(step *before, step *t)
{
    const omn_op_call *c = t->call;
    const omn_view *x = &c->in[0], *y = &c->out[0], *made = &before->call->out[0];
    if (strcmp(before->op->name, "group_norm") != 0 || strcmp(c->op, "act") != 0) return;
    if (x->slot != y->slot || x->offset != y->offset || x->slot != made->slot ||
        x->offset != made->offset || omn_view_count(y) != omn_view_count(made))
        return;
    before->act = (omn_act)((const omn_act_attrs *)c->attrs)->act;
    t->done = true;
}

static omn_status prepare(void *queue_, const omn_op_call *const *ops, uint32_t n, void **out,
                          omn_error *err)
{
    queue *q = queue_;
    omn_status st = OMN_OK;
    size_t pointers = 0, work = q->work_bytes, at = 0;
    *out = NULL;
    steps *s = calloc(1, sizeof *s);
    for (uint32_t i = 0; i < n; i++) pointers += ops[i]->n_in + ops[i]->n_out;
    if (s) {
        s->n = n;
        s->step = calloc(n ? n : 1, sizeof *s->step);
        s->ptr = calloc(pointers ? pointers : 1, sizeof *s->ptr);
    }
    if (!s || !s->step || !s->ptr) {
        st = omn_fail(err, OMN_ERR_MEMORY, "no memory for %u steps", n);
        goto done;
    }
    for (uint32_t i = 0; i < n; i++) {
        const cpu_op *o = find(ops[i]->op);
        if (!o || !takes(o, ops[i])) {
            st = omn_fail(err, OMN_ERR_UNSUPPORTED, "the device cpu cannot run the op %s%s",
                          ops[i]->op, o ? " on these types and shapes" : "");
            goto done;
        }
        s->step[i] = (step){ .op = o, .call = ops[i], .ptr = s->ptr + at };
        if (i) fold(&s->step[i - 1], &s->step[i]);
        at += ops[i]->n_in + ops[i]->n_out;
        const size_t w = o->work ? o->work(ops[i]) : 0;
        if (w > work) work = w;
    }
    if (work > q->work_bytes) {
        free(q->work);
        q->work_bytes = 0;
        q->work = calloc(work, 1);
        if (!q->work) {
            st = omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu bytes of working memory", work);
            goto done;
        }
        q->work_bytes = work;
    }
    *out = s;
    s = NULL;
done:
    forget(q, s);
    return st;
}

static void *address(const omn_view *v, omn_buffer *const *buffers)
{
    return (char *)buffers[v->slot]->data + v->offset;
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static omn_status submit(void *queue_, void *steps_, omn_buffer *const *buffers, omn_call *c,
                         uint64_t *times, omn_error *err)
{
    const queue *q = queue_;
    const steps *s = steps_;
    const cpu_par par = { pool_split, q->dev->pool, omn_pool_threads(q->dev->pool),
                          cpu_scratch_take, cpu_scratch_give, q->dev->scratch };
    for (uint32_t i = 0; i < s->n; i++) {
        const step *t = &s->step[i];
        const omn_op_call *call = t->call;
        if (c && omn_call_cancelled(c))
            return omn_fail(err, OMN_ERR_CANCELLED, "stopped on request");
        for (uint32_t k = 0; k < call->n_in; k++) t->ptr[k] = address(&call->in[k], buffers);
        for (uint32_t k = 0; k < call->n_out; k++)
            t->ptr[call->n_in + k] = address(&call->out[k], buffers);
        const cpu_run run = {
            q->dev->kernels, &par, call, t->ptr, t->ptr + call->n_in, q->work, c, err, t->act
        };
        if (times) times[i] = 0;
        if (t->done) continue;
        const uint64_t begin = times ? now_ns() : 0;
        const omn_status st = t->op->run(&run);
        if (times) times[i] = now_ns() - begin;
        if (st != OMN_OK) return st;
    }
    return OMN_OK;
}

static omn_status wait_queue(void *queue_, omn_error *err)
{
    (void)queue_;
    (void)err;
    return OMN_OK;
}

static omn_status map(void *queue_, omn_buffer *b, uint64_t offset, uint64_t bytes, omn_access how,
                      void **host, omn_error *err)
{
    (void)queue_;
    (void)how;
    *host = NULL;
    if (offset > b->bytes || bytes > b->bytes - offset)
        return omn_fail(err, OMN_ERR_ARGUMENT, "%llu bytes from %llu are outside a buffer of %llu",
                        (unsigned long long)bytes, (unsigned long long)offset,
                        (unsigned long long)b->bytes);
    *host = (char *)b->data + offset;
    return OMN_OK;
}

static omn_status unmap(void *queue_, omn_buffer *b, void *host, omn_error *err)
{
    (void)queue_;
    (void)b;
    (void)host;
    (void)err;
    return OMN_OK;
}

static const omn_compute_impl cpu = {
    .count = count,
    .describe = describe,
    .open = open_device,
    .close = close_device,
    .alloc = alloc,
    .wrap = wrap,
    .release = release,
    .cost = cost,
    .queue_new = queue_new,
    .queue_free = queue_free,
    .prepare = prepare,
    .forget = forget,
    .submit = submit,
    .wait = wait_queue,
    .map = map,
    .unmap = unmap,
};

static const omn_object objects[] = {
    { "omnio.compute/1", "cpu",
      "the processor: native kernels for AVX2, AVX-512 and AMX, portable C", &cpu, NULL, 0, 0 },
};

OMN_PLUGIN("cpu", "0.1.0", "Apache-2.0", "runs graphs on the processor", objects);
