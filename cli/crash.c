/* SPDX-License-Identifier: Apache-2.0 */
/* When the program dies of a fault, whose code was it? The handler walks the frames; the outermost
 * one that lies in a plugin's file was entered by libomnio, so it is a function of one of the
 * plugin's objects, and file and object are named before the signal does what it always did.
 * Not everything here is promised to work in a handler (dladdr, dlopen of what is loaded): should
 * it hang in turn, the alarm ends it. */
#include "cli.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OWN_SIGNALS 0 /* a sanitizer tells more */
#else
#define OWN_SIGNALS 1
#endif

static void put(const char *text)
{
    if (write(STDERR_FILENO, text, strlen(text)) < 0) return;
}

/* The plugin that a frame lies in; NULL: none. */
static const omn_plugin *plugin_of(const void *frame, const char **file)
{
    Dl_info info;
    if (!dladdr(frame, &info) || !info.dli_fname || !strchr(info.dli_fname, '/')) return NULL;
    void *handle = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
    void *door = handle ? dlsym(handle, "omnio_plugin") : NULL;
    Dl_info its;
    if (!door || !dladdr(door, &its) || its.dli_fbase != info.dli_fbase) return NULL;
    *file = info.dli_fname;
    return door;
}

static void on_fault(int number)
{
    void *frames[64];
    const omn_plugin *plugin = NULL;
    const char *file = NULL;
    const void *at = NULL;
    signal(number, SIG_DFL);
    signal(SIGALRM, SIG_DFL);
    alarm(5);
    const int n = backtrace(frames, sizeof(frames) / sizeof(frames[0]));
    for (int i = n - 1; i >= 0 && !plugin; i--) {
        plugin = plugin_of(frames[i], &file);
        at = frames[i];
    }
    if (plugin) {
        const omn_object *o = omn_plugin_object_at(plugin, at);
        put("omnio: a plugin crashed: ");
        put(file);
        put(" (");
        put(plugin->name);
        if (o) put(", ");
        if (o) put(o->name);
        put(")\n");
    }
    raise(number);
}

void cli_crash_watch(void)
{
#if OWN_SIGNALS
    static const int faults[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };
    static _Alignas(16) unsigned char room[65536];
    void *frame;
    /* A stack that overflows leaves no room for the handler; the first backtrace loads libgcc. */
    const stack_t stack = { .ss_sp = room, .ss_size = sizeof(room) };
    struct sigaction act = { .sa_handler = on_fault, .sa_flags = (int)(SA_ONSTACK | SA_NODEFER) };
    (void)backtrace(&frame, 1);
    if (sigaltstack(&stack, NULL) != 0) act.sa_flags &= ~SA_ONSTACK;
    sigemptyset(&act.sa_mask);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        sigaction(faults[i], &act, NULL);
#else
    (void)on_fault;
#endif
}
