/* SPDX-License-Identifier: Apache-2.0 */
/* The device opencl apart from its kernels: no driver, memory, the cache of programs, messages,
 * times, two queues at once. */
#include "driver.h"

#include "tests/testing.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

typedef struct rig {
    const omn_compute_impl *c;
    void *dev, *queue;
    omn_error err;
} rig;

#define OK(expr) ck_assert_msg((expr) == OMN_OK, "%s", r->err.text)

/* The device's parameters: the choice whether to cache, "always" or "never". */
typedef struct params {
    int cache;
} params;

static rig rig_open(const char *cache)
{
    rig own = { .c = omnio_plugin.objects[0].impl, .err = OMN_ERROR_INIT }, *r = &own;
    const params how = { cache ? 1 : 2 };
    ck_assert_uint_eq(omnio_plugin.objects[0].params_size, sizeof how);
    OK(r->c->open(driver_number(), NULL, &how, cache, &r->dev, &r->err));
    OK(r->c->queue_new(r->dev, &r->queue, &r->err));
    return own;
}

static void rig_close(rig *r)
{
    r->c->queue_free(r->queue);
    r->c->close(r->dev);
}

/* y = 3 x + 1 over n numbers at 64 bytes into one buffer, y behind x. */
typedef struct scaling {
    omn_view view[2];
    omn_op_call call;
    omn_scale_attrs attrs;
    omn_buffer *buffer;
    int64_t n;
} scaling;

static void scaling_open(rig *r, scaling *s, int64_t n)
{
    void *host;
    const uint64_t bytes = (uint64_t)n * 4, room = (bytes + 63) / 64 * 64;
    s->n = n;
    s->attrs = (omn_scale_attrs){ OMN_FILL(omn_scale_attrs), 3, 1 };
    for (int i = 0; i < 2; i++)
        s->view[i] = (omn_view){ 0, OMN_F32, 64 + (uint64_t)i * room, { 1, { n } } };
    s->call =
        (omn_op_call){ OMN_FILL(omn_op_call), "scale", &s->attrs, s->view, s->view + 1, 1, 1 };
    OK(r->c->alloc(r->dev, 64 + 2 * room, &s->buffer, &r->err));
    OK(r->c->map(r->queue, s->buffer, 64, bytes, OMN_WRITE, &host, &r->err));
    for (int64_t i = 0; i < n; i++) ((float *)host)[i] = (float)i;
    OK(r->c->unmap(r->queue, s->buffer, host, &r->err));
}

static void scaling_check(rig *r, scaling *s)
{
    void *host;
    OK(r->c->map(r->queue, s->buffer, s->view[1].offset, (uint64_t)s->n * 4, OMN_READ, &host,
                 &r->err));
    for (int64_t i = 0; i < s->n; i++)
        ck_assert_float_eq(((const float *)host)[i], 3 * (float)i + 1);
    OK(r->c->unmap(r->queue, s->buffer, host, &r->err));
}

static void scaling_run(rig *r, scaling *s)
{
    const omn_op_call *const ops[] = { &s->call };
    void *steps;
    OK(r->c->prepare(r->queue, ops, 1, &steps, &r->err));
    OK(r->c->submit(r->queue, steps, &s->buffer, NULL, NULL, &r->err));
    scaling_check(r, s);
    r->c->forget(r->queue, steps);
}

/* ---- without a driver: these need none ---- */

START_TEST(without_a_driver_there_are_no_devices_and_one_line_says_why)
{
    const omn_compute_impl *c = omnio_plugin.objects[0].impl;
    omn_error err = OMN_ERROR_INIT;
    omn_device_info info;
    void *dev;
    setenv("OCL_ICD_VENDORS", testing_folder(), 1);
    ck_assert_uint_eq(c->count(), 0);
    ck_assert_int_eq(c->describe(0, &info, &err), OMN_ERR_DEVICE);
    ck_assert_msg(strstr(err.text, "no OpenCL devices") && !strchr(err.text, '\n'), "%s", err.text);
    ck_assert_int_eq(c->open(0, NULL, NULL, NULL, &dev, NULL), OMN_ERR_DEVICE);
    ck_assert_ptr_null(dev);
}
END_TEST

START_TEST(a_program_says_the_same)
{
    omn_context *ctx;
    omn_store *store;
    omn_program *p = NULL;
    omn_error err = OMN_ERROR_INIT;
    const omn_context_setup where = { OMN_FILL(omn_context_setup), .threads = 1, .cache_dir = "",
                                      .plugin_path = testing_build("plugins/.libs"),
                                      .only_plugin_path = true };
    setenv("OCL_ICD_VENDORS", testing_folder(), 1);
    ck_assert(omn_context_new(&where, &ctx, &err) == OMN_OK);
    ck_assert(omn_store_new(7, NULL, false, &store, &err) == OMN_OK);
    omn_program_setup how = { OMN_FILL(omn_program_setup), .ctx = ctx, .store = store,
                              .device = "opencl" };
    ck_assert_int_eq(omn_program_new(&how, &p, &err), OMN_ERR_DEVICE);
    ck_assert_msg(strstr(err.text, "no OpenCL devices") != NULL, "%s", err.text);
    err = (omn_error)OMN_ERROR_INIT;
    how.device = "cpu";
    ck_assert_msg(omn_program_new(&how, &p, &err) == OMN_OK, "%s", err.text);
    omn_program_free(p);
    omn_store_free(store);
    omn_context_free(ctx);
}
END_TEST

/* ---- with one ---- */

START_TEST(devices_are_described)
{
    rig own = { .c = omnio_plugin.objects[0].impl, .err = OMN_ERROR_INIT }, *r = &own;
    omn_device_info info;
    const uint32_t n = r->c->count();
    for (uint32_t i = 0; i < n; i++) {
        OK(r->c->describe(i, &info, &r->err));
        ck_assert(info.name[0] && info.driver[0] && info.units > 0 && info.memory > 0);
    }
    ck_assert_int_eq(r->c->describe(n, &info, &r->err), OMN_ERR_DEVICE);
    ck_assert_msg(strstr(r->err.text, "is not there") != NULL, "%s", r->err.text);
}
END_TEST

START_TEST(memory_is_zero_and_has_bounds)
{
    rig own = rig_open(NULL), *r = &own;
    omn_device_info info;
    omn_buffer *b;
    void *p;
    OK(r->c->describe(driver_number(), &info, &r->err));
    OK(r->c->alloc(r->dev, 100001, &b, &r->err));
    OK(r->c->map(r->queue, b, 1, 100000, OMN_READ, &p, &r->err));
    for (size_t i = 0; i < 100000; i++) ck_assert(((char *)p)[i] == 0);
    OK(r->c->unmap(r->queue, b, p, &r->err));
    OK(r->c->map(r->queue, b, 100001, 0, OMN_READ, &p, &r->err));
    OK(r->c->unmap(r->queue, b, p, &r->err));
    ck_assert_int_eq(r->c->map(r->queue, b, 64, 100001, OMN_READ, &p, &r->err), OMN_ERR_ARGUMENT);
    r->c->release(r->dev, b);
    r->err = (omn_error)OMN_ERROR_INIT;
    ck_assert_int_eq(r->c->alloc(r->dev, info.largest_buffer + 1, &b, &r->err), OMN_ERR_MEMORY);
    ck_assert_msg(strstr(r->err.text, "at most") != NULL, "%s", r->err.text);
    /* nothing is read yet, so a few bytes may stand for a large file */
    ck_assert_int_eq(r->c->wrap(r->dev, info.name, info.largest_buffer + 1, &b, NULL),
                     OMN_ERR_UNSUPPORTED);
    ck_assert_int_eq(r->c->wrap(r->dev, info.name, 0, &b, NULL), OMN_ERR_UNSUPPORTED);
    rig_close(r);
}
END_TEST

/* The one cached program below a folder; the test fails when there is another number of them. */
static const char *cached(const char *folder)
{
    static char path[1024];
    int n = 0;
    DIR *d = opendir(folder);
    ck_assert(d != NULL);
    for (const struct dirent *e; (e = readdir(d));)
        if (strstr(e->d_name, ".bin")) {
            snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
            n++;
        } else {
            ck_assert_msg(e->d_name[0] == '.', "%s is left over", e->d_name);
        }
    closedir(d);
    ck_assert_int_eq(n, 1);
    return path;
}

START_TEST(programs_are_cached_and_bad_files_replaced)
{
    char folder[512];
    struct stat first, now;
    snprintf(folder, sizeof folder, "%s/cache", testing_folder());
    for (int i = 0; i < 4; i++) {
        rig own = rig_open(folder), *r = &own;
        scaling s;
        scaling_open(r, &s, 100);
        scaling_run(r, &s);
        r->c->release(r->dev, s.buffer);
        rig_close(r);
        const char *path = cached(folder);
        ck_assert(stat(path, &now) == 0 && now.st_size > 100);
        if (i == 1) { /* used, not written again; now spoil its middle */
            ck_assert(now.st_ino == first.st_ino);
            const int f = open(path, O_WRONLY);
            ck_assert(f >= 0 && pwrite(f, "spoilt", 6, now.st_size / 2) == 6 && close(f) == 0);
        }
        if (i == 2) { /* replaced; now cut it */
            ck_assert(now.st_ino != first.st_ino);
            ck_assert(truncate(path, 20) == 0);
        }
        first = now;
    }
}
END_TEST

START_TEST(a_kernel_that_does_not_build_is_one_message)
{
    rig own = rig_open(NULL), *r = &own;
    const char *folder = testing_folder();
    const omn_op_call *ops[1];
    void *steps;
    scaling s;
    testing_write(folder, "common.cl", "", 0);
    testing_write(folder, "element.cl", "kernel void scale(wrong", 23);
    setenv("OMNIO_KERNEL_PATH", folder, 1);
    scaling_open(r, &s, 100);
    ops[0] = &s.call;
    ck_assert_int_eq(r->c->prepare(r->queue, ops, 1, &steps, &r->err), OMN_ERR_DEVICE);
    ck_assert_ptr_null(steps);
    ck_assert_msg(strstr(r->err.text, "element.cl: CL_BUILD_PROGRAM_FAILURE (-11)") != NULL, "%s",
                  r->err.text);
    r->err = (omn_error)OMN_ERROR_INIT;
    setenv("OMNIO_KERNEL_PATH", "/no/such/folder", 1);
    ck_assert_int_eq(r->c->prepare(r->queue, ops, 1, &steps, &r->err), OMN_ERR_MISSING);
    unsetenv("OMNIO_KERNEL_PATH");
    r->err = (omn_error)OMN_ERROR_INIT;
    scaling_run(r, &s); /* and nothing is broken by it */
    r->c->release(r->dev, s.buffer);
    rig_close(r);
}
END_TEST

START_TEST(ops_that_it_lacks_are_left_to_others)
{
    rig own = rig_open(NULL), *r = &own;
    omn_view v[3] = { { 0, OMN_F32, 0, { 2, { 4, 8 } } },
                      { 0, OMN_BF16, 129, { 2, { 5, 8 } } },
                      { 0, OMN_F32, 256, { 2, { 4, 5 } } } };
    const omn_linear_attrs a = { OMN_FILL(omn_linear_attrs), .alpha = 1 };
    omn_op_call call = { OMN_FILL(omn_op_call), "levitate", NULL, NULL, NULL, 0, 0 };
    const omn_op_call *const ops[] = { &call };
    void *steps;
    ck_assert(r->c->cost(r->dev, &call) < 0);
    ck_assert_int_eq(r->c->prepare(r->queue, ops, 1, &steps, &r->err), OMN_ERR_UNSUPPORTED);
    ck_assert(strstr(r->err.text, "levitate") != NULL);
    /* a weight at an odd address */
    call = (omn_op_call){ OMN_FILL(omn_op_call), "linear", &a, v, v + 2, 2, 1 };
    ck_assert(r->c->cost(r->dev, &call) < 0);
    v[1].offset = 130;
    ck_assert(r->c->cost(r->dev, &call) >= 0);
    /* more elements than an int counts */
    v[0].shape.dim[0] = v[2].shape.dim[0] = INT32_MAX;
    ck_assert(r->c->cost(r->dev, &call) < 0);
    rig_close(r);
}
END_TEST

START_TEST(steps_are_timed_and_can_be_stopped)
{
    rig own = rig_open(NULL), *r = &own;
    omn_cancel *stop = omn_cancel_new();
    omn_call *call;
    uint64_t times[3] = { 9, 9, 9 };
    void *steps;
    scaling s;
    const omn_call_setup how = { OMN_FILL(omn_call_setup), .cancel = stop };
    OK(omn_call_new(&how, &call, &r->err));
    scaling_open(r, &s, 1000000);
    const omn_op_call *const ops[] = { &s.call, &s.call, &s.call };
    OK(r->c->prepare(r->queue, ops, 3, &steps, &r->err));
    OK(r->c->submit(r->queue, steps, &s.buffer, call, times, &r->err));
    for (int i = 0; i < 3; i++)
        ck_assert_msg(times[i] > 1000 && times[i] < 30000000000u, "%llu ns",
                      (unsigned long long)times[i]);
    scaling_check(r, &s);
    omn_cancel_set(stop);
    ck_assert_int_eq(r->c->submit(r->queue, steps, &s.buffer, call, NULL, &r->err),
                     OMN_ERR_CANCELLED);
    r->c->forget(r->queue, steps);
    r->c->release(r->dev, s.buffer);
    omn_call_free(call);
    omn_cancel_free(stop);
    rig_close(r);
}
END_TEST

static void *in_a_thread(void *device)
{
    rig own = *(const rig *)device, *r = &own;
    scaling s;
    OK(r->c->queue_new(r->dev, &r->queue, &r->err));
    scaling_open(r, &s, 5000);
    for (int i = 0; i < 50; i++) scaling_run(r, &s);
    r->c->queue_free(r->queue);
    r->c->release(r->dev, s.buffer);
    return NULL;
}

START_TEST(two_queues_work_side_by_side)
{
    rig own = rig_open(NULL), *r = &own;
    pthread_t other;
    ck_assert(pthread_create(&other, NULL, in_a_thread, r) == 0);
    in_a_thread(r);
    ck_assert(pthread_join(other, NULL) == 0);
    rig_close(r);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        without_a_driver_there_are_no_devices_and_one_line_says_why,
        a_program_says_the_same,
        devices_are_described,
        memory_is_zero_and_has_bounds,
        programs_are_cached_and_bad_files_replaced,
        a_kernel_that_does_not_build_is_one_message,
        ops_that_it_lacks_are_left_to_others,
        steps_are_timed_and_can_be_stopped,
        two_queues_work_side_by_side,
    };
    if (!driver_is_there()) return testing_run("opencl/device", all, 2, 60);
    return TESTING_RUN("opencl/device", all, 120); /* kernels are built first, on a busy machine */
}
