/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the ICD loader at run time, and the names of what drivers answer. The loader stays in
 * memory: drivers have threads of their own. */
#include "api.h"

#include <dlfcn.h>
#include <string.h>

omn_status cl_api_load(cl_api *cl, omn_error *err)
{
    static const char *const names[] = { "libOpenCL.so.1", "libOpenCL.so" };
    void *lib = NULL;
    for (size_t i = 0; !lib && i < sizeof names / sizeof *names; i++)
        lib = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (!lib)
        return omn_fail(err, OMN_ERR_DEVICE,
                        "OpenCL: there is no ICD loader (libOpenCL.so.1), so no OpenCL devices");
#define CL_FIND(type, name, args)                                                                  \
    {                                                                                              \
        void *found = dlsym(lib, #name);                                                           \
        if (!found)                                                                                \
            return omn_fail(err, OMN_ERR_DEVICE, "OpenCL: the ICD loader lacks %s of OpenCL 1.2",  \
                            #name);                                                                \
        memcpy(&cl->name, &found, sizeof found);                                                   \
    }
    CL_FUNCTIONS(CL_FIND)
#undef CL_FIND
    return OMN_OK;
}

const char *cl_error_name(cl_int e)
{
    static const struct {
        cl_int number;
        const char *name;
    } names[] = {
#define NAME(n) { n, #n }
        NAME(CL_DEVICE_NOT_FOUND),
        NAME(CL_DEVICE_NOT_AVAILABLE),
        NAME(CL_COMPILER_NOT_AVAILABLE),
        NAME(CL_MEM_OBJECT_ALLOCATION_FAILURE),
        NAME(CL_OUT_OF_RESOURCES),
        NAME(CL_OUT_OF_HOST_MEMORY),
        NAME(CL_PROFILING_INFO_NOT_AVAILABLE),
        NAME(CL_BUILD_PROGRAM_FAILURE),
        NAME(CL_MAP_FAILURE),
        NAME(CL_MISALIGNED_SUB_BUFFER_OFFSET),
        NAME(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST),
        NAME(CL_INVALID_VALUE),
        NAME(CL_INVALID_DEVICE_TYPE),
        NAME(CL_INVALID_PLATFORM),
        NAME(CL_INVALID_DEVICE),
        NAME(CL_INVALID_CONTEXT),
        NAME(CL_INVALID_QUEUE_PROPERTIES),
        NAME(CL_INVALID_COMMAND_QUEUE),
        NAME(CL_INVALID_HOST_PTR),
        NAME(CL_INVALID_MEM_OBJECT),
        NAME(CL_INVALID_BINARY),
        NAME(CL_INVALID_BUILD_OPTIONS),
        NAME(CL_INVALID_PROGRAM),
        NAME(CL_INVALID_PROGRAM_EXECUTABLE),
        NAME(CL_INVALID_KERNEL_NAME),
        NAME(CL_INVALID_KERNEL),
        NAME(CL_INVALID_ARG_INDEX),
        NAME(CL_INVALID_ARG_VALUE),
        NAME(CL_INVALID_ARG_SIZE),
        NAME(CL_INVALID_KERNEL_ARGS),
        NAME(CL_INVALID_WORK_DIMENSION),
        NAME(CL_INVALID_WORK_GROUP_SIZE),
        NAME(CL_INVALID_WORK_ITEM_SIZE),
        NAME(CL_INVALID_GLOBAL_OFFSET),
        NAME(CL_INVALID_EVENT_WAIT_LIST),
        NAME(CL_INVALID_EVENT),
        NAME(CL_INVALID_OPERATION),
        NAME(CL_INVALID_BUFFER_SIZE),
        NAME(CL_INVALID_GLOBAL_WORK_SIZE),
#undef NAME
        { -1001, "CL_PLATFORM_NOT_FOUND_KHR" },
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].number == e) return names[i].name;
    return "an error without a name";
}

omn_status cl_fail(omn_error *err, cl_int e, const char *what)
{
    const bool memory = e == CL_OUT_OF_HOST_MEMORY || e == CL_MEM_OBJECT_ALLOCATION_FAILURE ||
                        e == CL_OUT_OF_RESOURCES;
    return omn_fail(err, memory ? OMN_ERR_MEMORY : OMN_ERR_DEVICE, "OpenCL: %s: %s (%d)", what,
                    cl_error_name(e), (int)e);
}
