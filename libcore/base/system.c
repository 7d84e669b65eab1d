/* SPDX-License-Identifier: Apache-2.0 */
/* Turning what the operating system refused into one of our errors. strerror() may share its buffer
 * between threads, and strerror_r() exists with two different results; _Generic takes either. */
#include "libcore/base/system.h"

#include <errno.h>
#include <string.h>

static const char *of_number(int failed, const char *buf)
{
    return failed ? "unknown reason" : buf;
}

static const char *of_text(const char *text, const char *buf)
{
    (void)buf;
    return text;
}

omn_status system_fail(omn_error *err, int code, const char *path, const char *what)
{
    char buf[128] = "";
    const char *why = _Generic(strerror_r(code, buf, sizeof buf), int: of_number, char *: of_text)(
        strerror_r(code, buf, sizeof buf), buf);
    omn_status st = code == ENOENT || code == ENOTDIR ? OMN_ERR_MISSING
                    : code == ENOMEM                  ? OMN_ERR_MEMORY
                                                      : OMN_ERR_IO;
    return omn_fail(err, st, "%s: %s: %s", path, what, why);
}
