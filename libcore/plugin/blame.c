/* SPDX-License-Identifier: Apache-2.0 */
/* From the way in which a process ended to one sentence about the file that it was loading. A kill
 * from outside (by a person, or the system without memory) is nobody's fault and not remembered. */
#include "blame.h"

#include <signal.h>
#include <sys/wait.h>

const char *blame_signal(int n)
{
    switch (n) {
    case SIGSEGV:
        return "segmentation fault";
    case SIGABRT:
        return "abort";
    case SIGBUS:
        return "bus error";
    case SIGILL:
        return "illegal instruction";
    case SIGFPE:
        return "arithmetic fault";
    case SIGSYS:
        return "bad system call";
    case SIGTRAP:
        return "trap";
    default:
        return "signal";
    }
}

void blame_status(int status, omn_buf *out)
{
    if (!WIFSIGNALED(status)) {
        omn_buf_printf(out, "bad\tends the process that loads it (exit status %d)",
                       WIFEXITED(status) ? WEXITSTATUS(status) : -1);
        return;
    }
    const int n = WTERMSIG(status);
    if (n == SIGKILL || n == SIGTERM || n == SIGINT || n == SIGHUP)
        omn_buf_printf(out, "stopped\tthe helper was stopped (signal %d) while it was looked at",
                       n);
    else
        omn_buf_printf(out, "bad\tcrashes while it is loaded (%s, signal %d)", blame_signal(n), n);
}

void blame_late(uint32_t limit_ms, omn_buf *out)
{
    omn_buf_printf(out, "late\twas not loaded within %u ms", limit_ms);
}
