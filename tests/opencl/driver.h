/* SPDX-License-Identifier: Apache-2.0 */
/* For test programs that need an OpenCL device: whether there is one. Asked in a process of its
 * own, since drivers start threads and tests are forked. */
#ifndef OMNIO_TESTS_OPENCL_DRIVER_H
#define OMNIO_TESTS_OPENCL_DRIVER_H

#include <omnio/compute.h>
#include <omnio/plugin.h>

#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern const omn_plugin omnio_plugin;

/* Tests run on this one; OMNIO_TEST_OPENCL names another than the first. */
static inline uint32_t driver_number(void)
{
    const char *n = getenv("OMNIO_TEST_OPENCL");
    return n ? (uint32_t)strtoul(n, NULL, 10) : 0;
}

static inline bool driver_is_there(void)
{
    const omn_compute_impl *c = omnio_plugin.objects[0].impl;
    int status = 0;
    const pid_t child = fork();
    if (child == 0) _exit(c->count() > driver_number() ? 0 : 1);
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

#endif
