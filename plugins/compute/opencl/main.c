/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugin compute/opencl: devices "opencl", "opencl:1", ... of kind omnio.compute/1, whatever
 * the ICD loader finds, in its order. Ops that are not in the tables here are left to the
 * processor's island. Mapped files are wrapped where the device is the processor itself; other
 * devices get copies.
 */
#include "device.h"

#include <omnio/plugin.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* PoCL has a cache of its own. Asked for a program it builds every kernel in it once more, which
 * takes several times what the next start would save. */
enum { CACHE_AUTO, CACHE_ALWAYS, CACHE_NEVER };
#define OPENCL(PAR, S)                                                                             \
    PAR(S, choice, cache, "auto", "auto|always|never", NULL,                                       \
        "keep built programs in the cache folder; auto: unless the driver does so itself")
OMN_PARAMS(opencl_params, OPENCL);

enum { MOST_PLATFORMS = 16, MOST_DEVICES = 64 };

typedef struct found {
    cl_device_id id[MOST_DEVICES];
    cl_platform_id platform[MOST_DEVICES];
    uint32_t n;
} found;

static bool usable(const cl_api *cl, cl_device_id id)
{
    cl_bool here = CL_FALSE, compiler = CL_FALSE, little = CL_FALSE;
    cl->clGetDeviceInfo(id, CL_DEVICE_AVAILABLE, sizeof here, &here, NULL);
    cl->clGetDeviceInfo(id, CL_DEVICE_COMPILER_AVAILABLE, sizeof compiler, &compiler, NULL);
    cl->clGetDeviceInfo(id, CL_DEVICE_ENDIAN_LITTLE, sizeof little, &little, NULL);
    return here && compiler && little;
}

static omn_status find_devices(cl_api *cl, found *f, omn_error *err)
{
    cl_platform_id platforms[MOST_PLATFORMS];
    cl_uint n = 0;
    f->n = 0;
    const omn_status st = cl_api_load(cl, err);
    if (st != OMN_OK) return st;
    const cl_int e = cl->clGetPlatformIDs(MOST_PLATFORMS, platforms, &n);
    if (e && e != -1001) return cl_fail(err, e, "clGetPlatformIDs");
    if (e || !n)
        return omn_fail(err, OMN_ERR_DEVICE,
                        "OpenCL: the ICD loader finds no driver "
                        "(see /etc/OpenCL/vendors), so no OpenCL devices");
    if (n > MOST_PLATFORMS) n = MOST_PLATFORMS;
    for (cl_uint p = 0; p < n; p++) {
        cl_device_id ids[MOST_DEVICES];
        cl_uint m = 0;
        if (cl->clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, MOST_DEVICES, ids, &m)) continue;
        for (cl_uint i = 0; i < m && i < MOST_DEVICES && f->n < MOST_DEVICES; i++) {
            if (!usable(cl, ids[i])) continue;
            f->platform[f->n] = platforms[p];
            f->id[f->n++] = ids[i];
        }
    }
    return OMN_OK;
}

static omn_status find_device(cl_api *cl, uint32_t i, cl_device_id *id, cl_platform_id *platform,
                              omn_error *err)
{
    found f;
    const omn_status st = find_devices(cl, &f, err);
    if (st != OMN_OK) return st;
    if (i >= f.n)
        return omn_fail(err, OMN_ERR_DEVICE, "opencl:%u is not there, there %s %u", i,
                        f.n == 1 ? "is" : "are", f.n);
    *id = f.id[i];
    *platform = f.platform[i];
    return OMN_OK;
}

static bool wants_cache(const cl_api *cl, cl_platform_id platform, const struct opencl_params *p)
{
    char name[128] = "";
    if (p && p->cache != CACHE_AUTO) return p->cache == CACHE_ALWAYS;
    cl->clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof name - 1, name, NULL);
    return strcmp(name, "Portable Computing Language") != 0;
}

/* Simulators call themselves everything at once. */
static bool is_processor(cl_device_type type)
{
    return (type & CL_DEVICE_TYPE_CPU) && !(type & CL_DEVICE_TYPE_GPU);
}

static uint32_t count(void)
{
    cl_api cl;
    found f;
    return find_devices(&cl, &f, NULL) == OMN_OK ? f.n : 0;
}

static void device_text(const cl_api *cl, cl_device_id id, cl_device_info what, char *to,
                        size_t room)
{
    char text[512] = "";
    cl->clGetDeviceInfo(id, what, sizeof text - 1, text, NULL);
    snprintf(to, room, "%.*s", (int)room - 1, text);
}

static void driver_text(const cl_api *cl, cl_device_id id, cl_platform_id platform, char *to,
                        size_t room)
{
    char own[128], text[512] = "";
    device_text(cl, id, CL_DRIVER_VERSION, own, sizeof own);
    cl->clGetPlatformInfo(platform, CL_PLATFORM_VERSION, sizeof text - 1, text, NULL);
    snprintf(to, room, "%.*s, %.*s", 48, own, (int)room - 52, text);
}

static omn_status describe(uint32_t i, omn_device_info *info, omn_error *err)
{
    cl_api cl;
    cl_device_id id;
    cl_platform_id platform;
    cl_ulong memory = 0, largest = 0;
    cl_uint units = 0;
    cl_device_type type = 0;
    const omn_status st = find_device(&cl, i, &id, &platform, err);
    if (st != OMN_OK) return st;
    memset(info, 0, sizeof *info);
    device_text(&cl, id, CL_DEVICE_NAME, info->name, sizeof info->name);
    driver_text(&cl, id, platform, info->driver, sizeof info->driver);
    cl.clGetDeviceInfo(id, CL_DEVICE_GLOBAL_MEM_SIZE, sizeof memory, &memory, NULL);
    cl.clGetDeviceInfo(id, CL_DEVICE_MAX_MEM_ALLOC_SIZE, sizeof largest, &largest, NULL);
    cl.clGetDeviceInfo(id, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof units, &units, NULL);
    cl.clGetDeviceInfo(id, CL_DEVICE_TYPE, sizeof type, &type, NULL);
    info->memory = memory;
    info->largest_buffer = largest;
    info->units = units;
    snprintf(info->features, sizeof info->features, "%s",
             is_processor(type) ? "processor, files mapped" : "files copied");
    return OMN_OK;
}

static void close_device(void *dev)
{
    device *d = dev;
    if (!d) return;
    programs_free(d);
    if (d->fills) d->cl.clReleaseCommandQueue(d->fills);
    if (d->context) d->cl.clReleaseContext(d->context);
    pthread_mutex_destroy(&d->lock);
    free(d->cache_dir);
    free(d);
}

static omn_status open_device(uint32_t i, omn_pool *pool, const void *params, const char *cache_dir,
                              void **dev, omn_error *err)
{
    cl_platform_id platform;
    cl_device_type type = 0;
    cl_ulong largest = 0;
    cl_uint units = 1;
    cl_int e;
    omn_status st = OMN_OK;
    (void)pool;
    *dev = NULL;
    device *d = calloc(1, sizeof *d);
    if (!d) return omn_fail(err, OMN_ERR_MEMORY, "no memory for the device opencl");
    if (pthread_mutex_init(&d->lock, NULL)) {
        free(d);
        return omn_fail(err, OMN_ERR_MEMORY, "a lock could not be made");
    }
    OMN_TRY(find_device(&d->cl, i, &d->id, &platform, err));
    device_text(&d->cl, d->id, CL_DEVICE_NAME, d->name, sizeof d->name);
    driver_text(&d->cl, d->id, platform, d->driver, sizeof d->driver);
    d->cl.clGetDeviceInfo(d->id, CL_DEVICE_TYPE, sizeof type, &type, NULL);
    d->cl.clGetDeviceInfo(d->id, CL_DEVICE_MAX_MEM_ALLOC_SIZE, sizeof largest, &largest, NULL);
    d->cl.clGetDeviceInfo(d->id, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof units, &units, NULL);
    d->largest = largest;
    d->is_cpu = is_processor(type);
    d->items = (size_t)(units ? units : 1) * (d->is_cpu ? 8 : 1024);
    if (cache_dir && *cache_dir && wants_cache(&d->cl, platform, params)) {
        const size_t n = strlen(cache_dir) + 1;
        d->cache_dir = malloc(n);
        if (!d->cache_dir) {
            st = omn_fail(err, OMN_ERR_MEMORY, "no memory for the device opencl");
            goto done;
        }
        memcpy(d->cache_dir, cache_dir, n);
    }
    d->context = d->cl.clCreateContext(NULL, 1, &d->id, NULL, NULL, &e);
    if (d->context) d->fills = d->cl.clCreateCommandQueue(d->context, d->id, 0, &e);
    if (!d->fills) {
        st = cl_fail(err, e, "opening the device");
        goto done;
    }
    *dev = d;
    d = NULL;
done:
    close_device(d);
    return st;
}

static omn_status new_buffer(device *d, cl_mem_flags flags, uint64_t bytes, const void *host,
                             uint64_t size, omn_buffer **out, omn_error *err)
{
    cl_int e;
    omn_buffer *b = calloc(1, sizeof *b);
    if (!b) return omn_fail(err, OMN_ERR_MEMORY, "no memory for a buffer");
    b->bytes = bytes;
    b->mem = d->cl.clCreateBuffer(d->context, flags, size, (void *)(uintptr_t)host, &e);
    if (!b->mem) {
        free(b);
        return cl_fail(err, e, "clCreateBuffer");
    }
    *out = b;
    return OMN_OK;
}

static void release(void *dev, omn_buffer *b)
{
    device *d = dev;
    if (!b) return;
    d->cl.clReleaseMemObject(b->mem);
    free(b);
}

static omn_status alloc(void *dev, uint64_t bytes, omn_buffer **out, omn_error *err)
{
    device *d = dev;
    const cl_uint zero[4] = { 0 };
    *out = NULL;
    if (d->largest && bytes > d->largest)
        return omn_fail(err, OMN_ERR_MEMORY,
                        "OpenCL: a buffer of %llu bytes is wanted, '%s' gives at most "
                        "%llu",
                        (unsigned long long)bytes, d->name, (unsigned long long)d->largest);
    const uint64_t size = (bytes ? bytes + 3 : 4) / 4 * 4;
    const omn_status st = new_buffer(d, CL_MEM_READ_WRITE, bytes, NULL, size, out, err);
    if (st != OMN_OK) return st;
    cl_int e = d->cl.clEnqueueFillBuffer(d->fills, (*out)->mem, zero,
                                         size % sizeof zero ? sizeof *zero : sizeof zero, 0, size,
                                         0, NULL, NULL);
    if (!e) e = d->cl.clFinish(d->fills);
    if (!e) return OMN_OK;
    release(dev, *out);
    *out = NULL;
    return cl_fail(err, e, "clEnqueueFillBuffer");
}

/* Only a processor reads the host's memory where it lies, and sees what its owner changes. */
static omn_status wrap(void *dev, const void *host, uint64_t bytes, omn_buffer **out,
                       omn_error *err)
{
    device *d = dev;
    *out = NULL;
    if (!d->is_cpu || !bytes || (d->largest && bytes > d->largest) || (uintptr_t)host % 4)
        return omn_fail(err, OMN_ERR_UNSUPPORTED,
                        "OpenCL: '%s' cannot use %llu bytes of the host's memory", d->name,
                        (unsigned long long)bytes);
    return new_buffer(d, CL_MEM_READ_ONLY | CL_MEM_USE_HOST_PTR, bytes, host, bytes, out, err);
}

const cl_op *op_find(const omn_op_call *c)
{
    static const cl_op *const lists[] = { cl_ops_product, cl_ops_row, cl_ops_element };
    for (uint32_t i = 0; i < c->n_in + c->n_out; i++) {
        const omn_view *v = i < c->n_in ? &c->in[i] : &c->out[i - c->n_in];
        if (v->type != OMN_F32 && v->type != OMN_I32 && v->type != OMN_F16 && v->type != OMN_BF16)
            return NULL;
        /* kernels count in int and want weights at multiples of their size */
        if (v->shape.rank > OMN_MAX_RANK || omn_view_count(v) > INT32_MAX / 2 ||
            v->offset % omn_type_get(v->type)->bytes)
            return NULL;
    }
    for (size_t l = 0; l < sizeof lists / sizeof *lists; l++)
        for (const cl_op *o = lists[l]; o->name; o++)
            if (!strcmp(o->name, c->op)) return !o->can || o->can(c) ? o : NULL;
    return NULL;
}

static double cost(const void *dev, const omn_op_call *c)
{
    const cl_op *o = op_find(c);
    (void)dev;
    if (!o) return -1;
    if (o->cost) return 5000 + o->cost(c) / 30;
    double n = 0;
    for (uint32_t i = 0; i < c->n_in; i++) n += (double)view_count(&c->in[i]);
    for (uint32_t i = 0; i < c->n_out; i++) n += (double)view_count(&c->out[i]);
    return 5000 + 4 * n / 10;
}

static const omn_compute_impl opencl = {
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
    .prepare = queue_prepare,
    .forget = queue_forget,
    .submit = queue_submit,
    .wait = queue_wait,
    .map = queue_map,
    .unmap = queue_unmap,
};

static const omn_object objects[] = {
    { "omnio.compute/1", "opencl", "OpenCL 1.2 devices, through the ICD loader", &opencl,
      OMN_OBJECT_PARAMS(opencl_params) },
};

OMN_PLUGIN("opencl", "0.1.0", "Apache-2.0", "runs graphs on OpenCL devices", objects);
