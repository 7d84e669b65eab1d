/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions of OpenCL 1.2 that this device calls, found in the ICD loader when a device is
 * asked for. Nothing links against the loader, so without one the plugin still loads and has no
 * devices.
 */
#ifndef OMN_OPENCL_API_H
#define OMN_OPENCL_API_H

#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>

#include <omnio/compute.h>

#define CL_FUNCTIONS(F)                                                                            \
    F(cl_int, clGetPlatformIDs, (cl_uint, cl_platform_id *, cl_uint *))                            \
    F(cl_int, clGetPlatformInfo, (cl_platform_id, cl_platform_info, size_t, void *, size_t *))     \
    F(cl_int, clGetDeviceIDs,                                                                      \
      (cl_platform_id, cl_device_type, cl_uint, cl_device_id *, cl_uint *))                        \
    F(cl_int, clGetDeviceInfo, (cl_device_id, cl_device_info, size_t, void *, size_t *))           \
    F(cl_context, clCreateContext,                                                                 \
      (const cl_context_properties *, cl_uint, const cl_device_id *,                               \
       void(CL_CALLBACK *)(const char *, const void *, size_t, void *), void *, cl_int *))         \
    F(cl_int, clReleaseContext, (cl_context))                                                      \
    F(cl_command_queue, clCreateCommandQueue,                                                      \
      (cl_context, cl_device_id, cl_command_queue_properties, cl_int *))                           \
    F(cl_int, clReleaseCommandQueue, (cl_command_queue))                                           \
    F(cl_mem, clCreateBuffer, (cl_context, cl_mem_flags, size_t, void *, cl_int *))                \
    F(cl_int, clReleaseMemObject, (cl_mem))                                                        \
    F(cl_program, clCreateProgramWithSource,                                                       \
      (cl_context, cl_uint, const char **, const size_t *, cl_int *))                              \
    F(cl_program, clCreateProgramWithBinary,                                                       \
      (cl_context, cl_uint, const cl_device_id *, const size_t *, const unsigned char **,          \
       cl_int *, cl_int *))                                                                        \
    F(cl_int, clBuildProgram,                                                                      \
      (cl_program, cl_uint, const cl_device_id *, const char *,                                    \
       void(CL_CALLBACK *)(cl_program, void *), void *))                                           \
    F(cl_int, clGetProgramInfo, (cl_program, cl_program_info, size_t, void *, size_t *))           \
    F(cl_int, clGetProgramBuildInfo,                                                               \
      (cl_program, cl_device_id, cl_program_build_info, size_t, void *, size_t *))                 \
    F(cl_int, clReleaseProgram, (cl_program))                                                      \
    F(cl_kernel, clCreateKernel, (cl_program, const char *, cl_int *))                             \
    F(cl_int, clReleaseKernel, (cl_kernel))                                                        \
    F(cl_int, clSetKernelArg, (cl_kernel, cl_uint, size_t, const void *))                          \
    F(cl_int, clEnqueueNDRangeKernel,                                                              \
      (cl_command_queue, cl_kernel, cl_uint, const size_t *, const size_t *, const size_t *,       \
       cl_uint, const cl_event *, cl_event *))                                                     \
    F(cl_int, clEnqueueFillBuffer,                                                                 \
      (cl_command_queue, cl_mem, const void *, size_t, size_t, size_t, cl_uint, const cl_event *,  \
       cl_event *))                                                                                \
    F(cl_int, clEnqueueReadBuffer,                                                                 \
      (cl_command_queue, cl_mem, cl_bool, size_t, size_t, void *, cl_uint, const cl_event *,       \
       cl_event *))                                                                                \
    F(void *, clEnqueueMapBuffer,                                                                  \
      (cl_command_queue, cl_mem, cl_bool, cl_map_flags, size_t, size_t, cl_uint, const cl_event *, \
       cl_event *, cl_int *))                                                                      \
    F(cl_int, clEnqueueUnmapMemObject,                                                             \
      (cl_command_queue, cl_mem, void *, cl_uint, const cl_event *, cl_event *))                   \
    F(cl_int, clGetEventProfilingInfo, (cl_event, cl_profiling_info, size_t, void *, size_t *))    \
    F(cl_int, clReleaseEvent, (cl_event))                                                          \
    F(cl_int, clFlush, (cl_command_queue))                                                         \
    F(cl_int, clFinish, (cl_command_queue))

typedef struct cl_api {
#define CL_MEMBER(type, name, args) type(CL_API_CALL *name) args;
    CL_FUNCTIONS(CL_MEMBER)
#undef CL_MEMBER
} cl_api;

/* Find the loader and its functions; OMN_ERR_DEVICE says what is missing. [any] */
omn_status cl_api_load(cl_api *cl, omn_error *err);
/* "CL_OUT_OF_RESOURCES" */
const char *cl_error_name(cl_int e);
/* One message for what a driver answered: "OpenCL: clCreateBuffer: CL_OUT_OF_RESOURCES (-5)". */
omn_status cl_fail(omn_error *err, cl_int e, const char *what);

#endif
