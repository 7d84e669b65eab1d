/* SPDX-License-Identifier: Apache-2.0 */
/* The one way in which a plugin file is opened. RTLD_NOW: a missing symbol is an error here, not in
 * the middle of a run. RTLD_LOCAL: two plugins that define the same function do not meet. A symbol
 * that dlsym finds in a library which the file links does not count as its door. */
#include "load.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <string.h>

static const omn_plugin *own_door(void *handle)
{
    struct link_map *own = NULL, *its = NULL;
    Dl_info info;
    const void *sym = dlsym(handle, "omnio_plugin");
    if (!sym || dlinfo(handle, RTLD_DI_LINKMAP, &own) != 0 ||
        !dladdr1(sym, &info, (void **)&its, RTLD_DL_LINKMAP))
        return NULL;
    return own == its ? sym : NULL;
}

/* dlerror begins with the path, which the caller says anyway. */
static const char *link_error(const char *path)
{
    const char *why = dlerror();
    size_t n = strlen(path);
    if (!why) return "the dynamic linker does not say why";
    if (strncmp(why, path, n) == 0 && strncmp(why + n, ": ", 2) == 0) return why + n + 2;
    return why;
}

/* The linker has words alone to tell of failures. Some of them it says of a file that is there
 * although what it lacked was memory for the name. */
static bool out_of_memory(const char *why)
{
    return strstr(why, "memory") || !strcmp(why, "cannot open shared object file");
}

/* The dynamic linker is one for the whole process, so this lock is too, the only thing in the house
 * that contexts share. The linker has locks of its own; ours makes what a constructor of the plugin
 * wrote visible to every context that gets the same file, and to tools that look for races. */
static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;

omn_status load_door(const char *path, const omn_plugin **out, bool *linked, omn_error *err)
{
    segments mem = { 0 };
    pthread_mutex_lock(&loading);
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    pthread_mutex_unlock(&loading);
    *linked = handle != NULL;
    if (!handle) {
        const char *why = link_error(path);
        if (out_of_memory(why)) return omn_fail(err, OMN_ERR_MEMORY, "no memory to link it");
        return omn_fail(err, OMN_ERR_PLUGIN, "cannot be linked: %.600s", why);
    }
    const omn_plugin *p = own_door(handle);
    if (!p)
        return omn_fail(err, OMN_ERR_PLUGIN,
                        "exports no omnio_plugin; it is not a plugin of omnio");
    if (!segments_take(&mem)) return omn_fail(err, OMN_ERR_MEMORY, "no memory to look at it");
    omn_status st = door_check(p, &mem, err);
    segments_fini(&mem);
    if (st == OMN_OK) *out = p;
    return st;
}
