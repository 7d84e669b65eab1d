/* SPDX-License-Identifier: Apache-2.0 */
/* The reference device: buffers with a double beside each f32, and steps that convert, compute and
 * store. */
#include "reference.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct omn_buffer {
    uint8_t *data;
    uint64_t bytes;
    double *exact; /* one for each 4 bytes; NULL: wrapped */
    omn_buffer *next;
};

typedef struct ref_device {
    bool poisoned, partial;
} ref_device;

typedef struct ref_steps {
    const omn_op_call *const *ops;
    uint32_t n;
} ref_steps;

/* All buffers of this test program, for reference_exact. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static omn_buffer *all;

double reference_exact(const float *data, size_t i)
{
    double value = (double)data[i];
    pthread_mutex_lock(&lock);
    for (const omn_buffer *b = all; b; b = b->next) {
        const uintptr_t at = (uintptr_t)(data + i), base = (uintptr_t)b->data;
        if (!b->exact || at < base || at - base >= b->bytes) continue;
        const double exact = b->exact[(at - base) / 4];
        if ((float)exact == data[i]) value = exact;
    }
    pthread_mutex_unlock(&lock);
    return value;
}

/* ---- values in and out --------------------------------------------------------------------------
 */

static omn_status load(ref_tensor *t, const omn_view *v, const void *data, const double *exact,
                       omn_error *err)
{
    t->type = v->type;
    t->shape = v->shape;
    t->n = (size_t)omn_view_count(v);
    if (v->type == OMN_I32) {
        t->i = malloc((t->n + 1) * sizeof(int32_t));
        if (t->i && data) memcpy(t->i, data, t->n * sizeof(int32_t));
        return t->i ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "reference: no memory");
    }
    float *f = malloc((t->n + 1) * sizeof(float));
    t->f = malloc((t->n + 1) * sizeof(double));
    const bool fine = f && t->f && (!data || omn_to_f32(v->type, data, t->n, f));
    for (size_t i = 0; fine && data && i < t->n; i++)
        t->f[i] = exact && (float)exact[i] == f[i] ? exact[i] : (double)f[i];
    free(f);
    if (fine) return OMN_OK;
    return omn_fail(err, OMN_ERR_MEMORY, "reference: no memory");
}

static void store(const ref_tensor *t, void *data, double *exact)
{
    for (size_t i = 0; i < t->n; i++) {
        if (t->type == OMN_I32) {
            memcpy((char *)data + 4 * i, &t->i[i], 4);
            continue;
        }
        const float f = (float)t->f[i];
        if (t->type == OMN_BF16) { /* a cache */
            const uint16_t half = omn_bf16_of(f);
            memcpy((char *)data + 2 * i, &half, 2);
            continue;
        }
        memcpy((char *)data + 4 * i, &f, 4);
        if (exact) exact[i] = t->f[i];
    }
}

static omn_status run(const omn_op_call *call, const void *const *in, const double *const *in_exact,
                      void *const *out, double *const *out_exact, omn_error *err)
{
    omn_status st = OMN_OK;
    ref_tensor *t = calloc(call->n_in + call->n_out, sizeof(*t));
    ref_fn *fn = reference_op(call->op);
    if (!t) return omn_fail(err, OMN_ERR_MEMORY, "reference: no memory");
    if (!fn) {
        st = omn_fail(err, OMN_ERR_UNSUPPORTED, "reference: no op '%s'", call->op);
        goto done;
    }
    for (uint32_t i = 0; i < call->n_in; i++)
        OMN_TRY(load(&t[i], &call->in[i], in[i], in_exact ? in_exact[i] : NULL, err));
    for (uint32_t i = 0; i < call->n_out; i++)
        OMN_TRY(load(&t[call->n_in + i], &call->out[i], NULL, NULL, err));
    const ref_args args = { call->attrs, t, t + call->n_in, call->n_in, call->n_out };
    OMN_TRY(fn(&args, err));
    for (uint32_t i = 0; i < call->n_out; i++)
        store(&args.out[i], out[i], out_exact ? out_exact[i] : NULL);
done:
    for (uint32_t i = 0; i < call->n_in + call->n_out; i++) {
        free(t[i].f);
        free(t[i].i);
    }
    free(t);
    return st;
}

omn_status reference_run(const omn_op_call *call, const void *const *in, void *const *out,
                         omn_error *err)
{
    return run(call, in, NULL, out, NULL, err);
}

/* ---- the device
 * ------------------------------------------------------------------------------------ */

static uint32_t count(void)
{
    return 1;
}

static omn_status describe(uint32_t i, omn_device_info *info, omn_error *err)
{
    (void)i;
    (void)err;
    *info = (omn_device_info){ .name = "reference", .driver = "tests", .units = 1 };
    return OMN_OK;
}

static omn_status open_as(void **dev, bool poisoned, bool partial, omn_error *err)
{
    ref_device *d = calloc(1, sizeof(*d));
    if (!d) return omn_fail(err, OMN_ERR_MEMORY, "reference: no memory");
    d->poisoned = poisoned;
    d->partial = partial;
    *dev = d;
    return OMN_OK;
}

static omn_status open_plain(uint32_t i, omn_pool *pool, const void *params, const char *cache_dir,
                             void **dev, omn_error *err)
{
    (void)i, (void)pool, (void)params, (void)cache_dir;
    return open_as(dev, false, false, err);
}

static omn_status open_poisoned(uint32_t i, omn_pool *pool, const void *params,
                                const char *cache_dir, void **dev, omn_error *err)
{
    (void)i, (void)pool, (void)params, (void)cache_dir;
    return open_as(dev, true, false, err);
}

static omn_status open_partial(uint32_t i, omn_pool *pool, const void *params,
                               const char *cache_dir, void **dev, omn_error *err)
{
    (void)i, (void)pool, (void)params, (void)cache_dir;
    return open_as(dev, false, true, err);
}

static void close_device(void *dev)
{
    free(dev);
}

static omn_status add_buffer(omn_buffer *b, omn_buffer **out)
{
    pthread_mutex_lock(&lock);
    b->next = all;
    all = b;
    pthread_mutex_unlock(&lock);
    *out = b;
    return OMN_OK;
}

static omn_status alloc(void *dev, uint64_t bytes, omn_buffer **out, omn_error *err)
{
    const ref_device *d = dev;
    omn_buffer *b = calloc(1, sizeof(*b));
    if (b) {
        b->bytes = bytes;
        b->data = calloc(1, bytes + 4);
        b->exact = calloc(bytes / 4 + 1, sizeof(double));
    }
    if (!b || !b->data || !b->exact) {
        if (b) free(b->data);
        if (b) free(b->exact);
        free(b);
        return omn_fail(err, OMN_ERR_MEMORY, "reference: no memory");
    }
    if (d->poisoned) memset(b->data, 0xff, bytes);
    return add_buffer(b, out);
}

static omn_status wrap(void *dev, const void *host, uint64_t bytes, omn_buffer **out,
                       omn_error *err)
{
    const ref_device *d = dev;
    if (d->partial) return omn_fail(err, OMN_ERR_UNSUPPORTED, "reference: cannot wrap");
    omn_buffer *b = calloc(1, sizeof(*b));
    if (!b) return omn_fail(err, OMN_ERR_MEMORY, "reference: no memory");
    b->data = (uint8_t *)(uintptr_t)host;
    b->bytes = bytes;
    return add_buffer(b, out);
}

static void release(void *dev, omn_buffer *b)
{
    (void)dev;
    if (!b) return;
    pthread_mutex_lock(&lock);
    omn_buffer **p = &all;
    while (*p != b) p = &(*p)->next;
    *p = b->next;
    pthread_mutex_unlock(&lock);
    if (b->exact) free(b->data);
    free(b->exact);
    free(b);
}

static double cost(const void *dev, const omn_op_call *op)
{
    static const char *const lacks[] = { "softmax", "rms_norm", "add", "cross_entropy" };
    const ref_device *d = dev;
    for (size_t i = 0; d->partial && i < sizeof(lacks) / sizeof(*lacks); i++)
        if (!strcmp(op->op, lacks[i])) return -1;
    return reference_op(op->op) ? 1 : -1;
}

static omn_status queue_new(void *dev, void **queue, omn_error *err)
{
    (void)err;
    *queue = dev;
    return OMN_OK;
}

static void queue_free(void *queue)
{
    (void)queue;
}

static omn_status prepare(void *queue, const omn_op_call *const *ops, uint32_t n, void **steps,
                          omn_error *err)
{
    (void)queue;
    ref_steps *s = malloc(sizeof(*s));
    if (!s) return omn_fail(err, OMN_ERR_MEMORY, "reference: no memory");
    *s = (ref_steps){ ops, n };
    *steps = s;
    return OMN_OK;
}

static void forget(void *queue, void *steps)
{
    (void)queue;
    free(steps);
}

static omn_status run_step(const omn_op_call *op, omn_buffer *const *buffers, omn_error *err)
{
    const void *in[64];
    const double *in_exact[64];
    void *out[8];
    double *out_exact[8];
    if (op->n_in > 64 || op->n_out > 8)
        return omn_fail(err, OMN_ERR_UNSUPPORTED, "reference: too many tensors");
    for (uint32_t i = 0; i < op->n_in; i++) {
        const omn_view *v = &op->in[i];
        const omn_buffer *b = buffers[v->slot];
        const uint64_t bytes = omn_view_count(v) * omn_type_get(v->type)->bytes;
        if (v->offset > b->bytes || bytes > b->bytes - v->offset)
            return omn_fail(err, OMN_ERR_INTERNAL, "%s: input %u leaves its buffer", op->op, i);
        in[i] = b->data + v->offset;
        in_exact[i] = b->exact && v->type == OMN_F32 ? b->exact + v->offset / 4 : NULL;
    }
    for (uint32_t i = 0; i < op->n_out; i++) {
        const omn_view *v = &op->out[i];
        omn_buffer *b = buffers[v->slot];
        if (v->offset > b->bytes || omn_view_count(v) * omn_type_get(v->type)->bytes >
                                           b->bytes - v->offset)
            return omn_fail(err, OMN_ERR_INTERNAL, "%s: output %u leaves its buffer", op->op, i);
        out[i] = b->data + v->offset;
        out_exact[i] = b->exact && v->type == OMN_F32 ? b->exact + v->offset / 4 : NULL;
    }
    return run(op, in, in_exact, out, out_exact, err);
}

static omn_status submit(void *queue, void *steps, omn_buffer *const *buffers, omn_call *c,
                         uint64_t *times, omn_error *err)
{
    const ref_steps *s = steps;
    (void)queue;
    for (uint32_t i = 0; i < s->n; i++) {
        if (omn_call_cancelled(c)) return omn_fail(err, OMN_ERR_CANCELLED, "stopped");
        const omn_status st = run_step(s->ops[i], buffers, err);
        if (st != OMN_OK) return st;
        if (times) times[i] = 1;
    }
    return OMN_OK;
}

static omn_status wait_for(void *queue, omn_error *err)
{
    (void)queue;
    (void)err;
    return OMN_OK;
}

static omn_status map(void *queue, omn_buffer *b, uint64_t offset, uint64_t bytes, omn_access how,
                      void **host, omn_error *err)
{
    (void)queue;
    (void)how;
    if (offset > b->bytes || bytes > b->bytes - offset)
        return omn_fail(err, OMN_ERR_INTERNAL, "reference: a map leaves its buffer");
    *host = b->data + offset;
    return OMN_OK;
}

static omn_status unmap(void *queue, omn_buffer *b, void *host, omn_error *err)
{
    (void)queue, (void)b, (void)host, (void)err;
    return OMN_OK;
}

#define REFERENCE(open)                                                                            \
    {                                                                                              \
        NULL, count, describe, open, close_device, alloc, wrap, release, cost, queue_new,          \
            queue_free, prepare, forget, submit, wait_for, map, unmap                              \
    }
const omn_compute_impl reference_compute = REFERENCE(open_plain);
const omn_compute_impl reference_poisoned = REFERENCE(open_poisoned);
const omn_compute_impl reference_partial = REFERENCE(open_partial);
