/* SPDX-License-Identifier: Apache-2.0 */
/* What the system says of each mapping of this process (proc_pid_smaps(5)): first a line of its
 * addresses, in hexadecimal digits, then lines of a name, a number and "kB". */
#include "libcore/base/resident.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

uint64_t resident_bytes(resident_but_fn *but, const void *user)
{
    char line[512];
    uint64_t bytes = 0, kilobytes;
    uintptr_t from, to;
    bool out = false, begins = true;
    FILE *f = fopen("/proc/self/smaps", "re");
    while (f && fgets(line, sizeof line, f)) {
        /* the rest of a long line, the name of a file, tells nothing */
        const bool first = begins;
        begins = strchr(line, '\n') != NULL;
        if (!first) continue;
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &from, &to) == 2)
            out = but && but(user, from, to);
        else if (!out && sscanf(line, "Rss: %" SCNu64 " kB", &kilobytes) == 1)
            bytes += 1024 * kilobytes;
    }
    if (f) fclose(f);
    return bytes;
}
